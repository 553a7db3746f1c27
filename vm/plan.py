"""What bind makes: the launch plan of one set of input shapes, with no data in it, shared by all threads."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from vm.isa import REDUCE
from vm.layout import Domain, View
from vm.prepare import PreparedKernel
from vm.target import Target
from vm.tiles import DTYPES
from vm.tiling import Tiling

Shape = tuple[int, ...]
Strides = tuple[int, ...]


class Span(NamedTuple):
    """One tile: where it starts and how far it goes along each axis, and how to cut it out of each operand.

    `indices` has None for operands that are not cut: guarded ones, which the tile functions cut themselves, and those
    of a domain without axes.
    """

    origin: tuple[int, ...]
    extents: tuple[int, ...]
    indices: list[tuple[slice, ...] | None]


class _Cutting(NamedTuple):
    """What spans are made of: the axes of several tiles, the last first; the cuts of a domain that is one tile, with one
    more for dims that are never cut; the ways in which operands are cut, each once; and for each operand its way.
    """

    axes: list[int]
    whole: list[slice]
    ways: list[tuple[int, ...] | None]
    way_of: list[int]


MULTIPLICATIONS = 2
"""Multiplications of a product that count as one instruction on an element: it is one long call."""

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
    original: "KernelPlan | None" = None
    """The plan that this is but for where its operands lie, if it was made of one."""

    @property
    def key(self) -> int:
        """The same for all plans that differ in where their operands lie; as long as one of them lives."""
        return id(self.original or self)

    def moved(self, before: Sequence[tuple[int, int]], after: Sequence[tuple[int, int]]) -> "KernelPlan":
        """The plan for operands whose tensors lie elsewhere: in which root, at which offset."""
        _ = self._spans  # which are made now if not before, so that both have the same
        views = [
            view._replace(root=root, offset=view.offset - old + offset)
            for view, (_, old), (root, offset) in zip(self.views, before, after, strict=True)
        ]
        found = copy(self)
        object.__setattr__(found, "views", tuple(views))
        object.__setattr__(found, "made", {})
        object.__setattr__(found, "original", self.original or self)
        return found

    def for_other(
        self, prepared: PreparedKernel, before: Sequence[tuple[int, int]], after: Sequence[tuple[int, int]]
    ) -> "KernelPlan":
        """The plan of another kernel that does the same, to tensors that lie elsewhere."""
        found = self.moved(before, after)
        object.__setattr__(found, "prepared", prepared)
        object.__setattr__(found, "original", None)
        return found

    @cached_property
    def made(self) -> dict[str, Any]:
        """A place for what engines make of the plan."""
        return {}

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
    def is_one_tile(self) -> bool:
        """Whether each pass runs once, on all of the domain."""
        return self.tiling.chunks == 1 and self.tiling.tile == self.domain.extents and 0 not in self.domain.extents

    @cached_property
    def work(self) -> int:
        """A measure of the time that the kernel takes and of what a second core saves: instructions on an element.

        In a product the instructions beside it are few for each point of the domain, and left out, but for those on rows that are
        computed for it: of these there are as many points as the domain has without its columns.
        """
        points, instructions = self.domain.points, self.prepared.instruction_count
        if not self.prepared.factors:
            return points * instructions
        on_rows = points // self.domain.extents[-2] * instructions if self.prepared.computes_factors else 0
        return points // MULTIPLICATIONS + on_rows

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
    def scalar_arrays(self) -> list[npt.NDArray[Any]]:
        """The scalars as the tile functions take them."""
        return [
            np.array(value, DTYPES[scalar.type])
            for value, scalar in zip(self.scalars, self.prepared.kernel.scalars, strict=True)
        ]

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
        extents = list(self.domain.extents)
        axes, whole, ways, way_of = self._cutting
        cuts = whole.copy()
        for axis in axes:
            if self.domain.reductions >> axis & 1:
                step, position = divmod(step, self.counts[axis])
            else:
                item, position = divmod(item, self.counts[axis])
            tile = self.tiling.tile[axis]
            start = origin[axis] = position * tile
            size = extents[axis] = min(tile, extents[axis] - start)
            cuts[axis] = slice(start, start + size)
        indices = [None if way is None else tuple([cuts[axis] for axis in way]) for way in ways]
        return Span(tuple(origin), tuple(extents), [indices[way] for way in way_of])

    @cached_property
    def _cutting(self) -> _Cutting:
        rank = len(self.counts)
        ways: dict[tuple[int, ...] | None, int] = {}
        way_of = [ways.setdefault(_way(view, rank), len(ways)) for view in self.views]
        axes = [axis for axis in reversed(range(rank)) if self.counts[axis] > 1]
        return _Cutting(axes, [*[slice(0, extent) for extent in self.domain.extents], slice(None)], list(ways), way_of)


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
    target: Target

    @cached_property
    def made(self) -> dict[str, Any]:
        """A place for what engines make of the plan."""
        return {}

    @cached_property
    def _not_launched(self) -> list[None]:
        return [None]

    def is_first_launch(self) -> bool:
        """Whether this is asked for the first time: the first launch makes what the others only use."""
        try:
            self._not_launched.pop()
        except IndexError:
            return False
        return True

    @cached_property
    def unified_buffer_bytes(self) -> int:
        """What any of the kernels needs."""
        return max((kernel.tiling.unified_buffer_bytes for stage in self.stages for kernel in stage), default=0)

    @cached_property
    def wide_stages(self) -> frozenset[int]:
        """The stages, by number, that are worth several cores."""
        works = [sum(kernel.work for kernel in stage) for stage in self.stages]
        return frozenset(number for number, work in enumerate(works) if work >= self.target.tuning.parallel_work)

    @cached_property
    def is_taped(self) -> bool:
        """Whether all kernels are of one tile, and no stage is worth several cores."""
        return not self.wide_stages and all(kernel.is_one_tile for stage in self.stages for kernel in stage)

    @cached_property
    def last_wide_stage(self) -> int:
        """The last stage that is worth several cores, or -1."""
        return max(self.wide_stages, default=-1)


def _way(view: View, rank: int) -> tuple[int, ...] | None:
    """How an operand is cut: for each dim of its view the axis whose cut it takes, -1 for one that stays whole."""
    if view.guards:
        return None
    if view.dim_axes:
        return view.dim_axes
    # An empty index would make a scalar of an array without dims.
    return tuple([axis if view.mask >> axis & 1 else -1 for axis in range(rank)]) or None
