/*
 * test_runtime.c - patches put live and taken back, one step at a time: the
 * test itself is the evolver.
 */
#include <string.h>
#include <unistd.h>

#include "tests/rig.h"
#include "tests/unit.h"

/* ---- programs ----------------------------------------------------------- */

/* Twice R1, told and left in R3. */
static const char twice[] =
    ".dialect unified\n.in R1 0..200\n.out R3\n"
    "MOV R3, R1\n ADD R3, R3, R1\n TELL R3, R1, R0\n HALT\n";

/* The same, shorter, at another place. */
static const char twice_fast[] =
    ".dialect unified\n.in R1 0..200\n.out R3\n.entry go\n"
    "NOP\n NOP\n go: ADD R3, R1, R1\n TELL R3, R1, R0\n HALT\n";

/* One too much. */
static const char twice_wrong[] =
    ".dialect unified\n.in R1 0..200\n.out R3\n"
    "ADD R3, R1, R1\n INC R3\n TELL R3, R1, R0\n HALT\n";

/* Tells nothing; tells twice. */
static const char twice_mute[] =
    ".dialect unified\n ADD R3, R1, R1\n HALT\n";
static const char twice_loud[] =
    ".dialect unified\n ADD R3, R1, R1\n TELL R3, R1, R0\n"
    "TELL R3, R1, R0\n HALT\n";

/* Tells, then faults; never ends. */
static const char twice_fault[] =
    ".dialect unified\n ADD R3, R1, R1\n TELL R3, R1, R0\n"
    "DIV R3, R1, R0\n HALT\n";
static const char twice_endless[] =
    ".dialect unified\n TELL R3, R1, R0\n again: JMP again\n";

/* A sum that goes on from task to task, told at each. */
static const char sums[] =
    ".dialect unified\n"
    "start: MOVI R6, 0\n"
    "next:  SENSE R2\n ADD R5, R5, R2\n TELL R5, R2, R6\n YIELD 0\n"
    "at1:   INC R6\n JMP next\n";

/* The same with its parts elsewhere; behind YIELD it is at1 here too. */
static const char sums_back[] =
    ".dialect unified\n"
    "start: NOP\n NOP\n"
    "next:  SENSE R2\n ADD R5, R2, R5\n TELL R5, R2, R6\n YIELD 0\n"
    "at1:   INC R6\n NOP\n JMP next\n";

static const char sums_wrong[] =
    ".dialect unified\n"
    "start: NOP\n"
    "next:  SENSE R2\n ADD R5, R2, R5\n INC R5\n TELL R5, R2, R6\n YIELD 0\n"
    "at1:   INC R6\n JMP next\n";

/* Reads twice, so that a value of the stream too many is consumed. */
static const char sums_greedy[] =
    ".dialect unified\n"
    "start: NOP\n"
    "next:  SENSE R2\n SENSE R7\n ADD R5, R2, R7\n TELL R5, R2, R6\n YIELD 0\n"
    "at1:   INC R6\n JMP next\n";

static const char sums_fault[] =
    ".dialect unified\n"
    "start: NOP\n"
    "next:  SENSE R2\n TELL R5, R2, R6\n DIV R5, R2, R0\n YIELD 0\n"
    "at1:   INC R6\n JMP next\n";

/* Two boundaries in turn. */
static const char turns[] =
    ".dialect unified\n"
    "next: SENSE R2\n TELL R2, R0, R0\n YIELD 0\n"
    "at1:  INC R6\n TELL R6, R0, R0\n YIELD 0\n"
    "at2:  JMP next\n";
static const char turns_at2[] =
    ".dialect unified\n"
    "next: SENSE R2\n TELL R2, R0, R0\n YIELD 0\n"
    "here: INC R6\n TELL R6, R0, R0\n YIELD 0\n"
    "at2:  NOP\n JMP next\n";

/* An agent with its rig, and a patch for it. */
struct scene {
  struct rig rig;
  struct rig_agent *a;
  struct fisa_program *patch;
};

static void open_scene(struct scene *s, const char *text, const char *patch,
                       bool continuing) {
  rig_open(&s->rig);
  s->a = rig_add(&s->rig, &(struct rig_options){.text = text,
                                                .continuing = continuing,
                                                .no_begin = continuing});
  s->patch = rig_program(patch);
}

static void close_scene(struct scene *s) {
  rig_close(&s->rig);
  fisa_program_free(s->patch);
}

static flux_status offer(struct scene *s, uint64_t id, uint32_t flags) {
  const struct rig_patch p = {.from = s->a->program,
                              .to = s->patch,
                              .id = id,
                              .base = rig_stats(s->a).version,
                              .flags = flags};
  return rig_offer(s->a, &p);
}

/* One task that is held until it agreed. */
static void run_agreed(struct scene *s) {
  UNIT_EQ(rig_step(s->a), FHOST_RAN);
  UNIT_EQ(rig_step(s->a), FHOST_HELD);
  UNIT_EQ(rig_agree_last(s->a), FLUX_OK);
  UNIT_EQ(rig_step(s->a), FHOST_RESOLVED);
}

/* ---- without a patch ---------------------------------------------------- */

static void runs_unevolved(void) {
  struct scene s;
  struct fhost_agent_stats n;
  open_scene(&s, twice, twice, false);
  rig_run(s.a, 10);
  n = rig_stats(s.a);
  UNIT_EQ(n.tasks, 10);
  UNIT_EQ(n.results, 10);
  UNIT_EQ(n.cycles, 40);
  UNIT_EQ(n.outputs, 10);
  UNIT_EQ(n.version, 0);
  UNIT_EQ(n.installed + n.accepted + n.reverted + n.recovered, 0);
  UNIT_EQ(s.a->evolved.count, 0);
  if (UNIT_EQ(s.a->output_count, 10))
    for (unsigned i = 0; i < 10; i++) {
      UNIT_EQ(s.a->outputs[i].task, i);
      UNIT_EQ(s.a->outputs[i].channel, rig_channel("TELL"));
      UNIT_EQ(s.a->outputs[i].arg[0], 2 * rig_feed(i));
      UNIT_EQ(s.a->outputs[i].arg[1], rig_feed(i));
    }
  UNIT_EQ(s.a->ends, 10);
  UNIT_EQ(s.a->ended_r3, 2 * rig_feed(9));
  UNIT_EQ(s.a->begins, 10);
  close_scene(&s);
}

static void goes_on_at_yields(void) {
  struct scene s;
  int32_t sum = 0;
  open_scene(&s, sums, sums, true);
  rig_run(s.a, 8);
  for (unsigned i = 0; i < 8 && i < s.a->output_count; i++) {
    sum += rig_sense(i);
    UNIT_EQ(s.a->outputs[i].arg[0], sum);
    UNIT_EQ(s.a->outputs[i].arg[1], rig_sense(i));
    UNIT_EQ(s.a->outputs[i].arg[2], (int)i);
  }
  UNIT_EQ(s.a->output_count, 8);
  close_scene(&s);
}

