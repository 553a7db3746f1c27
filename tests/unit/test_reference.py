"""The reference evaluation against values worked out by hand, and the comparison with it."""

import ml_dtypes
import numpy as np
import pytest
from xdsl.context import Context
from xdsl.dialects import get_all_dialects

from dvm import reference
from dvm_dialects import get_all_dialects as get_dvm_dialects
from dvm_dialects.source import parse_module
from vm.errors import CompileError, ExecutionError, ShapeError
from vm.isa import ElementType


def evaluate(text, *inputs):
    """The results of a graph given as text."""
    context = Context()
    for name, factory in {**get_all_dialects(), **get_dvm_dialects()}.items():
        context.register_dialect(name, factory)
    module = parse_module(context, text, "test.mlir")
    module.verify()
    return reference.evaluate(module, inputs)


def evaluate_op(op, result, *arguments):
    """The result of one operation on %a, %b, ...; arguments are (type, array)."""
    names = "abcd"
    parameters = ", ".join(f"%{name} : {type}" for name, (type, _) in zip(names, arguments, strict=False))
    text = f"func.func @f({parameters}) -> {result} {{ %r = {op} return %r : {result} }}"
    (output,) = evaluate(text, *(array for _, array in arguments))
    return output


X = ("tensor<2x3xf32>", [[1.0, -2.0, 3.0], [4.0, 0.5, -6.0]])


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("Sqrt", 4.0, 2.0),
        ("Sqrt", -1.0, np.nan),
        ("Abs", -3.0, 3.0),
        ("Log", 0.0, -np.inf),
        ("Exp", 1.0, np.e),
        ("Reciprocal", 0.0, np.inf),
        ("IsFinite", np.inf, False),
        ("Round", 2.5, 2.0),
        ("Floor", -0.5, -1.0),
        ("Ceil", 0.5, 1.0),
        ("Trunc", -1.5, -1.0),
        ("Neg", 2.0, -2.0),
        ("Rsqrt", 4.0, 0.5),
        ("Tanh", 0.0, 0.0),
        ("Erf", 1.0, 0.8427007929497149),
        ("Sigmoid", 0.0, 0.5),
        ("Sigmoid", -1000.0, 0.0),
        ("Sin", np.pi / 2, 1.0),
        ("Cos", 0.0, 1.0),
    ],
)
def test_unary(kind, value, expected):
    result = "i1" if kind == "IsFinite" else "f32"
    got = evaluate_op(
        f"dvm.unary {kind} %a : tensor<1xf32> -> tensor<1x{result}>", f"tensor<1x{result}>", ("tensor<1xf32>", [value])
    )
    np.testing.assert_allclose(got, [expected], rtol=1e-12, atol=1e-7)


@pytest.mark.parametrize(
    ("base", "exponent", "expected"),
    [(2, 10, 1024), (2, -1, 0), (1, -5, 1), (-1, -3, -1), (-1, -2, 1), (0, 0, 1), (0, -1, 0), (3, 21, 1870418611)],
)
def test_integer_power(base, exponent, expected):
    got = evaluate_op(
        "dvm.binary Pow %a, %b : tensor<1xi32>, tensor<1xi32> -> tensor<1xi32>",
        "tensor<1xi32>",
        ("tensor<1xi32>", [base]),
        ("tensor<1xi32>", [exponent]),
    )
    assert got.dtype == np.int32
    assert got.tolist() == [expected]


def test_integers_wrap():
    got = evaluate_op(
        "dvm.binary_scalar Add %a, 1 : tensor<1xi32>, i32 -> tensor<1xi32>",
        "tensor<1xi32>",
        ("tensor<1xi32>", [2**31 - 1]),
    )
    assert got.tolist() == [-(2**31)]


def test_the_sum_of_integers_keeps_its_type():
    got = evaluate_op(
        "dvm.reduce Sum %a dims [0] keepdims false : tensor<2xi32> -> tensor<i32>",
        "tensor<i32>",
        ("tensor<2xi32>", [2**31 - 1, 1]),
    )
    assert (got.dtype, int(got)) == (np.dtype(np.int32), -(2**31))


def test_the_maximum_of_nan_is_nan():
    got = evaluate_op(
        "dvm.binary Maximum %a, %b : tensor<2xf32>, tensor<2xf32> -> tensor<2xf32>",
        "tensor<2xf32>",
        ("tensor<2xf32>", [np.nan, 1.0]),
        ("tensor<2xf32>", [1.0, np.nan]),
    )
    assert np.isnan(got).all()


