"""`dvm.jit`: a Python function over arrays as a compiled program, traced once for each kind of arguments.

A kind is how the arguments are nested, the rank and element type of each array, and the values of static arguments; sizes are
no part of it. A trace is compiled once for each set of dims that are at least 2, since only those cannot be broadcast;
Python code does not run again for that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import update_wrapper
from inspect import Parameter, signature
from threading import RLock
from typing import TYPE_CHECKING, Any, cast, overload

import numpy as np

from dvm.array import Array, array_of
from dvm.cache import cached
from dvm.nesting import Structure, flatten, unflatten
from dvm.primitives import ELEMENTS, DType, fits_int32
from dvm.program import Program
from dvm.record import leaf
from dvm.tensor import RECORDERS
from dvm.tracing import TraceTable, argument_names
from vm.device import Device
from vm.errors import DvmError, ShapeError

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp

    from dvm.trace import Trace

_POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)

NUMBERS: dict[type, DType] = {bool: np.dtype(np.bool_), int: np.dtype(np.int64), float: np.dtype(np.float32)}
"""The element types that Python's numbers have as arguments; beside an array they take on its own."""


@dataclass
class _Traced:
    """A traced function: its graph, how its results are nested, and its programs by which dims are at least 2."""

    module: ModuleOp
    structure: Structure
    constants: dict[int, Any]
    """The results that are no arrays, by their place among the leaves."""
    captured: list[Any]
    """The arrays from outside."""
    narrowed: dict[int, str]
    """The arguments that are Python integers and must fit int32: their numbers and names."""
    programs: dict[tuple[bool, ...], Program] = field(default_factory=dict[tuple[bool, ...], Program])


class Jitted:
    """A function that is traced and compiled when it is called. Any number of threads may call it at once.

    Arguments are arrays (of NumPy, or lazy ones), Python numbers, and tuples, lists and dicts of those; whatever else they are,
    such as strings and None, is static and must be hashable. So are the arguments named in `static_argnames`. Results
    are NumPy arrays, or lazy arrays where an argument was one. Arrays from outside of the function are read at each call.

    Raises TraceError (a DvmError) with the line where the function asks for a value or size that is not known, and
    ShapeError where shapes do not fit.
    """

    def __init__(
        self, function: Callable[..., Any], static_argnames: str | Sequence[str] = (), device: Device | None = None
    ) -> None:
        update_wrapper(self, function)
        self._function = function
        self._called = str(getattr(function, "__name__", type(function).__name__))
        self._device = device
        self._static_names = frozenset((static_argnames,) if isinstance(static_argnames, str) else static_argnames)
        parameters = _parameters(function)
        if parameters and (unknown := self._static_names.difference(parameter.name for parameter in parameters)):
            raise DvmError(f"jit: '{min(unknown)}' is no argument of '{self._called}'")
        self._names = [parameter.name for parameter in parameters if parameter.kind in _POSITIONAL]
        self._static_positions = frozenset(
            position for position, name in enumerate(self._names) if name in self._static_names
        )
        self._traces = TraceTable[_Traced](f"jit: an argument of '{self._called}'")
        self._lock = RLock()

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        if RECORDERS.tracing:
            return self._function(*arguments, **options)
        traced, arrays = self._traced(arguments, options)
        program = self._program(traced, arrays)
        for number, name in traced.narrowed.items():
            require_int32(name, arrays[number])
        lazy = False
        for number, array in enumerate(arrays):
            if type(array) is Array:
                arrays[number] = array.numpy()
                lazy = True
        arrays += [np.asarray(array) for array in traced.captured]
        results: Iterator[Any] = iter(program.results(arrays))
        if lazy:
            results = (array_of(leaf(result)) for result in results)
        if traced.structure is None:
            return next(results)
        count = _leaf_count(traced.structure)
        constants = traced.constants
        return unflatten(traced.structure, [constants[at] if at in constants else next(results) for at in range(count)])

    def program(self, *arguments: Any, **options: Any) -> Program:
        """The compiled program for such arguments, to look at: `print(f.program(x).disassemble())`."""
        traced, arrays = self._traced(arguments, options)
        return self._program(traced, arrays)

    @property
    def traces(self) -> int:
        """How many kinds of arguments it has been traced for."""
        return len(self._traces)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """As a method: with the object as a static argument, which must be hashable."""
        return self if instance is None else _Bound(self, instance)

    def _traced(self, arguments: Sequence[Any], options: Mapping[str, Any]) -> tuple[_Traced, list[Any]]:
        """The trace for arguments, made now if need be, and the arrays among them."""
        leaves: list[Any] = []
        structure = flatten((self._marked(arguments), self._marked_options(options)), leaves)
        key = (structure, *[_kind_of(value) for value in leaves])
        found = self._traces.find(key, lambda: self._trace(structure, leaves))
        return found, [value for value in leaves if _is_argument(value)]

    def _marked(self, arguments: Sequence[Any]) -> Sequence[Any]:
        static = self._static_positions
        if not static:
            return tuple(arguments)
        return tuple(Static(value) if number in static else value for number, value in enumerate(arguments))

    def _marked_options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        return {name: Static(value) if name in self._static_names else value for name, value in options.items()}

    def _trace(self, structure: Structure, leaves: Sequence[Any]) -> _Traced:
        from dvm.trace import Trace

        names = argument_names(structure, self._name)
        name = self._called
        with Trace(name if name.isidentifier() else "traced") as trace:
            stand_ins = _stand_ins(trace, names, leaves)
            arguments, options = unflatten(structure, stand_ins)
            results: list[Any] = []
            nesting = flatten(self._function(*arguments, **options), results)
            values = {at: trace.value(result) for at, result in enumerate(results) if trace.is_array(result)}
            if not values:
                raise DvmError(f"jit: '{name}' returns no array")
            module = trace.builder.finish([value.ssa for value in values.values()])
        constants = {at: result for at, result in enumerate(results) if at not in values}
        captured = [array for array, _ in trace.captured.values()]
        return _Traced(module, nesting, constants, captured, trace.narrowed)

    def _name(self, position: int) -> str:
        return self._names[position] if position < len(self._names) else f"arg{position}"

    def _program(self, traced: _Traced, arrays: Sequence[Any]) -> Program:
        """The program of a trace for arrays like these."""
        large = tuple([size > 1 for array in arrays if type(array) not in NUMBERS for size in array.shape])
        found = traced.programs.get(large)
        if found is None:
            with self._lock:
                found = traced.programs.get(large)
                if found is None:
                    found = traced.programs[large] = self._compiled(traced, large)
        return found

    def _compiled(self, traced: _Traced, large: tuple[bool, ...]) -> Program:
        from dvm.building import promise, text_of
        from dvm.compiler import compile_any
        from dvm.places import numbered, placed

        module = promise(traced.module, {f"s{number}": 2 for number, is_large in enumerate(large) if is_large})
        places = numbered(module)
        program = placed(places, lambda: cached(lambda: f"traced {text_of(module)}", lambda: compile_any(module)))
        return Program.of(program, self._device)


