#!/bin/sh
# docs/recipes.md, "A mutation kind", as somebody follows it: a file and a line
# of the table make a kind that is listed, applied, told and taken back.

. "${FLUX_SRCDIR:-.}/tests/lib.sh"

cc=${CC:-gcc}
src=$(cd "$FLUX_SRCDIR" && pwd)
built=$(cd "$FLUX_BUILDDIR" && pwd)
doc=$src/docs/recipes.md
core=$built/plugin/.libs/libfluxevolve_core.a
cd "$tmp" || exit 99

[ -f "$core" ] || { skip "the recipe" "$core is not built"; finish; }

# Blocks that name a file, as they stand in a list.
awk '/^ *```[a-z]+ [a-z_]+\.[a-z]+$/ { file = $2; next }
     /^ *```$/ { file = "" }
     file != "" { sub(/^   /, ""); print > file }' "$doc"
check "the page has the file" test -s kinds_pad.c
check "the page has the line" test -s kinds_row.h

# The table with the line in it, before the first of the other family. Its
# header and the two files that see it come from here, the rest from the tree.
mkdir -p mine/plugin
awk 'FNR == NR { row = row $0; next }
     /, tuning,/ && !done { print "  " row " \\"; done = 1 }
     { print }' kinds_row.h "$src/plugin/kinds_table.h" \
	>mine/plugin/kinds_table.h
same "the table is one line longer" "$(wc -l <mine/plugin/kinds_table.h)" \
	$(($(wc -l <"$src/plugin/kinds_table.h") + 1))
cp "$src/plugin/kinds.h" mine/plugin/
cp "$src/plugin/kinds.c" kinds.c

cat >main.c <<'EOT'
#include <stdio.h>
#include <string.h>

#include "isa/asm.h"
#include "plugin/kinds.h"

int main(void) {
  static const char text[] =
      ".dialect unified\n.in R1\n.out R1\nJEQ R1, B\nJMP A\n"
      "B: INC R1\nA: HALT\n";
  struct fisa_dialect *d = NULL;
  struct fisa_program *p = NULL, *back = NULL;
  struct fisa_facts *f = NULL;
  struct fse_policy policy;
  struct fse_draft *draft = NULL;
  struct fse_child c = {0};
  struct fse_change change;
  char why[FSE_REASON];
  uint32_t k = 0;
  while (k < fse_kind_count && strcmp(fse_kinds[k].name, "PadJump") != 0) k++;
  if (k == fse_kind_count) return 1;
  fse_policy_init(&policy);
  if (fisa_dialect_builtin("unified", true, &d, NULL) != 0 ||
      fisa_assemble(d, text, strlen(text), "t", &p, NULL) != 0 ||
      fisa_facts_make(p, &f, NULL) != 0 ||
      fse_draft_make(p, f, &draft, NULL) != 0)
    return 2;
  struct fse_lexicon *l = fse_lexicon_new(d, &policy);
  struct fse_view v = {.program = p, .facts = f, .draft = draft,
                       .lexicon = l, .policy = &policy};
  struct fse_draft *work = fse_draft_copy(draft);
  struct fse_proposal what = {.kind = k};
  if (!fse_kinds[k].available(l) || fse_kinds[k].sites(&v) != f->count ||
      fse_kinds[k].apply(&v, 0, work, &what) == 0 ||
      fse_kinds[k].apply(&v, 1, work, &what) != 0 ||
      fse_draft_finish(work, 65536, &c, NULL) != 0 ||
      fse_change_make(p, c.program, &what, &change) != 0 ||
      fse_kinds[k].undo(&change, c.program, &back, NULL) != 0 ||
      memcmp(back->hash, p->hash, 32) != 0)
    return 3;
  fse_kinds[k].describe(&what, why);
  printf("%u -> %u bytes, %s, %s: %s\n", (unsigned)p->size,
         (unsigned)c.program->size, fse_kinds[k].family,
         fse_kind_preserves(k) ? "searched" : "not searched", why);
  fse_change_done(&change);
  fisa_program_free(back);
  fse_child_done(&c);
  fse_draft_free(work);
  fse_draft_free(draft);
  fse_lexicon_free(l);
  fisa_facts_free(f);
  fisa_program_free(p);
  fisa_dialect_free(d);
  return 0;
}
EOT

# A library under a sanitizer wants its runtime.
sanitize=
nm "$core" >symbols 2>/dev/null
grep -q __asan_ symbols && sanitize=-fsanitize=address,undefined
grep -q __tsan_ symbols && sanitize=-fsanitize=thread
libs=$(pkg-config --libs jansson sqlite3 nettle) ||
	{ skip "the recipe" "no pkg-config"; finish; }
compile()
{
	# shellcheck disable=SC2086
	$cc -std=gnu11 -Wall -Wextra -Wpedantic -Werror $sanitize \
		-Imine -I"$src/abi" -I"$src" -I"$built/abi" -I"$built" "$@"
}
# shellcheck disable=SC2086
check "it is built" compile -o recipe main.c kinds.c kinds_pad.c "$core" \
	$libs -lm -lpthread
same "it is a kind like any other" "$(./recipe 2>&1)" \
	"11 -> 12 bytes, preserving, searched: room behind the jump at 4"
finish
