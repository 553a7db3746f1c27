"""DVM: a real-time compiler and virtual machine for dynamic tensor programs.

import dvm
program = dvm.compile("softmax.mlir")
y = program(x)                     # any shape that fits
program.save("softmax.dvmb")
y = dvm.load("softmax.dvmb")(x)    # without the compiler
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from dvm import functions
from dvm.array import Array
from dvm.cache import cached
from dvm.control import cond, fori_loop, while_loop
from dvm.dtypes import bfloat16, bool_, float16, float32, int32, int64
from dvm.functions import *  # noqa: F403 - what it exports is listed there
from dvm.jit import Jitted, jit
from dvm.kernel import Kernel, kernel
from dvm.program import Parameter, Program, load
from dvm.record import lazy
from dvm.sources import read_text
from vm.device import Device
from vm.errors import AxisError, BoundsError, BytecodeError, CompileError, DvmError, ExecutionError, ShapeError
from vm.host import AnyProgram

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp

__all__ = [
    "Array",
    "AxisError",
    "BoundsError",
    "BytecodeError",
    "CompileError",
    "Device",
    "DvmError",
    "ExecutionError",
    "Jitted",
    "Kernel",
    "Parameter",
    "Program",
    "ShapeError",
    "bfloat16",
    "bool_",
    "compile",
    "cond",
    "float16",
    "float32",
    "fori_loop",
    "int32",
    "int64",
    "jit",
    "kernel",
    "lazy",
    "load",
    "while_loop",
]
__all__ += functions.__all__


def compile(source: "str | os.PathLike[str] | ModuleOp", *, device: Device | None = None) -> Program:
    """Compile an operator graph.

    `source` is the path of an `.mlir` file, the text of one, or an xDSL module (which is left as it is) with one
    function on tensors. The program runs on `device`, by default one made from the environment. Raises CompileError
    where the graph does not parse or verify or its shapes can never fit, DvmError where the file cannot be read.
    """
    if isinstance(source, str | os.PathLike):
        name, text = read_text(source)
        return Program.of(cached(lambda: f"graph {name}\n{text}", lambda: _compiled(name, text)), device)
    from dvm.compiler import compile_any

    return Program.of(compile_any(source.clone()), device)


def _compiled(name: str, text: str) -> AnyProgram:
    from dvm.compiler import compile_text

    return compile_text(name, text)


def __getattr__(name: str) -> Any:
    """`dvm.torch`, which imports PyTorch, when it is first needed."""
    if name == "torch":
        try:
            return import_module("dvm.torch")
        except ModuleNotFoundError as error:
            if error.name != "torch":
                raise
            raise AttributeError("dvm.torch needs PyTorch: install the extra, dvm-compiler[torch]") from error
    raise AttributeError(f"module 'dvm' has no attribute '{name}'")
