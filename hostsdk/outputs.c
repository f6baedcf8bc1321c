/*
 * hostsdk/outputs.c - what agents released: kept, written, compared.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostsdk/host_impl.h"

enum { LINE = 256 };  /* name, task, channel and three arguments fit well */

const struct fhost_output *fhost_outputs(const struct fhost *h, uint32_t i,
                                         size_t *count) {
  assert(h != NULL && count != NULL);
  *count = i < h->member_count ? h->members[i].output_count : 0;
  return i < h->member_count ? h->members[i].outputs : NULL;
}

/* The line of an output, without newline. */
static void line_of(const struct fhost_member *m,
                    const struct fhost_output *o, char *out,
                    size_t capacity) {
  assert(o->argc <= FISA_MAX_ARGS);
  int n = snprintf(out, capacity, "%s %llu %s", m->config->name,
                   (unsigned long long)o->task,
                   o->channel == FHOST_RESULT
                       ? "RESULT"
                       : m->dialect->channels[o->channel]);
  for (unsigned k = 0; k < o->argc && n > 0 && (size_t)n < capacity; k++)
    n += snprintf(out + n, capacity - (size_t)n, " %d", (int)o->arg[k]);
}

/* Whether all that agents released was kept. */
static int check_lost(const struct fhost *h, struct fisa_error *err) {
  for (uint32_t i = 0; i < h->member_count; i++)
    if (h->members[i].lost)
      return fisa_fail(err, "agent \"%s\": no memory to keep its outputs",
                       h->members[i].config->name);
  return 0;
}

int fhost_outputs_write(const struct fhost *h, const char *path,
                        struct fisa_error *err) {
  FILE *f;
  char line[LINE];
  bool failed;
  if (check_lost(h, err) != 0) return -1;
  f = fopen(path, "w");
  failed = f == NULL;
  for (uint32_t i = 0; i < h->member_count && !failed; i++) {
    const struct fhost_member *m = &h->members[i];
    for (size_t k = 0; k < m->output_count && !failed; k++) {
      line_of(m, &m->outputs[k], line, sizeof line);
      failed = fprintf(f, "%s\n", line) < 0;
    }
  }
  if (f != NULL && fclose(f) != 0) failed = true;
  return failed ? fisa_fail(err, "%s: cannot write outputs: %s", path,
                            strerror(errno))
                : 0;
}

static struct fhost_member *member_of(const struct fhost *h, const char *line,
                                      uint32_t *index) {
  size_t n = strcspn(line, " ");
  for (uint32_t i = 0; i < h->member_count; i++) {
    const char *name = h->members[i].config->name;
    if (strlen(name) != n || strncmp(name, line, n) != 0) continue;
    *index = i;
    return &h->members[i];
  }
  return NULL;
}

/* The task from which an agent does other things on purpose. */
static uint64_t tuned_from(const struct fhost_member *m) {
  struct fhost_agent_stats s;
  fhost_agent_stats(m->agent, &s);
  return s.tuned_from;
}

/* Line by line; at[i] counts those of agent i. */
static void compare_lines(const struct fhost *h, FILE *f, size_t *at,
                          uint64_t *wrong) {
  char line[LINE], ours[LINE];
  while (fgets(line, sizeof line, f) != NULL) {
    uint32_t i = 0;
    struct fhost_member *m;
    line[strcspn(line, "\n")] = '\0';
    m = member_of(h, line, &i);
    if (m == NULL || strtoull(line + strcspn(line, " "), NULL, 10) >=
                         tuned_from(m))
      continue;
    if (at[i] < m->output_count)
      line_of(m, &m->outputs[at[i]], ours, sizeof ours);
    if (at[i] >= m->output_count || strcmp(line, ours) != 0) wrong[i]++;
    at[i]++;
  }
  for (uint32_t i = 0; i < h->member_count; i++) {
    const struct fhost_member *m = &h->members[i];
    for (size_t k = at[i]; k < m->output_count; k++)
      wrong[i] += m->outputs[k].task < tuned_from(m);
  }
}

int fhost_outputs_compare(const struct fhost *h, const char *path,
                          uint64_t *wrong, struct fisa_error *err) {
  FILE *f = NULL;
  size_t *at = NULL;
  int rc = -1;
  if (check_lost(h, err) != 0) return -1;
  at = calloc(h->member_count + 1, sizeof *at);
  if (at == NULL) return fisa_fail(err, "out of memory");
  f = fopen(path, "r");
  if (f == NULL) {
    fisa_fail(err, "%s: cannot read outputs: %s", path, strerror(errno));
    goto out;
  }
  memset(wrong, 0, h->member_count * sizeof *wrong);
  compare_lines(h, f, at, wrong);
  if (ferror(f))
    fisa_fail(err, "%s: cannot read outputs: %s", path, strerror(errno));
  else
    rc = 0;
  fclose(f);
out:
  free(at);
  return rc;
}
