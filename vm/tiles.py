"""The tile functions of the NumPy engine: what each opcode does to whole tiles, as NumPy calls that write into `out`.

Elementwise functions take (sources..., out). `out` may share its memory with a source: NumPy's ufuncs cope with that,
`convert` only where the elements do not grow. Floating-point warnings are the engine's to silence.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

from vm.blas import BLAS
from vm.isa import ElementType, ReduceKind

Tile = npt.NDArray[Any]
TileFunction = Callable[..., Any]

DTYPES: dict[ElementType, np.dtype[Any]] = {
    ElementType.I1: np.dtype(np.bool_),
    ElementType.F16: np.dtype(np.float16),
    ElementType.BF16: np.dtype(ml_dtypes.bfloat16),
    ElementType.F32: np.dtype(np.float32),
    ElementType.I32: np.dtype(np.int32),
    ElementType.I64: np.dtype(np.int64),
}


def convert(source: Tile, out: Tile) -> None:
    """Copy with conversion; floats round to nearest even, truth is "not zero", and shapes broadcast."""
    np.copyto(out, source, casting="unsafe")


def widen(source: Tile, out: Tile) -> None:
    """`convert` to larger elements in the same slot: NumPy copies arrays of one dim without looking for overlap."""
    np.copyto(out, source.copy(), casting="unsafe")


@cache
def rounding_cast(memory_type: np.dtype[Any]) -> TileFunction:
    """A cast to a 16-bit float whose result is kept as f32."""

    def cast(source: Tile, out: Tile) -> None:
        np.copyto(out, source.astype(memory_type), casting="unsafe")

    return cast


def isfinite(source: Tile, out: Tile) -> None:
    """Neither infinite nor NaN.

    NumPy 2.4 writes wrong values where 16 or more results do not lie side by side (on CPUs with AVX-512).
    """
    if source.flags.c_contiguous and out.flags.c_contiguous:
        np.isfinite(source, out)
    else:
        np.copyto(out, np.isfinite(source))


def rsqrt(source: Tile, out: Tile) -> None:
    np.sqrt(source, out)
    np.reciprocal(out, out)


def sigmoid(source: Tile, out: Tile) -> None:
    np.negative(source, out)
    np.exp(out, out)
    np.add(out, np.float32(1), out)
    np.reciprocal(out, out)


# A rational minimax approximation of erf on [-4, 4] (erf is +-1 in f32 beyond 3.92), x * P(x^2) / Q(x^2): the
# coefficients of Eigen's `generic_fast_erf`, highest power first. The error against erf is below 8 units in the last
# place from 2**-122 on (tests/unit/test_tiles.py measures it).
_ERF_P = (-2.72614225801306e-10, 2.77068142495902e-08, -2.10102402082508e-06, -5.69250639462346e-05,
          -7.34990630326855e-04, -2.95459980854025e-03, -1.60960333262415e-02)  # fmt: skip
_ERF_Q = (-1.45660718464996e-05, -2.13374055278905e-04, -1.68282697438203e-03, -7.37332916720468e-03,
          -1.42647390514189e-02)  # fmt: skip


def erf(source: Tile, out: Tile) -> None:
    x = np.clip(source, np.float32(-4), np.float32(4))
    square = np.square(x)
    denominator = _polynomial(_ERF_Q, square, np.empty_like(square))
    np.multiply(_polynomial(_ERF_P, square, out), x, out)
    np.divide(out, denominator, out)
    np.clip(out, np.float32(-1), np.float32(1), out)


def _polynomial(coefficients: tuple[float, ...], x: Tile, out: Tile) -> Tile:
    """Horner's rule in f32."""
    np.multiply(x, np.float32(coefficients[0]), out)
    for coefficient in coefficients[1:-1]:
        np.add(out, np.float32(coefficient), out)
        np.multiply(out, x, out)
    return np.add(out, np.float32(coefficients[-1]), out)


def cube_power(source: Tile, out: Tile) -> None:
    np.multiply(np.square(source), source, out)


def root(source: Tile, out: Tile) -> None:
    """source ** 0.5, which unlike its square root is infinite for -inf, and 0 for -0."""
    infinite = np.equal(source, -np.inf)
    np.sqrt(source, out)
    np.add(out, 0, out)
    np.copyto(out, np.inf, where=infinite)


