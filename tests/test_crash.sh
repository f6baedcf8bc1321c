#!/bin/sh
# flux-host killed with kill -9 while it evolves, at moments drawn by lot:
# whatever was going on, the journal opens again, what it holds was accepted
# and never just on trial, and evolution goes on from there.
#
# FLUX_TEST_SEED draws other moments; FLUX_TEST_SCALE divides their number.

. "${FLUX_SRCDIR:-.}/tests/lib.sh"

host=$FLUX_BUILDDIR/bin/flux-host
samples=$(cd "$FLUX_SRCDIR/samples" && pwd)
FLUX_PLUGIN_DIR=$(cd "$FLUX_BUILDDIR/lib/flux" && pwd)
export FLUX_PLUGIN_DIR
# Which engine tries is told once, and is no matter here.
FLUX_TRIAL_BACKEND=lanes
export FLUX_TRIAL_BACKEND
umask 022
cd "$tmp" || exit 99
cp -r "$samples/agents" agents
chmod -R u+w agents

tasks=1500
seed=${FLUX_TEST_SEED:-1}
scale=${FLUX_TEST_SCALE:-1}
rounds=$((12 / scale))
[ $rounds -ge 2 ] || rounds=2

# config PACE_US POLICY MORE: the sample host, with that policy.
config()
{
	sed -e "s/pace_us = [0-9]*/pace_us = $1/" \
		-e "s/policy = {.*/policy = { $2 }; $3/" "$samples/flux.conf"
}

# Bad patches are on trial in each life.
quick='record_period = 2; episodes = 8; fuzz_states = 500; budget = 60;
probation_tasks = 4; cpu_share = 1.0; max_generations = 1000;'
quick=$(echo "$quick" | tr '\n' ' ')
plants='test_plant = ( "sum:wrong", "sum:fault", "sum:slow", "gcd:wrong",
"gcd:fault", "gcd:slow", "average:wrong", "crc8:fault" );'
plants=$(echo "$plants" | tr '\n' ' ')
config 0 'paused = true;' '' >paused.conf

# run OPTION...: flux-host, for at most two minutes.
run()
{
	timeout 120 "$host" "$@" >out.log 2>err.log </dev/null
	status=$?
}

run -c paused.conf --no-plugins --tasks $tasks --outputs control.out \
	--report control.tsv
same "the control run" "$status" 0
agents=$(wc -l <control.tsv)

# moments: seconds to live, one a line.
moments()
{
	awk -v seed="$seed" -v n="$rounds" 'BEGIN {
		srand(seed)
		for (i = 0; i < n; i++) printf "%.2f\n", 0.01 + 0.2 * rand()
	}'
}

# until_busy: waits until the life tells of its first patch; at most 3 s.
until_busy()
{
	tries=0
	until grep -q ' patch ' out.log; do
		sleep 0.05
		tries=$((tries + 1))
		[ $tries -lt 60 ] || return
	done
}

# untrue: versions of report.tsv that the events of all lives speak against:
# the last word on the patch is that it was taken back, or a patch accepted
# earlier is not there any more.
untrue()
{
	awk -F '\t' '
		FNR == NR {
			if (!match($0, /^[a-z0-9_]*: [a-z]* patch [0-9]*/)) next
			split(substr($0, RSTART, RLENGTH), w, /[: ]+/)
			said[w[1], w[4]] = w[2]
			if (w[2] == "accepted") last[w[1]] = w[4]
			else if (last[w[1]] == w[4]) last[w[1]] = 0
			next
		}
		$4 > 0 && said[$1, $4] != "" && said[$1, $4] != "accepted" {
			print $1, "runs patch", $4, said[$1, $4]
		}
		$4 < last[$1] { print $1, "lost patch", last[$1] }
	' events.log report.tsv
}

: >events.log
life=0
# What the first life that accepted something accepted.
first=
for moment in $(moments); do
	life=$((life + 1))
	name="life $life, $moment s"
	config 1000 "seed = $life; $quick" "$plants" >evolving.conf
	"$host" -c evolving.conf --tasks 0 >out.log 2>err.log </dev/null &
	child=$!
	# Every third dies young, the others when much is going on.
	[ $((life % 3)) -eq 0 ] || until_busy
	sleep "$moment"
	kill -s KILL "$child"
	wait "$child" 2>/dev/null
	same "$name: it lived until then" "$?" 137
	grep ' patch ' out.log >>events.log
	[ -n "$first" ] || first=$(grep ': accepted patch' events.log)

	run -c paused.conf --tasks $tasks --control control.out \
		--report report.tsv
	same "$name: the journal opens" "$status $(cat err.log)" "0 "
	same "$name: outputs are the originals'" "$(cut -f 1,2,8 report.tsv |
		awk '$2 != '$tasks' || $3 != 0')" ""
	same "$name: nothing new while it is paused" \
		"$(cut -f 5-7 report.tsv | sort -u)" "$(printf '0\t0\t0')"
	same "$name: what runs was accepted" "$(untrue)" ""
	same "$name: no dearer than the original" \
		"$(paste control.tsv report.tsv | awk -F '\t' '
			$12 > 0 ? $11 > $3 : $11 != $3 { print $1 }')" ""
done

# To its end, from the same journal.
config 1000 "seed = 99; $quick" '' >evolving.conf

# improved: how many agents run a version.
improved()
{
	awk -F '\t' '$4 > 0' report.tsv | wc -l
}

# Slow machines take more lives than one to get through that many.
enough=$((agents / 2 / scale))
[ $enough -ge 2 ] || enough=2
lives=0
status=0
while [ $status -eq 0 ] && [ $lives -lt 20 ]; do
	run -c evolving.conf --tasks 4000 --report report.tsv
	grep ' patch ' out.log >>events.log
	lives=$((lives + 1))
	[ "$(improved)" -lt $enough ] || break
done
same "the last life: status" "$status $(cat err.log)" "0 "
same "the last life: all agents to their end" \
	"$(cut -f 2 report.tsv | sort -u) $(wc -l <report.tsv)" "4000 $agents"
same "the last life: no wrong output" "$(cut -f 8 report.tsv | sort -u)" 0
check "evolution went on from life to life" \
	[ "$(grep -c ': accepted patch' events.log)" -gt \
	"$(printf '%s\n' "$first" | wc -l)" ]
run -c paused.conf --tasks $tasks --control control.out --report report.tsv
same "what it left: status" "$status $(cat err.log)" "0 "
same "what it left is right" "$(cut -f 8 report.tsv | sort -u)" 0
same "what it left was accepted" "$(untrue)" ""
check "and is many agents'" [ "$(improved)" -ge $enough ]

finish
