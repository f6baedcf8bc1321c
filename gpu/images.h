#ifndef FLUX_GPU_IMAGES_H
#define FLUX_GPU_IMAGES_H
#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>
struct fkn_image { unsigned cc; bool ptx; const void *data; size_t size; };
extern const struct fkn_image fkn_images[];
extern const uint32_t fkn_image_count;
#endif