static void stops_without_fresh_start(void) {
  struct scene s;
  open_scene(&s, twice, twice, true);
  UNIT_EQ(rig_step(s.a), FHOST_RAN);
  UNIT_EQ(rig_step(s.a), FHOST_STOPPED);
  UNIT_EQ(rig_step(s.a), FHOST_STOPPED);
  UNIT_EQ(rig_stats(s.a).tasks, 1);
  close_scene(&s);
}

static void a_fault_stops(void) {
  struct scene s;
  open_scene(&s, twice_fault, twice, false);
  UNIT_EQ(rig_step(s.a), FHOST_RAN);
  UNIT_EQ(rig_step(s.a), FHOST_STOPPED);
  UNIT_EQ(rig_stats(s.a).faults, 1);
  UNIT_EQ(rig_stats(s.a).results, 0);
  /* Reported although nothing was asked for. */
  if (UNIT_EQ(s.a->evolved.count, 1)) {
    const flux_task *t = &rig_last(s.a)->task;
    UNIT_EQ(t->status, FLUX_RUN_FAULT);
    UNIT_EQ(t->fault, 2);
    UNIT_EQ(t->flags, FLUX_TASK_FRESH);
    UNIT_EQ(t->end_pc, 12);
  }
  close_scene(&s);
}

static void out_of_fuel_stops(void) {
  struct scene s;
  open_scene(&s, twice_endless, twice, false);
  UNIT_EQ(rig_step(s.a), FHOST_RAN);
  UNIT_EQ(rig_step(s.a), FHOST_STOPPED);
  UNIT_EQ(rig_stats(s.a).faults, 0);
  UNIT_EQ(rig_stats(s.a).results, 0);
  UNIT_EQ(rig_stats(s.a).cycles, 10000);
  if (UNIT_EQ(s.a->evolved.count, 1))
    UNIT_EQ(rig_last(s.a)->task.status, FLUX_RUN_FUEL);
  close_scene(&s);
}

static void off_the_end_is_an_end(void) {
  struct scene s;
  open_scene(&s, ".dialect unified\n ADD R3, R1, R1\n TELL R3, R1, R0\n",
             twice, false);
  rig_run(s.a, 3);
  UNIT_EQ(s.a->output_count, 3);
  UNIT_EQ(rig_stats(s.a).results, 3);
  close_scene(&s);
}

/* ---- install ------------------------------------------------------------ */

static void installs_at_the_entry(void) {
  struct scene s;
  const struct rig_record *r;
  open_scene(&s, twice, twice_fast, false);
  rig_run(s.a, 2);
  UNIT_EQ(offer(&s, 7, 0), FLUX_OK);
  UNIT_EQ(rig_stats(s.a).installed, 0);
  UNIT_EQ(rig_step(s.a), FHOST_RAN);
  r = rig_last(s.a);
  if (UNIT_TRUE(r != NULL, "no record")) {
    UNIT_EQ(r->task.version, 7);
    UNIT_EQ(r->task.number, 2);
    UNIT_EQ(r->task.flags, FLUX_TASK_RECORDED | FLUX_TASK_PROBATION |
                               FLUX_TASK_FRESH | FLUX_TASK_SWAPPED);
    UNIT_EQ(r->task.begin_pc, rig_label(s.patch, "go"));
    UNIT_EQ(r->task.cycles, 3);
    UNIT_EQ(r->begin_cells[1], rig_feed(2));
    UNIT_EQ(r->end_cells[3], 2 * rig_feed(2));
  }
  rig_run(s.a, 1);
  UNIT_EQ(rig_last(s.a)->task.flags & FLUX_TASK_SWAPPED, 0);
  UNIT_EQ(rig_stats(s.a).installed, 1);
  UNIT_EQ(rig_stats(s.a).version, 7);
  rig_as_control(s.a, 4);
  close_scene(&s);
}

static void installs_only_at_its_points(void) {
  struct scene s;
  open_scene(&s, turns, turns_at2, true);
  struct rig_patch p = {.from = s.a->program, .to = s.patch, .id = 1,
                        .no_entry = true, .deadline = 10};
  rig_observe(s.a, FLUX_OBSERVE_RECORD, 1);
  UNIT_EQ(rig_offer(s.a, &p), FLUX_OK);
  rig_run(s.a, 2);  /* from the entry to at1, to at2 */
  UNIT_EQ(rig_stats(s.a).version, 0);
  UNIT_EQ(rig_last(s.a)->task.end_pc, rig_label(s.a->program, "at2"));
  rig_run(s.a, 1);
  UNIT_EQ(rig_stats(s.a).version, 1);
  UNIT_EQ(rig_last(s.a)->task.begin_pc, rig_label(s.patch, "at2"));
  UNIT_EQ(rig_before_last(s.a)->task.version, 0);
  rig_as_control(s.a, 3);
  close_scene(&s);
}

static void a_deadline_withdraws(void) {
  struct scene s;
  open_scene(&s, turns, turns_at2, true);
  struct rig_patch p = {.from = s.patch, .to = s.patch, .id = 1,
                        .no_entry = true, .deadline = 2};
  p.from = rig_program(twice);  /* no label in common: no pair at all */
  UNIT_EQ(rig_offer(s.a, &p), FLUX_OK);
  rig_run(s.a, 1);
  UNIT_EQ(s.a->evolved.count, 0);
  UNIT_EQ(rig_stats(s.a).withdrawn, 0);
  rig_run(s.a, 1);
  UNIT_EQ(rig_stats(s.a).withdrawn, 1);
  if (UNIT_EQ(s.a->evolved.count, 1)) {
    UNIT_EQ(rig_last(s.a)->task.flags, FLUX_TASK_WITHDRAWN);
    UNIT_EQ(rig_last(s.a)->task.version, 0);
  }
  UNIT_EQ(rig_withdraw(s.a, 1), FLUX_E_STALE);
  rig_run(s.a, 1);
  UNIT_EQ(s.a->evolved.count, 1);
  /* And the place is free. */
  p.id = 2;
  UNIT_EQ(rig_offer(s.a, &p), FLUX_OK);
  fisa_program_free((struct fisa_program *)(uintptr_t)p.from);
  close_scene(&s);
}

static void withdrawn_by_hand(void) {
  struct scene s;
  open_scene(&s, twice, twice_fast, false);
  UNIT_EQ(rig_withdraw(s.a, 1), FLUX_E_STALE);
  UNIT_EQ(offer(&s, 1, 0), FLUX_OK);
  UNIT_EQ(rig_withdraw(s.a, 2), FLUX_E_STALE);
  UNIT_EQ(offer(&s, 2, 0), FLUX_E_BUSY);
  UNIT_EQ(rig_withdraw(s.a, 1), FLUX_OK);
  UNIT_EQ(rig_withdraw(s.a, 1), FLUX_E_STALE);
  rig_run(s.a, 1);
  UNIT_EQ(rig_stats(s.a).version, 0);
  UNIT_EQ(offer(&s, 2, 0), FLUX_OK);
  rig_run(s.a, 1);
  UNIT_EQ(rig_stats(s.a).version, 2);
  UNIT_EQ(rig_withdraw(s.a, 2), FLUX_E_STALE);
  close_scene(&s);
}

