#!/bin/sh
# Each header of abi/flux compiles alone, in both languages, with everything
# the compiler can complain about being an error; and so do the headers of
# libfluxhost in C.

. "${FLUX_SRCDIR:-.}/tests/lib.sh"

cc=${CC:-gcc}
cxx=${CXX:-g++}
strict='-Wall -Wextra -Wpedantic -pedantic -Werror -fsyntax-only'

alone()
{
	# $1 compiler, $2 language, $3 standard, $4 header, then -I options
	compiler=$1 language=$2 standard=$3 header=$4
	shift 4
	printf '#include <%s>\n' "$header" >"$tmp/alone.$language"
	# Twice: a header without its guard would not survive that.
	printf '#include <%s>\n' "$header" >>"$tmp/alone.$language"
	# An empty translation unit is no translation unit.
	printf 'extern int alone;\n' >>"$tmp/alone.$language"
	$compiler $strict -std="$standard" "$@" "$tmp/alone.$language"
}

for path in "$FLUX_SRCDIR"/abi/flux/*.h; do
	header=flux/$(basename "$path")
	for standard in c11 c17; do
		check "$header as $standard" alone "$cc" c "$standard" \
			"$header" -I"$FLUX_SRCDIR/abi"
	done
	if command -v "$cxx" >/dev/null 2>&1; then
		check "$header as c++17" alone "$cxx" cpp c++17 "$header" \
			-I"$FLUX_SRCDIR/abi"
	else
		skip "$header as c++17" "no $cxx"
	fi
	if command -v clang >/dev/null 2>&1; then
		check "$header by clang" alone clang c c11 "$header" \
			-I"$FLUX_SRCDIR/abi"
	fi
done

for path in "$FLUX_SRCDIR"/hostsdk/config.h "$FLUX_SRCDIR"/hostsdk/native.h \
	"$FLUX_SRCDIR"/hostsdk/callexpr.h "$FLUX_SRCDIR"/hostsdk/plugin.h \
	"$FLUX_SRCDIR"/hostsdk/services.h "$FLUX_SRCDIR"/hostsdk/runtime.h; do
	header=hostsdk/$(basename "$path")
	check "$header as c11" alone "$cc" c c11 "$header" \
		-I"$FLUX_SRCDIR" -I"$FLUX_SRCDIR/abi"
done

# The ABI says of itself that it needs nothing but <stddef.h>, <stdint.h> and
# its neighbours.
foreign=$(grep -h '^#include' "$FLUX_SRCDIR"/abi/flux/*.h |
	grep -v -e '<flux/' -e '<stddef.h>' -e '<stdint.h>')
same "the ABI includes nothing foreign" "$foreign" ""

finish
