/*
 * plugin/calibrate_child.c - rows looked at in processes that may die.
 *
 * The child writes each row's result into a pipe and keeps, in memory that
 * both see, where it is. When it dies, or takes longer than it may, the row
 * that it was at is what killed it, and a new child goes on behind that row.
 * Of the host's threads the child has none, and of its signals none arrive.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plugin/calibrate_impl.h"

#define NO_ROW UINT32_MAX    /* of cal_place: none was begun */
#define LAST_ROW 256u        /* of cal_result: all are done */
#define PROBES 128u          /* children for one example, */
#define WAITS 4u             /* where each has to be waited for */
#define PROBED 4u            /* of so many rows */
#define PROBE_CPU 40u        /* milliseconds of one */
#define PROBE_WALL 500u
#define SLICE 50u            /* of a wait: what is not slept through, since a
                                process that is stopped waits for nothing */

struct child {
  pid_t pid;
  int fd;                    /* what it writes */
};

/* How a child came to its end. */
struct fate {
  bool hung, slept;          /* slept: it had to be ended */
  bool from_outside;         /* somebody else did */
  char text[112];            /* as a clause */
};

/* ---- in the child ------------------------------------------------------- */

/* Whatever the host made of signals is not meant for the child. Those from
 * outside concern the parent, with which the child goes. */
static void own_signals(void) {
  static const int ignored[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1,
                                SIGUSR2};
  struct sigaction a = {.sa_handler = SIG_DFL};
  sigset_t none;
  for (int n = 1; n < NSIG; n++) (void)sigaction(n, &a, NULL);
  a.sa_handler = SIG_IGN;
  for (unsigned i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
    (void)sigaction(ignored[i], &a, NULL);
  sigemptyset(&none);
  (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* No core file, nothing said, nothing left behind. Returns where to write. */
static int settle_in(int fd, pid_t parent) {
  int null = open("/dev/null", O_RDWR);
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
  (void)prctl(PR_SET_DUMPABLE, 0);
  if (getppid() != parent) _exit(0);
  if (fd <= STDERR_FILENO) fd = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  for (int i = 0; i <= STDERR_FILENO && null >= 0; i++) (void)dup2(null, i);
  own_signals();
  return fd;
}

/* A spinning VM ends the child; a sleeping one is the parent's to end. */
static void arm(uint32_t ms) {
  const struct itimerval t = {
      .it_value = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)}};
  (void)setitimer(ITIMER_PROF, &t, NULL);
}

static void write_result(int fd, const struct cal_result *r) {
  const char *at = (const char *)r;
  size_t left = sizeof *r;
  while (left > 0) {
    ssize_t n = write(fd, at, left);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) _exit(0);
    at += n;
    left -= (size_t)n;
  }
}

struct rows {
  struct cal_bench *b;
  const struct fse_calibrate_limits *limits;
  uint32_t from;
};

static void look_at_rows(int fd, void *user) {
  const struct rows *rows = user;
  struct cal_result result;
  for (uint32_t i = rows->from; i < 256; i++) {
    if (!cal_is_stepped(&rows->b->d->rows[i])) continue;
    arm(rows->limits->row_cpu);
    (void)cal_look(rows->b, (uint8_t)i, &result);
    arm(0);
    write_result(fd, &result);
  }
  memset(&result, 0, sizeof result);
  result.opcode = LAST_ROW;
  write_result(fd, &result);
}

/* ---- processes ---------------------------------------------------------- */

