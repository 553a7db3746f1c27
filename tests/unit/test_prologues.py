"""Products whose left factor is computed in their kernel, row by row, against NumPy in float64."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

import dvm
from vm.machine import Machine
from vm.plan import KernelPlan

Array = npt.NDArray[np.float64]

DEVICES = [dvm.Device(cores, size) for cores, size in ((1, 1 << 20), (2, 1 << 20), (1, 1 << 14), (3, 256))]
"""With unified buffers that take all rows, some, and not even one."""

SHAPES = [(0, 8, 8), (1, 1, 1), (3, 1, 5), (5, 0, 3), (4, 7, 0), (7, 33, 65), (1, 300, 2), (130, 64, 48), (37, 5000, 9)]
"""Rows, the contracted dim, columns."""


def layer_norm(x: Array) -> Array:
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)


def rms_norm(x: Array) -> Array:
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-5)


def softmax(x: Array) -> Array:
    exponential = np.exp(x - x.max(-1, keepdims=True))
    return exponential / exponential.sum(-1, keepdims=True)


ROWS: dict[str, tuple[str, Callable[[Array, Array], Array]]] = {
    "layer_norm": ("%r = dvm.layer_norm %x, %g, %g axis -1 epsilon 1.0e-05 : !x, !g, !g -> !x",
                   lambda x, g: layer_norm(x) * g + g),
    "rms_norm": ("%r = dvm.rms_norm %x, %g axis -1 epsilon 1.0e-05 : !x, !g -> !x", lambda x, g: rms_norm(x) * g),
    "softmax": ("%r = dvm.softmax %x axis -1 : !x -> !x", lambda x, g: softmax(x)),
    "scale": ("%s = dvm.binary_scalar Mul %x, 0.5 : !x, f32 -> !x\n%r = dvm.binary Add %s, %g : !x, !g -> !x",
              lambda x, g: x / 2 + g),
    "total": ("%s = dvm.reduce Sum %x dims [1] keepdims true : !x -> !c\n%r = dvm.binary Mul %x, %s : !x, !c -> !x",
              lambda x, g: x * x.sum(-1, keepdims=True)),
}  # fmt: skip
"""What computes the rows: as a graph of %x and %g, and in NumPy."""

TYPES = """
!x = tensor<?x?x{0}, #dvm.sym<["m", "k"]>>
!c = tensor<?x1x{0}, #dvm.sym<["m", "1"]>>
!g = tensor<?x{0}, #dvm.sym<["k"]>>
!w = tensor<?x?x{0}, #dvm.sym<["k", "n"]>>
!y = tensor<?x?x{0}, #dvm.sym<["m", "n"]>>
!b = tensor<?x{0}, #dvm.sym<["n"]>>
"""


def graph(rows: str, element: str = "f32") -> str:
    return (
        TYPES.format(element) + "func.func @main(%x : !x, %g : !g, %w : !w, %b : !b) -> !y {\n" + ROWS[rows][0] + "\n"
        "%p = dvm.matmul %r, %w trans_a false trans_b false bias %b : !x, !w, !b -> !y\n"
        "%y = dvm.unary Tanh %p : !y -> !y\nreturn %y : !y\n}"
    ).replace(", f32 ->", f", {element} ->")


def arrays(shape: tuple[int, int, int], dtype: npt.DTypeLike = np.float32) -> list[npt.NDArray[np.floating]]:
    m, k, n = shape
    random = np.random.default_rng(m + k + n)
    found = [random.standard_normal(size) for size in ((m, k), (k,), (k, n), (n,))]
    return [(array / 8 if position == 2 else array).astype(dtype) for position, array in enumerate(found)]


def plans(program: dvm.Program, *inputs: npt.NDArray[np.floating]) -> list[KernelPlan]:
    """The kernels of a launch."""
    machine = program._machine  # pyright: ignore[reportPrivateUsage]
    assert isinstance(machine, Machine)
    return [kernel for stage in machine.plan(tuple(array.shape for array in inputs)).stages for kernel in stage]


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape[1]])
def test_agrees_with_numpy(rows: str, shape: tuple[int, int, int]) -> None:
    """In all sizes of unified buffer, and of a dim of 0; the same bits on any number of cores."""
    inputs = arrays(shape)
    x, g, w, b = (array.astype(np.float64) for array in inputs)
    expected = np.tanh(ROWS[rows][1](x, g) @ w + b)
    results = [dvm.compile(graph(rows), device=device)(*inputs) for device in DEVICES]
    for result in results:
        np.testing.assert_allclose(result, expected, rtol=1e-4, atol=2e-4)
    assert np.array_equal(results[0], results[1])


@pytest.mark.parametrize("shape", [(300, 256, 256), (20, 256, 4000), (1, 1000, 20_000)])
def test_large_products_in_blocks(shape: tuple[int, int, int]) -> None:
    inputs = arrays(shape)
    x, g, w, b = (array.astype(np.float64) for array in inputs)
    expected = np.tanh((layer_norm(x) * g + g) @ w + b)
    results = [dvm.compile(graph("layer_norm"), device=device)(*inputs) for device in (dvm.Device(1), dvm.Device(2))]
    for result in results:
        np.testing.assert_allclose(result, expected, rtol=1e-4, atol=2e-4)
    assert np.array_equal(results[0], results[1])


@pytest.mark.parametrize("rows", ["rms_norm", "scale", "total"])
def test_an_empty_contracted_dim_gives_the_bias(rows: str) -> None:
    inputs = arrays((5, 0, 3))
    for device in DEVICES:
        result = dvm.compile(graph(rows), device=device)(*inputs)
        np.testing.assert_allclose(result, np.broadcast_to(np.tanh(inputs[3]), (5, 3)), rtol=1e-6)


@pytest.mark.parametrize("rows", ROWS)
def test_of_f16_the_rows_are_rounded_once(rows: str) -> None:
    """As they are where they are stored: within a rounding of each row, which the product sums."""
    inputs = arrays((9, 33, 7), np.float16)
    x, g, w, b = (array.astype(np.float64) for array in inputs)
    expected = np.tanh(ROWS[rows][1](x, g) @ w + b)
    for device in DEVICES:
        result = dvm.compile(graph(rows, "f16"), device=device)(*inputs)
        np.testing.assert_allclose(result.astype(np.float64), expected, rtol=1e-2, atol=1e-2)


def test_a_product_of_rows_that_fit_is_one_kernel_with_each_row_computed_once() -> None:
    program = dvm.compile(graph("layer_norm"), device=dvm.Device(unified_buffer_bytes=1 << 20))
    (kernel,) = plans(program, *arrays((600, 256, 128)))
    assert kernel.prepared.is_resident
    assert kernel.reduction_tiles == 1
    assert kernel.counts[1] == 1
    assert kernel.tiling.unified_buffer_bytes <= 1 << 20


def test_rows_that_do_not_fit_are_stored_first() -> None:
    program = dvm.compile(graph("softmax"))
    assert len(plans(program, *arrays((64, 100, 8)))) == 1
    rows, product = plans(program, *arrays((64, 100_000, 8)))
    assert not rows.prepared.factors
    assert not product.prepared.computes_factors


def test_rows_of_a_device_with_less_memory_are_streamed() -> None:
    program = dvm.compile(graph("layer_norm"), device=dvm.Device(unified_buffer_bytes=1 << 12))
    (kernel,) = plans(program, *arrays((40, 300, 20)))
    assert not kernel.prepared.is_resident
    assert kernel.reduction_tiles > 1
    assert kernel.tiling.unified_buffer_bytes <= (1 << 12) + 64 * kernel.prepared.kernel.slots


def test_batches() -> None:
    text = """
    !s = tensor<?x3x?x?xf32, #dvm.sym<["b", "3", "m", "k"]>>
    !v = tensor<3x?x8xf32, #dvm.sym<["3", "k", "8"]>>
    !y = tensor<?x3x?x8xf32, #dvm.sym<["b", "3", "m", "8"]>>
    func.func @main(%x : !s, %v : !v) -> !y {
      %r = dvm.softmax %x axis -1 : !s -> !s
      %y = dvm.matmul %r, %v trans_a false trans_b false : !s, !v -> !y
      return %y : !y
    }"""
    random = np.random.default_rng(5)
    for b, m, k in ((0, 3, 3), (1, 1, 1), (2, 5, 17), (9, 40, 40)):
        x = random.standard_normal((b, 3, m, k)).astype(np.float32)
        v = random.standard_normal((3, k, 8)).astype(np.float32)
        for device in DEVICES:
            program = dvm.compile(text, device=device)
            assert b == 0 or len(plans(program, x, v)) == 1
            np.testing.assert_allclose(program(x, v), softmax(x.astype(np.float64)) @ v, rtol=1e-4, atol=1e-5)


def test_a_cast_before_a_product_is_part_of_it() -> None:
    text = """
    !h = tensor<?x64xf16, #dvm.sym<["m", "64"]>>
    !x = tensor<?x64xf32, #dvm.sym<["m", "64"]>>
    func.func @main(%x : !h, %w : tensor<64x64xf32>) -> !x {
      %r = dvm.cast %x type Float32 : !h -> !x
      %y = dvm.matmul %r, %w trans_a false trans_b false : !x, tensor<64x64xf32> -> !x
      return %y : !x
    }"""
    random = np.random.default_rng(5)
    x = random.standard_normal((50, 64)).astype(np.float16)
    w = random.standard_normal((64, 64)).astype(np.float32)
    program = dvm.compile(text)
    assert len(plans(program, x, w)) == 1
    np.testing.assert_allclose(program(x, w), x.astype(np.float64) @ w, rtol=1e-5, atol=1e-5)


def test_a_sum_that_is_normed_and_needed_later_is_stored_once_by_its_product() -> None:
    """The product, then the product of the norm of its sum with x, which is read again for the result."""
    text = """
    !x = tensor<?x32xf32, #dvm.sym<["m", "32"]>>
    !w = tensor<32x32xf32>
    func.func @main(%x : !x, %w : !w) -> !x {
      %p = dvm.matmul %x, %w trans_a false trans_b false : !x, !w -> !x
      %s = dvm.binary Add %x, %p : !x, !x -> !x
      %r = dvm.rms_norm %s axis -1 epsilon 1.0e-05 : !x -> !x
      %q = dvm.matmul %r, %w trans_a false trans_b false : !x, !w -> !x
      %y = dvm.binary Add %s, %q : !x, !x -> !x
      return %y : !x
    }"""
    random = np.random.default_rng(5)
    x, w = (random.standard_normal(shape).astype(np.float32) for shape in ((41, 32), (32, 32)))
    total = x + x.astype(np.float64) @ w
    for device in DEVICES:
        program = dvm.compile(text, device=device)
        assert len(plans(program, x, w)) == 2
        np.testing.assert_allclose(program(x, w), total + rms_norm(total) @ w, rtol=1e-4, atol=1e-4)
