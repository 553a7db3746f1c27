"""Which runs of dims of two shapes match, and what becomes of an operand when they are regrouped."""

import pytest

from dvm_dialects.dims import parse_dim
from passes.fusion.shapes import Shape, groups, regrouped


def shape(text: str) -> Shape:
    return tuple(parse_dim(part) for part in text.split())


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("s0 256", "s0 4 64", [("s0", "s0"), ("256", "4 64")]),
        ("s0 4 64", "4*s0 64", [("s0 4", "4*s0"), ("64", "64")]),
        ("4 6", "6 4", [("4 6", "6 4")]),
        ("s0 s1", "s0*s1", [("s0 s1", "s0*s1")]),
        ("s0 1 8", "s0 8", [("s0 1", "s0"), ("8", "8")]),
        ("8", "1 8 1", [("", "1"), ("8", "8 1")]),
        ("1", "", [("1", "")]),
        ("", "", [("", "")]),
        ("0 4", "0 7", [("0 4", "0 7")]),
        ("2 s0 3", "2*s0 3", [("2 s0", "2*s0"), ("3", "3")]),
    ],
)
def test_groups(a: str, b: str, expected: list[tuple[str, str]]) -> None:
    found = groups(shape(a), shape(b))
    assert found is not None
    assert [run for run in found if run != ((), ())] == [(shape(x), shape(y)) for x, y in expected if x or y]


@pytest.mark.parametrize(("a", "b"), [("s0", "s1"), ("s0 4", "s0"), ("bcast(s0,s1)", "s0"), ("4", "5")])
def test_shapes_without_as_many_elements_have_no_groups(a: str, b: str) -> None:
    assert groups(shape(a), shape(b)) is None


@pytest.mark.parametrize(
    ("operand", "expected"),
    [
        ("s0 256", "s0 4 64"),
        ("256", "1 4 64"),
        ("1 256", "1 4 64"),
        ("s0 1", "s0 1 1"),
        ("1", "1 1 1"),
        ("", "1 1 1"),
        ("s1 256", None),
    ],
)
def test_an_operand_of_what_is_split(operand: str, expected: str | None) -> None:
    found = groups(shape("s0 256"), shape("s0 4 64"))
    assert found is not None
    assert regrouped(shape(operand), found) == (shape(expected) if expected is not None else None)


@pytest.mark.parametrize(
    ("operand", "expected"), [("s0 4 64", "s0 256"), ("4 64", "1 256"), ("s0 1 1", "s0 1"), ("64", None), ("4 1", None)]
)
def test_an_operand_of_what_is_merged(operand: str, expected: str | None) -> None:
    found = groups(shape("s0 4 64"), shape("s0 256"))
    assert found is not None
    assert regrouped(shape(operand), found) == (shape(expected) if expected is not None else None)
