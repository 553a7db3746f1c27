"""Where intermediate tensors lie: those that never live at once share memory, of the workspace or of an output.

A tensor lives from the stage that writes it to the last stage that reads it, both included, for the kernels of a stage
run side by side. A kernel's result that may be written over an input which dies there takes its memory. Until an output is written, its memory
is free for others: it belongs to nobody else, because bind and machine see to it that no input shares it. Placing goes from the
largest to the smallest.
"""

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from vm.program import Program, Storage, Variant

ALIGNMENT = 64

ROOMY_BYTES = 1 << 20
"""Tensors up to this size get room to grow."""

LEAST_GIVEN = 1 << 14
"""Bytes of a tensor from which it is worth an output's memory, which each launch has elsewhere, while the workspace stays where it is."""

PLACEMENT_LIMIT = 64
"""Placements that are kept; where more are needed, all are forgotten."""


@dataclass(frozen=True)
class Lifetime:
    """The stages, from `first` to `last`, in which memory holds something: one tensor, or several of the same size, each
    written over the one before it.

    `output` is the output that is the last of them, whose memory it is, or -1 where it is the workspace's to give.
    """

    tensors: tuple[int, ...]
    first: int
    last: int
    output: int = -1

    @property
    def intermediates(self) -> tuple[int, ...]:
        """The tensors of the workspace."""
        return self.tensors if self.output < 0 else self.tensors[:-1]


def lifetimes(
    program: Program, variant: Variant, roots: tuple[int, ...], overwritable: Sequence[Sequence[tuple[int, int]]]
) -> tuple[Lifetime, ...]:
    """The lifetimes of the workspace and the outputs.

    `roots` has the tensor that owns the memory of each; `overwritable` has for each kernel the pairs of an input and
    an output that may be written over it.
    """
    spans: dict[int, tuple[int, int]] = {}
    readers: dict[int, list[int]] = {}
    for number, stage in enumerate(variant.stages):
        for kernel in stage:
            for operand in program.kernels[kernel].operands:
                root = roots[operand.tensor]
                if program.tensors[root].storage in (Storage.WORKSPACE, Storage.OUTPUT):
                    first, _ = spans.get(root, (number, number))
                    spans[root] = (first, number)
                    readers.setdefault(root, []).append(kernel)
    for output in program.outputs:
        if output in spans:
            spans[output] = (spans[output][0], len(variant.stages))
    chains = {tensor: [tensor] for tensor in spans}
    for kernel in (kernel for stage in variant.stages for kernel in stage):
        for source, target in overwritable[kernel]:
            # the kernel is the last to read it, and the only one of its stage
            dies = spans[source][1] == spans[target][0] and _only_reader(variant, readers[source], kernel)
            if dies and chains[target] == [target] and chains[source][-1] == source:
                chains[source].append(target)
                chains[target] = chains[source]
    return tuple(
        Lifetime(tuple(chain), spans[tensor][0], spans[chain[-1]][1], chain[-1] if chain[-1] in program.outputs else -1)
        for tensor, chain in chains.items()
        if chain[0] == tensor
    )


def _only_reader(variant: Variant, readers: list[int], kernel: int) -> bool:
    """Whether no other kernel of its stage is among the readers."""
    (stage,) = (stage for stage in variant.stages if kernel in stage)
    return all(reader == kernel or reader not in stage for reader in readers)


def place(
    lives: tuple[Lifetime, ...], sizes: list[int], capacities: list[int], least: int = 0
) -> tuple[dict[int, tuple[int, int]], int]:
    """For each tensor of the workspace the tensor whose memory it takes, which is an output or itself, and its byte offset
    there or in the workspace; and the bytes of the workspace. `sizes` are in bytes, by tensor; `capacities` what an output has for others,
    and tensors below `least` bytes stay in the workspace.
    """
    places: dict[int, tuple[int, int]] = {}
    workspace: list[_Block] = []
    outputs: dict[int, list[_Block]] = {}
    for lifetime in lives:
        if lifetime.output >= 0 and sizes[lifetime.output] >= least:
            outputs[lifetime.output] = [_Block(0, sizes[lifetime.output], lifetime.first, lifetime.last)]
            places.update(dict.fromkeys(lifetime.intermediates, (lifetime.output, 0)))
    total = 0
    # of equal ones those first that live longest: they are the hardest to find a place for
    movable = [lifetime for lifetime in lives if lifetime.output not in outputs and lifetime.intermediates]
    for lifetime in sorted(movable, key=lambda life: (-sizes[life.tensors[0]], life.first - life.last)):
        size = sizes[lifetime.tensors[0]]
        for output, blocks in outputs.items() if size >= least else ():
            start = _tightest_gap(blocks, lifetime, size)
            if start + size <= capacities[output]:
                places.update(dict.fromkeys(lifetime.intermediates, (output, start)))
                break
        else:
            blocks = workspace
            start = _tightest_gap(blocks, lifetime, size)
            places.update({tensor: (tensor, start) for tensor in lifetime.intermediates})
            total = max(total, start + _aligned(size))
        insort(blocks, _Block(start, start + size, lifetime.first, lifetime.last))
    return places, total


