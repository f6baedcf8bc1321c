/*
 * plugin/counter.c - counterexamples on their way to the journal and back.
 *
 * A blob is a row of little-endian words: its form and a task. That is a pc,
 * then counted lists of cells that are not as the state list says, of pages
 * that are not zero, and of events. What is read back is data: whatever does
 * not fit the dialect to the last byte is left out.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/bytes.h"
#include "plugin/instance.h"

#define FORM 1u
#define SAVED_MOST 64u     /* at a time */
#define LOADED_MOST 1024u
#define EVENT_WORDS (2 + FISA_MAX_ARGS)

/* ---- writing ------------------------------------------------------------ */

static void put_cells(struct fse_writer *w, const struct fisa_state *s,
                      const struct fisa_state *initial) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < s->cell_count; i++)
    n += s->cells[i] != initial->cells[i];
  fse_put(w, n);
  for (uint32_t i = 0; i < s->cell_count; i++) {
    if (s->cells[i] == initial->cells[i]) continue;
    fse_put(w, i);
    fse_put(w, (uint32_t)s->cells[i]);
  }
}

static bool is_zero(const uint8_t *page) {
  for (uint32_t i = 0; i < FISA_PAGE; i++)
    if (page[i]) return false;
  return true;
}

static void put_pages(struct fse_writer *w, const struct fisa_state *s) {
  uint32_t n = 0, pages = s->mem_size / FISA_PAGE;
  for (uint32_t i = 0; i < pages; i++)
    n += !is_zero(s->mem + (size_t)i * FISA_PAGE);
  fse_put(w, n);
  for (uint32_t i = 0; i < pages; i++) {
    if (is_zero(s->mem + (size_t)i * FISA_PAGE)) continue;
    fse_put(w, i);
    fse_put_bytes(w, s->mem + (size_t)i * FISA_PAGE, FISA_PAGE);
  }
}

static void put_events(struct fse_writer *w, const struct fisa_event *e,
                       uint32_t count) {
  fse_put(w, count);
  for (uint32_t i = 0; i < count; i++) {
    fse_put(w, (uint32_t)e[i].name << 8 | e[i].argc);
    fse_put(w, (uint32_t)e[i].value);
    for (unsigned k = 0; k < FISA_MAX_ARGS; k++)
      fse_put(w, (uint32_t)e[i].arg[k]);
  }
}

void fse_put_task(struct fse_writer *w, const struct ftrial_episode *e,
                  const struct fisa_state *initial) {
  fse_put(w, e->begin->pc);
  put_cells(w, e->begin, initial);
  put_pages(w, e->begin);
  put_events(w, e->events, e->event_count);
}

/* Episode i as a blob; its memory is the caller's. */
static struct fse_writer pack(const struct flux_evolved *a, uint32_t i,
                              struct fisa_state *s,
                              const struct fisa_state *initial) {
  struct ftrial_episode e = {.begin = s};
  struct fse_writer w = {0};
  ftrial_set_get(a->set, i, s, &e.events, &e.event_count);
  fse_put(&w, FORM);
  fse_put_task(&w, &e, initial);
  return w;
}

void fse_counters_save(struct flux_evolved *a) {
  struct fse_journal *j = a->instance->journal;
  uint32_t n = ftrial_set_counters(a->set), first = a->counters_kept;
  struct fisa_state *s, *initial;
  assert(first <= n);
  a->counters_kept = n;
  if (j == NULL || first == n) return;
  if (n - first > SAVED_MOST) first = n - SAVED_MOST;
  s = fisa_state_new(a->dialect);
  initial = fisa_state_new(a->dialect);
  for (uint32_t i = first; s != NULL && initial != NULL && i < n; i++) {
    struct fse_writer w = pack(a, i, s, initial);
    /* One that is not kept is found again. */
    if (!w.failed)
      (void)fse_journal_counter_add(j, a->root->hash, w.bytes, w.size, NULL);
    free(w.bytes);
  }
  fisa_state_free(initial);
  fisa_state_free(s);
}

