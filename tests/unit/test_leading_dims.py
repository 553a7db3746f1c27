"""Products whose results go on with dims of 1 in front, in one kernel with what follows, against NumPy in float64."""

import numpy as np
import pytest

import dvm
from tests.unit.programs import ENGINES
from vm.container import from_bytes


@pytest.mark.parametrize("depth", [0, 1, 3])
@pytest.mark.parametrize("rows", [1, 4])
@pytest.mark.parametrize("lead", [1, 2])
@pytest.mark.parametrize("batch", ["11x", "11x1x"])
def test_a_product_under_more_dims(batch: str, depth: int, rows: int, lead: int) -> None:
    random = np.random.default_rng(0)
    sizes = [int(size) for size in batch.split("x")[:-1]]
    a = random.standard_normal((*sizes, rows, depth)).astype(np.float32)
    b = random.standard_normal((*sizes, depth, 2)).astype(np.float32)
    c = random.standard_normal((*[1] * lead, *sizes, rows, 2)).astype(np.float32)
    left, right = f"tensor<{batch}{rows}x{depth}xf32>", f"tensor<{batch}{depth}x2xf32>"
    product, result = f"tensor<{batch}{rows}x2xf32>", f"tensor<{'1x' * lead}{batch}{rows}x2xf32>"
    program = dvm.compile(
        f"func.func @f(%a : {left}, %b : {right}, %c : {result}) -> {result} {{ "
        f"%p = dvm.matmul %a, %b trans_a false trans_b false : {left}, {right} -> {product} "
        f"%t = dvm.unary Tanh %p : {product} -> {product} "
        f"%y = dvm.binary Mul %t, %c : {product}, {result} -> {result} return %y : {result} }}"
    )
    assert program.costs(a.shape, b.shape, c.shape).kernels == 1
    assert from_bytes(program.to_bytes()).kernels[0].name == "k0"  # the verifier looks at each index
    expected = np.tanh(a.astype(np.float64) @ b) * c
    np.testing.assert_allclose(program(a, b, c), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_rows_that_count_are_no_rows_of_one_product(axis: int, engine: str) -> None:
    """The rows of a batch are rows of one product, but not where something is told by the index along them."""
    left, right, result = "tensor<2x4x5xf32>", "tensor<5x6xf32>", "tensor<2x4x6xf32>"
    program = dvm.compile(
        f"func.func @f(%a : {left}, %b : {right}) -> {result} {{ "
        f"%p = dvm.matmul %a, %b trans_a false trans_b false : {left}, {right} -> {result} "
        f"%i = dvm.iota axis {axis} shape [2, 4, 6] : {result} "
        f"%y = dvm.binary Add %p, %i : {result}, {result} -> {result} return %y : {result} }}",
        device=dvm.Device(engine=engine),
    )
    expected = 5 + np.indices((2, 4, 6))[axis]
    assert np.array_equal(program(np.ones((2, 4, 5), np.float32), np.ones((5, 6), np.float32)), expected)
