"""`vk-stack`: puts the kernels of a function into stages that run one after the other as one launch.

A kernel goes into the first stage in which all that it reads is there, beside every other kernel of which that is true:
parallel and sequence stacking. Alternatives of a `vk.speculate` are stacked by themselves. Reshapes and constants take
no time and stay between the stages. A kernel with an attribute `dvm.stage` goes into the stage of that number at the
earliest. A function that has stages already is left alone.
"""

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Block, Operation, Region, SSAValue
from xdsl.passes import ModulePass

from dvm_dialects import vk


class VkStackPass(ModulePass):
    """Stack the kernels of every function."""

    name = "vk-stack"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in op.ops:
            if isinstance(function, FuncOp):
                for block in function.body.blocks:
                    stack(block)


def stack(block: Block) -> None:
    """Replace the kernels of a block by stages of them."""
    if any(isinstance(op, vk.StageOp) for op in block.ops):
        return
    terminator = block.last_op
    if terminator is None:
        return
    finished_after: dict[Operation | Block, int] = {}
    """For each operation the stage after which its results are there; -1 before the first."""
    stages: list[list[Operation]] = []
    for op in block.ops:
        if op is terminator:
            break
        after = max((finished_after.get(operand.owner, -1) for operand in op.operands), default=-1)
        if isinstance(op, vk.KernelOp | vk.SpeculateOp):
            after = max(after + 1, vk.stage_of(op) or 0)
            stages += [[] for _ in range(after + 1 - len(stages))]
            stages[after].append(op)
        finished_after[op] = after
    between = [op for op in block.ops if op in finished_after and not isinstance(op, vk.KernelOp | vk.SpeculateOp)]
    for number, kernels in enumerate(stages):
        _place([op for op in between if finished_after[op] == number - 1], terminator)
        if kernels:
            _emit_stage(kernels, terminator)
    _place([op for op in between if finished_after[op] == len(stages) - 1], terminator)


def _place(operations: list[Operation], terminator: Operation) -> None:
    """Move operations to the end of the block."""
    block = terminator.parent
    assert block is not None
    for op in operations:
        op.detach()
        block.insert_op_before(op, terminator)


def _emit_stage(kernels: list[Operation], terminator: Operation) -> None:
    """A stage of these kernels at the end of the block."""
    inputs: dict[SSAValue, None] = dict.fromkeys(operand for kernel in kernels for operand in kernel.operands)
    body = Block(arg_types=[value.type for value in inputs])
    arguments = dict(zip(inputs, body.args, strict=True))
    for kernel in kernels:
        if isinstance(kernel, vk.SpeculateOp):
            for alternative in kernel.alternatives:
                stack(alternative.block)
        kernel.detach()
        kernel.operands = [arguments[operand] for operand in kernel.operands]
        body.add_op(kernel)
    results = [result for kernel in kernels for result in kernel.results]
    body.add_op(vk.YieldOp(*results))
    stage = vk.StageOp(tuple(inputs), Region(body))
    block = terminator.parent
    assert block is not None
    block.insert_op_before(stage, terminator)
    for argument, value in zip(body.args, inputs, strict=True):
        argument.name_hint = value.name_hint
    for outer, inner in zip(stage.results, results, strict=True):
        outer.name_hint = inner.name_hint
        inner.replace_uses_with_if(outer, lambda use: use.operation is not body.last_op)
