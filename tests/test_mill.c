/*
 * test_mill.c - a stack machine that is most things unified is not (see
 * isa_util.h): its states, its text, what the verifier and the facts say of
 * its programs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isa/verify_impl.h"
#include "tests/isa_util.h"
#include "tests/unit.h"

static uint32_t cell_of(const char *file, unsigned n) {
  int f = fisa_file_by_name(isa_mill(), file, strlen(file));

  CU_ASSERT_FATAL(f >= 0);
  return isa_mill()->files[f].first + n;
}

/* ---- states ------------------------------------------------------------- */

static struct fisa_state *state_new(void) {
  struct fisa_state *s = fisa_state_new(isa_mill());

  CU_ASSERT_FATAL(s != NULL);
  return s;
}

static void begin_values(void) {
  struct fisa_state *s = state_new();

  for (int round = 0; round < 2; round++) {
    for (unsigned i = 0; i < 32; i++)
      UNIT_EQ(s->cells[cell_of("R", i)], i == 3 ? -7 : 0);
    for (unsigned i = 0; i < 16; i++)
      UNIT_EQ((uint32_t)s->cells[cell_of("V", i)], i == 5 ? 0x80000001 : 0);
    UNIT_EQ(s->cells[cell_of("W", 0)], -2);
    UNIT_EQ(s->cells[cell_of("CONF", 0)], 0x3F800000);
    UNIT_EQ(s->cells[cell_of("TOP", 0)], 0);
    UNIT_EQ(s->cells[cell_of("CSP", 0)], 0);
    for (uint32_t i = 0; i < s->cell_count; i++)
      s->cells[i] = 99;
    fisa_state_reset(isa_mill(), s);
  }
  fisa_state_free(s);
}

/* The JSON of a state has this in it. */
static void json_has(const struct fisa_state *s, const struct fisa_trace *t,
                     const char *part) {
  char *json = fisa_state_to_json(isa_mill(), s, t);

  if (UNIT_TRUE(json, "memory"))
    UNIT_TRUE(strstr(json, part), "no %s in %s", part, json);
  free(json);
}

#define ZEROS "00000000000000000000000000000000"

static void json_out(void) {
  struct fisa_state *s = state_new();
  int32_t *links = &s->cells[cell_of("LNK", 0)];

  json_has(s, NULL, "\"regs\":[0,0,0,-7,0,");
  json_has(s, NULL, ",\"fregs\":[\"0\",\"0\",\"0\",\"0\"],\"conf\":[\"1\"],"
           "\"stack\":[],\"flags\":{\"z\":0},\"mem\":[],\"calls\":[],"
           "\"wide\":4294967294,\"turn\":-2,\"vregs\":[\"" ZEROS "\",\""
           "00000000010000800000000000000000\",\"" ZEROS "\",\"" ZEROS
           "\"],\"out\":[]}");
  for (int i = 0; i < 4; i++)
    links[i] = 10 * i - 10;
  s->cells[cell_of("CSP", 0)] = 2;
  json_has(s, NULL, "\"calls\":[-10,0],");
  s->cells[cell_of("CSP", 0)] = 4;
  json_has(s, NULL, "\"calls\":[-10,0,10,20],");
  s->cells[cell_of("CSP", 0)] = 5;
  json_has(s, NULL, "\"calls\":[-10,0,10,20],");
  s->cells[cell_of("CSP", 0)] = INT32_MIN;
  json_has(s, NULL, "\"calls\":[],");
  s->cells[cell_of("STK", 0)] = 7;
  s->cells[cell_of("STK", 1)] = -8;
  s->cells[cell_of("TOP", 0)] = 2;
  json_has(s, NULL, "\"stack\":[7,-8],");
  s->cells[cell_of("CONF", 0)] = 0x7FC00000;
  json_has(s, NULL, "\"conf\":[\"nan\"],");
  fisa_state_free(s);
}

static int from_json(struct fisa_state *s, const char *text,
                     struct fisa_error *err) {
  return fisa_state_from_json(isa_mill(), text, strlen(text), s, NULL, err);
}

static void json_in(void) {
  struct fisa_state *s = state_new();
  struct fisa_error err = {""};

  UNIT_EQ(from_json(s, "{\"calls\":[5,-6,7],\"stack\":[1,2],\"turn\":9,"
                    "\"conf\":[\"-0.5\"],\"vregs\":["
                    "\"0102030405060708fffffffF000000FF\",\"" ZEROS "\"]}",
                    &err), 0);
  UNIT_STR_EQ(err.text, "");
  UNIT_EQ(s->cells[cell_of("CSP", 0)], 3);
  UNIT_EQ(s->cells[cell_of("LNK", 1)], -6);
  UNIT_EQ(s->cells[cell_of("TOP", 0)], 2);
  UNIT_EQ(s->cells[cell_of("W", 0)], 9);
  UNIT_EQ((uint32_t)s->cells[cell_of("CONF", 0)], 0xBF000000);
  UNIT_EQ(s->cells[cell_of("V", 0)], 0x04030201);
  UNIT_EQ(s->cells[cell_of("V", 1)], 0x08070605);
  UNIT_EQ(s->cells[cell_of("V", 2)], -1);
  UNIT_EQ((uint32_t)s->cells[cell_of("V", 3)], 0xFF000000);
  UNIT_EQ(s->cells[cell_of("V", 5)], 0);
  UNIT_EQ(s->cells[cell_of("R", 3)], -7); /* not named */
  UNIT_EQ(from_json(s, "{\"wide\":4294967295,\"calls\":[]}", &err), 0);
  UNIT_EQ(s->cells[cell_of("W", 0)], -1);
  UNIT_EQ(s->cells[cell_of("CSP", 0)], 0);
  UNIT_EQ(from_json(s, "{\"wide\":0}", &err), 0);
  UNIT_EQ(s->cells[cell_of("W", 0)], 0);
  fisa_state_free(s);
}

