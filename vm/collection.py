"""Python's garbage collector, put off while the compiler and bind work.

They make many objects that stay, or go by reference count; the collector, which runs after so many new objects, goes through
all that the process has for it: with PyTorch and xDSL loaded 0.1 to 0.2 seconds, every twenty new shapes of two transformer blocks.
"""

import gc
import os
from contextlib import ContextDecorator
from threading import Lock


class Pause(ContextDecorator):
    """A context manager, and decorator, in which no garbage is collected by itself; for any threads at once."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._users = 0
        self._was_enabled = False

    def __enter__(self) -> None:
        with self._lock:
            if not self._users:
                self._was_enabled = gc.isenabled()
                gc.disable()
            self._users += 1

    def __exit__(self, *exception: object) -> None:
        with self._lock:
            self._users -= 1
            if not self._users and self._was_enabled:
                gc.enable()

    def forget(self) -> None:
        """Collect again in a process that was forked meanwhile."""
        self._lock = Lock()
        if self._users:
            self._users = 0
            if self._was_enabled:
                gc.enable()


PAUSE = Pause()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=PAUSE.forget)
