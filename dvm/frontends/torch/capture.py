"""From a graph of PyTorch to programs: what DVM takes of it is traced, and becomes regions between what stays.

The graph (of Dynamo, or of AOT autograd) is run once on fake tensors, whose sizes are symbols, below a dispatch mode that sees the
ATen operations and does to stand-ins of `dvm.trace` what they do. That tells which nodes of the graph DVM can do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from typing import Any, cast

import sympy
import torch
from torch._dispatch.python import enable_python_dispatcher
from torch._guards import detect_fake_mode
from torch._subclasses.fake_tensor import FakeTensor
from torch.fx import GraphModule, Interpreter, Node
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._sympy.functions import CleanDiv, FloorDiv, Mod, PythonMod

from dvm.frontends.torch import lowerings, lowerings_neural, lowerings_shaping
from dvm.frontends.torch.composites import COMPOSITES, Composite
from dvm.frontends.torch.elements import TO_TORCH, Weight, array_of, dtype_of, is_plain, kept_array_of, tensor_of
from dvm.frontends.torch.table import IN_PLACE, LOWERINGS, VIEWS, Deferred
from dvm.places import Place
from dvm.program import SIZE, Program, size_argument
from dvm.tensor import Unsupported
from dvm.trace import Size, Trace, Traced
from dvm_dialects.dims import Dim
from vm.errors import DvmError, ShapeError
from vm.tiles import DTYPES

TABLES = (lowerings, lowerings_neural, lowerings_shaping)


class Mutation(Exception):
    """A graph writes what others see: it must be made functional first."""


def dim_of(size: Any) -> Dim:
    """The dim of a size of a fake tensor; raises Unsupported for what is no polynomial with quotients."""
    if isinstance(size, int):
        return Dim.constant(size)
    return _dim_of(size.node.expr)


def _dim_of(expression: Any) -> Dim:
    match expression:
        case sympy.Integer():
            return Dim.constant(int(expression))
        case sympy.Symbol():
            return Dim.symbol(expression.name)
        case sympy.Add():
            return sum(map(_dim_of, expression.args), Dim.constant(0))
        case sympy.Mul() if all(
            not isinstance(factor, sympy.Rational) or factor.is_integer for factor in expression.args
        ):
            found = Dim.constant(1)
            for factor in expression.args:
                found = found * _dim_of(factor)
            return found
        case sympy.Pow() if expression.exp.is_integer and expression.exp.is_positive and expression.exp.is_number:
            found = Dim.constant(1)
            for _ in range(int(expression.exp)):
                found = found * _dim_of(expression.base)
            return found
        case FloorDiv() | CleanDiv():
            return _dim_of(expression.args[0]).floordiv(_dim_of(expression.args[1]))
        case Mod() | PythonMod():
            dividend, divisor = map(_dim_of, expression.args)
            return dividend - dividend.floordiv(divisor) * divisor
        case _:
            raise Unsupported(f"a size of {expression}")


class _Trace(Trace):
    """A trace whose operations come from lines of the model."""

    position: Place = ("<graph>", 0)

    def caller(self) -> Place:
        return self.position


@dataclass
class Seen:
    """What an operation of ATen was: its name, the bytes that it alone would read and write, why it stays in PyTorch."""

    name: str
    bytes: int
    reason: str | None = None


class Capture(TorchDispatchMode):
    """Traces the ATen operations on fake tensors."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.trace = _Trace(name)
        self.values: dict[int, tuple[Any, Any]] = {}
        """Stand-ins by the identity of fake tensors, which are kept for that."""
        self.shared: dict[int, int] = {}
        """How many tensors lie in a storage that was made in the graph."""
        self.symbols: dict[str, int] = {}
        """The symbols in use, with the least that each can be."""
        self.seen: list[Seen] = []
        self.writes = False
        """Whether something was written in place."""

    def argument(self, name: str, fake: Any) -> None:
        """Declare an argument."""
        dims = [dim_of(size) for size in fake.shape]
        for size in fake.shape:
            self.note(size)
        self.values[id(fake)] = fake, self.trace.argument(name, dtype_of(fake.dtype), dims)

    def note(self, size: Any) -> None:
        """Remember the symbols of a size. Raises Unsupported for a number that is negative, as no size is.

        A number that happens not to be is taken for a size, and PyTorch told to compile anew for one that is.
        """
        if isinstance(size, int):
            return
        node = size.node
        for symbol in node.expr.free_symbols:
            if symbol.name not in self.symbols:
                least = node.shape_env.var_to_range[symbol].lower
                if least < 0 and (
                    symbol not in node.shape_env.backed_var_to_val
                    or not node.shape_env.evaluate_expr(sympy.Ge(symbol, 0))
                ):
                    raise Unsupported("a number that may be negative")
                self.symbols[symbol.name] = int(least) if least.is_number and least > 0 and least < 1 << 31 else 0

    def stand_in(self, tensor: torch.Tensor) -> Traced:
        """The value that a tensor has in the trace."""
        known = self.values.get(id(tensor))
        if known is not None:
            return cast(Traced, known[1].make()) if isinstance(known[1], Deferred) else known[1]
        if isinstance(tensor, FakeTensor):
            raise Unsupported("it takes what PyTorch computes")
        if not is_plain(tensor):
            raise Unsupported(f"it takes a tensor of {tensor.dtype} on {tensor.device}")
        with _disable_current_modes():  # which are for fake tensors
            array = array_of(tensor)
        found = self.trace.tensor(array, copy=False)
        self.values[id(tensor)] = tensor, found
        return found

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        options = kwargs or {}
        found = func(*args, **options)
        if not _tensors(found):
            if func._schema.is_mutable:
                raise Mutation
            if isinstance(found, torch.SymInt):
                with suppress(Unsupported):
                    self.note(found)
            return found
        seen = Seen(str(func), _bytes((args, options)) + _bytes(found))
        self.seen.append(seen)
        functional = IN_PLACE.get(func)
        if func._schema.is_mutable and (functional is None or self._is_seen_elsewhere(args[0])):
            raise Mutation
        self.writes = self.writes or func._schema.is_mutable
        lowering = LOWERINGS.get(func if functional is None else functional)
        try:
            if lowering is None:
                raise Unsupported("DVM has it not")
            with self.trace:
                result = lowering(*self._given(args), **{name: self._given(value) for name, value in options.items()})
                if func is torch.ops.aten.slice.Tensor:
                    _check_cut(found, result)
                self._take(found, result, view=func in VIEWS)
        except (DvmError, IndexError) as reason:
            if func is not torch.ops.aten.empty.memory_format:  # which nothing may ever read
                seen.reason = str(reason)
            for tensor in _tensors(found):
                storage = tensor.untyped_storage()._cdata
                if storage in self.shared:
                    self.shared[storage] += 1
        return found

    def take_whole(self, composite: Composite, args: Any, options: Any, result: torch.Tensor) -> bool:
        """Let what a function gives as a whole be the stand-in of its result; whether it can."""
        try:
            with self.trace:
                found = composite.function(
                    *self._given(args), **{name: self._given(value) for name, value in options.items()}
                )
                self._take(result, found, view=False)
        except (DvmError, IndexError):
            return False
        self.seen.append(Seen(str(composite.operation), _bytes((args, options)) + _bytes(result)))
        return True

    def _is_seen_elsewhere(self, tensor: torch.Tensor) -> bool:
        """Whether what is written to a tensor is seen through others, or from outside of the graph."""
        return self.shared.get(tensor.untyped_storage()._cdata, 0) != 1

    def _take(self, found: Any, result: Any, *, view: bool) -> None:
        """Make the stand-in of a result known."""
        if isinstance(found, tuple | list):
            for one, part in zip(found, result, strict=True):
                self._take(one, part, view=view)
        elif found is not None and result is not None:
            if len(found.shape) != result.ndim or dtype_of(found.dtype) is not result.dtype:
                raise Unsupported(f"DVM gives {result!r} for {found.dtype} {list(found.shape)}")
            self.values[id(found)] = found, result
            storage = found.untyped_storage()._cdata
            if not view:
                self.shared.setdefault(storage, 1)
            elif storage in self.shared:
                self.shared[storage] += 1

    def _given(self, value: Any) -> Any:
        """An argument with stand-ins in place of tensors, and sizes of DVM in place of PyTorch's."""
        if isinstance(value, torch.Tensor):
            return self.stand_in(value)
        if isinstance(value, torch.SymInt):
            self.note(value)
            dim = dim_of(value)
            return Size(dim) if dim.value is None else dim.value
        if isinstance(value, torch.SymFloat):
            expression = value.node.expr
            if not expression.is_number:
                raise Unsupported(f"a number that is {expression}")
            return float(expression)
        if isinstance(value, list | tuple):
            items = [self._given(item) for item in cast("Sequence[Any]", value)]
            return items if isinstance(value, list) else tuple(items)
        return value


