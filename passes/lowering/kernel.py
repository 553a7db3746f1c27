"""The state of lowering one kernel: its passes under construction, its tensor operands, and the tiles of its values.

Lowering goes from what is stored and reduced back to what is loaded. A value is asked for under **indices**, which say
for each of its dims which index of it each point of the domain needs; elementwise operations hand them on to their
operands, views change them, and a load has them as its access map. A value asked for under two indices is computed
twice, once under each.

A kernel with reductions has the passes once 0, stream 0, once 1, stream 1, ...: what is reduced in stream pass k can be
used from once pass k + 1 on. Values along the reduction axes do not outlive their stream pass; where a later one needs
them again, they are computed again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from xdsl.ir import Block, Operation, Region, SSAValue

from dvm_dialects import dvm, visa, vk
from dvm_dialects.diagnostics import failure
from dvm_dialects.dims import Dim
from dvm_dialects.shapes import dims_of, element_of
from dvm_dialects.visa_types import AccessIndex, AxisAttr, GlobalType
from passes.lowering.domain import (
    ONE,
    READING,
    Domain,
    Indices,
    domain_of,
    left_indices,
    operand_indices,
    reduction_indices,
    regrouped_indices,
    sliced_indices,
    stored_indices,
    transposed_indices,
)
from vm.isa import ElementType, PassMode

_Created = TypeVar("_Created", bound=Operation)

Lowering = Callable[["KernelLowering", Operation, Indices, "Pass"], SSAValue]
"""Appends the instructions of an operation, for a result under some indices, to a pass; returns the result's tile."""


@dataclass
class Pass:
    """A pass under construction: its instructions, and the tiles computed in it by value and indices.

    `number` counts the reductions that are finished when it runs.
    """

    mode: PassMode
    number: int
    operations: list[Operation] = field(default_factory=list[Operation])
    tiles: dict[tuple[SSAValue, Indices], SSAValue] = field(default_factory=dict[tuple[SSAValue, Indices], SSAValue])