def power(base: Tile, exponent: Tile, out: Tile) -> None:
    """base ** exponent, as C's pow, for floats.

    NumPy takes the square root where it finds one exponent of 0.5 for many elements, so each gets one of its own.
    """
    if exponent.shape != out.shape or 0 in exponent.strides:
        exponent = np.array(np.broadcast_to(exponent, out.shape), order="C")
    if not out.ndim:
        base, exponent, out = base.reshape(1), exponent.reshape(1), out.reshape(1)
    np.power(base, exponent, out)


def integer_power(base: Tile, exponent: Tile, out: Tile) -> None:
    """base ** exponent, wrapping; a negative exponent gives 1 / base ** -exponent truncated (0 where base is 0)."""
    negative = np.less(exponent, 0)
    if not negative.any():
        np.power(base, exponent, out)
        return
    odd = np.bitwise_and(exponent, 1) != 0
    unit = np.where(base == 1, 1, np.where(base == -1, np.where(odd, -1, 1), 0))
    np.copyto(out, np.where(negative, unit, np.power(base, np.maximum(exponent, 0))), casting="unsafe")


def maximum(left: Tile, right: Tile, out: Tile) -> None:
    np.maximum(left, right, out=out)


def minimum(left: Tile, right: Tile, out: Tile) -> None:
    np.minimum(left, right, out=out)


def select(condition: Tile, then: Tile, otherwise: Tile, out: Tile) -> None:
    """out := then if condition else otherwise

    `np.where` branches on each element, some 3 ns where the CPU cannot predict them. Large tiles are selected by their bits:
    otherwise ^ ((then ^ otherwise) & -condition), whatever the condition is. A truth value of the caller's may be any byte but 0.
    """
    if out.size < SELECTED_BY_BITS:
        np.copyto(out, np.where(condition, then, otherwise))
        return
    bits = _BITS[out.itemsize]
    other = otherwise.view(bits)
    ones = np.not_equal(condition.view(np.int8), 0).view(np.int8)
    mask = np.negative(ones, ones).astype(bits)
    chosen = np.bitwise_xor(then.view(bits), other)
    chosen = np.bitwise_and(chosen, mask, chosen if chosen.shape == out.shape else None)
    np.bitwise_xor(chosen, other, out.view(bits))


UNARY: dict[str, TileFunction] = {
    "copy": convert,
    "sqrt": np.sqrt,
    "abs": np.absolute,
    "log": np.log,
    "exp": np.exp,
    "recip": np.reciprocal,
    "isfin": isfinite,
    "not": np.logical_not,
    "round": np.rint,
    "floor": np.floor,
    "ceil": np.ceil,
    "trunc": np.trunc,
    "neg": np.negative,
    "rsqrt": rsqrt,
    "tanh": np.tanh,
    "erf": erf,
    "sigm": sigmoid,
    "sin": np.sin,
    "cos": np.cos,
}

BINARY: dict[str, TileFunction] = {
    "eq": np.equal,
    "ne": np.not_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "lt": np.less,
    "le": np.less_equal,
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.true_divide,
    "pow": power,
    "max": maximum,
    "min": minimum,
    "and": np.logical_and,
    "or": np.logical_or,
}

POWERS: dict[float, TileFunction] = {-1.0: np.reciprocal, 0.5: root, 1.0: convert, 2.0: np.square, 3.0: cube_power}
"""Float powers with a constant exponent that are cheaper than `np.power`, which takes 9 ns an element."""

REDUCTIONS: dict[str, np.ufunc] = {
    "rsum": np.add,
    "rmax": np.maximum,
    "rmin": np.minimum,
    "rprod": np.multiply,
}


def identity(kind: ReduceKind, dtype: np.dtype[Any]) -> float | int:
    """The value that a reduction over nothing has: 0, 1, and the least or greatest of the type."""
    if kind is ReduceKind.SUM:
        return 0
    if kind is ReduceKind.PROD:
        return 1
    if dtype.kind == "f":
        return -np.inf if kind is ReduceKind.MAX else np.inf
    limits = np.iinfo(dtype)
    return int(limits.min if kind is ReduceKind.MAX else limits.max)


