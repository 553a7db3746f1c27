"""Operations of the dvm dialect that change shapes: reductions, views, selections of elements, generators."""

from collections.abc import Sequence
from typing import ClassVar, Self

from xdsl.dialects.builtin import (
    AnyTensorType,
    BoolAttr,
    DenseArrayBase,
    IntegerAttr,
    IntegerType,
    StringAttr,
    TensorType,
    i64,
)
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import ParsePropInAttrDict, irdl_op_definition, operand_def, prop_def, var_operand_def
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.hints import isa

from dvm_dialects.dims import Dim, product
from dvm_dialects.dvm_base import (
    DIMS,
    FLAG,
    FLOATS,
    INDICES,
    INTEGER,
    INTEGERS,
    NUMBERS,
    SCALAR,
    DimLike,
    Dims,
    DvmOp,
    Literal,
    ScalarAttr,
    Value,
    Word,
    checked_dims,
    dims_attr,
    dims_in,
    graph_types,
    parse_dims,
    print_dims,
    require_kind,
    scalar_attr,
    scalar_for,
)
from dvm_dialects.shapes import MAX_RANK, Shape, ShapeRules, element_of, tensor_of
from vm.isa import REDUCE_BY_GRAPH_NAME, ElementType

REDUCE_TYPES = {name: graph_types(opcode) for name, opcode in REDUCE_BY_GRAPH_NAME.items()} | {"Mean": FLOATS}

_ONE = Dim.constant(1)


def _integers(values: Sequence[int]) -> DenseArrayBase[IntegerType]:
    return DenseArrayBase.from_list(i64, values)


@irdl_op_definition
class ReduceOp(DvmOp):
    """Combines the elements along some dims.

    `dvm.reduce Sum %a dims [1] keepdims false : tensor<4x2xf32> -> tensor<4xf32>`. Kinds: Sum, Max, Min, Prod on numbers,
    Mean on floats. Max and Min of no elements do not exist, so those dims must be at least 1.
    """

    name = "dvm.reduce"
    operand = operand_def(TensorType)
    kind = prop_def(StringAttr)
    dims = prop_def(INTEGERS)
    keepdims = prop_def(FLAG)
    assembly_format = (
        "custom<Word>($kind) $operand `dims` $dims `keepdims` $keepdims attr-dict `:` type($operand) `->` type($result)"
    )
    custom_directives = (Word,)

    def __init__(
        self,
        kind: str,
        operand: Value,
        dims: Sequence[int],
        keepdims: bool = False,
        result_type: Attribute | None = None,
    ) -> None:
        properties = {"kind": StringAttr(kind), "dims": _integers(dims), "keepdims": BoolAttr.from_bool(keepdims)}
        self._build([operand], properties, result_type)

    @property
    def axes(self) -> tuple[int, ...]:
        """The dims reduced over."""
        return self.dims.get_values()

    def check(self) -> None:
        require_kind(self, REDUCE_TYPES)
        self.require(0, REDUCE_TYPES[self.kind.data])
        if not self.axes:
            self.fail("'dims' is empty")
        for axis in self.axes:
            self.require_axis(axis, self.rank(0), "dim")
        if len(set(self.axes)) != len(self.axes):
            self.fail(f"'dims' names a dim twice: {list(self.axes)}")

    def infer_dims(self, shapes: Sequence[Shape], rules: ShapeRules) -> Shape:
        axes, shape = self.axes, shapes[0]
        if self.kind.data in ("Max", "Min"):
            for axis in axes:
                rules.at_least(shape[axis], _ONE, f"dim {axis} of the operand")
        if self.keepdims.value.data:
            return tuple(_ONE if axis in axes else dim for axis, dim in enumerate(shape))
        return tuple(dim for axis, dim in enumerate(shape) if axis not in axes)


