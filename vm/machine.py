"""The virtual machine: a verified program ready to be called with arrays.

Takes care of what a caller may hand over (layouts, byte orders, Python scalars, preallocated results) and keeps the
launch plans of the shapes it has seen.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from math import isinf
from threading import Lock
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from vm.bind import bind
from vm.collection import PAUSE
from vm.device import Device
from vm.errors import ShapeError
from vm.memory import RESULTS
from vm.plan import LaunchPlan, Shape, Strides
from vm.prepare_program import prepare_program
from vm.program import Program, Storage
from vm.recording import Recording
from vm.tiles import DTYPES

PLAN_LIMIT = 1024
"""Launch plans that a machine keeps; the oldest go first."""

Array = npt.NDArray[Any]


class Machine:
    """Runs one program on one device. Immutable but for its cache of plans: safe to call from several threads."""

    def __init__(self, program: Program, device: Device) -> None:
        self.program = program
        self.device = device
        self._run = _run_of(device)
        self._prepared = prepare_program(program)
        self._lock = Lock()
        self._plans: dict[tuple[Any, ...], LaunchPlan] = {}
        tensors = program.tensors
        self._dtypes = [DTYPES[tensors[parameter.tensor].type] for parameter in program.inputs]
        self.output_dtypes = [DTYPES[tensors[output].type] for output in program.outputs]
        self._buffers: list[Any] = [None] * len(tensors)
        self._workspace = [number for number, tensor in enumerate(tensors) if tensor.storage is Storage.WORKSPACE]
        for number, tensor in enumerate(tensors):
            if tensor.storage is Storage.CONSTANT:
                self._buffers[number] = np.frombuffer(program.constants[tensor.source], DTYPES[tensor.type])

    def plan(self, shapes: tuple[Shape, ...], strides: tuple[Strides | None, ...] | None = None) -> LaunchPlan:
        """The launch plan for inputs of these shapes, made now or kept from before.

        `strides` in bytes, None for contiguous inputs. Raises ShapeError where the shapes do not fit.
        """
        key = (shapes, strides)
        found = self._plans.get(key)
        if found is None:
            with PAUSE:
                found = bind(self._prepared, shapes, strides or (None,) * len(shapes), self.device.target)
            with self._lock:
                if len(self._plans) >= PLAN_LIMIT:
                    del self._plans[next(iter(self._plans))]
                self._plans[key] = found
        return found

    def bound(self, arguments: Sequence[Any]) -> tuple[list[Array], LaunchPlan]:
        """The arrays and the launch plan of a call: all that happens before its first tile.

        Raises ShapeError for whatever does not fit.
        """
        arrays, shapes, strides = self._inputs(arguments)
        return arrays, self.plan(shapes, strides)

    def call(
        self, arguments: Sequence[Any], out: Sequence[Array] | None = None, recording: Recording | None = None
    ) -> list[Array]:
        """Run on `arguments` (arrays, or Python scalars where an input has rank 0), one for each input in order.

        Returns the outputs, which are the arrays of `out` where that is given: writable, of the shapes and element
        types of the outputs, in any layout; they may overlap the inputs. Raises ShapeError for whatever does not fit.
        """
        arrays, plan = self.bound(arguments)
        if out is None:
            return self.launch(plan, arrays, recording)
        names = [self.program.tensors[output].name for output in self.program.outputs]
        check_out(names, self.output_dtypes, plan.output_shapes, out)
        direct = [_usable_in_place(array, arrays) for array in out]
        results = [
            array if usable else RESULTS.empty(array.shape, array.dtype)
            for array, usable in zip(out, direct, strict=True)
        ]
        self._launch(plan, arrays, results, recording)
        for array, result, usable in zip(out, results, direct, strict=True):
            if not usable:
                np.copyto(array, result)
        return list(out)

    def launch(self, plan: LaunchPlan, arrays: list[Array], recording: Recording | None = None) -> list[Array]:
        """Run a plan on the arrays that it was made for, into new arrays."""
        results = [
            RESULTS.empty(shape, dtype) for shape, dtype in zip(plan.output_shapes, self.output_dtypes, strict=True)
        ]
        self._launch(plan, arrays, results, recording)
        return results

    def _launch(self, plan: LaunchPlan, arrays: list[Array], results: list[Array], recording: Recording | None) -> None:
        buffers = self._buffers.copy()
        for parameter, array in zip(self.program.inputs, arrays, strict=True):
            buffers[parameter.tensor] = array
        for output, result in zip(self.program.outputs, results, strict=True):
            buffers[output] = result
        if self._workspace:
            workspace = self.device.arena.require_workspace(plan.workspace_bytes)
            for number in self._workspace:
                buffers[number] = workspace
        with PAUSE if plan.is_first_launch() else nullcontext():
            self._run(plan, buffers, self.device, recording)

    def _inputs(
        self, arguments: Sequence[Any]
    ) -> tuple[list[Array], tuple[Shape, ...], tuple[Strides | None, ...] | None]:
        dtypes = self._dtypes
        if len(arguments) != len(dtypes):
            names = ", ".join(f"'{self._name(number)}'" for number in range(len(dtypes)))
            raise ShapeError(f"the program takes {len(dtypes)} inputs ({names}), not {len(arguments)}")
        arrays: list[Array] = list(arguments)
        strides: list[Strides | None] = []
        for number, (array, dtype) in enumerate(zip(arrays, dtypes, strict=True)):
            if type(array) is not np.ndarray or array.dtype is not dtype:
                array = arrays[number] = self._as_array(number, array)
            if not array.flags.c_contiguous:
                if number in self._prepared.viewed_inputs:
                    arrays[number] = np.ascontiguousarray(array)
                else:
                    strides += [None] * (len(arrays) - len(strides))
                    strides[number] = array.strides
        return arrays, tuple([array.shape for array in arrays]), tuple(strides) if strides else None

    def _as_array(self, number: int, argument: Any) -> Array:
        """The array of an argument that is not plainly one: scalars, subclasses, other byte orders."""
        dtype = self._dtypes[number]
        if isinstance(argument, bool | int | float) and not isinstance(argument, np.generic):
            rank = len(self.program.tensors[self.program.inputs[number].tensor].dims)
            if rank == 0:
                return self._scalar(number, argument)
        if not isinstance(argument, np.ndarray | np.generic):
            raise ShapeError(
                f"input '{self._name(number)}' is a {type(argument).__name__}, expected an array of {dtype}"
            )
        array: Array = np.asarray(cast(Array, argument))
        if array.dtype == dtype:
            return array
        if array.dtype.newbyteorder("=") == dtype:
            return array.astype(dtype)
        raise ShapeError(f"input '{self._name(number)}' has element type {array.dtype}, expected {dtype}")

    def _scalar(self, number: int, value: float | int | bool) -> Array:
        dtype = self._dtypes[number]
        fits = isinstance(value, bool) if dtype.kind == "b" else dtype.kind != "i" or isinstance(value, int)
        if fits:
            try:
                with np.errstate(over="ignore"):
                    array = np.asarray(float(value)).astype(dtype) if dtype.kind == "V" else np.array(value, dtype)
                if not np.isinf(array) or isinf(value):
                    return array
            except OverflowError:
                pass
        raise ShapeError(f"input '{self._name(number)}' is {value!r}, which is no {dtype}")

    def _name(self, number: int) -> str:
        return self.program.tensors[self.program.inputs[number].tensor].name


def _run_of(device: Device) -> Callable[[LaunchPlan, list[Any], Device, Recording | None], None]:
    """What runs launches on a device."""
    if device.engine == "native":
        from vm.native_engine import run  # not there where DVM was installed without it
    else:
        from vm.engine import run
    return run


def check_out(
    names: Sequence[str], dtypes: Sequence[np.dtype[Any]], shapes: Sequence[Shape], out: Sequence[Any]
) -> None:
    """Raises ShapeError unless `out` has a writable array for each output, of its shape and type, apart from the others."""
    if len(out) != len(names):
        raise ShapeError(f"the program has {len(names)} outputs, but 'out' has {len(out)} arrays")
    for name, given, shape, dtype in zip(names, out, shapes, dtypes, strict=True):
        if not isinstance(given, np.ndarray):
            raise ShapeError(f"'out' for output '{name}' is a {type(given).__name__}, expected an array")
        array = cast(Array, given)
        if array.shape != shape or array.dtype != dtype:
            raise ShapeError(
                f"'out' for output '{name}' is {array.dtype} of shape {array.shape}, expected {dtype} of shape {shape}"
            )
        if not array.flags.writeable:
            raise ShapeError(f"'out' for output '{name}' is read-only")
    for number, array in enumerate(out):
        for other in out[number + 1 :]:
            if np.may_share_memory(array, other):
                raise ShapeError("two arrays of 'out' share memory")


def _usable_in_place(array: Array, inputs: list[Array]) -> bool:
    """Whether tiles can be written straight into `array`: contiguous, native, and apart from all inputs."""
    if not array.flags.c_contiguous or not array.dtype.isnative:
        return False
    return not any(np.may_share_memory(array, source) for source in inputs)
