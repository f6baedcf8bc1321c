#!/bin/sh
# fluxevolve as scripts see it: what goes to stdout, to the byte; exit codes;
# one sentence on stderr.

. "${FLUX_SRCDIR:-.}/tests/lib.sh"

bin=$FLUX_BUILDDIR/bin/fluxevolve
fake=$FLUX_BUILDDIR/tests/.libs/libfake_good.so
agents=$FLUX_SRCDIR/samples/agents

[ -x "$bin" ] || { skip fluxevolve "$bin is not built"; finish; }

# out NAME STATUS WANT ARGUMENT...: exit status and stdout; stderr is empty
# if and only if the status is 0.
out()
{
	name=$1 want_status=$2 want=$3
	shift 3
	got=$("$bin" "$@" 2>"$tmp/stderr" </dev/null)
	status=$?
	same "$name: status" "$status" "$want_status"
	same "$name: stdout" "$got" "$want"
	if [ "$want_status" -eq 0 ]; then
		same "$name: stderr" "$(cat "$tmp/stderr")" ""
	fi
}

# err NAME STATUS SENTENCE ARGUMENT...: nothing on stdout, one line on stderr.
err()
{
	name=$1 want_status=$2 want=$3
	shift 3
	got=$("$bin" "$@" 2>"$tmp/stderr" </dev/null)
	status=$?
	same "$name: status" "$status" "$want_status"
	same "$name: stdout" "$got" ""
	same "$name: stderr" "$(cat "$tmp/stderr")" "fluxevolve: $want"
}

ln -s "$(cd "$(dirname "$bin")" && pwd)/fluxevolve" "$tmp/linked"
check "through a symbolic link" "$tmp/linked" --version

# ---- usage -------------------------------------------------------------------

err "no command" 2 "a command is missing; try --help"
err "unknown command" 2 'unknown command "frob"; try --help' frob
err "unknown option" 2 "unknown option --frob; try --help" asm --frob x
err "option of another command" 2 \
	"--fuel is no option of this command; try --help" \
	asm --fuel 3 hex:00
err "no value" 2 "--fuel needs a value: N; try --help" exec hex:00 --fuel
err "a value too many" 2 "--json takes no value; try --help" \
	exec hex:00 --json=yes
err "no number" 2 "--fuel: \"3x\" is no whole number of 0..\
9223372036854775807; try --help" exec hex:00 --fuel 3x
err "negative" 2 "--fuel: \"-1\" is no whole number of 0..\
9223372036854775807; try --help" exec hex:00 --fuel=-1
err "a blank" 2 "--fuel: \" 5\" is no whole number of 0..\
9223372036854775807; try --help" exec hex:00 --fuel " 5"
for seconds in 0 1000001 ' 5' inf; do
	err "seconds $seconds" 2 "--time-limit: \"$seconds\" is no number of "\
'seconds above 0, up to 1000000; try --help' \
		run hex:00 -o x.flx --time-limit "$seconds"
done
for level in sure proved; do
	err "assurance $level" 2 "--min-assurance: \"$level\" is none of "\
'static, replay, fuzz and proof; try --help' \
		run hex:00 -o x.flx --min-assurance $level
done
err "threads" 2 '--threads: "65" is no whole number of 1..64; try --help' \
	run hex:00 -o x.flx --threads 65
err "variants" 2 '--variants: "1000000001" is no whole number of '\
'0..1000000000; try --help' run hex:00 -o x.flx --variants 1000000001
err "too few words" 2 "too few words; usage: fluxevolve disasm P; try \
--help" disasm
err "too many words" 2 "too many words; usage: fluxevolve disasm P; try \
--help" disasm hex:00 hex:01
err "run without -o" 2 "run needs -o BEST.flx; try --help" run hex:00
err "dialect what" 2 "dialect wants list, show NAME or check FILE" \
	dialect frob

same "--help" "$("$bin" --help | head -n 1)" "usage:"
"$bin" run --help >"$tmp/help" 2>&1
same "--help of a command: status" $? 0
check "--help of a command" grep -q -e --min-assurance "$tmp/help"
check "--help of a command leaves others out" \
	sh -c '! grep -q -e --fuel "$1"' sh "$tmp/help"
check "--version" sh -c '"$1" --version | grep -q "^fluxevolve [0-9]"' sh \
	"$bin"

# A full disk is an error, whatever was printed.
if [ -w /dev/full ]; then
	"$bin" dialect list >/dev/full 2>"$tmp/stderr"
	same "full disk: status" $? 1
	same "full disk: stderr" "$(cat "$tmp/stderr")" \
		"fluxevolve: stdout: No space left on device"
fi

# ---- asm, disasm, verify ----------------------------------------------------

cat >"$tmp/sum.flx" <<'FLX'
; the sum of 1..R1
.dialect unified
.in  R1 0..100
.out R3
start:  MOVI R3, 0
again:  ADD  R3, R3, R1
        DEC  R1
        JNE  R1, again
        HALT
FLX

cat >"$tmp/count.flx" <<'FLX'
.dialect unified
.in   R1
.out  R2
        SENSE R2
        SYS   4
        TELL  R1, R2, R3
        STOREI R2, R0, 16
        HALT
