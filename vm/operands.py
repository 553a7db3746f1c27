"""The operands of a launch: the arrays that own memory, seen as arrays over the domain of a kernel."""

import ctypes
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from vm.layout import View
from vm.tiles import Tile

Buffers = Sequence[Any]
"""By tensor: the array that owns its memory, or None for a view."""


def operand_array(view: View, buffers: Buffers, dtype: np.dtype[Any]) -> Tile:
    """The operand as an array over the whole domain."""
    if 0 in view.shape:
        return np.empty(view.shape, dtype)
    buffer = buffers[view.root]
    if buffer.flags.c_contiguous:
        return np.ndarray(view.shape, dtype, buffer, view.offset, view.strides)
    return _strided(buffer, view, dtype)


_FIRST_ADDRESS = 64
_MEMORY: Any = (ctypes.c_char * (sys.maxsize - _FIRST_ADDRESS)).from_address(_FIRST_ADDRESS)
"""All memory from an address on, which NumPy does not take for nothing."""


def borrowed(address: int, shape: tuple[int, ...], strides: tuple[int, ...], dtype: np.dtype[Any]) -> Tile:
    """An array over memory that somebody else holds on to for as long as the array is looked at."""
    return np.ndarray(shape, dtype, _MEMORY, address - _FIRST_ADDRESS, strides)


class _Memory:
    """Someone else's memory under another shape, for NumPy to look at; keeps its owner alive."""

    def __init__(self, owner: Tile, view: View) -> None:
        self.owner = owner
        self.__array_interface__ = {
            "version": 3,
            "data": (owner.ctypes.data + view.offset, True),
            "shape": view.shape,
            "strides": view.strides,
            "typestr": f"|V{owner.itemsize}",
        }


def _strided(array: Tile, view: View, dtype: np.dtype[Any]) -> Tile:
    """A read-only view of a caller's array of any layout; bind has checked that all of it lies inside of the array."""
    return np.asarray(_Memory(array, view)).view(dtype)
