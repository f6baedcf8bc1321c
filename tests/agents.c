/*
 * tests/agents.c - two forms of an agent from the same states. See agents.h.
 */
#include "tests/agents.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isa/asm.h"
#include "samples/room/internal.h"
#include "tests/vms.h"

enum { SEED_EDGE = 1 << 20 };

/* ---- forms --------------------------------------------------------------- */

void agent_done(struct agent_form *f) {
  fisa_trace_done(&f->out);
  fisa_state_free(f->state);
  if (f->code)
    f->vm->unload(f->code);
  fisa_program_free(f->program);
  fisa_dialect_free(f->dialect);
  memset(f, 0, sizeof *f);
}

static bool yields(const struct fisa_program *p) {
  struct fisa_insn in;
  bool any = false;

  for (uint32_t pc = 0; fisa_decode(p->dialect, p->code, p->size, pc, &in) ==
                        FISA_DECODED; pc += in.length)
    any |= (in.row->roles & FISA_ROLE_YIELD) != 0;
  return any;
}

int agent_load(struct agent_form *f, const char *path,
               struct fisa_error *err) {
  memset(f, 0, sizeof *f);
  if (fisa_load(path, NULL, NULL, &f->dialect, &f->program, err) != 0)
    return -1;
  f->vm = vm_of(f->dialect->name);
  f->code = f->vm->load(f->vm, f->program, 0, NULL);
  f->state = fisa_state_new(f->dialect);
  f->continues = yields(f->program);
  if (!f->code || !f->state)
    abort();
  return 0;
}

int32_t *agent_reg(struct agent_form *f, const char *file, unsigned n) {
  int i = fisa_file_by_name(f->dialect, file, strlen(file));

  if (i < 0 || n >= f->dialect->files[i].count)
    abort();
  return &f->state->cells[f->dialect->files[i].first + n];
}

/* ---- drawing states ------------------------------------------------------ */

static int32_t draw(int32_t seed, int32_t i, int32_t lo, int32_t hi) {
  int32_t kind = feed_value(seed, i + SEED_EDGE, 0, 9);

  if (kind == 0)
    return lo;
  if (kind == 1)
    return hi;
  return feed_value(seed, i, lo, hi);
}

void agent_draw(struct agent_form *f, int32_t seed) {
  const struct fisa_manifest *m = &f->program->manifest;

  fisa_state_start(f->program, f->state);
  f->out.count = 0;
  for (uint32_t i = 0; i < m->in_count; i++) {
    const struct fisa_cells *c = &m->in[i];

    for (uint32_t k = 0; k < c->count; k++) {
      int32_t n = (int32_t)(i * 4096 + k);

      if (c->kind == FISA_CELLS_FILE)
        f->state->cells[c->first + k] = draw(seed, n, c->lo, c->hi);
      else if (c->lo == 0 && c->hi == 255)
        f->state->mem[c->first + k] = (uint8_t)feed_mem(seed, n);
      else
        f->state->mem[c->first + k] = (uint8_t)draw(seed, n, c->lo, c->hi);
    }
    if (c->kind == FISA_CELLS_MEM)
      fisa_state_mark(f->state, c->first, c->count);
  }
}

/* Readings: as a rule what the instrument may give, now and then anything. */
static int32_t reading(struct agent_world *w, const char *name) {
  static const int32_t wild[] = {
    INT32_MIN, INT32_MAX, INT32_MIN + 210, INT32_MIN + 600, -1, 0, 209, 599,
  };
  int32_t n = w->reads++, kind = feed_value(w->seed, n, 0, 9);

  if (kind == 0)
    return wild[feed_value(w->seed, n, 0, 7)];
  if (kind == 1)
    return feed_value(w->seed, n, INT32_MIN, INT32_MAX);
  if (strcmp(name, "TEMP") == 0)
    return feed_value(w->seed, n, 190, 230);
  if (strcmp(name, "VOLT") == 0)
    return feed_value(w->seed, n, 12000, 13000);
  return feed_value(w->seed, n, 0, 1000);
}

static int32_t read_source(uint16_t source, const int32_t *arg, unsigned argc,
                           void *user) {
  struct agent_world *w = user;

  (void)arg;
  (void)argc;
  w->earlier = w->reading;
  w->reading = reading(w, w->form->dialect->sources[source]);
  return w->reading;
}

static void keep_output(uint16_t channel, const int32_t *arg, unsigned argc,
                        void *user) {
  struct agent_world *w = user;
  struct fisa_event e = { 0 };

  e.out = 1;
  e.name = channel;
  e.argc = (uint8_t)argc;
  for (unsigned i = 0; i < argc && i < FISA_MAX_ARGS; i++)
    e.arg[i] = arg[i];
  if (fisa_trace_add(&w->form->out, &e))
    abort();
}

