/*
 * gpu/lanes_avx512.c - the lanes for processors with AVX-512; built with the
 * flags that Makefile.am gives it.
 */
#define LANES_BUILD lanes_avx512
#define LANES_NAME "avx512"
#include "gpu/lanes_run.h"
