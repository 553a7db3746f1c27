"""Bind: from the shapes of the inputs to a launch plan. This is the run-time half of the compiler, and no IR is in it.

Checks the facts of the program, evaluates its dims, lays out tensors and workspace, merges axes, decides tiles, and
finds which values can live in tensors. A plan holds no data and is shared by all threads.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod

from vm.aliasing import overwritable
from vm.dims import BroadcastError, dim_text, evaluate_dims
from vm.errors import BytecodeError, ShapeError
from vm.isa import (
    FILL,
    GATHER,
    GROUPED_MATMUL,
    GROUPED_MATMUL_K,
    IOTA,
    LOAD,
    LOAD_GUARDED,
    MATMUL,
    REDUCE,
    REDUCE_INIT,
    STORE,
    ElementType,
)
from vm.layout import Domain, TensorLayout, View, lay_out
from vm.prepare import PreparedKernel, Step, prepare
from vm.program import Condition, DimOp, Fact, FactKind, Kernel, Program, Scalar, Storage
from vm.resident import resident_form
from vm.tiling import Tiling, choose_tiling, fits
from vm.workspace import Lifetime, lifetimes, place, separate_bytes

Shape = tuple[int, ...]
Strides = tuple[int, ...]

MAXIMUM_BYTES = 1 << 46
"""A tensor or workspace above this is refused: no machine has it, and sums of such sizes stay far from overflow."""


@dataclass(frozen=True)
class PreparedProgram:
    """A verified program with all that can be known before shapes are."""

    program: Program
    kernels: tuple[PreparedKernel, ...]
    resident: tuple[PreparedKernel | None, ...]
    """The resident form of each kernel that has one."""
    symbol_sources: tuple[tuple[int, int], ...]
    """For each symbol the input and the dim that define it."""
    viewed_inputs: frozenset[int]
    """The inputs (by number) that other tensors view, which must therefore be contiguous."""

    @cached_property
    def roots(self) -> tuple[int, ...]:
        """For each tensor the one that owns its memory."""
        roots: list[int] = []
        for number, tensor in enumerate(self.program.tensors):
            roots.append(roots[tensor.source] if tensor.storage is Storage.VIEW else number)
        return tuple(roots)

    @cached_property
    def lifetimes(self) -> tuple[tuple[Lifetime, ...], ...]:
        """Of the workspace's tensors, by variant."""
        pairs = [
            tuple(overwritable(self.program, self.roots, (kernel,) if resident is None else (kernel, resident)))
            for kernel, resident in zip(self.kernels, self.resident, strict=True)
        ]
        return tuple(lifetimes(self.program, variant, self.roots, pairs) for variant in self.program.variants)


@dataclass(frozen=True)
class Span:
    """One tile: where it starts and how far it goes along each axis, and how to cut it out of each operand.

    `indices` has None for operands that are not cut: guarded ones, which the tile functions cut themselves, and those
    of a domain without axes.
    """

    origin: tuple[int, ...]
    extents: tuple[int, ...]
    indices: tuple[tuple[slice, ...] | None, ...]


SPAN_LIMIT = 4096
"""Spans that a plan remembers; those of further tiles are computed each time."""


