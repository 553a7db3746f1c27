"""The container: what is written is read back, in one way only, and every deviation is refused with its place."""

import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit import programs
from vm.container import from_bytes, to_bytes
from vm.container_format import HEADER, RECORDS, TABLE_ENTRY, Section
from vm.errors import BytecodeError
from vm.isa import ElementType
from vm.program import Dim, DimOp, Program, Scalar

DOCS = Path(__file__).parents[2] / "docs"


def resealed(data: bytes | bytearray) -> bytes:
    """The file with its length and checksum made right again."""
    magic, container, isa, _, _, count = HEADER.unpack_from(data)
    body = bytes(data[HEADER.size :])
    return HEADER.pack(magic, container, isa, len(data), zlib.crc32(body), count) + body


def place(data: bytes | bytearray, section: Section) -> tuple[int, int]:
    """Offset and length of a section."""
    _, offset, length = TABLE_ENTRY.unpack_from(data, HEADER.size + TABLE_ENTRY.size * (section - 1))
    return offset, length


def changed(section: Section, offset: int, value: bytes, program: Program | None = None) -> bytes:
    """A good file with bytes at `offset` of a section overwritten, and the checksum made right again."""
    data = bytearray(to_bytes(program or programs.two_stages()))
    start, _ = place(data, section)
    data[start + offset : start + offset + len(value)] = value
    return resealed(data)


def u32(value: int) -> bytes:
    return struct.pack("<I", value)


@pytest.mark.parametrize("make", programs.ALL, ids=lambda make: make.__name__)
def test_a_program_is_read_back(make: Callable[[], Program]) -> None:
    program = make()
    data = to_bytes(program)
    assert from_bytes(data) == program
    assert to_bytes(from_bytes(data)) == data


def test_constants_lie_on_cache_lines() -> None:
    program = programs.two_stages()
    constants = (*program.constants, b"", bytes(range(65)), b"x")
    data = to_bytes(replace(program, constants=constants))
    offset, length = place(data, Section.CONSTANT_BYTES)
    assert offset % 64 == 0
    assert length == 64 + 0 + 128 + 64
    assert data[offset + 64 : offset + 64 + 65] == bytes(range(65))
    assert from_bytes(data).constants == constants


def test_words_are_aligned_and_stand_as_they_are() -> None:
    program = programs.add()
    data = to_bytes(program)
    offset, length = place(data, Section.WORDS)
    assert offset % 8 == 0
    assert struct.unpack(f"<{length // 8}Q", data[offset : offset + length]) == program.kernels[0].words


def test_strings_are_stored_once_and_may_be_of_any_language() -> None:
    program = replace(programs.add(), name="größe", symbols=("größe", "次元"))
    data = to_bytes(program)
    assert data.count("größe".encode()) == 1
    assert from_bytes(data) == program


def test_a_name_that_is_no_unicode_is_escaped() -> None:
    assert from_bytes(to_bytes(replace(programs.add(), name="\udce9"))).name == "\\udce9"


@pytest.mark.parametrize(
    ("scalar", "stored"),
    [
        (Scalar(ElementType.F32, 0.5), 0.5),
        (Scalar(ElementType.F32, 0.1), 0.10000000149011612),
        (Scalar(ElementType.F32, -0.0), -0.0),
        (Scalar(ElementType.F32, float("inf")), float("inf")),
        (Scalar(ElementType.F32, float("nan")), float("nan")),
        (Scalar(ElementType.F32, 1e-46), 0.0),
        (Scalar(ElementType.I1, True), True),
        (Scalar(ElementType.I32, -(1 << 31)), -(1 << 31)),
        (Scalar(ElementType.I64, (1 << 63) - 1), (1 << 63) - 1),
        (Scalar(ElementType.I64, -(1 << 63)), -(1 << 63)),
    ],
    ids=str,
)
def test_scalars(scalar: Scalar, stored: float) -> None:
    program = programs.add()
    kernel = replace(program.kernels[0], scalars=(scalar,))
    data = to_bytes(replace(program, kernels=(kernel,)))
    read = from_bytes(data).kernels[0].scalars[0]
    assert repr(read.value) == repr(stored)
    assert to_bytes(from_bytes(data)) == data


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: replace(p, dims=(*p.dims, Dim(DimOp.CONSTANT, 1 << 63))), "the section 'dims'"),
        (lambda p: replace(p, outputs=(-1,)), "the section 'outputs'"),
        (lambda p: replace(p, tensors=(replace(p.tensors[0], dims=(0,) * 9),)), "a tensor of 9 dims: 8 at most"),
        (lambda p: with_scalar(p, Scalar(ElementType.F32, 1e39)), r"the scalar 1e\+39 has no place in the file as f32"),
        (lambda p: with_scalar(p, Scalar(ElementType.I64, 1 << 63)), "the scalar 9223372036854775808 has no place"),
        (lambda p: with_scalar(p, Scalar(ElementType.I64, float("inf"))), "the scalar inf has no place"),
    ],
)
def test_what_has_no_place_in_a_file_is_refused(change: Callable[[Program], Program], message: str) -> None:
    with pytest.raises(BytecodeError, match=message):
        to_bytes(change(programs.add()))


