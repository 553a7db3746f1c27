"""Who is measured: how each contender is set up in a process of its own, and how it computes a case.

Only the process of a contender imports what it needs; the table is read by others too.
"""

import os
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast

import numpy as np

from tools.bench.cases import Array, Case, Shape

Call = Callable[..., Any]

PROMPT = 7
"""Tokens that are in the cache before a decoding loop begins; the batch is 2.

No other size of the models: Dynamo takes equal sizes for one symbol, and one that is as large as the heads for a constant.
"""

WIDTHS = {"resnet": 32}
OTHER_WIDTH = 256
"""Of the models."""


@dataclass(frozen=True)
class Contender:
    """One of those that are compared."""

    name: str
    title: str
    library: str
    """Whose functions it computes with: torch, numpy, numexpr or mindspore."""
    setup: "Callable[[Case, int], Setup]"
    """For a case and a number of threads; imports the library."""
    modules: tuple[str, ...] = ()
    """What must be installed."""
    compiles_ours: bool = False
    """Whether its version is that of this project's sources too."""


class Setup:
    """A case in a contender's process. What it does outside of the function of `make` is not timed."""

    def __init__(self, case: Case, threads: int) -> None:
        self.case = case
        self.threads = threads

    def make(self) -> Call:
        """What computes the case, whole, when called with inputs. Making it is part of the first call's time."""
        raise NotImplementedError

    def inputs(self, shape: Shape, before: Any) -> list[Any]:
        """The inputs for a shape; `before` is the last result, which decoding goes on from, or None."""
        return self.given([*self.case.inputs(shape), *(self.case.weights() if self.case.weights else [])])

    def given(self, arrays: list[Array]) -> list[Any]:
        """Arrays as the contender takes them."""
        return list(arrays)

    def arrays(self, result: Any) -> list[Array]:
        """A result, or a tuple of them, as arrays."""
        return [np.asarray(one) for one in _parts(result)]

    def expected(self) -> Callable[[Shape], list[Array]]:
        """What gives the exact results: for the shapes in the order of the stream, in float64."""
        from tools.bench.with_numpy import FUNCTIONS

        function = FUNCTIONS[self.case.name]
        weights = [_wide(array) for array in (self.case.weights() if self.case.weights else [])]

        def exact(shape: Shape) -> list[Array]:
            return Setup.arrays(self, function(*map(_wide, self.case.inputs(shape)), *weights))

        return exact

    def notes(self) -> dict[str, Any]:
        """What else is worth keeping of a stream."""
        return {}


def _parts(result: Any) -> Sequence[Any]:
    """The results of one that may be a tuple of them."""
    return cast("Sequence[Any]", result) if isinstance(result, tuple | list) else (result,)


def _wide(array: Array) -> Array:
    return array.astype(np.float64) if array.dtype == np.float32 else array


class _Numpy(Setup):
    def make(self) -> Call:
        from tools.bench.with_numpy import FUNCTIONS

        return FUNCTIONS[self.case.name]


class _Numexpr(Setup):
    def __init__(self, case: Case, threads: int) -> None:
        super().__init__(case, threads)
        self.module = import_module("numexpr")
        self.module.set_num_threads(threads)

    def make(self) -> Call:
        from tools.bench.with_numexpr import TEXTS

        found = TEXTS[self.case.name]
        texts = (found,) if isinstance(found, str) else found
        constants: dict[str, Any] = {}

        def named(match: "re.Match[str]") -> str:
            # Numbers in the text are float64 to numexpr, and everything with them.
            name = f"k{len(constants)}"
            constants[name] = np.float32(match[0])
            return name

        texts = tuple(re.sub(r"\b\d+\.?\d*e-?\d+|\b\d+\.\d+", named, text) for text in texts)
        evaluate = self.module.evaluate

        def call(*inputs: Array) -> Any:
            names = {**dict(zip("abcd", inputs, strict=False)), **constants}
            results = [evaluate(text, names, {}) for text in texts]
            return results if len(results) > 1 else results[0]

        return call


class _Mindspore(Setup):
    def __init__(self, case: Case, threads: int) -> None:
        super().__init__(case, threads)
        self.module = import_module("mindspore")
        self.module.set_context(mode=self.module.GRAPH_MODE)
        with suppress(Exception):  # the number of threads may be asked for once only
            self.module.set_context(runtime_num_threads=threads)
        self.functions = import_module("tools.bench.with_mindspore").FUNCTIONS

    def make(self) -> Call:
        compiled = self.module.jit(self.functions[self.case.name], jit_level="O0")

        def call(*inputs: Any) -> Any:
            result = compiled(*inputs)
            for one in _parts(result):
                one.asnumpy()  # waits for it
            return result

        return call

    def given(self, arrays: list[Array]) -> list[Any]:
        return [self.module.Tensor(one.astype(np.int32) if one.dtype == np.int64 else one) for one in arrays]

    def arrays(self, result: Any) -> list[Array]:
        return [one.asnumpy() for one in _parts(result)]


