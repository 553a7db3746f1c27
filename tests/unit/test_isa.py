"""The instruction set: words encode and decode, the table is consistent, and the page on it is current."""

from itertools import pairwise
from pathlib import Path

import pytest

from vm.isa import (
    BINARY_BY_GRAPH_NAME,
    BY_MNEMONIC,
    BY_NUMBER,
    CAST,
    FIELD_LIMIT,
    OPCODES,
    REDUCE_BY_GRAPH_NAME,
    UNARY_BY_GRAPH_NAME,
    ElementType,
    Field,
    Instruction,
    Opcode,
    decode,
    encode,
)
from vm.isa_table import page

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("opcode", OPCODES, ids=lambda opcode: opcode.mnemonic)
def test_words_decode_to_what_was_encoded(opcode: Opcode) -> None:
    for element in opcode.types:
        for fields in ((0, 0, 0, 0, 0), (15, 1, 2, 3, 4), (15, *(FIELD_LIMIT - 1,) * 4)):
            instruction = Instruction(opcode, element, *fields)
            word = encode(instruction)
            assert 0 <= word < 1 << 64
            assert decode(word) == instruction


def test_each_field_has_its_own_bits() -> None:
    add = BY_MNEMONIC["add"]
    assert encode(Instruction(add, ElementType.F32)) == 0x336
    assert encode(Instruction(add, ElementType.F32, aux=2)) == 0x2336
    assert encode(Instruction(add, ElementType.F32, d=1)) == 0x10336
    assert encode(Instruction(add, ElementType.F32, a=1)) == 0x10000336
    assert encode(Instruction(add, ElementType.F32, b=1)) == 0x10000000336
    assert encode(Instruction(add, ElementType.F32, c=1)) == 0x10000000000336


@pytest.mark.parametrize("field", ["d", "a", "b", "c"])
@pytest.mark.parametrize("value", [-1, FIELD_LIMIT])
def test_a_field_that_does_not_fit_is_refused(field: str, value: int) -> None:
    with pytest.raises(ValueError, match="a field of 'add' does not fit its word"):
        encode(Instruction(BY_MNEMONIC["add"], ElementType.F32, **{field: value}))


def test_aux_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="a field of 'add' does not fit its word"):
        encode(Instruction(BY_MNEMONIC["add"], ElementType.F32, aux=16))


def test_unknown_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown opcode 0xff"):
        decode(0xFF)
    with pytest.raises(ValueError, match="unknown element type 6 in 'add'"):
        decode(0x636)


def test_numbers_and_names_are_unique() -> None:
    assert len(BY_NUMBER) == len(BY_MNEMONIC) == len(OPCODES)
    formats = {opcode.format for opcode in OPCODES}
    assert len({form.number for form in formats}) == len({form.name for form in formats}) == len(formats)
    assert all(first.number < second.number for first, second in pairwise(OPCODES))


def test_the_graph_operations_of_the_design_are_there() -> None:
    unary = "Sqrt Abs Log Exp Reciprocal IsFinite LogicalNot Round Floor Ceil Trunc Neg Rsqrt Tanh Erf Sigmoid Sin Cos"
    binary = (
        "Equal NotEqual Greater GreaterEqual Less LessEqual Add Sub Mul Div Pow Maximum Minimum LogicalAnd LogicalOr"
    )
    assert sorted(UNARY_BY_GRAPH_NAME) == sorted(unary.split())
    assert sorted(BINARY_BY_GRAPH_NAME) == sorted(binary.split())
    assert sorted(REDUCE_BY_GRAPH_NAME) == ["Max", "Min", "Prod", "Sum"]


@pytest.mark.parametrize("opcode", OPCODES, ids=lambda opcode: opcode.mnemonic)
def test_a_meaning_speaks_of_the_fields_that_the_format_has(opcode: Opcode) -> None:
    texts = {Field.SLOT: "UB[{}]", Field.SOURCE: "RK[{}]", Field.OPERAND: "G[{}]", Field.AXIS: "axis[{}]"}
    for name, field in opcode.format.fields:
        if field in texts:
            assert texts[field].format(name) in opcode.meaning


def test_the_result_of_a_cast_is_the_compute_type_of_aux() -> None:
    for element in ElementType:
        assert Instruction(BY_MNEMONIC["cast"], ElementType.F32, aux=element).result_type is element.compute
    assert BY_MNEMONIC["cast"].format is CAST
    assert Instruction(BY_MNEMONIC["lt"], ElementType.I64).result_type is ElementType.I1
    assert Instruction(BY_MNEMONIC["load"], ElementType.BF16).result_type is ElementType.F32


def test_the_page_on_the_instruction_set_is_current() -> None:
    assert (DOCS / "isa.md").read_text(encoding="utf-8") == page(), "run: python -m vm.isa_table > docs/isa.md"
