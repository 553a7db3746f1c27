"""`dvm.cond`, `dvm.while_loop`, `dvm.fori_loop`: traced into the program, and step by step on lazy arrays."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import dvm
from dvm.trace import TraceError
from vm.errors import ExecutionError

F32 = np.float32
Array = npt.NDArray[Any]


def random(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(F32)


def both(function: Callable[..., Any]) -> list[Callable[..., Any]]:
    """A function traced, and run as it stands on lazy arrays."""
    return [dvm.jit(function), lambda *given: function(*[dvm.asarray(array) for array in given])]


def test_a_branch_is_chosen_by_data() -> None:
    def absolute(x: Any) -> Any:
        return dvm.cond(x.sum() > 0, lambda v: (v, 1), lambda v: (-v, 2), x)

    for f in both(absolute):
        for sign in (1, -1):
            x = np.abs(random(5)) * F32(sign)
            value, branch = f(x)
            np.testing.assert_array_equal(value, np.abs(x))
            assert int(branch) == (1 if sign > 0 else 2)


def test_branches_of_other_sizes_and_what_follows_them() -> None:
    def f(x: Any) -> Any:
        part = dvm.cond(x[0] > 0, lambda v: v[1:], lambda v: dvm.concatenate([v, v]), x)
        return dvm.exp(part).sum(), part * 2

    for run in both(f):
        for first in (1, -1):
            x = random(6)
            x[0] = first
            part = x[1:] if first > 0 else np.concatenate([x, x])
            total, doubled = run(x)
            np.testing.assert_allclose(total, np.exp(part.astype(np.float64)).sum(), rtol=1e-6)
            np.testing.assert_array_equal(doubled, part * 2)


def test_a_loop_whose_value_grows() -> None:
    def grow(x: Any) -> Any:
        return dvm.while_loop(lambda v: v.sum() < 100.0, lambda v: dvm.concatenate([v, v[-1:] + 1]), x)

    def expected(x: Array) -> Array:
        while x.sum() < 100:
            x = np.concatenate([x, x[-1:] + 1])
        return x

    for f in both(grow):
        for size in (1, 2, 9, 200):
            x = np.arange(size).astype(F32)
            np.testing.assert_array_equal(f(x), expected(x))


def test_nested_loops_and_values_from_outside() -> None:
    def f(x: Any, w: Any) -> Any:
        def outer(i: Any, total: Any) -> Any:
            return dvm.fori_loop(0, i, lambda j, inner: inner + w * (i * 10 + j), total)

        return dvm.fori_loop(1, 4, outer, x)

    x, w = random(3), random(3, seed=1)
    expected = x.astype(np.float64)
    for i in range(1, 4):
        for j in range(i):
            expected = expected + w.astype(np.float64) * (i * 10 + j)
    for run in both(f):
        np.testing.assert_allclose(run(x, w), expected, rtol=1e-5)


def test_bounds_that_are_data_and_sizes() -> None:
    @dvm.jit
    def f(x: Any, n: Any) -> Any:
        counted = dvm.fori_loop(0, n, lambda i, v: v + 1, x)
        return dvm.fori_loop(0, x.shape[0], lambda i, v: v * 2, counted)

    for size, count in [(3, 4), (1, 0), (5, -2), (0, 3)]:
        x = random(size)
        np.testing.assert_allclose(f(x, count), (x + max(count, 0)) * 2**size, rtol=1e-6)
    assert f.traces == 1


def test_an_index_that_counts_selects_rows() -> None:
    @dvm.jit
    def cumulative(x: Any) -> Any:
        def step(i: Any, state: Any) -> Any:
            total, rows = state
            total = total + dvm.take(x, dvm.reshape(i, (1,)), axis=0)
            return total, dvm.concatenate([rows, total])

        first = x[:1]
        return dvm.fori_loop(1, x.shape[0], step, (first, first))[1]

    for rows in (1, 2, 7):
        x = random(rows, 4)
        np.testing.assert_allclose(cumulative(x), np.cumsum(x.astype(np.float64), 0), rtol=1e-5, atol=1e-6)
    assert cumulative.traces == 1


def test_newton_iterations_until_converged() -> None:
    @dvm.jit
    def root(x: Any) -> Any:
        def goes_on(state: Any) -> Any:
            guess, steps = state
            return dvm.logical_and(dvm.max(dvm.abs(guess * guess - x)) > 1e-4, steps < 100)

        return dvm.while_loop(goes_on, lambda s: ((s[0] + x / s[0]) * 0.5, s[1] + 1), (x, 0))

    x = np.abs(random(50)) + 1
    found, steps = root(x)
    np.testing.assert_allclose(found, np.sqrt(x.astype(np.float64)), rtol=1e-4)
    assert 2 <= int(steps) < 20


def test_programs_with_control_flow_are_kept_on_disk(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVM_CACHE_DIR", str(tmp_path))

    def f(x: Any) -> Any:
        return dvm.cond(x.sum() > 0, lambda v: v * 2, lambda v: v * 3, x)

    for _ in range(2):
        np.testing.assert_array_equal(dvm.jit(f)(np.ones(3, F32)), np.full(3, 2, F32))
    assert len(list(tmp_path.iterdir())) == 1


def test_a_loop_without_end_is_stopped() -> None:
    device = dvm.Device(iteration_limit=50)
    f = dvm.jit(lambda x: dvm.while_loop(lambda v: v.sum() < 1e9, lambda v: v * 1, x), device=device)
    with pytest.raises(ExecutionError, match="50"):
        f(np.ones(3, F32))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (lambda x: dvm.cond(x > 0, lambda: x, lambda: -x), "must have no dims"),
        (lambda x: dvm.cond(x.sum() > 0, lambda: x, lambda: (x, x)), "nested in different ways"),
        (lambda x: dvm.cond(x.sum() > 0, lambda: x, x.sum), "is once .* and once .*: convert"),
        (lambda x: dvm.cond(x.sum() > 0, lambda: x, lambda: "text"), "'text' is no array"),
        (lambda x: dvm.while_loop(lambda v: v.sum() > 0, lambda v: v > 0, x), "is once .* and once .*: convert"),
        (lambda x: dvm.while_loop(lambda v: v.sum() > 0, lambda v: (v, v), x), "not nested as the initial one is"),
        (lambda x: dvm.fori_loop(0, 1.5, lambda i, v: v, x), "must be an integer without dims"),
        (lambda x: dvm.fori_loop(0, x, lambda i, v: v, x), "must be an integer without dims"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_line(body: Callable[..., Any], message: str) -> None:
    with pytest.raises(TraceError, match=message) as caught:
        dvm.jit(body)(random(3))
    assert "test_control.py:" in str(caught.value)


def test_a_value_from_inside_a_loop_is_not_used_outside_of_it() -> None:
    kept: list[Any] = []

    def body(i: Any, value: Any) -> Any:
        kept.append(value)
        return value * 2

    def f(x: Any) -> Any:
        done = dvm.fori_loop(0, 3, body, x)
        return done + kept[-1]

    with pytest.raises(TraceError, match=r"test_control\.py:\d+: a value was kept from inside of a branch or loop"):
        dvm.jit(f)(random(3))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            lambda x: dvm.cond(x > 0, lambda v: v, lambda v: -v, x),
            r"the predicate of dvm.cond has the shape \[.*\], but must have no dims",
        ),
        (lambda x: dvm.cond("a", lambda: x, lambda: x), "'a' is no array"),
        (lambda x: dvm.cond(x[0] == x[0], lambda: None, lambda: None), "None is no array, and cannot come out of"),
        (
            lambda x: dvm.cond(x[0] == x[0], lambda: np.ones(3), lambda: np.ones(3)),
            "elements of float64 cannot come out",
        ),
        (
            lambda x: dvm.while_loop(lambda v: v.sum() < 5, lambda v: (v + 1).astype(np.float16), x),
            "what dvm.while_loop hands on is once .*f.*32.* and once .*f.*16.*: convert with astype",
        ),
        (
            lambda x: dvm.while_loop(lambda v: v.sum() < 5, lambda v: (v + 1).reshape(1, -1), x),
            "what dvm.while_loop hands on is once .*: convert with astype, or reshape",
        ),
        (
            lambda x: dvm.while_loop(lambda v: v[0].sum() < 5, lambda v: [v[0] + 1], (x,)),
            "the body of a loop gives a value that is not nested as the initial one is",
        ),
        (
            lambda x: dvm.while_loop(lambda v: v < 5, lambda v: v + 1, x),
            r"the condition of dvm.while_loop has the shape \[.*\], but must have no dims",
        ),
        (
            lambda x: dvm.fori_loop(0, 2.5, lambda i, v: v, x),
            "the bound of dvm.fori_loop is .*, but must be an integer",
        ),
        (lambda x: dvm.fori_loop(x, 2, lambda i, v: v, x), "the bound of dvm.fori_loop is .*, but must be an integer"),
        (
            lambda x: dvm.fori_loop(0, True, lambda i, v: v, x),
            "the bound of dvm.fori_loop is .*, but must be an integer",
        ),
        (lambda x: dvm.fori_loop(0, 2, lambda i, v: "a", x), "'a' is no array"),
    ],
)
def test_traced_and_step_by_step_refuse_the_same(function: Callable[..., Any], message: str) -> None:
    for run in both(function):
        for x in (np.ones(1, F32), np.zeros(3, F32)):
            with pytest.raises(dvm.DvmError, match=rf"test_control.py:\d+: {message}"):
                run(x)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: dvm.cond(x[0] > 0, lambda: (1, 2.5), lambda: (2, 0.5)), [np.int64(1), F32(2.5)]),
        (lambda x: dvm.cond(x[0] > 0, lambda: [True, x], lambda: [False, x]), [np.bool_(True), np.ones(1, F32)]),
        (lambda x: dvm.fori_loop(0, 3, lambda i, v: (v[0] + i, v[1] * 2), (0, x)), [np.int64(3), np.full(1, 8, F32)]),
        (lambda x: dvm.fori_loop(2, 2, lambda i, v: v, [1.5, x]), [F32(1.5), np.ones(1, F32)]),
        (
            lambda x: dvm.while_loop(lambda v: v[0] < 4, lambda v: (v[0] + 3, i32(v[1])), (0, i32(x))),
            [6, np.ones(1, "i")],
        ),
        (lambda x: dvm.fori_loop(np.int32(0), np.array(2), lambda i, v: (v[0] + 1.0,), (x[0],)), [F32(3)]),
    ],
)
def test_traced_and_step_by_step_return_the_same(function: Callable[..., Any], expected: list[Any]) -> None:
    for run in both(function):
        results = run(np.ones(1, F32))
        assert len(results) == len(expected)
        for found, value in zip(results, expected, strict=True):
            assert isinstance(found, np.ndarray | dvm.Array)
            assert found.dtype == np.asarray(value).dtype
            np.testing.assert_array_equal(found, value, strict=True)


def i32(x: Any) -> Any:
    return x.astype(np.int32)


def test_a_function_that_calls_itself_without_end() -> None:
    def down(x: Any) -> Any:
        return dvm.cond(x.sum() > 0, lambda v: down(v - 1), lambda v: v, x)

    traced, step_by_step = both(down)
    np.testing.assert_array_equal(step_by_step(np.full(1, 5, F32)), [0])
    with pytest.raises(
        TraceError, match=r"test_control.py:\d+: .* calls itself from one never ends; use dvm.while_loop"
    ):
        traced(np.full(1, 5, F32))


def test_branches_in_branches_as_deep_as_is_allowed() -> None:
    def nested(depth: int, x: Any) -> Any:
        if depth == 0:
            return x * 2.0
        return dvm.cond(x[0] > depth, lambda v: nested(depth - 1, v), lambda v: -v, x)

    for run in both(lambda x: nested(40, x)):
        np.testing.assert_array_equal(run(np.full(1, 41, F32)), [82])
        np.testing.assert_array_equal(run(np.full(1, 40, F32)), [-40])
