"""The resident form of a kernel: what it comes to where all of a reduction fits in one tile.

A kernel that uses a row again after reducing it (softmax, a norm) streams the row once for each of its stream passes,
loading and computing again what an earlier pass had: that is right for rows of any length. Where the row fits in the
unified buffer each of those passes has one tile, so they can run back to back as one, in which an instruction that
repeats an earlier one is its result. The same goes for a product of rows that are computed first, such as normed ones, which
streams block after block of both factors otherwise. Bind chooses between the two forms by the extents.
"""

from collections.abc import Iterator
from dataclasses import replace

from vm.isa import LOAD_GUARDED, MATMUL, REDUCE, REDUCE_INIT, STORE, Field
from vm.prepare import Pass, PreparedKernel, Step, Value, store_in_place


def resident_form(prepared: PreparedKernel) -> PreparedKernel | None:
    """The kernel as one pass without repeated instructions; None where there is nothing to gain.

    It has values and slots of its own; a result never takes the slot of a source.
    """
    streams = sum(part.streams for part in prepared.passes)
    steps = [step for part in prepared.passes for step in part.steps]
    if streams < 2 and not prepared.computes_factors:
        return None
    values: list[Value] = []
    renamed: dict[int, int] = {-1: -1}
    merged = _without_repetitions(prepared, steps, values, renamed)
    stores: dict[int, list[int]] = {}
    for step in merged:
        if step.instruction.opcode.format is STORE:
            stores.setdefault(step.sources[0], []).append(step.instruction.b)
    for value, operands in stores.items():
        store_in_place(values[value], operands, prepared.memory_types)
    spans = [0] * len(values)
    for old, new in renamed.items():
        if old >= 0:
            spans[new] = prepared.value_axes[old]
    slots = _assign_slots(merged, values, spans)
    return replace(
        prepared,
        kernel=replace(prepared.kernel, slots=slots),
        values=tuple(values),
        passes=(Pass(False, tuple(merged)),),
        factors=frozenset(renamed[factor] for factor in prepared.factors),
        is_resident=True,
    )


def _without_repetitions(
    prepared: PreparedKernel, steps: list[Step], values: list[Value], renamed: dict[int, int]
) -> list[Step]:
    """The steps with repeated ones left out; fills `values` with what they compute, and `renamed` with their numbers there
    by those in `prepared`.
    """
    known: dict[tuple[int, ...], int] = {}
    merged: list[Step] = []
    laid_over: dict[int, list[int]] = {}
    for step in steps:
        if step.instruction.opcode.format is LOAD_GUARDED:
            laid_over.setdefault(step.result, []).append(step.instruction.a)
    repeated: set[int] = set()
    for step in steps:
        form = step.instruction.opcode.format
        sources = (renamed[step.sources[0]], renamed[step.sources[1]], renamed[step.sources[2]])
        if form in (STORE, REDUCE, MATMUL):
            merged.append(Step(step.instruction, renamed[step.result], sources))
            continue
        if form is LOAD_GUARDED:
            if step.result not in repeated:
                merged.append(Step(step.instruction, renamed[step.result], sources))
            continue
        # a background is what is laid over it, too
        key = (*_identity(step, sources), *laid_over.get(step.result, ()))
        found = known.get(key) if form is not REDUCE_INIT else None
        if found is None:
            found = len(values)
            old = prepared.values[step.result]
            values.append(Value(old.slot, old.type, old.loaded, accumulates=old.accumulates))
            merged.append(Step(step.instruction, found, sources))
            known[key] = found
        else:
            repeated.add(step.result)
        renamed[step.result] = found
    return merged


def _identity(step: Step, sources: tuple[int, int, int]) -> Iterator[int]:
    """What tells an instruction that computes something else: all of its word but the slots, and its sources."""
    instruction = step.instruction
    form = instruction.opcode.format
    yield from (instruction.opcode.number, instruction.type, instruction.aux)
    for kind, field, source in zip(
        (form.a, form.b, form.c), (instruction.a, instruction.b, instruction.c), sources, strict=True
    ):
        is_value = kind is Field.SLOT or (kind is Field.SOURCE and source >= 0)
        yield source if is_value else field


def _assign_slots(steps: list[Step], values: list[Value], spans: list[int]) -> int:
    """Give each value a slot that is free while the value is needed; returns how many there are.

    `spans` tells values apart that span different axes: a slot had better hold some that span the same.
    """
    last_use: dict[int, int] = {}
    for position, step in enumerate(steps):
        for value in (step.result, *step.sources):
            if value >= 0:
                last_use[value] = position
    free: list[int] = []
    held: list[int] = []
    count = 0
    placed: set[int] = set()
    for position, step in enumerate(steps):
        if step.result >= 0 and step.result not in placed and values[step.result].loaded < 0:
            if free:
                slot = next((slot for slot in reversed(free) if held[slot] == spans[step.result]), free[-1])
                free.remove(slot)
                held[slot] = spans[step.result]
            else:
                slot, count = count, count + 1
                held.append(spans[step.result])
            values[step.result].slot = slot
            placed.add(step.result)
        for value in {step.result, *step.sources}:
            if value in placed and last_use[value] == position:
                free.append(values[value].slot)
    return count
