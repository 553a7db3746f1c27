"""Where a pattern looks for the earlier areas that one may be merged with, while it goes over a graph in order."""

from collections.abc import Callable, Iterable

from xdsl.ir import Operation, SSAValue

from passes.fusion.area_graph import Area, AreaGraph, AreaKind
from passes.fusion.shapes import Shape

LOOK_BACK = 4
"""How many of the areas that could share an input an area is compared with: without a bound, each with all others."""

Partners = Callable[[Area], Iterable[Area]]
"""Partners of an area, which is one of a graph and comes after all that were asked for before."""


def producers(_: AreaGraph) -> Partners:
    """The areas that an area uses values of."""
    return lambda area: area.producers


def sharing_inputs(*kinds: AreaKind) -> Callable[[AreaGraph], Partners]:
    """The last earlier areas of some kinds that use a value which an area uses, and go over the same domain as it does.

    Where there is none that does, the last one that goes over another, to be told why they stay apart.
    """

    def search(graph: AreaGraph) -> Partners:
        alike: dict[tuple[SSAValue, AreaKind, Shape, tuple[int, ...]], list[Operation]] = {}
        last: dict[SSAValue, Operation] = {}
        asked: set[Area] = set()

        def partners(area: Area) -> Iterable[Area]:
            if area.kind not in kinds or area in asked:
                return ()
            asked.add(area)
            found: set[Area] = set()
            for value in area.inputs:
                users = alike.setdefault((value, area.kind, area.domain, area.reduced), [])
                areas = {graph.area_of(user): user for user in users}
                users[:] = list(areas.values())[-LOOK_BACK:]
                for user in users or ([last[value]] if value in last else []):
                    other = graph.area_of(user)
                    if other is not None and other is not area and other.rank < area.rank:
                        found.add(other)
                users.append(area.operations[0])
                last[value] = area.operations[0]
            return found

        return partners

    return search
