"""Random programs of views, writes in place and reads, recorded, against the same in eager mode: every bit must agree."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install '.[torch]'")

import dvm.torch  # noqa: E402

Pool = list[Any]
Step = tuple[str, int, int, int]
"""What is done, to which tensor of the pool, with which other, and a number that settles the rest."""


def _dim(x: Any, number: int) -> int:
    return number % x.ndim if x.ndim else 0


def _cut(x: Any, number: int) -> Any:
    if not x.ndim:
        return x
    dim = _dim(x, number)
    start = number // 3 % (x.shape[dim] + 1)
    return x.narrow(dim, start, (x.shape[dim] - start) // (1 + number % 2))


def _part(x: Any, number: int) -> Any:
    parts = x.split(2, _dim(x, number)) if x.ndim else (x,)
    return parts[number % len(parts)]


def _assign(x: Any, y: Any, number: int) -> None:
    _cut(x, number).copy_(y)


def _row(x: Any, number: int) -> Any:
    return x[number % len(x)] if x.ndim and len(x) else x


MAKES: dict[str, Callable[[Any, Any, int], Any]] = {
    "add": lambda x, y, n: x + y,
    "half": lambda x, y, n: x * 0.5,
    "greatest": lambda x, y, n: torch.maximum(x, y),
    "relu": lambda x, y, n: x.relu(),
    "copy": lambda x, y, n: x.clone(),
    "choose": lambda x, y, n: torch.where(x > y, x, y - 1),
    "like": lambda x, y, n: torch.zeros_like(x),
    "stack": lambda x, y, n: torch.stack([x, x]) if x.ndim < 3 else x,
    "cat": lambda x, y, n: torch.cat([x, x], _dim(x, n)) if 0 < x.numel() < 60 and x.ndim else x,
    "turn": lambda x, y, n: x.transpose(0, _dim(x, n)) if x.ndim else x,
    "cut": lambda x, y, n: _cut(x, n),
    "stride": lambda x, y, n: x[:: 1 + n % 3] if x.ndim else x,
    "row": lambda x, y, n: _row(x, n),
    "wider": lambda x, y, n: x.unsqueeze(n % (x.ndim + 1)) if x.ndim < 4 else x,
    "flat": lambda x, y, n: x.reshape(-1),
    "view": lambda x, y, n: x.view(-1),
    "spread": lambda x, y, n: x.unsqueeze(0).expand(2, *x.shape) if x.ndim < 3 else x,
    "part": lambda x, y, n: _part(x, n),
    "detach": lambda x, y, n: x.detach(),
    "order": lambda x, y, n: x.permute(*range(1, x.ndim), 0) if x.ndim else x,
    "strided": lambda x, y, n: x.as_strided((1,), (1,), x.storage_offset()) if x.numel() else x,
    "bits": lambda x, y, n: x.view(torch.int32).view(torch.float32),
    "pick": lambda x, y, n: x[torch.tensor([0])] if x.ndim and len(x) else x,
    "double": lambda x, y, n: x.double().float(),
}
"""What gives a tensor, new or a view."""

DOES: dict[str, Callable[[Any, Any, int], Any]] = {
    "add_": lambda x, y, n: x.add_(y),
    "scale_": lambda x, y, n: x.mul_(0.5),
    "zero_": lambda x, y, n: x.zero_(),
    "fill_": lambda x, y, n: x.fill_(n),
    "copy_": lambda x, y, n: x.copy_(y),
    "assign": _assign,
    "row_": lambda x, y, n: _row(x, n).mul_(2),
    "mask_": lambda x, y, n: x.masked_fill_(y > 0, -1),
    "relu_": lambda x, y, n: x.relu_(),
    "out": lambda x, y, n: torch.add(x, 1, out=x),
    "turn_": lambda x, y, n: x.t_() if x.ndim == 2 else x,
    "wider_": lambda x, y, n: x.unsqueeze_(0) if x.ndim < 3 else x,
    "put": lambda x, y, n: x.index_fill_(0, torch.tensor([0]), 4) if x.ndim and len(x) else x,
    "data": lambda x, y, n: setattr(x, "data", y.detach() + 1),
}
"""What writes."""

READS: dict[str, Callable[[Any, Any, int], Any]] = {
    "sum": lambda x, y, n: x.sum().item(),
    "list": lambda x, y, n: x.tolist(),
    "array": lambda x, y, n: x.numpy().copy().tolist(),
    "equal": lambda x, y, n: torch.equal(x, y),
}
"""What gives a value to Python."""

ALL = {**MAKES, **DOES, **READS}


def perform(steps: list[Step]) -> tuple[list[Any], Pool]:
    """What the steps read or raise, and the tensors that there are in the end."""
    pool: Pool = [torch.arange(12.0).view(3, 4) - 5, torch.tensor([1.0, -2.0, 0.5, 4.0]), torch.tensor(2.0)]
    said: list[Any] = []
    for name, first, second, number in steps:
        x, y = pool[first % len(pool)], pool[second % len(pool)]
        if name == "forget":
            if len(pool) > 1:
                del pool[first % len(pool)]
            del x, y
            continue
        try:
            found = ALL[name](x, y, number)
        except Exception as error:
            said.append(type(error))
            continue
        if name in READS:
            said.append(found)
        elif name in MAKES and found.numel() < 400:
            pool.append(found)
    return said, pool


def memory(pool: Pool) -> list[Any]:
    """How each tensor lies in memory, and which of them share it. The strides of dims of 1 say nothing."""
    first: dict[int, int] = {}
    return [
        (
            first.setdefault(x.untyped_storage().data_ptr(), at),
            x.storage_offset(),
            tuple((size, stride if size > 1 else 0) for size, stride in zip(x.shape, x.stride(), strict=True)),
            x.dtype,
        )
        for at, x in enumerate(pool)
        if x.numel()
    ]


steps = st.lists(
    st.tuples(st.sampled_from([*ALL, *DOES, "forget"]), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)),
    max_size=14,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps, st.sampled_from([256, 5, 2, 1]))
@example([("half", 0, 0, 0), ("turn", 3, 0, 1), ("add_", 4, 0, 0), ("row_", 3, 0, 1), ("sum", 3, 0, 0)], 256)
@example([("relu", 0, 0, 0), ("bits", 3, 0, 0), ("scale_", 3, 0, 0), ("add", 4, 4, 0)], 256)
@example([("half", 0, 0, 0), ("data", 3, 0, 0), ("add_", 3, 3, 0)], 256)
@example([("stride", 0, 0, 2), ("relu_", 3, 0, 0), ("add", 1, 0, 0), ("out", 1, 0, 0)], 256)
@example([("row", 1, 0, 2), ("copy_", 1, 3, 0)], 256)
def test_recorded_programs(steps: list[Step], limit: int) -> None:
    """`limit`: of operations that wait."""
    wanted, theirs = perform(steps)
    block = dvm.torch.lazy()
    block._record.limit = limit
    with block:
        found, ours = perform(steps)
    assert found == wanted
    assert memory(ours) == memory(theirs)
    for at, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        assert torch.equal(one, other), f"tensor {at}: {one} in place of {other}"
