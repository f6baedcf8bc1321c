/*
 * gpu/lanes_base.c - the lanes for any machine.
 */
#define LANES_BUILD lanes_portable
#define LANES_NAME "portable"
#include "gpu/lanes_run.h"
