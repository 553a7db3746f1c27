"""The interpreter of host instructions: a verified program with control flow, ready to be called with arrays.

Each launch binds its graph to the shapes that its registers have by then, so shapes may change while a program runs.
What a file cannot promise is limited by the device: how often loops begin anew in a call, and the bytes held in registers.
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from vm.device import Device
from vm.errors import ExecutionError, ShapeError
from vm.host import DIVISIONS, OPCODES, HostInstruction, HostOpcode, HostOutput, HostProgram
from vm.machine import Array, Machine, check_out
from vm.plan import LaunchPlan
from vm.program import Program
from vm.recording import Recording
from vm.tiles import DTYPES

_LAUNCH, _MOVE, _FREE = int(HostOpcode.LAUNCH), int(HostOpcode.MOVE), int(HostOpcode.FREE)
_JUMP, _RETURN = int(HostOpcode.JUMP), int(HostOpcode.RETURN)
# plain integers: the loop of the interpreter compares them several times as fast as members of an enumeration


class HostMachine:
    """Runs one program with control flow on one device. Safe to call from several threads, as `Machine` is."""

    def __init__(self, program: HostProgram, device: Device) -> None:
        self.program = program
        self.device = device
        self.entry = Machine(program.signature, device)
        self.graphs = tuple(Machine(graph, device) for graph in program.graphs)
        self.steps = tuple(
            (int(instruction.opcode), instruction, _scalar_function(program, instruction))
            for instruction in program.instructions
        )
        self._dtypes = [DTYPES[output.type] for output in program.outputs]

    def call(
        self, arguments: Sequence[Any], out: Sequence[Array] | None = None, recording: Recording | None = None
    ) -> list[Array]:
        """As `Machine.call`. The shapes of the outputs are known when they are there: then `out` is checked and filled.

        Raises ExecutionError where a limit of the device is exceeded, naming the loop or launch.
        """
        arrays, plan = self.entry.bound(arguments)
        with np.errstate(all="ignore"):
            results = _Run(self, arrays, recording).results()
        for output, result in zip(self.program.outputs, results, strict=True):
            _check_dims(output, result, plan.dims)
        if out is not None:
            names = [output.name for output in self.program.outputs]
            check_out(names, self._dtypes, [result.shape for result in results], out)
            for number, result in enumerate(results):
                if any(np.may_share_memory(result, array) for array in out):
                    results[number] = result.copy()
            for array, result in zip(out, results, strict=True):
                np.copyto(array, result)
            return list(out)
        # an array that the caller has, or gets twice, would change when the caller changes the other
        known = {id(array) for array in arrays}
        for number, result in enumerate(results):
            if id(result) in known:
                results[number] = result.copy()
            known.add(id(result))
        return results


class _Run:
    """One call."""

    def __init__(self, machine: HostMachine, inputs: list[Array], recording: Recording | None) -> None:
        self._machine = machine
        self._program = machine.program
        self._inputs = inputs
        self._recording = recording
        self._registers: list[Any] = [*inputs, *[None] * (len(machine.program.registers) - len(inputs))]
        self._iterations = 0
        self._bytes = 0
        """No less than what the registers hold."""

    def results(self) -> list[Array]:
        """Run from instruction 0 to a return."""
        registers = self._registers
        steps = self._machine.steps
        following = 0
        while True:
            number = following
            opcode, instruction, compute = steps[number]
            following += 1
            if compute is not None:
                registers[instruction.d] = compute(registers)
            elif opcode == _LAUNCH:
                self._launch(instruction)
            elif opcode == _MOVE:
                registers[instruction.d] = registers[instruction.a]
            elif opcode == _FREE:
                registers[instruction.a] = None
            elif opcode == _RETURN:
                return [registers[argument] for argument in instruction.arguments]
            elif opcode == _JUMP or not registers[instruction.a]:  # else it is a branch
                following = instruction.immediate
                if following <= number:
                    self._count_iteration(instruction)

    def _launch(self, instruction: HostInstruction) -> None:
        machine, registers = self._machine.graphs[instruction.a], self._registers
        try:
            arrays, plan = machine.bound([registers[argument] for argument in instruction.arguments])
        except ShapeError as error:
            raise ShapeError(f"{error}{_where(' (launched', instruction, ')')}") from error
        self._count_bytes(instruction, machine.program, plan)
        for register, array in zip(instruction.results, machine.launch(plan, arrays, self._recording), strict=True):
            registers[register] = array

    def _count_iteration(self, instruction: HostInstruction) -> None:
        self._iterations += 1
        limit = self._machine.device.iteration_limit
        if self._iterations > limit:
            raise ExecutionError(
                f"'{self._program.name}' takes more than {limit} iterations{_where(', in the loop', instruction)}: "
                "the limit is iteration_limit of the device, or DVM_ITERATION_LIMIT"
            )

    def _count_bytes(self, instruction: HostInstruction, graph: Program, plan: LaunchPlan) -> None:
        """Make sure that the results of a launch may be held beside what the registers hold, before they are made."""
        sizes = zip(plan.output_shapes, graph.outputs, strict=True)
        needed = sum(prod(shape) * graph.tensors[output].type.bytes for shape, output in sizes)
        limit = self._machine.device.register_bytes_limit
        if self._bytes + needed > limit:
            inputs = {id(array) for array in self._inputs}
            held = {id(array): array.nbytes for array in self._registers if array is not None}
            self._bytes = sum(size for key, size in held.items() if key not in inputs)
        self._bytes += needed
        if self._bytes > limit:
            raise ExecutionError(
                f"'{self._program.name}' holds {self._bytes} bytes between launches, more than {limit}"
                f"{_where(', in the launch', instruction)}: "
                "the limit is register_bytes_limit of the device, or DVM_REGISTER_BYTES_LIMIT"
            )


def _scalar_function(program: HostProgram, instruction: HostInstruction) -> Callable[[list[Any]], Array] | None:
    """What an instruction on scalars computes from the registers, as a new array; None for all other instructions."""
    a, b, immediate = instruction.a, instruction.b, instruction.immediate
    if not OPCODES[instruction.opcode].form.d:
        return None
    dtype = DTYPES[program.registers[instruction.d].type]
    match instruction.opcode:
        case HostOpcode.DIM:
            return lambda registers: np.array(registers[a].shape[immediate], dtype)
        case HostOpcode.CONST:
            return lambda registers: np.array(immediate, dtype)
        case HostOpcode.CAST:
            return lambda registers: registers[a].astype(dtype)
        case _:
            compute = OPCODES[instruction.opcode].compute
    if compute is None:
        return None

    def binary(registers: list[Any]) -> Array:
        result = np.empty((), dtype)
        compute(registers[a], registers[b], out=result)
        return result

    def divide(registers: list[Any]) -> Array:
        if not registers[b]:
            raise ExecutionError(f"division of {registers[a]} by zero{_where('', instruction)}")
        return binary(registers)

    return divide if instruction.opcode in DIVISIONS else binary


def _where(before: str, instruction: HostInstruction, after: str = "") -> str:
    return f"{before} at {instruction.location}{after}" if instruction.location else ""


def _check_dims(output: HostOutput, result: Array, dims: tuple[int, ...]) -> None:
    for axis, (dim, extent) in enumerate(zip(output.dims, result.shape, strict=True)):
        if dim >= 0 and dims[dim] != extent:
            raise ExecutionError(f"dim {axis} of output '{output.name}' is {extent}, where {dims[dim]} was promised")
