#!/bin/sh
# The documents say what is there: files that they name exist, the code in
# them compiles, the map has every source file.

. "${FLUX_SRCDIR:-.}/tests/lib.sh"

cc=${CC:-gcc}
src=$(cd "$FLUX_SRCDIR" && pwd)
built=$(cd "$FLUX_BUILDDIR" && pwd)
cd "$tmp" || exit 99

# compiles FILE: C of a document, as a user's compiler takes it.
compiles()
{
	# shellcheck disable=SC2086
	$cc -std=gnu11 -Wall -Wextra -Wpedantic -Werror -I"$src/abi" -I"$src" \
		-I"$built/abi" -I"$built" -fsyntax-only $CUNIT_CFLAGS "$1"
}

# Code blocks marked c, each into a file of its own.
for doc in README.md docs/recipes.md; do
	name=$(basename "$doc" .md)
	awk -v name="$name" '
		/^```c$/ { on = 1; n++; next }
		/^```$/ { on = 0 }
		on { print > (name "-" n ".c") }' "$src/$doc"
	for block in "$name"-*.c; do
		check "$doc compiles: $block" compiles "$block"
	done
done

# Words in backquotes with a slash and a suffix, or a folder's, are paths.
# What a build makes is not in the sources.
for doc in README.md ARCHITECTURE.md docs/recipes.md docs/adapt-a-vm.md \
    samples/README.md; do
	missing=
	for path in $(grep -o '`[A-Za-z_.]*/[A-Za-z_./]*`' "$src/$doc" |
	    tr -d '`' | sort -u); do
		case $path in
		build/* | lib/* | /* | *NAME*) continue ;;
		esac
		[ -e "$src/$path" ] || [ -e "$src/$(dirname "$doc")/$path" ] ||
		[ -e "$src/abi/isa/$path" ] || [ -e "$src/samples/$path" ] ||
		[ -e "$src/tests/$path" ] ||
			missing="$missing $path"
	done
	same "$doc names files that are there" "$missing" ""
done

# Files of a folder that has a table must be in it; the section of a folder
# begins with its name.
map=$src/ARCHITECTURE.md
for folder in abi/flux abi/isa hostsdk hostsdk/cli gpu plugin samples \
    plugin/prove samples/room samples/seed samples/stranger; do
	missing=
	for file in "$src/$folder"/*.[ch]; do
		grep -q "\`$(basename "$file")\`" "$map" ||
			missing="$missing $(basename "$file")"
	done
	same "ARCHITECTURE.md has every file of $folder" "$missing" ""
done
missing=
for file in $(grep -o '`[a-z_]*\.[ch]`' "$map" | tr -d '`' | sort -u); do
	found=
	for folder in abi/flux abi/isa hostsdk hostsdk/cli gpu plugin \
	    plugin/prove samples \
	    samples/room samples/seed samples/stranger tests; do
		[ -e "$src/$folder/$file" ] && found=1
	done
	[ -n "$found" ] || missing="$missing $file"
done
same "ARCHITECTURE.md has no file that is gone" "$missing" ""
check "ARCHITECTURE.md is read in one sitting" \
	test "$(wc -l <"$map")" -le 200

finish
