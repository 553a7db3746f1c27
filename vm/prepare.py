"""What can be known of a kernel before its shapes are: its values, where each may live, and what each step reads.

Slots are renamed to values (one for each definition; an instruction that updates its slot in place continues the
value), which lets the engine read a tensor in place where a `load` needs no conversion, and compute straight into
the output where a `store` needs none.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from vm.isa import (
    FILL,
    GATHER,
    GROUPED_MATMUL,
    GROUPED_MATMUL_K,
    IOTA,
    LOAD,
    LOAD_GUARDED,
    MATMUL,
    PASS,
    REDUCE,
    REDUCE_INIT,
    STORE,
    ElementType,
    Field,
    Instruction,
    PassMode,
    decode,
)
from vm.program import Index, Kernel, Program


@dataclass
class Value:
    """What one slot holds from a definition to its last use.

    `loaded` is the operand that the value can be read from in place, or -1; `stored` the operand that it can be
    computed into, or -1. `accumulates`: it survives from tile to tile of the reduction axes.
    """

    slot: int
    type: ElementType
    loaded: int = -1
    stored: int = -1
    accumulates: bool = False


class Step(NamedTuple):
    """An instruction with its slots renamed to values: `result` and `sources` (-1 where the field is no slot)."""

    instruction: Instruction
    result: int
    sources: tuple[int, int, int]


class Pass(NamedTuple):
    """Steps that run together."""

    streams: bool
    steps: tuple[Step, ...]


class TileAxes(NamedTuple):
    """The axes that a tile spans: those of the views of `operands`, those of the kernel's axes in the mask `axes`, and
    all parallel ones if `parallel`; of `left_operands` and `left_axes` the parallel ones, which a reduction leaves.
    """

    operands: frozenset[int] = frozenset()
    axes: int = 0
    parallel: bool = False
    left_operands: frozenset[int] = frozenset()
    left_axes: int = 0

    def reduced(self) -> "TileAxes":
        """What reducing such a tile leaves."""
        return TileAxes(
            parallel=self.parallel,
            left_operands=self.operands | self.left_operands,
            left_axes=self.axes | self.left_axes,
        )


class Tenant(NamedTuple):
    """Something that takes `element_bytes` for each element of a tile in `slot`, a tile of the axes `tile_axes` (a
    position in `PreparedKernel.tile_axes`): a value that may be stored in place instead, or (-1) any others.
    """

    slot: int
    tile_axes: int
    element_bytes: int
    value: int


_CHECKED = frozenset(form.number for form in (STORE, LOAD_GUARDED, GATHER, MATMUL, GROUPED_MATMUL, GROUPED_MATMUL_K))
"""Formats whose tile functions rely on which axes their operands span."""


@dataclass(frozen=True)
class PreparedKernel:
    """A kernel as the binder wants it.

    `pinned` is the mask of axes that may not be merged with their neighbours, `rows` that of those among them that may be
    merged with the one before all the same (the rows of products that have a factor in common are rows of one product).
    `factors` are the values that matrix products read. `is_resident`: a tile spans the reduction axes whole (`vm.resident`).
    """

    kernel: Kernel
    values: tuple[Value, ...]
    passes: tuple[Pass, ...]
    memory_types: tuple[ElementType, ...]
    pinned: int
    rows: int
    fill_masks: tuple[int, ...]
    factors: frozenset[int]
    is_resident: bool = False

    @cached_property
    def can_split(self) -> bool:
        """Whether the reduction may be cut into chunks that are combined afterwards.

        There must be one stream pass without stores, and what follows it may read nothing from before it but the
        accumulators. A matrix product is not cut: its accumulator is as large as its result.
        """
        streams = [number for number, part in enumerate(self.passes) if part.streams]
        if len(streams) != 1 or self.factors:
            return False
        if any(step.instruction.opcode.format is STORE for step in self.passes[streams[0]].steps):
            return False
        after = [step for part in self.passes[streams[0] + 1 :] for step in part.steps]
        known = {step.result for step in after}
        read = {source for step in after for source in step.sources if source >= 0}
        return all(source in known or self.values[source].accumulates for source in read)

    @cached_property
    def computes_factors(self) -> bool:
        """Whether a factor of a product is computed, and not only loaded."""
        steps = [step for part in self.passes for step in part.steps]
        return any(step.result in self.factors and step.instruction.opcode.format is not LOAD for step in steps)

    @cached_property
    def computed_axes(self) -> tuple[int, ...]:
        """For each instruction that computes a tile, the entry of `tile_axes` of its result."""
        results = [
            step.result
            for part in self.passes
            for step in part.steps
            if step.result >= 0 and step.instruction.opcode.format is not REDUCE_INIT
        ]
        return tuple(self.value_axes[result] for result in results if self.values[result].loaded < 0)

    @cached_property
    def plans(self) -> dict[Any, Any]:
        """A place for the plans of the kernel (`vm.bind`)."""
        return {}

    @cached_property
    def recipes(self) -> dict[Any, Any]:
        """A place for the recipes of the kernel's plans (`vm.steps`)."""
        return {}

    @cached_property
    def made(self) -> dict[str, Any]:
        """A place for what engines make of the kernel."""
        return {}

    @cached_property
    def instruction_count(self) -> int:
        return sum(len(part.steps) for part in self.passes)

    @cached_property
    def accesses(self) -> tuple[int, ...]:
        """For each operand a number that stands for its access map, -1 where it is guarded or has a free dim."""
        numbers: dict[tuple[Index, ...], int] = {}
        return tuple(
            -1 if operand.guarded or operand.free_dim >= 0 else numbers.setdefault(operand.indices, len(numbers))
            for operand in self.kernel.operands
        )

    @cached_property
    def tile_axes(self) -> tuple[TileAxes, ...]:
        """What the tiles of the values span, each once: a kernel of many values has few."""
        return tuple(dict.fromkeys(self._axes_by_value))

    @cached_property
    def value_axes(self) -> tuple[int, ...]:
        """For each value its position in `tile_axes`."""
        positions = {axes: position for position, axes in enumerate(self.tile_axes)}
        return tuple(positions[axes] for axes in self._axes_by_value)

    @cached_property
    def _axes_by_value(self) -> list[TileAxes]:
        found: list[TileAxes] = []
        for part in self.passes:
            for step in part.steps:
                if step.result == len(found):
                    found.append(_tile_axes(step, found))
                elif step.instruction.opcode.format is REDUCE:
                    found[step.result] = found[step.sources[0]].reduced()
        return found

    @cached_property
    def checked_steps(self) -> tuple[Step, ...]:
        """Those for which bind has to check the axes of their operands."""
        steps = [step for part in self.passes for step in part.steps]
        return tuple(step for step in steps if step.instruction.opcode.format.number in _CHECKED)

    @cached_property
    def loaded(self) -> tuple[int, ...]:
        """For each value the operand that it can be read from in place, or -1."""
        return tuple(value.loaded for value in self.values)

    @cached_property
    def storable(self) -> tuple[tuple[int, int], ...]:
        """The values that can be computed into an operand, each with that operand."""
        return tuple((number, value.stored) for number, value in enumerate(self.values) if value.stored >= 0)

    @cached_property
    def tenants(self) -> tuple[Tenant, ...]:
        """What may lie in the slots. Of values that share a slot and span the same axes the largest counts."""
        largest: dict[tuple[int, int, int], int] = {}
        for number, (value, axes) in enumerate(zip(self.values, self.value_axes, strict=True)):
            if value.loaded < 0:
                key = (value.slot, axes, number if value.stored >= 0 else -1)
                largest[key] = max(largest.get(key, 0), value.type.bytes)
        return tuple(Tenant(slot, axes, size, number) for (slot, axes, number), size in largest.items())