FLX

got=$("$bin" asm "$tmp/sum.flx")
same "asm: hex" "$(printf %s "$got" | tr -d '0-9a-f')" ""
sum_hex=$got
out "asm: options anywhere" 0 "$sum_hex" --dialect unified asm "$tmp/sum.flx"
out "asm: option behind" 0 "$sum_hex" asm "$tmp/sum.flx" --dialect=unified
out "asm: -o" 0 "" asm -o "$tmp/sum.fxb" "$tmp/sum.flx"
out "asm: -oFILE" 0 "" asm "$tmp/sum.flx" -o"$tmp/sum2.fxb"
check "asm: both the same" cmp "$tmp/sum.fxb" "$tmp/sum2.fxb"
same "asm: raw bytes" "$(od -An -v -tx1 "$tmp/sum.fxb" | tr -d ' \n')" \
	"$sum_hex"
out "asm: of bytes" 0 "$sum_hex" asm "$tmp/sum.fxb" --dialect unified
POSIXLY_CORRECT=1 "$bin" asm "$tmp/sum.flx" --dialect unified \
	>"$tmp/posix" 2>&1
same "asm: POSIXLY_CORRECT" "$(cat "$tmp/posix")" "$sum_hex"
err "asm: no such file" 1 "$tmp/none.flx: No such file or directory" \
	asm "$tmp/none.flx"
err "asm: -o nowhere" 1 "$tmp/no/x.fxb: No such file or directory" \
	asm "$tmp/sum.flx" -o "$tmp/no/x.fxb"
"$bin" asm "$tmp/sum.flx" --dialect cis >"$tmp/stdout" 2>"$tmp/stderr"
same "asm: dialects disagree" $? 1
same "asm: dialects disagree: one line" "$(wc -l <"$tmp/stderr" | tr -d ' ')" 1
"$bin" asm hex:00 >"$tmp/stdout" 2>"$tmp/stderr"
same "asm: no dialect" $? 1

printf '.dialect unified\n  FROB R1\n' >"$tmp/bad.flx"
"$bin" asm "$tmp/bad.flx" >"$tmp/stdout" 2>"$tmp/stderr"
same "asm: error: status" $? 1
check "asm: error: FILE:LINE:COLUMN" grep -q "bad.flx:2:3: " "$tmp/stderr"
same "asm: error: stdout" "$(cat "$tmp/stdout")" ""

"$bin" disasm "$tmp/sum.flx" >"$tmp/again.flx"
same "disasm: status" $? 0
out "disasm: assembles to itself" 0 "$sum_hex" asm "$tmp/again.flx"
check "disasm: keeps .in" grep -q '^\.in *R1 0\.\.100$' "$tmp/again.flx"
"$bin" disasm hex:ff01 --dialect unified >"$tmp/odd.flx"
out "disasm: undefined bytes" 0 ff01 asm "$tmp/odd.flx"
cat >"$tmp/manifest.flx" <<'FLX'
.in  R1 0..9
.out R3
FLX
"$bin" disasm "$tmp/sum.fxb" --dialect unified \
	--manifest "$tmp/manifest.flx" >"$tmp/with.flx"
check "disasm: --manifest" grep -q '^\.in *R1 0\.\.9$' "$tmp/with.flx"

out "verify: ok" 0 ok verify "$tmp/sum.flx"
"$bin" verify hex:ff --dialect unified >"$tmp/stdout" 2>"$tmp/stderr"
same "verify: status" $? 1
check "verify: pc: reason" grep -qE '^0: .+' "$tmp/stdout"
same "verify: stderr" "$(cat "$tmp/stderr")" ""
"$bin" verify hex:180105 --dialect unified >"$tmp/stdout"
check "verify: falls off" grep -qE '^[0-9]+: ' "$tmp/stdout"

# ---- exec -------------------------------------------------------------------

# The JSON line of a run, with register files of zeros folded to [N], so that
# a row here stays readable.
fold()
{
	zeros=0
	for i in 1 2 3 4 5 6; do
		zeros=$zeros,$zeros
	done
	sed -e "s/\[$zeros\]/[64]/g" \
		-e "s/\[$(echo "$zeros" | sed 's/0/"0"/g')\]/[64]/g"
}

exec_is()
{
	name=$1 want=$2
	shift 2
	"$bin" exec --json "$@" >"$tmp/stdout" 2>"$tmp/stderr" </dev/null
	same "$name: status" $? 0
	same "$name: one line" "$(wc -l <"$tmp/stdout" | tr -d ' ')" 1
	same "$name" "$(fold <"$tmp/stdout")" "$want"
	same "$name: stderr" "$(cat "$tmp/stderr")" ""
}

