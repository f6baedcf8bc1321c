/*
 * test_services.c - what a plugin gets from a host: settings, log, clock,
 * natives, single steps, and live calls passed on.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hostsdk/services.h"
#include "isa/asm.h"
#include "tests/unit.h"

/* ---- extensions by name ------------------------------------------------- */

static const void *extension(const struct fhost_services *s, const char *id) {
  const flux_host *h = fhost_services_host(s);

  return h->extension(id, h->ctx);
}

static void *ctx(const struct fhost_services *s) {
  return fhost_services_host(s)->ctx;
}

static void none_without_support(void) {
  const struct fhost_services_options o = {.name = "h", .version = "2"};
  struct fhost_services *s = fhost_services_new(&o);
  const flux_host *h = fhost_services_host(s);

  UNIT_EQ(h->struct_size, sizeof *h);
  UNIT_EQ(h->abi_version, FLUX_ABI_VERSION);
  UNIT_STR_EQ(h->name, "h");
  UNIT_STR_EQ(h->version, "2");
  UNIT_STR_EQ(h->build_id, "none");
  UNIT_TRUE(extension(s, FLUX_EXT_NATIVE) == NULL, "natives");
  UNIT_TRUE(extension(s, FLUX_EXT_STEP) == NULL, "steps");
  UNIT_TRUE(extension(s, FLUX_EXT_LIVE) == NULL, "live");
  UNIT_TRUE(extension(s, FLUX_EXT_CONFIG) != NULL, "no config");
  UNIT_TRUE(extension(s, FLUX_EXT_LOG) != NULL, "no log");
  UNIT_TRUE(extension(s, FLUX_EXT_CLOCK) != NULL, "no clock");
  UNIT_TRUE(extension(s, "flux.config/2") == NULL, "a later revision");
  UNIT_TRUE(extension(s, NULL) == NULL, "nothing");
  fhost_services_free(s);
  fhost_services_free(NULL);
}

static void settings(void) {
  const flux_setting list[] = {
    {.struct_size = sizeof *list, .type = FLUX_SETTING_INT, .name = "a",
     .i = 1, .f = 1},
    {.struct_size = sizeof *list, .type = FLUX_SETTING_STRING, .name = "b",
     .s = "x"},
  };
  const struct fhost_services_options o = {
    .name = "h", .version = "2", .settings = list, .setting_count = 2,
  };
  struct fhost_services *s = fhost_services_new(&o);
  const flux_config *c = extension(s, FLUX_EXT_CONFIG);

  UNIT_EQ(c->struct_size, sizeof *c);
  UNIT_EQ(c->count, 2);
  UNIT_TRUE(c->at(0, ctx(s)) == &list[0], "first");
  UNIT_TRUE(c->at(1, ctx(s)) == &list[1], "second");
  UNIT_TRUE(c->at(2, ctx(s)) == NULL, "third");
  UNIT_TRUE(c->at(UINT32_MAX, ctx(s)) == NULL, "last");
  fhost_services_free(s);
}

static void clock_goes_on(void) {
  const struct fhost_services_options o = {.name = "h", .version = "2"};
  struct fhost_services *s = fhost_services_new(&o);
  const flux_clock *c = extension(s, FLUX_EXT_CLOCK);
  uint64_t before = c->now_ns(ctx(s)), after;

  usleep(2000);
  after = c->now_ns(ctx(s));
  UNIT_TRUE(after - before >= 1000000, "%llu ns",
            (unsigned long long)(after - before));
  fhost_services_free(s);
}

/* ---- log ---------------------------------------------------------------- */

struct sink {
  unsigned lines;
  uint32_t level;
  char last[2000];
};

static void take_line(uint32_t level, const char *text, void *user) {
  struct sink *sink = user;

  sink->lines++;
  sink->level = level;
  snprintf(sink->last, sizeof sink->last, "%s", text);
}

static struct fhost_services *logging(struct sink *sink, uint32_t level) {
  const struct fhost_services_options o = {
    .name = "h", .version = "2", .log = take_line, .log_user = sink,
    .log_level = level,
  };

  return fhost_services_new(&o);
}

