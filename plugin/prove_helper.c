/*
 * plugin/prove_helper.c - the process that holds the solver.
 *
 * It is started with two ends of a socket pair for its stdin and stdout: a
 * write to one that died is an error and no signal, whatever the host made of
 * SIGPIPE. Nothing it does is waited for longer than a question may take, or
 * than somebody wants the answer, and after a few that had to be ended it is
 * not started again.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "plugin/prove_impl.h"

#define MOST_FAILURES 8u
#define LOOK_MS 20u  /* between two looks at whether anybody waits */

extern char **environ;

struct fse_helper {
  char path[1024];
  struct fse_prover_limits limits;
  pid_t pid;             /* 0: it does not run */
  int fd;
  uint32_t failures;     /* times it had to be ended */
};

static uint64_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- the program -------------------------------------------------------- */

/* Whoever can write to it, or put another in its place, runs code as the
 * host: the rule that hosts have for plugins. */
static bool trusted(const char *path, char *why, size_t capacity) {
  struct stat st;
  if (stat(path, &st) != 0 || !S_ISREG(st.st_mode) || access(path, X_OK)) {
    snprintf(why, capacity, "there is no solver: %.100s is no program", path);
    return false;
  }
  if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0 ||
      (st.st_uid != 0 && st.st_uid != geteuid())) {
    snprintf(why, capacity, "there is no solver: others may write %.100s",
             path);
    return false;
  }
  return true;
}

struct fse_helper *prove_helper_new(const char *path,
                                    const struct fse_prover_limits *limits,
                                    char *why, size_t capacity) {
  struct fse_helper *h;
  assert(limits->wall_ms > 0);
  if (strlen(path) >= sizeof h->path || !trusted(path, why, capacity))
    return NULL;
  h = calloc(1, sizeof *h);
  if (h == NULL) {
    snprintf(why, capacity, "out of memory");
    return NULL;
  }
  snprintf(h->path, sizeof h->path, "%s", path);
  h->limits = *limits;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  h->limits.memory_mb = 0; /* sanitizers map terabytes */
#endif
  h->fd = -1;
  return h;
}

/* ---- its life ----------------------------------------------------------- */

/*
 * Ends it and leaves no zombie. It is killed only while it is our child still:
 * a host that reaps every child it hears of may have reaped this one, and its
 * number may be another's by now.
 */
static void end(struct fse_helper *h) {
  if (h->fd >= 0) close(h->fd);
  h->fd = -1;
  if (h->pid > 0 && waitpid(h->pid, NULL, WNOHANG) == 0) {
    (void)kill(h->pid, SIGKILL);
    while (waitpid(h->pid, NULL, 0) < 0 && errno == EINTR) {
    }
  }
  h->pid = 0;
}

void prove_helper_free(struct fse_helper *h) {
  if (h == NULL) return;
  end(h);
  free(h);
}

void prove_helper_distrust(struct fse_helper *h) {
  h->failures++;
  end(h);
}

/* Signals as a program expects them, and not those of the host's terminal. */
static int set_attributes(posix_spawnattr_t *a) {
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  return posix_spawnattr_setsigmask(a, &none) != 0 ||
         posix_spawnattr_setsigdefault(a, &all) != 0 ||
         posix_spawnattr_setpgroup(a, 0) != 0 ||
         posix_spawnattr_setflags(a, POSIX_SPAWN_SETSIGMASK |
                                         POSIX_SPAWN_SETSIGDEF |
                                         POSIX_SPAWN_SETPGROUP) != 0;
}

/* Runs the program with `fd` as its stdin and stdout. */
static int spawn(struct fse_helper *h, int fd) {
  char memory[16], seconds[16];
  char *argv[] = {h->path, memory, seconds, NULL};
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attr;
  int rc = -1;
  snprintf(memory, sizeof memory, "%u", h->limits.memory_mb);
  snprintf(seconds, sizeof seconds, "%u", h->limits.wall_ms / 1000 + 1);
  if (posix_spawn_file_actions_init(&actions) != 0) return -1;
  if (posix_spawnattr_init(&attr) == 0) {
    if (posix_spawn_file_actions_adddup2(&actions, fd, STDIN_FILENO) == 0 &&
        posix_spawn_file_actions_adddup2(&actions, fd, STDOUT_FILENO) == 0 &&
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null",
                                         O_WRONLY, 0) == 0 &&
        set_attributes(&attr) == 0 &&
        posix_spawn(&h->pid, h->path, &actions, &attr, argv, environ) == 0)
      rc = 0;
    posix_spawnattr_destroy(&attr);
  }
  posix_spawn_file_actions_destroy(&actions);
  if (rc != 0) h->pid = 0;
  return rc;
}