static void json_refused(void) {
  static const struct {
    const char *text, *want;
  } cases[] = {
    {"{\"calls\":[1,2,3,4,5]}", "state: calls: 5 values; 4 is the most"},
    {"{\"calls\":1}", "state: calls: an array is wanted"},
    {"{\"calls\":[\"1\"]}", "state: calls[0]: a whole number is wanted"},
    {"{\"calls\":[0,2147483648]}",
     "state: calls[1]: 2147483648 is outside -2147483648..2147483647"},
    {"{\"turn\":[1]}", "state: turn[0]: a whole number is wanted"},
    {"{\"turn\":4294967295}",
     "state: turn[0]: 4294967295 is outside -2147483648..2147483647"},
    {"{\"wide\":-1}", "state: wide: a number of 0..4294967295 is wanted"},
    {"{\"wide\":4294967296}",
     "state: wide: a number of 0..4294967295 is wanted"},
    {"{\"wide\":1.0}", "state: wide: a number of 0..4294967295 is wanted"},
    {"{\"wide\":\"1\"}", "state: wide: a number of 0..4294967295 is wanted"},
    {"{\"conf\":[1]}", "state: conf[0]: a number as a string is wanted"},
    {"{\"conf\":[\"1\",\"1\"]}", "state: conf: 2 values; 1 is the most"},
    {"{\"vregs\":\"00\"}", "state: vregs: an array is wanted"},
    {"{\"vregs\":[1]}", "state: vregs[0]: 32 hex digits are wanted"},
    {"{\"vregs\":[\"00\"]}", "state: vregs[0]: 32 hex digits are wanted"},
    {"{\"vregs\":[\"" ZEROS "\",\"" ZEROS "0\"]}",
     "state: vregs[1]: 32 hex digits are wanted"},
    {"{\"vregs\":[\"0000000000000000000000000000000g\"]}",
     "state: vregs[0]: no hex digit"},
    {"{\"vregs\":[\"0000000000000000000000000000000\\u0007\"]}",
     "state: vregs[0]: no hex digit"},
    {"{\"vregs\":[\"\",\"\",\"\",\"\",\"\"]}",
     "state: vregs: 5 values; 4 is the most"},
    {"{\"sp\":0}", "state: unknown key \"sp\""},
    {"{\"links\":[]}", "state: unknown key \"links\""},
  };

  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct fisa_state *s = state_new();
    struct fisa_error err = {""};
    UNIT_EQ(from_json(s, cases[i].text, &err), -1);
    UNIT_STR_EQ(err.text, cases[i].want);
    fisa_state_free(s);
  }
  struct fisa_state *s = fisa_state_new(isa_unified());
  struct fisa_error err = {""};
  UNIT_EQ(fisa_state_from_json(isa_unified(), "{\"calls\":[]}", 12, s, NULL,
                               &err), -1);
  UNIT_STR_EQ(err.text, "state: unknown key \"calls\"");
  fisa_state_free(s);
}

/* Whatever a state holds comes back, dead cells of the stacks aside. */
static void json_both_ways(void) {
  uint64_t seed = 12;

  for (int round = 0; round < 200; round++) {
    struct fisa_state *a = state_new(), *b = state_new();
    struct fisa_error err = {""};
    char *json;

    for (uint32_t c = 0; c < a->cell_count; c++)
      a->cells[c] = (int32_t)isa_random(&seed) >> isa_below(&seed, 32);
    for (unsigned i = 0; i < 4; i++)
      a->cells[cell_of("F", i)] = 0x40490FDB;
    a->cells[cell_of("CONF", 0)] = round % 2 ? 0x3F000000 : 0x7FC00000;
    a->cells[cell_of("Z", 0)] = round % 2;
    a->cells[cell_of("TOP", 0)] = 8;
    a->cells[cell_of("CSP", 0)] = 4;
    json = fisa_state_to_json(isa_mill(), a, NULL);
    CU_ASSERT_FATAL(json != NULL);
    UNIT_EQ(from_json(b, json, &err), 0);
    UNIT_STR_EQ(err.text, "");
    UNIT_MEM_EQ(b->cells, a->cells, a->cell_count * sizeof *a->cells);
    free(json);
    fisa_state_free(a);
    fisa_state_free(b);
  }
}

/* ---- payloads in the JSON ----------------------------------------------- */

static uint16_t channel(const char *name) {
  const struct fisa_dialect *d = isa_mill();

  for (uint16_t i = 0; i < d->channel_count; i++)
    if (strcmp(d->channels[i], name) == 0)
      return i;
  UNIT_TRUE(0, "no channel %s", name);
  return 0;
}

struct sink {
  struct fisa_trace trace;
  uint16_t channel;
};

static int add_link(const int32_t *arg, unsigned argc, void *user) {
  struct sink *s = user;
  struct fisa_event e = {.out = 1, .argc = (uint8_t)argc,
                         .name = s->channel};

  memcpy(e.arg, arg, argc * sizeof *arg);
  return fisa_trace_add(&s->trace, &e);
}

static void json_payloads(void) {
  static const uint8_t bytes[] = "\x01\xffthirteen by";
  struct sink sink = {.channel = channel("SAY")};
  struct fisa_event tell = {.out = 1, .argc = 1, .name = channel("TELL"),
                            .arg = {-5}};
  struct fisa_state *s = state_new();

  fisa_payload_outputs(bytes, 0, add_link, &sink);
  fisa_payload_outputs(bytes, 1, add_link, &sink);
  fisa_trace_add(&sink.trace, &tell);
  fisa_payload_outputs(bytes, 12, add_link, &sink);
  fisa_payload_outputs(bytes, 13, add_link, &sink);
  json_has(s, &sink.trace,
           "\"out\":[[\"SAY\",\"\"],[\"SAY\",\"01\"],[\"TELL\",-5],"
           "[\"SAY\",\"01ff746869727465656e2062\"],"
           "[\"SAY\",\"01ff746869727465656e206279\"]]");
  /* A chain that was cut short says what came. */
  sink.trace.count--;
  json_has(s, &sink.trace, "[\"SAY\",\"01ff746869727465656e2062\"]]}");
  sink.trace.count--;
  json_has(s, &sink.trace, "[\"SAY\",\"\"]]}");
  fisa_trace_add(&sink.trace, &tell);
  json_has(s, &sink.trace, "[\"SAY\",\"\"],[\"TELL\",-5]]}");
  fisa_trace_done(&sink.trace);
  fisa_state_free(s);
}

