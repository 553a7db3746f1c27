"""Tensors of the workspace share memory exactly when they never live at once."""

from hypothesis import given
from hypothesis import strategies as st

from vm.workspace import ALIGNMENT, Lifetime, place


@st.composite
def workspaces(draw: st.DrawFn) -> tuple[tuple[Lifetime, ...], list[int]]:
    count = draw(st.integers(0, 12))
    sizes = draw(st.lists(st.integers(0, 2000), min_size=count, max_size=count))
    lives: list[Lifetime] = []
    for tensor in range(count):
        first = draw(st.integers(0, 8))
        lives.append(Lifetime((tensor,), first, first + draw(st.integers(0, 4))))
    return tuple(sorted(lives, key=lambda life: life.first)), sizes


@given(workspaces())
def test_tensors_that_live_at_once_do_not_overlap(workspace: tuple[tuple[Lifetime, ...], list[int]]) -> None:
    lives, sizes = workspace
    offsets, total = place(lives, sizes)
    assert offsets.keys() == {life.tensors[0] for life in lives}
    for number, life in enumerate(lives):
        start = offsets[life.tensors[0]]
        assert start % ALIGNMENT == 0
        assert start + sizes[life.tensors[0]] <= total
        for other in lives[number + 1 :]:
            if life.first <= other.last and other.first <= life.last:
                begin = offsets[other.tensors[0]]
                assert start + sizes[life.tensors[0]] <= begin or begin + sizes[other.tensors[0]] <= start


@given(workspaces())
def test_the_workspace_is_no_larger_than_all_tensors_apart(workspace: tuple[tuple[Lifetime, ...], list[int]]) -> None:
    lives, sizes = workspace
    _, total = place(lives, sizes)
    assert total <= sum(-(-sizes[life.tensors[0]] // ALIGNMENT) * ALIGNMENT for life in lives)


def test_a_chain_needs_two_buffers() -> None:
    lives = tuple(Lifetime((stage,), stage, stage + 1) for stage in range(10))
    offsets, total = place(lives, [1000] * 10)
    assert total == 2048
    assert set(offsets.values()) == {0, 1024}


def test_the_tightest_gap_is_taken() -> None:
    # two gaps are free at stage 2, of 1024 and of 64 bytes; the small tensor takes the small one
    lives = (
        Lifetime((0,), 0, 1),
        Lifetime((1,), 0, 9),
        Lifetime((2,), 0, 1),
        Lifetime((3,), 0, 9),
        Lifetime((4,), 2, 9),
    )
    offsets, total = place(lives, [1024, 64, 64, 64, 64])
    assert offsets[4] == offsets[2]
    assert total == 1024 + 3 * 64
