"""The instructions of the `visa` dialect: one operation for each format of the ISA table.

The operations declare no memory effects on purpose: a load repeated in another pass must not be merged by cse, for
its tile does not outlive its pass, and after allocation equal instructions may differ in what their slots hold.
"""

from abc import ABC
from collections.abc import Mapping, Sequence
from typing import ClassVar

from typing_extensions import override
from xdsl.backend.register_allocatable import HasRegisterConstraints, RegisterConstraints
from xdsl.dialects.builtin import ArrayAttr, IntAttr, StringAttr
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.traits import IsTerminator
from xdsl.utils.exceptions import VerifyException

from dvm_dialects.shapes import element_of, mlir_type
from dvm_dialects.visa_base import Axes, Axis, AxisList, Defined, InstructionOp, Keyword, held_type
from dvm_dialects.visa_types import GlobalType, ScalarType, UbType
from vm import isa
from vm.isa import MAX_AXES, ElementType, Format, PassMode, ReduceKind


@irdl_op_definition
class PassOp(InstructionOp):
    """Begins a pass: what follows runs once, or for each tile of the reduction axes, for one tile of the parallel axes.

    `visa.pass once keep %m : !visa.ub`. `keep` lists what the stream pass that ends here reads from earlier passes, so
    that it keeps its slot until the last tile.
    """

    name = "visa.pass"
    FORMAT: ClassVar[Format] = isa.PASS
    mode = prop_def(StringAttr)
    keep = var_operand_def(UbType)
    assembly_format = "custom<Keyword>($mode) (`keep` $keep^ `:` type($keep))? attr-dict"
    custom_directives = (Keyword,)

    def __init__(self, mode: PassMode, keep: Sequence[SSAValue] = ()):
        properties = {"mode": StringAttr(mode.name.lower())}
        Operation.__init__(self, operands=keep, properties=properties)

    @property
    @override
    def type(self) -> ElementType:
        return ElementType.I1

    @property
    def pass_mode(self) -> PassMode:
        """Raises VerifyException for a mode that is none."""
        try:
            return PassMode[self.mode.data.upper()]
        except KeyError:
            legal = ", ".join(mode.name.lower() for mode in PassMode)
            raise VerifyException(f"pass mode '{self.mode.data}' is not one of {legal}") from None

    @property
    @override
    def immediate(self) -> int:
        return self.pass_mode

    @override
    def verify_(self) -> None:
        _ = self.pass_mode


@irdl_op_definition
class EndOp(IRDLOperation, HasRegisterConstraints):
    """Ends a kernel; becomes no word. `keep` is as that of `visa.pass`."""

    name = "visa.end"
    keep = var_operand_def(UbType)
    assembly_format = "(`keep` $keep^ `:` type($keep))? attr-dict"
    traits = traits_def(IsTerminator())

    def __init__(self, keep: Sequence[SSAValue] = ()):
        Operation.__init__(self, operands=keep)

    @override
    def get_register_constraints(self) -> RegisterConstraints:
        return RegisterConstraints(tuple(self.operands), (), ())


@irdl_op_definition
class LoadOp(InstructionOp):
    """`%0 = visa.load f32 %gx : !visa.ub`: the tile of an input; it varies along the axes in the access map."""

    name = "visa.load"
    FORMAT: ClassVar[Format] = isa.LOAD
    element = prop_def(Attribute)
    source = operand_def(GlobalType)
    result = result_def(UbType)
    assembly_format = "$element custom<Defined>($source, type($source)) attr-dict `:` type($result)"
    custom_directives = (Defined,)

    def __init__(self, source: SSAValue):
        self._build(_global_type(source).element_type, (source,))

    @override
    def result_axes(self, axes: Mapping[SSAValue, Axes], parallel: Axes) -> Axes:
        return _global_type(self.source).axes


