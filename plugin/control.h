/*
 * plugin/control.h - requests and replies (flux.control/1), and the offline
 * search behind "run".
 */
#ifndef FLUX_PLUGIN_CONTROL_H
#define FLUX_PLUGIN_CONTROL_H

#include <flux/control.h>

extern const flux_control fse_control;

#endif /* FLUX_PLUGIN_CONTROL_H */
