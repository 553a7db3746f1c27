"""The examples in Python, run as a user would, with their results held against NumPy in float64."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import dvm

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLES.glob("*.py")))
def test_example_runs(name: str) -> None:
    done = subprocess.run([sys.executable, EXAMPLES / f"{name}.py"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_beam_search_chooses_what_numpy_chooses_and_compiles_for_no_length() -> None:
    module = example("beam_search")
    embeddings, output = module.weights()
    exact, scores = module.search(np, 30, embeddings.astype(np.float64), output.astype(np.float64))
    with dvm.lazy() as record:
        tokens, found = module.search(dvm, 30, dvm.asarray(embeddings), dvm.asarray(output))
    np.testing.assert_array_equal(tokens, exact)
    np.testing.assert_allclose(found, scores, rtol=1e-5)
    assert record.launches == 30
    compiled = record.compiled
    assert compiled <= 5
    with dvm.lazy() as record:
        module.search(dvm, 40, dvm.asarray(embeddings), dvm.asarray(output))
    assert record.compiled == 0


@pytest.mark.parametrize("size", [1, 2, 7, 50, 300])
def test_conjugate_gradients_converge(size: int) -> None:
    module = example("conjugate_gradient")
    a, b = module.system(size)
    x, iterations = module.solve(a, b, 1e-5)
    exact = np.linalg.solve(a.astype(np.float64), b)
    np.testing.assert_allclose(x, exact, rtol=1e-3, atol=1e-4)
    assert 1 <= int(iterations) <= max(3, size)


def test_conjugate_gradients_are_traced_once() -> None:
    module = example("conjugate_gradient")
    for size in (5, 6, 40):
        module.solve(*module.system(size), 1e-5)
    assert module.solve.traces == 1


def test_the_numpy_script_gives_the_same_prices_in_one_launch() -> None:
    module = example("numpy_script")
    exact = module.prices(*[array.astype(np.float64) for array in module.market(1000)])
    with dvm.lazy() as record:
        call, put = module.prices(*module.market(1000, dvm.asarray))
        results: list[Any] = [np.asarray(call), np.asarray(put)]
    assert record.launches == 1
    for result, value in zip(results, exact, strict=True):
        np.testing.assert_allclose(result, value, rtol=1e-4, atol=1e-4)
