"""The 13-instruction gelu chain on three 4000x1024 f32 arrays: DVM beside plain NumPy (and numexpr if installed).

python benchmarks/gelu_chain.py [--rows 4000] [--rounds 21]
"""

import argparse
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
from measure import describe_machine, interleaved

import dvm

GRAPH = Path(__file__).parent.parent / "examples" / "gelu_chain.mlir"
Array = npt.NDArray[np.float32]


def plain_numpy(x: Array, y: Array, z: Array) -> Array:
    """The expression of the graph as one writes it in NumPy."""
    t = x * y + z
    gelu = (t * np.float32(0.5)) * (
        np.tanh((t + t * t * t * np.float32(0.044715)) * np.float32(0.7978845608)) + np.float32(1)
    )
    return (gelu + x) * np.float32(0.70710678)


NUMEXPR = "((x*y+z)*half*(tanh(((x*y+z)+(x*y+z)*(x*y+z)*(x*y+z)*weight)*scale)+one)+x)*gain"
NUMEXPR_CONSTANTS = {
    name: np.float32(value)
    for name, value in {"half": 0.5, "weight": 0.044715, "scale": 0.7978845608, "one": 1, "gain": 0.70710678}.items()
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=21)
    options = parser.parse_args()
    random = np.random.default_rng(0)
    x, y, z = (random.standard_normal((options.rows, 1024), np.float32) for _ in range(3))
    one_core = dvm.compile(GRAPH, device=dvm.Device(cores=1))
    all_cores = dvm.compile(GRAPH)
    contenders: dict[str, Callable[[], object]] = {
        "plain NumPy": lambda: plain_numpy(x, y, z),
        "DVM, 1 core": lambda: one_core(x, y, z),
        "DVM, all cores": lambda: all_cores(x, y, z),
    }
    if find_spec("numexpr"):
        evaluate = import_module("numexpr").evaluate
        names = {"x": x, "y": y, "z": z, **NUMEXPR_CONSTANTS}
        contenders["numexpr"] = lambda: evaluate(NUMEXPR, local_dict=names)
    print(describe_machine())
    error = np.max(np.abs(all_cores(x, y, z) - plain_numpy(x.astype(float), y.astype(float), z.astype(float))))
    print(f"gelu chain, {options.rows}x1024 f32; greatest difference from float64: {error:.1e}")
    times = interleaved(contenders, options.rounds)
    base = times["plain NumPy"]
    for name, seconds in times.items():
        print(f"{name:>16}: {seconds * 1e3:7.2f} ms, {base / seconds:5.2f} times plain NumPy's speed")


if __name__ == "__main__":
    main()
