/*
 * internal.h - what the files of the room model share and nobody else sees.
 */
#ifndef FLUX_SAMPLES_ROOM_INTERNAL_H
#define FLUX_SAMPLES_ROOM_INTERNAL_H

#include "samples/room/room.h"

/* The synthetic day: tenths of a degree, one value a step, from midnight. */
extern const int16_t room__day[ROOM_DAY];

/* Thousandths of a degree to tenths: to the nearest, halves up, below zero
 * as well. */
int32_t room__tenths(int32_t milli);

/* Mixes a word into a hash: the finalizer of MurmurHash3. */
uint32_t feed__mix(uint32_t hash, uint32_t word);

/* Maps a hash evenly to lo..hi, lo <= hi. */
int32_t feed__scale(uint32_t hash, int32_t lo, int32_t hi);

#endif /* FLUX_SAMPLES_ROOM_INTERNAL_H */
