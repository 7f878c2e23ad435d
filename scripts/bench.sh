#!/usr/bin/env bash
# Runs the benchmarks of the parts and of appends from end to end (BenchmarkDotNet), and compares with the stored results; fails if something allocates more than it did. Nothing else should run meanwhile.
#   ./scripts/bench.sh [--save] [--filter GLOB]    --save: store the results as bench/baseline.json; GLOB: '*SteadyAppend*' for instance, default all (about 5 minutes)
set -euo pipefail
cd "$(dirname "$0")/.."
usage() { sed -n '2,3s/^# \{0,1\}//p' "$0"; }
save="" filter='*'
while [ $# -gt 0 ]; do
  case "$1" in
    --save) save=--save; shift ;;
    --filter) filter=${2:?--filter needs a pattern}; shift 2 ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
done
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
dotnet build bench/Delos.Bench.csproj -c Release -v quiet -nologo
rm -rf BenchmarkDotNet.Artifacts/results
bench/bin/Release/net10.0/Delos.Bench --filter "$filter" --exporters briefjson
exec bench/bin/Release/net10.0/Delos.Bench baseline $save
