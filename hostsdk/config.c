/*
 * hostsdk/config.c - a config file to structs, driven by the schema.
 *
 * libconfig parses; this file knows no key but through the schema. All that
 * the result points to lives in one arena.
 */
#include "hostsdk/config.h"

#include <assert.h>
#include <errno.h>
#include <libconfig.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostsdk/callexpr.h"
#include "hostsdk/config_schema.h"
#include "hostsdk/judge.h"
#include "hostsdk/services.h"
#include "isa/asm.h"

enum { SETTING_NAME_MAX = 255, SETTINGS_MAX = 65536 };

/* ---- arena -------------------------------------------------------------- */

/* Blocks of one config, newest first. */
struct block {
  struct block *next;
  max_align_t bytes[];
};

struct loader {
  const char *where;           /* names the text in sentences */
  struct fhost_config *config;
  struct block *blocks;
  struct fhost_natives *natives; /* parsed only, for checking calls */
  struct fisa_error *err;
};

/* Zeroed memory that lives as long as the config. NULL, with the error
 * written, when there is none. */
static void *take(struct loader *l, size_t size) {
  struct block *b = calloc(1, sizeof *b + (size ? size : 1));

  if (!b) {
    fisa_fail(l->err, "out of memory");
    return NULL;
  }
  b->next = l->blocks;
  l->blocks = b;
  return b->bytes;
}

static const char *keep(struct loader *l, const char *text) {
  size_t n = strlen(text) + 1;
  char *copy = take(l, n);

  if (copy)
    memcpy(copy, text, n);
  return copy;
}

static void free_blocks(struct block *b) {
  while (b) {
    struct block *next = b->next;
    free(b);
    b = next;
  }
}

/* ---- sentences ---------------------------------------------------------- */

/* Fails with "FILE:LINE: sentence" about a setting. Returns -1. */
static int fail_at(struct loader *l, const config_setting_t *s,
                   const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int fail_at(struct loader *l, const config_setting_t *s,
                   const char *format, ...) {
  const char *file = config_setting_source_file(s);
  char text[256];
  va_list ap;

  assert(s);
  va_start(ap, format);
  vsnprintf(text, sizeof text, format, ap);
  va_end(ap);
  return fisa_fail(l->err, "%s:%u: %s", file ? file : l->where, s->line,
                   text);
}

static const char *written_type(const config_setting_t *s) {
  switch (config_setting_type(s)) {
  case CONFIG_TYPE_GROUP:
    return "a group";
  case CONFIG_TYPE_INT:
  case CONFIG_TYPE_INT64:
    return "an integer";
  case CONFIG_TYPE_FLOAT:
    return "a number with a point";
  case CONFIG_TYPE_STRING:
    return "a string";
  case CONFIG_TYPE_BOOL:
    return "true or false";
  case CONFIG_TYPE_ARRAY:
    return "an array";
  default:
    return "a list";
  }
}

static int fail_type(struct loader *l, const config_setting_t *s,
                     const struct fhost_field *f) {
  return fail_at(l, s, "\"%s\" must be %s, not %s", f->key,
                 fhost_field_type_name(f), written_type(s));
}

/* Fails about a key that the schema does not have. */
static int fail_unknown(struct loader *l, const config_setting_t *s,
                        const struct fhost_schema *schema) {
  const char *name = config_setting_name(s), *near = NULL;
  unsigned best = UINT_MAX;

  assert(schema->count > 0);
  for (unsigned i = 0; i < schema->count; i++) {
    unsigned n = fhost_edit_distance(name, schema->fields[i].key);
    if (n < best) {
      best = n;
      near = schema->fields[i].key;
    }
  }
  return fail_at(l, s, "unknown key \"%.60s\" in %s; the nearest is \"%s\"",
                 name, schema->what, near);
}

/* ---- scalars ------------------------------------------------------------ */

/* Reads an integer setting; false if it is none. */
static bool setting_int(const config_setting_t *s, int64_t *out) {
  int type = config_setting_type(s);

  if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64)
    return false;
  *out = type == CONFIG_TYPE_INT ? config_setting_get_int(s)
                                 : config_setting_get_int64(s);
  return true;
}

