/*
 * tests/oracle.h - reads the row oracle of a dialect, tests/data/NAME.oracle,
 * and holds an engine to it.
 *
 * The files tell their own form. An engine is a function that runs one
 * instruction; the oracle gives it a state, and values from outside through
 * a port, and compares all that it left behind.
 */
#ifndef FLUX_TESTS_ORACLE_H
#define FLUX_TESTS_ORACLE_H

#include "isa/state.h"

/* The outside of one case. */
struct oracle_port;

/* The next value: 0, or -1 if there is none left or it is of another source
 * or behind other arguments. *value is 0 then. */
int oracle_input(struct oracle_port *port, uint16_t source,
                 const int32_t *arg, unsigned argc, int32_t *value);
void oracle_output(struct oracle_port *port, uint16_t channel,
                   const int32_t *arg, unsigned argc);

struct oracle_engine {
  const char *name;
  /* Runs from s->pc with fuel 1 and leaves the outcome in *s, status and
   * fault too. Non-zero: it could not, which fails the case. */
  int (*step)(const struct fisa_program *p, struct fisa_state *s,
              struct oracle_port *port, void *user);
  void *user;
  bool opaque; /* rows without offline meaning end in lethal `opaque` */
};

/* What ran. */
struct oracle_tally {
  unsigned cases, failed;
  unsigned of_opcode[256]; /* cases whose first byte at pc was that */
};

/*
 * Runs every case of the dialect's file; each is a check of the running test,
 * and a case that differs is told with its line and the first difference. A
 * file that cannot be read is a failed check and ends the run.
 */
void oracle_run(const struct oracle_engine *engine, const char *dialect,
                struct oracle_tally *tally);

#endif /* FLUX_TESTS_ORACLE_H */
