"""The threads of the BLAS library that NumPy multiplies matrices with.

While a launch multiplies, the library uses one thread: the launch has cores of its own, which work on blocks of the product and on what
follows them, and the library's threads would spin on the CPUs of these for long after each product.

Only OpenBLAS, which NumPy's wheels come with, is known here. Any other is left alone.
"""

import ctypes
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Lock

import numpy as np

_PREFIXES = ("scipy_openblas", "openblas")
_SUFFIXES = ("64_", "")


@dataclass
class Blas:
    """A library whose number of threads can be set; it is counted how many launches want it to be one.

    `core` is the CPU that it has chosen its kernels for, as it calls it.
    """

    get_threads: Callable[[], int]
    set_threads: Callable[[int], object]
    core: str = ""
    _lock: Lock = field(default_factory=Lock)
    _users: int = 0
    _threads: int = 1

    @contextmanager
    def one_thread(self) -> Generator[None]:
        """Multiply on the calling thread only; what was set before is set again when the last launch leaves."""
        with self._lock:
            if not self._users:
                self._threads = self.get_threads()
                self.set_threads(1)
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if not self._users:
                    self.set_threads(self._threads)

    def forget(self) -> None:
        """Give the library its threads back in a process that was forked during a launch."""
        self._lock = Lock()
        if self._users:
            self._users = 0
            self.set_threads(self._threads)


def _find() -> Blas | None:
    """NumPy's OpenBLAS, by the files that this process has mapped; None where there is none."""
    np.matmul(np.ones((1, 1)), np.ones((1, 1)))
    paths: set[str] = set()
    with suppress(OSError), open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
        paths = {line.split(maxsplit=5)[-1].rstrip("\n") for line in maps if "openblas" in line}
    for path in sorted(paths):
        with suppress(OSError):
            library = ctypes.CDLL(path)
            for prefix in _PREFIXES:
                for suffix in _SUFFIXES:
                    with suppress(AttributeError):
                        get_threads = library[f"{prefix}_get_num_threads{suffix}"]
                        set_threads = library[f"{prefix}_set_num_threads{suffix}"]
                        get_core = library[f"{prefix}_get_corename{suffix}"]
                        get_core.restype = ctypes.c_char_p
                        return Blas(get_threads, set_threads, get_core().decode())
    return None


BLAS = _find()
"""The library, or None where its threads cannot be set."""

if BLAS is not None and hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=BLAS.forget)
