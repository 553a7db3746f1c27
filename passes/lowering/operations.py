"""How each operation of the operator graph becomes virtual instructions: one function each, and the table of them."""

from typing import Any, cast

from xdsl.ir import Operation, SSAValue

from dvm_dialects import dvm, visa
from dvm_dialects.diagnostics import failure
from dvm_dialects.dims import Dim, product
from dvm_dialects.dvm_base import dims_in
from dvm_dialects.shapes import dims_of, element_of, regroups_ones
from dvm_dialects.visa_types import AccessIndex
from passes.lowering.domain import (
    ONE,
    ZERO_INDEX,
    Indices,
    factor_indices,
    left_indices,
    operand_indices,
    regrouped_indices,
    sliced_indices,
    transposed_indices,
)
from passes.lowering.kernel import VIEW_INDICES, KernelLowering, Lowering, Pass
from vm.isa import (
    BINARY_BY_GRAPH_NAME,
    REDUCE_BY_GRAPH_NAME,
    UNARY_BY_GRAPH_NAME,
    ElementType,
    ReduceKind,
)

ZERO = Dim.constant(0)

_REDUCE_KINDS = {
    "Sum": ReduceKind.SUM,
    "Mean": ReduceKind.SUM,
    "Max": ReduceKind.MAX,
    "Min": ReduceKind.MIN,
    "Prod": ReduceKind.PROD,
}

# --- elementwise operations ---


def _unary(state: KernelLowering, op: dvm.UnaryOp, indices: Indices, part: Pass) -> SSAValue:
    source = state.solid(op.operand, indices, part)
    mnemonic = UNARY_BY_GRAPH_NAME[op.kind.data].mnemonic
    return state.add(visa.UnaryOp(mnemonic, element_of(op.operand.type).compute, source), part).result


def _binary(state: KernelLowering, op: dvm.BinaryOp, indices: Indices, part: Pass) -> SSAValue:
    lhs, rhs = op.operands
    left_indices, right_indices = (operand_indices(operand, op.result, indices) for operand in (lhs, rhs))
    left, right = state.tile(lhs, left_indices, part), state.tile(rhs, right_indices, part)
    if isinstance(left.type, visa.ScalarType) and isinstance(right.type, visa.ScalarType):
        left = state.solid(lhs, left_indices, part)
    mnemonic = BINARY_BY_GRAPH_NAME[op.kind.data].mnemonic
    return state.add(visa.BinaryOp(mnemonic, element_of(lhs.type).compute, left, right), part).result


def _binary_scalar(state: KernelLowering, op: dvm.BinaryScalarOp, indices: Indices, part: Pass) -> SSAValue:
    element = element_of(op.operand.type).compute
    tile, scalar = state.solid(op.operand, indices, part), state.scalar(op.value, element, part)
    left, right = (scalar, tile) if op.scalar_first else (tile, scalar)
    mnemonic = BINARY_BY_GRAPH_NAME[op.kind.data].mnemonic
    return state.add(visa.BinaryOp(mnemonic, element, left, right), part).result


def _select(state: KernelLowering, op: dvm.SelectOp, indices: Indices, part: Pass) -> SSAValue:
    condition, then, otherwise = (operand_indices(operand, op.result, indices) for operand in op.operands)
    select = visa.SelectOp(
        element_of(op.on_true.type).compute,
        state.solid(op.condition, condition, part),
        state.tile(op.on_true, then, part),
        state.tile(op.on_false, otherwise, part),
    )
    return state.add(select, part).result


def _cast(state: KernelLowering, op: dvm.CastOp, indices: Indices, part: Pass) -> SSAValue:
    source_type, target = element_of(op.operand.type), element_of(op.result.type)
    source = state.solid(op.operand, indices, part)
    if target in (source_type, source_type.compute):
        return source
    return state.add(visa.CastOp(source_type.compute, target, source), part).result


def _same(state: KernelLowering, op: dvm.BroadcastOp | dvm.CopyOp, indices: Indices, part: Pass) -> SSAValue:
    return state.tile(op.operand, operand_indices(op.operand, op.result, indices), part)


def _broadcast_scalar(state: KernelLowering, op: dvm.BroadcastScalarOp, indices: Indices, part: Pass) -> SSAValue:
    return state.scalar(op.value, element_of(op.result.type), part)


def _iota(state: KernelLowering, op: dvm.IotaOp, indices: Indices, part: Pass) -> SSAValue:
    element = element_of(op.result.type).compute
    along = op.axis.value.data
    extent, index = dims_of(op.result.type)[along], indices[along]
    if extent == ONE or not index.terms:
        return _dim(state, index.offset if extent != ONE else ZERO, element, part)
    ((axis, step),) = index.terms
    tile = state.add(visa.IotaOp(element, axis), part).result
    for mnemonic, change, neutral in (("mul", step, ONE), ("add", index.offset, ZERO)):
        if change != neutral:
            tile = state.add(visa.BinaryOp(mnemonic, element, tile, _dim(state, change, element, part)), part).result
    if extent != state.domain.extents[axis]:
        # where the extent turns out to be 1 the result is broadcast along the axis, and 0 all over
        tile = state.add(visa.BinaryOp("min", element, tile, _dim(state, extent - 1, element, part)), part).result
    return tile


