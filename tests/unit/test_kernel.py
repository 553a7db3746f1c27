"""`dvm.kernel`: the builder's operations against NumPy, kernel types and what they refuse, and what is compiled when."""

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import dvm

Array = npt.NDArray[Any]

FLOATS = [dvm.float32, dvm.float16, dvm.bfloat16]
NUMBERS = [*FLOATS, dvm.int32, dvm.int64]
SHAPES = [(), (5,), (3, 4), (2, 1, 3), (2, 2, 1, 2, 2)]


def values(dtype: Any, shape: tuple[int, ...], seed: int = 0, least: float = -4) -> Array:
    """Halves between `least` and 4, which all element types but the integers have."""
    random = np.random.default_rng(seed)
    halves = random.integers(int(2 * least), 8, shape) / 2
    return np.asarray(halves).astype(dtype)


def close(found: Array, expected: Array, dtype: Any) -> None:
    tolerance = {2: 2e-2}.get(np.dtype(dtype).itemsize, 1e-5)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found.astype(np.float64), expected.astype(np.float64), tolerance, tolerance)


def wide(x: Array) -> Array:
    return x.astype(np.float64) if x.dtype.kind not in "bi" else x


def applied(operation: Callable[..., Any]) -> dvm.Kernel:
    @dvm.kernel
    def kernel(k: Any, *arrays: Any) -> Any:
        return k.store(operation(k, *[k.load(array, array.dtype) for array in arrays]))

    return kernel


UNARY: dict[str, Callable[[Array], Array]] = {
    "sqrt": np.sqrt,
    "abs": np.abs,
    "log": np.log,
    "exp": np.exp,
    "reciprocal": lambda x: 1 / x,
    "round": np.rint,
    "floor": np.floor,
    "ceil": np.ceil,
    "trunc": np.trunc,
}
OF_INTEGERS = {"abs", "round", "floor", "ceil", "trunc"}


@pytest.mark.parametrize("dtype", NUMBERS, ids=str)
@pytest.mark.parametrize("name", UNARY)
def test_unary(name: str, dtype: Any) -> None:
    kernel = applied(lambda k, x: getattr(k, name)(x))
    least = 0.5 if name in ("sqrt", "log", "reciprocal") else -4
    if dtype.kind == "i" and name not in OF_INTEGERS:
        with pytest.raises(dvm.DvmError, match=r"test_kernel.py:\d+: "):
            kernel(values(dtype, (3,)))
        return
    for shape in SHAPES:
        x = values(dtype, shape, least=least)
        found = kernel(x)
        assert found.dtype == dtype
        close(found, UNARY[name](wide(x)), dtype)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_isfinite(dtype: Any) -> None:
    x = np.array([0, np.nan, np.inf, -np.inf, 2], np.float32).astype(dtype)
    np.testing.assert_array_equal(applied(lambda k, x: k.isfinite(x))(x), [True, False, False, False, True])


BINARY: dict[str, Callable[[Array, Array], Array]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "pow": np.power,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "equal": np.equal,
    "not_equal": np.not_equal,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
    "less": np.less,
    "less_equal": np.less_equal,
    "logical_and": np.logical_and,
    "logical_or": np.logical_or,
}


@pytest.mark.parametrize("dtype", NUMBERS, ids=str)
@pytest.mark.parametrize("name", BINARY)
def test_binary_with_a_number_on_either_side(name: str, dtype: Any) -> None:
    if dtype.kind == "i" and name in ("div", "pow"):
        pytest.skip("NumPy makes float64 of it, or refuses it")
    reference = BINARY[name]
    cases: list[tuple[dvm.Kernel, Callable[[Array, Array], Array]]] = [
        (applied(lambda k, x, y: getattr(k, name)(x, y)), reference),
        (applied(lambda k, x, y: getattr(k, name)(x, 2)), lambda x, y: reference(x, np.asarray(2))),
        (applied(lambda k, x, y: getattr(k, name)(2, y)), lambda x, y: reference(np.asarray(2), y)),
    ]
    for kernel, expected in cases:
        for shape in SHAPES[:4]:
            x, y = (values(dtype, shape, seed, least=0.5) for seed in (1, 2))
            close(kernel(x, y), np.asarray(expected(wide(x), wide(y))), dtype)


