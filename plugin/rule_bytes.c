/*
 * plugin/rule_bytes.c - rules as bytes, and back.
 *
 * Ops go by name, so that another build reads them.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/rule_impl.h"

#define FORM 1u       /* of the bytes */
#define NAME_SIZE 24u /* of an op */

/*
 * FORM, the left form, the right form, any, the constants of the right that
 * are of the left, rows and where each ends. A form: four counts, constants,
 * nodes (op, its number, d a b c), results.
 */

/* ---- there -------------------------------------------------------------- */

static void put_form(struct fse_writer *w, const struct fse_wform *f) {
  fse_put(w, f->in_count);
  fse_put(w, f->const_count);
  fse_put(w, f->node_count);
  fse_put(w, f->out_count);
  for (unsigned i = 0; i < f->const_count; i++)
    fse_put(w, (uint32_t)f->constant[i]);
  for (unsigned i = 0; i < f->node_count; i++) {
    const struct fse_wnode *n = &f->node[i];
    fse_put_text(w, fisa_semop_name(n->op));
    fse_put(w, (uint32_t)n->imm);
    fse_put(w, (uint32_t)n->d << 24 | (uint32_t)n->a << 16 |
                   (uint32_t)n->b << 8 | n->c);
  }
  for (unsigned k = 0; k < f->out_count; k++) fse_put(w, f->out[k]);
}

bool fse_rule_put(struct fse_writer *w, const struct fse_rule *r) {
  assert(r->row_count <= FSE_RULE_ROWS);
  fse_put(w, FORM);
  put_form(w, &r->left);
  put_form(w, &r->right);
  fse_put(w, r->any);
  for (unsigned c = 0; c < r->right.const_count; c++) fse_put(w, r->from[c]);
  fse_put(w, r->row_count);
  for (unsigned i = 0; i < r->row_count; i++) fse_put(w, r->row_end[i]);
  return !w->failed;
}

/* ---- and back ----------------------------------------------------------- */

/* A number below `limit`, or a failure. */
static uint8_t get_below(struct fse_reader *r, uint32_t limit) {
  uint32_t v = fse_get(r);
  assert(limit <= 256);
  if (v >= limit) r->failed = true;
  return r->failed ? 0 : (uint8_t)v;
}

/* Where an operand is read there is an earlier value, else nothing. */
static bool operands_fit(const struct fse_wnode *n, unsigned earlier) {
  const uint8_t value[4] = {n->d, n->a, n->b, n->c};
  for (unsigned k = 0; k < 4; k++) {
    char use = fisa_semop_use(n->op, k);
    bool read = use == 'R' || use == 'M';
    if (read ? value[k] >= earlier : value[k] != FSE_NOTHING) return false;
  }
  return true;
}

static void get_node(struct fse_reader *r, struct fse_wnode *n,
                     unsigned earlier) {
  char name[NAME_SIZE];
  uint32_t packed;
  int op;
  fse_get_text(r, name, sizeof name);
  n->imm = (int32_t)fse_get(r);
  packed = fse_get(r);
  n->d = (uint8_t)(packed >> 24);
  n->a = (uint8_t)(packed >> 16);
  n->b = (uint8_t)(packed >> 8);
  n->c = (uint8_t)packed;
  op = fisa_semop_by_name(name, strlen(name));
  if (r->failed || op < 0 || !fse_is_value((unsigned)op)) {
    r->failed = true;
    return;
  }
  n->op = (uint16_t)op;
  if (!operands_fit(n, earlier)) r->failed = true;
}

static void get_form(struct fse_reader *r, struct fse_wform *f) {
  f->in_count = get_below(r, FSE_WINDOW_INS + 1);
  f->const_count = get_below(r, FSE_WINDOW_CONSTS + 1);
  f->node_count = get_below(r, FSE_WINDOW_OPS + 1);
  f->out_count = get_below(r, FSE_WINDOW_OUTS + 1);
  for (unsigned i = 0; i < f->const_count; i++)
    f->constant[i] = (int32_t)fse_get(r);
  for (unsigned i = 0; i < f->node_count && !r->failed; i++)
    get_node(r, &f->node[i], f->in_count + f->const_count + i);
  for (unsigned k = 0; k < f->out_count; k++)
    f->out[k] = get_below(r, f->in_count + f->const_count + f->node_count);
}

/* Whether an op of a row of the right is read by another row but as what that
 * row makes. */
static bool rows_stand(const struct fse_rule *r) {
  unsigned first = r->right.in_count + r->right.const_count, from = 0;
  for (unsigned row = 0; row < r->row_count; row++) {
    for (unsigned i = r->row_end[row]; i < r->right.node_count; i++) {
      const struct fse_wnode *n = &r->right.node[i];
      const uint8_t value[4] = {n->d, n->a, n->b, n->c};
      for (unsigned k = 0; k < 4; k++)
        if (value[k] != FSE_NOTHING && value[k] >= first + from &&
            value[k] + 1u < first + r->row_end[row])
          return false;
    }
    for (unsigned k = 0; k < r->right.out_count; k++)
      if (r->right.out[k] >= first + from &&
          r->right.out[k] + 1u < first + r->row_end[row])
        return false;
    from = r->row_end[row];
  }
  return from == r->right.node_count;
}

static void get_rows(struct fse_reader *r, struct fse_rule *out) {
  unsigned before = 0;
  memset(out->from, FSE_NOTHING, sizeof out->from);
  for (unsigned c = 0; c < out->right.const_count; c++) {
    out->from[c] = get_below(r, 256);
    if (out->from[c] != FSE_NOTHING &&
        out->from[c] >= out->left.const_count)
      r->failed = true;
  }
  out->row_count = get_below(r, FSE_RULE_ROWS + 1);
  for (unsigned i = 0; i < out->row_count; i++) {
    out->row_end[i] = get_below(r, out->right.node_count + 1u);
    if (out->row_end[i] <= before) r->failed = true;
    before = out->row_end[i];
  }
}

int fse_rule_get(const uint8_t *bytes, size_t size, struct fse_rule *out) {
  struct fse_reader r = {bytes, bytes + size, false};
  uint32_t any;
  memset(out, 0, sizeof *out);
  if (fse_get(&r) != FORM) return -1;
  get_form(&r, &out->left);
  get_form(&r, &out->right);
  any = fse_get(&r);
  if (any >> out->left.const_count != 0 ||
      out->left.in_count != out->right.in_count ||
      out->left.out_count != out->right.out_count)
    r.failed = true;
  out->any = (uint16_t)any;
  get_rows(&r, out);
  return fse_get_ended(&r) && rows_stand(out) ? 0 : -1;
}
