"""Functions of each element, and of the elements of two arrays; operands broadcast as in NumPy."""

from typing import Any

import numpy as np

from dvm.functions.dispatch import (
    Scalar,
    as_dtype,
    common_dtype,
    converted,
    function,
    is_scalar,
    literal,
    tensor,
)
from dvm.primitives import BOOL, FLOAT32, TYPES_OF, DType
from dvm.tensor import Tensor, Unsupported, apply

_OF_TRUTH = {"Add": "LogicalOr", "Maximum": "LogicalOr", "Mul": "LogicalAnd", "Minimum": "LogicalAnd"}
"""What some functions are on truth values."""


def unary(kind: str, x: Any) -> Tensor:
    """A unary operation of the dialect, by its kind."""
    value = _fitting(kind, tensor(x))
    _require(kind, value.dtype)
    return apply("unary", (value,), kind)


def binary(kind: str, x: Any, y: Any) -> Tensor:
    """A binary operation of the dialect, by its kind, in the element type that NumPy computes in."""
    if is_scalar(y) and not is_scalar(x):
        return _with_scalar(kind, tensor(x), y, first=False)
    if is_scalar(x) and not is_scalar(y):
        return _with_scalar(kind, tensor(y), x, first=True)
    a, b = tensor(x), tensor(y)
    if a.weak and b.weak:
        of_floats = "f" in (a.dtype.kind, b.dtype.kind)
        a, b = (as_float(value) if of_floats else _fitting(kind, value) for value in (a, b))
    dtype = common_dtype((a, b))
    if dtype is BOOL:
        kind = _OF_TRUTH.get(kind, kind)
    _require(kind, dtype)
    return apply("binary", (converted(a, dtype), converted(b, dtype)), kind)


def _fitting(kind: str, value: Tensor) -> Tensor:
    """A Python number as a float, where a function of integers gives one."""
    return as_float(value) if value.weak and value.dtype.kind == "i" and value.dtype not in TYPES_OF[kind] else value


def as_float(value: Tensor) -> Tensor:
    """A Python number as a Python float."""
    found = converted(value, FLOAT32)
    found.weak = True
    return found


def _with_scalar(kind: str, value: Tensor, scalar: Scalar, *, first: bool) -> Tensor:
    if value.weak:
        value = as_float(value) if isinstance(scalar, float) else _fitting(kind, value)
    if value.dtype is BOOL:
        kind = _OF_TRUTH.get(kind, kind)
    _require(kind, value.dtype)
    return apply("binary_scalar", (value,), kind, literal(scalar, value.dtype), first)


def _require(kind: str, dtype: DType) -> None:
    if dtype not in TYPES_OF[kind]:
        raise Unsupported(f"{kind} of {dtype} gives what DVM has not; convert it with astype first")


@function(np.exp)
def exp(x: Any) -> Tensor:
    return unary("Exp", x)


@function(np.log)
def log(x: Any) -> Tensor:
    return unary("Log", x)


@function(np.sqrt)
def sqrt(x: Any) -> Tensor:
    return unary("Sqrt", x)


def rsqrt(x: Any) -> Tensor:
    """1 / sqrt(x)."""
    return unary("Rsqrt", x)


@function(np.reciprocal)
def reciprocal(x: Any) -> Tensor:
    return unary("Reciprocal", x)


@function(np.tanh)
def tanh(x: Any) -> Tensor:
    return unary("Tanh", x)


def erf(x: Any) -> Tensor:
    """The error function."""
    return unary("Erf", x)


def sigmoid(x: Any) -> Tensor:
    """1 / (1 + exp(-x))."""
    return unary("Sigmoid", x)


@function(np.sin)
def sin(x: Any) -> Tensor:
    return unary("Sin", x)


@function(np.cos)
def cos(x: Any) -> Tensor:
    return unary("Cos", x)


@function(np.absolute)
def abs(x: Any) -> Tensor:
    return unary("Abs", x)


@function(np.negative)
def negative(x: Any) -> Tensor:
    return unary("Neg", x)


