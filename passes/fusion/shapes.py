"""Questions about shapes that the fuser asks. Answers come from symbols alone: True means provably so for all sizes."""

from itertools import accumulate

from dvm_dialects.dims import Dim, broadcast

ZERO = Dim.constant(0)
ONE = Dim.constant(1)

Shape = tuple[Dim, ...]


def equal(a: Shape, b: Shape) -> bool:
    """Whether the shapes are the same for all sizes."""
    return a == b


def equal_but_ones(a: Shape, b: Shape) -> bool:
    """Whether the shapes are the same for all sizes, apart from dims of 1 in front."""
    rank = max(len(a), len(b))
    return (ONE,) * (rank - len(a)) + a == (ONE,) * (rank - len(b)) + b


def broadcastable(a: Shape, b: Shape) -> bool:
    """Whether `a` broadcasts to exactly `b` for all sizes that bind admits."""
    if len(a) > len(b):
        return False
    return all(
        dim == target or broadcast(dim, target) == target for dim, target in zip(a, b[len(b) - len(a) :], strict=True)
    )


def evidently_broadcastable(a: Shape, b: Shape) -> bool:
    """Whether `a` broadcasts to `b` and it is known which dims are stretched."""
    return len(a) <= len(b) and all(dim in (target, ONE) for dim, target in zip(a, b[len(b) - len(a) :], strict=True))


def reduced(domain: Shape, dims: tuple[int, ...]) -> tuple[Shape, Shape]:
    """What reducing some dims of a domain leaves: with dims of 1 in their place, and without them."""
    kept = tuple(ONE if axis in dims else dim for axis, dim in enumerate(domain))
    return kept, tuple(dim for axis, dim in enumerate(domain) if axis not in dims)


Groups = list[tuple[Shape, Shape]]
"""Runs of dims of one shape, each with the run of dims of another shape that has as many elements."""


def groups(a: Shape, b: Shape) -> Groups | None:
    """The shortest runs of dims of two shapes that match; None unless the shapes provably have as many elements."""
    ends_of_b = {count: end for end, count in enumerate(_counts(b))}
    cuts = {count: (end, ends_of_b[count]) for end, count in enumerate(_counts(a)) if count in ends_of_b}
    found: Groups = []
    start_a = start_b = 0
    for end_a, end_b in cuts.values():
        if end_b < start_b:
            continue
        found.append((a[start_a:end_a], b[start_b:end_b]))
        start_a, start_b = end_a, end_b
    return found if (start_a, start_b) == (len(a), len(b)) else None


def _counts(shape: Shape) -> list[Dim]:
    """The element counts of the first 0, 1, 2, ... dims."""
    return list(accumulate(shape, Dim.__mul__, initial=ONE))


def regrouped(shape: Shape, groups: Groups) -> Shape | None:
    """The dims of a reshaped operand that broadcasts to the first shape of the groups, so that it does to the second.

    None where the operand has some dims of a group and stretches along others.
    """
    padded = (ONE,) * (sum(len(here) for here, _ in groups) - len(shape)) + shape
    dims: list[Dim] = []
    for here, there in groups:
        run, padded = padded[: len(here)], padded[len(here) :]
        if run == here:
            dims.extend(there)
        elif all(dim == ONE for dim in run):
            dims.extend([ONE] * len(there))
        else:
            return None
    return tuple(dims)
