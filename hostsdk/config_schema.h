/*
 * hostsdk/config_schema.h - the table that says what a config may hold.
 * Private to libfluxhost.
 */
#ifndef FLUX_HOSTSDK_CONFIG_SCHEMA_H
#define FLUX_HOSTSDK_CONFIG_SCHEMA_H

#include "hostsdk/config.h"

#pragma GCC visibility push(hidden)

/* How a value is written and what its member is. */
enum fhost_field_type {
  FHOST_FIELD_I32,         /* int32_t */
  FHOST_FIELD_U32,         /* uint32_t */
  FHOST_FIELD_U64,         /* uint64_t */
  FHOST_FIELD_FLOAT,       /* double */
  FHOST_FIELD_BOOL,        /* bool */
  FHOST_FIELD_STRING,      /* const char *; lo..hi bytes */
  FHOST_FIELD_NAME,        /* string of letters, digits, _ . - */
  FHOST_FIELD_PATH,        /* string, joined with the config's folder */
  FHOST_FIELD_LEVEL,       /* uint32_t from a log level's name */
  FHOST_FIELD_CALL,        /* string; `hi`: enum fhost_call_place */
  FHOST_FIELD_JUDGE,       /* string: a call of judge.h, or none */
  FHOST_FIELD_PLACE,       /* string: where an input is laid */
  FHOST_FIELD_CONFIDENCE,  /* string: CELL/SCALE */
  FHOST_FIELD_BOUNDARY,    /* string: a boundary rule */
  FHOST_FIELD_ARG,         /* int32_t, and the bool at `count` */
  FHOST_FIELD_GROUP,       /* of `sub`, into the same struct */
  FHOST_FIELD_LIST,        /* of groups: array at `offset`, count at `count` */
  FHOST_FIELD_NATIVES      /* group of any names, each a signature */
};

struct fhost_schema;

struct fhost_field {
  const char *key;
  uint8_t type;            /* enum fhost_field_type */
  uint16_t offset;         /* of the member */
  uint16_t count;          /* LIST, NATIVES: of its count; ARG: of its bool */
  int64_t lo, hi;          /* range of numbers, lengths, list elements */
  const char *def;         /* as one would write it; NULL: required */
  const char *meaning;
  const struct fhost_schema *sub;
};

#define FHOST_NO_LINE UINT16_MAX

struct fhost_schema {
  const char *what;        /* "an agent", for sentences */
  const struct fhost_field *fields;
  unsigned count;
  uint16_t size;           /* of its struct, for arrays */
  uint16_t line;           /* offset of the uint32_t line, or NO_LINE */
  bool open;               /* other keys are a plugin's settings */
};

/* The whole file; its struct is fhost_config. */
extern const struct fhost_schema fhost_config_schema;

/* Refuses whole numbers that libconfig would cut to 32 bits, in the text and
 * in the files it includes. Returns 0, or -1 with err. */
int fhost_config_numbers(const char *text, const char *where,
                         const char *folder, struct fisa_error *err);

/* "an integer", for sentences and help. */
const char *fhost_field_type_name(const struct fhost_field *f);

#pragma GCC visibility pop

#endif /* FLUX_HOSTSDK_CONFIG_SCHEMA_H */
