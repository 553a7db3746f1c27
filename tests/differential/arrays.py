"""Input arrays for random graphs: what they hold (`Fill`) and how they lie in memory (`LAYOUTS`)."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from bounded import DTYPES
from draws import chance, weighted

from vm.isa import ElementType

Array: TypeAlias = npt.NDArray[Any]
Shape: TypeAlias = tuple[int, ...]
Numbers: TypeAlias = np.random.Generator

SPECIAL = (np.nan, np.inf, -np.inf, 0.0, 1e-40, -1e-40, 6e-8, 1e30, -1e30, 65504.0, 1.0, -2.5)
"""Floats at the edges; what a 16-bit type cannot hold becomes infinity or 0."""


@dataclass(frozen=True)
class Fill:
    """What the arrays of an input hold, whatever their shape; `low` and `high` bound integers, high excluded."""

    kind: str
    element: ElementType
    low: int = 0
    high: int = 0

    def make(self, shape: Shape, numbers: Numbers) -> Array:
        """An array of the shape, contiguous and in native byte order."""
        with np.errstate(over="ignore"):
            return np.asarray(_FILLS[self.kind](self, shape, numbers)).astype(DTYPES[self.element])


def _special(fill: Fill, shape: Shape, numbers: Numbers) -> Array:
    ordinary = numbers.integers(-8, 9, shape) / 4
    return np.where(numbers.random(shape) < 0.4, numbers.choice(SPECIAL, shape), ordinary)


def _wide(fill: Fill, shape: Shape, numbers: Numbers) -> Array:
    limits = np.iinfo(DTYPES[fill.element])
    edges = numbers.choice(np.array([limits.min, limits.max, -1, 0, 1]), shape)
    wide = numbers.integers(limits.min, limits.max, shape, dtype=np.int64, endpoint=True)
    return np.where(numbers.random(shape) < 0.3, edges, wide)


_FILLS: dict[str, Callable[[Fill, Shape, Numbers], Any]] = {
    # floats: the first three are exact in every type, and so are short sums of them
    "quarters": lambda fill, shape, numbers: numbers.integers(-16, 17, shape) / 4,
    "small": lambda fill, shape, numbers: numbers.integers(-3, 4, shape).astype(np.float64),
    "positive": lambda fill, shape, numbers: numbers.integers(1, 33, shape) / 8,
    "normal": lambda fill, shape, numbers: numbers.standard_normal(shape),
    "close": lambda fill, shape, numbers: 1 + numbers.standard_normal(shape) / 8,
    "special": _special,
    # integers
    "range": lambda fill, shape, numbers: numbers.integers(fill.low, fill.high, shape),
    "wide": _wide,
    "ends": lambda fill, shape, numbers: np.sort(numbers.integers(fill.low, fill.high, shape)),
    "truth": lambda fill, shape, numbers: numbers.random(shape) < 0.5,
}


def random_fill(random: Random, element: ElementType) -> Fill:
    """A fill for an input that may hold anything."""
    if element is ElementType.I1:
        return Fill("truth", element)
    if element.is_float:
        kinds = ("quarters", "normal", "small", "positive", "close", "special")
        return Fill(weighted(random, kinds, (30, 25, 15, 15, 10, 3)), element)
    if chance(random, 0.1):
        return Fill("wide", element)
    low, high = random.choice(((-4, 5), (0, 4), (1, 6)))
    return Fill("range", element, low, high)


# --- layouts ---


def _strided(array: Array) -> Array:
    """Every second element of a larger array along the last dim."""
    if not array.ndim:
        return array
    larger = np.zeros((*array.shape[:-1], 2 * array.shape[-1] + 1), array.dtype)
    larger[..., 1::2] = array
    return larger[..., 1::2]


def _cropped(array: Array) -> Array:
    """The middle of an array that is larger in every dim, so that no dim follows the next without a gap."""
    larger = np.zeros(tuple(size + 2 for size in array.shape), array.dtype)
    inside = tuple(slice(1, 1 + size) for size in array.shape)
    larger[inside] = array
    return larger[inside]


def _broadcast(array: Array) -> Array:
    """A dim of stride 0, which changes what the array holds: its first slice along the dim, repeated."""
    for axis in range(array.ndim):
        if array.shape[axis] > 1:
            return np.broadcast_to(np.take(array, [0], axis), array.shape)
    return array


def _read_only(array: Array) -> Array:
    copy = array.copy()
    copy.flags.writeable = False
    return copy


def _unaligned(array: Array) -> Array:
    """Elements that start at odd addresses."""
    memory = np.zeros(array.nbytes + 1, np.uint8)
    view = memory[1:].view(array.dtype).reshape(array.shape)
    view[...] = array
    return view


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "contiguous": lambda array: array,
    "strided": _strided,
    "cropped": _cropped,
    "transposed": lambda array: array.copy("F"),
    "reversed": lambda array: np.asarray(np.flip(np.flip(array).copy())),
    "broadcast": _broadcast,
    "read-only": _read_only,
    "unaligned": _unaligned,
    # types without byte orders stay as they are
    "byte-swapped": lambda array: array.astype(array.dtype.newbyteorder("S")) if array.dtype.kind in "fi" else array,
}
"""The same elements (but for "broadcast") in other places; each takes a contiguous array."""
