"""What lazy arrays record and compute: liveness, the tables of programs, bounds, errors with their lines, memory, threads."""

import gc
import logging
import pickle
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import dvm
from dvm import record, structure
from dvm.record import CURRENT, Record
from vm.machine import Machine

xp: Any = dvm
"""As an array library, whose functions give lazy arrays."""

Values = npt.NDArray[Any]


@pytest.fixture(autouse=True)
def own_record() -> Iterator[dvm.lazy]:
    """A record of its own for each test, which begins without the programs that others compiled."""
    for table in (structure._launches, structure._programs, structure._seen_in_general):
        table.clear()
    with dvm.lazy() as found:
        yield found


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[list[Values]]:
    """The results of each launch from now on."""
    found: list[list[Values]] = []
    call = Machine.call

    def counted(self: Machine, *arguments: Any) -> list[Values]:
        found.append(call(self, *arguments))
        return found[-1]

    monkeypatch.setattr(Machine, "call", counted)
    return found


def floats(*shape: int) -> Values:
    return np.random.default_rng(1).random(shape, np.float32)


# --- what is computed ---


def test_values_that_die_are_not_computed(calls: list[list[Values]]) -> None:
    x = xp.asarray(floats(3, 4))
    xp.exp(x)
    dead = xp.tanh(x) * 2.0
    del dead
    kept = x + 1.0
    kept.evaluate()
    assert [len(results) for results in calls] == [1]
    np.testing.assert_array_equal(kept, floats(3, 4) + np.float32(1))


def test_what_was_only_recorded_and_died_launches_nothing(own_record: dvm.lazy, calls: list[list[Values]]) -> None:
    x = xp.asarray(floats(3))
    y = xp.exp(x)
    del y
    CURRENT.record.flush()
    assert calls == []
    assert own_record.launches == 0


def test_one_launch_computes_all_that_is_alive(own_record: dvm.lazy, calls: list[list[Values]]) -> None:
    x = xp.asarray(floats(3))
    a, b = x + 1.0, x * 2.0
    a.evaluate()
    b.evaluate()
    assert [len(results) for results in calls] == [2]
    assert own_record.launches == 1


def test_a_value_held_only_through_a_view_is_not_stored(calls: list[list[Values]]) -> None:
    x, w = xp.asarray(floats(4, 6)), xp.asarray(floats(6, 6))
    y = (x @ w).reshape(4, 2, 3).transpose(1, 0, 2)
    found = np.asarray(y)
    assert [[result.shape for result in results] for results in calls] == [[(2, 4, 3)]]
    expected = (floats(4, 6) @ floats(6, 6)).reshape(4, 2, 3).transpose(1, 0, 2)
    np.testing.assert_allclose(found, expected, 1e-6)
    y[0] = 0.0
    expected[0] = 0
    np.testing.assert_allclose(y, expected, 1e-6)


def test_a_view_of_a_value_that_is_alive_is_not_stored_beside_it(calls: list[list[Values]]) -> None:
    y = xp.asarray(floats(4, 6)) + 1.0
    first, second = y[0], y.T
    z = second * 2.0
    z.evaluate()
    assert sorted(result.shape for result in calls[0]) == [(4, 6), (6, 4)]
    np.testing.assert_array_equal(second, (floats(4, 6) + np.float32(1)).T)
    assert np.shares_memory(y.numpy(), second.numpy())
    assert len(calls) == 1
    first += 1.0
    expected = floats(4, 6) + np.float32(1)
    expected[0] += 1
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(second, expected.T)
    assert len(calls) == 2


def test_writing_a_whole_array_leaves_the_other_one_alone(calls: list[list[Values]]) -> None:
    x, y = xp.asarray(floats(3)) + 1.0, xp.zeros(3)
    y[...] = x
    y += 1.0
    z = xp.zeros(3)
    z[...] = x
    del z
    np.testing.assert_array_equal(y, floats(3) + np.float32(2))
    np.testing.assert_array_equal(x, floats(3) + np.float32(1))
    assert len(calls) == 1


