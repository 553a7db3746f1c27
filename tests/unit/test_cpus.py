"""CPUs of a launch: who gets which, and that threads are let go afterwards."""

import os
import subprocess
import sys
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

    device = Device(2, engine="numpy")
    for _ in range(3):
        with device.team() as team:
            team.run(work, 2)
        assert os.sched_getaffinity(0) == allowed
    for first, second in zip(seen[::2], seen[1::2], strict=True):
        assert len(first) == len(second) == 1
        assert first | second <= allowed
        assert first != second


@pinning
def test_the_caller_is_let_go_where_work_fails() -> None:
    allowed = os.sched_getaffinity(0)
    device = Device(2, engine="numpy")

    def work() -> None:
        raise ArithmeticError

    for _ in range(3):
        with pytest.raises(ArithmeticError), device.team() as team:
            team.run(work, 2)
        assert os.sched_getaffinity(0) == allowed
    claimed = cpus.CPUS.claim(allowed, len(allowed))
    assert claimed
    cpus.CPUS.release(claimed)


@pinning
def test_a_second_launch_leaves_the_first_its_cpus() -> None:
    """The second thread finds the CPUs taken and runs wherever the system puts it."""
    allowed = os.sched_getaffinity(0)
    device = Device(len(allowed), engine="numpy")
    taken = cpus.CPUS.claim(allowed, len(allowed))
    seen: list[set[int]] = []
    with device.team() as team:
        team.run(lambda: seen.append(os.sched_getaffinity(0)), len(allowed))
    assert all(places == allowed for places in seen)
    cpus.CPUS.release(taken)


@pytest.mark.parametrize(
    "moment", ["import atexit; atexit.register(run)", "import threading; threading.Thread(target=late).start()"]
)
def test_a_launch_while_the_interpreter_shuts_down(moment: str) -> None:
    """No pool takes work any more: the calling thread does all of it, and the CPUs are given back."""
    script = f"""
import time
import numpy as np
import dvm
from vm.cpus import CPUS
program = dvm.compile("func.func @f(%x : tensor<?xf32>) -> tensor<?xf32> {{ %y = dvm.unary Neg %x : tensor<?xf32> -> tensor<?xf32> return %y : tensor<?xf32> }}", device=dvm.Device(2, engine="numpy"))
def run():
    print(program(np.ones(1 << 20, np.float32)).tolist().count(-1), CPUS._taken)
def late():
    time.sleep(0.5)
    run()
{moment}
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == ("1048576 set()\n", 0), done.stderr


def test_a_forked_process_has_cores_of_its_own() -> None:
    """Two threads wait for each other in the child, whose pool the parent's must not stand for."""
    script = """
import os
import threading
import numpy as np
import dvm
device = dvm.Device(2, engine="numpy")
program = dvm.compile("func.func @f(%x : tensor<?xf32>) -> tensor<?xf32> { %y = dvm.unary Neg %x : tensor<?xf32> -> tensor<?xf32> return %y : tensor<?xf32> }", device=device)
x = np.ones(1 << 23, np.float32)
program(x)
pid = os.fork()
if not pid:
    program(x)
    both = threading.Barrier(2, timeout=30)
    threads = set()
    def work():
        both.wait()
        threads.add(threading.get_ident())
    with device.team() as team:
        team.run(work, 2)
    os._exit(len(threads))
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "2\n", done.stderr
