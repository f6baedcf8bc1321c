#!/bin/sh
# flux-host as its user meets it: what runs, and the sentence for everything
# that is wrong with a config, a native, a plugin, a program or a journal.

. "${FLUX_SRCDIR:-.}/tests/lib.sh"

host=$FLUX_BUILDDIR/bin/flux-host
samples=$(cd "$FLUX_SRCDIR/samples" && pwd)
FLUX_PLUGIN_DIR=$(cd "$FLUX_BUILDDIR/lib/flux" && pwd)
export FLUX_PLUGIN_DIR
# Folders made here must be fit for plugins wherever the tests are run.
umask 022
cd "$tmp" || exit 99
cp -r "$samples/agents" agents
chmod -R u+w agents

# What the last run came to.
status=0
out=
err=

# run OPTION...: flux-host, for at most a minute.
run()
{
	timeout 60 "$host" "$@" >out.log 2>err.log </dev/null
	status=$?
	out=$(cat out.log)
	err=$(cat err.log)
}

# says NAME STATUS SENTENCE: the last run ended so and said just that.
says()
{
	same "$1: status" "$status" "$2"
	same "$1" "$err" "flux-host: $3"
}

# holds NAME TEXT PATTERN: the text has a line that matches.
holds()
{
	if printf '%s\n' "$2" | grep -q -e "$3"; then
		pass "$1"
	else
		fail "$1"
		printf '    no "%s" in\n%s\n' "$3" "$2" | head -n 20
	fi
}

# refused NAME SENTENCE: what is in bad.conf does not pass --check-config, nor
# does it run, for the same reason.
refused()
{
	run -c bad.conf --check-config
	says "$1" 1 "$2"
	run -c bad.conf --tasks 1
	says "$1, run" 1 "$2"
}

# one_agent MORE: one agent, no plugin.
one_agent()
{
	feed='libroom.so:feed_range(i32,i32,i32)->i32'
	printf '%s\n' "natives = { range = \"$feed\"; };" \
		'agents = ( { name = "sum"; program = "agents/sum.flx";' \
		'  inputs = ( { to = "R1"; call = "range(task, 0, 40)"; } );' \
		"  $1 } );"
}

# with_plugin MORE: one agent and a plugin's block.
with_plugin()
{
	one_agent 'trust = 0.9;'
	printf 'plugins = ( { name = "evolve"; %s } );\n' "$1"
}

# ---- the command line -------------------------------------------------------

run
same "nothing at all is a usage error" "$status" 2
holds "and shows the usage" "$err" '^usage: flux-host -c FILE'
run --help
same "help is no error" "$status" 0
holds "and goes to stdout" "$out" '^usage: flux-host -c FILE'
run -c x.conf --tasks many
says "tasks that are no number" 2 "--tasks many: not a number"
run -c x.conf --tasks -1
says "tasks below zero" 2 "--tasks -1: not a number"
run -c x.conf --tasks 99999999999999999999999
says "more tasks than can be counted" 2 \
	"--tasks 99999999999999999999999: not a number"
run -c x.conf --task-force
same "an unknown option" "$status" 2
run -c x.conf y.conf
same "a word too many" "$status" 2

# ---- the config -------------------------------------------------------------

run -c nowhere.conf
says "a config that is not there" 1 "nowhere.conf: No such file or directory"
run -c .
same "a folder is no config" "$status" 1

echo 'host = { threads = ; };' >bad.conf
refused "a syntax error" "bad.conf:1: syntax error"
printf '\nhost = { thraeds = 2; };\n' >bad.conf
refused "an unknown key" \
	'bad.conf:2: unknown key "thraeds" in host; the nearest is "threads"'
one_agent 'trsut = 0.5;' >bad.conf
refused "an unknown key of an agent" \
	'bad.conf:4: unknown key "trsut" in an agent; the nearest is "trust"'
echo 'host = { threads = "two"; };' >bad.conf
refused "a wrong type" \
	'bad.conf:1: "threads" must be an integer, not a string'