rest='"fregs":[64],"conf":[64],"stack":[],"flags":{"z":0,"n":0},"mem":[],'\
'"out":[]}'
exec_is "exec: halt" \
	"{\"status\":\"halt\",\"fault\":0,\"fault_name\":\"\",\"cycles\":1,\
\"pc\":1,\"regs\":[64],$rest" --dialect unified hex:00
exec_is "exec: end" \
	"{\"status\":\"end\",\"fault\":0,\"fault_name\":\"\",\"cycles\":1,\
\"pc\":1,\"regs\":[64],$rest" --dialect unified hex:01
exec_is "exec: fuel" \
	"{\"status\":\"fuel\",\"fault\":0,\"fault_name\":\"\",\"cycles\":0,\
\"pc\":0,\"regs\":[64],$rest" --dialect unified --fuel 0 hex:00

# Values go in by queues of their own, come out in order; bytes that were
# stored to show.
printf '{"regs":[0,7],"in":[["SENSE",21],["SENSE",22]]}' >"$tmp/state.json"
"$bin" exec --json --engine ref --state "$tmp/state.json" "$tmp/count.flx" \
	>"$tmp/stdout" 2>&1
same "exec: state: status" $? 0
check "exec: state: out" grep -qF \
	'"out":[["SYS",4,7],["TELL",7,21,0]]}' "$tmp/stdout"
check "exec: state: mem" grep -qF '"mem":[[16,"15000000"]]' "$tmp/stdout"
check "exec: state: regs" grep -qF '"regs":[0,7,21,0,' "$tmp/stdout"
# An empty queue gives 0.
printf '{"regs":[0,7]}' >"$tmp/state.json"
"$bin" exec --json --state "$tmp/state.json" "$tmp/count.flx" >"$tmp/stdout"
check "exec: empty queue" grep -qF '"out":[["SYS",4,7],["TELL",7,0,0]]}' \
	"$tmp/stdout"
printf '{"regs":[0,7],"frob":1}' >"$tmp/state.json"
"$bin" exec --json --state "$tmp/state.json" "$tmp/count.flx" \
	>"$tmp/stdout" 2>"$tmp/stderr"
same "exec: unknown key: status" $? 1
check "exec: unknown key: named" grep -q 'state.json: .*frob' "$tmp/stderr"
same "exec: unknown key: stdout" "$(cat "$tmp/stdout")" ""
for engine in ref ir; do
	"$bin" exec --json --engine $engine --state "$tmp/state.json" \
		"$tmp/count.flx" >/dev/null 2>"$tmp/$engine.err"
done
check "exec: engine ir names the file as ref does" \
	cmp "$tmp/ref.err" "$tmp/ir.err"
err "exec: no state" 1 "$tmp/none.json: No such file or directory" \
	exec --state "$tmp/none.json" hex:00 --dialect unified

# Without a device: a sentence, and no result. With one it is a line as any.
"$bin" exec --engine cuda --json hex:00 --dialect unified \
	>"$tmp/cuda.out" 2>"$tmp/cuda.err"
if [ $? = 0 ]; then
	"$bin" exec --engine ir --json hex:00 --dialect unified \
		>"$tmp/ir.out"
	check "exec: engine cuda gives what ir does" \
		cmp "$tmp/ir.out" "$tmp/cuda.out"
else
	same "exec: engine cuda: stdout" "$(cat "$tmp/cuda.out")" ""
	same "exec: engine cuda: a line" "$(wc -l <"$tmp/cuda.err")" 1
	check "exec: engine cuda: why" grep -q \
		'^fluxevolve: engine cuda: there is no device: .' \
		"$tmp/cuda.err"
fi
printf '{"regs":[0,7],"in":[["SENSE",21],["SENSE",22]]}' >"$tmp/state.json"
for engine in ref ir lanes; do
	"$bin" exec --json --engine $engine --state "$tmp/state.json" \
		"$tmp/count.flx" >"$tmp/$engine.out" 2>&1
done
check "exec: engine ir gives what ref does" cmp "$tmp/ref.out" "$tmp/ir.out"
check "exec: engine lanes gives what ref does" \
	cmp "$tmp/ref.out" "$tmp/lanes.out"
err "exec: engine frob" 1 "engine frob does not exist for dialect unified" \
	exec --engine frob --json hex:00 --dialect unified

# Figures, as short as they can be had.
for engine in ref ir lanes; do
	"$bin" bench trial --engine $engine --json --time-limit 0.001 \
		>"$tmp/stdout" 2>"$tmp/stderr"
	same "bench: $engine: status" $? 0
	same "bench: $engine: stderr" "$(cat "$tmp/stderr")" ""
	same "bench: $engine: a line" "$(wc -l <"$tmp/stdout")" 1
	check "bench: $engine: its name" grep -q \
		"^{\"engine\":\"$engine\",\"episodes\":512," "$tmp/stdout"
	same "bench: $engine: figures above 0" "$(grep -oE \
		'"(instructions|trials)_per_second":[1-9]' "$tmp/stdout" |
		wc -l)" 6
done
"$bin" bench trial --time-limit 0.001 >"$tmp/stdout" 2>&1
same "bench: a line for each program" "$(grep -c ' M trials/s$' \
	"$tmp/stdout")" 3
"$bin" bench trial --engine cuda --time-limit 0.001 >"$tmp/stdout" \
	2>"$tmp/stderr" ||
	check "bench: cuda: why not" grep -q \
		'^fluxevolve: there is no device: .' "$tmp/stderr"

