"""What lowerings record is remembered by shapes and numbers, and by nothing that tells less."""

import math
from typing import Any

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


def test_uniform_lowerings_run_once_for_sizes_that_are_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """And again where other sizes are equal, or 0 or 1: then something else may have to be done, or refused."""
    monkeypatch.setattr(templates, "_TEMPLATES", {})
    runs = 0
    learn = templates.Call.learn

    def counted(*arguments: Any, **options: Any) -> None:
        nonlocal runs
        runs += 1
        learn(*arguments, **options)

    monkeypatch.setattr(templates.Call, "learn", counted)

    def check(rows: int, inner: int, columns: int) -> int:
        """How many lowerings ran."""
        x, w, b, g = (torch.randn(*shape) for shape in ((2, rows, inner), (columns, inner), (columns,), (inner,)))

        def function() -> Any:
            normal = torch.nn.functional.layer_norm(x, (inner,), g, g)
            return torch.softmax(torch.nn.functional.linear(normal, w, b) * 0.5 + b, -1) @ w

        before = runs
        with torch.no_grad():
            expected = function()
            with dvm.torch.lazy():
                found = function()
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
        return runs - before

    first = check(5, 8, 4)
    assert first > 3
    matmul = 1  # of three dims and two: `aten` has views for it
    for rows in (6, 7, 30):
        assert check(rows, 8, 4) <= matmul + 1
    for sizes in ((8, 8, 4), (4, 8, 4), (1, 8, 4), (6, 1, 4), (6, 6, 6), (0, 8, 4), (6, 8, 1), (2, 8, 4), (9, 5, 7)):
        check(*sizes)
        check(*sizes)


def test_sizes_that_do_not_fit_are_refused_as_ever() -> None:
    fits, other = torch.randn(5, 8), torch.randn(5, 9)
    weight = torch.randn(4, 8)
    with dvm.torch.lazy():
        torch.nn.functional.linear(fits, weight)
        with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
            torch.nn.functional.linear(other, weight)
        torch.add(fits, fits[:1])
        with pytest.raises(RuntimeError, match="must match the size"):
            torch.add(fits, other)


def test_an_operand_that_comes_twice_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = torch.randn(3, 4), torch.randn(3, 4)
    for operands in ((x, x), (x, y), (y, y), (y, x)):
        with dvm.torch.lazy():
            found = torch.sub(*operands), torch.cat([*operands, x])
        torch.testing.assert_close(found, (torch.sub(*operands), torch.cat([*operands, x])))
    monkeypatch.setattr(templates.Call, "learn", lambda *_, **__: pytest.fail("it was not remembered"))
    with dvm.torch.lazy():
        torch.sub(x, x)
