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
    first, *others = reducing
    extents, reduced = _reduced_domain(first)
    for operation in others:
        if _reduced_domain(operation) != (extents, reduced):
            raise failure(operation, f"it reduces other dims than {describe(first)}")
    return Domain(extents, reduced, stages, isinstance(first, PRODUCTS))


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

    A reduction's result follows the axes that are left, and so does what has their extents; all else the last axes.
    """
    if isinstance(value.owner, Operation):
        indices = reduction_indices(domain, value.owner)
        if indices is not None:
            return indices
    if isinstance(value.owner, dvm.TransposeOp) and domain.contracts:
        source = stored_indices(domain, value.owner.operand)
        return tuple(source[dim] for dim in value.owner.order)
    left = [axis for axis in range(len(domain.extents)) if axis not in domain.reduced]
    if dims_of(value.type) == tuple(domain.extents[axis] for axis in left) and len(left) < domain.result_axes:
        return tuple(AccessIndex.axis(axis) for axis in left)
    return last_axes(domain, value)


def reduction_indices(domain: Domain, operation: Operation) -> Indices | None:
    """The indices of the result of a reduction or matrix product; None for any other operation."""
    if isinstance(operation, PRODUCTS):
        return domain.whole[:-1]
    if not isinstance(operation, dvm.ReduceOp):
        return None
    if operation.keepdims.value.data:
        return tuple(ZERO_INDEX if axis in domain.reduced else index for axis, index in enumerate(domain.whole))
    return tuple(index for axis, index in enumerate(domain.whole) if axis not in domain.reduced)


def last_axes(domain: Domain, value: SSAValue) -> Indices:
    """The indices of a value that follows the last axes of a full result, 0 where it has one element for many.

    What is left of a reduction follows no reduction axis, not even one of extent 1. Dims of 1 in front of a full result,
    as work on a matrix product may add them, have no axis.
    """
    dims = dims_of(value.type)
    axes = range(domain.result_axes - len(dims), domain.result_axes)
    is_left = domain.stages.get(value, 0) > 0 and all(
        dim == ONE for axis, dim in zip(axes, dims, strict=True) if axis in domain.reduced
    )
    return tuple(
        ZERO_INDEX
        if dim == ONE and (axis < 0 or domain.extents[axis] != ONE or (is_left and axis in domain.reduced))
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