uint64_t agent_task(struct agent_world *w, char *what, size_t capacity) {
  struct agent_form *f = w->form;
  struct fhost_vm_io io = { read_source, keep_output, w, NULL };
  uint64_t before = f->state->cycles;
  int got = f->vm->run(f->code, f->state, &io, AGENT_FUEL, NULL);

  if (got == (f->continues ? FISA_RUN_YIELD : FISA_RUN_HALT))
    return f->state->cycles - before;
  snprintf(what, capacity, "status %d, fault %d, pc %u", got,
           f->state->fault, f->state->pc);
  return 0;
}

/* ---- pairs --------------------------------------------------------------- */

int agent_pair_load(struct agent_pair *p, const char *first,
                    const char *second, struct fisa_error *err) {
  memset(p, 0, sizeof *p);
  if (agent_load(&p->form[0], first, err) != 0)
    return -1;
  if (agent_load(&p->form[1], second, err) != 0) {
    agent_done(&p->form[0]);
    return -1;
  }
  return 0;
}

void agent_pair_done(struct agent_pair *p) {
  agent_done(&p->form[0]);
  agent_done(&p->form[1]);
}

static bool same_outputs(const struct agent_pair *p) {
  const struct fisa_trace *a = &p->form[0].out, *b = &p->form[1].out;

  if (a->count != b->count)
    return false;
  for (uint32_t i = 0; i < a->count; i++)
    if (!fisa_event_equal(&a->events[i], &b->events[i]))
      return false;
  return true;
}

static void add_cell(struct fisa_set *set, uint32_t cell) {
  set->w[cell / 64] |= (uint64_t)1 << cell % 64;
}

/* What is compared at a yield besides memory: the registers that are inputs,
 * which live on, and the source of confidence, where C is no flag. */
static void live_cells(struct agent_pair *p, struct fisa_set *live) {
  struct agent_form *f = &p->form[0];
  const struct fisa_manifest *m = &f->program->manifest;
  int c = fisa_file_by_name(f->dialect, "C", 1);

  memset(live, 0, sizeof *live);
  for (uint32_t i = 0; i < m->in_count; i++)
    for (uint32_t k = 0;
         m->in[i].kind == FISA_CELLS_FILE && k < m->in[i].count; k++)
      add_cell(live, m->in[i].first + k);
  if (p->confidence && c >= 0 && f->dialect->files[c].kind == FISA_FILE_REGS)
    add_cell(live, f->dialect->files[c].first + 1u);
}

/* Whether what can be seen is equal. */
static bool same_ends(struct agent_pair *p) {
  const struct fisa_program *root = p->form[0].program;
  const struct fisa_state *a = p->form[0].state, *b = p->form[1].state;
  struct fisa_set live;

  if (!p->form[0].continues)
    return fisa_observe_equal(root, a, b, p->what, sizeof p->what);
  live_cells(p, &live);
  return fisa_observe_live(root, &live, a, b, p->what, sizeof p->what);
}

/* One task of both. */
static int compare_task(struct agent_pair *p, struct agent_world *w,
                        struct fisa_state *before) {
  for (int k = 0; k < AGENT_FORMS; k++) {
    uint32_t said = p->form[k].out.count;
    uint64_t spent;

    fisa_state_copy(before, p->form[k].state);
    spent = agent_task(&w[k], p->what, sizeof p->what);
    if (spent == 0)
      return -1;
    p->cycles[k] += spent;
    if (p->check)
      p->check(&w[k], before, said, p->user);
  }
  if (!same_ends(p))
    return -1;
  snprintf(p->what, sizeof p->what, "outputs or readings");
  return same_outputs(p) && w[0].reads == w[1].reads ? 0 : -1;
}

int agent_pair_compare(struct agent_pair *p, int32_t seed) {
  struct agent_world w[AGENT_FORMS] = { { .form = &p->form[0], .seed = seed },
                                        { .form = &p->form[1], .seed = seed } };
  struct fisa_state *before = fisa_state_new(p->form[0].dialect);
  int tasks = p->form[0].continues ? AGENT_TASKS : 1, failed = 0;

  if (!before)
    abort();
  assert(p->form[0].continues == p->form[1].continues);
  agent_draw(&p->form[0], seed);
  agent_draw(&p->form[1], seed);
  for (int task = 0; task < tasks && !failed; task++)
    failed = compare_task(p, w, before);
  fisa_state_free(before);
  return failed;
}

/* ---- the list ------------------------------------------------------------ */

int agents_read(const char *path, struct agents_list *list,
                struct fisa_error *err) {
  FILE *in = fopen(path, "r");
  char line[128];
  int rc = 0;

  memset(list, 0, sizeof *list);
  if (!in)
    return fisa_fail(err, "%.200s: cannot be read", path);
  while (rc == 0 && fgets(line, sizeof line, in)) {
    if (line[0] == '#' || line[0] == '\n')
      continue;
    if (list->count == AGENTS_MAX ||
        sscanf(line, "%31s %23s", list->name[list->count],
               list->dialect[list->count]) != 2)
      rc = fisa_fail(err, "%.200s: a line is not name and dialect", path);
    else
      list->count++;
  }
  fclose(in);
  return rc;
}
