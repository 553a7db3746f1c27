"""`dvm.jit`: a Python function over arrays as a compiled program, traced once for each kind of arguments.

A kind is how the arguments are nested, the rank and element type of each array, and the values of static arguments; sizes are
no part of it. A trace is compiled once for each set of dims that are at least 2, since only those cannot be broadcast;
Python code does not run again for that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import update_wrapper
from inspect import signature
from threading import RLock
from typing import TYPE_CHECKING, Any, cast, overload

import numpy as np

from dvm.array import Array, array_of
from dvm.primitives import ELEMENTS
from dvm.program import Program, default_device
from dvm.record import leaf
from dvm.tensor import RECORDERS
from vm.device import Device
from vm.errors import DvmError, ShapeError
from vm.machine import Machine

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp

    from dvm.trace import Traced

TRACE_LIMIT = 256
"""Traces that a function keeps; the oldest go first."""

_SCALARS: dict[type, np.dtype[Any]] = {
    bool: np.dtype(np.bool_),
    int: np.dtype(np.int64),
    float: np.dtype(np.float32),
}
"""The element types that Python's numbers have as arguments; beside an array they take on its own."""


@dataclass
class _Trace:
    """A traced function: its graph, how its results are nested, and its programs by which dims are at least 2."""

    module: ModuleOp
    nesting: Any
    constants: list[Any]
    """Results that are no arrays."""
    captured: list[Any]
    """The arrays from outside."""
    programs: dict[tuple[bool, ...], Machine]


class Jitted:
    """A function that is traced and compiled when it is called. Any number of threads may call it at once.

    Arguments are arrays (of NumPy, or lazy ones), Python numbers, and tuples, lists and dicts of those; whatever else they are,
    such as strings and None, is static and must be hashable. So are the arguments named in `static_argnames`. Results
    are NumPy arrays, or lazy arrays where an argument was one. Arrays from outside of the function are read at each call.

    Raises TraceError (a DvmError) with the line where the function asks for a value or size that is not known, and
    ShapeError where shapes do not fit.
    """

    def __init__(
        self, function: Callable[..., Any], static_argnames: Sequence[str] = (), device: Device | None = None
    ) -> None:
        self._function = function
        self._device = device
        self._static_names = frozenset((static_argnames,) if isinstance(static_argnames, str) else static_argnames)
        self._static_positions = self._positions()
        self._traces: dict[Any, _Trace] = {}
        self._lock = RLock()
        update_wrapper(self, function)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        if RECORDERS.tracing:
            return self._function(*arguments, **options)
        arrays: list[Any] = []
        key = self._key(arguments, options, arrays)
        trace = self._traces.get(key) or self._trace(key, arguments, options)
        machine = self._machine(trace, arrays)
        lazy = False
        for number, array in enumerate(arrays):
            if type(array) is Array:
                arrays[number] = array.evaluate().node.value
                lazy = True
        for array in trace.captured:
            arrays.append(np.asarray(array))
        results = machine.call(arrays)
        leaves: Any = iter([array_of(leaf(result)) for result in results] if lazy else results)
        return _nested(trace.nesting, leaves, trace.constants)

    def program(self, *arguments: Any, **options: Any) -> Program:
        """The compiled program for such arguments, to look at: `print(f.program(x).disassemble())`."""
        arrays: list[Any] = []
        key = self._key(arguments, options, arrays)
        return Program(self._machine(self._traces.get(key) or self._trace(key, arguments, options), arrays))

    @property
    def traces(self) -> int:
        """How many kinds of arguments it has been traced for."""
        return len(self._traces)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """As a method: bound to the object, which is then a static argument."""
        if instance is None:
            return self
        bound = Jitted(self._function.__get__(instance, owner), tuple(self._static_names), self._device)
        cache = getattr(instance, "__dict__", None)
        if cache is not None:
            cache.setdefault(self._function.__name__, bound)
        return bound

    def _positions(self) -> frozenset[int]:
        try:
            names = list(signature(self._function).parameters)
        except (TypeError, ValueError):
            names = []
        if unknown := self._static_names.difference(names):
            raise DvmError(f"jit: '{min(unknown)}' is no argument of {self._function.__name__}")
        return frozenset(position for position, name in enumerate(names) if name in self._static_names)

    def _key(self, arguments: Sequence[Any], options: Mapping[str, Any], arrays: list[Any]) -> Any:
        """The kind of the arguments; appends the arrays among them."""
        static = self._static_positions
        parts: list[Any] = [
            _Static(argument) if number in static else _kind_of(argument, arrays)
            for number, argument in enumerate(arguments)
        ]
        if options:
            names = self._static_names
            for name in sorted(options):
                value = options[name]
                parts.append((name, _Static(value) if name in names else _kind_of(value, arrays)))
        key = tuple(parts)
        try:
            hash(key)
        except TypeError as error:
            raise DvmError(f"jit: an argument of {self._function.__name__} is neither an array nor hashable") from error
        return key

    def _trace(self, key: Any, arguments: Sequence[Any], options: Mapping[str, Any]) -> _Trace:
        with self._lock:
            found = self._traces.get(key)
            if found is None:
                found = self._trace_now(arguments, options)
                if len(self._traces) >= TRACE_LIMIT:
                    del self._traces[next(iter(self._traces))]
                self._traces[key] = found
        return found

    def _trace_now(self, arguments: Sequence[Any], options: Mapping[str, Any]) -> _Trace:
        from dvm.trace import Trace, Traced

        with Trace(self._function.__name__ if self._function.__name__.isidentifier() else "traced") as trace:
            counter = iter(range(1 << 30))

            def stand_in(name: str, value: Any) -> Any:
                if isinstance(value, list | tuple):
                    items = [stand_in(f"{name}_{at}", item) for at, item in enumerate(cast("Sequence[Any]", value))]
                    return _like(cast(Any, value), items)
                if isinstance(value, dict):
                    return {at: stand_in(f"{name}_{at}", value[at]) for at in sorted(cast("dict[Any, Any]", value))}
                if type(value) in _SCALARS:
                    return trace.argument(name, _SCALARS[type(value)], (), weak=True)
                if isinstance(value, np.ndarray | np.generic | Array):
                    given = cast("np.ndarray[Any, Any]", value)
                    dims = [f"s{next(counter)}" for _ in given.shape]
                    dtype = next((dtype for dtype in ELEMENTS if dtype == given.dtype), None)
                    if dtype is None:
                        raise ShapeError(
                            f"jit: '{name}' is of {given.dtype}, which DVM has not; convert it with astype"
                        )
                    return trace.argument(name, dtype, dims)
                return value

            names = self._names(len(arguments))
            given = [
                argument if number in self._static_positions else stand_in(names[number], argument)
                for number, argument in enumerate(arguments)
            ]
            named = {
                name: options[name] if name in self._static_names else stand_in(name, options[name])
                for name in sorted(options)
            }
            result = self._function(*given, **named)
            values: list[Traced] = []
            constants: list[Any] = []
            nesting = _nesting(result, trace, values, constants)
            if not values:
                raise DvmError(f"jit: {self._function.__name__} returns no array")
            assert all(isinstance(value, Traced) for value in values)
            module = trace.builder.finish([value.ssa for value in values])
        captured = [array for array, _ in trace.captured.values()]
        return _Trace(module, nesting, constants, captured, {})

    def _names(self, count: int) -> list[str]:
        try:
            names = [name for name, parameter in signature(self._function).parameters.items() if parameter.kind < 2]
        except (TypeError, ValueError):
            names = []
        return names[:count] + [f"arg{number}" for number in range(len(names), count)]

    def _machine(self, trace: _Trace, arrays: Sequence[Any]) -> Machine:
        """The program of a trace for arrays like these."""
        large = tuple([size > 1 for array in arrays if not isinstance(array, float) for size in np.shape(array)])
        found = trace.programs.get(large)
        if found is None:
            with self._lock:
                found = trace.programs.get(large)
                if found is None:
                    found = trace.programs[large] = self._compiled(trace, large)
        return found

    def _compiled(self, trace: _Trace, large: tuple[bool, ...]) -> Machine:
        from xdsl.dialects.builtin import DictionaryAttr, IntegerAttr, i64

        from dvm.compiler import compile_module

        module = trace.module.clone()
        bounds = {f"s{number}": IntegerAttr(2, i64) for number, is_large in enumerate(large) if is_large}
        if bounds:
            module.body.block.first_op.attributes["dvm.at_least"] = DictionaryAttr(bounds)  # type: ignore[union-attr]
        return Machine(compile_module(module), self._device or default_device())


