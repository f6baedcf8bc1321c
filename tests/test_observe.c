/*
 * test_observe.c - what an agent reports, when it falls back to its original,
 * where its boundaries are; agents beside each other; snapshots.
 */
#include <stdio.h>
#include <string.h>

#include "tests/isa_util.h"
#include "tests/rig.h"
#include "tests/unit.h"

static const char twice[] =
    ".dialect unified\n.in R1 0..200\n.out R3\n"
    "MOV R3, R1\n ADD R3, R3, R1\n TELL R3, R1, R0\n HALT\n";
/* Told apart by one, which is what these tests want of a patch. */
static const char twice_and_1[] =
    ".dialect unified\n NOP\n ADD R3, R1, R1\n INC R3\n TELL R3, R1, R0\n"
    "HALT\n";
static const char twice_and_2[] =
    ".dialect unified\n NOP\n ADD R3, R1, R1\n INC R3\n INC R3\n"
    "TELL R3, R1, R0\n HALT\n";

static struct fisa_program *programs[8];
static unsigned program_count;

/* A program that is freed by done(). */
static struct fisa_program *program(const char *text) {
  return programs[program_count++] = rig_program(text);
}

static void done(struct rig *r) {
  rig_close(r);
  while (program_count > 0) fisa_program_free(programs[--program_count]);
}

static flux_status offer(struct rig_agent *a, const struct fisa_program *from,
                         const struct fisa_program *to, uint64_t id,
                         uint32_t flags) {
  const struct rig_patch p = {.from = from, .to = to, .id = id,
                              .base = rig_stats(a).version, .flags = flags};
  return rig_offer(a, &p);
}

static int32_t last_told(const struct rig_agent *a) {
  return a->output_count > 0 ? a->outputs[a->output_count - 1].arg[0] : -1;
}

/* ---- suspension --------------------------------------------------------- */

static struct rig_agent *open_suspended(struct rig *r, const char *text,
                                        const char *patch, uint32_t flags) {
  struct rig_agent *a;
  rig_open(r);
  a = rig_add(r, &(struct rig_options){.text = text});
  UNIT_EQ(offer(a, a->program, program(patch), 1, flags), FLUX_OK);
  return a;
}

static void inputs_out_of_range(void) {
  struct rig r;
  struct rig_agent *a =
      open_suspended(&r, twice, twice_and_1, FLUX_PATCH_ACCEPTED);
  static const int32_t shifts[] = {0, 200, -50, 100, 0};
  static const int32_t add[] = {1, 0, 0, 1, 1};
  rig_observe(a, FLUX_OBSERVE_RECORD, 1);
  for (unsigned i = 0; i < 5; i++) {
    a->shift = shifts[i];
    rig_run(a, 1);
    UNIT_EQ(last_told(a), 2 * (rig_feed(i) + shifts[i]) + add[i]);
    UNIT_EQ(rig_last(a)->task.version, add[i]);
    UNIT_EQ(rig_last(a)->task.begin_pc, 0);
    UNIT_EQ(rig_last(a)->task.cycles, add[i] ? 5 : 4);
  }
  UNIT_EQ(rig_stats(a).suspended, 2);
  UNIT_EQ(rig_stats(a).version, 1);
  UNIT_EQ(rig_stats(a).tasks, 5);
  done(&r);
}

/* What is no input must be as the state list and .data say. */
static void what_is_no_input(void) {
  struct rig r;
  struct rig_agent *a =
      open_suspended(&r, twice, twice_and_1, FLUX_PATCH_ACCEPTED);
  rig_run(a, 1);
  UNIT_EQ(rig_stats(a).suspended, 0);
  a->r2 = 1;
  rig_run(a, 1);
  UNIT_EQ(rig_stats(a).suspended, 1);
  a->r2 = 0;
  a->byte = 1;
  rig_run(a, 1);
  UNIT_EQ(rig_stats(a).suspended, 2);
  a->byte = 0;
  rig_run(a, 1);
  UNIT_EQ(rig_stats(a).suspended, 2);
  UNIT_EQ(last_told(a), 2 * rig_feed(3) + 1);
  done(&r);
}

static void memory_in_range(void) {
  static const char text[] =
      ".dialect unified\n.in R1\n.in R2\n.in mem 0x1FF 4 0..9\n"
      ".data 0x203 byte 5\n TELL R1, R2, R0\n HALT\n";
  struct rig r;
  struct rig_agent *a = open_suspended(&r, text,
      ".dialect unified\n NOP\n TELL R1, R2, R0\n HALT\n",
      FLUX_PATCH_ACCEPTED);
  for (int32_t b = 1; b < 20; b++) {
    uint64_t before = rig_stats(a).suspended;
    a->byte = b;
    a->r2 = b * 1000;
    rig_run(a, 1);
    UNIT_TRUE(rig_stats(a).suspended - before == (b > 9), "byte %d", b);
  }
  done(&r);
}

