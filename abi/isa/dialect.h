/*
 * isa/dialect.h - a FLUX dialect as data: the table, its text form, loading.
 *
 * A dialect is read from text (`NAME.fluxisa`), then zero or more binding
 * overlays are laid over it. The result is immutable and may be shared by any
 * number of threads. Everything else in isa/ is a pure function of it.
 *
 * THE TEXT FORM (docs/dialects.md explains it), one statement a line; a `#`
 * that starts a line or stands between blanks starts a comment:
 *
 *   fluxisa 1                     version of the form; first statement
 *   dialect NAME
 *   mem BYTES                     a power of two, or 0
 *   file R i32 64 [zero] [checked] [width W]   a register file of 64 cells;
 *                                 a register byte is taken modulo the number
 *                                 of registers (a power of two); `zero`:
 *                                 byte 0 reads 0 and writes nothing, other
 *                                 bytes that wrap to cell 0 reach the real
 *                                 cell; `checked`: a byte past the last
 *                                 register is lethal register_range, in every
 *                                 row that reaches the file with it; `width`:
 *                                 a register is W neighbouring cells
 *   start R N VALUE               what cell N of a file begins with
 *   flag Z                        one cell of type flag, 0 or 1
 *   cell STRIP i32 [init N] [tick]  a single cell; `tick`: counts down by 1
 *                                 at the start of every instruction while > 0
 *   stack STK 256 down [index SP] the data stack and its index cell; it
 *                                 starts at the size (down) or at 0 (up)
 *   calls LNK 256 [index CSP]     a stack of links of its own, which grows
 *                                 up: CALL pushes and RET pops there, not on
 *                                 the data stack
 *   machine none                  an encoding that nothing runs: assembled,
 *                                 verified, never lowered
 *   fuel N                        default fuel
 *   fault N NAME                  name of a fault code below 1000
 *   lethal N PREDICATE [NAME]     number (>= 1000) of a lethal predicate;
 *                                 predicates share one if they share a NAME,
 *                                 which is then that of the fault
 *   guard N PREDICATE             the machine makes that test itself: fault N
 *                                 below 1000, pc advanced, no other effect
 *   key KEY CELL i32|u32          one more key of the state's JSON: a cell,
 *   key KEY FILE hex              or a register a string of hex digits
 *   truncated N                   the fault of an instruction that runs past
 *                                 the end (pc stays, cycle not counted)
 *   unknown N                     the fault of an undefined opcode (pc stays,
 *                                 cycle counted)
 *   undefined LO..HI len N        the length the VM checks for undefined bytes
 *   row NUM NAME field=value ...  one opcode, see below
 *
 * Fields of a row; each at most once; `does` is last, to the end of the line:
 *
 *   len=4          bytes the machine advances (1..8), or len16@1: 3 plus the
 *                  u16 LE found at byte 1 (a payload row)
 *   check=5        bytes the VM's bounds check wants, where it differs
 *   ops=rd,rs1,... operand bytes in order: rd rs1 rs2 (register bytes), imm8u
 *                  imm8u2 imm8s imm16le_s imm32le_s addr16le_u, unused,
 *                  payload
 *   flow=next      next halt trap jump_rel jump_abs cond_rel cond_abs
 *                  cond_rel_reg call_rel call_abs ret indirect
 *   base=start     start | end of the instruction: base of relative targets;
 *                  insn: they count instructions, from the jump itself (of
 *                  opaque rows alone)
 *   link=4         what CALL pushes, relative to its start
 *   bias=1         what RET adds to the popped value
 *   filler=1       bytes after the row that control never enters but RET's
 *                  bias skips: they stay glued to the row
 *   reads= writes= `;` separated names: R[rd] C[rs1] MEM STK SP ZF RNG ...;
 *                  documentation of a row with `does`, the truth of an opaque
 *   roles=         `;` separated: nop halt yield sense act decay threshold
 *                  confidence trust time memory random a2a debug none
 *   cost=11        weight in fitness; default: cycles
 *   cycles=11      what the cycle counter advances; default 1
 *   sensitive=     strip cycles link bounds agent (see FISA_SENS_*)
 *   pure=no        yes | no as in the fact tables; default yes
 *   keep           never removed, duplicated or moved (a host effect that
 *                  no observable shows)
 *   source=NAME    outside source of its input/draw ops (default: mnemonic)
 *   lethal=        `;` separated predicates with arguments:
 *                  div_overflow(R[rs1],R[rs2]);stack_full. Those that follow
 *                  from flow=, check= and opaque are not written:
 *                  negative_target, past_code, opaque
 *   opaque         no offline meaning (instead of does)
 *   does=          1..8 ops of flux/semops.h separated by ` ; `, operands by
 *                  blanks: R[rd] (masked, zero rule applied), R![rd] (the raw
 *                  cell, for rows that skip both; guarded by register_range),
 *                  R.n (register n of the file, zero rule applied), V[rd]+k
 *                  (cell k of a register with a width), STK.n (cell n from
 *                  the top of the data stack, read only; 0 where there is
 *                  none), Z, STRIP (cells), t0..t3 (temporaries), #12 #-1
 *                  #0x3F733333 (constants), #imm8s ... (an immediate operand),
 *                  #raw:rd (a register byte as a number), #next (address after
 *                  the row). A FILE op names its file first (`file_zero R`),
 *                  which stands in d
 *
 * A bindings overlay starts with `bindings 1`, `dialect NAME`, and holds
 * `bind NAME field=value ...` lines: each named field replaces that of the
 * row NAME; `does` removes `opaque` and the reverse. The shape of a row (len
 * to filler above) is the table's alone.
 *
 * Everything is hostile input: a text that breaks a rule is refused with one
 * sentence that names file, line and field, and nothing is loaded.
 */
