"""Models of the usual families, compiled and recorded, against themselves in eager mode and in f64."""

from functools import partial
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install '.[torch]'")

import dvm.torch  # noqa: E402
from dvm.frontends.torch.backend import Report, backend  # noqa: E402
from tests.torch.comparing import assert_no_worse  # noqa: E402
from tools.bench.models import MODELS, decode, made  # noqa: E402

KINDS = (torch.float32, torch.bfloat16)
SMALL = {"width": 32}
DECODERS = [name for name, model in MODELS.items() if model.decoder is not None]

LEFT = {"aten.embedding.default", "aten.convolution.default"}
"""The operations that PyTorch does in these models."""


def of_kind(inputs: Any, kind: Any) -> Any:
    return tuple(one.to(kind) if one.is_floating_point() else one for one in inputs)


def expected(name: str, kind: Any, model: Any) -> list[tuple[Any, Any, Any]]:
    """For each size the inputs, what PyTorch gives, and the same in f64."""
    exact = made(name, kind=kind, **small(name)).double()
    found: list[tuple[Any, Any, Any]] = []
    for size in MODELS[name].sizes:
        inputs = of_kind(MODELS[name].inputs(size), kind)
        found.append((inputs, model(*inputs), exact(*of_kind(inputs, torch.float64))))
    return found


def small(name: str) -> dict[str, Any]:
    return {"width": 8} if name == "resnet" else {"width": 32, "layers": 1} if name == "t5" else SMALL


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("name", MODELS)
def test_compiled_once_for_all_sizes(name: str, kind: Any) -> None:
    model = made(name, kind=kind, **small(name))
    report = Report()
    compiled = torch.compile(model, backend=partial(backend, report=report))
    with torch.no_grad():
        for inputs, eager, exact in expected(name, kind, model):
            assert_no_worse(compiled(*inputs), eager, exact, f"{name} of {[tuple(one.shape) for one in inputs]}")
    assert report.graphs == 1
    assert {seen.name for seen in report.left} <= LEFT
    assert report.regions


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("name", MODELS)
def test_recorded(name: str, kind: Any) -> None:
    model = made(name, kind=kind, **small(name))
    with torch.no_grad():
        for inputs, eager, exact in expected(name, kind, model):
            with dvm.torch.lazy() as record:
                found = model(*inputs)
            assert_no_worse(found, eager, exact, f"{name} of {[tuple(one.shape) for one in inputs]}")
            assert record.launches


@pytest.mark.parametrize("name", DECODERS)
def test_decoding_compiles_once_for_the_prompt_and_once_for_all_steps(name: str) -> None:
    model = made(name, **small(name))
    exact = made(name, **small(name)).double()
    report = Report()
    compiled = torch.compile(model, backend=partial(backend, report=report))
    with torch.no_grad():
        wanted = decode(model, name, model, 12)
        found = decode(model, name, compiled, 12)
        assert_no_worse(found, wanted, decode(exact, name, exact, 12), name)
    assert report.graphs == 2


@pytest.mark.parametrize("name", DECODERS)
def test_decoding_recorded(name: str) -> None:
    model = made(name, **small(name))
    exact = made(name, **small(name)).double()
    with torch.no_grad():
        wanted = decode(model, name, model, 12)
        with dvm.torch.lazy() as record:
            found = decode(model, name, model, 12)
        assert_no_worse(found, wanted, decode(exact, name, exact, 12), name)
        again = dvm.torch.lazy()
        with again:
            decode(model, name, model, 20)
    assert record.launches
    assert again.compiled <= 2  # sizes that happen to be those of another dim


def loss_of(model: Any, inputs: Any, target: Any) -> Any:
    found = model(*inputs)
    logits = found[0] if isinstance(found, tuple) else found
    return torch.nn.functional.cross_entropy(logits.flatten(0, -2), target)


def gradients(model: Any, loss: Any) -> list[Any]:
    model.zero_grad()
    loss.backward()
    return [parameter.grad for parameter in model.parameters() if parameter.grad is not None]


@pytest.mark.parametrize("way", ["compiled", "recorded"])
@pytest.mark.parametrize("name", ["gpt2", "vit"])
def test_gradients(name: str, way: str) -> None:
    model, exact = made(name, **small(name)), made(name, **small(name)).double()
    report = Report()
    compiled = torch.compile(model, backend=partial(backend, report=report))
    for size in MODELS[name].sizes[:3]:
        inputs = MODELS[name].inputs(size)
        count = (2 * size,) if name == "gpt2" else (2,)
        target = torch.randint(0, 10, count, generator=torch.Generator().manual_seed(size))
        wanted = gradients(model, loss_of(model, inputs, target))
        precise = gradients(exact, loss_of(exact, of_kind(inputs, torch.float64), target))
        if way == "compiled":
            found = gradients(model, loss_of(compiled, inputs, target))
        else:
            with dvm.torch.lazy():
                found = gradients(model, loss_of(model, inputs, target))
        assert len(found) == len(wanted)
        for number, parts in enumerate(zip(found, wanted, precise, strict=True)):
            assert_no_worse(*parts, f"{name}, size {size}, parameter {number}")
    assert way == "recorded" or report.graphs == 2  # forward and backward
