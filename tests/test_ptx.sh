#!/bin/sh
# The kernel's PTX, run through the real host path on a libcuda that runs PTX
# text on the CPU: as several targets, in the order that warps come and in
# others, and what the compiler makes for a debugger. It is looked for in
# FLUX_PTXSIM, a folder with a script `build`, else beside the checkout.
#
# FLUX_PTX_PROGRAMS is how many programs of each kind there are in the longest
# run; FLUX_TEST_SCALE divides the usual number. FLUX_SOAK_SEED is the seed of
# the first run; the others have those behind it. With an argument `figures` it
# prints what a warp does for an instruction instead.
. "$FLUX_SRCDIR/tests/lib.sh"

simulator=${FLUX_PTXSIM-$FLUX_SRCDIR/../shared/tools/ptxsim}
where=$FLUX_BUILDDIR/tests/ptxsim

if [ ! -e "$FLUX_BUILDDIR/gpu/kernel.ptx" ]; then
  skip ptx "no CUDA compiler"
  finish
fi
if [ ! -x "$simulator/build" ]; then
  skip ptx "nothing that runs PTX: FLUX_PTXSIM"
  finish
fi
if [ ! -e "$where/libcuda.so.1" ] ||
  [ "$simulator/ptxsim.cpp" -nt "$where/libcuda.so.1" ]; then
  "$simulator/build" "$where" > "$tmp/build" 2>&1 || {
    cat "$tmp/build"
    fail "ptx: the simulator does not build"
    finish
  }
fi
debug=$FLUX_BUILDDIR/gpu/kernel-debug.ptx
make -s -C "$FLUX_BUILDDIR" gpu/kernel-debug.ptx > "$tmp/make" 2>&1 || {
  cat "$tmp/make"
  fail "ptx: the debugger's form does not build"
}

scale=${FLUX_TEST_SCALE-1}
most=${FLUX_PTX_PROGRAMS-$((210 / scale))}
if [ "$most" -lt 20 ]; then
  most=20
fi
seed=${FLUX_SOAK_SEED-20260404}

# only ENTRY: the debugger's text with one kernel in it, and without the lines
# of the source: what reads it takes a time that grows with its square.
only()
{
  awk -v keep="$1(" '
    $1 == ".visible" && $2 == ".entry" { other = $3 != keep }
    /^}/ && other { print "{ ret; }"; other = 0; body = 0; next }
    /^{/ && other { body = 1 }
    body || $1 == ".loc" || NF == 0 { next }
    { sub(/^[ \t]+/, ""); print }' "$debug"
}

# run NAME CC ORDER PROGRAMS SEED [PTX TEST...]
run()
{
  name=$1 cc=$2 order=${3:+PTXSIM_SEED=$3}
  shift 3
  # shellcheck disable=SC2086 # an assignment, or nothing
  if env FLUX_TEST_TIMEOUT=0 "LD_LIBRARY_PATH=$where" PTXSIM_CC="$cc" $order \
    "$FLUX_BUILDDIR/tests/test_ptx" "$@" > "$tmp/run" 2>&1; then
    pass "$name"
    grep ' programs, ' "$tmp/run"
  else
    tail -n 30 "$tmp/run"
    fail "$name"
  fi
}

if [ "${1-}" != figures ]; then
  run "sm_90, warps in any order" 90 7 "$most" "$seed"
  run "sm_75, warps in turn" 75 "" $((most / 4)) $((seed + 1)) \
    "" ptx/programs ptx/far
  only flux_trial > "$tmp/near.ptx"
  only flux_trial_far > "$tmp/far.ptx"
  run "sm_120, as for a debugger" 120 3 $((most / 16 + 2)) $((seed + 2)) \
    "$tmp/near.ptx" ptx/programs
  run "sm_120, as for a debugger, far" 120 3 $((most / 16 + 2)) \
    $((seed + 2)) "$tmp/far.ptx" ptx/far
  finish
fi

# Warp instructions for each instruction of the programs, and how many of 32
# lanes took part in them.
LD_LIBRARY_PATH=$where PTXSIM_STATS=1 "$FLUX_BUILDDIR/tests/warps" \
  "$FLUX_SRCDIR"/samples/agents/*.flx > "$tmp/rows" 2> "$tmp/stats" || {
  cat "$tmp/stats"
  exit 1
}
sed -n 's/^ptxsim: .*: \([0-9]*\) warp ins.* \([0-9]*\) lane ins.*/\1 \2/p' \
  "$tmp/stats" > "$tmp/counts"
rows=$(wc -l < "$tmp/rows") counts=$(wc -l < "$tmp/counts")
if [ "$rows" -ne "$counts" ]; then
  echo "test_ptx: $rows launches, but counts of $counts" >&2
  exit 1
fi
paste -d' ' "$tmp/rows" "$tmp/counts" |
  awk '
    function tell(name, rows, warp, lane) {
      printf "figure cuda.emulated.%s %.1f warp/instruction\n", name,
        warp / rows * 32
      printf "figure cuda.emulated.%s.lanes %.0f %%\n", name,
        100 * lane / warp / 32
    }
    # A row an agent on standard error: instructions, warp instructions for
    # each, lanes of 32 in use.
    function show(name) {
      printf "%-20s %9d %8.1f %6.0f %%\n", name, ran[name],
        warps[name] / ran[name] * 32,
        100 * lanes[name] / warps[name] / 32 > "/dev/stderr"
    }
    $2 > 0 {
      agent = $1
      sub(/.*\//, "", agent)
      if (!(agent in ran)) agents[++count] = agent
      ran[agent] += $2; warps[agent] += $5; lanes[agent] += $6
      what = $1 == "straight" || $1 == "once" ? $1 : "corpus"
      rows[what] += $2; warp[what] += $5; lane[what] += $6
      if (what != "corpus" || $3 <= 32) next
      what = "corpus.confirm"  # without the few that are run before all
      rows[what] += $2; warp[what] += $5; lane[what] += $6
    }
    END {
      for (i = 1; i <= count; i++) show(agents[i])
      for (what in rows) tell(what, rows[what], warp[what], lane[what])
    }'
