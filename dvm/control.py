"""Control flow that depends on data: `dvm.cond`, `dvm.while_loop`, `dvm.fori_loop`.

In a function that `dvm.jit` traces they become part of the program, which branches and loops by itself, and shapes may
change from one iteration to the next. Elsewhere they do what they say, step by step, on lazy arrays.
"""

from collections.abc import Callable, Sequence
from operator import index
from typing import Any, SupportsIndex, cast

import numpy as np

from dvm.array import Array
from dvm.functions.creation import asarray
from dvm.jit import NUMBERS
from dvm.nesting import Structure, flatten, unflatten
from dvm.primitives import ELEMENTS, DType
from dvm.tensor import RECORDERS, Tensor, recorder
from vm.errors import DvmError


def cond(predicate: Any, on_true: Callable[..., Any], on_false: Callable[..., Any], *operands: Any) -> Any:
    """`on_true(*operands)` where the predicate (an array without dims, or a truth value) holds, else `on_false(*operands)`.

    Traced, both are, and their results must be nested alike, of the same ranks and element types; dims may differ. Numbers
    among the results become arrays without dims.
    """
    if not RECORDERS.tracing:
        chosen = on_true if _holds(predicate, "the predicate of dvm.cond") else on_false
        return unflatten(*_leaves(chosen(*operands)))
    from dvm.regions import traced_cond

    return traced_cond(predicate, on_true, on_false, operands)


def while_loop(condition: Callable[[Any], Any], body: Callable[[Any], Any], initial: Any) -> Any:
    """The last of `initial`, `body(initial)`, `body(body(initial))`, ...: the first for which `condition` does not hold.

    The value may be nested. It must stay so, with the same ranks and element types; dims may change. Numbers in it become
    arrays without dims.
    """
    if not RECORDERS.tracing:
        structure, leaves = _leaves(initial)
        while _holds(condition(unflatten(structure, leaves)), "the condition of dvm.while_loop"):
            leaves = _next(structure, leaves, body(unflatten(structure, leaves)), "what dvm.while_loop hands on")
        return unflatten(structure, leaves)
    from dvm.regions import traced_while

    return traced_while(condition, body, initial)


def fori_loop(lower: Any, upper: Any, body: Callable[[Any, Any], Any], initial: Any) -> Any:
    """`body(i, value)` for i from `lower` to below `upper`, beginning with `initial`; gives the last value.

    The bounds are integers, arrays of them without dims, or sizes. As in `while_loop`, dims may change.
    """
    if not RECORDERS.tracing:
        structure, leaves = _leaves(initial)
        for number in range(_bound(lower), _bound(upper)):
            leaves = _next(structure, leaves, body(number, unflatten(structure, leaves)), "what dvm.fori_loop hands on")
        return unflatten(structure, leaves)
    from dvm.regions import traced_for

    return traced_for(lower, upper, body, initial)


# What follows holds step by step what `dvm.regions` holds of a program.


def _leaves(value: Any) -> tuple[Structure, list[Tensor]]:
    leaves: list[Any] = []
    structure = flatten(value, leaves)
    return structure, [_array(leaf) for leaf in leaves]


def _array(value: Any) -> Tensor:
    kind = cast("type[Any]", type(value))
    if kind in NUMBERS:
        return asarray(value, NUMBERS[kind])
    if not isinstance(value, Array | np.ndarray | np.generic):
        raise DvmError(f"{recorder().place()}: {value!r} is no array, and cannot come out of a branch or loop")
    dtype = cast(DType, value.dtype)
    if dtype not in ELEMENTS:
        raise DvmError(
            f"{recorder().place()}: elements of {dtype} cannot come out of a branch or loop: convert with astype"
        )
    return asarray(value)


def _next(structure: Structure, before: Sequence[Tensor], value: Any, what: str) -> list[Tensor]:
    """The leaves of the next value of a loop."""
    found, leaves = _leaves(value)
    if found != structure:
        raise DvmError(
            f"{recorder().place()}: the body of a loop gives a value that is not nested as the initial one is"
        )
    for one, other in zip(before, leaves, strict=True):
        if one.dtype != other.dtype or one.ndim != other.ndim:
            kinds = (f"{array.dtype} {list(array.shape)}" for array in (one, other))
            raise DvmError(
                f"{recorder().place()}: {what} is once {' and once '.join(kinds)}: convert with astype, or reshape"
            )
    return leaves


def _holds(predicate: Any, what: str) -> bool:
    value = _array(predicate)
    if value.shape:
        raise DvmError(f"{recorder().place()}: {what} has the shape {list(value.shape)}, but must have no dims")
    return bool(value)


def _bound(bound: Any) -> int:
    if isinstance(bound, SupportsIndex) and not isinstance(bound, bool | Array | np.ndarray):
        return index(bound)
    value = _array(bound)
    if value.shape or value.dtype.kind != "i":
        raise DvmError(
            f"{recorder().place()}: the bound of dvm.fori_loop is {bound!r}, but must be an integer without dims"
        )
    return int(value.item())
