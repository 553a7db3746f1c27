"""A kernel that uses a row after reducing it runs as one pass where the row fits in a tile, and streams it otherwise."""

import numpy as np
import pytest

import dvm
from vm.machine import Machine
from vm.plan import KernelPlan

SOFTMAX = """
func.func @softmax(%x : tensor<?x?xf32>) -> tensor<?x?xf32> {
  %0 = dvm.softmax %x axis -1 : tensor<?x?xf32> -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}
"""


def kernel_plan(program: dvm.Program, shape: tuple[int, ...]) -> KernelPlan:
    """The plan of the one kernel of a program."""
    machine = program._machine  # pyright: ignore[reportPrivateUsage]
    assert isinstance(machine, Machine)
    ((plan,),) = machine.plan((shape,)).stages
    return plan


def opcodes(plan: KernelPlan) -> list[str]:
    return [step.instruction.opcode.mnemonic for part in plan.prepared.passes for step in part.steps]


def test_a_short_row_is_read_and_exponentiated_once() -> None:
    plan = kernel_plan(dvm.compile(SOFTMAX), (64, 1000))
    assert plan.prepared.is_resident
    assert plan.reduction_tiles == 1
    assert opcodes(plan).count("load") == 1
    assert opcodes(plan).count("exp") == 1


def test_a_row_larger_than_the_unified_buffer_is_streamed_for_each_pass() -> None:
    plan = kernel_plan(dvm.compile(SOFTMAX, device=dvm.Device(unified_buffer_bytes=1 << 16)), (64, 100_000))
    assert not plan.prepared.is_resident
    assert plan.reduction_tiles > 1
    assert plan.tiling.unified_buffer_bytes <= 1 << 16
    assert opcodes(plan).count("load") == 3
    assert opcodes(plan).count("exp") == 2


def test_an_empty_row_is_not_resident() -> None:
    graph = SOFTMAX.replace("dvm.softmax %x axis -1", "dvm.rms_norm %x axis -1 epsilon 1.0e-05")
    program = dvm.compile(graph)
    assert not kernel_plan(program, (3, 0)).prepared.is_resident
    assert program(np.empty((3, 0), np.float32)).shape == (3, 0)


@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (64, 1000), (5, 20_000), (1000, 33)])
def test_both_forms_agree_with_numpy(shape: tuple[int, int]) -> None:
    x = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
    exponential = np.exp(x.astype(np.float64) - x.max(axis=1, keepdims=True))
    expected = exponential / exponential.sum(axis=1, keepdims=True)
    for unified_buffer_bytes in (256, 1 << 14, 1 << 20):
        program = dvm.compile(SOFTMAX, device=dvm.Device(unified_buffer_bytes=unified_buffer_bytes))
        # two roundings in the exponent, whose size is at most 10 here, and a few of the result
        np.testing.assert_allclose(program(x), expected, rtol=3e-6, atol=0)


def test_both_forms_are_chosen_by_one_program() -> None:
    program = dvm.compile(SOFTMAX, device=dvm.Device(unified_buffer_bytes=1 << 14))
    assert kernel_plan(program, (8, 100)).prepared.is_resident
    assert not kernel_plan(program, (8, 10_000)).prepared.is_resident
