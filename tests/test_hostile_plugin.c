/*
 * test_hostile_plugin.c - what the plugin reads from others: agents and tasks
 * of a host, requests. Whatever it is, it is refused or does no harm.
 */
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <flux/agent.h>
#include <flux/control.h>
#include <flux/services.h>

#include "tests/hostile.h"
#include "tests/isa_util.h"
#include "tests/unit.h"

static struct hostile text;

/* ---- a host ------------------------------------------------------------- */

const flux_plugin_descriptor *flux_plugin_entry(void);

static flux_setting settings[] = {
    {sizeof(flux_setting), FLUX_SETTING_INT, "policy.budget", 200, 200, NULL,
     "t.conf", 1, 0},
    {sizeof(flux_setting), FLUX_SETTING_INT, "policy.episodes", 4, 4, NULL,
     "t.conf", 2, 0},
    {sizeof(flux_setting), FLUX_SETTING_INT, "policy.fuzz_states", 100, 100,
     NULL, "t.conf", 3, 0},
    {sizeof(flux_setting), FLUX_SETTING_INT, "policy.probation_tasks", 2, 2,
     NULL, "t.conf", 4, 0},
};

static const flux_setting *setting_at(uint32_t i, void *ctx) {
  (void)ctx;
  return i < sizeof settings / sizeof *settings ? &settings[i] : NULL;
}

static const flux_config config = {
    sizeof config, sizeof settings / sizeof *settings, setting_at};

/* What the plugin asked for last. */
static _Atomic uint64_t offered, accepted;
static atomic_uint taken_back;

static flux_status observe(uint64_t agent, uint32_t what, uint32_t period,
                           void *ctx) {
  (void)agent, (void)what, (void)ctx;
  return period > 0 ? FLUX_OK : FLUX_E_INVALID;
}

static flux_status counts(uint64_t agent, uint64_t *slots, uint8_t *heads,
                          uint32_t capacity, uint32_t *size,
                          uint64_t *version, void *ctx) {
  (void)agent, (void)ctx;
  memset(slots, 0x7f, capacity * sizeof *slots);
  memset(heads, 0xff, (capacity + 7) / 8);
  *size = capacity;
  *version = UINT64_MAX;
  return FLUX_OK;
}

static flux_status offer(uint64_t agent, const flux_patch *patch, void *ctx) {
  (void)agent, (void)ctx;
  atomic_store(&offered, patch->id);
  return FLUX_OK;
}

static flux_status about_patch(uint64_t agent, uint64_t patch, void *ctx) {
  (void)agent, (void)patch, (void)ctx;
  return FLUX_E_STALE;
}

static flux_status accept(uint64_t agent, uint64_t patch, void *ctx) {
  (void)agent, (void)ctx;
  atomic_store(&accepted, patch);
  return FLUX_OK;
}

static flux_status take_back(uint64_t agent, uint64_t patch, uint32_t how,
                             void *ctx) {
  (void)agent, (void)patch, (void)how, (void)ctx;
  atomic_fetch_add(&taken_back, 1);
  return FLUX_OK;
}

static void explain(uint64_t agent, const char *line, void *ctx) {
  (void)agent, (void)line, (void)ctx;
}

static const flux_live live = {sizeof live, 0, observe, counts, offer,
                               about_patch, about_patch, accept, take_back,
                               explain};

static const void *host_extension(const char *id, void *ctx) {
  if (strcmp(id, FLUX_EXT_CONFIG) == 0) return &config;
  return ctx != NULL && strcmp(id, FLUX_EXT_LIVE) == 0 ? &live : NULL;
}

static flux_host host = {.struct_size = sizeof host,
                         .abi_version = FLUX_ABI_VERSION,
                         .name = "test",
                         .version = "0",
                         .build_id = "0",
                         .extension = host_extension};

