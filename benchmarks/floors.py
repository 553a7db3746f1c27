"""What would be left if DVM took no time at all: the costs of what it stands on.

    python benchmarks/floors.py [--rounds 5]

"two blocks" are the two transformer blocks of `dvm-bench` over its 40 lengths in turn, all compiling included: in eager mode;
through `torch.compile` with the backend "eager", which compiles nothing, so that the rest is Dynamo and its guards; and below a
`TorchDispatchMode` that only hands on each operation, as whatever sees operations in eager mode has to. The first call is that
of a new process, and brings the modules that it needs. "gelu chain" is the sum of the NumPy calls that the instructions of
`examples/gelu_chain.mlir` are, on tiles that stay in cache, without loads and stores, divided by the CPUs, beside numexpr's time.
Each contender gets a process of its own for each round; they take turns.
"""

import argparse
from collections.abc import Callable
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from statistics import median
from time import perf_counter
from typing import Any

import gelu_chain
import numpy as np
from measure import describe_machine, interleaved, interleaved_processes

from tools.bench.cases import CASES
from vm.cpus import available

Seconds = tuple[float, float]
"""What the first call of a stream takes, and what its others take."""

ROWS = 4000

TILE = 1 << 15
"""Elements of a tile of the gelu chain: four tiles of f32 are half a MiB."""


def two_blocks() -> tuple[Any, list[Any]]:
    """The blocks, and their input for each length."""
    import torch

    from tools.bench.with_torch import MODULES

    case = CASES["model/transformer"]
    assert case.weights is not None
    assert case.arrays is not None
    model = MODULES[case.name]([torch.from_numpy(weight) for weight in case.weights()])
    return model, [torch.from_numpy(case.arrays(shape, np.random.default_rng(0))[0]) for shape in case.stream]


def _in_turn(run: Callable[[Any], Any], inputs: list[Any]) -> Seconds:
    """What the first input takes, and the others one after another."""
    import torch

    start = perf_counter()
    with torch.no_grad():
        run(inputs[0])
        first = perf_counter()
        for x in inputs[1:]:
            run(x)
    return first - start, perf_counter() - first


def eager() -> Seconds:
    return _in_turn(*two_blocks())


def dynamo_alone() -> Seconds:
    import torch

    model, inputs = two_blocks()
    return _in_turn(torch.compile(model, backend="eager", dynamic=True), inputs)


def dispatch_alone() -> Seconds:
    from torch.utils._python_dispatch import TorchDispatchMode

    class HandOn(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            return func(*args, **(kwargs or {}))

    model, inputs = two_blocks()
    with HandOn():
        return _in_turn(model, inputs)


def dvm_compiled() -> Seconds:
    import torch

    model, inputs = two_blocks()
    return _in_turn(torch.compile(model, backend="dvm"), inputs)


def dvm_lazy() -> Seconds:
    import dvm.torch

    model, inputs = two_blocks()

    def run(x: Any) -> Any:
        with dvm.torch.lazy():
            return model(x)

    return _in_turn(run, inputs)


STREAMS: dict[str, Callable[[], Seconds]] = {
    "eager mode": eager,
    "Dynamo alone": dynamo_alone,
    "torch.compile, DVM": dvm_compiled,
    "dispatch mode alone": dispatch_alone,
    "lazy(), DVM": dvm_lazy,
}


def _send(stream: Callable[[], Seconds], connection: "Connection[Any, Any]") -> None:
    connection.send(stream())


def _alone(stream: Callable[[], Seconds]) -> Seconds:
    """What a stream takes in a new process."""
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(stream, theirs))
    process.start()
    theirs.close()
    found: Seconds = ours.recv()
    process.join()
    return found


def chain_on_tiles() -> float:
    """Seconds an element for the 14 calls of the gelu chain, on one CPU."""
    x, y, z, t, u = (np.random.default_rng(0).standard_normal(TILE, np.float32) for _ in range(5))
    weight, scale, one, gain = (np.float32(value) for value in (0.044715, 2 * 0.7978845608, 1, 0.70710678))

    def run() -> None:
        np.multiply(x, y, out=t)
        np.add(t, z, out=t)
        np.multiply(t, t, out=u)
        np.multiply(u, t, out=u)
        np.multiply(u, weight, out=u)
        np.add(t, u, out=u)
        np.multiply(u, scale, out=u)
        np.negative(u, out=u)
        np.exp(u, out=u)
        np.add(u, one, out=u)
        np.reciprocal(u, out=u)
        np.multiply(t, u, out=t)
        np.add(t, x, out=t)
        np.multiply(t, gain, out=t)

    return interleaved({"chain": run}, rounds=501)["chain"] / TILE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    rounds: int = parser.parse_args().rounds
    print(describe_machine())

    times: dict[str, list[Seconds]] = {name: [] for name in STREAMS}
    for _ in range(rounds):
        for name, stream in STREAMS.items():
            times[name].append(_alone(stream))
    firsts = {name: median(first for first, _ in taken) for name, taken in times.items()}
    others = {name: median(other for _, other in taken) for name, taken in times.items()}
    whole = firsts["eager mode"] + others["eager mode"]
    print("two blocks, 40 lengths in turn, as parts of eager mode's time for all:")
    for name in STREAMS:
        print(f"{name:>22}: first {firsts[name] / whole:5.2f}, the other 39 {others[name] / whole:5.2f}")
    print(f"{'eager mode':>22}: {1e3 * whole:.0f} ms")

    contenders = {
        "DVM": partial(gelu_chain.dvm_program, ROWS, None),
        "numexpr": partial(gelu_chain.numexpr, ROWS),
    }
    medians = interleaved_processes(contenders)
    medians["NumPy's calls alone"] = chain_on_tiles() * ROWS * 1024 / len(available())
    print(f"gelu chain of {ROWS}x1024:")
    for name, taken in medians.items():
        print(f"{name:>22}: {1e3 * taken:6.2f} ms, {medians['numexpr'] / taken:5.2f} times numexpr's speed")


if __name__ == "__main__":
    main()