@pytest.mark.parametrize("dtype", NUMBERS, ids=str)
def test_select_cast_copy_and_logical_not(dtype: Any) -> None:
    x, y = values(dtype, (3, 4), 1), values(dtype, (4,), 2)
    close(applied(lambda k, x, y: k.select(k.less(x, y), x, 2))(x, y), np.where(x < y, x, dtype.type(2)), dtype)
    np.testing.assert_array_equal(applied(lambda k, x: k.logical_not(x))(x), x == 0)
    np.testing.assert_array_equal(applied(lambda k, x: k.copy(x))(x), x)
    for target in (*NUMBERS, dvm.bool_):
        found = applied(lambda k, x, target=target: k.cast(x, target))(x)
        assert found.dtype == target
        np.testing.assert_array_equal(found, x.astype(target))


@pytest.mark.parametrize("dtype", NUMBERS, ids=str)
def test_shapes(dtype: Any) -> None:
    x = values(dtype, (3, 4))
    np.testing.assert_array_equal(applied(lambda k, x: k.reshape(x, (4, -1)))(x), x.reshape(4, -1))
    np.testing.assert_array_equal(applied(lambda k, x: k.broadcast(x, (2, *x.shape)))(x), np.broadcast_to(x, (2, 3, 4)))
    np.testing.assert_array_equal(applied(lambda k, x: k.full(3, x.shape, dtype))(x), np.full((3, 4), 3, dtype))


@pytest.mark.parametrize("dtype", NUMBERS, ids=str)
@pytest.mark.parametrize("name", ["sum", "max", "min"])
def test_reductions(name: str, dtype: Any) -> None:
    for dims, keepdims in [((0,), False), ((1,), True), ((0, -1), False), (None, True)]:
        kernel = applied(lambda k, x, dims=dims, keep=keepdims: getattr(k, name)(x, dims, keep))
        for shape in [(3, 4), (2, 5)]:
            x = values(dtype, shape)
            found = kernel(x)
            assert found.dtype == dtype
            close(found, np.asarray(getattr(np, name)(wide(x), dims, keepdims=keepdims)), dtype)


def test_products() -> None:
    a, b, bias = values(dvm.float32, (2, 4, 3), 1), values(dvm.float32, (5, 4), 2), values(dvm.float32, (5,), 3)
    kernel = applied(lambda k, a, b, c: k.matmul(a, b, True, True, c))
    close(kernel(a, b, bias), np.swapaxes(a, 1, 2) @ b.T + bias, dvm.float32)
    x, w = values(dvm.float32, (6, 4), 4), values(dvm.float32, (3, 4, 5), 5)
    ends = np.array([1, 4, 6], np.int64)
    found = applied(lambda k, x, w, ends: k.grouped_matmul(x, w, ends))(x, w, ends)
    close(found, np.concatenate([x[:1] @ w[0], x[1:4] @ w[1], x[4:] @ w[2]]), dvm.float32)


def test_one_hot_and_element_any() -> None:
    index = np.array([[0, 2], [1, 5]], np.int32)
    expected = np.where(index[:, None, :] == np.arange(4)[:, None], 3, -1).astype(np.float16)
    kernel = applied(lambda k, x: k.one_hot(x, 4, 1, 3.0, -1.0, dvm.float16))
    np.testing.assert_array_equal(kernel(index), expected)
    any_of = applied(lambda k, x: k.element_any(x))
    for x in (np.zeros((3, 4), np.float32), np.eye(3, dtype=np.float32)):
        np.testing.assert_array_equal(any_of(x), [float(x.any())])


