/*
 * test_waitfree.c - the agent's thread takes no lock, allocates nothing and
 * makes no system call: between boundaries, and at those that install,
 * accept, revert, recover, suspend or withdraw.
 *
 * The linker hands every such call of the library to this file (--wrap), and
 * the kernel every system call of a thread (seccomp).
 */
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/rig.h"
#include "tests/unit.h"

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define SANITIZED 1  /* their run time makes calls of its own */
#else
#define SANITIZED 0
#endif

/* ---- counting calls ----------------------------------------------------- */

static _Thread_local bool watching;
static _Thread_local unsigned calls, clocks;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_reallocarray(void *p, size_t n, size_t size);
void __real_free(void *p);
int __real_pthread_mutex_lock(pthread_mutex_t *m);
int __real_nanosleep(const struct timespec *t, struct timespec *left);
int __real_sched_yield(void);
int __real_clock_gettime(clockid_t clock, struct timespec *t);

void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
void __wrap_free(void *p);
int __wrap_pthread_mutex_lock(pthread_mutex_t *m);
int __wrap_nanosleep(const struct timespec *t, struct timespec *left);
int __wrap_sched_yield(void);
int __wrap_clock_gettime(clockid_t clock, struct timespec *t);

void *__wrap_malloc(size_t n) {
  calls += watching;
  return __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size) {
  calls += watching;
  return __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n) {
  calls += watching;
  return __real_realloc(p, n);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size) {
  calls += watching;
  return __real_reallocarray(p, n, size);
}

void __wrap_free(void *p) {
  calls += watching;
  __real_free(p);
}

int __wrap_pthread_mutex_lock(pthread_mutex_t *m) {
  calls += watching;
  return __real_pthread_mutex_lock(m);
}

int __wrap_nanosleep(const struct timespec *t, struct timespec *left) {
  calls += watching;
  return __real_nanosleep(t, left);
}

int __wrap_sched_yield(void) {
  calls += watching;
  return __real_sched_yield();
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *t) {
  clocks += watching;
  return __real_clock_gettime(clock, t);
}

static enum fhost_step watched_step(struct rig_agent *a) {
  enum fhost_step step;
  watching = true;
  step = rig_step(a);
  watching = false;
  return step;
}

/* ---- one life of an agent, with all that can happen --------------------- */

static const char text[] =
    ".dialect unified\n.in R1 0..99\n SENSE R2\n MOV R3, R1\n ADD R3, R3, R1\n"
    "STI8 R3, 0x400\n TELL R3, R2, R0\n HALT\n";
static const char fast[] =
    ".dialect unified\n.in R1 0..99\n SENSE R2\n ADD R3, R1, R1\n"
    "STI8 R3, 0x400\n TELL R3, R2, R0\n HALT\n";
static const char fault[] =
    ".dialect unified\n.in R1 0..99\n SENSE R2\n DIV R3, R1, R0\n HALT\n";

enum { OUTPUTS = 4096 };

struct life {
  struct rig rig;
  struct rig_agent *a;
  struct fisa_program *fast, *fault;
  uint64_t id;
  enum fhost_step (*step)(struct life *l);
};

static void open_life(struct life *l, enum fhost_step (*step)(struct life *)) {
  memset(l, 0, sizeof *l);
  rig_open(&l->rig);
  l->a = rig_add(&l->rig, &(struct rig_options){.text = text});
  l->a->outputs = calloc(OUTPUTS, sizeof *l->a->outputs);
  l->a->output_capacity = l->a->outputs != NULL ? OUTPUTS : 0;
  l->fast = rig_program(fast);
  l->fault = rig_program(fault);
  l->step = step;
}

static void close_life(struct life *l) {
  rig_close(&l->rig);
  fisa_program_free(l->fast);
  fisa_program_free(l->fault);
}

/* Offers a patch over whatever is live. */
static void offer(struct life *l, const struct fisa_program *to,
                  uint32_t flags, bool nowhere) {
  const struct rig_patch p = {.from = l->a->program,
                              .to = to,
                              .id = ++l->id,
                              .base = rig_stats(l->a).version,
                              .flags = flags,
                              .deadline = 1,
                              .no_entry = nowhere};
  UNIT_EQ(rig_offer(l->a, &p), FLUX_OK);
}

