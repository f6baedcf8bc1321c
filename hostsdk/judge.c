/*
 * hostsdk/judge.c - the scorer and the models of an agent.
 */
#include "hostsdk/judge.h"

#include <assert.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "hostsdk/scan.h"

/* ---- compiling ---------------------------------------------------------- */

struct compiler {
  const struct fisa_dialect *d;  /* NULL: the form only */
  const struct fhost_natives *natives;
  struct fhost_judging *j;
  struct fisa_error *err;
};

/* Index of a name in a list of the dialect, case ignored; -1. */
static int index_of(const char names[][FISA_MAX_NAME], uint32_t count,
                    const char *name) {
  for (uint32_t i = 0; i < count; i++)
    if (strcasecmp(names[i], name) == 0) return (int)i;
  return -1;
}

/* A source of that name, or else a channel. */
static int find_name(const struct compiler *c, const struct fhost_word *w,
                     struct fhost_followed *out) {
  char name[FISA_MAX_NAME];
  int i;
  out->out = false;
  if (!fhost_word_copy(w, name, sizeof name))
    return fisa_fail(c->err, "no source or channel has so long a name");
  if (c->d == NULL) return 0;
  i = index_of(c->d->sources, c->d->source_count, name);
  if (i < 0) {
    i = index_of(c->d->channels, c->d->channel_count, name);
    out->out = true;
  }
  if (i < 0)
    return fisa_fail(c->err, "the dialect has no source or channel \"%s\"",
                     name);
  out->name = (uint16_t)i;
  return 0;
}

static bool same_name(const struct fhost_followed *a,
                      const struct fhost_followed *b) {
  return a->out == b->out && a->name == b->name &&
         a->has_first == b->has_first && a->first == b->first;
}

/* The place of a name among those that are followed; -1 with err: full. */
static int follow(struct compiler *c, const struct fhost_followed *name) {
  struct fhost_judging *j = c->j;
  for (uint32_t i = 0; i < j->name_count; i++)
    if (same_name(&j->names[i], name)) return (int)i;
  if (j->name_count == FHOST_JUDGE_NAMES)
    return fisa_fail(c->err, "a scorer and its models may look at %d names",
                     (int)FHOST_JUDGE_NAMES);
  j->names[j->name_count] = *name;
  return (int)j->name_count++;
}

/* NATIVE(integers), of which the name begins at `from`. */
static int parse_inside(struct compiler *c, struct fhost_scan *s, size_t from,
                        uint8_t *index) {
  const char *close = strchr(s->text + s->at, ')');
  struct fhost_judging *j = c->j;
  struct fhost_call *call = &j->inside[j->inside_count];
  char text[128];
  size_t n;
  if (close == NULL) return fhost_scan_fail(s, "\")\"", c->err);
  n = (size_t)(close + 1 - (s->text + from));
  if (j->inside_count == FHOST_JUDGE_CALLS || n >= sizeof text)
    return fisa_fail(c->err, "at most %d short calls may stand inside",
                     (int)FHOST_JUDGE_CALLS);
  memcpy(text, s->text + from, n);
  text[n] = '\0';
  if (fhost_call_compile(text, c->natives, FHOST_CALL_INPUT, call, c->err))
    return -1;
  for (uint32_t i = 0; i < call->argc; i++)
    if (call->arg[i].word != FHOST_WORD_INT)
      return fisa_fail(c->err, "\"%s\" stands inside, and may be given "
                               "integers only", text);
  s->at = (size_t)(close + 1 - s->text);
  *index = (uint8_t)j->inside_count++;
  return 0;
}

static int parse_name(struct compiler *c, struct fhost_scan *s,
                      const struct fhost_word *w, uint8_t *index) {
  struct fhost_followed name = {0};
  int64_t first;
  int at;
  if (find_name(c, w, &name) != 0) return -1;
  if (fhost_scan_take(s, ":")) {
    struct fhost_scan before = *s;
    if (!fhost_scan_int(s, &first) || first < INT32_MIN || first > INT32_MAX)
      return fhost_scan_fail(&before, "a number that fits an i32", c->err);
    name.has_first = true;
    name.first = (int32_t)first;
  }
  at = follow(c, &name);
  if (at < 0) return -1;
  *index = (uint8_t)at;
  return 0;
}

