"""What an operator graph means, in NumPy and float64: the yardstick that compiled programs are checked against.

`evaluate` interprets the operations one by one, on whole tensors, the composite ones directly and not through their
decomposition. It shares no computation with the compiler or the virtual machine. It also runs the kernels that
`dvm-fuse` makes, so that a wrong result can be traced to one level of the IR.

Floats of every type are computed in float64, rounded only by `dvm.cast` and in the inputs; i32 and i64 in their own
type, where overflow wraps; i1 as bool. NaN and infinities follow NumPy.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import ml_dtypes
import numpy as np
import numpy.typing as npt
from xdsl.dialects import func
from xdsl.dialects.builtin import ArrayAttr, IntegerAttr, ModuleOp, StringAttr
from xdsl.interpreter import (
    Interpreter,
    InterpreterFunctions,
    PythonValues,
    ReturnedValues,
    TerminatorValue,
    impl,
    impl_terminator,
    register_impls,
)
from xdsl.interpreters.func import FuncFunctions
from xdsl.utils.exceptions import PassFailedException
from xdsl.utils.hints import isa

from dvm.reference_control import ControlFunctions, ScalarFunctions
from dvm_dialects import dvm, vk
from dvm_dialects.dims import Dim, parse_dim
from dvm_dialects.shapes import GRAPH_TYPE_NAMES, element_of, shape_of
from passes.emit_bytecode import entry_function
from vm.errors import CompileError, ExecutionError, ShapeError
from vm.isa import ElementType

Array: TypeAlias = npt.NDArray[Any]

DTYPES: dict[ElementType, np.dtype[Any]] = {
    ElementType.I1: np.dtype(np.bool_),
    ElementType.F16: np.dtype(np.float16),
    ElementType.BF16: np.dtype(ml_dtypes.bfloat16),
    ElementType.F32: np.dtype(np.float32),
    ElementType.I32: np.dtype(np.int32),
    ElementType.I64: np.dtype(np.int64),
}
"""How an array of each element type is stored."""

TOLERANCES = {
    ElementType.F16: 4e-3,
    ElementType.BF16: 3e-2,
    ElementType.F32: 1e-4,
}
"""How far floats may be from the reference (see `Comparison`): eight roundings of the 16-bit types, and for f32 what
sums of some thousand terms and the approximations of the elementary functions take. Other types must be equal."""


def evaluate(module: ModuleOp, inputs: Mapping[str, Any] | Sequence[Any]) -> list[Array]:
    """The results of the module's function, floats as float64.

    `inputs` are arrays in the order of the arguments, or by their names (`dvm.arg_names`, else the SSA name, else
    "arg0" and so on); each is first rounded to its element type. Raises CompileError unless the module holds one public
    function, ShapeError where the arrays do not fit, and ExecutionError for data that does not, such as a gather index
    out of range.
    """
    try:
        function = entry_function(module)
    except PassFailedException as error:
        raise CompileError(str(error)) from None
    names = _argument_names(function)
    arrays = _ordered(names, inputs)
    elements = [element_of(argument.type) for argument in function.args]
    stored = [np.asarray(array).astype(DTYPES[element]) for array, element in zip(arrays, elements, strict=True)]
    symbols = _bind_symbols(function, names, stored)
    interpreter = Interpreter(module)
    interpreter.register_implementations(FuncFunctions())
    interpreter.register_implementations(_GraphFunctions(symbols))
    interpreter.register_implementations(_KernelFunctions(symbols))
    interpreter.register_implementations(ScalarFunctions())
    interpreter.register_implementations(ControlFunctions(symbols))
    arguments = tuple(widen(array, element) for array, element in zip(stored, elements, strict=True))
    try:
        with np.errstate(all="ignore"):
            results: PythonValues = interpreter.call_op(function, arguments)
    except ValueError as error:
        raise ShapeError(str(error)) from error
    return [np.asarray(result) for result in results]


def widen(array: Array, element: ElementType) -> Array:
    """An array of an element type as the reference computes with it: floats in float64."""
    return array.astype(np.float64) if element.is_float else array.astype(DTYPES[element])


@dataclass(frozen=True)
class Comparison:
    """How an output differs from the reference.

    The error of an element is |got - expected| / (|expected| + the root mean square of all expected elements), so that
    elements near zero count by what they matter in the tensor; it is infinite where only one of the two is NaN or
    infinite, and for differing integers and truth values.
    """

    elements: int
    wrong: int
    """Elements with an error above the tolerance."""
    greatest: float
    tolerance: float
    worst: tuple[int, ...]
    """The index of the element with the greatest error."""

    def __bool__(self) -> bool:
        """Whether the output is right."""
        return self.wrong == 0


def compare(got: Array, expected: Array, element: ElementType) -> Comparison:
    """Compare an output of an element type with the reference's; raises ShapeError if their shapes differ."""
    if got.shape != expected.shape:
        raise ShapeError(f"the output has shape {list(got.shape)}, but the reference {list(expected.shape)}")
    tolerance = TOLERANCES.get(element, 0.0)
    with np.errstate(all="ignore"):
        # Beyond the range of the type the right answer is infinity.
        wanted = widen(expected.astype(DTYPES[element]), element)
        error = _errors(widen(got, element), wanted) if element.is_float else np.where(got == wanted, 0.0, np.inf)
    if not error.size:
        return Comparison(0, 0, 0.0, tolerance, ())
    worst = np.unravel_index(int(np.argmax(error)), error.shape)
    return Comparison(
        error.size, int(np.sum(error > tolerance)), float(np.max(error)), tolerance, tuple(int(i) for i in worst)
    )


