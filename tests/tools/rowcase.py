"""rowcase.py: what the writers of the row oracles of classic, seed and stack
share: numbers, a machine's state, one step, and a case as a line of text; the
writer of unified's takes the numbers.

What a row does is no business of this file.
"""
import struct
import sys

INT_MIN, INT_MAX = -2**31, 2**31 - 1
NAN = 0x7FC00000
INF, NINF, ONE = 0x7F800000, 0xFF800000, 0x3F800000
WORDS = (0, 1, -1, 7, -7, 100, 255, 65536, INT_MAX, INT_MIN, INT_MIN + 1)
PAIRS = ((5, 7), (-5, 7), (7, -2), (-7, -2), (0, 0), (0, 5), (5, 0), (3, 3),
         (INT_MAX, 1), (INT_MIN, -1), (INT_MIN, INT_MIN), (INT_MIN, 1),
         (INT_MAX, INT_MAX), (INT_MAX, INT_MIN), (65536, 65536), (1, 33),
         (-1, 31), (123456789, -32), (1, -1), (-1, 1), (-1, -1), (-2, -1))


def wrap(x):
    """Any integer to int32."""
    return (x + 2**31) % 2**32 - 2**31


def quo(a, b):
    """Division truncating towards zero."""
    q = abs(a) // abs(b)
    return q if (a < 0) == (b < 0) else -q


def f32(bits):
    return struct.unpack('<f', struct.pack('<I', bits & 0xFFFFFFFF))[0]


def bits32(x):
    """A double, rounded once to binary32, as bits; NaN canonical."""
    if x != x:
        return NAN
    try:
        return struct.unpack('<I', struct.pack('<f', x))[0]
    except OverflowError:
        return INF if x > 0 else NINF


def le16(v):
    return [v & 255, v >> 8 & 255]


class Stop(Exception):
    """The end of a run: its status, and whether pc has passed the row."""

    def __init__(self, status, past=True):
        super().__init__(status)
        self.status = status
        self.past = past


def fault(code):
    raise Stop(f'fault:{code}')


def lethal(name):
    raise Stop(f'lethal:{name}', past=False)


# Operand bytes: the letters of a row's shape.
WIDTHS = {'r': 1, 'i': 1, 'j': 1, 'u': 1, 's': 2, 'a': 2, 'w': 4}


def operands(shape, data):
    """r register, i unsigned byte, j signed byte, u unused, s signed 16, a
    address, w signed 32, p payload: its bytes."""
    out, at = [], 0
    for c in shape:
        if c == 'p':
            out.append(bytes(data[2:]))
            continue
        part = bytes(data[at:at + WIDTHS[c]])
        at += WIDTHS[c]
        if c != 'u':
            out.append(int.from_bytes(part, 'little', signed=c in 'jsw'))
    return out


