"""Views of what lies in memory, and what a concat reads through them.

A transposition or a slice of a stored value is no work but other indices into it. So is what a concat lays together, as long as each
operand is found in memory under indices that the concat's own are shifted by: it loads an operand wherever its index falls inside of the
tensor, the first operand first, and each one over what those before it have left.
"""

from collections.abc import Iterable

from xdsl.ir import Operation, SSAValue

from dvm_dialects import dvm
from dvm_dialects.dvm_base import dims_in
from dvm_dialects.shapes import dims_of, element_of
from passes.fusion import shapes

VIEWS = (dvm.TransposeOp, dvm.SliceOp)
"""Operations that only look at memory by other indices. Their first operand is what they view."""

_CHEAP_KINDS = ("Neg", "Abs", "LogicalNot")
"""Unary operations that may be done on a whole tile for the sake of a part of it."""


def only_views(operations: Iterable[Operation]) -> bool:
    """Whether operations only look at memory."""
    return all(isinstance(operation, VIEWS) for operation in operations)


def read_through(operations: Iterable[Operation]) -> set[Operation]:
    """Those of some operations through which the concats among them read memory."""
    inside = set(operations)
    found: set[Operation] = set()
    pending: list[Operation] = [operation for operation in inside if isinstance(operation, dvm.ConcatOp)]
    while pending:
        for operand in pending.pop().operands:
            owner = operand.owner
            if isinstance(owner, Operation) and owner in inside and not isinstance(owner, dvm.ConcatOp):
                found.add(owner)
                pending.append(owner)
    return found


def can_be_laid(concat: dvm.ConcatOp, value: SSAValue, operations: Iterable[Operation]) -> bool:
    """Whether a concat can load an operand that some operations make of what is in memory.

    They are views. A slice that leaves out what comes before it would lay that over the operands before, so it has to be of the first one,
    for whose sake cheap work may be done on the whole tile as well: the other operands come over the rest.
    """
    inside = set(operations)
    is_first = all(value is not operand for operand in tuple(concat.operands)[1:])
    axis = concat.axis.value.data
    owner = value.owner
    while isinstance(owner, dvm.UnaryOp) and owner in inside:
        if not is_first or owner.kind.data not in _CHEAP_KINDS or _changes_type(owner):
            return False
        inside.discard(owner)
        owner = owner.operand.owner
    while isinstance(owner, VIEWS) and owner in inside:
        if isinstance(owner, dvm.TransposeOp):
            axis = owner.order[axis]
        elif not _only_cuts(owner, axis, is_first):
            return False
        inside.discard(owner)
        owner = owner.operand.owner
    return not inside


def _changes_type(operation: dvm.UnaryOp) -> bool:
    return element_of(operation.operand.type) is not element_of(operation.result.type)


def _only_cuts(cut: dvm.SliceOp, axis: int, is_first: bool) -> bool:
    """Whether what a slice leaves is found by shifted indices, and nothing comes before it along the axis.

    A dim of 1 beside that may have no index to be shifted.
    """
    if set(cut.strides) != {1}:
        return False
    entries = zip(dims_of(cut.operand.type), dims_of(cut.result.type), dims_in(cut.starts), strict=True)
    for dim, (source, left, start) in enumerate(entries):
        if dim == axis:
            if not is_first and start != shapes.ZERO:
                return False
        elif left == shapes.ONE != source:
            return False
    return True
