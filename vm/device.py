"""The device that kernels run on: its cores (threads) and their unified buffers (per-thread scratch arenas).

A device is shared by any number of programs and threads. The calling thread works as one core, the others come from a
pool that is started when the first launch can use it.
"""

import os
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from vm.cpus import available
from vm.errors import DvmError
from vm.target import NATIVE, NUMPY, Target
from vm.team import Team

DEFAULT_UNIFIED_BUFFER_BYTES = 3 << 19
"""One and a half L2 caches of the machines this was tuned on: `benchmarks/unified_buffer.py` looks for the best."""


def _has_native() -> bool:
    try:
        import_module("vm._native")
    except ImportError:
        return False
    return True


HAS_NATIVE = _has_native()
"""Whether DVM was installed with the native engine, and it can be loaded."""

ENGINES = {"native": NATIVE, "numpy": NUMPY} if HAS_NATIVE else {"numpy": NUMPY}
"""The engines that run launches, the one that is taken by default first, each with its tuning."""

DEFAULT_ITERATION_LIMIT = 10_000_000
"""Iterations of all loops of one call. Each takes a microsecond or two at least, and about twenty for each launch."""

KEPT_LIMIT = 8192
"""Frames and tapes that one arena keeps; the oldest go first."""

ALIGNMENT = 64

MOST_ROOM = 1 << 28
"""Bytes that a memory has at most beyond what was asked for: where it is much of the machine's, there may be no more."""


@dataclass(frozen=True)
class Library:
    """Functions of another library that a device uses in place of some of `vm.tiles`, which take the same arguments.

    A thread works inside of what `alone` returns, where the library is to use no threads of its own.
    """

    functions: Mapping[Callable[..., Any], Callable[..., Any]] = field(default_factory=dict[Any, Any])
    alone: Callable[[], AbstractContextManager[None]] = nullcontext


class Arena:
    """The unified buffer of one thread, the workspace of the launches it starts, and its frames and tapes (calls with views into
    both).

    Never shared between threads. Both memories grow on demand, to twice what is asked for but by 256 MiB at most, and are kept, so that
    a launch allocates nothing. Memory that is never written takes none of the machine's.
    """

    def __init__(self, library: Library) -> None:
        self.library = library
        self.unified_buffer = _NOTHING
        self.workspace = _NOTHING
        self.kept: dict[Any, Any] = {}

    def require(self, unified_buffer_bytes: int) -> None:
        """Make the unified buffer at least so large; views into a smaller one are dropped."""
        if self.unified_buffer.size < unified_buffer_bytes:
            self.kept.clear()
            self.unified_buffer = _NOTHING
            self.unified_buffer = _with_room(unified_buffer_bytes)

    def require_workspace(self, workspace_bytes: int) -> npt.NDArray[np.uint8]:
        """The workspace, at least so large; views into a smaller one are dropped."""
        if self.workspace.size < workspace_bytes:
            self.kept.clear()
            self.workspace = _NOTHING
            self.workspace = _with_room(workspace_bytes)
        return self.workspace

    def keep(self, key: Any, calls: Any) -> None:
        """Remember a frame or a tape, forgetting the oldest where there are too many."""
        if len(self.kept) >= KEPT_LIMIT:
            del self.kept[next(iter(self.kept))]
        self.kept[key] = calls


def _with_room(count: int) -> npt.NDArray[np.uint8]:
    """Memory that has room for more to be asked for later."""
    return aligned_bytes(count + min(count, MOST_ROOM))


def aligned_bytes(count: int) -> npt.NDArray[np.uint8]:
    """An uninitialised byte array whose address is a multiple of the cache line."""
    raw = np.empty(count + ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + count]


_NOTHING = aligned_bytes(0)