@irdl_op_definition
class ReshapeOp(DvmOp):
    """The same elements in row-major order under other dims: `dvm.reshape %a shape [8] : tensor<4x2xf32> -> tensor<8xf32>`.

    One entry of the shape may be -1: what remains of the element count.
    """

    name = "dvm.reshape"
    operand = operand_def(TensorType)
    shape = prop_def(DIMS)
    assembly_format = "$operand `shape` custom<Dims>($shape) attr-dict `:` type($operand) `->` type($result)"
    custom_directives = (Dims,)

    def __init__(self, operand: Value, shape: Sequence[DimLike], result_type: Attribute | None = None) -> None:
        self._build([operand], {"shape": dims_attr(shape)}, result_type)

    def check(self) -> None:
        self.require_dims("shape", self.shape, inferred=True)
        if sum(dim.value == -1 for dim in dims_in(self.shape)) > 1:
            self.fail("'shape' has more than one -1")

    def infer_dims(self, shapes: Sequence[Shape], rules: ShapeRules) -> Shape:
        target = checked_dims(self.shape, "shape", rules)
        given = product(dim for dim in target if dim.value != -1)
        count = product(shapes[0])
        if all(dim.value != -1 for dim in target):
            rules.equal(count, given, "the element counts of the operand and 'shape'")
            return target
        rest = rules.quotient(count, given, "the element count of the operand and the rest of 'shape'")
        return tuple(rest if dim.value == -1 else dim for dim in target)


@irdl_op_definition
class TransposeOp(DvmOp):
    """The dims in another order: `dvm.transpose %a permutation [1, 0] : tensor<4x2xf32> -> tensor<2x4xf32>`.

    Dim i of the result is dim permutation[i] of the operand.
    """

    name = "dvm.transpose"
    operand = operand_def(TensorType)
    permutation = prop_def(INTEGERS)
    assembly_format = "$operand `permutation` $permutation attr-dict `:` type($operand) `->` type($result)"

    def __init__(self, operand: Value, permutation: Sequence[int], result_type: Attribute | None = None) -> None:
        self._build([operand], {"permutation": _integers(permutation)}, result_type)

    @property
    def order(self) -> tuple[int, ...]:
        """The permutation."""
        return self.permutation.get_values()

    def check(self) -> None:
        if sorted(self.order) != list(range(self.rank(0))):
            self.fail(f"{list(self.order)} is not a permutation of the dims of {self.operand.type}")

    def infer_dims(self, shapes: Sequence[Shape], rules: ShapeRules) -> Shape:
        return tuple(shapes[0][axis] for axis in self.order)


@irdl_op_definition
class SliceOp(DvmOp):
    """Elements at start, start + step, ... of each dim.

    `dvm.slice %a starts [0, 1] sizes [4, 1] steps [1, 1] : tensor<4x2xf32> -> tensor<4x1xf32>`. Sizes count elements of the
    result; -1 is all up to the end. Steps are positive. All that is read must lie inside of the operand.
    """

    name = "dvm.slice"
    operand = operand_def(TensorType)
    starts = prop_def(DIMS)
    sizes = prop_def(DIMS)
    steps = prop_def(INTEGERS)
    assembly_format = (
        "$operand `starts` custom<Dims>($starts) `sizes` custom<Dims>($sizes) `steps` $steps attr-dict "
        "`:` type($operand) `->` type($result)"
    )
    custom_directives = (Dims,)

    def __init__(
        self,
        operand: Value,
        starts: Sequence[DimLike],
        sizes: Sequence[DimLike],
        steps: Sequence[int] | None = None,
        result_type: Attribute | None = None,
    ) -> None:
        """Without `steps` they are all 1."""
        properties = {
            "starts": dims_attr(starts),
            "sizes": dims_attr(sizes),
            "steps": _integers(steps if steps is not None else [1] * len(starts)),
        }
        self._build([operand], properties, result_type)

    @property
    def strides(self) -> tuple[int, ...]:
        """The steps."""
        return self.steps.get_values()

    def check(self) -> None:
        self.require_dims("starts", self.starts)
        self.require_dims("sizes", self.sizes, inferred=True)
        for name, count in (("starts", len(self.starts)), ("sizes", len(self.sizes)), ("steps", len(self.strides))):
            self.require_entries(count, self.rank(0), name)
        if any(step < 1 for step in self.strides):
            self.fail(f"'steps' must be positive, but are {list(self.strides)}")

    def infer_dims(self, shapes: Sequence[Shape], rules: ShapeRules) -> Shape:
        starts, sizes = checked_dims(self.starts, "starts", rules), checked_dims(self.sizes, "sizes", rules)
        entries = zip(shapes[0], starts, sizes, self.strides, strict=True)
        return tuple(self._infer_dim(axis, *entry, rules) for axis, entry in enumerate(entries))

    def _infer_dim(self, axis: int, dim: Dim, start: Dim, size: Dim, step: int, rules: ShapeRules) -> Dim:
        if size.value == -1:
            rules.at_least(dim, start, f"dim {axis} of the operand")
            return (dim - start).ceildiv(step)
        if size.value == 0:
            rules.at_least(dim, start, f"dim {axis} of the operand")
        else:
            rules.at_least(dim, start + (size - 1) * step + 1, f"dim {axis} of the operand")
        return size


