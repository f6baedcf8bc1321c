/*
 * tests/bench_window.c - how fast the search of windows is, on one core.
 *
 *   search.enum   sequences enumerated a second: a row with operands put
 *                 behind a prefix counts one, whether its value was worked
 *                 out for all tests, for the first ones, or was there
 *                 already; proofs of what was found are left out
 *   search.walk   changes of a walk tried a second, kept ones included
 *   search.rate   those of them that were rejected
 *
 * All three are of processor time, so that another program on the machine is
 * no part of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "plugin/window_enum.h"
#include "plugin/window_walk.h"
#include "tests/bench.h"
#include "tests/window_help.h"

/* Leading zeros compared, the long way: nothing shorter is found early. */
static const char text[] =
    ".dialect unified\n.in R1\n.in R2\n.out R3\n"
    "MOV R4, R1\nNOT R4\nAND R4, R2, R4\nMOVI R6, 1\nSHLI R6, 31\n"
    "XOR R4, R4, R6\nXOR R5, R1, R6\nCMP_GT R3, R4, R5\nMOVI R7, 1\n"
    "XOR R3, R3, R7\nHALT\n";

static double cpu_s(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void bench_window(void) {
  struct window_rig r;
  struct fse_window w;
  struct fse_menu *m;
  struct fse_tests *t = fse_column_alloc(sizeof *t);
  struct fse_enum_result e;
  struct fse_walk_result k;
  double begin;
  window_rig_make(&r, text, NULL, window_plain_ops);
  if (t == NULL || fse_window_read(&r.view, r.slots, 0, 10, &w) != 0 ||
      (m = fse_menu_new(r.lexicon, &w.task)) == NULL) {
    fprintf(stderr, "bench: the window cannot be read\n");
    exit(1);
  }
  t->counter_count = 0;
  fse_tests_make(t, &w.task, 1);
  struct fse_enum_request q = {.task = &w.task, .menu = m, .tests = t,
                               .cost_to = 4, .work = UINT64_C(200000000)};
  begin = cpu_s();
  if (fse_enum_run(&q, &e) != 0) exit(1);
  bench_figure("search.enum", (double)e.work / (cpu_s() - begin) / 1e6,
               "M sequences/s");
  struct fse_walk_request v = {.task = &w.task, .menu = m, .tests = t,
                               .rows = 9, .cost = 9, .seed = 1,
                               .work = 5000000};
  begin = cpu_s();
  if (fse_walk_run(&v, &k) != 0) exit(1);
  begin = cpu_s() - begin;
  bench_figure("search.walk", (double)k.work / begin / 1e6, "M changes/s");
  bench_figure("search.rate", (double)(k.work - k.kept) / begin / 1e6,
               "M rejected/s");
  fse_menu_free(m);
  free(t);
  window_rig_done(&r);
}
