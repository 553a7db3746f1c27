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


def check_page(name: str) -> None:
    """Run the examples of a page. Its names stay: Dynamo takes back what it has put there, after the test."""
    path = ROOT / "docs" / name
    test = doctest.DocTestParser().get_doctest(path.read_text(encoding="utf-8"), {}, name, str(path), 0)
    found = doctest.DocTestRunner().run(test, clear_globs=False)
    assert found.attempted > 10
    assert found.failed == 0


def test_what_the_python_page_shows() -> None:
    check_page("python.md")


def test_what_the_page_on_pytorch_shows() -> None:
    pytest.importorskip("torch")
    check_page("pytorch.md")
