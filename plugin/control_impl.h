/*
 * plugin/control_impl.h - what the files of the control extension share.
 * Private.
 */
#ifndef FLUX_PLUGIN_CONTROL_IMPL_H
#define FLUX_PLUGIN_CONTROL_IMPL_H

#include <jansson.h>

#include "isa/state.h"
#include "plugin/control.h"
#include "plugin/instance.h"

/* A request on its way. */
struct fse_control {
  struct fse_instance *in;
  const json_t *request;
  int32_t (*line)(const char *text, size_t size, void *user);
  void *user;
  bool finish;               /* a line was answered with "finish early" */
  struct fisa_error err;     /* the sentence of a failure */
};

/* Fails a request. Returns `status`. */
flux_status fse_control__fail(struct fse_control *c, flux_status status,
                              const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Sends one object as a line; takes the reference. */
flux_status fse_control__send(struct fse_control *c, json_t *object);
flux_status fse_control__send_text(struct fse_control *c, const char *text);

/* ---- what requests hold (control_read.c) -------------------------------- */

/* Refuses keys that are not among `keys`, which ends with NULL. */
flux_status fse_control__keys(struct fse_control *c, const char *const *keys);

/* Members of the request; *out keeps its value where the key is missing. */
struct fse_range {
  int64_t lo, hi;
};
flux_status fse_control__integer(struct fse_control *c, const char *key,
                                 struct fse_range range, int64_t *out);
flux_status fse_control__string(struct fse_control *c, const char *key,
                                const char **out);

/* "program": its dialect and itself; both the caller's, also after failure
 * (then NULL or not). */
flux_status fse_control__program(struct fse_control *c,
                                 struct fisa_dialect **d,
                                 struct fisa_program **p);

/* Lays a state object over *s, which fisa_state_start made. */
flux_status fse_control__state(struct fse_control *c, const json_t *state,
                               const struct fisa_program *p,
                               struct fisa_state *s, struct fisa_trace *in);

/* Lower-case hex of bytes as a JSON string, or NULL. */
json_t *fse_control__hex(const uint8_t *bytes, size_t size);

/* ---- the commands ------------------------------------------------------- */

flux_status fse_control_exec(struct fse_control *c);
flux_status fse_control_run(struct fse_control *c);      /* control_run.c */
flux_status fse_control_policy(struct fse_control *c);   /* control_show.c */
flux_status fse_control_kinds(struct fse_control *c);
flux_status fse_control_history(struct fse_control *c);
flux_status fse_control_status(struct fse_control *c);
flux_status fse_control_programs(struct fse_control *c);

flux_status fse_control_calibrate(struct fse_control *c); /* ..._calibrate.c */
flux_status fse_control_bench(struct fse_control *c);     /* ..._bench.c */

/* An EvolutionRecord; its time only if asked for. */
json_t *fse_record_json(const struct fse_record *r, bool with_time);

#endif /* FLUX_PLUGIN_CONTROL_IMPL_H */
