/*
 * plugin/undo.c - what an edit changed, and back.
 *
 * Whatever an edit does, the code of parent and child agrees in a run at the
 * front and one at the end; what lies between is kept. So one record takes
 * back any kind of edit, and the hashes at both ends say that it did.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/kinds.h"

int fse_change_make(const struct fisa_program *parent,
                    const struct fisa_program *child,
                    const struct fse_proposal *what, struct fse_change *out) {
  uint32_t least = parent->size < child->size ? parent->size : child->size;
  uint32_t front = 0, back = 0;
  assert(what->kind < fse_kind_count);
  while (front < least && parent->code[front] == child->code[front]) front++;
  while (back < least - front &&
         parent->code[parent->size - 1 - back] ==
             child->code[child->size - 1 - back])
    back++;
  memset(out, 0, sizeof *out);
  out->what = *what;
  memcpy(out->parent, parent->hash, 32);
  memcpy(out->child, child->hash, 32);
  out->entry = parent->entry;
  out->boundary = parent->manifest.boundary.pc;
  out->at = front;
  out->added = child->size - front - back;
  out->removed = parent->size - front - back;
  out->old = malloc(out->removed + 1);
  if (out->old == NULL) return -1;
  memcpy(out->old, parent->code + front, out->removed);
  return 0;
}

void fse_change_done(struct fse_change *c) {
  free(c->old);
  memset(c, 0, sizeof *c);
}

int fse_undo(const struct fse_change *c, const struct fisa_program *child,
             struct fisa_program **parent, struct fisa_error *err) {
  struct fisa_program *p;
  uint32_t behind = c->at + c->added, size;
  uint8_t *code;
  if (memcmp(c->child, child->hash, 32) != 0 || behind > child->size)
    return fisa_fail(err, "the edit is not one that made this program");
  size = child->size - c->added + c->removed;
  code = malloc(size + 1);
  if (code == NULL) return fisa_fail(err, "out of memory");
  memcpy(code, child->code, c->at);
  memcpy(code + c->at, c->old, c->removed);
  memcpy(code + c->at + c->removed, child->code + behind,
         child->size - behind);
  p = fisa_program_derive(child, code, size, c->entry, c->boundary);
  free(code);
  if (p == NULL) return fisa_fail(err, "out of memory");
  if (memcmp(c->parent, p->hash, 32) != 0) {
    fisa_program_free(p);
    return fisa_fail(err, "what the edit took is not what the parent had");
  }
  *parent = p;
  return 0;
}
