"""The NumPy engine: runs a launch plan on buffers, tile by tile, a thread per core.

It trusts the verifier and bind: nothing here checks an index. Work items (tiles of the parallel axes, times chunks of
a split reduction) are taken from a shared iterator; what an item computes does not depend on who takes it.
"""

from collections.abc import Iterator, Sequence
from time import perf_counter
from typing import Any

import numpy as np

from vm.bind import KernelPlan, LaunchPlan
from vm.device import Arena, Device
from vm.layout import View
from vm.profile import Profile
from vm.steps import FrameBuilder, Origin, PassCalls
from vm.tiles import DTYPES, Tile
from vm.tiles import REDUCTIONS as COMBINE

PARALLEL_WORK = 1 << 16
"""Elements times instructions from which a kernel is worth a second core: waking one costs some 30 microseconds."""

Buffers = Sequence[Any]
"""By tensor: the array that owns its memory, or None for a view."""


class _Frame:
    """The calls of a plan for one tile extent, and the origin that they read."""

    def __init__(
        self, plan: KernelPlan, extents: tuple[int, ...], arena: Arena, accumulators: dict[int, Tile] | None = None
    ) -> None:
        self.origin: Origin = [0] * len(extents)
        builder = FrameBuilder(plan, extents, arena.unified_buffer, self.origin, accumulators or {})
        self.passes: list[PassCalls] = builder.build()


def run(plan: LaunchPlan, buffers: Buffers, device: Device, profile: Profile | None = None) -> None:
    """Run all stages. `buffers` has an array for every tensor that owns memory (the workspace's byte array for those).

    Raises ExecutionError where data does not fit (an index out of range).
    """
    for stage in plan.stages:
        for kernel in stage:
            _KernelRun(kernel, buffers, device, profile).run()


