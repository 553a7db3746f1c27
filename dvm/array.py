"""`Array`: a lazy array. It looks like NumPy's; what is done with it is recorded, and computed when a value is needed.

What an array and its views share is a `Storage`, which has the node (`dvm.record`) of the elements as they are now. A view
has the steps that lead from there to what it shows, and reads through them, so that each sees what is written to any.
Writing never changes a value that others may have: the storage gets another node.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any, SupportsIndex, cast
from weakref import ref

import numpy as np

from dvm import functions
from dvm.functions.dispatch import IMPLEMENTATIONS, fall_back, is_scalar
from dvm.primitives import BOOL, ELEMENTS, PRIMITIVES, TYPES_OF, Attributes, DType, Shape
from dvm.record import CURRENT, Node, Position, Record, leaf, remember, value_of
from dvm.tensor import Tensor, Unsupported, set_lazy_recorder
from vm.errors import DvmError

VIEWS = frozenset({"reshape", "transpose", "slice", "broadcast"})
"""The primitives whose results are views, as NumPy's are."""

_NEW = object.__new__

_plans: dict[Any, tuple[Shape, DType]] = {}
"""For operators on two arrays that need no conversion, by kind, element types and shapes: what the result is."""


Step = tuple[str, Attributes]
"""One of `VIEWS` with its attributes."""


class Storage:
    """The elements of an array that owns them, as they are now.

    `owner` is that array, once there are `views` of it; before, nothing else holds the storage.
    """

    __slots__ = ("__weakref__", "node", "owner", "views")

    def __init__(self, node: Node) -> None:
        self.node = node
        self.owner: ref[Array] | None = None
        self.views: list[ref[Array]] = []
        node.shown_by = ref(self)

    def show(self, node: Node) -> None:
        """Have another node from now on."""
        if node.shown_by is not None and node.shown_by() is not None:
            node = CURRENT.record.append("copy", (), (node,), node.shape, node.dtype, None)
        self.node.shown_by = None
        self.node = node
        node.shown_by = ref(self)

    def is_needed(self) -> bool:
        """Whether the elements can be seen other than by one view alone, which else becomes an array of its own."""
        if self.owner is None or self.owner() is not None:
            return True
        views = [view for view in (reference() for reference in self.views) if view is not None]
        if len(views) > 1:
            return True
        for view in views:
            node = view.node
            view._storage, view._steps, view._strides = Storage(node), (), None
        return False


