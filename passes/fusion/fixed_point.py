"""Merges areas, one pattern after the other, until no pattern applies anywhere.

An `Observer` is told what is merged. Of areas that are still neighbours afterwards each pattern says why (`judge`); where
one would merge them all the same, the graph has refused: what lies between them would make a cycle.
"""

from collections.abc import Iterable
from typing import Protocol

from xdsl.ir import Operation

from passes.fusion.area_graph import Area, AreaGraph
from passes.fusion.partners import Partners, producers
from passes.fusion.patterns import PATTERNS, Pattern, cube_into_elementwise, limits
from passes.fusion.verdict import Merged, Verdict


class Observer(Protocol):
    """Is told of merges: which pattern joined two areas, and the operations by which they touched."""

    def merged(self, pattern: Pattern, link: tuple[Operation, Operation], found: Merged) -> None: ...


def fuse_to_fixed_point(graph: AreaGraph, observer: Observer | None = None) -> None:
    """Merge all that the patterns allow."""
    merged = True
    while merged:
        merged = False
        for pattern in PATTERNS:
            partners = pattern.search(graph)
            for area in list(graph):
                merged |= area in graph and _merge_partners(graph, area, pattern, partners, observer)


def join(graph: AreaGraph, pairs: Iterable[tuple[Operation, Operation]]) -> None:
    """Merge the areas of a product and of the work on it, for each of some pairs, where a pattern allows it."""
    for product, operation in pairs:
        earlier, later = graph.area_of(product), graph.area_of(operation)
        if earlier is not None and later is not None:
            _merge(graph, earlier, later, Pattern(cube_into_elementwise, producers), None)


def judge(graph: AreaGraph, earlier: Area, later: Area, pattern: Pattern) -> Verdict:
    """What a pattern says of two areas, within the limits of all."""
    found = pattern.rule(graph, earlier, later)
    return limits(graph, earlier, later) or found if isinstance(found, Merged) else found


def _merge_partners(
    graph: AreaGraph, area: Area, pattern: Pattern, partners: Partners, observer: Observer | None
) -> bool:
    """Merge into an area all partners that the pattern takes, and those that these bring along."""
    any_merged = False
    refused: set[Area] = set()
    while True:
        for partner in sorted(set(partners(area)) - refused, key=lambda partner: -partner.rank):
            refused.add(partner)
            merged = _merge(graph, partner, area, pattern, observer)
            if merged is not None:
                area = merged
                any_merged = True
                break
        else:
            return any_merged


def _merge(graph: AreaGraph, earlier: Area, later: Area, pattern: Pattern, observer: Observer | None) -> Area | None:
    found = judge(graph, earlier, later, pattern)
    if not isinstance(found, Merged):
        return None
    link = graph.link(earlier, later) if observer is not None else None
    merged = graph.merge(earlier, later, found.kind, found.domain, found.reduced)
    if observer is not None and link is not None and merged is not None:
        observer.merged(pattern, link, found)
    return merged