class KernelLowering:
    """Lowers one kernel with the lowerings of a table."""

    def __init__(self, kernel: vk.KernelOp, lowerings: dict[type[Operation], Lowering]) -> None:
        self.kernel = kernel
        self.lowerings = lowerings
        self.domain: Domain = domain_of(kernel)
        self.inputs: list[SSAValue] = []
        self.operands: dict[tuple[SSAValue, GlobalType], SSAValue] = {}
        self.block = Block()
        self.axes: dict[SSAValue, visa.Axes] = {}
        self.arguments: dict[SSAValue, SSAValue] = dict(zip(kernel.body.block.args, kernel.operands, strict=True))
        self.body = [operation for operation in kernel.body.block.ops if not isinstance(operation, vk.YieldOp)]
        last = max(self.domain.stages.values(), default=0)
        self.once = [Pass(PassMode.ONCE, number) for number in range(last + 1)]
        self.streams = [Pass(PassMode.STREAM, number) for number in range(last + 1)] if self.domain.reduced else []
        self.natural: dict[SSAValue, Indices] = {}
        """The results of reductions, with the indices under which they exist: the axes that are left, and no others."""
        self.reduced_in: dict[Operation, Pass] = {}
        """The reductions, each with its stream pass."""
        for operation in self.body:
            indices = reduction_indices(self.domain, operation)
            if indices is not None:
                result = operation.results[0]
                self.natural[result] = indices
                self.reduced_in[operation] = self.streams[self.domain.stages[result] - 1]

    def lower(self) -> visa.KernelOp:
        """The kernel in virtual instructions."""
        terminator = self.kernel.body.block.last_op
        assert isinstance(terminator, vk.YieldOp)
        outputs = [(value, stored_indices(self.domain, value)) for value in terminator.operands]
        for pair in self._in_order():
            for part in pair:
                roots = [output for output in outputs if self._stored_in(*output) is part]
                for operation, home in self.reduced_in.items():
                    if home is part:
                        roots.append((operation.results[0], self.natural[operation.results[0]]))
                if roots:
                    self._lower_needed(roots, part)
        for position, (value, indices) in enumerate(outputs):
            self._store(value, indices, position)
        passes = [part for pair in self._in_order() for part in pair if part.operations]
        for part in passes:
            _leave_rounding_to_stores(part.operations)
        self._put_together(passes)
        location = self.body[0].location if self.body else self.kernel.location
        axes = [
            AxisAttr("reduction" if axis in self.domain.reduced else "parallel", extent)
            for axis, extent in enumerate(self.domain.extents)
        ]
        name, kind = self.kernel.sym_name.data, self.kernel.kind.data
        lowered = visa.KernelOp(kind, name, axes, self.inputs, self.kernel.result_types, Region(self.block))
        lowered.location = location
        return lowered

    # --- what lowerings use ---

    def add(self, operation: _Created, part: Pass) -> _Created:
        """Append an instruction to a pass."""
        part.operations.append(operation)
        if isinstance(operation, visa.InstructionOp) and operation.results:
            self.axes[operation.results[0]] = operation.result_axes(self.axes, self.domain.parallel)
        return operation

    def tile(self, value: SSAValue, indices: Indices, part: Pass) -> SSAValue:
        """The tile, or scalar, of a value under indices, for an instruction of a pass."""
        natural = self.natural.get(value)
        if natural is not None:
            _check_axes(value, indices, natural)
            indices = natural
        home = self._home(value, indices, part)
        key = (value, indices)
        tile = home.tiles.get(key)
        if tile is None:
            tile = home.tiles[key] = self._make(value, indices, home)
        return tile

    def solid(self, value: SSAValue, indices: Indices, part: Pass) -> SSAValue:
        """As `tile`, but never a scalar."""
        tile = self.tile(value, indices, part)
        if isinstance(tile.type, visa.ScalarType):
            return self.add(visa.FillOp(element_of(value.type).compute, tile, ()), part).result
        return tile

    def scalar(self, value: float | int | bool | Dim, element: ElementType, part: Pass) -> SSAValue:
        """A scalar constant of the compute type of an element type."""
        return self.add(visa.ScalarOp(value, element.compute), part).result

    def operand(
        self, value: SSAValue, indices: Sequence[AccessIndex], *, guarded: bool = False, free: int | None = None
    ) -> SSAValue:
        """The tensor operand of the kernel for a block argument, with an access map."""
        argument_of = self.arguments.get(value)
        if argument_of is None:
            assert isinstance(value.owner, Operation)  # a kernel is isolated from above
            raise failure(value.owner, "its result is read from memory by its user, which needs a kernel of its own")
        extents = len(self.domain.extents)
        type = GlobalType.from_indices(element_of(value.type), extents, indices, guarded=guarded, free=free)
        argument = self.operands.get((value, type))
        if argument is None:
            self.inputs.append(argument_of)
            argument = self.operands[value, type] = self.block.insert_arg(type, len(self.inputs) - 1)
            argument.name_hint = value.name_hint
        return argument

    # --- how ---

    def _home(self, value: SSAValue, indices: Indices, part: Pass) -> Pass:
        """The pass that computes a value: the one that asks, unless it comes after a reduction and is reduced itself."""
        stage = self.domain.stages.get(value, 0)
        if stage and not any(axis in self.domain.reduced for index in indices for axis, _ in index.terms):
            assert stage <= part.number  # no value is asked for by one of an earlier stage
            return self.once[stage]
        return part

    def _make(self, value: SSAValue, indices: Indices, part: Pass) -> SSAValue:
        operation = value.owner
        if not isinstance(operation, Operation):
            return self.add(visa.LoadOp(self.operand(value, indices)), part).result
        lowering = self.lowerings.get(type(operation))
        if lowering is None:
            raise failure(operation, "it has no virtual instructions")
        return lowering(self, operation, indices, part)

    def _lower_needed(self, roots: list[tuple[SSAValue, Indices]], part: Pass) -> None:
        """Lower what the roots of a pass need, in program order, so that asking for a value never goes deep."""
        asked: dict[SSAValue, dict[Indices, None]] = {}
        for value, indices in roots:
            asked.setdefault(value, {})[indices] = None
        for operation in reversed(self.body):
            if self.reduced_in.get(operation, part) is not part:
                continue
            for indices in asked.get(operation.results[0], ()):
                for operand, wanted in self._asked_of_operands(operation, indices):
                    asked.setdefault(operand, {})[wanted] = None
        for operation in self.body:
            result = operation.results[0]
            home = self.once[self.domain.stages[result]] if operation in self.reduced_in else part
            for indices in asked.get(result, ()):
                self.tile(result, indices, home)

    def _asked_of_operands(self, operation: Operation, indices: Indices) -> list[tuple[SSAValue, Indices]]:
        """The indices under which an operation will ask for its operands, except for what it reads from memory."""
        kind = type(operation)
        if kind is dvm.ReduceOp:
            return [(operation.operands[0], self.domain.source)]
        if isinstance(operation, dvm.MatmulOp):
            return [(operation.lhs, left_indices(self.domain, operation))]
        if kind in READING:
            return []
        view = VIEW_INDICES.get(kind)
        if view is not None:
            return [(operation.operands[0], view(operation, indices))]
        result = operation.results[0]
        return [(operand, operand_indices(operand, result, indices)) for operand in operation.operands]

    def _stored_in(self, value: SSAValue, indices: Indices) -> Pass:
        """The pass that stores an output."""
        stage = self.domain.stages.get(value, 0)
        if any(axis in self.domain.reduced for index in indices for axis, _ in index.terms):
            return self.streams[stage]
        return self.once[stage]

    def _store(self, value: SSAValue, indices: Indices, position: int) -> None:
        part = self._stored_in(value, indices)
        tile = self.solid(value, indices, part)
        extents = len(self.domain.extents)
        type = GlobalType.from_indices(element_of(value.type), extents, indices)
        argument = self.block.insert_arg(type, len(self.block.args))
        argument.name_hint = self.kernel.results[position].name_hint
        self.add(visa.StoreOp(tile, argument), part)

    def _in_order(self) -> list[tuple[Pass, ...]]:
        if not self.streams:
            return [(part,) for part in self.once]
        return list(zip(self.once, self.streams, strict=True))

    def _put_together(self, passes: list[Pass]) -> None:
        """Fill the block; a stream pass keeps the slots of what it reads from earlier passes until it ends."""
        keep: list[SSAValue] = []
        for part in passes:
            self.block.add_op(visa.PassOp(part.mode, keep))
            self.block.add_ops(part.operations)
            keep = _read_from_before(part) if part.mode is PassMode.STREAM else []
        self.block.add_op(visa.EndOp(keep))


# each function takes its own class of operation
VIEW_INDICES: dict[type[Operation], Callable[[Any, Indices], Indices]] = {
    dvm.TransposeOp: transposed_indices,
    dvm.ReshapeOp: regrouped_indices,
    dvm.SliceOp: sliced_indices,
}
"""Views, with the indices of what they view."""


def _check_axes(value: SSAValue, asked: Indices, natural: Indices) -> None:
    """Fails where a reduction's result is asked for under other axes than those under which it exists."""
    if asked == natural:
        return
    for dim, wanted, given in zip(dims_of(value.type), asked, natural, strict=True):
        if dim != ONE and wanted != given:
            assert isinstance(value.owner, Operation)
            raise failure(value.owner, "its result meets other axes than its own")


def _read_from_before(part: Pass) -> list[SSAValue]:
    inside = set(part.operations)
    found: dict[SSAValue, None] = {}
    for operation in part.operations:
        tied = operation.tied if isinstance(operation, visa.InstructionOp) else None
        for operand in operation.operands:
            if operand.owner not in inside and isinstance(operand.type, visa.UbType) and operand is not tied:
                found.setdefault(operand)
    return list(found)


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
