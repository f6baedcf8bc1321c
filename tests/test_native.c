/*
 * test_native.c - natives through libffi: signatures, calls, conversions,
 * closures, and the calls of a config.
 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hostsdk/callexpr.h"
#include "hostsdk/native.h"
#include "tests/unit.h"

#define PROBE "libprobe.so"

/* ---- signatures --------------------------------------------------------- */

static void good_signatures(void) {
  static const struct {
    const char *spec, *library, *symbol, *args;
    char result;
  } cases[] = {
    {"libroom.so:room_temp(i32)->i32", "libroom.so", "room_temp", "i", 'i'},
    {"/a/b.so:f()->void", "/a/b.so", "f", "", 'v'},
    {"b.so:f(void)->f64", "b.so", "f", "", 'd'},
    {"b.so:f(i32,i64,f32,f64)->i64", "b.so", "f", "iIfd", 'I'},
    {"b.so: f ( i32 , f32 ) -> f32 ", "b.so", "f", "if", 'f'},
    {"odd:name.so:f(i32)->i32", "odd:name.so", "f", "i", 'i'},
    {"b.so:_f9(i32,i32,i32,i32,i32,i32,i32,i32)->i32", "b.so", "_f9",
     "iiiiiiii", 'i'},
  };

  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct fhost_signature s;
    struct fisa_error err;

    if (!UNIT_TRUE(fhost_signature_parse(cases[i].spec, &s, &err) == 0,
                   "%s: %s", cases[i].spec, err.text))
      continue;
    UNIT_STR_EQ(s.library, cases[i].library);
    UNIT_STR_EQ(s.symbol, cases[i].symbol);
    UNIT_EQ(s.result, cases[i].result);
    UNIT_EQ(s.argc, strlen(cases[i].args));
    UNIT_MEM_EQ(s.arg, cases[i].args, strlen(cases[i].args));
  }
}

static void bad_signatures(void) {
  static const struct {
    const char *spec, *want;
  } cases[] = {
    {"", "expected \"LIBRARY:\" at position 1 of \"\""},
    {"f(i32)->i32", "expected \"LIBRARY:\" at position 1 of \"f(i32)->i32\""},
    {":f(i32)->i32", "expected \"LIBRARY:\" at position 1 of "
     "\":f(i32)->i32\""},
    {"l:(i32)->i32", "expected a function's name at position 3 of "
     "\"l:(i32)->i32\""},
    {"l:9f(i32)->i32", "expected a function's name at position 3 of "
     "\"l:9f(i32)->i32\""},
    {"l:f", "expected \"(\" at position 4 of \"l:f\""},
    {"l:f(int)->i32", "expected a type (i32, i64, f32, f64) at position 5 of "
     "\"l:f(int)->i32\""},
    {"l:f(i32;i32)->i32", "expected \",\" or \")\" at position 8 of "
     "\"l:f(i32;i32)->i32\""},
    {"l:f(i32,)->i32", "expected a type (i32, i64, f32, f64) at position 9 "
     "of \"l:f(i32,)->i32\""},
    {"l:f(i32,void)->i32", "expected a type (i32, i64, f32, f64) at position "
     "9 of \"l:f(i32,void)->i32\""},
    {"l:f(void,i32)->i32", "expected a type (i32, i64, f32, f64) at position "
     "5 of \"l:f(void,i32)->i32\""},
    {"l:f(i32)", "expected \"->\" at position 9 of \"l:f(i32)\""},
    {"l:f(i32)->", "expected a type (i32, i64, f32, f64, void) at position "
     "11 of \"l:f(i32)->\""},
    {"l:f(i32)->i32*", "expected the end at position 14 of "
     "\"l:f(i32)->i32*\""},
    {"l:f(i32,i32,i32,i32,i32,i32,i32,i32,i32)->i32", "more than 8 arguments "
     "in \"l:f(i32,i32,i32,i32,i32,i32,i32,i32,i32)->i32\""},
  };
  char spec[1024];
  struct fhost_signature s;
  struct fisa_error err;

  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    UNIT_TRUE(fhost_signature_parse(cases[i].spec, &s, &err) == -1,
              "accepted %s", cases[i].spec);
    UNIT_STR_EQ(err.text, cases[i].want);
  }
  memset(spec, 'l', 600);
  strcpy(spec + 600, ":f()->i32");
  UNIT_EQ(fhost_signature_parse(spec, &s, &err), -1);
  UNIT_STR_EQ(err.text, "the library's name is longer than 511 bytes");
  memset(spec + 2, 'f', 200);
  spec[1] = ':';
  strcpy(spec + 202, "()->i32");
  UNIT_EQ(fhost_signature_parse(spec, &s, &err), -1);
  UNIT_STR_EQ(err.text, "the function's name is longer than 127 bytes");
}