# On the double of a device, as the loader finds it, if there are images.
mkdir "$tmp/double"
ln -s "$(cd "$FLUX_BUILDDIR" && pwd)/tests/.libs/fakecuda.so" \
	"$tmp/double/libcuda.so.1"
if LD_LIBRARY_PATH=$tmp/double "$bin" bench trial --engine cuda \
	--time-limit 0.001 >"$tmp/stdout" 2>"$tmp/stderr"; then
	same "bench: cuda: a thousand variants a launch" "$(grep -c \
		' M trials/s *1024 variants/launch$' "$tmp/stdout")" 3
else
	check "bench: cuda: no image" grep -q 'no kernel' "$tmp/stderr"
fi
err "bench: what" 2 'bench: there is no "frob"; there is: trial' bench frob
err "bench: engine frob" 1 "engine frob cannot be measured" \
	bench trial --engine frob

# Dialects whose VM is a module. What the table says is what the VM does.
"$bin" exec --json --dialect seed hex:012a08ff >"$tmp/stdout" 2>&1
check "exec: seed: the first example leaves 42" \
	grep -qF '"cycles":3,"pc":4,' "$tmp/stdout"
check "exec: seed: stack" grep -qF '"stack":[42]' "$tmp/stdout"
printf '{"in":[["SENSE",3,7]]}' >"$tmp/seed.json"
"$bin" exec --json --dialect seed --state "$tmp/seed.json" hex:30033105ff \
	>"$tmp/stdout" 2>&1
check "exec: seed: outside" grep -qF '"out":[["ACT",5,7]]' "$tmp/stdout"
"$bin" exec --json --dialect seed --fuel 1 hex:012a08ff >"$tmp/stdout" 2>&1
check "exec: seed: fuel" grep -qF '{"status":"fuel","fault":0,' "$tmp/stdout"
# YIELD does not stop exec.
"$bin" exec --json --dialect seed hex:340107ff >"$tmp/stdout" 2>&1
check "exec: seed: through" grep -qF '"stack":[7]' "$tmp/stdout"
for hex in 2b0a2a002b0b0300080a0b80 2b0100000b000180 210022232080 \
    2b01ffff4f000180 60020041427a 2b01102057000180 00; do
	ref=$("$bin" exec --json --dialect classic hex:$hex)
	ir=$("$bin" exec --json --engine ir --dialect classic hex:$hex)
	lanes=$("$bin" exec --json --engine lanes --dialect classic hex:$hex)
	same "exec: classic: ir as ref: $hex" "$ir" "${ref:-a line}"
	same "exec: classic: lanes as ref: $hex" "$lanes" "${ref:-a line}"
done
"$bin" exec --json --dialect classic hex:600200414280 >"$tmp/stdout" 2>&1
check "exec: classic: payload" grep -qF '"out":[["TELL","4142"]]' \
	"$tmp/stdout"
"$bin" exec --json --dialect stack hex:00 >"$tmp/stdout" 2>"$tmp/stderr"
same "exec: stack has no VM: status" $? 1
same "exec: stack has no VM: stdout" "$(cat "$tmp/stdout")" ""
check "exec: stack has no VM: said" grep -q \
	'engine ref does not exist for dialect stack: "flux_vm_stack.so" not' \
	"$tmp/stderr"
# A module of others is no VM.
mkdir -p "$tmp/modules"
cp "$FLUX_BUILDDIR/lib/flux/flux_vm_seed.so" "$tmp/modules/"
chmod 777 "$tmp/modules/flux_vm_seed.so"
FLUX_PLUGIN_DIR=$tmp/modules "$bin" exec --json --dialect seed hex:ff \
	>"$tmp/stdout" 2>"$tmp/stderr"
same "exec: module of others: status" $? 1
check "exec: module of others: said" grep -q 'is writable by others' \
	"$tmp/stderr"

# A fault is a result.
"$bin" exec --json hex:ff --dialect unified >"$tmp/stdout"
same "exec: fault: status" $? 0
check "exec: fault" grep -q '^{"status":"fault","fault":[0-9]*,' "$tmp/stdout"
out "exec: for people" 0 "halt after 1 cycles at 1" exec hex:00 \
	--dialect unified

# ---- dialect ----------------------------------------------------------------

out "dialect list" 0 'unified
classic
seed
stack
cis' dialect list

# ---- other dialects ---------------------------------------------------------

printf 'PUSH 42\nADD\nHALT\n' >"$tmp/quick.flx"
out "seed: asm" 0 012a08ff asm --dialect seed "$tmp/quick.flx"
out "seed: verify" 0 ok verify --dialect seed "$tmp/quick.flx"
exec_is "seed: exec" '{"status":"halt","fault":0,"fault_name":"","cycles":3,'\
'"pc":4,"regs":[],"fregs":[],"conf":[],"stack":[42],"flags":{},"mem":[],'\
'"out":[]}' --dialect seed --engine ir hex:012a08ff
printf '{"in":[["SENSE",3,-5],["SENSE",4,9]]}' >"$tmp/state.json"
"$bin" exec --json --dialect seed --engine ir --state "$tmp/state.json" \
	hex:3004310230032101ff >"$tmp/stdout"
