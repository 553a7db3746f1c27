"""The threads of a launch: they stay between stages, and whatever happens they come back."""

import os
import threading
import time

import pytest

from vm import team as team_module
from vm.device import Device

CORES = 2


@pytest.fixture(params=["spinning", "sleeping"])
def device(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Device:
    """A device of two cores whose threads wait in either way."""
    if request.param == "sleeping":
        monkeypatch.setattr(team_module, "_pthread", object())
    return Device(CORES)


def meet() -> tuple[threading.Barrier, list[int]]:
    return threading.Barrier(CORES, timeout=10), []


def _wait(together: threading.Barrier) -> None:
    together.wait()


def test_one_thread_serves_all_stages(device: Device) -> None:
    together, seen = meet()

    def work() -> None:
        together.wait()
        seen.append(threading.get_ident())

    with device.team() as team:
        for _ in range(20):
            team.run(work, CORES)
    assert len(seen) == 20 * CORES
    assert len(set(seen)) == CORES
    assert seen.count(threading.get_ident()) == 20


def test_a_stage_for_one_leaves_the_others_waiting(device: Device) -> None:
    together, seen = meet()

    def for_all() -> None:
        together.wait()

    with device.team() as team:
        team.run(for_all, CORES)
        team.run(lambda: seen.append(threading.get_ident()), 1)
        team.run(for_all, CORES)
    assert seen == [threading.get_ident()]


@pytest.mark.parametrize("culprit", ["caller", "helper"])
def test_what_a_thread_raises_is_raised_and_the_next_stage_runs(device: Device, culprit: str) -> None:
    together, seen = meet()
    caller = threading.get_ident()

    def fail() -> None:
        together.wait()
        if (threading.get_ident() == caller) == (culprit == "caller"):
            raise ArithmeticError(culprit)

    def work() -> None:
        together.wait()
        seen.append(1)

    with device.team() as team:
        with pytest.raises(ArithmeticError, match=culprit):
            team.run(fail, CORES)
        team.run(work, CORES)
    assert seen == [1, 1]


def test_a_dismissed_team_can_be_used_again(device: Device) -> None:
    together, seen = meet()

    def work() -> None:
        together.wait()
        seen.append(1)

    with device.team() as team:
        team.run(work, CORES)
        team.dismiss()
        team.run(work, CORES)
    assert len(seen) == 2 * CORES


def test_threads_of_other_launches_are_not_waited_for(device: Device) -> None:
    """While one launch keeps the only thread of the pool, another does all its work by itself."""
    together, seen = meet()
    with device.team() as first:
        first.run(lambda: _wait(together), CORES)

        def other() -> None:
            with device.team() as second:
                second.run(lambda: seen.append(threading.get_ident()), CORES)

        thread = threading.Thread(target=other)
        thread.start()
        thread.join(10)
        assert not thread.is_alive()
        assert len(seen) == 1
        first.run(lambda: _wait(together), CORES)


@pytest.mark.parametrize(("long", "crowded"), [(0.05, True), (0.0, False)])
def test_threads_sleep_for_a_while_where_others_held_them_up(
    monkeypatch: pytest.MonkeyPatch, long: float, crowded: bool
) -> None:
    """By a clock on which the helper is as late as if another process had its CPU."""
    monkeypatch.setattr(team_module._Crowd, "until", 0.0)
    now = [1.0]
    end = team_module._Seat.end

    def late(seat: team_module._Seat) -> BaseException | None:
        now[0] += long
        return end(seat)

    monkeypatch.setattr(team_module, "perf_counter", lambda: now[0])
    monkeypatch.setattr(team_module._Seat, "end", late)
    together, _ = meet()
    with Device(CORES).team() as team:
        team.run(lambda: _wait(together), CORES)
    assert (team_module._Crowd.until > now[0]) == crowded
    with Device(CORES).team() as team:
        team.run(lambda: _wait(together), CORES)
        gate = type(team._seats[0]._begin)
    assert (gate is not team_module._SpinLock) == crowded


def test_unequal_work_is_no_sign_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """By clocks on which all that the caller waits the helper works."""
    monkeypatch.setattr(team_module._Crowd, "until", 0.0)
    now = [1.0]
    together, _ = meet()
    caller = threading.get_ident()
    ended = threading.Event()
    end = team_module._Seat.end

    def waiting(seat: team_module._Seat) -> BaseException | None:
        ended.set()
        return end(seat)

    def work() -> None:
        together.wait()
        if threading.get_ident() != caller:
            ended.wait(10)
            now[0] += 0.05

    for clock in ("perf_counter", "thread_time"):
        monkeypatch.setattr(team_module, clock, lambda: now[0])
    monkeypatch.setattr(team_module._Seat, "end", waiting)
    with Device(CORES).team() as team:
        team.run(work, CORES)
    assert now == [1.05]
    assert team_module._Crowd.until == 0


def test_after_a_launch_nobody_is_busy(device: Device) -> None:
    """A thread that went on spinning would take all the time of a CPU."""
    together, _ = meet()
    with device.team() as team:
        team.run(lambda: _wait(together), CORES)
    time.sleep(0.05)
    before = os.times()
    time.sleep(0.3)
    after = os.times()
    assert after.user + after.system - before.user - before.system < 0.2