def prepare(program: Program, kernel: Kernel) -> PreparedKernel:
    """Rename the slots of a verified kernel and find what may be read and written in place."""
    memory_types = tuple(program.tensors[operand.tensor].type for operand in kernel.operands)
    values: list[Value] = []
    current: dict[int, int] = {}
    passes: list[tuple[bool, list[Step]]] = []
    stores: dict[int, list[int]] = {}
    for word in kernel.words:
        instruction = decode(word)
        form = instruction.opcode.format
        if form is PASS:
            passes.append((instruction.aux == PassMode.STREAM, []))
            continue
        sources = _sources(instruction, current)
        result = -1
        if form.d is Field.SLOT:
            if form.ties_d:
                result = current[instruction.d]
                values[result].loaded = -1
                values[result].accumulates |= form is not LOAD_GUARDED
            else:
                result = len(values)
                values.append(Value(instruction.d, instruction.result_type))
                current[instruction.d] = result
                if form is LOAD and memory_types[instruction.a].compute is memory_types[instruction.a]:
                    values[result].loaded = instruction.a
        elif form is STORE:
            stores.setdefault(sources[0], []).append(instruction.b)
        passes[-1][1].append(Step(instruction, result, sources))
    for value, operands in stores.items():
        store_in_place(values[value], operands, memory_types)
    return PreparedKernel(
        kernel,
        tuple(values),
        tuple(Pass(streams, tuple(steps)) for streams, steps in passes),
        memory_types,
        *_merging_limits(kernel, passes),
    )


