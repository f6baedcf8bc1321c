/*
 * test_adapt_check.c - every sentence about an adapter: what is wrong with
 * it, and what it leaves out.
 */
#include "hostsdk/adapt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/toy_vm.h"
#include "tests/unit.h"

enum { FIELDS = 24, HOOKS = 12, SENTENCES = 16 };

/* ---- what is said ------------------------------------------------------- */

struct said {
  unsigned count, wrong;
  char text[SENTENCES][256];
  bool is_wrong[SENTENCES];
};

static void say(bool wrong, const char *text, void *user) {
  struct said *s = user;

  s->wrong += wrong;
  if (s->count == SENTENCES)
    return;
  snprintf(s->text[s->count], sizeof s->text[0], "%s", text);
  s->is_wrong[s->count++] = wrong;
}

static bool heard(const struct said *s, bool wrong, const char *text) {
  for (unsigned i = 0; i < s->count; i++)
    if (s->is_wrong[i] == wrong && strcmp(s->text[i], text) == 0)
      return true;
  return false;
}

static void list(const struct said *s) {
  for (unsigned i = 0; i < s->count; i++)
    printf("  %s: %s\n", s->is_wrong[i] ? "wrong" : "missing", s->text[i]);
}

/* ---- an adapter that can be spoilt -------------------------------------- */

struct spoilt {
  struct fhost_adapter a;
  struct fhost_vm_field f[FIELDS];
  struct fhost_vm_hook h[HOOKS];
  struct fhost_vm_code c[4];
};

static void sound(struct spoilt *s, const struct fhost_adapter *a) {
  memset(s, 0, sizeof *s);
  s->a = *a;
  memcpy(s->f, a->fields, a->field_count * sizeof *s->f);
  memcpy(s->h, a->hooks, a->hook_count * sizeof *s->h);
  s->a.fields = s->f;
  s->a.hooks = s->h;
  s->a.codes = s->c;
}

static struct fhost_vm_field *field(struct spoilt *s, const char *name) {
  for (uint32_t i = 0; i < s->a.field_count; i++)
    if (strcmp(s->f[i].name, name) == 0)
      return &s->f[i];
  abort();
}

static struct fhost_vm_field *add(struct spoilt *s, const char *like) {
  s->f[s->a.field_count] = *field(s, like);
  return &s->f[s->a.field_count++];
}

static void take_out(struct spoilt *s, const char *name) {
  struct fhost_vm_field *f = field(s, name);

  *f = s->f[--s->a.field_count];
}

static void *anywhere(void *vm) {
  return vm;
}

static void handle(struct fhost_io *io, const flux_value *args,
                   uint32_t count, flux_value *result) {
  (void)io, (void)args, (void)count, (void)result;
}

static void connect(void *vm, struct fhost_io *io) {
  (void)vm, (void)io;
}

static void *create(void) {
  return NULL;
}

/* ---- what can be wrong -------------------------------------------------- */

#define SPOIL(name_) static void name_(struct spoilt *s)

