#!/bin/sh
# Runs a command that prints a table of sessions, and compares its rows with what the command
# sessionize says of the same clicks.
# usage: compare.sh SESSIONIZE "OPTIONS OF sessionize generate" COMMAND ARGUMENT...
set -eu
sessionize=$1 clicks=$2
shift 2

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$@" >"$work/printed"
cat "$work/printed"
if grep -q '^SKIPPED: ' "$work/printed"; then exit 0; fi

# In the order of their bytes: of two sessions that start at one time any may come first.
export LC_ALL=C
# shellcheck disable=SC2086  # options
"$sessionize" generate $clicks |
  "$sessionize" --emit starts --id time-of-day --format csv |
  awk -F, 'NR > 1 { print $2, $3, $1 }' | sort >"$work/expected"
awk 'NF == 3 && $1 ~ /^user[0-9]+_/ { print $1, $2, $3 }' "$work/printed" | sort >"$work/rows"
[ -s "$work/expected" ]
diff "$work/expected" "$work/rows"