/* The stack of a fresh task holds what .in says: here nothing does. */
static void stack_inputs(void) {
  struct rig r;
  struct rig_agent *a = open_suspended(&r,
      ".dialect unified\n.in R1\n.in stack 2\n POP R3\n HALT\n",
      ".dialect unified\n NOP\n POP R3\n HALT\n", FLUX_PATCH_ACCEPTED);
  UNIT_EQ(rig_step(a), FHOST_RAN);
  UNIT_EQ(rig_stats(a).suspended, 1);
  done(&r);
}

/* On probation such a task is not the patch's: it is not held. */
static void suspended_on_probation(void) {
  struct rig r;
  struct rig_agent *a =
      open_suspended(&r, twice, twice_and_1, FLUX_PATCH_HOLD);
  a->shift = 1000;
  rig_run(a, 3);
  UNIT_EQ(rig_stats(a).installed, 1);
  UNIT_EQ(rig_stats(a).suspended, 3);
  UNIT_EQ(a->output_count, 3);
  UNIT_EQ(last_told(a), 2 * (rig_feed(2) + 1000));
  /* The first is told since the version changed, the others are not. */
  UNIT_EQ(a->evolved.count, 1);
  UNIT_EQ(rig_last(a)->task.version, 0);
  UNIT_EQ(rig_last(a)->task.flags, FLUX_TASK_FRESH | FLUX_TASK_SWAPPED);
  a->shift = 0;
  UNIT_EQ(rig_step(a), FHOST_RAN);
  UNIT_EQ(rig_last(a)->task.flags & FLUX_TASK_HELD, FLUX_TASK_HELD);
  UNIT_EQ(rig_step(a), FHOST_HELD);
  UNIT_EQ(rig_take_back(a, 1, FLUX_RECOVER), FLUX_OK);
  UNIT_EQ(rig_step(a), FHOST_RESOLVED);
  rig_run(a, 1);
  UNIT_EQ(last_told(a), 2 * rig_feed(3));
  UNIT_EQ(rig_stats(a).tasks, 4);
  UNIT_EQ(rig_stats(a).suspended, 3);
  done(&r);
}

/* Between tasks that are taken back it is run again like them. */
static void suspended_in_the_log(void) {
  struct rig r;
  struct rig_agent *a = open_suspended(&r, twice, twice_and_1, 0);
  rig_run(a, 2);
  a->shift = 1000;
  rig_run(a, 1);
  a->shift = 0;
  rig_run(a, 1);
  UNIT_EQ(a->output_count, 4);
  UNIT_EQ(rig_agree(a, 0), FLUX_OK);
  UNIT_EQ(rig_take_back(a, 1, FLUX_RECOVER), FLUX_OK);
  rig_run(a, 3);
  UNIT_EQ(rig_stats(a).wrong, 2);  /* those of the patch */
  UNIT_EQ(a->output_count, 4);
  UNIT_EQ(a->begins, 4);
  rig_run(a, 1);
  UNIT_EQ(a->output_count, 5);
  UNIT_EQ(rig_stats(a).tasks, 5);
  done(&r);
}

/* A sum that starts again at 100; the manifest promises 0..49 of it. */
static const char wraps[] =
    ".dialect unified\n.in R5 0..49\n MOVI R7, 10\n"
    "next: ADD R5, R5, R7\n CMP_GT R8, R5, R9\n TELL R5, R6, R0\n YIELD 0\n"
    "at1:  MOVI16 R9, 99\n CMP_GT R8, R5, R9\n JEQ R8, next\n"
    "      MOVI R5, 0\n JMP next\n";
/* Told apart by R6, which the original leaves 0. */
static const char wraps_1[] =
    ".dialect unified\n.in R5 0..49\n MOVI R7, 10\n NOP\n"
    "next: MOVI R6, 1\n ADD R5, R5, R7\n TELL R5, R6, R0\n MOVI R6, 0\n"
    "      YIELD 0\n"
    "at1:  MOVI16 R9, 99\n CMP_GT R8, R5, R9\n JEQ R8, next\n"
    "      MOVI R5, 0\n JMP next\n";
static const char wraps_2[] =
    ".dialect unified\n.in R5 0..49\n MOVI R7, 10\n NOP\n NOP\n NOP\n"
    "next: MOVI R6, 2\n ADD R5, R5, R7\n TELL R5, R6, R0\n MOVI R6, 0\n"
    "      YIELD 0\n"
    "at1:  MOVI16 R9, 99\n CMP_GT R8, R5, R9\n JEQ R8, next\n"
    "      MOVI R5, 0\n JMP next\n";

/* The same place for place, and told apart all the same. */
static const char wraps_3[] =
    ".dialect unified\n.in R5 0..49\n MOVI R7, 10\n"
    "next: ADD R5, R5, R7\n CMP_GT R8, R5, R9\n TELL R5, R7, R0\n YIELD 0\n"
    "at1:  MOVI16 R9, 99\n CMP_GT R8, R5, R9\n JEQ R8, next\n"
    "      MOVI R5, 0\n JMP next\n";

