"""Where a record that is full is cut: in a loop that needs no values, at the same places of its body again and again.

Of an operation only the code position is looked at. A record is cut after the last operation that comes after the same
operations as an earlier cut did. So the parts of a loop that are computed become the same after a turn or two, whatever
came before it, and so do their programs. What does not repeat is cut where the record is full.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dvm.record import Node

CUTS_KNOWN = 16
"""The latest cuts, which are looked for again: a body of a loop may be as many records long."""


class Repetition:
    """What has been recorded since the last value was needed, as a text with a character for each operation."""

    __slots__ = ("_cuts", "_start", "_text")

    def __init__(self) -> None:
        self._text = ""
        self._cuts: list[str] = []
        """The texts before the latest cuts."""
        self._start = 0
        """Where in the text the record begins."""

    def cut(self, nodes: Sequence["Node"]) -> int:
        """How many of the nodes of a full record are to be computed now. It begins with the others the next time."""
        size = len(nodes)
        self._text += "".join(map(_character, nodes[len(self._text) - self._start :]))
        # a long way back tells apart the turns of a loop in a loop; but what follows a cut may differ at first, for
        # views of what was computed by it are not recorded
        end = self._after_known(size) or self._after_known(-(-size // 4)) or len(self._text)
        length = end - self._start
        self._cuts = [*self._cuts[1 - CUTS_KNOWN :], self._text[max(0, end - size) : end]]
        dropped = max(0, end - size)
        self._text = self._text[dropped:]
        self._start = end - dropped
        return length

    def forget(self) -> None:
        """Begin anew: a value was needed, and the record is empty."""
        if self._text:
            self._text, self._cuts, self._start = "", [], 0

    def _after_known(self, length: int) -> int:
        """The last place in the record that comes after as many operations as an earlier cut did; 0 if there is none."""
        found = 0
        for text in self._cuts:
            if len(text) >= length:
                at = self._text.rfind(text[-length:], max(0, self._start + 1 - length))
                found = max(found, at + length if at >= 0 else 0)
        return found


def _character(node: "Node") -> str:
    """For one operation at one code position always the same; for another, almost always, another.

    Where no code position is known, what the operation is has to do.
    """
    place = node.place
    known = (node.dtype, len(node.shape)) if place is None else (id(place[0]), place[1])
    return chr(hash((*known, node.primitive)) & 0xFFFF)
