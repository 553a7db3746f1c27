"""dvm-bench on PyTorch: DVM and eager from the command line to the report, and the models. No time is asserted."""

import json
from pathlib import Path

import pytest

from tools import dvm_bench
from tools.bench import measuring
from tools.bench.cases import CASES, all_cases, find
from tools.bench.contenders import CONTENDERS
from tools.bench.models import MODELS
from tools.bench.with_torch import FUNCTIONS, MODULES
from tools.bench.worker import Worker


def test_dvm_beside_eager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "PAUSE_SECONDS", 0.0)
    options = ["--quick", "--only", "subgraph/rotary", "--contenders", "dvm,dvm-lazy,eager", "--threads", "1"]
    assert dvm_bench.main([*options, "--output", str(tmp_path)]) == 0
    report = json.loads((tmp_path / "results.json").read_text())
    found = report["cases"]["subgraph/rotary"]
    assert {name: (one["status"], one["steady_status"]) for name, one in found.items()} == dict.fromkeys(
        ("dvm", "dvm-lazy", "eager"), ("ok", "ok")
    )
    assert found["dvm"]["graphs"] == 1
    assert all(one["first"] > 0 and one["error"] < 1e-4 and one["memory_peak"] > 0 for one in found.values())
    assert {row["baseline"] for row in report["ratios"]} == {"eager"}


def test_every_case_is_there() -> None:
    assert set(CASES) == {*FUNCTIONS, *MODULES}
    assert all_cases().keys() - CASES.keys() == {
        *(f"model/{name}" for name in MODELS),
        "model/decode_gpt2",
        "model/decode_llama",
    }


@pytest.fixture
def gradients():
    """As they were: contenders turn them off, in processes of their own."""
    import torch

    enabled, threads = torch.is_grad_enabled(), torch.get_num_threads()
    yield
    torch.set_grad_enabled(enabled)
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("gradients")
@pytest.mark.parametrize("name", [name for name in all_cases() if name.split("/")[0] != "operator"])
def test_eager_is_right(name: str) -> None:
    """Against NumPy in float64; of the other models, against themselves in float64."""
    worker = Worker(CONTENDERS["eager"].setup(find(name).quick(), 1))
    found = worker.stream(100.0, lambda answer: None)
    assert (found["status"], len(found["seconds"])) == ("ok", len(find(name).quick().stream))