/* Told sum and R6 of each task, from the i-th output on. */
static void check_wraps(const struct rig_agent *a, size_t i, int32_t r6) {
  for (; i < a->output_count; i++) {
    int32_t told = (int32_t)(i * 10 % 100 + 10);
    int32_t before = i == 0 ? 0 : (int32_t)((i - 1) * 10 % 100 + 10);
    UNIT_TRUE(a->outputs[i].arg[0] == told &&
                  a->outputs[i].arg[1] == (before < 50 ? r6 : 0),
              "output %zu: %d by %d", i, a->outputs[i].arg[0],
              a->outputs[i].arg[1]);
  }
}

static void suspended_in_the_middle(void) {
  struct rig r;
  struct rig_agent *a;
  const struct fisa_program *first, *second;
  rig_open(&r);
  a = rig_add(&r, &(struct rig_options){
                      .text = wraps, .continuing = true, .no_begin = true});
  first = program(wraps_1);
  second = program(wraps_2);
  UNIT_EQ(offer(a, a->program, first, 1, FLUX_PATCH_ACCEPTED), FLUX_OK);
  rig_run(a, 30);
  check_wraps(a, 0, 1);
  UNIT_EQ(rig_stats(a).suspended, 17);
  /* A later version finds the original's code through the first one's. */
  UNIT_EQ(offer(a, first, second, 2, FLUX_PATCH_ACCEPTED), FLUX_OK);
  rig_run(a, 30);
  UNIT_EQ(rig_stats(a).version, 2);
  check_wraps(a, 32, 2);
  UNIT_EQ(rig_stats(a).suspended, 35);
  done(&r);
}

/* Back on the original in the middle of its own code, it can be patched. */
static void reverted_while_suspended(void) {
  struct rig r;
  struct rig_agent *a;
  const struct fisa_program *first;
  rig_open(&r);
  a = rig_add(&r, &(struct rig_options){
                      .text = wraps, .continuing = true, .no_begin = true});
  first = program(wraps_1);
  UNIT_EQ(offer(a, a->program, first, 1, 0), FLUX_OK);
  rig_run(a, 7);
  UNIT_EQ(rig_stats(a).suspended, 2);
  UNIT_EQ(rig_take_back(a, 1, FLUX_REVERT), FLUX_OK);
  rig_run(a, 2);
  UNIT_EQ(rig_stats(a).version, 0);
  UNIT_EQ(rig_stats(a).suspended, 2);
  UNIT_EQ(offer(a, a->program, first, 2, 0), FLUX_OK);
  rig_run(a, 3);
  UNIT_EQ(rig_stats(a).version, 2);
  UNIT_EQ(rig_stats(a).suspended, 4);
  check_wraps(a, 0, 1);
  done(&r);
}

/* What holds a patch off is whose code it is, not the number of the pc. */
static void nothing_installs_at_equal_places(void) {
  struct rig r;
  struct rig_agent *a;
  const struct fisa_program *first;
  rig_open(&r);
  a = rig_add(&r, &(struct rig_options){
                      .text = wraps, .continuing = true, .no_begin = true});
  first = program(wraps_3);
  UNIT_EQ(offer(a, a->program, first, 1, FLUX_PATCH_ACCEPTED), FLUX_OK);
  rig_run(a, 7);
  check_wraps(a, 0, 10);
  UNIT_EQ(offer(a, first, program(wraps_2), 2, FLUX_PATCH_ACCEPTED), FLUX_OK);
  rig_run(a, 2);
  UNIT_EQ(rig_stats(a).version, 1);
  rig_run(a, 1);
  UNIT_EQ(rig_stats(a).withdrawn, 1);
  rig_run(a, 3);
  check_wraps(a, 0, 10);
  done(&r);
}

/* The pc is the original's: nothing is installed, a revert is free. */
static void nothing_installs_meanwhile(void) {
  struct rig r;
  struct rig_agent *a;
  const struct fisa_program *first;
  rig_open(&r);
  a = rig_add(&r, &(struct rig_options){
                      .text = wraps, .continuing = true, .no_begin = true});
  first = program(wraps_1);
  UNIT_EQ(offer(a, a->program, first, 1, FLUX_PATCH_ACCEPTED), FLUX_OK);
  rig_run(a, 6);
  UNIT_EQ(rig_stats(a).suspended, 1);
  struct rig_patch p = {.from = first, .to = program(wraps_2), .id = 2,
                        .base = 1, .deadline = 20, .flags = FLUX_PATCH_HOLD};
  UNIT_EQ(rig_offer(a, &p), FLUX_OK);
  rig_run(a, 5);
  UNIT_EQ(rig_stats(a).version, 1);
  rig_run(a, 1);  /* resumed by version 1: the next boundary is its own */
  UNIT_EQ(rig_stats(a).version, 1);
  for (int i = 0; i < 3; i++) {
    UNIT_EQ(rig_step(a), FHOST_RAN);
    UNIT_EQ(rig_stats(a).version, 2);
    UNIT_EQ(rig_agree_last(a), FLUX_OK);
    UNIT_EQ(rig_step(a), FHOST_RESOLVED);
  }
  rig_run(a, 2);  /* suspended again, hence not held */
  UNIT_EQ(a->output_count, 17);
  UNIT_EQ(rig_take_back(a, 2, FLUX_REVERT), FLUX_OK);
  rig_run(a, 9);
  UNIT_EQ(rig_stats(a).version, 1);
  UNIT_EQ(rig_stats(a).reverted, 1);
  check_wraps(a, 15, 1);
  done(&r);
}

