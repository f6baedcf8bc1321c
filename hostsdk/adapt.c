/*
 * hostsdk/adapt.c - an adapted VM, as the runtime drives any VM.
 *
 * A VM with a step function is driven instruction by instruction: what the
 * table tells is looked at before the VM is called and after it. One without
 * runs a whole task by itself, or, where single steps are asked for, a copy
 * of the code in which everything else is a halt.
 */
#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "hostsdk/adapt_impl.h"
#include "hostsdk/runtime_internal.h"

enum {
  IMAGE_TAIL = 16,         /* halts behind the end of an image */
  SWEEP_MAX = 1 << 18      /* bytes of memory that are compared each run */
};

/* ---- what is known before ----------------------------------------------- */

static bool only_traps(const struct fisa_row *row) {
  return row->flow == FISA_FLOW_TRAP && row->step_count == 1 &&
         row->steps[0].op == FLUX_OP_TRAP &&
         row->steps[0].imm.kind == FISA_REF_CONST;
}

static void plan_one(struct fhost_adapted *c, uint32_t pc) {
  struct fhost_plan *p = &c->plan[pc];
  uint32_t cells[FISA_MAX_TEMPLATE];
  const struct fisa_row *row;

  p->decoded = (uint8_t)fisa_decode(c->d, c->code, c->size, pc, &p->in);
  if (p->decoded != FISA_DECODED)
    return;
  row = p->in.row;
  if (fisa_may_be_lethal(c->d, &p->in))
    p->what |= FHOST_PLAN_LETHAL;
  if (row->opaque)
    p->what |= FHOST_PLAN_SWEEP;
  else if (fisa_may_store(row))
    p->what |= FHOST_PLAN_STORE;
  if (row->roles & FISA_ROLE_YIELD && !(c->how & FHOST_LOAD_THROUGH))
    p->what |= FHOST_PLAN_YIELD;
  if (only_traps(row))
    p->what |= FHOST_PLAN_TRAP;
  if (fisa_float_results(c->d, &p->in, cells) > 0)
    p->what |= FHOST_PLAN_FLOATS;
}

const struct fisa_row *fhost_filler(const struct fisa_dialect *d) {
  for (unsigned i = 0; i < 256; i++)
    if (d->rows[i].defined && d->rows[i].flow == FISA_FLOW_HALT &&
        d->rows[i].length == 1 && d->rows[i].check == 1)
      return &d->rows[i];
  return NULL;
}

static int make_code(struct fhost_adapted *c, const struct fisa_program *p) {
  c->size = p->size;
  c->code = malloc(p->size);
  c->plan = calloc(p->size, sizeof *c->plan);
  c->heads = calloc(p->size / 8 + 1, 1);
  if (!c->code || !c->plan || !c->heads)
    return -1;
  memcpy(c->code, p->code, p->size);
  for (uint32_t pc = 0; pc < c->size; pc++)
    plan_one(c, pc);
  if (!(c->how & FHOST_LOAD_THROUGH))
    c->boundary = p->manifest.boundary;
  if (c->a->step) {
    memset(c->heads, 0xFF, p->size / 8 + 1);
    return 0;
  }
  c->filler = fhost_filler(c->d);
  c->image = malloc((size_t)c->size + IMAGE_TAIL);
  if (!c->image)
    return -1;
  if (c->filler)
    memset(c->image, c->filler->opcode, (size_t)c->size + IMAGE_TAIL);
  return 0;
}

/* ---- the VM object ------------------------------------------------------ */

static int make_vm(struct fhost_adapted *c) {
  const struct fhost_adapter *a = c->a;
  void *vm = a->create ? a->create() : calloc(1, a->size);

  if (!vm)
    return -1;
  if (a->init && a->init(vm) != 0) {
    if (!a->create)
      free(vm);
    return -1;
  }
  c->vm = vm;
  return 0;
}

static void vm_done(struct fhost_adapted *c) {
  if (!c->vm)
    return;
  if (c->a->destroy)
    c->a->destroy(c->vm);
  if (!c->a->create)
    free(c->vm);
}

static void unload(void *code) {
  struct fhost_adapted *c = code;

  if (!c)
    return;
  vm_done(c);
  fhost_io_done(c);
  free(c->code);
  free(c->plan);
  free(c->heads);
  free(c->image);
  free(c->file_of);
  free(c->held);
  free(c);
}

/* Keeps the first sentence that is no mere gap. */
static void keep_first(bool wrong, const char *text, void *user) {
  struct fisa_error *err = user;

  if (wrong && !err->text[0])
    fisa_fail(err, "%s", text);
}

