"""What lowerings record is remembered by shapes and numbers, and by nothing that tells less."""

import math

import pytest

torch = pytest.importorskip("torch")

import dvm.torch  # noqa: E402
from dvm.frontends.torch import templates  # noqa: E402


def test_operations_that_look_alike_are_not_taken_for_one_another() -> None:
    """Twice each, in all orders of recording: numbers of other types and signs, operands that are one and that are two."""
    x, y = torch.tensor([[0.5, -2.0, 3.0]]), torch.tensor([[4.0, 0.25, -1.0]])
    operations = [
        lambda: x * x,
        lambda: x * y,
        lambda: y * x,
        lambda: x / (y * 0.0),
        lambda: x / (y * -0.0),
        lambda: torch.pow(x, 2),
        lambda: torch.pow(x, 2.0),
        lambda: x.sum(0),
        lambda: x.sum(1),
        lambda: x.sum(1, keepdim=True),
        lambda: torch.add(x, y, alpha=2),
        lambda: torch.add(x, y, alpha=3),
        lambda: torch.cat([x, y], 0),
        lambda: torch.cat([x, y], 1),
        lambda: torch.cat([x, x], 1),
        lambda: x.double().float() + 1,
        lambda: x[:, 1:] * 2,
        lambda: x[:, :2] * 2,
        lambda: torch.clamp(x, min=0.0),
        lambda: torch.clamp(x, max=0.0),
    ]
    for order in (operations, operations[::-1], operations):
        for operation in order:
            expected = operation()
            with dvm.torch.lazy():
                found = operation()
            assert found.dtype is expected.dtype
            torch.testing.assert_close(found, expected, rtol=1e-6, atol=0, equal_nan=True)
            signs = [[math.copysign(1, value) for value in one.flatten().tolist()] for one in (found, expected)]
            assert signs[0] == signs[1]


def test_the_default_type_is_part_of_what_is_remembered() -> None:
    x = torch.tensor([1, 2, 3])
    kept = torch.get_default_dtype()
    try:
        for kind in (torch.float32, torch.bfloat16, torch.float32):
            torch.set_default_dtype(kind)
            with dvm.torch.lazy():
                found = x * 0.5
            assert found.dtype is kind
    finally:
        torch.set_default_dtype(kept)


def test_templates_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templates, "LIMIT", 3)
    for size in range(2, 12):
        x = torch.arange(size, dtype=torch.float32)
        with dvm.torch.lazy():
            found = torch.exp(x) + 1
        torch.testing.assert_close(found, torch.exp(x) + 1)
        assert len(templates._TEMPLATES) <= 3