@function(np.positive)
def positive(x: Any) -> Tensor:
    value = tensor(x)
    if value.dtype is BOOL:
        raise Unsupported("NumPy has no '+' of truth values")
    return apply("copy", (value,))


def _whole(kind: str, x: Any) -> Tensor:
    """A rounding to whole numbers, which integers are already."""
    value = tensor(x)
    return apply("copy", (value,)) if value.dtype.kind == "i" else unary(kind, value)


@function(np.floor)
def floor(x: Any) -> Tensor:
    return _whole("Floor", x)


@function(np.ceil)
def ceil(x: Any) -> Tensor:
    return _whole("Ceil", x)


@function(np.trunc)
def trunc(x: Any) -> Tensor:
    return _whole("Trunc", x)


@function(np.rint)
def rint(x: Any) -> Tensor:
    return unary("Round", x)


@function(np.round)
def round(x: Any, decimals: int = 0) -> Tensor:
    """To the nearest integer, halves to even."""
    if decimals:
        raise Unsupported("DVM rounds to integers only")
    return _whole("Round", x)


@function(np.square)
def square(x: Any) -> Tensor:
    value = tensor(x)
    if value.dtype is BOOL:
        raise Unsupported("NumPy has the square of truth values in int8")
    return binary("Mul", value, value)


@function(np.isfinite)
def isfinite(x: Any) -> Tensor:
    value = tensor(x)
    return unary("IsFinite", value) if value.dtype.kind not in "bi" else binary("Equal", value, value)


@function(np.isnan)
def isnan(x: Any) -> Tensor:
    value = tensor(x)
    return binary("NotEqual", value, value)


@function(np.isinf)
def isinf(x: Any) -> Tensor:
    value = tensor(x)
    return equal(abs(value), float("inf")) if value.dtype.kind not in "bi" else binary("NotEqual", value, value)


@function(np.sign)
def sign(x: Any) -> Tensor:
    """-1, 0 or 1; NaN stays."""
    value = tensor(x)
    if value.dtype is BOOL:
        raise Unsupported("NumPy has no sign of truth values")
    below = where(less(value, 0), -1, value)
    return where(greater(value, 0), 1, below)


@function(np.add)
def add(x: Any, y: Any) -> Tensor:
    return binary("Add", x, y)


@function(np.subtract)
def subtract(x: Any, y: Any) -> Tensor:
    return binary("Sub", x, y)


@function(np.multiply)
def multiply(x: Any, y: Any) -> Tensor:
    return binary("Mul", x, y)


@function(np.divide)
def divide(x: Any, y: Any) -> Tensor:
    return binary("Div", x, y)


@function(np.power)
def power(x: Any, y: Any) -> Tensor:
    value = x if is_scalar(x) else tensor(x)
    counted = type(y) is int and y >= 0
    if not is_scalar(value) and value.weak and is_scalar(y) and not counted:
        value = as_float(value)  # of a size, which NumPy has as a Python number
    if is_scalar(x) and hasattr(y, "is_symbolic"):
        y = tensor(y)
    if is_scalar(x) and isinstance(y, Tensor) and y.weak:
        return binary("Pow", float(x), as_float(y))
    whole = [type(one) is not float if is_scalar(one) else tensor(one).dtype.kind in "bi" for one in (value, y)]
    if all(whole) and not counted:
        raise Unsupported("NumPy refuses integers to a negative power")
    if is_root(value, y):
        return sqrt(value)
    return binary("Pow", value, y)


def is_root(x: Any, y: Any) -> bool:
    """Whether NumPy and PyTorch take the square root for x ** y: -0 of -0, and NaN of -inf."""
    return type(y) is float and y == 0.5 and isinstance(x, Tensor) and x.dtype.kind not in "bi"


@function(np.floor_divide)
def floor_divide(x: Any, y: Any) -> Tensor:
    raise Unsupported("there is no such operation")


@function(np.remainder)
def remainder(x: Any, y: Any) -> Tensor:
    raise Unsupported("there is no such operation")


@function(np.left_shift)
def left_shift(x: Any, y: Any) -> Tensor:
    raise Unsupported("there is no such operation")


