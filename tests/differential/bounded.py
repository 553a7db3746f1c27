"""Numbers with bounds on their error: what is left of each when floats are computed in any legitimate way.

Elementary operations are in f32 with the errors that NumPy documents, sums and products in any order, and for the
16-bit floats each operation may round to the type or not, because that depends on what is fused. An error of 0 means
that the result is exact, an error of infinity that nothing can be said: a comparison of two values closer than their
errors, a result near overflow, a division by something that may be 0.

A sum is exact, in any order, where the terms are small multiples of one power of two; that is how discontinuous
operations get operands that are known for certain.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import erf, pi, sqrt
from typing import Any, TypeAlias

import ml_dtypes
import numpy as np
import numpy.typing as npt

from vm.isa import ElementType

Array: TypeAlias = npt.NDArray[Any]

DTYPES: dict[ElementType, np.dtype[Any]] = {
    ElementType.I1: np.dtype(np.bool_),
    ElementType.F16: np.dtype(np.float16),
    ElementType.BF16: np.dtype(ml_dtypes.bfloat16),
    ElementType.F32: np.dtype(np.float32),
    ElementType.I32: np.dtype(np.int32),
    ElementType.I64: np.dtype(np.int64),
}

UNIT = 2.0**-24
"""Half a unit in the last place of an f32 in [1, 2)."""

ELEMENTARY_UNITS = 4.0
"""Units in the last place that NumPy's f32 functions may be wrong by: it tests its own SIMD loops to 4."""

ERF_UNITS = 8.0
"""What `vm.tiles` documents of its approximation of erf."""

SMALLEST_NORMAL = 2.0**-126
"""Below it the vectorised elementary functions may flush to zero."""


@dataclass(frozen=True)
class _Format:
    """A binary floating-point format: half a unit in the last place of 1, the least step, the greatest number."""

    unit: float
    step: float
    greatest: float


_FORMATS = {
    ElementType.F16: _Format(2.0**-11, 2.0**-24, 65504.0),
    ElementType.BF16: _Format(2.0**-8, 2.0**-133, float(ml_dtypes.finfo(ml_dtypes.bfloat16).max)),
    ElementType.F32: _Format(UNIT, 2.0**-149, float(np.finfo(np.float32).max)),
}


@dataclass(frozen=True)
class Bounded:
    """Values (floats in float64, else in their own type) and for each how far a right result may be from it."""

    value: Array
    error: Array

    @property
    def low(self) -> Array:
        return self.value - self.error

    @property
    def high(self) -> Array:
        return self.value + self.error

    @property
    def exact(self) -> Array:
        return self.error == 0

    @property
    def unknown(self) -> Array:
        return np.isinf(self.error)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape


def of_input(array: Array, element: ElementType) -> Bounded:
    """The values of an input, which are exact."""
    return certain(array.astype(np.float64) if element.is_float else array.astype(DTYPES[element]))


def certain(value: Any) -> Bounded:
    value = np.asarray(value)
    return Bounded(value, np.zeros(value.shape))


def known_where(value: Any, known: Any) -> Bounded:
    """A truth value or integer: exact where it is known."""
    value = np.asarray(value)
    return Bounded(value, np.where(np.broadcast_to(known, value.shape), 0.0, np.inf))


def half_ulp(magnitude: Array, element: ElementType) -> Array:
    """The most that rounding a number of this magnitude to the element type changes it."""
    return np.maximum(magnitude * _FORMATS[element].unit, _FORMATS[element].step / 2)


def representable(value: Array, element: ElementType) -> Array:
    return value.astype(DTYPES[element]).astype(np.float64) == value


def _rounded(value: Any, spread: Any, element: ElementType, exact: Any, units: float = 0.5) -> Bounded:
    """The result of a floating-point operation.

    `spread` is what the errors of the operands make of it, `exact` says where there are none, and `units` is the error
    of the operation itself in units in the last place of f32; 0.5 stands for correct rounding. What lies on the way
    to infinity is unknown: whether it gets there depends on what is fused.
    """
    value, spread = np.asarray(value, np.float64), np.asarray(spread, np.float64)
    magnitude = np.abs(value) + spread
    local = 2 * units * half_ulp(magnitude, ElementType.F32) + (SMALLEST_NORMAL if units > 0.5 else 0.0)
    if element is not ElementType.F32:
        local = local + half_ulp(magnitude + local, element)
    certain = exact & ((representable(value, element) if units == 0.5 else False) | ~np.isfinite(value))
    error = spread + local
    overflows = ~(magnitude + local <= _FORMATS[element].greatest)
    return Bounded(value, np.where(certain, 0.0, np.where(overflows | np.isnan(error), np.inf, error)))


