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

# Where each member is; each member of each struct has its line.
layout=$FLUX_SRCDIR/tests/layout.c
check "the layout as c11" $cc $strict -std=c11 -I"$FLUX_SRCDIR/abi" "$layout"
if command -v "$cxx" >/dev/null 2>&1; then
	check "the layout as c++17" $cxx $strict -std=c++17 \
		-I"$FLUX_SRCDIR/abi" -x c++ "$layout"
else
	skip "the layout as c++17" "no $cxx"
fi
# Members are indented by two, what belongs to one of them by more.
awk '
	/^typedef struct [a-z_]* \{$/ { type = $3; next }
	/^} / { type = "" }
	type == "" || !/^  [a-z}]/ { next }
	{ sub(/\/\*.*/, "") }
	match($0, /\(\*[a-z_]*\)\(/) {
		print type ", " substr($0, RSTART + 2, RLENGTH - 4)
		next
	}
	!/;/ { next }
	{
		gsub(/\[[A-Z_]*\]|;.*|\*/, "")
		n = split($0, part, ",")
		for (i = 1; i <= n; i++) {
			k = split(part[i], word, " ")
			print type ", " word[k]
		}
	}' "$FLUX_SRCDIR"/abi/flux/*.h | sort >"$tmp/members"
sed -n 's/^AT(\([a-z_]*, [a-z_]*\), .*/\1/p' "$layout" | sort >"$tmp/lines"
check "there are members" test -s "$tmp/members"
check "each has its line in layout.c" diff "$tmp/members" "$tmp/lines"

# The ABI says of itself that it needs nothing but <stddef.h>, <stdint.h> and
# its neighbours.
foreign=$(grep -h '^#include' "$FLUX_SRCDIR"/abi/flux/*.h |
	grep -v -e '<flux/' -e '<stddef.h>' -e '<stdint.h>')
same "the ABI includes nothing foreign" "$foreign" ""

finish
