"""The instruction set of the virtual machine: the one table that everything else reads.

A kernel is a sequence of 64-bit little-endian words. Each word is one virtual instruction on whole tiles:

     63      52 51      40 39      28 27      16 15  12 11   8 7       0
    +----------+----------+----------+----------+------+------+---------+
    |    c     |    b     |    a     |    d     | aux  | type | opcode  |
    +----------+----------+----------+----------+------+------+---------+

`d` names the slot written, `a`, `b`, `c` what is read; `Format` says what kind of thing each field holds.
`type` is the element type that the instruction works in. Where a format has scalar-capable sources, bit i of `aux`
says that source i (0 = a, 1 = b, 2 = c) indexes the kernel's scalar constants K instead of the unified buffer UB
(the RK operands of Lua's virtual machine). Fields that a format does not use are zero.

In the equations: UB[x] is the tile in slot x, K[x] scalar constant x, RK[x] either, G[x] the tile of tensor operand x
that its access map selects, axis[x] the index along domain axis x.

16-bit floats exist in memory only: f16 and bf16 are computed in f32, converted by `load`, and rounded to nearest even
by `store` and `cast`. The numbers of opcodes, types and formats are assigned once and never reused.
"""

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import NamedTuple

ISA_VERSION = 1

FIELD_LIMIT = 1 << 12
"""Slots, operands and scalar constants of one kernel are numbered below this (12-bit fields)."""

MAX_AXES = 16
"""The most axes that a domain has."""


class ElementType(IntEnum):
    """The element types, numbered as in the `type` field."""

    I1 = 0
    F16 = 1
    BF16 = 2
    F32 = 3
    I32 = 4
    I64 = 5

    @property
    def text(self) -> str:
        """The name in MLIR and in assembly, such as `bf16`."""
        return self.name.lower()

    @property
    def bytes(self) -> int:
        """Bytes of one element in memory."""
        return _BYTES[self]

    @property
    def compute(self) -> "ElementType":
        """The type of an element in the unified buffer: f32 for the 16-bit floats, else itself."""
        return ElementType.F32 if self in (ElementType.F16, ElementType.BF16) else self

    @property
    def is_float(self) -> bool:
        return self in (ElementType.F16, ElementType.BF16, ElementType.F32)

    @property
    def is_integer(self) -> bool:
        """True of i32 and i64; i1 is a truth value, not an integer."""
        return self in (ElementType.I32, ElementType.I64)


_BYTES = {
    ElementType.I1: 1,
    ElementType.F16: 2,
    ElementType.BF16: 2,
    ElementType.F32: 4,
    ElementType.I32: 4,
    ElementType.I64: 8,
}

_ELEMENT_TYPES = tuple(ElementType)

_ALL = frozenset(ElementType)
_COMPUTE = frozenset({ElementType.I1, ElementType.F32, ElementType.I32, ElementType.I64})
_NUMBER = _COMPUTE - {ElementType.I1}
_FLOAT = frozenset({ElementType.F32})
_TRUTH = frozenset({ElementType.I1})
_INDEX = frozenset({ElementType.I32, ElementType.I64})


class Field(IntEnum):
    """What a field of a word holds."""

    UNUSED = 0
    SLOT = 1
    """A slot of the unified buffer."""
    SOURCE = 2
    """A slot, or a scalar constant where the aux bit is set."""
    OPERAND = 3
    """A tensor operand of the kernel."""
    AXIS = 4
    """A domain axis."""
    AXES_LOW = 5
    """The lower 12 bits of a 16-bit mask of domain axes; the upper 4 are in the next field."""
    AXES_HIGH = 6


@dataclass(frozen=True, eq=False)
class Format:
    """How the fields of a word are used. Compared by identity, as opcodes are: there is one of each.

    `ties_d` marks instructions that update `d` in place, so that it is read as well as written.
    """

    number: int
    name: str
    d: Field = Field.UNUSED
    a: Field = Field.UNUSED
    b: Field = Field.UNUSED
    c: Field = Field.UNUSED
    aux: str = ""
    """What `aux` holds: "" nothing, "rk" the scalar bits, or the name of an enumeration of this module."""
    ties_d: bool = False

    @cached_property
    def fields(self) -> tuple[tuple[str, Field], ...]:
        """The used fields in the order d, a, b, c."""
        named = (("d", self.d), ("a", self.a), ("b", self.b), ("c", self.c))
        return tuple((name, field) for name, field in named if field is not Field.UNUSED)


