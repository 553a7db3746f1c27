"""`dvm.jit`: what is traced and when, what comes out, and what a function may not ask for."""

import functools
import math
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest

import dvm
from dvm.jit import Jitted
from dvm.trace import TraceError
from vm.errors import CompileError

F32 = np.float32
Array = npt.NDArray[Any]


def random(*shape: int, dtype: Any = F32, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def counted(function: Callable[..., Any], **options: Any) -> tuple[Jitted, list[int]]:
    """A jitted function, and a list that grows each time its Python code runs."""
    runs: list[int] = []

    def wrapped(*arguments: Any, **named: Any) -> Any:
        runs.append(1)
        return function(*arguments, **named)

    return dvm.jit(wrapped, **options), runs


def test_softmax_of_any_shape_is_traced_once_and_is_one_kernel() -> None:
    @dvm.jit
    def softmax(x: Any) -> Any:
        e = dvm.exp(x - dvm.max(x, axis=-1, keepdims=True))
        return e / dvm.sum(e, axis=-1, keepdims=True)

    for shape in [(3, 5), (1, 5), (7, 1), (1, 1), (0, 4), (37, 1000)]:
        x = random(*shape)
        exact = np.exp(x.astype(np.float64) - x.max(-1, keepdims=True, initial=-np.inf))
        result = softmax(x)
        assert isinstance(result, np.ndarray)
        np.testing.assert_allclose(result, exact / exact.sum(-1, keepdims=True), rtol=1e-6)
    assert softmax.traces == 1
    assert softmax.program(random(3, 5)).stats["kernels"] == 1
    assert softmax(random(2, 3, 4)).shape == (2, 3, 4)
    assert softmax.traces == 2


def test_a_new_shape_runs_no_python() -> None:
    f, runs = counted(lambda x, y: x * y + 1)
    for rows in (2, 3, 1, 40, 0):
        x, y = random(rows, 6), random(6, seed=1)
        np.testing.assert_array_equal(f(x, y), x * y + F32(1))
    np.testing.assert_array_equal(f(random(3, 1), random(6)), random(3, 1) * random(6) + F32(1))
    assert len(runs) == 1
    f(random(3, 6, dtype=np.float16), random(6, dtype=np.float16))
    assert len(runs) == 2


def test_bias_and_activation_join_the_product() -> None:
    @dvm.jit
    def layer(x: Any, w: Any, b: Any) -> Any:
        return dvm.relu(x @ w + b)

    x, w, b = random(9, 8), random(8, 5, seed=1), random(5, seed=2)
    np.testing.assert_allclose(layer(x, w, b), np.maximum(x @ w + b, 0), rtol=1e-5, atol=1e-6)
    assert layer.program(x, w, b).stats["kernels"] == 1


class Pair(NamedTuple):
    first: Any
    second: Any


def test_nested_arguments_and_results() -> None:
    @dvm.jit
    def f(weights: Any, pairs: Any, *, scale: float) -> Any:
        total = sum(pair.first * pair.second for pair in pairs)
        return {"total": total * scale, "parts": [weights["a"] + 1, (weights["b"], "text", None)], "n": 3}

    a, b = random(3), random(2, 2)
    pairs = [Pair(random(4, seed=2), random(4, seed=3)), Pair(random(4, seed=4), random(4, seed=5))]
    result = f({"a": a, "b": b}, pairs, scale=0.5)
    np.testing.assert_allclose(result["total"], sum(p.first * p.second for p in pairs) * 0.5, rtol=1e-6)
    np.testing.assert_array_equal(result["parts"][0], a + 1)
    np.testing.assert_array_equal(result["parts"][1][0], b)
    assert result["parts"][1][1:] == ("text", None)
    assert result["n"] == 3
    assert f.traces == 1
    f({"a": a, "b": b}, pairs, scale=2.0)
    assert f.traces == 1
    names = [parameter.name for parameter in f.program({"a": a, "b": b}, pairs, scale=0.5).inputs]
    assert names == [
        "weights_a",
        "weights_b",
        "pairs_0_first",
        "pairs_0_second",
        "pairs_1_first",
        "pairs_1_second",
        "scale",
    ]


def test_static_arguments_are_part_of_the_kind() -> None:
    f, runs = counted(lambda x, axis, name: x.sum(axis) if name == "sum" else x.max(axis))
    g = dvm.jit(lambda x, axis, name: x.sum(axis) if name == "sum" else x.max(axis), static_argnames=("axis",))
    x = random(3, 4)
    for axis in (0, 1):
        np.testing.assert_allclose(g(x, axis, "sum"), x.sum(axis), rtol=1e-6)
        np.testing.assert_array_equal(g(x, axis=axis, name="max"), x.max(axis))
    assert g.traces == 4
    with pytest.raises(TraceError, match=r"test_jit\.py:\d+: this value cannot be known"):
        f(x, 0, "sum")
    assert runs == [1]
    with pytest.raises(dvm.DvmError, match="'nothing' is no argument"):
        dvm.jit(lambda x: x, static_argnames=("nothing",))
    with pytest.raises(dvm.DvmError, match="not hashable"):
        f(x, {1, 2}, "sum")


def test_equal_static_arguments_of_other_types_differ() -> None:
    f = dvm.jit(lambda x, p: x * (2 if p is True else 3), static_argnames="p")
    x = random(3)
    np.testing.assert_array_equal(f(x, True), x * 2)
    np.testing.assert_array_equal(f(x, 1), x * 3)


def test_numbers_take_on_the_type_of_the_array_beside_them() -> None:
    f = dvm.jit(lambda x, s: x * s)
    for dtype, number in [(np.float16, 2.5), (F32, 3), (np.int64, 4), (np.int32, 5), (ml_dtypes.bfloat16, 0.5)]:
        x = np.arange(4).astype(dtype)
        result = f(x, number)
        assert result.dtype == dtype
        np.testing.assert_array_equal(result.astype(F32), x.astype(F32) * F32(number))
    assert f.traces == 5
    with pytest.raises(dvm.DvmError, match="makes float64 of it"):
        f(np.arange(4), 0.5)


def test_arrays_from_outside_are_read_at_each_call() -> None:
    w = random(4)
    lazy = dvm.asarray(random(4, seed=1))

    @dvm.jit
    def f(x: Any) -> Any:
        return x * w + lazy

    x = random(3, 4, seed=2)
    np.testing.assert_allclose(f(x), x * w + lazy.numpy(), rtol=1e-6)
    w *= 2
    np.testing.assert_allclose(f(x), x * w + lazy.numpy(), rtol=1e-6)
    lazy += 1.0
    np.testing.assert_allclose(f(x), x * w + lazy.numpy(), rtol=1e-6)
    assert f.traces == 1


def test_arrays_from_outside_have_sizes_that_are_known() -> None:
    """Products of one array with three of the same size become one kernel, as their sizes are seen to be equal."""
    weights = [random(8, 6, seed=seed) for seed in (1, 2, 3)]
    f = dvm.jit(lambda x: tuple(x @ weight for weight in weights))
    for rows in (5, 1, 9):
        x = random(rows, 8)
        for found, weight in zip(f(x), weights, strict=True):
            np.testing.assert_allclose(found, x @ weight, rtol=1e-5, atol=1e-6)
    program = f.program(random(5, 8))
    assert program.stats["kernels"] == 1
    assert [given.dims for given in program.inputs] == [("s0", 8), (8, 6), (8, 6), (8, 6)]


def test_lazy_arrays_in_lazy_arrays_out() -> None:
    f = dvm.jit(lambda x: (x + 1, x.T))
    x = random(2, 3)
    first, second = f(dvm.asarray(x) * 2.0)
    assert isinstance(first, dvm.Array)
    np.testing.assert_array_equal(first, x * 2 + 1)
    np.testing.assert_array_equal(second, (x * 2).T)


def test_sizes_are_symbols() -> None:
    @dvm.jit
    def f(x: Any) -> Any:
        rows, columns = x.shape
        halves = x.reshape(rows, 2, columns // 2)
        padded = dvm.concatenate([x, dvm.zeros((2, columns))])
        return halves.sum(1), padded[-3:], x.sum() / x.size, x[1:, : columns - 1], dvm.arange(rows), x[-1]

    for shape in [(4, 6), (9, 2)]:
        x = random(*shape)
        halves, tail, mean, inner, numbers, last = f(x)
        np.testing.assert_allclose(halves, x.reshape(shape[0], 2, -1).sum(1), rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(tail, np.concatenate([x, np.zeros((2, shape[1]), F32)])[-3:])
        np.testing.assert_allclose(mean, x.mean(), rtol=1e-4, atol=1e-6)
        np.testing.assert_array_equal(inner, x[1:, :-1])
        np.testing.assert_array_equal(numbers, np.arange(shape[0]))
        np.testing.assert_array_equal(last, x[-1])
    assert f.traces == 1
    with pytest.raises(dvm.ShapeError, match="5"):
        f(random(3, 5))


@pytest.mark.parametrize(
    "size_of",
    [
        lambda n: n % 4,
        lambda n: 100 % n,
        lambda n: 100 // n,
        lambda n: n**2,
        lambda n: n**0,
        lambda n: divmod(n, 4)[0] + divmod(100, n)[1],
        lambda n: np.int64(3) * n - np.int32(1),
        lambda n: np.remainder(n, 5) + np.power(n, 2),
        lambda n: math.ceil(n) + math.floor(n) + round(n) + (+n),
    ],
)
def test_arithmetic_of_sizes_gives_sizes(size_of: Callable[[Any], Any]) -> None:
    f = dvm.jit(lambda x: dvm.ones(size_of(x.shape[0])))
    for size in (3, 7, 16, 1):
        assert f(random(size)).shape == (size_of(size),)
    assert f.traces == 1


@pytest.mark.parametrize(
    "number_of",
    [
        np.sqrt,
        dvm.sqrt,
        lambda n: n**0.5,
        lambda n: n**-1,
        lambda n: np.power(n, 0.25),
        lambda n: n / 3,
        lambda n: 3 / n,
        lambda n: np.float32(3) / n,
        lambda n: np.log(n) + n,
        lambda n: n * 0.5,
        lambda n: dvm.exp(-n),
        lambda n: np.maximum(n - 5, 1) + (3 - n),
        lambda n: np.maximum(n, 8),
        lambda n: 2**n,
        lambda n: (n / 2) ** -2,
    ],
)
def test_functions_of_sizes_and_of_numbers_give_numbers(number_of: Callable[[Any], Any]) -> None:
    of_size = dvm.jit(lambda x: x * number_of(x.shape[0]))
    of_number = dvm.jit(lambda x, n: x * number_of(n))
    for size in (3, 7, 16):
        x = random(size)
        exact = x.astype(np.float64) * float(number_of(float(size)))
        np.testing.assert_allclose(of_size(x), exact, rtol=1e-6)
        np.testing.assert_allclose(of_number(x, size), exact, rtol=1e-6)
    assert of_size.traces == of_number.traces == 1


def test_numbers_of_sizes_take_on_the_type_of_the_array_beside_them() -> None:
    x = random(9, dtype=np.float16)
    for function in (np.sqrt, lambda n: n / 2, lambda n: n * 0.5):
        result = dvm.jit(lambda x, function=function: x * function(x.shape[0]))(x)
        assert result.dtype == np.float16
        np.testing.assert_allclose(result, x * np.float16(function(9)), rtol=1e-3)


def test_sizes_that_are_provably_alike_compare() -> None:
    @dvm.jit
    def f(x: Any) -> Any:
        assert x.shape == (x + 1).shape
        assert x.shape[0] + 1 != x.shape[0]
        return x

    f(random(3))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            lambda x: x if x.sum() > 0 else -x,
            "whether this holds cannot be known.*dvm.cond, dvm.while_loop or dvm.where",
        ),
        (lambda x: x * float(x.sum()), "this value cannot be known"),
        (lambda x: next(x for _ in range(x.shape[0])), r"the size s0 cannot be known.*dvm\.fori_loop, or dvm\.lazy"),
        (
            lambda x: x if x.shape[0] > 3 else -x,
            "whether s0 is less than 3 cannot be known.*static argument, or dvm.lazy",
        ),
        (lambda x: x if x.shape[0] == 3 else -x, "whether s0 is 3 cannot be known"),
        (lambda x: sum(row for row in x), r"the size s0 of what is iterated over cannot be known.*dvm\.fori_loop\(0"),
        (lambda x: x * math.sqrt(x.shape[1]), "the size s1 cannot be known.*dvm.sqrt and the like in place of math's"),
        (lambda x: x[: x.shape[0] % 0], "'s0' cannot be divided by '0'"),
        (lambda x: x * np.hypot(x.shape[0], 3), r"numpy\.hypot cannot be traced here"),
        (np.asarray, "the elements cannot be known"),
        (np.sort, r"numpy\.sort cannot be traced: DVM has it not, use dvm\.lazy"),
        (lambda x: x // 2.0, "there is no such operation"),
        (lambda x: x.__setitem__(0, 1), "a traced array cannot be written: use dvm.where"),
    ],
)
def test_what_is_not_known_is_refused_with_the_line_and_the_way_out(body: Callable[..., Any], message: str) -> None:
    with pytest.raises(dvm.DvmError, match=message) as caught:
        dvm.jit(body)(random(3, 4))
    assert "test_jit.py:" in str(caught.value) or "there is no such operation" in str(caught.value)


def test_shapes_that_never_fit_name_the_line() -> None:
    with pytest.raises(CompileError, match=r"test_jit\.py:\d+"):
        dvm.jit(lambda x: x.reshape(3, 4) + dvm.ones((5, 4)))(random(12))


def test_shapes_that_do_not_fit_name_the_inputs_and_the_line() -> None:
    f = dvm.jit(lambda left, right: left + right)
    f(random(3), random(3))
    with pytest.raises(dvm.ShapeError, match=r"'left'.*'right'.*test_jit\.py:\d+"):
        f(random(3), random(4))


def test_a_function_without_arrays_among_its_results() -> None:
    with pytest.raises(dvm.DvmError, match="returns no array"):
        dvm.jit(lambda x: None)(random(3))


def test_one_jitted_function_inside_another() -> None:
    inner = dvm.jit(lambda x: dvm.exp(x) + 1)
    outer = dvm.jit(lambda x: inner(x) * 2)
    x = random(3)
    np.testing.assert_allclose(outer(x), (np.exp(x) + 1) * 2, rtol=1e-6)
    assert inner.traces == 0
    assert outer.program(x).stats["kernels"] == 1


def test_callables_without_a_name() -> None:
    f = dvm.jit(functools.partial(lambda x, scale: x * scale, scale=2.0))
    np.testing.assert_array_equal(f(random(3)), random(3) * 2)


def test_methods() -> None:
    class Layer:
        def __init__(self, scale: float) -> None:
            self.scale = scale

        @dvm.jit
        def forward(self, x: Any) -> Any:
            return x * self.scale

    x = random(3)
    one, two = Layer(2.0), Layer(3.0)
    np.testing.assert_array_equal(one.forward(x), x * 2)
    np.testing.assert_array_equal(two.forward(x), x * 3)
    np.testing.assert_array_equal(one.forward(x), x * 2)


def test_a_value_kept_from_one_trace_is_refused_in_another() -> None:
    kept: list[Any] = []

    def keep(x: Any) -> Any:
        kept.append(x)
        return x + 1

    dvm.jit(keep)(random(3))
    with pytest.raises(TraceError, match="a value of another function that is traced was kept"):
        dvm.jit(lambda x: x + kept[0])(random(3))


def test_an_error_while_tracing_leaves_nothing_behind() -> None:
    f = dvm.jit(lambda x: 1 / 0)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            f(random(3))
    assert isinstance(dvm.exp(random(3)), dvm.Array)


def test_threads_trace_once() -> None:
    f, runs = counted(lambda x: dvm.tanh(x) * 2)
    start = threading.Barrier(8)
    wrong: list[int] = []

    def work(seed: int) -> None:
        start.wait()
        for size in range(1, 30):
            x = random(size + seed, seed=seed)
            if not np.allclose(f(x), np.tanh(x) * 2, rtol=1e-6):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(runs) == 1
