"""What lazy arrays show: a `Storage` for each array that owns elements, a `View` for each that shows those of another.

A storage has the node (`dvm.record`) of the elements as they are now. A view has the steps that lead from there to what it
shows, and reads through them, so that each array sees what is written to any. Writing never changes a value that others
may have: the storage gets another node.
"""

from __future__ import annotations

import sys
from typing import Any, cast
from weakref import ref

import numpy as np

from dvm.primitives import MAX_RANK, Attributes, Shape
from dvm.record import CURRENT, Node, Position, Value, leaf, value_of

VIEWS = frozenset({"reshape", "transpose", "slice", "broadcast"})
"""The primitives whose results are views, as NumPy's are."""

Step = tuple[str, Attributes, Position | None]
"""One of `VIEWS`, with its attributes and the code that asked for it; or what only NumPy has: "index", and "strided", whose
attributes are the first element, the shape, and the strides in elements, of what is in row-major order."""


class Storage:
    """The elements of an array that owns them, as they are now.

    `owner` is that array, once there are `views` of it; before, nothing else holds the storage. Where owner and other views
    are gone the one view left takes the elements over: then the first `skip` steps of views are done already.
    """

    __slots__ = ("__weakref__", "node", "owner", "skip", "views")

    owner: ref[Any] | None
    views: list[ref[View]]

    def __init__(self, node: Node) -> None:
        self.node = node
        self.owner = None
        self.views = []
        self.skip = 0
        node.shown_by = ref(self)

    def show(self, node: Node) -> None:
        """Have another node from now on, which no other storage has."""
        self.node.shown_by = None
        self.node = node
        node.shown_by = ref(self)

    def shows(self, node: Node) -> bool:
        """Whether the node is what it has now, not what it had before."""
        return self.node is node

    def is_needed(self) -> bool:
        """Whether the elements can be seen other than by one view alone, which else takes over."""
        view = self.sole_view()
        if view is None or not view.is_current():
            return True
        self.take_over(view)
        return False

    def sole_view(self) -> View | None:
        """The view that alone shows the elements, or some of them, if there is one."""
        if self.owner is None or self.owner() is not None:
            return None
        views = [view for view in (reference() for reference in self.views) if view is not None]
        return views[0] if len(views) == 1 else None

    def take_over(self, view: View) -> None:
        """Have from now on what the sole view shows. (Another thread that reads the node then finds `skip` to be right.)"""
        node = view.node
        self.skip = len(view.steps)
        self.owner = None
        self.show(node)
        view.has_taken_over(node)

    def elements_in_order(self) -> Value:
        """The elements, computed now if they are not yet, in row-major order, to be read."""
        value = value_of(self.node)
        if not value.flags.c_contiguous:
            value = self.node.value = np.ascontiguousarray(value)
        return value

    def elements_to_write(self) -> Value:
        """The elements, to be written: where they are if nobody else has them, else a copy."""
        value_of(self.node)
        for reference in self.views:
            view = reference()
            if view is not None:
                view.forget()
        alone = _holders(self) == _ALONE
        value = value_of(self.node)
        flags = value.flags
        return (
            value if alone and flags.writeable and flags.owndata and flags.c_contiguous else np.array(value, order="C")
        )


class Scalar(Storage):
    """What has no dims because an operation gave it so: a scalar in NumPy, which operators in place leave as it is."""

    __slots__ = ()


class View:
    """How an array shows elements of another."""

    __slots__ = ("__weakref__", "_node", "_seen", "shape", "steps", "storage", "strides", "writable")

    def __init__(
        self, storage: Storage, steps: tuple[Step, ...], strides: tuple[int, ...], node: Node, *, writable: bool
    ) -> None:
        self.storage = storage
        self.steps = steps
        self.strides = strides
        """As NumPy has them, in bytes: they decide which shapes it can be given without a copy."""
        self.writable = writable
        self.shape: Shape = node.shape
        self._node: Node | None = node
        self._seen: Node | None = storage.node
        """The node of the storage for which `_node` was made."""
        node.shown_by = ref(self)

    @property
    def node(self) -> Node:
        """The node that shows it: as it was, unless the storage has another since."""
        storage = self.storage
        base, node = storage.node, self._node
        if node is None or base is not self._seen:
            node = base
            for step in self.steps[storage.skip :]:
                node = part_of(node, *step)
            if node is not base:
                node.shown_by = ref(self)
            self._node, self._seen = node, base
        return node

    def shows(self, node: Node) -> bool:
        """Whether the node is what it shows now, not what it showed before."""
        return self._node is node and self.is_current()

    def is_current(self) -> bool:
        """Whether the node that it has is what it shows."""
        return self._node is not None and self._seen is self.storage.node

    def has_taken_over(self, node: Node) -> None:
        """The storage has this node of the view now."""
        self._node = self._seen = node

    def forget(self) -> None:
        """Have no elements, which are about to be written."""
        self._node = self._seen = None

    def is_needed(self) -> bool:
        """Whether the node must be computed: never, for the storage has the elements, or the view's own (`Storage`)."""
        return False

    def settle(self, node: Node) -> None:
        """Take what a node of the view shows from the storage, which has been computed."""
        base = self.storage.node
        if not self.shows(node):
            return
        node.error = base.error
        if base.value is not None and node.value is None:
            node.value = self.of(base.value)

    def of(self, elements: Value) -> Value:
        """The part of a storage's elements that the view shows, in the same memory."""
        for primitive, attributes, _ in self.steps[self.storage.skip :]:
            elements = view_of(elements, primitive, attributes)
        return elements


