"""The `visa` dialect: kernels as virtual instructions on tiles, one word each.

A kernel has a domain, a list of parallel and reduction axes; each operand has an access map into it. Values are tiles
in slots of the unified buffer, of type `!visa.ub` before allocation and `!visa.ub<3>` after it, as in xDSL's register
dialects, or scalars. The instructions of a pass run once, or for each tile of the reduction axes, for each tile of the
parallel axes.
"""

from collections.abc import Iterator, Sequence

from typing_extensions import override
from xdsl.dialects.builtin import (
    ArrayAttr,
    BytesAttr,
    DenseIntOrFPElementsAttr,
    IntAttr,
    StringAttr,
    SymbolNameConstraint,
    TensorType,
    i8,
)
from xdsl.ir import Attribute, Dialect, Operation, Region, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    ParsePropInAttrDict,
    irdl_op_definition,
    prop_def,
    region_def,
    traits_def,
    var_operand_def,
    var_result_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import IsolatedFromAbove, Pure
from xdsl.utils.exceptions import VerifyException

from dvm_dialects.visa_base import Axes, InstructionOp, ScalarOp, held_type
from dvm_dialects.visa_instructions import (
    INSTRUCTIONS,
    AccumulateOp,
    BinaryOp,
    CastOp,
    EndOp,
    FillOp,
    GatherOp,
    GroupedMatmulKOp,
    GroupedMatmulOp,
    IotaOp,
    LoadGuardedOp,
    LoadOp,
    MatmulOp,
    PassOp,
    ReduceInitOp,
    ReduceOp,
    SelectOp,
    StoreOp,
    UnaryOp,
)
from dvm_dialects.visa_types import SCALAR, UB, AccessIndex, AxisAttr, GlobalType, ScalarType, UbType, ub_slot
from dvm_dialects.visa_verify import body_axes, may_share_slot, slot_of, verify_body, verify_slots
from dvm_dialects.vk import KERNEL_KINDS

__all__ = [
    "INSTRUCTIONS",
    "SCALAR",
    "UB",
    "VISA",
    "AccessIndex",
    "AccumulateOp",
    "Axes",
    "AxisAttr",
    "BinaryOp",
    "BytecodeOp",
    "CastOp",
    "EndOp",
    "FillOp",
    "GatherOp",
    "GlobalType",
    "GroupedMatmulKOp",
    "GroupedMatmulOp",
    "InstructionOp",
    "IotaOp",
    "KernelOp",
    "LoadGuardedOp",
    "LoadOp",
    "MatmulOp",
    "PassOp",
    "ReduceInitOp",
    "ReduceOp",
    "ScalarOp",
    "ScalarType",
    "SelectOp",
    "StoreOp",
    "UbType",
    "UnaryOp",
    "axes_of",
    "held_type",
    "may_share_slot",
    "slot_of",
    "ub_slot",
]


