"""How PyTorch lays out what an operation gives: users see it by strides, and by which views there can be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from dvm.frontends.torch.table import DENSE, LAID_OUT, POINTWISE

Strides = tuple[int, ...]

LIMIT = 4096
"""How many layouts are remembered."""

_known: dict[Any, tuple[Strides | None, ...]] = {}


def strides_of(
    func: Any, args: Any, options: Any, tensors: Sequence[torch.Tensor]
) -> tuple[Strides | None, ...] | None:
    """The strides of the results of an operation on these tensors; None where all are in the usual order.

    Where operands are not in the usual order, what is not computed element by element is asked PyTorch for, with tensors that have no
    memory, and remembered. Asking takes longer than the operation, and the first time a second.
    """
    wanted = options.get("memory_format")
    if func in DENSE or wanted is torch.contiguous_format:
        return None
    if func not in LAID_OUT and not wanted and all(one.is_contiguous() for one in tensors):
        return None
    if func in POINTWISE and wanted in (None, torch.preserve_format):
        found = pointwise_strides([(one.shape, one.stride()) for one in tensors])
        return None if found is None else (found,)
    if func is torch.ops.aten._scaled_dot_product_flash_attention_for_cpu.default:
        return _attention_strides(args[0])
    if func is torch.ops.aten.cat.default and not any(_is_channels_last(one) for one in tensors):
        return None
    key = (
        func,
        repr([*_numbers(args), *options.items()]),
        *[(one.shape, one.stride(), one.dtype) for one in tensors],
    )
    found = _known.get(key)
    if found is None:
        if len(_known) >= LIMIT:
            _known.clear()
        found = _known[key] = _asked(func, args, options)
    return found


def pointwise_strides(operands: Sequence[tuple[Sequence[int], Strides]]) -> Strides | None:
    """The strides of what PyTorch's TensorIterator makes of operands of these shapes and strides; None for the usual order.

    Where they have one shape and the same strides, without gaps, so has it. Else its dims are sorted by the steps of the first operand
    that tells them apart: `reorder_dimensions` in aten/src/ATen/TensorIterator.cpp.
    """
    shape = np.broadcast_shapes(*[tuple(sizes) for sizes, _ in operands])
    first, strides = operands[0]
    if all(one == operands[0] for one in operands[1:]) and _has_no_gaps(first, strides):
        return None if _is_usual(shape, strides) else strides
    rank = len(shape)
    steps: list[list[int]] = []
    for sizes, given in operands:
        missing = rank - len(sizes)
        stretched = [size == 1 and shape[missing + axis] != 1 for axis, size in enumerate(sizes)]
        own = [0 if stretches else stride for stretches, stride in zip(stretched, given, strict=True)]
        steps.append([0] * missing + own)
    order = list(range(rank - 1, -1, -1))
    """The dims, the innermost first."""
    for position in range(1, rank):
        moving = position
        for before in range(position - 1, -1, -1):
            comparison = _compare(order[before], order[moving], steps, shape)
            if comparison > 0:
                order[before], order[moving] = order[moving], order[before]
                moving = before
            elif comparison < 0:
                break
    found = [0] * rank
    step = 1
    for axis in order:
        found[axis] = step
        step *= shape[axis]
    return None if _is_usual(shape, found) else tuple(found)


def _attention_strides(query: torch.Tensor) -> tuple[Strides | None, Strides | None]:
    """The strides of what attention gives, which lies as the query does, and of the logarithms of its sums, whose heads are innermost."""
    batch, heads, length, _ = query.shape
    sums = (length * heads, 1, heads)
    usual = _is_usual((batch, heads, length), sums)
    return pointwise_strides([(query.shape, query.stride())]), None if usual else sums


def _compare(one: int, other: int, steps: list[list[int]], shape: tuple[int, ...]) -> int:
    """Above 0 if the first of two dims is to lie outside of the second, below 0 if inside, and 0 if no operand says."""
    for own in steps:
        a, b = own[one], own[other]
        if a == 0 or b == 0:
            continue
        if a != b:
            return 1 if a > b else -1
        if shape[one] > shape[other]:
            return 1
    return 0


def _has_no_gaps(shape: Sequence[int], strides: Strides) -> bool:
    """Whether the elements lie side by side, each once, in any order of dims."""
    step = 1
    for stride, size in sorted([(stride, size) for stride, size in zip(strides, shape, strict=True) if size >= 2]):
        if stride != step:
            return False
        step *= size
    return True


def _is_usual(shape: Sequence[int], strides: Sequence[int]) -> bool:
    """Whether the last dim is the innermost and so on; the steps along dims of 1 do not matter, nor those of no elements."""
    if 0 in shape:
        return True
    step = 1
    for size, stride in zip(reversed(shape), reversed(strides), strict=True):
        if size != 1:
            if stride != step:
                return False
            step *= size
    return True


def _is_channels_last(tensor: torch.Tensor) -> bool:
    """Whether PyTorch may take dim 1 for that of the channels, and that to be the innermost: it has less far to go than the last."""
    return tensor.ndim in (4, 5) and tensor.stride(1) <= tensor.stride(-1)


def _numbers(values: Any) -> list[Any]:
    """Arguments without the tensors in them."""
    return [
        _numbers(value) if isinstance(value, list | tuple) else value
        for value in values
        if not isinstance(value, torch.Tensor)
    ]


def _asked(func: Any, args: Any, options: Any) -> tuple[Strides | None, ...]:
    given = dict(options)
    if given.get("device") is not None:
        given["device"] = "meta"
    results = func(*_without_memory(args), **{name: _without_memory(value) for name, value in given.items()})
    results = results if isinstance(results, tuple) else (results,)
    return tuple(one.stride() if isinstance(one, torch.Tensor) and not one.is_contiguous() else None for one in results)


def _without_memory(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device="meta")
    if isinstance(value, list | tuple):
        return [_without_memory(one) for one in value]
    return value
