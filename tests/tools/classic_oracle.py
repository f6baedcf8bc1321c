#!/usr/bin/env python3
"""Writes tests/data/classic.oracle: one step of every row of the classic
dialect that has a meaning, with the states before and after.

    tests/tools/classic_oracle.py > tests/data/classic.oracle

The rows are written here from the fact table and from docs/corners.md, in
plain Python and without a look at the dialect's table. Nothing runs this file
in a build or a test; the oracle is checked in.
"""
from rowcase import (INF, INT_MAX, INT_MIN, NAN, NINF, ONE, PAIRS, WORDS,
                     Machine, Stop, bits32, f32, fault, header, le16, lethal,
                     quo, wrap)

REGISTERS, FRAMES, HEAP, REGION = 16, 256, 65536, 65536
NOP = 0x00
U32 = 0xFFFFFFFF


class Classic(Machine):
    """Every register byte of a row lies in its file, R, F or V."""

    def check_registers(self, shape, ops):
        letters = [c for c in shape if c != 'u']
        if any(c == 'r' and v >= REGISTERS for c, v in zip(letters, ops)):
            lethal('register_range')


M = Classic('classic', {'R': 16, 'F': 16, 'V': 64},
            {'Z': 0, 'S': 0, 'C': 0, 'O': 0, 'SP': 65536}, FRAMES,
            HEAP + REGION, 'lethal:past_code', 'fault:2', floats=('F',),
            starts=(('R', 11, 65536),))
# REGION_* MEMCOPY MEMSET, BOX UNBOX CHECK_TYPE, VLOAD VSTORE, RESOURCE_*.
M.opaque = {0x30, 0x31, 0x32, 0x33, 0x34, 0x39, 0x3A, 0x3B, 0x50, 0x51, 0x82,
            0x83}


def flags(s, v):
    s.Z, s.S = int(v == 0), int(v < 0)


# ------------------------------------------------------------------- rows --

def int_two(opcode, name, fn, sets_flags=False):
    """rd = fn(rd, rs1)"""
    def run(s, pc, end, rd, rs1):
        s.R[rd] = wrap(fn(s.R[rd], s.R[rs1]))
        if sets_flags:
            flags(s, s.R[rd])
    M.add(opcode, name, 'rr', run)


def int_one(opcode, name, fn, sets_flags=False):
    def run(s, pc, end, rd):
        s.R[rd] = wrap(fn(s.R[rd]))
        if sets_flags:
            flags(s, s.R[rd])
    M.add(opcode, name, 'r', run)


M.add(0x00, 'NOP', '', lambda s, pc, end: None)
int_two(0x01, 'MOV', lambda a, b: b)


@M.row(0x02, 'LOAD', 'ri')
def _(s, pc, end, rd, slot):
    s.R[rd] = s.word(HEAP + 4 * slot)


@M.row(0x03, 'STORE', 'ir')
def _(s, pc, end, slot, rs1):
    s.store(HEAP + 4 * slot, s.R[rs1], 4)


def branch(opcode, name, cond):
    """On flags; the first byte is not used."""
    M.add(opcode, name, 'us',
          lambda s, pc, end, n: wrap(end + n) if cond(s) else None)


branch(0x04, 'JMP', lambda s: True)
M.add(0x05, 'JZ', 'rs', lambda s, pc, end, rd, n:
      wrap(end + n) if s.R[rd] == 0 else None)
M.add(0x06, 'JNZ', 'rs', lambda s, pc, end, rd, n:
      wrap(end + n) if s.R[rd] != 0 else None)


def link(s, v):
    if len(s.stk) == FRAMES:
        fault(4)
    s.stk.append(v)


@M.row(0x07, 'CALL', 'us')
def _(s, pc, end, n):
    link(s, end)
    return end + n