SPOIL(other_dialect) { s->a.dialect = "other"; }
SPOIL(no_object) { s->a.size = 0; }
SPOIL(two_objects) { s->a.create = create; }
SPOIL(no_step) { s->a.step = NULL; }
SPOIL(step_and_run) { s->a.run = toy_run_adapter.run; }
SPOIL(no_pc) { s->a.pc.type = FHOST_NOT_THERE; }
SPOIL(float_pc) { s->a.pc.type = FHOST_F32; }
SPOIL(bytes_cycles) { s->a.cycles.type = FHOST_BYTES; }
SPOIL(float_halted) { s->a.halted.type = FHOST_F32; }
SPOIL(float_faulted) { s->a.faulted.type = FHOST_F32; }
SPOIL(float_fault) { s->a.fault.type = FHOST_F32; }
SPOIL(unknown_field) { add(s, "R")->name = "Q"; }
SPOIL(nameless_field) { add(s, "R")->name = NULL; }
SPOIL(field_twice) { add(s, "R"); }
SPOIL(field_twice_in_case) { add(s, "R")->name = "r"; }
SPOIL(no_type) { field(s, "R")->type = FHOST_NOT_THERE; }
SPOIL(no_such_type) { field(s, "R")->type = FHOST_BYTES + 1; }
SPOIL(short_count) { field(s, "R")->count = 8; }
SPOIL(bytes_count) { field(s, "R")->type = FHOST_BYTES; }
SPOIL(float_cells) { field(s, "R")->type = FHOST_F32; }
SPOIL(narrow_cells) { field(s, "R")->type = FHOST_I16; }
SPOIL(masked_file) { field(s, "R")->mask = 1; }
SPOIL(float_flag) { field(s, "Z")->type = FHOST_F32; }
SPOIL(bottom_of_file) { field(s, "R")->flags = FHOST_BOTTOM_UP; }
SPOIL(depth_of_file) { field(s, "Z")->flags = FHOST_DEPTH; }
SPOIL(two_places) {
  field(s, "SP")->where = anywhere;
}
SPOIL(pointer_and_where) {
  field(s, "R")->where = anywhere;
  field(s, "R")->flags = FHOST_POINTER;
}
SPOIL(memory_outside) { field(s, "mem")->address = 1; }
SPOIL(memory_of_nothing) { field(s, "mem")->count = 0; }
SPOIL(memory_far) { field(s, "mem")->address = 5000; }
SPOIL(memory_of_halves) { field(s, "mem")->type = FHOST_U16;
  field(s, "mem")->count = 512;
}
SPOIL(memory_overlaps) {
  add(s, "mem")->address = 1000;
  s->f[s->a.field_count - 1].count = 24;
}
SPOIL(many_pieces) {
  field(s, "mem")->count = 8;
  for (uint32_t i = 1; i <= 16; i++)
    add(s, "mem")->address = 8 * i;
}
SPOIL(code_twice) {
  s->c[0] = s->c[1] = (struct fhost_vm_code){7, FISA_RUN_HALT, 0};
  s->a.code_count = 2;
}
SPOIL(no_status) {
  s->c[0] = (struct fhost_vm_code){7, 9, 0};
  s->a.code_count = 1;
}
SPOIL(yield_status) {
  s->c[0] = (struct fhost_vm_code){7, FISA_RUN_YIELD, 0};
  s->a.code_count = 1;
}
SPOIL(fault_0) {
  s->c[0] = (struct fhost_vm_code){7, FISA_RUN_FAULT, 0};
  s->a.code_count = 1;
}
SPOIL(many_hooks) {
  for (int i = 3; i < 9; i++)
    s->h[i] = s->h[0];
  s->a.hook_count = 9;
}
SPOIL(no_types) { s->h[0].types = NULL; }
SPOIL(bad_types) { s->h[0].types = "(i31)->i32"; }
SPOIL(bad_kind) { s->h[0].kind = 2; }
SPOIL(no_source) { s->h[0].name = "EAR"; }
SPOIL(no_channel) { s->h[1].name = "SING"; }
SPOIL(many_arguments) { s->h[0].types = "(i32,i32,i32,i32)->i32"; }
SPOIL(no_result) { s->h[0].types = "(i32)->void"; }
SPOIL(row_of_a_runner) {
  s->a.step = NULL;
  s->a.run = toy_run_adapter.run;
  s->h[0].name = NULL;
}

