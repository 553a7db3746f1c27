"""What the documents show is right: every block of MLIR parses and verifies, every example is compiled."""

import doctest
import re
from pathlib import Path

import pytest

import dvm
from dvm.compiler import new_context, read_module

ROOT = Path(__file__).parent.parent.parent
BLOCKS = [
    pytest.param(block, id=f"{path.name}-{number}")
    for path in sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
    for number, block in enumerate(re.findall(r"```mlir\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL))
]


def test_there_are_blocks() -> None:
    assert len(BLOCKS) >= 4


@pytest.mark.parametrize("block", BLOCKS)
def test_block_parses_and_verifies(block: str) -> None:
    module = read_module(block, new_context())
    assert list(module.ops)


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.mlir")), ids=lambda path: path.stem)
def test_example_says_what_it_is_and_compiles(path: Path) -> None:
    assert path.read_text(encoding="utf-8").startswith("// ")
    assert dvm.compile(path).stats["kernels"] >= 1


def test_what_the_python_page_shows() -> None:
    failed, tried = doctest.testfile(str(ROOT / "docs" / "python.md"), module_relative=False)
    assert tried > 10
    assert failed == 0
