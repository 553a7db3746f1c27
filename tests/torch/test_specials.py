"""Values at the edges: no numbers, infinities, zeros of both signs, numbers that overflow. Results and gradients are what PyTorch gives."""

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install '.[torch]'")

from tests.torch.ways import both, compiled, lazily  # noqa: E402

functional = torch.nn.functional

NAN, INFINITY = float("nan"), float("inf")
VALUES = (NAN, INFINITY, -INFINITY, 0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -2.0, 3.5, 1e4, -1e4)

UNARY: dict[str, Callable[[Any], Any]] = {
    name: getattr(torch, name)
    for name in (
        "abs", "ceil", "cos", "erf", "exp", "expm1", "floor", "frac", "isfinite", "isinf", "isnan", "log", "log1p", "log2",
        "neg", "reciprocal", "relu", "round", "rsqrt", "sigmoid", "sign", "signbit", "sin", "sqrt", "square", "tanh", "trunc",
        "nan_to_num", "sgn",
    )
}  # fmt: skip
UNARY |= {
    name: getattr(functional, name)
    for name in ("silu", "softplus", "hardtanh", "hardsigmoid", "hardswish", "leaky_relu", "elu", "selu", "relu6", "softsign", "tanhshrink")
}  # fmt: skip
UNARY |= {
    "clamp": lambda x: x.clamp(-1.0, 1.5),
    "threshold": lambda x: functional.threshold(x, 0.25, 7.0),
    "pow 0.5": lambda x: x**0.5,
    "pow -0.5": lambda x: x**-0.5,
    "pow 0": lambda x: x**0,
    "pow -1": lambda x: x**-1,
    "pow 3": lambda x: x**3,
    "pow 1.5": lambda x: x**1.5,
    "of a power": lambda x: 2.0**x,
    "softmax": lambda x: x[:, None].expand(-1, 2).softmax(-1),
    "greatest": lambda x: torch.stack([x, x.flip(0)]).amax(0),
    "least": lambda x: torch.stack([x, x.flip(0)]).min(0).values,
}

BINARY: dict[str, Callable[[Any, Any], Any]] = {
    name: getattr(torch, name)
    for name in (
        "add", "sub", "mul", "div", "maximum", "minimum", "pow", "eq", "ne", "lt", "le", "gt", "ge", "fmod", "remainder",
        "floor_divide", "logical_and", "copysign", "fmax", "fmin",
    )
}  # fmt: skip
BINARY |= {
    "lerp": lambda x, y: torch.lerp(x, y, 0.25),
    "lerp to the end": lambda x, y: torch.lerp(x, y, 1.0),
    "lerp by a tensor": lambda x, y: torch.lerp(x, y, torch.tensor(0.75)),
    "where": lambda x, y: torch.where(x > y, x, y),
    "masked_fill": lambda x, y: x.masked_fill(y > 0, -INFINITY),
    "addcdiv": lambda x, y: torch.addcdiv(x, x, y, value=0.5),
    "addcmul": lambda x, y: torch.addcmul(x, x, y, value=0.5),
    "clamp": lambda x, y: torch.clamp(x, min=y),
}

KINDS = (torch.float32, torch.float16, torch.bfloat16)


def check(found: Any, expected: Any, what: Any) -> None:
    assert found.dtype is expected.dtype
    tolerance = 4 * torch.finfo(expected.dtype).eps if expected.is_floating_point() else 0.0
    torch.testing.assert_close(
        found, expected, rtol=tolerance, atol=tolerance, equal_nan=True, msg=lambda text: f"{text}\n{what}"
    )


@both
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_unary(way: Any, kind: Any) -> None:
    x = torch.tensor(VALUES, dtype=kind)
    with torch.no_grad():
        expected = [function(x) for function in UNARY.values()]
        found = way(lambda x: [function(x) for function in UNARY.values()])(x)
    for name, one, other in zip(UNARY, found, expected, strict=True):
        check(one, other, name)


@both
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_binary(way: Any, kind: Any) -> None:
    x = torch.tensor(VALUES, dtype=kind)
    x, y = (one.contiguous() for one in torch.broadcast_tensors(x[:, None], x))
    with torch.no_grad():
        expected = [function(x, y) for function in BINARY.values()]
        found = way(lambda x, y: [function(x, y) for function in BINARY.values()])(x, y)
    for name, one, other in zip(BINARY, found, expected, strict=True):
        check(one, other, name)


DIFFERENTIABLE = sorted(
    set(UNARY) - {"isfinite", "isinf", "isnan", "signbit", "greatest", "least"}
)  # an extreme among equal ones is not differentiable


@both
@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_gradients(way: Any, name: str) -> None:
    def gradient(x: Any, weight: Any) -> Any:
        (found,) = torch.autograd.grad((function(x * 1) * weight).sum(), x)
        return found

    function = UNARY[name]
    x = torch.tensor(VALUES, requires_grad=True)
    weight = torch.linspace(0.5, 2.0, 2 * len(VALUES)).reshape(function(x).shape if name == "softmax" else (2, -1))
    expected = gradient(x, weight)
    if way is lazily:
        found = lazily(gradient)(x, weight)
    else:
        y = torch.tensor(VALUES, requires_grad=True)
        (found,) = torch.autograd.grad((compiled(lambda x: function(x * 1))(y) * weight).sum(), y)
    check(found, expected, name)
