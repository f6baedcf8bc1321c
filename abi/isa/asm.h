/*
 * isa/asm.h - assembly text (.flx) to program and back.
 *
 * The language is fixed: see docs/assembly.md. The assembler reports the
 * first error as "FILE:LINE:COLUMN: reason".
 */
#ifndef FLUX_ISA_ASM_H
#define FLUX_ISA_ASM_H

#include "isa/program.h"

/*
 * Finds the dialect a text asks for (`.dialect NAME`), without assembling.
 * Returns 1 and copies the name (FISA_MAX_NAME bytes), or 0 if there is none.
 */
int fisa_asm_dialect(const char *text, size_t length, char *name);

/*
 * Assembles. The dialect must be the one the text names, if it names one.
 * Returns 0 and a new program, or -1 with err filled and *out untouched.
 */
int fisa_assemble(const struct fisa_dialect *d, const char *text,
                  size_t length, const char *where, struct fisa_program **out,
                  struct fisa_error *err);

/*
 * Lays the manifest directives of a text that holds nothing else (no
 * instructions) over a program made of raw bytes. .entry takes a number.
 */
int fisa_manifest_apply(struct fisa_program *p, const char *text,
                        size_t length, const char *where,
                        struct fisa_error *err);

/*
 * Disassembles to text that assembles to the same bytes, entry and manifest.
 * Returns a NUL-terminated string to be given to free(), or NULL (memory).
 */
char *fisa_disassemble(const struct fisa_program *p);

/*
 * The directives alone, with numbers for labels: what fisa_manifest_apply
 * takes, and what crosses the border as a manifest. To be given to free();
 * NULL: out of memory.
 */
char *fisa_manifest_text(const struct fisa_program *p);

/* One instruction as text, for reports: mnemonic and operands, numeric
 * targets. Always terminates. */
void fisa_insn_text(const struct fisa_dialect *d, const struct fisa_insn *in,
                    char *out, size_t capacity);

/*
 * Reads a whole file of at most `limit` bytes. Returns 0 and the bytes, with a
 * NUL behind them and to be given to free(), or -1 with err filled.
 */
int fisa_read_file(const char *path, size_t limit, char **out, size_t *length,
                   struct fisa_error *err);

/*
 * Loads a program argument of the commands: a path `.flx` or `.fxb`, or
 * `hex:0011..`. `dialect_name` may be NULL for a .flx that names its own.
 * `manifest_path` (NULL: none) is a .flx with directives for .fxb and hex.
 * *d receives the dialect (bound), which the caller frees after the program.
 */
int fisa_load(const char *arg, const char *dialect_name,
              const char *manifest_path, struct fisa_dialect **d,
              struct fisa_program **out, struct fisa_error *err);

/* Gives a new dialect by name: 0, or -1 with err. */
typedef int (*fisa_dialect_fn)(const char *name, struct fisa_dialect **out,
                               struct fisa_error *err, const void *user);

/* The same for dialects that are not built in: `find` gives them. */
int fisa_load_with(const char *arg, const char *dialect_name,
                   const char *manifest_path, fisa_dialect_fn find,
                   const void *user, struct fisa_dialect **d,
                   struct fisa_program **out, struct fisa_error *err);

#endif /* FLUX_ISA_ASM_H */