@irdl_op_definition
class ConcatOp(DvmOp):
    """Tensors one after the other along a dim.

    `dvm.concat %a, %b axis 0 : tensor<4x2xf32>, tensor<4x2xf32> -> tensor<8x2xf32>`.
    """

    name = "dvm.concat"
    inputs = var_operand_def(TensorType)
    axis = prop_def(INTEGER)
    assembly_format = "$inputs `axis` $axis attr-dict `:` type($inputs) `->` type($result)"

    def __init__(self, inputs: Sequence[Value], axis: int, result_type: Attribute | None = None) -> None:
        self._build([inputs], {"axis": IntegerAttr(axis, i64)}, result_type)

    def operand_name(self, index: int) -> str:
        return f"operand {index}"

    def check(self) -> None:
        if not self.inputs:
            self.fail("there must be at least one operand")
        rank = self.rank(0)
        self.require_axis(self.axis.value.data, rank, "axis")
        for index in range(1, len(self.inputs)):
            self.require_same(0, index)
            self.require_rank(index, rank, rank)

    def infer_dims(self, shapes: Sequence[Shape], rules: ShapeRules) -> Shape:
        joined = self.axis.value.data
        result = list(shapes[0])
        for index, shape in enumerate(shapes[1:], 1):
            for axis, dim in enumerate(shape):
                if axis == joined:
                    result[axis] = result[axis] + dim
                else:
                    result[axis] = rules.equal(
                        result[axis], dim, f"dim {axis} of operand {index - 1} and operand {index}"
                    )
        return tuple(result)


@irdl_op_definition
class PadOp(DvmOp):
    """Elements of one value before and after those of each dim.

    `dvm.pad %a low [0, 1] high [0, 1] value 0.0 : tensor<4x2xf32> -> tensor<4x4xf32>`.
    """

    name = "dvm.pad"
    operand = operand_def(TensorType)
    low = prop_def(DIMS)
    high = prop_def(DIMS)
    value = prop_def(SCALAR)

    def __init__(
        self,
        operand: Value,
        low: Sequence[DimLike],
        high: Sequence[DimLike],
        value: ScalarAttr | float = 0,
        result_type: Attribute | None = None,
    ) -> None:
        """A number without a type gets the element type."""
        if isinstance(value, int | float):
            value = scalar_attr(value, element_of(SSAValue.get(operand).type))
        self._build([operand], {"low": dims_attr(low), "high": dims_attr(high), "value": value}, result_type)

    @property
    def fill(self) -> int | float | bool:
        """The value as a number of the tensor's kind."""
        return scalar_for(self.value, self.element(0))

    def check(self) -> None:
        for name, dims in (("low", self.low), ("high", self.high)):
            self.require_dims(name, dims)
            self.require_entries(len(dims), self.rank(0), name)
        if element_of(self.value.type) != self.element(0):
            self.fail(f"'value' is of type {self.value.type}, but the operand is {self.operand.type}")

    def infer_dims(self, shapes: Sequence[Shape], rules: ShapeRules) -> Shape:
        low, high = checked_dims(self.low, "low", rules), checked_dims(self.high, "high", rules)
        entries = zip(shapes[0], low, high, strict=True)
        return tuple(dim + before + after for dim, before, after in entries)

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        operand = parser.parse_unresolved_operand()
        parser.parse_keyword("low")
        low = parse_dims(parser)
        parser.parse_keyword("high")
        high = parse_dims(parser)
        parser.parse_keyword("value")
        literal = Literal.parse(parser)
        attributes = parser.parse_optional_attr_dict()
        parser.parse_punctuation(":")
        type = parser.parse_type()
        if not isa(type, AnyTensorType):
            parser.raise_error(f"expected a tensor type, not {type}")
        value = literal.attribute(parser, type.element_type)
        parser.parse_punctuation("->")
        return cls.create(
            operands=[parser.resolve_operand(operand, type)],
            result_types=[parser.parse_type()],
            properties={"low": low, "high": high, "value": value},
            attributes=attributes,
        )

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_ssa_value(self.operand)
        for name, dims in (("low", self.low), ("high", self.high)):
            printer.print_string(f" {name} ")
            print_dims(printer, dims)
        printer.print_string(" value ")
        self.value.print_without_type(printer)
        printer.print_op_attributes(self.attributes)
        printer.print_string(" : ")
        printer.print_attribute(self.operand.type)
        printer.print_string(" -> ")
        printer.print_attribute(self.result.type)