static void log_levels(void) {
  struct sink sink = {0};
  struct fhost_services *s = logging(&sink, FLUX_LOG_EVENT);
  const flux_log *log = extension(s, FLUX_EXT_LOG);

  UNIT_EQ(log->level, FLUX_LOG_EVENT);
  log->line(FLUX_LOG_INFO, "not this", ctx(s));
  UNIT_EQ(sink.lines, 0);
  log->line(FLUX_LOG_EVENT, "accepted", ctx(s));
  UNIT_EQ(sink.lines, 1);
  UNIT_STR_EQ(sink.last, "accepted");
  log->line(FLUX_LOG_ERROR, "two\nlines\x1b[31m", ctx(s));
  UNIT_EQ(sink.level, FLUX_LOG_ERROR);
  UNIT_STR_EQ(sink.last, "two lines [31m");
  log->line(FLUX_LOG_ERROR, NULL, ctx(s));
  UNIT_EQ(sink.lines, 2);
  fhost_services_free(s);
}

static void long_line(void) {
  struct sink sink = {0};
  struct fhost_services *s = logging(&sink, FLUX_LOG_DEBUG);
  const flux_log *log = extension(s, FLUX_EXT_LOG);
  char text[5000];

  memset(text, 'x', sizeof text);
  text[sizeof text - 1] = '\0';
  log->line(FLUX_LOG_DEBUG, text, ctx(s));
  UNIT_EQ(strlen(sink.last), 1023);
  fhost_services_free(s);
}

static struct fhost_services *shared;

static void *chatter(void *arg) {
  const flux_log *log = extension(shared, FLUX_EXT_LOG);
  unsigned long n = unit_scale(2000);

  (void)arg;
  for (unsigned long i = 0; i < n; i++)
    log->line(FLUX_LOG_INFO, "line", ctx(shared));
  return NULL;
}

/* Lines come one at a time, whoever writes them. */
static void log_threads(void) {
  enum { THREADS = 4 };
  struct sink sink = {0};
  pthread_t threads[THREADS];

  shared = logging(&sink, FLUX_LOG_DEBUG);
  for (int i = 0; i < THREADS; i++)
    pthread_create(&threads[i], NULL, chatter, NULL);
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  UNIT_EQ(sink.lines, THREADS * unit_scale(2000));
  fhost_services_free(shared);
}

static void level_names(void) {
  static const char *const names[] = {"debug", "info", "event", "warning",
                                      "error"};

  for (int i = 0; i < 5; i++) {
    UNIT_STR_EQ(fhost_log_level_name((uint32_t)i), names[i]);
    UNIT_EQ(fhost_log_level_by_name(names[i]), i);
  }
  UNIT_EQ(fhost_log_level_by_name("loud"), -1);
  UNIT_STR_EQ(fhost_log_level_name(99), "error");
}

/* ---- natives ------------------------------------------------------------ */

static int32_t twice(int32_t v) {
  return 2 * v;
}

static void natives(void) {
  struct fhost_natives *t = fhost_natives_new(NULL);
  const struct fhost_services_options o = {
    .name = "h", .version = "2", .natives = t,
  };
  struct fhost_services *s;
  const flux_native *n;
  flux_value arg = {.type = 'i', .as.i = 21}, r = {0};
  struct fisa_error err;

  UNIT_EQ(fhost_natives_add_function(t, "twice", "twice(i32)->i32",
                                     (void (*)(void))twice, &err), 0);
  s = fhost_services_new(&o);
  n = extension(s, FLUX_EXT_NATIVE);
  if (UNIT_TRUE(n != NULL, "no natives")) {
    UNIT_EQ(n->call("twice", &arg, 1, &r, ctx(s)), FLUX_OK);
    UNIT_EQ(r.as.i, 42);
    UNIT_EQ(n->call("thrice", &arg, 1, &r, ctx(s)), FLUX_E_NOT_FOUND);
    UNIT_EQ(n->call("twice", &arg, 0, &r, ctx(s)), FLUX_E_INVALID);
    UNIT_EQ(n->call("twice", NULL, 1, &r, ctx(s)), FLUX_E_INVALID);
    UNIT_EQ(n->call(NULL, &arg, 1, &r, ctx(s)), FLUX_E_INVALID);
    UNIT_EQ(n->call("twice", &arg, 1, NULL, ctx(s)), FLUX_E_INVALID);
  }
  fhost_services_free(s);
  fhost_natives_free(t);
}

/* ---- single steps ------------------------------------------------------- */

/* A stepper over assembly text, and a state for it. */
struct bench {
  struct fhost_services *services;
  const flux_step *step;
  struct fisa_dialect *dialect;
  struct fisa_program *program;
  flux_stepper *stepper;
  flux_state state;
  uint16_t r;             /* cell of R0 */
};