echo 'host = { threads = 65; };' >bad.conf
refused "out of range" 'bad.conf:1: "threads" must be 1..64, not 65'
one_agent 'trust = 1.5;' >bad.conf
refused "a trust above one" 'bad.conf:4: "trust" must be 0..1, not 1.5'
one_agent 'fresh_start = "yes";' >bad.conf
refused "a string for a boolean" \
	'bad.conf:4: "fresh_start" must be true or false, not a string'
echo 'agents = ( { name = "a"; } );' >bad.conf
refused "a key that is missing" 'bad.conf:1: an agent has no "program"'
one_agent 'boundary = "soon";' >bad.conf
refused "a boundary that is none" \
	'bad.conf:4: "boundary": "soon" is none of default, yield, '\
'out:CHANNEL and pc:LABEL'
one_agent 'confidence = "C1";' >bad.conf
refused "a confidence without scale" \
	'bad.conf:4: "confidence": expected "/" at position 3 of "C1"'
head -c 4096 /dev/zero >bad.conf
refused "bytes that are no text" \
	"bad.conf: this is no text: it holds a zero byte"

# ---- natives ----------------------------------------------------------------

echo 'natives = { t = "libroom.so:room_temp(double)->i32"; };' >bad.conf
refused "a nonsense signature" \
	'bad.conf:1: native "t": expected a type (i32, i64, f32, f64) at '\
'position 22 of "libroom.so:room_temp(double)->i32"'
echo 'natives = { t = "libroom.so:room_tmp(i32)->i32"; };' >bad.conf
refused "a function the library lacks" \
	'native "t": "libroom.so" has no function "room_tmp"'
echo 'natives = { t = "libattic.so:f(i32)->i32"; };' >bad.conf
run -c bad.conf --check-config
same "a library that is nowhere: status" "$status" 1
holds "a library that is nowhere" "$err" \
	'^flux-host: native "t": "libattic.so" not found in '
one_agent 'sources = ( { name = "TEMP"; call = "rnage(1,2,3)"; } );' >bad.conf
refused "a call of an unknown native" \
	'bad.conf:4: "call": unknown native "rnage"; did you mean "range"?'
one_agent 'sources = ( { name = "TEMPO"; call = "range(1,2,3)"; } );' >bad.conf
run -c bad.conf --check-config
same "a source the dialect lacks: status" "$status" 1
holds "a source the dialect lacks" "$err" 'agent "sum" does not run: .*TEMPO'

# ---- plugins ----------------------------------------------------------------

with_plugin 'path = "flux_self_evlove.so";' >bad.conf
run -c bad.conf --check-config
same "a plugin that is nowhere: status" "$status" 1
holds "a plugin that is nowhere" "$err" \
	'^flux-host: "flux_self_evlove.so" not found in '
with_plugin 'path = "../flux_self_evolve.so";' >bad.conf
refused "a path that leaves its folder" \
	'"../flux_self_evolve.so" leaves its folder; a path with ".." '\
'must be absolute'
with_plugin 'path = "libroom.so";' >bad.conf
run -c bad.conf --check-config
holds "a library that is no plugin" "$err" \
	'libroom.so" is no plugin: it has no symbol flux_plugin_entry$'

echo 'not a shared object' >text.so
with_plugin 'path = "text.so";' >bad.conf
run -c bad.conf --check-config
holds "a text that is no library" "$err" '^flux-host: cannot be loaded: '
mkdir safe
cp text.so safe/loose.so
chmod o+w safe/loose.so
real=$(cd safe && pwd -P)
with_plugin "path = \"$real/loose.so\";" >bad.conf
refused "a plugin others can write" \
	"file \"$real/loose.so\" is writable by others; try chmod go-w"
chmod o-w safe/loose.so
chmod g+w safe
with_plugin "path = \"$real/loose.so\";" >bad.conf
refused "a folder its group can write" \
	"folder \"$real\" is writable by its group; try chmod go-w"
