"""The `host` dialect: what happens between launches, in programs with control flow.

A `host.func` holds `scf` operations (if, while, for), scalars of `arith`, the accesses of `tensor` to tensors
(`extract`, `from_elements`, `dim`, `cast`), and `host.launch`, which launches an operator graph, a private
`func.func` of the module. Scalars are of i1, i32, i64 and index.

    host.func @double_until(%x : tensor<?xf32>) -> tensor<?xf32> {
      %0 = scf.while (%y = %x) : (tensor<?xf32>) -> tensor<?xf32> {
        %small = host.launch @graph0(%y) : (tensor<?xf32>) -> tensor<i1>
        %again = tensor.extract %small[] : tensor<i1>
        scf.condition(%again) %y : tensor<?xf32>
      } do {
      ^bb0(%y : tensor<?xf32>):
        %z = host.launch @graph1(%y) : (tensor<?xf32>) -> tensor<?xf32>
        scf.yield %z : tensor<?xf32>
      }
      host.return %0 : tensor<?xf32>
    }
"""

from collections.abc import Sequence
from typing import cast

from xdsl.dialects.builtin import FlatSymbolRefAttrConstr, FunctionType, StringAttr, SymbolNameConstraint, SymbolRefAttr
from xdsl.dialects.func import FuncOp as GraphOp
from xdsl.dialects.utils import AbstractYieldOperation, parse_func_op_like, print_func_op_like
from xdsl.ir import Attribute, Dialect, Operation, Region, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    lazy_traits_def,
    opt_prop_def,
    prop_def,
    region_def,
    traits_def,
    var_operand_def,
    var_result_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import (
    HasParent,
    IsolatedFromAbove,
    IsTerminator,
    Pure,
    SymbolOpInterface,
    SymbolTable,
    SymbolUserOpInterface,
)
from xdsl.utils.exceptions import VerifyException

from dvm_dialects.shapes import element_of, is_known, shape_of

_FUNCTION_PROPERTIES = ("sym_name", "function_type", "sym_visibility")


@irdl_op_definition
class FuncOp(IRDLOperation):
    """A program with control flow: `host.func @f(%x : tensor<4xf32>) -> tensor<4xf32> { ... }`, as `func.func`."""

    name = "host.func"
    sym_name = prop_def(SymbolNameConstraint())
    function_type = prop_def(FunctionType)
    sym_visibility = opt_prop_def(StringAttr)
    body = region_def("single_block")
    traits = traits_def(IsolatedFromAbove(), SymbolOpInterface())

    def __init__(
        self, name: str, function_type: FunctionType, body: Region, visibility: StringAttr | None = None
    ) -> None:
        """`body` is one block that ends in `host.return`."""
        properties = {"sym_name": StringAttr(name), "function_type": function_type, "sym_visibility": visibility}
        super().__init__(properties=properties, regions=[body])

    def verify_(self) -> None:
        if self.function_type.inputs.data != tuple(self.body.block.arg_types):
            raise VerifyException("the block arguments are not of the types of the function's inputs")
        returned = self.body.block.last_op
        if not isinstance(returned, ReturnOp):
            raise VerifyException("it must end in host.return")
        if self.function_type.outputs.data != tuple(returned.operand_types):
            raise VerifyException("what it returns is not of the types of the function's outputs")

    def print(self, printer: Printer) -> None:
        if self.sym_visibility is not None:
            printer.print_string(f" {self.sym_visibility.data}")
        print_func_op_like(
            printer,
            self.sym_name,
            self.function_type,
            self.body,
            self.attributes,
            reserved_attr_names=_FUNCTION_PROPERTIES,
        )

    @classmethod
    def parse(cls, parser: Parser) -> "FuncOp":
        visibility = parser.parse_optional_visibility_keyword()
        name, inputs, outputs, body, attributes, _, _ = parse_func_op_like(
            parser, reserved_attr_names=_FUNCTION_PROPERTIES
        )
        function = cls(name, FunctionType.from_lists(inputs, outputs), body, visibility)
        if attributes is not None:
            function.attributes |= attributes.data
        return function


class _CalleeIsAGraph(SymbolUserOpInterface):
    """The callee of a launch is a function of this module whose inputs and outputs the operands and results fit."""

    def verify(self, op: Operation) -> None:
        assert isinstance(op, LaunchOp)
        found = SymbolTable.lookup_symbol(op, op.callee)
        if not isinstance(found, GraphOp):
            raise VerifyException(f"there is no graph {op.callee}")
        function_type = found.function_type
        _verify_fit(f"{op.callee} takes", "argument", function_type.inputs.data, "operand", op.operand_types)
        _verify_fit(f"{op.callee} returns", "result", function_type.outputs.data, "result", op.result_types)


def _verify_fit(subject: str, inner: str, wanted: Sequence[Attribute], outer: str, given: Sequence[Attribute]) -> None:
    """The graph may know more of its dims than the launch, but never other sizes."""
    if len(wanted) != len(given):
        raise VerifyException(f"{subject} {len(wanted)} values, but the launch has {len(given)} {outer}s")
    for number, (graph, host) in enumerate(zip(wanted, given, strict=True)):
        shapes = shape_of(graph), shape_of(host)
        fits = element_of(graph) is element_of(host) and len(shapes[0]) == len(shapes[1])
        if not fits or any(
            is_known(a) and is_known(b) and (a - b).value not in (None, 0) for a, b in zip(*shapes, strict=True)
        ):
            raise VerifyException(
                f"{outer} {number} of the launch is {host}, but {inner} {number} of the graph {graph}"
            )


@irdl_op_definition
class LaunchOp(IRDLOperation):
    """Launches a graph of the module on arrays; its results are new arrays.

    %y = host.launch @graph0(%x) : (tensor<?xf32>) -> tensor<?xf32>
    """

    name = "host.launch"
    callee = prop_def(FlatSymbolRefAttrConstr)
    inputs = var_operand_def(Attribute)
    outputs = var_result_def(Attribute)
    assembly_format = "$callee `(` $inputs `)` attr-dict `:` functional-type($inputs, $outputs)"
    traits = traits_def(Pure(), _CalleeIsAGraph())

    def __init__(self, callee: str, inputs: Sequence[SSAValue], result_types: Sequence[Attribute]) -> None:
        super().__init__(operands=[inputs], result_types=[result_types], properties={"callee": SymbolRefAttr(callee)})

    @property
    def graph(self) -> GraphOp:
        """The function that is launched."""
        return cast(GraphOp, SymbolTable.lookup_symbol(self, self.callee))


@irdl_op_definition
class ReturnOp(AbstractYieldOperation[Attribute]):
    """Ends a `host.func` with its results: `host.return %0 : tensor<4xf32>`."""

    name = "host.return"
    traits = lazy_traits_def(lambda: (IsTerminator(), HasParent(FuncOp)))


HOST = Dialect("host", [FuncOp, LaunchOp, ReturnOp])
