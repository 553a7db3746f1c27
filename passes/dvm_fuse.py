"""`dvm-fuse`: from an operator graph with deduced shapes to kernels.

Each operation starts as an area of its own; areas are merged by the patterns of `passes.fusion` and then become
`vk.kernel`s. Constants and reshapes stay between the kernels, because they take no time. What a function returns is
always the result of a kernel of its own: arguments, constants, reshapes and repeated values are copied.

Kernels that are there already, written by hand, are fused each by itself; one that does not come out as one kernel is an
error that says why.
"""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Operation, Region, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from dvm_dialects import dvm, vk
from dvm_dialects.diagnostics import failure, failures_of
from dvm_dialects.shapes import dims_of, regroups_ones
from passes.fusion.area_graph import Area, AreaGraph, AreaKind
from passes.fusion.cost import repeat_cheap_values, repeat_free_operations, work_on_stored_products
from passes.fusion.explain import Explanation
from passes.fusion.fixed_point import fuse_to_fixed_point, join
from passes.fusion.movement import VIEWS
from passes.fusion.reshapes import move_reshapes

_KINDS: dict[type[Operation], AreaKind] = {
    dvm.UnaryOp: AreaKind.ELEMENTWISE,
    dvm.BinaryOp: AreaKind.ELEMENTWISE,
    dvm.BinaryScalarOp: AreaKind.ELEMENTWISE,
    dvm.SelectOp: AreaKind.ELEMENTWISE,
    dvm.CastOp: AreaKind.ELEMENTWISE,
    dvm.BroadcastOp: AreaKind.ELEMENTWISE,
    dvm.CopyOp: AreaKind.ELEMENTWISE,
    dvm.BroadcastScalarOp: AreaKind.ELEMENTWISE,
    dvm.IotaOp: AreaKind.ELEMENTWISE,
    dvm.SizeOp: AreaKind.ELEMENTWISE,
    dvm.ReduceOp: AreaKind.REDUCTION,
    dvm.MatmulOp: AreaKind.CUBE,
    dvm.GroupedMatmulOp: AreaKind.CUBE,
    dvm.TransposeOp: AreaKind.ELEMENTWISE,
    dvm.SliceOp: AreaKind.ELEMENTWISE,
    dvm.ConcatOp: AreaKind.DATA_MOVEMENT,
    dvm.PadOp: AreaKind.DATA_MOVEMENT,
    dvm.GatherOp: AreaKind.DATA_MOVEMENT,
    dvm.ConstantOp: AreaKind.NONE,
    dvm.ReshapeOp: AreaKind.NONE,
}

_FREE = (dvm.ConstantOp, dvm.ReshapeOp)
"""Operations that need no kernel where they are by themselves."""


