"""The verifier of host instructions: everything that the interpreter relies on and that can be known before it runs.

A host program that `verify_host` accepts
- refers only to registers, graphs, dims and instructions that exist, and leaves unused fields zero;
- launches graphs on registers of their inputs' element types and ranks, into such registers of their outputs, and
  computes on scalars of the types that each opcode takes;
- reads a register only where, on every path to there, it was written and not freed since (a forward dataflow over the
  flow of control);
- has no instruction that no path reaches, and never runs past its last instruction;
- returns registers of the types and ranks of its outputs;
- has graphs and a signature that `vm.verify` accepts.

It may loop for ever and hold any amount of memory: that the machine limits, by call.
"""

from collections.abc import Callable, Iterator
from itertools import chain

from vm.host import (
    COMPARISONS,
    INSTRUCTION_LIMIT,
    LOGICAL,
    OPCODES,
    REGISTER_LIMIT,
    HostInstruction,
    HostOpcode,
    HostProgram,
    Register,
)
from vm.isa import ElementType
from vm.program import Program
from vm.verification_error import MAX_RANK, VerificationError
from vm.verify import verify

ROUND_LIMIT = 64
"""Rounds of the dataflow over all instructions, more than loops nested so deeply need."""

_INTEGERS = (ElementType.I32, ElementType.I64)


def verify_host(program: HostProgram) -> None:
    """Raise BytecodeError, naming the culprit, unless `program` is all that the module's text says."""
    for number, graph in enumerate((program.signature, *program.graphs)):
        try:
            verify(graph)
        except VerificationError as refusal:
            message = f"graph {number - 1} ({graph.name!r}): {refusal}" if number else f"the signature: {refusal}"
            raise VerificationError(message, refusal.table, refusal.number, refusal.kernel, number) from None
    _verify_signature(program)
    _verify_tables(program)
    for number, instruction in enumerate(program.instructions):
        if fault := _fault(program, instruction):
            raise _error(program, number, fault)
    launched = {row.a for row in program.instructions if row.opcode is HostOpcode.LAUNCH}
    for number, graph in enumerate(program.graphs):
        if number not in launched:
            raise VerificationError(f"graph {number} ({graph.name!r}): nothing launches it", "graphs", number + 1)
    _verify_flow(program)


def _verify_signature(program: HostProgram) -> None:
    signature = program.signature
    if signature.kernels or signature.outputs:
        raise VerificationError("the signature computes something", "program", 0)
    if len(program.registers) < len(signature.inputs):
        raise VerificationError(
            f"{len(program.registers)} registers for {len(signature.inputs)} inputs", "registers", 0
        )
    for number, (given, register) in enumerate(zip(_inputs(signature), program.registers, strict=False)):
        if given != _kind(register):
            raise VerificationError(
                f"register {number}: {_text(register)} for an input of {given[0].text} of rank {given[1]}",
                "registers",
                number,
            )


def _verify_tables(program: HostProgram) -> None:
    if len(program.registers) > REGISTER_LIMIT:
        raise VerificationError(f"more than {REGISTER_LIMIT} registers", "registers", REGISTER_LIMIT)
    if len(program.instructions) > INSTRUCTION_LIMIT:
        raise VerificationError(f"more than {INSTRUCTION_LIMIT} instructions", "instructions", INSTRUCTION_LIMIT)
    if not program.instructions:
        raise VerificationError("there are no instructions", "instructions", 0)
    for number, register in enumerate(program.registers):
        if not 0 <= register.rank <= MAX_RANK:
            raise VerificationError(f"register {number}: rank {register.rank}", "registers", number)
    names: set[str] = set()
    for number, output in enumerate(program.outputs):
        if output.name in names:
            raise VerificationError(
                f"output {number} ({output.name!r}): another has the same name", "host_outputs", number
            )
        names.add(output.name)
        if len(output.dims) > MAX_RANK or any(not -1 <= dim < len(program.signature.dims) for dim in output.dims):
            raise VerificationError(
                f"output {number} ({output.name!r}): no dims {list(output.dims)}", "host_outputs", number
            )