class Array(Tensor):
    """A lazy array. Made by `dvm.asarray`, by the functions of `dvm`, and by operators on arrays.

    Anything that needs elements computes them: `numpy.asarray`, `float`, `if`, `print`, a function that DVM has not.
    Raises the errors of NumPy's shapes where an operation is recorded, and those of data (an index out of range) where
    the elements are needed, with the line that recorded the operation.
    """

    __slots__ = ("__weakref__", "_seen", "_steps", "_storage", "_strides", "_view_node")

    _storage: Storage
    _steps: tuple[Step, ...]
    """Of a view, how to come to it from the storage; empty for an array that owns its elements."""
    _strides: tuple[int, ...] | None
    """Of a view, as NumPy has them: they decide which shapes it can be given without a copy."""
    _view_node: Node
    """Of a view, the node that shows it, made when the storage had the node `_seen`."""
    _seen: Node | None

    def __init__(self) -> None:
        raise TypeError("make a lazy array with dvm.asarray")

    # --- what it is ---

    @property
    def node(self) -> Node:
        """The node that the array shows now."""
        return self._storage.node if not self._steps else self._through_steps()

    @property
    def shape(self) -> Shape:
        return self._view_node.shape if self._steps else self._storage.node.shape

    @property
    def dtype(self) -> DType:
        return self._storage.node.dtype

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

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        value = self.numpy()
        if dtype is not None and value.dtype != np.dtype(dtype):
            if copy is False:
                raise ValueError(f"an array of {value.dtype} cannot be one of {np.dtype(dtype)} without a copy")
            return value.astype(dtype)
        return value.copy() if copy else value

    def __dlpack__(self, **options: Any) -> Any:
        value = self._elements()
        if options.get("max_version") is None:
            return value.__dlpack__()  # without a version there is no way to say that it must not be written
        return self.numpy().__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._elements().__dlpack_device__()

    def item(self, *index: Any) -> Any:
        """One element as a Python number."""
        return self.numpy().item(*index)

    def tolist(self) -> Any:
        return self.numpy().tolist()

    def __float__(self) -> float:
        return float(self.numpy())

    def __int__(self) -> int:
        return int(self.numpy())

    def __complex__(self) -> complex:
        return complex(self.numpy())

    def __index__(self) -> int:
        return cast(SupportsIndex, self.numpy()).__index__()

    def __bool__(self) -> bool:
        return bool(self.numpy())

    def __repr__(self) -> str:
        return f"dvm.{self.numpy()!r}"

    def __str__(self) -> str:
        return str(self.numpy())

    def __format__(self, format_spec: str) -> str:
        return format(self.numpy(), format_spec) if self.ndim else format(self.item(), format_spec)

    def __iter__(self) -> Iterator[Any]:
        if not self.ndim:
            raise TypeError("iteration over an array without dims")
        return (self[number] for number in range(self.shape[0]))

    def __contains__(self, value: Any) -> bool:
        return bool(functions.any(functions.equal(self, value)))

    def __copy__(self) -> Tensor:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> Tensor:
        return self.copy()

    def __reduce__(self) -> Any:
        return _unpickle, (np.array(self.numpy()),)

    def __getattr__(self, name: str) -> Any:
        """Methods of NumPy's arrays that this one lacks work on the elements."""
        if name.startswith("_") or not hasattr(np.ndarray, name):
            raise AttributeError(f"a lazy array has no attribute '{name}'")
        found = getattr(self.numpy(), name)
        if not callable(found):
            return found
        return lambda *arguments, **options: fall_back(found, arguments, options, "it is a method of NumPy's arrays")

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
        return self._update(functions.add(self, other))

    def __isub__(self, other: Any) -> Array:
        return self._update(functions.subtract(self, other))

    def __imul__(self, other: Any) -> Array:
        return self._update(functions.multiply(self, other))

    def __itruediv__(self, other: Any) -> Array:
        return self._update(functions.divide(self, other))

    def __ifloordiv__(self, other: Any) -> Array:
        return self._update(functions.floor_divide(self, other))

    def __imod__(self, other: Any) -> Array:
        return self._update(functions.remainder(self, other))

    def __ipow__(self, other: Any) -> Array:
        return self._update(functions.power(self, other))

    def __iand__(self, other: Any) -> Array:
        return self._update(functions.bitwise_and(self, other))

    def __ior__(self, other: Any) -> Array:
        return self._update(functions.bitwise_or(self, other))

    def __ixor__(self, other: Any) -> Array:
        return self._update(functions.bitwise_xor(self, other))

    def __imatmul__(self, other: Any) -> Array:
        return self._update(functions.matmul(self, other))

    # --- writing ---

    def fill(self, value: Any) -> None:
        """Write one value everywhere."""
        self[...] = value

    def __getitem__(self, index: Any) -> Tensor:
        try:
            return functions.getitem(self, index)
        except Unsupported as reason:
            if not _is_basic(index):
                return fall_back(np.ndarray.__getitem__, (self, index), {}, str(reason))
        attributes = (_hashable(index),)
        return self._view("index", attributes, _part_of(self.node, "index", attributes, None))

    def __setitem__(self, index: Any, value: Any) -> None:
        if index is Ellipsis or (isinstance(index, slice) and index == slice(None)):
            self._write(value)
            return
        if isinstance(index, Array) and index.dtype == BOOL and index.shape == self.shape and is_scalar(value):
            self._update(functions.where(index, value, self))
            return
        self._assign(_plain(index), np.asarray(value))

    def _assign(self, index: Any, value: Any) -> None:
        """Write some elements where they are."""
        storage = self._storage
        elements = _owned(storage)
        part = elements
        for primitive, attributes in self._steps:
            part = _view_of(part, primitive, attributes)
        part[index] = value
        if storage.node.value is not elements:
            storage.show(leaf(elements))

    def _write(self, value: Any) -> None:
        """Write all elements; what is written broadcasts and is converted as NumPy has it."""
        new = value if isinstance(value, Tensor) else functions.asarray(value, self.dtype if is_scalar(value) else None)
        if self.dtype not in ELEMENTS or new.dtype not in ELEMENTS:
            self._assign(..., np.asarray(new))
            return
        self._show(functions.broadcast_to(functions.astype(new, self.dtype), self.shape))

    def _update(self, result: Tensor) -> Array:
        """Take over the result of an operator that works in place."""
        if result.shape != self.shape:
            raise ValueError(f"a result of shape {result.shape} is not written into an array of shape {self.shape}")
        if result.dtype != self.dtype:
            if not np.can_cast(result.dtype, self.dtype, "same_kind"):
                raise TypeError(f"a result of {result.dtype} is not written into an array of {self.dtype}")
            result = functions.astype(result, self.dtype)
        self._show(result)
        return self

    def _show(self, new: Tensor) -> None:
        """Show what another array shows; of a view, that means writing to what it is a view of."""
        if self._steps:
            self._assign(..., np.asarray(new))
        else:
            self._storage.show(cast(Array, new).node)

    # --- views ---

    def is_needed(self) -> bool:
        """Whether the node of this view must be computed: not if it can be made of what its storage will have."""
        if self._storage.is_needed():
            self._seen = None
            return False
        return True

    def _elements(self) -> np.ndarray[Any, Any]:
        node = self.node
        if node.value is None and node.record is not None:
            node.record.flush()
            node = self.node
        return value_of(node)

    def _through_steps(self) -> Node:
        """The node of a view: as it was, unless the storage has another since."""
        base = self._storage.node
        if base is not self._seen:
            node = base
            for primitive, attributes in self._steps:
                node = _part_of(node, primitive, attributes, None)
            if node is base:
                raise AssertionError("a view has a step")
            self._view_node, self._seen = node, base
            node.shown_by = ref(self)
        return self._view_node

    def _view(self, primitive: str, attributes: Attributes, node: Node) -> Array:
        """The view that a step leads to; a copy where NumPy would have to make one for a reshape."""
        here = self._strides or _strides_of(self._storage.node)
        strides = _strides_after(self.shape, here, self.dtype.itemsize, primitive, attributes, node.shape)
        if strides is None:
            return array_of(node)
        found = _NEW(Array)
        storage = self._storage
        found._storage, found._steps, found._strides = storage, (*self._steps, (primitive, attributes)), strides
        found._view_node, found._seen = node, storage.node
        node.shown_by = reference = ref(found)
        if not self._steps:
            storage.owner = ref(self)
        storage.views = [*(other for other in storage.views if other() is not None), reference]
        return found

    # --- NumPy's protocols ---

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        out = options.pop("out", None)
        implementation = IMPLEMENTATIONS.get(ufunc) if method == "__call__" else None
        if implementation is not None and not options:
            found = implementation(*inputs)
        else:
            called = ufunc if method == "__call__" else getattr(ufunc, method)
            found = fall_back(called, inputs, options, "DVM has not this ufunc with these options")
        return found if out is None else _into(out[0] if isinstance(out, tuple) else out, found)

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Any:
        out = options.pop("out", None) if "out" in options else None
        implementation = IMPLEMENTATIONS.get(function)
        found: Any = NotImplemented
        if implementation is not None:
            try:
                found = implementation(*arguments, **options)
            except TypeError:
                found = NotImplemented  # an option that only NumPy's function has
        if found is NotImplemented:
            found = fall_back(function, arguments, options, "DVM has not this function with these options")
        return found if out is None else _into(out, found)

    def __array_namespace__(self, /, *, api_version: str | None = None) -> ModuleType:
        from dvm import namespace

        if api_version is not None and api_version > namespace.__array_api_version__:
            raise ValueError(f"DVM follows the array API standard of {namespace.__array_api_version__}")
        return namespace


