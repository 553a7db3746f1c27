"""What is written of an evaluation: `results.json`, with every figure, and `results.md`, with the tables."""

import json
from collections.abc import Mapping, Sequence
from math import floor, log10
from pathlib import Path
from typing import Any

from tools.bench.contenders import CONTENDERS
from tools.bench.figures import BASELINES, METRICS, Figures, Metric, Summary, ratio, summaries
from vm.files import replacing

KINDS = {"operator": "Operators", "subgraph": "Subgraphs", "model": "Models", "all": "Everything"}

OURS = ("dvm", "dvm-lazy")

READING = """\
Times are wall-clock time. Ratios, in parentheses and in the summaries, say how many times as fast as the baseline a contender
is (of memory: how many times as small): above 1 it is better, below 1 worse. A summary gives the geometric mean, the least and
the greatest; of which cases those are is in results.json. `-` is what was not measured, because the contender
cannot express the case or is not there; `> t` is a stream that was cut at the time limit after t, and counts in no mean.
"""


def value_text(value: float | None, unit: str) -> str:
    """A figure with three digits and a unit that suits it."""
    if value is None:
        return "-"
    if unit == "B":
        return f"{value / 2**20:,.0f} MiB"
    for limit, factor, name in ((1e-3, 1e6, "us"), (1.0, 1e3, "ms")):
        if value < limit:
            return f"{_digits(value * factor)} {name}"
    return f"{_digits(value)} s"


def _digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 99.95 else f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"