def _check_cut(found: torch.Tensor, result: Traced) -> None:
    """Raise Unsupported where PyTorch knows of a slice that it begins or ends past the end, and so has another size for it."""
    for size, own in zip(found.shape, result.shape, strict=True):
        if dim_of(size) != (own.dim if isinstance(own, Size) else Dim.constant(own)):
            raise Unsupported(f"a slice of {size} that DVM takes for one of {own}")


def _bytes(values: Any) -> int:
    """The bytes of the tensors in there, at the sizes that the graph was seen with."""
    if isinstance(values, torch.Tensor):
        count = values.element_size()
        for size in values.shape:
            count *= size if isinstance(size, int) else size.node.hint
        return count
    if isinstance(values, dict):
        values = values.values()
    return sum(map(_bytes, values)) if isinstance(values, Iterable) and not isinstance(values, str) else 0


_STATEFUL = ("_set_grad_enabled", "_enter_autocast", "_exit_autocast", "_enter_inference_mode", "_exit_inference_mode")


class Replay(Interpreter):
    """Runs a graph on fake tensors, and notes in each node what it gives and why, if so, it stays in PyTorch."""

    def __init__(self, module: GraphModule, capture: Capture) -> None:
        super().__init__(module)
        self._capture = capture

    def run_node(self, n: Node) -> Any:
        capture = self._capture
        if n.op in ("placeholder", "output", "get_attr"):
            result = super().run_node(n)
            n.meta["dvm.value"] = result
            return result
        if getattr(n.target, "__name__", "") in _STATEFUL:
            raise Mutation
        capture.trace.position = _place_of(n)
        before = len(capture.seen)
        capture.writes = False
        if isinstance(n.target, torch._ops.HigherOrderOperator):
            result = n.meta["example_value"] if "example_value" in n.meta else n.meta["val"]
            capture.seen.append(Seen(str(n.target), 0, "DVM has no operations of higher order"))
        else:
            result = self._whole(n)
            if result is None:
                result = super().run_node(n)
        reasons = [seen for seen in capture.seen[before:] if seen.reason is not None]
        n.meta["dvm.value"] = result
        n.meta["dvm.left"] = f"{reasons[0].name}: {reasons[0].reason}" if reasons else None
        if not reasons and any(id(value) not in capture.values for value in _tensors(result)):
            n.meta["dvm.left"] = "it gives what PyTorch has made"
        n.meta["dvm.seen"] = capture.seen[before:]
        n.meta["dvm.writes"] = capture.writes
        if reasons:
            for value in _tensors(result):
                if id(value) not in capture.values and is_plain(value):
                    try:
                        capture.argument(n.name, value)
                    except Unsupported:  # of a size that DVM cannot say
                        continue
        return result

    def _whole(self, n: Node) -> torch.Tensor | None:
        """What a node gives, as Dynamo found, if it is a function that is several operations and DVM takes it whole.

        That is half the work for the operations need not be done on fake tensors, and fewer kernels.
        """
        composite = COMPOSITES.get(getattr(torch.Tensor, str(n.target), None) if n.op == "call_method" else n.target)
        result = n.meta.get("example_value")
        if (
            composite is None
            or not composite.names.issuperset(n.kwargs)
            or not isinstance(result, torch.Tensor)
            or torch.is_autocast_enabled("cpu")
        ):
            return None
        taken = self._capture.take_whole(composite, *self.fetch_args_kwargs_from_env(n), result)
        return result if taken else None


