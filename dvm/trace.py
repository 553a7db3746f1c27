"""Tracing: a Python function runs once on stand-ins for its arrays, and what it does to them becomes an operator graph.

`Traced` is such a stand-in, `Size` one of its dims. Both are symbols: Python cannot branch on them, and says so with the
line and the way out. Imports xDSL.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from inspect import currentframe
from itertools import count
from typing import Any, NoReturn, SupportsIndex, cast

import numpy as np
from xdsl.ir import BlockArgument, SSAValue

from dvm import functions
from dvm.array import Array
from dvm.building import GraphBuilder, shape_and_dtype
from dvm.functions.dispatch import IMPLEMENTATIONS, as_dtype
from dvm.places import Place
from dvm.primitives import Attributes, DType, fits_int32
from dvm.tensor import RECORDERS, Tensor, apply
from dvm_dialects import dvm
from dvm_dialects.dims import Dim, product
from dvm_dialects.dvm_base import DimLike
from vm.errors import DvmError, ShapeError

_INT32 = np.dtype(np.int32)


_ARITHMETIC = ("unary", "binary", "binary_scalar")
"""What gives a Python number where it is done to nothing but Python numbers."""


class TraceError(DvmError, TypeError):
    """A function that is traced asks for a value or a size that is not known yet."""


class Trace:
    """One function being traced."""

    def __init__(self, name: str) -> None:
        self.builder = GraphBuilder(name)
        self.fresh = count()
        """Numbers for dims that only one place has."""
        self.narrowed: dict[int, str] = {}
        """The arguments that are Python integers and are taken for int32: their numbers and names."""
        self.captured: dict[int, tuple[Any, Traced]] = {}
        """The arrays from outside that the function uses, by identity, each with its stand-in."""

    def argument(self, name: str, dtype: DType, dims: Sequence[DimLike], *, weak: bool = False) -> Traced:
        """The stand-in for an argument."""
        return Traced(self, self.builder.argument(name, dtype, dims), weak=weak)

    def apply(self, primitive: str, operands: Sequence[Tensor], attributes: Attributes) -> Traced:
        here = [self._here(operand) for operand in operands]
        if primitive == "cast" and here[0].weak and attributes[0] == _INT32:
            self._narrow(here[0].ssa)
        result = self.builder.apply(primitive, [value.ssa for value in here], _plain(attributes), self.caller())
        weak = primitive in _ARITHMETIC and all(value.weak for value in here)
        return Traced(self, result, weak=weak)

    def _narrow(self, number: SSAValue) -> None:
        """Take a Python integer for int32: one that is known now has to fit, an argument in each call."""
        if isinstance(number, BlockArgument):
            self.narrowed[number.index] = str(number.name_hint)
        elif isinstance(number.owner, dvm.BroadcastScalarOp) and not fits_int32(number.owner.value):
            raise ShapeError(f"{where()}: {number.owner.value} does not fit the int32 beside it")

    def caller(self) -> Place:
        """The file and line that what is traced now comes from."""
        return caller()

    def place(self) -> str:
        return "{}:{}".format(*self.caller())

    def tensor(self, value: Any, *, copy: bool) -> Traced:
        """The stand-in for an array from outside, whose elements are read at each call."""
        known = self.captured.get(id(value))
        if known is None:
            name = f"captured{len(self.captured)}"
            known = value, self.argument(name, as_dtype(value.dtype), value.shape)
            self.captured[id(value)] = known
        return known[1]

    def is_array(self, value: Any) -> bool:
        """Whether this is an array, from inside or outside of the function."""
        return isinstance(value, Traced | Array | np.ndarray | np.generic)

    def value(self, value: Any) -> Traced:
        """The stand-in for an array, from inside or outside of the function."""
        return self._here(value) if isinstance(value, Tensor) else self.tensor(value, copy=False)

    def _here(self, operand: Tensor) -> Traced:
        if isinstance(operand, Array):
            return self.tensor(operand, copy=False)
        if not isinstance(operand, Traced) or operand.trace is not self:
            raise TraceError(f"{where()}: a value of another function that is traced was kept, and is used in this one")
        if not self.builder.can_use(operand.ssa):
            raise TraceError(f"{where()}: a value was kept from inside of a branch or loop, and is used outside of it")
        return operand

    def __enter__(self) -> Trace:
        RECORDERS.tracing.append(self)
        return self

    def __exit__(self, *exception: object) -> None:
        RECORDERS.tracing.pop()


class Traced(Tensor):
    """The stand-in for an array: its rank and element type are known, its elements are not, its sizes are symbols."""

    __slots__ = ("_dtype", "_shape", "ssa", "trace", "weak")

    def __init__(self, trace: Trace, ssa: SSAValue, *, weak: bool = False) -> None:
        self.trace = trace
        self.ssa = ssa
        self.weak = weak
        dims, self._dtype = shape_and_dtype(ssa)
        self._shape = tuple([_size(dim) for dim in dims])

    @property
    def shape(self) -> tuple[int | Size, ...]:
        return self._shape

    @property
    def dtype(self) -> DType:
        return self._dtype

    def numpy(self) -> NoReturn:
        raise unknown("the elements", "the functions of dvm in place of NumPy's")

    def __bool__(self) -> bool:
        raise unknown("whether this holds", "dvm.cond, dvm.while_loop or dvm.where")

    def __float__(self) -> float:
        raise unknown("this value", "arrays without dims in place of Python numbers")

    def __int__(self) -> int:
        raise unknown("this value", "arrays without dims in place of Python numbers")

    def __index__(self) -> int:
        raise unknown("this value", "dvm.take to index by it, or pass it as a static argument")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NoReturn:
        raise unknown("the elements", "the functions of dvm in place of NumPy's")

    def __len__(self) -> int:
        size = self.shape[0] if self.shape else 0
        if isinstance(size, int):
            return size
        raise unknown(f"the size {size}", "x.shape[0], which is symbolic")

    def __iter__(self) -> Iterator[Tensor]:
        size = self.shape[0] if self.shape else 0
        if isinstance(size, Size):
            raise unknown(
                f"the size {size} of what is iterated over",
                "dvm.fori_loop(0, x.shape[0], ...) with x[i], functions of the whole array, or x[0], x[1], ... to unpack it",
            )
        return (self[number] for number in range(len(self)))

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        raise TraceError(f"{where()}: a traced array cannot be written: use dvm.where or dvm.concatenate, or dvm.lazy")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        return _of_tensors(ufunc, method, inputs, options)

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Any:
        implementation = IMPLEMENTATIONS.get(function)
        if implementation is None:
            raise TraceError(f"{where()}: numpy.{function.__name__} cannot be traced: DVM has it not, use dvm.lazy")
        return implementation(*arguments, **options)

    def __repr__(self) -> str:
        return f"<traced {self.dtype} [{', '.join(map(str, self.shape))}]>"


_OPERATORS = cast(Any, operator)
_OF_SIZES: dict[np.ufunc, Callable[..., Any]] = {
    np.add: _OPERATORS.add,
    np.subtract: _OPERATORS.sub,
    np.multiply: _OPERATORS.mul,
    np.floor_divide: _OPERATORS.floordiv,
    np.remainder: _OPERATORS.mod,
    np.power: _OPERATORS.pow,
    np.negative: _OPERATORS.neg,
}
"""The functions of NumPy that give a size of sizes and integers."""


class Size:
    """A dim of a traced array: a symbolic integer. Sums, differences, products, quotients and remainders are, too.

    Otherwise it is a number of the call, as a Python number among the arguments is.
    """

    __slots__ = ("dim",)

    is_symbolic = True

    def __init__(self, dim: Dim) -> None:
        self.dim = dim

    def tensor(self) -> Tensor:
        """The size as an array without dims."""
        found = cast(Traced, apply("size", (), (self,)))
        found.weak = True
        return found

    def __add__(self, other: Any) -> Any:
        return _arithmetic(other, lambda dim: self.dim + dim, lambda value: value + self.tensor())

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return _arithmetic(other, lambda dim: self.dim - dim, lambda value: self.tensor() - value)

    def __rsub__(self, other: Any) -> Any:
        return _arithmetic(other, lambda dim: dim - self.dim, lambda value: value - self.tensor())

    def __mul__(self, other: Any) -> Any:
        return _arithmetic(other, lambda dim: self.dim * dim, lambda value: value * self.tensor())

    __rmul__ = __mul__

    def __floordiv__(self, other: Any) -> Any:
        return _arithmetic(other, self.dim.floordiv, lambda value: self.tensor() // value)

    def __rfloordiv__(self, other: Any) -> Any:
        return _arithmetic(other, lambda dim: dim.floordiv(self.dim), lambda value: value // self.tensor())

    def __mod__(self, other: Any) -> Any:
        return _arithmetic(other, lambda dim: _remainder(self.dim, dim), lambda value: self.tensor() % value)

    def __rmod__(self, other: Any) -> Any:
        return _arithmetic(other, lambda dim: _remainder(dim, self.dim), lambda value: value % self.tensor())

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    def __truediv__(self, other: Any) -> Any:
        return functions.divide(self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return functions.divide(other, self)

    def __pow__(self, other: Any) -> Any:
        exponent = _dim(other)
        if exponent is None or exponent.value is None or exponent.value < 0:
            return functions.power(self, other)
        return _size(product([self.dim] * exponent.value))

    def __rpow__(self, other: Any) -> Any:
        return functions.power(other, self)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        of_sizes = _OF_SIZES.get(ufunc) if method == "__call__" and not options else None
        dims = [_dim(value) for value in inputs]
        if of_sizes is None or None in dims:
            return _of_tensors(ufunc, method, inputs, options)
        return of_sizes(*[_size(dim) for dim in dims if dim is not None])

    def __pos__(self) -> Size:
        return self

    __trunc__ = __floor__ = __ceil__ = __pos__

    def __round__(self, digits: int = 0) -> Size:
        return self

    def __neg__(self) -> Size | int:
        return _size(-self.dim)

    def __eq__(self, other: object) -> bool:
        dim = _dim(other)
        if dim is None:
            return NotImplemented
        if self.dim == dim:
            return True
        if (self.dim - dim).is_never_zero():
            return False
        raise unknown(f"whether {self} is {other}", "a static argument, or dvm.lazy, where sizes are known")

    def __lt__(self, other: Any) -> bool:
        raise unknown(f"whether {self} is less than {other}", "a static argument, or dvm.lazy, where sizes are known")

    __le__ = __gt__ = __ge__ = __lt__

    def __hash__(self) -> int:
        return hash(self.dim)

    def __bool__(self) -> bool:
        raise unknown(f"whether {self} is 0", "a static argument, or dvm.lazy, where sizes are known")

    def __index__(self) -> int:
        raise unknown(
            f"the size {self}", "dvm.arange for loops over it, dvm.fori_loop, or dvm.lazy, where sizes are known"
        )

    __int__ = __index__

    def __float__(self) -> float:
        raise unknown(
            f"the size {self}", "dvm.sqrt and the like in place of math's, or dvm.lazy, where sizes are known"
        )

    def __str__(self) -> str:
        return self.dim.text

    __repr__ = __str__


def _arithmetic(other: Any, of_dims: Callable[[Dim], Dim], of_tensors: Callable[[Any], Any]) -> Any:
    dim = _dim(other)
    if dim is not None:
        try:
            return _size(of_dims(dim))
        except ValueError as error:
            raise TraceError(f"{where()}: {error}") from error
    return of_tensors(other) if isinstance(other, Tensor | float | np.ndarray | np.generic) else NotImplemented


def _remainder(dividend: Dim, divisor: Dim) -> Dim:
    return dividend - dividend.floordiv(divisor) * divisor


def _of_tensors(ufunc: np.ufunc, method: str, inputs: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """What a function of NumPy gives in a function that is traced."""
    implementation = IMPLEMENTATIONS.get(ufunc) if method == "__call__" and not options else None
    if implementation is None:
        raise TraceError(f"{where()}: numpy.{ufunc.__name__} cannot be traced here: DVM has it not, use dvm.lazy")
    return implementation(*inputs)


def _dim(value: Any) -> Dim | None:
    if isinstance(value, Size):
        return value.dim
    if isinstance(value, bool | Tensor) or not isinstance(value, SupportsIndex):
        return None
    return Dim.constant(operator.index(value))


def _size(dim: Dim) -> int | Size:
    return Size(dim) if dim.value is None else dim.value


def _plain(attributes: Any) -> Any:
    """Attributes with dims in place of sizes."""
    if isinstance(attributes, tuple):
        return tuple([_plain(attribute) for attribute in cast("tuple[Any, ...]", attributes)])
    return attributes.dim if isinstance(attributes, Size) else attributes


def unknown(what: str, way_out: str) -> TraceError:
    """The error that something is not known while a function is traced; it names the line and the way out."""
    return TraceError(f"{where()}: {what} cannot be known while the function is traced; use {way_out}")


def caller() -> Place:
    """The file and line of the code that called into this package."""
    frame = currentframe()
    assert frame is not None
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).partition(".")[0] == "dvm":
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


def where() -> str:
    """`caller` as text."""
    file, line = caller()
    return f"{file}:{line}"
