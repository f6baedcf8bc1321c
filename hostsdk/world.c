/*
 * hostsdk/world.c - the world of an agent, made of native calls.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "hostsdk/host_impl.h"

/* ---- callbacks: on the agent's thread ----------------------------------- */

static const struct fhost_bound *bound(const struct fhost_bound *b,
                                       uint32_t count, uint16_t name,
                                       const int32_t *arg, unsigned argc) {
  for (uint32_t i = 0; i < count; i++) {
    if (b[i].name != name) continue;
    if (!b[i].has_arg || (argc > 0 && arg[0] == b[i].arg)) return &b[i];
  }
  return NULL;
}

static void begin(uint64_t task, struct fisa_state *s, void *user) {
  const struct fhost_member *m = user;
  assert((s->mem_size & (s->mem_size - 1)) == 0);
  for (uint32_t i = 0; i < m->input_count; i++) {
    const struct fisa_cells *c = &m->inputs[i].place;
    struct fhost_call_env env = {.task = task};
    for (uint32_t k = 0; k < c->count; k++) {
      env.index = k;
      int32_t v = fhost_call_run(&m->inputs[i].call, &env);
      if (c->kind == FISA_CELLS_FILE) {
        s->cells[c->first + k] = v;
      } else {
        uint32_t at = (c->first + k) & (s->mem_size - 1);
        s->mem[at] = (uint8_t)v;
        fisa_state_mark(s, at, 1);
      }
    }
  }
}

/* The value of rand() where nothing is bound to it: xorshift64*, one stream
 * an agent, from the config's seed and the agent's name. */
static int32_t draw(struct fhost_member *m) {
  m->random ^= m->random >> 12;
  m->random ^= m->random << 25;
  m->random ^= m->random >> 27;
  return (int32_t)(m->random * 0x2545F4914F6CDD1Du >> 33);
}

/* Not 0, from which the stream would never get away. */
static uint64_t first_random(uint64_t seed, const char *name) {
  uint64_t x = seed ^ 0x9E3779B97F4A7C15u;
  for (; *name != '\0'; name++) x = (x ^ (uint8_t)*name) * 0x100000001B3u;
  return x | 1u;
}

static int32_t input(uint64_t task, uint16_t source, const int32_t *arg,
                     unsigned argc, void *user) {
  struct fhost_member *m = user;
  const struct fhost_bound *b =
      bound(m->sources, m->source_count, source, arg, argc);
  const struct fhost_call_env env = {.task = task, .arg = arg, .argc = argc};
  if (b != NULL) return fhost_call_run(&b->call, &env);
  return source == m->rand_source ? draw(m) : 0;
}

static void keep(struct fhost_member *m, const struct fhost_output *o) {
  if (m->output_count == m->output_capacity) {
    size_t n = m->output_capacity ? m->output_capacity * 2 : 1024;
    struct fhost_output *p = realloc(m->outputs, n * sizeof *p);
    if (p == NULL) {
      m->lost = true;
      return;
    }
    m->outputs = p;
    m->output_capacity = n;
  }
  m->outputs[m->output_count++] = *o;
}

static void output(uint64_t task, uint16_t channel, const int32_t *arg,
                   unsigned argc, void *user) {
  struct fhost_member *m = user;
  const struct fhost_bound *b =
      bound(m->channels, m->channel_count, channel, arg, argc);
  const struct fhost_call_env env = {.task = task, .arg = arg, .argc = argc};
  assert(argc <= FISA_MAX_ARGS);
  if (m->keep) {
    struct fhost_output o = {task, channel, (uint8_t)argc, {0}};
    for (unsigned i = 0; i < argc; i++) o.arg[i] = arg[i];
    keep(m, &o);
  }
  if (b != NULL) (void)fhost_call_run(&b->call, &env);
}

/* What a finished task leaves to see, as one more output. */
static void end(uint64_t task, const struct fisa_state *s, void *user) {
  struct fhost_member *m = user;
  struct fhost_output o = {.task = task, .channel = FHOST_RESULT, .argc = 2};
  struct fisa_digest d;
  if (s->status != FISA_RUN_HALT && s->status != FISA_RUN_END) return;
  d = fisa_observe_digest(m->program, NULL, s);
  o.arg[0] = (int32_t)(uint32_t)d.w[0];
  o.arg[1] = (int32_t)(uint32_t)d.w[1];
  keep(m, &o);
}