@irdl_op_definition
class LoadGuardedOp(InstructionOp):
    """`%1 = visa.load_guarded f32 %0, %gx : (!visa.ub) -> !visa.ub`.

    The background `%0`, overwritten in place where the access map falls inside of the tensor; a background is made by
    `visa.fill`, and the result varies along all of its axes.
    """

    name = "visa.load_guarded"
    FORMAT: ClassVar[Format] = isa.LOAD_GUARDED
    element = prop_def(Attribute)
    background = operand_def(UbType)
    source = operand_def(GlobalType)
    result = result_def(UbType)
    assembly_format = "$element $background `,` custom<Defined>($source, type($source)) attr-dict `:` `(` type($background) `)` `->` type($result)"
    custom_directives = (Defined,)

    def __init__(self, background: SSAValue, source: SSAValue):
        self._build(_global_type(source).element_type, (background, source))

    @override
    def result_axes(self, axes: Mapping[SSAValue, Axes], parallel: Axes) -> Axes:
        return axes[self.background]


@irdl_op_definition
class GatherOp(InstructionOp):
    """`%1 = visa.gather f32 %gx, %i : (!visa.ub) -> !visa.ub`: an input whose free dim is indexed by the tile `%i`.

    The index is i32 or i64, -n <= index < n for an extent of n. The result varies along the axes of the index and of
    the access map.
    """

    name = "visa.gather"
    FORMAT: ClassVar[Format] = isa.GATHER
    element = prop_def(Attribute)
    source = operand_def(GlobalType)
    index = operand_def(UbType)
    result = result_def(UbType)
    assembly_format = "$element custom<Defined>($source, type($source)) `,` $index attr-dict `:` `(` type($index) `)` `->` type($result)"
    custom_directives = (Defined,)

    def __init__(self, source: SSAValue, index: SSAValue):
        self._build(_global_type(source).element_type, (source, index))

    @override
    def source_types(self) -> Sequence[ElementType | None]:
        return None, None

    @override
    def result_axes(self, axes: Mapping[SSAValue, Axes], parallel: Axes) -> Axes:
        return axes[self.index] | _global_type(self.source).axes

    @override
    def verify_(self) -> None:
        super().verify_()
        index = held_type(self.index)
        if index is not None and not index.is_integer:
            raise VerifyException(f"the index is a tile of {index.text}, but i32 or i64 is needed")


@irdl_op_definition
class StoreOp(InstructionOp):
    """`visa.store f32 %0, %gy`: writes the tile of an output, rounded to its element type."""

    name = "visa.store"
    FORMAT: ClassVar[Format] = isa.STORE
    element = prop_def(Attribute)
    value = operand_def(UbType)
    target = operand_def(GlobalType)
    assembly_format = (
        "$element custom<Defined>($value, type($value)) `,` custom<Defined>($target, type($target)) attr-dict"
    )
    custom_directives = (Defined,)

    def __init__(self, value: SSAValue, target: SSAValue):
        self._build(_global_type(target).element_type, (value, target))


@irdl_op_definition
class FillOp(InstructionOp):
    """`%0 = visa.fill f32 %k axes [0, 1] : (!visa.scalar) -> !visa.ub`: a scalar, or a tile, along the axes given."""

    name = "visa.fill"
    FORMAT: ClassVar[Format] = isa.FILL
    element = prop_def(Attribute)
    axes = prop_def(ArrayAttr[IntAttr])
    source = operand_def(UbType | ScalarType)
    result = result_def(UbType)
    assembly_format = "$element $source `axes` custom<AxisList>($axes) attr-dict `:` functional-type(operands, results)"
    custom_directives = (AxisList,)

    def __init__(self, element: ElementType, source: SSAValue, axes: Sequence[int]):
        self._build(element, (source,), axes=ArrayAttr(IntAttr(axis) for axis in sorted(axes)))

    @property
    @override
    def immediate(self) -> int:
        return sum(1 << axis.data for axis in self.axes)

    @override
    def result_axes(self, axes: Mapping[SSAValue, Axes], parallel: Axes) -> Axes:
        return frozenset(axis.data for axis in self.axes)

    @override
    def verify_(self) -> None:
        super().verify_()
        axes = [axis.data for axis in self.axes]
        if axes != sorted(set(axes)) or any(not 0 <= axis < MAX_AXES for axis in axes):
            raise VerifyException(f"axes {axes} are not ascending numbers of axes")