int_two(0x08, 'IADD', lambda a, b: a + b, True)
int_two(0x09, 'ISUB', lambda a, b: a - b, True)
int_two(0x0A, 'IMUL', lambda a, b: a * b, True)


def divides(opcode, name, fn):
    def run(s, pc, end, rd, rs1):
        a, b = s.R[rd], s.R[rs1]
        if b == 0:
            fault(3)
        if a == INT_MIN and b == -1:
            lethal('div_overflow')
        s.R[rd] = fn(a, b)
    M.add(opcode, name, 'rr', run)


def remainder(a, b):
    return a - b * quo(a, b)


divides(0x0B, 'IDIV', quo)
divides(0x0C, 'IMOD', remainder)
int_one(0x0D, 'INEG', lambda a: -a, True)
int_one(0x0E, 'INC', lambda a: a + 1, True)
int_one(0x0F, 'DEC', lambda a: a - 1, True)
int_two(0x10, 'IAND', lambda a, b: a & b)
int_two(0x11, 'IOR', lambda a, b: a | b)
int_two(0x12, 'IXOR', lambda a, b: a ^ b)
int_one(0x13, 'INOT', lambda a: ~a)


def in_word(b):
    if not 0 <= b <= 31:
        lethal('shift_range')
    return b


def rotl(a, n):
    n &= 31
    a &= U32
    return a << n | a >> (32 - n)


int_two(0x14, 'ISHL', lambda a, b: a << in_word(b))
int_two(0x15, 'ISHR', lambda a, b: a >> in_word(b))
int_two(0x16, 'ROTL', rotl)
int_two(0x17, 'ROTR', lambda a, n: rotl(a, 32 - (n & 31)))


def compare(s, pc, end, rd, rs1):
    s.Z, s.S = int(s.R[rd] == s.R[rs1]), int(s.R[rd] < s.R[rs1])


M.add(0x18, 'ICMP', 'rr', compare)
int_two(0x19, 'IEQ', lambda a, b: a == b)
int_two(0x1A, 'ILT', lambda a, b: a < b)
int_two(0x1B, 'ILE', lambda a, b: a <= b)
int_two(0x1C, 'IGT', lambda a, b: a > b)
int_two(0x1D, 'IGE', lambda a, b: a >= b)
M.add(0x1E, 'TEST', 'rr',
      lambda s, pc, end, rd, rs1: flags(s, s.R[rd] & s.R[rs1]))


@M.row(0x1F, 'SETCC', 'ri')
def _(s, pc, end, rd, which):
    s.R[rd] = {0: s.Z, 1: s.S}.get(which, 0)


# ---- the stack region; SP is an unsigned offset in it
def stack_read(s, at):
    at &= U32
    return s.word(HEAP + at) if at + 4 <= REGION else 0


def stack_write(s, at, v):
    at &= U32
    if at + 4 <= REGION:
        s.store(HEAP + at, v, 4)


def region_push(s, v):
    if s.SP & U32 < 4:
        fault(4)
    s.SP = wrap(s.SP - 4)
    stack_write(s, s.SP, v)


def region_pop(s):
    v = stack_read(s, s.SP)
    s.SP = wrap(s.SP + 4)
    return v


M.add(0x20, 'PUSH', 'r', lambda s, pc, end, rd: region_push(s, s.R[rd]))


@M.row(0x21, 'POP', 'r')
def _(s, pc, end, rd):
    s.R[rd] = region_pop(s)


@M.row(0x22, 'DUP')
def _(s, pc, end):
    v = region_pop(s)
    region_push(s, v)
    region_push(s, v)


@M.row(0x23, 'SWAP')
def _(s, pc, end):
    a, b = stack_read(s, s.SP), stack_read(s, s.SP + 4)
    stack_write(s, s.SP, b)
    stack_write(s, s.SP + 4, a)


@M.row(0x24, 'ROT')
def _(s, pc, end):
    raise Stop('fault:2', past=False)


