"""PyTorch's own samples of its operations and modules, recorded and compiled, beside eager mode.

    pip install expecttest
    python tests/fuzz/pytorch.py lazy                        # 600 operations, their samples, six element types
    python tests/fuzz/pytorch.py compile --samples 2 --only softmax
    python tests/fuzz/pytorch.py lazy --gradients --types float32
    python tests/fuzz/pytorch.py compile --modules

Most of the operations stay in PyTorch, or are several of those that DVM has: what is looked for is an exception, or another result,
where DVM and PyTorch meet. Each failure is printed once for an operation and an element type; the exit code says whether
there was one. Some are PyTorch's own: a few operations have other shapes, or no rule at all, on the fake tensors of `torch.compile`, and
it rounds sums of 16-bit floats more often.
"""

import argparse
import logging
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch.utils._pytree import tree_leaves, tree_map

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # the script is run by its path, and `tests` is no installed package

import dvm.torch  # noqa: E402
from dvm.frontends.torch.backend import Report, backend  # noqa: E402

TYPES = ("float32", "float16", "bfloat16", "int64", "int32", "bool")

RANDOM = (
    "empty", "rand", "normal", "bernoulli", "multinomial", "dropout", "rrelu", "uniform", "exponential", "cauchy", "geometric",
    "gumbel", "fractional", "lowrank", "lazy",
)  # fmt: skip
"""What is in the names of operations and modules whose results are not the same twice."""

TOLERANCES = {torch.float16: 4e-3, torch.bfloat16: 3e-2}
"""Of results and of what they are relative to; 1e-4 for other types: many samples are sums of what nearly cancels."""

SECONDS = 60

Run = Callable[[], Any]
Sample = tuple[str, Callable[[], tuple[Callable[..., Any], Any, Any]]]
"""A name, and what makes a function and its arguments, the same each time."""


def is_random(name: str) -> bool:
    return any(part in name.lower() for part in RANDOM)


def copied(value: Any) -> Any:
    """A copy of a tensor that lies in memory of its own in the same way; of anything else itself."""
    if not isinstance(value, torch.Tensor) or value.layout is not torch.strided:
        return value
    found = torch.empty(0, dtype=value.dtype).set_(
        value.untyped_storage().clone(), value.storage_offset(), value.shape, value.stride()
    )
    return found.requires_grad_(value.requires_grad)


def operations(kinds: list[torch.dtype], count: int, gradients: bool) -> Iterator[Sample]:
    from torch.testing._internal.common_methods_invocations import op_db

    for operation in op_db:
        if is_random(operation.name) or (gradients and not operation.supports_autograd):
            continue
        for kind in kinds:
            if not operation.supports_dtype(kind, "cpu"):
                continue
            try:
                samples = list(islice(operation.sample_inputs("cpu", kind, requires_grad=gradients), 40))
            except Exception:  # those that need what is not installed
                continue
            for sample in samples[:: max(1, len(samples) // count)][:count]:
                given = (sample.input, *sample.args), sample.kwargs
                name = f"{operation.name} {operation.variant_test_name} {kind}"
                yield name, lambda operation=operation, given=given: (operation.op, *tree_map(copied, given))


def modules(count: int, gradients: bool) -> Iterator[Sample]:
    from torch.testing._internal.common_modules import module_db

    for info in module_db:
        if is_random(info.module_cls.__name__):
            continue
        try:
            found = info.module_inputs_func(
                info, device="cpu", dtype=torch.float32, requires_grad=gradients, training=gradients
            )
        except Exception:
            continue
        for given in islice(found, count):
            forward = given.forward_input
            if forward is None:
                continue

            def make(cls: Any = info.module_cls, made: Any = given.constructor_input, forward: Any = forward) -> Any:
                torch.manual_seed(0)
                return cls(*made.args, **made.kwargs).train(gradients), *tree_map(
                    copied, (forward.args, forward.kwargs)
                )

            yield info.module_cls.__name__, make


def eagerly(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


def lazily(function: Callable[..., Any]) -> Callable[..., Any]:
    def run(*arguments: Any, **options: Any) -> Any:
        with dvm.torch.lazy():
            return function(*arguments, **options)

    return run


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    torch._dynamo.reset()

    def run(*arguments: Any, **options: Any) -> Any:
        return function(*arguments, **options)

    return torch.compile(run, backend=partial(backend, report=Report()))


WAYS = {"lazy": lazily, "compile": compiled}


def result(sample: Sample, way: Callable[..., Any], gradients: bool) -> Any:
    """What a function gives, its gradients too, or the exception that it raises."""
    try:
        function, arguments, options = sample[1]()
        torch.manual_seed(1)
        found = way(function)(*arguments, **options)
        if not gradients:
            return found
        results = [one for one in tree_leaves(found) if isinstance(one, torch.Tensor)]
        whole = sum(
            (one.double().sum() for one in results if one.requires_grad and not one.is_complex()),
            torch.zeros((), dtype=torch.float64),
        )
        inputs = [
            one for one in tree_leaves((arguments, options)) if isinstance(one, torch.Tensor) and one.requires_grad
        ]
        if isinstance(function, torch.nn.Module):
            inputs += function.parameters()
        found = torch.autograd.grad(whole, inputs, allow_unused=True) if inputs and whole.requires_grad else ()
        return [one.detach() for one in results], found
    except Exception as raised:
        return raised


def difference(found: Any, expected: Any) -> str | None:
    """How a result differs, if it does. What raises in eager mode may raise anything."""
    if isinstance(expected, Exception):
        return None if isinstance(found, Exception) else f"eager mode raises {expected!r}"
    if isinstance(found, Exception):
        return f"{type(found).__name__}: {found}"
    kinds = [one.dtype for one in tree_leaves(expected) if isinstance(one, torch.Tensor)]
    bound = max((TOLERANCES.get(kind, 1e-4) for kind in kinds), default=0.0)
    try:
        torch.testing.assert_close(found, expected, rtol=bound, atol=bound, equal_nan=True, check_stride=False)
    except (AssertionError, ValueError, TypeError, RuntimeError) as wrong:
        return str(wrong)
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("way", choices=sorted(WAYS))
    parser.add_argument("--types", default=",".join(TYPES), help="element types, of operations")
    parser.add_argument("--samples", type=int, default=4, help="of an operation and element type, or of a module")
    parser.add_argument("--only", default="", help="those with this in their names")
    parser.add_argument("--gradients", action="store_true")
    parser.add_argument("--modules", action="store_true", help="modules in place of operations")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.disable(logging.ERROR)
    torch.set_grad_enabled(options.gradients)

    def too_long(*_: object) -> None:
        raise TimeoutError(f"more than {SECONDS} seconds")

    signal.signal(signal.SIGALRM, too_long)
    kinds = [getattr(torch, name) for name in options.types.split(",")]
    samples = (
        modules(options.samples, options.gradients)
        if options.modules
        else operations(kinds, options.samples, options.gradients)
    )
    count, failures = 0, dict[str, str]()
    for sample in samples:
        if options.only not in sample[0]:
            continue
        expected = result(sample, eagerly, options.gradients)
        signal.alarm(SECONDS)
        found = result(sample, WAYS[options.way], options.gradients)
        signal.alarm(0)
        count += 1
        wrong = difference(found, expected)
        if wrong is not None and sample[0] not in failures:
            failures[sample[0]] = wrong
            print(f"{sample[0]}: {' '.join(wrong.split())[:200]}", flush=True)
    print(f"{count} samples, {len(failures)} operations or modules with failures")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
