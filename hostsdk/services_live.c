/*
 * hostsdk/services_live.c - flux.live/1 and flux.judge/1 passed on.
 *
 * A plugin's calls all carry one context, that of its services, while the
 * runtime and the host that serve many plugins want their own.
 */
#include <assert.h>

#include "hostsdk/services_impl.h"

static const struct fhost_services_options *options(void *ctx) {
  const struct fhost_services *s = ctx;

  assert(s->options.live);
  return &s->options;
}

static flux_status observe(uint64_t agent, uint32_t what, uint32_t period,
                           void *ctx) {
  const struct fhost_services_options *o = options(ctx);
  return o->live->observe(agent, what, period, o->live_ctx);
}

static flux_status counts(uint64_t agent, uint64_t *slots, uint8_t *heads,
                          uint32_t capacity, uint32_t *size,
                          uint64_t *version, void *ctx) {
  const struct fhost_services_options *o = options(ctx);
  return o->live->counts(agent, slots, heads, capacity, size, version,
                         o->live_ctx);
}

static flux_status offer(uint64_t agent, const flux_patch *patch, void *ctx) {
  const struct fhost_services_options *o = options(ctx);
  return o->live->offer(agent, patch, o->live_ctx);
}

static flux_status withdraw(uint64_t agent, uint64_t patch, void *ctx) {
  const struct fhost_services_options *o = options(ctx);
  return o->live->withdraw(agent, patch, o->live_ctx);
}

static flux_status agree(uint64_t agent, uint64_t task, void *ctx) {
  const struct fhost_services_options *o = options(ctx);
  return o->live->agree(agent, task, o->live_ctx);
}

static flux_status accept_patch(uint64_t agent, uint64_t patch, void *ctx) {
  const struct fhost_services_options *o = options(ctx);
  return o->live->accept(agent, patch, o->live_ctx);
}

static flux_status take_back(uint64_t agent, uint64_t patch, uint32_t how,
                             void *ctx) {
  const struct fhost_services_options *o = options(ctx);
  return o->live->take_back(agent, patch, how, o->live_ctx);
}

static void explain(uint64_t agent, const char *text, void *ctx) {
  const struct fhost_services_options *o = options(ctx);
  o->live->explain(agent, text, o->live_ctx);
}

void fhost_live_fill(flux_live *live) {
  *live = (flux_live){
    .struct_size = sizeof *live, .observe = observe, .counts = counts,
    .offer = offer, .withdraw = withdraw, .agree = agree,
    .accept = accept_patch, .take_back = take_back, .explain = explain,
  };
}

/* ---- judging ------------------------------------------------------------ */

static uint32_t judge_offers(uint64_t agent, void *ctx) {
  const struct fhost_services *s = ctx;
  return s->options.judge->offers(agent, s->options.judge_ctx);
}

static flux_status judge_open(uint64_t agent, flux_course **out, void *ctx) {
  const struct fhost_services *s = ctx;
  return s->options.judge->open(agent, out, s->options.judge_ctx);
}

void fhost_judge_fill(flux_judge *judge,
                      const struct fhost_services_options *o) {
  assert(judge != NULL);
  if (o->judge == NULL) return;
  *judge = *o->judge;
  judge->struct_size = sizeof *judge;
  judge->offers = judge_offers;
  judge->open = judge_open;
}