def _unpickle(value: np.ndarray[Any, Any]) -> Array:
    return array_of(leaf(value))


def array_of(node: Node) -> Array:
    """A new array that owns its elements and shows a node."""
    found = _NEW(Array)
    found._storage = Storage(node)
    found._steps = ()
    found._strides = None
    return found


def _part_of(base: Node, primitive: str, attributes: Attributes, place: Position | None) -> Node:
    """The node of a view: the same memory where the elements exist, else an operation."""
    if primitive == "index":
        value_of(base)
    if base.value is not None:
        return leaf(_view_of(base.value, primitive, attributes))
    return CURRENT.record.add(primitive, attributes, (base,), place)


def _strides_of(node: Node) -> tuple[int, ...]:
    """The strides in bytes of a node's value, or those that it will have."""
    if node.value is not None:
        return node.value.strides
    strides: list[int] = []
    step = node.dtype.itemsize
    for size in reversed(node.shape):
        strides.append(step)
        step *= size
    return tuple(reversed(strides))


def _strides_after(
    shape: Shape, strides: tuple[int, ...], itemsize: int, primitive: str, attributes: Attributes, result: Shape
) -> tuple[int, ...] | None:
    """The strides of a view of what has some; None where NumPy would copy."""
    if primitive == "transpose":
        return tuple([strides[axis] for axis in attributes[0]])
    if primitive == "slice":
        return tuple([stride * step for stride, step in zip(strides, attributes[2], strict=True)])
    nothing = np.lib.stride_tricks.as_strided(np.empty(1, f"V{itemsize}"), shape, strides)
    if primitive == "reshape":
        try:
            nothing.shape = result
        except AttributeError:
            return None
        return nothing.strides
    return _view_of(nothing, primitive, attributes).strides