def _tensors(value: Any) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    return [one for item in value for one in _tensors(item)] if isinstance(value, tuple | list) else []


def _place_of(node: Node) -> Place:
    """The line of the model that a node comes from."""
    trace = node.meta.get("stack_trace")
    lines = [line.strip() for line in trace.splitlines()] if trace else []
    for line in reversed(lines):
        if line.startswith('File "'):
            file, _, rest = line[6:].partition('", line ')
            digits = rest.partition(",")[0]
            return file, int(digits) if digits.isdecimal() else 0
    return node.name, 0


def fake_of(node: Node) -> Any:
    """What a node gives, as a fake tensor or a symbolic number."""
    for key in ("dvm.value", "example_value", "val"):
        if key in node.meta:
            return node.meta[key]
    raise DvmError(f"the graph does not say what '{node.name}' is")


@dataclass
class Region:
    """A program in place of some nodes. Called with their arguments, it gives their results, as tensors in new memory."""

    program: Program
    tensors: list[int]
    """The arguments that are arrays of the program."""
    captured: list[Any]
    """The arrays that were in the graph."""
    sizes: list[int]
    """The arguments, integers, that the program takes as dims of arrays."""
    layouts: list[tuple[int, ...] | None]
    """For each result the order of its dims in memory that PyTorch would have, unless that is the usual one."""
    shapes: list[tuple[int, ...]]
    """The shapes of the arrays of the program that the graph was seen with."""

    _weights: dict[int, Weight] = field(default_factory=dict[int, Weight])
    """By argument the parameter that it last was."""

    def __call__(self, *arguments: Any) -> list[torch.Tensor]:
        arrays: list[Any] = [kept_array_of(self._weights, at, arguments[at]) for at in self.tensors]
        arrays += self.captured
        arrays += [size_argument(arguments[at]) for at in self.sizes]
        try:
            found = [tensor_of(array) for array in self.program.results(arrays)]
        except ShapeError:
            kinds = [TO_TORCH[DTYPES[parameter.element_type]] for parameter in self.program.inputs[: len(self.tensors)]]
            if all(arguments[at].dtype is kind for at, kind in zip(self.tensors, kinds, strict=True)):
                raise
            # PyTorch told of other element types than its operation gave, such as batch norm's for 16-bit floats
            given = list(arguments)
            for at, kind in zip(self.tensors, kinds, strict=True):
                given[at] = given[at].to(kind)
            return self(*given)
        for number, layout in enumerate(self.layouts):
            if layout is not None:
                found[number] = found[number].permute(layout)
        return found


