/*
 * fakevm.c - the toy as a VM module, and modules that are wrong in one way
 * each: -DFAKE=NOTHING, NULL_ADAPTER, SIZE, NO_PC, NO_DIALECT, UNIFIED.
 */
#include "tests/toy_vm.h"

enum { NOTHING, NULL_ADAPTER, SIZE, NO_PC, NO_DIALECT, UNIFIED };

static struct fhost_adapter adapter;

const struct fhost_adapter *flux_host_adapter(void) {
  adapter = toy_adapter;
  switch (FAKE) {
  case NULL_ADAPTER:
    return NULL;
  case SIZE:
    adapter.struct_size += 8;
    break;
  case NO_PC:
    adapter.pc.type = FHOST_NOT_THERE;
    break;
  case NO_DIALECT:
    adapter.dialect = "nowhere";
    break;
  case UNIFIED: /* in the place of the built-in one; it halts at once */
    adapter.dialect = "unified";
    adapter.build_id = "fake-unified";
    adapter.field_count = 0;
    adapter.hook_count = 0;
    break;
  default:
    break;
  }
  return &adapter;
}
