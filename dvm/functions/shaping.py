"""Functions that give elements another order or shape, select some, or put arrays together."""

import operator
from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from dvm.functions.dispatch import (
    common_dtype,
    converted,
    function,
    is_scalar,
    literal,
    normalised_axes,
    normalised_axis,
    tensor,
    viewed,
)
from dvm.tensor import Axis, Tensor, Unsupported, apply
from vm.errors import AxisError, ShapeError


def sizes(shape: Any) -> tuple[Any, ...]:
    """A shape as a tuple: of a size alone, or of several."""
    given = cast("Sequence[Any]", shape) if isinstance(shape, list | tuple) else (shape,)
    return tuple(size if hasattr(size, "is_symbolic") else operator.index(size) for size in given)


@function(np.reshape)
def reshape(x: Any, shape: Any, order: str = "C") -> Tensor:
    """The same elements in row-major order, or with "F" in column-major order; one size may be -1."""
    if order == "F":
        return transpose(reshape(transpose(x), sizes(shape)[::-1]))
    if order != "C":
        raise Unsupported("DVM has no order that depends on memory")
    return apply("reshape", (viewed(x),), sizes(shape))


@function(np.ravel)
def ravel(x: Any, order: str = "C") -> Tensor:
    if order not in ("C", "F"):
        raise Unsupported("DVM has no order that depends on memory")
    return reshape(x, -1, order)


@function(np.transpose, np.permute_dims)
def transpose(x: Any, axes: Any = None) -> Tensor:
    """The dims in another order, by default reversed."""
    value = viewed(x)
    rank = value.ndim
    order = tuple(normalised_axis(axis, rank) for axis in axes) if axes is not None else tuple(range(rank))[::-1]
    if sorted(order) != list(range(rank)):
        raise ShapeError(f"{axes} is no order of {rank} dims")
    return apply("transpose", (value,), order)


permute_dims = transpose


@function(np.matrix_transpose)
def matrix_transpose(x: Any) -> Tensor:
    return swapaxes(x, -1, -2)


@function(np.swapaxes)
def swapaxes(x: Any, axis1: int, axis2: int) -> Tensor:
    value = viewed(x)
    order = list(range(value.ndim))
    a, b = normalised_axis(axis1, value.ndim), normalised_axis(axis2, value.ndim)
    order[a], order[b] = order[b], order[a]
    return apply("transpose", (value,), tuple(order))


@function(np.moveaxis)
def moveaxis(x: Any, source: Any, destination: Any) -> Tensor:
    value = viewed(x)
    rank = value.ndim
    here = [normalised_axis(axis, rank) for axis in sizes(source)]
    there = [normalised_axis(axis, rank) for axis in sizes(destination)]
    if len(here) != len(there):
        raise ShapeError(f"moveaxis: {source} and {destination} are not as many dims")
    order = [axis for axis in range(rank) if axis not in here]
    for at, axis in sorted(zip(there, here, strict=True)):
        order.insert(at, axis)
    return apply("transpose", (value,), tuple(order))


@function(np.expand_dims)
def expand_dims(x: Any, axis: Axis = 0) -> Tensor:
    """With dims of 1 put in, which are at `axis` of the result."""
    value = viewed(x)
    places = sizes(axis)
    rank = value.ndim + len(places)
    at = {normalised_axis(place, rank) for place in places}
    if len(at) != len(places):
        raise ShapeError(f"the dims {axis} name one twice")
    left = iter(value.shape)
    return apply("reshape", (value,), tuple(1 if axis in at else next(left) for axis in range(rank)))


@function(np.squeeze)
def squeeze(x: Any, axis: Axis = None) -> Tensor:
    """Without dims of 1: all of them, or some."""
    value = viewed(x)
    shape = value.shape
    if axis is None:
        if not all(isinstance(size, int) for size in shape):
            raise Unsupported("say which dims 'squeeze' is to drop: whether others are 1 is not known yet")
        axes = tuple(at for at, size in enumerate(shape) if size == 1)
    else:
        axes = normalised_axes(axis, len(shape))
        wrong = [at for at in axes if isinstance(shape[at], int) and shape[at] != 1]
        if wrong:
            raise ShapeError(f"squeeze: dim {wrong[0]} is {shape[wrong[0]]}, not 1")
    return apply("reshape", (value,), tuple(size for at, size in enumerate(shape) if at not in axes))


@function(np.broadcast_to)
def broadcast_to(x: Any, shape: Any) -> Tensor:
    return apply("broadcast", (viewed(x),), sizes(shape))


@function(np.concatenate, np.concat)
def concatenate(arrays: Sequence[Any], axis: int | None = 0) -> Tensor:
    """Arrays one after the other along a dim; None: flattened."""
    values = [tensor(array) for array in arrays]
    if not values:
        raise ShapeError("concatenate: there is no array")
    if axis is None:
        values, axis = [reshape(value, -1) for value in values], 0
    if not values[0].ndim or any(value.ndim != values[0].ndim for value in values):
        raise ShapeError(f"concatenate: the arrays have {', '.join(str(value.ndim) for value in values)} dims")
    dtype = common_dtype(values)
    at = normalised_axis(axis, values[0].ndim)
    return apply("concat", tuple(converted(value, dtype) for value in values), at)


concat = concatenate


@function(np.stack)
def stack(arrays: Sequence[Any], axis: int = 0) -> Tensor:
    """Arrays of one shape side by side along a new dim."""
    return concatenate([expand_dims(array, axis) for array in arrays], axis)


