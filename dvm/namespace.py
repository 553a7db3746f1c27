"""The namespace of the array API standard (2024.12), which `Array.__array_namespace__` gives.

Functions that DVM has are its own; those that only the standard has are NumPy's, on arrays whose elements are computed for
that. Floats are float32 unless a type is given, integers int64. There is one device, "cpu".
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any, cast

import ml_dtypes
import numpy as np

from dvm import functions
from dvm.array import Array
from dvm.functions import (
    abs,
    add,
    astype,
    broadcast_to,
    ceil,
    clip,
    concat,
    cos,
    divide,
    equal,
    exp,
    expand_dims,
    floor,
    floor_divide,
    greater,
    greater_equal,
    isfinite,
    isinf,
    isnan,
    less,
    less_equal,
    log,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    matmul,
    matrix_transpose,
    maximum,
    minimum,
    moveaxis,
    multiply,
    negative,
    not_equal,
    permute_dims,
    positive,
    prod,
    reciprocal,
    remainder,
    reshape,
    sign,
    sin,
    sqrt,
    square,
    squeeze,
    stack,
    subtract,
    sum,
    take,
    tanh,
    tril,
    triu,
    trunc,
    where,
)
from dvm.functions.dispatch import fall_back
from dvm.tensor import Axis, Tensor
from vm.errors import DvmError

__array_api_version__ = "2024.12"

__all__ = [
    "__array_api_version__",
    "__array_namespace_info__",
    "abs",
    "add",
    "all",
    "any",
    "arange",
    "asarray",
    "astype",
    "bfloat16",
    "bitwise_and",
    "bitwise_invert",
    "bitwise_or",
    "bitwise_xor",
    "bool",
    "broadcast_to",
    "can_cast",
    "ceil",
    "clip",
    "complex64",
    "complex128",
    "concat",
    "cos",
    "divide",
    "e",
    "empty",
    "empty_like",
    "equal",
    "exp",
    "expand_dims",
    "eye",
    "finfo",
    "flip",
    "float16",
    "float32",
    "float64",
    "floor",
    "floor_divide",
    "from_dlpack",
    "full",
    "full_like",
    "greater",
    "greater_equal",
    "iinfo",
    "inf",
    "int8",
    "int16",
    "int32",
    "int64",
    "isdtype",
    "isfinite",
    "isinf",
    "isnan",
    "less",
    "less_equal",
    "linspace",
    "log",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "matmul",
    "matrix_transpose",
    "max",
    "maximum",
    "mean",
    "min",
    "minimum",
    "moveaxis",
    "multiply",
    "nan",
    "negative",
    "newaxis",
    "not_equal",
    "ones",
    "ones_like",
    "permute_dims",
    "pi",
    "positive",
    "pow",
    "prod",
    "reciprocal",
    "remainder",
    "reshape",
    "result_type",
    "round",
    "sign",
    "sin",
    "sqrt",
    "square",
    "squeeze",
    "stack",
    "std",
    "subtract",
    "sum",
    "take",
    "tanh",
    "tril",
    "triu",
    "trunc",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "unstack",
    "var",
    "where",
    "zeros",
    "zeros_like",
]

e, pi, inf, nan, newaxis = np.e, np.pi, np.inf, np.nan, None

bool = np.dtype(np.bool_)
int8, int16, int32, int64 = (np.dtype(name) for name in ("int8", "int16", "int32", "int64"))
uint8, uint16, uint32, uint64 = (np.dtype(name) for name in ("uint8", "uint16", "uint32", "uint64"))
float16, float32, float64 = (np.dtype(name) for name in ("float16", "float32", "float64"))
bfloat16 = np.dtype(ml_dtypes.bfloat16)
complex64, complex128 = np.dtype(np.complex64), np.dtype(np.complex128)

_KINDS: dict[str, tuple[np.dtype[Any], ...]] = {
    "bool": (bool,),
    "signed integer": (int8, int16, int32, int64),
    "unsigned integer": (uint8, uint16, uint32, uint64),
    "real floating": (float32, float64),
    "complex floating": (complex64, complex128),
}
_KINDS["integral"] = _KINDS["signed integer"] + _KINDS["unsigned integer"]
_KINDS["numeric"] = _KINDS["integral"] + _KINDS["real floating"] + _KINDS["complex floating"]


class Info:
    """What the namespace can do: see the standard on inspection."""

    def capabilities(self) -> dict[str, Any]:
        """What is optional in the standard and is here."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self) -> str:
        return "cpu"

    def default_dtypes(self, *, device: str | None = None) -> dict[str, np.dtype[Any]]:
        _require(device)
        return {"real floating": float32, "complex floating": complex64, "integral": int64, "indexing": int64}

    def dtypes(
        self, *, device: str | None = None, kind: str | tuple[str, ...] | None = None
    ) -> dict[str, np.dtype[Any]]:
        """The element types of the standard, of some kinds."""
        _require(device)
        kinds = ("bool", "numeric") if kind is None else kind if isinstance(kind, tuple) else (kind,)
        return {str(dtype): dtype for kind in kinds for dtype in _KINDS[kind]}

    def devices(self) -> list[str]:
        return ["cpu"]