static int convert_int(struct loader *l, const config_setting_t *s,
                       const struct fhost_field *f, char *member) {
  int64_t v;

  assert(f->lo <= f->hi);
  if (!setting_int(s, &v))
    return fail_type(l, s, f);
  if (v < f->lo || v > f->hi)
    return fail_at(l, s, "\"%s\" must be %lld..%lld, not %lld", f->key,
                   (long long)f->lo, (long long)f->hi, (long long)v);
  switch (f->type) {
  case FHOST_FIELD_U64:
    *(uint64_t *)(void *)member = (uint64_t)v;
    break;
  case FHOST_FIELD_U32:
    *(uint32_t *)(void *)member = (uint32_t)v;
    break;
  default:
    *(int32_t *)(void *)member = (int32_t)v;
  }
  return 0;
}

static int convert_float(struct loader *l, const config_setting_t *s,
                         const struct fhost_field *f, char *member) {
  int64_t i;
  double v;

  if (setting_int(s, &i))
    v = (double)i;
  else if (config_setting_type(s) == CONFIG_TYPE_FLOAT)
    v = config_setting_get_float(s);
  else
    return fail_type(l, s, f);
  if (!(v >= (double)f->lo && v <= (double)f->hi))
    return fail_at(l, s, "\"%s\" must be %lld..%lld, not %g", f->key,
                   (long long)f->lo, (long long)f->hi, v);
  *(double *)(void *)member = v;
  return 0;
}

static bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

static int check_name(struct fisa_error *err, const char *text) {
  for (const char *c = text; *c; c++)
    if (!is_name_char(*c))
      return fisa_fail(err, "\"%.60s\" may hold letters, digits, _ . and - "
                       "only", text);
  return 0;
}

/* Checks what a string says, without the dialect. */
static int check_words(struct loader *l, const struct fhost_field *f,
                       const char *text, struct fisa_error *why) {
  struct fhost_call call;
  struct fisa_cells cells;
  int32_t cell;
  double scale;

  switch (f->type) {
  case FHOST_FIELD_NAME:
    return check_name(why, text);
  case FHOST_FIELD_CALL:
    return fhost_call_compile(text, l->natives,
                              (enum fhost_call_place)f->hi, &call, why);
  case FHOST_FIELD_JUDGE:
    return fhost_judge_form(text, l->natives, why);
  case FHOST_FIELD_PLACE:
    return fhost_place_resolve(NULL, text, &cells, why);
  case FHOST_FIELD_CONFIDENCE:
    return fhost_confidence_resolve(NULL, text, &cell, &scale, why);
  case FHOST_FIELD_BOUNDARY:
    return fhost_boundary_set(NULL, text, why);
  default:
    return 0;
  }
}

/* A path as the program will open it; "" stays. */
static const char *keep_path(struct loader *l, const char *text) {
  const char *folder = l->config->folder;
  size_t n = strlen(folder) + strlen(text) + 2;
  char *path;

  if (!*text || *text == '/')
    return keep(l, text);
  path = take(l, n);
  if (path)
    snprintf(path, n, "%s/%s", folder, text);
  return path;
}

static int convert_string(struct loader *l, const config_setting_t *s,
                          const struct fhost_field *f, char *member) {
  bool sized = f->type == FHOST_FIELD_STRING || f->type == FHOST_FIELD_NAME ||
               f->type == FHOST_FIELD_PATH;
  struct fisa_error why;
  const char *text, *kept;

  if (config_setting_type(s) != CONFIG_TYPE_STRING)
    return fail_type(l, s, f);
  text = config_setting_get_string(s);
  if (!text)
    text = "";
  if (sized && strlen(text) < (size_t)f->lo)
    return fail_at(l, s, "\"%s\" must not be empty", f->key);
  if (sized && strlen(text) > (size_t)f->hi)
    return fail_at(l, s, "\"%s\" is longer than %lld bytes", f->key,
                   (long long)f->hi);
  if (check_words(l, f, text, &why) != 0)
    return fail_at(l, s, "\"%s\": %s", f->key, why.text);
  kept = f->type == FHOST_FIELD_PATH ? keep_path(l, text) : keep(l, text);
  *(const char **)(void *)member = kept;
  return kept ? 0 : -1;
}

