/*
 * fluxisa-gen - writes C from dialect texts, at build time.
 *
 *   fluxisa-gen embed OUT.inc FILE...
 *       the files as arrays, and a table of them by base name
 *   fluxisa-gen enum PREFIX FILE.fluxisa OUT.h [FILE.bindings]
 *       an enumeration of what a machine written by hand needs to name:
 *       opcodes, cells, faults, channels and sources
 */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isa/dialect.h"

static int complain(const char *path) {
  fprintf(stderr, "fluxisa-gen: %s: %s\n", path, strerror(errno));
  return -1;
}

/* The whole of a file, to be freed; NULL with a message. */
static char *read_file(const char *path, size_t *length) {
  FILE *f = fopen(path, "rb");
  char *text = NULL;

  if (!f)
    goto out;
  text = malloc(FISA_MAX_TEXT + 1);
  if (!text)
    goto out_file;
  *length = fread(text, 1, FISA_MAX_TEXT + 1, f);
  if (ferror(f)) {
    free(text);
    text = NULL;
  }
out_file:
  fclose(f);
out:
  if (!text)
    complain(path);
  return text;
}

/* Closes a finished file; a half-written one must not survive a build. */
static int finish_file(FILE *f, const char *path) {
  int bad = ferror(f);

  if (fclose(f) != 0 || bad) {
    complain(path);
    remove(path);
    return -1;
  }
  return 0;
}

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');

  return slash ? slash + 1 : path;
}

/* ---- embed -------------------------------------------------------------- */

static int embed_one(FILE *out, const char *path, int number) {
  size_t length = 0;
  char *text = read_file(path, &length);

  if (!text)
    return -1;
  fprintf(out, "\nstatic const char builtin_text_%d[] = {", number);
  for (size_t i = 0; i < length; i++)
    fprintf(out, "%s%d,", i % 16 ? "" : "\n", text[i]);
  fprintf(out, "\n0};\n");
  free(text);
  return 0;
}

static int embed(int argc, char **argv) {
  const char *path = argv[0];
  FILE *out = fopen(path, "w");

  if (!out)
    return complain(path);
  fprintf(out, "/* Made by fluxisa-gen; do not edit. */\n");
  for (int i = 1; i < argc; i++)
    if (embed_one(out, argv[i], i)) {
      fclose(out);
      remove(path);
      return -1;
    }
  fprintf(out, "\nstatic const struct builtin_text builtin_texts[] = {\n");
  for (int i = 1; i < argc; i++)
    fprintf(out, "  {\"%s\", builtin_text_%d, sizeof builtin_text_%d - 1},\n",
            base_name(argv[i]), i, i);
  fprintf(out, "  {NULL, NULL, 0}\n};\n");
  return finish_file(out, path);
}

/* ---- enum --------------------------------------------------------------- */

static void enumerator(FILE *out, const char *prefix, const char *kind,
                       const char *name) {
  fputs("  ", out);
  for (const char *p = prefix; *p; p++)
    fputc(toupper((unsigned char)*p), out);
  fprintf(out, "_%s", kind);
  for (const char *p = name; *p; p++)
    fputc(toupper((unsigned char)*p), out);
}

static void enum_state(FILE *out, const char *prefix,
                       const struct fisa_dialect *d) {
  fprintf(out, "\n  /* First cells of the state list, and its sizes. */\n");
  for (uint32_t i = 0; i < d->file_count; i++) {
    enumerator(out, prefix, "CELL_", d->files[i].name);
    fprintf(out, " = %u,\n", d->files[i].first);
    if (d->files[i].count > 1) {
      enumerator(out, prefix, "COUNT_", d->files[i].name);
      fprintf(out, " = %u,\n", d->files[i].count);
    }
  }
  enumerator(out, prefix, "CELL_COUNT", "");
  fprintf(out, " = %u,\n", d->cell_count);
  enumerator(out, prefix, "MEM_SIZE", "");
  fprintf(out, " = %u,\n", d->mem_size);
}