@dataclass(frozen=True)
class KernelPlan:
    """A kernel for concrete shapes. `masks` has the axes of each value; `homes` the operand it lives in, or -1."""

    prepared: PreparedKernel
    domain: Domain
    views: tuple[View, ...]
    masks: tuple[int, ...]
    homes: tuple[int, ...]
    tiling: Tiling
    scalars: tuple[float | int | bool, ...]
    counts: tuple[int, ...]
    """Tiles along each axis."""

    @cached_property
    def parallel_axes(self) -> tuple[int, ...]:
        return tuple(a for a in range(len(self.counts)) if not self.domain.reductions >> a & 1)

    @cached_property
    def reduction_axes(self) -> tuple[int, ...]:
        return tuple(a for a in range(len(self.counts)) if self.domain.reductions >> a & 1)

    @cached_property
    def parallel_tiles(self) -> int:
        return prod(self.counts[axis] for axis in self.parallel_axes)

    @cached_property
    def reduction_tiles(self) -> int:
        return prod(self.counts[axis] for axis in self.reduction_axes)

    @cached_property
    def work(self) -> int:
        """A measure of the time that the kernel takes: points of the domain times instructions."""
        return self.domain.points * self.prepared.instruction_count

    @cached_property
    def split_accumulators(self) -> dict[int, str]:
        """The accumulating values of a reduction cut into chunks, each with the mnemonic that combines it."""
        if self.tiling.chunks == 1:
            return {}
        steps = [step for part in self.prepared.passes for step in part.steps]
        return {
            step.result: step.instruction.opcode.mnemonic for step in steps if step.instruction.opcode.format is REDUCE
        }

    @cached_property
    def _spans(self) -> dict[int, Span]:
        return {}

    def span(self, item: int, step: int) -> Span:
        """Tile number `item` of the parallel axes, tile number `step` of the reduction axes, both in row-major order."""
        key = item * max(self.reduction_tiles, 1) + step
        span = self._spans.get(key)
        if span is None:
            span = self._make_span(item, step)
            if len(self._spans) < SPAN_LIMIT:
                self._spans[key] = span
        return span

    def _make_span(self, item: int, step: int) -> Span:
        origin = [0] * len(self.counts)
        extents = [0] * len(self.counts)
        for axes, number in ((self.parallel_axes, item), (self.reduction_axes, step)):
            for axis in reversed(axes):
                count = self.counts[axis] or 1
                tile = self.tiling.tile[axis]
                origin[axis] = number % count * tile
                extents[axis] = min(tile, self.domain.extents[axis] - origin[axis])
                number //= count
        cuts = [slice(start, start + extent) for start, extent in zip(origin, extents, strict=True)]
        return Span(tuple(origin), tuple(extents), tuple([_cut(view, cuts) for view in self.views]))


@dataclass(frozen=True)
class LaunchPlan:
    """What a launch does for one set of input shapes: stages of kernels, in order, and the memory they need.

    `variant` is the number of the program's variant that they are.
    """

    variant: int
    stages: tuple[tuple[KernelPlan, ...], ...]
    output_shapes: tuple[Shape, ...]
    multiplies: bool
    """Whether there are matrix products."""
    workspace_bytes: int
    separate_workspace_bytes: int
    """What the workspace would take if no tensors shared memory."""
    dims: tuple[int, ...]


def _cut(view: View, cuts: list[slice]) -> tuple[slice, ...] | None:
    if view.guards:
        return None
    if view.dim_axes:
        return tuple([slice(None) if axis < 0 else cuts[axis] for axis in view.dim_axes])
    # An empty index would make a scalar of an array without dims.
    return tuple([cut if view.mask >> axis & 1 else slice(None) for axis, cut in enumerate(cuts)]) or None


def prepare_program(program: Program) -> PreparedProgram:
    """Prepare a verified program."""
    sources: dict[int, tuple[int, int]] = {}
    viewed: set[int] = set()
    for number, parameter in enumerate(program.inputs):
        for position, dim in enumerate(program.tensors[parameter.tensor].dims):
            entry = program.dims[dim]
            if entry.op is DimOp.SYMBOL:
                sources.setdefault(entry.a, (number, position))
    input_numbers = {parameter.tensor: number for number, parameter in enumerate(program.inputs)}
    for tensor in program.tensors:
        if tensor.storage is Storage.VIEW and tensor.source in input_numbers:
            viewed.add(input_numbers[tensor.source])
    kernels = tuple(prepare(program, kernel) for kernel in program.kernels)
    return PreparedProgram(
        program,
        kernels,
        tuple(resident_form(kernel) for kernel in kernels),
        tuple(sources[symbol] for symbol in range(len(program.symbols))),
        frozenset(viewed),
    )


def bind(
    prepared: PreparedProgram,
    shapes: tuple[Shape, ...],
    strides: tuple[Strides | None, ...],
    unified_buffer_bytes: int,
) -> LaunchPlan:
    """The launch plan for inputs of these shapes.

    `strides` are in bytes, None for a contiguous input. Raises ShapeError, naming the inputs, where shapes do not
    fit, and BytecodeError where the program would reach outside of a tensor.
    """
    program = prepared.program
    dims = _evaluate(prepared, shapes)
    number, variant = next(
        (number, variant)
        for number, variant in enumerate(program.variants)
        if all(_holds(condition, dims) for condition in variant.conditions)
    )
    layouts, workspace_bytes, separate = _lay_out_tensors(prepared, prepared.lifetimes[number], dims, strides)
    stages: list[tuple[KernelPlan, ...]] = []
    for stage in variant.stages:
        plans = [
            _bind_kernel(prepared.kernels[number], prepared.resident[number], dims, layouts, unified_buffer_bytes)
            for number in stage
        ]
        stages.append(tuple(plan for plan in plans if plan is not None))
    output_shapes = tuple(layouts[output].shape for output in program.outputs)
    multiplies = any(kernel.prepared.factors for stage in stages for kernel in stage)
    return LaunchPlan(number, tuple(stages), output_shapes, multiplies, workspace_bytes, separate, tuple(dims))