/* ---- reading ------------------------------------------------------------ */

static void get_cells(struct fse_reader *r, struct fisa_state *s) {
  uint32_t n = fse_get_count(r, 2);
  for (uint32_t k = 0; k < n && !r->failed; k++) {
    uint32_t i = fse_get(r), v = fse_get(r);
    if (i >= s->cell_count) r->failed = true;
    else s->cells[i] = (int32_t)v;
  }
}

static void get_pages(struct fse_reader *r, struct fisa_state *s) {
  uint32_t n = fse_get_count(r, 1 + FISA_PAGE / 4);
  for (uint32_t k = 0; k < n && !r->failed; k++) {
    uint32_t i = fse_get(r);
    if (i >= s->mem_size / FISA_PAGE) {
      r->failed = true;
      return;
    }
    fse_get_bytes(r, s->mem + (size_t)i * FISA_PAGE, FISA_PAGE);
    fisa_state_mark(s, i * FISA_PAGE, FISA_PAGE);
  }
}

static void get_events(struct fse_reader *r, const struct fisa_dialect *d,
                       struct fisa_trace *t) {
  uint32_t n = fse_get_count(r, EVENT_WORDS);
  for (uint32_t i = 0; i < n && !r->failed; i++) {
    struct fisa_event e = {0};
    uint32_t name = fse_get(r);
    e.name = (uint16_t)(name >> 8);
    e.argc = (uint8_t)name;
    e.value = (int32_t)fse_get(r);
    for (unsigned k = 0; k < FISA_MAX_ARGS; k++)
      e.arg[k] = (int32_t)fse_get(r);
    r->failed |= name >> 8 >= d->source_count || e.argc > FISA_MAX_ARGS ||
                 fisa_trace_add(t, &e) != 0;
  }
}

/* Whether a stack pointer, which engines trust, is one. */
static bool stack_fits(const struct fisa_dialect *d,
                       const struct fisa_state *s) {
  if (d->stack_file >= d->file_count) return true;
  return s->cells[d->sp_cell] >= 0 &&
         s->cells[d->sp_cell] <= (int32_t)d->files[d->stack_file].count;
}

void fse_get_task(struct fse_reader *r, const struct fisa_dialect *d,
                  struct fisa_state *begin, struct fisa_trace *events) {
  fisa_state_reset(d, begin);
  begin->pc = fse_get(r);
  get_cells(r, begin);
  get_pages(r, begin);
  get_events(r, d, events);
  r->failed |= !stack_fits(d, begin);
}

struct loading {
  struct flux_evolved *a;
  uint32_t count;
};

static int load(const void *blob, size_t size, void *user) {
  struct loading *l = user;
  struct flux_evolved *a = l->a;
  struct fse_reader r = {blob, (const uint8_t *)blob + size, false};
  struct fisa_trace t = {0};
  struct ftrial_episode e = {.origin = FTRIAL_COUNTER, .begin = a->begin,
                             .confidence = 1};
  if (blob == NULL || fse_get(&r) != FORM) return 0;
  fse_get_task(&r, a->dialect, a->begin, &t);
  e.events = t.events;
  e.event_count = t.count;
  if (fse_get_ended(&r) && a->begin->pc < a->root->size &&
      a->root_facts->index[a->begin->pc] != UINT32_MAX)
    (void)ftrial_set_add(a->set, &e);
  fisa_trace_done(&t);
  return ++l->count >= LOADED_MOST;
}

void fse_counters_load(struct flux_evolved *a) {
  struct loading l = {a, 0};
  assert(ftrial_set_count(a->set) == 0);
  if (a->instance->journal == NULL) return;
  (void)fse_journal_counters(a->instance->journal, a->root->hash, load, NULL,
                             &l);
  a->counters_kept = ftrial_set_counters(a->set);
}
