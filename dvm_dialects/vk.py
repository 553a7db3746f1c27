"""The `vk` dialect: fused kernels over whole tensors, and how they are stacked into one launch.

A `vk.kernel` holds the `dvm` operations that run as one kernel: its block arguments are the loads, its `vk.yield` the
stores. Kernels in one `vk.stage` do not depend on one another; stages run in order. A `vk.speculate` holds alternatives
of the same computation and the conditions on dims under which each is taken. All are isolated from above, so that each
can be compiled on its own.
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import ArrayAttr, IntegerAttr, StringAttr, SymbolNameConstraint
from xdsl.dialects.utils import AbstractYieldOperation
from xdsl.ir import Attribute, Dialect, Operation, Region, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    lazy_traits_def,
    prop_def,
    region_def,
    traits_def,
    var_operand_def,
    var_region_def,
    var_result_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import HasParent, IsolatedFromAbove, IsTerminator, Pure
from xdsl.utils.exceptions import VerifyException

from dvm_dialects.dims import Dim, parse_dim
from vm.program import KernelKind

KERNEL_KINDS = tuple(kind.name.lower() for kind in KernelKind)
"""What a kernel computes with: "vector" no matrix products, "cube" only those, "mix" both."""

KERNEL_NAMES = frozenset({"vk.kernel", "visa.kernel", "vk.speculate"})
"""The operations that may stand in a stage."""

_ALTERNATIVE_NAMES = KERNEL_NAMES | {"vk.stage", "dvm.reshape", "dvm.constant"}
_COMPARISON = re.compile(r"(.+?)(<=|>=|==|<|>)(.+)")
_SIGNS: dict[str, Callable[[int, int], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}


@dataclass(frozen=True)
class Comparison:
    """A comparison of two dims; `sign` is one of <= >= == < >."""

    left: Dim
    sign: str
    right: Dim

    def __str__(self) -> str:
        return f"{self.left} {self.sign} {self.right}"

    @property
    def is_decided(self) -> bool:
        """Whether it is the same for all sizes, evidently."""
        return self.left.value is not None and self.right.value is not None

    def holds(self, sizes: Mapping[str, int]) -> bool:
        """Whether it holds where the symbols have these sizes; raises KeyError for a symbol without one."""
        return _SIGNS[self.sign](self.left.evaluate(sizes), self.right.evaluate(sizes))


Condition = tuple[Comparison, ...]
"""Comparisons that all hold."""


def parse_condition(text: str) -> Condition:
    """The condition that a text such as "s1 > 262144 and s0 < 16" says; raises ValueError naming the text."""
    comparisons: list[Comparison] = []
    for part in text.split(" and "):
        match = _COMPARISON.fullmatch(part)
        if match is None:
            raise ValueError(f"'{part}' is not a comparison of two dims")
        comparisons.append(Comparison(parse_dim(match[1].strip()), match[2], parse_dim(match[3].strip())))
    return tuple(comparisons)


@irdl_op_definition
class YieldOp(AbstractYieldOperation[Attribute]):
    """Ends a region of this dialect with the region's results: `vk.yield %0, %1 : tensor<4xf32>, tensor<4xf32>`."""

    name = "vk.yield"
    traits = lazy_traits_def(lambda: (IsTerminator(), HasParent(KernelOp, StageOp, SpeculateOp)))


@irdl_op_definition
class KernelOp(IRDLOperation):
    """What one kernel computes, in `dvm` operations.

    %r = vk.kernel vector @k0(%a = %x : tensor<4xf32>) -> tensor<4xf32> {
      %0 = dvm.unary Exp %a : tensor<4xf32> -> tensor<4xf32>
      vk.yield %0 : tensor<4xf32>
    }
    """

    name = "vk.kernel"
    kind = prop_def(StringAttr)
    sym_name = prop_def(SymbolNameConstraint())
    inputs = var_operand_def(Attribute)
    outputs = var_result_def(Attribute)
    body = region_def("single_block")
    traits = traits_def(IsolatedFromAbove(), Pure())

    def __init__(self, kind: str, name: str, inputs: Sequence[SSAValue], body: Region):
        """Of one of `KERNEL_KINDS`; `body` ends in a `vk.yield`, which gives the result types."""
        super().__init__(
            operands=[inputs],
            result_types=[_yielded(body)],
            properties={"kind": StringAttr(kind), "sym_name": StringAttr(name)},
            regions=[body],
        )

    def verify_(self) -> None:
        if self.kind.data not in KERNEL_KINDS:
            raise VerifyException(f"kind '{self.kind.data}' is not one of {', '.join(KERNEL_KINDS)}")
        _verify_region(self, self.body, "the kernel")
        for op in self.body.block.ops:
            if not op.name.startswith("dvm.") and not isinstance(op, YieldOp):
                raise VerifyException(f"'{op.name}' is not allowed in a kernel, only dvm operations are")

    def print(self, printer: Printer) -> None:
        printer.print_string(f" {self.kind.data} ")
        printer.print_symbol_name(self.sym_name.data)
        _print_bound_region(printer, self, self.body)

    @classmethod
    def parse(cls, parser: Parser) -> "KernelOp":
        kind = parser.parse_identifier(context_msg=" for the kind of kernel")
        name = parser.parse_symbol_name()
        inputs, outputs, attributes, body = _parse_bound_region(parser)
        return cls.create(
            operands=inputs,
            result_types=outputs,
            properties={"kind": StringAttr(kind), "sym_name": name},
            attributes=attributes,
            regions=[body],
        )


