"""`convert-vk-to-visa`: gives each kernel a domain, each operand an access map, each operation its instructions.

The domain of a kernel is what its operations iterate over: the input of its reductions, the (m, n, k) of its matrix
product, else the shape that all of its values broadcast to. Broadcasting takes no instruction: a tile lacks the axes
along which its value does not vary.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Block, Operation, Region, SSAValue
from xdsl.passes import ModulePass
from xdsl.utils.exceptions import PassFailedException

from dvm_dialects import dvm, visa, vk
from dvm_dialects.dims import Dim, broadcast, product
from dvm_dialects.dvm_base import dims_in
from dvm_dialects.shapes import dims_of, element_of
from dvm_dialects.visa_types import AccessIndex, AxisAttr, GlobalType
from vm.isa import (
    BINARY_BY_GRAPH_NAME,
    REDUCE_BY_GRAPH_NAME,
    UNARY_BY_GRAPH_NAME,
    ElementType,
    PassMode,
    ReduceKind,
)

Shape = tuple[Dim, ...]
AxisMap = tuple[int, ...]
"""For each dim of a value the domain axis it follows, or NO_AXIS."""

NO_AXIS = -1
ONE = Dim.constant(1)
ZERO = Dim.constant(0)

_REDUCE_KINDS = {
    "Sum": ReduceKind.SUM,
    "Mean": ReduceKind.SUM,
    "Max": ReduceKind.MAX,
    "Min": ReduceKind.MIN,
    "Prod": ReduceKind.PROD,
}
_ALONE = (
    dvm.MatmulOp,
    dvm.GroupedMatmulOp,
    dvm.TransposeOp,
    dvm.SliceOp,
    dvm.ConcatOp,
    dvm.PadOp,
    dvm.GatherOp,
)
"""Operations whose operands are read from memory, so that nothing else can be in their kernel."""

_Created = TypeVar("_Created", bound=Operation)


class ConvertVkToVisaPass(ModulePass):
    """Lower every `vk.kernel`."""

    name = "convert-vk-to-visa"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in op.ops:
            if isinstance(function, FuncOp):
                for operation in tuple(function.walk()):
                    if isinstance(operation, vk.KernelOp):
                        lower_kernel(operation)
                    elif isinstance(operation, vk.SpeculateOp):
                        raise PassFailedException(
                            "convert-vk-to-visa: vk.speculate has no form in virtual instructions yet"
                        )


def lower_kernel(kernel: vk.KernelOp) -> None:
    """Replace a kernel by its virtual instructions."""
    _require_one_domain(kernel)
    lowering = _Lowering(kernel)
    for operation in kernel.body.block.ops:
        if not isinstance(operation, vk.YieldOp):
            lowering.lower(operation)
    lowered = lowering.finish()
    block = kernel.parent_block()
    assert block is not None
    block.insert_op_before(lowered, kernel)
    for old, new in zip(kernel.results, lowered.results, strict=True):
        new.name_hint = old.name_hint
        old.replace_all_uses_with(new)
    block.erase_op(kernel)


class _Lowering:
    """The state of lowering one kernel: its domain, passes under construction, and the tile of each value.

    A kernel has up to three passes: once (accumulators are initialised), stream (what varies along reduction axes),
    once (what follows the reductions).
    """

    def __init__(self, kernel: vk.KernelOp) -> None:
        self.kernel = kernel
        self.domain, self.reduced = _domain_of(kernel)
        self.inputs: list[SSAValue] = []
        self.input_types: list[GlobalType] = []
        self.block = Block()
        self.initial: list[Operation] = []
        self.body: list[Operation] = []
        self.final: list[Operation] = []
        self.parallel = frozenset(range(len(self.domain))) - self.reduced
        self.tiles: dict[SSAValue, SSAValue] = {}
        self.axes: dict[SSAValue, visa.Axes] = {}
        self.maps: dict[SSAValue, AxisMap] = {}
        self.loads: dict[tuple[SSAValue, tuple[AccessIndex, ...], int], SSAValue] = {}
        self.arguments: dict[SSAValue, SSAValue] = dict(zip(kernel.body.block.args, kernel.operands, strict=True))
        self.origin = next(iter(kernel.body.block.ops)).location

    # --- building blocks ---

    def add(self, operation: _Created, *, final: bool = False) -> _Created:
        """Append an instruction to the body, or to the pass that follows the reductions."""
        (self.final if final else self.body).append(operation)
        if isinstance(operation, visa.InstructionOp) and operation.results:
            self.axes[operation.results[0]] = operation.result_axes(self.axes, self.parallel)
        return operation

    def operand(
        self, value: SSAValue, indices: Sequence[AccessIndex], *, guarded: bool = False, free: int | None = None
    ) -> SSAValue:
        """A new tensor operand of the kernel for a block argument, with an access map."""
        type = GlobalType.from_indices(element_of(value.type), len(self.domain), indices, guarded=guarded, free=free)
        self.inputs.append(self.arguments[value])
        argument = self.block.insert_arg(type, len(self.inputs) - 1)
        argument.name_hint = value.name_hint
        return argument

    def load(self, value: SSAValue, indices: Sequence[AccessIndex], *, final: bool = False) -> SSAValue:
        """The tile of a block argument under an access map; one load for each of these and each pass."""
        key = (value, tuple(indices), int(final))
        tile = self.loads.get(key)
        if tile is None:
            tile = self.loads[key] = self.add(visa.LoadOp(self.operand(value, indices)), final=final).result
        return tile

    def index(self, dim: Dim, axis: int) -> AccessIndex:
        """The index into a dim that follows an axis: 0 where the dim is 1 and the axis, along which it repeats, is not."""
        if axis == NO_AXIS or (dim == ONE and self.domain[axis] != ONE):
            return AccessIndex.constant(0)
        return AccessIndex.axis(axis)

    def tile(self, value: SSAValue, consumer: AxisMap, *, final: bool = False) -> SSAValue:
        """The tile (or scalar) of a value for a consumer whose result follows `consumer`."""
        known = self.tiles.get(value)
        if known is not None:
            return known
        dims = dims_of(value.type)
        axes = consumer[len(consumer) - len(dims) :]
        return self.load(value, list(map(self.index, dims, axes)), final=final)

    def solid(self, value: SSAValue, consumer: AxisMap) -> SSAValue:
        """As `tile`, but never a scalar."""
        tile = self.tile(value, consumer)
        if isinstance(tile.type, visa.ScalarType):
            return self.add(visa.FillOp(element_of(value.type).compute, tile, ())).result
        return tile

    def scalar(self, value: float | int | bool | Dim, element: ElementType, *, final: bool = False) -> SSAValue:
        return self.add(visa.ScalarOp(value, element.compute), final=final).result

    def follow(self, operation: Operation) -> AxisMap:
        """The axes that the result of an elementwise operation follows: the last ones of the domain."""
        rank = len(dims_of(operation.results[0].type))
        return tuple(range(len(self.domain) - rank, len(self.domain)))

    # --- operations ---

    def lower(self, operation: Operation) -> None:
        """Append the instructions of one operation."""
        lowering = _LOWERINGS.get(type(operation))
        if lowering is None:
            raise PassFailedException(f"convert-vk-to-visa: '{operation.name}' has no virtual instructions")
        lowering(self, operation)

    def define(self, operation: Operation, tile: SSAValue, axes: AxisMap) -> None:
        result = operation.results[0]
        self.tiles[result] = tile
        self.maps[result] = axes

    def finish(self) -> visa.KernelOp:
        """The lowered kernel: its stores, and its passes put together."""
        terminator = self.kernel.body.block.last_op
        assert isinstance(terminator, vk.YieldOp)
        for position, value in enumerate(terminator.operands):
            self._store(value, position)
        for operations in (self.body, self.final):
            _leave_rounding_to_stores(operations)
        streams = bool(self.reduced)
        operations: list[Operation] = []
        if streams:
            if self.initial:
                operations += [visa.PassOp(PassMode.ONCE), *self.initial]
            operations += [visa.PassOp(PassMode.STREAM), *self.body]
            if self.final:
                operations += [visa.PassOp(PassMode.ONCE), *self.final]
        else:
            operations += [visa.PassOp(PassMode.ONCE), *self.body, *self.final]
        self.block.add_ops([*operations, visa.EndOp()])
        axes = [
            AxisAttr("reduction" if axis in self.reduced else "parallel", extent)
            for axis, extent in enumerate(self.domain)
        ]
        lowered = visa.KernelOp(
            self.kernel.kind.data,
            self.kernel.sym_name.data,
            axes,
            self.inputs,
            self.kernel.result_types,
            Region(self.block),
        )
        lowered.location = self.origin
        return lowered

    def _store(self, value: SSAValue, position: int) -> None:
        axes = self.maps.get(value) or self._yielded_map(value)
        final = bool(self.reduced) and not any(axis in self.reduced for axis in axes)
        dims = dims_of(value.type)
        tile = self.tile(value, axes, final=final)
        if isinstance(tile.type, visa.ScalarType):
            tile = self.add(visa.FillOp(element_of(value.type).compute, tile, ()), final=final).result
        indices = list(map(self.index, dims, axes))
        type = GlobalType.from_indices(element_of(value.type), len(self.domain), indices)
        argument = self.block.insert_arg(type, len(self.block.args))
        argument.name_hint = self.kernel.results[position].name_hint
        self.add(visa.StoreOp(tile, argument), final=final)

    def _yielded_map(self, value: SSAValue) -> AxisMap:
        rank = len(dims_of(value.type))
        return tuple(range(len(self.domain) - rank, len(self.domain)))


def _require_one_domain(kernel: vk.KernelOp) -> None:
    """Elementwise work, reductions of one domain that nothing follows, or one operation of another kind: no more yet."""
    operations = [operation for operation in kernel.body.block.ops if not isinstance(operation, vk.YieldOp)]
    reductions = [operation for operation in operations if isinstance(operation, dvm.ReduceOp)]
    if len({(dims_of(reduction.operand.type), frozenset(reduction.axes)) for reduction in reductions}) > 1:
        raise PassFailedException(f"convert-vk-to-visa: @{kernel.sym_name.data} reduces over different dims")
    for operation in operations:
        if isinstance(operation, _ALONE) and len(operations) > 1:
            raise PassFailedException(f"convert-vk-to-visa: '{operation.name}' needs a kernel of its own")
        for operand in operation.operands:
            if isinstance(operand.owner, dvm.ReduceOp):
                raise PassFailedException(
                    f"convert-vk-to-visa: '{operation.name}' uses the result of a reduction in the same kernel"
                )


def _leave_rounding_to_stores(operations: list[Operation]) -> None:
    """Drop casts to a 16-bit float whose results are only stored as that: the store rounds."""
    for operation in tuple(operations):
        if not isinstance(operation, visa.CastOp) or operation.type is not operation.result_type:
            continue
        uses = [use.operation for use in operation.result.uses]
        if all(isinstance(use, visa.StoreOp) and use.element == operation.to for use in uses):
            operation.result.replace_all_uses_with(operation.a)
            operations.remove(operation)
            operation.erase()


def _domain_of(kernel: vk.KernelOp) -> tuple[Shape, frozenset[int]]:
    """The extents of the domain and its reduction axes."""
    domain: Shape = ()
    for operation in kernel.body.block.ops:
        if isinstance(operation, dvm.ReduceOp):
            return dims_of(operation.operand.type), frozenset(operation.axes)
        if isinstance(operation, dvm.MatmulOp | dvm.GroupedMatmulOp):
            return _matmul_domain(operation)
        for value in operation.operands if isinstance(operation, vk.YieldOp) else operation.results:
            domain = _broadcast(domain, dims_of(value.type))
    return domain, frozenset()


def _broadcast(a: Shape, b: Shape) -> Shape:
    longer, shorter = (a, b) if len(a) >= len(b) else (b, a)
    lead = len(longer) - len(shorter)
    joined = [broadcast(x, y) for x, y in zip(longer[lead:], shorter, strict=True)]
    if any(dim is None for dim in joined):
        raise PassFailedException("convert-vk-to-visa: the shapes of a kernel do not broadcast")
    return (*longer[:lead], *(dim for dim in joined if dim is not None))


# --- elementwise operations ---


def _unary(state: _Lowering, op: dvm.UnaryOp) -> None:
    axes = state.follow(op)
    element = element_of(op.operand.type).compute
    source = state.solid(op.operand, axes)
    mnemonic = UNARY_BY_GRAPH_NAME[op.kind.data].mnemonic
    state.define(op, state.add(visa.UnaryOp(mnemonic, element, source)).result, axes)


def _binary(state: _Lowering, op: dvm.BinaryOp) -> None:
    axes = state.follow(op)
    element = element_of(op.lhs.type).compute
    left, right = state.tile(op.lhs, axes), state.tile(op.rhs, axes)
    if isinstance(left.type, visa.ScalarType) and isinstance(right.type, visa.ScalarType):
        left = state.solid(op.lhs, axes)
    mnemonic = BINARY_BY_GRAPH_NAME[op.kind.data].mnemonic
    state.define(op, state.add(visa.BinaryOp(mnemonic, element, left, right)).result, axes)


def _binary_scalar(state: _Lowering, op: dvm.BinaryScalarOp) -> None:
    axes = state.follow(op)
    element = element_of(op.operand.type).compute
    tile, scalar = state.solid(op.operand, axes), state.scalar(op.value, element)
    left, right = (scalar, tile) if op.scalar_first else (tile, scalar)
    mnemonic = BINARY_BY_GRAPH_NAME[op.kind.data].mnemonic
    state.define(op, state.add(visa.BinaryOp(mnemonic, element, left, right)).result, axes)


def _select(state: _Lowering, op: dvm.SelectOp) -> None:
    axes = state.follow(op)
    element = element_of(op.on_true.type).compute
    condition = state.solid(op.condition, axes)
    then, otherwise = state.tile(op.on_true, axes), state.tile(op.on_false, axes)
    state.define(op, state.add(visa.SelectOp(element, condition, then, otherwise)).result, axes)


def _cast(state: _Lowering, op: dvm.CastOp) -> None:
    axes = state.follow(op)
    source_type, target = element_of(op.operand.type), element_of(op.result.type)
    source = state.solid(op.operand, axes)
    if target in (source_type, source_type.compute):
        state.define(op, source, axes)
        return
    state.define(op, state.add(visa.CastOp(source_type.compute, target, source)).result, axes)


def _same(state: _Lowering, op: dvm.BroadcastOp | dvm.CopyOp) -> None:
    axes = state.follow(op)
    state.define(op, state.tile(op.operand, axes), axes)


def _broadcast_scalar(state: _Lowering, op: dvm.BroadcastScalarOp) -> None:
    state.define(op, state.scalar(op.value, element_of(op.result.type)), state.follow(op))


def _iota(state: _Lowering, op: dvm.IotaOp) -> None:
    axes = state.follow(op)
    element = element_of(op.result.type).compute
    extent, axis = dims_of(op.result.type)[op.axis.value.data], axes[op.axis.value.data]
    if extent == ONE:
        tile = state.scalar(0, element)
    else:
        tile = state.add(visa.IotaOp(element, axis)).result
        if extent != state.domain[axis]:
            # Where the extent turns out to be 1 the result is broadcast along the axis, and 0 all over.
            tile = state.add(visa.BinaryOp("min", element, tile, state.scalar(extent - 1, element))).result
    state.define(op, tile, axes)


# --- reductions and products ---


def _reduce(state: _Lowering, op: dvm.ReduceOp) -> None:
    whole = tuple(range(len(state.domain)))
    element = element_of(op.operand.type).compute
    kind = op.kind.data
    source = state.tile(op.operand, whole)
    if isinstance(source.type, visa.ScalarType) or state.reduced - state.axes[source]:
        source = state.add(visa.FillOp(element, source, whole)).result
    start = visa.ReduceInitOp(_REDUCE_KINDS[kind], element)
    state.initial.append(start)
    mnemonic = REDUCE_BY_GRAPH_NAME["Sum" if kind == "Mean" else kind].mnemonic
    total = state.add(visa.ReduceOp(mnemonic, element, start.result, source)).result
    if kind == "Mean":
        count = state.scalar(product(state.domain[axis] for axis in op.axes), element, final=True)
        total = state.add(visa.BinaryOp("div", element, total, count), final=True).result
    kept = op.keepdims.value.data
    axes = tuple(NO_AXIS if axis in state.reduced else axis for axis in whole if kept or axis not in state.reduced)
    state.define(op, total, axes)


def _matmul_domain(op: dvm.MatmulOp | dvm.GroupedMatmulOp) -> tuple[Shape, frozenset[int]]:
    result = dims_of(op.result.type)
    left = dims_of(op.lhs.type)
    depth = left[-2] if op.trans_a.value.data else left[-1]
    return (*result, depth), frozenset({len(result)})


def _matrix(dims: Shape, first: int, second: int, transposed: bool, batch: int) -> list[AccessIndex]:
    """The access map of a factor: batch dims broadcast, then the axes `first` and `second`."""
    axes = [*range(batch - (len(dims) - 2), batch), *((second, first) if transposed else (first, second))]
    return [
        AccessIndex.constant(0) if dim == ONE and position < len(dims) - 2 else AccessIndex.axis(axis)
        for position, (dim, axis) in enumerate(zip(dims, axes, strict=True))
    ]


def _matmul(state: _Lowering, op: dvm.MatmulOp) -> None:
    rank = len(state.domain)
    batch, m, n, k = rank - 3, rank - 3, rank - 2, rank - 1
    element = element_of(op.lhs.type).compute
    left = state.load(op.lhs, _matrix(dims_of(op.lhs.type), m, k, bool(op.trans_a.value.data), batch))
    right = state.load(op.rhs, _matrix(dims_of(op.rhs.type), k, n, bool(op.trans_b.value.data), batch))
    start = visa.ReduceInitOp(ReduceKind.SUM, element)
    state.initial.append(start)
    total = state.add(visa.MatmulOp(element, start.result, left, right)).result
    _add_bias(state, op, op.bias, total, element)


def _add_bias(state: _Lowering, op: Operation, bias: SSAValue | None, total: SSAValue, element: ElementType) -> None:
    axes = tuple(range(len(state.domain) - 1))
    if bias is not None:
        tile = state.tile(bias, axes, final=True)
        total = state.add(visa.BinaryOp("add", element, total, tile), final=True).result
    state.define(op, total, axes)


def _grouped_matmul(state: _Lowering, op: dvm.GroupedMatmulOp) -> None:
    rank = len(state.domain)
    m, n, k = rank - 3, rank - 2, rank - 1
    element = element_of(op.lhs.type).compute
    left = state.load(op.lhs, _matrix(dims_of(op.lhs.type), m, k, bool(op.trans_a.value.data), 0))
    start = visa.ReduceInitOp(ReduceKind.SUM, element)
    state.initial.append(start)
    groups = state.operand(op.groups, [AccessIndex.constant(0)], free=0)
    transposed = bool(op.trans_b.value.data)
    if op.group_type.value.data == 0:
        inner = [n, k] if transposed else [k, n]
        indices = [AccessIndex.constant(0), *map(AccessIndex.axis, inner)]
        weights = state.operand(op.rhs, indices, free=0)
        product_op = visa.GroupedMatmulOp(element, start.result, left, weights, groups)
    else:
        right = state.load(op.rhs, _matrix(dims_of(op.rhs.type), k, n, transposed, 0))
        product_op = visa.GroupedMatmulKOp(element, start.result, left, right, groups)
    _add_bias(state, op, op.bias, state.add(product_op).result, element)


# --- data movement ---


def _whole(state: _Lowering) -> AxisMap:
    return tuple(range(len(state.domain)))


def _transpose(state: _Lowering, op: dvm.TransposeOp) -> None:
    axis_of = {dim: axis for axis, dim in enumerate(op.order)}
    indices = [AccessIndex.axis(axis_of[dim]) for dim in range(len(state.domain))]
    state.define(op, state.load(op.operand, indices), _whole(state))


def _slice(state: _Lowering, op: dvm.SliceOp) -> None:
    indices = [
        AccessIndex(((axis, Dim.constant(step)),), start)
        for axis, (start, step) in enumerate(zip(dims_in(op.starts), op.strides, strict=True))
    ]
    state.define(op, state.load(op.operand, indices), _whole(state))


def _concat(state: _Lowering, op: dvm.ConcatOp) -> None:
    element = element_of(op.result.type)
    tile = state.add(visa.FillOp(element.compute, state.scalar(0, element), _whole(state))).result
    offset = ZERO
    for value in op.inputs:
        tile = _overlay(state, tile, value, {op.axis.value.data: offset})
        offset = offset - dims_of(value.type)[op.axis.value.data]
    state.define(op, tile, _whole(state))


def _pad(state: _Lowering, op: dvm.PadOp) -> None:
    element = element_of(op.result.type)
    tile = state.add(visa.FillOp(element.compute, state.scalar(op.fill, element), _whole(state))).result
    offsets = {axis: ZERO - low for axis, low in enumerate(dims_in(op.low))}
    state.define(op, _overlay(state, tile, op.operand, offsets), _whole(state))


def _overlay(state: _Lowering, background: SSAValue, value: SSAValue, offsets: dict[int, Dim]) -> SSAValue:
    """The background with a tensor laid over it, whose index along an axis is that of the domain plus the offset."""
    indices = [AccessIndex(((axis, ONE),), offsets.get(axis, ZERO)) for axis in range(len(state.domain))]
    source = state.operand(value, indices, guarded=True)
    return state.add(visa.LoadGuardedOp(background, source)).result


def _gather(state: _Lowering, op: dvm.GatherOp) -> None:
    table, index = dims_of(op.table.type), dims_of(op.index.type)
    axis = op.axis.value.data
    index_tile = state.load(
        op.index,
        [AccessIndex.constant(0) if dim == ONE else AccessIndex.axis(axis + i) for i, dim in enumerate(index)],
    )
    indices = [
        AccessIndex.constant(0) if dim == axis else AccessIndex.axis(dim if dim < axis else dim + len(index) - 1)
        for dim in range(len(table))
    ]
    source = state.operand(op.table, indices, free=axis)
    state.define(op, state.add(visa.GatherOp(source, index_tile)).result, _whole(state))


_LOWERINGS: dict[type[Operation], Callable[..., None]] = {
    dvm.UnaryOp: _unary,
    dvm.BinaryOp: _binary,
    dvm.BinaryScalarOp: _binary_scalar,
    dvm.SelectOp: _select,
    dvm.CastOp: _cast,
    dvm.BroadcastOp: _same,
    dvm.CopyOp: _same,
    dvm.BroadcastScalarOp: _broadcast_scalar,
    dvm.IotaOp: _iota,
    dvm.ReduceOp: _reduce,
    dvm.MatmulOp: _matmul,
    dvm.GroupedMatmulOp: _grouped_matmul,
    dvm.TransposeOp: _transpose,
    dvm.SliceOp: _slice,
    dvm.ConcatOp: _concat,
    dvm.PadOp: _pad,
    dvm.GatherOp: _gather,
}