int fhost_adapter_usable(const struct fhost_adapter *a,
                         const struct fisa_dialect *d,
                         struct fisa_error *err) {
  struct fisa_error why = {""};

  if (fhost_adapter_check(a, d, keep_first, &why) == 0)
    return 0;
  return fisa_fail(err, "%s", why.text);
}

static void *load(const struct fhost_vm *vm, const struct fisa_program *p,
                  uint32_t how, struct fisa_error *err) {
  struct fhost_adapted *c;

  if (fhost_adapter_usable(vm->context, p->dialect, err) != 0)
    return NULL;
  c = calloc(1, sizeof *c);
  if (!c)
    goto no_memory;
  c->a = vm->context;
  c->d = p->dialect;
  c->how = how;
  if (make_code(c, p) != 0 || fhost_places_make(c) != 0 || make_vm(c) != 0)
    goto no_memory;
  if (fhost_io_make(c, err) != 0)
    goto fail;
  if (how & FHOST_LOAD_STEP && !c->a->step && !c->filler) {
    fisa_fail(err, "without a step function, and a halt of one byte in "
              "dialect %s, there are no single steps", c->d->name);
    goto fail;
  }
  return c;
no_memory:
  fisa_fail(err, "out of memory");
fail:
  unload(c);
  return NULL;
}

static const uint8_t *heads(void *code) {
  const struct fhost_adapted *c = code;

  return c->heads;
}

/* ---- how it stopped ----------------------------------------------------- */

/* What the run came to; FHOST_RUNS: nothing yet. */
struct end {
  int32_t status, fault;
};

static const struct end runs_on = {FHOST_RUNS, 0};

static struct end meaning(const struct fhost_adapter *a, int32_t code) {
  for (uint32_t i = 0; i < a->code_count; i++)
    if (a->codes[i].code == code)
      return (struct end){a->codes[i].status, a->codes[i].fault};
  return (struct end){FISA_RUN_FAULT, code};
}

static struct end ended(const struct fhost_adapted *c, int32_t answer) {
  const struct fhost_adapter *a = c->a;
  bool halted = fhost_number_get(c->vm, &a->halted) != 0;
  int32_t code = answer;

  switch (answer) {
  case FHOST_HALTED:
    return (struct end){FISA_RUN_HALT,
                        (int32_t)fhost_number_get(c->vm, &a->fault)};
  case FHOST_RAN_OFF:
    return (struct end){FISA_RUN_END, 0};
  case FHOST_OUT_OF_BUDGET:
    return (struct end){FISA_RUN_FUEL, 0};
  case FHOST_GOES_ON:
    code = (int32_t)fhost_number_get(c->vm, &a->fault);
    break;
  default:
    return meaning(a, answer);
  }
  if (a->faulted.type) {
    if (fhost_number_get(c->vm, &a->faulted) != 0)
      return meaning(a, code);
  } else if (code != 0 && !halted) {
    return meaning(a, code);
  }
  return halted ? (struct end){FISA_RUN_HALT, code} : runs_on;
}

/* ---- one instruction ---------------------------------------------------- */

/* Cells that count instructions down do so where the VM is not asked. */
static void tick(struct fhost_adapted *c) {
  for (uint32_t f = 0; f < c->d->file_count; f++) {
    int32_t v;

    if (!c->d->files[f].tick)
      continue;
    v = fhost_cell_get(c, c->d->files[f].first);
    if (v > 0)
      fhost_cell_put(c, c->d->files[f].first, v - 1);
  }
}

static int32_t view_cell(uint32_t cell, void *user) {
  return fhost_cell_get(user, cell);
}

static uint8_t view_byte(uint32_t address, void *user) {
  return fhost_byte_get(user, address);
}

/*
 * An instruction of a VM without a step function: a budget of one, and halts
 * all around, since not every machine counts its budget so finely. A halt
 * that stopped it gives its pc and its cycle back.
 */
static struct end run_one(struct fhost_adapted *c,
                          const struct fisa_insn *in) {
  const struct fhost_adapter *a = c->a;
  struct end end;

  memcpy(c->image + in->pc, c->code + in->pc, in->length);
  end = ended(c, a->run(c->vm, c->image, c->size + IMAGE_TAIL, 1));
  memset(c->image + in->pc, c->filler->opcode, in->length);
  if (end.status == FISA_RUN_FAULT ||
      (end.status == FISA_RUN_HALT && in->row->flow == FISA_FLOW_HALT))
    return end;
  if (end.status == FISA_RUN_HALT) {
    fhost_number_put(c->vm, &a->pc, fhost_number_get(c->vm, &a->pc) - 1);
    fhost_number_put(c->vm, &a->cycles,
                     fhost_number_get(c->vm, &a->cycles) -
                         c->filler->cycles);
  }
  fhost_number_put(c->vm, &a->halted, 0);
  fhost_number_put(c->vm, &a->faulted, 0);
  fhost_number_put(c->vm, &a->fault, 0);
  return runs_on;
}

