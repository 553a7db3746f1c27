"""How a random graph gets each kind of operation: operands, properties, and what keeps them valid.

`MAKERS` has one function for each kind; it draws operands (existing values or new inputs) and offers the operation to
the graph, which takes it or not. `FOCUSES` weighs the kinds for graphs of one flavour.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from arrays import Fill, Shape
from graphs import ELEMENTS, FLOATS, INTEGERS, MOST_RANK, NUMBERS, Graph, Node, OperationMaker
from xdsl.dialects.builtin import DenseIntOrFPElementsAttr, TensorType

from dvm_dialects import dvm
from dvm_dialects.dims import Dim, product
from dvm_dialects.dvm_base import scalar_attr
from dvm_dialects.dvm_elementwise import BINARY_TYPES, UNARY_TYPES
from dvm_dialects.dvm_shaping import REDUCE_TYPES
from dvm_dialects.shapes import is_known, mlir_type, shape_of
from vm.isa import ElementType

I1 = ElementType.I1


# --- elementwise ---


def _unary(graph: Graph) -> Node | None:
    kind = graph.random.choice(tuple(UNARY_TYPES))
    elements = tuple(sorted(UNARY_TYPES[kind]))
    node = graph.pick(elements)
    if kind in ("Sqrt", "Log", "Rsqrt", "Reciprocal") and graph.chance(0.5):
        element = node.element
        node = graph.input(element, node.shape, Fill("positive", element))
    return graph.take(dvm.UnaryOp(kind, node.value), [node])


def _binary(graph: Graph) -> Node | None:
    kind = graph.random.choice(tuple(BINARY_TYPES))
    a = graph.pick(tuple(sorted(BINARY_TYPES[kind])))
    b = graph.beside(a, a.element)
    if graph.chance(0.5):
        a, b = b, a
    return graph.take(dvm.BinaryOp(kind, a.value, b.value), [a, b])


def scalar(graph: Graph, element: ElementType) -> float | bool:
    """A number of the kind of an element type."""
    if element is I1:
        return graph.chance(0.5)
    if graph.chance(0.3):
        return graph.random.choice((0, 1))  # what changes nothing or everything, which rules look for
    if element.is_float:
        return graph.random.choice((0.5, 2.0, -1.0, 1.0, 0.0, 3.0, 0.1, -1.75, 1e-3))
    return graph.random.choice((0, 1, 2, -1, 3, 7, -5, 0, 1, (1 << 31) - 1, -(1 << 31)))


_FOLDED = ("Add", "Sub", "Mul", "Pow", "Maximum", "Minimum", "LogicalAnd", "LogicalOr")
"""The kinds that rules fold when they follow one another."""


def _binary_scalar(graph: Graph) -> Node | None:
    kind = graph.random.choice(_FOLDED if graph.latest and graph.chance(0.6) else tuple(BINARY_TYPES))
    node = graph.pick(tuple(sorted(BINARY_TYPES[kind])))
    value: Any = scalar(graph, node.element)
    if kind == "Pow" and graph.chance(0.8):
        value = graph.random.choice(
            (2, 3, 1, 0, -1) if not node.element.is_float else (2, 3.0, 0.5, 1, -1, 0, -0.5, 2.0)
        )
    if node.element.is_float and graph.chance(0.3):
        value = scalar_attr(value, ElementType.F32)
    first = graph.chance(0.4)
    return graph.take(dvm.BinaryScalarOp(kind, node.value, value, scalar_first=first), [node])


def _select(graph: Graph) -> Node | None:
    a = graph.pick(ELEMENTS)
    b = a if graph.chance(0.1) else graph.beside(a, a.element)
    largest = a if a.bounded.value.size >= b.bounded.value.size else b
    condition = graph.beside(largest, I1)
    if graph.chance(0.2):
        shape = [graph.entry(size) for size in condition.shape]
        condition = graph.take(dvm.BroadcastScalarOp(graph.chance(0.5), shape, I1), []) or condition
    operands = [condition, a, b]
    if not graph.fits(_broadcast(operands)):
        return None
    return graph.take(dvm.SelectOp(condition.value, a.value, b.value), operands)


def _broadcast(nodes: Sequence[Node]) -> Shape:
    """The shape that values broadcast to, or one that never fits."""
    try:
        return np.broadcast_shapes(*(node.shape for node in nodes))
    except ValueError:
        return (1,) * (MOST_RANK + 1)


def _cast(graph: Graph) -> Node | None:
    node = graph.pick(ELEMENTS)
    return graph.take(dvm.CastOp(node.value, graph.random.choice(ELEMENTS)), [node])


def _copy(graph: Graph) -> Node | None:
    node = graph.pick(ELEMENTS)
    return graph.take(dvm.CopyOp(node.value), [node])


# --- generators ---


def _broadcast_scalar(graph: Graph) -> Node | None:
    element = graph.random.choice(ELEMENTS)
    value: Any = scalar(graph, element)
    if element.is_float and graph.chance(0.3):
        value = scalar_attr(value, ElementType.F32)
    shape = [graph.entry(size) for size in graph.shape()]
    return graph.take(dvm.BroadcastScalarOp(value, shape, element), [])


def _constant(graph: Graph) -> Node | None:
    element = graph.random.choice(ELEMENTS)
    shape = graph.shape(graph.random.choice((0, 0, 1, 2, 3)))
    count = 1 if graph.chance(0.3) else int(np.prod(shape))
    values = [scalar(graph, element) for _ in range(count)] if np.prod(shape) else []
    return graph.take(dvm.ConstantOp(dense(element, shape, values)), [])


def dense(element: ElementType, shape: Shape, values: Sequence[float]) -> Any:
    """The attribute of a constant: all its values, or one for all."""
    type: Any = TensorType(mlir_type(element), shape)
    return DenseIntOrFPElementsAttr.from_list(type, values)


def _iota(graph: Graph) -> Node | None:
    shape = graph.shape(graph.random.randint(1, 4))
    axis = graph.random.randrange(len(shape))
    entries = [graph.entry(size) for size in shape]
    return graph.take(dvm.IotaOp(axis, entries, graph.random.choice(NUMBERS)), [])


def _size(graph: Graph) -> Node | None:
    size = Dim.constant(graph.random.randint(-3, 9))
    if graph.symbols and graph.chance(0.8):
        size = Dim.symbol(graph.random.choice(tuple(graph.symbols))) * graph.random.choice((-1, 1, 1, 2)) + size
    return graph.take(dvm.SizeOp(size), [])


def _one_hot(graph: Graph) -> Node | None:
    depth = max(graph.size(), graph.random.choice((0, 1, 4)))
    if graph.chance(0.5):
        index = graph.pick(INTEGERS, most_rank=MOST_RANK - 1)
    else:
        kind = graph.random.choice(INTEGERS)
        shape = graph.shape(graph.random.randint(0, 3))
        index = graph.input(kind, shape, Fill("range", kind, -1, depth + 1))
    if not graph.fits((*index.shape, depth)):
        return None
    element = graph.random.choice(ELEMENTS)
    on, off = (scalar_attr(scalar(graph, element), element) for _ in range(2))
    axis = graph.random.randint(-1, index.rank)
    return graph.take(dvm.OneHotOp(index.value, graph.entry(depth), axis, on, off, element), [index])


# --- shapes ---


def _reduce(graph: Graph) -> Node | None:
    kind = graph.random.choice(tuple(REDUCE_TYPES))
    node = graph.pick(tuple(sorted(REDUCE_TYPES[kind])), least_rank=1)
    axes = graph.random.sample(range(node.rank), graph.random.randint(1, node.rank))
    if kind in ("Max", "Min") and 0 in (node.shape[axis] for axis in axes):
        return None
    return graph.take(dvm.ReduceOp(kind, node.value, axes, graph.chance(0.5)), [node])


def _elem_any(graph: Graph) -> Node | None:
    node = graph.pick(ELEMENTS)
    return graph.take(dvm.ElemAnyOp(node.value), [node])


def _broadcast_to(graph: Graph) -> Node | None:
    node = graph.pick(ELEMENTS)
    shape = [graph.size() if size == 1 and graph.chance(0.7) else size for size in node.shape]
    while len(shape) < MOST_RANK and graph.chance(0.3):
        shape.insert(0, graph.size())
    if not graph.fits(shape):
        return None
    return graph.take(dvm.BroadcastOp(node.value, [graph.entry(size) for size in shape]), [node])


def _reshape(graph: Graph) -> Node | None:
    node = graph.pick(ELEMENTS)
    dims: list[tuple[int, Dim | int]] = [
        (size, dim if is_known(dim) else size) for size, dim in zip(node.shape, shape_of(node.value.type), strict=True)
    ]
    for _ in range(graph.random.randint(1, 3)):
        at = graph.random.randint(0, len(dims))
        choice = graph.random.choice(("merge", "split", "insert", "drop", "flatten"))
        if choice == "insert":
            dims.insert(at, (1, 1))
        elif choice == "flatten" and dims:
            dims = [_merged(dims)]
        elif choice == "merge" and at + 1 < len(dims):
            dims[at : at + 2] = [_merged(dims[at : at + 2])]
        elif choice == "drop" and at < len(dims) and dims[at][0] == 1:
            del dims[at]
        elif choice == "split" and at < len(dims) and dims[at][0] > 1:
            size = dims[at][0]
            factor = graph.random.choice([n for n in range(1, size + 1) if size % n == 0])
            dims[at : at + 1] = [(factor, factor), (size // factor, size // factor)]
    sizes = [size for size, _ in dims]
    shape: list[Dim | int] = [dim if graph.chance(0.8) else size for size, dim in dims]
    if dims and graph.chance(0.4):
        at = graph.random.randrange(len(dims))
        if np.prod([size for axis, size in enumerate(sizes) if axis != at]) > 0:
            shape[at] = -1
    return graph.take(dvm.ReshapeOp(node.value, shape), [node]) if len(dims) <= MOST_RANK else None


def _reshape_back(graph: Graph) -> Node | None:
    """A reshape to the dims of a value with provably as many elements, such as one from before another reshape."""
    node = graph.pick(ELEMENTS)
    dims, count = shape_of(node.value.type), _count(node)
    shapes = [shape_of(other.value.type) for other in graph.nodes if _count(other) == count]
    found = [shape for shape in shapes if shape != dims]
    if count is None or not found:
        return _reshape(graph)
    return graph.take(dvm.ReshapeOp(node.value, graph.random.choice(found)), [node])


def _count(node: Node) -> Dim | None:
    """The number of elements by the declared dims, unless some have no name."""
    dims = shape_of(node.value.type)
    return product(dims) if all(map(is_known, dims)) else None


def _merged(dims: Sequence[tuple[int, Dim | int]]) -> tuple[int, Dim | int]:
    texts = [Dim.constant(dim) if isinstance(dim, int) else dim for _, dim in dims]
    whole = product(texts)
    return int(np.prod([size for size, _ in dims])), whole if whole.value is None else whole.value


def _transpose(graph: Graph) -> Node | None:
    node = graph.pick(ELEMENTS)
    order = graph.random.sample(range(node.rank), node.rank)
    return graph.take(dvm.TransposeOp(node.value, order), [node])


def _swap(graph: Graph) -> Node | None:
    """A transposition of matrices, in which BLAS can read and write them; now and then of the dims before them too."""
    node = graph.pick(ELEMENTS, least_rank=2)
    order = list(range(node.rank - 2))
    if graph.chance(0.3):
        graph.random.shuffle(order)
    return graph.take(dvm.TransposeOp(node.value, [*order, node.rank - 1, node.rank - 2]), [node])


def _slice(graph: Graph) -> Node | None:
    node = graph.pick(ELEMENTS)
    starts: list[Dim | int] = []
    sizes: list[Dim | int] = []
    steps: list[int] = []
    for extent in node.shape:
        start = graph.random.randint(0, extent) if graph.chance(0.5) else 0
        step = graph.random.choice((1, 1, 1, 2, 3))
        most = len(range(start, extent, step))
        starts.append(graph.entry(start) if graph.chance(0.3) else start)
        steps.append(step)
        if graph.chance(0.4):
            sizes.append(-1)
        else:
            sizes.append(graph.entry(graph.random.randint(min(1, most), most)))
    return graph.take(dvm.SliceOp(node.value, starts, sizes, steps), [node])


def _concat(graph: Graph) -> Node | None:
    first = graph.pick(ELEMENTS, least_rank=1)
    axis = graph.random.randrange(first.rank)
    pieces = [first]
    for _ in range(graph.random.choice((0, 1, 1, 1, 2, 3))):
        found = [
            node
            for node in graph.nodes
            if node.element is first.element
            and node.rank == first.rank
            and all(node.shape[at] == first.shape[at] for at in range(first.rank) if at != axis)
        ]
        if graph.chance(0.5):
            pieces.append(graph.random.choice(found))
        else:
            shape = list(first.shape)
            shape[axis] = graph.size()
            pieces.append(graph.input(first.element, shape))
    graph.random.shuffle(pieces)
    return graph.take(dvm.ConcatOp([piece.value for piece in pieces], axis), pieces)


def _pad(graph: Graph) -> Node | None:
    node = graph.pick(ELEMENTS)
    low, high = ([graph.random.choice((0, 0, 1, 2)) for _ in node.shape] for _ in range(2))
    if not graph.fits(np.add(np.add(low, high), node.shape).astype(int).tolist()):
        return None
    value = scalar_attr(scalar(graph, node.element), node.element)
    if node.element.is_float and graph.chance(0.1):
        value = scalar_attr(float("-inf"), node.element)
    before, after = ([graph.entry(size) if graph.chance(0.3) else size for size in sizes] for sizes in (low, high))
    return graph.take(dvm.PadOp(node.value, before, after, value), [node])


def _gather(graph: Graph) -> Node | None:
    table = graph.pick(ELEMENTS, least_rank=1)
    axis = graph.random.randrange(table.rank)
    extent = table.shape[axis]
    found = [
        node
        for node in graph.nodes
        if node.element in INTEGERS
        and not node.bounded.unknown.any()
        and np.all((node.bounded.value >= -extent) & (node.bounded.value < extent))
    ]
    if found and graph.chance(0.5):
        index = graph.random.choice(found)
    else:
        element = graph.random.choice(INTEGERS)
        shape = graph.shape(graph.random.choice((0, 1, 1, 2, 3))) if extent else (0,)
        index = graph.input(element, shape, Fill("range", element, -extent, max(extent, 1)))
    if not graph.fits((*table.shape[:axis], *index.shape, *table.shape[axis + 1 :])):
        return None
    return graph.take(dvm.GatherOp(table.value, index.value, axis), [table, index])


# --- products ---


def _matmul(graph: Graph) -> Node | None:
    node = graph.pick(NUMBERS, least_rank=2)
    element = node.element
    trans_a, trans_b, on_left = graph.chance(0.4), graph.chance(0.4), graph.chance(0.6)
    stored = node.shape[-2:]
    own_transposed = trans_a if on_left else trans_b
    rows, columns = (stored[1], stored[0]) if own_transposed else stored
    other = graph.size()
    matrix = (columns, other) if on_left else (other, rows)
    if trans_b if on_left else trans_a:
        matrix = matrix[::-1]
    batch = [size if graph.chance(0.7) else 1 for size in node.shape[:-2]]
    batch = [graph.size() if size == 1 and graph.chance(0.3) else size for size in batch]
    batch = batch[graph.random.randint(0, len(batch)) :] if graph.chance(0.5) else batch
    if not graph.fits((*batch, *matrix)):
        return None
    partners = [found for found in graph.nodes if found.element is element and found.shape == (*batch, *matrix)]
    partner = (
        graph.random.choice(partners) if partners and graph.chance(0.5) else graph.input(element, (*batch, *matrix))
    )
    a, b = (node, partner) if on_left else (partner, node)
    try:
        lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        return None
    shape = (*lead, *((rows, other) if on_left else (other, columns)))
    if not graph.fits(shape):
        return None
    operands = [a, b]
    if graph.chance(0.4):
        operands.append(_bias(graph, element, shape))
    op = dvm.MatmulOp(*(operand.value for operand in operands), trans_a=trans_a, trans_b=trans_b)
    return graph.take(op, operands)


def _thin_product(graph: Graph) -> Node | None:
    """A product whose contracted dim is 1: of columns and rows, with batches that may be 1 too."""
    columns = graph.pick(NUMBERS, least_rank=2)
    if columns.shape[-1] != 1:
        columns = graph.input(columns.element, (*columns.shape[:-1], 1))
    batch = [size if graph.chance(0.5) else 1 for size in columns.shape[:-2]]
    rows = graph.input(columns.element, (*batch[graph.random.randint(0, len(batch)) :], 1, graph.size()))
    return graph.take(dvm.MatmulOp(columns.value, rows.value), [columns, rows])


def _in_front(graph: Graph) -> Node | None:
    """Something that gives a value dims of 1 in front: an operand that has them, a broadcast, or a reshape."""
    node = graph.pick(NUMBERS, least_rank=1, most_rank=MOST_RANK - 1)
    ones = (1,) * graph.random.randint(1, min(2, MOST_RANK - node.rank))
    how = graph.random.choice(("operand", "broadcast", "reshape"))
    if how == "operand":
        other = graph.input(node.element, (*ones, *(size if graph.chance(0.7) else 1 for size in node.shape)))
        return graph.take(dvm.BinaryOp("Add", node.value, other.value), [node, other])
    op = dvm.BroadcastOp if how == "broadcast" else dvm.ReshapeOp
    return graph.take(op(node.value, (*ones, *map(graph.entry, node.shape))), [node])


def _sibling_product(graph: Graph) -> Node | None:
    """A product over the dims of one that exists, with one of its factors, such as the keys beside the queries."""
    products = [op for node in graph.nodes if isinstance(op := node.value.owner, dvm.MatmulOp)]
    if not products:
        return _matmul(graph)
    sibling = graph.random.choice(products[-3:])
    a, b = graph.node_of(sibling.lhs), graph.node_of(sibling.rhs)
    if graph.chance(0.6):
        b = graph.alike(b)
    else:
        a = graph.alike(a)
    operands = [a, b]
    if graph.chance(0.3):
        operands.append(_bias(graph, a.element, graph.node_of(sibling.result).shape))
    flags = {"trans_a": bool(sibling.trans_a.value.data), "trans_b": bool(sibling.trans_b.value.data)}
    return graph.take(dvm.MatmulOp(*(operand.value for operand in operands), **flags), operands)


def _bias(graph: Graph, element: ElementType, shape: Shape) -> Node:
    kept = shape[graph.random.randint(0, len(shape)) :]
    return graph.input(element, [size if graph.chance(0.7) else 1 for size in kept])


def _grouped_matmul(graph: Graph) -> Node | None:
    element = graph.random.choice(NUMBERS)
    a = graph.pick((element,), least_rank=2, most_rank=2)
    trans_a, trans_b = graph.chance(0.3), graph.chance(0.4)
    by_rows = graph.chance(0.5)
    rows, depth = (a.shape[1], a.shape[0]) if trans_a else a.shape
    columns, groups = graph.size(), graph.random.choice((1, 2, 3, 4))
    matrix = (columns, depth) if trans_b else (depth, columns)
    b = graph.input(element, (groups, *matrix) if by_rows else matrix)
    kind = graph.random.choice(INTEGERS)
    ends = graph.input(kind, (groups,), Fill("ends", kind, 0, (rows if by_rows else depth) + 1))
    operands = [a, b, ends]
    shape = (rows, columns) if by_rows else (groups, rows, columns)
    if not graph.fits(shape):
        return None
    if graph.chance(0.4):
        operands.append(_bias(graph, element, shape))
    op = dvm.GroupedMatmulOp(
        *(operand.value for operand in operands),
        trans_a=trans_a,
        trans_b=trans_b,
        group_type=0 if by_rows else 2,
    )
    return graph.take(op, operands)


# --- composites ---


def _softmax(graph: Graph) -> Node | None:
    node = graph.pick(FLOATS, least_rank=1)
    axis = graph.random.randrange(-node.rank, node.rank)
    if node.shape[axis] == 0:
        return None  # the maximum of nothing
    return graph.take(dvm.SoftmaxOp(node.value, axis), [node])


def _norm(graph: Graph) -> Node | None:
    node = graph.pick(FLOATS, least_rank=1)
    axis = graph.random.randrange(-node.rank, node.rank)
    dims = node.shape[axis:]
    centred = graph.chance(0.5)
    parameters = [
        graph.input(node.element, dims, Fill(graph.random.choice(("close", "quarters")), node.element))
        for _ in range(graph.random.randint(0, 2 if centred else 1))
    ]
    values = [parameter.value for parameter in parameters]
    epsilon = graph.random.choice((1e-5, 1e-3, 0.5))
    if centred:
        op = dvm.LayerNormOp(node.value, *values, axis=axis, epsilon=epsilon)
    else:
        op = dvm.RmsNormOp(node.value, *values, axis=axis, epsilon=epsilon)
    return graph.take(op, [node, *parameters])


def _gelu(graph: Graph) -> Node | None:
    node = graph.pick(FLOATS)
    return graph.take(dvm.GeluOp(node.value, graph.random.choice(("none", "tanh"))), [node])


# --- work that shares what it reads ---

_SIBLINGS = ("unary", "binary", "binary_scalar", "select", "cast", "reduce")


def _sibling(graph: Graph) -> Node | None:
    """Work on what other work reads, which does not depend on that."""
    kinds = (dvm.UnaryOp, dvm.BinaryOp, dvm.BinaryScalarOp, dvm.SelectOp, dvm.CastOp, dvm.ReduceOp)
    found = [op for node in graph.nodes if isinstance(op := node.value.owner, kinds)]
    name = graph.random.choice(_SIBLINGS)
    if not found:
        return MAKERS[name](graph)
    sibling = graph.random.choice(found[-6:])
    return _working_on(graph, name, graph.node_of(graph.random.choice(sibling.operands)))


def _working_on(graph: Graph, name: str, node: Node) -> Node | None:
    """An operation of a kind on a value, if that is of an element type and rank for it."""
    graph.wanted = node
    try:
        return MAKERS[name](graph)
    finally:
        graph.wanted = None


def _sibling_reduce(graph: Graph) -> Node | None:
    """A reduction of the dims that another reduces, of the same value or of work on it: sum(x) and sum(x*x)."""
    found = [op for node in graph.nodes if isinstance(op := node.value.owner, dvm.ReduceOp)]
    if not found:
        return _reduce(graph)
    sibling = graph.random.choice(found[-4:])
    node = graph.node_of(sibling.operand)
    choice = graph.random.choice(("same", "square", "unary", "binary_scalar"))
    worked: Node | None = None
    if choice == "square" and node.element is not I1:
        worked = graph.take(dvm.BinaryOp("Mul", node.value, node.value), [node, node])
    elif choice in MAKERS:
        worked = _working_on(graph, choice, node)
    # What is worked on may be another value, if the kind takes none of this element type, or a truth value come out.
    source = worked if worked is not None and worked.shape == node.shape and worked.element is not I1 else node
    kind = graph.random.choice([kind for kind, types in REDUCE_TYPES.items() if source.element in types])
    if kind in ("Max", "Min") and 0 in (source.shape[axis] for axis in sibling.axes):
        return None
    keepdims = bool(sibling.keepdims.value.data) if graph.chance(0.8) else graph.chance(0.5)
    return graph.take(dvm.ReduceOp(kind, source.value, sibling.axes, keepdims), [source])


MAKERS: dict[str, OperationMaker] = {
    "unary": _unary,
    "binary": _binary,
    "binary_scalar": _binary_scalar,
    "select": _select,
    "cast": _cast,
    "copy": _copy,
    "broadcast_scalar": _broadcast_scalar,
    "constant": _constant,
    "iota": _iota,
    "size": _size,
    "onehot": _one_hot,
    "reduce": _reduce,
    "elemany": _elem_any,
    "broadcast": _broadcast_to,
    "reshape": _reshape,
    "transpose": _transpose,
    "slice": _slice,
    "concat": _concat,
    "pad": _pad,
    "gather": _gather,
    "matmul": _matmul,
    "grouped_matmul": _grouped_matmul,
    "softmax": _softmax,
    "norm": _norm,
    "gelu": _gelu,
    "reshape_back": _reshape_back,
    "swap": _swap,
    "sibling_product": _sibling_product,
    "thin_product": _thin_product,
    "in_front": _in_front,
    "sibling": _sibling,
    "sibling_reduce": _sibling_reduce,
}

_ELEMENTWISE = ("unary", "binary", "binary_scalar", "select", "cast", "broadcast")
_ANY = dict.fromkeys(MAKERS, 1.0) | {"unary": 6.0, "binary": 6.0, "binary_scalar": 4.0, "select": 2.0, "reduce": 3.0}

FOCUSES: Mapping[str, Mapping[str, float]] = {
    "any": _ANY,
    "chains": {"binary_scalar": 4.0, "cast": 3.0, "unary": 2.0, "binary": 2.0, "select": 1.5, "broadcast_scalar": 2.0}
    | {"constant": 1.5, "transpose": 2.0, "reshape": 2.0, "broadcast": 2.0, "slice": 1.5, "pad": 1.0, "concat": 1.0}
    | {"copy": 0.5, "reduce": 0.5},
    "elementwise": dict.fromkeys(_ELEMENTWISE, 3.0)
    | {"broadcast_scalar": 1.0, "constant": 1.0, "iota": 0.5, "size": 0.5},
    "reduction": dict.fromkeys(_ELEMENTWISE, 1.0)
    | {"reduce": 4.0, "softmax": 1.0, "norm": 1.5, "elemany": 0.5, "broadcast": 1.0},
    "movement": dict.fromkeys(
        ("reshape", "transpose", "slice", "concat", "pad", "gather", "onehot", "iota", "size", "broadcast", "copy"), 1.0
    )
    | {"binary": 2.0, "unary": 1.0, "reduce": 1.0},
    "products": {"matmul": 4.0, "grouped_matmul": 2.0, "transpose": 1.0, "reshape": 1.0, "binary": 2.0, "gelu": 0.5}
    | {"softmax": 0.5, "reduce": 1.0, "slice": 0.5, "concat": 0.5},
    "side-by-side": {"sibling_product": 5.0, "matmul": 2.0, "unary": 1.0, "binary": 1.5, "binary_scalar": 0.7}
    | {"cast": 0.5, "swap": 0.5, "reshape": 0.3, "reduce": 0.3},
    "shared": {"sibling": 4.0, "sibling_reduce": 4.0, "reduce": 1.5, "unary": 1.0, "binary": 1.5, "binary_scalar": 0.5}
    | {"select": 0.3, "softmax": 0.3, "norm": 0.3, "matmul": 0.3},
    "reshapes": {"reshape": 2.0, "reshape_back": 2.5, "unary": 2.0, "binary": 2.5, "binary_scalar": 1.0, "cast": 0.5}
    | {"select": 0.5, "broadcast": 0.5, "matmul": 1.0, "reduce": 1.0, "transpose": 0.3, "softmax": 0.3},
    "laid-together": {"concat": 2.5, "pad": 2.5, "unary": 2.0, "binary": 2.0, "binary_scalar": 1.5, "reduce": 2.5}
    | {"select": 0.5, "cast": 0.5, "slice": 0.5, "softmax": 0.3, "matmul": 0.3},
    "transposed": {"swap": 3.0, "transpose": 1.0, "matmul": 3.0, "sibling_product": 1.0, "unary": 0.7, "binary": 0.7}
    | {"binary_scalar": 0.5, "reshape": 0.5},
    "unit-dims": {"thin_product": 2.0, "matmul": 1.0, "in_front": 2.0, "unary": 2.0, "binary": 2.0, "reshape": 1.0}
    | {"binary_scalar": 0.5, "transpose": 0.5, "slice": 0.5, "reduce": 0.5},
}
"""The weight of each kind of operation in graphs of a flavour; kinds without one do not occur."""

LATEST = ("chains", "reshapes", "laid-together", "transposed", "unit-dims")
"""Flavours whose operations mostly work on the latest values: dvm-simplify and dvm-fuse look at what follows what."""
