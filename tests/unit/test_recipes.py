"""Shapes of a kernel share a recipe where nothing but extents differs, and nothing of one shape gets into another."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import dvm
from vm.plan import KernelPlan
from vm.steps import RECIPE_LIMIT, recipe_of

Array = npt.NDArray[Any]

ADD = """
!t = tensor<?x?xf32>
func.func @add(%x : !t, %y : !t) -> tensor<?x?xf32> {
  %0 = dvm.binary Add %x, %y : !t, !t -> tensor<?x?xf32>
  %1 = dvm.unary Exp %0 : tensor<?x?xf32> -> tensor<?x?xf32>
  return %1 : tensor<?x?xf32>
}
"""

MEAN = """
func.func @mean(%x : tensor<?x?xf32>) -> tensor<?xf32> {
  %0 = dvm.reduce Mean %x dims [1] keepdims false : tensor<?x?xf32> -> tensor<?xf32>
  return %0 : tensor<?xf32>
}
"""

CONCAT = """
func.func @concat(%x : tensor<?xf32>, %y : tensor<?xf32>) -> tensor<?xf32> {
  %0 = dvm.concat %x, %y axis 0 : tensor<?xf32>, tensor<?xf32> -> tensor<?xf32>
  return %0 : tensor<?xf32>
}
"""

SUM_OF_ROWS = """
func.func @sums(%x : tensor<?x?xf32>, %y : tensor<?x?xf32>) -> tensor<?xf32> {
  %0 = dvm.binary Mul %x, %y : tensor<?x?xf32>, tensor<?x?xf32> -> tensor<?x?xf32>
  %1 = dvm.reduce Sum %0 dims [1] keepdims false : tensor<?x?xf32> -> tensor<?xf32>
  return %1 : tensor<?xf32>
}
"""


def random(*shapes: tuple[int, ...]) -> list[Array]:
    generator = np.random.default_rng(sum(map(sum, shapes)))
    return [generator.standard_normal(shape, np.float32) for shape in shapes]


def only_plan(program: dvm.Program, *arrays: Array) -> KernelPlan:
    """The plan of the kernel of a program that has one."""
    machine: Any = program._machine  # pyright: ignore[reportPrivateUsage]
    ((kernel,),) = machine.plan(tuple(array.shape for array in arrays)).stages
    return kernel


def test_shapes_share_a_recipe() -> None:
    program = dvm.compile(ADD)
    small, large = random((3, 5), (3, 5)), random((700, 300), (700, 300))
    assert recipe_of(only_plan(program, *small)) is recipe_of(only_plan(program, *large))
    for arrays in (small, large, small):
        np.testing.assert_allclose(program(*arrays), np.exp(arrays[0] + arrays[1]), rtol=1e-5)


def test_a_shape_that_broadcasts_has_its_own() -> None:
    program = dvm.compile(ADD)
    plain, row, column = random((30, 50), (30, 50)), random((30, 50), (1, 50)), random((30, 1), (30, 50))
    recipes = {id(recipe_of(only_plan(program, *arrays))) for arrays in (plain, row, column)}
    assert len(recipes) == 3
    for arrays in (plain, row, column, plain):
        np.testing.assert_allclose(program(*arrays), np.exp(arrays[0] + arrays[1]), rtol=1e-5)


def test_a_scalar_that_is_a_dim_is_no_part_of_the_recipe() -> None:
    program = dvm.compile(MEAN)
    arrays = [random((40, columns))[0] for columns in (7, 9, 7)]
    assert len({id(recipe_of(only_plan(program, array))) for array in arrays}) == 1
    for array in arrays:
        np.testing.assert_allclose(program(array), array.astype(np.float64).mean(1), rtol=1e-5, atol=1e-6)


def test_an_empty_reduction_has_its_own() -> None:
    """It is its identity, which a reduction with elements never writes."""
    program = dvm.compile(SUM_OF_ROWS)
    for columns in (5, 0, 6):
        x, y = random((40, columns), (40, columns))
        np.testing.assert_allclose(program(x, y), (x.astype(np.float64) * y).sum(1), rtol=1e-5, atol=1e-5)


def test_a_value_repeated_along_the_reduction() -> None:
    """Both factors have one column here; the sum is over as many as the others have."""
    program = dvm.compile(SUM_OF_ROWS, device=dvm.Device(2, 1 << 12, engine="numpy"))
    for first, second in (((600, 9), (600, 9)), ((600, 1), (600, 9)), ((600, 1), (1, 9)), ((1, 9), (1, 9))):
        x, y = random(first, second)
        np.testing.assert_allclose(program(x, y), (x.astype(np.float64) * y).sum(1), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("unified_buffer_bytes", [1 << 8, 1 << 20])
def test_recipes_are_forgotten(unified_buffer_bytes: int) -> None:
    """Those of a concat have the extents of its inputs in them."""
    program = dvm.compile(CONCAT, device=dvm.Device(2, unified_buffer_bytes, engine="numpy"))
    for size in [*range(1, RECIPE_LIMIT + 5), 1]:
        x, y = random((size,), (2 * size,))
        np.testing.assert_array_equal(program(x, y), np.concatenate([x, y]))
    kept = only_plan(program, *random((1,), (2,))).prepared.recipes
    assert 0 < len(kept) <= RECIPE_LIMIT
