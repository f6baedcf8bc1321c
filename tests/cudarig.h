/*
 * tests/cudarig.h - the CUDA back end on the double of the driver.
 *
 * Programs with it are linked with --wrap for dlopen and dlsym: the driver's
 * library is the double, or none, and may lack a function.
 */
#ifndef FLUX_TESTS_CUDARIG_H
#define FLUX_TESTS_CUDARIG_H

#include "gpu/cuda.h"
#include "tests/fakecuda.h"
#include "tests/cudawork.h"

/* The double, new; the same for all tests of a program. */
struct fakecuda *rig_fake(void);
/* The double as it is. */
struct fakecuda *rig_fake_now(void);

/* Whether the library can be opened, and a function that it then lacks. */
extern bool rig_absent;
extern const char *rig_hidden;

/* Lines of the log since rig_fake, those of failures among them, and the last
 * of all. */
extern unsigned rig_lines, rig_failures;
extern char rig_line[512];

/* Images as the double takes them, and options with these and the log. */
struct fcuda_options rig_options(void);

/* Opens the back end; a failure is told. NULL then. */
struct fcuda *rig_open(const struct fcuda_options *o);

/* Whether the double is as it was before: nothing left, no rule broken. */
bool rig_clean(const char *who);

#endif /* FLUX_TESTS_CUDARIG_H */
