"""The command lines: what FileCheck cannot see (exit codes, terminals), and the files they read and write."""

import os
import pty
import stat
import subprocess
import sys
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from dvm.program import Parameter
from tools import arrays, demo, dvm_objdump, dvm_opt, dvm_run
from vm.errors import DvmError
from vm.files import replacing
from vm.isa import ElementType

ADD = """
func.func @add(%x : tensor<?x3xf32, #dvm.sym<["n", "3"]>>, %y : tensor<?x3xf32, #dvm.sym<["n", "3"]>>)
    -> tensor<?x3xf32, #dvm.sym<["n", "3"]>> {
  %z = dvm.binary Add %x, %y
    : tensor<?x3xf32, #dvm.sym<["n", "3"]>>, tensor<?x3xf32, #dvm.sym<["n", "3"]>> -> tensor<?x3xf32, #dvm.sym<["n", "3"]>>
  return %z : tensor<?x3xf32, #dvm.sym<["n", "3"]>>
}
"""


@pytest.fixture
def graph(tmp_path: Path) -> str:
    path = tmp_path / "add.mlir"
    path.write_text(ADD)
    return str(path)


@pytest.mark.parametrize(
    ("main", "options"),
    [
        (dvm_opt.main, ["--no-such-option"]),
        (dvm_opt.main, ["-t", "no-such-target"]),
        (dvm_run.main, []),
        (dvm_run.main, ["a.mlir", "--dims", "n=3"]),
        (dvm_run.main, ["a.mlir", "--random", "-1"]),
        (dvm_run.main, ["a.mlir", "--random", "one"]),
        (dvm_objdump.main, []),
    ],
)
def test_wrong_usage_exits_with_2(main, options, capsys):
    with pytest.raises(SystemExit) as exit:
        main(options)
    assert exit.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_help_exits_with_0(capsys):
    for main in (dvm_opt.main, dvm_run.main, dvm_objdump.main):
        with pytest.raises(SystemExit) as exit:
            main(["--help"])
        assert exit.value.code == 0
    assert "usage:" in capsys.readouterr().out


def test_exit_codes(graph, tmp_path, capsys):
    bytecode = str(tmp_path / "add.dvmb")
    assert dvm_opt.main([graph, "-p", "dvm-compile", "-t", "dvm-bytecode", "-o", bytecode]) == 0
    assert dvm_objdump.main([bytecode]) == 0
    assert dvm_run.main([bytecode, "--random", "1", "--dims", "n=2"]) == 0
    assert capsys.readouterr().err == ""
    for failing in (
        dvm_opt.main([graph, "-p", "nope"]),
        dvm_objdump.main([graph]),
        dvm_run.main([graph]),
        dvm_run.main([bytecode, "--random", "1", "--dims", "n=123456789012"]),
    ):
        assert failing == 1
    assert capsys.readouterr().err.count("\n") == 4


def test_bytes_do_not_go_to_a_terminal(graph):
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "tools.dvm_opt", graph, "-p", "dvm-compile", "-t", "dvm-bytecode"]
    try:
        result = subprocess.run(command, stdout=follower, stderr=subprocess.PIPE, text=True, check=False)
    finally:
        os.close(follower)
        os.close(leader)
    assert (result.returncode, result.stderr) == (
        1,
        "dvm-opt: -t dvm-bytecode does not write to a terminal: give -o FILE\n",
    )


def test_a_reader_that_goes_away_is_no_fault(graph):
    reading, writing = os.pipe()
    os.close(reading)
    try:
        result = subprocess.run(
            [sys.executable, "-m", "tools.dvm_opt", graph], stdout=writing, stderr=subprocess.PIPE, check=False
        )
    finally:
        os.close(writing)
    assert (result.returncode, result.stderr) == (1, b"")


