"""From recorded nodes to the launch of a program: what is remembered by structure, and how a structure is compiled.

Two tables. The first knows launches by all there is to a record: operations, numbers and shapes. The second knows programs
by structure, in which sizes are symbols: two dims have the same symbol where they have the same size here, and sizes of
0 and 1 stay numbers. A program of a structure therefore fits every record that has that structure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np

from dvm.primitives import PRIMITIVES, DType
from dvm.program import default_device
from dvm.record import RECORDED, Node, Value, remember
from vm.machine import Machine

NUMBERS_KNOWN = 2
"""Programs of one structure with different numbers in them, before the numbers become arguments."""

Key = tuple[Any, ...]


@dataclass(frozen=True)
class Launch:
    """A program for a record, and the nodes whose number it takes as an argument."""

    machine: Machine
    numbers: tuple[int, ...]

    def run(self, leaves: Sequence[Node], nodes: Sequence[Node]) -> list[Value]:
        """The values of the outputs."""
        arguments: list[Any] = [node.value for node in leaves]
        for number in self.numbers:
            node = nodes[number]
            arguments.append(_scalar(node.attributes[1], node.operands[0].dtype))
        return self.machine.call(arguments)


_launches: dict[Key, Launch] = {}
_programs: dict[Key, Launch] = {}
_seen_without_numbers: dict[Key, int] = {}
_compiling = Lock()


def launch_of(nodes: Sequence[Node], outputs: Sequence[Node]) -> tuple[Launch, list[Node], int]:
    """The launch for nodes in order, the values that it takes, and how many programs were compiled for it."""
    leaves: dict[Node, int] = {}
    operations: list[Any] = []
    for node in nodes:
        references: list[int] = []
        for operand in node.operands:
            if operand.value is None:
                references.append(operand.number)
            else:
                number = leaves.get(operand)
                if number is None:
                    number = leaves[operand] = -1 - len(leaves)
                references.append(number)
        operations.append((node.primitive, node.attributes, *references))
    shapes = [(node.shape, node.dtype) for node in leaves]
    key = (tuple(operations), tuple(shapes), tuple([node.number for node in outputs]))
    found = _launches.get(key)
    compiled = 0
    if found is None:
        with _compiling:
            found, compiled = _of_structure(_Structure(nodes, list(leaves), outputs))
        remember(_launches, key, found)
    return found, list(leaves), compiled


def _of_structure(structure: "_Structure") -> tuple[Launch, int]:
    """The launch for a structure, from the table or compiled now."""
    exact = structure.key(with_numbers=True)
    found = _programs.get(exact)
    if found is not None:
        return found, 0
    if structure.numbers:
        general = structure.key(with_numbers=False)
        known = _programs.get(general)
        if known is not None:
            return known, 0
        seen = _seen_without_numbers.get(general, 0)
        remember(_seen_without_numbers, general, seen + 1)
        if seen >= NUMBERS_KNOWN:
            found = structure.compile(with_numbers=False)
            remember(_programs, general, found)
            return found, 1
    found = structure.compile(with_numbers=True)
    remember(_programs, exact, found)
    return found, 1


class _Structure:
    """What of a record decides on its program."""

    def __init__(self, nodes: Sequence[Node], leaves: Sequence[Node], outputs: Sequence[Node]) -> None:
        self.nodes = nodes
        self.leaves = leaves
        self.outputs = outputs
        self._symbols: dict[int, str] = {}
        self.shapes = [tuple([self._declare(size) for size in leaf.shape]) for leaf in leaves]
        self.attributes = [self._symbolic(node) for node in nodes]
        self.numbers: tuple[int, ...] = tuple(
            [node.number for node in nodes if node.primitive == "binary_scalar" and node.attributes[0] != "Pow"]
        )

    def key(self, *, with_numbers: bool) -> Key:
        """All that decides on the program."""
        numbers = {leaf: -1 - number for number, leaf in enumerate(self.leaves)}
        operations = [
            (
                node.primitive,
                attributes if with_numbers or node.number not in self.numbers else (attributes[0], attributes[2]),
                *[operand.number if operand.value is None else numbers[operand] for operand in node.operands],
            )
            for node, attributes in zip(self.nodes, self.attributes, strict=True)
        ]
        dtypes = [leaf.dtype for leaf in self.leaves]
        return (with_numbers, *operations, *self.shapes, *dtypes, *[node.number for node in self.outputs])

    def compile(self, *, with_numbers: bool) -> Launch:
        """The program of this structure."""
        from dvm.building import GraphBuilder
        from dvm.compiler import compile_module

        builder = GraphBuilder("recorded")
        values = {
            leaf: builder.argument(f"x{number}", leaf.dtype, shape)
            for number, (leaf, shape) in enumerate(zip(self.leaves, self.shapes, strict=True))
        }
        numbers: tuple[int, ...] = () if with_numbers else self.numbers
        scalars = {
            number: builder.argument(f"c{number}", self.nodes[number].operands[0].dtype, ()) for number in numbers
        }
        for node, attributes in zip(self.nodes, self.attributes, strict=True):
            primitive, operands = node.primitive, [values[operand] for operand in node.operands]
            if node.number in scalars:
                kind, _, first = attributes
                operands.insert(0 if first else 1, scalars[node.number])
                primitive, attributes = "binary", (kind,)
            values[node] = builder.apply(primitive, operands, attributes, (RECORDED, node.number))
        module = builder.finish([values[node] for node in self.outputs], dict.fromkeys(self._symbols.values(), 2))
        return Launch(Machine(compile_module(module), default_device()), numbers)

    def _declare(self, size: int) -> int | str:
        """A dim of a leaf: its symbol, which all dims of that size share."""
        if size < 2:
            return size
        found = self._symbols.get(size)
        if found is None:
            found = self._symbols[size] = f"s{len(self._symbols)}"
        return found

    def _symbolic(self, node: Node) -> tuple[Any, ...]:
        """The attributes of a node with symbols for the sizes that leaves have.

        In a reshape the one size that no leaf has is what remains of the elements.
        """
        at = PRIMITIVES[node.primitive].shapes
        if not at:
            return node.attributes if node.primitive != "slice" else _to_the_end(node)
        attributes = list(node.attributes)
        for position in at:
            sizes: tuple[int, ...] = attributes[position]
            named: list[int | str] = [self._symbols.get(size) or size for size in sizes]
            unknown = [axis for axis, size in enumerate(named) if isinstance(size, int) and size > 1]
            if node.primitive == "reshape" and len(unknown) == 1 and -1 not in sizes and 0 not in node.shape:
                named[unknown[0]] = -1
            attributes[position] = tuple(named)
        return tuple(attributes)


def _to_the_end(node: Node) -> tuple[Any, ...]:
    """The attributes of a slice, with -1 for the sizes that go up to the end."""
    starts, sizes, steps = node.attributes
    ends = [
        -1 if size > 1 and size == -((start - dim) // step) else size
        for dim, start, size, step in zip(node.operands[0].shape, starts, sizes, steps, strict=True)
    ]
    return starts, tuple(ends), steps


def _scalar(literal: int | str, dtype: DType) -> Value:
    """A number of an operation as an array without dims."""
    from dvm.building import number

    return np.array(number(literal), dtype)
