#!/bin/sh
# The whole job: simulated clicks in, a table of sessions in SQLite out.
# usage: run.sh SESSIONIZE FOLDER   (the command, and a folder for what it makes)
set -eu
sessionize=$1
folder=$2
mkdir -p "$folder"
cd "$folder"
rm -f clicks.jsonl records.jsonl sessions.db sessions.db-wal sessions.db-shm

bold= plain=
if [ -t 1 ]; then bold=$(printf '\033[1m') plain=$(printf '\033[0m'); fi
step() { printf '\n%s%s%s\n' "$bold" "$1" "$plain"; }

step "1. 3,000 clicks of three users, one every two seconds, a pause of 15 s after every 60"
echo '$ sessionize generate > clicks.jsonl'
"$sessionize" generate >clicks.jsonl
head -n 3 clicks.jsonl
echo "... $(wc -l <clicks.jsonl) lines"

step "2. A session starts where a user was silent for more than 10 s"
echo '$ sessionize --into sessions.db --stats clicks.jsonl > records.jsonl'
"$sessionize" --into sessions.db --stats clicks.jsonl >records.jsonl
echo
head -n 3 records.jsonl
echo "... $(wc -l <records.jsonl) records"

step "3. The table of sessions"
if ! command -v sqlite3 >/dev/null; then
  echo "sessions.db is in $folder; install sqlite3 to look into it here"
  exit 0
fi
ask() {
  echo "sqlite> $1;"
  sqlite3 -box sessions.db "$1"
}
ask "SELECT session_id, user_id, events, duration_ms / 1000.0 AS seconds, reason
     FROM sessions ORDER BY session_start LIMIT 8"
ask "SELECT user_id, count(*) AS sessions, sum(events) AS events, max(events) AS most_events,
       round(avg(duration_ms) / 1000, 1) AS mean_seconds, max(duration_ms) / 1000 AS longest_seconds
     FROM sessions GROUP BY user_id"
ask "SELECT count(*) AS sessions, sum(events) AS events FROM sessions"
printf '\nIt is all in %s\n' "$folder"
