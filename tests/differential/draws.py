"""Random decisions made from whole numbers only, which hypothesis draws evenly and shrinks towards 0."""

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")

_PARTS = 1000


def chance(random: Random, probability: float) -> bool:
    """True with a probability, to the thousandth; shrinks to False."""
    return random.randrange(_PARTS) >= _PARTS - round(probability * _PARTS)


def weighted(random: Random, items: Sequence[T], weights: Sequence[float]) -> T:
    """One of the items, by their weights, to the tenth; shrinks to the first."""
    drawn = random.randrange(round(10 * sum(weights)))
    for item, weight in zip(items, weights, strict=True):
        drawn -= round(10 * weight)
        if drawn < 0:
            return item
    raise AssertionError("weights are multiples of a tenth")
