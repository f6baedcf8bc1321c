/*
 * hostsdk/find.c - where shared objects may come from, and who may have
 * written them. What we open runs with all our rights, so a file that another
 * user could have changed is no plugin.
 */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hostsdk/plugin.h"

/* The folder part of a path, in place: "/" for a file of the root. */
static void cut_to_folder(char *path) {
  char *slash = strrchr(path, '/');

  assert(slash);
  slash[slash == path ? 1 : 0] = '\0';
}

static int check_owner(const struct stat *st, const char *what,
                       const char *path, struct fisa_error *err) {
  if (st->st_uid == 0 || st->st_uid == geteuid())
    return 0;
  return fisa_fail(err, "%s \"%.150s\" belongs to user %lu, who is neither "
                   "root nor you", what, path, (unsigned long)st->st_uid);
}

static int check_writers(const struct stat *st, const char *what,
                         const char *path, struct fisa_error *err) {
  if (!(st->st_mode & (S_IWGRP | S_IWOTH)))
    return 0;
  return fisa_fail(err, "%s \"%.150s\" is writable by %s; try chmod go-w",
                   what, path,
                   st->st_mode & S_IWOTH ? "others" : "its group");
}

static int check_folder(const char *path, struct fisa_error *err) {
  char folder[FHOST_PATH_MAX];
  struct stat st;

  assert(strlen(path) < sizeof folder);
  strcpy(folder, path);
  cut_to_folder(folder);
  if (stat(folder, &st) != 0)
    return fisa_fail(err, "folder \"%.150s\": %s", folder, strerror(errno));
  if (check_owner(&st, "folder", folder, err) != 0)
    return -1;
  return check_writers(&st, "folder", folder, err);
}

/* Checks a file that exists, with the folder where it was found and the one
 * where it really lies. `out` receives its real path. */
static int check_file(const char *found, char out[FHOST_PATH_MAX],
                      struct fisa_error *err) {
  char real[PATH_MAX];
  struct stat st;

  if (!realpath(found, real) || stat(real, &st) != 0)
    return fisa_fail(err, "\"%.150s\": %s", found, strerror(errno));
  if (!S_ISREG(st.st_mode))
    return fisa_fail(err, "\"%.150s\" is no regular file", found);
  if (strlen(real) >= FHOST_PATH_MAX)
    return fisa_fail(err, "the path of \"%.150s\" is too long", found);
  if (check_owner(&st, "file", found, err) != 0 ||
      check_writers(&st, "file", found, err) != 0 ||
      check_folder(real, err) != 0 || check_folder(found, err) != 0)
    return -1;
  strcpy(out, real);
  return 0;
}

/* Whether a component of the path is "..". */
static bool leaves_folder(const char *path) {
  while (*path) {
    size_t n = strcspn(path, "/");
    if (n == 2 && path[0] == '.' && path[1] == '.')
      return true;
    path += n;
    path += strspn(path, "/");
  }
  return false;
}

/* Looks into one folder; 1: not there, else as check_file. */
static int look_into(const char *folder, const char *path,
                     char out[FHOST_PATH_MAX], struct fisa_error *err) {
  char absolute[PATH_MAX], joined[FHOST_PATH_MAX];
  int n;

  if (!folder || !*folder || !realpath(folder, absolute))
    return 1;
  n = snprintf(joined, sizeof joined, "%s/%s", absolute, path);
  if (n < 0 || (size_t)n >= sizeof joined)
    return fisa_fail(err, "the path of \"%.150s\" is too long", path);
  if (access(joined, F_OK) != 0)
    return 1;
  return check_file(joined, out, err);
}

int fhost_plugin_find(const char *path, const char *folder,
                      char out[FHOST_PATH_MAX], struct fisa_error *err) {
  const char *named = secure_getenv("FLUX_PLUGIN_DIR");
  const char *folders[] = {folder, named, FLUX_PLUGINDIR};
  enum { FOLDERS = sizeof folders / sizeof folders[0] };

  assert(path && out);
  if (!*path)
    return fisa_fail(err, "the path of a shared object is empty");
  if (*path == '/') {
    if (strlen(path) >= FHOST_PATH_MAX)
      return fisa_fail(err, "the path of \"%.150s\" is too long", path);
    if (access(path, F_OK) != 0)
      return fisa_fail(err, "\"%.180s\" not found", path);
    return check_file(path, out, err);
  }
  if (leaves_folder(path))
    return fisa_fail(err, "\"%.150s\" leaves its folder; a path with \"..\" "
                     "must be absolute", path);
  for (unsigned i = 0; i < FOLDERS; i++) {
    int rc = look_into(folders[i], path, out, err);
    if (rc <= 0)
      return rc;
  }
  return fisa_fail(err, "\"%.60s\" not found in %s%.70s%s%.70s%s", path,
                   folder ? folder : "", folder ? ", " : "",
                   named ? named : "", named ? ", " : "", FLUX_PLUGINDIR);
}
