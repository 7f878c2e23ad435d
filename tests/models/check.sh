#!/bin/bash
# Runs every model, which must hold, and every mutant, which must fail; prints one line for each and exits with 1 if one surprises.
# Needs spin 6 and a C compiler, at most 4 GB of memory and 30 seconds for one run.
#   ./check.sh            all
#   ./check.sh TEXT       only the lines that contain TEXT, e.g. striped or "trap 1"
#   ./check.sh --part K/N    every Nth run, from the Kth on: for N of them at a time
#   PAN_PREFIX="nice -n 19" ./check.sh     put a command before each run of a verifier
set -u
for tool in spin gcc; do command -v $tool >/dev/null || { echo "check.sh: $tool is missing: apt-get install $tool" >&2; exit 1; }; done
cd "$(dirname "$0")" || exit 1
part=1 parts=1
if [ "${1:-}" = --part ]; then part=${2%/*} parts=${2#*/}; shift 2; fi
only=${1:-}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
bad=0 runs=0 held=0 failed=0 seen=0

# A mutant's verifier searches in the other order, of processes and of transitions: observers and clients come first, and the failure after thousands of states instead of millions. So optimizing it, which takes more
# than a second, is not worth it. `FORWARD=1 run ...` marks those that fail sooner in the usual order.
run() {                                         # run holds|fails MODEL "FLAGS" "REMARK" [live]
  local want=$1 model=$2 flags=$3 remark=$4 ends=-E compile=-O2
  [ $want = fails ] && compile="-O0 -DREVERSE -DT_REVERSE"
  [ $want = fails ] && [ -n "${FORWARD:-}" ] && compile=-O0
  [ $# -gt 4 ] && ends=
  case "$want $model $flags $remark" in *"$only"*) ;; *) return ;; esac
  seen=$((seen + 1))
  [ $((seen % parts)) -eq $((part % parts)) ] || return
  runs=$((runs + 1))
  cp "$model.pml" "$tmp/m.pml"
  # shellcheck disable=SC2086
  if ! (cd "$tmp" && rm -f m.pml.trail pan && spin -a $flags m.pml >spin.out 2>&1 && gcc $compile -w -DSAFETY -DMEMLIM=4000 -o pan pan.c 2>gcc.out); then
    echo "BROKEN  $model $flags"; sed 's/^/        /' "$tmp/spin.out" | head -3; bad=1; return
  fi
  local begin end out errors states said got=holds
  begin=$(date +%s%N)
  out=$(cd "$tmp" && ${PAN_PREFIX:-} ./pan -m1000000 -n $ends 2>&1)
  end=$(date +%s%N)
  errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' <<<"$out")
  states=$(sed -n 's/ *\([0-9.e+]*\) states, stored.*/\1/p' <<<"$out")
  said=$(sed -n 's/^pan:1: \(.*\) (at depth.*/\1/p' <<<"$out" | tr -d ' ' | cut -c1-60)
  if grep -q 'max search depth too small\|reached -DMEMLIM\|out of memory' <<<"$out"; then got=unfinished
  elif [ "${errors:-x}" != 0 ]; then got=fails; fi
  local mark=ok
  if [ $got = holds ]; then held=$((held + 1)); elif [ $got = fails ]; then failed=$((failed + 1)); fi
  [ "$got" = "$want" ] || { mark=WRONG; bad=1; }
  printf '%-5s %-6s %-14s %-60s %10s states %6s s  %s errors  %s%s\n' "$mark" "$got" "$model" "${flags//-D/}" "${states:--}" \
    "$(awk "BEGIN { printf \"%.1f\", ($end - $begin) / 1e9 }")" "${errors:--}" "$remark" "${said:+  [$said]}"
}

