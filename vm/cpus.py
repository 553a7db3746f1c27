"""Keeps the threads of a launch on CPUs of their own.

Threads that hand the interpreter's lock to one another keep waking one another up, and Linux likes to put a woken thread
on the CPU of its waker: the threads of a launch then take turns on one CPU while another is idle. So each is pinned
while the launch lasts (the gelu chain on 2 CPUs took 7.4 ms unpinned and 4.4 ms pinned).
"""

import ctypes
import os
from collections.abc import Callable
from contextlib import suppress
from threading import Lock

try:
    # PyDLL: the call is too short to hand the interpreter's lock over for it
    _current_cpu: Callable[[], int] | None = ctypes.PyDLL(None).sched_getcpu
except (AttributeError, OSError):
    _current_cpu = None


def available() -> set[int]:
    """The CPUs that the calling thread may run on, by number."""
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


class Cpus:
    """Which CPUs are taken by the launches under way."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Take all CPUs to be free, as they are in a process that was just forked."""
        self._lock = Lock()
        self._taken: set[int] = set()

    def claim(self, allowed: set[int], wanted: int) -> list[int]:
        """Take up to `wanted` of the `allowed` CPUs: the one that the calling thread is on first, then the following.

        Returns none at all where that one is taken, or where the system cannot pin threads.
        """
        if _current_cpu is None:
            return []
        here = _current_cpu()
        with self._lock:
            free = allowed - self._taken
            if here not in free:
                return []
            claimed = sorted(free, key=lambda cpu: (cpu < here, cpu))[:wanted]
            self._taken.update(claimed)
        return claimed

    def release(self, claimed: list[int]) -> None:
        """Give CPUs back."""
        with self._lock:
            self._taken.difference_update(claimed)


CPUS = Cpus()
"""Those of this process, for all of its devices."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=CPUS.forget)


def pin(cpus: set[int]) -> None:
    """Let the calling thread run on these CPUs only, if the system can do that and still lets us have them."""
    if _current_cpu is not None:
        with suppress(OSError):
            os.sched_setaffinity(0, cpus)