# --- elementwise operations ---


def _monotone(function: Callable[[Array], Array], x: Bounded) -> tuple[Array, Array]:
    """The value of a monotone function, and how far its values at the ends of the interval are from that."""
    value = np.asarray(function(x.value))
    spread = np.maximum(np.abs(function(x.high) - value), np.abs(function(x.low) - value))
    return value, np.where(x.exact, 0.0, np.where(x.unknown | np.isnan(spread), np.inf, spread))


def _erf(x: Array) -> Array:
    return np.vectorize(erf, otypes=[np.float64])(x)


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


_MONOTONE: dict[str, tuple[Callable[[Array], Array], float]] = {
    "Exp": (np.exp, ELEMENTARY_UNITS),
    "Tanh": (np.tanh, ELEMENTARY_UNITS),
    "Erf": (_erf, ERF_UNITS),
    # an exponential, whose error counts at most once, a sum and a quotient
    "Sigmoid": (_sigmoid, ELEMENTARY_UNITS + 2),
}

_STEPS: dict[str, Callable[[Array], Array]] = {
    "Round": np.rint,
    "Floor": np.floor,
    "Ceil": np.ceil,
    "Trunc": np.trunc,
}


def unary(kind: str, x: Bounded, element: ElementType) -> Bounded:
    if kind == "LogicalNot":
        return Bounded(~x.value, x.error)
    if kind == "IsFinite":
        return known_where(np.isfinite(x.value), ~x.unknown)
    if not element.is_float:
        return Bounded(np.abs(x.value) if kind == "Abs" else -x.value, x.error)
    if kind in ("Abs", "Neg"):
        return Bounded(np.abs(x.value) if kind == "Abs" else -x.value, x.error)
    if kind in ("Sin", "Cos"):
        function = np.sin if kind == "Sin" else np.cos
        return _rounded(function(x.value), np.where(x.unknown, np.inf, x.error), element, x.exact, ELEMENTARY_UNITS)
    if kind in _MONOTONE:
        function, units = _MONOTONE[kind]
        value, spread = _monotone(function, x)
        return _rounded(value, spread, element, x.exact, units)
    if kind in _STEPS:
        value, spread = _monotone(_STEPS[kind], x)
        # Between two steps the result is known, however wrong the operand.
        return _rounded(value, spread, element, spread == 0)
    if kind == "Sqrt":
        value, spread = _monotone(np.sqrt, x)
        return _rounded(value, np.where((x.low < 0) & ~x.exact, np.inf, spread), element, x.exact)
    if kind == "Log":
        value, spread = _monotone(np.log, x)
        spread = np.where((x.low <= 0) & ~x.exact, np.inf, spread)
        return _rounded(value, spread, element, x.exact, ELEMENTARY_UNITS)
    if kind == "Reciprocal":
        return _divide(certain(np.ones(x.shape)), x, element)
    assert kind == "Rsqrt", kind
    value, spread = _monotone(lambda v: 1 / np.sqrt(v), x)
    # A zero has a sign, about which nothing is claimed.
    unclear = (x.value == 0) | ((x.low <= 0) & ~x.exact)
    return _rounded(value, np.where(unclear, np.inf, spread), element, x.exact & ~unclear, 1.5)


def add(a: Bounded, b: Bounded, element: ElementType, sign: int = 1) -> Bounded:
    return _rounded(a.value + sign * b.value, a.error + b.error, element, a.exact & b.exact)


def multiply(a: Bounded, b: Bounded, element: ElementType) -> Bounded:
    spread = np.abs(a.value) * b.error + a.error * np.abs(b.value) + a.error * b.error
    exact = a.exact & b.exact
    unclear = a.unknown | b.unknown | np.isnan(spread)
    return _rounded(a.value * b.value, np.where(exact, 0.0, np.where(unclear, np.inf, spread)), element, exact)


def _divide(a: Bounded, b: Bounded, element: ElementType) -> Bounded:
    least = np.abs(b.value) - b.error
    spread = (np.abs(a.value) * b.error + np.abs(b.value) * a.error) / (np.abs(b.value) * least)
    # A zero has a sign, about which nothing is claimed, unless the quotient is NaN.
    by_zero = (b.value == 0) & ~(a.exact & ((a.value == 0) | np.isnan(a.value)))
    exact = a.exact & b.exact & ~by_zero
    unclear = a.unknown | b.unknown | ~(least > 0) | by_zero | np.isnan(spread)
    return _rounded(a.value / b.value, np.where(exact, 0.0, np.where(unclear, np.inf, spread)), element, exact)


