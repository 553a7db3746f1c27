"""What a launch takes, against numbers worked out by hand."""

import pytest

import dvm

CHAIN = """
func.func @chain(%x : tensor<?x8xf32>, %b : tensor<8xf16>) -> tensor<?x8xf32> {
  %0 = dvm.cast %b type Float32 : tensor<8xf16> -> tensor<8xf32>
  %1 = dvm.binary Add %x, %0 : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x8xf32>
  %2 = dvm.unary Exp %1 : tensor<?x8xf32> -> tensor<?x8xf32>
  return %2 : tensor<?x8xf32>
}
"""

SOFTMAX = """
func.func @softmax(%x : tensor<?x?xf32>) -> tensor<?x?xf32> {
  %0 = dvm.softmax %x axis -1 : tensor<?x?xf32> -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}
"""

PRODUCTS = """
func.func @products(%x : tensor<?x16xf32>, %w : tensor<16x16xf32>) -> tensor<?x16xf32> {
  %0 = dvm.matmul %x, %w trans_a false trans_b false : tensor<?x16xf32>, tensor<16x16xf32> -> tensor<?x16xf32>
  %1 = dvm.matmul %0, %w trans_a false trans_b false : tensor<?x16xf32>, tensor<16x16xf32> -> tensor<?x16xf32>
  %2 = dvm.matmul %1, %w trans_a false trans_b false : tensor<?x16xf32>, tensor<16x16xf32> -> tensor<?x16xf32>
  %3 = dvm.matmul %2, %w trans_a false trans_b false : tensor<?x16xf32>, tensor<16x16xf32> -> tensor<?x16xf32>
  return %3 : tensor<?x16xf32>
}
"""


def test_a_kernel_reads_its_inputs_and_writes_its_output() -> None:
    found = dvm.compile(CHAIN).costs((5, 8), (8,))
    assert (found.launches, found.stages, found.kernels) == (1, 1, 1)
    assert (found.bytes_read, found.bytes_written) == (5 * 8 * 4 + 8 * 2, 5 * 8 * 4)
    assert found.output_elements == 40
    assert found.bytes_per_output_element == pytest.approx((160 + 16 + 160) / 40)
    assert found.workspace_bytes == found.separate_workspace_bytes == 0


def test_nothing_to_do_costs_nothing() -> None:
    found = dvm.compile(CHAIN).costs((0, 8), (8,))
    assert (found.launches, found.kernels, found.bytes_read, found.bytes_written) == (0, 0, 0, 0)
    assert found.bytes_per_output_element == float("inf")


def test_rows_that_do_not_fit_are_read_again() -> None:
    """Once where a row fits; for the greatest, the sum and the quotient where it does not."""
    program = dvm.compile(SOFTMAX, device=dvm.Device(1, 1 << 12))
    assert (program.costs((10, 100)).bytes_read, program.costs((10, 100)).bytes_written) == (4000, 4000)
    assert (program.costs((10, 9000)).bytes_read, program.costs((10, 9000)).bytes_written) == (3 * 360_000, 360_000)


def test_few_long_rows_are_kernels_apart() -> None:
    """Each kernel reads the row; the greatest is written once and read twice, the sum written and read once."""
    program = dvm.compile(SOFTMAX)
    assert program.stats["variants"] == 2
    found = program.costs((2, 300_000))
    assert (found.variant, found.stages, found.kernels) == (0, 3, 3)
    assert found.bytes_read == 3 * 2 * 300_000 * 4 + 3 * 2 * 4
    assert found.bytes_written == 2 * 300_000 * 4 + 2 * 2 * 4
    assert (found.workspace_bytes, found.separate_workspace_bytes) == (128, 128)
    assert program.costs((4, 300_000)).kernels == 1


def test_the_workspace_is_shared() -> None:
    """Three intermediate tensors of 10 x 16 f32, of which two live at once."""
    found = dvm.compile(PRODUCTS).costs((10, 16), (16, 16))
    assert (found.stages, found.kernels) == (4, 4)
    assert (found.workspace_bytes, found.separate_workspace_bytes) == (2 * 640, 3 * 640)


def test_shapes_that_do_not_fit() -> None:
    with pytest.raises(dvm.ShapeError, match="takes 2 inputs, not 1"):
        dvm.compile(CHAIN).costs((5, 8))
    with pytest.raises(dvm.ShapeError, match="has 9 in dim 1, expected 8"):
        dvm.compile(CHAIN).costs((5, 9), (8,))