@M.row(0x25, 'ENTER', 'i')
def _(s, pc, end, n):
    link(s, s.SP)
    s.SP = wrap(s.SP - 4 * n)


@M.row(0x26, 'LEAVE', 'i')
def _(s, pc, end, n):
    if not s.stk:
        fault(5)
    s.SP = wrap(s.stk.pop() + 4 * n)


int_two(0x27, 'ALLOCA', lambda a, b: a + b)


@M.row(0x28, 'RET', 'u')
def _(s, pc, end):
    if not s.stk:
        fault(5)
    return s.stk.pop()


@M.row(0x29, 'CALL_IND', 'r')
def _(s, pc, end, rd):
    link(s, end)
    return s.R[rd]


M.add(0x2A, 'TAILCALL', 'r', lambda s, pc, end, rd: s.R[rd])


@M.row(0x2B, 'MOVI', 'rs')
def _(s, pc, end, rd, n):
    s.R[rd] = n


divides(0x2C, 'IREM', remainder)
M.add(0x2D, 'CMP', 'rr', compare)
branch(0x2E, 'JE', lambda s: s.Z)
branch(0x2F, 'JNE', lambda s: not s.Z)
branch(0x36, 'JL', lambda s: s.S != s.O)
branch(0x37, 'JGE', lambda s: s.S == s.O)
branch(0x4D, 'JG', lambda s: not s.Z and s.S != s.O)
branch(0x4E, 'JLE', lambda s: s.Z or s.S != s.O)


@M.row(0x35, 'MEMCMP', 'p')
def _(s, pc, end, payload):
    s.R[0] = 0


@M.row(0x38, 'CAST', 'ri')
def _(s, pc, end, rd, to_int):
    if not to_int:
        s.F[rd] = bits32(float(s.R[rd]))
        return
    x = f32(s.F[rd])
    if not -2.0**31 <= x < 2.0**31:          # a NaN is neither
        lethal('cast_range')
    s.R[rd] = int(x)


@M.row(0x3C, 'CHECK_BOUNDS', 'rr')
def _(s, pc, end, rd, rs1):
    s.R[0] = int(0 <= s.R[rd] < s.R[rs1])


# ---- floats
def float_two(opcode, name, fn):
    def run(s, pc, end, rd, rs1):
        s.F[rd] = fn(s.F[rd], s.F[rs1])
    M.add(opcode, name, 'rr', run)


def arithmetic(fn):
    return lambda a, b: bits32(fn(f32(a), f32(b)))


def divided(a, b):
    if f32(b) == 0:
        fault(3)
    return bits32(f32(a) / f32(b))


def canonical(bits):
    return NAN if f32(bits) != f32(bits) else bits


float_two(0x40, 'FADD', arithmetic(lambda a, b: a + b))
float_two(0x41, 'FSUB', arithmetic(lambda a, b: a - b))
float_two(0x42, 'FMUL', arithmetic(lambda a, b: a * b))
float_two(0x43, 'FDIV', divided)
float_two(0x46, 'FMIN', lambda a, b: a if f32(a) < f32(b) else b)
float_two(0x47, 'FMAX', lambda a, b: a if f32(a) > f32(b) else b)


@M.row(0x44, 'FNEG', 'r')
def _(s, pc, end, rd):
    s.F[rd] = canonical(s.F[rd] ^ 0x80000000)


@M.row(0x45, 'FABS', 'r')
def _(s, pc, end, rd):
    s.F[rd] = canonical(s.F[rd] & 0x7FFFFFFF)


def float_compare(opcode, name, fn):
    def run(s, pc, end, rd, rs1):
        s.R[rd] = int(fn(f32(s.F[rd]), f32(s.F[rs1])))
    M.add(opcode, name, 'rr', run)