/* The program limits itself; one that does not is limited from here. */
static void limit(const struct fse_helper *h) {
  const rlim_t most = (rlim_t)h->limits.memory_mb << 20;
  struct rlimit r = {most, most};
  struct rlimit none = {0, 0};
  if (most > 0) (void)prlimit(h->pid, RLIMIT_AS, &r, NULL);
  (void)prlimit(h->pid, RLIMIT_CORE, &none, NULL);
}

static int start(struct fse_helper *h, struct fisa_error *err) {
  int pair[2];
  if (h->pid != 0) return 0;
  if (h->failures >= MOST_FAILURES)
    return fisa_fail(err, "the solver failed %u times and is left alone",
                     h->failures);
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    return fisa_fail(err, "the solver cannot be started");
  /* Where the host closed its own, these may be the child's, and dup2 of a
   * descriptor onto itself would leave it to be closed. */
  for (int i = 0; i < 2; i++) {
    int fd = pair[i];
    if (fd > STDERR_FILENO) continue;
    pair[i] = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    close(fd);
  }
  h->fd = pair[0];
  if (pair[0] < 0 || pair[1] < 0 || spawn(h, pair[1]) != 0) {
    h->failures++;
    if (pair[1] >= 0) close(pair[1]);
    end(h);
    return fisa_fail(err, "the solver cannot be started");
  }
  close(pair[1]);
  limit(h);
  return 0;
}

/* ---- a question --------------------------------------------------------- */

static const char unwanted[] = PROVE_UNWANTED;

/* Waits until the socket is ready: NULL, or why it is not. */
static const char *wait_for(const struct fse_helper *h, short events,
                            uint64_t until) {
  for (;;) {
    struct pollfd p = {.fd = h->fd, .events = events};
    uint64_t now = now_ms();
    int n;
    if (prove_stopped(&h->limits)) return unwanted;
    if (now >= until) return "took too long and was ended";
    n = poll(&p, 1, (int)(until - now < LOOK_MS ? until - now : LOOK_MS));
    if (n > 0) return NULL;
    if (n < 0 && errno != EINTR) return "cannot be waited for";
  }
}

static const char *send_all(struct fse_helper *h, const char *text, size_t n,
                            uint64_t until) {
  while (n > 0) {
    ssize_t sent = send(h->fd, text, n, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) {
      const char *wrong = wait_for(h, POLLOUT, until);
      if (wrong != NULL) return wrong;
      continue;
    }
    if (sent <= 0) return "came to an end by itself";
    text += sent;
    n -= (size_t)sent;
  }
  return NULL;
}

static bool is_whole(const struct isa_buf *b) {
  return b->length >= 4 && memcmp(b->data + b->length - 4, "end\n", 4) == 0 &&
         (b->length == 4 || b->data[b->length - 5] == '\n');
}

/* Whatever it writes until its line "end". */
static const char *take_all(struct fse_helper *h, struct isa_buf *b,
                            uint64_t until) {
  char part[4096];
  while (!is_whole(b)) {
    ssize_t n = recv(h->fd, part, sizeof part, MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) {
      const char *wrong = wait_for(h, POLLIN, until);
      if (wrong != NULL) return wrong;
      continue;
    }
    if (n <= 0) return "came to an end by itself";
    isa_buf_put(b, part, (size_t)n);
    if (b->failed || b->length > PROVE_MESSAGE)
      return "says too much and was ended";
  }
  return NULL;
}

/* One that came to its end meanwhile, or speaks without being asked, is
 * ended, and another is started. */
static int start_fresh(struct fse_helper *h, struct fisa_error *err) {
  struct pollfd p = {.fd = h->fd, .events = POLLIN};
  if (h->pid != 0 && poll(&p, 1, 0) != 0) prove_helper_distrust(h);
  return start(h, err);
}

char *prove_helper_ask(struct fse_helper *h, const struct isa_buf *message,
                       struct fisa_error *err) {
  uint64_t until = now_ms() + h->limits.wall_ms;
  struct isa_buf b = {0};
  const char *wrong;
  char *text = NULL;
  if (message->failed || message->length > PROVE_MESSAGE) {
    fisa_fail(err, "the question is too long");
    return NULL;
  }
  if (start_fresh(h, err) != 0) return NULL;
  wrong = send_all(h, message->data, message->length, until);
  if (wrong == NULL) wrong = take_all(h, &b, until);
  if (wrong == NULL && (text = isa_buf_take(&b)) == NULL)
    wrong = "left no memory";
  if (wrong == NULL) return text;
  isa_buf_done(&b);
  if (wrong == unwanted) {
    end(h);
    fisa_fail(err, "%s", wrong);
  } else {
    prove_helper_distrust(h);
    fisa_fail(err, "the solver %s", wrong);
  }
  return NULL;
}
