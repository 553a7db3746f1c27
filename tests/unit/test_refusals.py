"""What `compile`, `load`, `Device` and a `Program` refuse, and that a program does not change."""

import math
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

import dvm

ADD = """
func.func @add(%x : tensor<?x3xf32>, %y : tensor<3xf32>) -> tensor<?x3xf32> {
  %z = dvm.binary Add %x, %y : tensor<?x3xf32>, tensor<3xf32> -> tensor<?x3xf32>
  return %z : tensor<?x3xf32>
}
"""
X, Y = np.ones((2, 3), np.float32), np.ones(3, np.float32)


@pytest.fixture(scope="module")
def program() -> dvm.Program:
    return dvm.compile(ADD)


@pytest.mark.parametrize("source", ["", "  ", "\n"])
def test_an_empty_source_is_refused(source: str) -> None:
    with pytest.raises(dvm.CompileError, match="the source is empty"):
        dvm.compile(source)


def test_inputs_have_names_of_their_own() -> None:
    types = "tensor<4xf32>, tensor<4xf32>"
    text = f"""func.func @f(%arg1 : tensor<4xf32>, %0 : tensor<4xf32>) -> ({types}) {{
      return %arg1, %0 : {types}
    }}"""
    program = dvm.compile(text)
    assert [parameter.name for parameter in program.inputs] == ["arg1", "arg2"]
    assert [parameter.name for parameter in program.outputs] == ["out0", "out1"]


@pytest.mark.parametrize("name", ["name", "inputs", "outputs", "stats", "other"])
def test_a_program_is_immutable(program: dvm.Program, name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(program, name, ())


@pytest.mark.parametrize("out", [5, object(), np.float32(1), {}])
def test_what_is_no_output_is_refused(program: dvm.Program, out: object) -> None:
    with pytest.raises(dvm.ShapeError, match=r"'out' is a .*, expected an array or a sequence of arrays"):
        program(X, Y, out=out)  # pyright: ignore[reportArgumentType]
    with pytest.raises(dvm.ShapeError, match="'out' for output 'out0' is a int, expected an array"):
        program(X, Y, out=[5])  # pyright: ignore[reportArgumentType]


def test_shapes(program: dvm.Program) -> None:
    assert program.shapes((2, 3), (3,)) == program.shapes(X, Y) == ((2, 3),)
    with pytest.raises(dvm.ShapeError, match="the program takes 2 inputs, not 1"):
        program.shapes((2, 3))
    for shape in (3, (2.0, 3), "23", (-2, 3)):
        with pytest.raises(dvm.ShapeError, match=r"input 'x' has shape .*, expected an array or a sequence of sizes"):
            program.shapes(shape, (3,))  # pyright: ignore[reportArgumentType]


def test_input_shapes(program: dvm.Program) -> None:
    assert program.input_shapes({"s0": 7, "s9": 1}) == ((7, 3), (3,))
    with pytest.raises(dvm.ShapeError, match="the dim 's0' has no size"):
        program.input_shapes({})
    with pytest.raises(dvm.ShapeError, match=r"s0 is .*, which is too large"):
        program.input_shapes({"s0": 1 << 62})


@pytest.mark.parametrize("value", ["2", 1.5, True, 0, -1])
@pytest.mark.parametrize("setting", ["cores", "unified_buffer_bytes"])
def test_device_settings_are_positive_integers(setting: str, value: object) -> None:
    with pytest.raises(dvm.DvmError, match=f"^{setting} must be a positive integer, not {value!r}$"):
        dvm.Device(**{setting: value})  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("element", "dtype", "too_large"),
    [("f32", np.float32, 1e300), ("f16", np.float16, 65520), ("bf16", ml_dtypes.bfloat16, -3.4e38)],
)
def test_scalars_stay_finite(element: str, dtype: type, too_large: float) -> None:
    program = dvm.compile(
        f"func.func @f(%x : tensor<{element}>) -> tensor<{element}> {{ return %x : tensor<{element}> }}"
    )
    for value in (2, -1.5, math.inf, math.nan):
        np.testing.assert_array_equal(program(value).astype(float), np.array(value).astype(dtype).astype(float))
    for value in (too_large, 10**400):
        with pytest.raises(dvm.ShapeError, match=r"input 'x' is .*, which is no "):
            program(value)


def test_a_bad_file_is_named(program: dvm.Program, tmp_path: Path) -> None:
    path = tmp_path / "program.dvmb"
    path.write_bytes(program.to_bytes()[:-1])
    with pytest.raises(dvm.BytecodeError, match=r"program\.dvmb: at byte 0x"):
        dvm.load(path)