float_compare(0x48, 'FEQ', lambda a, b: a == b)
float_compare(0x49, 'FLT', lambda a, b: a < b)
float_compare(0x4A, 'FLE', lambda a, b: a <= b)
float_compare(0x4B, 'FGT', lambda a, b: a > b)
float_compare(0x4C, 'FGE', lambda a, b: a >= b)


# ---- bytes of the heap
def heap_address(at):
    """None outside of it."""
    if at == -1:
        lethal('before_memory')
    return at if 0 <= at < HEAP else None


@M.row(0x4F, 'LOAD8', 'rr')
def _(s, pc, end, rd, rs1):
    at = heap_address(s.R[rs1])
    s.R[rd] = 0 if at is None else s.mem.get(at, 0)


@M.row(0x57, 'STORE8', 'rr')
def _(s, pc, end, rd, rs1):
    at = heap_address(s.R[rd])
    if at is not None:
        s.store(at, s.R[rs1])


# ---- vectors: cells 4n..4n+3 are register n
def vector(opcode, name, fn):
    def run(s, pc, end, rd, rs1):
        lanes = [fn(s.V[4 * rd + i], s.V[4 * rs1 + i]) for i in range(4)]
        s.V[4 * rd:4 * rd + 4] = [wrap(v) for v in lanes]
    M.add(opcode, name, 'rr', run)


def lane_quo(a, b):
    if a == INT_MIN and b == -1:
        lethal('div_overflow')
    return quo(a, b) if b else a


vector(0x52, 'VADD', lambda a, b: a + b)
vector(0x53, 'VSUB', lambda a, b: a - b)
vector(0x54, 'VMUL', lambda a, b: a * b)
vector(0x55, 'VDIV', lane_quo)


@M.row(0x56, 'VFMA', 'rrr')
def _(s, pc, end, rd, rs1, rs2):
    lanes = []
    for i in range(4):
        a, b, c = (f32(s.V[4 * r + i]) for r in (rd, rs1, rs2))
        lanes.append(wrap(bits32(a + f32(bits32(b * c)))))
    s.V[4 * rd:4 * rd + 4] = lanes


# ---- messages: the number of bytes, then twelve at a time
MESSAGES = (
    (0x60, 'TELL ASK DELEGATE DELEGATE_RESULT REPORT_STATUS REQUEST_OVERRIDE '
           'BROADCAST REDUCE DECLARE_INTENT ASSERT_GOAL VERIFY_OUTCOME '
           'EXPLAIN_FAILURE SET_PRIORITY'),
    (0x70, 'TRUST_CHECK TRUST_UPDATE TRUST_QUERY REVOKE_TRUST CAP_REQUIRE '
           'CAP_REQUEST CAP_GRANT CAP_REVOKE BARRIER SYNC_CLOCK '
           'FORMATION_UPDATE'))


def message(opcode, name):
    def run(s, pc, end, payload):
        s.out.append((name, len(payload)))
        for at in range(0, len(payload), 12):
            part = payload[at:at + 12].ljust(12, b'\0')
            s.out.append((name, *(
                int.from_bytes(part[i:i + 4], 'little', signed=True)
                for i in (0, 4, 8))))
    M.add(opcode, name, 'p', run)


for _first, _names in MESSAGES:
    for _i, _name in enumerate(_names.split()):
        message(_first + _i, _name)


def halt(s, pc, end):
    raise Stop('halt')


M.add(0x7B, 'EMERGENCY_STOP', '', halt)
M.add(0x80, 'HALT', '', halt)
M.add(0x81, 'YIELD', '', lambda s, pc, end: None)
M.add(0x84, 'DEBUG_BREAK', '', lambda s, pc, end: None)


# ------------------------------------------------------------------ cases --

def code(name, *ops):
    return [M.rows[name][0], *ops, NOP, NOP, NOP, NOP]


ON = {'Z': 1, 'S': 1, 'C': 1, 'O': 1}


