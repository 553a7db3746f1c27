"""Tensors share memory, of the workspace or of an output, exactly when they never live at once."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from vm.workspace import ALIGNMENT, LEAST_GIVEN, Lifetime, Placements, place

STAGES = 13


@st.composite
def workspaces(draw: st.DrawFn) -> tuple[tuple[Lifetime, ...], list[int]]:
    """Intermediate tensors, then up to three outputs, some of them written over the last of a chain of intermediates."""
    count = draw(st.integers(0, 12))
    lives: list[Lifetime] = []
    sizes = draw(st.lists(st.integers(0, 2000), min_size=count, max_size=count))
    for tensor in range(count):
        first = draw(st.integers(0, 8))
        lives.append(Lifetime((tensor,), first, first + draw(st.integers(0, 4))))
    for _ in range(draw(st.integers(0, 3))):
        size = draw(st.integers(0, 4000))
        before = draw(st.integers(0, 2))
        tensors = tuple(range(len(sizes), len(sizes) + before + 1))
        sizes += [size] * (before + 1)
        lives.append(Lifetime(tensors, draw(st.integers(0, 12)), STAGES, tensors[-1]))
    return tuple(lives), sizes


def placed(lives: tuple[Lifetime, ...], sizes: list[int]) -> tuple[dict[int, tuple[int, int]], int]:
    """Placed in the workspace and in all of the outputs."""
    return place(lives, sizes, sizes)


def live_bytes(lives: tuple[Lifetime, ...], sizes: list[int], stage: int) -> int:
    return sum(rounded(sizes[life.tensors[0]]) for life in lives if life.first <= stage <= life.last)


def rounded(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def check_apart(lives: tuple[Lifetime, ...], sizes: list[int], places: dict[int, tuple[int, int]], total: int) -> None:
    """Tensors that live at once do not overlap, and lie inside of what they lie in."""
    outputs = {life.output for life in lives if life.output >= 0}
    assert places.keys() == {tensor for life in lives for tensor in life.tensors} - outputs
    lives = tuple([part for life in lives for part in small_apart(life, sizes, places)])
    taken: list[tuple[int, int, int, Lifetime]] = []
    """(the output or -1, first byte, end, when)"""
    for life in lives:
        spots: set[tuple[int, int]] = set()
        for tensor in life.tensors:
            owner, start = (tensor, 0) if tensor in outputs else places[tensor]
            assert owner == tensor or owner in outputs
            spots.add((owner if owner in outputs else -1, start))
        ((output, start),) = spots  # those of a chain lie in one place
        end = start + sizes[life.tensors[0]]
        assert start % ALIGNMENT == 0
        assert end <= (total if output < 0 else sizes[output])
        assert life.output < 0 or (output, start) == (life.output, 0)
        taken.append((output, start, end, life))
    for number, (output, start, end, life) in enumerate(taken):
        for other_output, other_start, other_end, other in taken[number + 1 :]:
            if output == other_output and life.first <= other.last and other.first <= life.last:
                assert end <= other_start or other_end <= start


def small_apart(life: Lifetime, sizes: list[int], places: dict[int, tuple[int, int]]) -> tuple[Lifetime, ...]:
    """A lifetime, or where it is not in the small output that it ends with, that of the output and that of the others."""
    if life.output < 0 or not life.intermediates or places[life.tensors[0]][0] == life.output:
        return (life,)
    assert sizes[life.output] < LEAST_GIVEN
    return replace(life, tensors=(life.output,)), replace(life, tensors=life.intermediates, output=-1)


@given(workspaces())
def test_tensors_that_live_at_once_do_not_overlap(workspace: tuple[tuple[Lifetime, ...], list[int]]) -> None:
    lives, sizes = workspace
    check_apart(lives, sizes, *placed(lives, sizes))


@given(workspaces(), st.lists(st.integers(7, 20), min_size=1, max_size=4))
def test_tensors_do_not_overlap_when_they_grow(
    workspace: tuple[tuple[Lifetime, ...], list[int]], growths: list[int]
) -> None:
    """Those with an even number by 1/16 or 1/8 or so, or they shrink, the others not at all, outputs among both."""
    lives, sizes = workspace
    sizes = [size * 16 for size in sizes]
    placements = Placements(lives)
    for growth in (16, *growths):
        grown = sizes.copy()
        for number, life in enumerate(lives):
            for tensor in life.tensors:
                grown[tensor] = sizes[tensor] * (growth if number % 2 else 16) // 16
        found = placements.of(grown)
        check_apart(lives, grown, found.places, found.workspace_bytes)
        assert found.workspace_bytes <= found.separate_bytes


def test_what_grows_a_little_stays_where_it_is() -> None:
    """From 33 tokens of 128 bytes to 36, and no further; what is above a MiB has no room."""
    placements = Placements((Lifetime((0,), 0, 2), Lifetime((1,), 1, 2), Lifetime((2,), 2, 3, output=2)))
    found = [placements.of([128 * tokens, 640, 64]) for tokens in range(32, 38)]
    assert [found[0] is one for one in found] == [True, False, False, False, False, False]
    assert [found[1] is one for one in found] == [False, True, True, True, True, False]
    assert [one.workspace_bytes for one in found] == [4736, 5248, 5248, 5248, 5248, 5760]
    large = [placements.of([(1 << 20) + more, 640, 64]) for more in (64, 128)]
    assert [one.workspace_bytes for one in large] == [(1 << 20) + 64 + 640, (1 << 20) + 128 + 640]


def test_a_tensor_does_not_grow_out_of_an_output() -> None:
    """Both grow, but the tensor has room that the output, which is as large as the caller makes it, has not."""
    placements = Placements((Lifetime((0,), 0, 1), Lifetime((1,), 2, 3, output=1)))
    assert placements.of([33280, 33792]).places == {0: (1, 0)}
    assert placements.of([33792, 33280]).places == {0: (0, 0)}
    assert placements.of([33792, 33280]) is placements.of([34816, 34304])
    assert placements.of([34816, 34816]) is placements.of([33280, 33792])


def test_a_tensor_stays_in_an_output_that_has_room_for_it_at_any_size() -> None:
    """Of 65537 to 73728 bytes it has at least 65537, for one of up to 36864; for one of 72000 that does not grow it has not always."""
    lives = (Lifetime((0,), 0, 1), Lifetime((1,), 0, 1), Lifetime((2,), 2, 3, output=2))
    placements = Placements(lives)
    found = placements.of([72000, 36000, 68000])
    assert found.places == {0: (0, 0), 1: (2, 0)}
    assert placements.of([73728, 36864, 65537]) is found


@given(workspaces())
def test_the_workspace_is_no_larger_than_all_tensors_apart(workspace: tuple[tuple[Lifetime, ...], list[int]]) -> None:
    lives, sizes = workspace
    _, total = placed(lives, sizes)
    assert total <= sum(rounded(sizes[life.tensors[0]]) for life in lives if life.output < 0)


def test_a_chain_needs_two_buffers() -> None:
    lives = tuple(Lifetime((stage,), stage, stage + 1) for stage in range(10))
    places, total = placed(lives, [1000] * 10)
    assert total == 2048
    assert {start for _, start in places.values()} == {0, 1024}


def test_the_tightest_gap_is_taken() -> None:
    """Those that live to the end leave gaps of 1024 and of 512 bytes at stage 2; the smallest takes the smaller gap."""
    lives = (
        Lifetime((0,), 0, 1),
        Lifetime((1,), 0, 9),
        Lifetime((2,), 0, 1),
        Lifetime((3,), 0, 9),
        Lifetime((4,), 2, 9),
    )
    places, total = placed(lives, [1024, 960, 512, 448, 64])
    assert [places[tensor][1] for tensor in range(5)] == [0, 1024, 1984, 2496, 1984]
    assert total == live_bytes(lives, [1024, 960, 512, 448, 64], 0)


def test_large_tensors_are_placed_first() -> None:
    """In the order of stages the tensor of 1024 bytes would be put behind both small ones, for they leave no gap for it."""
    lives = (Lifetime((0,), 0, 1), Lifetime((1,), 0, 2), Lifetime((2,), 2, 3))
    sizes = [128, 64, 1024]
    _, total = placed(lives, sizes)
    assert total == max(live_bytes(lives, sizes, stage) for stage in range(4)) == 1024 + 64


def test_the_memory_of_an_output_is_free_until_it_is_written() -> None:
    """The first two take turns in it; the third still lives when the output is written, the fourth is larger than it."""
    lives = (
        Lifetime((0,), 0, 1),
        Lifetime((1,), 2, 3),
        Lifetime((2,), 3, 4),
        Lifetime((3,), 0, 1),
        Lifetime((4,), 4, 5, output=4),
    )
    places, total = placed(lives, [1000, 1000, 1000, 1001, 1000])
    assert places == {0: (4, 0), 1: (4, 0), 2: (2, 0), 3: (3, 0)}
    assert total == 1024


def test_small_tensors_stay_in_the_workspace() -> None:
    """One that is too small for the output's memory, one whose output is too small; one lies in the output it is written over."""
    lives = (
        Lifetime((0,), 0, 1),
        Lifetime((1, 2), 1, 4, output=2),
        Lifetime((3, 4), 2, 4, output=4),
        Lifetime((5,), 0, 1),
    )
    small = LEAST_GIVEN // 2
    sizes = [small, small, small, LEAST_GIVEN, LEAST_GIVEN, LEAST_GIVEN]
    found = Placements(lives).of(sizes)
    owners = {tensor: owner for tensor, (owner, _) in found.places.items()}
    assert owners == {0: 0, 1: 1, 3: 4, 5: 4}
    check_apart(lives, sizes, found.places, found.workspace_bytes)


def test_what_lives_longest_is_the_first_to_find_a_place() -> None:
    lives = (Lifetime((0,), 0, 1), Lifetime((1,), 1, 3), Lifetime((2,), 1, 2), Lifetime((3,), 4, 5, output=3))
    places, total = placed(lives, [64] * 4)
    assert places[1] == (3, 0)
    assert total == 128


def test_an_output_over_intermediates_has_their_memory_from_the_start() -> None:
    lives = (Lifetime((0, 2), 1, 3, output=2), Lifetime((1,), 0, 1), Lifetime((3,), 0, 0))
    places, total = placed(lives, [64] * 4)
    assert places == {0: (2, 0), 1: (1, 0), 3: (2, 0)}
    assert total == 64
