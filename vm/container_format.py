"""The layout of the `.dvmb` container, for its writer and its reader. `docs/bytecode.md` draws and explains it."""

import math
import struct
from enum import IntEnum

from vm.errors import BytecodeError
from vm.isa import ElementType
from vm.program import Scalar

MAGIC = b"DVMB"
CONTAINER_VERSION = 2

SECTION_ALIGNMENT = 8
CONSTANT_ALIGNMENT = 64
"""Of the section of constants and of each constant in it, so that vector loads may use them where they are."""


class Section(IntEnum):
    """The sections, numbered as in the file and in its order."""

    PROGRAM = 1
    SYMBOLS = 2
    DIMS = 3
    TENSORS = 4
    INPUTS = 5
    OUTPUTS = 6
    FACTS = 7
    KERNELS = 8
    AXES = 9
    OPERANDS = 10
    INDICES = 11
    TERMS = 12
    SCALARS = 13
    WORDS = 14
    VARIANTS = 15
    CONDITIONS = 16
    STAGES = 17
    STAGE_KERNELS = 18
    GRAPHS = 19
    HOST_OUTPUTS = 20
    REGISTERS = 21
    INSTRUCTIONS = 22
    ARGUMENTS = 23
    STRINGS = 24
    CONSTANTS = 25
    STRING_BYTES = 26
    CONSTANT_BYTES = 27


HEADER = struct.Struct("<4sHHQII")
"""Magic, version of the container, version of the ISA, length of the file, checksum, number of sections.

The checksum is the CRC-32 of all that follows the header.
"""

TABLE_ENTRY = struct.Struct("<QQQ")
"""Number, offset in the file and length in bytes of a section."""

RECORDS: dict[Section, struct.Struct] = {
    Section.PROGRAM: struct.Struct("<I"),  # name
    Section.SYMBOLS: struct.Struct("<I"),  # name
    Section.DIMS: struct.Struct("<IIq"),  # operation, b, a
    Section.TENSORS: struct.Struct("<I4BI8I"),  # name; element type, storage, rank, zero; source; dims, then zeros
    Section.INPUTS: struct.Struct("<II8I"),  # tensor, number of reasons; reasons, then zeros
    Section.OUTPUTS: struct.Struct("<I"),  # tensor
    Section.FACTS: struct.Struct("<4I"),  # kind, left, right, reason
    Section.KERNELS: struct.Struct("<8I"),  # name, origin, kind, slots; numbers of axes, operands, scalars, words
    Section.AXES: struct.Struct("<II"),  # whether a reduction, extent
    Section.OPERANDS: struct.Struct("<IBbBB"),  # tensor; flags, free dim, number of indices, zero
    Section.INDICES: struct.Struct("<II"),  # number of terms, offset
    Section.TERMS: struct.Struct("<II"),  # axis, coefficient
    Section.SCALARS: struct.Struct("<IiQ"),  # element type, dim or -1, value
    Section.WORDS: struct.Struct("<Q"),
    Section.VARIANTS: struct.Struct("<II"),  # numbers of conditions, stages
    Section.CONDITIONS: struct.Struct("<3I"),  # kind, left, right
    Section.STAGES: struct.Struct("<I"),  # number of kernels
    Section.STAGE_KERNELS: struct.Struct("<I"),  # kernel
    Section.GRAPHS: struct.Struct("<9I"),  # name; numbers of records: see GRAPH_SECTIONS
    Section.HOST_OUTPUTS: struct.Struct("<I4B8i"),  # name; element type, rank, two zeros; dims or -1, then zeros
    Section.REGISTERS: struct.Struct("<I4B"),  # name; element type, rank, two zeros
    Section.INSTRUCTIONS: struct.Struct(
        "<4Iq3I"
    ),  # opcode, d, a, b; immediate; numbers of arguments, results; location
    Section.ARGUMENTS: struct.Struct("<I"),  # register
    Section.STRINGS: struct.Struct("<I"),  # length in bytes
    Section.CONSTANTS: struct.Struct("<Q"),  # length in bytes
}
"""The record of each section but the two of raw bytes. Names and reasons number the strings."""

GRAPH_SECTIONS = (
    Section.SYMBOLS,
    Section.DIMS,
    Section.TENSORS,
    Section.INPUTS,
    Section.OUTPUTS,
    Section.FACTS,
    Section.KERNELS,
    Section.VARIANTS,
)
"""The sections of which a record of a graph says how many are its own; without graphs all belong to the one program."""

OPERAND_WRITES, OPERAND_GUARDED = 1, 2

_FLOAT = struct.Struct("<f")
_FLOAT_BITS = struct.Struct("<I")
_NAN_BITS = 0x7FC00000
_SIGNED = struct.Struct("<q")
_UNSIGNED = struct.Struct("<Q")


def error_at(offset: int, message: str) -> BytecodeError:
    return BytecodeError(f"at byte 0x{offset:x}: {message}")


def alignment_of(section: Section) -> int:
    return CONSTANT_ALIGNMENT if section is Section.CONSTANT_BYTES else SECTION_ALIGNMENT


def aligned(position: int, alignment: int) -> int:
    """The next multiple of `alignment` that is not below `position`."""
    return -(-position // alignment) * alignment


def scalar_bits(scalar: Scalar) -> int:
    """The value field: an integer in two's complement, the bits of an f32, 0 where the value comes from a dim."""
    if scalar.dim >= 0:
        return 0
    try:
        if scalar.type is not ElementType.F32:
            return _UNSIGNED.unpack(_SIGNED.pack(int(scalar.value)))[0]
        return _NAN_BITS if math.isnan(scalar.value) else _FLOAT_BITS.unpack(_FLOAT.pack(scalar.value))[0]
    except (struct.error, ValueError, OverflowError):
        raise BytecodeError(f"the scalar {scalar.value} has no place in the file as {scalar.type.text}") from None


def scalar_value(element: ElementType, bits: int) -> float | int | bool:
    """The inverse of `scalar_bits`; bits that it would not write give a value for which it writes others."""
    if element is ElementType.F32:
        return _FLOAT.unpack(_FLOAT_BITS.pack(bits & 0xFFFFFFFF))[0]
    if element is ElementType.I1:
        return bool(bits)
    return _SIGNED.unpack(_UNSIGNED.pack(bits))[0]
