/*
 * plugin/window_book.c - the search of all windows of a program.
 */
#include "plugin/window_book.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/crew.h"
#include "plugin/window_enum.h"
#include "plugin/window_walk.h"

enum {
  SHORT_MAX = 6,       /* instructions of windows inside a run */
  ENUM_COST_MAX = 4,   /* enumerated up to here, */
  PLAIN_COST_MAX = 5,  /* over plain rows; what is longer, walked for */
  WAVE = 16,           /* jobs that shares are given out to at a time */
  WINDOWS_MAX = 4096
};

/*
 * How far all tasks are enumerated before any is further: up to a cost, over
 * the plain rows first, since nearly all there is to find is made of them. No
 * task may take more than `most`. Stages that are quick are shallow.
 */
struct stage {
  uint32_t cost;
  bool plain, quick;
  uint64_t most;
};
static const struct stage stages[] = {
    {2, false, true, UINT64_C(1) << 20},
    {3, true, true, UINT64_C(1) << 23},
    {3, false, true, UINT64_C(1) << 26},
    {ENUM_COST_MAX, true, false, UINT64_C(1) << 29},
    {ENUM_COST_MAX, false, false, UINT64_C(1) << 32},
    {PLAIN_COST_MAX, true, false, UINT64_C(1) << 35},
};

/* What is known of a task. */
struct verdict {
  uint64_t key;
  uint32_t complete[2];      /* costs below this hold nothing: of all rows, of
                                plain ones */
  uint64_t tried;            /* work that did not get through that cost */
  uint64_t walked;           /* changes of walks */
  uint32_t offered;          /* searches whose finds it was among */
  bool found;
  bool ruled;                /* rules were asked */
  const uint8_t *rule;       /* that found it; NULL: none did */
  struct fse_patch patch;
  unsigned counter_count;
  struct fse_point *counter;
};

struct fse_book {
  struct fse_vain vain;
  uint32_t count, capacity;
  struct verdict *verdict;   /* in the order of their coming */
};

struct fse_book *fse_book_new(void) {
  return calloc(1, sizeof(struct fse_book));
}

void fse_book_free(struct fse_book *b) {
  if (b == NULL) return;
  for (uint32_t i = 0; i < b->count; i++) free(b->verdict[i].counter);
  free(b->verdict);
  free(b);
}

uint32_t fse_book_count(const struct fse_book *b) { return b->count; }

struct fse_vain *fse_book_vain(struct fse_book *b) { return &b->vain; }

static struct verdict *look_up(struct fse_book *b, uint64_t key) {
  for (uint32_t i = 0; i < b->count; i++)
    if (b->verdict[i].key == key) return &b->verdict[i];
  return NULL;
}

static struct verdict *enter(struct fse_book *b, uint64_t key) {
  struct verdict *v = look_up(b, key);
  if (v != NULL) return v;
  if (b->count == b->capacity) {
    uint32_t n = b->capacity ? b->capacity * 2 : 64;
    struct verdict *p = realloc(b->verdict, n * sizeof *p);
    if (p == NULL) return NULL;
    b->verdict = p;
    b->capacity = n;
  }
  v = &b->verdict[b->count++];
  memset(v, 0, sizeof *v);
  v->key = key;
  return v;
}

/* Counters to tests and back. */
static void take_counters(const struct verdict *v, struct fse_tests *t) {
  assert(v->counter_count <= FSE_COUNTERS_MAX);
  t->counter_count = v->counter_count;
  for (unsigned i = 0; i < v->counter_count; i++)
    t->counter[i] = v->counter[i];
}

static int keep_counters(struct verdict *v, const struct fse_tests *t) {
  struct fse_point *p = realloc(v->counter, (t->counter_count + 1u) *
                                                sizeof *p);
  assert(t->counter_count <= FSE_COUNTERS_MAX);
  if (p == NULL) return -1;
  v->counter = p;
  v->counter_count = t->counter_count;
  memcpy(p, t->counter, t->counter_count * sizeof *p);
  return 0;
}

/* ---- the windows of a program ------------------------------------------- */

struct windows {
  uint32_t count, capacity;
  struct fse_window *item;
};