static void run(struct life *l, unsigned tasks) {
  for (unsigned i = 0; i < tasks; i++) UNIT_EQ(l->step(l), FHOST_RAN);
}

static void plain_tasks(struct life *l) {
  for (uint32_t what = 0; what < 4; what++) {
    rig_observe(l->a, what, 1);
    run(l, 5);
  }
  rig_observe(l->a, 0, 1);
}

static void held_tasks(struct life *l, unsigned n) {
  for (unsigned i = 0; i < n; i++) {
    UNIT_EQ(l->step(l), FHOST_RAN);
    UNIT_EQ(rig_agree_last(l->a), FLUX_OK);
    UNIT_EQ(l->step(l), FHOST_RESOLVED);
  }
}

static void patches_that_stay(struct life *l) {
  offer(l, l->fast, FLUX_PATCH_ACCEPTED, false);
  run(l, 3);
  offer(l, l->fast, FLUX_PATCH_HOLD, false);
  held_tasks(l, 3);
  UNIT_EQ(rig_accept(l->a, l->id), FLUX_OK);
  run(l, 2);
  offer(l, l->fast, 0, false);
  run(l, 3);
  UNIT_EQ(rig_accept(l->a, l->id), FLUX_OK);
  run(l, 2);
}

static void patches_that_go(struct life *l) {
  for (uint32_t how = FLUX_REVERT; how <= FLUX_RECOVER; how++) {
    offer(l, l->fast, FLUX_PATCH_HOLD, false);
    held_tasks(l, 2);
    UNIT_EQ(rig_take_back(l->a, l->id, how), FLUX_OK);
    run(l, 2);
    offer(l, l->fast, 0, false);
    run(l, 4);
    UNIT_EQ(rig_take_back(l->a, l->id, how), FLUX_OK);
    run(l, 6);
    offer(l, l->fault, FLUX_PATCH_HOLD, false);
    UNIT_EQ(l->step(l), FHOST_RAN);
    UNIT_EQ(rig_take_back(l->a, l->id, how), FLUX_OK);
    UNIT_EQ(l->step(l), FHOST_RESOLVED);
    run(l, 2);
  }
}

static void patches_that_do_not_come(struct life *l) {
  offer(l, l->fast, FLUX_PATCH_HOLD, true);
  run(l, 2);
}

static void suspended_tasks(struct life *l) {
  l->a->shift = 1000;
  run(l, 2);
  l->a->shift = 0;
  run(l, 2);
}

static void whole_life(struct life *l) {
  struct fhost_agent_stats n;
  plain_tasks(l);
  patches_that_stay(l);
  suspended_tasks(l);
  patches_that_go(l);
  patches_that_do_not_come(l);
  n = rig_stats(l->a);
  UNIT_EQ(n.installed, 9);
  UNIT_EQ(n.accepted, 2);
  UNIT_EQ(n.reverted, 3);
  UNIT_EQ(n.recovered, 3);
  UNIT_EQ(n.withdrawn, 1);
  UNIT_EQ(n.suspended, 2);
  UNIT_EQ(n.faults, 2);
  UNIT_EQ(n.wrong, 0);
}

/* ---- no call of the library --------------------------------------------- */

static enum fhost_step step_here(struct life *l) { return watched_step(l->a); }

static void no_calls(void) {
  struct life l;
  open_life(&l, step_here);
  calls = clocks = 0;
  whole_life(&l);
  UNIT_EQ(calls, 0);
  UNIT_EQ(clocks, 0);
  close_life(&l);
}

/* The clock is read while a task waits, and nothing else is called. */
static void only_the_clock_while_held(void) {
  struct life l;
  open_life(&l, step_here);
  calls = clocks = 0;
  offer(&l, l.fast, FLUX_PATCH_HOLD, false);
  UNIT_EQ(l.step(&l), FHOST_RAN);
  UNIT_EQ(clocks, 0);
  for (int i = 0; i < 5; i++) UNIT_EQ(l.step(&l), FHOST_HELD);
  UNIT_EQ(calls, 0);
  UNIT_EQ(clocks, 5);
  close_life(&l);
}