check "seed: in and out" grep -qF '"out":[["ACT",2,9]]' "$tmp/stdout"
check "seed: mem" grep -qF '"mem":[[4,"fbffffff"]]' "$tmp/stdout"

# A message with its payload, PUSH, the frame stack that CALL has filled, and
# the keys that no other dialect has.
printf '.dialect classic\nTELL "hi", 0\nMOVI R1, -2\nPUSH R1\nCALL f\n'\
'f: VADD V0, V0\nHALT\n' >"$tmp/classic.flx"
out "classic: asm" 0 6003006869002b01feff20010700000052000080 \
	asm "$tmp/classic.flx"
printf '{"vregs":["01000000020000000300000004000080"]}' >"$tmp/state.json"
"$bin" exec --json --engine ir --state "$tmp/state.json" \
	"$tmp/classic.flx" >"$tmp/stdout"
same "classic: exec: status" $? 0
check "classic: out" grep -qF '"out":[["TELL","686900"]]}' "$tmp/stdout"
check "classic: mem" grep -qF '"mem":[[131068,"feffffff"]]' "$tmp/stdout"
check "classic: sp" grep -qF ',"sp":65532,' "$tmp/stdout"
check "classic: stack" grep -qF '"stack":[16]' "$tmp/stdout"
check "classic: vregs" grep -qF \
	'"vregs":["02000000040000000600000008000000","0000' "$tmp/stdout"
check "classic: R11" grep -qF '"regs":[0,-2,0,0,0,0,0,0,0,0,0,65536,0' \
	"$tmp/stdout"

# PUSH 5; CALL 9; HALT; DUP; MUL; HALT. Then a result that no cell can hold.
"$bin" exec --json --dialect stack --engine ir hex:550500000053090000601200 \
	>"$tmp/stdout"
check "stack: exec" grep -qF '"conf":["1"],"stack":[25]' "$tmp/stdout"
check "stack: calls" grep -qF '"calls":[8]' "$tmp/stdout"
"$bin" exec --json --dialect stack --engine ir hex:55ffffff7f16 \
	>"$tmp/stdout"
check "stack: unrepresentable" grep -qE \
	'"fault":1[0-9]+,"fault_name":"unrepresentable"' "$tmp/stdout"

# One instruction back, whatever its length.
printf 'MOVI R1, 10\nagain: CDEC R1, R1\nJNZ R1, again\nHALT\n' >"$tmp/cis.flx"
out "cis: asm" 0 02010a000f01010501ffff78 asm --dialect cis "$tmp/cis.flx"
out "cis: verify" 0 ok verify --dialect cis "$tmp/cis.flx"

# ---- policy ------------------------------------------------------------------

# The plugin tells its own table; docs/policy.md is held to it elsewhere.
got=$("$bin" policy 2>&1 </dev/null)
same "policy: status" "$?" 0
same "policy: a row" "$(printf '%s\n' "$got" |
	grep -c '^policy.min_trust  *number  *0.5 ')" 1
same "policy: a row a setting" \
	"$(printf '%s\n' "$got" | grep -c '^policy\.')" \
	"$(grep -c '^| `policy\.' "$FLUX_SRCDIR/docs/policy.md")"
same "policy: a kind that a dialect has no rows for" \
	"$(printf '%s\n' "$got" | sed -n 's/^AddInstinct  *tuning  *//p')" \
	"available in unified; unavailable in $("$bin" dialect list |
		grep -v '^unified$' | tr '\n' ' ' | sed 's/ $//')"
err "policy: a word too many" 2 \
	"too many words; usage: fluxevolve policy; try --help" policy x

"$bin" dialect show unified >"$tmp/unified.fluxisa"
check "dialect show" cmp "$tmp/unified.fluxisa" \
	"$FLUX_SRCDIR/abi/isa/dialects/unified.fluxisa"
out "dialect check" 0 ok dialect check "$tmp/unified.fluxisa"
"$bin" dialect show unified.bindings >"$tmp/unified.bindings"
out "dialect check: overlay" 0 ok dialect check "$tmp/unified.bindings"
err "dialect show: none" 1 'no built-in dialect "frob"' dialect show frob
sed 's/ len=4/ len=99/' "$tmp/unified.fluxisa" >"$tmp/bad.fluxisa"
"$bin" dialect check "$tmp/bad.fluxisa" >"$tmp/stdout" 2>"$tmp/stderr"
same "dialect check: bad: status" $? 1
check "dialect check: bad: file and line" \
	grep -q 'bad.fluxisa:[0-9]' "$tmp/stderr"
same "dialect check: bad: stdout" "$(cat "$tmp/stdout")" ""
printf 'fluxisa 1\n\225\000\377' >"$tmp/bytes.fluxisa"
err "dialect check: bytes" 1 "$tmp/bytes.fluxisa:2: byte 0x95 is not text" \
	dialect check "$tmp/bytes.fluxisa"