def __array_namespace_info__() -> Info:  # noqa: N807 - the name in the standard
    return Info()


def _require(device: Any) -> None:
    if device not in (None, "cpu"):
        raise DvmError(f"there is no device {device!r}, only 'cpu'")


# --- making arrays ---


def asarray(x: Any, /, *, dtype: Any = None, device: Any = None, copy: builtins.bool | None = None) -> Tensor:
    """The lazy array of an array, nested lists or a number; numbers and lists of floats become float32."""
    _require(device)
    if isinstance(x, Tensor) and copy is False and dtype is not None and x.dtype != np.dtype(dtype):
        raise ValueError(f"an array of {x.dtype} cannot be one of {np.dtype(dtype)} without a copy")
    if dtype is None and not isinstance(x, Tensor) and not hasattr(x, "dtype") and not hasattr(x, "__array__"):
        natural = np.asarray(x).dtype
        dtype = float32 if natural == float64 else complex64 if natural == complex128 else None
    return functions.asarray(x, dtype, copy=copy)


def from_dlpack(x: Any, /, *, device: Any = None, copy: builtins.bool | None = None) -> Tensor:
    """The lazy array of another library's."""
    _require(device)
    return functions.asarray(np.from_dlpack(x), copy=copy)


def arange(start: Any, /, stop: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None) -> Tensor:
    _require(device)
    if dtype is not None and np.dtype(dtype) not in (int32, int64, float16, float32, bfloat16):
        return functions.asarray(np.arange(*((start,) if stop is None else (start, stop, step)), dtype=dtype))
    if stop is None:
        start, stop = 0, start
    return functions.arange(start, stop, step, dtype=dtype)