/* The wrapping wraps, and what an agent let go of is freed elsewhere. */
static void others_do_call(void) {
  struct life l;
  struct fhost_snapshot *s;
  open_life(&l, step_here);
  offer(&l, l.fast, FLUX_PATCH_ACCEPTED, false);
  run(&l, 1);
  offer(&l, l.fast, FLUX_PATCH_ACCEPTED, false);
  run(&l, 1);
  calls = 0;
  watching = true;
  s = fhost_agent_save(l.a->agent);
  watching = false;
  UNIT_TRUE(calls >= 5, "%u calls", calls);
  calls = 0;
  watching = true;
  offer(&l, l.fast, FLUX_PATCH_ACCEPTED, false);
  watching = false;
  UNIT_TRUE(calls > 0, "%u calls", calls);
  fhost_snapshot_free(s);
  close_life(&l);
}

/* ---- no system call ----------------------------------------------------- */

enum order { NOTHING, STEP, CALL, END };

/* A thread that may do next to nothing steps the agent when told to. */
struct agent_thread {
  struct life *life;
  _Atomic int order;   /* enum order */
  _Atomic int step;    /* the answer; INT_MIN: none yet */
  _Atomic int caged;   /* 1: it is; -1: the kernel will not */
};

static struct agent_thread agent_thread;
static _Atomic int trapped;

static void on_trap(int number, siginfo_t *info, void *context) {
  (void)number, (void)context;
  atomic_store(&trapped, info->si_syscall + 1);
}

#define LET(call)                                             \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 1),      \
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* What a thread needs to end, and to come back from the trap. */
static int cage(void) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      LET(rt_sigreturn),
      LET(exit),
      LET(exit_group),
      LET(munmap),
      LET(madvise),
      LET(rt_sigprocmask),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
  };
  struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static void *agent_thread_main(void *arg) {
  struct agent_thread *t = arg;
  atomic_store(&t->caged, cage() == 0 ? 1 : -1);
  while (atomic_load(&t->caged) == 1) {
    int order = atomic_exchange(&t->order, NOTHING);
    if (order == STEP) atomic_store(&t->step, (int)rig_step(t->life->a));
    if (order == CALL) atomic_store(&t->step, (int)syscall(SYS_getppid));
    if (order == END) break;
  }
  return NULL;
}

static int tell(enum order order) {
  atomic_store(&agent_thread.step, INT_MIN);
  atomic_store(&agent_thread.order, (int)order);
  while (atomic_load(&agent_thread.step) == INT_MIN) sched_yield();
  return atomic_load(&agent_thread.step);
}

static enum fhost_step step_there(struct life *l) {
  (void)l;
  return (enum fhost_step)tell(STEP);
}

static void no_system_calls(void) {
  struct sigaction act = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
  struct life l;
  pthread_t thread;
  if (SANITIZED) {
    unit_skip("sanitizers make system calls of their own");
    return;
  }
  open_life(&l, step_there);
  agent_thread = (struct agent_thread){.life = &l};
  sigaction(SIGSYS, &act, NULL);
  if (!UNIT_EQ(pthread_create(&thread, NULL, agent_thread_main,
                              &agent_thread), 0))
    return;
  while (atomic_load(&agent_thread.caged) == 0) sched_yield();
  if (atomic_load(&agent_thread.caged) == 1) {
    (void)tell(CALL);
    UNIT_EQ(trapped - 1, SYS_getppid);  /* the cage holds */
    atomic_store(&trapped, 0);
    whole_life(&l);
    UNIT_TRUE(trapped == 0, "system call %d", trapped - 1);
  } else {
    unit_skip("the kernel does not let system calls be filtered");
  }
  atomic_store(&agent_thread.order, END);
  pthread_join(thread, NULL);
  close_life(&l);
}

static const struct unit_test tests[] = {
    {"waitfree", "calls", no_calls},
    {"waitfree", "held", only_the_clock_while_held},
    {"waitfree", "others", others_do_call},
    {"waitfree", "system", no_system_calls},
};

UNIT_MAIN(tests)
