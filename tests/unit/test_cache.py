"""The cache on disk: kept programs are found again, damaged ones are not trusted, and the directory stays bounded."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dvm
from dvm import cache
from dvm.cache import DiskCache
from vm import container
from vm.program import Program

GRAPH = "func.func @f(%x : tensor<?xf32>) -> tensor<?xf32> { %0 = dvm.unary Exp %x : tensor<?xf32> -> tensor<?xf32> return %0 : tensor<?xf32> }"

USE = """
import sys
import numpy as np
import dvm
x = np.arange(6, dtype=np.float32).reshape(2, 3)
lazy = (dvm.exp(dvm.asarray(x)) * 2.0 + 1).numpy()
np.testing.assert_allclose(lazy, np.exp(x) * 2 + 1, rtol=1e-6)
print("compiler" if any(name.startswith("xdsl") for name in sys.modules) else "no compiler")
"""


def program() -> Program:
    return container.from_bytes(dvm.compile(GRAPH).to_bytes())


class Counted:
    """Compiles, and counts how often."""

    def __init__(self) -> None:
        self.count = 0
        self.program = program()

    def __call__(self) -> Program:
        self.count += 1
        return self.program


def entries(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.dvmc"))


def test_a_program_is_compiled_once(tmp_path: Path) -> None:
    compile = Counted()
    kept = DiskCache(tmp_path / "new" / "directory")
    for _ in range(3):
        assert kept.program("a", compile) == compile.program
    assert compile.count == 1
    kept.program("b", compile)
    assert compile.count == 2
    assert len(entries(kept.directory)) == 2


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "text", "valid file without digest"])
def test_a_damaged_entry_is_compiled_again(tmp_path: Path, damage: str) -> None:
    compile = Counted()
    kept = DiskCache(tmp_path)
    kept.program("a", compile)
    (entry,) = entries(tmp_path)
    whole = entry.read_bytes()
    broken = {
        "flip": whole[:-1] + bytes([whole[-1] ^ 1]),
        "cut": whole[: len(whole) // 2],
        "empty": b"",
        "text": b"not a program",
        "valid file without digest": whole[32:],
    }[damage]
    entry.write_bytes(broken)
    assert kept.program("a", compile) == compile.program
    assert compile.count == 2
    assert entry.read_bytes() == whole


def test_another_compiler_has_entries_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compile = Counted()
    kept = DiskCache(tmp_path)
    kept.program("a", compile)
    monkeypatch.setattr(cache, "compiler_version", lambda: "another")
    kept.program("a", compile)
    assert compile.count == 2


def test_the_least_recently_used_go_first(tmp_path: Path) -> None:
    compile = Counted()
    kept = DiskCache(tmp_path)
    kept.program("a", compile)
    size = entries(tmp_path)[0].stat().st_size
    kept.limit_bytes = 3 * size
    for age, content in enumerate("bc"):
        kept.program(content, compile)
        for number, entry in enumerate(sorted(entries(tmp_path), key=lambda entry: entry.stat().st_mtime)):
            os.utime(entry, (1000 + 10 * age + number, 1000 + 10 * age + number))
    kept.program("a", compile)
    assert compile.count == 3
    kept.program("d", compile)
    assert sum(entry.stat().st_size for entry in entries(tmp_path)) <= kept.limit_bytes
    kept.program("a", compile)
    assert compile.count == 4
    kept.program("b", compile)
    assert compile.count == 5


def test_what_a_killed_process_left_counts_and_goes(tmp_path: Path) -> None:
    compile = Counted()
    kept = DiskCache(tmp_path)
    kept.program("a", compile)
    (entry,) = entries(tmp_path)
    rest = tmp_path / f".{entry.name}.left"
    rest.write_bytes(b"x" * 1000)
    os.utime(rest, (1, 1))
    kept.limit_bytes = 2 * entry.stat().st_size
    kept.program("b", compile)
    assert not rest.exists()
    assert len(entries(tmp_path)) == 2


def test_a_directory_that_cannot_be_used_is_no_error(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no directory")
    compile = Counted()
    for _ in range(2):
        assert DiskCache(blocked / "cache").program("a", compile) == compile.program
    assert compile.count == 2


def test_a_size_that_is_no_number_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVM_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("DVM_CACHE_BYTES", "many")
    with pytest.raises(dvm.DvmError, match="DVM_CACHE_BYTES is 'many', expected a number of bytes"):
        dvm.jit(lambda x: x + 1)(np.ones(3, np.float32))


def test_processes_share_a_directory(tmp_path: Path) -> None:
    """The first ones compile at the same time and write the same entry; a later one does not import the compiler."""
    environment = os.environ | {"DVM_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", USE]
    together = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    for process in together:
        process.communicate()
        assert process.returncode == 0
    later = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    assert later.stdout == "no compiler\n"
    assert len(list(tmp_path.iterdir())) == 1


def test_without_the_variable_nothing_is_written(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "DVM_CACHE_DIR"}
    found = subprocess.run(
        [sys.executable, "-c", USE], env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True, check=True
    )
    assert found.stdout == "compiler\n"
    assert not list(tmp_path.iterdir())


MOVED = """
import dvm

