#!/bin/sh
# One host, agents of three dialects, two of them on VMs that know nothing of
# us: their tables are true, they evolve, and say what they always said.

. "${FLUX_SRCDIR:-.}/tests/lib.sh"

host=$FLUX_BUILDDIR/bin/flux-host
fluxevolve=$FLUX_BUILDDIR/bin/fluxevolve
FLUX_PLUGIN_DIR=$(cd "$FLUX_BUILDDIR/lib/flux" && pwd)
export FLUX_PLUGIN_DIR
umask 022
cd "$tmp" || exit 99

# The sum of 1 to n, as slow as it goes, in each of them.
cat >classic.flx <<'END'
.dialect classic
.in  R1 1..20
.out R0
        MOVI R0, 0
again:  NOP
        MOVI R3, 1
        IADD R0, R1
        ISUB R1, R3
        JNZ  R1, again
        TELL "done"
        HALT
END
cat >seed.flx <<'END'
.dialect seed
.scratch mem 0 8
.out none
        SENSE 0
        STORE 0
        PUSH 0
        STORE 1
again:  NOP
        LOAD 1
        LOAD 0
        ADD
        STORE 1
        LOAD 0
        PUSH 1
        SUB
        STORE 0
        LOAD 0
        JNZ again
        LOAD 1
        ACT 5
        HALT
END
cat >unified.flx <<'END'
.dialect unified
.in  R1 1..20
.out R3
        MOVI R3, 0
again:  NOP
        MOVI R4, 1
        ADD  R3, R3, R1
        SUB  R1, R1, R4
        JNE  R1, again
        TELL R3, R0, R0
        HALT
END
cat >host.conf <<'END'
host = { threads = 2; pace_us = 1000; };
natives = { range = "libroom.so:feed_range(i32,i32,i32)->i32"; };
plugins = ( { name = "evolve"; path = "flux_self_evolve.so";
              policy = { seed = 1; }; } );
agents = (
  { name = "seed"; program = "seed.flx"; trust = 0.9;
    sources = ( { name = "SENSE"; arg = 0; call = "range(task, 1, 20)"; } ); },
  { name = "classic"; program = "classic.flx"; trust = 0.9;
    inputs = ( { to = "R1"; call = "range(task, 1, 20)"; } ); },
  { name = "unified"; program = "unified.flx"; trust = 0.9;
    inputs = ( { to = "R1"; call = "range(task, 1, 20)"; } ); } );
END

same "the config is sound" "$("$host" -c host.conf --check-config 2>&1)" \
	"host.conf: ok"

"$fluxevolve" calibrate -c host.conf >calibrate.log 2>&1
same "the tables are true: status" $? 0
for line in 'seed: 28 rows stepped, 0 opaque, 0 unfit, 0 never' \
    'classic: 103 rows stepped, 0 opaque, 0 unfit, 12 never' \
    'unified: 178 rows stepped, 0 opaque, 0 unfit, 8 never'; do
	check "the tables are true: $line" grep -q "^$line" calibrate.log
done

# A slow machine, or a build with sanitizers, takes longer to find something.
for tasks in 4000 20000 60000; do
	"$host" -c host.conf --tasks $tasks --outputs evolved.out \
		>host.log 2>err.log
	rc=$?
	grep -q '^classic: accepted' host.log &&
		grep -q '^unified: accepted' host.log && break
done
same "the host runs" $rc 0
check "the stranger evolves" grep -q '^classic: accepted patch' host.log
check "beside ours" grep -q '^unified: accepted patch' host.log
same "nothing is missing of any VM" "$(grep -c 'the VM of' err.log)" 0
"$host" -c host.conf --tasks $tasks --no-plugins --control evolved.out \
	>control.log 2>&1
same "nothing is wrong" "$(awk '$1 == "seed" || $1 == "classic" ||
	$1 == "unified" { n++; wrong += $NF } END { print n + 0, wrong + 0 }' \
	control.log)" "3 0"
# What they say is the sum, and the message is whole.
same "seed says the sum" "$(grep -c '^seed .* ACT 5 ' evolved.out)" $tasks
check "classic's message" grep -q '^classic 0 TELL 1701736292 0 0$' \
	evolved.out

# A VM that has gone is an agent less, and a sentence.
mkdir modules
cp "$FLUX_PLUGIN_DIR"/flux_self_evolve.so "$FLUX_PLUGIN_DIR"/libroom.so \
	"$FLUX_PLUGIN_DIR"/flux_vm_seed.so modules/
FLUX_PLUGIN_DIR=$tmp/modules "$host" -c host.conf --tasks 5 >host.log \
	2>err.log
same "without a module: status" $? 0
check "without a module: said" grep -q \
	'agent "classic" does not run: "flux_vm_classic.so" not found in ' \
	err.log
same "without a module: the others" \
	"$(awk '$1 == "seed" || $1 == "unified" { print $2 }' host.log |
		tr '\n' ' ')" "5 5 "

finish