/* The longest payload there can be, through the trace and back. */
static void json_long_payload(void) {
  struct sink sink = {.channel = channel("SAY")};
  struct fisa_state *s = state_new();
  uint8_t *bytes = malloc(65535);
  char *json, *hex;

  CU_ASSERT_FATAL(bytes != NULL);
  for (size_t i = 0; i < 65535; i++)
    bytes[i] = (uint8_t)(i * 7);
  fisa_payload_outputs(bytes, 65535, add_link, &sink);
  UNIT_EQ(sink.trace.count, 1 + 5462);
  json = fisa_state_to_json(isa_mill(), s, &sink.trace);
  CU_ASSERT_FATAL(json != NULL);
  hex = strstr(json, "[[\"SAY\",\"");
  CU_ASSERT_FATAL(hex != NULL);
  hex += 9;
  UNIT_EQ(strspn(hex, "0123456789abcdef"), 2 * 65535);
  for (size_t i = 0; i < 65535; i++)
    if (strncmp(hex + 2 * i, isa_hex(bytes + i, 1), 2) != 0) {
      UNIT_TRUE(0, "byte %zu", i);
      break;
    }
  free(json);
  free(bytes);
  fisa_trace_done(&sink.trace);
  fisa_state_free(s);
}

/* ---- the text ----------------------------------------------------------- */

static void refused(const char *text, const char *want) {
  struct fisa_program *p = NULL;
  struct fisa_error err = {""};

  UNIT_EQ(fisa_assemble(isa_mill(), text, strlen(text), "t", &p, &err), -1);
  UNIT_TRUE(strcmp(err.text, want) == 0, "\"%s\", not \"%s\"", err.text,
            want);
  fisa_program_free(p);
}

/* The bytes a text makes; and its disassembly makes them, too. */
static void bytes_of(const char *text, const char *hex) {
  struct fisa_program *p = isa_program(isa_mill(), text), *q = NULL;
  struct fisa_error err = {""};
  char *back = p ? fisa_disassemble(p) : NULL;

  if (!p || !UNIT_TRUE(back, "memory"))
    return;
  UNIT_TRUE(strcmp(isa_hex(p->code, p->size), hex) == 0, "%s, not %s, of\n%s",
            isa_hex(p->code, p->size), hex, text);
  UNIT_TRUE(fisa_assemble(isa_mill(), back, strlen(back), "back", &q, &err)
            == 0, "%s in:\n%s", err.text, back);
  if (q)
    UNIT_TRUE(memcmp(q->hash, p->hash, sizeof q->hash) == 0,
              "not the same:\n%s", back);
  fisa_program_free(q);
  fisa_program_free(p);
  free(back);
}

static void numbers(void) {
  bytes_of("LIT 0\n", "0200000000");
  bytes_of("LIT -2147483648\n", "0200000080");
  bytes_of("LIT 2147483647\n", "02ffffff7f");
  bytes_of("LIT 0x01020304\n", "0204030201");
  bytes_of("LIT -1\n PAIR 1, 255\n", "02ffffffff3f01ff");
  bytes_of("a: LIT b-a\n b: LIT a\n", "02050000000200000000");
  bytes_of("VADD V1, V3\n VADD R1, R255\n PUSH R200\n",
           "1c01031c01ff06c8");
  bytes_of("SAY \"ab\", half 1, word -1\n SAY\n",
           "320800616201""00ffffffff320000");
  refused("LIT 2147483648\n", "t:1:5: imm32le_s: 2147483648 is outside "
          "-2147483648..2147483647");
  refused("LIT 4294967295\n", "t:1:5: imm32le_s: 4294967295 is outside "
          "-2147483648..2147483647");
  refused("PAIR 1, 256\n", "t:1:9: imm8u2: 256 is outside 0..255");
}

static void counted_jumps(void) {
  /* Forwards, backwards, on the spot, to the end. */
  bytes_of("SKIP a\n NOP\n a: HALT\n", "2802000100");
  bytes_of("a: NOP\n LIT 7\n SKIP a\n", "01020700000028feff");
  bytes_of("a: SKIP a\n", "280000");
  bytes_of("SKIP a\n NOP\n NOP\n a:\n", "2803000101");
  bytes_of("NOP\n SKIPZ R1, a\n SKIPZ R2, b\n a: HALT\n b: HALT\n",
           "012901020029020200""0000");
  bytes_of("SUBR_I f\n HALT\n f: RET\n", "2a02000024");
  /* A plain number is that number. */
  bytes_of("SKIP 5\n SKIP -5\n", "28050028fbff");
  bytes_of("a: SKIP b-a\n b: HALT\n", "28030000");
  /* A target is its jump's: any other number may be an address. */
  bytes_of("NOP\n a: LIT a\n SKIP a\n", "01020100000028ffff");
}

/* Bytes between are what the machine would take them for. */
static void counted_bytes(void) {
  bytes_of("SKIP a\n .byte 1, 1, 1\n a: HALT\n", "28040001010100");
  bytes_of("a: .byte 0x02,1,2,3,4\n .byte 0\n SKIP a\n",
           "02010203040028feff");
  /* An opcode that there is none of counts as well. */
  bytes_of("SKIP a\n .byte 0xFF, 0xEE\n a: HALT\n", "280300ffee00");
  /* A payload is one instruction, whatever is in it. */
  bytes_of("SKIP a\n SAY \"\\x01\\x01\\x01\"\n a: HALT\n",
           "28020032030001010100");
  refused("NOP\n a: LIT 1\n SKIP a+1\n", "t:3:7: no instruction begins at 2, "
          "counted from the first byte");
  refused("NOP\n SKIP a\n .byte 0x02\n a: HALT\n HALT\n HALT\n HALT\n",
          "t:2:7: no instruction begins at 5, counted from the first byte");
  refused(".byte 0x02\n a: SKIP a\n HALT\n HALT\n HALT\n", "t:2:10: no "
          "instruction begins at 1, counted from the first byte");
  refused("a: SKIP a-1\n", "t:1:9: no instruction begins at -1, counted "
          "from the first byte");
  refused("a: SKIP a+9\n", "t:1:9: no instruction begins at 9, counted "
          "from the first byte");
  /* The last instruction is cut; behind it is the end. */
  bytes_of("SKIP a\n .byte 0x02\n a:\n", "28020002");
}