def _errors(got: Array, expected: Array) -> Array:
    finite = np.isfinite(expected)
    scale = math.sqrt(np.mean(np.square(expected[finite]))) if finite.any() else 0.0
    same = (got == expected) | (np.isnan(got) & np.isnan(expected))
    error = np.abs(got - expected) / (np.abs(expected) + scale)
    return np.where(same, 0.0, np.where(np.isfinite(error) & finite, error, np.inf))


def _argument_names(function: func.FuncOp) -> list[str]:
    given = function.attributes.get("dvm.arg_names")
    if isa(given, ArrayAttr[StringAttr]) and len(given) == len(function.args):
        return [name.data for name in given]
    return [argument.name_hint or f"arg{index}" for index, argument in enumerate(function.args)]


def _ordered(names: Sequence[str], inputs: Mapping[str, Any] | Sequence[Any]) -> list[Any]:
    if isinstance(inputs, Mapping):
        missing = [name for name in names if name not in inputs]
        if missing or len(inputs) != len(names):
            raise ShapeError(f"the inputs are {', '.join(names)}, but given are {', '.join(inputs)}")
        return [inputs[name] for name in names]
    if len(inputs) != len(names):
        raise ShapeError(f"there are {len(names)} inputs ({', '.join(names)}), but {len(inputs)} arrays are given")
    return list(inputs)


def _bind_symbols(function: func.FuncOp, names: Sequence[str], arrays: Sequence[Array]) -> dict[str, int]:
    """The symbols' values by the shapes of the arrays; raises ShapeError where the shapes contradict the types."""
    symbols: dict[str, int] = {}
    conditions: list[tuple[Dim, int, str]] = []
    for number, (name, argument, array) in enumerate(zip(names, function.args, arrays, strict=True)):
        shape = shape_of(argument.type, number)
        if len(shape) != array.ndim:
            raise ShapeError(f"input '{name}' has rank {array.ndim}, but {len(shape)} is needed")
        for axis, (dim, size) in enumerate(zip(shape, array.shape, strict=True)):
            if dim.is_symbol:
                symbols.setdefault(dim.text, size)
            conditions.append((dim, size, f"input '{name}', dim {axis}"))
    for dim, size, place in conditions:
        if all(symbol in symbols for symbol in dim.symbols) and dim.evaluate(symbols) != size:
            raise ShapeError(f"{place} is {size}, but {dim} is {dim.evaluate(symbols)}")
    return symbols


