"""Tapes: kernels of a single tile, with the calls of all passes in one row.

Small launches have many kernels of a few calls each, and finding out which tile, which pass and which operand is next takes longer
than the calls. Where there is one tile, all of that is known before: what is left to do for each launch is to put the
arrays of the caller in place. Those in the workspace stay, and so do those that the caller brings again, as a model does its weights.
"""

from typing import Any, NamedTuple
from weakref import ref

from vm.device import Arena
from vm.frame import Call, pool_of
from vm.operands import Buffers, borrowed, operand_array
from vm.plan import KernelPlan, LaunchPlan
from vm.steps import convert_store, guarded_parts, load_guarded, recipe_of
from vm.tiles import DTYPES, Tile, TileFunction, convert


class Tape:
    """The calls of one plan in one arena, to whose workspace it holds on."""

    def __init__(self, plan: KernelPlan, buffers: Buffers, arena: Arena) -> None:
        self.plan = ref(plan)
        """Weak: a tape that is kept is not to keep a program."""
        extents = plan.domain.extents
        recipe = recipe_of(plan)
        pool = pool_of(plan, recipe.slotted, extents, [0] * len(extents), arena)
        operands: dict[int, Tile] = {}
        calls: list[_Placed] = []
        for part in recipe.passes:
            for call in part:
                arguments = call.filled(pool)
                for operand, position, transform in call.patched:
                    if operand not in operands:
                        dtype = DTYPES[plan.prepared.memory_types[operand]]
                        operands[operand] = operand_array(plan.views[operand], buffers, dtype)
                    tile = operands[operand]
                    arguments[position] = tile if transform is None else transform(tile)
                places = [(operand, position) for operand, position, _ in call.patched]
                calls.append(_Placed(call.function, arguments, places))
        given: dict[int, _Given] = {}
        self._calls: list[Call] = []
        other = arena.library.functions
        for function, arguments, places in _laid(calls):
            for operand, position in places:
                view = plan.views[operand]
                buffer = buffers[view.root]
                if 0 not in view.shape and buffer is not arena.workspace:
                    if view.root not in given:
                        given[view.root] = _Given(view.root, buffer)
                    given[view.root].add(arguments, position)
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
    """A call, and which of its arguments are operands: (operand, position)."""

    function: TileFunction
    arguments: list[Any]
    places: list[tuple[int, int]]


def _laid(calls: list[_Placed]) -> list[_Placed]:
    """The calls with guarded loads as copies of what is inside of their operands, and without the background that these cover."""
    found: list[_Placed] = []
    parts: list[tuple[slice, ...]] = []
    """What is laid over the result of the call before the last ones."""
    for call in calls:
        if call.function is not load_guarded:
            found.append(call)
            parts = []
            continue
        tensor, guards, origin, out = call.arguments
        cut = guarded_parts(guards, origin, out.shape)
        if cut is None:
            continue
        inside, source = cut
        parts.append(inside)
        places = [(operand, int(position == 0)) for operand, position in call.places]
        found.append(_Placed(convert_store, [out[..., *inside], tensor[..., *source]], places))
        under = len(found) - 1 - len(parts)
        if under >= 0 and found[under].function is convert and _covered(parts, out, found[under].arguments[-1]):
            del found[under]
            parts = []
    return found


def _covered(parts: list[tuple[slice, ...]], out: Tile, background: Tile) -> bool:
    """Whether parts of a tile, cut along one axis, are all of it, and the background is that tile too."""
    if (out.ctypes.data, out.shape, out.strides) != (background.ctypes.data, background.shape, background.strides):
        return False
    ranges = [[piece.indices(extent)[:2] for piece, extent in zip(part, out.shape, strict=True)] for part in parts]
    cut = {axis for part in ranges for axis, extent in enumerate(out.shape) if part[axis] != (0, extent)}
    if len(cut) > 1:
        return False
    end = 0
    for start, stop in sorted([part[axis] for part in ranges for axis in cut]):
        if start > end:
            return False
        end = max(end, stop)
    return all(end == out.shape[axis] for axis in cut)


class _Given:
    """A tensor that launches bring, and what calls see of it.

    The arguments of the calls do not own its memory: tapes are kept, and the caller's arrays must not be. They are looked at only
    in a launch that has the array. Where the next one brings that array again they are right already, unless the array can have moved its
    memory in between, as one may that owns it.
    """

    __slots__ = ("_address", "_seen", "array", "root")

    def __init__(self, root: int, array: Tile) -> None:
        self.root = root
        self.array: Any = _none
        """Gives the array that the arguments are of, if there still is one and it is known to lie where it lay."""
        self._address = array.ctypes.data
        self._seen: dict[tuple[Any, ...], list[tuple[list[Any], int]]] = {}
        """By offset in bytes, shape, strides and element type of what is seen: the arguments and the positions in these."""

    def add(self, arguments: list[Any], position: int) -> None:
        """Have the array put in place of the argument, which shows what part of it is seen."""
        tile = arguments[position]
        key = (tile.ctypes.data - self._address, tile.shape, tile.strides, tile.dtype)
        self._seen.setdefault(key, []).append((arguments, position))

    def put(self, array: Tile) -> None:
        """Have the calls see another array."""
        address = array.ctypes.data
        for (offset, shape, strides, dtype), places in self._seen.items():
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