class Device:
    """Cores and unified buffers, and what one call of a program with control flow may use.

    `cores` is the number of threads that one launch uses, `unified_buffer_bytes` what the tiles of one core may
    take, but for the rounding of each slot to a cache line. `iteration_limit` is how often loops may begin anew in one
    call, `register_bytes_limit` what the arrays between its launches may take at any time.
    `engine` is "native" (C) or "numpy" (the reference). Where they are not given, the environment variables DVM_CORES,
    DVM_UNIFIED_BUFFER_BYTES, DVM_ITERATION_LIMIT, DVM_REGISTER_BYTES_LIMIT and DVM_ENGINE decide, else the number of CPUs this process may
    use, 1.5 MiB, ten million, the memory of the machine, and the native engine where DVM was installed with it. Raises DvmError for a
    value that is not a positive integer, and for an engine that there is not.
    """

    def __init__(
        self,
        cores: int | None = None,
        unified_buffer_bytes: int | None = None,
        *,
        iteration_limit: int | None = None,
        register_bytes_limit: int | None = None,
        engine: str | None = None,
    ) -> None:
        self.cores = _setting("cores", cores, "DVM_CORES", len(available()))
        self.unified_buffer_bytes = _setting(
            "unified_buffer_bytes", unified_buffer_bytes, "DVM_UNIFIED_BUFFER_BYTES", DEFAULT_UNIFIED_BUFFER_BYTES
        )
        self.iteration_limit = _setting(
            "iteration_limit", iteration_limit, "DVM_ITERATION_LIMIT", DEFAULT_ITERATION_LIMIT
        )
        self.register_bytes_limit = _setting(
            "register_bytes_limit", register_bytes_limit, "DVM_REGISTER_BYTES_LIMIT", _memory_bytes()
        )
        self.engine = _engine(engine)
        self.target = Target(self.unified_buffer_bytes, ENGINES[self.engine])
        self._library = Library()
        self._local = threading.local()
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._process = 0

    @property
    def arena(self) -> Arena:
        """The arena of the calling thread."""
        arena: Arena | None = getattr(self._local, "arena", None)
        if arena is None:
            arena = self._local.arena = Arena(self._library)
        return arena

    def use(self, library: Library) -> None:
        """Take tile functions from a library from the next launch on. The native engine has its own, and takes none."""
        self._library = library
        self._local = threading.local()

    def team(self) -> Team:
        """The cores for one launch."""
        return Team(self.cores, self.submit)

    def submit(self, work: Callable[[], None]) -> "Future[None]":
        """Have another core do some work. Raises RuntimeError once the interpreter has begun to shut down."""
        return self._workers().submit(work)

    def _workers(self) -> ThreadPoolExecutor:
        """The other cores; a process that was forked has none of the threads of its parent."""
        process = os.getpid()
        if self._pool is None or self._process != process:
            with self._lock:
                if self._pool is None or self._process != process:
                    self._pool = ThreadPoolExecutor(self.cores - 1, thread_name_prefix="dvm-core")
                    self._process = process
        return self._pool


def _engine(name: str | None) -> str:
    culprit = "engine"
    if name is None:
        name = os.environ.get("DVM_ENGINE")
        if name is None:
            return next(iter(ENGINES))
        culprit = "DVM_ENGINE"
    if name == "native" and not HAS_NATIVE:
        raise DvmError(
            f"{culprit} is 'native', but DVM was installed without it: there was no C compiler, or it does not fit this system"
        )
    if name not in ENGINES:
        raise DvmError(f"{culprit} must be 'native' or 'numpy', not {name!r}")
    return name


def _memory_bytes() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _setting(name: str, value: int | None, variable: str, default: int) -> int:
    culprit = name
    if value is None:
        text = os.environ.get(variable)
        if text is None:
            return default
        culprit = variable
        try:
            value = int(text)
        except ValueError:
            raise DvmError(f"{variable} must be a positive integer, not '{text}'") from None
    if type(value) is not int or value < 1:
        raise DvmError(f"{culprit} must be a positive integer, not {value!r}")
    return value
