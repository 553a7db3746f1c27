"""Programs with control flow: graphs, and the host instructions that launch them. This file is the host's instruction set.

A `HostProgram` is a set of graphs, each a straight-line `Program` with dims, facts and variants of its own, and one
stream of host instructions over **registers**, which hold arrays. A launch takes registers, binds the graph to the
shapes of the arrays that are in them, and leaves new arrays in other registers; so shapes may differ from one
iteration to the next. Scalars (conditions, counters, extents) are arrays of rank 0.

Every opcode is one row of `OPCODES`; the verifier, the listing and the container read the row. In the meanings R[x] is
a register, `imm` the immediate, pc the number of the next instruction.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np

from vm.isa import ElementType
from vm.program import Program

REGISTER_LIMIT = 4096
"""Registers that a program has at most."""

INSTRUCTION_LIMIT = 65536
"""Host instructions that a program has at most."""


class HostOpcode(IntEnum):
    """The numbers of the opcodes, as in files: assigned once and never reused."""

    LAUNCH = 0
    JUMP = 1
    BRANCH = 2
    RETURN = 3
    MOVE = 4
    FREE = 5
    DIM = 6
    CONST = 7
    CAST = 8
    ADD = 16
    SUB = 17
    MUL = 18
    MIN = 19
    MAX = 20
    FLOORDIV = 21
    CEILDIV = 22
    EQ = 32
    NE = 33
    LT = 34
    LE = 35
    GT = 36
    GE = 37
    AND = 48
    OR = 49
    XOR = 50


@dataclass(frozen=True)
class HostForm:
    """Which fields of an instruction an opcode uses; all others are zero or empty.

    `d`, `a`, `b` are registers, the first written, the others read. `graph` says that `a` is a graph and not a register,
    and the registers `arguments` and `results` are used; `target` that `immediate` is the instruction to go on with.
    """

    d: bool = False
    a: bool = False
    b: bool = False
    graph: bool = False
    target: bool = False
    immediate: bool = False
    arguments: bool = False


@dataclass(frozen=True)
class HostRow:
    """One row of the table. `compute` is what the opcodes of two scalars do, into an array of the type of `d`."""

    opcode: HostOpcode
    form: HostForm
    meaning: str
    compute: Callable[..., Any] | None = None

    @property
    def mnemonic(self) -> str:
        return self.opcode.name.lower()


def _ceil_divide(a: Any, b: Any, out: Any) -> Any:
    np.floor_divide(a, b, out=out)
    return np.add(out, np.remainder(a, b) != 0, out=out)


_BINARY = HostForm(d=True, a=True, b=True)

_ROWS = (
    HostRow(HostOpcode.LAUNCH, HostForm(graph=True, arguments=True), "R[results] := graph a of R[arguments]"),
    HostRow(HostOpcode.JUMP, HostForm(target=True), "pc := imm"),
    HostRow(HostOpcode.BRANCH, HostForm(a=True, target=True), "if not R[a]: pc := imm"),
    HostRow(HostOpcode.RETURN, HostForm(arguments=True), "the results are R[arguments]"),
    HostRow(HostOpcode.MOVE, HostForm(d=True, a=True), "R[d] := R[a]"),
    HostRow(HostOpcode.FREE, HostForm(a=True), "R[a] := nothing"),
    HostRow(HostOpcode.DIM, HostForm(d=True, a=True, immediate=True), "R[d] := extent of dim imm of R[a]"),
    HostRow(HostOpcode.CONST, HostForm(d=True, immediate=True), "R[d] := imm"),
    HostRow(HostOpcode.CAST, HostForm(d=True, a=True), "R[d] := R[a] as an integer of the type of d"),
    HostRow(HostOpcode.ADD, _BINARY, "R[d] := R[a] + R[b]", np.add),
    HostRow(HostOpcode.SUB, _BINARY, "R[d] := R[a] - R[b]", np.subtract),
    HostRow(HostOpcode.MUL, _BINARY, "R[d] := R[a] * R[b]", np.multiply),
    HostRow(HostOpcode.MIN, _BINARY, "R[d] := min(R[a], R[b])", np.minimum),
    HostRow(HostOpcode.MAX, _BINARY, "R[d] := max(R[a], R[b])", np.maximum),
    HostRow(HostOpcode.FLOORDIV, _BINARY, "R[d] := R[a] / R[b], rounded down", np.floor_divide),
    HostRow(HostOpcode.CEILDIV, _BINARY, "R[d] := R[a] / R[b], rounded up", _ceil_divide),
    HostRow(HostOpcode.EQ, _BINARY, "R[d] := R[a] = R[b]", np.equal),
    HostRow(HostOpcode.NE, _BINARY, "R[d] := R[a] != R[b]", np.not_equal),
    HostRow(HostOpcode.LT, _BINARY, "R[d] := R[a] < R[b]", np.less),
    HostRow(HostOpcode.LE, _BINARY, "R[d] := R[a] <= R[b]", np.less_equal),
    HostRow(HostOpcode.GT, _BINARY, "R[d] := R[a] > R[b]", np.greater),
    HostRow(HostOpcode.GE, _BINARY, "R[d] := R[a] >= R[b]", np.greater_equal),
    HostRow(HostOpcode.AND, _BINARY, "R[d] := R[a] and R[b], bit by bit", np.bitwise_and),
    HostRow(HostOpcode.OR, _BINARY, "R[d] := R[a] or R[b], bit by bit", np.bitwise_or),
    HostRow(HostOpcode.XOR, _BINARY, "R[d] := R[a] xor R[b], bit by bit", np.bitwise_xor),
)

OPCODES = {row.opcode: row for row in _ROWS}
"""The instruction set of the host. Integers wrap; a division by zero is an error of the data."""

COMPARISONS = frozenset({HostOpcode.EQ, HostOpcode.NE, HostOpcode.LT, HostOpcode.LE, HostOpcode.GT, HostOpcode.GE})
"""Those whose result is an i1."""

LOGICAL = frozenset({HostOpcode.AND, HostOpcode.OR, HostOpcode.XOR})
"""Those that also take i1."""

DIVISIONS = frozenset({HostOpcode.FLOORDIV, HostOpcode.CEILDIV})


@dataclass(frozen=True)
class Register:
    """What a register holds, if anything: arrays of one element type and rank. `name` is for listings and messages."""

    name: str
    type: ElementType
    rank: int


@dataclass(frozen=True)
class HostInstruction:
    """One host instruction; `location` is where in the source it comes from, or ""."""

    opcode: HostOpcode
    d: int = 0
    a: int = 0
    b: int = 0
    immediate: int = 0
    arguments: tuple[int, ...] = ()
    results: tuple[int, ...] = ()
    location: str = ""


@dataclass(frozen=True)
class HostOutput:
    """A result: `dims` index the dims of the signature, or are -1 where only the data decides."""

    name: str
    type: ElementType
    dims: tuple[int, ...]


@dataclass(frozen=True)
class HostProgram:
    """A compiled program with control flow.

    `signature` is a program without kernels and outputs, whose inputs, dims and facts are those of the whole; binding it
    checks the arguments of a call. The first registers hold the inputs, in order, when the stream begins at
    instruction 0.
    """

    name: str
    signature: Program
    graphs: tuple[Program, ...]
    registers: tuple[Register, ...]
    outputs: tuple[HostOutput, ...]
    instructions: tuple[HostInstruction, ...]


AnyProgram = Program | HostProgram
"""What a `.dvmb` file holds."""