def _fault(program: HostProgram, instruction: HostInstruction) -> str:
    """What is wrong with the fields of one instruction, or ""."""
    form = OPCODES[instruction.opcode].form
    registers = len(program.registers)
    for field, used in (("d", form.d), ("a", form.a or form.graph), ("b", form.b)):
        value: int = getattr(instruction, field)
        limit = len(program.graphs) if field == "a" and form.graph else registers
        if not 0 <= value < limit if used else value:
            return f"field {field} is {value}"
    if form.target and not 0 <= instruction.immediate < len(program.instructions):
        return f"no instruction {instruction.immediate}"
    if not form.target and not form.immediate and instruction.immediate:
        return f"the immediate is {instruction.immediate} without a use for it"
    if (instruction.arguments and not form.arguments) or (instruction.results and not form.graph):
        return "it has arguments or results without a use for them"
    for number in chain(instruction.arguments, instruction.results):
        if not 0 <= number < registers:
            return f"no register {number}"
    if len(set(instruction.results)) != len(instruction.results):
        return "two results go to one register"
    return _TYPES.get(instruction.opcode, _binary_types)(program, instruction)


def _launch_types(program: HostProgram, instruction: HostInstruction) -> str:
    graph = program.graphs[instruction.a]
    outputs = [(graph.tensors[number].type, len(graph.tensors[number].dims)) for number in graph.outputs]
    for what, wanted, given in (
        ("argument", _inputs(graph), instruction.arguments),
        ("result", outputs, instruction.results),
    ):
        if fault := _list_fault(program, what, wanted, given):
            return f"{fault} of graph {instruction.a}"
    return ""


def _return_types(program: HostProgram, instruction: HostInstruction) -> str:
    wanted = [(output.type, len(output.dims)) for output in program.outputs]
    return _list_fault(program, "result", wanted, instruction.arguments)


def _list_fault(program: HostProgram, what: str, wanted: list[tuple[ElementType, int]], given: tuple[int, ...]) -> str:
    if len(wanted) != len(given):
        return f"{len(given)} registers for {len(wanted)} {what}s"
    for position, (kind, number) in enumerate(zip(wanted, given, strict=True)):
        register = program.registers[number]
        if _kind(register) != kind:
            return f"register {number} is {_text(register)} for {what} {position}, {kind[0].text} of rank {kind[1]}"
    return ""


def _no_types(program: HostProgram, instruction: HostInstruction) -> str:
    return ""


def _branch_types(program: HostProgram, instruction: HostInstruction) -> str:
    condition = program.registers[instruction.a]
    return "" if _kind(condition) == (ElementType.I1, 0) else f"the condition is {_text(condition)}"


def _move_types(program: HostProgram, instruction: HostInstruction) -> str:
    target, source = program.registers[instruction.d], program.registers[instruction.a]
    return "" if _kind(target) == _kind(source) else f"{_text(source)} into {_text(target)}"


def _dim_types(program: HostProgram, instruction: HostInstruction) -> str:
    target, source = program.registers[instruction.d], program.registers[instruction.a]
    if _kind(target) != (ElementType.I64, 0):
        return f"an extent into {_text(target)}"
    return "" if 0 <= instruction.immediate < source.rank else f"no dim {instruction.immediate} of {_text(source)}"


def _const_types(program: HostProgram, instruction: HostInstruction) -> str:
    target = program.registers[instruction.d]
    bits = 1 if target.type is ElementType.I1 else 8 * target.type.bytes
    least, most = (0, 1) if bits == 1 else (-(1 << bits - 1), (1 << bits - 1) - 1)
    integral = target.type in (ElementType.I1, *_INTEGERS) and not target.rank
    return "" if integral and least <= instruction.immediate <= most else f"a constant into {_text(target)}"


def _cast_types(program: HostProgram, instruction: HostInstruction) -> str:
    for number in (instruction.d, instruction.a):
        register = program.registers[number]
        if register.rank or register.type not in _INTEGERS:
            return f"a cast of integers on {_text(register)}"
    return ""