@dataclass(frozen=True)
class _Static:
    """The value of a static argument, apart from equal values of other types."""

    value: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Static) and type(other.value) is type(self.value) and other.value == self.value

    def __hash__(self) -> int:
        return hash(self.value)


def _kind_of(value: Any, arrays: list[Any]) -> Any:
    """What of an argument a trace depends on; appends the arrays."""
    kind = type(value)
    if kind is np.ndarray or kind is Array or isinstance(value, np.ndarray | np.generic):
        arrays.append(value)
        return value.ndim, value.dtype
    if kind in _SCALARS:
        arrays.append(value)
        return kind
    if isinstance(value, list | tuple):
        return kind, *[_kind_of(item, arrays) for item in cast("Sequence[Any]", value)]
    if isinstance(value, dict):
        items = cast("dict[Any, Any]", value)
        return kind, *[(name, _kind_of(items[name], arrays)) for name in sorted(items)]
    return _Static(value)


def _like(value: Sequence[Any], items: list[Any]) -> Any:
    """A list or tuple of the kind of another, with other items."""
    return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)  # type: ignore[call-arg]


def _nesting(result: Any, trace: Any, values: list[Any], constants: list[Any]) -> Any:
    """How a result is nested; appends its arrays, and what else is in it."""
    from dvm.trace import Traced

    if isinstance(result, list | tuple):
        return result, [_nesting(item, trace, values, constants) for item in cast("Sequence[Any]", result)]
    if isinstance(result, dict):
        items = cast("dict[Any, Any]", result)
        return dict, {name: _nesting(items[name], trace, values, constants) for name in items}
    if isinstance(result, np.ndarray | Array):
        result = trace.tensor(result, copy=False)
    if isinstance(result, Traced):
        values.append(result)
        return None
    constants.append(result)
    return len(constants) - 1


def _nested(nesting: Any, leaves: Any, constants: list[Any]) -> Any:
    """A result as the function nests it."""
    if nesting is None:
        return next(leaves)
    if isinstance(nesting, int):
        return constants[nesting]
    like, items = nesting
    if like is dict:
        return {name: _nested(item, leaves, constants) for name, item in items.items()}
    return _like(like, [_nested(item, leaves, constants) for item in items])


@overload
def jit(function: Callable[..., Any], /) -> Jitted: ...
@overload
def jit(
    *, static_argnames: Sequence[str] = (), device: Device | None = None
) -> Callable[[Callable[..., Any]], Jitted]: ...
def jit(
    function: Callable[..., Any] | None = None, /, *, static_argnames: Sequence[str] = (), device: Device | None = None
) -> Any:
    """Compile a function over arrays: `@dvm.jit`, or `@dvm.jit(static_argnames=("axis",))`. See `Jitted`."""
    if function is None:
        return lambda function: Jitted(function, static_argnames, device)
    return Jitted(function, static_argnames, device)