def test_a_node_that_a_flush_dropped_can_still_be_computed() -> None:
    """As when another thread flushes between two steps of this one."""
    x = xp.asarray(floats(3))
    found = xp.exp(x * 2.0 + 1.0)
    node = found.node
    del found
    CURRENT.record.flush()
    assert node.value is None
    np.testing.assert_allclose(record.value_of(node), np.exp(floats(3) * np.float32(2) + np.float32(1)), 1e-6)
    bad = xp.take(x, xp.asarray(np.array([7])), axis=0) * 2.0
    node = bad.node
    del bad
    CURRENT.record.flush()
    with pytest.raises(dvm.ExecutionError):
        record.value_of(node)


def test_a_view_taken_before_the_values_exist_writes_to_them() -> None:
    y = xp.asarray(floats(4, 6)) + 1.0
    row = y[1]
    pending = row * 2.0
    y += 1.0
    row[2:4] = 7.0
    expected = floats(4, 6) + np.float32(1)
    before = expected[1] * np.float32(2)
    expected += 1
    expected[1, 2:4] = 7
    np.testing.assert_array_equal(row, expected[1])
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(pending, before)


def test_the_last_view_takes_over_and_computes_in_place_lazily(calls: list[list[Values]]) -> None:
    x = xp.asarray(floats(2, 6)).reshape(3, 4)
    x += 1.0
    x *= 2.0
    assert calls == []
    np.testing.assert_array_equal(x, (floats(2, 6).reshape(3, 4) + np.float32(1)) * np.float32(2))
    assert len(calls) == 1


def test_views_of_a_view_that_took_over_see_each_other() -> None:
    x = (xp.asarray(floats(2, 6)) + 1.0).reshape(3, 4)
    x.evaluate()
    row, column = x[1], x[:, 2]
    row[2] = 9.0
    assert float(column[1]) == 9.0
    column[...] = 4.0
    assert float(row[2]) == 4.0
    assert float(x[0, 2]) == 4.0


def test_writing_one_element_after_the_other_copies_nothing() -> None:
    x = xp.asarray(np.zeros(8, np.float32))
    row = x[2:6]
    x[0] = 1.0
    where = x.numpy().ctypes.data
    for number in range(4):
        row[number] = float(number)
        assert float(row[number]) == number
        assert x.numpy().ctypes.data == where
        x[7] = float(number)
        assert x.numpy().ctypes.data == where
    np.testing.assert_array_equal(x, np.array([1, 0, 0, 1, 2, 3, 0, 3], np.float32))


def test_an_exported_array_keeps_its_elements() -> None:
    x = xp.asarray(np.zeros(3, np.float32))
    seen = x.numpy()
    x[0] = 1.0
    x += 1.0
    np.testing.assert_array_equal(seen, np.zeros(3))
    np.testing.assert_array_equal(x, [2, 1, 1])


# --- aliasing with NumPy's arrays ---


def test_an_array_is_taken_as_it_is_when_it_is_given() -> None:
    x = floats(3)
    before = x.copy()
    y = xp.asarray(x) + 1.0
    z = xp.asarray(before.copy()) * x
    x[0] = 100
    np.testing.assert_array_equal(y, before + np.float32(1))
    np.testing.assert_array_equal(z, before * before)


def test_without_a_copy_the_memory_is_shared_and_not_written() -> None:
    x = floats(3)
    before = x.copy()
    y = xp.asarray(x, copy=False)
    assert np.shares_memory(x, y.numpy())
    y[0] = 100.0
    y += 1.0
    np.testing.assert_array_equal(x, before)
    assert float(y[0]) == 101.0


def test_results_for_numpy_are_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        np.asarray(xp.asarray(floats(3)) + 1.0)[0] = 1
    assert np.array(xp.asarray(floats(3))).flags.writeable


