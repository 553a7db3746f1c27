"""Random operator graphs: valid by construction, with inputs for which most results are known.

`random_case` draws everything from one `random.Random`, so a number replays a graph, and hypothesis (`st.randoms`)
shrinks it. Graphs grow operation by operation; each is evaluated with its error bound at once (`bounds`), and taken
only if its result says something: known for every element, with an error far below the values.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random

import numpy as np
from arrays import LAYOUTS, Array, Fill, Shape, random_fill
from bounded import Bounded, of_input
from bounds import bind_symbols, evaluate_op
from concrete import ELEMENT_LIMIT, elements, fits, result_shape, takes_too_much, too_large
from draws import chance, weighted
from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, FunctionType, IntegerAttr, ModuleOp, StringAttr, i64
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, Region, SSAValue
from xdsl.rewriter import Rewriter
from xdsl.utils.exceptions import VerifyException

from dvm_dialects import dvm
from dvm_dialects.dims import Dim
from dvm_dialects.dvm_base import DvmOp
from dvm_dialects.shapes import ShapeConflict, element_of, shape_of, tensor_of
from vm.isa import ElementType

MOST_RANK = 6

SMALL, LARGE = 600, 20000
"""The most elements of a value, in most graphs and in a few."""

ERROR_LIMIT = {ElementType.F16: 0.05, ElementType.BF16: 0.2, ElementType.F32: 1e-4}
"""The error, relative to the values around, above which a result says too little to be worth checking."""

ELEMENTS = tuple(ElementType)
FLOATS = tuple(element for element in ELEMENTS if element.is_float)
INTEGERS = (ElementType.I32, ElementType.I64)
NUMBERS = (*FLOATS, *INTEGERS)


RESIZE_ATTEMPTS = 6
"""How often other sizes are drawn for a graph that refuses them or gets too large with them."""


@dataclass(frozen=True, eq=False)
class Node:
    """A value of the graph and what it holds."""

    value: SSAValue
    element: ElementType
    bounded: Bounded

    @property
    def shape(self) -> Shape:
        return self.bounded.shape

    @property
    def rank(self) -> int:
        return len(self.shape)


@dataclass(frozen=True)
class Input:
    """An argument: what to fill it with and how to lay it out."""

    element: ElementType
    shape: Shape
    fill: Fill
    layout: str


@dataclass(frozen=True)
class Case:
    """A graph with inputs for it; `arrays` are laid out as `inputs` say."""

    module: ModuleOp
    inputs: tuple[Input, ...]
    arrays: tuple[Array, ...]

    @property
    def function(self) -> FuncOp:
        """The one function of the module."""
        (function,) = (op for op in self.module.ops if isinstance(op, FuncOp))
        return function

    def describe(self) -> str:
        """The graph as text, and the shapes and layouts of its inputs."""
        lines = [
            f"  {input.element.text}{list(input.shape)} {input.fill.kind}, {input.layout}" for input in self.inputs
        ]
        return "\n".join([str(self.module), "inputs:", *lines])

    def resized(self, random: Random) -> "Case":
        """The same graph with inputs of other sizes along the dynamic dims.

        Dims that were alike stay so. Sizes that the graph refuses are mostly drawn again, closer to what they are, and
        those with which anything gets too large always; these stay what they are in the end.
        """
        to_fit = chance(random, 0.8)
        inputs: tuple[Input, ...] | None = None
        for attempt in range(RESIZE_ATTEMPTS):
            other = self._other_sizes(random, 0.5 if attempt else 0.0)
            shapes = [input.shape for input in other]
            if (attempt and other == self.inputs) or takes_too_much(self.function, shapes):
                continue
            inputs = other
            if not to_fit or self._takes(shapes):
                break
        if inputs is None:
            return self
        numbers = np.random.default_rng(random.getrandbits(32))
        arrays = tuple(LAYOUTS[input.layout](input.fill.make(input.shape, numbers)) for input in inputs)
        return Case(self.module, inputs, arrays)

    def _takes(self, shapes: Sequence[Shape]) -> bool:
        try:
            fits(self.function, shapes)
        except ShapeConflict:
            return False
        return True

    def _other_sizes(self, random: Random, keep: float) -> tuple[Input, ...]:
        """The inputs with other sizes, but for some that stay with the probability `keep`."""
        sizes = {size: size for input in self.inputs for size in input.shape}
        for size in sizes:
            if not chance(random, keep):
                sizes[size] = random.choice((1, 2, size + 1, size + 3, size * 2, max(size - 1, 0)))
        types = [argument.type for argument in self.function.args]
        shapes = [
            tuple(
                size if dim.value is not None else sizes[size]
                for dim, size in zip(shape_of(type, number), input.shape, strict=True)
            )
            for number, (input, type) in enumerate(zip(self.inputs, types, strict=True))
        ]
        symbols = bind_symbols(types, shapes)
        shapes = [
            tuple(_sized(dim, symbols, size) for dim, size in zip(shape_of(type, number), shape, strict=True))
            for number, (type, shape) in enumerate(zip(types, shapes, strict=True))
        ]
        return tuple(replace(input, shape=shape) for input, shape in zip(self.inputs, shapes, strict=True))


def _sized(dim: Dim, symbols: Mapping[str, int], size: int) -> int:
    """The size that an expression has; another dim, or one that stands for no size, keeps its own."""
    if not dim.symbols or dim.is_symbol or not dim.symbols <= symbols.keys():
        return size
    try:
        found = dim.evaluate(symbols)
    except ValueError:
        return size
    return found if found >= 0 else size


@dataclass
class Graph:
    """A graph under construction."""

    random: Random
    limit: int = SMALL
    naming: str = "mixed"
    """Which dims of inputs are dynamic: "static" none, "named" with symbols, "unnamed" as `?`, "mixed" any of these."""
    block: Block = field(default_factory=Block)
    nodes: list[Node] = field(default_factory=list[Node])
    inputs: list[Input] = field(default_factory=list[Input])
    arrays: list[Array] = field(default_factory=list[Array])
    symbols: dict[str, int] = field(default_factory=dict[str, int])
    latest: bool = False
    """Whether operations mostly work on the latest values."""
    wanted: Node | None = None
    """What `pick` gives if it is of a kind that is asked for."""
    sizes: tuple[int, ...] = (1, 3)
    """What dims are drawn from: few, so that dims of several tensors agree."""

    def __post_init__(self) -> None:
        self.numbers = np.random.default_rng(self.random.getrandbits(32))

    def chance(self, probability: float) -> bool:
        return chance(self.random, probability)

    # --- sizes and dims ---

    def size(self) -> int:
        return self.random.choice(self.sizes)

    def shape(self, rank: int | None = None) -> Shape:
        """A shape within the limit, of a random rank unless one is given."""
        if rank is None:
            rank = weighted(self.random, range(MOST_RANK + 1), (6, 18, 26, 22, 14, 8, 6))
        shape = [self.size() for _ in range(rank)]
        return self.within_limit(shape)

    def within_limit(self, shape: Iterable[int]) -> Shape:
        """The shape, dims becoming 1 or 2 while it has too many elements."""
        shape = list(shape)
        while elements(shape) > self.limit:
            large = [axis for axis, size in enumerate(shape) if size > 2]
            shape[self.random.choice(large)] = self.random.choice((1, 2))
        return tuple(shape)

    def fits(self, shape: Iterable[int]) -> bool:
        """Whether a result may have the shape."""
        shape = tuple(shape)
        return len(shape) <= MOST_RANK and elements(shape) <= self.limit

    def entry(self, size: int) -> Dim | int:
        """A dim in an operation's list of dims: the number, or a symbol that has it."""
        names = [name for name, value in self.symbols.items() if value == size]
        return Dim.symbol(self.random.choice(names)) if names and self.chance(0.5) else size

    def _argument_type(self, element: ElementType, shape: Shape) -> Attribute:
        naming = self.random.choice(("static", "named", "unnamed")) if self.naming == "mixed" else self.naming
        if naming == "static":
            return tensor_of(element, tuple(Dim.constant(size) for size in shape))
        if naming == "unnamed":
            return tensor_of(
                element,
                tuple(
                    Dim.symbol(f"__{axis}") if self.chance(0.7) else Dim.constant(size)
                    for axis, size in enumerate(shape)
                ),
            )
        return tensor_of(element, tuple(self._named(size) for size in shape))

    def _named(self, size: int) -> Dim:
        """A constant, a symbol of this size, new or not, or an expression of one that another input defines."""
        if self.chance(0.25):
            return Dim.constant(size)
        known = [name for name, value in self.symbols.items() if value == size]
        if known and self.chance(0.8):
            return Dim.symbol(self.random.choice(known))
        halves = [name for name, value in self.symbols.items() if 2 * value == size]
        if halves and self.chance(0.3):
            return Dim.symbol(self.random.choice(halves)) * 2
        name = f"s{len(self.symbols)}"
        self.symbols[name] = size
        return Dim.symbol(name)

    # --- values ---

    def input(
        self, element: ElementType, shape: Iterable[int], fill: Fill | None = None, type: Attribute | None = None
    ) -> Node:
        """A new argument, its dims declared like those of a type if one is given; raises TooLarge."""
        shape = tuple(shape)
        if elements(shape) > ELEMENT_LIMIT:
            raise TooLarge
        fill = fill or random_fill(self.random, element)
        plain = self.chance(0.6) or not shape
        input = Input(element, shape, fill, "contiguous" if plain else self.random.choice(tuple(LAYOUTS)))
        array = LAYOUTS[input.layout](fill.make(shape, self.numbers))
        argument = self.block.insert_arg(type or self._argument_type(element, shape), len(self.block.args))
        self.inputs.append(input)
        self.arrays.append(array)
        node = Node(argument, element, of_input(array, element))
        self.nodes.append(node)
        if self.chance(0.2):
            return self.take(dvm.LoadOp(argument), [node]) or node
        return node

    def pick(self, elements: Sequence[ElementType], least_rank: int = 0, most_rank: int = MOST_RANK) -> Node:
        """A value of one of the element types: one that exists, the later the likelier, or a new input."""
        found = [node for node in self.nodes if node.element in elements and least_rank <= node.rank <= most_rank]
        if self.wanted is not None and self.wanted in found:
            return self.wanted
        if not found or self.chance(0.1):
            rank = None if (least_rank, most_rank) == (0, MOST_RANK) else self.random.randint(least_rank, most_rank)
            return self.input(self.random.choice(tuple(elements)), self.shape(rank))
        if self.latest and self.chance(0.8):
            return found[-1]
        return self.random.choice(found[-5:] if self.chance(0.6) else found)

    def node_of(self, value: SSAValue) -> Node:
        """The node of an argument or result."""
        return next(node for node in self.nodes if node.value is value)

    def alike(self, node: Node) -> Node:
        """A value of the type and shape of `node`, its dims provably the same if named: one that exists, or an input."""
        kind = node.value.type, node.shape
        found = [other for other in self.nodes if (other.value.type, other.shape) == kind and other is not node]
        if found and self.chance(0.3):
            return self.random.choice(found)
        return self.input(node.element, node.shape, type=node.value.type)

    def beside(self, node: Node, element: ElementType) -> Node:
        """A value whose shape broadcasts with that of `node`: one that exists, or a new input."""
        found = [other for other in self.nodes if other.element is element and self._broadcasts(other, node)]
        if found and self.chance(0.55):
            return self.random.choice(found[-6:])
        shape = list(node.shape)
        if self.chance(0.3):
            shape = shape[self.random.randint(0, len(shape)) :]
        for axis, size in enumerate(shape):
            if size == 1 and self.chance(0.4):
                shape[axis] = self.size()
            elif self.chance(0.2):
                shape[axis] = 1
        if self.chance(0.1) and node.rank == len(shape) < MOST_RANK:
            shape.insert(0, self.size())
        if not self.fits(np.broadcast_shapes(tuple(shape), node.shape)):
            shape = list(node.shape)
        return self.input(element, shape)

    def _broadcasts(self, a: Node, b: Node) -> bool:
        try:
            return self.fits(np.broadcast_shapes(a.shape, b.shape))
        except ValueError:
            return False

    def take(self, op: DvmOp, operands: Sequence[Node]) -> Node | None:
        """Append an operation if its result says something, and is not computed at all if it gets too large."""
        shapes = [node.shape for node in operands]
        shape = result_shape(op, shapes, self.symbols)
        if not self.fits(shape) or too_large(op, shapes, shape):
            return None
        result = evaluate_op(op, [node.bounded for node in operands], self.symbols)
        element = element_of(op.result.type)
        if not self._says_something(result, element):
            return None
        if self.chance(0.1) and not isinstance(op, dvm.ConstantOp):
            _loosen(op, self.random)
        self.block.add_op(op)
        node = Node(op.result, element, result)
        self.nodes.append(node)
        return node

    def _says_something(self, result: Bounded, element: ElementType) -> bool:
        if not result.value.size:
            return True
        unknown = np.mean(result.unknown)
        if unknown > 0 and (unknown > 0.3 or self.chance(0.9)):
            return False
        if not element.is_float:
            return True
        finite = np.isfinite(result.value)
        if not finite.any() or (finite.mean() < 0.7 and self.chance(0.8)):
            return self.chance(0.2)
        known = finite & ~result.unknown  # what overflows is unknown, and its value in f64 may be any
        error = np.max(result.error[known], initial=0.0)
        if error == 0:
            return True
        scale = np.sqrt(np.mean(np.square(result.value[known])))
        return bool(error <= ERROR_LIMIT[element] * scale)

    # --- the end ---

    def finish(self) -> Case:
        """The case: what nothing uses is returned, and now and then something else too."""
        random = self.random
        results = [node for node in self.nodes if not node.value.uses and isinstance(node.value.owner, DvmOp)]
        random.shuffle(results)
        results = results[:5]
        for _ in range(2):
            if self.chance(0.15) or not results:
                results.append(random.choice(self.nodes))
        values: list[SSAValue] = []
        for node in results:
            if self.chance(0.2):
                self.block.add_op(store := dvm.StoreOp(node.value))
                values.append(store.result)
            else:
                values.append(node.value)
        self.block.add_op(ReturnOp(*values))
        types = [argument.type for argument in self.block.args], [value.type for value in values]
        function = FuncOp("main", FunctionType.from_lists(*types), Region(self.block))
        function.attributes.update(self._attributes())
        return Case(ModuleOp([function]), tuple(self.inputs), tuple(self.arrays))

    def _attributes(self) -> dict[str, Attribute]:
        attributes: dict[str, Attribute] = {}
        if self.chance(0.2):
            attributes["dvm.arg_names"] = ArrayAttr([StringAttr(f"x{number}") for number in range(len(self.inputs))])
        bounds = {
            name: IntegerAttr(self.random.randint(1, value), i64)
            for name, value in self.symbols.items()
            if value and self.chance(0.1)
        }
        if bounds:
            attributes["dvm.at_least"] = DictionaryAttr(bounds)
        return attributes


