"""dvm-decompose: composite operations become primitive ones.

| operation | becomes |
|---|---|
| softmax | e / sum(e) with e = exp(x - max(x)) |
| layer_norm | (x - mean) * rsqrt(variance + epsilon) * gamma + beta |
| rms_norm | x * rsqrt(mean(x*x) + epsilon) * gamma |
| gelu | x/2 * (1 + erf(x/sqrt(2))), or x * sigmoid(2*sqrt(2/pi) * (x + 0.044715*x**3)), which is the tanh form |
| onehot | select(index == iota, on_value, off_value) |
| elemany | min(sum(x != 0), 1), which is 0 for no elements |

f16 and bf16 are cast to f32 before and back after softmax, the norms and gelu. `reduce Mean` is primitive.
"""

from collections.abc import Callable, Sequence
from math import pi, sqrt
from typing import Any, cast

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from dvm_dialects.diagnostics import failures_of
from dvm_dialects.dims import Dim
from dvm_dialects.dvm import (
    BinaryOp,
    BinaryScalarOp,
    BroadcastScalarOp,
    CastOp,
    DvmOp,
    ElemAnyOp,
    GeluOp,
    IotaOp,
    LayerNormOp,
    OneHotOp,
    ReduceOp,
    ReshapeOp,
    RmsNormOp,
    SelectOp,
    SoftmaxOp,
    TransposeOp,
    UnaryOp,
)
from dvm_dialects.dvm_base import dims_in
from dvm_dialects.shapes import is_known, shape_of
from vm.isa import ElementType


class _Builder:
    """Makes operations in front of another, with its location."""

    def __init__(self, before: Operation) -> None:
        self.location = before.location
        self.point = InsertPoint.before(before)

    def add(self, op: DvmOp) -> SSAValue:
        op.location = self.location
        Rewriter.insert_op(op, self.point)
        return op.result

    def unary(self, kind: str, operand: SSAValue) -> SSAValue:
        return self.add(UnaryOp(kind, operand))

    def binary(self, kind: str, lhs: SSAValue, rhs: SSAValue) -> SSAValue:
        return self.add(BinaryOp(kind, lhs, rhs))

    def scalar(self, kind: str, operand: SSAValue, scalar: float) -> SSAValue:
        return self.add(BinaryScalarOp(kind, operand, scalar))

    def reduce(self, kind: str, operand: SSAValue, dims: Sequence[int]) -> SSAValue:
        return self.add(ReduceOp(kind, operand, dims, keepdims=True))

    def cast(self, operand: SSAValue, element: ElementType) -> SSAValue:
        return self.add(CastOp(operand, element))


def _softmax(op: SoftmaxOp, build: _Builder, operands: Sequence[SSAValue]) -> SSAValue:
    (x,) = operands
    axis = [op.position]
    exponential = build.unary("Exp", build.binary("Sub", x, build.reduce("Max", x, axis)))
    return build.binary("Div", exponential, build.reduce("Sum", exponential, axis))


def _layer_norm(op: LayerNormOp, build: _Builder, operands: Sequence[SSAValue]) -> SSAValue:
    x, *parameters = operands
    axes = range(op.position, op.rank(0))
    centred = build.binary("Sub", x, build.reduce("Mean", x, axes))
    result = _normalised(centred, axes, op.epsilon.value.data, build)
    for kind, parameter in zip(("Mul", "Add"), parameters, strict=False):
        result = build.binary(kind, result, parameter)
    return result


def _rms_norm(op: RmsNormOp, build: _Builder, operands: Sequence[SSAValue]) -> SSAValue:
    x, *gamma = operands
    result = _normalised(x, range(op.position, op.rank(0)), op.epsilon.value.data, build)
    return build.binary("Mul", result, gamma[0]) if gamma else result


def _normalised(x: SSAValue, axes: Sequence[int], epsilon: float, build: _Builder) -> SSAValue:
    """x / sqrt(mean(x*x) + epsilon)."""
    mean_square = build.reduce("Mean", build.binary("Mul", x, x), axes)
    return build.binary("Mul", x, build.unary("Rsqrt", build.scalar("Add", mean_square, epsilon)))


