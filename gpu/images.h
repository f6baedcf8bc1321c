/*
 * gpu/images.h - the kernel as it was built into the library.
 *
 * Where there was no CUDA compiler the list is empty. The images are made of
 * the PTX text, which devices that there is no image for compile themselves.
 */
#ifndef FLUX_GPU_IMAGES_H
#define FLUX_GPU_IMAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fkn_image {
  unsigned cc;           /* target: 10 * major + minor; of PTX: the least */
  bool ptx;              /* PTX text, which ends in a NUL; else a cubin */
  const void *data;      /* aligned to 8 */
  size_t size;           /* without the NUL */
};

extern const struct fkn_image fkn_images[]; /* ends in one without data */
extern const uint32_t fkn_image_count;      /* those before it */

#endif /* FLUX_GPU_IMAGES_H */
