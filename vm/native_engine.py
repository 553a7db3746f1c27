"""The native engine: runs a launch plan as `vm.engine` does, in C (vm/native), where a tile costs no Python and holds no lock.

What C is handed is what bind made, as tuples: the code of a kernel once, its plan for concrete shapes once for these, and a
launch each time. It agrees with the NumPy engine but for the rounding of functions such as exp, of sums and of products.
"""

import ctypes
from typing import Any, NoReturn

from vm import _native as native
from vm import isa, tiles
from vm.device import Device
from vm.errors import BoundsError, ExecutionError, ShapeError
from vm.isa import ElementType, Field
from vm.plan import KernelPlan, LaunchPlan
from vm.prepare import Pass, PreparedKernel, Step
from vm.recording import Event, Recording

Reference = tuple[int, int]
"""What a step reads or writes: (kind, number)."""

VALUE, OPERAND, SCALAR = range(3)
"""The kinds, numbered as in vm/native/kernel.h."""

INSTRUCTION_SETS = native.instruction_sets()
"""Those that this CPU has, the best last."""

instruction_set = INSTRUCTION_SETS[-1]
"""The one whose tile functions and products kernels are made with."""

_NATIVE = "native"
"""The key of what C made of a kernel or a plan, where these keep what engines made of them."""

ITEM_KINDS = ("tile", "chunk", "combine")
"""What a work item is, numbered as in vm/native/module.c."""

INDEX_OUT_OF_RANGE = 1
"""The number of that misfit in vm/native/tile.h."""


def run(plan: LaunchPlan, buffers: list[Any], device: Device, recording: Recording | None = None) -> None:
    """Run all stages. `buffers` has an array for every tensor that owns memory (the workspace's byte array for those).

    Raises ExecutionError where data does not fit (an index out of range).
    """
    made = plan.made.get(_NATIVE)
    if made is None:
        made = plan.made[_NATIVE] = _plan(plan)
    cores = 1 if recording is not None and recording.one_core else device.cores
    found = native.run(made, buffers, cores, recording is not None)
    if found is None:
        return
    kernels = [kernel for stage in plan.stages for kernel in stage]
    if isinstance(found, tuple):
        _raise(kernels, *found)
    assert recording is not None
    for number, mnemonic, kind, thread, item, elements, start, seconds in found:
        name = kernels[number].prepared.kernel.name
        if mnemonic is not None:
            event = Event(mnemonic, "instruction", thread, start, seconds, {"elements": elements})
        else:
            event = Event(f"{name} {ITEM_KINDS[kind]} {item}", "item", thread, start, seconds, {"kernel": name})
        recording.events.append(event)


def share_threads(library: ctypes.CDLL | None) -> None:
    """Run launches of this process for several cores on the threads of libgomp, where there is one: they wait awake for a while after each
    of their parallel regions, and threads of DVM's own would share the CPUs with them.
    """
    parallel = getattr(library, "GOMP_parallel", None)
    address = None if parallel is None else ctypes.cast(parallel, ctypes.c_void_p).value
    native.use_openmp(address or 0)


def _raise(kernels: list[KernelPlan], kind: int, number: int, culprit: int, previous: int, limit: int) -> NoReturn:
    """Raise the error of data that do not fit."""
    kernel = kernels[number].prepared.kernel
    if kind == INDEX_OUT_OF_RANGE:
        raise BoundsError(f"index {culprit} is out of range for a dim of {limit}: {kernel.origin or kernel.name}")
    raise ExecutionError(f"group ends must not descend nor pass {limit}, but {culprit} follows {previous}")


def _plan(plan: LaunchPlan) -> Any:
    kernels = tuple([_kernel(kernel) for stage in plan.stages for kernel in stage])
    sizes = tuple([len(stage) for stage in plan.stages])
    wide = tuple([number in plan.wide_stages for number in range(len(plan.stages))])
    return native.make_plan(kernels, sizes, wide)


def _kernel(plan: KernelPlan) -> Any:
    made = plan.made.get(_NATIVE)
    if made is None:
        if plan.work >= 1 << 63:  # of inputs that repeat their elements
            raise ShapeError(f"kernel '{plan.prepared.kernel.name}' would have {plan.domain.points} points")
        tiling = plan.tiling
        made = plan.made[_NATIVE] = native.make_kernel(
            _code(plan.prepared),
            plan.domain,
            plan.views,
            plan.masks,
            plan.homes,
            tiling.tile,
            tiling.chunks,
            tiling.slot_offsets,
            tiling.unified_buffer_bytes,
            plan.scalars,
            plan.counts,
            plan.work,
        )
    return made


