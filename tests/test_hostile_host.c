/*
 * test_hostile_host.c - what the host reads from others: patches and verdicts
 * of a plugin, configs, programs, manifests. Whatever it is, it is refused or
 * does no harm.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hostsdk/config.h"
#include "tests/hostile.h"
#include "tests/isa_util.h"
#include "tests/rig.h"
#include "tests/unit.h"

/* libconfig 1.5 loses a buffer when a text ends inside a string. */
const char *__lsan_default_suppressions(void);
__attribute__((visibility("default")))
const char *__lsan_default_suppressions(void) {
  return "leak:libconfig";
}

static struct hostile text, fresh;

/* ---- a plugin that talks nonsense --------------------------------------- */

static const char twice[] =
    ".dialect unified\n.in R1 0..200\n.out R3\n"
    "MOV R3, R1\n ADD R3, R3, R1\n TELL R3, R1, R0\n HALT\n";
static const char sums[] =
    ".dialect unified\n"
    "start: MOVI R6, 0\n"
    "next:  SENSE R2\n ADD R5, R5, R2\n TELL R5, R2, R6\n YIELD 0\n"
    "at1:   INC R6\n JMP next\n";

/* A patch and all it points to. */
struct nonsense {
  flux_patch patch;
  uint8_t code[256];
  flux_transfer pairs[8], back[8];
};

static void draw_pairs(flux_transfer *t, uint32_t n, uint32_t size,
                       uint64_t *random) {
  for (uint32_t i = 0; i < n; i++) {
    t[i].from_pc = isa_below(random, 4) ? isa_below(random, size)
                                        : (uint32_t)hostile_number(random);
    t[i].to_pc = isa_below(random, 64) ? isa_below(random, size)
                                       : (uint32_t)hostile_number(random);
  }
}

/* A patch that is right but for a few of its parts. It can be installed where
 * the agent stands at its boundaries. */
static void draw_patch(struct nonsense *n, const struct rig_agent *a,
                       uint64_t id, uint64_t *random) {
  flux_patch *p = &n->patch;
  uint32_t size = a->program->size;
  uint32_t here = a->options.continuing ? rig_label(a->program, "at1") : 0;
  memset(n, 0, sizeof *n);
  memcpy(n->code, a->program->code, size);
  for (unsigned i = isa_below(random, 6); i > 0; i--)
    n->code[isa_below(random, size)] = (uint8_t)isa_random(random);
  *p = (flux_patch){.struct_size = sizeof *p,
                    .id = id,
                    .base = rig_stats(a).version,
                    .code = n->code,
                    .code_size = size,
                    .entry = a->program->entry,
                    .manifest = "",
                    .transfer_count = 1 + isa_below(random, 8),
                    .back_count = 1 + isa_below(random, 8),
                    .transfer = n->pairs,
                    .back = n->back,
                    .deadline_tasks = isa_below(random, 4),
                    .flags = FLUX_PATCH_HOLD,
                    .hold_ms = 60000};
  draw_pairs(n->pairs, 8, size, random);
  draw_pairs(n->back, 8, size, random);
  n->pairs[0] = n->back[0] = (flux_transfer){here, here};
  switch (isa_below(random, 32)) {
    case 0: p->struct_size = isa_below(random, sizeof *p); break;
    case 1: p->struct_size = UINT32_MAX; break;
    case 2: p->id = hostile_number(random); break;
    case 3: p->base = hostile_number(random); break;
    case 4: p->code = NULL; break;
    case 5: p->code_size = 0; break;
    case 6: p->code_size = UINT32_MAX; break;
    case 7: p->entry = (uint32_t)hostile_number(random); break;
    case 8: p->manifest = NULL; break;
    case 9: p->transfer = NULL; break;
    case 10: p->back = NULL; break;
    case 11: p->back_count = UINT32_MAX; break;
    case 12: p->transfer_count = UINT32_MAX; break;
    case 13: p->hold_ms = (uint32_t)hostile_number(random); break;
    case 14: p->boundary_pc = (uint32_t)hostile_number(random); break;
    default: break;
  }
}

