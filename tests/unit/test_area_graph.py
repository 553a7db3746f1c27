"""The area graph: whatever is merged and when, it stays acyclic and in topological order, and refuses only cycles."""

from graphlib import CycleError, TopologicalSorter
from itertools import combinations, pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import f32
from xdsl.dialects.test import TestOp as Op  # pytest would take a class named Test... for a test
from xdsl.ir import Operation

from dvm_dialects.dims import Dim
from passes.fusion import fixed_point, patterns
from passes.fusion.area_graph import Area, AreaGraph, AreaKind
from passes.fusion.partners import LOOK_BACK, sharing_inputs

Dag = list[tuple[int, ...]]
"""For each operation the earlier ones whose results it takes."""


@st.composite
def dags(draw: st.DrawFn) -> Dag:
    size = draw(st.integers(1, 14))
    return [tuple(draw(st.lists(st.integers(0, n - 1), max_size=3))) if n else () for n in range(size)]


class Model:
    """An area graph, and beside it the partition that it should be, with nothing remembered about dependences."""

    def __init__(self, dag: Dag) -> None:
        self.dag = dag
        self.operations: list[Operation] = []
        for producers in dag:
            operands = [self.operations[producer].results[0] for producer in producers]
            self.operations.append(Op(operands=operands, result_types=[f32]))
        self.number = {operation: number for number, operation in enumerate(self.operations)}
        self.areas = [Area([operation], AreaKind.ELEMENTWISE, ()) for operation in self.operations]
        self.graph = AreaGraph(self.areas)
        self.part = list(range(len(dag)))
        """For each operation the number of its part."""

    def part_of(self, area: Area) -> int:
        (part,) = {self.part[self.number[operation]] for operation in area.operations}
        return part

    def dependences(self, part: list[int]) -> dict[int, set[int]]:
        """For each part of a partition the other parts that it takes values of."""
        found: dict[int, set[int]] = {number: set() for number in part}
        for consumer, producers in enumerate(self.dag):
            found[part[consumer]].update(part[producer] for producer in producers)
        for number, producers in found.items():
            producers.discard(number)
        return found

    def merge(self, producer: Area, consumer: Area) -> Area | None:
        """Merge two areas, and check that this is refused just where the parts would then depend on each other."""
        merging = (self.part_of(producer), self.part_of(consumer))
        part = [merging[1] if number in merging else number for number in self.part]
        before = [(area, set(area.operations), area.rank) for area in self.graph]
        merged = self.graph.merge(producer, consumer, AreaKind.ELEMENTWISE, (), ())
        assert (merged is None) == has_cycle(self.dependences(part))
        if merged is None:
            assert [(area, set(area.operations), area.rank) for area in self.graph] == before
        else:
            assert merged in (producer, consumer)
            self.part = part
        return merged

    def check(self) -> None:
        """Check all that the graph says against the partition."""
        dependences = self.dependences(self.part)
        assert not has_cycle(dependences)
        users: dict[int, set[int]] = {part: set() for part in dependences}
        for part, producers in dependences.items():
            for producer in producers:
                users[producer].add(part)
        members: dict[int, list[Operation]] = {part: [] for part in dependences}
        for operation, part in zip(self.operations, self.part, strict=True):
            members[part].append(operation)
        assert len(self.graph) == len(dependences)
        assert all(area.rank < following.rank for area, following in pairwise(self.graph))
        seen: set[int] = set()
        for area in self.graph:
            part = self.part_of(area)
            assert area in self.graph
            assert dependences[part] <= seen
            assert {self.part_of(producer) for producer in area.producers} == dependences[part]
            assert {self.part_of(consumer) for consumer in area.consumers} == users[part]
            assert self.graph.in_order(area) == members[part]
            seen.add(part)
        assert seen == set(dependences)

    def users(self, area: Area) -> set[int]:
        """The parts that use values of an area, its own among them."""
        members = [number for number, part in enumerate(self.part) if part == self.part_of(area)]
        return {self.part[user] for user, producers in enumerate(self.dag) for n in members if n in producers}


def has_cycle(dependences: dict[int, set[int]]) -> bool:
    try:
        TopologicalSorter(dependences).prepare()
    except CycleError:
        return True
    return False


@settings(deadline=None)
@given(dags(), st.randoms(use_true_random=False))
def test_merging_keeps_the_graph_acyclic_and_in_order(dag: Dag, random: Random) -> None:
    model = Model(dag)
    model.check()
    for _ in range(2 * len(dag)):
        pairs = list(combinations(model.graph, 2))
        if not pairs:
            break
        model.merge(*random.choice(pairs))
        model.check()


