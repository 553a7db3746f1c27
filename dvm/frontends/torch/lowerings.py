"""Elementwise operations, reductions, and what makes tensors: ATen's, in terms of DVM's (see `table`)."""

from collections.abc import Callable, Sequence
from math import log
from typing import Any

import torch

from dvm import functions as dvm
from dvm.frontends.torch.elements import dtype_of, result_type
from dvm.frontends.torch.table import Deferred, lowers
from dvm.functions.dispatch import converted, is_scalar, normalised_axes
from dvm.functions.elementwise import binary, is_root, unary
from dvm.functions.reductions import reduce
from dvm.primitives import BOOL, DType
from dvm.tensor import Tensor, Unsupported
from vm.isa import ElementType
from vm.tiles import DTYPES

aten = torch.ops.aten

INT32, INT64, FLOAT16 = DTYPES[ElementType.I32], DTYPES[ElementType.I64], DTYPES[ElementType.F16]


def number(value: Any, dtype: DType) -> Any:
    """A Python number as one of an element type, as PyTorch converts it; what is no number stays."""
    if not is_scalar(value):
        return value
    if dtype is BOOL:
        return bool(value)
    try:
        return int(value) if dtype.kind == "i" else float(value)
    except (OverflowError, ValueError) as error:  # infinity and NaN
        raise Unsupported(f"{value} is no {dtype}") from error


def operand(value: Any, dtype: DType) -> Any:
    """A tensor in an element type, or a number of it."""
    if is_scalar(value):
        return number(value, dtype)
    return converted(value if isinstance(value, Tensor) else value.tensor(), dtype)


def as_tensor(value: Any, dtype: DType) -> Tensor:
    """A tensor in an element type; a number as one without dims."""
    found = operand(value, dtype)
    return found if isinstance(found, Tensor) else dvm.full((), found, dtype)


def floating(x: Tensor) -> Tensor:
    """A tensor as floats: integers and truth values become those of PyTorch's default type."""
    return x if x.dtype.kind not in "bi" else converted(x, dtype_of(torch.get_default_dtype()))


def compute(kind: str, x: Any, y: Any, *, floats: bool = False) -> Tensor:
    """A binary operation of the dialect in the type that PyTorch computes in; `floats`: in one of floats."""
    dtype = result_type((x, y))
    if floats and dtype.kind in "bi":
        dtype = dtype_of(torch.get_default_dtype())
    return binary(kind, operand(x, dtype), operand(y, dtype))


