"""`Array`: a lazy array. It looks like NumPy's; what is done with it is recorded, and computed when a value is needed.

What arrays and views of them show is in `dvm.storage`, what is recorded in `dvm.record`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, cast
from weakref import ref

import numpy as np

from dvm import functions
from dvm.functions.dispatch import fall_back, is_scalar
from dvm.primitives import BOOL, ELEMENTS, MAX_RANK, PRIMITIVES, TYPES_OF, Attributes, DType, Shape
from dvm.protocols import ArrayProtocols
from dvm.record import CURRENT, Node, Position, leaf, line_of, remember, value_of
from dvm.storage import VIEWS, Scalar, Step, Storage, View, part_of, place_in, strides_after, strides_of
from dvm.tensor import Tensor, Unsupported, set_lazy_recorder
from vm.errors import DvmError, ShapeError

_NEW = object.__new__

_ALWAYS_ARRAYS = frozenset({"full", "select"})
_LIKE_OPERAND = frozenset({"cast", "copy"})
"""The primitives whose results are arrays in NumPy where they have no dims, of any operand or of arrays, not scalars."""

_FLOATS = TYPES_OF["Div"]
"""The element types of numbers with a fraction."""

_plans: dict[Any, tuple[Shape, DType]] = {}
"""For operators on two arrays that need no conversion, by kind, element types and shapes: what the result is."""


class Array(ArrayProtocols):
    """A lazy array. Made by `dvm.asarray`, by the functions of `dvm`, and by operators on arrays.

    Anything that needs elements computes them: `numpy.asarray`, `float`, `if`, `print`, a function that DVM has not.
    Raises the errors of NumPy's shapes where an operation is recorded, and those of data (an index out of range) where
    the elements are needed, with the line that recorded the operation.
    """

    __slots__ = ("__weakref__", "storage", "window")

    storage: Storage
    window: View | None
    """Of a view, how it shows what the storage has."""

    def __init__(self) -> None:
        raise TypeError("make a lazy array with dvm.asarray")

    # --- what it is ---

    @property
    def node(self) -> Node:
        """The node that the array shows now."""
        return self.storage.node if self.window is None else self.window.node

    @property
    def shape(self) -> Shape:
        return self.storage.node.shape if self.window is None else self.window.shape

    @property
    def dtype(self) -> DType:
        return self.storage.node.dtype

    @property
    def itemsize(self) -> int:
        """Bytes of an element."""
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.size * self.itemsize

    @property
    def device(self) -> str:
        """Where it is, in the array API standard's words."""
        return "cpu"

    def to_device(self, device: str, /, *, stream: Any = None) -> Array:
        """The array itself, for there is one device."""
        if device != "cpu" or stream is not None:
            raise DvmError(f"there is no device {device!r}, only 'cpu'")
        return self

    # --- its elements ---

    def evaluate(self) -> Array:
        """Compute the elements now, with all else that this thread has recorded; gives the array itself."""
        self._elements()
        return self

    def numpy(self) -> np.ndarray[Any, Any]:
        """The elements, computed if need be, as a NumPy array that cannot be written."""
        value = self._elements().view()
        value.flags.writeable = False
        return value

    def __dlpack__(self, **options: Any) -> Any:
        value = self._elements()
        if options.get("max_version") is None:
            return value.__dlpack__()  # without a version there is no way to say that it must not be written
        return self.numpy().__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._elements().__dlpack_device__()

    def __reduce__(self) -> Any:
        return _unpickle, (np.array(self.numpy()),)

    # --- operators, the way that most operations come ---

    def __add__(self, other: Any) -> Tensor:
        return _operate("Add", functions.add, self, other)

    def __sub__(self, other: Any) -> Tensor:
        return _operate("Sub", functions.subtract, self, other)

    def __mul__(self, other: Any) -> Tensor:
        return _operate("Mul", functions.multiply, self, other)

    def __truediv__(self, other: Any) -> Tensor:
        return _operate("Div", functions.divide, self, other)

    def __iadd__(self, other: Any) -> Array:
        return self.take_over(functions.add(self, other))

    def __isub__(self, other: Any) -> Array:
        return self.take_over(functions.subtract(self, other))

    def __imul__(self, other: Any) -> Array:
        return self.take_over(functions.multiply(self, other))

    def __itruediv__(self, other: Any) -> Array:
        return self.take_over(functions.divide(self, other))

    def __ifloordiv__(self, other: Any) -> Array:
        return self.take_over(functions.floor_divide(self, other))

    def __imod__(self, other: Any) -> Array:
        return self.take_over(functions.remainder(self, other))

    def __ipow__(self, other: Any) -> Array:
        return self.take_over(self**other)

    def __iand__(self, other: Any) -> Array:
        return self.take_over(functions.bitwise_and(self, other))

    def __ior__(self, other: Any) -> Array:
        return self.take_over(functions.bitwise_or(self, other))

    def __ixor__(self, other: Any) -> Array:
        return self.take_over(functions.bitwise_xor(self, other))

    def __ilshift__(self, other: Any) -> Array:
        return self.take_over(functions.left_shift(self, other))

    def __irshift__(self, other: Any) -> Array:
        return self.take_over(functions.right_shift(self, other))

    def __imatmul__(self, other: Any) -> Array:
        result = functions.matmul(self, other)
        if result.shape != self.shape:
            raise ShapeError(
                f"a product of shape {list(result.shape)} is not written into an array of {list(self.shape)}"
            )
        return self.take_over(result)

    # --- writing ---

    def fill(self, value: Any) -> None:
        """Write one value everywhere."""
        if is_scalar(value):
            self[...] = value
        else:
            self.written_by(np.ndarray.fill, _plain(value))

    def __getitem__(self, index: Any) -> Tensor:
        try:
            found = functions.getitem(self, index)
        except Unsupported as reason:
            if not _is_basic(index):
                return fall_back(np.ndarray.__getitem__, (self, index), {}, str(reason))
            found = self.view_by("index", (_hashable(index),), None)
        if found.shape:
            return found
        if index is Ellipsis or (
            isinstance(index, tuple) and any(part is Ellipsis for part in cast("tuple[Any, ...]", index))
        ):
            if type(self.storage) is not Scalar:
                return found
            return self._copied_scalar()
        return self._scalar(cast(Array, found))

    def _copied_scalar(self) -> Array:
        """An array with the element of a scalar."""
        return _array_that_owns(Storage(cast(Array, functions.copy(self)).node))

    def _scalar(self, found: Array) -> Array:
        """What an index of integers gives: no view, but a scalar."""
        view = found.window
        if view is None:
            return array_of(cast(Array, functions.copy(found)).node) if found is self else found
        node = view.node
        return array_of(node if node.value is None else leaf(np.array(node.value)))

    def __setitem__(self, index: Any, value: Any) -> None:
        if index is Ellipsis or (isinstance(index, slice) and index == slice(None) and self.ndim):
            self._write(value)
        elif isinstance(index, Array) and index.dtype == BOOL and index.shape == self.shape and self._holds(value):
            self._show(functions.where(index, value, self))
        else:
            self._assign(_plain(index), _plain(value))

    def _holds(self, value: Any) -> bool:
        """Whether this is a Python number, and the element type has it."""
        kind = "b" if self.dtype == BOOL else "i" if self.dtype.kind == "i" else "f"
        return self.dtype in ELEMENTS and (
            type(value) is bool
            or (type(value) is int and kind != "b" and abs(value) < 1 << 31)
            or (type(value) is float and kind == "f")
        )

    def _assign(self, index: Any, value: Any) -> None:
        """Write some elements where they are."""
        storage, view = self.storage, self.window
        if view is not None and not view.writable:
            raise ValueError("what is broadcast cannot be written")
        elements = storage.elements_to_write()
        (elements if view is None else view.of(elements))[index] = value
        if storage.node.value is not elements:
            storage.show(leaf(elements))

    def _write(self, value: Any) -> None:
        """Write all elements; what is written broadcasts and is converted as NumPy has it."""
        if isinstance(value, Tensor):
            new = value
        else:
            new = functions.asarray(np.asarray(value, self.dtype) if is_scalar(value) else value)
        if self.dtype in ELEMENTS and new.dtype in ELEMENTS:
            self._show(functions.broadcast_to(functions.astype(new, self.dtype), self.shape))
        else:
            self._assign(..., _plain(value))

    def take_over(self, result: Tensor) -> Array:
        """Take over the result, which nobody else has, of an operator that works in place."""
        if type(self.storage) is Scalar:
            return cast(Array, result)
        if result.dtype != self.dtype:
            if not np.can_cast(result.dtype, self.dtype, "same_kind"):
                raise TypeError(f"a result of {result.dtype} is not written into an array of {self.dtype}")
            result = functions.astype(result, self.dtype)
        if result.shape != self.shape:
            result = functions.copy(functions.broadcast_to(result, self.shape))
        self._show(result)
        return self

    def _show(self, new: Tensor) -> None:
        """Show from now on what another array shows, which nobody else has.

        Of a view of what others see, too, that means writing where it is.
        """
        storage, view, node = self.storage, self.window, cast(Array, new).node
        if view is not None:
            if not view.writable:
                raise ValueError("what is broadcast cannot be written")
            if storage.sole_view() is view:
                storage.take_over(view)
            if len(view.steps) != storage.skip:
                self._assign(..., value_of(node))
                return
        storage.show(node)

    # --- views ---

    def is_view(self) -> bool:
        return self.window is not None

    def _elements(self) -> np.ndarray[Any, Any]:
        return value_of(self.node)

    def view_by(self, primitive: str, attributes: Attributes, place: Position | None) -> Array:
        """The view that a step leads to; a copy where NumPy would have to make one for a reshape."""
        storage, view = self.storage, self.window
        if type(storage) is Scalar:
            return self._copied_scalar().view_by(primitive, attributes, place)
        node = part_of(self.node, primitive, attributes, place)
        here = strides_of(storage.node) if view is None else view.strides
        strides = strides_after(self.shape, here, self.dtype.itemsize, primitive, attributes, node.shape)
        if strides is None:
            return array_of(node)
        steps = () if view is None else view.steps
        writable = primitive != "broadcast" and (view is None or view.writable)
        return self._view((*steps, (primitive, attributes, place)), strides, node, writable=writable)

    def to_be_viewed(self) -> np.ndarray[Any, Any]:
        storage, view = self.storage, self.window
        if view is not None and storage.sole_view() is view:
            storage.take_over(view)
        elements = storage.elements_in_order()
        elements = (elements if view is None else view.of(elements)).view()
        elements.flags.writeable = False
        return elements

    def view_of_memory(self, elements: np.ndarray[Any, Any], *, writable: bool) -> Array | None:
        storage, view = self.storage, self.window
        place = None if type(storage) is Scalar else place_in(storage.elements_in_order(), elements)
        if place is None:
            return None
        step: Step = "strided", place, None
        steps = () if view is None else view.steps[: storage.skip]
        repeats = any(not stride and size > 1 for stride, size in zip(elements.strides, elements.shape, strict=True))
        writable = writable and not repeats and (view is None or view.writable)
        node = part_of(storage.node, *step)
        return self._view((*steps, step), elements.strides, node, writable=writable)

    def _view(self, steps: tuple[Step, ...], strides: tuple[int, ...], node: Node, *, writable: bool) -> Array:
        """A view of the storage by some steps."""
        storage = self.storage
        found = _NEW(Array)
        found.storage = storage
        found.window = new = View(storage, steps, strides, node, writable=writable)
        if self.window is None:
            storage.owner = ref(self)
        views = storage.views
        if not len(views) & (len(views) - 1):  # now and then, so that many views are not gone through for each
            storage.views = views = [other for other in views if other() is not None]
        views.append(ref(new))
        return found


