"""What is known of a kernel before shapes are."""

import dvm
from vm import container
from vm.prepare import PreparedKernel, TileAxes
from vm.prepare_program import prepare_program

SOFTMAX = """
func.func @softmax(%x : tensor<?x1024xf32>, %row : tensor<1024xf32>) -> tensor<?x1024xf32> {
  %sum = dvm.binary Add %x, %row : tensor<?x1024xf32>, tensor<1024xf32> -> tensor<?x1024xf32>
  %y = dvm.softmax %sum axis -1 : tensor<?x1024xf32> -> tensor<?x1024xf32>
  return %y : tensor<?x1024xf32>
}
"""

CHAIN = """
func.func @chain(%x : tensor<?x8xf16>, %y : tensor<?x8xf16>) -> tensor<?x8xf16> {
  %a = dvm.binary Add %x, %y : tensor<?x8xf16>, tensor<?x8xf16> -> tensor<?x8xf16>
  %b = dvm.unary Exp %a : tensor<?x8xf16> -> tensor<?x8xf16>
  %c = dvm.binary Mul %b, %x : tensor<?x8xf16>, tensor<?x8xf16> -> tensor<?x8xf16>
  return %c : tensor<?x8xf16>
}
"""


def prepared(text: str) -> tuple[PreparedKernel, PreparedKernel | None]:
    """The two forms of the one kernel of a graph."""
    program = prepare_program(container.from_bytes(dvm.compile(text).to_bytes()))
    (kernel,), (resident,) = program.kernels, program.resident
    return kernel, resident


def test_a_tile_spans_what_it_was_computed_from() -> None:
    for form in prepared(SOFTMAX):
        assert form is not None
        x, row = (number for number, operand in enumerate(form.kernel.operands) if not operand.writes)
        assert set(form.tile_axes) >= {
            TileAxes(frozenset({x})),
            TileAxes(frozenset({x, row})),
            TileAxes(left_operands=frozenset({x, row})),
        }
        assert len(set(form.tile_axes)) == len(form.tile_axes)
        assert len(form.value_axes) == len(form.values)


def test_values_of_one_slot_that_span_the_same_count_once() -> None:
    kernel, _ = prepared(CHAIN)
    assert len(kernel.values) > len(kernel.tenants)
    tenants = {(tenant.slot, tenant.tile_axes, tenant.value) for tenant in kernel.tenants}
    assert len(tenants) == len(kernel.tenants)
    assert {tenant.slot for tenant in kernel.tenants} == set(range(kernel.kernel.slots))


def test_what_is_read_in_place_has_no_slot() -> None:
    _, resident = prepared(SOFTMAX)
    assert resident is not None
    slotless = {number for number, operand in enumerate(resident.loaded) if operand >= 0}
    assert slotless
    assert not slotless & {tenant.value for tenant in resident.tenants}
    assert {value for value, _ in resident.storable} <= {tenant.value for tenant in resident.tenants}


def test_operands_of_one_access_map_are_told() -> None:
    kernel, _ = prepared(CHAIN)
    assert set(kernel.accesses) == {0}