class Placement(NamedTuple):
    """For each tensor of the workspace the tensor whose memory it takes, and its byte offset there; the bytes of the workspace; and
    those that it would need if no tensor of it shared memory with another.
    """

    places: dict[int, tuple[int, int]]
    workspace_bytes: int
    separate_bytes: int
    in_outputs: tuple[tuple[int, int, int], ...]
    """Those whose memory is another's, with it and the offset."""


class Placements:
    """The placements of the tensors of one variant, for any sizes.

    Where dims grow little by little, as those of a cache do, most tensors are to stay where they are, so that what was made
    for kernels that see nothing of it goes on to hold: small ones get room to grow, by an eighth at most.
    """

    def __init__(self, lives: tuple[Lifetime, ...]) -> None:
        self.lives = lives
        self._kept: dict[tuple[tuple[int, ...], bool], Placement] = {}

    def of(self, sizes: list[int]) -> Placement:
        """The placement for tensors of these sizes in bytes, by tensor."""
        key = tuple([_with_room(sizes[lifetime.tensors[0]]) for lifetime in self.lives])
        found = self._placement(key, sizes, to_be_sure=False)
        for tensor, owner, start in found.in_outputs:
            if start + sizes[tensor] > sizes[owner]:  # an output has no room itself
                return self._placement(key, sizes, to_be_sure=True)
        return found

    def _placement(self, key: tuple[int, ...], sizes: list[int], *, to_be_sure: bool) -> Placement:
        """The placement for all sizes that have this key; `to_be_sure`, of those in outputs each fits for all of them."""
        found = self._kept.get((key, to_be_sure))
        if found is None:
            roomy = [_with_room(size) for size in sizes]
            capacities = [_least(size) for size in roomy] if to_be_sure else roomy
            separate = sum(_aligned(roomy[tensor]) for lifetime in self.lives for tensor in lifetime.intermediates)
            places, total = place(self.lives, roomy, capacities, LEAST_GIVEN)
            others = [(tensor, owner, start) for tensor, (owner, start) in places.items() if owner != tensor]
            found = Placement(places, total, separate, tuple(others))
            if len(self._kept) >= PLACEMENT_LIMIT:
                self._kept.clear()
            self._kept[key, to_be_sure] = found
        return found


@lru_cache(maxsize=4096)
def _with_room(size: int) -> int:
    if size > ROOMY_BYTES:
        return size
    step = _step(size)
    return -(-size // step) * step


def _least(roomy: int) -> int:
    """The least size that has so many bytes with room to grow."""
    return roomy if roomy > ROOMY_BYTES else max(roomy - _step(roomy - 1) + 1, 0)


def _step(size: int) -> int:
    """What the size of a small tensor is rounded up to a multiple of, at most an eighth of it unless it is less than 512 bytes."""
    return 1 << max(size.bit_length() - 4, 6)


class _Block(NamedTuple):
    """Bytes that are taken from one stage to another, both included."""

    start: int
    stop: int
    first: int
    last: int


def _tightest_gap(blocks: list[_Block], lifetime: Lifetime, size: int) -> int:
    """Where to put `size` bytes: the smallest gap that takes them between what lives at the same time, else behind it.

    The blocks are in ascending order.
    """
    first, last = lifetime.first, lifetime.last
    best, best_room = -1, 0
    end = 0
    for start, stop, other_first, other_last in blocks:
        if other_first <= last and first <= other_last:
            room = start - end
            if size <= room and (best < 0 or room < best_room):
                best, best_room = end, room
            if stop > end:
                end = _aligned(stop)
    return best if best >= 0 else end


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
