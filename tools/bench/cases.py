"""What is measured: operators, subgraphs and models, each over a stream of distinct shapes. Imports NumPy only.

What a case computes is written once for each library, in `with_numpy`, `with_torch`, `with_numexpr` and `with_mindspore`, under
its name. The shapes of a case are tuples that its `arrays` understands: rows and columns for most.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

from tools.bench.with_numexpr import TEXTS

Array = npt.NDArray[Any]
Shape = tuple[int, ...]
Arrays = Callable[[Shape, np.random.Generator], list[Array]]

HEADS, HEAD = 8, 64
"""Of attention and of the rotary embedding."""

WIDTH, BLOCKS = 256, 2
"""Of the transformer, which has four heads."""

DECODE_STEPS = 200
QUICK_SHAPES, QUICK_STEPS = 4, 12


@dataclass(frozen=True)
class Case:
    """Something to compute. Its name begins with `operator/`, `subgraph/` or `model/`."""

    name: str
    about: str
    stream: tuple[Shape, ...]
    """Distinct shapes, in the order in which they come. Of a decoding loop: the numbers of its steps."""
    steady: Shape | None
    """The shape that is computed over and over; None where that is the whole stream, as for a decoding loop."""
    arrays: Arrays | None = None
    """The inputs for a shape; None for models that are there in PyTorch only."""
    weights: Callable[[], list[Array]] | None = None
    """Inputs after those, which are the same for all shapes."""
    without: frozenset[str] = frozenset()
    """Libraries that cannot express it, beside those that follow from the rest."""
    tolerance: float = 5e-4
    """What |result - exact| / (1 + |exact|) may be."""

    @property
    def kind(self) -> str:
        """operator, subgraph or model."""
        return self.name.split("/")[0]

    def can(self, library: str) -> bool:
        """Whether a library can express it: torch, numpy, numexpr or mindspore."""
        if library == "numexpr":
            return self.name in TEXTS
        return library == "torch" or (self.arrays is not None and library not in self.without)

    def inputs(self, shape: Shape) -> list[Array]:
        """The same arrays each time, without the weights."""
        assert self.arrays is not None
        return self.arrays(shape, np.random.default_rng(abs(hash(shape)) % 2**32))

    def quick(self) -> "Case":
        """The same with few shapes."""
        return replace(self, stream=self.stream[: QUICK_STEPS if self.steady is None else QUICK_SHAPES])


def _normal(*shapes: Callable[[Shape], Shape]) -> Arrays:
    """Inputs of normal f32, of the shapes that follow from a case's."""
    return lambda shape, random: [random.standard_normal(of(shape), np.float32) for of in shapes]


def _whole(shape: Shape) -> Shape:
    return shape


def _row(shape: Shape) -> Shape:
    return shape[1:]


def _turned(shape: Shape) -> Shape:
    return shape[::-1]


def _square(shape: Shape) -> Shape:
    return shape[1], shape[1]


def _logits(shape: Shape, random: np.random.Generator) -> list[Array]:
    return [random.standard_normal(shape, np.float32), random.integers(0, shape[1], shape[0])]


def _moments(shape: Shape, random: np.random.Generator) -> list[Array]:
    """A parameter, its gradient, and the mean and variance of that."""
    parameter, gradient, mean, variance = (random.standard_normal(shape, np.float32) for _ in range(4))
    return [parameter, gradient, mean, variance * variance]


def _attention(shape: Shape, random: np.random.Generator) -> list[Array]:
    """Queries, keys and values [heads, length, 64], and a mask [length, length] to be added that leaves no row empty."""
    (length,) = shape
    parts = [random.standard_normal((HEADS, length, HEAD), np.float32) for _ in range(3)]
    return [*parts, np.triu(np.full((length, length), -1e9, np.float32), 1)]


def _rotary(shape: Shape, random: np.random.Generator) -> list[Array]:
    """[heads, length, 64], with the cosine and sine [length, 64] of the positions' angles."""
    (length,) = shape
    angles = np.outer(np.arange(length), 10000.0 ** (-np.arange(0, HEAD, 2) / HEAD))
    angles = np.concatenate((angles, angles), -1)
    x = random.standard_normal((HEADS, length, HEAD), np.float32)
    return [x, np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)]


def transformer_weights() -> list[Array]:
    """For each block: scale and shift, the products' weights [in, out] and biases, in the order of computation."""
    random = np.random.default_rng(5)

    def product(inner: int, outer: int) -> list[Array]:
        weights = random.standard_normal((inner, outer), np.float32) / np.float32(inner**0.5)
        return [weights, 0.1 * random.standard_normal(outer, np.float32)]

    def norm() -> list[Array]:
        return [1 + 0.1 * random.standard_normal(WIDTH, np.float32), 0.1 * random.standard_normal(WIDTH, np.float32)]

    found: list[Array] = []
    for _ in range(BLOCKS):
        found += norm() + product(WIDTH, 3 * WIDTH) + product(WIDTH, WIDTH)
        found += norm() + product(WIDTH, 4 * WIDTH) + product(4 * WIDTH, WIDTH)
    return found