static const struct {
  void (*spoil)(struct spoilt *s);
  const char *sentence;
} wrongs[] = {
  {other_dialect, "it is for dialect other, not toy"},
  {no_object, "it has neither a size nor a create function: there is no VM"},
  {two_objects, "it has both a size and a create function"},
  {no_step, "it has neither step nor run: the VM cannot be run"},
  {step_and_run, "it has both step and run: leave one out"},
  {no_pc, "it has no pc"},
  {float_pc, "pc is no integer"},
  {bytes_cycles, "cycles is no integer"},
  {float_halted, "halted is no integer"},
  {float_faulted, "faulted is no integer"},
  {float_fault, "fault is no integer"},
  {unknown_field, "field \"Q\" is not in the state list of dialect toy"},
  {nameless_field, "field \"\" is not in the state list of dialect toy"},
  {field_twice, "field \"R\" is there twice"},
  {field_twice_in_case, "field \"r\" is there twice"},
  {no_type, "field \"R\" has no type"},
  {no_such_type, "field \"R\" has no type"},
  {short_count,
   "field \"R\" has 8 elements, R in the state list has 32"},
  {bytes_count,
   "field \"R\" has 32 elements, R in the state list has 128"},
  {float_cells, "field \"R\" is a float; the state list has integers"},
  {narrow_cells,
   "field \"R\": elements of this type do not hold the cells of R"},
  {masked_file, "field \"R\" has a mask and is no flag in an integer"},
  {float_flag, "field \"Z\" is a float; the state list has integers"},
  {bottom_of_file, "field \"R\" is no stack: it has no bottom"},
  {depth_of_file, "field \"Z\" is no index of a stack: it has no depth"},
  {two_places,
   "field \"SP\" has both a function and an offset that tell where"},
  {pointer_and_where,
   "field \"R\" has both a function and an offset that tell where"},
  {memory_outside, "memory of 1024 elements at 1 does not lie in the 1024 "
                   "bytes there are"},
  {memory_of_nothing, "memory of 0 elements at 0 does not lie in the 1024 "
                      "bytes there are"},
  {memory_far, "memory of 1024 elements at 5000 does not lie in the 1024 "
               "bytes there are"},
  {memory_of_halves,
   "memory at 0 is neither bytes nor words of 32 bits"},
  {memory_overlaps, "memory at 0 and memory at 1000 overlap"},
  {many_pieces, "memory is in 17 pieces; 16 is the most"},
  {code_twice, "code 7 is there twice"},
  {no_status, "code 7: 9 is no status"},
  {yield_status, "code 7: 4 is no status"},
  {fault_0, "code 7: a fault has a number that is not 0"},
  {many_hooks, "it has 9 hooks; 8 is the most"},
  {no_types, "the types of a hook: there are none"},
  {bad_kind, "hook (i32)->i32 neither takes nor gives"},
  {no_source, "dialect toy has no source \"EAR\""},
  {no_channel, "dialect toy has no channel \"SING\""},
  {many_arguments, "hook (i32,i32,i32,i32)->i32 has more than 3 arguments"},
  {no_result, "hook (i32)->void takes a value and has no result"},
  {row_of_a_runner,
   "a hook names neither source nor channel, and without a step function "
   "nobody knows which row runs"},
};

static struct fisa_dialect *parse(const char *text) {
  struct fisa_dialect *d = NULL;
  struct fisa_error err = {""};

  if (fisa_dialect_parse(text, strlen(text), "t", &d, &err) != 0) {
    printf("%s\n", err.text);
    exit(1);
  }
  return d;
}

static void wrong_ones(void) {
  struct fisa_dialect *d = parse(toy_dialect_text);
  struct spoilt s;

  for (unsigned i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
    struct said said = {0};
    unsigned n;

    sound(&s, &toy_adapter);
    wrongs[i].spoil(&s);
    n = fhost_adapter_check(&s.a, d, say, &said);
    UNIT_EQ(n, said.wrong);
    if (!UNIT_TRUE(n > 0 && heard(&said, true, wrongs[i].sentence),
                   "not said: %s", wrongs[i].sentence))
      list(&said);
    /* One thing is wrong, and one sentence says so. */
    UNIT_TRUE(n == 1, "%u sentences beside: %s", n, wrongs[i].sentence);
    UNIT_EQ(fhost_adapter_check(&s.a, d, NULL, NULL), n);
  }
  fisa_dialect_free(d);
}

/* What libffi's side says of types is passed on. */
static void bad_signature(void) {
  struct fisa_dialect *d = parse(toy_dialect_text);
  struct said said = {0};
  struct spoilt s;

  sound(&s, &toy_adapter);
  bad_types(&s);
  UNIT_EQ(fhost_adapter_check(&s.a, d, say, &said), 1);
  UNIT_TRUE(strncmp(said.text[0], "the types of a hook: ", 21) == 0, "%s",
            said.text[0]);
  fisa_dialect_free(d);
}

/* ---- what can be missing ------------------------------------------------ */

SPOIL(nothing) { (void)s; }
SPOIL(no_build) { s->a.build_id = NULL; }
SPOIL(empty_build) { s->a.build_id = ""; }
SPOIL(no_cycles) { s->a.cycles.type = FHOST_NOT_THERE; }
SPOIL(no_registers) { take_out(s, "R"); }
SPOIL(no_memory) { take_out(s, "mem"); }
SPOIL(half_memory) { field(s, "mem")->count = 512; }
SPOIL(gap_in_memory) {
  struct fhost_vm_field *f = add(s, "mem");
  field(s, "mem")->count = 256;
  f->address = 512;
  f->count = 512;
}
SPOIL(no_outside) { s->a.hook_count = 0; }
SPOIL(no_values) {
  s->h[0] = s->h[1];
  s->a.hook_count = 2;
}
SPOIL(no_outputs) { s->a.hook_count = 1; }
SPOIL(runner) {
  s->a.step = NULL;
  s->a.run = toy_run_adapter.run;
}

