"""From instructions to NumPy calls: a frame is a kernel's steps with their arguments, for one extent of tile.

A frame belongs to one arena, whose slots its arguments view. Arguments that are tensors change from tile to tile:
the frame remembers where they stand (`patches`), and the engine sets them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from vm import tiles
from vm.errors import ExecutionError, IndexOutOfRange
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
from vm.layout import Guard
from vm.plan import KernelPlan
from vm.prepare import Step
from vm.tiles import DTYPES, Tile, TileFunction

Call = tuple[TileFunction, list[Any]]
Transform = Callable[[Tile], Tile] | None
Origin = list[int]
"""Where the current tile starts along each axis; one list that the engine updates in place."""


Patch = tuple[int, list[Any], int, Transform]
"""Where an operand's tile goes before a pass runs: (operand, arguments, position, transform of the tile or None)."""


@dataclass
class PassCalls:
    """The calls of one pass. In a stream pass the first tile of a reduction runs `first`, the others `following`."""

    first: list[Call] = field(default_factory=list[Call])
    following: list[Call] = field(default_factory=list[Call])
    mnemonics: list[str] = field(default_factory=list[str])
    """The opcode of each call, of `first` and of `following` alike."""
    patches: list[Patch] = field(default_factory=list[Patch])


class FrameBuilder:
    """Makes the calls of one plan for one tile extent in one arena.

    `extents` are the tile's by axis.
    """

    def __init__(
        self,
        plan: KernelPlan,
        extents: tuple[int, ...],
        unified_buffer: npt.NDArray[np.uint8],
        origin: Origin,
    ) -> None:
        self.plan = plan
        self.extents = extents
        self.origin = origin
        self.unified_buffer = unified_buffer
        self.reduction_axes = plan.reduction_axes
        self.scalars = [
            np.array(value, DTYPES[scalar.type])
            for value, scalar in zip(plan.scalars, plan.prepared.kernel.scalars, strict=True)
        ]
        self.tiles: dict[int, Tile] = {}

    def build(self) -> list[PassCalls]:
        """The calls of every pass of the kernel."""
        passes: list[PassCalls] = []
        for part in self.plan.prepared.passes:
            calls = PassCalls()
            for step in part.steps:
                self._add(step, calls)
            passes.append(calls)
        return passes

    def tile(self, value: int) -> Tile:
        """The array of a value that lives in its slot."""
        tile = self.tiles.get(value)
        if tile is None:
            plan = self.plan
            mask = plan.masks[value]
            shape = tuple([extent if mask >> axis & 1 else 1 for axis, extent in enumerate(self.extents)])
            described = plan.prepared.values[value]
            offset = plan.tiling.slot_offsets[described.slot]
            tile = np.ndarray(shape, DTYPES[described.type], self.unified_buffer, offset)
            self.tiles[value] = tile
        return tile

    def _call(
        self, calls: PassCalls, step: Step, function: TileFunction, *arguments: Any, next_function: Any = None
    ) -> None:
        """Append a call; `_Value` and `_Operand` arguments become arrays, or patches where they are tensors."""
        filled: list[Any] = list(arguments)
        for position, argument in enumerate(arguments):
            if isinstance(argument, _Value):
                home = self.plan.homes[argument.number]
                if home >= 0:
                    calls.patches.append((home, filled, position, argument.transform))
                else:
                    tile = self.tile(argument.number)
                    filled[position] = argument.transform(tile) if argument.transform else tile
            elif isinstance(argument, _Operand):
                calls.patches.append((argument.number, filled, position, argument.transform))
        calls.first.append((function, filled))
        calls.following.append((next_function or function, filled))
        calls.mnemonics.append(step.instruction.opcode.mnemonic)

    def _source(self, step: Step, position: int, field_value: int) -> Any:
        value = step.sources[position]
        return _Value(value) if value >= 0 else self.scalars[field_value]

    def _add(self, step: Step, calls: PassCalls) -> None:
        instruction = step.instruction
        form = instruction.opcode.format
        result = _Value(step.result)
        if form is LOAD:
            if not self.plan.prepared.values[step.result].loaded >= 0:
                self._call(calls, step, tiles.convert, _Operand(instruction.a), result)
        elif form is STORE:
            if self.plan.homes[step.sources[0]] != instruction.b:
                self._call(calls, step, _convert_store, _Operand(instruction.b), _Value(step.sources[0]))
        elif form is UNARY:
            self._call(calls, step, tiles.UNARY[instruction.opcode.mnemonic], _Value(step.sources[0]), result)
        elif form is BINARY:
            left, right = self._source(step, 0, instruction.a), self._source(step, 1, instruction.b)
            self._add_binary(step, calls, left, right, result)
        elif form is SELECT:
            then, otherwise = self._source(step, 1, instruction.b), self._source(step, 2, instruction.c)
            self._call(calls, step, tiles.select, _Value(step.sources[0]), then, otherwise, result)
        elif form is CAST:
            self._call(calls, step, self._cast(step), _Value(step.sources[0]), result)
        elif form is FILL:
            self._call(calls, step, tiles.convert, self._source(step, 0, instruction.a), result)
        elif form is IOTA:
            axis = self.plan.domain.new_axis[instruction.a]
            self._call(calls, step, _iota, self.origin, axis, result)
        elif form is LOAD_GUARDED:
            guards = self.plan.views[instruction.a].guards
            self._call(calls, step, _load_guarded, _Operand(instruction.a), guards, self.origin, result)
        elif form is GATHER:
            self._add_gather(step, calls)
        elif form is REDUCE_INIT:
            if self.plan.reduction_tiles:
                return  # the first tile overwrites
            dtype = DTYPES[instruction.type]
            value = np.array(tiles.identity(ReduceKind(instruction.aux), dtype), dtype)
            self._call(calls, step, tiles.convert, value, result)
        elif form is REDUCE:
            ufunc = tiles.REDUCTIONS[instruction.opcode.mnemonic]
            source = _Value(step.sources[0], self._spread(step.sources[0]))
            axes = self.reduction_axes
            self._call(calls, step, tiles.reduce_first, ufunc, axes, source, result, next_function=tiles.reduce_next)
        elif form is MATMUL:
            left, right = _Value(step.sources[0], _left), _Value(step.sources[1], _right)
            into = _Value(step.result, _product)
            self._call(calls, step, np.matmul, left, right, into, next_function=tiles.matmul_next)
        elif form is GROUPED_MATMUL:
            self._add_grouped(step, calls)
        elif form is GROUPED_MATMUL_K:
            left, right = _Value(step.sources[0], _left), _Value(step.sources[1], _right)
            ends, into = _Operand(instruction.c), _Value(step.result, _product)
            arguments = (left, right, ends, self.plan.domain.extents[-1], self.origin, into)
            self._call(calls, step, _grouped_k_first, *arguments, next_function=_grouped_k)
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

    def _add_binary(self, step: Step, calls: PassCalls, left: Any, right: Any, result: "_Value") -> None:
        instruction = step.instruction
        function = tiles.BINARY[instruction.opcode.mnemonic]
        if function is np.power:
            if instruction.type.is_integer:
                function = tiles.integer_power
            elif instruction.is_scalar(1):
                cheap = tiles.POWERS.get(float(self.scalars[instruction.b]))
                if cheap is not None:
                    self._call(calls, step, cheap, left, result)
                    return
        self._call(calls, step, function, left, right, result)

    def _add_gather(self, step: Step, calls: PassCalls) -> None:
        instruction = step.instruction
        dim_axes = self.plan.views[instruction.a].dim_axes
        free = dim_axes.index(-1)
        rank = len(self.plan.domain.extents)
        inner = slice(free, rank - (len(dim_axes) - free - 1))
        index = _Value(step.sources[1], lambda tile: tile.reshape(tile.shape[inner]))
        origin = self.plan.prepared.kernel.origin or self.plan.prepared.kernel.name
        self._call(calls, step, _gather, _Operand(instruction.a), index, free, origin, _Value(step.result))

    def _add_grouped(self, step: Step, calls: PassCalls) -> None:
        instruction = step.instruction
        dim_axes = self.plan.views[instruction.b].dim_axes
        order = (dim_axes.index(-1), dim_axes.index(2), dim_axes.index(1))
        weights = _Operand(instruction.b, lambda tile: tile.transpose(order))
        left = _Value(step.sources[0], _left)
        rows = self.plan.domain.extents[0]
        arguments = (left, weights, _Operand(instruction.c), rows, self.origin, _Value(step.result, _product))
        self._call(calls, step, _grouped_first, *arguments, next_function=_grouped)

    def _spread(self, value: int) -> Transform:
        """Where a reduced value lacks axes (of extent 1 in its tensors), repeat it along them."""
        mask = self.plan.masks[value]
        missing = [axis for axis, extent in enumerate(self.extents) if not mask >> axis & 1 and extent != 1]
        if not missing:
            return None

        def spread(tile: Tile) -> Tile:
            shape = tuple(self.extents[axis] if axis in missing else extent for axis, extent in enumerate(tile.shape))
            return np.broadcast_to(tile, shape)

        return spread


