"""What lowerings have recorded, to be recorded again without them.

A lowering sees of its operands nothing but shapes and element types. So what it records for some of these it records for all operands
of the same, with the same numbers beside them; finding it takes a tenth of the time of making it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch

from dvm.frontends.torch.table import Lowering
from dvm.primitives import Attributes, DType, Shape
from dvm.record import Node, Record

LIMIT = 4096
"""How many templates are kept; where there are more, all are forgotten."""

_PLAIN = {int, bool, str, type(None), torch.dtype, torch.memory_format, torch.device, torch.layout}
"""Types of values that are all they look like."""


class Step(NamedTuple):
    """A primitive. `operands` are numbers of the nodes given, and after these of the steps."""

    primitive: str
    attributes: Attributes
    operands: tuple[int, ...]
    shape: Shape
    dtype: DType


class Template(NamedTuple):
    """The steps of a lowering, and the numbers of the nodes that are its results; of one alone if it `is_single`."""

    steps: tuple[Step, ...]
    results: tuple[int, ...]
    is_single: bool

    def record(self, record: Record, given: Sequence[Node]) -> list[Node]:
        """Record the steps for other nodes; returns the results."""
        nodes = list(given)
        for primitive, attributes, operands, shape, dtype in self.steps:
            chosen = tuple([nodes[number] for number in operands])
            nodes.append(record.append(primitive, attributes, chosen, shape, dtype, None))
        return [nodes[number] for number in self.results]


class Call:
    """A call of a lowering: the nodes of its operands, and all else that decides on what it records."""

    def __init__(self, lowering: Lowering, given: Sequence[Any], named: dict[str, Any]) -> None:
        self.nodes: list[Node] = []
        parts: list[Any] = [lowering, torch.get_default_dtype()]
        known = self._add(given, parts)
        for name, value in named.items():
            parts.append(name)
            known = known and self._add((value,), parts)
        self.key = tuple(parts) if known else None
        """None where there may be more to the arguments than can be told from a key."""

    def _add(self, values: Sequence[Any], parts: list[Any]) -> bool:
        for value in values:
            kind = type(value)
            if kind in _PLAIN:
                parts += (kind, value)
            elif kind is float:
                parts.append(value.hex())  # that tells 0.0 from -0.0
            elif kind is list or kind is tuple:
                parts += (kind, len(value))
                if not self._add(value, parts):
                    return False
            elif hasattr(value, "node"):
                node = value.node
                self.nodes.append(node)
                parts += (node.shape, node.dtype)
            else:
                return False
        return True

    def find(self) -> Template | None:
        """The template for the call, if there is one."""
        return _TEMPLATES.get(self.key) if self.key is not None else None

    def learn(self, made: Sequence[Node], results: Sequence[Any], *, is_single: bool) -> None:
        """Remember what the call recorded, where that follows from its key."""
        numbers = {node: number for number, node in enumerate([*self.nodes, *made])}
        read = [operand for node in made for operand in node.operands]
        if (
            self.key is None
            or len(numbers)
            != len(self.nodes) + len(made)  # of two operands that are one it cannot be told which was meant
            or any(getattr(result, "node", None) not in numbers for result in results)
            or any(node not in numbers for node in read)
        ):
            return
        steps = [
            Step(
                node.primitive, node.attributes, tuple([numbers[one] for one in node.operands]), node.shape, node.dtype
            )
            for node in made
        ]
        if len(_TEMPLATES) >= LIMIT:
            _TEMPLATES.clear()
        _TEMPLATES[self.key] = Template(tuple(steps), tuple([numbers[one.node] for one in results]), is_single)


_TEMPLATES: dict[Any, Template] = {}
