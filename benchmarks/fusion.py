"""What fusion does for each example: kernels, bytes that they move, and time, beside NumPy (and numexpr if installed).

    python benchmarks/fusion.py [--rounds 15] [EXAMPLE ...]

Without fusion each operation is a kernel of its own; all else is the same. The bytes are those of the tensors that each
kernel reads and writes. "NumPy" is the example as one writes it by hand; of the examples, numexpr can express only the
chain of elementwise operations. Every contender runs in a process of its own, DVM and numexpr on all cores.
"""

import argparse
from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gelu_chain
import ml_dtypes
import numpy as np
import numpy.typing as npt
from measure import describe_machine, interleaved_processes
from xdsl.passes import PassPipeline

from dvm.compiler import EMIT, new_context, read_module
from dvm.program import Program, default_device
from dvm.reference import compare
from passes import PIPELINE, get_all_passes
from passes.emit_bytecode import build_program, entry_function
from tools.arrays import random_array
from vm.machine import Machine

EXAMPLES = Path(__file__).parent.parent / "examples"
CHECKED_SIZE = 33
"""The size of every symbol when the results are compared."""

Array = npt.NDArray[Any]
Sizes = Mapping[str, int]


def compiled(example: str, *, fusion: bool) -> Program:
    """The program of an example."""
    passes = ",".join(
        "dvm-fuse{fusion=false}" if name == "dvm-fuse" and not fusion else name for name in PIPELINE if name != EMIT
    )
    context = new_context()
    module = read_module(EXAMPLES / f"{example}.mlir", context)
    PassPipeline.parse_spec(get_all_passes(), passes).apply(context, module)
    return Program(Machine(build_program(entry_function(module)), default_device()))


def inputs(program: Program, sizes: Sizes) -> list[Array]:
    """Random arrays, the same for every contender."""
    random = np.random.default_rng(0)
    shapes = program.input_shapes(sizes)
    return [random_array(parameter, shape, random) for parameter, shape in zip(program.inputs, shapes, strict=True)]


# --- the examples by hand ---


def softmax(scores: Array) -> Array:
    exponential = np.exp(scores - scores.max(-1, keepdims=True))
    return exponential / exponential.sum(-1, keepdims=True)


def normalise(x: Array, gamma: Array, beta: Array) -> Array:
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred * centred).mean(-1, keepdims=True) + 1e-5) * gamma + beta


def gelu(x: Array) -> Array:
    return x * 0.5 * (1 + np.tanh(0.7978845608 * (x + 0.044715 * x * x * x)))


def silu(x: Array) -> Array:
    with np.errstate(over="ignore"):  # where x is far below 0 the result is
        return x / (1 + np.exp(-x))


def attention(q: Array, k: Array, v: Array, mask: Array) -> Array:
    return softmax(q @ k.swapaxes(-1, -2) * 0.125 + mask) @ v


def batch_norm(x: Array, gamma: Array, beta: Array, old_mean: Array, old_variance: Array) -> tuple[Array, ...]:
    mean = x.mean((0, 2, 3))
    centred = x - mean[:, None, None]
    variance = (centred * centred).mean((0, 2, 3))
    scale = gamma / np.sqrt(variance + 1e-5)
    out = centred * scale[:, None, None] + beta[:, None, None]
    return out, mean, variance, 0.9 * old_mean + 0.1 * mean, 0.9 * old_variance + 0.1 * variance


def layer_norm(x: Array, residual: Array, gamma: Array, beta: Array) -> tuple[Array, ...]:
    total = x + residual
    return total, normalise(total, gamma, beta)


def mlp(x: Array, w_up: Array, b_up: Array, w_down: Array, b_down: Array) -> Array:
    return gelu(x @ w_up + b_up) @ w_down + b_down


def rms_norm(x: Array, residual: Array, gamma: Array) -> tuple[Array, ...]:
    total = x + residual
    return total, total / np.sqrt((total * total).mean(-1, keepdims=True) + 1e-6) * gamma


def residual_bf16(*given: Array) -> Array:
    x, gamma, w, bias = (array.astype(np.float32) for array in given)
    norm = x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-6) * gamma
    return (x + silu(norm @ w + bias)).astype(ml_dtypes.bfloat16)


def residual_f16(*given: Array) -> Array:
    x, gamma, beta, gate = (array.astype(np.float32) for array in given)
    return (x + silu(normalise(x, gamma, beta)) * gate).astype(np.float16)


def transformer_block(x: Array, mask: Array, *weights: Array) -> Array:
    gamma_1, beta_1, w_q, b_q, w_k, b_k, w_v, b_v, w_out, b_out, gamma_2, beta_2, *mlp_weights = weights
    norm = normalise(x, gamma_1, beta_1) * 0.0625
    q, k, v = ((norm @ w + b).reshape(len(x), 4, 64).swapaxes(0, 1) for w, b in ((w_q, b_q), (w_k, b_k), (w_v, b_v)))
    attended = attention(q, k, v, mask).swapaxes(0, 1).reshape(len(x), 256)
    residual = x + (attended @ w_out + b_out)
    return residual + mlp(normalise(residual, gamma_2, beta_2) * 0.0625, *mlp_weights)


