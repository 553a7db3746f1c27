"""Constructors of the dvm dialect: result types are inferred, and what can never fit is refused."""

import pytest
from xdsl.dialects import test
from xdsl.dialects.builtin import TensorType, f16, f32, i1, i32, i64
from xdsl.ir import Attribute, SSAValue
from xdsl.utils.exceptions import VerifyException

from dvm_dialects.dims import Dim
from dvm_dialects.dvm import (
    BinaryOp,
    BinaryScalarOp,
    BroadcastScalarOp,
    IotaOp,
    LayerNormOp,
    MatmulOp,
    PadOp,
    dims_of,
    element_of,
    mlir_type,
    tensor_of,
)
from vm.isa import ElementType

ROWS = tensor_of(ElementType.F32, (Dim.symbol("s0"), Dim.constant(8)))


def value(type: Attribute) -> SSAValue:
    return test.TestOp(result_types=[type]).results[0]


def test_types_carry_symbols() -> None:
    assert str(ROWS) == 'tensor<?x8xf32, #dvm.sym<["s0", "8"]>>'
    assert dims_of(ROWS) == (Dim.symbol("s0"), Dim.constant(8))
    assert tensor_of(ElementType.I64, (Dim.constant(2),)) == TensorType(i64, [2])
    assert [element_of(mlir_type(element)) for element in ElementType] == list(ElementType)
    with pytest.raises(VerifyException, match=r"has a dim that no #dvm\.sym names"):
        dims_of(TensorType(f32, [-(2**63)]))
    with pytest.raises(VerifyException, match="has a negative size"):
        dims_of(TensorType(f32, [-1]))


def test_results_are_inferred() -> None:
    x, v = value(ROWS), value(TensorType(f32, [8]))
    assert BinaryOp("Add", v, x).result.type == ROWS
    assert BinaryOp("Less", x, v).result.type == tensor_of(ElementType.I1, dims_of(ROWS))
    assert MatmulOp(x, value(TensorType(f32, [4, 8])), trans_b=True).result.type == tensor_of(
        ElementType.F32, (Dim.symbol("s0"), Dim.constant(4))
    )
    assert IotaOp(0, ["2*s0"], ElementType.I32).result.type == tensor_of(ElementType.I32, (Dim.symbol("s0") * 2,))
    assert str(PadOp(x, [0, 1], ["s1", 0]).result.type) == 'tensor<?x9xf32, #dvm.sym<["s0 + s1", "9"]>>'


def test_an_unnamed_dim_leaves_the_result_unnamed() -> None:
    unnamed = value(TensorType(f32, [-(2**63), 8]))
    assert BinaryOp("Add", unnamed, value(ROWS)).result.type == unnamed.type


@pytest.mark.parametrize(
    ("element", "number", "type"),
    [(f32, 2, i32), (f32, 2.5, f32), (f16, 2.5, f16), (i64, 2**40, i64), (i1, True, i1), (i32, 2.0, f32)],
)
def test_a_bare_number_gets_a_type(element: Attribute, number: float, type: Attribute) -> None:
    kind = "Equal" if element == i1 else "Add"
    op = BinaryScalarOp(kind, value(TensorType(element, [4])), number)
    op.verify()
    assert op.scalar.type == type
    assert op.value == number


def test_a_float_is_rounded_to_the_type() -> None:
    assert BroadcastScalarOp(1e6, [4], ElementType.F16).value == float("inf")


def test_what_never_fits_is_refused() -> None:
    x = value(ROWS)
    with pytest.raises(VerifyException, match="dim 1 of 'lhs' and 'rhs': 8 and 7 do not broadcast"):
        BinaryOp("Add", x, value(TensorType(f32, [7])))
    with pytest.raises(VerifyException, match="operands must have one element type"):
        BinaryOp("Add", x, value(TensorType(f16, [8])))
    with pytest.raises(VerifyException, match=r"'scalar' is 1\.5 : f32, which is not a value of i32"):
        BinaryScalarOp("Add", value(TensorType(i32, [4])), 1.5)
    with pytest.raises(ValueError, match="beta needs gamma"):
        LayerNormOp(x, None, value(TensorType(f32, [8])))
