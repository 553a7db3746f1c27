"""Which axes of a bound domain the tiles of a kernel span, and whether its instructions can work on those.

A mask has bit i set for axis i of the domain. What the tiles span follows from what the views of operands span
(`PreparedKernel.tile_axes`).
"""

from vm.errors import BytecodeError
from vm.isa import GATHER, GROUPED_MATMUL, LOAD_GUARDED, MATMUL, STORE
from vm.layout import Domain, View
from vm.prepare import PreparedKernel, Step


def tile_masks(prepared: PreparedKernel, domain: Domain, views: list[View]) -> list[int]:
    """The mask of each entry of `prepared.tile_axes`."""
    spanned = [view.mask for view in views]
    parallel_mask, new_axis = domain.parallel_mask, domain.new_axis
    masks: list[int] = []
    for operands, axes, parallel, left_operands, left_axes in prepared.tile_axes:
        mask = _mask(operands, axes, spanned, new_axis)
        if parallel:
            mask |= parallel_mask
        if left_operands or left_axes:
            mask |= _mask(left_operands, left_axes, spanned, new_axis) & parallel_mask
        masks.append(mask)
    return masks


def _mask(operands: frozenset[int], axes: int, spanned: list[int], new_axis: tuple[int, ...]) -> int:
    mask = 0
    for operand in operands:
        mask |= spanned[operand]
    if axes:
        for axis, target in enumerate(new_axis):
            if target >= 0 and axes >> axis & 1:
                mask |= 1 << target
    return mask


def check_tiles(prepared: PreparedKernel, masks: list[int], domain: Domain, views: list[View]) -> None:
    """Check what the tile functions rely on. `masks` are those of the values. Raises BytecodeError."""
    long = sum([1 << axis for axis, extent in enumerate(domain.extents) if extent != 1])
    for step in prepared.checked_steps:
        if not _fits(step, masks, domain, long, views):
            name = prepared.kernel.name
            raise BytecodeError(f"kernel '{name}': the tiles of a '{step.instruction.opcode.mnemonic}' do not fit")


def _fits(step: Step, masks: list[int], domain: Domain, long: int, views: list[View]) -> bool:
    """Whether the axes of an instruction's operands are those that its tile function takes.

    `long` has the axes whose extent is not 1.
    """
    instruction = step.instruction
    form = instruction.opcode.format
    if form is STORE:
        return not masks[step.sources[0]] & ~views[instruction.b].mask & long
    if form is LOAD_GUARDED:
        return not views[instruction.a].mask & ~masks[step.result] & long
    if form is GATHER:
        return _gathers(views[instruction.a].dim_axes, masks[step.sources[1]], domain)
    rank = len(domain.extents)
    m, n, k = (1 << rank - back for back in (3, 2, 1))
    left = masks[step.sources[0]]
    if (m | k) & long & ~left or n & left & long:
        return False
    if form is GROUPED_MATMUL:
        axes = views[instruction.b].dim_axes
        return rank == 3 and sorted(axes) == [-1, 1, 2] and len(views[instruction.c].dim_axes) == 1
    right = masks[step.sources[1]]
    if (k | n) & long & ~right or m & right & long:
        return False
    return form is MATMUL or (rank == 4 and not (left | right) & 1 and len(views[instruction.c].dim_axes) == 1)


def _gathers(dim_axes: tuple[int, ...], index_mask: int, domain: Domain) -> bool:
    """A gather keeps the order of dims: those before the free dim, the axes of the index, those after it."""
    free = dim_axes.index(-1)
    before, after = dim_axes[:free], dim_axes[free + 1 :]
    rank = len(domain.extents)
    inner = tuple(range(len(before), rank - len(after)))
    return (
        before == tuple(range(len(before)))
        and after == tuple(range(rank - len(after), rank))
        and not index_mask & ~sum(1 << axis for axis in inner)
    )
