"""What the fuser did and why, as remarks: one line for each merge, and one for each pair of neighbours left apart."""

from collections.abc import Callable

from xdsl.ir import Operation, SSAValue

from dvm_dialects.diagnostics import remark
from dvm_dialects.dims import Dim
from dvm_dialects.source import describe
from passes.fusion.area_graph import Area, AreaGraph, AreaKind
from passes.fusion.fixed_point import judge
from passes.fusion.patterns import PATTERNS, Pattern
from passes.fusion.verdict import Merged, Refused


class Explanation:
    """Watches a fusion, and writes remarks with `write`, a line at a time."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write

    def merged(self, pattern: Pattern, link: tuple[Operation, Operation], found: Merged) -> None:
        """Say of a merge which pattern made it and what allowed that."""
        producer, consumer = link
        self._write(remark(consumer, f"joined with {describe(producer)} by {pattern.name}: {found.because}"))

    def reshape(self, reshape: Operation, found: list[Operation] | list[Refused]) -> None:
        """Say which work was moved to the other side of a reshape, or why none was."""
        for item in found:
            if isinstance(item, Operation):
                self._write(remark(item, f"is done in the shape on the other side of {describe(reshape)}"))
            else:
                self._write(remark(reshape, f"stays where it is: {item}"))

    def choice(self, value: SSAValue, kernels: int, stored: Dim, repeated: Dim, repeats: bool) -> None:
        """Say whether a value is stored for other kernels or computed again in each, and the bytes moved either way."""
        done, costs = ("is computed again in", repeated) if repeats else ("is stored for", stored)
        other = f"instead of {stored}" if repeats else f"to compute it again would move {repeated}, not fewer for sure"
        users = "1 other kernel" if kernels == 1 else f"{kernels} other kernels"
        assert isinstance(value.owner, Operation)
        self._write(remark(value.owner, f"{done} {users}: {costs} bytes, {other}"))

    def beside_product(self, operation: Operation, product: Operation, saved: Dim) -> None:
        """Say that work on a product is done beside it, and the bytes that are not moved."""
        self._write(remark(operation, f"is done beside {describe(product)}, of which {saved} bytes need not be moved"))

    def left_apart(self, graph: AreaGraph) -> None:
        """Say of all neighbours in a graph at its fixed point why they are not one area."""
        searches = [(pattern, pattern.search(graph)) for pattern in PATTERNS]
        for area in graph:
            patterns: dict[Area, list[Pattern]] = {}
            for pattern, partners in searches:
                for partner in partners(area):
                    patterns.setdefault(partner, []).append(pattern)
            for partner in sorted(patterns, key=lambda partner: partner.rank):
                if AreaKind.NONE not in (partner.kind, area.kind):
                    self._left_apart(graph, partner, area, patterns[partner])

    def _left_apart(self, graph: AreaGraph, earlier: Area, later: Area, patterns: list[Pattern]) -> None:
        reasons: list[str] = []
        for pattern in patterns:
            found = judge(graph, earlier, later, pattern)
            if isinstance(found, Merged):
                reasons.append(f"{pattern.name}: what lies between them would make a cycle")
            elif found is not None:
                reasons.append(f"{pattern.name}: {found}")
        if not reasons:
            reasons.append(f"no pattern takes '{earlier.kind.value}' into '{later.kind.value}'")
        source, user = graph.link(earlier, later)
        self._write(remark(user, f"apart from {describe(source)}: {'; '.join(reasons)}"))
