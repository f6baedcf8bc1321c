/*
 * plugin/calibrate_known.c - verdicts remembered: by the instance while it
 * lives, and by the journal for as long as the VM's build is the same.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/calibrate_impl.h"
#include "plugin/instance.h"

#define TOLD 8u            /* findings that are logged one by one */

/* A verdict. Never changed and never freed before the instance is: whoever
 * attaches meanwhile may look at it without the lock. */
struct fse_judged {
  struct fse_judged *next;  /* an older one */
  uint8_t hash[32];        /* of the dialect with its bindings */
  struct fisa_dialect *dialect;
  struct fse_calibration verdict;
};

void fse_calibration_key(const char *build_id, const struct fisa_dialect *d,
                         uint8_t out[32]) {
  uint8_t all[64 + 1];
  assert(build_id != NULL);
  all[0] = CAL_FORM;
  memcpy(all + 1, d->hash, 32);
  fisa_sha256(build_id, strlen(build_id), all + 33);
  fisa_sha256(all, sizeof all, out);
}

/* ---- as bytes ----------------------------------------------------------- */

/*
 * 0    CAL_FORM
 * 1    1: stepped in a child
 * 2    states, 8 bytes
 * 10   verdicts, a byte an opcode
 * 266  number of findings, 2 bytes
 * then for each: opcode, bytes of text, text
 */
#define HEAD 268u

static void put(uint8_t *at, uint64_t v, unsigned bytes) {
  for (unsigned i = 0; i < bytes; i++) at[i] = (uint8_t)(v >> 8 * i);
}

static uint64_t get(const uint8_t *at, unsigned bytes) {
  uint64_t v = 0;
  for (unsigned i = 0; i < bytes; i++) v |= (uint64_t)at[i] << 8 * i;
  return v;
}

uint8_t *fse_calibration_pack(const struct fse_calibration *c, size_t *size) {
  uint8_t *bytes = malloc(HEAD + (size_t)c->finding_count *
                                     (2 + sizeof c->finding[0].text));
  size_t at = HEAD;
  assert(c->proven && c->finding_count <= 256);
  if (bytes == NULL) return NULL;
  bytes[0] = CAL_FORM;
  bytes[1] = c->forked;
  put(bytes + 2, c->states, 8);
  memcpy(bytes + 10, c->verdict, 256);
  put(bytes + 266, c->finding_count, 2);
  for (uint32_t i = 0; i < c->finding_count; i++) {
    const struct fse_row_finding *f = &c->finding[i];
    size_t n = strlen(f->text);
    bytes[at++] = f->opcode;
    bytes[at++] = (uint8_t)n;
    memcpy(bytes + at, f->text, n);
    at += n;
  }
  *size = at;
  return bytes;
}

/* One finding at `at`; the place behind it, or 0. */
static size_t unpack_finding(const uint8_t *bytes, size_t size, size_t at,
                             struct fse_calibration *out) {
  struct fse_row_finding *f = &out->finding[out->finding_count];
  size_t n;
  if (size - at < 2) return 0;
  f->opcode = bytes[at];
  n = bytes[at + 1];
  at += 2;
  f->verdict = out->verdict[f->opcode];
  if (n >= sizeof f->text || size - at < n || f->verdict <= FSE_ROW_FINE ||
      (out->finding_count > 0 && f[-1].opcode >= f->opcode))
    return 0;
  memcpy(f->text, bytes + at, n);
  f->text[n] = '\0';
  for (char *c = f->text; *c; c++)
    if ((unsigned char)*c < ' ' || *c == 0x7f) *c = '?';
  out->finding_count++;
  return at + n;
}

bool fse_calibration_unpack(const struct fisa_dialect *d, const void *from,
                            size_t size, struct fse_calibration *out) {
  const uint8_t *bytes = from;
  uint32_t wrong = 0, count;
  size_t at = HEAD;
  memset(out, 0, sizeof *out);
  if (size < HEAD || bytes[0] != CAL_FORM || bytes[1] > 1) return false;
  out->proven = true;
  out->forked = bytes[1] != 0;
  out->states = get(bytes + 2, 8);
  memcpy(out->verdict, bytes + 10, 256);
  for (unsigned i = 0; i < 256; i++) {
    uint8_t v = out->verdict[i];
    if (v > FSE_ROW_UNFIT || (v != FSE_ROW_UNSEEN &&
                              !cal_is_stepped(&d->rows[i])))
      return false;
    out->stepped += v != FSE_ROW_UNSEEN;
    out->never += d->rows[i].defined && v == FSE_ROW_UNSEEN;
    out->opaque += v == FSE_ROW_OPAQUE;
    out->unfit += v == FSE_ROW_UNFIT;
    wrong += v > FSE_ROW_FINE;
  }
  count = (uint32_t)get(bytes + 266, 2);
  if (count != wrong) return false;
  while (at != 0 && out->finding_count < count)
    at = unpack_finding(bytes, size, at, out);
  return at == size;
}

/* ---- the journal -------------------------------------------------------- */

/* What the journal knows. Damage is as good as nothing: rows are stepped. */
static bool recall(struct fse_instance *in, struct fse_judged *k) {
  const char *build = in->host->build_id;
  uint8_t key[32], *blob = NULL;
  size_t size = 0;
  bool known;
  if (in->journal == NULL || build == NULL) return false;
  fse_calibration_key(build, k->dialect, key);
  known = fse_journal_get(in->journal, FSE_SHELF_CALIBRATIONS, key, &blob,
                          &size, NULL) > 0 &&
          fse_calibration_unpack(k->dialect, blob, size, &k->verdict);
  free(blob);
  return known;
}

