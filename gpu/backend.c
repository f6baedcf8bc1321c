/*
 * gpu/backend.c - which engine runs trials.
 */
#include "gpu/backend.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gpu/tune.h"

enum { WORKS_MOST = 2 };         /* that a device has at a time, if it has not
                                    to take all */

struct fbackend {
  struct fbackend_options options;
  pthread_mutex_t device_lock;   /* of what is next, held while it is called */
  bool looked;                   /* for a device */
  atomic_bool alone;             /* there is none, or none any more */
  atomic_uint sent;              /* works that it has */
  struct fcuda *cuda;            /* NULL: none */
  pthread_mutex_t tune_lock;     /* of what is next; taken last */
  struct ftune tune;
  char about[320];               /* what was found; "": nothing was yet */
};

static const char *const words[FBACKEND_CHOICES] = {"auto", "lanes", "cuda",
                                                    "ir"};

const char *fbackend_word(enum fbackend_choice c) {
  assert((unsigned)c < FBACKEND_CHOICES);
  return words[c];
}

int fbackend_by_word(const char *word) {
  assert(word);
  for (unsigned i = 0; i < FBACKEND_CHOICES; i++)
    if (strcmp(words[i], word) == 0)
      return (int)i;
  return -1;
}

static uint64_t clock_ns(void) {
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* What the environment says goes before the configuration, if it is a word. */
static void heed_environment(struct fbackend_options *o) {
  const char *word = secure_getenv("FLUX_TRIAL_BACKEND");
  int choice = word && word[0] ? fbackend_by_word(word) : (int)o->choice;
  char line[160];

  if (choice >= 0) {
    o->choice = (enum fbackend_choice)choice;
    return;
  }
  snprintf(line, sizeof(line), "trials: FLUX_TRIAL_BACKEND=%.40s is none of "
           "auto, lanes, cuda, ir; it stays with %s", word,
           fbackend_word(o->choice));
  if (o->cuda.log)
    o->cuda.log(true, line, o->cuda.user);
}

struct fbackend *fbackend_new(const struct fbackend_options *o) {
  struct fbackend *b = calloc(1, sizeof(*b));

  assert(o && (unsigned)o->choice < FBACKEND_CHOICES);
  if (!b)
    return NULL;
  b->options = *o;
  heed_environment(&b->options);
  if (!b->options.now_ns)
    b->options.now_ns = clock_ns;
  pthread_mutex_init(&b->device_lock, NULL);
  pthread_mutex_init(&b->tune_lock, NULL);
  return b;
}

void fbackend_free(struct fbackend *b) {
  if (!b)
    return;
  fcuda_free(b->cuda);
  pthread_mutex_destroy(&b->device_lock);
  pthread_mutex_destroy(&b->tune_lock);
  free(b);
}

/* ---- the device --------------------------------------------------------- */

/* Looks for a device, once, and tells of it; the lock is held. */
static void look(struct fbackend *b) {
  const struct fcuda_options *o = &b->options.cuda;
  struct fisa_error why = {""};
  char line[320];

  if (b->looked)
    return;
  b->looked = true;
  if (fcuda_new(o, &b->cuda, &why) == 0)
    snprintf(line, sizeof(line), "trials: %s", fcuda_about(b->cuda));
  else
    snprintf(line, sizeof(line), "trials: on the CPU alone: %.250s",
             why.text);
  pthread_mutex_lock(&b->tune_lock);
  memcpy(b->about, line, sizeof(line));
  pthread_mutex_unlock(&b->tune_lock);
  if (o->log)
    o->log(false, line, o->user);
}

static bool wants_device(struct fbackend *b) {
  return (b->options.choice == FBACKEND_AUTO ||
          b->options.choice == FBACKEND_CUDA) &&
         !atomic_load_explicit(&b->alone, memory_order_relaxed);
}

/* Has the device locked for the calling thread, if there is one and, where the
 * thread does not wait, no other has. */
static struct fcuda *take_device(struct fbackend *b, bool wait) {
  if (!wants_device(b))
    return NULL;
  if (wait)
    pthread_mutex_lock(&b->device_lock);
  else if (pthread_mutex_trylock(&b->device_lock) != 0)
    return NULL;
  look(b);
  if (b->cuda && fcuda_alive(b->cuda))
    return b->cuda;
  atomic_store_explicit(&b->alone, true, memory_order_relaxed);
  pthread_mutex_unlock(&b->device_lock);
  return NULL;
}

bool fbackend_has_device(struct fbackend *b) {
  struct fcuda *c = take_device(b, true);

  if (c)
    pthread_mutex_unlock(&b->device_lock);
  return c != NULL;
}

/* Whether it has as much to do as it can take. */
static bool is_busy(struct fbackend *b) {
  return b->options.choice == FBACKEND_AUTO &&
         atomic_load_explicit(&b->sent, memory_order_relaxed) >= WORKS_MOST;
}

/* ---- dividing ----------------------------------------------------------- */

static struct ftune_shape shape_of(const struct fbackend_work *w) {
  uint32_t fuel = w->batch->most_fuel;

  /* Fuel is twice the root's instructions, and a little. */
  return (struct ftune_shape){w->count, fuel > 64 ? (fuel - 64) / 2 : 0};
}

/* How many runs of a work the device gets. */
static uint32_t share_of(struct fbackend *b, const struct fbackend_work *w) {
  uint32_t n;

  if (b->options.choice == FBACKEND_CUDA)
    return w->run_count;
  pthread_mutex_lock(&b->tune_lock);
  n = ftune_share(&b->tune, shape_of(w), w->run_count);
  pthread_mutex_unlock(&b->tune_lock);
  assert(n <= w->run_count);
  return n;
}

static bool knows(struct fbackend *b, const struct fbackend_work *w) {
  bool yes;

  pthread_mutex_lock(&b->tune_lock);
  yes = ftune_knows(&b->tune, shape_of(w));
  pthread_mutex_unlock(&b->tune_lock);
  return yes;
}

static void note(struct fbackend *b, const struct fbackend_work *w,
                 void (*how)(struct ftune *, struct ftune_shape, uint32_t,
                             uint64_t),
                 uint32_t runs, uint64_t ns) {
  pthread_mutex_lock(&b->tune_lock);
  how(&b->tune, shape_of(w), runs, ns);
  pthread_mutex_unlock(&b->tune_lock);
}

/* ---- running ------------------------------------------------------------ */

static void run_on_lanes(struct flanes *lanes, const struct fbackend_work *w,
                         struct fbackend_run *r) {
  int rc = flanes_run(lanes, r->program, w->batch, r->places, w->first,
                      w->count, r->cost_bound, r->out);

  r->status = rc == 0 ? FBACKEND_DONE
              : rc > 0 ? FBACKEND_ASK_IR : FBACKEND_NO_MEMORY;
}

/* Whether the device is through with a work; not asked while another thread
 * calls it, but if `now`. */
static bool is_there(struct fbackend *b, struct fbackend_sent *s, bool now) {
  if (s->work.run_count == 0 || s->end_ns != 0)
    return s->end_ns != 0;
  if (now)
    pthread_mutex_lock(&b->device_lock);
  else if (pthread_mutex_trylock(&b->device_lock) != 0)
    return false;
  if (fcuda_poll(s->cuda, &s->work))
    s->end_ns = b->options.now_ns();
  pthread_mutex_unlock(&b->device_lock);
  return s->end_ns != 0;
}

bool fbackend_look(struct fbackend *b, struct fbackend_work *w) {
  assert(b && w);
  return is_there(b, &w->sent, false) || w->sent.work.run_count == 0;
}

/* Sends the first n runs. */
static void send(struct fbackend *b, struct fbackend_work *w, uint32_t n) {
  struct fbackend_sent *s = &w->sent;

  s->work.batch = w->batch;
  s->work.first = w->first;
  s->work.count = w->count;
  s->work.run = n ? calloc(n, sizeof(*s->work.run)) : NULL;
  if (!s->work.run)
    return;
  s->work.run_count = n;
  for (uint32_t i = 0; i < n; i++)
    s->work.run[i] = (struct fcuda_run){
        w->run[i].program, w->run[i].places, w->run[i].cost_bound,
        w->run[i].out, FCUDA_SENT};
  s->begin_ns = b->options.now_ns();
  atomic_fetch_add(&b->sent, 1); /* first: to send parts may take a while */
  fcuda_submit(s->cuda, &s->work);
}

/* Waits for the device. Others may call it meanwhile. */
static void await(struct fbackend *b, struct fbackend_sent *s) {
  /* The first looks come at once: short launches end within them. */
  enum { LOOKS = 64, NAP_LEAST = 20000, NAP_MOST = 500000 };
  struct timespec nap = {0, NAP_LEAST};

  for (unsigned i = 0; !is_there(b, s, true); i++) {
    if (i < LOOKS) {
      sched_yield();
      continue;
    }
    nanosleep(&nap, NULL);
    nap.tv_nsec = nap.tv_nsec * 2 < NAP_MOST ? nap.tv_nsec * 2 : NAP_MOST;
  }
}

/* Takes what the device has; what it has not, the lanes run. */
static void receive(struct fbackend *b, struct flanes *lanes,
                    struct fbackend_work *w, bool measured) {
  struct fbackend_sent *s = &w->sent;
  bool all;

  if (!s->work.run)
    return;
  await(b, s);
  all = fcuda_wait(s->cuda, &s->work); /* nothing is under way: no call */
  atomic_fetch_sub(&b->sent, 1);
  if (all && measured)
    note(b, w, ftune_device, s->work.run_count, s->end_ns - s->begin_ns);
  for (uint32_t i = 0; i < s->work.run_count; i++) {
    if (s->work.run[i].status == FCUDA_DONE)
      w->run[i].status = FBACKEND_DONE;
    else
      run_on_lanes(lanes, w, &w->run[i]);
  }
  free(s->work.run);
}

/* Runs what the device did not get, with an eye on the device. */
static void run_rest(struct fbackend *b, struct flanes *lanes,
                     struct fbackend_work *w) {
  uint32_t from = w->sent.work.run_count;
  uint64_t begin = b->options.now_ns();

  for (uint32_t i = from; i < w->run_count; i++) {
    run_on_lanes(lanes, w, &w->run[i]);
    is_there(b, &w->sent, false);
  }
  note(b, w, ftune_lanes, w->run_count - from, b->options.now_ns() - begin);
}

void fbackend_begin(struct fbackend *b, struct fbackend_work *w) {
  assert(b && w);
  memset(&w->sent, 0, sizeof(w->sent));
  if (is_busy(b))
    return;
  /* One variant is sooner run here than waited with. */
  w->sent.cuda = take_device(b, w->run_count > 1 ||
                                    b->options.choice == FBACKEND_CUDA);
  if (!w->sent.cuda)
    return;
  send(b, w, share_of(b, w));
  pthread_mutex_unlock(&b->device_lock);
}

void fbackend_end(struct fbackend *b, struct flanes *lanes,
                  struct fbackend_work *w) {
  bool measured;

  assert(b && lanes && w);
  if (b->options.choice == FBACKEND_IR) {
    for (uint32_t i = 0; i < w->run_count; i++)
      w->run[i].status = FBACKEND_ASK_IR;
    return;
  }
  if (!w->sent.cuda) { /* nothing to weigh: no clock, no lock */
    for (uint32_t i = 0; i < w->run_count; i++)
      run_on_lanes(lanes, w, &w->run[i]);
    return;
  }
  /* Of a work that is through although nobody looked nobody knows since when,
   * which is still better than to know nothing. */
  measured = w->sent.end_ns != 0 || !is_there(b, &w->sent, false) ||
             !knows(b, w);
  run_rest(b, lanes, w);
  receive(b, lanes, w, measured);
  memset(&w->sent, 0, sizeof(w->sent));
}

void fbackend_do(struct fbackend *b, struct flanes *lanes,
                 struct fbackend_work *w) {
  fbackend_begin(b, w);
  fbackend_end(b, lanes, w);
}

void fbackend_about(struct fbackend *b, char *out, size_t capacity) {
  pthread_mutex_lock(&b->tune_lock);
  if (b->options.choice == FBACKEND_IR)
    snprintf(out, capacity, "trials: on the ir engine");
  else if (b->about[0])
    snprintf(out, capacity, "%s", b->about);
  else
    snprintf(out, capacity, "trials: on the CPU");
  pthread_mutex_unlock(&b->tune_lock);
}
