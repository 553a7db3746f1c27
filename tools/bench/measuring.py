"""The order of an evaluation: streams one after another, each in a process that starts with nothing compiled; then turns.

The processes of a case's streams stay alive. For its steady state they take turns, so that whatever else the machine does meets all
of them alike; between turns is a pause, in which the threads of the one before stop spinning.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from time import sleep, strftime
from typing import Any

from tools.bench.cases import Case
from tools.bench.contenders import CONTENDERS
from tools.bench.process import Process
from tools.bench.progress import Progress
from tools.bench.records import Key, Records, key

PAUSE_SECONDS = 0.1
ROUNDS, QUICK_ROUNDS = 15, 3
TURN_TIMEOUT = 120
GRACE_SECONDS = 120
"""What checking may take beyond the time that the calls may."""


@dataclass(frozen=True)
class Plan:
    """What is to be measured, and how."""

    cases: Sequence[Case]
    versions: Mapping[str, str]
    """Of the contenders that are measured, by name."""
    machine: str
    threads: int
    timeout: float
    quick: bool
    mindspore: str | None

    def key(self, kind: str, case: Case, contender: str) -> Key:
        return key(kind, case, contender, self.versions[contender], self.machine)

    def able(self, case: Case) -> list[str]:
        """The contenders that can express a case."""
        return [name for name in self.versions if case.can(CONTENDERS[name].library)]

    @property
    def steps(self) -> int:
        """Streams and steady states in all."""
        return sum(len(self.able(case)) + 1 for case in self.cases)


def measure(plan: Plan, records: Records, progress: Progress) -> None:
    """Measure what is not in the records yet, and add it."""
    for case in plan.cases:
        with ExitStack() as stack:
            processes: dict[str, Process] = {}
            for name in plan.able(case):
                _stream(plan, case, name, records, processes, stack, progress)
            _steady(plan, case, records, processes, stack, progress)


def _stream(
    plan: Plan,
    case: Case,
    name: str,
    records: Records,
    processes: dict[str, Process],
    stack: ExitStack,
    progress: Progress,
) -> None:
    """One contender over the shapes of a case."""
    at = plan.key("stream", case, name)
    what = f"{case.name}: {CONTENDERS[name].title}"
    if records.get(at) is not None:
        progress.end(what, measured=False)
        return
    progress.begin(what)
    process = _started(plan, case, name, stack)
    found = process.started
    if found["status"] == "ready":
        setup = found["setup_seconds"]
        found = process.ask({"do": "stream", "timeout": plan.timeout}, plan.timeout + GRACE_SECONDS)
        found = {**found, "setup_seconds": setup}
        if "seconds" in found:
            processes[name] = process
    _add(records, at, found)
    progress.end(f"{what}{_problem(found)}")


def _steady(
    plan: Plan, case: Case, records: Records, processes: dict[str, Process], stack: ExitStack, progress: Progress
) -> None:
    """All contenders of a case in turns; all of them again where one is missing, or their ratios would not be of one time."""
    names = [name for name in plan.able(case) if _goes_on(case, records.get(plan.key("stream", case, name)))]
    what = f"{case.name}: steady state"
    if all(records.get(plan.key("steady", case, name)) is not None for name in names):
        progress.end(what, measured=False)
        return
    progress.begin(what)
    calls: dict[str, int] = {}
    errors: dict[str, float] = {}
    for name in names:
        process = processes.get(name) or _started(plan, case, name, stack)
        found = process.started
        if found["status"] == "ready":
            found = process.ask({"do": "prepare"}, plan.timeout + GRACE_SECONDS)
        if found["status"] == "ok":
            processes[name], calls[name], errors[name] = process, found["calls"], found["error"]
        else:
            _add(records, plan.key("steady", case, name), found)
            progress.say(f"{what}: {CONTENDERS[name].title}{_problem(found)}")
    rounds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(QUICK_ROUNDS if plan.quick else ROUNDS):
        for name in list(rounds):
            sleep(PAUSE_SECONDS)
            found = processes[name].ask({"do": "turn"}, TURN_TIMEOUT)
            if "seconds" in found:
                rounds[name].append(found["seconds"])
            else:
                del rounds[name]
                _add(records, plan.key("steady", case, name), found)
    together = strftime("%Y-%m-%dT%H:%M:%S")
    for name, times in rounds.items():
        values = {"status": "ok", "seconds": median(times), "rounds": times, "calls": calls[name]}
        _add(records, plan.key("steady", case, name), {**values, "error": errors[name], "together": together})
    progress.end(what)


def _goes_on(case: Case, stream: Mapping[str, Any] | None) -> bool:
    """Whether a contender has a steady state: not after a wrong result, and not in a loop that it did not get through."""
    return stream is not None and (
        stream["status"] == "ok" or (stream["status"] == "timeout" and case.steady is not None)
    )


def _started(plan: Plan, case: Case, name: str, stack: ExitStack) -> Process:
    process = Process(CONTENDERS[name], case.name, plan.threads, plan.mindspore, quick=plan.quick)
    stack.callback(process.close)
    return process


def _add(records: Records, at: Key, found: Mapping[str, Any]) -> None:
    records.add(at, {**found, "time": strftime("%Y-%m-%dT%H:%M:%S")})


def _problem(found: Mapping[str, Any]) -> str:
    """What went wrong, to be put after what it went wrong with."""
    return "" if found["status"] == "ok" else f" ({found['status']}: {found.get('message', 'the time is up')})"
