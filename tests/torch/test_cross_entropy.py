"""The cross entropy of logits, which is taken whole, against PyTorch in float64, and what of it is left to PyTorch."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install '.[torch]'")

from dvm.frontends.torch.backend import Report, backend  # noqa: E402
from tests.torch.ways import Way, both, lazily  # noqa: E402

functional = torch.nn.functional


IGNORED = -100


def logits(*shape: int, kind: Any = None) -> Any:
    return (torch.randn(*shape, generator=torch.Generator().manual_seed(0)) * 3).to(kind or torch.float32)


def targets(count: int, classes: int, *ignored: int) -> Any:
    found = torch.randint(0, classes, (count,), generator=torch.Generator().manual_seed(1))
    found[list(ignored)] = IGNORED
    return found


@both
@pytest.mark.parametrize("gradients", [False, True])
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("kind", [torch.float32, torch.float16, torch.bfloat16])
def test_rows(way: Way, gradients: bool, reduction: str, kind: Any) -> None:
    """With gradients, through AOT autograd or its operations one by one; without, whole."""
    x, target = logits(7, 5, kind=kind), targets(7, 5, 2)
    expected = functional.cross_entropy(x.double(), target, reduction=reduction)
    with torch.set_grad_enabled(gradients):
        x.requires_grad_(gradients)
        found = way(lambda x, target: functional.cross_entropy(x, target, reduction=reduction))(x, target)
    assert found.dtype is kind
    assert found.requires_grad is gradients
    bound = 2 * torch.finfo(kind).eps
    torch.testing.assert_close(found.detach().double(), expected, rtol=bound, atol=bound * expected.abs().max().item())


@both
@pytest.mark.parametrize(
    ("x", "target"),
    [
        (logits(5), torch.tensor(3)),
        (logits(1, 5), targets(1, 5)),
        (logits(6, 1), targets(6, 1)),
        (logits(1, 1), targets(1, 1)),
        (logits(0, 5), targets(0, 5)),
        (logits(5, 9).t(), targets(9, 5, 0, 8)),
        (logits(9, 10)[::2, ::2], targets(5, 5)),
        (logits(1, 5).expand(4, 5), targets(4, 5)),
        (logits(3, 5), targets(3, 5, 0, 1, 2)),
        (logits(3, 5) * 1e4, targets(3, 5)),
        (torch.full((2, 3), float("-inf")), targets(2, 3)),
        (torch.tensor([[0.0, float("-inf"), 1.0], [float("nan"), 0.0, 1.0]]), torch.tensor([1, IGNORED])),
        (logits(300, 1000), targets(300, 1000)),
    ],
    ids=lambda one: str(list(one.shape)),
)
def test_shapes_layouts_and_extremes(way: Way, x: Any, target: Any) -> None:
    expected = functional.cross_entropy(x.double(), target).float()
    with torch.no_grad():
        found = way(functional.cross_entropy)(x, target)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6, equal_nan=True)


@both
@pytest.mark.parametrize(
    "function",
    [
        lambda x: functional.cross_entropy(x, target=targets(6, 5), ignore_index=2, reduction="sum"),
        lambda x: functional.cross_entropy(input=x, target=targets(6, 5)),
        lambda x: functional.cross_entropy(x, targets(6, 5), weight=torch.arange(5.0)),
        lambda x: functional.cross_entropy(x, targets(6, 5), label_smoothing=0.1),
        lambda x: functional.cross_entropy(x, x.softmax(-1)),
        lambda x: functional.cross_entropy(x.reshape(2, 5, 3), targets(6, 5).reshape(2, 3)),
        lambda x: torch.nn.CrossEntropyLoss()(x, targets(6, 5)) * 2,
        lambda x: functional.cross_entropy(x * 2, targets(6, 5)) + x.log_softmax(-1).sum(),
        lambda x: functional.cross_entropy(x.double(), targets(6, 5)),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_arguments(way: Way, function: Callable[[Any], Any]) -> None:
    x = logits(6, 5)
    with torch.no_grad():
        torch.testing.assert_close(way(function)(x), function(x))


@both
@pytest.mark.parametrize(
    "function",
    [
        lambda x: functional.cross_entropy(x, targets(6, 5), reduction="median"),
        lambda x: functional.cross_entropy(x, targets(5, 5)),
        lambda x: functional.cross_entropy(x, targets(6, 5).int()),
        lambda x: functional.cross_entropy(x.long(), targets(6, 5)),
        lambda x: functional.cross_entropy(x, targets(6, 5) + 4),
    ],
)
def test_errors_are_those_of_eager_mode(way: Way, function: Callable[[Any], Any]) -> None:
    """Where PyTorch takes one of these, or compiling fails, for whatever reason, that is an error of another type."""
    x = logits(6, 5)
    with pytest.raises(Exception) as expected:  # noqa: PT011 - which one is what is found out
        function(x)
    kinds = (type(expected.value),) if way is lazily else (type(expected.value), torch._dynamo.exc.TorchRuntimeError)
    with pytest.raises(kinds), torch.no_grad():
        way(function)(x)


def test_logits_are_read_once() -> None:
    """4 * 64 * 1000 bytes, and little else: the logarithms of the probabilities are not written."""
    report = Report()
    with torch.no_grad():
        torch.compile(functional.cross_entropy, backend=partial(backend, report=report))(
            logits(64, 1000), targets(64, 1000)
        )
    assert not report.left
    (region,) = report.regions
    costs = region.program.costs(*region.shapes)
    assert 4 * 64 * 1000 <= costs.bytes_read < 4 * 64 * 1000 * 1.1
    assert costs.bytes_written < 4 * 64 * 1000 * 0.1