static int convert_level(struct loader *l, const config_setting_t *s,
                         const struct fhost_field *f, char *member) {
  const char *text;
  int level;

  if (config_setting_type(s) != CONFIG_TYPE_STRING)
    return fail_type(l, s, f);
  text = config_setting_get_string(s);
  level = fhost_log_level_by_name(text ? text : "");
  if (level < 0)
    return fail_at(l, s, "\"%s\" must be debug, info, event, warning or "
                   "error, not \"%.40s\"", f->key, text ? text : "");
  *(uint32_t *)(void *)member = (uint32_t)level;
  return 0;
}

static int convert_bool(struct loader *l, const config_setting_t *s,
                        const struct fhost_field *f, char *member) {
  if (config_setting_type(s) != CONFIG_TYPE_BOOL)
    return fail_type(l, s, f);
  *(bool *)(void *)member = config_setting_get_bool(s) != 0;
  return 0;
}

/* ---- groups and lists --------------------------------------------------- */

static int convert_group(struct loader *l, const config_setting_t *s,
                         const struct fhost_schema *schema, char *target);

static int convert_list(struct loader *l, const config_setting_t *s,
                        const struct fhost_field *f, char *target) {
  unsigned n = (unsigned)config_setting_length(s);
  char *array;

  assert(f->sub && f->sub->size > 0);
  if (config_setting_type(s) != CONFIG_TYPE_LIST)
    return fail_type(l, s, f);
  if (n > (uint64_t)f->hi)
    return fail_at(l, s, "\"%s\" has %u elements; at most %lld are allowed",
                   f->key, n, (long long)f->hi);
  array = take(l, (size_t)n * f->sub->size);
  if (!array)
    return -1;
  for (unsigned i = 0; i < n; i++) {
    const config_setting_t *e = config_setting_get_elem(s, i);

    if (config_setting_type(e) != CONFIG_TYPE_GROUP)
      return fail_at(l, e, "an element of \"%s\" must be a group, not %s",
                     f->key, written_type(e));
    if (convert_group(l, e, f->sub, array + (size_t)i * f->sub->size) != 0)
      return -1;
  }
  *(const void **)(void *)(target + f->offset) = array;
  *(uint32_t *)(void *)(target + f->count) = n;
  return 0;
}

static int convert_natives(struct loader *l, const config_setting_t *s,
                           const struct fhost_field *f, char *target) {
  unsigned n = (unsigned)config_setting_length(s);
  struct fhost_native_config *array;

  assert(l->natives && f->type == FHOST_FIELD_NATIVES);
  if (config_setting_type(s) != CONFIG_TYPE_GROUP)
    return fail_type(l, s, f);
  if (n > (uint64_t)f->hi)
    return fail_at(l, s, "more than %lld natives", (long long)f->hi);
  array = take(l, n * sizeof *array);
  if (!array)
    return -1;
  for (unsigned i = 0; i < n; i++) {
    const config_setting_t *e = config_setting_get_elem(s, i);
    const char *name = config_setting_name(e);
    struct fisa_error why;

    if (config_setting_type(e) != CONFIG_TYPE_STRING)
      return fail_at(l, e, "native \"%.40s\" must be a string "
                     "\"LIBRARY:SYMBOL(TYPE,...)->TYPE\", not %s", name,
                     written_type(e));
    array[i].name = keep(l, name);
    array[i].spec = keep(l, config_setting_get_string(e));
    array[i].line = e->line;
    if (!array[i].name || !array[i].spec)
      return -1;
    if (fhost_natives_add(l->natives, name, array[i].spec, &why) != 0)
      return fail_at(l, e, "native \"%.40s\": %s", name, why.text);
  }
  *(const void **)(void *)(target + f->offset) = array;
  *(uint32_t *)(void *)(target + f->count) = n;
  return 0;
}

