"""Shape deduction against NumPy: what bind accepts after it is exactly what NumPy can compute, and of the same shapes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.context import Context
from xdsl.dialects.builtin import DYNAMIC_INDEX, ArrayAttr, DictionaryAttr, IntegerAttr, ModuleOp, TensorType, f32, i64
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Region, SSAValue
from xdsl.utils.exceptions import PassFailedException, VerifyException
from xdsl.utils.hints import isa

from dvm_dialects.dvm import (
    BinaryOp,
    BroadcastOp,
    ConcatOp,
    DvmOp,
    FactAttr,
    MatmulOp,
    ReduceOp,
    ReshapeOp,
    SliceOp,
    TransposeOp,
    dims_of,
)
from passes.dvm_deduce_shapes import DvmDeduceShapesPass
from vm.program import FactKind

Array = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


class Refused(Exception):
    """Sizes that do not fit."""


def _max(x: Array, axis: int) -> Array:
    """NumPy takes the maximum of no elements if there are no results either; DVM refuses it."""
    if x.shape[axis] == 0:
        raise Refused
    return np.sum(x, axis, keepdims=True)


def _tail(x: Array) -> Array:
    """Every other element from the second on; DVM refuses a start beyond the end."""
    if x.shape[0] < 1:
        raise Refused
    return x[1::2]


def _slice(a: SSAValue) -> DvmOp:
    rest = len(_sizes(a)) - 1
    return SliceOp(a, [1, *[0] * rest], [-1] * (rest + 1), [2, *[1] * rest])


@dataclass(frozen=True)
class Kind:
    """An operation on one or two values and an axis, and what NumPy does for it. `ranks` are those it takes."""

    build: Callable[[SSAValue, SSAValue, int], DvmOp]
    compute: Callable[[Array, Array, int], Array]
    ranks: tuple[tuple[int, int], ...] = ((1, 1), (1, 2), (2, 1), (2, 2))


KINDS = {
    "add": Kind(lambda a, b, _: BinaryOp("Add", a, b), lambda x, y, _: x + y),
    "max": Kind(lambda a, _, axis: ReduceOp("Max", a, [axis], keepdims=True), lambda x, _, axis: _max(x, axis)),
    "flat": Kind(lambda a, _b, _: ReshapeOp(a, [-1]), lambda x, _y, _: x.reshape(x.size)),
    "pairs": Kind(lambda a, _b, _: ReshapeOp(a, [-1, 2]), lambda x, _y, _: x.reshape(-1, 2)),
    "twelve": Kind(lambda a, _b, _: ReshapeOp(a, [3, 4]), lambda x, _y, _: x.reshape(3, 4)),
    "slice": Kind(lambda a, _b, _: _slice(a), lambda x, _y, _: _tail(x)),
    "broadcast": Kind(lambda a, _b, _: BroadcastOp(a, [3, 4]), lambda x, _y, _: np.broadcast_to(x, (3, 4))),
    "concat": Kind(
        lambda a, b, axis: ConcatOp([a, b], axis), lambda x, y, axis: np.concatenate([x, y], axis), ((1, 1), (2, 2))
    ),
    "matmul": Kind(lambda a, b, _: MatmulOp(a, b), lambda x, y, _: x @ y, ((2, 2),)),
    "transpose": Kind(lambda a, _b, _: TransposeOp(a, [1, 0]), lambda x, _y, _: x.T, ((2, 1), (2, 2))),
}


@dataclass(frozen=True)
class Step:
    """An operation of a graph: its kind, the values it takes (modulo those there are) and its axis (modulo the rank)."""

    kind: str
    a: int
    b: int
    axis: int


STEPS = st.builds(Step, st.sampled_from(sorted(KINDS)), st.integers(0, 7), st.integers(0, 7), st.integers(0, 1))
SHAPES = st.lists(st.sampled_from([DYNAMIC_INDEX] * 3 + [1, 2, 4]), min_size=1, max_size=2)


def _sizes(value: SSAValue) -> tuple[int, ...]:
    assert isinstance(value.type, TensorType)
    return value.type.get_shape()


def _graph(shapes: Sequence[Sequence[int]], steps: Sequence[Step]) -> tuple[FuncOp, list[tuple[DvmOp, int, int, Step]]]:
    """The function of these arguments and steps, and its operations with the numbers of the values they take.

    Left out are steps that are wrong for all sizes.
    """
    block = Block(arg_types=[TensorType(f32, shape) for shape in shapes])
    values: list[SSAValue] = list(block.args)
    made: list[tuple[DvmOp, int, int, Step]] = []
    for step in steps:
        a, b = step.a % len(values), step.b % len(values)
        ranks = len(_sizes(values[a])), len(_sizes(values[b]))
        if ranks in KINDS[step.kind].ranks:
            try:
                op = KINDS[step.kind].build(values[a], values[b], step.axis % ranks[0])
            except VerifyException:
                continue
            block.add_op(op)
            values.append(op.result)
            made.append((op, a, b, step))
    block.add_op(ReturnOp())
    return FuncOp("f", (block.arg_types, []), Region(block)), made


def _compute(inputs: Sequence[Array], made: Sequence[tuple[DvmOp, int, int, Step]]) -> list[tuple[int, ...]] | None:
    """The shapes that NumPy gives, or None where something does not fit."""
    arrays = list(inputs)
    try:
        for _, a, b, step in made:
            arrays.append(KINDS[step.kind].compute(arrays[a], arrays[b], step.axis % arrays[a].ndim))
    except (Refused, ValueError):
        return None
    return [array.shape for array in arrays[len(inputs) :]]


HOLDS: dict[FactKind, Callable[[int, int], bool]] = {
    FactKind.EQUAL: lambda left, right: left == right,
    FactKind.AT_LEAST: lambda left, right: left >= right,
    FactKind.BROADCASTABLE: lambda left, right: left == right or 1 in (left, right),
    FactKind.DIVISIBLE: lambda left, right: right > 0 and left % right == 0,
}


def _bind(function: FuncOp, inputs: Sequence[Array]) -> dict[str, int] | None:
    """The values of the symbols, or None where a dim or fact says that the inputs do not fit."""
    pairs = [
        pair
        for arg, x in zip(function.args, inputs, strict=True)
        for pair in zip(dims_of(arg.type), x.shape, strict=True)
    ]
    symbols: dict[str, int] = {}
    for dim, size in pairs:
        if dim.is_symbol:
            symbols.setdefault(dim.text, size)
    facts = function.attributes["dvm.facts"]
    assert isa(facts, ArrayAttr[FactAttr])
    try:
        fit = all(dim.evaluate(symbols) == size for dim, size in pairs)
        for kind, left, right, _ in (fact.fact for fact in facts):
            fit = fit and HOLDS[kind](left.evaluate(symbols), right.evaluate(symbols))
    except ValueError:
        return None
    return symbols if fit else None


@settings(deadline=None, max_examples=300)
@given(
    st.lists(SHAPES, min_size=2, max_size=3),
    st.lists(STEPS, min_size=1, max_size=6),
    st.lists(st.integers(0, 5), min_size=6, max_size=6),
    st.sampled_from([None, "s0", "s1"]),
)
def test_bind_accepts_what_numpy_computes(
    shapes: list[list[int]], steps: list[Step], sizes: list[int], promised: str | None
) -> None:
    function, made = _graph(shapes, steps)
    drawn = iter(sizes)
    inputs = [np.zeros([next(drawn) if size < 0 else size for size in shape], np.float32) for shape in shapes]
    expected = _compute(inputs, made)
    dynamic = [
        n for shape, x in zip(shapes, inputs, strict=True) for size, n in zip(shape, x.shape, strict=True) if size < 0
    ]
    if promised is not None and len(dynamic) > int(promised[1:]):
        function.attributes["dvm.at_least"] = DictionaryAttr({promised: IntegerAttr(2, i64)})
        if dynamic[int(promised[1:])] < 2:
            expected = None

    module = ModuleOp([function])
    module.verify()
    try:
        DvmDeduceShapesPass().apply(Context(), module)
    except PassFailedException:
        if expected is not None:
            raise
        return
    module.verify()
    symbols = _bind(function, inputs)
    assert (symbols is None) == (expected is None)
    if symbols is not None:
        assert [tuple(dim.evaluate(symbols) for dim in dims_of(op.result.type)) for op, *_ in made] == expected