class _Torch(Setup):
    """Eager; without gradients, as all contenders on PyTorch."""

    def __init__(self, case: Case, threads: int) -> None:
        super().__init__(case, threads)
        import torch

        torch.set_num_threads(threads)
        torch.set_grad_enabled(False)
        self.torch: Any = torch
        self.model: Any = None
        self.rest: tuple[Any, ...] = ()
        self.fixed = 0
        if case.arrays is None:
            self._find_model()
        elif case.weights is not None:
            from tools.bench.with_torch import MODULES

            self.model = MODULES[case.name](self.given(case.weights()))

    def _find_model(self) -> None:
        from tools.bench.models import MODELS, made

        name = self.case.name.removeprefix("model/").removeprefix("decode_")
        self.entry = MODELS[name]
        self.model = made(name, width=WIDTHS.get(name, OTHER_WIDTH))
        if self.case.steady is None:
            assert self.entry.decoder is not None
            self.fixed = self.entry.decoder.fixed
            generator = self.torch.Generator().manual_seed(7)
            length = PROMPT + len(self.case.stream)
            self.tokens = self.torch.randint(0, 200, (2, length), generator=generator)
            self.rest = self._prompted(self.model)

    def _prompted(self, model: Any) -> tuple[Any, ...]:
        """What follows the tokens in the first step of a decoding loop."""
        assert self.entry.decoder is not None
        first = self.entry.decoder.start(model, 2)
        _, *cache = model(self.tokens[:, :PROMPT], *first)
        # As each later step leaves it: views of a larger tensor would be compiled for as something else.
        return (*first[: self.fixed], *(one.contiguous() for one in cache))

    def _step(self, shape: Shape, before: Any, first: tuple[Any, ...]) -> list[Any]:
        rest = first if before is None else (*first[: self.fixed], *before[1:])
        at = PROMPT + shape[0]
        return [self.tokens[:, at : at + 1], *rest]

    def inputs(self, shape: Shape, before: Any) -> list[Any]:
        if self.case.arrays is not None:
            return self.given(self.case.inputs(shape))
        if self.case.steady is None:
            return self._step(shape, before, self.rest)
        return list(self.entry.inputs(shape[0]))

    def given(self, arrays: list[Array]) -> list[Any]:
        return [self.torch.from_numpy(array) for array in arrays]

    def arrays(self, result: Any) -> list[Array]:
        return [one.numpy() for one in _parts(result)]

    def expected(self) -> Callable[[Shape], list[Array]]:
        if self.case.arrays is not None:
            return super().expected()
        model = deepcopy(self.model).double()
        before: Any = None
        first = self._prompted(model) if self.case.steady is None else ()

        def exact(shape: Shape) -> list[Array]:
            nonlocal before
            if self.case.steady is None:
                before = model(*self._step(shape, before, first))
                return self.arrays(before)
            given = [one.double() if one.is_floating_point() else one for one in self.entry.inputs(shape[0])]
            return self.arrays(model(*given))

        return exact

    def function(self) -> Call:
        """The module, or the function, as it is in PyTorch."""
        if self.model is not None:
            return self.model
        from tools.bench.with_torch import FUNCTIONS

        return FUNCTIONS[self.case.name]

    def make(self) -> Call:
        return self.function()


class _Compiled(_Torch):
    """By way of `torch.compile`."""

    options: dict[str, Any] = {}

    def make(self) -> Call:
        return self.torch.compile(self.function(), **self.options)

    def notes(self) -> dict[str, Any]:
        from torch._dynamo.utils import counters

        return {"graphs": counters["stats"]["unique_graphs"]}


class _Dvm(_Compiled):
    options = {"backend": "dvm"}


class _Inductor(_Compiled):
    def make(self) -> Call:
        import torch._dynamo.config as config

        # Else it would go on without compiling after eight shapes.
        config.recompile_limit = config.accumulated_recompile_limit = 1_000_000
        config.fail_on_recompile_limit_hit = True
        return super().make()


class _InductorStatic(_Inductor):
    options = {"dynamic": False}


class _InductorDynamic(_Inductor):
    options = {"dynamic": True}


class _DvmLazy(_Torch):
    def __init__(self, case: Case, threads: int) -> None:
        super().__init__(case, threads)
        self.lazy = import_module("dvm.torch").lazy

    def make(self) -> Call:
        function, lazy = self.function(), self.lazy

        def call(*inputs: Any) -> Any:
            with lazy():
                return function(*inputs)

        return call


_ALL = (
    Contender("dvm", "DVM, torch.compile", "torch", _Dvm, ("torch", "dvm"), compiles_ours=True),
    Contender("dvm-lazy", "DVM, lazy", "torch", _DvmLazy, ("torch", "dvm"), compiles_ours=True),
    Contender("eager", "PyTorch eager", "torch", _Torch, ("torch",)),
    Contender("inductor-static", "Inductor, static", "torch", _InductorStatic, ("torch",)),
    Contender("inductor-dynamic", "Inductor, dynamic", "torch", _InductorDynamic, ("torch",)),
    Contender("mindspore", "MindSpore O0", "mindspore", _Mindspore, ("mindspore",)),
    Contender("numexpr", "numexpr", "numexpr", _Numexpr, ("numexpr",)),
    Contender("numpy", "NumPy", "numpy", _Numpy, ("numpy",)),
)
CONTENDERS = {contender.name: contender for contender in _ALL}
"""By name, in the order in which they are shown."""


def environment(threads: int, scratch: str) -> dict[str, str]:
    """The environment variables of a contender's process, which finds no cache that another one wrote."""
    found = {name: value for name, value in os.environ.items() if name not in ("DVM_CACHE_DIR", "PYTHONSTARTUP")}
    for name in ("OMP", "MKL", "OPENBLAS", "NUMEXPR"):
        found[f"{name}_NUM_THREADS"] = str(threads)
    found["NUMEXPR_MAX_THREADS"] = found["DVM_CORES"] = str(threads)
    found["TORCHINDUCTOR_CACHE_DIR"] = os.path.join(scratch, "inductor")
    found["TRITON_CACHE_DIR"] = os.path.join(scratch, "triton")
    found["TMPDIR"] = scratch
    found["GLOG_v"] = "3"  # MindSpore's warnings
    return found
