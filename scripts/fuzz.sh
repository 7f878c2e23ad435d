#!/usr/bin/env bash
# Fuzzes decoders, configuration, recovery and live connections for a time; exits 1 on a finding, whose input it prints.
#   ./scripts/fuzz.sh --minutes M [--target NAME] [--seed S]
# M minutes in all, in equal parts for the targets (tests/Fuzzing/*FuzzTests.cs); --target Frame: only FrameFuzzTests.
# A finding names its round: DELOS_FUZZ_SEED=… DELOS_FUZZ_ROUNDS=1 ./scripts/test.sh --filter 'FullyQualifiedName~…' repeats it.
set -euo pipefail
cd "$(dirname "$0")/.."
usage() { sed -n '2,5s/^# \{0,1\}//p' "$0"; }
minutes="" target="" seed=$((RANDOM * 32768 + RANDOM))000000
while [ $# -gt 0 ]; do
  case "$1" in
    --minutes) minutes=${2:?--minutes needs a number}; shift 2 ;;
    --target) target=${2:?--target needs a name}; shift 2 ;;
    --seed) seed=${2:?--seed needs a number}; shift 2 ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
done
[[ $minutes =~ ^[0-9]+$ && $seed =~ ^[0-9]+$ ]] || { usage >&2; exit 2; }
targets=(tests/Fuzzing/"$target"*FuzzTests.cs)
[ -e "${targets[0]}" ] || { echo "fuzz.sh: no target $target; there are:" tests/Fuzzing/*FuzzTests.cs >&2; exit 2; }
filter=$(for file in "${targets[@]}"; do printf '|FullyQualifiedName~.%s.' "$(basename "$file" .cs)"; done)
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
dotnet build tests/Delos.Tests.csproj -c Release -v quiet -nologo
echo "seed $seed"
DELOS_FUZZ_SECONDS=$((minutes * 60 / ${#targets[@]})) DELOS_FUZZ_SEED=$seed dotnet test tests/Delos.Tests.csproj -c Release --no-build -nologo \
  --filter "${filter:1}" --logger "console;verbosity=normal"
