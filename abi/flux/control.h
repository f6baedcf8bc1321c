/*
 * flux/control.h - the plugin's control extension: requests and replies.
 *
 * One JSON object in, lines of JSON out. A command-line tool that dlopens
 * the plugin and, later, a control socket speak the same. The requests:
 *
 *   {"cmd":"exec","engine":"ir","program":P,"state":S,"fuel":N}
 *       runs a program on an IR engine, "ir", "lanes" or "cuda"; the one line
 *       is the exec object
 *   {"cmd":"bench","engine":"lanes","program":P,"episodes":[S,...],
 *    "seconds":N}
 *       runs a program on all of the episodes, again and again; the one line
 *       has "instructions" and "trials" a second, how many "episodes" came to
 *       an end: only these are run; and how many variants a device had
 *       "per_launch", elsewhere 0
 *   {"cmd":"run","program":P,"seed":N,"variants":N,"time_limit":S,
 *    "episodes":[S,...],"min_assurance":"fuzz","deny":["MUL"],"threads":N}
 *       evolves a program offline; lines {"progress":...}, a sentence or
 *       {"cost_now":C,"cost_best":C,"variants":N,"variants_per_s":N}, then one
 *       {"result":{...},"code":"hex","entry":N,"records":[...]}
 *   {"cmd":"policy"}
 *       the policy table: key, default, range, meaning
 *   {"cmd":"kinds"}
 *       the kinds of edits, a line each: name, family, weight, and which of
 *       the built-in dialects have rows for it and which have none
 *   {"cmd":"history","agent":NAME}
 *       the EvolutionRecords of an agent, a line each
 *   {"cmd":"status"}
 *       one line an agent: phase, generation, and where its fitness is going:
 *       "trend" unknown, improving, plateau or declining, of so many "points",
 *       "slope" and its interval "slope_low" to "slope_high"
 *   {"cmd":"programs"}
 *       for each agent of the journal: its live accepted version
 *   {"cmd":"calibrate","again":true}
 *       for each dialect of the agents that were attached, what its table is
 *       worth on this host: a line {"row":...,"verdict":"opaque",...} for
 *       each row that is not as told, then one {"stepped":N,...}; with
 *       "again" rows are stepped now, whatever is remembered
 *
 * P is {"dialect":NAME,"text":TABLE,"bindings":OVERLAY,"code":HEX,
 * "entry":N,"manifest":TEXT}; text and bindings may be left out for a
 * built-in dialect. S is a state object as `exec --state` takes it.
 */
#ifndef FLUX_CONTROL_H
#define FLUX_CONTROL_H

#include <flux/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FLUX_EXT_CONTROL "flux.control/1"

typedef struct flux_control {
  uint32_t struct_size;
  uint32_t reserved;    /* 0 */

  /*
   * Serves one request. `line` is called for each reply line (size bytes,
   * no newline, NUL-terminated, valid during the call), on the calling
   * thread; a non-zero return asks the plugin to finish early with what it
   * has. On failure one sentence is written to `message`. May take long.
   * [main-thread | evolution-thread]
   */
  flux_status (*request)(flux_plugin *plugin, const char *json, size_t size,
                         int32_t (*line)(const char *text, size_t size,
                                         void *user),
                         char *message, size_t capacity, void *user);
} flux_control;

#if UINTPTR_MAX == 0xFFFFFFFFFFFFFFFFu
FLUX_STATIC_ASSERT(sizeof(flux_control) == 16, "flux_control");
#endif

#ifdef __cplusplus
}
#endif

#endif /* FLUX_CONTROL_H */
