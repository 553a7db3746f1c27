"""Which kernel results may be written over an input that dies there: the softmax of the scores over the scores.

An output may take the memory of an input if both have the same dims, type and access map, so that each tile reads just the elements
that it writes, and if no tile reads the input once it has begun to write the output. An output counts as written where its value is
computed, since it may be computed straight into the tensor, and an input as read at every use, since it may be read in place.
"""

from collections.abc import Iterator

from vm.isa import BINARY, CAST, LOAD, SELECT, STORE, UNARY
from vm.prepare import PreparedKernel
from vm.program import Operand, Program, Storage

_ELEMENTWISE = (UNARY, BINARY, SELECT, CAST, LOAD, STORE)
"""Formats whose tile functions may write an element once they have read it."""


def overwritable(
    program: Program, roots: tuple[int, ...], forms: tuple[PreparedKernel, ...]
) -> Iterator[tuple[int, int]]:
    """Pairs of tensors, (input, output), the first of the workspace: a kernel may write the output over the input.

    `forms` are the forms of the kernel, of which any may run; `roots` has the tensor that owns the memory of each.
    """
    operands = forms[0].kernel.operands
    if any(form.can_split for form in forms):
        return
    readings = [roots[operand.tensor] for operand in operands if not operand.writes]
    for written, output in enumerate(operands):
        if not output.writes or program.tensors[output.tensor].storage not in (Storage.WORKSPACE, Storage.OUTPUT):
            continue
        for read, operand in enumerate(operands):
            root = roots[operand.tensor]
            if operand.writes or program.tensors[root].storage is not Storage.WORKSPACE or readings.count(root) > 1:
                continue
            if _coincide(program, operand, output) and all(_reads_first(form, read, written) for form in forms):
                yield root, output.tensor


def _coincide(program: Program, a: Operand, b: Operand) -> bool:
    """Whether each point of the domain reads of one tensor what it writes of the other."""
    first, second = program.tensors[a.tensor], program.tensors[b.tensor]
    plain = not a.guarded and a.free_dim < 0
    return plain and a.indices == b.indices and (first.dims, first.type) == (second.dims, second.type)


def _reads_first(form: PreparedKernel, read: int, written: int) -> bool:
    """Whether a tile is done with one operand when it begins to write another."""
    steps = [
        ((number, position), step)
        for number, part in enumerate(form.passes)
        for position, step in enumerate(part.steps)
    ]
    loaded = {step.result for _, step in steps if step.instruction.opcode.format is LOAD and step.instruction.a == read}
    stored = {
        step.sources[0]
        for _, step in steps
        if step.instruction.opcode.format is STORE and step.instruction.b == written
    }
    if any(form.values[value].accumulates for value in stored):
        return False
    reading = [place for place, step in steps if not loaded.isdisjoint((step.result, *step.sources))]
    last = max(reading, default=(-1, -1))
    first, step = min(
        (place, step) for place, step in steps if step.result in stored or not stored.isdisjoint(step.sources)
    )
    return last < first or (last == first and step.instruction.opcode.format in _ELEMENTWISE)
