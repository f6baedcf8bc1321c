/*
 * fossil/host.c - the least host that can evolve an agent, as it was built
 * for version 1 of the ABI, with the headers of that time.
 *
 *   fossil-host PLUGIN.so TABLE BINDINGS TASKS [JOURNAL]
 *
 * runs TASKS tasks, or some after a patch was accepted.
 *
 * Its VM knows a few opcodes of the unified dialect; its agent sums 1..R1. It
 * records, counts, installs, holds outputs, accepts and reverts, and checks
 * each sum itself. It prints one line of what happened and exits 0 if every
 * sum was right. Today's plugin must still work in it; so nothing here is
 * brought up to date, ever.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <flux/abi.h>
#include <flux/agent.h>
#include <flux/services.h>

enum {
  CELLS = 454, CELL_Z = 192, CELL_N = 193, CELL_AGENT = 195,
  CELL_HEAP = 196, CELL_SP = 197, MEM = 65536, MAX_CODE = 4096,
  AGENT_ID = 7, TASK_FUEL = 10000
};

/* With a NOP in the loop, for there to be something to improve. */
static const uint8_t sum_code[] = {
  0x18, 3, 0,          /* MOVI R3, 0 */
  0x20, 3, 3, 1,       /* again: ADD R3, R3, R1 */
  0x01,                /* NOP */
  0x09, 1,             /* DEC R1 */
  0x48, 1, 0xF9, 0xFF, /* JNE R1, again */
  0x00                 /* HALT */
};
static const char manifest[] = ".in R1 0..100\n.out R3\n";

/* A version of the agent's program. */
struct version {
  uint64_t id, base;
  uint8_t code[MAX_CODE];
  uint32_t size, entry, flags, hold_ms;
  _Atomic uint64_t counts[MAX_CODE];
};

static struct host {
  pthread_mutex_t lock;      /* of what the plugin's threads touch */
  struct version live, before, offered;
  int has_offer, probation, take_back;
  uint64_t agreed;           /* tasks below it are agreed */
  uint32_t observe, period;
  unsigned offers, refused, installed, reverted, lines;
  atomic_uint accepted;
  flux_config config;
  flux_log log;
  flux_clock clock;
  flux_live table;
} host = {.lock = PTHREAD_MUTEX_INITIALIZER, .period = 1};

/* ---- the VM -------------------------------------------------------------- */

static int32_t get(const flux_state *s, uint8_t reg) {
  return reg ? s->cells[reg] : 0;
}

static void put(flux_state *s, uint8_t reg, uint32_t v) {
  if (reg)
    s->cells[reg] = (int32_t)v;
}

/* Sums leave flags, from the register read back. */
static void put_sum(flux_state *s, uint8_t reg, uint32_t v) {
  put(s, reg, v);
  s->cells[CELL_Z] = get(s, reg) == 0;
  s->cells[CELL_N] = get(s, reg) < 0;
}

/* The rows this VM knows: bytes, how many of them behind the opcode are
 * registers, and whether a jump offset follows. */
static const struct {
  uint8_t length, registers, jump;
} known[256] = {
  [0x00] = {1, 0, 0}, [0x01] = {1, 0, 0}, /* HALT NOP */
  [0x08] = {2, 1, 0}, [0x09] = {2, 1, 0}, /* INC DEC */
  [0x18] = {3, 1, 0},                     /* MOVI */
  [0x20] = {4, 3, 0}, [0x21] = {4, 3, 0}, /* ADD SUB */
  [0x3A] = {4, 2, 0},                     /* MOV */
  [0x46] = {4, 1, 1}, [0x47] = {4, 1, 1}, [0x48] = {4, 1, 1},
                                          /* LOOP JEQ JNE */
};

/* Whether the jump at c is taken. */
static int jumps(flux_state *s, const uint8_t *c) {
  if (c[0] == 0x47)
    return get(s, c[1]) == 0;
  if (c[0] == 0x48)
    return get(s, c[1]) != 0;
  put(s, c[1], (uint32_t)get(s, c[1]) - 1);
  return get(s, c[1]) > 0;
}

/* One instruction that can_run has seen. Returns a FLUX_RUN status, or -1 to
 * go on. */
