"""The fusion patterns, in the order in which they are tried. Each looks at two areas, mostly a producer and a consumer.

A rule says what the merged area is, or why it does not merge the two, or None where it is not for areas of these
kinds. It asks only `shapes` and the areas; the graph refuses cycles afterwards. Adding a pattern means adding a rule here.
"""

from collections.abc import Callable
from dataclasses import dataclass

from xdsl.ir import Operation, SSAValue

from dvm_dialects import dvm
from dvm_dialects.dims import Dim, product
from dvm_dialects.shapes import dims_of
from dvm_dialects.source import describe
from passes.fusion import movement, shapes
from passes.fusion.area_graph import Area, AreaGraph, AreaKind
from passes.fusion.partners import Partners, producers, sharing_inputs
from passes.fusion.shapes import Shape
from passes.fusion.verdict import Merged, Reason, Refused, Verdict

DEPTH_LIMIT = 4
"""Reductions one after the other in one kernel: a row too long for the unified buffer is read again after each."""

OPERATION_LIMIT = 1000
"""Operations of one kernel: each brings at most four operands, and those must stay below the limit of a 12-bit field."""

PRODUCT_LIMIT = 4
"""Matrix products side by side in one kernel: the unified buffer holds a block of each."""

LARGE_FACTOR = 1 << 18
"""Elements of a right factor above which the rows of the left one are stored first: it does not stay in a core's cache from one
block of rows to the next, which takes a tenth more time than blocks of whole columns do. `vk-speculate` asks where sizes are unknown.
"""

Rule = Callable[[AreaGraph, Area, Area], Verdict]


@dataclass(frozen=True)
class Pattern:
    """A rule, and the search for earlier areas that may be partners of one, begun anew for each sweep over a graph."""

    rule: Rule
    search: Callable[[AreaGraph], Partners]

    @property
    def name(self) -> str:
        return self.rule.__name__.replace("_", " ")


def limits(graph: AreaGraph, earlier: Area, later: Area) -> Refused | None:
    """What no pattern goes past."""
    if len(earlier.operations) + len(later.operations) > OPERATION_LIMIT:
        return Refused(f"they have more than {OPERATION_LIMIT} operations together")
    if later.moves_data:
        through = movement.read_through(later.operations)
        for value, user in graph.values_between(earlier, later):
            if isinstance(user, dvm.ConcatOp) and movement.can_be_laid(user, value, earlier.operations):
                continue
            if isinstance(user, dvm.ConcatOp | dvm.PadOp) or user in through:
                return Refused(f"a value between them is read from memory by {describe(user)}")
    # a guarded load goes along axes; slicing dims of 0 or 1 may leave the domain as it is, and yet change the indices
    if earlier.moves_data and any(isinstance(user, dvm.SliceOp) for user in graph.dependents(earlier, later)):
        return Refused("what is laid together over {} is sliced, and found by other indices", earlier.domain)
    return None


def elementwise(graph: AreaGraph, producer: Area, consumer: Area) -> Verdict:
    """Neighbours over provably equal domains."""
    if not producer.kind is consumer.kind is AreaKind.ELEMENTWISE:
        return None
    if not shapes.equal(producer.domain, consumer.domain):
        return _not_equal(producer.domain, consumer.domain)
    return Merged(AreaKind.ELEMENTWISE, consumer.domain, Reason("both are over {}", consumer.domain))


def broadcast_into_consumer(graph: AreaGraph, producer: Area, consumer: Area) -> Verdict:
    """A producer over a domain that provably broadcasts to the consumer's, unless someone else needs its values.

    A value that is stored anyway is better computed once over its own small domain.
    """
    if not producer.kind is consumer.kind is AreaKind.ELEMENTWISE:
        return None
    found = _stretched(graph, producer, consumer, (consumer.domain,))
    return found if isinstance(found, Refused) else Merged(AreaKind.ELEMENTWISE, consumer.domain, found)