def with_scalar(program: Program, scalar: Scalar) -> Program:
    return replace(program, kernels=(replace(program.kernels[0], scalars=(scalar,)),))


@pytest.mark.parametrize("make", programs.ALL, ids=lambda make: make.__name__)
def test_every_truncation_is_refused(make: Callable[[], Program]) -> None:
    data = to_bytes(make())
    for length in range(len(data)):
        with pytest.raises(BytecodeError, match=r"^at byte 0x[0-9a-f]+: "):
            from_bytes(data[:length])
        if length >= HEADER.size:
            with pytest.raises(BytecodeError, match=r"^at byte 0x[0-9a-f]+: "):
                from_bytes(resealed(data[:length]))


def test_every_flipped_bit_is_noticed() -> None:
    data = to_bytes(programs.add())
    for position in range(len(data)):
        damaged = bytearray(data)
        damaged[position] ^= 1 << position % 8
        with pytest.raises(BytecodeError, match=r"^at byte 0x[0-9a-f]+: "):
            from_bytes(bytes(damaged))


def test_whatever_is_accepted_is_written_in_the_same_way() -> None:
    data = to_bytes(programs.two_stages())
    accepted = 0
    for position in range(HEADER.size, len(data)):
        for value in {0, 1, data[position] ^ 2}:
            damaged = bytearray(data)
            damaged[position] = value
            sealed = resealed(damaged)
            try:
                program = from_bytes(sealed)
            except BytecodeError:
                continue
            accepted += 1
            assert to_bytes(program) == sealed
    assert accepted > len(data) // 2  # most bytes are zero, and may stay so


HEADER_FAULTS = [
    (b"DVM", "at byte 0x3: the file ends inside of the header of 24 bytes"),
    (b"", "at byte 0x0: the file ends inside of the header of 24 bytes"),
    (b"\x7fELF" + bytes(100), "at byte 0x0: this is no DVM bytecode"),
    (b"DVMB\x01\x00" + bytes(100), "at byte 0x4: version 1 of the container, this build reads 2"),
    (b"DVMB\x02\x00\x09\x00" + bytes(100), "at byte 0x6: version 9 of the instruction set, this build reads 1"),
    (b"DVMB\x02\x00\x01\x00" + bytes(100), "at byte 0x8: the file should have 0 bytes, it has 108"),
]


@pytest.mark.parametrize(("data", "message"), HEADER_FAULTS, ids=[message for _, message in HEADER_FAULTS])
def test_faults_of_the_header(data: bytes, message: str) -> None:
    with pytest.raises(BytecodeError, match=f"^{re.escape(message)}$"):
        from_bytes(data)


def test_damage_is_named_as_such() -> None:
    data = bytearray(to_bytes(programs.add()))
    data[-1] ^= 0x10
    with pytest.raises(BytecodeError, match=r"^at byte 0x10: the checksum does not match: the file is damaged$"):
        from_bytes(bytes(data))