# What takes longest comes first.
P=metastore
run holds $P ""                                                            "2 writers, 1 reader, 1 version"
run holds $P "-DR=2 -DNOREADER"                                            "2 writers, 2 ballots each"
run holds $P "-DV=2"                                                       "2 versions"
run fails $P "-DREAD_ONE"                                                  "trap 16"
run fails $P "-DREAD_NOFINISH"                                             "quorum read"
run fails $P "-DREAD_DECIDED"                                              "quorum read"
run fails $P "-DR=2 -DREAD_SAMEVALUE"                                      "gap"
run fails $P "-DREAD_INVENTS"                                              "gap"
run fails $P "-DOWN_VALUE"                                                 "Paxos"
FORWARD=1 run fails $P "-DSAME_BALLOT"                                     "gap"
FORWARD=1 run fails $P "-DAMNESIA"                                         "durable before any reply"
FORWARD=1 run fails $P "-DV=2 -DREVIVE"                                    "gap"
run fails $P "-DV=2 -DSKIP_VERSION"                                        "gap"

N=native_loglet
run holds $N ""                                                            "2 observers, 3 positions, 2 crashes, 1 lost disk"
run holds $N "-DE=2 -DOBS=1 -DRESTART"                                     "restarted sequencer"
run holds $N "-DE=2 -DDELETE"                                              "deleted Loglet"
run holds $N "-DE=2 -DOBS=0 -DSLOW=1 -DFAST=1"                             "slow and fast checkTail"
run holds $N "-DE=2 -DOBS=0 -DSLOW=2"                                      "two slow checkTails"
run holds $N "-DE=2 -DOBS=1 -DSLOW=1 -DFAST=1 -DNOQUEUE -DCRASHES=0 -DLOSSES=0" "checkTail against seal"
M="-DE=2 -DMUTANT"
run fails $N "$M -DDUP_ACK_AFTER_SEAL"                                     "trap 1"
run fails $N "$M -DSEAL_OVERTAKES"                                         "trap 2"
run fails $N "$M -DREPAIR_RAISES_K"                                        "trap 3"
run fails $N "$M -DREAD_LOCAL_TAIL"                                        "rule 4"
run fails $N "$M -DHOLES"                                                  "trap 6"
run fails $N "$M -DRESTART -DNO_PIN"                                       "trap 7"
run fails $N "$M -DRESTART -DPIN_FIRST"                                    "trap 7, pinning alone"
run fails $N "$M -DWIPED"                                                  "trap 8"
run fails $N "$M -DNO_REPAIR"                                              "trap 10"
run fails $N "$M -DCORRUPT_CUT"                                            "trap 26"
run fails $N "$M -DACK_QUEUED"                                             "rule 2"
run fails $N "$M -DVOLATILE_SEAL"                                          "rule 3"
run fails $N "$M -DSTALE_TAIL"                                             "checkTail"
FORWARD=1 run fails $N "$M -DDELETE -DNO_TOMBSTONE"                        "gap"
run fails $N "$M -DOBS=0 -DSLOW=1 -DFAST=1 -DFAST_AS_WRITTEN"              "checkTail as written"
run fails $N "$M -DOBS=0 -DSLOW=1 -DFAST=1 -DFAST_MIDDLE"                  "checkTail"
run fails $N "$M -DOBS=1 -DSLOW=1 -DCASE5_NOWAIT"                          "case 5"
run fails $N "$M -DOBS=0 -DSLOW=1 -DCASE5_LOWEST"                          "case 5"

