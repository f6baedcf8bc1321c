/*
 * test_hash.c - SHA-256 against published digests, and its digits.
 */
#include <string.h>

#include "isa/dialect.h"
#include "tests/unit.h"

static void digest(const char *text, size_t length, char out[65]) {
  uint8_t hash[32];

  fisa_sha256(text, length, hash);
  fisa_hex32(hash, out);
}

static void known_digests(void) {
  static const char two_blocks[] =
    "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
  char hex[65];

  digest("", 0, hex);
  UNIT_STR_EQ(hex, "e3b0c44298fc1c149afbf4c8996fb924"
                   "27ae41e4649b934ca495991b7852b855");
  digest(NULL, 0, hex);
  UNIT_STR_EQ(hex, "e3b0c44298fc1c149afbf4c8996fb924"
                   "27ae41e4649b934ca495991b7852b855");
  digest("abc", 3, hex);
  UNIT_STR_EQ(hex, "ba7816bf8f01cfea414140de5dae2223"
                   "b00361a396177a9cb410ff61f20015ad");
  digest(two_blocks, sizeof two_blocks - 1, hex);
  UNIT_STR_EQ(hex, "248d6a61d20638b8e5c026930c3e6039"
                   "a33ce45964ff2167f6ecedd419db06c1");
}

static void every_digit(void) {
  uint8_t hash[32];
  char hex[65];

  for (int i = 0; i < 32; i++)
    hash[i] = (uint8_t)(i * 8 + i / 4);
  memset(hex, 'x', sizeof hex);
  fisa_hex32(hash, hex);
  UNIT_EQ(strlen(hex), 64);
  UNIT_STR_EQ(hex, "0008101821293139424a525a636b737b"
                   "848c949ca5adb5bdc6ced6dee7eff7ff");
}

/* Equal texts have one name; a text that differs in a byte has another. */
static void names_dialects(void) {
  static const char text[] = "fluxisa 1\ndialect x\ntruncated 1\nunknown 2\n"
                             "row 0 A len=1 does=nop\n";
  struct fisa_dialect *a = NULL, *b = NULL, *c = NULL;

  fisa_dialect_parse(text, sizeof text - 1, "a", &a, NULL);
  fisa_dialect_parse(text, sizeof text - 1, "b", &b, NULL);
  fisa_dialect_parse(text, sizeof text - 2, "c", &c, NULL);
  if (UNIT_TRUE(a && b && c, "loaded")) {
    UNIT_MEM_EQ(a->hash, b->hash, 32);
    UNIT_TRUE(memcmp(a->hash, c->hash, 32) != 0, "differs");
  }
  fisa_dialect_free(a);
  fisa_dialect_free(b);
  fisa_dialect_free(c);
}

static const struct unit_test tests[] = {
  {"sha256", "known digests", known_digests},
  {"sha256", "every digit", every_digit},
  {"sha256", "names dialects", names_dialects},
};
UNIT_MAIN(tests)