static int convert(struct loader *l, const config_setting_t *s,
                   const struct fhost_field *f, char *target) {
  char *member = target + f->offset;

  switch (f->type) {
  case FHOST_FIELD_ARG:
    *(bool *)(void *)(target + f->count) = true;
    return convert_int(l, s, f, member);
  case FHOST_FIELD_I32:
  case FHOST_FIELD_U32:
  case FHOST_FIELD_U64:
    return convert_int(l, s, f, member);
  case FHOST_FIELD_FLOAT:
    return convert_float(l, s, f, member);
  case FHOST_FIELD_BOOL:
    return convert_bool(l, s, f, member);
  case FHOST_FIELD_LEVEL:
    return convert_level(l, s, f, member);
  case FHOST_FIELD_GROUP:
    if (config_setting_type(s) != CONFIG_TYPE_GROUP)
      return fail_type(l, s, f);
    return convert_group(l, s, f->sub, target);
  case FHOST_FIELD_LIST:
    return convert_list(l, s, f, target);
  case FHOST_FIELD_NATIVES:
    return convert_natives(l, s, f, target);
  default:
    return convert_string(l, s, f, member);
  }
}

/* Lays the default of a key that is not there. The schema is ours, so its
 * texts convert. */
static int lay_default(struct loader *l, const struct fhost_field *f,
                       char *target) {
  char *member = target + f->offset;

  assert(f->def);
  switch (f->type) {
  case FHOST_FIELD_I32:
    *(int32_t *)(void *)member = (int32_t)strtol(f->def, NULL, 10);
    return 0;
  case FHOST_FIELD_U32:
    *(uint32_t *)(void *)member = (uint32_t)strtoul(f->def, NULL, 10);
    return 0;
  case FHOST_FIELD_U64:
    *(uint64_t *)(void *)member = strtoull(f->def, NULL, 10);
    return 0;
  case FHOST_FIELD_FLOAT:
    *(double *)(void *)member = strtod(f->def, NULL);
    return 0;
  case FHOST_FIELD_BOOL:
    *(bool *)(void *)member = strcmp(f->def, "true") == 0;
    return 0;
  case FHOST_FIELD_LEVEL:
    *(uint32_t *)(void *)member = (uint32_t)fhost_log_level_by_name(f->def);
    return 0;
  case FHOST_FIELD_GROUP:
    return convert_group(l, NULL, f->sub, target);
  case FHOST_FIELD_ARG:
  case FHOST_FIELD_LIST:
  case FHOST_FIELD_NATIVES:
    return 0;  /* nothing is what zeroed memory says */
  default:
    *(const char **)(void *)member = keep(l, f->def);
    return *(const char **)(void *)member ? 0 : -1;
  }
}

/* ---- a plugin's own block ----------------------------------------------- */

static bool in_schema(const struct fhost_schema *schema, const char *name) {
  for (unsigned i = 0; i < schema->count; i++)
    if (strcmp(schema->fields[i].key, name) == 0)
      return true;
  return false;
}

struct flattener {
  struct loader *l;
  flux_setting *out;       /* NULL while counting */
  uint32_t count;
};

static int flatten(struct flattener *fl, const config_setting_t *s,
                   const char *name);

/* The members of a group get a dot and their name, the elements of a list
 * the name of the list. */
static int flatten_members(struct flattener *fl, const config_setting_t *s,
                           const char *name) {
  int n = config_setting_length(s);

  for (int i = 0; i < n; i++) {
    const config_setting_t *e = config_setting_get_elem(s, (unsigned)i);
    const char *own = config_setting_name(e);
    char path[SETTING_NAME_MAX + 1];
    int length = snprintf(path, sizeof path, own ? "%s.%s" : "%s", name,
                          own ? own : "");

    if (length > SETTING_NAME_MAX)
      return fail_at(fl->l, e, "the setting's name is longer than %d bytes",
                     SETTING_NAME_MAX);
    if (flatten(fl, e, path) != 0)
      return -1;
  }
  return 0;
}

