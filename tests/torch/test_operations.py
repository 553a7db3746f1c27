"""Every operation of the table against PyTorch: values, element types, shapes, strides and refusals, recorded and compiled."""

from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install '.[torch]'")

import dvm.torch  # noqa: E402
from dvm.frontends.torch.table import IN_PLACE, LOWERINGS  # noqa: E402
from tests.torch.comparing import assert_like, outcome, wide  # noqa: E402
from tests.torch.samples import SAMPLES, Maker  # noqa: E402

KINDS = (torch.float32, torch.float16, torch.bfloat16, torch.int32, torch.int64, torch.bool)

CASES = [pytest.param(overload, id=str(overload)) for overload in sorted(LOWERINGS, key=str)]


def test_every_operation_has_samples() -> None:
    assert not {str(overload) for overload in LOWERINGS} ^ {str(overload) for overload in SAMPLES}


def expected(overload: Any, arguments: Any, options: Any) -> tuple[Any, Any]:
    """What PyTorch gives, and the same of the same elements in float64."""
    found = outcome(overload, arguments, options)
    return found, found if isinstance(found, Exception) else outcome(overload, wide(arguments), wide(options))


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("overload", CASES)
def test_recorded(overload: Any, kind: Any) -> None:
    cases = SAMPLES[overload](Maker(kind))
    wanted = [expected(overload, *case) for case in cases]
    with dvm.torch.lazy():
        found = [outcome(overload, *case) for case in cases]
    for number, (one, (eager, exact)) in enumerate(zip(found, wanted, strict=True)):
        assert_like(one, eager, exact, f"case {number} of {overload}, {kind}")
