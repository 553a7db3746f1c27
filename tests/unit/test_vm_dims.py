"""The table of dims: values, their limits, and texts."""

import pytest

from vm.dims import MAGNITUDE_LIMIT, TEXT_LIMIT, dim_text, dim_texts, evaluate_dims
from vm.errors import ShapeError
from vm.program import Dim, DimOp, Program

S0, S1, TWO, MINUS_ONE, ZERO = 0, 1, 2, 3, 4
BASE = (
    Dim(DimOp.SYMBOL, 0),
    Dim(DimOp.SYMBOL, 1),
    Dim(DimOp.CONSTANT, 2),
    Dim(DimOp.CONSTANT, -1),
    Dim(DimOp.CONSTANT, 0),
)


def table(*dims: Dim) -> Program:
    return Program("p", ("s0", "s1"), BASE + dims, (), (), (), (), (), (), ())


@pytest.mark.parametrize(
    ("dim", "values", "result", "text"),
    [
        (Dim(DimOp.CONSTANT, 12), (3, 5), 12, "12"),
        (Dim(DimOp.SYMBOL, 1), (3, 5), 5, "s1"),
        (Dim(DimOp.ADD, S0, S1), (3, 5), 8, "s0 + s1"),
        (Dim(DimOp.ADD, S0, MINUS_ONE), (3, 5), 2, "s0 - 1"),
        (Dim(DimOp.SUB, S0, S1), (3, 5), -2, "s0 - s1"),
        (Dim(DimOp.SUB, ZERO, S1), (3, 5), -5, "-s1"),
        (Dim(DimOp.MUL, TWO, S1), (3, 5), 10, "2*s1"),
        (Dim(DimOp.MUL, MINUS_ONE, S1), (3, 5), -5, "-s1"),
        (Dim(DimOp.FLOORDIV, S1, TWO), (3, 5), 2, "s1 floordiv 2"),
        (Dim(DimOp.FLOORDIV, MINUS_ONE, TWO), (3, 5), -1, "(-1) floordiv 2"),
        (Dim(DimOp.CEILDIV, S1, TWO), (3, 5), 3, "s1 ceildiv 2"),
        (Dim(DimOp.CEILDIV, MINUS_ONE, TWO), (3, 5), 0, "(-1) ceildiv 2"),
        (Dim(DimOp.CEILDIV, S0, S1), (0, 5), 0, "s0 ceildiv s1"),
        (Dim(DimOp.BROADCAST, S0, S1), (5, 5), 5, "bcast(s0, s1)"),
        (Dim(DimOp.BROADCAST, S0, S1), (1, 5), 5, "bcast(s0, s1)"),
        (Dim(DimOp.BROADCAST, S0, S1), (0, 1), 0, "bcast(s0, s1)"),
    ],
)
def test_an_entry(dim: Dim, values: tuple[int, ...], result: int, text: str) -> None:
    program = table(dim)
    assert evaluate_dims(program, values) == [*values, 2, -1, 0, result]
    assert dim_text(program, 5) == text


@pytest.mark.parametrize(
    ("dim", "values", "message"),
    [
        (Dim(DimOp.MUL, S0, S1), (1 << 31, 1 << 31), r"^s0\*s1 is 4611686018427387904, which is too large$"),
        (Dim(DimOp.SYMBOL, 0), (MAGNITUDE_LIMIT, 1), r"^s0 is 4611686018427387904, which is too large$"),
        (Dim(DimOp.FLOORDIV, S0, S1), (3, 0), r"^s1 is 0, but s0 floordiv s1 divides by it$"),
        (Dim(DimOp.CEILDIV, S0, MINUS_ONE), (3, 5), r"^-1 is -1, but s0 ceildiv \(-1\) divides by it$"),
        (Dim(DimOp.BROADCAST, S0, S1), (3, 5), "^s0 is 3 and s1 is 5: they must be equal, or one of them 1, to broad"),
    ],
)
def test_values_that_do_not_fit(dim: Dim, values: tuple[int, ...], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        evaluate_dims(table(dim), values)


@pytest.mark.parametrize(
    ("dims", "text"),
    [
        ((Dim(DimOp.ADD, S0, S1), Dim(DimOp.MUL, 5, TWO)), "(s0 + s1)*2"),
        ((Dim(DimOp.ADD, S0, S1), Dim(DimOp.SUB, S0, 5)), "s0 - (s0 + s1)"),
        ((Dim(DimOp.MUL, TWO, S1), Dim(DimOp.ADD, 5, TWO)), "2*s1 + 2"),
        ((Dim(DimOp.MUL, TWO, S1), Dim(DimOp.FLOORDIV, 5, TWO)), "(2*s1) floordiv 2"),
        ((Dim(DimOp.FLOORDIV, S0, TWO), Dim(DimOp.MUL, 5, S1)), "(s0 floordiv 2)*s1"),
        ((Dim(DimOp.FLOORDIV, S0, TWO), Dim(DimOp.SUB, ZERO, 5)), "-(s0 floordiv 2)"),
        ((Dim(DimOp.MUL, MINUS_ONE, S0), Dim(DimOp.ADD, S1, 5)), "s1 - s0"),
        ((Dim(DimOp.MUL, MINUS_ONE, S0), Dim(DimOp.MUL, 5, S1)), "(-s0)*s1"),
    ],
)
def test_parentheses_stand_where_they_are_needed(dims: tuple[Dim, ...], text: str) -> None:
    assert dim_text(table(*dims), 6) == text


def test_no_text_grows_beyond_measure() -> None:
    doubled = (Dim(DimOp.ADD, 5 + n, 5 + n) for n in range(100))
    texts = dim_texts(table(Dim(DimOp.ADD, S0, S1), *doubled))
    assert texts[6] == "s0 + s1 + s0 + s1"
    assert max(map(len, texts)) < 3 * TEXT_LIMIT
    assert "dim" in texts[-1]


def test_a_long_chain_needs_no_stack() -> None:
    program = table(*(Dim(DimOp.SUB, 4 + n, S0) for n in range(20_000)))
    assert evaluate_dims(program, (1, 1))[-1] == -20_000
    assert dim_text(program, 20_004).startswith("dim")
