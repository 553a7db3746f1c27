"""`dvm.torch.explain`: what DVM takes of a model, and what it makes of that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from dvm.frontends.torch.backend import Report, backend
from dvm.frontends.torch.capture import Seen
from dvm.frontends.torch.table import VIEWS


@dataclass(frozen=True)
class Explanation:
    """What became of a model, called with some inputs. `str` of it is a table.

    `taken` and `left` count ATen operations by name; views, which cost nothing, are in neither. `reasons` has one for each name
    in `left`. `kernels` and `launches` are those of one call, `bytes_before` what the operations taken would read and write one by one, and
    `bytes_after` what the kernels do, both at the sizes of the inputs.
    """

    graphs: int
    taken: dict[str, int]
    left: dict[str, int]
    reasons: dict[str, str]
    kernels: int
    launches: int
    bytes_before: int
    bytes_after: int

    def __str__(self) -> str:
        taken, left = sum(self.taken.values()), sum(self.left.values())
        lines = [
            f"{self.graphs} graph(s): DVM takes {taken} of {taken + left} operations",
            f"  {self.kernels} kernels in {self.launches} launch(es), in place of {taken}",
            f"  {_megabytes(self.bytes_after)} moved, in place of {_megabytes(self.bytes_before)}",
            *[f"  taken  {count:4} {name}" for name, count in self.taken.items()],
            *[f"  left   {count:4} {name}: {self.reasons[name]}" for name, count in self.left.items()],
        ]
        return "\n".join(lines)


def explain(model: Callable[..., Any], *inputs: Any, **options: Any) -> Explanation:
    """Compile a model for some inputs, call it once, and say what DVM takes of it.

    With gradients asked for, only the graphs of the forward pass are in it. Raises what compiling or calling the model raises.
    """
    report = Report()
    compiled: Callable[..., Any] = torch.compile(model, backend=partial(backend, report=report))
    with torch._dynamo.config.patch(assume_static_by_default=False, specialize_float=True):
        compiled(*inputs, **options)
    taken, left = list(_working(report.taken)), list(_working(report.left))
    costs = [region.program.costs(*region.shapes) for region in report.regions]
    return Explanation(
        graphs=report.graphs,
        taken=_counts(taken),
        left=_counts(left),
        reasons={seen.name: seen.reason or "what it was part of stays" for seen in reversed(left)},
        kernels=sum(cost.kernels for cost in costs),
        launches=sum(cost.launches for cost in costs),
        bytes_before=sum(seen.bytes for seen in taken),
        bytes_after=sum(cost.bytes_read + cost.bytes_written for cost in costs),
    )


_VIEWS = {str(view) for view in VIEWS}


def _working(seen: Iterable[Seen]) -> Iterable[Seen]:
    return (one for one in seen if one.name not in _VIEWS)


def _counts(seen: Iterable[Seen]) -> dict[str, int]:
    return dict(Counter(one.name for one in seen).most_common())


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.2f} MB"
