/*
 * gpu/tools/fluximages.c - build tool: files as the registry of gpu/images.h.
 *
 * fluximages NAME=FILE...: NAME is "ptx", the text for targets from 7.5 on, or
 * the number of a target, "90". Writes C to standard output.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PTX_TARGET = 75, PER_LINE = 3, MOST = 32 };

static int fail(const char *file, const char *why) {
  fprintf(stderr, "fluximages: %s: %s\n", file, why);
  return -1;
}

/* A file as an array of words, a NUL behind the last byte. Its size, or -1. */
static long write_array(const char *file, int number) {
  FILE *f = fopen(file, "rb");
  uint64_t word = 0;
  long size = 0;
  int c;

  if (!f)
    return fail(file, strerror(errno));
  printf("static const uint64_t image_%d[] = {", number);
  while ((c = getc(f)) != EOF) {
    word |= (uint64_t)(unsigned char)c << 8 * (size % 8);
    if (++size % 8)
      continue;
    printf("%sUINT64_C(0x%llx),", size / 8 % PER_LINE == 1 ? "\n  " : " ",
           (unsigned long long)word);
    word = 0;
  }
  printf("\n  UINT64_C(0x%llx)};\n\n", (unsigned long long)word);
  if (ferror(f))
    size = fail(file, "cannot be read");
  fclose(f);
  return size == 0 ? fail(file, "is empty") : size;
}

int main(int argc, char **argv) {
  long size[MOST];
  int count = argc - 1;

  if (count > MOST)
    return fail("too many", argv[MOST]) != 0;
  printf("/* Written by fluximages: the kernel's images. */\n"
         "#include \"gpu/images.h\"\n\n");
  for (int i = 0; i < count; i++) {
    const char *file = strchr(argv[i + 1], '=');
    if (!file)
      return fail(argv[i + 1], "is no NAME=FILE") != 0;
    size[i] = write_array(file + 1, i);
    if (size[i] < 0)
      return 1;
  }
  printf("const struct fkn_image fkn_images[] = {\n");
  for (int i = 0; i < count; i++) {
    int target = strncmp(argv[i + 1], "ptx=", 4) == 0 ? 0 : atoi(argv[i + 1]);
    printf("  {%du, %s, image_%d, %ld},\n", target ? target : PTX_TARGET,
           target ? "false" : "true", i, size[i]);
  }
  printf("  {0, false, NULL, 0}};\n"
         "const uint32_t fkn_image_count = %d;\n",
         count);
  return fflush(stdout) != 0;
}