static int step(const struct version *v, flux_state *s) {
  const uint8_t *c = v->code + s->pc;

  s->cycles++;
  if (known[c[0]].jump) {
    s->pc += jumps(s, c) ? (uint32_t)(int16_t)(c[2] | c[3] << 8) : 4;
    return -1;
  }
  s->pc += known[c[0]].length;
  switch (c[0]) {
  case 0x00:
    return FLUX_RUN_HALT;
  case 0x08:
    put_sum(s, c[1], (uint32_t)get(s, c[1]) + 1);
    return -1;
  case 0x09:
    put_sum(s, c[1], (uint32_t)get(s, c[1]) - 1);
    return -1;
  case 0x18:
    put(s, c[1], (uint32_t)(int8_t)c[2]);
    return -1;
  case 0x20:
    put_sum(s, c[1], (uint32_t)get(s, c[2]) + (uint32_t)get(s, c[3]));
    return -1;
  case 0x21:
    put_sum(s, c[1], (uint32_t)get(s, c[2]) - (uint32_t)get(s, c[3]));
    return -1;
  case 0x3A:
    put(s, c[1], (uint32_t)get(s, c[2]));
    return -1;
  default: /* NOP */
    return -1;
  }
}

/* Whether an instruction can be run: it is known, whole, and its registers
 * are R0..R63. */
static int can_step(const uint8_t *c, uint32_t left) {
  if (known[c[0]].length == 0 || known[c[0]].length > left)
    return 0;
  for (uint32_t i = 1; i <= known[c[0]].registers; i++)
    if (c[i] > 63)
      return 0;
  return 1;
}

/* Whether a program can be: every instruction in order from the start, and
 * jumps to instructions. */
static int can_run(const uint8_t *code, uint32_t size) {
  uint8_t start[MAX_CODE] = {0};

  if (size == 0 || size > MAX_CODE)
    return 0;
  for (uint32_t pc = 0; pc < size; pc += known[code[pc]].length) {
    if (!can_step(code + pc, size - pc))
      return 0;
    start[pc] = 1;
  }
  for (uint32_t pc = 0; pc < size; pc += known[code[pc]].length) {
    const uint8_t *c = code + pc;
    uint32_t to;

    if (!known[c[0]].jump)
      continue;
    to = pc + (uint32_t)(int16_t)(c[2] | c[3] << 8);
    if (to >= size || !start[to])
      return 0;
  }
  return 1;
}

static void run_task(struct version *v, flux_state *s, int counted) {
  int status = -1;

  for (int fuel = TASK_FUEL; status < 0; fuel--) {
    if (fuel == 0) {
      status = FLUX_RUN_FUEL;
    } else if (s->pc >= v->size) {
      status = FLUX_RUN_END;
    } else {
      if (counted)
        atomic_fetch_add_explicit(&v->counts[s->pc], 1,
                                  memory_order_relaxed);
      status = step(v, s);
    }
  }
  s->status = status;
}

/* ---- what the plugin may do ---------------------------------------------- */

static flux_status live_observe(uint64_t agent, uint32_t what,
                                uint32_t period, void *ctx) {
  (void)ctx;
  if (agent != AGENT_ID || period == 0)
    return FLUX_E_INVALID;
  pthread_mutex_lock(&host.lock);
  host.observe = what;
  host.period = period;
  pthread_mutex_unlock(&host.lock);
  return FLUX_OK;
}

static flux_status live_counts(uint64_t agent, uint64_t *slots,
                               uint8_t *heads, uint32_t capacity,
                               uint32_t *size, uint64_t *version, void *ctx) {
  flux_status status = FLUX_OK;

  (void)agent, (void)ctx;
  pthread_mutex_lock(&host.lock);
  *size = host.live.size;
  *version = host.live.id;
  if (capacity < host.live.size)
    status = FLUX_E_LIMIT;
  for (uint32_t i = 0; status == FLUX_OK && i < host.live.size; i++) {
    if (i % 8 == 0)
      heads[i / 8] = 0;
    slots[i] = atomic_load_explicit(&host.live.counts[i],
                                    memory_order_relaxed);
    heads[i / 8] |= (uint8_t)((slots[i] > 0) << i % 8);
  }
  pthread_mutex_unlock(&host.lock);
  return status;
}

