"""Softmax as one kernel and as kernels apart, where a row fits in the unified buffer and where it does not.

    python benchmarks/speculation.py [--rounds 9]

What vk-speculate relies on: apart is faster only where the reduced part does not fit, and then for few rows, or where the
reduction leaves the last axis. The last column says what bind takes.
"""

import argparse
from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
from measure import describe_machine, interleaved
from xdsl.dialects.builtin import ModuleOp

import dvm
from dvm.compiler import new_context, read_module
from dvm_dialects import vk
from passes import PIPELINE, get_all_passes
from passes.emit_bytecode import build_program, entry_function
from passes.vk_speculate import take_apart
from vm.machine import Machine

CASES = (
    ((4000, 1024), 1),
    ((64, 1_000_000), 1),
    ((16, 1 << 20), 1),
    ((4, 1 << 22), 1),
    ((2, 1 << 23), 1),
    ((1, 1 << 24), 1),
    ((300, 20_000), 0),
    ((4000, 1024), 0),
    ((1000, 10_000), 0),
    ((100_000, 64), 0),
)
"""Shapes, and the axis of the softmax."""


def graph(axis: int) -> str:
    matrix = "tensor<?x?xf32>"
    return f"func.func @softmax(%x : {matrix}) -> {matrix} {{ %y = dvm.softmax %x axis {axis} : {matrix} -> {matrix} return %y : {matrix} }}"


def machine(axis: int, device: dvm.Device, *, apart: bool) -> Machine:
    """The program without alternatives."""
    context, passes = new_context(), get_all_passes()
    module: ModuleOp = read_module(graph(axis), context)
    for name in PIPELINE[:-1]:
        if name != "vk-speculate":
            passes[name]()().apply(context, module)
        elif apart:
            for kernel in tuple(module.walk()):
                if isinstance(kernel, vk.KernelOp):
                    take_apart(kernel)
    return Machine(build_program(entry_function(module)), device)


def numpy_softmax(x: npt.NDArray[np.float32], axis: int) -> npt.NDArray[np.float32]:
    exponential = np.exp(x - x.max(axis, keepdims=True))
    return exponential / exponential.sum(axis, keepdims=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    print(describe_machine())
    print(f"{'shape':>16} axis {'one kernel':>12} {'apart':>12} {'NumPy':>12}   taken")
    device = dvm.Device()
    for shape, axis in CASES:
        x = np.random.default_rng(0).standard_normal(shape, np.float32)
        out = np.empty_like(x)
        whole, apart = (machine(axis, device, apart=apart) for apart in (False, True))
        contenders: dict[str, Callable[[], object]] = {
            "whole": partial(whole.call, [x], [out]),
            "apart": partial(apart.call, [x], [out]),
            "NumPy": partial(numpy_softmax, x, axis),
        }
        times = interleaved(contenders, options.rounds)
        kernels = dvm.compile(graph(axis), device=device).costs(shape).kernels
        columns = " ".join(f"{seconds * 1e3:>9.2f} ms" for seconds in times.values())
        print(f"{shape!s:>16} {axis:>4} {columns}   {'one kernel' if kernels == 1 else 'apart'}")


if __name__ == "__main__":
    main()
