"""dvm-fold-unit-dims: work behind a reshape that puts dims of 1 in front is done without them.

PyTorch flattens what it multiplies, and puts the batch of 1 back afterwards. Before:

    %1 = dvm.matmul %a, %b trans_a false trans_b false : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
    %2 = dvm.reshape %1 shape [1, "s0", 8] : tensor<?x8xf32> -> tensor<1x?x8xf32>
    %3 = dvm.unary Tanh %2 : tensor<1x?x8xf32> -> tensor<1x?x8xf32>

After:

    %1 = dvm.matmul %a, %b trans_a false trans_b false : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
    %3 = dvm.unary Tanh %1 : tensor<?x8xf32> -> tensor<?x8xf32>
    %4 = dvm.reshape %3 shape [1, "s0", 8] : tensor<?x8xf32> -> tensor<1x?x8xf32>

The reshapes sink to where a value is returned, or meet one that takes the dims away again, so that nothing is left between
kernels but views. What reads an argument as it is stays as it is: an argument under another shape must be contiguous.
"""

from collections.abc import Callable, Sequence
from typing import Any

from xdsl.context import Context
from xdsl.dialects.builtin import DenseArrayBase, IntegerAttr, ModuleOp, i64
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from dvm_dialects.dims import Dim
from dvm_dialects.dvm import (
    BinaryOp,
    BinaryScalarOp,
    BroadcastOp,
    CastOp,
    ConcatOp,
    CopyOp,
    DvmOp,
    MatmulOp,
    ReduceOp,
    ReshapeOp,
    SelectOp,
    SliceOp,
    TransposeOp,
    UnaryOp,
)
from dvm_dialects.dvm_base import dims_attr, dims_in
from dvm_dialects.shapes import Shape, dims_of, element_of, tensor_of

_ONE = Dim.constant(1)

Properties = dict[str, Attribute]

Folding = Callable[[Any, int], Properties | None]
"""The properties of an operation without that many dims in front; None where it needs them."""


def _same(op: DvmOp, count: int) -> Properties | None:
    return dict(op.properties)


def _of_shape(op: BroadcastOp, count: int) -> Properties | None:
    return {**op.properties, "shape": dims_attr(dims_in(op.shape)[count:])}


def _of_reduce(op: ReduceOp, count: int) -> Properties | None:
    if min(op.axes) < count:
        return None
    return {**op.properties, "dims": _integers([axis - count for axis in op.axes])}


def _of_transpose(op: TransposeOp, count: int) -> Properties | None:
    if sorted(op.order[:count]) != list(range(count)):
        return None
    return {**op.properties, "permutation": _integers([axis - count for axis in op.order[count:]])}


def _of_slice(op: SliceOp, count: int) -> Properties | None:
    if any(start.value != 0 for start in dims_in(op.starts)[:count]):
        return None
    return {
        "starts": dims_attr(dims_in(op.starts)[count:]),
        "sizes": dims_attr(dims_in(op.sizes)[count:]),
        "steps": _integers(op.strides[count:]),
    }


def _of_concat(op: ConcatOp, count: int) -> Properties | None:
    axis = op.axis.value.data - count
    return None if axis < 0 else {**op.properties, "axis": IntegerAttr(axis, i64)}


def _of_matmul(op: MatmulOp, count: int) -> Properties | None:
    return dict(op.properties) if count <= len(dims_of(op.result.type)) - 2 else None


_FOLDINGS: dict[type[DvmOp], Folding] = {
    UnaryOp: _same,
    BinaryOp: _same,
    BinaryScalarOp: _same,
    SelectOp: _same,
    CastOp: _same,
    CopyOp: _same,
    BroadcastOp: _of_shape,
    ReduceOp: _of_reduce,
    TransposeOp: _of_transpose,
    SliceOp: _of_slice,
    ConcatOp: _of_concat,
    MatmulOp: _of_matmul,
}


def _integers(values: Sequence[int]) -> DenseArrayBase:
    return DenseArrayBase.from_list(i64, values)


def _leading(dims: Shape) -> int:
    """How many dims of 1 there are in front."""
    return next((axis for axis, dim in enumerate(dims) if dim != _ONE), len(dims))


Views = dict[tuple[SSAValue, Shape], SSAValue]
"""The values seen without dims of 1 so far, by what they are views of and their dims."""


def _fold(op: DvmOp, views: Views) -> None:
    """Do an operation without the dims of 1 in front that a reshape has given its operands."""
    folding = _FOLDINGS.get(type(op))
    if folding is None or not any(
        _leading(dims_of(operand.type)) for operand in map(_reshaped, op.operands) if operand
    ):
        return
    result = dims_of(op.result.type)
    rank = max(len(dims_of(operand.type)) for operand in op.operands) if isinstance(op, ReduceOp) else len(result)
    count = _leading(result)
    for operand in op.operands:
        dims = dims_of(operand.type)
        count = min(count, _leading(dims) + rank - len(dims))
    for fewer in range(count, 0, -1):
        properties = folding(op, fewer)
        if properties is not None:
            break
    else:
        return
    operands = [_without(op, operand, fewer - (rank - len(dims_of(operand.type))), views) for operand in op.operands]
    new = type(op).create(
        operands=operands,
        properties=properties,
        attributes=op.attributes.copy(),
        result_types=[tensor_of(element_of(op.result.type), result[fewer:])],
    )
    back = ReshapeOp(new.results[0], result, op.result.type)
    for made in (new, back):
        made.location = op.location
    Rewriter.replace_op(op, [new, back], [back.result])


def _reshaped(value: SSAValue) -> SSAValue | None:
    """A value that a reshape of something computed gives, else None."""
    owner = value.owner
    return value if isinstance(owner, ReshapeOp) and isinstance(owner.operand.owner, DvmOp) else None


def _without(op: DvmOp, value: SSAValue, count: int, views: Views) -> SSAValue:
    """A value without dims of 1 in front, in front of an operation."""
    if count <= 0:
        return value
    dims = dims_of(value.type)[count:]
    owner = value.owner
    source = owner.operand if isinstance(owner, ReshapeOp | BroadcastOp) else value
    if dims_of(source.type) == dims:
        return source
    known = views.get((source, dims))
    if known is not None:
        return known
    type = tensor_of(element_of(value.type), dims)
    if isinstance(owner, BroadcastOp):
        stretched = _without(op, source, len(dims_of(source.type)) - len(dims), views)
        view = BroadcastOp(stretched, dims, type)
    else:
        view = ReshapeOp(source, dims, type)
    view.location = op.location
    Rewriter.insert_op(view, InsertPoint.before(op))
    views[source, dims] = view.result
    return view.result


def _join(op: ReshapeOp) -> None:
    """A reshape of a reshape is one."""
    inner = op.operand.owner
    if not isinstance(inner, ReshapeOp):
        return
    if dims_of(inner.operand.type) == dims_of(op.result.type):
        op.result.replace_all_uses_with(inner.operand)
    else:
        op.operands[0] = inner.operand


class DvmFoldUnitDimsPass(ModulePass):
    """Does work without the dims of 1 that a reshape has put in front."""

    name = "dvm-fold-unit-dims"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in op.ops:
            if not isinstance(function, FuncOp) or function.is_declaration:
                continue
            block = function.body.block
            views: Views = {}
            for inner in tuple(block.ops):
                if isinstance(inner, ReshapeOp):
                    _join(inner)
                elif isinstance(inner, DvmOp):
                    _fold(inner, views)
            for inner in reversed(tuple(block.ops)):
                if isinstance(inner, ReshapeOp | BroadcastOp) and inner.result.first_use is None:
                    Rewriter.erase_op(inner)