def two(name, pairs=PAIRS):
    """rd, rs1"""
    for i, (a, b) in enumerate(pairs):
        M.case(name, f'values-{i}', code(name, 1, 2), R={1: a, 2: b},
               **(ON if i & 1 else {}))
    M.case(name, 'first-last', code(name, 0, 15), R={0: 50, 15: 6})
    M.case(name, 'last-first', code(name, 15, 0), R={0: 50, 15: 6})
    M.case(name, 'the-same', code(name, 3, 3), R={3: 6}, **ON)
    ranges(name, 2)


def ranges(name, count, **given):
    """Register bytes past the file, one at a time and all of them."""
    for at in range(count):
        for raw in (16, 31, 64, 97, 255):
            ops = [1] * count
            ops[at] = raw
            M.case(name, f'byte-{at}-is-{raw}', code(name, *ops),
                   R={1: 7}, **given)
    M.case(name, 'all-out', code(name, *[200] * count), **given)


def one(name, values=WORDS):
    for i, v in enumerate(values):
        M.case(name, f'value-{i}', code(name, 1), R={1: v},
               **(ON if i & 1 else {}))
    M.case(name, 'first', code(name, 0), R={0: 5})
    M.case(name, 'last', code(name, 15), R={15: -5})
    M.case(name, 'eleven', code(name, 11))
    ranges(name, 1)


def integer_cases():
    shifts = PAIRS + tuple((v, n) for v in (1, -1, INT_MIN, 0x12345678)
                           for n in (0, 1, 30, 31, 32, 33, -1, -32, INT_MIN))
    for name in ('MOV IADD ISUB IMUL IDIV IMOD IREM IAND IOR IXOR ICMP CMP '
                 'IEQ ILT ILE IGT IGE TEST ALLOCA').split():
        two(name)
    for name in ('ISHL', 'ISHR', 'ROTL', 'ROTR'):
        two(name, shifts)
    two('CHECK_BOUNDS', PAIRS + ((0, 1), (0, 0), (9, 10), (10, 10), (-1, 0),
                                 (INT_MAX, INT_MAX), (INT_MIN, INT_MAX)))
    M.case('CHECK_BOUNDS', 'result-is-rd', code('CHECK_BOUNDS', 0, 2),
           R={0: 3, 2: 9})
    for name in ('INEG', 'INC', 'DEC', 'INOT'):
        one(name, WORDS + (INT_MAX - 1,))
    for i, n in enumerate((0, 1, -1, 255, 256, 32767, -32768)):
        M.case('MOVI', f'value-{i}', code('MOVI', 1, *le16(n)), R={1: 5},
               **ON)
    for raw in (0, 11, 15, 16, 255):
        M.case('MOVI', f'byte-{raw}', code('MOVI', raw, 7, 0), R={0: 3})
        for which in (0, 1, 2, 3, 128, 255):
            for z, s in ((0, 0), (1, 0), (0, 1), (1, 1)):
                M.case('SETCC', f'{which}-{z}{s}-in-{raw}',
                       code('SETCC', raw, which), Z=z, S=s, C=1, O=1,
                       R={0: 9})


def slot_cases():
    for slot in (0, 1, 63, 64, 128, 255):
        text = {65536 + 4 * slot: 'fdfeff80'}
        for raw in (0, 11, 15, 16, 97, 255):
            M.case('LOAD', f'slot-{slot}-{raw}', code('LOAD', raw, slot),
                   R={0: 5, 15: -9}, mem=text)
            M.case('STORE', f'slot-{slot}-{raw}', code('STORE', slot, raw),
                   R={0: 5, 15: -9}, mem=text)


# SP where it begins, in between, and where the region ends or it wraps.
SPS = (65536, 65535, 65534, 65533, 65532, 65531, 65528, 65537, 65540, 65541,
       65539, 8, 7, 5, 4, 3, 2, 1, 0, -1, -2, -3, -4, -5, -8, -9, INT_MIN,
       INT_MAX, 4096, 131072)