static int child_start(struct child *c, void (*fn)(int fd, void *user),
                       void *user, struct fisa_error *err) {
  pid_t parent = getpid();
  sigset_t all, before;
  int fds[2], error;
  if (pipe2(fds, O_CLOEXEC) != 0)
    return fisa_fail(err, "calibration: no pipe: %s", strerror(errno));
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  c->pid = fork();
  error = errno;
  if (c->pid == 0) {
    close(fds[0]);
    fn(settle_in(fds[1], parent), user);
    _exit(0);
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  close(fds[1]);
  c->fd = fds[0];
  if (c->pid > 0) return 0;
  close(fds[0]);
  return fisa_fail(err, "calibration: no child process: %s", strerror(error));
}

/* Waits for a child that has ended, or is made to. A host may collect its
 * children itself: then nobody can say how it went. */
static void child_end(struct child *c, bool hung, struct fate *out) {
  int status = 0;
  pid_t got;
  if (hung) (void)kill(c->pid, SIGKILL);
  close(c->fd);
  do got = waitpid(c->pid, &status, 0);
  while (got < 0 && errno == EINTR);
  out->slept = hung;
  out->from_outside = !hung && got > 0 && WIFSIGNALED(status) &&
                      WTERMSIG(status) == SIGKILL;
  out->hung = hung || (got > 0 && WIFSIGNALED(status) &&
                       WTERMSIG(status) == SIGPROF);
  if (out->hung)
    snprintf(out->text, sizeof out->text, "it does not come back");
  else if (got > 0 && WIFSIGNALED(status))
    snprintf(out->text, sizeof out->text, "it kills the VM (signal %d, %s)",
             WTERMSIG(status), strsignal(WTERMSIG(status)));
  else if (got > 0)
    snprintf(out->text, sizeof out->text, "it kills the VM (exit status %d)",
             WEXITSTATUS(status));
  else
    snprintf(out->text, sizeof out->text, "it kills the VM");
}

/* Reads what comes, and waits at most *left milliseconds for it, of which it
 * takes those it waited. 1: whole; 0: the end; -1: too late. */
static int child_read(const struct child *c, void *to, size_t size,
                      uint32_t *left) {
  char *at = to;
  while (size > 0) {
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    uint32_t slice = *left < SLICE ? *left : SLICE;
    int ready = poll(&p, 1, (int)slice);
    ssize_t n;
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) {
      *left -= slice;
      if (*left == 0) return -1;
      continue;
    }
    n = ready < 0 ? -1 : read(c->fd, at, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return 0;
    at += n;
    size -= (size_t)n;
  }
  return 1;
}

/* The same, within a time of its own as well. */
static int child_read_within(const struct child *c, void *to, size_t size,
                             uint32_t own, uint32_t *left) {
  uint32_t given = own < *left ? own : *left, rest = given;
  int got = child_read(c, to, size, &rest);
  *left -= given - rest;
  return got;
}

/* ---- one example of a death --------------------------------------------- */

struct probe {
  struct cal_bench *b;
  const struct cal_row *row;
  const struct cal_case *c;
  const struct cal_diff *wanted;
  uint32_t *left;
};

/* One state on a machine that is new. */
static void step_once(int fd, void *user) {
  const struct probe *p = user;
  struct cal_bench *b = p->b;
  flux_stepper *s = NULL;
  (void)fd;
  arm(PROBE_CPU);
  if (b->step->open(b->d->name, p->row->program->code, p->row->program->size,
                    &s, b->ctx) != FLUX_OK)
    return;
  memcpy(b->host[0].mem, p->c->mem, b->d->mem_size);
  (void)cal_step_host(b, s, p->row->in[p->c->index].pc, p->c, &b->host[0]);
  if (write(fd, "", 1) < 0) return;
}

/* Whether a state by itself has the VM end in the same way. */
static bool still_dies(const struct cal_case *c, struct cal_diff *out,
                       void *user) {
  struct probe *p = user;
  struct child child;
  struct fate fate;
  char byte;
  int got;
  if (*p->left == 0 || cal_left_out(p->b, p->row, c)) return false;
  p->c = c;
  if (child_start(&child, step_once, p, NULL) != 0) return false;
  got = child_read_within(&child, &byte, 1, PROBE_WALL, p->left);
  child_end(&child, got < 0, &fate);
  out->kind = fate.hung ? CAL_HANGS : CAL_DIES;
  snprintf(out->text, sizeof out->text, "%s", fate.text);
  return got <= 0 && out->kind == p->wanted->kind;
}

/* The result of a row that ended its child. */
static int tell_death(struct cal_bench *b, uint32_t opcode,
                      const struct fate *fate, bool probed, uint32_t *left,
                      struct cal_result *out, struct fisa_error *err) {
  uint32_t most = !probed ? 0 : fate->slept ? WAITS : PROBES;
  uint32_t index = atomic_load(&b->place->index);
  struct cal_diff diff = {fate->hung ? CAL_HANGS : CAL_DIES, ""}, first;
  struct cal_row row;
  int rc = cal_row_make(b, (uint8_t)opcode, &row, err);
  memset(out, 0, sizeof *out);
  out->opcode = opcode;
  out->kind = diff.kind;
  snprintf(diff.text, sizeof diff.text, "%s", fate->text);
  first = diff;
  if (rc == 0 && index < row.count) {
    struct probe p = {b, &row, NULL, &first, left};
    cal_draw(b, &row, index, atomic_load(&b->place->attempt), &b->drawn);
    cal_case_copy(b, &b->example, &b->drawn);
    cal_reduce(b, &b->example, &diff, most, still_dies, &p);
    cal_sentence(b, &row, &b->example, &diff, out->text, sizeof out->text);
  } else if (rc == 0) {
    snprintf(out->text, sizeof out->text, "%s (0x%02X): %s when it is loaded",
             row.row->name, opcode, fate->text);
  }
  cal_row_done(&row);
  return rc;
}

/* ---- in the parent ------------------------------------------------------ */

struct watch {
  struct cal_bench *b;
  const struct fse_calibrate_limits *limits;
  uint32_t left;           /* milliseconds that may be waited */
  uint32_t next;           /* the first row without a result */
  uint32_t deaths;
  uint32_t again;          /* a row that was ended from outside once */
  int (*take)(const struct cal_result *r, void *user);
  void *user;
  bool enough;             /* nobody wants more */
};

/* Rows that are left when time has run out. */
static void give_up(struct watch *w) {
  for (; w->next < 256 && !w->enough; w->next++) {
    const struct fisa_row *row = &w->b->d->rows[w->next];
    struct cal_result r = {.opcode = w->next, .kind = CAL_UNREACHED};
    if (!cal_is_stepped(row)) continue;
    snprintf(r.text, sizeof r.text, "%s (0x%02X): it was not reached within "
             "%u ms", row->name, w->next, w->limits->all_wall);
    w->enough = w->take(&r, w->user) != 0;
  }
}

/* A result is what a process that stepped a strange VM wrote. */
static bool is_sane(const struct watch *w, struct cal_result *r) {
  r->text[sizeof r->text - 1] = '\0';
  return r->opcode == LAST_ROW ||
         (r->opcode < 256 && r->opcode >= w->next &&
          r->kind < CAL_UNREACHED &&
          cal_is_stepped(&w->b->d->rows[r->opcode]));
}

/* One child, until it is done or dead. */
static int watch_child(struct watch *w, struct fisa_error *err) {
  struct rows rows = {w->b, w->limits, w->next};
  struct child child;
  struct cal_result r;
  struct fate fate;
  uint32_t opcode;
  int got;
  atomic_store(&w->b->place->opcode, NO_ROW);
  if (child_start(&child, look_at_rows, &rows, err) != 0) return -1;
  for (;;) {
    got = child_read_within(&child, &r, sizeof r, w->limits->row_wall,
                            &w->left);
    if (got <= 0 || !is_sane(w, &r)) break;
    w->next = r.opcode + 1;
    if (r.opcode == LAST_ROW || (w->enough = w->take(&r, w->user) != 0)) break;
  }
  child_end(&child, got != 0, &fate);
  if (w->next > LAST_ROW || w->enough) return 0;
  if (got > 0) return fisa_fail(err, "calibration: a child talked nonsense");
  if (w->left == 0) return 0;
  opcode = atomic_load(&w->b->place->opcode);
  if (opcode < w->next || opcode >= LAST_ROW ||
      !cal_is_stepped(&w->b->d->rows[opcode]))
    return fisa_fail(err, "calibration: a child process ended before it "
                          "began: %s", fate.text);
  /* Once may be chance: want of memory, an operator. */
  if (fate.from_outside && w->again != opcode) {
    w->again = opcode;
    return 0;
  }
  if (tell_death(w->b, opcode, &fate, w->deaths++ < PROBED, &w->left, &r,
                 err) != 0)
    return -1;
  w->next = r.opcode + 1;
  w->enough = w->take(&r, w->user) != 0;
  return 0;
}

int cal_look_forked(struct cal_bench *b,
                    const struct fse_calibrate_limits *limits,
                    int (*take)(const struct cal_result *r, void *user),
                    struct fisa_error *err, void *user) {
  struct watch w = {.b = b, .limits = limits,
                    .left = limits->all_wall, .again = NO_ROW,
                    .take = take, .user = user};
  struct cal_place *own = b->place;
  int rc = 0;
  b->place = mmap(NULL, sizeof *b->place, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (b->place == MAP_FAILED) {
    b->place = own;
    return fisa_fail(err, "out of memory");
  }
  while (rc == 0 && w.next < 256 && !w.enough) {
    if (w.left > 0) rc = watch_child(&w, err);
    else give_up(&w);
  }
  munmap(b->place, sizeof *b->place);
  b->place = own;
  return rc;
}
