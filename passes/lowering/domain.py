"""The domain of a kernel: what its operations iterate over, and which of its axes they reduce."""

from dataclasses import dataclass

from xdsl.ir import Operation, SSAValue

from dvm_dialects import dvm, vk
from dvm_dialects.diagnostics import failure
from dvm_dialects.dims import Dim, broadcast
from dvm_dialects.dvm_base import dims_in
from dvm_dialects.shapes import dims_of
from dvm_dialects.source import describe
from dvm_dialects.visa_types import AccessIndex

Shape = tuple[Dim, ...]
Indices = tuple[AccessIndex, ...]
"""For each dim of a value the index into it, as a function of the domain."""

ONE = Dim.constant(1)
ZERO_INDEX = AccessIndex.constant(0)

PRODUCTS = (dvm.MatmulOp, dvm.GroupedMatmulOp)
REDUCING = (dvm.ReduceOp, *PRODUCTS)
"""Operations that read along reduction axes and whose results lack them."""
READING = (*PRODUCTS, dvm.ConcatOp, dvm.PadOp, dvm.GatherOp)
"""Operations whose operands are mostly read from memory."""


@dataclass(frozen=True)
class Domain:
    """Extents, and the reduction axes. `stages` counts for each value the reductions on its longest way from a load.

    `contracts`: the last axis is the contracted one of a matrix product.
    """

    extents: Shape
    reduced: frozenset[int]
    stages: dict[SSAValue, int]
    contracts: bool = False

    @property
    def parallel(self) -> frozenset[int]:
        return frozenset(range(len(self.extents))) - self.reduced

    @property
    def whole(self) -> Indices:
        """The indices of a value that spans the domain."""
        return tuple(AccessIndex.axis(axis) for axis in range(len(self.extents)))

    @property
    def source(self) -> Indices:
        """The indices of what a reduction reads: the whole domain, or the rows [m, k] that a matrix product reads."""
        return (*self.whole[:-2], self.whole[-1]) if self.contracts else self.whole

    @property
    def result_axes(self) -> int:
        """How many axes a full result has: all but the contracted one of a matrix product, which is the last."""
        return len(self.extents) - self.contracts


def domain_of(kernel: vk.KernelOp) -> Domain:
    """The domain of a kernel; raises PassFailedException where its operations do not share one."""
    operations = list(kernel.body.block.ops)
    stages = _stages(operations)
    reducing = [operation for operation in operations if isinstance(operation, REDUCING)]
    if not reducing:
        extents: Shape = ()
        for index, value in enumerate(operations[-1].operands):
            joined = _broadcast(extents, dims_of(value.type))
            if joined is None:
                raise failure(kernel, f"result {index}, {value.type}, does not broadcast with those before it")
            extents = joined
        return Domain(extents, frozenset(), stages)
    first = next((operation for operation in reducing if isinstance(operation, PRODUCTS)), reducing[0])
    extents, reduced = _reduced_domain(first)
    domain = Domain(extents, reduced, stages, isinstance(first, PRODUCTS))
    for operation in reducing:
        if isinstance(operation, dvm.ReduceOp) and domain.contracts:
            rows = dims_of(operation.operand.type)
            same = (rows, tuple(operation.axes)) == ((*extents[:-2], extents[-1]), (len(rows) - 1,))
        else:
            same = _reduced_domain(operation) == (extents, reduced)
        if not same:
            raise failure(operation, f"it reduces other dims than {describe(first)}")
    return domain


def _reduced_domain(operation: Operation) -> tuple[Shape, frozenset[int]]:
    if isinstance(operation, dvm.ReduceOp):
        return dims_of(operation.operand.type), frozenset(operation.axes)
    assert isinstance(operation, dvm.MatmulOp | dvm.GroupedMatmulOp)
    result, left = dims_of(operation.result.type), dims_of(operation.lhs.type)
    depth = left[-2] if operation.trans_a.value.data else left[-1]
    return (*result, depth), frozenset({len(result)})


def _stages(operations: list[Operation]) -> dict[SSAValue, int]:
    stages: dict[SSAValue, int] = {}
    for operation in operations:
        stage = max((stages.get(operand, 0) for operand in operation.operands), default=0)
        for result in operation.results:
            stages[result] = stage + isinstance(operation, REDUCING)
    return stages


def _broadcast(a: Shape, b: Shape) -> Shape | None:
    longer, shorter = (a, b) if len(a) >= len(b) else (b, a)
    lead = len(longer) - len(shorter)
    joined = [broadcast(x, y) for x, y in zip(longer[lead:], shorter, strict=True)]
    known = [dim for dim in joined if dim is not None]
    return (*longer[:lead], *known) if len(known) == len(joined) else None


