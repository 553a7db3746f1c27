"""What a pattern says of two areas: what they become together, or why they stay apart.

Reasons are put into words only where somebody reads them (`dvm-fuse{explain=true}`).
"""

from dataclasses import dataclass

from passes.fusion.area_graph import AreaKind
from passes.fusion.shapes import Shape


class Reason:
    """A sentence with a `{}` for each of its shapes."""

    __slots__ = ("_shapes", "_text")

    def __init__(self, text: str, *shapes: Shape) -> None:
        self._text = text
        self._shapes = shapes

    def __str__(self) -> str:
        return self._text.format(*(f"[{', '.join(map(str, shape))}]" for shape in self._shapes))


class Refused(Reason):
    """Why a pattern that is for areas of these kinds leaves two of them apart."""


@dataclass(frozen=True)
class Merged:
    """What the area that two areas become is, and the fact that allows it."""

    kind: AreaKind
    domain: Shape
    because: Reason
    reduced: tuple[int, ...] = ()


Verdict = Merged | Refused | None
"""None where the pattern is not for areas of these kinds."""
