"""Functions of PyTorch that are several operations to its dispatcher, taken whole.

A linear layer on three dims reaches the dispatcher as a transposition, two views and `addmm`; at some 10 microseconds each that is most
of what `lazy` needs to record it, and at more most of what it takes to go through a graph. `lazy` takes functions whole only where nothing but
its dispatch mode would see the operations.
"""

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch.autograd import forward_ad
from torch.nn import functional

from dvm import functions as dvm
from dvm.frontends.torch.lowerings_neural import cross_entropy, require_floats
from dvm.frontends.torch.table import LOWERINGS, UNIFORM
from dvm.tensor import Tensor, Unsupported

aten = torch.ops.aten


def _matmul(a: Tensor, b: Tensor) -> Tensor:
    """A product of matrices or of as many of them; PyTorch lays others out in an order of its own."""
    if a.ndim != b.ndim or a.ndim < 2 or a.shape[:-2] != b.shape[:-2] or a.shape[-1] != b.shape[-2]:
        raise Unsupported("not a product of as many matrices each")
    require_floats(a, b)
    return dvm.matmul(a, b)


def _linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    if x.ndim < 1 or weight.ndim != 2 or x.shape[-1] != weight.shape[1]:
        raise Unsupported("not a layer for these rows")
    if bias is not None and bias.shape != weight.shape[:1]:
        raise Unsupported("a bias of another shape")
    return LOWERINGS[aten.linear.default](x, weight, bias)


def _layer_norm(
    x: Tensor, normalized_shape: Any, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    if type(eps) is not float or any(type(size) is not int for size in normalized_shape):
        raise Unsupported("sizes or an epsilon that PyTorch looks at more closely")
    if any(one is not None and one.dtype is not x.dtype for one in (weight, bias)):
        raise Unsupported("parameters of another type")
    return LOWERINGS[aten.native_layer_norm.default](x, normalized_shape, weight, bias, eps)[0]


def _cross_entropy(
    x: Tensor,
    target: Tensor,
    weight: Any = None,
    size_average: Any = None,
    ignore_index: int = -100,
    reduce: Any = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    if (
        any(one is not None for one in (weight, size_average, reduce))
        or label_smoothing
        or type(ignore_index) is not int
    ):
        raise Unsupported("a loss with weights, or as PyTorch had it once")
    if reduction not in _REDUCTIONS:
        raise Unsupported("a reduction that PyTorch refuses")
    return cross_entropy(x, target, _REDUCTIONS.index(reduction), ignore_index)


_REDUCTIONS = ("none", "mean", "sum")


class Composite(NamedTuple):
    """A function over tensors of DVM, the operation of ATen that it is, and which of its arguments PyTorch takes by name."""

    function: Callable[..., Tensor]
    operation: Any
    names: frozenset[str] = frozenset()


_MATMUL = Composite(_matmul, aten.matmul.default)

COMPOSITES: dict[Any, Composite] = {
    functional.linear: Composite(_linear, aten.linear.default, frozenset(("weight", "bias"))),
    functional.layer_norm: Composite(
        _layer_norm, aten.native_layer_norm.default, frozenset(("normalized_shape", "weight", "bias", "eps"))
    ),
    functional.cross_entropy: Composite(
        _cross_entropy,
        aten.cross_entropy_loss.default,
        frozenset(("target", "weight", "size_average", "ignore_index", "reduce", "reduction", "label_smoothing")),
    ),
    torch.matmul: _MATMUL,
    torch.Tensor.matmul: _MATMUL,
    torch.Tensor.__matmul__: _MATMUL,
    operator.matmul: _MATMUL,
}
"""By the function as a `TorchFunctionMode` gets it, or a graph of Dynamo has it. Their results are in the usual order."""


UNIFORM.update((_linear, _layer_norm, _matmul))


def nothing_else_looks() -> bool:
    """Whether no other mode, transform or derivative would have seen the operations."""
    return (
        torch._C._len_torch_dispatch_stack() == 1
        and torch._C._len_torch_function_stack() == 0  # the mode that asks is off the stack meanwhile
        and not torch._C._are_functorch_transforms_active()
        and not torch.is_autocast_enabled("cpu")
        and forward_ad._current_level < 0
    )