/* ---- calls -------------------------------------------------------------- */

/* A build under a generous umask is tightened: natives that others may write
 * are refused. */
static const char *probe_folder(void) {
  chmod(unit_built("tests/.libs"), 0755);
  chmod(unit_built("tests/.libs/" PROBE), 0755);
  return unit_built("tests/.libs");
}

/* A table of natives of the probe, open; NULL after a failed check. */
static struct fhost_natives *open_probe(void) {
  static const struct {
    const char *name, *spec;
  } natives[] = {
    {"add", PROBE ":probe_add(i32,i32)->i32"},
    {"add64", PROBE ":probe_add64(i64,i64)->i64"},
    {"half", PROBE ":probe_half(f32)->f32"},
    {"mix", PROBE ":probe_mix(i32,i64,f32,f64)->f64"},
    {"eight", PROBE
     ":probe_eight(i32,i32,i32,i32,i32,i32,i32,i32)->i32"},
    {"minus_one", PROBE ":probe_minus_one()->i32"},
    {"set", PROBE ":probe_set(i32)->void"},
    {"get", PROBE ":probe_get(void)->i32"},
  };
  struct fhost_natives *t = fhost_natives_new(probe_folder());
  struct fisa_error err = {""};
  int failed = 0;

  for (unsigned i = 0; i < sizeof natives / sizeof natives[0]; i++)
    failed |= fhost_natives_add(t, natives[i].name, natives[i].spec, &err);
  failed |= fhost_natives_open(t, &err);
  if (UNIT_TRUE(!failed, "%s", err.text))
    return t;
  fhost_natives_free(t);
  return NULL;
}

static flux_value vi(int64_t i) {
  return (flux_value){.type = 'I', .as.i = i};
}

static flux_value vd(double d) {
  return (flux_value){.type = 'd', .as.d = d};
}

static flux_value call(const struct fhost_natives *t, const char *name,
                       uint32_t count, const flux_value *args) {
  flux_value result = {0};
  const struct fhost_native *n = fhost_natives_find(t, name);

  if (UNIT_TRUE(n != NULL, "no native %s", name))
    UNIT_EQ(fhost_native_call(n, args, count, &result), FLUX_OK);
  return result;
}

static void calls(void) {
  struct fhost_natives *t = open_probe();
  flux_value a[8], r;

  if (!t)
    return;
  r = call(t, "add", 2, (flux_value[]){vi(40), vi(2)});
  UNIT_EQ(r.type, 'i');
  UNIT_EQ(r.as.i, 42);
  r = call(t, "minus_one", 0, NULL);
  UNIT_EQ(r.as.i, -1);
  r = call(t, "add64", 2, (flux_value[]){vi(INT64_C(1) << 40), vi(2)});
  UNIT_EQ(r.type, 'I');
  UNIT_EQ(r.as.i, (INT64_C(1) << 40) + 2);
  r = call(t, "half", 1, (flux_value[]){vd(5)});
  UNIT_EQ(r.type, 'f');
  UNIT_TRUE(r.as.d == 2.5, "%g", r.as.d);
  r = call(t, "mix", 4, (flux_value[]){vi(1), vi(2), vd(3), vd(4)});
  UNIT_EQ(r.type, 'd');
  UNIT_TRUE(r.as.d == 4321, "%g", r.as.d);
  for (int i = 0; i < 8; i++)
    a[i] = vi(i + 1);
  r = call(t, "eight", 8, a);
  UNIT_EQ(r.as.i, 12345678);
  r = call(t, "set", 1, (flux_value[]){vi(77)});
  UNIT_EQ(r.type, 'i');
  UNIT_EQ(r.as.i, 0);
  r = call(t, "get", 0, NULL);
  UNIT_EQ(r.as.i, 77);
  fhost_natives_free(t);
}