def _size(state: KernelLowering, op: dvm.SizeOp, indices: Indices, part: Pass) -> SSAValue:
    return _dim(state, op.dim, op.result_element(), part)


def _dim(state: KernelLowering, dim: Dim, element: ElementType, part: Pass) -> SSAValue:
    return state.scalar(dim if dim.value is None else dim.value, element, part)


# --- reductions and products ---


def _reduce(state: KernelLowering, op: dvm.ReduceOp, indices: Indices, part: Pass) -> SSAValue:
    element = element_of(op.operand.type).compute
    kind = op.kind.data
    before, stream = state.once[part.number - 1], state.streams[part.number - 1]
    source = state.tile(op.operand, state.domain.source, stream)
    if isinstance(source.type, visa.ScalarType) or state.domain.reduced - state.axes[source]:
        axes = tuple(axis for index in state.domain.source for axis, _ in index.terms)
        source = state.add(visa.FillOp(element, source, axes), stream).result
    start = state.add(visa.ReduceInitOp(_REDUCE_KINDS[kind], element), before).result
    mnemonic = REDUCE_BY_GRAPH_NAME["Sum" if kind == "Mean" else kind].mnemonic
    total = state.add(visa.ReduceOp(mnemonic, element, start, source), stream).result
    if kind == "Mean":
        dims = dims_of(op.operand.type)
        count = state.scalar(product(dims[axis] for axis in op.axes), element, part)
        total = state.add(visa.BinaryOp("div", element, total, count), part).result
    return total


def _matmul(state: KernelLowering, op: dvm.MatmulOp, indices: Indices, part: Pass) -> SSAValue:
    rank = len(state.domain.extents)
    batch, n, k = rank - 3, rank - 2, rank - 1
    stream = state.streams[part.number - 1]
    right_indices = factor_indices(dims_of(op.rhs.type), k, n, bool(op.trans_b.value.data), batch)
    element = element_of(op.lhs.type).compute
    left = state.solid(op.lhs, left_indices(state.domain, op), stream)
    right = state.solid(op.rhs, right_indices, stream)
    start = _accumulator(state, element, part)
    total = state.add(visa.MatmulOp(element, start, left, right), stream).result
    return _with_bias(state, op.bias, op.result, total, indices, part)


def _accumulator(state: KernelLowering, element: ElementType, part: Pass) -> SSAValue:
    return state.add(visa.ReduceInitOp(ReduceKind.SUM, element), state.once[part.number - 1]).result


def _with_bias(
    state: KernelLowering, bias: SSAValue | None, result: SSAValue, total: SSAValue, indices: Indices, part: Pass
) -> SSAValue:
    if bias is None:
        return total
    tile = state.tile(bias, operand_indices(bias, result, indices), part)
    return state.add(visa.BinaryOp("add", element_of(result.type).compute, total, tile), part).result


def _grouped_matmul(state: KernelLowering, op: dvm.GroupedMatmulOp, indices: Indices, part: Pass) -> SSAValue:
    rank = len(state.domain.extents)
    m, n, k = rank - 3, rank - 2, rank - 1
    stream = state.streams[part.number - 1]
    element = element_of(op.lhs.type).compute
    left = state.solid(op.lhs, factor_indices(dims_of(op.lhs.type), m, k, bool(op.trans_a.value.data), 0), stream)
    start = _accumulator(state, element, part)
    groups = state.operand(op.groups, [ZERO_INDEX], free=0)
    transposed = bool(op.trans_b.value.data)
    if op.groups_rows:
        inner = [n, k] if transposed else [k, n]
        weights = state.operand(op.rhs, [ZERO_INDEX, *map(AccessIndex.axis, inner)], free=0)
        total = state.add(visa.GroupedMatmulOp(element, start, left, weights, groups), stream).result
    else:
        right = state.solid(op.rhs, factor_indices(dims_of(op.rhs.type), k, n, transposed, 0), stream)
        total = state.add(visa.GroupedMatmulKOp(element, start, left, right, groups), stream).result
    return _with_bias(state, op.bias, op.result, total, indices, part)


# --- data movement ---


def _transpose(state: KernelLowering, op: dvm.TransposeOp, indices: Indices, part: Pass) -> SSAValue:
    return state.tile(op.operand, transposed_indices(op, indices), part)


def _reshape(state: KernelLowering, op: dvm.ReshapeOp, indices: Indices, part: Pass) -> SSAValue:
    if not regroups_ones(dims_of(op.operand.type), dims_of(op.result.type)):
        raise failure(op, "it regroups dims, which no access map does")
    return state.tile(op.operand, regrouped_indices(op, indices), part)


