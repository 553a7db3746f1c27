"""Operations of the dvm dialect that work element by element, with those that load, store, fill and broadcast."""

from collections.abc import Sequence
from typing import ClassVar, Self

from xdsl.dialects.builtin import AnyDenseElement, DenseIntOrFPElementsAttr, StringAttr, TensorType, UnitAttr
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import (
    AnyAttr,
    BaseAttr,
    ParamAttrConstraint,
    VarConstraint,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    result_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer

from dvm_dialects.dims import Dim
from dvm_dialects.dvm_base import (
    DIMS,
    SCALAR,
    TRUTH,
    DimLike,
    Dims,
    DvmOp,
    Literal,
    ScalarAttr,
    Value,
    Word,
    checked_dims,
    dims_attr,
    graph_types,
    natural_scalar,
    parse_dims,
    print_dims,
    require_kind,
    scalar_attr,
    scalar_for,
)
from dvm_dialects.shapes import GRAPH_NAME_OF, GRAPH_TYPE_NAMES, Shape, ShapeRules, element_of
from vm.isa import BINARY_BY_GRAPH_NAME, UNARY_BY_GRAPH_NAME, ElementType

UNARY_TYPES = {name: graph_types(opcode) for name, opcode in UNARY_BY_GRAPH_NAME.items()}
BINARY_TYPES = {name: graph_types(opcode) for name, opcode in BINARY_BY_GRAPH_NAME.items()}


def broadcast_dims(op: DvmOp, shapes: Sequence[Shape], rules: ShapeRules) -> Shape:
    """The dims that the shapes broadcast to, as NumPy does it: aligned to the right, 1 stretching to anything."""
    result = shapes[0]
    for index, shape in enumerate(shapes[1:], 1):
        if shape != result:
            names = f"{op.operand_name(index - 1)} and {op.operand_name(index)}"
            result = broadcast_two(result, shape, names, rules)
    return result


def broadcast_two(a: Shape, b: Shape, names: str, rules: ShapeRules) -> Shape:
    """The dims that two shapes broadcast to; `names` says whose they are, for messages."""
    rank = max(len(a), len(b))
    alone = rank - min(len(a), len(b))
    longer = a if len(a) == rank else b
    pairs = [(a[axis - rank], b[axis - rank], f"dim {axis} of {names}") for axis in range(alone, rank)]
    return (*longer[:alone], *(rules.broadcast(x, y, what) for x, y, what in pairs))


class _SameShapeOp(DvmOp):
    """One operand; the result has its shape."""

    operand = operand_def(TensorType)

    def infer_dims(self, shapes: Sequence[Shape], rules: ShapeRules) -> Shape:
        return shapes[0]


class _TransferOp(_SameShapeOp):
    """One operand, which is the result too."""

    assembly_format = "$operand attr-dict `:` type($operand) `->` type($result)"

    def __init__(self, operand: Value, result_type: Attribute | None = None) -> None:
        self._build([operand], {}, result_type)


@irdl_op_definition
class LoadOp(_TransferOp):
    """Reads a whole argument: `dvm.load %arg0 : tensor<4x2xf32> -> tensor<4x2xf32>`."""

    name = "dvm.load"


@irdl_op_definition
class StoreOp(_TransferOp):
    """Writes a whole result of the graph, and is it: `dvm.store %a : tensor<4x2xf32> -> tensor<4x2xf32>`."""

    name = "dvm.store"


@irdl_op_definition
class CopyOp(_TransferOp):
    """The operand again: `dvm.copy %a : tensor<4x2xf32> -> tensor<4x2xf32>`."""

    name = "dvm.copy"


@irdl_op_definition
class UnaryOp(_SameShapeOp):
    """A function of each element: `dvm.unary Sqrt %a : tensor<4x2xf32> -> tensor<4x2xf32>`.

    The kinds, and the element types each takes, are those of the ISA table; IsFinite gives i1.
    """

    name = "dvm.unary"
    kind = prop_def(StringAttr)
    assembly_format = "custom<Word>($kind) $operand attr-dict `:` type($operand) `->` type($result)"
    custom_directives = (Word,)

    def __init__(self, kind: str, operand: Value, result_type: Attribute | None = None) -> None:
        self._build([operand], {"kind": StringAttr(kind)}, result_type)

    def check(self) -> None:
        require_kind(self, UNARY_TYPES)
        self.require(0, UNARY_TYPES[self.kind.data])

    def result_element(self) -> ElementType:
        return ElementType.I1 if UNARY_BY_GRAPH_NAME[self.kind.data].truth else self.element(0)


class _BinaryKindOp(DvmOp):
    """What `binary` and `binary_scalar` share: a kind of the ISA table; comparisons give i1."""

    kind = prop_def(StringAttr)

    def check(self) -> None:
        require_kind(self, BINARY_TYPES)
        self.require(0, BINARY_TYPES[self.kind.data])

    def result_element(self) -> ElementType:
        return ElementType.I1 if BINARY_BY_GRAPH_NAME[self.kind.data].truth else self.element(0)


@irdl_op_definition
class BinaryOp(_BinaryKindOp):
    """A function of two elements: `dvm.binary Add %a, %b : tensor<4x2xf32>, tensor<2xf32> -> tensor<4x2xf32>`.

    The operands have one element type, and broadcast as in NumPy.
    """

    name = "dvm.binary"
    OPERAND_NAMES: ClassVar[tuple[str, ...]] = ("lhs", "rhs")
    lhs = operand_def(TensorType)
    rhs = operand_def(TensorType)
    assembly_format = "custom<Word>($kind) $lhs `,` $rhs attr-dict `:` type($lhs) `,` type($rhs) `->` type($result)"
    custom_directives = (Word,)

    def __init__(self, kind: str, lhs: Value, rhs: Value, result_type: Attribute | None = None) -> None:
        self._build([lhs, rhs], {"kind": StringAttr(kind)}, result_type)

    def check(self) -> None:
        super().check()
        self.require_same(0, 1)

    def infer_dims(self, shapes: Sequence[Shape], rules: ShapeRules) -> Shape:
        return broadcast_dims(self, shapes, rules)


@irdl_op_definition
class BinaryScalarOp(_BinaryKindOp):
    """A function of each element and a scalar, on either side.

    `dvm.binary_scalar Pow %a, 2 : tensor<4x2xf32>, i32 -> tensor<4x2xf32>` and
    `dvm.binary_scalar Sub 1.0, %a : f32, tensor<4x2xf32> -> tensor<4x2xf32>`. The scalar's type may be another than
    the tensor's, which is the one computed in; its value must be one of that kind.
    """

    name = "dvm.binary_scalar"
    operand = operand_def(TensorType)
    scalar = prop_def(SCALAR)
    scalar_first = opt_prop_def(UnitAttr)

    def __init__(
        self,
        kind: str,
        operand: Value,
        scalar: ScalarAttr | float,
        *,
        scalar_first: bool = False,
        result_type: Attribute | None = None,
    ) -> None:
        """A number without a type gets one of its own kind."""
        if isinstance(scalar, int | float):
            scalar = natural_scalar(scalar, element_of(SSAValue.get(operand).type))
        first = UnitAttr() if scalar_first else None
        properties = {"kind": StringAttr(kind), "scalar": scalar, "scalar_first": first}
        self._build([operand], properties, result_type)

    @property
    def value(self) -> int | float | bool:
        """The scalar as a number of the tensor's kind, unrounded."""
        return scalar_for(self.scalar, self.element(0))

    def check(self) -> None:
        super().check()
        self.require_scalar("scalar", self.scalar, self.element(0))

    def infer_dims(self, shapes: Sequence[Shape], rules: ShapeRules) -> Shape:
        return shapes[0]

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        kind = parser.parse_identifier()
        operand = parser.parse_optional_unresolved_operand()
        scalar_first = operand is None
        if operand is None:
            literal = Literal.parse(parser)
            parser.parse_punctuation(",")
            operand = parser.parse_unresolved_operand()
        else:
            parser.parse_punctuation(",")
            literal = Literal.parse(parser)
        attributes = parser.parse_optional_attr_dict()
        parser.parse_punctuation(":")
        first = parser.parse_type()
        parser.parse_punctuation(",")
        second = parser.parse_type()
        parser.parse_punctuation("->")
        scalar_type, tensor_type = (first, second) if scalar_first else (second, first)
        op = cls(
            kind,
            parser.resolve_operand(operand, tensor_type),
            literal.attribute(parser, scalar_type),
            scalar_first=scalar_first,
            result_type=parser.parse_type(),
        )
        op.attributes = attributes
        return op

    def print(self, printer: Printer) -> None:
        printer.print_string(f" {self.kind.data} ")
        prints = (lambda: printer.print_ssa_value(self.operand), lambda: self.scalar.print_without_type(printer))
        types = (self.operand.type, self.scalar.type)
        order = (1, 0) if self.scalar_first else (0, 1)
        printer.print_list(order, lambda index: prints[index]())
        printer.print_op_attributes(self.attributes)
        printer.print_string(" : ")
        printer.print_list((*(types[index] for index in order),), printer.print_attribute)
        printer.print_string(" -> ")
        printer.print_attribute(self.result.type)


@irdl_op_definition
class SelectOp(DvmOp):
    """`on_true` where the condition holds, else `on_false`; all three broadcast as in NumPy.

    `dvm.select %c, %a, %b : (tensor<4x2xi1>, tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x2xf32>`.
    """

    name = "dvm.select"
    OPERAND_NAMES: ClassVar[tuple[str, ...]] = ("condition", "on_true", "on_false")
    condition = operand_def(TensorType)
    on_true = operand_def(TensorType)
    on_false = operand_def(TensorType)
    assembly_format = (
        "$condition `,` $on_true `,` $on_false attr-dict `:` "
        "`(` type($condition) `,` type($on_true) `,` type($on_false) `)` `->` type($result)"
    )

    def __init__(self, condition: Value, on_true: Value, on_false: Value, result_type: Attribute | None = None) -> None:
        self._build([condition, on_true, on_false], {}, result_type)

    def check(self) -> None:
        self.require(0, TRUTH)
        self.require_same(1, 2)

    def result_element(self) -> ElementType:
        return self.element(1)

    def infer_dims(self, shapes: Sequence[Shape], rules: ShapeRules) -> Shape:
        return broadcast_dims(self, shapes, rules)


def require_type_name(op: DvmOp, name: str) -> None:
    """Requires the name of an element type."""
    if name not in GRAPH_TYPE_NAMES:
        op.fail(f"type '{name}' is not one of {', '.join(GRAPH_TYPE_NAMES)}")


@irdl_op_definition
class CastOp(_SameShapeOp):
    """Converts each element as NumPy does: `dvm.cast %a type Int32 : tensor<4x2xf32> -> tensor<4x2xi32>`."""

    name = "dvm.cast"
    type = prop_def(StringAttr)
    assembly_format = "$operand `type` custom<Word>($type) attr-dict `:` type($operand) `->` type($result)"
    custom_directives = (Word,)

    def __init__(self, operand: Value, element: ElementType, result_type: Attribute | None = None) -> None:
        self._build([operand], {"type": StringAttr(GRAPH_NAME_OF[element])}, result_type)

    def check(self) -> None:
        require_type_name(self, self.type.data)

    def result_element(self) -> ElementType:
        return GRAPH_TYPE_NAMES[self.type.data]


@irdl_op_definition
class BroadcastOp(DvmOp):
    """Stretches dims of 1 and adds dims in front: `dvm.broadcast %v shape [4, 2] : tensor<2xf32> -> tensor<4x2xf32>`.

    Each dim of the operand is 1 or that of the shape.
    """

    name = "dvm.broadcast"
    operand = operand_def(TensorType)
    shape = prop_def(DIMS)
    assembly_format = "$operand `shape` custom<Dims>($shape) attr-dict `:` type($operand) `->` type($result)"
    custom_directives = (Dims,)

    def __init__(self, operand: Value, shape: Sequence[DimLike], result_type: Attribute | None = None) -> None:
        self._build([operand], {"shape": dims_attr(shape)}, result_type)

    def check(self) -> None:
        self.require_dims("shape", self.shape)
        if self.rank(0) > len(self.shape):
            self.fail(f"'shape' has {len(self.shape)} entries, fewer than the dims of {self.operand.type}")

    def infer_dims(self, shapes: Sequence[Shape], rules: ShapeRules) -> Shape:
        target = checked_dims(self.shape, "shape", rules)
        offset = len(target) - len(shapes[0])
        for axis, dim in enumerate(shapes[0]):
            rules.broadcast_to(
                dim, target[offset + axis], f"dim {axis} of the operand and entry {offset + axis} of 'shape'"
            )
        return target


@irdl_op_definition
class BroadcastScalarOp(DvmOp):
    """A tensor of one value: `dvm.broadcast_scalar 1.5 shape [4, 2] type Float32 : f32 -> tensor<4x2xf32>`."""

    name = "dvm.broadcast_scalar"
    scalar = prop_def(SCALAR)
    shape = prop_def(DIMS)
    type = prop_def(StringAttr)

    def __init__(
        self,
        scalar: ScalarAttr | float,
        shape: Sequence[DimLike],
        element: ElementType,
        result_type: Attribute | None = None,
    ) -> None:
        """A number without a type gets the element type."""
        if isinstance(scalar, int | float):
            scalar = scalar_attr(scalar, element)
        properties = {"scalar": scalar, "shape": dims_attr(shape), "type": StringAttr(GRAPH_NAME_OF[element])}
        self._build([], properties, result_type)

    @property
    def value(self) -> int | float | bool:
        """The scalar as a number of the tensor's kind, unrounded."""
        return scalar_for(self.scalar, self.result_element())

    def check(self) -> None:
        require_type_name(self, self.type.data)
        self.require_dims("shape", self.shape)
        self.require_scalar("scalar", self.scalar, self.result_element())

    def result_element(self) -> ElementType:
        return GRAPH_TYPE_NAMES[self.type.data]

    def infer_dims(self, shapes: Sequence[Shape], rules: ShapeRules) -> Shape:
        return checked_dims(self.shape, "shape", rules)

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        literal = Literal.parse(parser)
        parser.parse_keyword("shape")
        shape = parse_dims(parser)
        parser.parse_keyword("type")
        type_name = StringAttr(parser.parse_identifier())
        attributes = parser.parse_optional_attr_dict()
        parser.parse_punctuation(":")
        scalar = literal.attribute(parser, parser.parse_type())
        parser.parse_punctuation("->")
        return cls.create(
            result_types=[parser.parse_type()],
            properties={"scalar": scalar, "shape": shape, "type": type_name},
            attributes=attributes,
        )

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        self.scalar.print_without_type(printer)
        printer.print_string(" shape ")
        print_dims(printer, self.shape)
        printer.print_string(f" type {self.type.data}")
        printer.print_op_attributes(self.attributes)
        printer.print_string(" : ")
        printer.print_attribute(self.scalar.type)
        printer.print_string(" -> ")
        printer.print_attribute(self.result.type)


@irdl_op_definition
class ConstantOp(DvmOp):
    """A tensor known to the compiler: `dvm.constant dense<1.0> : tensor<f32>`."""

    name = "dvm.constant"
    T: ClassVar = VarConstraint("T", BaseAttr(TensorType))
    value = prop_def(ParamAttrConstraint.get(DenseIntOrFPElementsAttr, T, AnyAttr()))
    result = result_def(T)
    assembly_format = "attr-dict $value"

    def __init__(self, value: DenseIntOrFPElementsAttr[AnyDenseElement]) -> None:
        self._build([], {"value": value}, value.type)

    def check(self) -> None:
        if not self.result.type.has_static_shape():
            self.fail(f"a constant must have a static shape, but is {self.result.type}")

    def result_element(self) -> ElementType:
        return element_of(self.value.type)

    def infer_dims(self, shapes: Sequence[Shape], rules: ShapeRules) -> Shape:
        return tuple(Dim.constant(size) for size in self.value.get_shape())