def _tile_axes(step: Step, defined: list[TileAxes]) -> TileAxes:
    """What the value that a step defines spans, given what earlier values do."""
    instruction = step.instruction
    form = instruction.opcode.format
    if form is LOAD:
        return TileAxes(frozenset((instruction.a,)))
    if form is REDUCE_INIT:
        return TileAxes(parallel=True)
    sources = [defined[source] for source in step.sources if source >= 0]
    operands = frozenset[int]().union(*[source.operands for source in sources])
    left_operands = frozenset[int]().union(*[source.left_operands for source in sources])
    axes = left_axes = 0
    for source in sources:
        axes |= source.axes
        left_axes |= source.left_axes
    if form is FILL:
        axes |= instruction.axes
    elif form is IOTA:
        axes = 1 << instruction.a
    elif form is GATHER:
        operands |= {instruction.a}
    return TileAxes(operands, axes, any(source.parallel for source in sources), left_operands, left_axes)


def _sources(instruction: Instruction, current: dict[int, int]) -> tuple[int, int, int]:
    form = instruction.opcode.format
    found = [-1, -1, -1]
    for position, (kind, field) in enumerate(
        ((form.a, instruction.a), (form.b, instruction.b), (form.c, instruction.c))
    ):
        if kind is Field.SLOT or (kind is Field.SOURCE and not instruction.is_scalar(position)):
            found[position] = current[field]
    return found[0], found[1], found[2]


def store_in_place(value: Value, operands: list[int], memory_types: tuple[ElementType, ...]) -> None:
    """Let a value be computed straight into the one operand that it is stored to, if the store converts nothing."""
    if value.loaded < 0 and len(operands) == 1 and memory_types[operands[0]] is value.type:
        value.stored = operands[0]


def _merging_limits(
    kernel: Kernel, passes: list[tuple[bool, list[Step]]]
) -> tuple[int, int, tuple[int, ...], frozenset[int]]:
    """The pinned axes, those that are rows, the fill masks that merging must respect, and the factors of products.

    An axis along which something is told by its index is never merged, rows or not.
    """
    pinned = rows = counted = 0
    fills: set[int] = set()
    factors: set[int] = set()
    for operand in kernel.operands:
        if operand.guarded or operand.free_dim >= 0:
            for index in operand.indices:
                for axis, _ in index.terms:
                    counted |= 1 << axis
    for _, steps in passes:
        for step in steps:
            form = step.instruction.opcode.format
            if form is IOTA:
                counted |= 1 << step.instruction.a
            elif form is FILL:
                fills.add(step.instruction.axes)
            elif form is GATHER:
                counted |= (1 << len(kernel.axes)) - 1
            elif form in (MATMUL, GROUPED_MATMUL, GROUPED_MATMUL_K):
                # gmmk treats its group axis, the one before m, like m, n and k
                width = 4 if form is GROUPED_MATMUL_K else 3
                pinned |= ((1 << width) - 1) << max(len(kernel.axes) - width, 0)
                if form is MATMUL:
                    rows |= 1 << (len(kernel.axes) - 3)
                factors.update(source for source in step.sources if source >= 0)
    return pinned | counted, rows & ~counted, tuple(sorted(fills)), frozenset(factors)
