"""The `.dvmb` container: a program as bytes that an engine in any language can execute, and the strict way back.

Little-endian throughout. A header, a table of sections, and the sections in the order of their numbers, each an array
of records of one size; `docs/bytecode.md` draws them. Where a record has several of another kind (a kernel its axes),
it holds their count, and takes that many of the other section's records, from where the record before it stopped.

There is one way to write a program, and no other is read: `to_bytes(from_bytes(data)) == data`. The checksum finds
damage, nothing relies on it. Reading never allocates more than a multiple of the bytes that are there.
"""

import struct
import zlib

from vm.container_format import (
    CONSTANT_ALIGNMENT,
    CONTAINER_VERSION,
    GRAPH_SECTIONS,
    HEADER,
    MAGIC,
    OPERAND_GUARDED,
    OPERAND_WRITES,
    RECORDS,
    TABLE_ENTRY,
    Section,
    aligned,
    alignment_of,
    error_at,
    scalar_bits,
)
from vm.container_reader import Reader
from vm.errors import BytecodeError
from vm.host import AnyProgram, HostInstruction, HostProgram
from vm.isa import ISA_VERSION
from vm.program import Input, Kernel, Program, Tensor
from vm.verification_error import MAX_RANK, VerificationError
from vm.verify import verify
from vm.verify_host import verify_host


def to_bytes(program: AnyProgram) -> bytes:
    """The program as a `.dvmb` file. Nothing is verified here: that is for whoever reads it.

    A scalar of type f32 is rounded to it. Raises BytecodeError where a value has no place in its record, and where the
    graphs of a host program do not share one table of constants.
    """
    strings: dict[bytes, int] = {}
    parts: list[bytes] = []
    constants = (program.signature if isinstance(program, HostProgram) else program).constants
    records = _Writer(strings).records(program)
    records[Section.STRINGS] = [(len(text),) for text in strings]
    records[Section.CONSTANTS] = [(len(constant),) for constant in constants]
    table: list[bytes] = []
    position = HEADER.size + TABLE_ENTRY.size * len(Section)
    for section in Section:
        if section is Section.STRING_BYTES:
            content = b"".join(strings)
        elif section is Section.CONSTANT_BYTES:
            content = b"".join([constant + bytes(-len(constant) % CONSTANT_ALIGNMENT) for constant in constants])
        else:
            content = _pack(section, records[section])
        start = aligned(position, alignment_of(section))
        parts += (bytes(start - position), content)
        table.append(TABLE_ENTRY.pack(section, start, len(content)))
        position = start + len(content)
    body = b"".join((*table, *parts))
    return HEADER.pack(MAGIC, CONTAINER_VERSION, ISA_VERSION, position, zlib.crc32(body), len(Section)) + body


def decode(data: bytes) -> AnyProgram:
    """What a `.dvmb` file holds, parsed and verified.

    Raises BytecodeError, which names the byte offset, for anything but what `to_bytes` writes of a program that
    `verify` or `verify_host` accepts.
    """
    reader = Reader(data)
    program = reader.program()
    try:
        if isinstance(program, HostProgram):
            verify_host(program)
        else:
            verify(program)
    except VerificationError as refusal:
        raise error_at(reader.place(program, refusal), str(refusal)) from None
    return program


def from_bytes(data: bytes) -> Program:
    """The program of a `.dvmb` file without control flow, parsed and verified; raises BytecodeError for any other."""
    program = decode(data)
    if isinstance(program, HostProgram):
        raise BytecodeError(f"the program '{program.name}' has control flow")
    return program


_Record = tuple[int, ...]


def _pack(section: Section, records: list[_Record]) -> bytes:
    pack = RECORDS[section].pack
    try:
        return b"".join([pack(*record) for record in records])
    except struct.error as error:
        raise BytecodeError(f"a value has no place in the section '{section.name.lower()}': {error}") from None