static void one_in_flight(void) {
  struct scene s;
  struct rig_patch p;
  open_scene(&s, twice, twice_fast, false);
  p = (struct rig_patch){.from = s.a->program, .to = s.patch, .id = 1,
                         .base = 5};
  UNIT_EQ(rig_offer(s.a, &p), FLUX_E_STALE);
  UNIT_EQ(offer(&s, 1, 0), FLUX_OK);
  UNIT_EQ(offer(&s, 2, 0), FLUX_E_BUSY);
  rig_run(s.a, 1);
  UNIT_EQ(offer(&s, 2, 0), FLUX_E_BUSY);  /* on probation */
  UNIT_EQ(rig_take_back(s.a, 1, FLUX_REVERT), FLUX_OK);
  UNIT_EQ(offer(&s, 2, 0), FLUX_E_BUSY);  /* on its way out */
  rig_run(s.a, 1);
  UNIT_EQ(rig_stats(s.a).version, 0);
  UNIT_EQ(offer(&s, 2, 0), FLUX_OK);
  close_scene(&s);
}

/* A patch that is refused at once, and why. */
static void refuse(struct scene *s, const flux_patch *p, flux_status want,
                   const char *what) {
  flux_status rc = s->rig.live->offer(s->a->id, p, s->rig.runtime);
  UNIT_TRUE(rc == want, "%s: %d", what, (int)rc);
}