def test_running_bytecode_does_not_import_the_compiler(graph, tmp_path):
    bytecode = str(tmp_path / "add.dvmb")
    assert dvm_opt.main([graph, "-p", "dvm-compile", "-t", "dvm-bytecode", "-o", bytecode]) == 0
    script = (
        "import sys; from tools import dvm_run, dvm_objdump\n"
        f"assert dvm_run.main([{bytecode!r}, '--random', '1']) == 0\n"
        f"assert dvm_objdump.main([{bytecode!r}]) == 0\n"
        "sys.exit(any(name.partition('.')[0] in ('xdsl', 'dvm_dialects', 'passes') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, check=False).returncode == 0


def test_a_wrong_output_fails_the_check(graph, monkeypatch, capsys):
    monkeypatch.setitem(dvm_run.__dict__, "random_array", lambda *_: np.ones((2, 3), np.float32))
    monkeypatch.setattr("dvm.reference.BINARY", {"Add": np.subtract})
    assert dvm_run.main([graph, "--random", "1", "--check"]) == 1
    captured = capsys.readouterr()
    assert (
        "dvm-run: output 'out0' is wrong: 6 of 6 elements differ from NumPy, the most at [0, 0]: 2.0 instead of 0.0"
        in (captured.err)
    )
    assert captured.out == ""


# --- files ---


def test_a_file_is_replaced_only_when_it_is_whole(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o640)

    def fail_halfway():
        with replacing(path) as file:
            file.write(b"ne")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_halfway()
    assert path.read_bytes() == b"old"
    with replacing(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["file"]


def test_a_new_file_has_the_permissions_of_open(tmp_path):
    (tmp_path / "opened").touch()
    with replacing(tmp_path / "new"):
        pass
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "opened").stat().st_mode


def test_a_link_stays_a_link_and_a_device_a_device(tmp_path):
    (tmp_path / "link").symlink_to("target")
    with replacing(tmp_path / "link") as file:
        file.write(b"x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"x"
    with replacing("/dev/null") as file:
        file.write(b"x")
    assert not Path("/dev/null").is_file()


# --- arrays ---

X = Parameter("x", ElementType.F32, ("n", 3))
Y = Parameter("file", ElementType.BF16, ("n", "m", "2*m"))


def test_bf16_arrays_go_through_files(tmp_path):
    values = np.arange(6).reshape(3, 2).astype(ml_dtypes.bfloat16)
    for name in ("a.npz", "a.npy"):
        arrays.write_outputs(tmp_path / name, {"file": values})
        read = arrays.read_inputs([f"file={tmp_path / name}"], [X, Y])
        assert read["file"].dtype == values.dtype
        np.testing.assert_array_equal(read["file"], values)


def test_unnamed_arrays_go_to_the_inputs_that_are_left(tmp_path):
    for number in (1, 2):
        np.save(tmp_path / f"{number}.npy", np.full(number, number))
    one, two = (str(tmp_path / f"{number}.npy") for number in (1, 2))
    read = arrays.read_inputs([two, f"x={one}"], [X, Y])
    assert {name: array.size for name, array in read.items()} == {"x": 1, "file": 2}
    with pytest.raises(DvmError, match="every input is given already"):
        arrays.read_inputs([one, two, one], [X, Y])


@pytest.mark.parametrize("content", [b"", b"garbage", b"PK\x03\x04zzz", b"\x93NUMPY\x01\x00zz"])
def test_files_that_are_no_arrays(content, tmp_path):
    path = tmp_path / "bad.npy"
    path.write_bytes(content)
    with pytest.raises(DvmError, match=r"bad.npy: not an .npy or .npz file of plain arrays"):
        arrays.read_inputs([str(path)], [X])


def test_objects_are_not_unpickled(tmp_path):
    np.save(tmp_path / "object.npy", np.array([object()]), allow_pickle=True)
    with pytest.raises(DvmError, match="plain arrays"):
        arrays.read_inputs([str(tmp_path / "object.npy")], [X])


def test_sizes_come_from_options_then_arrays_then_the_default():
    given = {"x": np.zeros((7, 3))}
    assert arrays.complete_sizes({}, given, [X, Y]) == ({"n": 7, "m": 64}, ["m"])
    assert arrays.complete_sizes({"n": 2, "m": 1}, given, [X, Y]) == ({"n": 2, "m": 1}, [])
    assert arrays.parse_sizes(["n=1", "m=2"], [X, Y]) == arrays.parse_sizes(["n=1,m=2"], [X, Y]) == {"n": 1, "m": 2}
    for options in (["n=1,n=2"], ["n=1", "n=1"]):
        with pytest.raises(DvmError, match=r"dim 'n' is given twice"):
            arrays.parse_sizes(options, [X, Y])
    with pytest.raises(DvmError, match="there is no dim 'n', the program has no dynamic dims"):
        arrays.parse_sizes(["n=1"], [Parameter("x", ElementType.F32, (3,))])


@pytest.mark.parametrize("element", ElementType)
def test_random_arrays_repeat_and_are_of_the_type(element):
    parameter = Parameter("x", element, ("n", 5))
    first, second = (arrays.random_array(parameter, (4, 5), np.random.default_rng(1)) for _ in range(2))
    assert first.shape == (4, 5)
    assert first.dtype == arrays.DTYPES[element]
    np.testing.assert_array_equal(first, second)


def test_the_demo_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """It ends by naming commands to try, after results that agree."""
    assert demo.main() == 0
    shown = capsys.readouterr().out
    assert shown.count("agrees, greatest error") == len(demo.ROWS)
    assert "vector kernel 'k0'" in shown
    assert "times as fast" in shown
    assert shown.rstrip().endswith("dvm-objdump mlp.dvmb")