def _view_of(value: np.ndarray[Any, Any], primitive: str, attributes: Attributes) -> np.ndarray[Any, Any]:
    """NumPy's view for a primitive; a reshape of what is not contiguous may be a copy, as it is in NumPy."""
    if primitive == "reshape":
        return value.reshape(attributes[0])
    if primitive == "transpose":
        return value.transpose(attributes[0])
    if primitive == "broadcast":
        return np.broadcast_to(value, attributes[0])
    if primitive == "index":
        return value[_index(attributes[0])]
    starts, sizes, steps = attributes
    return value[
        tuple(
            slice(start, dim if size == -1 else start + size * step, step)
            for dim, start, size, step in zip(value.shape, starts, sizes, steps, strict=True)
        )
    ]


def _owned(storage: Storage) -> np.ndarray[Any, Any]:
    """The elements, to be written: where they are if nobody else has them, else a copy."""
    node = storage.node
    value = value_of(node)
    # here: the attribute of its owner, the variable, the argument of getrefcount
    alone = sys.getrefcount(value) == 3 and sys.getrefcount(node) == 3
    return value if alone and value.flags.writeable and value.flags.owndata else np.array(value)


def _is_basic(index: Any) -> bool:
    """Whether NumPy gives a view for an index."""
    parts = cast("tuple[Any, ...]", index) if isinstance(index, tuple) else (index,)
    return all(part is None or part is Ellipsis or isinstance(part, slice | int | np.integer) for part in parts)


def _hashable(index: Any) -> Any:
    parts = cast("tuple[Any, ...]", index) if isinstance(index, tuple) else (index,)
    return tuple((part.start, part.stop, part.step) if isinstance(part, slice) else part for part in parts)


