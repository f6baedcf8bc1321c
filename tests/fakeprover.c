/*
 * fakeprover.c - a solver that is wrong in one way: the one it is named.
 *
 * It is called through links, as crash, hang, eat, ... One that hangs leaves a
 * file beside its link, NAME.asked: a test knows then that it is waited for.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned long long question(void) {
  char line[65536];
  unsigned long long id = 0;
  while (fgets(line, sizeof line, stdin) != NULL) {
    if (strncmp(line, "flux-prove 1 ask ", 17) == 0)
      id = strtoull(line + 17, NULL, 10);
    if (strcmp(line, "end\n") == 0) return id;
  }
  exit(0);
}

static void eat(void) {
  for (;;) {
    char *p = malloc(1 << 20);
    if (p == NULL) abort();
    memset(p, 1, 1 << 20);
  }
}

static void flood(void) {
  for (;;)
    if (printf("flux-prove 1 answer and so on and on\n") < 0) exit(1);
}

static void hang(void) {
  for (;;) pause();
}

static void tell_asked(const char *link) {
  char path[4096];
  FILE *f;
  snprintf(path, sizeof path, "%s.asked", link);
  f = fopen(path, "a");
  if (f == NULL) exit(1);
  fprintf(f, "%ld\n", (long)getpid());
  fclose(f);
}

static void spin(void) {
  volatile unsigned long n = 0;
  for (;;) n++;
}

/* Whole answers, of which none may be believed. */
static const struct {
  const char *name, *text;
} answer[] = {
    {"rubbish", "what is the question?\nend\n"},
    {"version", "flux-prove 2 answer %llu proved 1\nend\n"},
    {"other", "flux-prove 1 answer 999999 proved 1\nend\n"},
    {"maybe", "flux-prove 1 answer %llu maybe 1\nend\n"},
    {"more", "flux-prove 1 answer %llu proved 1\ncell 0 1 1\nend\n"},
    {"negative", "flux-prove 1 answer %llu proved -1\nend\n"},
    {"liar", "flux-prove 1 answer %llu refuted 1\ncell 2 1 5\nend\n"},
    {"outside", "flux-prove 1 answer %llu refuted 1\ncell 2 70000 5\n"
                "byte 2 4000000000 1\ninput 2 4000000000 1\nend\n"},
    {"empty", "end\n"},
    {"twice", "flux-prove 1 answer %llu proved 1\nend\n"
              "flux-prove 1 answer %llu proved 1\nend\n"},
    {"words", "flux-prove 1 answer %llu unproved 1\nreason \033[31mred\n"
              "end\n"},
};

int main(int argc, char **argv) {
  const char *name = strrchr(argv[0], '/');
  unsigned long long id;
  (void)argc;
  name = name != NULL ? name + 1 : argv[0];
  if (strcmp(name, "gone") == 0) return 0;
  if (strcmp(name, "deaf") == 0) {
    close(STDIN_FILENO);
    hang();
  }
  if (strcmp(name, "early") == 0) {
    printf("flux-prove 1 answer 1 proved 1\nend\n");
    fflush(stdout);
  }
  for (;;) {
    id = question();
    if (strcmp(name, "crash") == 0) abort();
    if (strcmp(name, "killed") == 0) raise(SIGKILL);
    if (strcmp(name, "stopped") == 0) raise(SIGSTOP);
    if (strcmp(name, "leaves") == 0) return 0;
    if (strcmp(name, "hang") == 0) {
      tell_asked(argv[0]);
      hang();
    }
    if (strcmp(name, "spin") == 0) spin();
    if (strcmp(name, "eat") == 0) eat();
    if (strcmp(name, "flood") == 0) flood();
    if (strcmp(name, "half") == 0) {
      printf("flux-prove 1 answer %llu pro", id);
      fflush(stdout);
      hang();
    }
    if (strcmp(name, "nul") == 0) {
      printf("flux-prove 1 answer %llu proved 1\n%cend\n", id, 0);
      printf("end\n");
    }
    for (size_t i = 0; i < sizeof answer / sizeof answer[0]; i++)
      if (strcmp(name, answer[i].name) == 0)
        printf(answer[i].text, id, id);
    fflush(stdout);
  }
}
