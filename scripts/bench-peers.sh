#!/usr/bin/env bash
# Measures Delos (its log, or with `table` its tables), etcd, ZooKeeper and NATS JetStream side by side on this machine: three servers each, on loopback, the same closed-loop load in turns. Installs the peers from
# Debian (root only). Takes about 20 minutes; nothing else should run meanwhile. Writes results.md and plots into --output.
#   ./scripts/bench-peers.sh [log|table] [--rounds R] [--seconds T] [--sizes B...] [--outstanding K...] [--kills N] [--peers delos|delos-striped|delos-table|etcd|zookeeper|nats...] [--output DIR] [--data DIR]
set -euo pipefail
cd "$(dirname "$0")/.."
case "${1:-}" in -h | --help) sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
. scripts/need.sh
need java default-jre-headless
need etcd etcd-server
need nats-server nats-server
[ -f /etc/zookeeper/conf/environment ] || need zookeeper-is-not-installed zookeeper
./scripts/delosd --version >/dev/null
dotnet build bench/Delos.Bench.csproj -c Release -v quiet -nologo
exec bench/bin/Release/net10.0/Delos.Bench peers --delosd artifacts/delosd/delosd "$@"
