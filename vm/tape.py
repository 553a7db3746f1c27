"""Tapes: kernels of a single tile, with the calls of all passes in one row.

Small launches have many kernels of a few calls each, and finding out which tile, which pass and which operand is next takes longer
than the calls. Where there is one tile, all of that is known before: what is left to do for each launch is to put the
arrays of the caller in place. Those in the workspace stay, and so do those that the caller brings again, as a model does its weights.
"""

from typing import Any
from weakref import ref

from vm.device import Arena
from vm.frame import Call, pool_of
from vm.operands import Buffers, borrowed, operand_array
from vm.plan import KernelPlan, LaunchPlan
from vm.steps import convert_store, guarded_parts, load_guarded, recipe_of
from vm.tiles import DTYPES, Tile


class Tape:
    """The calls of one plan in one arena, to whose workspace it holds on."""

    def __init__(self, plan: KernelPlan, buffers: Buffers, arena: Arena) -> None:
        self.plan = ref(plan)
        """Weak: a tape that is kept is not to keep a program."""
        extents = plan.domain.extents
        recipe = recipe_of(plan)
        pool = pool_of(plan, recipe.slotted, extents, [0] * len(extents), arena)
        other = arena.library.functions
        operands: dict[int, Tile] = {}
        given: dict[int, _Given] = {}
        self._calls: list[Call] = []
        for part in recipe.passes:
            for call in part:
                function, arguments = call.function, call.filled(pool)
                for operand, position, transform in call.patched:
                    if operand not in operands:
                        dtype = DTYPES[plan.prepared.memory_types[operand]]
                        operands[operand] = operand_array(plan.views[operand], buffers, dtype)
                    tile = operands[operand]
                    arguments[position] = tile if transform is None else transform(tile)
                places = [(operand, position) for operand, position, _ in call.patched]
                if function is load_guarded:
                    tensor, guards, origin, out = arguments
                    parts = guarded_parts(guards, origin, out.shape)
                    if parts is None:
                        continue
                    inside, source = parts
                    function, arguments = convert_store, [out[inside], tensor[source]]
                    places = [(operand, int(position == 0)) for operand, position in places]
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
