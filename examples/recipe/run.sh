#!/bin/sh
# The recipe end to end, on local servers: clicks on a stream, their sessions in a table, the table
# printed.
# usage: run.sh PRODUCER WORKER PRINT_SESSIONS PACKAGES FOLDER [OPTION OF THE PRODUCER...]
#   (three programs, a folder for the servers, and one for what this run makes)
set -eu
recipe=$(cd "$(dirname "$0")" && pwd)

if [ -z "${LOCAL_KINESIS_URL:-}" ]; then
  if ! node=$(command -v node || command -v nodejs); then
    echo "SKIPPED: node is not installed, which the local servers run on; the target recipe_local needs no server"
    exit 0
  fi
  exec "$node" "$recipe/../../tests/aws/run.mjs" --kinesis kinesalite --packages "$4" \
    -- sh "$recipe/run.sh" "$@"
fi

producer=$1 worker=$2 print_sessions=$3 folder=$5
shift 5
[ $# -gt 0 ] || set -- --events "${EVENTS:-300}"
mkdir -p "$folder"
cd "$folder"
# The servers are new each time, and this is what an earlier run knew of them.
rm -f worker.state

bold= plain=
if [ -t 1 ]; then bold=$(printf '\033[1m') plain=$(printf '\033[0m'); fi
step() { printf '\n%s%s%s\n' "$bold" "$1" "$plain"; }
# Shows a command by its name alone, and runs it.
run() {
  program=$1
  shift
  echo "$ $(basename "$program") $*"
  "$program" "$@"
}

step "1. Kinesis ($LOCAL_KINESIS) and DynamoDB (dynalite) listen, behind a proxy that checks signatures"
echo "AWS_ENDPOINT_URL=$AWS_ENDPOINT_URL"

step "2. Clicks are put on a stream of two shards, each user's in their order"
run "$producer" --stream lab-stream --create 2 "$@"

step "3. A session starts where a user was silent for more than 10 s, and is stored in a table"
run "$worker" --stream lab-stream --emit starts --id time-of-day --table sessions \
  --state worker.state --once

step "4. The table: a row a session, of all users"
run "$print_sessions" sessions

cat <<END

To go on:
  EVENTS=3000 cmake --build ... --target recipe   as many clicks as the recipe's simulator sends
  kinesis_worker without --once                   runs until it is stopped, and goes on from there
  kinesis_producer --twice 0.1                    what comes twice changes no session
  examples/recipe/README.md                       what each part became, and what to change for AWS
END
