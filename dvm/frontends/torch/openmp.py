"""The OpenMP library whose threads PyTorch uses, where it is libgomp."""

import ctypes
from contextlib import suppress

import torch


def _find() -> ctypes.PyDLL | None:
    """The library, where this process has one and no more, and PyTorch uses several of its threads: processes that were forked are told not to
    (`torch.set_num_threads`), since the threads of their parent are not there.
    """
    if torch.get_num_threads() == 1:
        return None
    paths: set[str] = set()
    with suppress(OSError), open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
        paths = {line.split(maxsplit=5)[-1].rstrip("\n") for line in maps if "libgomp" in line}
    if len(paths) == 1:
        with suppress(OSError):
            return ctypes.PyDLL(paths.pop())
    return None


OPENMP = _find()
"""The library, or None where its threads are not to be used."""
