"""The places of operations apart from the operations: the same function further down in its file is the same program.

Before it is compiled each place in a module becomes a number; when the program is there, compiled now or kept on disk, what
it says of its operations gets the places back. Imports xDSL.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar, cast

from xdsl.dialects.builtin import FileLineColLoc, IntAttr, ModuleOp, StringAttr

from vm.errors import CompileError
from vm.host import AnyProgram, HostProgram
from vm.program import Program

Place = tuple[str, int]
"""A file and a line."""

Kind = TypeVar("Kind", bound=AnyProgram)

_FILE = "<place>"
"""The file that operations are said to be in while their line is the number of their place."""

_NUMBERED = re.compile(f"{_FILE}:(\\d+)")


def numbered(module: ModuleOp) -> list[Place]:
    """The places of the operations of a module, which become their numbers there: equal ones have one number."""
    numbers: dict[Place, int] = {}
    for operation in module.walk():
        location = operation.location
        if isinstance(location, FileLineColLoc):
            place = location.filename.data, location.line.data
            number = numbers.setdefault(place, len(numbers))
            operation.location = FileLineColLoc(StringAttr(_FILE), IntAttr(number), location.column)
    return list(numbers)


def placed(places: Sequence[Place], compile: Callable[[], Kind]) -> Kind:
    """A program whose operations have the numbers of places, with these in place of them; so are they in a CompileError."""
    try:
        program = compile()
    except CompileError as error:
        raise CompileError(_located(places, str(error))) from error
    if isinstance(program, HostProgram):
        instructions = [replace(one, location=_located(places, one.location)) for one in program.instructions]
        graphs = [_of_graph(places, graph) for graph in program.graphs]
        signature = _of_graph(places, program.signature)
        program = replace(program, signature=signature, graphs=tuple(graphs), instructions=tuple(instructions))
    else:
        program = _of_graph(places, program)
    return cast(Kind, program)


def _of_graph(places: Sequence[Place], graph: Program) -> Program:
    inputs = [
        replace(given, reasons=tuple([_located(places, reason) for reason in given.reasons])) for given in graph.inputs
    ]
    facts = [replace(fact, reason=_located(places, fact.reason)) for fact in graph.facts]
    kernels = [replace(kernel, origin=_located(places, kernel.origin)) for kernel in graph.kernels]
    return replace(graph, inputs=tuple(inputs), facts=tuple(facts), kernels=tuple(kernels))


def _located(places: Sequence[Place], text: str) -> str:
    def place(found: re.Match[str]) -> str:
        file, line = places[int(found[1])]
        return f"{file}:{line}"

    return _NUMBERED.sub(place, text)