dd if=/dev/zero of="$tmp/large.fluxisa" bs=1 count=1 seek=104857600 2>/dev/null
err "dialect check: 100 MB" 1 "$tmp/large.fluxisa: more than 4194304 bytes" \
	dialect check "$tmp/large.fluxisa"
rm "$tmp/large.fluxisa"
"$bin" dialect show seed >"$tmp/many.fluxisa"
lines=$(wc -l <"$tmp/many.fluxisa")
awk 'BEGIN { for (i = 100; i < 400; i++)
	if (i != 255) print "row " i " X" i " len=1 does=nop" }' \
	>>"$tmp/many.fluxisa"
err "dialect check: 300 opcodes" 1 "$tmp/many.fluxisa:$((lines + 156)): \
row X256: opcode 256 does not fit in a byte" dialect check "$tmp/many.fluxisa"

# ---- the plugin, played by a fake -------------------------------------------

if [ -e "$fake" ]; then
	# A build under a generous umask is tightened.
	chmod go-w "$(dirname "$fake")" "$fake"
	out "ir: the request" 0 '{"cmd":"exec","engine":"ir","program":'\
'{"dialect":"unified","code":"00","entry":0,"manifest":'\
'".dialect  unified\n"},"fuel":5}' \
		exec --engine ir --plugin "$fake" --fuel 5 --json \
		--dialect unified hex:00
	printf '{"regs":[0,1]}' >"$tmp/state.json"
	out "ir: the state" 0 '{"cmd":"exec","engine":"ir","program":'\
'{"dialect":"unified","code":"00","entry":0,"manifest":'\
'".dialect  unified\n"},"state":{"regs":[0,1]}}' \
		exec --engine ir --plugin "$fake" --json --dialect unified \
		--state "$tmp/state.json" hex:00
	err "ir: no plugin" 1 "$tmp/no.so: No such file or directory" \
		exec --engine ir --plugin "$tmp/no.so" --dialect unified \
		hex:00
	FLUX_FAKE=mute err "ir: no reply" 1 "the plugin gave no reply" \
		exec --engine ir --plugin "$fake" --dialect unified hex:00
	FLUX_FAKE=silent err "ir: no instance" 1 \
		"plugin org.example.fake: denied" \
		exec --engine ir --plugin "$fake" --dialect unified hex:00

	printf '{"regs":[0,3]}\n\n{"regs":[0,4]}\n' >"$tmp/episodes"
	FLUX_FAKE_REQUEST=$tmp/request FLUX_FAKE_CODE=$sum_hex "$bin" run \
		"$tmp/sum.flx" -o "$tmp/best.flx" --plugin "$fake" --seed 3 \
		--variants 100 --time-limit 2.5 --episodes "$tmp/episodes" \
		--min-assurance fuzz --deny-op mul,DIV --threads 2 --json \
		>"$tmp/stdout" 2>"$tmp/stderr"
	same "run: status" $? 0
	same "run: the request" "$(sed 's/"program":{[^}]*}/P/' \
		"$tmp/request")" '{"cmd":"run",P,"seed":3,"variants":100,'\
