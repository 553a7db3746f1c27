"""How results are laid out that are recorded: by rule where PyTorch computes element by element, against what its own results are."""

from random import Random
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install '.[torch]'")

from dvm.frontends.torch import layouts, lowerings  # noqa: E402
from dvm.frontends.torch.layouts import strides_of  # noqa: E402
from dvm.frontends.torch.table import POINTWISE  # noqa: E402

aten = lowerings.aten
CASES = 120


@pytest.fixture
def nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """No layout may be looked up with tensors that have no memory."""

    def asked(*arguments: Any) -> Any:
        raise AssertionError(f"asked for {arguments}")

    monkeypatch.setattr(layouts, "_asked", asked)
    monkeypatch.setattr(layouts, "_known", {})


def laid(random: Random, shape: list[int]) -> Any:
    """A tensor: in any order of dims, with gaps, of every second element, with elements repeated, or lying over itself."""
    rank = len(shape)
    order = random.sample(range(rank), rank)
    back = sorted(range(rank), key=order.__getitem__)
    way = random.choice(("usual", "order", "order", "gaps", "gaps", "steps", "expanded", "any"))
    if way == "order":
        return torch.zeros([shape[axis] for axis in order]).permute(back)
    if way == "gaps":
        large = [size + random.randint(0, 2) for size in shape]
        return torch.zeros([large[axis] for axis in order]).permute(back)[tuple(slice(0, size) for size in shape)]
    if way == "steps":
        return torch.zeros([size * 2 for size in shape])[tuple(slice(None, None, 2) for _ in shape)]
    if way == "expanded":
        return torch.zeros([random.choice((1, size)) for size in shape]).expand(shape)
    if way == "any":
        return torch.zeros(200).as_strided(shape, [random.choice((0, 1, 2, 3, 5, 8)) for _ in shape])
    return torch.zeros(shape)


def arguments_of(random: Random, overload: Any) -> list[Any]:
    shape = [random.choice((1, 2, 2, 3, 4)) for _ in range(random.randint(0, 5))]
    found: list[Any] = []
    for argument in overload._schema.arguments:
        kind = str(argument.type)
        if argument.kwarg_only or (argument.has_default_value() and "clamp" not in str(overload)):
            break
        if "Tensor" in kind:
            own = [1 if random.random() < 0.2 else size for size in shape] if found else shape
            tensor = laid(random, own[random.choice((0, 0, 0, 1)) if found else 0 :])
            found.append(tensor > 0 if "bitwise" in str(overload) else tensor)
            if argument.name == "condition":
                found[-1] = torch.empty_strided(tensor.shape, tensor.stride(), dtype=torch.bool)
        elif argument.name == "dtype":
            found.append(torch.float16)
        else:
            found.append(True if "bitwise" in str(overload) else 0.5)
    return found


def told(result: Any) -> list[int]:
    """The strides that tell something."""
    return [stride for size, stride in zip(result.shape, result.stride(), strict=True) if size != 1]


def expect(overload: Any, arguments: list[Any], **options: Any) -> None:
    """That the layouts of results are found."""
    results = overload(*arguments, **options)
    results = results if isinstance(results, tuple) else (results,)
    tensors = [one for value in arguments for one in (value if isinstance(value, list) else [value])]
    tensors = [one for one in tensors if isinstance(one, torch.Tensor)]
    found = strides_of(overload, arguments, options, tensors)
    what = [(tuple(one.shape), one.stride()) for one in tensors]
    for result, strides in zip(results, found or [None] * len(results), strict=True):
        mine = torch.empty(result.shape) if strides is None else torch.empty_strided(result.shape, strides)
        assert told(mine) == told(result), f"{overload} of {what}"


@pytest.mark.parametrize("overload", sorted(POINTWISE, key=str), ids=str)
@pytest.mark.usefixtures("nothing_is_asked")
def test_operations_on_each_element(overload: Any) -> None:
    random = Random(str(overload))
    for _ in range(CASES):
        expect(overload, arguments_of(random, overload))


@pytest.mark.parametrize("overload", [aten.clone.default, aten._to_copy.default], ids=str)
@pytest.mark.usefixtures("nothing_is_asked")
def test_copies(overload: Any) -> None:
    random = Random(1)
    for memory_format in (torch.preserve_format, torch.contiguous_format):
        for _ in range(CASES):
            expect(overload, arguments_of(random, overload), memory_format=memory_format)


def test_an_order_that_is_asked_for() -> None:
    x = torch.zeros(2, 3, 4, 5)
    expect(aten.clone.default, [x], memory_format=torch.channels_last)
    expect(aten.clone.default, [x.to(memory_format=torch.channels_last)])


def test_joined() -> None:
    random = Random(2)
    for rank in range(1, 6):
        for _ in range(CASES):
            shape = [random.choice((1, 2, 3)) for _ in range(rank)]
            expect(aten.cat.default, [[laid(random, shape) for _ in range(2)], random.randrange(rank)])


@pytest.mark.usefixtures("nothing_is_asked")
def test_joining_parts_of_rows_asks_nothing() -> None:
    one, two = torch.zeros(2, 4, 7, 16).chunk(2, -1)
    expect(aten.cat.default, [[-two, one], -1])


@pytest.mark.usefixtures("nothing_is_asked")
def test_attention() -> None:
    random = Random(3)
    for _ in range(CASES):
        order = random.sample(range(3), 3)
        back = sorted(range(3), key=order.__getitem__)
        shape = [random.choice((1, 2, 3)) for _ in range(3)]
        gaps = [size + random.choice((0, 0, 1)) for size in shape]
        places = tuple(slice(0, size) for size in shape)
        query, key, value = (
            torch.zeros(*[gaps[axis] for axis in order], 8).permute(*back, 3)[places] for _ in range(3)
        )
        expect(aten._scaled_dot_product_flash_attention_for_cpu.default, [query, key, value])
