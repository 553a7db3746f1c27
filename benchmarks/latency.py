"""How long it takes from a request to the first work on data, against the budgets of the project.

    python benchmarks/latency.py [--rounds 300]

A row of the table is a function that returns the seconds of each of some rounds, and its line in `ROWS`. What is timed
includes all that a caller waits for; warming up is not part of it. Exits with 1 where a median is over its budget.
"""

import argparse
from collections.abc import Callable, Sequence
from functools import cache
from itertools import count, permutations
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from compile_time import elementwise_and_reductions
from measure import describe_machine, seconds

import dvm
from dvm.program import Program, default_device
from vm import container
from vm.machine import Machine

EXAMPLES = Path(__file__).parent.parent / "examples"


@cache
def fused() -> Program:
    """One kernel of 20 operations."""
    return dvm.compile(elementwise_and_reductions(20))


@cache
def block() -> Program:
    """Many kernels and inputs: the transformer block."""
    return dvm.compile(EXAMPLES / "transformer_block.mlir")


@cache
def chain() -> Program:
    """One kernel of 13 elementwise operations over one dim."""
    text = (EXAMPLES / "gelu_chain.mlir").read_text(encoding="utf-8")
    return dvm.compile(text.replace('?x1024xf32, #dvm.sym<["s0", "1024"]>', '?xf32, #dvm.sym<["s0"]>'))


def input_shapes(program: Program, size: int) -> list[tuple[int, ...]]:
    """Input shapes in which every symbol has the value `size`."""
    return [tuple(dim if isinstance(dim, int) else size for dim in parameter.dims) for parameter in program.inputs]


def inputs(program: Program, size: int) -> list[npt.NDArray[Any]]:
    """Ones of the shapes of `input_shapes`, all inputs being of f32."""
    return [np.ones(shape, np.float32) for shape in input_shapes(program, size)]


# --- the rows ---


def new_shape(program: Program, rounds: int) -> list[float]:
    """Shapes never seen, to the launch plan."""
    shapes = (input_shapes(program, size) for size in count(100))
    return seconds(lambda given: program.shapes(*given), rounds, lambda: next(shapes))


def seen_shape(program: Program, rounds: int) -> list[float]:
    """Arrays of shapes seen before, to the launch plan: what a call does before its first tile."""
    machine = Machine(container.from_bytes(program.to_bytes()), default_device())
    arrays = inputs(program, 64)
    return seconds(lambda _: machine.bound(arrays), rounds)


def new_shape_fused(rounds: int) -> list[float]:
    return new_shape(fused(), rounds)


def new_shape_block(rounds: int) -> list[float]:
    return new_shape(block(), rounds)


def seen_shape_fused(rounds: int) -> list[float]:
    return seen_shape(fused(), rounds)


def seen_shape_block(rounds: int) -> list[float]:
    return seen_shape(block(), rounds)


def small_call(rounds: int) -> list[float]:
    program, arrays = chain(), inputs(chain(), 64)
    return seconds(lambda _: program(*arrays), rounds)


def compile_ten(rounds: int) -> list[float]:
    module = elementwise_and_reductions(10)
    return seconds(lambda _: dvm.compile(module), rounds)


def compile_twenty(rounds: int) -> list[float]:
    module = elementwise_and_reductions(20)
    return seconds(lambda _: dvm.compile(module), rounds)


def record_op(rounds: int) -> list[float]:
    """Operators on lazy arrays, which are gone before they are computed."""
    x, y = small_arrays()

    def operators(_: object) -> None:
        value = x
        for _ in range(RECORDED // 2):
            value = value * y
            value = value + 0.5

    times: list[float] = []
    for _ in range(rounds):
        with dvm.lazy(limit=RECORDED + 1):
            times += [taken / RECORDED for taken in seconds(operators, 1, warm_up=0)]
    return times


def flush_seen(rounds: int) -> list[float]:
    """The whole flush, tiles of 64 elements and all."""
    x, y = small_arrays()
    return seconds(lambda value: value.numpy(), rounds, lambda: ten_operations(x, y, FUNCTIONS[:5]))


def flush_never_seen(rounds: int) -> list[float]:
    x, y = small_arrays()
    structures = permutations(FUNCTIONS, 5)
    return seconds(lambda value: value.numpy(), rounds, lambda: ten_operations(x, y, next(structures)))


def trace_and_compile(rounds: int) -> list[float]:
    """The first call of a function, once the compiler is imported."""
    x, y = (array.numpy() for array in small_arrays())
    functions = FUNCTIONS[:5]
    return seconds(lambda traced: traced(x, y), rounds, lambda: dvm.jit(lambda x, y: ten_operations(x, y, functions)))


def small_arrays() -> tuple[Any, ...]:
    random = np.random.default_rng(0)
    return tuple(dvm.asarray(random.uniform(0.5, 1.5, (8, 8)).astype(np.float32)) for _ in range(2))


def ten_operations(x: Any, y: Any, functions: Sequence[Callable[[Any], Any]]) -> Any:
    for function in functions:
        x = function(x) * y
    return x


RECORDED = 200
"""Operators in one round of recording."""

FUNCTIONS = (dvm.exp, dvm.tanh, dvm.sqrt, dvm.sin, dvm.cos, dvm.abs, dvm.sigmoid, dvm.floor, dvm.negative)


class Row(NamedTuple):
    """A line of the table. `budget` in seconds, None where there is none; `measure` takes the number of rounds."""

    what: str
    budget: float | None
    measure: Callable[[int], list[float]]


ROWS = (
    Row("bind, new shape, one kernel of 20 ops", 100e-6, new_shape_fused),
    Row("bind, new shape, transformer block", None, new_shape_block),
    Row("bind, shape seen before, one kernel of 20 ops", 5e-6, seen_shape_fused),
    Row("bind, shape seen before, transformer block", 5e-6, seen_shape_block),
    Row("call, 13 ops on 64 elements", 40e-6, small_call),
    Row("compile, 10 ops, from a module", None, compile_ten),
    Row("compile, 20 ops, from a module", 30e-3, compile_twenty),
    Row("lazy, recording an op", 4e-6, record_op),
    Row("lazy, flush of 10 ops seen before, with its tiles", 40e-6, flush_seen),
    Row("lazy, flush of 10 ops never seen", 5e-3, flush_never_seen),
    Row("jit, trace and compile of 10 ops", 8e-3, trace_and_compile),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=300)
    options = parser.parse_args()
    print(describe_machine())
    print(f"{'microseconds':<50}{'budget':>9}{'median':>9}{'min':>9}  met")
    missed = False
    for row in ROWS:
        times = row.measure(options.rounds)
        taken = median(times)
        met = row.budget is None or taken <= row.budget
        missed |= not met
        budget = "" if row.budget is None else f"{row.budget * 1e6:.0f}"
        answer = "" if row.budget is None else "yes" if met else "no"
        print(f"{row.what:<50}{budget:>9}{taken * 1e6:>9.1f}{min(times) * 1e6:>9.1f}  {answer}")
    raise SystemExit(missed)


if __name__ == "__main__":
    main()
