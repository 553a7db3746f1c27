"""What the fuser did and why, as remarks: one line for each merge, and one for each pair of neighbours left apart."""

from collections.abc import Callable

from xdsl.ir import Operation

from dvm_dialects.diagnostics import remark
from dvm_dialects.source import describe
from passes.fusion.area_graph import Area, AreaGraph, AreaKind
from passes.fusion.fixed_point import judge
from passes.fusion.patterns import PATTERNS, Pattern
from passes.fusion.verdict import Merged


class Explanation:
    """Watches a fusion, and writes remarks with `write`, a line at a time."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write

    def merged(self, pattern: Pattern, link: tuple[Operation, Operation], found: Merged) -> None:
        """Say of a merge which pattern made it and what allowed that."""
        producer, consumer = link
        self._write(remark(consumer, f"joined with {describe(producer)} by {_name(pattern)}: {found.because}"))

    def left_apart(self, graph: AreaGraph) -> None:
        """Say of all neighbours in a graph at its fixed point why they are not one area."""
        for consumer in graph:
            for producer in sorted(consumer.producers, key=lambda area: area.rank):
                if AreaKind.NONE not in (producer.kind, consumer.kind):
                    self._left_apart(graph, producer, consumer)

    def _left_apart(self, graph: AreaGraph, producer: Area, consumer: Area) -> None:
        reasons: list[str] = []
        for pattern in PATTERNS:
            found = judge(graph, producer, consumer, pattern)
            if isinstance(found, Merged):
                reasons.append(f"{_name(pattern)}: what lies between them would make a cycle")
            elif found is not None:
                reasons.append(f"{_name(pattern)}: {found}")
        if not reasons:
            reasons.append(f"no pattern takes '{producer.kind.value}' into '{consumer.kind.value}'")
        source, user = graph.link(producer, consumer)
        self._write(remark(user, f"apart from {describe(source)}: {'; '.join(reasons)}"))


def _name(pattern: Pattern) -> str:
    return pattern.__name__.replace("_", " ")