@dvm.kernel
def scaled_sum(k: Any, x: Any, y: Any, s: Any) -> Any:
    a = k.load(x, dvm.float32)
    b = k.load(y, dvm.float32)
    return k.store(k.sum(k.mul(k.add(a, b), k.scalar(s)), (1,), True))


def test_new_shapes_and_numbers_compile_nothing_and_new_ranks_do() -> None:
    before = scaled_sum.compilations
    for rows, s in [(3, 2.0), (9, -1.5), (300, 0.0)]:
        x, y = values(dvm.float32, (rows, 7), 1), values(dvm.float32, (rows, 7), 2)
        close(scaled_sum(x, y, s), ((x + y) * s).sum(1, keepdims=True), dvm.float32)
    assert scaled_sum.compilations == before + 1
    x = values(dvm.float32, (2, 3, 4))
    close(scaled_sum(x, x[0, 0], 2.0), ((x + x[0, 0]) * 2).sum(1, keepdims=True), dvm.float32)
    assert scaled_sum.compilations == before + 2


def test_numbers_take_on_the_type_beside_them() -> None:
    @dvm.kernel
    def kernel(k: Any, x: Any, s: Any) -> Any:
        return k.store(k.add(k.mul(k.load(x, dvm.float16), k.scalar(s)), s)), k.store(k.scalar(s, dvm.float16))

    scaled, number = kernel(np.ones(3, np.float16), 2.5)
    assert (scaled.dtype, number.dtype, number.shape) == (np.float16, np.float16, ())
    np.testing.assert_array_equal(scaled, [5, 5, 5])


def test_declared_shapes() -> None:
    @dvm.kernel
    def kernel(k: Any) -> Any:
        return k.store(k.add(k.load(["rows", 4], dvm.float32), k.load([-1, 4], dvm.float32)))

    assert "input1_0" in kernel.das()
    x, y = values(dvm.float32, (3, 4), 1), values(dvm.float32, (1, 4), 2)
    np.testing.assert_array_equal(kernel(x, x), x + x)
    np.testing.assert_array_equal(kernel(x, y), x + y)
    with pytest.raises(dvm.ShapeError, match="takes 2 arguments, 2 of which it declares by shape, but is given 1"):
        kernel(x)
    with pytest.raises(dvm.ShapeError, match="'input0' has 5 in dim 1, expected 4"):
        kernel(np.ones((3, 5), np.float32), x)
    with pytest.raises(dvm.ShapeError, match="float64"):
        kernel(x.astype(np.float64), x)


def test_static_kernels_are_compiled_for_each_shape() -> None:
    @dvm.kernel(dynamic=False)
    def kernel(k: Any, x: Any) -> Any:
        assert all(isinstance(size, int) for size in x.shape)
        return k.store(k.add(k.load(x, dvm.float32), k.load([-1], dvm.float32)))

    for count in (3, 3, 4):
        x = values(dvm.float32, (count,))
        np.testing.assert_array_equal(kernel(x, x), x + x)
    assert kernel.compilations == 2
    assert "[4]" in kernel.das()


def test_results_as_they_are_returned() -> None:
    @dvm.kernel
    def both(k: Any, x: Any) -> Any:
        a = k.load(x, dvm.float32)
        first, second = k.store(k.exp(a)), k.store(a)
        return second, first

    @dvm.kernel
    def nothing(k: Any, x: Any) -> None:
        k.store(k.add(k.load(x, dvm.float32), 1))

    x = values(dvm.float32, (3,))
    same, other = both(x)
    np.testing.assert_array_equal(same, x)
    close(other, np.exp(x), dvm.float32)
    np.testing.assert_array_equal(nothing(x), x + 1)
    assert isinstance(nothing(dvm.asarray(x)), dvm.Array)


