/*
 * tests/bench_proof.c - how much of what the search finds is proved.
 *
 *   proof          share of the edits without a loop that are proved
 *   proof.all      share of all edits: the others rest on what a loop keeps
 *   proof.median   milliseconds of a question about an edit
 *   proof.p99
 *
 * An edit has a loop where windows as wide as they can be, up to the loop's
 * own places, differ on a state: such an edit holds for what a loop keeps from
 * one round to the next, and no proof about a window can say so.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "isa/asm.h"
#include "plugin/agree.h"
#include "plugin/search.h"
#include "tests/bench.h"
#include "tests/bench_set.h"

#define MOST 4096

struct tally {
  struct fse_prover *prover;
  const struct fisa_program *root;
  const struct fisa_facts *facts;
  const char *name;
  unsigned edits, proved, loops, open;
  double ms[MOST];
};

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void on_edit(const struct fisa_program *before,
                    const struct fisa_program *behind, void *user) {
  struct tally *t = user;
  const struct fse_agree_request r = {t->root, t->facts, before, behind};
  struct fse_agreement a;
  double begin = now_ms();
  fse_agree(t->prover, &r, &a);
  if (t->edits < MOST) t->ms[t->edits] = now_ms() - begin;
  t->edits++;
  if (a.proof == FSE_PROVED)
    t->proved++;
  else if (a.differs)
    t->loops++;
  else
    t->open++;
  if (getenv("BENCH_PROOF_TELL") != NULL)
    fprintf(stderr, "%s %u: %s %.1f ms %s\n", t->name, t->edits,
            a.proof == FSE_PROVED ? "proved" : a.differs ? "loop" : "open",
            now_ms() - begin, a.reason);
  fse_agreement_done(&a);
}

static void evolve(struct tally *t, const struct fisa_program *p) {
  struct fse_policy *policy = malloc(sizeof *policy);
  struct ftrial_set *set = bench_set(p, 32);
  struct fisa_facts *facts = NULL;
  struct fse_search_result r;
  struct fisa_error err = {""};
  if (policy == NULL || fisa_facts_make(p, &facts, &err) != 0) bench_fail(&err);
  fse_policy_init(policy);
  struct fse_search_request q = {.root = p, .parent = p, .set = set,
                                 .policy = policy, .seed = 1,
                                 .assurance = FSE_ASSURE_REPLAY,
                                 .threads = 1, .budget = 20000, .once = true,
                                 .edit = on_edit, .user = t};
  t->root = p;
  t->facts = facts;
  if (fse_search(&q, &r, &err) != 0) bench_fail(&err);
  fse_search_result_done(&r);
  fisa_facts_free(facts);
  ftrial_set_free(set);
  free(policy);
}

static void one_file(struct tally *t, const char *path, const char *name) {
  static char text[65536];
  struct fisa_dialect *d = NULL;
  struct fisa_program *p = NULL;
  struct fisa_error err = {""};
  char dialect[FISA_MAX_NAME];
  FILE *f = fopen(path, "rb");
  size_t n = f != NULL ? fread(text, 1, sizeof text - 1, f) : 0;
  if (f != NULL) fclose(f);
  text[n] = '\0';
  if (!fisa_asm_dialect(text, n, dialect)) snprintf(dialect, 8, "unified");
  if (fisa_dialect_builtin(dialect, true, &d, &err) != 0 ||
      fisa_assemble(d, text, n, name, &p, &err) != 0)
    bench_fail(&err);
  t->name = name;
  evolve(t, p);
  fisa_program_free(p);
  fisa_dialect_free(d);
}

static int by_name(const struct dirent **a, const struct dirent **b) {
  return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_agent(const struct dirent *e) {
  size_t n = strlen(e->d_name);
  return n > 4 && strcmp(e->d_name + n - 4, ".flx") == 0;
}

static int by_value(const void *x, const void *y) {
  double a = *(const double *)x, b = *(const double *)y;
  return a < b ? -1 : a > b;
}

static const char *from(const char *variable) {
  const char *v = getenv(variable);
  return v != NULL ? v : ".";
}

static void bench_proof(void) {
  static struct tally t;
  struct dirent **entry = NULL;
  char path[4096], folder[2048];
  unsigned n, decided;
  int files;
  snprintf(path, sizeof path, "%s/lib/flux/flux-prove",
           from("FLUX_BUILDDIR"));
  t.prover = fse_prover_new(path, NULL);
  snprintf(folder, sizeof folder, "%s/samples/agents", from("FLUX_SRCDIR"));
  files = scandir(folder, &entry, is_agent, by_name);
  for (int i = 0; i < files; i++) {
    snprintf(path, sizeof path, "%s/%s", folder, entry[i]->d_name);
    one_file(&t, path, entry[i]->d_name);
    free(entry[i]);
  }
  free(entry);
  if (fse_prover_absent(t.prover) != NULL)
    fprintf(stderr, "bench: %s\n", fse_prover_absent(t.prover));
  fse_prover_free(t.prover);
  n = t.edits < MOST ? t.edits : MOST;
  decided = t.proved + t.open;
  if (decided == 0) return;
  qsort(t.ms, n, sizeof t.ms[0], by_value);
  bench_figure("proof", 100.0 * t.proved / decided, "% of edits, no loop");
  bench_figure("proof.all", 100.0 * t.proved / t.edits, "% of edits");
  bench_figure("proof.median", t.ms[n / 2], "ms");
  bench_figure("proof.p99", t.ms[n * 99 / 100], "ms");
}

const struct bench_group bench_groups[] = {{"proof", bench_proof},
                                           {NULL, NULL}};
