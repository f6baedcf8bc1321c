/*
 * plugin/control_calibrate.c - the request "calibrate".
 */
#include <assert.h>
#include <stdio.h>

#include "plugin/control_impl.h"

struct answering {
  struct fse_control *c;
  bool again;
  uint32_t dialects;
  flux_status rc;
};

static flux_status send_finding(struct fse_control *c,
                                const struct fisa_dialect *d,
                                const struct fse_row_finding *f) {
  return fse_control__send(
      c, json_pack("{s:s, s:s, s:i, s:s, s:s}", "dialect", d->name, "row",
                   d->rows[f->opcode].name, "opcode", (int)f->opcode,
                   "verdict",
                   fse_row_verdict_name((enum fse_row_verdict)f->verdict),
                   "what", f->text));
}

static flux_status send_sum(struct fse_control *c,
                            const struct fisa_dialect *d,
                            const struct fse_calibration *v) {
  if (!v->proven)
    return fse_control__send(c, json_pack("{s:s, s:s}", "dialect", d->name,
                                          "unproven", fse_unproven(c->in)));
  return fse_control__send(
      c, json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:b, s:f}", "dialect",
                   d->name, "stepped", (json_int_t)v->stepped, "opaque",
                   (json_int_t)v->opaque, "unfit", (json_int_t)v->unfit,
                   "never", (json_int_t)v->never, "states",
                   (json_int_t)v->states, "forked", v->forked, "ms", v->ms));
}

static int answer(const struct fisa_dialect *d,
                  const struct fse_calibration *v, void *user) {
  struct answering *a = user;
  if (a->again) v = fse_calibrated(a->c->in, d, true, &a->c->err);
  a->dialects++;
  if (v == NULL) {
    a->rc = FLUX_E_MEMORY;
    return 1;
  }
  for (uint32_t i = 0; i < v->finding_count && a->rc == FLUX_OK; i++)
    a->rc = send_finding(a->c, d, &v->finding[i]);
  if (a->rc == FLUX_OK) a->rc = send_sum(a->c, d, v);
  return a->rc != FLUX_OK || a->c->finish;
}

flux_status fse_control_calibrate(struct fse_control *c) {
  static const char *const keys[] = {"cmd", "again", NULL};
  const json_t *again = json_object_get(c->request, "again");
  struct answering a = {.c = c, .again = json_is_true(again)};
  flux_status rc = fse_control__keys(c, keys);
  if (rc != FLUX_OK) return rc;
  if (again != NULL && !json_is_boolean(again))
    return fse_control__fail(c, FLUX_E_INVALID, "\"again\" must be true or "
                                                "false");
  (void)fse_known_each(c->in, answer, &a);
  if (a.dialects == 0)
    return fse_control__fail(c, FLUX_E_NOT_FOUND,
                             "no agent has brought a dialect yet");
  return a.rc;
}