def _unpickle(value: np.ndarray[Any, Any]) -> Array:
    return _array_that_owns(Storage(leaf(value)))


def array_of(node: Node) -> Array:
    """A new array that owns its elements and shows a node, which an operation gave."""
    return _array_that_owns(Storage(node) if node.shape else Scalar(node))


def _array_that_owns(storage: Storage) -> Array:
    found = _NEW(Array)
    found.storage = storage
    found.window = None
    return found


def _is_basic(index: Any) -> bool:
    """Whether NumPy gives a view for an index."""
    parts = cast("tuple[Any, ...]", index) if isinstance(index, tuple) else (index,)
    kinds = (slice, int, np.integer)
    return all(
        part is None or part is Ellipsis or (isinstance(part, kinds) and part is not True and part is not False)
        for part in parts
    )


def _hashable(index: Any) -> Any:
    parts = cast("tuple[Any, ...]", index) if isinstance(index, tuple) else (index,)
    return tuple(part.__reduce__()[1] if isinstance(part, slice) else part for part in parts)


def _plain(index: Any) -> Any:
    if isinstance(index, tuple):
        return tuple(_plain(part) for part in cast("tuple[Any, ...]", index))
    return index.numpy() if isinstance(index, Array) else index


def _operate(kind: str, function: Callable[[Any, Any], Tensor], a: Array, b: Any) -> Tensor:
    """An operator on two arrays, or an array and a number, that need no conversion; else by way of the function."""
    x = a.storage.node if a.window is None else a.window.node
    if type(b) is Array:
        y = b.storage.node if b.window is None else b.window.node
        key = kind, x.dtype, x.shape, y.dtype, y.shape
        plan = _plans.get(key)
        if plan is None:
            if x.dtype is not y.dtype or x.dtype not in TYPES_OF[kind]:
                return function(a, b)
            plan = PRIMITIVES["binary"].infer((x, y), kind)
            if len(plan[0]) > MAX_RANK:
                return function(a, b)
            remember(_plans, key, plan)
        shape, dtype = plan
        primitive, attributes, operands = "binary", (kind,), (x, y)
    elif type(b) is float and x.dtype in _FLOATS and len(x.shape) <= MAX_RANK:
        shape, dtype = x.shape, x.dtype
        primitive, attributes, operands = "binary_scalar", (kind, b.hex(), False), (x,)
    else:
        return function(a, b)
    frame = sys._getframe(2)  # pyright: ignore[reportPrivateUsage] - the only way to a line within a microsecond
    place = frame.f_code, frame.f_lasti
    return array_of(CURRENT.record.append(primitive, attributes, operands, shape, dtype, place))


