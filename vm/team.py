"""The threads of one launch.

A launch has many stages, each of them often shorter than it takes to wake a sleeping thread (25 to 50 microseconds, twice
for each stage). So a thread that has joined a launch stays until no further stage wants it, and in between spins on a CPU
that is its own for that time: a stage on two cores costs some 5 microseconds then, instead of 75.

Where other processes want the CPUs too, spinning is the worst that a thread can do: it uses up the time that it then has not when
there is work, and each stage may take as long as it takes the system to go round. Waiting much longer for the others than they were
running is the sign of that; for a while, threads sleep then.
"""

import ctypes
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from threading import Lock, local
from time import perf_counter, thread_time
from typing import Protocol

from vm.cpus import CPUS, available, pin

Submit = Callable[[Callable[[], None]], "Future[None]"]
"""Has a thread of a pool do some work. May raise RuntimeError once the interpreter has begun to shut down."""


CROWDED_SECONDS = 1.0
"""For how long threads sleep rather than spin after others have held one up."""

LONG_WAIT = 1e-3
"""Seconds of waiting for the others, and twice the time that their CPUs worked for them, that are a sign of it."""


class _Crowd:
    """Until when the CPUs are taken to be wanted by others too."""

    until = 0.0


class _Gate(Protocol):
    """A lock that one thread may acquire and another release."""

    def acquire(self) -> object: ...

    def release(self) -> object: ...


class _SpinLock:
    """A gate at which a thread waits without going to sleep, and without the interpreter's lock."""

    def __init__(self) -> None:
        self._memory = ctypes.c_int(0)
        self._place = ctypes.byref(self._memory)
        _pthread.pthread_spin_init(self._place, 0)

    def acquire(self) -> None:
        """Wait until it is free."""
        _pthread_waiting.pthread_spin_lock(self._place)

    def release(self) -> None:
        """Let the one who waits go on."""
        _pthread.pthread_spin_unlock(self._place)


_pthread = ctypes.PyDLL(None)
_pthread_waiting = ctypes.CDLL(None)


class _Place(local):
    """Where a thread of the pool is pinned."""

    cpus: set[int] | None = None


_PLACE = _Place()


class _Seat:
    """A thread of the pool in a launch, and what it is to do next. `cpus` are those that it may run on."""

    def __init__(self, cpus: set[int], *, spins: bool) -> None:
        make: Callable[[], _Gate] = _SpinLock if spins and hasattr(_pthread, "pthread_spin_lock") else Lock
        self._cpus = cpus
        self._begin, self._end = make(), make()
        self._begin.acquire()
        self._end.acquire()
        self._work: Callable[[], None] | None = None
        self._error: BaseException | None = None
        self.seconds = 0.0
        """What the last work took of the time of a CPU."""

    def serve(self) -> None:
        """Work in a thread of the pool until dismissed. The thread stays where it is pinned."""
        if _PLACE.cpus != self._cpus:
            pin(self._cpus)
            _PLACE.cpus = self._cpus
        while True:
            self._begin.acquire()
            work, self._work = self._work, None
            if work is None:
                return
            start = thread_time()
            try:
                work()
            except BaseException as error:  # raised by the thread that waits for the work
                self._error = error
            self.seconds = thread_time() - start
            self._end.release()

    def begin(self, work: Callable[[], None] | None) -> None:
        """Have the thread do some work, or dismiss it."""
        self._work = work
        self._begin.release()

    def end(self) -> BaseException | None:
        """Wait until the work is done; returns what it raised."""
        self._end.acquire()
        error, self._error = self._error, None
        return error


class Team:
    """The cores of one launch, the calling thread among them; a context manager.

    From the first work for several until the end of the launch each is pinned to a CPU of its own, as far as there are CPUs: pinning the
    calling thread takes up to 170 microseconds, and a launch may have many stages.
    """

    def __init__(self, cores: int, submit: Submit) -> None:
        self._cores = cores
        self._submit = submit
        self._allowed: set[int] = set()
        self._claimed: list[int] | None = None
        self._seats: list[_Seat] = []

    def __enter__(self) -> "Team":
        return self

    def __exit__(self, *exception: object) -> None:
        self.dismiss()

    def dismiss(self) -> None:
        """Let all threads go; to be called as soon as there is no more work for several."""
        for seat in self._seats:
            seat.begin(None)
        self._seats.clear()
        if self._claimed:
            pin(self._allowed)
            CPUS.release(self._claimed)
        self._claimed = None

    def run(self, work: Callable[[], None], wanted: int) -> None:
        """Run `work` on `wanted` cores at most, this thread among them, and wait for all; raises what one raised."""
        if self._claimed is None:
            self._allowed = available()
            self._claimed = CPUS.claim(self._allowed, self._cores)
            if self._claimed:
                pin({self._claimed[0]})
        busy = self._seats[: wanted - 1]
        for seat in busy:
            seat.begin(work)
        called: list[tuple[_Seat, Future[None]]] = []
        errors: list[BaseException | None] = []
        try:
            with suppress(RuntimeError):
                while len(busy) + len(called) < wanted - 1:
                    seat = self._seat(len(busy) + len(called) + 1)
                    seat.begin(work)
                    called.append((seat, self._submit(seat.serve)))
            work()
        finally:
            # those that have not come yet are not needed any more
            came = [seat for seat, future in called if not future.cancel()]
            self._seats += came
            done = perf_counter()
            errors += [seat.end() for seat in busy + came]
            now = perf_counter()
            working = max([seat.seconds for seat in busy + came], default=0.0)
            if now - done > max(LONG_WAIT, 2 * working):
                _Crowd.until = now + CROWDED_SECONDS
        for error in errors:
            if error is not None:
                raise error

    def _seat(self, number: int) -> _Seat:
        assert self._claimed is not None
        own = number < len(self._claimed)
        spins = own and perf_counter() > _Crowd.until
        return _Seat({self._claimed[number]} if own else self._allowed, spins=spins)
