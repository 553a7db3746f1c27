"""dvm-simplify: folds constants and scalars, and removes what changes nothing.

One walk in program order, for every rule looks only at operands, which are simplified by then; then xDSL's cse and dce.
(xDSL's greedy pattern rewriter takes two to three times as long with the same rules on 20 operations.) A rule takes an
operation and gives the value that stands for it, an operation to put in its place, or None. Floats are taken seriously: x*0 is not 0 (NaN), x+0 is
not x (-0.0), and chains of float scalars are not combined. Only (1 + tanh(z))/2 becomes what it is short for, sigmoid(2*z), which does not cancel.

A rule never removes an operation whose conditions on dims must be checked at bind.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import copysign, isfinite
from typing import Any, TypeAlias

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.transforms.common_subexpression_elimination import cse
from xdsl.transforms.dead_code_elimination import region_dce

from dvm_dialects import scalar_math
from dvm_dialects.dims import Dim, broadcast
from dvm_dialects.dvm import (
    BinaryOp,
    BinaryScalarOp,
    BroadcastOp,
    BroadcastScalarOp,
    CastOp,
    ConcatOp,
    ConstantOp,
    CopyOp,
    DvmOp,
    MatmulOp,
    PadOp,
    ReshapeOp,
    SelectOp,
    SizeOp,
    SliceOp,
    TransposeOp,
    UnaryOp,
)
from dvm_dialects.dvm_base import DimsAttr, dims_in, scalar_attr, scalar_value
from dvm_dialects.scalar_math import Number
from dvm_dialects.shapes import Shape, ShapeConflict, ShapeRules, is_known, shape_of
from vm.isa import ElementType

Replacement: TypeAlias = SSAValue | DvmOp | None


class _Proven(ShapeRules):
    """Answers that hold for all sizes; a question that only bind can answer is a conflict."""

    def equal(self, a: Dim, b: Dim, what: str) -> Dim:
        return self._if(a == b, a)

    def broadcast(self, a: Dim, b: Dim, what: str) -> Dim:
        result = broadcast(a, b)
        return self._if(a == b or Dim.constant(1) in (a, b), result or a)

    def at_least(self, a: Dim, bound: Dim, what: str) -> None:
        least = (a - bound).lower_bound({})
        self._if(least is not None and least >= 0, a)

    def quotient(self, a: Dim, b: Dim, what: str) -> Dim:
        # b is not the number 0: such a reshape does not verify.
        return self._if(a.floordiv(b) * b == a, a.floordiv(b))

    def _if(self, proven: bool, dim: Dim) -> Dim:
        if not proven:
            raise ShapeConflict
        return dim


_PROVEN = _Proven()


def _proven_shape(op: DvmOp) -> Shape | None:
    """The shape of the result if no condition on dims is left to bind, else None."""
    try:
        return op.infer_dims([_operand_shape(op, operand) for operand in op.operands], _PROVEN)
    except ShapeConflict:
        return None


def _operand_shape(op: DvmOp, operand: SSAValue) -> Shape:
    """The shape of an operand; its unnamed dims are its own, also where it is an operand twice."""
    return shape_of(operand.type, op.operands.index(operand))


# --- splats: tensors of one value ---


@dataclass(frozen=True)
class _Splat:
    """What a `dvm.broadcast_scalar` makes; other splats become one first."""

    value: Number
    """Rounded to the element type."""
    element: ElementType
    shape: Shape

    @classmethod
    def of(cls, value: SSAValue) -> "_Splat | None":
        """The splat that a value is, if it is one."""
        op = value.owner
        if not isinstance(op, BroadcastScalarOp):
            return None
        element = op.result_element()
        return cls(scalar_value(scalar_attr(op.value, element)), element, dims_in(op.shape))

    def stretches_to(self, shape: Shape) -> bool:
        """Whether it certainly broadcasts to the shape, without changing that."""
        offset = len(shape) - len(self.shape)
        pairs = zip(self.shape, shape[max(offset, 0) :], strict=False)
        return offset >= 0 and all(own.value == 1 or own == dim for own, dim in pairs)


def _new_splat(op: DvmOp, value: Number | None, shape: Shape | None) -> DvmOp | None:
    """A splat in place of an operation."""
    if value is None or shape is None or not all(is_known(dim) for dim in shape):
        return None
    return BroadcastScalarOp(value, shape, op.result_element(), op.result.type)


def fold_constant_splat(op: ConstantOp) -> Replacement:
    """`constant dense<2.0> : tensor<4xf32>` is `broadcast_scalar 2.0 shape [4] type Float32`."""
    data = op.value.data.data
    size = len(data) // max(1, len(op.value))
    # Bytes, not numbers: 0.0 and -0.0 are equal.
    if not data or data != data[:size] * len(op.value):
        return None
    return _new_splat(op, scalar_value(next(iter(op.value.iter_attrs()))), shape_of(op.result.type))


def fold_known_size(op: SizeOp) -> Replacement:
    """`size [4]` is `broadcast_scalar 4 shape [] type Int64`."""
    return _new_splat(op, op.dim.value, ())


def fold_unary_splat(op: UnaryOp) -> Replacement:
    """A unary operation on a splat is a splat."""
    splat = _Splat.of(op.operand)
    if splat is None:
        return None
    return _new_splat(op, scalar_math.unary(op.kind.data, splat.value, splat.element), splat.shape)


def fold_cast_splat(op: CastOp) -> Replacement:
    """A cast of a splat is a splat, unless it is a float beyond the range of the integer type."""
    splat = _Splat.of(op.operand)
    return splat and _new_splat(op, scalar_math.convert(splat.value, op.result_element()), splat.shape)


def fold_binary_scalar_splat(op: BinaryScalarOp) -> Replacement:
    """A binary operation on a splat and a scalar is a splat."""
    splat = _Splat.of(op.operand)
    if splat is None:
        return None
    pair = (op.value, splat.value) if op.scalar_first else (splat.value, op.value)
    return _new_splat(op, scalar_math.binary(op.kind.data, *pair, splat.element), splat.shape)


def move_splat(op: BroadcastOp | ReshapeOp | TransposeOp | SliceOp) -> Replacement:
    """A splat in another shape is a splat."""
    splat = _Splat.of(op.operands[0])
    return splat and _new_splat(op, splat.value, _proven_shape(op))


# --- binary and select ---


def binary_of_splat(op: BinaryOp) -> Replacement:
    """`binary Add %x, (broadcast_scalar 2.0)` is `binary_scalar Add %x, 2.0`, if the splat does not stretch %x."""
    for index, (value, other) in enumerate(((op.rhs, op.lhs), (op.lhs, op.rhs))):
        splat = _Splat.of(value)
        if splat is not None and splat.stretches_to(shape_of(other.type)):
            scalar = scalar_attr(splat.value, splat.element)
            first = index == 1
            return BinaryScalarOp(op.kind.data, other, scalar, scalar_first=first, result_type=op.result.type)
    return None


def select_known(op: SelectOp) -> Replacement:
    """`select` of a splat condition, or of one value twice, is that value, if nothing stretches it."""
    condition = _Splat.of(op.condition)
    if condition is not None:
        chosen = op.on_true if condition.value else op.on_false
    elif op.on_true is op.on_false:
        chosen = op.on_true
    else:
        return None
    return chosen if _proven_shape(op) == _operand_shape(op, chosen) else None


# --- binary_scalar ---

_ANY_SIDE = (False, True)
_RIGHT = (False,)

_FLOAT_IDENTITIES: dict[str, tuple[float, tuple[bool, ...]]] = {
    "Add": (-0.0, _ANY_SIDE),  # 0.0 is none: -0.0 + 0.0 is 0.0
    "Sub": (0.0, _RIGHT),
    "Mul": (1.0, _ANY_SIDE),
    "Div": (1.0, _RIGHT),
    "Pow": (1.0, _RIGHT),
}
"""For each kind the scalar that changes nothing, and for which values of `scalar_first`."""

_INTEGER_IDENTITIES: dict[str, tuple[int, tuple[bool, ...]]] = {
    "Add": (0, _ANY_SIDE),
    "Sub": (0, _RIGHT),
    "Mul": (1, _ANY_SIDE),
    "Pow": (1, _RIGHT),
}

_TRUTH_IDENTITIES: dict[str, tuple[bool, tuple[bool, ...]]] = {
    "LogicalAnd": (True, _ANY_SIDE),
    "LogicalOr": (False, _ANY_SIDE),
    "Equal": (True, _ANY_SIDE),
    "NotEqual": (False, _ANY_SIDE),
}


def scalar_identity(op: BinaryScalarOp) -> Replacement:
    """`binary_scalar Mul %x, 1.0` is %x."""
    element = op.element(0)
    table = _FLOAT_IDENTITIES if element.is_float else _INTEGER_IDENTITIES if element.is_integer else _TRUTH_IDENTITIES
    if op.kind.data not in table:
        return None
    neutral, sides = table[op.kind.data]
    same = op.value == neutral and copysign(1, op.value) == copysign(1, neutral)
    return op.operand if same and (op.scalar_first is not None) in sides else None


def scalar_absorbs(op: BinaryScalarOp) -> Replacement:
    """`binary_scalar Mul %i, 0` is 0 for integers; `LogicalAnd %b, false` is false, `LogicalOr %b, true` is true."""
    absorbing = {"Mul": 0, "LogicalAnd": False, "LogicalOr": True}.get(op.kind.data)
    if op.element(0).is_float or absorbing is None or op.value != absorbing:
        return None
    return _new_splat(op, absorbing, shape_of(op.operand.type))


def square(op: BinaryScalarOp) -> Replacement:
    """`binary_scalar Pow %x, 2` is `binary Mul %x, %x`, which is the same number and faster."""
    if op.kind.data == "Pow" and not op.scalar_first and op.value == 2:
        return BinaryOp("Mul", op.operand, op.operand, op.result.type)
    return None


def combine_scalars(op: BinaryScalarOp) -> Replacement:
    """`binary_scalar Add (binary_scalar Add %i, 1), 2` is `binary_scalar Add %i, 3`, for integers."""
    inner = op.operand.owner
    if not isinstance(inner, BinaryScalarOp) or not op.element(0).is_integer or inner.element(0) is not op.element(0):
        return None
    element = op.element(0)
    kind, a, b = op.kind.data, int(inner.value), int(op.value)
    if kind in ("Mul", "Maximum", "Minimum") and inner.kind.data == kind:
        combined = scalar_math.binary(kind, a, b, element)
        assert combined is not None  # None is only for Pow
        return BinaryScalarOp(kind, inner.operand, scalar_attr(combined, element), result_type=op.result.type)
    if kind not in _SUMS or inner.kind.data not in _SUMS:
        return None
    # Either operation is sign*x + constant.
    inner_sign, inner_constant = _as_sum(inner, a)
    sign, constant = _as_sum(op, b)
    total = scalar_attr(scalar_math.wrap(sign * inner_constant + constant, element), element)
    positive = sign * inner_sign > 0
    return BinaryScalarOp(
        "Add" if positive else "Sub", inner.operand, total, scalar_first=not positive, result_type=op.result.type
    )


_SUMS = ("Add", "Sub")


def _as_sum(op: BinaryScalarOp, scalar: int) -> tuple[int, int]:
    """The sign of the operand and the constant of an Add or Sub."""
    if op.kind.data == "Add":
        return 1, scalar
    return (-1, scalar) if op.scalar_first else (1, -scalar)


# --- (1 + tanh(z))/2 ---


def half_of_tanh(op: BinaryScalarOp) -> Replacement:
    """`binary_scalar Mul (1 + tanh %z), 0.5` is sigmoid(2 * %z); so is the half of a product with 1 + tanh(%z)."""
    if op.kind.data != "Mul" or op.value != 0.5 or not op.operand.has_one_use():
        return None
    argument = _one_plus_tanh_of(op.operand)
    if argument is not None:
        return UnaryOp("Sigmoid", _twice(argument, op), op.result.type)
    product = op.operand.owner
    if not isinstance(product, BinaryOp) or product.kind.data != "Mul":
        return None
    return _product_with_sigmoid(op, product.lhs, product.rhs) or _product_with_sigmoid(op, product.rhs, product.lhs)


def half_times_tanh(op: BinaryOp) -> Replacement:
    """`binary Mul (binary_scalar Mul %x, 0.5), (1 + tanh %z)` is %x * sigmoid(2 * %z), as in the tanh form of GELU."""
    if op.kind.data != "Mul":
        return None
    for half, other in ((op.lhs, op.rhs), (op.rhs, op.lhs)):
        halved = half.owner
        if isinstance(halved, BinaryScalarOp) and halved.kind.data == "Mul" and halved.value == 0.5:
            return _product_with_sigmoid(op, halved.operand, other)
    return None


def _product_with_sigmoid(op: BinaryOp | BinaryScalarOp, factor: SSAValue, one_plus_tanh: SSAValue) -> BinaryOp | None:
    """factor * sigmoid(2*z) for 1 + tanh(z)."""
    argument = _one_plus_tanh_of(one_plus_tanh)
    if argument is None:
        return None
    sigmoid = _before(op, UnaryOp("Sigmoid", _twice(argument, op)))
    return BinaryOp("Mul", factor, sigmoid, op.result.type)


def _one_plus_tanh_of(value: SSAValue) -> SSAValue | None:
    """z, where a value is 1 + tanh(z) and nobody else wants that or tanh(z)."""
    total = value.owner
    if not isinstance(total, BinaryScalarOp) or total.kind.data != "Add" or total.value != 1:
        return None
    tanh = total.operand.owner
    if not isinstance(tanh, UnaryOp) or tanh.kind.data != "Tanh":
        return None
    return tanh.operand if value.has_one_use() and tanh.result.has_one_use() else None


def _twice(value: SSAValue, op: DvmOp) -> SSAValue:
    """2 * value, made in front of an operation; of a value times a float the float is doubled."""
    scaled = value.owner
    if isinstance(scaled, BinaryScalarOp) and scaled.kind.data == "Mul":
        scalar = scalar_attr(2 * float(scaled.value), scaled.element(0))
        if isfinite(scalar_value(scalar)):
            return _before(op, BinaryScalarOp("Mul", scaled.operand, scalar, result_type=scaled.result.type))
    return _before(op, BinaryScalarOp("Mul", value, 2.0))


def _before(op: DvmOp, made: DvmOp) -> SSAValue:
    made.location = op.location
    Rewriter.insert_op(made, InsertPoint.before(op))
    return made.result


# --- unary and cast ---

_INVOLUTIONS = ("Neg", "LogicalNot")
_IDEMPOTENT = ("Abs", "Round", "Floor", "Ceil", "Trunc")


def repeated_unary(op: UnaryOp) -> Replacement:
    """`Neg` of `Neg` is nothing; `Floor` of `Floor` is `Floor`."""
    inner = op.operand.owner
    if not isinstance(inner, UnaryOp) or inner.kind.data != op.kind.data:
        return None
    if op.kind.data in _INVOLUTIONS:
        return inner.operand
    return op.operand if op.kind.data in _IDEMPOTENT else None


def identity_cast(op: CastOp) -> Replacement:
    """A cast to the type that the operand has is nothing."""
    return op.operand if op.element(0) is op.result_element() else None


_LOSSLESS: dict[ElementType, frozenset[ElementType]] = {
    ElementType.I1: frozenset(ElementType),
    ElementType.F16: frozenset((ElementType.F32,)),
    ElementType.BF16: frozenset((ElementType.F32,)),
    ElementType.I32: frozenset((ElementType.I64,)),
}
"""For each element type those that have all its values."""


def combine_casts(op: CastOp) -> Replacement:
    """A cast to f32 of a cast to i1 of... : the first of two casts is nothing if it loses nothing."""
    inner = op.operand.owner
    if not isinstance(inner, CastOp) or inner.result_element() not in _LOSSLESS.get(inner.element(0), ()):
        return None
    return CastOp(inner.operand, op.result_element(), op.result.type)


# --- shapes ---


def copy_of(op: CopyOp) -> Replacement:
    """`copy %x` is %x."""
    return op.operand


def unchanged_shape(op: ReshapeOp | BroadcastOp | SliceOp | ConcatOp | PadOp) -> Replacement:
    """A reshape, broadcast, slice, concat or pad that certainly keeps the operand as it is."""
    if isinstance(op, ConcatOp) and len(op.inputs) > 1:
        return None
    if isinstance(op, SliceOp) and not (_all(op.starts, 0) and set(op.strides) <= {1}):
        return None
    if isinstance(op, PadOp) and not (_all(op.low, 0) and _all(op.high, 0)):
        return None
    operand = op.operands[0]
    return operand if _proven_shape(op) == _operand_shape(op, operand) else None


def _all(dims: DimsAttr, value: int) -> bool:
    return all(dim.value == value for dim in dims_in(dims))


def reshape_of_reshape(op: ReshapeOp) -> Replacement:
    """`reshape (reshape %x shape [8]) shape [2, 4]` is `reshape %x shape [2, 4]`, if the inner one is certainly right."""
    inner = op.operand.owner
    if not isinstance(inner, ReshapeOp) or _proven_shape(inner) is None:
        return None
    return ReshapeOp(inner.operand, dims_in(op.shape), op.result.type)


def broadcast_of_broadcast(op: BroadcastOp) -> Replacement:
    """`broadcast (broadcast %x shape [2, 4]) shape [8, 2, 4]` is one broadcast, if both are certainly right."""
    inner = op.operand.owner
    if not isinstance(inner, BroadcastOp) or _proven_shape(inner) is None or _proven_shape(op) is None:
        return None
    return BroadcastOp(inner.operand, dims_in(op.shape), op.result.type)


def transpose_of_transpose(op: TransposeOp) -> Replacement:
    """Two transposes are one, and one that keeps the order is nothing."""
    if op.order == tuple(range(len(op.order))):
        return op.operand
    inner = op.operand.owner
    if not isinstance(inner, TransposeOp):
        return None
    return TransposeOp(inner.operand, [inner.order[axis] for axis in op.order], op.result.type)


def slice_of_slice(op: SliceOp) -> Replacement:
    """`slice (slice %x starts [2] sizes [9] steps [2]) starts [1] sizes [3] steps [3]` is
    `slice %x starts [4] sizes [3] steps [6]`, if both are certainly right.

    A slice of nothing may start at the end of what it slices, which with a step lies past the end of what that slices.
    """
    inner, sizes = op.operand.owner, _proven_shape(op)
    if not isinstance(inner, SliceOp) or _proven_shape(inner) is None or sizes is None:
        return None
    if not all(map(is_known, sizes)):
        return None  # the size of what has no name cannot be written
    for size, start, step in zip(sizes, dims_in(op.starts), inner.strides, strict=True):
        if step > 1 and start.value != 0 and (size.value is None or size.value == 0):
            return None
    steps = [first * second for first, second in zip(inner.strides, op.strides, strict=True)]
    starts = [
        first + second * step
        for first, second, step in zip(dims_in(inner.starts), dims_in(op.starts), inner.strides, strict=True)
    ]
    return SliceOp(inner.operand, starts, sizes, steps, op.result.type)


def matmul_of_flattened(op: MatmulOp) -> Replacement:
    """`matmul (reshape %a shape [8, 4, 2]), (reshape %b shape [8, 2, 3])` of %a [2, 4, 4, 2] and %b [2, 4, 2, 3] is a reshape
    of `matmul %a, %b`, if all are certainly right: products over several dims need not be flattened to one.
    """
    factors = [operand.owner for operand in op.operands]
    result = _proven_shape(op)
    if len(factors) != 2 or result is None or len(result) != 3 or not all(map(is_known, result)):
        return None
    sources: list[SSAValue] = []
    batches: list[Shape] = []
    for operand, factor in zip(op.operands, factors, strict=True):
        if not isinstance(factor, ReshapeOp) or _proven_shape(factor) is None:
            return None
        before, after = shape_of(factor.operand.type), shape_of(operand.type)
        if len(before) < 4 or before[-2:] != after[-2:] or not all(map(is_known, before)):
            return None
        sources.append(factor.operand)
        batches.append(before[:-2])
    if batches[0] != batches[1]:
        return None
    product = MatmulOp(*sources, trans_a=bool(op.trans_a.value.data), trans_b=bool(op.trans_b.value.data))
    return ReshapeOp(_before(op, product), result, op.result.type)


_RULES: dict[type[Operation], Sequence[Callable[[Any], Replacement]]] = {
    ConstantOp: (fold_constant_splat,),
    SizeOp: (fold_known_size,),
    UnaryOp: (fold_unary_splat, repeated_unary),
    BinaryOp: (binary_of_splat, half_times_tanh),
    BinaryScalarOp: (fold_binary_scalar_splat, scalar_identity, scalar_absorbs, square, half_of_tanh, combine_scalars),
    SelectOp: (select_known,),
    CastOp: (identity_cast, fold_cast_splat, combine_casts),
    CopyOp: (copy_of,),
    ReshapeOp: (unchanged_shape, move_splat, reshape_of_reshape),
    BroadcastOp: (unchanged_shape, move_splat, broadcast_of_broadcast),
    TransposeOp: (transpose_of_transpose, move_splat),
    SliceOp: (unchanged_shape, move_splat, slice_of_slice),
    ConcatOp: (unchanged_shape,),
    PadOp: (unchanged_shape,),
    MatmulOp: (matmul_of_flattened,),
}


def _simplify(op: DvmOp) -> None:
    """Applies rules to an operation, and to what they put in its place, until none does."""
    current = op
    while (replacement := _replacement(current)) is not None:
        if isinstance(replacement, DvmOp):
            replacement.location = current.location
            Rewriter.insert_op(replacement, InsertPoint.before(current))
            current.result.replace_all_uses_with(replacement.result)
            Rewriter.erase_op(current)
            current = replacement
        else:
            current.result.replace_all_uses_with(replacement)
            Rewriter.erase_op(current)
            return


def _replacement(op: DvmOp) -> SSAValue | DvmOp | None:
    """What the first rule that applies gives; a value of another type cannot take the place of the result."""
    for rule in _RULES.get(type(op), ()):
        found = rule(op)
        if found is not None and (isinstance(found, DvmOp) or found.type == op.result.type):
            return found
    return None


class DvmSimplifyPass(ModulePass):
    """Folds constants and scalars, and removes what changes nothing or is not used."""

    name = "dvm-simplify"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for inner in list(op.walk()):
            if isinstance(inner, DvmOp):
                _simplify(inner)
        cse(op)
        region_dce(op.body)
