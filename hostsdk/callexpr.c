/*
 * hostsdk/callexpr.c - the calls of a config, compiled and run.
 */
#include "hostsdk/callexpr.h"

#include <assert.h>
#include <string.h>

#include "hostsdk/config.h"
#include "hostsdk/scan.h"

/* The native with the name nearest to a misspelt one, or NULL if none is
 * near enough to be meant. */
static const char *nearest(const struct fhost_natives *t, const char *name) {
  const char *best = NULL, *candidate;
  unsigned least = 3;

  for (uint32_t i = 0; (candidate = fhost_natives_name(t, i)); i++) {
    unsigned n = fhost_edit_distance(name, candidate);
    if (n < least) {
      least = n;
      best = candidate;
    }
  }
  return best;
}

static int find_native(const struct fhost_natives *t,
                       const struct fhost_word *w, struct fhost_call *out,
                       struct fisa_error *err) {
  char name[64];
  const char *near;

  if (!fhost_word_copy(w, name, sizeof name))
    return fisa_fail(err, "no native has so long a name");
  out->native = fhost_natives_find(t, name);
  if (out->native)
    return 0;
  near = nearest(t, name);
  if (near)
    return fisa_fail(err, "unknown native \"%s\"; did you mean \"%s\"?", name,
                     near);
  return fisa_fail(err, "unknown native \"%s\"", name);
}

/* A word allowed in a place; returns false if it is none. */
static bool word_arg(const struct fhost_word *w, enum fhost_call_place place,
                     uint8_t *word, int64_t *value) {
  *value = 0;
  if (fhost_word_is(w, "task")) {
    *word = FHOST_WORD_TASK;
    return true;
  }
  if (place == FHOST_CALL_INPUT) {
    *word = FHOST_WORD_INDEX;
    return fhost_word_is(w, "index");
  }
  *word = FHOST_WORD_ARG;
  for (; *value < (int64_t)FLUX_MAX_ARGS; ++*value) {
    char name[8] = "arg0";
    name[3] = (char)('0' + *value);
    if (fhost_word_is(w, name))
      return true;
  }
  return false;
}

static int parse_arg(struct fhost_scan *s, enum fhost_call_place place,
                     struct fhost_call *out, struct fisa_error *err) {
  struct fhost_scan before = *s;
  struct fhost_word w;
  unsigned i = out->argc;
  char type;

  assert(out->native);
  if (i == fhost_native_signature(out->native)->argc)
    return fisa_fail(err, "too many arguments in \"%.80s\": the native "
                     "takes %u", s->text, i);
  type = fhost_native_signature(out->native)->arg[i];
  if (fhost_scan_int(s, &out->arg[i].value)) {
    out->arg[i].word = FHOST_WORD_INT;
    if (type == 'i' && (out->arg[i].value > INT32_MAX ||
                        out->arg[i].value < INT32_MIN))
      return fhost_scan_fail(&before, "a number that fits an i32", err);
  } else if (!fhost_scan_word(s, &w) ||
             !word_arg(&w, place, &out->arg[i].word, &out->arg[i].value)) {
    return fhost_scan_fail(&before, place == FHOST_CALL_INPUT
                           ? "an integer, task or index"
                           : "an integer, task or arg0..arg2", err);
  }
  out->argc++;
  return 0;
}

static int parse_args(struct fhost_scan *s, enum fhost_call_place place,
                      struct fhost_call *out, struct fisa_error *err) {
  unsigned want = fhost_native_signature(out->native)->argc;

  if (!fhost_scan_take(s, "("))
    return fhost_scan_fail(s, "\"(\"", err);
  if (!fhost_scan_take(s, ")")) {
    do {
      if (parse_arg(s, place, out, err) != 0)
        return -1;
    } while (fhost_scan_take(s, ","));
    if (!fhost_scan_take(s, ")"))
      return fhost_scan_fail(s, "\",\" or \")\"", err);
  }
  if (!fhost_scan_end(s))
    return fhost_scan_fail(s, "the end", err);
  if (out->argc != want)
    return fisa_fail(err, "too few arguments in \"%.80s\": the native takes "
                     "%u", s->text, want);
  return 0;
}

int fhost_call_compile(const char *text, const struct fhost_natives *natives,
                       enum fhost_call_place place, struct fhost_call *out,
                       struct fisa_error *err) {
  struct fhost_call call = {0};
  struct fhost_scan s = {text, 0};
  struct fhost_word w;

  assert(text && natives && out);
  if (!fhost_scan_word(&s, &w))
    return fhost_scan_fail(&s, "a native's name", err);
  if (find_native(natives, &w, &call, err) != 0 ||
      parse_args(&s, place, &call, err) != 0)
    return -1;
  if (place != FHOST_CALL_CHANNEL &&
      fhost_native_signature(call.native)->result == 'v')
    return fisa_fail(err, "\"%.80s\" gives no value: the native is void",
                     text);
  *out = call;
  return 0;
}

static int64_t word_value(const struct fhost_call *call, uint32_t i,
                          const struct fhost_call_env *env) {
  int64_t value = call->arg[i].value;

  switch (call->arg[i].word) {
  case FHOST_WORD_TASK:
    return (int64_t)(env->task & INT64_MAX);
  case FHOST_WORD_INDEX:
    return env->index;
  case FHOST_WORD_ARG:
    return (uint64_t)value < env->argc ? env->arg[value] : 0;
  default:
    return value;
  }
}

int32_t fhost_call_run(const struct fhost_call *call,
                       const struct fhost_call_env *env) {
  flux_value args[FHOST_MAX_NATIVE_ARGS] = {0}, result = {.type = 'i'};
  flux_status status;

  assert(call->argc <= FHOST_MAX_NATIVE_ARGS);
  for (uint32_t i = 0; i < call->argc; i++) {
    args[i].type = 'I';
    args[i].as.i = word_value(call, i, env);
  }
  status = fhost_native_call(call->native, args, call->argc, &result);
  assert(status == FLUX_OK);
  (void)status;
  return fhost_value_i32(&result);
}
