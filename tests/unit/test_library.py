"""Tile functions that a device takes from another library."""

import threading
from collections.abc import Generator
from contextlib import contextmanager

import numpy as np
import pytest

import dvm
from tests.unit import programs
from vm import tiles
from vm.device import Device, Library
from vm.tiles import Tile

ERF = (
    "func.func @f(%x : tensor<?xf32>) -> tensor<?xf32> "
    "{ %y = dvm.unary Erf %x : tensor<?xf32> -> tensor<?xf32> return %y : tensor<?xf32> }"
)


def test_it_is_used_by_all_threads_inside_of_what_it_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    programs.make_worth_all_cores(monkeypatch)
    together = threading.Barrier(2, timeout=10)
    inside: dict[int, int] = {}
    used: set[int] = set()

    @contextmanager
    def alone() -> Generator[None]:
        thread = threading.get_ident()
        inside[thread] = inside.get(thread, 0) + 1
        yield
        inside[thread] -= 1

    def negative(source: Tile, out: Tile) -> None:
        assert inside[threading.get_ident()] == 1
        if not used:
            together.wait()
        used.add(threading.get_ident())
        np.negative(source, out)

    device = Device(2, engine="numpy")
    program = dvm.compile(ERF, device=device)
    x = np.linspace(-2, 2, 1 << 17, dtype=np.float32)
    assert program(x)[-1] == pytest.approx(0.9953223)
    device.use(Library({tiles.erf: negative}, alone))
    assert np.array_equal(program(x), -x)
    assert len(used) == 2
    assert set(inside) == used
    assert set(inside.values()) == {0}


def test_what_it_wants_is_left_when_a_tile_function_raises() -> None:
    inside = [0]

    @contextmanager
    def alone() -> Generator[None]:
        inside[0] += 1
        try:
            yield
        finally:
            inside[0] -= 1

    def fail(source: Tile, out: Tile) -> None:
        raise ArithmeticError

    device = Device(1, engine="numpy")
    device.use(Library({tiles.erf: fail}, alone))
    with pytest.raises(ArithmeticError):
        dvm.compile(ERF, device=device)(np.ones(3, np.float32))
    assert inside == [0]
    device.use(Library())
    assert dvm.compile(ERF, device=device)(np.ones(1, np.float32)) == pytest.approx(0.8427008)
