#!/usr/bin/env python3
"""Writes tests/data/unified.oracle: one step of every row of the unified
dialect, with the states before and after.

    tests/tools/unified_oracle.py > tests/data/unified.oracle

The rows are written here a third time, from the fact table and from
docs/corners.md, in plain Python and without a look at the C: where the
reference VM, the IR and this file agree, a row is taken to be right. Nothing
runs this file in a build or a test; the oracle is checked in.
"""
import struct
import sys
from decimal import Decimal, getcontext
from fractions import Fraction

from rowcase import (INF, INT_MAX, INT_MIN, NAN, NINF, ONE, bits32, f32, quo,
                     wrap)

getcontext().prec = 60


def rem(a, b):
    return a - b * quo(a, b)


def round32(x):
    """An exact rational rounded to binary32 (ties to even), exactly."""
    x = Fraction(x)
    if x == 0:
        return Fraction(0)
    e = 0
    while abs(x) >= Fraction(2)**(e + 1):
        e += 1
    while abs(x) < Fraction(2)**e:
        e -= 1
    ulp = Fraction(2)**(e - 23)
    return round(x / ulp) * ulp      # round() ties to even


def trunc(x):
    return int(x)


# ---------------------------------------------------------------- machine --

class Stop(Exception):
    def __init__(self, status, pc_after=None):
        super().__init__(status)
        self.status = status
        self.pc_after = pc_after


def lethal(name):
    raise Stop('lethal:' + name)


class State:
    def __init__(self):
        self.R = [0] * 64
        self.C = [0] * 64
        self.F = [0] * 64
        self.Z = self.N = self.STRIP = 0
        self.HEAP, self.AGENT = 32768, -1
        self.stk = {}                # index -> value, others 0
        self.sp = 256
        self.mem = {}
        self.pc = self.cycles = 0
        self.stored = {}
        self.out = []
        self.inputs = []
        self.taken = 0

    def copy(self):
        s = State()
        s.R, s.C, s.F = self.R[:], self.C[:], self.F[:]
        for k in ('Z', 'N', 'STRIP', 'HEAP', 'AGENT', 'sp', 'pc', 'cycles'):
            setattr(s, k, getattr(self, k))
        s.stk, s.mem = dict(self.stk), dict(self.mem)
        s.inputs = list(self.inputs)
        return s

    # Register byte 0 is the constant; other bytes are masked.
    def r(self, raw):
        return 0 if raw == 0 else self.R[raw & 63]

    def w(self, raw, value):
        if raw != 0:
            self.R[raw & 63] = wrap(value)

    def flags(self, raw):
        v = self.r(raw)
        self.Z, self.N = int(v == 0), int(v < 0)

    def byte(self, a):
        return self.mem.get(a & 0xFFFF, 0)

    def store(self, a, v):
        self.mem[a & 0xFFFF] = v & 255
        self.stored[a & 0xFFFF] = v & 255

    def word(self, a):
        return wrap(sum(self.byte(a + i) << (8 * i) for i in range(4)))

    def store_word(self, a, v):
        for i in range(4):
            self.store(a + i, v >> (8 * i))

    def push(self, v):
        if self.sp == 0:
            lethal('stack_full')
        self.sp -= 1
        self.stk[self.sp] = wrap(v)

    def take(self, source):
        name, value = self.inputs[self.taken]
        assert name == source, (name, source)
        self.taken += 1
        return value

    def jump(self, to):
        to = wrap(to)
        if to < 0:
            lethal('negative_target')
        return to


def s8(b):
    return b - 256 if b > 127 else b


def s16(lo, hi):
    v = lo | hi << 8
    return v - 65536 if v > 32767 else v


# Every row: name -> (opcode, length, check, function). The function gets the
# state and the operand bytes and returns None or the next pc.
ROWS = {}


def row(opcode, name, length, check=None):
    def add(fn):
        ROWS[name] = (opcode, length, check or length, fn)
        return fn
    return add


def alu3(opcode, name, fn, flags=False):
    def run(s, o):
        s.w(o[0], fn(s.r(o[1]), s.r(o[2])))
        if flags:
            s.flags(o[0])
    ROWS[name] = (opcode, 4, 4, run)


def alu_rd(opcode, name, fn, length=2, flags=False):
    """rd = fn(rd)"""
    def run(s, o):
        s.w(o[0], fn(s.r(o[0])))
        if flags:
            s.flags(o[0])
    ROWS[name] = (opcode, length, length, run)


def alu_rr(opcode, name, fn):
    """rd = fn(rd, rs1)"""
    def run(s, o):
        s.w(o[0], fn(s.r(o[0]), s.r(o[1])))
    ROWS[name] = (opcode, 4, 4, run)


def alu_a(opcode, name, fn):
    """rd = fn(rs1)"""
    def run(s, o):
        s.w(o[0], fn(s.r(o[1])))
    ROWS[name] = (opcode, 4, 4, run)


def alu_i8(opcode, name, fn, signed, flags=False):
    def run(s, o):
        s.w(o[0], fn(s.r(o[0]), s8(o[1]) if signed else o[1]))
        if flags:
            s.flags(o[0])
    ROWS[name] = (opcode, 3, 3, run)


def alu_i16(opcode, name, fn, flags=False):
    def run(s, o):
        s.w(o[0], fn(s.r(o[0]), s16(o[1], o[2])))
        if flags:
            s.flags(o[0])
    ROWS[name] = (opcode, 4, 4, run)


def stub(opcode, name, length, check=None):
    ROWS[name] = (opcode, length, check or length, lambda s, o: None)


# ---- system
def halt(s, o):
    raise Stop('halt', 1)


ROWS['HALT'] = (0x00, 1, 1, halt)
ROWS['BRK'] = (0x04, 1, 1, halt)
stub(0x01, 'NOP', 1)
stub(0x03, 'IRET', 1)
stub(0x05, 'WFI', 1)
stub(0x07, 'SYN', 1)


@row(0x02, 'RET', 1)
def _(s, o):
    if s.sp >= 256:
        return None
    to = s.jump(s.stk.get(s.sp, 0) + 1)
    s.sp += 1
    return to


@row(0x06, 'RESET', 1)
def _(s, o):
    s.R = [0] * 64


alu_rd(0x08, 'INC', lambda a: a + 1, flags=True)
alu_rd(0x09, 'DEC', lambda a: a - 1, flags=True)
alu_rd(0x0A, 'NOT', lambda a: ~a)
alu_rd(0x0B, 'NEG', lambda a: -a)


@row(0x0C, 'PUSH', 2)
def _(s, o):
    s.push(s.r(o[0]))


@row(0x0D, 'POP', 2)
def _(s, o):
    if s.sp >= 256:
        lethal('stack_empty')
    s.w(o[0], s.stk.get(s.sp, 0))
    s.sp += 1


@row(0x0E, 'CONF_LD', 2)
def _(s, o):
    s.w(o[0], s.C[o[0] & 63])


@row(0x0F, 'CONF_ST', 2)
def _(s, o):
    s.C[o[0] & 63] = s.r(o[0])


@row(0x10, 'SYS', 2)
def _(s, o):
    s.out.append(('SYS', o[0], s.R[1]))


for _op, _name in ((0x11, 'TRAP'), (0x12, 'DBG'), (0x14, 'SEMA'),
                   (0x15, 'YIELD'), (0x16, 'CACHE'), (0xDF, 'HEAP_FREE')):
    stub(_op, _name, 2)


@row(0x13, 'CLF', 2)
def _(s, o):
    s.Z = s.N = 0


@row(0x17, 'STRIPCF', 2)
def _(s, o):
    s.STRIP = o[0]


# ---- integers
alu_i8(0x18, 'MOVI', lambda a, i: i, True)
alu_i8(0x19, 'ADDI', lambda a, i: a + i, True, flags=True)
alu_i8(0x1A, 'SUBI', lambda a, i: a - i, True, flags=True)
alu_i8(0x1B, 'ANDI', lambda a, i: a & i, False)
alu_i8(0x1C, 'ORI', lambda a, i: a | i, False)
alu_i8(0x1D, 'XORI', lambda a, i: a ^ i, False)
alu_i8(0x1F, 'SHRI', lambda a, i: a >> (i & 31), False)


@row(0x1E, 'SHLI', 3)
def _(s, o):
    if o[1] >= 32:
        lethal('shift_range')
    s.w(o[0], s.r(o[0]) << o[1])


alu3(0x20, 'ADD', lambda a, b: a + b, flags=True)
alu3(0x21, 'SUB', lambda a, b: a - b, flags=True)
alu3(0x22, 'MUL', lambda a, b: a * b, flags=True)


@row(0x23, 'DIV', 4)
def _(s, o):
    a, b = s.r(o[1]), s.r(o[2])
    if a == INT_MIN and b == -1:
        lethal('div_overflow')
    if b == 0:
        raise Stop('fault:2', 4)
    s.w(o[0], quo(a, b))


@row(0x24, 'MOD', 4)
def _(s, o):
    a, b = s.r(o[1]), s.r(o[2])
    if a == INT_MIN and b == -1:
        lethal('div_overflow')
    if b != 0:
        s.w(o[0], rem(a, b))


alu3(0x25, 'AND', lambda a, b: a & b)
alu3(0x26, 'OR', lambda a, b: a | b)
alu3(0x27, 'XOR', lambda a, b: a ^ b)
alu3(0x28, 'SHL', lambda a, b: a << (b & 31))
alu3(0x29, 'SHR', lambda a, b: a >> (b & 31))
alu3(0x2A, 'MIN', min)
alu3(0x2B, 'MAX', max)
alu3(0x2C, 'CMP_EQ', lambda a, b: int(a == b))
alu3(0x2D, 'CMP_LT', lambda a, b: int(a < b))
alu3(0x2E, 'CMP_GT', lambda a, b: int(a > b))
alu3(0x2F, 'CMP_NE', lambda a, b: int(a != b))


# ---- floats
def falu(opcode, name, fn):
    def run(s, o):
        s.F[o[0] & 63] = fn(s.F[o[1] & 63], s.F[o[2] & 63])
    ROWS[name] = (opcode, 4, 4, run)


def farith(fn):
    return lambda a, b: bits32(fn(f32(a), f32(b)))


def fdiv(a, b):
    if b == 0:
        if a != a or a == 0:
            return float('nan')
        negative = (struct.pack('<d', a)[7] ^ struct.pack('<d', b)[7]) & 128
        return float('-inf') if negative else float('inf')
    return a / b


def isnan(bits):
    return (bits & 0x7FFFFFFF) > INF


def forder(pick):
    def fn(a, b):
        if isnan(a):
            return NAN if isnan(b) else b
        if isnan(b):
            return a
        # -0 orders before +0: compare (value, not sign).
        return pick(a, b, key=lambda v: (f32(v), 1 - (v >> 31)))
    return fn


