"""Runs a graph at each level of the IR, and names the first at which a result is wrong.

Levels: the operator graph, after dvm-simplify, dvm-decompose and dvm-deduce-shapes, kernels (after dvm-fuse), virtual
instructions on whole domains, those with slots, and bytecode, read back from its bytes, on devices of several sizes.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
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
from vm import container
from vm.device import ENGINES, Device
from vm.errors import DvmError
from vm.isa import ElementType
from vm.machine import Machine


def device_on_all_cores(cores: int, unified_buffer_bytes: int, engine: str | None = None) -> Device:
    """A device to which kernels of any size are worth several cores."""
    device = Device(cores, unified_buffer_bytes, engine=engine)
    device.target = device.target._replace(tuning=replace(device.target.tuning, parallel_work=0))
    return device


DEVICES = tuple(
    device_on_all_cores(cores, size, engine)
    for size in (256, 1 << 12, 1 << 20)
    for engine in ENGINES
    for cores in (1, 2)
)
"""Both engines, unified buffers in which small tensors are cut into tiles and in which they are not, each on one core and two."""

OPERATOR_GRAPH = "operator graph"
"""The first level."""

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


_STEPS: tuple[tuple[str, Evaluate], ...] = (
    ("dvm-simplify", reference.evaluate),
    ("dvm-decompose", reference.evaluate),
    ("dvm-deduce-shapes", reference.evaluate),
    ("dvm-fuse", reference.evaluate),
    ("vk-speculate", reference.evaluate),
    ("vk-stack", reference.evaluate),
    ("convert-vk-to-visa", lambda module, arrays: _visa(module, arrays, slots=False)),
    ("visa-schedule", lambda module, arrays: _visa(module, arrays, slots=False)),
    ("visa-allocate-ub", lambda module, arrays: _visa(module, arrays, slots=True)),
)
"""The passes and how to evaluate what each leaves."""


def lower(module: ModuleOp, *, verify: bool = True) -> Iterator[Level]:
    """Every level down to virtual instructions with slots. Raises Mismatch where a pass fails or a verifier objects.

    The module of a level is the one that the next pass works on: a copy of each takes a tenth of the time of a check.
    Verifying every level takes as much.
    """
    yield Level(OPERATOR_GRAPH, module, reference.evaluate)
    context = new_context()
    current = module.clone()
    passes = get_all_passes()
    for name, evaluate_level in _STEPS:
        with _blamed(name):
            passes[name]()(**OPTIONS.get(name, {})).apply(context, current)
            if verify:
                current.verify()
        yield Level(name, current, evaluate_level)


def assemble(lowest: Level) -> tuple[Machine, ...]:
    """The program that the last level becomes, on every device."""
    with _blamed("emit-bytecode"):
        (function,) = (op for op in lowest.module.ops if isinstance(op, FuncOp))
        program = build_program(function)
        data = container.to_bytes(program)
        copy = container.from_bytes(data)
        if container.to_bytes(copy) != data:  # the programs may differ though: a NaN is not equal to itself
            raise Mismatch("container", "the program read from its bytes is another")
        return tuple(Machine(copy, device) for device in DEVICES)


def compile_levels(module: ModuleOp, *, verify: bool = True) -> Compiled:
    """Compile, keeping a copy of every level."""
    levels = tuple(replace(level, module=level.module.clone()) for level in lower(module, verify=verify))
    return Compiled(levels, assemble(levels[-1]))


@contextmanager
def _blamed(level: str) -> Iterator[None]:
    """Turns an exception of a pass into a Mismatch: a graph that holds for its inputs must compile."""
    try:
        yield
    except Mismatch:
        raise
    except Exception as error:
        raise Mismatch(level, f"{type(error).__name__}: {error}") from error


def _visa(module: ModuleOp, arrays: Sequence[Array], *, slots: bool) -> list[Array]:
    (function,) = (op for op in module.ops if isinstance(op, FuncOp))
    symbols = bind_symbols([argument.type for argument in function.args], [array.shape for array in arrays])
    return visa_interpreter.evaluate(module, arrays, symbols, slots=slots)


def check(case: Case, compiled: Compiled | None = None) -> Compiled:
    """Check a case at every level; raises Mismatch at the first that is wrong. Returns the compiled form for reuse."""
    compiled = compiled or compile_levels(case.module)
    trial = _Trial(case)
    for level in compiled.levels:
        trial.check(level)
    trial.check_machines(compiled.machines)
    return compiled


def check_together(cases: Sequence[Case], *, verify: bool = True) -> None:
    """Check one graph with inputs of several sizes, all of them at one level before the next is made."""
    trials = [_Trial(case) for case in cases]
    lowest: Level | None = None
    for lowest in lower(cases[0].module, verify=verify):
        for trial in trials:
            trial.check(lowest)
    assert lowest is not None
    machines = assemble(lowest)
    for trial in trials:
        trial.check_machines(machines)


class _Trial:
    """One case, to be checked at the levels in order."""

    def __init__(self, case: Case) -> None:
        self.arrays = case.arrays
        self.shapes = [array.shape for array in case.arrays]
        self.elements = [element_of(type) for type in case.function.function_type.outputs]
        self.expected: list[Bounded] | None = None
        """The results, unless shape rules or the reference refuse the inputs."""
        self.results: list[Array] = []
        """What the reference gives, which is the first level."""
        self.refusal: Exception | None = None
        """Why the virtual machine must refuse the inputs, if it must."""
        try:
            fits(case.function, self.shapes)
            self.results = reference.evaluate(case.module, case.arrays)
        except (ShapeConflict, DvmError):
            return
        self.expected = evaluate(case.function, case.arrays)

    def check(self, level: Level) -> None:
        """Raises Mismatch unless the results at a level are right."""
        if self.expected is None:
            if level.name == "dvm-simplify":
                self.refusal = self._refusal(level.module)
            return
        results = self.results
        if level.name != OPERATOR_GRAPH:
            with _blamed(level.name):
                results = level.evaluate(level.module, self.arrays)
        compare(level.name, results, self.expected, self.elements)

    def _refusal(self, simplified: ModuleOp) -> Exception | None:
        """What is refused at first may be taken where only unused operations mind."""
        if any(0 in shape for shape in self.shapes):
            return None  # of no elements, -1 in a reshape may stand for anything
        (function,) = (op for op in simplified.ops if isinstance(op, FuncOp))
        try:
            if any(0 in shape for shape in fits(function, self.shapes)):
                return None  # data that nothing is computed from are not looked at
            reference.evaluate(simplified, self.arrays)
        except (ShapeConflict, DvmError) as error:
            if any(name in str(error) for name in ("'gamma'", "'beta'")):
                return None  # lowered to a product and a sum, the parameters of a normalisation broadcast
            return error
        return None

    def check_machines(self, machines: Sequence[Machine]) -> None:
        """Raises Mismatch unless the program gives the right results, or refuses what it must refuse."""
        if self.expected is not None:
            check_machines(self.arrays, machines, self.expected, self.elements)
        elif self.refusal is not None:
            self._check_refused(machines, self.refusal)

    def _check_refused(self, machines: Sequence[Machine], refusal: Exception) -> None:
        for machine in machines:
            try:
                with _blamed("bind"):
                    machine.call(self.arrays)
            except Mismatch as mismatch:
                if isinstance(mismatch.__cause__, DvmError):
                    continue
                raise
            raise Mismatch("bind", f"{refusal}, but the program ran") from refusal


def check_machines(
    arrays: Sequence[Array], machines: Sequence[Machine], expected: Sequence[Bounded], elements: Sequence[ElementType]
) -> None:
    """Run the program on every device: right, and the same bit for bit on any number of cores and again."""
    first: dict[tuple[str, int], list[bytes]] = {}
    right: list[list[bytes]] = []
    for machine in machines:
        device = machine.device
        size = device.unified_buffer_bytes
        name = f"bytecode, {device.engine} engine, {device.cores} cores, unified buffer of {size} bytes"
        with _blamed(name):
            results = machine.call(arrays)
        for result, element in zip(results, elements, strict=True):
            if result.dtype != DTYPES[element]:
                raise Mismatch(name, f"a result has dtype {result.dtype}, not {DTYPES[element]}")
        found = _bytes(results)
        if found not in right:  # mostly the bits are those of another device
            compare(name, results, expected, elements)
            right.append(found)
        before = first.setdefault((device.engine, size), found)
        if found != before or _bytes(machine.call(arrays)) != before:
            raise Mismatch(name, "the result differs in its bits from that of another run or number of cores")


def _bytes(results: Sequence[Array]) -> list[bytes]:
    return [np.asarray(result).tobytes() for result in results]


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