# --- the meaning of each operation ---


def _erf(x: Array) -> Array:
    return np.vectorize(math.erf, otypes=[np.float64])(x)


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def _power(base: Array, exponent: Array) -> Array:
    """Powers; those of integers with a negative exponent are truncated towards zero, and 0 is for a base of 0."""
    if base.dtype.kind == "f":
        # of many elements, each with an exponent of its own: for one of 0.5 NumPy takes the square root, which is NaN for -inf
        return np.power(*(np.array([one, one]) for one in np.broadcast_arrays(base, exponent)))[0]
    odd = (exponent & 1).astype(base.dtype)
    inverse = np.where(base == 1, 1, np.where(base == -1, 1 - 2 * odd, 0)).astype(base.dtype)
    return np.where(exponent < 0, inverse, np.power(base, np.maximum(exponent, 0)))


UNARY: dict[str, Callable[[Array], Array]] = {
    "Sqrt": np.sqrt,
    "Abs": np.abs,
    "Log": np.log,
    "Exp": np.exp,
    "Reciprocal": lambda x: 1 / x,
    "IsFinite": np.isfinite,
    "LogicalNot": np.logical_not,
    "Round": np.rint,
    "Floor": np.floor,
    "Ceil": np.ceil,
    "Trunc": np.trunc,
    "Neg": np.negative,
    "Rsqrt": lambda x: 1 / np.sqrt(x),
    "Tanh": np.tanh,
    "Erf": _erf,
    "Sigmoid": _sigmoid,
    "Sin": np.sin,
    "Cos": np.cos,
}

BINARY: dict[str, Callable[[Array, Array], Array]] = {
    "Equal": np.equal,
    "NotEqual": np.not_equal,
    "Greater": np.greater,
    "GreaterEqual": np.greater_equal,
    "Less": np.less,
    "LessEqual": np.less_equal,
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": np.divide,
    "Pow": _power,
    "Maximum": np.maximum,
    "Minimum": np.minimum,
    "LogicalAnd": np.logical_and,
    "LogicalOr": np.logical_or,
}


def _mean(x: Array, axes: tuple[int, ...], keepdims: bool) -> Array:
    """NaN for no elements, about which np.mean would warn."""
    return np.sum(x, axis=axes, keepdims=keepdims) / np.float64(math.prod(x.shape[axis] for axis in axes))


def _reduce(kind: str, x: Array, axes: tuple[int, ...], keepdims: bool) -> Array:
    if kind == "Mean":
        return _mean(x, axes, keepdims)
    # Without the type, NumPy widens the sums of i32.
    combine = {"Sum": np.sum, "Prod": np.prod}.get(kind)
    if combine is not None:
        return combine(x, axis=axes, keepdims=keepdims, dtype=x.dtype)
    return {"Max": np.max, "Min": np.min}[kind](x, axis=axes, keepdims=keepdims)


def _convert(x: Array, element: ElementType) -> Array:
    """A cast; to floats it rounds once, from integers as well."""
    return x != 0 if element is ElementType.I1 else widen(x.astype(DTYPES[element]), element)


def _matmul(a: Array, b: Array, trans_a: bool, trans_b: bool) -> Array:
    return np.matmul(np.swapaxes(a, -1, -2) if trans_a else a, np.swapaxes(b, -1, -2) if trans_b else b)


def _group_ranges(groups: Array, size: int) -> list[tuple[int, int]]:
    """Start and end of each group; raises ExecutionError unless the ends ascend within the size."""
    ends = [0, *(int(end) for end in groups)]
    if any(start > end for start, end in pairwise(ends)) or ends[-1] > size:
        raise ExecutionError(f"the ends of the groups {ends[1:]} must ascend from 0 to {size} at most")
    return list(pairwise(ends))


