#!/bin/bash
# demo.sh BUILDDIR: agents that evolve while they run. scripts/demo builds
# first and then calls this.
#
# The same host runs the same agents on the same tasks four times:
#
#   control   the originals, without the plugin: what is right
#   evolving  with the plugin, an empty journal and three planted bad patches
#   after     with the plugin paused: what the journal holds, nothing new
#   tuned     the hand-made forms of the agents: the mark to reach
#
# The table compares control with after, task by task the same input. The last
# line is "demo: A agents, I improved, R rolled back, W wrong results"; the
# exit status is 0 if W is 0.
set -u -o pipefail

# How many tasks each agent runs, and the rest between two of them while it
# evolves: together the length of the show.
tasks=22000
pace_us=2000

# From this task on the rooms have spring outside: what the thermostats learned
# of winter is not the best any more.
spring=9000

# How long a thermostat is tried beside the other: eight days.
canary=2304

# Bad patches, offered past every check before any good one: the watch over
# the live agent has to catch them.
plants='"sum:fault", "gcd:wrong", "fibonacci:slow"'

say()
{
	printf '%s\n' "$*"
}

die()
{
	printf 'demo: %s\n' "$*" >&2
	exit 1
}

[ $# -eq 1 ] || die 'usage: demo.sh BUILDDIR'
samples=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
build=$(cd "$1" && pwd) || exit 1
host=$build/bin/flux-host
[ -x "$host" ] || die "$host is missing; scripts/demo builds it"
export FLUX_PLUGIN_DIR=$build/lib/flux

# Everything is written here: configs, journal, outputs, reports.
work=$(mktemp -d "${TMPDIR:-/tmp}/flux-demo.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
cd "$work" || exit 1
ln -s "$samples/agents" agents || exit 1

# config NAME PACE_US POLICY SETTINGS: the sample config with a pace, and
# added to the plugin's block.
config()
{
	sed -e "s/pace_us = [0-9]*;/pace_us = $2;/" \
	    -e "s/policy = {/$4 policy = { $3/" \
	    -e "s/\"temp(\([0-9]*\))\"/\"spring(\1, $spring, 185)\"/" \
		"$samples/flux.conf" >"$1.conf" ||
		die "cannot write $work/$1.conf"
	grep -q "pace_us = $2;" "$1.conf" && grep -qF "$3" "$1.conf" &&
		grep -q "spring(0, $spring, 185)" "$1.conf" ||
		die 'samples/flux.conf has no pace_us, no policy or no room'
}

# pass NAME OPTION...: one run of the host, quiet unless it fails. Its words
# on stderr are shown only then: agents are the same in each pass.
pass()
{
	local name=$1

	shift
	"$host" -c "$name.conf" --tasks "$tasks" --report "$name.tsv" "$@" \
		>"$name.log" 2>&1 </dev/null && return 0
	tail -n 20 "$name.log" >&2
	die "the $name run failed"
}

# Shows what happens to patches as it happens, each line with its second.
show_events()
{
	local line

	while IFS= read -r line; do
		case $line in
		*': '*' patch '[0-9]*)
			printf '%4d s  %s\n' "$SECONDS" "$line" ;;
		esac
	done
}

evolve()
{
	"$host" -c evolving.conf --tasks "$tasks" --control control.out \
		--report evolving.tsv </dev/null | tee evolving.log |
		show_events || die 'the evolving run failed'
}

# One row an agent from the four reports, whose columns are name, results,
# cycles, version, accepted, reverted, recovered, wrong. Exit status 0 if
# nothing was wrong.
table()
{
	awk -F '\t' '
	function per_result(results, cycles) {
		return results > 0 ? cycles / results : 0
	}
	function percent(after, before) {
		if (before <= 0) return "-"
		return sprintf("%+.1f %%", (after / before - 1) * 100)
	}
	FNR == 1 { pass++ }
	pass == 1 { name[++agents] = $1; before[$1] = per_result($2, $3) }
	pass == 2 {
		accepted[$1] = $5
		back[$1] = $6 + $7
		wrong[$1] = $8
	}
	pass == 3 {
		after[$1] = per_result($2, $3)
		version[$1] = $4
		wrong[$1] += $8
	}
	pass == 4 { tuned[$1] = per_result($2, $3) }
	END {
		row = "%-10s %10s %7s %7s %8s %7s %8s %10s %5s\n"
		printf row, "agent", "generation", "before", "after", "",
			"by hand", "accepted", "taken back", "wrong"
		for (i = 1; i <= agents; i++) {
			a = name[i]
			printf row, a, accepted[a] + 0,
				sprintf("%.1f", before[a]),
				sprintf("%.1f", after[a]),
				percent(after[a], before[a]),
				sprintf("%.1f", tuned[a]), accepted[a] + 0,
				back[a] + 0, wrong[a] + 0
			if (version[a] > 0 && after[a] < before[a]) improved++
			rolled += back[a]
			errors += wrong[a]
			if (before[a] > 0 && after[a] > 0 && tuned[a] > 0) {
				logs += log(after[a] / before[a])
				tuned_logs += log(tuned[a] / before[a])
				counted++
			}
		}
		if (counted == 0) counted = 1
		printf "\ncost per result, geometric mean over all agents: " \
			"%s (by hand: %s)\n",
			percent(exp(logs / counted), 1),
			percent(exp(tuned_logs / counted), 1)
		printf "demo: %d agents, %d improved, %d rolled back, " \
			"%d wrong results\n", agents, improved, rolled, errors
		exit errors > 0
	}' control.tsv evolving.tsv after.tsv tuned.tsv
}

# What the thermostats made of winter and of spring: the constants of their
# deadband and the score of a task, before and after.
learned()
{
	awk '/: accepted patch [0-9]*: score / {
		score = $0
		sub(/.*: score /, "", score)
		sub(/ a task.*/, "", score)
		what = $0
		sub(/.*\(([A-Z][A-Za-z0-9, ]*: )?/, "", what)
		sub(/\)$/, "", what)
		sub(/:.*/, "")
		printf "%s learned %s: score %s\n", $0, what, score
	}' evolving.log
}

config control 0 '' ''
# The show is short, so the search may have a whole core.
config evolving "$pace_us" "cpu_share = 1.0; canary_tasks = $canary;" \
	"test_plant = ( $plants );"
config after 0 'paused = true;' ''
config tuned 0 '' ''

say "Agents run $tasks tasks each, first as they were written, to know what is"
say 'right; then the same tasks again, while the plugin evolves them. That'
say 'takes about a minute. Three bad patches are planted: one faults, one'
say 'computes a wrong value, one is 30 % slower. The thermostats learn what'
say 'their rooms like; in between, spring comes.'
say
pass control --no-plugins --outputs control.out
SECONDS=0
evolve
pass after --control control.out
pass tuned --no-plugins --variant tuned
say
learned
say
say 'Cycles per result on the same tasks, before and after:'
say
table