def test_the_table_of_sections_is_checked() -> None:
    good = to_bytes(programs.add())

    def with_entry(section: Section, **fields: int) -> bytes:
        position = HEADER.size + TABLE_ENTRY.size * (section - 1)
        number, offset, length = TABLE_ENTRY.unpack_from(good, position)
        values = {"number": number, "offset": offset, "length": length} | fields
        entry = TABLE_ENTRY.pack(values["number"], values["offset"], values["length"])
        return resealed(good[:position] + entry + good[position + len(entry) :])

    dims, _ = place(good, Section.DIMS)
    faults = [
        (with_entry(Section.DIMS, number=4), f"at byte 0x48: section 4 at 0x{dims:x}, expected 3 at 0x{dims:x}"),
        (with_entry(Section.DIMS, offset=8), f"at byte 0x48: section 3 at 0x8, expected 3 at 0x{dims:x}"),
        (with_entry(Section.DIMS, length=1 << 63), "at byte 0x48: section 3 ends past the end of the file"),
        (with_entry(Section.STRING_BYTES, length=0), "section 27 at 0x"),
        (resealed(good + bytes(8)), f"at byte 0x{len(good):x}: 8 bytes follow the last section"),
        (resealed(good[:20] + u32(26) + good[24:]), "at byte 0x14: 26 sections in a file of"),
        (resealed(good[: HEADER.size]), "at byte 0x14: 27 sections in a file of 24 bytes, 27 expected"),
    ]
    for data, message in faults:
        with pytest.raises(BytecodeError, match=re.escape(message)):
            from_bytes(data)


def test_padding_between_sections_is_zero() -> None:
    data = bytearray(to_bytes(programs.add()))
    offset, length = place(data, Section.PROGRAM)
    data[offset + length] = 1
    with pytest.raises(BytecodeError, match=f"at byte 0x{offset + length:x}: the 4 bytes of padding are not all zero"):
        from_bytes(resealed(data))


def record(section: Section, number: int) -> int:
    """Offset in its section of a record."""
    return RECORDS[section].size * number


CONTENT_FAULTS = [
    (Section.PROGRAM, 0, u32(1), "section 'program': string 1 where the next new one is 0"),
    (Section.SYMBOLS, 0, u32(900), "section 'symbols': string 900 where the next new one is 1"),
    (Section.DIMS, record(Section.DIMS, 2), u32(8), "section 'dims': there is no DimOp 8"),
    (Section.TENSORS, record(Section.TENSORS, 1) + 4, b"\x06", "section 'tensors': there is no ElementType 6"),
    (Section.TENSORS, 5, b"\x05", "section 'tensors': there is no Storage 5"),
    (Section.TENSORS, 6, b"\x09", "section 'tensors': 9 of 8 fields used, and the others not all zero"),
    (Section.TENSORS, 6, b"\x01", "section 'tensors': 1 of 8 fields used, and the others not all zero"),
    (Section.TENSORS, 7, b"\x01", "section 'tensors': the spare byte is not zero"),
    (Section.INPUTS, 4, u32(0xFFFFFFFF), "section 'inputs': 4294967295 of 8 fields used"),
    (Section.KERNELS, 8, u32(3), "section 'kernels': there is no KernelKind 3"),
    (Section.KERNELS, 16, u32(0xFFFFFFFF), "section 'axes' has 4 of 4294967295 records"),
    (Section.KERNELS, 20, u32(7), "section 'operands' has 6 of 7 records"),
    (Section.KERNELS, 24, u32(2), "section 'scalars' has 1 of 2 records"),
    (Section.KERNELS, 28, u32(99), "section 'words' has 12 of 99 records"),
    (Section.AXES, 0, u32(2), "section 'axes': an axis is parallel (0) or a reduction (1), not 2"),
    (Section.OPERANDS, 4, b"\x04", "section 'operands': unknown flags, or the spare byte is not zero"),
    (Section.OPERANDS, 7, b"\x01", "section 'operands': unknown flags, or the spare byte is not zero"),
    (Section.OPERANDS, 6, b"\xff", "section 'indices' has 8 of 255 records"),
    (Section.INDICES, 0, u32(50), "section 'terms' has 7 of 50 records"),
    (Section.SCALARS, 0, u32(6), "section 'scalars': there is no ElementType 6"),
    (Section.SCALARS, 4, struct.pack("<i", -2), "section 'scalars': 0x3f000000 is no way to write a value of type f32"),
    (Section.SCALARS, 12, b"\x01", "section 'scalars': 0x13f000000 is no way to write a value of type f32"),
    (Section.SCALARS, 8, u32(0x7FA00000), "section 'scalars': 0x7fa00000 is no way to write a value of type f32"),
    (Section.SCALARS, 4, u32(0), "section 'scalars': 0x3f000000 is no way to write a value of type f32"),
    (Section.SCALARS, 0, u32(0), "section 'scalars': 0x3f000000 is no way to write a value of type i1"),
    (Section.STAGES, 0, u32(9), "section 'stage_kernels' has 3 of 9 records"),
    (Section.STAGES, 4, u32(0), "1 records of 'stage_kernels' belong to nothing"),
    (Section.STRINGS, 0, u32(0xFFFFFFFF), "section 'strings': a string of 4294967295 bytes"),
    (Section.STRINGS, 0, u32(0), "bytes belong to no string"),
    (Section.STRING_BYTES, 0, b"\xff", "a string is no valid UTF-8"),
    (Section.CONSTANTS, 0, struct.pack("<Q", 1 << 60), "section 'constants': a constant of 1152921504606846976 bytes"),
    (Section.CONSTANTS, 0, struct.pack("<Q", 0), "64 bytes belong to no constant"),
    (Section.CONSTANTS, 0, struct.pack("<Q", 7), "the 57 bytes of padding are not all zero"),
]


