"""How large the unified buffer of a core should be: the time of kernels with each of some sizes.

    python benchmarks/unified_buffer.py [--rounds 31] [--sizes 512 1024 1536 2048]

A small one means many NumPy calls, a large one tiles that fall out of the core's cache. Sizes are in KiB.
"""

import argparse
from functools import partial
from typing import Any

import numpy as np
from measure import describe_machine, interleaved

import dvm

SHAPES = ((4000, 1024), (1000, 1024), (300, 300), (500, 30_000))


def gelu_chain(x: Any, y: Any, z: Any) -> Any:
    t = x * y + z
    return (t * 0.5 * (dvm.tanh((t + t * t * t * 0.044715) * 0.7978845608) + 1.0) + x) * 0.70710678


def softmax(x: Any) -> Any:
    e = dvm.exp(x - dvm.max(x, axis=-1, keepdims=True))
    return e / dvm.sum(e, axis=-1, keepdims=True)


def layer_norm(x: Any) -> Any:
    centred = x - dvm.mean(x, axis=-1, keepdims=True)
    return centred / dvm.sqrt(dvm.mean(centred * centred, axis=-1, keepdims=True) + 1e-5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 1024, 1536, 2048])
    arguments = parser.parse_args()
    random = np.random.default_rng(0)
    print(describe_machine())
    print("times as fast as with the first size (median)")
    print(f"{'':28}" + "".join(f"{size:>8} KiB" for size in arguments.sizes))
    for kernel, inputs in ((gelu_chain, 3), (softmax, 1), (layer_norm, 1)):
        for shape in SHAPES:
            arrays = [random.standard_normal(shape, np.float32) for _ in range(inputs)]
            contenders = {
                str(size): partial(dvm.jit(kernel, device=dvm.Device(unified_buffer_bytes=size * 1024)), *arrays)
                for size in arguments.sizes
            }
            times = list(interleaved(contenders, arguments.rounds).values())
            ratios = "".join(f"{times[0] / time:12.2f}" for time in times)
            print(f"{kernel.__name__:12}{shape[0]:>7} x {shape[1]:<6}{ratios}")


if __name__ == "__main__":
    main()
