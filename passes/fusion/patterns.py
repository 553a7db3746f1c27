"""The fusion patterns, in the order in which they are tried. Each looks at a producer and a consumer area.

A pattern returns what the merged area is, or None where it does not apply. It asks only `shapes` and the areas; the
graph refuses cycles afterwards. Adding a pattern means adding a function here.
"""

from collections.abc import Callable
from dataclasses import dataclass

from dvm_dialects import dvm
from dvm_dialects.shapes import dims_of
from passes.fusion import shapes
from passes.fusion.area_graph import Area, AreaGraph, AreaKind
from passes.fusion.shapes import Shape

OPERATION_LIMIT = 1000
"""Operations of one kernel: each brings at most four operands, and those must stay below the limit of a 12-bit field."""


DEPTH_LIMIT = 4
"""Reductions one after the other in one kernel: a row too long for the unified buffer is read again after each."""


@dataclass(frozen=True)
class Merged:
    """What the area that two areas become is."""

    kind: AreaKind
    domain: Shape
    reduced: tuple[int, ...] = ()


Pattern = Callable[[AreaGraph, Area, Area], Merged | None]


def elementwise(graph: AreaGraph, producer: Area, consumer: Area) -> Merged | None:
    """Neighbours over provably equal domains."""
    if producer.kind is consumer.kind is AreaKind.ELEMENTWISE and shapes.equal(producer.domain, consumer.domain):
        return Merged(AreaKind.ELEMENTWISE, consumer.domain)
    return None


def broadcast_into_consumer(graph: AreaGraph, producer: Area, consumer: Area) -> Merged | None:
    """A producer over a domain that provably broadcasts to the consumer's, unless someone else needs its values.

    A value that is stored anyway is better computed once over its own small domain.
    """
    if not producer.kind is consumer.kind is AreaKind.ELEMENTWISE:
        return None
    if graph.escapes(producer, consumer) or not _stretches(producer, consumer.domain):
        return None
    return Merged(AreaKind.ELEMENTWISE, consumer.domain)


def _stretches(producer: Area, target: Shape) -> bool:
    """Whether work over the producer's domain can be done over the target's.

    A dim that turns out to be 1 is read at 0 all along an axis, but what is sliced may start elsewhere.
    """
    if any(isinstance(operation, dvm.SliceOp) for operation in producer.operations):
        return shapes.evidently_broadcastable(producer.domain, target)
    return shapes.broadcastable(producer.domain, target)


def producer_into_reduction(graph: AreaGraph, producer: Area, consumer: Area) -> Merged | None:
    """Elementwise work over what a reduction reads, or over what is left of it.

    As before, what only broadcasts to either is left apart if someone else needs its values.
    """
    if consumer.kind is not AreaKind.REDUCTION or producer.kind is not AreaKind.ELEMENTWISE:
        return None
    if not shapes.equal(producer.domain, consumer.domain):
        targets = (consumer.domain, *shapes.reduced(consumer.domain, consumer.reduced))
        if graph.escapes(producer, consumer) or not any(_stretches(producer, target) for target in targets):
            return None
    return Merged(AreaKind.REDUCTION, consumer.domain, consumer.reduced)


def reduction_into_consumer(graph: AreaGraph, producer: Area, consumer: Area) -> Merged | None:
    """Work on what a reduction leaves, work that stretches that over the same domain again, and further reductions
    of the same dims of it: softmax and the norms become one kernel.
    """
    if producer.kind is not AreaKind.REDUCTION or producer.depth + consumer.depth > DEPTH_LIMIT:
        return None
    merged = Merged(AreaKind.REDUCTION, producer.domain, producer.reduced)
    values = _dims_between(graph, producer, consumer)
    if values is None:
        return None
    if consumer.kind is AreaKind.ELEMENTWISE:
        if any(shapes.equal(consumer.domain, left) for left in shapes.reduced(producer.domain, producer.reduced)):
            return merged if all(shapes.equal(value, consumer.domain) for value in values) else None
    elif consumer.kind is not AreaKind.REDUCTION or consumer.reduced != producer.reduced:
        return None
    if not shapes.equal(consumer.domain, producer.domain):
        return None
    # a value of lower rank follows the last axes, and so must what the reduction leaves
    leading = producer.reduced == tuple(range(len(producer.reduced)))
    return merged if leading or all(len(value) == len(producer.domain) for value in values) else None


def _dims_between(graph: AreaGraph, producer: Area, consumer: Area) -> list[Shape] | None:
    """The shapes of the values that pass between two areas.

    None if what the consumer makes of one is transposed or sliced: a reduction's result exists under the axes that are
    left, and no others.
    """
    if any(isinstance(operation, dvm.TransposeOp | dvm.SliceOp) for operation in graph.dependents(producer, consumer)):
        return None
    return [dims_of(value.type) for value, _ in graph.values_between(producer, consumer)]


def cube_into_elementwise(graph: AreaGraph, producer: Area, consumer: Area) -> Merged | None:
    """What follows a matrix product on its result, while a block of it is in cache: bias, activation, residual, cast."""
    if producer.kind is not AreaKind.CUBE or consumer.kind is not AreaKind.ELEMENTWISE:
        return None
    values = _dims_between(graph, producer, consumer)
    if values is None or not all(shapes.equal(value, consumer.domain) for value in values):
        return None
    return Merged(AreaKind.CUBE, consumer.domain) if shapes.equal(producer.domain, consumer.domain) else None


PATTERNS: tuple[Pattern, ...] = (
    elementwise,
    broadcast_into_consumer,
    producer_into_reduction,
    reduction_into_consumer,
    cube_into_elementwise,
)


def fuse_to_fixed_point(graph: AreaGraph) -> None:
    """Merge areas, one pattern after the other, until no pattern applies anywhere."""
    merged = True
    while merged:
        merged = False
        for pattern in PATTERNS:
            for area in list(graph):
                merged |= area in graph and _merge_producers(graph, area, pattern)


def _merge_producers(graph: AreaGraph, consumer: Area, pattern: Pattern) -> bool:
    """Merge into an area all producers that the pattern takes, and those that these bring along."""
    any_merged = False
    refused: set[Area] = set()
    while True:
        for producer in sorted(consumer.producers - refused, key=lambda area: -area.rank):
            refused.add(producer)
            merged = _merge(graph, producer, consumer, pattern)
            if merged is not None:
                consumer = merged
                any_merged = True
                break
        else:
            return any_merged


def _merge(graph: AreaGraph, producer: Area, consumer: Area, pattern: Pattern) -> Area | None:
    if len(producer.operations) + len(consumer.operations) > OPERATION_LIMIT:
        return None
    found = pattern(graph, producer, consumer)
    return None if found is None else graph.merge(producer, consumer, found.kind, found.domain, found.reduced)
