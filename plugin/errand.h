/*
 * plugin/errand.h - work that calls what may never come back: scorers, models.
 *
 * An errand is a thread. Whoever has work with such calls in it gives it to
 * one and waits; a call that takes too long is given up together with the
 * thread, which ends by itself should the call ever return. What the work was
 * given is never touched again then, nor is anything freed that the call may
 * still look at.
 */
#ifndef FLUX_PLUGIN_ERRAND_H
#define FLUX_PLUGIN_ERRAND_H

#include <stdint.h>

struct fse_errand;

/* NULL: out of memory, or no thread. */
struct fse_errand *fse_errand_new(void);

/*
 * Runs job(e, arg) on the errand's thread and waits for its end. Returns 0, or
 * -1: one call took longer than limit_ms. The errand is gone then.
 */
int fse_errand_run(struct fse_errand *e, uint32_t limit_ms,
                   void (*job)(struct fse_errand *e, void *arg), void *arg);

/* Ends the thread, which has nothing to do. NULL is fine. */
void fse_errand_free(struct fse_errand *e);

/* The job says where such a call begins and ends. Between the two it looks at
 * nothing but its own and the course: not at the table of the judge, either,
 * which is the host's, and may be gone by the time that the call is given up.
 * Behind one that was given up fse_errand_back does not return. */
void fse_errand_away(struct fse_errand *e);
void fse_errand_back(struct fse_errand *e);

#endif /* FLUX_PLUGIN_ERRAND_H */