/* As far as a number of 16 bits goes, and one further. */
static void counted_far(void) {
  static char text[40000 * 5];
  size_t n = (size_t)snprintf(text, sizeof text, "SKIP a\n");

  for (int i = 0; i < 32766; i++)
    n += (size_t)snprintf(text + n, sizeof text - n, "NOP\n");
  snprintf(text + n, sizeof text - n, "a: HALT\n");
  struct fisa_program *p = isa_program(isa_mill(), text);
  if (p)
    UNIT_STR_EQ(isa_hex(p->code, 3), "28ff7f");
  fisa_program_free(p);
  snprintf(text + n, sizeof text - n, "NOP\na: HALT\n");
  refused(text, "t:1:6: imm16le_s: 32768 is outside -32768..32767");
}

/* Sixteen thousand jumps, each as far as it can: quick all the same. */
static void counted_often(void) {
  enum { JUMPS = FISA_MAX_CODE / 4 };
  static uint8_t code[FISA_MAX_CODE];
  struct fisa_program *p = NULL;
  struct fisa_error err;

  for (uint32_t i = 0; i < JUMPS; i++) {
    uint32_t to = (JUMPS - 1 - i) - i;
    code[4 * i] = 0x29;
    code[4 * i + 2] = (uint8_t)to;
    code[4 * i + 3] = (uint8_t)(to >> 8);
  }
  UNIT_EQ(fisa_program_from_bytes(isa_mill(), code, sizeof code, &p, &err),
          0);
  UNIT_TRUE(fisa_verify(p, NULL, 0) > 0, "it runs off its end");
  fisa_program_free(p);
}

static void manifests(void) {
  struct fisa_program *p = isa_program(
      isa_mill(), ".in V1\n.in V2 -3..3\n.in R3\n.in W 0..9\n.in CONF\n"
      ".in stack 3 -5..5\n.out V0\n.out CONF\n.out stack\n HALT\n");

  if (p) {
    const struct fisa_manifest *m = &p->manifest;
    UNIT_EQ(m->in_count, 6);
    UNIT_EQ(m->in[0].first, cell_of("V", 4));
    UNIT_EQ(m->in[0].count, 4);
    UNIT_TRUE(m->in[1].first == cell_of("V", 8) && m->in[1].count == 4 &&
              m->in[1].lo == -3 && m->in[1].hi == 3, "V2");
    UNIT_EQ(m->in[2].count, 1);
    UNIT_EQ(m->in[5].kind, FISA_CELLS_STACK);
    UNIT_EQ(m->out[0].first, cell_of("V", 0));
    UNIT_EQ(m->out[0].count, 4);
  }
  fisa_program_free(p);
  bytes_of(".in V0\n.in V3 1..2\n.in V1\n.in V2\n.out V3\n.out V0\n"
           ".out R1\n HALT\n", "00");
  refused(".in V4\n HALT\n", "t:1:5: file V has registers 0..3");
  refused(".out V16\n HALT\n", "t:1:6: file V has registers 0..3");
  refused(".in V1\n.in V1\n HALT\n", "t:2:5: named before as an input");
  refused(".in R32\n HALT\n", "t:1:5: file R has registers 0..31");
  refused(".in TOP\n HALT\n", "t:1:5: name the stack, not its index");
  refused(".out CSP\n HALT\n", "t:1:6: name the stack, not its index");
  refused(".in LNK\n HALT\n",
          "t:1:5: a register, flag, mem or stack is wanted, not LNK");
  refused(".in CONF 0..1\n HALT\n", "t:1:10: a range is for integers");
  refused(".in stack 9\n HALT\n", "t:1:11: stack cells: 9 is outside 1..8");
}

/* Bytes without plan, to text and back. */
static void any_bytes(void) {
  unsigned long rounds = unit_scale(20000);
  uint64_t seed = 77;

  for (unsigned long r = 0; r < rounds; r++) {
    uint8_t code[48];
    uint32_t n = 1 + isa_below(&seed, sizeof code);
    struct fisa_program *p = NULL, *q = NULL;
    struct fisa_error err = {""};
    char *text;

    for (uint32_t i = 0; i < n; i++)
      code[i] = (uint8_t)(isa_random(&seed) & (r % 2 ? 0x3F : 0xFF));
    UNIT_EQ(fisa_program_from_bytes(isa_mill(), code, n, &p, &err), 0);
    text = fisa_disassemble(p);
    CU_ASSERT_FATAL(text != NULL);
    fisa_assemble(isa_mill(), text, strlen(text), "back", &q, &err);
    if (!UNIT_TRUE(q && q->size == n && memcmp(q->code, code, n) == 0,
                   "%s %s\n%s", isa_hex(code, n), err.text, text))
      r = rounds;
    free(text);
    fisa_program_free(q);
    fisa_program_free(p);
  }
}

/* ---- the verifier ------------------------------------------------------- */

enum { FINDINGS = 16 };

static const char *told(const struct fisa_finding *f, int n) {
  static char out[512];
  size_t used = 0;

  out[0] = '\0';
  for (int i = 0; i < n && i < FINDINGS; i++)
    used += (size_t)snprintf(out + used, sizeof out - used, "%s%u:%s",
                             i ? " " : "", f[i].pc,
                             fisa_verdict_name(f[i].verdict));
  return n == 0 ? "ok" : n < 0 ? "memory" : out;
}

struct row {
  const char *parent, *text, *want;
};

static void check_rows(const struct row *rows, size_t count) {
  for (size_t i = 0; i < count; i++) {
    struct fisa_program *p = isa_program(isa_mill(), rows[i].text);
    struct fisa_program *parent = rows[i].parent
        ? isa_program(isa_mill(), rows[i].parent) : NULL;
    struct fisa_finding f[FINDINGS];
    int n = !p ? -1
            : parent ? fisa_verify_child(p, parent, NULL, f, FINDINGS)
                     : fisa_verify(p, f, FINDINGS);

    UNIT_TRUE(strcmp(told(f, n), rows[i].want) == 0,
              "\"%s\", not \"%s\", of:\n%s", told(f, n), rows[i].want,
              rows[i].text);
    fisa_program_free(parent);
    fisa_program_free(p);
  }
}

