"""Views that are one primitive, given the shape that PyTorch has found for them. Most views are one of these."""

from collections.abc import Callable
from typing import Any

import torch

from dvm.primitives import Attributes, Shape

SimpleView = Callable[[Shape, Any], tuple[str, Attributes]]
"""From the shape and the arguments to the primitive and its attributes."""


def _reshape(shape: Shape, args: Any) -> tuple[str, Attributes]:
    return "reshape", (shape,)


def _broadcast(shape: Shape, args: Any) -> tuple[str, Attributes]:
    return "broadcast", (shape,)


def _transpose(shape: Shape, args: Any) -> tuple[str, Attributes]:
    order = list(range(len(shape)))
    if order:
        a, b = args[1:] or (0, -1)
        order[a], order[b] = order[b], order[a]
    return "transpose", (tuple(order),)


def _permute(shape: Shape, args: Any) -> tuple[str, Attributes]:
    return "transpose", (tuple([axis % len(shape) for axis in args[1]]),)


_ATEN = torch.ops.aten

SIMPLE_VIEWS: dict[Any, SimpleView] = {
    _ATEN.view.default: _reshape,
    _ATEN._unsafe_view.default: _reshape,
    _ATEN.unsqueeze.default: _reshape,
    _ATEN.squeeze.dim: _reshape,
    _ATEN.expand.default: _broadcast,
    _ATEN.t.default: _transpose,
    _ATEN.transpose.int: _transpose,
    _ATEN.permute.default: _permute,
}