def ratio_text(value: float) -> str:
    """A ratio with two or three digits."""
    if value < 0.095:
        return f"{value:.1g}" if value < 1e-4 else f"{value:.{1 - floor(log10(value))}f}"
    return f"{value:,.0f}" if value >= 99.95 else f"{value:.1f}" if value >= 9.95 else f"{value:.2f}"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, numbers to the right."""
    lines = ["| " + " | ".join(heads) + " |", "|---|" + "---:|" * (len(heads) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def _cell(of_case: Figures, contender: str, metric: Metric) -> str:
    mine = of_case.get(contender)
    if mine is None:
        return "-"
    if mine["status"] in ("wrong", "failed"):
        return mine["status"]
    if metric.name == "total" and "more_than" in mine:
        return f"> {value_text(mine['more_than'], 's')}"
    if metric.name == "steady" and mine.get("steady_status") in ("wrong", "failed", "timeout"):
        return mine["steady_status"]
    text = value_text(mine.get(metric.name), metric.unit)
    found = ratio(of_case, metric.name, contender, "eager")
    if found is None or contender == "eager":
        return text
    apart = metric.name == "steady" and mine["together"] != of_case["eager"]["together"]
    return f"{text} ({ratio_text(found)}{'*' if apart else ''})"


def metric_table(found: Mapping[str, Figures], metric: Metric) -> str:
    """Cases by contenders, each figure with its ratio to eager."""
    names = [name for name in CONTENDERS if any(name in of_case for of_case in found.values())]
    rows = [[case.split("/")[1], *(_cell(of_case, name, metric) for name in names)] for case, of_case in found.items()]
    return table(["", *(CONTENDERS[name].title for name in names)], rows)


def summary_table(rows: Sequence[Summary], kind: str, baseline: str) -> str:
    """Contenders by metrics against one baseline: geometric mean, extremes, and of how many cases."""
    chosen = {(row.contender, row.metric): row for row in rows if (row.kind, row.baseline) == (kind, baseline)}
    names = [name for name in CONTENDERS if any(name == contender for contender, _ in chosen)]
    return table(
        ["", *(metric.title for metric in METRICS)],
        [
            [CONTENDERS[name].title, *(_summary_cell(chosen.get((name, metric.name))) for metric in METRICS)]
            for name in names
        ],
    )


def _summary_cell(row: Summary | None) -> str:
    if row is None:
        return "-"
    if row.cases == 1:
        return f"{ratio_text(row.mean)} (1 case)"
    return f"**{ratio_text(row.mean)}** ({ratio_text(row.least)} to {ratio_text(row.greatest)}, {row.cases} cases)"


def losses(found: Mapping[str, Figures]) -> list[tuple[str, str, str, str, float]]:
    """Metric, contender, baseline, case and ratio wherever DVM is slower in steady state or at a new shape; the worst first."""
    result = [
        (metric, name, baseline, case, value)
        for metric in ("steady", "new_median")
        for case, of_case in found.items()
        for name in OURS
        for baseline in BASELINES
        if (value := ratio(of_case, metric, name, baseline)) is not None and value < 1
    ]
    return sorted(result, key=lambda row: (row[0] != "steady", row[4]))


def _losses_table(rows: Sequence[tuple[str, str, str, str, float]]) -> str:
    titles = {metric.name: metric.title for metric in METRICS}
    return table(
        ["Figure", "Case", "Contender", "Slower than", "Times as fast"],
        [
            [titles[metric], case, CONTENDERS[name].title, CONTENDERS[baseline].title, ratio_text(value)]
            for metric, name, baseline, case, value in rows
        ],
    )


def markdown(found: Mapping[str, Figures], machine: Mapping[str, Any], missing: Mapping[str, str], title: str) -> str:
    """The whole report; `missing` says why contenders are not there, by name."""
    parts = [f"# {title}", _machine_text(found, machine, missing), READING.strip()]
    rows = summaries(found)
    for kind, heading in KINDS.items():
        of_kind = {case: one for case, one in found.items() if case.split("/")[0] == kind}
        if not of_kind and not any(row.kind == kind for row in rows):
            continue
        parts.append(f"## {heading}")
        for baseline in BASELINES:
            if any((row.kind, row.baseline) == (kind, baseline) for row in rows):
                parts += [
                    f"### {heading}: how many times as fast as {CONTENDERS[baseline].title}",
                    summary_table(rows, kind, baseline),
                ]
        for metric in METRICS if of_kind else ():
            compared = "small" if metric.unit == "B" else "fast"
            parts.append(f"### {heading}: {metric.title.lower()} (and times as {compared} as eager)")
            parts.append(metric_table(of_kind, metric))
    if slower := losses(found):
        parts += ["## Where DVM is slower", _losses_table(slower)]
    if problems := _problems(found):
        parts += ["## What went wrong", problems]
    return "\n\n".join(parts) + "\n"


def _machine_text(found: Mapping[str, Figures], machine: Mapping[str, Any], missing: Mapping[str, str]) -> str:
    lines = [
        f"- {machine['processor']}, {machine['cpus']} CPUs, {machine['memory']} of memory, {machine['system']}",
        f"- {machine['threads']} threads, Python {machine['python']}",
    ]
    for name, contender in CONTENDERS.items():
        version = next((one[name]["version"] for one in found.values() if name in one), None)
        if version is not None:
            lines.append(f"- {contender.title}: {version}")
    lines += [f"- {CONTENDERS[name].title}: skipped, {why}" for name, why in missing.items()]
    if any("*" in _cell(one, name, METRICS[4]) for one in found.values() for name in one):
        lines.append("- `*`: measured at another time than eager, not in turns with it")
    return "\n".join(lines)


def _problems(found: Mapping[str, Figures]) -> str:
    lines: list[str] = []
    for case, of_case in found.items():
        for name, mine in of_case.items():
            for what, status, message in (
                ("", mine["status"], mine.get("message", "")),
                (", steady state", mine.get("steady_status", "ok"), mine.get("steady_message", "")),
            ):
                if status != "ok":
                    done = f"{mine['shapes_done']} shapes done" if status == "timeout" and not what else ""
                    lines.append(f"- {case}, {CONTENDERS[name].title}{what}: {status} {message or done}".rstrip())
    return "\n".join(lines)


def write(
    folder: Path, found: Mapping[str, Figures], machine: Mapping[str, Any], missing: Mapping[str, str], title: str
) -> list[Path]:
    """Write `results.json` and `results.md` into a folder; gives their paths."""
    whole = {
        "machine": dict(machine),
        "missing": dict(missing),
        "cases": found,
        "ratios": [row.__dict__ for row in summaries(found)],
    }
    texts = {"results.json": json.dumps(whole, indent=1) + "\n", "results.md": markdown(found, machine, missing, title)}
    for name, text in texts.items():
        with replacing(folder / name) as file:
            file.write(text.encode())
    return [folder / name for name in texts]
