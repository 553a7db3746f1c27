"""The strict reader of the `.dvmb` container: bytes to a program that is well-formed but not yet verified."""

import zlib
from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import TypeVar

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
    scalar_value,
)
from vm.errors import BytecodeError
from vm.host import AnyProgram, HostInstruction, HostOpcode, HostOutput, HostProgram, Register
from vm.isa import ISA_VERSION, ElementType
from vm.program import (
    Axis,
    Condition,
    Dim,
    DimOp,
    Fact,
    FactKind,
    Index,
    Input,
    Kernel,
    KernelKind,
    Operand,
    Program,
    Scalar,
    Storage,
    Tensor,
    Variant,
)
from vm.verification_error import MAX_RANK, VerificationError

# records unpack to tuples of integers, which `struct` has no types for
_Record = tuple[int, ...]


def _sections(data: bytes) -> dict[Section, tuple[int, int]]:
    """Offset and length of each section, after checking all that lies around them."""
    if len(data) < HEADER.size:
        raise error_at(len(data), f"the file ends inside of the header of {HEADER.size} bytes")
    magic, container, isa, length, checksum, count = HEADER.unpack_from(data)
    if magic != MAGIC:
        raise error_at(0, "this is no DVM bytecode")
    if container != CONTAINER_VERSION:
        raise error_at(4, f"version {container} of the container, this build reads {CONTAINER_VERSION}")
    if isa != ISA_VERSION:
        raise error_at(6, f"version {isa} of the instruction set, this build reads {ISA_VERSION}")
    if length != len(data):
        raise error_at(8, f"the file should have {length} bytes, it has {len(data)}")
    if checksum != zlib.crc32(memoryview(data)[HEADER.size :]):
        raise error_at(16, "the checksum does not match: the file is damaged")
    position = HEADER.size + TABLE_ENTRY.size * len(Section)
    if count != len(Section) or length < position:
        raise error_at(20, f"{count} sections in a file of {length} bytes, {len(Section)} expected")
    sections: dict[Section, tuple[int, int]] = {}
    for section in Section:
        entry = HEADER.size + TABLE_ENTRY.size * len(sections)
        number, start, size = TABLE_ENTRY.unpack_from(data, entry)
        expected = aligned(position, alignment_of(section))
        if number != section or start != expected:
            raise error_at(entry, f"section {number} at 0x{start:x}, expected {section.value} at 0x{expected:x}")
        if size > length - start:
            raise error_at(entry, f"section {number} ends past the end of the file")
        _check_zero(data, position, start)
        sections[section] = (start, size)
        position = start + size
    if position != length:
        raise error_at(position, f"{length - position} bytes follow the last section")
    return sections


def _check_zero(data: bytes, start: int, end: int) -> None:
    if data.count(0, start, end) != end - start:
        raise error_at(start, f"the {end - start} bytes of padding are not all zero")


class _Records:
    """The records of one section, handed out in order, each once."""

    def __init__(self, section: Section, data: bytes, offset: int, length: int) -> None:
        self._name = section.name.lower()
        self.offset = offset
        self.size = RECORDS[section].size
        self._taken = 0
        if length % self.size:
            raise error_at(offset, f"section '{self._name}' is no whole number of records of {self.size} bytes")
        self._records: list[_Record] = list(RECORDS[section].iter_unpack(memoryview(data)[offset : offset + length]))

    @property
    def left(self) -> int:
        return len(self._records) - self._taken

    def take(self, count: int) -> Iterator[_Record]:
        """The next `count` records; raises BytecodeError unless there are so many."""
        if count > self.left:
            raise error_at(
                self.offset + self._taken * self.size, f"section '{self._name}' has {self.left} of {count} records"
            )
        for record in self._records[self._taken : self._taken + count]:
            self._taken += 1
            yield record

    def rest(self) -> Iterator[_Record]:
        return self.take(self.left)

    def finish(self) -> None:
        if self.left:
            raise error_at(
                self.offset + self._taken * self.size, f"{self.left} records of '{self._name}' belong to nothing"
            )

    def error(self, message: str) -> BytecodeError:
        """The error that `message` is of the record taken last."""
        return error_at(self.offset + (self._taken - 1) * self.size, f"section '{self._name}': {message}")