def test_static_arguments() -> None:
    @dvm.kernel(static_argnames="axis")
    def kernel(k: Any, arrays: Any, axis: int, shape: Any) -> Any:
        a, b = (k.load(array, dvm.float32) for array in arrays)
        return k.store(k.reshape(k.sum(k.add(a, b), axis), shape))

    x = values(dvm.float32, (3, 4))
    close(kernel([x, x], 0, [2, 2]), (x + x).sum(0).reshape(2, 2), dvm.float32)
    close(kernel([x, x], 1, (3, 1)), (x + x).sum(1).reshape(3, 1), dvm.float32)


# --- kernel types ---


def softmax(k: Any, x: Any) -> Any:
    e = k.exp(k.sub(x, k.max(x, (-1,), True)))
    return k.div(e, k.sum(e, (-1,), True))


def test_one_kernel_types() -> None:
    vector = dvm.kernel(ktype="vector")(lambda k, x: k.store(softmax(k, k.load(x, dvm.float32))))
    cube = dvm.kernel(ktype="cube")(lambda k, x: k.store(k.matmul(k.load(x, dvm.float32), x.value, trans_b=True)))
    mix = dvm.kernel(ktype="mix")(
        lambda k, x: k.store(k.maximum(k.matmul(k.load(x, dvm.float32), k.load(x, dvm.float32), False, True), 0))
    )
    for rows in (1, 2, 5):
        x = values(dvm.float32, (rows, 6))
        close(vector(x), np.exp(x) / np.exp(x).sum(-1, keepdims=True), dvm.float32)
        close(cube(x), x @ x.T, dvm.float32)
        close(mix(x), np.maximum(x @ x.T, 0), dvm.float32)
        assert [kernel.program(x).stats["kernels"] for kernel in (vector, cube, mix)] == [1, 1, 1]


def test_promises_that_do_not_hold() -> None:
    @dvm.kernel(ktype="vector")
    def two(k: Any, x: Any) -> Any:
        a = k.load(x, dvm.float32)
        return k.store(k.sum(a, (0,))), k.store(k.sum(a, (1,)))

    x = values(dvm.float32, (3, 4))
    with pytest.raises(dvm.CompileError, match=r"test_kernel.py:\d+:0: vk.kernel @two: it takes 2 kernels") as caught:
        two(x)
    assert "they reduce different dims" in str(caught.value)
    with pytest.raises(dvm.DvmError, match=r"test_kernel.py:\d+: a 'vector' kernel has no matrix products"):
        dvm.kernel(ktype="vector")(lambda k, x: k.store(k.matmul(k.load(x, dvm.float32), x.value)))(x)
    with pytest.raises(dvm.DvmError, match="a 'cube' kernel has only matrix products, no 'unary'"):
        dvm.kernel(ktype="cube")(lambda k, x: k.store(k.exp(k.load(x, dvm.float32))))(x)


def test_eager_and_split() -> None:
    def chain(k: Any, x: Any) -> Any:
        return k.store(k.sqrt(k.abs(k.exp(k.load(x, dvm.float32)))))

    x = values(dvm.float32, (3, 4))
    for ktype, kernels in (("eager", 3), ("split", 1)):
        kernel = dvm.kernel(ktype=ktype)(chain)  # type: ignore[call-overload]
        close(kernel(x), np.sqrt(np.exp(x)), dvm.float32)
        assert kernel.program().stats["kernels"] == kernels


def test_parallel() -> None:
    @dvm.kernel(ktype="parallel")
    def kernel(k: Any, x: Any, y: Any) -> Any:
        a = k.load(x, dvm.float32)
        first = k.store(k.exp(a))
        k.parallel_next()
        second = k.store(k.exp(a))
        k.parallel_next()
        third = k.store(k.sum(k.load(y, dvm.float32), (0,)))
        k.parallel_next()
        return first, second, third, k.store(a)

    x, y = values(dvm.float32, (3, 4)), values(dvm.float32, (7, 2))
    first, second, third, fourth = kernel(x, y)
    close(first, np.exp(x), dvm.float32)
    np.testing.assert_array_equal(first, second)
    close(third, y.sum(0), dvm.float32)
    np.testing.assert_array_equal(fourth, x)