/* Out of range saturates, NaN is 0; never what C leaves undefined. */
static void conversions(void) {
  static const struct {
    double given;
    int64_t i32, i64;
  } cases[] = {
    {1.9, 1, 1}, {-1.9, -1, -1}, {3e9, INT32_MAX, 3000000000},
    {-3e9, INT32_MIN, -3000000000}, {1e300, INT32_MAX, INT64_MAX},
    {-1e300, INT32_MIN, INT64_MIN}, {INFINITY, INT32_MAX, INT64_MAX},
    {-INFINITY, INT32_MIN, INT64_MIN}, {0x1p63, INT32_MAX, INT64_MAX},
    {-0x1p63, INT32_MIN, INT64_MIN}, {-0.0, 0, 0},
  };
  struct fhost_natives *t = open_probe();
  flux_value v, r;

  if (!t)
    return;
  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    v = vd(cases[i].given);
    r = call(t, "add", 2, (flux_value[]){v, vi(0)});
    UNIT_TRUE(r.as.i == cases[i].i32, "%g: %lld", cases[i].given,
              (long long)r.as.i);
    r = call(t, "add64", 2, (flux_value[]){v, vi(0)});
    UNIT_TRUE(r.as.i == cases[i].i64, "%g: %lld", cases[i].given,
              (long long)r.as.i);
    UNIT_EQ(fhost_value_i32(&v), cases[i].i32);
  }
  v = vd(NAN);
  UNIT_EQ(call(t, "add64", 2, (flux_value[]){v, vi(3)}).as.i, 3);
  UNIT_EQ(fhost_value_i32(&v), 0);
  v = vi(INT64_MAX);
  UNIT_EQ(call(t, "add", 2, (flux_value[]){v, vi(0)}).as.i, INT32_MAX);
  UNIT_EQ(fhost_value_i32(&v), INT32_MAX);
  r = call(t, "half", 1, (flux_value[]){vd(1e300)});
  UNIT_TRUE(isinf(r.as.d), "%g", r.as.d);
  r = call(t, "half", 1, (flux_value[]){vi(7)});
  UNIT_TRUE(r.as.d == 3.5, "%g", r.as.d);
  fhost_natives_free(t);
}

static void call_errors(void) {
  struct fhost_natives *t = open_probe();
  flux_value args[3] = {vi(1), vi(2), vi(3)}, r;
  const struct fhost_native *n;

  if (!t)
    return;
  n = fhost_natives_find(t, "add");
  UNIT_EQ(fhost_native_call(n, args, 1, &r), FLUX_E_INVALID);
  UNIT_EQ(fhost_native_call(n, args, 3, &r), FLUX_E_INVALID);
  args[1].type = 'x';
  UNIT_EQ(fhost_native_call(n, args, 2, &r), FLUX_E_INVALID);
  UNIT_TRUE(fhost_natives_find(t, "sub") == NULL, "found");
  UNIT_STR_EQ(fhost_natives_name(t, 1), "add64");
  UNIT_TRUE(fhost_natives_name(t, 8) == NULL, "a ninth");
  UNIT_EQ(fhost_native_signature(n)->argc, 2);
  fhost_natives_free(t);
}

static void open_errors(void) {
  static const struct {
    const char *spec, *want;
  } cases[] = {
    {"nowhere.so:f()->i32", "native \"n\": \"nowhere.so\" not found in "},
    {"/no/where.so:f()->i32", "native \"n\": \"/no/where.so\" not found"},
    {PROBE ":missing()->i32", "native \"n\": \"" PROBE "\" has no function "
     "\"missing\""},
    {"../x.so:f()->i32", "native \"n\": \"../x.so\" leaves its folder"},
    {"text.so:f()->i32", "native \"n\": library cannot be loaded: "},
  };
  char path[4200];
  FILE *f;

  snprintf(path, sizeof path, "%s/text.so", unit_tmpdir());
  f = fopen(path, "w");
  if (f) {
    fputs("no library\n", f);
    fclose(f);
  }
  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const char *folder = strncmp(cases[i].spec, "text", 4) == 0
                             ? unit_tmpdir() : probe_folder();
    struct fhost_natives *t = fhost_natives_new(folder);
    struct fisa_error err = {""};
    const struct fhost_native *n;
    flux_value r;

    UNIT_EQ(fhost_natives_add(t, "n", cases[i].spec, &err), 0);
    n = fhost_natives_find(t, "n");
    UNIT_EQ(fhost_native_call(n, NULL, 0, &r), FLUX_E_UNSUPPORTED);
    UNIT_EQ(fhost_natives_open(t, &err), -1);
    UNIT_TRUE(strncmp(err.text, cases[i].want, strlen(cases[i].want)) == 0,
              "%s: %s", cases[i].spec, err.text);
    fhost_natives_free(t);
  }
}

