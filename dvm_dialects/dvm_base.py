"""What the operations of the dvm dialect share: the base class, the directives of their text form, scalar literals."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import ClassVar, NoReturn, TypeAlias, cast

from xdsl.dialects.builtin import (
    AnyFloat,
    ArrayAttr,
    DenseArrayBase,
    FloatAttr,
    IntegerAttr,
    IntegerType,
    StringAttr,
    TensorType,
    bf16,
    f16,
    f32,
    f64,
    i1,
    i32,
    i64,
)
from xdsl.ir import Attribute, Operation, OpResult, SSAValue, SSAValues
from xdsl.irdl import AttrConstraint, BaseAttr, IRDLOperation, eq, result_def, traits_def
from xdsl.irdl.declarative_assembly_format import (
    AttributeVariable,
    CustomDirective,
    ParsingState,
    PrintingState,
    irdl_custom_directive,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from dvm_dialects.dims import Dim, parse_dim
from dvm_dialects.shapes import (
    PERMISSIVE,
    UNNAMED_RESULT,
    Shape,
    ShapeConflict,
    ShapeRules,
    element_of,
    is_known,
    mlir_type,
    shape_of,
    tensor_of,
)
from vm.isa import ElementType, Opcode

Value: TypeAlias = SSAValue | Operation
"""What constructors take for an operand."""

DimLike: TypeAlias = Dim | int | str
"""What constructors take for a dim."""

DimsAttr: TypeAlias = ArrayAttr[IntegerAttr | StringAttr]
"""A list of dims in an operation: integers, and texts of symbolic dims."""

ScalarAttr: TypeAlias = IntegerAttr | FloatAttr
"""A scalar constant with its type."""

DIMS: AttrConstraint[DimsAttr] = ArrayAttr.constr(IntegerAttr.constr(eq(i64)) | BaseAttr(StringAttr))
INTEGER = IntegerAttr.constr(eq(i64))
INTEGERS = DenseArrayBase.constr(i64)
FLAG = IntegerAttr.constr(eq(i1))
SCALAR: AttrConstraint[ScalarAttr] = BaseAttr(IntegerAttr) | BaseAttr(FloatAttr)

_STAND_IN = TensorType(f32, [])
"""The type of a result until it is inferred."""

_ZERO = Dim.constant(0)


class DvmOp(IRDLOperation, ABC):
    """An operation of the operator graph: pure, tensors in, one tensor out.

    A subclass says which operands it takes (`check`), the element type of the result (`result_element`) and its dims
    (`infer_dims`). Constructors, the verifier and `dvm-deduce-shapes` follow from these.
    """

    result = result_def(TensorType)
    traits = traits_def(Pure())

    OPERAND_NAMES: ClassVar[tuple[str, ...]] = ()
    """What messages call the operands, if there are several."""

    @abstractmethod
    def infer_dims(self, shapes: Sequence[Shape], rules: ShapeRules) -> Shape:
        """The dims of the result for operands of these shapes, every condition on dims being put to `rules`."""

    def check(self) -> None:
        """Raises VerifyException where element types, ranks or properties are wrong. By default anything goes."""

    def result_element(self) -> ElementType:
        """The element type of the result; by default that of the first operand."""
        return self.element(0)

    def _build(
        self,
        operands: Sequence[Value | Sequence[Value]],
        properties: Mapping[str, Attribute | None],
        result_type: Attribute | None,
    ) -> None:
        """For constructors: makes the operation and, where none is given, infers the type of its result.

        Raises VerifyException where the operands can never fit.
        """
        # Operation's own constructor takes a third of the time of IRDLOperation's, which normalises variadics: no
        # operation here has more than one of those, so that there are no segments to describe.
        flat: list[SSAValue] = []
        for value in operands:
            flat += map(SSAValue.get, value) if isinstance(value, Sequence) else (SSAValue.get(value),)
        given = {name: attribute for name, attribute in properties.items() if attribute is not None}
        Operation.__init__(self, operands=flat, properties=given, result_types=(result_type or _STAND_IN,))
        if result_type is None:
            shapes = self._operand_shapes()
            self.check()
            inferred = tensor_of(self.result_element(), self._infer(shapes))
            self.results = SSAValues((OpResult(inferred, self, 0),))

    def verify_(self) -> None:
        shapes = self._operand_shapes()
        declared = self._shape(self.result, UNNAMED_RESULT)
        self.check()
        element = self.result_element()
        if element_of(self.result.type) != element:
            self.fail(f"the result must be of {element.text}, but is {self.result.type}")
        inferred = self._infer(shapes)
        if len(inferred) != len(declared):
            self.fail(f"the result must have rank {len(inferred)}, but is {self.result.type}")
        for axis, (dim, given) in enumerate(zip(inferred, declared, strict=True)):
            if dim != given and is_known(dim) and is_known(given) and (dim - given).is_never_zero():
                self.fail(f"dim {axis} of the result must be {dim}, but the result is {self.result.type}")

    def _infer(self, shapes: Sequence[Shape]) -> Shape:
        try:
            return self.infer_dims(shapes, PERMISSIVE)
        except ShapeConflict as conflict:
            self.fail(f"{conflict} ({self._operand_types()})")

    def _operand_shapes(self) -> list[Shape]:
        return [self._shape(operand, index) for index, operand in enumerate(self.operands)]

    def _shape(self, value: SSAValue, index: int) -> Shape:
        try:
            return shape_of(value.type, index)
        except VerifyException as error:
            name = "the result" if index == UNNAMED_RESULT else self.operand_name(index)
            self.fail(f"{name}: {error}")

    # --- what rules and messages need ---

    @property
    def label(self) -> str:
        """What messages call the operation, such as `dvm.binary Add`."""
        kind = self.properties.get("kind")
        return f"{self.name} {kind.data}" if isinstance(kind, StringAttr) else self.name

    def operand_name(self, index: int) -> str:
        """What messages call an operand."""
        if not self.OPERAND_NAMES:
            return "the operand"
        return f"'{self.OPERAND_NAMES[index]}'" if index < len(self.OPERAND_NAMES) else f"operand {index}"

    def element(self, index: int) -> ElementType:
        """The element type of an operand."""
        return element_of(self.operands[index].type)

    def rank(self, index: int) -> int:
        """The rank of an operand."""
        return len(shape_of(self.operands[index].type, index))

    def fail(self, message: str) -> NoReturn:
        """Raises VerifyException with the message after the label."""
        raise VerifyException(f"{self.label}: {message}")

    def require(self, index: int, allowed: frozenset[ElementType]) -> None:
        """Requires an operand to have one of the element types."""
        if self.element(index) not in allowed:
            wanted = ", ".join(element.text for element in sorted(allowed))
            self.fail(f"{self.operand_name(index)} must be of {wanted}, but is {self.operands[index].type}")

    def require_same(self, first: int, second: int) -> None:
        """Requires two operands to have one element type."""
        if self.element(first) != self.element(second):
            self.fail(
                f"operands must have one element type, but {self.operand_name(first)} is {self.operands[first].type} "
                f"and {self.operand_name(second)} is {self.operands[second].type}"
            )

    def require_rank(self, index: int, least: int, most: int) -> None:
        """Requires the rank of an operand to be from `least` to `most`."""
        if not least <= self.rank(index) <= most:
            wanted = f"rank {least}" if least == most else f"rank {least} to {most}"
            self.fail(f"{self.operand_name(index)} must have {wanted}, but is {self.operands[index].type}")

    def require_axis(self, axis: int, rank: int, name: str, *, negative: bool = False) -> None:
        """Requires 0 <= axis < rank, or with `negative` -rank <= axis < rank."""
        lowest = -rank if negative else 0
        if not rank:
            self.fail(f"{name} {axis} of a tensor without dims ({self._operand_types()})")
        if not lowest <= axis < rank:
            self.fail(f"{name} {axis} is not in {lowest} to {rank - 1} ({self._operand_types()})")

    def require_entries(self, count: int, rank: int, name: str) -> None:
        """Requires a list of the operation to have one entry per dim."""
        if count != rank:
            self.fail(f"'{name}' has {count} entries, but there are {rank} dims ({self._operand_types()})")

    def require_dims(self, name: str, dims: DimsAttr, *, inferred: bool = False, negative: bool = False) -> None:
        """Requires the entries of a list to be dims, and not below 0: `inferred` also takes -1, `negative` any."""
        lowest = None if negative else -1 if inferred else 0
        values: list[int | None] = []
        for entry in dims:
            try:
                values.append(_read_dim(entry).value)
            except ValueError as error:
                self.fail(f"'{name}': {error}")
        for value in values:
            if value is not None and lowest is not None and value < lowest:
                self.fail(f"'{name}' has the negative entry {value}")

    def require_scalar(self, name: str, scalar: ScalarAttr, element: ElementType) -> None:
        """Requires a scalar to have a value of the kind of an element type."""
        try:
            scalar_for(scalar, element)
        except ValueError as error:
            self.fail(f"'{name}' {error}")

    def _operand_types(self) -> str:
        return ", ".join(str(value.type) for value in self.operands or self.results)


FLOATS = frozenset(element for element in ElementType if element.is_float)
INDICES = frozenset(element for element in ElementType if element.is_integer)
NUMBERS = FLOATS | INDICES
TRUTH = frozenset((ElementType.I1,))


def graph_types(opcode: Opcode) -> frozenset[ElementType]:
    """The element types on which the operator graph has an operation: f32 in the table of the ISA is every float."""
    return frozenset(element for element in ElementType if element.compute in opcode.types)


def require_kind(op: DvmOp, kinds: Mapping[str, object]) -> None:
    """Requires the operation's kind to be one of those in a table."""
    kind = cast(StringAttr, op.properties["kind"]).data
    if kind not in kinds:
        op.fail(f"'{kind}' is not one of {', '.join(kinds)}")