REGION_TEXT = {65536: '0102030405060708090a0b0c', 131060: '11223344556677'
               '8899aabbcc', 69624: '0d0e0f101112131415161718191a1b1c',
               0: 'ffffffff'}


def frames(depth):
    return [0] * (depth - 1) + [4] if depth else []


def region_cases():
    for i, sp in enumerate(SPS):
        for name in ('PUSH', 'POP'):
            for raw in (1, 0, 15):
                M.case(name, f'sp-{i}-register-{raw}', code(name, raw),
                       SP=sp, R={0: 3, 1: 0x12345678, 15: -2},
                       mem=REGION_TEXT)
        for name in ('DUP', 'SWAP'):
            M.case(name, f'sp-{i}', code(name), SP=sp, mem=REGION_TEXT)
            M.case(name, f'sp-{i}-zeros', code(name), SP=sp)
        for n in (0, 1, 255):
            M.case('ENTER', f'{n}-sp-{i}', code('ENTER', n), SP=sp, stk=[7])
            M.case('LEAVE', f'{n}-sp-{i}', code('LEAVE', n), SP=12,
                   stk=[7, sp])
    for depth in (0, 255, 256):
        M.case('ENTER', f'depth-{depth}', code('ENTER', 9),
               stk=frames(depth))
    M.case('POP', 'eleven', code('POP', 11), SP=65532)
    for n in (0, 1, 255):
        M.case('LEAVE', f'{n}-empty', code('LEAVE', n))
        M.case('LEAVE', f'{n}-full', code('LEAVE', n), stk=frames(256))
    for name in ('PUSH', 'POP'):
        ranges(name, 1)
    for depth in (0, 1, 256):
        for i in range(2):
            M.case('ROT', f'depth-{depth}-{i}', code('ROT'),
                   stk=frames(depth), SP=65528 * i)


def control_cases():
    offsets = (0, 1, 4, -4, -8, -9, -10, 100, 32767, -32768)
    every = [dict(zip('ZSO', (z, s, o)))
             for z in (0, 1) for s in (0, 1) for o in (0, 1)]
    for name in ('JMP', 'JE', 'JNE', 'JL', 'JGE', 'JG', 'JLE'):
        for k, given in enumerate(every):
            M.case(name, f'flags-{k}', code(name, 0xAA, 8, 0), **given)
            M.case(name, f'flags-{k}-negative', code(name, 1, 0, 0x80),
                   **given)
        for i, n in enumerate(offsets):
            M.case(name, f'offset-{i}', [NOP] * 5 + code(name, 0, *le16(n)),
                   pc=5, S=i & 1, Z=i >> 1 & 1)
    for name in ('JZ', 'JNZ'):
        for i, n in enumerate(offsets):
            for k, v in enumerate((0, 1, INT_MIN)):
                M.case(name, f'offset-{i}-{k}',
                       [NOP] * 5 + code(name, 1, *le16(n)), pc=5, R={1: v},
                       Z=k & 1)
        for raw in (0, 15, 16, 96, 255):
            M.case(name, f'byte-{raw}', code(name, raw, 2, 0), R={15: 1})
    for i, n in enumerate(offsets):
        for depth in (0, 1, 255, 256):
            M.case('CALL', f'offset-{i}-depth-{depth}',
                   [NOP] * 5 + code('CALL', 9, *le16(n)), pc=5,
                   stk=frames(depth))
    targets = (0, 1, 6, 7, 100, 65536, INT_MAX, -1, INT_MIN)
    for i, to in enumerate(targets):
        M.case('RET', f'to-{i}', code('RET', 5), stk=[3, to])
        M.case('TAILCALL', f'to-{i}', code('TAILCALL', 15), R={15: to})
        for depth in (0, 255, 256):
            M.case('CALL_IND', f'to-{i}-depth-{depth}',
                   [NOP, NOP] + code('CALL_IND', 2), pc=2, R={2: to},
                   stk=frames(depth))
    M.case('RET', 'empty', code('RET', 5))
    M.case('RET', 'full', code('RET', 0), stk=frames(256))
    for name in ('TAILCALL', 'CALL_IND'):
        ranges(name, 1)
    M.case('CALL_IND', 'byte-and-full', code('CALL_IND', 16), stk=frames(256))