/* ---- observing ---------------------------------------------------------- */

static void every_so_many(void) {
  struct rig r;
  struct rig_agent *a;
  rig_open(&r);
  a = rig_add(&r, &(struct rig_options){.text = twice});
  rig_run(a, 2);
  UNIT_EQ(a->evolved.count, 0);
  rig_observe(a, FLUX_OBSERVE_RECORD, 3);
  for (unsigned i = 2; i < 12; i++) {
    uint64_t before = a->evolved.count;
    rig_run(a, 1);
    UNIT_TRUE(a->evolved.count - before == (i % 3 == 0), "task %u", i);
    if (i % 3 == 0) UNIT_EQ(rig_last(a)->task.number, i);
  }
  rig_observe(a, 0, 1);
  rig_run(a, 5);
  UNIT_EQ(a->evolved.count, 3);
  rig_observe(a, FLUX_OBSERVE_COUNT, 1);
  rig_run(a, 1);
  UNIT_EQ(rig_last(a)->task.flags, FLUX_TASK_COUNTED | FLUX_TASK_FRESH);
  UNIT_EQ(rig_last(a)->task.cycles, 4);
  rig_observe(a, FLUX_OBSERVE_COUNT | FLUX_OBSERVE_RECORD, 1);
  rig_run(a, 1);
  UNIT_EQ(rig_last(a)->task.flags,
          FLUX_TASK_COUNTED | FLUX_TASK_FRESH | FLUX_TASK_RECORDED);
  done(&r);
}

static void what_a_record_holds(void) {
  struct rig r;
  struct rig_agent *a;
  const struct rig_record *t;
  rig_open(&r);
  a = rig_add(&r, &(struct rig_options){
                      .text = ".dialect unified\n.in R1\n SENSE R2\n"
                              "STI8 R1, 0x203\n TELL R2, R1, R0\n SENSE R4\n"
                              "MOVI R5, 50\n CONF_SET R1, R5\n HALT\n",
                      .confidence_cell = 129});
  rig_observe(a, FLUX_OBSERVE_RECORD, 1);
  a->byte = 9;
  rig_run(a, 2);
  t = rig_last(a);
  UNIT_EQ(t->task.struct_size, sizeof(flux_task));
  UNIT_EQ(t->task.number, 1);
  UNIT_EQ(t->task.status, FLUX_RUN_HALT);
  UNIT_EQ(t->task.cycles, 7);
  UNIT_TRUE(t->task.confidence == 0.5, "%g", t->task.confidence);
  UNIT_TRUE(t->task.trust == 0.9, "%g", t->task.trust);
  UNIT_EQ(t->task.event_count, 3);
  UNIT_EQ(t->events[0].out, 0);
  UNIT_EQ(t->events[0].value, rig_sense(1));
  UNIT_EQ(t->events[1].out, 1);
  UNIT_EQ(t->events[1].argc, 3);
  UNIT_EQ(t->events[1].name, rig_channel("TELL"));
  UNIT_EQ(t->events[1].arg[0], rig_sense(1));
  UNIT_EQ(t->events[1].value, 0);
  UNIT_EQ(t->begin.struct_size, sizeof(flux_state));
  UNIT_EQ(t->begin.cell_count, rig_dialect()->cell_count);
  UNIT_EQ(t->begin.pc, 0);
  UNIT_EQ(t->begin.page_count, 1);
  UNIT_EQ(t->begin_cells[1], rig_feed(1));
  UNIT_EQ(t->begin_cells[2], 0);
  UNIT_EQ(t->end_cells[2], rig_sense(1));
  UNIT_EQ(t->end.status, FLUX_RUN_HALT);
  UNIT_EQ(t->end_mem[0], 9);
  UNIT_EQ(t->end_mem[3], rig_feed(1));
  UNIT_TRUE(t->end.mem == NULL, "memory is given by pages");
  done(&r);
}

static void shares_are_shares(void) {
  static const struct { const char *set; double want; } rows[] = {
      {"MOVI16 R5, 250", 1.0}, {"MOVI16 R5, -3", 0.0}, {"MOVI R5, 25", 0.25}};
  for (unsigned i = 0; i < 3; i++) {
    char text[160];
    struct rig r;
    struct rig_agent *a;
    snprintf(text, sizeof text,
             ".dialect unified\n.in R1\n %s\n CONF_SET R1, R5\n HALT\n",
             rows[i].set);
    rig_open(&r);
    a = rig_add(&r, &(struct rig_options){.text = text,
                                          .confidence_cell = 129});
    a->trust = i == 0 ? 1.5 : i == 1 ? -1.0 : 0.5;
    rig_observe(a, FLUX_OBSERVE_RECORD, 1);
    rig_run(a, 1);
    UNIT_TRUE(rig_last(a)->task.confidence == rows[i].want, "%g",
              rig_last(a)->task.confidence);
    UNIT_TRUE(rig_last(a)->task.trust == (i == 0 ? 1.0 : i == 1 ? 0.0 : 0.5),
              "%g", rig_last(a)->task.trust);
    done(&r);
  }
}

