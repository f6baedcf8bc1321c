# lib.sh: what the shell tests share. Sourced; then
#
#   check NAME COMMAND...    the command succeeds
#   same NAME GOT WANT       two texts are equal
#   skip NAME WHY
#   finish                   last line, exit status
#
# $tmp is a folder of the test's own, removed at the end.

: "${FLUX_SRCDIR:=.}" "${FLUX_BUILDDIR:=.}"

passed=0
failed=0
skipped=0

tmp=$(mktemp -d "${TMPDIR:-/tmp}/flux-test-XXXXXX") || exit 99
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

pass()
{
	passed=$((passed + 1))
	echo "  $1 ... passed"
}

fail()
{
	failed=$((failed + 1))
	echo "  $1 ... FAILED"
}

skip()
{
	skipped=$((skipped + 1))
	echo "  $1 ... skipped: $2"
}

check()
{
	name=$1
	shift
	if "$@" >"$tmp/check.log" 2>&1; then
		pass "$name"
	else
		fail "$name"
		sed 's/^/    /' "$tmp/check.log" | head -n 20
	fi
}

same()
{
	if [ "$2" = "$3" ]; then
		pass "$1"
	else
		fail "$1"
		printf '    got:  %s\n    want: %s\n' "$2" "$3"
	fi
}

finish()
{
	echo "tests: $passed passed, $failed failed, $skipped skipped"
	[ $failed -eq 0 ] || exit 1
	[ $passed -gt 0 ] || exit 77
	exit 0
}
