"""What represents a symbolic dim: DVM's own `Dim` beside SymPy and SymEngine, where these are installed.

    python benchmarks/symbols.py [--rounds 51] [--calls 64]

The tasks are what deduction does to dims: it makes them, asks whether two forms are equal, divides, looks them up. Each
is called with 64 constants in turn, because a graph has few different dims that come up again and again; all of the
libraries cache. A task that a library answers wrongly, or not at all for symbols that are integers, is marked "no".
Then the time that each takes to import.
"""

import argparse
import operator
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from measure import describe_machine, interleaved

from dvm_dialects.dims import Dim

CONSTANTS = range(1, 65)


@dataclass(frozen=True)
class Representation:
    """How a library does what the tasks need; dims are its own objects, which have the operators + - *."""

    symbol: Callable[[str], Any]
    floordiv: Callable[[Any, Any], Any]
    ceildiv: Callable[[Any, Any], Any]
    equal: Callable[[Any, Any], bool]
    """Whether two dims are equal for all sizes."""
    divides: Callable[[Any, Any], bool]
    """Whether the second is a multiple of the first for all sizes."""
    evaluate: Callable[[Any, dict[str, int]], int]


def dvm_dims() -> Representation:
    return Representation(
        symbol=Dim.symbol,
        floordiv=Dim.floordiv,
        ceildiv=Dim.ceildiv,
        equal=operator.eq,
        divides=lambda divisor, dim: dim.floordiv(divisor) * divisor == dim,
        evaluate=Dim.evaluate,
    )


def sympy_dims() -> Representation:
    sympy: Any = import_module("sympy")
    symbol = partial(sympy.Symbol, integer=True, nonnegative=True)
    return Representation(
        symbol=symbol,
        floordiv=lambda a, b: sympy.floor(a / b),
        ceildiv=lambda a, b: sympy.ceiling(a / b),
        equal=lambda a, b: sympy.expand(a - b) == 0,
        divides=lambda divisor, dim: sympy.Mod(dim, divisor) == 0,
        evaluate=lambda dim, sizes: int(
            dim.xreplace({symbol(name): sympy.Integer(size) for name, size in sizes.items()})
        ),
    )


def symengine_dims() -> Representation:
    """Its symbols carry no assumptions, so that only an exact quotient is known to be whole."""
    symengine: Any = import_module("symengine")

    def is_whole(quotient: Any) -> bool:
        return quotient.as_numer_denom()[1] == 1

    def rounded(rounding: Callable[[Any], Any], a: Any, b: Any) -> Any:
        quotient = symengine.expand(a / b)
        return quotient if is_whole(quotient) else rounding(quotient)

    return Representation(
        symbol=symengine.Symbol,
        floordiv=partial(rounded, symengine.floor),
        ceildiv=partial(rounded, symengine.ceiling),
        equal=lambda a, b: symengine.expand(a - b) == 0,
        divides=lambda divisor, dim: is_whole(symengine.expand(dim / divisor)),
        evaluate=lambda dim, sizes: int(dim.subs(sizes)),
    )


REPRESENTATIONS: dict[str, tuple[str, Callable[[], Representation]]] = {
    "Dim": ("dvm_dialects.dims", dvm_dims),
    "SymPy": ("sympy", sympy_dims),
    "SymEngine": ("symengine", symengine_dims),
}
"""By name: the module to import, and what makes the representation."""

Task = Callable[[int], object]
"""Takes a constant; true if the answer is right."""


