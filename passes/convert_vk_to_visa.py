"""`convert-vk-to-visa`: gives each kernel a domain, each operand an access map, each operation its instructions.

The domain of a kernel is what its operations iterate over: the input of its reductions, the (m, n, k) of its matrix
product, else the shape that its results broadcast to. Broadcasts, transposes and slices take no instruction: they are
in the access maps, and a tile lacks the axes along which its value does not vary.
"""

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.passes import ModulePass

from dvm_dialects import vk
from dvm_dialects.diagnostics import failures_of
from passes.lowering.kernel import KernelLowering
from passes.lowering.operations import LOWERINGS


class ConvertVkToVisaPass(ModulePass):
    """Lower every `vk.kernel`."""

    name = "convert-vk-to-visa"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in op.ops:
            if not isinstance(function, FuncOp):
                continue
            for operation in tuple(function.walk()):
                if isinstance(operation, vk.KernelOp):
                    lower_kernel(operation)


def lower_kernel(kernel: vk.KernelOp) -> None:
    """Replace a kernel by its virtual instructions; raises PassFailedException where it has none."""
    with failures_of(kernel):
        lowered = KernelLowering(kernel, LOWERINGS).lower()
    block = kernel.parent_block()
    assert block is not None
    block.insert_op_before(lowered, kernel)
    for old, new in zip(kernel.results, lowered.results, strict=True):
        new.name_hint = old.name_hint
        old.replace_all_uses_with(new)
    block.erase_op(kernel)
