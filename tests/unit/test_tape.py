"""Kernels of one tile: what is laid together needs no background, and what lies outside of a tile no call."""

import numpy as np
import pytest

import dvm
from vm.tape import Part, Tape, _covers, _is

LAID = """
func.func @main(%a : tensor<?x?xf32, #dvm.sym<["r", "m"]>>, %b : tensor<?x?xf32, #dvm.sym<["r", "n"]>>)
    -> tensor<?x?xf32, #dvm.sym<["r", "m + n"]>> {
  %0 = dvm.concat %a, %b axis 1 : tensor<?x?xf32, #dvm.sym<["r", "m"]>>, tensor<?x?xf32, #dvm.sym<["r", "n"]>>
    -> tensor<?x?xf32, #dvm.sym<["r", "m + n"]>>
  return %0 : tensor<?x?xf32, #dvm.sym<["r", "m + n"]>>
}
"""


def calls_of(device: dvm.Device) -> list[int]:
    """How many calls each tape of a device has."""
    return [len(tape._calls) for tape in device.arena.kept.values() if isinstance(tape, Tape)]


@pytest.mark.parametrize(("m", "n", "calls"), [(3, 5, 2), (1, 1, 2), (0, 4, 1), (4, 0, 1)])
def test_a_concat_is_its_pieces(m: int, n: int, calls: int) -> None:
    device = dvm.Device(1, engine="numpy")
    program = dvm.compile(LAID, device=device)
    a, b = np.arange(2 * m, dtype=np.float32).reshape(2, m), -np.arange(1, 2 * n + 1, dtype=np.float32).reshape(2, n)
    for _ in range(2):
        np.testing.assert_array_equal(program(a, b), np.concatenate([a, b], 1))
    assert calls_of(device) == [calls]


@pytest.mark.parametrize(
    ("parts", "covered"),
    [
        (((0, 4, 0, 6),), True),
        (((0, 4, 0, 3), (0, 4, 3, 6)), True),
        (((0, 4, 3, 6), (0, 4, 0, 3)), True),
        (((0, 4, 0, 5), (0, 4, 2, 6)), True),
        (((0, 4, 0, 2), (0, 4, 3, 6)), False),
        (((0, 4, 1, 6),), False),
        (((0, 4, 0, 5),), False),
        (((0, 2, 0, 6), (2, 4, 0, 6)), True),
        (((0, 2, 0, 3), (2, 4, 3, 6)), False),
        (((0, 4, 0, 6), (1, 2, 1, 2)), False),  # is, but is cut along two axes
    ],
)
def test_what_covers_a_tile(parts: tuple[tuple[int, ...], ...], covered: bool) -> None:
    out = np.zeros((4, 6), np.float32)
    cuts: list[tuple[slice, ...]] = [(slice(a, b), slice(c, d)) for a, b, c, d in parts]
    assert _covers(cuts, out.shape) is covered
    for cut in cuts:
        out[cut] = 1
    assert out.all() or not covered


def test_what_is_the_same_memory() -> None:
    out = np.zeros((4, 6), np.float32)
    assert _is(out, out[:])
    assert not _is(out, out.copy())
    assert not _is(out, out[:3])
    part = Part(3, 8, (4, 6), (24, 4), out.dtype)
    assert _is(part, part._replace())
    assert not _is(part, part._replace(root=2))
    assert not _is(part, out)
    assert not _is(out, part)


def test_parts_of_a_tensor_are_those_of_an_array() -> None:
    array = np.arange(24, dtype=np.float32).reshape(4, 6)
    part = Part(0, 0, array.shape, array.strides, array.dtype)
    pieces = (slice(1, 4), slice(2, None))
    np.testing.assert_array_equal(part.cut(pieces).of(array), array[pieces])
    turned = part.cut(pieces).under(lambda tile: tile[:, 1:].swapaxes(0, 1)[None])
    np.testing.assert_array_equal(turned.of(array), array[pieces][:, 1:].T[None])
    assert part.under(None) is part


def test_a_pad_keeps_its_background() -> None:
    device = dvm.Device(1, engine="numpy")
    program = dvm.compile(
        """
        func.func @main(%a : tensor<?x3xf32>) -> tensor<?x5xf32> {
          %0 = dvm.pad %a low [0, 1] high [0, 1] value 2.5 : tensor<?x3xf32> -> tensor<?x5xf32>
          return %0 : tensor<?x5xf32>
        }
        """,
        device=device,
    )
    a = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.testing.assert_array_equal(program(a), np.pad(a, ((0, 0), (1, 1)), constant_values=2.5))
    assert calls_of(device) == [2]