def tasks(library: Representation) -> Iterator[tuple[str, Task]]:
    """The tasks, with what they are called."""
    s, t = library.symbol("s0"), library.symbol("s1")
    equal, floordiv, ceildiv = library.equal, library.floordiv, library.ceildiv
    table = {s * k + t: k for k in CONSTANTS}
    twins = {k: s * k + t for k in CONSTANTS}
    yield "symbol s0", lambda k: library.symbol("s0") == s
    yield "s0*s1*k", lambda k: s * t * k
    yield "s0 + s1 + k - s0", lambda k: s + t + k - s
    yield "(s0+k)*4 = 4*s0+4*k", lambda k: equal((s + k) * 4, s * 4 + 4 * k)
    yield "(s0+1)*(s1+k) = s0*s1+...", lambda k: equal((s + 1) * (t + k), s * t + s * k + t + k)
    yield "(4*s0+8*k) floordiv 4 = s0+2*k", lambda k: equal(floordiv(s * 4 + 8 * k, 4), s + 2 * k)
    yield "(8*s0+4*k+1) ceildiv 4 = 2*s0+k+1", lambda k: equal(ceildiv(s * 8 + (4 * k + 1), 4), s * 2 + (k + 1))
    yield "s0*s1*k floordiv s1 = s0*k", lambda k: equal(floordiv(s * t * k, t), s * k)
    yield "8 divides 8*s0*s1+16*k", lambda k: library.divides(8, s * t * 8 + 16 * k)
    yield "8 may not divide 8*s0+k+k+1", lambda k: not library.divides(8, s * 8 + (k + k + 1))
    yield "look up s0*k+s1", lambda k: table[twins[k]] == k
    yield "s0*k+s1 at s0=3, s1=5", lambda k: library.evaluate(twins[k], {"s0": 3, "s1": 5}) == 3 * k + 5


def calls(task: Task, count: int) -> Callable[[], None]:
    """A contender that calls a task so often."""
    constants = [CONSTANTS[number % len(CONSTANTS)] for number in range(count)]

    def run() -> None:
        for constant in constants:
            task(constant)

    return run


def measure_tasks(libraries: dict[str, Representation], rounds: int, count: int) -> None:
    """Print for each task the nanoseconds of each library, and how many times those of the first they are."""
    print(f"{'ns a task':>34}" + "".join(f"{name:>11}{'':>8}" for name in libraries))
    totals = dict.fromkeys(libraries, 0.0)
    for row in zip(*(tasks(library) for library in libraries.values()), strict=True):
        task_of = {library: task for library, (_, task) in zip(libraries, row, strict=True)}
        times = interleaved({library: calls(task, count) for library, task in task_of.items()}, rounds)
        right = {library: all(map(task, CONSTANTS)) for library, task in task_of.items()}
        print_row(row[0][0], {library: seconds / count * 1e9 for library, seconds in times.items()}, right)
        for library, seconds in times.items():
            totals[library] += seconds / count * 1e9
    print_row("all of them once", totals, dict.fromkeys(libraries, True))


def print_row(label: str, times: dict[str, float], right: dict[str, bool]) -> None:
    base = next(iter(times.values()))
    cells = [
        f"{time:>11,.0f} {f'{time / base:.1f}x' if right[library] else 'no':>7}" for library, time in times.items()
    ]
    print(f"{label:>34}" + "".join(cells))


def measure_imports(names: Sequence[str], rounds: int) -> None:
    """Print what importing each library adds to starting Python."""

    def start(code: str) -> Callable[[], object]:
        return lambda: subprocess.run([sys.executable, "-c", code], check=True)

    contenders = {"": start("pass")} | {name: start(f"import {REPRESENTATIONS[name][0]}") for name in names}
    times = interleaved(contenders, rounds)
    for name in names:
        print(f"import {REPRESENTATIONS[name][0]:>20}: {(times[name] - times['']) * 1e3:6.1f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=51)
    parser.add_argument("--calls", type=int, default=64)
    options = parser.parse_args()
    print(describe_machine())
    installed = [name for name, (module, _) in REPRESENTATIONS.items() if find_spec(module.split(".")[0])]
    for name in REPRESENTATIONS:
        if name not in installed:
            print(f"{name} is not installed")
    measure_tasks({name: REPRESENTATIONS[name][1]() for name in installed}, options.rounds, options.calls)
    measure_imports(installed, max(options.rounds // 5, 3))


if __name__ == "__main__":
    main()
