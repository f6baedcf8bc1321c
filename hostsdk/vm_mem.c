/*
 * hostsdk/vm_mem.c - rows of the reference VM that walk memory or a whole
 * register file, and the two that need more arithmetic than a line.
 */
#include "hostsdk/vm_impl.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static inline uint8_t byte_at(const struct fisa_state *s, uint32_t address) {
  return s->mem[address & FVM_ADDRESS_MASK];
}

/* Sets bits first..last of a bitmap. */
static void set_bits(uint64_t *map, uint32_t first, uint32_t last) {
  assert(first <= last);
  for (uint32_t w = first / 64; w <= last / 64; w++) {
    uint64_t bits = ~UINT64_C(0);

    if (w == first / 64)
      bits &= ~UINT64_C(0) << (first % 64);
    if (w == last / 64)
      bits &= ~UINT64_C(0) >> (63 - last % 64);
    map[w] |= bits;
  }
}

/* As above for a run that does not wrap. */
static void mark_run(struct fisa_state *s, uint32_t first, uint32_t last) {
  assert(last < FVM_MEM);
  set_bits(s->written, first, last);
  set_bits(s->dirty, first / FISA_PAGE, last / FISA_PAGE);
}

void fvm_mark(struct fisa_state *s, uint32_t address, uint32_t n) {
  uint32_t first = address & FVM_ADDRESS_MASK;

  assert(n <= FVM_MEM);
  if (n == 0)
    return;
  if (first + n <= FVM_MEM) {
    mark_run(s, first, first + n - 1);
    return;
  }
  mark_run(s, first, FVM_MEM - 1);
  mark_run(s, 0, (first + n - 1) & FVM_ADDRESS_MASK);
}

/* The slow halves of a word access: only when it wraps round the end. */
uint32_t fvm_load32(const struct fisa_state *s, uint32_t address) {
  return byte_at(s, address) | (uint32_t)byte_at(s, address + 1) << 8 |
         (uint32_t)byte_at(s, address + 2) << 16 |
         (uint32_t)byte_at(s, address + 3) << 24;
}

void fvm_store32(struct fisa_state *s, uint32_t address, uint32_t value) {
  for (uint32_t i = 0; i < 4; i++)
    s->mem[(address + i) & FVM_ADDRESS_MASK] = (uint8_t)(value >> (8 * i));
  fvm_mark(s, address, 4);
}

void fvm_store8(struct fisa_state *s, uint32_t address, uint32_t value) {
  uint32_t at = address & FVM_ADDRESS_MASK;

  s->mem[at] = (uint8_t)value;
  s->written[at / 64] |= UINT64_C(1) << (at % 64);
  s->dirty[at / FISA_PAGE / 64] |= UINT64_C(1) << (at / FISA_PAGE % 64);
}

void fvm_memset(struct fisa_state *s, uint32_t address, uint8_t value,
                int32_t n) {
  for (int32_t i = 0; i < n; i++)
    s->mem[(address + (uint32_t)i) & FVM_ADDRESS_MASK] = value;
  if (n > 0)
    fvm_mark(s, address, (uint32_t)n);
}

/* Byte by byte upwards: an overlap smears, as it does in the real machine. */
void fvm_memcpy(struct fisa_state *s, uint32_t to, uint32_t from, int32_t n) {
  for (int32_t i = 0; i < n; i++)
    s->mem[(to + (uint32_t)i) & FVM_ADDRESS_MASK] =
        byte_at(s, from + (uint32_t)i);
  if (n > 0)
    fvm_mark(s, to, (uint32_t)n);
}

bool fvm_memcmp(const struct fisa_state *s, uint32_t x, uint32_t y, int32_t n) {
  for (int32_t i = 0; i < n; i++)
    if (byte_at(s, x + (uint32_t)i) != byte_at(s, y + (uint32_t)i))
      return false;
  return true;
}

bool fvm_memscan(const struct fisa_state *s, uint32_t address, uint8_t value,
                 int32_t n) {
  for (int32_t i = 0; i < n; i++)
    if (byte_at(s, address + (uint32_t)i) == value)
      return true;
  return false;
}

int32_t fvm_memindex(const struct fisa_state *s, uint32_t address, int32_t n) {
  for (int32_t i = 0; i < n; i++)
    if (byte_at(s, address + (uint32_t)i) != 0)
      return i;
  return -1;
}

int32_t fvm_memsum(const struct fisa_state *s, uint32_t address, int32_t n) {
  int32_t sum = 0; /* at most 32767 bytes: far from a wrap */

  for (int32_t i = 0; i < n; i++)
    sum += byte_at(s, address + (uint32_t)i);
  return sum;
}

int32_t fvm_memmin(const struct fisa_state *s, uint32_t address, int32_t n) {
  int32_t least = 255;

  for (int32_t i = 0; i < n; i++)
    if (byte_at(s, address + (uint32_t)i) < least)
      least = byte_at(s, address + (uint32_t)i);
  return least;
}

int32_t fvm_memmax(const struct fisa_state *s, uint32_t address, int32_t n) {
  int32_t most = 0;

  for (int32_t i = 0; i < n; i++)
    if (byte_at(s, address + (uint32_t)i) > most)
      most = byte_at(s, address + (uint32_t)i);
  return most;
}