class State:
    """The cells of a machine by name: lists for files, numbers for others.
    The data stack is a list, bottom first, memory a dict of what is not 0."""

    def __init__(self, machine):
        self.machine = machine
        for name, count in machine.files.items():
            setattr(self, name, [0] * count)
        for name, value in machine.cells.items():
            setattr(self, name, value)
        for name, index, value in machine.starts:
            getattr(self, name)[index] = value
        self.stk, self.links = [], []
        self.mem, self.stored = {}, {}
        self.pc = self.cycles = 0
        self.inputs, self.taken, self.out = [], 0, []

    def copy(self):
        s = State(self.machine)
        for name in self.machine.files:
            setattr(s, name, list(getattr(self, name)))
        for name in (*self.machine.cells, 'pc', 'cycles'):
            setattr(s, name, getattr(self, name))
        s.stk, s.links = list(self.stk), list(self.links)
        s.mem, s.stored = dict(self.mem), dict(self.stored)
        s.inputs, s.out = list(self.inputs), list(self.out)
        s.taken = self.taken
        return s

    def words(self, base):
        """What differs from base."""
        m, out = self.machine, []
        for name in m.files:
            for i, v in enumerate(getattr(self, name)):
                if v != getattr(base, name)[i]:
                    form = f'0x{v:08x}' if name in m.floats else str(v)
                    out.append(f'{name}{i}={form}')
        for name in m.cells:
            v = getattr(self, name)
            if v != getattr(base, name):
                form = f'0x{v:08x}' if name in m.floats else str(v)
                out.append(f'{name}={form}')
        if self.links != base.links:
            out.append(f'{m.links[1]}={len(self.links)}')
            out += [f'{m.links[0]}{i}={v}' for i, v in enumerate(self.links)
                    if v]
        if self.stk != base.stk:
            out.append(f'sp={len(self.stk)}')
            first = next((i for i, v in enumerate(self.stk) if v), -1)
            if self.stk:
                out.append('stk=' + ','.join(map(str, self.stk[first:])))
        return out

    def word(self, at):
        size = self.machine.mem
        return wrap(sum(self.mem.get((at + i) % size, 0) << (8 * i)
                        for i in range(4)))

    def store(self, at, v, count=1):
        for i in range(count):
            a = (at + i) % self.machine.mem
            self.mem[a] = self.stored[a] = v >> (8 * i) & 255

    def take(self, source, *args):
        want = (source, *args)
        *got, value = self.inputs[self.taken]
        assert tuple(got) == want, (got, want)
        self.taken += 1
        return value


def runs(mem):
    """mem[A]=HEX words of a dict of bytes."""
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


def events(list_):
    return ';'.join(e[0] + ':' + ','.join(map(str, e[1:])) for e in list_)