static int fill_setting(struct flattener *fl, const config_setting_t *s,
                        const char *name, flux_setting *out) {
  const char *file = config_setting_source_file(s);
  const char *text;

  assert(config_setting_is_scalar(s));
  out->struct_size = sizeof *out;
  out->name = keep(fl->l, name);
  out->file = keep(fl->l, file ? file : fl->l->where);
  out->line = s->line;
  if (!out->name || !out->file)
    return -1;
  switch (config_setting_type(s)) {
  case CONFIG_TYPE_BOOL:
    out->type = FLUX_SETTING_BOOL;
    out->i = config_setting_get_bool(s) != 0;
    return 0;
  case CONFIG_TYPE_FLOAT:
    out->type = FLUX_SETTING_FLOAT;
    out->f = config_setting_get_float(s);
    return 0;
  case CONFIG_TYPE_STRING:
    out->type = FLUX_SETTING_STRING;
    text = config_setting_get_string(s);
    out->s = keep(fl->l, text ? text : "");
    return out->s ? 0 : -1;
  default:
    out->type = FLUX_SETTING_INT;
    setting_int(s, &out->i);
    out->f = (double)out->i;
    return 0;
  }
}

static int flatten(struct flattener *fl, const config_setting_t *s,
                   const char *name) {
  if (config_setting_is_aggregate(s))
    return flatten_members(fl, s, name);
  if (fl->count == SETTINGS_MAX)
    return fail_at(fl->l, s, "more than %d settings", SETTINGS_MAX);
  fl->count++;
  if (!fl->out)
    return 0;
  return fill_setting(fl, s, name, &fl->out[fl->count - 1]);
}

/* Everything in a plugin's group that the schema does not name. */
static int collect_settings(struct loader *l, const config_setting_t *s,
                            const struct fhost_schema *schema,
                            struct fhost_plugin_config *plugin) {
  struct flattener fl = {.l = l};

  assert(schema->open);
  for (int pass = 0; pass < 2; pass++) {
    fl.count = 0;
    for (int i = 0; i < config_setting_length(s); i++) {
      const config_setting_t *e = config_setting_get_elem(s, (unsigned)i);
      const char *name = config_setting_name(e);

      if (!in_schema(schema, name) && flatten(&fl, e, name) != 0)
        return -1;
    }
    if (pass == 0 && !(fl.out = take(l, fl.count * sizeof *fl.out)))
      return -1;
  }
  plugin->settings = fl.out;
  plugin->setting_count = fl.count;
  return 0;
}

/* Converts a group by its schema; NULL stands for an empty one. */
static int convert_group(struct loader *l, const config_setting_t *s,
                         const struct fhost_schema *schema, char *target) {
  assert(schema && target);
  for (int i = 0; s && !schema->open && i < config_setting_length(s); i++) {
    const config_setting_t *e = config_setting_get_elem(s, (unsigned)i);
    if (!in_schema(schema, config_setting_name(e)))
      return fail_unknown(l, e, schema);
  }
  for (unsigned i = 0; i < schema->count; i++) {
    const struct fhost_field *f = &schema->fields[i];
    const config_setting_t *e = s ? config_setting_get_member(s, f->key)
                                  : NULL;
    int failed;

    if (!e && !f->def)
      return fail_at(l, s, "%s has no \"%s\"", schema->what, f->key);
    failed = e ? convert(l, e, f, target) : lay_default(l, f, target);
    if (failed)
      return -1;
  }
  if (s && schema->line != FHOST_NO_LINE)
    *(uint32_t *)(void *)(target + schema->line) = s->line;
  if (s && schema->open)
    return collect_settings(l, s, schema, (void *)target);
  return 0;
}

/* ---- what one key alone cannot tell ------------------------------------- */

static int fail_line(struct loader *l, uint32_t line, const char *what,
                     const char *name) {
  return fisa_fail(l->err, "%s:%u: %s \"%s\" is there twice", l->where,
                   (unsigned)line, what, name);
}