@irdl_op_definition
class IotaOp(InstructionOp):
    """`%0 = visa.iota i32 axis 1 : !visa.ub`: the index along a domain axis."""

    name = "visa.iota"
    FORMAT: ClassVar[Format] = isa.IOTA
    element = prop_def(Attribute)
    axis = prop_def(IntAttr)
    result = result_def(UbType)
    assembly_format = "$element `axis` custom<Axis>($axis) attr-dict `:` type($result)"
    custom_directives = (Axis,)

    def __init__(self, element: ElementType, axis: int):
        self._build(element, (), axis=IntAttr(axis))

    @property
    @override
    def immediate(self) -> int:
        return self.axis.data

    @override
    def result_axes(self, axes: Mapping[SSAValue, Axes], parallel: Axes) -> Axes:
        return frozenset({self.axis.data})


@irdl_op_definition
class UnaryOp(InstructionOp):
    """`%1 = visa.unary exp f32 %0 : (!visa.ub) -> !visa.ub`; `copy` is one of these."""

    name = "visa.unary"
    FORMAT: ClassVar[Format] = isa.UNARY
    IN_PLACE: ClassVar[bool] = True
    mnemonic = prop_def(StringAttr)
    element = prop_def(Attribute)
    a = operand_def(UbType)
    result = result_def(UbType)
    assembly_format = "custom<Keyword>($mnemonic) $element $a attr-dict `:` functional-type(operands, results)"
    custom_directives = (Keyword,)

    def __init__(self, mnemonic: str, element: ElementType, a: SSAValue):
        self._build(element, (a,), mnemonic=StringAttr(mnemonic))


@irdl_op_definition
class BinaryOp(InstructionOp):
    """`%2 = visa.binary mul f32 %0, %k : (!visa.ub, !visa.scalar) -> !visa.ub`."""

    name = "visa.binary"
    FORMAT: ClassVar[Format] = isa.BINARY
    IN_PLACE: ClassVar[bool] = True
    mnemonic = prop_def(StringAttr)
    element = prop_def(Attribute)
    a = operand_def(UbType | ScalarType)
    b = operand_def(UbType | ScalarType)
    result = result_def(UbType)
    assembly_format = "custom<Keyword>($mnemonic) $element $a `,` $b attr-dict `:` functional-type(operands, results)"
    custom_directives = (Keyword,)

    def __init__(self, mnemonic: str, element: ElementType, a: SSAValue, b: SSAValue):
        self._build(element, (a, b), mnemonic=StringAttr(mnemonic))


@irdl_op_definition
class SelectOp(InstructionOp):
    """`%3 = visa.select f32 %c, %a, %b : (!visa.ub, !visa.ub, !visa.scalar) -> !visa.ub`: `%a` where `%c`, else `%b`."""

    name = "visa.select"
    FORMAT: ClassVar[Format] = isa.SELECT
    IN_PLACE: ClassVar[bool] = True
    element = prop_def(Attribute)
    condition = operand_def(UbType)
    a = operand_def(UbType | ScalarType)
    b = operand_def(UbType | ScalarType)
    result = result_def(UbType)
    assembly_format = "$element $condition `,` $a `,` $b attr-dict `:` functional-type(operands, results)"

    def __init__(self, element: ElementType, condition: SSAValue, a: SSAValue, b: SSAValue):
        self._build(element, (condition, a, b))

    @override
    def source_types(self) -> Sequence[ElementType | None]:
        return ElementType.I1, self.type, self.type