def test_a_scalar_may_stand_first():
    got = evaluate_op("dvm.binary_scalar Sub 1.0, %a : f32, tensor<2x3xf32> -> tensor<2x3xf32>", "tensor<2x3xf32>", X)
    np.testing.assert_array_equal(got, 1 - np.array(X[1]))


def test_select_broadcasts():
    got = evaluate_op(
        "dvm.select %a, %b, %c : (tensor<2x1xi1>, tensor<3xf32>, tensor<1x3xf32>) -> tensor<2x3xf32>",
        "tensor<2x3xf32>",
        ("tensor<2x1xi1>", [[True], [False]]),
        ("tensor<3xf32>", [1, 2, 3]),
        ("tensor<1x3xf32>", [[4, 5, 6]]),
    )
    assert got.tolist() == [[1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize(
    ("name", "type", "value", "expected"),
    [
        ("Float16", "f16", 0.1, float(np.float16(0.1))),
        ("BFloat16", "bf16", 0.1, float(ml_dtypes.bfloat16(0.1))),
        ("Int32", "i32", -1.75, -1),
        ("Bool", "i1", 0.25, True),
    ],
)
def test_cast(name, type, value, expected):
    got = evaluate_op(
        f"dvm.cast %a type {name} : tensor<1xf32> -> tensor<1x{type}>", f"tensor<1x{type}>", ("tensor<1xf32>", [value])
    )
    assert got.tolist() == [expected]


def test_reductions():
    x = np.array(X[1])
    for kind, expected in [
        ("Sum", x.sum(1)),
        ("Max", x.max(1)),
        ("Min", x.min(1)),
        ("Prod", x.prod(1)),
        ("Mean", x.mean(1)),
    ]:
        op = f"dvm.reduce {kind} %a dims [1] keepdims true : tensor<2x3xf32> -> tensor<2x1xf32>"
        np.testing.assert_array_equal(evaluate_op(op, "tensor<2x1xf32>", X), expected[:, None])


def test_shapes_may_be_symbolic():
    text = """
    func.func @f(%x : tensor<?xf32, #dvm.sym<["n"]>>) -> tensor<?x2xi64, #dvm.sym<["n floordiv 2", "2"]>> {
      %r = dvm.iota axis 1 shape ["n floordiv 2", 2] : tensor<?x2xi64, #dvm.sym<["n floordiv 2", "2"]>>
      return %r : tensor<?x2xi64, #dvm.sym<["n floordiv 2", "2"]>>
    }"""
    (got,) = evaluate(text, np.zeros(6))
    assert got.tolist() == [[0, 1]] * 3


@pytest.mark.parametrize(
    ("op", "result", "expected"),
    [
        ("dvm.reshape %a shape [-1, 2] :", "tensor<3x2xf32>", np.reshape(X[1], (3, 2))),
        ("dvm.transpose %a permutation [1, 0] :", "tensor<3x2xf32>", np.transpose(X[1])),
        ("dvm.slice %a starts [1, 0] sizes [1, -1] steps [1, 2] :", "tensor<1x2xf32>", np.array(X[1])[1:, ::2]),
        ("dvm.pad %a low [1, 0] high [0, 2] value 7.0 :", "tensor<3x5xf32>", None),
        ("dvm.broadcast %a shape [2, 2, 3] :", "tensor<2x2x3xf32>", np.broadcast_to(X[1], (2, 2, 3))),
        ("dvm.copy %a :", "tensor<2x3xf32>", np.array(X[1])),
        ("dvm.elemany %a :", "tensor<1xf32>", np.array([1.0])),
    ],
)
def test_shaping(op, result, expected):
    if expected is None:
        expected = np.pad(X[1], ((1, 0), (0, 2)), constant_values=7.0)
    np.testing.assert_array_equal(evaluate_op(f"{op} tensor<2x3xf32> -> {result}", result, X), expected)


def test_generators_and_concat():
    text = """
    func.func @f(%x : tensor<2xf32>) -> (tensor<4xf32>, tensor<2x2xi1>) {
      %c = dvm.constant dense<[5.0, 6.0]> : tensor<2xf32>
      %r = dvm.concat %x, %c axis 0 : tensor<2xf32>, tensor<2xf32> -> tensor<4xf32>
      %t = dvm.broadcast_scalar true shape [2, 2] type Bool : i1 -> tensor<2x2xi1>
      return %r, %t : tensor<4xf32>, tensor<2x2xi1>
    }"""
    joined, truth = evaluate(text, [1.0, 2.0])
    assert joined.tolist() == [1, 2, 5, 6]
    assert truth.all()


def test_gather_counts_negative_indices_from_the_end():
    table = ("tensor<3x2xf32>", [[0, 1], [2, 3], [4, 5]])
    op = "dvm.gather %a, %b axis 0 : tensor<3x2xf32>, tensor<2xi32> -> tensor<2x2xf32>"
    got = evaluate_op(op, "tensor<2x2xf32>", table, ("tensor<2xi32>", [-1, 0]))
    assert got.tolist() == [[4, 5], [0, 1]]
    with pytest.raises(ExecutionError, match="index 3 is out of range for dim 0, which has 3"):
        evaluate_op(op, "tensor<2x2xf32>", table, ("tensor<2xi32>", [0, 3]))


def test_onehot_ignores_indices_outside():
    op = (
        "dvm.onehot %a depth [3] axis 0 {on_value = 2.0 : f32, off_value = -1.0 : f32}"
        " : tensor<2xi32> -> tensor<3x2xf32>"
    )
    got = evaluate_op(op, "tensor<3x2xf32>", ("tensor<2xi32>", [1, -1]))
    assert got.tolist() == [[-1, -1], [2, -1], [-1, -1]]


def test_matmul():
    a, b, bias = np.arange(12.0).reshape(2, 1, 3, 2), np.arange(30.0).reshape(5, 2, 3), np.array([100.0, 200.0])
    got = evaluate_op(
        "dvm.matmul %a, %b trans_a true trans_b true bias %c"
        " : tensor<2x1x3x2xf32>, tensor<5x2x3xf32>, tensor<2xf32> -> tensor<2x5x2x2xf32>",
        "tensor<2x5x2x2xf32>",
        ("tensor<2x1x3x2xf32>", a),
        ("tensor<5x2x3xf32>", b),
        ("tensor<2xf32>", bias),
    )
    np.testing.assert_array_equal(got, np.einsum("xkm,ynk->xymn", a[:, 0], b) + bias)


def test_grouped_matmul():
    rng = np.random.default_rng(0)
    x, w, flat = rng.integers(0, 9, (4, 3)), rng.integers(0, 9, (2, 3, 2)), rng.integers(0, 9, (3, 2))
    rows = evaluate_op(
        "dvm.grouped_matmul %a, %b, %c trans_a false trans_b false group_type 0"
        " : tensor<4x3xi32>, tensor<2x3x2xi32>, tensor<2xi64> -> tensor<4x2xi32>",
        "tensor<4x2xi32>",
        ("tensor<4x3xi32>", x),
        ("tensor<2x3x2xi32>", w),
        ("tensor<2xi64>", [1, 3]),
    )
    np.testing.assert_array_equal(rows, np.concatenate([x[:1] @ w[0], x[1:3] @ w[1], np.zeros((1, 2))]))
    contraction = evaluate_op(
        "dvm.grouped_matmul %a, %b, %c trans_a false trans_b false group_type 2"
        " : tensor<4x3xi32>, tensor<3x2xi32>, tensor<2xi64> -> tensor<2x4x2xi32>",
        "tensor<2x4x2xi32>",
        ("tensor<4x3xi32>", x),
        ("tensor<3x2xi32>", flat),
        ("tensor<2xi64>", [2, 3]),
    )
    np.testing.assert_array_equal(contraction, [x[:, :2] @ flat[:2], x[:, 2:] @ flat[2:]])


def test_composites():
    x = np.array(X[1])
    softmax = evaluate_op("dvm.softmax %a axis -1 : tensor<2x3xf32> -> tensor<2x3xf32>", "tensor<2x3xf32>", X)
    np.testing.assert_allclose(softmax, np.exp(x) / np.exp(x).sum(1, keepdims=True))
    norm = evaluate_op(
        "dvm.layer_norm %a, %b, %c axis 1 epsilon 1.0e-05 : tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>"
        " -> tensor<2x3xf32>",
        "tensor<2x3xf32>",
        X,
        ("tensor<3xf32>", [1, 2, 3]),
        ("tensor<3xf32>", [4, 5, 6]),
    )
    expected = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(norm, expected * [1, 2, 3] + [4, 5, 6])
    rms = evaluate_op("dvm.rms_norm %a axis 0 epsilon 0.0 : tensor<2x3xf32> -> tensor<2x3xf32>", "tensor<2x3xf32>", X)
    np.testing.assert_allclose(rms, x / np.sqrt(np.mean(x * x)))
    erf_form, tanh_form = (
        evaluate_op(f"dvm.gelu %a approximate {form} : tensor<2x3xf32> -> tensor<2x3xf32>", "tensor<2x3xf32>", X)
        for form in ("none", "tanh")
    )
    np.testing.assert_allclose(erf_form, tanh_form, atol=1e-3)


def test_kernels_are_run_as_the_graph_is():
    text = """
    func.func @f(%x : tensor<?xf32, #dvm.sym<["n"]>>) -> tensor<?xf32, #dvm.sym<["n"]>> {
      %r = vk.speculate (%x) : (tensor<?xf32, #dvm.sym<["n"]>>) -> tensor<?xf32, #dvm.sym<["n"]>> if "2*n <= 4" {
      ^bb0(%a : tensor<?xf32, #dvm.sym<["n"]>>):
        %0 = vk.kernel vector @k0(%b = %a : tensor<?xf32, #dvm.sym<["n"]>>) -> tensor<?xf32, #dvm.sym<["n"]>> {
          %1 = dvm.unary Neg %b : tensor<?xf32, #dvm.sym<["n"]>> -> tensor<?xf32, #dvm.sym<["n"]>>
          vk.yield %1 : tensor<?xf32, #dvm.sym<["n"]>>
        }
        vk.yield %0 : tensor<?xf32, #dvm.sym<["n"]>>
      } else {
      ^bb0(%a : tensor<?xf32, #dvm.sym<["n"]>>):
        vk.yield %a : tensor<?xf32, #dvm.sym<["n"]>>
      }
      return %r : tensor<?xf32, #dvm.sym<["n"]>>
    }"""
    assert evaluate(text, [1.0, 2.0])[0].tolist() == [-1, -2]
    assert evaluate(text, [1.0, 2.0, 3.0])[0].tolist() == [1, 2, 3]


ADD = """
func.func @f(%x : tensor<?xf32, #dvm.sym<["n"]>>, %y : tensor<?xf32, #dvm.sym<["n"]>>) -> tensor<?xf32, #dvm.sym<["n"]>> {
  %r = dvm.binary Add %x, %y : tensor<?xf32, #dvm.sym<["n"]>>, tensor<?xf32, #dvm.sym<["n"]>> -> tensor<?xf32, #dvm.sym<["n"]>>
  return %r : tensor<?xf32, #dvm.sym<["n"]>>
}"""


def test_inputs_are_rounded_to_their_type():
    (got,) = evaluate(ADD, [0.1], [0.0])
    assert got.dtype == np.float64
    assert got[0] == float(np.float32(0.1))


def test_inputs_that_do_not_fit():
    with pytest.raises(ShapeError, match="input 'y', dim 0 is 3, but n is 2"):
        evaluate(ADD, np.zeros(2), np.zeros(3))
    with pytest.raises(ShapeError, match="input 'x' has rank 2, but 1 is needed"):
        evaluate(ADD, np.zeros((2, 2)), np.zeros(2))
    with pytest.raises(ShapeError, match=r"there are 2 inputs \(x, y\), but 1 arrays are given"):
        evaluate(ADD, np.zeros(2))
    with pytest.raises(CompileError, match="a program is one function, but the module has none"):
        evaluate("builtin.module {}")


def test_comparison_is_by_the_size_of_the_output():
    expected = np.array([1000.0, 0.0])
    assert reference.compare(np.array([1000.0, 1e-2], np.float32), expected, ElementType.F32)
    result = reference.compare(np.array([1001.0, 0.0], np.float32), expected, ElementType.F32)
    assert (result.wrong, result.worst, bool(result)) == (1, (0,), False)


def test_comparison_of_nan_and_infinity():
    expected = np.array([np.nan, np.inf, 1e300, 1.0])
    assert reference.compare(np.array([np.nan, np.inf, np.inf, 1.0], np.float32), expected, ElementType.F32)
    assert reference.compare(np.array([0.0, -np.inf, np.inf, np.nan], np.float32), expected, ElementType.F32).wrong == 3


def test_comparison_of_integers_is_exact():
    assert reference.compare(np.array([2**40]), np.array([2**40]), ElementType.I64)
    assert not reference.compare(np.array([2**60 + 1]), np.array([2**60]), ElementType.I64)


def test_comparison_of_nothing_and_of_other_shapes():
    assert reference.compare(np.zeros((0, 3), np.float32), np.zeros((0, 3)), ElementType.F32)
    with pytest.raises(ShapeError, match=r"the output has shape \[2\], but the reference \[3\]"):
        reference.compare(np.zeros(2), np.zeros(3), ElementType.F32)
