/*
 * test_calibrate.c - tables held against VMs: what is found, where, in which
 * process, and what is said of it.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hostsdk/services.h"
#include "plugin/calibrate_impl.h"
#include "tests/badvm.h"
#include "tests/isa_util.h"
#include "tests/unit.h"

/* ---- a host that has nothing but steps ---------------------------------- */

struct host {
  struct fhost_vm vm;
  struct fhost_services *services;
  const flux_step *step;
  void *ctx;
};

static void host_open(struct host *h, uint64_t bugs, bool fork) {
  struct fhost_services_options o = {.name = "t", .version = "0",
                                     .vm = &h->vm};
  const flux_host *host;
  badvm_bugs = bugs;
  h->vm = badvm("bad 1", fork);
  h->services = fhost_services_new(&o);
  if (h->services == NULL) exit(99);
  host = fhost_services_host(h->services);
  h->step = host->extension(FLUX_EXT_STEP, host->ctx);
  h->ctx = host->ctx;
}

static void host_close(struct host *h) {
  fhost_services_free(h->services);
  badvm_bugs = 0;
}

/* Short, so that tests of what hangs are: but far from what a row takes. */
static const struct fse_calibrate_limits brief = {400, 1500, 60000};

static void calibrate(uint64_t bugs, bool fork, struct fse_calibration *out) {
  struct fisa_error err = {""};
  struct host h;
  host_open(&h, bugs, fork);
  UNIT_TRUE(fse_calibrate(isa_unified(), h.step, h.ctx, &brief, out, &err) ==
            0, "%s", err.text);
  UNIT_TRUE(out->proven, "it is proven");
  UNIT_EQ(out->forked, fork);
  UNIT_TRUE(!out->partial, "in time");
  host_close(&h);
}

static struct fse_calibration got, other;

static uint8_t opcode_of(const char *name) {
  return fisa_row_by_name(isa_unified(), name, strlen(name))->opcode;
}

static const char *text_of(const char *row) {
  const struct fse_row_finding *f =
      fse_calibration_finding(&got, opcode_of(row));
  return f != NULL ? f->text : "";
}

/* Whether the finding of a row has both texts in it. */
static void says(const char *row, const char *what, const char *with) {
  UNIT_TRUE(strstr(text_of(row), what) != NULL &&
                strstr(text_of(row), with) != NULL,
            "\"%s\" and \"%s\" in \"%s\"", what, with, text_of(row));
}

/* ---- a VM that is right ------------------------------------------------- */

static void clean(bool fork) {
  unsigned rows = 0;
  calibrate(0, fork, &got);
  for (unsigned i = 0; i < got.finding_count; i++)
    UNIT_TRUE(false, "%s", got.finding[i].text);
  UNIT_EQ(got.opaque + got.unfit, 0);
  for (unsigned i = 0; i < 256; i++) {
    const struct fisa_row *row = &isa_unified()->rows[i];
    bool stepped = row->defined && !row->opaque && !fisa_row_is_shared(row);
    rows += row->defined;
    UNIT_TRUE(got.verdict[i] == (stepped ? FSE_ROW_FINE : FSE_ROW_UNSEEN),
              "%s", row->name);
  }
  UNIT_EQ(got.stepped + got.never, rows);
  UNIT_EQ(got.never, 8);
  UNIT_TRUE(got.states >= 32u * got.stepped && got.states <= 200u * got.stepped,
            "%llu states", (unsigned long long)got.states);
}

static void a_clean_vm(void) { clean(true); }
static void a_clean_vm_here(void) { clean(false); }

/* Every row sees enough states, whatever it cannot stand. */
static void states_of_rows(void) {
  struct cal_place place = {0};
  struct cal_bench b = {.d = isa_unified(), .place = &place};
  struct cal_result r;
  struct host h;
  host_open(&h, 0, false);
  b.step = h.step;
  b.ctx = h.ctx;
  UNIT_EQ(cal_bench_open(&b), 0);
  for (unsigned i = 0; i < 256; i++) {
    if (!cal_is_stepped(&b.d->rows[i])) continue;
    UNIT_EQ(cal_look(&b, (uint8_t)i, &r), 0);
    UNIT_TRUE(r.states >= 32 && r.states <= 200, "%s: %u states",
              b.d->rows[i].name, r.states);
    UNIT_TRUE(r.kind == CAL_SAME, "%s", r.text);
  }
  cal_bench_close(&b);
  host_close(&h);
}

/* ---- what rows are shown ------------------------------------------------ */

/* What the states of one row had in them. */
struct shown {
  unsigned taken, not_taken, forward, backward, alike, equal, less, more;
  unsigned flag[2], empty, full, half, wraps;
  uint8_t raw[256], lowest, highest, zero, minus;
};

static void note_operands(const struct fisa_insn *in, struct shown *s) {
  int32_t first = -1;
  bool alike = true;
  for (unsigned i = 0; i < in->row->operand_count; i++) {
    const struct fisa_operand *o = &in->row->operands[i];
    int32_t v = in->value[i];
    if (o->kind == FISA_OPERAND_UNUSED) continue;
    if (o->kind != FISA_OPERAND_REG) {
      s->lowest |= v == o->lo;
      s->highest |= v == o->hi;
      s->zero |= v == 0;
      s->minus |= v == -1;
      continue;
    }
    s->raw[v] = 1;
    alike &= first < 0 || first == v;
    first = v;
  }
  s->alike += alike;
  if (in->target == FISA_NO_TARGET) return;
  s->forward += in->target > in->pc;
  s->backward += in->target < in->pc;
}

static void note_state(const struct fisa_insn *in, const struct cal_case *c,
                       struct shown *s) {
  const struct fisa_dialect *d = isa_unified();
  int32_t sp = c->cells[d->sp_cell];
  s->flag[c->cells[d->files[fisa_file_by_name(d, "Z", 1)].first] & 1]++;
  s->empty += sp == 256;
  s->full += sp == 0;
  s->half += sp == 128;
  for (unsigned i = 0; i < in->row->operand_count; i++)
    if (in->row->operands[i].kind == FISA_OPERAND_REG)
      s->wraps += (uint32_t)c->cells[in->value[i] & 63] - 65533u < 6;
  if (in->row->operand_count == 3 && in->value[1] != in->value[2] &&
      in->row->operands[2].kind == FISA_OPERAND_REG) {
    int32_t x = c->cells[in->value[1] & 63], y = c->cells[in->value[2] & 63];
    s->equal += x == y;
    s->less += x < y;
    s->more += x > y;
  }
}

static bool has(const struct fisa_row *row, unsigned kind) {
  for (unsigned i = 0; i < row->operand_count; i++)
    if (row->operands[i].kind == kind) return true;
  return false;
}