def _normalised(x: Array, position: int, epsilon: float, centre: bool) -> Array:
    axes = tuple(range(position, x.ndim))
    shifted = x - _mean(x, axes, keepdims=True) if centre else x
    return shifted / np.sqrt(_mean(np.square(shifted), axes, keepdims=True) + epsilon)


@register_impls
@dataclass
class _GraphFunctions(InterpreterFunctions):
    """The dvm dialect. The arguments and results of every method are one array for each operand and result."""

    symbols: dict[str, int]

    def _sizes(self, dims: ArrayAttr[IntegerAttr | StringAttr]) -> list[int]:
        """The numbers that a list of dims in an operation stands for."""
        return [
            parse_dim(dim.data).evaluate(self.symbols) if isinstance(dim, StringAttr) else dim.value.data
            for dim in dims
        ]

    @impl(dvm.LoadOp)
    def run_load(self, interpreter: Interpreter, op: dvm.LoadOp, args: PythonValues) -> PythonValues:
        return args

    @impl(dvm.StoreOp)
    def run_store(self, interpreter: Interpreter, op: dvm.StoreOp, args: PythonValues) -> PythonValues:
        return args

    @impl(dvm.CopyOp)
    def run_copy(self, interpreter: Interpreter, op: dvm.CopyOp, args: PythonValues) -> PythonValues:
        return args

    @impl(dvm.ConstantOp)
    def run_constant(self, interpreter: Interpreter, op: dvm.ConstantOp, args: PythonValues) -> PythonValues:
        element = element_of(op.result.type)
        values = np.array(op.value.get_values()).reshape(op.value.get_shape())
        return (widen(values.astype(DTYPES[element]), element),)

    @impl(dvm.UnaryOp)
    def run_unary(self, interpreter: Interpreter, op: dvm.UnaryOp, args: PythonValues) -> PythonValues:
        return (UNARY[op.kind.data](args[0]),)

    @impl(dvm.BinaryOp)
    def run_binary(self, interpreter: Interpreter, op: dvm.BinaryOp, args: PythonValues) -> PythonValues:
        return (BINARY[op.kind.data](args[0], args[1]),)

    @impl(dvm.BinaryScalarOp)
    def run_binary_scalar(self, interpreter: Interpreter, op: dvm.BinaryScalarOp, args: PythonValues) -> PythonValues:
        tensor: Array = args[0]
        scalar = np.array(op.value, tensor.dtype)
        operands = (scalar, tensor) if op.scalar_first else (tensor, scalar)
        return (BINARY[op.kind.data](*operands),)

    @impl(dvm.SelectOp)
    def run_select(self, interpreter: Interpreter, op: dvm.SelectOp, args: PythonValues) -> PythonValues:
        arrays: tuple[Array, Array, Array] = args
        return (np.where(*arrays),)

    @impl(dvm.CastOp)
    def run_cast(self, interpreter: Interpreter, op: dvm.CastOp, args: PythonValues) -> PythonValues:
        return (_convert(args[0], GRAPH_TYPE_NAMES[op.type.data]),)

    @impl(dvm.ReduceOp)
    def run_reduce(self, interpreter: Interpreter, op: dvm.ReduceOp, args: PythonValues) -> PythonValues:
        return (_reduce(op.kind.data, args[0], op.axes, bool(op.keepdims.value.data)),)

    @impl(dvm.BroadcastOp)
    def run_broadcast(self, interpreter: Interpreter, op: dvm.BroadcastOp, args: PythonValues) -> PythonValues:
        return (np.broadcast_to(args[0], self._sizes(op.shape)),)

    @impl(dvm.BroadcastScalarOp)
    def run_broadcast_scalar(
        self, interpreter: Interpreter, op: dvm.BroadcastScalarOp, args: PythonValues
    ) -> PythonValues:
        element = op.result_element()
        return (widen(np.full(self._sizes(op.shape), op.value, DTYPES[element]), element),)

    @impl(dvm.ReshapeOp)
    def run_reshape(self, interpreter: Interpreter, op: dvm.ReshapeOp, args: PythonValues) -> PythonValues:
        return (np.reshape(args[0], self._sizes(op.shape)),)

    @impl(dvm.TransposeOp)
    def run_transpose(self, interpreter: Interpreter, op: dvm.TransposeOp, args: PythonValues) -> PythonValues:
        return (np.transpose(args[0], op.order),)

    @impl(dvm.SliceOp)
    def run_slice(self, interpreter: Interpreter, op: dvm.SliceOp, args: PythonValues) -> PythonValues:
        tensor: Array = args[0]
        entries = zip(tensor.shape, self._sizes(op.starts), self._sizes(op.sizes), op.strides, strict=True)
        slices: list[slice] = []
        for axis, (extent, start, size, step) in enumerate(entries):
            # NumPy would shorten a slice that leaves the tensor.
            end = extent if size == -1 else start + max(size - 1, 0) * step + (size > 0)
            if start > extent or end > extent:
                raise ShapeError(f"dvm.slice: elements {start} to {end} of dim {axis}, which has {extent}")
            slices.append(slice(start, end, step))
        return (tensor[tuple(slices)],)

    @impl(dvm.ConcatOp)
    def run_concat(self, interpreter: Interpreter, op: dvm.ConcatOp, args: PythonValues) -> PythonValues:
        return (np.concatenate(args, axis=op.axis.value.data),)

    @impl(dvm.PadOp)
    def run_pad(self, interpreter: Interpreter, op: dvm.PadOp, args: PythonValues) -> PythonValues:
        widths = list(zip(self._sizes(op.low), self._sizes(op.high), strict=True))
        # np.pad refuses an empty list of widths.
        return (np.pad(args[0], widths, constant_values=op.fill) if widths else args[0],)

    @impl(dvm.GatherOp)
    def run_gather(self, interpreter: Interpreter, op: dvm.GatherOp, args: PythonValues) -> PythonValues:
        table, index = args
        axis = op.axis.value.data
        extent: int = table.shape[axis]
        outside = index[(index < -extent) | (index >= extent)]
        if outside.size:
            raise ExecutionError(f"dvm.gather: index {outside[0]} is out of range for dim {axis}, which has {extent}")
        return (np.take(table, index, axis=axis),)

    @impl(dvm.IotaOp)
    def run_iota(self, interpreter: Interpreter, op: dvm.IotaOp, args: PythonValues) -> PythonValues:
        sizes, axis, element = self._sizes(op.shape), op.axis.value.data, element_of(op.result.type)
        line = widen(np.arange(sizes[axis]), element)
        return (np.broadcast_to(line.reshape([-1] + [1] * (len(sizes) - axis - 1)), sizes),)

    @impl(dvm.SizeOp)
    def run_size(self, interpreter: Interpreter, op: dvm.SizeOp, args: PythonValues) -> PythonValues:
        return (np.array(self._sizes(op.size)[0]),)

    @impl(dvm.OneHotOp)
    def run_onehot(self, interpreter: Interpreter, op: dvm.OneHotOp, args: PythonValues) -> PythonValues:
        element = op.result_element()
        hot = np.expand_dims(args[0], -1) == np.arange(self._sizes(op.depth)[0])
        values = (np.array(value.value.data).astype(DTYPES[element]) for value in (op.on_value, op.off_value))
        return (np.moveaxis(widen(np.where(hot, *values), element), -1, op.position),)

    @impl(dvm.ElemAnyOp)
    def run_elemany(self, interpreter: Interpreter, op: dvm.ElemAnyOp, args: PythonValues) -> PythonValues:
        return (np.array([float(np.any(args[0] != 0))]),)

    @impl(dvm.MatmulOp)
    def run_matmul(self, interpreter: Interpreter, op: dvm.MatmulOp, args: PythonValues) -> PythonValues:
        product = _matmul(args[0], args[1], bool(op.trans_a.value.data), bool(op.trans_b.value.data))
        return (product if op.bias is None else product + args[2],)

    @impl(dvm.GroupedMatmulOp)
    def run_grouped_matmul(self, interpreter: Interpreter, op: dvm.GroupedMatmulOp, args: PythonValues) -> PythonValues:
        a, b, groups = args[:3]
        a = np.swapaxes(a, -1, -2) if op.trans_a.value.data else a
        b = np.swapaxes(b, -1, -2) if op.trans_b.value.data else b
        if op.groups_rows:
            product = np.zeros((a.shape[0], b.shape[-1]), a.dtype)
            for group, (start, end) in enumerate(_group_ranges(groups, a.shape[0])):
                product[start:end] = a[start:end] @ b[group]
        else:
            ranges = _group_ranges(groups, a.shape[1])
            product = np.zeros((len(ranges), a.shape[0], b.shape[-1]), a.dtype)
            for group, (start, end) in enumerate(ranges):
                product[group] = a[:, start:end] @ b[start:end]
        return (product if op.bias is None else product + args[3],)

    @impl(dvm.SoftmaxOp)
    def run_softmax(self, interpreter: Interpreter, op: dvm.SoftmaxOp, args: PythonValues) -> PythonValues:
        exponential = np.exp(args[0] - np.max(args[0], axis=op.position, keepdims=True, initial=-np.inf))
        return (exponential / np.sum(exponential, axis=op.position, keepdims=True),)

    @impl(dvm.LayerNormOp)
    def run_layer_norm(self, interpreter: Interpreter, op: dvm.LayerNormOp, args: PythonValues) -> PythonValues:
        result = _normalised(args[0], op.position, op.epsilon.value.data, centre=True)
        result = result if op.gamma is None else result * args[1]
        return (result if op.beta is None else result + args[2],)

    @impl(dvm.RmsNormOp)
    def run_rms_norm(self, interpreter: Interpreter, op: dvm.RmsNormOp, args: PythonValues) -> PythonValues:
        result = _normalised(args[0], op.position, op.epsilon.value.data, centre=False)
        return (result if op.gamma is None else result * args[1],)

    @impl(dvm.GeluOp)
    def run_gelu(self, interpreter: Interpreter, op: dvm.GeluOp, args: PythonValues) -> PythonValues:
        x: Array = args[0]
        if op.approximate.data == "tanh":
            return (x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),)
        return (x / 2 * (1 + _erf(x / math.sqrt(2))),)


