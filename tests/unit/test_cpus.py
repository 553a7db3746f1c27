"""CPUs of a launch: who gets which, and that threads are let go afterwards."""

import os
import threading

import pytest

from vm import cpus
from vm.cpus import Cpus, available
from vm.device import Device

pinning = pytest.mark.skipif(cpus._current_cpu is None, reason="the system cannot pin threads")


@pytest.fixture
def on_cpu_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpus, "_current_cpu", lambda: 2)


@pytest.mark.usefixtures("on_cpu_2")
def test_a_launch_gets_the_cpu_it_is_on_and_those_after_it() -> None:
    assert Cpus().claim({0, 1, 2, 5, 7}, 3) == [2, 5, 7]
    assert Cpus().claim({0, 1, 2, 5, 7}, 4) == [2, 5, 7, 0]
    assert Cpus().claim({0, 2}, 4) == [2, 0]


@pytest.mark.usefixtures("on_cpu_2")
def test_a_cpu_has_one_owner_until_it_is_released() -> None:
    shared = Cpus()
    first = shared.claim({1, 2, 3}, 2)
    assert first == [2, 3]
    assert shared.claim({1, 2, 3}, 2) == []
    shared.release(first)
    assert shared.claim({1, 2, 3}, 3) == [2, 3, 1]


def test_nothing_is_claimed_where_threads_cannot_be_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpus, "_current_cpu", None)
    assert Cpus().claim({0, 1}, 2) == []
    before = available()
    cpus.pin({min(before)})
    assert available() == before


@pinning
def test_cores_run_on_cpus_of_their_own_and_the_caller_is_let_go() -> None:
    allowed = os.sched_getaffinity(0)
    if len(allowed) < 2:
        pytest.skip("there is one CPU only")
    together = threading.Barrier(2)
    seen: list[set[int]] = []

    def work() -> None:
        together.wait()
        seen.append(os.sched_getaffinity(0))

    device = Device(2)
    for _ in range(3):
        device.run_on_cores(work, 2)
        assert os.sched_getaffinity(0) == allowed
    for first, second in zip(seen[::2], seen[1::2], strict=True):
        assert len(first) == len(second) == 1
        assert first | second <= allowed
        assert first != second


@pinning
def test_the_caller_is_let_go_where_work_fails() -> None:
    allowed = os.sched_getaffinity(0)
    device = Device(2)

    def work() -> None:
        raise ArithmeticError

    for _ in range(3):
        with pytest.raises(ArithmeticError):
            device.run_on_cores(work, 2)
        assert os.sched_getaffinity(0) == allowed
    assert device._cpus.claim(allowed, len(allowed)) != []


@pinning
def test_a_second_launch_leaves_the_first_its_cpus() -> None:
    """The second thread finds the CPUs taken and runs wherever the system puts it."""
    allowed = os.sched_getaffinity(0)
    device = Device(len(allowed))
    taken = device._cpus.claim(allowed, len(allowed))
    seen: list[set[int]] = []
    device.run_on_cores(lambda: seen.append(os.sched_getaffinity(0)), len(allowed))
    assert all(cpus == allowed for cpus in seen)
    device._cpus.release(taken)