static const char *const of_runners[] = {
  "without a step function a task ends at HALT and nowhere else",
  "without a step function no instruction is counted, so that all code is as "
  "hot",
  "without a step function lethal inputs are not kept from the VM",
  "without a step function a store of what was there before is not seen",
};

static const struct {
  void (*spoil)(struct spoilt *s);
  const char *sentence;
} gaps[] = {
  {no_build, "it has no build id: nobody can tell when the VM changes"},
  {empty_build, "it has no build id: nobody can tell when the VM changes"},
  {no_cycles, "it has no cycles: they are counted by the table"},
  {no_registers, "it does not show R: what rows do to it is not seen"},
  {no_memory,
   "it does not show memory from 0 on: what rows do to it is not seen"},
  {half_memory,
   "it does not show memory from 512 on: what rows do to it is not seen"},
  {gap_in_memory,
   "it does not show memory from 256 on: what rows do to it is not seen"},
  {no_outside, "it takes no values from outside"},
  {no_outside, "it gives no outputs to the outside"},
};

static void missing_parts(void) {
  struct fisa_dialect *d = parse(toy_dialect_text);
  struct spoilt s;

  for (unsigned i = 0; i < sizeof gaps / sizeof gaps[0]; i++) {
    struct said said = {0};

    sound(&s, &toy_adapter);
    gaps[i].spoil(&s);
    UNIT_EQ(fhost_adapter_check(&s.a, d, say, &said), 0);
    if (!UNIT_TRUE(heard(&said, false, gaps[i].sentence), "not said: %s",
                   gaps[i].sentence))
      list(&said);
  }
  fisa_dialect_free(d);
}

static void runners(void) {
  struct fisa_dialect *d = parse(toy_dialect_text);
  struct said said = {0};
  struct spoilt s;

  sound(&s, &toy_adapter);
  runner(&s);
  UNIT_EQ(fhost_adapter_check(&s.a, d, say, &said), 0);
  UNIT_EQ(said.count, 4);
  for (int i = 0; i < 4; i++)
    UNIT_TRUE(heard(&said, false, of_runners[i]), "not said: %s",
              of_runners[i]);
  fisa_dialect_free(d);
}

/* A handler may take and give, and a connected VM anything. */
static void whole_ones(void) {
  static void (*const good[])(struct spoilt *) = {nothing};
  struct fisa_dialect *d = parse(toy_dialect_text);
  struct said said = {0};
  struct spoilt s;

  for (unsigned i = 0; i < sizeof good / sizeof good[0]; i++) {
    sound(&s, &toy_adapter);
    good[i](&s);
    UNIT_EQ(fhost_adapter_check(&s.a, d, say, &said), 0);
    UNIT_EQ(said.count, 0);
  }
  sound(&s, &toy_adapter);
  no_values(&s);
  UNIT_EQ(fhost_adapter_check(&s.a, d, say, &said), 0);
  UNIT_TRUE(heard(&said, false, "it takes no values from outside"), "quiet");
  UNIT_EQ(said.count, 1);
  said.count = 0;
  s.h[1].handle = handle;
  UNIT_EQ(fhost_adapter_check(&s.a, d, say, &said), 0);
  UNIT_EQ(said.count, 0);
  sound(&s, &toy_adapter);
  no_outputs(&s);
  UNIT_EQ(fhost_adapter_check(&s.a, d, say, &said), 0);
  UNIT_TRUE(heard(&said, false, "it gives no outputs to the outside"),
            "quiet");
  said.count = 0;
  s.a.connect = connect;
  UNIT_EQ(fhost_adapter_check(&s.a, d, say, &said), 0);
  UNIT_EQ(said.count, 0);
  fisa_dialect_free(d);
}

