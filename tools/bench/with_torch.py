"""The cases in PyTorch, as one writes them there."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as nnf

HEADS = 4
"""Of the transformer."""


def _add(x: Tensor, y: Tensor) -> Tensor:
    return x + y


def _mul(x: Tensor, y: Tensor) -> Tensor:
    return x * y


def _maximum(x: Tensor, y: Tensor) -> Tensor:
    return torch.maximum(x, y)


def _where(x: Tensor, y: Tensor) -> Tensor:
    return torch.where(x > y, x, y)


def _exp(x: Tensor) -> Tensor:
    return torch.exp(x)


def _tanh(x: Tensor) -> Tensor:
    return torch.tanh(x)


def _sigmoid(x: Tensor) -> Tensor:
    return torch.sigmoid(x)


def _gelu(x: Tensor) -> Tensor:
    return nnf.gelu(x)


def _sum_rows(x: Tensor) -> Tensor:
    return x.sum(1)


def _sum_columns(x: Tensor) -> Tensor:
    return x.sum(0)


def _sum_all(x: Tensor) -> Tensor:
    return x.sum()


def _max_rows(x: Tensor) -> Tensor:
    return x.amax(1)


def _softmax(x: Tensor) -> Tensor:
    return x.softmax(-1)


def _layer_norm(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    return nnf.layer_norm(x, gamma.shape, gamma, beta)


def _transpose_add(x: Tensor, y: Tensor) -> Tensor:
    return x.t() + y


def _concat(x: Tensor, y: Tensor) -> Tensor:
    return torch.cat((x, y), 1)


def _matmul(x: Tensor, w: Tensor) -> Tensor:
    return x @ w


def _attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    return nnf.scaled_dot_product_attention(q[None], k[None], v[None], attn_mask=mask)[0]


def _gelu_chain(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    t = x * y + z
    gelu = (0.5 * t) * (torch.tanh(0.7978845608 * (t + 0.044715 * t * t * t)) + 1.0)
    return (gelu + x) * 0.70710678


def _written_softmax(x: Tensor) -> Tensor:
    e = torch.exp(x - x.amax(-1, keepdim=True))
    return e / e.sum(-1, keepdim=True)


def _written_layer_norm(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    centred = x - x.mean(-1, keepdim=True)
    variance = (centred * centred).mean(-1, keepdim=True)
    return centred / torch.sqrt(variance + 1e-5) * gamma + beta


def _rms_norm_residual(x: Tensor, residual: Tensor, gamma: Tensor) -> tuple[Tensor, Tensor]:
    s = x + residual
    return s, s * torch.rsqrt((s * s).mean(-1, keepdim=True) + 1e-6) * gamma


def _swiglu(x: Tensor, y: Tensor) -> Tensor:
    return nnf.silu(x) * y


def _bias_gelu(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return nnf.gelu(x @ w + b)


def _written_attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    return (q @ k.transpose(-1, -2) * 0.125 + mask).softmax(-1) @ v


def _cross_entropy(x: Tensor, target: Tensor) -> Tensor:
    return nnf.cross_entropy(x, target)


def _rotary(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    one, two = x.chunk(2, -1)
    return x * cosine + torch.cat((-two, one), -1) * sine


def _adamw(parameter: Tensor, gradient: Tensor, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    mean = mean * 0.9 + gradient * 0.1
    variance = variance * 0.999 + gradient * gradient * 0.001
    return parameter * 0.99999 - 0.01 * mean / (torch.sqrt(variance * 10.0) + 1e-8), mean, variance


FUNCTIONS: dict[str, Callable[..., Any]] = {
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
    "operator/attention": _attention,
    "subgraph/gelu_chain": _gelu_chain,
    "subgraph/softmax": _written_softmax,
    "subgraph/layer_norm": _written_layer_norm,
    "subgraph/rms_norm_residual": _rms_norm_residual,
    "subgraph/swiglu": _swiglu,
    "subgraph/bias_gelu": _bias_gelu,
    "subgraph/attention": _written_attention,
    "subgraph/cross_entropy": _cross_entropy,
    "subgraph/rotary": _rotary,
    "subgraph/adamw": _adamw,
}
"""By the name of the case. Functions of Python, because `torch.compile` leaves those of C alone."""


class _Block(nn.Module):
    """Attention and two products with a gelu between, each normalised before. [B, L, W]."""

    def __init__(self, weights: Sequence[Tensor]) -> None:
        super().__init__()
        g1, b1, qkv, qkv_bias, out, out_bias, g2, b2, up, up_bias, down, down_bias = weights
        self.attention_norm, self.norm = _norm(g1, b1), _norm(g2, b2)
        self.qkv, self.out = _linear(qkv, qkv_bias), _linear(out, out_bias)
        self.up, self.down = _linear(up, up_bias), _linear(down, down_bias)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        qkv = self.qkv(self.attention_norm(x)).view(batch, length, 3, HEADS, width // HEADS)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        found = (q @ k.transpose(-1, -2) * (width // HEADS) ** -0.5).softmax(-1) @ v
        x = x + self.out(found.transpose(1, 2).reshape(batch, length, width))
        return x + self.down(nnf.gelu(self.up(self.norm(x)), approximate="tanh"))


def _norm(gamma: Tensor, beta: Tensor) -> nn.LayerNorm:
    norm = nn.LayerNorm(len(gamma))
    norm.weight.data, norm.bias.data = gamma, beta
    return norm


def _linear(weights: Tensor, bias: Tensor) -> nn.Linear:
    inner, outer = weights.shape
    linear = nn.Linear(inner, outer)
    linear.weight.data, linear.bias.data = weights.t().contiguous(), bias
    return linear


def _transformer(weights: Sequence[Tensor]) -> nn.Module:
    return nn.Sequential(*(_Block(weights[first : first + 12]) for first in range(0, len(weights), 12))).eval()


MODULES: dict[str, Callable[[Sequence[Tensor]], nn.Module]] = {"model/transformer": _transformer}
"""What makes a module of the weights, by the name of the case."""
