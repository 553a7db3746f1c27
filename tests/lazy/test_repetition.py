"""Where a record that is full is cut, and what stays right and unseen across the cut."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import dvm
from dvm.record import CURRENT
from vm.machine import Machine

xp: Any = dvm

Values = npt.NDArray[Any]
Loop = Callable[[Any, Values, int], Any]

LIMIT = 40


@pytest.fixture(autouse=True)
def bounded() -> Iterator[dvm.lazy]:
    """A small record for each test."""
    with dvm.lazy(limit=LIMIT) as found:
        yield found


def floats(*shape: int) -> Values:
    return np.random.default_rng(2).random(shape, np.float32)


def halves(a: Any) -> Any:
    """A helper of several loops."""
    return a * 0.5 + 0.25


def short(a: Any, b: Values, turns: int) -> Any:
    for _ in range(turns):
        a = np.tanh(a @ b) + a * 0.5
        a = a - a.mean(axis=0)
    return a


def with_prologue(a: Any, b: Values, turns: int) -> Any:
    a = halves(abs(a)) + np.sqrt(abs(a)) * a
    a = np.exp(-abs(a)) * 2.0 - 0.5
    for _ in range(turns):
        a = halves(a) + halves(a * b[0])
    return a


def longer_than_the_record(a: Any, b: Values, turns: int) -> Any:
    for _ in range(turns):
        c = a
        a = a * 0.25
        for _ in range(7):
            a = halves(a) + c.T.sum(axis=0).reshape(-1, 1) * 0.01
        a = a + np.maximum(a, c) - np.minimum(a, c) * 0.75
        for row in b[:3]:
            a = a * row + a * 0.25
    return a


def many_records_long(a: Any, b: Values, turns: int) -> Any:
    for _ in range(turns):
        a = abs(a) * 0.5
        a = np.tanh(a) + 0.25
        for row in (*b, *b, *b):
            a = np.tanh(a * row) - 0.25
        a = np.sin(a) * 0.5
        for row in (*b, *b):
            a = halves(a) + row
            a = a - a.mean(axis=1, keepdims=True)
    return a


def in_place(a: Any, b: Values, turns: int) -> Any:
    momentum, steps = a * 0.0, a * 0.0
    for _ in range(turns):
        momentum *= 0.5
        momentum += np.tanh(a.T).T @ b
        a[...] = a - momentum * 0.125
        steps += 1.0
        a += steps.T.mean() * 0.001
    return a + momentum.T + steps


@pytest.mark.parametrize("loop", [short, with_prologue, longer_than_the_record, many_records_long, in_place])
def test_a_loop_that_needs_no_values_compiles_no_more_after_some_turns(bounded: dvm.lazy, loop: Loop) -> None:
    a, b = floats(5, 5) - np.float32(0.5), floats(5, 5) - np.float32(0.5)
    compiled: list[int] = []
    for turns in (20, 40, 60):
        found, expected = loop(xp.asarray(a), b, turns), loop(a.copy(), b, turns)
        np.testing.assert_allclose(found, expected, 1e-4, 1e-5)
        compiled.append(bounded.compiled)
    assert compiled[0] < 12
    assert compiled[2] - compiled[0] <= 2, compiled  # where the loops end
    assert bounded.launches > 3 * bounded.compiled


def test_the_parts_of_a_loop_are_whole_turns() -> None:
    a = xp.asarray(floats(3))
    launches: list[int] = []
    for _ in range(100):
        a = halves(np.tanh(a))  # 3 operations, which do not divide the limit
        launches.append(len(CURRENT.record.nodes))
    assert max(launches) <= LIMIT
    begun = [now for before, now in pairwise(launches) if now < before]
    assert len(set(begun[1:])) == 1, begun


def test_what_dies_before_the_cut_is_not_computed(bounded: dvm.lazy, monkeypatch: pytest.MonkeyPatch) -> None:
    results: list[Values] = []
    call = Machine.call

    def counted(self: Machine, *arguments: Any) -> list[Values]:
        found = call(self, *arguments)
        results.extend(found)
        return found

    monkeypatch.setattr(Machine, "call", counted)
    x = floats(4)
    a = xp.asarray(x)
    for _ in range(100):
        a = a * 0.5 + 1.0
        unseen = np.exp(a) - a
        unseen *= unseen
        del unseen
    assert bounded.launches > 10
    assert len(results) <= 2 * bounded.launches  # `a`, and at most one operand of what stays
    expected = x
    for _ in range(100):
        expected = expected * np.float32(0.5) + np.float32(1)
    np.testing.assert_allclose(a, expected, 1e-6)


def test_a_value_that_died_is_not_computed_for_others_that_died_after_the_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    call = Machine.call

    def counted(self: Machine, *arguments: Any) -> list[Values]:
        found = call(self, *arguments)
        sizes.extend(value.size for value in found)
        return found

    monkeypatch.setattr(Machine, "call", counted)
    a, unseen = xp.asarray(floats(4)), xp.asarray(floats(77))
    for _ in range(200):
        a = a * 0.5
        unseen = unseen * 0.5
    del unseen
    a.evaluate()
    assert sizes.count(77) == sizes.count(4) - 1  # at each cut it was alive, in the end it was not
    sizes.clear()
    for _ in range(200):
        a = a * 0.5
        unseen = xp.full((77,), 1.0) * 0.5
        unseen = unseen - 0.25
        del unseen
    a.evaluate()
    assert set(sizes) == {4}


def test_views_and_writes_on_both_sides_of_a_cut() -> None:
    x = floats(6, 6)
    lazy, plain = xp.asarray(x) + 0.0, x + 0
    for turn in range(60):
        for a in (lazy, plain):
            row, turned = a[turn % 6], a.T
            row *= 0.5
            turned += 0.125
            a[1:3] = turned[3:5] * 0.5
            a += row
    np.testing.assert_allclose(lazy, plain, 1e-5)


def test_a_view_alone_takes_over_across_a_cut() -> None:
    x = floats(6, 6)
    for filler in range(LIMIT):
        lazy = (xp.asarray(x) + 1.0)[1:3].T
        other = lazy * 2.0
        for _ in range(filler):
            other = lazy * 2.0
        lazy += 1.0
        for _ in range(LIMIT):
            other = lazy * 2.0
        np.testing.assert_array_equal(other, ((x + 1)[1:3].T + 1) * 2)
        np.testing.assert_array_equal(lazy, (x + 1)[1:3].T + 1)


@pytest.mark.parametrize("before", range(7))
def test_what_needs_a_value_that_failed_fails_across_a_cut(before: int) -> None:
    fine, indices = xp.asarray(floats(4)), xp.asarray(np.array([1, 9]))
    for _ in range(before):
        fine = fine + 1.0
    wrong: list[Any] = []
    for _ in range(40):
        fine = fine + 1.0
        with suppress(dvm.ExecutionError):  # raised at once where the record was cut just before
            failing = xp.take(fine, indices)
            wrong.append(failing)
            wrong.append(failing * 2.0)
            wrong.append(wrong[-1].T[:1])
            wrong.append(wrong[-1] + 1.0)
    np.testing.assert_allclose(fine, floats(4) + np.float32(before + 40), 1e-5)
    for array in wrong:
        with pytest.raises(dvm.ExecutionError, match="index 9 is out of range"):
            array.numpy()


def test_code_without_repetition_is_cut_where_the_record_is_full(bounded: dvm.lazy) -> None:
    lines = "\n".join(f"a = a * {number / 200} + 1.0" for number in range(2 * LIMIT))
    lazy: dict[str, Any] = {"a": xp.asarray(floats(3))}
    plain: dict[str, Any] = {"a": floats(3)}
    exec(lines, lazy)
    exec(lines, plain)
    assert bounded.launches == 3
    np.testing.assert_allclose(lazy["a"], plain["a"], 1e-5)


def test_a_value_that_is_needed_begins_anew(bounded: dvm.lazy) -> None:
    a = xp.asarray(floats(3))
    for _ in range(30):
        for _ in range(25):
            a = np.sin(a) * 0.5 + 0.125
        assert float(a.sum()) < 3.0
    assert bounded.compiled <= 3
