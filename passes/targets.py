"""The output formats of `dvm-opt -t`: the listing of a compiled program, and its bytes."""

from dataclasses import dataclass
from typing import IO, ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.utils.exceptions import PassFailedException
from xdsl.utils.target import Target

from dvm_dialects.visa import BytecodeOp
from vm.container import decode
from vm.disassemble_host import disassemble_any


def compiled_bytes(module: ModuleOp, target: str) -> bytes:
    """The bytes of the one compiled program in a module; raises PassFailedException unless there is one."""
    found = [op for op in module.ops if isinstance(op, BytecodeOp)]
    if len(found) != 1:
        raise PassFailedException(
            f"-t {target} needs one compiled program, but there are {len(found)} in the module: run -p dvm-compile"
        )
    return found[0].data


@dataclass(frozen=True)
class DvmAsmTarget(Target):
    """The disassembly of the program; raises BytecodeError for bytes that are not one."""

    name: ClassVar[str] = "dvm-asm"

    def emit(self, ctx: Context, module: ModuleOp, output: IO[str]) -> None:
        output.write(disassemble_any(decode(compiled_bytes(module, self.name))))


@dataclass(frozen=True)
class DvmBytecodeTarget(Target):
    """The bytes of the program, as `.dvmb` files hold them."""

    name: ClassVar[str] = "dvm-bytecode"

    def payload(self, module: ModuleOp) -> bytes:
        """The bytes to write."""
        return compiled_bytes(module, self.name)

    def emit(self, ctx: Context, module: ModuleOp, output: IO[str]) -> None:
        """Raises PassFailedException: bytes cannot go to a stream of text."""
        raise PassFailedException(f"-t {self.name} writes bytes: use dvm-opt -t {self.name} -o FILE")
