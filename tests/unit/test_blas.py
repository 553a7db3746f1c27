"""The threads of the BLAS library during a launch, and products in blocks."""

import threading
from dataclasses import replace

import numpy as np
import pytest

import dvm
from vm import blas
from vm.blas import BLAS, Blas
from vm.target import NUMPY

MLP = """
func.func @mlp(%x : tensor<?x?xf32>, %w : tensor<?x?xf32>, %b : tensor<?xf32>) -> (tensor<?x?xf32>, tensor<?x?xf32>) {
  %0 = dvm.matmul %x, %w trans_a false trans_b false : tensor<?x?xf32>, tensor<?x?xf32> -> tensor<?x?xf32>
  %1 = dvm.matmul %x, %w trans_a false trans_b false bias %b : tensor<?x?xf32>, tensor<?x?xf32>, tensor<?xf32> -> tensor<?x?xf32>
  %2 = dvm.unary Tanh %1 : tensor<?x?xf32> -> tensor<?x?xf32>
  return %0, %2 : tensor<?x?xf32>, tensor<?x?xf32>
}
"""


def test_the_number_of_threads_comes_back_when_the_last_user_leaves() -> None:
    threads = [4]
    library = Blas(lambda: threads[0], lambda number: threads.__setitem__(0, number))
    with library.one_thread():
        assert threads == [1]
        with library.one_thread():
            assert threads == [1]
        assert threads == [1]
    assert threads == [4]
    with pytest.raises(ArithmeticError), library.one_thread():
        raise ArithmeticError
    assert threads == [4]


def test_several_threads_share_it() -> None:
    threads = [3]
    library = Blas(lambda: threads[0], lambda number: threads.__setitem__(0, number))
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with library.one_thread():
            inside.set()
            leave.wait()

    worker = threading.Thread(target=other)
    worker.start()
    inside.wait()
    with library.one_thread():
        pass
    assert threads == [1]
    leave.set()
    worker.join()
    assert threads == [3]


@pytest.mark.skipif(BLAS is None, reason="NumPy multiplies with another library")
def test_numpy_has_its_threads_back_after_a_launch() -> None:
    assert BLAS is not None
    before = BLAS.get_threads()
    x = np.ones((3, 4), np.float32)
    dvm.compile(MLP)(x, x.T, np.ones(3, np.float32))
    assert BLAS.get_threads() == before


@pytest.mark.parametrize(
    "shape", [(700, 300, 100), (30, 300, 2000), (1, 4000, 5000), (129, 257, 513), (0, 5, 5), (5, 0, 5)]
)
@pytest.mark.parametrize("known", [True, False])
def test_products_in_blocks(shape: tuple[int, int, int], known: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Right, and the same on any number of cores, whether the library's threads can be set or not."""
    if not known:
        monkeypatch.setattr("vm.device.ENGINES", {"numpy": replace(NUMPY, cuts_products=False)})
        monkeypatch.setattr("vm.engine.BLAS", None)
    m, k, n = shape
    random = np.random.default_rng(0)
    x, w, b = (random.standard_normal(dims).astype(np.float32) for dims in ((m, k), (k, n), (n,)))
    first: list[np.ndarray] = []
    for cores in (1, 2, 3):
        results = dvm.compile(MLP, device=dvm.Device(cores=cores, engine="numpy"))(x, w, b)
        first = first or list(results)
        assert all(one.tobytes() == other.tobytes() for one, other in zip(first, results, strict=True))
    product = x.astype(np.float64) @ w
    np.testing.assert_allclose(first[0], product, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(first[1], np.tanh(product + b), rtol=1e-4, atol=1e-3)


def test_no_library_is_found_where_none_is_mapped(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr("builtins.open", missing)
    assert blas._find() is None