/* Counts, as the last call of counts() gave them. */
struct counts {
  uint64_t slot[64], version;
  uint8_t heads[8];
  uint32_t size;
  flux_status rc;
};

static struct counts counts_of(struct rig_agent *a, uint32_t capacity) {
  struct counts c;
  memset(&c, 0, sizeof c);
  c.rc = a->rig->live->counts(a->id, c.slot, c.heads, capacity, &c.size,
                              &c.version, a->rig->runtime);
  return c;
}

static void counts_of_versions(void) {
  static const char loop[] =
      ".dialect unified\n.in R1 0..200\n MOVI R4, 3\n"
      "again: INC R3\n DEC R4\n JNE R4, again\n HALT\n";
  struct rig r;
  struct rig_agent *a;
  struct counts c;
  rig_open(&r);
  a = rig_add(&r, &(struct rig_options){.text = loop});
  rig_run(a, 2);
  c = counts_of(a, 64);
  UNIT_EQ(c.rc, FLUX_OK);
  UNIT_EQ(c.size, a->program->size);
  UNIT_EQ(c.version, 0);
  UNIT_EQ(c.slot[0], 0);  /* nobody asked */
  rig_observe(a, FLUX_OBSERVE_COUNT, 1);
  rig_run(a, 2);
  c = counts_of(a, 64);
  UNIT_EQ(c.slot[0], 2);
  UNIT_EQ(c.slot[rig_label(a->program, "again")], 6);
  UNIT_EQ(c.heads[0] & 1, 1);
  for (uint32_t i = 0; i < c.size; i++)
    if (!(c.heads[i / 8] >> (i % 8) & 1)) UNIT_EQ(c.slot[i], 0);
  c = counts_of(a, 5);
  UNIT_EQ(c.rc, FLUX_E_LIMIT);
  UNIT_EQ(c.size, a->program->size);
  UNIT_EQ(c.slot[0], 0);
  /* A new version begins at zero, and the old one's are gone. */
  UNIT_EQ(offer(a, a->program, program(twice), 1, FLUX_PATCH_ACCEPTED),
          FLUX_OK);
  rig_run(a, 3);
  c = counts_of(a, 64);
  UNIT_EQ(c.version, 1);
  UNIT_EQ(c.slot[0], 3);
  UNIT_EQ(c.size, 13);
  done(&r);
}

/* ---- boundaries --------------------------------------------------------- */

static void boundary_after_an_output(void) {
  struct rig r;
  struct rig_agent *a;
  rig_open(&r);
  a = rig_add(&r, &(struct rig_options){
                      .text = ".dialect unified\n.boundary out:TELL\n"
                              "next: SENSE R2\n SIGNAL R2, R0, R0\n"
                              "TELL R2, R6, R0\n INC R6\n JMP next\n",
                      .continuing = true, .no_begin = true});
  rig_observe(a, FLUX_OBSERVE_RECORD, 1);
  rig_run(a, 4);
  UNIT_EQ(a->output_count, 8);
  UNIT_EQ(a->outputs[6].channel, rig_channel("SIGNAL"));
  UNIT_EQ(a->outputs[7].arg[1], 3);
  UNIT_EQ(rig_last(a)->task.status, FLUX_RUN_YIELD);
  UNIT_EQ(rig_last(a)->task.end_pc, 12);
  UNIT_EQ(rig_last(a)->task.cycles, 5);
  done(&r);
}

/* The boundary of a patch is where the patch says. */
static void boundary_at_a_pc(void) {
  static const char text[] =
      ".dialect unified\n.boundary pc:at1\n"
      "at1: SENSE R2\n TELL R2, R6, R0\n INC R6\n JMP at1\n";
  static const char moved[] =
      ".dialect unified\n.boundary pc:at1\n"
      "NOP\n NOP\n NOP\n at1: SENSE R2\n TELL R2, R6, R0\n INC R6\n"
      "JMP at1\n";
  struct rig r;
  struct rig_agent *a;
  rig_open(&r);
  a = rig_add(&r, &(struct rig_options){
                      .text = text, .continuing = true, .no_begin = true});
  rig_observe(a, FLUX_OBSERVE_RECORD, 1);
  rig_run(a, 3);
  UNIT_EQ(rig_last(a)->task.begin_pc, 0);
  /* Entry and boundary are one place here and two there. */
  struct rig_patch p = {.from = a->program, .to = program(moved), .id = 1,
                        .no_entry = true, .flags = FLUX_PATCH_HOLD};
  UNIT_EQ(rig_offer(a, &p), FLUX_OK);
  for (int i = 0; i < 3; i++) {
    UNIT_EQ(rig_step(a), FHOST_RAN);
    UNIT_EQ(rig_last(a)->task.begin_pc, 3);
    UNIT_EQ(rig_last(a)->task.end_pc, 3);
    UNIT_EQ(rig_agree_last(a), FLUX_OK);
    UNIT_EQ(rig_step(a), FHOST_RESOLVED);
  }
  UNIT_EQ(rig_take_back(a, 1, FLUX_REVERT), FLUX_OK);
  rig_run(a, 2);
  UNIT_EQ(rig_last(a)->task.begin_pc, 0);
  rig_as_control(a, 8);
  done(&r);
}

