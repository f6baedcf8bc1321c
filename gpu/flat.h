/*
 * gpu/flat.h - packed programs and batches as the bytes of gpu/kernel.h.
 *
 * Sizes are known before anything is written, so that whoever owns the arena
 * can carve it first and have the bytes written where they are sent from.
 */
#ifndef FLUX_GPU_FLAT_H
#define FLUX_GPU_FLAT_H

#include "gpu/kernel.h"
#include "gpu/pack.h"

/* What a program needs of a launch. */
struct fkn_needs {
  uint32_t bytes;        /* of the program, a multiple of 16 */
  uint32_t records, slots, stack_cells;
  uint32_t weight;       /* of an instruction, at most: 1, and the bytes, cells
                            or outputs that one goes through */
  bool apart;            /* lanes of a warp may go different ways, one behind
                            the other */
  bool stores;           /* needs an overlay */
};

/*
 * What a program needs that is to run on batches of so many begins and ends
 * (begin_count and end_count of the batch). Returns 0; or 1 with the reason
 * in err: this program is not for the kernel.
 */
int fkn_program_needs(const struct fpk_program *p, const struct fpk_batch *b,
                      struct fkn_needs *out, struct fisa_error *err);

/* The widest block that has room for so many records and slots: 128, 64 or 32
 * threads; or 0, there is none. A far program has no records there. */
uint32_t fkn_threads_for(uint32_t records, uint32_t slots);

/* Writes the needs.bytes of a program for a batch; out is 16-byte aligned. */
void fkn_program_write(const struct fpk_program *p, const struct fpk_batch *b,
                       const struct fpk_places *places, void *out);

/* Makes a written program one that is far, for blocks of so many threads. */
void fkn_program_place(void *program, uint32_t threads);

/* Lanes of a batch that lie together, from 0 where they lie. */
struct fkn_lanes {
  uint32_t first, count;
};

/*
 * Bytes of some lanes of a batch, a multiple of 16. Returns 0; or 1 with the
 * reason in err: this batch is not for the kernel.
 */
int fkn_batch_size(const struct fpk_batch *b, struct fkn_lanes lanes,
                   uint32_t *bytes, struct fisa_error *err);
void fkn_batch_write(const struct fpk_batch *b, struct fkn_lanes lanes,
                     void *out);

/*
 * Joins the results of jobs of one program that stand behind one another,
 * each with the whole bound, into *v, which the caller zeroed and takes
 * through all of them in order. `costs` holds those of the job's lanes; it may
 * be NULL, and is only looked at where fkn_join_asks says so. Returns whether
 * the next job matters.
 */
bool fkn_join(struct fpk_verdict *v, const struct fkn_job *job,
              const struct fkn_result *r, const struct fkn_cost *costs);
bool fkn_join_asks(const struct fpk_verdict *v, const struct fkn_job *job,
                   const struct fkn_result *r);

#endif /* FLUX_GPU_FLAT_H */