static void enum_codes(FILE *out, const char *prefix,
                       const struct fisa_dialect *d) {
  fprintf(out, "\n  /* Faults. */\n");
  for (uint32_t i = 0; i < d->fault_count; i++) {
    enumerator(out, prefix, "FAULT_", d->faults[i].name);
    fprintf(out, " = %d,\n", (int)d->faults[i].code);
  }
  for (int i = 0; i < FLUX_LETHAL_COUNT; i++)
    if (d->lethal_code[i]) {
      enumerator(out, prefix, "LETHAL_",
                 fisa_fault_name(d, d->lethal_code[i]));
      fprintf(out, " = %d,\n", (int)d->lethal_code[i]);
    }
  fprintf(out, "\n  /* Indexes of channels and sources. */\n");
  for (uint32_t i = 0; i < d->channel_count; i++) {
    enumerator(out, prefix, "CHANNEL_", d->channels[i]);
    fprintf(out, " = %u,\n", i);
  }
  for (uint32_t i = 0; i < d->source_count; i++) {
    enumerator(out, prefix, "SOURCE_", d->sources[i]);
    fprintf(out, " = %u,\n", i);
  }
}

static void enum_text(FILE *out, const char *prefix,
                      const struct fisa_dialect *d) {
  fprintf(out, "/* Made by fluxisa-gen from %s.fluxisa; do not edit. */\n",
          d->name);
  fprintf(out, "#ifndef FLUX_ISA_GEN_%s_H\n#define FLUX_ISA_GEN_%s_H\n",
          prefix, prefix);
  fprintf(out, "\nenum {\n  /* Opcodes. */\n");
  for (unsigned i = 0; i < 256; i++)
    if (d->rows[i].defined) {
      enumerator(out, prefix, "", d->rows[i].name);
      fprintf(out, " = 0x%02X,\n", i);
    }
  enum_state(out, prefix, d);
  enum_codes(out, prefix, d);
  enumerator(out, prefix, "ROWS", "");
  fprintf(out, " = %u\n};\n\n#endif\n", d->row_count);
}

/* Loads the text at argv[0] and overlays from argv[1] on. */
static struct fisa_dialect *load(int argc, char **argv) {
  struct fisa_dialect *d = NULL;
  struct fisa_error err = {""};
  int rc = 0;

  for (int i = 0; i < argc && rc == 0; i++) {
    size_t length = 0;
    char *text = read_file(argv[i], &length);

    if (!text)
      rc = -1;
    else if (i == 0)
      rc = fisa_dialect_parse(text, length, argv[i], &d, &err);
    else
      rc = fisa_dialect_bind(d, text, length, argv[i], &err);
    free(text);
  }
  if (rc == 0)
    return d;
  if (err.text[0])
    fprintf(stderr, "fluxisa-gen: %s\n", err.text);
  fisa_dialect_free(d);
  return NULL;
}

static int enumerate(int argc, char **argv) {
  const char *path = argv[2];
  char *texts[2] = {argv[1], argc > 3 ? argv[3] : NULL};
  struct fisa_dialect *d = load(argc > 3 ? 2 : 1, texts);
  FILE *out;

  if (!d)
    return -1;
  out = fopen(path, "w");
  if (!out) {
    fisa_dialect_free(d);
    return complain(path);
  }
  enum_text(out, argv[0], d);
  fisa_dialect_free(d);
  return finish_file(out, path);
}

int main(int argc, char **argv) {
  assert(argv);
  if (argc >= 4 && strcmp(argv[1], "embed") == 0)
    return embed(argc - 2, argv + 2) ? 1 : 0;
  if ((argc == 5 || argc == 6) && strcmp(argv[1], "enum") == 0)
    return enumerate(argc - 2, argv + 2) ? 1 : 0;
  fprintf(stderr, "usage: fluxisa-gen embed OUT.inc FILE...\n"
          "       fluxisa-gen enum PREFIX FILE.fluxisa OUT.h"
          " [FILE.bindings]\n");
  return 2;
}