class _Writer:
    """Turns a program into records; `strings` collects the distinct texts in the order of their first use."""

    def __init__(self, strings: dict[bytes, int]) -> None:
        self._strings = strings

    def records(self, program: AnyProgram) -> dict[Section, list[_Record]]:
        # strings are numbered as they are met, so the order of these lines is part of the format
        records: dict[Section, list[_Record]] = {section: [] for section in RECORDS}
        records[Section.PROGRAM].append((self._string(program.name),))
        if isinstance(program, Program):
            self._graph(program, records)
            return records
        for graph in (program.signature, *program.graphs):
            if graph.constants != program.signature.constants:
                raise BytecodeError(f"the graph '{graph.name}' has constants of its own")
            counts = (len(getattr(graph, section.name.lower())) for section in GRAPH_SECTIONS)
            records[Section.GRAPHS].append((self._string(graph.name), *counts))
            self._graph(graph, records)
        self._host(program, records)
        return records

    def _graph(self, program: Program, records: dict[Section, list[_Record]]) -> None:
        stages = [stage for variant in program.variants for stage in variant.stages]
        records[Section.SYMBOLS] += [(self._string(symbol),) for symbol in program.symbols]
        records[Section.DIMS] += [(dim.op, dim.b, dim.a) for dim in program.dims]
        records[Section.TENSORS] += [self._tensor(tensor) for tensor in program.tensors]
        records[Section.INPUTS] += [self._input(parameter) for parameter in program.inputs]
        records[Section.OUTPUTS] += [(tensor,) for tensor in program.outputs]
        records[Section.FACTS] += [(f.kind, f.left, f.right, self._string(f.reason)) for f in program.facts]
        records[Section.VARIANTS] += [(len(variant.conditions), len(variant.stages)) for variant in program.variants]
        records[Section.CONDITIONS] += [
            (c.kind, c.left, c.right) for variant in program.variants for c in variant.conditions
        ]
        records[Section.STAGES] += [(len(stage),) for stage in stages]
        records[Section.STAGE_KERNELS] += [(kernel,) for stage in stages for kernel in stage]
        for kernel in program.kernels:
            self._kernel(kernel, records)

    def _host(self, program: HostProgram, records: dict[Section, list[_Record]]) -> None:
        records[Section.HOST_OUTPUTS] += [
            (self._string(output.name), output.type, len(output.dims), 0, 0, *_filled(output.dims))
            for output in program.outputs
        ]
        records[Section.REGISTERS] += [
            (self._string(register.name), register.type, register.rank, 0, 0) for register in program.registers
        ]
        records[Section.INSTRUCTIONS] += [self._instruction(instruction) for instruction in program.instructions]
        records[Section.ARGUMENTS] += [
            (number,)
            for instruction in program.instructions
            for number in (*instruction.arguments, *instruction.results)
        ]

    def _instruction(self, instruction: HostInstruction) -> _Record:
        head = (instruction.opcode, instruction.d, instruction.a, instruction.b, instruction.immediate)
        return (*head, len(instruction.arguments), len(instruction.results), self._string(instruction.location))

    def _string(self, text: str) -> int:
        # a path that is no UTF-8 reaches Python as lone surrogates
        return self._strings.setdefault(text.encode("utf-8", "backslashreplace"), len(self._strings))

    def _tensor(self, tensor: Tensor) -> _Record:
        rank = len(tensor.dims)
        return (self._string(tensor.name), tensor.type, tensor.storage, rank, 0, tensor.source, *_filled(tensor.dims))

    def _input(self, parameter: Input) -> _Record:
        return (
            parameter.tensor,
            len(parameter.reasons),
            *_filled(tuple(self._string(text) for text in parameter.reasons)),
        )

    def _kernel(self, kernel: Kernel, records: dict[Section, list[_Record]]) -> None:
        head = (self._string(kernel.name), self._string(kernel.origin), kernel.kind, kernel.slots)
        counts = (len(kernel.axes), len(kernel.operands), len(kernel.scalars), len(kernel.words))
        records[Section.KERNELS].append((*head, *counts))
        records[Section.AXES] += [(axis.reduction, axis.extent) for axis in kernel.axes]
        for operand in kernel.operands:
            flags = OPERAND_WRITES * operand.writes | OPERAND_GUARDED * operand.guarded
            records[Section.OPERANDS].append((operand.tensor, flags, operand.free_dim, len(operand.indices), 0))
            records[Section.INDICES] += [(len(index.terms), index.offset) for index in operand.indices]
            records[Section.TERMS] += [term for index in operand.indices for term in index.terms]
        records[Section.SCALARS] += [(scalar.type, scalar.dim, scalar_bits(scalar)) for scalar in kernel.scalars]
        records[Section.WORDS] += [(word,) for word in kernel.words]


def _filled(values: tuple[int, ...]) -> tuple[int, ...]:
    if len(values) > MAX_RANK:
        raise BytecodeError(f"a tensor of {len(values)} dims: {MAX_RANK} at most")
    return (*values, *(0,) * (MAX_RANK - len(values)))