class Machine:
    """A dialect: the names of its cells and its rows, and the cases told so
    far. truncated and unknown are the statuses of those two ends."""

    def __init__(self, name, files, cells, stack, mem, truncated, unknown,
                 floats=(), starts=(), links=None):
        self.name, self.files, self.cells = name, files, cells
        self.stack, self.mem = stack, mem
        self.truncated, self.unknown = truncated, unknown
        self.floats, self.starts, self.links = floats, starts, links
        self.rows, self.by_opcode, self.counts = {}, {}, {}
        self.opaque = set()

    def row(self, opcode, name, shape=''):
        """A decorator: the function gets the state, the pc of the row, what
        stands behind it, and the operands; it returns None or the next pc."""
        def add(fn):
            n = 3 if 'p' in shape else 1 + sum(WIDTHS[c] for c in shape)
            assert opcode not in self.by_opcode and name not in self.rows
            self.rows[name] = (opcode, shape, n, fn)
            self.by_opcode[opcode] = name
            return fn
        return add

    def add(self, opcode, name, shape, fn):
        self.row(opcode, name, shape)(fn)

    def check_registers(self, shape, ops):
        """Machines that know the number of their registers say so."""

    def step(self, s, code):
        """One step in place; returns the status."""
        if s.pc >= len(code):
            return 'end'
        name = self.by_opcode.get(code[s.pc])
        if name is None:
            s.cycles += 1
            return self.unknown
        _, shape, length, fn = self.rows[name]
        if s.pc + length > len(code):
            return self.truncated
        s.cycles += 1
        if shape == 'p':
            length += code[s.pc + 1] | code[s.pc + 2] << 8
            if s.pc + length > len(code):
                return 'lethal:past_code'
        ops = operands(shape, code[s.pc + 1:s.pc + length])
        before = s.copy()
        try:
            self.check_registers(shape, ops)
            to = fn(s, s.pc, s.pc + length, *ops)
            if to is not None and to < 0:
                raise Stop('lethal:negative_target', past=False)
        except Stop as stop:
            if stop.status.startswith('lethal'):
                s.__dict__.update(before.__dict__)
            if stop.past:
                s.pc += length
            return stop.status
        s.pc = s.pc + length if to is None else to
        return 'run'

    def given(self, given):
        """A state to begin with. Files as dicts, cells as numbers, stk and
        links bottom first, mem {at: hex}, ins [(source, args..., value)]."""
        s = State(self)
        for at, text in given.pop('mem', {}).items():
            for i, b in enumerate(bytes.fromhex(text)):
                s.mem[(at + i) % self.mem] = b
        s.inputs = given.pop('ins', [])
        for k, v in given.items():
            assert hasattr(s, k), k
            if k in self.files:
                for i, x in v.items():
                    getattr(s, k)[i] = x
            else:
                setattr(s, k, list(v) if isinstance(v, (list, tuple)) else v)
        return s

    def case(self, name, label, code, unbound=False, **given):
        """Runs one case and prints its line."""
        s = self.given(given)
        code = bytes(code)
        before, initial = s.copy(), State(self)
        status = self.step(s, code)
        assert s.taken == len(s.inputs), (name, label)
        words = ['code=' + code.hex()]
        if before.pc:
            words.append(f'pc={before.pc}')
        if before.cycles:
            words.append(f'cycles={before.cycles}')
        words += before.words(initial) + runs(before.mem)
        if s.inputs:
            words.append('in=' + events(s.inputs))
        if unbound:
            words.append('unbound')
            s.out = []
        words += ['->', f'pc={s.pc}', f'cycles={s.cycles}',
                  f'status={status}']
        words += s.words(before) + runs(s.stored)
        if s.out:
            words.append('out=' + events(s.out))
        print(f'{name} {label}: ' + ' '.join(words))
        self.counts[name] = self.counts.get(name, 0) + 1

    def bounds(self, name, nop, ops=None, **given):
        """The cases at the end of the code that every row has."""
        op, _, length, _ = self.rows[name]
        text = [op] + list(ops or [0] * (length - 1))
        self.case(name, 'exactly-fits', text, **given)
        self.case(name, 'behind-a-nop', [nop] + text, pc=1, cycles=41,
                  **given)
        self.case(name, 'at-the-end', text, pc=len(text))
        for n in range(1, len(text)):
            self.case(name, f'cut-{n}', text[:n])

    def undefined(self):
        for op in range(256):
            if op not in self.by_opcode and op not in self.opaque:
                self.case('UNDEFINED', f'{op:02x}', [op])
                self.case('UNDEFINED', f'{op:02x}-more', [op, 0, 0, 0, 0])

    def finish(self):
        few = [n for n in self.rows if self.counts.get(n, 0) < 6]
        assert not few, few
        print(sum(self.counts.values()), 'cases', file=sys.stderr)


HEADER = """\
# {0}.oracle - one step of every row of the {0} dialect that has a meaning.
#
# Written by tests/tools/{0}_oracle.py from the fact table and from
# docs/corners.md, apart from the reference VM, from the IR and from the
# dialect's table. Read by tests/oracle.c. A line is one case:
#
#   ROW LABEL: BEFORE -> AFTER
#
# Both sides are words NAME=VALUE; numbers are decimal or 0x hex. The step is
# a run with fuel 1.
#
#   code=HEX      the program; the entry is 0
#   pc=N          0 if not given before; always given after
#   cycles=N      as pc
#   {1}
#                 cells: initial if not given before, unchanged if not after
#   sp=N          the index of the stack {2}, as a cell
#   stk=A,B       the top of the live stack, the last is the topmost, the
#                 other live cells are 0; unchanged if neither stk nor sp is
#                 given after
#   mem[A]=HEX    bytes from address A. After: exactly these were stored to
#   in=NAME:V;... values from outside, each behind its arguments
#                 (NAME:ARG,V); all of them are consumed, in order
#   out=NAME:A,.. what was given to the outside; nothing if not given
#   unbound       the dialect without its bindings
#   status=S      run (fuel used up), halt, end, fault:CODE, lethal:NAME of
#                 the fault
"""


def header(name, cells, stack):
    print(HEADER.format(name, cells, stack))
