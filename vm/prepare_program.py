"""What can be known of a program before its shapes are: which dims define its symbols, who owns the memory of each tensor,
and the prepared forms of its kernels.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from vm.aliasing import overwritable
from vm.prepare import PreparedKernel, prepare
from vm.program import DimOp, Program, Storage
from vm.resident import resident_form
from vm.workspace import Placements, lifetimes


@dataclass(frozen=True)
class PreparedProgram:
    """A verified program with all that can be known before shapes are."""

    program: Program
    kernels: tuple[PreparedKernel, ...]
    resident: tuple[PreparedKernel | None, ...]
    """The resident form of each kernel that has one."""
    symbol_sources: tuple[tuple[int, int], ...]
    """For each symbol the input and the dim that define it."""
    viewed_inputs: frozenset[int]
    """The inputs (by number) that other tensors view, which must therefore be contiguous."""

    @cached_property
    def input_dims(self) -> tuple[tuple[int, ...], ...]:
        """The dims of each input, as entries of the table."""
        return tuple(self.program.tensors[parameter.tensor].dims for parameter in self.program.inputs)

    @cached_property
    def input_ranks(self) -> tuple[int, ...]:
        return tuple(map(len, self.input_dims))

    @cached_property
    def roots(self) -> tuple[int, ...]:
        """For each tensor the one that owns its memory."""
        roots: list[int] = []
        for number, tensor in enumerate(self.program.tensors):
            roots.append(roots[tensor.source] if tensor.storage is Storage.VIEW else number)
        return tuple(roots)

    @cached_property
    def tensor_forms(self) -> tuple[tuple[tuple[int, ...], int], ...]:
        """The dims and the bytes of an element of the tensors, each pair once: many tensors share it."""
        return tuple(dict.fromkeys((tensor.dims, tensor.type.bytes) for tensor in self.program.tensors))

    @cached_property
    def form_of(self) -> tuple[int, ...]:
        """For each tensor its position in `tensor_forms`."""
        positions = {form: position for position, form in enumerate(self.tensor_forms)}
        return tuple(positions[tensor.dims, tensor.type.bytes] for tensor in self.program.tensors)

    @cached_property
    def views(self) -> dict[tuple[int, int], int]:
        """The forms of tensors that view another and of what they view, each pair once, with the first such tensor."""
        found: dict[tuple[int, int], int] = {}
        for number, tensor in enumerate(self.program.tensors):
            if tensor.storage is Storage.VIEW:
                found.setdefault((self.form_of[number], self.form_of[self.roots[number]]), number)
        return found

    @cached_property
    def placements(self) -> tuple[Placements, ...]:
        """Of the workspace's tensors, by variant."""
        pairs = [
            tuple(overwritable(self.program, self.roots, (kernel,) if resident is None else (kernel, resident)))
            for kernel, resident in zip(self.kernels, self.resident, strict=True)
        ]
        return tuple(
            Placements(lifetimes(self.program, variant, self.roots, pairs)) for variant in self.program.variants
        )

    @cached_property
    def models(self) -> tuple[int, ...]:
        """For each kernel the first that does the same to tensors of the same dims, as the kernels of the layers of a model do."""
        first: dict[Any, int] = {}
        found: list[int] = []
        for number, kernel in enumerate(self.program.kernels):
            tensors: dict[int, int] = {}
            operands = [
                (
                    tensors.setdefault(operand.tensor, len(tensors)),
                    self.program.tensors[operand.tensor].dims,
                    self.program.tensors[operand.tensor].type,
                    replace(operand, tensor=0),
                )
                for operand in kernel.operands
            ]
            # -0.0 equals 0.0, and True 1
            scalars = [(scalar.type, repr(scalar.value), scalar.dim) for scalar in kernel.scalars]
            key = (kernel.kind, kernel.axes, tuple(operands), tuple(scalars), kernel.slots, kernel.words)
            found.append(first.setdefault(key, number))
        return tuple(found)

    @cached_property
    def last(self) -> dict[Any, Any]:
        """A place for what bind made last (`vm.bind`)."""
        return {}

    @cached_property
    def kernel_dims(self) -> tuple[frozenset[int], ...]:
        """For each kernel the entries of the table of dims that bind reads for it."""
        return tuple(frozenset(dims) for dims in self.read_dims)

    @cached_property
    def read_dims(self) -> tuple[tuple[int, ...], ...]:
        """The same in order, each once."""
        found: list[tuple[int, ...]] = []
        for kernel in self.program.kernels:
            dims = [axis.extent for axis in kernel.axes] + [scalar.dim for scalar in kernel.scalars if scalar.dim >= 0]
            for operand in kernel.operands:
                dims += self.program.tensors[operand.tensor].dims
                for index in operand.indices:
                    dims += [index.offset, *[coefficient for _, coefficient in index.terms]]
            found.append(tuple(dict.fromkeys(dims)))
        return tuple(found)


def prepare_program(program: Program) -> PreparedProgram:
    """Prepare a verified program."""
    sources: dict[int, tuple[int, int]] = {}
    viewed: set[int] = set()
    for number, parameter in enumerate(program.inputs):
        for position, dim in enumerate(program.tensors[parameter.tensor].dims):
            entry = program.dims[dim]
            if entry.op is DimOp.SYMBOL:
                sources.setdefault(entry.a, (number, position))
    input_numbers = {parameter.tensor: number for number, parameter in enumerate(program.inputs)}
    for tensor in program.tensors:
        if tensor.storage is Storage.VIEW and tensor.source in input_numbers:
            viewed.add(input_numbers[tensor.source])
    kernels = tuple(prepare(program, kernel) for kernel in program.kernels)
    return PreparedProgram(
        program,
        kernels,
        tuple(resident_form(kernel) for kernel in kernels),
        tuple(sources[symbol] for symbol in range(len(program.symbols))),
        frozenset(viewed),
    )
