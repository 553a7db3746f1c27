"""Locations of parsed operations, and how messages name operations."""

import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import Builtin
from xdsl.dialects.func import Func, FuncOp
from xdsl.ir import Operation
from xdsl.utils.exceptions import PassFailedException, VerifyException

from dvm_dialects.diagnostics import failure, failures_of
from dvm_dialects.dvm import CopyOp, Dvm
from dvm_dialects.source import describe, parse_module

TEXT = """func.func @f(%a : tensor<4xf32>) -> tensor<4xf32> {
  // \u2028 a line separator that is no new line of the file
  %b = dvm.unary Sqrt %a : tensor<4xf32> -> tensor<4xf32>
  %c = "dvm.copy"(%b) : (tensor<4xf32>) -> tensor<4xf32>
  %d = dvm.binary Add %b, %c : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32> loc("net.py":30:1)
  %e = dvm.copy %d : tensor<4xf32> -> tensor<4xf32> loc(fused["here"("a.py":1:2), "b.py":3:4])
  %f = dvm.copy %e : tensor<4xf32> -> tensor<4xf32> loc(callsite("callee.py":5:1 at "caller.py":6:1))
  func.return %f : tensor<4xf32>
}
"""


@pytest.fixture
def function() -> FuncOp:
    ctx = Context()
    for dialect in (Builtin, Func, Dvm):
        ctx.load_dialect(dialect)
    op = parse_module(ctx, TEXT.encode(), "model.mlir").body.block.first_op
    assert isinstance(op, FuncOp)
    return op


def test_every_operation_is_located(function: FuncOp) -> None:
    ops: list[Operation] = [function, *function.body.block.ops]
    assert [describe(op) for op in ops] == [
        "func.func at model.mlir:1",
        "dvm.unary Sqrt at model.mlir:3",
        "dvm.copy at model.mlir:4",
        "dvm.binary Add at net.py:30",
        "dvm.copy at a.py:1",
        "dvm.copy at callee.py:5",
        "func.return at model.mlir:8",
    ]
    assert str(ops[1].location) == 'loc("model.mlir":3:3)'


def test_an_operation_made_in_python_has_only_its_name(function: FuncOp) -> None:
    assert describe(CopyOp(function.body.block.args[0])) == "dvm.copy"


def test_failures_of_passes_say_where_and_of_what(function: FuncOp) -> None:
    _, _, add, *_ = function.body.block.ops
    assert str(failure(function, "it is wrong")) == "model.mlir:1:1: func.func @f: it is wrong"
    assert str(failure(CopyOp(function.body.block.args[0]), "it is wrong")) == "dvm.copy: it is wrong"
    for message in ("it is wrong", "dvm.binary Add: it is wrong"):
        with (
            pytest.raises(PassFailedException, match=r"^net\.py:30:1: dvm.binary Add: it is wrong$"),
            failures_of(function),
            failures_of(add),
        ):
            raise VerifyException(message)
