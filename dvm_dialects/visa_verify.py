"""What a `visa` kernel must satisfy beyond each instruction by itself: operands, passes, axes, liveness, slots.

A verified kernel can be scheduled, allocated and encoded without further checks.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from xdsl.ir import Attribute, Block, BlockArgument, Operation, SSAValue
from xdsl.utils.exceptions import VerifyException

from dvm_dialects.shapes import Shape, element_of, shape_of
from dvm_dialects.visa_base import Axes, InstructionOp, ScalarOp
from dvm_dialects.visa_instructions import (
    AccumulateOp,
    EndOp,
    FillOp,
    GatherOp,
    GroupedMatmulKOp,
    GroupedMatmulOp,
    LoadGuardedOp,
    LoadOp,
    MatmulOp,
    PassOp,
    ReduceInitOp,
    ReduceOp,
    StoreOp,
    UnaryOp,
)
from dvm_dialects.visa_types import AccessIndex, AxisAttr, GlobalType, UbType
from vm.isa import MAX_AXES, PassMode

M, N, K = -3, -2, -1
"""Where the axes of a matrix product stand in its domain."""


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
    kind: str, block: Block, domain: Sequence[AxisAttr], inputs: Sequence[Attribute], outputs: Sequence[Attribute]
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
    multiplies = any(isinstance(op, MatmulOp | GroupedMatmulOp | GroupedMatmulKOp) for op in block.ops)
    if multiplies != (kind != "vector"):
        raise VerifyException(f"kind '{kind}' does not fit a kernel {'with' if multiplies else 'without'} products")


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


def may_share_slot(op: InstructionOp, operand: SSAValue, axes: Mapping[SSAValue, Axes]) -> bool:
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
        if index >= inputs or type.is_guarded or type.free_dim is not None:
            _verify_follows(what, type, shape_of(tensor), domain, writes=index >= inputs)


def _verify_follows(what: str, type: GlobalType, shape: Shape, domain: Sequence[AxisAttr], *, writes: bool) -> None:
    """Check that each dim follows one axis step by step, as is required where elements are written or tested.

    A dim of extent 1 needs no axis, except beside a free dim; a guarded index may be shifted; an output must follow all
    parallel axes, or each of its elements would be written by many tiles.
    """
    followed: set[int] = set()
    for dim, (index, extent) in enumerate(zip(type.indices, shape, strict=True)):
        follows = [axis for axis, coefficient in index.terms if coefficient.value == 1 and axis not in followed]
        if dim == type.free_dim:
            if index != AccessIndex.constant(0):
                raise VerifyException(f"{what}: the access map must say 0 for the free dim {dim}")
        elif index == AccessIndex.constant(0) and extent.value == 1 and type.free_dim is None:
            continue
        elif len(index.terms) != 1 or not follows or not (type.is_guarded or index.offset.value == 0):
            raise VerifyException(f"{what}: dim {dim} must be one axis that no other dim is, step by step")
        elif not type.is_guarded and (domain[follows[0]].dim - extent).value not in (None, 0):
            raise VerifyException(f"{what}: dim {dim} is {extent}, but axis {follows[0]} {domain[follows[0]].dim}")
        followed.update(follows)
    for number, axis in enumerate(domain):
        if writes and number not in followed and not axis.is_reduction and axis.dim.value != 1:
            raise VerifyException(f"{what} is an output, so its access map must have parallel axis {number}")


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
    def reduction(self) -> Axes:
        return frozenset(range(len(self.domain))) - self.parallel

    @property
    def streams(self) -> bool:
        return bool(self.modes) and self.modes[-1] is PassMode.STREAM

    def add(self, op: Operation) -> None:
        if isinstance(op, PassOp | EndOp):
            self._end_pass(op)
            if isinstance(op, PassOp):
                self.modes.append(op.pass_mode)
                if self.streams and len(self.parallel) == len(self.domain):
                    raise VerifyException("a stream pass needs a reduction axis")
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
        if isinstance(op, AccumulateOp):
            if op.results[0].first_use is None:
                raise VerifyException(f"nothing reads what {op.name} accumulates")
            start = _start(op)
            if start is None or start.immediate != op.reduction:
                raise VerifyException(
                    f"the accumulator {_name(tied)} must begin as a visa.reduce_init {op.reduction.name.lower()}"
                )
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
                if index - self.inputs in self.stored:
                    raise VerifyException(f"output {index - self.inputs} is stored twice")
                self.stored.add(index - self.inputs)

    def _verify_axes(self, op: InstructionOp) -> None:
        """Check along which axes the tiles of the instruction vary."""
        touched = frozenset[int]().union(
            *(self.axes[result] for result in op.results),
            *(operand.type.axes for operand in op.operands if isinstance(operand.type, GlobalType)),
        )
        if touched and max(touched) >= len(self.domain):
            raise VerifyException(f"{op.name} varies along axis {max(touched)} of a domain of {len(self.domain)} axes")
        if isinstance(op, ReduceInitOp) and self.streams:
            raise VerifyException(f"{op.name} is allowed only in a once pass")
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
    wide = {axis for axis in body.reduction if body.domain[axis].dim.value != 1}
    if body.streams and (lost := sorted(wide - target.type.axes)):
        raise VerifyException(
            f"{_name(target)} is stored in a stream pass, but its access map lacks the reduction axes {lost}"
        )


def _verify_guarded(body: _Body, op: InstructionOp) -> None:
    background, source = op.operands
    # A tile that is loaded lacks an axis where its tensor has extent 1: it cannot take what the source has along it.
    made = background
    while isinstance(made.owner, UnaryOp):
        made = made.owner.operands[0]
    if not isinstance(made.owner, FillOp | LoadGuardedOp):
        raise VerifyException(f"the background of {_name(source)} must be made by visa.fill")
    assert isinstance(source.type, GlobalType)
    if not source.type.axes <= body.axes[background]:
        lost = sorted(source.type.axes - body.axes[background])
        raise VerifyException(f"the background of {_name(source)} does not vary along axes {lost} of its access map")


def _verify_gather(body: _Body, op: InstructionOp) -> None:
    source, index = op.operands
    assert isinstance(source.type, GlobalType)
    if shared := sorted(source.type.axes & body.axes[index]):
        raise VerifyException(f"the index and the access map of {_name(source)} both vary along axes {shared}")


def _verify_fill(body: _Body, op: InstructionOp) -> None:
    if lost := sorted(body.axes.get(op.operands[0], frozenset[int]()) - body.axes[op.results[0]]):
        raise VerifyException(f"the tile to fill with varies along axes {lost}, which the result lacks")


def _verify_reduce(body: _Body, op: InstructionOp) -> None:
    # A tile that is the same along an axis counts once, where the sum of its broadcast would count every index.
    if lost := sorted(body.reduction - body.axes[op.operands[1]]):
        raise VerifyException(f"the tile reduced does not vary along the reduction axes {lost}")


def _verify_product(body: _Body, op: InstructionOp) -> None:
    """Check that the domain ends in (g,) m, n, k and that the factors are matrices of m, k and k, n.

    Only a plain product has axes before these, which are batches.
    """
    rank = len(body.domain)
    names = "g, m, n" if isinstance(op, GroupedMatmulKOp) else "m, n"
    if rank < len(names.split()) + 1 or body.parallel != frozenset(range(rank - 1)):
        raise VerifyException(f"{op.name} needs a domain that ends in parallel {names} and reduction k, its only one")
    batch = frozenset(range(rank + M)) if isinstance(op, MatmulOp) else frozenset[int]()
    for factor, name, row, column in zip(op.operands[1:3], ("left", "right"), (M, K), (K, N), strict=True):
        axes = factor.type.axes if isinstance(factor.type, GlobalType) else body.axes[factor]
        if rank + K not in axes:
            raise VerifyException(f"the {name} factor of {op.name} does not vary along k")
        if wrong := sorted(axes - batch - {rank + row, rank + column}):
            raise VerifyException(f"the {name} factor of {op.name} varies along axes {wrong}, which it may not have")


_AXIS_RULES: dict[type[Operation], Callable[[_Body, InstructionOp], None]] = {
    StoreOp: _verify_store,
    LoadGuardedOp: _verify_guarded,
    GatherOp: _verify_gather,
    FillOp: _verify_fill,
    ReduceOp: _verify_reduce,
    MatmulOp: _verify_product,
    GroupedMatmulOp: _verify_product,
    GroupedMatmulKOp: _verify_product,
}


def _start(op: AccumulateOp) -> ReduceInitOp | None:
    """The instruction that began the accumulator of `op`."""
    owner: Operation | Block | None = op
    while isinstance(owner, AccumulateOp):
        owner = owner.operands[0].owner
    return owner if isinstance(owner, ReduceInitOp) else None


def _name(value: SSAValue) -> str:
    """How a message names a value."""
    if value.name_hint is not None:
        return f"%{value.name_hint}"
    return f"the result of {value.owner.name}" if isinstance(value.owner, Operation) else "a block argument"
