/*
 * hostile.c - nonsense by the thousand.
 */
#include "tests/hostile.h"

#include <stdio.h>
#include <string.h>

#include "tests/isa_util.h"
#include "tests/unit.h"

void hostile_lay(struct hostile *h, const char *text, size_t size) {
  h->size = size < HOSTILE_MAX ? size : HOSTILE_MAX - 1;
  memcpy(h->text, text, h->size);
  h->text[h->size] = '\0';
}

void hostile_file(struct hostile *h, const char *relative) {
  FILE *f = fopen(unit_src(relative), "rb");
  h->size = 0;
  if (UNIT_TRUE(f != NULL, "%s", relative)) {
    h->size = fread(h->text, 1, HOSTILE_MAX - 1, f);
    fclose(f);
  }
  h->text[h->size] = '\0';
}

/* Replaces `drop` bytes at `at` by others. */
static void splice(struct hostile *h, size_t at, size_t drop,
                   const char *put, size_t size) {
  if (at > h->size) at = h->size;
  if (drop > h->size - at) drop = h->size - at;
  if (h->size - drop + size >= HOSTILE_MAX) return;
  memmove(h->text + at + size, h->text + at + drop, h->size - at - drop);
  memcpy(h->text + at, put, size);
  h->size += size - drop;
}

/* The begin of the line, or word, that holds a place; its end. */
static size_t part(const struct hostile *h, size_t at, const char *ends,
                   size_t *end) {
  size_t begin = at;
  while (begin > 0 && strchr(ends, h->text[begin - 1]) == NULL) begin--;
  while (at < h->size && strchr(ends, h->text[at]) == NULL) at++;
  *end = at;
  return begin;
}

static void edit(struct hostile *h, uint64_t *random) {
  static const char *const words[] = {
      "-1", "0", "4294967295", "4294967296", "-2147483649",
      "9223372036854775807", "99999999999999999999", "1e308", "nan", "0x",
      "\"", "'", "{", "}", "[", "]", "(", ")", ";", ",", ":", "..", "null",
      "true", "\\u0000", "\n", "/*", "#", "@include \"x\"", "\xff\xfe",
      "\\xff", "%s%n", "R255", "R256", ".in", ".data", ".byte", "mem", "a-b"};
  static char copy[512];
  size_t at = h->size > 0 ? isa_random(random) % (h->size + 1) : 0;
  size_t begin, end, n;
  const char *word = words[isa_below(random, sizeof words / sizeof *words)];
  switch (isa_below(random, 8)) {
    case 0: /* a byte is another */
      copy[0] = (char)isa_random(random);
      splice(h, at, 1, copy, 1);
      break;
    case 1: /* a bit is */
      if (at < h->size) h->text[at] ^= (char)(1 << isa_below(random, 8));
      break;
    case 2: /* a word is in the way */
      splice(h, at, isa_below(random, 4), word, strlen(word));
      break;
    case 3: /* a word is another */
      begin = part(h, at, " \t\n,;:\"()[]{}=", &end);
      splice(h, begin, end - begin, word, strlen(word));
      break;
    case 4: /* a line is gone, or twice there */
      begin = part(h, at, "\n,", &end);
      n = end - begin < sizeof copy ? end - begin : sizeof copy;
      memcpy(copy, h->text + begin, n);
      if (isa_below(random, 2)) splice(h, begin, n + 1, "", 0);
      else splice(h, begin, 0, copy, n);
      break;
    case 5: /* some is gone */
      splice(h, at, isa_below(random, 40), "", 0);
      break;
    case 6: /* the end is */
      if (isa_below(random, 4) == 0) h->size = at;
      break;
    default: /* some stands elsewhere too */
      n = isa_below(random, 64);
      if (n > h->size - at) n = h->size - at;
      memcpy(copy, h->text + at, n);
      splice(h, isa_random(random) % (h->size + 1), 0, copy, n);
      break;
  }
  h->text[h->size] = '\0';
}

void hostile_mutate(struct hostile *h, uint64_t *random, int zeros) {
  unsigned edits = 1 + isa_below(random, 8);
  for (unsigned i = 0; i < edits; i++) edit(h, random);
  for (size_t i = 0; i < h->size && !zeros; i++)
    if (h->text[i] == '\0') h->text[i] = '0';
}

uint64_t hostile_number(uint64_t *random) {
  static const uint64_t edges[] = {
      0, 1, 2, 255, 256, 0x7fffffff, 0x80000000u, 0xfffffffe, 0xffffffff,
      0x100000000u, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX - 1,
      UINT64_MAX};
  return isa_below(random, 3) == 0
             ? isa_random(random)
             : edges[isa_below(random, sizeof edges / sizeof *edges)];
}
