"""The listing of a program with control flow: the host instructions, one a row, and below them the graphs they launch."""

import re
from collections.abc import Iterator

from vm.dims import dim_text
from vm.disassemble import disassemble, printable, titled
from vm.host import OPCODES, AnyProgram, HostInstruction, HostOpcode, HostProgram
from vm.isa import ISA_VERSION

_PLACEHOLDER = re.compile(r"R\[(d|a|b|arguments|results)\]|\bgraph a\b|\bimm\b")


def disassemble_any(program: AnyProgram) -> str:
    """The listing of a verified program of either kind."""
    if not isinstance(program, HostProgram):
        return disassemble(program)
    return "\n".join(_lines(program)) + "\n"


def _lines(program: HostProgram) -> Iterator[str]:
    yield f"program '{printable(program.name)}' with control flow, instruction set {ISA_VERSION}"
    yield from disassemble(program.signature).splitlines()[1:]
    yield from titled("outputs", [_output(program, number) for number in range(len(program.outputs))])
    yield from titled(
        "registers",
        [
            (f"r{number}", printable(register.name), f"{register.type.text} of rank {register.rank}")
            for number, register in enumerate(program.registers)
        ],
    )
    yield from titled(
        "host", [_row(program, number, instruction) for number, instruction in enumerate(program.instructions)]
    )
    for number, graph in enumerate(program.graphs):
        yield ""
        first, *rest = disassemble(graph).splitlines()
        yield f"graph {number}: {first}"
        yield from rest


def _output(program: HostProgram, number: int) -> tuple[str, ...]:
    output = program.outputs[number]
    dims = ("?" if dim < 0 else dim_text(program.signature, dim) for dim in output.dims)
    return printable(output.name), output.type.text, f"[{', '.join(dims)}]"


def _row(program: HostProgram, number: int, instruction: HostInstruction) -> tuple[str, ...]:
    row = OPCODES[instruction.opcode]
    form = row.form
    fields = [
        *_registers(instruction.results),
        *([f"r{instruction.d}"] if form.d else []),
        *([f"graph{instruction.a}"] if form.graph else []),
        *([f"r{instruction.a}"] if form.a else []),
        *([f"r{instruction.b}"] if form.b else []),
        *_registers(instruction.arguments),
        *([str(instruction.immediate)] if form.immediate or form.target else []),
    ]

    def name(match: re.Match[str]) -> str:
        match match[0]:
            case "graph a":
                return f"graph '{printable(program.graphs[instruction.a].name)}'"
            case "imm":
                return str(instruction.immediate)
            case _:
                value: int | tuple[int, ...] = getattr(instruction, match[1])
                numbers = value if isinstance(value, tuple) else (value,)
                return ", ".join(_name(program, number) for number in numbers) or "nothing"

    comment = _PLACEHOLDER.sub(name, row.meaning)
    if instruction.location and instruction.opcode in (HostOpcode.JUMP, HostOpcode.LAUNCH):
        comment += f" (at {printable(instruction.location)})"
    return str(number), row.mnemonic, ", ".join(fields), comment


def _registers(numbers: tuple[int, ...]) -> list[str]:
    return [f"r{number}" for number in numbers]


def _name(program: HostProgram, number: int) -> str:
    return printable(program.registers[number].name) or f"r{number}"
