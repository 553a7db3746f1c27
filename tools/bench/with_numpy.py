"""The cases in NumPy. In float64 they are what every contender's results are compared with."""

# pyright: reportUnknownLambdaType=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# The arrays are of either float type.

from collections.abc import Callable
from math import erf
from typing import Any

import numpy as np

Call = Callable[..., Any]
HEADS = 4
"""Of the transformer."""

_erf = np.vectorize(erf, otypes=[np.float64])


def _gelu(x: Any) -> Any:
    return 0.5 * x * (1.0 + _erf(x / 2**0.5).astype(x.dtype))


def _sigmoid(x: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-x))


def _gelu_chain(x: Any, y: Any, z: Any) -> Any:
    t = x * y + z
    gelu = (0.5 * t) * (np.tanh(0.7978845608 * (t + 0.044715 * t * t * t)) + 1.0)
    return (gelu + x) * 0.70710678


def _softmax(x: Any) -> Any:
    e = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)


def _layer_norm(x: Any, gamma: Any, beta: Any) -> Any:
    centred = x - np.mean(x, axis=-1, keepdims=True)
    variance = np.mean(centred * centred, axis=-1, keepdims=True)
    return centred / np.sqrt(variance + 1e-5) * gamma + beta


def _rms_norm_residual(x: Any, residual: Any, gamma: Any) -> Any:
    s = x + residual
    return s, s / np.sqrt(np.mean(s * s, axis=-1, keepdims=True) + 1e-6) * gamma


def _attention(q: Any, k: Any, v: Any, mask: Any) -> Any:
    return _softmax(q @ np.swapaxes(k, -1, -2) * 0.125 + mask) @ v


def _cross_entropy(x: Any, target: Any) -> Any:
    shifted = x - np.max(x, axis=-1, keepdims=True)
    picked = shifted[np.arange(len(x)), target]
    return np.mean(np.log(np.sum(np.exp(shifted), axis=-1)) - picked)


def _rotary(x: Any, cosine: Any, sine: Any) -> Any:
    one, two = np.split(x, 2, -1)
    return x * cosine + np.concatenate((-two, one), -1) * sine


def _adamw(parameter: Any, gradient: Any, mean: Any, variance: Any) -> Any:
    mean = mean * 0.9 + gradient * 0.1
    variance = variance * 0.999 + gradient * gradient * 0.001
    return parameter * 0.99999 - 0.01 * mean / (np.sqrt(variance * 10.0) + 1e-8), mean, variance


def _transformer(x: Any, *weights: Any) -> Any:
    batch, length, width = x.shape
    for first in range(0, len(weights), 12):
        g1, b1, qkv, qkv_bias, out, out_bias, g2, b2, up, up_bias, down, down_bias = weights[first : first + 12]
        parts = (_layer_norm(x, g1, b1) @ qkv + qkv_bias).reshape(batch, length, 3, HEADS, width // HEADS)
        q, k, v = parts.transpose(2, 0, 3, 1, 4)
        found = _softmax(q @ np.swapaxes(k, -1, -2) * (width // HEADS) ** -0.5) @ v
        x = x + found.transpose(0, 2, 1, 3).reshape(x.shape) @ out + out_bias
        t = _layer_norm(x, g2, b2) @ up + up_bias
        t = (0.5 * t) * (np.tanh(0.7978845608 * (t + 0.044715 * t * t * t)) + 1.0)
        x = x + t @ down + down_bias
    return x


FUNCTIONS: dict[str, Call] = {
    "operator/add": lambda x, y: x + y,
    "operator/add_row": lambda x, row: x + row,
    "operator/mul": lambda x, y: x * y,
    "operator/maximum": np.maximum,
    "operator/where": lambda x, y: np.where(x > y, x, y),
    "operator/exp": np.exp,
    "operator/tanh": np.tanh,
    "operator/sigmoid": _sigmoid,
    "operator/gelu": _gelu,
    "operator/sum_rows": lambda x: np.sum(x, axis=1),
    "operator/sum_columns": lambda x: np.sum(x, axis=0),
    "operator/sum_all": np.sum,
    "operator/max_rows": lambda x: np.max(x, axis=1),
    "operator/softmax": _softmax,
    "operator/layer_norm": _layer_norm,
    "operator/transpose_add": lambda x, y: x.T + y,
    "operator/concat": lambda x, y: np.concatenate((x, y), 1),
    "operator/matmul": np.matmul,
    "operator/attention": _attention,
    "subgraph/gelu_chain": _gelu_chain,
    "subgraph/softmax": _softmax,
    "subgraph/layer_norm": _layer_norm,
    "subgraph/rms_norm_residual": _rms_norm_residual,
    "subgraph/swiglu": lambda x, y: x * _sigmoid(x) * y,
    "subgraph/bias_gelu": lambda x, w, b: _gelu(x @ w + b),
    "subgraph/attention": _attention,
    "subgraph/cross_entropy": _cross_entropy,
    "subgraph/rotary": _rotary,
    "subgraph/adamw": _adamw,
    "model/transformer": _transformer,
}
"""By the name of the case."""
