/*
 * plugin/profile.c - what held every time an instruction ran.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/lexicon.h"

#define SAMPLED_MAX 2048u  /* states kept of a program */

/* State of one profiling run. */
struct watcher {
  struct fse_profile *p;
  const struct fisa_state *state;  /* the run's: its memory, not its cells */
  uint32_t sampled;
  const struct fisa_facts *f;
  const struct fisa_dialect *d;
  uint32_t last;           /* instruction that ran before, or UINT32_MAX */
  const struct fse_profile_source *from;
  const struct fisa_event *events;
  uint32_t event_count, at;
};

/* Bits of the registers of a file that hold `value`; a byte that reads 0 is
 * left out. */
static uint64_t equal_registers(const struct fisa_file *file,
                                const int32_t *cells, int32_t value) {
  uint64_t mask = 0;
  uint32_t n = file->count < 64 ? file->count : 64;
  for (uint32_t r = file->zero ? 1 : 0; r < n; r++)
    mask |= (uint64_t)(cells[file->first + r] == value) << r;
  return mask;
}

static void observe(struct fse_fact *fact, bool first,
                    const struct fisa_file *file, const int32_t *cells,
                    int32_t value) {
  uint64_t equal = equal_registers(file, cells, value);
  if (first) {
    *fact = (struct fse_fact){true, value, equal};
    return;
  }
  fact->constant = fact->constant && fact->value == value;
  fact->equal &= equal;
}

/* The one register a row writes, as its operand; derived from the steps. */
static int written_operand(const struct fisa_row *row, unsigned *file) {
  int found = -1;
  for (unsigned k = 0; k < row->step_count; k++) {
    const struct fisa_step *s = &row->steps[k];
    char use = fisa_semop_use(s->op, 0);
    if ((use != 'W' && use != 'M') || s->d.kind != FISA_REF_REG) continue;
    if (found >= 0 && found != s->d.operand) return -1;
    found = s->d.operand;
    *file = s->d.file;
  }
  return found;
}

/* Closes the instruction before: its result is in the cells now. */
static void observe_result(struct watcher *w, const int32_t *cells) {
  const struct fisa_insn *in;
  unsigned file = 0;
  int k, cell;
  if (w->last == UINT32_MAX) return;
  in = &w->f->insn[w->last];
  k = written_operand(in->row, &file);
  if (k < 0) return;
  cell = fisa_reg_cell(w->d, file, in->value[k]);
  if (cell < 0) return;
  observe(&w->p->result[w->last], w->p->runs[w->last] == 1,
          &w->d->files[file], cells, cells[cell]);
}

static void observe_operands(struct watcher *w, uint32_t i,
                             const int32_t *cells) {
  const struct fisa_insn *in = &w->f->insn[i];
  for (unsigned k = 0; k < in->row->operand_count; k++) {
    const struct fisa_operand *o = &in->row->operands[k];
    unsigned file = 0;
    int cell;
    if (o->kind != FISA_OPERAND_REG || o->files == 0) continue;
    while (!(o->files >> file & 1u)) file++;
    cell = fisa_reg_cell(w->d, file, in->value[k]);
    observe(&w->p->operand[i][k], w->p->runs[i] == 0, &w->d->files[file],
            cells, cell < 0 ? 0 : cells[cell]);
  }
}

/* Keeps the states of runs 0, 1, 3, 7, ... of an instruction. Where memory is
 * short, fewer: they are hints. */
static void keep_sample(struct watcher *w, uint32_t i, const int32_t *cells) {
  uint64_t run = w->p->runs[i] + 1;
  unsigned k = (unsigned)__builtin_ctzll(run);
  struct fisa_state *s;
  if ((run & (run - 1)) != 0 || k >= FSE_SAMPLES ||
      w->sampled == SAMPLED_MAX || (k > 0 && !w->p->sample[i][k - 1]))
    return;
  s = fisa_state_new(w->d);
  if (s == NULL) return;
  fisa_state_copy(s, w->state);
  memcpy(s->cells, cells, s->cell_count * sizeof *cells);
  s->pc = w->f->insn[i].pc;
  w->p->sample[i][k] = s;
  w->sampled++;
}