static void table_limits(void) {
  struct fhost_natives *t = fhost_natives_new(NULL);
  struct fisa_error err;
  char name[16];

  for (unsigned i = 0; i < FHOST_MAX_NATIVES; i++) {
    snprintf(name, sizeof name, "n%u", i);
    UNIT_EQ(fhost_natives_add(t, name, "l.so:f()->i32", &err), 0);
  }
  UNIT_EQ(fhost_natives_add(t, "n0", "l.so:f()->i32", &err), -1);
  UNIT_STR_EQ(err.text, "native \"n0\" is there twice");
  UNIT_EQ(fhost_natives_add(t, "more", "l.so:f()->i32", &err), -1);
  UNIT_STR_EQ(err.text, "more than 256 natives");
  fhost_natives_free(t);
  fhost_natives_free(NULL);
}

/* ---- functions of this process ------------------------------------------ */

static int64_t seen_task;
static int32_t seen_pair[2];

static int32_t note(int64_t task, int32_t a, int32_t b) {
  seen_task = task;
  seen_pair[0] = a;
  seen_pair[1] = b;
  return a - b;
}

static double third(int32_t a) {
  return a / 3.0;
}

static void nothing(int32_t a) {
  seen_pair[0] = a;
}

static struct fhost_natives *own_functions(void) {
  struct fhost_natives *t = fhost_natives_new(NULL);
  struct fisa_error err = {""};
  int failed = 0;

  failed |= fhost_natives_add_function(t, "note", "note(i64,i32,i32)->i32",
                                       (void (*)(void))note, &err);
  failed |= fhost_natives_add_function(t, "third", "third(i32)->f64",
                                       (void (*)(void))third, &err);
  failed |= fhost_natives_add_function(t, "nothing", "nothing(i32)->void",
                                       (void (*)(void))nothing, &err);
  UNIT_TRUE(!failed, "%s", err.text);
  UNIT_EQ(fhost_natives_open(t, &err), 0);
  return t;
}

/* ---- calls of a config -------------------------------------------------- */

static void expressions(void) {
  struct fhost_natives *t = own_functions();
  const int32_t arg[3] = {10, 20, 30};
  struct fhost_call_env env = {
    .task = 1234567890123u, .index = 7, .arg = arg, .argc = 2,
  };
  struct fisa_error err = {""};
  struct fhost_call c;

  if (UNIT_EQ(fhost_call_compile("note(task, arg0, arg1)", t,
                                 FHOST_CALL_SOURCE, &c, &err), 0)) {
    UNIT_EQ(fhost_call_run(&c, &env), -10);
    UNIT_EQ(seen_task, 1234567890123);
    UNIT_EQ(seen_pair[0], 10);
    UNIT_EQ(seen_pair[1], 20);
  }
  /* An argument the source does not have is 0. */
  if (UNIT_EQ(fhost_call_compile(" note ( -5 , 0x10,arg2 ) ", t,
                                 FHOST_CALL_CHANNEL, &c, &err), 0)) {
    UNIT_EQ(fhost_call_run(&c, &env), 16);
    UNIT_EQ(seen_task, -5);
    UNIT_EQ(seen_pair[1], 0);
  }
  if (UNIT_EQ(fhost_call_compile("note(1, task, index)", t, FHOST_CALL_INPUT,
                                 &c, &err), 0)) {
    UNIT_EQ(fhost_call_run(&c, &env), INT32_MAX - 7);
    UNIT_EQ(seen_pair[0], INT32_MAX);
  }
  if (UNIT_EQ(fhost_call_compile("third(100)", t, FHOST_CALL_SOURCE, &c,
                                 &err), 0))
    UNIT_EQ(fhost_call_run(&c, &env), 33);
  if (UNIT_EQ(fhost_call_compile("nothing(arg1)", t, FHOST_CALL_CHANNEL, &c,
                                 &err), 0)) {
    UNIT_EQ(fhost_call_run(&c, &env), 0);
    UNIT_EQ(seen_pair[0], 20);
  }
  fhost_natives_free(t);
}