def producer_into_reduction(graph: AreaGraph, producer: Area, consumer: Area) -> Verdict:
    """Elementwise work over what a reduction reads, or over what is left of it.

    As before, what only broadcasts to either is left apart if someone else needs its values.
    """
    if consumer.kind is not AreaKind.REDUCTION or producer.kind is not AreaKind.ELEMENTWISE:
        return None
    found = Reason("both are over {}", consumer.domain)
    if not shapes.equal(producer.domain, consumer.domain):
        targets = (consumer.domain, *shapes.reduced(consumer.domain, consumer.reduced))
        found = _stretched(graph, producer, consumer, targets)
    return (
        found
        if isinstance(found, Refused)
        else Merged(AreaKind.REDUCTION, consumer.domain, found, reduced=consumer.reduced)
    )


def _stretched(graph: AreaGraph, producer: Area, consumer: Area, targets: tuple[Shape, ...]) -> Reason:
    """Whether work over the producer's domain can be done over one of the targets.

    A dim that turns out to be 1 is read at 0 all along an axis, but what is sliced may start elsewhere, and what is laid
    together is found by its index.
    """
    by_index = producer.moves_data or _slices(producer)
    broadcastable = shapes.evidently_broadcastable if by_index else shapes.broadcastable
    target = next((target for target in targets if broadcastable(producer.domain, target)), None)
    if target is None:
        return Refused("{} does not provably broadcast to {}", producer.domain, targets[0])
    if graph.escapes(producer, consumer):
        return Refused("someone else needs its values, which are stored over their own shape {}", producer.domain)
    return Reason("{} broadcasts to {}", producer.domain, target)


def _slices(area: Area) -> bool:
    return any(isinstance(operation, dvm.SliceOp) for operation in area.operations)


def reduction_into_consumer(graph: AreaGraph, producer: Area, consumer: Area) -> Verdict:
    """Work on what a reduction leaves, work that stretches that over the same domain again, and further reductions
    of the same dims of it: softmax and the norms become one kernel.
    """
    if producer.kind is not AreaKind.REDUCTION or consumer.kind not in (AreaKind.ELEMENTWISE, AreaKind.REDUCTION):
        return None
    if producer.depth + consumer.depth > DEPTH_LIMIT:
        return Refused(f"they have more than {DEPTH_LIMIT} reductions together")
    if consumer.kind is AreaKind.REDUCTION and consumer.reduced != producer.reduced:
        return Refused(f"they reduce different dims, {list(producer.reduced)} and {list(consumer.reduced)}")
    values = _between(graph, producer, consumer)
    if isinstance(values, Refused):
        return values
    left = shapes.reduced(producer.domain, producer.reduced)
    if consumer.kind is AreaKind.ELEMENTWISE and any(shapes.equal(consumer.domain, shape) for shape in left):
        if not all(shapes.equal(value, consumer.domain) for value in values):
            return Refused("it stretches what the reduction leaves to {}", consumer.domain)
        fact = Reason("it works on what the reduction leaves, {}", consumer.domain)
    elif not shapes.equal(consumer.domain, producer.domain):
        return Refused("{} is neither {} nor what the reduction leaves of it", consumer.domain, producer.domain)
    # a value of lower rank follows the last axes, and so must what the reduction leaves
    elif producer.reduced != tuple(range(len(producer.reduced))) and any(
        len(value) != len(producer.domain) for value in values
    ):
        return Refused("what the reduction leaves of {} would be stretched along other axes", producer.domain)
    else:
        fact = Reason("both are over {}", producer.domain)
    return Merged(AreaKind.REDUCTION, producer.domain, fact, reduced=producer.reduced)


