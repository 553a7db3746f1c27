"""Tapes: kernels of a single tile, with the calls of all passes in one row.

Small launches have many kernels of a few calls each, and finding out which tile, which pass and which operand is next takes longer
than the calls. Where there is one tile, all of that is known before: what is left to do for each launch is to put the
arrays of the caller in place. Those in the workspace stay, and so do those that the caller brings again, as a model does its weights.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from weakref import ref

import numpy as np

from vm.device import Arena
from vm.frame import Call, pool_of
from vm.operands import Buffers, borrowed
from vm.plan import KernelPlan, LaunchPlan
from vm.steps import Transform, convert_store, guarded_parts, load_guarded, recipe_of
from vm.tiles import DTYPES, Tile, TileFunction, convert


class Part(NamedTuple):
    """What a call sees of a tensor: how many bytes from its first element it begins, and how it lies in memory."""

    root: int
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: np.dtype[Any]

    def cut(self, pieces: Sequence[slice]) -> "Part":
        """A part of it, which has some elements, by a slice of step 1 along each axis."""
        ranges = [piece.indices(extent)[:2] for piece, extent in zip(pieces, self.shape, strict=True)]
        offset = self.offset + sum([start * step for (start, _), step in zip(ranges, self.strides, strict=True)])
        return self._replace(offset=offset, shape=tuple([stop - start for start, stop in ranges]))

    def under(self, transform: Transform) -> "Part":
        """It in the way that a call wants it."""
        if transform is None:
            return self
        tile = transform(borrowed(_ANYWHERE, self.shape, self.strides, self.dtype))
        offset = self.offset + tile.ctypes.data - _ANYWHERE
        return Part(self.root, offset, tile.shape, tile.strides, tile.dtype)

    def of(self, array: Tile) -> Tile:
        """It as an array that holds on to the array whose part it is."""
        return np.ndarray(self.shape, self.dtype, array, self.offset, self.strides)


_ANYWHERE = 1 << 40
"""An address where nothing is looked at."""


class Tape:
    """The calls of one plan in one arena, to whose workspace it holds on."""

    def __init__(self, plan: KernelPlan, buffers: Buffers, arena: Arena) -> None:
        self.plan = ref(plan)
        """Weak: a tape that is kept is not to keep a program."""
        extents = plan.domain.extents
        recipe = recipe_of(plan)
        pool = pool_of(plan, recipe.slotted, extents, [0] * len(extents), arena)
        whole = [
            Part(view.root, view.offset, view.shape, view.strides, DTYPES[memory_type])
            for view, memory_type in zip(plan.views, plan.prepared.memory_types, strict=True)
        ]
        calls = [
            _Placed(
                call.function,
                call.filled(pool),
                [(position, whole[operand].under(transform)) for operand, position, transform in call.patched],
            )
            for part in recipe.passes
            for call in part
        ]
        given: dict[int, _Given] = {}
        self._calls: list[Call] = []
        other = arena.library.functions
        for function, arguments, parts in _laid(calls):
            for position, part in parts:
                if 0 in part.shape:
                    arguments[position] = np.empty(part.shape, part.dtype)
                elif buffers[part.root] is arena.workspace:
                    arguments[position] = part.of(arena.workspace)
                else:
                    if part.root not in given:
                        given[part.root] = _Given(part.root)
                    given[part.root].parts.setdefault(part, []).append((arguments, position))
            self._calls.append((other.get(function, function), arguments))
        self._given = list(given.values())

    def run(self, buffers: Buffers) -> None:
        """Run the kernel."""
        for given in self._given:
            array = buffers[given.root]
            if given.array() is not array:
                given.put(array)
        for function, arguments in self._calls:
            function(*arguments)


class _Placed(NamedTuple):
    """A call, and which of its arguments are parts of tensors: (position, part)."""

    function: TileFunction
    arguments: list[Any]
    parts: list[tuple[int, Part]]


def _laid(calls: list[_Placed]) -> list[_Placed]:
    """The calls with guarded loads as copies of what is inside of their operands, and without the background that these cover."""
    found: list[_Placed] = []
    laid: list[tuple[slice, ...]] = []
    """What of its result is laid over that of the call before the last ones."""
    for call in calls:
        if call.function is not load_guarded:
            found.append(call)
            laid = []
            continue
        _, guards, origin, _ = call.arguments
        (_, tensor), *_ = call.parts
        out = _result(call)
        pieces = guarded_parts(guards, origin, out.shape)
        if pieces is None:
            continue
        inside, source = pieces
        laid.append(inside)
        parts = [(1, tensor.cut(source))]
        if isinstance(out, Part):
            found.append(_Placed(convert_store, [None, None], [(0, out.cut(inside)), *parts]))
        else:
            found.append(_Placed(convert_store, [out[..., *inside], None], parts))
        under = len(found) - 1 - len(laid)
        if (
            under >= 0
            and found[under].function is convert
            and _is(out, _result(found[under]))
            and _covers(laid, out.shape)
        ):
            del found[under]
            laid = []
    return found


def _result(call: _Placed) -> Part | Tile:
    """What a call writes, which is its last argument."""
    last = len(call.arguments) - 1
    return next((part for position, part in call.parts if position == last), call.arguments[last])


def _is(one: Part | Tile, other: Part | Tile) -> bool:
    """Whether two results are the same memory."""
    if isinstance(one, Part) or isinstance(other, Part):
        return isinstance(one, Part) and isinstance(other, Part) and one == other
    return one.ctypes.data == other.ctypes.data and one.shape == other.shape and one.dtype == other.dtype


def _covers(laid: list[tuple[slice, ...]], shape: tuple[int, ...]) -> bool:
    """Whether parts of a tile that are cut along one axis are all of it."""
    ranges = [[piece.indices(extent)[:2] for piece, extent in zip(part, shape, strict=True)] for part in laid]
    cut = {axis for part in ranges for axis, extent in enumerate(shape) if part[axis] != (0, extent)}
    if len(cut) > 1:
        return False
    end = 0
    for start, stop in sorted([part[axis] for part in ranges for axis in cut]):
        if start > end:
            return False
        end = max(end, stop)
    return all(end == shape[axis] for axis in cut)


class _Given:
    """A tensor that launches bring, and what calls see of it.

    The arguments of the calls do not own its memory: tapes are kept, and the caller's arrays must not be. They are looked at only
    in a launch that has the array. Where the next one brings that array again they are right already, unless the array can have moved its
    memory in between, as one may that owns it.
    """

    __slots__ = ("array", "parts", "root")

    def __init__(self, root: int) -> None:
        self.root = root
        self.array: Any = _none
        """Gives the array that the arguments are of, if there still is one and it is known to lie where it lay."""
        self.parts: dict[Part, list[tuple[list[Any], int]]] = {}
        """The arguments and the positions in these that are each of its parts."""

    def put(self, array: Tile) -> None:
        """Have the calls see another array."""
        address = array.ctypes.data
        for (_, offset, shape, strides, dtype), places in self.parts.items():
            tile = borrowed(address + offset, shape, strides, dtype)
            for arguments, position in places:
                arguments[position] = tile
        self.array = _none if array.base is None else ref(array)


def _none() -> None:
    return None


class LaunchTape:
    """The tapes of all kernels of a launch that has no others."""

    def __init__(self, plan: LaunchPlan, tapes: list[Tape]) -> None:
        self.plan = ref(plan)
        self.tapes = tapes
