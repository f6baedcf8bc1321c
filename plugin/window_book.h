/*
 * plugin/window_book.h - the search of all windows of a program.
 *
 * A book keeps a verdict for every task that was searched: up to which cost
 * nothing was found, the cheapest replacement, and every input that ever told
 * a wrong one. It lives as long as a search of a program and all its climbs.
 *
 * Work is counted in sequences (window_enum.h) and changes of walks
 * (window_walk.h), FSE_WALK_WORK each; FSE_WINDOW_UNIT of them count as one
 * variant of a search's budget. It is given out in shares before threads
 * begin, and verdicts are written down in the order of windows, so that any
 * number of threads comes to the same end.
 */
#ifndef FLUX_PLUGIN_WINDOW_BOOK_H
#define FLUX_PLUGIN_WINDOW_BOOK_H

#include "plugin/rules.h"
#include "plugin/window_tests.h"

#define FSE_WINDOW_UNIT 262144u

struct fse_book;
struct fse_book *fse_book_new(void);   /* NULL: memory */
void fse_book_free(struct fse_book *b);
uint32_t fse_book_count(const struct fse_book *b);   /* tasks in it */
/* What kinds looked for in vain. */
struct fse_vain *fse_book_vain(struct fse_book *b);

struct fse_windows_request {
  const struct fse_view *view;
  struct fse_book *book;
  uint64_t seed;
  uint32_t threads;
  uint64_t work;               /* at most */
  bool shallow;                /* only what is quickly found */
  struct fse_rules *rules;     /* tried before all else; NULL: none are */
  struct fse_prover *prover;   /* for rules of other builds; may be NULL */
  bool rules_only;             /* and nothing else */
  bool (*stop)(void *user);    /* asked from any thread; may be NULL */
  void *user;
};

/* A window that can be replaced by something cheaper. */
struct fse_find {
  struct fse_window window;
  struct fse_patch patch;
  const uint8_t *rule;         /* the name of the rule that says so, which is
                                  the store's; NULL: it was searched for */
};

struct fse_windows {
  uint32_t count;
  struct fse_find *finds;      /* by first instruction, most saved first */
  uint64_t work;
};

/* Returns 0, or -1 (memory). */
int fse_windows_search(const struct fse_windows_request *q,
                       struct fse_windows *out);
void fse_windows_done(struct fse_windows *w);

/* The nth find that begins at instruction `first`, or NULL. */
const struct fse_find *fse_windows_at(const struct fse_windows *w,
                                      uint32_t first, uint32_t nth);

/*
 * A find was refuted where all is tried. The program is run on the episodes of
 * `from` once more, counterexamples first, and what the window's inputs are
 * whenever it is come to is put to the find: what tells it from its task is a
 * counter of the task from now on, and the find is no verdict any more.
 * Returns how many did, or -1 (memory).
 */
int fse_windows_learn(struct fse_book *b, const struct fse_view *v,
                      const struct fse_profile_source *from,
                      const struct fse_find *f);

/* The same with points that are given. */
int fse_book_refute(struct fse_book *b, const struct fse_lexicon *l,
                    const struct fse_find *f, const struct fse_point *points,
                    uint32_t count);

#endif /* FLUX_PLUGIN_WINDOW_BOOK_H */