@irdl_op_definition
class GatherOp(DvmOp):
    """Slices of a table along a dim, by index; negative indices count from the end.

    `dvm.gather %table, %index axis 0 : tensor<10x2xf32>, tensor<3xi32> -> tensor<3x2xf32>`. The dims of the index take the
    place of the table's dim.
    """

    name = "dvm.gather"
    OPERAND_NAMES: ClassVar[tuple[str, ...]] = ("table", "index")
    table = operand_def(TensorType)
    index = operand_def(TensorType)
    axis = prop_def(INTEGER)
    assembly_format = "$table `,` $index `axis` $axis attr-dict `:` type($table) `,` type($index) `->` type($result)"

    def __init__(self, table: Value, index: Value, axis: int = 0, result_type: Attribute | None = None) -> None:
        self._build([table, index], {"axis": IntegerAttr(axis, i64)}, result_type)

    def check(self) -> None:
        self.require(1, INDICES)
        self.require_axis(self.axis.value.data, self.rank(0), "axis")
        if self.rank(0) + self.rank(1) - 1 > MAX_RANK:
            self.fail(f"the result would have more than {MAX_RANK} dims ({self.table.type}, {self.index.type})")

    def infer_dims(self, shapes: Sequence[Shape], rules: ShapeRules) -> Shape:
        table, index = shapes
        axis = self.axis.value.data
        return (*table[:axis], *index, *table[axis + 1 :])


@irdl_op_definition
class IotaOp(DvmOp):
    """Each element is its index along a dim: `dvm.iota axis 0 shape [4, 2] : tensor<4x2xi32>`."""

    name = "dvm.iota"
    axis = prop_def(INTEGER)
    shape = prop_def(DIMS)
    assembly_format = "`axis` $axis `shape` custom<Dims>($shape) attr-dict `:` type($result)"
    custom_directives = (Dims,)

    def __init__(
        self, axis: int, shape: Sequence[DimLike], element: ElementType, result_type: Attribute | None = None
    ) -> None:
        dims = dims_attr(shape)
        properties = {"axis": IntegerAttr(axis, i64), "shape": dims}
        self._build([], properties, result_type or tensor_of(element, dims_in(dims)))

    def check(self) -> None:
        self.require_dims("shape", self.shape)
        self.require_axis(self.axis.value.data, len(self.shape), "axis")
        if element_of(self.result.type) not in NUMBERS:
            self.fail(f"the result must be of numbers, but is {self.result.type}")

    def result_element(self) -> ElementType:
        return element_of(self.result.type)

    def infer_dims(self, shapes: Sequence[Shape], rules: ShapeRules) -> Shape:
        return checked_dims(self.shape, "shape", rules)


