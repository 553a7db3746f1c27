"""The front door in use: sources, files, layouts, `out=`, scalars, bf16, and what a `Program` tells of itself.

How single arguments are refused is in test_program.py.
"""

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest

import dvm
from dvm.compiler import compile_module, new_context, read_module
from dvm.program import Parameter, Program, default_device
from vm.container import from_bytes, to_bytes
from vm.disassemble import disassemble
from vm.isa import ElementType
from vm.machine import Machine

Array = npt.NDArray[Any]

TEXT = """
func.func @main(%x : tensor<?x?xf32>, %y : tensor<?xf32>) -> (tensor<?x?xf32>, tensor<?xf32>)
    attributes {dvm.arg_names = ["x", "y"], dvm.result_names = ["sum", "greatest"]} {
  %sum = dvm.binary Add %x, %y : tensor<?x?xf32>, tensor<?xf32> -> tensor<?x?xf32>
  %greatest = dvm.reduce Max %sum dims [1] keepdims false : tensor<?x?xf32> -> tensor<?xf32>
  return %sum, %greatest : tensor<?x?xf32>, tensor<?xf32>
}
"""

DOUBLED = """
!rows = tensor<?x3xf32, #dvm.sym<["n", "3"]>>
func.func @doubled(%x : !rows) -> !rows attributes {dvm.arg_names = ["x"], dvm.result_names = ["y"]} {
  %y = dvm.binary Add %x, %x : !rows, !rows -> !rows
  return %y : !rows
}
"""


def doubling(element: str, dims: str = "") -> str:
    """y = x + x on tensors of an element type."""
    kind = f"tensor<{dims}{element}>"
    return f"""func.func @main(%x : {kind}) -> {kind} {{
      %y = dvm.binary Add %x, %x : {kind}, {kind} -> {kind}
      return %y : {kind}
    }}"""


@pytest.fixture(scope="module")
def program() -> dvm.Program:
    return dvm.compile(TEXT)


@pytest.fixture(scope="module")
def doubled() -> dvm.Program:
    return dvm.compile(DOUBLED)


def x_and_y() -> tuple[Array, Array]:
    numbers = np.random.default_rng(0)
    return numbers.integers(-9, 10, (5, 4)).astype(np.float32), numbers.integers(-9, 10, 4).astype(np.float32)


def check(results: Any, x: Array, y: Array) -> None:
    """Against Python's own numbers."""
    total = [[a + b for a, b in zip(row, y.tolist(), strict=True)] for row in x.tolist()]
    assert isinstance(results, tuple)
    assert results[0].tolist() == total
    assert results[1].tolist() == [max(row) for row in total]


# --- compile ---


def test_compile_from_text(program: dvm.Program) -> None:
    x, y = x_and_y()
    check(program(x, y), x, y)


@pytest.mark.parametrize("kind", [str, Path])
def test_compile_from_a_path(kind: type, tmp_path: Path) -> None:
    path = tmp_path / "graph.mlir"
    path.write_text(TEXT)
    x, y = x_and_y()
    check(dvm.compile(kind(path))(x, y), x, y)


def test_compile_from_a_module_which_stays_as_it_is() -> None:
    module = read_module(TEXT, new_context())
    before = str(module)
    x, y = x_and_y()
    for _ in range(2):
        check(dvm.compile(module)(x, y), x, y)
    assert str(module) == before


def test_compile_a_module_that_is_used_up() -> None:
    x, y = x_and_y()
    program = Program(Machine(compile_module(read_module(TEXT, new_context())), default_device()))
    check(program(x, y), x, y)


def test_compile_of_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(dvm.DvmError, match=r"^cannot read '.*missing\.mlir': No such file or directory$"):
        dvm.compile(tmp_path / "missing.mlir")
    with pytest.raises(dvm.DvmError, match=r"^cannot read '.*': Is a directory$"):
        dvm.compile(tmp_path)
    binary = tmp_path / "binary.mlir"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(dvm.DvmError, match=r"^cannot read '.*binary\.mlir': it is no text$"):
        dvm.compile(binary)


