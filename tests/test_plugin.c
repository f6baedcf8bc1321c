/*
 * test_plugin.c - what is loaded, what is refused, and the sentence for each
 * refusal. The plugins are those of fakeplugin.c.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <flux/control.h>

#include "hostsdk/plugin.h"
#include "hostsdk/services.h"
#include "tests/unit.h"

#define GOOD "libfake_good.so"

static const char *folder(void) {
  return unit_built("tests/.libs");
}

/* The path of a fake. A build under a generous umask is tightened: plugins
 * that others may write are refused. */
static const char *fake(const char *file) {
  static char path[4200];

  chmod(folder(), 0755);
  snprintf(path, sizeof path, "%s/%s", folder(), file);
  chmod(path, 0755);
  return path;
}

/* Copies a file with the given mode. */
static void copy_file(const char *from, const char *to, mode_t mode) {
  FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
  char bytes[4096];
  size_t n;

  if (UNIT_TRUE(in && out, "%s to %s", from, to))
    while ((n = fread(bytes, 1, sizeof bytes, in)) > 0)
      fwrite(bytes, 1, n, out);
  if (in)
    fclose(in);
  if (out)
    fclose(out);
  chmod(to, mode);
}

/* A path below the test's own folder. The next call overwrites it. */
static const char *below(const char *name) {
  static char path[4200];

  snprintf(path, sizeof path, "%s/%s", unit_tmpdir(), name);
  return path;
}

static void begins(const char *text, const char *want) {
  UNIT_TRUE(strncmp(text, want, strlen(want)) == 0, "\"%s\", not \"%s\"",
            text, want);
}

static void ends(const char *text, const char *want) {
  size_t n = strlen(text), m = strlen(want);

  UNIT_TRUE(n >= m && strcmp(text + n - m, want) == 0, "\"%s\", not \"%s\"",
            text, want);
}

/* ---- finding ------------------------------------------------------------ */

static void finds(void) {
  char path[FHOST_PATH_MAX], real[4096];
  struct fisa_error err = {""};

  unsetenv("FLUX_PLUGIN_DIR");
  fake(GOOD);
  UNIT_TRUE(realpath(folder(), real) != NULL, "%s", folder());
  UNIT_TRUE(fhost_plugin_find(GOOD, folder(), path, &err) == 0, "%s",
            err.text);
  begins(path, real);
  ends(path, "/" GOOD);
  UNIT_EQ(path[0], '/');
  UNIT_TRUE(fhost_plugin_find(path, NULL, path, &err) == 0, "%s", err.text);
  setenv("FLUX_PLUGIN_DIR", folder(), 1);
  UNIT_TRUE(fhost_plugin_find(GOOD, NULL, path, &err) == 0, "%s", err.text);
  UNIT_TRUE(fhost_plugin_find(GOOD, "/nowhere", path, &err) == 0, "%s",
            err.text);
  unsetenv("FLUX_PLUGIN_DIR");
}

static void finds_not(void) {
  static const struct {
    const char *path, *want;
  } cases[] = {
    {"", "the path of a shared object is empty"},
    {"none.so", "\"none.so\" not found in /here, "},
    {"/none.so", "\"/none.so\" not found"},
    {"../" GOOD, "\"../" GOOD "\" leaves its folder; a path with \"..\" must "
     "be absolute"},
    {"a/../../b.so", "\"a/../../b.so\" leaves its folder"},
    {"/etc", "\"/etc\" is no regular file"},
  };

  unsetenv("FLUX_PLUGIN_DIR");
  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char path[FHOST_PATH_MAX] = "untouched";
    struct fisa_error err = {""};

    UNIT_TRUE(fhost_plugin_find(cases[i].path, "/here", path, &err) == -1,
              "found %s", cases[i].path);
    begins(err.text, cases[i].want);
    UNIT_STR_EQ(path, "untouched");
  }
}

