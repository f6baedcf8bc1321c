/*
 * plugin/calibrate_step.c - one state on both machines, and what differs.
 *
 * Memory is large and few rows touch it. All machines begin with the same
 * bytes; behind a step only the pages that the table's machine stored to are
 * compared and put back. A host that wrote elsewhere is found out once a row
 * (cal_strayed), and then looked at state by state with all of memory.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/semantics.h"
#include "plugin/calibrate_impl.h"

/* ---- the bench ---------------------------------------------------------- */

static int case_new(const struct fisa_dialect *d, struct cal_case *c,
                    bool mem) {
  c->cells = calloc(d->cell_count + 1u, sizeof *c->cells);
  c->mem = mem ? calloc(d->mem_size + 1u, 1) : NULL;
  return c->cells != NULL && (!mem || c->mem != NULL) ? 0 : -1;
}

int cal_bench_open(struct cal_bench *b) {
  const struct fisa_dialect *d = b->d;
  size_t cells = d->cell_count + 1u;
  b->lane = fir_lane_new();
  b->table = fisa_state_new(d);
  b->init = calloc(cells, sizeof *b->init);
  b->cells = calloc(cells, sizeof *b->cells);
  b->mem = calloc(d->mem_size + 1u, 1);
  for (unsigned i = 0; i < 2; i++) {
    b->host[i].cells = calloc(cells, sizeof *b->cells);
    b->host[i].mem = calloc(d->mem_size + 1u, 1);
    if (b->host[i].cells == NULL || b->host[i].mem == NULL) return -1;
  }
  if (case_new(d, &b->drawn, false) != 0 ||
      case_new(d, &b->example, true) != 0 || b->lane == NULL ||
      b->table == NULL || b->init == NULL || b->cells == NULL ||
      b->mem == NULL)
    return -1;
  memcpy(b->init, b->table->cells, d->cell_count * sizeof *b->init);
  cal_draw_common(b);
  memcpy(b->table->mem, b->mem, d->mem_size);
  memcpy(b->host[0].mem, b->mem, d->mem_size);
  memcpy(b->host[1].mem, b->mem, d->mem_size);
  b->by_table.cells = b->table->cells;
  b->by_table.mem = b->table->mem;
  return 0;
}

void cal_bench_close(struct cal_bench *b) {
  for (unsigned i = 0; i < 2; i++) {
    free(b->host[i].cells);
    free(b->host[i].mem);
  }
  free(b->drawn.cells);
  free(b->example.cells);
  free(b->example.mem);
  free(b->mem);
  free(b->cells);
  free(b->init);
  fisa_state_free(b->table);
  fir_lane_free(b->lane);
}

/* ---- memory ------------------------------------------------------------- */

/* The first page from `page` on that the table's machine stored to, or any; the
 * number of pages if there is none. */
static uint32_t next_page(const struct cal_bench *b, bool all, uint32_t page) {
  uint32_t pages = b->d->mem_size / FISA_PAGE;
  while (!all && page < pages) {
    uint64_t rest = b->table->dirty[page / 64] >> page % 64;
    if (rest != 0) {
      page += (uint32_t)__builtin_ctzll(rest);
      break;
    }
    page += 64 - page % 64;
  }
  return page < pages ? page : pages;
}

/* Gives pages of all machines the bytes of `mem`. */
static void put_pages(struct cal_bench *b, bool all, const uint8_t *mem) {
  uint32_t pages = b->d->mem_size / FISA_PAGE;
  for (uint32_t page = next_page(b, all, 0); page < pages;
       page = next_page(b, all, page + 1)) {
    uint32_t first = page * FISA_PAGE;
    memcpy(b->table->mem + first, mem + first, FISA_PAGE);
    memcpy(b->host[0].mem + first, mem + first, FISA_PAGE);
    memcpy(b->host[1].mem + first, mem + first, FISA_PAGE);
  }
}

bool cal_strayed(struct cal_bench *b) {
  if (memcmp(b->host[0].mem, b->mem, b->d->mem_size) == 0 &&
      memcmp(b->host[1].mem, b->mem, b->d->mem_size) == 0)
    return false;
  put_pages(b, true, b->mem);
  return true;
}

/* ---- stepping ----------------------------------------------------------- */

static int32_t on_input(uint16_t source, const int32_t *arg, uint32_t argc,
                        int32_t *value, void *user) {
  struct cal_io *io = user;
  struct fisa_event e = {.argc = (uint8_t)argc, .name = source};
  for (uint32_t i = 0; i < argc && i < FISA_MAX_ARGS; i++) e.arg[i] = arg[i];
  *value = e.value = io->input[io->taken++ % CAL_INPUTS];
  if (io->count < CAL_EVENTS) io->event[io->count] = e;
  io->count++;
  return 0;
}