_Enumeration = TypeVar("_Enumeration", bound=IntEnum)


def _member(table: _Records, kind: type[_Enumeration], value: int) -> _Enumeration:
    try:
        return kind(value)
    except ValueError:
        raise table.error(f"there is no {kind.__name__} {value}") from None


def _filled_part(table: _Records, values: Sequence[int], count: int) -> Sequence[int]:
    """What `_filled` filled up: the first `count` values, all others being zero."""
    if count > MAX_RANK or any(values[count:]):
        raise table.error(f"{count} of {MAX_RANK} fields used, and the others not all zero")
    return values[:count]


class Reader:
    """Turns records into a program, checking what would have no place in one or could be written in two ways."""

    def __init__(self, data: bytes) -> None:
        sections = _sections(data)
        self._tables = {section: _Records(section, data, *sections[section]) for section in RECORDS}
        self._strings = self._read_strings(data, *sections[Section.STRING_BYTES])
        self._strings_used = 0
        self._constants = self._read_constants(data, *sections[Section.CONSTANT_BYTES])

    def program(self) -> AnyProgram:
        tables = self._tables
        names = [self._string(tables[Section.PROGRAM], name) for (name,) in tables[Section.PROGRAM].rest()]
        if len(names) != 1:
            raise error_at(tables[Section.PROGRAM].offset, f"{len(names)} programs in one file")
        if tables[Section.GRAPHS].left:
            program = self._host_program(names[0])
        else:
            program = self._graph(names[0], [tables[section].left for section in GRAPH_SECTIONS])
        for table in tables.values():
            table.finish()
        if self._strings_used != len(self._strings):
            raise error_at(tables[Section.STRINGS].offset, f"string {self._strings_used} is not used")
        return program

    def _host_program(self, name: str) -> HostProgram:
        tables = self._tables
        graphs = [
            self._graph(self._string(tables[Section.GRAPHS], graph), counts)
            for graph, *counts in tables[Section.GRAPHS].rest()
        ]
        # the arguments are evaluated in the order of writing, which `_string` relies on, here and in `_graph`
        return HostProgram(
            name=name,
            signature=graphs[0],
            graphs=tuple(graphs[1:]),
            outputs=self._host_outputs(tables[Section.HOST_OUTPUTS]),
            registers=self._registers(tables[Section.REGISTERS]),
            instructions=self._instructions(tables[Section.INSTRUCTIONS]),
        )

    def _graph(self, name: str, counts: Sequence[int]) -> Program:
        """The program that is made of so many of the next records of each of `GRAPH_SECTIONS`."""
        own = {section: (self._tables[section], count) for section, count in zip(GRAPH_SECTIONS, counts, strict=True)}
        symbols, symbol_count = own[Section.SYMBOLS]
        outputs, output_count = own[Section.OUTPUTS]
        return Program(
            name=name,
            symbols=tuple(self._string(symbols, symbol) for (symbol,) in symbols.take(symbol_count)),
            dims=self._dims(*own[Section.DIMS]),
            tensors=self._tensors(*own[Section.TENSORS]),
            inputs=self._inputs(*own[Section.INPUTS]),
            outputs=tuple(tensor for (tensor,) in outputs.take(output_count)),
            constants=self._constants,
            facts=self._facts(*own[Section.FACTS]),
            kernels=self._kernels(*own[Section.KERNELS]),
            variants=self._variants(*own[Section.VARIANTS]),
        )

    def place(self, program: AnyProgram, refusal: VerificationError) -> int:
        """The offset of the record that verification refused."""
        table = self._tables[Section[refusal.table.upper()]]
        graphs = (program.signature, *program.graphs) if isinstance(program, HostProgram) else (program,)
        number = refusal.number + sum(_records_of(graph, refusal.table) for graph in graphs[: refusal.graph])
        if refusal.kernel >= 0:
            kernels = graphs[refusal.graph].kernels
            number += sum(len(getattr(kernel, refusal.table)) for kernel in kernels[: refusal.kernel])
        return table.offset + number * table.size

    def _read_strings(self, data: bytes, offset: int, length: int) -> list[str]:
        table = self._tables[Section.STRINGS]
        strings: list[str] = []
        position, end = offset, offset + length
        for (size,) in table.rest():
            if size > end - position:
                raise table.error(f"a string of {size} bytes, {end - position} left")
            try:
                strings.append(data[position : position + size].decode("utf-8"))
            except UnicodeDecodeError as error:
                raise error_at(position + error.start, "a string is no valid UTF-8") from None
            position += size
        if position != end:
            raise error_at(position, f"{end - position} bytes belong to no string")
        if len(set(strings)) != len(strings):
            raise error_at(table.offset, "a string occurs twice")
        return strings

    def _read_constants(self, data: bytes, offset: int, length: int) -> tuple[bytes, ...]:
        table = self._tables[Section.CONSTANTS]
        constants: list[bytes] = []
        position, end = offset, offset + length
        for (size,) in table.rest():
            following = position + aligned(size, CONSTANT_ALIGNMENT)
            if following > end:
                raise table.error(f"a constant of {size} bytes, {end - position} left")
            constants.append(data[position : position + size])
            _check_zero(data, position + size, following)
            position = following
        if position != end:
            raise error_at(position, f"{end - position} bytes belong to no constant")
        return tuple(constants)

    def _string(self, table: _Records, number: int) -> str:
        """String `number`; each new one must be the next, so that there is one way to number them."""
        if number > self._strings_used or number >= len(self._strings):
            raise table.error(f"string {number} where the next new one is {self._strings_used}")
        if number == self._strings_used:
            self._strings_used += 1
        return self._strings[number]

    def _dims(self, table: _Records, count: int) -> tuple[Dim, ...]:
        return tuple(Dim(_member(table, DimOp, op), a, b) for op, b, a in table.take(count))

    def _tensors(self, table: _Records, count: int) -> tuple[Tensor, ...]:
        tensors: list[Tensor] = []
        for name, element, storage, rank, spare, source, *dims in table.take(count):
            if spare:
                raise table.error("the spare byte is not zero")
            tensors.append(
                Tensor(
                    self._string(table, name),
                    _member(table, ElementType, element),
                    tuple(_filled_part(table, dims, rank)),
                    _member(table, Storage, storage),
                    source,
                )
            )
        return tuple(tensors)

    def _inputs(self, table: _Records, count: int) -> tuple[Input, ...]:
        return tuple(
            Input(tensor, tuple(self._string(table, reason) for reason in _filled_part(table, reasons, used)))
            for tensor, used, *reasons in table.take(count)
        )

    def _facts(self, table: _Records, count: int) -> tuple[Fact, ...]:
        return tuple(
            Fact(_member(table, FactKind, kind), left, right, self._string(table, reason))
            for kind, left, right, reason in table.take(count)
        )

    def _variants(self, table: _Records, count: int) -> tuple[Variant, ...]:
        return tuple(
            Variant(self._conditions(self._tables[Section.CONDITIONS], conditions), self._stages(stages))
            for conditions, stages in table.take(count)
        )

    def _conditions(self, table: _Records, count: int) -> tuple[Condition, ...]:
        return tuple(Condition(_member(table, FactKind, kind), left, right) for kind, left, right in table.take(count))

    def _stages(self, count: int) -> tuple[tuple[int, ...], ...]:
        kernels = self._tables[Section.STAGE_KERNELS]
        return tuple(
            tuple(kernel for (kernel,) in kernels.take(length))
            for (length,) in self._tables[Section.STAGES].take(count)
        )

    def _kernels(self, table: _Records, count: int) -> tuple[Kernel, ...]:
        tables = self._tables
        return tuple(
            Kernel(
                name=self._string(table, name),
                origin=self._string(table, origin),
                kind=_member(table, KernelKind, kind),
                slots=slots,
                axes=self._axes(tables[Section.AXES], axes),
                operands=self._operands(tables[Section.OPERANDS], operands),
                scalars=self._scalars(tables[Section.SCALARS], scalars),
                words=tuple(word for (word,) in tables[Section.WORDS].take(words)),
            )
            for name, origin, kind, slots, axes, operands, scalars, words in table.take(count)
        )

    def _axes(self, table: _Records, count: int) -> tuple[Axis, ...]:
        axes: list[Axis] = []
        for reduction, extent in table.take(count):
            if reduction > 1:
                raise table.error(f"an axis is parallel (0) or a reduction (1), not {reduction}")
            axes.append(Axis(bool(reduction), extent))
        return tuple(axes)

    def _operands(self, table: _Records, count: int) -> tuple[Operand, ...]:
        operands: list[Operand] = []
        for tensor, flags, free_dim, rank, spare in table.take(count):
            if spare or flags > OPERAND_WRITES | OPERAND_GUARDED:
                raise table.error("unknown flags, or the spare byte is not zero")
            indices = tuple(
                Index(tuple((axis, factor) for axis, factor in self._tables[Section.TERMS].take(terms)), offset)
                for terms, offset in self._tables[Section.INDICES].take(rank)
            )
            operands.append(
                Operand(tensor, bool(flags & OPERAND_WRITES), indices, bool(flags & OPERAND_GUARDED), free_dim)
            )
        return tuple(operands)

    def _scalars(self, table: _Records, count: int) -> tuple[Scalar, ...]:
        scalars: list[Scalar] = []
        for kind, dim, bits in table.take(count):
            element = _member(table, ElementType, kind)
            scalar = Scalar(element, scalar_value(element, bits), dim)
            if dim < -1 or scalar_bits(scalar) != bits:
                raise table.error(f"0x{bits:x} is no way to write a value of type {element.text}")
            scalars.append(scalar)
        return tuple(scalars)

    def _host_outputs(self, table: _Records) -> tuple[HostOutput, ...]:
        outputs: list[HostOutput] = []
        for name, element, rank, spare, other, *dims in table.rest():
            text = self._host_name(table, name, spare, other)
            outputs.append(
                HostOutput(text, _member(table, ElementType, element), tuple(_filled_part(table, dims, rank)))
            )
        return tuple(outputs)

    def _registers(self, table: _Records) -> tuple[Register, ...]:
        return tuple(
            Register(self._host_name(table, name, spare, other), _member(table, ElementType, element), rank)
            for name, element, rank, spare, other in table.rest()
        )

    def _host_name(self, table: _Records, name: int, spare: int, other: int) -> str:
        if spare or other:
            raise table.error("the spare bytes are not zero")
        return self._string(table, name)

    def _instructions(self, table: _Records) -> tuple[HostInstruction, ...]:
        registers = self._tables[Section.ARGUMENTS]
        return tuple(
            HostInstruction(
                opcode=_member(table, HostOpcode, opcode),
                d=d,
                a=a,
                b=b,
                immediate=immediate,
                arguments=tuple(number for (number,) in registers.take(arguments)),
                results=tuple(number for (number,) in registers.take(results)),
                location=self._string(table, location),
            )
            for opcode, d, a, b, immediate, arguments, results, location in table.rest()
        )


def _records_of(graph: Program, table: str) -> int:
    """How many records a graph has in a section, its own, its kernels' or its variants'."""
    if hasattr(graph, table):
        return len(getattr(graph, table))
    holders = graph.variants if table in ("conditions", "stages") else graph.kernels
    return sum(len(getattr(holder, table)) for holder in holders)
