"""`dvm.torch.lazy` beside the rest of PyTorch: whoever reads, traces or computes in the block finds what eager mode has."""

import warnings
from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install '.[torch]'")

from torch._functorch.aot_autograd import aot_function  # noqa: E402
from torch._functorch.compilers import nop  # noqa: E402
from torch.fx.experimental.proxy_tensor import make_fx  # noqa: E402
from torch.nn import functional  # noqa: E402

import dvm.torch  # noqa: E402
from tests.torch.comparing import outcome  # noqa: E402


class Subclass(torch.Tensor):
    """A tensor that only looks like one to DVM."""


def random(*shape: int) -> Any:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


X, W, B = random(6, 4), random(3, 4), random(3)
HALF, DOUBLE = torch.float16, torch.float64


def check(function: Callable[[], Any]) -> None:
    """What a function gives in the block and outside of it is the same: values, types, strides, or the type of exception."""

    def recorded() -> Any:
        with dvm.torch.lazy():
            return function()

    with torch.no_grad():
        eager, found = outcome(function, (), {}), outcome(recorded, (), {})
    if isinstance(eager, Exception):
        assert type(found) is type(eager), f"{found!r} in place of {eager!r}"
        return
    eager, found = (one if isinstance(one, tuple | list) else [one] for one in (eager, found))
    assert len(eager) == len(found)
    for wanted, got in zip(eager, found, strict=True):
        torch.testing.assert_close(got, wanted, check_stride=True, equal_nan=True)


def scripted(x: Any) -> Any:
    """A function that TorchScript runs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.script(_twice_and_one)(x)


def _twice_and_one(x):  # TorchScript takes it to be a tensor
    return x * 2 + 1


@pytest.mark.parametrize(
    "function",
    [
        lambda: torch.tensor([(X * 2).sum()]),
        lambda: torch.tensor([list(row) for row in X * 2]),
        lambda: torch.as_tensor([(X * 2).sum()]),
        lambda: torch.asarray([(X * 2).sum()]),
        lambda: X.new_tensor([(X * 2).sum()]),
        lambda: X.tensor_split(torch.tensor([1, 2]) + 1),
        lambda: torch.tensor_split(X, torch.tensor([1, 2]) + 1),
        lambda: torch.utils.dlpack.from_dlpack(torch.utils.dlpack.to_dlpack(X * 2)),
        lambda: torch.from_dlpack(X * 2),
        lambda: scripted(X),
        lambda: scripted(X * 3) * 3,
    ],
)
def test_whoever_reads_memory_finds_it_written(function: Callable[[], Any]) -> None:
    check(function)


@pytest.mark.parametrize(
    "function",
    [
        lambda: functional.linear(X, W, B),
        lambda: functional.linear(X[0], W, B),
        lambda: functional.linear(random(2, 3, 4).transpose(0, 1), W),
        lambda: functional.linear(random(0, 4), W, B),
        lambda: functional.linear(input=X, weight=W, bias=B),
        lambda: functional.linear(X, weight=W, bias=B),
        lambda: functional.linear(X, W, bias=B.as_subclass(Subclass)).as_subclass(torch.Tensor),
        lambda: functional.linear(X, W.to_sparse_csr(), B),
        lambda: functional.linear(X, weight=W.double()),
        lambda: functional.linear(X, W, bias=B.double()),
        lambda: functional.linear(X, W, random(1)),
        lambda: functional.linear(X, random(3, 5)),
        lambda: torch.matmul(X, W.t(), out=torch.empty(6, 3)),
        lambda: torch.matmul(input=X, other=W.t()),
        lambda: X.matmul(other=W.t()),
        lambda: X @ W,
        lambda: random(2, 6, 4) @ W.t(),
        lambda: random(4) @ W.t(),
        lambda: torch.ones(2, 2, dtype=torch.int64) @ torch.ones(2, 2, dtype=torch.int64),
        lambda: torch.bmm(random(3, 4, 5), random(5, 6).expand(3, 5, 6)),
        lambda: random(2, 3, 4, 5) @ random(1, 1, 5, 6).expand(2, 3, 5, 6),
        lambda: functional.layer_norm(X, (4,)),
        lambda: functional.layer_norm(X, (4,), eps=torch.tensor(1e-5)),
        lambda: functional.layer_norm(X, (4,), weight=torch.ones(4, dtype=DOUBLE)),
        lambda: functional.layer_norm(X, (4.0,)),  # pyright: ignore[reportArgumentType]
        lambda: functional.layer_norm(X, (5,)),
        lambda: functional.layer_norm(X, (4,), eps=-0.5),
        lambda: functional.rms_norm(X, (4,), eps=-0.5),
        lambda: functional.layer_norm(X.t(), (6,), random(6), random(6)),
    ],
)
@pytest.mark.filterwarnings("ignore:Sparse")
def test_functions_that_are_recorded_whole(function: Callable[[], Any]) -> None:
    check(function)


@pytest.mark.parametrize(
    "function",
    [
        lambda: X @ X.half().t(),
        lambda: torch.mv(X, X[0].half()),
        lambda: torch.bmm(X[None], X.half().t()[None]),
        lambda: torch.addmm(B.half(), X, W.t()),
        lambda: torch.baddbmm(random(1, 6, 6).half(), X[None], X.t()[None], alpha=2),
        lambda: functional.linear(X, W, B.half()),
        lambda: torch.lerp(X, X.half(), 0.5),
        lambda: torch.lerp(X, X, X.half()),
        lambda: functional.layer_norm(X, (4,), torch.ones(4, dtype=HALF), torch.zeros(4, dtype=HALF)),
        lambda: functional.layer_norm(X.half(), (4,), torch.ones(4), torch.zeros(4, dtype=HALF)),
        lambda: functional.group_norm(X, 2, torch.ones(4, dtype=HALF)),
        lambda: functional.batch_norm(X, torch.zeros(4), torch.ones(4), torch.ones(4, dtype=HALF)),
        lambda: X.masked_fill(X > 0, torch.tensor([1.0])),
    ],
)
def test_element_types_that_pytorch_does_not_promote(function: Callable[[], Any]) -> None:
    check(function)


@pytest.mark.parametrize(
    "function",
    [
        lambda: make_fx(lambda x: x * 2 + 1)(X)(X),
        lambda: aot_function(lambda x: x * 2 + 1, nop)(X),
        lambda: (torch.nested.nested_tensor([torch.ones(2, 3), torch.ones(4, 3)]) * 2).to_padded_tensor(0.0),
    ],
    ids=["make_fx", "aot_function", "nested tensors"],
)
@pytest.mark.filterwarnings("ignore")
def test_pytorch_at_work_on_its_own(function: Callable[[], Any]) -> None:
    check(function)


@pytest.mark.parametrize("backend", ["eager", "dvm"])
def test_a_block_in_a_compiled_function(backend: str) -> None:
    def function(x: Any) -> Any:
        with dvm.torch.lazy():
            y = torch.tanh(x) * 2
        return y + 1

    with torch.no_grad():
        torch.testing.assert_close(torch.compile(function, backend=backend)(X), torch.tanh(X) * 2 + 1)


def test_a_device_that_is_not_the_block_s() -> None:
    with torch.device("meta"), dvm.torch.lazy():
        found = torch.relu(X)
    assert torch.equal(found, torch.relu(X))