static bool bench_open(struct bench *b, const char *text) {
  const struct fhost_services_options o = {
    .name = "h", .version = "2", .vm = &fhost_vm_reference,
  };
  struct fisa_error err = {""};

  memset(b, 0, sizeof *b);
  b->services = fhost_services_new(&o);
  b->step = extension(b->services, FLUX_EXT_STEP);
  if (!UNIT_TRUE(b->step != NULL, "no steps"))
    return false;
  UNIT_STR_EQ(fhost_services_host(b->services)->build_id,
              fhost_vm_reference.build_id);
  if (!UNIT_TRUE(fisa_dialect_builtin("unified", true, &b->dialect, &err)
                 == 0 &&
                 fisa_assemble(b->dialect, text, strlen(text), "t",
                               &b->program, &err) == 0, "%s", err.text))
    return false;
  if (!UNIT_EQ(b->step->open("unified", b->program->code, b->program->size,
                             &b->stepper, ctx(b->services)), FLUX_OK))
    return false;
  b->state = (flux_state){
    .struct_size = sizeof b->state, .cell_count = b->dialect->cell_count,
    .mem_size = b->dialect->mem_size,
    .cells = calloc(b->dialect->cell_count, sizeof(int32_t)),
    .mem = calloc(b->dialect->mem_size, 1),
  };
  b->state.cells[b->dialect->sp_cell] = 256;
  b->r = b->dialect->files[fisa_file_by_name(b->dialect, "R", 1)].first;
  return true;
}

static void bench_close(struct bench *b) {
  if (b->step)
    b->step->close(b->stepper);
  free(b->state.cells);
  free(b->state.mem);
  fisa_program_free(b->program);
  fisa_dialect_free(b->dialect);
  fhost_services_free(b->services);
}

static flux_status run(struct bench *b, uint64_t count,
                       const flux_step_io *io) {
  return b->step->run(b->stepper, &b->state, count, io);
}

static void one_by_one(void) {
  struct bench b;
  uint32_t before;

  if (!bench_open(&b, "MOVI R1, 5\nINC R1\nSTOREI R1, R0, 16\nHALT\n"))
    goto done;
  UNIT_EQ(run(&b, 1, NULL), FLUX_OK);
  UNIT_EQ(b.state.status, FLUX_RUN_FUEL);
  UNIT_EQ(b.state.cells[b.r + 1], 5);
  UNIT_EQ(b.state.cycles, 1);
  before = b.state.pc;
  UNIT_EQ(before, 3);
  UNIT_EQ(run(&b, 1, NULL), FLUX_OK);
  UNIT_EQ(b.state.cells[b.r + 1], 6);
  UNIT_EQ(run(&b, 1, NULL), FLUX_OK);
  UNIT_EQ(b.state.mem[16], 6);
  UNIT_EQ(b.state.mem[17], 0);
  UNIT_EQ(run(&b, 1, NULL), FLUX_OK);
  UNIT_EQ(b.state.status, FLUX_RUN_HALT);
  UNIT_EQ(b.state.cycles, 4);
done:
  bench_close(&b);
}

/* Whether steps work in a forked child is for the VM to say. */
static void may_fork(void) {
  struct fhost_vm vm = fhost_vm_reference;
  struct fhost_services_options o = {
    .name = "h", .version = "2", .vm = &vm,
  };

  for (unsigned i = 0; i < 2; i++) {
    struct fhost_services *s;
    const flux_step *step;

    vm.flags = i == 1 ? vm.flags | FHOST_VM_MAY_FORK
                      : vm.flags & ~(uint32_t)FHOST_VM_MAY_FORK;
    s = fhost_services_new(&o);
    step = extension(s, FLUX_EXT_STEP);
    UNIT_EQ(step->struct_size, sizeof *step);
    UNIT_EQ(step->flags, i == 1 ? FLUX_STEP_MAY_FORK : 0);
    fhost_services_free(s);
  }
  UNIT_TRUE(fhost_vm_reference.flags & FHOST_VM_MAY_FORK,
            "the reference VM may");
}

/* A VM of another dialect than the built-in ones brings it along. */
static void other_dialects(void) {
  struct fhost_vm vm = fhost_vm_reference;
  struct fhost_services_options o = {
    .name = "h", .version = "2", .vm = &vm,
  };
  static const uint8_t halt[] = {0};
  flux_stepper *stepper = NULL;
  struct fhost_services *s;
  const flux_step *step;

  vm.dialect = "strange";
  s = fhost_services_new(&o);
  step = extension(s, FLUX_EXT_STEP);
  UNIT_EQ(step->open("strange", halt, 1, &stepper, ctx(s)),
          FLUX_E_UNSUPPORTED);
  UNIT_EQ(step->open("unified", halt, 1, &stepper, ctx(s)),
          FLUX_E_UNSUPPORTED);
  UNIT_TRUE(stepper == NULL, "nothing to close");
  fhost_services_free(s);
}

