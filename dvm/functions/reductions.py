"""Functions that combine the elements along some dims, with the results that NumPy's have."""

from typing import Any

import numpy as np

from dvm.functions.dispatch import as_dtype, converted, function, normalised_axes, tensor
from dvm.functions.elementwise import divide, sqrt, square, subtract, truth
from dvm.primitives import BOOL, TYPES_OF, DType
from dvm.tensor import Axis, Tensor, Unsupported, apply

_INT64 = np.dtype(np.int64)
_INT32 = np.dtype(np.int32)


def reduce(kind: str, x: Any, axis: Axis, keepdims: bool) -> Tensor:
    """A reduction of the dialect, by its kind."""
    value = tensor(x)
    if value.dtype not in TYPES_OF[kind]:
        raise Unsupported(f"{kind} of {value.dtype} gives what DVM has not; convert it with astype first")
    axes = normalised_axes(axis, value.ndim)
    return apply("reduce", (value,), kind, axes, keepdims) if axes else apply("copy", (value,))


def _accumulated(kind: str, x: Any, axis: Axis, dtype: Any, keepdims: bool) -> Tensor:
    """A sum or product: as NumPy does, of truth values and int32 in int64 unless a type is given."""
    value = tensor(x)
    target = as_dtype(dtype) if dtype is not None else _accumulator(value.dtype)
    return reduce(kind, converted(value, target), axis, keepdims)


def _accumulator(dtype: DType) -> DType:
    return _INT64 if dtype is BOOL or dtype.kind == "i" else dtype


@function(np.sum)
def sum(x: Any, axis: Axis = None, dtype: Any = None, *, keepdims: bool = False) -> Tensor:
    return _accumulated("Sum", x, axis, dtype, keepdims)


@function(np.prod)
def prod(x: Any, axis: Axis = None, dtype: Any = None, *, keepdims: bool = False) -> Tensor:
    return _accumulated("Prod", x, axis, dtype, keepdims)


@function(np.max, np.amax)
def max(x: Any, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    return reduce("Max", x, axis, keepdims)


@function(np.min, np.amin)
def min(x: Any, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    return reduce("Min", x, axis, keepdims)


@function(np.any)
def any(x: Any, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    return truth(reduce("Sum", converted(truth(x), _INT32), axis, keepdims))


@function(np.all)
def all(x: Any, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    return truth(reduce("Prod", converted(truth(x), _INT32), axis, keepdims))


@function(np.mean)
def mean(x: Any, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    return reduce("Mean", x, axis, keepdims)


@function(np.var)
def var(x: Any, axis: Axis = None, *, ddof: int = 0, keepdims: bool = False) -> Tensor:
    """The mean of the squared differences from the mean; `ddof` is taken off the number of elements."""
    value = tensor(x)
    squares = square(subtract(value, mean(value, axis, keepdims=True)))
    if not ddof:
        return mean(squares, axis, keepdims=keepdims)
    count: Any = 1
    for dim in normalised_axes(axis, value.ndim):
        count = count * value.shape[dim]
    if not isinstance(count, int):
        raise Unsupported("'ddof' needs dims that are known when the function is traced")
    return divide(sum(squares, axis, keepdims=keepdims), float(count - ddof if count > ddof else 0))


@function(np.std)
def std(x: Any, axis: Axis = None, *, ddof: int = 0, keepdims: bool = False) -> Tensor:
    """The square root of `var`."""
    return sqrt(var(x, axis, ddof=ddof, keepdims=keepdims))