chmod g-w safe

evolve='path = "flux_self_evolve.so";'
settings='plugin flux.self-evolve: bad.conf:5:'
with_plugin "$evolve policy = { budget = 0; };" >bad.conf
refused "a setting out of range" \
	"$settings setting \"policy.budget\": it must be from 1 to 1000000000"
with_plugin "$evolve policy = { probation_task = 3; };" >bad.conf
refused "an unknown setting" \
	"$settings unknown setting \"policy.probation_task\"\
 (did you mean \"policy.probation_tasks\"?)"
with_plugin "$evolve policy = { paused = 1; };" >bad.conf
refused "a setting of the wrong type" \
	"$settings setting \"policy.paused\": it must be true or false, not an\
 integer"
with_plugin "$evolve test_plant = ( \"rot\" );" >bad.conf
run -c bad.conf --check-config
holds "a plant that is none" "$err" '"test_plant": it must be "fault"'
with_plugin 'path = "nowhere.so"; enabled = false;' >good.conf
run -c good.conf --check-config
same "a plugin that is switched off is not sought" "$status" 0

# ---- agents that run --------------------------------------------------------

run -c "$samples/flux.conf" --check-config
same "the sample config is fine" "$status $out" "0 $samples/flux.conf: ok"
sed -e 's/pace_us = [0-9]*/pace_us = 0/' "$samples/flux.conf" >all.conf
agents=$(grep -c 'program = "' all.conf)

run -c all.conf --no-plugins --tasks 200 --outputs control.out \
	--report control.tsv
same "all samples run" "$status" 0
same "all of them" "$(wc -l <control.tsv)" "$agents"
same "each 200 tasks to a result" "$(cut -f 2 control.tsv | sort -u)" 200
same "outputs of each" "$(cut -d ' ' -f 1 control.out | sort -u | wc -l)" \
	"$agents"
run -c all.conf --no-plugins --tasks 200 --outputs again.out
check "the same outputs every time" cmp control.out again.out
sed 's/threads = 2/threads = 1/' all.conf >single.conf
run -c single.conf --no-plugins --tasks 200 --outputs again.out
check "and on one thread" cmp control.out again.out
run -c all.conf --no-plugins --variant tuned --tasks 200 \
	--control control.out --report tuned.tsv
same "tuned forms give the same" "$(cut -f 8 tuned.tsv | sort -u)" 0
same "for less" "$(paste control.tsv tuned.tsv |
	awk -F '\t' '$11 >= $3 { print $1 }')" ""
run -c all.conf --no-plugins --variant nowhere --tasks 200 \
	--control control.out --report again.tsv
check "a variant nobody has: the originals" cmp control.tsv again.tsv

sed '3s/[0-9]*$/-7/' control.out >other.out
run -c all.conf --no-plugins --tasks 200 --control other.out \
	--report again.tsv
same "one output differs, one is counted" \
	"$(awk -F '\t' '{ n += $8 } END { print n }' again.tsv)" 1
head -n 5 control.out >short.out
run -c single.conf --no-plugins --tasks 200 --control short.out \
	--report again.tsv
same "an output more is one too many" \
	"$(awk -F '\t' '{ n += $8 } END { print n + 5 }' again.tsv)" \
	"$(wc -l <control.out)"
run -c all.conf --no-plugins --tasks 1 --control nowhere.out
says "a control file that is not there" 1 \
	"nowhere.out: cannot read outputs: No such file or directory"
run -c all.conf --no-plugins --tasks 1 --outputs nowhere/x.out
says "outputs that cannot be written" 1 \
	"nowhere/x.out: cannot write outputs: No such file or directory"
run -c all.conf --no-plugins --tasks 1 --report nowhere/x.tsv
says "a report that cannot be written" 1 \
	"nowhere/x.tsv: cannot write the report"

# ---- programs that are wrong ------------------------------------------------

