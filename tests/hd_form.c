/*
 * tests/hd_form.c - programs on the reference VM, input by input. See
 * hd_form.h.
 */
#include "tests/hd_form.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "isa/asm.h"

enum { FUEL = 10000, RESULT = 3 };

const char *const hd_rules[HD_RULES] = { "all", "plain" };

const char hd_plain_rows[] =
    "ADD SUB MUL AND OR XOR SHL SHR NEG NOT CMP_EQ CMP_NE CMP_LT CMP_GT "
    "INC DEC ADDI SUBI ADDI16 SUBI16 ANDI ORI XORI SHLI SHRI MOV MOVI MOVI16";

bool hd_in_list(const char *list, const char *name) {
  size_t n = strlen(name);

  for (const char *at = list; *at != '\0'; at += strspn(at, " ")) {
    size_t word = strcspn(at, " ");

    if (word == n && strncasecmp(at, name, n) == 0)
      return true;
    at += word;
  }
  return false;
}

/* ---- programs ------------------------------------------------------------ */

void hd_form_done(struct hd_form *f) {
  fisa_state_free(f->state);
  fvm_code_free(f->code);
  fisa_program_free(f->program);
  fisa_dialect_free(f->dialect);
  memset(f, 0, sizeof *f);
}

static int ready(struct hd_form *f, struct fisa_error *err) {
  const struct fisa_dialect *d = f->program->dialect;
  int file = fisa_file_by_name(d, "R", 1);

  f->code = fvm_code_new(f->program, false);
  f->state = fisa_state_new(d);
  if (!f->code || !f->state || file < 0) {
    hd_form_done(f);
    return fisa_fail(err, "not a program of the unified dialect");
  }
  f->first = d->files[file].first;
  return 0;
}

int hd_form_take(struct hd_form *f, struct fisa_program *p,
                 struct fisa_error *err) {
  memset(f, 0, sizeof *f);
  f->program = p;
  return ready(f, err);
}

int hd_form_load(struct hd_form *f, const char *path,
                 struct fisa_error *err) {
  memset(f, 0, sizeof *f);
  if (fisa_load(path, NULL, NULL, &f->dialect, &f->program, err) != 0)
    return -1;
  return ready(f, err);
}

int hd_form_text(struct hd_form *f, const char *text,
                 struct fisa_error *err) {
  memset(f, 0, sizeof *f);
  if (fisa_dialect_builtin("unified", true, &f->dialect, err) != 0)
    return -1;
  if (fisa_assemble(f->dialect, text, strlen(text), "text", &f->program,
                    err) != 0) {
    hd_form_done(f);
    return -1;
  }
  return ready(f, err);
}

int hd_form_run(struct hd_form *f, const struct hd_problem *p,
                const int32_t in[HD_INPUTS], int32_t *result) {
  struct fvm_run run = { .fuel = FUEL };

  fisa_state_start(f->program, f->state);
  for (unsigned i = 0; i < p->count; i++)
    f->state->cells[f->first + p->in[i].reg] = in[i];
  if (fvm_exec(f->code, f->state, NULL, &run) != FISA_RUN_HALT)
    return -1;
  *result = f->state->cells[f->first + RESULT];
  return 0;
}

uint64_t hd_form_wrong(struct hd_form *f, const struct hd_problem *p,
                       uint64_t from, uint64_t to) {
  uint64_t n = from;

  assert(from <= to);
  for (; n < to; n++) {
    int32_t in[HD_INPUTS] = { 0 }, got = 0;

    hd_draw(p, n, in);
    if (hd_form_run(f, p, in, &got) != 0 || got != p->fn(in))
      break;
  }
  return n;
}

unsigned hd_form_length(const struct hd_form *f) {
  const struct fisa_program *p = f->program;
  struct fisa_insn in;
  unsigned n = 0;

  for (uint32_t pc = 0; fisa_decode(p->dialect, p->code, p->size, pc, &in) ==
                        FISA_DECODED; pc += in.length)
    n += in.row->flow != FISA_FLOW_HALT;
  return n;
}

/* ---- the shortest known -------------------------------------------------- */

/* " / " between instructions becomes the end of a line. */
static void as_lines(char *text) {
  for (char *at = text; *at != '\0'; at++)
    if (*at == '/')
      *at = '\n';
}

int hd_best_read(const char *path, const char *problem, const char *rules,
                 struct hd_best *best) {
  FILE *in = fopen(path, "r");
  char line[1024], name[16], by[16];
  int found = 0;

  if (!in)
    return -1;
  while (!found && fgets(line, sizeof line, in))
    found = line[0] != '#' &&
            sscanf(line, "%15[^\t]\t%15[^\t]\t%15[^\t]\t%u\t%511[^\n]", name,
                   by, best->verdict, &best->length, best->program) == 5 &&
            strcmp(name, problem) == 0 && strcmp(by, rules) == 0;
  fclose(in);
  as_lines(best->program);
  return found ? 0 : -1;
}
