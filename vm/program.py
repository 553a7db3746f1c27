"""A compiled program in memory: what a `.dvmb` file holds, as frozen dataclasses, and nothing that only Python knows.

Everything of a dynamic size refers to the table of dims: entry i is computed from a constant, a symbol or earlier
entries, so that one pass over the table evaluates every extent of the program for concrete inputs.
"""

from dataclasses import dataclass
from enum import IntEnum

from vm.isa import ElementType


class DimOp(IntEnum):
    """How an entry of the table of dims is computed from its fields `a` and `b`."""

    CONSTANT = 0
    """The signed 64-bit integer `a`."""
    SYMBOL = 1
    """The symbol numbered `a`."""
    ADD = 2
    """Entry a + entry b; as for all that follow, both entries come earlier in the table."""
    SUB = 3
    MUL = 4
    FLOORDIV = 5
    """Rounded towards minus infinity; a divisor that is not positive is an error of the inputs."""
    CEILDIV = 6
    """Rounded towards plus infinity; a divisor that is not positive is an error of the inputs."""
    BROADCAST = 7
    """NumPy's broadcasting of two extents: the other where one is 1, an error of the inputs where they differ."""


@dataclass(frozen=True)
class Dim:
    """One entry of the table of dims."""

    op: DimOp
    a: int
    b: int = 0


class Storage(IntEnum):
    """Where the elements of a tensor live."""

    INPUT = 0
    CONSTANT = 1
    """In the file; `source` is the index of the constant."""
    WORKSPACE = 2
    OUTPUT = 3
    VIEW = 4
    """The elements of tensor `source` (an earlier one, of as many elements) in row-major order, under other dims."""


@dataclass(frozen=True)
class Tensor:
    """A tensor in memory, row-major unless it is an input. `dims` index the table of dims."""

    name: str
    type: ElementType
    dims: tuple[int, ...]
    storage: Storage
    source: int = 0


@dataclass(frozen=True)
class Input:
    """A parameter: its tensor, and for each dim why it must be what the tensor says.

    A reason is "" where the program declares the dim, else the operation that proved it and its source location, such
    as "dvm.binary Add at model.mlir:7".
    """

    tensor: int
    reasons: tuple[str, ...]


class FactKind(IntEnum):
    """What a condition says of two dims."""

    EQUAL = 0
    AT_LEAST = 1
    """left >= right"""
    BROADCASTABLE = 2
    """left and right are equal, or one of them is 1"""
    DIVISIBLE = 3
    """left is a multiple of right, and right is positive"""


@dataclass(frozen=True)
class Condition:
    """What two dims may be to each other."""

    kind: FactKind
    left: int
    right: int


@dataclass(frozen=True)
class Fact(Condition):
    """A condition that must hold, which bind checks; `reason` names the operation and its source location."""

    reason: str


class KernelKind(IntEnum):
    """What a kernel computes with: `VECTOR` no matrix products, `CUBE` only those, `MIX` both."""

    VECTOR = 0
    CUBE = 1
    MIX = 2


@dataclass(frozen=True)
class Axis:
    """An axis of a kernel's domain: parallel or reduction, with its extent in the table of dims."""

    reduction: bool
    extent: int


@dataclass(frozen=True)
class Index:
    """The index into one dim of an operand, as a function of the domain: offset + sum of coefficient * axis.

    `terms` are (axis, coefficient) pairs with the axes ascending; `offset` and coefficients index the table of dims
    (values may be negative). An index into a dim of extent 1 is 0 whatever this says: that is how broadcasting which
    is not decided before bind works. No terms: the index is the offset.
    """

    terms: tuple[tuple[int, int], ...]
    offset: int


@dataclass(frozen=True)
class Operand:
    """A tensor that a kernel reads or writes, and its access map: one `Index` for each dim of the tensor.

    `guarded`: the index may fall outside of the tensor (only `loadg` takes such an operand). `free_dim`: the dim that
    `gather`, `gmm` or `gmmk` index by data, or -1; its `Index` is ignored.
    """

    tensor: int
    writes: bool
    indices: tuple[Index, ...]
    guarded: bool = False
    free_dim: int = -1


@dataclass(frozen=True)
class Scalar:
    """A scalar constant of a kernel, of a compute type: `value`, or where `dim` >= 0 that dim's value at bind."""

    type: ElementType
    value: float | int | bool
    dim: int = -1


@dataclass(frozen=True)
class Kernel:
    """One kernel: a domain, operands with access maps, scalar constants, and the words to run on each tile.

    `origin` names the operations it came from and where, for messages: "dvm.gather at model.mlir:7".
    """

    name: str
    kind: KernelKind
    axes: tuple[Axis, ...]
    operands: tuple[Operand, ...]
    scalars: tuple[Scalar, ...]
    slots: int
    words: tuple[int, ...]
    origin: str = ""


@dataclass(frozen=True)
class Variant:
    """One way to run a program, where all its conditions hold.

    `stages` run one after the other; each lists kernels that do not depend on one another.
    """

    conditions: tuple[Condition, ...]
    stages: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Program:
    """A compiled program. Symbols are defined by the inputs: each is a whole dim of at least one of them.

    Bind takes the first of `variants` whose conditions hold; the last has none.
    """

    name: str
    symbols: tuple[str, ...]
    dims: tuple[Dim, ...]
    tensors: tuple[Tensor, ...]
    inputs: tuple[Input, ...]
    outputs: tuple[int, ...]
    constants: tuple[bytes, ...]
    facts: tuple[Fact, ...]
    kernels: tuple[Kernel, ...]
    variants: tuple[Variant, ...]
