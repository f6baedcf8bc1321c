/*
 * plugin/rule_impl.h - what the files of rules share. Private.
 *
 *   rule.c        made, matched, put to other windows
 *   rule_prove.c  proved, and widened
 *   rule_bytes.c  as bytes, and back
 */
#ifndef FLUX_PLUGIN_RULE_IMPL_H
#define FLUX_PLUGIN_RULE_IMPL_H

#include "plugin/bytes.h"
#include "plugin/rule.h"

/* Values of a form: inputs, constants, nodes. */
#define RULE_VALUES \
  (FSE_WINDOW_INS + FSE_WINDOW_CONSTS + FSE_WINDOW_OPS)

#endif /* FLUX_PLUGIN_RULE_IMPL_H */