/* ---- agents beside each other ------------------------------------------- */

static void one_program_two_agents(void) {
  struct rig r;
  struct rig_agent *a, *b;
  rig_open(&r);
  a = rig_add(&r, &(struct rig_options){.text = twice});
  b = rig_add(&r, &(struct rig_options){.text = twice, .like = a});
  UNIT_TRUE(a->program == b->program, "not shared");
  UNIT_EQ(offer(a, a->program, program(twice_and_1), 1, 0), FLUX_OK);
  UNIT_EQ(offer(b, b->program, program(twice_and_2), 1, 0), FLUX_OK);
  rig_run(a, 3);
  rig_run(b, 4);
  UNIT_EQ(last_told(a), 2 * rig_feed(2) + 1);
  UNIT_EQ(last_told(b), 2 * rig_feed(3) + 2);
  UNIT_EQ(rig_take_back(a, 1, FLUX_REVERT), FLUX_OK);
  rig_run(a, 1);
  rig_run(b, 1);
  UNIT_EQ(last_told(a), 2 * rig_feed(3));
  UNIT_EQ(last_told(b), 2 * rig_feed(4) + 2);
  UNIT_EQ(rig_stats(a).version, 0);
  UNIT_EQ(rig_stats(b).version, 1);
  /* Freed while one is on probation and an offer is on its way. */
  UNIT_EQ(offer(a, a->program, program(twice_and_2), 2, FLUX_PATCH_HOLD),
          FLUX_OK);
  done(&r);
}

static void what_attach_is_told(void) {
  struct rig r;
  struct rig_agent *a;
  char why[160];
  rig_open(&r);
  a = rig_add(&r, &(struct rig_options){.text = twice,
                                        .confidence_cell = 130});
  UNIT_EQ(r.info.struct_size, sizeof(flux_agent_info));
  UNIT_EQ(r.info.id, a->id);
  UNIT_EQ(r.info.flags, FLUX_AGENT_FRESH_START);
  UNIT_EQ(r.info.code_size, a->program->size);
  UNIT_EQ(r.info.entry, 0);
  UNIT_EQ(r.info.confidence_cell, 130);
  UNIT_EQ(r.info.max_task_fuel, 10000);
  UNIT_TRUE(r.info.confidence_scale == 100, "%g", r.info.confidence_scale);
  UNIT_TRUE(r.info.trust == 0.5, "%g", r.info.trust);
  UNIT_TRUE(r.info.bindings_text == NULL, "bindings");
  UNIT_STR_EQ(fhost_agent_name(a->agent), "agent1");
  fhost_agent_explanation(a->agent, why, sizeof why);
  UNIT_STR_EQ(why, "");
  r.live->explain(a->id, "trust is low", r.runtime);
  fhost_agent_explanation(a->agent, why, sizeof why);
  UNIT_STR_EQ(why, "trust is low");
  fhost_agent_explanation(a->agent, why, 6);
  UNIT_STR_EQ(why, "trust");
  r.live->explain(a->id, NULL, r.runtime);
  fhost_agent_explanation(a->agent, why, sizeof why);
  UNIT_STR_EQ(why, "");
  r.attach_status = FLUX_E_DENIED;
  a = rig_add(&r, &(struct rig_options){.text = twice, .continuing = true});
  UNIT_EQ(r.info.flags, 0);
  fhost_agent_explanation(a->agent, why, sizeof why);
  UNIT_STR_EQ(why, "the rig says no");
  rig_run(a, 1);
  UNIT_EQ(a->evolved.count, 0);
  done(&r);
}

static flux_status never(flux_plugin *p, const flux_agent_info *i,
                         flux_evolved **o, char *m, size_t n) {
  (void)p, (void)i, (void)o, (void)m, (void)n;
  UNIT_TRUE(0, "called");
  return FLUX_OK;
}

static void not_attached(void) {
  struct rig r;
  struct rig_agent *a;
  struct fisa_error err;
  struct fhost_texts texts = {0};
  flux_evolver old = {.struct_size = sizeof old - 8, .attach = never};
  struct fhost_evolver e = {(flux_plugin *)&r, &old};
  rig_open(&r);
  a = rig_add(&r, &(struct rig_options){.text = twice, .unattached = true});
  UNIT_EQ(fhost_agent_attach(a->agent, &e, &texts, &err), 1);
  UNIT_STR_EQ(err.text, "the evolver is of an older ABI");
  a = rig_add(&r, &(struct rig_options){.text = twice});
  old.struct_size = sizeof old;
  UNIT_EQ(fhost_agent_attach(a->agent, &e, &texts, &err), 1);
  UNIT_STR_EQ(err.text, "agent \"agent2\" has an evolver already");
  rig_run(a, 1);
  fhost_runtime_free(NULL);
  done(&r);
}