static void check_shown(const struct fisa_row *row, const struct shown *s) {
  const char *n = row->name;
  bool jumps = row->target < row->operand_count;
  UNIT_TRUE(s->flag[0] >= 8 && s->flag[1] >= 8, "%s: flags both ways", n);
  UNIT_TRUE(s->empty >= 3 && s->full >= 3 && s->half >= 3, "%s: stacks", n);
  if (row->flow >= FISA_FLOW_COND_REL && row->flow <= FISA_FLOW_COND_REL_REG)
    UNIT_TRUE(s->taken >= 8 && s->not_taken >= 8, "%s: taken %u, not %u", n,
              s->taken, s->not_taken);
  if (has(row, FISA_OPERAND_REG))
    UNIT_TRUE(s->raw[0] && s->raw[1] && s->raw[63] && s->raw[64] && s->alike,
              "%s: register bytes", n);
  if (!jumps && (has(row, FISA_OPERAND_IMM16S) || has(row, FISA_OPERAND_IMM8S)))
    UNIT_TRUE(s->lowest && s->highest && s->zero && s->minus,
              "%s: immediates", n);
  if (!jumps && (has(row, FISA_OPERAND_IMM8U) ||
                 has(row, FISA_OPERAND_ADDR16U)))
    UNIT_TRUE(s->lowest && s->highest, "%s: immediates", n);
  if (jumps && row->target_reg >= row->operand_count)
    UNIT_TRUE(s->forward >= 8 && s->backward >= 8, "%s: both ways", n);
  if (row->operand_count == 3 && row->operands[2].kind == FISA_OPERAND_REG &&
      (row->roles & FISA_ROLE_MEMORY) == 0 && strstr(row->reads, "R[rs2]"))
    UNIT_TRUE(s->equal >= 8 && s->less >= 8 && s->more >= 8,
              "%s: %u equal, %u less, %u more", n, s->equal, s->less, s->more);
  if ((row->roles & FISA_ROLE_MEMORY) && strstr(row->reads, "R[rs1]"))
    UNIT_TRUE(s->wraps >= 3, "%s: %u addresses at the end", n, s->wraps);
}

static void what_rows_are_shown(void) {
  struct cal_place place = {0};
  struct cal_bench b = {.d = isa_unified(), .place = &place};
  UNIT_EQ(cal_bench_open(&b), 0);
  for (unsigned op = 0; op < 256; op++) {
    struct shown s = {0};
    struct cal_row row;
    if (!cal_is_stepped(&b.d->rows[op])) continue;
    UNIT_EQ(cal_row_make(&b, (uint8_t)op, &row, NULL), 0);
    for (uint32_t i = 0; i < row.count; i++) {
      uint32_t next = row.in[i].pc + row.in[i].length;
      cal_draw(&b, &row, i, 0, &b.drawn);
      note_operands(&row.in[i], &s);
      note_state(&row.in[i], &b.drawn, &s);
      if (cal_left_out(&b, &row, &b.drawn)) continue;
      s.taken += b.by_table.pc != next;
      s.not_taken += b.by_table.pc == next;
    }
    check_shown(row.row, &s);
    cal_row_done(&row);
  }
  cal_bench_close(&b);
}

/* The same number, the same state: nothing else goes in. */
static void draws_are_counted(void) {
  struct cal_place place = {0};
  struct cal_bench a = {.d = isa_unified(), .place = &place}, b = a;
  struct cal_row x, y;
  uint8_t op = opcode_of("STOREI");
  UNIT_EQ(cal_bench_open(&a), 0);
  UNIT_EQ(cal_bench_open(&b), 0);
  UNIT_MEM_EQ(a.mem, b.mem, a.d->mem_size);
  UNIT_EQ(cal_row_make(&a, op, &x, NULL), 0);
  UNIT_EQ(cal_row_make(&b, op, &y, NULL), 0);
  UNIT_MEM_EQ(x.program->hash, y.program->hash, 32);
  for (uint32_t i = 0; i < x.count; i++) {
    cal_draw(&a, &x, x.count - 1 - i, 1, &a.drawn);
    cal_draw(&a, &x, i, 3, &a.drawn);
    cal_draw(&b, &y, i, 3, &b.drawn);
    UNIT_TRUE(memcmp(a.drawn.cells, b.drawn.cells,
                     a.d->cell_count * sizeof(int32_t)) == 0 &&
                  memcmp(a.drawn.input, b.drawn.input,
                         sizeof a.drawn.input) == 0 &&
                  a.drawn.cycles == b.drawn.cycles, "state %u", i);
    cal_draw(&a, &x, i, 4, &a.drawn);
    UNIT_TRUE(memcmp(a.drawn.cells, b.drawn.cells,
                     a.d->cell_count * sizeof(int32_t)) != 0, "another");
  }
  cal_row_done(&x);
  cal_row_done(&y);
  cal_bench_close(&a);
  cal_bench_close(&b);
}

/* ---- planted bugs ------------------------------------------------------- */

/* Exactly these are found, each of its kind. */
static void finds(uint64_t bugs, bool fork) {
  unsigned n = 0;
  calibrate(bugs, fork, &got);
  for (unsigned i = 0; i < BADVM_ALL; i++) {
    uint8_t verdict = got.verdict[opcode_of(badvm_row((enum badvm_bug)i))];
    enum fse_row_verdict want = FSE_ROW_FINE;
    if ((bugs >> i & 1) && i != BADVM_DEAD)
      want = badvm_is_unfit((enum badvm_bug)i) ? FSE_ROW_UNFIT
                                               : FSE_ROW_OPAQUE;
    n += want != FSE_ROW_FINE;
    UNIT_TRUE(verdict == want, "%s is %s: %s",
              badvm_row((enum badvm_bug)i),
              fse_row_verdict_name((enum fse_row_verdict)verdict),
              text_of(badvm_row((enum badvm_bug)i)));
  }
  UNIT_EQ(got.finding_count, n);
  UNIT_EQ(got.opaque + got.unfit, n);
}

static void all_twelve(void) {
  finds(BADVM_TWELVE, true);
  UNIT_EQ(got.opaque, BADVM_SEMANTIC);
  UNIT_EQ(got.unfit, BADVM_BUGS - BADVM_SEMANTIC);
}

static void all_twelve_here(void) { finds(BADVM_TWELVE, false); }

static void each_alone(void) {
  for (unsigned i = 0; i < BADVM_KILLED; i++)
    if (i < BADVM_ABORT || i > BADVM_SLEEP)
      finds(BADVM_BIT(i), i % 2 == 0 || i == BADVM_LOAD);
}

/* Rows are in the order of their numbers, and say which they are. */
static void in_order(void) {
  calibrate(BADVM_TWELVE, true, &got);
  for (unsigned i = 0; i < got.finding_count; i++) {
    const struct fse_row_finding *f = &got.finding[i];
    char begin[40];
    UNIT_TRUE(i == 0 || f[-1].opcode < f->opcode, "ascending");
    snprintf(begin, sizeof begin, "%s (0x%02X): ",
             isa_unified()->rows[f->opcode].name, f->opcode);
    UNIT_TRUE(strncmp(f->text, begin, strlen(begin)) == 0, "%s", f->text);
    UNIT_TRUE(strstr(f->text, " at ") != NULL &&
                  f->text[strlen(f->text) - 1] == ')', "%s", f->text);
  }
}