# beside FILE: the agent of that program between two that are fine.
beside()
{
	one_agent '' | sed '$d'
	printf '%s\n' '  }, { name = "odd"; trust = 0.9;' \
		"  program = \"$1\"; max_task_fuel = 5000; }, {" \
		'  name = "gcd"; program = "agents/gcd.flx"; } );'
}

# results: how many each agent gave, by name.
results()
{
	awk -F '\t' '{ printf "%s%s %s", sep, $1, $2; sep = ", " }' report.tsv
}

printf '.dialect unified\n  MOVI R1\n  HALT\n' >odd.flx
beside odd.flx >odd.conf
run -c odd.conf --tasks 20 --report report.tsv
same "a program that does not assemble: status" "$status" 0
holds "its agent is left out with its sentence" "$err" \
	'^flux-host: error: agent "odd" does not run: .*odd.flx:2'
same "the others run" "$(results)" "sum 20, gcd 20"
run -c odd.conf --check-config
same "to --check-config it is an error" "$status" 1
holds "with that sentence" "$err" 'agent "odd" does not run: .*odd.flx:2'

beside nowhere.flx >odd.conf
run -c odd.conf --tasks 20 --report report.tsv
holds "a program that is not there" "$err" \
	'agent "odd" does not run: .*nowhere.flx: No such file'
same "the others run without it" "$(results)" "sum 20, gcd 20"

printf '\001\002\003' >odd.fxb
beside odd.fxb >odd.conf
run -c odd.conf --tasks 20 --report report.tsv
holds "a raw program that names no dialect" "$err" \
	'agent "odd" does not run: .*odd.fxb'
same "the others run beside it" "$(results)" "sum 20, gcd 20"

printf '.dialect unified\nloop: JMP loop\n' >odd.flx
beside odd.flx >odd.conf
run -c odd.conf --tasks 20 --report report.tsv
same "an endless loop ends by fuel, the others run" "$(results)" \
	"sum 20, odd 0, gcd 20"
same "which is no success" "$status" 1
holds "and is said" "$err" '^flux-host: warning: agent "odd" stopped in '\
'task 0: not done within max_task_fuel = 5000, at pc 0$'
printf '.dialect unified\n  MOVI R1, 1\n  DIV R2, R1, R3\n  HALT\n' >odd.flx
run -c odd.conf --tasks 20 --report report.tsv
same "a fault ends its agent alone" "$(results)" "sum 20, odd 0, gcd 20"
same "that is no success either" "$status" 1
holds "it is said" "$err" '^flux-host: warning: agent "odd" stopped in '\
'task 0: fault [0-9]* [A-Z_a-z]* at pc [0-9]*$'
holds "and stands in the table" "$out" '^  stopped in task 0: fault '

one_agent '' >full.conf
if [ -w /dev/full ]; then
	timeout 60 "$host" -c full.conf --tasks 2 >/dev/full 2>err.log
	status=$?
	err=$(cat err.log)
	says "a table that nobody gets" 1 \
		"cannot write the output: No space left on device"
	"$host" --help >/dev/full
	same "help that nobody gets" "$?" 1
	run -c full.conf --tasks 2 --report /dev/full
	says "a report that nobody gets" 1 \
		"/dev/full: No space left on device"
fi

# ---- with the plugin --------------------------------------------------------

# unevolved NAME REASON: with odd.flx as it is the host runs all three agents,
# and says why one of them is not evolved.
unevolved()
{
	run -c odd.conf --tasks 20 --report report.tsv
	same "$1: it runs" "$status, $(results)" "0, sum 20, odd 20, gcd 20"
	same "$1: unevolved, with the reason" \
		"$(printf '%s\n' "$err" | grep odd)" \
		"flux-host: warning: agent \"odd\" is not evolved: $2"
}

