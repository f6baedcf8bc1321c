/*
 * hostsdk/outputs.c - what agents released: kept, written, compared.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostsdk/host_impl.h"

const struct fhost_output *fhost_outputs(const struct fhost *h, uint32_t i,
                                         size_t *count) {
  *count = i < h->member_count ? h->members[i].output_count : 0;
  return i < h->member_count ? h->members[i].outputs : NULL;
}

/* The line of an output, without newline. */
static void line_of(const struct fhost_member *m,
                    const struct fhost_output *o, char *out,
                    size_t capacity) {
  int n = snprintf(out, capacity, "%s %llu %s", m->config->name,
                   (unsigned long long)o->task,
                   o->channel == FHOST_RESULT
                       ? "RESULT"
                       : m->dialect->channels[o->channel]);
  for (unsigned k = 0; k < o->argc && n > 0 && (size_t)n < capacity; k++)
    n += snprintf(out + n, capacity - (size_t)n, " %d", (int)o->arg[k]);
}

int fhost_outputs_write(const struct fhost *h, const char *path,
                        struct fisa_error *err) {
  FILE *f = fopen(path, "w");
  char line[256];
  bool failed = f == NULL;
  for (uint32_t i = 0; i < h->member_count && !failed; i++) {
    const struct fhost_member *m = &h->members[i];
    failed = m->lost;
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

int fhost_outputs_compare(const struct fhost *h, const char *path,
                          uint64_t *wrong, struct fisa_error *err) {
  FILE *f = fopen(path, "r");
  size_t *at = calloc(h->member_count + 1, sizeof *at);
  char line[256], ours[256];
  if (f == NULL || at == NULL) {
    free(at);
    if (f != NULL) fclose(f);
    return fisa_fail(err, "%s: cannot read outputs: %s", path,
                     strerror(errno));
  }
  memset(wrong, 0, h->member_count * sizeof *wrong);
  while (fgets(line, sizeof line, f) != NULL) {
    uint32_t i = 0;
    struct fhost_member *m;
    line[strcspn(line, "\n")] = '\0';
    m = member_of(h, line, &i);
    if (m == NULL) continue;
    if (at[i] < m->output_count) line_of(m, &m->outputs[at[i]], ours,
                                         sizeof ours);
    if (at[i] >= m->output_count || strcmp(line, ours) != 0) wrong[i]++;
    at[i]++;
  }
  for (uint32_t i = 0; i < h->member_count; i++) {
    const struct fhost_member *m = &h->members[i];
    if (m->output_count > at[i]) wrong[i] += m->output_count - at[i];
  }
  fclose(f);
  free(at);
  return 0;
}
