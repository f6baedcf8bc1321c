#!/usr/bin/env python3
"""Writes tests/data/seed.oracle: one step of every row of the seed dialect,
with the states before and after.

    tests/tools/seed_oracle.py > tests/data/seed.oracle

The rows are written here from the fact table and from docs/corners.md, in
plain Python and without a look at the dialect's table. Nothing runs this file
in a build or a test; the oracle is checked in.
"""
from rowcase import (INT_MAX, INT_MIN, PAIRS, WORDS, Machine, Stop, fault,
                     header, le16, quo, wrap)

CELLS = 256
M = Machine('seed', {}, {}, CELLS, 1024, 'fault:1', 'fault:3')
NOP = 0x00


def popped(s):
    """A missing operand counts as 0."""
    return s.stk.pop() if s.stk else 0


def push(s, v):
    if len(s.stk) == CELLS:
        fault(4)
    s.stk.append(wrap(v))


def full(s):
    if len(s.stk) == CELLS:
        fault(4)


# ------------------------------------------------------------------- rows --

M.add(0x00, 'NOP', '', lambda s, pc, end: None)
M.add(0x01, 'PUSH', 'j', lambda s, pc, end, n: push(s, n))


@M.row(0x02, 'POP')
def _(s, pc, end):
    popped(s)


@M.row(0x03, 'DUP')
def _(s, pc, end):
    full(s)
    a = popped(s)
    push(s, a)
    push(s, a)


@M.row(0x04, 'SWAP')
def _(s, pc, end):
    b, a = popped(s), popped(s)
    push(s, b)
    push(s, a)


@M.row(0x05, 'OVER')
def _(s, pc, end):
    full(s)
    b, a = popped(s), popped(s)
    for v in (a, b, a):
        push(s, v)


def binary(opcode, name, fn, divides=False):
    def run(s, pc, end):
        if divides and (s.stk[-1] if s.stk else 0) == 0:
            fault(2)
        b, a = popped(s), popped(s)
        push(s, fn(a, b))
    M.add(opcode, name, '', run)


binary(0x08, 'ADD', lambda a, b: a + b)
binary(0x09, 'SUB', lambda a, b: a - b)
binary(0x0A, 'MUL', lambda a, b: a * b)
binary(0x0B, 'DIV', quo, True)
binary(0x0C, 'MOD', lambda a, b: a - b * quo(a, b), True)
binary(0x0D, 'AND', lambda a, b: a & b)
binary(0x0E, 'OR', lambda a, b: a | b)
binary(0x0F, 'XOR', lambda a, b: a ^ b)
binary(0x10, 'LT', lambda a, b: int(a < b))
binary(0x11, 'EQ', lambda a, b: int(a == b))


@M.row(0x12, 'NOT')
def _(s, pc, end):
    push(s, int(popped(s) == 0))


M.add(0x18, 'JMP', 's', lambda s, pc, end, n: end + n)


@M.row(0x19, 'JZ', 's')
def _(s, pc, end, n):
    return end + n if popped(s) == 0 else None


@M.row(0x1A, 'JNZ', 's')
def _(s, pc, end, n):
    return end + n if popped(s) != 0 else None


@M.row(0x20, 'LOAD', 'i')
def _(s, pc, end, n):
    push(s, s.word(4 * n))


@M.row(0x21, 'STORE', 'i')
def _(s, pc, end, n):
    s.store(4 * n, popped(s), 4)


@M.row(0x30, 'SENSE', 'i')
def _(s, pc, end, n):
    full(s)
    push(s, s.take('SENSE', n))


@M.row(0x31, 'ACT', 'i')
def _(s, pc, end, n):
    s.out.append(('ACT', n, popped(s)))


@M.row(0x32, 'DECAY', 'i')
def _(s, pc, end, n):
    push(s, popped(s) * n >> 8)


@M.row(0x33, 'THRESHOLD', 'j')
def _(s, pc, end, n):
    push(s, int(popped(s) >= n))


M.add(0x34, 'YIELD', '', lambda s, pc, end: None)


@M.row(0xFF, 'HALT')
def _(s, pc, end):
    raise Stop('halt')


# ------------------------------------------------------------------ cases --

def code(name, *ops):
    return [M.rows[name][0], *ops, NOP, NOP, NOP]