/* A dialect without memory, stack and outside asks for less. */
static void small_dialect(void) {
  static const char text[] =
    "fluxisa 1\ndialect toy\nmem 0\nfile F f32 4\nfuel 9\nunknown 3\n"
    "truncated 1\nlethal 1010 past_code\n"
    "row 0 HALT len=1 flow=halt writes=HALT pure=no does=halt\n";
  struct fisa_dialect *d = parse(text);
  struct said said = {0};
  struct spoilt s;

  sound(&s, &toy_adapter);
  s.a.hook_count = 0;
  s.f[0] = (struct fhost_vm_field){.name = "F", .type = FHOST_F32,
                                   .count = 4};
  s.a.field_count = 1;
  UNIT_EQ(fhost_adapter_check(&s.a, d, say, &said), 0);
  UNIT_EQ(said.count, 0);
  s.f[0].type = FHOST_I32; /* its bits */
  UNIT_EQ(fhost_adapter_check(&s.a, d, say, &said), 0);
  s.f[0].type = FHOST_I64;
  UNIT_EQ(fhost_adapter_check(&s.a, d, say, &said), 1);
  UNIT_STR_EQ(said.text[0],
              "field \"F\": elements of this type do not hold the cells of "
              "F");
  said.count = 0;
  s.f[0] = (struct fhost_vm_field){.name = "mem", .type = FHOST_U8,
                                   .count = 4};
  UNIT_EQ(fhost_adapter_check(&s.a, d, say, &said), 1);
  UNIT_TRUE(heard(&said, true, "it has memory, and dialect toy has none"),
            "quiet");
  fisa_dialect_free(d);
}

/* A runner is stepped among halts, which have to be small. */
static void large_halts(void) {
  static const char text[] =
    "fluxisa 1\ndialect toy\nmem 0\nfile R i32 4\nfuel 9\nunknown 3\n"
    "truncated 1\nlethal 1010 past_code\n"
    "row 0 HALT len=2 ops=unused flow=halt writes=HALT pure=no does=halt\n";
  struct fisa_dialect *d = parse(text);
  struct fisa_program *p = NULL;
  struct fisa_error err = {""};
  struct said said = {0};
  const uint8_t code[2] = {0};
  struct fhost_vm vm;
  struct spoilt s;
  void *loaded;

  sound(&s, &toy_adapter);
  runner(&s);
  s.a.hook_count = 0;
  s.f[0].count = 4;
  s.a.field_count = 1;
  UNIT_EQ(fhost_adapter_check(&s.a, d, say, &said), 0);
  UNIT_TRUE(heard(&said, false, "without a step function, and a halt of one "
                  "byte in dialect toy, there are no single steps"), "quiet");
  UNIT_EQ(fhost_adapt(&s.a, &vm, NULL), 0);
  UNIT_EQ(fisa_program_from_bytes(d, code, sizeof code, &p, &err), 0);
  UNIT_TRUE(vm.load(&vm, p, FHOST_LOAD_STEP, &err) == NULL, "loaded");
  UNIT_STR_EQ(err.text, "without a step function, and a halt of one byte in "
              "dialect toy, there are no single steps");
  loaded = vm.load(&vm, p, 0, &err);
  UNIT_TRUE(loaded, "%s", err.text);
  vm.unload(loaded);
  fisa_program_free(p);
  fisa_dialect_free(d);
}

/* The VM that the layer makes says what is missing, too. */
static void note(const char *text, void *user) {
  say(false, text, user);
}

static void said_by_the_vm(void) {
  struct fisa_dialect *d = parse(toy_dialect_text);
  struct said said = {0};
  struct fhost_vm vm;
  struct spoilt s;

  sound(&s, &toy_adapter);
  no_registers(&s);
  no_build(&s);
  UNIT_EQ(fhost_adapt(&s.a, &vm, NULL), 0);
  vm.missing(&vm, d, note, &said);
  UNIT_EQ(said.count, 2);
  UNIT_TRUE(vm.flags & FHOST_VM_MAY_FORK, "may fork");
  s.a.no_fork = true;
  UNIT_EQ(fhost_adapt(&s.a, &vm, NULL), 0);
  UNIT_TRUE(!(vm.flags & FHOST_VM_MAY_FORK), "may not");
  UNIT_TRUE(fhost_vm_reference.missing == NULL, "the reference VM lacks");
  fisa_dialect_free(d);
}

static const struct unit_test tests[] = {
  {"wrong", "each", wrong_ones},
  {"wrong", "signature", bad_signature},
  {"missing", "each", missing_parts},
  {"missing", "runners", runners},
  {"missing", "nothing", whole_ones},
  {"missing", "small dialect", small_dialect},
  {"missing", "large halts", large_halts},
  {"missing", "said by the vm", said_by_the_vm},
};

UNIT_MAIN(tests)
