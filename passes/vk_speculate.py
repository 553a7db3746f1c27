"""`vk-speculate`: alternatives of kernels whose best form depends on dims that only bind knows.

A kernel that reads its domain again after reducing it (softmax, the norms) is best as it is where the part that is
reduced fits in the unified buffer: each element is read once. Where it does not, the kernel streams that part once for
each reduction and once more for what comes after, and then one kernel for each can be better:

- with few rows, because a lone reduction is split over the cores in chunks, which a kernel that goes on is not;
- with reductions that leave the last axis, because a lone reduction goes over whole rows, in wide tiles.

A product of rows that are computed in its kernel computes whole rows, where some of them fit in the unified buffer together with
their results. Where they do not, it would stream block after block of the rows, for each block of columns again; and where
the right factor is large, it is read again for each block of rows. Then one kernel for the rows and one for the product
are better.

(`benchmarks/speculation.py` measures the first.) All alternatives are right for all sizes. Where the sizes are known, so is
the choice, and no alternative is left. Kernels that are put into a stage by hand (`vk.stage_of`) stay as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Block, Operation, Region, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.utils.exceptions import PassFailedException

from dvm_dialects import dvm, vk
from dvm_dialects.dims import Dim, product
from dvm_dialects.shapes import dims_of, element_of
from passes.fusion.patterns import LARGE_FACTOR
from passes.lowering.domain import Domain, Shape, domain_of
from vm.device import DEFAULT_UNIFIED_BUFFER_BYTES

FEW_ROWS = 4
"""Parallel points below which a reduction that does not fit is better cut into chunks for the cores."""

NARROWEST_TILE = 256
"""Elements that a tile wants along a last axis that is not reduced."""

COMPUTED_ROWS = 32
"""Rows of a left factor that are to fit where they are computed in the product's kernel: twice as many as bind asks for, whose
slots hold more than what is live at once.
"""

FEW_COLUMNS = 64
"""Columns of a product below which the rows of its left factor are long where its right factor is large."""

COMPUTED_COLUMNS = 1024
"""Columns of the results that are to fit with them; of more, bind takes some at a time."""

CONDITION_LIMIT = 3
"""Different conditions of one function: every combination of their answers is a variant of the program."""


@dataclass(frozen=True)
class VkSpeculatePass(ModulePass):
    """Speculate on the kernels of every function."""

    name = "vk-speculate"

    unified_buffer_bytes: int = DEFAULT_UNIFIED_BUFFER_BYTES
    """The size of the unified buffer to compile for; programs run with any."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if self.unified_buffer_bytes < 1:
            raise PassFailedException(
                f"vk-speculate: unified-buffer-bytes is {self.unified_buffer_bytes}, not positive"
            )
        for function in op.ops:
            if isinstance(function, FuncOp):
                taken: set[str] = set()
                for kernel in tuple(function.walk()):
                    if not isinstance(kernel, vk.KernelOp) or not isinstance(kernel.parent_op(), FuncOp):
                        continue
                    if vk.stage_of(kernel) is None:
                        _speculate(kernel, self.unified_buffer_bytes, taken)


