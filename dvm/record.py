"""What lazy arrays have recorded: nodes, and their way to kernels when a value is needed.

A `Node` is one primitive operation on other nodes, or a value that exists. A `Record` has the nodes of a thread that are
not computed yet. Its flush drops those whose arrays are gone, finds the program for what is left, and launches it.

Programs are found by structure: the operations, how they hang together, and which dims are alike. Sizes are no part of
it, nor, from the third time on, are the numbers in it: they become arguments. So a structure seen before costs no
compilation, whatever its shapes; and for the same shapes as before it costs one look into a table.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from threading import Lock, RLock, local
from types import CodeType
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from dvm.primitives import PRIMITIVES, Attributes, DType, Shape
from vm.errors import DvmError, ExecutionError

if TYPE_CHECKING:
    from dvm.structure import Launch

NODE_LIMIT = 256
"""Nodes that a record takes before it is flushed."""

LAUNCH_LIMIT = 4096
"""Launches, and programs, that are remembered; the oldest go first."""

Value = npt.NDArray[Any]

Position = tuple[CodeType, int]
"""The code that recorded an operation, and the instruction in it."""


class Node:
    """An operation that is recorded, or a value. `value` is None until it is computed."""

    __slots__ = (
        "attributes", "dtype", "error", "number", "operands", "place", "primitive", "record", "shape", "shown_by", "value",
    )  # fmt: skip

    shown_by: Callable[[], Any] | None
    """A weak reference to the storage or the view that has it, if any."""
    error: DvmError | None
    value: Value | None

    def __init__(
        self,
        primitive: str,
        attributes: Attributes,
        operands: tuple[Node, ...],
        shape: Shape,
        dtype: DType,
        record: Record | None,
        place: Position | None,
    ) -> None:
        self.primitive = primitive
        self.attributes = attributes
        self.operands = operands
        self.shape = shape
        self.dtype = dtype
        self.record = record
        self.place = place
        self.value = None
        self.shown_by = None
        self.error = None


def leaf(value: Value) -> Node:
    """The node of a value that exists."""
    node = Node("leaf", (), (), value.shape, value.dtype, None, None)
    node.value = value
    return node


class Record:
    """Operations of one thread that wait. Another thread that needs one of them flushes it too, hence the lock."""

    def __init__(self) -> None:
        self.lock = RLock()
        self.nodes: list[Node] = []
        self.limit = NODE_LIMIT
        self.launches = 0
        self.compiled = 0

    def add(self, primitive: str, attributes: Attributes, operands: tuple[Node, ...], place: Position | None) -> Node:
        """Record a primitive; raises ShapeError where the shapes do not fit."""
        shape, dtype = PRIMITIVES[primitive].infer(operands, *attributes)
        return self.append(primitive, attributes, operands, shape, dtype, place)

    def append(
        self,
        primitive: str,
        attributes: Attributes,
        operands: tuple[Node, ...],
        shape: Shape,
        dtype: DType,
        place: Position | None,
    ) -> Node:
        """Record a primitive whose result is known to have this shape and element type."""
        for operand in operands:
            other = operand.record
            if other is not self and other is not None:
                other.flush()
        with self.lock:
            nodes = self.nodes
            if len(nodes) >= self.limit:
                self.flush()
                nodes = self.nodes
            node = Node(primitive, attributes, operands, shape, dtype, self, place)
            node.number = len(nodes)
            nodes.append(node)
        return node

    def flush(self) -> None:
        """Compute what arrays that are alive show, and forget the rest."""
        with self.lock:
            if not self.nodes:
                return
            shared = _shown(self.nodes)
            nodes, self.nodes = self.nodes, []
            kept, outputs = _alive(nodes, shared)
            try:
                if outputs:
                    self._run(kept, outputs)
            finally:
                for node in nodes:
                    node.operands = ()
                    node.record = None

    def _run(self, kept: list[Node], outputs: list[Node]) -> None:
        from dvm.structure import launch_of

        try:
            launch, leaves, compiled = launch_of(kept, outputs)
            self.compiled += compiled
            self.launches += 1
            values = launch.run(leaves, kept)
        except DvmError as error:
            if len(outputs) > 1:
                self._run_apart(kept, outputs)
            else:
                outputs[0].error = located(error, kept)
            return
        for node, value in zip(outputs, values, strict=True):
            node.value = value

    def _run_apart(self, kept: list[Node], outputs: list[Node]) -> None:
        """One output after the other, because some cannot be computed; those that can are."""
        for output in outputs:
            needed = {output}
            for node in reversed(kept):
                if node in needed:
                    needed.update(operand for operand in node.operands if operand.value is None)
            part = [node for node in kept if node in needed]
            for number, node in enumerate(part):
                node.number = number
            failed = next((node.error for node in part if node.error is not None), None)
            if failed is not None:
                output.error = failed
            elif output.value is None:
                self._run(part, [output])


def _shown(nodes: Sequence[Node]) -> set[Node]:
    """The nodes that must be computed because storages or views have them.

    Not those of a storage that only one view can see, which takes it over, nor of a view that can be made of what its
    storage will have. (Taking over may record more nodes, so this comes first.)
    """
    found: set[Node] = set()
    for node in tuple(nodes):
        holder = node.shown_by() if node.shown_by is not None else None
        if holder is not None and holder.is_needed():
            found.add(node)
    return found


def _alive(nodes: Sequence[Node], shown: set[Node]) -> tuple[list[Node], list[Node]]:
    """The nodes that something alive needs, numbered anew, and those of them that are results."""
    needed = [False] * len(nodes)
    outputs: list[Node] = []
    kept: list[Node] = []
    for number in range(len(nodes) - 1, -1, -1):
        node = nodes[number]
        if node in shown:
            outputs.append(node)
        elif not needed[number]:
            continue
        kept.append(node)
        for operand in node.operands:
            if operand.value is None:
                needed[operand.number] = True
    kept.reverse()
    outputs.reverse()
    for number, node in enumerate(kept):
        node.number = number
    return kept, outputs


def line_of(place: Position | None) -> str:
    """The file and line of a position."""
    if place is None:
        return "?"
    code, instruction = place
    line = next((line for start, end, line in code.co_lines() if start <= instruction < end and line), 0)
    return f"{code.co_filename}:{line}"


def located(error: DvmError, kept: Sequence[Node]) -> DvmError:
    """An error of a program with the lines that recorded its operations, in place of their numbers."""
    text = str(error)
    for number in range(len(kept) - 1, -1, -1):
        text = text.replace(f"{RECORDED}:{number}", line_of(kept[number].place))
    return type(error)(text)


RECORDED = "<recorded>"
"""The file that operations of recorded programs are said to be in; their line is the number of their node."""


def value_of(node: Node) -> Value:
    """The elements of a node, computed now if they are not yet. Raises what computing them raises."""
    if node.value is None:
        record = node.record
        if record is not None:
            record.flush()
        if node.value is None:
            raise node.error or ExecutionError("the value was given up with the record that it was in")
    return node.value


def position(depth: int) -> Position:
    """Where the code stands that called, `depth` frames above this function's caller, or above all of DVM."""
    frame = sys._getframe(depth + 1)
    return frame.f_code, frame.f_lasti


class _Current(local):
    """The record of a thread."""

    def __init__(self) -> None:
        self.record = Record()


CURRENT = _Current()

BOUNDED = Lock()
"""Held while tables of bounded size change."""


def remember(table: dict[Any, Launch] | dict[Any, Any], key: Any, value: Any) -> None:
    """Put an entry into a table, and the oldest out where it is full."""
    with BOUNDED:
        if len(table) >= LAUNCH_LIMIT:
            del table[next(iter(table))]
        table[key] = value