def test_parallel_kernels_are_one_stage() -> None:
    @dvm.kernel(ktype="parallel")
    def kernel(k: Any, x: Any, y: Any) -> None:
        k.store(k.exp(k.load(x, dvm.float32)))
        k.parallel_next()
        k.store(k.sum(k.load(y, dvm.float32), (0,)))

    x, y = values(dvm.float32, (3, 4)), values(dvm.float32, (7, 2))
    kernel(x, y)
    stats = kernel.program().stats
    assert (stats["kernels"], stats["stages"], stats["workspace_tensors"]) == (2, 1, 0)
    dependent = dvm.kernel(ktype="parallel")(_dependent)
    with pytest.raises(
        dvm.DvmError, match=r"test_kernel.py:\d+: a sub-kernel of a 'parallel' kernel uses what another"
    ):
        dependent(x)


def _dependent(k: Any, x: Any) -> Any:
    e = k.exp(k.load(x, dvm.float32))
    k.parallel_next()
    return k.store(k.add(e, 1))


def test_sequence() -> None:
    @dvm.kernel(ktype="sequence")
    def kernel(k: Any, x: Any) -> Any:
        a = k.load(x, dvm.float32)
        product = k.matmul(a, a, trans_b=True)
        k.seq_add()
        weights = softmax(k, product)
        k.seq_add()
        k.store(k.abs(a))
        k.seq_add()
        return k.store(k.matmul(weights, a))

    with pytest.raises(dvm.DvmError, match="2 values are stored, and 1 of them returned"):
        kernel(values(dvm.float32, (3, 4)))


def test_sequence_passes_values_as_workspace() -> None:
    @dvm.kernel(ktype="sequence")
    def kernel(k: Any, x: Any) -> None:
        a = k.load(x, dvm.float32)
        product = k.matmul(a, a, trans_b=True)
        k.seq_add()
        weights = softmax(k, product)
        k.seq_add()
        k.store(k.abs(a))
        k.seq_add()
        k.store(k.matmul(weights, a))

    for rows in (3, 1):
        x = values(dvm.float32, (rows, 4)) / 4
        first, second = kernel(x)
        weights = np.exp(x @ x.T)
        np.testing.assert_array_equal(first, np.abs(x))
        close(second, weights / weights.sum(1, keepdims=True) @ x, dvm.float32)
        stats = kernel.program().stats
        assert (stats["kernels"], stats["stages"], stats["workspace_tensors"]) == (4, 4, 2)


