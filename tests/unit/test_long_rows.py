"""Rows and tensors far larger than the unified buffer: what they need of it is bounded, and cores change no bit."""

import numpy as np
import numpy.typing as npt
import pytest

import dvm
from vm.machine import Machine
from vm.plan import KernelPlan

DEVICES = [dvm.Device(cores=cores, unified_buffer_bytes=1 << 20) for cores in (1, 2)]
SLOT_ROUNDING_BYTES = 64

SOFTMAX = """
func.func @softmax(%x : tensor<?x?xf32>) -> tensor<?x?xf32> {
  %0 = dvm.softmax %x axis -1 : tensor<?x?xf32> -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}
"""
SUM = """
func.func @sum(%x : tensor<?xf32>) -> tensor<f32> {
  %0 = dvm.reduce Sum %x dims [0] keepdims false : tensor<?xf32> -> tensor<f32>
  return %0 : tensor<f32>
}
"""
SUM_OF_SQUARES = """
func.func @sum_of_squares(%x : tensor<?xf32>) -> tensor<f32> {
  %0 = dvm.binary Mul %x, %x : tensor<?xf32>, tensor<?xf32> -> tensor<?xf32>
  %1 = dvm.reduce Sum %0 dims [0] keepdims false : tensor<?xf32> -> tensor<f32>
  return %1 : tensor<f32>
}
"""


def run(graph: str, x: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float32], list[KernelPlan]]:
    """The result, the same on one core and on two, and the kernels of the launch, which fit in the unified buffer."""
    program, other = (dvm.compile(graph, device=device) for device in DEVICES)
    machine = program._machine  # pyright: ignore[reportPrivateUsage]
    assert isinstance(machine, Machine)
    kernels = [kernel for stage in machine.plan((x.shape,)).stages for kernel in stage]
    assert kernels
    for kernel in kernels:
        rounding = kernel.prepared.kernel.slots * SLOT_ROUNDING_BYTES
        assert kernel.tiling.unified_buffer_bytes <= machine.device.unified_buffer_bytes + rounding
    result = program(x)
    assert np.array_equal(result, other(x))
    return result, kernels


def test_softmax_of_rows_of_a_million_columns() -> None:
    x = np.random.default_rng(0).standard_normal((64, 1_000_000), np.float32)
    result, kernels = run(SOFTMAX, x)
    assert all(kernel.reduction_tiles > 1 for kernel in kernels)
    np.testing.assert_allclose(result.sum(axis=1, dtype=np.float64), 1, rtol=1e-6)
    for row in (0, 31, 63):
        exponential = np.exp(x[row].astype(np.float64))
        np.testing.assert_allclose(result[row], exponential / exponential.sum(), rtol=3e-6, atol=0)


@pytest.mark.parametrize("graph", [SUM, SUM_OF_SQUARES], ids=["sum", "sum_of_squares"])
def test_sum_of_sixteen_million(graph: str) -> None:
    # where the sum is near 2**24 it has no fractions left, so that one accumulator of f32 would lose half of each term
    x = np.random.default_rng(0).random(1 << 24, np.float32) + np.float32(0.5)
    result, kernels = run(graph, x)
    assert max(kernel.tiling.chunks for kernel in kernels) > 1
    wide = x.astype(np.float64)
    np.testing.assert_allclose(result, np.sum(wide if graph is SUM else wide * wide), rtol=1e-6)
