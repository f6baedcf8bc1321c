#!/usr/bin/env python3
"""Writes tests/data/stack.oracle: one step of every row of the stack dialect
that has a meaning, with the states before and after.

    tests/tools/stack_oracle.py > tests/data/stack.oracle

The rows are written here from the fact table and from docs/corners.md, in
plain Python (which is the machine's own language: its integers are unbounded
here too until the end) and without a look at the dialect's table. Nothing
runs this file in a build or a test; the oracle is checked in.
"""
import struct

from rowcase import (INT_MAX, INT_MIN, ONE, PAIRS, WORDS, Machine, Stop,
                     bits32, f32, fault, header, le16, lethal)

STACK, LINKS, MEM = 1024, 256, 65536
M = Machine('stack', {}, {'Z': 0, 'S': 0, 'C': 0, 'O': 0, 'CONF': ONE},
            STACK, MEM, 'fault:1', 'fault:3', floats=('CONF',),
            links=('CALLSTK', 'CSP'))
M.opaque = {0x92}
NOP = 0x01


def need(s, n):
    if len(s.stk) < n:
        fault(4)


def room(s):
    if len(s.stk) == STACK:
        lethal('stack_full')


def cell(v):
    """What a cell of ours can hold."""
    if not INT_MIN <= v <= INT_MAX:
        lethal('unrepresentable')
    return v


def logic_flags(s, r):
    s.Z, s.S, s.C, s.O = int(r == 0), int(r < 0), 0, 0


def add_flags(s, r, a, b):
    s.Z, s.S = int(r == 0), int(r < 0)
    s.C = int((a & 0xFFFFFFFF) + (b & 0xFFFFFFFF) > 0xFFFFFFFF)
    s.O = int((a > 0 and b > 0 and r < 0) or (a < 0 and b < 0 and r > 0))


def sub_flags(s, r, a, b):
    s.Z, s.S, s.O = int(r == 0), int(r < 0), 0
    s.C = int(a < b) if a >= 0 and b >= 0 else 0


def mul_flags(s, r, a, b):
    s.Z, s.S = int(r == 0), int(r < 0)
    s.C = int((a & 0xFFFFFFFF) * (b & 0xFFFFFFFF) > 0xFFFFFFFF)
    low = struct.unpack('<i', struct.pack('<I', r & 0xFFFFFFFF))[0]
    s.O = int((a > 0 and b > 0 and low < 0) or (a < 0 and b < 0 and low > 0))


# ------------------------------------------------------------------- rows --

def halt(s, pc, end):
    raise Stop('halt')


M.add(0x00, 'HALT', '', halt)
M.add(0x01, 'NOP', '', lambda s, pc, end: None)
M.add(0x02, 'BREAK', '', halt)


def binary(opcode, name, fn, flags, divides=False):
    def run(s, pc, end):
        need(s, 2)
        a, b = s.stk[-2:]
        if divides and b == 0:
            fault(2)
        r = cell(fn(a, b))
        s.stk[-2:] = [r]
        flags(s, r, a, b)
    M.add(opcode, name, '', run)


def unary(opcode, name, fn, flags):
    def run(s, pc, end):
        need(s, 1)
        a = s.stk[-1]
        s.stk[-1] = cell(fn(a))
        flags(s, s.stk[-1], a)
    M.add(opcode, name, '', run)


def logic(s, r, *_):
    logic_flags(s, r)


binary(0x10, 'ADD', lambda a, b: a + b, add_flags)
binary(0x11, 'SUB', lambda a, b: a - b, sub_flags)
binary(0x12, 'MUL', lambda a, b: a * b, mul_flags)
binary(0x13, 'DIV', lambda a, b: int(a / b), add_flags, True)
binary(0x14, 'MOD', lambda a, b: a % b, add_flags, True)
unary(0x15, 'NEG', lambda a: -a, logic)
unary(0x16, 'INC', lambda a: a + 1, lambda s, r, a: add_flags(s, r, a, 1))
unary(0x17, 'DEC', lambda a: a - 1, lambda s, r, a: sub_flags(s, r, a, 1))
binary(0x20, 'EQ', lambda a, b: int(a == b), logic)
binary(0x21, 'NE', lambda a, b: int(a != b), logic)
binary(0x22, 'LT', lambda a, b: int(a < b), logic)
binary(0x23, 'LE', lambda a, b: int(a <= b), logic)
binary(0x24, 'GT', lambda a, b: int(a > b), logic)
binary(0x25, 'GE', lambda a, b: int(a >= b), logic)
binary(0x30, 'AND', lambda a, b: a & b, logic)
binary(0x31, 'OR', lambda a, b: a | b, logic)
binary(0x32, 'XOR', lambda a, b: a ^ b, logic)
unary(0x33, 'NOT', lambda a: ~a, logic)
binary(0x34, 'SHL', lambda a, b: a << (b & 31), logic)
binary(0x35, 'SHR', lambda a, b: a >> (b & 31), logic)


