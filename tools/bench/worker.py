"""A contender's process: it computes one case when asked, and says how long that took.

    python -m tools.bench.worker CASE CONTENDER THREADS READ_DESCRIPTOR WRITE_DESCRIPTOR [--quick]

Requests and answers are lines of JSON on the two descriptors, because libraries print on standard output.

What is counted: from before the function that computes the case is made (`torch.compile(...)`, `import` of what the contender
loads when it is first used, such as Dynamo, Inductor, xDSL) to the return of the call, results complete in memory. What
is not: starting Python, importing the library that the program itself names (`import torch`, `import dvm.torch`,
`import mindspore`; with what follows kept as `setup_seconds`), making inputs, weights and the uncompiled module, checking results. Gradients are
off. The peak of memory is that of this process (VmHWM) over the stream, with the results of all shapes, which are kept to be
checked; compilers that run as processes of their own (the C++ compiler of Inductor) are kept apart as `children_peak`.
"""

import json
import resource
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, TextIO

import numpy as np

from tools.bench.cases import Array, Shape, find
from tools.bench.contenders import CONTENDERS, Call, Setup

TURN_SECONDS = 0.03
"""A turn repeats calls until this has passed."""

MOST_CALLS = 100
WARM_UP_CALLS = 3

Say = Callable[[dict[str, Any]], None]


class WrongError(Exception):
    """A result that is not that of float64."""


def greatest_error(results: list[Array], exact: list[Array]) -> float:
    """The greatest |result - exact| / (1 + |exact|), infinite for another shape, another number of results or a NaN."""
    if len(results) != len(exact):
        return float("inf")
    worst = 0.0
    for got, wanted in zip(results, exact, strict=True):
        if got.shape != wanted.shape:
            return float("inf")
        if got.size:
            with np.errstate(all="ignore"):
                difference = np.abs(got.astype(np.float64) - wanted) / (1.0 + np.abs(wanted))
            worst = max(worst, float(np.max(np.where(np.isnan(difference), np.inf, difference))))
    return worst


class Worker:
    """A case and a contender."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.function: Call | None = None

    def timed(self, inputs: list[Any]) -> tuple[float, Any]:
        """Seconds of a call, and its result. The first call makes the function."""
        start = perf_counter()
        if self.function is None:
            self.function = self.setup.make()
        result = self.function(*inputs)
        return perf_counter() - start, result

    def stream(self, timeout: float, say: Say) -> dict[str, Any]:
        """Every shape once; stops after `timeout` seconds of calls."""
        case = self.setup.case
        seconds: list[float] = []
        results: list[list[Array]] = []
        before: Any = None
        _reset_peak()
        at_first = _memory("VmRSS")
        for shape in case.stream:
            taken, before = self.timed(self.setup.inputs(shape, before))
            seconds.append(taken)
            results.append([array.copy() for array in self.setup.arrays(before)])
            say({"shape": len(seconds)})
            if sum(seconds) > timeout:
                break
        peak = _memory("VmHWM")
        worst = self.check(case.stream[: len(seconds)], results)
        return {
            "status": "ok" if len(seconds) == len(case.stream) else "timeout",
            "seconds": seconds,
            "error": worst,
            "memory_before": at_first,
            "memory_peak": peak,
            "children_peak": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024,
            **self.setup.notes(),
        }

    def check(self, shapes: tuple[Shape, ...], results: list[list[Array]]) -> float:
        """The greatest error; raises WrongError where it is more than the case allows."""
        exact = self.setup.expected()
        worst = 0.0
        for shape, arrays in zip(shapes, results, strict=True):
            error = greatest_error(arrays, exact(shape))
            if not error <= self.setup.case.tolerance:
                raise WrongError(f"error {error:.1e} at {list(shape)}")
            worst = max(worst, error)
        return worst

    def once(self) -> tuple[float, list[list[Array]]]:
        """Seconds of computing what is computed over and over, and the results."""
        case = self.setup.case
        if case.steady is not None:
            taken, result = self.timed(self.steady_inputs)
            return taken, [self.setup.arrays(result)]
        total, before, results = 0.0, None, list[list[Array]]()
        for shape in case.stream:
            taken, before = self.timed(self.setup.inputs(shape, before))
            total += taken
            results.append(self.setup.arrays(before))
        return total, results

    def prepare(self) -> dict[str, Any]:
        """Get ready for turns: check the result and find out how many calls a turn has."""
        case = self.setup.case
        if case.steady is not None:
            self.steady_inputs = self.setup.inputs(case.steady, None)
        shapes = case.stream if case.steady is None else (case.steady,)
        error = self.check(shapes, self.once()[1])
        taken = min(self.once()[0] for _ in range(WARM_UP_CALLS))
        self.calls = max(1, min(MOST_CALLS, int(TURN_SECONDS / max(taken, 1e-9))))
        return {"status": "ok", "calls": self.calls, "error": error}

    def turn(self) -> float:
        """The median seconds of the calls of a turn, after one that is not counted, for what the others did to the caches."""
        self.once()
        return median(self.once()[0] for _ in range(self.calls))


def _memory(name: str) -> int:
    """VmRSS or VmHWM of this process in bytes; 0 where the system does not say."""
    with suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith(name)).split()[1]) * 1024
    return 0


def _reset_peak() -> None:
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _answer(worker: Worker, request: dict[str, Any], say: Say) -> dict[str, Any]:
    match request["do"]:
        case "stream":
            return worker.stream(request["timeout"], say)
        case "prepare":
            return worker.prepare()
        case _:
            return {"seconds": worker.turn()}


def serve(requests: TextIO, answers: TextIO, case_name: str, contender: str, threads: int, *, quick: bool) -> None:
    """Answer requests until there are no more."""

    def say(answer: dict[str, Any]) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    try:
        case = find(case_name)
        start = perf_counter()
        worker = Worker(CONTENDERS[contender].setup(case.quick() if quick else case, threads))
        say({"status": "ready", "setup_seconds": perf_counter() - start})
        for line in requests:
            say(_answer(worker, json.loads(line), say))
    except WrongError as error:
        say({"status": "wrong", "message": str(error)})
    except Exception as error:  # whatever a contender raises is its result
        lines = str(error).strip().splitlines() or [""]
        say({"status": "failed", "message": f"{type(error).__name__}: {lines[0]}"[:300]})
        raise


def main() -> None:
    case, contender, threads, reading, writing, *rest = sys.argv[1:]
    with open(int(reading), encoding="utf-8") as requests, open(int(writing), "w", encoding="utf-8") as answers:
        serve(requests, answers, case, contender, int(threads), quick="--quick" in rest)


if __name__ == "__main__":
    main()