static void visit(uint32_t pc, const int32_t *cells, void *user) {
  struct watcher *w = user;
  uint32_t i = pc < w->p->program->size ? w->f->index[pc] : UINT32_MAX;
  if (w->from->also != NULL)
    w->from->also(pc, cells, w->state, w->from->user);
  observe_result(w, cells);
  w->last = i;
  if (i == UINT32_MAX) return;
  observe_operands(w, i, cells);
  keep_sample(w, i, cells);
  w->p->runs[i]++;
}

static int next_input(uint16_t source, const int32_t *arg, unsigned argc,
                      int32_t *value, void *user) {
  struct watcher *w = user;
  (void)source, (void)arg, (void)argc;
  while (w->at < w->event_count && w->events[w->at].out) w->at++;
  if (w->at == w->event_count) return -1;
  *value = w->events[w->at++].value;
  return 0;
}

static int drop_output(uint16_t channel, const int32_t *arg, unsigned argc,
                       void *user) {
  (void)channel, (void)arg, (void)argc, (void)user;
  return 0;
}

/* Runs the program on some episodes of the set. */
static void watch(struct watcher *w, const struct fse_profile_source *from,
                  const struct fir_program *ir, struct fisa_state *s) {
  uint32_t n = ftrial_set_count(from->set);
  const struct fir_io io = {next_input, drop_output, w};
  for (uint32_t i = 0; i < n && i < from->episodes; i++) {
    const struct ftrial_expect *e = ftrial_set_expect(from->set, i);
    struct fir_limits limits = {e->instructions * 2 + 64, true};
    ftrial_set_get(from->set, i, s, &w->events, &w->event_count);
    if (!ftrial_map_pc(&from->map, s->pc, &s->pc)) continue;
    w->at = 0;
    w->last = UINT32_MAX;
    w->state = s;
    fir_run_visit(ir, from->lane, s, &io, limits, visit, w);
  }
}

struct fse_profile *fse_profile_new(const struct fisa_program *p,
                                    const struct fisa_facts *f,
                                    const struct fse_profile_source *from) {
  struct fse_profile *profile = calloc(1, sizeof *profile);
  struct fisa_state *s = fisa_state_new(p->dialect);
  struct fir_program *ir = NULL;
  struct watcher w = {.p = profile, .f = f, .d = p->dialect,
                      .from = from};
  if (profile == NULL || s == NULL || fir_lower(p, &ir, NULL) != 0) goto fail;
  profile->program = p;
  profile->count = f->count;
  profile->runs = calloc(f->count + 1, sizeof *profile->runs);
  profile->operand = calloc(f->count + 1, sizeof *profile->operand);
  profile->result = calloc(f->count + 1, sizeof *profile->result);
  profile->sample = calloc(f->count + 1, sizeof *profile->sample);
  if (profile->runs == NULL || profile->operand == NULL ||
      profile->result == NULL || profile->sample == NULL)
    goto fail;
  watch(&w, from, ir, s);
  fir_free(ir);
  fisa_state_free(s);
  return profile;
fail:
  fir_free(ir);
  fisa_state_free(s);
  fse_profile_free(profile);
  return NULL;
}

void fse_profile_free(struct fse_profile *p) {
  if (p == NULL) return;
  for (uint32_t i = 0; p->sample != NULL && i < p->count; i++)
    for (unsigned k = 0; k < FSE_SAMPLES; k++)
      fisa_state_free(p->sample[i][k]);
  free(p->sample);
  free(p->runs);
  free(p->operand);
  free(p->result);
  free(p);
}

uint64_t fse_profile_count(const struct fse_profile *p, uint32_t insn) {
  assert(insn < p->count);
  return p->runs[insn];
}

struct fisa_state *const *fse_profile_samples(const struct fse_profile *p,
                                              uint32_t insn,
                                              unsigned *count) {
  assert(insn < p->count);
  *count = 0;
  while (*count < FSE_SAMPLES && p->sample[insn][*count] != NULL) ++*count;
  return p->sample[insn];
}

bool fse_stack_cell(const struct fisa_dialect *d, uint32_t cell) {
  for (uint32_t f = 0; f < d->file_count; f++)
    if (d->files[f].kind == FISA_FILE_STACK && cell >= d->files[f].first &&
        cell - d->files[f].first < d->files[f].count)
      return true;
  return false;
}