class PassMode(IntEnum):
    """How often the instructions of a pass run for one tile of the parallel axes."""

    ONCE = 0
    STREAM = 1
    """Once for each tile of the reduction axes, in ascending order."""


class ReduceKind(IntEnum):
    """The combining operation of a reduction."""

    SUM = 0
    MAX = 1
    MIN = 2
    PROD = 3


PASS = Format(1, "pass", aux="PassMode")
LOAD = Format(2, "load", d=Field.SLOT, a=Field.OPERAND)
LOAD_GUARDED = Format(3, "load_guarded", d=Field.SLOT, a=Field.OPERAND, ties_d=True)
GATHER = Format(4, "gather", d=Field.SLOT, a=Field.OPERAND, b=Field.SLOT)
STORE = Format(5, "store", a=Field.SLOT, b=Field.OPERAND)
FILL = Format(6, "fill", d=Field.SLOT, a=Field.SOURCE, b=Field.AXES_LOW, c=Field.AXES_HIGH, aux="rk")
IOTA = Format(7, "iota", d=Field.SLOT, a=Field.AXIS)
UNARY = Format(8, "unary", d=Field.SLOT, a=Field.SLOT)
BINARY = Format(9, "binary", d=Field.SLOT, a=Field.SOURCE, b=Field.SOURCE, aux="rk")
SELECT = Format(10, "select", d=Field.SLOT, a=Field.SLOT, b=Field.SOURCE, c=Field.SOURCE, aux="rk")
CAST = Format(11, "cast", d=Field.SLOT, a=Field.SLOT, aux="ElementType")
REDUCE_INIT = Format(12, "reduce_init", d=Field.SLOT, aux="ReduceKind")
REDUCE = Format(13, "reduce", d=Field.SLOT, a=Field.SLOT, ties_d=True)
MATMUL = Format(14, "matmul", d=Field.SLOT, a=Field.SLOT, b=Field.SLOT, ties_d=True)
GROUPED_MATMUL = Format(15, "grouped_matmul", d=Field.SLOT, a=Field.SLOT, b=Field.OPERAND, c=Field.OPERAND, ties_d=True)
GROUPED_MATMUL_K = Format(
    16, "grouped_matmul_k", d=Field.SLOT, a=Field.SLOT, b=Field.SLOT, c=Field.OPERAND, ties_d=True
)


@dataclass(frozen=True, eq=False)
class Opcode:
    """One row of the table.

    `types` are the values that the type field may take. The result has the type of the type field, except that `truth`
    results are i1, and a `load` converts to the compute type. `graph_name` is what the `dvm` dialect calls the
    operation where it has one of that kind.
    """

    number: int
    mnemonic: str
    format: Format
    types: frozenset[ElementType]
    meaning: str
    graph_name: str = ""
    truth: bool = False

    def result_type(self, element: ElementType) -> ElementType:
        """The type of the slot written, given the type field (for `cast` the aux field decides)."""
        return ElementType.I1 if self.truth else element.compute


