#!/usr/bin/env bash
# Random faults and reconfigurations on real daemons under load, with every history checked: kills of one and of all nodes, freezes,
# isolation, one-way cuts, lost packets and resets in network namespaces (root only), seals, reconfigurations.
#   ./scripts/soak.sh --minutes M [--seed S] [--tables]
# --tables: six daemons, three of them with tables, whose users' histories are checked; else three daemons and the log alone.
# Prints one line per round and a summary; exits 1 at the first violation.
set -euo pipefail
cd "$(dirname "$0")/.."
usage() { sed -n '2,6s/^# \{0,1\}//p' "$0"; }
minutes="" seed=$RANDOM fixture=SoakTests
while [ $# -gt 0 ]; do
  case "$1" in
    --minutes) minutes=${2:?--minutes needs a number}; shift 2 ;;
    --seed) seed=${2:?--seed needs a number}; shift 2 ;;
    --tables) fixture=TableNemesisTests; shift ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
done
[ -n "$minutes" ] || { usage >&2; exit 2; }
. scripts/need.sh
need ip iproute2
need nft nftables
[ "$fixture" = SoakTests ] || need_library librocksdb librocksdb7.8
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
dotnet build tests/Delos.Tests.csproj -c Release -v quiet -nologo
echo "seed $seed"
DELOS_SOAK_MINUTES=$minutes DELOS_SOAK_SEED=$seed dotnet test tests/Delos.Tests.csproj -c Release --no-build -nologo \
  --filter "FullyQualifiedName~.$fixture." --logger "console;verbosity=detailed"
