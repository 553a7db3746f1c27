"""Stages: independent kernels run side by side on the cores, in one go, whatever they are."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

import dvm
from tests.unit import programs
from vm.device import Device
from vm.machine import Machine
from vm.team import Team

MIXED = """
func.func @mixed(%v : tensor<?xf32>, %x : tensor<?x?xf32>, %a : tensor<?x?xf32>, %b : tensor<?x8xf32>, %i : tensor<?xi32>)
    -> (tensor<f32>, tensor<?x?xf32>, tensor<?x8xf32>, tensor<?x?xf32>) {
  %sum = dvm.reduce Sum %v dims [0] keepdims false : tensor<?xf32> -> tensor<f32>
  %probabilities = dvm.softmax %x axis -1 : tensor<?x?xf32> -> tensor<?x?xf32>
  %product = dvm.matmul %a, %b trans_a false trans_b false : tensor<?x?xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  %rows = dvm.gather %x, %i axis 0 : tensor<?x?xf32>, tensor<?xi32> -> tensor<?x?xf32>
  return %sum, %probabilities, %product, %rows : tensor<f32>, tensor<?x?xf32>, tensor<?x8xf32>, tensor<?x?xf32>
}
"""

TEN = f"""
func.func @ten({", ".join(f"%x{n} : tensor<?xf32>" for n in range(10))}) -> ({", ".join(["tensor<?xf32>"] * 10)}) {{
  {" ".join(f"%y{n} = dvm.unary Neg %x{n} : tensor<?xf32> -> tensor<?xf32>" for n in range(10))}
  return {", ".join(f"%y{n}" for n in range(10))} : {", ".join(["tensor<?xf32>"] * 10)}
}}
"""


class Counting(Device):
    """Remembers how many cores each use of several of them wanted."""

    def __init__(self, cores: int, unified_buffer_bytes: int) -> None:
        super().__init__(cores, unified_buffer_bytes, engine="numpy")
        self.wanted: list[int] = []

    def team(self) -> Team:
        return CountingTeam(self)


class CountingTeam(Team):
    """The cores of a launch of such a device."""

    def __init__(self, device: Counting) -> None:
        super().__init__(device.cores, device.submit)
        self.wanted = device.wanted

    def run(self, work: Callable[[], None], wanted: int) -> None:
        self.wanted.append(wanted)
        super().run(work, wanted)


@pytest.fixture(autouse=True)
def on_all_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    programs.make_worth_all_cores(monkeypatch)


def stages(program: dvm.Program, *arrays: npt.NDArray[np.generic]) -> list[int]:
    """The number of kernels of each stage."""
    machine = program._machine
    assert isinstance(machine, Machine)
    return [len(stage) for stage in machine.plan(tuple(array.shape for array in arrays)).stages]


def test_ten_small_kernels_are_one_launch() -> None:
    device = Counting(2, 1 << 12)
    program = dvm.compile(TEN, device=device)
    arrays = [np.arange(n * 7, dtype=np.float32) for n in range(10)]
    results = program(*arrays)
    for array, result in zip(arrays, results, strict=True):
        assert result.tolist() == [-value for value in array.tolist()]
    assert stages(program, *arrays) == [9]  # that of the empty array has nothing to do
    assert device.wanted == [2]


def test_kernels_of_all_sorts_side_by_side() -> None:
    """A sum in chunks, rows that are read again, a product and a gather; the chunks are combined afterwards."""
    random = np.random.default_rng(0)
    v, x, a, b = (random.standard_normal(shape).astype(np.float32) for shape in ((9001,), (37, 500), (50, 70), (70, 8)))
    i = random.integers(-37, 37, 20).astype(np.int32)
    first: list[npt.NDArray[np.float32]] = []
    for cores in (1, 2, 3):
        device = Counting(cores, 1 << 12)
        program = dvm.compile(MIXED, device=device)
        results = program(v, x, a, b, i)
        assert stages(program, v, x, a, b, i) == [4]
        assert device.wanted == [] if cores == 1 else [cores, cores]
        first = first or results
        assert all(one.tobytes() == other.tobytes() for one, other in zip(first, results, strict=True))
    exponential = np.exp(x.astype(np.float64) - x.max(axis=1, keepdims=True))
    expected = (
        v.sum(dtype=np.float64),
        exponential / exponential.sum(axis=1, keepdims=True),
        a.astype(np.float64) @ b,
        x[i],
    )
    for result, wanted in zip(first, expected, strict=True):
        np.testing.assert_allclose(result, wanted, rtol=1e-5, atol=1e-5)


def test_an_error_in_one_kernel_reaches_the_caller_and_leaves_the_device_usable() -> None:
    device = Counting(2, 1 << 12)
    program = dvm.compile(MIXED, device=device)
    arrays = [np.ones(shape, np.float32) for shape in ((5,), (3, 4), (2, 3), (3, 8))]
    with pytest.raises(dvm.ExecutionError, match="index 3 is out of range for a dim of 3"):
        program(*arrays, np.array([0, 3], np.int32))
    assert program(*arrays, np.array([0, 2], np.int32))[0] == 5