/* Whoever can write the file or its folder could have changed it. */
static void writable_files(void) {
  static const struct {
    mode_t file, folder;
    const char *want;
  } cases[] = {
    {0755, 0755, NULL},
    {0644, 0700, NULL},
    {0757, 0755, "is writable by others; try chmod go-w"},
    {0777, 0755, "is writable by others; try chmod go-w"},
    {0775, 0755, "is writable by its group; try chmod go-w"},
    {0755, 0757, "is writable by others; try chmod go-w"},
    {0755, 0775, "is writable by its group; try chmod go-w"},
    {0755, 01777, "is writable by others; try chmod go-w"},
  };
  char dir[4200], so[4300], path[FHOST_PATH_MAX];

  snprintf(dir, sizeof dir, "%s", below("modes"));
  mkdir(dir, 0755);
  snprintf(so, sizeof so, "%s/p.so", dir);
  copy_file(unit_built("tests/.libs/" GOOD), so, 0755);
  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct fisa_error err = {""};
    int rc;

    chmod(so, cases[i].file);
    chmod(dir, cases[i].folder);
    rc = fhost_plugin_find(so, NULL, path, &err);
    UNIT_TRUE((rc == 0) == !cases[i].want, "%o in %o: %d",
              (unsigned)cases[i].file, (unsigned)cases[i].folder, rc);
    if (!cases[i].want)
      continue;
    begins(err.text, cases[i].file == 0755 ? "folder \"" : "file \"");
    ends(err.text, cases[i].want);
  }
  chmod(dir, 0755);
}

/* A link is as good as where it leads, and as where it stands. */
static void links(void) {
  char open_dir[4200], link_path[4300], path[FHOST_PATH_MAX];
  struct fisa_error err = {""};

  snprintf(open_dir, sizeof open_dir, "%s", below("open"));
  mkdir(open_dir, 0755);
  snprintf(link_path, sizeof link_path, "%s/p.so", open_dir);
  copy_file(unit_built("tests/.libs/" GOOD), below("target.so"), 0755);
  UNIT_EQ(symlink(below("target.so"), link_path), 0);
  UNIT_TRUE(fhost_plugin_find(link_path, NULL, path, &err) == 0, "%s",
            err.text);
  ends(path, "/target.so");
  chmod(open_dir, 0777);
  UNIT_EQ(fhost_plugin_find(link_path, NULL, path, &err), -1);
  begins(err.text, "folder \"");
  chmod(open_dir, 0755);
  chmod(below("target.so"), 0666);
  UNIT_EQ(fhost_plugin_find(link_path, NULL, path, &err), -1);
  begins(err.text, "file \"");
}

static void foreign_owner(void) {
  char so[4200], path[FHOST_PATH_MAX];
  struct fisa_error err = {""};

  if (geteuid() != 0) {
    unit_skip("only root can give files away");
    return;
  }
  snprintf(so, sizeof so, "%s", below("foreign.so"));
  copy_file(unit_built("tests/.libs/" GOOD), so, 0755);
  if (chown(so, 12345, (gid_t)-1) != 0) {
    unit_skip("chown");
    return;
  }
  UNIT_EQ(fhost_plugin_find(so, NULL, path, &err), -1);
  begins(err.text, "file \"");
  ends(err.text, "belongs to user 12345, who is neither root nor you");
  UNIT_EQ(chown(so, 0, (gid_t)-1), 0);
  UNIT_EQ(chown(unit_tmpdir(), 12345, (gid_t)-1), 0);
  UNIT_EQ(fhost_plugin_find(so, NULL, path, &err), -1);
  begins(err.text, "folder \"");
  UNIT_EQ(chown(unit_tmpdir(), 0, (gid_t)-1), 0);
}

/* ---- opening ------------------------------------------------------------ */

static struct fhost_plugin *open_fake(const char *file, const char *fault,
                                      struct fisa_error *err) {
  char path[FHOST_PATH_MAX];
  struct fhost_plugin *p = NULL;

  err->text[0] = '\0';
  fake(file);
  setenv("FLUX_FAKE_CALLS", "", 1);
  setenv("FLUX_FAKE", fault, 1);
  if (!UNIT_TRUE(fhost_plugin_find(file, folder(), path, err) == 0, "%s",
                 err->text))
    return NULL;
  return fhost_plugin_open(path, &p, err) == 0 ? p : NULL;
}

static const char *calls(void) {
  return getenv("FLUX_FAKE_CALLS");
}

static struct fhost_services *services(void) {
  static const struct fhost_services_options o = {
    .name = "test", .version = "1", .log_level = FLUX_LOG_ERROR,
  };

  return fhost_services_new(&o);
}

/* Every refusal at load: what is wrong, its sentence, and that nothing was
 * called that need not. */
