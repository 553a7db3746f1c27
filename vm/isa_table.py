"""The page on the instruction set, printed from its table: `python -m vm.isa_table > docs/isa.md`."""

import sys
from collections.abc import Iterable, Iterator
from enum import IntEnum

from vm import isa
from vm.isa import CAST, OPCODES, ElementType, Format, Opcode, PassMode, ReduceKind

_TYPE_SETS = (
    ("any", frozenset(ElementType)),
    ("compute", frozenset(element for element in ElementType if element is element.compute)),
    ("number", frozenset({ElementType.F32, ElementType.I32, ElementType.I64})),
)
_AUX_ENUMERATIONS: tuple[type[IntEnum], ...] = (PassMode, ReduceKind)


def page() -> str:
    """The page in Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    title, _, introduction = (isa.__doc__ or "").partition("\n")
    yield "# The instruction set"
    yield ""
    yield title
    yield f"This is its version {isa.ISA_VERSION}, as `python -m vm.isa_table` prints it."
    yield introduction
    yield "## Element types"
    yield ""
    yield from _table(
        ("number", "name", "bytes", "computed in"),
        ((str(e.value), e.text, str(e.bytes), e.compute.text) for e in ElementType),
    )
    yield "## Formats"
    yield ""
    yield "What the fields of a word hold: a slot; a source, which is a slot or a scalar constant; the number of an operand"
    yield "or of a domain axis; the lower 12 and the upper 4 bits of a mask of axes. A format in bold updates `d` in place,"
    yield "so that it reads it as well."
    yield ""
    yield from _table(("number", "format", "d", "a", "b", "c", "aux"), map(_format_row, _formats()))
    for enumeration in _AUX_ENUMERATIONS:
        members = ", ".join(f"{member.value} {member.name.lower()}" for member in enumeration)
        yield f"`{enumeration.__name__}`: {members}."
        yield ""
    yield "## Opcodes"
    yield ""
    named = "; ".join(f"{name}: {_type_names(types)}" for name, types in _TYPE_SETS)
    yield f"The types that the type field may have are given as {named}; or one by one."
    yield "The result has the compute type of the type field where the table does not say otherwise."
    yield ""
    yield from _table(
        ("opcode", "mnemonic", "format", "types", "result", "in the dvm dialect", "meaning"), map(_opcode_row, OPCODES)
    )


def _formats() -> list[Format]:
    return sorted({opcode.format for opcode in OPCODES}, key=lambda form: form.number)


def _format_row(form: Format) -> tuple[str, ...]:
    fields = tuple(field.name.lower().replace("_", " ") if field else "" for field in (form.d, form.a, form.b, form.c))
    name = f"**{form.name}**" if form.ties_d else form.name
    return str(form.number), name, *fields, "scalar bits" if form.aux == "rk" else form.aux


def _opcode_row(opcode: Opcode) -> tuple[str, ...]:
    return (
        f"0x{opcode.number:02x}",
        f"`{opcode.mnemonic}`",
        opcode.format.name,
        next((name for name, types in _TYPE_SETS if types == opcode.types), _type_names(opcode.types)),
        "i1" if opcode.truth else "aux" if opcode.format is CAST else "",
        opcode.graph_name,
        f"`{opcode.meaning}`",
    )


def _type_names(types: Iterable[ElementType]) -> str:
    return " ".join(element.text for element in sorted(types))


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for row in (head, ("---",) * len(head), *rows):
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
    yield ""


if __name__ == "__main__":
    sys.stdout.write(page())
