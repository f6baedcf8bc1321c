#!/bin/sh
# What the assembler says of the kernel's images: nothing spilled, no stack, no
# more registers than a block of 128 threads may have, eight of them on a
# multiprocessor, or six of the kernel for long programs; and the occupancy
# that comes of it.
. "$FLUX_SRCDIR/tests/lib.sh"

report=$FLUX_BUILDDIR/gpu/kernel.ptxas

if [ ! -e "$report" ]; then
  skip images "no CUDA compiler"
  finish
fi

# target registers stack stores loads kernel, a line each
awk '
  $1 == "target" { target = $2 }
  /Compiling entry function/ { kernel = /flux_trial_far/ ? "far" : "near" }
  /bytes stack frame/ { stack = $1; stores = $5; loads = $9 }
  / Used [0-9]+ registers/ {
    for (i = 1; i < NF; i++)
      if ($i == "Used") registers = $(i + 1)
    print target, registers, stack, stores, loads, kernel
  }' "$report" > "$tmp/figures"

targets=$(sed -n 's/^FLUX_CUDA_TARGETS = *//p' "$FLUX_BUILDDIR/Makefile")
for target in $targets; do
  for kernel in near far; do
    line=$(grep "^sm_$target .* $kernel\$" "$tmp/figures") || line=
    # shellcheck disable=SC2086 # six words
    set -- $line
    name="sm_$target, $kernel"
    check "$name: an image" test $# = 6
    [ $# = 6 ] || continue
    most=64
    [ $kernel = near ] || most=80
    check "$name: no stack" test "$3" = 0
    check "$name: no spills" test "$4 $5" = "0 0"
    check "$name: $2 registers" test "$2" -le $most
  done
done
check "a target" test -n "$targets"
nvcc=$(sed -n 's/^NVCC = *//p' "$FLUX_BUILDDIR/Makefile")
release=$("$nvcc" --version | sed -n 's/.* release \([0-9]*\)\..*/\1/p')
if [ "${release:-0}" -ge 13 ]; then
  same "the targets of CUDA $release" "$(echo $targets)" \
    "75 80 86 87 89 90 100 120"
fi

# Occupancy: blocks of 128 threads, with the shared memory that a program of 60
# records and 20 slots needs; a long one has no records there. Registers are
# given out by 256 to a warp.
awk -v threads=128 '
  BEGIN {
    split("75 32 64 86 48 100 87 48 164 89 48 100 120 48 100", odd, " ")
    for (i = 1; i < 16; i += 3) {
      warps["sm_" odd[i]] = odd[i + 1]
      shared["sm_" odd[i]] = odd[i + 2]
    }
  }
  {
    w = $1 in warps ? warps[$1] : 64
    kib = $1 in shared ? shared[$1] : $1 == "sm_80" ? 164 : 228
    far = $6 == "far"
    need = 64 + (far ? 0 : 60 * 32) + (20 + 6) * threads * 4 + 1024
    each = int(($2 * 32 + 255) / 256) * 256 * threads / 32
    blocks = w * 32 / threads
    if (int(65536 / each) < blocks) blocks = int(65536 / each)
    if (int(kib * 1024 / need) < blocks) blocks = int(kib * 1024 / need)
    name = "figure cuda.static." $1 (far ? ".far" : "")
    printf "%s %d registers\n", name ".registers", $2
    printf "%s %d bytes\n", name ".stack", $3
    printf "%s %d bytes\n", name ".spills", $4 + $5
    printf "%s %d bytes\n", name ".shared", need - 1024
    printf "%s %d %%\n", name ".occupancy", 100 * blocks * threads / 32 / w
  }' "$tmp/figures"
finish