def test_speculation() -> None:
    @dvm.kernel(ktype="vector")
    def kernel(k: Any, x: Any) -> Any:
        a = k.load(x, dvm.float32)
        k.store(k.sum(a, (1,)))
        k.spec_next(f"{x.shape[0]} < 4")
        k.store(k.add(k.sum(a, (1,)), 100))
        k.spec_next(f"{x.shape[0]} < 6 and {x.shape[1]} == 2")
        return k.store(k.add(k.sum(a, (1,)), 200))

    for shape, expected in (((3, 2), 100), ((5, 2), 200), ((5, 3), 0), ((7, 2), 0), ((1, 2), 100)):
        np.testing.assert_array_equal(kernel(np.zeros(shape, np.float32)), np.full(shape[0], expected))
    assert kernel.compilations == 2
    assert "vk.speculate" in kernel.dump()


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (lambda k, a: k.sum(a, (1,), True), r"output 0 as float32 \[x_0, 1\], the first as float32 \[x_0\]"),
        (lambda k, a: k.sum(a), r"output 0 as float32 \[\], the first as float32 \[x_0\]"),
        (
            lambda k, a: k.cast(k.sum(a, (1,)), dvm.float16),
            r"output 0 as float16 \[x_0\], the first as float32 \[x_0\]",
        ),
    ],
)
def test_alternatives_store_the_same_types_and_shapes(other: Callable[[Any, Any], Any], message: str) -> None:
    @dvm.kernel(ktype="vector")
    def kernel(k: Any, x: Any) -> Any:
        a = k.load(x, dvm.float32)
        k.store(k.sum(a, (1,)))
        k.spec_next("x_0 < 4")
        return k.store(other(k, a))

    with pytest.raises(dvm.DvmError, match=rf"test_kernel.py:\d+: an alternative stores {message}"):
        kernel(values(dvm.float32, (7, 2)))


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.bool_])
def test_integers_are_finite(dtype: Any) -> None:
    x = np.array([0, 1, 2]).astype(dtype)
    kernel = dvm.kernel(lambda k, x: k.store(k.isfinite(k.load(x, dtype))))
    for found in (kernel(x), dvm.isfinite(dvm.asarray(x)), dvm.jit(dvm.isfinite)(x), ~dvm.jit(dvm.isinf)(x)):
        np.testing.assert_array_equal(found, np.isfinite(x))
        assert found.dtype == np.bool_


@pytest.mark.parametrize(
    "scaled",
    [
        lambda k, a, s: k.mul(a, k.scalar(s)),
        lambda k, a, s: k.mul(a, s),
        lambda k, a, s: k.mul(a, k.scalar(s, dvm.int32)),
    ],
)
def test_numbers_that_do_not_fit_int32_are_refused(scaled: Callable[[Any, Any, Any], Any]) -> None:
    kernel = dvm.kernel(lambda k, unused, x, s: k.store(scaled(k, k.load(x, dvm.int32), s)))
    x = np.arange(3, dtype=np.int32)
    for number in (7, -(1 << 31), (1 << 31) - 1):
        with np.errstate(over="ignore"):
            np.testing.assert_array_equal(kernel(0.5, x, number), x * np.int32(number))
    for number in (1 << 31, -(1 << 31) - 1, 1 << 40):
        with pytest.raises(dvm.ShapeError, match=f"'s' is {number}, which does not fit the int32 beside it"):
            kernel(0.5, x, number)
    known = dvm.kernel(lambda k, x: k.store(k.mul(k.load(x, dvm.int32), k.scalar(1 << 40))))
    with pytest.raises(dvm.ShapeError, match=r"test_kernel.py:\d+: 1099511627776 does not fit the int32 beside it"):
        known(x)


# --- in functions that are traced ---


def test_a_kernel_in_a_traced_function_is_part_of_it() -> None:
    f = dvm.jit(lambda x, y, s: dvm.exp(scaled_sum(x * 2, y, s)) + scaled_sum(x, y=y, s=0.5))
    for rows in (1, 2, 5):
        x, y = values(dvm.float32, (rows, 3)), values(dvm.float32, (rows, 3), 1)
        expected = np.exp(((2 * x + y) * 0.25).sum(1, keepdims=True)) + ((x + y) * 0.5).sum(1, keepdims=True)
        close(f(x, y, 0.25), expected, dvm.float32)
    assert f.traces == 1
    assert f.program(x, y, 0.25).stats["kernels"] == 1


def test_a_kernel_in_a_traced_function_takes_sizes_lists_and_arrays_from_outside() -> None:
    @dvm.kernel(static_argnames=("axis",))
    def kernel(k: Any, arrays: Any, n: Any, shape: Any, axis: int) -> Any:
        a, b = (k.load(array, dvm.float32) for array in arrays)
        first = k.store(k.div(k.sum(k.add(a, b), (axis,)), n))
        return first, k.store(k.reshape(a, shape))

    outside = values(dvm.float32, (4, 3), 2)
    f = dvm.jit(lambda x: kernel([x, outside], x.shape[0], (x.shape[0] * x.shape[1],), 0))
    x = values(dvm.float32, (4, 3))
    mean, flat = f(x)
    close(mean, (x + outside).sum(0) / 4, dvm.float32)
    np.testing.assert_array_equal(flat, x.reshape(-1))