#define CHECK_ROWS(rows) check_rows(rows, sizeof rows / sizeof rows[0])

static void sure_faults(void) {
  static const struct row rows[] = {
    {NULL, "PUSH R31\n HALT\n", "ok"},
    {NULL, "PUSH R32\n HALT\n", "0:operand"},
    {NULL, "POP R255\n HALT\n", "0:operand"},
    {NULL, "ADDR R1, R40\n HALT\n", "0:operand"},
    {NULL, "VADD V1, V200\n HALT\n", "ok"}, /* not checked */
    {NULL, "LANE V9, R9\n HALT\n", "ok"},
    {NULL, "LANE V1, R32\n HALT\n", "0:operand"},
    {NULL, "NEVER\n HALT\n", "0:operand"},
    {NULL, "CAST R1, R2, 0\n HALT\n", "ok"},
    {NULL, "CAST R1, R2, 1\n HALT\n", "ok"}, /* not sure */
    {NULL, "BYTE R1, R2\n HALT\n", "ok"},
    {NULL, "SAY \"x\"\n HALT\n", "ok"},
    {NULL, "HALT\n .byte 0x32, 9\n", "ok"}, /* not reached */
    {NULL, "NOP\n .byte 0x32, 9, 0, 1\n", "1:truncated"},
  };
  struct fisa_program *p = isa_program(isa_mill(), "NEVER\n PUSH R32\n");
  struct fisa_finding f[4];

  CHECK_ROWS(rows);
  if (p && UNIT_EQ(fisa_verify(p, f, 4), 3)) {
    UNIT_STR_EQ(f[0].text, "NEVER: fault always for sure");
    UNIT_STR_EQ(f[1].text, "PUSH names a register past the last");
  }
  fisa_program_free(p);
}

static void depths(void) {
  static const struct row rows[] = {
    {NULL, "ADD\n HALT\n", "0:stack_low"},
    {NULL, "LIT 1\n ADD\n HALT\n", "5:stack_low"},
    {NULL, "LIT 1\n LIT 2\n ADD\n HALT\n", "ok"},
    {NULL, "LIT 1\n LIT 2\n ADD\n ADD\n HALT\n", "11:stack_low"},
    {NULL, "LIT 1\n LIT 2\n NEED\n HALT\n", "10:stack_low"},
    {NULL, "LIT 1\n LIT 2\n LIT 3\n NEED\n NEED\n HALT\n", "ok"},
    {NULL, "TAKE R1\n HALT\n", "0:stack_low"},
    {NULL, "LIT 1\n TAKE R1\n TAKE R1\n HALT\n", "7:stack_low"},
    /* One way only. */
    {NULL, "JNZR R1, a\n LIT 1\n LIT 1\n a: ADD\n HALT\n", "ok"},
    /* A stack that has nothing stays empty, and does not go below. */
    {NULL, "DROP\n DROP\n ADDZ\n TAKE R1\n HALT\n", "ok"},
    {NULL, "DROP\n DROP\n LIT 1\n ADD\n HALT\n", "7:stack_low"},
    {NULL, "SWAP\n ADD\n HALT\n", "ok"},
    {NULL, "POP R1\n DROP\n JZ a\n a: TAKE R1\n HALT\n", "6:stack_low"},
    {NULL, "LIT 1\n JZ a\n a: TAKE R1\n HALT\n", "8:stack_low"},
    {NULL, "DUP\n ADD\n HALT\n", "ok"},
    /* The other end. */
    {NULL, ".in stack 8\n LIT 1\n HALT\n", "0:stack_high"},
    {NULL, ".in stack 8\n DUP\n HALT\n", "0:stack_high"},
    {NULL, ".in stack 8\n SWAP\n HALT\n", "ok"},
    {NULL, ".in stack 8\n ADDZ\n LIT 1\n HALT\n", "ok"},
    {NULL, ".in stack 7\n DUP\n DUP\n HALT\n", "1:stack_high"},
    {NULL, ".in stack 7\n DUP\n SENSE 1\n HALT\n", "1:stack_high"},
  };

  CHECK_ROWS(rows);
}

static void links(void) {
  static const struct row rows[] = {
    /* A RET that tests goes nowhere then. */
    {NULL, "RET\n HALT\n", "0:call 0:boundary"},
    {NULL, "RETZ\n HALT\n", "0:call"},
    {NULL, "LIT 1\n RETZ\n HALT\n", "5:call"},
    {NULL, "CALL f\n HALT\n f: RET\n", "ok"},
    /* What lies on the data stack is no link. */
    {NULL, "CALL f\n HALT\n f: LIT 1\n RET\n", "ok"},
    {NULL, "LIT 1\n CALL f\n HALT\n f: TAKE R1\n RET\n", "ok"},
    {NULL, "CALL f\n HALT\n f: TAKE R1\n RET\n", "4:stack_low"},
    {NULL, "CALL f\n CALL f\n HALT\n f: CALL g\n g: RETZ\n", "ok"},
    {NULL, "CALL f\n HALT\n f: DEC R1\n JNZR R1, x\n CALL f\n x: RET\n",
     "ok"},
    /* A full stack takes a call. */
    {NULL, ".in stack 8\n CALL f\n HALT\n f: RET\n", "ok"},
    /* The callee may leave what it likes. */
    {NULL, "CALL f\n ADD\n HALT\n f: LIT 1\n LIT 2\n RET\n", "ok"},
    {NULL, "CALL 50\n HALT\n", "0:target"},
    {NULL, "CALL -9\n HALT\n", "0:target"},
    {NULL, "CALL f\n f: RET\n", "ok"}, /* twice, once without: undecided */
  };

  CHECK_ROWS(rows);
}

