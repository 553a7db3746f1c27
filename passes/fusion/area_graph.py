"""The area graph: a partition of the operations of a function into areas, each to become one kernel.

It knows which areas depend on which and merges two of them unless that would make a cycle. Why areas should be merged
is not its business (`patterns.py`).

Areas carry ranks that order them topologically at all times. Merging two moves what the earlier one reaches below the
later one's rank behind that, so that one bounded search both finds a cycle and repairs the order.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from itertools import pairwise
from typing import cast

from xdsl.ir import Operation, SSAValue

from passes.fusion.shapes import Shape


class AreaKind(Enum):
    """What an area does, as far as patterns care."""

    ELEMENTWISE = "elementwise"
    """Elementwise operations, broadcasts, transpositions and slices, over one domain."""
    REDUCTION = "reduction"
    """Reductions of one domain over the same dims, and elementwise work on that domain or on what they leave of it."""
    CUBE = "cube"
    """Matrix products over one domain, work on the rows of their left factors, and elementwise work on their results."""
    DATA_MOVEMENT = "data movement"
    """Concat, pad, gather: what they read is in memory."""
    NONE = "none"
    """No kernel at all: constants and reshapes."""


@dataclass(eq=False)
class Area:
    """Operations that become one kernel. `domain` is what they iterate over, `inputs` what they use from outside."""

    operations: list[Operation]
    kind: AreaKind
    domain: Shape
    reduced: tuple[int, ...] = ()
    """The dims of the domain that are reduced."""
    producers: set["Area"] = field(default_factory=set["Area"])
    consumers: set["Area"] = field(default_factory=set["Area"])
    inputs: set[SSAValue] = field(default_factory=set[SSAValue])
    rank: float = 0.0
    depth: int = 0
    """Reductions of the area, each of which may need the ones before it to be finished."""
    moves_data: bool = False
    """Whether a concat or pad is among the operations, which reads its operands from memory."""


class AreaGraph:
    """Areas, one for each operation at first."""

    def __init__(self, areas: Iterable[Area]) -> None:
        self._of: dict[Operation, Area] = {}
        self._position: dict[Operation, int] = {}
        self._ranks: list[float] = []
        self._areas: set[Area] = set()
        for position, area in enumerate(areas):
            area.rank = float(position)
            self._ranks.append(area.rank)
            self._areas.add(area)
            for operation in area.operations:
                self._of[operation] = area
                self._position[operation] = position
                area.inputs.update(operation.operands)
                for producer in self.producers_of(operation):
                    if producer is not area:
                        producer.consumers.add(area)
                        area.producers.add(producer)

    def __iter__(self) -> Iterator[Area]:
        """The areas in topological order."""
        return iter(sorted(self._areas, key=lambda area: area.rank))

    def __len__(self) -> int:
        return len(self._areas)

    def __contains__(self, area: Area) -> bool:
        return area in self._areas

    def area_of(self, operation: Operation) -> Area | None:
        """The area of an operation; None for one that is in none, such as the end of the function."""
        return self._of.get(operation)

    def position(self, operation: Operation) -> int:
        """Where an operation stands in the program."""
        return self._position[operation]

    def producers_of(self, operation: Operation) -> Iterator[Area]:
        """The areas that the operands of an operation come from."""
        for operand in operation.operands:
            if isinstance(operand.owner, Operation) and operand.owner in self._of:
                yield self._of[operand.owner]

    def escapes(self, area: Area, to: Area) -> bool:
        """Whether some value of `area` is used outside of both areas."""
        return any(
            self._of.get(use.operation) not in (area, to)
            for operation in area.operations
            for result in operation.results
            for use in result.uses
        )

    def values_between(self, producer: Area, consumer: Area) -> list[tuple[SSAValue, Operation]]:
        """The values of one area that operations of another use, each with the operation that does."""
        return [
            (operand, operation)
            for operation in consumer.operations
            for operand in operation.operands
            if isinstance(operand.owner, Operation) and self._of.get(operand.owner) is producer
        ]

    def link(self, producer: Area, consumer: Area) -> tuple[Operation, Operation]:
        """Two operations by which areas touch: one of the producer, and one of the consumer that uses its result.

        Of areas that do not depend on each other the first ones.
        """
        for value, user in self.values_between(producer, consumer):
            assert isinstance(value.owner, Operation)
            return value.owner, user
        return self.in_order(producer)[0], self.in_order(consumer)[0]

    def dependents(self, producer: Area, consumer: Area) -> set[Operation]:
        """The operations of one area that need a value of another, directly or by way of others of their area."""
        pending = [operation for _, operation in self.values_between(producer, consumer)]
        found: set[Operation] = set()
        while pending:
            operation = pending.pop()
            if operation not in found:
                found.add(operation)
                uses = (use.operation for result in operation.results for use in result.uses)
                pending.extend(user for user in uses if self._of.get(user) is consumer)
        return found

    def outside_uses(self, area: Area, value: SSAValue) -> bool:
        """Whether a value of `area` is used outside of it, so that the kernel must store it."""
        return any(self._of.get(use.operation) is not area for use in value.uses)

    def merge(self, earlier: Area, later: Area, kind: AreaKind, domain: Shape, reduced: tuple[int, ...]) -> Area | None:
        """Merge two areas into one of the kind and domain given, and return it: a producer and its consumer, or two
        that do not depend on each other, in the order of their ranks.

        Returns None, and changes nothing, if that would make a cycle. The larger of the two areas stays.
        """
        between = self._reached_below(earlier, later)
        if between is None:
            return None
        self._move_behind(between, later)
        del self._ranks[bisect_left(self._ranks, earlier.rank)]
        stays, goes = (earlier, later) if len(earlier.operations) > len(later.operations) else (later, earlier)
        for operation in goes.operations:
            self._of[operation] = stays
            stays.inputs.difference_update(operation.results)
        stays.inputs.update(value for value in goes.inputs if self._of.get(cast(Operation, value.owner)) is not stays)
        stays.operations.extend(goes.operations)
        stays.kind, stays.domain, stays.reduced, stays.rank = kind, domain, reduced, later.rank
        stays.depth = earlier.depth + later.depth
        stays.moves_data = earlier.moves_data or later.moves_data
        for area in goes.producers:
            area.consumers.discard(goes)
            area.consumers.add(stays)
        for area in goes.consumers:
            area.producers.discard(goes)
            area.producers.add(stays)
        stays.producers = (stays.producers | goes.producers) - {stays, goes}
        stays.consumers = (stays.consumers | goes.consumers) - {stays, goes}
        self._areas.discard(goes)
        return stays

    def in_order(self, area: Area) -> list[Operation]:
        """The operations of an area in program order."""
        return sorted(area.operations, key=self._position.__getitem__)

    def _reached_below(self, earlier: Area, later: Area) -> list[Area] | None:
        """What `earlier` reaches with a rank below that of `later`; None where `later` is reached through it."""
        found: set[Area] = set()
        pending = [area for area in earlier.consumers if area is not later and area.rank < later.rank]
        while pending:
            area = pending.pop()
            if area in found:
                continue
            found.add(area)
            if later in area.consumers:
                return None
            pending.extend(reached for reached in area.consumers if reached.rank < later.rank)
        return sorted(found, key=lambda area: area.rank)

    def _move_behind(self, areas: list[Area], target: Area) -> None:
        """Give areas ranks between the target's and the next one's, keeping their order."""
        if not areas:
            return
        for area in areas:
            del self._ranks[bisect_left(self._ranks, area.rank)]
        following = bisect_right(self._ranks, target.rank)
        end = self._ranks[following] if following < len(self._ranks) else target.rank + 1
        step = (end - target.rank) / (len(areas) + 1)
        ranks = [target.rank + number * step for number in range(1, len(areas) + 1)]
        if any(low >= high for low, high in pairwise((target.rank, *ranks, end))):
            self._renumber()
            self._move_behind(areas, target)
            return
        self._ranks[following:following] = ranks
        for area, rank in zip(areas, ranks, strict=True):
            area.rank = rank

    def _renumber(self) -> None:
        """Spread the ranks evenly, because floats between two of them have run out."""
        for position, area in enumerate(self):
            area.rank = float(position)
        self._ranks = sorted(area.rank for area in self._areas)
