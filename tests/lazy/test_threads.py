"""Eight threads that call one program and one jitted function and record lazily at once, over random shapes.

`DVM_STRESS_SECONDS` says for how long (12 by default; 60 and more to look for leaks).
"""

import gc
import os
import resource
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import dvm
from dvm import array, record, structure
from vm import machine

SECONDS = float(os.environ.get("DVM_STRESS_SECONDS", "12"))
THREADS = 8
BOUND = 24
SLACK_BYTES = 48 << 20
"""What resident memory may differ by: arenas of threads, and pages that the allocator keeps."""

xp: Any = dvm
"""As an array library, whose functions give lazy arrays."""

Values = npt.NDArray[Any]

TEXT = """
func.func @main(%x : tensor<?x?xf32>, %y : tensor<?xf32>) -> tensor<?x?xf32>
    attributes {dvm.arg_names = ["x", "y"]} {
  %sum = dvm.binary Add %x, %y : tensor<?x?xf32>, tensor<?xf32> -> tensor<?x?xf32>
  %found = dvm.unary Exp %sum : tensor<?x?xf32> -> tensor<?x?xf32>
  return %found : tensor<?x?xf32>
}
"""


@dvm.jit
def normalised(x: Any, scale: Any) -> Any:
    e = xp.exp(x - xp.max(x, axis=-1, keepdims=True))
    return e / xp.sum(e, axis=-1, keepdims=True) * scale


def softmax(x: Values) -> Values:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def recorded(x: Values, y: Values, scale: float) -> None:
    a, b = xp.asarray(x), xp.asarray(y)
    found = (xp.tanh(a) * scale + b).T[1:]
    dead = xp.exp(a)
    total = xp.sum(found, axis=0)
    del dead
    expected = (np.tanh(x) * np.float32(scale) + y).T[1:]
    np.testing.assert_allclose(found, expected, 1e-5, 1e-6)
    np.testing.assert_allclose(total, expected.sum(axis=0), 1e-4, 1e-4)


def written(x: Values, y: Values, scale: float) -> None:
    a, plain = xp.asarray(x) + y, x + y
    a *= scale
    plain *= np.float32(scale)
    row = a[0]
    a[1:] = a[:-1]
    plain[1:] = plain[:-1].copy()
    row += 1.0
    plain[0] += 1
    np.testing.assert_allclose(a, plain, 1e-5, 1e-6)


class Shared:
    """An array of all threads: some are computed by one of them while others record with it."""

    def __init__(self) -> None:
        self.values = np.random.default_rng(0).random((6, 5), np.float32)
        self.renew()

    def renew(self) -> None:
        self.lazy = xp.asarray(self.values) * 2.0
        self.view = self.lazy.T[1:4]

    def used(self, generator: np.random.Generator) -> None:
        if generator.random() < 0.2:
            self.renew()
        view, lazy = self.view, self.lazy
        expected = self.values * np.float32(2)
        np.testing.assert_array_equal(view + 1.0, expected.T[1:4] + np.float32(1))
        np.testing.assert_array_equal(lazy - 1.0, expected - np.float32(1))


def resident_bytes() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def work(generator: np.random.Generator, program: dvm.Program, shared: Shared) -> None:
    rows, columns = (int(size) for size in generator.integers(1, 40, 2))
    x, y = generator.random((rows, columns), np.float32), generator.random(columns, np.float32)
    np.testing.assert_allclose(program(x, y), np.exp(x + y), 1e-5)
    scale = float(generator.integers(1, 50)) / 8
    np.testing.assert_allclose(normalised(x, scale), softmax(x) * np.float32(scale), 1e-4, 1e-6)
    lazily = normalised(xp.asarray(x) + 0.5, scale)
    np.testing.assert_allclose(lazily + 0.0, softmax(x) * np.float32(scale), 1e-4, 1e-6)
    recorded(x, y, scale)
    written(x, y, scale)
    shared.used(generator)


def run_threads(work: Callable[[np.random.Generator], None], seconds: float) -> int:
    """How often the threads did the work, together; raises what the first failure raised."""
    failures: list[BaseException] = []
    counts = [0] * THREADS
    end = time.monotonic() + seconds

    def loop(number: int) -> None:
        generator = np.random.default_rng(number)
        try:
            while time.monotonic() < end and not failures:
                work(generator)
                counts[number] += 1
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=loop, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return sum(counts)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="resident memory is read from /proc")
def test_threads_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "LAUNCH_LIMIT", BOUND)
    monkeypatch.setattr(machine, "PLAN_LIMIT", BOUND)
    tables: tuple[dict[Any, Any], ...] = (
        structure._launches, structure._programs, structure._seen_in_general, array._plans,
    )  # fmt: skip
    for table in tables:
        table.clear()
    program = dvm.compile(TEXT)
    shared = Shared()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    try:
        run_threads(lambda generator: work(generator, program, shared), SECONDS / 2)
        gc.collect()
        before = resident_bytes()
        count = run_threads(lambda generator: work(generator, program, shared), SECONDS / 2)
    finally:
        sys.setswitchinterval(interval)
    gc.collect()
    grown = resident_bytes() - before
    assert count > THREADS
    assert all(len(table) <= BOUND for table in tables)
    assert grown < SLACK_BYTES, f"{grown >> 20} MiB more after {count} rounds"
    print(f"{count} rounds, {grown / 2**20:.1f} MiB more")


def test_memory_of_one_thread_stays() -> None:
    """Without other threads' arenas memory is flat, to less than an array."""
    generator = np.random.default_rng(5)
    x = generator.random((256, 1024), np.float32)

    def step() -> None:
        a = xp.asarray(x)
        view = (a + 1.0)[::2]
        view *= 2.0
        a[0] = view[0]
        xp.sum(a).evaluate()

    for _ in range(20):
        step()
    gc.collect()
    before = resident_bytes()
    for _ in range(200):
        step()
    assert resident_bytes() - before < 8 * x.nbytes