@function(np.pad)
def pad(x: Any, pad_width: Any, mode: str = "constant", *, constant_values: Any = 0) -> Tensor:
    """Elements of one value before and after those of each dim; widths as `numpy.pad` takes them."""
    value = tensor(x)
    if mode != "constant" or not is_scalar(constant_values):
        raise Unsupported("DVM pads with one value")
    widths = np.broadcast_to(np.asarray(pad_width, int), (value.ndim, 2)).tolist()
    if any(width < 0 for pair in widths for width in pair):
        raise ShapeError(f"pad: the widths {pad_width} must not be negative")
    low, high = (tuple(pair[side] for pair in widths) for side in (0, 1))
    return apply("pad", (value,), low, high, literal(constant_values, value.dtype))


@function(np.take)
def take(x: Any, indices: Any, axis: int | None = None) -> Tensor:
    """Slices along a dim, by index; without one, elements of the flattened array. Negative indices count from the end."""
    value, index = tensor(x), tensor(indices)
    if index.dtype.kind != "i":
        raise Unsupported(f"indices must be int32 or int64, but are {index.dtype}")
    if axis is None:
        value, axis = reshape(value, -1), 0
    return apply("gather", (value, index), normalised_axis(axis, value.ndim))


def onehot(index: Any, depth: Any, *, axis: int = -1, dtype: Any = np.float32) -> Tensor:
    """A new dim at `axis` that holds 1 at the index and 0 elsewhere."""
    value = tensor(index)
    target = np.dtype(dtype)
    at = normalised_axis(axis, value.ndim + 1)
    return apply("onehot", (value,), depth, at, literal(1.0, target), literal(0.0, target), target)


@function()
def getitem(x: Any, index: Any) -> Tensor:
    """`x[index]`: integers, slices with positive steps, `...` and None, or one array of integers."""
    value = viewed(x)
    if isinstance(index, Tensor | np.ndarray | list):
        return _indexed_by_array(value, index)
    parts: list[Any] = list(cast("tuple[Any, ...]", index)) if isinstance(index, tuple) else [index]
    used = [part for part in parts if part is not None and part is not Ellipsis]
    if any(part is Ellipsis for part in parts):
        at = next(number for number, part in enumerate(parts) if part is Ellipsis)
        parts[at : at + 1] = [slice(None)] * (value.ndim - len(used))
    else:
        parts += [slice(None)] * (value.ndim - len(used))
    if any(isinstance(part, Tensor | np.ndarray | list) for part in parts):
        raise Unsupported("DVM has no index with an array beside others")
    if any(isinstance(part, bool | np.bool_) for part in parts):
        raise Unsupported("how many elements a truth value selects is not known before it is computed")
    if len([part for part in parts if part is not None]) != value.ndim or any(part is Ellipsis for part in parts):
        raise AxisError(f"{index} is no index of an array of {value.ndim} dims")
    return _sliced(value, parts)


def _sliced(value: Tensor, parts: list[Any]) -> Tensor:
    starts: list[Any] = []
    lengths: list[Any] = []
    steps: list[int] = []
    shape: list[Any] = []
    dims = iter(value.shape)
    whole = True
    for part in parts:
        if part is None:
            shape.append(1)
            continue
        dim = next(dims)
        start, length, step, kept = _part(part, dim)
        starts.append(start)
        lengths.append(length)
        steps.append(step)
        whole = whole and length is dim and type(start) is int and start == 0 and step == 1
        if kept:
            shape.append(length)
    found = value if whole else apply("slice", (value,), tuple(starts), tuple(lengths), tuple(steps))
    return found if len(shape) == len(parts) == found.ndim else apply("reshape", (found,), tuple(shape))


def _part(part: Any, dim: Any) -> tuple[Any, Any, int, bool]:
    """Start, length and step of what an index takes of a dim, and whether the dim is kept."""
    if isinstance(part, slice):
        ends = cast("slice[Any, Any, Any]", part)
        step = 1 if ends.step is None else ends.step
        if not isinstance(step, int) or step < 1:
            raise Unsupported("DVM slices with positive steps")
        start, stop = ends.start, ends.stop
        if isinstance(dim, int) and not hasattr(start, "is_symbolic") and not hasattr(stop, "is_symbolic"):
            start, stop, _ = slice(start, stop).indices(dim)
            return start, max(0, -((start - stop) // step)), step, True
        start = _end(start, dim, 0)
        if stop is None and type(start) is int and start == 0 and step == 1:
            return start, dim, step, True
        return start, -(-(_end(stop, dim, dim) - start) // step), step, True
    if hasattr(part, "is_symbolic"):
        return part, 1, 1, False
    if isinstance(part, bool) or not hasattr(part, "__index__"):
        raise Unsupported(f"DVM has no index {part!r}")
    if isinstance(dim, int) and not -dim <= operator.index(part) < dim:
        raise AxisError(f"index {part} is out of range for a dim of {dim}")
    return _end(part, dim, 0), 1, 1, False


def _end(end: Any, dim: Any, default: Any) -> Any:
    """Where a slice starts or stops; negative numbers count from the end."""
    if end is None:
        return default
    if hasattr(end, "is_symbolic"):
        return end
    position = operator.index(end)
    return dim + position if position < 0 else position


def _indexed_by_array(value: Tensor, index: Any) -> Tensor:
    positions = tensor(np.asarray(cast("list[Any]", index)) if isinstance(index, list) else index)
    if positions.dtype.kind != "i":
        raise Unsupported("how many elements a mask selects is not known before it is computed")
    return take(tensor(value), positions, 0)