def data_movement_into_consumer(graph: AreaGraph, producer: Area, consumer: Area) -> Verdict:
    """A concat or pad into work over the same domain, which loads each element from where it comes from."""
    if producer.kind is not AreaKind.DATA_MOVEMENT or consumer.kind not in (AreaKind.ELEMENTWISE, AreaKind.REDUCTION):
        return None
    if not producer.moves_data:
        return Refused("a gather is a kernel of its own")
    if any(_lays_along_one(operation) for operation in producer.operations):
        return Refused("it lays together along a dim of 1, which has no axis")
    if not shapes.equal(producer.domain, consumer.domain):
        return _not_equal(producer.domain, consumer.domain)
    values = _between(graph, producer, consumer)
    if isinstance(values, Refused):
        return values
    fact = Reason("it loads what lies together over {}", consumer.domain)
    return Merged(consumer.kind, consumer.domain, fact, reduced=consumer.reduced)


def view_of_view(graph: AreaGraph, producer: Area, consumer: Area) -> Verdict:
    """Transpositions and slices for others of them: all are only indices into what lies in memory."""
    if producer.kind is not AreaKind.ELEMENTWISE or consumer.kind not in (AreaKind.ELEMENTWISE, AreaKind.REDUCTION):
        return None
    between = graph.values_between(producer, consumer)
    if not movement.only_views(producer.operations) or not movement.only_views(user for _, user in between):
        return None
    if graph.escapes(producer, consumer):
        return Refused("someone else needs its values, which are stored over their own shape {}", producer.domain)
    targets = (consumer.domain, *shapes.reduced(consumer.domain, consumer.reduced))
    for dims in _seen_as(graph, producer, consumer) if _slices(producer) else ():
        if not any(shapes.evidently_broadcastable(dims, target) for target in targets):
            return Refused("{} may be stretched to {}, and what is sliced may start elsewhere", dims, consumer.domain)
    because = Reason("what lies in memory is read by other indices")
    return Merged(consumer.kind, consumer.domain, because, reduced=consumer.reduced)


def _seen_as(graph: AreaGraph, producer: Area, consumer: Area) -> list[Shape]:
    """The shapes in which the work of an area sees the views of another, after its own views of them."""
    found: list[Shape] = []
    pending = [user for _, user in graph.values_between(producer, consumer)]
    while pending:
        view = pending.pop()
        users = [use.operation for use in view.results[0].uses if graph.area_of(use.operation) is consumer]
        further = [user for user in users if isinstance(user, movement.VIEWS)]
        pending.extend(further)
        if len(further) < len(users) or not users:
            found.append(dims_of(view.results[0].type))
    return found


def view_laid_together(graph: AreaGraph, producer: Area, consumer: Area) -> Verdict:
    """What a concat can load from memory by shifted indices: views of it, and cheap work on the first operand."""
    if producer.kind is not AreaKind.ELEMENTWISE or producer.moves_data or not consumer.moves_data:
        return None
    between = graph.values_between(producer, consumer)
    if not all(isinstance(user, dvm.ConcatOp) for _, user in between):
        return None
    if graph.escapes(producer, consumer):
        return Refused("someone else needs its values, which are stored over their own shape {}", producer.domain)
    because = Reason("it is loaded from where it lies in memory")
    return Merged(consumer.kind, consumer.domain, because, reduced=consumer.reduced)


def _lays_along_one(operation: Operation) -> bool:
    if not isinstance(operation, dvm.ConcatOp | dvm.PadOp):
        return False
    dims = dims_of(operation.results[0].type)
    return any(
        dim == shapes.ONE != extent
        for operand in operation.operands
        for dim, extent in zip(dims, dims_of(operand.type), strict=True)
    )


def cube_into_elementwise(graph: AreaGraph, producer: Area, consumer: Area) -> Verdict:
    """What follows a matrix product on its result, while a block of it is in cache: bias, activation, residual, cast."""
    if producer.kind is not AreaKind.CUBE or consumer.kind is not AreaKind.ELEMENTWISE:
        return None
    if not shapes.equal_but_ones(producer.domain, consumer.domain):
        return _not_equal(producer.domain, consumer.domain)
    values = _between(graph, producer, consumer)
    if isinstance(values, Refused):
        return values
    if not all(shapes.equal_but_ones(value, consumer.domain) for value in values):
        return Refused("it stretches the product to {}", consumer.domain)
    return Merged(AreaKind.CUBE, producer.domain, Reason("it works on blocks of the product, {}", producer.domain))