'"time_limit":2.5,"threads":2,"min_assurance":"fuzz","episodes":'\
'[{"regs":[0,3]},{"regs":[0,4]}],"deny":["MUL","DIV"]}'
	same "run: the last line" "$(tail -n 1 "$tmp/stdout" |
		sed 's/"seconds":[0-9.e-]*/S/')" "{\"program\":\
\"$tmp/sum.flx\",\"dialect\":\"unified\",\"seed\":3,S,\"variants\":7,\
\"cycles_before\":10.5,\"cycles_after\":5,\"instructions_before\":4,\
\"instructions_after\":2,\"assurance\":\"fuzz\",\"output\":\
\"$tmp/best.flx\"}"
	same "run: progress on stderr" "$(cat "$tmp/stderr")" \
		"variants 1, best 2.5"
	out "run: BEST assembles" 0 "$sum_hex" asm "$tmp/best.flx"
	check "run: BEST keeps .in" grep -q '^\.in *R1 0\.\.100$' \
		"$tmp/best.flx"
	check "run: BEST keeps .out" grep -q '^\.out *R3$' "$tmp/best.flx"
	check "run: the original keeps its labels" grep -q '^again:' \
		"$tmp/best.flx"

	FLUX_FAKE_CODE=00 "$bin" run "$tmp/sum.flx" -o "$tmp/best.flx" \
		--plugin "$fake" >"$tmp/stdout" 2>"$tmp/stderr"
	same "run: for people" "$(sed 's/ in [0-9.]* s/ in T/' \
		"$tmp/stdout")" "$tmp/best.flx: 10.5 -> 5 cycles a task \
(-52.4%), 4 -> 2 instructions, assurance fuzz; 7 variants in T"
	out "run: BEST is the plugin's" 0 00 asm "$tmp/best.flx"
	check "run: BEST keeps directives" grep -q '^\.in *R1 0\.\.100$' \
		"$tmp/best.flx"

	FLUX_FAKE_CODE=0g "$bin" run "$tmp/sum.flx" -o "$tmp/x.flx" \
		--plugin "$fake" >"$tmp/stdout" 2>"$tmp/stderr"
	same "run: unreadable code: status" $? 1
	same "run: unreadable code" "$(tail -n 1 "$tmp/stderr")" \
		"fluxevolve: the plugin's program cannot be read"
	check "run: unreadable code: no BEST" test ! -e "$tmp/x.flx"
	printf '{"regs":[0,3]}\n{"regs":3}\n' >"$tmp/episodes"
	"$bin" run "$tmp/sum.flx" -o "$tmp/x.flx" --plugin "$fake" \
		--episodes "$tmp/episodes" >"$tmp/stdout" 2>"$tmp/stderr"
	same "run: bad episode: status" $? 1
	check "run: bad episode: line" grep -q 'episodes:2: ' "$tmp/stderr"
	: >"$tmp/episodes"
	err "run: no episodes" 1 "$tmp/episodes: no episodes" run \
		"$tmp/sum.flx" -o "$tmp/x.flx" --plugin "$fake" --episodes \
		"$tmp/episodes"
	err "run: no such mnemonic" 1 \
		'--deny-op: dialect unified has no "FROB"; the nearest '\
'is "FSUB"' \
		run "$tmp/sum.flx" -o "$tmp/x.flx" --plugin "$fake" --deny-op \
		MUL,FROB
	err "run: no folder" 1 "$tmp/no/x.flx: No such file or directory" run \
		"$tmp/sum.flx" -o "$tmp/no/x.flx" --plugin "$fake"

	# Ctrl-C: the plugin finishes with what it has. A shell's background
	# job ignores SIGINT; env -S cannot undo that, so a C-like parent:
	# timeout sends it to a job that does not ignore it. In the foreground,
	# or it also sends it to the job's group, and the second one kills.
	if command -v timeout >/dev/null 2>&1; then
		FLUX_FAKE=endless FLUX_FAKE_CODE=00 timeout --foreground \
			-s INT 5 "$bin" run "$tmp/sum.flx" -o "$tmp/int.flx" \
			--plugin "$fake" --json >"$tmp/stdout" 2>"$tmp/stderr"
		check "run: Ctrl-C gives a result" grep -q '"assurance":' \
			"$tmp/stdout"
		out "run: Ctrl-C writes BEST" 0 00 asm "$tmp/int.flx"
	fi
	# The folder of the fake lacks the file that is looked for there.
	mkdir "$tmp/empty"
	FLUX_PLUGIN_DIR=$tmp/empty "$bin" exec --engine ir hex:00 --dialect \
		unified >"$tmp/stdout" 2>"$tmp/stderr"
	rc=$?
	if [ -e "$FLUX_BUILDDIR/lib/flux/flux_self_evolve.so" ]; then
		: # beside the program, it may be found there
	else
		same "ir: not found: status" $rc 1
	fi
	cp "$fake" "$tmp/empty/flux_self_evolve.so"
	chmod 755 "$tmp/empty"
	chmod 777 "$tmp/empty/flux_self_evolve.so"
	FLUX_PLUGIN_DIR=$tmp/empty "$bin" exec --engine ir hex:00 --dialect \
		unified >"$tmp/stdout" 2>"$tmp/stderr"
	same "ir: writable by others: status" $? 1
	check "ir: writable by others: said" grep -q 'is writable by others' \
		"$tmp/stderr"
else
	skip "plugin commands" "$fake is not built"
fi

# ---- the plugin itself ------------------------------------------------------

if [ ! -e "$FLUX_BUILDDIR/lib/flux/flux_self_evolve.so" ]; then
	skip "the plugin" "it is not built"
	finish
fi

# Both engines give the same line, byte for byte.
regs='"regs":[0,21,6,3,-4]'
sensed='"in":[["SENSE",7],["SENSE",250]]'
nth=1 count=0
[ "${FLUX_TEST_SCALE:-1}" -gt 1 ] && nth=5
for agent in "$agents"/*.flx; do
	count=$((count + 1))
	[ $((count % nth)) -eq 0 ] || continue
	case $(sed -n 's/^\.dialect //p' "$agent") in
	seed) begin=$sensed ;;
	classic) begin=$regs ;;
	*) begin=$regs,$sensed ;;
	esac
	printf '{%s}' "$begin" >"$tmp/state.json"
	ref=$("$bin" exec --json --state "$tmp/state.json" "$agent")
	ir=$("$bin" exec --json --state "$tmp/state.json" --engine ir "$agent")
	same "ir as ref: $(basename "$agent")" "$ir" "${ref:-a line}"
done
out "ir: fuel" 0 "$("$bin" exec --json --fuel 2 "$tmp/sum.flx")" \
	exec --engine ir --json --fuel 2 "$tmp/sum.flx"

key()
{
	sed -n "s/.*\"$1\":\"\{0,1\}\([^,\"}]*\).*/\1/p" "$tmp/stdout"
}

printf '{"regs":[0,12,18]}\n{"regs":[0,7,21]}\n{"regs":[0,1000,35]}\n' \
	>"$tmp/episodes"