class _Bound:
    """A jitted function as a method of an object."""

    def __init__(self, jitted: Jitted, instance: Any) -> None:
        self._jitted = jitted
        self._instance = Static(instance)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self._jitted(self._instance, *arguments, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._jitted, name)


@dataclass(frozen=True)
class Static:
    """The value of a static argument, apart from equal values of other types."""

    value: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Static) and _identity(other.value) == _identity(self.value)

    def __hash__(self) -> int:
        return hash(_identity(self.value))


def _identity(value: Any) -> Any:
    """A value with the types of all that is in it: 1, 1.0 and True are equal, and so are the two zeros."""
    kind: Any = cast(object, type(value))
    if kind in (tuple, frozenset):
        return kind, kind([_identity(item) for item in value])
    return kind, value.hex() if isinstance(value, float) else value


def _parameters(function: Callable[..., Any]) -> list[Parameter]:
    try:
        return list(signature(function).parameters.values())
    except (TypeError, ValueError):
        return []


def _is_argument(value: Any) -> bool:
    """Whether a leaf is an argument of the program: an array or a number."""
    return isinstance(value, np.ndarray | np.generic | Array) or type(value) in NUMBERS


def _kind_of(value: Any) -> Any:
    """What of a leaf a trace depends on."""
    kind = cast("type[Any]", type(value))
    if issubclass(kind, np.ndarray | np.generic | Array):
        return value.ndim, value.dtype
    return kind if kind in NUMBERS else value if kind is Static else Static(value)


def _stand_ins(trace: Trace, names: Sequence[str], leaves: Sequence[Any]) -> Iterator[Any]:
    """What a function is traced with in place of the leaves of its arguments."""
    dims = iter(range(1 << 30))
    for name, value in zip(names, leaves, strict=True):
        if issubclass(type(value), np.ndarray | np.generic | Array):
            dtype = next((dtype for dtype in ELEMENTS if dtype == value.dtype), None)
            if dtype is None:
                raise ShapeError(f"jit: '{name}' is of {value.dtype}, which DVM has not; convert it with astype")
            yield trace.argument(name, dtype, [f"s{next(dims)}" for _ in value.shape])
        elif type(value) in NUMBERS:
            yield trace.argument(name, NUMBERS[type(value)], (), weak=True)
        else:
            yield value.value if isinstance(value, Static) else value


def require_int32(name: str, value: Any) -> None:
    """Raises ShapeError where an argument does not fit the int32 that it stands beside."""
    if not fits_int32(value):
        raise ShapeError(f"'{name}' is {value}, which does not fit the int32 beside it")


def _leaf_count(structure: Structure) -> int:
    return 1 if structure is None else sum(_leaf_count(part) for part in structure[2:])


@overload
def jit(
    function: Callable[..., Any], /, *, static_argnames: str | Sequence[str] = (), device: Device | None = None
) -> Jitted: ...
@overload
def jit(
    *, static_argnames: str | Sequence[str] = (), device: Device | None = None
) -> Callable[[Callable[..., Any]], Jitted]: ...
def jit(
    function: Callable[..., Any] | None = None,
    /,
    *,
    static_argnames: str | Sequence[str] = (),
    device: Device | None = None,
) -> Any:
    """Compile a function over arrays: `@dvm.jit`, or `@dvm.jit(static_argnames=("axis",))`. See `Jitted`."""

    def decorate(function: Callable[..., Any]) -> Jitted:
        return Jitted(function, static_argnames, device)

    return decorate if function is None else decorate(function)