static void same_twice(void) {
  calibrate(BADVM_TWELVE, true, &got);
  calibrate(BADVM_TWELVE, true, &other);
  UNIT_EQ(other.states, got.states);
  UNIT_MEM_EQ(other.verdict, got.verdict, sizeof got.verdict);
  UNIT_EQ(other.finding_count, got.finding_count);
  for (unsigned i = 0; i < got.finding_count; i++)
    UNIT_STR_EQ(other.finding[i].text, got.finding[i].text);
  calibrate(BADVM_TWELVE, false, &other);
  UNIT_EQ(other.states, got.states);
  for (unsigned i = 0; i < got.finding_count; i++)
    UNIT_STR_EQ(other.finding[i].text, got.finding[i].text);
}

/* ---- examples ----------------------------------------------------------- */

/* Cells and bytes that an example needs. */
static unsigned needs(const char *row) {
  unsigned n = 0;
  for (const char *p = text_of(row); *p; p++) n += *p == '=';
  return n;
}

static void examples(void) {
  static const struct {
    enum badvm_bug bug;
    const char *what, *with;
    unsigned most;
  } cases[] = {
      {BADVM_FLAG, "N is 1 by the table and 0 on the host", ", with R[", 2},
      {BADVM_ALIAS, "R[0] is ", "MOV R64", 2},
      {BADVM_SHIFT, "R[3] is -2147483648 by the table and 0 on the host",
       ", with R[1]=1, R[2]=-1 (SHL R3, R1, R2 at 64)", 2},
      {BADVM_SIGN, "by the table and ", "]=-", 1},
      {BADVM_NO_FAULT, "it faults (2 divide) by the table and goes on on the "
       "host", " (DIV R3, R1, R2 at 64)", 0},
      {BADVM_STORE, "the byte at 0x", "=1", 2},
      {BADVM_SWAPPED, "R[3] is -1 by the table and 1 on the host",
       ", with R[2]=1 (SUB R3, R1, R2 at 64)", 1},
      {BADVM_ZERO, "R[0] is 0 by the table and ", " (MOVI R0, ", 0},
      {BADVM_BASE, "it goes to ", " (JMP ", 0},
      {BADVM_RET, "it goes to ", "SP=255", 2},
      {BADVM_LENGTH, "it goes to 66 by the table and to 67 on the host",
       " (NOT R3 at 64)", 0},
      {BADVM_CYCLES, "it costs 1 by the table and 2 on the host",
       " (MUL R3, R1, R2 at 64)", 0},
      {BADVM_STRAY, "the byte at 0x1234 is 0 by the table and 238 on the host",
       ", with R[3]=-1 (DEC R3 at ", 1},
      {BADVM_YIELDS, "it yields by the table and goes on on the host",
       " (YIELD ", 0},
      {BADVM_TELLS, "what it tells is TELL(1, 0, 0) by the table and "
       "TELL(0, 0, 1) on the host", ", with R[3]=1 (TELL R3, R1, R2 at 64)",
       1},
      {BADVM_SENSES, "what it takes is none by the table and SENSE() on the "
       "host", " (SENSE R3 at 64)", 0},
      {BADVM_WRAP, "R[", " on the host", 3}};
  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const char *row = badvm_row(cases[i].bug);
    calibrate(BADVM_BIT(cases[i].bug), false, &got);
    says(row, cases[i].what, cases[i].with);
    UNIT_TRUE(needs(row) <= cases[i].most, "%s", text_of(row));
  }
}

/* A state that is reduced still shows what it is an example of. */
struct asked {
  uint32_t questions, cell, value;
};

static bool needs_one_cell(const struct cal_case *c, struct cal_diff *out,
                           void *user) {
  struct asked *a = user;
  a->questions++;
  out->kind = CAL_VALUE;
  snprintf(out->text, sizeof out->text, "question %u", a->questions);
  return c->cells[a->cell] >= (int32_t)a->value && c->mem[0x345] != 0;
}

static void reducing(void) {
  struct cal_place place = {0};
  struct cal_bench b = {.d = isa_unified(), .place = &place};
  struct cal_diff diff = {CAL_VALUE, "before"};
  struct cal_row row;
  struct asked asked = {.cell = 17, .value = 9};
  UNIT_EQ(cal_bench_open(&b), 0);
  UNIT_EQ(cal_row_make(&b, opcode_of("ADD"), &row, NULL), 0);
  cal_draw(&b, &row, 40, 0, &b.drawn);
  b.drawn.cells[17] = 12345;
  b.mem[0x345] = 77;
  cal_case_copy(&b, &b.example, &b.drawn);
  cal_reduce(&b, &b.example, &diff, 1000, needs_one_cell, &asked);
  for (uint32_t i = 0; i < b.d->cell_count; i++)
    UNIT_TRUE(b.example.cells[i] == (i == 17 ? 10 : b.init[i]), "cell %u: %d",
              i, b.example.cells[i]);
  for (uint32_t i = 0; i < b.d->mem_size; i++)
    if (b.example.mem[i] != (i == 0x345 ? 77 : 0))
      UNIT_TRUE(false, "byte %u", i);
  UNIT_EQ(b.example.cycles, 0);
  UNIT_TRUE(asked.questions < 400, "%u questions", asked.questions);
  /* No more questions than allowed; what shows not again stays whole. */
  asked.questions = 0;
  cal_case_copy(&b, &b.example, &b.drawn);
  cal_reduce(&b, &b.example, &diff, 7, needs_one_cell, &asked);
  UNIT_EQ(asked.questions, 7);
  asked.value = INT32_MAX;
  cal_case_copy(&b, &b.example, &b.drawn);
  cal_reduce(&b, &b.example, &diff, 1000, needs_one_cell, &asked);
  UNIT_EQ(asked.questions, 8);
  UNIT_MEM_EQ(b.example.cells, b.drawn.cells,
              b.d->cell_count * sizeof(int32_t));
  cal_row_done(&row);
  cal_bench_close(&b);
}

