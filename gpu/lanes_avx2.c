/*
 * gpu/lanes_avx2.c - the lanes for processors with AVX2; built with -mavx2.
 */
#define LANES_BUILD lanes_avx2
#define LANES_NAME "avx2"
#include "gpu/lanes_run.h"
