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

from dvm.cache import cached
from dvm.primitives import PRIMITIVES, number
from dvm.program import default_device
from dvm.record import RECORDED, Node, Value, remember
from vm.machine import Machine
from vm.program import Program

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
        for node in (nodes[at] for at in self.numbers):
            arguments.append(np.array(number(node.attributes[1]), node.operands[0].dtype))
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
            found = structure.launch(general, with_numbers=False)
            remember(_programs, general, found)
            return found, 1
    found = structure.launch(exact, with_numbers=True)
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
        self.numbers = tuple(
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

    def launch(self, key: Key, *, with_numbers: bool) -> Launch:
        """The launch of this structure, whose key is given; its program comes from the cache on disk if that has it."""
        program = cached(lambda: f"recorded {key!r}", lambda: self._compile(with_numbers=with_numbers))
        return Launch(Machine(program, default_device()), () if with_numbers else self.numbers)

    def _compile(self, *, with_numbers: bool) -> Program:
        from dvm.building import GraphBuilder
        from dvm.compiler import compile_module

        builder = GraphBuilder("recorded")
        values = {
            leaf: builder.argument(f"x{number}", leaf.dtype, shape)
            for number, (leaf, shape) in enumerate(zip(self.leaves, self.shapes, strict=True))
        }
        numbers = () if with_numbers else self.numbers
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
        bounds = dict.fromkeys(self._symbols.values(), 2)
        return compile_module(builder.finish([values[node] for node in self.outputs], bounds))

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
        if node.primitive == "slice":
            return self._symbolic_slice(node)
        at = PRIMITIVES[node.primitive].shapes
        if not at:
            return node.attributes
        attributes = list(node.attributes)
        for position in at:
            sizes = attributes[position]
            named = [self._symbols.get(size, size) for size in sizes]
            unknown = [axis for axis, size in enumerate(named) if isinstance(size, int) and size > 1]
            if node.primitive == "reshape" and len(unknown) == 1 and -1 not in sizes and 0 not in node.shape:
                named[unknown[0]] = -1
            attributes[position] = tuple(named)
        return tuple(attributes)

    def _symbolic_slice(self, node: Node) -> tuple[Any, ...]:
        """The attributes of a slice, its ends counted from that end of each dim which is nearer."""
        starts, sizes, steps = (list(attribute) for attribute in node.attributes)
        for axis, (dim, start, size, step) in enumerate(zip(node.operands[0].shape, starts, sizes, steps, strict=True)):
            symbol = self._symbols.get(dim)
            if symbol is None or size == 0:
                continue
            stop = start + (size - 1) * step + 1
            if start > dim - start:
                starts[axis] = f"{symbol} - {dim - start}"
            elif stop + step > dim:
                sizes[axis] = -1
            elif step == 1 and stop > dim - stop:
                sizes[axis] = f"{symbol} - {dim - size}"
        return tuple(starts), tuple(sizes), tuple(steps)