falu(0x30, 'FADD', farith(lambda a, b: a + b))
falu(0x31, 'FSUB', farith(lambda a, b: a - b))
falu(0x32, 'FMUL', farith(lambda a, b: a * b))
falu(0x33, 'FDIV', farith(fdiv))
falu(0x34, 'FMIN', forder(min))
falu(0x35, 'FMAX', forder(max))


@row(0x36, 'FTOI', 4)
def _(s, o):
    x = f32(s.F[o[1] & 63])
    if x != x or x in (float('inf'), float('-inf')):
        lethal('ftoi_range')
    if not INT_MIN <= trunc(x) <= INT_MAX:
        lethal('ftoi_range')
    s.w(o[0], trunc(x))


@row(0x37, 'ITOF', 4)
def _(s, o):
    s.F[o[0] & 63] = bits32(float(s.r(o[1])))


# ---- memory and moves
@row(0x38, 'LOAD', 4)
def _(s, o):
    s.w(o[0], s.word(s.r(o[1]) + s.r(o[2])))


@row(0x39, 'STORE', 4)
def _(s, o):
    s.store_word(s.r(o[1]) + s.r(o[2]), s.r(o[0]))


alu_a(0x3A, 'MOV', lambda a: a)


def swap(s, o):
    x, y = s.r(o[0]), s.r(o[1])
    s.w(o[0], y)
    s.w(o[1], x)


ROWS['SWP'] = (0x3B, 4, 4, swap)
ROWS['MEMSWAP'] = (0xD4, 4, 4, swap)


# ---- control; s.pc is still the start of the instruction
def jump_reg(opcode, name, cond):
    def run(s, o):
        if cond(s.r(o[0])):
            return s.jump(s.pc + s.r(o[1]))
        return None
    ROWS[name] = (opcode, 4, 4, run)


jump_reg(0x3C, 'JZ', lambda v: v == 0)
jump_reg(0x3D, 'JNZ', lambda v: v != 0)
jump_reg(0x3E, 'JLT', lambda v: v < 0)
jump_reg(0x3F, 'JGT', lambda v: v > 0)

alu_i16(0x40, 'MOVI16', lambda a, i: i)
alu_i16(0x41, 'ADDI16', lambda a, i: a + i, flags=True)
alu_i16(0x42, 'SUBI16', lambda a, i: a - i, flags=True)


@row(0x43, 'JMP', 4)
def _(s, o):
    return s.jump(s.pc + s16(o[1], o[2]))


@row(0x44, 'JAL', 4)
def _(s, o):
    to = s.jump(s.pc + s16(o[1], o[2]))
    s.w(o[0], s.pc + 4)
    return to


@row(0x45, 'CALL', 4)
def _(s, o):
    if s.sp == 0:
        lethal('stack_full')
    to = s.jump(s.r(o[0]) + s16(o[1], o[2]))
    s.push(s.pc + 4)
    return to


@row(0x46, 'LOOP', 4)
def _(s, o):
    v = wrap(s.r(o[0]) - 1)
    # Register 0 reads back as 0 and never jumps.
    taken = o[0] != 0 and v > 0
    to = s.jump(s.pc + s16(o[1], o[2])) if taken else None
    s.w(o[0], v)
    return to


def branch(opcode, name, cond):
    def run(s, o):
        if cond(s.r(o[0])):
            return s.jump(s.pc + s16(o[1], o[2]))
        return None
    ROWS[name] = (opcode, 4, 4, run)


branch(0x47, 'JEQ', lambda v: v == 0)
branch(0x48, 'JNE', lambda v: v != 0)
branch(0x49, 'JLE', lambda v: v <= 0)
branch(0x4A, 'JGE', lambda v: v >= 0)


def load8(s, o):
    s.w(o[0], s.byte(o[1] | o[2] << 8))


def store8(s, o):
    s.store(o[1] | o[2] << 8, s.r(o[0]))


ROWS['LDI8'] = (0x4B, 4, 4, load8)
ROWS['STI8'] = (0x4C, 4, 4, store8)
ROWS['ISTINCT_LOAD'] = (0xB0, 4, 4, load8)
ROWS['ISTINCT_STORE'] = (0xB1, 4, 4, store8)


@row(0x50, 'LOADI', 5)
def _(s, o):
    s.w(o[0], s.word(s.r(o[1]) + s16(o[2], o[3])))


@row(0x51, 'STOREI', 5)
def _(s, o):
    s.store_word(s.r(o[1]) + s16(o[2], o[3]), s.r(o[0]))


# ---- agents
def emitter(opcode, name):
    def run(s, o):
        s.out.append((name, s.r(o[0]), s.r(o[1]), s.r(o[2])))
    ROWS[name] = (opcode, 4, 4, run)


for _op, _name in ((0x60, 'TELL'), (0x62, 'DELEGATE'), (0x63, 'BROADCAST'),
                   (0x65, 'REPLY'), (0x66, 'FORWARD'), (0x6B, 'SIGNAL')):
    emitter(_op, _name)
for _op, _name in ((0x61, 'ASK'), (0x64, 'REDUCE'), (0x67, 'LISTEN'),
                   (0x6A, 'WAIT'), (0xEB, 'ALARM_SET')):
    stub(_op, _name, 4)


@row(0x68, 'FORK', 4)
def _(s, o):
    s.w(o[0], s.AGENT)
    s.cycles += 10


@row(0x69, 'JOIN', 4)
def _(s, o):
    s.cycles += 5


# ---- confidence; STRIP has been counted down already
def conf3(opcode, name, value, conf):
    def run(s, o):
        c1, c2 = s.C[o[1] & 63], s.C[o[2] & 63]
        v1, v2 = s.r(o[1]), s.r(o[2])
        if value:
            s.w(o[0], value(v1, v2))
        if s.STRIP <= 0:
            s.C[o[0] & 63] = wrap(conf(c1, c2, v1, v2))
    ROWS[name] = (opcode, 4, 4, run)


def harmonic(a, b, v, w):
    total = wrap(a + b)
    return min(quo(wrap(wrap(2 * a) * b), total), 100) if total > 0 else 0


def fuse(a, b, v, w):
    total = wrap(a + b)
    return quo(wrap(wrap(v * a) + wrap(w * b)), total) if total > 0 else 0


conf3(0x70, 'CONF_ADD', lambda v, w: v + w, harmonic)
conf3(0x71, 'CONF_SUB', lambda v, w: v - w,
      lambda a, b, v, w: max(wrap(a - b), 0))
conf3(0x72, 'CONF_MUL', lambda v, w: v * w,
      lambda a, b, v, w: min(quo(wrap(a * b), 100), 100))
conf3(0x73, 'CONF_MERGE', None, lambda a, b, v, w: quo(wrap(a + b), 2))
conf3(0x74, 'CONF_FUSE', None, fuse)
conf3(0x75, 'CONF_CHAIN', None, lambda a, b, v, w: quo(wrap(a * b), 100))


@row(0x76, 'CONF_SET', 4)
def _(s, o):
    s.C[o[0] & 63] = s.r(o[1])


@row(0x77, 'CONF_GET', 4)
def _(s, o):
    s.w(o[0], s.C[o[1] & 63])


@row(0x78, 'CONF_CLAMP', 4)
def _(s, o):
    s.C[o[0] & 63] = min(max(s.C[o[0] & 63], 0), 100)


@row(0x79, 'CONF_DECAY', 4)
def _(s, o):
    if s.STRIP <= 0:
        s.C[o[0] & 63] = quo(wrap(s.C[o[0] & 63] * s.r(o[1])), 100)


# ---- named only
def unknown(s, o):
    raise Stop('fault:3')


for _op, _name, _n in ((0x80, 'VP_LOAD', 4), (0x81, 'VP_STORE', 4),
                       (0x82, 'VP_SET', 4), (0x83, 'VP_GET', 4),
                       (0xE5, 'BEXTR', 5), (0xE6, 'BDEP', 5),
                       (0xE7, 'MERGE', 5)):
    ROWS[_name] = (_op, _n, _n, unknown)


# ---- senses
def sensor(opcode, name):
    def run(s, o):
        s.w(o[0], s.take(name))
    ROWS[name] = (opcode, 4, 4, run)


SENSORS = ('SENSE', 'GPS', 'ACCEL', 'GYRO', 'TEMP', 'VOLT')
for _i, _name in enumerate(SENSORS):
    sensor(0x90 + _i, _name)


@row(0x96, 'ATP_GEN', 4)
def _(s, o):
    s.w(o[0], 100)


alu_rr(0x97, 'ATP_USE', lambda a, b: a - b)


@row(0x98, 'APOPTOSIS', 4)
def _(s, o):
    raise Stop('halt:99', 4)


# ---- mathematics
alu_a(0xA0, 'ABS', abs)
alu_a(0xA1, 'SQRT',
      lambda a: trunc(f32(bits32(abs(f32(bits32(float(a)))) ** 0.5))))


@row(0xA2, 'POW', 4)
def _(s, o):
    a, b = s.r(o[1]), s.r(o[2])
    if b == 0:
        v = 1
    elif a in (0, 1, -1) or b < 0:
        if a == 0 and b < 0:
            lethal('pow_range')
        v = {0: 0, 1: 1, -1: 1 if b % 2 == 0 else -1}.get(a, 0)
    elif b > 32:
        lethal('pow_range')
    else:
        v = trunc(round32(a ** b))
        if not INT_MIN <= v <= INT_MAX:
            lethal('pow_range')
    s.w(o[0], v)


@row(0xA3, 'LOG', 4)
def _(s, o):
    a = s.r(o[1])
    if a == 0:
        lethal('log_zero')
    x = round32(abs(a))
    ln = (Decimal(x.numerator) / Decimal(x.denominator)).ln()
    s.w(o[0], trunc(round32(Fraction(ln))))


@row(0xA4, 'RAND', 4)
def _(s, o):
    s.w(o[0], s.take('RAND'))


@row(0xA5, 'CLAMP', 4)
def _(s, o):
    v, lo, hi = s.r(o[0]), s.r(o[1]), s.r(o[2])
    s.w(o[0], lo if v < lo else hi if v > hi else v)


@row(0xA6, 'LERP', 4)
def _(s, o):
    t, a, b = s.r(o[0]), s.r(o[1]), s.r(o[2])
    s.w(o[0], a + quo(wrap(wrap(b - a) * t), 100))


def mix(a):
    x = a & 0xFFFFFFFF
    for _ in range(2):
        x = ((x >> 16) ^ x) * 0x45D9F3B & 0xFFFFFFFF
    return (x >> 16) ^ x


alu_a(0xA7, 'HASH', mix)


# ---- instinct
def fscale(bits):
    return lambda a: trunc(f32(bits32(f32(bits32(float(a))) * f32(bits))))