def _evaluate(prepared: PreparedProgram, shapes: tuple[Shape, ...]) -> list[int]:
    program = prepared.program
    for parameter, shape in zip(program.inputs, shapes, strict=True):
        tensor = program.tensors[parameter.tensor]
        if len(shape) != len(tensor.dims):
            raise ShapeError(f"input '{tensor.name}' has rank {len(shape)}, expected rank {len(tensor.dims)}")
    values = [shapes[number][position] for number, position in prepared.symbol_sources]
    try:
        dims = evaluate_dims(program, values)
    except BroadcastError as error:
        for fact in program.facts:
            if fact.kind is FactKind.BROADCASTABLE and {fact.left, fact.right} == error.values.keys():
                raise _broken(prepared, fact, error.values) from None
        raise
    for number, (parameter, shape) in enumerate(zip(program.inputs, shapes, strict=True)):
        for position, (dim, extent) in enumerate(zip(program.tensors[parameter.tensor].dims, shape, strict=True)):
            if dims[dim] != extent:
                raise ShapeError(_mismatch(prepared, number, position, dims[dim], extent))
    for fact in program.facts:
        if not _holds(fact, dims):
            raise _broken(prepared, fact, dims)
    return dims


def _holds(condition: Condition, dims: list[int]) -> bool:
    return _HOLDS[condition.kind](dims[condition.left], dims[condition.right])


def _broken(prepared: PreparedProgram, fact: Fact, values: Mapping[int, int] | Sequence[int]) -> ShapeError:
    """The error of a fact that does not hold."""
    left = _named(prepared, fact.left, values[fact.left])
    right = _named(prepared, fact.right, values[fact.right])
    return ShapeError(f"{_FACT_TEXT[fact.kind].format(left=left, right=right)}: {fact.reason}")


_HOLDS: dict[FactKind, Callable[[int, int], bool]] = {
    FactKind.EQUAL: lambda left, right: left == right,
    FactKind.AT_LEAST: lambda left, right: left >= right,
    FactKind.BROADCASTABLE: lambda left, right: left == right or left == 1 or right == 1,
    FactKind.DIVISIBLE: lambda left, right: right > 0 and left % right == 0,
}

_FACT_TEXT = {
    FactKind.EQUAL: "{left} must equal {right}",
    FactKind.AT_LEAST: "{left} must be at least {right}",
    FactKind.BROADCASTABLE: "{left} does not broadcast with {right}",
    FactKind.DIVISIBLE: "{left} must be a multiple of {right}",
}


def _named(prepared: PreparedProgram, dim: int, value: int) -> str:
    """A dim for a message: its text, its value, and the input it comes from where it is a symbol."""
    program = prepared.program
    entry = program.dims[dim]
    text = dim_text(program, dim)
    if entry.op is DimOp.CONSTANT:
        return text
    if entry.op is not DimOp.SYMBOL:
        return f"{text} = {value}"
    number, position = prepared.symbol_sources[entry.a]
    name = program.tensors[program.inputs[number].tensor].name
    return f"{text} = {value} (input '{name}', dim {position})"


def _mismatch(prepared: PreparedProgram, number: int, position: int, expected: int, extent: int) -> str:
    program = prepared.program
    parameter = program.inputs[number]
    tensor = program.tensors[parameter.tensor]
    dim = tensor.dims[position]
    entry = program.dims[dim]
    reason = parameter.reasons[position]
    tail = f": {reason}" if reason else ""
    here = f"{extent} (input '{tensor.name}', dim {position})"
    if entry.op is DimOp.SYMBOL:
        first, first_position = prepared.symbol_sources[entry.a]
        name = program.tensors[program.inputs[first].tensor].name
        return f"{dim_text(program, dim)} is {expected} (input '{name}', dim {first_position}) but {here}{tail}"
    if entry.op is DimOp.CONSTANT:
        return f"input '{tensor.name}' has {extent} in dim {position}, expected {expected}{tail}"
    return f"{dim_text(program, dim)} is {expected} but {here}{tail}"


