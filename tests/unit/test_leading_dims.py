"""Products whose results go on with dims of 1 in front, in one kernel with what follows, against NumPy in float64."""

import numpy as np
import pytest

import dvm


@pytest.mark.parametrize("depth", [0, 1, 3])
@pytest.mark.parametrize("rows", [1, 4])
@pytest.mark.parametrize("lead", [1, 2])
def test_a_product_under_more_dims(depth: int, rows: int, lead: int) -> None:
    random = np.random.default_rng(0)
    ones = "1x" * lead
    a = random.standard_normal((11, rows, depth)).astype(np.float32)
    b = random.standard_normal((11, depth, 2)).astype(np.float32)
    c = random.standard_normal((*[1] * lead, 11, rows, 2)).astype(np.float32)
    product, result = f"tensor<11x{rows}x2xf32>", f"tensor<{ones}11x{rows}x2xf32>"
    program = dvm.compile(
        f"func.func @f(%a : tensor<11x{rows}x{depth}xf32>, %b : tensor<11x{depth}x2xf32>, %c : {result}) -> {result} {{ "
        f"%p = dvm.matmul %a, %b trans_a false trans_b false : tensor<11x{rows}x{depth}xf32>, tensor<11x{depth}x2xf32> -> {product} "
        f"%t = dvm.unary Tanh %p : {product} -> {product} "
        f"%y = dvm.binary Mul %t, %c : {product}, {result} -> {result} return %y : {result} }}"
    )
    assert program.costs(a.shape, b.shape, c.shape).kernels == 1
    expected = np.tanh(a.astype(np.float64) @ b) * c
    np.testing.assert_allclose(program(a, b, c), expected, rtol=1e-5, atol=1e-6)