def address(a):
    """Where a word at an address lies, as struct finds it in a bytearray."""
    try:
        struct.unpack_from('<i', bytearray(MEM), a)
    except struct.error:
        fault(6)
    return a % MEM


@M.row(0x40, 'LOAD', 'a')
def _(s, pc, end, at):
    room(s)
    s.stk.append(s.word(address(at)))


@M.row(0x41, 'STORE', 'a')
def _(s, pc, end, at):
    need(s, 1)
    at = address(at)
    s.store(at, s.stk.pop(), 4)


@M.row(0x43, 'PEEK')
def _(s, pc, end):
    need(s, 1)
    s.stk[-1] = s.word(address(s.stk[-1]))


@M.row(0x44, 'POKE')
def _(s, pc, end):
    need(s, 2)
    at = address(s.stk[-2])
    s.store(at, s.stk.pop(), 4)
    s.stk.pop()


M.add(0x50, 'JMP', 'a', lambda s, pc, end, to: to)
M.add(0x51, 'JZ', 'a', lambda s, pc, end, to: to if s.Z else None)
M.add(0x52, 'JNZ', 'a', lambda s, pc, end, to: None if s.Z else to)


@M.row(0x53, 'CALL', 'a')
def _(s, pc, end, to):
    if len(s.links) == LINKS:
        lethal('calls_full')
    s.links.append(end)
    return to


@M.row(0x54, 'RET')
def _(s, pc, end):
    if not s.links:
        fault(5)
    if s.links[-1] < 0:
        lethal('negative_target')
    return s.links.pop()


@M.row(0x55, 'PUSH', 'w')
def _(s, pc, end, v):
    room(s)
    s.stk.append(v)


@M.row(0x56, 'POP')
def _(s, pc, end):
    need(s, 1)
    s.stk.pop()


@M.row(0x60, 'DUP')
def _(s, pc, end):
    need(s, 1)
    room(s)
    s.stk.append(s.stk[-1])


@M.row(0x61, 'SWAP')
def _(s, pc, end):
    need(s, 2)
    s.stk[-2:] = reversed(s.stk[-2:])


@M.row(0x62, 'OVER')
def _(s, pc, end):
    need(s, 2)
    room(s)
    s.stk.append(s.stk[-2])


@M.row(0x63, 'ROT')
def _(s, pc, end):
    need(s, 3)
    a, b, c = s.stk[-3:]
    s.stk[-3:] = [b, c, a]


def makes_float(opcode, name, divides=False):
    def run(s, pc, end):
        need(s, 2)
        if divides and s.stk[-1] == 0:
            fault(2)
        lethal('unrepresentable')
    M.add(opcode, name, '', run)


makes_float(0x70, 'FADD')
makes_float(0x71, 'FSUB')
makes_float(0x72, 'FMUL')
makes_float(0x73, 'FDIV', True)
M.add(0x80, 'CONF_GET', '', lambda s, pc, end: lethal('unrepresentable'))


def clamped(x):
    return bits32(max(0.0, min(1.0, x)))


@M.row(0x81, 'CONF_SET')
def _(s, pc, end):
    need(s, 1)
    s.CONF = clamped(float(s.stk.pop()))


@M.row(0x82, 'CONF_MUL')
def _(s, pc, end):
    need(s, 1)
    value = f32(bits32(float(s.stk.pop())))
    s.CONF = clamped(f32(s.CONF) * value)


def emitter(opcode, name):
    def run(s, pc, end, channel):
        need(s, 1)
        s.out.append((name, channel, s.stk.pop()))
    M.add(opcode, name, 'i', run)


emitter(0x90, 'SIGNAL')
emitter(0x91, 'BROADCAST')


# ------------------------------------------------------------------ cases --

def code(name, *ops):
    return [M.rows[name][0], *ops, NOP, NOP, NOP]


def depths(name, *ops, **given):
    for stk in ([], [5], [5, -6], [5, -6, 7], [9] * 10):
        M.case(name, f'depth-{len(stk)}', code(name, *ops), stk=stk, **given)
    for n in (1022, 1023, 1024):
        M.case(name, f'depth-{n}', code(name, *ops),
               stk=[0] * (n - 3) + [3, 2, 1], **given)


FLAGS = ({'Z': 1, 'S': 1, 'C': 1, 'O': 1}, {})
BINARY = ('ADD SUB MUL DIV MOD EQ NE LT LE GT GE AND OR XOR SHL SHR FADD '
          'FSUB FMUL FDIV').split()
MORE = ((46341, 46341), (46340, 46340), (-46341, 46341), (65536, 32768),
        (-65536, 32768), (-32768, -65536), (INT_MIN, 2), (INT_MIN, 0),
        (0, INT_MIN), (1, 31), (1, 30), (-1, 32), (3, 30), (-2, 30),
        (INT_MAX, 0), (2, INT_MAX), (-7, 7), (7, -7), (-8, -2), (-2, -8),
        (INT_MIN, INT_MAX), (-1, INT_MIN))