def test_elements_swap_as_in_numpy() -> None:
    x = xp.asarray(np.arange(3))
    x[0], x[2] = x[2], x[0]
    np.testing.assert_array_equal(x, [2, 1, 0])


def test_scalars_are_not_written_in_place() -> None:
    total = xp.sum(xp.asarray(floats(3)))
    kept = total
    total += 1.0
    assert float(kept) == pytest.approx(float(floats(3).sum()))
    assert float(total) == pytest.approx(float(floats(3).sum()) + 1)
    array = xp.asarray(np.array(2.0, np.float32))
    second = array
    array += 1.0
    assert second is array
    assert float(second) == 3.0


def test_what_is_broadcast_is_not_written() -> None:
    x = xp.broadcast_to(xp.asarray(floats(3)), (2, 3))
    for write in (lambda: x.fill(1.0), lambda: x.__setitem__((0, 0), 1.0), lambda: x.__iadd__(1.0)):
        with pytest.raises(ValueError, match="broadcast"):
            write()


# --- programs by structure ---


def test_new_shapes_compile_nothing(own_record: dvm.lazy) -> None:
    for rows in range(2, 30):
        x = xp.asarray(floats(rows, rows + 31))
        y = xp.softmax(x * 2.0 + 1.0)
        np.testing.assert_allclose(xp.sum(y, axis=-1), np.ones(rows), 1e-5)
    assert own_record.compiled == 1
    assert own_record.launches == 28


def test_new_numbers_compile_nothing_after_the_third(own_record: dvm.lazy) -> None:
    x = floats(4, 5)
    counts: list[int] = []
    for number in range(1, 12):
        scale = number / 7
        found = np.asarray(xp.tanh(xp.asarray(x) * scale) + scale)
        np.testing.assert_allclose(found, np.tanh(x * np.float32(scale)) + np.float32(scale), 1e-6)
        counts.append(own_record.compiled)
    assert counts[2:] == [3] * 9


def test_new_exponents_compile_nothing_after_the_third_unless_they_have_a_cheaper_way(own_record: dvm.lazy) -> None:
    x, whole = np.abs(floats(4, 5)) + np.float32(0.1), np.arange(6)
    exact = x.astype(np.float64)
    for exponents, compiled in (((1.5, -0.5, 1 / 3, 0.0, 4.0, -2.0, 7.25), 3), ((2.0, 3.0, -1.0, 0.5) * 3, 7)):
        for exponent in exponents:
            np.testing.assert_allclose(xp.asarray(x) ** exponent - 0.5, exact**exponent - 0.5, 1e-5, 1e-6)
        assert own_record.compiled == compiled
    for exponent in (4, 5, 6, 7, 8):
        np.testing.assert_array_equal(xp.asarray(whole) ** exponent, whole**exponent)
    assert own_record.compiled == 10
    for base in (0.5, 1.5, 2.0, 3.0, 1.0):
        np.testing.assert_allclose(base ** xp.asarray(x), base**exact, 1e-5)
    assert own_record.compiled == 13


def counted(x: Values, size: int) -> tuple[Any, Any]:
    return xp.astype(xp.arange(size), np.float32) * 0.5, np.arange(size, dtype=np.float32) / 2


def filled(x: Values, size: int) -> tuple[Any, Any]:
    return xp.full((size, 7), size / 8) + 1.0, np.full((size, 7), size / 8 + 1, np.float32)


def part(x: Values, size: int) -> tuple[Any, Any]:
    return (xp.asarray(x) + 1.0)[size : size + 3, ::2] * 2.0, (x[size : size + 3, ::2] + np.float32(1)) * np.float32(2)


def growing(x: Values, size: int) -> tuple[Any, Any]:
    return xp.sum((xp.asarray(x) + 1.0)[:size], axis=1), (x[:size] + np.float32(1)).sum(axis=1)


def padded(x: Values, size: int) -> tuple[Any, Any]:
    return xp.pad(xp.asarray(x), ((size, 0), (0, 0))) + 1.0, np.pad(x, ((size, 0), (0, 0))) + np.float32(1)