static flux_status live_offer(uint64_t agent, const flux_patch *p,
                              void *ctx) {
  flux_status status = FLUX_OK;

  (void)ctx;
  if (agent != AGENT_ID || !FLUX_HAS(p, hold_ms))
    return FLUX_E_INVALID;
  pthread_mutex_lock(&host.lock);
  host.offers++;
  if (host.has_offer || host.probation)
    status = FLUX_E_BUSY;
  else if (p->base != host.live.id)
    status = FLUX_E_STALE;
  else if (!can_run(p->code, p->code_size))
    status = FLUX_E_UNSUPPORTED;
  if (status == FLUX_OK) {
    memset(&host.offered, 0, sizeof host.offered);
    host.offered.id = p->id;
    host.offered.base = p->base;
    memcpy(host.offered.code, p->code, p->code_size);
    host.offered.size = p->code_size;
    host.offered.entry = p->entry;
    host.offered.flags = p->flags;
    host.offered.hold_ms = p->hold_ms;
    host.has_offer = 1;
  } else {
    host.refused++;
  }
  pthread_mutex_unlock(&host.lock);
  return status;
}

static flux_status live_withdraw(uint64_t agent, uint64_t patch, void *ctx) {
  flux_status status = FLUX_E_STALE;

  (void)agent, (void)ctx;
  pthread_mutex_lock(&host.lock);
  if (host.has_offer && host.offered.id == patch) {
    host.has_offer = 0;
    status = FLUX_OK;
  }
  pthread_mutex_unlock(&host.lock);
  return status;
}

static flux_status live_agree(uint64_t agent, uint64_t task, void *ctx) {
  (void)agent, (void)ctx;
  pthread_mutex_lock(&host.lock);
  if (task >= host.agreed)
    host.agreed = task + 1;
  pthread_mutex_unlock(&host.lock);
  return FLUX_OK;
}

static flux_status live_accept(uint64_t agent, uint64_t patch, void *ctx) {
  flux_status status = FLUX_E_STALE;

  (void)agent, (void)ctx;
  pthread_mutex_lock(&host.lock);
  if (host.probation && host.live.id == patch) {
    host.probation = 0;
    host.accepted++;
    status = FLUX_OK;
  }
  pthread_mutex_unlock(&host.lock);
  return status;
}

/* Tasks of this agent begin anew, so revert and recover are one here. */
static flux_status live_take_back(uint64_t agent, uint64_t patch,
                                  uint32_t how, void *ctx) {
  (void)agent, (void)patch, (void)how, (void)ctx;
  pthread_mutex_lock(&host.lock);
  host.take_back = 1;
  pthread_mutex_unlock(&host.lock);
  return FLUX_OK;
}

static void live_explain(uint64_t agent, const char *text, void *ctx) {
  (void)agent, (void)ctx;
  if (text)
    fprintf(stderr, "explained: %s\n", text);
}

/* ---- services ------------------------------------------------------------ */

static char journal_path[4096];

/* The little that makes a plugin eager enough for a test. */
static const flux_setting settings[] = {
  {sizeof(flux_setting), FLUX_SETTING_STRING, "journal", 0, 0, journal_path,
   "fossil", 1, 0},
};

static const flux_setting *config_at(uint32_t i, void *ctx) {
  (void)ctx;
  return i < host.config.count ? &settings[i] : NULL;
}

static void log_line(uint32_t level, const char *text, void *ctx) {
  (void)ctx;
  pthread_mutex_lock(&host.lock);
  host.lines++;
  pthread_mutex_unlock(&host.lock);
  fprintf(stderr, "log %u: %s\n", (unsigned)level, text);
}

