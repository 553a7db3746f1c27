"""dvm-compile: the whole pipeline, from the operator graph to bytecode, as one pass."""

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass, PassPipeline

from passes import PIPELINE, get_all_passes


@dataclass(frozen=True)
class DvmCompilePass(ModulePass):
    """Runs the passes of `PIPELINE` in order."""

    name = "dvm-compile"

    @staticmethod
    def passes() -> tuple[ModulePass, ...]:
        """The passes that this one stands for, with their default options."""
        available = get_all_passes()
        return tuple(available[name]()() for name in PIPELINE)

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        PassPipeline(self.passes()).apply(ctx, op)