/* Targets of jumps that count. */
static void counted_targets(void) {
  static const struct row rows[] = {
    {NULL, "SKIP a\n .byte 0xFF\n a: HALT\n", "ok"},
    {NULL, "SKIP -1\n HALT\n", "0:target"},
    {NULL, "SKIP 9\n HALT\n", "0:target"},
    {NULL, "SKIP 2\n HALT\n", "0:target"}, /* the end */
    {NULL, "SKIPZ R1, 1\n HALT\n", "ok"},
    {NULL, "SKIPZ R1, -1\n HALT\n", "0:target"},
    {NULL, "SKIPZ R1, a\n SKIP b\n a: NOP\n b: HALT\n", "ok"},
    {NULL, "SKIPZ R40, 1\n HALT\n", "0:operand"},
    {NULL, "a: SKIPZ R1, a\n HALT\n", "ok"},
    /* From inside another instruction: nobody knows which. */
    {NULL, "JMP a+1\n a: LIT 0x28\n HALT\n", "4:target"},
    /* An opaque call may come back. */
    {NULL, "SUBR_I f\n HALT\n f: RET\n", "ok"},
    {NULL, "SUBR_I f\n .byte 0xFF\n f: HALT\n", "3:opcode"},
    {NULL, "a: HALT\n .entry 1\n SUBR_I a\n", "ok"},
  };

  CHECK_ROWS(rows);
}

static void loops(void) {
  static const struct row rows[] = {
    /* What the stack holds decides. */
    {NULL, "a: LIT 0\n JZ a\n HALT\n", "ok"},
    {NULL, "a: SENSE 1\n JZ a\n HALT\n", "ok"},
    {NULL, "a: JNZR R1, a\n HALT\n", "0:endless"},
    {NULL, "a: POP R1\n JNZR R1, a\n HALT\n", "ok"},
    {NULL, "a: YIELD\n JMP a\n", "ok"},
    {NULL, "a: SKIP a\n", "0:endless 0:boundary"},
    {NULL, ".boundary out:SAY\n a: SAY \"x\"\n JMP a\n", "ok"},
    {NULL, ".out none\n SAY \"x\"\n HALT\n", "ok"},
    {NULL, ".out none\n LIT 1\n HALT\n", "0:observable"},
  };

  CHECK_ROWS(rows);
}

/* ---- a child against its parent ----------------------------------------- */

#define R12 ".in R1 0..9\n.in R2 0..9\n"
#define ANY ".in R1\n.in R2\n"

/* Each predicate: where ranges keep it out, and where they do not. */
static void lethal_ranges(void) {
  static const struct row rows[] = {
    {R12 "HALT\n", R12 "ADDR R1, R2\n HALT\n", "ok"},
    {ANY "HALT\n", ANY "ADDR R1, R2\n HALT\n", "0:lethal"},
    {R12 "HALT\n", R12 "SUBR R1, R2\n HALT\n", "ok"},
    {ANY "HALT\n", ANY "SUBR R1, R2\n HALT\n", "0:lethal"},
    {R12 "HALT\n", R12 "MULR R1, R2\n HALT\n", "ok"},
    {ANY "HALT\n", ANY "MULR R1, R2\n HALT\n", "0:lethal"},
    {R12 "HALT\n", R12 "SHLR R1, R2\n HALT\n", "ok"},
    {ANY "HALT\n", ANY "SHLR R1, R2\n HALT\n", "0:lethal"},
    {ANY "HALT\n", ANY "MOVI R2, 0\n SHLR R1, R2\n HALT\n", "ok"},
    {ANY "HALT\n", ANY "MOVI R2, 1\n SHLR R1, R2\n HALT\n", "4:lethal"},
    {ANY "HALT\n", ANY "MASK R1, 255\n MOVI R2, 23\n SHLR R1, R2\n HALT\n",
     "ok"},
    {ANY "HALT\n", ANY "MASK R1, 255\n MOVI R2, 24\n SHLR R1, R2\n HALT\n",
     "7:lethal"},
    {".in R1 1..9\n HALT\n", ".in R1 1..9\n DIVR R2, R1\n HALT\n", "ok"},
    {R12 "HALT\n", R12 "DIVR R2, R1\n HALT\n", "0:lethal"},
    {".in R1 -5..-1\n HALT\n", ".in R1 -5..-1\n EYES R1\n HALT\n", "ok"},
    {R12 "HALT\n", R12 "BYTE R3, R1\n HALT\n", "ok"},
    {ANY "HALT\n", ANY "BYTE R3, R1\n HALT\n", "0:lethal"},
    {".in R1 -9..-2\n HALT\n", ".in R1 -9..-2\n BYTE R3, R1\n HALT\n", "ok"},
    {ANY "HALT\n", ANY "CAST R1, R2, 0\n HALT\n", "ok"},
    {ANY "HALT\n", ANY "CAST R1, R2, 1\n HALT\n", "0:lethal"},
    {ANY "HALT\n", ANY "NEVER\n HALT\n", "0:operand 0:lethal"},
    {ANY "HALT\n", ANY "PUSH R32\n HALT\n", "0:operand 0:lethal"},
    {ANY "HALT\n", ANY "CHK R1, 9\n HALT\n", "0:lethal"},
    /* What a machine begins with is known, too: R3 is -7. */
    {"HALT\n", "DIVR R1, R3\n HALT\n", "ok"},
    {"HALT\n", "DIVR R1, R2\n HALT\n", "0:lethal"},
    {"HALT\n", "DEEP R1\n DIVR R2, R1\n HALT\n", "2:lethal"},
  };

  CHECK_ROWS(rows);
}

static void lethal_depths(void) {
  static const struct row rows[] = {
    {"HALT\n", "LIT 1\n LIT 2\n LIT 3\n NEED\n HALT\n", "ok"},
    {"JNZR R1, a\n a: HALT\n",
     "JNZR R1, a\n LIT 1\n a: LIT 2\n LIT 3\n NEED\n HALT\n", "19:lethal"},
    {"HALT\n", "LIT 1\n TAKE R1\n HALT\n", "ok"},
    {"HALT\n", "DUP\n TAKE R1\n HALT\n", "ok"}, /* a cell at least */
    {"HALT\n", "SWAP\n TAKE R1\n TAKE R1\n HALT\n", "ok"},
    {"HALT\n", "ADDZ\n TAKE R1\n HALT\n", "ok"},
    /* The sum itself is not known. */
    {"HALT\n", "LIT 1\n LIT 2\n ADD\n HALT\n", "10:lethal"},
    {"SENSE 1\n a: JZ b\n JMP a\n b: HALT\n",
     "SENSE 1\n a: DUP\n JZ b\n JMP a\n b: HALT\n", "ok"},
    {"a: SENSE 1\n JZ a\n HALT\n",
     "a: SENSE 1\n DUP\n JZ a\n HALT\n", "0:lethal 2:lethal"},
    /* How many links there are is not followed. */
    {"HALT\n", "CALL f\n HALT\n f: HALT\n", "0:lethal"},
    {"CALL f\n HALT\n f: RETZ\n", "CALL f\n HALT\n f: RET\n", "4:lethal"},
  };

  CHECK_ROWS(rows);
}