static int add_window(struct windows *ws, const struct fse_window *w) {
  if (ws->count == ws->capacity) {
    uint32_t n = ws->capacity ? ws->capacity * 2 : 64;
    struct fse_window *p = realloc(ws->item, n * sizeof *p);
    if (p == NULL) return -1;
    ws->item = p;
    ws->capacity = n;
  }
  ws->item[ws->count++] = *w;
  return 0;
}

/* Whether a window of this length from here on is looked at: short ones
 * anywhere, and whole runs. */
static bool wanted(uint32_t length, uint32_t run, bool begins) {
  return length <= SHORT_MAX || (begins && length == run) ||
         (length == run && length <= FSE_WINDOW_OPS);
}

static int collect(const struct fse_view *v, const struct fse_slots *slots,
                   struct windows *ws) {
  uint32_t before = 0;
  for (uint32_t first = 0; first < v->facts->count; first++) {
    uint32_t run = fse_window_run(v, slots, first);
    bool runs = fse_window_heat(v, first) > 0;
    for (uint32_t n = 1; n <= run && runs && ws->count < WINDOWS_MAX; n++) {
      struct fse_window w;
      if (!wanted(n, run, before == 0) ||
          fse_window_read(v, slots, first, n, &w) != 0 || w.cost <= w.frame)
        continue;
      if (add_window(ws, &w) != 0) return -1;
    }
    before = run;
  }
  return 0;
}

/* ---- jobs --------------------------------------------------------------- */

/* A task to be searched, with what is known of it and what comes out. */
struct job {
  const struct fse_window *window;
  uint32_t known;            /* verdict of the book */
  uint32_t complete[2];      /* as of the verdict */
  uint32_t cost_to;
  uint64_t worth;            /* what the best find would save, all runs */
  uint64_t work, used, walked;
  bool failed, found;
  bool had;                  /* its share in this stage */
  bool ready;                /* the tests are made */
  struct fse_patch patch;
  struct fse_tests tests;
};

struct crew {
  const struct fse_windows_request *q;
  uint32_t count;
  struct job *job;
  const struct stage *stage;
  bool walking;
  atomic_uint next;
};

static void walk_job(struct crew *c, struct job *j, const struct fse_menu *m) {
  uint32_t most = j->window->cost - j->window->frame - 1;
  struct fse_walk_result r;
  struct fse_walk_request q = {.task = &j->window->task, .menu = m,
                               .tests = &j->tests, .rows = most, .cost = most,
                               .seed = c->q->seed + j->walked,
                               .work = j->work / FSE_WALK_WORK,
                               .stop = c->q->stop, .user = c->q->user};
  if (fse_walk_run(&q, &r) != 0) {
    j->failed = true;
    return;
  }
  j->found = r.found;
  j->patch = r.patch;
  j->walked += r.work;
  j->used = r.work * FSE_WALK_WORK;
}

/* The cost from which on a stage has something to do for a job. */
static uint32_t next_cost(const struct crew *c, const struct job *j) {
  bool more = c->stage->plain && j->complete[1] > j->complete[0];
  assert(c->stage != NULL);
  return j->complete[more];
}

static void enum_job(struct crew *c, struct job *j, const struct fse_menu *m) {
  struct fse_enum_result r;
  struct fse_enum_request q = {.task = &j->window->task, .menu = m,
                               .tests = &j->tests, .work = j->work,
                               .plain = c->stage->plain,
                               .cost_from = next_cost(c, j),
                               .cost_to = c->stage->cost,
                               .stop = c->q->stop, .user = c->q->user};
  if (q.cost_to > j->cost_to) q.cost_to = j->cost_to;
  if (fse_enum_run(&q, &r) != 0) {
    j->failed = true;
    return;
  }
  j->found = r.found;
  j->patch = r.patch;
  j->used = r.work;
  j->complete[c->stage->plain] = r.next;
  if (c->stage->plain && fse_menu_plain(m) && r.next > j->complete[0])
    j->complete[0] = r.next;
}