def _speculate(kernel: vk.KernelOp, unified_buffer_bytes: int, taken: set[str]) -> None:
    """Replace a kernel by alternatives, or by the better form, where that is not the kernel itself."""
    domain = domain_of(kernel)
    if domain.contracts:
        if not computed_factors(kernel):
            return
        comparisons = _stored_rows_are_better(kernel, domain, unified_buffer_bytes)
    elif not any(isinstance(op, dvm.ReduceOp) for op in kernel.body.block.ops) or not _reads_again(kernel, domain):
        return
    else:
        comparisons = _apart_is_better(domain, unified_buffer_bytes // _bytes_of_point(kernel, domain.extents))
    if any(comparison.is_decided and not comparison.holds({}) for comparison in comparisons):
        return
    comparisons = [comparison for comparison in comparisons if not comparison.is_decided]
    if not comparisons:
        take_apart(kernel)
        return
    condition = " and ".join(map(str, comparisons))
    if condition not in taken and len(taken) == CONDITION_LIMIT:
        return
    taken.add(condition)
    body = Block(arg_types=[value.type for value in kernel.operands])
    whole = kernel.clone()
    whole.operands = list(body.args)
    body.add_ops([whole, vk.YieldOp(*whole.results)])
    for old, new in zip(kernel.results, whole.results, strict=True):
        new.name_hint = old.name_hint
    alternatives = [Region(_apart(kernel, domain)), Region(body)]
    choice = vk.SpeculateOp(tuple(kernel.operands), [condition], alternatives)
    for old, new in zip(kernel.results, choice.results, strict=True):
        new.name_hint = old.name_hint
    Rewriter.replace_op(kernel, choice)


def _reads_again(kernel: vk.KernelOp, domain: Domain) -> bool:
    """Whether the kernel needs its whole domain after a reduction of it."""
    if max(domain.stages.values(), default=0) > 1:
        return any(isinstance(op, dvm.ReduceOp) and domain.stages[op.result] > 1 for op in kernel.body.block.ops)
    outputs = [value for value in _yielded(kernel) if domain.stages.get(value, 0) > 0]
    return any(dims_of(value.type) == domain.extents for value in outputs)


def _yielded(kernel: vk.KernelOp) -> Sequence[SSAValue]:
    terminator = kernel.body.block.last_op
    assert terminator is not None
    return terminator.operands


def computed_factors(kernel: vk.KernelOp) -> list[SSAValue]:
    """The left factors of products that are computed in the kernel."""
    products = [op for op in kernel.body.block.ops if isinstance(op, dvm.MatmulOp)]
    factors = dict.fromkeys(product.lhs for product in products)
    return [value for value in factors if not isinstance(value.owner, Block | dvm.TransposeOp)]


def _stored_rows_are_better(kernel: vk.KernelOp, domain: Domain, unified_buffer_bytes: int) -> list[vk.Comparison]:
    """The comparisons that hold where the right factor is large, or else where the unified buffer takes neither some of the rows
    that a product computes nor all there are.

    Of few columns rows fit no longer before the factor is large; of many it is the other way round.
    """
    rows, columns, depth = domain.extents[-3:]
    factor = depth * columns
    if factor.value is None and (columns.value is None or columns.value >= FEW_COLUMNS):
        return [vk.Comparison(factor, ">", Dim.constant(LARGE_FACTOR))]
    if columns.value is None or columns.value > COMPUTED_COLUMNS:
        columns = Dim.constant(COMPUTED_COLUMNS)
    results = _bytes_of_point(kernel, domain.extents[:-1])
    of_row = depth * _bytes_of_point(kernel, dims_of(computed_factors(kernel)[0].type)) + columns * results
    room = Dim.constant(unified_buffer_bytes)
    return [vk.Comparison(of_row * COMPUTED_ROWS, ">", room), vk.Comparison(of_row * rows, ">", room)]


def _bytes_of_point(kernel: vk.KernelOp, dims: Shape) -> int:
    """The bytes that the tiles of a kernel take for a point of what has these dims, at most: what is live at once.

    Inputs are read where they are, but for 16-bit floats.
    """
    operations = list(kernel.body.block.ops)
    last_use = {operand: number for number, op in enumerate(operations) for operand in op.operands}
    sizes: dict[SSAValue, int] = {}
    most = 4
    for number, op in enumerate(operations):
        for value in (*op.operands, *op.results):
            element = element_of(value.type)
            in_memory = isinstance(value.owner, Block) and element is element.compute
            if dims_of(value.type) == dims and not in_memory and value in last_use:
                sizes[value] = element.compute.bytes
        for value in op.operands:
            if last_use[value] == number:
                sizes[value] = 0
        most = max(most, sum(sizes.values()))
    return most


def _apart_is_better(domain: Domain, points: int) -> list[vk.Comparison]:
    """The comparisons that must all hold for kernels of their own to be better.

    `points` of the domain fit in the unified buffer.
    """
    room = Dim.constant(points)
    reduced = product(domain.extents[axis] for axis in domain.reduced)
    last = len(domain.extents) - 1
    if last not in domain.reduced:
        widths = NARROWEST_TILE, domain.extents[last]
        return [vk.Comparison(reduced * width, ">", room) for width in widths]
    rows = product(domain.extents[axis] for axis in domain.parallel)
    return [vk.Comparison(reduced, ">", room), vk.Comparison(_least(rows), "<", Dim.constant(FEW_ROWS))]


def _least(rows: Dim) -> Dim:
    """How many there are where every symbol is 1, if that is many already, else the dim itself."""
    try:
        least = rows.evaluate(dict.fromkeys(rows.symbols, 1))
    except ValueError:
        return rows
    return Dim.constant(least) if least >= FEW_ROWS else rows


def _apart(kernel: vk.KernelOp, domain: Domain) -> Block:
    """A block with a kernel for the reductions of each stage, and one for the outputs of each other shape."""
    block = Block(arg_types=[value.type for value in kernel.operands])
    known: dict[SSAValue, SSAValue] = dict(zip(kernel.body.block.args, block.args, strict=True))
    for argument, inner in zip(block.args, kernel.body.block.args, strict=True):
        argument.name_hint = inner.name_hint
    reductions: dict[int, list[SSAValue]] = {}
    for op in kernel.body.block.ops:
        if isinstance(op, dvm.ReduceOp):
            reductions.setdefault(domain.stages[op.result], []).append(op.result)
    others: dict[Shape, list[SSAValue]] = {}
    for value in _yielded(kernel):
        if not isinstance(value.owner, dvm.ReduceOp):
            others.setdefault(dims_of(value.type), []).append(value)
    groups = [reductions[stage] for stage in sorted(reductions)] + list(others.values())
    if domain.contracts:
        groups = [computed_factors(kernel), list(_yielded(kernel))]
    for number, wanted in enumerate(groups):
        _add_kernel(block, kernel, f"{kernel.sym_name.data}_{number}", wanted, known)
    block.add_op(vk.YieldOp(*[known[value] for value in _yielded(kernel)]))
    return block


def _add_kernel(
    block: Block, kernel: vk.KernelOp, name: str, wanted: Sequence[SSAValue], known: dict[SSAValue, SSAValue]
) -> None:
    """Append a kernel that computes some values of `kernel` from those that are known, and make them known."""
    needed = set(wanted)
    inputs: dict[SSAValue, None] = {}
    operations: list[Operation] = []
    for op in reversed(tuple(kernel.body.block.ops)):
        if not needed.isdisjoint(op.results):
            operations.insert(0, op)
            for operand in op.operands:
                if operand in known:
                    inputs.setdefault(operand)
                else:
                    needed.add(operand)
    body = Block(arg_types=[value.type for value in inputs])
    inside: dict[SSAValue, SSAValue] = dict(zip(inputs, body.args, strict=True))
    for op in operations:
        body.add_op(op.clone(inside))
    body.add_op(vk.YieldOp(*[inside[value] for value in wanted]))
    kind = "vector"
    if any(isinstance(op, dvm.MatmulOp) for op in operations):
        kind = "cube" if all(isinstance(op, dvm.MatmulOp | dvm.TransposeOp) for op in operations) else "mix"
    part = vk.KernelOp(kind, name, [known[value] for value in inputs], Region(body))
    block.add_op(part)
    for argument, value in zip(body.args, inputs, strict=True):
        argument.name_hint = value.name_hint
    for result, value in zip(part.results, wanted, strict=True):
        result.name_hint = value.name_hint
    known.update(zip(wanted, part.results, strict=True))


def take_apart(kernel: vk.KernelOp) -> None:
    """Replace a kernel by one for the reductions of each stage, and one for the outputs of each other shape; a product of
    computed rows by one for the rows, and the product.
    """
    block = _apart(kernel, domain_of(kernel))
    terminator = block.last_op
    assert terminator is not None
    results = tuple(terminator.operands)
    terminator.detach()
    terminator.erase()
    Rewriter.inline_block(block, InsertPoint.before(kernel), kernel.operands)
    Rewriter.replace_op(kernel, [], results)
