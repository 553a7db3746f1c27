"""Garbage collection while the compiler works."""

import gc
import threading

import numpy as np
import pytest

import dvm
from vm.collection import Pause


@pytest.fixture(autouse=True)
def collecting() -> object:
    gc.enable()
    yield None
    gc.enable()


def test_it_is_put_off_and_taken_up_again() -> None:
    pause = Pause()
    with pause:
        assert not gc.isenabled()
        with pause:
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_stays_off_where_it_was() -> None:
    pause = Pause()
    gc.disable()
    with pause:
        pass
    assert not gc.isenabled()


def test_it_is_taken_up_when_the_last_thread_leaves() -> None:
    pause = Pause()
    inside, leave = threading.Event(), threading.Event()

    def work() -> None:
        with pause:
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=work)
    thread.start()
    inside.wait(10)
    with pause:
        pass
    assert not gc.isenabled()
    leave.set()
    thread.join(10)
    assert gc.isenabled()


def test_it_is_taken_up_after_an_error() -> None:
    pause = Pause()

    @pause
    def fail() -> None:
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        fail()
    assert gc.isenabled()


def test_a_forked_process_collects() -> None:
    pause = Pause()
    pause.__enter__()
    pause.forget()
    assert gc.isenabled()
    with pause:
        assert not gc.isenabled()
    assert gc.isenabled()


def test_compiling_and_binding_leave_it_on() -> None:
    program = dvm.compile(
        "func.func @f(%x : tensor<?xf32>) -> tensor<?xf32> { %y = dvm.unary Neg %x : tensor<?xf32> -> tensor<?xf32> return %y : tensor<?xf32> }"
    )
    assert gc.isenabled()
    assert program(np.ones(3, np.float32)).tolist() == [-1, -1, -1]
    assert gc.isenabled()
    with pytest.raises(dvm.ShapeError):
        program(np.ones((3, 2), np.float32))
    assert gc.isenabled()


def test_what_imports_make_is_old_at_once_and_can_go() -> None:
    """Nothing stays frozen, and what somebody else has frozen is not thawed."""
    from dvm import compiler

    compiler.load()
    assert gc.get_freeze_count() == 0
    assert gc.get_count()[2] == 0
    gc.freeze()
    try:
        compiler.load()
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