def _pow(base: Array, exponent: Array) -> Array:
    """C's pow. NumPy's own is the square root, NaN of -inf and -0 of -0, where one exponent of 0.5 is for many elements."""
    return np.where(exponent == 0.5, np.where(base == -np.inf, np.inf, np.sqrt(base) + 0.0), np.power(base, exponent))


def _power(a: Bounded, b: Bounded, element: ElementType) -> Bounded:
    value = _pow(a.value, b.value)
    ends = [_pow(x, y) for x in (a.low, a.high) for y in (b.low, b.high)]
    spread = np.max(np.abs([end - value for end in ends]), axis=0)
    whole = b.exact & (np.trunc(b.value) == b.value)
    around_zero = (a.low <= 0) & (a.high >= 0)
    # An even power is least at 0; a negative one has a pole there.
    spread = np.where(around_zero, np.maximum(spread, np.abs(value)), spread)
    clear = (a.low > 0) | (whole & (~around_zero | (b.value >= 0)))
    pole = (a.value == 0) & (b.value < 0)
    exact = a.exact & b.exact & ~pole
    unclear = a.unknown | b.unknown | ~clear | pole | np.isnan(spread)
    spread = np.where(exact, 0.0, np.where(unclear, np.inf, spread))
    return _rounded(value, spread, element, exact, ELEMENTARY_UNITS)


def _extremum(function: Callable[[Array, Array], Array], a: Bounded, b: Bounded) -> Bounded:
    value = function(a.value, b.value)
    spread = np.maximum(np.abs(function(a.high, b.high) - value), np.abs(function(a.low, b.low) - value))
    unknown = a.unknown | b.unknown | np.isnan(spread)
    exact = (a.exact & b.exact) | ((spread == 0) & ~unknown)
    return Bounded(np.asarray(value), np.where(exact, 0.0, np.where(unknown, np.inf, spread)))


_COMPARISONS: dict[str, Callable[[Array, Array], Array]] = {
    "Equal": np.equal,
    "NotEqual": np.not_equal,
    "Greater": np.greater,
    "GreaterEqual": np.greater_equal,
    "Less": np.less,
    "LessEqual": np.less_equal,
}


def _integer_power(base: Array, exponent: Array) -> Array:
    """Powers that wrap; those with a negative exponent are truncated, and 0 for a base of 0."""
    bits = base.dtype.itemsize * 8

    def power(x: int, y: int) -> int:
        if y >= 0:
            wrapped = pow(int(x), int(y), 1 << bits)
            return wrapped - (1 << bits) if wrapped >> (bits - 1) else wrapped
        return {1: 1, -1: -1 if y % 2 else 1}.get(int(x), 0)

    return np.vectorize(power, otypes=[base.dtype])(base, exponent)


_INTEGER: dict[str, Callable[[Array, Array], Array]] = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Pow": _integer_power,
    "Maximum": np.maximum,
    "Minimum": np.minimum,
    "LogicalAnd": np.logical_and,
    "LogicalOr": np.logical_or,
}


def binary(kind: str, a: Bounded, b: Bounded, element: ElementType) -> Bounded:
    known = ~(a.unknown | b.unknown)
    if kind in _COMPARISONS:
        if element.is_float:
            known = known & ((a.exact & b.exact) | (a.high < b.low) | (a.low > b.high))
        return known_where(_COMPARISONS[kind](a.value, b.value), known)
    if not element.is_float:
        return known_where(_INTEGER[kind](a.value, b.value), known)
    match kind:
        case "Add":
            return add(a, b, element)
        case "Sub":
            return add(a, b, element, -1)
        case "Mul":
            return multiply(a, b, element)
        case "Div":
            return _divide(a, b, element)
        case "Pow":
            return _power(a, b, element)
        case _:
            return _extremum(np.maximum if kind == "Maximum" else np.minimum, a, b)


def scalar(value: float | bool, element: ElementType) -> Bounded:
    """A scalar beside a tensor: computed in f32, hence rounded to that."""
    if not element.is_float:
        return certain(np.array(value, DTYPES[element]))
    number = np.array(value, np.float64)
    error = 0.0 if not np.isfinite(number) or np.float32(value) == number else half_ulp(np.abs(number), ElementType.F32)
    return Bounded(number, np.asarray(error))


def select(condition: Bounded, a: Bounded, b: Bounded) -> Bounded:
    value = np.where(condition.value, a.value, b.value)
    error = np.where(condition.value, a.error, b.error)
    same = a.exact & b.exact & (a.value == b.value)
    return Bounded(value, np.where(condition.unknown & ~same, np.inf, error))