static void sentences(void) {
  struct cal_place place = {0};
  struct cal_bench b = {.d = isa_unified(), .place = &place};
  struct cal_diff diff = {CAL_VALUE, "R[3] is 7 by the table and 8 on the "
                                     "host"};
  struct cal_row row;
  char text[200], small[30];
  UNIT_EQ(cal_bench_open(&b), 0);
  UNIT_EQ(cal_row_make(&b, opcode_of("ADD"), &row, NULL), 0);
  memcpy(b.example.cells, b.init, b.d->cell_count * sizeof(int32_t));
  b.example.cells[1] = 3;
  b.example.cells[2] = 4;
  cal_sentence(&b, &row, &b.example, &diff, text, sizeof text);
  UNIT_STR_EQ(text, "ADD (0x20): R[3] is 7 by the table and 8 on the host, "
                    "with R[1]=3, R[2]=4 (ADD R3, R1, R2 at 64)");
  cal_sentence(&b, &row, &b.example, &diff, small, sizeof small);
  UNIT_STR_EQ(small, "ADD (0x20): R[3] is 7 by the ");
  for (unsigned i = 5; i < 20; i++) b.example.cells[i] = 1;
  b.example.mem[9] = 4;
  b.example.cycles = 3;
  cal_sentence(&b, &row, &b.example, &diff, text, sizeof text);
  UNIT_TRUE(strstr(text, "R[8]=1, ... (ADD") != NULL, "%s", text);
  memcpy(b.example.cells, b.init, b.d->cell_count * sizeof(int32_t));
  b.example.cells[64] = 0x3FC00000;
  cal_sentence(&b, &row, &b.example, &diff, text, sizeof text);
  UNIT_TRUE(strstr(text, ", with F[0]=1.5, byte 0x0009=4, cycles=3 (") != NULL,
            "%s", text);
  cal_row_done(&row);
  cal_bench_close(&b);
}

/* ---- VMs that die and hang ---------------------------------------------- */

static uint64_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void it_dies(void) {
  finds(BADVM_BIT(BADVM_ABORT) | BADVM_BIT(BADVM_LENGTH), true);
  says("XOR", "it kills the VM (signal 6", "=7 (XOR R");
  UNIT_EQ(needs("XOR"), 1);
  says("NOT", "it goes to 66", "67");
}

/* One row leaves the process, the next cannot be loaded. */
static void it_leaves(void) {
  finds(BADVM_BIT(BADVM_EXIT) | BADVM_BIT(BADVM_LOAD), true);
  says("OR", "it kills the VM (exit status 3)", "(OR R3, R1, R2 at 64)");
  says("ABS", "it kills the VM (signal 6", "when it is loaded");
}

static void it_hangs(void) {
  finds(BADVM_BIT(BADVM_SPIN), true);
  says("AND", "it does not come back", "R[2]=-1 (AND");
  UNIT_EQ(needs("AND"), 1);
}

static void it_sleeps(void) {
  uint64_t begin = now_ms();
  finds(BADVM_BIT(BADVM_SLEEP), true);
  says("NEG", "it does not come back", "(NEG R3 at 64)");
  UNIT_TRUE(now_ms() - begin >= brief.row_wall, "it was waited for");
}

static void never_the_same(void) {
  finds(BADVM_BIT(BADVM_TWICE), true);
  says("INC", "the first time and", "the second time");
  finds(BADVM_BIT(BADVM_TWICE), false);
}

/* All of it at once, and every child is collected. */
static void all_at_once(void) {
  finds(BADVM_BIT(BADVM_KILLED) - 1, true);
  UNIT_TRUE(waitpid(-1, NULL, WNOHANG) == -1, "no child is left");
}

/* A child that is killed from outside is no fault of the row, the first time:
 * the operator, or want of memory. */
