/*
 * dialect_help.h - what the tests of dialects share.
 */
#ifndef FLUX_TESTS_DIALECT_HELP_H
#define FLUX_TESTS_DIALECT_HELP_H

#include "isa/dialect.h"

/* A whole file under the source folder, NUL-terminated; to be freed. */
char *dialect_slurp(const char *relative, size_t *length);

/* A built-in dialect; a failed check if it does not load. */
struct fisa_dialect *dialect_builtin(const char *name, bool bound);
struct fisa_dialect *dialect_unified(bool bound);

/* Takes the part before `sep`, or all there is, off a line, in place. */
char *dialect_cut(char **rest, char sep);

/* Whether what engines rely on holds: every index, name and number of a
 * loaded dialect lies where it must. */
bool dialect_sound(const struct fisa_dialect *d);

#endif
