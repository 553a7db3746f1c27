"""What the benchmarks share: interleaved timing, and a line that describes the machine.

Shared machines are noisy: contenders take turns, each round runs every one of them, and medians and their ratios are
what is printed.

Where contenders allocate large arrays, each gets a process of its own. In one process, what a contender frees decides
whether the next one's arrays are recycled memory or pages that the kernel has to clear first, which moves NumPy's time
by a factor of two. Between calls there is then a pause, because the threads of a BLAS library go on spinning for a
while after a matrix product, on CPUs that the next contender needs.
"""

import os
import platform
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from multiprocessing import get_context
from multiprocessing.connection import Connection
from statistics import median
from time import perf_counter, sleep
from typing import Any

import numpy as np

PAUSE_SECONDS = 0.1
"""OpenBLAS was seen to take 55 to 75 ms of CPU time after a product."""


def interleaved(contenders: Mapping[str, Callable[[], object]], rounds: int = 15, warm_up: int = 2) -> dict[str, float]:
    """The median seconds of each contender over `rounds` rounds in which they take turns."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for round_number in range(warm_up + rounds):
        for name, run in contenders.items():
            start = perf_counter()
            run()
            elapsed = perf_counter() - start
            if round_number >= warm_up:
                times[name].append(elapsed)
    return {name: median(taken) for name, taken in times.items()}


def seconds(
    run: Callable[[Any], object], rounds: int, prepare: Callable[[], Any] = lambda: None, warm_up: int = 20
) -> list[float]:
    """The seconds that each of `rounds` runs takes, on what `prepare` makes beforehand."""
    times: list[float] = []
    for _ in range(warm_up + rounds):
        prepared = prepare()
        start = perf_counter()
        run(prepared)
        times.append(perf_counter() - start)
    return times[warm_up:]


def interleaved_processes(
    contenders: Mapping[str, Callable[[], Callable[[], object]]], rounds: int = 15, warm_up: int = 2
) -> dict[str, float]:
    """As `interleaved`, with a new process for each contender, where a function of a module makes what is timed."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    context = get_context("spawn")
    with ExitStack() as stack:
        workers: dict[str, Any] = {}
        for name, make in contenders.items():
            workers[name], theirs = context.Pipe()
            process = context.Process(target=_time_calls, args=(make, theirs), daemon=True)
            process.start()
            theirs.close()
            stack.callback(process.join)
            stack.callback(workers[name].close)
        for round_number in range(warm_up + rounds):
            for name, worker in workers.items():
                sleep(PAUSE_SECONDS)
                worker.send(None)
                elapsed: float = worker.recv()
                if round_number >= warm_up:
                    times[name].append(elapsed)
    return {name: median(taken) for name, taken in times.items()}


def _time_calls(make: Callable[[], Callable[[], object]], connection: "Connection[Any, Any]") -> None:
    """In a contender's process: time one call for each message."""
    run = make()
    try:
        while True:
            connection.recv()
            start = perf_counter()
            run()
            connection.send(perf_counter() - start)
    except EOFError:
        pass


def describe_machine() -> str:
    """Processor, cores this process may use, and versions, in one line."""
    processor = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
        processor = names[0] if names else processor
    except OSError:
        pass
    cores = len(os.sched_getaffinity(0))
    load = os.getloadavg()[0]
    return f"{processor}, {cores} cores, load {load:.1f}, Python {platform.python_version()}, NumPy {np.__version__}"