static int parse_arg(struct compiler *c, struct fhost_scan *s,
                     struct fhost_judge_call *out) {
  struct fhost_scan before = *s;
  struct fhost_word w;
  unsigned i = out->argc;
  size_t from;
  if (i == fhost_native_signature(out->native)->argc)
    return fisa_fail(c->err, "too many arguments in \"%.80s\": the native "
                             "takes %u", s->text, i);
  out->argc++;
  out->arg[i].word = FHOST_JUDGE_INT;
  if (fhost_scan_int(s, &out->arg[i].value)) return 0;
  out->arg[i].word = FHOST_JUDGE_NOW;
  if (!fhost_scan_word(s, &w))
    return fhost_scan_fail(&before, "an integer, a source or a channel",
                           c->err);
  if (fhost_word_is(&w, "before")) {
    out->arg[i].word = FHOST_JUDGE_BEFORE;
    if (!fhost_scan_word(s, &w))
      return fhost_scan_fail(s, "a source or a channel", c->err);
  } else {
    from = s->at - w.length;
    before = *s;
    if (fhost_scan_take(&before, "(")) {
      out->arg[i].word = FHOST_JUDGE_INSIDE;
      return parse_inside(c, s, from, &out->arg[i].index);
    }
  }
  return parse_name(c, s, &w, &out->arg[i].index);
}

static int parse_call(struct compiler *c, const char *text,
                      struct fhost_judge_call *out) {
  struct fhost_scan s = {text, 0};
  struct fhost_word w;
  char name[64];
  if (!fhost_scan_word(&s, &w) || !fhost_word_copy(&w, name, sizeof name))
    return fhost_scan_fail(&s, "a native's name", c->err);
  out->native = fhost_natives_find(c->natives, name);
  if (out->native == NULL)
    return fisa_fail(c->err, "unknown native \"%s\"", name);
  if (fhost_native_signature(out->native)->result == 'v')
    return fisa_fail(c->err, "\"%.80s\" gives no value: the native is void",
                     text);
  if (!fhost_scan_take(&s, "(")) return fhost_scan_fail(&s, "\"(\"", c->err);
  if (!fhost_scan_take(&s, ")")) {
    do {
      if (parse_arg(c, &s, out) != 0) return -1;
    } while (fhost_scan_take(&s, ","));
    if (!fhost_scan_take(&s, ")"))
      return fhost_scan_fail(&s, "\",\" or \")\"", c->err);
  }
  if (!fhost_scan_end(&s)) return fhost_scan_fail(&s, "the end", c->err);
  if (out->argc == fhost_native_signature(out->native)->argc) return 0;
  return fisa_fail(c->err, "too few arguments in \"%.80s\": the native takes "
                           "%u", text,
                   fhost_native_signature(out->native)->argc);
}

int fhost_judge_form(const char *text, const struct fhost_natives *natives,
                     struct fisa_error *err) {
  struct fhost_judging j = {0};
  struct compiler c = {NULL, natives, &j, err};
  struct fhost_judge_call call = {0};
  assert(text != NULL && natives != NULL);
  return text[0] == '\0' ? 0 : parse_call(&c, text, &call);
}

static int make_model(struct compiler *c,
                      const struct fhost_binding_config *b) {
  struct fhost_judging *j = c->j;
  struct fhost_followed name = {.has_first = b->has_arg, .first = b->arg};
  int i = index_of(c->d->sources, c->d->source_count, b->name), at;
  if (i < 0) return 0; /* whoever binds it says so */
  if (j->model_count == FHOST_JUDGE_CALLS)
    return fisa_fail(c->err, "at most %d sources may have models",
                     (int)FHOST_JUDGE_CALLS);
  name.name = (uint16_t)i;
  at = follow(c, &name);
  if (at < 0) return -1;
  j->models[j->model_count].source = name;
  j->models[j->model_count].index = (uint32_t)at;
  return parse_call(c, b->model, &j->models[j->model_count++].call);
}

int fhost_judging_make(const struct fhost_agent_config *config,
                       const struct fisa_dialect *d,
                       const struct fhost_natives *natives,
                       struct fhost_judging *out, struct fisa_error *err) {
  struct compiler c = {d, natives, out, err};
  assert(config != NULL && d != NULL);
  memset(out, 0, sizeof *out);
  if (config->scorer[0] != '\0' &&
      parse_call(&c, config->scorer, &out->scorer) != 0)
    return -1;
  for (uint32_t i = 0; i < config->source_count; i++)
    if (config->sources[i].model[0] != '\0' &&
        make_model(&c, &config->sources[i]) != 0)
      return -1;
  return 0;
}

/* ---- courses ------------------------------------------------------------ */

struct flux_course {
  const struct fhost_judging *j;
  double now[FHOST_JUDGE_NAMES], before[FHOST_JUDGE_NAMES];
  double inside[FHOST_JUDGE_CALLS];
};

static double number(const flux_value *v) {
  return v->type == 'f' || v->type == 'd' ? v->as.d : (double)v->as.i;
}