def cast(x: Bounded, source: ElementType, target: ElementType) -> Bounded:
    if target is ElementType.I1:
        return known_where(x.value != 0, x.exact | (~x.unknown & ((x.low > 0) | (x.high < 0))))
    if not target.is_float:
        if not source.is_float:
            return Bounded(x.value.astype(DTYPES[target]), x.error)
        limit = 2.0 ** (DTYPES[target].itemsize * 8 - 1)
        known = (np.abs(x.value) + x.error < limit) & (np.trunc(x.low) == np.trunc(x.high))
        return known_where(np.where(known, x.value, 0).astype(DTYPES[target]), known)
    if not source.is_float:
        return Bounded(round_to(x.value, target), x.error)
    value = round_to(x.value, target)
    low, high = round_to(x.low, target), round_to(x.high, target)
    if source is target:
        # Compilers may leave it out, and then what a kernel holds may be unrounded.
        low, high = np.minimum(low, x.low), np.maximum(high, x.high)
    error = np.maximum(np.abs(high - value), np.abs(value - low))
    unclear = x.unknown | np.isnan(error) | np.isinf(value)
    return Bounded(value, np.where(x.exact, 0.0, np.where(unclear, np.inf, error)))


def round_to(value: Array, element: ElementType) -> Array:
    return np.asarray(value).astype(DTYPES[element]).astype(np.float64)


# --- reductions and products ---


def _quantum(value: Array) -> Array:
    """For each number the greatest power of two that divides it; infinity for 0."""
    mantissa, exponent = np.frexp(np.where(np.isfinite(value), value, 0.0))
    whole = (mantissa * 2.0**53).astype(np.int64)
    return np.where(whole == 0, np.inf, np.ldexp((whole & -whole).astype(np.float64), exponent - 53))


def _sum(x: Bounded, axes: tuple[int, ...], element: ElementType) -> Bounded:
    """A sum in f32 in any order."""

    def total(values: Array) -> Array:
        return np.sum(values, axis=axes, keepdims=True)

    count = int(np.prod([x.shape[axis] for axis in axes]))
    value, size = total(x.value), total(np.abs(x.value) + x.error)
    finite = total(np.abs(_finite(x.value)))
    exact = total(x.error) == 0
    quantum = np.min(_quantum(x.value), axis=axes, keepdims=True, initial=np.inf)
    whole = exact & (size <= 2.0**24 * quantum)
    growth = np.where(whole, 0.0, max(count - 1, 0) * UNIT * size * (1 + count * UNIT))
    return _finish_sum(value, total(x.error) + growth, size, finite, element, exact, whole)


def _finite(values: Array) -> Array:
    """The values, with 0 for what is none."""
    return np.where(np.isfinite(values), values, 0.0)


def _finish_sum(
    value: Array, spread: Array, size: Array, finite: Array, element: ElementType, exact: Array, whole: Array
) -> Bounded:
    """`size` is the sum of magnitudes, `finite` that of the finite ones; `whole` says where every partial sum is exact.

    An infinite sum is certain unless what is finite can overflow to the other infinity before the two meet.
    """
    calm = finite <= _FORMATS[ElementType.F32].greatest
    special = exact & (np.isnan(value) | np.isinf(value) & calm)
    spread = np.where(special | whole, 0.0, np.where(size > _FORMATS[ElementType.F32].greatest, np.inf, spread))
    if element is ElementType.F32:
        # The terms' roundings are in the spread: the sum itself adds none.
        error = np.where(np.isnan(spread) | ~np.isfinite(value) & ~special, np.inf, spread)
        return Bounded(np.asarray(value), error)
    return _rounded(value, spread, element, special | whole)


def _product(x: Bounded, axes: tuple[int, ...], element: ElementType) -> Bounded:
    """A product in f32 in any order."""

    def total(values: Array) -> Array:
        return np.prod(values, axis=axes, keepdims=True)

    count = int(np.prod([x.shape[axis] for axis in axes]))
    value, magnitude = total(x.value), np.abs(x.value)
    largest = total(magnitude + x.error)
    exact = np.sum(x.error, axis=axes, keepdims=True) == 0
    in_range = (total(np.maximum(magnitude + x.error, 1)) < 1e37) & (
        total(np.minimum(np.where(magnitude > 0, magnitude, 1), 1)) > 1e-37
    )
    spread = largest * (1 + count * UNIT * (1 + count * UNIT)) - np.abs(value)
    # A partial product has no more significant bits than the whole.
    certain = exact & ((in_range & representable(value, ElementType.F32)) | np.isnan(value))
    return _rounded(value, np.where(certain, 0.0, np.where(in_range, spread, np.inf)), element, certain)


