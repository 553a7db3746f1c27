"""The primitives that front ends record: for each the rule that gives shape and element type of its result.

They are the operations of the dvm dialect, told apart by name and by attributes that can be hashed, with nothing of the
compiler in them: lazy arrays infer shapes by these rules as they record, in a microsecond or two. `dvm.building` makes
operations of the dialect from the same names and attributes.

Shapes here are concrete. Element types are those of NumPy: bool, float16, bfloat16, float32, int32, int64.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Protocol

import numpy as np

from vm.errors import ShapeError
from vm.isa import BINARY_BY_GRAPH_NAME, REDUCE_BY_GRAPH_NAME, UNARY_BY_GRAPH_NAME, ElementType
from vm.tiles import DTYPES

Shape = tuple[int, ...]
DType = np.dtype[Any]
Attributes = tuple[Any, ...]
Inferred = tuple[Shape, DType]

BOOL = DTYPES[ElementType.I1]
FLOAT32 = DTYPES[ElementType.F32]
_INT64 = DTYPES[ElementType.I64]
ELEMENTS: dict[DType, ElementType] = {dtype: element for element, dtype in DTYPES.items()}
"""The element type of each NumPy type that DVM computes with."""

MAX_RANK = 8


def number(literal: int | str) -> int | float:
    """The number that an attribute says: floats are there as hexadecimal text."""
    return float.fromhex(literal) if isinstance(literal, str) else literal


def fits_int32(value: float) -> bool:
    """Whether a number is in the range of int32."""
    return -(1 << 31) <= value < 1 << 31


class Operand(Protocol):
    """What a rule knows of an operand."""

    @property
    def shape(self) -> Shape: ...

    @property
    def dtype(self) -> DType: ...


Rule = Callable[..., Inferred]


@dataclass(frozen=True)
class Primitive:
    """`infer(operands, *attributes)` gives shape and element type of the result, or raises ShapeError.

    `shapes` are the numbers of the attributes that are whole shapes, whose entries are sizes of dims.
    """

    infer: Rule
    shapes: tuple[int, ...] = ()


TYPES_OF: dict[str, frozenset[DType]] = {
    name: frozenset(dtype for dtype, element in ELEMENTS.items() if element.compute in opcode.types)
    for table in (UNARY_BY_GRAPH_NAME, BINARY_BY_GRAPH_NAME, REDUCE_BY_GRAPH_NAME)
    for name, opcode in table.items()
} | {"Mean": frozenset(dtype for dtype, element in ELEMENTS.items() if element.is_float)}
"""The element types that each kind of unary, binary and reduction takes."""

_TRUTH = {name for table in (UNARY_BY_GRAPH_NAME, BINARY_BY_GRAPH_NAME) for name, op in table.items() if op.truth}


def broadcast_shapes(label: str, *shapes: Shape) -> Shape:
    """The shape that some broadcast to, as NumPy does it; raises ShapeError, naming `label`, where they do not."""
    first = shapes[0]
    if all(shape == first for shape in shapes):
        return first
    rank = max(map(len, shapes))
    result: list[int] = []
    for axis in range(-rank, 0):
        sizes = {shape[axis] for shape in shapes if len(shape) >= -axis} - {1}
        if len(sizes) > 1:
            texts = " and ".join(str(list(shape)) for shape in dict.fromkeys(shapes))
            raise ShapeError(f"{label}: the shapes {texts} do not broadcast")
        result.append(sizes.pop() if sizes else 1)
    return tuple(result)


def _unary(operands: Sequence[Operand], kind: str) -> Inferred:
    (x,) = operands
    return x.shape, BOOL if kind in _TRUTH else x.dtype


def _binary(operands: Sequence[Operand], kind: str) -> Inferred:
    x, y = operands
    return broadcast_shapes(f"dvm.binary {kind}", x.shape, y.shape), BOOL if kind in _TRUTH else x.dtype


def _binary_scalar(operands: Sequence[Operand], kind: str, scalar: float, scalar_first: bool) -> Inferred:
    (x,) = operands
    return x.shape, BOOL if kind in _TRUTH else x.dtype


def _select(operands: Sequence[Operand]) -> Inferred:
    condition, x, y = operands
    return broadcast_shapes("dvm.select", condition.shape, x.shape, y.shape), x.dtype


def _cast(operands: Sequence[Operand], dtype: DType) -> Inferred:
    return operands[0].shape, dtype


def _copy(operands: Sequence[Operand]) -> Inferred:
    return operands[0].shape, operands[0].dtype


def _reduce(operands: Sequence[Operand], kind: str, axes: tuple[int, ...], keepdims: bool) -> Inferred:
    (x,) = operands
    if kind in ("Max", "Min") and any(x.shape[axis] == 0 for axis in axes):
        raise ShapeError(
            f"dvm.reduce {kind}: there is no {kind.lower()} of no elements, in {list(x.shape)} over {list(axes)}"
        )
    if keepdims:
        return tuple(1 if axis in axes else size for axis, size in enumerate(x.shape)), x.dtype
    return tuple(size for axis, size in enumerate(x.shape) if axis not in axes), x.dtype


def _broadcast(operands: Sequence[Operand], shape: Shape) -> Inferred:
    (x,) = operands
    if broadcast_shapes("dvm.broadcast", x.shape, shape) != shape:
        raise ShapeError(f"dvm.broadcast: {list(x.shape)} does not broadcast to {list(shape)}")
    return shape, x.dtype


def _reshape(operands: Sequence[Operand], shape: Shape) -> Inferred:
    (x,) = operands
    count = prod(x.shape)
    if -1 in shape:
        rest = -prod(shape)
        if shape.count(-1) > 1 or rest < 0 or (count % rest if rest else count):
            raise ShapeError(f"dvm.reshape: {list(x.shape)} cannot be reshaped to {list(shape)}")
        shape = tuple((count // rest if rest else 0) if size == -1 else size for size in shape)
    if prod(shape) != count:
        raise ShapeError(f"dvm.reshape: {list(x.shape)} cannot be reshaped to {list(shape)}")
    return shape, x.dtype


def _transpose(operands: Sequence[Operand], permutation: tuple[int, ...]) -> Inferred:
    (x,) = operands
    return tuple([x.shape[axis] for axis in permutation]), x.dtype


def _slice(
    operands: Sequence[Operand], starts: tuple[int, ...], sizes: tuple[int, ...], steps: tuple[int, ...]
) -> Inferred:
    (x,) = operands
    shape: list[int] = []
    for dim, start, size, step in zip(x.shape, starts, sizes, steps, strict=True):
        if size == -1:
            size = -((start - dim) // step)
        if start > dim or (size and start + (size - 1) * step >= dim):
            raise ShapeError(f"dvm.slice: {list(x.shape)} has no {list(sizes)} elements from {list(starts)}")
        shape.append(size)
    return tuple(shape), x.dtype


def _concat(operands: Sequence[Operand], axis: int) -> Inferred:
    first = operands[0].shape
    for x in operands:
        if len(x.shape) != len(first) or x.shape[:axis] + x.shape[axis + 1 :] != first[:axis] + first[axis + 1 :]:
            texts = " and ".join(str(list(x.shape)) for x in operands)
            raise ShapeError(f"dvm.concat: {texts} differ in more than dim {axis}")
    return (*first[:axis], sum(x.shape[axis] for x in operands), *first[axis + 1 :]), operands[0].dtype


def _pad(operands: Sequence[Operand], low: Shape, high: Shape, value: float) -> Inferred:
    (x,) = operands
    return tuple([a + b + c for a, b, c in zip(low, x.shape, high, strict=True)]), x.dtype


def _gather(operands: Sequence[Operand], axis: int) -> Inferred:
    table, index = operands
    return (*table.shape[:axis], *index.shape, *table.shape[axis + 1 :]), table.dtype


def _full(operands: Sequence[Operand], value: float, shape: Shape, dtype: DType) -> Inferred:
    return shape, dtype


def _iota(operands: Sequence[Operand], axis: int, shape: Shape, dtype: DType) -> Inferred:
    return shape, dtype


def _size(operands: Sequence[Operand], size: Shape) -> Inferred:
    return (), _INT64


def _matrices(label: str, a: Shape, b: Shape, trans_a: bool, trans_b: bool) -> tuple[int, int]:
    m, k = (a[-1], a[-2]) if trans_a else (a[-2], a[-1])
    other, n = (b[-1], b[-2]) if trans_b else (b[-2], b[-1])
    if k != other:
        raise ShapeError(f"{label}: the contracted dims of {list(a)} and {list(b)} are {k} and {other}")
    return m, n


def _biased(label: str, shape: Shape, bias: Sequence[Operand]) -> Shape:
    for value in bias:
        if broadcast_shapes(f"{label}, bias", value.shape, shape) != shape:
            raise ShapeError(f"{label}: a bias of {list(value.shape)} does not broadcast to {list(shape)}")
    return shape


def _matmul(operands: Sequence[Operand], trans_a: bool, trans_b: bool) -> Inferred:
    a, b, *bias = operands
    m, n = _matrices("dvm.matmul", a.shape, b.shape, trans_a, trans_b)
    batch = broadcast_shapes("dvm.matmul", a.shape[:-2], b.shape[:-2])
    return _biased("dvm.matmul", (*batch, m, n), bias), a.dtype


def _grouped_matmul(operands: Sequence[Operand], trans_a: bool, trans_b: bool, group_type: int) -> Inferred:
    a, b, groups, *bias = operands
    m, n = _matrices("dvm.grouped_matmul", a.shape, b.shape, trans_a, trans_b)
    if group_type == 0 and b.shape[0] != groups.shape[0]:
        raise ShapeError(f"dvm.grouped_matmul: {b.shape[0]} matrices, but {groups.shape[0]} groups")
    shape = (m, n) if group_type == 0 else (groups.shape[0], m, n)
    return _biased("dvm.grouped_matmul", shape, bias), a.dtype


def _onehot(operands: Sequence[Operand], depth: int, axis: int, on: float, off: float, dtype: DType) -> Inferred:
    (index,) = operands
    return (*index.shape[:axis], depth, *index.shape[axis:]), dtype


def _elemany(operands: Sequence[Operand]) -> Inferred:
    return (1,), FLOAT32


def _norm(operands: Sequence[Operand], axis: int, epsilon: float) -> Inferred:
    x, *parameters = operands
    for parameter in parameters:
        if parameter.shape != x.shape[axis:]:
            raise ShapeError(
                f"a norm of {list(x.shape)} over dims from {axis} has no parameter {list(parameter.shape)}"
            )
    return x.shape, x.dtype


def _along(operands: Sequence[Operand], axis: int) -> Inferred:
    return operands[0].shape, operands[0].dtype


def _gelu(operands: Sequence[Operand], approximate: str) -> Inferred:
    return operands[0].shape, operands[0].dtype


PRIMITIVES: dict[str, Primitive] = {
    "unary": Primitive(_unary),
    "binary": Primitive(_binary),
    "binary_scalar": Primitive(_binary_scalar),
    "select": Primitive(_select),
    "cast": Primitive(_cast),
    "copy": Primitive(_copy),
    "reduce": Primitive(_reduce),
    "broadcast": Primitive(_broadcast, shapes=(0,)),
    "reshape": Primitive(_reshape, shapes=(0,)),
    "transpose": Primitive(_transpose),
    "slice": Primitive(_slice),
    "concat": Primitive(_concat),
    "pad": Primitive(_pad),
    "gather": Primitive(_gather),
    "full": Primitive(_full, shapes=(1,)),
    "iota": Primitive(_iota, shapes=(1,)),
    "size": Primitive(_size, shapes=(0,)),
    "matmul": Primitive(_matmul),
    "grouped_matmul": Primitive(_grouped_matmul),
    "onehot": Primitive(_onehot),
    "elemany": Primitive(_elemany),
    "softmax": Primitive(_along),
    "layer_norm": Primitive(_norm),
    "rms_norm": Primitive(_norm),
    "gelu": Primitive(_gelu),
}
