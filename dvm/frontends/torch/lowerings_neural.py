"""Matrix products and the operations of neural networks, with their gradients: ATen's, in terms of DVM's (see `table`)."""

from collections.abc import Sequence
from math import pi, sqrt
from typing import Any

import torch

from dvm import functions as dvm
from dvm.frontends.torch.elements import dtype_of
from dvm.frontends.torch.lowerings import INT64, as_tensor, axes_of, compute, logsumexp, operand, variance
from dvm.frontends.torch.table import Deferred, lowers
from dvm.functions.dispatch import converted, normalised_axis
from dvm.functions.reductions import reduce
from dvm.primitives import BOOL, FLOAT32
from dvm.tensor import Tensor, Unsupported

aten = torch.ops.aten


@lowers(aten.mm.default, dense=True, uniform=True)
def _(a: Tensor, b: Tensor) -> Tensor:
    _require_ranks(a, b, 2, 2)
    return _product(a, b)


@lowers(aten.mv.default, dense=True)
def _(a: Tensor, b: Tensor) -> Tensor:
    _require_ranks(a, b, 2, 1)
    return _product(a, b)


@lowers(aten.bmm.default, dense=True, uniform=True)
def _(a: Tensor, b: Tensor) -> Tensor:
    _require_ranks(a, b, 3, 3)
    return _product(a, b)


def _require_ranks(a: Tensor, b: Tensor, first: int, second: int) -> None:
    """Leave it to PyTorch to refuse products that NumPy would broadcast."""
    batched = first == second == 3 and isinstance(a.shape[0], int) and isinstance(b.shape[0], int)
    if a.ndim != first or b.ndim != second or (batched and a.shape[0] != b.shape[0]):
        raise Unsupported(f"a product of {a.shape} and {b.shape}")


def _require_shape(what: Tensor | None, shape: Sequence[Any]) -> None:
    """Leave it to PyTorch to refuse parameters that NumPy would broadcast."""
    if what is not None and (
        what.ndim != len(shape)
        or any(isinstance(a, int) and isinstance(b, int) and a != b for a, b in zip(what.shape, shape, strict=True))
    ):
        raise Unsupported(f"a parameter of {what.shape} where {tuple(shape)} is wanted")


def _require_parameters(x: Tensor, *parameters: Tensor | None) -> None:
    """Leave it to PyTorch to refuse parameters of another type; those of 16-bit floats may be f32."""
    require_floats(*parameters)
    for parameter in parameters:
        if parameter is not None and parameter.dtype is not x.dtype and parameter.dtype is not FLOAT32:
            raise Unsupported(f"parameters of {parameter.dtype} for {x.dtype}")


def require_floats(*tensors: Tensor | None) -> None:
    """Leave it to PyTorch to refuse what it does not promote, and products of integers."""
    kinds = {tensor.dtype for tensor in tensors if tensor is not None}
    if len(kinds) > 1 or any(kind.kind in "bi" for kind in kinds):
        raise Unsupported(f"operands of {' and '.join(sorted(map(str, kinds)))}")


def _product(a: Tensor, b: Tensor, *, bias: Tensor | None = None, **options: Any) -> Tensor:
    require_floats(a, b, bias)
    return dvm.matmul(a, b, bias=bias, **options)