static void course_begin(flux_course *c) {
  memset(c->now, 0, sizeof c->now);
  memset(c->before, 0, sizeof c->before);
}

static bool is_meant(const struct fhost_followed *f, bool out, uint16_t name,
                     const int32_t *arg, uint32_t argc) {
  return f->out == out && f->name == name &&
         (!f->has_first || (argc > 0 && arg[0] == f->first));
}

static void course_event(flux_course *c, const flux_event *e) {
  int32_t value = e->out && e->argc > 0 && e->argc <= FLUX_MAX_ARGS
                      ? e->arg[e->argc - 1]
                      : e->value;
  for (uint32_t i = 0; i < c->j->name_count; i++)
    if (is_meant(&c->j->names[i], e->out != 0, e->name, e->arg, e->argc))
      c->now[i] = value;
}

/* Calls a native with what the course knows; a number that is finite, or
 * FLUX_E_INVALID. */
static flux_status course_call(const flux_course *c,
                               const struct fhost_judge_call *call,
                               double *out) {
  flux_value args[FHOST_MAX_NATIVE_ARGS] = {0}, result = {.type = 'd'};
  for (uint32_t i = 0; i < call->argc; i++) {
    uint8_t at = call->arg[i].index;
    args[i].type = 'd';
    switch (call->arg[i].word) {
      case FHOST_JUDGE_INT: args[i].as.d = (double)call->arg[i].value; break;
      case FHOST_JUDGE_NOW: args[i].as.d = c->now[at]; break;
      case FHOST_JUDGE_BEFORE: args[i].as.d = c->before[at]; break;
      default: args[i].as.d = c->inside[at]; break;
    }
  }
  if (fhost_native_call(call->native, args, call->argc, &result) != FLUX_OK)
    return FLUX_E_INVALID;
  *out = number(&result);
  return isfinite(*out) ? FLUX_OK : FLUX_E_INVALID;
}

/* Calls that are on their way, of all courses. */
static atomic_uint away;

bool fhost_judge_is_away(void) { return atomic_load(&away) > 0; }

static flux_status course_value(flux_course *c, uint16_t source,
                                const int32_t *arg, uint32_t argc,
                                int32_t *value) {
  flux_status rc = FLUX_E_NOT_FOUND;
  double v, whole;
  uint32_t i = 0;
  while (i < c->j->model_count &&
         !is_meant(&c->j->models[i].source, false, source, arg, argc))
    i++;
  if (i == c->j->model_count) return rc;
  atomic_fetch_add(&away, 1);
  rc = course_call(c, &c->j->models[i].call, &v);
  if (rc == FLUX_OK) {
    whole = floor(v + 0.5);
    *value = whole >= INT32_MAX   ? INT32_MAX
             : whole <= INT32_MIN ? INT32_MIN
                                  : (int32_t)whole;
    for (uint32_t k = 0; k < c->j->name_count; k++)
      if (is_meant(&c->j->names[k], false, source, arg, argc))
        c->now[k] = *value;
    /* The model goes on from what it said, not from what could be read. */
    c->now[c->j->models[i].index] = v;
  }
  atomic_fetch_sub(&away, 1);
  return rc;
}

static flux_status course_end(flux_course *c, double *score) {
  flux_status rc = FLUX_OK;
  double s = 0;
  if (c->j->scorer.native != NULL) {
    atomic_fetch_add(&away, 1);
    rc = course_call(c, &c->j->scorer, &s);
    atomic_fetch_sub(&away, 1);
    if (rc == FLUX_OK) *score = s < 0 ? 0 : s > 1 ? 1 : s;
  }
  memcpy(c->before, c->now, sizeof c->before);
  return rc;
}

static void course_close(flux_course *c) { free(c); }

uint32_t fhost_judging_offers(const struct fhost_judging *j) {
  return (j->scorer.native != NULL ? FLUX_JUDGE_SCORES : 0u) |
         (j->model_count > 0 ? FLUX_JUDGE_MODELS : 0u);
}

flux_course *fhost_course_new(const struct fhost_judging *j) {
  flux_course *c = calloc(1, sizeof *c);
  const struct fhost_call_env env = {0};
  assert(j != NULL);
  if (c == NULL) return NULL;
  c->j = j;
  for (uint32_t i = 0; i < j->inside_count; i++)
    c->inside[i] = fhost_call_run(&j->inside[i], &env);
  return c;
}

const flux_judge fhost_judge_courses = {
    .struct_size = sizeof fhost_judge_courses,
    .begin = course_begin,
    .event = course_event,
    .value = course_value,
    .end = course_end,
    .close = course_close,
};
