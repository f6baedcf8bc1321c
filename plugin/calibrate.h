/*
 * plugin/calibrate.h - a dialect's table held against the host's real VM.
 *
 * Every row with a meaning is stepped on made-up states, once by the host's
 * step service and once by the IR, and all of what comes of it is compared.
 * The same table and VM give the same verdict: states are drawn by counters,
 * and time decides only over a VM that does not come back.
 */
#ifndef FLUX_PLUGIN_CALIBRATE_H
#define FLUX_PLUGIN_CALIBRATE_H

#include <flux/services.h>

#include "isa/program.h"

enum fse_row_verdict {
  FSE_ROW_UNSEEN,  /* never stepped: opaque, or of process-wide state */
  FSE_ROW_FINE,    /* as the table says, wherever it was looked at */
  FSE_ROW_OPAQUE,  /* computes something else */
  FSE_ROW_UNFIT    /* goes elsewhere, costs something else, is not the same
                      twice, kills or hangs the VM */
};
const char *fse_row_verdict_name(enum fse_row_verdict v);

/* A row that is not as the table says, with the smallest example found:
 * "ADD (0x20): R[3] is 7 by the table and 8 on the host, with R[1]=3, R[2]=4
 * (ADD R3, R1, R2 at 64)". */
struct fse_row_finding {
  uint8_t opcode;
  uint8_t verdict;           /* enum fse_row_verdict */
  char text[200];
};

struct fse_calibration {
  bool proven;               /* false: there is nothing to step with */
  bool forked;               /* stepped in a child process */
  bool partial;              /* time ran out: not to be remembered */
  uint8_t verdict[256];      /* enum fse_row_verdict; a byte an opcode */
  uint32_t stepped, never;   /* rows */
  uint32_t opaque, unfit;    /* of those stepped */
  uint64_t states;           /* on which rows were stepped */
  double ms;                 /* that it took */
  uint32_t finding_count;
  struct fse_row_finding finding[256];  /* ascending opcodes */
};

/* Limits on what a VM may do in a child, in milliseconds; see
 * fse_calibrate_limits. */
struct fse_calibrate_limits {
  uint32_t row_cpu;          /* of processor time, a row */
  uint32_t row_wall;         /* a row */
  uint32_t all_wall;         /* all rows */
};
extern const struct fse_calibrate_limits fse_calibrate_limits;

/*
 * Calibrates a dialect with its bindings. `step` may be NULL: then, and where
 * the service has no VM for it, *out is not proven. `limits` NULL: the usual.
 * Returns 0, or -1 with err (memory, no process to be had).
 */
int fse_calibrate(const struct fisa_dialect *d, const flux_step *step,
                  void *ctx, const struct fse_calibrate_limits *limits,
                  struct fse_calibration *out, struct fisa_error *err);

/* Takes the meaning of all rows that are not as told out of a dialect. */
void fse_calibration_apply(const struct fse_calibration *c,
                           struct fisa_dialect *d);

/* The finding of an opcode, or NULL. */
const struct fse_row_finding *
fse_calibration_finding(const struct fse_calibration *c, uint8_t opcode);

/* ---- as bytes, for the journal (calibrate_known.c) ---------------------- */

/* What a verdict holds for: the VM's build, the table with its bindings, and
 * how rows are looked at. */
void fse_calibration_key(const char *build_id, const struct fisa_dialect *d,
                         uint8_t out[32]);

/* To be freed; NULL: out of memory. */
uint8_t *fse_calibration_pack(const struct fse_calibration *c, size_t *size);
/* False where the bytes are no verdict on that dialect. */
bool fse_calibration_unpack(const struct fisa_dialect *d, const void *bytes,
                            size_t size, struct fse_calibration *out);

#endif /* FLUX_PLUGIN_CALIBRATE_H */