STAGE = "dvm.stage"
"""The attribute of a kernel written by hand: the number of its stage, before `vk-stack` makes stages."""


def stage_of(kernel: Operation) -> int | None:
    """The stage that a kernel is put into by hand, if it is."""
    number = kernel.attributes.get(STAGE)
    return number.value.data if isinstance(number, IntegerAttr) else None


@irdl_op_definition
class StageOp(IRDLOperation):
    """Kernels that do not depend on one another, run in parallel.

    %r:2 = vk.stage (%a = %x : tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
      %0 = vk.kernel ...
      %1 = vk.kernel ...
      vk.yield %0, %1 : tensor<4xf32>, tensor<4xf32>
    }
    """

    name = "vk.stage"
    inputs = var_operand_def(Attribute)
    outputs = var_result_def(Attribute)
    body = region_def("single_block")
    traits = traits_def(IsolatedFromAbove(), Pure())

    def __init__(self, inputs: Sequence[SSAValue], body: Region):
        """`body` ends in a `vk.yield`, which gives the result types."""
        super().__init__(operands=[inputs], result_types=[_yielded(body)], regions=[body])

    def verify_(self) -> None:
        _verify_region(self, self.body, "the stage")
        for op in self.body.block.ops:
            if isinstance(op, YieldOp):
                continue
            if op.name not in KERNEL_NAMES:
                raise VerifyException(f"'{op.name}' is not allowed in a stage, only kernels are")
            for operand in op.operands:
                if isinstance(operand.owner, Operation):
                    raise VerifyException(
                        f"{_describe(op)} depends on {_describe(operand.owner)}: the kernels of a stage are independent"
                    )

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        _print_bound_region(printer, self, self.body)

    @classmethod
    def parse(cls, parser: Parser) -> "StageOp":
        inputs, outputs, attributes, body = _parse_bound_region(parser)
        return cls.create(operands=inputs, result_types=outputs, attributes=attributes, regions=[body])


@irdl_op_definition
class SpeculateOp(IRDLOperation):
    """Alternatives of one computation; bind takes the first whose condition holds, else the last.

    %r = vk.speculate (%x) : (tensor<4xf32>) -> tensor<4xf32> if "4*s1 <= 262144" {
    ^bb0(%a : tensor<4xf32>):
      ...
    } else {
    ^bb0(%a : tensor<4xf32>):
      ...
    }
    """

    name = "vk.speculate"
    conditions = prop_def(ArrayAttr[StringAttr])
    inputs = var_operand_def(Attribute)
    outputs = var_result_def(Attribute)
    alternatives = var_region_def("single_block")
    traits = traits_def(IsolatedFromAbove(), Pure())

    def __init__(self, inputs: Sequence[SSAValue], conditions: Sequence[str], alternatives: Sequence[Region]):
        """Of N alternatives and N - 1 conditions (texts for `parse_condition`), all of the same result types."""
        super().__init__(
            operands=[inputs],
            result_types=[_yielded(alternatives[0])],
            properties={"conditions": ArrayAttr(StringAttr(condition) for condition in conditions)},
            regions=[alternatives],
        )

    def verify_(self) -> None:
        if len(self.alternatives) != len(self.conditions) + 1:
            raise VerifyException(
                f"{len(self.alternatives)} alternatives need {len(self.alternatives) - 1} conditions, "
                f"but there are {len(self.conditions)}"
            )
        if not self.conditions:
            raise VerifyException("there is only one alternative")
        for condition in self.conditions:
            try:
                parse_condition(condition.data)
            except ValueError as error:
                raise VerifyException(f"condition: {error}") from None
        for number, region in enumerate(self.alternatives):
            _verify_region(self, region, f"alternative {number}")
            for op in region.block.ops:
                if op.name not in _ALTERNATIVE_NAMES and not isinstance(op, YieldOp):
                    raise VerifyException(f"'{op.name}' is not allowed in an alternative, only kernels and views are")

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_operands(self.inputs)
        printer.print_string(" : ")
        printer.print_function_type(self.inputs.types, self.outputs.types)
        printer.print_op_attributes(self.attributes, print_keyword=True)
        for condition, region in zip(self.conditions, self.alternatives, strict=False):
            printer.print_string(" if ")
            printer.print_string_literal(condition.data)
            printer.print_string(" ")
            printer.print_region(region)
            printer.print_string(" else")
        printer.print_string(" ")
        printer.print_region(self.alternatives[-1])

    @classmethod
    def parse(cls, parser: Parser) -> "SpeculateOp":
        operands = parser.parse_op_args_list()
        parser.parse_punctuation(":")
        position = parser.pos
        function_type = parser.parse_function_type()
        inputs = parser.resolve_operands(operands, function_type.inputs.data, position)
        attributes = parser.parse_optional_attr_dict_with_keyword()
        conditions: list[StringAttr] = []
        alternatives: list[Region] = []
        while parser.parse_optional_keyword("if"):
            conditions.append(StringAttr(parser.parse_str_literal(context_msg=" for the condition")))
            alternatives.append(parser.parse_region())
            parser.parse_keyword("else")
        alternatives.append(parser.parse_region())
        return cls.create(
            operands=inputs,
            result_types=function_type.outputs.data,
            properties={"conditions": ArrayAttr(conditions)},
            attributes=attributes.data if attributes else {},
            regions=alternatives,
        )


