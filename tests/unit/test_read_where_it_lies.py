"""Concats, products and views that read slices and transpositions of what lies in memory, against NumPy."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dvm
from dvm.dtypes import bfloat16

Array = np.ndarray[Any, Any]

DTYPES = [np.dtype(kind) for kind in ("float32", "float16", bfloat16, "int32", "int64", "bool")]
SIZES = [(0, 4), (1, 1), (1, 7), (2, 5), (5, 1), (33, 130)]
"""Rows, and half of the columns."""


def filled(shape: tuple[int, ...], dtype: Any, seed: int) -> Array:
    random = np.random.default_rng(seed)
    return random.integers(-8 if dtype != np.bool_ else 0, 2 if dtype == np.bool_ else 9, shape).astype(dtype)


def check(function: Callable[..., Any], expected: Callable[..., Array], *arrays: Array, kernels: int) -> None:
    """Compare what a function gives of arrays, contiguous and not, with what NumPy gives; all numbers are exact.

    Dims of 0 and 1 may be stretched, which keeps some kernels apart.
    """
    jitted = dvm.jit(function)
    exact = expected(*arrays)
    strided = [np.repeat(array, 2, -1)[..., ::2] if array.ndim else array for array in arrays]
    turned = [np.ascontiguousarray(array.swapaxes(0, -1)).swapaxes(0, -1) for array in arrays]
    for given in (list(arrays), strided, turned):
        found = np.asarray(jitted(*given))
        assert found.dtype == exact.dtype
        assert found.shape == exact.shape
        assert np.array_equal(found.astype(np.float64), exact.astype(np.float64))
    if all(min(array.shape) > 1 for array in arrays):
        assert jitted.program(*arrays).stats["kernels"] == kernels


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_halves_that_change_places(size: tuple[int, int], dtype: np.dtype[Any]) -> None:
    rows, half = size

    def function(x: Any) -> Any:
        return dvm.concat((x[:, half:], x[:, :half]), 1)

    def expected(x: Array) -> Array:
        return np.concatenate((x[:, half:], x[:, :half]), 1)

    check(function, expected, filled((rows, 2 * half), dtype, 0), kernels=1)


@pytest.mark.parametrize("dtype", DTYPES[:5], ids=str)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_rotary_embedding(size: tuple[int, int], dtype: np.dtype[Any]) -> None:
    rows, half = size

    def function(x: Any, c: Any, s: Any) -> Any:
        return x * c + dvm.concat((-x[:, half:], x[:, :half]), 1) * s

    def expected(x: Array, c: Array, s: Array) -> Array:
        return x * c + np.concatenate((-x[:, half:], x[:, :half]), 1) * s

    check(function, expected, *(filled((rows, 2 * half), dtype, seed) for seed in range(3)), kernels=1)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("size", [(0, 3, 2), (1, 0, 1), (1, 1, 1), (5, 9, 4), (3, 40, 33)], ids=str)
def test_a_cache_that_grows_by_one_part_of_a_product(size: tuple[int, int, int], dtype: np.dtype[Any]) -> None:
    tokens, past, width = size
    heads = 3

    def parts(x: Any) -> Any:
        whole = x + x if dtype != np.bool_ else x | x
        return whole.reshape((tokens, 2 * heads, width))[:, heads:].transpose((1, 0, 2))

    def function(cache: Any, x: Any) -> Any:
        return dvm.concat((cache, parts(x)), 1)

    def expected(cache: Array, x: Array) -> Array:
        return np.concatenate((cache, parts(x)), 1)

    arrays = (filled((heads, past, width), dtype, 0), filled((tokens, 2 * heads * width), dtype, 1))
    check(function, expected, *arrays, kernels=2)


@pytest.mark.parametrize("dtype", DTYPES[:3], ids=str)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_factors_that_are_slices(size: tuple[int, int], dtype: np.dtype[Any]) -> None:
    rows, half = size

    def function(x: Any, y: Any) -> Any:
        return (x[:, half:].mT if hasattr(x, "mT") else x[:, half:].T) @ y[1:]

    def expected(x: Array, y: Array) -> Array:
        return (x[:, half:].T.astype(np.float64) @ y[1:].astype(np.float64)).astype(dtype)

    check(function, expected, filled((rows, half + 3), dtype, 0), filled((rows + 1, 5), dtype, 1), kernels=1)
