"""`Program`: a compiled operator graph that is called like a function."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import index
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vm import container, isa
from vm import program as straight
from vm.costs import Costs, costs
from vm.device import Device
from vm.dims import dim_text, evaluate_dims
from vm.disassemble_host import disassemble_any
from vm.errors import BytecodeError, DvmError, ShapeError
from vm.files import replacing
from vm.host import AnyProgram, HostProgram
from vm.host_machine import HostMachine
from vm.machine import Machine
from vm.plan import LaunchPlan
from vm.program import Storage
from vm.recording import Recording, Row

Array = npt.NDArray[Any]

SIZE = np.dtype(np.bool_)
"""The element type of arguments that are there for their dim."""

_NOTHING = np.zeros((), SIZE)


@dataclass(frozen=True)
class Parameter:
    """An input or output: its name, element type, and dims.

    A dim is an integer, the text of a symbolic expression, or of an output "?" where only the data decides it.
    """

    name: str
    element_type: isa.ElementType
    dims: tuple[int | str, ...]

    def __str__(self) -> str:
        return f"'{self.name}' ({self.element_type.text} [{', '.join(map(str, self.dims))}])"


class Program:
    """A compiled program. Immutable; any number of threads may call it at once.

    Calling it takes one NumPy array for each of `inputs`, in that order, of any shape that fits, in any layout, byte
    order and writability, or a Python scalar where the input has rank 0. It returns the output as an array, or a
    tuple of arrays where the program has several. `out=` takes an array (or a sequence of them) to write into.
    bf16 arrays have the element type `ml_dtypes.bfloat16`.

    Raises ShapeError where number, shapes or element types do not fit, and ExecutionError where data does not, such
    as a gather index out of range, or a loop that takes more iterations than the device allows.
    """

    __slots__ = ("_inputs", "_machine", "_outputs")

    def __init__(self, machine: Machine | HostMachine) -> None:
        self._machine = machine
        program, signature = machine.program, self._signature
        self._inputs = tuple(_parameter(signature, parameter.tensor) for parameter in signature.inputs)
        if isinstance(program, HostProgram):
            self._outputs = tuple(
                Parameter(output.name, output.type, tuple(_dim(signature, dim) for dim in output.dims))
                for output in program.outputs
            )
        else:
            self._outputs = tuple(_parameter(program, tensor) for tensor in program.outputs)

    @classmethod
    def of(cls, program: AnyProgram, device: Device | None = None) -> "Program":
        """A verified program on a device."""
        device = device or default_device()
        return cls(HostMachine(program, device) if isinstance(program, HostProgram) else Machine(program, device))

    @property
    def name(self) -> str:
        """The name of the function it was compiled from."""
        return self._machine.program.name

    @property
    def inputs(self) -> tuple[Parameter, ...]:
        """What it takes, in the order of the arguments of a call."""
        return self._inputs

    @property
    def outputs(self) -> tuple[Parameter, ...]:
        """What it returns."""
        return self._outputs

    def __call__(self, *arguments: Any, out: Array | Sequence[Array] | None = None) -> Any:
        if out is None:
            results = self._machine.call(arguments)
        elif isinstance(out, np.ndarray):
            results = self._machine.call(arguments, [out])
        else:
            given: Any = out
            if not isinstance(given, Sequence):
                raise ShapeError(f"'out' is a {type(given).__name__}, expected an array or a sequence of arrays")
            results = self._machine.call(arguments, out)
        return results[0] if len(results) == 1 else tuple(results)

    def results(self, arguments: Sequence[Any]) -> list[Array]:
        """The outputs as a list, however many there are."""
        return self._machine.call(arguments)

    def shapes(self, *inputs: Array | Sequence[int]) -> tuple[tuple[int, ...], ...]:
        """The shapes of the outputs for inputs of these shapes (or for these arrays), without running anything.

        Raises ShapeError where they do not fit, DvmError where a shape depends on the data.
        """
        program = self._machine.program
        if not isinstance(program, HostProgram):
            return self._plan(inputs).output_shapes
        for output in program.outputs:
            if -1 in output.dims:
                raise DvmError(
                    f"the shape of output '{output.name}' is known only after a call: it depends on the data"
                )
        dims = self._plan(inputs).dims
        return tuple(tuple(dims[dim] for dim in output.dims) for output in program.outputs)

    def input_shapes(self, sizes: Mapping[str, int]) -> tuple[tuple[int, ...], ...]:
        """The shapes of the inputs where the symbols in their dims have these sizes.

        Raises ShapeError for a symbol without a size, and where a dim cannot be computed or is too large.
        """
        program = self._signature
        for symbol in program.symbols:
            if symbol not in sizes:
                raise ShapeError(f"the dim '{symbol}' has no size")
        values = evaluate_dims(program, [_size(symbol, sizes[symbol]) for symbol in program.symbols])
        return tuple(tuple(values[dim] for dim in program.tensors[given.tensor].dims) for given in program.inputs)

    @property
    def stats(self) -> dict[str, int]:
        """Counts that describe the program; `costs` has those that depend on shapes.

        Kernels, stages, instructions and the most UB slots of a kernel are those of the last variant, which is taken
        unless the shapes call for another. A program with control flow has those of all its graphs, once each, and
        the numbers of graphs and host instructions.
        """
        program = self._machine.program
        if isinstance(program, HostProgram):
            counts = [_counts(graph) for graph in program.graphs]
            totals = {name: sum(count[name] for count in counts) for name in _counts(program.signature)}
            totals["slots"] = max((count["slots"] for count in counts), default=0)
            totals |= {"graphs": len(counts), "host_instructions": len(program.instructions)}
        else:
            totals = _counts(program)
        return totals | {"bytes": len(self.to_bytes())}

    def costs(self, *inputs: Array | Sequence[int]) -> Costs:
        """What a launch on inputs of these shapes (or on these arrays) takes, without running anything.

        Raises ShapeError where they do not fit, DvmError for a program with control flow: its launches depend on the data.
        """
        program = self._machine.program
        if isinstance(program, HostProgram):
            raise DvmError(f"'{program.name}' has control flow: what a call takes depends on the data")
        return costs(program, self._plan(inputs))

    def disassemble(self) -> str:
        """The listing that `dvm-objdump` prints."""
        return disassemble_any(self._machine.program)

    def profile(self, *arguments: Any) -> list[Row]:
        """Run once on one core and return calls, elements and seconds by opcode, the longest first."""
        recording = Recording(one_core=True)
        self._machine.call(arguments, recording=recording)
        return recording.rows

    def trace(self, *arguments: Any) -> dict[str, Any]:
        """Run once and return what every core did when, in the JSON form of Chrome's trace viewer and Perfetto."""
        recording = Recording()
        self._machine.call(arguments, recording=recording)
        return recording.trace(self.name)

    def to_bytes(self) -> bytes:
        """The `.dvmb` file of the program."""
        return container.to_bytes(self._machine.program)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the `.dvmb` file; an existing one is replaced only once the new one is whole."""
        try:
            with replacing(Path(path)) as file:
                file.write(self.to_bytes())
        except OSError as error:
            raise DvmError(f"cannot write '{path}': {error.strerror}") from error

    def __repr__(self) -> str:
        inputs = ", ".join(map(str, self.inputs))
        outputs = ", ".join(map(str, self.outputs))
        return f"<dvm.Program {self.name}({inputs}) -> ({outputs})>"

    def _plan(self, inputs: Sequence[Array | Sequence[int]]) -> LaunchPlan:
        if len(inputs) != len(self.inputs):
            raise ShapeError(f"the program takes {len(self.inputs)} inputs, not {len(inputs)}")
        given = [_shape(parameter, value) for parameter, value in zip(self.inputs, inputs, strict=True)]
        machine = self._machine
        return (machine.entry if isinstance(machine, HostMachine) else machine).plan(tuple(given))

    @property
    def _signature(self) -> straight.Program:
        """The program whose inputs, dims and facts are those of the whole."""
        program = self._machine.program
        return program.signature if isinstance(program, HostProgram) else program


def _parameter(program: straight.Program, number: int) -> Parameter:
    tensor = program.tensors[number]
    return Parameter(tensor.name, tensor.type, tuple(_dim(program, dim) for dim in tensor.dims))


def _dim(program: straight.Program, number: int) -> int | str:
    """A dim as `Parameter` has it; -1 stands for one that only the data decides."""
    if number < 0:
        return "?"
    text = dim_text(program, number)
    return int(text) if text.isdecimal() else text


def _counts(program: straight.Program) -> dict[str, int]:
    """The counts of `Program.stats` but the bytes."""
    stages = program.variants[-1].stages
    kernels = [program.kernels[number] for stage in stages for number in stage]
    return {
        "variants": len(program.variants),
        "kernels": len(kernels),
        "stages": len(stages),
        "instructions": sum(len(kernel.words) for kernel in kernels),
        "slots": max((kernel.slots for kernel in kernels), default=0),
        "workspace_tensors": sum(tensor.storage is Storage.WORKSPACE for tensor in program.tensors),
        "facts": len(program.facts),
    }


def _shape(parameter: Parameter, given: Array | Sequence[int]) -> tuple[int, ...]:
    if isinstance(given, np.ndarray):
        return given.shape
    try:
        shape = tuple(map(index, given))
    except TypeError:
        shape = (-1,)
    if shape and min(shape) < 0:
        raise ShapeError(f"input '{parameter.name}' has shape {given!r}, expected an array or a sequence of sizes")
    return shape


def _size(symbol: str, given: Any) -> int:
    try:
        size = index(given)
    except TypeError:
        size = -1
    if size < 0:
        raise ShapeError(f"the dim '{symbol}' has the size {given!r}, expected an integer that is not negative")
    return size


def load(path: str | os.PathLike[str], *, device: Device | None = None) -> Program:
    """The program of a `.dvmb` file, without the compiler being imported.

    Raises DvmError where the file cannot be read and BytecodeError, naming it and the offset, where it is not right.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise DvmError(f"cannot read '{path}': {error.strerror}") from error
    try:
        return Program.of(container.decode(data), device)
    except BytecodeError as error:
        raise BytecodeError(f"{os.fspath(path)}: {error}") from error


def size_argument(size: int) -> Array:
    """A size that none of a program's arrays has, as an argument: the dim of an array [size], of `SIZE`, without memory."""
    return np.ndarray((size,), SIZE, _NOTHING, strides=(0,))


_default: list[Device] = []


def default_device() -> Device:
    """The device of programs that are given none; made when first needed, from the environment variables."""
    if not _default:
        _default.append(Device())
    return _default[0]