def depths(name, *ops, **given):
    """On stacks of all depths that matter."""
    for stk in ([], [5], [5, -6], [5, -6, 7], [9] * 10):
        M.case(name, f'depth-{len(stk)}', code(name, *ops), stk=stk, **given)
    for n in (254, 255, 256):
        M.case(name, f'depth-{n}', code(name, *ops),
               stk=[0] * (n - 3) + [3, 2, 1], **given)


def arithmetic():
    for name in ('ADD', 'SUB', 'MUL', 'DIV', 'MOD', 'AND', 'OR', 'XOR', 'LT',
                 'EQ'):
        depths(name)
        for i, (a, b) in enumerate(PAIRS):
            M.case(name, f'values-{i}', code(name), stk=[77, a, b])
            M.case(name, f'alone-{i}', code(name), stk=[b])
    depths('NOT')
    for i, v in enumerate(WORDS):
        M.case('NOT', f'value-{i}', code('NOT'), stk=[3, v])


def stack_rows():
    for name in ('POP', 'DUP', 'SWAP', 'OVER'):
        depths(name)
        for i, (a, b) in enumerate(PAIRS[:6]):
            M.case(name, f'values-{i}', code(name), stk=[1, 2, a, b])
    for n in (0, 1, 127, 128, 255):
        depths('PUSH', n)
    for name in ('NOP', 'YIELD', 'HALT'):
        for depth in (0, 1, 256):
            M.case(name, f'depth-{depth}', code(name), stk=[0] * depth)
        M.case(name, 'late', [NOP] * 5 + code(name), pc=5, cycles=1000)


def control():
    for name in ('JMP', 'JZ', 'JNZ'):
        for stk in ([], [0], [1], [0, -1], [1, 0], [INT_MIN], [0] * 255 + [5]):
            M.case(name, f'stack-{len(stk)}-{sum(stk)}', code(name, 2, 0),
                   stk=stk)
        for i, n in enumerate((0, 1, 3, -3, -8, -9, 100, 32767, -32768)):
            M.case(name, f'offset-{i}', [NOP] * 5 + code(name, *le16(n)),
                   pc=5, stk=[0])
            M.case(name, f'offset-{i}-one', [NOP] * 5 +
                   code(name, *le16(n)), pc=5, stk=[1])


def memory():
    for n in (0, 1, 63, 64, 255):
        text = {4 * n: '78563412'}
        depths('LOAD', n, mem=text)
        depths('STORE', n, mem=text)
        for i, v in enumerate(WORDS):
            M.case('STORE', f'cell-{n}-value-{i}', code('STORE', n),
                   stk=[8, v], mem=text)
    M.case('LOAD', 'negative', code('LOAD', 9), mem={36: 'feffffff'})
    M.case('STORE', 'same', code('STORE', 9), stk=[1], mem={36: '01000000'})


def outside():
    for n in (0, 1, 128, 255):
        for i, v in enumerate((0, 1, -1, INT_MAX, INT_MIN)):
            M.case('SENSE', f'source-{n}-{i}', code('SENSE', n), stk=[4],
                   ins=[('SENSE', n, v)])
            M.case('ACT', f'channel-{n}-{i}', code('ACT', n), stk=[4, v])
        M.case('ACT', f'channel-{n}-empty', code('ACT', n))
        depths('ACT', n)
    M.case('SENSE', 'empty', code('SENSE', 7), ins=[('SENSE', 7, 9)])
    M.case('SENSE', 'last-cell', code('SENSE', 7), stk=[1] * 255,
           ins=[('SENSE', 7, 9)])
    M.case('SENSE', 'full', code('SENSE', 7), stk=[1] * 256)
    for n in (0, 1, 127, 128, 243, 255):
        depths('DECAY', n)
        depths('THRESHOLD', n)
        for i, v in enumerate(WORDS + (256, 257, -255, -256, -257)):
            M.case('DECAY', f'by-{n}-value-{i}', code('DECAY', n),
                   stk=[6, v])
        for i, v in enumerate(WORDS + (127, 128, -127, -128, -129)):
            M.case('THRESHOLD', f'at-{n}-value-{i}', code('THRESHOLD', n),
                   stk=[6, v])


def main():
    header('seed', '(there are no cells but the stack)', 'STK')
    for name in M.rows:
        given = {'ins': [('SENSE', 0, 5)]} if name == 'SENSE' else {}
        M.bounds(name, NOP, stk=[6, 3], **given)
    stack_rows()
    arithmetic()
    control()
    memory()
    outside()
    M.undefined()
    M.finish()


main()