def arithmetic():
    for name in BINARY:
        depths(name)
        for i, (a, b) in enumerate(PAIRS + MORE):
            M.case(name, f'values-{i}', code(name), stk=[77, a, b],
                   **FLAGS[i & 1])
    for name in ('NEG', 'INC', 'DEC', 'NOT'):
        depths(name)
        for i, v in enumerate(WORDS + (INT_MAX - 1,)):
            M.case(name, f'value-{i}', code(name), stk=[3, v],
                   **FLAGS[i & 1])


def stack_rows():
    for name in ('POP', 'DUP', 'SWAP', 'OVER', 'ROT'):
        depths(name, **FLAGS[0])
        for i, (a, b) in enumerate(PAIRS[:6]):
            M.case(name, f'values-{i}', code(name), stk=[1, 2, a, b])
    for i, v in enumerate(WORDS):
        M.case('PUSH', f'value-{i}',
               code('PUSH', *struct.pack('<i', v)), stk=[4])
    depths('PUSH', 0xFE, 0xFF, 0xFF, 0xFF)
    for name in ('NOP', 'HALT', 'BREAK'):
        depths(name)
        M.case(name, 'late', [NOP] * 5 + code(name), pc=5, cycles=1000)


ADDRESSES = (0, 1, 255, 256, 65531, 65532, 65533, 65535, 65536, -1, -2, -3,
             -4, -5, -256, -65533, -65534, -65535, -65536, -65537, -131072,
             INT_MAX, INT_MIN, 131072, 70000)


def memory():
    for i, at in enumerate(a for a in ADDRESSES if 0 <= a <= 65535):
        text = {at: '78563492'} if at <= 65532 else {}
        M.case('LOAD', f'address-{i}', code('LOAD', *le16(at)), stk=[4],
               mem=text)
        M.case('STORE', f'address-{i}', code('STORE', *le16(at)),
               stk=[4, -5], mem=text)
        M.case('STORE', f'address-{i}-empty', code('STORE', *le16(at)))
    for i, at in enumerate(ADDRESSES):
        text = {at % MEM: '78563492'} if at % MEM <= 65532 else {}
        M.case('PEEK', f'address-{i}', code('PEEK'), stk=[4, at], mem=text)
        M.case('POKE', f'address-{i}', code('POKE'), stk=[4, at, -5],
               mem=text)
        M.case('POKE', f'address-{i}-zero', code('POKE'), stk=[at, 0])
    for name in ('PEEK', 'POKE'):
        depths(name)
    for name in ('LOAD', 'STORE'):
        depths(name, 16, 0, mem={16: 'ffffff7f'}, **FLAGS[0])
    for i, v in enumerate(WORDS):
        M.case('STORE', f'value-{i}', code('STORE', 9, 0), stk=[v])


def control():
    for name in ('JMP', 'JZ', 'JNZ'):
        for i, to in enumerate((0, 1, 3, 6, 7, 100, 65535)):
            for k, flags in enumerate(({}, {'Z': 1}, {'S': 1, 'C': 1})):
                M.case(name, f'to-{i}-{k}', code(name, *le16(to)),
                       stk=[0, 1], **flags)
    for i, to in enumerate((0, 4, 6, 100, 65535)):
        for n in (0, 1, 255, 256):
            M.case('CALL', f'to-{i}-depth-{n}', code('CALL', *le16(to)),
                   links=[0] * (n - 1) + [9] * (n > 0), stk=[3])
        M.case('CALL', f'to-{i}-late', [NOP] * 5 + code('CALL', *le16(to)),
               pc=5)
    for i, to in enumerate((0, 1, 4, 5, 100, INT_MAX, -1, INT_MIN)):
        M.case('RET', f'to-{i}', code('RET'), links=[7, to], stk=[3])
        M.case('RET', f'to-{i}-last', code('RET'), links=[to])
    M.case('RET', 'empty', code('RET'), stk=[1, 2, 3])
    M.case('RET', 'full', code('RET'), links=[0] * 255 + [2])


def confidence():
    halves = (0, ONE, bits32(0.5), bits32(0.1), bits32(1e-9), 0x80000000)
    for name in ('CONF_GET', 'CONF_SET', 'CONF_MUL'):
        depths(name, **FLAGS[0])
        for i, conf in enumerate(halves):
            for k, v in enumerate((0, 1, 2, -1, 3, 9, INT_MAX, INT_MIN,
                                   16777217)):
                M.case(name, f'conf-{i}-{k}', code(name), stk=[8, v],
                       CONF=conf)


def messages():
    for name in ('SIGNAL', 'BROADCAST'):
        for n in (0, 1, 255):
            depths(name, n)
            for i, v in enumerate(WORDS):
                M.case(name, f'channel-{n}-{i}', code(name, n), stk=[1, v])


def main():
    header('stack', 'Z=1 S=1 C=1 O=1 CONF=0x3f000000 CSP=1 CALLSTK0=5',
           'STK')
    for name in M.rows:
        M.bounds(name, NOP, stk=[6, 3], links=[2] if name == 'RET' else [])
    arithmetic()
    stack_rows()
    memory()
    control()
    confidence()
    messages()
    M.undefined()
    M.finish()


main()
