/*
 * tests/bench_trial.c - what a trial costs on the lanes.
 *
 *   trial.lanes    straight code of 20 instructions, 512 episodes, against an
 *                  interpreter that does one instruction a call; .live: the
 *                  rate where none of their results is left out
 *   trial.branchy  those sample agents that the interpreter can run, which are
 *                  unified and need nothing from outside, against the same;
 *                  the geometric mean
 *   trial.agents   all sample agents, against trials of theirs one by one on
 *                  the ir engine; the geometric mean
 *   trial.short    tasks of 33 instructions against fresh states of 64 KiB
 *   trial.reject   variants that die within their first 32 episodes
 *   lower          nanoseconds an instruction of all agents
 *   pack           share of a trial of those of trial.branchy that is spent on
 *                  making the program ready; .agents: of all
 *
 * One core. Both sides test fuel and bounds and leave the same states behind.
 */
#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gpu/lanes.h"
#include "gpu/trial_impl.h"
#include "isa/asm.h"
#include "tests/bench.h"
#include "tests/plain_vm.h"

enum { EPISODES = 512, FUEL = 1000000, PAIRS = 31 };

/* Of this thread: what else the machine does is no part of it. */
static double now_s(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what) {
  fprintf(stderr, "bench: %s\n", what);
  exit(1);
}

/* A program, its episodes, and both ways to run them. */
struct rig {
  struct fisa_program *p;
  struct ftrial_set *set;
  struct fir_program *ir;
  struct fir_lane *lane;
  struct flanes *lanes;
  struct fpk_program packed;
  uint32_t start[FPK_WIDTH];
  unsigned count;          /* of episodes */
  struct fisa_state *begin[EPISODES], *work;
  uint64_t instructions;   /* of all episodes */
  unsigned times;          /* in one run of a pair */
  bool clear;              /* theirs begins with memory of its own */
  bool outside;            /* it takes values or gives some */
};

static void add_episodes(struct rig *r) {
  struct fisa_trace trace = {0};

  for (uint32_t n = 0; r->count < EPISODES; n++) {
    struct fisa_state *s = fisa_state_new(r->p->dialect);
    if (!s || n > 20 * EPISODES || ftrial_fuzz_state(r->set, 7, n, s, &trace))
      fail("states cannot be made");
    struct ftrial_episode e = {.origin = FTRIAL_RECORDED,
                               .begin = s,
                               .events = trace.events,
                               .event_count = trace.count};
    if (ftrial_set_add(r->set, &e) != FTRIAL_ADDED) {
      fisa_state_free(s);
      continue;
    }
    r->outside |= trace.count > 0;
    r->instructions += ftrial_set_expect(r->set, r->count)->instructions;
    r->begin[r->count++] = s;
  }
  ftrial_set_lay(r->set);
  fisa_trace_done(&trace);
}

static void rig_open(struct rig *r, struct fisa_program *p) {
  struct fisa_error err = {""};
  const struct fpk_batch *b;

  memset(r, 0, sizeof(*r));
  r->p = p;
  r->times = 1;
  r->set = ftrial_set_new(p, FUEL, &err);
  if (!r->set || fir_lower(p, &r->ir, &err))
    fail(err.text);
  r->lane = fir_lane_new();
  r->lanes = flanes_new(NULL);
  r->work = fisa_state_new(p->dialect);
  if (!r->lane || !r->lanes || !r->work)
    fail("out of memory");
  add_episodes(r);
  if (fpk_program_make(r->ir, &r->set->ends, &r->packed, &err))
    fail(err.text);
  b = r->set->packs[1].batch[0];
  fpk_places_start(&r->packed, b->begin_pc, b->begin_count, r->start);
}

static void rig_close(struct rig *r) {
  for (unsigned i = 0; i < EPISODES; i++)
    fisa_state_free(r->begin[i]);
  fisa_state_free(r->work);
  fpk_program_done(&r->packed);
  flanes_free(r->lanes);
  fir_lane_free(r->lane);
  fir_free(r->ir);
  ftrial_set_free(r->set);
  fisa_program_free(r->p);
}

/* As a trial does: few episodes, then all others. */
static void ours(void *user) {
  static const uint32_t part[3] = {0, FTRIAL_FIRST, EPISODES};
  struct rig *r = user;
  const struct fpk_batch *b = r->set->packs[1].batch[0];
  const struct fpk_places places = {r->start, b->end_pc};
  struct fpk_verdict v;

  for (unsigned i = 0; i < 2 * r->times; i++) {
    uint32_t first = part[i % 2], count = part[i % 2 + 1] - first;
    if (flanes_run(r->lanes, &r->packed, b, &places, first, count, UINT64_MAX,
                   &v) ||
        v.good != count)
      fail("a root that is not like itself");
  }
}

static void theirs(void *user) {
  struct rig *r = user;

  for (unsigned i = 0; i < r->times; i++)
    for (unsigned k = 0; k < EPISODES; k++) {
      struct plain_vm vm = {r->p->code, r->p->size, r->work};
      if (r->clear)
        memset(r->work->mem, 0, r->work->mem_size);
      if (r->packed.memory) {
        fisa_state_copy(r->work, r->begin[k]);
      } else {
        memcpy(r->work->cells, r->begin[k]->cells,
               r->work->cell_count * sizeof(*r->work->cells));
        r->work->pc = r->begin[k]->pc;
      }
      plain_run(&vm, FUEL);
    }
}