/* NaNs that lie among integers, where nobody would know them later. */
static void canonical_floats(struct fhost_adapted *c,
                             const struct fisa_insn *in) {
  uint32_t cells[FISA_MAX_TEMPLATE];
  int n = fisa_float_results(c->d, in, cells);

  for (int i = 0; i < n; i++) {
    int32_t v = fhost_cell_get(c, cells[i]);
    if (fhost_canonical(v) != v)
      fhost_cell_put(c, cells[i], fhost_canonical(v));
  }
}

/* What has to be done for the memory's marks around an instruction. */
static struct end step_vm(struct fhost_adapted *c,
                          const struct fhost_plan *plan, bool own_fault) {
  const struct fisa_view v = {c->d, view_cell, view_byte, c};
  struct fisa_store run[FISA_MAX_TEMPLATE];
  int runs = 0;
  struct end end;

  if (plan->what & FHOST_PLAN_STORE && !own_fault)
    runs = fisa_stores(&v, &plan->in, run);
  c->running = &plan->in;
  c->gave = false;
  end = c->a->step ? ended(c, c->a->step(c->vm, c->code, c->size))
                   : run_one(c, &plan->in);
  c->running = NULL;
  for (int i = 0; i < runs; i++)
    fhost_take_over(c, run[i].first, run[i].count);
  if (plan->what & FHOST_PLAN_FLOATS && end.status != FISA_RUN_FAULT)
    canonical_floats(c, &plan->in);
  if (runs < 0 || plan->what & FHOST_PLAN_SWEEP)
    fhost_sweep_memory(c);
  return end;
}

/* The pc the VM stands at; -1: below its code. */
static int64_t vm_pc(const struct fhost_adapted *c) {
  int64_t pc = fhost_number_get(c->vm, &c->a->pc);

  return pc < 0 || pc > INT32_MAX ? -1 : pc;
}

/* Past an instruction: where the run stands, and whether it ends there. */
static struct end stand(struct fhost_adapted *c,
                        const struct fhost_plan *plan, struct end end) {
  int64_t pc = vm_pc(c);

  if (end.status == FHOST_RUNS && pc < 0) {
    /* A jump that nobody could foretell: too late for its effects. A table
     * that knows no jumps has no number for it. */
    int32_t fault = c->d->lethal_code[FLUX_LETHAL_NEGATIVE_TARGET];
    return (struct end){FISA_RUN_FAULT, fault ? fault : c->d->unknown_fault};
  }
  c->s->pc = pc < 0 ? plan->in.pc : (uint32_t)pc;
  if (end.status == FHOST_RUNS &&
      (plan->what & FHOST_PLAN_YIELD || c->gave))
    return (struct end){FISA_RUN_YIELD, 0};
  return end;
}

/* One that the VM is not asked for: it faults where it stands. */
static struct end refuse(struct fhost_adapted *c,
                         const struct fhost_plan *plan, int32_t fault,
                         uint32_t cycles) {
  c->s->pc = plan->in.pc;
  c->s->cycles += cycles;
  return (struct end){FISA_RUN_FAULT, fault};
}

static struct end step(struct fhost_adapted *c,
                       const struct fhost_plan *plan) {
  const struct fisa_view v = {c->d, view_cell, view_byte, c};
  const struct fisa_row *row = plan->in.row;
  uint32_t cycles = row->cycles;
  bool own_fault = false;
  int which;
  struct end end;

  switch (plan->decoded) {
  case FISA_DECODED:
    break;
  case FISA_DECODE_UNKNOWN:
    return refuse(c, plan, c->d->unknown_fault, 1);
  case FISA_DECODE_PAST:
    return refuse(c, plan, c->d->lethal_code[FLUX_LETHAL_PAST_CODE], cycles);
  default:
    return refuse(c, plan, c->d->truncated_fault, 0);
  }
  if (plan->what & FHOST_PLAN_TRAP)
    return refuse(c, plan, row->steps[0].imm.value, cycles);
  if (plan->what & FHOST_PLAN_LETHAL &&
      (which = fisa_lethal(&v, &plan->in)) >= 0) {
    int32_t fault = c->d->lethal_code[which];
    own_fault = fault < 1000; /* the VM's own test, and its own fault */
    if (!own_fault) {
      tick(c);
      return refuse(c, plan, fault, cycles);
    }
  }
  end = stand(c, plan, step_vm(c, plan, own_fault));
  if (!c->a->cycles.type)
    c->s->cycles += cycles;
  return end;
}

/* ---- runs --------------------------------------------------------------- */

