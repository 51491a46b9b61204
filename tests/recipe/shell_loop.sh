#!/bin/bash
# A shell loop that puts clicks by the AWS command line, as the recipe's simulator is one: what it
# has put is read by the worker, and the table has the sessions that the command sessionize finds in
# the same clicks. Neither the loop nor the programs know that the servers are local: that is in the
# command line's configuration.
# usage: shell_loop.sh SESSIONIZE WORKER PRINT_SESSIONS [SHARED]
#   With the folder that has the recipe's page (SESSIONIZE_SHARED is one too), the loop is the one
#   that is written there, word for word.
# Runs beside the local servers (../aws/run.mjs).
set -eu
sessionize=$1 worker=$2 print_sessions=$3 page=
if [ $# -gt 3 ]; then page=${SESSIONIZE_SHARED:-$4}/RECIPE.md; fi
events=6

for program in aws envsubst; do
  if ! command -v "$program" >/dev/null; then
    echo "SKIPPED: $program is not installed"
    exit 0
  fi
done
if [ -n "$page" ] && [ ! -f "$page" ]; then
  echo "SKIPPED: the recipe's page is not at $page (SESSIONIZE_SHARED names its folder)"
  exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# All that is needed of the command line's configuration. Version 1 takes data as it is; version 2
# takes base64 where it is not told this.
cat >config <<END
[default]
region = $AWS_REGION
cli_binary_format = raw-in-base64-out
endpoint_url = $AWS_ENDPOINT_URL
END
cat >credentials <<END
[default]
aws_access_key_id = $AWS_ACCESS_KEY_ID
aws_secret_access_key = $AWS_SECRET_ACCESS_KEY
END
# Runs a command that knows of the servers by these files alone.
configured() {
  env -u AWS_ENDPOINT_URL -u AWS_REGION -u AWS_DEFAULT_REGION -u AWS_ACCESS_KEY_ID \
    -u AWS_SECRET_ACCESS_KEY AWS_CONFIG_FILE=config AWS_SHARED_CREDENTIALS_FILE=credentials \
    AWS_PAGER= "$@"
}

# The block of code behind a heading of the page.
block() {
  awk -v heading="## $1" '$0 == heading { found = 1 } found && /^```/ { if (inside) exit; inside = 1; next }
    inside' "$page"
}
if [ -n "$page" ]; then
  block "template event (shell)" >loop.sh
  block "simulator (shell)" >>loop.sh
else
  cat >loop.sh <<'END'
printf '{"user_id": "%s",\n "event_timestamp": "%s",\n "event_name": "%s",\n "device_type": "desktop"}\n' \
  '$USER_ID' '$EVENT_TIMESTAMP' '$EVENT_NAME' >click.json
names=(search detail checkout)
for i in $(seq 1 3000); do
  export USER_ID=user$((RANDOM % 3 + 1)) EVENT_NAME=${names[RANDOM % 3]}
  export EVENT_TIMESTAMP=$(date +%s)000
  JSON=$(envsubst <click.json)
  echo $JSON
  aws kinesis put-record --stream-name lab-stream --partition-key 1 --data "$JSON"
  sleep 2
done
END
fi
[ "$(grep -c 'aws kinesis put-record' loop.sh)" = 1 ]
# Fewer times, faster, and the same clicks each time but for their times.
cat >short.sh <<END
seq() { command seq 1 $events; }
sleep() { command sleep 0.1; }
RANDOM=7
. ./loop.sh
END

configured aws kinesis create-stream --stream-name lab-stream --shard-count 1
configured aws kinesis wait stream-exists --stream-name lab-stream
configured bash short.sh | tee said
# The lines that the loop shows, which are its clicks.
grep '^{ *"user_id"' said >clicks.jsonl || true
[ "$(wc -l <clicks.jsonl)" = "$events" ]
[ "$(grep -c '"SequenceNumber"' said)" = "$events" ]

# A shorter gap, because the test cannot wait for the recipe's.
set -- --gap 4s --emit starts --id time-of-day
"$worker" --stream lab-stream --table sessions --state worker.state --once "$@"
"$print_sessions" sessions | tee table
export LC_ALL=C
"$sessionize" --format csv "$@" clicks.jsonl | awk -F, 'NR > 1 { print $2, $3, $1 }' | sort >expected
awk 'NR > 2 { print $1, $2, $3 }' table | sort >rows
[ -s expected ]
diff expected rows