/* The same trial, episode by episode. */
static void theirs_ir(void *user) {
  struct rig *r = user;

  r->set->narrow = true;
  for (unsigned i = 0; i < r->times; i++)
    if (ftrial_judge(r->set, r->ir, NULL, r->lane, UINT64_MAX).verdict !=
        FTRIAL_SAME)
      fail("a root that is not like itself on the ir engine");
}

static double compare(struct rig *r, const char *name,
                      void (*against)(void *)) {
  const struct bench_pair pair = {
      .name = name,
      .against = against == theirs_ir ? "one lane: the ir engine"
                 : r->clear ? "a fresh state of 64 KiB and the same"
                            : "an instruction a call, a switch",
      .unit = r->clear ? "ns/task" : "ns/lane-instruction",
      .pairs = PAIRS,
      .ours = ours,
      .theirs = against,
      .user = r,
      .items = r->clear ? EPISODES : (double)r->instructions * r->times};

  return bench_pair(&pair);
}

static struct fisa_program *assemble(const struct fisa_dialect *d,
                                     const char *text) {
  struct fisa_program *p = NULL;
  struct fisa_error err = {""};

  if (fisa_assemble(d, text, strlen(text), "bench", &p, &err))
    fail(err.text);
  return p;
}

/* The last row, which is HALT's neighbour, decides what of the others is ever
 * looked at: what is not is counted and not computed. */
#define STRAIGHT(last) \
  ".dialect unified\n.in R1\n.in R2\n.out R3\n" \
  "  ADD R3, R1, R2\n  XOR R4, R3, R1\n  SUB R5, R4, R2\n" \
  "  AND R6, R5, R3\n  OR R7, R6, R4\n  ADDI R7, 7\n  SHLI R5, 3\n" \
  "  MUL R8, R5, R7\n  SUB R3, R8, R6\n  MIN R4, R3, R8\n" \
  "  MAX R6, R4, R1\n  ADD R9, R6, R3\n  XOR R9, R9, R2\n" \
  "  CMP_LT R10, R9, R1\n  ADD R3, R9, R10\n  MOVI R11, 29\n" \
  "  AND R12, R3, R11\n  SUB R3, R3, R12\n  NOT R5\n" last "  HALT\n"

static const char straight[] = STRAIGHT("  ADD R3, R5, R4\n"); /* 12 of 20 */
static const char all_live[] = STRAIGHT("  ADD R3, R3, R5\n");

/* The rate at which the wide engine goes through it, in 10^9 a second. */
static void rate(struct rig *r, const char *name) {
  enum { TIMES = 20000 };
  double begin;

  r->times = TIMES;
  begin = now_s();
  ours(r);
  bench_figure(name,
               (double)r->instructions * TIMES / (now_s() - begin) / 1e9,
               "G/s");
}

static void lanes_group(const struct fisa_dialect *d) {
  struct rig r;

  rig_open(&r, assemble(d, straight));
  r.times = 40;
  compare(&r, "trial.lanes", theirs);
  rate(&r, "trial.lanes.rate");
  rig_close(&r);
  rig_open(&r, assemble(d, all_live));
  rate(&r, "trial.lanes.live");
  rig_close(&r);
}

static void short_group(const struct fisa_dialect *d) {
  char text[1200];
  size_t n = (size_t)snprintf(text, sizeof(text),
                              ".dialect unified\n.in R1\n.in R2\n.out R3\n");
  struct rig r;

  for (unsigned i = 0; i < 16; i++)
    n += (size_t)snprintf(text + n, sizeof(text) - n,
                          "  ADD R3, R3, R%u\n  XOR R4, R3, R%u\n", 1 + i % 4,
                          1 + i % 3);
  snprintf(text + n, sizeof(text) - n, "  HALT\n");
  rig_open(&r, assemble(d, text));
  r.clear = true;
  compare(&r, "trial.short", theirs);
  rig_close(&r);
}

/* A variant that is wrong in the first lane, at its end. */
static void reject_group(const struct fisa_dialect *d) {
  enum { TIMES = 1000000, FIRST = 32 };
  struct rig r;
  struct fisa_program *p;
  struct fir_program *ir = NULL;
  struct fisa_error err = {""};
  struct fpk_program packed = {0};
  struct fpk_verdict v = {0};
  uint32_t start = 0, stop = 0, entry = 0;
  const struct fpk_places places = {&start, &stop};
  double begin;
  char text[sizeof(straight) + 32];

  rig_open(&r, assemble(d, straight));
  snprintf(text, sizeof(text), "%.*s  INC R3\n  HALT\n",
           (int)(strstr(straight, "  HALT") - straight), straight);
  p = assemble(d, text);
  if (fir_lower(p, &ir, &err) ||
      fpk_program_make(ir, &r.set->ends, &packed, &err))
    fail(err.text);
  fpk_places_start(&packed, &entry, 1, &start);
  begin = now_s();
  for (unsigned i = 0; i < TIMES; i++)
    if (flanes_run(r.lanes, &packed, r.set->packs[1].batch[0], &places, 0,
                   FIRST, UINT64_MAX, &v))
      fail("not for the lanes");
  if (!v.wrong || v.good != 0)
    fail("a wrong variant that passes");
  bench_figure("trial.reject", TIMES / (now_s() - begin) / 1e6, "M variants/s");
  fpk_program_done(&packed);
  fir_free(ir);
  fisa_program_free(p);
  rig_close(&r);
}

