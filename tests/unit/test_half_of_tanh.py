"""(1 + tanh(z))/2 and products with it, which dvm-simplify computes as a sigmoid, against NumPy in float64."""

import numpy as np
import pytest

import dvm
from dvm.dtypes import bfloat16

FORMS = {
    "half_first": """
        %h = dvm.binary_scalar Mul %x, 0.5 : !t, f32 -> !t
        %o = dvm.binary_scalar Add %n, 1.0 : !t, f32 -> !t
        %y = dvm.binary Mul %h, %o : !t, !t -> !t""",
    "half_last": """
        %o = dvm.binary_scalar Add 1.0, %n : f32, !t -> !t
        %p = dvm.binary Mul %o, %x : !t, !t -> !t
        %y = dvm.binary_scalar Mul 0.5, %p : f32, !t -> !t""",
    "half_of_the_sum": """
        %o = dvm.binary_scalar Add %n, 1.0 : !t, f32 -> !t
        %p = dvm.binary_scalar Mul %o, 0.5 : !t, f32 -> !t
        %y = dvm.binary Mul %p, %x : !t, !t -> !t""",
}
GRAPH = """
!t = tensor<?xf32, #dvm.sym<["n"]>>
func.func @main(%x : !t, %z : !t) -> !t {{
  %s = dvm.binary_scalar Mul %z, 0.75 : !t, f32 -> !t
  %n = dvm.unary Tanh %s : !t -> !t
  {form}
  return %y : !t
}}
"""
DTYPES = {"f32": np.dtype(np.float32), "f16": np.dtype(np.float16), "bf16": np.dtype(bfloat16)}


EPSILONS = {"f32": 2.0**-23, "f16": 2.0**-10, "bf16": 2.0**-7}


@pytest.mark.parametrize("element", DTYPES)
@pytest.mark.parametrize("form", FORMS)
def test_agrees_with_float64(form: str, element: str) -> None:
    random = np.random.default_rng(0)
    x, z = (random.uniform(low, high, 4099).astype(DTYPES[element]) for low, high in ((-3, 3), (-8, 8)))
    program = dvm.compile(GRAPH.format(form=FORMS[form]).replace("f32", element))
    assert "tanh" not in program.disassemble()
    expected = x.astype(np.float64) / (1 + np.exp(-1.5 * z.astype(np.float64)))
    # a relative error of an exponent of up to 12 is as much of an absolute error of the logarithm; f16 ends at 6e-8
    np.testing.assert_allclose(program(x, z).astype(np.float64), expected, rtol=16 * EPSILONS[element], atol=6e-8)


@pytest.mark.parametrize("element", DTYPES)
@pytest.mark.parametrize("form", FORMS)
def test_without_a_scale(form: str, element: str) -> None:
    graph = GRAPH.replace("dvm.binary_scalar Mul %z, 0.75 : !t, f32 -> !t", "dvm.binary Add %z, %x : !t, !t -> !t")
    z = np.array([-4, -1, 0, 1, 4], DTYPES[element])
    x = np.array([1, 2, 4, 0.5, 0.25], DTYPES[element])
    program = dvm.compile(graph.format(form=FORMS[form]).replace("f32", element))
    assert "tanh" not in program.disassemble()
    wide = x.astype(np.float64)
    expected = wide / (1 + np.exp(-2 * (z.astype(np.float64) + wide)))
    found = program(x, z)
    assert found.dtype == DTYPES[element]
    np.testing.assert_allclose(found.astype(np.float64), expected, rtol=16 * EPSILONS[element])


@pytest.mark.parametrize("form", FORMS)
def test_at_the_ends(form: str) -> None:
    z = np.array([np.inf, -np.inf, np.nan, 1e30, -1e30, 0, -0.0, 1e-30], np.float32)
    found = dvm.compile(GRAPH.format(form=FORMS[form]))(np.full_like(z, 2), z)
    np.testing.assert_array_equal(found, np.array([2, 0, np.nan, 2, 0, 1, 1, 1], np.float32))
