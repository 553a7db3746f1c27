"""The table of ATen operations that DVM takes, each as a function over tensors of DVM.

The same functions serve both ways into DVM: given stand-ins of a trace they build an operator graph (`torch.compile`),
given lazy values they record (`dvm.torch.lazy`). They get the arguments of the ATen operation, with tensors of DVM in place of
PyTorch's, and return one tensor or a tuple of them; where DVM cannot do what the arguments ask for they raise Unsupported, and
PyTorch does it.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch

from dvm.primitives import DType
from dvm.tensor import Tensor, Unsupported

Lowering = Callable[..., Any]


class Deferred:
    """A result that is hardly ever used, such as the statistics of a norm: recorded when it is."""

    def __init__(self, shape: tuple[Any, ...], dtype: DType, make: Callable[[], Tensor]) -> None:
        self.shape = shape
        self.dtype = dtype
        self.make = make

    @property
    def ndim(self) -> int:
        """The number of dims."""
        return len(self.shape)


LOWERINGS: dict[Any, Lowering] = {}
"""What stands for an ATen operation (an overload)."""

VIEWS: set[Any] = set()
"""Those of `LOWERINGS` whose results of PyTorch lie in the memory of their first argument."""

DENSE: set[Any] = set()
"""Those of `LOWERINGS` whose results are in the usual order however the operands lie."""

LAID_OUT: set[Any] = set()
"""Those whose results are not always in the usual order, even where all operands are."""

POINTWISE: set[Any] = set()
"""Those that PyTorch computes element by element: the order of their results follows from that of the operands (`layouts`)."""

UNIFORM: set[Lowering] = set()
"""Lowerings that look at sizes only for which of them are equal, to each other or to a number that is given, and which are 0 or 1.

So what they record for some sizes they record for any others of which the same is true (`templates`)."""

IN_PLACE: dict[Any, Any] = {}
"""For overloads that write their first argument the overload that computes what they write."""


def lowers(
    *overloads: Any,
    view: bool = False,
    dense: bool = False,
    laid_out: bool = False,
    pointwise: bool = False,
    uniform: bool = False,
    of: str = "bif",
) -> Callable[[Lowering], Lowering]:
    """Enter a function for overloads, and for those that do the same in place.

    `of` has the kinds of elements that PyTorch takes there (truth values, integers, floats). The other options: into which of the sets.
    """

    def decorate(function: Lowering) -> Lowering:
        lowering = function if of == "bif" else _only(function, of)
        if uniform or pointwise:
            UNIFORM.add(lowering)
        for overload in overloads:
            LOWERINGS[overload] = lowering
            if dense:
                DENSE.add(overload)
            if laid_out:
                LAID_OUT.add(overload)
            if pointwise:
                POINTWISE.add(overload)
            if view:
                VIEWS.add(overload)
            else:
                _enter_in_place(overload)
        return function

    return decorate


def _only(lowering: Lowering, kinds: str) -> Lowering:
    """A function that leaves tensors with other elements to PyTorch, which refuses them."""

    @wraps(lowering)
    def call(*arguments: Any, **options: Any) -> Any:
        for value in arguments:
            if isinstance(value, Tensor) and (value.dtype.kind if value.dtype.kind in "bi" else "f") not in kinds:
                raise Unsupported(f"PyTorch does not do it with {value.dtype}")
        return lowering(*arguments, **options)

    return call


def _enter_in_place(overload: Any) -> None:
    """`aten.add_.Tensor` computes what `aten.add.Tensor` does."""
    namespace, _, name = overload._schema.name.partition("::")
    packet = getattr(getattr(torch.ops, namespace), f"{name}_", None)
    if packet is None or overload._overloadname not in packet.overloads():
        return
    in_place = getattr(packet, overload._overloadname)
    arguments = in_place._schema.arguments
    if arguments[0].alias_info is not None and arguments[0].alias_info.is_write:
        IN_PLACE[in_place] = overload