# --- lists of dims ---


def dims_attr(dims: Sequence[DimLike]) -> DimsAttr:
    """The attribute of a list of dims; raises ValueError for a text that is not a dim."""
    return ArrayAttr([_dim_attr(parse_dim(dim) if isinstance(dim, str) else dim) for dim in dims])


def dims_in(dims: DimsAttr) -> Shape:
    """The dims that a list says."""
    return tuple(_read_dim(entry) for entry in dims)


def checked_dims(dims: DimsAttr, name: str, rules: ShapeRules) -> Shape:
    """The dims that a list says, for a shape rule: those that are expressions are required not to be negative."""
    result = dims_in(dims)
    for index, dim in enumerate(result):
        if dim.value is None:
            rules.at_least(dim, _ZERO, f"entry {index} of '{name}'")
    return result


def _dim_attr(dim: Dim | int) -> IntegerAttr | StringAttr:
    value = dim if isinstance(dim, int) else dim.value
    return StringAttr(str(dim)) if value is None else IntegerAttr(value, i64)


def _read_dim(entry: IntegerAttr | StringAttr) -> Dim:
    return parse_dim(entry.data) if isinstance(entry, StringAttr) else Dim.constant(entry.value.data)


# --- scalars ---


def scalar_value(scalar: ScalarAttr) -> int | float | bool:
    """The number of a scalar; a truth value for i1."""
    if isinstance(scalar, FloatAttr):
        return scalar.value.data
    value = scalar.value.data
    return bool(value) if scalar.type == i1 else value