static void run_job(struct crew *c, struct job *j) {
  struct fse_menu *m = fse_menu_new(c->q->view->lexicon, &j->window->task);
  j->used = 0;
  j->found = false;
  if (!j->ready) fse_tests_make(&j->tests, &j->window->task, c->q->seed);
  j->ready = true;
  if (m == NULL) j->failed = true;
  else if (c->walking) walk_job(c, j, m);
  else enum_job(c, j, m);
  fse_menu_free(m);
}

static void *crew_work(void *arg) {
  struct crew *c = arg;
  uint32_t i;
  while ((i = atomic_fetch_add(&c->next, 1)) < c->count) {
    struct job *j = &c->job[i];
    if (j->work > 0 && c->q->stop != NULL && c->q->stop(c->q->user))
      j->work = 0;
    if (j->work > 0) run_job(c, j);
  }
  return NULL;
}

static void crew_run(struct crew *c) {
  pthread_t id[FSE_CREW_THREADS];
  uint32_t threads = fse_crew_threads(c->q->threads), started = 0;
  if (threads > c->count) threads = c->count;
  atomic_store(&c->next, 0);
  while (started + 1 < threads &&
         pthread_create(&id[started], NULL, crew_work, c) == 0)
    started++;
  crew_work(c);
  while (started > 0) pthread_join(id[--started], NULL);
}

/* What may save most comes first. */
static int by_worth(const void *x, const void *y) {
  const struct job *a = x, *b = y;
  if (a->worth != b->worth) return a->worth > b->worth ? -1 : 1;
  return a->window < b->window ? -1 : a->window > b->window;
}

static struct job *find_job(struct crew *c, uint32_t known) {
  for (uint32_t i = 0; i < c->count; i++)
    if (c->job[i].known == known) return &c->job[i];
  return NULL;
}

static uint64_t worth_of(const struct fse_window *w) {
  assert(w->cost > w->frame);
  return w->heat * (w->cost - w->frame);
}

/* The dearest replacement that would still be cheaper. */
static uint32_t cost_wanted(const struct fse_window *w) {
  assert(w->cost > w->frame);
  return w->cost - w->frame - 1;
}

/* Whether all is enumerated that is going to be. */
static bool is_through(const struct verdict *v, const struct fse_window *w) {
  uint32_t most = cost_wanted(w);
  uint32_t plain = v->complete[v->complete[1] > v->complete[0]];
  return v->complete[0] > (most < ENUM_COST_MAX ? most : ENUM_COST_MAX) &&
         plain > (most < PLAIN_COST_MAX ? most : PLAIN_COST_MAX);
}

/* Whether a walk may find what is too long to enumerate. */
static bool may_walk(const struct fse_window *w) {
  return w->cost - w->frame > ENUM_COST_MAX + 1 &&
         w->task.form.node_count > ENUM_COST_MAX &&
         w->task.form.out_count > 0;
}

/* Asks what rules there are for a task. 0, or -1: memory. */
static int ask_rules(const struct fse_windows_request *q,
                     const struct fse_window *w, struct verdict *v) {
  const struct fse_lexicon *l = q->view->lexicon;
  struct fse_enum_request r = {.task = &w->task};
  const struct fse_rules_use use = {&r, q->prover, l->dialect};
  struct fse_menu *m = NULL;
  int rc = 0;
  if (v->found || v->ruled || q->rules == NULL) return 0;
  v->ruled = true;
  if (!fse_rules_may(q->rules, &w->task.form)) return 0;
  r.menu = m = fse_menu_new(l, &w->task);
  r.tests = fse_column_alloc(sizeof *r.tests);
  if (m == NULL || r.tests == NULL) {
    rc = -1;
  } else {
    take_counters(v, r.tests);
    fse_tests_make(r.tests, &w->task, q->seed);
    rc = fse_rules_apply(q->rules, &use, &v->patch, &v->rule);
    v->found = rc > 0;
    if (keep_counters(v, r.tests) != 0) rc = -1;
  }
  free(r.tests);
  fse_menu_free(m);
  return rc < 0 ? -1 : 0;
}

