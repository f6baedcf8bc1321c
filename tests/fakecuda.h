/*
 * tests/fakecuda.h - what a test tells the double of libcuda.so.1, and what
 * that has to tell.
 *
 * The double runs the kernel as compiled for the host. It is late on purpose:
 * what was put into a stream happens when somebody asks for an event behind
 * it, so that whoever reads too soon, or writes over what is still to be
 * copied, gets other results. It holds each call against the rules of the
 * driver and counts what is against them.
 */
#ifndef FLUX_TESTS_FAKECUDA_H
#define FLUX_TESTS_FAKECUDA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Results it gives by itself. */
enum {
  FAKE_INVALID_VALUE = 1, FAKE_OUT_OF_MEMORY = 2, FAKE_NO_DEVICE = 100,
  FAKE_INVALID_DEVICE = 101, FAKE_INVALID_IMAGE = 200,
  FAKE_INVALID_CONTEXT = 201, FAKE_NO_BINARY = 209, FAKE_INVALID_PTX = 218,
  FAKE_INVALID_HANDLE = 400, FAKE_NOT_FOUND = 500, FAKE_NOT_READY = 600,
  FAKE_ILLEGAL_ADDRESS = 700
};

#define FAKE_MAX_DEVICES 4

struct fakecuda {
  /* Told by the test. */
  int version;
  int devices;
  struct fakecuda_device {
    int cc;                   /* 90: 9.0 */
    int processors;
    int compute_mode;
    size_t memory;            /* what is free of it */
  } device[FAKE_MAX_DEVICES];
  size_t host_memory;         /* bytes that may be pinned; 0: all */
  uint64_t fail_call;         /* this call, counted from 1, fails ... */
  int fail_result;            /* ... with this; 0: none does */
  const char *fail_name;      /* or each call of this name */
  uint64_t gone_call;         /* this call and all behind it fail */
  uint64_t fail_memory;       /* this allocation fails: out of memory */
  uint64_t fail_launch;       /* this launch ends at a bad address, as told by
                                 whoever asks for an event behind it */
  unsigned patience;          /* questions until an event is there */
  bool hang;                  /* no launch ends */

  /* Told to the test. */
  uint64_t calls, launches, far_launches, allocations;
  uint64_t bytes_in, bytes_out;
  unsigned contexts, blocks, handles; /* not freed yet */
  unsigned pushed;            /* contexts on the thread's stack */
  int used_device;            /* of the context made last */
  char image[32];             /* the module loaded last: its first line */
  unsigned wrong;             /* calls against the rules ... */
  char what[96];              /* ... and the first of them */
};

/* The one there is, by that name in the library. */
struct fakecuda *fakecuda(void);
typedef struct fakecuda *(*fakecuda_get)(void);

/* Frees what a test left, and makes it new: a device of 9.0, nothing fails. */
void fakecuda_reset(void);
typedef void (*fakecuda_do)(void);

#endif /* FLUX_TESTS_FAKECUDA_H */