def _slice(state: KernelLowering, op: dvm.SliceOp, indices: Indices, part: Pass) -> SSAValue:
    return state.tile(op.operand, sliced_indices(op, indices), part)


def _concat(state: KernelLowering, op: dvm.ConcatOp, indices: Indices, part: Pass) -> SSAValue:
    tile = _background(state, op, indices, 0, part)
    offset = ZERO
    for value in op.inputs:
        axis = {op.axis.value.data: offset}
        work = _work_on(value) if value is op.inputs[0] else []
        tile = _overlay(state, tile, work[-1].operand if work else value, indices, axis, part)
        for operation in reversed(work):
            part.tiles[operation.operand, indices] = tile
            tile = _unary(state, operation, indices, part)
        offset = offset - dims_of(value.type)[op.axis.value.data]
    return tile


def _work_on(value: SSAValue) -> list[dvm.UnaryOp]:
    """What the kernel does on the first operand of a concat, the last first: done on the whole tile, before the others come."""
    found: list[dvm.UnaryOp] = []
    while isinstance(value.owner, dvm.UnaryOp):
        found.append(value.owner)
        value = value.owner.operand
    return found


def _pad(state: KernelLowering, op: dvm.PadOp, indices: Indices, part: Pass) -> SSAValue:
    tile = _background(state, op, indices, op.fill, part)
    offsets = {axis: ZERO - low for axis, low in enumerate(dims_in(op.low))}
    return _overlay(state, tile, op.operand, indices, offsets, part)


def _background(
    state: KernelLowering, op: dvm.DvmOp, indices: Indices, value: float | int | bool, part: Pass
) -> SSAValue:
    """A tile of one value, on which the operands of a concat or pad are laid."""
    axes = [axis for index in indices for axis, _ in index.terms]
    plain = {ZERO_INDEX, *map(AccessIndex.axis, axes)}
    if len(set(axes)) < len(axes) or not plain.issuperset(indices):
        raise failure(op, "it meets other axes than its own")
    element = element_of(op.result.type)
    return state.add(visa.FillOp(element.compute, state.scalar(value, element, part), tuple(sorted(axes))), part).result


def _overlay(
    state: KernelLowering,
    background: SSAValue,
    value: SSAValue,
    indices: Indices,
    offsets: dict[int, Dim],
    part: Pass,
) -> SSAValue:
    """The background with a tensor laid over it, whose indices are those of the result plus the offsets; or with views of one."""
    shifted = tuple([AccessIndex(index.terms, offsets.get(dim, ZERO)) for dim, index in enumerate(indices)])
    while type(value.owner) in VIEW_INDICES:
        view = cast(Operation, value.owner)
        shifted = VIEW_INDICES[type(view)](view, shifted)
        value = view.operands[0]
    source = state.operand(value, shifted, guarded=True)
    return state.add(visa.LoadGuardedOp(background, source), part).result


def _require_whole(state: KernelLowering, op: Operation, indices: Indices) -> None:
    if indices != state.domain.whole:
        raise failure(op, "it needs a kernel of its own")


def _gather(state: KernelLowering, op: dvm.GatherOp, indices: Indices, part: Pass) -> SSAValue:
    _require_whole(state, op, indices)
    table, index = dims_of(op.table.type), dims_of(op.index.type)
    axis = op.axis.value.data
    inner = tuple(ZERO_INDEX if dim == ONE else AccessIndex.axis(axis + i) for i, dim in enumerate(index))
    index_tile = state.solid(op.index, inner, part)
    outer = [
        ZERO_INDEX if dim == axis else AccessIndex.axis(dim if dim < axis else dim + len(index) - 1)
        for dim in range(len(table))
    ]
    source = state.operand(op.table, outer, free=axis)
    return state.add(visa.GatherOp(source, index_tile), part).result


# each function takes its own class of operation
_LOWERINGS: dict[type[Operation], Any] = {
    dvm.UnaryOp: _unary,
    dvm.BinaryOp: _binary,
    dvm.BinaryScalarOp: _binary_scalar,
    dvm.SelectOp: _select,
    dvm.CastOp: _cast,
    dvm.BroadcastOp: _same,
    dvm.CopyOp: _same,
    dvm.BroadcastScalarOp: _broadcast_scalar,
    dvm.IotaOp: _iota,
    dvm.SizeOp: _size,
    dvm.ReduceOp: _reduce,
    dvm.MatmulOp: _matmul,
    dvm.GroupedMatmulOp: _grouped_matmul,
    dvm.TransposeOp: _transpose,
    dvm.SliceOp: _slice,
    dvm.ReshapeOp: _reshape,
    dvm.ConcatOp: _concat,
    dvm.PadOp: _pad,
    dvm.GatherOp: _gather,
}

LOWERINGS: dict[type[Operation], Lowering] = _LOWERINGS