def view_of_factor(graph: AreaGraph, producer: Area, consumer: Area) -> Verdict:
    """Transpositions and slices of the factors of a product, which BLAS reads as they lie while a dim of the matrices is contiguous."""
    if producer.kind is not AreaKind.ELEMENTWISE or consumer.kind is not AreaKind.CUBE:
        return None
    if not movement.only_views(producer.operations):
        return Refused("it is work, and no transposition or slice")
    factors = [value for value, user in graph.values_between(producer, consumer) if _is_factor(value, user)]
    if len(factors) < len(graph.values_between(producer, consumer)):
        return Refused("it is not for a factor of the product alone")
    if graph.escapes(producer, consumer):
        return Refused("someone else needs its values, which are stored over their own shape {}", producer.domain)
    if not all(_keeps_matrices(operation) for operation in producer.operations):
        return Refused("no dim of the matrices of {} would be contiguous", producer.domain)
    if _slices(producer):
        batch = consumer.domain[:-2]
        for value in factors:
            if not shapes.evidently_broadcastable(dims_of(value.type)[:-2], batch):
                return Refused("{} may be stretched over {}, and may start elsewhere", dims_of(value.type), batch)
    return Merged(AreaKind.CUBE, consumer.domain, Reason("the product reads {} by other indices", producer.domain))


def _is_factor(value: SSAValue, user: Operation) -> bool:
    return isinstance(user, dvm.MatmulOp) and value in user.operands[:2] and value is not user.bias


def _keeps_matrices(operation: Operation) -> bool:
    """Whether a view leaves the last dim of what it views, which is contiguous, so and among its last two."""
    if isinstance(operation, dvm.SliceOp):
        return operation.strides[-1] == 1
    return isinstance(operation, dvm.TransposeOp) and len(operation.order) - 1 in operation.order[-2:]


def prologue(graph: AreaGraph, producer: Area, consumer: Area) -> Verdict:
    """What computes the rows of the left factor of products: elementwise work, and reductions of whole rows such as a norm.

    A block of rows is computed in the unified buffer right before the product reads it, and never stored.
    """
    if consumer.kind is not AreaKind.CUBE or producer.kind not in (AreaKind.ELEMENTWISE, AreaKind.REDUCTION):
        return None
    if _is_view(producer) or movement.only_views(producer.operations):
        return None
    if producer.depth + consumer.depth > DEPTH_LIMIT:
        return Refused(f"they have more than {DEPTH_LIMIT} reductions together")
    between = graph.values_between(producer, consumer)
    for value, user in between:
        if not isinstance(user, dvm.MatmulOp) or value in user.operands[1:] or user.trans_a.value.data:
            return Refused("it is not for the rows of left factors alone")
        rows = (*consumer.domain[:-1], _contracted(user))
        if not shapes.equal(dims_of(value.type), rows) or not shapes.equal(producer.domain, rows):
            return Refused("{} is not provably a left factor of {} rows by row", producer.domain, consumer.domain)
    if producer.reduced not in ((), (len(producer.domain) - 1,)):
        return Refused(f"it reduces dims {list(producer.reduced)}, not the contracted one")
    if producer.moves_data:
        return Refused("what it lays together is found by its index")
    if graph.escapes(producer, consumer):
        return Refused("someone else needs its values, which are stored over their own shape {}", producer.domain)
    if any(_is_large(user.rhs) for _, user in between if isinstance(user, dvm.MatmulOp)):
        return Refused("the right factor is large, and read again for each block of rows")
    if not all(_spans_rows(value, producer) for value, _ in between):
        return Refused("its rows may turn out to be the same one, repeated")
    return Merged(AreaKind.CUBE, consumer.domain, Reason("it computes rows of the left factor, {}", producer.domain))


