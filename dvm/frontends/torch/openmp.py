"""The OpenMP library whose threads PyTorch uses, where it is libgomp."""

import ctypes
from contextlib import suppress

import torch


def _find() -> ctypes.PyDLL | None:
    """It, where this process has one and no more."""
    torch.get_num_threads()  # from here on at the latest
    paths: set[str] = set()
    with suppress(OSError), open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
        paths = {line.split(maxsplit=5)[-1].rstrip("\n") for line in maps if "libgomp" in line}
    if len(paths) == 1:
        with suppress(OSError):
            return ctypes.PyDLL(paths.pop())
    return None


OPENMP = _find()
"""The library, or None."""