def captured(name: str, module: GraphModule, fakes: Sequence[Any]) -> tuple[Capture, Any]:
    """Replay a graph: the trace of what DVM takes of it, and what it gives. Raises Mutation."""
    capture = Capture(name)
    placeholders = [node for node in module.graph.nodes if node.op == "placeholder"]
    for node, fake in zip(placeholders, fakes, strict=True):
        with suppress(Unsupported):  # what takes such a one stays in PyTorch
            if isinstance(fake, torch.Tensor) and is_plain(fake):
                capture.argument(node.name, fake)
            elif isinstance(fake, torch.SymInt):
                capture.note(fake)
    mode = next((fake.fake_mode for fake in fakes if isinstance(fake, FakeTensor)), None) or detect_fake_mode()
    replay = Replay(module, capture)
    with (
        enable_python_dispatcher(),
        mode or nullcontext(),
        capture,
    ):  # some of PyTorch's rules for symbols are in Python
        return capture, replay.run(*fakes)


def region(capture: Capture, fakes: Sequence[Any], results: Sequence[Any]) -> Region:
    """The program of a trace that took a whole graph, with these arguments and results."""
    from dvm.compiler import compile_module

    trace = capture.trace
    tensors = [at for at, fake in enumerate(fakes) if isinstance(fake, torch.Tensor) and id(fake) in capture.values]
    bound = {
        str(dim)
        for at in tensors
        for dim in map(dim_of, fakes[at].shape)
        if dim.value is None and str(dim) in capture.symbols
    }
    sizes: list[int] = []
    given: list[Dim] = []
    for at, fake in enumerate(fakes):
        if isinstance(fake, torch.SymInt) and fake.node.expr.is_symbol:
            dim = dim_of(fake)
            if str(dim) in capture.symbols and str(dim) not in bound:
                bound.add(str(dim))
                sizes.append(at)
                given.append(dim)
    captured_arrays = [array for array, _ in trace.captured.values()]
    for dim in given:
        trace.argument(f"size_{dim}", SIZE, (dim,))
    layouts = [_layout(result) for result in results]
    values: list[Any] = []
    with trace:
        for result, layout in zip(results, layouts, strict=True):
            value = capture.stand_in(result)
            if layout is not None:
                inverse = tuple(sorted(range(len(layout)), key=layout.__getitem__))
                value = lowerings.dvm.transpose(value, inverse)
            values.append(value.ssa)
    least = {symbol: bound for symbol, bound in capture.symbols.items() if bound > 0}
    module = trace.builder.finish(values, least)
    shapes = [tuple(map(_hint, fakes[at].shape)) for at in tensors]
    shapes += [array.shape for array in captured_arrays]
    shapes += [(_hint(fakes[at]),) for at in sizes]
    return Region(Program.of(compile_module(module)), tensors, captured_arrays, sizes, layouts, shapes)


def _layout(tensor: torch.Tensor) -> tuple[int, ...] | None:
    """For a tensor that is dense but not in the usual order, where each of its dims is in memory, the outermost first being 0."""
    shape = [_hint(size) for size in tensor.shape]
    strides = [_hint(stride) for stride in tensor.stride()]
    order = sorted(range(len(shape)), key=lambda axis: (-strides[axis], axis))
    dense = 1
    for axis in reversed(order):
        if shape[axis] != 1 and strides[axis] != dense:
            return None
        dense *= shape[axis]
    moved = [axis for axis in order if shape[axis] != 1]
    if moved == sorted(moved):
        return None
    return tuple(order.index(axis) for axis in range(len(order)))


def _hint(size: Any) -> int:
    return size if isinstance(size, int) else size.node.hint


def is_size(node: Node) -> bool:
    """Whether a node gives numbers, and no tensors."""
    return not _tensors(fake_of(node))
