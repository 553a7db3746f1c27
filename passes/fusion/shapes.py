"""Questions about shapes that the fuser asks. Answers come from symbols alone: True means provably so for all sizes."""

from dvm_dialects.dims import Dim, broadcast

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
