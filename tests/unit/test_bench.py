"""dvm-bench: its command line, resuming, and the arithmetic of its tables. No time is asserted."""

import json
import sys
from collections.abc import Callable
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tools import dvm_bench
from tools.bench import measuring
from tools.bench.cases import CASES, Case, find
from tools.bench.contenders import CONTENDERS, Setup
from tools.bench.figures import figures, geometric_mean, ratio, summaries
from tools.bench.machine import digest, versions
from tools.bench.plots import draw
from tools.bench.process import Process
from tools.bench.records import Key, Records
from tools.bench.report import losses, metric_table, ratio_text, summary_table, value_text, write
from tools.bench.with_numexpr import TEXTS
from tools.bench.with_numpy import FUNCTIONS
from tools.bench.worker import Worker, WrongError, greatest_error
from vm.errors import DvmError

QUICK = ["--quick", "--only", "operator/add_row", "--contenders", "numpy", "--threads", "1"]


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "PAUSE_SECONDS", 0.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--only", "no-such-case"], "no case matches 'no-such-case': --list shows them"),
        (["--contenders", "numpy,tvm"], "there is no contender 'tvm', only dvm, dvm-lazy, eager,"),
        (["--contenders", ","], "--contenders names none"),
        (["--threads", "0"], "'0' is not positive"),
        (["--threads", "two"], "invalid _positive_int value: 'two'"),
        (["--timeout", "nan"], "'nan' is not positive"),
    ],
)
def test_wrong_usage_exits_with_2(options: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        dvm_bench.main(options)
    assert exit.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_an_output_that_is_no_folder_is_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert dvm_bench.main([*QUICK, "--output", str(tmp_path / "file")]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert dvm_bench.main(["--list", "--only", "subgraph/*", "--contenders", "numpy"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == sum(name.startswith("subgraph/") for name in CASES) + 2
    assert lines[-1] == f"numpy  NumPy: numpy {np.__version__}"


def test_what_is_measured_is_kept_and_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dvm_bench.main([*QUICK, "--output", str(tmp_path)]) == 0
    stream, steady = (json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines())
    assert (stream["kind"], stream["status"], len(stream["seconds"])) == ("stream", "ok", 4)
    assert (steady["kind"], steady["status"], len(steady["rounds"])) == ("steady", "ok", measuring.QUICK_ROUNDS)
    report = json.loads((tmp_path / "results.json").read_text())
    found = report["cases"]["operator/add_row"]["numpy"]
    assert found["total"] == pytest.approx(sum(stream["seconds"]))
    assert found["first"] == stream["seconds"][0]
    assert found["new_max"] == max(stream["seconds"][1:])
    assert found["new_median"] == pytest.approx(np.median(stream["seconds"][1:]))
    assert found["steady"] == pytest.approx(np.median(steady["rounds"]))
    assert "| add_row |" in (tmp_path / "results.md").read_text()
    assert "[2/2] operator/add_row: steady state" in capsys.readouterr().err


def test_a_run_goes_on_where_it_was_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[str, str]] = []

    class Counted(measuring.Process):
        def __init__(self, contender: Any, case: str, *others: Any, **named: Any) -> None:
            started.append((case, contender.name))
            super().__init__(contender, case, *others, **named)

    monkeypatch.setattr(measuring, "Process", Counted)
    options = ["--quick", "--contenders", "numpy", "--threads", "1", "--output", str(tmp_path)]
    path = tmp_path / "results.jsonl"
    assert dvm_bench.main([*options, "--only", "operator/add_row"]) == 0
    first = path.read_text()
    assert dvm_bench.main([*options, "--only", "operator/add"]) == 0
    assert started == [("operator/add_row", "numpy"), ("operator/add", "numpy")]
    whole = path.read_text()
    assert whole.startswith(first)
    path.write_text(whole[:-10])  # in the midst of the last line: a steady state
    assert dvm_bench.main([*options, "--only", "operator/add"]) == 0
    assert started[2:] == [("operator/add", "numpy")]
    lines = path.read_text().splitlines()
    assert lines[:3] == whole.splitlines()[:3]
    assert [json.loads(line)["kind"] for line in lines] == ["stream", "steady"] * 2
    assert dvm_bench.main([*options, "--only", "operator/add"]) == 0
    assert len(started) == 3
    report = json.loads((tmp_path / "results.json").read_text())
    assert list(report["cases"]) == ["operator/add", "operator/add_row"]


def test_rubbish_in_the_results_is_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "results.jsonl"
    for rubbish in ("{]\n", "[]\n", "{}\n"):
        path.write_text(rubbish)
        assert dvm_bench.main([*QUICK, "--output", str(tmp_path)]) == 1
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert str(path) in error
        assert path.read_text() == rubbish


def test_a_contender_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = [*QUICK[:-3], "numpy,mindspore", "--mindspore", str(tmp_path / "python"), "--output", str(tmp_path)]
    assert dvm_bench.main(options) == 0
    assert "MindSpore O0 is skipped: not found: --mindspore PYTHON names" in capsys.readouterr().err
    assert "- MindSpore O0: skipped, not found" in (tmp_path / "results.md").read_text()


def key(contender: str, *, kind: str = "stream", case: str = "operator/add", version: str = "1") -> Key:
    return Key(kind, case, "shapes", contender, version, "here")


def test_records_that_failed_are_tried_again(tmp_path: Path) -> None:
    records = Records(tmp_path / "results.jsonl")
    for status, again in (("ok", False), ("wrong", False), ("timeout", False), ("failed", True)):
        records.add(key(status), {"status": status})
        assert (records.get(key(status)) is None) == again
    assert records.get(key("ok", version="2")) is None
    assert len(Records(records.path).all()) == 4
    records.path.write_text('{"kind": "stream"}\n')
    with pytest.raises(DvmError, match="'case'"):
        Records(records.path)


def measured(tmp_path: Path) -> Records:
    records = Records(tmp_path / "results.jsonl")
    for case, contender, seconds, steady in (
        ("operator/add", "eager", [4.0, 1.0, 2.0, 6.0], 8.0),
        ("operator/add", "dvm", [2.0, 0.5, 0.5, 0.25], 2.0),
        ("operator/mul", "eager", [1.0, 1.0], 1.0),
        ("operator/mul", "dvm", [4.0, 4.0], 0.5),
    ):
        values = {"status": "ok", "seconds": seconds, "memory_peak": 2**20 * len(seconds)}
        records.add(key(contender, case=case), values)
        values = {"status": "ok", "seconds": steady, "rounds": [steady], "together": "then"}
        records.add(key(contender, kind="steady", case=case), values)
    records.add(key("inductor-static"), {"status": "timeout", "seconds": [700.0, 50.0]})
    records.add(key("numpy"), {"status": "wrong", "message": "error 1e+00 at [2]"})
    return records


SHAPES = {"operator/add": "shapes", "operator/mul": "shapes"}


def test_figures_and_ratios(tmp_path: Path) -> None:
    found = figures(measured(tmp_path).all(), "here", SHAPES)
    add = found["operator/add"]
    assert {name: add["eager"][name] for name in ("first", "new_median", "new_max", "total", "steady")} == {
        "first": 4.0,
        "new_median": 2.0,
        "new_max": 6.0,
        "total": 13.0,
        "steady": 8.0,
    }
    assert ratio(add, "total", "dvm", "eager") == 13.0 / 3.25
    assert ratio(add, "total", "inductor-static", "eager") is None
    assert add["inductor-static"]["more_than"] == 750.0
    rows = {(row.metric, row.contender, row.baseline): row for row in summaries(found)}
    row = rows["total", "dvm", "eager"]
    assert (row.cases, row.least, row.least_case, row.greatest) == (2, 0.25, "operator/mul", 4.0)
    assert row.mean == pytest.approx(1.0)
    assert rows["steady", "dvm", "eager"].mean == pytest.approx(8.0**0.5)
    assert rows["first", "dvm", "inductor-static"].mean == pytest.approx(350.0)
    assert ("total", "dvm", "inductor-static") not in rows
    assert not any(row.contender == "numpy" for row in rows.values())
    values = np.random.default_rng(0).uniform(0.01, 100, 9)
    assert geometric_mean(values) == pytest.approx(np.prod(values) ** (1 / 9))


def test_records_of_other_machines_shapes_and_versions_do_not_count(tmp_path: Path) -> None:
    records = measured(tmp_path)
    assert figures(records.all(), "there", SHAPES) == {}
    assert figures(records.all(), "here", {"operator/add": "other"}) == {}
    records.add(key("dvm", version="2"), {"status": "ok", "seconds": [1.0], "memory_peak": 1})
    found = figures(records.all(), "here", SHAPES)
    assert found["operator/add"]["dvm"]["total"] == 1.0
    assert "dvm" not in found["operator/mul"]


def test_tables(tmp_path: Path) -> None:
    records = measured(tmp_path)
    found = figures(records.all(), "here", SHAPES)
    from tools.bench.figures import METRICS

    metrics = {metric.name: metric for metric in METRICS}
    assert metric_table(found, metrics["total"]).splitlines() == [
        "|  | DVM, torch.compile | PyTorch eager | Inductor, static | NumPy |",
        "|---|---:|---:|---:|---:|",
        "| add | 3.25 s (4.00) | 13.0 s | > 750 s | wrong |",
        "| mul | 8.00 s (0.25) | 2.00 s | - | - |",
    ]
    values = {"status": "ok", "seconds": 1.0, "rounds": [1.0], "together": "later"}
    records.add(key("dvm", kind="steady"), values)
    found = figures(records.all(), "here", SHAPES)
    assert "| add | 1.00 s (8.00*) | 8.00 s |" in metric_table(found, metrics["steady"])
    machine: dict[str, str] = dict.fromkeys(("processor", "cpus", "memory", "system", "threads", "python"), "-")
    paths = write(tmp_path, found, machine, {"numexpr": "numexpr is not installed"}, "Evaluation")
    text = paths[1].read_text()
    assert "- numexpr: skipped, numexpr is not installed" in text
    assert "- operator/add, NumPy: wrong error 1e+00 at [2]" in text
    assert "- operator/add, Inductor, static: timeout 2 shapes done" in text
    assert "measured at another time than eager" in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (1.234e-6, "1.23 us"),
        (9.996e-4, "1,000 us"),
        (1e-3, "1.00 ms"),
        (0.0456, "45.6 ms"),
        (1.0, "1.00 s"),
        (9999.0, "9,999 s"),
    ],
)
def test_figures_are_short(seconds: float | None, text: str) -> None:
    assert value_text(seconds, "s") == text


def test_ratios_are_short() -> None:
    assert [ratio_text(value) for value in (2e-5, 0.00412, 0.0949, 0.996, 9.94, 12.34, 1234.5)] == [
        "2e-05",
        "0.0041",
        "0.095",
        "1.00",
        "9.94",
        "12.3",
        "1,234",
    ]
    assert value_text(3 * 2**20, "B") == "3 MiB"


def test_greatest_error() -> None:
    one = np.array([1.0, 3.0])
    assert greatest_error([one], [np.array([1.0, 1.0])]) == 1.0
    assert greatest_error([one], [one, one]) == inf
    assert greatest_error([one], [one[None]]) == inf
    assert greatest_error([np.array([nan, 3.0])], [one]) == inf
    assert greatest_error([np.empty((0, 2))], [np.empty((0, 2))]) == 0.0


class Altered(Setup):
    """NumPy, with a second shape whose result is not right."""

    def make(self) -> Callable[..., Any]:
        second = self.case.stream[1]
        return lambda x: np.exp(x) + (0.01 if x.shape == second else 0.0)


def test_a_wrong_result_is_not_timed() -> None:
    worker = Worker(Altered(find("operator/exp").quick(), 1))
    with pytest.raises(WrongError, match=r"error .*e-03 at \[30, 93\]"):
        worker.stream(100.0, lambda answer: None)


def test_a_stream_stops_at_the_time_limit() -> None:
    worker = Worker(CONTENDERS["numpy"].setup(find("operator/exp"), 1))
    found = worker.stream(0.0, lambda answer: None)
    assert (found["status"], len(found["seconds"])) == ("timeout", 1)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_cases_are_whole(case: Case) -> None:
    """Shapes are distinct, inputs the same each time, and NumPy agrees with itself in float64."""
    assert len(set(case.stream)) == len(case.stream)
    assert case.steady is not None
    for one, two in zip(case.inputs(case.stream[3]), case.inputs(case.stream[3]), strict=True):
        assert np.array_equal(one, two)
    assert case.can("torch")
    assert case.can("numexpr") == (case.name in TEXTS)
    if case.can("numpy"):
        assert case.name in FUNCTIONS
        found = Worker(CONTENDERS["numpy"].setup(case.quick(), 1)).stream(100.0, lambda answer: None)
        assert found["status"] == "ok"


def test_versions() -> None:
    assert versions(CONTENDERS["numpy"], None) == f"numpy {np.__version__}"
    assert versions(CONTENDERS["mindspore"], "/no/such/python") is None
    assert digest([(1, 2)]) == digest([[1, 2]]) != digest([[2, 1]])


def test_where_dvm_is_slower(tmp_path: Path) -> None:
    records = measured(tmp_path)
    found = figures(records.all(), "here", SHAPES)
    assert losses(found) == [("new_median", "dvm", "eager", "operator/mul", 0.25)]
    text = summary_table(summaries(found), "operator", "eager").splitlines()
    assert text[2].startswith(
        "| DVM, torch.compile | **0.71** (0.25 to 2.00, 2 cases) | **1.00** (0.25 to 4.00, 2 cases) |"
    )
    assert text[3].startswith("| Inductor, static | 0.0057 (1 case) | 0.040 (1 case) |")


def test_plots_need_matplotlib(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.backends.backend_agg", None)
    assert dvm_bench.main([*QUICK, "--output", str(tmp_path)]) == 0
    captured = capsys.readouterr()
    assert "no plots: matplotlib is not installed" in captured.err
    assert "0 plots" in captured.out


def test_plots(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    found = figures(measured(tmp_path).all(), "here", SHAPES)
    found["model/add"] = found["operator/add"]
    names = {path.name for path in draw(tmp_path, found)}
    assert {"steady_operator.png", "total_operator.png", "stream_add.png"} <= names
    assert all((tmp_path / name).read_bytes().startswith(b"\x89PNG") for name in names)


def test_a_process_that_dies_is_a_failure(tmp_path: Path) -> None:
    """With the last line that it printed."""
    interpreter = tmp_path / "python"
    interpreter.write_text("#!/bin/sh\necho no such luck >&2\nexit 3\n")
    interpreter.chmod(0o755)
    process = Process(CONTENDERS["mindspore"], "operator/add", 1, str(interpreter), quick=True)
    process.close()
    assert process.started == {"status": "failed", "message": "the process ended (3): no such luck"}
