/*
 * plugin/prove/main.c - flux-prove: questions on stdin, answers on stdout.
 *
 * A process of its own, so that whatever a solver does it does to itself. It
 * has nothing of its parent's but these two ends, and dies with them.
 *
 *   flux-prove MEGABYTES SECONDS     what one question may take
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "plugin/prove/solve.h"

static void limit(int what, rlim_t soft) {
  struct rlimit r = {soft, soft};
  (void)setrlimit((__rlimit_resource_t)what, &r);
}

/* Descriptors that the parent had no reason to hand over. */
static void close_others(void) {
  long most = sysconf(_SC_OPEN_MAX);
  if (most < 0 || most > 65536) most = 65536;
  for (int fd = STDERR_FILENO + 1; fd < most; fd++) (void)close(fd);
}

static void settle_in(char **argv) {
  unsigned long mb = strtoul(argv[1], NULL, 10);
  char text[24];
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
  (void)setpriority(PRIO_PROCESS, 0, 10);
  close_others();
  limit(RLIMIT_CORE, 0);
  if (mb > 0) limit(RLIMIT_AS, (rlim_t)mb << 20);
  /* Before the kernel says no, the solver does. */
  snprintf(text, sizeof text, "%lu", mb - mb / 4);
  if (mb > 0) Z3_global_param_set("memory_max_size", text);
}

/* A message up to its line "end", in a buffer that is kept. NULL: no more. */
static char *read_message(void) {
  static char *text;
  static size_t room;
  size_t used = 0;
  char line[PROVE_LINE];
  while (fgets(line, sizeof line, stdin) != NULL) {
    size_t n = strlen(line);
    if (used + n + 1 > room) {
      char *more = room > PROVE_MESSAGE ? NULL
                                        : realloc(text, (room + n) * 2 + 4096);
      if (more == NULL) return NULL;
      text = more;
      room = (room + n) * 2 + 4096;
    }
    memcpy(text + used, line, n + 1);
    used += n;
    if (strcmp(line, "end\n") == 0) return text;
  }
  return NULL;
}

/* The processor time that this question may take. */
static void arm(unsigned long seconds) {
  struct rusage used;
  struct rlimit r;
  if (seconds == 0 || getrusage(RUSAGE_SELF, &used) != 0 ||
      getrlimit(RLIMIT_CPU, &r) != 0)
    return;
  r.rlim_cur = (rlim_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
               seconds + 1;
  (void)setrlimit(RLIMIT_CPU, &r);
}

static int answer(const char *text) {
  struct prove_asked_for a;
  struct prove_said said = {.proof = FSE_UNPROVED};
  struct fisa_error err = {""};
  struct isa_buf b = {0};
  char *out;
  if (prove_read_question(text, &a, &err) != 0)
    snprintf(said.reason, sizeof said.reason, "%.100s", err.text);
  else
    solve(&a.q, a.work, &said);
  said.id = a.id;
  prove_asked_for_done(&a);
  prove_write_answer(&b, &said);
  free(said.value);
  out = isa_buf_take(&b);
  if (out == NULL) return -1;
  int rc = fputs(out, stdout) == EOF || fflush(stdout) != 0 ? -1 : 0;
  free(out);
  return rc;
}

int main(int argc, char **argv) {
  unsigned long seconds;
  char *text;
  if (argc != 3) {
    fputs("flux-prove is started by the plugin beside it\n", stderr);
    return 2;
  }
  seconds = strtoul(argv[2], NULL, 10);
  settle_in(argv);
  while ((text = read_message()) != NULL) {
    arm(seconds);
    if (answer(text) != 0) return 1;
  }
  return 0;
}
