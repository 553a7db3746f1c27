"""`visa-allocate-ub`: gives every tile of a kernel a slot of the unified buffer, as few slots as possible.

One backward scan: a tile takes a free slot where its last use is met, and gives it back where it is defined. The lives
of tiles are intervals of the instruction order (passes only lengthen them, by what they keep), and for intervals taking
any free slot before a new one is optimal.

xDSL's BlockNaiveAllocator on a RegisterStack does the same, but frees results before it allocates operands whatever the
instruction, which for us is legal only for the sources in `may_share_slot`; and measured on a kernel of 1000 instructions
it takes 50 us an instruction with all 4096 slots in its pool, since it searches lists of free registers.
"""

from collections.abc import Iterable, Mapping, Sequence
from heapq import heappop, heappush

from xdsl.context import Context
from xdsl.dialects.builtin import IntAttr, ModuleOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import Rewriter

from dvm_dialects.diagnostics import failure
from dvm_dialects.visa import Axes, InstructionOp, KernelOp, axes_of, kernels_in, may_share_slot, ub_slot
from vm.isa import FIELD_LIMIT


class VisaAllocateUbPass(ModulePass):
    """Allocate every `visa.kernel` that is not allocated yet."""

    name = "visa-allocate-ub"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for kernel in kernels_in(op):
            if not kernel.slots.data:
                allocate(kernel)


def allocate(kernel: KernelOp) -> None:
    """Give each tile of the kernel its slot; raises PassFailedException where more are needed than words can name."""
    slots = assign_slots(tuple(kernel.body.block.ops), axes_of(kernel))
    count = max(slots.values(), default=-1) + 1
    if count > FIELD_LIMIT:
        raise failure(kernel, f"it needs {count} slots, more than {FIELD_LIMIT}")
    for value, slot in slots.items():
        Rewriter.replace_value_with_new_type(value, ub_slot(slot))
    kernel.slots = IntAttr(count)


def assign_slots(
    operations: Sequence[Operation], axes: Mapping[SSAValue, Axes], live_out: Iterable[SSAValue] = ()
) -> dict[SSAValue, int]:
    """A slot for each tile that the operations, in this order, define or read, and for those live after them.

    The slots are 0, 1, ... without gaps. `axes` are the axes of each tile.
    """
    slots: dict[SSAValue, int] = {}
    free: list[int] = []
    used = 0

    def take(value: SSAValue) -> None:
        nonlocal used
        if value not in slots and value in axes:
            if free:
                slots[value] = heappop(free)
            else:
                slots[value] = used
                used += 1

    for value in live_out:
        take(value)
    for op in reversed(operations):
        results = op.results
        if not results or not isinstance(op, InstructionOp):
            for operand in op.operands:
                take(operand)
            continue
        take(results[0])
        slot: int | None = slots[results[0]]
        if op.tied is not None:
            slots[op.tied] = slot
            slot = None
        sharing: list[SSAValue] = []
        for source in op.sources:
            if source in slots or source not in axes:
                continue
            if may_share_slot(op, source, axes):
                sharing.append(source)
            else:
                take(source)
        # The tile that dies here and is read first hands its slot on, which is then the one in the cache.
        if slot is not None and sharing:
            slots[sharing[0]] = slot
        elif slot is not None:
            heappush(free, slot)
        for source in sharing:
            take(source)
    return slots