@irdl_op_definition
class KernelOp(IRDLOperation):
    """A kernel in virtual instructions. Its block arguments are the inputs, then the outputs.

    %y = visa.kernel vector @k0 domain [parallel "s0"] slots 0 (%x : tensor<?xf32>) -> (tensor<?xf32>) {
    ^bb0(%gx : !visa.global<f32, affine_map<(d0) -> (d0)>>, %gy : !visa.global<f32, affine_map<(d0) -> (d0)>>):
      visa.pass once
      %0 = visa.load f32 %gx : !visa.ub
      %1 = visa.unary exp f32 %0 : (!visa.ub) -> !visa.ub
      visa.store f32 %1, %gy
      visa.end
    }

    `slots` is the number of slots used, 0 before allocation.
    """

    name = "visa.kernel"
    kind = prop_def(StringAttr)
    sym_name = prop_def(SymbolNameConstraint())
    domain = prop_def(ArrayAttr[AxisAttr])
    slots = prop_def(IntAttr)
    inputs = var_operand_def(TensorType)
    outputs = var_result_def(TensorType)
    body = region_def("single_block")
    traits = traits_def(IsolatedFromAbove(), Pure())

    def __init__(
        self,
        kind: str,
        name: str,
        domain: Sequence[AxisAttr],
        inputs: Sequence[SSAValue],
        result_types: Sequence[Attribute],
        body: Region,
        slots: int = 0,
    ):
        """Of one of `vk.KERNEL_KINDS`; the block of `body` has a `GlobalType` argument for each input and result."""
        super().__init__(
            operands=[inputs],
            result_types=[result_types],
            properties={
                "kind": StringAttr(kind),
                "sym_name": StringAttr(name),
                "domain": ArrayAttr(domain),
                "slots": IntAttr(slots),
            },
            regions=[body],
        )

    @override
    def verify_(self) -> None:
        if self.kind.data not in KERNEL_KINDS:
            raise VerifyException(f"kind '{self.kind.data}' is not one of {', '.join(KERNEL_KINDS)}")
        block = self.body.block
        verify_body(self.kind.data, block, self.domain.data, self.inputs.types, self.outputs.types)
        if self.slots.data:
            verify_slots(block, self.domain.data, self.slots.data)
        elif any(slot_of(result) is not None for op in block.ops for result in op.results):
            raise VerifyException("a kernel with allocated tiles must say how many slots it has")

    @override
    def print(self, printer: Printer) -> None:
        printer.print_string(f" {self.kind.data} ")
        printer.print_symbol_name(self.sym_name.data)
        printer.print_string(" domain ")
        with printer.in_square_brackets():
            printer.print_list(self.domain, lambda axis: axis.print_bare(printer))
        printer.print_string(f" slots {self.slots.data} ")
        with printer.in_parens():
            printer.print_list(self.inputs, printer.print_ssa_value)
            if self.inputs:
                printer.print_string(" : ")
                printer.print_list(self.inputs.types, printer.print_attribute)
        printer.print_string(" -> ")
        with printer.in_parens():
            printer.print_list(self.outputs.types, printer.print_attribute)
        printer.print_op_attributes(self.attributes, print_keyword=True)
        printer.print_string(" ")
        printer.print_region(self.body)

    @classmethod
    @override
    def parse(cls, parser: Parser) -> "KernelOp":
        kind = parser.parse_identifier(context_msg=" for the kind of kernel")
        name = parser.parse_symbol_name()
        parser.parse_keyword("domain")
        domain = parser.parse_comma_separated_list(parser.Delimiter.SQUARE, lambda: AxisAttr.parse_bare(parser))
        parser.parse_keyword("slots")
        slots = parser.parse_integer(allow_boolean=False, allow_negative=False)
        inputs = _parse_inputs(parser)
        parser.parse_punctuation("->")
        outputs = parser.parse_comma_separated_list(parser.Delimiter.PAREN, parser.parse_type)
        attributes = parser.parse_optional_attr_dict_with_keyword()
        properties: dict[str, Attribute] = {
            "kind": StringAttr(kind),
            "sym_name": name,
            "domain": ArrayAttr(domain),
            "slots": IntAttr(slots),
        }
        return cls.create(
            operands=inputs,
            result_types=outputs,
            properties=properties,
            attributes=dict(attributes.data) if attributes else {},
            regions=[parser.parse_region()],
        )


def _parse_inputs(parser: Parser) -> Sequence[SSAValue]:
    """Parse `(%x, %y : tensor<4xf32>, tensor<4xf32>)`."""
    with parser.in_parens():
        operands = parser.parse_optional_undelimited_comma_separated_list(
            parser.parse_optional_unresolved_operand, parser.parse_unresolved_operand
        )
        if not operands:
            return ()
        parser.parse_punctuation(":")
        position = parser.pos
        types = parser.parse_comma_separated_list(parser.Delimiter.NONE, parser.parse_type)
        return parser.resolve_operands(operands, types, position)


def kernels_in(operation: Operation) -> Iterator[KernelOp]:
    """The kernels inside of an operation. (`Operation.walk` would go through all of their instructions, too.)"""
    for region in operation.regions:
        for block in region.blocks:
            for inner in block.ops:
                if isinstance(inner, KernelOp):
                    yield inner
                elif inner.regions:
                    yield from kernels_in(inner)


def axes_of(kernel: KernelOp) -> dict[SSAValue, Axes]:
    """The domain axes along which each tile of the kernel varies; at bind an axis may vanish from one, never appear."""
    return body_axes(kernel.body.block, kernel.domain.data)


@irdl_op_definition
class BytecodeOp(IRDLOperation):
    """A compiled program: the bytes of a `.dvmb` file.

    visa.bytecode @main {bytes = dense<[68, 86]> : tensor<2xi8>}
    """

    name = "visa.bytecode"
    sym_name = prop_def(SymbolNameConstraint())
    bytes = prop_def(DenseIntOrFPElementsAttr)
    assembly_format = "$sym_name attr-dict"
    irdl_options = (ParsePropInAttrDict(),)

    def __init__(self, name: str, data: "bytes"):
        """Of the bytes of the container."""
        attribute = DenseIntOrFPElementsAttr(TensorType(i8, [len(data)]), BytesAttr(data))
        super().__init__(properties={"sym_name": StringAttr(name), "bytes": attribute})

    @property
    def data(self) -> "bytes":
        """The bytes of the container."""
        return self.bytes.data.data

    @override
    def verify_(self) -> None:
        if self.bytes.get_element_type() != i8:
            raise VerifyException(f"bytes are of {self.bytes.get_element_type()}, not i8")


VISA = Dialect(
    "visa", [KernelOp, ScalarOp, *INSTRUCTIONS, EndOp, BytecodeOp], [UbType, ScalarType, GlobalType, AxisAttr]
)
