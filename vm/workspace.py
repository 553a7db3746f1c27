"""Where intermediate tensors lie in the workspace: those that never live at once share memory.

A tensor lives from the stage that writes it to the last stage that reads it, both included, for the kernels of a stage
run side by side. Placing is a linear scan over the stages that takes the tightest gap.
"""

from dataclasses import dataclass

from vm.program import Program, Storage, Variant

ALIGNMENT = 64


@dataclass(frozen=True)
class Lifetime:
    """The stages, from `first` to `last`, in which a tensor of the workspace holds something."""

    tensor: int
    first: int
    last: int


def lifetimes(program: Program, variant: Variant, roots: tuple[int, ...]) -> tuple[Lifetime, ...]:
    """The lifetimes of the tensors of the workspace, by the stage that writes them; `roots` owns each tensor's memory."""
    spans: dict[int, tuple[int, int]] = {}
    for number, stage in enumerate(variant.stages):
        for kernel in stage:
            for operand in program.kernels[kernel].operands:
                root = roots[operand.tensor]
                if program.tensors[root].storage is Storage.WORKSPACE:
                    first, _ = spans.get(root, (number, number))
                    spans[root] = (first, number)
    found = [Lifetime(tensor, first, last) for tensor, (first, last) in spans.items()]
    return tuple(sorted(found, key=lambda lifetime: lifetime.first))


def place(lives: tuple[Lifetime, ...], sizes: list[int]) -> tuple[dict[int, int], int]:
    """Byte offsets of the tensors, and the bytes that all of them need. `sizes` are in bytes, by tensor."""
    offsets: dict[int, int] = {}
    total = 0
    live: list[tuple[int, int, int]] = []
    """(offset, end, last stage) of what is live, by offset."""
    for lifetime in lives:
        live = [block for block in live if block[2] >= lifetime.first]
        size = -(-sizes[lifetime.tensor] // ALIGNMENT) * ALIGNMENT
        start = _tightest_gap(live, size, total)
        offsets[lifetime.tensor] = start
        live.append((start, start + size, lifetime.last))
        live.sort()
        total = max(total, start + size)
    return offsets, total


def _tightest_gap(live: list[tuple[int, int, int]], size: int, total: int) -> int:
    """Where to put `size` bytes: the smallest gap that takes them, else behind everything."""
    best, best_room = -1, total + 1
    end = 0
    for start, stop, _ in [*live, (total, total, 0)]:
        room = start - end
        if size <= room < best_room:
            best, best_room = end, room
        end = max(end, stop)
    if best >= 0:
        return best
    # nothing is live at the very end of the workspace: start there and let it grow
    return max((stop for _, stop, _ in live), default=0)
