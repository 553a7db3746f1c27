"""Functions of neural networks, in the form that the compiler knows best."""

from typing import Any

from dvm.functions.dispatch import normalised_axis, tensor
from dvm.functions.elementwise import add, exp, log, maximum, multiply, sigmoid, subtract
from dvm.functions.reductions import max, sum
from dvm.tensor import Tensor, apply


def softmax(x: Any, axis: int = -1) -> Tensor:
    """exp(x - max) / sum of that, along a dim."""
    value = tensor(x)
    return apply("softmax", (value,), normalised_axis(axis, value.ndim))


def log_softmax(x: Any, axis: int = -1) -> Tensor:
    """The logarithm of `softmax`, which does not overflow."""
    value = tensor(x)
    shifted = subtract(value, max(value, axis, keepdims=True))
    return subtract(shifted, log(sum(exp(shifted), axis, keepdims=True)))


def layer_norm(x: Any, gamma: Any = None, beta: Any = None, *, axis: int = -1, epsilon: float = 1e-5) -> Tensor:
    """(x - mean) / sqrt(variance + epsilon) over the dims from `axis` on, times gamma, plus beta."""
    if gamma is None and beta is not None:
        return add(_norm("layer_norm", x, (), axis, epsilon), beta)
    return _norm("layer_norm", x, (gamma, beta), axis, epsilon)


def rms_norm(x: Any, gamma: Any = None, *, axis: int = -1, epsilon: float = 1e-5) -> Tensor:
    """x / sqrt(mean of x**2 + epsilon) over the dims from `axis` on, times gamma."""
    return _norm("rms_norm", x, (gamma,), axis, epsilon)


def _norm(name: str, x: Any, parameters: tuple[Any, ...], axis: int, epsilon: float) -> Tensor:
    value = tensor(x)
    given = [tensor(parameter) for parameter in parameters if parameter is not None]
    return apply(name, (value, *given), normalised_axis(axis, value.ndim), epsilon)


def gelu(x: Any, approximate: str = "none") -> Tensor:
    """x/2 * (1 + erf(x/sqrt(2))), or with "tanh" its approximation by that."""
    return apply("gelu", (tensor(x),), approximate)


def silu(x: Any) -> Tensor:
    """x * sigmoid(x)."""
    value = tensor(x)
    return multiply(value, sigmoid(value))


def relu(x: Any) -> Tensor:
    """The greater of x and 0."""
    return maximum(x, 0)
