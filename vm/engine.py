"""The NumPy engine: runs a launch plan on buffers, tile by tile, a thread per core.

It trusts the verifier and bind: nothing here checks an index. The kernels of a stage share its cores: their work items
(tiles of the parallel axes, times chunks of a split reduction) are taken from one iterator, the longest first, so that
cores are divided by the work there is. What an item computes does not depend on who takes it.
"""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from itertools import chain, repeat
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from vm.blas import BLAS
from vm.device import Device
from vm.frame import Frame
from vm.operands import Buffers, operand_array
from vm.plan import KernelPlan, LaunchPlan, Span
from vm.recording import Recording
from vm.tape import LaunchTape, Tape
from vm.team import Team
from vm.tiles import DTYPES, Tile
from vm.tiles import REDUCTIONS as COMBINE


class _Core:
    """A thread at work on a launch: its arena, and the frames it has used so far by kernel and tile extent; a context manager."""

    def __init__(self, device: Device, plan: LaunchPlan) -> None:
        self.arena = device.arena
        self.arena.require(plan.unified_buffer_bytes)
        self.frames: dict[tuple[int, tuple[int, ...]], Frame] = {}
        self._quiet = np.errstate(all="ignore")
        self._alone = self.arena.library.alone()

    def __enter__(self) -> "_Core":
        self._quiet.__enter__()
        self._alone.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._alone.__exit__(None, None, None)
        self._quiet.__exit__(None, None, None)
        for frame in self.frames.values():
            frame.release()

    def tape(self, plan: KernelPlan, buffers: Buffers) -> Tape:
        """The tape of a plan of one tile, made now or kept from before."""
        found: Tape | None = self.arena.kept.get(id(plan))
        if found is None or found.plan() is not plan:
            found = Tape(plan, buffers, self.arena)
            self.arena.keep(id(plan), found)
        return found

    def run_tapes(self, plan: LaunchPlan, buffers: Buffers) -> None:
        """Run a launch that is all tapes."""
        found: LaunchTape | None = self.arena.kept.get(id(plan))
        if found is None or found.plan() is not plan:
            kernels = [self.tape(kernel, buffers) for stage in plan.stages for kernel in stage]
            found = LaunchTape(plan, kernels)
            self.arena.keep(id(plan), found)
        for tape in found.tapes:
            tape.run(buffers)


class _Job(NamedTuple):
    """Work items of one kernel, numbered from 0, that any core may do in any order."""

    kernel: "_KernelRun"
    name: str
    items: int
    do: Callable[[int, _Core], None]


def run(plan: LaunchPlan, buffers: Buffers, device: Device, recording: Recording | None = None) -> None:
    """Run all stages. `buffers` has an array for every tensor that owns memory (the workspace's byte array for those).

    Raises ExecutionError where data does not fit (an index out of range).
    """
    with BLAS.one_thread() if BLAS is not None and plan.multiplies else nullcontext(), _Core(device, plan) as core:
        if plan.is_taped and recording is None:
            core.run_tapes(plan, buffers)
            return
        with device.team() as team:
            launch = _Launch(plan, device, team, core, recording)
            for number, stage in enumerate(plan.stages):
                launch.run_stage(number, stage, buffers)


class _Launch(NamedTuple):
    """What the stages of one launch have in common. `core` is the calling thread."""

    plan: LaunchPlan
    device: Device
    team: Team
    core: _Core
    recording: Recording | None

    def run_stage(self, number: int, stage: tuple[KernelPlan, ...], buffers: Buffers) -> None:
        """Run the kernels of a stage side by side."""
        recording = self.recording
        cores = self.device.cores if number in self.plan.wide_stages else 1
        if recording is not None and recording.one_core:
            cores = 1
        kernels: list[_KernelRun] = []
        for plan in stage:
            if plan.is_one_tile and cores == 1 and recording is None:
                self.core.tape(plan, buffers).run(buffers)
            else:
                kernels.append(_KernelRun(plan, buffers, recording))
        if kernels:
            self._run_side_by_side(kernels, cores)
        if number == self.plan.last_wide_stage:
            self.team.dismiss()

    def _run_side_by_side(self, kernels: list["_KernelRun"], cores: int) -> None:
        together: list[_Job] = []
        for kernel in kernels:
            if kernel.plan.tiling.one_core:
                self._work([kernel.first_job()], 1)
            else:
                together.append(kernel.first_job())
        if len(together) > 1:
            together.sort(key=lambda job: -job.kernel.plan.work / job.items)
        self._work(together, cores)
        combining = [kernel.combining_job() for kernel in kernels if kernel.partials]
        if combining:
            self._work(combining, cores)

    def _work(self, jobs: list[_Job], cores: int) -> None:
        """Do all items of all jobs, on that many cores at most."""
        todo: Iterator[tuple[_Job, int]] = chain.from_iterable([zip(repeat(job), range(job.items)) for job in jobs])
        cores = min(cores, sum([job.items for job in jobs]))
        if cores <= 1:
            self._drain(todo, self.core)
            return

        def worker() -> None:
            if self.device.arena is self.core.arena:
                self._drain(todo, self.core)
            else:
                with _Core(self.device, self.plan) as core:
                    self._drain(todo, core)

        self.team.run(worker, cores)

    def _drain(self, todo: Iterator[tuple[_Job, int]], core: _Core) -> None:
        """Do what is left."""
        recording = self.recording
        for job, item in todo:
            if recording is None:
                job.do(item, core)
            else:
                start = perf_counter()
                job.do(item, core)
                recording.add_item(job.kernel.plan.prepared.kernel.name, job.name, item, start)


