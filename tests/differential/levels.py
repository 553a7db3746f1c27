"""Runs a graph at each level of the IR, and names the first at which a result is wrong.

Levels: the operator graph, after dvm-simplify, dvm-decompose and dvm-deduce-shapes, kernels (after dvm-fuse), virtual
instructions on whole domains, those with slots, and bytecode, read back from its bytes, on devices of several sizes.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import visa_interpreter
from arrays import Array
from bounded import DTYPES, Bounded
from bounds import bind_symbols, evaluate
from concrete import fits
from graphs import Case
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp

from dvm import reference
from dvm.compiler import new_context
from dvm_dialects.shapes import ShapeConflict, element_of
from dvm_dialects.source import parse_module
from passes import get_all_passes
from passes.emit_bytecode import build_program
from vm import container, engine
from vm.device import Device
from vm.errors import DvmError
from vm.isa import ElementType
from vm.machine import Machine

DEVICES = tuple(Device(cores=cores, unified_buffer_bytes=size) for size in (256, 1 << 12, 1 << 20) for cores in (1, 2))
"""Unified buffers in which small tensors are cut into tiles, and in which they are not, each on one core and two."""

OPTIONS: dict[str, dict[str, Any]] = {"vk-speculate": {"unified_buffer_bytes": 64}}
"""Options of passes: so small a buffer that both alternatives of a kernel are taken now and then."""

Evaluate = Callable[[ModuleOp, Sequence[Array]], list[Array]]


class Mismatch(AssertionError):
    """A wrong result; the message says at which level first."""

    def __init__(self, level: str, message: str) -> None:
        super().__init__(f"wrong at level '{level}': {message}")
        self.level = level


@dataclass(frozen=True)
class Level:
    """A form of a compiled case: the module, and how to evaluate it."""

    name: str
    module: ModuleOp
    evaluate: Evaluate


@dataclass(frozen=True)
class Compiled:
    """A case after every pass, and the program that came out."""

    levels: tuple[Level, ...]
    machines: tuple[Machine, ...]


def compile_levels(module: ModuleOp, *, verify: bool = True) -> Compiled:
    """Compile, keeping every level. Raises Mismatch where a pass fails or, with `verify`, a verifier objects.

    Verifying every level takes a third of the time of a check.
    """
    context = new_context()
    levels = [Level("operator graph", module, reference.evaluate)]
    current = module.clone()
    passes = get_all_passes()
    steps: tuple[tuple[str, Evaluate], ...] = (
        ("dvm-simplify", reference.evaluate),
        ("dvm-decompose", reference.evaluate),
        ("dvm-deduce-shapes", reference.evaluate),
        ("dvm-fuse", reference.evaluate),
        ("vk-speculate", reference.evaluate),
        ("vk-stack", reference.evaluate),
        ("convert-vk-to-visa", _whole),
        ("visa-schedule", _whole),
        ("visa-allocate-ub", _with_slots),
    )
    for name, evaluate_level in steps:
        with _blamed(name):
            passes[name]()(**OPTIONS.get(name, {})).apply(context, current)
            if verify:
                current.verify()
        levels.append(Level(name, current.clone(), evaluate_level))
    with _blamed("emit-bytecode"):
        (function,) = (op for op in current.ops if isinstance(op, FuncOp))
        program = build_program(function)
        data = container.to_bytes(program)
        copy = container.from_bytes(data)
        if container.to_bytes(copy) != data:  # the programs may differ though: a NaN is not equal to itself
            raise Mismatch("container", "the program read from its bytes is another")
        machines = tuple(Machine(copy, device) for device in DEVICES)
    return Compiled(tuple(levels), machines)


@contextmanager
def _blamed(level: str) -> Iterator[None]:
    """Turns an exception of a pass into a Mismatch: a graph that holds for its inputs must compile."""
    try:
        yield
    except Mismatch:
        raise
    except Exception as error:
        raise Mismatch(level, f"{type(error).__name__}: {error}") from error


def _symbols(module: ModuleOp, arrays: Sequence[Array]) -> dict[str, int]:
    (function,) = (op for op in module.ops if isinstance(op, FuncOp))
    return bind_symbols([argument.type for argument in function.args], [array.shape for array in arrays])


def _whole(module: ModuleOp, arrays: Sequence[Array]) -> list[Array]:
    return visa_interpreter.evaluate(module, arrays, _symbols(module, arrays), slots=False)


def _with_slots(module: ModuleOp, arrays: Sequence[Array]) -> list[Array]:
    return visa_interpreter.evaluate(module, arrays, _symbols(module, arrays), slots=True)


def check(case: Case, compiled: Compiled | None = None) -> Compiled:
    """Check a case at every level; raises Mismatch at the first that is wrong. Returns the compiled form for reuse."""
    compiled = compiled or compile_levels(case.module)
    shapes = [array.shape for array in case.arrays]
    try:
        fits(case.function, shapes)
        reference.evaluate(case.module, case.arrays)
    except (ShapeConflict, DvmError):
        _check_refused(case, compiled)
        return compiled
    expected = evaluate(case.function, case.arrays)
    elements = [element_of(type) for type in case.function.function_type.outputs]
    for level in compiled.levels:
        with _blamed(level.name):
            results = level.evaluate(level.module, case.arrays)
        compare(level.name, results, expected, elements)
    check_machines(case.arrays, compiled.machines, expected, elements)
    return compiled


def _check_refused(case: Case, compiled: Compiled) -> None:
    """What shape rules or the reference refuse, the virtual machine must refuse, unless only unused operations mind."""
    if any(0 in array.shape for array in case.arrays):
        return  # of no elements, -1 in a reshape may stand for anything
    simplified = next(level for level in compiled.levels if level.name == "dvm-simplify")
    (function,) = (op for op in simplified.module.ops if isinstance(op, FuncOp))
    try:
        shapes = fits(function, [array.shape for array in case.arrays])
        if any(0 in shape for shape in shapes):
            return  # data that nothing is computed from are not looked at
        reference.evaluate(simplified.module, case.arrays)
    except (ShapeConflict, DvmError) as error:
        if any(name in str(error) for name in ("'gamma'", "'beta'")):
            return  # lowered to a product and a sum, the parameters of a normalisation broadcast
        for machine in compiled.machines:
            try:
                with _blamed("bind"):
                    machine.call(case.arrays)
            except Mismatch as mismatch:
                if isinstance(mismatch.__cause__, DvmError):
                    continue
                raise
            raise Mismatch("bind", f"{error}, but the program ran") from error


def check_machines(
    arrays: Sequence[Array], machines: Sequence[Machine], expected: Sequence[Bounded], elements: Sequence[ElementType]
) -> None:
    """Run the program on every device: right, and the same bit for bit on any number of cores and again."""
    first: dict[int, list[Array]] = {}
    with every_kernel_on_all_cores():
        for machine in machines:
            device = machine.device
            name = f"bytecode, {device.cores} cores, unified buffer of {device.unified_buffer_bytes} bytes"
            with _blamed(name):
                results = machine.call(arrays)
            compare(name, results, expected, elements)
            for result, element in zip(results, elements, strict=True):
                if result.dtype != DTYPES[element]:
                    raise Mismatch(name, f"a result has dtype {result.dtype}, not {DTYPES[element]}")
            before = first.setdefault(device.unified_buffer_bytes, results)
            for run in (results, machine.call(arrays)):
                if any(_bytes(a) != _bytes(b) for a, b in zip(before, run, strict=True)):
                    raise Mismatch(name, "the result differs in its bits from that of another run or number of cores")


def _bytes(array: Array) -> bytes:
    return np.asarray(array).tobytes()


@contextmanager
def every_kernel_on_all_cores() -> Iterator[None]:
    """Makes kernels of any size worth several cores."""
    kept = engine.PARALLEL_WORK
    engine.PARALLEL_WORK = 0
    try:
        yield
    finally:
        engine.PARALLEL_WORK = kept


def compare(level: str, results: Sequence[Any], expected: Sequence[Bounded], elements: Sequence[ElementType]) -> None:
    """Raises Mismatch unless every result is within its bounds."""
    if len(results) != len(expected):
        raise Mismatch(level, f"{len(results)} results, not {len(expected)}")
    for number, (result, bounded, element) in enumerate(zip(results, expected, elements, strict=True)):
        result = np.asarray(result)
        if result.shape != bounded.shape:
            raise Mismatch(level, f"result {number} has shape {result.shape}, not {bounded.shape}")
        got = result.astype(np.float64) if element.is_float else result
        with np.errstate(all="ignore"):
            same = (got == bounded.value) | (np.isnan(got) & np.isnan(bounded.value) if element.is_float else False)
            near = np.abs(got - bounded.value) <= bounded.error if element.is_float else False
        wrong = ~(same | near | bounded.unknown)
        if wrong.any():
            index = tuple(int(i) for i in np.argwhere(wrong)[0])
            raise Mismatch(
                level,
                f"result {number} ({element.text}{list(result.shape)}) has {int(wrong.sum())} wrong elements, the first "
                f"{list(index)}: {got[index]!r} instead of {bounded.value[index]!r}, which may be wrong by "
                f"{bounded.error[index]!r}",
            )


def check_text(module: ModuleOp, context: Context) -> None:
    """The text of a module reads back as itself."""
    text = str(module)
    again = str(parse_module(context, text, "printed"))
    if again != text:
        raise Mismatch("text", f"the module\n{text}\nreads back as\n{again}")
