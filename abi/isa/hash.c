/*
 * isa/hash.c - SHA-256, by which dialects and programs are named.
 */
#include <assert.h>

#include <nettle/sha2.h>
#include <nettle/version.h>

#include "isa/dialect.h"

void fisa_sha256(const void *bytes, size_t length, uint8_t out[32]) {
  struct sha256_ctx ctx;

  assert(bytes || length == 0);
  sha256_init(&ctx);
  if (length > 0)
    sha256_update(&ctx, length, bytes);
#if NETTLE_VERSION_MAJOR >= 4
  sha256_digest(&ctx, out);
#else
  sha256_digest(&ctx, SHA256_DIGEST_SIZE, out);
#endif
}

void fisa_hex32(const uint8_t hash[32], char out[65]) {
  static const char digits[] = "0123456789abcdef";

  assert(hash && out);
  for (int i = 0; i < 32; i++) {
    out[2 * i] = digits[hash[i] >> 4];
    out[2 * i + 1] = digits[hash[i] & 15];
  }
  out[64] = '\0';
}