class _KernelRun:
    """One kernel on one set of buffers. `partials` are the accumulators of the chunks of a split reduction."""

    def __init__(self, plan: KernelPlan, buffers: Buffers, recording: Recording | None) -> None:
        self.plan = plan
        self.recording = recording
        self.bases = [
            operand_array(view, buffers, DTYPES[memory_type])
            for view, memory_type in zip(plan.views, plan.prepared.memory_types, strict=True)
        ]
        self.partials = self._partial_accumulators() if plan.tiling.chunks > 1 else {}

    def first_job(self) -> _Job:
        """The whole kernel, or the chunks of its reduction."""
        plan = self.plan
        if plan.tiling.chunks == 1:
            return _Job(self, "tile", plan.parallel_tiles, self._whole_tile)
        return _Job(self, "chunk", plan.parallel_tiles * plan.tiling.chunks, self._chunk)

    def combining_job(self) -> _Job:
        """What is left to do when all chunks are done."""
        return _Job(self, "combine", self.plan.parallel_tiles, self._combine)

    def _whole_tile(self, item: int, core: _Core) -> None:
        """All passes for one tile of the parallel axes."""
        plan = self.plan
        for number, part in enumerate(plan.prepared.passes):
            for step in range(plan.reduction_tiles) if part.streams else (0,):
                self._pass(number, plan.span(item, step), core, step > 0)

    def _chunk(self, number: int, core: _Core) -> None:
        """The passes up to the stream pass, for a chunk of the reduction; keeps the accumulators."""
        plan = self.plan
        item, chunk = divmod(number, plan.tiling.chunks)
        count, chunks = plan.reduction_tiles, plan.tiling.chunks
        first, last = count * chunk // chunks, count * (chunk + 1) // chunks
        frame = None
        for number, part in enumerate(plan.prepared.passes):
            for step in range(first, last) if part.streams else (first,):
                frame = self._pass(number, plan.span(item, step), core, step > first)
            if part.streams:
                break
        assert frame is not None
        for value, partial in self.partials.items():
            partial[(chunk, *self._place(item, value))] = frame.accumulators[value]

    def _combine(self, item: int, core: _Core) -> None:
        """Combine the chunks of one tile in ascending order, then run the passes after the stream pass."""
        plan = self.plan
        span = plan.span(item, 0)
        frame = self._frame(span, core)
        for value, mnemonic in plan.split_accumulators.items():
            total = frame.accumulators[value]
            parts = self.partials[value][(slice(None), *self._place(item, value))]
            COMBINE[mnemonic].reduce(parts, 0, total.dtype, total)
        after = False
        for number, part in enumerate(plan.prepared.passes):
            if after:
                self._pass(number, span, core, False)
            after |= part.streams

    def _partial_accumulators(self) -> dict[int, Tile]:
        plan = self.plan
        values = plan.prepared.values
        found: dict[int, Tile] = {}
        for value in plan.split_accumulators:
            mask = plan.masks[value]
            shape = [extent if mask >> axis & 1 else 1 for axis, extent in enumerate(plan.domain.extents)]
            found[value] = np.empty((plan.tiling.chunks, *shape), DTYPES[values[value].type])
        return found

    def _place(self, item: int, value: int) -> tuple[slice, ...]:
        """Where an accumulator of a tile lies in those of all tiles."""
        span = self.plan.span(item, 0)
        mask = self.plan.masks[value]
        return tuple(
            [
                slice(start, start + extent) if mask >> axis & 1 else slice(None)
                for axis, (start, extent) in enumerate(zip(span.origin, span.extents, strict=True))
            ]
        )

    def _pass(self, number: int, span: Span, core: _Core, follows: bool) -> Frame:
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
        if self.recording is None:
            for function, arguments in sequence:
                function(*arguments)
            return frame
        for (function, arguments), mnemonic in zip(sequence, calls.mnemonics, strict=True):
            start = perf_counter()
            function(*arguments)
            self.recording.add_instruction(mnemonic, _elements(arguments), start)
        return frame

    def _frame(self, span: Span, core: _Core) -> Frame:
        plan = self.plan
        key = (plan.key, span.extents)
        frame = core.frames.get(key)
        if frame is None:
            frame = core.arena.kept.get(key)
            maker = None if frame is None else frame.plan()
            if frame is None or maker is None or maker.key != plan.key:
                frame = Frame(plan, span.extents, core.arena)
                core.arena.keep(key, frame)
            core.frames[key] = frame
        return frame


def _elements(arguments: list[Any]) -> int:
    sizes = [argument.size for argument in arguments if isinstance(argument, np.ndarray)]
    return max(sizes, default=0)
