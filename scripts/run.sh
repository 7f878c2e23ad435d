#!/usr/bin/env bash
# The main job, on real input: three daemons, a real text file through the log, the death of the sequencer's node in mid-stream; then a real table of 60,000 rows, the death of a table node in mid-import, a transaction, index and watch.
#   ./scripts/run.sh [FILE]     FILE: any text file; default: the list of all files that this machine's packages installed
# Needs the .NET 10 SDK on a Debian machine; installs librocksdb if it is missing (needs root). Everything is stopped and removed at the end; KEEP=1 keeps the directory with the nodes' logs.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
case "${1:-}" in -h | --help) sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
[ $# -le 1 ] || { sed -n '2,4s/^# \{0,1\}//p' "$0" >&2; exit 2; }
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
command -v dotnet >/dev/null || { echo "run.sh: the .NET 10 SDK is not on PATH (Debian: see https://learn.microsoft.com/dotnet/core/install/linux-debian)" >&2; exit 1; }

cd "$root"
. scripts/need.sh
need_library librocksdb librocksdb7.8
work=$(mktemp -d "${TMPDIR:-/tmp}/delos-run.XXXXXX")
pids=("" "" "" "")
cleanup() {
  local pid
  for pid in "${pids[@]}"; do [ -z "$pid" ] || kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do [ -z "$pid" ] || wait "$pid" 2>/dev/null || true; done
  if [ "${KEEP:-0}" = 1 ]; then echo "kept: $work"; else rm -rf "$work"; fi
}
trap cleanup EXIT
fail() { echo "FAILED: $*" >&2; tail -n 5 "$work"/node-*.log >&2 2>/dev/null || true; exit 1; }
say() { printf '\n== %s\n' "$*"; }

say "build"
"$root/scripts/delosd" --version
delosd="$root/artifacts/delosd/delosd"

file=${1:-}
if [ -z "$file" ]; then
  file="$work/input.txt"
  cat /var/lib/dpkg/info/*.list >"$file" 2>/dev/null || cat /usr/share/common-licenses/* >"$file"
fi
[ -s "$file" ] || fail "$file is no readable file with something in it"
lines=$(awk 'END { print NR }' "$file")
half=$((lines / 2))

base=${DELOS_PORT:-7451}
metastore="127.0.0.1:$base, 127.0.0.1:$((base + 1)), 127.0.0.1:$((base + 2))"
export DELOS_ENDPOINTS="delos://${metastore//, /,}"

launch() { # node number
  "$delosd" run --config "$work/node-$1.conf" >"$work/node-$1.out" 2>>"$work/node-$1.log" &
  pids[$1]=$!
}

await() { # node number
  for _ in $(seq 300); do
    if grep -q '^READY' "$work/node-$1.out"; then printf 'node %s: pid %s, %s\n' "$1" "${pids[$1]}" "$(cat "$work/node-$1.out")"; return; fi
    kill -0 "${pids[$1]}" 2>/dev/null || fail "node $1 ended at its start"
    sleep 0.1
  done
  fail "node $1 is not ready after 30 s"
}

say "three daemons, each initialised once: $work"
cluster=$(cat /proc/sys/kernel/random/uuid)
for n in 1 2 3; do
  cat >"$work/node-$n.conf" <<CONF
[node]
id = $n
listen = 127.0.0.1:$((base + n - 1))
data = $work/node-$n

[roles]
table = true

[cluster]
id = $cluster
metastore = $metastore
CONF
  "$delosd" init --config "$work/node-$n.conf"
done
for n in 1 2 3; do launch "$n"; done
for n in 1 2 3; do await "$n"; done

say "first append, and the chain before"
"$delosd" log append "The log begins." >/dev/null
"$delosd" chain show

say "append $lines lines; the sequencer's node is killed (SIGKILL) in mid-stream"
victim=$("$delosd" chain show -o json | tr -d ' \n' | grep -o '"sequencer[A-Za-z]*":[0-9]*' | tail -1 | grep -o '[0-9]*$')
echo "the active sequencer runs on node $victim, pid ${pids[$victim]}"
{ head -n "$half" "$file"; kill -9 "${pids[$victim]}"; tail -n +"$((half + 1))" "$file"; } | "$delosd" log append - -o json >"$work/appended.json" || fail "an append failed"
wait "${pids[$victim]}" 2>/dev/null || true
pids[$victim]=""
cat "$work/appended.json"
echo "write gap that the client saw: $(grep -o '"longest_gap_ms": *[0-9.]*' "$work/appended.json" | grep -o '[0-9.]*$') ms"

say "the chain after"
"$delosd" chain show

say "read everything back and compare"
"$delosd" log read | tail -n +2 >"$work/output.txt"
want=$(awk 1 "$file" | sha256sum | cut -d' ' -f1)
got=$(sha256sum "$work/output.txt" | cut -d' ' -f1)
printf 'appended %s lines, sha256 %s\nread     %s lines, sha256 %s\n' "$lines" "$want" "$(awk 'END { print NR }' "$work/output.txt")" "$got"
[ "$want" = "$got" ] || fail "what was read is not what was appended"

restart() { # node number
  say "restart node $1 and wait until its replicas are full again"
  launch "$1"
  await "$1"
  for i in $(seq 120); do
    if "$delosd" status >"$work/status.txt" 2>&1; then break; fi
    [ "$i" -lt 120 ] || { cat "$work/status.txt"; fail "node $1 is not full after 60 s"; }
    sleep 0.5
  done
  cat "$work/status.txt"
}
restart "$victim"

say "a table of the lines of this machine's text files"
rows=60000
{ find /usr /etc -xdev -type f \( -name '*.pm' -o -name '*.xml' -o -name '*.txt' -o -name '*.conf' \) ! -name '*[,"]*' 2>/dev/null || true; } | LC_ALL=C sort >"$work/files.txt"
{ tr '\n' '\0' <"$work/files.txt" | LC_ALL=C xargs -0 -r awk '{ printf "%s,%d,%d,%d\n", FILENAME, FNR, length($0), NF }' 2>/dev/null || true; } | LC_ALL=C awk -v rows="$rows" 'BEGIN { print "file,line,bytes,words" } NR > rows { exit } /^[ -~]*$/' >"$work/lines.csv"
rows=$(($(wc -l <"$work/lines.csv") - 1))
[ "$rows" -ge 50000 ] || fail "this machine has only $rows lines of text in /usr and /etc"
"$delosd" table create lines file:string line:int64 bytes:int64 words:int64 note:string? --key file,line --index by_bytes=bytes
"$delosd" table watch lines -o json >"$work/watched.json" 2>>"$work/watch.log" &
watch=$!
pids+=("$watch")

say "import of $rows rows; a table node is killed (SIGKILL) in mid-import, while a watch looks on"
second=$((victim % 3 + 1))
"$delosd" table import lines "$work/lines.csv" &
import=$!
for _ in $(seq 600); do
  [ "$(wc -l <"$work/watched.json")" -gt 5000 ] && break
  kill -0 "$import" 2>/dev/null || break
  sleep 0.05
done
kill -0 "$import" 2>/dev/null || fail "the import was over before a node could be killed"
echo "node $second, pid ${pids[$second]}, is killed"
kill -9 "${pids[$second]}"
wait "${pids[$second]}" 2>/dev/null || true
pids[$second]=""
wait "$import" || fail "the import failed"
"$delosd" table describe lines

say "a transaction over two rows: both or none"
first=$(sed -n 2p "$work/lines.csv" | cut -d, -f1)
"$delosd" table txn "update lines \"file=$first\" line=1 note=first if exists" "insert lines \"file=$first\" line=0 bytes=0 words=0 note=zeroth"
if "$delosd" table txn "update lines \"file=$first\" line=1 note=never" "check lines \"file=$first\" line=0 if absent" 2>"$work/refused.txt"; then fail "a transaction was done though its condition did not hold"; fi
cat "$work/refused.txt"
"$delosd" table scan lines --prefix "$first" --limit 2

say "the longest lines, by the index"
"$delosd" table scan lines --index by_bytes --reverse --limit 5 --columns file,line,bytes
want=$(awk -F, 'NR > 1 && $3 >= 200' "$work/lines.csv" | wc -l)
got=$("$delosd" table scan lines --index by_bytes --from 200 --columns line -o json | wc -l)
echo "lines of 200 bytes and more: $want in the file, $got by the index"
[ "$want" = "$got" ] || fail "the index does not show what is in the file"

say "what the watch saw"
for _ in $(seq 200); do
  [ "$(wc -l <"$work/watched.json")" -ge $((rows + 2)) ] && break
  sleep 0.1
done
kill "$watch" && wait "$watch" || fail "the watch failed: $(tail -n 1 "$work/watch.log")"
seen=$(wc -l <"$work/watched.json")
echo "$seen changes: $rows imported rows, and two of the transaction"
[ "$seen" = $((rows + 2)) ] || fail "the watch missed changes, or saw some twice"

restart "$second"
for i in $(seq 150); do
  sums=$({ "$delosd" status -o json || true; } | tr -d ' \n' | grep -o '"checksum":"[0-9a-f]*"' | sort -u)
  if [ "$(printf '%s\n' "$sums" | wc -l)" = 1 ]; then break; fi
  [ "$i" -lt 150 ] || fail "the replicas of the table differ: $sums"
  sleep 0.2
done
echo "all three replicas of the table have the same state, $sums"

say "all is well: nothing lost, nothing doubled, nodes $victim and $second are full again"