@irdl_op_definition
class SizeOp(DvmOp):
    """A size as a number: `dvm.size ["s0 + 1"] : tensor<i64>` has the value of the one dim, which may be negative."""

    name = "dvm.size"
    size = prop_def(DIMS)
    assembly_format = "custom<Dims>($size) attr-dict `:` type($result)"
    custom_directives = (Dims,)

    def __init__(self, size: DimLike, result_type: Attribute | None = None) -> None:
        self._build([], {"size": dims_attr([size])}, result_type)

    def check(self) -> None:
        if len(self.size) != 1:
            self.fail(f"'size' has {len(self.size)} entries, expected one")
        self.require_dims("size", self.size, negative=True)

    @property
    def dim(self) -> Dim:
        """The dim whose value it has."""
        return dims_in(self.size)[0]

    def result_element(self) -> ElementType:
        return ElementType.I64

    def infer_dims(self, shapes: Sequence[Shape], rules: ShapeRules) -> Shape:
        return ()


@irdl_op_definition
class OneHotOp(DvmOp):
    """A new dim that holds `on_value` at the index and `off_value` elsewhere.

    `dvm.onehot %i depth [10] axis 1 {on_value = 1.0 : f32, off_value = 0.0 : f32} : tensor<4xi32> -> tensor<4x10xf32>`. The new dim
    is `axis` of the result, -1 the last; an index outside of 0 to depth - 1 selects nothing.
    """

    name = "dvm.onehot"
    OPERAND_NAMES: ClassVar[tuple[str, ...]] = ("index",)
    index = operand_def(TensorType)
    depth = prop_def(DIMS)
    axis = prop_def(INTEGER)
    on_value = prop_def(SCALAR)
    off_value = prop_def(SCALAR)
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$index `depth` custom<Dims>($depth) `axis` $axis attr-dict `:` type($index) `->` type($result)"
    custom_directives = (Dims,)

    def __init__(
        self,
        index: Value,
        depth: DimLike,
        axis: int = -1,
        on_value: ScalarAttr | float = 1.0,
        off_value: ScalarAttr | float = 0.0,
        element: ElementType = ElementType.F32,
        result_type: Attribute | None = None,
    ) -> None:
        """Numbers without a type get the element type `element`."""
        on, off = (scalar_attr(v, element) if isinstance(v, int | float) else v for v in (on_value, off_value))
        properties = {"depth": dims_attr([depth]), "axis": IntegerAttr(axis, i64), "on_value": on, "off_value": off}
        self._build([index], properties, result_type)

    @property
    def position(self) -> int:
        """The new dim's place in the result."""
        axis = self.axis.value.data
        return axis if axis >= 0 else axis + self.rank(0) + 1

    def check(self) -> None:
        self.require(0, INDICES)
        self.require_dims("depth", self.depth)
        if len(self.depth) != 1:
            self.fail(f"'depth' has {len(self.depth)} entries, but must have 1")
        self.require_axis(self.axis.value.data, self.rank(0) + 1, "axis", negative=True)
        if self.on_value.type != self.off_value.type:
            self.fail(f"'on_value' is of type {self.on_value.type}, but 'off_value' of type {self.off_value.type}")

    def result_element(self) -> ElementType:
        return element_of(self.on_value.type)

    def infer_dims(self, shapes: Sequence[Shape], rules: ShapeRules) -> Shape:
        index, at = shapes[0], self.position
        return (*index[:at], *checked_dims(self.depth, "depth", rules), *index[at:])


@irdl_op_definition
class ElemAnyOp(DvmOp):
    """1 if any element differs from 0, else 0: `dvm.elemany %a : tensor<4x2xf32> -> tensor<1xf32>`. NaN differs from 0."""

    name = "dvm.elemany"
    operand = operand_def(TensorType)
    assembly_format = "$operand attr-dict `:` type($operand) `->` type($result)"

    def __init__(self, operand: Value, result_type: Attribute | None = None) -> None:
        self._build([operand], {}, result_type)

    def result_element(self) -> ElementType:
        return ElementType.F32

    def infer_dims(self, shapes: Sequence[Shape], rules: ShapeRules) -> Shape:
        return (_ONE,)