def chosen(x: Values, size: int) -> tuple[Any, Any]:
    return xp.where(xp.asarray(x) > 0.5, xp.asarray(x), size / 8), np.where(x > 0.5, x, np.float32(size / 8))


def spread(x: Values, size: int) -> tuple[Any, Any]:
    return xp.broadcast_to(xp.asarray(x) + 1.0, (size, *x.shape)) * 2.0, np.stack([(x + np.float32(1)) * 2] * size)


@pytest.mark.parametrize("compute", [counted, filled, part, growing, padded, chosen, spread])
def test_new_sizes_that_no_array_has_compile_nothing_after_the_third(own_record: dvm.lazy, compute: Any) -> None:
    x = floats(60, 5)
    counts: list[int] = []
    for size in range(10, 30):
        found, expected = compute(x, size)
        np.testing.assert_allclose(found, expected, 1e-5)
        counts.append(own_record.compiled)
    assert counts[2:] == [3] * 18


def test_sizes_of_what_is_joined_compile_nothing(own_record: dvm.lazy) -> None:
    first, weights = floats(1, 5), floats(5, 12)
    for side in range(6, 20):
        x = floats(side, side + 31, 5)
        rows = xp.concat([xp.asarray(first), xp.reshape(xp.asarray(x), (-1, 5))])
        y = xp.reshape(xp.tanh(rows @ xp.asarray(weights)), (1, side * (side + 31) + 1, 3, 4))
        found = xp.broadcast_to(xp.sum(y, axis=1, keepdims=True), y.shape)[:, :-3, 1] + y[:, 3:, 2] + y[:, -1, 0]
        joined = np.concatenate([first, x.reshape(-1, 5)]).astype(np.float64)
        expected = np.tanh(joined @ weights).reshape(1, -1, 3, 4)
        total = expected.sum(axis=1, keepdims=True)[:, :, 1] + expected[:, 3:, 2] + expected[:, -1, 0]
        np.testing.assert_allclose(found, total, 1e-4, 1e-4)
    assert own_record.compiled == 1
    assert own_record.launches == 14


def test_a_loop_that_cuts_or_joins_at_every_turn(own_record: dvm.lazy) -> None:
    cut = joined = floats(3000)
    x = y = xp.asarray(cut)
    compiled = 0
    for turn in range(1200):
        if turn == 600:
            compiled = own_record.compiled
        factor = np.float32(0.999 + 0.002 * (turn % 2))
        x, cut = x[:-1] * factor, cut[:-1] * factor
        y, joined = xp.concat([y, y[:3]]) * factor, np.concatenate([joined, joined[:3]]) * factor
    np.testing.assert_array_equal(np.asarray(x), cut)
    np.testing.assert_array_equal(np.asarray(y), joined)
    assert 0 < compiled < own_record.launches
    assert own_record.compiled <= compiled + 1


def test_sizes_that_agree_by_accident_do_not_bind_a_program() -> None:
    for rows, columns, start in ((4, 9, 2), (9, 4, 4), (9, 9, 2), (6, 6, 3), (7, 8, 5), (8, 12, 8), (5, 5, 5)):
        x = floats(rows, columns)
        pending = xp.asarray(x) + 1.0
        np.testing.assert_array_equal(pending[start:] * 2.0, (x + np.float32(1))[start:] * np.float32(2))
        np.testing.assert_array_equal((pending * 2.0).reshape(columns, rows), (x + 1).reshape(columns, rows) * 2)
    for shape, result in (((4, 2, 8), (8, 8)), ((6, 3, 18), (18, 18)), ((2, 8, 4), (8, 8)), ((3, 2, 6), (6, 6))):
        x = floats(*shape)
        np.testing.assert_array_equal((xp.asarray(x) + 1.0).reshape(result) * 2.0, (x + 1).reshape(result) * 2)


