#!/bin/sh
# A solver that hangs, and those who do not wait for it: a host that is asked
# to stop, and a run that is told that it is enough.

. "${FLUX_SRCDIR:-.}/tests/lib.sh"

host=$FLUX_BUILDDIR/bin/flux-host
evolve=$FLUX_BUILDDIR/bin/fluxevolve
built=$(cd "$FLUX_BUILDDIR/lib/flux" && pwd)
fake=$(cd "$FLUX_BUILDDIR/tests" && pwd)/fakeprover
umask 022
cd "$tmp" || exit 99

# The plugin with a solver beside it that hangs once it is asked, and says so
# in hang.asked.
mkdir plugins
cp "$built/flux_self_evolve.so" "$built/libroom.so" plugins/
ln -s "$fake" hang
printf '#!/bin/sh\nexec "%s/hang" "$@"\n' "$tmp" >plugins/flux-prove
chmod 755 plugins/flux-prove
FLUX_PLUGIN_DIR=$tmp/plugins
export FLUX_PLUGIN_DIR

# asked PID: waits until the solver is; false: that process ended before, or
# half a minute went by.
asked()
{
	left=600
	while [ ! -s hang.asked ] && kill -0 "$1" 2>/dev/null &&
		[ $left -gt 0 ]; do
		sleep 0.05
		left=$((left - 1))
	done
	[ -s hang.asked ]
}

# gone: no solver runs any more, of all that were asked.
gone()
{
	while read -r pid; do
		kill -0 "$pid" 2>/dev/null && return 1
	done <hang.asked
	return 0
}

# A sum as a compiler leaves it: what is found has no loop, and is asked about.
cat >sum.flx <<-END
	.dialect unified
	.in R1
	.in R2 0..1000
	.out R3
	.scratch mem 0x100 16
	STOREI R1, R0, 0x100
	STOREI R2, R0, 0x104
	LOADI R10, R0, 0x100
	LOADI R11, R0, 0x104
	ADD R10, R10, R11
	STOREI R10, R0, 0x108
	LOADI R10, R0, 0x108
	MOV R3, R10
	HALT
END
cat >host.conf <<-END
	natives = { range = "libroom.so:feed_range(i32,i32,i32)->i32"; };
	host = { threads = 1; pace_us = 200; };
	plugins = ( { name = "e"; path = "flux_self_evolve.so";
	  policy = { seed = 1; cpu_share = 1.0; record_period = 1;
	    fuzz_states = 100; }; } );
	agents = ( { name = "sum"; program = "sum.flx";
	  inputs = ( { to = "R1"; call = "range(task, 0, 400)"; },
	    { to = "R2"; call = "range(task, 0, 40)"; } );
	  trust = 0.9; } );
END
"$host" -c host.conf >host.log 2>&1 &
pid=$!
check "a search asks the solver" asked $pid
kill -TERM $pid 2>/dev/null
wait $pid
same "the host ends" $? 0
same "in the middle of the first question" "$(wc -l <hang.asked)" 1
check "and leaves no solver behind" gone
same "a proof that nobody waits for is none" \
	"$(grep -c 'accepted patch' host.log)" 0

rm hang.asked
"$evolve" run sum.flx -o best.flx --variants 2000 --seed 1 \
	--json >run.log 2>run.err &
pid=$!
check "a run asks it, too" asked $pid
kill -INT $pid 2>/dev/null
wait $pid
same "it ends when told so" $? 0
check "and leaves no solver behind" gone
check "with a program that is better" \
	grep -q '"assurance": *"fuzz"' run.log
check "which it wrote" "$evolve" verify best.flx

finish
