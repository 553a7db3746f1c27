"""Questions about shapes that the fuser asks. Answers come from symbols alone: True means provably so for all sizes."""

from dvm_dialects.dims import Dim, broadcast

ONE = Dim.constant(1)

Shape = tuple[Dim, ...]


def equal(a: Shape, b: Shape) -> bool:
    """Whether the shapes are the same for all sizes."""
    return a == b


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