static void killed_once(void) {
  badvm_kills = mmap(NULL, sizeof *badvm_kills, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (badvm_kills == MAP_FAILED) exit(99);
  *badvm_kills = 1;
  calibrate(BADVM_BIT(BADVM_KILLED), true, &got);
  UNIT_EQ(got.finding_count, 0);
  UNIT_EQ(*badvm_kills < 0, 1);
  *badvm_kills = 1000;
  finds(BADVM_BIT(BADVM_KILLED), true);
  says("BITREV", "it kills the VM (signal 9", "(BITREV R3 at 64)");
  munmap((void *)(uintptr_t)badvm_kills, sizeof *badvm_kills);
  badvm_kills = NULL;
}

/* Time runs out: what was not looked at is no row to be trusted. */
static void no_time(void) {
  static const struct fse_calibrate_limits none = {400, 1500, 300};
  struct fisa_error err;
  struct host h;
  unsigned unreached = 0;
  host_open(&h, BADVM_BIT(BADVM_SLEEP), true);
  UNIT_EQ(fse_calibrate(isa_unified(), h.step, h.ctx, &none, &got, &err), 0);
  UNIT_TRUE(got.partial, "not all was seen");
  for (unsigned i = 0; i < got.finding_count; i++)
    unreached += strstr(got.finding[i].text, "was not reached") != NULL;
  UNIT_TRUE(unreached > 100, "%u rows", unreached);
  UNIT_EQ(got.verdict[opcode_of("NEG")], FSE_ROW_UNFIT);
  UNIT_EQ(got.verdict[opcode_of("HALT")], FSE_ROW_FINE);
  UNIT_EQ(got.verdict[opcode_of("WATCH")], FSE_ROW_UNFIT);
  host_close(&h);
}

/* The host's signals are its own, and its output is not the child's. */
static volatile sig_atomic_t caught;
static void catch_signal(int n) {
  (void)n;
  caught++;
}

static void signals_stay(void) {
  struct sigaction a = {.sa_handler = catch_signal}, before, after;
  sigset_t mask;
  sigaction(SIGUSR1, &a, &before);
  calibrate(BADVM_BIT(BADVM_ABORT), true, &got);
  sigaction(SIGUSR1, &before, &after);
  UNIT_TRUE(after.sa_handler == catch_signal, "the handler is there");
  UNIT_EQ(caught, 0);
  sigprocmask(SIG_SETMASK, NULL, &mask);
  UNIT_TRUE(!sigismember(&mask, SIGTERM), "nothing is blocked");
}

/* A host that lets the system collect its children. */
static void nobody_waits(void) {
  struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
  sigaction(SIGCHLD, &ignore, &before);
  finds(BADVM_BIT(BADVM_ABORT), true);
  says("XOR", "it kills the VM", "(XOR");
  sigaction(SIGCHLD, &before, NULL);
}

/* A VM of which nothing works: each row costs a child, and that is all. */
static void every_row_dies(void) {
  struct fisa_dialect *d = malloc(sizeof *d);
  struct fisa_error err = {""};
  unsigned long rows = unit_scale(178);
  struct host h;
  *d = *isa_unified();
  for (unsigned i = 255, left = 178; i > 0 && left > rows; i--) {
    if (!cal_is_stepped(&d->rows[i])) continue;
    fisa_dialect_demote(d, (uint8_t)i);
    left--;
  }
  host_open(&h, BADVM_BIT(BADVM_DOOMED), true);
  UNIT_TRUE(fse_calibrate(d, h.step, h.ctx, &brief, &got, &err) == 0, "%s",
            err.text);
  UNIT_EQ(got.stepped, rows);
  UNIT_EQ(got.unfit, rows);
  UNIT_EQ(got.finding_count, rows);
  for (unsigned i = 0; i < got.finding_count; i++)
    UNIT_TRUE(strstr(got.finding[i].text, "it kills the VM (signal 6") != NULL,
              "%s", got.finding[i].text);
  /* The first ones are examples that were reduced. */
  says("HALT", "Aborted) (HALT at 64)", "");
  UNIT_EQ(needs("HALT"), 0);
  host_close(&h);
  free(d);
}

/* Open files of this process. */
static unsigned open_files(void) {
  unsigned n = 0;
  for (int i = 0; i < 256; i++) n += fcntl(i, F_GETFD) != -1;
  return n;
}

/* What the VM prints in a child is not for the host's reader; of pipes and
 * children nothing is left. */
static void quiet(void) {
  int pipe_ends[2], saved[2];
  unsigned before = open_files();
  char byte;
  fflush(stdout);
  UNIT_EQ(pipe2(pipe_ends, O_NONBLOCK), 0);
  for (int i = 0; i < 2; i++) {
    saved[i] = dup(i + 1);
    dup2(pipe_ends[1], i + 1);
  }
  calibrate(BADVM_BIT(BADVM_LOUD) | BADVM_BIT(BADVM_ABORT), true, &got);
  fflush(stdout);
  for (int i = 0; i < 2; i++) {
    dup2(saved[i], i + 1);
    close(saved[i]);
  }
  close(pipe_ends[1]);
  UNIT_EQ(read(pipe_ends[0], &byte, 1), 0);
  close(pipe_ends[0]);
  UNIT_EQ(open_files(), before);
  UNIT_EQ(got.finding_count, 1);
  UNIT_TRUE(waitpid(-1, NULL, WNOHANG) == -1, "no child is left");
}

/* A host without the usual three files: the pipe may get one of their
 * numbers. */
static void without_files(void) {
  int saved[3];
  fflush(stdout);
  for (int i = 0; i < 3; i++) {
    saved[i] = fcntl(i, F_DUPFD, 10);
    close(i);
  }
  calibrate(BADVM_BIT(BADVM_SWAPPED), true, &got);
  for (int i = 0; i < 3; i++) {
    if (saved[i] < 0) continue;
    dup2(saved[i], i);
    close(saved[i]);
  }
  UNIT_EQ(got.finding_count, 1);
  UNIT_EQ(got.opaque, 1);
}

/* No process to be had: that is an error and no verdict. */
static void no_process(void) {
  struct rlimit was, none;
  struct fisa_error err = {""};
  struct host h;
  if (getuid() == 0) {
    unit_skip("the superuser has always one more");
    return;
  }
  getrlimit(RLIMIT_NPROC, &was);
  none = was;
  none.rlim_cur = 0;
  setrlimit(RLIMIT_NPROC, &none);
  host_open(&h, 0, true);
  UNIT_EQ(fse_calibrate(isa_unified(), h.step, h.ctx, &brief, &got, &err), -1);
  UNIT_TRUE(strstr(err.text, "no child process") != NULL, "%s", err.text);
  UNIT_TRUE(!got.proven, "nothing is known");
  host_close(&h);
  setrlimit(RLIMIT_NPROC, &was);
}

static void no_files_left(void) {
  struct rlimit was, none;
  struct fisa_error err = {""};
  struct host h;
  host_open(&h, 0, true);
  getrlimit(RLIMIT_NOFILE, &was);
  none = was;
  none.rlim_cur = 3;
  setrlimit(RLIMIT_NOFILE, &none);
  UNIT_EQ(fse_calibrate(isa_unified(), h.step, h.ctx, &brief, &got, &err), -1);
  setrlimit(RLIMIT_NOFILE, &was);
  UNIT_TRUE(strstr(err.text, "no pipe") != NULL, "%s", err.text);
  host_close(&h);
}

/* ---- services that are odd ---------------------------------------------- */

static struct host real;
static flux_status open_answer, run_answer;
static uint8_t refused_opcode;
static uint32_t opened;

static flux_status odd_open(const char *dialect, const uint8_t *code,
                            uint32_t size, flux_stepper **out, void *ctx) {
  opened++;
  if (open_answer != FLUX_OK && size > CAL_LEAD &&
      (refused_opcode == 0 || code[CAL_LEAD] == refused_opcode))
    return open_answer;
  (void)ctx;
  return real.step->open(dialect, code, size, out, real.ctx);
}

static flux_status odd_run(flux_stepper *stepper, flux_state *state,
                           uint64_t count, const flux_step_io *io) {
  return run_answer != FLUX_OK ? run_answer
                               : real.step->run(stepper, state, count, io);
}

static const flux_step odd = {sizeof odd, 0, odd_open, odd_run, NULL};

static void ask_odd(flux_status open, uint8_t opcode, flux_status run) {
  flux_step step = odd;
  struct fisa_error err = {""};
  step.close = real.step->close;
  open_answer = open;
  refused_opcode = opcode;
  run_answer = run;
  opened = 0;
  UNIT_TRUE(fse_calibrate(isa_unified(), &step, NULL, NULL, &got, &err) ==
            (open == FLUX_E_MEMORY ? -1 : 0), "%s", err.text);
}

static void odd_services(void) {
  struct fisa_error err = {""};
  flux_step cut;
  host_open(&real, 0, false);
  /* No service, or half of one. */
  UNIT_EQ(fse_calibrate(isa_unified(), NULL, NULL, NULL, &got, &err), 0);
  UNIT_TRUE(!got.proven && got.stepped == 0 && got.finding_count == 0, "none");
  cut = odd;
  cut.struct_size = offsetof(flux_step, close);
  UNIT_EQ(fse_calibrate(isa_unified(), &cut, NULL, NULL, &got, &err), 0);
  UNIT_TRUE(!got.proven, "half");
  /* No VM for the dialect: asked once. */
  ask_odd(FLUX_E_UNSUPPORTED, 0, FLUX_OK);
  UNIT_TRUE(!got.proven, "no VM");
  UNIT_EQ(opened, 1);
  /* None for a row, or a row it does not take. */
  ask_odd(FLUX_E_UNSUPPORTED, opcode_of("CRC32"), FLUX_OK);
  UNIT_EQ(got.unfit, 1);
  says("CRC32", "the host does not load it (status -4)", "0xEC");
  ask_odd(FLUX_E_MALFORMED, opcode_of("SUB"), FLUX_OK);
  UNIT_EQ(got.unfit, 1);
  UNIT_EQ(got.finding_count, 1);
  says("SUB", "the host does not load it (status -9)", "");
  ask_odd(FLUX_E_MEMORY, opcode_of("SUB"), FLUX_OK);
  UNIT_TRUE(!got.proven, "no memory");
  ask_odd(FLUX_OK, 0, FLUX_E_INVALID);
  UNIT_EQ(got.unfit, got.stepped);
  says("ADD", "does not run it (status -1)", "(ADD R3, R1, R2 at 64)");
  host_close(&real);
}

/* ---- any dialect -------------------------------------------------------- */

/* A step service made of the IR itself: of whatever dialect. */
struct flux_stepper {
  struct fisa_program *program;
  struct fir_program *ir;
  struct fir_lane *lane;
  struct fisa_state *state;
  const flux_step_io *io;
};

static int ir_input(uint16_t source, const int32_t *arg, unsigned argc,
                    int32_t *value, void *user) {
  const flux_stepper *s = user;
  return s->io->input(source, arg, argc, value, s->io->user);
}

static int ir_output(uint16_t channel, const int32_t *arg, unsigned argc,
                     void *user) {
  const flux_stepper *s = user;
  return s->io->output(channel, arg, argc, s->io->user);
}

static flux_status ir_open(const char *dialect, const uint8_t *code,
                           uint32_t size, flux_stepper **out, void *ctx) {
  const struct fisa_dialect *d = ctx;
  uint32_t *every = calloc(size, sizeof *every);
  flux_stepper *s = calloc(1, sizeof *s);
  UNIT_STR_EQ(dialect, d->name);
  for (uint32_t i = 0; i < size; i++) every[i] = i;
  UNIT_EQ(fisa_program_from_bytes(d, code, size, &s->program, NULL), 0);
  UNIT_EQ(fir_lower_places(s->program, every, size, &s->ir, NULL), 0);
  s->lane = fir_lane_new();
  s->state = fisa_state_new(d);
  free(every);
  *out = s;
  return FLUX_OK;
}

static flux_status ir_run(flux_stepper *s, flux_state *g, uint64_t count,
                          const flux_step_io *io) {
  const struct fir_io ir_io = {ir_input, ir_output, s};
  s->io = io;
  memcpy(s->state->cells, g->cells, g->cell_count * sizeof *g->cells);
  memcpy(s->state->mem, g->mem, g->mem_size);
  s->state->pc = g->pc;
  s->state->cycles = g->cycles;
  fir_run(s->ir, s->lane, s->state, &ir_io, (struct fir_limits){count, true});
  memcpy(g->cells, s->state->cells, g->cell_count * sizeof *g->cells);
  memcpy(g->mem, s->state->mem, g->mem_size);
  g->pc = s->state->pc;
  g->cycles = s->state->cycles;
  g->status = s->state->status;
  g->fault = s->state->fault;
  return FLUX_OK;
}

static void ir_close(flux_stepper *s) {
  fir_free(s->ir);
  fir_lane_free(s->lane);
  fisa_state_free(s->state);
  fisa_program_free(s->program);
  free(s);
}

static const flux_step by_ir = {sizeof by_ir, 0, ir_open, ir_run, ir_close};

static void any_dialect(void) {
  const struct fisa_dialect *all[] = {isa_unified(), isa_tiny(), isa_bare()};
  for (unsigned i = 0; i < 3; i++) {
    const struct fisa_dialect *d = all[i];
    struct fisa_error err = {""};
    UNIT_TRUE(fse_calibrate(d, &by_ir, (void *)(uintptr_t)d, NULL, &got,
                            &err) == 0, "%s", err.text);
    UNIT_TRUE(got.proven && got.finding_count == 0, "%s: %s", d->name,
              got.finding[0].text);
    UNIT_TRUE(got.stepped > 0 && got.states >= got.stepped * 32u,
              "%s: %llu states of %u rows", d->name,
              (unsigned long long)got.states, got.stepped);
  }
}

/* ---- tables that are wrong ---------------------------------------------- */

/* The same the other way round: a row of the table is changed, and the VM
 * that is right must show it. */
static struct {
  struct host h;
  struct fisa_dialect *d;
  unsigned tried, missed;
} mutant;

static void try_mutant(unsigned opcode, const char *what) {
  struct cal_place place = {0};
  struct cal_bench b = {.d = mutant.d, .place = &place,
                        .step = mutant.h.step, .ctx = mutant.h.ctx};
  struct cal_result r;
  UNIT_EQ(cal_bench_open(&b), 0);
  UNIT_EQ(cal_look(&b, (uint8_t)opcode, &r), 0);
  mutant.tried++;
  if (r.kind == CAL_SAME) {
    mutant.missed++;
    if (getenv("MUTANTS") != NULL)
      printf("    missed: %s: %s\n", mutant.d->rows[opcode].name, what);
  }
  cal_bench_close(&b);
  *mutant.d = *isa_unified();
}

/* Ops that are taken one for the other. */
static const uint16_t mistaken[][2] = {
    {FLUX_OP_ADD, FLUX_OP_SUB},   {FLUX_OP_SUB, FLUX_OP_ADD},
    {FLUX_OP_MUL, FLUX_OP_ADD},   {FLUX_OP_QUO, FLUX_OP_SAR},
    {FLUX_OP_AND, FLUX_OP_OR},    {FLUX_OP_OR, FLUX_OP_XOR},
    {FLUX_OP_XOR, FLUX_OP_OR},    {FLUX_OP_SHL, FLUX_OP_ROTL},
    {FLUX_OP_SAR, FLUX_OP_ROTR},  {FLUX_OP_ROTL, FLUX_OP_ROTR},
    {FLUX_OP_ROTR, FLUX_OP_SAR},  {FLUX_OP_MIN, FLUX_OP_MAX},
    {FLUX_OP_MAX, FLUX_OP_MIN},   {FLUX_OP_EQ, FLUX_OP_LE},
    {FLUX_OP_NE, FLUX_OP_LT},     {FLUX_OP_LT, FLUX_OP_LE},
    {FLUX_OP_LE, FLUX_OP_LT},     {FLUX_OP_GT, FLUX_OP_GE},
    {FLUX_OP_GE, FLUX_OP_GT},     {FLUX_OP_FADD, FLUX_OP_FSUB},
    {FLUX_OP_FSUB, FLUX_OP_FADD}, {FLUX_OP_FMUL, FLUX_OP_FDIV},
    {FLUX_OP_FDIV, FLUX_OP_FMUL}, {FLUX_OP_FMIN, FLUX_OP_FMAX},
    {FLUX_OP_FMAX, FLUX_OP_FMIN}, {FLUX_OP_NOT, FLUX_OP_NEG},
    {FLUX_OP_NEG, FLUX_OP_NOT},   {FLUX_OP_ABS, FLUX_OP_NEG},
    {FLUX_OP_POPCNT, FLUX_OP_CLZ}, {FLUX_OP_ISQRT, FLUX_OP_ILOG},
    {FLUX_OP_LOAD32, FLUX_OP_LOAD8}, {FLUX_OP_STORE32, FLUX_OP_STORE8},
    {FLUX_OP_LOAD8, FLUX_OP_LOAD32}, {FLUX_OP_STORE8, FLUX_OP_STORE32},
    {FLUX_OP_MMIN, FLUX_OP_MMAX}, {FLUX_OP_MMAX, FLUX_OP_MSUM},
    {FLUX_OP_CONF_SUM, FLUX_OP_CONF_MEAN},
    {FLUX_OP_CONF_PROD, FLUX_OP_CONF_PCT},
    {FLUX_OP_BR_EQZ, FLUX_OP_BR_GEZ}, {FLUX_OP_BR_NEZ, FLUX_OP_BR_GTZ},
    {FLUX_OP_BR_LTZ, FLUX_OP_BR_LEZ}, {FLUX_OP_BR_LEZ, FLUX_OP_BR_LTZ},
    {FLUX_OP_BR_GTZ, FLUX_OP_BR_GEZ}, {FLUX_OP_BR_GEZ, FLUX_OP_BR_GTZ},
    {FLUX_OP_BR_DEC_GTZ, FLUX_OP_BR_GTZ_DEC}};

static void mutate_step(unsigned opcode, unsigned k) {
  const struct fisa_step *s = &isa_unified()->rows[opcode].steps[k];
  struct fisa_step *m = &mutant.d->rows[opcode].steps[k];
  struct fisa_ref *refs[] = {&m->a, &m->b, &m->c};
  for (unsigned i = 0; i < sizeof mistaken / sizeof mistaken[0]; i++) {
    if (mistaken[i][0] != s->op) continue;
    m->op = mistaken[i][1];
    try_mutant(opcode, fisa_semop_name(mistaken[i][1]));
  }
  for (unsigned i = 0; i < 3; i++) {
    if (refs[i]->kind == FISA_REF_CONST &&
        fisa_semop_use(s->op, i + 1) == 'R' && s->op != FLUX_OP_INPUT) {
      refs[i]->value++;
      try_mutant(opcode, "a constant one higher");
      refs[i]->value--;
      try_mutant(opcode, "a constant one lower");
    } else if (refs[i]->kind == FISA_REF_REG) {
      refs[i]->kind = FISA_REF_FIXED;
      refs[i]->value = 1;
      try_mutant(opcode, "always register 1");
    }
  }
}

static void mutate_operand(unsigned opcode, unsigned k) {
  struct fisa_operand *o = &mutant.d->rows[opcode].operands[k];
  switch (o->kind) {
    case FISA_OPERAND_IMM8S:
      o->kind = FISA_OPERAND_IMM8U;
      o->lo = 0;
      o->hi = 255;
      break;
    case FISA_OPERAND_IMM8U:
      o->kind = FISA_OPERAND_IMM8S;
      o->lo = -128;
      o->hi = 127;
      break;
    case FISA_OPERAND_IMM16S:
      o->kind = FISA_OPERAND_ADDR16U;
      o->lo = 0;
      o->hi = 65535;
      break;
    default:
      return;
  }
  try_mutant(opcode, "an immediate of another sign");
}

static void mutate_row(unsigned opcode) {
  const struct fisa_row *row = &isa_unified()->rows[opcode];
  struct fisa_row *m = &mutant.d->rows[opcode];
  unsigned before = mutant.missed;
  m->cycles++;
  try_mutant(opcode, "cycles");
  if (row->flow == FISA_FLOW_RET) {
    m->bias++;
    try_mutant(opcode, "bias");
  }
  if (row->link > 0) {
    m->link++;
    try_mutant(opcode, "link");
  }
  if (row->flow == FISA_FLOW_JUMP_REL || row->flow == FISA_FLOW_COND_REL ||
      row->flow == FISA_FLOW_CALL_REL || row->flow == FISA_FLOW_COND_REL_REG) {
    m->base_end = true;
    try_mutant(opcode, "base");
  }
  UNIT_TRUE(mutant.missed == before, "%s: flow or cycles", row->name);
  if (row->step_count == 1 && row->steps[0].op == FLUX_OP_NOP) return;
  for (unsigned k = 0; k < row->step_count; k++) mutate_step(opcode, k);
  for (unsigned k = 0; k < row->operand_count; k++) mutate_operand(opcode, k);
  for (unsigned k = 0; k < row->step_count; k++) {
    if (row->steps[k].d.kind != FISA_REF_REG || row->steps[k].d.file != 0)
      continue;
    mutant.d->files[0].zero = false;
    try_mutant(opcode, "no zero register");
    mutant.d->files[0].count = 32;
    try_mutant(opcode, "32 registers");
    break;
  }
}

/* Some mutants are no bugs: x + 1 > 0 for x >= 0, and the like. All that is
 * wrong in flow or cycles shows, and of the rest nearly all. */
static void wrong_tables(void) {
  unsigned every = (unsigned)(1000 / unit_scale(1000));
  host_open(&mutant.h, 0, false);
  mutant.d = malloc(sizeof *mutant.d);
  *mutant.d = *isa_unified();
  for (unsigned i = 0; i < 256; i += 1)
    if (cal_is_stepped(&isa_unified()->rows[i]) && i % every == 0)
      mutate_row(i);
  UNIT_TRUE(mutant.tried >= 800 / every, "%u mutants", mutant.tried);
  UNIT_TRUE(mutant.missed * 40 <= mutant.tried + 40, "%u of %u missed",
            mutant.missed, mutant.tried);
  free(mutant.d);
  host_close(&mutant.h);
}

/* ---- demoted rows ------------------------------------------------------- */

static void demoting(void) {
  struct fisa_dialect *d = malloc(sizeof *d), *e = malloc(sizeof *e);
  uint8_t add = opcode_of("ADD"), nop = opcode_of("NOP");
  uint8_t tell = opcode_of("TELL");
  const struct fisa_row *row = &d->rows[add];
  *d = *e = *isa_unified();
  fisa_dialect_demote(d, add);
  UNIT_TRUE(row->opaque && row->step_count == 0 && row->guard_count == 0 &&
            !row->pure, "it has no meaning");
  UNIT_EQ(row->length, 4);
  UNIT_EQ(row->operand_count, 3);
  UNIT_EQ(row->cost, 1);
  UNIT_STR_EQ(row->reads, isa_unified()->rows[add].reads);
  UNIT_TRUE(memcmp(d->hash, e->hash, 32) != 0, "another dialect");
  memcpy(e->hash, d->hash, 32);
  fisa_dialect_demote(d, add);
  UNIT_MEM_EQ(d->hash, e->hash, 32); /* nothing new */
  /* Roles that only a meaning gives; numbers that others go by. */
  fisa_dialect_demote(d, nop);
  UNIT_TRUE(!(d->rows[nop].roles & FISA_ROLE_NOP), "no NOP");
  fisa_dialect_demote(d, tell);
  UNIT_EQ(d->channel_count, isa_unified()->channel_count);
  UNIT_EQ(d->rows[tell].channel, 0xFFFF);
  UNIT_TRUE(memcmp(d->hash, e->hash, 32) != 0, "and another");
  /* The same rows in the same order are the same dialect. */
  *e = *isa_unified();
  fisa_dialect_demote(e, add);
  fisa_dialect_demote(e, nop);
  fisa_dialect_demote(e, tell);
  UNIT_MEM_EQ(d, e, sizeof *d);
  free(e);
  free(d);
}

/* Programs with such a row are no longer run offline; others are. */
static void demoted_programs(void) {
  struct fisa_dialect *d = malloc(sizeof *d);
  struct fisa_program *with, *without;
  struct fir_program *ir = NULL;
  *d = *isa_unified();
  fisa_dialect_demote(d, opcode_of("ADD"));
  with = isa_program(d, "ADD R1, R2, R3\nHALT\n");
  without = isa_program(d, "SUB R1, R2, R3\nHALT\n");
  UNIT_EQ(fir_lower(with, &ir, NULL), 0);
  UNIT_TRUE(ir->opaque, "it meets a row without meaning");
  fir_free(ir);
  UNIT_EQ(fir_lower(without, &ir, NULL), 0);
  UNIT_TRUE(!ir->opaque, "it does not");
  fir_free(ir);
  fisa_program_free(with);
  fisa_program_free(without);
  /* A table that has no opaque row has no number for one. */
  *d = *isa_bare();
  fisa_dialect_demote(d, 1);
  UNIT_EQ(d->lethal_code[FLUX_LETHAL_OPAQUE], 1003);
  free(d);
}

static void shared_rows(void) {
  static const struct {
    const char *reads, *writes;
    bool shared;
  } cases[] = {{"", "", false},          {"R[rd];RNG", "", true},
               {"RNG", "", true},        {"", "R[rd];HEAP;FAULT", true},
               {"RNGS;XRNG", "", false}, {"HEAPS", "R[HEAP]", false},
               {"MEM.heap", "", false},  {"RNG[0]", "", true}};
  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct fisa_row row = {.defined = true};
    snprintf(row.reads, sizeof row.reads, "%s", cases[i].reads);
    snprintf(row.writes, sizeof row.writes, "%s", cases[i].writes);
    UNIT_TRUE(fisa_row_is_shared(&row) == cases[i].shared, "%s / %s",
              cases[i].reads, cases[i].writes);
  }
}

