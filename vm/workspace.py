"""Where intermediate tensors lie in the workspace: those that never live at once share memory.

A tensor lives from the stage that writes it to the last stage that reads it, both included, for the kernels of a stage
run side by side. A kernel's result that may be written over an input which dies there takes its memory. Placing is a
linear scan over the stages that takes the tightest gap.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from vm.program import Program, Storage, Variant

ALIGNMENT = 64


@dataclass(frozen=True)
class Lifetime:
    """The stages, from `first` to `last`, in which memory of the workspace holds something: one tensor, or several of
    the same size, each written over the one before it.
    """

    tensors: tuple[int, ...]
    first: int
    last: int


def lifetimes(
    program: Program, variant: Variant, roots: tuple[int, ...], overwritable: Sequence[Sequence[tuple[int, int]]]
) -> tuple[Lifetime, ...]:
    """The lifetimes of the workspace, by the stage in which they begin.

    `roots` has the tensor that owns the memory of each; `overwritable` has for each kernel the pairs of an input and
    an output that may be written over it.
    """
    spans: dict[int, tuple[int, int]] = {}
    readers: dict[int, list[int]] = {}
    for number, stage in enumerate(variant.stages):
        for kernel in stage:
            for operand in program.kernels[kernel].operands:
                root = roots[operand.tensor]
                if program.tensors[root].storage is Storage.WORKSPACE:
                    first, _ = spans.get(root, (number, number))
                    spans[root] = (first, number)
                    readers.setdefault(root, []).append(kernel)
    chains = {tensor: [tensor] for tensor in spans}
    for kernel in (kernel for stage in variant.stages for kernel in stage):
        for source, target in overwritable[kernel]:
            # the kernel is the last to read it, and the only one of its stage
            dies = spans[source][1] == spans[target][0] and _only_reader(variant, readers[source], kernel)
            if dies and chains[target] == [target] and chains[source][-1] == source:
                chains[source].append(target)
                chains[target] = chains[source]
    found = [
        Lifetime(tuple(chain), spans[chain[0]][0], spans[chain[-1]][1])
        for tensor, chain in chains.items()
        if chain[0] == tensor
    ]
    return tuple(sorted(found, key=lambda lifetime: lifetime.first))


def _only_reader(variant: Variant, readers: list[int], kernel: int) -> bool:
    """Whether no other kernel of its stage is among the readers."""
    (stage,) = (stage for stage in variant.stages if kernel in stage)
    return all(reader == kernel or reader not in stage for reader in readers)


def separate_bytes(lives: tuple[Lifetime, ...], sizes: list[int]) -> int:
    """The bytes that the tensors would need if none shared memory with another."""
    return sum(-(-sizes[tensor] // ALIGNMENT) * ALIGNMENT for lifetime in lives for tensor in lifetime.tensors)


def place(lives: tuple[Lifetime, ...], sizes: list[int]) -> tuple[dict[int, int], int]:
    """Byte offsets of the tensors, and the bytes that all of them need. `sizes` are in bytes, by tensor."""
    offsets: dict[int, int] = {}
    total = 0
    live: list[tuple[int, int, int]] = []
    """(offset, end, last stage) of what is live, by offset."""
    for lifetime in lives:
        live = [block for block in live if block[2] >= lifetime.first]
        size = -(-sizes[lifetime.tensors[0]] // ALIGNMENT) * ALIGNMENT
        start = _tightest_gap(live, size, total)
        offsets.update(dict.fromkeys(lifetime.tensors, start))
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
