"""The interpreter of host instructions: a verified program with control flow, ready to be called with arrays.

Each launch binds its graph to the shapes that its registers have by then, so shapes may change while a program runs.
What a file cannot promise is limited by the device: how often loops begin anew in a call, and the bytes held in registers.
"""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from vm.bind import LaunchPlan
from vm.device import Device
from vm.errors import ExecutionError, ShapeError
from vm.host import DIVISIONS, OPCODES, HostInstruction, HostOpcode, HostOutput, HostProgram
from vm.machine import Array, Machine, check_out
from vm.program import Program
from vm.recording import Recording
from vm.tiles import DTYPES


class HostMachine:
    """Runs one program with control flow on one device. Safe to call from several threads, as `Machine` is."""

    def __init__(self, program: HostProgram, device: Device) -> None:
        self.program = program
        self.device = device
        self.entry = Machine(program.signature, device)
        self.graphs = tuple(Machine(graph, device) for graph in program.graphs)
        self._dtypes = [DTYPES[output.type] for output in program.outputs]

    def call(
        self, arguments: Sequence[Any], out: Sequence[Array] | None = None, recording: Recording | None = None
    ) -> list[Array]:
        """As `Machine.call`. The shapes of the outputs are known when they are there: then `out` is checked and filled.

        Raises ExecutionError where a limit of the device is exceeded, naming the loop or launch.
        """
        arrays, plan = self.entry.prepare(arguments)
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
        instructions = self._program.instructions
        following = 0
        while True:
            number = following
            instruction = instructions[number]
            following += 1
            match instruction.opcode:
                case HostOpcode.LAUNCH:
                    self._launch(instruction)
                case HostOpcode.MOVE:
                    registers[instruction.d] = registers[instruction.a]
                case HostOpcode.FREE:
                    registers[instruction.a] = None
                case HostOpcode.JUMP:
                    following = instruction.immediate
                case HostOpcode.BRANCH:
                    if not registers[instruction.a]:
                        following = instruction.immediate
                case HostOpcode.RETURN:
                    return [registers[argument] for argument in instruction.arguments]
                case _:
                    registers[instruction.d] = self._scalar(instruction)
            if following <= number:
                self._count_iteration(instruction)

    def _launch(self, instruction: HostInstruction) -> None:
        machine, registers = self._machine.graphs[instruction.a], self._registers
        try:
            arrays, plan = machine.prepare([registers[argument] for argument in instruction.arguments])
        except ShapeError as error:
            raise ShapeError(f"{error}{_where(' (launched', instruction, ')')}") from error
        self._count_bytes(instruction, machine.program, plan)
        for register, array in zip(instruction.results, machine.launch(plan, arrays, self._recording), strict=True):
            registers[register] = array

    def _scalar(self, instruction: HostInstruction) -> Array:
        """What an instruction on scalars computes."""
        registers = self._registers
        result = np.empty((), DTYPES[self._program.registers[instruction.d].type])
        match instruction.opcode:
            case HostOpcode.DIM:
                result[...] = registers[instruction.a].shape[instruction.immediate]
            case HostOpcode.CONST:
                result[...] = instruction.immediate
            case HostOpcode.CAST:
                result[...] = registers[instruction.a].astype(result.dtype)
            case _:
                compute = OPCODES[instruction.opcode].compute
                assert compute is not None  # all others are done above and in `results`
                a, b = registers[instruction.a], registers[instruction.b]
                if instruction.opcode in DIVISIONS and not b:
                    raise ExecutionError(f"division of {a} by zero{_where('', instruction)}")
                compute(a, b, out=result)
        return result

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


def _where(before: str, instruction: HostInstruction, after: str = "") -> str:
    return f"{before} at {instruction.location}{after}" if instruction.location else ""


def _check_dims(output: HostOutput, result: Array, dims: tuple[int, ...]) -> None:
    for axis, (dim, extent) in enumerate(zip(output.dims, result.shape, strict=True)):
        if dim >= 0 and dims[dim] != extent:
            raise ExecutionError(f"dim {axis} of output '{output.name}' is {extent}, where {dims[dim]} was promised")