/* A job for every task that neither the book nor a rule can answer. */
static int make_jobs(struct crew *c, const struct windows *ws) {
  struct fse_book *b = c->q->book;
  c->job = fse_column_alloc((ws->count + 1u) * sizeof *c->job);
  if (c->job == NULL) return -1;
  for (uint32_t i = 0; i < ws->count; i++) {
    const struct fse_window *w = &ws->item[i];
    struct verdict *v = enter(b, w->task.key);
    struct job *j;
    if (v == NULL || ask_rules(c->q, w, v) != 0) return -1;
    if (c->q->rules_only || v->found || (is_through(v, w) && !may_walk(w)))
      continue;
    j = find_job(c, (uint32_t)(v - b->verdict));
    if (j == NULL) {
      j = &c->job[c->count++];
      j->window = w;
      j->known = (uint32_t)(v - b->verdict);
      memcpy(j->complete, v->complete, sizeof j->complete);
      j->walked = v->walked;
      take_counters(v, &j->tests);
    }
    if (cost_wanted(w) > j->cost_to) j->cost_to = cost_wanted(w);
    if (worth_of(w) > j->worth) j->worth = worth_of(w);
  }
  qsort(c->job, c->count, sizeof *c->job, by_worth);
  return 0;
}

/* What came out, in the order of jobs. */
static int write_down(struct crew *c, uint64_t *left) {
  for (uint32_t i = 0; i < c->count; i++) {
    struct job *j = &c->job[i];
    struct verdict *v = &c->q->book->verdict[j->known];
    if (j->failed) return -1;
    if (j->work == 0) continue;
    if (!c->walking)
      v->tried = memcmp(v->complete, j->complete, sizeof v->complete) != 0
                     ? 0
                     : j->used;
    v->walked = j->walked;
    *left -= j->used < *left ? j->used : *left;
    memcpy(v->complete, j->complete, sizeof v->complete);
    v->found = j->found;
    v->rule = NULL;
    v->patch = j->patch;
    if (keep_counters(v, &j->tests) != 0) return -1;
  }
  return 0;
}

/* Whether there is something cheaper that was not tried before. */
static bool any_find(const struct crew *c, const struct windows *ws) {
  for (uint32_t i = 0; i < ws->count; i++) {
    const struct fse_window *w = &ws->item[i];
    const struct verdict *v = look_up(c->q->book, w->task.key);
    if (v != NULL && v->found && v->patch.cost + w->frame < w->cost &&
        v->offered == 0)
      return true;
  }
  return false;
}

/* Whether a stage has something to do for a job. */
static bool is_open(const struct crew *c, const struct job *j) {
  assert(c->stage != NULL && !c->walking);
  return !j->had && !j->found && next_cost(c, j) <= c->stage->cost &&
         next_cost(c, j) <= j->cost_to;
}

/*
 * Shares of the work for the next jobs of a stage: what they do not need is
 * there for others. Nothing for what would not get further than before.
 * Returns how many there are.
 */
static uint32_t share_out(struct crew *c, uint64_t left) {
  uint32_t given = 0;
  for (uint32_t i = 0; i < c->count; i++) {
    struct job *j = &c->job[i];
    uint64_t share = left / 4 * 3;
    j->work = 0;
    if (given == WAVE || !is_open(c, j)) continue;
    j->had = true;
    if (share > c->stage->most) share = c->stage->most;
    if (share < 2 * c->q->book->verdict[j->known].tried) continue;
    j->work = share;
    left -= share;
    given++;
  }
  return given;
}

/* Walks of what is longer than was enumerated: most for the first. */
static void share_walks(struct crew *c, uint64_t left) {
  for (uint32_t i = 0; i < c->count; i++) {
    struct job *j = &c->job[i];
    j->work = 0;
    if (j->found || !may_walk(j->window) || j->walked > 0) continue;
    j->work = left / 4;
    left -= j->work;
  }
}

/* All jobs of a stage. What is found where that takes long is enough: the rest
 * is looked for in the program that comes of it. */
static int run_stage(struct crew *c, const struct windows *ws,
                     uint64_t *left) {
  for (uint32_t i = 0; i < c->count; i++) c->job[i].had = false;
  assert(!c->walking);
  while (share_out(c, *left) > 0) {
    crew_run(c);
    if (write_down(c, left) != 0) return -1;
    if (!c->stage->quick && any_find(c, ws)) return 0;
  }
  return 0;
}

