"""What lowerings have recorded, to be recorded again without them.

A lowering sees of its operands nothing but shapes and element types. So what it records for some of these it records for all operands
of the same, with the same numbers beside them; finding it takes a tenth of the time of making it.

What a uniform lowering (see `table`) records is known for other sizes too: there are templates in which those stand for themselves where
they are 0, 1 or a number of the call, and else have numbers, the same ones where they are equal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch

from dvm.frontends.torch.elements import TENSORS, is_plain
from dvm.frontends.torch.table import UNIFORM, Lowering
from dvm.primitives import Shape
from dvm.record import Node, Record, Step

LIMIT = 4096
"""How many templates are kept; where there are more, all are forgotten."""

_PLAIN = {int, bool, str, type(None), torch.dtype, torch.memory_format, torch.device, torch.layout}
"""Types of values that are all they look like."""

_WITHOUT_SIZES = {
    "unary", "binary", "binary_scalar", "select", "cast", "copy", "reduce", "transpose", "matmul", "softmax", "layer_norm",
    "rms_norm", "gelu",
}  # fmt: skip
"""Primitives that have no sizes among their attributes, and only sizes of their operands, and 1, in what they give."""


class Template(NamedTuple):
    """The steps of a lowering, and the numbers of the nodes that are its results; of one alone if it `is_single`."""

    steps: tuple[Step, ...]
    results: tuple[int, ...]
    is_single: bool

    def record(self, record: Record, given: Sequence[Node]) -> list[Node]:
        """Record the steps for other nodes; returns the results."""
        nodes = record.extend(self.steps, given)
        return [nodes[number] for number in self.results]

    def with_shapes(self, shape_of: Callable[[Shape], Shape]) -> Template:
        """The same with other shapes."""
        steps = [(*step[:3], shape_of(step[3]), step[4]) for step in self.steps]
        return self._replace(steps=tuple(steps))


class Call:
    """A call of a lowering: its tensors, their nodes in the same order, and all else that decides on what it records."""

    __slots__ = ("_is_known", "_lowering", "_node_of", "_parts", "is_readable", "is_worth_it", "nodes", "tensors")

    def __init__(
        self, lowering: Lowering, args: Sequence[Any], options: dict[str, Any], node_of: Callable[[torch.Tensor], Node]
    ) -> None:
        self.tensors: list[torch.Tensor] = []
        self.nodes: list[Node] = []
        self._lowering = lowering
        self._node_of = node_of
        self._parts: list[Any] = [lowering, torch.get_default_dtype()]
        self._is_known = True
        """Whether all that there is to the arguments is in the parts of the key."""
        self.is_worth_it = False
        """Whether to record it: single numbers that are there are computed with at once, as a loop's counters are."""
        self.is_readable = self._read(args)
        """Whether DVM can read all tensors."""
        for name, value in options.items():
            self._parts.append(name)
            self.is_readable = self.is_readable and self._read((value,))

    def _read(self, values: Sequence[Any]) -> bool:
        parts = self._parts
        for value in values:
            kind = type(value)
            if kind in TENSORS:
                if not is_plain(value):
                    return False
                node = self._node_of(value)
                if node.value is None or node.value.size > 1:
                    self.is_worth_it = True
                parts += (node.shape, node.dtype)
                if node in self.nodes:
                    parts.append(self.nodes.index(node))  # a lowering may do something else with two that are one
                self.tensors.append(value)
                self.nodes.append(node)
            elif kind in _PLAIN:
                parts += (kind, value)
            elif kind is float:
                parts.append(value.hex())  # that tells 0.0 from -0.0
            elif kind is list:
                parts += (kind, len(value))
                if not self._read(value):
                    return False
            elif isinstance(value, torch.Tensor):
                return False
            else:
                self._is_known = self._is_known and _add(value, parts)
        return True

    def find(self) -> Template | None:
        """The template for the call, if there is one."""
        if not self._is_known:
            return None
        key = tuple(self._parts)
        found = _TEMPLATES.get(key)
        if found is None and self._lowering in UNIFORM:
            pattern, numbers = self._pattern()
            general = _TEMPLATES.get(pattern)
            if general is not None:
                sizes = {number: size for size, number in numbers.items()}
                found = general.with_shapes(lambda shape: tuple([sizes.get(size, size) for size in shape]))
                _remember(key, found)
        return found

    def _pattern(self) -> tuple[Any, dict[int, int]]:
        """The key with negative numbers in place of sizes, and these numbers."""
        fixed = {part for part in self._parts if type(part) is int}
        numbers: dict[int, int] = {}
        pattern: list[Any] = []
        for part in self._parts:
            if type(part) is tuple:  # the shape of an operand
                for size in part:
                    if size > 1 and size not in fixed and size not in numbers:
                        numbers[size] = -1 - len(numbers)
                pattern.append(tuple([numbers.get(size, size) for size in part]))
            else:
                pattern.append(part)
        return tuple(pattern), numbers

    def learn(self, made: Sequence[Node], results: Sequence[Any], *, is_single: bool) -> None:
        """Remember what the call recorded, where that follows from its key."""
        numbers = {node: number for number, node in enumerate([*self.nodes, *made])}
        read = [operand for node in made for operand in node.operands]
        if (
            not self._is_known
            or any(getattr(result, "node", None) not in numbers for result in results)
            or any(node not in numbers for node in read)
        ):
            return
        steps = [
            (node.primitive, node.attributes, tuple([numbers[one] for one in node.operands]), node.shape, node.dtype)
            for node in made
        ]
        found = Template(tuple(steps), tuple([numbers[one.node] for one in results]), is_single)
        _remember(tuple(self._parts), found)
        if self._lowering in UNIFORM and all(node.primitive in _WITHOUT_SIZES for node in made):
            pattern, sizes = self._pattern()
            _remember(pattern, found.with_shapes(lambda shape: tuple([sizes.get(size, size) for size in shape])))


def _remember(key: Any, template: Template) -> None:
    if len(_TEMPLATES) >= LIMIT:
        _TEMPLATES.clear()
    _TEMPLATES[key] = template


def _add(value: Any, parts: list[Any]) -> bool:
    """Add a value that has no tensors to the parts of a key; False where there may be more to it than can be told."""
    if type(value) is not tuple or any(type(one) not in _PLAIN for one in value):
        return False
    parts += (tuple, len(value))
    for one in value:
        parts += (type(one), one)
    return True


_TEMPLATES: dict[Any, Template] = {}