def scalar_for(scalar: ScalarAttr, element: ElementType) -> int | float | bool:
    """The number of a scalar as one of the kind of an element type, floats unrounded.

    Raises ValueError if an integer or truth value is wanted and this is none, or none in range.
    """
    value = scalar_value(scalar)
    if element.is_float:
        return float(value)
    least, most = (
        (0, 1) if element is ElementType.I1 else (-(1 << element.bytes * 8 - 1), (1 << element.bytes * 8 - 1) - 1)
    )
    if not least <= value <= most or value != int(value):
        raise ValueError(f"is {value} : {scalar.type}, which is not a value of {element.text}")
    return bool(value) if element is ElementType.I1 else int(value)


def scalar_attr(value: float | bool, element: ElementType) -> ScalarAttr:
    """The scalar of a number and an element type; floats are rounded to it, beyond its range to infinity."""
    if not element.is_float:
        return IntegerAttr(int(value), cast(IntegerType, mlir_type(element)))
    return FloatAttr(value, cast(AnyFloat, mlir_type(element)))


def natural_scalar(value: float | bool, element: ElementType) -> ScalarAttr:
    """The scalar that a Python number means beside tensors of an element type: its own kind, in 32 or 64 bits."""
    if isinstance(value, bool):
        return IntegerAttr(value, i1)
    if isinstance(value, int):
        return scalar_attr(value, ElementType.I32 if -(1 << 31) <= value < 1 << 31 else ElementType.I64)
    return scalar_attr(value, element if element.is_float else ElementType.F32)


