#!/bin/sh
# The recipe with no server: clicks through the command into SQLite, and the table printed.
# usage: run_local.sh SESSIONIZE FOLDER [OPTION OF sessionize generate...]
set -eu
sessionize=$1 folder=$2
shift 2
[ $# -gt 0 ] || set -- --events "${EVENTS:-300}"
mkdir -p "$folder"
cd "$folder"
rm -f sessions.db sessions.db-wal sessions.db-shm

bold= plain=
if [ -t 1 ]; then bold=$(printf '\033[1m') plain=$(printf '\033[0m'); fi
step() { printf '\n%s%s%s\n' "$bold" "$1" "$plain"; }

step "1. A session starts where a user was silent for more than 10 s, and is stored in a table"
echo "$ sessionize generate $* | sessionize --emit sessions --id time-of-day --into sessions.db"
"$sessionize" generate "$@" |
  "$sessionize" --emit sessions --id time-of-day --into sessions.db >sessions.jsonl

step "2. The table: a row a session, of all users"
if ! command -v sqlite3 >/dev/null; then
  echo "SKIPPED: sqlite3 is not installed, which would print $folder/sessions.db here"
  exit 0
fi
query="SELECT session_id, strftime('%H:%M:%S', session_start / 1000, 'unixepoch') AS session_time,
         user_id FROM sessions ORDER BY session_start, user_id"
echo "sqlite> $query;"
sqlite3 -header -column sessions.db "$query"

cat <<END

To go on:
  EVENTS=3000 cmake --build ... --target recipe_local   as many clicks as the recipe's simulator sends
  cmake --build ... --target recipe                     with a stream, a worker and DynamoDB's table
  sqlite3 $folder/sessions.db
  sessionize --help
END