def stored_indices(domain: Domain, value: SSAValue) -> Indices:
    """How an output follows the domain.

    A reduction's result follows the axes that are left, and so does what has their extents; a transposed product follows the
    axes of the product, transposed; all else the last axes.
    """
    if isinstance(value.owner, Operation):
        indices = reduction_indices(domain, value.owner)
        if indices is not None:
            return indices
    if isinstance(value.owner, dvm.TransposeOp) and domain.contracts and _follows_source(domain, value):
        source = stored_indices(domain, value.owner.operand)
        return tuple(source[dim] for dim in value.owner.order)
    left = [axis for axis in range(len(domain.extents)) if axis not in domain.reduced]
    if dims_of(value.type) == tuple(domain.extents[axis] for axis in left) and len(left) < domain.result_axes:
        return tuple(AccessIndex.axis(axis) for axis in left)
    return last_axes(domain, value)


def _follows_source(domain: Domain, value: SSAValue) -> bool:
    """Whether a transposition is stored as what it transposes is: of a product always, of what is loaded where it must be."""
    if domain.stages[value] > 0:
        return True
    last = dims_of(value.type)[::-1], domain.extents[: domain.result_axes][::-1]
    return not all(dim in (ONE, extent) for dim, extent in zip(*last, strict=False))


def reduction_indices(domain: Domain, operation: Operation) -> Indices | None:
    """The indices of the result of a reduction or matrix product; None for any other operation."""
    if isinstance(operation, PRODUCTS):
        return domain.whole[:-1]
    if not isinstance(operation, dvm.ReduceOp):
        return None
    along = [index for axis, index in enumerate(domain.whole) if axis in domain.reduced]
    if operation.keepdims.value.data:
        return tuple(ZERO_INDEX if index in along else index for index in domain.source)
    return tuple(index for index in domain.source if index not in along)


def last_axes(domain: Domain, value: SSAValue) -> Indices:
    """The indices of a value that follows the last axes of a full result, 0 where it has one element for many.

    Dims before these are 1. What is left of a reduction, and what has its shape, follows no reduction axis, not even one of
    extent 1.
    """
    dims = dims_of(value.type)
    axes = range(domain.result_axes - len(dims), domain.result_axes)
    is_left = all(dim == ONE for axis, dim in zip(axes, dims, strict=True) if axis in domain.reduced) and (
        domain.stages.get(value, 0) > 0 or any(domain.extents[axis] != ONE for axis in domain.reduced)
    )
    return tuple(
        ZERO_INDEX
        if axis < 0 or (dim == ONE and (domain.extents[axis] != ONE or (is_left and axis in domain.reduced)))
        else AccessIndex.axis(axis)
        for axis, dim in zip(axes, dims, strict=True)
    )


def operand_indices(operand: SSAValue, result: SSAValue, indices: Indices) -> Indices:
    """The indices that an elementwise operation hands on to an operand: broadcasting as in NumPy."""
    dims, whole = dims_of(operand.type), dims_of(result.type)
    if dims == whole:
        return indices
    lead = len(whole) - len(dims)
    return tuple(
        ZERO_INDEX if dim == ONE and target != ONE else index
        for dim, target, index in zip(dims, whole[lead:], indices[lead:], strict=True)
    )


def factor_indices(dims: Shape, first: int, second: int, transposed: bool, batch: int) -> Indices:
    """The indices of a factor of a matrix product: batch dims broadcast, then the axes `first` and `second`."""
    axes = [*range(batch - (len(dims) - 2), batch), *((second, first) if transposed else (first, second))]
    return tuple(
        ZERO_INDEX if dim == ONE and position < len(dims) - 2 else AccessIndex.axis(axis)
        for position, (dim, axis) in enumerate(zip(dims, axes, strict=True))
    )


def left_indices(domain: Domain, operation: dvm.MatmulOp) -> Indices:
    """The indices of the left factor of a matrix product."""
    batch = len(domain.extents) - 3
    return factor_indices(dims_of(operation.lhs.type), batch, batch + 2, bool(operation.trans_a.value.data), batch)


def transposed_indices(operation: dvm.TransposeOp, indices: Indices) -> Indices:
    """The indices of what is transposed."""
    source = [ZERO_INDEX] * len(indices)
    for dim, index in zip(operation.order, indices, strict=True):
        source[dim] = index
    return tuple(source)


def regrouped_indices(operation: dvm.ReshapeOp, indices: Indices) -> Indices:
    """The indices of what a reshape gives other dims of 1."""
    followed = iter([index for dim, index in zip(dims_of(operation.result.type), indices, strict=True) if dim != ONE])
    return tuple(ZERO_INDEX if dim == ONE else next(followed) for dim in dims_of(operation.operand.type))


def sliced_indices(operation: dvm.SliceOp, indices: Indices) -> Indices:
    """The indices of what is sliced."""
    return tuple(
        AccessIndex(tuple((axis, coefficient * step) for axis, coefficient in index.terms), start + index.offset * step)
        for index, start, step in zip(
            indices, dims_in(operation.starts), map(Dim.constant, operation.strides), strict=True
        )
    )
