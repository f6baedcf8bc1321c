#!/usr/bin/env python3
"""Writes tests/data/hd/p01.flx to p25.flx: the 25 problems of Gulwani et al.
(PLDI 2011), most of them from the book Hacker's Delight, in the long form
that a compiler emits which does not optimise.

    tests/tools/hd_plain.py DIRECTORY

Each problem stands below as the statements of a C function of ints. They are
compiled one operation at a time: operands are loaded from their slots or as
constants, the result is stored to a slot of its own. Unified shifts right
arithmetically only and compares signed numbers only; shru and ltu are what
a C compiler would inline for the unsigned forms. Nothing runs this file in a
build or a test: the programs are checked in, and tests/test_hd.c holds them
to what they mean.
"""
import ast
import os
import sys

SLOTS = 0x100

BINARY = {ast.Add: 'ADD', ast.Sub: 'SUB', ast.Mult: 'MUL', ast.FloorDiv: 'DIV',
          ast.BitAnd: 'AND', ast.BitOr: 'OR', ast.BitXor: 'XOR',
          ast.LShift: 'SHL', ast.RShift: 'SHR', ast.Eq: 'CMP_EQ',
          ast.NotEq: 'CMP_NE', ast.Lt: 'CMP_LT', ast.Gt: 'CMP_GT'}
UNARY = {ast.Invert: 'NOT', ast.USub: 'NEG'}

X = [('R1', 'x', '')]
XY = X + [('R2', 'y', '')]

