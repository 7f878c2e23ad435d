#!/usr/bin/env bash
# Runs every test: build without warnings or faults of style, unit, socket, storage and process tests. Needs the .NET 10 SDK; some fault tests need root.
#   ./scripts/test.sh                 everything
#   ./scripts/test.sh --filter EXPR   only what matches (the filter of `dotnet test`), without the style check
set -euo pipefail
cd "$(dirname "$0")/.."
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

usage() { sed -n '2,4s/^# \{0,1\}//p' "$0"; }
filter=
case "${1:-}" in
  "") ;;
  --filter) filter=${2:?--filter needs an expression} ;;
  -h | --help) usage; exit 0 ;;
  *) usage >&2; exit 2 ;;
esac

command -v dotnet >/dev/null || { echo "test.sh: the .NET 10 SDK is not on PATH (Debian: see https://learn.microsoft.com/dotnet/core/install/linux-debian)" >&2; exit 1; }

# Debian packages that tests drive; what is missing is installed.
. scripts/need.sh
need strace strace
need spin spin
need gcc gcc
need ip iproute2
need nft nftables
need_library librocksdb librocksdb7.8

step() { printf '\n== %s (%s s)\n' "$1" "$SECONDS"; }

results=$(mktemp -d)
# A failing kill, when nothing runs any more, would become this script's exit code.
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$results"' EXIT
status=0

# The models of the protocol need nothing that is built, and fill what the build and the tests leave of the processors.
models=()
if [ -z "$filter" ]; then
  for part in 1 2; do
    nice -n 10 tests/models/check.sh --part $part/2 >"$results/models-$part" 2>&1 &
    models+=($!)
  done
fi

step "build"
dotnet build Delos.Native.sln -c Release -v quiet -nologo

# Prints what the runner said once it is through, so that two of them at a time do not mix. A test that hangs is named and ends the run.
run_tests() { # name [filter] [nice] [run parameter]
  nice -n "${3:-0}" dotnet test tests/Delos.Tests.csproj -c Release --no-build -nologo ${2:+--filter "$2"} \
    --logger "trx;LogFileName=$1.trx" --logger "console;verbosity=minimal" --blame-hang-timeout 5m --blame-hang-dump-type none --results-directory "$results" ${4:+-- "TestRunParameters.Parameter($4)"} >"$results/$1.txt" 2>&1
}

if [ -n "$filter" ]; then
  step "tests that match $filter"
  run_tests all "$filter" || status=1
  cat "$results/all.txt"
else
  # What is longest begins first. Side by side: the tests of real processes, which come before all others, and those of one process, in two halves, so that there is work for two processors to the end.
  searches='FullyQualifiedName~Simulation|FullyQualifiedName~Fuzzing'
  run_tests searches "TestCategory!=Process&($searches)" 5 &
  halves=($!)
  run_tests others 'TestCategory!=Process&FullyQualifiedName!~Simulation&FullyQualifiedName!~Fuzzing' 5 &
  halves+=($!)

  # Real processes are the ones that users get, compiled ahead of time: hundreds of them are started, and each start costs half.
  step "ahead-of-time build of delosd"
  ./scripts/delosd --version

  # Most of the time they wait: for timeouts, restarts, disks. So two at a time; each run has its own names of networks and disks.
  step "tests"
  delosd="name=\"delosd\",value=\"$PWD/artifacts/delosd/delosd\""
  run_tests nemesis 'TestCategory=Process&FullyQualifiedName~Nemesis' 0 "$delosd" &
  processes=($!)
  run_tests processes 'TestCategory=Process&FullyQualifiedName!~Nemesis' 0 "$delosd" &
  processes+=($!)

  step "style"
  scripts/check-files.sh || status=1
  for half in "${halves[@]}"; do wait "$half" || status=1; done
  step "tests of one process are through"
  cat "$results/searches.txt" "$results/others.txt"
  for part in "${processes[@]}"; do wait "$part" || status=1; done
  step "tests of real processes are through"
  cat "$results/nemesis.txt" "$results/processes.txt"
  for model in "${models[@]}"; do wait "$model" || status=1; done
  step "models of the protocol (tests/models) are through"
  grep -hv '^ok' "$results"/models-? || { echo "the models said nothing" >&2; status=1; }
fi

# One plain line that says what was run, whatever the runner printed.
count() { grep -ho '<Counters [^>]*>' "$results"/*.trx | sed -n "s/.* $1=\"\([0-9]*\)\".*/\1/p" | awk '{ n += $1 } END { print n + 0 }'; }
passed=$(count passed) failed=$(count failed) total=$(count total) executed=$(count executed)
printf '\n%s s\n%s passed, %s failed\n' "$SECONDS" "$passed" "$failed"
if [ "$executed" = 0 ]; then echo "no test ran" >&2; exit 1; fi
if [ "$total" != "$executed" ]; then echo "$((total - executed)) tests were skipped: nothing may be skipped" >&2; exit 1; fi
exit $status
