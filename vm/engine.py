"""The NumPy engine: runs a launch plan on buffers, tile by tile, a thread per core.

It trusts the verifier and bind: nothing here checks an index. Work items (tiles of the parallel axes, times chunks of
a split reduction) are taken from a shared iterator; what an item computes does not depend on who takes it.
"""

from collections.abc import Callable, Iterator, Sequence
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from vm.bind import KernelPlan, LaunchPlan, Span
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

    def __init__(self, plan: KernelPlan, extents: tuple[int, ...], arena: Arena) -> None:
        self.origin: Origin = [0] * len(extents)
        builder = FrameBuilder(plan, extents, arena.unified_buffer, self.origin)
        self.passes: list[PassCalls] = builder.build()
        self.accumulators = {value: builder.tile(value) for value in plan.split_accumulators}

    def release(self) -> None:
        """Forget the tensors of the launch: frames are kept, and the caller's arrays must not be."""
        for calls in self.passes:
            for _, arguments, position, _ in calls.patches:
                arguments[position] = None


class _Core(NamedTuple):
    """A thread at work on one kernel: its arena, and the frames it has used so far by tile extent."""

    arena: Arena
    frames: dict[tuple[int, ...], _Frame]


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
            _base(view, buffers, DTYPES[memory_type])
            for view, memory_type in zip(plan.views, plan.prepared.memory_types, strict=True)
        ]

    def run(self) -> None:
        plan = self.plan
        chunks = plan.tiling.chunks
        if chunks == 1:
            self._on_cores(plan.parallel_tiles, self._whole_tile)
            return
        partials = self._partial_accumulators()
        self._on_cores(
            plan.parallel_tiles * chunks,
            lambda item, core: self._chunk(item // chunks, item % chunks, partials, core),
        )
        self._on_cores(plan.parallel_tiles, lambda item, core: self._combine(item, partials, core))

    def _on_cores(self, items: int, work: Callable[[int, _Core], None]) -> None:
        """Do `work` for each of the items, on one core or several."""
        plan = self.plan
        cores = min(items, self.device.cores)
        if plan.tiling.one_core or plan.domain.points * plan.prepared.instruction_count < PARALLEL_WORK:
            cores = 1
        todo: Iterator[int] = iter(range(items))

        def worker() -> None:
            arena = self.device.arena
            arena.require(plan.tiling.unified_buffer_bytes)
            core = _Core(arena, {})
            try:
                with np.errstate(all="ignore"):
                    for item in todo:
                        work(item, core)
            finally:
                for frame in core.frames.values():
                    frame.release()

        if cores > 1 and self.profile is None:
            self.device.run_on_cores(worker, cores)
        else:
            worker()

    def _whole_tile(self, item: int, core: _Core) -> None:
        """All passes for one tile of the parallel axes."""
        plan = self.plan
        for number, part in enumerate(plan.prepared.passes):
            for step in range(plan.reduction_tiles) if part.streams else (0,):
                self._pass(number, plan.span(item, step), core, step > 0)

    def _chunk(self, item: int, chunk: int, partials: dict[int, Tile], core: _Core) -> None:
        """The passes up to the stream pass, for a chunk of the reduction; keeps the accumulators."""
        plan = self.plan
        count, chunks = plan.reduction_tiles, plan.tiling.chunks
        first, last = count * chunk // chunks, count * (chunk + 1) // chunks
        frame = None
        for number, part in enumerate(plan.prepared.passes):
            for step in range(first, last) if part.streams else (first,):
                frame = self._pass(number, plan.span(item, step), core, step > first)
            if part.streams:
                break
        assert frame is not None
        place = (chunk, *self._parallel(item))
        for value, partial in partials.items():
            partial[place] = frame.accumulators[value]

    def _combine(self, item: int, partials: dict[int, Tile], core: _Core) -> None:
        """Combine the chunks of one tile in ascending order, then run the passes after the stream pass."""
        plan = self.plan
        span = plan.span(item, 0)
        frame = self._frame(span, core)
        place = (slice(None), *self._parallel(item))
        for value, mnemonic in plan.split_accumulators.items():
            total = frame.accumulators[value]
            COMBINE[mnemonic].reduce(partials[value][place], 0, total.dtype, total)
        after = False
        for number, part in enumerate(plan.prepared.passes):
            if after:
                self._pass(number, span, core, False)
            after |= part.streams

    def _partial_accumulators(self) -> dict[int, Tile]:
        plan = self.plan
        extents = plan.domain.extents
        shape = [1 if axis in plan.reduction_axes else extent for axis, extent in enumerate(extents)]
        values = plan.prepared.values
        return {
            value: np.empty((plan.tiling.chunks, *shape), DTYPES[values[value].type])
            for value in plan.split_accumulators
        }

    def _parallel(self, item: int) -> tuple[slice, ...]:
        """Where a tile lies in the partial accumulators."""
        plan = self.plan
        span = plan.span(item, 0)
        return tuple(
            [
                slice(None) if axis in plan.reduction_axes else slice(start, start + extent)
                for axis, (start, extent) in enumerate(zip(span.origin, span.extents, strict=True))
            ]
        )

    def _pass(self, number: int, span: Span, core: _Core, follows: bool) -> _Frame:
        frame = self._frame(span, core)
        calls = frame.passes[number]
        if not calls.first:
            return frame
        frame.origin[:] = span.origin
        bases = self.bases
        for operand, arguments, position, transform in calls.patches:
            index = span.indices[operand]
            tile = bases[operand] if index is None else bases[operand][index]
            arguments[position] = tile if transform is None else transform(tile)
        sequence = calls.following if follows else calls.first
        if self.profile is None:
            for function, arguments in sequence:
                function(*arguments)
            return frame
        for (function, arguments), mnemonic in zip(sequence, calls.mnemonics, strict=True):
            start = perf_counter()
            function(*arguments)
            self.profile.add(mnemonic, _elements(arguments), perf_counter() - start)
        return frame

    def _frame(self, span: Span, core: _Core) -> _Frame:
        frame = core.frames.get(span.extents)
        if frame is None:
            frames = core.arena.frames
            key = (id(self.plan), span.extents)
            kept = frames.get(key)
            if kept is None or kept[0] is not self.plan:
                kept = (self.plan, _Frame(self.plan, span.extents, core.arena))
                core.arena.keep_frame(key, kept)
            frame = core.frames[span.extents] = kept[1]
        return frame


def _base(view: View, buffers: Buffers, dtype: np.dtype[Any]) -> Tile:
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
