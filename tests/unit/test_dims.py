"""Symbolic dims: the canonical form, division, broadcasting, text, bounds."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dvm_dialects.dims import Dim, broadcast, parse_dim, product

S0, S1, S2 = (Dim.symbol(name) for name in ("s0", "s1", "s2"))


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("7", "7"),
        ("s0", "s0"),
        ("s0*4+1", "4*s0 + 1"),
        ("1 + s0 * 4", "4*s0 + 1"),
        ("s1*s0 - s0*s1", "0"),
        ("s10 + s2", "s2 + s10"),
        ("-s0 + 3", "-s0 + 3"),
        ("3 - 2*s0", "-2*s0 + 3"),
        ("(s0 + 1)*(s0 - 1)", "s0*s0 - 1"),
        ("2*(s0 floordiv 3)", "2*(s0 floordiv 3)"),
        ("(s0 floordiv 3)*2", "2*(s0 floordiv 3)"),
        ("s0 floordiv 3 + s0 floordiv 3", "2*(s0 floordiv 3)"),
        ("2*s0 floordiv 3", "(2*s0) floordiv 3"),
        ("-(s0 floordiv 3)", "-(s0 floordiv 3)"),
        ("4*s0 floordiv 2", "2*s0"),
        ("(4*s0 + 3) floordiv 2", "2*s0 + 1"),
        ("(4*s0 + 3) ceildiv 2", "2*s0 + 2"),
        ("(4*s0 + 3) floordiv 8", "s0 floordiv 2"),
        ("(4*s0 + 3) ceildiv 8", "(s0 + 1) ceildiv 2"),
        ("(s0 + 9) floordiv 4", "(s0 + 1) floordiv 4 + 2"),
        ("s0 floordiv 1", "s0"),
        ("s0*s1 floordiv s1", "s0"),
        ("s0 floordiv s1", "s0 floordiv s1"),
        ("7 ceildiv 2", "4"),
        ("bcast(s1, s0)", "bcast(s0, s1)"),
        ("bcast(bcast(s0, s1), s0)", "bcast(s0, s1)"),
        ("bcast(s0, 1)", "s0"),
        ("bcast(s0, 8)", "8"),
        ("2*bcast(s0, s1*2)", "2*bcast(2*s1, s0)"),
        ("bcast(s0, s1) floordiv 2", "bcast(s0, s1) floordiv 2"),
        ("(s0 floordiv 2) floordiv s1", "(s0 floordiv 2) floordiv s1"),
    ],
)
def test_canonical_text_and_back(text: str, canonical: str) -> None:
    dim = parse_dim(text)
    assert str(dim) == canonical
    assert parse_dim(canonical) == dim


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s0 +",
        "s0 s1",
        "bcast",
        "floordiv",
        "4 floordiv 0",
        "s0 floordiv -2",
        "bcast(2, 3)",
        "s0 / 2",
        "(" * 100 + "s0",
    ],
)
def test_a_bad_text_is_named(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a dim: "):
        parse_dim(text)


def test_a_bad_symbol_is_named() -> None:
    with pytest.raises(ValueError, match="'bcast' is not the name of a symbol"):
        Dim.symbol("bcast")


def test_properties() -> None:
    assert Dim.constant(3).value == 3
    assert S0.value is None
    assert S0.is_symbol
    assert not (S0 * 2).is_symbol
    assert parse_dim("2*s0 + bcast(s1, s2) floordiv 3").symbols == {"s0", "s1", "s2"}
    assert product([S0, Dim.constant(4), S1]) == parse_dim("4*s0*s1")
    assert product([]).value == 1
    assert (S0 - S0).value == 0
    assert S0 != "s0"


def test_substitute() -> None:
    dim = parse_dim("2*s0 + bcast(s0, s1)")
    assert dim.substitute({"s1": S0}) == parse_dim("3*s0")
    assert dim.substitute({"s0": Dim.constant(1)}) == parse_dim("s1 + 2")
    assert dim.substitute({"s9": S0}) is dim
    with pytest.raises(ValueError, match="dims 2 and 3 do not broadcast"):
        dim.substitute({"s0": Dim.constant(2), "s1": Dim.constant(3)})


def test_evaluate() -> None:
    assert parse_dim("s0*4 + s1 ceildiv 2").evaluate({"s0": 2, "s1": 3}) == 10
    assert parse_dim("bcast(s0, s1)").evaluate({"s0": 1, "s1": 0}) == 0
    with pytest.raises(KeyError):
        S0.evaluate({})
    with pytest.raises(ValueError, match="'4' cannot be divided by '0'"):
        parse_dim("s0 floordiv s1").evaluate({"s0": 4, "s1": 0})


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("s0", "s0", "s0"),
        ("1", "s0", "s0"),
        ("s0", "1", "s0"),
        ("4", "1", "4"),
        ("0", "1", "0"),
        ("4", "4", "4"),
        ("4", "3", None),
        ("0", "3", None),
        ("4", "s0", "4"),
        ("s0", "0", "0"),
        ("s0", "s1", "bcast(s0, s1)"),
        ("bcast(s0, s1)", "s2", "bcast(s0, s1, s2)"),
        ("bcast(s0, s1)", "bcast(s1, s2)", "bcast(s0, s1, s2)"),
        ("bcast(s0, s1)", "4", "4"),
    ],
)
def test_broadcast(a: str, b: str, expected: str | None) -> None:
    result = broadcast(parse_dim(a), parse_dim(b))
    assert (result and str(result)) == expected


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("5", 5),
        ("-5", -5),
        ("s0", 2),
        ("s1", 0),
        ("3*s0*s0 - 1", 11),
        ("s0 - s1", None),
        ("s0 floordiv 2", 1),
        ("(s0 + 1) ceildiv 2", 2),
        ("s0 ceildiv s1", 1),
        ("s0 floordiv s1", 0),
        ("bcast(s0, s2)", 3),
        ("bcast(s0, s1)", 0),
        ("bcast(s0, s1 - 1)", None),
    ],
)
def test_lower_bound(text: str, bound: int | None) -> None:
    assert parse_dim(text).lower_bound({"s0": 2, "s2": 3}) == bound


@pytest.mark.parametrize(
    ("text", "solutions"),
    [
        ("s0 - s1", ["s0 = s1", "s1 = s0"]),
        ("2*s0 - 8", ["s0 = 4"]),
        ("8 - 2*s0", ["s0 = 4"]),
        ("2*s0 - 7", []),
        ("s0 - 4*s1", ["s0 = 4*s1"]),
        ("s0*s1 - s2", ["s2 = s0*s1"]),
        ("s0*s1 - 4", []),
        ("s0 - s0 floordiv 2 - 1", []),
        ("s0 - s0 floordiv 2 - s1", ["s1 = s0 - (s0 floordiv 2)"]),
        ("0", []),
        ("3", []),
    ],
)
def test_solutions(text: str, solutions: list[str]) -> None:
    assert [f"{symbol} = {dim}" for symbol, dim in parse_dim(text).solutions()] == solutions


def test_is_never_zero() -> None:
    assert parse_dim("2*s0 - 7").is_never_zero()
    assert parse_dim("3").is_never_zero()
    assert not parse_dim("2*s0 - 8").is_never_zero()
    assert not parse_dim("s0 - 7").is_never_zero()


OPERATIONS: dict[str, Callable[[Dim, Dim], Dim]] = {
    "+": Dim.__add__,
    "-": Dim.__sub__,
    "*": Dim.__mul__,
    "floordiv": lambda a, _: a.floordiv(6),
    "ceildiv": lambda a, _: a.ceildiv(4),
}
LEAVES = st.sampled_from(["s0", "s1"]).map(Dim.symbol) | st.integers(-9, 9).map(Dim.constant)


def _combine(inner: st.SearchStrategy[Dim]) -> st.SearchStrategy[Dim]:
    return st.builds(lambda name, a, b: OPERATIONS[name](a, b), st.sampled_from(sorted(OPERATIONS)), inner, inner)


DIMS = st.recursive(LEAVES, _combine, max_leaves=6)


@given(DIMS, DIMS, st.integers(0, 20), st.integers(0, 20))
def test_simplification_keeps_the_value(a: Dim, b: Dim, s0: int, s1: int) -> None:
    values = {"s0": s0, "s1": s1}
    x, y = a.evaluate(values), b.evaluate(values)
    assert (a + b).evaluate(values) == x + y
    assert (a - b).evaluate(values) == x - y
    assert (a * b).evaluate(values) == x * y
    assert a.floordiv(6).evaluate(values) == x // 6
    assert a.ceildiv(6).evaluate(values) == -(-x // 6)
    assert a * b == b * a
    assert a + b == b + a
    assert parse_dim(str(a)) == a
    bound = a.lower_bound({})
    assert bound is None or bound <= x
    assert not (a - b).is_never_zero() or x != y
    for symbol, solution in (a - b).solutions():
        assert (a - b).substitute({symbol: solution}).value == 0
