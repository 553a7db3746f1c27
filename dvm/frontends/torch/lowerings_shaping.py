"""Views, and what puts tensors together: ATen's, in terms of DVM's (see `table`)."""

from collections.abc import Sequence
from typing import Any

import torch

from dvm import functions as dvm
from dvm.frontends.torch.elements import result_type
from dvm.frontends.torch.lowerings import number, operand
from dvm.frontends.torch.table import lowers
from dvm.functions.dispatch import literal, normalised_axis
from dvm.tensor import Tensor, Unsupported, apply

aten = torch.ops.aten


@lowers(aten.alias.default, aten.detach.default, aten.lift_fresh.default, view=True)
def _(x: Tensor) -> Tensor:
    return x


@lowers(aten.view.default, aten._unsafe_view.default, aten._reshape_alias.default, view=True)
def _(x: Tensor, shape: Sequence[Any], stride: Any = None) -> Tensor:
    return dvm.reshape(x, tuple(shape))


@lowers(aten.reshape.default)
def _(x: Tensor, shape: Sequence[Any]) -> Tensor:
    return dvm.reshape(x, tuple(shape))


@lowers(aten.t.default, view=True)
def _(x: Tensor) -> Tensor:
    return dvm.transpose(x)


@lowers(aten.transpose.int, view=True)
def _(x: Tensor, dim0: int, dim1: int) -> Tensor:
    return dvm.swapaxes(x, dim0, dim1) if x.ndim else x


@lowers(aten.permute.default, view=True)
def _(x: Tensor, dims: Sequence[int]) -> Tensor:
    return dvm.transpose(x, tuple(dims))


@lowers(aten.expand.default, view=True)
def _(x: Tensor, shape: Sequence[Any], *, implicit: bool = False) -> Tensor:
    new = len(shape) - x.ndim
    return dvm.broadcast_to(
        x,
        tuple(
            x.shape[axis - new] if axis >= new and isinstance(size, int) and size == -1 else size
            for axis, size in enumerate(shape)
        ),
    )


@lowers(aten.unsqueeze.default, view=True)
def _(x: Tensor, dim: int) -> Tensor:
    return dvm.expand_dims(x, dim)


@lowers(aten.squeeze.default, aten.squeeze.dim, aten.squeeze.dims, view=True)
def _(x: Tensor, dim: Any = None) -> Tensor:
    given = range(x.ndim) if dim is None else dim if isinstance(dim, Sequence) else (dim,)
    axes = tuple(
        axis
        for axis in (normalised_axis(one, max(x.ndim, 1)) for one in given)
        if axis < x.ndim and isinstance(x.shape[axis], int) and x.shape[axis] == 1
    )
    return dvm.squeeze(x, axes) if axes else x


@lowers(aten.slice.Tensor, view=True)
def cut(x: Tensor, dim: int = 0, start: Any = None, end: Any = None, step: Any = 1) -> Tensor:
    """A slice along a dim; an `end` past it, which may be the largest integer, is its own."""
    if isinstance(end, int) and end >= _ENDLESS:
        end = None
    at = normalised_axis(dim, x.ndim)
    return dvm.getitem(x, (*[slice(None)] * at, slice(start, end, step)))


_ENDLESS = (1 << 63) - 1


@lowers(aten.select.int, view=True)
def _(x: Tensor, dim: int, index: Any) -> Tensor:
    return dvm.getitem(x, (*[slice(None)] * normalised_axis(dim, x.ndim), index))


@lowers(aten.split.Tensor, view=True)
def _(x: Tensor, size: Any, dim: int = 0) -> tuple[Tensor, ...]:
    length = x.shape[normalised_axis(dim, x.ndim)]
    if not isinstance(length, int) or not isinstance(size, int):
        raise Unsupported("into how many parts it splits is not known")
    if not size:
        return (x,)
    return tuple(cut(x, dim, first, min(first + size, length)) for first in range(0, max(length, 1), size))


@lowers(aten.split_with_sizes.default, view=True)
def _(x: Tensor, parts: Sequence[Any], dim: int = 0) -> tuple[Tensor, ...]:
    found: list[Tensor] = []
    first: Any = 0
    for size in parts:
        found.append(cut(x, dim, first, first + size))
        first = first + size
    return tuple(found)


@lowers(aten.unbind.int, view=True)
def _(x: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    at = normalised_axis(dim, x.ndim)
    length = x.shape[at]
    if not isinstance(length, int):
        raise Unsupported("how many there are is not known")
    return tuple(_taken(x, at, position) for position in range(length))


def _taken(x: Tensor, axis: int, position: int) -> Tensor:
    """What is at a position of a dim: as `getitem` does it, without looking for what else an index may be."""
    sizes = [*x.shape]
    found = x
    if sizes[axis] != 1:
        starts = [0] * x.ndim
        starts[axis], sizes[axis] = position, 1
        found = apply("slice", (x,), tuple(starts), tuple(sizes), (1,) * x.ndim)
    del sizes[axis]
    return apply("reshape", (found,), tuple(sizes))


@lowers(aten.cat.default)
def _(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    given = [one for one in tensors if not (one.ndim == 1 and isinstance(one.shape[0], int) and one.shape[0] == 0)]
    dtype = result_type(tensors)
    if not given:
        return operand(tensors[0], dtype)
    return dvm.concatenate([operand(one, dtype) for one in given], dim)


@lowers(aten.stack.default)
def _(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    dtype = result_type(tensors)
    return dvm.stack([operand(one, dtype) for one in tensors], dim)


@lowers(aten.constant_pad_nd.default)
def _(x: Tensor, widths: Sequence[Any], value: Any = 0) -> Tensor:
    if any(not isinstance(width, int) or width < 0 for width in widths):
        raise Unsupported("it pads by a width that is negative or not known")
    sides = [(widths[at], widths[at + 1]) for at in range(0, len(widths), 2)]
    sides = [(0, 0)] * (x.ndim - len(sides)) + sides[::-1]
    low, high = (tuple(pair[side] for pair in sides) for side in (0, 1))
    return apply("pad", (x,), low, high, literal(number(value, x.dtype), x.dtype))


@lowers(aten.repeat.default)
def _(x: Tensor, repeats: Sequence[Any]) -> Tensor:
    new = len(repeats) - x.ndim
    if new < 0:
        raise Unsupported("it repeats fewer dims than there are")
    shape = (*[1] * new, *x.shape)
    apart: list[Any] = []
    wide: list[Any] = []
    whole: list[Any] = []
    for size, times in zip(shape, repeats, strict=True):
        apart += [1, size]
        wide += [times, size]
        whole.append(size * times)
    if len(apart) > 8:
        raise Unsupported("it repeats along too many dims")
    return dvm.reshape(dvm.broadcast_to(dvm.reshape(x, tuple(apart)), tuple(wide)), tuple(whole))
