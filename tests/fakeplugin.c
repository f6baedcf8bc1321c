/*
 * fakeplugin.c - plugins that are wrong in one way each, for test_plugin.c.
 *
 * FAKE says at build time what is wrong; the plugin that is built with
 * nothing wrong takes further faults from the environment (FLUX_FAKE), so
 * that not each of them needs a shared object. It tells what was called by
 * appending letters to FLUX_FAKE_CALLS: negotiate n, check k, create c,
 * destroy d.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <flux/control.h>
#include <flux/services.h>

enum { NOTHING, SIZE, SIGNATURE, VERSION, EARLY, LATE };

struct flux_plugin {
  const flux_host *host;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t wake;
  int stop;
};

static int faulty(const char *what) {
  const char *fault = getenv("FLUX_FAKE");

  return FAKE == NOTHING && fault && strcmp(fault, what) == 0;
}

static void called(char letter) {
  const char *before = getenv("FLUX_FAKE_CALLS");
  char all[64];

  snprintf(all, sizeof all, "%s%c", before ? before : "", letter);
  setenv("FLUX_FAKE_CALLS", all, 1);
}

static void say(char *message, size_t capacity, const char *text) {
  snprintf(message, capacity, "%s", text);
}

static uint32_t negotiate(uint32_t min, uint32_t max) {
  called('n');
  if (FAKE == VERSION)
    return max + 6;
  if (faulty("no-version") || min > 1)
    return 0;
  return 1;
}

static flux_status check(const flux_host *host, char *message,
                         size_t capacity) {
  called('k');
  if (!faulty("check"))
    return FLUX_OK;
  (void)host;
  say(message, capacity, "demo.conf:3: \"seed\" must be 0..9, not 12");
  return FLUX_E_CONFIG;
}

/* A thread of the plugin's own, so that a late failure has one to stop. */
static void *idle(void *arg) {
  flux_plugin *p = arg;

  pthread_mutex_lock(&p->lock);
  while (!p->stop)
    pthread_cond_wait(&p->wake, &p->lock);
  pthread_mutex_unlock(&p->lock);
  return NULL;
}

static void destroy(flux_plugin *p) {
  if (!p)
    return;
  called('d');
  pthread_mutex_lock(&p->lock);
  p->stop = 1;
  pthread_cond_signal(&p->wake);
  pthread_mutex_unlock(&p->lock);
  pthread_join(p->thread, NULL);
  pthread_cond_destroy(&p->wake);
  pthread_mutex_destroy(&p->lock);
  free(p);
}

static flux_status create(const flux_host *host, flux_plugin **out,
                          char *message, size_t capacity) {
  flux_plugin *p;

  called('c');
  if (FAKE == EARLY) {
    say(message, capacity, "the journal is damaged");
    return FLUX_E_IO;
  }
  if (faulty("silent"))
    return FLUX_E_DENIED;
  if (faulty("garbage")) {
    memset(message, '\n', capacity);
    return INT32_MIN;
  }
  if (faulty("no-instance"))
    return FLUX_OK;
  p = calloc(1, sizeof *p);
  if (!p)
    return FLUX_E_MEMORY;
  p->host = host;
  pthread_mutex_init(&p->lock, NULL);
  pthread_cond_init(&p->wake, NULL);
  pthread_create(&p->thread, NULL, idle, p);
  if (FAKE == LATE) {
    /* What was written and made before the failure is the plugin's. */
    *out = p;
    destroy(p);
    say(message, capacity, "no thread for the search");
    return FLUX_E_LIMIT;
  }
  *out = p;
  return FLUX_OK;
}

/*
 * Plays "run": progress, then a result whose code is that of FLUX_FAKE_CODE.
 * With FLUX_FAKE=endless it goes on until it is asked to finish.
 */
static void run(int32_t (*line)(const char *text, size_t n, void *user),
                void *user) {
  static const char progress[] = "{\"progress\":{\"variants\":1,"
                                 "\"best\":2.5}}";
  const char *code = getenv("FLUX_FAKE_CODE");
  const struct timespec nap = {0, 10000000};
  char text[1024];

  do {
    if (line(progress, strlen(progress), user) != 0)
      break;
    if (faulty("endless"))
      nanosleep(&nap, NULL);
  } while (faulty("endless"));
  snprintf(text, sizeof text, "{\"result\":{\"variants\":7,\"seed\":3,"
           "\"cycles_before\":10.5,\"cycles_after\":5,"
           "\"instructions_before\":4,\"instructions_after\":2,"
           "\"assurance\":\"fuzz\"},\"code\":\"%s\",\"entry\":0,"
           "\"records\":[]}", code ? code : "00");
  line(text, strlen(text), user);
}

/* Any other request is its own reply, for tests of what was sent; a run's is
 * left in the file that FLUX_FAKE_REQUEST names. */
static flux_status request(flux_plugin *plugin, const char *json, size_t size,
                           int32_t (*line)(const char *text, size_t n,
                                           void *user),
                           char *message, size_t capacity, void *user) {
  (void)plugin;
  if (size == 0) {
    say(message, capacity, "empty");
    return FLUX_E_INVALID;
  }
  if (faulty("mute"))
    return FLUX_OK;
  if (strstr(json, "\"cmd\":\"run\"")) {
    const char *path = getenv("FLUX_FAKE_REQUEST");
    FILE *f = path ? fopen(path, "w") : NULL;

    if (f) {
      fprintf(f, "%s\n", json);
      fclose(f);
    }
    run(line, user);
    return FLUX_OK;
  }
  line(json, size, user);
  return FLUX_OK;
}

static const flux_control control = {sizeof control, 0, request};

static const void *extension(flux_plugin *plugin, const char *id) {
  (void)plugin;
  return strcmp(id, FLUX_EXT_CONTROL) == 0 ? &control : NULL;
}

static flux_plugin_descriptor descriptor = {
  .struct_size = FAKE == SIZE ? 40 : sizeof descriptor,
  .build_signature = FAKE == SIGNATURE ? FLUX_BUILD_SIGNATURE ^ 12
                                       : FLUX_BUILD_SIGNATURE,
  .id = "org.example.fake",
  .name = "A fake",
  .version = "3.1",
  .negotiate = negotiate,
  .check = check,
  .create = create,
  .destroy = destroy,
  .extension = extension,
};

/* FAKE_ENTRY is flux_plugin_entry but in the plugin that lacks it. */
__attribute__((visibility("default")))
const flux_plugin_descriptor *FAKE_ENTRY(void);

const flux_plugin_descriptor *FAKE_ENTRY(void) {
  if (faulty("null"))
    return NULL;
  if (faulty("order"))
    descriptor.build_signature ^= 0x300;
  if (faulty("bits"))
    descriptor.build_signature |= 0x10000;
  if (faulty("function"))
    descriptor.destroy = NULL;
  if (faulty("name"))
    descriptor.name = NULL;
  if (faulty("larger"))
    descriptor.struct_size += 64;
  return &descriptor;
}