/* Stage by stage, so that what is quickly found is found everywhere first. */
static int run_jobs(struct crew *c, const struct windows *ws,
                    uint64_t *left) {
  for (unsigned i = 0; i < sizeof stages / sizeof stages[0]; i++) {
    c->stage = &stages[i];
    if (c->q->shallow && !c->stage->quick) return 0;
    if (run_stage(c, ws, left) != 0) return -1;
    if (*left == 0 || any_find(c, ws)) return 0;
  }
  c->walking = true;
  share_walks(c, *left);
  crew_run(c);
  return write_down(c, left);
}

/* ---- finds -------------------------------------------------------------- */

static uint32_t saved(const struct fse_find *f) {
  assert(f->window.cost > f->window.frame + f->patch.cost);
  return f->window.cost - f->window.frame - f->patch.cost;
}

static int by_place(const void *x, const void *y) {
  const struct fse_find *a = x, *b = y;
  if (a->window.first != b->window.first)
    return a->window.first < b->window.first ? -1 : 1;
  if (saved(a) != saved(b)) return saved(a) > saved(b) ? -1 : 1;
  return a->window.length < b->window.length ? -1
                                             : a->window.length >
                                                   b->window.length;
}

static int gather(struct fse_book *b, const struct windows *ws,
                  struct fse_windows *out) {
  out->finds = malloc((ws->count + 1u) * sizeof *out->finds);
  if (out->finds == NULL) return -1;
  for (uint32_t i = 0; i < ws->count; i++) {
    const struct fse_window *w = &ws->item[i];
    struct verdict *v = look_up(b, w->task.key);
    if (v == NULL || !v->found || v->patch.cost + w->frame >= w->cost)
      continue;
    v->offered++;
    out->finds[out->count].window = *w;
    out->finds[out->count].rule = v->rule;
    out->finds[out->count++].patch = v->patch;
  }
  qsort(out->finds, out->count, sizeof *out->finds, by_place);
  return 0;
}

int fse_windows_search(const struct fse_windows_request *q,
                       struct fse_windows *out) {
  const struct fse_view *v = q->view;
  struct fse_slots *slots = fse_slots_make(v->lexicon, v->program, v->facts);
  struct windows ws = {0};
  struct crew c = {.q = q};
  uint64_t left = q->work;
  int rc = -1;
  assert(v != NULL && q->book != NULL && q->threads > 0);
  memset(out, 0, sizeof *out);
  if (slots != NULL && collect(v, slots, &ws) == 0 &&
      make_jobs(&c, &ws) == 0 && run_jobs(&c, &ws, &left) == 0 &&
      gather(q->book, &ws, out) == 0)
    rc = 0;
  out->work = q->work - left;
  free(c.job);
  free(ws.item);
  fse_slots_free(slots);
  return rc;
}

void fse_windows_done(struct fse_windows *w) {
  free(w->finds);
  memset(w, 0, sizeof *w);
}

const struct fse_find *fse_windows_at(const struct fse_windows *w,
                                      uint32_t first, uint32_t nth) {
  for (uint32_t i = 0; i < w->count; i++)
    if (w->finds[i].window.first == first && nth-- == 0) return &w->finds[i];
  return NULL;
}

int fse_book_refute(struct fse_book *b, const struct fse_lexicon *l,
                    const struct fse_find *f, const struct fse_point *points,
                    uint32_t count) {
  struct verdict *v = look_up(b, f->window.task.key);
  struct fse_menu *m = fse_menu_new(l, &f->window.task);
  struct fse_tests *t = fse_column_alloc(sizeof *t);
  int told = 0;
  assert(count == 0 || points != NULL);
  if (v == NULL || m == NULL || t == NULL) {
    told = -1;
    goto done;
  }
  take_counters(v, t);
  fse_tests_make(t, &f->window.task, 0);
  for (uint32_t i = 0; i < count; i++)
    told += fse_tests_tell(&f->window.task, m, &f->patch, &points[i]) &&
            fse_tests_add(t, &points[i]);
  if (told > 0) {
    if (keep_counters(v, t) != 0) told = -1;
    v->found = false;
  }
done:
  free(t);
  fse_menu_free(m);
  return told;
}
