"""Control flow that depends on data: `dvm.cond`, `dvm.while_loop`, `dvm.fori_loop`.

In a function that `dvm.jit` traces they become part of the program, which branches and loops by itself, and shapes may
change from one iteration to the next. Elsewhere they do what they say, step by step, on lazy arrays.
"""

from collections.abc import Callable
from typing import Any

from dvm.tensor import RECORDERS


def cond(predicate: Any, on_true: Callable[..., Any], on_false: Callable[..., Any], *operands: Any) -> Any:
    """`on_true(*operands)` where the predicate (an array without dims, or a truth value) holds, else `on_false(*operands)`.

    Traced, both are, and their results must be nested alike, of the same ranks and element types; dims may differ.
    """
    if not RECORDERS.tracing:
        return on_true(*operands) if predicate else on_false(*operands)
    from dvm.regions import traced_cond

    return traced_cond(predicate, on_true, on_false, operands)


def while_loop(condition: Callable[[Any], Any], body: Callable[[Any], Any], initial: Any) -> Any:
    """The last of `initial`, `body(initial)`, `body(body(initial))`, ...: the first for which `condition` does not hold.

    The value may be nested. Traced, it must stay so, with the same ranks and element types; dims may change.
    """
    if not RECORDERS.tracing:
        value = initial
        while condition(value):
            value = body(value)
        return value
    from dvm.regions import traced_while

    return traced_while(condition, body, initial)


def fori_loop(lower: Any, upper: Any, body: Callable[[Any, Any], Any], initial: Any) -> Any:
    """`body(i, value)` for i from `lower` to below `upper`, beginning with `initial`; gives the last value.

    The bounds are integers, arrays of them without dims, or sizes. As in `while_loop`, dims may change.
    """
    if not RECORDERS.tracing:
        value = initial
        for number in range(int(lower), int(upper)):
            value = body(number, value)
        return value
    from dvm.regions import traced_for

    return traced_for(lower, upper, body, initial)