BY_HAND: dict[str, tuple[Sizes, Callable[..., Any]]] = {
    "gelu_chain": ({"s0": 4000}, gelu_chain.expression),
    "softmax": ({"rows": 4000, "columns": 1024}, lambda logits: softmax(logits * 0.125)),
    "layer_norm": ({"batch": 4, "length": 1000}, layer_norm),
    "rms_norm": ({"tokens": 4000}, rms_norm),
    "batch_norm": ({"batch": 32, "height": 56, "width": 56}, batch_norm),
    "residual_f16": ({"tokens": 4000}, residual_f16),
    "residual_bf16": ({"tokens": 512}, residual_bf16),
    "mlp": ({"tokens": 512}, mlp),
    "attention": ({"batch": 2, "heads": 8, "queries": 512, "keys": 512}, attention),
    "transformer_block": ({"s": 512}, transformer_block),
}
"""By example: the sizes to run it with, and the example in NumPy."""


def dvm_program(example: str, fusion: bool) -> Callable[[], object]:
    program = compiled(example, fusion=fusion)
    return partial(program, *inputs(program, BY_HAND[example][0]))


def plain_numpy(example: str) -> Callable[[], object]:
    sizes, by_hand = BY_HAND[example]
    return partial(by_hand, *inputs(compiled(example, fusion=True), sizes))


def check(example: str, program: Program) -> None:
    """Raises SystemExit where the example by hand and the program differ."""
    arrays = inputs(program, dict.fromkeys(BY_HAND[example][0], CHECKED_SIZE))
    got, expected = program(*arrays), BY_HAND[example][1](*arrays)
    if len(program.outputs) == 1:
        got, expected = (got,), (expected,)
    for parameter, ours, theirs in zip(program.outputs, got, expected, strict=True):
        if not compare(ours, theirs, parameter.element_type):
            raise SystemExit(f"{example}: '{parameter.name}' differs from NumPy's")


def measure(example: str, rounds: int) -> None:
    """Print a line: kernels and megabytes moved without and with fusion, the workspace without either, with fusion, and with memory
    shared too, and the milliseconds of the contenders.
    """
    sizes = BY_HAND[example][0]
    programs = [compiled(example, fusion=fusion) for fusion in (False, True)]
    for program in programs:
        check(example, program)
    contenders: dict[str, Callable[[], Callable[[], object]]] = {
        "unfused": partial(dvm_program, example, False),
        "fused": partial(dvm_program, example, True),
        "NumPy": partial(plain_numpy, example),
    }
    if example == "gelu_chain" and find_spec("numexpr"):
        contenders["numexpr"] = partial(gelu_chain.numexpr, sizes["s0"])
    times = interleaved_processes(contenders, rounds)
    before, after = (program.costs(*program.input_shapes(sizes)) for program in programs)
    print(
        f"{example:>18}: {before.kernels:>2} -> {after.kernels:>2} kernels, "
        f"{(before.bytes_read + before.bytes_written) / 1e6:4.0f} -> "
        f"{(after.bytes_read + after.bytes_written) / 1e6:3.0f} MB; workspace {before.separate_workspace_bytes / 1e6:.1f} -> "
        f"{after.separate_workspace_bytes / 1e6:.1f} -> {after.workspace_bytes / 1e6:.1f} MB; "
        + ", ".join(f"{name} {seconds * 1e3:.2f} ms" for name, seconds in times.items())
        + f"; fusion {times['unfused'] / times['fused']:.2f}x, beside NumPy {times['NumPy'] / times['fused']:.2f}x",
        flush=True,
    )


def measure_workspace() -> None:
    """Print what is left of the transformer block's workspace at some lengths."""
    programs = [compiled("transformer_block", fusion=fusion) for fusion in (False, True)]
    for length in (16, 64, 128, 512):
        before, after = (program.costs(*program.input_shapes({"s": length})) for program in programs)
        print(
            f"transformer_block, s = {length}: its workspace is "
            f"{after.workspace_bytes / before.separate_workspace_bytes:.3f} of what it is without fusion and shared memory, "
            f"{after.workspace_bytes / after.separate_workspace_bytes:.3f} of that without shared memory only, "
            f"{before.workspace_bytes / before.separate_workspace_bytes:.3f} without fusion"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("examples", nargs="*", metavar="EXAMPLE", help=f"of {', '.join(BY_HAND)}; all by default")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    print(describe_machine())
    for example in options.examples or BY_HAND:
        if example not in BY_HAND:
            parser.error(f"there is no example '{example}'")
        measure(example, options.rounds)
    measure_workspace()


if __name__ == "__main__":
    main()