def _lay_out_tensors(
    prepared: PreparedProgram, lives: tuple[Lifetime, ...], dims: list[int], strides: tuple[Strides | None, ...]
) -> tuple[list[TensorLayout], int, int]:
    """The tensors, and the bytes of the workspace with memory shared and without."""
    program = prepared.program
    given = {parameter.tensor: strides[number] for number, parameter in enumerate(program.inputs)}
    layouts: list[TensorLayout] = []
    sizes: list[int] = []
    for number, tensor in enumerate(program.tensors):
        shape = tuple([dims[dim] for dim in tensor.dims])
        step = tensor.type.bytes
        steps = [0] * len(shape)
        for position in range(len(shape) - 1, -1, -1):
            if shape[position] < 0:
                raise ShapeError(f"dim {position} of tensor '{tensor.name}' would be {shape[position]}")
            steps[position] = step
            step *= shape[position] or 1
        size = tensor.type.bytes * prod(shape)
        if size > MAXIMUM_BYTES:
            raise ShapeError(f"tensor '{tensor.name}' would take {size} bytes")
        root = prepared.roots[number]
        if tensor.storage is Storage.VIEW and prod(shape) != prod(layouts[root].shape):
            raise ShapeError(f"tensor '{tensor.name}' of shape {shape} cannot view one of {layouts[root].shape}")
        sizes.append(size)
        layouts.append(TensorLayout(shape, given.get(number) or tuple(steps), root, 0))
    offsets, workspace = place(lives, sizes)
    if workspace > MAXIMUM_BYTES:
        raise ShapeError(f"the workspace would take {workspace} bytes")
    if offsets:
        layouts = [replace(layout, offset=offsets.get(layout.root, 0)) for layout in layouts]
    return layouts, workspace, separate_bytes(lives, sizes)


def _bind_kernel(
    prepared: PreparedKernel,
    resident: PreparedKernel | None,
    dims: list[int],
    layouts: list[TensorLayout],
    unified_buffer_bytes: int,
) -> KernelPlan | None:
    """The plan of a kernel, or None where it has nothing to write. `resident` is its form for short reductions."""
    kernel = prepared.kernel
    extents = [dims[axis.extent] for axis in kernel.axes]
    for extent in extents:
        if extent < 0:
            raise ShapeError(f"an axis of kernel '{kernel.name}' would have extent {extent}")
    _check_written_whole(kernel, extents, layouts)
    if any(extent == 0 and not axis.reduction for axis, extent in zip(kernel.axes, extents, strict=True)):
        return None
    domain, views = lay_out(prepared, extents, dims, layouts)
    form = resident or prepared
    masks = _value_masks(form, domain, views)
    homes = _homes(form, masks, views)
    if resident is not None and not fits(form, domain, masks, [home >= 0 for home in homes], unified_buffer_bytes):
        masks = _value_masks(prepared, domain, views)
        homes = _homes(prepared, masks, views)
    else:
        prepared = form
    tiling = choose_tiling(prepared, domain, masks, [home >= 0 for home in homes], unified_buffer_bytes)
    if tiling.chunks > 1 and any(v.accumulates and home >= 0 for v, home in zip(prepared.values, homes, strict=True)):
        # each chunk needs an accumulator of its own, in its slot
        homes = tuple(-1 if v.accumulates else home for v, home in zip(prepared.values, homes, strict=True))
        tiling = choose_tiling(prepared, domain, masks, [home >= 0 for home in homes], unified_buffer_bytes)
    scalars = tuple(_scalar(scalar, dims) for scalar in kernel.scalars)
    return KernelPlan(prepared, domain, tuple(views), tuple(masks), homes, tiling, scalars, tiling.counts(domain))


def _check_written_whole(kernel: Kernel, extents: list[int], layouts: list[TensorLayout]) -> None:
    """An output is written whole: each of its dims has the extent of its axis, or 1."""
    for operand in kernel.operands:
        if not operand.writes:
            continue
        layout = layouts[operand.tensor]
        for index, extent in zip(operand.indices, layout.shape, strict=True):
            covered = extents[index.terms[0][0]] if index.terms else 1
            if extent != covered and not (extent == 1 and covered > 0):
                raise BytecodeError(f"kernel '{kernel.name}' would write {covered} elements along a dim of {extent}")