@dvm.jit
def fits(x, y):
    return dvm.exp(x) + y

@dvm.jit
def picked(x, i):
    return dvm.take(x, i, 0) * 2.0

@dvm.jit
def repeated(x, i):
    def body(v):
        return dvm.exp(dvm.take(v, i, axis=0))
    return dvm.while_loop(lambda v: v.sum() > 0, body, x)

@dvm.jit
def wrong(x):
    return x.reshape(2, 3) + x.reshape(3, 2)
"""


def test_a_function_that_moved_is_found_and_its_errors_name_its_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "cache"
    monkeypatch.setenv("DVM_CACHE_DIR", str(directory))
    ones = np.ones(3, np.float32)
    for at, (above, gap) in enumerate([(0, ""), (5, "\n"), (0, "    # further down\n\n")]):
        file = tmp_path / f"model{at}.py"
        text = "\n" * above + MOVED.replace("):\n    return", f"):\n{gap}    return")
        lines = text.splitlines()
        functions: dict[str, Any] = {}
        exec(compile(text, str(file), "exec"), functions)

        def place(code: str, file: Path = file, lines: list[str] = lines) -> str:
            return f"{file}:{1 + next(number for number, line in enumerate(lines) if code in line)}"

        np.testing.assert_allclose(functions["fits"](ones, ones), np.exp(ones) + 1, rtol=1e-6)
        with pytest.raises(dvm.ShapeError, match=re.escape(place("dvm.exp(x) + y"))):
            functions["fits"](ones, np.ones(4, np.float32))
        with pytest.raises(dvm.ExecutionError, match=re.escape(place("dvm.take(x"))):
            functions["picked"](ones, np.array([7]))
        with pytest.raises(dvm.ExecutionError, match=re.escape(place("dvm.take(v"))):
            functions["repeated"](ones, np.array([7]))
        with pytest.raises(dvm.CompileError, match=re.escape(place("x.reshape(2, 3)"))):
            functions["wrong"](np.ones(6, np.float32))
        assert len(entries(directory)) == 3


@pytest.mark.parametrize("package", ["xdsl", "numpy", "ml_dtypes"])
def test_another_version_of_a_package_is_another_compiler(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = cache.compiler_version.__wrapped__()
    assert cache.compiler_version.__wrapped__() == now
    found = cache.version
    monkeypatch.setattr(cache, "version", lambda name: "99.0" if name == package else found(name))
    assert cache.compiler_version.__wrapped__() != now


def test_another_python_is_another_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    now = cache.compiler_version.__wrapped__()
    monkeypatch.setattr(sys, "version", "3.99.0")
    assert cache.compiler_version.__wrapped__() != now
