#!/bin/sh
# What was built with the first headers and what is built with today's still
# work together. The other pair, the fossil plugin in today's host, is
# test_fossil.c.

. "${FLUX_SRCDIR:-.}/tests/lib.sh"

host=$FLUX_BUILDDIR/tests/fossil/host
fossil=$FLUX_BUILDDIR/tests/fossil/.libs/libfossil_plugin.so
today=$FLUX_BUILDDIR/lib/flux/flux_self_evolve.so
folder=$FLUX_SRCDIR/tests/fossil

# The fossil host with a plugin: exit status 0 if no result was wrong.
with()
{
	"$host" "$1" "$folder/unified.fluxisa" "$folder/unified.bindings" \
		"$2" "$tmp/journal.db" >"$tmp/stdout" 2>"$tmp/stderr"
	rc=$?
	cat "$tmp/stdout" "$tmp/stderr"
	return $rc
}

check "fossil plugin in the fossil host" with "$fossil" 20000
same "and it goes round the loop" "$(cat "$tmp/stdout")" \
	"wrong 0 offers 1 refused 0 installed 1 accepted 1 reverted 0"

if [ -e "$today" ]; then
	rm -f "$tmp"/journal.db*
	check "today's plugin in the fossil host" with "$today" 100000
	check "and it improves the agent" \
		grep -qE '^wrong 0 .* accepted [1-9]' "$tmp/stdout"
	check "and it remembers" test -s "$tmp/journal.db"
else
	skip "today's plugin in the fossil host" "$today is not built"
fi

"$host" "$tmp/none.so" "$folder/unified.fluxisa" \
	"$folder/unified.bindings" 1 >"$tmp/stdout" 2>&1
same "no plugin: status" $? 1

finish