def _value_masks(prepared: PreparedKernel, domain: Domain, views: list[View]) -> list[int]:
    """The axes of each value; checks what the tile functions rely on. Raises BytecodeError."""
    masks = [0] * len(prepared.values)
    for part in prepared.passes:
        for step in part.steps:
            mask = _result_mask(step, masks, domain, views)
            if step.result >= 0:
                masks[step.result] = mask
            if not _fits(step, masks, domain, views):
                name = prepared.kernel.name
                raise BytecodeError(f"kernel '{name}': the tiles of a '{step.instruction.opcode.mnemonic}' do not fit")
    return masks


def _result_mask(step: Step, masks: list[int], domain: Domain, views: list[View]) -> int:
    instruction = step.instruction
    form = instruction.opcode.format
    if form is LOAD:
        return views[instruction.a].mask
    if form.ties_d:
        return masks[step.result]
    if form is REDUCE_INIT:
        return domain.parallel_mask
    mask = 0
    for source in step.sources:
        if source >= 0:
            mask |= masks[source]
    if form is FILL:
        for axis, target in enumerate(domain.new_axis):
            if target >= 0 and instruction.axes >> axis & 1:
                mask |= 1 << target
    elif form is IOTA:
        mask = 1 << domain.new_axis[instruction.a]
    elif form is GATHER:
        mask |= views[instruction.a].mask
    return mask


def _fits(step: Step, masks: list[int], domain: Domain, views: list[View]) -> bool:
    """Whether the axes of an instruction's operands are those that its tile function takes."""
    instruction = step.instruction
    form = instruction.opcode.format
    long = sum(1 << axis for axis, extent in enumerate(domain.extents) if extent != 1)
    if form is STORE:
        return not masks[step.sources[0]] & ~views[instruction.b].mask & long
    if form is LOAD_GUARDED:
        return not views[instruction.a].mask & ~masks[step.result] & long
    if form is GATHER:
        return _gathers(views[instruction.a].dim_axes, masks[step.sources[1]], domain)
    if form in (MATMUL, GROUPED_MATMUL, GROUPED_MATMUL_K):
        rank = len(domain.extents)
        m, n, k = (1 << rank - back for back in (3, 2, 1))
        left = masks[step.sources[0]]
        if (m | k) & long & ~left or n & left & long:
            return False
        if form is GROUPED_MATMUL:
            axes = views[instruction.b].dim_axes
            return rank == 3 and sorted(axes) == [-1, 1, 2] and len(views[instruction.c].dim_axes) == 1
        right = masks[step.sources[1]]
        if (k | n) & long & ~right or m & right & long:
            return False
        return form is MATMUL or (rank == 4 and not (left | right) & 1 and len(views[instruction.c].dim_axes) == 1)
    return True


def _gathers(dim_axes: tuple[int, ...], index_mask: int, domain: Domain) -> bool:
    """A gather keeps the order of dims: those before the free dim, the axes of the index, those after it."""
    free = dim_axes.index(-1)
    before, after = dim_axes[:free], dim_axes[free + 1 :]
    rank = len(domain.extents)
    inner = tuple(range(len(before), rank - len(after)))
    return (
        before == tuple(range(len(before)))
        and after == tuple(range(rank - len(after), rank))
        and not index_mask & ~sum(1 << axis for axis in inner)
    )


def _homes(prepared: PreparedKernel, masks: list[int], views: list[View]) -> tuple[int, ...]:
    """For each value the operand that it is read from or computed into, or -1 where it needs its slot."""
    homes: list[int] = []
    for value, mask in zip(prepared.values, masks, strict=True):
        home = value.loaded
        if value.stored >= 0 and views[value.stored].mask == mask and not views[value.stored].dim_axes:
            home = value.stored
        homes.append(home)
    return tuple(homes)


def _scalar(scalar: Scalar, dims: list[int]) -> float | int | bool:
    if scalar.dim < 0:
        return scalar.value
    value = dims[scalar.dim]
    if scalar.type is ElementType.I32 and not -(1 << 31) <= value < 1 << 31:
        raise ShapeError(f"a dim of {value} does not fit an i32")
    return value