def test_dims_that_are_alike_by_accident_get_a_program_of_their_own() -> None:
    for rows, columns in ((3, 4), (4, 4), (5, 6), (6, 6), (1, 6), (6, 1), (1, 1), (0, 3)):
        x, y = floats(rows, columns), floats(columns)
        found = xp.sum(xp.asarray(x) + xp.asarray(y), axis=0)
        np.testing.assert_allclose(found, (x + y).sum(axis=0), 1e-5)


def test_signed_zeros_and_nans_are_numbers_of_their_own() -> None:
    x = xp.asarray(np.array([1.0, -1.0], np.float32))
    for scalar in (0.0, -0.0, 0.0, -0.0, float("nan"), float("inf"), -float("inf"), float("nan")):
        with np.errstate(invalid="ignore"):
            expected = x.numpy() * np.float32(scalar)
        found = np.asarray(x * scalar)
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(np.signbit(found[~np.isnan(found)]), np.signbit(expected[~np.isnan(expected)]))


def test_tables_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "LAUNCH_LIMIT", 5)
    for size in range(2, 14):
        x = xp.asarray(floats(size))
        np.testing.assert_array_equal(x + 1.0 + float(size), floats(size) + np.float32(1) + np.float32(size))
        assert max(map(len, (structure._launches, structure._programs, structure._seen_in_general))) <= 5
    assert len(structure._launches) == 5


def test_a_record_is_bounded() -> None:
    with dvm.lazy(limit=10) as bounded:
        x = xp.asarray(floats(3))
        expected = floats(3)
        for _ in range(95):
            x = x * 0.5 + 1.0
            expected = expected * np.float32(0.5) + np.float32(1)
            assert len(CURRENT.record.nodes) <= 10
        assert bounded.launches == 18
        np.testing.assert_allclose(x, expected, 1e-6)


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_views_and_operands_outlive_a_flush_in_the_middle(limit: int) -> None:
    with dvm.lazy(limit=limit):
        x, y = floats(4, 6), floats(6, 4)
        a, b = xp.asarray(x) + 1.0, xp.asarray(y) + 1.0
        found = a.T[1:, ::2] + b[1:, :2] * xp.sum(a.reshape(-1)[3:])
        u, v = x + np.float32(1), y + np.float32(1)
        np.testing.assert_allclose(found, u.T[1:, ::2] + v[1:, :2] * u.reshape(-1)[3:].sum(), 1e-5)


def test_a_deep_chain_needs_no_recursion() -> None:
    with dvm.lazy(limit=5000):
        x = xp.asarray(np.zeros(2, np.float32))
        for _ in range(3000):
            x = x + 1.0
        CURRENT.record.nodes.clear()  # what compiles it is not asked here: it is collected without a stack overflow
        del x
        gc.collect()


# --- errors ---


def line_of_next_statement() -> int:
    return sys._getframe(1).f_lineno + 1


def test_an_error_names_the_line_that_recorded_it_and_the_rest_is_computed() -> None:
    table = xp.asarray(floats(3, 2))
    good = table * 2.0
    line = line_of_next_statement()
    bad = xp.take(table, xp.asarray(np.array([0, 7])), axis=0)
    worse = bad + 1.0
    fine = xp.exp(table)
    np.testing.assert_array_equal(good, floats(3, 2) * np.float32(2))
    np.testing.assert_allclose(fine, np.exp(floats(3, 2)), 1e-6)
    for array in (bad, worse, bad):
        with pytest.raises(dvm.ExecutionError) as caught:
            array.evaluate()
        assert f"{__file__}:{line}" in str(caught.value)
    with pytest.raises(dvm.ExecutionError):
        (bad * 2.0).evaluate()
    np.testing.assert_array_equal(table + 1.0, floats(3, 2) + np.float32(1))


def test_views_of_what_failed_fail() -> None:
    bad = xp.take(xp.asarray(floats(3, 2)), xp.asarray(np.array([0, 7])), axis=0)
    views = bad[0], bad.T, bad.reshape(-1)
    for view in views:
        with pytest.raises(dvm.ExecutionError):
            view.evaluate()
    with pytest.raises(dvm.ExecutionError):
        bad[0] = 1.0