@pytest.mark.parametrize(("section", "offset", "value", "message"), CONTENT_FAULTS)
def test_faults_of_records(section: Section, offset: int, value: bytes, message: str) -> None:
    with pytest.raises(BytecodeError, match=r"^at byte 0x[0-9a-f]+: ") as error:
        from_bytes(changed(section, offset, value))
    assert message in str(error.value)


def test_a_fault_names_the_byte_of_the_record() -> None:
    data = to_bytes(programs.two_stages())
    dims, _ = place(data, Section.DIMS)
    with pytest.raises(BytecodeError, match=f"^at byte 0x{dims + 32:x}: "):
        from_bytes(changed(Section.DIMS, 32, u32(8)))


def test_a_refusal_of_the_verifier_names_the_byte_of_the_record() -> None:
    program = programs.two_stages()
    words, _ = place(to_bytes(program), Section.WORDS)
    # word 2 of the third kernel, after 4 words of each before it
    data = changed(Section.WORDS, record(Section.WORDS, 10), struct.pack("<Q", 0xFF))
    with pytest.raises(BytecodeError, match=f"^at byte 0x{words + 80:x}: kernel 'k2', word 2: unknown opcode 0xff$"):
        from_bytes(data)


def test_two_programs_in_one_file_are_refused() -> None:
    # the program's record is followed by padding, so that it can be made to look like a second one
    data = bytearray(to_bytes(programs.add()))
    entry = HEADER.size + TABLE_ENTRY.size * (Section.PROGRAM - 1)
    _, offset, _ = TABLE_ENTRY.unpack_from(data, entry)
    TABLE_ENTRY.pack_into(data, entry, Section.PROGRAM, offset, 8)
    with pytest.raises(BytecodeError, match=f"at byte 0x{offset:x}: 2 programs in one file"):
        from_bytes(resealed(data))
    TABLE_ENTRY.pack_into(data, entry, Section.PROGRAM, offset, 3)
    with pytest.raises(BytecodeError, match="section 'program' is no whole number of records of 4 bytes"):
        from_bytes(resealed(data))


def test_strings_are_numbered_by_first_use_and_all_used() -> None:
    program = replace(programs.add(), name="aa", symbols=("bb", "cc"))
    data = to_bytes(program)
    with pytest.raises(BytecodeError, match="a string occurs twice"):
        from_bytes(resealed(data.replace(b"bb", b"aa", 1)))
    with pytest.raises(BytecodeError, match=r"string 2 where the next new one is 1"):
        from_bytes(changed(Section.SYMBOLS, 0, u32(2), program))
    # the last new string is the kernel's name
    with pytest.raises(BytecodeError, match=r"string \d+ is not used"):
        from_bytes(changed(Section.KERNELS, 0, u32(0), program))


def test_the_page_on_the_container_has_every_section() -> None:
    text = (DOCS / "bytecode.md").read_text(encoding="utf-8")
    for section in Section:
        size = RECORDS[section].size if section in RECORDS else ""
        assert f"| {section.value} | {section.name.lower()} | {size}{' ' if size else ''}|" in text
