"""Tile functions by PyTorch beside float64: same results, no threads of PyTorch's own, and no mode that sees them."""

import math
import threading
import warnings
from typing import Any

import ml_dtypes
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install '.[torch]'")

from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

import dvm  # noqa: E402
from dvm.frontends.torch.tile_functions import LIBRARY  # noqa: E402
from vm import steps, tiles  # noqa: E402

EPS = 2.0**-23
FUNCTIONS = LIBRARY.functions if LIBRARY is not None else {}

pytestmark = pytest.mark.skipif(LIBRARY is None, reason="PyTorch could not be kept to one thread")


def random(*shape: int) -> Any:
    return np.random.default_rng(1).uniform(-4, 4, shape).astype(np.float32)


@pytest.mark.parametrize(
    ("original", "exact", "limit"),
    [(tiles.erf, np.vectorize(math.erf), 4), (tiles.sigmoid, lambda x: 1 / (1 + np.exp(-x)), 4)],
    ids=["erf", "sigmoid"],
)
def test_functions_of_one_tile(original: Any, exact: Any, limit: float) -> None:
    for shape in ((3, 7), (1, 1), (0, 4), (), (130, 70)):
        x = random(*shape)
        out = np.empty_like(x)
        FUNCTIONS[original](x, out)
        wanted = exact(x.astype(np.float64)) if x.size else x
        assert np.abs(out - wanted).max(initial=0) <= limit * EPS
    strided = random(40, 60)[::2, ::3]
    out = np.empty((60, 20), np.float32)[::3]
    FUNCTIONS[original](strided, out)
    assert np.abs(out - exact(strided.astype(np.float64))).max() <= limit * EPS


def test_a_tile_may_be_computed_where_it_is() -> None:
    x = random(64, 64)
    wanted = np.vectorize(math.erf)(x.astype(np.float64))
    FUNCTIONS[tiles.erf](x, x)
    assert np.abs(x - wanted).max() <= 4 * EPS


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
@pytest.mark.parametrize("count", [0, 1, 5000])
def test_conversions_round_to_nearest_even(name: str, count: int) -> None:
    short = np.dtype(np.float16 if name == "float16" else ml_dtypes.bfloat16)
    x = random(count)
    if count:
        x[0] = np.nan
    narrow = np.empty(count, short)
    FUNCTIONS[tiles.convert](x, narrow)
    assert narrow.view(np.int16)[1:].tolist() == x.astype(short).view(np.int16)[1:].tolist()
    assert np.isnan(narrow[:1].astype(np.float32)).all()
    back = np.empty(count, np.float32)
    FUNCTIONS[tiles.convert](narrow, back)
    assert np.array_equal(back, narrow.astype(np.float32), equal_nan=True)
    stored = np.empty(count, short)
    FUNCTIONS[steps.convert_store](stored, x)
    assert stored.view(np.int16).tolist() == narrow.view(np.int16).tolist()
    rounded = np.empty(count, np.float32)
    FUNCTIONS[tiles.rounding_cast(short)](x, rounded)
    assert np.array_equal(rounded, back, equal_nan=True)


def test_a_conversion_repeats_what_is_smaller() -> None:
    row = random(1, 5000).astype(np.float16)
    out = np.empty((3, 5000), np.float32)
    FUNCTIONS[tiles.convert](row, out)
    assert np.array_equal(out, np.repeat(row, 3, 0).astype(np.float32))


@pytest.mark.parametrize("shape", [(300, 64), (7, 1000), (60, 3, 100), (5000, 1)])
@pytest.mark.parametrize("ufunc", [np.add, np.maximum, np.minimum, np.multiply])
def test_reductions_of_rows(ufunc: Any, shape: tuple[int, ...]) -> None:
    x = random(*shape)
    if ufunc is np.multiply:
        x = 1 + x / 256
    out = np.empty((*shape[:-1], 1), np.float32)
    FUNCTIONS[tiles.reduce_first](ufunc, (x.ndim - 1,), x, out)
    wide = x.astype(np.float64)
    wanted = ufunc.reduce(wide, -1, keepdims=True)
    scale = np.abs(wide).sum(-1, keepdims=True) if ufunc is np.add else np.maximum(np.abs(wanted), 1)
    terms = shape[-1] if ufunc in (np.add, np.multiply) else 0
    assert (np.abs(out - wanted) <= terms * EPS * scale).all()


def test_a_nan_is_kept_by_the_greatest_and_the_least() -> None:
    x = random(300, 64)
    x[17, 3] = np.nan
    for ufunc in (np.maximum, np.minimum):
        out = np.empty((300, 1), np.float32)
        FUNCTIONS[tiles.reduce_first](ufunc, (1,), x, out)
        assert np.flatnonzero(np.isnan(out)).tolist() == [17]


def test_memory_that_may_not_be_written_is_read_without_a_warning() -> None:
    x = random(300, 64)
    x.flags.writeable = False
    out, sums = np.empty_like(x), np.empty((300, 1), np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        FUNCTIONS[tiles.erf](x, out)
        FUNCTIONS[tiles.reduce_first](np.add, (1,), x, sums)
    assert np.abs(out - np.vectorize(math.erf)(x.astype(np.float64))).max() <= 8 * EPS


def test_a_thread_has_its_threads_of_pytorch_back() -> None:
    assert LIBRARY is not None
    before = torch.get_num_threads()
    seen: list[int] = []
    with LIBRARY.alone():
        seen.append(torch.get_num_threads())
        other = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
        other.start()
        other.join()
    assert seen == [1, before]
    assert torch.get_num_threads() == before


def test_modes_do_not_see_the_tiles() -> None:
    seen: list[Any] = []

    class Seeing(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            seen.append(func)
            return func(*args, **(kwargs or {}))

    program = dvm.compile(
        "func.func @f(%x : tensor<?xf32>) -> tensor<?xf32> { %y = dvm.unary Erf %x : tensor<?xf32> -> tensor<?xf32> return %y : tensor<?xf32> }"
    )
    with Seeing():
        result = program(np.ones(3, np.float32))
        assert seen == []
        torch.ones(1)
    assert len(seen) == 1
    assert result == pytest.approx(math.erf(1))
