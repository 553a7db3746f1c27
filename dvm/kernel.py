"""`dvm.kernel`: kernels written with the builder interface of the original DVM, compiled when they are called.

The decorated function gets a builder `k` (`dvm.kernel_builder.KernelBuilder`) and stand-ins for its arguments. It runs once for
each kind of them: the ranks and element types of arrays (the shapes, in a static kernel), and the values of static
arguments. `docs/kernel.md` has the whole interface.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import update_wrapper
from inspect import Parameter, Signature, signature
from io import SEEK_END, StringIO
from itertools import count
from threading import RLock
from typing import TYPE_CHECKING, Any, Literal, cast, get_args, overload

import numpy as np

from dvm.array import Array, array_of
from dvm.jit import NUMBERS, Static, require_int32
from dvm.nesting import Structure, flatten, unflatten
from dvm.primitives import Shape
from dvm.program import Program, default_device
from dvm.record import leaf
from dvm.tensor import RECORDERS, Tensor
from dvm.tracing import TraceTable, argument_names
from vm.device import Device
from vm.errors import DvmError, ShapeError
from vm.machine import Machine

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp
    from xdsl.ir import SSAValue

    from dvm.kernel_recording import Inlined, KernelRecording
    from dvm.places import Place

KernelType = Literal["vector", "cube", "mix", "split", "parallel", "sequence", "eager"]
"""How operations become kernels.

