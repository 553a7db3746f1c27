"""What the functions of DVM compute with: tensors, which are lazy arrays or values of a function that is traced.

`Tensor` gives both the operators and methods of a NumPy array, in terms of `dvm.functions`; `apply` records one
primitive operation with whichever of the two is at work.
"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from threading import local
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from dvm.primitives import Attributes, DType
from vm.errors import DvmError

Axis = int | Sequence[int] | None
"""One dim or several, negative ones counted from the end; None for all of them."""


class Unsupported(DvmError):
    """NumPy can do this and DVM cannot. Lazy arrays fall back to NumPy; a function that is traced cannot."""


class Recorder(Protocol):
    """What takes down operations."""

    def apply(self, primitive: str, operands: Sequence["Tensor"], attributes: Attributes) -> "Tensor":
        """The result of a primitive (see `dvm.primitives`)."""
        ...

    def place(self) -> str:
        """The file and line of the code that called into this package."""
        ...

    def tensor(self, value: Any, *, copy: bool) -> "Tensor":
        """The tensor of a NumPy array. `copy`: others may write it, so what is computed later needs a copy."""
        ...


class _Recorders(local):
    """The recorders that are at work in a thread: functions that are being traced, inside of one another."""

    def __init__(self) -> None:
        self.tracing: list[Recorder] = []


RECORDERS = _Recorders()
_lazy: list[Recorder] = []


def set_lazy_recorder(recorder: Recorder) -> None:
    """Say what records where nothing is traced."""
    _lazy[:] = [recorder]


def recorder() -> Recorder:
    """What records in this thread now."""
    tracing = RECORDERS.tracing
    return tracing[-1] if tracing else _lazy[0]


def apply(primitive: str, operands: Sequence["Tensor"], *attributes: Any) -> "Tensor":
    """Record a primitive; its attributes can be hashed."""
    return recorder().apply(primitive, operands, attributes)


class Tensor:
    """An array whose elements may not be computed yet."""

    __slots__ = ()

    __array_priority__ = 1000

    weak = False
    """Whether it stands for a Python number, which takes on the element type of what is beside it."""

    @property
    @abstractmethod
    def shape(self) -> tuple[Any, ...]:
        """The sizes: integers, or in a function that is traced also symbolic ones."""

    @property
    @abstractmethod
    def dtype(self) -> DType:
        """The element type, as NumPy has it."""

    @abstractmethod
    def numpy(self) -> np.ndarray[Any, Any]:
        """The elements, as a NumPy array that cannot be written."""

    @abstractmethod
    def __setitem__(self, index: Any, value: Any) -> None: ...

    @abstractmethod
    def __iter__(self) -> "Iterator[Tensor]": ...

    @abstractmethod
    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]: ...

    @abstractmethod
    def __bool__(self) -> bool: ...

    @abstractmethod
    def __int__(self) -> int: ...

    @abstractmethod
    def __float__(self) -> float: ...

    @abstractmethod
    def __index__(self) -> int: ...

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """What else NumPy's arrays have, lazy ones have too."""

    def to_be_viewed(self) -> np.ndarray[Any, Any]:
        """The elements, in memory of which NumPy may make views that `view_of_memory` is asked about then."""
        return self.numpy()

    def view_of_memory(self, elements: np.ndarray[Any, Any], *, writable: bool) -> "Tensor | None":
        """The view of this tensor that shows what NumPy's array does, if that is a part of what `to_be_viewed` gave."""
        return None

    def item(self, *index: Any) -> Any:
        """One element as a Python number."""
        return self.numpy().item(*index)

    def tolist(self) -> Any:
        """The elements as Python numbers in nested lists."""
        return self.numpy().tolist()

    @property
    def ndim(self) -> int:
        """The number of dims."""
        return len(self.shape)

    @property
    def size(self) -> Any:
        """The number of elements."""
        size: Any = 1
        for dim in self.shape:
            size = size * dim
        return size

    @property
    def T(self) -> "Tensor":  # noqa: N802 - NumPy's name
        """The dims in reverse order."""
        return functions.transpose(self)

    @property
    def mT(self) -> "Tensor":  # noqa: N802 - the name in the array API standard
        """The last two dims exchanged."""
        return functions.matrix_transpose(self)

    def astype(self, dtype: Any, *, copy: bool = True) -> "Tensor":
        return functions.astype(self, dtype, copy=copy)

    def reshape(self, *shape: Any, order: str = "C") -> "Tensor":
        return functions.reshape(self, shape[0] if len(shape) == 1 else shape, order)

    def transpose(self, *axes: Any) -> "Tensor":
        return functions.transpose(self, axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes or None)

    def swapaxes(self, axis1: int, axis2: int) -> "Tensor":
        return functions.swapaxes(self, axis1, axis2)

    def squeeze(self, axis: Axis = None) -> "Tensor":
        return functions.squeeze(self, axis)

    def ravel(self, order: str = "C") -> "Tensor":
        return functions.ravel(self, order)

    def flatten(self, order: str = "C") -> "Tensor":
        return functions.copy(functions.ravel(self, order))

    def copy(self) -> "Tensor":
        return functions.copy(self)

    def clip(self, min: Any = None, max: Any = None) -> "Tensor":
        return functions.clip(self, min, max)

    def take(self, indices: Any, axis: int | None = None) -> "Tensor":
        return functions.take(self, indices, axis)

    def dot(self, other: Any) -> "Tensor":
        return functions.dot(self, other)

    def round(self, decimals: int = 0) -> "Tensor":
        return functions.round(self, decimals)

    def __getitem__(self, index: Any) -> "Tensor":
        return functions.getitem(self, index)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of an array without dims")
        return self.shape[0]

    def sum(self, axis: Axis = None, dtype: Any = None, *, keepdims: bool = False) -> "Tensor":
        return functions.sum(self, axis, dtype, keepdims=keepdims)

    def prod(self, axis: Axis = None, dtype: Any = None, *, keepdims: bool = False) -> "Tensor":
        return functions.prod(self, axis, dtype, keepdims=keepdims)

    def max(self, axis: Axis = None, *, keepdims: bool = False) -> "Tensor":
        return functions.max(self, axis, keepdims=keepdims)

    def min(self, axis: Axis = None, *, keepdims: bool = False) -> "Tensor":
        return functions.min(self, axis, keepdims=keepdims)

    def any(self, axis: Axis = None, *, keepdims: bool = False) -> "Tensor":
        return functions.any(self, axis, keepdims=keepdims)

    def all(self, axis: Axis = None, *, keepdims: bool = False) -> "Tensor":
        return functions.all(self, axis, keepdims=keepdims)

    def mean(self, axis: Axis = None, *, keepdims: bool = False) -> "Tensor":
        return functions.mean(self, axis, keepdims=keepdims)

    def var(self, axis: Axis = None, *, ddof: int = 0, keepdims: bool = False) -> "Tensor":
        return functions.var(self, axis, ddof=ddof, keepdims=keepdims)

    def std(self, axis: Axis = None, *, ddof: int = 0, keepdims: bool = False) -> "Tensor":
        return functions.std(self, axis, ddof=ddof, keepdims=keepdims)

    def __add__(self, other: Any) -> "Tensor":
        return functions.add(self, other)

    def __radd__(self, other: Any) -> "Tensor":
        return functions.add(other, self)

    def __sub__(self, other: Any) -> "Tensor":
        return functions.subtract(self, other)

    def __rsub__(self, other: Any) -> "Tensor":
        return functions.subtract(other, self)

    def __mul__(self, other: Any) -> "Tensor":
        return functions.multiply(self, other)

    def __rmul__(self, other: Any) -> "Tensor":
        return functions.multiply(other, self)

    def __truediv__(self, other: Any) -> "Tensor":
        return functions.divide(self, other)

    def __rtruediv__(self, other: Any) -> "Tensor":
        return functions.divide(other, self)

    def __floordiv__(self, other: Any) -> "Tensor":
        return functions.floor_divide(self, other)

    def __rfloordiv__(self, other: Any) -> "Tensor":
        return functions.floor_divide(other, self)

    def __mod__(self, other: Any) -> "Tensor":
        return functions.remainder(self, other)

    def __rmod__(self, other: Any) -> "Tensor":
        return functions.remainder(other, self)

    def __pow__(self, other: Any) -> "Tensor":
        return functions.power(self, other)

    def __rpow__(self, other: Any) -> "Tensor":
        return functions.power(other, self)

    def __divmod__(self, other: Any) -> "tuple[Tensor, Tensor]":
        return functions.floor_divide(self, other), functions.remainder(self, other)

    def __rdivmod__(self, other: Any) -> "tuple[Tensor, Tensor]":
        return functions.floor_divide(other, self), functions.remainder(other, self)

    def __lshift__(self, other: Any) -> "Tensor":
        return functions.left_shift(self, other)

    def __rlshift__(self, other: Any) -> "Tensor":
        return functions.left_shift(other, self)

    def __rshift__(self, other: Any) -> "Tensor":
        return functions.right_shift(self, other)

    def __rrshift__(self, other: Any) -> "Tensor":
        return functions.right_shift(other, self)

    def __matmul__(self, other: Any) -> "Tensor":
        return functions.matmul(self, other)

    def __rmatmul__(self, other: Any) -> "Tensor":
        return functions.matmul(other, self)

    def __and__(self, other: Any) -> "Tensor":
        return functions.bitwise_and(self, other)

    def __rand__(self, other: Any) -> "Tensor":
        return functions.bitwise_and(other, self)

    def __or__(self, other: Any) -> "Tensor":
        return functions.bitwise_or(self, other)

    def __ror__(self, other: Any) -> "Tensor":
        return functions.bitwise_or(other, self)

    def __xor__(self, other: Any) -> "Tensor":
        return functions.bitwise_xor(self, other)

    def __rxor__(self, other: Any) -> "Tensor":
        return functions.bitwise_xor(other, self)

    def __eq__(self, other: Any) -> "Tensor":  # type: ignore[override]
        return functions.equal(self, other)

    def __ne__(self, other: Any) -> "Tensor":  # type: ignore[override]
        return functions.not_equal(self, other)

    def __lt__(self, other: Any) -> "Tensor":
        return functions.less(self, other)

    def __le__(self, other: Any) -> "Tensor":
        return functions.less_equal(self, other)

    def __gt__(self, other: Any) -> "Tensor":
        return functions.greater(self, other)

    def __ge__(self, other: Any) -> "Tensor":
        return functions.greater_equal(self, other)

    __hash__ = None  # type: ignore[assignment]  # as of a NumPy array, which compares by element

    def __neg__(self) -> "Tensor":
        return functions.negative(self)

    def __pos__(self) -> "Tensor":
        return functions.positive(self)

    def __abs__(self) -> "Tensor":
        return functions.abs(self)

    def __invert__(self) -> "Tensor":
        return functions.invert(self)


from dvm import functions  # noqa: E402 - it imports this module
