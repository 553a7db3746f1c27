"""Results of DVM beside those of PyTorch."""

from collections.abc import Callable
from typing import Any

import torch

WIDE = (torch.float32, torch.float16, torch.bfloat16)


def wide(value: Any) -> Any:
    """The same with f64 in place of narrower floats."""
    if isinstance(value, torch.Tensor):
        return value.double() if value.dtype in WIDE else value
    if isinstance(value, torch.dtype):
        return torch.float64 if value in WIDE else value
    if isinstance(value, dict):
        return {name: wide(one) for name, one in value.items()}
    return type(value)(wide(one) for one in value) if isinstance(value, list | tuple) else value


def outcome(function: Callable[..., Any], arguments: Any, options: Any) -> Any:
    """What a call gives, or the exception that it raises."""
    try:
        return function(*arguments, **options)
    except Exception as raised:
        return raised


def assert_like(
    found: Any, eager: Any, exact: Any, what: str, *, ulps: float = 2.0, terms: float = 0, strides: bool = True
) -> None:
    """That a result is what PyTorch gives: in element type, shape and strides, and in value within `ulps` of that type's eps.

    `exact` has the values, in f64; errors are relative to the greatest of them that is finite, or to the value itself where
    that is greater, or to `terms`, for sums what their terms amount to. Truth values and integers, and what is no number, must be the same.
    """
    if isinstance(eager, Exception):
        assert type(found) is type(eager), f"{what}: {found!r} in place of {eager!r}"
        return
    assert not isinstance(found, Exception), f"{what}: {found!r}"
    if isinstance(eager, list | tuple):
        assert len(found) == len(eager), what
        wider = exact if isinstance(exact, list | tuple) else eager
        for number, parts in enumerate(zip(found, eager, wider, strict=True)):
            assert_like(*parts, f"{what}, result {number}", ulps=ulps, terms=terms, strides=strides)
        return
    if not isinstance(eager, torch.Tensor):
        assert found == eager, what
        return
    assert found.dtype is eager.dtype, f"{what}: {found.dtype} in place of {eager.dtype}"
    assert found.shape == eager.shape, f"{what}: {found.shape} in place of {eager.shape}"
    if strides and found.numel():
        assert found.stride() == eager.stride(), f"{what}: strides {found.stride()} in place of {eager.stride()}"
    if not eager.dtype.is_floating_point or not isinstance(exact, torch.Tensor) or exact.dtype is not torch.float64:
        assert torch.equal(found, eager), f"{what}: {found} in place of {eager}"
        return
    assert_close(found, exact, ulps, what, rounded=eager, terms=terms)


def assert_close(found: Any, exact: Any, ulps: float, what: str, *, rounded: Any = None, terms: float = 0) -> None:
    """That values are within `ulps` of the eps of their type of those in f64; or, given PyTorch's, of twice the error of these."""
    wanted = exact.to(found.dtype).double()  # what overflows the narrow type does so in both
    got = found.double()
    special = ~torch.isfinite(wanted) | ~torch.isfinite(got)
    if rounded is not None:
        special &= ~torch.eq(found, rounded)  # f16 that eager overflows as well
    assert torch.equal(got[special].nan_to_num(7e77), wanted[special].nan_to_num(7e77)), f"{what}: {found} for {exact}"
    plain = torch.isfinite(wanted) & torch.isfinite(got)
    errors = (got - exact.double()).abs()[plain]
    if not errors.numel():
        return
    scale = exact.double().abs()[plain]
    allowed = ulps * torch.finfo(found.dtype).eps * torch.maximum(scale, scale.mean()).clamp_min(terms)
    if rounded is not None:
        others = (rounded.double() - exact.double()).abs()[plain]
        allowed = torch.maximum(allowed, 2 * others[others.isfinite()].max()) if others.isfinite().any() else allowed
    worst = (errors / allowed.clamp_min(torch.finfo(found.dtype).tiny)).max().item()
    assert worst <= 1, f"{what}: {worst:.2f} times what is allowed: {found} for {exact}"


def assert_no_worse(found: Any, eager: Any, exact: Any, what: str) -> None:
    """That what a model gives is as near to its results in f64 as twice what PyTorch gives, or 8 eps of the greatest of them."""
    if isinstance(eager, list | tuple):
        assert len(found) == len(eager)
        for number, parts in enumerate(zip(found, eager, exact, strict=True)):
            assert_no_worse(*parts, f"{what}, result {number}")
        return
    assert found.dtype is eager.dtype, what
    assert found.shape == eager.shape, what
    if not found.numel():
        return
    assert found.stride() == eager.stride(), f"{what}: strides {found.stride()} in place of {eager.stride()}"
    off, theirs = ((one.double() - exact).abs().max().item() for one in (found, eager))
    allowed = max(2 * theirs, 8 * torch.finfo(found.dtype).eps * exact.abs().max().item())
    assert off <= allowed, f"{what}: off by {off:.2e} where PyTorch is by {theirs:.2e}"