{
	beside odd.flx
	printf 'plugins = ( { name = "evolve"; %s } );\n' "$evolve"
} >odd.conf
printf '.dialect unified\n.out R1\n  MOVI R1, 3\n' >odd.flx
unevolved "a program that runs off its end" \
	"its program is malformed at 0: control can run off the end behind MOVI"
{
	printf '.dialect unified\n.out R1\n  JNE R0, bad\n  HALT\n'
	printf 'bad: .byte 0x5f,0,0,0,0\n'
} >odd.flx
unevolved "a program with an undefined opcode" \
	"its program is malformed at 5: undefined opcode 0x5F"

run -c all.conf --tasks 200 --control control.out --report report.tsv
same "with the plugin outputs are the originals'" \
	"$status $(cut -f 8 report.tsv | sort -u)" "0 0"
rm -f flux.db*

# damaged NAME: the journal as it is now cannot be used.
damaged()
{
	cp flux.db before.db
	run -c all.conf --tasks 200 --control control.out --report report.tsv
	same "$1: agents run" "$status $(cut -f 2 report.tsv | sort -u)" \
		"0 200"
	same "$1: as their originals" \
		"$(cut -f 5,8 report.tsv | sort -u | tr '\t' ' ')" "0 0"
	holds "$1: and it is said" "$err" \
		'^flux-host: error: agents run unevolved: .*flux.db'
	check "$1: the file is as it was" cmp before.db flux.db
	rm -f flux.db*
}

with_plugin 'path = "flux_self_evolve.so";
  policy = { deny_opcodes = [ "MULL" ]; };' >deny.conf
run -c deny.conf --tasks 20 --report report.tsv
same "a mnemonic that is none: the agent runs" "$status $(results)" "0 sum 20"
holds "unevolved, and it is said" "$err" 'warning: agent "sum" is not '\
'evolved: policy.deny_opcodes: dialect unified has no "MULL"; the nearest is '

# checked NAME SENTENCE: --check-config says so of bad.conf.
checked()
{
	run -c bad.conf --check-config
	same "$1: status" "$status" 1
	holds "$1" "$err" "$2"
}

with_plugin 'path = "flux_self_evolve.so"; journal = "none/x.db";' >bad.conf
checked "a journal without a folder" \
	'journal "none/x.db": No such file or directory$'
printf '.dialect unified\n  JMP 3\n  HALT\n' >odd.flx
beside odd.flx >bad.conf
checked "a malformed program" \
	'agent "odd": its program is malformed at [0-9]*: '

with_plugin 'path = "flux_self_evolve.so";
  test_plant = ( "nobody:fault", "sum:slow" );' >plant.conf
run -c plant.conf --tasks 20
same "a plant for nobody is said" "$(grep -c test_plant err.log) $(
	grep -c 'warning: test_plant "nobody:fault": no agent "nobody" was' \
		err.log)" "1 1"

# Two entries of one plugin, with one journal.
one_agent 'trust = 0.9;' >twice.conf
one='path = "flux_self_evolve.so"; journal = "twice.db";'
printf 'plugins = ( { name = "first"; %s }, { name = "second"; %s } );\n' \
	"$one" "$one" >>twice.conf
run -c twice.conf --tasks 20 --report report.tsv
same "two evolvers: the agent runs" "$status $(results)" "0 sum 20"
holds "the second has none, and it is said" "$err" 'warning: plugin "second" '\
'evolves nothing: every agent has the evolver of plugin "first" already$'
holds "nor the journal" "$err" \
	'twice.db" is in use by another plugin of this process$'
rm -f twice.db*

head -c 5000 /dev/zero >flux.db
damaged "a journal of zeros"
printf 'Dear diary, nothing happened today.\n' >flux.db
damaged "a diary"
if [ "$(id -u)" -ne 0 ]; then
	echo >flux.db
	chmod 0 flux.db
	run -c all.conf --tasks 20
	holds "a journal nobody may read" "$err" \
		'agents run unevolved: .*flux.db'
	rm -f flux.db*
fi

# ---- evolving ---------------------------------------------------------------

