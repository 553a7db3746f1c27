"""What a function decorated with `dvm.kernel` gets as `k`: a method for each operation, and those that stack kernels.

They say in the terms of `dvm.functions` what `dvm.kernel_recording` takes down. Imports xDSL.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from xdsl.ir import SSAValue

from dvm import functions
from dvm.functions import dispatch
from dvm.functions.elementwise import binary, truth
from dvm.functions.reductions import reduce
from dvm.functions.shaping import sizes
from dvm.jit import NUMBERS
from dvm.kernel_recording import Inlined, KernelRecording
from dvm.primitives import DType, Shape
from dvm.tensor import Tensor, apply
from dvm.trace import Size, Traced, TraceError, where
from dvm_dialects.vk import parse_condition
from vm.errors import DvmError

NEVER = "1 < 0"
"""The condition of what is never taken."""


class Argument:
    """What a kernel gets for an array or a number of the call: it has a shape and an element type, and is loaded.

    A number also stands where an operation takes one, as if it were `k.scalar` of it.
    """

    def __init__(self, recording: KernelRecording | Inlined, name: str, given: Any, source: int) -> None:
        """`source` is its number among the arrays and numbers of a call."""
        self._recording = recording
        self.name = name
        number = NUMBERS.get(cast("type[Any]", type(given)))
        self.is_number = number is not None or (isinstance(given, Tensor) and given.weak)
        self.dtype: DType = given.dtype if number is None else number
        self._shape: Shape = given.shape if number is None else ()
        self._source = source
        self._value: Traced | None = None

    @property
    def value(self) -> Traced:
        """The input of the program, made when it is first asked for."""
        if self._value is None:
            dtype = dispatch.as_dtype(self.dtype)
            self._value = self._recording.input(self.name, dtype, self._shape, self._source, weak=self.is_number)
        return self._value

    @property
    def shape(self) -> tuple[int | Size, ...]:
        """The sizes, which are symbols unless the kernel is static."""
        return self.value.shape

    @property
    def ndim(self) -> int:
        return len(self._shape)

    def __bool__(self) -> bool:
        return self._unknown()

    def __index__(self) -> int:
        return self._unknown()

    def __float__(self) -> float:
        return self._unknown()

    def _unknown(self) -> Any:
        raise TraceError(f"{where()}: '{self.name}' has no value before the kernel runs; name it in static_argnames")


@dataclass(frozen=True)
class Stored:
    """An output of a kernel, which is the value stored and what the decorated function returns."""

    value: SSAValue


def outputs_of(result: Any) -> list[SSAValue]:
    """The outputs that a decorated function returns; raises DvmError for whatever else."""
    found = cast("Sequence[Any]", result if isinstance(result, list | tuple) else [result])
    for value in found:
        if not isinstance(value, Stored):
            raise DvmError(f"a kernel returns what k.store returns, alone or in a tuple, not {_described(value)}")
    return [value.value for value in found]


Value = Traced
Number = bool | int | float
Operand = Traced | Argument | Number
Dims = int | Sequence[int] | None


class KernelBuilder:
    """The operations of a kernel.

    A value has a shape, whose sizes may be symbols, and an element type. Where two element types meet, the operation is
    done in the one that NumPy takes, or refused where DVM has not that; numbers take on the type of the value beside them.
    All raise DvmError, with file and line, where something does not fit.
    """

    def __init__(self, recording: KernelRecording | Inlined) -> None:
        self._recording = recording

    # --- inputs and outputs ---

    def load(self, source: Argument | Sequence[int | str], dtype: Any) -> Value:
        """The elements of an array of the call, which has to be of this element type.

        A shape declares an array instead: those declared follow the other arguments of a call, in the order of the loads. A
        size is a number, -1 where it may be any, or a name: dims of one name are equal.
        """
        element = _dtype(dtype)
        if isinstance(source, Argument):
            if source.is_number:
                raise DvmError(f"'{source.name}' is a number, not an array: use k.scalar")
            if source.dtype != element:
                raise DvmError(f"'{source.name}' is of {source.dtype}, and is loaded as {element}")
            return source.value
        if not isinstance(cast(object, source), list | tuple):
            raise DvmError(f"k.load takes an argument of the kernel or a shape, not {_described(source)}")
        return self._recording.declare(element, source)

    def scalar(self, value: Argument | Number, dtype: Any = None) -> Value:
        """A number of the call as a value without dims: another number there compiles nothing.

        It takes on the element type of what is beside it, unless it is given one. A number that is known now is part of the
        program.
        """
        if isinstance(value, Argument):
            found = value.value
            if value.ndim:
                raise DvmError(f"'{value.name}' is an array of {found.ndim} dims: use k.load")
        elif dispatch.is_scalar(value):
            found = cast(Value, functions.full((), value, NUMBERS[type(value)] if dtype is None else _dtype(dtype)))
            found.weak = dtype is None
        else:
            raise DvmError(f"k.scalar takes a number, not {_described(value)}")
        return found if dtype is None else _as(found, _dtype(dtype))

    def store(self, value: Operand) -> Stored:
        """Make a value an output; the function returns what this returns, alone or in a tuple."""
        return Stored(self._recording.store(self._value(value)))

    # --- operations on each element ---

    def sqrt(self, x: Operand) -> Value:
        return self._unary(functions.sqrt, x)

    def abs(self, x: Operand) -> Value:
        return self._unary(functions.abs, x)

    def log(self, x: Operand) -> Value:
        return self._unary(functions.log, x)

    def exp(self, x: Operand) -> Value:
        return self._unary(functions.exp, x)

    def reciprocal(self, x: Operand) -> Value:
        return self._unary(functions.reciprocal, x)

    def isfinite(self, x: Operand) -> Value:
        return self._unary(functions.isfinite, x)

    def logical_not(self, x: Operand) -> Value:
        """Whether elements are 0 or False."""
        return self._unary(functions.logical_not, x)

    def round(self, x: Operand) -> Value:
        """To the nearest integer, halves to even."""
        return self._unary(functions.round, x)

    def floor(self, x: Operand) -> Value:
        return self._unary(functions.floor, x)

    def ceil(self, x: Operand) -> Value:
        return self._unary(functions.ceil, x)

    def trunc(self, x: Operand) -> Value:
        """Towards zero."""
        return self._unary(functions.trunc, x)

    def add(self, x: Operand, y: Operand) -> Value:
        return self._binary(functions.add, x, y)

    def sub(self, x: Operand, y: Operand) -> Value:
        return self._binary(functions.subtract, x, y)

    def mul(self, x: Operand, y: Operand) -> Value:
        return self._binary(functions.multiply, x, y)

    def div(self, x: Operand, y: Operand) -> Value:
        return self._binary(functions.divide, x, y)

    def pow(self, x: Operand, y: Operand) -> Value:
        return self._binary(functions.power, x, y)

    def maximum(self, x: Operand, y: Operand) -> Value:
        return self._binary(functions.maximum, x, y)

    def minimum(self, x: Operand, y: Operand) -> Value:
        return self._binary(functions.minimum, x, y)

    def equal(self, x: Operand, y: Operand) -> Value:
        return self._binary(functions.equal, x, y)

    def not_equal(self, x: Operand, y: Operand) -> Value:
        return self._binary(functions.not_equal, x, y)

    def greater(self, x: Operand, y: Operand) -> Value:
        return self._binary(functions.greater, x, y)

    def greater_equal(self, x: Operand, y: Operand) -> Value:
        return self._binary(functions.greater_equal, x, y)

    def less(self, x: Operand, y: Operand) -> Value:
        return self._binary(functions.less, x, y)

    def less_equal(self, x: Operand, y: Operand) -> Value:
        return self._binary(functions.less_equal, x, y)

    def logical_and(self, x: Operand, y: Operand) -> Value:
        """Whether both elements are not 0."""
        return self._truths("LogicalAnd", x, y)

    def logical_or(self, x: Operand, y: Operand) -> Value:
        """Whether an element of the two is not 0."""
        return self._truths("LogicalOr", x, y)

    def select(self, condition: Operand, x: Operand, y: Operand) -> Value:
        """`x` where the condition holds, else `y`, one of which may be a number."""
        chosen = self._value(condition)
        return self._binary(lambda a, b: functions.where(chosen, a, b), x, y)

    def cast(self, x: Operand, dtype: Any) -> Value:
        """Elements converted: floats round to nearest even, to integers towards zero, to truth values by not being 0."""
        return _as(self._value(x), _dtype(dtype))

    def copy(self, x: Operand) -> Value:
        return self._unary(functions.copy, x)

    # --- shapes ---

    def broadcast(self, x: Operand, shape: Sequence[int | Size]) -> Value:
        """To a shape, as NumPy broadcasts."""
        return cast(Value, functions.broadcast_to(self._value(x), _sizes(shape)))

    def full(self, value: Operand, shape: Sequence[int | Size], dtype: Any) -> Value:
        """A value of one number, which may be one of the call."""
        if dispatch.is_scalar(value):
            return cast(Value, functions.full(_sizes(shape), value, _dtype(dtype)))
        return cast(Value, functions.broadcast_to(_as(self._value(value), _dtype(dtype)), _sizes(shape)))

    def reshape(self, x: Operand, shape: Sequence[int | Size]) -> Value:
        """The same elements in row-major order; one size may be -1."""
        return cast(Value, functions.reshape(self._value(x), _sizes(shape)))

    # --- reductions ---

    def sum(self, x: Operand, dims: Dims = None, keepdims: bool = False) -> Value:
        """Over some dims, or all of them, in the element type of `x`."""
        return self._reduce("Sum", x, dims, keepdims)

    def max(self, x: Operand, dims: Dims = None, keepdims: bool = False) -> Value:
        return self._reduce("Max", x, dims, keepdims)

    def min(self, x: Operand, dims: Dims = None, keepdims: bool = False) -> Value:
        return self._reduce("Min", x, dims, keepdims)

    def element_any(self, x: Operand) -> Value:
        """Whether any element is not 0, as 1.0 or 0.0: float32 of shape [1]."""
        return cast(Value, apply("elemany", (self._value(x),)))

    # --- matrix products ---

    def matmul(
        self, a: Operand, b: Operand, trans_a: bool = False, trans_b: bool = False, bias: Operand | None = None
    ) -> Value:
        """The product of the last two dims (of `a`, `b` with those exchanged), the others broadcast, plus the bias."""
        rest = None if bias is None else self._value(bias)
        left, right = self._value(a), self._value(b)
        return cast(Value, functions.matmul(left, right, transpose_x=trans_a, transpose_y=trans_b, bias=rest))

    def grouped_matmul(
        self,
        a: Operand,
        b: Operand,
        groups: Operand,
        trans_a: bool = False,
        trans_b: bool = False,
        bias: Operand | None = None,
        group_type: int = 0,
    ) -> Value:
        """A product for each group of rows (`group_type` 0) or of the contracted dim (2); `groups` has their ends."""
        rest = None if bias is None else self._value(bias)
        return cast(
            Value,
            functions.grouped_matmul(
                self._value(a),
                self._value(b),
                self._value(groups),
                transpose_x=trans_a,
                transpose_y=trans_b,
                group_type=group_type,
                bias=rest,
            ),
        )

    def one_hot(
        self,
        index: Operand,
        depth: int | Size,
        axis: int = -1,
        on: Number = 1,
        off: Number = 0,
        dtype: Any = np.float32,
    ) -> Value:
        """A new dim of size `depth` at `axis` that holds `on` at the index and `off` elsewhere."""
        value, element = self._value(index), _dtype(dtype)
        at = dispatch.normalised_axis(axis, value.ndim + 1)
        numbers = (dispatch.literal(number, element) for number in (on, off))
        return cast(Value, apply("onehot", (value,), depth, at, *numbers, element))

    # --- stacking by hand ---

    def parallel_next(self) -> None:
        """Begin the next sub-kernel of a "parallel" kernel, which uses nothing that another one computes."""
        self._next("parallel_next", ("parallel",))

    def seq_add(self) -> None:
        """Begin the next sub-kernel of a "sequence" kernel, which may use what the ones before it compute."""
        self._next("seq_add", ("sequence",))

    def spec_next(self, condition: str | None = None) -> None:
        """Begin the next alternative of a "vector", "cube" or "mix" kernel, taken for shapes of which the condition holds.

        The first of those is taken, and what is before all of them where none holds. The condition compares dims, such as
        f"{x.shape[1]} > 4096", or "rows < 8 and columns == 16" of dims declared by name. Each alternative stores as many
        values, in the same order. Without a condition it is for where those before it do not fit the unified buffer, as
        in the original DVM; here each fits at all sizes, so it is checked and compiled, and never taken.
        """
        condition = NEVER if condition is None else condition
        try:
            parse_condition(condition)
        except (TypeError, ValueError) as error:
            raise DvmError(f"k.spec_next: {error}") from error
        self._next("spec_next", ("vector", "cube", "mix"), condition)

    def _next(self, method: str, ktypes: Sequence[str], condition: str | None = None) -> None:
        recording = self._recording
        if isinstance(recording, Inlined) or recording.ktype not in ktypes:
            raise DvmError(
                f"k.{method} is for kernels of type {' or '.join(map(repr, ktypes))}, not {recording.ktype!r}"
            )
        recording.begin_part(condition)

    # --- operands ---

    def _value(self, operand: Any) -> Value:
        if isinstance(operand, Traced):
            return operand
        if isinstance(operand, Size):
            return cast(Value, operand.tensor())
        if isinstance(operand, Argument):
            if operand.is_number:
                return operand.value
            raise DvmError(f"'{operand.name}' has to be loaded first: k.load({operand.name}, dvm.{operand.dtype})")
        if isinstance(operand, Stored):
            raise DvmError("this is an output, not a value: use what was stored")
        raise DvmError(f"an operand is {_described(operand)}, which is no value of the kernel")

    def _unary(self, function: Callable[[Tensor], Tensor], x: Any) -> Value:
        return cast(Value, function(self._value(x)))

    def _binary(self, function: Callable[[Any, Any], Tensor], x: Any, y: Any) -> Value:
        first, second = (one if dispatch.is_scalar(one) else self._value(one) for one in (x, y))
        if dispatch.is_scalar(first) and dispatch.is_scalar(second):
            raise DvmError("both operands are numbers: make a value of one with k.scalar or k.full")
        return cast(Value, function(first, second))

    def _truths(self, kind: str, x: Any, y: Any) -> Value:
        return self._binary(lambda a, b: binary(kind, _truth(a), _truth(b)), x, y)

    def _reduce(self, kind: str, x: Any, dims: Dims, keepdims: bool) -> Value:
        return cast(Value, reduce(kind, self._value(x), dims, keepdims))


def _truth(value: Any) -> Any:
    return bool(value) if dispatch.is_scalar(value) else truth(value)


def _as(value: Value, dtype: DType) -> Value:
    return cast(Value, dispatch.converted(value, dtype))


def _dtype(dtype: Any) -> DType:
    try:
        return dispatch.as_dtype(dtype)
    except TypeError as error:
        raise DvmError(f"{dtype!r} is no element type") from error


def _sizes(shape: Any) -> tuple[int | Size, ...]:
    try:
        return sizes(shape)
    except TypeError as error:
        raise DvmError(f"a size in the shape {shape!r} is neither a number nor a size of a value") from error


def _described(value: object) -> str:
    if isinstance(value, Argument):
        return f"the argument '{value.name}'"
    return repr(value) if isinstance(value, str | int | float) else f"a {type(value).__name__}"
