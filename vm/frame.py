"""Frames: the NumPy calls of a plan for one extent of tile, in the unified buffer of one arena."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import ref

import numpy as np

from vm.device import Arena
from vm.plan import KernelPlan
from vm.steps import Origin, Slotted, Transform, recipe_of
from vm.tiles import Tile, TileFunction

Call = tuple[TileFunction, list[Any]]
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


def pool_of(
    plan: KernelPlan, slotted: Sequence[Slotted], extents: tuple[int, ...], origin: Origin, arena: Arena
) -> list[Any]:
    """What the calls of a plan's recipe find by number, for one tile extent."""
    pool: list[Any] = [None] * len(plan.prepared.values)
    offsets = plan.tiling.slot_offsets
    shapes: dict[int, tuple[int, ...]] = {}
    for value, slot, mask, dtype in slotted:
        shape = shapes.get(mask)
        if shape is None:
            shape = shapes[mask] = tuple([extent if mask >> axis & 1 else 1 for axis, extent in enumerate(extents)])
        pool[value] = np.ndarray(shape, dtype, arena.unified_buffer, offsets[slot])
    pool += plan.scalar_arrays
    pool += (origin, extents, plan.domain.extents, plan.views)
    return pool


class Frame:
    """The calls of a plan for one tile extent, the origin that they read, and the accumulators of a split reduction."""

    def __init__(self, plan: KernelPlan, extents: tuple[int, ...], arena: Arena) -> None:
        self.plan = ref(plan)
        """Weak: a frame that is kept is not to keep a program."""
        self.origin: Origin = [0] * len(extents)
        recipe = recipe_of(plan)
        pool = pool_of(plan, recipe.slotted, extents, self.origin, arena)
        self.accumulators: dict[int, Tile] = {value: pool[value] for value in plan.split_accumulators}
        self.passes: list[PassCalls] = []
        other = arena.library.functions
        for part in recipe.passes:
            calls = PassCalls()
            for call in part:
                arguments = call.filled(pool)
                for operand, position, transform in call.patched:
                    calls.patches.append((operand, arguments, position, transform))
                calls.first.append((other.get(call.function, call.function), arguments))
                calls.following.append((other.get(call.following, call.following), arguments))
                calls.mnemonics.append(call.mnemonic)
            self.passes.append(calls)

    def release(self) -> None:
        """Forget the tensors of the launch: frames are kept, and the caller's arrays must not be."""
        for calls in self.passes:
            for _, arguments, position, _ in calls.patches:
                arguments[position] = None