def reduce_first(ufunc: np.ufunc, axes: tuple[int, ...], source: Tile, accumulator: Tile) -> None:
    """accumulator := source reduced over `axes`, in the accumulator's own type so that integers wrap."""
    ufunc.reduce(source, axes, accumulator.dtype, accumulator, keepdims=True)


def reduce_next(ufunc: np.ufunc, axes: tuple[int, ...], source: Tile, accumulator: Tile) -> None:
    """accumulator := accumulator combined with source reduced over `axes`."""
    ufunc(accumulator, ufunc.reduce(source, axes, accumulator.dtype, keepdims=True), out=accumulator)


def reduce_repeated_first(
    ufunc: np.ufunc, axes: tuple[int, ...], source: Tile, extents: tuple[int, ...], accumulator: Tile
) -> None:
    """`reduce_first` of a source that is repeated along `axes` where it has less than `extents`."""
    reduce_first(ufunc, axes, _repeated(source, axes, extents), accumulator)


def reduce_repeated_next(
    ufunc: np.ufunc, axes: tuple[int, ...], source: Tile, extents: tuple[int, ...], accumulator: Tile
) -> None:
    """`reduce_next` of a source that is repeated along `axes` where it has less than `extents`."""
    reduce_next(ufunc, axes, _repeated(source, axes, extents), accumulator)


def _repeated(source: Tile, axes: tuple[int, ...], extents: tuple[int, ...]) -> Tile:
    shape = [extents[axis] if axis in axes else size for axis, size in enumerate(source.shape)]
    return np.broadcast_to(source, shape)


SELECTED_BY_BITS = 1 << 13
"""Elements of a tile from which `select` works on bits."""

_BITS = {1: np.int8, 2: np.int16, 4: np.int32, 8: np.int64}

FEW_ROWS = range(2, 65)
"""Rows of a product with a transposed right factor for which OpenBLAS is faster the other way round, where it has small kernels."""

COPIED_ROWS = 8
"""Rows up to which the left factor is copied for that, so that OpenBLAS takes its kernels for small matrices: 2 rows of 256 times a
matrix of 1024x256 transposed take 150 us as they are, 57 turned, and 23 turned and copied.
"""

SINGLE_ROWS = range(2, 4)
"""Rows of a product that OpenBLAS multiplies faster one by one, each without packing the matrix, where it has no small kernels:
2 rows of 256 times a matrix of 1024x256, transposed or not, take 90 to 120 us together and 45 to 60 one by one.
"""

LARGE_FACTOR = 1 << 14
"""Elements of the right factor from which either is worth it."""

HAS_SMALL_KERNELS = BLAS is None or BLAS.core not in ("Haswell", "Zen")
"""Whether products of few rows take NumPy's OpenBLAS a time that goes with their multiplications: it has kernels for small matrices
for CPUs with AVX-512, and none for those with AVX2 only.
"""


def matmul(left: Tile, right: Tile, out: Tile) -> None:
    """out := left @ right

    Where few rows meet a transposed matrix (the weights of a layer), (right^T @ left^T)^T takes OpenBLAS 0.6 of the time of
    left @ right, which packs the matrix against its grain; where it has no small kernels, two or three rows take 0.5 one by one.
    """
    rows = left.shape[-2]
    if rows not in FEW_ROWS or right.size < LARGE_FACTOR:
        np.matmul(left, right, out)
    elif not HAS_SMALL_KERNELS:
        if rows in SINGLE_ROWS:
            np.matmul(left[..., None, :], right[..., None, :, :], out[..., None, :])
        else:
            np.matmul(left, right, out)
    elif right.strides[-2] < right.strides[-1]:
        columns = left.swapaxes(-1, -2)
        if rows <= COPIED_ROWS:
            columns = np.ascontiguousarray(columns)
        turned = np.matmul(right.swapaxes(-1, -2), columns)
        np.copyto(out, turned.swapaxes(-1, -2))
    else:
        np.matmul(left, right, out)


def matmul_next(left: Tile, right: Tile, accumulator: Tile) -> None:
    """accumulator += left @ right"""
    np.add(accumulator, np.matmul(left, right), accumulator)