@settings(deadline=None)
@given(dags(), st.randoms(use_true_random=False))
def test_uses_outside_of_areas(dag: Dag, random: Random) -> None:
    model = Model(dag)
    outside = Op(operands=[operation.results[0] for operation in model.operations if random.random() < 0.2])
    for _ in range(len(dag) // 2):
        edges = [(producer, area) for area in model.graph for producer in sorted(area.producers, key=model.part_of)]
        if edges:
            model.merge(*random.choice(edges))
    for area in model.graph:
        returned = any(operation.results[0] in outside.operands for operation in area.operations)
        stored = [op for op in area.operations if model.graph.outside_uses(area, op.results[0])]
        assert bool(stored) == bool(returned or model.users(area) - {model.part_of(area)})
        for to in model.graph:
            elsewhere = model.users(area) - {model.part_of(area), model.part_of(to)}
            assert model.graph.escapes(area, to) == (returned or bool(elsewhere))


@settings(deadline=None)
@given(dags(), st.randoms(use_true_random=False))
def test_inputs_are_what_comes_from_outside(dag: Dag, random: Random) -> None:
    model = Model(dag)
    for _ in range(len(dag)):
        areas = list(model.graph)
        if len(areas) > 1:
            earlier, later = sorted(random.sample(areas, 2), key=lambda area: area.rank)
            model.merge(earlier, later)
    for area in model.graph:
        used = {producer for operation in area.operations for producer in dag[model.number[operation]]}
        outside = {number for number in used if model.operations[number] not in area.operations}
        assert area.inputs == {model.operations[number].results[0] for number in outside}


def test_the_search_for_shared_inputs() -> None:
    # 1 to 3 use 0 over one domain, 4 over another, 5 uses 1
    model = Model([(), (0,), (0,), (0,), (0,), (1,)])
    zero, one, two, three, four, five = model.areas
    four.domain = (Dim.constant(2),)

    def partners() -> dict[Area, set[Area]]:
        find = sharing_inputs(AreaKind.ELEMENTWISE)(model.graph)
        return {area: set(find(area)) for area in model.graph}

    assert partners() == {zero: set(), one: set(), two: {one}, three: {one, two}, four: {three}, five: set()}
    assert sharing_inputs(AreaKind.CUBE)(model.graph)(two) == ()
    merged = model.merge(one, two)
    assert merged is not None
    assert partners() == {zero: set(), merged: set(), three: {merged}, four: {three}, five: set()}


def test_the_search_for_shared_inputs_looks_back_so_far_and_no_further() -> None:
    model = Model([(), *((0,) for _ in range(2 * LOOK_BACK))])
    find = sharing_inputs(AreaKind.ELEMENTWISE)(model.graph)
    found = [set(find(area)) for area in model.graph]
    assert found[-1] == set(model.areas[-1 - LOOK_BACK : -1])


@settings(deadline=None)
@given(dags(), st.randoms(use_true_random=False))
def test_values_between_areas_and_what_depends_on_them(dag: Dag, random: Random) -> None:
    model = Model(dag)
    for _ in range(len(dag) // 2):
        edges = [(producer, area) for area in model.graph for producer in sorted(area.producers, key=model.part_of)]
        if edges:
            model.merge(*random.choice(edges))
    for consumer in model.graph:
        for producer in consumer.producers:
            between = model.graph.values_between(producer, consumer)
            direct = {
                (model.operations[n].results[0], operation)
                for operation in consumer.operations
                for n in dag[model.number[operation]]
                if model.operations[n] in producer.operations
            }
            assert set(between) == direct
            depends = {operation for _, operation in direct}
            for operation in model.graph.in_order(consumer):
                if any(model.operations[n] in depends for n in dag[model.number[operation]]):
                    depends.add(operation)
            assert model.graph.dependents(producer, consumer) == depends


def test_a_merge_that_would_make_a_cycle_is_refused() -> None:
    # 0 is used by 1 and 2, 1 by 2: 0 and 2 cannot be one without 1
    model = Model([(), (0,), (0, 1)])
    first, middle, last = model.areas
    assert model.merge(first, last) is None
    both = model.merge(first, middle)
    assert both is not None
    assert model.merge(both, last) is not None
    model.check()
    assert len(model.graph) == 1


def test_what_the_producer_gives_others_moves_behind_the_consumer() -> None:
    # 1 and 2 use 0 and precede 3, which is merged with it
    model = Model([(), (0,), (1,), (0,)])
    model.merge(model.areas[0], model.areas[3])
    model.check()
    assert [model.part_of(area) for area in model.graph] == [3, 1, 2]


@pytest.mark.parametrize("width", [1, 2, 3])
def test_ranks_are_spread_again_when_floats_between_them_run_out(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each merge moves a chain of `width` areas in between the consumer and what follows it, into half the gap or less.

    What follows is the chain moved last, so that the gap never gets wider.
    """
    spread = 0
    renumber = AreaGraph._renumber

    def counting_renumber(graph: AreaGraph) -> None:
        nonlocal spread
        spread += 1
        renumber(graph)

    monkeypatch.setattr(AreaGraph, "_renumber", counting_renumber)
    merges = 70
    dag: Dag = []
    for _ in range(merges):
        start = len(dag)
        dag.extend([(), *((start + link,) for link in range(width))])
    producers = range(0, len(dag), width + 1)
    dag.append(tuple(producers))
    model = Model(dag)
    consumer = model.areas[-1]
    for producer in producers:
        merged = model.merge(model.areas[producer], consumer)
        assert merged is not None
        consumer = merged
        model.check()
    assert spread >= 1


def test_areas_stop_growing_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "OPERATION_LIMIT", 3)
    model = Model([(), *((n,) for n in range(6))])
    fixed_point.fuse_to_fixed_point(model.graph)
    assert [len(area.operations) for area in model.graph] == [3, 3, 1]


def test_merging_says_what_the_merged_area_is() -> None:
    model = Model([(), (0,)])
    domain = (Dim.symbol("s0"), Dim.constant(8))
    merged = model.graph.merge(model.areas[0], model.areas[1], AreaKind.REDUCTION, domain, (1,))
    assert merged is not None
    assert (merged.kind, merged.domain, merged.reduced) == (AreaKind.REDUCTION, domain, (1,))
