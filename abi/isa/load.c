/*
 * isa/load.c - program arguments of the commands: NAME.flx, NAME.fxb, or
 * hex:DIGITS.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isa/asm.h"

/* What fisa_load puts together. */
struct load {
	const char *arg, *dialect_name, *manifest_path;
	char *text;            /* of the .flx or the manifest */
	size_t text_length;
	char *code;            /* raw bytes of the program */
	size_t code_size;
	struct fisa_dialect *dialect;
	fisa_dialect_fn find;
	const void *user;
};

/* A file may be endless, and a limit much more than what there is. */
static int read_all(FILE *file, size_t limit, char **bytes, size_t *n)
{
	size_t room = 0, got;
	char *grown;

	do {
		if (*n + 1 >= room) {
			room = room ? room * 2 : 65536;
			grown = realloc(*bytes, room);
			if (!grown)
				return -1;
			*bytes = grown;
		}
		got = fread(*bytes + *n, 1, room - 1 - *n, file);
		*n += got;
	} while (got > 0 && *n <= limit);
	(*bytes)[*n] = '\0';
	return 0;
}

int fisa_read_file(const char *path, size_t limit, char **out, size_t *length,
		   struct fisa_error *err)
{
	FILE *file = fopen(path, "rbe");
	char *bytes = NULL;
	size_t n = 0;
	int rc = -1;

	assert(path && out && length);
	if (!file)
		return fisa_fail(err, "%.180s: %s", path, strerror(errno));
	errno = 0;
	if (read_all(file, limit, &bytes, &n) != 0)
		fisa_fail(err, "%.180s: out of memory", path);
	else if (ferror(file))
		fisa_fail(err, "%.180s: %s", path, strerror(errno));
	else if (n > limit)
		fisa_fail(err, "%.180s: more than %zu bytes", path, limit);
	else
		rc = 0;
	fclose(file);
	if (rc != 0) {
		free(bytes);
		return -1;
	}
	*out = bytes;
	*length = n;
	return 0;
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *p = c ? strchr(digits, c) : NULL;

	return p ? (int)(p - digits) % 16 : -1;
}

static int read_hex(struct load *l, struct fisa_error *err)
{
	const char *digits = l->arg + strlen("hex:");
	size_t n = strlen(digits);
	int high = 0;

	if (n % 2)
		return fisa_fail(err, "hex: an odd number of digits");
	if (n / 2 > FISA_MAX_CODE)
		return fisa_fail(err, "hex: %zu bytes; %u is the most", n / 2,
				 FISA_MAX_CODE);
	l->code = malloc(n / 2 + 1);
	if (!l->code)
		return fisa_fail(err, "out of memory");
	for (size_t i = 0; i < n; i++) {
		int digit = hex_digit(digits[i]);

		if (digit < 0)
			return fisa_fail(err, "hex: digit %zu is no hex digit",
					 i + 1);
		if (i % 2 == 0)
			high = digit;
		else
			l->code[i / 2] = (char)(high << 4 | digit);
	}
	l->code_size = n / 2;
	return 0;
}

/* The dialect: named by the text, by the caller, or by both alike. */
static int pick_dialect(struct load *l, struct fisa_error *err)
{
	char named[FISA_MAX_NAME];
	const char *name = l->dialect_name;

	assert(!l->dialect);
	if (l->text && fisa_asm_dialect(l->text, l->text_length, named)) {
		if (name && strcmp(name, named) != 0)
			return fisa_fail(err, "%.120s says .dialect %s, not "
					 "%.40s", l->manifest_path
					 ? l->manifest_path : l->arg, named,
					 name);
		name = named;
	}
	if (!name)
		return fisa_fail(err, "%.120s: no dialect is named; use "
				 ".dialect or --dialect", l->arg);
	return l->find(name, &l->dialect, err, l->user);
}

static int load_source(struct load *l, struct fisa_program **out,
		       struct fisa_error *err)
{
	if (l->manifest_path)
		return fisa_fail(err, "%.120s has its own directives; "
				 "a manifest is for .fxb and hex:", l->arg);
	if (fisa_read_file(l->arg, FISA_MAX_TEXT, &l->text, &l->text_length,
		      err) < 0 || pick_dialect(l, err) < 0)
		return -1;
	return fisa_assemble(l->dialect, l->text, l->text_length, l->arg, out,
			     err);
}

static int load_bytes(struct load *l, struct fisa_program **out,
		      struct fisa_error *err)
{
	struct fisa_program *p = NULL;

	assert(l->code && !l->text);
	if (l->manifest_path &&
	    fisa_read_file(l->manifest_path, FISA_MAX_TEXT, &l->text,
		      &l->text_length, err) < 0)
		return -1;
	if (pick_dialect(l, err) < 0 ||
	    fisa_program_from_bytes(l->dialect, (const uint8_t *)l->code,
				    l->code_size, &p, err) < 0)
		return -1;
	if (l->text && fisa_manifest_apply(p, l->text, l->text_length,
					   l->manifest_path, err) < 0) {
		fisa_program_free(p);
		return -1;
	}
	*out = p;
	return 0;
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n > m && strcmp(text + n - m, end) == 0;
}

static int find_builtin(const char *name, struct fisa_dialect **out,
			struct fisa_error *err, const void *user)
{
	(void)user;
	return fisa_dialect_builtin(name, true, out, err);
}

int fisa_load(const char *arg, const char *dialect_name,
	      const char *manifest_path, struct fisa_dialect **d,
	      struct fisa_program **out, struct fisa_error *err)
{
	return fisa_load_with(arg, dialect_name, manifest_path, find_builtin,
			      NULL, d, out, err);
}

int fisa_load_with(const char *arg, const char *dialect_name,
		   const char *manifest_path, fisa_dialect_fn find,
		   const void *user, struct fisa_dialect **d,
		   struct fisa_program **out, struct fisa_error *err)
{
	struct load l = { .arg = arg, .dialect_name = dialect_name,
			  .manifest_path = manifest_path, .find = find,
			  .user = user };
	struct fisa_program *p = NULL;
	int rc;

	assert(arg && d && out);
	if (strncmp(arg, "hex:", 4) == 0) {
		rc = read_hex(&l, err);
		if (rc == 0)
			rc = load_bytes(&l, &p, err);
	} else if (ends_with(arg, ".flx")) {
		rc = load_source(&l, &p, err);
	} else if (ends_with(arg, ".fxb")) {
		rc = fisa_read_file(arg, FISA_MAX_CODE, &l.code,
			       &l.code_size, err);
		if (rc == 0)
			rc = load_bytes(&l, &p, err);
	} else {
		rc = fisa_fail(err, "%.120s: a program is NAME.flx, NAME.fxb "
			       "or hex:DIGITS", arg);
	}
	if (rc == 0) {
		*d = l.dialect;
		*out = p;
	} else {
		fisa_dialect_free(l.dialect);
	}
	free(l.text);
	free(l.code);
	return rc;
}