@irdl_op_definition
class CastOp(InstructionOp):
    """`%1 = visa.cast f32 %0 to i32 : (!visa.ub) -> !visa.ub`; to f16 and bf16 rounds, and the tile stays f32."""

    name = "visa.cast"
    FORMAT: ClassVar[Format] = isa.CAST
    IN_PLACE: ClassVar[bool] = True
    element = prop_def(Attribute)
    to = prop_def(Attribute)
    a = operand_def(UbType)
    result = result_def(UbType)
    assembly_format = "$element $a `to` $to attr-dict `:` functional-type(operands, results)"

    def __init__(self, element: ElementType, to: ElementType, a: SSAValue):
        self._build(element, (a,), to=mlir_type(to))

    @property
    @override
    def immediate(self) -> int:
        return element_of(self.to)

    @property
    @override
    def result_type(self) -> ElementType:
        return element_of(self.to).compute


@irdl_op_definition
class ReduceInitOp(InstructionOp):
    """`%0 = visa.reduce_init sum f32 : !visa.ub`: the identity of a reduction, along the parallel axes."""

    name = "visa.reduce_init"
    FORMAT: ClassVar[Format] = isa.REDUCE_INIT
    kind = prop_def(StringAttr)
    element = prop_def(Attribute)
    result = result_def(UbType)
    assembly_format = "custom<Keyword>($kind) $element attr-dict `:` type($result)"
    custom_directives = (Keyword,)

    def __init__(self, kind: ReduceKind, element: ElementType):
        self._build(element, (), kind=StringAttr(kind.name.lower()))

    @property
    @override
    def immediate(self) -> int:
        try:
            return ReduceKind[self.kind.data.upper()]
        except KeyError:
            legal = ", ".join(kind.name.lower() for kind in ReduceKind)
            raise VerifyException(f"reduction '{self.kind.data}' is not one of {legal}") from None

    @override
    def result_axes(self, axes: Mapping[SSAValue, Axes], parallel: Axes) -> Axes:
        return parallel

    @override
    def verify_(self) -> None:
        super().verify_()
        _ = self.immediate


class AccumulateOp(InstructionOp, ABC):
    """An instruction that combines the tiles of a stream pass into an accumulator, along the parallel axes."""

    IN_STREAM: ClassVar[bool] = True

    @property
    def reduction(self) -> ReduceKind:
        """How tiles are combined with the accumulator."""
        return ReduceKind.SUM

    @override
    def result_axes(self, axes: Mapping[SSAValue, Axes], parallel: Axes) -> Axes:
        return parallel


@irdl_op_definition
class ReduceOp(AccumulateOp):
    """`%1 = visa.reduce rsum f32 %0, %a : (!visa.ub, !visa.ub) -> !visa.ub`: `%a`, reduced, combined into `%0`.

    Of the parallel axes the result varies along those of `%a`.
    """

    name = "visa.reduce"
    FORMAT: ClassVar[Format] = isa.REDUCE
    mnemonic = prop_def(StringAttr)
    element = prop_def(Attribute)
    accumulator = operand_def(UbType)
    a = operand_def(UbType)
    result = result_def(UbType)
    assembly_format = (
        "custom<Keyword>($mnemonic) $element $accumulator `,` $a attr-dict `:` functional-type(operands, results)"
    )
    custom_directives = (Keyword,)

    def __init__(self, mnemonic: str, element: ElementType, accumulator: SSAValue, a: SSAValue):
        self._build(element, (accumulator, a), mnemonic=StringAttr(mnemonic))

    @property
    @override
    def reduction(self) -> ReduceKind:
        return ReduceKind[self.opcode.graph_name.upper()]

    @override
    def result_axes(self, axes: Mapping[SSAValue, Axes], parallel: Axes) -> Axes:
        return axes[self.a] & parallel


@irdl_op_definition
class MatmulOp(AccumulateOp):
    """`%1 = visa.matmul f32 %0, %a, %b : (...) -> !visa.ub`: the product of `%a` [m, k] and `%b` [k, n] added to `%0`."""

    name = "visa.matmul"
    FORMAT: ClassVar[Format] = isa.MATMUL
    element = prop_def(Attribute)
    accumulator = operand_def(UbType)
    a = operand_def(UbType)
    b = operand_def(UbType)
    result = result_def(UbType)
    assembly_format = "$element $accumulator `,` $a `,` $b attr-dict `:` functional-type(operands, results)"

    def __init__(self, element: ElementType, accumulator: SSAValue, a: SSAValue, b: SSAValue):
        self._build(element, (accumulator, a, b))


