"""Functions that make arrays of sizes, and of other arrays' sizes."""

from typing import Any

import numpy as np

from dvm.functions.dispatch import as_dtype, function, is_scalar, literal, tensor, viewed
from dvm.functions.elementwise import add, astype, copy, less_equal, multiply, where
from dvm.functions.shaping import broadcast_to, expand_dims, sizes
from dvm.tensor import Tensor, Unsupported, apply, recorder


def full(shape: Any, fill_value: Any, dtype: Any = None) -> Tensor:
    """An array of a number, or of an array that broadcasts. Floats are float32 unless a type is given."""
    if not is_scalar(fill_value):
        value = viewed(fill_value)
        return copy(broadcast_to(value if dtype is None else astype(value, dtype), shape))
    natural = {bool: np.bool_, int: np.int64, float: np.float32}[type(fill_value)]
    target = as_dtype(natural if dtype is None else dtype)
    value = target.type(fill_value).item() if target.kind != "V" else float(fill_value)
    return apply("full", (), literal(value, target), sizes(shape), target)


def zeros(shape: Any, dtype: Any = np.float32) -> Tensor:
    return full(shape, 0.0, dtype)


def ones(shape: Any, dtype: Any = np.float32) -> Tensor:
    return full(shape, 1.0, dtype)


@function(np.full_like)
def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Tensor:
    value = tensor(x)
    return full(value.shape, fill_value, value.dtype if dtype is None else dtype)


@function(np.zeros_like)
def zeros_like(x: Any, dtype: Any = None) -> Tensor:
    return full_like(x, 0.0, dtype)


@function(np.ones_like)
def ones_like(x: Any, dtype: Any = None) -> Tensor:
    return full_like(x, 1.0, dtype)


def empty(shape: Any, dtype: Any = np.float32) -> Tensor:
    """An array to be written into; its elements are 0."""
    return zeros(shape, dtype)


@function(np.empty_like)
def empty_like(x: Any, dtype: Any = None) -> Tensor:
    return zeros_like(x, dtype)


def arange(start: Any, stop: Any = None, step: Any = 1, *, dtype: Any = None) -> Tensor:
    """start, start + step, ... below stop. Integers are int64 and floats float32 unless a type is given."""
    first, last = (0, start) if stop is None else (start, stop)
    if not all(is_scalar(value) or hasattr(value, "is_symbolic") for value in (first, last, step)):
        raise Unsupported("'arange' takes numbers")
    floats = any(isinstance(value, float) for value in (first, last, step))
    target = as_dtype((np.float32 if floats else np.int64) if dtype is None else dtype)
    if step == 0:
        raise ZeroDivisionError("arange: the step is 0")
    if floats:
        count = max(0, int(np.ceil((last - first) / step)))
    else:
        count = -((first - last) // step)
        count = max(0, count) if isinstance(count, int) else count
    found = apply("iota", (), 0, (count,), target)
    if step != 1:
        found = multiply(found, step)
    return found if is_scalar(first) and first == 0 else add(found, first)


def eye(n: Any, m: Any = None, *, dtype: Any = np.float32) -> Tensor:
    """1 on the diagonal, 0 elsewhere."""
    target = as_dtype(dtype)
    rows, columns = expand_dims(arange(n), 1), arange(n if m is None else m)
    one, zero = (apply("full", (), literal(target.type(value).item(), target), (), target) for value in (1, 0))
    return where(rows == columns, one, zero)


def _triangle(x: Any, k: int, *, upper: bool) -> Tensor:
    value = tensor(x)
    if value.ndim < 2:
        raise Unsupported("DVM has triangles of matrices")
    rows, columns = value.shape[-2:]
    below = less_equal(arange(columns), add(expand_dims(arange(rows), 1), k - 1 if upper else k))
    zero = apply("full", (), literal(value.dtype.type(0).item(), value.dtype), (), value.dtype)
    return where(below, zero, value) if upper else where(below, value, zero)


@function(np.tril)
def tril(x: Any, k: int = 0) -> Tensor:
    """The elements up to the k-th diagonal, and 0 for the others."""
    return _triangle(x, k, upper=False)


@function(np.triu)
def triu(x: Any, k: int = 0) -> Tensor:
    """The elements from the k-th diagonal on, and 0 for the others."""
    return _triangle(x, k, upper=True)


def asarray(x: Any, dtype: Any = None, *, copy: bool | None = None) -> Tensor:
    """The lazy array of an array, of nested lists, or of a number.

    What is computed later must see the elements as they are now, so an array that can be written is copied, unless
    `copy` is False: then it must not be written until the results have been computed. A float64 array stays one, and
    NumPy computes with it; `dtype` converts.
    """
    if isinstance(x, Tensor):
        found = x if not copy else apply("copy", (x,))
    else:
        array = np.asarray(x, dtype)
        found = recorder().tensor(array, copy=array is x and copy is not False)
    return found if dtype is None or found.dtype == np.dtype(dtype) else astype(found, dtype)