/* Says something, sensible or not, to the runtime. */
static void say_anything(struct rig_agent *a, uint64_t patch,
                         uint64_t *random) {
  const flux_live *l = a->rig->live;
  void *ctx = a->rig->runtime;
  uint64_t who = isa_below(random, 4) ? a->id : hostile_number(random);
  uint64_t what = isa_below(random, 4) ? patch : hostile_number(random);
  uint64_t slots[256], version = 0;
  uint8_t heads[32];
  uint32_t size = 0;
  switch (isa_below(random, 6)) {
    case 0: l->observe(who, (uint32_t)isa_random(random),
                       (uint32_t)hostile_number(random), ctx); break;
    case 1: l->withdraw(who, what, ctx); break;
    case 2: l->explain(who, isa_below(random, 2) ? NULL : text.text, ctx);
            break;
    case 3: l->take_back(who, what, 2 + isa_below(random, 9), ctx); break;
    case 4: l->agree(who, UINT64_MAX - isa_below(random, 9), ctx); break;
    default:
      if (l->counts(who, slots, heads, isa_below(random, 2) ? 256 : 3, &size,
                    &version, ctx) == FLUX_OK)
        UNIT_TRUE(size <= 256, "%u slots", size);
  }
}

/* Until nothing is on probation: what is, is taken back. */
static void settle(struct rig_agent *a, uint64_t patch) {
  for (unsigned i = 0; i < 200; i++) {
    enum fhost_step step = rig_step(a);
    if (step == FHOST_HELD) rig_take_back(a, patch, FLUX_RECOVER);
    else if (step == FHOST_STOPPED) break;
    else if (step == FHOST_RAN && i > 8) break;
  }
}

/* Patches that nobody agrees with leave no trace. */
static void patches(const char *program, bool continuing) {
  unsigned n = (unsigned)unit_scale(3000), offered = 0;
  uint64_t random = continuing;
  struct rig r;
  struct rig_agent *a;
  rig_open(&r);
  a = rig_add(&r, &(struct rig_options){.text = program,
                                        .continuing = continuing,
                                        .no_begin = continuing,
                                        .fuel = 500});
  hostile_lay(&text, "it is the weather", 17);
  for (unsigned i = 1; i <= n; i++) {
    struct nonsense p;
    draw_patch(&p, a, i, &random);
    if (r.live->offer(a->id, &p.patch, r.runtime) == FLUX_OK) offered++;
    for (unsigned k = isa_below(&random, 3); k > 0; k--)
      say_anything(a, p.patch.id, &random);
    settle(a, p.patch.id);
    rig_withdraw(a, p.patch.id);
  }
  UNIT_TRUE(offered > n / 4 && offered < n, "%u of %u", offered, n);
  UNIT_TRUE(rig_stats(a).installed > 0, "some were installed");
  UNIT_EQ(rig_stats(a).accepted, 0);
  rig_as_control(a, rig_stats(a).tasks);
  UNIT_EQ(r.live->offer(a->id, NULL, r.runtime), FLUX_E_INVALID);
  UNIT_EQ(r.live->offer(a->id + 7, NULL, r.runtime), FLUX_E_NOT_FOUND);
  rig_close(&r);
}

static void patches_fresh(void) { patches(twice, false); }
static void patches_continuing(void) { patches(sums, true); }

/* ---- configs ------------------------------------------------------------ */

static void configs(void) {
  unsigned n = (unsigned)unit_scale(5000), good = 0;
  uint64_t random = 1;
  hostile_file(&fresh, "samples/flux.conf");
  for (unsigned i = 0; i < n; i++) {
    struct fhost_config *c = NULL;
    struct fisa_error err = {""};
    hostile_lay(&text, fresh.text, fresh.size);
    hostile_mutate(&text, &random, 0);
    if (fhost_config_parse(text.text, "t.conf", "/", &c, &err) == 0) {
      good++;
      UNIT_TRUE(c->threads >= 1 && c->threads <= FHOST_MAX_THREADS, "threads");
      for (uint32_t k = 0; k < c->agent_count; k++)
        UNIT_TRUE(c->agents[k].trust >= 0 && c->agents[k].trust <= 1 &&
                      c->agents[k].name[0] != '\0', "agent %u", k);
    } else {
      UNIT_TRUE(c == NULL, "nothing was made");
      UNIT_TRUE(strncmp(err.text, "t.conf", 6) == 0, "\"%s\"", err.text);
      UNIT_TRUE(strchr(err.text, '\n') == NULL, "one line: %s", err.text);
    }
    fhost_config_free(c);
  }
  UNIT_TRUE(good > 0 && good < n, "%u of %u are fine", good, n);
}

/* ---- programs ----------------------------------------------------------- */

static const char *const samples[] = {"sum", "alarm", "checksum", "sort",
                                      "thermostat", "hash"};

