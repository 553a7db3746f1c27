"""What it takes to record an operation in `dvm.torch.lazy`, beside computing it in eager mode on tensors of that size.

    python benchmarks/recording.py [--rounds 60]

An operation of the same shapes is recorded again and again, then with another length each time. Nothing is computed: the results are gone
when the record is flushed, which is not timed.
"""

import argparse
from collections.abc import Callable
from itertools import count
from statistics import median
from time import perf_counter
from typing import Any

import torch
from measure import describe_machine
from torch.nn import Parameter, functional

import dvm.torch

WIDTH, REPEATED = 256, 10

weight = Parameter(torch.randn(WIDTH, WIDTH), requires_grad=False)
scale, shift = (Parameter(torch.randn(WIDTH), requires_grad=False) for _ in range(2))

OPERATIONS: dict[str, Callable[[Any], Any]] = {
    "x * 0.5": lambda x: x * 0.5,
    "x + x": lambda x: x + x,
    "gelu": functional.gelu,
    "softmax": lambda x: x.softmax(-1),
    "linear": lambda x: functional.linear(x, weight, shift),
    "layer_norm": lambda x: functional.layer_norm(x, (WIDTH,), scale, shift),
    "x @ x.mT": lambda x: x @ x.transpose(-1, -2),
    "view": lambda x: x.view(-1),
    "unbind": lambda x: x.unbind(0),
}


def recorded(operation: Callable[[Any], Any], lengths: list[int]) -> float:
    """Seconds to record an operation, over results of these lengths."""
    inputs = [torch.randn(1, length, WIDTH) for length in lengths]
    with dvm.torch.lazy():
        given = [x * 1.0 for x in inputs]
        start = perf_counter()
        for x in given:
            operation(x)
        return (perf_counter() - start) / len(given)


def computed(operation: Callable[[Any], Any], length: int) -> float:
    """Seconds to compute it in eager mode."""
    x = torch.randn(1, length, WIDTH)
    start = perf_counter()
    for _ in range(REPEATED):
        operation(x)
    return (perf_counter() - start) / REPEATED


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    options = parser.parse_args()
    torch.set_grad_enabled(False)
    print(describe_machine())
    print(f"{'microseconds':<14}{'recorded':>10}{'new length':>12}{'eager':>8}")
    for name, operation in OPERATIONS.items():
        times: tuple[list[float], ...] = ([], [], [])
        lengths = count(17)
        for _ in range(options.rounds):
            times[0].append(recorded(operation, [16] * REPEATED))
            times[1].append(recorded(operation, [next(lengths) for _ in range(REPEATED)]))
            times[2].append(computed(operation, 16))
        again, new, eager = (median(one) * 1e6 for one in times)
        print(f"{name:<14}{again:>10.1f}{new:>12.1f}{eager:>8.1f}")


if __name__ == "__main__":
    main()
