"""The compiler passes: one `ModulePass` a file, named after it, from the operator graph down to bytecode."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xdsl.passes import ModulePass
    from xdsl.utils.target import Target

PIPELINE = (
    "dvm-outline",
    "dvm-simplify",
    "dvm-decompose",
    "dvm-deduce-shapes",
    "dvm-fold-unit-dims",
    "dvm-fuse",
    "vk-speculate",
    "vk-stack",
    "convert-vk-to-visa",
    "visa-schedule",
    "visa-allocate-ub",
    "emit-bytecode",
)
"""The passes that `dvm-compile` stands for, in order."""


def get_all_passes() -> "dict[str, Callable[[], type[ModulePass]]]":
    """The passes by name, each imported when its factory is called."""

    def get_dvm_outline():
        from passes.dvm_outline import DvmOutlinePass

        return DvmOutlinePass

    def get_dvm_simplify():
        from passes.dvm_simplify import DvmSimplifyPass

        return DvmSimplifyPass

    def get_dvm_decompose():
        from passes.dvm_decompose import DvmDecomposePass

        return DvmDecomposePass

    def get_dvm_deduce_shapes():
        from passes.dvm_deduce_shapes import DvmDeduceShapesPass

        return DvmDeduceShapesPass

    def get_dvm_fold_unit_dims():
        from passes.dvm_fold_unit_dims import DvmFoldUnitDimsPass

        return DvmFoldUnitDimsPass

    def get_dvm_fuse():
        from passes.dvm_fuse import DvmFusePass

        return DvmFusePass

    def get_vk_speculate():
        from passes.vk_speculate import VkSpeculatePass

        return VkSpeculatePass

    def get_vk_stack():
        from passes.vk_stack import VkStackPass

        return VkStackPass

    def get_convert_vk_to_visa():
        from passes.convert_vk_to_visa import ConvertVkToVisaPass

        return ConvertVkToVisaPass

    def get_visa_schedule():
        from passes.visa_schedule import VisaSchedulePass

        return VisaSchedulePass

    def get_visa_allocate_ub():
        from passes.visa_allocate_ub import VisaAllocateUbPass

        return VisaAllocateUbPass

    def get_emit_bytecode():
        from passes.emit_bytecode import EmitBytecodePass

        return EmitBytecodePass

    def get_dvm_compile():
        from passes.dvm_compile import DvmCompilePass

        return DvmCompilePass

    return {
        "dvm-outline": get_dvm_outline,
        "dvm-simplify": get_dvm_simplify,
        "dvm-decompose": get_dvm_decompose,
        "dvm-deduce-shapes": get_dvm_deduce_shapes,
        "dvm-fold-unit-dims": get_dvm_fold_unit_dims,
        "dvm-fuse": get_dvm_fuse,
        "vk-speculate": get_vk_speculate,
        "vk-stack": get_vk_stack,
        "convert-vk-to-visa": get_convert_vk_to_visa,
        "visa-schedule": get_visa_schedule,
        "visa-allocate-ub": get_visa_allocate_ub,
        "emit-bytecode": get_emit_bytecode,
        "dvm-compile": get_dvm_compile,
    }


def get_all_targets() -> "dict[str, Callable[[], type[Target]]]":
    """The output formats of `dvm-opt -t` by name, each imported when its factory is called."""

    def get_dvm_asm():
        from passes.targets import DvmAsmTarget

        return DvmAsmTarget

    def get_dvm_bytecode():
        from passes.targets import DvmBytecodeTarget

        return DvmBytecodeTarget

    def get_dvm_dot():
        from passes.dot import DvmDotTarget

        return DvmDotTarget

    return {"dvm-asm": get_dvm_asm, "dvm-bytecode": get_dvm_bytecode, "dvm-dot": get_dvm_dot}
