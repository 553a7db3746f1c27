"""`visa-schedule`: orders the instructions of each pass so that fewer tiles are live at once.

Instructions are emitted depth first from those that nothing in the pass reads, the operand that needs most tiles first
(Sethi and Ullman, "The generation of optimal code for arithmetic expressions", 1970), so that a load comes right before
its use. An instruction that makes no more tiles than it frees is emitted as soon as it can be: stores come early. On a
tree that is optimal; on a graph it is a heuristic, so a pass is left as it was unless it needs fewer slots afterwards.
Scalars need no slot and come first. The time is O(n log n) for n instructions.
"""

from collections.abc import Iterator, Mapping, Sequence, Set

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation, SSAValue
from xdsl.passes import ModulePass

from dvm_dialects.visa import (
    Axes,
    EndOp,
    InstructionOp,
    KernelOp,
    PassOp,
    axes_of,
    kernels_in,
    may_share_slot,
)
from passes.visa_allocate_ub import assign_slots

Tiles = Mapping[Operation, Sequence[SSAValue]]
"""The tiles that each operation of a kernel reads, each once."""


class VisaSchedulePass(ModulePass):
    """Schedule every `visa.kernel` that is not allocated yet."""

    name = "visa-schedule"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for kernel in kernels_in(op):
            if not kernel.slots.data:
                schedule(kernel)


def schedule(kernel: KernelOp) -> None:
    """Reorder the instructions of each pass where that saves slots."""
    axes = axes_of(kernel)
    block = kernel.body.block
    tiles = {op: tuple(dict.fromkeys([operand for operand in op.operands if operand in axes])) for op in block.ops}
    for operations, end, live_out in tuple(_passes(block, tiles)):
        instructions = [op for op in operations if isinstance(op, InstructionOp)]
        before = _slots(instructions, axes, live_out)
        if before <= max((len(tiles[op]) for op in instructions), default=0) or before == len(live_out):
            continue  # no order needs fewer
        ordered = _Order(instructions, tiles, axes, live_out).run()
        if _slots(ordered, axes, live_out) < before:
            for op in operations:
                op.detach()
            scalars = [op for op in operations if not isinstance(op, InstructionOp)]
            block.insert_ops_before([*scalars, *ordered], end)


def _passes(block: Block, tiles: Tiles) -> Iterator[tuple[list[Operation], Operation, set[SSAValue]]]:
    """The operations of each pass without its `visa.pass`, what ends it, and the tiles that are read after it."""
    last_use: dict[SSAValue, int] = {}
    for position, op in enumerate(block.ops):
        last_use.update((operand, position) for operand in op.operands)
    operations: list[Operation] | None = None
    for position, op in enumerate(block.ops):
        if not isinstance(op, PassOp | EndOp):
            if operations is not None:
                operations.append(op)
            continue
        if operations:
            touched = {tile for inner in operations for tile in (*tiles[inner], *inner.results)}
            yield operations, op, {tile for tile in touched if last_use.get(tile, -1) >= position}
        operations = []


def _slots(operations: Sequence[Operation], axes: Mapping[SSAValue, Axes], live_out: Set[SSAValue]) -> int:
    """The number of slots that the operations need in this order."""
    # In the order of definition, as a set has none that repeats.
    tiles = (tile for op in operations for tile in (*op.operands, *op.results) if tile in live_out)
    return max(assign_slots(operations, axes, tiles).values(), default=-1) + 1


class _Order:
    """The order of the instructions of one pass, found as the module says."""

    def __init__(
        self,
        operations: Sequence[InstructionOp],
        tiles: Tiles,
        axes: Mapping[SSAValue, Axes],
        live_out: Set[SSAValue],
    ) -> None:
        self.operations = operations
        self.tiles = tiles
        self.axes = axes
        self.live_out = live_out
        self.emitted: dict[InstructionOp, None] = {}
        """What has been emitted, in order."""
        self.readers: dict[SSAValue, list[InstructionOp]] = {}
        """The instructions that read each tile."""
        self.unread: dict[SSAValue, int] = {}
        """How many of the readers of each tile have not been emitted."""
        for op in operations:
            for tile in self.tiles[op]:
                self.readers.setdefault(tile, []).append(op)
        self.unread = {tile: len(readers) for tile, readers in self.readers.items()}
        self.before = self._dependences()

    def run(self) -> list[InstructionOp]:
        for root in self.operations:
            if not any(result in self.readers for result in root.results):
                self._visit(root)
        return list(self.emitted)

    def _dependences(self) -> dict[InstructionOp, list[InstructionOp]]:
        """The instructions to emit before each, the one that needs most tiles first."""
        before: dict[InstructionOp, list[InstructionOp]] = {}
        needs: dict[InstructionOp, int] = {}
        for op in self.operations:
            producers = {tile.owner: None for tile in self.tiles[op]}
            inside = [owner for owner in producers if isinstance(owner, InstructionOp) and owner in needs]
            inside.sort(key=lambda producer: -needs[producer])
            needs[op] = max((needs[producer] + held for held, producer in enumerate(inside)), default=len(op.results))
            # Whatever else reads the tile that is updated in place must have read it.
            others = self.readers[op.tied] if op.tied is not None else ()
            before[op] = inside + [reader for reader in others if reader is not op]
        return before

    def _visit(self, root: InstructionOp) -> None:
        """Emit an instruction after all that it depends on. (No recursion: chains are as long as kernels.)"""
        stack = [(root, iter(self.before[root]))]
        while stack:
            op, pending = stack[-1]
            dependence = next((candidate for candidate in pending if candidate not in self.emitted), None)
            if dependence is not None:
                stack.append((dependence, iter(self.before[dependence])))
                continue
            stack.pop()
            if op not in self.emitted:
                self._emit(op)

    def _emit(self, first: InstructionOp) -> None:
        """Emit an instruction, and all that it makes free of cost."""
        ready = [first]
        while ready:
            op = ready.pop()
            if op in self.emitted:
                continue
            self.emitted[op] = None
            for tile in self.tiles[op]:
                self.unread[tile] -= 1
            candidates = [reader for result in op.results for reader in self.readers.get(result, ())]
            for tile in self.tiles[op]:
                if self.unread[tile] == 1:
                    candidates += [reader for reader in self.readers[tile] if reader not in self.emitted]
            ready += [reader for reader in reversed(candidates) if self._is_free(reader)]

    def _is_free(self, op: InstructionOp) -> bool:
        """Whether the instruction can be emitted and needs no slot that it does not free."""
        if op in self.emitted or any(dependence not in self.emitted for dependence in self.before[op]):
            return False
        if not op.results:
            return True
        dying = [tile for tile in self.tiles[op] if self.unread[tile] == 1 and tile not in self.live_out]
        return len(dying) > 1 or any(tile is op.tied or may_share_slot(op, tile, self.axes) for tile in dying)
