"""What the instructions of the `visa` dialect share: their text form, scalars, and `InstructionOp`.

Every instruction follows its `Format` in the ISA table: the operand updated in place first where there is one, then
the sources in the order of the fields a, b, c. So verifiers, register constraints and the encoder are written once, over
the format.
"""

from abc import ABC
from collections.abc import Mapping, Sequence
from typing import ClassVar, cast

from typing_extensions import override
from xdsl.backend.register_allocatable import HasRegisterConstraints, RegisterConstraints
from xdsl.dialects.builtin import AnyFloat, ArrayAttr, FloatAttr, IntAttr, IntegerAttr, IntegerType, StringAttr
from xdsl.ir import Attribute, Operation, SSAValue, TypedAttribute
from xdsl.irdl import IRDLOperation, irdl_op_definition, prop_def, result_def
from xdsl.irdl.declarative_assembly_format import (
    AttributeVariable,
    CustomDirective,
    OperandVariable,
    ParsingState,
    PrintingState,
    TypeDirective,
    irdl_custom_directive,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.hints import isa

from dvm_dialects.dims import Dim, parse_dim
from dvm_dialects.shapes import element_of, mlir_type
from dvm_dialects.visa_types import SCALAR, UB, GlobalType, ScalarType
from vm.isa import BY_MNEMONIC, OPCODES, ElementType, Field, Format, Opcode

Axes = frozenset[int]
"""The domain axes along which a tile varies."""


@irdl_custom_directive
class Keyword(CustomDirective):
    """A string property written as a bare word."""

    word: AttributeVariable

    @override
    def parse(self, parser: Parser, state: ParsingState) -> None:
        self.word.set(state, StringAttr(parser.parse_identifier()))

    @override
    def print(self, printer: Printer, state: PrintingState, op: IRDLOperation) -> None:
        word = self.word.get(op)
        assert isinstance(word, StringAttr)
        state.print_whitespace(printer)
        printer.print_string(word.data)


@irdl_custom_directive
class Axis(CustomDirective):
    """An integer property written as a bare number."""

    axis: AttributeVariable

    @override
    def parse(self, parser: Parser, state: ParsingState) -> None:
        self.axis.set(state, IntAttr(parser.parse_integer()))

    @override
    def print(self, printer: Printer, state: PrintingState, op: IRDLOperation) -> None:
        axis = self.axis.get(op)
        assert isa(axis, IntAttr)
        state.print_whitespace(printer)
        printer.print_string(str(axis.data))


@irdl_custom_directive
class AxisList(CustomDirective):
    """A list of axes: `[0, 2]`."""

    axes: AttributeVariable

    @override
    def parse(self, parser: Parser, state: ParsingState) -> None:
        axes = parser.parse_comma_separated_list(parser.Delimiter.SQUARE, parser.parse_integer)
        self.axes.set(state, ArrayAttr(IntAttr(axis) for axis in axes))

    @override
    def print(self, printer: Printer, state: PrintingState, op: IRDLOperation) -> None:
        axes = self.axes.get(op)
        assert isa(axes, ArrayAttr[IntAttr])
        state.print_whitespace(printer)
        printer.print_string(f"[{', '.join(str(axis.data) for axis in axes)}]")


@irdl_custom_directive
class Defined(CustomDirective):
    """An operand whose type is not written again, because it is defined above: a tensor operand has a long type."""

    operand: OperandVariable
    type: TypeDirective

    @override
    def parse(self, parser: Parser, state: ParsingState) -> None:
        operand = parser.parse_unresolved_operand()
        values = parser.ssa_values.get(operand.operand_name, ())
        if operand.index >= len(values):
            parser.raise_error(f"%{operand.operand_name} is not defined above", operand.span)
        self.operand.set(state, operand)
        self.type.set(state, (values[operand.index].type,))

    @override
    def print(self, printer: Printer, state: PrintingState, op: IRDLOperation) -> None:
        self.operand.print(printer, state, op)


@irdl_op_definition
class ScalarOp(IRDLOperation):
    """A scalar constant: a number, `visa.scalar 0.5 : f32`, or the value of a dim at bind, `visa.scalar "4*s0" : f32`."""

    name = "visa.scalar"
    value = prop_def(FloatAttr | IntegerAttr | StringAttr)
    element = prop_def(Attribute)
    result = result_def(ScalarType)

    def __init__(self, value: float | int | bool | Dim, element: ElementType):
        """`element` is a compute type; a Dim becomes its value at bind, converted to `element`."""
        type = mlir_type(element)
        attribute: Attribute
        if isinstance(value, Dim):
            attribute = StringAttr(str(value))
        elif element.is_float:
            attribute = FloatAttr(float(value), cast(AnyFloat, type))
        else:
            attribute = IntegerAttr(int(value), cast(IntegerType, type))
        Operation.__init__(self, result_types=(SCALAR,), properties={"value": attribute, "element": type})

    @property
    def type(self) -> ElementType:
        """The element type of the constant."""
        return element_of(self.element)

    @property
    def constant(self) -> float | int | bool | Dim:
        """The number, or the dim whose value it is."""
        if isinstance(self.value, StringAttr):
            return parse_dim(self.value.data)
        number = self.value.value.data
        return bool(number) if self.type is ElementType.I1 else number

    @override
    def verify_(self) -> None:
        if self.type is not self.type.compute:
            raise VerifyException(f"{self.type.text} is not computed in, so there are no scalars of it")
        if isinstance(self.value, StringAttr):
            try:
                parse_dim(self.value.data)
            except ValueError as error:
                raise VerifyException(str(error)) from None
        elif self.value.type != self.element:
            raise VerifyException(f"the value is of type {self.value.type}, not {self.element}")

    @override
    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_attribute(self.value)
        if isinstance(self.value, StringAttr):
            printer.print_string(" : ")
            printer.print_attribute(self.element)
        printer.print_op_attributes(self.attributes)

    @classmethod
    @override
    def parse(cls, parser: Parser) -> "ScalarOp":
        value = parser.parse_attribute()
        if isinstance(value, TypedAttribute):
            element = value.get_type()
        else:
            parser.parse_punctuation(":")
            element = parser.parse_type()
        attributes = parser.parse_optional_attr_dict()
        properties: dict[str, Attribute] = {"value": value, "element": element}
        return cls.create(result_types=(SCALAR,), properties=properties, attributes=attributes)


def held_type(value: SSAValue) -> ElementType | None:
    """The element type of a tile or scalar, or None of a value that is neither."""
    owner = value.owner
    if isinstance(owner, ScalarOp):
        return owner.type
    return owner.result_type if isinstance(owner, InstructionOp) else None


class InstructionOp(IRDLOperation, HasRegisterConstraints, ABC):
    """An operation that becomes one word.

    `FORMAT` is its format. Where only one opcode has it that is the instruction's; else the property `mnemonic` names
    it. The property `element` is the type field.
    """

    FORMAT: ClassVar[Format]
    IN_STREAM: ClassVar[bool] = False
    """Whether it is allowed only in a stream pass, because it works across the tiles of one."""
    IN_PLACE: ClassVar[bool] = False
    """Whether the result may take the slot of a source that dies here and varies along the same axes."""

    def _build(self, element: ElementType, operands: Sequence[SSAValue], **properties: Attribute) -> None:
        # Operation's own constructor takes a third of the time of IRDLOperation's, which normalises variadics.
        result_types = (UB,) if self.FORMAT.d is Field.SLOT else ()
        properties = {**properties, "element": mlir_type(element)}
        Operation.__init__(self, operands=operands, result_types=result_types, properties=properties)

    @property
    def opcode(self) -> Opcode:
        """The row of the ISA table; raises VerifyException for a mnemonic that is not of this format."""
        mnemonic = self.properties.get("mnemonic")
        if not isinstance(mnemonic, StringAttr):
            return _OPCODE_OF_FORMAT[self.FORMAT.number]
        opcode = BY_MNEMONIC.get(mnemonic.data)
        if opcode is None or opcode.format is not self.FORMAT:
            legal = ", ".join(op.mnemonic for op in OPCODES if op.format is self.FORMAT)
            raise VerifyException(f"'{mnemonic.data}' is not one of {legal}")
        return opcode

    @property
    def type(self) -> ElementType:
        """The type field of the word."""
        return element_of(self.properties["element"])

    @property
    def immediate(self) -> int:
        """The number in the word that is neither a slot nor an operand: aux, an axis or a mask of axes."""
        return 0

    @property
    def tied(self) -> SSAValue | None:
        """The operand whose slot the result takes over."""
        return self.operands[0] if self.FORMAT.ties_d else None

    @property
    def sources(self) -> Sequence[SSAValue]:
        """The operands of the fields a, b, c."""
        return self.operands[1:] if self.FORMAT.ties_d else tuple(self.operands)

    @property
    def result_type(self) -> ElementType:
        """The element type of the tile that results."""
        return self.opcode.result_type(self.type)

    def source_types(self) -> Sequence[ElementType | None]:
        """The element types of the sources that are tiles or scalars; None where any is right."""
        return (self.type.compute,) * 3

    def result_axes(self, axes: Mapping[SSAValue, Axes], parallel: Axes) -> Axes:
        """The axes of the result: for an elementwise instruction the union of its sources'."""
        return frozenset[int]().union(*[axes[source] for source in self.sources if source in axes])

    @override
    def get_register_constraints(self) -> RegisterConstraints:
        if self.tied is None:
            return RegisterConstraints(self.sources, self.results, ())
        return RegisterConstraints(self.sources, (), ((self.tied, self.results[0]),))

    @override
    def verify_(self) -> None:
        opcode = self.opcode
        if self.type not in opcode.types:
            legal = ", ".join(sorted(element.text for element in opcode.types))
            raise VerifyException(f"'{opcode.mnemonic}' does not take {self.type.text}, only {legal}")
        expected = self.source_types()
        if self.tied is not None:
            _verify_held("operand 0", self.tied, self.result_type)
        for index, source in enumerate(self.sources):
            if isinstance(source.type, GlobalType):
                self.verify_global(source.type)
            elif (type := expected[index]) is not None:
                _verify_held(f"operand {index + self.FORMAT.ties_d}", source, type)

    def verify_global(self, type: GlobalType) -> None:
        """Check a tensor operand: its element type is the type field's."""
        if type.element_type is not self.type:
            raise VerifyException(f"the tensor operand is of {type.element_type.text}, not {self.type.text}")


def _verify_held(what: str, value: SSAValue, expected: ElementType) -> None:
    found = held_type(value)
    if found is not None and found is not expected:
        raise VerifyException(f"{what} is a tile or scalar of {found.text}, but {expected.text} is needed")


_OPCODE_OF_FORMAT = {opcode.format.number: opcode for opcode in OPCODES}