def reduce(kind: str, x: Bounded, axes: tuple[int, ...], element: ElementType) -> Bounded:
    """With the axes kept."""
    if not element.is_float:
        known = ~np.any(x.unknown, axis=axes, keepdims=True)
        if kind in ("Sum", "Prod"):
            combine = np.sum if kind == "Sum" else np.prod
            return known_where(combine(x.value, axis=axes, keepdims=True, dtype=x.value.dtype), known)
        return known_where((np.max if kind == "Max" else np.min)(x.value, axis=axes, keepdims=True), known)
    if kind == "Sum":
        return _sum(x, axes, element)
    if kind == "Prod":
        return _product(x, axes, element)
    if kind == "Mean":
        count = float(np.prod([x.shape[axis] for axis in axes]))
        return _divide(_sum(x, axes, ElementType.F32), certain(np.array(count)), element)
    combine = np.max if kind == "Max" else np.min

    def best(values: Array) -> Array:
        return combine(values, axis=axes, keepdims=True)

    value = best(x.value)
    spread = np.maximum(np.abs(best(x.high) - value), np.abs(best(x.low) - value))
    exact = np.sum(x.error, axis=axes, keepdims=True) == 0
    unclear = np.any(x.unknown, axis=axes, keepdims=True) | np.isnan(spread)
    return Bounded(value, np.where(exact, 0.0, np.where(unclear, np.inf, spread)))


def matmul(a: Bounded, b: Bounded, element: ElementType) -> Bounded:
    """A product of matrices, summed in f32 in any order."""
    if not element.is_float:
        unknown = np.matmul(a.unknown.astype(np.float64), np.ones(b.shape))
        unknown = unknown + np.matmul(np.ones(a.shape), b.unknown.astype(np.float64))
        return known_where(np.matmul(a.value, b.value), unknown == 0)
    value = np.matmul(a.value, b.value)
    exact = np.broadcast_to(not a.error.any() and not b.error.any(), value.shape)
    left, right = np.abs(a.value), np.abs(b.value)
    size = np.matmul(left + a.error, right + b.error)
    finite = np.matmul(_finite(left), _finite(right))
    depth = a.shape[-1]
    quantum = np.min(_quantum(a.value), initial=np.inf) * np.min(_quantum(b.value), initial=np.inf)
    step = _FORMATS[ElementType.F32].step
    whole = exact & (size <= 2.0**24 * quantum) & (quantum >= step)
    inherited = np.where(exact, 0.0, size - np.matmul(left, right))
    growth = depth * UNIT * size * (1 + depth * UNIT) + depth * step
    return _finish_sum(value, inherited + growth, size, finite, element, exact, whole)


# --- composite operations, from their definitions ---


def softmax(x: Bounded, axis: int, element: ElementType) -> Bounded:
    if not x.value.size:
        return x
    shifted = add(x, reduce("Max", x, (axis,), element), element, -1)
    exponential = unary("Exp", shifted, element)
    return _divide(exponential, reduce("Sum", exponential, (axis,), element), element)


def norm(x: Bounded, position: int, epsilon: float, element: ElementType, *, centre: bool) -> Bounded:
    axes = tuple(range(position, x.value.ndim))
    if not x.value.size:
        return x
    if centre:
        x = add(x, reduce("Mean", x, axes, element), element, -1)
    variance = reduce("Mean", multiply(x, x, element), axes, element)
    root = unary("Rsqrt", add(variance, scalar(epsilon, element), element), element)
    return multiply(x, root, element)


def gelu(x: Bounded, approximate: str, element: ElementType) -> Bounded:
    def times(a: Bounded, factor: float) -> Bounded:
        return multiply(a, scalar(factor, element), element)

    one = scalar(1.0, element)
    if approximate == "tanh":
        cube = multiply(multiply(x, x, element), x, element)
        inner = times(add(x, times(cube, 0.044715), element), sqrt(2 / pi))
        gate = add(unary("Tanh", inner, element), one, element)
        # (1 + tanh(z))/2 is sigmoid(2*z): near 0 the error is larger in this form, far below 0 smaller.
        other = multiply(x, unary("Sigmoid", times(inner, 2.0), element), element)
        result = multiply(times(x, 0.5), gate, element)
        return Bounded(result.value, np.maximum(result.error, other.error + np.abs(other.value - result.value)))
    gate = add(unary("Erf", times(x, sqrt(0.5)), element), one, element)
    return multiply(times(x, 0.5), gate, element)