static void no_memory_of_before(void) {
  struct bench b;

  if (!bench_open(&b, "LOADI R2, R0, 32\nSTOREI R1, R0, 32\nHALT\n"))
    goto done;
  b.state.cells[b.r + 1] = 77;
  UNIT_EQ(run(&b, 100, NULL), FLUX_OK);
  UNIT_EQ(b.state.status, FLUX_RUN_HALT);
  UNIT_EQ(b.state.mem[32], 77);
  memset(b.state.mem, 0, b.state.mem_size);
  b.state.pc = 0;
  b.state.cells[b.r + 1] = 1;
  UNIT_EQ(run(&b, 100, NULL), FLUX_OK);
  UNIT_EQ(b.state.cells[b.r + 2], 0);
  UNIT_EQ(b.state.mem[32], 1);
done:
  bench_close(&b);
}

static void stops(void) {
  struct bench b;

  if (!bench_open(&b, "MOVI R1, 5\nDIV R1, R1, R0\n"))
    goto done;
  UNIT_EQ(run(&b, 100, NULL), FLUX_OK);
  UNIT_EQ(b.state.status, FLUX_RUN_FAULT);
  UNIT_EQ(b.state.fault, 2);
  /* On from behind the fault: off the end. The old fault is gone. */
  UNIT_EQ(run(&b, 100, NULL), FLUX_OK);
  UNIT_EQ(b.state.status, FLUX_RUN_END);
  UNIT_EQ(b.state.fault, 0);
done:
  bench_close(&b);
}

static void yields(void) {
  struct bench b;

  if (!bench_open(&b, "YIELD 0\nMOVI R1, 5\nHALT\n"))
    goto done;
  UNIT_EQ(run(&b, 100, NULL), FLUX_OK);
  UNIT_EQ(b.state.status, FLUX_RUN_YIELD);
  UNIT_EQ(b.state.cells[b.r + 1], 0);
  UNIT_EQ(run(&b, 100, NULL), FLUX_OK);
  UNIT_EQ(b.state.status, FLUX_RUN_HALT);
  UNIT_EQ(b.state.cells[b.r + 1], 5);
done:
  bench_close(&b);
}

/* The outside of a stepped program. */
struct world {
  int32_t next;
  unsigned inputs, outputs, end_input, end_output;
  uint16_t channel;
  int32_t arg[FLUX_MAX_ARGS];
};

static int32_t world_input(uint16_t source, const int32_t *arg, uint32_t argc,
                           int32_t *value, void *user) {
  struct world *w = user;

  (void)source, (void)arg, (void)argc;
  *value = w->next++;
  return ++w->inputs == w->end_input;
}

static int32_t world_output(uint16_t channel, const int32_t *arg,
                            uint32_t argc, void *user) {
  struct world *w = user;

  w->channel = channel;
  for (uint32_t i = 0; i < argc; i++)
    w->arg[i] = arg[i];
  return ++w->outputs == w->end_output;
}

static flux_step_io world_io(struct world *w) {
  return (flux_step_io){.struct_size = sizeof(flux_step_io),
                        .input = world_input, .output = world_output,
                        .user = w};
}

static const char sense_loop[] =
  "again: SENSE R1\n SYS 4\n INC R2\n JMP again\n";

static void outside(void) {
  struct world w = {.next = 10};
  flux_step_io io = world_io(&w);
  struct bench b;

  if (!bench_open(&b, sense_loop))
    goto done;
  UNIT_EQ(run(&b, 8, &io), FLUX_OK);
  UNIT_EQ(b.state.status, FLUX_RUN_FUEL);
  UNIT_EQ(w.inputs, 2);
  UNIT_EQ(w.outputs, 2);
  UNIT_STR_EQ(b.dialect->channels[w.channel], "SYS");
  UNIT_EQ(w.arg[0], 4);
  UNIT_EQ(w.arg[1], 11);
  UNIT_EQ(b.state.cells[b.r + 1], 11);
  UNIT_EQ(b.state.cells[b.r + 2], 2);
done:
  bench_close(&b);
}

