"""The cases in MindSpore. It compiles the source of functions, so each is a `def` in a file."""

# pyright: basic, reportMissingImports=false
# It is in an environment of its own and has no types.

from typing import Any

from mindspore import ops

HEADS = 4
"""Of the transformer."""


def _add(x, y):
    return x + y


def _mul(x, y):
    return x * y


def _maximum(x, y):
    return ops.maximum(x, y)


def _where(x, y):
    return ops.where(x > y, x, y)


def _exp(x):
    return ops.exp(x)


def _tanh(x):
    return ops.tanh(x)


def _sigmoid(x):
    return ops.sigmoid(x)


def _gelu(x):
    return ops.gelu(x)


def _sum_rows(x):
    return ops.sum(x, 1)


def _sum_columns(x):
    return ops.sum(x, 0)


def _sum_all(x):
    return ops.sum(x)


def _max_rows(x):
    return ops.amax(x, 1)


def _softmax(x):
    return ops.softmax(x, axis=-1)


_layer_norm_of_rows = ops.LayerNorm(begin_norm_axis=-1, begin_params_axis=-1, epsilon=1e-5)


def _layer_norm(x, gamma, beta):
    return _layer_norm_of_rows(x, gamma, beta)[0]


def _transpose_add(x, y):
    return ops.transpose(x, (1, 0)) + y


def _concat(x, y):
    return ops.cat((x, y), 1)


def _matmul(x, w):
    return ops.matmul(x, w)


def _gelu_chain(x, y, z):
    t = x * y + z
    gelu = (0.5 * t) * (ops.tanh(0.7978845608 * (t + 0.044715 * t * t * t)) + 1.0)
    return (gelu + x) * 0.70710678


def _written_softmax(x):
    e = ops.exp(x - ops.amax(x, -1, True))
    return e / ops.sum(e, -1, True)


def _written_layer_norm(x, gamma, beta):
    centred = x - ops.mean(x, -1, True)
    variance = ops.mean(centred * centred, -1, True)
    return centred / ops.sqrt(variance + 1e-5) * gamma + beta


def _rms_norm_residual(x, residual, gamma):
    s = x + residual
    return s, s * ops.rsqrt(ops.mean(s * s, -1, True) + 1e-6) * gamma


def _swiglu(x, y):
    return ops.silu(x) * y


def _bias_gelu(x, w, b):
    return ops.gelu(ops.matmul(x, w) + b)


def _attention(q, k, v, mask):
    return ops.matmul(ops.softmax(ops.matmul(q, ops.swapaxes(k, -1, -2)) * 0.125 + mask, -1), v)


def _cross_entropy(x, target):
    return ops.cross_entropy(x, target)


def _rotary(x, cosine, sine):
    one, two = ops.chunk(x, 2, -1)
    return x * cosine + ops.cat((-two, one), -1) * sine


def _adamw(parameter, gradient, mean, variance):
    mean = mean * 0.9 + gradient * 0.1
    variance = variance * 0.999 + gradient * gradient * 0.001
    return parameter * 0.99999 - 0.01 * mean / (ops.sqrt(variance * 10.0) + 1e-8), mean, variance


def _block(x, g1, b1, qkv, qkv_bias, out, out_bias, g2, b2, up, up_bias, down, down_bias):
    batch, length, width = x.shape
    parts = ops.matmul(_layer_norm_of_rows(x, g1, b1)[0], qkv) + qkv_bias
    parts = ops.transpose(ops.reshape(parts, (batch, length, 3, HEADS, width // HEADS)), (2, 0, 3, 1, 4))
    q, k, v = parts[0], parts[1], parts[2]
    weights = ops.softmax(ops.matmul(q, ops.swapaxes(k, -1, -2)) * (width // HEADS) ** -0.5, -1)
    found = ops.reshape(ops.transpose(ops.matmul(weights, v), (0, 2, 1, 3)), (batch, length, width))
    x = x + ops.matmul(found, out) + out_bias
    t = ops.matmul(_layer_norm_of_rows(x, g2, b2)[0], up) + up_bias
    return x + ops.matmul(ops.gelu(t, approximate="tanh"), down) + down_bias


def _transformer(x, *weights):
    for first in range(0, len(weights), 12):
        x = _block(x, *weights[first : first + 12])
    return x


FUNCTIONS: dict[str, Any] = {
    "operator/add": _add,
    "operator/add_row": _add,
    "operator/mul": _mul,
    "operator/maximum": _maximum,
    "operator/where": _where,
    "operator/exp": _exp,
    "operator/tanh": _tanh,
    "operator/sigmoid": _sigmoid,
    "operator/gelu": _gelu,
    "operator/sum_rows": _sum_rows,
    "operator/sum_columns": _sum_columns,
    "operator/sum_all": _sum_all,
    "operator/max_rows": _max_rows,
    "operator/softmax": _softmax,
    "operator/layer_norm": _layer_norm,
    "operator/transpose_add": _transpose_add,
    "operator/concat": _concat,
    "operator/matmul": _matmul,
    "subgraph/gelu_chain": _gelu_chain,
    "subgraph/softmax": _written_softmax,
    "subgraph/layer_norm": _written_layer_norm,
    "subgraph/rms_norm_residual": _rms_norm_residual,
    "subgraph/swiglu": _swiglu,
    "subgraph/bias_gelu": _bias_gelu,
    "subgraph/attention": _attention,
    "subgraph/cross_entropy": _cross_entropy,
    "subgraph/rotary": _rotary,
    "subgraph/adamw": _adamw,
    "model/transformer": _transformer,
}
"""By the name of the case."""