def _gelu(op: GeluOp, build: _Builder, operands: Sequence[SSAValue]) -> SSAValue:
    (x,) = operands
    if op.approximate.data == "none":
        half = build.scalar("Mul", x, 0.5)
        error = build.unary("Erf", build.scalar("Mul", x, 1 / sqrt(2)))
        return build.binary("Mul", half, build.scalar("Add", error, 1.0))
    # (1 + tanh(z))/2 is sigmoid(2*z), which is shorter and does not cancel; z is x times a polynomial of x*x.
    scale = 2 * sqrt(2 / pi)
    polynomial = build.scalar("Add", build.scalar("Mul", build.binary("Mul", x, x), scale * 0.044715), scale)
    return build.binary("Mul", x, build.unary("Sigmoid", build.binary("Mul", polynomial, x)))


def _onehot(op: OneHotOp, build: _Builder, operands: Sequence[SSAValue]) -> SSAValue:
    (index,) = operands
    rank, position, depth = op.rank(0), op.position, dims_in(op.depth)[0]
    if all(is_known(dim) for dim in shape_of(index.type)):
        dims = shape_of(index.type)
        index = build.add(ReshapeOp(index, (*dims[:position], _ONE, *dims[position:])))
        classes = build.add(IotaOp(0, (depth, *(_ONE for _ in dims[position:])), op.element(0)))
        chosen = build.binary("Equal", index, classes)
    else:
        # A new dim in front needs no names for the others; it is moved into place afterwards.
        classes = build.add(IotaOp(0, (depth, *(_ONE for _ in range(rank))), op.element(0)))
        order = (*range(1, position + 1), 0, *range(position + 1, rank + 1))
        chosen = build.add(TransposeOp(build.binary("Equal", index, classes), order))
    on, off = (build.add(BroadcastScalarOp(scalar, (), op.result_element())) for scalar in (op.on_value, op.off_value))
    return build.add(SelectOp(chosen, on, off))


def _elemany(op: ElemAnyOp, build: _Builder, operands: Sequence[SSAValue]) -> SSAValue:
    (x,) = operands
    element = op.element(0)
    differs = x if element is ElementType.I1 else build.scalar("NotEqual", x, 0.0 if element.is_float else 0)
    found = build.cast(differs, ElementType.F32)
    if rank := op.rank(0):
        # Not Max, which no elements do not have.
        found = build.scalar("Minimum", build.add(ReduceOp("Sum", found, range(rank))), 1.0)
    return build.add(ReshapeOp(found, (_ONE,)))


_ONE = Dim.constant(1)

_DECOMPOSITIONS: dict[type[Operation], Callable[[Any, _Builder, Sequence[SSAValue]], SSAValue]] = {
    SoftmaxOp: _softmax,
    LayerNormOp: _layer_norm,
    RmsNormOp: _rms_norm,
    GeluOp: _gelu,
    OneHotOp: _onehot,
    ElemAnyOp: _elemany,
}

_IN_F32 = (SoftmaxOp, LayerNormOp, RmsNormOp, GeluOp)
"""Those that compute in f32 where their operands are 16-bit floats."""


def _decompose(op: DvmOp) -> None:
    """Replaces a composite operation."""
    build = _Builder(op)
    element = op.element(0)
    widened = isinstance(op, _IN_F32) and element.compute is not element
    operands = [build.cast(operand, element.compute) for operand in op.operands] if widened else op.operands
    result = _DECOMPOSITIONS[type(op)](op, build, operands)
    if widened:
        result = build.cast(result, element)
    if result.type != op.result.type:
        # What the author declared says more or less than what was inferred; users expect it.
        result = Rewriter.replace_value_with_new_type(result, op.result.type)
    Rewriter.replace_op(op, [], [result])


class DvmDecomposePass(ModulePass):
    """Replaces composite operations by primitive ones."""

    name = "dvm-decompose"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for inner in [inner for inner in op.walk() if type(inner) in _DECOMPOSITIONS]:
            with failures_of(inner):
                _decompose(cast(DvmOp, inner))