def test_shapes_that_do_not_fit_are_refused_where_they_meet() -> None:
    x = xp.asarray(floats(3, 2))
    for refused in (
        lambda: x + xp.asarray(floats(4)),
        lambda: x @ x,
        lambda: x.reshape(4),
        lambda: x[3],
        lambda: x[0, 0, 0],
        lambda: xp.sum(x, axis=2),
        lambda: xp.max(xp.asarray(floats(0))),
        lambda: xp.concatenate([x, x.T]),
    ):
        with pytest.raises((dvm.ShapeError, IndexError, ValueError)):
            refused()


# --- seeming to be an array ---


def test_python_takes_them_for_numbers() -> None:
    one = xp.asarray(np.array([1.5], np.float32))[0] * 2.0
    assert float(one) == 3.0
    assert int(one) == 3
    assert complex(one) == 3
    assert bool(one)
    assert not one - 3.0
    assert f"{one:.2f}" == "3.00"
    assert [10, 20, 30][xp.asarray(np.array(2))] == 30
    assert str(one) == "3.0"
    with pytest.raises(TypeError):
        [1, 2][one]
    with pytest.raises(ValueError, match="ambiguous"):
        bool(xp.asarray(floats(2)))


def test_they_print_as_numpy_does() -> None:
    x = np.arange(4, dtype=np.float32).reshape(2, 2)
    lazy = xp.asarray(x) + 1.0
    assert str(lazy) == str(x + 1)
    assert repr(lazy) == "dvm." + repr(x + 1)
    assert f"{lazy}" == str(x + 1)


def test_iteration_and_length() -> None:
    x = floats(3, 2)
    lazy = xp.asarray(x)
    assert len(lazy) == 3
    for found, expected in zip(lazy, x, strict=True):
        np.testing.assert_array_equal(found, expected)
    rows = list(lazy)
    rows[1] += 1.0
    np.testing.assert_array_equal(lazy[1], x[1] + np.float32(1))
    zero = xp.asarray(np.float32(1))
    with pytest.raises(TypeError):
        len(zero)
    with pytest.raises(TypeError):
        iter(zero)
    assert x[1, 1] in xp.asarray(x)
    with pytest.raises(TypeError, match="unhashable"):
        hash(lazy)


@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (2, 0, 4), (1,) * 8])
def test_odd_shapes(shape: tuple[int, ...]) -> None:
    x = np.ones(shape, np.float32)
    lazy = xp.asarray(x)
    np.testing.assert_array_equal(lazy + 1.0, x + 1)
    np.testing.assert_array_equal(xp.sum(lazy), x.sum())
    np.testing.assert_array_equal(lazy.reshape(-1), x.reshape(-1))
    assert (lazy + 1.0).shape == shape
    assert lazy.size == x.size
    assert lazy.nbytes == x.nbytes


def test_more_dims_than_dvm_has() -> None:
    x = np.arange(512, dtype=np.float32).reshape((2,) * 9)
    lazy = xp.asarray(x) + 1.0
    np.testing.assert_array_equal(lazy, x + 1)
    np.testing.assert_array_equal(lazy.T, (x + 1).T)
    pending = xp.asarray(x.reshape(-1)) * 2.0
    high = pending.reshape((2,) * 9)
    high[0] = 1.0
    expected = x.reshape(-1) * 2
    expected.reshape((2,) * 9)[0] = 1
    np.testing.assert_array_equal(pending, expected)
    np.testing.assert_array_equal(np.sum(high, axis=(0, 8)), expected.reshape((2,) * 9).sum(axis=(0, 8)))