static void applying(void) {
  struct fisa_dialect *d = malloc(sizeof *d);
  calibrate(BADVM_TWELVE, true, &got);
  *d = *isa_unified();
  fse_calibration_apply(&got, d);
  for (unsigned i = 0; i < 256; i++)
    UNIT_TRUE(d->rows[i].opaque == (isa_unified()->rows[i].opaque ||
                                    got.verdict[i] > FSE_ROW_FINE),
              "%s", d->rows[i].name);
  calibrate(0, true, &got);
  *d = *isa_unified();
  fse_calibration_apply(&got, d);
  UNIT_MEM_EQ(d, isa_unified(), sizeof *d);
  free(d);
}

/* ---- as bytes ----------------------------------------------------------- */

static void packing(void) {
  uint8_t *bytes;
  size_t size = 0;
  calibrate(BADVM_TWELVE, true, &got);
  bytes = fse_calibration_pack(&got, &size);
  UNIT_TRUE(fse_calibration_unpack(isa_unified(), bytes, size, &other),
            "it can be read");
  other.ms = got.ms;
  UNIT_EQ(other.finding_count, got.finding_count);
  for (unsigned i = 0; i < got.finding_count; i++) {
    UNIT_EQ(other.finding[i].opcode, got.finding[i].opcode);
    UNIT_EQ(other.finding[i].verdict, got.finding[i].verdict);
    UNIT_STR_EQ(other.finding[i].text, got.finding[i].text);
  }
  UNIT_MEM_EQ(other.verdict, got.verdict, 256);
  UNIT_EQ(other.states, got.states);
  UNIT_EQ(other.stepped, got.stepped);
  UNIT_EQ(other.never, got.never);
  UNIT_EQ(other.opaque, got.opaque);
  UNIT_EQ(other.unfit, got.unfit);
  UNIT_TRUE(other.proven && other.forked && !other.partial, "as it was");
  for (size_t n = 0; n < size; n++)
    UNIT_TRUE(!fse_calibration_unpack(isa_unified(), bytes, n, &other),
              "%zu bytes", n);
  free(bytes);
}