static void bad_expressions(void) {
  static const struct {
    const char *text;
    enum fhost_call_place place;
    const char *want;
  } cases[] = {
    {"", FHOST_CALL_SOURCE, "expected a native's name at position 1 of \"\""},
    {"1()", FHOST_CALL_SOURCE, "expected a native's name at position 1 of "
     "\"1()\""},
    {"nota(1,2,3)", FHOST_CALL_SOURCE, "unknown native \"nota\"; did you "
     "mean \"note\"?"},
    {"note", FHOST_CALL_SOURCE, "expected \"(\" at position 5 of \"note\""},
    {"note(", FHOST_CALL_SOURCE, "expected an integer, task or arg0..arg2 at "
     "position 6 of \"note(\""},
    {"note(1,2,3", FHOST_CALL_SOURCE, "expected \",\" or \")\" at position "
     "11 of \"note(1,2,3\""},
    {"note(1,2,3) x", FHOST_CALL_SOURCE, "expected the end at position 13 of "
     "\"note(1,2,3) x\""},
    {"note(1,2)", FHOST_CALL_SOURCE, "too few arguments in \"note(1,2)\": "
     "the native takes 3"},
    {"note()", FHOST_CALL_SOURCE, "too few arguments in \"note()\": the "
     "native takes 3"},
    {"note(1,2,3,4)", FHOST_CALL_SOURCE, "too many arguments in "
     "\"note(1,2,3,4)\": the native takes 3"},
    {"note(1,2,arg3)", FHOST_CALL_SOURCE, "expected an integer, task or "
     "arg0..arg2 at position 10 of \"note(1,2,arg3)\""},
    {"note(1,2,3000000000)", FHOST_CALL_SOURCE, "expected a number that fits "
     "an i32 at position 10 of \"note(1,2,3000000000)\""},
    {"note(99999999999999999999,2,3)", FHOST_CALL_SOURCE, "expected an "
     "integer, task or arg0..arg2 at position 6 of "
     "\"note(99999999999999999999,2,3)\""},
    {"note(0x,2,3)", FHOST_CALL_SOURCE, "expected an integer, task or "
     "arg0..arg2 at position 6 of \"note(0x,2,3)\""},
    {"nothing(1)", FHOST_CALL_INPUT, "\"nothing(1)\" gives no value: the "
     "native is void"},
  };
  struct fhost_natives *t = own_functions();

  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct fisa_error err = {""};
    struct fhost_call c;

    UNIT_TRUE(fhost_call_compile(cases[i].text, t, cases[i].place, &c, &err)
              == -1, "accepted %s", cases[i].text);
    UNIT_STR_EQ(err.text, cases[i].want);
  }
  fhost_natives_free(t);
}

/* ---- closures ----------------------------------------------------------- */

/* A VM whose callback has no user pointer: what closures are for. */
struct pointerless_vm {
  int32_t (*sense)(int32_t id);
  void (*act)(int32_t id, int32_t value);
};

static int32_t run_pointerless(const struct pointerless_vm *vm) {
  int32_t v = vm->sense(3) + vm->sense(4);

  vm->act(1, v);
  return v;
}

struct some_agent {
  int32_t offset, acted;
  uint32_t calls;
};

static void sense(const flux_value *args, uint32_t count, flux_value *result,
                  void *user) {
  struct some_agent *a = user;

  a->calls++;
  UNIT_EQ(count, 1);
  UNIT_EQ(args[0].type, 'i');
  result->as.i = args[0].as.i * 10 + a->offset;
}

static void act(const flux_value *args, uint32_t count, flux_value *result,
                void *user) {
  struct some_agent *a = user;

  (void)result;
  UNIT_EQ(count, 2);
  a->acted = (int32_t)args[1].as.i;
}

