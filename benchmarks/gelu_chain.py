"""The 13-instruction gelu chain on three f32 arrays of 1024 columns: DVM beside NumPy (and numexpr if installed).

python benchmarks/gelu_chain.py [--rows 4000] [--rounds 31]

Every contender runs in a process of its own. "NumPy in place" is the same expression by hand with `out=` into arrays
that are kept from call to call: nobody writes it so, but it is what the operations alone cost.
"""

import argparse
from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
from measure import describe_machine, interleaved_processes

import dvm

GRAPH = Path(__file__).parent.parent / "examples" / "gelu_chain.mlir"
Array = npt.NDArray[np.float32]


def inputs(rows: int) -> list[Array]:
    random = np.random.default_rng(0)
    return [random.standard_normal((rows, 1024), np.float32) for _ in range(3)]


def expression(x: Array, y: Array, z: Array) -> Array:
    """The expression of the graph as one writes it in NumPy."""
    t = x * y + z
    gelu = (t * np.float32(0.5)) * (
        np.tanh((t + t * t * t * np.float32(0.044715)) * np.float32(0.7978845608)) + np.float32(1)
    )
    return (gelu + x) * np.float32(0.70710678)


def plain_numpy(rows: int) -> Callable[[], object]:
    return partial(expression, *inputs(rows))


def numpy_in_place(rows: int) -> Callable[[], object]:
    x, y, z = inputs(rows)
    t, u = np.empty_like(x), np.empty_like(x)

    def run() -> None:
        np.multiply(x, y, out=t)
        np.add(t, z, out=t)
        np.multiply(t, t, out=u)
        np.multiply(u, t, out=u)
        np.multiply(u, np.float32(0.044715), out=u)
        np.add(t, u, out=u)
        np.multiply(u, np.float32(0.7978845608), out=u)
        np.tanh(u, out=u)
        np.add(u, np.float32(1), out=u)
        np.multiply(t, np.float32(0.5), out=t)
        np.multiply(t, u, out=t)
        np.add(t, x, out=t)
        np.multiply(t, np.float32(0.70710678), out=t)

    return run


def dvm_program(rows: int, cores: int | None) -> Callable[[], object]:
    device = dvm.Device(cores=cores) if cores else dvm.Device()
    return partial(dvm.compile(GRAPH, device=device), *inputs(rows))


def numexpr(rows: int) -> Callable[[], object]:
    t = "(x*y+z)"
    text = f"({t}*half*(tanh(({t}+{t}*{t}*{t}*weight)*scale)+one)+x)*gain"
    constants = {"half": 0.5, "weight": 0.044715, "scale": 0.7978845608, "one": 1, "gain": 0.70710678}
    names = dict(zip("xyz", inputs(rows), strict=True)) | {key: np.float32(value) for key, value in constants.items()}
    return partial(import_module("numexpr").evaluate, text, local_dict=names)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=31)
    options = parser.parse_args()
    contenders: dict[str, Callable[[], Callable[[], object]]] = {
        "plain NumPy": partial(plain_numpy, options.rows),
        "NumPy in place": partial(numpy_in_place, options.rows),
        "DVM, 1 core": partial(dvm_program, options.rows, 1),
        "DVM, all cores": partial(dvm_program, options.rows, None),
    }
    if find_spec("numexpr"):
        contenders["numexpr"] = partial(numexpr, options.rows)
    print(describe_machine())
    arrays = inputs(options.rows)
    error = np.max(np.abs(dvm.compile(GRAPH)(*arrays) - expression(*[array.astype(float) for array in arrays])))
    print(f"gelu chain, {options.rows}x1024 f32; greatest difference from float64: {error:.1e}")
    times = interleaved_processes(contenders, options.rounds)
    base = times["plain NumPy"]
    for name, seconds in times.items():
        print(f"{name:>16}: {seconds * 1e3:7.2f} ms, {base / seconds:5.2f} times plain NumPy's speed")


if __name__ == "__main__":
    main()