@function(np.right_shift)
def right_shift(x: Any, y: Any) -> Tensor:
    raise Unsupported("there is no such operation")


@function(np.maximum)
def maximum(x: Any, y: Any) -> Tensor:
    return binary("Maximum", x, y)


@function(np.minimum)
def minimum(x: Any, y: Any) -> Tensor:
    return binary("Minimum", x, y)


@function(np.equal)
def equal(x: Any, y: Any) -> Tensor:
    return binary("Equal", x, y)


@function(np.not_equal)
def not_equal(x: Any, y: Any) -> Tensor:
    return binary("NotEqual", x, y)


@function(np.greater)
def greater(x: Any, y: Any) -> Tensor:
    return binary("Greater", x, y)


@function(np.greater_equal)
def greater_equal(x: Any, y: Any) -> Tensor:
    return binary("GreaterEqual", x, y)


@function(np.less)
def less(x: Any, y: Any) -> Tensor:
    return binary("Less", x, y)


@function(np.less_equal)
def less_equal(x: Any, y: Any) -> Tensor:
    return binary("LessEqual", x, y)


def truth(x: Any) -> Tensor:
    """Whether elements differ from 0."""
    value = tensor(x)
    return value if value.dtype is BOOL else binary("NotEqual", value, 0)


@function(np.logical_and)
def logical_and(x: Any, y: Any) -> Tensor:
    return binary("LogicalAnd", truth(x), truth(y))


@function(np.logical_or)
def logical_or(x: Any, y: Any) -> Tensor:
    return binary("LogicalOr", truth(x), truth(y))


@function(np.logical_xor)
def logical_xor(x: Any, y: Any) -> Tensor:
    return binary("NotEqual", truth(x), truth(y))


@function(np.logical_not)
def logical_not(x: Any) -> Tensor:
    return unary("LogicalNot", truth(x))


def _of_bits(kind: str, x: Any, y: Any) -> Tensor:
    for operand in (x, y):
        if not isinstance(operand, bool) and (is_scalar(operand) or tensor(operand).dtype is not BOOL):
            raise Unsupported("DVM works on truth values, not on bits")
    return binary(kind, x, y)


@function(np.bitwise_and)
def bitwise_and(x: Any, y: Any) -> Tensor:
    return _of_bits("LogicalAnd", x, y)


@function(np.bitwise_or)
def bitwise_or(x: Any, y: Any) -> Tensor:
    return _of_bits("LogicalOr", x, y)


@function(np.bitwise_xor)
def bitwise_xor(x: Any, y: Any) -> Tensor:
    return _of_bits("NotEqual", x, y)


@function(np.invert)
def invert(x: Any) -> Tensor:
    value = tensor(x)
    if value.dtype is not BOOL:
        raise Unsupported("DVM works on truth values, not on bits")
    return unary("LogicalNot", value)


@function(np.where)
def where(condition: Any, x: Any, y: Any) -> Tensor:
    """`x` where the condition holds, else `y`."""
    values = [tensor(value) for value in (x, y) if not is_scalar(value)]
    dtype = common_dtype(values) if values else tensor(np.asarray([x, y])).dtype
    return apply("select", (truth(condition), _operand(x, dtype), _operand(y, dtype)))


def _operand(value: Any, dtype: DType) -> Tensor:
    """A tensor of an element type; a scalar as one without dims."""
    if not is_scalar(value):
        return converted(tensor(value), dtype)
    return apply("full", (), literal(value, dtype), (), dtype)


@function(np.clip)
def clip(x: Any, min: Any = None, max: Any = None) -> Tensor:
    value = tensor(x)
    if min is not None:
        value = maximum(value, min)
    return value if max is None else minimum(value, max)


@function(np.astype)
def astype(x: Any, dtype: Any, *, copy: bool = True) -> Tensor:
    """Elements converted: floats round to nearest even, to integers towards zero, to truth values by not being 0."""
    value = tensor(x)
    target = as_dtype(dtype)
    return value if value.dtype is target and not copy else apply("cast", (value,), target)


@function(np.copy)
def copy(x: Any) -> Tensor:
    """An array of its own with the same elements."""
    return apply("copy", (tensor(x),))