def test_compile_of_what_does_not_parse_or_verify(tmp_path: Path) -> None:
    path = tmp_path / "broken.mlir"
    path.write_text("func.func @main() {\n  oh no\n}\n")
    with pytest.raises(dvm.CompileError, match=r"broken\.mlir:2:"):
        dvm.compile(path)
    with pytest.raises(dvm.CompileError, match=r"^<text>:\d+:\d+: "):
        dvm.compile(TEXT.replace("dims [1]", "dims [7]"))
    with pytest.raises(dvm.CompileError):
        dvm.compile("module {\n}\n")


def test_the_device_is_the_callers_or_the_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    device = dvm.Device(1, 4096)
    made = dvm.compile(TEXT, device=device)
    made.save(tmp_path / "p.dvmb")
    assert made._machine.device is device
    assert dvm.load(tmp_path / "p.dvmb", device=device)._machine.device is device
    monkeypatch.setattr("dvm.program._default", [])
    monkeypatch.setenv("DVM_CORES", "5")
    default = dvm.compile(TEXT)._machine.device
    assert default.cores == 5
    assert dvm.load(tmp_path / "p.dvmb")._machine.device is default


# --- files ---


def test_a_saved_program_is_the_same(program: dvm.Program, tmp_path: Path) -> None:
    for path in (tmp_path / "p.dvmb", str(tmp_path / "q.dvmb")):
        program.save(path)
        loaded = dvm.load(path)
        assert loaded.to_bytes() == program.to_bytes() == Path(path).read_bytes()
        assert repr(loaded) == repr(program)
        assert (loaded.stats, loaded.inputs, loaded.outputs) == (program.stats, program.inputs, program.outputs)
        assert loaded.disassemble() == program.disassemble()
        x, y = x_and_y()
        check(loaded(x, y), x, y)


