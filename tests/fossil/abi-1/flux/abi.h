/*
 * flux/abi.h - the core of the border between a FLUX VM host and a plugin.
 *
 * This header and its neighbours are all that the two sides share: C11 and
 * C++17, no dependency, nothing to link. The core below never changes;
 * everything else is an extension, fetched by name from either side.
 *
 * RULES FOR BOTH SIDES
 *
 *  1. A plugin is a shared object that exports exactly one symbol,
 *     flux_plugin_entry. It is opened with RTLD_NOW | RTLD_LOCAL.
 *  2. Order at load: dlopen, the symbol, the descriptor's size, its build
 *     signature, negotiate(), and only then check() or create(). The host
 *     refuses at the first that does not fit, with one sentence.
 *  3. Every struct that crosses starts with struct_size, set by its maker to
 *     sizeof as the maker knows it. A reader uses a member only if it ends
 *     within struct_size (FLUX_HAS). Members are only ever appended. A
 *     struct larger than the reader knows is fine: the tail is ignored.
 *  4. Strings are UTF-8, NUL-terminated. Unless a call says otherwise,
 *     pointers handed over are borrowed for the duration of the call.
 *  5. Each side frees only what it allocated itself.
 *  6. Functions return flux_status: FLUX_OK (0) or a negative FLUX_E code.
 *     errno never crosses. Out parameters are written on success only.
 *  7. Callbacks carry a user pointer, last.
 *  8. Nothing throws, longjmps or exits across the border.
 *
 * THREAD TAGS, on every function pointer:
 *
 *   [main-thread]       the thread that loads plugins; one at a time
 *   [agent-thread]      the thread that runs the agent concerned. Calls on it
 *                       towards the plugin must be wait-free: no lock, no
 *                       allocation, no system call
 *   [evolution-thread]  a thread the plugin made; may block
 *   [any-thread]        any of these; thread-safe
 */
#ifndef FLUX_ABI_H
#define FLUX_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#define FLUX_STATIC_ASSERT(c, m) static_assert(c, m)
#else
#define FLUX_STATIC_ASSERT(c, m) _Static_assert(c, m)
#endif

/* Version of the core and of the meaning of struct members. A host offers a
 * range, the plugin answers one version inside it (negotiate). */
#define FLUX_ABI_VERSION 1u

/* The one symbol a plugin exports. */
#define FLUX_PLUGIN_ENTRY "flux_plugin_entry"

/*
 * What must be equal for structs to have one layout: pointer size (bits 0..7)
 * and byte order (bits 8..15: 1 little, 2 big).
 */
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define FLUX_BUILD_SIGNATURE ((uint32_t)sizeof(void *) | 2u << 8)
#else
#define FLUX_BUILD_SIGNATURE ((uint32_t)sizeof(void *) | 1u << 8)
#endif

/* Whether struct pointer `p` of the other side has member `m`. */
#define FLUX_HAS(p, m) \
  ((p)->struct_size >= \
   (size_t)((const char *)&(p)->m - (const char *)(p)) + sizeof (p)->m)

/* Results. Values are frozen; new ones are added at the end. */
typedef int32_t flux_status;
enum {
  FLUX_OK = 0,
  FLUX_E_INVALID = -1,     /* an argument breaks the contract */
  FLUX_E_MEMORY = -2,      /* out of memory */
  FLUX_E_VERSION = -3,     /* versions or build signatures do not meet */
  FLUX_E_UNSUPPORTED = -4, /* known, but not by this side */
  FLUX_E_BUSY = -5,        /* one at a time, and there is one */
  FLUX_E_STALE = -6,       /* refers to a version that is no longer live */
  FLUX_E_NOT_FOUND = -7,   /* no such agent, native, program */
  FLUX_E_LIMIT = -8,       /* over a stated limit */
  FLUX_E_MALFORMED = -9,   /* program, table or text is not well-formed */
  FLUX_E_DENIED = -10,     /* policy, trust or file permissions forbid it */
  FLUX_E_IO = -11,         /* a file or the journal failed */
  FLUX_E_CLOSED = -12,     /* the agent is detached or the host is stopping */
  FLUX_E_CONFIG = -13      /* a setting is unknown, mistyped, out of range */
};

/* Opaque to the host: one instance of a plugin. Lives from a successful
 * create until destroy. */
typedef struct flux_plugin flux_plugin;

/*
 * What the host is, for one plugin instance. Made by the host, const, valid
 * from create until destroy returns (for check: during the call).
 */
typedef struct flux_host {
  uint32_t struct_size;
  uint32_t abi_version;    /* the negotiated version */
  const char *name;        /* of the host program, for messages */
  const char *version;
  const char *build_id;    /* changes whenever the VM's behaviour may have */
  void *ctx;               /* the user pointer of all host calls */

  /*
   * A host extension by id ("flux.live/1"), or NULL if the host has none.
   * The table is const and lives as long as this struct. [any-thread]
   */
  const void *(*extension)(const char *id, void *ctx);
} flux_host;

/*
 * What the plugin is. Returned by the entry symbol; static, const, lives
 * while the object is loaded.
 */
typedef struct flux_plugin_descriptor {
  uint32_t struct_size;
  uint32_t build_signature;  /* FLUX_BUILD_SIGNATURE of the plugin's build */
  const char *id;            /* reverse domain or short name, stable */
  const char *name;          /* for people */
  const char *version;       /* of the plugin, not of the ABI */

  /*
   * The version the plugin will speak, within min..max, or 0 if there is
   * none. First call of all; no other state may be assumed. [main-thread]
   */
  uint32_t (*negotiate)(uint32_t min, uint32_t max);

  /*
   * Checks the plugin's settings without side effects: opens no file,
   * starts no thread. On failure writes one sentence to `message` (at most
   * capacity bytes, NUL included) and returns FLUX_E_CONFIG. [main-thread]
   */
  flux_status (*check)(const flux_host *host, char *message, size_t capacity);

  /*
   * Makes an instance. On success *out is owned by the host until destroy.
   * After a failure there is nothing to destroy, and `message` holds one
   * sentence. [main-thread]
   */
  flux_status (*create)(const flux_host *host, flux_plugin **out,
                        char *message, size_t capacity);

  /*
   * Stops all threads of the instance, then frees it. No call into the host
   * comes after it returns. All agents must be detached. NULL is allowed.
   * [main-thread]
   */
  void (*destroy)(flux_plugin *plugin);

  /*
   * A plugin extension by id ("flux.evolver/1"), or NULL. Const; lives as
   * long as the instance. [any-thread]
   */
  const void *(*extension)(flux_plugin *plugin, const char *id);
} flux_plugin_descriptor;

/* The type of the exported symbol. Returns NULL only if the plugin can never
 * work in this process. [main-thread] */
typedef const flux_plugin_descriptor *(*flux_plugin_entry_fn)(void);

/* Layout, frozen per pointer size. */
#if UINTPTR_MAX == 0xFFFFFFFFFFFFFFFFu
FLUX_STATIC_ASSERT(sizeof(flux_host) == 48, "flux_host");
FLUX_STATIC_ASSERT(offsetof(flux_host, extension) == 40, "extension");
FLUX_STATIC_ASSERT(sizeof(flux_plugin_descriptor) == 72, "descriptor");
FLUX_STATIC_ASSERT(offsetof(flux_plugin_descriptor, negotiate) == 32, "desc");
FLUX_STATIC_ASSERT(offsetof(flux_plugin_descriptor, extension) == 64, "desc");
#endif

#ifdef __cplusplus
}
#endif

#endif /* FLUX_ABI_H */