/* Any byte of it changed is another verdict or none, never nonsense. */
static void packed_damage(void) {
  uint64_t random = 11;
  uint8_t *bytes, *copy;
  size_t size = 0;
  calibrate(BADVM_TWELVE, true, &got);
  bytes = fse_calibration_pack(&got, &size);
  copy = malloc(size);
  for (unsigned long n = unit_scale(20000); n > 0; n--) {
    memcpy(copy, bytes, size);
    for (unsigned k = 1 + isa_below(&random, 3); k > 0; k--)
      copy[isa_below(&random, (uint32_t)size)] = (uint8_t)isa_random(&random);
    if (!fse_calibration_unpack(isa_unified(), copy, size, &other)) continue;
    UNIT_TRUE(other.finding_count == other.opaque + other.unfit, "counts");
    for (unsigned i = 0; i < other.finding_count; i++)
      if (other.verdict[other.finding[i].opcode] <= FSE_ROW_FINE ||
          strpbrk(other.finding[i].text, "\n\r\t\x7f") != NULL)
        UNIT_TRUE(false, "%s", other.finding[i].text);
  }
  free(copy);
  free(bytes);
}

static void keys(void) {
  struct fisa_dialect *d = malloc(sizeof *d);
  uint8_t a[32], b[32];
  *d = *isa_unified();
  fse_calibration_key("vm 1", d, a);
  fse_calibration_key("vm 1", d, b);
  UNIT_MEM_EQ(a, b, 32);
  fse_calibration_key("vm 2", d, b);
  UNIT_TRUE(memcmp(a, b, 32) != 0, "another build");
  fisa_dialect_demote(d, opcode_of("ADD"));
  fse_calibration_key("vm 1", d, b);
  UNIT_TRUE(memcmp(a, b, 32) != 0, "another table");
  free(d);
}

