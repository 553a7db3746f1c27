"""Host instructions: the container, the verifier, and the machine that runs them, on programs written by hand."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import dvm
from tests.unit import host_programs, programs
from tests.unit.host_programs import I1, LOOP
from vm.container import decode, from_bytes, to_bytes
from vm.disassemble_host import disassemble_any
from vm.errors import BytecodeError, DvmError, ExecutionError, ShapeError
from vm.host import OPCODES, HostInstruction, HostOpcode, HostOutput, HostProgram, Register
from vm.isa import ElementType
from vm.verify_host import verify_host


@pytest.mark.parametrize("make", host_programs.ALL, ids=lambda make: make.__name__)
def test_a_program_is_read_back(make: Callable[[], HostProgram]) -> None:
    program = make()
    data = to_bytes(program)
    assert decode(data) == program
    with pytest.raises(BytecodeError, match="has control flow"):
        from_bytes(data)


@pytest.mark.parametrize("make", host_programs.ALL, ids=lambda make: make.__name__)
def test_truncated_files_are_refused(make: Callable[[], HostProgram]) -> None:
    data = to_bytes(make())
    for length in range(0, len(data), 7):
        with pytest.raises(BytecodeError):
            decode(data[:length])


def test_every_opcode_has_a_row() -> None:
    assert set(OPCODES) == set(HostOpcode)


def at(number: int, **fields: Any) -> Callable[[HostProgram], HostProgram]:
    """Changes the fields of one instruction of `repeated_add`."""

    def change(program: HostProgram) -> HostProgram:
        instructions = list(program.instructions)
        instructions[number] = replace(instructions[number], **fields)
        return replace(program, instructions=tuple(instructions))

    return change


def register(number: int, **fields: Any) -> Callable[[HostProgram], HostProgram]:
    def change(program: HostProgram) -> HostProgram:
        registers = list(program.registers)
        registers[number] = replace(registers[number], **fields)
        return replace(program, registers=tuple(registers))

    return change


def instead(number: int, *put: HostInstruction) -> Callable[[HostProgram], HostProgram]:
    return lambda program: replace(
        program, instructions=(*program.instructions[:number], *put, *program.instructions[number + 1 :])
    )


FAULTS: tuple[tuple[Callable[[HostProgram], HostProgram], str], ...] = (
    (at(0, d=7), "host instruction 0 (move): field d is 7"),
    (at(0, b=1), "host instruction 0 (move): field b is 1"),
    (at(0, immediate=1), "host instruction 0 (move): the immediate is 1 without a use for it"),
    (at(0, arguments=(1,)), "host instruction 0 (move): it has arguments or results without a use for them"),
    (at(0, a=1), "host instruction 0 (move): f32 of rank 1 ('b') into f32 of rank 2 ('y')"),
    (at(1, d=3), "host instruction 1 (const): a constant into f32 of rank 2 ('y')"),
    (at(3, a=0), "host instruction 3 (lt): operands f32 of rank 2 ('x') and i64 of rank 0 ('n')"),
    (at(3, d=4), "host instruction 3 (lt): the result into i64 of rank 0 ('i')"),
    (at(4, a=2), "host instruction 4 (branch): the condition is i64 of rank 0 ('n')"),
    (at(4, immediate=9), "host instruction 4 (branch): no instruction 9"),
    (at(4, immediate=-1), "host instruction 4 (branch): no instruction -1"),
    (at(5, a=1), "host instruction 5 (launch): field a is 1"),
    (at(5, arguments=(3,)), "host instruction 5 (launch): 1 registers for 2 arguments of graph 0"),
    (
        at(5, arguments=(3, 3)),
        "host instruction 5 (launch): register 3 is f32 of rank 2 ('y') for argument 1, f32 of rank 1 of graph 0",
    ),
    (at(5, results=(3, 3)), "host instruction 5 (launch): two results go to one register"),
    (at(5, arguments=(3, 99)), "host instruction 5 (launch): no register 99"),
    (at(8, arguments=(3,)), "host instruction 8 (return): 1 registers for 2 results"),
    (at(8, arguments=(3, 6)), "register 6 is i1 of rank 0 ('again') for result 1, i64 of rank 0"),
    (at(1, d=5), "host instruction 3 (lt): register 4 ('i') may hold nothing here"),
    (instead(0, HostInstruction(HostOpcode.FREE, a=1)), "register 3 ('y') may hold nothing here"),
    (instead(6, HostInstruction(HostOpcode.FREE, a=4)), "host instruction 3 (lt): register 4 ('i') may hold nothing"),
    (
        instead(8, HostInstruction(HostOpcode.CONST, d=4)),
        "host instruction 8 (const): it is the last and does not return",
    ),
    (at(4, immediate=5), "host instruction 8 (return): nothing leads to it"),
    (instead(5, HostInstruction(HostOpcode.MOVE, d=3, a=0)), "graph 0 ('add'): nothing launches it"),
    (instead(1, HostInstruction(HostOpcode.DIM, d=4, a=1, immediate=1)), "no dim 1 of f32 of rank 1 ('b')"),
    (instead(1, HostInstruction(HostOpcode.DIM, d=6, a=1)), "an extent into i1 of rank 0 ('again')"),
    (instead(1, HostInstruction(HostOpcode.CAST, d=4, a=0)), "a cast of integers on f32 of rank 2 ('x')"),
    (register(0, rank=9), "register 0: f32 of rank 9 ('x') for an input of f32 of rank 2"),
    (register(6, rank=9), "register 6: rank 9"),
    (lambda program: replace(program, registers=program.registers[:2]), "2 registers for 3 inputs"),
    (lambda program: replace(program, instructions=()), "there are no instructions"),
    (lambda program: replace(program, signature=programs.add()), "the signature computes something"),
    (
        lambda program: replace(program, outputs=(replace(program.outputs[0], name="steps"), program.outputs[1])),
        "output 1 ('steps'): another has the same name",
    ),
    (
        lambda program: replace(program, outputs=(replace(program.outputs[0], dims=(0, 99)), program.outputs[1])),
        "output 0 ('y'): no dims [0, 99]",
    ),
    (
        lambda program: replace(program, graphs=(replace(programs.add(), facts=(), variants=()),)),
        "graph 0 ('add'): there is no variant to run",
    ),
)


@pytest.mark.parametrize(("change", "message"), FAULTS, ids=[message for _, message in FAULTS])
def test_faults(change: Callable[[HostProgram], HostProgram], message: str) -> None:
    program = change(host_programs.repeated_add())
    with pytest.raises(BytecodeError, match=re.escape(message)):
        verify_host(program)
    with pytest.raises(BytecodeError):
        decode(to_bytes(program))


def test_jumps_back_that_follow_one_another_are_limited() -> None:
    """Each takes a round of the dataflow, as a nested loop does."""

    def hops(count: int) -> HostProgram:
        begin = HostInstruction(HostOpcode.JUMP, immediate=count)
        back = (HostInstruction(HostOpcode.JUMP, immediate=number) for number in range(1, count))
        program = scalar_program(HostOpcode.ADD, 1, 2, ElementType.I64)
        returned = HostInstruction(HostOpcode.RETURN)
        return replace(program, outputs=(), instructions=(begin, returned, *back))

    verify_host(hops(60))
    with pytest.raises(BytecodeError, match="loops are nested more than 62 deep"):
        verify_host(hops(100))


def test_a_loop_runs() -> None:
    program = dvm.Program.of(host_programs.repeated_add())
    x, b = np.random.default_rng(1).random((3, 4), np.float32), np.arange(4, dtype=np.float32)
    for count in (0, 1, 5):
        y, steps = program(x, b, count)
        np.testing.assert_allclose(y, x + count * b, rtol=1e-6)
        assert steps == count


def test_what_a_program_returns_is_the_callers() -> None:
    program = dvm.Program.of(host_programs.repeated_add())
    x, b = np.ones((2, 2), np.float32), np.ones(2, np.float32)
    y, _ = program(x, b, 0)
    assert not np.may_share_memory(x, y)
    y, _ = program(x, b, 0, out=[x, np.empty((), np.int64)])
    assert y is x


def test_shapes_change_from_launch_to_launch() -> None:
    make = host_programs.growing()
    first = make.signature.tensors[0]
    program = dvm.Program.of(make)
    x = np.random.default_rng(1).random((3,) * len(first.dims), np.float32)
    result = program(x, 20)
    assert result.shape[0] == 24
    assert program.outputs[0].dims == ("?",) * len(first.dims)
    with pytest.raises(DvmError, match="the shape of output 'y' is known only after a call"):
        program.shapes(x, ())


def test_out_is_checked() -> None:
    program = dvm.Program.of(host_programs.repeated_add())
    x, b = np.ones((2, 2), np.float32), np.ones(2, np.float32)
    with pytest.raises(
        ShapeError, match=r"'out' for output 'y' is float32 of shape \(3, 2\), expected float32 of shape"
    ):
        program(x, b, 1, out=[np.empty((3, 2), np.float32), np.empty((), np.int64)])
    with pytest.raises(ShapeError, match="the program has 2 outputs, but 'out' has 1 arrays"):
        program(x, b, 1, out=[np.empty((2, 2), np.float32)])


def test_inputs_are_checked_before_anything_runs() -> None:
    program = dvm.Program.of(host_programs.repeated_add())
    with pytest.raises(ShapeError, match=r"input 'b', dim 0"):
        program(np.ones((2, 2), np.float32), np.ones(3, np.float32), 0)


def test_iterations_are_limited() -> None:
    program = dvm.Program.of(host_programs.repeated_add(), dvm.Device(1, iteration_limit=10))
    x, b = np.ones((2, 2), np.float32), np.ones(2, np.float32)
    assert program(x, b, 10)[1] == 10
    message = f"'repeated_add' takes more than 10 iterations, in the loop at {LOOP}: the limit is iteration_limit"
    with pytest.raises(ExecutionError, match=re.escape(message)):
        program(x, b, 11)


def test_bytes_are_limited() -> None:
    make = host_programs.growing()
    rank = len(make.signature.tensors[0].dims)
    program = dvm.Program.of(make, dvm.Device(1, register_bytes_limit=1 << 16))
    x = np.ones((3,) * rank, np.float32)
    assert program(x, 100).shape[0] >= 100
    with pytest.raises(ExecutionError, match=r"'growing' holds \d+ bytes between launches, more than 65536"):
        program(x, 1 << 40)


def test_limits_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVM_ITERATION_LIMIT", "3")
    monkeypatch.setenv("DVM_REGISTER_BYTES_LIMIT", "1000")
    device = dvm.Device(1)
    assert (device.iteration_limit, device.register_bytes_limit) == (3, 1000)
    monkeypatch.setenv("DVM_ITERATION_LIMIT", "0")
    with pytest.raises(DvmError, match="DVM_ITERATION_LIMIT must be a positive integer"):
        dvm.Device(1)


SCALARS = [
    (HostOpcode.ADD, (1 << 63) - 1, 1, -(1 << 63)),
    (HostOpcode.SUB, 3, 5, -2),
    (HostOpcode.MUL, -3, 5, -15),
    (HostOpcode.MIN, -3, 5, -3),
    (HostOpcode.MAX, -3, 5, 5),
    (HostOpcode.FLOORDIV, -7, 2, -4),
    (HostOpcode.CEILDIV, -7, 2, -3),
    (HostOpcode.CEILDIV, 7, 2, 4),
    (HostOpcode.FLOORDIV, -(1 << 63), -1, -(1 << 63)),
    (HostOpcode.AND, 6, 3, 2),
    (HostOpcode.OR, 6, 3, 7),
    (HostOpcode.XOR, 6, 3, 5),
    (HostOpcode.EQ, 2, 2, True),
    (HostOpcode.NE, 2, 2, False),
    (HostOpcode.LT, 2, 2, False),
    (HostOpcode.LE, 2, 2, True),
    (HostOpcode.GT, 3, 2, True),
    (HostOpcode.GE, 1, 2, False),
]


def scalar_program(opcode: HostOpcode, a: int, b: int, type: ElementType) -> HostProgram:
    register = Register("a", ElementType.I64, 0)
    instructions = (
        HostInstruction(HostOpcode.CONST, d=0, immediate=a),
        HostInstruction(HostOpcode.CONST, d=1, immediate=b),
        HostInstruction(opcode, d=2, a=0, b=1, location="a.mlir:1"),
        HostInstruction(HostOpcode.RETURN, arguments=(2,)),
    )
    registers = (register, register, Register("r", type, 0))
    return HostProgram("p", programs.program("p", 0, ()), (), registers, (HostOutput("r", type, ()),), instructions)


@pytest.mark.parametrize(("opcode", "a", "b", "expected"), SCALARS)
def test_scalars(opcode: HostOpcode, a: int, b: int, expected: bool | int) -> None:
    type = I1 if isinstance(expected, bool) else ElementType.I64
    made = scalar_program(opcode, a, b, type)
    verify_host(made)
    result = dvm.Program.of(made)()
    assert result == expected
    assert result.dtype == (np.bool_ if type is I1 else np.int64)


def test_a_division_by_zero_names_its_place() -> None:
    program = dvm.Program.of(scalar_program(HostOpcode.FLOORDIV, 1, 0, ElementType.I64))
    with pytest.raises(ExecutionError, match=r"^division of 1 by zero at a\.mlir:1$"):
        program()


def test_the_listing_has_each_instruction_in_words() -> None:
    listing = disassemble_any(host_programs.repeated_add())
    assert "program 'repeated_add' with control flow" in listing
    assert "lt      r6, r4, r2" in listing
    assert "again := i < n" in listing
    assert "if not again: pc := 8" in listing
    assert "y := graph 'add' of y, b (at loop.mlir:4)" in listing
    assert "the results are y, i" in listing
    assert "graph 0: program 'add', instruction set 1" in listing


def test_counts_and_costs() -> None:
    program = dvm.Program.of(host_programs.repeated_add())
    stats = program.stats
    assert (stats["graphs"], stats["host_instructions"], stats["kernels"]) == (1, 9, 1)
    assert stats["bytes"] == len(program.to_bytes())
    with pytest.raises(DvmError, match="what a call takes depends on the data"):
        program.costs((2, 2), (2,), ())
    assert program.shapes((2, 3), (3,), ()) == ((2, 3), ())
    assert program.input_shapes({"s0": 2, "s1": 3}) == ((2, 3), (3,), ())


def test_profile_and_trace_are_of_all_launches() -> None:
    program = dvm.Program.of(host_programs.repeated_add())
    arguments = (np.ones((2, 2), np.float32), np.ones(2, np.float32), 4)
    rows = {row.mnemonic: row.calls for row in program.profile(*arguments)}
    assert rows["add"] == 4
    assert program.trace(*arguments)["traceEvents"]