# Name, what it is in one line, inputs (register, variable, range), body.
PROBLEMS = [
    ('p01', 'clear the lowest set bit of x', X,
     'o1 = x - 1; return x & o1'),
    ('p02', 'clear the trailing ones of x: zero iff x is 2^n - 1', X,
     'o1 = x + 1; return x & o1'),
    ('p03', 'isolate the lowest set bit of x', X,
     'o1 = -x; return x & o1'),
    ('p04', 'mask of the lowest set bit of x and the zeros below', X,
     'o1 = x - 1; return x ^ o1'),
    ('p05', 'propagate the lowest set bit of x to the right', X,
     'o1 = x - 1; return x | o1'),
    ('p06', 'set the lowest clear bit of x', X,
     'o1 = x + 1; return x | o1'),
    ('p07', 'isolate the lowest clear bit of x', X,
     'o1 = ~x; o2 = x + 1; return o1 & o2'),
    ('p08', 'mask of the trailing zeros of x', X,
     'o1 = x - 1; o2 = ~x; return o1 & o2'),
    ('p09', 'the absolute value of x', X,
     'o1 = x >> 31; o2 = x ^ o1; return o2 - o1'),
    ('p10', 'nlz(x) == nlz(y), leading zeros', XY,
     'o1 = x & y; o2 = x ^ y; o3 = ltu(o1, o2); return o3 == 0'),
    ('p11', 'nlz(x) < nlz(y), leading zeros', XY,
     'o1 = ~y; o2 = x & o1; return ltu(y, o2)'),
    ('p12', 'nlz(x) <= nlz(y), leading zeros', XY,
     'o1 = ~x; o2 = y & o1; o3 = ltu(x, o2); return o3 == 0'),
    ('p13', 'the sign of x: -1, 0 or 1', X,
     'o1 = x >> 31; o2 = -x; o3 = shru(o2, 31); return o1 | o3'),
    ('p14', 'the average of x and y, rounded down', XY,
     'o1 = x & y; o2 = x ^ y; o3 = o2 >> 1; return o1 + o3'),
    ('p15', 'the average of x and y, rounded up', XY,
     'o1 = x | y; o2 = x ^ y; o3 = o2 >> 1; return o1 - o3'),
    ('p16', 'the greater of x and y', XY,
     'o1 = x ^ y; o2 = x < y; o3 = -o2; o4 = o1 & o3; return o4 ^ x'),
    ('p17', 'turn off the rightmost contiguous ones of x', X,
     'o1 = x - 1; o2 = x | o1; o3 = o2 + 1; return o3 & x'),
    ('p18', 'whether x is a power of two, as an unsigned number', X,
     'o1 = x - 1; o2 = o1 & x; o3 = o2 == 0; o4 = x != 0; return o3 & o4'),
    ('p19', 'exchange the field of x under mask m with the one k bits up',
     X + [('R2', 'm', '0..255'), ('R4', 'k', '8..24')],
     'o1 = x >> k; o2 = x ^ o1; o3 = o2 & m; o4 = o3 << k; o5 = o4 ^ o3; '
     'return o5 ^ x'),
    ('p20', 'the next higher number with as many ones as x',
     [('R1', 'x', '1..2147483647')],
     'o1 = -x; o2 = x & o1; o3 = x + o2; o4 = x ^ o3; o5 = shru(o4, 2); '
     'o6 = o5 // o2; return o6 | o3'),
    ('p21', 'cycle through three values: a to b, c to a, all else to c',
     X + [('R2', 'a', ''), ('R4', 'b', ''), ('R5', 'c', '')],
     'o1 = x == c; o2 = -o1; o3 = a ^ c; o4 = o2 & o3; o5 = x == a; '
     'o6 = -o5; o7 = b ^ c; o8 = o6 & o7; o9 = o4 ^ o8; return o9 ^ c'),
    ('p22', 'the parity of x: 1 if the number of its ones is odd', X,
     'o1 = shru(x, 1); o2 = o1 ^ x; o3 = shru(o2, 2); o4 = o2 ^ o3; '
     'o5 = o4 & 0x11111111; o6 = o5 * 0x11111111; o7 = shru(o6, 28); '
     'return o7 & 1'),
    ('p23', 'the number of ones of x', X,
     'o1 = shru(x, 1); o2 = o1 & 0x55555555; o3 = x - o2; '
     'o4 = o3 & 0x33333333; o5 = shru(o3, 2); o6 = o5 & 0x33333333; '
     'o7 = o4 + o6; o8 = shru(o7, 4); o9 = o8 + o7; '
     'o10 = o9 & 0x0F0F0F0F; o11 = o10 * 0x01010101; return shru(o11, 24)'),
    ('p24', 'x rounded up to a power of two; 0 for 0, and past 2^31', X,
     'o1 = x - 1; o2 = shru(o1, 1); o3 = o1 | o2; o4 = shru(o3, 2); '
     'o5 = o3 | o4; o6 = shru(o5, 4); o7 = o5 | o6; o8 = shru(o7, 8); '
     'o9 = o7 | o8; o10 = shru(o9, 16); o11 = o9 | o10; return o11 + 1'),
    ('p25', 'the high half of the unsigned product of x and y', XY,
     'o1 = x & 0xFFFF; o2 = shru(x, 16); o3 = y & 0xFFFF; o4 = shru(y, 16); '
     'o5 = o1 * o3; o6 = o2 * o3; o7 = o1 * o4; o8 = o2 * o4; '
     'o9 = shru(o5, 16); o10 = o6 + o9; o11 = o10 & 0xFFFF; '
     'o12 = shru(o10, 16); o13 = o7 + o11; o14 = shru(o13, 16); '
     'o15 = o14 + o12; return o15 + o8'),
]


