"""The transformer block of the examples against the same block written in NumPy, in float64."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import dvm

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "transformer_block.mlir"
HEADS = 4

Array = npt.NDArray[np.float64]


def layer_norm(x: Array, gamma: Array, beta: Array) -> Array:
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * gamma + beta


def heads(x: Array) -> Array:
    """[s, 256] as [heads, s, 64]."""
    return x.reshape(len(x), HEADS, -1).swapaxes(0, 1)


def attention(q: Array, k: Array, v: Array, mask: Array) -> Array:
    scores = heads(q) @ heads(k).swapaxes(1, 2) / 8 + mask
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    return (weights @ heads(v)).swapaxes(0, 1).reshape(q.shape)


def gelu(x: Array) -> Array:
    return x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def block(p: dict[str, Array]) -> Array:
    """The block of its inputs by name."""
    norm = layer_norm(p["x"], p["gamma_1"], p["beta_1"]) / 16
    q, k, v = (norm @ p[f"w_{name}"] + p[f"b_{name}"] for name in "qkv")
    residual = p["x"] + attention(q, k, v, p["mask"]) @ p["w_out"] + p["b_out"]
    norm = layer_norm(residual, p["gamma_2"], p["beta_2"]) / 16
    return residual + gelu(norm @ p["w_up"] + p["b_up"]) @ p["w_down"] + p["b_down"]


@pytest.fixture(scope="module")
def program() -> dvm.Program:
    return dvm.compile(EXAMPLE)


@pytest.mark.parametrize("length", [1, 17, 64])
@pytest.mark.parametrize("causal", [False, True])
def test_agrees_with_numpy(program: dvm.Program, length: int, causal: bool) -> None:
    random = np.random.default_rng(length)
    inputs = {
        parameter.name: random.standard_normal(shape).astype(np.float32)
        for parameter, shape in zip(program.inputs, program.input_shapes({"s": length}), strict=True)
    }
    if causal:
        inputs["mask"] = np.triu(np.full((length, length), -np.inf, np.float32), 1)
    expected = block({name: array.astype(float) for name, array in inputs.items()})
    np.testing.assert_allclose(program(*inputs.values()), expected, rtol=1e-4, atol=1e-3)
