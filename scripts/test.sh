#!/usr/bin/env bash
# Runs every test: style, build without warnings, unit, socket, storage and process tests. Needs the .NET 10 SDK; some fault tests need root.
#   ./scripts/test.sh                 everything
#   ./scripts/test.sh --filter EXPR   only what matches (the filter of `dotnet test`), without the style check
set -euo pipefail
cd "$(dirname "$0")/.."
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

usage() { sed -n '2,4s/^# \{0,1\}//p' "$0"; }
filter=()
case "${1:-}" in
  "") ;;
  --filter) filter=(--filter "${2:?--filter needs an expression}") ;;
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

step() { printf '\n== %s (%s s)\n' "$1" "$SECONDS"; }

step "build"
dotnet build Delos.Native.sln -c Release -v quiet -nologo
if [ ${#filter[@]} = 0 ]; then
  step "style"
  dotnet format Delos.Native.sln --no-restore --verify-no-changes
fi

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
status=0
models=
if [ ${#filter[@]} = 0 ]; then
  # The models are checked beside the tests, which leave the processors idle for a part of the time.
  nice -n 15 tests/models/check.sh >"$results/models.txt" 2>&1 &
  models=$!
fi

step "tests"
dotnet test tests/Delos.Tests.csproj -c Release --no-build -nologo "${filter[@]}" \
  --logger "trx;LogFileName=results.trx" --logger "console;verbosity=minimal" --results-directory "$results" || status=$?

if [ -n "$models" ]; then
  step "models of the protocol (tests/models)"
  wait "$models" || status=1
  grep -v '^ok' "$results/models.txt" || { echo "the models said nothing" >&2; status=1; }
fi

# One plain line that says what was run, whatever the runner printed.
counters=$(grep -o '<Counters [^>]*>' "$results/results.trx" || true)
count() { sed -n "s/.* $1=\"\([0-9]*\)\".*/\1/p" <<<"$counters"; }
passed=$(count passed) failed=$(count failed) total=$(count total) executed=$(count executed)
printf '\n%s s\n%s passed, %s failed\n' "$SECONDS" "${passed:-0}" "${failed:-0}"
if [ "${executed:-0}" = 0 ]; then echo "no test ran" >&2; exit 1; fi
if [ "${total:-0}" != "${executed:-0}" ]; then echo "$((total - executed)) tests were skipped: nothing may be skipped" >&2; exit 1; fi
exit $status