/* ---- making ------------------------------------------------------------- */

/* Index of a name among `count` names, case ignored; -1. */
static int index_of(const char names[][FISA_MAX_NAME], uint32_t count,
                    const char *name) {
  for (uint32_t i = 0; i < count; i++)
    if (strcasecmp(names[i], name) == 0) return (int)i;
  return -1;
}

struct binding_kind {
  const char *what;
  enum fhost_call_place place;
  const char (*names)[FISA_MAX_NAME];
  uint32_t name_count;
};

static int make_bound(const struct binding_kind *kind,
                      const struct fhost_binding_config *from, uint32_t count,
                      const struct fhost_natives *natives,
                      struct fhost_bound *to, struct fisa_error *err) {
  for (uint32_t i = 0; i < count; i++) {
    int n = index_of(kind->names, kind->name_count, from[i].name);
    if (n < 0)
      return fisa_fail(err, "line %u: the dialect has no %s \"%s\"",
                       from[i].line, kind->what, from[i].name);
    to[i].name = (uint16_t)n;
    to[i].has_arg = from[i].has_arg;
    to[i].arg = from[i].arg;
    if (fhost_call_compile(from[i].call, natives, kind->place, &to[i].call,
                           err) != 0)
      return -1;
  }
  return 0;
}

static int make_inputs(struct fhost_member *m,
                       const struct fhost_natives *natives,
                       struct fisa_error *err) {
  for (uint32_t i = 0; i < m->input_count; i++) {
    const struct fhost_input_config *in = &m->config->inputs[i];
    if (fhost_place_resolve(m->dialect, in->to, &m->inputs[i].place, err) !=
            0 ||
        fhost_call_compile(in->call, natives, FHOST_CALL_INPUT,
                           &m->inputs[i].call, err) != 0)
      return -1;
  }
  return 0;
}

/* Whether all cells or bytes of a place are inputs by the manifest. */
static bool is_declared(const struct fisa_manifest *m,
                        const struct fisa_cells *place) {
  for (uint32_t k = 0; k < place->count; k++) {
    bool found = false;
    for (uint32_t i = 0; i < m->in_count && !found; i++)
      found = m->in[i].kind == place->kind &&
              place->first + k - m->in[i].first < m->in[i].count;
    if (!found) return false;
  }
  return true;
}

const char *fhost_world_undeclared(const struct fhost_member *m) {
  assert(m->program != NULL);
  for (uint32_t i = 0; i < m->input_count; i++)
    if (!is_declared(&m->program->manifest, &m->inputs[i].place))
      return m->config->inputs[i].to;
  return NULL;
}

int fhost_world_make(struct fhost_member *m,
                     const struct fhost_natives *natives, uint64_t seed,
                     struct fhost_world *out, struct fisa_error *err) {
  const struct fisa_dialect *d = m->dialect;
  assert(d != NULL && m->config != NULL);
  const struct binding_kind sources = {"source", FHOST_CALL_SOURCE,
                                       d->sources, d->source_count};
  const struct binding_kind channels = {"channel", FHOST_CALL_CHANNEL,
                                        d->channels, d->channel_count};
  m->source_count = m->config->source_count;
  m->channel_count = m->config->channel_count;
  m->input_count = m->config->input_count;
  m->sources = calloc(m->source_count + 1, sizeof *m->sources);
  m->channels = calloc(m->channel_count + 1, sizeof *m->channels);
  m->inputs = calloc(m->input_count + 1, sizeof *m->inputs);
  if (m->sources == NULL || m->channels == NULL || m->inputs == NULL)
    return fisa_fail(err, "out of memory");
  if (make_bound(&sources, m->config->sources, m->source_count, natives,
                 m->sources, err) != 0 ||
      make_bound(&channels, m->config->channels, m->channel_count, natives,
                 m->channels, err) != 0 ||
      make_inputs(m, natives, err) != 0)
    return -1;
  m->rand_source = index_of(d->sources, d->source_count, "RAND");
  m->random = first_random(seed, m->config->name);
  *out = (struct fhost_world){begin, input, output, m->keep ? end : NULL,
                              NULL, m};
  return 0;
}

void fhost_world_done(struct fhost_member *m) {
  free(m->sources);
  free(m->channels);
  free(m->inputs);
  free(m->outputs);
}