R=reconfigure
run holds $R "-DE=1"                                                       "2 reconfigurers, 1 client, 1 position"
run holds $R "-DE=2 -DONE"                                                 "1 reconfigurer, 1 client, 2 positions"
run holds $R "-DE=2 -DNOCLIENT"                                            "2 reconfigurers, 2 positions"
run holds $R "-DE=1 -DDELETE"                                              "old segment deleted"
run fails $R "-DE=1 -DSEALED_TAIL_LEAKS"                                   "trap 4"
run fails $R "-DE=1 -DNO_ROUND"                                            "trap 5"
run fails $R "-DE=1 -DCASE3_OPEN"                                          "case 3"
run fails $R "-DE=1 -DBLIND_WRITE"                                         "trap 14"
run fails $R "-DE=1 -DANY_SEGMENT"                                         "trap 14"
run fails $R "-DE=1 -DDELETE_ON_TIMEOUT"                                   "trap 15"
run fails $R "-DE=1 -DASSUME_WON"                                          "trap 15"
run fails $R "-DE=1 -DEARLY_APPEND"                                        "gap"
run fails $R "-DE=1 -DJOIN_LATE"                                           "trap 20"
run fails $R "-DE=1 -DDELETE -DLAZY_CREATE"                                "gap"

X=exactly_once
run holds $X ""                                                            "3 segments, resends, dead sequencers, trim"
run holds $X "-DMODIFY"                                                    "and a deleted entry"
run fails $X "-DNO_DEDUP"                                                  "trap 17"
run fails $X "-DNO_RESOLVE"                                                "trap 17"
run fails $X "-DSEALED_IS_NO"                                              "trap 17"
run fails $X "-DRESOLVE_UNSEALED"                                          "trap 9"
run fails $X "-DRESOLVE_OWN_TAIL"                                          "as written: 'when its segment is sealed'"
run fails $X "-DSEQ_RESTART"                                               "trap 7"
run fails $X "-DSCAN_LAST"                                                 "ambiguous"
run fails $X "-DSCAN_AFTER"                                                "ambiguous"
run fails $X "-DEVICT"                                                     "as written: 'recent append ids'"
run fails $X "-DROTATE"                                                    "gap"
run fails $X "-DTRIM_IS_ABSENT"                                            "trap 17"
run fails $X "-DMODIFY -DDELETE_DROPS_ID"                                  "gap"

S=striped
run holds $S "-DE=3"                                                       "2 stripes, 2 observers, 3 appends and gaps"
run holds $S "-DE=3 -DEACH"                                                "each stripe's tail as soon as it is sealed"
run holds $S "-DE=3 -DRESEND"                                              "one append sent again"
run holds $S "-DE=3 -DCHECK"                                               "with checkTail"
run holds $S "-DE=3 -DLIVE"                                                "every append is answered" live
run fails $S "-DE=3 -DACK_EARLY"                                           "trap 23"
run fails $S "-DE=3 -DREAD_STRIPE"                                         "gap"
run fails $S "-DE=3 -DSEAL_LATE"                                           "seal as a whole"
run fails $S "-DE=3 -DSEAL_ONE"                                            "seal as a whole"
run fails $S "-DE=3 -DHIGHEST"                                             "tail = min"
run fails $S "-DE=3 -DCHECK -DSTALE_STRIPE"                                "trap 20, striped"
run fails $S "-DE=3 -DGIVEN_BACK"                                          "trap 23, at the seal"
run fails $S "-DE=3 -DRESEND -DRESEND_OTHER"                               "trap 17, striped"
run fails $S "-DE=3 -DLIVE -DNO_GAP"                                       "gap records" live

run holds liveness ""                                                      "nobody waits for ever" live
run fails liveness "-DNO_BOUND"                                            "trap 11" live
run fails liveness "-DNO_ROLL"                                             "trap 12" live
run fails liveness "-DREUSE"                                               "trap 13" live
run fails liveness "-DNO_IDLE_K"                                           "trap 19" live
run fails liveness "-DNO_FINISH"                                           "gap" live

run holds trim ""                                                          "trim, laggard, reader" live
run fails trim "-DABOVE_TAIL"                                              "trap 18" live
run fails trim "-DNO_JUMP"                                                 "gap" live
run fails trim "-DSKIP"                                                    "gap" live

echo "models: $held hold, $failed mutants fail, $([ $bad = 0 ] && echo 'all as they must' || echo 'NOT all as they must') ($runs runs)"
exit $bad
