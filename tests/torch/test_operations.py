"""Every operation of the table against PyTorch: values, element types, shapes, strides and refusals, recorded and compiled."""

import operator
from collections.abc import Sequence
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install '.[torch]'")

from torch._dispatch.python import enable_python_dispatcher  # noqa: E402
from torch._subclasses.fake_tensor import FakeTensorMode  # noqa: E402
from torch.fx import Graph, GraphModule, Node  # noqa: E402
from torch.fx.experimental.symbolic_shapes import ShapeEnv  # noqa: E402
from torch.fx.node import map_arg  # noqa: E402

import dvm.torch  # noqa: E402
from dvm.frontends.torch.backend import Report, backend  # noqa: E402
from dvm.frontends.torch.table import IN_PLACE, LOWERINGS  # noqa: E402
from tests.torch.comparing import assert_like, outcome, wide  # noqa: E402
from tests.torch.samples import SAMPLES, Maker, aten  # noqa: E402

KINDS = (torch.float32, torch.float16, torch.bfloat16, torch.int32, torch.int64, torch.bool)

CASES = [pytest.param(overload, id=str(overload)) for overload in sorted(LOWERINGS, key=str)]

ULPS = {aten.erf.default: 8.0, aten.prod.default: 8.0}
"""How far results may be off, where not 2 eps: what `vm.tiles` says of its erf; a product of 24 rounds as often."""

OF_BITS = {
    getattr(getattr(aten, f"bitwise_{name}"), kind) for name in ("and", "or", "xor") for kind in ("Tensor", "Scalar")
}
"""What PyTorch has for integers only."""

OTHERWISE = {aten._log_softmax_backward_data.default}
"""Where PyTorch's fake tensors say of strides what its real ones do not have."""

SUMS = ("sum", "mean", "prod", "var", "std", "linalg_vector_norm", "logsumexp", "var_mean")


def test_every_operation_has_samples() -> None:
    assert not {str(overload) for overload in LOWERINGS} ^ {str(overload) for overload in SAMPLES}


def expected(overload: Any, arguments: Any, options: Any) -> tuple[Any, Any]:
    """What PyTorch gives, and the same of the same elements in float64."""
    found = outcome(overload, arguments, options)
    if isinstance(found, Exception):
        return found, found
    torch.set_default_dtype(torch.float64)  # what integers become
    try:
        return found, outcome(overload, wide(arguments), wide(options))
    finally:
        torch.set_default_dtype(torch.float32)


def check(overload: Any, arguments: Any, found: Any, wanted: Any, what: str, *, strides: bool = True) -> None:
    eager, exact = wanted
    terms = 0.0
    if overload._schema.name.rpartition(":")[2] in SUMS and arguments[0].is_floating_point() and arguments[0].numel():
        terms = arguments[0].double().abs().mean().item()
    assert_like(
        found, eager, exact, f"{what} of {overload}", ulps=ULPS.get(overload, 2.0), terms=terms, strides=strides
    )


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("overload", CASES)
def test_recorded(overload: Any, kind: Any) -> None:
    cases = SAMPLES[overload](Maker(kind))
    wanted = [expected(overload, arguments, options) for arguments, options in cases]
    with dvm.torch.lazy():
        found = [outcome(overload, arguments, options) for arguments, options in cases]
    for number, (case, one, two) in enumerate(zip(cases, found, wanted, strict=True)):
        check(overload, case[0], one, two, f"{kind}, case {number}")


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("in_place", [pytest.param(one, id=str(one)) for one in sorted(IN_PLACE, key=str)])
def test_recorded_in_place(in_place: Any, kind: Any) -> None:
    cases = SAMPLES[IN_PLACE[in_place]](Maker(kind))
    if in_place is aten.pow_.Scalar:
        cases = SAMPLES[aten.pow.Tensor_Scalar](Maker(kind))
    copies = [[_alike(value) for value in arguments] for arguments, _ in cases]
    others = [[_alike(value) for value in arguments] for arguments, _ in cases]
    wider = [[wide(_alike(value)) for value in arguments] for arguments, _ in cases]
    wanted = [outcome(in_place, given, options) for given, (_, options) in zip(copies, cases, strict=True)]
    exact = [outcome(in_place, given, wide(options)) for given, (_, options) in zip(wider, cases, strict=True)]
    with dvm.torch.lazy():
        found = [outcome(in_place, given, options) for given, (_, options) in zip(others, cases, strict=True)]
    for number, (one, eager, wide_one) in enumerate(zip(found, wanted, exact, strict=True)):
        assert_like(
            one, eager, wide_one, f"case {number} of {in_place}, {kind}", ulps=ULPS.get(IN_PLACE[in_place], 2.0)
        )
        assert isinstance(one, Exception) or one is others[number][0]


def _alike(value: Any) -> Any:
    """A copy that lies in memory of its own in the same way."""
    if not isinstance(value, torch.Tensor):
        return value
    storage = value.untyped_storage().clone()
    return torch.empty(0, dtype=value.dtype).set_(storage, value.storage_offset(), value.shape, value.stride())


def graph_of(overload: Any, cases: Sequence[Any]) -> tuple[GraphModule, list[Any], list[Any]]:
    """A graph of a call for each case, and its arguments: with sizes as symbols, and real ones."""
    mode = FakeTensorMode(shape_env=ShapeEnv(), static_shapes=False)
    graph = Graph()
    fakes: list[Any] = []
    real: list[Any] = []

    def given(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            node = graph.placeholder(f"x{len(real)}")
            node.meta["val"] = mode.from_tensor(value)
            fakes.append(node.meta["val"])
            real.append(value)
            return node
        return [given(one) for one in value] if isinstance(value, list) else value

    prepared = [
        ([given(value) for value in arguments], {name: given(value) for name, value in options.items()})
        for arguments, options in cases
    ]
    found: list[Node] = [graph.call_function(overload, tuple(given), options) for given, options in prepared]
    for node, (given_nodes, options) in zip(found, prepared, strict=True):
        with enable_python_dispatcher(), mode:
            node.meta["val"] = overload(
                *map_arg(tuple(given_nodes), lambda one: one.meta["val"]),
                **map_arg(options, lambda one: one.meta["val"]),
            )
    flat: list[Any] = []
    for node in found:
        value = node.meta["val"]
        for at, one in enumerate(value if isinstance(value, tuple | list) else ()):
            if one is not None:
                flat.append(graph.call_function(operator.getitem, (node, at)))
                flat[-1].meta["val"] = one
        if isinstance(value, torch.Tensor):
            flat.append(node)
    graph.output(tuple(flat))
    return GraphModule({}, graph), fakes, real


@pytest.mark.parametrize("overload", CASES)
def test_compiled(overload: Any) -> None:
    kind = torch.int64 if overload in OF_BITS or overload is aten.bitwise_not.default else torch.float32
    cases = SAMPLES[overload](Maker(kind))
    cases = cases[:: max(1, len(cases) // 4)]
    wanted = [expected(overload, arguments, options) for arguments, options in cases]
    right = [number for number, (eager, _) in enumerate(wanted) if not isinstance(eager, Exception)]
    if not right:
        return  # PyTorch refuses all of them
    module, fakes, real = graph_of(overload, [cases[number] for number in right])
    with torch.no_grad():
        found = iter(backend(module, fakes, report=Report())(*real))
    for number in right:
        eager, exact = wanted[number]
        parts = zip(eager, exact, strict=True) if isinstance(eager, tuple | list) else ((eager, exact),)
        for part in parts:
            if part[0] is not None:
                check(
                    overload, cases[number][0], next(found), part, f"case {number}", strides=overload not in OTHERWISE
                )
