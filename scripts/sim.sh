#!/usr/bin/env bash
# Runs the deterministic simulator of whole clusters; exits 1 on a violation.
#   ./scripts/sim.sh --seeds A..B [--steps N]     N: virtual milliseconds under faults for each seed (1500 unless given)
set -euo pipefail
cd "$(dirname "$0")/.."
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
seeds=1..500 steps=1500
while [ $# -gt 0 ]; do
  case "$1" in
    --seeds) seeds=${2:?--seeds needs A..B}; shift 2 ;;
    --steps) steps=${2:?--steps needs a number}; shift 2 ;;
    *) sed -n '2,3s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
done
dotnet build tests -c Release -v quiet -nologo
exec dotnet test tests -c Release --no-build -nologo --filter 'Name=Whole_clusters_keep_their_promises_under_faults' --logger 'console;verbosity=detailed' \
  -- "TestRunParameters.Parameter(name=\"seeds\", value=\"$seeds\")" "TestRunParameters.Parameter(name=\"steps\", value=\"$steps\")"