int32_t fvm_crc32(const struct fisa_state *s, uint32_t address, int32_t n) {
  uint32_t crc = UINT32_MAX;

  for (int32_t i = 0; i < n; i++) {
    crc ^= byte_at(s, address + (uint32_t)i);
    for (int bit = 0; bit < 8; bit++)
      crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xEDB88320) : 0);
  }
  return (int32_t)~crc;
}

int32_t fvm_varint_out(struct fisa_state *s, uint32_t address, int32_t value) {
  uint32_t rest = (uint32_t)value;
  int32_t n = 0;

  assert(value >= 0);
  do {
    uint32_t group = rest & 0x7F;

    rest >>= 7;
    if (rest != 0)
      group |= 0x80;
    fvm_store8(s, address + (uint32_t)n, group);
    n++;
  } while (rest != 0);
  return n;
}

int32_t fvm_varint_in(const struct fisa_state *s, uint32_t address) {
  uint32_t value = 0;

  for (uint32_t i = 0; i < 5; i++) {
    uint32_t byte = byte_at(s, address + i);

    value |= (byte & 0x7F) << (7 * i); /* the fifth loses its upper three */
    if (!(byte & 0x80))
      break;
  }
  return (int32_t)value;
}

bool fvm_cas(struct fisa_state *s, uint32_t address, uint8_t expected,
             uint8_t value) {
  if (byte_at(s, address) != expected)
    return false;
  fvm_store8(s, address, value);
  return true;
}

/* ---- weights ------------------------------------------------------------ */

/*
 * A count may be anything up to 2^31 - 1, and addresses wrap, so both walks
 * take whole rounds of the memory at once: a row costs 65536 steps at most.
 */
static uint32_t byte_sum(const struct fisa_state *s, uint32_t address,
                         uint32_t n) {
  uint32_t sum = 0;

  assert(n <= FVM_MEM);
  for (uint32_t i = 0; i < n; i++)
    sum += byte_at(s, address + i);
  return sum;
}

int32_t fvm_weight_sum(const struct fisa_state *s, uint32_t address,
                       int32_t n) {
  uint32_t count = n > 0 ? (uint32_t)n : 0;
  uint32_t sum = byte_sum(s, address, count % FVM_MEM);

  if (count >= FVM_MEM)
    sum += byte_sum(s, 0, FVM_MEM) * (count / FVM_MEM);
  return (int32_t)sum;
}

int32_t fvm_weight_pick(const struct fisa_state *s, uint32_t address,
                        int32_t n, int32_t r) {
  uint32_t round, skip = 0, running = 0;

  assert(n > 0);
  if (r < 0)
    return 0;
  if (n >= FVM_MEM) {
    round = byte_sum(s, 0, FVM_MEM);
    skip = round ? (uint32_t)r / round : 0;
    running = round * skip;
  }
  for (uint32_t i = skip * FVM_MEM; i < (uint32_t)n; i++) {
    running += byte_at(s, address + i);
    if (r < (int32_t)running)
      return (int32_t)i;
  }
  return 0; /* the sum was above r, so this is not reached */
}

/* ---- whole files -------------------------------------------------------- */

void fvm_converge(int32_t *cells, uint32_t raw) {
  uint32_t group = raw & ~7u, sum = 0;
  int32_t others = 0, *rd = &cells[UNI_CELL_R + (raw % FVM_REGS)];

  if (raw == 0 || raw >= FVM_REGS)
    return;
  for (uint32_t i = group; i < group + 8; i++) {
    if (i == raw || i == 0)
      continue;
    sum += (uint32_t)cells[UNI_CELL_R + i];
    others++;
  }
  assert(others >= 6);
  sum = (uint32_t)((int32_t)sum / others) - (uint32_t)*rd;
  *rd = (int32_t)((uint32_t)*rd + (uint32_t)((int32_t)sum / 4));
}

int32_t fvm_diffuse(int32_t *cells, int32_t value, int32_t n) {
  int32_t share = value / (n > 1 ? n : 1);

  assert(n >= 0);
  for (int32_t i = 1; i <= n && i < FVM_REGS; i++) {
    int32_t *r = &cells[UNI_CELL_R + i];

    *r = (int32_t)((uint32_t)*r + (uint32_t)share);
  }
  return (int32_t)((uint32_t)value - (uint32_t)share * (uint32_t)n);
}

/* ---- arithmetic --------------------------------------------------------- */

int fvm_pow(int32_t base, int32_t exponent, int32_t *out) {
  uint64_t size = base < 0 ? 0 - (uint64_t)base : (uint64_t)base;
  uint64_t power = 1;
  bool negative = base < 0 && exponent % 2 != 0;
  float rounded;

  if (exponent < 0 && base == 0)
    return 0; /* infinite */
  if (size > 1 && exponent < 0) {
    *out = 0;
    return 1;
  }
  if (size > 1 || exponent == 0) {
    for (int32_t i = 0; i < exponent && power <= UINT32_MAX; i++)
      power *= size;
  } else {
    power = size; /* 0 and 1 to any power */
  }
  rounded = (float)power; /* exact until here, so this rounds once */
  if (negative)
    rounded = -rounded;
  if (!(rounded >= -0x1p31f && rounded < 0x1p31f))
    return 0;
  *out = (int32_t)rounded;
  return 1;
}

/*
 * The logarithm in double, rounded to binary32. No argument here comes
 * closer than 1e-10 to where the rounding decides the integer part, so the
 * last bit of log() is of no account.
 */
int32_t fvm_log(int32_t x) {
  assert(x != 0);
  return (int32_t)(float)log((double)fabsf((float)x));
}
