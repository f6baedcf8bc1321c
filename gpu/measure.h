/*
 * gpu/measure.h - how fast an engine runs the root of a set on its episodes.
 */
#ifndef FLUX_GPU_MEASURE_H
#define FLUX_GPU_MEASURE_H

#include "gpu/trial.h"

enum fmeasure_engine { FMEASURE_IR, FMEASURE_LANES, FMEASURE_CUDA };

/* "ir", "lanes", "cuda"; -1: no such word. */
int fmeasure_by_word(const char *word);

/* A second, on one thread; a trial is one variant on one episode. */
struct fmeasure {
  double instructions, trials;
  double per_launch;   /* variants, on a device; else 0 */
};

/*
 * Tries the root, which is made ready once, again and again for so many
 * seconds, at least once. On a device a thousand at a time, what is sent and
 * what comes back included; there on the first 512 episodes.
 * Returns 0, or -1 with one sentence: there is no device, or it refuses.
 */
int fmeasure_set(struct ftrial_set *set, enum fmeasure_engine engine,
                 double seconds, struct fmeasure *out, struct fisa_error *err);

#endif /* FLUX_GPU_MEASURE_H */