static uint64_t now_ns(void *ctx) {
  struct timespec t;

  (void)ctx;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static const void *extension(const char *id, void *ctx) {
  (void)ctx;
  if (strcmp(id, FLUX_EXT_LIVE) == 0)
    return &host.table;
  if (strcmp(id, FLUX_EXT_CONFIG) == 0)
    return &host.config;
  if (strcmp(id, FLUX_EXT_LOG) == 0)
    return &host.log;
  return strcmp(id, FLUX_EXT_CLOCK) == 0 ? &host.clock : NULL;
}

static void fill_tables(void) {
  host.config = (flux_config){sizeof(flux_config), *journal_path ? 1 : 0,
                              config_at};
  host.log = (flux_log){sizeof(flux_log), FLUX_LOG_EVENT, log_line};
  host.clock = (flux_clock){sizeof(flux_clock), 0, now_ns};
  host.table = (flux_live){
    sizeof(flux_live), 0, live_observe, live_counts, live_offer,
    live_withdraw, live_agree, live_accept, live_take_back, live_explain,
  };
}

/* ---- tasks --------------------------------------------------------------- */

static void fresh_state(flux_state *s, int32_t *cells, int32_t n,
                        uint32_t entry) {
  memset(cells, 0, CELLS * sizeof *cells);
  cells[CELL_AGENT] = -1;
  cells[CELL_HEAP] = 32768;
  cells[CELL_SP] = 256;
  cells[1] = n;
  memset(s, 0, sizeof *s);
  s->struct_size = sizeof *s;
  s->cell_count = CELLS;
  s->mem_size = MEM;
  s->pc = entry;
  s->cells = cells;
}

/* At a boundary: patches in and out. Returns flags for the task. */
static uint32_t at_boundary(void) {
  uint32_t flags = 0;

  pthread_mutex_lock(&host.lock);
  if (host.take_back && host.probation) {
    host.live = host.before;
    host.probation = 0;
    host.reverted++;
    flags |= FLUX_TASK_TAKEN_BACK;
  }
  host.take_back = 0;
  if (host.has_offer) {
    host.before = host.live;
    host.live = host.offered;
    host.has_offer = 0;
    host.installed++;
    host.probation = !(host.live.flags & FLUX_PATCH_ACCEPTED);
    flags |= FLUX_TASK_SWAPPED;
  }
  if (host.probation)
    flags |= FLUX_TASK_PROBATION;
  if (host.probation && (host.live.flags & FLUX_PATCH_HOLD))
    flags |= FLUX_TASK_HELD;
  pthread_mutex_unlock(&host.lock);
  return flags;
}

/* Waits for the verdict on a held task; without one the patch goes. */
static void wait_for_verdict(uint64_t task) {
  const struct timespec nap = {0, 100000};
  uint64_t until = now_ns(NULL) + host.live.hold_ms * UINT64_C(1000000);

  for (;;) {
    int done;

    pthread_mutex_lock(&host.lock);
    if (now_ns(NULL) > until)
      host.take_back = 1;
    done = host.agreed > task || host.take_back || !host.probation;
    pthread_mutex_unlock(&host.lock);
    if (done)
      return;
    nanosleep(&nap, NULL);
  }
}

/* One task with everything around it. Returns whether its sum is right. */
static int one_task(const flux_evolver *e, flux_evolved *agent,
                    uint64_t number) {
  int32_t begin_cells[CELLS], cells[CELLS];
  int32_t n = (int32_t)(number % 50) + 1;
  uint32_t flags = at_boundary() | FLUX_TASK_FRESH, what;
  flux_state begin, end;
  flux_task task;

  pthread_mutex_lock(&host.lock);
  what = number % host.period == 0 ? host.observe : 0;
  pthread_mutex_unlock(&host.lock);
  if (flags & FLUX_TASK_PROBATION)
    what |= FLUX_OBSERVE_RECORD;
  fresh_state(&begin, begin_cells, n, host.live.entry);
  fresh_state(&end, cells, n, host.live.entry);
  run_task(&host.live, &end, what & FLUX_OBSERVE_COUNT);
  if (what & FLUX_OBSERVE_COUNT)
    flags |= FLUX_TASK_COUNTED;
  if (what & FLUX_OBSERVE_RECORD)
    flags |= FLUX_TASK_RECORDED;
  memset(&task, 0, sizeof task);
  task.struct_size = sizeof task;
  task.flags = flags;
  task.number = number;
  task.version = host.live.id;
  task.cycles = end.cycles;
  task.status = end.status;
  task.begin_pc = begin.pc;
  task.end_pc = end.pc;
  task.confidence = 1;
  task.trust = 1;
  task.begin = &begin;
  task.end = &end;
  if (what)
    e->task_end(agent, &task);
  if (flags & FLUX_TASK_HELD)
    wait_for_verdict(number);
  return end.status == FLUX_RUN_HALT && cells[3] == n * (n + 1) / 2;
}

static unsigned run_agent(const flux_evolver *e, flux_evolved *agent,
                          unsigned long tasks) {
  const struct timespec rest = {0, 200000};
  unsigned wrong = 0;

  /* A while longer after the first patch that stayed, and no more. */
  for (unsigned long i = 0, after = 0; i < tasks && after < 200; i++) {
    wrong += !one_task(e, agent, i);
    after += host.accepted > 0;
    nanosleep(&rest, NULL);
  }
  return wrong;
}

/* ---- life ---------------------------------------------------------------- */

static char *read_text(const char *path, size_t *size) {
  char *text = calloc(1, 1 << 20);
  FILE *f = fopen(path, "rb");

  if (!f || !text) {
    fprintf(stderr, "cannot read %s\n", path);
    exit(1);
  }
  *size = fread(text, 1, (1 << 20) - 1, f);
  fclose(f);
  return text;
}

static const flux_plugin_descriptor *load(const char *path) {
  const flux_plugin_descriptor *d;
  flux_plugin_entry_fn entry;
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  void *address = library ? dlsym(library, FLUX_PLUGIN_ENTRY) : NULL;

  if (!address) {
    fprintf(stderr, "%s\n", dlerror());
    return NULL;
  }
  memcpy(&entry, &address, sizeof entry);
  d = entry();
  if (!d || !FLUX_HAS(d, extension) ||
      d->build_signature != FLUX_BUILD_SIGNATURE ||
      d->negotiate(1, 1) != 1) {
    fprintf(stderr, "%s: not for this host\n", path);
    return NULL;
  }
  return d;
}

static int run(const flux_plugin_descriptor *d, flux_plugin *plugin,
               char **argv) {
  const flux_evolver *e = d->extension(plugin, FLUX_EXT_EVOLVER);
  flux_evolved *agent = NULL;
  flux_agent_info info;
  char message[200] = "";
  unsigned wrong;

  if (!e || !FLUX_HAS(e, task_end)) {
    fprintf(stderr, "no %s\n", FLUX_EXT_EVOLVER);
    return 1;
  }
  memset(&info, 0, sizeof info);
  info.struct_size = sizeof info;
  info.flags = FLUX_AGENT_FRESH_START | FLUX_AGENT_COUNTS_ALL;
  info.id = AGENT_ID;
  info.name = "sum";
  info.dialect = "unified";
  info.dialect_text = read_text(argv[2], &info.dialect_size);
  info.bindings_text = read_text(argv[3], &info.bindings_size);
  info.code = sum_code;
  info.code_size = sizeof sum_code;
  info.manifest = manifest;
  info.trust = 1;
  info.confidence_cell = -1;
  info.max_task_fuel = TASK_FUEL;
  info.confidence_scale = 1;
  if (e->attach(plugin, &info, &agent, message, sizeof message) != FLUX_OK) {
    fprintf(stderr, "not attached: %s\n", message);
    return 1;
  }
  free((void *)(uintptr_t)info.dialect_text);
  free((void *)(uintptr_t)info.bindings_text);
  wrong = run_agent(e, agent, strtoul(argv[4], NULL, 10));
  e->detach(plugin, agent);
  printf("wrong %u offers %u refused %u installed %u accepted %u reverted "
         "%u\n", wrong, host.offers, host.refused, host.installed,
         host.accepted, host.reverted);
  return wrong != 0;
}

int main(int argc, char **argv) {
  static flux_host about = {
    sizeof about, FLUX_ABI_VERSION, "fossil-host", "1.0", "fossil-vm-1",
    NULL, extension,
  };
  const flux_plugin_descriptor *d;
  flux_plugin *plugin = NULL;
  char message[200] = "";
  int rc;

  if (argc < 5) {
    fprintf(stderr, "fossil-host PLUGIN.so TABLE BINDINGS TASKS [JOURNAL]\n");
    return 2;
  }
  if (argc > 5)
    snprintf(journal_path, sizeof journal_path, "%s", argv[5]);
  memcpy(host.live.code, sum_code, sizeof sum_code);
  host.live.size = sizeof sum_code;
  fill_tables();
  d = load(argv[1]);
  if (!d)
    return 1;
  if (d->check(&about, message, sizeof message) != FLUX_OK ||
      d->create(&about, &plugin, message, sizeof message) != FLUX_OK) {
    fprintf(stderr, "not created: %s\n", message);
    return 1;
  }
  rc = run(d, plugin, argv);
  d->destroy(plugin);
  return rc;
}