static const struct unit_test tests[] = {
    {"clean", "child", a_clean_vm},
    {"clean", "here", a_clean_vm_here},
    {"clean", "states", states_of_rows},
    {"clean", "dialects", any_dialect},
    {"clean", "shown", what_rows_are_shown},
    {"clean", "counted", draws_are_counted},
    {"bugs", "twelve", all_twelve},
    {"bugs", "here", all_twelve_here},
    {"bugs", "alone", each_alone},
    {"bugs", "order", in_order},
    {"bugs", "deterministic", same_twice},
    {"bugs", "tables", wrong_tables},
    {"examples", "minimal", examples},
    {"examples", "reducing", reducing},
    {"examples", "sentences", sentences},
    {"child", "dies", it_dies},
    {"child", "leaves", it_leaves},
    {"child", "hangs", it_hangs},
    {"child", "sleeps", it_sleeps},
    {"child", "twice", never_the_same},
    {"child", "all", all_at_once},
    {"child", "killed", killed_once},
    {"child", "no time", no_time},
    {"child", "signals", signals_stay},
    {"child", "nobody waits", nobody_waits},
    {"child", "doomed", every_row_dies},
    {"child", "quiet", quiet},
    {"child", "no stdio", without_files},
    {"child", "no process", no_process},
    {"child", "no pipe", no_files_left},
    {"services", "odd", odd_services},
    {"demote", "row", demoting},
    {"demote", "programs", demoted_programs},
    {"demote", "shared", shared_rows},
    {"demote", "apply", applying},
    {"bytes", "packing", packing},
    {"bytes", "damage", packed_damage},
    {"bytes", "keys", keys},
};

UNIT_MAIN(tests)