/* What the parent has the child may have. */
static void lethal_matched(void) {
  static const struct row rows[] = {
    {"ADDR R1, R2\n HALT\n", "NOP\n ADDR R1, R2\n HALT\n", "ok"},
    {ANY "ADDR R1, R2\n HALT\n", ANY "ADDR R2, R1\n HALT\n", "0:lethal"},
    {"NEVER\n HALT\n", "NOP\n NEVER\n HALT\n", "ok"},
    {"CHK R1, 9\n HALT\n", "NOP\n CHK R1, 9\n HALT\n", "ok"},
    {"CHK R1, 9\n HALT\n", "CHK R1, 8\n HALT\n", "0:lethal"},
    {"ADD\n HALT\n", "NOP\n ADD\n HALT\n", "ok"},
    {"CALL f\n HALT\n f: RET\n", "NOP\n CALL f\n HALT\n f: RET\n", "ok"},
    {"RET\n HALT\n", "NOP\n RET\n HALT\n", "ok"},
    {"HALT\n", "RET\n HALT\n", "0:call 0:boundary 0:lethal"},
    {"PUSH R32\n HALT\n", "NOP\n PUSH R32\n HALT\n", "ok"},
    {"PUSH R32\n HALT\n", "PUSH R33\n HALT\n", "0:operand 0:lethal"},
    /* Opaque rows are kept, and count what they counted. */
    {"SKIP a\n NOP\n a: HALT\n", "SKIP a\n LIT 1\n a: HALT\n", "ok"},
    {"SKIP a\n a: HALT\n", "HALT\n", "0:frozen"},
  };

  CHECK_ROWS(rows);
}

/* ---- facts -------------------------------------------------------------- */

struct subject {
  struct fisa_program *p;
  struct fisa_facts *f;
};

static bool make(struct subject *s, const char *text) {
  struct fisa_error err = {""};

  s->f = NULL;
  s->p = isa_program(isa_mill(), text);
  return s->p && UNIT_TRUE(fisa_facts_make(s->p, &s->f, &err) == 0, "%s",
                           err.text);
}

static void done(struct subject *s) {
  fisa_facts_free(s->f);
  fisa_program_free(s->p);
}

static uint32_t at_label(const struct fisa_program *p, const char *label) {
  for (uint32_t i = 0; i < p->label_count; i++)
    if (strcmp(p->labels[i].name, label) == 0)
      return p->labels[i].pc;
  UNIT_TRUE(0, "no label %s", label);
  return 0;
}

static bool live_at(const struct subject *s, const char *label,
                    uint32_t cell) {
  uint32_t i = s->f->index[at_label(s->p, label)];
  const struct fisa_set *set;

  if (!UNIT_TRUE(i < s->f->count, "%s is not reached", label))
    return false;
  set = &s->f->live_in[i];
  return set->w[cell / 64] >> (cell % 64) & 1;
}

/* How deep the data stack is said to be at label p. */
static void stack_depths(void) {
  static const struct {
    const char *text;
    int lo, hi;
  } cases[] = {
    {"p: HALT\n", 0, 0},
    {"LIT 1\n p: HALT\n", 1, 1},
    {".in stack 3\n DROP\n p: HALT\n", 2, 2},
    {"DROP\n p: HALT\n", 0, 0},
    {"ADDZ\n p: HALT\n", 1, 1},
    {"LIT 1\n ADDZ\n p: HALT\n", 1, 1},
    {"LIT 1\n LIT 1\n ADDZ\n p: HALT\n", 1, 1},
    {"LIT 1\n LIT 1\n LIT 1\n ADDZ\n p: HALT\n", 2, 2},
    {"SWAP\n p: HALT\n", 2, 2},
    {"LIT 1\n SWAP\n p: HALT\n", 2, 2},
    {"DUP\n p: HALT\n", 2, 2},
    {"LIT 1\n DUP\n p: HALT\n", 2, 2},
    {"JNZR R1, a\n LIT 1\n LIT 1\n a: DROP\n p: HALT\n", 0, 1},
    {"JNZR R1, a\n LIT 1\n a: ADDZ\n p: HALT\n", 1, 1},
    {"a: DROP\n JNZR R1, a\n p: HALT\n", 0, 0},
    {"a: LIT 1\n JNZR R1, a\n p: HALT\n", 1, 8},
    {"LIT 1\n a: DROP\n JNZR R1, a\n p: HALT\n", 0, 0},
    {"LIT 1\n JZ p\n p: HALT\n", 0, 0},
    /* Through a call: the depth inside, not behind. How much of it lies below
     * the function is not known there. */
    {"LIT 1\n CALL f\n HALT\n f: p: RET\n", 1, 1},
    {"LIT 1\n CALL f\n HALT\n f: DROP\n DROP\n p: RET\n", 0, 1},
    {"LIT 1\n CALL f\n HALT\n f: SWAP\n p: RET\n", 1, 3},
    {"LIT 1\n CALL f\n p: HALT\n f: RET\n", 0, 8},
    {"CALL f\n LIT 1\n CALL f\n HALT\n f: p: RET\n", 0, 8},
  };

  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct fisa_program *p = isa_program(isa_mill(), cases[i].text);
    struct fisa__flow g;
    struct fisa__depth at;

    if (!p)
      continue;
    memset(&g, 0, sizeof g);
    UNIT_EQ(fisa__flow_build(&g, p), 0);
    UNIT_EQ(fisa__flow_blocks(&g), 0);
    fisa__depth_solve(&g);
    at = fisa__depth_at(&g, &g.node[g.index[at_label(p, "p")]]);
    UNIT_TRUE(at.lo == cases[i].lo && at.hi == cases[i].hi,
              "%d..%d, not %d..%d, of:\n%s", at.lo, at.hi, cases[i].lo,
              cases[i].hi, cases[i].text);
    fisa__flow_done(&g);
    fisa_program_free(p);
  }
}