@irdl_op_definition
class GroupedMatmulOp(AccumulateOp):
    """`%1 = visa.grouped_matmul f32 %0, %a, %gw, %gg : (!visa.ub, !visa.ub) -> !visa.ub`.

    Rows of `%a` [m, k] times the matrix of their group in the tensor `%gw` [g, k, n], whose free dim is g, added to
    `%0`. The tensor `%gg` [g] of i32 or i64, its dim free, holds the end row of each group.
    """

    name = "visa.grouped_matmul"
    FORMAT: ClassVar[Format] = isa.GROUPED_MATMUL
    element = prop_def(Attribute)
    accumulator = operand_def(UbType)
    a = operand_def(UbType)
    weights = operand_def(GlobalType)
    groups = operand_def(GlobalType)
    result = result_def(UbType)
    assembly_format = (
        "$element $accumulator `,` $a `,` custom<Defined>($weights, type($weights)) `,` custom<Defined>($groups, type($groups)) attr-dict"
        "`:` `(` type($accumulator) `,` type($a) `)` `->` type($result)"
    )
    custom_directives = (Defined,)

    def __init__(self, element: ElementType, accumulator: SSAValue, a: SSAValue, weights: SSAValue, groups: SSAValue):
        self._build(element, (accumulator, a, weights, groups))

    @override
    def verify_(self) -> None:
        super().verify_()
        _verify_groups(self.groups)
        weights = _global_type(self.weights).element_type
        if weights.compute is not self.type:
            raise VerifyException(f"the weights are of {weights.text}, which is not computed in {self.type.text}")

    @override
    def verify_global(self, type: GlobalType) -> None:
        """The two tensor operands differ: `verify_` checks them."""


@irdl_op_definition
class GroupedMatmulKOp(AccumulateOp):
    """`%1 = visa.grouped_matmul_k f32 %0, %a, %b, %gg : (!visa.ub, !visa.ub, !visa.ub) -> !visa.ub`.

    For each group g the product of the columns of `%a` [m, k] and rows of `%b` [k, n] that belong to it, added to
    `%0` [g, m, n]. The tensor `%gg` is as that of `visa.grouped_matmul`, of ends along k.
    """

    name = "visa.grouped_matmul_k"
    FORMAT: ClassVar[Format] = isa.GROUPED_MATMUL_K
    element = prop_def(Attribute)
    accumulator = operand_def(UbType)
    a = operand_def(UbType)
    b = operand_def(UbType)
    groups = operand_def(GlobalType)
    result = result_def(UbType)
    assembly_format = (
        "$element $accumulator `,` $a `,` $b `,` custom<Defined>($groups, type($groups)) attr-dict"
        "`:` `(` type($accumulator) `,` type($a) `,` type($b) `)` `->` type($result)"
    )
    custom_directives = (Defined,)

    def __init__(self, element: ElementType, accumulator: SSAValue, a: SSAValue, b: SSAValue, groups: SSAValue):
        self._build(element, (accumulator, a, b, groups))

    @override
    def verify_global(self, type: GlobalType) -> None:
        _verify_groups(self.groups)


def _verify_groups(groups: SSAValue) -> None:
    element = _global_type(groups).element_type
    if not element.is_integer:
        raise VerifyException(f"the group ends are of {element.text}, but i32 or i64 is needed")


def _global_type(value: SSAValue) -> GlobalType:
    assert isinstance(value.type, GlobalType)
    return value.type


INSTRUCTIONS: tuple[type[InstructionOp], ...] = (
    PassOp,
    LoadOp,
    LoadGuardedOp,
    GatherOp,
    StoreOp,
    FillOp,
    IotaOp,
    UnaryOp,
    BinaryOp,
    SelectOp,
    CastOp,
    ReduceInitOp,
    ReduceOp,
    MatmulOp,
    GroupedMatmulOp,
    GroupedMatmulKOp,
)
"""The class of each format, in the order of the ISA table."""