/* With agents, or as a tool has it. */
static flux_plugin *plugin_new(bool agents) {
  flux_plugin *p = NULL;
  char message[256] = "";
  host.ctx = agents ? &host : NULL;
  if (flux_plugin_entry()->create(&host, &p, message, sizeof message) !=
      FLUX_OK) {
    fprintf(stderr, "no plugin: %s\n", message);
    exit(99);
  }
  return p;
}

static const flux_evolver *evolver(flux_plugin *p) {
  return flux_plugin_entry()->extension(p, FLUX_EXT_EVOLVER);
}

/* ---- agents ------------------------------------------------------------- */

static const char sum[] = ".dialect unified\n.in R1 0..40\n.out R3\n"
                          "MOVI R3, 0\nagain: ADD R3, R3, R1\n DEC R1\n"
                          "JNE R1, again\n TELL R3, R1, R0\n HALT\n";

/* An agent as a host would describe it. */
static flux_agent_info agent_info(const struct fisa_program *p) {
  flux_agent_info i = {.struct_size = sizeof i,
                       .flags = FLUX_AGENT_FRESH_START,
                       .id = 1,
                       .name = "sum",
                       .dialect = "unified",
                       .code = p->code,
                       .code_size = p->size,
                       .entry = p->entry,
                       .manifest = ".in R1 0..40\n.out R3\n",
                       .trust = 0.9,
                       .confidence_cell = -1,
                       .max_task_fuel = 1000,
                       .confidence_scale = 1};
  i.dialect_text = fisa_builtin_text("unified.fluxisa", &i.dialect_size);
  i.bindings_text = fisa_builtin_text("unified.bindings", &i.bindings_size);
  return i;
}

/* Attaches and detaches; whether it was taken. */
static bool attach(flux_plugin *p, const flux_agent_info *info) {
  flux_evolved *a = NULL;
  char message[100];
  flux_status rc;
  memset(message, 'x', sizeof message);
  rc = evolver(p)->attach(p, info, &a, message, sizeof message);
  if (rc == FLUX_OK) {
    UNIT_TRUE(a != NULL, "an agent");
    evolver(p)->detach(p, a);
    return true;
  }
  UNIT_TRUE(a == NULL, "nothing was made");
  if (rc == FLUX_E_MALFORMED)
    UNIT_TRUE(memchr(message, 0, sizeof message) != NULL && message[0],
              "a sentence");
  return false;
}