def empty(shape: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    return full(shape, 0.0, dtype=float32 if dtype is None else dtype, device=device)


def zeros(shape: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    return full(shape, 0.0, dtype=float32 if dtype is None else dtype, device=device)


def ones(shape: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    return full(shape, 1.0, dtype=float32 if dtype is None else dtype, device=device)


def full(shape: Any, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    _require(device)
    if isinstance(fill_value, complex) or (dtype is not None and np.dtype(dtype) not in _COMPUTED):
        return functions.asarray(np.full(shape, fill_value, dtype))
    return functions.full(shape, fill_value, dtype)


_COMPUTED = frozenset((bool, int32, int64, float16, float32, bfloat16))


def empty_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> Tensor:
    return zeros(x.shape, dtype=x.dtype if dtype is None else dtype, device=device)


def zeros_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> Tensor:
    return zeros(x.shape, dtype=x.dtype if dtype is None else dtype, device=device)


def ones_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> Tensor:
    return ones(x.shape, dtype=x.dtype if dtype is None else dtype, device=device)


def full_like(x: Any, /, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    return full(x.shape, fill_value, dtype=x.dtype if dtype is None else dtype, device=device)


def eye(n_rows: int, n_cols: int | None = None, /, *, k: int = 0, dtype: Any = None, device: Any = None) -> Tensor:
    """1 on the k-th diagonal, 0 elsewhere."""
    _require(device)
    target = float32 if dtype is None else np.dtype(dtype)
    if k or target not in _COMPUTED:
        return functions.asarray(np.eye(n_rows, n_cols, k, target))
    return functions.eye(n_rows, n_cols, dtype=target)


def linspace(
    start: Any, stop: Any, /, num: int, *, dtype: Any = None, device: Any = None, endpoint: builtins.bool = True
) -> Tensor:
    _require(device)
    return functions.asarray(
        np.linspace(start, stop, num, endpoint=endpoint, dtype=float32 if dtype is None else dtype)
    )


# --- element types ---


def isdtype(dtype: Any, kind: Any) -> builtins.bool:
    """Whether an element type is of a kind of the standard, or one of several."""
    if isinstance(kind, tuple):
        return builtins.any(isdtype(dtype, one) for one in cast("tuple[Any, ...]", kind))
    if isinstance(kind, str) and kind in _KINDS:
        found = np.dtype(dtype)
        return found in _KINDS[kind] or (found in (float16, bfloat16) and kind in ("real floating", "numeric"))
    return np.dtype(dtype) == np.dtype(kind)


def can_cast(from_: Any, to: Any, /) -> builtins.bool:
    return np.can_cast(from_.dtype if isinstance(from_, Tensor) else from_, to)


def result_type(*arrays_and_dtypes: Any) -> np.dtype[Any]:
    """The element type of what some arrays, types and Python numbers give together."""
    return np.result_type(*[one.dtype if isinstance(one, Tensor) else one for one in arrays_and_dtypes])


def finfo(type: Any, /) -> Any:
    """The limits of a type of floats."""
    return cast(Any, ml_dtypes).finfo(type.dtype if isinstance(type, Tensor) else type)


def iinfo(type: Any, /) -> Any:
    """The limits of a type of integers."""
    return np.iinfo(type.dtype if isinstance(type, Tensor) else type)


# --- what has other options in the standard ---


def max(x: Any, /, *, axis: Axis = None, keepdims: builtins.bool = False) -> Tensor:
    return functions.max(x, axis, keepdims=keepdims)


def min(x: Any, /, *, axis: Axis = None, keepdims: builtins.bool = False) -> Tensor:
    return functions.min(x, axis, keepdims=keepdims)


def mean(x: Any, /, *, axis: Axis = None, keepdims: builtins.bool = False) -> Tensor:
    return functions.mean(x, axis, keepdims=keepdims)


def any(x: Any, /, *, axis: Axis = None, keepdims: builtins.bool = False) -> Tensor:
    return functions.any(x, axis, keepdims=keepdims)


def all(x: Any, /, *, axis: Axis = None, keepdims: builtins.bool = False) -> Tensor:
    return functions.all(x, axis, keepdims=keepdims)


def var(x: Any, /, *, axis: Axis = None, correction: float = 0.0, keepdims: builtins.bool = False) -> Tensor:
    return _with_correction(functions.var, np.var, x, axis, correction, keepdims)


def std(x: Any, /, *, axis: Axis = None, correction: float = 0.0, keepdims: builtins.bool = False) -> Tensor:
    return _with_correction(functions.std, np.std, x, axis, correction, keepdims)


def _with_correction(ours: Any, of_numpy: Any, x: Any, axis: Axis, correction: float, keepdims: builtins.bool) -> Any:
    if correction == int(correction):
        return ours(x, axis, ddof=int(correction), keepdims=keepdims)
    return fall_back(of_numpy, (x,), {"axis": axis, "ddof": correction, "keepdims": keepdims}, "of a fraction")


def round(x: Any, /) -> Tensor:
    return functions.round(x)


def pow(x1: Any, x2: Any, /) -> Tensor:
    return functions.power(x1, x2)


def bitwise_and(x1: Any, x2: Any, /) -> Tensor:
    return functions.bitwise_and(x1, x2)


def bitwise_or(x1: Any, x2: Any, /) -> Tensor:
    return functions.bitwise_or(x1, x2)


def bitwise_xor(x1: Any, x2: Any, /) -> Tensor:
    return functions.bitwise_xor(x1, x2)


def bitwise_invert(x: Any, /) -> Tensor:
    return functions.invert(x)


def flip(x: Array, /, *, axis: Axis = None) -> Tensor:
    """With the elements in reverse order along some dims: a view."""
    axes = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    reverse = {one % x.ndim for one in axes}
    return x[tuple(slice(None, None, -1 if at in reverse else None) for at in range(x.ndim))]


def unstack(x: Array, /, *, axis: int = 0) -> tuple[Tensor, ...]:
    """The arrays along a dim, as views."""
    return tuple(functions.moveaxis(x, axis, 0))  # type: ignore[arg-type]


_OF_NUMPY = frozenset(
    [
        "acos",
        "acosh",
        "argmax",
        "argmin",
        "argsort",
        "asin",
        "asinh",
        "atan",
        "atan2",
        "atanh",
        "bitwise_left_shift",
        "bitwise_right_shift",
        "broadcast_arrays",
        "conj",
        "copysign",
        "cosh",
        "count_nonzero",
        "cumulative_prod",
        "cumulative_sum",
        "diff",
        "expm1",
        "hypot",
        "imag",
        "log10",
        "log1p",
        "log2",
        "logaddexp",
        "meshgrid",
        "nextafter",
        "nonzero",
        "real",
        "repeat",
        "roll",
        "searchsorted",
        "signbit",
        "sinh",
        "sort",
        "take_along_axis",
        "tan",
        "tensordot",
        "tile",
        "unique_all",
        "unique_counts",
        "unique_inverse",
        "unique_values",
        "vecdot",
    ]
)
"""The functions of the standard that DVM has not."""


def __getattr__(name: str) -> Callable[..., Any]:
    if name not in _OF_NUMPY:
        raise AttributeError(f"the array API namespace of DVM has no '{name}'")
    of_numpy = getattr(np, name)

    def call(*arguments: Any, **options: Any) -> Any:
        options.pop("device", None)
        return fall_back(of_numpy, arguments, options, "DVM has not this function")

    call.__name__ = name
    call.__doc__ = of_numpy.__doc__
    globals()[name] = call
    return call


def __dir__() -> list[str]:
    return sorted([*(name for name in globals() if not name.startswith("_")), *_OF_NUMPY])