def _is_large(factor: SSAValue) -> bool:
    extent = product(dims_of(factor.type)[-2:]).value
    return extent is not None and extent > LARGE_FACTOR


def _spans_rows(value: SSAValue, area: Area) -> bool:
    """Whether what an area computes varies along all of its dims for all sizes, as does a tensor of these dims."""
    dims = dims_of(value.type)
    inside = set(area.operations)
    pending, seen = [value], {value}
    while pending:
        source = pending.pop()
        operation = source.owner
        if not isinstance(operation, Operation) or operation not in inside:
            return True
        if not isinstance(operation, dvm.ReduceOp | dvm.IotaOp | dvm.ReshapeOp | dvm.TransposeOp | dvm.SliceOp):
            fresh = [operand for operand in operation.operands if dims_of(operand.type) == dims and operand not in seen]
            seen.update(fresh)
            pending.extend(fresh)
    return False


def transposed_product(graph: AreaGraph, producer: Area, consumer: Area) -> Verdict:
    """A transposition of the result of a product, which is stored so."""
    if producer.kind is not AreaKind.CUBE or not all(
        isinstance(operation, dvm.TransposeOp) for operation in consumer.operations
    ):
        return None
    if len(consumer.operations) > 1:
        return Refused("it is transposed more than once")
    ((value, _),) = graph.values_between(producer, consumer)
    if not shapes.equal(dims_of(value.type), producer.domain) or isinstance(value.owner, dvm.TransposeOp):
        return Refused("what is transposed does not follow the axes of the product")
    return Merged(AreaKind.CUBE, producer.domain, Reason("the product is stored as {}", consumer.domain))


def cubes_side_by_side(graph: AreaGraph, first: Area, second: Area) -> Verdict:
    """Products over the same (batch, m, n, k) that share a factor, such as the queries, keys and values of one input.

    Each has an accumulator; what they share is read, and converted, once.
    """
    if not first.kind is second.kind is AreaKind.CUBE:
        return None
    here, there = _products(first), _products(second)
    products = [product for product in (*here, *there) if isinstance(product, dvm.MatmulOp)]
    if len(products) < len(here) + len(there):
        return Refused("a grouped product is not computed side by side with others")
    if len(products) > PRODUCT_LIMIT:
        return Refused(f"they have more than {PRODUCT_LIMIT} products together")
    if not {factor for product in here for factor in product.operands[:2]} & {
        factor for product in there for factor in product.operands[:2]
    }:
        return Refused("their products share no factor")
    if not shapes.equal(first.domain, second.domain):
        return _not_equal(first.domain, second.domain)
    if first.depth != second.depth:
        return Refused("the rows that one of them reads are computed from reductions")
    depths = tuple(dict.fromkeys(_contracted(product) for product in products))
    if len(depths) > 1:
        return Refused("the contracted dims {} are not provably equal", depths)
    if any(product in graph.dependents(first, second) for product in there):
        return Refused("one product needs the other")
    values = _between(graph, first, second)
    if isinstance(values, Refused):
        return values
    if not all(shapes.equal(value, second.domain) for value in values):
        return Refused("it stretches the product to {}", second.domain)
    return Merged(AreaKind.CUBE, second.domain, Reason("they share a factor and are over {}", second.domain))