def _loosen(op: DvmOp, random: Random) -> None:
    """Declare some dims of the result as `?` only, as front ends do."""
    element = element_of(op.result.type)
    sizes = [dim.value for dim in shape_of(op.result.type)]
    dims = tuple(
        Dim.symbol(f"__{axis}") if size is None or chance(random, 0.5) else Dim.constant(size)
        for axis, size in enumerate(sizes)
    )
    Rewriter.replace_value_with_new_type(op.result, tensor_of(element, dims))


OperationMaker = Callable[[Graph], Node | None]
"""Adds one operation of a kind to the graph, or returns None where that did not work out."""


class TooLarge(Exception):
    """An input would have more elements than a graph may hold."""


def random_case(random: Random, most_operations: int = 15, focus: str = "any") -> Case:
    """A graph of up to so many operations; `focus` is a key of `operations.FOCUSES`."""
    from operations import FOCUSES, LATEST, MAKERS

    large = chance(random, 0.06)
    graph = Graph(random, LARGE if large else SMALL)
    graph.naming = random.choice(("static", "named", "unnamed", "mixed"))
    graph.latest = focus in LATEST
    graph.sizes = _palette(random, large)
    for _ in range(random.randint(1, 3)):
        graph.input(weighted(random, ELEMENTS, (2, 4, 4, 8, 4, 3)), graph.shape())
    weights = FOCUSES[focus]
    names = [name for name in MAKERS if weights.get(name, 0.0) > 0]
    wanted = random.randint(1, most_operations)
    attempts = 0
    name = names[0]
    while wanted and attempts < 12 * most_operations:
        attempts += 1
        if not (focus == "chains" and attempts > 1 and chance(random, 0.4)):
            name = weighted(random, names, [weights[name] for name in names])
        try:
            wanted -= MAKERS[name](graph) is not None
        except (VerifyException, TooLarge):
            # The dims of what was picked agree for these sizes, but are declared so that they never can; or what it
            # would be put together with is too large.
            continue
    return graph.finish()


def _palette(random: Random, large: bool) -> tuple[int, ...]:
    sizes: list[int] = random.sample([2, 3, 4, 5, 7, 8, 11], random.randint(1, 3))
    sizes.append(1)
    if chance(random, 0.1):
        sizes.append(0)
    if chance(random, 0.15):
        sizes.append(random.choice((16, 17, 31, 64)))
    if large:
        sizes.append(random.choice((100, 257, 1000)))
    return tuple(sizes)
