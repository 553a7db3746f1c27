"""DVM: a real-time compiler and virtual machine for dynamic tensor programs.

import dvm
program = dvm.compile("softmax.mlir")
y = program(x)                     # any shape that fits
program.save("softmax.dvmb")
y = dvm.load("softmax.dvmb")(x)    # without the compiler
"""

import os
from typing import TYPE_CHECKING

from dvm.program import Parameter, Program, load
from vm.device import Device
from vm.errors import BytecodeError, CompileError, DvmError, ExecutionError, ShapeError

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp

__all__ = [
    "BytecodeError",
    "CompileError",
    "Device",
    "DvmError",
    "ExecutionError",
    "Parameter",
    "Program",
    "ShapeError",
    "compile",
    "load",
]


def compile(source: "str | os.PathLike[str] | ModuleOp", *, device: Device | None = None) -> Program:
    """Compile an operator graph.

    `source` is the path of an `.mlir` file, the text of one, or an xDSL module (which is left as it is) with one
    function on tensors. The program runs on `device`, by default one made from the environment. Raises CompileError
    where the graph does not parse or verify or its shapes can never fit, DvmError where the file cannot be read.
    """
    from dvm.compiler import compile_graph

    return compile_graph(source, device)