@dataclass(frozen=True)
class Literal:
    """A number as written, whose type comes later in the text."""

    value: int | float
    hexadecimal: bool
    """Written as the bits of a float, if its type is one; how MLIR writes infinities and NaN."""
    position: int

    @classmethod
    def parse(cls, parser: Parser) -> "Literal":
        start = parser.pos
        value = parser.parse_number(allow_boolean=True)
        text = parser.lexer.input.content[start : start + 2]
        return cls(value, text == "0x", start)

    def attribute(self, parser: Parser, type: Attribute) -> ScalarAttr:
        """The scalar of this number and a type; a parse error where it does not fit."""
        scalar = self._scalar(type)
        if scalar is None:
            parser.raise_error(f"{self.value} is not a value of type {type}", self.position)
        return scalar

    def _scalar(self, type: Attribute) -> ScalarAttr | None:
        if type in _INTEGER_RANGES and isinstance(self.value, int) and self.value in _INTEGER_RANGES[type]:
            return IntegerAttr(self.value, cast(IntegerType, type))
        value = self._float(cast(AnyFloat, type)) if type in _FLOATS else None
        return None if value is None else FloatAttr(value, cast(AnyFloat, type))

    def _float(self, type: AnyFloat) -> float | None:
        """The value in a float type, or None if it is beyond the range."""
        try:
            if not self.hexadecimal:
                value = FloatAttr(float(self.value), type).value.data
                return value if isfinite(value) else None
            return type.unpack(int(self.value).to_bytes(type.compile_time_size, "little"), 1)[0]
        except OverflowError:
            return None


_INTEGER_RANGES: dict[Attribute, range] = {
    i1: range(2),
    i32: range(-(1 << 31), 1 << 31),
    i64: range(-(1 << 63), 1 << 63),
}
_FLOATS: tuple[Attribute, ...] = (f16, bf16, f32, f64)


# --- directives of the assembly formats ---


@irdl_custom_directive
class Word(CustomDirective):
    """A string property as a bare word: `Sqrt`."""

    variable: AttributeVariable

    def parse(self, parser: Parser, state: ParsingState) -> None:
        self.variable.set(state, StringAttr(parser.parse_identifier()))

    def print(self, printer: Printer, state: PrintingState, op: IRDLOperation) -> None:
        state.print_whitespace(printer)
        printer.print_string(cast(StringAttr, self.variable.get(op)).data)


@irdl_custom_directive
class Dims(CustomDirective):
    """A list of dims: `[4, "2*s0"]`, the texts in canonical form."""

    variable: AttributeVariable

    def parse(self, parser: Parser, state: ParsingState) -> None:
        self.variable.set(state, parse_dims(parser))

    def print(self, printer: Printer, state: PrintingState, op: IRDLOperation) -> None:
        state.print_whitespace(printer)
        print_dims(printer, cast(DimsAttr, self.variable.get(op)))


def parse_dims(parser: Parser) -> DimsAttr:
    def parse_entry() -> Dim | int:
        position = parser.pos
        text = parser.parse_optional_str_literal()
        if text is None:
            return parser.parse_integer(allow_boolean=False)
        try:
            return parse_dim(text)
        except ValueError as error:
            parser.raise_error(str(error), position)

    return dims_attr(parser.parse_comma_separated_list(parser.Delimiter.SQUARE, parse_entry))


def print_dims(printer: Printer, dims: DimsAttr) -> None:
    def print_entry(entry: IntegerAttr | StringAttr) -> None:
        if isinstance(entry, StringAttr):
            printer.print_string_literal(entry.data)
        else:
            printer.print_int(entry.value.data)

    with printer.in_square_brackets():
        printer.print_list(dims, print_entry)
