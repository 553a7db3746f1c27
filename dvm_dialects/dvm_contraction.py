"""Matrix products of the dvm dialect."""

from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import BoolAttr, IntegerAttr, TensorType, i64
from xdsl.ir import Attribute
from xdsl.irdl import irdl_op_definition, operand_def, opt_operand_def, prop_def

from dvm_dialects.dims import Dim
from dvm_dialects.dvm_base import FLAG, INDICES, INTEGER, NUMBERS, DvmOp, Value
from dvm_dialects.dvm_elementwise import broadcast_two
from dvm_dialects.shapes import MAX_RANK, Shape, ShapeRules

GROUPED_ROWS = 0
"""group_type: the rows of the left operand belong to groups, each multiplied by its own matrix."""
GROUPED_CONTRACTION = 2
"""group_type: the contracted dim is in groups, each giving its own product."""


class _ProductOp(DvmOp):
    """What the products share: flags for operands that are stored transposed, and a bias."""

    trans_a = prop_def(FLAG)
    trans_b = prop_def(FLAG)

    def check(self) -> None:
        self.require(0, NUMBERS)
        self.require_same(0, 1)

    def _rows_and_columns(self, shapes: Sequence[Shape]) -> tuple[Dim, Dim, Dim, Dim]:
        """m and k of the left operand, k and n of the right one."""
        m, k = shapes[0][-2:]
        other_k, n = shapes[1][-2:]
        if self.trans_a.value.data:
            m, k = k, m
        if self.trans_b.value.data:
            other_k, n = n, other_k
        return m, k, other_k, n

    def _require_bias(self, bias: Shape, result: Shape, rules: ShapeRules) -> None:
        """A bias is broadcast to the result, as NumPy does it."""
        offset = len(result) - len(bias)
        for axis, dim in enumerate(bias):
            rules.broadcast_to(
                dim, result[offset + axis], f"dim {axis} of 'bias' and dim {offset + axis} of the result"
            )


@irdl_op_definition
class MatmulOp(_ProductOp):
    """Matrix product of the last two dims; the dims before them broadcast as in NumPy, and so does the bias.

    `dvm.matmul %x, %y trans_a false trans_b false bias %z : tensor<4x8xf32>, tensor<8x16xf32>, tensor<16xf32> -> tensor<4x16xf32>`.
    A transposed operand is stored with its last two dims exchanged.
    """

    name = "dvm.matmul"
    OPERAND_NAMES: ClassVar[tuple[str, ...]] = ("lhs", "rhs", "bias")
    lhs = operand_def(TensorType)
    rhs = operand_def(TensorType)
    bias = opt_operand_def(TensorType)
    assembly_format = (
        "$lhs `,` $rhs `trans_a` $trans_a `trans_b` $trans_b (`bias` $bias^)? attr-dict "
        "`:` type($lhs) `,` type($rhs) (`,` type($bias)^)? `->` type($result)"
    )

    def __init__(
        self,
        lhs: Value,
        rhs: Value,
        bias: Value | None = None,
        *,
        trans_a: bool = False,
        trans_b: bool = False,
        result_type: Attribute | None = None,
    ) -> None:
        properties = {"trans_a": BoolAttr.from_bool(trans_a), "trans_b": BoolAttr.from_bool(trans_b)}
        self._build([lhs, rhs, [] if bias is None else [bias]], properties, result_type)

    def check(self) -> None:
        super().check()
        self.require_rank(0, 2, MAX_RANK)
        self.require_rank(1, 2, MAX_RANK)
        if self.bias is not None:
            self.require_same(0, 2)
            self.require_rank(2, 0, max(self.rank(0), self.rank(1)))

    def infer_dims(self, shapes: Sequence[Shape], rules: ShapeRules) -> Shape:
        m, k, other_k, n = self._rows_and_columns(shapes)
        rules.equal(k, other_k, "the contracted dims of 'lhs' and 'rhs'")
        result = (*broadcast_two(shapes[0][:-2], shapes[1][:-2], "'lhs' and 'rhs'", rules), m, n)
        if len(shapes) == 3:
            self._require_bias(shapes[2], result, rules)
        return result


@irdl_op_definition
class GroupedMatmulOp(_ProductOp):
    """A matrix product for each of G groups of rows (group_type 0) or of the contracted dim (group_type 2).

    `groups`, i32 or i64 of shape [G], holds the ascending ends of the groups: group g is groups[g-1] up to groups[g].
    group_type 0: x [m, k], w [G, k, n], result [m, n]; rows past the last end are 0.
    group_type 2: x [m, k], w [k, n], result [G, m, n].
    A transposed operand is stored with its last two dims exchanged; the bias broadcasts to the result.
    """

    name = "dvm.grouped_matmul"
    OPERAND_NAMES: ClassVar[tuple[str, ...]] = ("lhs", "rhs", "groups", "bias")
    lhs = operand_def(TensorType)
    rhs = operand_def(TensorType)
    groups = operand_def(TensorType)
    bias = opt_operand_def(TensorType)
    group_type = prop_def(INTEGER)
    assembly_format = (
        "$lhs `,` $rhs `,` $groups `trans_a` $trans_a `trans_b` $trans_b `group_type` $group_type (`bias` $bias^)? "
        "attr-dict `:` type($lhs) `,` type($rhs) `,` type($groups) (`,` type($bias)^)? `->` type($result)"
    )

    def __init__(
        self,
        lhs: Value,
        rhs: Value,
        groups: Value,
        bias: Value | None = None,
        *,
        trans_a: bool = False,
        trans_b: bool = False,
        group_type: int = GROUPED_ROWS,
        result_type: Attribute | None = None,
    ) -> None:
        properties = {
            "trans_a": BoolAttr.from_bool(trans_a),
            "trans_b": BoolAttr.from_bool(trans_b),
            "group_type": IntegerAttr(group_type, i64),
        }
        self._build([lhs, rhs, groups, [] if bias is None else [bias]], properties, result_type)

    @property
    def groups_rows(self) -> bool:
        """Whether the rows are grouped, not the contracted dim."""
        return self.group_type.value.data == GROUPED_ROWS

    def check(self) -> None:
        super().check()
        if self.group_type.value.data not in (GROUPED_ROWS, GROUPED_CONTRACTION):
            self.fail(f"group_type must be 0 or 2, but is {self.group_type.value.data}")
        self.require(2, INDICES)
        self.require_rank(0, 2, 2)
        self.require_rank(1, 3 if self.groups_rows else 2, 3 if self.groups_rows else 2)
        self.require_rank(2, 1, 1)
        if self.bias is not None:
            self.require_same(0, 3)
            self.require_rank(3, 0, 2 if self.groups_rows else 3)

    def infer_dims(self, shapes: Sequence[Shape], rules: ShapeRules) -> Shape:
        m, k, other_k, n = self._rows_and_columns(shapes)
        rules.equal(k, other_k, "the contracted dims of 'lhs' and 'rhs'")
        groups = shapes[2][0]
        if self.groups_rows:
            rules.equal(shapes[1][0], groups, "dim 0 of 'rhs' and dim 0 of 'groups'")
            result = (m, n)
        else:
            result = (groups, m, n)
        if len(shapes) == 4:
            self._require_bias(shapes[3], result, rules)
        return result
