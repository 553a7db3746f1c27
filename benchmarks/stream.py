"""A stream of distinct shapes, as dynamic models have them: the time for all of them, with all compiling.

    python benchmarks/stream.py [--shapes 200] [CASE ...]

Each contender gets a process of its own, so that nothing is compiled before, and the arrays of every shape once. "first" is
the first call, with whatever is imported or compiled for it; "median" and "worst" are calls with a new shape after
that. `jax.jit` compiles for every shape. NumPy computes the same expressions as written; numexpr can express only the chain.
"""

import argparse
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from multiprocessing import get_context
from multiprocessing.connection import Connection
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
from measure import describe_machine

Array = npt.NDArray[np.float32]
Call = Callable[..., Any]


def softmax(xp: Any, x: Any) -> Any:
    e = xp.exp(x - xp.max(x, axis=-1, keepdims=True))
    return e / xp.sum(e, axis=-1, keepdims=True)


def layer_norm(xp: Any, x: Any, gamma: Any, beta: Any) -> Any:
    centred = x - xp.mean(x, axis=-1, keepdims=True)
    variance = xp.mean(centred * centred, axis=-1, keepdims=True)
    return centred / xp.sqrt(variance + 1e-5) * gamma + beta


def gelu_chain(xp: Any, x: Any, y: Any, z: Any) -> Any:
    t = x * y + z
    gelu = (t * 0.5) * (xp.tanh((t + t * t * t * 0.044715) * 0.7978845608) + 1.0)
    return (gelu + x) * 0.70710678


def attention(xp: Any, q: Any, k: Any, v: Any, mask: Any) -> Any:
    return xp.matmul(softmax(xp, xp.matmul(q, xp.swapaxes(k, -1, -2)) * 0.125 + mask), v)


def sizes(count: int) -> Iterator[tuple[int, int]]:
    """Rows and columns, no two alike."""
    return ((17 + 5 * number, 64 + 7 * number) for number in range(count))


def arrays(case: str, rows: int, columns: int) -> list[Array]:
    """The inputs of a case; for attention there are 8 heads of 64 and a length of a third of the rows."""
    random = np.random.default_rng(rows)
    length = 5 + rows // 3
    shapes = {
        "softmax": [(rows, columns)],
        "layer_norm": [(rows, columns), (columns,), (columns,)],
        "gelu_chain": [(rows, columns)] * 3,
        "attention": [(8, length, 64)] * 3 + [(length, length)],
    }
    return [random.standard_normal(shape, np.float32) for shape in shapes[case]]


CASES: dict[str, Call] = {case.__name__: case for case in (softmax, layer_norm, gelu_chain, attention)}


def with_numpy(case: str) -> Call:
    function = CASES[case]
    return lambda *inputs: function(np, *inputs)


def with_dvm_lazy(case: str) -> Call:
    import dvm

    function = CASES[case]
    return lambda *inputs: function(dvm, *[dvm.asarray(array, copy=False) for array in inputs]).numpy()


def with_dvm_jit(case: str) -> Call:
    import dvm

    function = CASES[case]
    return dvm.jit(lambda *inputs: function(dvm, *inputs))


def with_numexpr(case: str) -> Call:
    numexpr = import_module("numexpr")
    inner = "t + t * t * t * 0.044715"
    text = f"((t * 0.5) * (tanh(({inner}) * 0.7978845608) + 1.0) + x) * 0.70710678".replace("t ", "(x * y + z) ")
    text = text.replace("(t ", "((x * y + z) ")
    return lambda x, y, z: numexpr.evaluate(text, {"x": x, "y": y, "z": z})


def with_jax(case: str) -> Call:
    jax = import_module("jax")
    jax_numpy = import_module("jax.numpy")
    function = CASES[case]
    compiled = jax.jit(lambda *inputs: function(jax_numpy, *inputs))
    return lambda *inputs: np.asarray(compiled(*inputs))


CONTENDERS: dict[str, tuple[Callable[[str], Call], str, tuple[str, ...]]] = {
    "NumPy": (with_numpy, "numpy", tuple(CASES)),
    "DVM, lazily": (with_dvm_lazy, "dvm", tuple(CASES)),
    "DVM, jit": (with_dvm_jit, "dvm", tuple(CASES)),
    "numexpr": (with_numexpr, "numexpr", ("gelu_chain",)),
    "jax.jit": (with_jax, "jax", tuple(CASES)),
}


def run(make: Callable[[str], Call], case: str, count: int, connection: "Connection[Any, Any]") -> None:
    """In a contender's process: send the seconds of each call, and the greatest difference from float64."""
    import_module("dvm" if "dvm" in make.__name__ else "numpy")
    times: list[float] = []
    worst = 0.0
    call: Call | None = None
    for rows, columns in sizes(count):
        inputs = arrays(case, rows, columns)
        start = perf_counter()
        call = call or make(case)
        result = call(*inputs)
        times.append(perf_counter() - start)
        exact = CASES[case](np, *[array.astype(np.float64) for array in inputs])
        worst = max(worst, float(np.abs(result - exact).max()))
    connection.send((times, worst))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(CASES)}; all by default")
    parser.add_argument("--shapes", type=int, default=200, help="how many shapes")
    options = parser.parse_args()
    for case in options.cases:
        if case not in CASES:
            parser.error(f"there is no case '{case}', only {', '.join(CASES)}")
    print(describe_machine())
    context = get_context("spawn")
    for case in options.cases or CASES:
        print(f"\n{case}, {options.shapes} shapes; seconds in all, and milliseconds a call")
        total = 0.0
        for name, (make, module, able) in CONTENDERS.items():
            if case not in able:
                continue
            if find_spec(module) is None:
                print(f"{name:>12}: not installed")
                continue
            ours, theirs = context.Pipe()
            process = context.Process(target=run, args=(make, case, options.shapes, theirs))
            process.start()
            theirs.close()
            times, worst = ours.recv()
            process.join()
            total = total or sum(times)
            print(
                f"{name:>12}: {sum(times):7.3f} s, {sum(times) / total:6.2f} of NumPy's time; first {times[0] * 1e3:7.1f},"
                f" median {median(times[1:]) * 1e3:7.2f}, worst {max(times[1:]) * 1e3:7.1f} ms; error {worst:.1e}"
            )


if __name__ == "__main__":
    main()
