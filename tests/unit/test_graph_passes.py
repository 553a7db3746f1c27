"""dvm-simplify and dvm-decompose keep what a graph computes, by the reference interpreter."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Region, SSAValue
from xdsl.passes import ModulePass

from dvm.reference import DTYPES, compare, evaluate
from dvm_dialects.dvm import (
    BinaryOp,
    BinaryScalarOp,
    BroadcastOp,
    BroadcastScalarOp,
    CastOp,
    CopyOp,
    DvmOp,
    ElemAnyOp,
    GeluOp,
    LayerNormOp,
    OneHotOp,
    ReshapeOp,
    RmsNormOp,
    SelectOp,
    SliceOp,
    SoftmaxOp,
    TransposeOp,
    UnaryOp,
    element_of,
    mlir_type,
)
from dvm_dialects.dvm_elementwise import BINARY_TYPES, UNARY_TYPES
from passes.dvm_decompose import DvmDecomposePass
from passes.dvm_simplify import DvmSimplifyPass
from vm.isa import ElementType

SPECIAL = (0.0, -0.0, 1.0, -1.0, 2.0, 0.5, -3.0, float("inf"), float("-inf"), float("nan"))
INTEGERS = (0, 1, -1, 2, 3, -7, 2**31 - 1, -(2**31))
INPUTS = {
    ElementType.F32: np.resize(np.array(SPECIAL, np.float32), (4, 5)),
    ElementType.I32: np.resize(np.array(INTEGERS, np.int32), (4, 5)),
    ElementType.I64: np.resize(np.array(INTEGERS, np.int64), (4, 5)),
    ElementType.I1: np.resize(np.array([True, False, True], np.bool_), (4, 5)),
}

# The reference does not round, so that only what is exact in f32 can be compared exactly.
INEXACT_UNARY = {"Sqrt", "Log", "Exp", "Reciprocal", "Rsqrt", "Tanh", "Erf", "Sigmoid", "Sin", "Cos"}
INEXACT_BINARY = {"Mul", "Div", "Pow"}
EXACT_SCALARS = {"Div": (1.0, 2.0, -1.0), "Pow": (1.0, 2.0)}
CASTS = {
    ElementType.F32: (ElementType.F32, ElementType.I1),
    ElementType.I32: (ElementType.I32, ElementType.I64, ElementType.I1),
    ElementType.I64: (ElementType.I32, ElementType.I64, ElementType.I1),
    ElementType.I1: tuple(INPUTS),
}


@dataclass(frozen=True)
class Step:
    """An operation of a graph; the numbers choose among what there is, modulo how much that is."""

    build: str
    kind: int
    a: int
    b: int
    scalar: int
    first: bool


def _pick(values: Sequence[Any], index: int) -> Any:
    return values[index % len(values)]


def _scalar(element: ElementType, index: int) -> float | bool:
    return _pick((False, True) if element is ElementType.I1 else SPECIAL if element.is_float else INTEGERS, index)


def _kinds(types: dict[str, frozenset[ElementType]], element: ElementType, without: Collection[str]) -> list[str]:
    return [kind for kind, taken in types.items() if element in taken and not (element.is_float and kind in without)]


def _unary(step: Step, x: SSAValue, _: SSAValue) -> DvmOp:
    kinds = _kinds(UNARY_TYPES, element_of(x.type), INEXACT_UNARY)
    return UnaryOp(_pick(kinds, step.kind), x) if kinds else CopyOp(x)


def _binary(step: Step, x: SSAValue, y: SSAValue) -> DvmOp:
    kind = _pick(_kinds(BINARY_TYPES, element_of(x.type), INEXACT_BINARY), step.kind)
    return BinaryOp(kind, x, y if x.type == y.type else x)


def _binary_scalar(step: Step, x: SSAValue, _: SSAValue) -> DvmOp:
    element = element_of(x.type)
    kind = _pick(_kinds(BINARY_TYPES, element, ()), step.kind)
    if element.is_float and kind in EXACT_SCALARS:
        return BinaryScalarOp(kind, x, _pick(EXACT_SCALARS[kind], step.scalar))
    scalar = abs(_scalar(element, step.scalar)) if kind == "Pow" else _scalar(element, step.scalar)
    return BinaryScalarOp(kind, x, scalar, scalar_first=step.first and kind != "Pow")


def _splat(step: Step, x: SSAValue, _: SSAValue) -> DvmOp:
    element = element_of(x.type)
    return BroadcastScalarOp(_scalar(element, step.scalar), _shape(x), element)


def _select(step: Step, x: SSAValue, y: SSAValue) -> DvmOp:
    condition = x if element_of(x.type) is ElementType.I1 and _shape(x) == _shape(y) else y
    if element_of(condition.type) is not ElementType.I1:
        return CopyOp(x)
    return SelectOp(condition, y, y) if step.first else SelectOp(condition, condition, condition)


BUILD: dict[str, Callable[[Step, SSAValue, SSAValue], DvmOp]] = {
    "unary": _unary,
    "binary": _binary,
    "binary_scalar": _binary_scalar,
    "splat": _splat,
    "select": _select,
    "cast": lambda step, x, _: CastOp(x, _pick(CASTS[element_of(x.type)], step.kind)),
    "copy": lambda _step, x, _: CopyOp(x),
    "reshape": lambda step, x, _: ReshapeOp(x, [5, 4] if step.first else [-1]),
    "transpose": lambda _, x, _y: TransposeOp(x, range(len(_shape(x)))[::-1]),
    "broadcast": lambda _, x, _y: BroadcastOp(x, _shape(x)),
    "slice": lambda step, x, _: SliceOp(x, [0] * len(_shape(x)), _shape(x)),
}


def _shape(value: SSAValue) -> tuple[int, ...]:
    assert isinstance(value.type, TensorType)
    return value.type.get_shape()


def _function(arguments: list[TensorType], build: Callable[[list[SSAValue]], Sequence[DvmOp]]) -> FuncOp:
    """A function that returns all that is built."""
    block = Block(arg_types=arguments)
    ops = build(list(block.args))
    results = [op.result for op in ops]
    block.add_ops([*ops, ReturnOp(*results)])
    return FuncOp("f", (arguments, [result.type for result in results]), Region(block))


def _check(function: FuncOp, inputs: list[Any], run: ModulePass, exact: bool) -> None:
    """What the function computes before and after a pass."""
    module = ModuleOp([function])
    module.verify()
    elements = [element_of(type) for type in function.function_type.outputs]
    expected = evaluate(module, inputs)
    run.apply(Context(), module)
    module.verify()
    for element, got, wanted in zip(elements, evaluate(module, inputs), expected, strict=True):
        if exact:
            np.testing.assert_array_equal(got, wanted)
            if element.is_float:
                np.testing.assert_array_equal(np.signbit(got[got == 0]), np.signbit(wanted[wanted == 0]))
        else:
            assert compare(got, wanted, element)


STEPS = st.builds(
    Step,
    st.sampled_from(sorted(BUILD)),
    st.integers(0, 20),
    st.integers(0, 9),
    st.integers(0, 9),
    st.integers(0, 19),
    st.booleans(),
)


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(sorted(INPUTS)), st.lists(STEPS, min_size=1, max_size=6))
def test_simplify_keeps_values(element: ElementType, steps: list[Step]) -> None:
    def build(values: list[SSAValue]) -> Sequence[DvmOp]:
        ops: list[DvmOp] = []
        for step in steps:
            ops.append(BUILD[step.build](step, values[-1 - step.a % len(values)], values[-1 - step.b % len(values)]))
            values.append(ops[-1].result)
        return ops

    function = _function([TensorType(mlir_type(element), (4, 5))], build)
    _check(function, [INPUTS[element]], DvmSimplifyPass(), exact=True)


@pytest.mark.parametrize("element", [ElementType.F32, ElementType.F16, ElementType.BF16])
def test_decompose_keeps_values(element: ElementType) -> None:
    def build(values: list[SSAValue]) -> Sequence[DvmOp]:
        x, gamma, beta, wide = values
        return [
            SoftmaxOp(x, 0),
            SoftmaxOp(x),
            LayerNormOp(x, gamma, beta),
            LayerNormOp(x, gamma),
            LayerNormOp(x, axis=0),
            RmsNormOp(x, wide, axis=0),
            RmsNormOp(x),
            GeluOp(x),
            GeluOp(x, "tanh"),
            ElemAnyOp(x),
        ]

    random = np.random.default_rng(1)
    shapes = [(7, 9), (9,), (9,), (7, 9)]
    types = [TensorType(mlir_type(element), shape) for shape in shapes]
    inputs = [(random.standard_normal(shape) * 3).astype(DTYPES[element]) for shape in shapes]
    _check(_function(types, build), inputs, DvmDecomposePass(), exact=False)


@pytest.mark.parametrize("size", [0, 1, 5])
def test_decompose_keeps_onehot_and_elemany(size: int) -> None:
    def build(values: list[SSAValue]) -> Sequence[DvmOp]:
        (index,) = values
        return [OneHotOp(index, 4, axis, 2.0, -1.0) for axis in (-1, 0, 1)] + [ElemAnyOp(index)]

    types = [TensorType(mlir_type(ElementType.I32), (size, 3))]
    _check(
        _function(types, build),
        [np.arange(size * 3, dtype=np.int32).reshape(size, 3) - 2],
        DvmDecomposePass(),
        exact=True,
    )
