/*
 * plugin/control_read.c - what requests hold. All of it comes from outside.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isa/asm.h"
#include "plugin/control_impl.h"

/* ---- members ------------------------------------------------------------ */

/* A member with a type that is none of ours. */
static flux_status bad(struct fse_control *c, const char *key,
                       const char *want) {
  return fse_control__fail(c, FLUX_E_INVALID, "\"%.40s\" must be %s", key,
                           want);
}

flux_status fse_control__keys(struct fse_control *c, const char *const *keys) {
  void *at = json_object_iter((json_t *)(uintptr_t)c->request);
  assert(keys != NULL);
  while (at != NULL) {
    const char *key = json_object_iter_key(at);
    unsigned i = 0;
    while (keys[i] != NULL && strcmp(keys[i], key) != 0) i++;
    if (keys[i] == NULL)
      return fse_control__fail(c, FLUX_E_INVALID, "unknown key \"%.40s\"",
                               key);
    at = json_object_iter_next((json_t *)(uintptr_t)c->request, at);
  }
  return FLUX_OK;
}

flux_status fse_control__integer(struct fse_control *c, const char *key,
                                 struct fse_range range, int64_t *out) {
  const json_t *v = json_object_get(c->request, key);
  int64_t n;
  assert(range.lo <= range.hi);
  if (v == NULL) return FLUX_OK;
  if (!json_is_integer(v)) return bad(c, key, "an integer");
  n = json_integer_value(v);
  if (n < range.lo || n > range.hi)
    return fse_control__fail(c, FLUX_E_INVALID,
                             "\"%.40s\" must be from %lld to %lld", key,
                             (long long)range.lo, (long long)range.hi);
  *out = n;
  return FLUX_OK;
}

flux_status fse_control__string(struct fse_control *c, const char *key,
                                const char **out) {
  const json_t *v = json_object_get(c->request, key);
  if (v == NULL) return FLUX_OK;
  if (!json_is_string(v)) return bad(c, key, "a string");
  *out = json_string_value(v);
  return FLUX_OK;
}

/* ---- hex ---------------------------------------------------------------- */

json_t *fse_control__hex(const uint8_t *bytes, size_t size) {
  static const char digits[] = "0123456789abcdef";
  char *text = malloc(size * 2 + 1);
  json_t *out;
  if (text == NULL) return NULL;
  for (size_t i = 0; i < size; i++) {
    text[i * 2] = digits[bytes[i] >> 4];
    text[i * 2 + 1] = digits[bytes[i] & 15];
  }
  out = json_stringn(text, size * 2);
  free(text);
  return out;
}

static int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/* Bytes of hex, to be freed; NULL: it is none, or memory. */
static uint8_t *unhex(const char *text, size_t *size) {
  size_t n = strlen(text) / 2;
  uint8_t *out;
  if (strlen(text) % 2 != 0 || n == 0 || n > FISA_MAX_CODE) return NULL;
  out = malloc(n);
  for (size_t i = 0; out != NULL && i < n; i++) {
    int hi = digit(text[i * 2]), lo = digit(text[i * 2 + 1]);
    if (hi < 0 || lo < 0) {
      free(out);
      return NULL;
    }
    out[i] = (uint8_t)(hi << 4 | lo);
  }
  *size = n;
  return out;
}

/* ---- programs ----------------------------------------------------------- */

/* The members of a program, all but code and entry optional. */
struct given {
  const char *dialect, *text, *bindings, *code, *manifest;
  json_int_t entry;
};

static flux_status read_members(struct fse_control *c, struct given *g) {
  const json_t *p = json_object_get(c->request, "program");
  json_error_t why;
  memset(g, 0, sizeof *g);
  g->manifest = "";
  if (!json_is_object(p)) return bad(c, "program", "an object");
  if (json_unpack_ex((json_t *)(uintptr_t)p, &why, 0,
                     "{s:s, s:s, s?I, s?s, s?s, s?s !}", "dialect",
                     &g->dialect, "code", &g->code, "entry", &g->entry,
                     "manifest", &g->manifest, "text", &g->text, "bindings",
                     &g->bindings) != 0)
    return fse_control__fail(c, FLUX_E_INVALID, "\"program\": %.150s",
                             why.text);
  return FLUX_OK;
}

static flux_status read_dialect(struct fse_control *c, const struct given *g,
                                struct fisa_dialect **d) {
  int rc;
  if (g->text == NULL) {
    rc = fisa_dialect_builtin(g->dialect, true, d, &c->err);
  } else {
    rc = fisa_dialect_parse(g->text, strlen(g->text), g->dialect, d, &c->err);
    if (rc == 0 && g->bindings != NULL)
      rc = fisa_dialect_bind(*d, g->bindings, strlen(g->bindings),
                             g->dialect, &c->err);
  }
  return rc == 0 ? FLUX_OK : FLUX_E_MALFORMED;
}

/* The program with its manifest, and the entry of the request. */
static flux_status read_code(struct fse_control *c, const struct given *g,
                             const struct fisa_dialect *d,
                             struct fisa_program **p) {
  struct fisa_program *moved;
  size_t size = 0;
  uint8_t *code = unhex(g->code, &size);
  int rc;
  if (code == NULL)
    return fse_control__fail(c, FLUX_E_MALFORMED,
                             "\"code\" must be hex, 1 to %u bytes",
                             FISA_MAX_CODE);
  rc = fisa_program_from_bytes(d, code, size, p, &c->err);
  free(code);
  if (rc != 0) return FLUX_E_MALFORMED;
  if (g->manifest[0] != '\0' &&
      fisa_manifest_apply(*p, g->manifest, strlen(g->manifest), "manifest",
                          &c->err) != 0)
    return FLUX_E_MALFORMED;
  if (json_object_get(json_object_get(c->request, "program"), "entry") ==
          NULL ||
      g->entry == (json_int_t)(*p)->entry)
    return FLUX_OK;
  if (g->entry < 0 || g->entry >= (json_int_t)size)
    return fse_control__fail(c, FLUX_E_MALFORMED,
                             "entry %lld is outside the %zu bytes of code",
                             (long long)g->entry, size);
  moved = fisa_program_derive(*p, (*p)->code, (*p)->size, (uint32_t)g->entry,
                              (*p)->manifest.boundary.pc);
  if (moved == NULL) return fse_control__fail(c, FLUX_E_MEMORY,
                                              "out of memory");
  fisa_program_free(*p);
  *p = moved;
  return FLUX_OK;
}

flux_status fse_control__program(struct fse_control *c,
                                 struct fisa_dialect **d,
                                 struct fisa_program **p) {
  struct given g;
  flux_status rc = read_members(c, &g);
  assert(*d == NULL && *p == NULL);
  if (rc == FLUX_OK) rc = read_dialect(c, &g, d);
  if (rc == FLUX_OK) rc = read_code(c, &g, *d, p);
  return rc;
}

/* ---- states ------------------------------------------------------------- */

flux_status fse_control__state(struct fse_control *c, const json_t *state,
                               const struct fisa_program *p,
                               struct fisa_state *s, struct fisa_trace *in) {
  char *text;
  int rc;
  if (state == NULL) return FLUX_OK;
  if (!json_is_object(state)) return bad(c, "state", "an object");
  text = json_dumps(state, JSON_COMPACT);
  if (text == NULL) return fse_control__fail(c, FLUX_E_MEMORY,
                                             "out of memory");
  rc = fisa_state_from_json(p->dialect, text, strlen(text), s, in, &c->err);
  free(text);
  return rc == 0 ? FLUX_OK : FLUX_E_INVALID;
}