def test_types_that_dvm_has_not_are_computed_by_numpy(calls: list[list[Values]]) -> None:
    x = xp.asarray(np.arange(4.0))
    y = x * 2.0 + np.sin(x)
    assert y.dtype == np.float64
    np.testing.assert_array_equal(y, np.arange(4.0) * 2 + np.sin(np.arange(4.0)))
    single = xp.asarray(floats(4))
    assert (single + np.float64(1)).dtype == np.float64
    assert (single + 1.0).dtype == np.float32
    np.testing.assert_array_equal(x.astype(np.float32), np.arange(4, dtype=np.float32))
    assert calls == []


def test_the_log_says_once_what_numpy_does(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dvm.functions.dispatch._said", set[str]())
    x = xp.asarray(floats(4))
    with caplog.at_level(logging.DEBUG, logger="dvm"):
        for _ in range(3):
            np.testing.assert_array_equal(np.sort(x), np.sort(floats(4)))
            np.testing.assert_array_equal(np.hypot(x, x), np.hypot(floats(4), floats(4)))
    texts = [entry.getMessage() for entry in caplog.records]
    assert len(texts) == 2
    assert "sort" in texts[0]
    assert "hypot" in texts[1]


def test_numpy_functions_stay_lazy(calls: list[list[Values]]) -> None:
    x = xp.asarray(floats(4, 3))
    y = np.exp(x) / np.sum(np.exp(x), axis=1, keepdims=True)
    z = np.concatenate([y, np.maximum(y, 0.5)], axis=0)
    assert isinstance(z, dvm.Array)
    assert calls == []
    e = np.exp(floats(4, 3))
    expected = e / e.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(z, np.concatenate([expected, np.maximum(expected, 0.5)]), 1e-6)


def test_out_takes_results_and_is_returned() -> None:
    x = xp.asarray(floats(2, 3))
    out = xp.asarray(np.zeros((2, 3), np.float32))
    row = out[0]
    assert np.add(x, 1.0, out=out) is out
    np.testing.assert_array_equal(row, floats(2, 3)[0] + np.float32(1))
    plain = np.zeros((2, 3), np.float32)
    assert np.multiply(x, 2.0, out=plain) is plain
    np.testing.assert_array_equal(plain, floats(2, 3) * np.float32(2))
    whole = xp.asarray(np.zeros((2, 3), np.int32))
    with pytest.raises(TypeError):
        np.add(x, 1.0, out=whole)
    np.testing.assert_array_equal(whole, np.zeros((2, 3)))


def test_pickling() -> None:
    x = xp.asarray(floats(2, 3)) + 1.0
    found = pickle.loads(pickle.dumps(x.T))
    np.testing.assert_array_equal(found, (floats(2, 3) + np.float32(1)).T)
    found[0] = 0.0
    np.testing.assert_array_equal(x, floats(2, 3) + np.float32(1))


def test_dlpack() -> None:
    x = xp.asarray(floats(2, 3)) + 1.0
    found = np.from_dlpack(x)
    np.testing.assert_array_equal(found, floats(2, 3) + np.float32(1))
    x[0] = 0.0
    np.testing.assert_array_equal(found, floats(2, 3) + np.float32(1))
    assert x.__dlpack_device__() == (1, 0)


def test_dlpack_to_torch() -> None:
    torch = pytest.importorskip("torch")
    x = xp.asarray(floats(2, 3)) + 1.0
    np.testing.assert_array_equal(torch.from_dlpack(x).numpy(), floats(2, 3) + np.float32(1))


# --- records, threads and memory ---


def test_records_nest_and_are_computed_at_their_end(calls: list[list[Values]]) -> None:
    x = xp.asarray(floats(3))
    with dvm.lazy() as outer:
        a = x + 1.0
        with dvm.lazy() as inner:
            b = a * 2.0
        assert inner.launches == 1
        assert outer.launches == 1  # the inner one needed it
        c = x * 3.0
        assert len(calls) == 2
    assert outer.launches == 2
    assert len(calls) == 3
    np.testing.assert_array_equal(b, (floats(3) + np.float32(1)) * np.float32(2))
    np.testing.assert_array_equal(c, floats(3) * np.float32(3))
    assert len(calls) == 3


def generated(blocks: list[dvm.lazy]) -> Iterator[Any]:
    with dvm.lazy() as block:
        blocks.append(block)
        while True:
            yield xp.asarray(floats(2)) + 1.0


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (0, 2, 1)])
def test_generators_leave_their_records_in_any_order(own_record: dvm.lazy, order: tuple[int, ...]) -> None:
    blocks: list[dvm.lazy] = []
    generators: list[Any] = [generated(blocks) for _ in order]
    arrays = [next(generator) for generator in generators]
    left: set[int] = set()
    for number in order:
        generators[number].close()
        left.add(number)
        assert blocks[number].launches == 1
        innermost = max({0, 1, 2} - left, default=None)
        expected = own_record if innermost is None else blocks[innermost]
        assert CURRENT.record is expected._record  # pyright: ignore[reportPrivateUsage]
    for array in arrays:
        np.testing.assert_array_equal(array, floats(2) + np.float32(1))


