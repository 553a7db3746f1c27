"""What a `visa` kernel must satisfy beyond each instruction by itself: operands, passes, axes, liveness, slots.

A verified kernel can be scheduled, allocated and encoded without further checks.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from xdsl.ir import Attribute, Block, BlockArgument, Operation, SSAValue
from xdsl.utils.exceptions import VerifyException

from dvm_dialects.shapes import element_of, shape_of
from dvm_dialects.visa_base import Axes, InstructionOp, ScalarOp
from dvm_dialects.visa_instructions import (
    AccumulateOp,
    EndOp,
    GroupedMatmulKOp,
    GroupedMatmulOp,
    LoadGuardedOp,
    LoadOp,
    MatmulOp,
    PassOp,
    ReduceOp,
    StoreOp,
)
from dvm_dialects.visa_types import AxisAttr, GlobalType, UbType
from vm.isa import MAX_AXES, PassMode

M, N, K = -3, -2, -1
"""Where the axes of a matrix product stand in its domain."""

GROUP = -4
"""Where the group axis of a `visa.grouped_matmul_k` stands."""


def parallel_axes(domain: Sequence[AxisAttr]) -> Axes:
    return frozenset(number for number, axis in enumerate(domain) if not axis.is_reduction)


def body_axes(block: Block, domain: Sequence[AxisAttr]) -> dict[SSAValue, Axes]:
    """The domain axes along which each tile of a kernel's body varies."""
    parallel = parallel_axes(domain)
    axes: dict[SSAValue, Axes] = {}
    for op in block.ops:
        if isinstance(op, InstructionOp):
            for result in op.results:
                axes[result] = op.result_axes(axes, parallel)
    return axes


def verify_body(
    block: Block, domain: Sequence[AxisAttr], inputs: Sequence[Attribute], outputs: Sequence[Attribute]
) -> None:
    """Check the body of a kernel on tensors of the types `inputs` and `outputs`; raises VerifyException."""
    if len(domain) > MAX_AXES:
        raise VerifyException(f"a domain of {len(domain)} axes, more than {MAX_AXES}")
    _verify_operands(block, domain, [*inputs, *outputs], len(inputs))
    _verify_order(block)
    body = _Body(domain, parallel_axes(domain), len(inputs))
    for op in block.ops:
        body.add(op)
    for index in range(len(outputs)):
        if index not in body.stored:
            raise VerifyException(f"output {index} is never stored")


def verify_slots(block: Block, domain: Sequence[AxisAttr], slots: int) -> None:
    """Check that no tile is overwritten before its last use, and that slots are below `slots`."""
    axes = body_axes(block, domain)
    held: dict[int, SSAValue] = {}
    for op in block.ops:
        for operand in op.operands:
            if (slot := slot_of(operand)) is not None and held[slot] is not operand:
                raise VerifyException(f"slot {slot} no longer holds {_name(operand)} where {op.name} reads it")
        for result in op.results:
            if isinstance(result.type, UbType):
                _verify_slot(op, result, slots, axes)
                held[slot_of(result) or 0] = result


def slot_of(value: SSAValue) -> int | None:
    """The slot of a tile, or None of a value that is not one or not allocated."""
    return value.type.slot if isinstance(value.type, UbType) else None


def may_share_slot(op: InstructionOp, operand: SSAValue, axes: dict[SSAValue, Axes]) -> bool:
    """Whether the result may take the slot of a source that dies here.

    The source is read while the result is written, so both must be elementwise over the same axes.
    """
    return op.IN_PLACE and axes[operand] == axes[op.results[0]]


def _verify_slot(op: Operation, result: SSAValue, slots: int, axes: dict[SSAValue, Axes]) -> None:
    slot = slot_of(result)
    if slot is None or slot >= slots:
        raise VerifyException(f"{_name(result)} has the type {result.type}, but the kernel has slots 0 to {slots - 1}")
    if not isinstance(op, InstructionOp):
        return
    if op.tied is not None and slot_of(op.tied) != slot:
        raise VerifyException(f"{op.name} updates {_name(op.tied)} in place, so slot {slot} must be its slot")
    for source in op.sources:
        if slot_of(source) == slot and not may_share_slot(op, source, axes):
            raise VerifyException(f"the result of {op.name} may not take slot {slot} of its operand {_name(source)}")


def _verify_operands(block: Block, domain: Sequence[AxisAttr], tensors: Sequence[Attribute], inputs: int) -> None:
    """Check the block arguments against the tensors."""
    if len(block.args) != len(tensors):
        raise VerifyException(
            f"there are block arguments for {len(block.args)} tensors, but {len(tensors)} inputs and outputs"
        )
    for index, (argument, tensor) in enumerate(zip(block.args, tensors, strict=True)):
        what = f"block argument {index}"
        type = argument.type
        if not isinstance(type, GlobalType):
            raise VerifyException(f"{what} is {type}, not !visa.global")
        if type.element_type is not element_of(tensor):
            raise VerifyException(f"{what} is of {type.element}, but its tensor is {tensor}")
        if type.map.data.num_dims != len(domain):
            raise VerifyException(
                f"{what}: the access map takes {type.map.data.num_dims} axes, but the domain has {len(domain)}"
            )
        if len(type.indices) != len(shape_of(tensor)):
            raise VerifyException(f"{what}: the access map has {len(type.indices)} results for {tensor}")
        if index >= inputs and (type.is_guarded or type.free_dim is not None):
            raise VerifyException(f"{what} is an output, which is neither guarded nor has a free dim")