static int32_t on_output(uint16_t channel, const int32_t *arg, uint32_t argc,
                         void *user) {
  struct cal_io *io = user;
  struct fisa_event e = {.out = 1, .argc = (uint8_t)argc, .name = channel};
  for (uint32_t i = 0; i < argc && i < FISA_MAX_ARGS; i++) e.arg[i] = arg[i];
  if (io->count < CAL_EVENTS) io->event[io->count] = e;
  io->count++;
  return 0;
}

static void io_begin(struct cal_io *io, const struct cal_case *c) {
  io->input = c->input;
  io->taken = io->count = 0;
}

/* One instruction by the table. False: it is not to be asked of a host. */
static bool step_table(struct cal_bench *b, const struct cal_row *r,
                       const struct cal_case *c) {
  struct cal_end *e = &b->by_table;
  const struct fir_io io = {on_input, on_output, &e->io};
  const struct fir_limits limits = {1, true};
  struct fisa_state *s = b->table;
  struct fir_result run;
  io_begin(&e->io, c);
  memcpy(s->cells, c->cells, s->cell_count * sizeof *s->cells);
  memset(s->dirty, 0,
         (s->mem_size / FISA_PAGE + 63) / 64 * sizeof *s->dirty);
  s->pc = r->in[c->index].pc;
  s->cycles = c->cycles;
  run = fir_run(r->ir, b->lane, s, &io, limits);
  e->pc = s->pc;
  e->status = s->status;
  e->fault = s->fault;
  e->cycles = s->cycles - c->cycles;
  return !run.starved && !(s->status == FISA_RUN_FAULT && s->fault >= 1000);
}

flux_status cal_step_host(struct cal_bench *b, flux_stepper *stepper,
                          uint32_t pc, const struct cal_case *c,
                          struct cal_end *out) {
  const flux_step_io io = {sizeof io, 0, on_input, on_output, &out->io};
  flux_state s = {.struct_size = sizeof s,
                  .cell_count = b->d->cell_count,
                  .mem_size = b->d->mem_size,
                  .pc = pc,
                  .cycles = c->cycles,
                  .cells = out->cells,
                  .mem = out->mem};
  flux_status rc;
  io_begin(&out->io, c);
  memcpy(out->cells, c->cells, b->d->cell_count * sizeof *out->cells);
  rc = b->step->run(stepper, &s, 1, &io);
  out->pc = s.pc;
  out->status = s.status;
  out->fault = s.status == FLUX_RUN_FAULT || s.status == FLUX_RUN_HALT
                   ? s.fault : 0;
  out->cycles = s.cycles - c->cycles;
  return rc;
}

/* ---- names -------------------------------------------------------------- */

int32_t cal_index_cell(const struct fisa_dialect *d, uint32_t file) {
  if (file == d->stack_file && d->sp_cell < d->cell_count) return d->sp_cell;
  if (file == d->calls_file && d->calls_cell < d->cell_count)
    return d->calls_cell;
  return -1;
}

const struct fisa_file *cal_file_of(const struct fisa_dialect *d,
                                    uint32_t cell) {
  for (uint32_t f = 0; f < d->file_count; f++)
    if (cell >= d->files[f].first &&
        cell - d->files[f].first < d->files[f].count)
      return &d->files[f];
  return NULL;
}

void cal_cell_name(const struct fisa_dialect *d, uint32_t cell, char *out,
                   size_t capacity) {
  const struct fisa_file *f = cal_file_of(d, cell);
  assert(f != NULL);
  if (f->kind == FISA_FILE_REGS || f->kind == FISA_FILE_STACK)
    snprintf(out, capacity, "%s[%u]", f->name, cell - f->first);
  else
    snprintf(out, capacity, "%s", f->name);
}

void cal_cell_value(const struct fisa_file *f, int32_t v, char *out,
                    size_t capacity) {
  if (f->type == FISA_F32)
    snprintf(out, capacity, "%.9g", (double)fsem_f(v));
  else
    snprintf(out, capacity, "%d", (int)v);
}

static void event_text(const struct fisa_dialect *d, const struct cal_io *io,
                       uint32_t i, char *out, size_t capacity) {
  const struct fisa_event *e = &io->event[i];
  const char *name = "?";
  size_t n;
  if (i >= io->count || i >= CAL_EVENTS) {
    snprintf(out, capacity, "none");
    return;
  }
  if (e->out && e->name < d->channel_count) name = d->channels[e->name];
  if (!e->out && e->name < d->source_count) name = d->sources[e->name];
  n = (size_t)snprintf(out, capacity, "%s(", name);
  for (unsigned k = 0; k < e->argc && k < FISA_MAX_ARGS && n < capacity; k++)
    n += (size_t)snprintf(out + n, capacity - n, k > 0 ? ", %d" : "%d",
                          (int)e->arg[k]);
  if (n < capacity) snprintf(out + n, capacity - n, ")");
}