def test_a_generator_that_another_thread_leaves() -> None:
    generator: Any = generated([])
    array = next(generator)
    before = CURRENT.record
    thread = threading.Thread(target=generator.close)
    thread.start()
    thread.join()
    assert CURRENT.record is before
    np.testing.assert_array_equal(array + 1.0, floats(2) + np.float32(2))
    CURRENT.records.remove(before)
    CURRENT.record = CURRENT.records[-1]


def test_a_record_ends_with_an_error_of_the_block() -> None:
    outside = CURRENT.record
    kept: list[Any] = []

    def block() -> None:
        with dvm.lazy():
            kept.append(xp.asarray(floats(3)) + 1.0)
            raise KeyError

    with pytest.raises(KeyError):
        block()
    assert CURRENT.record is outside
    np.testing.assert_array_equal(kept[0], floats(3) + np.float32(1))


def test_a_record_that_takes_nothing_is_refused() -> None:
    with pytest.raises(dvm.DvmError, match="0 operations"):
        dvm.lazy(limit=0)


def test_one_record_entered_by_several_threads_at_once() -> None:
    shared = dvm.lazy()
    started = threading.Barrier(2)
    found: list[Record] = []

    def enter(number: int) -> None:
        before = CURRENT.record
        started.wait()
        with shared:
            started.wait()
        if CURRENT.record is before:
            found.append(before)

    threads = [threading.Thread(target=enter, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2


def test_arrays_go_from_thread_to_thread() -> None:
    x = xp.asarray(floats(5))
    pending = x + 1.0
    views = pending[1:3], pending[::2]
    results: list[Any] = []

    def use() -> None:
        y = pending * 2.0
        results.append((y, views[0] + 1.0, views[1] * y[:3]))

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    base = floats(5) + np.float32(1)
    for y, first, second in results:
        np.testing.assert_array_equal(y, base * np.float32(2))
        np.testing.assert_array_equal(first, base[1:3] + np.float32(1))
        np.testing.assert_array_equal(second, base[::2] * (base * np.float32(2))[:3])


def test_memory_goes_with_the_arrays() -> None:
    gc.collect()
    gc.disable()
    try:
        values = floats(10)
        watched = weakref.ref(xp.asarray(values))
        assert watched() is None
        x = xp.asarray(values)
        elements = weakref.ref(x.node.value)
        y = xp.sum(x.reshape(2, 5).T * 2.0 + 1.0, axis=0)
        del x
        y.evaluate()
        assert elements() is None
        storage = weakref.ref(y.storage)
        view = y[None]
        del y, view
        assert storage() is None
    finally:
        gc.enable()


def test_importing_dvm_imports_no_compiler() -> None:
    script = "import sys, dvm; sys.exit(any(name.split('.')[0] == 'xdsl' for name in sys.modules))"
    where = Path(dvm.__file__).parent.parent
    assert subprocess.run([sys.executable, "-c", script], cwd=where, check=False).returncode == 0