def _verify_order(block: Block) -> None:
    """Check that leading scalars, a first pass and a last `visa.end` frame the instructions."""
    if not isinstance(block.last_op, EndOp):
        raise VerifyException("a kernel must end in visa.end")
    begun = False
    for op in block.ops:
        if not isinstance(op, InstructionOp | ScalarOp | EndOp):
            raise VerifyException(f"'{op.name}' is not allowed in a visa.kernel, only virtual instructions are")
        begun = begun or isinstance(op, PassOp)
        if not begun and not isinstance(op, ScalarOp):
            raise VerifyException(f"{op.name} stands before the first visa.pass")


@dataclass
class _Body:
    """The instructions of a body so far, and the checks of the next one against them."""

    domain: Sequence[AxisAttr]
    parallel: Axes
    inputs: int
    modes: list[PassMode] = field(default_factory=list[PassMode])
    """The mode of each pass begun."""
    axes: dict[SSAValue, Axes] = field(default_factory=dict[SSAValue, Axes])
    defined_in: dict[SSAValue, int] = field(default_factory=dict[SSAValue, int])
    """The number of the pass that defines each tile."""
    overwritten_by: dict[SSAValue, Operation] = field(default_factory=dict[SSAValue, Operation])
    """The instruction that took over the slot of each tile updated in place."""
    to_keep: dict[SSAValue, Operation] = field(default_factory=dict[SSAValue, Operation])
    """What the current stream pass reads from earlier passes, and an instruction that does."""
    stored: set[int] = field(default_factory=set[int])

    @property
    def streams(self) -> bool:
        return bool(self.modes) and self.modes[-1] is PassMode.STREAM

    def add(self, op: Operation) -> None:
        if isinstance(op, PassOp | EndOp):
            self._end_pass(op)
            if isinstance(op, PassOp):
                self.modes.append(op.pass_mode)
        elif isinstance(op, InstructionOp):
            if op.IN_STREAM and not self.streams:
                raise VerifyException(f"{op.name} is allowed only in a stream pass")
            for operand in op.operands:
                self._read(op, operand, tied=operand is op.tied)
            self._verify_memory(op)
            for result in op.results:
                self.axes[result] = op.result_axes(self.axes, self.parallel)
                self.defined_in[result] = len(self.modes) - 1
            self._verify_axes(op)
            if op.tied is not None:
                self._tie(op, op.tied)

    def _end_pass(self, op: PassOp | EndOp) -> None:
        for value in op.keep:
            self._verify_intact(op, value)
            if not self.streams or self.defined_in[value] == len(self.modes) - 1:
                raise VerifyException(f"{op.name} keeps {_name(value)}, which no stream pass that ends here reads")
            self._verify_outlives(op, value)
        for value, reader in self.to_keep.items():
            if value not in op.keep:
                raise VerifyException(
                    f"{reader.name} in a stream pass reads {_name(value)} of an earlier pass, "
                    f"so the {op.name} that ends the pass must keep it"
                )
        self.to_keep.clear()

    def _read(self, op: InstructionOp, value: SSAValue, *, tied: bool) -> None:
        if not isinstance(value.type, UbType):
            return
        self._verify_intact(op, value)
        accumulates = tied and isinstance(op, AccumulateOp)
        if self.defined_in[value] != len(self.modes) - 1:
            self._verify_outlives(op, value)
            if self.streams and not accumulates:
                self.to_keep.setdefault(value, op)
        elif self.streams and isinstance(value.owner, AccumulateOp) and not accumulates:
            raise VerifyException(
                f"{op.name} reads the accumulator {_name(value)} in the stream pass that is adding to it"
            )

    def _verify_intact(self, op: Operation, value: SSAValue) -> None:
        if value in self.overwritten_by:
            raise VerifyException(
                f"{op.name} reads {_name(value)}, which {self.overwritten_by[value].name} has updated in place"
            )

    def _verify_outlives(self, op: Operation, value: SSAValue) -> None:
        if self.modes[self.defined_in[value]] is PassMode.STREAM and not isinstance(value.owner, AccumulateOp):
            raise VerifyException(f"{op.name} reads {_name(value)}, a tile of an earlier stream pass")

    def _tie(self, op: InstructionOp, tied: SSAValue) -> None:
        if tied in op.sources:
            raise VerifyException(f"{op.name} both reads {_name(tied)} and updates it in place")
        if self.axes[tied] != self.axes[op.results[0]]:
            raise VerifyException(
                f"{op.name} updates {_name(tied)} in place, which varies along axes {sorted(self.axes[tied])}, "
                f"not {sorted(self.axes[op.results[0]])}"
            )
        if isinstance(op, AccumulateOp):
            if self.modes[self.defined_in[tied]] is PassMode.STREAM and not isinstance(tied.owner, AccumulateOp):
                raise VerifyException(f"the accumulator {_name(tied)} must be initialised in an earlier once pass")
        elif self.defined_in[tied] != len(self.modes) - 1:
            raise VerifyException(f"{op.name} updates {_name(tied)} of another pass in place")
        self.overwritten_by[tied] = op

    def _verify_memory(self, op: InstructionOp) -> None:
        """Check which tensors the instruction uses, and how."""
        for operand in op.operands:
            if not isinstance(operand.type, GlobalType):
                continue
            index = operand.index if isinstance(operand, BlockArgument) else 0
            if (index >= self.inputs) != isinstance(op, StoreOp):
                kind = ("input", "output")[index >= self.inputs]
                raise VerifyException(f"{op.name} of {_name(operand)}, which is an {kind}")
            if operand.type.is_guarded != isinstance(op, LoadGuardedOp):
                raise VerifyException(
                    f"{op.name} of {_name(operand)}: visa.load_guarded and only it takes guarded operands"
                )
            if (operand.type.free_dim is not None) == isinstance(op, LoadOp | LoadGuardedOp | StoreOp):
                wants = "no free dim" if operand.type.free_dim is not None else "a free dim"
                raise VerifyException(f"{op.name} of {_name(operand)}: it must have {wants}")
            if isinstance(op, StoreOp):
                self.stored.add(index - self.inputs)

    def _verify_axes(self, op: InstructionOp) -> None:
        """Check along which axes the tiles of the instruction vary."""
        touched = frozenset[int]().union(
            *(self.axes[result] for result in op.results),
            *(operand.type.axes for operand in op.operands if isinstance(operand.type, GlobalType)),
        )
        if touched and max(touched) >= len(self.domain):
            raise VerifyException(f"{op.name} varies along axis {max(touched)} of a domain of {len(self.domain)} axes")
        if not self.streams and not touched <= self.parallel:
            raise VerifyException(
                f"{op.name} in a once pass varies along the reduction axes {sorted(touched - self.parallel)}"
            )
        if (check := _AXIS_RULES.get(type(op))) is not None:
            check(self, op)


