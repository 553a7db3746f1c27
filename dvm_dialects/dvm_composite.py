"""Composite operations of the dvm dialect, which `dvm-decompose` lowers to primitive ones. All work on floats."""

from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import FloatAttr, IntegerAttr, StringAttr, TensorType, f64, i64
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import eq, irdl_op_definition, operand_def, prop_def, var_operand_def

from dvm_dialects.dvm_base import FLOATS, INTEGER, DvmOp, Value, Word
from dvm_dialects.shapes import Shape, ShapeRules

APPROXIMATIONS = ("none", "tanh")
"""The forms of GELU by name."""


class _CompositeOp(DvmOp):
    """A float operand; the result has its shape."""

    def check(self) -> None:
        self.require(0, FLOATS)

    def infer_dims(self, shapes: Sequence[Shape], rules: ShapeRules) -> Shape:
        return shapes[0]


class _AxisOp(_CompositeOp):
    """Works along a dim, or all from that one on; -1 is the last."""

    axis = prop_def(INTEGER)

    @property
    def position(self) -> int:
        """The axis, counted from the front."""
        axis = self.axis.value.data
        return axis if axis >= 0 else axis + self.rank(0)

    def check(self) -> None:
        super().check()
        self.require_axis(self.axis.value.data, self.rank(0), "axis", negative=True)


@irdl_op_definition
class SoftmaxOp(_AxisOp):
    """e ** x over its sum along a dim: `dvm.softmax %a axis -1 : tensor<4x2xf32> -> tensor<4x2xf32>`."""

    name = "dvm.softmax"
    operand = operand_def(TensorType)
    assembly_format = "$operand `axis` $axis attr-dict `:` type($operand) `->` type($result)"

    def __init__(self, operand: Value, axis: int = -1, result_type: Attribute | None = None) -> None:
        self._build([operand], {"axis": IntegerAttr(axis, i64)}, result_type)


class _NormOp(_AxisOp):
    """A normalisation over all dims from `axis` on; parameters have the shape of those dims."""

    MOST_PARAMETERS: ClassVar[int]

    inputs = var_operand_def(TensorType)
    epsilon = prop_def(FloatAttr.constr(eq(f64)))
    assembly_format = "$inputs `axis` $axis `epsilon` $epsilon attr-dict `:` type($inputs) `->` type($result)"

    def _build_norm(
        self, inputs: Sequence[Value | None], axis: int, epsilon: float, result_type: Attribute | None
    ) -> None:
        given = [value for value in inputs if value is not None]
        self._build([given], {"axis": IntegerAttr(axis, i64), "epsilon": FloatAttr(epsilon, f64)}, result_type)

    @property
    def operand(self) -> SSAValue:
        """The tensor to normalise."""
        return self.inputs[0]

    @property
    def gamma(self) -> SSAValue | None:
        """What the normalised tensor is multiplied by, if given."""
        return self.inputs[1] if len(self.inputs) > 1 else None

    def check(self) -> None:
        if not 1 <= len(self.inputs) <= 1 + self.MOST_PARAMETERS:
            self.fail(f"there must be 1 to {1 + self.MOST_PARAMETERS} operands, but there are {len(self.inputs)}")
        super().check()
        if not self.epsilon.value.data >= 0:
            self.fail(f"epsilon must not be negative, but is {self.epsilon.value.data}")
        for index in range(1, len(self.inputs)):
            self.require_same(0, index)
            rank = self.rank(0) - self.position
            self.require_rank(index, rank, rank)

    def infer_dims(self, shapes: Sequence[Shape], rules: ShapeRules) -> Shape:
        normalised = shapes[0][self.position :]
        for index, shape in enumerate(shapes[1:], 1):
            for axis, (dim, wanted) in enumerate(zip(shape, normalised, strict=True)):
                rules.equal(
                    wanted, dim, f"dim {self.position + axis} of 'operand' and dim {axis} of {self.operand_name(index)}"
                )
        return shapes[0]


@irdl_op_definition
class LayerNormOp(_NormOp):
    """(x - mean) / sqrt(variance + epsilon) over the dims from `axis` on, times gamma, plus beta where they are given.

    `dvm.layer_norm %a, %gamma, %beta axis -1 epsilon 1.0e-05 : tensor<4x2xf32>, tensor<2xf32>, tensor<2xf32> -> tensor<4x2xf32>`.
    """

    name = "dvm.layer_norm"
    OPERAND_NAMES: ClassVar[tuple[str, ...]] = ("operand", "gamma", "beta")
    MOST_PARAMETERS: ClassVar[int] = 2

    def __init__(
        self,
        operand: Value,
        gamma: Value | None = None,
        beta: Value | None = None,
        *,
        axis: int = -1,
        epsilon: float = 1e-5,
        result_type: Attribute | None = None,
    ) -> None:
        """Raises ValueError for a beta without a gamma."""
        if gamma is None and beta is not None:
            raise ValueError("dvm.layer_norm: beta needs gamma")
        self._build_norm([operand, gamma, beta], axis, epsilon, result_type)

    @property
    def beta(self) -> SSAValue | None:
        """What is added in the end, if given."""
        return self.inputs[2] if len(self.inputs) > 2 else None


@irdl_op_definition
class RmsNormOp(_NormOp):
    """x / sqrt(mean of x**2 + epsilon) over the dims from `axis` on, times gamma where it is given.

    `dvm.rms_norm %a, %gamma axis -1 epsilon 1.0e-05 : tensor<4x2xf32>, tensor<2xf32> -> tensor<4x2xf32>`.
    """

    name = "dvm.rms_norm"
    OPERAND_NAMES: ClassVar[tuple[str, ...]] = ("operand", "gamma")
    MOST_PARAMETERS: ClassVar[int] = 1

    def __init__(
        self,
        operand: Value,
        gamma: Value | None = None,
        *,
        axis: int = -1,
        epsilon: float = 1e-5,
        result_type: Attribute | None = None,
    ) -> None:
        self._build_norm([operand, gamma], axis, epsilon, result_type)


@irdl_op_definition
class GeluOp(_CompositeOp):
    """The Gaussian error linear unit: `dvm.gelu %a approximate tanh : tensor<4x2xf32> -> tensor<4x2xf32>`.

    `approximate none` is x/2 * (1 + erf(x/sqrt(2))), `tanh` is x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715*x**3))).
    """

    name = "dvm.gelu"
    operand = operand_def(TensorType)
    approximate = prop_def(StringAttr)
    assembly_format = (
        "$operand `approximate` custom<Word>($approximate) attr-dict `:` type($operand) `->` type($result)"
    )
    custom_directives = (Word,)

    def __init__(self, operand: Value, approximate: str = "none", result_type: Attribute | None = None) -> None:
        self._build([operand], {"approximate": StringAttr(approximate)}, result_type)

    def check(self) -> None:
        super().check()
        if self.approximate.data not in APPROXIMATIONS:
            self.fail(f"approximate '{self.approximate.data}' is not one of {', '.join(APPROXIMATIONS)}")