static void frozen(void) {
  static const struct {
    const char *text;
    const char *reason; /* a part of it; NULL: free */
  } cases[] = {
    {"CALL f\n HALT\n f: RET\n", NULL},
    /* Links apart are no data, and where a run ends nobody looks. */
    {"CALL f\n HALT\n f: POP R1\n PUSH R1\n LIT 1\n HALT\n", NULL},
    {"CALL f\n HALT\n f: TOS R1, 0\n SWAP\n RET\n", NULL},
    {"CALL f\n HALT\n f: YIELD\n RET\n", "kept at a task boundary"},
    {".boundary out:SAY\n CALL f\n HALT\n f: SAY \"x\"\n RET\n",
     "kept at a task boundary"},
    {".boundary pc:f\n CALL f\n HALT\n f: RET\n", "kept at a task boundary"},
    {"YIELD\n CALL f\n HALT\n f: RET\n", NULL},
    {"MOVI R1, 9\n CALLR R1\n HALT\n", "register says"},
    {"CALL f\n HALT\n f: JNZR R1, g\n RET\n g: CALL f\n RET\n", NULL},
    {"CALL f\n JMP g\n f: NOP\n g: RET\n", "shared by functions"},
    {"SUBR_I f\n HALT\n f: RET\n", "a link that nobody knows"},
    {"CALL f\n HALT\n f: SUBR_I g\n g: RET\n", "may not find the link"},
  };

  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const char *want = cases[i].reason;
    struct subject s;

    if (make(&s, cases[i].text)) {
      UNIT_TRUE(s.f->layout_frozen == (want != NULL) &&
                strstr(s.f->frozen_reason, want ? want : ""),
                "frozen: \"%s\" in:\n%s", s.f->frozen_reason,
                cases[i].text);
    }
    done(&s);
  }
}

/* What tests look at is live; and confidence is looked at in the end. */
static void live_cells(void) {
  struct subject s;

  if (make(&s, ".out R9\n p: EYES R1\n MOVI R1, 0\n HALT\n"))
    UNIT_TRUE(live_at(&s, "p", cell_of("R", 1)), "a test reads R1");
  done(&s);
  if (make(&s, ".out R9\n p: MOVI R1, 0\n q: HALT\n"))
    UNIT_TRUE(!live_at(&s, "p", cell_of("R", 1)) &&
              !live_at(&s, "q", cell_of("R", 1)), "nobody reads R1");
  done(&s);
  if (make(&s, ".out R9\n p: NEED\n HALT\n"))
    UNIT_TRUE(live_at(&s, "p", cell_of("TOP", 0)), "a test of the depth");
  done(&s);
  if (make(&s, ".out R9\n p: CALL f\n HALT\n f: RET\n"))
    UNIT_TRUE(live_at(&s, "p", cell_of("CSP", 0)), "a test for room");
  done(&s);
  if (make(&s, ".out R9\n p: TOS R9, 0\n HALT\n"))
    UNIT_TRUE(live_at(&s, "p", cell_of("TOP", 0)), "a cell of the stack");
  done(&s);
  if (make(&s, ".out V1\n p: LANE V1, R1\n HALT\n"))
    UNIT_TRUE(live_at(&s, "p", cell_of("V", 4)) &&
              !live_at(&s, "p", cell_of("V", 7)) &&
              live_at(&s, "p", cell_of("R", 1)), "a part of V1");
  done(&s);
  if (make(&s, "p: HALT\n"))
    UNIT_TRUE(live_at(&s, "p", cell_of("CONF", 0)) &&
              live_at(&s, "p", cell_of("V", 15)) &&
              !live_at(&s, "p", cell_of("W", 0)) &&
              !live_at(&s, "p", cell_of("CSP", 0)), "by default");
  done(&s);
}

/* Confidence in a cell is an observable; the links are none. */
static void observables(void) {
  struct fisa_program *p = isa_program(isa_mill(), "HALT\n");
  struct fisa_state *a = state_new(), *b = state_new();
  char what[80] = "";

  if (!p)
    return;
  b->cells[cell_of("CSP", 0)] = 1;
  b->cells[cell_of("W", 0)] = 1;
  UNIT_TRUE(fisa_observe_equal(p, a, b, what, sizeof what), "%s", what);
  b->cells[cell_of("CONF", 0)] = 0;
  UNIT_TRUE(!fisa_observe_equal(p, a, b, what, sizeof what), "confidence");
  UNIT_STR_EQ(what, "CONF: 1065353216, not 0");
  b->cells[cell_of("CONF", 0)] = a->cells[cell_of("CONF", 0)];
  b->cells[cell_of("V", 6)] = 1;
  UNIT_TRUE(!fisa_observe_equal(p, a, b, what, sizeof what), "a part");
  fisa_state_free(a);
  fisa_state_free(b);
  fisa_program_free(p);
}

static const struct unit_test tests[] = {
  {"state", "begin", begin_values},
  {"state", "JSON out", json_out},
  {"state", "JSON in", json_in},
  {"state", "JSON refused", json_refused},
  {"state", "JSON both ways", json_both_ways},
  {"state", "payloads", json_payloads},
  {"state", "long payload", json_long_payload},
  {"text", "numbers", numbers},
  {"text", "counted jumps", counted_jumps},
  {"text", "counted bytes", counted_bytes},
  {"text", "counted far", counted_far},
  {"text", "counted often", counted_often},
  {"text", "manifests", manifests},
  {"text", "any bytes", any_bytes},
  {"verify", "sure faults", sure_faults},
  {"verify", "depths", depths},
  {"verify", "links", links},
  {"verify", "counted targets", counted_targets},
  {"verify", "loops", loops},
  {"relative", "ranges", lethal_ranges},
  {"relative", "depths", lethal_depths},
  {"relative", "matched", lethal_matched},
  {"facts", "stack depths", stack_depths},
  {"facts", "frozen", frozen},
  {"facts", "live cells", live_cells},
  {"facts", "observables", observables},
};
UNIT_MAIN(tests)