# evolving PACE_US MORE: three small agents that learn from every task.
evolving()
{
	cat <<END
host = { pace_us = $1; threads = 2; };
natives = {
  range = "libroom.so:feed_range(i32,i32,i32)->i32";
  value = "libroom.so:feed_value(i32,i32,i32,i32)->i32";
};
plugins = ( { name = "evolve"; path = "flux_self_evolve.so";
  journal = "flux.db"; $2 } );
agents = (
  { name = "sum"; program = "agents/sum.flx"; trust = 0.9;
    inputs = ( { to = "R1"; call = "range(task, 0, 40)"; } ); },
  { name = "gcd"; program = "agents/gcd.flx"; trust = 0.9;
    inputs = ( { to = "R1"; call = "value(task, 1, 0, 100000)"; },
               { to = "R2"; call = "value(task, 2, 0, 100000)"; } ); },
  { name = "fibonacci"; program = "agents/fibonacci.flx"; trust = 0.9;
    inputs = ( { to = "R1"; call = "range(task, 0, 60)"; } ); }
);
END
}

quick='record_period = 1; episodes = 16; fuzz_states = 2000; cpu_share = 1.0;'
evolving 1000 "policy = { $quick };
  test_plant = ( \"sum:fault\", \"gcd:wrong\", \"fibonacci:slow\" );" \
	>evolving.conf
evolving 0 'policy = { paused = true; };' >paused.conf

# until_logged TEXT...: waits until out.log holds each; at most two minutes,
# for machines that are busy with other tests.
until_logged()
{
	for text; do
		tries=0
		until grep -q -e "$text" out.log; do
			sleep 0.1
			tries=$((tries + 1))
			[ $tries -lt 1200 ] || return 1
		done
	done
}

"$host" -c evolving.conf --outputs evolved.out --report report.tsv \
	>out.log 2>err.log </dev/null &
child=$!
until_logged '^sum: accepted' '^gcd: accepted' '^fibonacci: accepted' \
	'(planted fault)' '(planted wrong)' '(planted slow)'
sleep 1
kill -s TERM "$child"
wait "$child"
status=$?
out=$(cat out.log)
# The tasks that the busiest of them ran, without the plugin. An output is a
# line of its own, so being right is being among those.
most=$(cut -f 2 report.tsv | sort -n | tail -n 1)
"$host" -c paused.conf --no-plugins --tasks "$most" --outputs all.out \
	>/dev/null 2>err.log </dev/null
sort evolved.out >evolved.sorted
sort all.out >all.sorted
same "evolving agents do what the originals do" \
	"$status $(comm -23 evolved.sorted all.sorted | head -n 3)" "0 "
same "and each of it once" "$(wc -l <evolved.out)" \
	"$(awk -F '\t' '{ n += $2 } END { print n }' report.tsv)"
same "each has accepted a patch" \
	"$(awk -F '\t' '$5 > 0 { n++ } END { print n }' report.tsv)" 3
# At least: on a busy machine a good one may have to wait too long as well.
same "each planted patch was taken back" \
	"$(awk -F '\t' '$1 == "fibonacci" ? $6 > 0 : $7 > 0 { print $1 }' \
		report.tsv | tr '\n' ' ')" "sum gcd fibonacci "
holds "an accepted patch is an event" "$out" \
	'^sum: accepted patch [0-9]*: [0-9.]* -> [0-9.]* cycles a result (.*)$'
holds "so is one that faulted" "$out" \
	'^sum: recovered patch 1: .* faulted: .* (planted fault)$'
holds "and one that was wrong" "$out" \
	'^gcd: recovered patch 1: .* (planted wrong)$'
holds "and one that was slow" "$out" \
	'^fibonacci: reverted patch 1: dearer .* (planted slow)$'

run -c paused.conf --no-plugins --tasks 6000 --outputs control.out \
	--report control.tsv

# resumed NAME: what the journal holds runs from the first task on, and is
# right.
resumed()
{
	run -c paused.conf --tasks 6000 --control control.out \
		--report report.tsv
	same "$1: right" "$status $(cut -f 8 report.tsv | sort -u)" "0 0"
	same "$1: cheaper where there is a version, else as it was" \
		"$(paste control.tsv report.tsv | awk -F '\t' '
			$12 > 0 ? $11 >= $3 : $11 != $3 { print $1 }')" ""
	same "$1: nothing new" "$(cut -f 5-7 report.tsv | sort -u)" \
		"$(printf '0\t0\t0')"
}

resumed "resumed from the journal"
same "versions of all agents" \
	"$(awk -F '\t' '$4 > 0 { n++ } END { print n }' report.tsv)" 3

# Wherever a hole is, agents do what their originals did. The first pages are
# the schema, the others programs and records.
rm -f flux.db-*
size=$(wc -c <flux.db)
cp flux.db whole.db
for place in 0 100 4000 $((size / 3)) $((size / 2)) $((size - 600)); do
	cp whole.db flux.db
	head -c 600 /dev/zero | tr '\000' '\245' |
		dd of=flux.db bs=1 seek="$place" conv=notrunc 2>/dev/null
	run -c paused.conf --tasks 500 --outputs holed.out
	same "a journal with a hole at $place: it runs" "$status" 0
	awk '$2 < 500' control.out >first.out
	check "a journal with a hole at $place: right" cmp first.out holed.out
	rm -f flux.db*
done
head -c $((size / 2)) whole.db >flux.db
run -c paused.conf --tasks 500 --outputs holed.out
check "half a journal: right" cmp first.out holed.out
holds "half a journal: it is said" "$err" 'unevolved: .*flux.db'
rm -f flux.db*

"$host" -c evolving.conf >out.log 2>err.log </dev/null &
child=$!
until_logged ': accepted patch'
kill -s KILL "$child"
wait "$child" 2>/dev/null
resumed "after kill -9"
same "with a version at least" \
	"$(awk -F '\t' '$4 > 0 { n = 1 } END { print n + 0 }' report.tsv)" 1
rm -f flux.db*

# A journal that is taken away: nothing is accepted any more.
sed 's/test_plant = [^;]*;//' evolving.conf >gone.conf
rm -f flux.db*
"$host" -c gone.conf >out.log 2>err.log </dev/null &
child=$!
until_logged ': accepted patch'
mv flux.db away.db
tries=0
until grep -q 'evolution is paused' err.log || [ $tries -ge 600 ]; do
	sleep 0.1
	tries=$((tries + 1))
done
kill -s TERM "$child"
wait "$child"
holds "a journal that is gone pauses evolution" "$(cat err.log)" \
	'^flux-host: error: evolution is paused: journal .*: the file is gone'
same "with one line" "$(grep -c paused err.log)" 1
rm -f flux.db* away.db*

# ---- calibrate ---------------------------------------------------------------

# The host of a config and its plugin, as fluxevolve opens them.
fluxevolve=$FLUX_BUILDDIR/bin/fluxevolve

# calibrated NAME STATUS OPTION...: no agent runs a task, whatever comes.
calibrated()
{
	name=$1
	want=$2
	shift 2
	timeout 60 "$fluxevolve" calibrate "$@" >out.log 2>err.log </dev/null
	same "$name: status" "$?" "$want"
	out=$(cat out.log)
	err=$(cat err.log)
}

line='^unified: 178 rows stepped, 0 opaque, 0 unfit, 8 never stepped, '
with_plugin 'path = "flux_self_evolve.so"; journal = "known.db";' >cal.conf
calibrated "calibrate" 0 -c cal.conf
holds "calibrate: the sum" "$out" "$line[0-9.]* ms\$"
same "calibrate: nothing else" "$(wc -l <out.log)$err" 1
calibrated "calibrate: again" 0 --config=cal.conf
holds "calibrate: stepped again" "$out" "$line"
calibrated "calibrate: JSON" 0 -c cal.conf --json
holds "calibrate: JSON, all is fine" "$out" '^{"fine":true,"dialects":\[{'
holds "calibrate: JSON, the sums" "$out" \
	'"stepped":178,"opaque":0,"unfit":0,"never":8,.*"rows":\[\]}\]}$'
# What it found is what the host needs no more to find out.
sed 's/^agents = /host = { log = "debug"; }; &/' cal.conf >info.conf
run -c info.conf --tasks 2
holds "calibrate: the journal knows" "$err" \
	'178 rows stepped on .*, as the journal knows$'
rm -f known.db*
calibrated "calibrate: the samples" 0 -c "$samples/flux.conf"
holds "calibrate: the samples, unified" "$out" "$line"
holds "calibrate: the samples, classic" "$out" \
	'^classic: 103 rows stepped, 0 opaque, 0 unfit, 12 never stepped, '
holds "calibrate: the samples, seed" "$out" \
	'^seed: 28 rows stepped, 0 opaque, 0 unfit, 0 never stepped, '
same "calibrate: the samples, a line each" "$(wc -l <out.log)" 3
rm -f flux.db*

# told NAME STATUS SENTENCE OPTION...
told()
{
	name=$1
	want=$2
	sentence=$3
	shift 3
	calibrated "$name" "$want" "$@"
	same "$name: stdout" "$out" ""
	same "$name: stderr" "$err" "fluxevolve: $sentence"
}

told "calibrate: no config" 2 \
	"calibrate needs -c HOSTCONFIG; try --help"
told "calibrate: no such config" 1 "none.conf: No such file or directory" \
	-c none.conf
one_agent 'trust = 0.9;' >cal.conf
told "calibrate: no plugin" 1 \
	"no plugin of this config has flux.control/1" -c cal.conf
printf '%s\n' 'agents = ( { name = "a"; program = "none.flx"; } );' \
	'plugins = ( { name = "e"; path = "flux_self_evolve.so"; } );' >cal.conf
calibrated "calibrate: no agent" 1 -c cal.conf
holds "calibrate: no agent, why" "$err" 'agent "a" does not run: '
holds "calibrate: no agent, no dialect" "$err" \
	'^fluxevolve: no agent has brought a dialect yet$'
told "calibrate: another option" 2 \
	"--dialect is no option of this command; try --help" \
	-c cal.conf --dialect unified
told "calibrate: a word" 2 "too many words; usage: fluxevolve calibrate \
-c HOSTCONFIG; try --help" -c cal.conf word

# ---- stopping ---------------------------------------------------------------

# until_host is|"is not": waits until process $child is flux-host, or is not
# any more; at most a minute.
until_host()
{
	tries=0
	while [ $tries -lt 600 ]; do
		case $(readlink "/proc/$child/exe") in
		*flux-host) [ "$1" = is ] && return 0 ;;
		*) [ "$1" = is ] || return 0 ;;
		esac
		sleep 0.1
		tries=$((tries + 1))
	done
	return 1
}

# interrupted NAME SIGNAL OPTION...: a host that runs until stopped ends by
# the signal with its table and status 0.
interrupted()
{
	name=$1
	signal=$2
	shift 2
	"$host" -c "$samples/flux.conf" "$@" --report report.tsv \
		>out.log 2>err.log </dev/null &
	child=$!
	# The wrappers around the program become it; then it still has to set
	# its handlers, the first thing it does.
	until_host is
	sleep 1
	kill -s "$signal" "$child"
	until_host "is not" || kill -s KILL "$child"
	wait "$child"
	same "$name: status" "$?" 0
	same "$name: all agents reported" "$(wc -l <report.tsv)" "$agents"
	holds "$name: the table" "$(cat out.log)" '^agent .*tasks .*results'
	rm -f flux.db* report.tsv
}

if [ -e /proc/self/exe ]; then
	interrupted "Ctrl-C" INT --no-plugins
	interrupted "Ctrl-C with the plugin" INT
	interrupted "SIGTERM with the plugin" TERM
else
	skip "stopping" "no /proc"
fi

finish