def test_a_kernel_or_a_jitted_function_under_jit() -> None:
    x, y = values(dvm.float32, (2, 3)), values(dvm.float32, (2, 3), 1)
    for function in (scaled_sum, dvm.jit(scaled_sum)):
        f = dvm.jit(function)
        close(f(x, y, 0.5), ((x + y) * 0.5).sum(1, keepdims=True), dvm.float32)
        assert [given.name for given in f.program(x, y, 0.5).inputs] == ["x", "y", "s"]


def test_a_kernel_in_a_kernel() -> None:
    outer = dvm.kernel(lambda k, x: k.store(k.exp(scaled_sum(k.load(x, dvm.float32), x, 0.5))))
    x = values(dvm.float32, (2, 3))
    close(outer(x), np.exp(x.sum(1, keepdims=True)), dvm.float32)


def test_what_a_kernel_in_a_traced_function_cannot_be() -> None:
    x = values(dvm.float32, (2, 3))
    whole = dvm.kernel(ktype="vector")(lambda k, x: k.store(k.exp(k.load(x, dvm.float32))))
    with pytest.raises(
        dvm.DvmError, match=r"of type 'vector' is a program by itself: .* only call kernels of type 'split'"
    ):
        dvm.jit(whole)(x)
    declared = dvm.kernel(lambda k: k.store(k.load([-1], dvm.float32)))
    with pytest.raises(dvm.DvmError, match=r"test_kernel.py:\d+: .* declares an array by shape"):
        dvm.jit(lambda x: declared() + x)(x)
    with pytest.raises(dvm.ShapeError, match="missing a required argument: 's'"):
        dvm.jit(lambda x: scaled_sum(x, x))(x)
    with pytest.raises(dvm.DvmError, match=r"test_kernel.py:\d+: 'x' is of int32, and is loaded as float32"):
        dvm.jit(lambda x: scaled_sum(x, x, 1.0))(x.astype(np.int32))
    with pytest.raises(dvm.DvmError, match="an array from outside of a kernel has to be an argument"):
        dvm.kernel(lambda k, y: k.store(dvm.add(k.load(y, dvm.float32), x)))(x)


# --- wrong use ---


def load(k: Any, x: Any) -> Any:
    return k.load(x, dvm.float32)


WRONG: dict[str, Callable[[Any, Any], Any]] = {
    "'x' is of float32, and is loaded as int32": lambda k, x: k.store(k.load(x, dvm.int32)),
    "DVM does not compute with elements of float64": lambda k, x: k.store(k.load(x, np.float64)),
    "'spam' is no element type": lambda k, x: k.store(k.load(x, "spam")),
    "'x' has to be loaded first": lambda k, x: k.store(k.exp(x)),
    "a kernel returns what k.store returns": load,
    "nothing is stored": lambda k, x: None,
    "this is an output, not a value": lambda k, x: k.store(k.store(load(k, x))),
    "both operands are numbers": lambda k, x: k.store(k.add(1, 2)),
    "a ndarray, which is no value": lambda k, x: k.store(k.add(load(k, x), np.ones(3))),
    "there is no dim 2 in an array of 2 dims": lambda k, x: k.store(k.sum(load(k, x), (2,))),
    "k.parallel_next is for kernels of type 'parallel', not 'split'": lambda k, x: k.parallel_next(),
    "k.seq_add is for kernels of type 'sequence'": lambda k, x: k.seq_add(),
    "k.spec_next is for kernels of type 'vector'": lambda k, x: k.spec_next("x_0 < 4"),
    "'spam' is not a comparison": lambda k, x: k.spec_next("spam"),
    "k.scalar takes a number": lambda k, x: k.store(k.scalar("1")),
    "'x' is an array of 2 dims: use k.load": lambda k, x: k.store(k.scalar(x)),
    "a shape has -2 for a size": lambda k, x: k.store(k.load([-2], dvm.float32)),
    "a size in the shape (1.5,) is neither": lambda k, x: k.store(k.reshape(load(k, x), (1.5,))),
    "are computed in float64, which DVM has not": lambda k, x: k.store(
        k.add(load(k, x), k.cast(load(k, x), dvm.int32))
    ),
    "has no value before the kernel runs": lambda k, x: k.store(k.sum(load(k, x), (x,))),
}


