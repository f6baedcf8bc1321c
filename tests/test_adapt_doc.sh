#!/bin/sh
# docs/adapt-a-vm.md as somebody follows it: its files are built, checked and
# run until the agent has evolved.

. "${FLUX_SRCDIR:-.}/tests/lib.sh"

cc=${CC:-gcc}
src=$(cd "$FLUX_SRCDIR" && pwd)
built=$(cd "$FLUX_BUILDDIR" && pwd)
doc=$src/docs/adapt-a-vm.md
umask 022
cd "$tmp" || exit 99

# Blocks that name a file: "```c my_vm.h".
awk '/^```[a-z]+ [a-z_]+\.[a-z]+$/ { file = $2; next }
     /^```$/ { file = "" }
     file != "" { print > file }' "$doc"
for file in my_vm.h my_vm.c my.fluxisa my_adapter.c sum.flx my.conf own.c; do
	check "the page has $file" test -s "$file"
done

# What the page says of its size.
lines=$(sed '/^ *$/d; /^ *\/\*/d; /^ *\*/d' my_adapter.c | wc -l)
check "the adapter has $lines lines of code" test "$lines" -le 60

compile()
{
	# shellcheck disable=SC2086
	$cc -std=gnu11 -O2 -Wall -Wextra -Wpedantic -Werror -I"$src/abi" \
		-I"$src" -I"$built/abi" -I"$built" "$@"
}
check "own.c compiles" compile -fsyntax-only own.c
check "the module is built" \
	compile -shared -fPIC -o flux_vm_my.so my_adapter.c my_vm.c
check "it needs nothing of the host" sh -c \
	"! nm -D --undefined-only flux_vm_my.so | grep -E 'fhost_|fisa_'"

same "the table is sound" \
	"$("$built/bin/fluxevolve" dialect check my.fluxisa 2>&1)" ok
same "the config is sound" \
	"$("$built/bin/flux-host" -c my.conf --check-config 2>&1)" \
	"my.conf: ok"

# A slow machine, or a build with sanitizers, takes longer to find something.
for tasks in 4000 20000 60000; do
	"$built/bin/flux-host" -c my.conf --tasks $tasks --outputs evolved.out \
		>host.log 2>&1
	rc=$?
	grep -q 'accepted patch 1' host.log && break
done
same "the host runs" $rc 0
check "the agent has evolved" grep -q '^sum: accepted patch 1: ' host.log
check "and nothing was missing" sh -c "! grep -q 'the VM of dialect' host.log"
"$built/bin/flux-host" -c my.conf --tasks $tasks --no-plugins \
	--control evolved.out >control.log 2>&1
check "it says what it always said" \
	awk '$1 == "sum" { n++; wrong = $NF }
		END { exit !(n == 1 && wrong == 0) }' \
	control.log

# The shorthands that the page names are those of the header.
for word in $(grep -o 'FHOST_[A-Z0-9_]*' "$doc" | sort -u); do
	check "$word is there" grep -qw "$word" "$src/hostsdk/adapt.h"
done

finish