/* How a machine stands behind a step, in words. */
static void status_text(const struct fisa_dialect *d, const struct cal_end *e,
                        char *out, size_t capacity) {
  static const char *const words[] = {
      [FLUX_RUN_HALT] = "halts", [FLUX_RUN_END] = "ends",
      [FLUX_RUN_FUEL] = "goes on", [FLUX_RUN_YIELD] = "yields"};
  if (e->status == FLUX_RUN_FAULT)
    snprintf(out, capacity, "faults (%d%s%s)", (int)e->fault,
             e->fault > 0 ? " " : "", fisa_fault_name(d, e->fault));
  else if (e->status == FLUX_RUN_HALT && e->fault != 0)
    snprintf(out, capacity, "halts (%d)", (int)e->fault);
  else if (e->status >= 0 && e->status <= FLUX_RUN_YIELD)
    snprintf(out, capacity, "%s", words[e->status]);
  else
    snprintf(out, capacity, "has status %d", (int)e->status);
}

/* ---- comparing ---------------------------------------------------------- */

/* Two ends, and how a sentence calls them. */
struct pair {
  const struct cal_end *a, *b;
  const char *by_a, *by_b;
};

static bool differ(struct cal_diff *out, enum cal_kind kind) {
  out->kind = kind;
  return true;
}

/* Having come to the end of the code is being there, whenever it is said. */
static int32_t plain_status(const struct cal_end *e, uint32_t size) {
  return e->status == FLUX_RUN_FUEL && e->pc >= size ? FLUX_RUN_END
                                                     : e->status;
}

static bool status_differs(const struct cal_bench *b, const struct cal_row *r,
                           const struct pair *p, struct cal_diff *out) {
  uint32_t size = r->program->size;
  bool fault = p->a->status == FLUX_RUN_FAULT ||
               p->b->status == FLUX_RUN_FAULT;
  char x[40], y[40];
  if (plain_status(p->a, size) == plain_status(p->b, size) &&
      p->a->fault == p->b->fault)
    return false;
  status_text(b->d, p->a, x, sizeof x);
  status_text(b->d, p->b, y, sizeof y);
  snprintf(out->text, sizeof out->text, "it %s %s and %s %s", x, p->by_a, y,
           p->by_b);
  return differ(out, fault ? CAL_FAULT : CAL_FLOW);
}

static bool flow_differs(const struct pair *p, struct cal_diff *out) {
  if (p->a->pc != p->b->pc) {
    snprintf(out->text, sizeof out->text, "it goes to %u %s and to %u %s",
             p->a->pc, p->by_a, p->b->pc, p->by_b);
    return differ(out, CAL_FLOW);
  }
  if (p->a->cycles == p->b->cycles) return false;
  snprintf(out->text, sizeof out->text, "it costs %lld %s and %lld %s",
           (long long)p->a->cycles, p->by_a, (long long)p->b->cycles,
           p->by_b);
  return differ(out, CAL_CYCLES);
}

/* The live cells of a stack; of any other file all. */
static void live_part(const struct fisa_dialect *d, uint32_t file,
                      const int32_t *cells, uint32_t *first, uint32_t *count) {
  const struct fisa_file *f = &d->files[file];
  int32_t index = cal_index_cell(d, file), at;
  *first = f->first;
  *count = f->count;
  if (index < 0) return;
  at = cells[index] < 0 ? 0 : cells[index] > f->count ? f->count
                                                      : cells[index];
  *count = (uint32_t)(f->down ? f->count - at : at);
  if (f->down) *first += (uint32_t)at;
}

static bool cells_differ(const struct cal_bench *b, const struct pair *p,
                         struct cal_diff *out) {
  const struct fisa_dialect *d = b->d;
  const int32_t *x = p->a->cells, *y = p->b->cells;
  char name[40], u[24], v[24];
  if (memcmp(x, y, d->cell_count * sizeof *x) == 0) return false;
  for (uint32_t f = 0; f < d->file_count; f++) {
    const struct fisa_file *file = &d->files[f];
    uint32_t first, count;
    live_part(d, f, x, &first, &count);
    for (uint32_t c = first; c < first + count; c++) {
      if (x[c] == y[c] || (file->type == FISA_F32 && fsem_isnan(x[c]) &&
                           fsem_isnan(y[c])))
        continue;
      cal_cell_name(d, c, name, sizeof name);
      cal_cell_value(file, x[c], u, sizeof u);
      cal_cell_value(file, y[c], v, sizeof v);
      snprintf(out->text, sizeof out->text, "%s is %s %s and %s %s", name, u,
               p->by_a, v, p->by_b);
      return differ(out, CAL_VALUE);
    }
  }
  return false;
}

