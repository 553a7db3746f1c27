"""Reading operator graphs from text so that every operation knows its line, and naming operations in messages.

xDSL's parser keeps only locations that the text states (`loc(...)`); messages at bind name the line where an operation
was written, so here every operation gets one.
"""

import re
from bisect import bisect_right
from math import isinf
from typing import cast

from xdsl.context import Context
from xdsl.dialects.builtin import (
    UNKNOWN_LOC,
    AnyDenseElement,
    AnyFloat,
    ArrayAttr,
    BytesAttr,
    CallSiteLoc,
    DenseIntOrFPElementsAttr,
    FileLineColLoc,
    FloatAttr,
    FusedLoc,
    IntAttr,
    IntegerAttr,
    ModuleOp,
    NameLoc,
    RankedStructure,
    StringAttr,
)
from xdsl.ir import Attribute, Operation
from xdsl.parser import Parser
from xdsl.utils.mlir_lexer import MLIRTokenKind

from dvm_dialects.dvm_base import DvmOp


class _Bits(int):
    """A number written in hexadecimal. As a float it is none yet: its bits are written when the type is known."""

    def __float__(self) -> float:
        return 0.0


class _LocatingParser(Parser):
    """A parser that gives each operation without a location the file, line and column where it starts.

    It refuses an `scf.while` whose regions do not take its operands and results, which xDSL 0.75 meets with an Exception.
    It also reads `dense<0xFF800000> : tensor<f32>` as MLIR means it: a hexadecimal element of a float tensor is the bits
    of the float, which is how infinities and NaN are written. xDSL 0.75 takes it for an integer.
    And it refuses a float in decimal beyond the range of its type, which xDSL 0.75 rounds to infinity, though not where it
    is an f16 or f32 element of `dense` or `array`.
    """

    def __init__(self, ctx: Context, text: str, name: str) -> None:
        super().__init__(ctx, text, name)
        self._file = StringAttr(name)
        self._line_starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def parse_module(self, allow_implicit_module: bool = True) -> ModuleOp:
        if self._current_token.kind is MLIRTokenKind.EOF:
            self.raise_error("there is nothing but space and comments, expected operations")
        return super().parse_module(allow_implicit_module)

    def parse_operation(self) -> Operation:
        start = self.pos
        try:
            op = super().parse_operation()
        except OverflowError:
            self.raise_error("a float is beyond the range of its type", start)
        if op.name == "scf.while":
            self._check_while(op, start)
        if op.location is UNKNOWN_LOC:
            line = bisect_right(self._line_starts, start)
            column = start - self._line_starts[line - 1] + 1
            op.location = FileLineColLoc(self._file, IntAttr(line), IntAttr(column))
        return op

    def _check_while(self, op: Operation, start: int) -> None:
        for region, types, what in zip(
            op.regions, (op.operand_types, op.result_types), ("operands", "results"), strict=True
        ):
            if len(region.blocks) == 1 and tuple(region.block.arg_types) != tuple(types):
                taken, given = (", ".join(map(str, each)) or "nothing" for each in (region.block.arg_types, types))
                self.raise_error(f"scf.while: a region takes {taken}, but the {what} are {given}", start)

    def parse_optional_builtin_int_or_float_attr(self) -> IntegerAttr | FloatAttr | None:
        hexadecimal = self._current_token.span.text.startswith("0x")
        attr = super().parse_optional_builtin_int_or_float_attr()
        if isinstance(attr, FloatAttr) and isinf(attr.value.data) and not hexadecimal:
            raise OverflowError  # as xDSL does for elements: the operation is refused
        return attr

    def _parse_tensor_literal_element(self) -> Parser._TensorLiteralElement:
        element = super()._parse_tensor_literal_element()
        if type(element.value) is int and element.span.text.startswith("0x"):
            return self._TensorLiteralElement(False, _Bits(element.value), element.span)
        return element

    def parse_dense_int_or_fp_elements_attr(
        self, type: RankedStructure[AnyDenseElement] | None
    ) -> DenseIntOrFPElementsAttr:
        start = self.pos
        try:
            attr = super().parse_dense_int_or_fp_elements_attr(type)
        except OverflowError:
            self.raise_error("an element is beyond the range of its type", start)
        except ValueError as error:
            self.raise_error(str(error), start)
        text = self.lexer.input.content
        literal = re.sub("//.*", "", text[start : text.index(">", start)])
        element = attr.get_element_type()
        if "0x" not in literal or '"' in literal or not isinstance(element, AnyFloat):
            return attr
        size = element.compile_time_size
        data = bytearray(attr.data.data)
        elements = re.findall(r"[-+.\w]+", literal)
        for index, written in enumerate(elements):
            if written.startswith("0x"):
                try:
                    data[index * size : (index + 1) * size] = int(written, 16).to_bytes(size, "little")
                except OverflowError:
                    self.raise_error(f"{written} has more bits than {element}", start)
        splat = len(elements) == 1
        return DenseIntOrFPElementsAttr(attr.type, BytesAttr(bytes(data[:size]) * len(attr) if splat else bytes(data)))


def parse_module(ctx: Context, text: str | bytes, name: str) -> ModuleOp:
    """The module that a text says, its operations located in the file `name`.

    Not verified. Raises xdsl's ParseError, and UnicodeDecodeError for bytes that are not UTF-8.
    """
    return _LocatingParser(ctx, text.decode() if isinstance(text, bytes) else text, name).parse_module()


def describe(op: Operation) -> str:
    """An operation in words for messages, such as "dvm.binary Add at model.mlir:7"; without a location, the name alone."""
    label = op.label if isinstance(op, DvmOp) else op.name
    place = place_of(op.location)
    return f"{label} at {place.filename.data}:{place.line.data}" if place is not None else label


def place_of(location: Attribute) -> FileLineColLoc | None:
    """The file, line and column in a location, or None if it has none."""
    match location:
        case FileLineColLoc():
            return location
        case CallSiteLoc(callee=callee):
            return place_of(callee)
        case FusedLoc(locations=locations):
            places = [place_of(inner) for inner in cast(ArrayAttr[Attribute], locations)]
            return next((place for place in places if place is not None), None)
        case NameLoc(location=inner):
            return place_of(inner)
        case _:
            return None