def _holders(storage: Storage) -> tuple[int, int]:
    """How many have the value, and the node, of a storage."""
    node = storage.node
    value = node.value
    return sys.getrefcount(value), sys.getrefcount(node)


_ALONE = _holders(Storage(leaf(np.empty(1))))
"""What `_holders` says where nobody else has them, which depends on the version of Python."""


def part_of(base: Node, primitive: str, attributes: Attributes, place: Position | None) -> Node:
    """The node of a view: the same memory where the elements exist, else an operation."""
    if primitive not in VIEWS or len(attributes[0]) > MAX_RANK:
        value_of(base)
    if base.value is not None:
        return leaf(view_of(base.value, primitive, attributes))
    return CURRENT.record.add(primitive, attributes, (base,), place)


def place_in(elements: Value, part: Value) -> Attributes | None:
    """The attributes of the step "strided" that leads to a part of elements in row-major order; None if it is no part."""
    if part.dtype != elements.dtype or not part.size or not np.may_share_memory(elements, part):
        return None
    first, rest = divmod(part.__array_interface__["data"][0] - elements.__array_interface__["data"][0], part.itemsize)
    steps = [divmod(stride, part.itemsize) for stride in part.strides]
    lowest = first + sum(min(0, step) * (size - 1) for (step, _), size in zip(steps, part.shape, strict=True))
    highest = first + sum(max(0, step) * (size - 1) for (step, _), size in zip(steps, part.shape, strict=True))
    if rest or any(rest for _, rest in steps) or lowest < 0 or highest >= elements.size:
        return None
    return first, part.shape, tuple([step for step, _ in steps])


def strides_of(node: Node) -> tuple[int, ...]:
    """The strides in bytes that the elements of an array have, which are in row-major order wherever they are written."""
    strides: list[int] = []
    step: int = node.dtype.itemsize
    for size in reversed(node.shape):
        strides.append(step)
        step *= size
    return tuple(reversed(strides))


def strides_after(
    shape: Shape, strides: tuple[int, ...], itemsize: int, primitive: str, attributes: Attributes, result: Shape
) -> tuple[int, ...] | None:
    """The strides of a view of what has some; None where NumPy would copy."""
    if primitive == "transpose":
        return tuple([strides[axis] for axis in cast(Shape, attributes[0])])
    if primitive == "slice":
        return tuple([stride * step for stride, step in zip(strides, cast(Shape, attributes[2]), strict=True)])
    nothing = np.lib.stride_tricks.as_strided(np.empty(1, f"V{itemsize}"), shape, strides)
    if primitive == "reshape":
        try:
            return nothing.reshape(result, copy=False).strides
        except ValueError:
            return None
    return view_of(nothing, primitive, attributes).strides


def view_of(value: Value, primitive: str, attributes: Attributes) -> Value:
    """NumPy's view for a primitive; a reshape of what is not contiguous may be a copy, as it is in NumPy."""
    if primitive == "reshape":
        return value.reshape(attributes[0])
    if primitive == "transpose":
        return value.transpose(attributes[0])
    if primitive == "broadcast":
        return np.broadcast_to(value, attributes[0])
    if primitive == "strided":
        first, shape, strides = attributes
        elements = np.ascontiguousarray(value).reshape(-1)[first:]
        return np.lib.stride_tricks.as_strided(elements, shape, [step * value.itemsize for step in strides])
    if primitive == "index":
        parts: tuple[Any, ...] = attributes[0]
        return value[tuple(slice(*cast(Any, part)) if isinstance(part, tuple) else part for part in parts)]
    starts, sizes, steps = attributes
    return value[
        tuple(
            slice(start, dim if size == -1 else start + size * step, step)
            for dim, start, size, step in zip(value.shape, starts, sizes, steps, strict=True)
        )
    ]