# fmt: off
OPCODES: tuple[Opcode, ...] = (
    # passes, memory, generators
    Opcode(0x01, "pass",   PASS,         _TRUTH,   "the instructions up to the next pass run as aux says"),
    Opcode(0x02, "load",   LOAD,         _ALL,     "UB[d] := G[a]"),
    Opcode(0x03, "loadg",  LOAD_GUARDED, _ALL,     "UB[d] := G[a] where the access map falls inside the tensor, else UB[d]"),
    Opcode(0x04, "gather", GATHER,       _ALL,     "UB[d] := G[a] with the free dim indexed by UB[b]; -n <= index < n"),
    Opcode(0x05, "store",  STORE,        _ALL,     "G[b] := UB[a]"),
    Opcode(0x06, "fill",   FILL,         _COMPUTE, "UB[d] := RK[a] along the axes in the mask b, c"),
    Opcode(0x07, "iota",   IOTA,         _NUMBER,  "UB[d] := axis[a]"),
    Opcode(0x08, "copy",   UNARY,        _COMPUTE, "UB[d] := UB[a]"),
    Opcode(0x09, "cast",   CAST,         _COMPUTE, "UB[d] := UB[a] converted to the type in aux (f16, bf16: rounded, kept as f32)"),
    Opcode(0x0A, "select", SELECT,       _COMPUTE, "UB[d] := RK[b] if UB[a] else RK[c]"),
    # unary
    Opcode(0x10, "sqrt",  UNARY, _FLOAT,  "UB[d] := square root of UB[a]", "Sqrt"),
    Opcode(0x11, "abs",   UNARY, _NUMBER, "UB[d] := |UB[a]|", "Abs"),
    Opcode(0x12, "log",   UNARY, _FLOAT,  "UB[d] := natural logarithm of UB[a]", "Log"),
    Opcode(0x13, "exp",   UNARY, _FLOAT,  "UB[d] := e ** UB[a]", "Exp"),
    Opcode(0x14, "recip", UNARY, _FLOAT,  "UB[d] := 1 / UB[a]", "Reciprocal"),
    Opcode(0x15, "isfin", UNARY, _FLOAT,  "UB[d] := UB[a] is neither infinite nor NaN", "IsFinite", truth=True),
    Opcode(0x16, "not",   UNARY, _TRUTH,  "UB[d] := not UB[a]", "LogicalNot"),
    Opcode(0x17, "round", UNARY, _FLOAT,  "UB[d] := UB[a] to the nearest integer, halves to even", "Round"),
    Opcode(0x18, "floor", UNARY, _FLOAT,  "UB[d] := greatest integer <= UB[a]", "Floor"),
    Opcode(0x19, "ceil",  UNARY, _FLOAT,  "UB[d] := least integer >= UB[a]", "Ceil"),
    Opcode(0x1A, "trunc", UNARY, _FLOAT,  "UB[d] := UB[a] towards zero", "Trunc"),
    Opcode(0x1B, "neg",   UNARY, _NUMBER, "UB[d] := -UB[a]", "Neg"),
    Opcode(0x1C, "rsqrt", UNARY, _FLOAT,  "UB[d] := 1 / square root of UB[a]", "Rsqrt"),
    Opcode(0x1D, "tanh",  UNARY, _FLOAT,  "UB[d] := hyperbolic tangent of UB[a]", "Tanh"),
    Opcode(0x1E, "erf",   UNARY, _FLOAT,  "UB[d] := error function of UB[a]", "Erf"),
    Opcode(0x1F, "sigm",  UNARY, _FLOAT,  "UB[d] := 1 / (1 + e ** -UB[a])", "Sigmoid"),
    Opcode(0x20, "sin",   UNARY, _FLOAT,  "UB[d] := sine of UB[a], radians", "Sin"),
    Opcode(0x21, "cos",   UNARY, _FLOAT,  "UB[d] := cosine of UB[a], radians", "Cos"),
    # binary
    Opcode(0x30, "eq",  BINARY, _COMPUTE, "UB[d] := RK[a] == RK[b]", "Equal", truth=True),
    Opcode(0x31, "ne",  BINARY, _COMPUTE, "UB[d] := RK[a] != RK[b]", "NotEqual", truth=True),
    Opcode(0x32, "gt",  BINARY, _COMPUTE, "UB[d] := RK[a] > RK[b]", "Greater", truth=True),
    Opcode(0x33, "ge",  BINARY, _COMPUTE, "UB[d] := RK[a] >= RK[b]", "GreaterEqual", truth=True),
    Opcode(0x34, "lt",  BINARY, _COMPUTE, "UB[d] := RK[a] < RK[b]", "Less", truth=True),
    Opcode(0x35, "le",  BINARY, _COMPUTE, "UB[d] := RK[a] <= RK[b]", "LessEqual", truth=True),
    Opcode(0x36, "add", BINARY, _NUMBER,  "UB[d] := RK[a] + RK[b]", "Add"),
    Opcode(0x37, "sub", BINARY, _NUMBER,  "UB[d] := RK[a] - RK[b]", "Sub"),
    Opcode(0x38, "mul", BINARY, _NUMBER,  "UB[d] := RK[a] * RK[b]", "Mul"),
    Opcode(0x39, "div", BINARY, _FLOAT,   "UB[d] := RK[a] / RK[b]", "Div"),
    Opcode(0x3A, "pow", BINARY, _NUMBER,  "UB[d] := RK[a] ** RK[b]; integers: truncated where the exponent is negative", "Pow"),
    Opcode(0x3B, "max", BINARY, _NUMBER,  "UB[d] := greater of RK[a], RK[b]; NaN if either is", "Maximum"),
    Opcode(0x3C, "min", BINARY, _NUMBER,  "UB[d] := lesser of RK[a], RK[b]; NaN if either is", "Minimum"),
    Opcode(0x3D, "and", BINARY, _TRUTH,   "UB[d] := RK[a] and RK[b]", "LogicalAnd"),
    Opcode(0x3E, "or",  BINARY, _TRUTH,   "UB[d] := RK[a] or RK[b]", "LogicalOr"),
    # reductions over the reduction axes of the domain
    Opcode(0x50, "rinit", REDUCE_INIT, _NUMBER, "UB[d] := identity of the kind in aux, along the parallel axes"),
    Opcode(0x51, "rsum",  REDUCE,      _NUMBER, "UB[d] := UB[d] + sum of UB[a] over the reduction axes", "Sum"),
    Opcode(0x52, "rmax",  REDUCE,      _NUMBER, "UB[d] := greatest of UB[d] and UB[a] over the reduction axes", "Max"),
    Opcode(0x53, "rmin",  REDUCE,      _NUMBER, "UB[d] := least of UB[d] and UB[a] over the reduction axes", "Min"),
    Opcode(0x54, "rprod", REDUCE,      _NUMBER, "UB[d] := UB[d] * product of UB[a] over the reduction axes", "Prod"),
    # matrix products; the last three axes of the domain are m, n and k, and k is its only reduction axis
    Opcode(0x60, "mm",    MATMUL,           _NUMBER, "UB[d][m,n] := UB[d] + sum over k of UB[a][m,k] * UB[b][k,n]"),
    Opcode(0x61, "gmm",   GROUPED_MATMUL,   _NUMBER, "UB[d][m,n] := UB[d] + sum over k of UB[a][m,k] * G[b][g,k,n], row m in group g: G[c][g-1] <= m < G[c][g]"),
    Opcode(0x62, "gmmk",  GROUPED_MATMUL_K, _NUMBER, "UB[d][g,m,n] := UB[d] + sum of UB[a][m,k] * UB[b][k,n] over k in group g: G[c][g-1] <= k < G[c][g]"),
)
# fmt: on

