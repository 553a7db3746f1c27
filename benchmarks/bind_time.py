"""How long bind takes: the launch plan of a new shape, and of a shape seen before.

    python benchmarks/bind_time.py [--shapes 200]

Measured on the 20-operation graph of compile_time.py and on every example whose shapes do not depend on data.
"""

import argparse
from pathlib import Path
from statistics import median
from time import perf_counter

from compile_time import elementwise_and_reductions
from measure import describe_machine

import dvm
from dvm.program import Program
from vm.errors import DvmError

EXAMPLES = Path(__file__).parent.parent / "examples"


def shapes_for(program: Program, size: int) -> list[tuple[int, ...]]:
    """Input shapes in which every symbol has the value `size`."""
    return [tuple(dim if isinstance(dim, int) else size for dim in parameter.dims) for parameter in program.inputs]


def measure(program: Program, count: int) -> tuple[float, float]:
    """Median seconds for a shape never seen and for one seen before."""
    new: list[float] = []
    seen: list[float] = []
    for size in range(100, 100 + count):
        shapes = shapes_for(program, size)
        for times in (new, seen):
            start = perf_counter()
            program.shapes(*shapes)
            times.append(perf_counter() - start)
    return median(new), median(seen)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shapes", type=int, default=200)
    options = parser.parse_args()
    print(describe_machine())
    programs = {"20 ops, elementwise and reductions": dvm.compile(elementwise_and_reductions(20))}
    programs |= {path.stem: dvm.compile(path) for path in sorted(EXAMPLES.glob("*.mlir"))}
    for name, program in programs.items():
        try:
            new, seen = measure(program, options.shapes)
        except DvmError as error:
            print(f"{name:>36}: {error}")
            continue
        print(
            f"{name:>36}: new shape {new * 1e6:6.1f} us, seen before {seen * 1e6:5.2f} us "
            f"({program.stats['kernels']} kernels, {program.stats['instructions']} instructions)"
        )


if __name__ == "__main__":
    main()
