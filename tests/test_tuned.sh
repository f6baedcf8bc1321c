#!/bin/sh
# Thermostats under a real host that change what they do: tried beside one that
# does not, kept for good, and taken back where promises do not come true.

. "${FLUX_SRCDIR:-.}/tests/lib.sh"

host=$FLUX_BUILDDIR/bin/flux-host
FLUX_PLUGIN_DIR=$(cd "$FLUX_BUILDDIR/lib/flux" && pwd)
FLUX_SRCDIR=$(cd "$FLUX_SRCDIR" && pwd)
natives=$(cd "$FLUX_BUILDDIR/tests/.libs" && pwd)/libtunenatives.so
export FLUX_PLUGIN_DIR
umask 022
cd "$tmp" || exit 99
chmod go-w "$natives"

# thermostat ROOM: an agent in a room of its own.
thermostat()
{
	cat <<-END
	{ name = "room$1"; trust = 0.9; confidence = "C1/100";
	  program = "$FLUX_SRCDIR/samples/agents/thermostat_tuned.flx";
	  sources = ( { name = "TEMP"; call = "spring($1, $spring, 185)";
	                model = "model(TEMP, SYS:1, outdoor($1))"; } );
	  channels = ( { name = "SYS"; arg = 1; call = "heat($1, arg1)"; } );
	  scorer = "$scorer"; }
	END
}

# config NAME ROOM...: a host with those agents. $scorer judges
# them, $policy is asked of the plugin, after $spring reads it is warm outside.
scorer='score(TEMP, SYS:1, before SYS:1)'
policy=
spring=2000000000
config()
{
	file=$1
	shift
	{
		cat <<-END
		host = { threads = 2; pace_us = 200; };
		natives = {
		  spring  = "libroom.so:room_spring(i32,i32,i32)->i32";
		  heat    = "libroom.so:room_heat(i32,i32)->i32";
		  outdoor = "libroom.so:room_outdoor(i32)->i32";
		  score   = "libroom.so:room_score(f32,f32,f32)->f32";
		  model   = "libroom.so:room_model(f32,f32,f32)->f32";
		  liar    = "$natives:tune_liar(f32,f32,f32)->f32";
		  nothing = "$natives:tune_nothing(f32)->f32";
		  never   = "$natives:tune_never(f32)->f32";
		};
		plugins = ( { name = "e"; path = "flux_self_evolve.so";
		  journal = "$file.db";
		  policy = { seed = 1; cpu_share = 1.0; record_period = 8;
		    episodes = 16; canary_tasks = 2304; fuzz_states = 100;
		    $policy }; } );
		agents = (
		END
		comma=
		for room in "$@"; do
			echo "$comma"
			thermostat "$room"
			comma=,
		done
		echo ');'
	} >"$file.conf"
}

# until NAME TEXT...: runs the host until it has said all of the texts, or for
# a minute and a half; then it is asked to stop. True if it said them.
until_said()
{
	file=$1
	shift
	"$host" -c "$file.conf" --report "$file.tsv" >"$file.log" 2>&1 &
	pid=$!
	left=900
	said=no
	while [ $left -gt 0 ] && [ $said = no ] && kill -0 $pid 2>/dev/null; do
		sleep 0.1
		left=$((left - 1))
		said=yes
		for text in "$@"; do
			grep -q "$text" "$file.log" || said=no
		done
	done
	kill -TERM $pid 2>/dev/null
	wait $pid
	status=$?
	cat "$file.log"
	[ $said = yes ] && [ $status -eq 0 ]
}

# wrong NAME: how many results were, of all agents.
wrong()
{
	awk -F '\t' '{ n += $8 } END { print n + 0 }' "$1.tsv"
}

# A canary beside a control, then both.
config pair 0 1
check "what is better beside a control is accepted, and spreads" \
	until_said pair 'accepted patch .*score .* -> .* beside a control' \
	'accepted patch .* as another agent of the program'
same "nothing was wrong" "$(wrong pair)" 0
same "and both were accepted by the host" \
	"$(awk -F '\t' '$5 > 0 { n++ } END { print n + 0 }' pair.tsv)" 2
check "the other after a trial of its own" grep -q \
	'as another agent of the program: score .* -> .* on its own tasks' \
	pair.log

# It is still there after a restart, for both.
policy='paused = true;'
config again 0 1
sed 's/again\.db/pair.db/' again.conf >again2.conf && mv again2.conf again.conf
"$host" -c again.conf --tasks 200 --report again.tsv >again.log 2>&1
same "a restart: status" $? 0
same "and both run what was accepted" \
	"$(awk -F '\t' '$4 > 0 { n++ } END { print n + 0 }' again.tsv)" 2
policy=

# What it does otherwise is no wrong result, and it does.
"$host" -c again.conf --no-plugins --tasks 2000 --outputs plain.out \
	>plain.log 2>&1
same "the originals: status" $? 0
"$host" -c again.conf --tasks 2000 --outputs tuned.out --report held.tsv \
	--control plain.out >held.log 2>&1
same "tuned agents beside them: status" $? 0
same "what is done on purpose is not wrong" "$(wrong held)" 0
check "and other than before" \
	sh -c '! cmp -s plain.out tuned.out && [ -s tuned.out ]'

# The world changes, and they change with it. A slow build is not done with
# winter by then.
if [ "${FLUX_TEST_SCALE:-1}" -gt 1 ]; then
	skip "in spring they learn once more" "winter is too short here"
else
	spring=12000
	config spring 0 1
	check "in spring they learn once more" until_said spring \
		'accepted patch .*score 0\.92.* -> .* a task' \
		'accepted patch .*score 0\.[89][01].* -> .* a task'
	same "and nothing was wrong" "$(wrong spring)" 0
	spring=2000000000
fi

# One alone.
config alone 0
check "one alone is its own control" \
	until_said alone 'accepted patch .*score .* beside what it did before'
same "and nothing was wrong" "$(wrong alone)" 0

# Nobody judges, nobody is tuned: only the tuner's threads are missing.
policy='tuning = false;'
config off 0 1
"$host" -c off.conf --tasks 4000 --report off.tsv >off.log 2>&1
same "without tuning no scores" "$(grep -c score off.log)" 0
policy=

# A scorer that lies: trials are praised, and rooms get worse.
scorer='liar(TEMP, SYS:1, before SYS:1)'
config liar 0 1
check "what is good in trials alone is taken back" \
	until_said liar 'reverted patch .*score .* is no better'
same "and never accepted" \
	"$(grep -c 'accepted patch .*score' liar.log)" 0
same "and nothing was wrong by it" "$(wrong liar)" 0

# Scorers that are none.
scorer='nothing(TEMP)'
config nan 0 1
check "no number is no score" \
	until_said nan 'is not tuned any more: its scorer'
scorer='never(TEMP)'
policy='scorer_ms = 100;'
config never 0 1
check "a scorer that never comes back is given up" \
	until_said never 'is not evolved any more: its scorer'
policy=

# What a config may not say.
scorer='score(TEMP, SYS:1)'
config few 0
"$host" -c few.conf --check-config >few.log 2>&1
same "too few arguments: status" $? 1
check "and why" grep -q 'few.conf:.*"scorer": too few arguments' few.log
scorer='score(TEMP, SYS:1, before NOTHING)'
config name 0
"$host" -c name.conf --check-config >name.log 2>&1
same "no such channel: status" $? 1
check "and why" grep -q 'no source or channel "NOTHING"' name.log

finish