def _index(parts: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(slice(*part) if isinstance(part, tuple) else part for part in parts)


def _plain(index: Any) -> Any:
    if isinstance(index, tuple):
        return tuple(_plain(part) for part in cast("tuple[Any, ...]", index))
    return index.numpy() if isinstance(index, Array) else index


def _into(out: Any, found: Any) -> Any:
    """Write a result where `out` says, which is returned."""
    if isinstance(out, Array):
        if not isinstance(found, Array):
            found = functions.asarray(np.asarray(found))
        return out._update(found)
    np.copyto(out, np.asarray(found), casting="same_kind")
    return out


def _operate(kind: str, function: Callable[[Any, Any], Tensor], a: Array, b: Any) -> Tensor:
    """An operator on two arrays, or an array and a number, that need no conversion; else by way of the function."""
    x = a._storage.node if not a._steps else a.node
    if type(b) is Array:
        y = b._storage.node if not b._steps else b.node
        key = kind, x.dtype, x.shape, y.dtype, y.shape
        plan = _plans.get(key)
        if plan is None:
            if x.dtype is not y.dtype or x.dtype not in TYPES_OF[kind]:
                return function(a, b)
            plan = PRIMITIVES["binary"].infer((x, y), kind)
            remember(_plans, key, plan)
        shape, dtype = plan
        primitive, attributes, operands = "binary", (kind,), (x, y)
    elif type(b) is float and x.dtype.kind == "f" and x.dtype in ELEMENTS:
        shape, dtype = x.shape, x.dtype
        primitive, attributes, operands = "binary_scalar", (kind, b.hex(), False), (x,)
    else:
        return function(a, b)
    frame = sys._getframe(2)  # the caller of the operator
    place = frame.f_code, frame.f_lasti
    return array_of(CURRENT.record.append(primitive, attributes, operands, shape, dtype, place))


class _LazyRecorder:
    """Records what is done with lazy arrays, in the record of the thread."""

    def apply(self, primitive: str, operands: Sequence[Tensor], attributes: Attributes) -> Array:
        nodes = tuple([cast(Array, operand).node for operand in operands])
        place = _caller()
        if primitive in VIEWS:
            PRIMITIVES[primitive].infer(nodes, *attributes)
            return cast(Array, operands[0])._view(
                primitive, attributes, _part_of(nodes[0], primitive, attributes, place)
            )
        return array_of(CURRENT.record.add(primitive, attributes, nodes, place))

    def tensor(self, value: Any, *, copy: bool) -> Array:
        """The array of NumPy's elements; a copy of those that can be written, if anybody else may."""
        elements = np.asarray(value)
        return array_of(leaf(elements.copy() if copy and elements.flags.writeable else elements))


def _caller() -> Position:
    """Where the code stands that called into this package."""
    frame = sys._getframe(2)
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).partition(".")[0] == "dvm":
        frame = frame.f_back
    return frame.f_code, frame.f_lasti


set_lazy_recorder(_LazyRecorder())


class lazy:  # noqa: N801 - used like a function
    """A record of its own for a block of code: `with dvm.lazy(): ...`. What it leaves uncomputed is computed at its end.

    `limit` is how many operations are recorded before they are computed. `launches` and `compiled` count, afterwards
    too, how often a program was launched and how many were compiled. Without it, each thread has one record.
    """

    def __init__(self, limit: int | None = None) -> None:
        if limit is not None and limit < 1:
            raise DvmError(f"a record of {limit} operations records none")
        self._record = Record()
        if limit is not None:
            self._record.limit = limit
        self._outer: list[Record] = []

    @property
    def launches(self) -> int:
        """Launches of programs so far."""
        return self._record.launches

    @property
    def compiled(self) -> int:
        """Programs compiled so far, because their structure had not been seen before."""
        return self._record.compiled

    def __enter__(self) -> lazy:
        self._outer.append(CURRENT.record)
        CURRENT.record = self._record
        return self

    def __exit__(self, *exception: object) -> None:
        CURRENT.record = self._outer.pop()
        self._record.flush()