def _verify_store(body: _Body, op: InstructionOp) -> None:
    value, target = op.operands
    assert isinstance(target.type, GlobalType)
    if not body.axes[value] <= target.type.axes:
        lost = sorted(body.axes[value] - target.type.axes)
        raise VerifyException(
            f"the tile stored to {_name(target)} varies along axes {lost}, which its access map lacks"
        )


def _verify_guarded(body: _Body, op: InstructionOp) -> None:
    background, source = op.operands
    assert isinstance(source.type, GlobalType)
    if not source.type.axes <= body.axes[background]:
        lost = sorted(source.type.axes - body.axes[background])
        raise VerifyException(f"the background of {_name(source)} does not vary along axes {lost} of its access map")


def _verify_reduce(body: _Body, op: InstructionOp) -> None:
    # A tile that is the same along an axis counts once, where the sum of its broadcast would count every index.
    reduction = frozenset(range(len(body.domain))) - body.parallel
    if lost := sorted(reduction - body.axes[op.operands[1]]):
        raise VerifyException(f"the tile reduced does not vary along the reduction axes {lost}")


def _verify_product(body: _Body, op: InstructionOp) -> None:
    """The last axes of the domain are m, n, k (before them g where there is one); neither factor may have the other's."""
    rank = len(body.domain)
    extra = (GROUP,) if isinstance(op, GroupedMatmulKOp) else ()
    if rank < len(extra) + 3 or body.parallel != frozenset(range(rank - 1)):
        names = "g, m, n" if extra else "m, n"
        raise VerifyException(f"{op.name} needs a domain that ends in parallel {names} and reduction k, its only one")
    factors = [
        operand.type.axes if isinstance(operand.type, GlobalType) else body.axes[operand]
        for operand in op.operands[1:3]
    ]
    for axes, name, foreign in zip(factors, ("left", "right"), (N, M), strict=True):
        if rank + K not in axes:
            raise VerifyException(f"the {name} factor of {op.name} does not vary along k")
        if wrong := sorted(rank + axis for axis in (foreign, *extra) if rank + axis in axes):
            raise VerifyException(f"the {name} factor of {op.name} varies along axes {wrong}, which it may not have")


_AXIS_RULES: dict[type[Operation], Callable[[_Body, InstructionOp], None]] = {
    StoreOp: _verify_store,
    LoadGuardedOp: _verify_guarded,
    ReduceOp: _verify_reduce,
    MatmulOp: _verify_product,
    GroupedMatmulOp: _verify_product,
    GroupedMatmulKOp: _verify_product,
}


def _name(value: SSAValue) -> str:
    """How a message names a value."""
    if value.name_hint is not None:
        return f"%{value.name_hint}"
    return f"the result of {value.owner.name}" if isinstance(value.owner, Operation) else "a block argument"