static void write_text(const char *path) {
  FILE *f = fopen(path, "wb");
  if (!UNIT_TRUE(f != NULL, "%s", path)) return;
  fwrite(text.text, 1, text.size, f);
  fclose(f);
}

/* Loads it; what loads has sense enough to be looked at. */
static bool load(const char *arg, const char *dialect, const char *manifest) {
  struct fisa_dialect *d = NULL;
  struct fisa_program *p = NULL;
  struct fisa_error err = {""};
  struct fisa_finding found;
  bool good = fisa_load(arg, dialect, manifest, &d, &p, &err) == 0;
  if (good) {
    UNIT_TRUE(p->size > 0 && p->entry <= p->size, "entry %u of %u", p->entry,
              p->size);
    UNIT_TRUE(fisa_verify(p, &found, 1) >= 0, "verified");
  } else {
    UNIT_TRUE(err.text[0] != '\0', "a sentence");
    UNIT_TRUE(p == NULL, "nothing was made");
  }
  fisa_program_free(p);
  fisa_dialect_free(d);
  return good;
}

static void lay_sample(unsigned i) {
  char path[64];
  snprintf(path, sizeof path, "samples/agents/%s.flx",
           samples[i % (sizeof samples / sizeof *samples)]);
  hostile_file(&text, path);
}

static void programs(void) {
  unsigned n = (unsigned)unit_scale(3000), good = 0;
  uint64_t random = 2;
  char path[256];
  snprintf(path, sizeof path, "%s/t.flx", unit_tmpdir());
  for (unsigned i = 0; i < n; i++) {
    lay_sample(i);
    hostile_mutate(&text, &random, 1);
    write_text(path);
    good += load(path, NULL, NULL);
  }
  UNIT_TRUE(good > 0 && good < n, "%u of %u are fine", good, n);
}

static void manifests(void) {
  static const char lines[] =
      ".dialect unified\n.in R1 0..40\n.in mem 0x200 16\n.in stack 4\n"
      ".out R3\n.out mem 0x300 8\n.scratch mem 0x100 12\n"
      ".boundary pc:3\n.data 0x100 byte 1,2,3\n.data 0x200 ascii \"ab\"\n"
      ".entry 0\n";
  unsigned n = (unsigned)unit_scale(3000), good = 0;
  uint64_t random = 3;
  char path[256], code[256];
  snprintf(path, sizeof path, "%s/t.manifest", unit_tmpdir());
  snprintf(code, sizeof code, "%s/t.fxb", unit_tmpdir());
  for (unsigned i = 0; i < n; i++) {
    hostile_lay(&text, "\x2b\x01\x05\x00\x2b\x02\x07\x00\x00", 9);
    if (i % 2) hostile_mutate(&text, &random, 1);
    write_text(code);
    hostile_lay(&text, lines, sizeof lines - 1);
    hostile_mutate(&text, &random, 1);
    write_text(path);
    good += load(code, "unified", path);
  }
  UNIT_TRUE(good > 0 && good < n, "%u of %u are fine", good, n);
}

/* Bytes of any kind are a program of every dialect, or none. */
static void raw_bytes(void) {
  static const char digits[] = "0123456789abcdefABCDEFgx -";
  unsigned n = (unsigned)unit_scale(3000);
  uint64_t random = 4;
  for (unsigned i = 0; i < n; i++) {
    char arg[600] = "hex:";
    size_t size = isa_below(&random, 500);
    const char *name = fisa_builtin_name(isa_below(&random, 4));
    for (size_t k = 0; k < size; k++)
      arg[4 + k] = digits[isa_below(&random, isa_below(&random, 50) ? 16
                                             : sizeof digits - 1)];
    (void)load(arg, name != NULL ? name : "nowhere", NULL);
  }
  UNIT_TRUE(!load("hex:", "unified", NULL), "nothing is no program");
  UNIT_TRUE(!load("hex:00", "../unified", NULL), "no such dialect");
  UNIT_TRUE(!load("hex:00", NULL, NULL), "no dialect");
  UNIT_TRUE(!load("", "unified", NULL), "no name");
  UNIT_TRUE(!load(unit_tmpdir(), "unified", NULL), "a folder");
}

static const struct unit_test tests[] = {
    {"plugin", "patches of an agent that starts anew", patches_fresh},
    {"plugin", "patches of an agent that goes on", patches_continuing},
    {"files", "configs", configs},
    {"files", "programs", programs},
    {"files", "manifests", manifests},
    {"files", "raw bytes", raw_bytes},
};
UNIT_MAIN(tests)
