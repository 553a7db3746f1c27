"""What the element-wise kinds of the dvm dialect mean on single numbers, for folding constants.

Floats are computed in f64, for the caller to round, and NaN is the one of `math.nan`, whose sign is the same on every
processor; integers wrap around; truth values are bools.
"""

import math
import operator
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from vm.isa import ElementType

Number: TypeAlias = int | float | bool


def _f64(function: "Callable[..., np.float64]") -> Callable[..., float]:
    """A NumPy function on Python floats, without warnings: NaN and infinities are results like any other."""

    def compute(*arguments: float) -> float:
        with np.errstate(all="ignore"):
            return float(function(*map(np.float64, arguments)))

    return compute


def _integer_power(base: int, exponent: int) -> int | None:
    """Truncated where the exponent is negative; None for 0 to a negative power."""
    if exponent >= 0:
        return pow(base, exponent, 1 << 64)
    if base == 0:
        return None
    return base ** (exponent % 2) if base in (1, -1) else 0


@_f64
def _power(base: np.float64, exponent: np.float64) -> np.float64:
    # one exponent of 0.5 for all is a square root to NumPy, which is NaN for -inf
    return np.power(np.array([base, base]), np.array([exponent, exponent]))[0]


@_f64
def _rsqrt(x: np.float64) -> np.float64:
    return 1 / np.sqrt(x)


@_f64
def _sigmoid(x: np.float64) -> np.float64:
    return 1 / (1 + np.exp(-x))


_FLOAT_UNARY: dict[str, Callable[[float], Number]] = {
    "Sqrt": _f64(np.sqrt),
    "Abs": abs,
    "Log": _f64(np.log),
    "Exp": _f64(np.exp),
    "Reciprocal": _f64(np.reciprocal),
    "IsFinite": math.isfinite,
    "Round": _f64(np.rint),
    "Floor": _f64(np.floor),
    "Ceil": _f64(np.ceil),
    "Trunc": _f64(np.trunc),
    "Neg": operator.neg,
    "Rsqrt": _rsqrt,
    "Tanh": math.tanh,
    "Erf": math.erf,
    "Sigmoid": _sigmoid,
    "Sin": _f64(np.sin),
    "Cos": _f64(np.cos),
}

_INTEGER_UNARY: dict[str, Callable[[int], int]] = {"Abs": abs, "Neg": operator.neg}

_COMPARISONS: dict[str, Callable[[Number, Number], bool]] = {
    "Equal": operator.eq,
    "NotEqual": operator.ne,
    "Greater": operator.gt,
    "GreaterEqual": operator.ge,
    "Less": operator.lt,
    "LessEqual": operator.le,
}

_FLOAT_BINARY: dict[str, Callable[[float, float], float]] = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mul": operator.mul,
    "Div": _f64(np.divide),
    "Pow": _power,
    "Maximum": _f64(np.maximum),
    "Minimum": _f64(np.minimum),
}

_INTEGER_BINARY: dict[str, Callable[[int, int], int | None]] = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mul": operator.mul,
    "Pow": _integer_power,
    "Maximum": max,
    "Minimum": min,
}

_LOGIC: dict[str, Callable[[bool, bool], bool]] = {"LogicalAnd": bool.__and__, "LogicalOr": bool.__or__}


def wrap(value: int, element: ElementType) -> int:
    """An integer brought into the range of i32 or i64, as overflow does."""
    half = 1 << element.bytes * 8 - 1
    return (value + half) % (2 * half) - half


def _one_nan(value: Number) -> Number:
    return value if value == value else math.nan


def unary(kind: str, value: Number, element: ElementType) -> Number:
    """The kind of `dvm.unary` on a value of an element type that it takes."""
    if element is ElementType.I1:
        return not value  # LogicalNot is the only one
    if element.is_integer:
        return wrap(_INTEGER_UNARY[kind](int(value)), element)
    return _one_nan(_FLOAT_UNARY[kind](float(value)))


def binary(kind: str, a: Number, b: Number, element: ElementType) -> Number | None:
    """The kind of `dvm.binary` on two values of an element type that it takes; None if it has no result."""
    if kind in _COMPARISONS:
        return _COMPARISONS[kind](a, b)
    if element is ElementType.I1:
        return _LOGIC[kind](bool(a), bool(b))
    if element.is_float:
        return _one_nan(_FLOAT_BINARY[kind](float(a), float(b)))
    result = _INTEGER_BINARY[kind](int(a), int(b))
    return None if result is None else wrap(result, element)


def convert(value: Number, element: ElementType) -> Number | None:
    """A value cast to an element type, floats unrounded; None for a float that the integer type lacks."""
    if element is ElementType.I1:
        return value != 0
    if element.is_float:
        return float(value)
    if not isinstance(value, float):
        return wrap(int(value), element)
    if not math.isfinite(value) or wrap(int(value), element) != int(value):
        return None
    return int(value)