FLOATS = (0, 0x80000000, ONE, 0xBF800000, bits32(1.5), bits32(-2.5),
          bits32(0.1), bits32(1e-45), 0x007FFFFF, 0x7F7FFFFF, 0xFF7FFFFF,
          INF, NINF, NAN, bits32(2.0**31), bits32(-2.0**31),
          bits32(2.0**31 - 128), bits32(-2.0**31 - 256), bits32(3e9),
          bits32(16777217.0), bits32(0.99999994), bits32(-0.99999994))


def float_cases():
    some = FLOATS[:4] + FLOATS[5:8] + FLOATS[9:14]
    for name in ('FADD FSUB FMUL FDIV FMIN FMAX FEQ FLT FLE FGT '
                 'FGE').split():
        for i, a in enumerate(some):
            for k, b in enumerate(some):
                M.case(name, f'values-{i}-{k}', code(name, 1, 2),
                       F={1: a, 2: b}, R={1: 7})
        M.case(name, 'the-same', code(name, 3, 3), F={3: bits32(0.7)})
        M.case(name, 'first-last', code(name, 0, 15), F={0: ONE, 15: ONE})
        ranges(name, 2)
    for name in ('FNEG', 'FABS'):
        for i, a in enumerate(FLOATS):
            M.case(name, f'value-{i}', code(name, 15), F={15: a}, **ON)
        ranges(name, 1)
    for which in (0, 1, 2, 255):
        for i, a in enumerate(FLOATS):
            M.case('CAST', f'{which}-float-{i}', code('CAST', 2, which),
                   F={2: a}, R={2: -3})
        for i, v in enumerate(WORDS + (16777217, -16777219, 2**31 - 64)):
            M.case('CAST', f'{which}-integer-{i}', code('CAST', 2, which),
                   F={2: ONE}, R={2: v})
        for raw in (16, 32, 255):
            M.case('CAST', f'{which}-byte-{raw}', code('CAST', raw, which))


def heap_cases():
    text = {0: '8100', 65535: 'fe', 256: '7f', 65536: '99'}
    for i, at in enumerate((0, 1, 255, 256, 65534, 65535, 65536, 65537, -1,
                            -2, INT_MAX, INT_MIN, 131071, -65536)):
        M.case('LOAD8', f'address-{i}', code('LOAD8', 1, 2),
               R={1: 5, 2: at}, mem=text)
        M.case('STORE8', f'address-{i}', code('STORE8', 1, 2),
               R={1: at, 2: 0x1234}, mem=text)
        M.case('STORE8', f'address-{i}-itself', code('STORE8', 3, 3),
               R={3: at})
    for i, v in enumerate(WORDS):
        M.case('STORE8', f'value-{i}', code('STORE8', 0, 15),
               R={0: 300, 15: v}, **ON)
    M.case('LOAD8', 'itself', code('LOAD8', 3, 3), R={3: 256}, mem=text)
    for name in ('LOAD8', 'STORE8'):
        ranges(name, 2)
    for i, payload in enumerate((
            [], [1], [0] * 12, [1, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0],
            [255] * 12, [7] * 40)):
        M.case('MEMCMP', f'payload-{i}',
               code('MEMCMP', *le16(len(payload)), *payload), R={0: 9},
               mem=text, **ON)


def lanes(*registers):
    """{cell: value} of registers given as (number, four lanes)."""
    return {4 * n + i: v for n, four in registers
            for i, v in enumerate(four)}