class _KernelRun:
    """One kernel on one set of buffers."""

    def __init__(self, plan: KernelPlan, buffers: Buffers, device: Device, profile: Profile | None) -> None:
        self.plan = plan
        self.device = device
        self.profile = profile
        self.bases = [
            _base(view, operand, buffers, DTYPES[plan.prepared.memory_types[number]])
            for number, (view, operand) in enumerate(zip(plan.views, plan.prepared.kernel.operands, strict=True))
        ]

    def run(self) -> None:
        plan = self.plan
        if plan.tiling.chunks == 1:
            self._on_cores(plan.parallel_tiles, self._whole_tile)
            return
        partials = self._partial_accumulators()
        chunks = plan.tiling.chunks
        self._on_cores(
            plan.parallel_tiles * chunks,
            lambda item, arena: self._chunk(item // chunks, item % chunks, partials, arena),
        )
        self._on_cores(plan.parallel_tiles, lambda item, arena: self._combine(item, partials, arena))

    def _on_cores(self, items: int, work: Any) -> None:
        plan = self.plan
        cores = min(items, self.device.cores)
        if plan.tiling.one_core or plan.domain.points * plan.prepared.instruction_count < PARALLEL_WORK:
            cores = 1
        todo: Iterator[int] = iter(range(items))

        def worker() -> None:
            arena = self.device.arena
            arena.require(plan.tiling.unified_buffer_bytes)
            with np.errstate(all="ignore"):
                for item in todo:
                    work(item, arena)

        if cores > 1 and self.profile is None:
            self.device.run_on_cores(worker, cores)
        else:
            worker()

    def _whole_tile(self, item: int, arena: Arena) -> None:
        """All passes for one tile of the parallel axes."""
        plan = self.plan
        ranges = self._parallel_ranges(item)
        for number, part in enumerate(plan.prepared.passes):
            if part.streams:
                for step in range(plan.reduction_tiles):
                    self._reduction_ranges(step, ranges)
                    self._pass(self._frame(ranges, arena), number, ranges, step > 0)
            else:
                self._reduction_ranges(0, ranges)
                self._pass(self._frame(ranges, arena), number, ranges, False)

    def _chunk(self, item: int, chunk: int, partials: dict[int, Tile], arena: Arena) -> None:
        """The passes up to the stream pass, for a chunk of the reduction, into the chunk's partial accumulators."""
        plan = self.plan
        ranges = self._parallel_ranges(item)
        parallel = tuple(
            [slice(None) if plan.domain.reductions >> axis & 1 else slice(*ranges[axis]) for axis in range(len(ranges))]
        )
        accumulators = {value: partial[chunk][parallel] for value, partial in partials.items()}
        count, chunks = plan.reduction_tiles, plan.tiling.chunks
        first, last = count * chunk // chunks, count * (chunk + 1) // chunks
        frames: dict[tuple[int, ...], _Frame] = {}
        for number, part in enumerate(plan.prepared.passes):
            for step in range(first, last) if part.streams else (first,):
                self._reduction_ranges(step, ranges)
                extents = tuple([stop - start for start, stop in ranges])
                frame = frames.get(extents)
                if frame is None:
                    frame = frames[extents] = _Frame(plan, extents, arena, accumulators)
                self._pass(frame, number, ranges, step > first)
            if part.streams:
                return

    def _combine(self, item: int, partials: dict[int, Tile], arena: Arena) -> None:
        """Combine the chunks of one tile in ascending order, then run the passes after the stream pass."""
        plan = self.plan
        ranges = self._parallel_ranges(item)
        self._reduction_ranges(0, ranges)
        frame = self._frame(ranges, arena)
        parallel = tuple(
            [slice(None) if plan.domain.reductions >> axis & 1 else slice(*ranges[axis]) for axis in range(len(ranges))]
        )
        combine = {
            step.result: COMBINE[step.instruction.opcode.mnemonic]
            for part in plan.prepared.passes
            for step in part.steps
            if step.result in partials and step.instruction.opcode.mnemonic in COMBINE
        }
        extents = tuple([stop - start for start, stop in ranges])
        for value, partial in partials.items():
            home = plan.homes[value]
            if home >= 0:
                total = self.bases[home][self._slices(plan.views[home].mask, ranges)]
            else:
                total = FrameBuilder(plan, extents, arena.unified_buffer, frame.origin, {}).tile(value)
            np.copyto(total, partial[0][parallel])
            for chunk in partial[1:]:
                combine[value](total, chunk[parallel], total)
        after = False
        for number, part in enumerate(plan.prepared.passes):
            if after:
                self._pass(frame, number, ranges, False)
            after |= part.streams

    def _partial_accumulators(self) -> dict[int, Tile]:
        plan = self.plan
        shape = [1 if plan.domain.reductions >> axis & 1 else extent for axis, extent in enumerate(plan.domain.extents)]
        return {
            number: np.empty((plan.tiling.chunks, *shape), DTYPES[value.type])
            for number, value in enumerate(plan.prepared.values)
            if value.accumulates
        }

    def _pass(self, frame: _Frame, number: int, ranges: list[tuple[int, int]], follows: bool) -> None:
        calls = frame.passes[number]
        frame.origin[:] = [start for start, _ in ranges]
        slices: dict[int, tuple[slice, ...]] = {}
        for operand, patches in calls.patches.items():
            view = self.plan.views[operand]
            base = self.bases[operand]
            if view.dim_axes:
                tile = base[tuple([slice(None) if axis < 0 else slice(*ranges[axis]) for axis in view.dim_axes])]
            elif view.guards:
                tile = base
            else:
                index = slices.get(view.mask)
                if index is None:
                    index = slices[view.mask] = self._slices(view.mask, ranges)
                tile = base[index]
            for patch in patches:
                patch.arguments[patch.position] = tile if patch.transform is None else patch.transform(tile)
        sequence = calls.following if follows else calls.first
        if self.profile is None:
            for function, arguments in sequence:
                function(*arguments)
            return
        for (function, arguments), mnemonic in zip(sequence, calls.mnemonics, strict=True):
            start = perf_counter()
            function(*arguments)
            self.profile.add(mnemonic, _elements(arguments), perf_counter() - start)

    def _frame(self, ranges: list[tuple[int, int]], arena: Arena) -> _Frame:
        extents = tuple([stop - start for start, stop in ranges])
        key = (id(self.plan), extents)
        kept = arena.frames.get(key)
        if kept is None or kept[0] is not self.plan:
            kept = (self.plan, _Frame(self.plan, extents, arena))
            arena.keep_frame(key, kept)
        return kept[1]

    def _parallel_ranges(self, item: int) -> list[tuple[int, int]]:
        """(start, stop) by axis of a tile of the parallel axes, numbered in row-major order."""
        ranges = [(0, 0)] * len(self.plan.counts)
        self._place(self.plan.parallel_axes, item, ranges)
        return ranges

    def _reduction_ranges(self, item: int, ranges: list[tuple[int, int]]) -> None:
        self._place(self.plan.reduction_axes, item, ranges)

    def _place(self, axes: tuple[int, ...], item: int, ranges: list[tuple[int, int]]) -> None:
        plan = self.plan
        for axis in reversed(axes):
            count = plan.counts[axis] or 1
            start = item % count * plan.tiling.tile[axis]
            item //= count
            ranges[axis] = (start, min(start + plan.tiling.tile[axis], plan.domain.extents[axis]))

    def _slices(self, mask: int, ranges: list[tuple[int, int]]) -> tuple[slice, ...]:
        return tuple([slice(*bounds) if mask >> axis & 1 else slice(None) for axis, bounds in enumerate(ranges)])


def _base(view: View, operand: Any, buffers: Buffers, dtype: np.dtype[Any]) -> Tile:
    """The operand as an array over the whole domain."""
    if 0 in view.shape:
        return np.empty(view.shape, dtype)
    buffer = buffers[view.root]
    if buffer.flags.c_contiguous:
        return np.ndarray(view.shape, dtype, buffer, view.offset, view.strides)
    return _strided(buffer, view, dtype)


class _Memory:
    """Someone else's memory under another shape, for NumPy to look at; keeps its owner alive."""

    def __init__(self, owner: Tile, view: View) -> None:
        self.owner = owner
        self.__array_interface__ = {
            "version": 3,
            "data": (owner.ctypes.data + view.offset, True),
            "shape": view.shape,
            "strides": view.strides,
            "typestr": f"|V{owner.itemsize}",
        }


def _strided(array: Tile, view: View, dtype: np.dtype[Any]) -> Tile:
    """A read-only view of a caller's array of any layout; bind has checked that all of it lies inside of the array."""
    return np.asarray(_Memory(array, view)).view(dtype)


def _elements(arguments: list[Any]) -> int:
    sizes = [argument.size for argument in arguments if isinstance(argument, np.ndarray)]
    return max(sizes, default=0)