@dataclass(frozen=True)
class DvmFusePass(ModulePass):
    """Fuse the operations of every function into kernels."""

    name = "dvm-fuse"

    fusion: bool = True
    """Without it each operation has a kernel of its own."""
    explain: bool = False
    """Say on standard error what was merged and what was not, and why."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        explanation = Explanation(lambda line: print(line, file=sys.stderr)) if self.explain else None
        for function in op.ops:
            if isinstance(function, FuncOp) and function.body.blocks:
                emit_kernels(function, fusion=self.fusion, explanation=explanation)


def emit_kernels(function: FuncOp, *, fusion: bool = True, explanation: Explanation | None = None) -> None:
    """Turn one function into kernels, in place.

    Raises PassFailedException for an operation that has no place in a kernel.
    """
    if len(function.body.blocks) > 1:
        raise failure(function, "there must be one block")
    block = function.body.block
    if not isinstance(block.last_op, ReturnOp):
        raise failure(function, "it must end in func.return")
    by_hand = [op for op in function.walk() if isinstance(op, vk.KernelOp)]
    if not by_hand:
        _prepare(block)
        _emit(block, _fused(block, explanation) if fusion else _graph_of(block))
        return
    for op in block.ops:
        if not isinstance(op, vk.KernelOp | vk.SpeculateOp | ReturnOp | dvm.ReshapeOp | dvm.ConstantOp):
            raise failure(op, f"it is in no kernel that is written by hand, such as @{by_hand[0].sym_name.data}")
    for kernel in by_hand:
        _emit_by_hand(kernel, explanation)


def _fused(block: Block, explanation: Explanation | None) -> AreaGraph:
    """The areas of a block at the fixed point."""
    repeat_free_operations(block)
    move_reshapes(block, explanation)
    graph = _graph_of(block)
    fuse_to_fixed_point(graph)
    beside = work_on_stored_products(graph, explanation)
    if repeat_cheap_values(graph, explanation) or beside or explanation is not None:
        graph = _graph_of(block)
        join(graph, beside)
        fuse_to_fixed_point(graph, explanation)
    if explanation is not None:
        explanation.left_apart(graph)
    return graph


def _emit_by_hand(kernel: vk.KernelOp, explanation: Explanation | None) -> None:
    """Replace a kernel that is written by hand by the one that its operations make."""
    body = kernel.body.block
    _prepare(body)
    graph = _fused(body, explanation)
    count = sum(not _is_free(area.operations) for area in graph)
    if count != 1:
        lines: list[str] = []
        Explanation(lines.append).left_apart(graph)
        reasons = "".join(f"\n  {line}" for line in lines) or ", but its parts have nothing to do with one another"
        raise failure(kernel, f"it takes {count} kernels, and is written as one{reasons}")
    _emit(body, graph)
    fused = next(op for op in body.ops if isinstance(op, vk.KernelOp))
    fused.sym_name = kernel.sym_name
    fused.attributes.update(kernel.attributes)
    terminator = body.last_op
    assert terminator is not None
    results = tuple(terminator.operands)
    body.erase_op(terminator)
    Rewriter.inline_block(body, InsertPoint.before(kernel), kernel.operands)
    Rewriter.replace_op(kernel, [], results)


def _prepare(block: Block) -> None:
    """Leave a block with nothing but what kernels compute, and what it ends in with nothing but their results."""
    _drop_transfers(block)
    terminator = block.last_op
    assert terminator is not None
    _give_results_kernels(block, terminator)


def _graph_of(block: Block) -> AreaGraph:
    return AreaGraph(_area_of(operation) for operation in block.ops if operation is not block.last_op)


def _area_of(operation: Operation) -> Area:
    kind = _KINDS.get(type(operation))
    if kind is None:
        raise failure(operation, "it is not a primitive operation of the graph")
    with failures_of(operation):
        if isinstance(operation, dvm.ReduceOp):
            return Area([operation], kind, dims_of(operation.operand.type), tuple(sorted(operation.axes)), depth=1)
        if isinstance(operation, dvm.ReshapeOp) and _is_index_work(operation):
            kind = AreaKind.ELEMENTWISE
        moves_data = isinstance(operation, dvm.ConcatOp | dvm.PadOp)
        return Area([operation], kind, dims_of(operation.results[0].type), moves_data=moves_data)


def _is_index_work(operation: dvm.ReshapeOp) -> bool:
    """Whether a reshape only adds or drops dims of 1 of what a kernel computes, so that it may be part of the kernel."""
    computed = isinstance(operation.operand.owner, Operation) and not isinstance(operation.operand.owner, _FREE)
    return computed and regroups_ones(dims_of(operation.operand.type), dims_of(operation.result.type))


def _drop_transfers(block: Block) -> None:
    """Loads and stores mark arguments and results; kernels load and store by themselves."""
    for operation in tuple(block.ops):
        if isinstance(operation, dvm.LoadOp | dvm.StoreOp):
            operation.result.replace_all_uses_with(operation.operand)
            block.erase_op(operation)


def _give_results_kernels(block: Block, terminator: Operation) -> None:
    """Copy what is returned but is not the result of a kernel, or is returned before."""
    returned: set[SSAValue] = set()
    for index, value in enumerate(terminator.operands):
        owner = value.owner
        computed = isinstance(owner, Operation) and _KINDS.get(type(owner)) is not AreaKind.NONE
        if not computed or value in returned:
            copy = dvm.CopyOp(value, value.type)
            block.insert_op_before(copy, terminator)
            terminator.operands[index] = copy.result
            value = copy.result
        returned.add(value)


def _emit(block: Block, graph: AreaGraph) -> None:
    """Replace the operations of the block by the kernels of the areas, in topological order."""
    terminator = block.last_op
    assert terminator is not None
    number = 0
    for area in graph:
        operations = graph.in_order(area)
        if _is_free(operations):
            for operation in operations:
                operation.detach()
                block.insert_op_before(operation, terminator)
        else:
            results = [result for operation in operations for result in operation.results]
            outputs = [result for result in results if graph.outside_uses(area, result)]
            emit_kernel(operations, outputs, _kind_of(area), f"k{number}", terminator)
            number += 1


def _is_free(operations: Iterable[Operation]) -> bool:
    return all(isinstance(operation, _FREE) for operation in operations)


def emit_kernel(
    operations: Sequence[Operation], outputs: Sequence[SSAValue], kind: str, name: str, before: Operation
) -> vk.KernelOp:
    """Move operations of a block, in their order, into a kernel with these results, and use them where they were used."""
    inside = set(operations)
    inputs: dict[SSAValue, None] = {}
    for operation in operations:
        for operand in operation.operands:
            if operand.owner not in inside:
                inputs.setdefault(operand)
    body = Block(arg_types=[value.type for value in inputs])
    replaced = dict(zip(inputs, body.args, strict=True))
    for operation in operations:
        operation.detach()
        body.add_op(operation)
        for index, operand in enumerate(operation.operands):
            if operand in replaced:
                operation.operands[index] = replaced[operand]
    body.add_op(vk.YieldOp(*outputs))
    kernel = vk.KernelOp(kind, name, tuple(inputs), Region(body))
    block = before.parent_block()
    assert block is not None
    block.insert_op_before(kernel, before)
    for argument, value in zip(body.args, inputs, strict=True):
        argument.name_hint = value.name_hint
    for result, value in zip(kernel.results, outputs, strict=True):
        result.name_hint = value.name_hint
        value.replace_uses_with_if(result, lambda use: use.operation not in inside and use.operation.parent is not body)
    return kernel


def _kind_of(area: Area) -> str:
    if area.kind is not AreaKind.CUBE:
        return "vector"
    products = all(
        _KINDS[type(operation)] is AreaKind.CUBE or isinstance(operation, VIEWS) for operation in area.operations
    )
    return "cube" if products else "mix"
