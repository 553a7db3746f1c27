"""What the benchmarks share: interleaved timing, and a line that describes the machine.

Shared machines are noisy: contenders take turns, each round runs every one of them, and medians and their ratios are
what is printed.
"""

import os
import platform
from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter

import numpy as np


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