def vector_cases():
    rows = [PAIRS[i:i + 4] for i in range(0, len(PAIRS) - 3, 2)]
    rows.append(((1, 0), (INT_MIN, 0), (-7, 2), (7, -2)))
    rows += [tuple((INT_MIN, -1) if i == k else (9, 2) for i in range(4))
             for k in range(4)]
    for name in ('VADD', 'VSUB', 'VMUL', 'VDIV'):
        for i, pairs in enumerate(rows):
            a, b = zip(*pairs)
            M.case(name, f'lanes-{i}', code(name, 1, 2),
                   V=lanes((1, a), (2, b)), **ON)
        M.case(name, 'the-same', code(name, 3, 3),
               V=lanes((3, (5, -6, 0, INT_MAX))))
        M.case(name, 'first-last', code(name, 0, 15),
               V=lanes((0, (1, 2, 3, 4)), (15, (5, 6, 7, -8))))
        M.case(name, 'last-first', code(name, 15, 0),
               V=lanes((0, (1, 2, 3, 4)), (15, (5, 6, 7, -8))))
        ranges(name, 2)
    bits = [wrap(v) for v in FLOATS]
    for i in range(len(bits) - 5):
        M.case('VFMA', f'lanes-{i}', code('VFMA', 1, 2, 3),
               V=lanes((1, bits[i:i + 4]), (2, bits[i + 1:i + 5]),
                       (3, bits[i + 2:i + 6])))
        M.case('VFMA', f'lanes-{i}-tenths', code('VFMA', 1, 2, 3),
               V=lanes((1, [wrap(bits32(0.1))] * 4), (2, bits[i:i + 4]),
                       (3, [wrap(bits32(-0.3))] * 4)))
    M.case('VFMA', 'other-nans', code('VFMA', 4, 5, 6),
           V=lanes((4, (-1, 0x7F800001, 1, 1)), (5, (1, 1, -2, 1)),
                   (6, (1, 1, 1, -3))))
    for i, regs in enumerate(((3, 3, 3), (3, 3, 4), (3, 4, 3), (15, 0, 15))):
        M.case('VFMA', f'registers-{i}', code('VFMA', *regs),
               V=lanes((3, bits[2:6]), (4, bits[4:8]), (15, bits[3:7])))
    ranges('VFMA', 3)


def message_cases():
    payloads = ([], [0], list(b'hello'), list(range(250, 256)) * 2,
                list(range(13)), [255] * 24, list(range(100, 137)))
    for _, names in MESSAGES:
        for name in names.split():
            for i, payload in enumerate(payloads):
                M.case(name, f'payload-{i}',
                       code(name, *le16(len(payload)), *payload), **ON)
            M.case(name, 'unbound', code(name, 2, 0, 7, 7), unbound=True)
            M.case(name, 'payload-cut', [M.rows[name][0], 5, 0, 1, 2, 3, 4])
            M.case(name, 'payload-long', [M.rows[name][0], 0, 128, 1, 2])


def system_cases():
    for name in ('NOP', 'HALT', 'EMERGENCY_STOP', 'YIELD', 'DEBUG_BREAK'):
        for n in range(4):
            M.case(name, f'at-{n}', [NOP] * n + code(name), pc=n,
                   cycles=1000 * n, R={1: n}, stk=[5] * n, **ON)


def main():
    header('classic', 'R1=5 F2=0x3f800000 V7=3 (lane 3 of register 1) Z=1 '
           'S=0 SP=65536', 'FRM')
    for name in M.rows:
        given = {'stk': [2]} if name in ('RET', 'LEAVE') else {}
        given |= {'R': {0: 3}, 'F': {0: ONE}}
        M.bounds(name, NOP, **given)
    integer_cases()
    slot_cases()
    region_cases()
    control_cases()
    float_cases()
    heap_cases()
    vector_cases()
    message_cases()
    system_cases()
    M.undefined()
    M.finish()


main()