static void refusals(void) {
  static const struct {
    const char *file, *fault, *want, *calls;
  } cases[] = {
    {"libfake_nosymbol.so", "", "is no plugin: it has no symbol "
     "flux_plugin_entry", ""},
    {"libfake_size.so", "", "the plugin's descriptor has 40 bytes, this host "
     "needs 72", ""},
    {"libfake_signature.so", "", "build signature: the plugin's pointers "
     "have 4 bytes, the host's 8", ""},
    {GOOD, "order", "build signature: the plugin's byte order is 2, the "
     "host's 1 (1 little, 2 big)", ""},
    {GOOD, "bits", "build signature: the plugin's upper bits are 0x1, the "
     "host's 0", ""},
    {GOOD, "null", "the plugin says it cannot work in this process", ""},
    {GOOD, "name", "the plugin does not say its id, name and version", ""},
    {GOOD, "function", "plugin org.example.fake leaves out a function of the "
     "core", ""},
    {"libfake_version.so", "", "plugin org.example.fake speaks ABI version "
     "7, this host 1..1", "n"},
    {GOOD, "no-version", "plugin org.example.fake speaks none of the ABI "
     "versions 1..1 of this host", "n"},
  };

  if (sizeof(void *) != 8) {
    unit_skip("the sentences are those of a 64-bit little-endian machine");
    return;
  }
  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct fisa_error err;
    struct fhost_plugin *p = open_fake(cases[i].file, cases[i].fault, &err);

    UNIT_TRUE(p == NULL, "%s %s was opened", cases[i].file, cases[i].fault);
    ends(err.text, cases[i].want);
    UNIT_STR_EQ(calls(), cases[i].calls);
    fhost_plugin_close(p, false);
  }
}

static void no_library(void) {
  struct fhost_plugin *p = NULL;
  struct fisa_error err;
  FILE *f = fopen(below("text.so"), "w");

  if (!UNIT_TRUE(f != NULL, "%s", below("text.so")))
    return;
  fputs("plain text\n", f);
  fclose(f);
  UNIT_EQ(fhost_plugin_open(below("text.so"), &p, &err), -1);
  begins(err.text, "cannot be loaded: ");
  UNIT_TRUE(p == NULL, "written on failure");
}

/* A descriptor that is longer than ours is one of a later plugin: fine. */
static void longer_descriptor(void) {
  struct fisa_error err;
  struct fhost_plugin *p = open_fake(GOOD, "larger", &err);

  if (UNIT_TRUE(p != NULL, "%s", err.text))
    UNIT_EQ(fhost_plugin_version(p), 1);
  fhost_plugin_close(p, false);
}

/* ---- life --------------------------------------------------------------- */

static int32_t take(const char *text, size_t size, void *user) {
  size_t *total = user;

  UNIT_EQ(strlen(text), size);
  *total += size;
  return 0;
}

static void whole_life(void) {
  struct fhost_services *s = services();
  struct fisa_error err;
  struct fhost_plugin *p = open_fake(GOOD, "", &err);
  const flux_control *control;
  char message[64] = "";
  size_t total = 0;

  if (!UNIT_TRUE(p != NULL, "%s", err.text))
    goto done;
  UNIT_STR_EQ(fhost_plugin_about(p)->id, "org.example.fake");
  UNIT_STR_EQ(fhost_plugin_about(p)->version, "3.1");
  UNIT_TRUE(fhost_plugin_instance(p) == NULL, "an instance before create");
  UNIT_EQ(fhost_plugin_check(p, fhost_services_host(s), &err), 0);
  UNIT_EQ(fhost_plugin_create(p, fhost_services_host(s), &err), 0);
  UNIT_TRUE(fhost_plugin_instance(p) != NULL, "no instance");
  UNIT_TRUE(fhost_plugin_extension(p, "flux.nothing/1") == NULL, "had it");
  control = fhost_plugin_extension(p, FLUX_EXT_CONTROL);
  if (UNIT_TRUE(control && FLUX_HAS(control, request), "no control")) {
    UNIT_EQ(control->request(fhost_plugin_instance(p), "{}", 2, take,
                             message, sizeof message, &total), FLUX_OK);
    UNIT_EQ(total, 2);
    UNIT_EQ(control->request(fhost_plugin_instance(p), "", 0, take, message,
                             sizeof message, &total), FLUX_E_INVALID);
    UNIT_STR_EQ(message, "empty");
  }
  fhost_plugin_close(p, false);
  UNIT_STR_EQ(calls(), "nkcd");
done:
  fhost_services_free(s);
}

