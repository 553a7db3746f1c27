"""The memory of results, which is kept for the results that come after them.

What the operating system gives out is mapped page by page when it is first written: some 0.25 us for each 4 KiB, on virtual
machines up to 2.5 us, when the kernels write ten times that. Whether the C library keeps freed memory depends on what else was
allocated; here a large result that is no longer needed always leaves its memory to the next one of about its size.
"""

import os
from functools import cached_property
from math import prod
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from vm.errors import DvmError

Array = npt.NDArray[Any]

LEAST_BYTES = 1 << 18
"""Bytes of a result below which its memory is not kept here: the C library does that well for small ones."""

KEPT_BYTES = 1 << 28
"""Bytes that are kept at most, apart from what is in use, unless DVM_KEPT_BYTES says otherwise."""

BLOCK_LIMIT = 64
"""Blocks that are kept at most: all are looked through for each result."""

_ALIGNMENT = 64


class Memory:
    """Blocks of memory that nobody uses. Any thread may ask and any may let go."""

    def __init__(self) -> None:
        self._free: list[Array] = []
        self._lock = Lock()

    @cached_property
    def kept_bytes(self) -> int:
        """Bytes that are kept at most. Raises DvmError where DVM_KEPT_BYTES is no number."""
        text = os.environ.get("DVM_KEPT_BYTES", str(KEPT_BYTES))
        if not text.isdecimal():
            raise DvmError(f"DVM_KEPT_BYTES must be a number of bytes, not '{text}'")
        return int(text)

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        """A new C-contiguous array, not initialised. A large one owns no memory: its `base` gives that back."""
        size = prod(shape) * dtype.itemsize
        if size < LEAST_BYTES or not self.kept_bytes:
            return np.empty(shape, dtype)
        return np.asarray(_Lease(self, self._take(size), size)).view(dtype).reshape(shape)

    def _take(self, size: int) -> Array:
        """The block used last of those that have so many bytes, and not half as many again; a new one if there is none."""
        if self._lock.acquire(blocking=False):
            try:
                for number in range(len(self._free) - 1, -1, -1):
                    if size <= self._free[number].size - _ALIGNMENT <= size + size // 2:
                        return self._free.pop(number)
            finally:
                self._lock.release()
        # somewhat larger, so that it does for shapes that grow slowly
        return np.empty(size + size // 8 + _ALIGNMENT, np.uint8)

    def give_back(self, block: Array) -> None:
        """Keep a block for others, and drop those that were used longest ago for it.

        The collector calls this at any time, in the middle of `_take` too: then the block is dropped.
        """
        if self._lock.acquire(blocking=False):
            try:
                self._free.append(block)
                kept = sum([block.size for block in self._free])
                while self._free and (kept > self.kept_bytes or len(self._free) > BLOCK_LIMIT):
                    kept -= self._free.pop(0).size
            finally:
                self._lock.release()


class _Lease:
    """A block in use: the base of arrays over it, which goes when the last of them does."""

    __slots__ = ("__array_interface__", "_block", "_memory")

    def __init__(self, memory: Memory, block: Array, size: int) -> None:
        self._memory = memory
        self._block = block
        address: int = block.ctypes.data
        self.__array_interface__ = {
            "data": (address + -address % _ALIGNMENT, False),
            "shape": (size,),
            "typestr": "|u1",
            "version": 3,
        }

    def __del__(self) -> None:
        self._memory.give_back(self._block)


RESULTS = Memory()
"""The memory of the results of all programs."""
