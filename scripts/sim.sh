#!/usr/bin/env bash
# Runs the deterministic simulator of whole clusters; exits 1 on a violation.
#   ./scripts/sim.sh --seeds A..B [--steps N] [--tables]
# N: virtual milliseconds under faults for each seed (1500 unless given)
# --tables: replicas of tables on the clusters' logs, and applications that use them, instead of clients that append and read
set -euo pipefail
cd "$(dirname "$0")/.."
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
seeds=1..500 steps=1500 name=Whole_clusters_keep_their_promises_under_faults
while [ $# -gt 0 ]; do
  case "$1" in
    --seeds) seeds=${2:?--seeds needs A..B}; shift 2 ;;
    --steps) steps=${2:?--steps needs a number}; shift 2 ;;
    --tables) name=Replicas_of_tables_keep_their_promises_under_faults; shift ;;
    --help) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit ;;
    *) sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
done
dotnet build tests -c Release -v quiet -nologo
exec dotnet test tests -c Release --no-build -nologo --filter "Name=$name" --logger 'console;verbosity=detailed' \
  -- "TestRunParameters.Parameter(name=\"seeds\", value=\"$seeds\")" "TestRunParameters.Parameter(name=\"steps\", value=\"$steps\")"