static struct end run_steps(struct fhost_adapted *c, uint64_t fuel,
                            _Atomic uint64_t *counts) {
  const struct fisa_boundary *b = &c->boundary;
  const bool *told = c->out ? c->out->ended : NULL;
  struct fisa_state *s = c->s;
  struct end end = runs_on;

  for (bool first = true; end.status == FHOST_RUNS; first = false) {
    if (fuel == 0 || (told && *told))
      return (struct end){FISA_RUN_FUEL, 0};
    if (s->pc >= c->size)
      return (struct end){FISA_RUN_END, 0};
    if (b->kind == FISA_BOUNDARY_PC && b->pc == s->pc && !first)
      return (struct end){FISA_RUN_YIELD, 0};
    fuel--;
    if (counts)
      fhost_add(&counts[s->pc], 1);
    end = step(c, &c->plan[s->pc]);
  }
  return end;
}

/* Until it stops by itself; what it did on the way is not looked at. */
static struct end run_whole(struct fhost_adapted *c, uint64_t fuel) {
  struct end end = {FISA_RUN_FUEL, 0};
  int64_t pc;

  if (fuel == 0)
    return end;
  if (c->s->pc >= c->size)
    return (struct end){FISA_RUN_END, 0};
  c->running = NULL;
  end = ended(c, c->a->run(c->vm, c->code, c->size, fuel));
  pc = vm_pc(c);
  if (pc >= 0)
    c->s->pc = (uint32_t)pc;
  if (end.status != FHOST_RUNS)
    return end;
  if (c->s->pc >= c->size)
    return (struct end){FISA_RUN_END, 0};
  return (struct end){FISA_RUN_FUEL, 0};
}

/* What the VM's own counter has gone on by. */
static uint64_t cycles_since(const struct fhost_adapted *c, int64_t begin) {
  uint64_t n = (uint64_t)fhost_number_get(c->vm, &c->a->cycles) -
               (uint64_t)begin;
  size_t bits = 8 * fhost_ctype_size(c->a->cycles.type);

  if (!c->a->cycles.type)
    return 0;
  return bits < 64 ? n & ((UINT64_C(1) << bits) - 1) : n;
}

static int run(void *code, struct fisa_state *s, const struct fhost_vm_io *io,
               uint64_t fuel, _Atomic uint64_t *counts) {
  struct fhost_adapted *c = code;
  bool whole = !c->a->step && !(c->how & FHOST_LOAD_STEP) &&
               (fuel != 1 || !c->filler);
  struct end end;
  int64_t begin;

  assert(s && s->cell_count == c->d->cell_count);
  c->s = s;
  c->out = io;
  if (c->a->begin)
    c->a->begin(c->vm);
  fhost_io_install(c);
  fhost_state_in(c);
  begin = fhost_number_get(c->vm, &c->a->cycles);
  end = whole ? run_whole(c, fuel) : run_steps(c, fuel, counts);
  s->cycles += cycles_since(c, begin);
  if (whole || c->how || c->d->mem_size <= SWEEP_MAX)
    fhost_sweep_memory(c);
  fhost_state_out(c);
  c->s = NULL;
  c->out = NULL;
  s->status = end.status;
  s->fault = end.fault;
  return s->status;
}

/* ---- as any VM ---------------------------------------------------------- */

struct sayer {
  void (*say)(const char *text, void *user);
  void *user;
};

static void say_missing(bool wrong, const char *text, void *user) {
  const struct sayer *s = user;

  if (!wrong)
    s->say(text, s->user);
}

static void missing(const struct fhost_vm *vm, const struct fisa_dialect *d,
                    void (*say)(const char *text, void *user), void *user) {
  struct sayer s = {say, user};

  (void)fhost_adapter_check(vm->context, d, say_missing, &s);
}

int fhost_adapt(const struct fhost_adapter *a, struct fhost_vm *out,
                struct fisa_error *err) {
  assert(a && out);
  if (a->struct_size != sizeof *a)
    return fisa_fail(err, "the adapter's struct has %u bytes, not %zu: it "
                     "was built against another libfluxhost",
                     (unsigned)a->struct_size, sizeof *a);
  if (!a->dialect || !*a->dialect)
    return fisa_fail(err, "the adapter names no dialect");
  *out = (struct fhost_vm){
    .dialect = a->dialect, .build_id = a->build_id ? a->build_id : "",
    .flags = (a->step ? FHOST_VM_COUNTS_ALL
                      : FHOST_VM_NO_COUNTS | FHOST_VM_HALT_ONLY) |
             (a->no_fork ? 0 : FHOST_VM_MAY_FORK) | FHOST_VM_TOLD_END,
    .context = a, .load = load, .unload = unload, .run = run, .heads = heads,
    .missing = missing,
  };
  return 0;
}