def _code(prepared: PreparedKernel) -> Any:
    made = prepared.made.get(_NATIVE)
    if made is None:
        made = prepared.made[_NATIVE] = native.make_code(
            INSTRUCTION_SETS.index(instruction_set),
            tuple([(int(value.type), value.slot) for value in prepared.values]),
            tuple([int(memory_type) for memory_type in prepared.memory_types]),
            tuple([int(scalar.type) for scalar in prepared.kernel.scalars]),
            tuple([(part.streams, _steps(prepared, part)) for part in prepared.passes]),
        )
    return made


_KINDS = {
    isa.LOAD: "map",
    isa.LOAD_GUARDED: "guarded",
    isa.GATHER: "gather",
    isa.STORE: "map",
    isa.FILL: "map",
    isa.IOTA: "iota",
    isa.UNARY: "map",
    isa.BINARY: "map",
    isa.SELECT: "map",
    isa.CAST: "map",
    isa.REDUCE_INIT: "initial",
    isa.REDUCE: "accumulate",
    isa.MATMUL: "product",
    isa.GROUPED_MATMUL: "grouped",
    isa.GROUPED_MATMUL_K: "grouped_k",
}
"""By instruction format what C runs: `map` is a tile function on all elements of the result."""


def _steps(prepared: PreparedKernel, part: Pass) -> tuple[Any, ...]:
    """The steps of a pass, but for loads whose users read the tensor."""
    return tuple(
        [
            _step(prepared, step)
            for step in part.steps
            if step.instruction.opcode.format is not isa.LOAD or prepared.values[step.result].loaded < 0
        ]
    )


def _step(prepared: PreparedKernel, step: Step) -> tuple[Any, ...]:
    """What C reads of a step: kind, mnemonic, tile function, type, axis, result, sources."""
    instruction = step.instruction
    form = instruction.opcode.format
    sources = _sources(step)
    result = (OPERAND, instruction.b) if form is isa.STORE else (VALUE, step.result)
    mnemonic = instruction.opcode.mnemonic
    if form is isa.REDUCE_INIT:
        mnemonic = f"r{isa.ReduceKind(instruction.aux).name.lower()}"
    axis = instruction.a if form is isa.IOTA else -1
    function = _function(prepared, step, result, sources)
    return _KINDS[form], mnemonic, function, int(instruction.type), axis, result, sources


def _sources(step: Step) -> tuple[Reference, ...]:
    """All that an instruction reads, in the order of its fields; a store's target is no source."""
    instruction = step.instruction
    form = instruction.opcode.format
    found: list[Reference] = []
    fields = ((form.a, instruction.a), (form.b, instruction.b), (form.c, instruction.c))
    for position, (kind, field) in enumerate(fields):
        if step.sources[position] >= 0:
            found.append((VALUE, step.sources[position]))
        elif kind is Field.SOURCE:
            found.append((SCALAR, field))
        elif kind is Field.OPERAND and form is not isa.STORE:
            found.append((OPERAND, field))
    return tuple(found)


def _function(
    prepared: PreparedKernel, step: Step, result: Reference, sources: tuple[Reference, ...]
) -> tuple[Any, ...] | None:
    """The tile function of a step: its kind and what that takes; None where the step has one of its own."""
    instruction = step.instruction
    form, mnemonic = instruction.opcode.format, instruction.opcode.mnemonic
    if form is isa.CAST and (target := ElementType(instruction.aux)).compute is not target:
        return ("rounding", _type(prepared, sources[0]), int(target))
    if form in (isa.LOAD, isa.LOAD_GUARDED, isa.GATHER, isa.STORE, isa.FILL, isa.CAST):
        return ("conversion", _type(prepared, sources[0]), _type(prepared, result))
    if form is isa.BINARY and mnemonic == "pow" and not instruction.type.is_integer and instruction.is_scalar(1):
        exponent = prepared.kernel.scalars[instruction.b]
        if exponent.dim < 0 and float(exponent.value) in tiles.POWERS:
            return ("power", float(exponent.value))
    if form in (isa.UNARY, isa.BINARY, isa.SELECT):
        return ("elementwise", mnemonic, int(instruction.type))
    if form is isa.REDUCE:
        return ("accumulate", mnemonic, int(instruction.type))
    return None


def _type(prepared: PreparedKernel, reference: Reference) -> int:
    """The element type of what a step reads or writes."""
    kind, number = reference
    if kind == VALUE:
        return int(prepared.values[number].type)
    return int(prepared.memory_types[number] if kind == OPERAND else prepared.kernel.scalars[number].type)