/* A callback that says no ends the step behind its own instruction. */
static void callbacks_end_steps(void) {
  struct world w = {.next = 10, .end_input = 3};
  flux_step_io io = world_io(&w);
  struct bench b;

  if (!bench_open(&b, sense_loop))
    goto done;
  UNIT_EQ(run(&b, 1000, &io), FLUX_OK);
  UNIT_EQ(b.state.status, FLUX_RUN_FUEL);
  UNIT_EQ(w.inputs, 3);
  UNIT_EQ(b.state.cycles, 9);
  UNIT_EQ(b.state.cells[b.r + 1], 12);
  w = (struct world){.end_output = 2};
  b.state.pc = 0;
  b.state.cells[b.r + 2] = 0;
  UNIT_EQ(run(&b, 1000, &io), FLUX_OK);
  UNIT_EQ(w.outputs, 2);
  UNIT_EQ(b.state.cells[b.r + 2], 1);
  /* A later run is not ended by it. */
  w = (struct world){0};
  UNIT_EQ(run(&b, 4, &io), FLUX_OK);
  UNIT_EQ(w.inputs, 1);
done:
  bench_close(&b);
}

/* With and without callbacks the same instructions mean the same. */
static void grain_does_not_matter(void) {
  static const char text[] =
    "MOVI R1, 20\nagain: ADD R2, R2, R1\n STOREI R2, R1, 0\n DEC R1\n"
    " JNE R1, again\n HALT\n";
  struct world w = {0};
  flux_step_io io = world_io(&w);
  struct bench a, b;
  bool opened = bench_open(&a, text);

  opened = bench_open(&b, text) && opened;
  if (opened) {
    UNIT_EQ(run(&a, 1000, NULL), FLUX_OK);
    UNIT_EQ(run(&b, 1000, &io), FLUX_OK);
    UNIT_EQ(a.state.status, FLUX_RUN_HALT);
    UNIT_EQ(b.state.status, FLUX_RUN_HALT);
    UNIT_EQ(a.state.cycles, b.state.cycles);
    UNIT_EQ(a.state.pc, b.state.pc);
    UNIT_MEM_EQ(a.state.cells, b.state.cells,
                a.state.cell_count * sizeof(int32_t));
    UNIT_MEM_EQ(a.state.mem, b.state.mem, a.state.mem_size);
  }
  bench_close(&a);
  bench_close(&b);
}

static void step_errors(void) {
  struct world w = {0};
  flux_step_io io = world_io(&w);
  const uint8_t code[1] = {0};
  flux_stepper *other = NULL;
  flux_state bad;
  struct bench b;
  void *c;

  if (!bench_open(&b, "HALT\n"))
    goto done;
  c = ctx(b.services);
  UNIT_EQ(b.step->open("cis", code, 1, &other, c), FLUX_E_UNSUPPORTED);
  UNIT_EQ(b.step->open("unified", code, 0, &other, c), FLUX_E_MALFORMED);
  UNIT_EQ(b.step->open("unified", NULL, 1, &other, c), FLUX_E_INVALID);
  UNIT_EQ(b.step->open(NULL, code, 1, &other, c), FLUX_E_INVALID);
  UNIT_TRUE(other == NULL, "written on failure");
  UNIT_EQ(run(&b, 0, NULL), FLUX_E_INVALID);
  bad = b.state;
  bad.cell_count--;
  UNIT_EQ(b.step->run(b.stepper, &bad, 1, NULL), FLUX_E_INVALID);
  bad = b.state;
  bad.mem_size /= 2;
  UNIT_EQ(b.step->run(b.stepper, &bad, 1, NULL), FLUX_E_INVALID);
  bad = b.state;
  bad.mem = NULL;
  UNIT_EQ(b.step->run(b.stepper, &bad, 1, NULL), FLUX_E_INVALID);
  bad = b.state;
  bad.struct_size = 8;
  UNIT_EQ(b.step->run(b.stepper, &bad, 1, NULL), FLUX_E_INVALID);
  io.struct_size = 8;
  UNIT_EQ(run(&b, 1, &io), FLUX_E_INVALID);
  b.step->close(NULL);
done:
  bench_close(&b);
}

/* ---- live, passed on ---------------------------------------------------- */

/* What the runtime was told last. */
static struct {
  char what;
  uint64_t agent, id;
  uint32_t n;
  void *ctx;
} told;

static flux_status tell(char what, uint64_t agent, uint64_t id, uint32_t n,
                        void *context) {
  told.what = what;
  told.agent = agent;
  told.id = id;
  told.n = n;
  told.ctx = context;
  return FLUX_E_STALE;
}