static int check_whole(struct loader *l) {
  const struct fhost_config *c = l->config;

  for (uint32_t i = 0; i < c->vm_count; i++)
    for (uint32_t j = 0; j < i; j++)
      if (strcmp(c->vms[i].dialect, c->vms[j].dialect) == 0)
        return fail_line(l, c->vms[i].line, "the VM of dialect",
                         c->vms[i].dialect);
  for (uint32_t i = 0; i < c->plugin_count; i++)
    for (uint32_t j = 0; j < i; j++)
      if (strcmp(c->plugins[i].name, c->plugins[j].name) == 0)
        return fail_line(l, c->plugins[i].line, "plugin", c->plugins[i].name);
  for (uint32_t i = 0; i < c->agent_count; i++) {
    const struct fhost_agent_config *a = &c->agents[i];

    if (a->thread >= (int32_t)c->threads)
      return fisa_fail(l->err, "%s:%u: agent \"%s\" wants thread %d, but "
                       "\"threads\" is %u", l->where, (unsigned)a->line,
                       a->name, (int)a->thread, (unsigned)c->threads);
    for (uint32_t j = 0; j < i; j++)
      if (strcmp(a->name, c->agents[j].name) == 0)
        return fail_line(l, a->line, "agent", a->name);
  }
  return 0;
}

/* ---- files -------------------------------------------------------------- */

int fhost_config_parse(const char *text, const char *where,
                       const char *folder, struct fhost_config **out,
                       struct fisa_error *err) {
  struct loader l = {.where = where, .err = err};
  config_t parsed;
  int rc = -1;

  assert(text && where && folder && out);
  config_init(&parsed);
  config_set_include_dir(&parsed, folder);
  l.config = take(&l, sizeof *l.config);
  l.natives = fhost_natives_new(folder);
  if (!l.config || !l.natives) {
    fisa_fail(err, "out of memory");
    goto done;
  }
  l.config->file = keep(&l, where);
  l.config->folder = keep(&l, folder);
  if (!l.config->file || !l.config->folder)
    goto done;
  if (fhost_config_numbers(text, where, folder, err) != 0)
    goto done;
  if (!config_read_string(&parsed, text)) {
    const char *file = config_error_file(&parsed);
    fisa_fail(err, "%s:%d: %s", file ? file : where,
              config_error_line(&parsed), config_error_text(&parsed));
    goto done;
  }
  if (convert_group(&l, config_root_setting(&parsed), &fhost_config_schema,
                    (char *)l.config) != 0 ||
      check_whole(&l) != 0)
    goto done;
  rc = 0;
done:
  fhost_natives_free(l.natives);
  config_destroy(&parsed);
  if (rc != 0) {
    free_blocks(l.blocks);
    return -1;
  }
  l.config->arena = l.blocks;
  *out = l.config;
  return 0;
}

/* Reads a whole file of at most FHOST_MAX_CONFIG bytes without a NUL. */
static char *read_text(const char *path, struct fisa_error *err) {
  char *text = NULL;
  size_t n;

  if (fisa_read_file(path, FHOST_MAX_CONFIG, &text, &n, err) != 0)
    return NULL;
  if (!memchr(text, '\0', n))
    return text;
  fisa_fail(err, "%s: this is no text: it holds a zero byte", path);
  free(text);
  return NULL;
}

/* The absolute folder of a file that exists. */
static int folder_of(const char *path, char out[PATH_MAX],
                     struct fisa_error *err) {
  char *slash;

  if (!realpath(path, out))
    return fisa_fail(err, "%s: %s", path, strerror(errno));
  slash = strrchr(out, '/');
  assert(slash);
  slash[slash == out ? 1 : 0] = '\0';
  return 0;
}

int fhost_config_load(const char *path, struct fhost_config **out,
                      struct fisa_error *err) {
  char folder[PATH_MAX];
  char *text;
  int rc;

  assert(path && out);
  text = read_text(path, err);
  if (!text)
    return -1;
  rc = folder_of(path, folder, err);
  if (rc == 0)
    rc = fhost_config_parse(text, path, folder, out, err);
  free(text);
  return rc;
}

void fhost_config_free(struct fhost_config *c) {
  if (c)
    free_blocks(c->arena);  /* the config itself is one of the blocks */
}
