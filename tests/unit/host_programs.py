"""Programs with control flow, written by hand, for the tests of the container, the verifier and the machine."""

from dataclasses import replace

from tests.unit import programs
from vm.host import HostInstruction, HostOpcode, HostOutput, HostProgram, Register
from vm.isa import ElementType
from vm.program import Storage

F32, I1, I64 = ElementType.F32, ElementType.I1, ElementType.I64

LOOP = "loop.mlir:3"


def repeated_add() -> HostProgram:
    """y = x + n * b by a loop of n additions; also gives how many there were"""
    count = programs.tensor("n", Storage.INPUT, element=I64)
    graph = programs.add()
    signature = programs.program("repeated_add", 2, (*graph.tensors[:2], count))
    registers = (
        Register("x", F32, 2),
        Register("b", F32, 1),
        Register("n", I64, 0),
        Register("y", F32, 2),
        Register("i", I64, 0),
        Register("one", I64, 0),
        Register("again", I1, 0),
    )
    x, b, n, y, i, one, again = range(7)
    instructions = (
        HostInstruction(HostOpcode.MOVE, d=y, a=x),
        HostInstruction(HostOpcode.CONST, d=i),
        HostInstruction(HostOpcode.CONST, d=one, immediate=1),
        HostInstruction(HostOpcode.LT, d=again, a=i, b=n, location=LOOP),
        HostInstruction(HostOpcode.BRANCH, a=again, immediate=8, location=LOOP),
        HostInstruction(HostOpcode.LAUNCH, arguments=(y, b), results=(y,), location="loop.mlir:4"),
        HostInstruction(HostOpcode.ADD, d=i, a=i, b=one, location=LOOP),
        HostInstruction(HostOpcode.JUMP, immediate=3, location=LOOP),
        HostInstruction(HostOpcode.RETURN, arguments=(y, i)),
    )
    outputs = (HostOutput("y", F32, (programs.S0, programs.S1)), HostOutput("steps", I64, ()))
    return HostProgram("repeated_add", signature, (graph,), registers, outputs, instructions)


def growing() -> HostProgram:
    """y = x twice as long (in the dim that `concat` joins) until it has n elements there at least"""
    graph = programs.concat()
    first = graph.tensors[graph.inputs[0].tensor]
    count = programs.tensor("n", Storage.INPUT, element=I64)
    signature = programs.program("growing", 2, (replace(first, dims=(programs.S0, programs.S1)), count))
    rank = len(first.dims)
    registers = (
        Register("x", F32, rank),
        Register("n", I64, 0),
        Register("y", F32, rank),
        Register("length", I64, 0),
        Register("enough", I1, 0),
    )
    x, n, y, length, enough = range(5)
    instructions = (
        HostInstruction(HostOpcode.MOVE, d=y, a=x),
        HostInstruction(HostOpcode.LAUNCH, arguments=(y, y), results=(y,)),
        HostInstruction(HostOpcode.DIM, d=length, a=y, immediate=0),
        HostInstruction(HostOpcode.GE, d=enough, a=length, b=n),
        HostInstruction(HostOpcode.BRANCH, a=enough, immediate=1, location=LOOP),
        HostInstruction(HostOpcode.RETURN, arguments=(y,)),
    )
    return HostProgram("growing", signature, (graph,), registers, (HostOutput("y", F32, (-1,) * rank),), instructions)


ALL = (repeated_add, growing)
