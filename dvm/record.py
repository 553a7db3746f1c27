"""What lazy arrays have recorded: nodes, and their way to kernels when a value is needed.

A `Node` is one primitive operation on other nodes, or a value that exists. A `Record` has the nodes of a thread that are
not computed yet. Its flush drops those whose arrays are gone, finds the program for what is left, and launches it.

Programs are found by structure: the operations, how they hang together, and which dims are alike. Sizes are no part of
it, nor, from the third time on, are the numbers in it: they become arguments. So a structure seen before costs no
compilation, whatever its shapes; and for the same shapes as before it costs one look into a table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import compress
from threading import Lock, RLock, local
from types import CodeType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dvm.primitives import PRIMITIVES, Attributes, DType, Shape
from dvm.repetition import Repetition
from vm.errors import DvmError, ExecutionError

if TYPE_CHECKING:
    from dvm.structure import Launch

NODE_LIMIT = 256
"""Nodes that a record takes before it is cut (see `dvm.repetition`), and those before the cut are flushed."""

LAUNCH_LIMIT = 4096
"""Launches, and programs, that are remembered; the oldest go first."""

Value = npt.NDArray[Any]

Position = tuple[CodeType, int]
"""The code that recorded an operation, and the instruction in it."""

Step = tuple[str, Attributes, tuple[int, ...], Shape, DType]
"""A primitive with its attributes; its operands, by their numbers among nodes that are given and the steps before it; its result."""


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


_GONE = Node("gone", (), (), (), np.dtype(bool), None, None)
"""Stands in a record where a node was that nobody can see any more."""


class Record:
    """Operations of one thread that wait. Another thread that needs one of them flushes it too, hence the lock."""

    def __init__(self) -> None:
        self.lock = RLock()
        self.nodes: list[Node] = []
        self.limit = NODE_LIMIT
        self.launches = 0
        self.compiled = 0
        self._repetition = Repetition()

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
        with self.lock:
            if len(self.nodes) >= self.limit:
                self._flush(self._repetition.cut(self.nodes), operands)
            for operand in operands:
                if operand.record is not self and operand.value is None:
                    break
            else:
                node = Node(primitive, attributes, operands, shape, dtype, self, place)
                node.number = len(self.nodes)
                self.nodes.append(node)
                return node
        value_of(operand)  # of another record: without the lock, for its thread may wait for this one
        return self.append(primitive, attributes, operands, shape, dtype, place)

    def extend(self, steps: Sequence[Step], given: Sequence[Node]) -> list[Node]:
        """Record several primitives. Returns the nodes given and those of the steps."""
        nodes = list(given)
        with self.lock:
            recorded = self.nodes
            fits = len(recorded) + len(steps) <= self.limit
            if fits and all(node.record is self or node.value is not None for node in given):
                for primitive, attributes, operands, shape, dtype in steps:
                    chosen = tuple([nodes[number] for number in operands])
                    node = Node(primitive, attributes, chosen, shape, dtype, self, None)
                    node.number = len(recorded)
                    recorded.append(node)
                    nodes.append(node)
                return nodes
        for primitive, attributes, operands, shape, dtype in steps:
            chosen = tuple([nodes[number] for number in operands])
            nodes.append(self.append(primitive, attributes, chosen, shape, dtype, None))
        return nodes

    def flush(self, wanted: Sequence[Node] = ()) -> None:
        """Compute what arrays that are alive show, and what is wanted; forget the rest."""
        with self.lock:
            if self.nodes:
                self._repetition.forget()
                self._flush(len(self.nodes), wanted)

    def _flush(self, count: int, wanted: Sequence[Node]) -> None:
        """Do so for the first nodes. Those of the others that are needed stay in their places."""
        shown, settled = _shown(self.nodes)
        shown.update([node for node in wanted if node.record is self])
        needed = _needed(self.nodes, [*shown, *[node for _, node in settled if node.number >= count]])
        settled = [(view, node) for view, node in settled if node.number < count]
        first, others = self.nodes[:count], self.nodes[count:]
        kept = _numbered(list(compress(first, needed)))
        rest = _numbered([node if stays else _GONE for node, stays in zip(others, needed[count:], strict=True)])
        shown.update([operand for node in rest for operand in node.operands])
        outputs = [node for node in kept if node in shown]
        self.nodes = rest
        try:
            if outputs:
                self._run(kept, outputs)
            for view, node in settled:
                view.settle(node)
        finally:
            for node in first:
                node.record = None
            for node, staying in zip(others, rest, strict=True):
                if node is not staying:
                    node.record = None
            for node in outputs:
                if node.value is not None or node.error is not None:
                    node.operands = ()
            self._drop_dependents()

    def _drop_dependents(self) -> None:
        """Drop the nodes that need one which could not be computed."""
        for number, node in enumerate(self.nodes):
            for operand in node.operands:
                if operand.value is None and operand.record is None:
                    node.error = operand.error
                    node.record = None
                    self.nodes[number] = _GONE
                    break

    def _run(self, kept: list[Node], outputs: list[Node]) -> None:
        from dvm.structure import launch_of

        try:
            launch, leaves, compiled = launch_of(kept, outputs)
            self.compiled += compiled
            self.launches += 1
            values = self._launch(launch, leaves, kept, outputs)
        except DvmError as error:
            if len(outputs) > 1:
                self._run_apart(kept, outputs)
            else:
                outputs[0].error = located(error, kept)
            return
        for node, value in zip(outputs, values, strict=True):
            node.value = value

    def _launch(self, launch: Launch, leaves: list[Node], kept: list[Node], outputs: list[Node]) -> list[Value]:
        """The values of the outputs."""
        return launch.run(leaves, kept)

    def _run_apart(self, kept: list[Node], outputs: list[Node]) -> None:
        """One output after the other, because some cannot be computed; those that can are."""
        for output in outputs:
            needed = {output}
            for node in reversed(kept):
                if node in needed:
                    needed.update(operand for operand in node.operands if operand.value is None)
            part = [node for node in kept if node in needed]
            _numbered(part)
            failed = next((node.error for node in part if node.error is not None), None)
            if failed is not None:
                output.error = failed
            elif output.value is None:
                self._run(part, [output])


def _shown(nodes: Sequence[Node]) -> tuple[set[Node], list[tuple[Any, Node]]]:
    """The nodes that must be computed because storages have them, and the views whose nodes follow from those."""
    found: set[Node] = set()
    settled: list[tuple[Any, Node]] = []
    for node in nodes:
        holder = node.shown_by() if node.shown_by is not None else None
        if holder is not None:
            if holder.is_needed():
                found.add(node)
            elif holder.shows(node):
                settled.append((holder, node))
    return found, settled


def _needed(nodes: Sequence[Node], roots: Iterable[Node]) -> list[bool]:
    """For each node whether it is one of the roots, or one of them needs it."""
    needed = [False] * len(nodes)
    for node in roots:
        needed[node.number] = True
    for number in range(len(nodes) - 1, -1, -1):
        if needed[number]:
            for operand in nodes[number].operands:
                if operand.value is None:
                    needed[operand.number] = True
    return needed


def _numbered(nodes: list[Node]) -> list[Node]:
    """The nodes with the numbers of their places."""
    for number, node in enumerate(nodes):
        node.number = number
    return nodes


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
            record.flush((node,))
        if node.value is None and node.error is None:
            with _RECOVERING:
                _recover(node)
        if node.value is None:
            raise node.error or ExecutionError("the value could not be computed")
    return node.value


_RECOVERING = Lock()


def _recover(node: Node) -> None:
    """Compute a node that a flush has dropped, because no array had it while a thread was about to use it."""
    record = Record()
    waiting = [node]
    while waiting:
        last = waiting[-1]
        missing = [operand for operand in last.operands if operand.value is None and operand.record is not record]
        for operand in missing:
            if operand.record is not None:
                operand.record.flush((operand,))
        missing = [operand for operand in missing if operand.value is None and operand.error is None]
        if missing:
            waiting += missing
            continue
        waiting.pop()
        failed = next((operand.error for operand in last.operands if operand.error is not None), None)
        if failed is not None:
            node.error = failed
            return
        if last.value is None and last.record is None:
            last.record = record
            last.number = len(record.nodes)
            record.nodes.append(last)
    record.flush((node,))


class _Current(local):
    """The record of a thread."""

    def __init__(self) -> None:
        self.record = Record()
        self.records = [self.record]
        """With those of the blocks under `lazy` that have been entered; the last one is the record."""


CURRENT = _Current()

BOUNDED = Lock()
"""Held while tables of bounded size change."""


def remember(table: dict[Any, Launch] | dict[Any, Any], key: Any, value: Any) -> None:
    """Put an entry into a table, and the oldest out where it is full."""
    with BOUNDED:
        if len(table) >= LAUNCH_LIMIT:
            del table[next(iter(table))]
        table[key] = value


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

    @property
    def launches(self) -> int:
        """Launches of programs so far."""
        return self._record.launches

    @property
    def compiled(self) -> int:
        """Programs compiled so far, because their structure had not been seen before."""
        return self._record.compiled

    def __enter__(self) -> lazy:
        CURRENT.records.append(self._record)
        CURRENT.record = self._record
        return self

    def __exit__(self, *exception: object) -> None:
        records = CURRENT.records
        for place in range(len(records) - 1, 0, -1):  # generators leave their blocks in any order, and in any thread
            if records[place] is self._record:
                del records[place]
                break
        CURRENT.record = records[-1]
        self._record.flush()
