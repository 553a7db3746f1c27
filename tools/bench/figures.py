"""The figures that follow from the records, and their ratios."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log
from statistics import median
from typing import Any

from tools.bench.contenders import CONTENDERS
from tools.bench.records import Record


@dataclass(frozen=True)
class Metric:
    """One of the figures of a case and a contender. Less is better, always."""

    name: str
    title: str
    unit: str
    """s or B."""


METRICS = (
    Metric("first", "Time to first result", "s"),
    Metric("new_median", "Time for a new shape, median", "s"),
    Metric("new_max", "Time for a new shape, greatest", "s"),
    Metric("total", "Total for the stream, with all compiling", "s"),
    Metric("steady", "Steady state", "s"),
    Metric("memory_peak", "Peak memory of the process", "B"),
)

BASELINES = ("eager", "inductor-dynamic", "inductor-static")
"""What the ratios are to."""

Figures = dict[str, dict[str, Any]]
"""Of a case, by contender: metrics by name, `status`, and what else the records have."""


@dataclass(frozen=True)
class Summary:
    """The ratios of a metric, baseline to contender, over the cases that both have: how many times as fast (or as small)."""

    kind: str
    metric: str
    contender: str
    baseline: str
    cases: int
    mean: float
    """The geometric mean."""
    least: float
    least_case: str
    greatest: float
    greatest_case: str


def figures(records: Sequence[Record], machine: str, shapes: Mapping[str, str]) -> dict[str, Figures]:
    """By case and contender, from records of one machine.

    `shapes` has the digest of the shapes of each case. Of a contender only the version counts that was measured last.
    """
    wanted = [one for one in records if one["machine"] == machine and shapes.get(one["case"]) == one["shapes"]]
    latest = {one["contender"]: one["version"] for one in wanted}
    found: dict[str, Figures] = {}
    for case in shapes:
        of_case: Figures = {}
        for name in CONTENDERS:
            mine = {
                one["kind"]: one
                for one in wanted
                if (one["case"], one["contender"]) == (case, name) and one["version"] == latest[name]
            }
            if "stream" in mine:
                of_case[name] = _figures_of(mine["stream"], mine.get("steady"))
        if of_case:
            found[case] = of_case
    return found


def _figures_of(stream: Record, steady: Record | None) -> dict[str, Any]:
    seconds: list[float] = stream.get("seconds", [])
    found: dict[str, Any] = {"status": stream["status"], "version": stream["version"], "shapes_done": len(seconds)}
    for name in ("message", "error", "setup_seconds", "memory_before", "children_peak", "graphs"):
        if name in stream:
            found[name] = stream[name]
    if seconds:
        found["seconds"] = seconds
        found["first"] = seconds[0]
    if len(seconds) > 1:
        found["new_median"], found["new_max"] = median(seconds[1:]), max(seconds[1:])
    if stream["status"] == "ok":
        found["total"], found["memory_peak"] = sum(seconds), stream["memory_peak"]
    elif stream["status"] == "timeout":
        found["more_than"] = sum(seconds)
    if steady is not None:
        found["steady_status"] = steady["status"]
        if steady["status"] == "ok":
            found["steady"], found["steady_rounds"] = steady["seconds"], steady["rounds"]
            found["together"] = steady["together"]
        else:
            found["steady_message"] = steady.get("message", "")
    return found


def geometric_mean(values: Iterable[float]) -> float:
    """Of positive numbers, of which there is one at least."""
    logarithms = [log(value) for value in values]
    return exp(sum(logarithms) / len(logarithms))


def ratio(of_case: Figures, metric: str, contender: str, baseline: str) -> float | None:
    """How many times the contender's figure goes into the baseline's; None where one is missing or nothing."""
    mine, theirs = (of_case.get(name, {}).get(metric) for name in (contender, baseline))
    return theirs / mine if mine and theirs else None


def summaries(found: Mapping[str, Figures], baselines: Sequence[str] = BASELINES) -> list[Summary]:
    """For every kind of case, metric, baseline and contender that have a case in common; and for all kinds, as `all`."""
    kinds = list(dict.fromkeys(case.split("/")[0] for case in found))
    result: list[Summary] = []
    for kind in [*kinds, *(["all"] if len(kinds) > 1 else [])]:
        cases = {case: of_case for case, of_case in found.items() if kind in ("all", case.split("/")[0])}
        for metric in METRICS:
            for baseline in baselines:
                for contender in CONTENDERS:
                    ratios = {
                        case: value
                        for case, of_case in cases.items()
                        if (value := ratio(of_case, metric.name, contender, baseline)) is not None
                    }
                    if ratios and contender != baseline:
                        result.append(_summary(kind, metric.name, contender, baseline, ratios))
    return result


def _summary(kind: str, metric: str, contender: str, baseline: str, ratios: Mapping[str, float]) -> Summary:
    least, greatest = min(ratios, key=lambda case: ratios[case]), max(ratios, key=lambda case: ratios[case])
    return Summary(
        kind,
        metric,
        contender,
        baseline,
        len(ratios),
        geometric_mean(ratios.values()),
        ratios[least],
        least,
        ratios[greatest],
        greatest,
    )
