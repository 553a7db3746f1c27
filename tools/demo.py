"""What `make demo` shows: one operator graph on its way from text to results, checked and timed beside plain NumPy."""

import re
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import numpy.typing as npt

import dvm
from dvm.compiler import lower, new_context, read_module
from dvm.reference import compare, evaluate
from tools.command import run
from vm.errors import DvmError

EXAMPLE = Path(__file__).parent.parent / "examples" / "gelu_chain.mlir"
ROWS = (4000, 1, 37, 1500)
WORDS_SHOWN = 9
ROUNDS = 15

_ENCODED_TYPE = re.compile(r"tensor<[?0-9x]*x(\w+), #dvm\.sym<\[([^\]]*)\]>>")

Array = npt.NDArray[np.float32]


def plain_numpy(x: Array, y: Array, z: Array) -> Array:
    """The graph of the example as one writes it in NumPy."""
    t = x * y + z
    gelu = np.float32(0.5) * t * (1 + np.tanh(np.float32(0.7978845608) * (t + np.float32(0.044715) * t * t * t)))
    return (gelu + x) * np.float32(0.70710678)


def main() -> int:
    """The demonstration; returns its exit code."""
    return run("demo", _demo)


def _demo() -> None:
    name = EXAMPLE.relative_to(EXAMPLE.parent.parent)
    source = EXAMPLE.read_text()
    _title("1", f"The operator graph: {name}")
    print(source.strip())

    context = new_context()
    graph = read_module(EXAMPLE, context)
    fused = graph.clone()
    lower(context, fused, until="convert-vk-to-visa")
    _title("2", "The kernels, after dvm-fuse (types shortened)")
    print(_shortened(str(fused)))

    start = perf_counter()
    program = dvm.compile(EXAMPLE)
    seconds = perf_counter() - start
    _title("3", f"The bytecode, compiled in {seconds * 1e3:.0f} ms for every s0; its first instructions:")
    print(_first_words(program.disassemble()))

    _title("4", "Runs on real arrays, each checked against NumPy in float64")
    generator = np.random.default_rng(0)
    for rows in ROWS:
        arrays = [generator.standard_normal((rows, 1024), np.float32) for _ in range(3)]
        out = program(*arrays)
        result = compare(out, evaluate(graph, arrays)[0], program.outputs[0].element_type)
        if not result:
            raise DvmError(f"{result.wrong} of {result.elements} elements differ from NumPy at s0 = {rows}")
        print(f"  s0 = {rows:<5} {rows * 1024:>9,} elements   agrees, greatest error {result.greatest:.1e}")

    x, y, z = (generator.standard_normal((ROWS[0], 1024), np.float32) for _ in range(3))
    numpy_seconds, dvm_seconds = _medians(lambda: plain_numpy(x, y, z), lambda: program(x, y, z))
    _title("5", f"The time for s0 = {ROWS[0]}, medians of runs that take turns")
    print(f"  plain NumPy  {numpy_seconds * 1e3:7.2f} ms")
    print(f"  DVM          {dvm_seconds * 1e3:7.2f} ms   {numpy_seconds / dvm_seconds:.1f} times as fast")

    _title("Next", "Three commands to try (in .venv/bin, or after `. .venv/bin/activate`)")
    print("  dvm-opt examples/softmax.mlir -p dvm-compile --print-between-passes")
    print("  dvm-run examples/attention.mlir --random 1 --dims batch=2,heads=8,queries=100,keys=333 --check --profile")
    print("  dvm-opt examples/mlp.mlir -p dvm-compile -t dvm-bytecode -o mlp.dvmb && dvm-objdump mlp.dvmb")


def _medians(*contenders: Callable[[], object]) -> list[float]:
    """The median seconds of each contender, over rounds in which they take turns."""
    times: list[list[float]] = [[] for _ in contenders]
    for _ in range(ROUNDS):
        for taken, contender in zip(times, contenders, strict=True):
            start = perf_counter()
            contender()
            taken.append(perf_counter() - start)
    return [median(taken) for taken in times]


def _title(mark: str, text: str) -> None:
    print(f"\n=== {mark}: {text}\n")


def _shortened(ir: str) -> str:
    """IR for reading: kernels and functions with tensor types as `f32[s0, 1024]`, operations without their types."""
    short = _ENCODED_TYPE.sub(lambda match: f"{match[1]}[{match[2].replace(chr(34), '')}]", ir)
    short = re.sub(r" attributes \{.*\} \{$", " {", short, flags=re.MULTILINE)
    short = re.sub(r"(= dvm\..*?|\.yield .*?|\.return .*?) : .*", r"\1", short)
    return "\n".join(line.removeprefix("  ") for line in short.splitlines()[1:-1])


def _first_words(listing: str) -> str:
    """The first kernel of a disassembly, down to some instructions."""
    lines = listing.splitlines()
    start = next(number for number, line in enumerate(lines) if " kernel '" in line)
    words = next(number for number, line in enumerate(lines) if line.lstrip().startswith("words"))
    return "\n".join([*lines[start : words + WORDS_SHOWN], "            ..."])


if __name__ == "__main__":
    raise SystemExit(main())