static flux_status rt_observe(uint64_t agent, uint32_t what, uint32_t period,
                              void *c) {
  return tell('o', agent, what, period, c);
}

static flux_status rt_counts(uint64_t agent, uint64_t *slots, uint8_t *heads,
                             uint32_t capacity, uint32_t *size,
                             uint64_t *version, void *c) {
  (void)slots, (void)heads, (void)size, (void)version;
  return tell('c', agent, 0, capacity, c);
}

static flux_status rt_offer(uint64_t agent, const flux_patch *patch,
                            void *c) {
  return tell('p', agent, patch->id, 0, c);
}

static flux_status rt_withdraw(uint64_t agent, uint64_t patch, void *c) {
  return tell('w', agent, patch, 0, c);
}

static flux_status rt_agree(uint64_t agent, uint64_t task, void *c) {
  return tell('g', agent, task, 0, c);
}

static flux_status rt_accept(uint64_t agent, uint64_t patch, void *c) {
  return tell('a', agent, patch, 0, c);
}

static flux_status rt_take_back(uint64_t agent, uint64_t patch, uint32_t how,
                                void *c) {
  return tell('t', agent, patch, how, c);
}

static void rt_explain(uint64_t agent, const char *text, void *c) {
  tell('e', agent, strlen(text), 0, c);
}

static void expect(char what, uint64_t id, uint32_t n, void *context) {
  UNIT_EQ(told.what, what);
  UNIT_EQ(told.agent, 42);
  UNIT_EQ(told.id, id);
  UNIT_EQ(told.n, n);
  UNIT_TRUE(told.ctx == context, "%c: the context is not the runtime", what);
}

static void live_calls(void) {
  static const flux_live table = {
    .struct_size = sizeof table, .observe = rt_observe, .counts = rt_counts,
    .offer = rt_offer, .withdraw = rt_withdraw, .agree = rt_agree,
    .accept = rt_accept, .take_back = rt_take_back, .explain = rt_explain,
  };
  int runtime;
  const struct fhost_services_options o = {
    .name = "h", .version = "2", .live = &table, .live_ctx = &runtime,
  };
  struct fhost_services *s = fhost_services_new(&o);
  const flux_live *live = extension(s, FLUX_EXT_LIVE);
  const flux_patch patch = {.struct_size = sizeof patch, .id = 9};

  UNIT_EQ(live->struct_size, sizeof *live);
  UNIT_EQ(live->observe(42, 3, 5, ctx(s)), FLUX_E_STALE);
  expect('o', 3, 5, &runtime);
  UNIT_EQ(live->counts(42, NULL, NULL, 7, NULL, NULL, ctx(s)), FLUX_E_STALE);
  expect('c', 0, 7, &runtime);
  UNIT_EQ(live->offer(42, &patch, ctx(s)), FLUX_E_STALE);
  expect('p', 9, 0, &runtime);
  UNIT_EQ(live->withdraw(42, 8, ctx(s)), FLUX_E_STALE);
  expect('w', 8, 0, &runtime);
  UNIT_EQ(live->agree(42, 6, ctx(s)), FLUX_E_STALE);
  expect('g', 6, 0, &runtime);
  UNIT_EQ(live->accept(42, 5, ctx(s)), FLUX_E_STALE);
  expect('a', 5, 0, &runtime);
  UNIT_EQ(live->take_back(42, 4, FLUX_RECOVER, ctx(s)), FLUX_E_STALE);
  expect('t', 4, FLUX_RECOVER, &runtime);
  live->explain(42, "why", ctx(s));
  expect('e', 3, 0, &runtime);
  fhost_services_free(s);
}

static const struct unit_test tests[] = {
  {"host", "none_without_support", none_without_support},
  {"host", "settings", settings},
  {"host", "clock", clock_goes_on},
  {"host", "natives", natives},
  {"log", "levels", log_levels},
  {"log", "long_line", long_line},
  {"log", "threads", log_threads},
  {"log", "names", level_names},
  {"step", "one_by_one", one_by_one},
  {"step", "may_fork", may_fork},
  {"step", "other_dialects", other_dialects},
  {"step", "no_memory_of_before", no_memory_of_before},
  {"step", "stops", stops},
  {"step", "yields", yields},
  {"step", "outside", outside},
  {"step", "callbacks_end", callbacks_end_steps},
  {"step", "grain", grain_does_not_matter},
  {"step", "errors", step_errors},
  {"live", "passed_on", live_calls},
};

UNIT_MAIN(tests)