"$bin" run "$agents/gcd.flx" -o "$tmp/best.flx" --seed 5 --variants 400 \
	--episodes "$tmp/episodes" --json >"$tmp/stdout" 2>"$tmp/stderr"
same "gcd: status" $? 0
same "gcd: one line" "$(wc -l <"$tmp/stdout" | tr -d ' ')" 1
check "gcd: keys in order" grep -qE '^\{"program":"[^"]*","dialect":'\
'"unified","seed":5,"seconds":[0-9.e-]+,"variants":[0-9]+,'\
'"cycles_before":[0-9.]+,"cycles_after":[0-9.]+,"instructions_before":'\
'[0-9]+,"instructions_after":[0-9]+,"assurance":"fuzz","output":"[^"]*"\}$' \
	"$tmp/stdout"
check "gcd: fewer cycles" awk "BEGIN { exit !($(key cycles_after) < \
	$(key cycles_before)) }"
out "gcd: BEST verifies" 0 ok verify "$tmp/best.flx"
check "gcd: BEST keeps .in" grep -q '^\.in *R2 0\.\.100000$' "$tmp/best.flx"
check "gcd: BEST keeps .scratch" grep -q '^\.scratch *mem 0x100 12$' \
	"$tmp/best.flx"
for pair in 12,18 7,21 100000,64 0,0 5,0; do
	printf '{"regs":[0,%s]}' "$pair" >"$tmp/state.json"
	for p in "$agents/gcd.flx" "$tmp/best.flx"; do
		"$bin" exec --json --state "$tmp/state.json" "$p" |
			sed 's/.*"regs":\[[^,]*,[^,]*,[^,]*,\([^,]*\),.*/\1/'
	done | uniq >"$tmp/results"
	same "gcd of $pair is what it was" "$(wc -l <"$tmp/results" |
		tr -d ' ')" 1
done

# The same seed and budget give the same program, however many threads.
"$bin" run "$agents/gcd.flx" -o "$tmp/again.flx" --seed 5 --variants 400 \
	--episodes "$tmp/episodes" --threads 3 >/dev/null 2>&1
check "gcd: the same again on three threads" cmp "$tmp/best.flx" \
	"$tmp/again.flx"

"$bin" run "$agents/gcd.flx" -o "$tmp/deny.flx" --variants 200 --deny-op \
	mov,nop >/dev/null 2>&1
"$bin" disasm "$tmp/deny.flx" >"$tmp/deny.txt"
before=$("$bin" disasm "$agents/gcd.flx" | grep -cwE 'MOV|NOP')
check "run: --deny-op" test "$(grep -cwE 'MOV|NOP' "$tmp/deny.txt")" -le \
	"$before"

# What cannot be improved, or not evolved at all, stays; that is no error.
"$bin" run "$agents/gcd.flx" -o "$tmp/raw.fxb" --seed 5 --variants 400 \
	>/dev/null 2>"$tmp/stderr"
"$bin" run "$agents/gcd.flx" -o "$tmp/text.flx" --seed 5 --variants 400 \
	>/dev/null 2>&1
"$bin" asm "$tmp/text.flx" -o "$tmp/text.fxb"
check "a .fxb is code" cmp "$tmp/raw.fxb" "$tmp/text.fxb"
check "and says that it is no more" grep -q "raw.fxb is code alone" \
	"$tmp/stderr"

# Most of its tasks do not end, so that it is the fuzzing that takes long.
printf '%s\n' '.in R1' '.out R3' 'MOVI R3, 0' 'again: ADD R3, R3, R1' \
	'MOV R4, R4' 'DEC R1' 'JNE R1, again' 'HALT' >"$tmp/long.flx"
timeout --foreground -k 60 -s INT 2 "$bin" run "$tmp/long.flx" \
	--dialect unified -o "$tmp/cut.flx" --json >"$tmp/json" 2>/dev/null
check "Ctrl-C ends the fuzzing too" test -s "$tmp/json"
check "and what there is was written" test -s "$tmp/cut.flx"

odd=$tmp/$(printf 'b\351d.flx')
cp "$agents/gcd.flx" "$odd"
"$bin" run "$odd" -o "$odd" --variants 20 --json >"$tmp/json" 2>"$tmp/stderr"
same "a name that is no UTF-8: status" "$?" 0
check "and it is shown as bytes" grep -q 'b\\\\xe9d.flx","dialect"' \
	"$tmp/json"

"$bin" run hex:00 --dialect unified -o "$tmp/halt.flx" --variants 50 --json \
	>"$tmp/stdout" 2>"$tmp/stderr"
same "halt: status" $? 0
same "halt: assurance" "$(key assurance)" none
out "halt: BEST is the original" 0 00 asm "$tmp/halt.flx"
"$bin" run hex:ff --dialect unified -o "$tmp/odd.flx" --json \
	>"$tmp/stdout" 2>"$tmp/stderr"
same "malformed: status" $? 0
same "malformed: assurance" "$(key assurance)" none
out "malformed: BEST is the original" 0 ff asm "$tmp/odd.flx"

finish
