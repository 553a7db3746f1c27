"""Tile functions by PyTorch, where NumPy has none or takes many calls: erf, sigmoid, 16-bit floats, reductions of short rows.

Every call of a tile function is a chance for two cores to wait for the interpreter's lock: one call in place of twenty (erf) is
worth more than its own speed. What NumPy does as fast stays with it, products of matrices among them.
"""

from contextlib import suppress
from typing import Any

import numpy as np
import torch

from dvm.frontends.torch.elements import tensor_of
from dvm.frontends.torch.openmp import OPENMP
from vm import steps, tiles
from vm.device import Library
from vm.isa import ElementType
from vm.tiles import DTYPES, Tile

_FLOAT = DTYPES[ElementType.F32]
_SHORT_FLOATS = {DTYPES[ElementType.F16], DTYPES[ElementType.BF16]}

SHORT_ROWS = 256
"""Elements along the last axis up to which PyTorch reduces an f32 tile faster than NumPy, which has work to do for each row."""


LARGE_TILE = 4096
"""Elements from which that and a conversion are worth PyTorch's greater cost of a call."""


def _erf(source: Tile, out: Tile) -> None:
    if _can(source, out):
        torch.erf(tensor_of(source), out=tensor_of(out))
    else:
        tiles.erf(source, out)


def _sigmoid(source: Tile, out: Tile) -> None:
    if _can(source, out):
        torch.sigmoid(tensor_of(source), out=tensor_of(out))
    else:
        tiles.sigmoid(source, out)


def _convert(source: Tile, out: Tile) -> None:
    if source.dtype is not out.dtype and out.size >= LARGE_TILE and _is_short(source, out):
        tensor_of(out).copy_(tensor_of(source))
    else:
        tiles.convert(source, out)


def _convert_store(target: Tile, source: Tile) -> None:
    _convert(source, target)


def _rounding(kind: torch.dtype, original: tiles.TileFunction) -> tiles.TileFunction:
    """A cast to a 16-bit float whose result is kept as f32."""

    def cast(source: Tile, out: Tile) -> None:
        if source.dtype is _FLOAT and out.dtype is _FLOAT and source.flags.writeable:
            tensor_of(out).copy_(tensor_of(source).to(kind))
        else:
            original(source, out)

    return cast


def _reduce_first(ufunc: np.ufunc, axes: tuple[int, ...], source: Tile, accumulator: Tile) -> None:
    function = _REDUCTIONS.get(ufunc)
    if (
        function is not None
        and source.dtype is _FLOAT
        and axes == (source.ndim - 1,)
        and 0 < source.shape[-1] <= SHORT_ROWS
        and source.size >= LARGE_TILE
        and source.flags.writeable
    ):
        function(tensor_of(source), axes, True, out=tensor_of(accumulator))
    else:
        tiles.reduce_first(ufunc, axes, source, accumulator)


_REDUCTIONS: dict[np.ufunc, Any] = {np.add: torch.sum, np.maximum: torch.amax, np.minimum: torch.amin}


def _can(source: Tile, out: Tile) -> bool:
    """Whether PyTorch does this as it is: f32, of one shape, and no memory that may not be written (it would warn)."""
    return source.dtype is _FLOAT and source.shape == out.shape and source.flags.writeable


def _is_short(source: Tile, out: Tile) -> bool:
    """Whether this is between f32 and a 16-bit float."""
    if source.dtype is _FLOAT:
        return out.dtype in _SHORT_FLOATS and source.flags.writeable
    return out.dtype is _FLOAT and source.dtype in _SHORT_FLOATS and source.flags.writeable


class _Alone:
    """PyTorch on the calling thread only, and out of sight of the modes that are active on it; a context manager."""

    def __init__(self, get_threads: Any, set_threads: Any) -> None:
        self._get, self._set = get_threads, set_threads

    def __enter__(self) -> None:
        self._threads = self._get()
        self._set(1)
        self._function = torch._C.DisableTorchFunction()
        self._function.__enter__()
        self._dispatch = torch._C._DisableTorchDispatch()

    def __exit__(self, *exception: object) -> None:
        del self._dispatch
        self._function.__exit__(None, None, None)
        self._set(self._threads)


def _find() -> Library | None:
    """The library, where the threads of PyTorch's OpenMP can be set for one thread alone."""
    if OPENMP is None or not hasattr(torch._C, "_DisableTorchDispatch"):
        return None
    with suppress(AttributeError):
        get_threads, set_threads = OPENMP.omp_get_max_threads, OPENMP.omp_set_num_threads
        functions: dict[tiles.TileFunction, tiles.TileFunction] = {
            tiles.erf: _erf,
            tiles.sigmoid: _sigmoid,
            tiles.convert: _convert,
            tiles.reduce_first: _reduce_first,
            steps.convert_store: _convert_store,
        }
        for element, kind in ((ElementType.F16, torch.float16), (ElementType.BF16, torch.bfloat16)):
            original = tiles.rounding_cast(DTYPES[element])
            functions[original] = _rounding(kind, original)
        return Library(functions, lambda: _Alone(get_threads, set_threads))
    return None


LIBRARY = _find()
"""PyTorch's tile functions for a device, or None where PyTorch could not be kept to one thread."""