def _describe(op: Operation) -> str:
    """The name by which a message mentions a kernel."""
    name = op.properties.get("sym_name")
    return f"kernel @{name.data}" if isinstance(name, StringAttr) else f"'{op.name}'"


def _yielded(body: Region) -> tuple[Attribute, ...]:
    terminator = body.block.last_op
    return tuple(terminator.operand_types) if terminator is not None else ()


def _verify_region(op: Operation, region: Region, what: str) -> None:
    """Check that a region takes the operands of `op` and yields its results."""
    _verify_types(f"{what} takes", "block argument", region.block.arg_types, "operand", op.operand_types)
    terminator = region.block.last_op
    if not isinstance(terminator, YieldOp):
        raise VerifyException(f"{what} must end in vk.yield")
    _verify_types(f"{what} yields", "yielded value", terminator.operand_types, "result", op.result_types)


def _verify_types(
    subject: str, inner: str, inner_types: Sequence[Attribute], outer: str, outer_types: Sequence[Attribute]
) -> None:
    if len(inner_types) != len(outer_types):
        raise VerifyException(f"{subject} {len(inner_types)} values but has {len(outer_types)} {outer}s")
    for index, (found, expected) in enumerate(zip(inner_types, outer_types, strict=True)):
        if found != expected:
            raise VerifyException(f"{inner} {index} is {found} but {outer} {index} is {expected}")


def _print_bound_region(printer: Printer, op: Operation, body: Region) -> None:
    """Print `(%argument = %operand : type, ...) -> types { ... }`."""

    def print_binding(binding: tuple[SSAValue, SSAValue]) -> None:
        argument, operand = binding
        printer.print_ssa_value(argument)
        printer.print_string(" = ")
        printer.print_ssa_value(operand)
        printer.print_string(" : ")
        printer.print_attribute(operand.type)

    with printer.in_parens():
        printer.print_list(zip(body.block.args, op.operands, strict=True), print_binding)
    printer.print_string(" -> ")
    if len(op.results) == 1:
        printer.print_attribute(op.results[0].type)
    else:
        with printer.in_parens():
            printer.print_list(op.result_types, printer.print_attribute)
    printer.print_op_attributes(op.attributes, print_keyword=True)
    printer.print_string(" ")
    printer.print_region(body, print_entry_block_args=False)


def _parse_bound_region(
    parser: Parser,
) -> tuple[list[SSAValue], Sequence[Attribute], dict[str, Attribute], Region]:
    """Parse what `_print_bound_region` prints: operands, result types, attributes, body."""

    def parse_binding() -> tuple[Parser.Argument, SSAValue]:
        argument = parser.parse_argument(expect_type=False)
        parser.parse_punctuation("=")
        operand = parser.parse_unresolved_operand()
        parser.parse_punctuation(":")
        type = parser.parse_type()
        return argument.resolve(type), parser.resolve_operand(operand, type)

    bindings = parser.parse_comma_separated_list(parser.Delimiter.PAREN, parse_binding)
    parser.parse_punctuation("->")
    outputs = parser.parse_optional_comma_separated_list(parser.Delimiter.PAREN, parser.parse_type)
    if outputs is None:
        outputs = [parser.parse_type()]
    attributes = parser.parse_optional_attr_dict_with_keyword()
    body = parser.parse_region([argument for argument, _ in bindings])
    return [operand for _, operand in bindings], outputs, dict(attributes.data) if attributes else {}, body


VK = Dialect("vk", [KernelOp, StageOp, SpeculateOp, YieldOp])
