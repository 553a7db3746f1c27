"""Long runs of the differential test, and replays of one graph.

python tests/differential/run.py --count 5000 --seed 1      # graphs 1 to 5000; stops at none, lists all failures
python tests/differential/run.py --seed 77                  # one graph: what fails, and the smallest part that does
"""

import argparse
import gc
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing import Pool
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from graphs import Case, random_case
from levels import Mismatch, check, check_together
from minimise import minimise
from operations import FOCUSES
from xdsl.dialects.builtin import TensorType

from dvm_dialects.dvm_base import DvmOp
from dvm_dialects.shapes import element_of, shape_of

RESIZED = 2
"""How often each graph is run again with inputs of other sizes."""

COLLECT_AFTER = 200_000
"""New objects after which garbage is collected: IR is full of cycles, and by default they are looked for all the time."""

VERIFIED = 4
"""One of so many graphs has the verifiers run over it after every pass."""


@dataclass
class Outcome:
    """What came of some graphs."""

    graphs: int = 0
    operations: Counter[str] = field(default_factory=Counter[str])
    elements: Counter[str] = field(default_factory=Counter[str])
    ranks: Counter[int] = field(default_factory=Counter[int])
    shapes: Counter[str] = field(default_factory=Counter[str])
    layouts: Counter[str] = field(default_factory=Counter[str])
    failures: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])

    def add(self, other: "Outcome") -> None:
        self.graphs += other.graphs
        self.operations += other.operations
        self.elements += other.elements
        self.ranks += other.ranks
        self.shapes += other.shapes
        self.layouts += other.layouts
        self.failures += other.failures

    def count(self, case: Case) -> None:
        """Count what a graph consists of."""
        self.graphs += 1
        for op in case.function.body.block.ops:
            if isinstance(op, DvmOp):
                self.operations[op.label] += 1
                type = op.result.type
                self.elements[element_of(type).text] += 1
                self.ranks[len(shape_of(type))] += 1
        for input, argument in zip(case.inputs, case.function.args, strict=True):
            assert isinstance(argument.type, TensorType)
            self.layouts[input.layout] += 1
            sizes = [("size 0", 0 in input.shape), ("size 1", 1 in input.shape)]
            sizes.append(("dynamic", any(dim.value is None for dim in shape_of(argument.type))))
            self.shapes.update(name for name, holds in sizes if holds)

    def report(self) -> str:
        """The counts, and the failures, those with the same message together."""

        def table(counts: Counter[Any]) -> str:
            return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))

        lines = [
            f"{self.graphs} graphs, {sum(self.operations.values())} operations",
            f"operations: {table(self.operations)}",
            f"element types: {table(self.elements)}",
            f"ranks: {table(self.ranks)}",
            f"inputs: {table(self.shapes)}",
            f"layouts: {table(self.layouts)}",
            f"{len(self.failures)} failures",
        ]
        alike: dict[str, list[int]] = {}
        for seed, message in self.failures:
            alike.setdefault(message[:110], []).append(seed)
        lines += [f"  {len(seeds)} like seed {seeds[0]}: {message}" for message, seeds in alike.items()]
        return "\n".join(lines)


def make(seed: int, operations: int, focus: str) -> tuple[Case, Random]:
    """The graph of a seed, and the source of the sizes to run it with."""
    random = Random(seed)
    return random_case(random, operations, focus or random.choice(tuple(FOCUSES))), random


def run_graph(seed: int, operations: int, focus: str, outcome: Outcome) -> Case | None:
    """Check the graph of a seed, and again with other sizes; returns the case that fails."""
    case, random = make(seed, operations, focus)
    outcome.count(case)
    cases = [case]
    for _ in range(RESIZED):
        cases.append(cases[-1].resized(random))
    try:
        check_together(cases, verify=seed % VERIFIED == 0)
    except Exception as error:
        message = _message(error)
        outcome.failures.append((seed, message))
        return next((case for case in cases if _level(_failure(case)) == _level(message)), case)
    return None


def _message(error: Exception) -> str:
    return str(error) if isinstance(error, Mismatch) else f"{type(error).__name__}: {error}"


def _level(message: str) -> str:
    """The part of a message that says at which level it is."""
    return message.split(":", maxsplit=1)[0]


def _failure(case: Case) -> str:
    """What is wrong with a case, if anything is."""
    try:
        check(case)
    except Exception as error:
        return _message(error)
    return ""


def collect_rarely() -> None:
    """Make the search for garbage cheap, for a process that checks many graphs."""
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 20, 20)


def run_graphs(job: tuple[range, int, str]) -> Outcome:
    """Check the graphs of a range of seeds."""
    seeds, operations, focus = job
    outcome = Outcome()
    for seed in seeds:
        try:
            run_graph(seed, operations, focus, outcome)
        except Exception as error:  # of the generator: one seed must not cost the counts of a long run
            outcome.failures.append((seed, f"no graph: {type(error).__name__}: {error}"))
    return outcome


def replay(seed: int, operations: int, focus: str, keep: Path | None) -> int:
    """Run one graph; print what is wrong and the smallest part of it that is wrong at the same level."""
    outcome = Outcome()
    case = run_graph(seed, operations, focus, outcome)
    if case is None:
        print(make(seed, operations, focus)[0].describe())
        print("all levels agree")
        return 0
    level = _level(outcome.failures[0][1])
    smallest = minimise(case, lambda candidate: _level(_failure(candidate)) == level)
    print(smallest.describe())
    for array in smallest.arrays:
        print(np.array2string(np.asarray(array), threshold=60))
    print(_failure(smallest))
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        (keep / "graph.mlir").write_text(str(smallest.module) + "\n")
        for number, array in enumerate(smallest.arrays):
            np.save(keep / f"{number}.npy", array)
    return 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--count", type=int, help="how many seeds; without it that one graph is shown")
    parser.add_argument("--operations", type=int, default=40, help="the most operations of a graph")
    parser.add_argument("--focus", choices=tuple(FOCUSES), default="", help="graphs of one flavour only")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--keep", type=Path, help="a directory to write the smallest failing part to")
    options = parser.parse_args()
    if options.count is None:
        return replay(options.seed, options.operations, options.focus, options.keep)
    size = 20
    last = options.seed + options.count
    jobs = [
        (range(start, min(start + size, last)), options.operations, options.focus)
        for start in range(options.seed, last, size)
    ]
    outcome = Outcome()
    started = time.monotonic()
    with Pool(options.jobs, collect_rarely) as pool:
        for part in pool.imap_unordered(run_graphs, jobs):
            outcome.add(part)
            for seed, message in part.failures:
                print(f"\nseed {seed}: {message}", flush=True)
            speed = outcome.graphs / (time.monotonic() - started)
            print(f"\r{outcome.graphs}/{options.count} graphs, {len(outcome.failures)} failures, {speed:.1f}/s", end="")
            sys.stdout.flush()
    print()
    print(outcome.report())
    return 1 if outcome.failures else 0


if __name__ == "__main__":
    sys.exit(main())
