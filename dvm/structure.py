"""From recorded nodes to the launch of a program: what is remembered by structure, and how a structure is compiled.

Two tables. The first knows launches by all there is to a record: operations, numbers and shapes. The second knows programs
by structure, in which sizes are symbols: two dims have the same symbol where they have the same size here, and sizes of
0 and 1 stay numbers. A program of a structure therefore fits every record that has that structure.

Numbers, and sizes that no array has (of a slice, of new arrays), are part of a program, which is better for them, until
the third record that differs in nothing else: from then on they are arguments. The sizes come as the dims of arrays that
have no memory. Exponents that the engine has a cheaper way for, such as 2, are always part of the program.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, NamedTuple

import numpy as np

from dvm.cache import cached
from dvm.primitives import PRIMITIVES, Shape, number
from dvm.program import SIZE, default_device, size_argument
from dvm.record import RECORDED, Node, Value, remember
from vm.machine import Machine
from vm.program import Program
from vm.tiles import POWERS

NUMBERS_KNOWN = 2
"""Programs of one structure with different numbers in them, before the numbers become arguments."""

LONGEST_NAME = 100
"""Characters of what names a size by others: a loop that joins or cuts would nest such names without end."""

Key = tuple[Any, ...]

Place = tuple[int, int, int]
"""Where a record has a size: the number of the node, of the attribute, and of the dim in it."""

_SIZES: dict[str, tuple[int, ...]] = {"slice": (0, 1), "pad": (0, 1)}
"""Attributes that are sizes, of primitives where it is better to know them; else those of `Primitive.shapes`."""


@dataclass(frozen=True)
class Launch:
    """A program for a record, and what of the record it takes as arguments beside the arrays."""

    machine: Machine
    numbers: tuple[int, ...] = ()
    """The nodes whose number it takes."""
    sizes: tuple[Place, ...] = ()
    """The sizes that it takes, each as the dim of an array."""

    def run(self, leaves: Sequence[Node], nodes: Sequence[Node], out: Sequence[Value] | None = None) -> list[Value]:
        """The values of the outputs, which are the arrays of `out` where that is given."""
        arguments: list[Any] = [node.value for node in leaves]
        for node in (nodes[at] for at in self.numbers):
            arguments.append(_number_of(node))
        for at, attribute, dim in self.sizes:
            arguments.append(size_argument(nodes[at].attributes[attribute][dim]))
        return self.machine.call(arguments, out)


_launches: dict[Key, Launch] = {}
_programs: dict[Key, Launch] = {}
_seen_in_general: dict[Key, int] = {}
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
                place = leaves.get(operand)
                if place is None:
                    place = leaves[operand] = -1 - len(leaves)
                references.append(place)
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
    exact = structure.key()
    found = _programs.get(exact)
    if found is not None:
        return found, 0
    general = structure.in_general()
    if general.numbers or general.sizes:
        key = general.key()
        known = _programs.get(key)
        if known is not None:
            return known, 0
        seen = _seen_in_general.get(key, 0)
        remember(_seen_in_general, key, seen + 1)
        if seen >= NUMBERS_KNOWN:
            found = general.launch(key)
            remember(_programs, key, found)
            return found, 1
    found = structure.launch(exact)
    remember(_programs, exact, found)
    return found, 1


class _Structure:
    """What of a record decides on its program; in `general`, apart from numbers and from sizes that no array has."""

    def __init__(
        self, nodes: Sequence[Node], leaves: Sequence[Node], outputs: Sequence[Node], *, general: bool = False
    ) -> None:
        self.nodes = nodes
        self.leaves = leaves
        self.outputs = outputs
        self.general = general
        self.sizes: list[Place] = []
        self._symbols: dict[int, str] = {}
        self._products: dict[int, _Product] = {}
        """What sizes that no leaf has are in terms of symbols, where a reshape, a concat or a slice has made them."""
        self._known: dict[Any, tuple[Any, ...]] = {}
        """The attributes of nodes that have sizes in them: a model does the same to the same shapes in each of its layers."""
        self.shapes = [tuple([self._declare(size) for size in leaf.shape]) for leaf in leaves]
        self.attributes = [self._symbolic(node) for node in nodes]
        self.numbers: tuple[int, ...] = tuple([node.number for node in nodes if general and _has_number(node)])

    def in_general(self) -> "_Structure":
        """The same for any numbers and sizes."""
        return _Structure(self.nodes, self.leaves, self.outputs, general=True)

    def key(self) -> Key:
        """All that decides on the program."""
        numbers = {leaf: -1 - place for place, leaf in enumerate(self.leaves)}
        taken = set(self.numbers)
        operations = [
            (
                node.primitive,
                _without_number(node.primitive, attributes) if node.number in taken else attributes,
                *[operand.number if operand.value is None else numbers[operand] for operand in node.operands],
            )
            for node, attributes in zip(self.nodes, self.attributes, strict=True)
        ]
        dtypes = [leaf.dtype for leaf in self.leaves]
        return (self.general, *operations, *self.shapes, *dtypes, *[node.number for node in self.outputs])

    def launch(self, key: Key) -> Launch:
        """The launch of this structure, whose key is given; its program comes from the cache on disk if that has it."""
        program = cached(lambda: f"recorded {key!r}", self._compile)
        return Launch(Machine(program, default_device()), self.numbers, tuple(self.sizes))

    def _compile(self) -> Program:
        from dvm.building import GraphBuilder
        from dvm.compiler import compile_module

        builder = GraphBuilder("recorded")
        values = {
            leaf: builder.argument(f"x{place}", leaf.dtype, shape)
            for place, (leaf, shape) in enumerate(zip(self.leaves, self.shapes, strict=True))
        }
        scalars = {at: builder.argument(f"c{at}", _number_of(self.nodes[at]).dtype, ()) for at in self.numbers}
        symbols = list(self._symbols.values())
        further = symbols[len(symbols) - len(self.sizes) :]
        for symbol in further:
            builder.argument(f"size_{symbol}", SIZE, (symbol,))
        for node, attributes in zip(self.nodes, self.attributes, strict=True):
            primitive, operands = node.primitive, [values[operand] for operand in node.operands]
            if node.number in scalars:
                scalar = scalars[node.number]
                if primitive == "full":
                    operands, primitive, attributes = [scalar], *_broadcast(attributes[1])
                else:
                    operands.insert(0 if attributes[2] else 1, scalar)
                    primitive, attributes = "binary", (attributes[0],)
            values[node] = builder.apply(primitive, operands, attributes, (RECORDED, node.number))
        return compile_module(builder.finish([values[node] for node in self.outputs], dict.fromkeys(symbols, 2)))

    def _declare(self, size: int) -> int | str:
        """A dim of a leaf: its symbol, which all dims of that size share."""
        if size < 2:
            return size
        found = self._symbols.get(size)
        if found is None:
            found = self._symbols[size] = f"s{len(self._symbols)}"
        return found

    def _symbolic(self, node: Node) -> tuple[Any, ...]:
        """The attributes of a node with symbols for the sizes that leaves have; in general, for all."""
        primitive = node.primitive
        if primitive == "concat":
            self._name_sum(node)
        if not PRIMITIVES[primitive].shapes and primitive not in _SIZES:
            return node.attributes
        key = (primitive, node.attributes, *[operand.shape for operand in node.operands])
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._named(node)
        return found

    def _named(self, node: Node) -> tuple[Any, ...]:
        """The same for a node that has sizes among its attributes.

        In a reshape one size that no leaf has is what remains of the elements.
        """
        primitive = node.primitive
        at = PRIMITIVES[primitive].shapes
        if not at and self.general:
            at = _SIZES[primitive]
        attributes = list(node.attributes if primitive != "slice" else self._symbolic_slice(node))
        for position in at:
            sizes: tuple[int | str, ...] = attributes[position]
            named = [self._symbols.get(size, size) if isinstance(size, int) else size for size in sizes]
            if primitive != "reshape":
                named = [self._products[size].text if size in self._products else size for size in named]
            unknown = [axis for axis, size in enumerate(named) if isinstance(size, int) and size > 1]
            if primitive == "reshape" and unknown and 0 not in node.shape:
                self._name_products(node, named, unknown)
            rest = len(unknown) == 1 or (self.general and bool(unknown))
            if primitive == "reshape" and rest and -1 not in sizes and 0 not in node.shape:
                named[unknown.pop()] = -1
            if self.general:
                for axis in unknown:
                    size = node.attributes[position][axis]
                    if size not in self._symbols:
                        self.sizes.append((node.number, position, axis))
                    named[axis] = self._declare(size)
            attributes[position] = tuple(named)
        return tuple(attributes)

    def _name_products(self, node: Node, named: list[int | str], unknown: list[int]) -> None:
        """Name the sizes of a reshape that follow from those of runs of dims with as many elements, and take them off `unknown`.

        So [s0, 4, s1] reshaped to two dims has the dims 4*s0 and s1, and back again s0, 4 and s1.
        """
        before, after = node.operands[0].shape, node.shape
        start = at = 0
        for end, end_after in _runs(before, after):
            free = [axis for axis in unknown if at <= axis < end_after and after[axis] not in self._products]
            if len(free) == 1:
                (axis,) = free
                whole = self._product(before[start:end])
                others = self._product(after[at:axis] + after[axis + 1 : end_after])
                size = _quotient(whole, others)
                if size is not None:
                    if size.symbols:
                        self._products.setdefault(after[axis], size)
                    named[axis] = size.text
                    unknown.remove(axis)
            for axis in tuple(unknown):
                if at <= axis < end_after and after[axis] in self._products:
                    named[axis] = self._products[after[axis]].text
                    unknown.remove(axis)
            start, at = end, end_after

    def _name_sum(self, node: Node) -> None:
        """Name the size of a concat along its axis by those of its parts."""
        axis: int = node.attributes[0]
        parts = [self._product((operand.shape[axis],)) for operand in node.operands]
        if any(part.symbols for part in parts):
            self._name(node.shape[axis], f"({' + '.join([str(part.text) for part in parts])})")

    def _name(self, size: int, text: str) -> None:
        """Name a size, unless it has a name: for products the text is one symbol."""
        if size > 1 and size not in self._symbols and len(text) <= LONGEST_NAME:
            self._products.setdefault(size, _Product(1, (text,)))

    def _product(self, sizes: Shape) -> "_Product":
        """The product of sizes, in terms of symbols."""
        factor = 1
        symbols: list[str] = []
        for size in sizes:
            symbol = self._symbols.get(size)
            known = self._products.get(size) if symbol is None else _Product(1, (symbol,))
            factor *= size if known is None else known.factor
            symbols += () if known is None else known.symbols
        return _Product(factor, tuple(sorted(symbols)))

    def _symbolic_slice(self, node: Node) -> tuple[Any, ...]:
        """The attributes of a slice, its ends counted from that end of each dim which is nearer; in general from the start."""
        starts, sizes, steps = (list(attribute) for attribute in node.attributes)
        for axis, (dim, start, size, step) in enumerate(zip(node.operands[0].shape, starts, sizes, steps, strict=True)):
            if size == 0:
                continue
            if size == dim and step == 1:
                sizes[axis] = -1
                continue
            known = self._product((dim,))
            from_end = bool(known.symbols) and not self.general
            stop = start + (size - 1) * step + 1
            if from_end and start > dim - start:
                starts[axis] = f"{known.text} - {dim - start}"
            else:
                cut = from_end and step == 1 and stop > dim - stop
                if stop + step > dim:
                    sizes[axis] = -1
                elif cut:
                    sizes[axis] = f"{known.text} - {dim - size}"
                if cut and size < dim:
                    self._name(size, f"({known.text} - {dim - size})")
        return tuple(starts), tuple(sizes), tuple(steps)


class _Product(NamedTuple):
    """A number times symbols, which are in order."""

    factor: int
    symbols: tuple[str, ...]

    @property
    def text(self) -> int | str:
        """As a size in an attribute."""
        if not self.symbols:
            return self.factor
        return "*".join((str(self.factor), *self.symbols) if self.factor != 1 else self.symbols)


def _quotient(a: _Product, b: _Product) -> _Product | None:
    """One product divided by another, if that is a product."""
    symbols = list(a.symbols)
    for symbol in b.symbols:
        if symbol not in symbols:
            return None
        symbols.remove(symbol)
    factor, rest = divmod(a.factor, b.factor)
    return None if rest else _Product(factor, tuple(symbols))


def _runs(before: Shape, after: Shape) -> Iterator[tuple[int, int]]:
    """The ends of the shortest runs of dims, in two shapes without dims of 0, that have as many elements."""
    here = there = 0
    while here < len(before) or there < len(after):
        counts = [1, 1]
        if here < len(before):
            counts[0] = before[here]
            here += 1
        if there < len(after):
            counts[1] = after[there]
            there += 1
        while counts[0] != counts[1]:
            if counts[0] < counts[1]:
                counts[0] *= before[here]
                here += 1
            else:
                counts[1] *= after[there]
                there += 1
        yield here, there


def _has_number(node: Node) -> bool:
    """Whether it computes with a number that may as well be an argument."""
    if node.primitive != "binary_scalar":
        return node.primitive == "full"
    kind, value, first = node.attributes
    return kind != "Pow" or first or number(value) not in POWERS


def _number_of(node: Node) -> Value:
    """The number of an operation as an array without dims."""
    if node.primitive == "full":
        return np.array(number(node.attributes[0]), node.dtype)
    return np.array(number(node.attributes[1]), node.operands[0].dtype)


def _without_number(primitive: str, attributes: tuple[Any, ...]) -> tuple[Any, ...]:
    return attributes[1:] if primitive == "full" else (attributes[0], *attributes[2:])


def _broadcast(shape: tuple[int | str, ...]) -> tuple[str, tuple[Any, ...]]:
    """What makes an array of one number."""
    return ("broadcast", (shape,)) if shape else ("copy", ())