alu_rd(0xB2, 'ISTINCT_DECAY', fscale(bits32(0.95)))
alu_rd(0xC2, 'TRUST_DECAY', fscale(bits32(0.99)))


@row(0xB3, 'ISTINCT_REFLEX', 4)
def _(s, o):
    v = s.r(o[0])
    if v <= 0:
        return None
    to = s.jump(s16(o[1], o[2]))
    s.w(o[0], v - 1)
    return to


alu_i16(0xB4, 'ISTINCT_MODULATE', lambda a, i: quo(a * i, 1000))
alu_i16(0xB5, 'ISTINCT_THRESHOLD', lambda a, i: int(a >= i))


@row(0xB6, 'ISTINCT_CONVERGE', 2)
def _(s, o):
    rd = o[0]
    if rd == 0 or rd >= 64:
        return
    others = [s.R[i] for i in range(rd // 8 * 8, rd // 8 * 8 + 8)
              if i not in (0, rd)]
    average = quo(wrap(sum(others)), len(others))
    s.R[rd] = wrap(s.R[rd] + quo(wrap(average - s.R[rd]), 4))


alu_rd(0xB7, 'ISTINCT_EXTINCT', lambda a: 0 if -10 < a < 10 else a)
alu_rd(0xB8, 'ISTINCT_HABITUATE', lambda a: a + 1 if a < 255 else 255)
alu_rd(0xB9, 'ISTINCT_SENSITIZE', lambda a: 2 * a if a < 127 else 255)
alu_rr(0xBA, 'ISTINCT_GENERALIZE', lambda a, b: quo(wrap(a + b), 2))
alu_rr(0xBB, 'ISTINCT_SPECIALIZE',
       lambda a, b: a if wrap(abs(wrap(a - b))) < 50 else 0)


@row(0xBC, 'ISTINCT_DIFFUSE', 4)
def _(s, o):
    v, n = s.r(o[0]), o[1]
    share = quo(v, max(n, 1))
    for i in range(1, min(n, 63) + 1):
        s.R[i] = wrap(s.R[i] + share)
    s.w(o[0], v - share * n)


@row(0xBD, 'ISTINCT_INHIBIT', 4)
def _(s, o):
    if s.r(o[0]) > 0:
        s.w(o[1], 0)


alu_rr(0xBE, 'ISTINCT_SUM', lambda a, b: a + b)
alu_rr(0xBF, 'ISTINCT_DIFF', lambda a, b: a - b)

# ---- trust
alu_i16(0xC0, 'TRUST_INIT', lambda a, i: i)
alu_rr(0xC1, 'TRUST_UPDATE', lambda a, b: a + quo(wrap(b - a), 10))


def compare(s, o):
    s.Z = int(s.r(o[0]) >= s.r(o[1]))


ROWS['TRUST_COMPARE'] = (0xC3, 4, 4, compare)
ROWS['TRUST_VERIFY'] = (0xCB, 4, 4, compare)
alu_rr(0xC4, 'TRUST_MIN', min)
alu_rd(0xC5, 'TRUST_REVOKE', lambda a: 0)
alu_i16(0xC6, 'TRUST_RESTRICT', min)
alu3(0xC7, 'TRUST_SCORE',
     lambda a, b: quo(wrap(wrap(3 * a) + wrap(7 * b)), 10))
alu_rr(0xC8, 'TRUST_AVERAGE', lambda a, b: quo(wrap(a + b), 2))
alu_rr(0xC9, 'TRUST_BOOST', lambda a, b: min(wrap(a + b), 1000))
alu_rr(0xCA, 'TRUST_WEAKEN', lambda a, b: max(wrap(a - b), 0))
alu_rr(0xCC, 'TRUST_TRANSFER', lambda a, b: a + b)


@row(0xCD, 'TRUST_SEED', 4)
def _(s, o):
    n = s16(o[1], o[2])
    s.w(o[0], rem(s.take('RAND'), n if n > 0 else 1000))


alu_rr(0xCE, 'TRUST_SCOPE', lambda a, b: min(a, b) if b > 0 else a)
alu_rr(0xCF, 'TRUST_FLOOR', max)


# ---- runs of memory
@row(0xD0, 'MEMSET', 5)
def _(s, o):
    value, at = s.r(o[0]), s.r(o[1])
    for i in range(s16(o[2], o[3])):
        s.store(at + i, value)


@row(0xD1, 'MEMCPY', 5)
def _(s, o):
    to, at = s.r(o[0]), s.r(o[1])
    for i in range(s16(o[2], o[3])):
        s.store(to + i, s.byte(at + i))


@row(0xD2, 'MEMCMP', 5)
def _(s, o):
    x, y = s.r(o[0]), s.r(o[1])
    s.Z = int(all(s.byte(x + i) == s.byte(y + i)
                  for i in range(s16(o[2], o[3]))))


@row(0xD3, 'MEMFILL', 4, 5)
def _(s, o):
    for i in range(s16(o[1], o[2])):
        s.store(i, s.r(o[0]))


def run_of(s, o):
    at = s.r(o[1])
    return [s.byte(at + i) for i in range(s16(o[2], o[3]))]


@row(0xD8, 'MEMSCAN', 5)
def _(s, o):
    s.Z = int((s.r(o[0]) & 255) in run_of(s, o))


@row(0xD9, 'MEMINDEX', 5)
def _(s, o):
    s.w(o[0], -1)
    for i, b in enumerate(run_of(s, o)):
        if b != 0:
            s.w(o[0], i)
            return


@row(0xDA, 'MEMSUM', 5)
def _(s, o):
    s.w(o[0], sum(run_of(s, o)))


@row(0xDB, 'MEMRANGE_MIN', 5)
def _(s, o):
    s.w(o[0], min(run_of(s, o) + [255]))


@row(0xDC, 'MEMRANGE_MAX', 5)
def _(s, o):
    s.w(o[0], max(run_of(s, o) + [0]))


@row(0xDD, 'STACKFRAME', 4)
def _(s, o):
    if o[0] >= 64:
        lethal('register_range')
    s.push(s.R[o[0]])
    s.R[o[0]] = s.sp


@row(0xDE, 'HEAP_ALLOC', 4)
def _(s, o):
    s.w(o[0], s.HEAP)
    s.HEAP += max(s16(o[1], o[2]), 1)
    if s.HEAP > 65536:
        raise Stop('fault:2', 4)


# ---- bits and time
alu_rd(0xE0, 'BITCOUNT', lambda a: bin(a & 0xFFFFFFFF).count('1'))
alu_rd(0xE1, 'BITSCAN', lambda a: 32 - (a & 0xFFFFFFFF).bit_length())
alu_rd(0xE2, 'BITREV', lambda a: int(f'{a & 0xFFFFFFFF:032b}'[::-1], 2))


def rotl(a, n):
    n &= 31
    a &= 0xFFFFFFFF
    return a << n | a >> (32 - n)


alu_rr(0xE3, 'ROTL', rotl)
alu_rr(0xE4, 'ROTR', lambda a, n: rotl(a, 32 - (n & 31)))


@row(0xE8, 'RAND_RANGE', 4)
def _(s, o):
    n = s.r(o[1])
    s.w(o[0], rem(s.take('RAND'), n) if n > 0 else 0)


@row(0xE9, 'RAND_WEIGHTED', 4)
def _(s, o):
    at = s.r(o[1])
    weights = [s.byte(at + i) for i in range(s.r(o[2]))]
    if sum(weights) <= 0:
        return
    r, running = rem(s.take('RAND'), sum(weights)), 0
    for i, weight in enumerate(weights):
        running += weight
        if r < 0 or r < running:
            s.w(o[0], i)
            return


@row(0xEA, 'CYCLE_READ', 2)
def _(s, o):
    s.w(o[0], s.cycles)


@row(0xEC, 'CRC32', 5)
def _(s, o):
    crc = 0xFFFFFFFF
    for b in run_of(s, o):
        crc ^= b
        for _ in range(8):
            crc = crc >> 1 ^ (0xEDB88320 if crc & 1 else 0)
    s.w(o[0], crc ^ 0xFFFFFFFF)


@row(0xED, 'ENCODE_VARINT', 4)
def _(s, o):
    v, n, at = s.r(o[0]), 0, o[1] | o[2] << 8
    if v < 0:
        lethal('varint_negative')
    while True:
        group, v = v & 127, v >> 7
        s.store(at + n, group | (128 if v else 0))
        n += 1
        if not v:
            break
    s.w(o[0], n)


@row(0xEE, 'DECODE_VARINT', 4)
def _(s, o):
    v, at = 0, o[1] | o[2] << 8
    for i in range(5):
        b = s.byte(at + i)
        v |= (b & 127) << (7 * i)
        if b < 128:
            break
    s.w(o[0], v)


@row(0xEF, 'ATOMIC_CAS', 4, 2)
def _(s, o):
    at = s.r(o[0])
    s.Z = int(s.byte(at) == s.r(o[1]) & 255)
    if s.Z:
        s.store(at, s.r(o[2]))


stub(0xF0, 'DUMP', 1, 5)
stub(0xF1, 'PROFILE', 1, 5)
stub(0xF2, 'WATCH', 1, 5)

STUBS_UNBOUND = ('SYS', 'TELL', 'DELEGATE', 'BROADCAST', 'REPLY', 'FORWARD',
                 'SIGNAL')
OPAQUE = ('HEAP_ALLOC', 'ASK', 'LISTEN', 'REDUCE')
BY_OPCODE = {r[0]: (name, r) for name, r in ROWS.items()}
assert len(ROWS) == 186 and len(BY_OPCODE) == 186


def undefined_check(op):
    return 5 if 0x52 <= op <= 0x5F or 0xD5 <= op <= 0xD7 or op >= 0xF3 else 4


def step(s, code, unbound):
    """One step in place; returns the status."""
    if s.pc >= len(code):
        return 'end'
    op = code[s.pc]
    name, (_, length, check, fn) = BY_OPCODE.get(
        op, (None, (op, 0, undefined_check(op), unknown)))
    if s.pc + check > len(code):
        return 'fault:1'
    s.cycles += 1
    if fn is unknown:
        return 'fault:3'
    if s.pc + length > len(code):
        return 'lethal:past_code'
    if s.STRIP > 0:
        s.STRIP -= 1
    if unbound and name in STUBS_UNBOUND:
        fn = None
    if unbound and name in SENSORS:
        def fn(s, o):
            s.w(o[0], 0)
    try:
        to = fn(s, code[s.pc + 1:s.pc + length]) if fn else None
    except Stop as stop:
        if stop.pc_after is not None:
            s.pc += stop.pc_after
        return stop.status
    s.pc = s.pc + length if to is None else to
    return 'run'


# ------------------------------------------------------------------- text --

def cells(s, base):
    out = []
    for i in range(64):
        if s.R[i] != base.R[i]:
            out.append(f'R{i}={s.R[i]}')
    for i in range(64):
        if s.C[i] != base.C[i]:
            out.append(f'C{i}={s.C[i]}')
    for i in range(64):
        if s.F[i] != base.F[i]:
            out.append(f'F{i}=0x{s.F[i]:08x}')
    for k in ('Z', 'N', 'STRIP', 'HEAP', 'AGENT'):
        if getattr(s, k) != getattr(base, k):
            out.append(f'{k}={getattr(s, k)}')
    return out


def stack(s, base):
    """sp, and the live cells from the deepest that is not 0 to the top."""
    live = {i: v for i, v in s.stk.items() if i >= s.sp and v != 0}
    old = {i: v for i, v in base.stk.items() if i >= base.sp and v != 0}
    if s.sp == base.sp and live == old:
        return []
    out = [f'sp={s.sp}']
    if live:
        listed = range(max(live), s.sp - 1, -1)
        out.append('stk=' + ','.join(str(s.stk.get(i, 0)) for i in listed))
    return out


def runs(mem):
    out, at = [], sorted(mem)
    i = 0
    while i < len(at):
        j = i
        while j + 1 < len(at) and at[j + 1] == at[j] + 1:
            j += 1
        text = ''.join(f'{mem[a]:02x}' for a in at[i:j + 1])
        out.append(f'mem[{at[i]}]={text}')
        i = j + 1
    return out


COUNTS = {}


def case(name, label, code, unbound=False, **given):
    """Runs one case and prints its line. Keys of given: R C F (dicts), Z N
    STRIP HEAP AGENT pc cycles, stk (bottom to top), sp, mem {at: hex}, ins
    [(name, value)]."""
    s = State()
    for file in 'RCF':
        for i, v in given.pop(file, {}).items():
            getattr(s, file)[i] = v
    stk = given.pop('stk', [])
    s.sp = given.pop('sp', 256 - len(stk))
    for i, v in enumerate(reversed(stk)):
        s.stk[s.sp + i] = v
    for at, text in given.pop('mem', {}).items():
        for i, b in enumerate(bytes.fromhex(text)):
            s.mem[(at + i) & 0xFFFF] = b
    s.inputs = given.pop('ins', [])
    for k, v in given.items():
        assert hasattr(s, k), k
        setattr(s, k, v)
    code = bytes(code)
    before = s.copy()
    initial = State()
    status = step(s, code, unbound)
    assert s.taken == len(s.inputs), (name, label)

    words = ['code=' + code.hex()]
    if before.pc:
        words.append(f'pc={before.pc}')
    if before.cycles:
        words.append(f'cycles={before.cycles}')
    words += cells(before, initial) + stack(before, initial)
    words += runs(before.mem)
    if s.inputs:
        words.append('in=' + ';'.join(f'{n}:{v}' for n, v in s.inputs))
    if unbound:
        words.append('unbound')
    if name in OPAQUE and status not in ('fault:1', 'end'):
        words.append('opaque')
    words += ['->', f'pc={s.pc}', f'cycles={s.cycles}', f'status={status}']
    words += cells(s, before) + stack(s, before) + runs(s.stored)
    if s.out:
        words.append('out=' + ';'.join(
            e[0] + ':' + ','.join(str(v) for v in e[1:]) for e in s.out))
    print(f'{name} {label}: ' + ' '.join(words))
    COUNTS[name] = COUNTS.get(name, 0) + 1


# ------------------------------------------------------------------ cases --

PAD = [0x01] * 8                 # NOPs behind, so that nothing ends by chance


def at(name, *operands):
    return [ROWS[name][0], *operands, *PAD]


def le16(v):
    return [v & 255, v >> 8 & 255]


def edges(name):
    """The bounds cases that every row has."""
    op, length, check, _ = ROWS[name]
    ops = [0] * (length - 1)
    ins = {'ins': [(name, 9)]} if name in SENSORS else {}
    if name in ('RAND', 'TRUST_SEED'):
        ins = {'ins': [('RAND', 9)]}
    more = {'R': {0: 0}}
    if name == 'LOG':
        ops = [1, 2, 0]
        more = {'R': {2: 100}}
    if name == 'POP':
        more = {'stk': [4]}
    if name == 'DIV':
        ops, more = [1, 2, 3], {'R': {2: 9, 3: 2}}
    size = max(length, check)
    case(name, 'exactly-fits', ([op] + ops + [0] * 8)[:size], **more, **ins)
    case(name, 'behind-a-nop', [1] + ([op] + ops + [0] * 8)[:size], pc=1,
         STRIP=2, Z=1, N=1, cycles=41, **more, **ins)
    if check > 1:
        case(name, 'one-byte-short', ([op] + ops + [0] * 8)[:check - 1],
             STRIP=2, **more)
    else:
        case(name, 'at-the-end', [op], pc=1, STRIP=2)
    if length > check:
        for n in range(check, length):
            case(name, f'past-code-{length - n}', ([op] + ops)[:n], STRIP=2)


WORDS = (0, 1, -1, 7, -7, 100, 255, 256, 65535, INT_MAX, INT_MIN, INT_MIN + 1)
PAIRS = ((5, 7), (-5, 7), (7, -2), (-7, -2), (0, 0), (0, 5), (5, 0), (3, 3),
         (INT_MAX, 1), (INT_MIN, -1), (INT_MIN, INT_MIN), (INT_MIN, 1),
         (INT_MAX, INT_MAX), (INT_MAX, INT_MIN), (65536, 65536), (1, 33),
         (-1, 31), (123456789, -32))


def three(name, pairs=PAIRS, **more):
    """rd = rs1 op rs2"""
    for i, (a, b) in enumerate(pairs):
        case(name, f'values-{i}', at(name, 3, 1, 2), R={1: a, 2: b, 3: 77},
             **more)
    case(name, 'rd-0', at(name, 0, 1, 2), R={0: 5, 1: -9, 2: 4}, N=1, **more)
    case(name, 'rd-64', at(name, 64, 1, 2), R={0: 5, 1: -9, 2: 4}, **more)
    case(name, 'rs-0', at(name, 3, 0, 2), R={0: 5, 2: 4, 3: 9}, **more)
    case(name, 'rs-128-192', at(name, 255, 128, 192), R={0: 5, 63: 8}, **more)
    case(name, 'rd-is-rs1', at(name, 1, 1, 2), R={1: 50, 2: 6}, **more)
    case(name, 'rd-is-rs2', at(name, 2, 1, 2), R={1: 50, 2: 6}, **more)
    case(name, 'all-one', at(name, 2, 2, 66), R={2: 6}, **more)


def two(name, pairs=PAIRS, **more):
    """rd, rs1"""
    for i, (a, b) in enumerate(pairs):
        case(name, f'values-{i}', at(name, 1, 2, 0xAA), R={1: a, 2: b},
             **more)
    case(name, 'rd-0', at(name, 0, 2, 1), R={0: 5, 2: -9}, Z=1, N=1, **more)
    case(name, 'rd-64', at(name, 64, 2, 1), R={0: 5, 2: 9}, **more)
    case(name, 'rs1-0', at(name, 1, 0, 1), R={0: 5, 1: 9}, **more)
    case(name, 'rs1-192', at(name, 255, 192, 1), R={0: 5, 63: 9}, **more)
    case(name, 'one-register', at(name, 1, 65, 1), R={1: 9}, **more)


def one(name, values=WORDS, **more):
    """rd"""
    op = [0] * (ROWS[name][1] - 2)
    for i, v in enumerate(values):
        case(name, f'value-{i}', at(name, 1, *op), R={1: v}, **more)
    case(name, 'rd-0', at(name, 0, *op), R={0: 5}, N=1, **more)
    case(name, 'rd-64', at(name, 64, *op), R={0: 5}, **more)
    case(name, 'rd-255', at(name, 255, *op), R={63: -5}, **more)


def imm8(name, pairs, **more):
    for i, (v, b) in enumerate(pairs):
        case(name, f'value-{i}', at(name, 1, b), R={1: v}, **more)
    case(name, 'rd-0', at(name, 0, 5), R={0: 7}, N=1, **more)
    case(name, 'rd-64', at(name, 64, 5), R={0: 7}, **more)


def imm16(name, pairs, **more):
    for i, (v, n) in enumerate(pairs):
        case(name, f'value-{i}', at(name, 1, *le16(n)), R={1: v}, **more)
    case(name, 'rd-0', at(name, 0, *le16(5)), R={0: 7}, N=1, **more)
    case(name, 'rd-192', at(name, 192, *le16(5)), R={0: 7}, **more)


def plain(name):
    """A row without effect."""
    n = ROWS[name][1] - 1
    for i, b in enumerate((0, 1, 7, 64, 127, 255)):
        case(name, f'operands-{i}', at(name, *[b] * n), R={0: 3, 1: 4},
             Z=1, N=i & 1, STRIP=i)


def system_cases():
    for name in ('HALT', 'BRK'):
        for i in range(4):
            case(name, f'stops-{i}', [1] * i + at(name), pc=i, R={1: i},
                 STRIP=i, cycles=i * 1000)
    for name in ('NOP', 'IRET', 'WFI', 'SYN', 'TRAP', 'DBG', 'SEMA', 'YIELD',
                 'CACHE', 'HEAP_FREE', 'ASK', 'REDUCE', 'LISTEN', 'WAIT',
                 'ALARM_SET', 'DUMP', 'PROFILE', 'WATCH', 'VP_LOAD',
                 'VP_STORE', 'VP_SET', 'VP_GET', 'BEXTR', 'BDEP', 'MERGE'):
        plain(name)
    for i, v in enumerate((0, 1, 5, 8, 9, 40, INT_MAX - 1)):
        case('RET', f'to-{i}', at('RET'), stk=[3, v])
    case('RET', 'empty', at('RET'))
    case('RET', 'to-0', at('RET'), stk=[-1])
    case('RET', 'negative', at('RET'), stk=[1, -2])
    case('RET', 'wraps-negative', at('RET'), stk=[INT_MAX])
    case('RET', 'full-stack', at('RET'), sp=0, stk=[4])
    case('RESET', 'all', at('RESET'), R={i: i - 30 for i in range(64)},
         C={0: 4, 9: 5}, F={1: ONE}, Z=1, N=1, stk=[9])
    case('RESET', 'memory-stays', at('RESET'), R={7: 1}, mem={0: '0102'})
    for i, strip in enumerate((0, 1, 2)):
        case('RESET', f'strip-{i}', at('RESET'), R={0: 1, 63: -1}, STRIP=strip)
    for i, (z, n) in enumerate(((0, 0), (0, 1), (1, 0), (1, 1))):
        case('CLF', f'flags-{i}', at('CLF', i * 80), Z=z, N=n, R={1: -1})
    for i, n in enumerate((0, 1, 2, 3, 128, 255)):
        case('STRIPCF', f'count-{i}', at('STRIPCF', n), STRIP=0)
        case('STRIPCF', f'again-{i}', at('STRIPCF', n), STRIP=7)


def stack_cases():
    one('PUSH', WORDS[:6])
    case('PUSH', 'deeper', at('PUSH', 2), R={2: 8}, stk=[1, 2, 3])
    case('PUSH', 'last-cell', at('PUSH', 2), R={2: 8}, sp=1, stk=[3])
    case('PUSH', 'full', at('PUSH', 2), R={2: 8}, sp=0, stk=[3], STRIP=3)
    for i, v in enumerate(WORDS[:6]):
        case('POP', f'value-{i}', at('POP', 1), R={1: 44}, stk=[5, v])
    case('POP', 'rd-0', at('POP', 0), R={0: 44}, stk=[5])
    case('POP', 'rd-64', at('POP', 64), R={0: 44}, stk=[5, 6])
    case('POP', 'empty', at('POP', 1), R={1: 44}, STRIP=3)
    case('POP', 'full', at('POP', 1), sp=0, stk=[6])
    for i, raw in enumerate((0, 1, 63)):
        case('STACKFRAME', f'register-{i}', at('STACKFRAME', raw, 1, 2),
             R={raw: 1000 + i}, stk=[1] * i)
    for i, raw in enumerate((64, 65, 128, 255)):
        case('STACKFRAME', f'range-{i}', at('STACKFRAME', raw, 0, 0),
             R={raw & 63: 5}, sp=256 if i < 2 else 0)
    case('STACKFRAME', 'full', at('STACKFRAME', 1, 0, 0), R={1: 5}, sp=0)
    case('STACKFRAME', 'last-cell', at('STACKFRAME', 1, 0, 0), R={1: 5}, sp=1)


def integer_cases():
    for name in ('INC', 'DEC', 'NOT', 'NEG', 'BITCOUNT', 'BITSCAN', 'BITREV',
                 'TRUST_REVOKE'):
        one(name)
    imm8('MOVI', [(9, b) for b in (0, 1, 127, 128, 255)])
    for name in ('ADDI', 'SUBI'):
        imm8(name, [(5, 1), (5, 255), (5, 128), (5, 127), (1, 255), (1, 1),
                    (INT_MAX, 1), (INT_MIN, 1), (INT_MIN, 255),
                    (INT_MAX, 255), (0, 0)])
    for name in ('ANDI', 'ORI', 'XORI'):
        imm8(name, [(0x1234, 255), (-1, 0), (-1, 128), (INT_MIN, 1),
                    (0, 255), (0x55, 0xF0)])
    for name in ('SHLI', 'SHRI'):
        imm8(name, [(1, 0), (1, 31), (-1, 1), (INT_MIN, 31), (-5, 1),
                    (0x12345678, 4), (3, 32), (3, 63), (-3, 255), (3, 33)])
    for name in ('ADD', 'SUB', 'MUL', 'DIV', 'MOD', 'AND', 'OR', 'XOR', 'SHL',
                 'SHR', 'MIN', 'MAX', 'CMP_EQ', 'CMP_LT', 'CMP_GT', 'CMP_NE',
                 'TRUST_SCORE'):
        three(name)
    imm16('MOVI16', [(9, n) for n in (0, 1, -1, 255, 256, 32767, -32768)])
    for name in ('ADDI16', 'SUBI16'):
        imm16(name, [(5, 1), (5, -6), (5, 5), (INT_MAX, 1), (INT_MIN, -1),
                     (INT_MIN, 1), (0, -32768), (0, 32767), (-1, 256)])
    for name in ('MOV', 'SWP', 'MEMSWAP', 'ABS', 'HASH'):
        two(name, [(5, v) for v in WORDS])
    case('SWP', 'cell-0-and-0', at('SWP', 64, 0, 0), R={0: 5})
    case('SWP', '0-and-cell-0', at('SWP', 0, 64, 0), R={0: 5})
    case('SWP', 'cell-0-twice', at('SWP', 64, 128, 0), R={0: 5})
    case('MEMSWAP', 'cell-0-and-0', at('MEMSWAP', 64, 0, 0), R={0: 5})
    for name in ('ROTL', 'ROTR'):
        two(name, [(0x12345678, n) for n in (0, 1, 4, 31, 32, 33, -1, 16)]
            + [(INT_MIN, 1), (-2, 5)])


def math_cases():
    two('SQRT', [(5, v) for v in (0, 1, 2, 3, 4, 15, 16, -16, 99, 16777215,
                                  16777217, 2147395600, 2147395599, INT_MAX,
                                  INT_MIN, INT_MIN + 1, 46340 * 46340)])
    pairs = [(2, 10), (2, 30), (2, 31), (-2, 31), (-2, 30), (2, -1), (1, -5),
             (-1, -5), (-1, -4), (0, 0), (0, 5), (0, -1), (7, 0), (-7, 0),
             (3, 19), (3, 20), (-3, 19), (-3, 21), (1, INT_MAX),
             (-1, INT_MAX), (-1, INT_MIN), (46340, 2), (46341, 2),
             (-46341, 2), (1290, 3), (1291, 3), (-1290, 3), (-1291, 3),
             (INT_MAX, 1), (INT_MIN, 1), (INT_MIN, 2), (16777217, 1),
             (16777219, 1), (5, 13), (7, 11), (INT_MAX - 63, 1),
             (INT_MAX - 64, 1), (2, INT_MAX), (10, 9), (10, 10),
             (INT_MIN, -1), (2, INT_MIN), (0, INT_MIN), (0, INT_MAX)]
    three('POW', pairs)
    values = [0, 1, 2, 3, -1, -3, 7, 8, 10, 100, INT_MAX, INT_MIN]
    for n in range(1, 22):
        e = Decimal(n).exp()
        values += [int(e), int(e) + 1]
    values += [1318815734 - 64, 1318815734 - 65, 1318815734 - 128,
               1318815734 + 128, 1318815680, 1318815744, -1318815744]
    two('LOG', [(5, v) for v in values])
    three('CLAMP', [(0, 100), (100, 0), (80, 90), (5, 6), (-100, -50),
                    (77, 77), (INT_MIN, INT_MAX), (INT_MAX, INT_MIN)])
    for i, v in enumerate((-5, 0, 5, 10, 15, INT_MAX)):
        case('CLAMP', f'between-{i}', at('CLAMP', 3, 1, 2),
             R={1: 0, 2: 10, 3: v})
        case('LERP', f'percent-{i}', at('LERP', 3, 1, 2),
             R={1: 100, 2: 300, 3: v})
        case('LERP', f'down-{i}', at('LERP', 3, 1, 2),
             R={1: 7, 2: -1000003, 3: v})
    three('LERP')


def float_cases():
    ints = [0.0, -0.0, 1.0, -1.0, 0.1, 3.5, -2.75, 1e30, -1e30, 1e-40, 1e38]
    values = [bits32(v) for v in ints] + [INF, NINF, NAN, 1, 0x7F7FFFFF]
    pairs = [(values[i], values[(i * 5 + 3) % 16]) for i in range(16)]
    pairs += [(0, 0x80000000), (0x80000000, 0), (0, 0), (INF, INF),
              (INF, NINF), (NAN, NAN), (NAN, ONE), (ONE, NAN), (INF, 0),
              (0, INF), (ONE, 0x80000000), (0x3DCCCCCD, 0x3E4CCCCD),
              (0x4B800000, ONE), (0x4B800001, ONE), (0x7F7FFFFF, 0x73000000),
              (0x00800000, 0x3F000000), (0x80000000, 0x80000000),
              (0x3F800001, 0x3F7FFFFF), (0x40400000, 0x40000000),
              (0x3DCCCCCD, NAN), (NAN, 0x3DCCCCCD), (0xC2F6E979, NAN),
              (NAN, 0xC2F6E979), (NINF, NAN), (NAN, INF), (0x80000000, NAN)]
    for name in ('FADD', 'FSUB', 'FMUL', 'FDIV', 'FMIN', 'FMAX'):
        for i, (a, b) in enumerate(pairs):
            case(name, f'values-{i}', at(name, 3, 1, 2), F={1: a, 2: b})
        case(name, 'f0-is-ordinary', at(name, 0, 64, 2),
             F={0: ONE, 2: 0x40000000})
        case(name, 'one-register', at(name, 65, 1, 129), F={1: 0x40400000})
    for i, b in enumerate([bits32(v) for v in (
            0.0, 0.5, -0.5, 0.99, -1.99, 2.5, 1e9, -1e9, 2147483520.0,
            2147483648.0, -2147483648.0, -2147483904.0, 1e20, -1e20)]
            + [NAN, INF, NINF, 1, 0x80000000]):
        case('FTOI', f'value-{i}', at('FTOI', 1, 2, 9), R={1: 4}, F={2: b})
    case('FTOI', 'rd-0', at('FTOI', 0, 0, 0), R={0: 4}, F={0: ONE})
    case('FTOI', 'rd-64', at('FTOI', 64, 64, 0), R={0: 4}, F={0: ONE})
    case('FTOI', 'rd-0-range', at('FTOI', 0, 0, 0), F={0: INF}, STRIP=2)
    for i, v in enumerate(WORDS + (16777216, 16777217, 16777219, -16777219,
                                   2147483583, 2147483584)):
        case('ITOF', f'value-{i}', at('ITOF', 1, 2, 9), R={2: v}, F={1: 7})
    case('ITOF', 'rs1-0', at('ITOF', 0, 0, 0), R={0: 4}, F={0: ONE})
    case('ITOF', 'rs1-64', at('ITOF', 64, 64, 0), R={0: 4})


OFFSETS = (0, 4, 8, -4, -16, -17, 24, 25, 100, 32767, -32768)


def control_cases():
    head = [1] * 16              # the instruction stands at 16, size is 28
    takes = {'JZ': 0, 'JNZ': 5, 'JLT': -5, 'JGT': 5}
    for name, value in takes.items():
        for i, to in enumerate(OFFSETS + (INT_MAX, INT_MIN, -2147483640)):
            case(name, f'taken-{i}', head + at(name, 1, 2, 0), pc=16,
                 R={1: value, 2: to})
        for i, v in enumerate((-1, 0, 1, INT_MIN, INT_MAX)):
            case(name, f'value-{i}', head + at(name, 1, 2, 0), pc=16,
                 R={1: v, 2: 8}, STRIP=2)
            case(name, f'bad-{i}', head + at(name, 1, 2, 0), pc=16,
                 R={1: v, 2: -100}, STRIP=2)
        case(name, 'r0', head + at(name, 0, 2, 0), pc=16, R={0: 5, 2: 8})
        case(name, 'r64', head + at(name, 64, 2, 0), pc=16, R={0: 5, 2: 8})
        case(name, 'by-r0', head + at(name, 1, 0, 0), pc=16,
             R={0: 8, 1: value})
        case(name, 'by-r64', head + at(name, 1, 64, 0), pc=16,
             R={0: 8, 1: value})
        case(name, 'one-register', head + at(name, 1, 1, 0), pc=16,
             R={1: value})
    for i, to in enumerate(OFFSETS):
        case('JMP', f'to-{i}', head + at('JMP', 9, *le16(to)), pc=16)
        case('JAL', f'to-{i}', head + at('JAL', 1, *le16(to)), pc=16,
             R={1: 5})
        case('CALL', f'to-{i}', head + at('CALL', 0, *le16(to)), pc=16,
             R={0: 9})
        case('CALL', f'by-{i}', head + at('CALL', 1, *le16(to)), pc=16,
             R={1: 20}, stk=[6])
    case('JAL', 'rd-0', head + at('JAL', 0, *le16(4)), pc=16, R={0: 9})
    case('JAL', 'rd-64', head + at('JAL', 64, *le16(4)), pc=16, R={0: 9})
    case('CALL', 'r64', head + at('CALL', 64, *le16(4)), pc=16, R={0: 9})
    case('CALL', 'wraps', head + at('CALL', 1, *le16(1)), pc=16,
         R={1: INT_MAX})
    case('CALL', 'wraps-low', head + at('CALL', 1, *le16(-1)), pc=16,
         R={1: INT_MIN})
    case('CALL', 'full', head + at('CALL', 0, *le16(4)), pc=16, sp=0)
    case('CALL', 'full-first', head + at('CALL', 0, *le16(-4)), pc=16, sp=0)
    case('CALL', 'full-by', head + at('CALL', 1, *le16(-4)), pc=16, sp=0)
    case('CALL', 'last-cell', head + at('CALL', 0, *le16(4)), pc=16, sp=1)
    values = (-2, -1, 0, 1, 2, 3, INT_MIN, INT_MAX)
    for name in ('LOOP', 'JEQ', 'JNE', 'JLE', 'JGE', 'ISTINCT_REFLEX'):
        for i, v in enumerate(values):
            case(name, f'value-{i}', head + at(name, 1, *le16(8)), pc=16,
                 R={1: v})
            case(name, f'bad-{i}', head + at(name, 1, *le16(-20)), pc=16,
                 R={1: v}, STRIP=2)
        taken = 5 if name != 'JEQ' and name != 'JLE' else 0
        for i, to in enumerate(OFFSETS):
            case(name, f'to-{i}', head + at(name, 1, *le16(to)), pc=16,
                 R={1: taken})
        for i, to in enumerate((8, -20)):
            case(name, f'r0-{i}', head + at(name, 0, *le16(to)), pc=16,
                 R={0: 5})
            case(name, f'r64-{i}', head + at(name, 64, *le16(to)), pc=16,
                 R={0: 5})


ADDRESSES = ((100, 0), (65533, 0), (65532, 0), (65535, 1), (65535, 0),
             (60000, 6000), (-1, 0), (-4, 2), (INT_MAX, INT_MAX), (0, 253),
             (0, 254), (0, 61), (INT_MIN, 65536), (0, 16383), (0, 0))


def memory_cases():
    pattern = {65530: '1122334455f6', 0: '778899aabbccddee',
               100: 'fedcba98', 250: '0102030405060708', 59: '5152535455',
               464: 'd0d1d2d3', 16380: 'a0a1a2a3a4a5a6a7'}
    for i, (a, b) in enumerate(ADDRESSES):
        case('LOAD', f'at-{i}', at('LOAD', 3, 1, 2), R={1: a, 2: b},
             mem=pattern)
        case('STORE', f'at-{i}', at('STORE', 3, 1, 2),
             R={1: a, 2: b, 3: 0x12345678 - i * 0x1F2E3D4C}
             if i < 4 else {1: a, 2: b, 3: -2 - i})
    for name in ('LOAD', 'STORE'):
        case(name, 'rd-0', at(name, 0, 1, 2), R={0: 5, 1: 100}, mem=pattern)
        case(name, 'rd-64', at(name, 64, 1, 2), R={0: 5, 1: 100}, mem=pattern)
        case(name, 'rs-0', at(name, 3, 0, 64), R={0: 100, 3: 8}, mem=pattern)
        case(name, 'rd-is-rs1', at(name, 1, 1, 1), R={1: 50}, mem=pattern)
    for i, (a, b) in enumerate((
            (100, 0), (0, -1), (0, -3), (65535, 1), (0, 32767), (70000, -32768),
            (-5, 4), (0, 253), (0, 125), (INT_MIN, 100), (INT_MAX, 1))):
        case('LOADI', f'at-{i}', at('LOADI', 3, 1, *le16(b)), R={1: a},
             mem=pattern)
        case('STOREI', f'at-{i}', at('STOREI', 3, 1, *le16(b)),
             R={1: a, 3: 0x01020304 + i})
    for name in ('LOADI', 'STOREI'):
        case(name, 'rd-0', at(name, 0, 0, 100, 0), R={0: 5}, mem=pattern)
        case(name, 'rd-64', at(name, 64, 64, 100, 0), R={0: 5}, mem=pattern)
        case(name, 'one-register', at(name, 1, 1, 50, 0), R={1: 50},
             mem=pattern)
    for name in ('LDI8', 'ISTINCT_LOAD', 'STI8', 'ISTINCT_STORE'):
        for i, a in enumerate((0, 100, 255, 256, 32767, 32768, 65535)):
            case(name, f'at-{i}', at(name, 1, *le16(a)), R={1: -1 - i * 77},
                 mem={a: 'f1'} if i % 3 else {})
        case(name, 'rd-0', at(name, 0, 9, 0), R={0: 5}, mem={9: '80'})
        case(name, 'rd-64', at(name, 64, 9, 0), R={0: 5}, mem={9: '80'})


def run_cases():
    for i, (v, a, n) in enumerate((
            (7, 100, 4), (-1, 65534, 4), (256, 100, 1), (3, 100, 0),
            (3, 100, -1), (3, 100, -32768), (0x1FF, -2, 3), (9, 250, 12),
            (5, 63, 2), (5, 255, 2), (0, 100, 4), (1, 65536 + 64, 64))):
        case('MEMSET', f'run-{i}', at('MEMSET', 1, 2, *le16(n)),
             R={1: v, 2: a})
    case('MEMSET', 'rd-0', at('MEMSET', 0, 2, 2, 0), R={0: 5, 2: 8},
         mem={8: 'ffff'})
    case('MEMSET', 'r64', at('MEMSET', 64, 0, 2, 0), R={0: 5})
    case('MEMSET', 'long', at('MEMSET', 1, 2, *le16(300)), R={1: 1, 2: 65400})
    text = {100: '0102030405060708', 65533: 'a1a2a3'}
    for i, (x, y, n) in enumerate((
            (200, 100, 8), (101, 100, 7), (99, 100, 8), (100, 100, 3),
            (100, 65533, 3), (65534, 100, 5), (200, 100, 0), (200, 100, -5),
            (-1, 100, 2), (0, 65534, 4), (65535, 65533, 4))):
        case('MEMCPY', f'run-{i}', at('MEMCPY', 1, 2, *le16(n)),
             R={1: x, 2: y}, mem=text)
        case('MEMCMP', f'run-{i}', at('MEMCMP', 1, 2, *le16(n)),
             R={1: x, 2: y}, mem=text, N=1)
    same = {100: 'aabbcc', 200: 'aabbcc', 65535: 'aa', 0: 'bbcd'}
    for i, (x, y, n) in enumerate(((100, 200, 3), (100, 200, 4),
                                   (100, 65535, 2), (100, -1, 3),
                                   (5000, 6000, 32767))):
        case('MEMCMP', f'equal-{i}', at('MEMCMP', 1, 2, *le16(n)),
             R={1: x, 2: y}, mem=same, Z=i & 1)
    case('MEMCPY', 'r0', at('MEMCPY', 0, 64, 2, 0), R={0: 100}, mem=text)
    case('MEMCMP', 'r0', at('MEMCMP', 0, 64, 2, 0), R={0: 100}, mem=text)
    for i, (v, n) in enumerate(((7, 4), (-1, 1), (256, 2), (9, 0), (9, -1),
                                (1, 66), (0x5A, 257))):
        case('MEMFILL', f'run-{i}', at('MEMFILL', 1, *le16(n)), R={1: v})
    case('MEMFILL', 'rd-0', at('MEMFILL', 0, 2, 0), R={0: 7},
         mem={0: 'ffffff'})
    case('MEMFILL', 'rd-64', at('MEMFILL', 64, 2, 0), R={0: 7})
    case('MEMFILL', 'four-left', [1, 0xD3, 1, 2, 0], pc=1, R={1: 7})
    scan = {100: '00000500ff80', 65534: '0007', 0: '0900'}
    for i, (a, n) in enumerate((
            (100, 6), (100, 2), (102, 1), (104, 2), (65534, 4), (65534, 1),
            (-1, 2), (100, 0), (100, -1), (5000, 32767), (65536 + 100, 6))):
        for name in ('MEMINDEX', 'MEMSUM', 'MEMRANGE_MIN', 'MEMRANGE_MAX',
                     'CRC32'):
            case(name, f'run-{i}', at(name, 1, 2, *le16(n)),
                 R={1: 55, 2: a}, mem=scan)
        for j, v in enumerate((5, 0, 0x1FF, 9)):
            case('MEMSCAN', f'run-{i}-{j}', at('MEMSCAN', 1, 2, *le16(n)),
                 R={1: v, 2: a}, mem=scan, Z=j & 1, N=1)
    for name in ('MEMINDEX', 'MEMSUM', 'MEMRANGE_MIN', 'MEMRANGE_MAX',
                 'CRC32', 'MEMSCAN'):
        case(name, 'rd-0', at(name, 0, 2, 4, 0), R={0: 5, 2: 100}, mem=scan)
        case(name, 'rd-64', at(name, 64, 2, 4, 0), R={0: 5, 2: 100}, mem=scan)
        case(name, 'one-register', at(name, 2, 2, 6, 0), R={2: 100}, mem=scan)
        case(name, 'cell-0-twice', at(name, 64, 128, 6, 0), R={0: 100},
             mem=scan)
        case(name, 'rs1-0', at(name, 1, 0, 2, 0), R={0: 100, 1: 8}, mem=scan)
    case('MEMINDEX', 'byte-at-minus-1', at('MEMINDEX', 2, 2, 1, 0),
         R={2: 100}, mem={65535: '01'})
    case('CRC32', 'check-value', at('CRC32', 1, 2, 9, 0), R={2: 100},
         mem={100: b'123456789'.hex()})
    case('MEMSUM', 'many', at('MEMSUM', 1, 2, *le16(600)), R={2: 65400},
         mem={65400: 'ff' * 136, 0: 'ff' * 464})
    varints()
    cas_cases()


def varints():
    values = (0, 1, 127, 128, 255, 16383, 16384, 2097151, 2097152, 268435455,
              268435456, INT_MAX, -1, INT_MIN)
    for i, v in enumerate(values):
        case('ENCODE_VARINT', f'value-{i}',
             at('ENCODE_VARINT', 1, *le16(100 + i)), R={1: v}, STRIP=2)
    case('ENCODE_VARINT', 'wraps', at('ENCODE_VARINT', 1, 254, 255),
         R={1: INT_MAX})
    case('ENCODE_VARINT', 'rd-0', at('ENCODE_VARINT', 0, 9, 0), R={0: -5})
    case('ENCODE_VARINT', 'rd-64', at('ENCODE_VARINT', 64, 9, 0), R={0: 300})
    for i, text in enumerate(('00', '01', '7f', '8001', 'ff7f', '808001',
                              'ffffffff07', 'ffffffff0f', 'ffffffff7f',
                              'ffffffffff01', '8080808080', '808080807f',
                              '80', '', '8000')):
        case('DECODE_VARINT', f'bytes-{i}', at('DECODE_VARINT', 1, 100, 0),
             R={1: 5}, mem={100: text} if text else {})
    case('DECODE_VARINT', 'wraps', at('DECODE_VARINT', 1, 254, 255),
         mem={65534: '8182', 0: '03'})
    case('DECODE_VARINT', 'rd-0', at('DECODE_VARINT', 0, 100, 0), R={0: 5},
         mem={100: '09'})
    case('DECODE_VARINT', 'rd-64', at('DECODE_VARINT', 64, 100, 0), R={0: 5},
         mem={100: '09'})


def cas_cases():
    for i, (a, old, new, mem) in enumerate((
            (100, 5, 6, '05'), (100, 5, 6, '04'), (100, 0x105, -1, '05'),
            (100, -251, 0x1234, '05'), (65536 + 100, 0, 9, '00'),
            (-1, 0, 0, '00'), (100, 0, 0, '00'), (INT_MIN, 7, 1, '07'))):
        case('ATOMIC_CAS', f'byte-{i}', at('ATOMIC_CAS', 1, 2, 3),
             R={1: a, 2: old, 3: new}, mem={a & 0xFFFF: mem}, Z=i & 1, N=1)
    case('ATOMIC_CAS', 'r0', at('ATOMIC_CAS', 0, 0, 64), R={0: 9})
    case('ATOMIC_CAS', 'r64', at('ATOMIC_CAS', 64, 64, 64), R={0: 9},
         mem={9: '09'})
    for i in (1, 2, 3):
        case('ATOMIC_CAS', f'left-{i}', [1, *[0xEF, 1, 1, 1][:i]], pc=1,
             R={1: 5}, STRIP=3, cycles=7)


def heap_cases():
    for i, n in enumerate((0, 1, -1, 16, 32767, -32768)):
        case('HEAP_ALLOC', f'bytes-{i}', at('HEAP_ALLOC', 1, *le16(n)),
             R={1: 4})
    for i, (heap, n) in enumerate(((65535, 1), (65536, 1), (65535, 2),
                                   (65536, 0), (65000, 536), (65000, 537))):
        case('HEAP_ALLOC', f'last-{i}', at('HEAP_ALLOC', 1, *le16(n)),
             HEAP=heap)
    case('HEAP_ALLOC', 'rd-0', at('HEAP_ALLOC', 0, 8, 0), R={0: 4})
    case('HEAP_ALLOC', 'rd-64', at('HEAP_ALLOC', 64, 8, 0), R={0: 4})


def conf_cases():
    confs = ((50, 50), (100, 100), (0, 0), (-5, 5), (-5, 4), (1, 2),
             (200, 300), (30, -20), (99, 100), (INT_MAX, 1), (INT_MAX, 2),
             (65536, 65536), (INT_MIN, 1), (-50, -60), (1000, 30),
             (INT_MIN, INT_MIN))
    names = ('CONF_ADD', 'CONF_SUB', 'CONF_MUL', 'CONF_MERGE', 'CONF_FUSE',
             'CONF_CHAIN')
    for name in names:
        for i, (a, b) in enumerate(confs):
            case(name, f'conf-{i}', at(name, 3, 1, 2),
                 R={1: 1000 - i, 2: -3 * i, 3: 7}, C={1: a, 2: b, 3: 9})
        for i, strip in enumerate((1, 2, 255)):
            case(name, f'strip-{i}', at(name, 3, 1, 2), R={1: 8, 2: 4},
                 C={1: 60, 2: 40, 3: 9}, STRIP=strip)
        for i, (v, w) in enumerate(((INT_MAX, 1), (INT_MIN, -1),
                                    (65536, 65536), (INT_MIN, INT_MIN))):
            case(name, f'value-{i}', at(name, 3, 1, 2), R={1: v, 2: w},
                 C={1: 70, 2: 30}, Z=1, N=1)
        case(name, 'rd-0', at(name, 0, 1, 2), R={0: 5, 1: 8, 2: 4},
             C={0: 1, 1: 60, 2: 40})
        case(name, 'rd-64', at(name, 64, 0, 2), R={0: 5, 1: 8, 2: 4},
             C={0: 10, 2: 40})
        case(name, 'one-register', at(name, 1, 65, 129), R={1: 8},
             C={1: 60})
        case(name, 'rs-0', at(name, 255, 0, 64), R={0: 8}, C={0: 60})
    more_conf_cases()


def more_conf_cases():
    for i, v in enumerate(WORDS):
        case('CONF_LD', f'value-{i}', at('CONF_LD', 1), R={1: 5}, C={1: v},
             STRIP=3)
        case('CONF_ST', f'value-{i}', at('CONF_ST', 1), R={1: v}, C={1: 5},
             STRIP=3)
        case('CONF_SET', f'value-{i}', at('CONF_SET', 1, 2, 0), R={2: v},
             C={1: 5}, STRIP=3)
        case('CONF_GET', f'value-{i}', at('CONF_GET', 1, 2, 0), R={1: 5},
             C={2: v}, STRIP=3)
        case('CONF_CLAMP', f'value-{i}', at('CONF_CLAMP', 1, 9, 9), R={1: 5},
             C={1: v}, STRIP=3)
    for name in ('CONF_LD', 'CONF_ST', 'CONF_SET', 'CONF_GET', 'CONF_CLAMP'):
        n = ROWS[name][1] - 2
        for raw in (0, 64, 255):
            case(name, f'rd-{raw}', at(name, raw, *[1] * n),
                 R={0: 5, 1: 6, 63: 7}, C={0: -15, 1: 160, 63: 17})
    for name in ('CONF_SET', 'CONF_GET'):
        case(name, 'rs1-0', at(name, 1, 0, 0), R={0: 5, 1: 6}, C={0: 7, 1: 8})
        case(name, 'rs1-64', at(name, 1, 64, 0), R={0: 5, 1: 6},
             C={0: 7, 1: 8})
    case('CONF_CLAMP', 'just-over', at('CONF_CLAMP', 1, 0, 0), C={1: 101})
    for i, (c, p) in enumerate(((100, 95), (50, 50), (7, 10), (-7, 10),
                                (100, -50), (65536, 65536), (INT_MAX, 2),
                                (INT_MIN, 100), (3, 0))):
        case('CONF_DECAY', f'value-{i}', at('CONF_DECAY', 1, 2, 0),
             R={1: 9, 2: p}, C={1: c, 2: 77})
    for i, strip in enumerate((1, 2)):
        case('CONF_DECAY', f'strip-{i}', at('CONF_DECAY', 1, 2, 0),
             R={2: 50}, C={1: 80}, STRIP=strip)
    case('CONF_DECAY', 'rd-0', at('CONF_DECAY', 0, 2, 0), R={2: 50}, C={0: 80})
    case('CONF_DECAY', 'rs1-0', at('CONF_DECAY', 64, 0, 0), R={0: 50},
         C={0: 80})
    case('CONF_DECAY', 'rs1-64', at('CONF_DECAY', 64, 64, 0), R={0: 50},
         C={0: 80})


def instinct_cases():
    for name in ('ISTINCT_DECAY', 'TRUST_DECAY', 'ISTINCT_EXTINCT',
                 'ISTINCT_HABITUATE', 'ISTINCT_SENSITIZE'):
        one(name, WORDS + (9, 10, -9, -10, 11, 20, -20, 99, -100, 126, 127,
                           128, 254, 1000, 16777217, 1 << 30, -(1 << 30),
                           (1 << 30) - 1))
    imm16('ISTINCT_MODULATE',
          [(100, 500), (100, -500), (-7, 100), (7, 0), (INT_MAX, 32767),
           (INT_MIN, -32768), (INT_MIN, 32767), (1, 999), (1, 1000),
           (-1, 999), (INT_MIN, 1000)])
    imm16('ISTINCT_THRESHOLD',
          [(5, 5), (4, 5), (6, 5), (-1, -1), (-2, -1), (INT_MIN, -32768),
           (INT_MAX, 32767), (40000, 32767), (-40000, -32768)])
    values = {i: 10 * i for i in range(16)}
    for i, raw in enumerate((0, 1, 7, 8, 15, 63, 64, 65, 255)):
        case('ISTINCT_CONVERGE', f'register-{i}', at('ISTINCT_CONVERGE', raw),
             R=values)
    big = {i: INT_MAX for i in range(64)}
    case('ISTINCT_CONVERGE', 'sum-wraps', at('ISTINCT_CONVERGE', 9), R=big)
    case('ISTINCT_CONVERGE', 'sum-wraps-low', at('ISTINCT_CONVERGE', 3), R=big)
    case('ISTINCT_CONVERGE', 'difference-wraps', at('ISTINCT_CONVERGE', 9),
         R={8: 700, 9: INT_MIN})
    case('ISTINCT_CONVERGE', 'towards-zero', at('ISTINCT_CONVERGE', 9),
         R={8: -6, 9: 6, 10: -7, 11: 3})
    case('ISTINCT_CONVERGE', 'small-gap', at('ISTINCT_CONVERGE', 9), R={9: 3})
    for name in ('ISTINCT_GENERALIZE', 'ISTINCT_SUM', 'ISTINCT_DIFF',
                 'TRUST_AVERAGE', 'TRUST_TRANSFER', 'ATP_USE', 'TRUST_MIN',
                 'TRUST_FLOOR', 'TRUST_SCOPE'):
        two(name)
    two('ISTINCT_SPECIALIZE',
        PAIRS + ((100, 51), (100, 50), (100, 149), (100, 150), (-49, 0),
                 (-50, 0), (INT_MIN, 0), (0, INT_MIN), (INT_MAX, -1)))
    two('ISTINCT_INHIBIT', ((1, 5), (0, 5), (-1, 5), (INT_MAX, -5),
                            (INT_MIN, 5), (7, 0)))
    case('ISTINCT_INHIBIT', 'both-0', at('ISTINCT_INHIBIT', 64, 0, 0),
         R={0: 5})
    for i, (v, n) in enumerate(((100, 3), (100, 0), (100, 1), (-100, 7),
                                (1000, 63), (1000, 64), (1000, 255),
                                (INT_MIN, 1), (INT_MIN, 255), (2, 3))):
        case('ISTINCT_DIFFUSE', f'share-{i}', at('ISTINCT_DIFFUSE', 5, n, 9),
             R={0: 3, 1: 10, 2: INT_MAX, 5: v})
    case('ISTINCT_DIFFUSE', 'rd-0', at('ISTINCT_DIFFUSE', 0, 4, 0),
         R={0: 100, 1: 1})
    case('ISTINCT_DIFFUSE', 'rd-64', at('ISTINCT_DIFFUSE', 64, 4, 0),
         R={0: 103, 1: 1})
    case('ISTINCT_DIFFUSE', 'behind', at('ISTINCT_DIFFUSE', 40, 4, 0),
         R={40: 103, 1: 1})


def trust_cases():
    imm16('TRUST_INIT', [(9, n) for n in (0, 1, -1, 1000, 32767, -32768)])
    two('TRUST_UPDATE',
        PAIRS + ((500, 1000), (500, 509), (500, 510), (500, 491), (500, 490),
                 (1000, 0), (INT_MIN, INT_MAX), (INT_MAX, -10)))
    for name in ('TRUST_COMPARE', 'TRUST_VERIFY'):
        two(name)
        for i, (z, n) in enumerate(((0, 0), (1, 1))):
            case(name, f'flags-{i}', at(name, 1, 2, 0), R={1: 3, 2: 4}, Z=z,
                 N=n)
    imm16('TRUST_RESTRICT', [(5, 10), (10, 5), (-5, -10), (-10, -5),
                             (INT_MAX, 32767), (INT_MIN, -32768), (7, 7)])
    two('TRUST_BOOST', PAIRS + ((999, 1), (999, 2), (1000, 0), (2000, -1),
                                (-5, -6)))
    two('TRUST_WEAKEN', PAIRS + ((5, 4), (5, 5), (5, 6), (2000, 1)))
    two('TRUST_SCOPE', ((9, 3), (3, 9), (9, -3), (-9, 3)))


def outside_cases():
    for i, v in enumerate((0, 1, -1, 255, INT_MAX, INT_MIN)):
        for name in SENSORS:
            case(name, f'value-{i}', at(name, 1, 0, 0), R={1: 9},
                 ins=[(name, v)])
        case('RAND', f'value-{i}', at('RAND', 1, 0, 0), R={1: 9},
             ins=[('RAND', v)])
    for name in SENSORS + ('RAND',):
        for raw in (0, 64, 255):
            case(name, f'rd-{raw}', at(name, raw, 7, 7), R={0: 9, 63: 8},
                 ins=[(name, 5)])
    for name in SENSORS:
        for raw in (0, 1, 64):
            case(name, f'unbound-rd-{raw}', at(name, raw, 0, 0),
                 R={0: 9, 1: 8}, unbound=True)
    for i, n in enumerate((0, 1, 7, 128, 255)):
        case('SYS', f'number-{i}', at('SYS', n), R={0: 9, 1: -3 * i})
    case('SYS', 'unbound', at('SYS', 3), R={1: 8}, unbound=True)
    for name in STUBS_UNBOUND[1:]:
        for i, regs in enumerate(((1, 2, 3), (3, 3, 3), (0, 1, 2), (64, 0, 1),
                                  (255, 128, 192), (2, 65, 0))):
            case(name, f'registers-{i}', at(name, *regs),
                 R={0: 10, 1: -11, 2: INT_MAX, 3: INT_MIN, 63: 14})
        case(name, 'unbound', at(name, 1, 2, 3), R={1: 8}, unbound=True)
    draws()
    for i, raw in enumerate((0, 1, 64, 255)):
        case('FORK', f'register-{i}', at('FORK', raw, 7, 7), R={0: 9, 1: 8},
             AGENT=i * 7 - 1, cycles=i * 100)
        case('JOIN', f'operands-{i}', at('JOIN', raw, raw, raw),
             R={0: 9, 1: 8}, cycles=i * 100, STRIP=i)
    for i, c in enumerate((0, 1, 1000, INT_MAX - 1, INT_MAX, 2**32 - 2,
                           2**32 - 1, 2**40)):
        case('CYCLE_READ', f'cycles-{i}', at('CYCLE_READ', 1), R={1: 9},
             cycles=c)
    case('CYCLE_READ', 'rd-0', at('CYCLE_READ', 0), R={0: 9}, cycles=5)
    case('CYCLE_READ', 'rd-64', at('CYCLE_READ', 64), R={0: 9}, cycles=5)
    for i in range(4):
        case('ATP_GEN', f'register-{i}', at('ATP_GEN', i * 64, 3, 3),
             R={0: 9, 1: 8})
        case('ATP_GEN', f'ordinary-{i}', at('ATP_GEN', i + 1, 3, 3),
             R={i + 1: -i})
        case('APOPTOSIS', f'stops-{i}', [1] * i + at('APOPTOSIS', i, i, i),
             pc=i, R={1: i}, STRIP=i, cycles=i * 1000)


def draws():
    for i, (v, n) in enumerate(((1234567, 10), (1234567, 0), (1234567, -5),
                                (-7, 5), (INT_MAX, 32767), (INT_MIN, 1),
                                (999, 1000), (1000, -32768))):
        case('TRUST_SEED', f'draw-{i}', at('TRUST_SEED', 1, *le16(n)),
             R={1: 9}, ins=[('RAND', v)])
        case('RAND_RANGE', f'draw-{i}', at('RAND_RANGE', 1, 2, 0),
             R={1: 9, 2: n}, ins=[('RAND', v)] if n > 0 else [])
    for raw in (0, 64):
        case('TRUST_SEED', f'rd-{raw}', at('TRUST_SEED', raw, 7, 0),
             R={0: 9}, ins=[('RAND', 40)])
        case('RAND_RANGE', f'rd-{raw}', at('RAND_RANGE', raw, 2, 0),
             R={0: 9, 2: 7}, ins=[('RAND', 40)])
        case('RAND_RANGE', f'rs1-{raw}', at('RAND_RANGE', 1, raw, 0),
             R={0: 9, 1: 7}, ins=[('RAND', 40)] if raw else [])
    weights = {100: '0a000514', 65535: '03', 0: '04'}
    for i, (v, a, n) in enumerate((
            (0, 100, 4), (9, 100, 4), (10, 100, 4), (14, 100, 4),
            (15, 100, 4), (34, 100, 4), (35, 100, 4), (-1, 100, 4),
            (-36, 100, 4), (INT_MAX, 100, 4), (INT_MIN, 100, 4),
            (2, 65535, 2), (3, 65535, 2), (6, -1, 2))):
        case('RAND_WEIGHTED', f'draw-{i}', at('RAND_WEIGHTED', 3, 1, 2),
             R={1: a, 2: n, 3: 99}, mem=weights, ins=[('RAND', v)])
    for i, (a, n) in enumerate(((100, 0), (100, -1), (101, 1), (5000, 300),
                                (100, INT_MIN))):
        case('RAND_WEIGHTED', f'nothing-{i}', at('RAND_WEIGHTED', 3, 1, 2),
             R={1: a, 2: n, 3: 99}, mem=weights)
    case('RAND_WEIGHTED', 'rd-0', at('RAND_WEIGHTED', 0, 1, 2),
         R={0: 8, 1: 100, 2: 4}, mem=weights, ins=[('RAND', 12)])
    case('RAND_WEIGHTED', 'rd-64', at('RAND_WEIGHTED', 64, 1, 2),
         R={0: 8, 1: 100, 2: 4}, mem=weights, ins=[('RAND', 12)])
    case('RAND_WEIGHTED', 'rd-is-rs1', at('RAND_WEIGHTED', 1, 1, 2),
         R={1: 100, 2: 4}, mem=weights, ins=[('RAND', 12)])
    case('RAND_WEIGHTED', 'rd-is-rs2', at('RAND_WEIGHTED', 2, 1, 2),
         R={1: 100, 2: 4}, mem=weights, ins=[('RAND', 30)])
    case('RAND_WEIGHTED', 'round', at('RAND_WEIGHTED', 3, 1, 2),
         R={1: 100, 2: 65540}, mem=weights, ins=[('RAND', 45)])


def undefined_cases():
    for op in range(256):
        if op in BY_OPCODE:
            continue
        n = undefined_check(op)
        case('UNDEFINED', f'{op:02x}', [op] + [0] * (n - 1), STRIP=2)
        case('UNDEFINED', f'{op:02x}-short', [op] + [0] * (n - 2), STRIP=2)


HEADER = """\
# unified.oracle - one step of every row of the unified dialect.
#
# Written by tests/tools/unified_oracle.py from the fact table and from
# docs/corners.md, apart from the reference VM and from the IR. Read by
# tests/oracle.c. A line is one case:
#
#   ROW LABEL: BEFORE -> AFTER
#
# Both sides are words NAME=VALUE; numbers are decimal or 0x hex. The step is
# a run with fuel 1.
#
#   code=HEX      the program; the entry is 0
#   pc=N          0 if not given before; always given after
#   cycles=N      as pc
#   R1=5 C3=-2 F2=0x3f800000 Z=1 N=0 STRIP=3 HEAP=32768 AGENT=-1
#                 cells: initial if not given before, unchanged if not after
#   sp=N          as a cell
#   stk=A,B       the top of the live stack, the last is the topmost, the
#                 other live cells are 0; unchanged if neither stk nor sp is
#                 given after
#   mem[A]=HEX    bytes from address A. After: exactly these were stored to
#   in=NAME:V;... values from outside; all of them are consumed, in order
#   out=NAME:A,.. what was given to the outside; nothing if not given
#   unbound       the dialect without its bindings
#   opaque        an engine for which the row is opaque ends in the lethal
#                 fault `opaque` instead: the cycle and the strip counter
#                 have counted, nothing else is changed
#   status=S      run (fuel used up), halt, halt:CODE, end, fault:CODE,
#                 lethal:PREDICATE
"""


def main():
    print(HEADER)
    for name in ROWS:
        edges(name)
    system_cases()
    stack_cases()
    integer_cases()
    math_cases()
    float_cases()
    control_cases()
    memory_cases()
    run_cases()
    heap_cases()
    conf_cases()
    instinct_cases()
    trust_cases()
    outside_cases()
    undefined_cases()
    few = [n for n in ROWS if COUNTS.get(n, 0) < 6]
    assert not few, few
    print(sum(COUNTS.values()), 'cases', file=sys.stderr)


main()