class _LazyRecorder:
    """Records what is done with lazy arrays, in the record of the thread."""

    def apply(self, primitive: str, operands: Sequence[Tensor], attributes: Attributes) -> Array:
        if any(type(operand) is not Array for operand in operands):
            raise DvmError("a value was kept from a function that was traced, and is used outside of it")
        nodes = tuple([cast(Array, operand).node for operand in operands])
        place = _caller()
        if primitive in VIEWS:
            PRIMITIVES[primitive].infer(nodes, *attributes)
            return cast(Array, operands[0]).view_by(primitive, attributes, place)
        shape, dtype = PRIMITIVES[primitive].infer(nodes, *attributes)
        if len(shape) > MAX_RANK:
            raise Unsupported(f"DVM computes with at most {MAX_RANK} dims")
        node = CURRENT.record.append(primitive, attributes, nodes, shape, dtype, place)
        if not node.shape and (
            primitive in _ALWAYS_ARRAYS
            or (primitive in _LIKE_OPERAND and type(cast(Array, operands[0]).storage) is not Scalar)
        ):
            return _array_that_owns(Storage(node))
        return array_of(node)

    def place(self) -> str:
        return line_of(_caller())

    def tensor(self, value: Any, *, copy: bool) -> Array:
        """The array of NumPy's elements; a copy of those that somebody else may write."""
        if isinstance(value, np.generic):
            return array_of(leaf(np.asarray(cast(Any, value))))
        elements = np.asarray(value)
        return _array_that_owns(Storage(leaf(elements.copy() if copy and _may_be_written(elements) else elements)))


def _may_be_written(elements: np.ndarray[Any, Any]) -> bool:
    """Whether somebody can write the memory of an array: by way of it, or of what it is a view of."""
    owner: Any = elements
    while isinstance(owner, np.ndarray):
        if owner.flags.writeable:
            return True
        owner = owner.base
    return owner is not None and not isinstance(owner, bytes)


def _caller() -> Position:
    """Where the code stands that called into this package."""
    frame = sys._getframe(2)  # pyright: ignore[reportPrivateUsage] - the only way to a line within a microsecond
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).partition(".")[0] == "dvm":
        frame = frame.f_back
    return frame.f_code, frame.f_lasti


set_lazy_recorder(_LazyRecorder())