@register_impls
@dataclass
class _KernelFunctions(InterpreterFunctions):
    """The vk dialect: kernels and stages are regions run on their operands."""

    symbols: dict[str, int]

    @impl(vk.KernelOp)
    def run_kernel(self, interpreter: Interpreter, op: vk.KernelOp, args: PythonValues) -> PythonValues:
        return interpreter.run_ssacfg_region(op.body, args, op.sym_name.data)

    @impl(vk.StageOp)
    def run_stage(self, interpreter: Interpreter, op: vk.StageOp, args: PythonValues) -> PythonValues:
        return interpreter.run_ssacfg_region(op.body, args, op.name)

    @impl(vk.SpeculateOp)
    def run_speculate(self, interpreter: Interpreter, op: vk.SpeculateOp, args: PythonValues) -> PythonValues:
        return interpreter.run_ssacfg_region(op.alternatives[alternative(op, self.symbols)], args, op.name)

    @impl_terminator(vk.YieldOp)
    def run_yield(
        self, interpreter: Interpreter, op: vk.YieldOp, args: PythonValues
    ) -> tuple[TerminatorValue, PythonValues]:
        return ReturnedValues(args), ()


def alternative(op: vk.SpeculateOp, symbols: dict[str, int]) -> int:
    """The number of the alternative that is right for these sizes."""
    holds = [all(part.holds(symbols) for part in vk.parse_condition(condition.data)) for condition in op.conditions]
    return [*holds, True].index(True)
