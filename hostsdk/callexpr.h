/*
 * hostsdk/callexpr.h - the calls of a config: "heat(0, arg1)".
 *
 *   call = NATIVE "(" [ARG {"," ARG}] ")"
 *   ARG  = integer | task | index | arg0 | arg1 | arg2
 *
 * `task` is the number of the task, `index` that of the cell or byte being
 * laid, `arg0`.. the arguments of the source or channel. Compiled once; a
 * call allocates nothing and takes no lock.
 */
#ifndef FLUX_HOSTSDK_CALLEXPR_H
#define FLUX_HOSTSDK_CALLEXPR_H

#include "hostsdk/native.h"

/* Where a call stands, which says what its arguments may be. */
enum fhost_call_place {
  FHOST_CALL_SOURCE,   /* task, arg0.. */
  FHOST_CALL_CHANNEL,  /* task, arg0.. */
  FHOST_CALL_INPUT     /* task, index */
};

enum fhost_call_word {
  FHOST_WORD_INT, FHOST_WORD_TASK, FHOST_WORD_INDEX, FHOST_WORD_ARG
};

/* A compiled call; plain data, copied freely, needs no freeing. Valid as
 * long as the table of natives. */
struct fhost_call {
  const struct fhost_native *native;
  uint32_t argc;
  struct {
    uint8_t word;      /* enum fhost_call_word */
    int64_t value;     /* INT: the number; ARG: which */
  } arg[FHOST_MAX_NATIVE_ARGS];
};

/* Values of the words during one call; missing arguments are 0. */
struct fhost_call_env {
  uint64_t task;
  uint32_t index;
  const int32_t *arg;
  uint32_t argc;
};

/*
 * Compiles a call against a table whose natives need not be open yet. A
 * source or input must get a value: a void native is refused there. Returns
 * 0, or -1 with err (unknown native: the nearest name; position from 1).
 */
int fhost_call_compile(const char *text, const struct fhost_natives *natives,
                       enum fhost_call_place place, struct fhost_call *out,
                       struct fisa_error *err);

/* Runs a call; its natives must be open. The result as int32: saturating,
 * NaN and void are 0. */
int32_t fhost_call_run(const struct fhost_call *call,
                       const struct fhost_call_env *env);

#endif /* FLUX_HOSTSDK_CALLEXPR_H */
