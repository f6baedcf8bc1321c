#!/bin/sh
# What the shared objects show: the plugin its entry point, libfluxhost what
# its installed headers declare, neither more nor less.

. "${FLUX_SRCDIR:-.}/tests/lib.sh"

plugin=$FLUX_BUILDDIR/lib/flux/flux_self_evolve.so
host=$FLUX_BUILDDIR/hostsdk/.libs/libfluxhost.so

command -v nm >/dev/null 2>&1 || { skip symbols "no nm"; finish; }

# Functions and data that others can link to; version nodes left out.
exported()
{
	nm -D --defined-only "$1" |
		awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort -u
}

# What a map lists as global, a name a line.
listed()
{
	awk '/global:/ { on = 1; next } /local:/ { on = 0 }
	     on { gsub(/[ \t;]/, ""); if ($0 != "") print }' "$1" | sort -u
}

# The functions and objects that headers declare, comments left out.
declared()
{
	for header; do
		# Comments are cut with awk: they span lines.
		awk '{
			line = $0
			while (line != "") {
				if (comment) {
					at = index(line, "*/")
					if (!at) break
					line = substr(line, at + 2)
					comment = 0
				} else {
					at = index(line, "/*")
					if (!at) { printf "%s", line; break }
					printf "%s ", substr(line, 1, at - 1)
					line = substr(line, at + 2)
					comment = 1
				}
			}
			print ""
		}' "$header"
	done | grep -v -e '^#' -e 'static inline' | tr '\n' ' ' |
		grep -oE -e '\b(fhost|fisa)_[a-z0-9_]+ *\(' \
			-e 'extern const struct [a-z_]+ [a-z_]+' |
		sed -e 's/ *($//' -e 's/.* //' | sort -u
}

if [ -e "$plugin" ]; then
	same "the plugin shows its entry point" "$(exported "$plugin")" \
		flux_plugin_entry
	same "the plugin's map lists it" \
		"$(listed "$FLUX_SRCDIR/plugin/flux_self_evolve.map")" \
		flux_plugin_entry
else
	skip "the plugin shows its entry point" "$plugin is not built"
fi

headers=$(env -u MAKEFLAGS -u MFLAGS make -s --no-print-directory \
	-C "$FLUX_BUILDDIR" print-host-headers)
exported "$host" >"$tmp/exported"
declared $headers >"$tmp/declared"

same "shown by libfluxhost, in no installed header" \
	"$(comm -23 "$tmp/exported" "$tmp/declared")" ""
same "in an installed header, not shown by libfluxhost" \
	"$(comm -13 "$tmp/exported" "$tmp/declared")" ""

listed "$FLUX_SRCDIR/hostsdk/libfluxhost.map" >"$tmp/listed"
same "in the map, in no installed header" \
	"$(comm -23 "$tmp/listed" "$tmp/declared")" ""
same "in an installed header, not in the map" \
	"$(comm -13 "$tmp/listed" "$tmp/declared")" ""

# A program that uses the plugin must not find its inside by accident.
undefined=$(nm -D --undefined-only "$plugin" 2>/dev/null |
	awk '$2 ~ /^(fhost|fvm)_/ || $1 ~ /^(fhost|fvm)_/')
same "the plugin needs nothing of the host" "$undefined" ""

finish