BY_NUMBER = {opcode.number: opcode for opcode in OPCODES}
BY_MNEMONIC = {opcode.mnemonic: opcode for opcode in OPCODES}
UNARY_BY_GRAPH_NAME = {op.graph_name: op for op in OPCODES if op.format is UNARY and op.graph_name}
BINARY_BY_GRAPH_NAME = {op.graph_name: op for op in OPCODES if op.format is BINARY}
REDUCE_BY_GRAPH_NAME = {op.graph_name: op for op in OPCODES if op.format is REDUCE}


class Instruction(NamedTuple):
    """A decoded word."""

    opcode: Opcode
    type: ElementType
    aux: int = 0
    d: int = 0
    a: int = 0
    b: int = 0
    c: int = 0

    @property
    def axes(self) -> int:
        """The mask of axes of a `fill`: bit i stands for domain axis i."""
        return self.b | (self.c << 12)

    @property
    def result_type(self) -> ElementType:
        """The element type of the slot written."""
        if self.opcode.format is CAST:
            return ElementType(self.aux).compute
        return self.opcode.result_type(self.type)

    def is_scalar(self, source: int) -> bool:
        """Whether source 0 (a), 1 (b) or 2 (c) is a scalar constant."""
        return self.opcode.format.aux == "rk" and bool(self.aux >> source & 1)


def encode(instruction: Instruction) -> int:
    """The 64-bit word of an instruction.

    Raises ValueError where a field does not fit.
    """
    fields = (instruction.d, instruction.a, instruction.b, instruction.c)
    if not all(0 <= field < FIELD_LIMIT for field in fields) or not 0 <= instruction.aux < 16:
        raise ValueError(f"a field of '{instruction.opcode.mnemonic}' does not fit its word: {fields}")
    head = instruction.opcode.number | instruction.type << 8 | instruction.aux << 12
    return head | instruction.d << 16 | instruction.a << 28 | instruction.b << 40 | instruction.c << 52


def decode(word: int) -> Instruction:
    """The instruction of a word.

    Raises ValueError for an unknown opcode or type number; the other fields are the verifier's to check.
    """
    opcode = BY_NUMBER.get(word & 0xFF)
    if opcode is None:
        raise ValueError(f"unknown opcode 0x{word & 0xFF:02x}")
    number = word >> 8 & 0xF
    if number >= len(_ELEMENT_TYPES):
        raise ValueError(f"unknown element type {number} in '{opcode.mnemonic}'")
    mask = FIELD_LIMIT - 1
    return Instruction(
        opcode,
        _ELEMENT_TYPES[number],
        word >> 12 & 0xF,
        word >> 16 & mask,
        word >> 28 & mask,
        word >> 40 & mask,
        word >> 52 & mask,
    )
