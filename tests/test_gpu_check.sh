#!/bin/sh
# scripts/gpu-check as a user runs it: without a device, and with the double of
# the driver found as any libcuda.so.1 is, by the loader. Whatever the double
# does it is no device, and nothing may say so.

. "${FLUX_SRCDIR:-.}/tests/lib.sh"

built=$(cd "$FLUX_BUILDDIR" && pwd)
double=$built/tests/.libs/fakecuda.so
program=$built/tests/test_device

# gpu_check DIR EMULATOR [PROGRAMS]: with a folder for the loader; the verdict,
# on stdout.
gpu_check()
{
	env GPU_CHECK_BUILT="$built" GPU_CHECK_JSON="$tmp/check.json" \
		GPU_CHECK_PROGRAMS="${3-12}" FLUX_GPU_EMULATOR="$2" \
		LD_LIBRARY_PATH="$1" bash "$FLUX_SRCDIR/scripts/gpu-check" \
		2>"$tmp/err"
}

# member NAME: of the JSON object.
member()
{
	python3 -c 'import json, sys
print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$tmp/check.json" "$1"
}

# A library that is none: whatever this machine has is not found then.
mkdir "$tmp/none" "$tmp/double"
echo nothing >"$tmp/none/libcuda.so.1"
verdict=$(gpu_check "$tmp/none" "")
same "without a device it ends well" $? 0
same "without a device it says so" "$verdict" \
	"no device: verified in emulation only"
same "JSON: ok" "$(member ok)" True
same "JSON: no device" "$(member device)" ""
same "JSON: the verdict" "$(member verdict)" "$verdict"
LD_LIBRARY_PATH="$tmp/none" "$program" >"$tmp/out" 2>&1
same "the differential is skipped" $? 77
check "it says why" grep -q 'skipped: .*\(libcuda.so.1\|no kernel\)' "$tmp/out"

# The double, which the loader finds.
ln -s "$double" "$tmp/double/libcuda.so.1"
LD_LIBRARY_PATH="$tmp/double" FLUX_SOAK_PROGRAMS=12 "$program" \
	>"$tmp/out" 2>&1
case $? in
77)
	check "without nvcc there is no image" grep -q 'no kernel' "$tmp/out"
	;;
0)
	check "the double is found" grep -q 'device: Double 0' "$tmp/out"
	verdict=$(gpu_check "$tmp/double" "")
	same "with the double it ends well" $? 0
	check "it passes in emulation" expr "$verdict" : \
		'gpu-check: passed in emulation (Double 0 .*programs.*agree'
	same "JSON: emulated" "$(member emulated)" True
	# Enough for each dialect, and noise of it.
	verdict=$(gpu_check "" "$tmp/double" 400)
	same "named as an emulator it ends well" $? 0
	check "it passes" expr "$verdict" : 'gpu-check: passed in emulation'
	check "JSON: programs" test "$(member programs)" -ge 1000
	check "JSON: verdicts" test "$(member verdicts)" -ge 2000
	same "JSON: no rate" "$(member instructions_per_s)" None
	;;
*)
	fail "the differential on the double"
	tail -n 20 "$tmp/out"
	;;
esac

gpu_check "" "$tmp/nowhere" >/dev/null
check "an emulator that is not there" test $? -ne 0
check "is told" grep -q 'FLUX_GPU_EMULATOR' "$tmp/err"

finish
