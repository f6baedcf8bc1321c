/*
 * plugin/build.h - which build of the plugin this is.
 *
 * What another build proved or fuzzed is kept as data, and done again.
 */
#ifndef FLUX_PLUGIN_BUILD_H
#define FLUX_PLUGIN_BUILD_H

#include <stdbool.h>
#include <stdint.h>

/* The hash of what the linker says of this library, or of the program that it
 * is part of. False: it says nothing, and nothing that is kept counts as its
 * own. Any thread. */
bool fse_build_id(uint8_t out[32]);

#endif /* FLUX_PLUGIN_BUILD_H */