/* A plugin that fails has nothing to destroy, early or late. */
static void failed_creates(void) {
  static const struct {
    const char *file, *fault, *want, *calls;
  } cases[] = {
    {"libfake_early.so", "", "plugin org.example.fake: the journal is "
     "damaged", "nc"},
    {"libfake_late.so", "", "plugin org.example.fake: no thread for the "
     "search", "ncd"},
    {GOOD, "silent", "plugin org.example.fake: denied", "nc"},
    {GOOD, "no-instance", "plugin org.example.fake made no instance and no "
     "complaint", "nc"},
  };

  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct fhost_services *s = services();
    struct fisa_error err;
    struct fhost_plugin *p = open_fake(cases[i].file, cases[i].fault, &err);

    if (UNIT_TRUE(p != NULL, "%s: %s", cases[i].file, err.text)) {
      UNIT_EQ(fhost_plugin_create(p, fhost_services_host(s), &err), -1);
      UNIT_STR_EQ(err.text, cases[i].want);
      UNIT_TRUE(fhost_plugin_instance(p) == NULL, "an instance");
    }
    fhost_plugin_close(p, false);
    UNIT_STR_EQ(calls(), cases[i].calls);
    fhost_services_free(s);
  }
}

/* What a plugin says is foreign text: one line, ended. */
static void garbage_message(void) {
  struct fhost_services *s = services();
  struct fisa_error err;
  struct fhost_plugin *p = open_fake(GOOD, "garbage", &err);

  if (UNIT_TRUE(p != NULL, "%s", err.text)) {
    UNIT_EQ(fhost_plugin_create(p, fhost_services_host(s), &err), -1);
    UNIT_TRUE(strchr(err.text, '\n') == NULL, "a newline");
    begins(err.text, "plugin org.example.fake:  ");
  }
  fhost_plugin_close(p, false);
  fhost_services_free(s);
}

static void failed_check(void) {
  struct fhost_services *s = services();
  struct fisa_error err;
  struct fhost_plugin *p = open_fake(GOOD, "check", &err);

  if (UNIT_TRUE(p != NULL, "%s", err.text)) {
    UNIT_EQ(fhost_plugin_check(p, fhost_services_host(s), &err), -1);
    UNIT_STR_EQ(err.text, "plugin org.example.fake: demo.conf:3: \"seed\" "
                "must be 0..9, not 12");
  }
  fhost_plugin_close(p, false);
  UNIT_STR_EQ(calls(), "nk");
  fhost_services_free(s);
}

static bool is_mapped(const char *path) {
  void *h = dlopen(path, RTLD_LAZY | RTLD_NOLOAD);

  if (h)
    dlclose(h);
  return h != NULL;
}

static void unloads(void) {
  struct fhost_services *s = services();
  char path[FHOST_PATH_MAX];
  struct fisa_error err = {""};

  UNIT_EQ(fhost_plugin_find(GOOD, folder(), path, &err), 0);
  for (int keep = 0; keep < 2; keep++) {
    struct fhost_plugin *p = open_fake(GOOD, "", &err);

    if (!UNIT_TRUE(p != NULL, "%s", err.text))
      break;
    UNIT_EQ(fhost_plugin_create(p, fhost_services_host(s), &err), 0);
    UNIT_TRUE(is_mapped(path), "not mapped while in use");
    fhost_plugin_close(p, keep);
    UNIT_EQ(is_mapped(path), keep);
  }
  fhost_plugin_close(NULL, false);
  fhost_services_free(s);
}

static void status_texts(void) {
  UNIT_STR_EQ(fhost_status_text(FLUX_OK), "ok");
  UNIT_STR_EQ(fhost_status_text(FLUX_E_BUSY), "busy");
  UNIT_STR_EQ(fhost_status_text(FLUX_E_CONFIG), "bad setting");
  UNIT_STR_EQ(fhost_status_text(FLUX_E_CONFIG - 1), "unknown status");
  UNIT_STR_EQ(fhost_status_text(1), "unknown status");
  UNIT_STR_EQ(fhost_status_text(INT32_MIN), "unknown status");
}

static const struct unit_test tests[] = {
  {"find", "finds", finds},
  {"find", "finds_not", finds_not},
  {"find", "writable", writable_files},
  {"find", "links", links},
  {"find", "foreign_owner", foreign_owner},
  {"open", "refusals", refusals},
  {"open", "no_library", no_library},
  {"open", "longer_descriptor", longer_descriptor},
  {"life", "whole", whole_life},
  {"life", "failed_create", failed_creates},
  {"life", "garbage_message", garbage_message},
  {"life", "failed_check", failed_check},
  {"life", "unloads", unloads},
  {"life", "status_texts", status_texts},
};

UNIT_MAIN(tests)
