#!/usr/bin/env bash
# Measures Delos by itself on this machine: what the VirtualLog adds to a Loglet, what stripes cost and bring, how soon readers have what was appended, how fast they catch up, what they cost
# the appenders, what a table does, converged and disaggregated, and how much memory the daemons take. Takes about 25 minutes; nothing else should run meanwhile. Writes results.md into --output.
#   ./scripts/bench-alone.sh [--only layers|stripes|follow|catch-up|readers|table-mix|memory...] [--rounds R] [--seconds T] [--minutes M] [--output DIR] [--data DIR]
set -euo pipefail
cd "$(dirname "$0")/.."
case "${1:-}" in -h | --help) sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
./scripts/delosd --version >/dev/null
dotnet build bench/Delos.Bench.csproj -c Release -v quiet -nologo
exec bench/bin/Release/net10.0/Delos.Bench alone --delosd artifacts/delosd/delosd "$@"