static void bad_patches(void) {
  struct scene s;
  flux_transfer inside = {0, 0}, outside, outside_base;
  flux_patch good, p;
  open_scene(&s, twice, twice_fast, false);
  outside = (flux_transfer){0, s.patch->size};
  outside_base = (flux_transfer){0, s.a->program->size};
  good = (flux_patch){.struct_size = sizeof good,
                      .id = 1,
                      .code = s.patch->code,
                      .code_size = s.patch->size,
                      .transfer_count = 1,
                      .back_count = 1,
                      .transfer = &inside,
                      .back = &inside,
                      .deadline_tasks = 1};
  refuse(&s, NULL, FLUX_E_INVALID, "no patch");
#define BAD(member, value, status)             \
  do {                                         \
    p = good;                                  \
    p.member = (value);                        \
    refuse(&s, &p, status, #member " " #value); \
  } while (0)
  BAD(struct_size, sizeof p - 1, FLUX_E_INVALID);
  BAD(code, NULL, FLUX_E_INVALID);
  BAD(id, 0, FLUX_E_INVALID);
  BAD(id, (uint64_t)1 << 62, FLUX_E_INVALID);
  BAD(id, UINT64_MAX, FLUX_E_INVALID);
  BAD(entry, good.code_size, FLUX_E_INVALID);
  BAD(code_size, 0, FLUX_E_INVALID);
  BAD(code_size, FISA_MAX_CODE + 1, FLUX_E_LIMIT);
  BAD(transfer, NULL, FLUX_E_INVALID);
  BAD(back, NULL, FLUX_E_INVALID);
  BAD(transfer, &outside, FLUX_E_INVALID);
  BAD(back, &outside_base, FLUX_E_INVALID);
  BAD(transfer_count, 65537, FLUX_E_LIMIT);
  BAD(back_count, 65537, FLUX_E_LIMIT);
  BAD(flags, FLUX_PATCH_HOLD, FLUX_E_INVALID);
  BAD(base, 3, FLUX_E_STALE);
#undef BAD
  p = good;
  p.flags = FLUX_PATCH_HOLD;
  p.hold_ms = 60001;
  refuse(&s, &p, FLUX_E_INVALID, "held too long");
  /* A larger struct of a newer plugin is fine. */
  p = good;
  p.struct_size = sizeof p + 64;
  refuse(&s, &p, FLUX_OK, "newer");
  close_scene(&s);
}

static void nobody_there(void) {
  struct scene s;
  const flux_live *l;
  struct fhost_runtime *rt;
  uint64_t slot, version;
  uint32_t size;
  uint8_t heads;
  flux_patch p = {.struct_size = sizeof p};
  open_scene(&s, twice, twice_fast, false);
  l = s.rig.live;
  rt = s.rig.runtime;
  UNIT_EQ(l->struct_size, sizeof *l);
  UNIT_EQ(l->observe(9, 1, 1, rt), FLUX_E_NOT_FOUND);
  UNIT_EQ(l->counts(9, &slot, &heads, 1, &size, &version, rt),
          FLUX_E_NOT_FOUND);
  UNIT_EQ(l->offer(9, &p, rt), FLUX_E_NOT_FOUND);
  UNIT_EQ(l->withdraw(9, 1, rt), FLUX_E_NOT_FOUND);
  UNIT_EQ(l->agree(9, 0, rt), FLUX_E_NOT_FOUND);
  UNIT_EQ(l->accept(9, 1, rt), FLUX_E_NOT_FOUND);
  UNIT_EQ(l->take_back(9, 1, FLUX_REVERT, rt), FLUX_E_NOT_FOUND);
  l->explain(9, "x", rt);
  UNIT_EQ(l->observe(1, 1, 0, rt), FLUX_E_INVALID);
  UNIT_EQ(l->take_back(1, 1, 2, rt), FLUX_E_INVALID);
  /* Nothing is on probation. */
  UNIT_EQ(rig_accept(s.a, 0), FLUX_E_STALE);
  UNIT_EQ(rig_accept(s.a, 1), FLUX_E_STALE);
  UNIT_EQ(rig_take_back(s.a, 0, FLUX_RECOVER), FLUX_E_STALE);
  UNIT_EQ(rig_take_back(s.a, UINT64_MAX, FLUX_RECOVER), FLUX_E_STALE);
  UNIT_EQ(rig_agree(s.a, 0), FLUX_E_INVALID);
  rig_run(s.a, 1);
  UNIT_EQ(rig_agree(s.a, 0), FLUX_E_STALE);
  close_scene(&s);
}

static void accepted_from_the_start(void) {
  struct rig_patch p;
  struct scene s;
  open_scene(&s, twice, twice_fast, false);
  UNIT_EQ(offer(&s, 4, FLUX_PATCH_ACCEPTED), FLUX_OK);
  rig_run(s.a, 2);
  UNIT_EQ(rig_stats(s.a).version, 4);
  UNIT_EQ(rig_stats(s.a).cycles, 6);
  UNIT_EQ(rig_stats(s.a).accepted, 0);  /* it was, earlier */
  if (UNIT_EQ(s.a->evolved.count, 1))   /* told once, by its first task */
    UNIT_EQ(rig_last(s.a)->task.flags,
            FLUX_TASK_FRESH | FLUX_TASK_SWAPPED);
  /* No probation, so another may follow, and take its place. */
  UNIT_EQ(rig_take_back(s.a, 4, FLUX_REVERT), FLUX_E_STALE);
  p = (struct rig_patch){.from = s.patch, .to = s.patch, .id = 4, .base = 4,
                         .flags = FLUX_PATCH_ACCEPTED};
  UNIT_EQ(rig_offer(s.a, &p), FLUX_E_INVALID);
  p.id = 5;
  UNIT_EQ(rig_offer(s.a, &p), FLUX_OK);
  rig_run(s.a, 2);
  UNIT_EQ(rig_stats(s.a).version, 5);
  rig_as_control(s.a, 4);
  close_scene(&s);
}

static struct fisa_program *stored;

static void offer_stored(struct rig *r, uint64_t id) {
  const struct rig_patch p = {.from = r->agents[id - 1].program,
                              .to = stored,
                              .id = 30,
                              .flags = FLUX_PATCH_ACCEPTED};
  r->agents[id - 1].id = id;
  UNIT_EQ(rig_offer(&r->agents[id - 1], &p), FLUX_OK);
}

static void accepted_inside_attach(void) {
  struct rig r;
  struct rig_agent *a;
  rig_open(&r);
  stored = rig_program(twice_fast);
  r.on_attach = offer_stored;
  a = rig_add(&r, &(struct rig_options){.text = twice});
  rig_run(a, 3);
  UNIT_EQ(rig_stats(a).version, 30);
  UNIT_EQ(rig_stats(a).cycles, 9);
  /* One that is refused after it offered runs its original. */
  r.attach_status = FLUX_E_DENIED;
  a = rig_add(&r, &(struct rig_options){.text = twice});
  rig_run(a, 3);
  UNIT_EQ(rig_stats(a).version, 0);
  UNIT_EQ(rig_stats(a).cycles, 12);
  rig_close(&r);
  fisa_program_free(stored);
}

/* Data is laid for every version, as the manifest says. */
static void data_goes_along(void) {
  struct scene s;
  open_scene(&s, ".dialect unified\n.data 0x300 byte 77\n"
                 "LDI8 R3, 0x300\n TELL R3, R0, R0\n HALT\n",
             ".dialect unified\n NOP\n LDI8 R3, 0x300\n TELL R3, R0, R0\n"
             "HALT\n", false);
  UNIT_EQ(offer(&s, 1, 0), FLUX_OK);
  rig_run(s.a, 2);
  UNIT_EQ(rig_stats(s.a).version, 1);
  UNIT_EQ(s.a->outputs[1].arg[0], 77);
  close_scene(&s);
}

/* ---- holding ------------------------------------------------------------ */

static void outputs_wait(void) {
  struct scene s;
  open_scene(&s, twice, twice_fast, false);
  rig_run(s.a, 1);
  UNIT_EQ(offer(&s, 1, FLUX_PATCH_HOLD), FLUX_OK);
  UNIT_EQ(rig_step(s.a), FHOST_RAN);
  UNIT_EQ(rig_last(s.a)->task.flags & FLUX_TASK_HELD, FLUX_TASK_HELD);
  for (int i = 0; i < 5; i++) UNIT_EQ(rig_step(s.a), FHOST_HELD);
  UNIT_EQ(s.a->output_count, 1);
  UNIT_EQ(s.a->ends, 1);
  UNIT_EQ(rig_stats(s.a).tasks, 1);
  UNIT_EQ(rig_agree_last(s.a), FLUX_OK);
  UNIT_EQ(s.a->output_count, 1);  /* by the agent's own thread */
  UNIT_EQ(rig_step(s.a), FHOST_RESOLVED);
  if (UNIT_EQ(s.a->output_count, 2)) {
    UNIT_EQ(s.a->outputs[1].task, 1);
    UNIT_EQ(s.a->outputs[1].arg[0], 2 * rig_feed(1));
  }
  UNIT_EQ(s.a->ends, 2);
  UNIT_EQ(s.a->ended, 1);
  UNIT_EQ(rig_stats(s.a).tasks, 2);
  for (int i = 0; i < 10; i++) run_agreed(&s);
  UNIT_EQ(rig_stats(s.a).outputs, 12);
  rig_as_control(s.a, 12);
  close_scene(&s);
}

static void agreed_in_order(void) {
  struct scene s;
  open_scene(&s, twice, twice_fast, false);
  rig_run(s.a, 1);
  UNIT_EQ(offer(&s, 1, FLUX_PATCH_HOLD), FLUX_OK);
  UNIT_EQ(rig_step(s.a), FHOST_RAN);
  UNIT_EQ(rig_agree(s.a, 2), FLUX_E_INVALID);  /* not begun yet */
  UNIT_EQ(rig_agree(s.a, UINT64_MAX), FLUX_E_INVALID);
  UNIT_EQ(rig_agree(s.a, 0), FLUX_OK);         /* not the held one */
  UNIT_EQ(rig_step(s.a), FHOST_HELD);
  UNIT_EQ(rig_agree(s.a, 0), FLUX_E_STALE);
  UNIT_EQ(rig_agree(s.a, 1), FLUX_OK);
  UNIT_EQ(rig_step(s.a), FHOST_RESOLVED);
  UNIT_EQ(rig_agree(s.a, 1), FLUX_E_STALE);
  close_scene(&s);
}

static void held_too_long(void) {
  struct scene s;
  struct rig_patch p;
  open_scene(&s, twice, twice_wrong, false);
  p = (struct rig_patch){.from = s.a->program, .to = s.patch, .id = 1,
                         .flags = FLUX_PATCH_HOLD, .hold_ms = 2};
  rig_run(s.a, 1);
  UNIT_EQ(rig_offer(s.a, &p), FLUX_OK);
  UNIT_EQ(rig_step(s.a), FHOST_RAN);
  UNIT_EQ(rig_step(s.a), FHOST_HELD);
  usleep(4000);
  UNIT_EQ(rig_step(s.a), FHOST_RESOLVED);
  UNIT_EQ(rig_stats(s.a).recovered, 1);
  UNIT_EQ(rig_stats(s.a).version, 0);
  UNIT_EQ(s.a->output_count, 1);
  /* Too late. */
  UNIT_EQ(rig_agree(s.a, 1), FLUX_E_STALE);
  UNIT_EQ(rig_accept(s.a, 1), FLUX_E_STALE);
  UNIT_EQ(rig_step(s.a), FHOST_RAN);
  UNIT_EQ(rig_last(s.a)->task.flags,
          FLUX_TASK_FRESH | FLUX_TASK_SWAPPED | FLUX_TASK_TAKEN_BACK);
  UNIT_EQ(rig_last(s.a)->task.version, 0);
  UNIT_EQ(rig_last(s.a)->task.number, 2);  /* a number of its own */
  UNIT_EQ(s.a->begins, 2);                 /* its inputs are the same */
  rig_run(s.a, 3);
  UNIT_EQ(rig_stats(s.a).tasks, 5);
  rig_as_control(s.a, 5);
  close_scene(&s);
}

static void taken_back_while_held(void) {
  for (uint32_t how = FLUX_REVERT; how <= FLUX_RECOVER; how++) {
    struct scene s;
    open_scene(&s, twice, twice_wrong, false);
    UNIT_EQ(offer(&s, 1, FLUX_PATCH_HOLD), FLUX_OK);
    UNIT_EQ(rig_step(s.a), FHOST_RAN);
    UNIT_EQ(rig_take_back(s.a, 1, how), FLUX_OK);
    UNIT_EQ(rig_step(s.a), FHOST_RESOLVED);
    UNIT_EQ(s.a->output_count, 0);
    UNIT_EQ(rig_stats(s.a).reverted, how == FLUX_REVERT);
    UNIT_EQ(rig_stats(s.a).recovered, how == FLUX_RECOVER);
    rig_run(s.a, 4);
    UNIT_EQ(rig_stats(s.a).wrong, 0);
    rig_as_control(s.a, 4);
    close_scene(&s);
  }
}

/* What agreed is released although the patch is to go. */
static void agreed_then_taken_back(void) {
  for (uint32_t how = FLUX_REVERT; how <= FLUX_RECOVER; how++) {
    struct scene s;
    open_scene(&s, sums, sums_back, true);
    rig_run(s.a, 2);
    UNIT_EQ(offer(&s, 1, FLUX_PATCH_HOLD), FLUX_OK);
    UNIT_EQ(rig_step(s.a), FHOST_RAN);
    UNIT_EQ(rig_agree_last(s.a), FLUX_OK);
    UNIT_EQ(rig_take_back(s.a, 1, how), FLUX_OK);
    UNIT_EQ(rig_step(s.a), FHOST_RESOLVED);
    UNIT_EQ(s.a->output_count, 3);
    UNIT_EQ(rig_stats(s.a).version, 1);
    rig_run(s.a, 2);
    UNIT_EQ(rig_stats(s.a).version, 0);
    UNIT_EQ(rig_stats(s.a).reverted, how == FLUX_REVERT);
    UNIT_EQ(rig_stats(s.a).recovered, how == FLUX_RECOVER);
    UNIT_EQ(s.a->inputs, 5);
    rig_as_control(s.a, 5);
    close_scene(&s);
  }
}

static void accepted(void) {
  struct scene s;
  open_scene(&s, twice, twice_fast, false);
  UNIT_EQ(offer(&s, 1, FLUX_PATCH_HOLD), FLUX_OK);
  for (int i = 0; i < 3; i++) run_agreed(&s);
  UNIT_EQ(rig_accept(s.a, 2), FLUX_E_STALE);
  UNIT_EQ(rig_accept(s.a, 1), FLUX_OK);
  UNIT_EQ(rig_accept(s.a, 1), FLUX_E_STALE);
  UNIT_EQ(rig_take_back(s.a, 1, FLUX_REVERT), FLUX_E_STALE);
  UNIT_EQ(rig_take_back(s.a, 1, FLUX_RECOVER), FLUX_E_STALE);
  rig_run(s.a, 3);
  UNIT_EQ(rig_stats(s.a).accepted, 1);
  UNIT_EQ(rig_stats(s.a).version, 1);
  UNIT_EQ(s.a->evolved.count, 3);  /* no longer on probation */
  UNIT_EQ(rig_take_back(s.a, 1, FLUX_REVERT), FLUX_E_STALE);
  rig_as_control(s.a, 6);
  close_scene(&s);
}

/* The plugin accepted while the host was already at the next task. */
static void accepted_while_held(void) {
  struct scene s;
  open_scene(&s, twice, twice_fast, false);
  UNIT_EQ(offer(&s, 1, FLUX_PATCH_HOLD), FLUX_OK);
  UNIT_EQ(rig_step(s.a), FHOST_RAN);
  UNIT_EQ(rig_step(s.a), FHOST_HELD);
  UNIT_EQ(rig_accept(s.a, 1), FLUX_OK);
  UNIT_EQ(rig_step(s.a), FHOST_RESOLVED);
  UNIT_EQ(s.a->output_count, 1);
  rig_run(s.a, 2);
  UNIT_EQ(rig_stats(s.a).accepted, 1);
  UNIT_EQ(rig_stats(s.a).recovered, 0);
  rig_as_control(s.a, 3);
  close_scene(&s);
}

static void accepted_then_the_next(void) {
  struct scene s;
  open_scene(&s, twice, twice_fast, false);
  for (uint64_t id = 1; id <= 10; id++) {
    struct rig_patch p = {.from = id == 1 ? s.a->program : s.patch,
                          .to = s.patch, .id = id, .base = id - 1,
                          .flags = FLUX_PATCH_HOLD};
    UNIT_EQ(rig_offer(s.a, &p), FLUX_OK);
    run_agreed(&s);
    UNIT_EQ(rig_stats(s.a).version, id);
    UNIT_EQ(rig_accept(s.a, id), FLUX_OK);
  }
  rig_run(s.a, 1);
  UNIT_EQ(rig_stats(s.a).accepted, 10);
  UNIT_EQ(rig_stats(s.a).installed, 10);
  UNIT_EQ(rig_stats(s.a).withdrawn, 0);
  rig_as_control(s.a, 11);
  close_scene(&s);
}

/* A verdict stands; only a revert may become a recovery. */
static void one_verdict(void) {
  struct scene s;
  open_scene(&s, sums, sums_back, true);
  UNIT_EQ(offer(&s, 1, 0), FLUX_OK);
  rig_run(s.a, 1);
  UNIT_EQ(rig_take_back(s.a, 1, FLUX_REVERT), FLUX_OK);
  UNIT_EQ(rig_take_back(s.a, 1, FLUX_REVERT), FLUX_E_STALE);
  UNIT_EQ(rig_accept(s.a, 1), FLUX_E_STALE);
  UNIT_EQ(rig_take_back(s.a, 1, FLUX_RECOVER), FLUX_OK);
  UNIT_EQ(rig_take_back(s.a, 1, FLUX_RECOVER), FLUX_E_STALE);
  UNIT_EQ(rig_take_back(s.a, 1, FLUX_REVERT), FLUX_E_STALE);
  rig_run(s.a, 3);
  UNIT_EQ(rig_stats(s.a).recovered, 1);
  UNIT_EQ(rig_stats(s.a).reverted, 0);
  UNIT_EQ(rig_stats(s.a).wrong, 0);
  rig_as_control(s.a, 3);
  close_scene(&s);
}

/* ---- reverting ---------------------------------------------------------- */

static void a_revert_keeps_the_state(void) {
  struct scene s;
  open_scene(&s, sums, sums_back, true);
  rig_run(s.a, 3);
  UNIT_EQ(offer(&s, 1, 0), FLUX_OK);
  rig_run(s.a, 3);
  UNIT_EQ(rig_take_back(s.a, 1, FLUX_REVERT), FLUX_OK);
  rig_run(s.a, 1);
  UNIT_EQ(rig_stats(s.a).reverted, 1);
  UNIT_EQ(rig_last(s.a)->task.flags,
          FLUX_TASK_SWAPPED | FLUX_TASK_TAKEN_BACK);
  UNIT_EQ(rig_last(s.a)->task.begin_pc, rig_label(s.a->program, "at1"));
  UNIT_EQ(rig_last(s.a)->task.version, 0);
  rig_run(s.a, 2);
  UNIT_EQ(rig_stats(s.a).tasks, 9);
  UNIT_EQ(s.a->inputs, 9);
  rig_as_control(s.a, 9);
  close_scene(&s);
}

static void a_fresh_revert_needs_no_pair(void) {
  struct scene s;
  open_scene(&s, twice, twice_fast, false);
  struct rig_patch p = {.from = s.a->program, .to = s.patch, .id = 1};
  UNIT_EQ(rig_offer(s.a, &p), FLUX_OK);
  rig_run(s.a, 1);
  UNIT_EQ(rig_take_back(s.a, 1, FLUX_REVERT), FLUX_OK);
  rig_run(s.a, 2);
  UNIT_EQ(rig_stats(s.a).version, 0);
  UNIT_EQ(rig_last(s.a)->task.begin_pc, 0);
  rig_as_control(s.a, 3);
  close_scene(&s);
}

/* Without hold, and without a place to go back at: the revert waits, and in
 * the end the host recovers to where the patch came in. */
static void a_revert_waits_for_its_place(void) {
  struct scene s;
  open_scene(&s, sums, sums_back, true);
  struct rig_patch p = {.from = s.a->program, .to = s.patch, .id = 1,
                        .no_back = true};
  rig_run(s.a, 2);
  UNIT_EQ(rig_offer(s.a, &p), FLUX_OK);
  rig_run(s.a, 1);
  UNIT_EQ(rig_take_back(s.a, 1, FLUX_REVERT), FLUX_OK);
  for (int i = 0; i < 63; i++) {
    UNIT_EQ(rig_agree_last(s.a), FLUX_OK);
    if (!UNIT_EQ(rig_step(s.a), FHOST_RAN)) break;
  }
  UNIT_EQ(rig_stats(s.a).version, 1);
  UNIT_EQ(rig_stats(s.a).tasks, 65);  /* the last one is held: a full log */
  UNIT_EQ(rig_step(s.a), FHOST_RESOLVED);
  UNIT_EQ(rig_stats(s.a).tasks, 66);
  UNIT_EQ(rig_step(s.a), FHOST_RAN);  /* the third task, once more */
  UNIT_EQ(rig_stats(s.a).recovered, 1);
  UNIT_EQ(rig_stats(s.a).tasks, 3);
  rig_run(s.a, 70);
  UNIT_EQ(rig_stats(s.a).tasks, 73);
  UNIT_EQ(rig_stats(s.a).wrong, 0);
  UNIT_EQ(s.a->inputs, 73);
  rig_as_control(s.a, 73);
  close_scene(&s);
}

/* With hold: what agreed stays in the log until there is a way back. */
static void hold_without_a_way_back(void) {
  struct scene s;
  open_scene(&s, sums, sums_back, true);
  struct rig_patch p = {.from = s.a->program, .to = s.patch, .id = 1,
                        .no_back = true, .flags = FLUX_PATCH_HOLD};
  rig_run(s.a, 2);
  UNIT_EQ(rig_offer(s.a, &p), FLUX_OK);
  for (int i = 0; i < 3; i++) run_agreed(&s);
  UNIT_EQ(s.a->output_count, 5);
  UNIT_EQ(rig_step(s.a), FHOST_RAN);
  UNIT_EQ(rig_take_back(s.a, 1, FLUX_RECOVER), FLUX_OK);
  UNIT_EQ(rig_step(s.a), FHOST_RESOLVED);
  UNIT_EQ(rig_stats(s.a).version, 0);
  UNIT_EQ(rig_stats(s.a).tasks, 2);
  rig_run(s.a, 3);
  UNIT_EQ(s.a->output_count, 5);  /* matched */
  rig_run(s.a, 3);
  UNIT_EQ(rig_stats(s.a).wrong, 0);
  UNIT_EQ(s.a->inputs, 8);
  rig_as_control(s.a, 8);
  close_scene(&s);
}

/* A patch that can nowhere be taken back does not stay on probation. */
static void hold_without_end(void) {
  struct scene s;
  open_scene(&s, sums, sums_back, true);
  struct rig_patch p = {.from = s.a->program, .to = s.patch, .id = 1,
                        .no_back = true, .flags = FLUX_PATCH_HOLD};
  UNIT_EQ(rig_offer(s.a, &p), FLUX_OK);
  for (int i = 0; i < 4; i++) run_agreed(&s);
  UNIT_EQ(rig_stats(s.a).recovered, 0);
  rig_run(s.a, 1);
  UNIT_EQ(rig_stats(s.a).recovered, 1);
  rig_run(s.a, 9);
  rig_as_control(s.a, 10);
  close_scene(&s);
}

/* ---- recovering --------------------------------------------------------- */

static void wrong_outputs_are_never_seen(void) {
  struct scene s;
  open_scene(&s, sums, sums_wrong, true);
  s.a->stream = true;
  rig_run(s.a, 3);
  UNIT_EQ(offer(&s, 1, FLUX_PATCH_HOLD), FLUX_OK);
  UNIT_EQ(rig_step(s.a), FHOST_RAN);
  UNIT_EQ(s.a->inputs, 4);
  UNIT_EQ(rig_take_back(s.a, 1, FLUX_RECOVER), FLUX_OK);
  UNIT_EQ(rig_step(s.a), FHOST_RESOLVED);
  rig_run(s.a, 1);
  UNIT_EQ(s.a->inputs, 4);  /* the value consumed before */
  UNIT_EQ(rig_last(s.a)->task.begin_pc, rig_label(s.a->program, "at1"));
  rig_run(s.a, 4);
  UNIT_EQ(rig_stats(s.a).wrong, 0);
  UNIT_EQ(rig_stats(s.a).tasks, 8);
  rig_as_control(s.a, 8);
  close_scene(&s);
}

/* Values that only the patch asked for are gone. */
static void greedy_patch(void) {
  struct scene s;
  open_scene(&s, sums, sums_greedy, true);
  s.a->stream = true;
  UNIT_EQ(offer(&s, 1, FLUX_PATCH_HOLD), FLUX_OK);
  UNIT_EQ(rig_step(s.a), FHOST_RAN);
  UNIT_EQ(rig_take_back(s.a, 1, FLUX_RECOVER), FLUX_OK);
  UNIT_EQ(rig_step(s.a), FHOST_RESOLVED);
  rig_run(s.a, 2);
  UNIT_EQ(s.a->outputs[0].arg[1], 1);
  UNIT_EQ(s.a->outputs[1].arg[1], 3);
  close_scene(&s);
}

/* Several values of a source come again in their order. */
static void values_come_in_order(void) {
  static const char *const texts[] = {
      ".dialect unified\n SENSE R2\n TELL R2, R0, R0\n SENSE R3\n"
      "SENSE R4\n TELL R2, R3, R4\n HALT\n",
      ".dialect unified\n SENSE R2\n TELL R2, R0, R0\n SENSE R3\n"
      "SENSE R4\n TELL R4, R3, R2\n HALT\n"};
  for (uint32_t flags = 0; flags <= FLUX_PATCH_HOLD; flags++) {
    struct scene s;
    rig_open(&s.rig);
    s.a = rig_add(&s.rig, &(struct rig_options){.text = texts[0],
                                                .no_begin = true});
    s.patch = rig_program(texts[1]);
    s.a->stream = true;
    rig_run(s.a, 1);
    UNIT_EQ(offer(&s, 1, flags), FLUX_OK);
    UNIT_EQ(rig_step(s.a), FHOST_RAN);
    UNIT_EQ(rig_take_back(s.a, 1, FLUX_RECOVER), FLUX_OK);
    if (flags != 0) UNIT_EQ(rig_step(s.a), FHOST_RESOLVED);
    rig_run(s.a, 3);
    UNIT_EQ(s.a->inputs, 12);
    UNIT_EQ(rig_stats(s.a).wrong, flags == 0);
    if (flags != 0) rig_as_control(s.a, 4);
    close_scene(&s);
  }
}

static void released_outputs_are_matched(void) {
  struct scene s;
  open_scene(&s, sums, sums_back, true);
  s.a->stream = true;
  rig_run(s.a, 2);
  UNIT_EQ(offer(&s, 1, 0), FLUX_OK);
  rig_run(s.a, 5);
  UNIT_EQ(s.a->output_count, 7);
  UNIT_EQ(rig_agree(s.a, 2), FLUX_OK);
  UNIT_EQ(rig_take_back(s.a, 1, FLUX_RECOVER), FLUX_OK);
  rig_run(s.a, 1);
  UNIT_EQ(rig_stats(s.a).recovered, 1);
  UNIT_EQ(rig_stats(s.a).tasks, 4);  /* two, the agreed, the one again */
  rig_run(s.a, 3);
  UNIT_EQ(s.a->output_count, 7);
  UNIT_EQ(s.a->inputs, 7);
  rig_run(s.a, 3);
  UNIT_EQ(s.a->output_count, 10);
  UNIT_EQ(rig_stats(s.a).wrong, 0);
  UNIT_EQ(rig_stats(s.a).outputs, 10);
  rig_as_control(s.a, 10);
  close_scene(&s);
}

/* A patch without hold; `wrong` of its `tasks` released outputs are counted
 * and the agent goes on as if it had not been. */
static void wrong_without_hold(const char *patch, uint64_t wrong,
                               size_t outputs) {
  struct scene s;
  open_scene(&s, twice, patch, false);
  rig_run(s.a, 2);
  UNIT_EQ(offer(&s, 1, 0), FLUX_OK);
  rig_run(s.a, 3);
  UNIT_EQ(rig_take_back(s.a, 1, FLUX_RECOVER), FLUX_OK);
  rig_run(s.a, 3);
  UNIT_EQ(rig_stats(s.a).wrong, wrong);
  UNIT_EQ(s.a->output_count, outputs);
  UNIT_EQ(s.a->begins, 5);  /* inputs are laid as they were */
  UNIT_EQ(s.a->ends, 5);
  rig_run(s.a, 2);
  UNIT_EQ(s.a->output_count, outputs + 2);
  UNIT_EQ(s.a->outputs[outputs + 1].arg[0], 2 * rig_feed(6));
  UNIT_EQ(rig_stats(s.a).tasks, 7);
  UNIT_EQ(rig_stats(s.a).results, 7);
  UNIT_EQ(rig_stats(s.a).cycles, 28);
  close_scene(&s);
}

static void wrong_outputs_are_counted(void) {
  wrong_without_hold(twice_wrong, 3, 5);
  wrong_without_hold(twice_loud, 3, 8);  /* one too many each */
  wrong_without_hold(twice_mute, 0, 5);  /* late, but there */
  wrong_without_hold(twice_fast, 0, 5);
}

/* A full log waits for the oldest task to be agreed. */
static void a_full_log_waits(void) {
  struct scene s;
  open_scene(&s, twice, twice_fast, false);
  UNIT_EQ(offer(&s, 1, 0), FLUX_OK);
  rig_run(s.a, 64);
  UNIT_EQ(rig_step(s.a), FHOST_HELD);
  UNIT_EQ(rig_agree(s.a, 0), FLUX_OK);
  UNIT_EQ(rig_step(s.a), FHOST_RESOLVED);
  rig_run(s.a, 1);
  UNIT_EQ(rig_step(s.a), FHOST_HELD);
  /* A revert needs nobody's agreement here. */
  UNIT_EQ(rig_take_back(s.a, 1, FLUX_REVERT), FLUX_OK);
  UNIT_EQ(rig_step(s.a), FHOST_RESOLVED);
  rig_run(s.a, 2);
  UNIT_EQ(rig_stats(s.a).reverted, 1);
  rig_as_control(s.a, 67);
  close_scene(&s);
}

static void faults_on_probation(void) {
  static const char *const patches[] = {twice_fault, twice_endless};
  for (unsigned i = 0; i < 4; i++) {
    bool hold = i % 2 == 1;
    struct scene s;
    open_scene(&s, twice, patches[i / 2], false);
    rig_run(s.a, 2);
    UNIT_EQ(offer(&s, 1, hold ? FLUX_PATCH_HOLD : 0), FLUX_OK);
    UNIT_EQ(rig_step(s.a), FHOST_RAN);
    UNIT_EQ(rig_last(s.a)->task.status,
            i < 2 ? FLUX_RUN_FAULT : FLUX_RUN_FUEL);
    UNIT_EQ(rig_step(s.a), FHOST_HELD);  /* not stopped */
    UNIT_EQ(rig_take_back(s.a, 1, FLUX_RECOVER), FLUX_OK);
    UNIT_EQ(rig_step(s.a), FHOST_RESOLVED);
    rig_run(s.a, 3);
    UNIT_EQ(rig_stats(s.a).tasks, 5);
    UNIT_EQ(rig_stats(s.a).faults, i < 2);
    UNIT_EQ(rig_stats(s.a).version, 0);
    /* Without hold the endless one told R3 too early. */
    UNIT_EQ(rig_stats(s.a).wrong, !hold && i >= 2);
    if (hold || i < 2) rig_as_control(s.a, 5);
    close_scene(&s);
  }
}

static void a_fault_recovers_by_itself(void) {
  struct scene s;
  open_scene(&s, sums, sums_fault, true);
  struct rig_patch p = {.from = s.a->program, .to = s.patch, .id = 1,
                        .hold_ms = 1};
  rig_run(s.a, 2);
  UNIT_EQ(rig_offer(s.a, &p), FLUX_OK);
  UNIT_EQ(rig_step(s.a), FHOST_RAN);
  UNIT_EQ(rig_step(s.a), FHOST_HELD);
  usleep(3000);
  UNIT_EQ(rig_step(s.a), FHOST_RESOLVED);
  rig_run(s.a, 3);
  UNIT_EQ(rig_stats(s.a).recovered, 1);
  UNIT_EQ(rig_stats(s.a).wrong, 1);  /* it told the sum of the task before */
  UNIT_EQ(s.a->output_count, 5);
  close_scene(&s);
}

/* The root faults there too: the agent has come to its end. */
static void a_fault_that_agrees(void) {
  struct scene s;
  open_scene(&s, twice, twice_fault, false);
  UNIT_EQ(offer(&s, 1, FLUX_PATCH_HOLD), FLUX_OK);
  UNIT_EQ(rig_step(s.a), FHOST_RAN);
  UNIT_EQ(rig_agree_last(s.a), FLUX_OK);
  UNIT_EQ(rig_step(s.a), FHOST_RESOLVED);
  UNIT_EQ(s.a->output_count, 1);
  UNIT_EQ(rig_step(s.a), FHOST_STOPPED);
  UNIT_EQ(rig_stats(s.a).tasks, 1);
  UNIT_EQ(rig_stats(s.a).results, 0);
  close_scene(&s);
}

/* ---- limits of the recorder --------------------------------------------- */

/* Many outputs, and the same with one that is wrong. */
static const char many[] =
    ".dialect unified\n.in R1 0..200\nMOVI R4, 20\n"
    " again: TELL R4, R1, R0\n DEC R4\n JNE R4, again\n HALT\n";
static const char many_wrong[] =
    ".dialect unified\n.in R1 0..200\nMOVI R4, 20\n"
    " again: TELL R4, R4, R0\n DEC R4\n JNE R4, again\n HALT\n";

static void open_small(struct scene *s, const char *patch) {
  rig_open(&s->rig);
  s->a = rig_add(&s->rig, &(struct rig_options){.text = many,
                                                .max_events = 8});
  s->patch = rig_program(patch);
}

static void too_much_to_record(void) {
  struct scene s;
  open_small(&s, many);
  rig_observe(s.a, FLUX_OBSERVE_RECORD, 1);
  rig_run(s.a, 1);
  UNIT_EQ(rig_last(s.a)->task.flags, FLUX_TASK_FRESH | FLUX_TASK_LOST);
  UNIT_EQ(rig_last(s.a)->task.event_count, 0);
  UNIT_EQ(s.a->output_count, 20);
  close_scene(&s);
}

static void too_much_to_hold(void) {
  struct scene s;
  open_small(&s, many_wrong);
  rig_run(s.a, 1);
  UNIT_EQ(offer(&s, 1, FLUX_PATCH_HOLD), FLUX_OK);
  UNIT_EQ(rig_step(s.a), FHOST_RAN);
  UNIT_EQ(rig_last(s.a)->task.flags & FLUX_TASK_LOST, FLUX_TASK_LOST);
  /* Whatever anybody says: it cannot be released. */
  UNIT_EQ(rig_agree_last(s.a), FLUX_OK);
  UNIT_EQ(rig_accept(s.a, 1), FLUX_E_STALE);
  UNIT_EQ(rig_step(s.a), FHOST_RESOLVED);
  UNIT_EQ(rig_stats(s.a).recovered, 1);
  rig_run(s.a, 2);
  rig_as_control(s.a, 3);
  close_scene(&s);
}

/* Accepted in the middle of such a task: it is run again, by the patch. */
static const char many_slow[] =
    ".dialect unified\n.in R1 0..200\nNOP\n MOVI R4, 20\n"
    " again: TELL R4, R1, R0\n NOP\n DEC R4\n JNE R4, again\n HALT\n";

static void accept_now(uint64_t task, struct rig_agent *a) {
  if (task == 1) UNIT_EQ(rig_accept(a, 1), FLUX_OK);
}

static void too_much_but_accepted(void) {
  struct scene s;
  open_small(&s, many_slow);
  rig_run(s.a, 1);
  UNIT_EQ(offer(&s, 1, FLUX_PATCH_HOLD), FLUX_OK);
  s.a->on_begin = accept_now;
  UNIT_EQ(rig_step(s.a), FHOST_RAN);
  UNIT_EQ(rig_step(s.a), FHOST_RESOLVED);
  UNIT_EQ(rig_stats(s.a).version, 1);
  UNIT_EQ(rig_stats(s.a).accepted, 1);
  UNIT_EQ(s.a->output_count, 20);
  rig_run(s.a, 2);
  UNIT_EQ(s.a->begins, 3);
  UNIT_EQ(rig_stats(s.a).recovered, 0);
  rig_as_control(s.a, 3);
  close_scene(&s);
}

/* Without hold the outputs are out; those not seen are not sent again. */
static void too_much_without_hold(void) {
  struct scene s;
  open_small(&s, many_slow);
  rig_run(s.a, 1);
  UNIT_EQ(offer(&s, 1, 0), FLUX_OK);
  UNIT_EQ(rig_step(s.a), FHOST_RAN);
  UNIT_EQ(s.a->output_count, 40);
  UNIT_EQ(rig_step(s.a), FHOST_RESOLVED);
  UNIT_EQ(rig_stats(s.a).recovered, 1);
  rig_run(s.a, 1);
  UNIT_EQ(s.a->output_count, 40);
  rig_run(s.a, 1);
  UNIT_EQ(rig_stats(s.a).wrong, 0);
  rig_as_control(s.a, 3);
  close_scene(&s);
}

static const struct unit_test tests[] = {
    {"plain", "unevolved", runs_unevolved},
    {"plain", "yields", goes_on_at_yields},
    {"plain", "halt", stops_without_fresh_start},
    {"plain", "fault", a_fault_stops},
    {"plain", "fuel", out_of_fuel_stops},
    {"plain", "end", off_the_end_is_an_end},
    {"install", "entry", installs_at_the_entry},
    {"install", "points", installs_only_at_its_points},
    {"install", "deadline", a_deadline_withdraws},
    {"install", "withdraw", withdrawn_by_hand},
    {"install", "busy", one_in_flight},
    {"install", "bad", bad_patches},
    {"install", "nobody", nobody_there},
    {"install", "accepted", accepted_from_the_start},
    {"install", "attach", accepted_inside_attach},
    {"install", "data", data_goes_along},
    {"hold", "wait", outputs_wait},
    {"hold", "order", agreed_in_order},
    {"hold", "late", held_too_long},
    {"hold", "taken_back", taken_back_while_held},
    {"hold", "agreed_back", agreed_then_taken_back},
    {"hold", "accepted", accepted},
    {"hold", "accepted_held", accepted_while_held},
    {"hold", "next", accepted_then_the_next},
    {"hold", "one_verdict", one_verdict},
    {"revert", "state", a_revert_keeps_the_state},
    {"revert", "fresh", a_fresh_revert_needs_no_pair},
    {"revert", "waits", a_revert_waits_for_its_place},
    {"revert", "no_way", hold_without_a_way_back},
    {"revert", "no_end", hold_without_end},
    {"recover", "hold", wrong_outputs_are_never_seen},
    {"recover", "greedy", greedy_patch},
    {"recover", "values", values_come_in_order},
    {"recover", "matched", released_outputs_are_matched},
    {"recover", "wrong", wrong_outputs_are_counted},
    {"recover", "full", a_full_log_waits},
    {"recover", "fault", faults_on_probation},
    {"recover", "itself", a_fault_recovers_by_itself},
    {"recover", "agrees", a_fault_that_agrees},
    {"limits", "record", too_much_to_record},
    {"limits", "hold", too_much_to_hold},
    {"limits", "accepted", too_much_but_accepted},
    {"limits", "released", too_much_without_hold},
};

UNIT_MAIN(tests)