def work_side_by_side(graph: AreaGraph, first: Area, second: Area) -> Verdict:
    """Work over the same domain, or reductions of the same dims of it, that read the same tensor, which is loaded once."""
    if first.kind is not second.kind or first.kind not in (AreaKind.ELEMENTWISE, AreaKind.REDUCTION):
        return None
    if first in second.producers or _is_view(first) or _is_view(second):
        return None
    if not shapes.equal(first.domain, second.domain):
        return _not_equal(first.domain, second.domain)
    if first.reduced != second.reduced:
        return Refused(f"they reduce different dims, {list(first.reduced)} and {list(second.reduced)}")
    if first.depth + second.depth > DEPTH_LIMIT:
        return Refused(f"they have more than {DEPTH_LIMIT} reductions together")
    shared = first.inputs & second.inputs
    if not any(shapes.equal(dims_of(value.type), first.domain) for value in shared):
        return Refused("they share no tensor of {}", first.domain)
    because = Reason("they share a tensor and are over {}", first.domain)
    return Merged(first.kind, first.domain, because, reduced=first.reduced)


def _is_view(area: Area) -> bool:
    """Whether an area is a reshape, which is no kernel where it is by itself."""
    return all(isinstance(operation, dvm.ReshapeOp) for operation in area.operations)


def _products(area: Area) -> list[dvm.MatmulOp | dvm.GroupedMatmulOp]:
    return [operation for operation in area.operations if isinstance(operation, dvm.MatmulOp | dvm.GroupedMatmulOp)]


def _contracted(product: dvm.MatmulOp) -> Dim:
    dims = dims_of(product.lhs.type)
    return dims[-2] if product.trans_a.value.data else dims[-1]


def _not_equal(a: Shape, b: Shape) -> Refused:
    return Refused("{} and {} are not provably equal", a, b)


def _between(graph: AreaGraph, producer: Area, consumer: Area) -> list[Shape] | Refused:
    """The shapes of the values that pass between two areas, and of what the consumer makes of them by giving them other
    dims of 1.

    Not if what the consumer makes of one is transposed or sliced, or has dims that bind finds to be 1: a reduction's
    result exists under the axes that are left, and no others.
    """
    left = shapes.reduced(producer.domain, producer.reduced)
    seen: list[Shape] = []
    for value, user in graph.values_between(producer, consumer):
        if producer.kind is AreaKind.CUBE and isinstance(value.owner, dvm.TransposeOp):
            return Refused("it goes on with the transposed product, which exists under other axes")
        if not isinstance(user, dvm.ReshapeOp):
            seen.append(dims_of(value.type))
    direct = {user for _, user in graph.values_between(producer, consumer)}
    dependents = graph.dependents(producer, consumer)
    for operation in consumer.operations:
        if operation not in dependents:
            continue
        if isinstance(operation, dvm.TransposeOp | dvm.SliceOp):
            return Refused("it transposes or slices the result, which exists under its own axes only")
        if isinstance(operation, dvm.BroadcastOp):
            before, after = dims_of(operation.operand.type), dims_of(operation.result.type)
            if any(own != target == shapes.ONE for own, target in zip(before[::-1], after[::-1], strict=False)):
                return Refused("{} is taken for {}, where it would follow other axes", before, after)
        if isinstance(operation, dvm.ReshapeOp):
            before, after = dims_of(operation.operand.type), dims_of(operation.result.type)
            if before in left and after in left:
                seen.append(after)
            elif operation in direct or not shapes.equal_but_ones(before, after):
                return Refused("{} is reshaped to {}, where it would follow other axes", before, after)
    return seen


PATTERNS = (
    Pattern(elementwise, producers),
    Pattern(view_of_view, producers),
    Pattern(view_laid_together, producers),
    Pattern(data_movement_into_consumer, producers),
    Pattern(broadcast_into_consumer, producers),
    Pattern(producer_into_reduction, producers),
    Pattern(reduction_into_consumer, producers),
    Pattern(cube_into_elementwise, producers),
    Pattern(view_of_factor, producers),
    Pattern(transposed_product, producers),
    Pattern(cubes_side_by_side, sharing_inputs(AreaKind.CUBE)),
    Pattern(work_side_by_side, sharing_inputs(AreaKind.ELEMENTWISE, AreaKind.REDUCTION)),
    Pattern(prologue, producers),
)
