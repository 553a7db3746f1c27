"""Arguments for every operation of ATen that DVM takes: element types, ranks, strides, broadcasting, numbers, tensors without dims."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

aten: Any = torch.ops.aten

Case = tuple[tuple[Any, ...], dict[str, Any]]
"""Arguments by position, and by name."""


@dataclass
class Maker:
    """Makes tensors of an element type, the same ones each time."""

    kind: torch.dtype
    random: torch.Generator = field(default_factory=lambda: torch.Generator().manual_seed(5))

    @property
    def floats(self) -> bool:
        return self.kind.is_floating_point

    def __call__(self, *shape: int, kind: torch.dtype | None = None, low: float = -3, high: float = 3) -> Tensor:
        kind = kind or self.kind
        if kind is torch.bool:
            return torch.rand(shape, generator=self.random) < 0.5
        values = torch.rand(shape, generator=self.random, dtype=torch.float64) * (high - low) + low
        return values.to(kind) if kind.is_floating_point else values.round().to(kind)

    def positive(self, *shape: int) -> Tensor:
        return self(*shape, low=0.25)

    def turned(self, *shape: int, **options: Any) -> Tensor:
        """With the dims in reverse order in memory."""
        return self(*shape[::-1], **options).permute(*range(len(shape))[::-1])

    def sparse(self, *shape: int) -> Tensor:
        """Every other element of a larger tensor along the last dim."""
        return self(*shape[:-1], 2 * shape[-1])[..., ::2]

    def indices(self, *shape: int, below: int) -> Tensor:
        return torch.randint(0, below, shape, generator=self.random)


Sampler = Callable[[Maker], list[Case]]

SAMPLES: dict[Any, Sampler] = {}


def samples(*overloads: Any) -> Callable[[Sampler], Sampler]:
    def decorate(sampler: Sampler) -> Sampler:
        for overload in overloads:
            assert overload not in SAMPLES, overload
            SAMPLES[overload] = sampler
        return sampler

    return decorate


def of(*arguments: Any, **options: Any) -> Case:
    return arguments, options


def shapes(make: Callable[..., Tensor]) -> list[Tensor]:
    """Without dims, of one, of several, with a dim of 0, of one element."""
    return [make(), make(3), make(2, 3, 4), make(0, 3), make(1, 1)]


def laid_out(m: Maker) -> list[Tensor]:
    return [m.turned(4, 5), m.turned(2, 3, 4), m.sparse(3, 4), m(3, 1).expand(3, 4), m(3, 4)[1:, 2:]]


@samples(
    *[
        getattr(aten, name).default
        for name in [
            "exp",
            "tanh",
            "erf",
            "sigmoid",
            "sin",
            "cos",
            "abs",
            "floor",
            "ceil",
            "trunc",
            "sign",
            "isnan",
            "isinf",
            "isfinite",
            "logical_not",
            "round",
            "neg",
            "bitwise_not",
            "relu",
            "silu",
            "gelu",
            "leaky_relu",
            "hardtanh",
            "clone",
            "zero",
            "alias",
            "detach",
            "lift_fresh",
            "zeros_like",
            "ones_like",
        ]
    ]
)
def _(m: Maker) -> list[Case]:
    return [of(x) for x in shapes(m) + laid_out(m)]


@samples(aten.log.default, aten.sqrt.default, aten.rsqrt.default, aten.log2.default, aten.reciprocal.default)
def _(m: Maker) -> list[Case]:
    return [of(x) for x in shapes(m.positive)] + [of(m.positive(4, 5).t())]


SAMPLES[aten.gelu.default] = lambda m: [
    *(of(x) for x in shapes(m)), *(of(x, approximate="tanh") for x in laid_out(m))
]  # fmt: skip
SAMPLES[aten.leaky_relu.default] = lambda m: [of(m(3, 4)), of(m(2, 3), 0.25), of(m(), 0.5)]
SAMPLES[aten.hardtanh.default] = lambda m: [of(m(3, 4)), of(m(2, 3), -2, 1), of(m(5), -0.5, 0.75)]
SAMPLES[aten.clone.default] = lambda m: [
    *(of(x) for x in shapes(m) + laid_out(m)),
    *(of(x, memory_format=torch.contiguous_format) for x in laid_out(m)),
    of(m(2, 3, 4, 5), memory_format=torch.channels_last),
]

OTHER_KINDS = (torch.float32, torch.bfloat16, torch.float16, torch.int64, torch.int32, torch.bool)


def pairs(m: Maker, y: Callable[..., Tensor] | None = None) -> list[tuple[Tensor, Tensor]]:
    """Alike, broadcast either way, without dims, laid out in other ways."""
    y = y or m
    return [
        (m(3, 4), y(3, 4)),
        (m(2, 3, 4), y(4)),
        (m(3, 1), y(1, 4)),
        (m(4), y(2, 1, 4)),
        (m(2, 3), y()),
        (m(), y(2, 3)),
        (m(), y()),
        (m(0, 3), y(3)),
        (m.turned(3, 4), y(3, 4)),
        (m.turned(3, 4), y(4, 3).t()),
        (m(3, 1).expand(3, 4), y(3, 4)),
    ]


def mixed(m: Maker) -> list[tuple[Tensor, Tensor]]:
    """With every other element type, with dims and without."""
    return [
        pair
        for kind in OTHER_KINDS
        for pair in (
            (m(2, 3), m(2, 3, kind=kind)),
            (m(2, 3), m(kind=kind)),
            (m(), m(2, 3, kind=kind)),
        )
    ]


@samples(*[getattr(aten, name).default for name in ["maximum", "minimum", "logical_and", "logical_or", "logical_xor"]])
@samples(
    *[
        getattr(aten, name).Tensor
        for name in ["mul", "eq", "ne", "gt", "ge", "lt", "le", "bitwise_and", "bitwise_or", "bitwise_xor"]
    ]
)
def _(m: Maker) -> list[Case]:
    return [of(*pair) for pair in pairs(m) + mixed(m)]


@samples(aten.add.Tensor, aten.sub.Tensor, aten.rsub.Tensor)
def _(m: Maker) -> list[Case]:
    scaled = [of(m(3, 4), m(4), alpha=2), of(m(3, 4), m(3, 4, kind=torch.int64), alpha=3)]
    if m.floats:
        scaled.append(of(m(3, 4), m(4), alpha=0.5))
    return scaled + [of(*pair) for pair in pairs(m) + mixed(m)]


@samples(aten.div.Tensor)
def _(m: Maker) -> list[Case]:
    away = [(x, torch.where(y == 0, torch.ones_like(y), y)) for x, y in pairs(m) + mixed(m)]
    return [of(*pair) for pair in away]


@samples(aten.pow.Tensor_Tensor)
def _(m: Maker) -> list[Case]:
    found = pairs(m, lambda *shape: m(*shape, low=0)) + [(x, _magnitude(y)) for x, y in mixed(m)]
    return [of(_magnitude(x) + (x.dtype is not torch.bool), y) for x, y in found]


def _magnitude(x: Tensor) -> Tensor:
    return x if x.dtype is torch.bool else x.abs()


NUMBERS = (2, -3, 0, 2.5, True, 1e-3)


@samples(*[getattr(aten, name).Scalar for name in ["mul", "eq", "ne", "gt", "ge", "lt", "le"]])
@samples(*[getattr(aten, name).Scalar for name in ["add", "sub", "rsub"]])
def _(m: Maker) -> list[Case]:
    return [of(m(3, 4), number) for number in NUMBERS] + [of(m.turned(2, 3), 2), of(m(), 2.5), of(m(0), 1)]


@samples(*[getattr(aten, name).Scalar for name in ["bitwise_and", "bitwise_or", "bitwise_xor"]])
def _(m: Maker) -> list[Case]:
    return [of(m(3, 4), number) for number in (2, -3, True, False)]


@samples(aten.div.Scalar)
def _(m: Maker) -> list[Case]:
    return [of(m(3, 4), number) for number in NUMBERS if number] + [of(m(), 2.5), of(m(0), 1)]


@samples(aten.pow.Tensor_Scalar)
def _(m: Maker) -> list[Case]:
    return [of(m.positive(3, 4), number) for number in (2, 3, 0, 1, 2.5, 0.5, True, -1, -0.5)] + [of(m.turned(3, 4), 2)]


@samples(aten.pow.Scalar)
def _(m: Maker) -> list[Case]:
    return [of(number, m.positive(3, 4)) for number in (2, 0.5, 1, True)]


@samples(aten.where.self)
def _(m: Maker) -> list[Case]:
    choose = [of(m(*x.shape, kind=torch.bool) if x.shape else m(3, kind=torch.bool), x, y) for x, y in pairs(m)]
    return choose + [of(m(2, 3, kind=torch.bool), x, y) for x, y in mixed(m)]


SAMPLES[aten.where.ScalarSelf] = lambda m: [of(m(3, 4, kind=torch.bool), number, m(4)) for number in NUMBERS]
SAMPLES[aten.where.ScalarOther] = lambda m: [of(m(3, 4, kind=torch.bool), m(4), number) for number in NUMBERS]
SAMPLES[aten.where.Scalar] = lambda m: [
    of(m(3, 4, kind=torch.bool), a, b) for a, b in ((1, 2), (1.5, 2), (True, False), (True, 2))
]
SAMPLES[aten.masked_fill.Scalar] = lambda m: [
    *(of(m(2, 3, 4), m(3, 4, kind=torch.bool), number) for number in NUMBERS),
    of(m.turned(3, 4), m(4, kind=torch.bool), 1),
    of(m(3), m(3, kind=torch.bool), float("-inf")),
    of(m(4), m(3, 4, kind=torch.bool), 1),
]
SAMPLES[aten.masked_fill.Tensor] = lambda m: [
    of(m(2, 3), m(3, kind=torch.bool), m()),
    of(m(2, 3), m(2, 3, kind=torch.bool), m(kind=torch.int64)),
]
SAMPLES[aten.clamp.default] = lambda m: [
    of(m(3, 4), -1, 1), of(m(3, 4), min=0), of(m.turned(3, 4), max=1), of(m(), -0.5, 0.5), of(m(5), -0.5, None),
    of(m(3, 4), 2, -2),
]  # fmt: skip
SAMPLES[aten.clamp.Tensor] = lambda m: [
    of(m(3, 4), m(4), m(3, 1)), of(m(3, 4), m()), of(m(3, 4), None, m(3, 4, kind=torch.int64)),
    of(m(2, 3), m(3, kind=torch.float32)),
]  # fmt: skip
SAMPLES[aten.clamp_min.default] = lambda m: [of(m(3, 4), number) for number in NUMBERS]
SAMPLES[aten.clamp_max.default] = SAMPLES[aten.clamp_min.default]
SAMPLES[aten.lerp.Scalar] = lambda m: [
    of(m(3, 4), m(4), 0.3), of(m(3, 1), m(1, 4), 1.5), of(m(), m(), 0.5), of(m(3, 4), m(3, 4), 1), of(m(3), m(3), -0.75)
]  # fmt: skip
SAMPLES[aten.lerp.Tensor] = lambda m: [of(m(3, 4), m(4), m(3, 1)), of(m(3, 4), m(3, 4), m())]
SAMPLES[aten.addcmul.default] = lambda m: [
    of(m(3, 4), m(4), m(3, 1)), of(m(3, 4), m(3, 4), m(), value=2), of(m(), m(), m(3)),
    of(m(2, 3), m(2, 3), m(2, 3, kind=torch.float32)),
]  # fmt: skip
SAMPLES[aten.addcdiv.default] = lambda m: [
    of(m(3, 4), m(4), m.positive(3, 1)), of(m(3, 4), m(3, 4), m.positive(), value=2),
]  # fmt: skip
SAMPLES[aten.copy.default] = lambda m: [
    *(of(m(2, 3), m(2, 3, kind=kind)) for kind in OTHER_KINDS), of(m(2, 3), m(3)), of(m.turned(2, 3), m()),
]  # fmt: skip
SAMPLES[aten.fill.Scalar] = lambda m: [of(m(2, 3), 2), of(m.turned(2, 3), 1.5), of(m(), True), of(m(0, 2), 1)]
SAMPLES[aten.fill.Tensor] = lambda m: [of(m(2, 3), m()), of(m(2, 3), m(kind=torch.float32))]
SAMPLES[aten._to_copy.default] = lambda m: [
    *(of(x, dtype=kind) for kind in OTHER_KINDS for x in (m(2, 3), m(), m.turned(3, 4))),
    of(m(2, 3)), of(m(2, 3), dtype=torch.float64),
]  # fmt: skip
SAMPLES[torch.ops.prims.convert_element_type.default] = lambda m: [of(m(2, 3), kind) for kind in OTHER_KINDS]


def _one_of(m: Maker) -> list[Tensor]:
    return [*shapes(m), *laid_out(m), m(2, 0, 3), m(300), m(5, 40)]


REDUCTIONS: tuple[tuple[Any, bool], ...] = (([0], False), ([-1], True), ([0, 2], False), ([], True), (None, False))


def _with_dims(m: Maker) -> list[Case]:
    given = [of(x, dim, keep) for dim, keep in REDUCTIONS for x in (m(2, 3, 4), m.turned(2, 3, 4))]
    return [*given, of(m(), [0]), of(m(3, 0), [0]), of(m(33, 40), [1])]


SAMPLES[aten.sum.default] = lambda m: [of(x) for x in _one_of(m)] + [of(m(3, 4), dtype=k) for k in OTHER_KINDS]
SAMPLES[aten.sum.dim_IntList] = lambda m: [*_with_dims(m), of(m(3, 0), [1]), of(m(3, 4), [1], dtype=torch.float32)]
SAMPLES[aten.mean.default] = lambda m: [of(x) for x in _one_of(m) if x.numel()] + [of(m(3, 4), dtype=torch.float32)]
SAMPLES[aten.mean.dim] = lambda m: [*_with_dims(m), of(m(3, 4), [1], dtype=torch.float32)]
SAMPLES[aten.prod.default] = lambda m: [of(x) for x in shapes(m) + laid_out(m)] + [of(m(3, 2), dtype=torch.float32)]
SAMPLES[aten.prod.dim_int] = lambda m: [
    of(m(2, 3, 4), 1), of(m(2, 3, 4), -1, True), of(m(), 0), of(m.turned(2, 3), 0), of(m(2, 3), 0, dtype=torch.int64),
    of(m(3, 0), 1),
]  # fmt: skip
SAMPLES[aten.amax.default] = lambda m: [
    *(of(x, dim, keep) for dim, keep in REDUCTIONS if dim is not None for x in (m(2, 3, 4), m.turned(2, 3, 4))),
    of(m(2, 3)), of(m()), of(m(3, 0), [0]), of(m(3, 0), [1]),
]  # fmt: skip
SAMPLES[aten.amin.default] = SAMPLES[aten.amax.default]
SAMPLES[aten.max.default] = lambda m: [of(x) for x in _one_of(m)]
SAMPLES[aten.min.default] = SAMPLES[aten.max.default]
SAMPLES[aten.max.dim] = lambda m: [
    *(of(x, dim, keep) for dim, keep in ((0, False), (-1, True), (1, False)) for x in (m(2, 3, 4), m.turned(2, 3, 4))),
    of(m(7), 0), of(m(), 0), of(m(3, 0), 0), of(m(3, 0), 1), of(m(2, 3), 5), of(m(1, 1), 1), of(m(4, 300), 1),
]  # fmt: skip
SAMPLES[aten.min.dim] = SAMPLES[aten.max.dim]
SAMPLES[aten.all.default] = lambda m: [of(x) for x in _one_of(m)]
SAMPLES[aten.any.default] = SAMPLES[aten.all.default]
SAMPLES[aten.all.dim] = lambda m: [
    of(m(2, 3, 4), 1), of(m(2, 3, 4), -1, True), of(m(), 0), of(m(3, 0), 1), of(m.turned(2, 3), 0), of(m(2, 3), 5),
]  # fmt: skip
SAMPLES[aten.any.dim] = SAMPLES[aten.all.dim]
SAMPLES[aten.all.dims] = lambda m: [*(of(m(2, 3, 4), dim, keep) for dim, keep in REDUCTIONS), of(m(3, 0), [1])]
SAMPLES[aten.any.dims] = SAMPLES[aten.all.dims]
SAMPLES[aten.var.correction] = lambda m: [
    of(m(3, 4)), of(m(3, 4), [1]), of(m(2, 3, 4), [0, 2], correction=0, keepdim=True), of(m(3, 4), [0], correction=2),
    of(m(2, 3, 4), [-1], correction=0.5), of(m.turned(3, 4), [1], correction=0), of(m(0, 4)), of(m(3, 1), [1]),
    of(m(1, 2), [0, 1], correction=3),
]  # fmt: skip
SAMPLES[aten.std.correction] = SAMPLES[aten.var.correction]
SAMPLES[aten.var_mean.correction] = SAMPLES[aten.var.correction]
SAMPLES[aten.linalg_vector_norm.default] = lambda m: [
    of(m(3, 4)), of(m(3, 4), 2, [1]), of(m(2, 3, 4), 1, [0, 2], True), of(m(3, 4), 3), of(m(3), float("inf")),
    of(m()), of(m(3, 4), 2, [0], dtype=torch.float32),
]  # fmt: skip
SAMPLES[aten.logsumexp.default] = lambda m: [of(m(3, 4), [1]), of(m(2, 3, 4), [0, 2], True), of(m(), [0])]

SAMPLES[aten.full.default] = lambda m: [
    of([2, 3], 2, dtype=m.kind), of([], 1, dtype=m.kind), of([0], 1.5), of([2], 3), of([2], True),
]  # fmt: skip
SAMPLES[aten.zeros.default] = lambda m: [of([2, 3], dtype=m.kind), of([]), of([0, 2])]
SAMPLES[aten.ones.default] = SAMPLES[aten.zeros.default]
SAMPLES[aten.scalar_tensor.default] = lambda m: [of(2, dtype=m.kind), of(1.5), of(3), of(True)]
SAMPLES[aten.full_like.default] = lambda m: [
    of(m(2, 3), 2), of(m.turned(2, 3), 1.5), of(m(2, 3), 1, dtype=torch.float32), of(m(), True),
]  # fmt: skip
SAMPLES[aten.new_full.default] = lambda m: [
    of(m(2, 3), [4], 2),
    of(m(2), [], 1.5),
    of(m(2), [2, 0], 1, dtype=torch.bool),
]
SAMPLES[aten.new_zeros.default] = lambda m: [of(m(2, 3), [4]), of(m(2), []), of(m(2), [2, 0], dtype=torch.bool)]
SAMPLES[aten.new_ones.default] = SAMPLES[aten.new_zeros.default]
SAMPLES[aten.arange.default] = lambda m: [of(5), of(0), of(4, dtype=m.kind), of(2.5)]
SAMPLES[aten.arange.start] = lambda m: [of(2, 7), of(-3, 3, dtype=m.kind), of(1, 3.5)]
SAMPLES[aten.arange.start_step] = lambda m: [of(2, 9, 3), of(9, 0, -2), of(0, 6, 2, dtype=m.kind), of(0, 1, 0.25)]
SAMPLES[aten.tril.default] = lambda m: [
    of(m(3, 4)),
    of(m(2, 4, 3), 1),
    of(m(3, 3), -2),
    of(m.turned(3, 4)),
    of(m(0, 3)),
]
SAMPLES[aten.triu.default] = SAMPLES[aten.tril.default]

SAMPLES[aten.mm.default] = lambda m: [
    of(m(3, 4), m(4, 5)), of(m(3, 4), m(5, 4).t()), of(m.turned(3, 4), m(4, 5)), of(m(0, 4), m(4, 5)), of(m(3, 0), m(0, 5)),
    of(m(3, 4), m(3, 5)), of(m(1, 4), m(4, 1)),
]  # fmt: skip
SAMPLES[aten.bmm.default] = lambda m: [
    of(m(2, 3, 4), m(2, 4, 5)), of(m(2, 3, 4), m(2, 5, 4).transpose(1, 2)), of(m(1, 3, 4).expand(2, 3, 4), m(2, 4, 5)),
    of(m(0, 3, 4), m(0, 4, 5)), of(m(2, 3, 4), m(3, 4, 5)),
]  # fmt: skip
SAMPLES[aten.mv.default] = lambda m: [of(m(3, 4), m(4)), of(m.turned(3, 4), m(4)), of(m(3, 4), m(1).expand(4))]
SAMPLES[aten.addmm.default] = lambda m: [
    of(m(5), m(3, 4), m(4, 5)), of(m(3, 5), m(3, 4), m(5, 4).t()), of(m(5), m(3, 4), m(4, 5), beta=0, alpha=2),
    of(m(3, 1), m(3, 4), m(4, 5), beta=2), of(m(1), m(3, 4), m(4, 5), alpha=3),
]  # fmt: skip
SAMPLES[aten.baddbmm.default] = lambda m: [
    of(m(2, 3, 5), m(2, 3, 4), m(2, 4, 5)), of(m(5), m(2, 3, 4), m(2, 4, 5), beta=2, alpha=2),
    of(m(2, 1, 5), m(2, 3, 4), m(2, 4, 5)), of(m(2, 3, 5), m(2, 3, 4), m(2, 4, 5), beta=0),
]  # fmt: skip
SAMPLES[aten.linear.default] = lambda m: [
    of(m(3, 4), m(5, 4)), of(m(2, 3, 4), m(5, 4), m(5)), of(m(4), m(5, 4), m(5)), of(m.turned(3, 4), m(5, 4), m(5)),
]  # fmt: skip
SAMPLES[aten._softmax.default] = lambda m: [
    of(m(3, 4), 1, False), of(m(2, 3, 4), 0, False), of(m.turned(3, 4), -1, False), of(m(), 0, False), of(m(0, 3), 1, False),
    of(m(3, 0), 1, False), of(m(2, 300), 1, False),
]  # fmt: skip
SAMPLES[aten._log_softmax.default] = SAMPLES[aten._softmax.default]


@samples(aten._safe_softmax.default)
def _(m: Maker) -> list[Case]:
    hidden = m(3, 4)
    if m.floats:
        hidden[1] = float("-inf")
        hidden[0, 1] = float("-inf")
    return [of(hidden, -1), of(m(2, 3, 4), 1), of(m(3, 4), -1, dtype=torch.float32)]


@samples(aten._softmax_backward_data.default, aten._log_softmax_backward_data.default)
def _(m: Maker) -> list[Case]:
    return [
        of(m(3, 4), _magnitude(m(3, 4)), 1, m.kind),
        of(m.turned(2, 3), m(2, 3), 0, m.kind),
        of(m(), m(), 0, m.kind),
    ]


@samples(aten.native_layer_norm.default)
def _(m: Maker) -> list[Case]:
    found = [
        of(m(3, 8), [8], m(8), m(8), 1e-5),
        of(m(2, 3, 4), [3, 4], m(3, 4), None, 1e-5),
        of(m(2, 8), [8], None, m(8), 1e-5),
        of(m.turned(3, 8), [8], None, None, 1e-5),
        of(m(0, 8), [8], m(8), m(8), 1e-5),
    ]
    if m.kind in (torch.float16, torch.bfloat16):
        found.append(of(m(3, 8), [8], m(8, kind=torch.float32), m(8, kind=torch.float32), 1e-5))
    return found


SAMPLES[aten._fused_rms_norm.default] = lambda m: [
    of(m(3, 8), [8], m(8), 1e-5), of(m(2, 3, 4), [3, 4], None, None), of(m.turned(3, 8), [8], m(8), None),
]  # fmt: skip
SAMPLES[aten.native_group_norm.default] = lambda m: [
    of(m(2, 6, 5), m(6), m(6), 2, 6, 5, 3, 1e-5), of(m(2, 4, 3, 3), None, m(4), 2, 4, 9, 2, 1e-5),
]  # fmt: skip


@samples(aten.native_batch_norm.default)
def _(m: Maker) -> list[Case]:
    statistics = (m(3), m.positive(3))
    return [
        of(m(2, 3, 4), m(3), m(3), *statistics, False, 0.1, 1e-5),
        of(m(2, 3), None, None, *statistics, False, 0.1, 1e-5),
        of(m(2, 3, 4, 5).to(memory_format=torch.channels_last), m(3), m(3), *statistics, False, 0.1, 1e-5),
    ]


SAMPLES[aten._native_batch_norm_legit_no_training.default] = lambda m: [
    of(m(2, 3, 4), m(3), m(3), m(3), m.positive(3), 0.1, 1e-5), of(m(2, 3), None, None, m(3), m.positive(3), 0.1, 1e-5),
]  # fmt: skip


@samples(aten._scaled_dot_product_flash_attention_for_cpu.default)
def _(m: Maker) -> list[Case]:
    query, key, value = m(2, 4, 3, 8), m(2, 4, 5, 8), m(2, 4, 5, 8)
    across = m(2, 3, 4, 8).transpose(1, 2)
    hidden = torch.where(m(3, 5, kind=torch.bool), 0.0, float("-inf")).to(m.kind) if m.floats else m(3, 5)
    return [
        of(query, key, value),
        of(across, key, value, scale=0.5),
        of(query, key, value, attn_mask=m(2, 4, 3, 5)),
        of(query, key, value, attn_mask=m(3, 5)),
        of(query, key, value, attn_mask=hidden),
        of(query, key, value, 0.0, True),
        of(m(1, 2, 3, 8), m(1, 2, 3, 8), m(1, 2, 3, 8), 0.0, True),
    ]


@samples(aten.nll_loss_forward.default)
def _(m: Maker) -> list[Case]:
    target = m.indices(6, below=4)
    some = target.clone()
    some[2] = -100
    x = m(6, 4)
    return [
        *(of(x, target, None, reduction, -100) for reduction in (0, 1, 2)),
        of(x, some, None, 1, -100),
        of(x, target, None, 1, 2),
        of(m(4), torch.tensor(2), None, 1, -100),
        of(x, target, m.positive(4), 1, -100),
    ]


@samples(aten.nll_loss_backward.default)
def _(m: Maker) -> list[Case]:
    target = m.indices(6, below=4)
    x, number = m(6, 4), torch.tensor(6.0).to(m.kind)
    return [
        of(m(), x, target, None, 1, -100, number),
        of(m(), x, target, None, 2, -100, number),
        of(m(6), x, target, None, 0, -100, number),
        of(m(), x, target, None, 1, 2, number),
        of(m(), m(4), torch.tensor(2), None, 1, -100, torch.tensor(1.0).to(m.kind)),
    ]


SAMPLES[aten.mse_loss.default] = lambda m: [of(m(3, 4), m(3, 4), reduction) for reduction in (0, 1, 2)]
SAMPLES[aten.glu.default] = lambda m: [of(m(3, 8)), of(m(4, 3), 0), of(m.turned(2, 6)), of(m(3, 5))]
SAMPLES[aten.threshold_backward.default] = lambda m: [of(m(3, 4), m(3, 4), 0), of(m(3, 4), m.turned(3, 4), 0.5)]


@samples(aten.tanh_backward.default, aten.sigmoid_backward.default, aten.silu_backward.default)
def _(m: Maker) -> list[Case]:
    return [of(m(3, 4), m(3, 4)), of(m.turned(3, 4), m.turned(3, 4)), of(m(), m())]


SAMPLES[aten.gelu_backward.default] = lambda m: [
    of(m(3, 4), m(3, 4)), of(m(3, 4), m(3, 4), approximate="tanh"), of(m.turned(3, 4), m.turned(3, 4)),
]  # fmt: skip


@samples(aten.native_layer_norm_backward.default)
def _(m: Maker) -> list[Case]:
    x, weight = m(3, 8), m(8)
    middle, spread = m(3, 1), m.positive(3, 1)
    return [
        of(m(3, 8), x, [8], middle, spread, weight, m(8), [True, True, True]),
        of(m(3, 8), x, [8], middle, spread, weight, None, [True, False, False]),
        of(m(3, 8), x, [8], middle, spread, None, None, [True, False, False]),
    ]


@samples(aten.view.default, aten._unsafe_view.default, aten.reshape.default)
def _(m: Maker) -> list[Case]:
    return [of(m(2, 6), [3, 4]), of(m(2, 3, 4), [-1, 4]), of(m(), [1]), of(m(0, 3), [0, 3, 1]), of(m(4), [2, 2])]


SAMPLES[aten._reshape_alias.default] = lambda m: [of(m(2, 6), [3, 4], [4, 1]), of(m(4, 2).t(), [2, 2, 2], [1, 4, 2])]
SAMPLES[aten.reshape.default] = lambda m: [of(m(2, 6), [3, 4]), of(m.turned(3, 4), [12]), of(m(2, 3, 4), [-1, 4])]
SAMPLES[aten.t.default] = lambda m: [of(m(2, 3)), of(m(3)), of(m()), of(m(2, 3, 4))]
SAMPLES[aten.transpose.int] = lambda m: [of(m(2, 3), 0, 1), of(m(2, 3, 4), -1, 0), of(m(), 0, 0), of(m(2), 0, 2)]
SAMPLES[aten.permute.default] = lambda m: [of(m(2, 3, 4), [2, 0, 1]), of(m(2, 3), [-1, 0]), of(m(), [])]
SAMPLES[aten.expand.default] = lambda m: [
    of(m(3, 1), [3, 4]), of(m(3), [2, -1]), of(m(), [2, 3]), of(m(1, 0), [2, 0]), of(m(3), [4]),
]  # fmt: skip
SAMPLES[aten.unsqueeze.default] = lambda m: [of(m(2, 3), 0), of(m(2, 3), -1), of(m(), 0), of(m(2), 3)]
SAMPLES[aten.squeeze.default] = lambda m: [of(m(2, 1, 3, 1)), of(m(2)), of(m())]
SAMPLES[aten.squeeze.dim] = lambda m: [of(m(2, 1, 3), 1), of(m(2, 3), 0), of(m(), 0), of(m(2, 1), 4)]
SAMPLES[aten.squeeze.dims] = lambda m: [of(m(2, 1, 3, 1), [1, -1]), of(m(2, 1), [0, 1])]
SAMPLES[aten.slice.Tensor] = lambda m: [
    of(m(5, 3), 0, 1, 4), of(m(5, 3), -1, 0, 9223372036854775807, 2), of(m(5), 0, -3), of(m(5), 0, 4, 2), of(m(5), 0, -9, 99, 3),
    of(m(0, 2), 0, 0, 1), of(m(5, 3), 1, None, -1), of(m(5), 3),
]  # fmt: skip
SAMPLES[aten.select.int] = lambda m: [of(m(5, 3), 0, 2), of(m(5, 3), -1, -2), of(m(5), 0, 0), of(m(5), 0, 5)]
SAMPLES[aten.split.Tensor] = lambda m: [of(m(5, 3), 2), of(m(5, 6), 3, 1), of(m(4), 4), of(m(0, 2), 3), of(m(5), 9)]
SAMPLES[aten.split_with_sizes.default] = lambda m: [of(m(5, 3), [2, 3]), of(m(2, 6), [1, 0, 5], -1), of(m(5), [1, 1])]
SAMPLES[aten.unbind.int] = lambda m: [of(m(3, 2)), of(m(2, 3), -1), of(m(0, 3)), of(m())]
SAMPLES[aten.cat.default] = lambda m: [
    of([m(2, 3), m(4, 3)]), of([m(2, 3), m(2, 1), m(2, 0)], -1), of([m(0), m(2, 3)]), of([m.turned(2, 3), m(2, 3)], 1),
    of([m(2), m(3)]), of([m(2, 3)]), of([m(2, 3), m(3, 4)]), of([m(0), m(0)]),
    *(of([m(2, 3), m(2, 3, kind=kind)], 1) for kind in OTHER_KINDS),
]  # fmt: skip
SAMPLES[aten.stack.default] = lambda m: [
    of([m(2, 3), m(2, 3)]), of([m(2), m(2), m(2)], -1), of([m(), m()]), of([m(2), m(3)]),
    of([m.turned(2, 3), m(2, 3)], 1), *(of([m(3), m(3, kind=kind)]) for kind in OTHER_KINDS),
]  # fmt: skip
SAMPLES[aten.constant_pad_nd.default] = lambda m: [
    of(m(2, 3), [1, 2]), of(m(2, 3), [1, 0, 0, 2], 2.5), of(m(3), [0, 0]), of(m(3), [-1, 1], 1), of(m.turned(2, 3), [1, 1], 1),
]  # fmt: skip
SAMPLES[aten.repeat.default] = lambda m: [
    of(m(2, 3), [2, 1]),
    of(m(3), [2, 2]),
    of(m(), [3]),
    of(m(2), [0]),
    of(m(2, 3), [1]),
]
SAMPLES[aten.empty.memory_format] = lambda m: [of([2, 0], dtype=m.kind)]
