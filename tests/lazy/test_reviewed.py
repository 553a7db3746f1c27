"""What users do that no rule of the state machine draws: each of these was wrong once."""

from typing import Any

import numpy as np
import pytest

import dvm
from dvm.trace import TraceError

xp: Any = dvm
F32 = np.float32


@pytest.fixture
def x() -> Any:
    return np.arange(12, dtype=F32).reshape(3, 4)


def test_a_ufunc_with_where_leaves_what_it_does_not_select(x: Any) -> None:
    expected = np.full((3, 4), 7, F32)
    np.add(x, 1, out=expected, where=x > 5)
    for out in (xp.asarray(np.full((3, 4), 7, F32)), np.full((3, 4), 7, F32)):
        found = np.add(xp.asarray(x), 1, out=out, where=x > 5)
        assert found is out
        np.testing.assert_array_equal(out, expected)


def test_a_ufunc_with_two_results(x: Any) -> None:
    parts = xp.asarray(np.zeros((3, 4), F32)), xp.asarray(np.zeros((3, 4), F32))
    np.modf(xp.asarray(x / 8), out=parts)
    for part, expected in zip(parts, np.modf(x / 8), strict=True):
        np.testing.assert_array_equal(part, expected)


@pytest.mark.parametrize(
    "index",
    [
        (np.array([0, 1]), np.array([1, 2])),
        (slice(None), np.array([0, 2])),
        np.ix_([0, 1], [1, 2]),
        (np.array([True, False, True]), 0),
        ([0, 1], Ellipsis),
        (0, np.array([1, 1])),
    ],
    ids=str,
)
def test_arrays_beside_other_indices(x: Any, index: Any) -> None:
    np.testing.assert_array_equal(xp.asarray(x)[index], x[index])
    lazy = tuple(xp.asarray(part) if isinstance(part, np.ndarray) else part for part in index)
    np.testing.assert_array_equal(xp.asarray(x)[lazy], x[index])


def test_read_only_views_of_what_others_write(x: Any) -> None:
    row = np.ones(4, F32)
    spread = np.broadcast_to(row, (3, 4))
    locked = row[:]
    locked.flags.writeable = False
    results = xp.asarray(spread) * 2.0, xp.asarray(x) + spread, xp.asarray(locked) + 1.0
    row[:] = 5
    for found, expected in zip(results, (np.full((3, 4), 2), x + 1, np.full(4, 2)), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_memory_that_nobody_can_write_is_shared() -> None:
    row = np.frombuffer(np.ones(4, F32).tobytes(), F32)
    assert np.shares_memory(xp.asarray(row).numpy(), row)


def test_static_arguments_that_are_equal_but_not_the_same(x: Any) -> None:
    of_type = dvm.jit(lambda x, y: x * (2 if isinstance(y[0], float) else 4), static_argnames="y")
    np.testing.assert_array_equal(of_type(x, (1,)), x * 4)
    np.testing.assert_array_equal(of_type(x, (1.0,)), x * 2)
    of_sign = dvm.jit(lambda x, y: x * 0 + float(np.copysign(1, y)), static_argnames="y")
    np.testing.assert_array_equal(of_sign(x, 0.0), np.ones_like(x))
    np.testing.assert_array_equal(of_sign(x, -0.0), -np.ones_like(x))
    for _ in range(3):
        of_sign(x, float("nan"))
    assert of_sign.traces == 3


def test_names_of_arguments_that_collide_or_that_the_ir_has_not(x: Any) -> None:
    np.testing.assert_array_equal(dvm.jit(lambda a, a_0: a[0] - a_0)((x,), x), x * 0)
    kept = x + 1
    np.testing.assert_array_equal(dvm.jit(lambda captured0: captured0 - kept)(x), x * 0 - 1)
    np.testing.assert_array_equal(dvm.jit(lambda weights: weights["q\n"] * 2)({"q\n": x}), x * 2)
    assert set(dvm.jit(lambda d: {1: d["a"], "b": d[2]})({"a": x, 2: x})) == {1, "b"}


def test_a_traced_value_that_got_out(x: Any) -> None:
    kept: list[Any] = []
    dvm.jit(lambda a: kept.append(a) or a)(x)
    for use in (lambda: kept[0] + 1, lambda: xp.asarray(x) + kept[0], lambda: dvm.exp(kept[0])):
        with pytest.raises(dvm.DvmError, match="kept from a function that was traced"):
            use()


def test_what_a_trace_lacks_is_refused_with_the_line(x: Any) -> None:
    for body in (lambda a: a[::-1], lambda a: a * np.float64(2), lambda a: a[a > 0], lambda a: a[np.array([0]), 0]):
        with pytest.raises(dvm.DvmError, match=r"test_reviewed\.py:\d+: "):
            dvm.jit(body)(x)


def test_methods_of_numpy_arrays_with_the_names_of_ours(x: Any) -> None:
    np.testing.assert_array_equal(xp.asarray(x).view(np.int32), x.view(np.int32))


def test_shapes_that_do_not_fit_are_value_errors(x: Any) -> None:
    with pytest.raises(ValueError, match="do not broadcast"):
        _ = xp.asarray(x) + xp.asarray(x.T)


def test_views_that_are_gone_are_forgotten_now_and_then() -> None:
    rows: list[Any] = list(xp.asarray(np.ones((100, 2), F32)))
    views = rows[0].storage.views
    assert sum(view() is not None for view in views) == 100
    del rows[1:]
    for _ in range(5000):
        _ = rows[0][:1]
    assert len(rows[0].storage.views) <= 512


def test_a_loop_in_a_trace_is_kept_under_one_name_on_disk(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVM_CACHE_DIR", str(tmp_path))

    def grow(x: Any) -> Any:
        return dvm.while_loop(lambda v: v.sum() < 20.0, lambda v: dvm.concatenate([v, v]), x)

    for _ in range(3):
        np.testing.assert_array_equal(dvm.jit(grow)(np.full(1, 5, F32)), np.full(4, 5, F32))
    assert len(list(tmp_path.iterdir())) == 1


def test_trace_errors_are_type_errors(x: Any) -> None:
    with pytest.raises(TraceError):
        dvm.jit(lambda a: a if a.sum() > 0 else -a)(x)


def test_an_integer_that_does_not_fit_the_array_beside_it() -> None:
    f = dvm.jit(lambda a, y: a + y)
    a = np.arange(3, dtype=np.int32)
    np.testing.assert_array_equal(f(a, 2**31 - 10), a + np.int32(2**31 - 10))
    for number in (2**31, -(2**31) - 1, 2**40):
        with pytest.raises(dvm.ShapeError, match=f"'y' is {number}, which does not fit the int32 beside it"):
            f(a, number)
    np.testing.assert_array_equal(f(a.astype(np.int64), 2**40), a.astype(np.int64) + 2**40)


@pytest.mark.parametrize(
    "write",
    [
        lambda a: np.copyto(a, np.float32(3)),
        lambda a: np.copyto(a[1:], a[:-1] * 2),
        lambda a: np.put(a, [0, 5], [7, 8]),
        lambda a: np.add.at(a, (np.array([0, 0]), np.array([1, 1])), 2),
        lambda a: np.fill_diagonal(a, 9),
        lambda a: a.sort(axis=0),
        lambda a: a.T.sort(),
    ],
)
def test_functions_of_numpy_that_write(x: Any, write: Any) -> None:
    given = x[::-1].copy()
    lazy = xp.asarray(given.copy())
    seen = lazy[1:]
    write(lazy)
    write(given)
    np.testing.assert_array_equal(lazy, given)
    np.testing.assert_array_equal(seen, given[1:])