/* ---- agents ------------------------------------------------------------- */

static bool plain_can(const struct rig *r) {
  const struct fisa_facts *f = r->set->facts;
  bool can = strcmp(r->p->dialect->name, "unified") == 0 && !r->outside;

  for (uint32_t i = 0; can && i < f->count; i++)
    can = plain_has(r->p->code[f->insn[i].pc]) &&
          !(f->insn[i].row->roles & FISA_ROLE_YIELD);
  return can && r->p->manifest.boundary.kind == FISA_BOUNDARY_DEFAULT;
}

/* A mean of ratios. */
struct mean {
  double log_sum;
  unsigned count;
};

static void mean_add(struct mean *m, double ratio) {
  m->log_sum += log(ratio);
  m->count++;
}

static void mean_tell(const struct mean *m, const char *name,
                      const char *against) {
  char what[32];

  if (m->count == 0)
    fail("no agent can be compared");
  snprintf(what, sizeof(what), "mean of %u agents", m->count);
  bench_ratio(name, exp(m->log_sum / m->count), what, against);
}

/* Seconds of trials, from the program as it is. */
struct share {
  double lower, ready, whole;  /* ready: lowered and packed */
  uint64_t instructions;       /* that were lowered */
};

static void share_add(struct share *s, struct rig *r) {
  struct fpk_program packed = {0};
  struct fir_program *ir = NULL;
  double begin, lowered, ready;

  for (unsigned k = 0; k < 20; k++) {
    begin = now_s();
    if (fir_lower(r->p, &ir, NULL))
      fail("lowering");
    lowered = now_s();
    if (fpk_program_make(ir, &r->set->ends, &packed, NULL))
      fail("packing");
    ready = now_s();
    ours(r);
    s->whole += now_s() - begin;
    s->ready += ready - begin;
    s->lower += lowered - begin;
    s->instructions += r->set->facts->count;
    fpk_program_done(&packed);
    fir_free(ir);
  }
}

static void share_tell(const struct share *s, const char *name) {
  bench_figure(name, 100 * s->ready / s->whole,
               "% of a trial of 512 episodes");
}

/* Those that the interpreter can run, and all. */
struct agents {
  struct mean branchy, all;
  struct share branchy_share, all_share;
};

static void one_agent(struct agents *a, const char *path) {
  const char *base = strrchr(path, '/') + 1;
  int length = (int)strcspn(base, ".");
  struct fisa_dialect *d = NULL;
  struct fisa_program *p = NULL;
  struct fisa_error err = {""};
  struct rig r;
  char name[64];

  if (fisa_load(path, NULL, NULL, &d, &p, &err))
    fail(err.text);
  rig_open(&r, p);
  snprintf(name, sizeof(name), "trial.agents.%.*s", length, base);
  mean_add(&a->all, compare(&r, name, theirs_ir));
  share_add(&a->all_share, &r);
  if (plain_can(&r)) {
    snprintf(name, sizeof(name), "trial.branchy.%.*s", length, base);
    mean_add(&a->branchy, compare(&r, name, theirs));
    share_add(&a->branchy_share, &r);
  }
  rig_close(&r);
  fisa_dialect_free(d);
}

static void agents_group(void) {
  const char *src = getenv("FLUX_SRCDIR");
  struct agents a;
  char pattern[4096];
  glob_t found;

  memset(&a, 0, sizeof(a));
  snprintf(pattern, sizeof(pattern), "%s/samples/agents/*.flx",
           src ? src : ".");
  if (glob(pattern, 0, NULL, &found))
    fail("no sample agents");
  for (size_t i = 0; i < found.gl_pathc; i++)
    one_agent(&a, found.gl_pathv[i]);
  globfree(&found);
  mean_tell(&a.branchy, "trial.branchy", "an instruction a call, a switch");
  mean_tell(&a.all, "trial.agents", "one lane: the ir engine");
  bench_figure("lower",
               a.all_share.lower * 1e9 / (double)a.all_share.instructions,
               "ns/instruction");
  share_tell(&a.branchy_share, "pack");
  share_tell(&a.all_share, "pack.agents");
}

static void bench_trial(void) {
  struct fisa_dialect *d = NULL;
  struct fisa_error err = {""};

  if (fisa_dialect_builtin("unified", false, &d, &err))
    fail(err.text);
  lanes_group(d);
  short_group(d);
  reject_group(d);
  fisa_dialect_free(d);
  agents_group();
}

const struct bench_group bench_groups[] = {{"trial", bench_trial},
                                           {NULL, NULL}};
