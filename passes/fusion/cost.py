"""Whether a value that other kernels need is stored once or computed again in each: what moves fewer bytes.

Bytes are counted on symbols: a value is computed again only where that provably moves fewer of them for all sizes. Only
operations that take next to no time are repeated; transcendental functions, divisions, reductions and products never are.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from xdsl.ir import Block, Operation, SSAValue

from dvm_dialects import dvm
from dvm_dialects.dims import Dim, product
from dvm_dialects.shapes import dims_of, element_of
from passes.fusion import shapes
from passes.fusion.area_graph import Area, AreaGraph, AreaKind
from passes.fusion.explain import Explanation
from passes.fusion.movement import VIEWS

REPEATED_OPERATIONS = 4
"""The most operations that are repeated for one value."""

_GENERATORS = (dvm.BroadcastScalarOp, dvm.IotaOp, dvm.SizeOp, dvm.BroadcastOp)
"""Operations that compute nothing, or next to nothing."""

_CHEAP = (*_GENERATORS, dvm.CopyOp, dvm.CastOp, dvm.SelectOp)
_CHEAP_KINDS = frozenset((
    "Abs", "Neg", "LogicalNot", "Add", "Sub", "Mul", "Maximum", "Minimum", "LogicalAnd", "LogicalOr",
    "Equal", "NotEqual", "Greater", "GreaterEqual", "Less", "LessEqual",
))  # fmt: skip
"""The kinds of unary and binary operations that take less time than to store and load their results."""

_ELEMENTWISE = (dvm.UnaryOp, dvm.BinaryOp, dvm.BinaryScalarOp, dvm.SelectOp, dvm.CastOp, dvm.BroadcastOp, dvm.CopyOp)


_WORK = (*_ELEMENTWISE, *VIEWS, dvm.ReduceOp)
_READING = (*_WORK, dvm.MatmulOp, dvm.ConcatOp)
"""What may read an operand that is a view as it lies in memory."""


def repeat_free_operations(block: Block) -> None:
    """Give each user of an operation that is no work one of its own, before anything is fused.

    Users come first, for what they repeat has more users in turn.
    """
    for operation in reversed(tuple(block.ops)):
        if not _is_free(operation):
            continue
        for use in list(operation.results[0].uses)[1:]:
            if isinstance(use.operation, _READING if isinstance(operation, VIEWS) else _WORK):
                clone = operation.clone()
                block.insert_op_before(clone, use.operation)
                use.operation.operands[use.index] = clone.results[0]


def _is_free(operation: Operation) -> bool:
    """A 16-bit float becomes f32 when it is loaded, so a cast between them is no work and halves what is read.

    Nor is a view that leaves the last dim, which is contiguous, the last.
    """
    if isinstance(operation, dvm.SliceOp):
        return operation.strides[-1:] == (1,)
    if isinstance(operation, dvm.TransposeOp):
        return operation.order[-1] == len(operation.order) - 1
    if isinstance(operation, dvm.CastOp):
        source = element_of(operation.operand.type)
        return source is not source.compute and element_of(operation.result.type) is source.compute
    return isinstance(operation, _GENERATORS)


def repeat_cheap_values(graph: AreaGraph, explanation: Explanation | None = None) -> bool:
    """Compute values again in each kernel that reads them, where that is cheaper than to store them.

    `graph` is at its fixed point, and of no use afterwards if anything was repeated, which is what is returned. What an
    area computes that has been given operations here is stored: its bytes are not what they were.
    """
    changed: set[Area] = set()
    for area in graph:
        for choice in _choices(graph, area) if area not in changed else ():
            if explanation is not None:
                explanation.choice(choice.value, len(choice.users), choice.stored, choice.repeated, choice.repeats)
            if choice.repeats:
                _repeat(graph, choice)
                changed.update(choice.users)
    return bool(changed)


def work_on_stored_products(
    graph: AreaGraph, explanation: Explanation | None = None
) -> list[tuple[Operation, Operation]]:
    """Work on products that moves fewer bytes beside its product than in the kernel it is in: (product, operation).

    `graph` is at its fixed point. A reduction takes the work on what it reads with it, such as the sum of a product and
    a residual that is normed. Where others need the sum it is stored, and the product was, too: beside the product only the
    sum is.
    """
    found: list[tuple[Operation, Operation]] = []
    for area in graph:
        if area.kind is not AreaKind.REDUCTION:
            continue
        for operation in graph.in_order(area):
            cube = _only_product_of(graph, area, operation)
            if cube is None or not graph.outside_uses(area, operation.results[0]):
                continue
            found.append((cube, operation))
            if explanation is not None:
                explanation.beside_product(operation, cube, _bytes([*cube.results] * 2))
    return found


def _only_product_of(graph: AreaGraph, area: Area, operation: Operation) -> Operation | None:
    """The product over the domain of an area that an operation of it works on, if it reads nothing else that the area computes,
    and nothing else reads the product.
    """
    if not isinstance(operation, _ELEMENTWISE):
        return None
    products: list[Operation] = []
    for operand in operation.operands:
        owner = operand.owner
        producer = graph.area_of(owner) if isinstance(owner, Operation) else None
        if producer is None:
            continue
        if producer is area and not isinstance(owner, dvm.BroadcastOp):
            return None
        if (
            producer.kind is AreaKind.CUBE
            and shapes.equal(producer.domain, area.domain)
            and isinstance(owner, Operation)
        ):
            if any(use.operation is not operation for use in operand.uses):
                return None
            products.append(owner)
    return products[0] if len(products) == 1 else None


@dataclass(frozen=True)
class _Choice:
    """A value that some kernels read, the operations that compute it from what is in memory, and the bytes moved."""

    value: SSAValue
    operations: list[Operation]
    users: list[Area]
    stored: Dim
    repeated: Dim

    @property
    def repeats(self) -> bool:
        """Whether to compute it again: that provably moves fewer bytes, unless there are none at all."""
        saved = self.stored - self.repeated
        bound = saved.lower_bound(dict.fromkeys(saved.symbols, 1))
        return bound is not None and bound > 0


def _choices(graph: AreaGraph, area: Area) -> list[_Choice]:
    values = [operation.results[0] for operation in graph.in_order(area)]
    outputs = [value for value in values if graph.outside_uses(area, value)]
    choices: list[_Choice] = []
    for value in outputs:
        operations = _work_of(graph, area, value)
        users = _users(graph, area, value) if operations else []
        if not users:
            continue
        inside = set(operations)
        sources = {operand for op in operations for operand in op.operands if operand.owner not in inside}
        stored = _bytes([value] * (1 + len(users)))
        if len(operations) == len(area.operations):
            stored = stored + _bytes(sources)
        repeated = _bytes(source for user in users for source in sources - user.inputs)
        choices.append(_Choice(value, operations, users, stored, repeated))
    return choices


def _users(graph: AreaGraph, area: Area, value: SSAValue) -> list[Area]:
    """The areas that read a value of another, if all of them can compute it in their domain; else none."""
    users: dict[Area, None] = {}
    for use in value.uses:
        user = graph.area_of(use.operation)
        if user is area:
            continue
        if user is None or not isinstance(use.operation, (*_ELEMENTWISE, dvm.ReduceOp)):
            return []
        if not shapes.broadcastable(dims_of(value.type), user.domain):
            return []
        users.setdefault(user)
    return list(users)


def _work_of(graph: AreaGraph, area: Area, value: SSAValue) -> list[Operation]:
    """The operations of an area that compute a value, in program order; none if they are too many or too dear."""
    found: set[Operation] = set()
    pending = [value.owner]
    while pending:
        operation = pending.pop()
        if isinstance(operation, Operation) and graph.area_of(operation) is area and operation not in found:
            if not _is_cheap(operation) or len(found) == REPEATED_OPERATIONS:
                return []
            found.add(operation)
            pending.extend(operand.owner for operand in operation.operands)
    return sorted(found, key=graph.position)


def _is_cheap(operation: Operation) -> bool:
    """Whether an operation takes next to no time and gives the same bits again.

    A 16-bit float does not: it is rounded where it is stored, and what was made of that would not fit it any more.
    """
    element = element_of(operation.results[0].type)
    if element is not element.compute:
        return False
    if isinstance(operation, dvm.UnaryOp | dvm.BinaryOp | dvm.BinaryScalarOp):
        return operation.kind.data in _CHEAP_KINDS
    return isinstance(operation, _CHEAP)


def _bytes(values: Iterable[SSAValue]) -> Dim:
    total = Dim.constant(0)
    for value in values:
        total = total + product(dims_of(value.type)) * element_of(value.type).bytes
    return total


def _repeat(graph: AreaGraph, choice: _Choice) -> None:
    """Give each user clones of the operations, and drop those that nothing needs any longer."""
    last = choice.operations[-1]
    for user in choice.users:
        clones: dict[SSAValue, SSAValue] = {}
        for operation in choice.operations:
            clone = operation.clone(clones)
            block = last.parent_block()
            assert block is not None
            block.insert_op_before(clone, last)
        choice.value.replace_uses_with_if(
            clones[choice.value], lambda use, user=user: graph.area_of(use.operation) is user
        )
    for operation in reversed(choice.operations):
        if operation.results[0].first_use is None:
            operation.detach()
            operation.erase()