class Function:
    """One function on its way to assembly: its slots and its lines."""

    def __init__(self):
        self.slots = {}
        self.lines = []

    def emit(self, mnemonic, *operands):
        self.lines.append(f'        {mnemonic:6} {", ".join(operands)}')

    def slot(self, name):
        if name not in self.slots:
            self.slots[name] = SLOTS + 4 * len(self.slots)
        return f'0x{self.slots[name]:X}'

    def store(self, register, name):
        self.emit('STOREI', register, 'R0', self.slot(name))

    def constant(self, register, value):
        """Any 32-bit constant; the scratch register is R12."""
        value = (value + 2**31) % 2**32 - 2**31
        if -128 <= value <= 127:
            self.emit('MOVI', register, str(value))
        elif -2**15 <= value < 2**15:
            self.emit('MOVI16', register, hex16(value))
        else:
            low = (value + 2**15) % 2**16 - 2**15
            high = ((value - low >> 16) + 2**15) % 2**16 - 2**15
            self.emit('MOVI16', register, hex16(high))
            self.emit('SHLI', register, '16')
            if low != 0:
                self.emit('MOVI16', 'R12', hex16(low))
                self.emit('ADD', register, register, 'R12')

    def load(self, register, node):
        """A name or a constant; anything else is stored first, below."""
        if isinstance(node, ast.Constant):
            self.constant(register, node.value)
        else:
            self.emit('LOADI', register, 'R0', self.slot(node.id))

    def temporary(self):
        """A slot without a name in the source."""
        return ast.Name(f'.{len(self.slots)}')

    def atom(self, node):
        """Makes an operand of any expression: what is none is stored."""
        if isinstance(node, (ast.Name, ast.Constant)):
            return node
        name = self.temporary()
        self.value(node)
        self.store('R10', name.id)
        return name

    def value(self, node):
        """Leaves the value of an expression in R10."""
        if isinstance(node, ast.Call):
            self.value(INLINED[node.func.id](*node.args))
        elif isinstance(node, (ast.BinOp, ast.Compare)):
            left, right, op = operands(node)
            left, right = self.atom(left), self.atom(right)
            self.load('R10', left)
            self.load('R11', right)
            self.emit(BINARY[type(op)], 'R10', 'R10', 'R11')
        elif isinstance(node, ast.UnaryOp):
            self.load('R10', self.atom(node.operand))
            self.emit(UNARY[type(node.op)], 'R10')
        else:
            self.load('R10', node)


def hex16(value):
    """As an imm16le_s is written."""
    return f'0x{value:X}' if value >= 0 else f'-0x{-value:X}'


def operands(node):
    if isinstance(node, ast.Compare):
        return node.left, node.comparators[0], node.ops[0]
    return node.left, node.right, node.op


def expression(text, **names):
    """An expression, with those of `names` in their places."""
    class Put(ast.NodeTransformer):
        def visit_Name(self, node):
            return names.get(node.id, node)
    return Put().visit(ast.parse(text, mode='eval').body)


def shru(a, n):
    """A logical shift to the right by a constant: the sign cut off."""
    mask = ast.Constant(2**(32 - n.value) - 1)
    return expression('(a >> n) & m', a=a, n=n, m=mask)


def ltu(a, b):
    """Unsigned less: the sign bits of both turned over."""
    return expression('(a ^ s) < (b ^ s)', a=a, b=b, s=ast.Constant(2**31))


INLINED = {'shru': shru, 'ltu': ltu}


def in_c(text):
    return text.replace('//', '/')


def compile_problem(name, meaning, inputs, body):
    f = Function()
    for register, variable, _ in inputs:
        f.store(register, variable)
    for statement in body.split('; '):
        if statement.startswith('return '):
            f.lines.append(f';   {in_c(statement)};')
            f.value(ast.parse(statement[7:], mode='eval').body)
            f.store('R10', '.result')
        else:
            target, text = statement.split(' = ', 1)
            f.lines.append(f';   int {target} = {in_c(text)};')
            f.value(ast.parse(text, mode='eval').body)
            f.store('R10', target)
    f.load('R10', ast.Name('.result'))
    f.emit('MOV', 'R3', 'R10')
    parameters = ', '.join(f'int {v}' for _, v, _ in inputs)
    where = ', '.join(f'{v} in {r}' for r, v, _ in inputs)
    head = [f'; {name}.flx - {meaning}.', ';',
            f'; {where}; the result in R3. Made by tests/tools/hd_plain.py.',
            '', '.dialect unified']
    head += [f'.in      {r} {limits}'.rstrip() for r, _, limits in inputs]
    head += ['.out     R3', f'.scratch mem 0x{SLOTS:X} {4 * len(f.slots)}', '',
             f'; int {name}({parameters})']
    return '\n'.join(head + f.lines + ['        HALT', ''])


def main():
    if len(sys.argv) != 2:
        sys.exit('usage: hd_plain.py DIRECTORY')
    for problem in PROBLEMS:
        path = os.path.join(sys.argv[1], problem[0] + '.flx')
        with open(path, 'w', encoding='ascii') as out:
            out.write(compile_problem(*problem))


if __name__ == '__main__':
    main()
