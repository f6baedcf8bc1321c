/*
 * tests/oracle.c - reads the row oracle and compares.
 */
#include "tests/oracle.h"
#include "tests/unit.h"

#include <assert.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  MAX_CODE = 64,
  MAX_EVENTS = 8,
  MAX_TEXT = 160
};

struct oracle_port {
  struct fisa_event event[MAX_EVENTS]; /* as they happened */
  unsigned count;
  const struct fisa_event *queue;      /* what there is to consume */
  unsigned queued, taken;
};

/* One line. */
struct oracle_case {
  char title[64];
  uint8_t code[MAX_CODE];
  uint32_t size;
  struct fisa_dialect *d;         /* one of the reader's */
  struct fisa_state *before, *after, *got; /* of that dialect */
  struct fisa_event event[MAX_EVENTS]; /* in, then out */
  unsigned in, out;
  bool opaque;
};

struct reader {
  struct fisa_dialect *bound, *unbound;
  struct fisa_state *before, *after, *got;
  unsigned line;
  char reason[MAX_TEXT];
};

static int bad(struct reader *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int bad(struct reader *r, const char *format, ...) {
  va_list ap;

  va_start(ap, format);
  vsnprintf(r->reason, sizeof r->reason, format, ap);
  va_end(ap);
  return -1;
}

/* ---- the port ----------------------------------------------------------- */

static void keep(struct oracle_port *port, const struct fisa_event *e) {
  if (port->count < MAX_EVENTS)
    port->event[port->count] = *e;
  port->count++; /* beyond the array: differs from any case */
}

static void set_args(struct fisa_event *e, const int32_t *arg, unsigned argc) {
  assert(argc <= FISA_MAX_ARGS);
  e->argc = (uint8_t)argc;
  if (argc)
    memcpy(e->arg, arg, argc * sizeof *arg);
}

/* Whether a value in the queue is of the source that is asked. */
static bool is_of(const struct fisa_event *queued,
                  const struct fisa_event *asked) {
  struct fisa_event e = *queued;

  e.value = asked->value;
  return fisa_event_equal(&e, asked);
}

int oracle_input(struct oracle_port *port, uint16_t source,
                 const int32_t *arg, unsigned argc, int32_t *value) {
  struct fisa_event e = { .name = source };
  int rc = -1;

  set_args(&e, arg, argc);
  if (port->taken < port->queued && is_of(&port->queue[port->taken], &e)) {
    e.value = port->queue[port->taken++].value;
    rc = 0;
  }
  *value = e.value;
  keep(port, &e);
  return rc;
}

void oracle_output(struct oracle_port *port, uint16_t channel,
                   const int32_t *arg, unsigned argc) {
  struct fisa_event e = { .out = 1, .name = channel };

  set_args(&e, arg, argc);
  keep(port, &e);
}

/* ---- words -------------------------------------------------------------- */

static int hex_digit(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int read_byte(struct reader *r, const char **text, uint8_t *byte) {
  int high = hex_digit((*text)[0]), low = high < 0 ? -1 : hex_digit((*text)[1]);

  if (low < 0)
    return bad(r, "not a byte in hex: %s", *text);
  *byte = (uint8_t)(high << 4 | low);
  *text += 2;
  return 0;
}

static int read_number(struct reader *r, const char **text, int64_t *value) {
  char *end;

  *value = strtoll(*text, &end, 0);
  if (end == *text)
    return bad(r, "not a number: %s", *text);
  *text = end;
  return 0;
}

/* A number that is the rest of the word. */
static int read_last(struct reader *r, const char *text, int64_t *value) {
  if (read_number(r, &text, value))
    return -1;
  return *text ? bad(r, "behind the number: %s", text) : 0;
}

static int read_code(struct reader *r, struct oracle_case *c,
                     const char *text) {
  while (*text) {
    if (c->size == MAX_CODE)
      return bad(r, "more code than %d bytes", MAX_CODE);
    if (read_byte(r, &text, &c->code[c->size++]))
      return -1;
  }
  return 0;
}

static int read_stack(struct reader *r, const struct fisa_dialect *d,
                      struct fisa_state *s, const char *text) {
  uint32_t depth = fisa_stack_depth(d, s), count = 1;
  int64_t v;

  for (uint32_t i = 0; i < depth; i++)
    *fisa_stack_cell(d, s, i) = 0;
  for (const char *p = text; *p; p++)
    count += *p == ',';
  if (count > depth)
    return bad(r, "more of the stack than is live");
  for (uint32_t i = depth - count; i < depth; i++, text += *text == ',') {
    if (read_number(r, &text, &v))
      return -1;
    *fisa_stack_cell(d, s, i) = (int32_t)v;
  }
  return *text ? bad(r, "behind the stack: %s", text) : 0;
}

static int read_mem(struct reader *r, struct fisa_state *s, const char *text,
                    bool stored) {
  int64_t at;
  uint8_t byte;

  if (read_number(r, &text, &at))
    return -1;
  if (at < 0 || text[0] != ']' || text[1] != '=')
    return bad(r, "not an address: %s", text);
  for (text += 2; *text; at++) {
    if (at >= s->mem_size || read_byte(r, &text, &byte))
      return bad(r, "memory outside, or no byte: %s", text);
    s->mem[at] = byte;
    s->dirty[at / FISA_PAGE / 64] |= UINT64_C(1) << (at / FISA_PAGE % 64);
    if (stored)
      s->written[at / 64] |= UINT64_C(1) << (at % 64);
  }
  return 0;
}

static int read_name(struct reader *r, const char **text, char *name) {
  size_t n = strcspn(*text, ":");

  if (n == 0 || n >= FISA_MAX_NAME || (*text)[n] != ':')
    return bad(r, "no name: %s", *text);
  memcpy(name, *text, n);
  name[n] = '\0';
  *text += n + 1;
  return 0;
}

static int find_name(const char (*names)[FISA_MAX_NAME], uint32_t count,
                     const char *name) {
  for (uint32_t i = 0; i < count; i++)
    if (strcmp(names[i], name) == 0)
      return (int)i;
  return -1;
}

/* NAME:1,2;NAME:3. Of what is consumed the last number is the value. */
static int read_events(struct reader *r, struct oracle_case *c,
                       const char *text, bool out) {
  const struct fisa_dialect *d = c->d;
  char name[FISA_MAX_NAME];
  int64_t v;

  for (;; text++) {
    struct fisa_event *e = &c->event[c->in + c->out];
    int index;

    if (c->in + c->out == MAX_EVENTS || read_name(r, &text, name))
      return bad(r, "too many values, or no name: %s", text);
    index = out ? find_name(d->channels, d->channel_count, name)
                : find_name(d->sources, d->source_count, name);
    if (index < 0)
      return bad(r, "the dialect has no %s", name);
    *e = (struct fisa_event){ .out = out, .name = (uint16_t)index };
    for (; ; text++) {
      if (read_number(r, &text, &v))
        return -1;
      if (!out && *text != ',') {
        e->value = (int32_t)v;
        break;
      }
      if (e->argc == FISA_MAX_ARGS)
        return bad(r, "more than %d arguments", FISA_MAX_ARGS);
      e->arg[e->argc++] = (int32_t)v;
      if (*text != ',')
        break;
    }
    c->in += !out;
    c->out += out;
    if (*text != ';')
      return *text ? bad(r, "behind the values: %s", text) : 0;
  }
}

/* The code of a lethal fault of that name. */
static int lethal_code(const struct fisa_dialect *d, const char *name) {
  for (int i = 0; i < FLUX_LETHAL_COUNT; i++)
    if (d->lethal_code[i] >= 1000 &&
        strcmp(fisa_fault_name(d, d->lethal_code[i]), name) == 0)
      return d->lethal_code[i];
  return 0;
}

static int read_status(struct reader *r, const struct fisa_dialect *d,
                       struct fisa_state *s, const char *text) {
  static const struct {
    const char *word;
    int32_t status;
  } words[] = {
    { "run", FISA_RUN_FUEL }, { "halt", FISA_RUN_HALT },
    { "end", FISA_RUN_END }, { "fault", FISA_RUN_FAULT },
    { "lethal", FISA_RUN_FAULT },
  };
  size_t n = strcspn(text, ":");
  int64_t code = 0;

  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    if (strlen(words[i].word) != n || memcmp(words[i].word, text, n) != 0)
      continue;
    s->status = words[i].status;
    if (words[i].word[0] == 'l' && text[n])
      code = lethal_code(d, text + n + 1);
    else if (text[n] && read_last(r, text + n + 1, &code))
      return -1;
    s->fault = (int32_t)code;
    if (s->status == FISA_RUN_FAULT && code == 0)
      return bad(r, "a fault without a code: %s", text);
    return 0;
  }
  return bad(r, "no status: %s", text);
}

/* R1=5: a cell by the name of its file and its number in it. */
static int read_cell(struct reader *r, const struct fisa_dialect *d,
                     struct fisa_state *s, const char *word) {
  size_t name = 0, equals = strcspn(word, "=");
  int64_t index = 0, value;
  int file;

  while (isupper((unsigned char)word[name]))
    name++;
  file = fisa_file_by_name(d, word, name);
  if (file < 0 || !word[equals])
    return bad(r, "what is %s?", word);
  for (size_t i = name; i < equals; i++) {
    if (!isdigit((unsigned char)word[i]))
      return bad(r, "no number of a cell: %s", word);
    index = index * 10 + (word[i] - '0');
  }
  if (index >= d->files[file].count)
    return bad(r, "no such cell: %s", word);
  if (read_last(r, word + equals + 1, &value))
    return -1;
  s->cells[d->files[file].first + index] = (int32_t)value;
  return 0;
}

static const char *after_prefix(const char *word, const char *prefix) {
  size_t n = strlen(prefix);

  return strncmp(word, prefix, n) == 0 ? word + n : NULL;
}

static int read_word(struct reader *r, struct oracle_case *c, const char *word,
                     struct fisa_state *s) {
  bool after = s == c->after;
  const char *rest;
  int64_t v = 0;
  int rc;

  if ((rest = after_prefix(word, "code=")))
    return read_code(r, c, rest);
  if ((rest = after_prefix(word, "stk=")))
    return read_stack(r, c->d, s, rest);
  if ((rest = after_prefix(word, "mem[")))
    return read_mem(r, s, rest, after);
  if ((rest = after_prefix(word, "in=")))
    return read_events(r, c, rest, false);
  if ((rest = after_prefix(word, "out=")))
    return read_events(r, c, rest, true);
  if ((rest = after_prefix(word, "status=")))
    return read_status(r, c->d, s, rest);
  if ((rest = after_prefix(word, "pc="))) {
    rc = read_last(r, rest, &v);
    s->pc = (uint32_t)v;
    return rc;
  }
  if ((rest = after_prefix(word, "cycles="))) {
    rc = read_last(r, rest, &v);
    s->cycles = (uint64_t)v;
    return rc;
  }
  if ((rest = after_prefix(word, "sp="))) {
    rc = read_last(r, rest, &v);
    if (v < 0 || v > c->d->files[c->d->stack_file].count)
      return bad(r, "sp outside the stack");
    s->cells[c->d->sp_cell] = (int32_t)v;
    return rc;
  }
  if (strcmp(word, "unbound") == 0)
    return 0; /* seen before the dialect was chosen */
  if (strcmp(word, "opaque") == 0) {
    c->opaque = true;
    return 0;
  }
  return read_cell(r, c->d, s, word);
}

/* ---- lines -------------------------------------------------------------- */

static void begin_case(struct reader *r, struct oracle_case *c, bool unbound) {
  c->d = unbound ? r->unbound : r->bound;
  c->before = r->before;
  c->after = r->after;
  c->got = r->got;
  fisa_state_reset(c->d, c->before);
  memset(c->before->written, 0, c->before->mem_size / 8);
}

/* Both dialects have one layout, so the reader's states serve both. */
static int read_line(struct reader *r, struct oracle_case *c, char *line) {
  char *colon = strstr(line, ": "), *save = NULL, *word;
  struct fisa_state *s;

  memset(c, 0, sizeof *c);
  if (!colon || colon - line >= (int)sizeof c->title)
    return bad(r, "a line without a title");
  memcpy(c->title, line, (size_t)(colon - line));
  begin_case(r, c, strstr(colon, " unbound ") != NULL);
  s = c->before;
  for (word = strtok_r(colon + 2, " \n", &save); word;
       word = strtok_r(NULL, " \n", &save)) {
    if (strcmp(word, "->") == 0) {
      fisa_state_copy(c->after, c->before);
      memset(c->after->written, 0, c->after->mem_size / 8);
      s = c->after;
      continue;
    }
    if (read_word(r, c, word, s))
      return -1;
  }
  if (s == c->before || c->size == 0)
    return bad(r, "a line without code or ->");
  return 0;
}

/* An engine that leaves the row alone: the step has begun, no more. */
static void expect_opaque(struct oracle_case *c) {
  fisa_state_copy(c->after, c->before);
  memset(c->after->written, 0, c->after->mem_size / 8);
  c->after->cycles++;
  c->after->status = FISA_RUN_FAULT;
  c->after->fault = c->d->lethal_code[FLUX_LETHAL_OPAQUE];
  c->in = c->out = 0;
  for (uint32_t f = 0; f < c->d->file_count; f++) {
    int32_t *cell = &c->after->cells[c->d->files[f].first];

    if (c->d->files[f].tick)
      *cell -= *cell > 0;
  }
}

/* ---- comparing ---------------------------------------------------------- */

/* The cells of a file that count: of a stack only the live part. */
static void counting_cells(const struct oracle_case *c, uint32_t f,
                           uint32_t *from, uint32_t *to) {
  const struct fisa_file *file = &c->d->files[f];
  int32_t live;

  *from = 0;
  *to = file->count;
  if (file->kind != FISA_FILE_STACK)
    return;
  live = c->after->cells[f == c->d->stack_file ? c->d->sp_cell
                                               : c->d->calls_cell];
  if (live < 0 || live > file->count)
    return;
  if (file->down)
    *from = (uint32_t)live;
  else
    *to = (uint32_t)live;
}

static int cells_differ(struct reader *r, const struct oracle_case *c) {
  const int32_t *want = c->after->cells, *got = c->got->cells;

  for (uint32_t f = 0; f < c->d->file_count; f++) {
    const struct fisa_file *file = &c->d->files[f];
    uint32_t from, to;

    counting_cells(c, f, &from, &to);
    for (uint32_t i = from; i < to; i++)
      if (want[file->first + i] != got[file->first + i])
        return bad(r, "%s%u is %d, not %d", file->name, i,
                   (int)got[file->first + i], (int)want[file->first + i]);
  }
  return 0;
}

static bool bit(const uint64_t *map, uint32_t i) {
  return map[i / 64] >> (i % 64) & 1;
}

static int memory_differs(struct reader *r, const struct oracle_case *c) {
  const struct fisa_state *want = c->after, *got = c->got;

  if (memcmp(want->mem, got->mem, want->mem_size) == 0 &&
      memcmp(want->written, got->written, want->mem_size / 8) == 0)
    return 0;
  for (uint32_t i = 0; i < want->mem_size; i++) {
    if (want->mem[i] != got->mem[i])
      return bad(r, "mem[%u] is %02x, not %02x", i, got->mem[i],
                 want->mem[i]);
    if (bit(want->written, i) != bit(got->written, i))
      return bad(r, "mem[%u] is %smarked as stored to", i,
                 bit(got->written, i) ? "" : "not ");
    if (bit(got->written, i) && !bit(got->dirty, i / FISA_PAGE))
      return bad(r, "the page of mem[%u] is not marked dirty", i);
  }
  return 0;
}

static int events_differ(struct reader *r, const struct oracle_case *c,
                         const struct oracle_port *port) {
  if (port->count != c->in + c->out)
    return bad(r, "%u values crossed the border, not %u", port->count,
               c->in + c->out);
  for (unsigned i = 0; i < port->count; i++)
    if (!fisa_event_equal(&port->event[i], &c->event[i]))
      return bad(r, "value %u that crossed the border differs", i);
  return 0;
}

static int differs(struct reader *r, const struct oracle_case *c,
                   const struct oracle_port *port) {
  const struct fisa_state *want = c->after, *got = c->got;

  if (want->status != got->status || want->fault != got->fault)
    return bad(r, "status %d fault %d, not %d %d", (int)got->status,
               (int)got->fault, (int)want->status, (int)want->fault);
  if (want->pc != got->pc)
    return bad(r, "pc is %u, not %u", got->pc, want->pc);
  if (want->cycles != got->cycles)
    return bad(r, "cycles are %llu, not %llu",
               (unsigned long long)got->cycles,
               (unsigned long long)want->cycles);
  if (cells_differ(r, c) || memory_differs(r, c))
    return -1;
  return events_differ(r, c, port);
}

static int run_case(struct reader *r, const struct oracle_engine *engine,
                    struct oracle_case *c) {
  struct oracle_port port = { .queue = c->event, .queued = c->in };
  struct fisa_program *p = NULL;
  struct fisa_error err;
  int rc;

  if (c->opaque && engine->opaque)
    expect_opaque(c);
  if (fisa_program_from_bytes(c->d, c->code, c->size, &p, &err))
    return bad(r, "%s", err.text);
  if (c->before->pc < c->size)
    p->entry = c->before->pc;
  fisa_state_copy(c->got, c->before);
  memset(c->got->written, 0, c->got->mem_size / 8);
  if (engine->step(p, c->got, &port, engine->user))
    rc = bad(r, "%s cannot run it", engine->name);
  else
    rc = differs(r, c, &port);
  fisa_program_free(p);
  return rc;
}

/* ---- the file ----------------------------------------------------------- */

static int reader_open(struct reader *r, const char *dialect) {
  struct fisa_error err;

  memset(r, 0, sizeof *r);
  if (fisa_dialect_builtin(dialect, true, &r->bound, &err) ||
      fisa_dialect_builtin(dialect, false, &r->unbound, &err))
    return bad(r, "%s", err.text);
  r->before = fisa_state_new(r->bound);
  r->after = fisa_state_new(r->bound);
  r->got = fisa_state_new(r->bound);
  return r->before && r->after && r->got ? 0 : bad(r, "out of memory");
}

static void reader_close(struct reader *r) {
  fisa_state_free(r->got);
  fisa_state_free(r->after);
  fisa_state_free(r->before);
  fisa_dialect_free(r->unbound);
  fisa_dialect_free(r->bound);
}

static void run_file(struct reader *r, const struct oracle_engine *engine,
                     FILE *in, struct oracle_tally *tally) {
  struct oracle_case c;
  char *line = NULL;
  size_t capacity = 0;

  while (getline(&line, &capacity, in) > 0) {
    int rc;

    r->line++;
    if (line[0] == '#' || line[0] == '\n')
      continue;
    rc = read_line(r, &c, line);
    if (!UNIT_TRUE(rc == 0, "line %u: %s", r->line, r->reason))
      break;
    rc = run_case(r, engine, &c);
    UNIT_TRUE(rc == 0, "line %u: %s: %s: %s", r->line, c.title, engine->name,
              r->reason);
    tally->cases++;
    tally->failed += rc != 0;
    if (c.before->pc < c.size)
      tally->of_opcode[c.code[c.before->pc]]++;
  }
  free(line);
}

void oracle_run(const struct oracle_engine *engine, const char *dialect,
                struct oracle_tally *tally) {
  struct reader r;
  FILE *in = NULL;
  int rc = reader_open(&r, dialect);
  char path[64];

  assert(engine && engine->step && tally);
  memset(tally, 0, sizeof *tally);
  if (!UNIT_TRUE(rc == 0, "%s", r.reason))
    goto out;
  snprintf(path, sizeof path, "tests/data/%s.oracle", dialect);
  in = fopen(unit_src(path), "r");
  if (!UNIT_TRUE(in != NULL, "%s cannot be read", path))
    goto out;
  run_file(&r, engine, in, tally);
  fclose(in);
out:
  reader_close(&r);
}