static void remember(struct fse_instance *in, const struct fse_judged *k) {
  const char *build = in->host->build_id;
  struct fisa_error err = {"out of memory"};
  uint8_t key[32], *blob;
  size_t size;
  if (in->journal == NULL || build == NULL || !k->verdict.proven ||
      k->verdict.partial)
    return;
  fse_calibration_key(build, k->dialect, key);
  blob = fse_calibration_pack(&k->verdict, &size);
  if (blob == NULL || fse_journal_put(in->journal, FSE_SHELF_CALIBRATIONS,
                                      key, blob, size, &err) != 0)
    fse_say(in, FLUX_LOG_WARNING, "a calibration is not remembered: %s",
            err.text);
  free(blob);
}

/* ---- the instance ------------------------------------------------------- */

static void tell(struct fse_instance *in, const struct fse_judged *k,
                 bool recalled) {
  const struct fse_calibration *c = &k->verdict;
  if (!c->proven) {
    fse_say(in, FLUX_LOG_INFO, "dialect %s is taken as its table says: %s",
            k->dialect->name, fse_unproven(in));
    return;
  }
  /* What is as it should be is no news. */
  fse_say(in, c->finding_count > 0 ? FLUX_LOG_INFO : FLUX_LOG_DEBUG,
          "dialect %s: %u rows stepped on the host's VM, %u opaque, %u unfit, "
          "%u never stepped%s", k->dialect->name, c->stepped, c->opaque,
          c->unfit, c->never, recalled ? ", as the journal knows" : "");
  for (uint32_t i = 0; i < c->finding_count && i < TOLD; i++)
    fse_say(in, FLUX_LOG_WARNING, "%s on this host: %s",
            c->finding[i].verdict == FSE_ROW_UNFIT
                ? "programs with this row are not evolved"
                : "a row is taken as opaque", c->finding[i].text);
  if (c->finding_count > TOLD)
    fse_say(in, FLUX_LOG_WARNING, "and %u more such rows; fluxevolve "
            "calibrate names them all", c->finding_count - TOLD);
}

const char *fse_unproven(const struct fse_instance *in) {
  return in->step == NULL ? "the host offers no flux.step/1"
                          : "the host has no VM to step it on";
}

static void known_free(struct fse_judged *k) {
  if (k != NULL) fisa_dialect_free(k->dialect);
  free(k);
}

void fse_known_done(struct fse_instance *in) {
  while (in->known != NULL) {
    struct fse_judged *k = in->known;
    in->known = k->next;
    known_free(k);
  }
}

static struct fse_judged *known_new(const struct fisa_dialect *d) {
  struct fse_judged *k = calloc(1, sizeof *k);
  if (k == NULL) return NULL;
  k->dialect = malloc(sizeof *k->dialect);
  if (k->dialect == NULL) {
    free(k);
    return NULL;
  }
  *k->dialect = *d;
  memcpy(k->hash, d->hash, 32);
  return k;
}

/* Under the lock: a new verdict, of the journal unless `again`. */
static struct fse_judged *find_out(struct fse_instance *in,
                                  const struct fisa_dialect *d, bool again,
                                  struct fisa_error *err) {
  struct fse_judged *k = known_new(d);
  bool recalled;
  if (k == NULL) {
    fisa_fail(err, "out of memory");
    return NULL;
  }
  recalled = !again && recall(in, k);
  if (!recalled && fse_calibrate(d, in->step, in->host->ctx, NULL, &k->verdict,
                                 err) != 0) {
    known_free(k);
    return NULL;
  }
  if (!recalled) remember(in, k);
  k->next = in->known;
  in->known = k;
  tell(in, k, recalled);
  return k;
}

const struct fse_calibration *fse_calibrated(struct fse_instance *in,
                                             const struct fisa_dialect *d,
                                             bool again,
                                             struct fisa_error *err) {
  struct fse_judged *k;
  pthread_mutex_lock(&in->calibrating);
  k = again ? NULL : in->known;
  while (k != NULL && memcmp(k->hash, d->hash, 32) != 0) k = k->next;
  if (k == NULL) k = find_out(in, d, again, err);
  pthread_mutex_unlock(&in->calibrating);
  return k != NULL ? &k->verdict : NULL;
}

/* Whether a newer verdict than k is on the same dialect. */
static bool is_outdated(const struct fse_judged *newest,
                        const struct fse_judged *k) {
  while (newest != k && memcmp(newest->hash, k->hash, 32) != 0)
    newest = newest->next;
  return newest != k;
}

int fse_known_each(struct fse_instance *in,
                   int (*each)(const struct fisa_dialect *d,
                               const struct fse_calibration *c, void *user),
                   void *user) {
  const struct fse_judged *newest;
  int rc = 0;
  pthread_mutex_lock(&in->calibrating);
  newest = in->known;
  pthread_mutex_unlock(&in->calibrating);
  for (const struct fse_judged *k = newest; k != NULL && rc == 0; k = k->next)
    if (!is_outdated(newest, k)) rc = each(k->dialect, &k->verdict, user);
  return rc;
}
