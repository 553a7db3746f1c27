"""From instructions to NumPy calls: a recipe is a kernel's steps as calls whose arguments have no memory yet.

It holds for all shapes of which bind makes the same of the kernel but for extents, so that a new shape mostly finds one; a
frame (`vm.frame`) fills it in for one extent of tile. Arguments that are tensors change from tile to tile: they are patches.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from vm import tiles
from vm.errors import BoundsError, ExecutionError
from vm.isa import (
    BINARY,
    CAST,
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
    SELECT,
    STORE,
    UNARY,
    ElementType,
    ReduceKind,
)
from vm.layout import Guard, View
from vm.plan import KernelPlan
from vm.prepare import Step
from vm.tiles import DTYPES, Tile, TileFunction

Transform = Callable[[Any], Any] | None
Origin = list[int]
"""Where the current tile starts along each axis; one list of a frame that the engine updates in place."""

Extents = tuple[int, ...]

RECIPE_LIMIT = 64
"""Recipes that a kernel keeps; where it needs more, it forgets them all."""


class RecipeCall(NamedTuple):
    """A call. `arguments` has those that are known and None for the others.

    `pooled`: (position, source, transform) of those in the frame's pool. `patched`: (operand, position, transform) of those
    that are tensors. In a stream pass the first tile of a reduction calls `function`, the others `following`.
    """

    mnemonic: str
    function: TileFunction
    following: TileFunction
    arguments: tuple[Any, ...]
    pooled: tuple[tuple[int, int, Transform], ...]
    patched: tuple[tuple[int, int, Transform], ...]

    def filled(self, pool: Sequence[Any]) -> list[Any]:
        """The arguments with those from the pool."""
        arguments = list(self.arguments)
        for position, source, transform in self.pooled:
            arguments[position] = pool[source] if transform is None else transform(pool[source])
        return arguments


class Slotted(NamedTuple):
    """A value that lives in its slot, and the axes that its tile spans."""

    value: int
    slot: int
    mask: int
    dtype: np.dtype[Any]


class Recipe(NamedTuple):
    """The calls of every pass.

    The pool of a frame has all values of the kernel (None where they live in tensors), its scalars, the origin and the
    extents of the tile, the extents of the domain, and the views of the operands.
    """

    slotted: tuple[Slotted, ...]
    passes: tuple[tuple[RecipeCall, ...], ...]


def recipe_of(plan: KernelPlan) -> Recipe:
    """The recipe of a plan, made now or kept from before."""
    recipes = plan.prepared.recipes
    domain = plan.domain
    # all that the builder reads of a plan
    special = tuple([view.dim_axes for view in plan.views if view.dim_axes])
    shape = (domain.new_axis, domain.reductions, len(domain.extents), plan.reduction_tiles == 0)
    key = (plan.homes, plan.masks, shape, special)
    recipe: Recipe | None = recipes.get(key)
    if recipe is None:
        recipe = _RecipeBuilder(plan).build()
        if len(recipes) >= RECIPE_LIMIT:
            recipes.clear()
        recipes[key] = recipe
    return recipe


class _RecipeBuilder:
    """Makes the recipe of one plan; of that it may read only what is in the key of `recipe_of`."""

    def __init__(self, plan: KernelPlan) -> None:
        self.plan = plan
        values, scalars = len(plan.prepared.values), len(plan.prepared.kernel.scalars)
        self.first_scalar = values
        self.origin = _Pooled(values + scalars)
        self.extents = _Pooled(values + scalars + 1)
        self.domain_extents = _Pooled(values + scalars + 2)
        self.views = values + scalars + 3
        self.calls: list[RecipeCall] = []

    def build(self) -> Recipe:
        """The calls of every pass of the kernel."""
        plan = self.plan
        passes: list[tuple[RecipeCall, ...]] = []
        for part in plan.prepared.passes:
            self.calls = []
            for step in part.steps:
                self._add(step)
            passes.append(tuple(self.calls))
        slotted = [
            Slotted(number, value.slot, mask, DTYPES[value.type])
            for number, (value, mask, home) in enumerate(zip(plan.prepared.values, plan.masks, plan.homes, strict=True))
            if home < 0
        ]
        return Recipe(tuple(slotted), tuple(passes))

    def _call(self, step: Step, function: TileFunction, *arguments: Any, following: TileFunction | None = None) -> None:
        """Append a call; `_Pooled` and `_Operand` arguments are filled in later."""
        pooled: list[tuple[int, int, Transform]] = []
        patched: list[tuple[int, int, Transform]] = []
        known = list(arguments)
        for position, argument in enumerate(arguments):
            if isinstance(argument, _Pooled):
                known[position] = None
                pooled.append((position, argument.source, argument.transform))
            elif isinstance(argument, _Operand):
                known[position] = None
                patched.append((argument.number, position, argument.transform))
        mnemonic = step.instruction.opcode.mnemonic
        self.calls.append(
            RecipeCall(mnemonic, function, following or function, tuple(known), tuple(pooled), tuple(patched))
        )

    def _value(self, number: int, transform: Transform = None) -> Any:
        home = self.plan.homes[number]
        return _Operand(home, transform) if home >= 0 else _Pooled(number, transform)

    def _source(self, step: Step, position: int, field_value: int) -> Any:
        value = step.sources[position]
        return self._value(value) if value >= 0 else _Pooled(self.first_scalar + field_value)

    def _add(self, step: Step) -> None:
        instruction = step.instruction
        form = instruction.opcode.format
        if form is STORE:
            if self.plan.homes[step.sources[0]] != instruction.b:
                self._call(step, convert_store, _Operand(instruction.b), self._value(step.sources[0]))
            return
        result = self._value(step.result)
        if form is LOAD:
            if not self.plan.prepared.values[step.result].loaded >= 0:
                self._call(step, tiles.convert, _Operand(instruction.a), result)
        elif form is UNARY:
            self._call(step, tiles.UNARY[instruction.opcode.mnemonic], self._value(step.sources[0]), result)
        elif form is BINARY:
            left, right = self._source(step, 0, instruction.a), self._source(step, 1, instruction.b)
            self._add_binary(step, left, right, result)
        elif form is SELECT:
            then, otherwise = self._source(step, 1, instruction.b), self._source(step, 2, instruction.c)
            self._call(step, tiles.select, self._value(step.sources[0]), then, otherwise, result)
        elif form is CAST:
            self._call(step, self._cast(step), self._value(step.sources[0]), result)
        elif form is FILL:
            self._call(step, tiles.convert, self._source(step, 0, instruction.a), result)
        elif form is IOTA:
            self._call(step, _iota, self.origin, self.plan.domain.new_axis[instruction.a], result)
        elif form is LOAD_GUARDED:
            guards = _Pooled(self.views, partial(_guards, instruction.a))
            self._call(step, load_guarded, _Operand(instruction.a), guards, self.origin, result)
        elif form is GATHER:
            self._add_gather(step, result)
        elif form is REDUCE_INIT:
            if self.plan.reduction_tiles:
                return  # the first tile overwrites
            dtype = DTYPES[instruction.type]
            value = np.array(tiles.identity(ReduceKind(instruction.aux), dtype), dtype)
            self._call(step, tiles.convert, value, result)
        elif form is REDUCE:
            self._add_reduction(step, result)
        elif form is MATMUL:
            left, right = self._value(step.sources[0], _left), self._value(step.sources[1], _right)
            into = self._value(step.result, _product)
            self._call(step, tiles.matmul, left, right, into, following=tiles.matmul_next)
        elif form is GROUPED_MATMUL:
            self._add_grouped(step)
        elif form is GROUPED_MATMUL_K:
            left, right = self._value(step.sources[0], _left), self._value(step.sources[1], _right)
            ends, into = _Operand(instruction.c), self._value(step.result, _product)
            arguments = (left, right, ends, self.domain_extents, self.origin, into)
            self._call(step, _grouped_k_first, *arguments, following=_grouped_k)
        else:
            raise AssertionError(f"no tile function for format '{form.name}'")

    def _cast(self, step: Step) -> TileFunction:
        target = ElementType(step.instruction.aux)
        if target.compute is not target:
            return tiles.rounding_cast(DTYPES[target])
        values = self.plan.prepared.values
        source, result = values[step.sources[0]], values[step.result]
        widens = source.slot == result.slot and source.type.bytes < result.type.bytes
        return tiles.widen if widens else tiles.convert

    def _add_binary(self, step: Step, left: Any, right: Any, result: Any) -> None:
        instruction = step.instruction
        function = tiles.BINARY[instruction.opcode.mnemonic]
        if function is tiles.power:
            if instruction.type.is_integer:
                function = tiles.integer_power
            elif instruction.is_scalar(1):
                exponent = self.plan.prepared.kernel.scalars[instruction.b]
                cheap = tiles.POWERS.get(float(exponent.value)) if exponent.dim < 0 else None
                if cheap is not None:
                    self._call(step, cheap, left, result)
                    return
        self._call(step, function, left, right, result)

    def _add_gather(self, step: Step, result: Any) -> None:
        instruction = step.instruction
        dim_axes = self.plan.views[instruction.a].dim_axes
        free = dim_axes.index(-1)
        rank = len(self.plan.domain.extents)
        inner = slice(free, rank - (len(dim_axes) - free - 1))
        index = self._value(step.sources[1], lambda tile: tile.reshape(tile.shape[inner]))
        origin = self.plan.prepared.kernel.origin or self.plan.prepared.kernel.name
        self._call(step, _gather, _Operand(instruction.a), index, free, origin, result)

    def _add_reduction(self, step: Step, result: Any) -> None:
        ufunc = tiles.REDUCTIONS[step.instruction.opcode.mnemonic]
        axes = self.plan.reduction_axes
        source = self._value(step.sources[0])
        if not self.plan.domain.reductions & ~self.plan.masks[step.sources[0]]:
            self._call(step, tiles.reduce_first, ufunc, axes, source, result, following=tiles.reduce_next)
        else:
            arguments = (ufunc, axes, source, self.extents, result)
            self._call(step, tiles.reduce_repeated_first, *arguments, following=tiles.reduce_repeated_next)

    def _add_grouped(self, step: Step) -> None:
        instruction = step.instruction
        dim_axes = self.plan.views[instruction.b].dim_axes
        order = (dim_axes.index(-1), dim_axes.index(2), dim_axes.index(1))

        def turned(tile: Tile) -> Tile:
            return tile.transpose(order)

        weights = _Operand(instruction.b, turned)
        left = self._value(step.sources[0], _left)
        into = self._value(step.result, _product)
        arguments = (left, weights, _Operand(instruction.c), self.domain_extents, self.origin, into)
        self._call(step, _grouped_first, *arguments, following=_grouped)


class _Pooled(NamedTuple):
    """Something in the pool of the frame."""

    source: int
    transform: Transform = None


class _Operand(NamedTuple):
    """The tile of an operand."""

    number: int
    transform: Transform = None


def _left(tile: Tile) -> Tile:
    return tile[..., 0, :]


def _right(tile: Tile) -> Tile:
    return tile[..., 0, :, :].swapaxes(-1, -2)


def _product(tile: Tile) -> Tile:
    return tile[..., 0]


def convert_store(target: Tile, source: Tile) -> None:
    """Write a tile into a tensor, with conversion."""
    np.copyto(target, source, casting="unsafe")


def _iota(origin: Origin, axis: int, out: Tile) -> None:
    start = origin[axis]
    shape = [1] * out.ndim
    shape[axis] = -1
    indices = np.arange(start, start + out.shape[axis], dtype=np.int64)
    out[...] = indices.reshape(shape)


def _guards(number: int, views: Sequence[View]) -> tuple[Guard, ...]:
    return views[number].guards


def guarded_parts(
    guards: tuple[Guard, ...], origin: Origin, extents: tuple[int, ...]
) -> tuple[tuple[slice, ...], tuple[slice, ...]] | None:
    """The part of a tile that falls inside of a guarded operand, and that part of the operand; None where nothing does."""
    inside = [slice(None)] * len(extents)
    source = [slice(None)] * len(extents)
    for guard in guards:
        start = origin[guard.axis] + guard.shift
        low = max(start, 0)
        high = min(start + extents[guard.axis], guard.extent)
        if high <= low:
            return None
        source[guard.axis] = slice(low, high)
        inside[guard.axis] = slice(low - start, high - start)
    return tuple(inside), tuple(source)


def load_guarded(tensor: Tile, guards: tuple[Guard, ...], origin: Origin, out: Tile) -> None:
    """`tensor` is the whole operand: the part of the tile that falls inside of it is copied over `out`, which may have no axes."""
    parts = guarded_parts(guards, origin, out.shape)
    if parts is not None:
        inside, source = parts
        np.copyto(out[..., *inside], tensor[..., *source], casting="unsafe")


def _gather(table: Tile, index: Tile, axis: int, origin: str, out: Tile) -> None:
    if not index.size:
        return
    extent = table.shape[axis]
    low, high = int(index.min()), int(index.max())
    if low < -extent or high >= extent:
        culprit = low if low < -extent else high
        raise BoundsError(f"index {culprit} is out of range for a dim of {extent}: {origin}")
    np.copyto(out, np.take(table, index, axis, mode="wrap").reshape(out.shape), casting="unsafe")


def _group_ends(ends: Tile, limit: int) -> list[int]:
    found = [int(end) for end in ends]
    for previous, end in zip([0, *found], found, strict=False):
        if not previous <= end <= limit:
            raise ExecutionError(f"group ends must not descend nor pass {limit}, but {end} follows {previous}")
    return found


def _grouped(left: Tile, weights: Tile, ends: Tile, domain: Extents, origin: Origin, out: Tile) -> None:
    """Add the product of each row of the tile (the axis before the last) with its group's matrix.

    `domain` has the extents of (rows, n, k).
    """
    first_row, rows = origin[0], left.shape[-2]
    start = 0
    for group, end in enumerate(_group_ends(ends, domain[0])):
        low, high = max(start - first_row, 0), min(end - first_row, rows)
        if high > low:
            out[low:high] += np.matmul(left[low:high], weights[group].astype(left.dtype, copy=False))
        start = end


def _grouped_first(left: Tile, weights: Tile, ends: Tile, domain: Extents, origin: Origin, out: Tile) -> None:
    out[...] = 0
    _grouped(left, weights, ends, domain, origin, out)


def _grouped_k(left: Tile, right: Tile, ends: Tile, domain: Extents, origin: Origin, out: Tile) -> None:
    """Add to each group of the tile the product over the part of k that is the group's; k is the last axis of `domain`."""
    left, right = left.reshape(left.shape[-2:]), right.reshape(right.shape[-2:])
    bounds = [0, *_group_ends(ends, domain[-1])]
    first_k, depth = origin[-1], left.shape[1]
    for row in range(out.shape[0]):
        group = origin[0] + row
        low, high = max(bounds[group] - first_k, 0), min(bounds[group + 1] - first_k, depth)
        if high > low:
            out[row] += np.matmul(left[:, low:high], right[low:high])


def _grouped_k_first(left: Tile, right: Tile, ends: Tile, domain: Extents, origin: Origin, out: Tile) -> None:
    out[...] = 0
    _grouped_k(left, right, ends, domain, origin, out)
