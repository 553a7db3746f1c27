"""From an operator graph to a `Program`: the compiler driver. Imports xDSL, so it is imported only when needed."""

import os

from xdsl.context import Context
from xdsl.dialects import get_all_dialects
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.utils.exceptions import DiagnosticException, ParseError

import vm.program
from dvm.sources import read_text
from dvm_dialects import get_all_dialects as get_dvm_dialects
from dvm_dialects.diagnostics import explain
from dvm_dialects.dvm import DvmOp
from dvm_dialects.source import parse_module
from passes import PIPELINE, get_all_passes
from passes.dvm_fuse import DvmFusePass
from vm.collection import PAUSE
from vm.errors import CompileError
from vm.host import AnyProgram, HostProgram

Source = str | os.PathLike[str] | ModuleOp

EMIT = "emit-bytecode"
OUTLINE = "dvm-outline"


def new_context() -> Context:
    """An xDSL context that knows xDSL's dialects and ours, each imported when first used."""
    context = Context()
    for name, factory in {**get_all_dialects(), **get_dvm_dialects()}.items():
        context.register_dialect(name, factory)
    return context


def read_module(source: Source, context: Context) -> ModuleOp:
    """The module of a path, of text, or a copy of the one given.

    Raises DvmError where a file cannot be read, CompileError, with line and column, where it does not parse or verify.
    """
    return source.clone() if isinstance(source, ModuleOp) else parse_text(*read_text(source), context)


def parse_text(name: str, text: str, context: Context) -> ModuleOp:
    """The module that the text of a file says; raises CompileError, with line and column, for what is none."""
    module = None
    try:
        module = parse_module(context, text, name)
        module.verify()
    except (ParseError, DiagnosticException) as error:
        raise CompileError(explain(error, module)) from error
    return module


@PAUSE
def compile_text(name: str, text: str) -> AnyProgram:
    """Compile the one public function that the text of a file says."""
    context = new_context()
    return compile_any(parse_text(name, text, context), context)


def compile_module(module: ModuleOp, context: Context | None = None, *, fusion: bool = True) -> vm.program.Program:
    """As `compile_any`, of a function without control flow; raises CompileError for any other."""
    program = compile_any(module, context, fusion=fusion)
    if isinstance(program, HostProgram):
        raise CompileError(f"'{program.name}' has control flow, which has no place here")
    return program


@PAUSE
def compile_any(module: ModuleOp, context: Context | None = None, *, fusion: bool = True) -> AnyProgram:
    """Compile the one public function of a module, which is used up: for front ends, which make one for this alone.

    Without `fusion` each operation is a kernel.
    """
    try:
        plain = _has_only_graphs(module)
        lower(context or new_context(), module, fusion=fusion)
        if plain:
            from passes.emit_bytecode import build_program, entry_function

            return build_program(entry_function(module))
        from passes.emit_host import build

        return build(module)
    except DiagnosticException as error:
        raise CompileError(explain(error)) from error


def lower(context: Context, module: ModuleOp, until: str = EMIT, *, fusion: bool = True) -> None:
    """Run the passes of `dvm-compile` in place, up to but without `until`."""
    passes = get_all_passes()
    plain = _has_only_graphs(module)
    for name in PIPELINE:
        if name == until:
            return
        if name == OUTLINE and plain:
            continue
        chosen = DvmFusePass(fusion=fusion) if name == DvmFusePass.name else passes[name]()()
        chosen.apply(context, module)


def _has_only_graphs(module: ModuleOp) -> bool:
    """Whether there is no control flow, whose dialects take as long to import as a small graph to compile."""
    return all(isinstance(op, DvmOp | FuncOp | ReturnOp | ModuleOp) for op in module.walk())
