"""How PyTorch lays out what an operation gives: users see it by strides, and by which views there can be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from dvm.frontends.torch.table import DENSE, LAID_OUT

Strides = tuple[int, ...]

LIMIT = 4096
"""How many layouts are remembered."""

_known: dict[Any, tuple[Strides | None, ...]] = {}


def strides_of(
    func: Any, args: Any, options: Any, tensors: Sequence[torch.Tensor]
) -> tuple[Strides | None, ...] | None:
    """The strides of the results of an operation on these tensors; None where all are in the usual order.

    Where operands are not in the usual order, PyTorch's own answer for tensors without memory is taken, and remembered.
    """
    if func in DENSE or options.get("memory_format") is torch.contiguous_format:
        return None
    if func not in LAID_OUT and not options.get("memory_format") and all(one.is_contiguous() for one in tensors):
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