static bool events_differ(const struct cal_bench *b, const struct pair *p,
                          struct cal_diff *out) {
  const struct cal_io *x = &p->a->io, *y = &p->b->io;
  uint32_t n = x->count > y->count ? x->count : y->count;
  char u[40], v[40];
  if (n == 0) return false;
  for (uint32_t i = 0; i < n && i < CAL_EVENTS; i++) {
    if (i < x->count && i < y->count &&
        fisa_event_equal(&x->event[i], &y->event[i]))
      continue;
    event_text(b->d, x, i, u, sizeof u);
    event_text(b->d, y, i, v, sizeof v);
    snprintf(out->text, sizeof out->text, "what it %s is %s %s and %s %s",
             (i < x->count ? x : y)->event[i].out ? "tells" : "takes", u,
             p->by_a, v, p->by_b);
    return differ(out, CAL_VALUE);
  }
  if (x->count == y->count) return false;
  snprintf(out->text, sizeof out->text, "it takes and tells %u values %s and "
           "%u %s", x->count, p->by_a, y->count, p->by_b);
  return differ(out, CAL_VALUE);
}

static bool page_differs(const struct pair *p, uint32_t first,
                         struct cal_diff *out) {
  const uint8_t *x = p->a->mem + first, *y = p->b->mem + first;
  uint32_t i = 0;
  if (memcmp(x, y, FISA_PAGE) == 0) return false;
  while (x[i] == y[i]) i++;
  snprintf(out->text, sizeof out->text,
           "the byte at 0x%04x is %u %s and %u %s", first + i, x[i], p->by_a,
           y[i], p->by_b);
  return differ(out, CAL_VALUE);
}

static bool memory_differs(const struct cal_bench *b, bool all,
                           const struct pair *p, struct cal_diff *out) {
  uint32_t pages = b->d->mem_size / FISA_PAGE;
  uint32_t page = next_page(b, all, 0);
  while (page < pages && !page_differs(p, page * FISA_PAGE, out))
    page = next_page(b, all, page + 1);
  return page < pages;
}

static bool ends_differ(const struct cal_bench *b, const struct cal_row *r,
                        const struct pair *p, bool all,
                        struct cal_diff *out) {
  return status_differs(b, r, p, out) || flow_differs(p, out) ||
         cells_differ(b, p, out) || events_differ(b, p, out) ||
         memory_differs(b, all, p, out);
}

/* Both answers of the host, and the table's. */
static void compare(struct cal_bench *b, const struct cal_row *r, bool all,
                    struct cal_diff *out) {
  const struct pair twice = {&b->host[0], &b->host[1], "the first time",
                             "the second time"};
  const struct pair both = {&b->by_table, &b->host[0], "by the table",
                            "on the host"};
  if (ends_differ(b, r, &twice, all, out))
    out->kind = CAL_TWICE;
  else if (!ends_differ(b, r, &both, all, out))
    out->kind = CAL_SAME;
}

void cal_check(struct cal_bench *b, const struct cal_row *r, flux_stepper *s,
               const struct cal_case *c, bool all, struct cal_diff *out) {
  uint32_t pc = r->in[c->index].pc;
  bool own = c->mem != b->mem;
  flux_status rc;
  out->kind = CAL_LEFT_OUT;
  assert(!own || c == &b->example);
  if (own) put_pages(b, true, c->mem);
  if (step_table(b, r, c)) {
    rc = cal_step_host(b, s, pc, c, &b->host[0]);
    if (rc == FLUX_OK) rc = cal_step_host(b, s, pc, c, &b->host[1]);
    if (rc == FLUX_OK) {
      compare(b, r, all, out);
    } else {
      out->kind = CAL_REFUSED;
      snprintf(out->text, sizeof out->text,
               "the host's step service does not run it (status %d)",
               (int)rc);
    }
  }
  put_pages(b, own || all, b->mem);
}

bool cal_left_out(struct cal_bench *b, const struct cal_row *r,
                  const struct cal_case *c) {
  bool own = c->mem != b->mem, left;
  if (own) put_pages(b, true, c->mem);
  left = !step_table(b, r, c);
  put_pages(b, own, b->mem);
  return left;
}