def sizes(shape: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(shape)


_UNARY = {
    "exp": "Exp",
    "log": "Log",
    "sqrt": "Sqrt",
    "rsqrt": "Rsqrt",
    "reciprocal": "Reciprocal",
    "tanh": "Tanh",
    "erf": "Erf",
    "sigmoid": "Sigmoid",
    "sin": "Sin",
    "cos": "Cos",
}


def _enter_unary(name: str, kind: str) -> None:
    @lowers(getattr(aten, name).default, pointwise=True)
    def _(x: Tensor) -> Tensor:
        return unary(kind, floating(x))


for _name, _kind in _UNARY.items():
    _enter_unary(_name, _kind)


def _enter_simple(name: str, function: Callable[[Tensor], Tensor]) -> None:
    @lowers(getattr(aten, name).default, pointwise=True)
    def _(x: Tensor) -> Tensor:
        return function(x)


for _name in ("abs", "floor", "ceil", "trunc", "isnan", "isinf", "isfinite", "logical_not"):
    _enter_simple(_name, getattr(dvm, _name))


@lowers(aten.round.default, pointwise=True)
def _(x: Tensor) -> Tensor:
    return dvm.round(x)


@lowers(aten.sign.default, pointwise=True)
def _(x: Tensor) -> Tensor:
    found = dvm.sign(x)
    return found if x.dtype.kind in "bi" else dvm.where(dvm.isnan(x), as_tensor(0.0, x.dtype), found)


@lowers(aten.neg.default, pointwise=True)
def _(x: Tensor) -> Tensor:
    return dvm.negative(x)


@lowers(aten.bitwise_not.default, pointwise=True)
def _(x: Tensor) -> Tensor:
    return dvm.invert(x)


@lowers(aten.log2.default, pointwise=True)
def _(x: Tensor) -> Tensor:
    return dvm.multiply(unary("Log", floating(x)), 1 / log(2))


@lowers(aten.relu.default, pointwise=True)
def _(x: Tensor) -> Tensor:
    return dvm.maximum(x, 0)


@lowers(aten.silu.default, of="f", pointwise=True)
def _(x: Tensor) -> Tensor:
    return dvm.silu(x)


@lowers(aten.gelu.default, of="f", pointwise=True)
def _(x: Tensor, *, approximate: str = "none") -> Tensor:
    return dvm.gelu(x, approximate)


@lowers(aten.leaky_relu.default, of="f", pointwise=True)
def _(x: Tensor, negative_slope: float = 0.01) -> Tensor:
    return dvm.where(dvm.greater(x, 0), x, dvm.multiply(x, float(negative_slope)))


@lowers(aten.hardtanh.default, of="if", pointwise=True)
def _(x: Tensor, min_val: Any = -1, max_val: Any = 1) -> Tensor:
    return dvm.clip(x, number(min_val, x.dtype), number(max_val, x.dtype))


def _scaled(value: Any, alpha: Any, dtype: DType) -> Any:
    """A term of a sum in an element type, times a number."""
    if alpha == 1:
        return value
    if dtype.kind in "bi" and isinstance(alpha, float):
        raise Unsupported(f"integers times {alpha}")
    return binary("Mul", operand(value, dtype), number(alpha, dtype))


@lowers(aten.add.Tensor, aten.add.Scalar, pointwise=True)
def _(x: Any, y: Any, alpha: Any = 1) -> Tensor:
    dtype = result_type((x, y))
    return binary("Add", operand(x, dtype), operand(_scaled(y, alpha, dtype), dtype))


def _difference(x: Any, y: Any, alpha: Any) -> Tensor:
    if any(value.dtype is BOOL if isinstance(value, Tensor) else isinstance(value, bool) for value in (x, y)):
        raise Unsupported("PyTorch has no difference of truth values")
    dtype = result_type((x, y))
    return binary("Sub", operand(x, dtype), operand(_scaled(y, alpha, dtype), dtype))


@lowers(aten.sub.Tensor, aten.sub.Scalar, pointwise=True)
def _(x: Any, y: Any, alpha: Any = 1) -> Tensor:
    return _difference(x, y, alpha)


@lowers(aten.rsub.Tensor)
@lowers(aten.rsub.Scalar, pointwise=True)
def _(x: Any, y: Any, alpha: Any = 1) -> Tensor:
    return _difference(y, x, alpha)


@lowers(aten.mul.Tensor, aten.mul.Scalar, pointwise=True)
def _(x: Any, y: Any) -> Tensor:
    return compute("Mul", x, y)


@lowers(aten.div.Tensor, aten.div.Scalar, pointwise=True)
def _(x: Any, y: Any) -> Tensor:
    return compute("Div", x, y, floats=True)


@lowers(aten.pow.Scalar)
@lowers(aten.pow.Tensor_Scalar, aten.pow.Tensor_Tensor, pointwise=True)
def _(x: Any, y: Any) -> Tensor:
    if result_type((x, y)).kind in "bi":
        raise Unsupported("integers to a power, which may be negative")
    if isinstance(x, Tensor) and x.dtype is not FLOAT16:  # for which PyTorch has no such shorter ways
        if is_root(x, y):
            return dvm.sqrt(x)
        if type(y) is float and y == -0.5 and x.dtype.kind not in "bi":
            return dvm.rsqrt(x)
    return compute("Pow", x, y)


@lowers(aten.maximum.default, pointwise=True)
def _(x: Tensor, y: Tensor) -> Tensor:
    return compute("Maximum", x, y)


@lowers(aten.minimum.default, pointwise=True)
def _(x: Tensor, y: Tensor) -> Tensor:
    return compute("Minimum", x, y)


_COMPARISONS = {
    "eq": "Equal",
    "ne": "NotEqual",
    "gt": "Greater",
    "ge": "GreaterEqual",
    "lt": "Less",
    "le": "LessEqual",
}


def _enter_comparison(name: str, kind: str) -> None:
    packet = getattr(aten, name)

    @lowers(packet.Tensor, packet.Scalar, pointwise=True)
    def _(x: Any, y: Any) -> Tensor:
        return compute(kind, x, y)


for _name, _kind in _COMPARISONS.items():
    _enter_comparison(_name, _kind)


@lowers(aten.logical_and.default, pointwise=True)
def _(x: Tensor, y: Tensor) -> Tensor:
    return dvm.logical_and(x, y)


@lowers(aten.logical_or.default, pointwise=True)
def _(x: Tensor, y: Tensor) -> Tensor:
    return dvm.logical_or(x, y)


@lowers(aten.logical_xor.default, pointwise=True)
def _(x: Tensor, y: Tensor) -> Tensor:
    return dvm.logical_xor(x, y)


@lowers(aten.bitwise_and.Tensor, aten.bitwise_and.Scalar, pointwise=True)
def _(x: Any, y: Any) -> Tensor:
    return dvm.bitwise_and(x, y)


@lowers(aten.bitwise_or.Tensor, aten.bitwise_or.Scalar, pointwise=True)
def _(x: Any, y: Any) -> Tensor:
    return dvm.bitwise_or(x, y)


@lowers(aten.bitwise_xor.Tensor, aten.bitwise_xor.Scalar, pointwise=True)
def _(x: Any, y: Any) -> Tensor:
    return dvm.bitwise_xor(x, y)


@lowers(aten.where.self, aten.where.ScalarSelf, aten.where.ScalarOther, aten.where.Scalar, pointwise=True)
def _(condition: Tensor, x: Any, y: Any) -> Tensor:
    if condition.dtype is not BOOL:
        raise Unsupported("a condition of numbers")
    dtype = result_type((x, y))
    return dvm.where(condition, as_tensor(x, dtype), as_tensor(y, dtype))


@lowers(aten.masked_fill.Scalar, aten.masked_fill.Tensor, dense=True)
def _(x: Tensor, mask: Tensor, value: Any) -> Tensor:
    if mask.dtype is not BOOL:
        raise Unsupported("a mask of numbers")
    if isinstance(value, Tensor) and value.ndim:
        raise Unsupported("several numbers to fill with")
    return dvm.where(mask, as_tensor(value, x.dtype), x)


@lowers(aten.clamp.default, aten.clamp.Tensor, of="if", pointwise=True)
def clamp(x: Tensor, min: Any = None, max: Any = None) -> Tensor:
    if min is None and max is None:
        raise Unsupported("a range without ends")
    dtype = result_type([value for value in (x, min, max) if value is not None])
    found = converted(x, dtype)
    if min is not None:
        found = dvm.maximum(found, operand(min, dtype))
    return found if max is None else dvm.minimum(found, operand(max, dtype))


@lowers(aten.clamp_min.default, of="if", pointwise=True)
def _(x: Tensor, min: Any) -> Tensor:
    return clamp(x, min)


@lowers(aten.clamp_max.default, of="if", pointwise=True)
def _(x: Tensor, max: Any) -> Tensor:
    return clamp(x, None, max)


@lowers(aten.lerp.Scalar, aten.lerp.Tensor, of="f", pointwise=True)
def _(x: Tensor, end: Tensor, weight: Any) -> Tensor:
    if any(isinstance(one, Tensor) and one.dtype is not x.dtype for one in (end, weight)):
        raise Unsupported("ends or a weight of another type")
    way = compute("Sub", end, x)

    def from_x() -> Tensor:
        return compute("Add", x, compute("Mul", way, weight))

    def from_end() -> Tensor:
        """Which gives the end exactly for a weight of 1."""
        return compute("Sub", end, compute("Mul", way, compute("Sub", 1.0, weight)))

    if isinstance(weight, float | int):
        return from_x() if abs(weight) < 0.5 else from_end()
    return dvm.where(dvm.less(dvm.abs(weight), 0.5), from_x(), from_end())


@lowers(aten.addcmul.default, of="if", pointwise=True)
def _(x: Tensor, a: Tensor, b: Tensor, *, value: Any = 1) -> Tensor:
    return compute("Add", x, _scaled(compute("Mul", a, b), value, result_type((a, b))))


@lowers(aten.addcdiv.default, of="f", pointwise=True)
def _(x: Tensor, a: Tensor, b: Tensor, *, value: Any = 1) -> Tensor:
    return compute("Add", x, _scaled(compute("Div", a, b), value, result_type((a, b))))


@lowers(aten.clone.default, pointwise=True)
def _(x: Tensor, *, memory_format: Any = None) -> Tensor:
    return dvm.copy(x)


@lowers(aten.copy.default)
def _(x: Tensor, source: Any, non_blocking: bool = False) -> Tensor:
    found = as_tensor(source, x.dtype)
    return (
        dvm.broadcast_to(found, x.shape)
        if len(found.shape) != len(x.shape) or found.shape != x.shape
        else dvm.copy(found)
    )


@lowers(aten.fill.Scalar, aten.fill.Tensor)
def _(x: Tensor, value: Any) -> Tensor:
    return dvm.broadcast_to(as_tensor(value, x.dtype), x.shape)


@lowers(aten.zero.default)
def _(x: Tensor) -> Tensor:
    return dvm.zeros(x.shape, x.dtype)


@lowers(aten._to_copy.default, pointwise=True)
def _(x: Tensor, *, dtype: torch.dtype | None = None, device: Any = None, **options: Any) -> Tensor:
    if device is not None and torch.device(device).type != "cpu":
        raise Unsupported(f"it goes to {device}")
    return dvm.astype(x, x.dtype if dtype is None else dtype_of(dtype))


def axes_of(x: Tensor, dim: Any) -> tuple[int, ...]:
    """The dims that a reduction goes over: none or an empty list stands for all."""
    if dim is None or (isinstance(dim, Sequence) and not dim):
        return tuple(range(x.ndim))
    return normalised_axes(list(dim) if isinstance(dim, Sequence) else dim, x.ndim)


def reduced(kind: str, x: Tensor, dim: Any, keepdim: bool) -> Tensor:
    """A reduction of the dialect; of a tensor without dims itself."""
    return reduce(kind, x, axes_of(x, dim), keepdim)


@lowers(aten.sum.default, aten.sum.dim_IntList, dense=True)
def total(x: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: torch.dtype | None = None) -> Tensor:
    if dtype is not None:
        x = converted(x, dtype_of(dtype))
    return reduced("Sum", converted(x, INT64) if x.dtype.kind in "bi" and dtype is None else x, dim, keepdim)


@lowers(aten.mean.default, aten.mean.dim, dense=True, of="f")
def mean(x: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: torch.dtype | None = None) -> Tensor:
    return reduced("Mean", x if dtype is None else converted(x, dtype_of(dtype)), dim, keepdim)


@lowers(aten.prod.default, dense=True)
def _(x: Tensor, *, dtype: torch.dtype | None = None) -> Tensor:
    return _product(x, None, False, dtype)


@lowers(aten.prod.dim_int, dense=True)
def _(x: Tensor, dim: int, keepdim: bool = False, *, dtype: torch.dtype | None = None) -> Tensor:
    return _product(x, dim, keepdim, dtype)


def _product(x: Tensor, dim: Any, keepdim: bool, dtype: torch.dtype | None) -> Tensor:
    target = dtype_of(dtype) if dtype is not None else INT64 if x.dtype.kind in "bi" else x.dtype
    return reduced("Prod", converted(x, target), dim, keepdim)


@lowers(aten.amax.default, dense=True)
def amax(x: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    return _extreme("Max", x, dim, keepdim)


@lowers(aten.amin.default, dense=True)
def amin(x: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    return _extreme("Min", x, dim, keepdim)


def _extreme(kind: str, x: Tensor, dim: Any, keepdim: bool) -> Tensor:
    if x.dtype is not BOOL:
        return reduced(kind, x, dim, keepdim)
    return dvm.astype(reduced(kind, converted(x, INT32), dim, keepdim), BOOL)


@lowers(aten.max.default, dense=True)
def _(x: Tensor) -> Tensor:
    return amax(x)


@lowers(aten.min.default, dense=True)
def _(x: Tensor) -> Tensor:
    return amin(x)


@lowers(aten.max.dim, dense=True)
def _(x: Tensor, dim: int, keepdim: bool = False) -> tuple[Tensor, Deferred]:
    return _extreme_and_place("Max", x, dim, keepdim)


@lowers(aten.min.dim, dense=True)
def _(x: Tensor, dim: int, keepdim: bool = False) -> tuple[Tensor, Deferred]:
    return _extreme_and_place("Min", x, dim, keepdim)


def _extreme_and_place(kind: str, x: Tensor, dim: int, keepdim: bool) -> tuple[Tensor, Deferred]:
    """The greatest or least along a dim, and the first index where it is (or where there is no number, which counts as such)."""
    if not x.ndim:
        raise Unsupported("there is no dim")
    (axis,) = axes_of(x, dim)
    length = x.shape[axis]
    if isinstance(length, int) and length == 0:
        raise Unsupported("nothing has no extreme")
    found = _extreme(kind, x, dim, keepdim)

    def place() -> Tensor:
        here = dvm.equal(x, _extreme(kind, x, dim, True))
        if x.dtype.kind not in "bi":
            here = dvm.logical_or(here, dvm.not_equal(x, x))
        positions = dvm.expand_dims(dvm.arange(length), tuple(range(1, x.ndim - axis)))
        return reduced("Min", dvm.where(here, positions, as_tensor(_NOWHERE, INT64)), dim, keepdim)

    return found, Deferred(found.shape, INT64, place)


_NOWHERE = 1 << 62
"""An index that no tensor has."""


@lowers(aten.all.default, aten.all.dim, aten.all.dims, dense=True)
def _(x: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    axes = () if dim == [] else axes_of(x, dim)  # here an empty list stands for no dims
    return dvm.all(x, axes, keepdims=keepdim) if x.ndim and axes else dvm.astype(x, BOOL)


@lowers(aten.any.default, aten.any.dim, aten.any.dims, dense=True)
def _(x: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    axes = () if dim == [] else axes_of(x, dim)  # here an empty list stands for no dims
    return dvm.any(x, axes, keepdims=keepdim) if x.ndim and axes else dvm.astype(x, BOOL)


@lowers(aten.var.correction, dense=True, of="f")
def variance(x: Tensor, dim: Any = None, *, correction: Any = None, keepdim: bool = False) -> Tensor:
    """The mean of the squared differences from the mean, with `correction` taken off the number of elements."""
    axes = axes_of(x, dim)
    squares = dvm.square(dvm.subtract(x, reduce("Mean", x, axes, True)))
    correction = 1 if correction is None else correction
    if correction == 0:
        return reduce("Mean", squares, axes, keepdim)
    count: Any = 1
    for axis in axes:
        count = count * x.shape[axis]
    degrees = count - correction
    degrees = max(float(degrees), 0.0) if is_scalar(degrees) else dvm.maximum(degrees, 0)
    return compute("Div", reduce("Sum", squares, axes, keepdim), degrees)


@lowers(aten.std.correction, dense=True, of="f")
def _(x: Tensor, dim: Any = None, *, correction: Any = None, keepdim: bool = False) -> Tensor:
    return dvm.sqrt(variance(x, dim, correction=correction, keepdim=keepdim))


@lowers(aten.var_mean.correction, dense=True, of="f")
def _(x: Tensor, dim: Any = None, *, correction: Any = None, keepdim: bool = False) -> tuple[Tensor, Tensor]:
    return variance(x, dim, correction=correction, keepdim=keepdim), mean(x, dim, keepdim)


@lowers(aten.linalg_vector_norm.default, dense=True, of="f")
def _(x: Tensor, ord: Any = 2, dim: Any = None, keepdim: bool = False, *, dtype: torch.dtype | None = None) -> Tensor:
    x = x if dtype is None else converted(x, dtype_of(dtype))
    if ord == 2:
        return dvm.sqrt(reduced("Sum", dvm.square(x), dim, keepdim))
    if ord == 1:
        return reduced("Sum", dvm.abs(x), dim, keepdim)
    raise Unsupported(f"the norm of order {ord}")


@lowers(aten.logsumexp.default, dense=True)
def logsumexp(x: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    axes = axes_of(x, dim)
    highest = reduce("Max", x, axes, True)
    finite = dvm.where(dvm.isfinite(highest), highest, 0.0)
    sums = reduce("Sum", dvm.exp(dvm.subtract(x, finite)), axes, True)
    found = dvm.add(dvm.log(sums), finite)
    return found if keepdim else dvm.squeeze(found, axes)


@lowers(aten.full.default)
def _(shape: Any, value: Any, *, dtype: torch.dtype | None = None, **options: Any) -> Tensor:
    return _full(shape, value, dtype, options)


@lowers(aten.zeros.default)
def _(shape: Any, *, dtype: torch.dtype | None = None, **options: Any) -> Tensor:
    return _full(shape, 0, dtype or torch.get_default_dtype(), options)


@lowers(aten.ones.default)
def _(shape: Any, *, dtype: torch.dtype | None = None, **options: Any) -> Tensor:
    return _full(shape, 1, dtype or torch.get_default_dtype(), options)


@lowers(aten.empty.memory_format)
def _(shape: Any, *, dtype: torch.dtype | None = None, memory_format: Any = None, **options: Any) -> Tensor:
    return _full(shape, 0, dtype or torch.get_default_dtype(), options)


@lowers(aten.scalar_tensor.default)
def _(value: Any, *, dtype: torch.dtype | None = None, **options: Any) -> Tensor:
    return _full((), value, dtype or torch.get_default_dtype(), options)


@lowers(aten.full_like.default, aten.new_full.default)
def _(x: Tensor, *arguments: Any, dtype: torch.dtype | None = None, **options: Any) -> Tensor:
    shape, value = arguments if len(arguments) > 1 else (x.shape, *arguments)
    return _full(shape, value, dtype or _kind_of(x), options)


@lowers(aten.zeros_like.default, aten.new_zeros.default)
def _(x: Tensor, shape: Any = None, *, dtype: torch.dtype | None = None, **options: Any) -> Tensor:
    return _full(x.shape if shape is None else shape, 0, dtype or _kind_of(x), options)


@lowers(aten.ones_like.default, aten.new_ones.default)
def _(x: Tensor, shape: Any = None, *, dtype: torch.dtype | None = None, **options: Any) -> Tensor:
    return _full(x.shape if shape is None else shape, 1, dtype or _kind_of(x), options)


def _kind_of(x: Tensor) -> torch.dtype:
    return next(kind for kind in KINDS if dtype_of(kind) is x.dtype)


KINDS = (torch.float32, torch.bfloat16, torch.float16, torch.int64, torch.int32, torch.bool)


def _full(shape: Any, value: Any, kind: torch.dtype | None, options: dict[str, Any]) -> Tensor:
    device, layout = options.get("device"), options.get("layout")
    if (device is not None and torch.device(device).type != "cpu") or layout not in (None, torch.strided):
        raise Unsupported("it is not for main memory")
    if not is_scalar(value):
        raise Unsupported("it is filled with a value that is computed")
    if kind is None:
        kind = {bool: torch.bool, int: torch.int64, float: torch.get_default_dtype()}[type(value)]
    dtype = dtype_of(kind)
    return dvm.full(sizes(shape), number(value, dtype), dtype)


@lowers(aten.arange.default, aten.arange.start, aten.arange.start_step)
def _(*bounds: Any, dtype: torch.dtype | None = None, device: Any = None, **options: Any) -> Tensor:
    if device is not None and torch.device(device).type != "cpu":
        raise Unsupported("it is not for main memory")
    if any(isinstance(bound, float) for bound in bounds):
        raise Unsupported("it has bounds that are no integers")
    start, stop = bounds[:2] if len(bounds) > 1 else (0, *bounds)
    step = bounds[2] if len(bounds) > 2 else 1
    if not is_scalar(step):
        raise Unsupported("its step is not known")
    found = dvm.arange(start, stop, step)
    return found if dtype is None or dtype is torch.int64 else converted(found, dtype_of(dtype))


@lowers(aten.tril.default, dense=True)
def _(x: Tensor, diagonal: int = 0) -> Tensor:
    return dvm.tril(x, diagonal)


@lowers(aten.triu.default, dense=True)
def _(x: Tensor, diagonal: int = 0) -> Tensor:
    return dvm.triu(x, diagonal)


@lowers(torch.ops.prims.convert_element_type.default)
def _(x: Tensor, dtype: torch.dtype) -> Tensor:
    return dvm.astype(x, dtype_of(dtype))