static void bad_agents(void) {
  struct rig r;
  struct fisa_error err;
  struct fhost_agent_options o = {.name = "x", .vm = &fhost_vm_reference,
                                  .confidence_cell = -1};
  struct fisa_program *p = isa_program(isa_tiny(), "NOP\n");
  rig_open(&r);
  o.program = p;
  UNIT_TRUE(fhost_agent_add(r.runtime, &o, &err) == NULL, "added");
  UNIT_STR_EQ(err.text,
              "agent \"x\": its program is of dialect tiny, the VM runs "
              "unified");
  o.program = program(twice);
  o.confidence_cell = (int32_t)rig_dialect()->cell_count;
  UNIT_TRUE(fhost_agent_add(r.runtime, &o, &err) == NULL, "added");
  UNIT_TRUE(strstr(err.text, "no cell") != NULL, "%s", err.text);
  /* No world at all. */
  o.confidence_cell = -1;
  o.max_task_fuel = 100;
  UNIT_TRUE(fhost_agent_add(r.runtime, &o, &err) != NULL, "%s", err.text);
  fisa_program_free(p);
  done(&r);
}

/* ---- snapshots ---------------------------------------------------------- */

static const char sums[] =
    ".dialect unified\n"
    "next: SENSE R2\n ADD R5, R5, R2\n STI8 R5, 0x200\n TELL R5, R2, R6\n"
    "YIELD 0\n at1: INC R6\n JMP next\n";
static const char sums_2[] =
    ".dialect unified\n NOP\n"
    "next: SENSE R2\n ADD R5, R5, R2\n STI8 R5, 0x200\n TELL R5, R2, R6\n"
    "YIELD 0\n at1: INC R6\n JMP next\n";

static void saved_and_restored(void) {
  struct rig r;
  struct rig_agent *a;
  struct fhost_snapshot *s;
  rig_open(&r);
  a = rig_add(&r, &(struct rig_options){
                      .text = sums, .continuing = true, .no_begin = true});
  rig_run(a, 5);
  s = fhost_agent_save(a->agent);
  rig_run(a, 4);
  UNIT_EQ(fhost_agent_restore(a->agent, s), 0);
  rig_run(a, 4);
  if (UNIT_EQ(a->output_count, 13))
    UNIT_MEM_EQ(&a->outputs[5], &a->outputs[9], 4 * sizeof *a->outputs);
  /* As often as one likes. */
  UNIT_EQ(fhost_agent_restore(a->agent, s), 0);
  rig_observe(a, FLUX_OBSERVE_RECORD, 1);
  rig_run(a, 1);
  UNIT_MEM_EQ(&a->outputs[5], &a->outputs[13], sizeof *a->outputs);
  UNIT_EQ(rig_last(a)->task.number, 13);  /* never used twice */
  fhost_snapshot_free(s);
  fhost_snapshot_free(NULL);
  done(&r);
}

static void a_snapshot_is_of_a_version(void) {
  struct rig r;
  struct rig_agent *a;
  struct fhost_snapshot *s, *t;
  rig_open(&r);
  a = rig_add(&r, &(struct rig_options){
                      .text = sums, .continuing = true, .no_begin = true});
  rig_run(a, 2);
  s = fhost_agent_save(a->agent);
  UNIT_EQ(offer(a, a->program, program(sums_2), 1, FLUX_PATCH_HOLD), FLUX_OK);
  UNIT_EQ(rig_step(a), FHOST_RAN);
  UNIT_TRUE(fhost_agent_save(a->agent) == NULL, "saved while held");
  UNIT_EQ(fhost_agent_restore(a->agent, s), -1);
  UNIT_EQ(rig_agree_last(a), FLUX_OK);
  UNIT_EQ(rig_step(a), FHOST_RESOLVED);
  t = fhost_agent_save(a->agent);
  UNIT_TRUE(t != NULL, "not saved");
  UNIT_EQ(fhost_agent_restore(a->agent, t), -1);  /* on probation */
  UNIT_EQ(rig_accept(a, 1), FLUX_OK);
  rig_run(a, 2);
  UNIT_EQ(fhost_agent_restore(a->agent, s), -1);  /* another version's */
  UNIT_EQ(fhost_agent_restore(a->agent, t), 0);
  rig_run(a, 2);
  if (UNIT_EQ(a->output_count, 7))
    UNIT_MEM_EQ(&a->outputs[3], &a->outputs[5], 2 * sizeof *a->outputs);
  fhost_snapshot_free(s);
  fhost_snapshot_free(t);
  done(&r);
}

