/*
 * cli/files.c - files, sentences, hex.
 */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hostsdk/cli/cli.h"

int cli_fail(const char *format, ...) {
  va_list ap;

  fflush(stdout);
  fputs("fluxevolve: ", stderr);
  va_start(ap, format);
  vfprintf(stderr, format, ap);
  va_end(ap);
  fputc('\n', stderr);
  return CLI_FAILED;
}

int cli_load(const struct cli_options *o, struct fisa_dialect **d,
             struct fisa_program **p, struct fisa_error *err) {
  assert(o->words >= 1);
  return fisa_load(o->word[0], o->dialect, o->manifest, d, p, err);
}

int cli_write_file(const char *path, const void *bytes, size_t length,
                   struct fisa_error *err) {
  FILE *f = fopen(path, "wbe");
  bool written;
  struct stat st;
  int why;

  if (!f)
    return fisa_fail(err, "%.200s: %s", path, strerror(errno));
  written = fwrite(bytes, 1, length, f) == length && fflush(f) == 0;
  why = errno;
  if (fclose(f) == 0 && written)
    return 0;
  /* Half a program is worse than none; a device is left alone. */
  if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
    unlink(path);
  return fisa_fail(err, "%.200s: %s", path, strerror(written ? errno : why));
}

char *cli_hex(const uint8_t *bytes, size_t length) {
  static const char digits[] = "0123456789abcdef";
  char *hex = malloc(length * 2 + 1);

  assert(bytes || length == 0);
  if (!hex)
    return NULL;
  for (size_t i = 0; i < length; i++) {
    hex[2 * i] = digits[bytes[i] >> 4];
    hex[2 * i + 1] = digits[bytes[i] & 15];
  }
  hex[2 * length] = '\0';
  return hex;
}

/* Bytes of the character at the front, or 0: it is no UTF-8. */
static size_t character(const char *text, size_t left) {
  for (size_t n = 1; n <= 4 && n <= left; n++) {
    json_t *one = json_stringn(text, n);

    json_decref(one);
    if (one)
      return n;
  }
  return 0;
}

json_t *cli_text_json(const char *text) {
  size_t left = strlen(text), n = 0;
  char *out = malloc(left * 4 + 1);
  json_t *json;

  if (!out)
    return NULL;
  while (left > 0) {
    size_t k = character(text, left);

    if (k > 0)
      memcpy(out + n, text, k);
    else
      snprintf(out + n, 5, "\\x%02x", (unsigned)(unsigned char)*text);
    n += k > 0 ? k : 4;
    text += k > 0 ? k : 1;
    left -= k > 0 ? k : 1;
  }
  json = json_stringn(out, n);
  free(out);
  return json;
}

static int digit_of(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

uint8_t *cli_unhex(const char *hex, size_t *length) {
  size_t n = strlen(hex) / 2;
  uint8_t *bytes;

  if (strlen(hex) % 2 || !(bytes = malloc(n ? n : 1)))
    return NULL;
  for (size_t i = 0; i < n; i++) {
    int high = digit_of(hex[2 * i]), low = digit_of(hex[2 * i + 1]);

    if (high < 0 || low < 0) {
      free(bytes);
      return NULL;
    }
    bytes[i] = (uint8_t)(high << 4 | low);
  }
  *length = n;
  return bytes;
}
