"""Plots of an evaluation, as PNG, with matplotlib."""

from collections.abc import Mapping
from importlib import import_module
from itertools import accumulate
from pathlib import Path
from typing import Any

from tools.bench.contenders import CONTENDERS
from tools.bench.figures import Figures, ratio

COLOURS = {
    "dvm": "#d62728",
    "dvm-lazy": "#ff9896",
    "eager": "#7f7f7f",
    "inductor-static": "#1f77b4",
    "inductor-dynamic": "#aec7e8",
    "mindspore": "#2ca02c",
    "numexpr": "#9467bd",
    "numpy": "#8c564b",
}

RATIOS = {
    "steady": "Steady state, times as fast as eager",
    "total": "Stream with all compiling, times as fast as eager",
    "first": "First result, times as fast as eager",
}


def draw(folder: Path, found: Mapping[str, Figures]) -> list[Path]:
    """Draw all plots into a folder; gives their paths. Raises ImportError where matplotlib is not installed."""
    make_canvas: Any = import_module("matplotlib.backends.backend_agg").FigureCanvasAgg
    make_figure: Any = import_module("matplotlib.figure").Figure

    def saved(figure: Any, name: str) -> Path:
        path = folder / name
        make_canvas(figure)
        figure.savefig(path, dpi=120, bbox_inches="tight")
        return path

    paths: list[Path] = []
    for kind in dict.fromkeys(case.split("/")[0] for case in found):
        of_kind = {case: one for case, one in found.items() if case.split("/")[0] == kind}
        for metric, title in RATIOS.items():
            figure = make_figure(figsize=(max(6.0, 1.1 * len(of_kind)), 4))
            if _bars(figure.subplots(), of_kind, metric, f"{kind}: {title}"):
                paths.append(saved(figure, f"{metric}_{kind}.png"))
    for case, of_case in found.items():
        if case.startswith("model/"):
            figure = make_figure(figsize=(7, 4))
            _stream(figure.subplots(), case, of_case)
            paths.append(saved(figure, f"stream_{case.split('/')[1]}.png"))
    return paths


def _bars(axes: Any, found: Mapping[str, Figures], metric: str, title: str) -> bool:
    """A group of bars for each case, on a logarithmic axis; whether there are any."""
    ratios = {
        name: {
            place: value
            for place, of_case in enumerate(found.values())
            if (value := ratio(of_case, metric, name, "eager")) is not None
        }
        for name in CONTENDERS
        if name != "eager"
    }
    shown = {name: values for name, values in ratios.items() if values}
    width = 0.8 / max(len(shown), 1)
    for number, (name, values) in enumerate(shown.items()):
        places = [place + (number - (len(shown) - 1) / 2) * width for place in values]
        heights = [value - 1 for value in values.values()]
        axes.bar(places, heights, width, bottom=1, color=COLOURS[name], label=CONTENDERS[name].title)
    _logarithmic(axes)
    axes.axhline(1, color=COLOURS["eager"], linewidth=1)
    axes.set_xticks(range(len(found)), [case.split("/")[1] for case in found], rotation=30, ha="right")
    axes.set_title(title)
    if shown:
        axes.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return bool(shown)


def _stream(axes: Any, case: str, of_case: Figures) -> None:
    """The time since the beginning after each shape."""
    for name, mine in of_case.items():
        if mine.get("seconds"):
            seconds: list[float] = mine["seconds"]
            times = list(accumulate(seconds))
            axes.plot(range(1, len(times) + 1), times, color=COLOURS[name], label=CONTENDERS[name].title)
    _logarithmic(axes)
    axes.set_xlabel("shapes")
    axes.set_ylabel("seconds since the beginning")
    axes.set_title(case)
    axes.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _logarithmic(axes: Any) -> None:
    """With figures such as 0.2 rather than powers of ten."""
    make_formatter: Any = import_module("matplotlib.ticker").LogFormatter
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(make_formatter())
    axes.yaxis.set_minor_formatter(make_formatter())
