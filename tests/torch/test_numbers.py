"""Integers among the arguments of a compiled function: symbols to DVM, whatever operation takes them for a number."""

from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install '.[torch]'")

from dvm.frontends.torch.table import LOWERINGS  # noqa: E402
from tests.torch.comparing import outcome  # noqa: E402
from tests.torch.ways import compiled  # noqa: E402

NUMBERS = ("number", "Optional[number]", "float", "Optional[float]")
COUNTS = (3, 5, 1, 0, 2, -1)


def takes_a_number(overload: Any) -> bool:
    """Whether an operation takes tensors and then a number, or several."""
    kinds = [str(argument.type) for argument in overload._schema.arguments]
    return kinds[0] == "Tensor" and any(kind in NUMBERS for kind in kinds)


TAKING = sorted((one for one in LOWERINGS if takes_a_number(one) and one.namespace == "aten"), key=str)


def call_of(overload: Any) -> Any:
    """A function of a tensor and an integer, which all numbers of the operation are."""
    arguments = overload._schema.arguments

    def call(x: Any, count: int) -> Any:
        positional: list[Any] = []
        named: dict[str, Any] = {}
        for argument in arguments:
            kind = str(argument.type)
            if "Tensor" in kind:
                value: Any = x
            elif kind in NUMBERS:
                value = count
            elif argument.has_default_value():
                continue
            else:
                raise AssertionError(f"nothing for {argument}")
            if argument.kwarg_only or named or len(positional) < arguments.index(argument):
                named[argument.name] = value
            else:
                positional.append(value)
        return overload(*positional, **named)

    return call


def is_plain(overload: Any) -> bool:
    """Whether tensors and numbers are all that an operation needs."""
    return all(
        "Tensor" in str(argument.type) or str(argument.type) in NUMBERS or argument.has_default_value()
        for argument in overload._schema.arguments
    )


def test_what_is_tested() -> None:
    names = {str(one) for one in TAKING if is_plain(one)}
    assert {"aten.add.Scalar", "aten.lerp.Scalar", "aten.clamp.default", "aten.pow.Tensor_Scalar"} <= names


@pytest.mark.parametrize("overload", [one for one in TAKING if is_plain(one)], ids=str)
def test_an_integer_that_varies(overload: Any) -> None:
    torch._dynamo.reset()
    call = call_of(overload)
    function = compiled(call)
    for kind in (torch.float32, torch.int64):
        x = torch.arange(1, 7).reshape(2, 3).to(kind)
        for count in COUNTS:
            wanted = outcome(call, (x, count), {})
            found = outcome(function, (x, count), {})
            if isinstance(wanted, Exception):
                assert isinstance(found, Exception), f"{overload} of {kind} and {count}: {found}"
                continue
            assert not isinstance(found, Exception), f"{overload} of {kind} and {count}: {found!r}"
            torch.testing.assert_close(found, wanted, equal_nan=True, rtol=1e-5, atol=1e-6)
