"""dvm-bench: DVM beside PyTorch eager, TorchInductor, MindSpore, numexpr and NumPy on operators, subgraphs and models.

It measures what is not in the results of the output folder yet, and writes tables, figures and plots of all that is there.
"""

import argparse
import os
import signal
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from threading import current_thread, main_thread
from typing import Any

from tools.bench.cases import Case, all_cases
from tools.bench.contenders import CONTENDERS
from tools.bench.figures import Figures, figures
from tools.bench.machine import digest, machine, versions
from tools.bench.measuring import Plan, measure
from tools.bench.plots import draw
from tools.bench.progress import Progress
from tools.bench.records import Records
from tools.bench.report import write
from tools.command import run

EPILOG = """\
In the output folder:
  results.jsonl   what was measured, a line each; a run that was cut goes on after the last
  results.json    all figures, and the geometric means and extremes of their ratios
  results.md      the same as tables
  *.png           the same as plots, where matplotlib is installed

examples:
  dvm-bench --list
  dvm-bench --quick --only 'subgraph/*' --contenders dvm,dvm-lazy,eager
  dvm-bench --mindspore ~/mindspore/bin/python --output results
"""


def main(args: Sequence[str] | None = None) -> int:
    """The tool; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="dvm-bench",
        description="Measure DVM beside PyTorch eager, TorchInductor, MindSpore, numexpr and NumPy.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--list", action="store_true", help="show the cases and the contenders, and measure nothing")
    parser.add_argument(
        "--only", action="append", default=[], metavar="PATTERN", help="cases whose name has this in it, or matches it"
    )
    parser.add_argument("--contenders", metavar="A,B", help=f"of {', '.join(CONTENDERS)}; all by default")
    parser.add_argument("--quick", action="store_true", help="few shapes and rounds: to see that it works")
    parser.add_argument("--output", default="dvm-bench-results", metavar="DIR", help="the folder (default %(default)s)")
    parser.add_argument("--threads", type=_positive_int, metavar="N", help="of each contender (default: one a CPU)")
    parser.add_argument(
        "--timeout", type=_positive, default=600.0, metavar="S", help="seconds for one stream (default %(default)g)"
    )
    parser.add_argument(
        "--mindspore",
        metavar="PYTHON",
        help="the interpreter of an environment with MindSpore (see docs/evaluation.md)",
    )
    options = parser.parse_args(args)
    cases = _chosen_cases(parser, options.only)
    names = _chosen_contenders(parser, options.contenders)
    if options.list:
        return run("dvm-bench", lambda: _list(cases, names, options))
    try:
        with _orderly():
            return run("dvm-bench", lambda: _bench(cases, names, options))
    except KeyboardInterrupt as cut:
        print("\ndvm-bench: interrupted; the same command goes on from here", file=sys.stderr)
        return 128 + (cut.args[0] if cut.args else signal.SIGINT)


@contextmanager
def _orderly() -> Generator[None]:
    """Have SIGTERM end the contenders' processes and remove their files, as an interrupt from the keyboard does."""
    if current_thread() is not main_thread():
        yield
        return

    def end(number: int, _: object) -> None:
        raise KeyboardInterrupt(number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _positive_int(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not positive")
    return value


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"'{text}' is not positive")
    return value


def _chosen_cases(parser: argparse.ArgumentParser, patterns: Sequence[str]) -> list[Case]:
    cases = all_cases()
    chosen: set[str] = set()
    for pattern in patterns:
        found = {name for name in cases if pattern in name or fnmatchcase(name, pattern)}
        if not found:
            parser.error(f"no case matches '{pattern}': --list shows them")
        chosen |= found
    return [case for name, case in cases.items() if not patterns or name in chosen]


def _chosen_contenders(parser: argparse.ArgumentParser, text: str | None) -> list[str]:
    if text is None:
        return list(CONTENDERS)
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in CONTENDERS:
            parser.error(f"there is no contender '{name}', only {', '.join(CONTENDERS)}")
    if not names:
        parser.error("--contenders names none")
    return [name for name in CONTENDERS if name in names]


def _present(names: Sequence[str], mindspore: str | None) -> tuple[dict[str, str], dict[str, str]]:
    """The versions of the contenders that are there, and why the others are not."""
    found: dict[str, str] = {}
    missing: dict[str, str] = {}
    for name in names:
        version = versions(CONTENDERS[name], mindspore)
        if version is not None:
            found[name] = version
        elif name == "mindspore":
            missing[name] = "not found: --mindspore PYTHON names an environment that has it"
        else:
            missing[name] = f"{CONTENDERS[name].library} is not installed"
    return found, missing


def _list(cases: Sequence[Case], names: Sequence[str], options: argparse.Namespace) -> None:
    width = max(len(case.name) for case in cases)
    for case in cases:
        print(f"{case.name:<{width}}  {case.about}")
    print()
    found, missing = _present(names, options.mindspore)
    width = max(map(len, names))
    for name in names:
        print(f"{name:<{width}}  {CONTENDERS[name].title}: {found.get(name) or missing[name]}")


def _bench(cases: Sequence[Case], names: Sequence[str], options: argparse.Namespace) -> None:
    found, missing = _present(names, options.mindspore)
    for name, why in missing.items():
        print(f"dvm-bench: {CONTENDERS[name].title} is skipped: {why}", file=sys.stderr)
    folder = Path(options.output)
    folder.mkdir(parents=True, exist_ok=True)
    described = machine(options.threads or _cpus())
    if options.quick:
        cases = [case.quick() for case in cases]
    interpreter = os.path.abspath(os.path.expanduser(options.mindspore)) if options.mindspore else None
    plan = Plan(cases, found, digest(described), described["threads"], options.timeout, options.quick, interpreter)
    records = Records(folder / "results.jsonl")
    progress = Progress(plan.steps)
    try:
        measure(plan, records, progress)
    finally:
        progress.close()
        _write(folder, records, plan, described, missing)


def _cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _write(
    folder: Path, records: Records, plan: Plan, described: Mapping[str, Any], missing: Mapping[str, str]
) -> None:
    """The report of all that the folder has for this machine and these settings, measured now or before."""
    everything = [case.quick() if plan.quick else case for case in all_cases().values()]
    shapes = {case.name: digest([case.stream, case.steady]) for case in everything}
    found: dict[str, Figures] = figures(records.all(), plan.machine, shapes)
    present = {name for of_case in found.values() for name in of_case}
    absent = {name: why for name, why in missing.items() if name not in present}
    title = "Evaluation (quick: too short to go by)" if plan.quick else "Evaluation"
    paths = write(folder, found, described, absent, title)
    try:
        paths += draw(folder, found)
    except ImportError:
        print("dvm-bench: no plots: matplotlib is not installed (pip install 'dvm-compiler[bench]')", file=sys.stderr)
    print(f"dvm-bench: wrote {', '.join(path.name for path in paths[:2])} and {len(paths) - 2} plots in {folder}")


if __name__ == "__main__":
    raise SystemExit(main())