def test_bytes_hold_the_whole_program(program: dvm.Program) -> None:
    data = program.to_bytes()
    assert to_bytes(from_bytes(data)) == data
    assert disassemble(from_bytes(data)) == program.disassemble()


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_saved_file_has_ordinary_permissions(program: dvm.Program, tmp_path: Path, mask: int, mode: int) -> None:
    path = tmp_path / "p.dvmb"
    previous = os.umask(mask)
    try:
        program.save(path)
    finally:
        os.umask(previous)
    assert stat.S_IMODE(path.stat().st_mode) == mode
    path.chmod(0o640)
    program.save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_file_is_replaced_whole_or_not_at_all(
    program: dvm.Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "p.dvmb"
    path.write_bytes(b"old")

    def no_space(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", no_space)
    with pytest.raises(dvm.DvmError, match=r"^cannot write '.*p\.dvmb': No space left on device$"):
        program.save(path)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["p.dvmb"]
    monkeypatch.undo()
    program.save(path)
    assert path.read_bytes() == program.to_bytes()
    assert os.listdir(tmp_path) == ["p.dvmb"]


def test_places_that_cannot_be_written_or_read(program: dvm.Program, tmp_path: Path) -> None:
    nowhere = tmp_path / "no" / "p.dvmb"
    with pytest.raises(dvm.DvmError, match=r"^cannot write '.*p\.dvmb': No such file or directory$"):
        program.save(nowhere)
    with pytest.raises(dvm.DvmError, match=r"^cannot read '.*p\.dvmb': No such file or directory$"):
        dvm.load(nowhere)
    with pytest.raises(dvm.DvmError, match=r"^cannot read '.*': Is a directory$"):
        dvm.load(tmp_path)
    damaged = tmp_path / "damaged.dvmb"
    damaged.write_bytes(program.to_bytes()[:-1])
    with pytest.raises(dvm.BytecodeError):
        dvm.load(damaged)


def test_loading_does_not_import_the_compiler(doubled: dvm.Program, tmp_path: Path) -> None:
    doubled.save(tmp_path / "p.dvmb")
    script = (
        "import sys, numpy, dvm\n"
        f"y = dvm.load({str(tmp_path / 'p.dvmb')!r})(numpy.ones((2, 3), numpy.float32))\n"
        "print(y.tolist(), [name for name in ('xdsl', 'passes', 'dvm_dialects') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[[2.0, 2.0, 2.0], [2.0, 2.0, 2.0]] []\n"


# --- what a program tells ---


def test_inputs_outputs_and_repr(doubled: dvm.Program) -> None:
    assert doubled.name == "doubled"
    assert doubled.inputs == (Parameter("x", ElementType.F32, ("n", 3)),)
    assert doubled.outputs == (Parameter("y", ElementType.F32, ("n", 3)),)
    assert str(doubled.inputs[0]) == "'x' (f32 [n, 3])"
    assert repr(doubled) == "<dvm.Program doubled('x' (f32 [n, 3])) -> ('y' (f32 [n, 3]))>"


def test_shapes(program: dvm.Program, doubled: dvm.Program) -> None:
    assert program.shapes((5, 4), [4]) == ((5, 4), (5,))
    assert program.shapes(np.empty((5, 4)), (1,)) == ((5, 4), (5,))
    assert program.shapes((1 << 20, 1 << 20), (1 << 20,)) == ((1 << 20, 1 << 20), (1 << 20,))
    assert doubled.shapes((0, 3)) == ((0, 3),)
    with pytest.raises(dvm.ShapeError, match="expected 3"):
        doubled.shapes((5, 4))
    with pytest.raises(dvm.ShapeError):
        program.shapes((5, 4), (3,))
    with pytest.raises(dvm.DvmError, match=r"^the program takes 2 inputs, not 1$"):
        program.shapes((5, 4))


def test_stats(doubled: dvm.Program) -> None:
    assert doubled.stats == {
        "kernels": 1,
        "variants": 1,
        "stages": 1,
        "instructions": 4,  # pass, load, add, store
        "slots": 1,
        "workspace_tensors": 0,
        "facts": 0,
        "bytes": len(doubled.to_bytes()),
    }


def test_the_listing_names_every_instruction(doubled: dvm.Program) -> None:
    listing = doubled.disassemble()
    assert listing.index("load") < listing.index("add") < listing.index("store")
    assert "doubled" in listing


def test_profile(doubled: dvm.Program) -> None:
    x = np.ones((5, 3), np.float32)
    assert {row.mnemonic: (row.calls, row.elements) for row in doubled.profile(x)} == {"add": (1, 15)}


# --- what callers hand over ---


class _Array(np.ndarray):
    """A subclass that changes what indexing means."""

    def __getitem__(self, key: Any) -> Any:
        raise AssertionError("the machine looks at plain arrays")


def _layouts(array: Array) -> dict[str, Array]:
    """Arrays of the elements of the one given, which has rank 2."""
    rows, columns = array.shape
    wide = np.full((2 * rows, 3 * columns), -77, array.dtype)
    wide[::2, 1::3] = array
    read_only = array.copy()
    read_only.flags.writeable = False
    unaligned = np.frombuffer(bytearray(1 + array.nbytes), np.uint8)[1:].view(array.dtype).reshape(array.shape)
    unaligned[...] = array
    swapped = array.dtype.newbyteorder("S")
    return {
        "contiguous": array.copy(),
        "strided": wide[::2, 1::3],
        "fortran": np.asfortranarray(array),
        "reversed": array[::-1, ::-1].copy()[::-1, ::-1],
        "rows-reversed": array[::-1].copy()[::-1],
        "read-only": read_only,
        "byte-swapped": array.astype(swapped),
        "byte-swapped-fortran": np.asfortranarray(array).astype(swapped),
        "unaligned": unaligned,
        "subclass": array.copy().view(_Array),
    }


@pytest.mark.parametrize("layout", _layouts(np.zeros((2, 2), np.float32)))
def test_inputs_of_any_layout(program: dvm.Program, layout: str) -> None:
    x, y = x_and_y()
    given = _layouts(x)[layout]
    before = np.asarray(given).tobytes()
    check(program(given, y), x, y)
    assert np.asarray(given).tobytes() == before


def test_a_row_repeated_by_stride_0(program: dvm.Program) -> None:
    x, y = x_and_y()
    repeated = np.broadcast_to(x[0], (5, 4))
    check(program(repeated, np.broadcast_to(y[:1], 4)), repeated, np.array([y[0]] * 4))


def test_what_is_no_array_of_the_type(program: dvm.Program) -> None:
    x, y = x_and_y()
    with pytest.raises(dvm.ShapeError, match=r"^input 'x' is a list, expected an array of float32$"):
        program(x.tolist(), y)
    with pytest.raises(dvm.ShapeError, match=r"^input 'y' is a float, expected an array of float32$"):
        program(x, 1.0)
    with pytest.raises(dvm.ShapeError, match=r"^input 'y' has element type float64, expected float32$"):
        program(x, y.astype(np.float64))
    with pytest.raises(dvm.ShapeError, match=r"^input 'x' has rank 1, expected rank 2$"):
        program(x[0], y)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_wrong_number_of_inputs(program: dvm.Program, count: int) -> None:
    with pytest.raises(dvm.ShapeError, match=rf"^the program takes 2 inputs \('x', 'y'\), not {count}$"):
        program(*[np.zeros(4, np.float32)] * count)


# --- out= ---


def test_out_of_one_result(doubled: dvm.Program) -> None:
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    for given in (np.empty((2, 3), np.float32), [np.empty((2, 3), np.float32)], (np.empty((2, 3), np.float32),)):
        result = doubled(x, out=given)
        assert result is (given if isinstance(given, np.ndarray) else given[0])
        assert result.tolist() == [[0, 2, 4], [6, 8, 10]]


def test_out_of_several_results_in_other_layouts(program: dvm.Program) -> None:
    x, y = x_and_y()
    memory, totals = np.full((10, 12), -77, np.float32), np.full(10, -77, np.float32)
    target, greatest = memory[::2, 1::3], totals[::-2]
    results = program(x, y, out=(target, greatest))
    assert results[0] is target
    assert results[1] is greatest
    check(results, x, y)
    assert (memory == -77).sum() == memory.size - target.size
    assert (totals == -77).sum() == 5


@pytest.mark.parametrize("shift", [-1, 0, 1, 2])
def test_out_over_an_input(doubled: dvm.Program, shift: int) -> None:
    memory = np.arange(18, dtype=np.float32).reshape(6, 3)
    source, target = memory[1:4], memory[1 + shift : 4 + shift]
    doubled(source, out=target)
    assert target.tolist() == [[2 * (3 * row + column) for column in range(3)] for row in range(1, 4)]


def test_out_reversed_over_its_input(doubled: dvm.Program) -> None:
    memory = np.arange(6, dtype=np.float32).reshape(2, 3)
    doubled(memory, out=memory[::-1, ::-1])
    assert memory.tolist() == [[10, 8, 6], [4, 2, 0]]


def test_out_that_does_not_fit(program: dvm.Program) -> None:
    x, y = x_and_y()
    good, rest = np.empty((5, 4), np.float32), np.empty(5, np.float32)
    read_only = good.copy()
    read_only.flags.writeable = False
    cases: tuple[tuple[Any, str], ...] = (
        (good, r"^the program has 2 outputs, but 'out' has 1 arrays$"),
        ([good, rest, rest], r"^the program has 2 outputs, but 'out' has 3 arrays$"),
        ([good, rest.tolist()], r"^'out' for output 'greatest' is a list, expected an array$"),
        (
            [good[1:], rest],
            r"^'out' for output 'sum' is float32 of shape \(4, 4\), expected float32 of shape \(5, 4\)$",
        ),
        (
            [good, rest.astype(np.float64)],
            r"^'out' for output 'greatest' is float64 of shape \(5,\), expected float32 of shape \(5,\)$",
        ),
        ([read_only, rest], r"^'out' for output 'sum' is read-only$"),
        ([good, good.ravel()[:5]], r"^two arrays of 'out' share memory$"),
    )
    for out, message in cases:
        with pytest.raises(dvm.ShapeError, match=message):
            program(x, y, out=out)


# --- scalars ---


@pytest.mark.parametrize(
    ("element", "value", "result"),
    [
        ("f32", 1.5, 3.0),
        ("f32", 3, 6.0),
        ("f32", True, 2.0),
        ("f32", float("-inf"), float("-inf")),
        ("f16", 0.25, 0.5),
        ("bf16", 2.5, 5.0),
        ("i32", -7, -14),
        ("i32", 2**31 - 1, -2),
        ("i64", 2**40, 2**41),
        ("i64", -(2**63), 0),
    ],
)
def test_python_scalars_at_rank_0(element: str, value: Any, result: Any) -> None:
    got = dvm.compile(doubling(element))(value)
    assert isinstance(got, np.ndarray)
    assert got.shape == ()
    assert got.astype(np.float64 if element[0] in "fb" else np.int64).item() == result


def test_numpy_scalars_at_rank_0() -> None:
    program = dvm.compile(doubling("f32"))
    assert program(np.float32(1.5)).item() == 3
    assert program(np.array(1.5, ">f4")).item() == 3
    with pytest.raises(dvm.ShapeError, match=r"^input 'x' has element type float64, expected float32$"):
        program(np.float64(1.5))


def test_truth_at_rank_0() -> None:
    program = dvm.compile(
        "func.func @main(%x : tensor<i1>) -> tensor<i1> {\n"
        "%y = dvm.unary LogicalNot %x : tensor<i1> -> tensor<i1>\nreturn %y : tensor<i1>\n}"
    )
    assert program(True).item() is False
    assert program(False).item() is True
    for value in (0, 1, 0.5):
        with pytest.raises(dvm.ShapeError, match=rf"^input 'x' is {value}, which is no bool$"):
            program(value)


@pytest.mark.parametrize(
    ("element", "value", "message"),
    [
        ("i32", 1.5, r"is 1\.5, which is no int32"),
        ("i32", 2**31, "is 2147483648, which is no int32"),
        ("i32", -(2**31) - 1, "is -2147483649, which is no int32"),
        ("i64", 2**63, "is 9223372036854775808, which is no int64"),
        ("i64", 1.0, r"is 1\.0, which is no int64"),
        ("f32", "1", "is a str, expected an array of float32"),
        ("f32", None, "is a NoneType, expected an array of float32"),
        ("f32", 1j, "is a complex, expected an array of float32"),
    ],
)
def test_python_scalars_that_do_not_fit(element: str, value: Any, message: str) -> None:
    with pytest.raises(dvm.ShapeError, match=f"^input 'x' {message}$"):
        dvm.compile(doubling(element))(value)


# --- bf16 ---


def test_bf16_arrays() -> None:
    program = dvm.compile(doubling("bf16", "?x"))
    x = np.array([1.5, -3, 0, 1e38, float("inf")], ml_dtypes.bfloat16)
    for array in (x, x[::-1].copy()[::-1]):
        result = program(array)
        assert result.dtype == ml_dtypes.bfloat16
        # 1e38 is 0x7e96 in bf16; one more in the exponent, which begins at bit 7, doubles it
        assert result.view(np.uint16).tolist() == [0x4040, 0xC0C0, 0, 0x7E96 + 0x80, 0x7F80]
    out = np.empty(5, ml_dtypes.bfloat16)
    assert program(x, out=out) is out
    assert out.view(np.uint16)[0] == 0x4040
    for dtype in (np.float16, np.float32, np.uint16):
        with pytest.raises(dvm.ShapeError, match="element type"):
            program(np.ones(5, dtype))


def test_bf16_is_computed_in_f32_and_rounded_once() -> None:
    """1 + 2**-8 + 2**-8 is 1 + 2**-7 in f32; rounded to bf16 after each addition it is 1."""
    kind = "tensor<?xbf16>"
    text = f"""func.func @main(%x : {kind}, %y : {kind}) -> {kind} {{
      %a = dvm.binary Add %x, %y : {kind}, {kind} -> {kind}
      %b = dvm.binary Add %a, %y : {kind}, {kind} -> {kind}
      return %b : {kind}
    }}"""
    one, small = np.ones(3, ml_dtypes.bfloat16), np.full(3, 2.0**-8, ml_dtypes.bfloat16)
    assert dvm.compile(text)(one, small).astype(np.float64).tolist() == [1 + 2.0**-7] * 3


def test_nothing_of_what_is_laid_together() -> None:
    """A dim of 1 that is sliced away looks like one that is stretched to 0."""
    graph = """
    func.func @f(%x : tensor<1x2xf32>, %y : tensor<1x1xf32>) -> tensor<0x3xf32> {
      %0 = dvm.concat %x, %y axis 1 : tensor<1x2xf32>, tensor<1x1xf32> -> tensor<1x3xf32>
      %1 = dvm.unary Exp %0 : tensor<1x3xf32> -> tensor<1x3xf32>
      %2 = dvm.slice %1 starts [1, 0] sizes [0, 3] steps [1, 1] : tensor<1x3xf32> -> tensor<0x3xf32>
      return %2 : tensor<0x3xf32>
    }
    """
    found = dvm.compile(graph)(np.ones((1, 2), np.float32), np.ones((1, 1), np.float32))
    assert found.shape == (0, 3)
