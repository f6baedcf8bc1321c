#!/bin/sh
# Nothing but tables knows an opcode: no C file of plugin/, gpu/ or hostsdk/
# outside the reference VM holds an opcode's number or names a row. And the VMs
# of samples/ never heard of us: their adapters are short, and their own tests
# pass beside the plugin.

. "${FLUX_SRCDIR:-.}/tests/lib.sh"

src=$FLUX_SRCDIR
bin=$FLUX_BUILDDIR/bin/fluxevolve
lib=$FLUX_BUILDDIR/lib/flux
plugin=$lib/flux_self_evolve.so

# Comments cut: they may speak of rows.
code()
{
	for file; do
		awk -v file="${file#"$src"/}" '{
			line = $0
			out = ""
			while (line != "") {
				if (comment) {
					at = index(line, "*/")
					if (!at) break
					line = substr(line, at + 2)
					comment = 0
				} else {
					at = index(line, "/*")
					if (!at) { out = out line; break }
					out = out substr(line, 1, at - 1)
					line = substr(line, at + 2)
					comment = 1
				}
			}
			print file ":" NR ": " out
		}' "$file"
	done
}

neutral=$(find "$src/plugin" "$src/gpu" "$src/hostsdk" -name '*.[ch]' |
	grep -v -e '/hostsdk/vm[._]' -e '_gen\.h$' -e '/hostsdk/vm_')

# Mnemonics of all tables, those that are words of C or of semops.h left out:
# an exact string of one in a C file is a comparison with it.
for dialect in $("$bin" dialect list); do
	"$bin" dialect show "$dialect" | awk '$1 == "row" { print $3 }'
done | sort -u >"$tmp/mnemonics"
check "there are mnemonics" test "$(wc -l <"$tmp/mnemonics")" -gt 300

# shellcheck disable=SC2086 # a list
code $neutral >"$tmp/code"
check "there is code" test "$(wc -l <"$tmp/code")" -gt 10000
sed 's/.*/"&"/' "$tmp/mnemonics" >"$tmp/quoted"
# The source of random numbers is called as a row is.
same "no row is named" \
	"$(grep -F -f "$tmp/quoted" "$tmp/code" | grep -v '>sources')" ""

# A number compared with, or put into, something called opcode.
same "no opcode has a number" "$(grep -E \
	-e 'opcode[]a-z_.)]* *[=!]?= *(0x)?[0-9]' \
	-e '(->|[.])rows\[(0x)?[0-9]' \
	-e 'code\[[^]]*\] *[=!]= *0x[0-9a-fA-F]' "$tmp/code")" ""

# The looking finds what it looks for.
cat >"$tmp/bad.c" <<'EOT'
if (strcmp(row->name, "MOVI") == 0) return;
if (row->opcode == 0x2B) return;
x = d->rows[24];
if (p->code[pc] == 0x18) y();
/* "HALT" in a comment is all right */
EOT
code "$tmp/bad.c" >"$tmp/badcode"
same "a named row is found" "$(grep -c -F -f "$tmp/quoted" "$tmp/badcode")" 1
same "numbers are found" "$(grep -c -E \
	-e 'opcode[]a-z_.)]* *[=!]?= *(0x)?[0-9]' \
	-e '(->|[.])rows\[(0x)?[0-9]' \
	-e 'code\[[^]]*\] *[=!]= *0x[0-9a-fA-F]' "$tmp/badcode")" 3

# ---- strangers ---------------------------------------------------------------

# Lines of code of a C file: comments and blank lines left out.
lines()
{
	code "$1" | sed 's/^[^ ]* //' | grep -c '[^ 	]'
}

for vm in stranger seed; do
	n=$(lines "$src/samples/${vm}_adapter.c")
	check "the adapter of $vm has $n lines" test "$n" -le 60
	same "$vm never heard of us" "$(grep -rliE 'flux_|fhost|fisa' \
		"$src/samples/$vm")" ""
	test=$FLUX_BUILDDIR/samples/$vm/${vm}_test
	[ -x "$test" ] || { skip "$vm: its test" "not built"; continue; }
	case $vm in
	stranger) dialect=classic ;;
	*) dialect=$vm ;;
	esac
	# A sanitizer wants to be the first library of a process.
	if ldd "$lib/flux_self_evolve.so" 2>/dev/null |
	   grep -qE 'lib[atu]san|libubsan'; then
		skip "$vm: its test beside the plugin" "sanitizers"
	else
		check "$vm: its test beside the plugin" env \
			LD_PRELOAD="$plugin:$lib/flux_vm_$dialect.so" \
			"$test"
	fi
done

finish