/* One member at a time is none, too much, or no number. */
static void info_members(void) {
  struct fisa_program *program = isa_program(isa_unified(), sum);
  flux_plugin *p = plugin_new(true);
  const flux_agent_info good = agent_info(program);
  flux_agent_info i = good;
  UNIT_TRUE(attach(p, &i), "as it should be");
  UNIT_TRUE(!attach(p, NULL), "none at all");
#define WITH(member, value, taken)                             \
  i = good;                                                    \
  i.member = value;                                            \
  UNIT_TRUE(attach(p, &i) == (taken), "%s = %s", #member, #value)
  WITH(name, NULL, false);
  WITH(name, "", true);
  WITH(name, "\xff\x01 a name that is longer than any name of an agent is, "
             "and says nothing of it", false);
  WITH(dialect, NULL, true);
  WITH(dialect_text, NULL, false);
  WITH(dialect_size, 0, false);
  WITH(dialect_size, 1, false);
  WITH(dialect_size, SIZE_MAX, false);
  WITH(bindings_text, NULL, true);
  WITH(bindings_size, SIZE_MAX, false);
  WITH(code, NULL, false);
  WITH(code_size, 0, false);
  WITH(code_size, UINT32_MAX, false);
  WITH(code_size, program->size - 1, false);
  WITH(entry, program->size, false);
  WITH(entry, UINT32_MAX, false);
  WITH(manifest, NULL, true);
  WITH(manifest, "", true);
  WITH(manifest, "MOVI R1, 1\n", false);
  WITH(manifest, ".in R1 9..1\n", false);
  WITH(trust, NAN, true);
  WITH(trust, -INFINITY, true);
  WITH(confidence_cell, INT32_MIN, true);
  WITH(confidence_cell, INT32_MAX, false);
  WITH(confidence_scale, NAN, true);
  WITH(confidence_scale, -1, true);
  WITH(confidence_scale, INFINITY, true);
  WITH(max_task_fuel, 0, false);
  WITH(max_task_fuel, UINT64_MAX, true);
  WITH(flags, UINT32_MAX, true);
  WITH(id, UINT64_MAX, true);
#undef WITH
  flux_plugin_entry()->destroy(p);
  fisa_program_free(program);
}

/* A host of another time says less, or more. */
static void info_sizes(void) {
  struct fisa_program *program = isa_program(isa_unified(), sum);
  flux_plugin *p = plugin_new(true);
  struct { flux_agent_info info; uint64_t more[4]; } larger;
  const flux_agent_info good = agent_info(program);
  for (uint32_t size = 0; size < sizeof good; size++) {
    flux_agent_info i;
    memset(&i, 0xff, sizeof i);
    memcpy(&i, &good, size);
    i.struct_size = size;
    (void)attach(p, &i);
  }
  memset(&larger, 0xff, sizeof larger);
  larger.info = good;
  larger.info.struct_size = sizeof larger;
  UNIT_TRUE(attach(p, &larger.info), "a larger one");
  larger.info.struct_size = UINT32_MAX;
  UNIT_TRUE(attach(p, &larger.info), "the largest");
  flux_plugin_entry()->destroy(p);
  fisa_program_free(program);
}

/* The texts of an agent, and its code. */
static void info_texts(void) {
  struct fisa_program *program = isa_program(isa_unified(), sum);
  flux_plugin *p = plugin_new(true);
  unsigned n = (unsigned)unit_scale(1500), taken = 0;
  uint64_t random = 5;
  for (unsigned k = 0; k < n; k++) {
    flux_agent_info i = agent_info(program);
    const char *source = k % 4 == 0   ? i.dialect_text
                         : k % 4 == 1 ? i.bindings_text
                         : k % 4 == 2 ? i.manifest
                                      : (const char *)i.code;
    hostile_lay(&text, source, k % 4 == 0   ? i.dialect_size
                               : k % 4 == 1 ? i.bindings_size
                               : k % 4 == 2 ? strlen(i.manifest)
                                            : i.code_size);
    hostile_mutate(&text, &random, k % 4 != 2);
    if (k % 4 == 0) i.dialect_text = text.text, i.dialect_size = text.size;
    if (k % 4 == 1) i.bindings_text = text.text, i.bindings_size = text.size;
    if (k % 4 == 2) i.manifest = text.text;
    if (k % 4 == 3) {
      i.code = (const uint8_t *)text.text;
      i.code_size = (uint32_t)text.size;
    }
    taken += attach(p, &i);
  }
  UNIT_TRUE(taken > 0 && taken < n, "%u of %u", taken, n);
  flux_plugin_entry()->destroy(p);
  fisa_program_free(program);
}

/* ---- tasks -------------------------------------------------------------- */

/* A task and all it points to. */
struct told {
  flux_task task;
  flux_state begin, end;
  int32_t cells[FISA_SET_WORDS * 64 + 4096];
  uint32_t page[4];
  uint8_t bytes[4 * FLUX_PAGE_SIZE];
  flux_event events[8];
};

static void draw_state(flux_state *s, struct told *t, uint64_t *random) {
  const struct fisa_dialect *d = isa_unified();
  *s = (flux_state){.struct_size = sizeof *s,
                    .cell_count = d->cell_count,
                    .mem_size = d->mem_size,
                    .cells = t->cells,
                    .page = t->page,
                    .page_bytes = t->bytes};
  switch (isa_below(random, 12)) {
    case 0: s->struct_size = isa_below(random, sizeof *s); break;
    case 1: s->cell_count = (uint32_t)hostile_number(random); break;
    case 2: s->mem_size = (uint32_t)hostile_number(random); break;
    case 3: s->cells = NULL; break;
    case 4: s->page_count = UINT32_MAX; break;
    case 5: s->page_count = 4; break;
    case 6: s->page_count = 2, s->page = NULL; break;
    case 7: s->page_count = 2, s->page_bytes = NULL; break;
    case 8: s->status = (int32_t)hostile_number(random); break;
    case 9: s->fault = (int32_t)hostile_number(random); break;
    case 10: s->pc = (uint32_t)hostile_number(random); break;
    default: s->cycles = hostile_number(random); break;
  }
}

static double draw_share(uint64_t *random) {
  static const double odd[] = {0.9, 0.9, 0.9, 0.9, 0, 1, -1, 1e300, NAN,
                               INFINITY, -INFINITY};
  return odd[isa_below(random, sizeof odd / sizeof *odd)];
}

static void draw_task(struct told *t, uint64_t *random) {
  flux_task *k = &t->task;
  for (unsigned i = 0; i < 16; i++)
    t->cells[isa_below(random, 64)] = (int32_t)hostile_number(random);
  for (unsigned i = 0; i < 4; i++)
    t->page[i] = isa_below(random, 3) ? i : (uint32_t)hostile_number(random);
  for (unsigned i = 0; i < 8; i++)
    t->events[i] = (flux_event){.out = (uint8_t)isa_below(random, 3),
                                .argc = (uint8_t)isa_below(random, 5),
                                .name = (uint16_t)hostile_number(random),
                                .value = (int32_t)hostile_number(random)};
  draw_state(&t->begin, t, random);
  draw_state(&t->end, t, random);
  *k = (flux_task){.struct_size = sizeof *k,
                   .flags = FLUX_TASK_RECORDED,
                   .number = hostile_number(random),
                   .version = atomic_load(&offered),
                   .cycles = hostile_number(random),
                   .begin_pc = (uint32_t)hostile_number(random),
                   .end_pc = (uint32_t)hostile_number(random),
                   .confidence = draw_share(random),
                   .trust = draw_share(random),
                   .event_count = isa_below(random, 9),
                   .events = t->events,
                   .begin = &t->begin,
                   .end = &t->end};
  if (isa_below(random, 3)) k->event_count = 0;
  switch (isa_below(random, 10)) {
    case 0: k->struct_size = isa_below(random, sizeof *k); break;
    case 1: k->struct_size = UINT32_MAX; break;
    case 2: k->flags = (uint32_t)isa_random(random); break;
    case 3: k->version = hostile_number(random); break;
    case 4: k->event_count = UINT32_MAX; break;
    case 5: k->events = NULL; break;
    case 6: k->begin = NULL; break;
    case 7: k->end = NULL; break;
    case 8: k->status = (int32_t)hostile_number(random); break;
    default: k->fault = (int32_t)hostile_number(random); break;
  }
}

static void rest_us(long us) {
  const struct timespec t = {0, us * 1000};
  nanosleep(&t, NULL);
}

/* An agent that tells nonsense is watched, searched and let go. */
static void tasks(void) {
  static struct told t;
  struct fisa_program *program = isa_program(isa_unified(), sum);
  flux_plugin *p = plugin_new(true);
  unsigned n = (unsigned)unit_scale(20000);
  uint64_t random = 6;
  flux_agent_info info = agent_info(program);
  flux_evolved *a = NULL;
  char message[100] = "";
  UNIT_EQ(evolver(p)->attach(p, &info, &a, message, sizeof message), FLUX_OK);
  evolver(p)->task_end(a, NULL);
  evolver(p)->task_end(NULL, &t.task);
  for (unsigned i = 0; i < n && a != NULL; i++) {
    draw_task(&t, &random);
    evolver(p)->task_end(a, &t.task);
    if (i % 16 == 0) rest_us(300);
  }
  rest_us(50000);
  UNIT_EQ(atomic_load(&accepted), 0);
  evolver(p)->detach(p, a);
  evolver(p)->detach(p, NULL);
  flux_plugin_entry()->destroy(p);
  flux_plugin_entry()->destroy(NULL);
  fisa_program_free(program);
}

/* ---- requests ----------------------------------------------------------- */

static int32_t take_line(const char *line, size_t size, void *user) {
  (void)user;
  UNIT_TRUE(strlen(line) == size, "a line");
  return 1;
}

static void requests(void) {
  static const char *const seeds[] = {
      "{\"cmd\":\"exec\",\"engine\":\"ir\",\"fuel\":500,\"program\":"
      "{\"dialect\":\"unified\",\"code\":\"2b0105002b02070020030102\","
      "\"entry\":0,\"manifest\":\".in R1 0..9\\n.out R3\\n\"},"
      "\"state\":{\"regs\":[0,1,-2],\"mem\":[[16,\"00ff\"]],"
      "\"in\":[[\"SENSE\",5]],\"flags\":{\"z\":1},\"pc\":0}}",
      "{\"cmd\":\"run\",\"name\":\"x\",\"seed\":3,\"variants\":20,"
      "\"time_limit\":0.05,\"threads\":1,\"min_assurance\":\"replay\","
      "\"deny\":[\"MUL\"],\"program\":{\"dialect\":\"unified\","
      "\"code\":\"2b01050000\",\"manifest\":\".out R1\\n\"},"
      "\"episodes\":[{\"regs\":[0,1]},{\"in\":[[\"SENSE\",1]]}]}",
      "{\"cmd\":\"history\",\"agent\":\"sum\",\"limit\":5}",
      "{\"cmd\":\"status\"}", "{\"cmd\":\"policy\"}",
      "{\"cmd\":\"programs\",\"x\":[[[{}]]]}"};
  flux_plugin *p = plugin_new(false);
  const flux_control *c =
      flux_plugin_entry()->extension(p, FLUX_EXT_CONTROL);
  unsigned n = (unsigned)unit_scale(5000), served = 0;
  uint64_t random = 7;
  for (unsigned i = 0; i < n; i++) {
    const char *seed = seeds[i % 8 < 6 ? i % 8 : 0];
    char message[80];
    flux_status rc;
    memset(message, 'x', sizeof message);
    hostile_lay(&text, seed, strlen(seed));
    if (i % 97 == 0)
      for (unsigned k = 0; k < 300; k++)
        text.text[k] = (char)isa_random(&random);
    hostile_mutate(&text, &random, 1);
    rc = c->request(p, text.text, text.size, take_line, message,
                    sizeof message, NULL);
    served += rc == FLUX_OK;
    UNIT_TRUE(memchr(message, 0, sizeof message) != NULL &&
                  (rc == FLUX_OK) == (message[0] == '\0'),
              "status %d, \"%.60s\"", (int)rc, message);
  }
  UNIT_TRUE(served > 0 && served < n, "%u of %u", served, n);
  /* Arrays as deep as a request is long. */
  memset(text.text, '[', HOSTILE_MAX - 1);
  UNIT_TRUE(c->request(p, text.text, HOSTILE_MAX - 1, take_line, NULL, 0,
                       NULL) != FLUX_OK, "deep");
  UNIT_EQ(c->request(p, NULL, 5, take_line, NULL, 0, NULL), FLUX_E_INVALID);
  UNIT_EQ(c->request(p, "{}", 2, NULL, NULL, 0, NULL), FLUX_E_INVALID);
  UNIT_EQ(c->request(NULL, "{}", 2, take_line, NULL, 0, NULL),
          FLUX_E_INVALID);
  UNIT_TRUE(c->request(p, "{}", SIZE_MAX, take_line, NULL, 0, NULL) ==
                FLUX_E_LIMIT, "long");
  flux_plugin_entry()->destroy(p);
}

static const struct unit_test tests[] = {
    {"agent", "members of an agent's description", info_members},
    {"agent", "descriptions of other sizes", info_sizes},
    {"agent", "texts and code", info_texts},
    {"agent", "tasks", tasks},
    {"control", "requests", requests},
};
UNIT_MAIN(tests)
