"""Moves reshapes out of elementwise work, so that the work before and after them is over one domain.

A reshape between kernels is a view, which takes no time; one between two operations keeps them in kernels of their own.
Elementwise work can be done in another shape if each operand either spans the dims that are regrouped or is stretched along
all of them. Work goes to the other side of a reshape as a whole, with all that is fused with it by equal domains, and
only where it leaves nothing behind that it would be fused with.

A slice keeps what it reshapes to in memory of its own, and a reshape can be a slice's operand as well as its user: the slice goes to the
other side where it cuts between whole runs of the dims that a reshape makes of one (the heads of queries, keys and values from one product),
so that what comes after it reads the whole where that lies.
"""

from math import prod
from typing import NamedTuple

from xdsl.ir import Block, Operation, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter

from dvm_dialects import dvm
from dvm_dialects.dvm_base import dims_attr, dims_in
from dvm_dialects.shapes import Shape, dims_of, element_of, tensor_of
from dvm_dialects.source import describe
from passes.fusion import shapes
from passes.fusion.explain import Explanation
from passes.fusion.verdict import Refused

_MOVABLE = (
    dvm.UnaryOp,
    dvm.BinaryOp,
    dvm.BinaryScalarOp,
    dvm.SelectOp,
    dvm.CastOp,
    dvm.CopyOp,
    dvm.BroadcastOp,
    dvm.BroadcastScalarOp,
)
"""Elementwise operations that mean the same in any shape."""

_FREE = (dvm.ReshapeOp, dvm.ConstantOp)
"""What is in no kernel."""

_KERNEL_WORK = (
    *_MOVABLE,
    dvm.IotaOp,
    dvm.SizeOp,
    dvm.TransposeOp,
    dvm.SliceOp,
    dvm.ReduceOp,
    dvm.MatmulOp,
    dvm.GroupedMatmulOp,
)
"""What elementwise work may be fused with."""

_READING = (dvm.MatmulOp, dvm.GroupedMatmulOp, dvm.ConcatOp, dvm.PadOp, dvm.GatherOp, *_FREE)
"""What reads its operands from memory, where it sees them in any shape."""


def move_reshapes(block: Block, explanation: Explanation | None = None) -> None:
    """Do the work after a reshape in the shape before it, or the work before in the shape after, where that joins both."""
    for reshape in tuple(block.ops):
        if isinstance(reshape, dvm.ReshapeOp) and isinstance(reshape.operand.owner, dvm.SliceOp):
            moved = _sliced_after(reshape, reshape.operand.owner)
            if moved is not None and explanation is not None:
                explanation.reshape(moved, [moved])
    mover = _Mover(block)
    for reshape in tuple(block.ops):
        if isinstance(reshape, dvm.ReshapeOp) and isinstance(reshape.operand.owner, _KERNEL_WORK):
            found = mover.move(reshape)
            if explanation is not None:
                explanation.reshape(reshape, found)
    for reshape in reversed(tuple(block.ops)):
        if isinstance(reshape, dvm.ReshapeOp) and reshape.result.first_use is None:
            block.erase_op(reshape)


def _view(value: SSAValue, dims: Shape) -> SSAValue:
    """A value under other dims: the one view of what is stored, right behind that."""
    while isinstance(value.owner, dvm.ReshapeOp):
        value = value.owner.operand
    if dims_of(value.type) == dims:
        return value
    users = (use.operation for use in value.uses)
    known = (user for user in users if isinstance(user, dvm.ReshapeOp) and dims_of(user.result.type) == dims)
    view = next(known, None)
    if view is None:
        view = dvm.ReshapeOp(value, dims, tensor_of(element_of(value.type), dims))
    else:
        view.detach()
    owner = value.owner
    point = InsertPoint.at_start(owner) if isinstance(owner, Block) else InsertPoint.after(owner)
    Rewriter.insert_op(view, point)
    return view.result


class _Cut(NamedTuple):
    """A slice along some dims: what it cuts, and where."""

    source: Shape
    starts: Shape
    sizes: Shape
    steps: tuple[int, ...]


def _sliced_after(reshape: dvm.ReshapeOp, cut: dvm.SliceOp) -> dvm.SliceOp | None:
    """Put the slice of a reshape in the place of a reshape of a slice, if the one can say what the other does.

    An argument under another shape would have to be contiguous, and elementwise work on what is cut only is less of it.
    """
    owner = cut.operand.owner
    if not isinstance(owner, dvm.DvmOp) or (isinstance(owner, _MOVABLE) and cut.operand.has_one_use()):
        return None
    result = dims_of(reshape.result.type)
    found = shapes.groups(dims_of(cut.result.type), result)
    if found is None:
        return None
    source, starts = dims_of(cut.operand.type), dims_in(cut.starts)
    parts: list[_Cut] = []
    at = 0
    for here, there in found:
        end = at + len(here)
        part = _regrouped_cut(_Cut(source[at:end], starts[at:end], here, cut.strides[at:end]), there)
        if part is None:
            return None
        parts.append(part)
        at = end
    view = _view(cut.operand, tuple(dim for part in parts for dim in part.source))
    moved = dvm.SliceOp(
        view,
        [start for part in parts for start in part.starts],
        result,
        [step for part in parts for step in part.steps],
        reshape.result.type,
    )
    moved.location = cut.location
    Rewriter.replace_op(reshape, moved)
    if cut.result.first_use is None:
        Rewriter.erase_op(cut)
    return moved


