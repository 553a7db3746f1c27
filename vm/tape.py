"""Tapes: kernels of a single tile, with the calls of all passes in one row.

Small launches have many kernels of a few calls each, and finding out which tile, which pass and which operand is next takes longer
than the calls. Where there is one tile, all of that is known before: what is left to do for each launch is to put the
arrays of the caller in place. Those in the workspace stay.
"""

from typing import Any
from weakref import ref

from vm.device import Arena
from vm.frame import Call, pool_of
from vm.layout import View
from vm.operands import Buffers, operand_array
from vm.plan import KernelPlan
from vm.steps import Transform, recipe_of
from vm.tiles import DTYPES

Place = tuple[list[Any], int, Transform]
"""Where an operand goes: the arguments of a call, the position in these, and the transform of the operand or None."""


class Tape:
    """The calls of one plan in one arena, to whose workspace it holds on."""

    def __init__(self, plan: KernelPlan, buffers: Buffers, arena: Arena) -> None:
        self.plan = ref(plan)
        """Weak: a tape that is kept is not to keep a program."""
        extents = plan.domain.extents
        recipe = recipe_of(plan)
        pool = pool_of(plan, recipe.slotted, extents, [0] * len(extents), arena)
        other = arena.library.functions
        places: dict[int, list[Place]] = {}
        self._calls: list[Call] = []
        for part in recipe.passes:
            for call in part:
                arguments = call.filled(pool)
                for operand, position, transform in call.patched:
                    places.setdefault(operand, []).append((arguments, position, transform))
                self._calls.append((other.get(call.function, call.function), arguments))
        self._given: list[tuple[View, Any, list[Place]]] = []
        """The operands that each launch brings, with their element types and places."""
        for operand, found in places.items():
            view, dtype = plan.views[operand], DTYPES[plan.prepared.memory_types[operand]]
            if 0 in view.shape or buffers[view.root] is arena.workspace:
                _put(operand_array(view, buffers, dtype), found)
            else:
                self._given.append((view, dtype, found))

    def run(self, buffers: Buffers) -> None:
        """Run the kernel. What the launch brought is forgotten afterwards: tapes are kept, and the caller's arrays must not be."""
        given = self._given
        for view, dtype, places in given:
            _put(operand_array(view, buffers, dtype), places)
        try:
            for function, arguments in self._calls:
                function(*arguments)
        finally:
            for _, _, places in given:
                for arguments, position, _ in places:
                    arguments[position] = None


def _put(operand: Any, places: list[Place]) -> None:
    for arguments, position, transform in places:
        arguments[position] = operand if transform is None else transform(operand)