@dataclass(frozen=True)
class _Value:
    number: int
    transform: Transform = None


@dataclass(frozen=True)
class _Operand:
    number: int
    transform: Transform = None


def _left(tile: Tile) -> Tile:
    return tile[..., 0, :]


def _right(tile: Tile) -> Tile:
    return tile[..., 0, :, :].swapaxes(-1, -2)


def _product(tile: Tile) -> Tile:
    return tile[..., 0]


def _convert_store(target: Tile, source: Tile) -> None:
    np.copyto(target, source, casting="unsafe")


def _iota(origin: Origin, axis: int, out: Tile) -> None:
    start = origin[axis]
    shape = [1] * out.ndim
    shape[axis] = -1
    indices = np.arange(start, start + out.shape[axis], dtype=np.int64)
    out[...] = indices.reshape(shape)


def _load_guarded(tensor: Tile, guards: tuple[Guard, ...], origin: Origin, out: Tile) -> None:
    """`tensor` is the whole operand: the part of the tile that falls inside of it is copied over `out`."""
    inside = [slice(None)] * out.ndim
    source = [slice(None)] * out.ndim
    for guard in guards:
        start = origin[guard.axis] + guard.shift
        low = max(start, 0)
        high = min(start + out.shape[guard.axis], guard.extent)
        if high <= low:
            return
        source[guard.axis] = slice(low, high)
        inside[guard.axis] = slice(low - start, high - start)
    np.copyto(out[tuple(inside)], tensor[tuple(source)], casting="unsafe")