@lowers(aten.addmm.default, aten.baddbmm.default, dense=True, uniform=True)
def _(bias: Tensor, a: Tensor, b: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    _require_ranks(a, b, a.ndim, a.ndim)
    if beta == 1 and alpha == 1:
        return _product(a, b, bias=bias)
    require_floats(bias, a, b)
    found = _product(a, b)
    found = found if alpha == 1 else dvm.multiply(found, float(alpha))
    if beta == 0:
        return found
    return dvm.add(found, bias if beta == 1 else dvm.multiply(bias, float(beta)))


@lowers(aten.linear.default, dense=True, uniform=True)
def _(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    return _product(x, weight, transpose_y=True, bias=bias)


@lowers(aten._softmax.default, dense=True, uniform=True, of="f")
def _(x: Tensor, dim: int, half_to_float: bool) -> Tensor:
    if half_to_float:
        x = converted(x, FLOAT32)
    return dvm.softmax(x, dim) if x.ndim else dvm.ones((), x.dtype)


@lowers(aten._log_softmax.default, dense=True, uniform=True, of="f")
def _(x: Tensor, dim: int, half_to_float: bool) -> Tensor:
    if half_to_float:
        x = converted(x, FLOAT32)
    return dvm.log_softmax(x, dim) if x.ndim else dvm.zeros((), x.dtype)


@lowers(aten._safe_softmax.default, dense=True, of="f")
def safe_softmax(x: Tensor, dim: int, dtype: torch.dtype | None = None) -> Tensor:
    """The softmax, and 0 along a dim that holds nothing but negative infinities."""
    if dtype is not None:
        x = converted(x, dtype_of(dtype))
    nothing = dvm.equal(reduce("Max", x, (normalised_axis(dim, x.ndim),), True), float("-inf"))
    return dvm.where(nothing, as_tensor(0.0, x.dtype), dvm.softmax(x, dim))


@lowers(aten._softmax_backward_data.default, dense=True, of="f")
def _(gradient: Tensor, result: Tensor, dim: int, input_dtype: torch.dtype) -> Tensor:
    product = dvm.multiply(gradient, result)
    sums = dvm.sum(product, axes_of(result, dim), keepdims=True)
    return converted(dvm.subtract(product, dvm.multiply(result, sums)), dtype_of(input_dtype))


@lowers(aten._log_softmax_backward_data.default, dense=True, of="f")
def _(gradient: Tensor, result: Tensor, dim: int, input_dtype: torch.dtype) -> Tensor:
    sums = dvm.sum(gradient, axes_of(result, dim), keepdims=True)
    return converted(dvm.subtract(gradient, dvm.multiply(dvm.exp(result), sums)), dtype_of(input_dtype))


@lowers(aten.native_layer_norm.default, dense=True, of="f")
def _(x: Tensor, shape: Sequence[Any], weight: Tensor | None, bias: Tensor | None, eps: float) -> tuple[Any, ...]:
    axis = _first_normalised(x, shape, eps)
    _require_shape(weight, shape)
    _require_shape(bias, shape)
    _require_shape(x, (*x.shape[:axis], *shape))
    kept = x.dtype
    parameters = [parameter for parameter in (weight, bias) if parameter is not None]
    _require_parameters(x, weight, bias)
    if any(parameter.dtype is not kept for parameter in parameters):
        x = converted(x, FLOAT32)
        weight, bias = (None if one is None else converted(one, FLOAT32) for one in (weight, bias))
    found = converted(dvm.layer_norm(x, weight, bias, axis=axis, epsilon=eps), kept)
    axes = tuple(range(axis, x.ndim))
    shape = (*x.shape[:axis], *[1] * len(shape))

    def middle() -> Tensor:
        return converted(reduce("Mean", converted(x, FLOAT32), axes, True), x.dtype)

    def spread() -> Tensor:
        return converted(_spread(converted(x, FLOAT32), axes, eps), x.dtype)

    return found, Deferred(shape, x.dtype, middle), Deferred(shape, x.dtype, spread)


def _first_normalised(x: Tensor, shape: Sequence[Any], eps: float) -> int:
    """The first of the dims that a norm is over, the last ones of a shape."""
    if len(shape) > x.ndim or not eps >= 0:
        raise Unsupported("it normalises more dims than there are, or with an epsilon below 0")
    return x.ndim - len(shape)


def _spread(x: Tensor, axes: Sequence[int], eps: float) -> Tensor:
    """One over the standard deviation along some dims."""
    return dvm.rsqrt(dvm.add(variance(x, axes, correction=0, keepdim=True), float(eps)))


@lowers(aten._fused_rms_norm.default, dense=True, of="f")
def _(x: Tensor, shape: Sequence[Any], weight: Tensor | None, eps: float | None) -> tuple[Tensor, ...]:
    epsilon = torch.finfo(torch.float32).eps if eps is None else eps
    axis = _first_normalised(x, shape, epsilon)
    _require_shape(weight, shape)
    _require_shape(x, (*x.shape[:axis], *shape))
    found = dvm.rms_norm(x, weight, axis=axis, epsilon=epsilon)
    squares = reduce("Mean", dvm.square(converted(x, FLOAT32)), tuple(range(axis, x.ndim)), True)
    return found, dvm.rsqrt(dvm.add(squares, float(epsilon)))


@lowers(aten.native_group_norm.default, of="f")
def _(
    x: Tensor, weight: Tensor | None, bias: Tensor | None, n: Any, c: Any, inner: Any, groups: int, eps: float
) -> tuple[Tensor, ...]:
    _require_parameters(x, weight, bias)
    apart = dvm.reshape(x, (n, groups, c // groups, inner))
    middle = reduce("Mean", apart, (2, 3), True)
    spread = _spread(apart, (2, 3), eps)
    found = dvm.reshape(dvm.multiply(dvm.subtract(apart, middle), spread), x.shape)
    across = (1, c, *[1] * (x.ndim - 2))
    if weight is not None:
        found = dvm.multiply(found, dvm.reshape(weight, across))
    if bias is not None:
        found = dvm.add(found, dvm.reshape(bias, across))
    return found, dvm.reshape(middle, (n, groups)), dvm.reshape(spread, (n, groups))


@lowers(aten.native_batch_norm.default, aten._native_batch_norm_legit_no_training.default, of="f")
def _(x: Tensor, weight: Any, bias: Any, mean: Any, var: Any, *rest: Any) -> tuple[Tensor, ...]:
    if len(rest) == 3 and rest[0]:
        raise Unsupported("a batch norm in training writes its running statistics")
    for parameter in (weight, bias, mean, var):
        _require_shape(parameter, (x.shape[1],))
    _require_parameters(x, weight, bias)
    across = (1, x.shape[1], *[1] * (x.ndim - 2))
    scale = dvm.rsqrt(dvm.add(var, float(rest[-1])))
    if weight is not None:
        scale = dvm.multiply(scale, weight)
    found = dvm.multiply(dvm.subtract(x, dvm.reshape(mean, across)), dvm.reshape(scale, across))
    if bias is not None:
        found = dvm.add(found, dvm.reshape(bias, across))
    none = dvm.zeros((0,), x.dtype)
    return converted(found, x.dtype), none, none


@lowers(aten._scaled_dot_product_flash_attention_for_cpu.default, laid_out=True, of="f")
def _(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    attn_mask: Tensor | None = None,
    scale: float | None = None,
) -> tuple[Any, ...]:
    if dropout_p:
        raise Unsupported("an attention that drops out at random")
    batch, heads, length, width = query.shape
    shared = key.shape[1]
    if not isinstance(heads, int) or not isinstance(shared, int) or not isinstance(width, int):
        raise Unsupported("an attention whose heads are not known")
    steps = key.shape[2]
    kept = query.dtype
    query, key, value = (converted(one, FLOAT32) for one in (query, key, value))  # as PyTorch does it
    grouped = heads != shared
    if grouped:  # grouped queries: the heads of a group are rows of one product
        query = dvm.reshape(query, (batch, shared, heads // shared, length, width))
        key, value = dvm.expand_dims(key, 2), dvm.expand_dims(value, 2)
    scores = dvm.matmul(query, key, transpose_y=True)
    scores = dvm.multiply(scores, 1 / sqrt(width) if scale is None else float(scale))
    if attn_mask is not None:
        mask = attn_mask
        if grouped:
            mask = dvm.broadcast_to(mask, (batch, heads, length, steps))
            mask = dvm.reshape(mask, (batch, shared, heads // shared, length, steps))
        if mask.dtype is BOOL:
            scores = dvm.where(mask, scores, as_tensor(float("-inf"), scores.dtype))
        else:
            scores = dvm.add(scores, converted(mask, scores.dtype))
    if is_causal:
        below = dvm.less_equal(dvm.arange(steps), dvm.expand_dims(dvm.arange(length), 1))
        scores = dvm.where(below, scores, as_tensor(float("-inf"), scores.dtype))
    weights = dvm.softmax(scores) if attn_mask is None else safe_softmax(scores, -1)
    found = dvm.matmul(weights, value)
    if grouped:
        found = dvm.reshape(found, (batch, heads, length, width))

    def sums() -> Tensor:
        return dvm.reshape(logsumexp(scores, -1), (batch, heads, length))

    return converted(found, kept), Deferred((batch, heads, length), scores.dtype, sums)


def _targets(target: Tensor, classes: Any, ignored: int) -> tuple[Tensor, Tensor]:
    """The class that each target is, 0 for those that do not count, and which count. Another target that is no class is an error."""
    counts = dvm.not_equal(target, ignored)
    # negative indices of `take` count from the end, but not beyond the first
    known = dvm.where(dvm.less(target, 0), dvm.subtract(target, classes), target)
    return dvm.take(dvm.arange(classes), dvm.where(counts, known, 0), 0), counts


def _picked(x: Tensor, wanted: Tensor) -> Tensor:
    """Of each row the element of a class."""
    if x.ndim == 1:
        return dvm.take(x, wanted, 0)
    rows, classes = x.shape
    places = dvm.add(dvm.multiply(dvm.arange(rows), classes), wanted)
    return dvm.take(dvm.reshape(x, (rows * classes,)), places, 0)


def _require_classes(x: Tensor, target: Tensor, weight: Any) -> None:
    """Leave it to PyTorch to compute other losses than those of rows [N, C] or [C] of floats and integers [N] or []."""
    if weight is not None or target.dtype is not INT64 or x.dtype.kind in "bi":
        raise Unsupported("a loss of integers, or with a weight for each class")
    _require_shape(target, x.shape[:-1])


def _loss(picked: Tensor, counts: Tensor, reduction: int) -> tuple[Tensor, Tensor]:
    """The loss of logarithms of probabilities, and the number of those that count."""
    zero = as_tensor(0.0, picked.dtype)
    losses = dvm.where(counts, dvm.negative(picked), zero)
    if reduction == 0:
        return losses, zero
    number = dvm.sum(converted(counts, picked.dtype))
    whole = dvm.sum(losses)
    return (dvm.divide(whole, number) if reduction == 1 else whole), number


@lowers(aten.nll_loss_forward.default, dense=True)
def _(x: Tensor, target: Tensor, weight: Any, reduction: int, ignore_index: int) -> tuple[Tensor, Tensor]:
    _require_classes(x, target, weight)
    wanted, counts = _targets(target, x.shape[-1], ignore_index)
    return _loss(_picked(x, wanted), counts, reduction)


def cross_entropy(x: Tensor, target: Tensor, reduction: int, ignore_index: int) -> Tensor:
    """The loss of logits: of the logarithms of their softmax, which are computed for the targets only."""
    require_floats(x)
    _require_classes(x, target, None)
    if not 1 <= x.ndim <= 2:
        raise Unsupported("logits that are no rows")
    wanted, counts = _targets(target, x.shape[-1], ignore_index)
    precise = converted(x, FLOAT32)
    greatest = dvm.max(precise, -1, keepdims=True)
    sums = dvm.sum(dvm.exp(dvm.subtract(precise, greatest)), -1)
    picked = dvm.subtract(converted(_picked(x, wanted), FLOAT32), dvm.reshape(greatest, sums.shape))
    return _loss(converted(dvm.subtract(picked, dvm.log(sums)), x.dtype), counts, reduction)[0]


@lowers(aten.nll_loss_backward.default)
def _(
    gradient: Tensor, x: Tensor, target: Tensor, weight: Any, reduction: int, ignore_index: int, number: Tensor
) -> Tensor:
    if weight is not None or x.dtype.kind in "bi":
        raise Unsupported("a loss of integers, or with a weight for each class")
    wanted, counts = _targets(target, x.shape[-1], ignore_index)
    same = dvm.equal(dvm.arange(x.shape[-1]), dvm.expand_dims(wanted, -1) if target.ndim else wanted)
    counts = dvm.expand_dims(counts, -1) if target.ndim else counts
    each = dvm.divide(gradient, number) if reduction == 1 else gradient
    if reduction == 0 and target.ndim:
        each = dvm.expand_dims(each, -1)
    zero = as_tensor(0.0, x.dtype)
    return dvm.where(dvm.logical_and(same, counts), dvm.negative(each), zero)


@lowers(aten.mse_loss.default, of="f")
def _(x: Tensor, y: Tensor, reduction: int = 1) -> Tensor:
    squares = dvm.square(compute("Sub", x, y))
    return squares if reduction == 0 else dvm.mean(squares) if reduction == 1 else dvm.sum(squares)


@lowers(aten.glu.default, of="f")
def _(x: Tensor, dim: int = -1) -> Tensor:
    at = normalised_axis(dim, x.ndim)
    half = x.shape[at] // 2
    before = (slice(None),) * at
    return dvm.multiply(
        dvm.getitem(x, (*before, slice(None, half))), dvm.sigmoid(dvm.getitem(x, (*before, slice(half, None))))
    )


@lowers(aten.threshold_backward.default, of="if")
def _(gradient: Tensor, x: Tensor, threshold: Any) -> Tensor:
    return dvm.where(dvm.less_equal(x, operand(threshold, x.dtype)), as_tensor(0.0, gradient.dtype), gradient)


@lowers(aten.tanh_backward.default, of="f")
def _(gradient: Tensor, result: Tensor) -> Tensor:
    return dvm.multiply(gradient, dvm.subtract(1.0, dvm.square(result)))


@lowers(aten.sigmoid_backward.default, of="f")
def _(gradient: Tensor, result: Tensor) -> Tensor:
    return dvm.multiply(gradient, dvm.multiply(result, dvm.subtract(1.0, result)))


@lowers(aten.silu_backward.default, of="f")
def _(gradient: Tensor, x: Tensor) -> Tensor:
    squashed = dvm.sigmoid(x)
    slope = dvm.add(1.0, dvm.multiply(x, dvm.subtract(1.0, squashed)))
    return dvm.multiply(gradient, dvm.multiply(squashed, slope))


@lowers(aten.gelu_backward.default, of="f")
def _(gradient: Tensor, x: Tensor, *, approximate: str = "none") -> Tensor:
    """The derivative of x * P(X <= x), X normal, or of its approximation by a tanh."""
    if approximate == "none":
        below = dvm.multiply(0.5, dvm.add(1.0, dvm.erf(dvm.multiply(x, sqrt(0.5)))))
        density = dvm.multiply(dvm.exp(dvm.multiply(dvm.square(x), -0.5)), 1 / sqrt(2 * pi))
        return dvm.multiply(gradient, dvm.add(below, dvm.multiply(x, density)))
    inner = dvm.multiply(dvm.add(x, dvm.multiply(dvm.multiply(dvm.square(x), x), 0.044715)), sqrt(2 / pi))
    squashed = dvm.tanh(inner)
    slope = dvm.multiply(dvm.add(1.0, dvm.multiply(dvm.square(x), 3 * 0.044715)), sqrt(2 / pi))
    rise = dvm.multiply(dvm.multiply(x, 0.5), dvm.multiply(dvm.subtract(1.0, dvm.square(squashed)), slope))
    return dvm.multiply(gradient, dvm.add(dvm.multiply(0.5, dvm.add(1.0, squashed)), rise))


@lowers(aten.native_layer_norm_backward.default, dense=True, of="f")
def _(
    gradient: Tensor,
    x: Tensor,
    shape: Sequence[Any],
    middle: Tensor,
    spread: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    wanted: Sequence[bool],
) -> tuple[Tensor | None, ...]:
    axis = x.ndim - len(shape)
    inner, outer = tuple(range(axis, x.ndim)), tuple(range(axis))
    kept = x.dtype
    gradient, x, middle, spread = (converted(one, FLOAT32) for one in (gradient, x, middle, spread))
    normal = dvm.multiply(dvm.subtract(x, middle), spread)
    scaled = gradient if weight is None else dvm.multiply(gradient, converted(weight, FLOAT32))
    of_x = None
    if wanted[0]:
        across = reduce("Mean", scaled, inner, True)
        along = dvm.multiply(normal, reduce("Mean", dvm.multiply(scaled, normal), inner, True))
        of_x = converted(dvm.multiply(dvm.subtract(dvm.subtract(scaled, across), along), spread), kept)
    of_weight = of_bias = None
    if wanted[1] and weight is not None:
        of_weight = converted(dvm.sum(dvm.multiply(gradient, normal), outer), weight.dtype)
    if wanted[2] and bias is not None:
        of_bias = converted(dvm.sum(gradient, outer), bias.dtype)
    return of_x, of_weight, of_bias