#ifndef FLUX_ISA_DIALECT_H
#define FLUX_ISA_DIALECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <flux/semops.h>

#define FISA_MAX_NAME 24      /* bytes of any name, NUL included */
#define FISA_MAX_FILES 16     /* files, flags, single cells, the stack */
#define FISA_MAX_OPERANDS 6   /* operands of a row */
#define FISA_MAX_TEMPLATE 8   /* semantic ops of a row */
#define FISA_MAX_LETHAL 8     /* lethal predicates of a row */
#define FISA_MAX_CELLS 4096   /* cells of a state */
#define FISA_MAX_TEXT (4u << 20) /* bytes of a dialect text */
#define FISA_MAX_CODE 65536u  /* bytes of a program */
#define FISA_MAX_MEM (1u << 24)
#define FISA_TEMPS 4
#define FISA_MAX_STARTS 16    /* registers that begin with a value */
#define FISA_MAX_KEYS 8       /* further keys of the state's JSON */

/* An error sentence; every failing call writes one. */
struct fisa_error {
  char text[256];
};

/* Writes a formatted sentence. err may be NULL. Always returns -1. */
int fisa_fail(struct fisa_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

enum fisa_file_kind {
  FISA_FILE_REGS,  /* an addressable register file */
  FISA_FILE_FLAG,  /* one cell, 0 or 1 */
  FISA_FILE_CELL,  /* one cell */
  FISA_FILE_STACK  /* the data stack, or that of links; each has an index
                      cell */
};

enum fisa_type { FISA_I32, FISA_F32 };

/* One entry of the state list: `count` cells from `first`. */
struct fisa_file {
  char name[FISA_MAX_NAME];
  uint8_t kind;       /* enum fisa_file_kind */
  uint8_t type;       /* enum fisa_type */
  bool zero;          /* register byte 0 is the constant 0 */
  bool tick;          /* counts down while > 0 */
  bool checked;       /* register bytes past the end are lethal */
  bool down;          /* stack: grows towards lower indexes */
  uint8_t width;      /* cells of a register; 1 for anything else */
  uint16_t first;     /* index of the first cell in a state */
  uint16_t count;
  int32_t init;       /* initial value of every cell */
};

enum fisa_operand_kind {
  FISA_OPERAND_REG,     /* a register byte */
  FISA_OPERAND_IMM8U,
  FISA_OPERAND_IMM8S,
  FISA_OPERAND_IMM16S,
  FISA_OPERAND_IMM32S,
  FISA_OPERAND_ADDR16U,
  FISA_OPERAND_UNUSED,  /* a byte the machine ignores; 0 when assembled */
  FISA_OPERAND_PAYLOAD  /* u16 length, then that many bytes */
};

struct fisa_operand {
  char name[12];
  uint8_t kind;    /* enum fisa_operand_kind */
  uint8_t offset;  /* byte of the instruction at which it starts */
  uint8_t width;   /* bytes; 0 for a payload */
  uint16_t files;  /* REG: bit f set: the row reaches file f through it */
  int32_t lo, hi;  /* legal values, inclusive */
};

enum fisa_flow {
  FISA_FLOW_NEXT, FISA_FLOW_HALT, FISA_FLOW_TRAP, FISA_FLOW_JUMP_REL,
  FISA_FLOW_JUMP_ABS, FISA_FLOW_COND_REL, FISA_FLOW_COND_ABS,
  FISA_FLOW_COND_REL_REG, FISA_FLOW_CALL_REL, FISA_FLOW_CALL_ABS,
  FISA_FLOW_RET, FISA_FLOW_INDIRECT
};

enum fisa_role {  /* a bit each */
  FISA_ROLE_NOP = 1 << 0, FISA_ROLE_HALT = 1 << 1, FISA_ROLE_YIELD = 1 << 2,
  FISA_ROLE_SENSE = 1 << 3, FISA_ROLE_ACT = 1 << 4, FISA_ROLE_DECAY = 1 << 5,
  FISA_ROLE_THRESHOLD = 1 << 6, FISA_ROLE_CONFIDENCE = 1 << 7,
  FISA_ROLE_TRUST = 1 << 8, FISA_ROLE_TIME = 1 << 9, FISA_ROLE_MEMORY = 1 << 10,
  FISA_ROLE_RANDOM = 1 << 11, FISA_ROLE_A2A = 1 << 12, FISA_ROLE_DEBUG = 1 << 13
};

enum fisa_sensitive {  /* a bit each; no edit changes count or layout there */
  FISA_SENS_STRIP = 1 << 0,   /* counts the instructions that follow it */
  FISA_SENS_CYCLES = 1 << 1,  /* reads the cycle counter: whole program */
  FISA_SENS_LINK = 1 << 2,    /* makes a code address */
  FISA_SENS_BOUNDS = 1 << 3,  /* its bounds length is wrong near the end */
  FISA_SENS_AGENT = 1 << 4    /* host accounting: FORK, JOIN */
};

/* What an operand of a template op denotes. */
enum fisa_ref_kind {
  FISA_REF_NONE,
  FISA_REF_REG,    /* file[operand], masked, zero rule */
  FISA_REF_RAW,    /* file![operand], unmasked, no zero rule */
  FISA_REF_FIXED,  /* file.n, zero rule */
  FISA_REF_CELL,   /* a flag or single cell */
  FISA_REF_TEMP,   /* t0..t3 */
  FISA_REF_CONST,  /* #n */
  FISA_REF_IMM,    /* the value of an immediate operand */
  FISA_REF_RAWNUM, /* #raw:rd, a register byte as a number */
  FISA_REF_NEXT,   /* #next */
  FISA_REF_FILE,   /* a whole file (FILE ops) */
  FISA_REF_STACK   /* cell n from the top of the data stack, read only */
};

struct fisa_ref {
  uint8_t kind;    /* enum fisa_ref_kind */
  uint8_t file;    /* index into files */
  uint8_t operand; /* index into the row's operands */
  int32_t value;   /* constant, fixed register or temporary number; cell
                      within a register; cells from the top of the stack */
};

/* One semantic op of a template. `imm` is the trailing #value, if any. */
struct fisa_step {
  uint16_t op;     /* enum flux_semop */
  struct fisa_ref d, a, b, c, imm;
};

struct fisa_guard {
  uint8_t lethal;  /* enum flux_lethal */
  struct fisa_ref a, b;
};

struct fisa_row {
  char name[FISA_MAX_NAME];
  bool defined;       /* false: an undefined opcode; only `check` counts */
  bool opaque, keep, pure, payload;
  uint8_t opcode;
  uint8_t length;     /* bytes advanced; payload rows: fixed part (3) */
  uint8_t check;      /* bytes the VM's bounds check wants */
  uint8_t flow;       /* enum fisa_flow */
  bool base_end;      /* relative targets count from the instruction's end */
  bool base_insn;     /* they count instructions, from the jump */
  uint8_t target;     /* operand that holds the target (flow rows), or 0xFF */
  uint8_t target_reg; /* operand whose register adds to or is it, or 0xFF */
  uint8_t link, bias, filler;
  uint8_t operand_count, step_count, guard_count;
  uint8_t sensitive;  /* enum fisa_sensitive bits */
  uint16_t roles;     /* enum fisa_role bits */
  uint16_t cycles, cost;
  uint16_t channel;   /* index of its name among channels, or 0xFFFF */
  uint16_t source;    /* index of its name among sources, or 0xFFFF */
  struct fisa_operand operands[FISA_MAX_OPERANDS];
  struct fisa_step steps[FISA_MAX_TEMPLATE];
  struct fisa_guard guards[FISA_MAX_LETHAL];
  char reads[96], writes[96];  /* the table's words */
};

struct fisa_fault {
  int32_t code;
  char name[FISA_MAX_NAME];
};

/* A cell that begins with another value than its file's. */
struct fisa_start {
  uint16_t cell;
  int32_t value;
};

enum fisa_key_form { FISA_KEY_I32, FISA_KEY_U32, FISA_KEY_HEX };

/* A key of the state's JSON beyond those that all dialects have. */
struct fisa_key {
  char name[FISA_MAX_NAME];
  uint8_t form;       /* enum fisa_key_form */
  uint8_t file;       /* index into files */
};

struct fisa_dialect {
  char name[FISA_MAX_NAME];
  uint8_t hash[32];         /* SHA-256 of text and overlays */
  bool no_machine;          /* an encoding that nothing runs */
  uint32_t mem_size;
  uint32_t cell_count;      /* cells of a state, stack included */
  uint32_t file_count;
  uint16_t sp_cell;         /* cell of the stack index, 0xFFFF: no stack */
  uint16_t stack_file;      /* index into files, 0xFFFF: none */
  uint16_t calls_cell;      /* the same of the stack of links, where it is */
  uint16_t calls_file;      /* one of its own; else 0xFFFF */
  struct fisa_file files[FISA_MAX_FILES];
  uint64_t fuel;
  int32_t truncated_fault, unknown_fault;
  int32_t lethal_code[FLUX_LETHAL_COUNT]; /* below 1000: the machine's own
                                             test, see guard */
  char lethal_name[FLUX_LETHAL_COUNT][FISA_MAX_NAME];
  uint32_t start_count, key_count;
  struct fisa_start starts[FISA_MAX_STARTS];
  struct fisa_key keys[FISA_MAX_KEYS];
  uint32_t fault_count;
  struct fisa_fault faults[64];
  uint32_t channel_count, source_count;
  char channels[64][FISA_MAX_NAME]; /* names that emit */
  char sources[64][FISA_MAX_NAME];  /* names of outside values */
  struct fisa_row rows[256];
  uint32_t row_count;       /* defined rows */
};

/*
 * Parses a dialect text. `where` names it in error sentences. On success
 * returns 0 and stores a new dialect in *out, to be given to
 * fisa_dialect_free; on failure returns -1, *out untouched, err filled.
 */
int fisa_dialect_parse(const char *text, size_t length, const char *where,
                       struct fisa_dialect **out, struct fisa_error *err);

/*
 * Lays a bindings overlay over a dialect, in place, before it is shared.
 * Returns 0, or -1 with err filled and the dialect unchanged.
 */
int fisa_dialect_bind(struct fisa_dialect *d, const char *text, size_t length,
                      const char *where, struct fisa_error *err);

/*
 * A built-in dialect by name, with (bound) or without its bindings overlay.
 * Same results as fisa_dialect_parse. The texts are embedded at build time.
 */
int fisa_dialect_builtin(const char *name, bool bound,
                         struct fisa_dialect **out, struct fisa_error *err);

/* The embedded text of a built-in dialect or overlay ("unified.fluxisa",
 * "unified.bindings"), or NULL; static storage; *length without the NUL. */
const char *fisa_builtin_text(const char *file, size_t *length);

/* Name of built-in dialect i, or NULL past the last. */
const char *fisa_builtin_name(unsigned i);

/* Destroys a dialect; NULL is fine. */
void fisa_dialect_free(struct fisa_dialect *d);

/* The row of a mnemonic, case ignored, or NULL. */
const struct fisa_row *fisa_row_by_name(const struct fisa_dialect *d,
                                        const char *name, size_t length);

/* Whether a row reaches what all machines of a process share, as its reads and
 * writes say: RNG, HEAP. No two runs of such a row need be equal. */
bool fisa_row_is_shared(const struct fisa_row *row);

/*
 * Takes a row's meaning away, in place, before the dialect is shared: it is
 * opaque from now on, with the shape, reads, writes and cost it had. Names of
 * sources and channels keep their numbers. The dialect gets another hash,
 * which rows made opaque in the same order make the same again.
 */
void fisa_dialect_demote(struct fisa_dialect *d, uint8_t opcode);

/* Index of a file of the state list by name (case ignored), or -1. */
int fisa_file_by_name(const struct fisa_dialect *d, const char *name,
                      size_t length);

/* Number of registers of a file. */
static inline uint32_t fisa_registers(const struct fisa_file *f) {
  return f->width > 1 ? (uint32_t)f->count / f->width : f->count;
}

/* Whether the cells of a file are observables where a program's .out says
 * nothing: those of registers, and confidence in a cell of its own. */
bool fisa_observed_file(const struct fisa_file *f);

/* Whether outputs on a channel are chains that make a payload. */
bool fisa_channel_payload(const struct fisa_dialect *d, uint16_t channel);

/*
 * Gives a payload as its chain of outputs, in order: see FLUX_PAYLOAD_CHUNK.
 * `give` returns non-zero to stop, which is returned.
 */
int fisa_payload_outputs(const uint8_t *bytes, uint32_t size,
                         int (*give)(const int32_t *arg, unsigned argc,
                                     void *user),
                         void *user);

/* What a cell of file f begins with. */
int32_t fisa_cell_init(const struct fisa_dialect *d, const struct fisa_file *f,
                       uint32_t cell);

/* Whether calls keep their links apart from the data stack. */
static inline bool fisa_links_apart(const struct fisa_dialect *d) {
  return d->calls_file < d->file_count;
}

/* Name of a fault code: "" for 0, "fault_N" for a code the head does not
 * name. The string lives as long as the dialect, or is static. */
const char *fisa_fault_name(const struct fisa_dialect *d, int32_t code);

/* Whether a list of a table's words, `;` between them, has one: `word`, and
 * behind it one of `ends`; the end of the list counts as a `;`. */
bool fisa_list_has(const char *list, const char *word, const char *ends);

/* Name of a semantic op; the op of a name, or -1. */
const char *fisa_semop_name(unsigned op);
int fisa_semop_by_name(const char *name, size_t length);

/* How an op uses operand 0..3 (d a b c): one of 'N' 'R' 'W' 'M'. */
char fisa_semop_use(unsigned op, unsigned operand);

/* The effect column of an op. */
enum fisa_effect {
  FISA_EFFECT_NONE, FISA_EFFECT_LOAD, FISA_EFFECT_STORE, FISA_EFFECT_COPY,
  FISA_EFFECT_STACK, FISA_EFFECT_IN, FISA_EFFECT_OUT, FISA_EFFECT_FLOW,
  FISA_EFFECT_FILE, FISA_EFFECT_CYC
};
enum fisa_effect fisa_semop_effect(unsigned op);

/* Whether a step does more than to fill temporaries. */
bool fisa_step_acts(const struct fisa_step *s);

/* SHA-256 of a run of bytes. */
void fisa_sha256(const void *bytes, size_t length, uint8_t out[32]);

/* 64 lower-case hex digits and a NUL. */
void fisa_hex32(const uint8_t hash[32], char out[65]);

#endif /* FLUX_ISA_DIALECT_H */