static void one_function_per_agent(void) {
  enum { AGENTS = 20 };
  struct some_agent agents[AGENTS] = {{0}};
  struct fhost_closure *senses[AGENTS], *acts[AGENTS];
  struct pointerless_vm vms[AGENTS];
  struct fisa_error err = {""};

  for (int i = 0; i < AGENTS; i++) {
    agents[i].offset = i;
    if (!UNIT_TRUE(fhost_closure_new("(i32)->i32", sense, &agents[i],
                                     &senses[i], &err) == 0 &&
                   fhost_closure_new("(i32,i32)->void", act, &agents[i],
                                     &acts[i], &err) == 0, "%s", err.text))
      return;
    vms[i].sense = (int32_t (*)(int32_t))fhost_closure_function(senses[i]);
    vms[i].act = (void (*)(int32_t, int32_t))fhost_closure_function(acts[i]);
  }
  for (int i = 0; i < AGENTS; i++)
    UNIT_EQ(run_pointerless(&vms[i]), 70 + 2 * i);
  for (int i = 0; i < AGENTS; i++) {
    UNIT_EQ(agents[i].acted, 70 + 2 * i);
    UNIT_EQ(agents[i].calls, 2);
    fhost_closure_free(senses[i]);
    fhost_closure_free(acts[i]);
  }
  fhost_closure_free(NULL);
}

static void sum(const flux_value *args, uint32_t count, flux_value *result,
                void *user) {
  double v = 0;

  (void)user;
  for (uint32_t i = 0; i < count; i++)
    v += args[i].type == 'f' || args[i].type == 'd' ? args[i].as.d
                                                    : (double)args[i].as.i;
  if (result->type == 'f' || result->type == 'd')
    result->as.d = v;
  else
    result->as.i = (int64_t)v;
}

static void broken(const flux_value *args, uint32_t count, flux_value *result,
                   void *user) {
  (void)args, (void)count, (void)user;
  result->type = 0;
}

static void closure_types(void) {
  struct fhost_closure *c;
  struct fisa_error err = {""};

  if (UNIT_EQ(fhost_closure_new("(i32,i64,f32,f64)->f64", sum, NULL, &c,
                                &err), 0)) {
    double (*f)(int32_t, int64_t, float, double) =
        (double (*)(int32_t, int64_t, float, double))
            fhost_closure_function(c);
    UNIT_TRUE(f(-1, INT64_C(1) << 33, 0.5f, 0.25) == 8589934591.75, "sum");
    fhost_closure_free(c);
  }
  if (UNIT_EQ(fhost_closure_new("(f32)->f32", sum, NULL, &c, &err), 0)) {
    float (*f)(float) = (float (*)(float))fhost_closure_function(c);
    UNIT_TRUE(f(0.5f) == 0.5f, "float");
    fhost_closure_free(c);
  }
  if (UNIT_EQ(fhost_closure_new("()->i64", sum, NULL, &c, &err), 0)) {
    int64_t (*f)(void) = (int64_t (*)(void))fhost_closure_function(c);
    UNIT_EQ(f(), 0);
    fhost_closure_free(c);
  }
  if (UNIT_EQ(fhost_closure_new("(i32)->i32", sum, NULL, &c, &err), 0)) {
    int32_t (*f)(int32_t) = (int32_t (*)(int32_t))fhost_closure_function(c);
    UNIT_EQ(f(INT32_MIN), INT32_MIN);
    UNIT_EQ(f(-1), -1);
    fhost_closure_free(c);
  }
  /* A handler that spoils the type gives 0. */
  if (UNIT_EQ(fhost_closure_new("(i32)->i32", broken, NULL, &c, &err), 0)) {
    int32_t (*f)(int32_t) = (int32_t (*)(int32_t))fhost_closure_function(c);
    UNIT_EQ(f(5), 0);
    fhost_closure_free(c);
  }
  UNIT_EQ(fhost_closure_new("(i32)", sum, NULL, &c, &err), -1);
  UNIT_STR_EQ(err.text, "expected \"->\" at position 6 of \"(i32)\"");
  UNIT_EQ(fhost_closure_new("f(i32)->i32", sum, NULL, &c, &err), -1);
}

static const struct unit_test tests[] = {
  {"signature", "good", good_signatures},
  {"signature", "bad", bad_signatures},
  {"native", "calls", calls},
  {"native", "conversions", conversions},
  {"native", "call_errors", call_errors},
  {"native", "open_errors", open_errors},
  {"native", "limits", table_limits},
  {"callexpr", "good", expressions},
  {"callexpr", "bad", bad_expressions},
  {"closure", "one_function_per_agent", one_function_per_agent},
  {"closure", "types", closure_types},
};

UNIT_MAIN(tests)