def _transformer(shape: Shape, random: np.random.Generator) -> list[Array]:
    return [random.standard_normal((1, *shape, WIDTH), np.float32)]


MATRICES = tuple((17 + 13 * number, 64 + 29 * number) for number in range(20))
"""Rows and columns, no two alike."""

LENGTHS = tuple((17 + 13 * number,) for number in range(20))
LARGE = (4000, 1024)
PRODUCT = (1000, 1024)

_ONE, _TWO, _THREE = _normal(_whole), _normal(_whole, _whole), _normal(_whole, _whole, _whole)
_LINEAR = _normal(_whole, _square, _row)

_ERF = frozenset({"numpy"})
"""NumPy has no erf."""


def _matrix(name: str, about: str, arrays: Arrays, steady: Shape = LARGE, **others: Any) -> Case:
    return Case(name, about, MATRICES, steady, arrays, **others)


_CASES = (
    _matrix("operator/add", "x + y", _TWO),
    _matrix("operator/add_row", "x + row", _normal(_whole, _row)),
    _matrix("operator/mul", "x * y", _TWO),
    _matrix("operator/maximum", "maximum(x, y)", _TWO),
    _matrix("operator/where", "where(x > y, x, y)", _TWO),
    _matrix("operator/exp", "exp(x)", _ONE),
    _matrix("operator/tanh", "tanh(x)", _ONE),
    _matrix("operator/sigmoid", "sigmoid(x)", _ONE),
    _matrix("operator/gelu", "gelu(x), with erf", _ONE, without=_ERF),
    _matrix("operator/sum_rows", "sum over the last axis", _ONE),
    _matrix("operator/sum_columns", "sum over the first axis", _ONE),
    _matrix("operator/sum_all", "sum of all elements", _ONE),
    _matrix("operator/max_rows", "maximum over the last axis", _ONE),
    _matrix("operator/softmax", "softmax over the last axis, as one operator", _ONE),
    _matrix("operator/layer_norm", "layer norm, as one operator", _normal(_whole, _row, _row)),
    _matrix("operator/transpose_add", "transpose(x) + y", _normal(_whole, _turned)),
    _matrix("operator/concat", "x and y beside each other", _TWO),
    _matrix("operator/matmul", "x @ w, w square", _normal(_whole, _square), PRODUCT),
    Case(
        "operator/attention",
        "attention with a mask, as one operator where there is one",
        LENGTHS,
        (512,),
        _attention,
        without=frozenset({"numpy", "mindspore"}),
    ),
    _matrix("subgraph/gelu_chain", "t = x * y + z; (gelu(t) + x) * c, gelu by tanh", _THREE),
    _matrix("subgraph/softmax", "softmax written out: exp, max, sum", _ONE),
    _matrix("subgraph/layer_norm", "layer norm written out: means, sqrt", _normal(_whole, _row, _row)),
    _matrix("subgraph/rms_norm_residual", "s = x + residual; s and its RMS norm", _normal(_whole, _whole, _row)),
    _matrix("subgraph/swiglu", "silu(x) * y", _TWO),
    _matrix("subgraph/bias_gelu", "gelu(x @ w + b), with erf", _LINEAR, PRODUCT, without=_ERF),
    Case("subgraph/attention", "attention with a mask, written out: 8 heads of 64", LENGTHS, (512,), _attention),
    _matrix("subgraph/cross_entropy", "mean cross entropy of logits", _logits),
    Case("subgraph/rotary", "rotary embedding of 8 heads of 64", LENGTHS, (8000,), _rotary),
    _matrix("subgraph/adamw", "a step of AdamW: the parameter and both moments", _moments),
    Case(
        "model/transformer",
        f"two pre-norm transformer blocks, width {WIDTH}, 4 heads",
        tuple((17 + 13 * number,) for number in range(40)),
        (256,),
        _transformer,
        transformer_weights,
        tolerance=1e-3,
    ),
)

CASES = {case.name: case for case in _CASES}
"""The cases that need no PyTorch, by name."""


def find(name: str) -> Case:
    """A case by its name. Raises KeyError."""
    return CASES[name] if name in CASES else all_cases()[name]


def all_cases() -> dict[str, Case]:
    """All cases by name, with the models of `tools.bench.models` where PyTorch is installed."""
    found = dict(CASES)
    if find_spec("torch") is None:
        return found
    from tools.bench.models import MODELS

    for name, model in MODELS.items():
        sizes = tuple((size,) for size in model.sizes)
        about = f"a model after {name}, at sizes {', '.join(str(size) for size in model.sizes)}"
        found[f"model/{name}"] = Case(f"model/{name}", about, sizes, sizes[-1], tolerance=1e-3)
    steps = tuple((step,) for step in range(DECODE_STEPS))
    for name in ("gpt2", "llama"):
        if name in MODELS:
            about = f"a model after {name} that decodes {DECODE_STEPS} tokens with a growing cache"
            found[f"model/decode_{name}"] = Case(f"model/decode_{name}", about, steps, None, tolerance=1e-3)
    return found
