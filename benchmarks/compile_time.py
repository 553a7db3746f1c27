"""How long compiling takes, from an xDSL module to a program ready to call, and how it grows with the graph.

    python benchmarks/compile_time.py [--sizes 10,20,100,200,1000,2000] [--rounds 9]

The graphs mix elementwise operations, row vectors and row reductions, with a dynamic dim; every eighth operation
reduces, so that there are kernels of several kinds.
"""

import argparse
from pathlib import Path
from statistics import median
from time import perf_counter

from measure import describe_machine
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Region

import dvm
from dvm.compiler import new_context, read_module
from dvm_dialects import dvm as graph
from dvm_dialects.dims import Dim
from dvm_dialects.shapes import tensor_of
from passes import PIPELINE, get_all_passes
from vm.isa import ElementType

EXAMPLES = Path(__file__).parent.parent / "examples"


def elementwise_and_reductions(operations: int) -> ModuleOp:
    """A module with a graph of so many operations on inputs x [s0, 1024] and row [1024]."""
    rows, columns = Dim.symbol("s0"), Dim.constant(1024)
    matrix = tensor_of(ElementType.F32, (rows, columns))
    vector = tensor_of(ElementType.F32, (columns,))
    block = Block(arg_types=[matrix, vector])
    x, row = block.args
    value = x
    made = 0

    def add(operation: graph.DvmOp) -> graph.DvmOp:
        nonlocal made
        block.add_op(operation)
        made += 1
        return operation

    while made < operations:
        match made % 8:
            case 0 | 4:
                value = add(graph.BinaryOp("Mul", value, row)).result
            case 1:
                value = add(graph.UnaryOp("Tanh", value)).result
            case 2:
                value = add(graph.BinaryOp("Add", value, x)).result
            case 3 | 5:
                value = add(graph.BinaryScalarOp("Mul", value, 0.5)).result
            case 6:
                mean = add(graph.ReduceOp("Mean", value, [1], True)).result
                value = add(graph.BinaryOp("Sub", value, mean)).result
            case _:
                value = add(graph.UnaryOp("Abs", value)).result
    block.add_op(ReturnOp(value))
    return ModuleOp([FuncOp("main", ([matrix, vector], [value.type]), Region(block))])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="10,20,100,200,1000,2000")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    print(describe_machine())
    sizes = [int(size) for size in options.sizes.split(",")]
    table: dict[str, list[float]] = {name: [] for name in PIPELINE}
    for size in sizes:
        module = elementwise_and_reductions(size)
        rounds = max(3, options.rounds if size <= 100 else options.rounds // 3)
        program = dvm.compile(module)
        took = seconds_to_compile(module, rounds)
        kernels = program.stats["kernels"]
        print(f"{size:>5} ops: {took * 1e3:8.1f} ms, {took / size * 1e6:6.0f} us an op, {kernels} kernels")
        for name, seconds in by_pass(module, rounds).items():
            table[name].append(seconds)
    print("\nmilliseconds by pass; growth: time for an operation at the last size, beside the size before it")
    print(f"{'operations':<20}" + "".join(f"{size:>9}" for size in sizes) + f"{'growth':>9}")
    for name, seconds in table.items():
        growth = seconds[-1] / sizes[-1] / (seconds[-2] / sizes[-2]) if len(sizes) > 1 else 1.0
        print(f"{name:<20}" + "".join(f"{taken * 1e3:>9.2f}" for taken in seconds) + f"{growth:>9.2f}")
    print("\nexamples, from text and from a module to a program")
    for path in sorted(EXAMPLES.glob("*.mlir")):
        text, module = path.read_text(encoding="utf-8"), read_module(path, new_context())
        from_text, from_module = (seconds_to_compile(source, options.rounds) for source in (text, module))
        print(f"{path.stem:<20}{from_text * 1e3:>9.1f} ms {from_module * 1e3:>9.1f} ms")


def seconds_to_compile(source: ModuleOp | str, rounds: int) -> float:
    """The median seconds from a module or text to a program."""
    times: list[float] = []
    for _ in range(rounds):
        start = perf_counter()
        dvm.compile(source)
        times.append(perf_counter() - start)
    return median(times)


def by_pass(module: ModuleOp, rounds: int) -> dict[str, float]:
    """The median seconds of each pass."""
    passes = get_all_passes()
    taken: dict[str, list[float]] = {name: [] for name in PIPELINE}
    for _ in range(rounds):
        clone, context = module.clone(), new_context()
        for name in PIPELINE:
            start = perf_counter()
            passes[name]()().apply(context, clone)
            taken[name].append(perf_counter() - start)
    return {name: median(times) for name, times in taken.items()}


if __name__ == "__main__":
    main()