"split": as the fuser sees fit. "vector", "cube", "mix": all are one kernel, which has no matrix products, only those, or
both. "parallel", "sequence": each sub-kernel is one, and they run beside one another, or in order. "eager": each operation is one.
"""

STACKED_BY_FUSER = ("split", "eager")
"""The types whose kernels are not written by hand."""

_PACKAGES = frozenset({"dvm", "dvm_dialects", "passes", "vm", "xdsl"})


@dataclass
class Graph:
    """A traced kernel, and its program once it is compiled."""

    module: ModuleOp
    sources: list[int]
    """For each input of the program its number among the arrays of a call."""
    declared: int
    """The inputs that are declared by shape."""
    single: bool
    """Whether it returns an array alone."""
    narrowed: dict[int, str]
    """The inputs that are Python integers and must fit int32: their numbers and names."""
    machine: Machine | None = None


class Kernel:
    """A kernel that is traced and compiled when it is called. Any number of threads may call it at once.

    A call takes the arguments of the function, without `k`, then an array for each load by shape. It returns NumPy arrays, or
    lazy arrays where an argument was one. In a function that is traced, such as one under `dvm.jit`, a kernel of type "split"
    becomes part of that function. Numbers are run-time values; tuples and lists without arrays, and whatever else
    is no array, are static, as are the arguments named in `static_argnames`.

    Raises DvmError, with file and line, where the kernel is wrong, CompileError where its type makes a promise that does not hold,
    ShapeError where shapes do not fit.
    """

    __name__: str

    def __init__(
        self,
        function: Callable[..., Any],
        ktype: KernelType = "split",
        dynamic: bool = True,
        static_argnames: Sequence[str] = (),
        device: Device | None = None,
    ) -> None:
        if ktype not in get_args(KernelType):
            raise DvmError(f"kernel: there is no type {ktype!r}, only {', '.join(map(repr, get_args(KernelType)))}")
        update_wrapper(self, function)
        self._function = function
        self._ktype: KernelType = ktype
        self._dynamic = dynamic
        self._device = device
        self._names, self._takes_any = _parameters(function)
        self.__signature__ = _without_builder(function)
        self._static_names = frozenset((static_argnames,) if isinstance(static_argnames, str) else static_argnames)
        self._graphs = TraceTable[Graph](f"kernel: an argument of '{function.__name__}'")
        self._last: Graph | None = None
        self._lock = RLock()

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        if RECORDERS.tracing:
            return self._inlined(arguments, options)
        graph, given = self._graph(arguments, options)
        machine = graph.machine or self._machine(graph)
        lazy = any(type(value) is Array for value in given)
        if lazy:
            given = [value.numpy() if type(value) is Array else value for value in given]
        inputs = [given[source] for source in graph.sources]
        for number, name in graph.narrowed.items():
            require_int32(name, inputs[number])
        results: list[Any] = machine.call(inputs)
        if lazy:
            results = [array_of(leaf(result)) for result in results]
        return results[0] if graph.single else tuple(results)

    @property
    def compilations(self) -> int:
        """How many programs have been compiled, of those that are kept."""
        return sum(graph.machine is not None for graph in self._graphs.values())

    def program(self, *arguments: Any, **options: Any) -> Program:
        """The compiled program for such arguments; without any the one of the last call, if there was one."""
        return Program(self._machine(self._graph_to_show(arguments, options)))

    def das(self, *arguments: Any, **options: Any) -> str:
        """The disassembly of the bytecode for such arguments; without any of the last call, if there was one."""
        return self.program(*arguments, **options).disassemble()

    def dump(self, *arguments: Any, **options: Any) -> str:
        """The operator graph for such arguments, and its kernels in their stages, as IR; see `das` for the arguments."""
        from xdsl.printer import Printer

        from dvm.compiler import lower, new_context

        module = self._graph_to_show(arguments, options).module.clone()
        stream = StringIO("// the operator graph\n")
        stream.seek(0, SEEK_END)
        Printer(stream).print_op(module)
        stream.write("\n\n// its kernels\n")
        lower(new_context(), module, "convert-vk-to-visa", fusion=self._ktype != "eager")
        Printer(stream).print_op(module)
        return f"{stream.getvalue()}\n"

    def _graph_to_show(self, arguments: Sequence[Any], options: Mapping[str, Any]) -> Graph:
        if arguments or options:
            return self._graph(arguments, options)[0]
        if self._last is not None:
            return self._last
        if self._names:
            raise DvmError(f"kernel: '{self._function.__name__}' has not been called yet: give the arguments of a call")
        return self._graph(None, {})[0]

    def _graph(self, arguments: Sequence[Any] | None, options: Mapping[str, Any]) -> tuple[Graph, list[Any]]:
        """The graph for the arguments of a call, traced now if need be, and the arrays and numbers among them.

        None for a kernel all of whose arrays are declared by shape, without them.
        """
        own = len(arguments or ()) if self._takes_any else len(self._names)
        mine, extra = tuple(arguments or ())[:own], list(arguments or ())[own:]
        structure, leaves = self._flattened(mine, options)
        declared = None if arguments is None else tuple([np.shape(array) for array in extra])
        shapes = None if declared is None else tuple([self._kept(shape) for shape in declared])
        key = (structure, shapes, *[self._kind_of(value) for value in leaves])
        found = self._graphs.find(key, lambda: self._trace(structure, leaves, declared))
        if arguments is not None and len(extra) != found.declared:
            name, taken = self._function.__name__, len(self._names) + found.declared
            beside = f", {found.declared} of which it declares by shape" if found.declared else ""
            raise ShapeError(f"kernel: '{name}' takes {taken} arguments{beside}, but is given {len(arguments)}")
        given = [value for value in leaves if _is_argument(value)] + extra
        if arguments is not None:
            self._last = found
        return found, given

    def _inlined(self, arguments: Sequence[Any], options: Mapping[str, Any]) -> Any:
        """What a call gives in a function that is traced, of which the operations become part."""
        from dvm.kernel_recording import Inlined

        name = self._function.__name__
        if self._ktype != "split":
            raise DvmError(
                f"kernel: '{name}' of type '{self._ktype}' is a program by itself: a function that is traced, such as one "
                "under dvm.jit, can only call kernels of type 'split'"
            )
        structure, leaves = self._flattened(arguments, options)
        recording = Inlined(name)
        leaves = [recording.take(value) if _is_argument(value) else value for value in leaves]
        with _located(self._place()):
            outputs, single = self._run(recording, structure, leaves)
            results = recording.results(outputs)
        return results[0] if single else tuple(results)

    def _place(self) -> Place:
        """Where the function is written."""
        code = getattr(self._function, "__code__", None)
        return (code.co_filename, code.co_firstlineno) if code is not None else (self._function.__name__, 0)

    def _require_fitting(self, arguments: Sequence[Any], options: Mapping[str, Any]) -> None:
        """Raises ShapeError where the function does not take such arguments."""
        try:
            self.__signature__.bind(*arguments, **options)
        except TypeError as error:
            raise ShapeError(f"kernel: '{self._function.__name__}' cannot be called so: {error}") from None

    def _trace(self, structure: Structure, leaves: Sequence[Any], declared: Sequence[Shape] | None) -> Graph:
        from dvm.kernel_recording import KernelRecording

        name = self._function.__name__
        place = self._place()
        arrays = sum(map(_is_argument, leaves))
        name = name if name.isidentifier() else "kernel"
        recording = KernelRecording(name, self._ktype, self._dynamic, place, arrays, declared)
        with recording, _located(place):
            outputs, single = self._run(recording, structure, leaves)
            module = recording.finish(outputs)
        return Graph(
            module, recording.sources, recording.declared, single and recording.outputs == 1, recording.narrowed
        )

    def _run(
        self, recording: KernelRecording | Inlined, structure: Structure, leaves: Sequence[Any]
    ) -> tuple[list[SSAValue] | None, bool]:
        """Run the function on stand-ins for its arguments: the outputs that it returns, if any, and whether these are no tuple."""
        from dvm.kernel_builder import Argument, KernelBuilder, outputs_of

        names = argument_names(structure, self._name)
        sources = count()
        stand_ins = [
            Argument(recording, path, value, next(sources))
            if _is_argument(value)
            else value.value
            if isinstance(value, Static)
            else value
            for path, value in zip(names, leaves, strict=True)
        ]
        arguments, options = unflatten(structure, stand_ins)
        self._require_fitting(arguments, options)
        result = self._function(KernelBuilder(recording), *arguments, **options)
        return None if result is None else outputs_of(result), not isinstance(result, list | tuple)

    def _flattened(self, arguments: Sequence[Any], options: Mapping[str, Any]) -> tuple[Structure, list[Any]]:
        """How arguments are nested, and their leaves, with what is static marked."""
        leaves: list[Any] = []
        named = {name: self._marked(name, value) for name, value in options.items()}
        marked = tuple([self._marked(self._name(number), value) for number, value in enumerate(arguments)])
        return flatten((marked, named), leaves), leaves

    def _marked(self, name: str, value: Any) -> Any:
        """An argument, with what is static in it marked."""
        if name in self._static_names:
            return Static(value)
        if isinstance(value, list | tuple):
            leaves: list[Any] = []
            flatten(value, leaves)
            if not any(isinstance(item, np.ndarray | np.generic | Tensor) for item in leaves):
                return Static(tuple(cast("Sequence[Any]", value)))
        return cast(Any, value)

    def _name(self, position: int) -> str:
        return self._names[position] if position < len(self._names) else f"arg{position}"

    def _kept(self, shape: Shape) -> Shape:
        """What of a shape is compiled in: sizes below 2, which can be broadcast, or all of them."""
        return tuple([min(size, 2) for size in shape]) if self._dynamic else shape

    def _kind_of(self, value: Any) -> Any:
        """What of a leaf a trace depends on."""
        kind = cast("type[Any]", type(value))
        if issubclass(kind, np.ndarray | np.generic | Array):
            return self._kept(value.shape), value.dtype
        return kind if kind in NUMBERS else value if kind is Static else Static(value)

    def _machine(self, graph: Graph) -> Machine:
        from dvm.compiler import compile_module

        with self._lock:
            if graph.machine is None:
                program = compile_module(graph.module.clone(), fusion=self._ktype != "eager")
                graph.machine = Machine(program, self._device or default_device())
            return graph.machine


def _parameters(function: Callable[..., Any]) -> tuple[list[str], bool]:
    """The names of the arguments of a kernel after `k`, and whether it takes any number of them."""
    names: list[str] = []
    takes_any = False
    for parameter in signature(function).parameters.values():
        if parameter.kind is Parameter.VAR_POSITIONAL:
            takes_any = True
        elif parameter.kind in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD):
            names.append(parameter.name)
    if not names:
        raise DvmError(f"kernel: '{function.__name__}' takes no argument, and has to take the builder as its first")
    return names[1:], takes_any


def _without_builder(function: Callable[..., Any]) -> Signature:
    """What a call takes."""
    found = signature(function)
    return found.replace(parameters=list(found.parameters.values())[1:])


def _is_argument(value: Any) -> bool:
    """Whether a leaf is an array or a number of the call."""
    return (
        isinstance(value, np.ndarray | np.generic | Tensor) or type(value) in NUMBERS or hasattr(value, "is_symbolic")
    )


@contextmanager
def _located(place: tuple[str, int]) -> Generator[None]:
    """Inside of it, errors say in which line of the caller's code they arose, by default that of the kernel."""
    try:
        yield
    except DvmError as error:
        traceback = error.__traceback__
        while traceback is not None:
            frame = traceback.tb_frame
            if str(frame.f_globals.get("__name__")).partition(".")[0] not in _PACKAGES:
                place = frame.f_code.co_filename, traceback.tb_lineno
            traceback = traceback.tb_next
        if str(error).startswith(f"{place[0]}:"):
            raise
        raise type(error)(f"{place[0]}:{place[1]}: {error}") from error


@overload
def kernel(function: Callable[..., Any], /) -> Kernel: ...
@overload
def kernel(
    *,
    ktype: KernelType = "split",
    dynamic: bool = True,
    static_argnames: Sequence[str] = (),
    device: Device | None = None,
) -> Callable[[Callable[..., Any]], Kernel]: ...
def kernel(
    function: Callable[..., Any] | None = None,
    /,
    *,
    ktype: KernelType = "split",
    dynamic: bool = True,
    static_argnames: Sequence[str] = (),
    device: Device | None = None,
) -> Any:
    """Compile a function over a builder: `@dvm.kernel`, or `@dvm.kernel(ktype="mix", dynamic=False)`. See `Kernel`.

    With `dynamic` it is traced for each set of ranks and element types, else for each set of shapes, which are compiled in.
    """

    def decorate(function: Callable[..., Any]) -> Kernel:
        return Kernel(function, ktype, dynamic, static_argnames, device)

    return decorate if function is None else decorate(function)