def _regrouped_cut(cut: _Cut, dims: Shape) -> _Cut | None:
    """What cuts a run of dims so that these dims are left of it; None if no slice does."""
    if cut.sizes == dims:
        return cut
    uncut = (shapes.ZERO,) * len(dims)
    steps = (1,) * len(dims)
    if cut.source == cut.sizes:
        return _Cut(dims, uncut, dims, steps)
    (axis, *others) = [axis for axis, dim in enumerate(cut.source) if dim != shapes.ONE] or [0]
    outer = next((axis for axis, dim in enumerate(dims) if dim != shapes.ONE), None)
    if others or outer is None or cut.steps[axis] != 1:
        return None
    inner = prod(dims[outer + 1 :], start=shapes.ONE)
    if inner == shapes.ZERO:
        return None
    whole, start = cut.source[axis].floordiv(inner), cut.starts[axis].floordiv(inner)
    if whole * inner != cut.source[axis] or start * inner != cut.starts[axis]:
        return None
    return _Cut((*dims[:outer], whole, *dims[outer + 1 :]), (*uncut[:outer], start, *uncut[outer + 1 :]), dims, steps)


class _Mover:
    """Moves the work of a block; operations stay where they are, only their shapes change."""

    def __init__(self, block: Block) -> None:
        self.position = {operation: position for position, operation in enumerate(block.ops)}

    def move(self, reshape: dvm.ReshapeOp) -> list[Operation] | list[Refused]:
        """Move the work on one side of a reshape to the shape of the other.

        Returns what was moved, or why neither side was. Nothing is said of a reshape without work on both sides.
        """
        before, after = dims_of(reshape.operand.type), dims_of(reshape.result.type)
        users = [use.operation for use in reshape.result.uses]
        work_after = self._joined(users, after)
        if not work_after and not any(isinstance(user, dvm.ReduceOp) for user in users):
            return []
        assert isinstance(reshape.operand.owner, Operation)
        work_before = self._joined([reshape.operand.owner], before)
        refused: list[Refused] = []
        for work, source, target in ((work_after, after, before), (work_before, before, after)):
            groups = _regrouping(work, source, target)
            if isinstance(groups, Refused):
                refused.append(groups)
            elif work:
                self._regroup(work, groups, source, target)
                return work
        return refused

    def _joined(self, start: list[Operation], dims: Shape) -> list[Operation]:
        """The work over a shape that elementwise fusion would put together with some operations, in program order."""
        found: set[Operation] = set()
        pending: list[Operation | Block] = list(start)
        while pending:
            operation = pending.pop()
            if isinstance(operation, _MOVABLE) and operation not in found and dims_of(operation.result.type) == dims:
                found.add(operation)
                pending.extend(operand.owner for operand in operation.operands)
                pending.extend(use.operation for use in operation.result.uses)
        return sorted(found, key=self.position.__getitem__)

    def _regroup(self, work: list[Operation], groups: shapes.Groups, source: Shape, target: Shape) -> None:
        """Do work in another shape."""
        inside = set(work)
        for operation in work:
            for index, operand in enumerate(operation.operands):
                if operand.owner not in inside:
                    dims = shapes.regrouped(dims_of(operand.type), groups)
                    assert dims is not None
                    operation.operands[index] = _view(operand, dims)
            if "shape" in operation.properties:
                operation.properties["shape"] = dims_attr(target)
        for operation in work:
            (result,) = operation.results
            users = [use for use in result.uses if use.operation not in inside]
            new = Rewriter.replace_value_with_new_type(result, tensor_of(element_of(result.type), target))
            for use in users:
                if isinstance(use.operation, dvm.ReshapeOp):
                    if dims_of(use.operation.result.type) == target:
                        use.operation.result.replace_all_uses_with(new)
                else:
                    use.operation.operands[use.index] = _view(new, source)


def _regrouping(work: list[Operation], source: Shape, target: Shape) -> shapes.Groups | Refused:
    """How work is done in another shape; refused where that takes it from what else it would be fused with."""
    groups = shapes.groups(source, target)
    if groups is None:
        return Refused("{} and {} do not provably have as many elements", source, target)
    inside = set(work)
    for operation in work:
        for operand in operation.operands:
            if operand.owner in inside:
                continue
            if isinstance(operand.owner, Operation) and not isinstance(operand.owner, _FREE):
                return Refused(f"the work over {{}} is fused with {describe(operand.owner)}", source)
            dims = dims_of(operand.type)
            if shapes.regrouped(dims, groups) is None:
                return Refused("{} stretches along some of the dims of {} that {} regroups", dims, source, target)
        for use in operation.results[0].uses:
            if use.operation not in inside and not isinstance(use.operation, _READING):
                return Refused(f"the work over {{}} is fused with or returned by {describe(use.operation)}", source)
    return groups