static void no_snapshot_of_a_replay(void) {
  struct rig r;
  struct rig_agent *a;
  struct fhost_snapshot *s;
  rig_open(&r);
  a = rig_add(&r, &(struct rig_options){
                      .text = sums, .continuing = true, .no_begin = true});
  rig_run(a, 1);
  s = fhost_agent_save(a->agent);
  UNIT_EQ(offer(a, a->program, program(sums_2), 1, 0), FLUX_OK);
  rig_run(a, 3);
  UNIT_EQ(rig_take_back(a, 1, FLUX_RECOVER), FLUX_OK);
  rig_run(a, 1);
  UNIT_TRUE(fhost_agent_save(a->agent) == NULL, "saved in between");
  UNIT_EQ(fhost_agent_restore(a->agent, s), -1);
  /* Nor is anything installed before it is through. */
  UNIT_EQ(offer(a, a->program, program(sums_2), 2, 0), FLUX_OK);
  rig_run(a, 2);
  UNIT_EQ(rig_stats(a).version, 0);
  UNIT_EQ(fhost_agent_restore(a->agent, s), 0);
  rig_run(a, 1);
  UNIT_EQ(rig_stats(a).version, 2);
  fhost_snapshot_free(s);
  done(&r);
}

/* ---- workers ------------------------------------------------------------ */

static void workers_run_them_all(void) {
  for (unsigned threads = 0; threads < 6; threads++) {
    struct rig r;
    struct fisa_error err;
    const struct fhost_run_options o = {.threads = threads, .tasks = 20};
    rig_open(&r);
    for (int i = 0; i < 4; i++)
      rig_add(&r, &(struct rig_options){
                      .text = i == 3 ? ".dialect unified\n DIV R1, R0, R0\n"
                                     : twice,
                      .worker = i == 2 ? 2 : 0});
    UNIT_EQ(fhost_runtime_run(r.runtime, &o, &err), 0);
    for (int i = 0; i < 3; i++) {
      UNIT_EQ(rig_stats(&r.agents[i]).tasks, 20);
      rig_as_control(&r.agents[i], 20);
    }
    UNIT_EQ(rig_stats(&r.agents[3]).faults, 1);
    UNIT_EQ(rig_stats(&r.agents[3]).tasks, 1);
    /* Once more: nothing is left to do. */
    UNIT_EQ(fhost_runtime_run(r.runtime, &o, &err), 0);
    UNIT_EQ(rig_stats(&r.agents[0]).tasks, 20);
    done(&r);
  }
}

static _Atomic int stop;

static void stop_at_100(uint64_t task, struct rig_agent *a) {
  (void)a;
  if (task == 100) stop = 1;
}

static void a_stop_is_heard(void) {
  struct rig r;
  struct fisa_error err;
  const struct fhost_run_options o = {.threads = 1, .stop = &stop};
  stop = 0;
  rig_open(&r);
  rig_add(&r, &(struct rig_options){.text = twice});
  r.agents[0].on_begin = stop_at_100;
  UNIT_EQ(fhost_runtime_run(r.runtime, &o, &err), 0);
  UNIT_EQ(rig_stats(&r.agents[0]).tasks, 101);
  done(&r);
}

/* What was taken back is brought to its end before the workers go. */
static void nothing_is_left_half_done(void) {
  struct rig r;
  struct rig_agent *a;
  struct fisa_error err;
  const struct fhost_run_options o = {.threads = 1, .stop = &stop};
  rig_open(&r);
  a = rig_add(&r, &(struct rig_options){.text = twice});
  struct rig_patch p = {.from = a->program, .to = program(twice_and_1),
                        .id = 1, .flags = FLUX_PATCH_HOLD, .hold_ms = 1};
  UNIT_EQ(rig_offer(a, &p), FLUX_OK);
  UNIT_EQ(rig_step(a), FHOST_RAN);
  stop = 1;
  UNIT_EQ(fhost_runtime_run(r.runtime, &o, &err), 0);
  UNIT_EQ(rig_stats(a).recovered, 1);
  UNIT_EQ(rig_stats(a).tasks, 1);
  rig_as_control(a, 1);
  done(&r);
}

static const struct unit_test tests[] = {
    {"suspend", "range", inputs_out_of_range},
    {"suspend", "others", what_is_no_input},
    {"suspend", "memory", memory_in_range},
    {"suspend", "stack", stack_inputs},
    {"suspend", "probation", suspended_on_probation},
    {"suspend", "log", suspended_in_the_log},
    {"suspend", "middle", suspended_in_the_middle},
    {"suspend", "places", nothing_installs_at_equal_places},
    {"suspend", "reverted", reverted_while_suspended},
    {"suspend", "offers", nothing_installs_meanwhile},
    {"observe", "period", every_so_many},
    {"observe", "record", what_a_record_holds},
    {"observe", "shares", shares_are_shares},
    {"observe", "counts", counts_of_versions},
    {"boundary", "out", boundary_after_an_output},
    {"boundary", "pc", boundary_at_a_pc},
    {"agents", "shared", one_program_two_agents},
    {"agents", "attach", what_attach_is_told},
    {"agents", "unattached", not_attached},
    {"agents", "bad", bad_agents},
    {"snapshot", "restore", saved_and_restored},
    {"snapshot", "version", a_snapshot_is_of_a_version},
    {"snapshot", "replay", no_snapshot_of_a_replay},
    {"workers", "all", workers_run_them_all},
    {"workers", "stop", a_stop_is_heard},
    {"workers", "half", nothing_is_left_half_done},
};

UNIT_MAIN(tests)