def _gather(table: Tile, index: Tile, axis: int, origin: str, out: Tile) -> None:
    if not index.size:
        return
    extent = table.shape[axis]
    low, high = int(index.min()), int(index.max())
    if low < -extent or high >= extent:
        culprit = low if low < -extent else high
        raise IndexOutOfRange(f"index {culprit} is out of range for a dim of {extent}: {origin}")
    np.copyto(out, np.take(table, index, axis, mode="wrap").reshape(out.shape), casting="unsafe")


def _group_ends(ends: Tile, limit: int) -> list[int]:
    found = [int(end) for end in ends]
    for previous, end in zip([0, *found], found, strict=False):
        if not previous <= end <= limit:
            raise ExecutionError(f"group ends must not descend nor pass {limit}, but {end} follows {previous}")
    return found


def _grouped(left: Tile, weights: Tile, ends: Tile, limit: int, origin: Origin, out: Tile) -> None:
    """Add the product of each row of the tile (the axis before the last) with its group's matrix.

    `limit` is the number of all rows.
    """
    first_row, rows = origin[0], left.shape[-2]
    start = 0
    for group, end in enumerate(_group_ends(ends, limit)):
        low, high = max(start - first_row, 0), min(end - first_row, rows)
        if high > low:
            out[low:high] += np.matmul(left[low:high], weights[group].astype(left.dtype, copy=False))
        start = end


def _grouped_first(left: Tile, weights: Tile, ends: Tile, limit: int, origin: Origin, out: Tile) -> None:
    out[...] = 0
    _grouped(left, weights, ends, limit, origin, out)


def _grouped_k(left: Tile, right: Tile, ends: Tile, limit: int, origin: Origin, out: Tile) -> None:
    """Add to each group of the tile the product over the part of k that is the group's; `limit` is the whole of k."""
    left, right = left.reshape(left.shape[-2:]), right.reshape(right.shape[-2:])
    bounds = [0, *_group_ends(ends, limit)]
    first_k, depth = origin[-1], left.shape[1]
    for row in range(out.shape[0]):
        group = origin[0] + row
        low, high = max(bounds[group] - first_k, 0), min(bounds[group + 1] - first_k, depth)
        if high > low:
            out[row] += np.matmul(left[:, low:high], right[low:high])


def _grouped_k_first(left: Tile, right: Tile, ends: Tile, limit: int, origin: Origin, out: Tile) -> None:
    out[...] = 0
    _grouped_k(left, right, ends, limit, origin, out)