@pytest.mark.parametrize("message", WRONG)
def test_wrong_use(message: str) -> None:
    with pytest.raises(dvm.DvmError) as caught:
        dvm.kernel(WRONG[message])(values(dvm.float32, (3, 4)))
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{__file__}:")


def test_wrong_decoration_and_wrong_calls() -> None:
    with pytest.raises(dvm.DvmError, match="there is no type 'spam'"):
        dvm.kernel(ktype="spam")(scaled_sum)  # type: ignore[call-overload]
    with pytest.raises(dvm.DvmError, match="has to take the builder"):
        dvm.kernel(lambda: None)
    with pytest.raises(dvm.DvmError, match="has not been called yet"):
        dvm.kernel(_dependent).dump()
    with pytest.raises(
        dvm.DvmError, match=r"kernel: an argument of .* is neither an array nor a number, and not hashable"
    ):
        dvm.kernel(lambda k, x: None)({1, 2})
    x = np.ones((2, 3), np.float32)
    with pytest.raises(dvm.ShapeError, match="kernel: 'scaled_sum' takes 3 arguments, but is given 4"):
        scaled_sum(x, x, 1.0, 2.0)
    with pytest.raises(dvm.ShapeError, match="'scaled_sum' cannot be called so: missing a required argument: 's'"):
        scaled_sum(x, x)
    with pytest.raises(
        dvm.ShapeError, match="'scaled_sum' cannot be called so: got an unexpected keyword argument 't'"
    ):
        scaled_sum(x, x, 1.0, t=2.0)


def test_dump_and_das() -> None:
    x = values(dvm.float32, (3, 4))
    text = scaled_sum.dump(x, x, 1.0)
    graph, kernels = text.split("// its kernels")
    assert "dvm.reduce Sum" in graph
    assert "vk.kernel" not in graph
    assert "vk.stage" in kernels
    assert "program 'scaled_sum'" in scaled_sum.das(x, x, 1.0)


def test_threads() -> None:
    @dvm.kernel
    def kernel(k: Any, x: Any, s: Any) -> Any:
        return k.store(k.mul(k.load(x, dvm.float32), k.scalar(s)))

    def call(number: int) -> bool:
        x = values(dvm.float32, (number % 5 + 2,) * (number % 3 + 1), number)
        return np.array_equal(kernel(x, float(number)), x * np.float32(number))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(call, range(64)))
    assert kernel.compilations == 3


def test_examples() -> None:
    sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
    try:
        import kernels  # type: ignore[import-not-found]
    finally:
        sys.path.pop(0)
    for kernel, reference, arguments in kernels.cases():
        assert kernels.difference(kernel, reference, arguments) < 1e-5


def test_an_alternative_without_a_condition_is_for_where_the_first_does_not_fit() -> None:
    @dvm.kernel(ktype="vector")
    def doubled(k: Any, x: Any) -> None:
        k.store(k.mul(k.load(x, dvm.float32), 2.0))
        k.spec_next()
        k.store(k.mul(k.load(x, dvm.float32), 3.0))

    for shape in ((3, 4), (1, 1), (0, 5), (700, 3000)):
        x = np.random.default_rng(7).random(shape).astype(np.float32)
        np.testing.assert_array_equal(doubled(x), x * np.float32(2))
