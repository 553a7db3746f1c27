"""The two ways in which DVM runs a function of PyTorch."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch

import dvm.torch
from dvm.frontends.torch.backend import Report, backend

Run = Callable[..., Any]
Way = Callable[[Run], Run]


def lazily(function: Run) -> Run:
    """Inside of `dvm.torch.lazy`."""

    def run(*arguments: Any) -> Any:
        with dvm.torch.lazy():
            return function(*arguments)

    return run


def compiled(function: Run) -> Run:
    """By `torch.compile`."""
    return torch.compile(function, backend=partial(backend, report=Report()))


both = pytest.mark.parametrize("way", [lazily, compiled])
