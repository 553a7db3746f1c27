"""Kernels written with the builder interface: add, batch norm, attention, and a matrix product with what follows it.

Run it to see, for a few shapes each, how many kernels run and how far the results are from NumPy's in float64:

    python examples/kernels.py
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

import dvm

Array = npt.NDArray[Any]
Arrays = tuple[Array, ...]

EPSILON = 1e-5


@dvm.kernel(ktype="vector")
def add(k: Any, x: Array, y: Array) -> Any:
    """One kernel; the operands broadcast as in NumPy."""
    return k.store(k.add(k.load(x, dvm.float32), k.load(y, dvm.float32)))


@dvm.kernel(ktype="sequence")
def batch_norm(k: Any, x: Array, gamma: Array, beta: Array, count: float) -> Any:
    """Of images [batch, channels, height, width] in training: three stages of one launch.

    The mean and the variance of each channel pass from stage to stage as workspace; `count` is the elements of a channel.
    """
    images = k.load(x, dvm.float32)
    channels = (1, x.shape[1], 1, 1)
    mean = k.div(k.sum(images, (0, 2, 3), True), k.scalar(count))

    k.seq_add()
    centred = k.sub(images, mean)
    variance = k.div(k.sum(k.mul(centred, centred), (0, 2, 3), True), k.scalar(count))

    k.seq_add()
    scale = k.mul(k.reciprocal(k.sqrt(k.add(variance, EPSILON))), k.reshape(k.load(gamma, dvm.float32), channels))
    shift = k.reshape(k.load(beta, dvm.float32), channels)
    return k.store(k.add(k.mul(k.sub(images, mean), scale), shift))


@dvm.kernel
def attention(k: Any, q: Array, keys: Array, v: Array, scale: float) -> Any:
    """Of [batch, heads, length, width]: the fuser chooses the kernels, here both products and the softmax between them."""
    products = k.matmul(k.load(q, dvm.float32), k.load(keys, dvm.float32), trans_b=True)
    scores = k.mul(products, k.scalar(scale))
    exponential = k.exp(k.sub(scores, k.max(scores, (-1,), True)))
    weights = k.div(exponential, k.sum(exponential, (-1,), True))
    return k.store(k.matmul(weights, k.load(v, dvm.float32)))


@dvm.kernel(ktype="mix")
def linear(k: Any, x: Array, w: Array, bias: Array, residual: Array) -> Any:
    """relu(x @ w + bias) + residual in one kernel: what follows the product is done while a block of it is in cache."""
    product = k.matmul(k.load(x, dvm.float32), k.load(w, dvm.float32), bias=k.load(bias, dvm.float32))
    return k.store(k.add(k.maximum(product, 0.0), k.load(residual, dvm.float32)))


def numpy_batch_norm(x: Array, gamma: Array, beta: Array, count: float) -> Array:
    mean = x.mean((0, 2, 3), keepdims=True)
    variance = x.var((0, 2, 3), keepdims=True)
    return (x - mean) / np.sqrt(variance + EPSILON) * gamma[:, None, None] + beta[:, None, None]


def numpy_attention(q: Array, keys: Array, v: Array, scale: float) -> Array:
    weights = np.exp(np.einsum("bhqd,bhkd->bhqk", q, keys) * scale)
    return np.einsum("bhqk,bhkd->bhqd", weights / weights.sum(-1, keepdims=True), v)


def numpy_linear(x: Array, w: Array, bias: Array, residual: Array) -> Array:
    return np.maximum(x @ w + bias, 0) + residual


Case = tuple[dvm.Kernel, Callable[..., Array], tuple[Any, ...]]


def cases() -> Iterator[Case]:
    """Each kernel with what it has to agree with, and arguments of several shapes."""
    random = np.random.default_rng(0)

    def normal(*shape: int) -> Array:
        return random.standard_normal(shape).astype(np.float32)

    for shapes in [((1000, 64), (1000, 64)), ((7, 5), (5,)), ((3,), (2, 4, 1))]:
        yield add, np.add, tuple(normal(*shape) for shape in shapes)
    for batch, channels, height, width in [(4, 8, 16, 16), (1, 3, 5, 7)]:
        arrays = normal(batch, channels, height, width), normal(channels), normal(channels)
        yield batch_norm, numpy_batch_norm, (*arrays, float(batch * height * width))
    for queries, keys in [(16, 16), (1, 37)]:
        arrays = normal(2, 4, queries, 32), normal(2, 4, keys, 32), normal(2, 4, keys, 32)
        yield attention, numpy_attention, (*arrays, 32**-0.5)
    for rows in (64, 1, 129):
        yield linear, numpy_linear, (normal(rows, 48), normal(48, 96), normal(96), normal(rows, 96))


def difference(kernel: dvm.Kernel, reference: Callable[..., Array], arguments: tuple[Any, ...]) -> float:
    """The largest difference between a kernel and its reference in float64, beside the largest magnitude there."""
    wide = [value.astype(np.float64) if isinstance(value, np.ndarray) else value for value in arguments]
    expected = reference(*wide)
    found = kernel(*arguments)
    assert found.shape == expected.shape
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def main() -> None:
    for kernel, reference, arguments in cases():
        shapes = " ".join(str(list(value.shape)) for value in arguments if isinstance(value, np.ndarray))
        error = difference(kernel, reference, arguments)
        stats = kernel.program(*arguments).stats
        where = f"{stats['kernels']} kernels in {stats['stages']} stages"
        print(f"{kernel.__name__:10}  {where}  differs by {error:.0e}  {shapes}")


if __name__ == "__main__":
    main()