def _binary_types(program: HostProgram, instruction: HostInstruction) -> str:
    d, a, b = (program.registers[number] for number in (instruction.d, instruction.a, instruction.b))
    allowed = (ElementType.I1, *_INTEGERS) if instruction.opcode in LOGICAL else _INTEGERS
    if a.rank or a.type not in allowed or _kind(a) != _kind(b):
        return f"operands {_text(a)} and {_text(b)}"
    wanted = ElementType.I1 if instruction.opcode in COMPARISONS else a.type
    return "" if _kind(d) == (wanted, 0) else f"the result into {_text(d)}"


_TYPES: dict[HostOpcode, Callable[[HostProgram, HostInstruction], str]] = {
    HostOpcode.LAUNCH: _launch_types,
    HostOpcode.JUMP: _no_types,
    HostOpcode.BRANCH: _branch_types,
    HostOpcode.RETURN: _return_types,
    HostOpcode.MOVE: _move_types,
    HostOpcode.FREE: _no_types,
    HostOpcode.DIM: _dim_types,
    HostOpcode.CONST: _const_types,
    HostOpcode.CAST: _cast_types,
}


def _verify_flow(program: HostProgram) -> None:
    """Reads come after writes on every path, every instruction is reached, and none leads past the last.

    The registers that hold something before an instruction are the bits of an integer, what all paths to it agree on.
    """
    instructions = program.instructions
    effects = [_effects(instruction) for instruction in instructions]
    before: list[int | None] = [None] * len(instructions)
    before[0] = (1 << len(program.signature.inputs)) - 1
    for _ in range(ROUND_LIMIT):
        again = False
        for number, instruction in enumerate(instructions):
            held = before[number]
            if held is None:
                continue
            _, written, freed = effects[number]
            after = held & ~freed | written
            for following in _successors(number, instruction):
                if following == len(instructions):
                    raise _error(program, number, "it is the last and does not return")
                known = before[following]
                merged = after if known is None else known & after
                if merged != known:
                    before[following] = merged
                    again |= following <= number
        if not again:
            break
    else:
        raise VerificationError(f"loops are nested more than {ROUND_LIMIT - 2} deep", "instructions", 0)
    for number, held in enumerate(before):
        if held is None:
            raise _error(program, number, "nothing leads to it")
        missing = effects[number][0] & ~held
        if missing:
            empty = missing.bit_length() - 1
            name = program.registers[empty].name
            raise _error(program, number, f"register {empty} ({name!r}) may hold nothing here")


def _effects(instruction: HostInstruction) -> tuple[int, int, int]:
    """The registers that an instruction reads, writes and frees, as bits."""
    form = OPCODES[instruction.opcode].form
    read = sum({1 << number for number in instruction.arguments})
    read |= (1 << instruction.a) * form.a | (1 << instruction.b) * form.b
    written = sum(1 << number for number in instruction.results) | (1 << instruction.d) * form.d
    return read, written, (1 << instruction.a) * (instruction.opcode is HostOpcode.FREE)


def _successors(number: int, instruction: HostInstruction) -> Iterator[int]:
    if instruction.opcode not in (HostOpcode.JUMP, HostOpcode.RETURN):
        yield number + 1
    if OPCODES[instruction.opcode].form.target:
        yield instruction.immediate


def _inputs(program: Program) -> list[tuple[ElementType, int]]:
    tensors = [program.tensors[parameter.tensor] for parameter in program.inputs]
    return [(tensor.type, len(tensor.dims)) for tensor in tensors]


def _kind(register: Register) -> tuple[ElementType, int]:
    return register.type, register.rank


def _text(register: Register) -> str:
    return f"{register.type.text} of rank {register.rank} ({register.name!r})"


def _error(program: HostProgram, number: int, fault: str) -> VerificationError:
    mnemonic = OPCODES[program.instructions[number].opcode].mnemonic
    return VerificationError(f"host instruction {number} ({mnemonic}): {fault}", "instructions", number)
