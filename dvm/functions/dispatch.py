"""What all functions share: the way to NumPy where DVM lacks something, and the element types of operands and results."""

import logging
from collections.abc import Callable, Sequence
from functools import wraps
from operator import index
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np

from dvm.primitives import BOOL, ELEMENTS, MAX_RANK, DType
from dvm.tensor import RECORDERS, Tensor, Unsupported, apply, recorder
from vm.errors import AxisError, ShapeError

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

LOG = logging.getLogger("dvm")

IMPLEMENTATIONS: dict[Callable[..., Any], Callable[..., Any]] = {}
"""For functions of NumPy the ones of DVM that stand in for them where a tensor is given to them."""

_READ_ONLY = frozenset(
    {np.diagonal, np.diag, np.linalg.diagonal, np.ndarray.diagonal, np.lib.stride_tricks.sliding_window_view}
)
"""Functions of NumPy whose results are views that cannot be written."""

_said: set[str] = set()
"""The functions of which the log has said that NumPy does them."""

Scalar = bool | int | float
"""Python's numbers, which take on the element type of the tensor beside them."""

Literal = int | str
"""A scalar as an attribute: an integer, or the hexadecimal text of a float, so that -0.0 differs from 0.0."""


def function(*of_numpy: Callable[..., Any]) -> Callable[[Callable[Parameters, Result]], Callable[Parameters, Result]]:
    """Makes a function stand in for those of NumPy, the first of which is fallen back to."""

    def decorate(implementation: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
        @wraps(implementation)
        def call(*arguments: Parameters.args, **options: Parameters.kwargs) -> Result:
            try:
                return implementation(*arguments, **options)
            except Unsupported as reason:
                if RECORDERS.tracing:
                    place = recorder().place()
                    raise reason if str(reason).startswith(place) else Unsupported(f"{place}: {reason}") from None
                if not of_numpy:
                    raise
                return cast(Result, fall_back(of_numpy[0], arguments, options, str(reason)))

        for numpy_function in of_numpy:
            IMPLEMENTATIONS[numpy_function] = call
        return call

    return decorate


def fall_back(numpy_function: Callable[..., Any], arguments: Any, options: Any, reason: str) -> Any:
    """Let NumPy do it, on arrays whose elements are computed for that; the log says so once for each function.

    Where NumPy's result is a view of an array that was given, so is the tensor that stands for it.
    """
    name = getattr(numpy_function, "__name__", str(numpy_function))
    if name not in _said:
        _said.add(name)
        LOG.debug("NumPy does '%s': %s", name, reason)
    given: list[Tensor] = []

    def to_numpy(value: Any) -> Any:
        if not isinstance(value, Tensor):
            return value
        given.append(value)
        return value.to_be_viewed()

    def to_tensor(value: Any) -> Any:
        if not isinstance(value, np.ndarray | np.generic):
            return value
        if isinstance(value, np.ndarray):
            elements = cast("np.ndarray[Any, Any]", value)
            views = (source.view_of_memory(elements, writable=numpy_function not in _READ_ONLY) for source in given)
            found = next((view for view in views if view is not None), None)
            if found is not None:
                return found
        return recorder().tensor(value, copy=False)

    return _each(numpy_function(*_each(arguments, to_numpy), **_each(options, to_numpy)), to_tensor)


def _each(value: Any, convert: Callable[[Any], Any]) -> Any:
    if isinstance(value, list | tuple):
        items = [_each(item, convert) for item in cast("Sequence[Any]", value)]
        if hasattr(cast(object, value), "_fields"):  # a named tuple
            return cast(Any, type(value))(*items)  # pyright: ignore[reportUnknownArgumentType]
        return items if isinstance(value, list) else tuple(items)
    if type(value) is dict:
        return {key: _each(item, convert) for key, item in cast("dict[Any, Any]", value).items()}
    return convert(value)


def tensor(value: Any) -> Tensor:
    """The tensor of a tensor, an array, or what NumPy makes an array of (a Python number: in its own type).

    Raises Unsupported where DVM has not the element type, or not as many dims.
    """
    found = viewed(value)
    if found.dtype not in ELEMENTS:
        raise Unsupported(f"DVM does not compute with elements of {found.dtype}")
    if found.ndim > MAX_RANK:
        raise Unsupported(f"DVM computes with at most {MAX_RANK} dims")
    return found


def viewed(value: Any) -> Tensor:
    """The tensor of a tensor, or of what NumPy makes an array of, to be viewed: of any element type."""
    if isinstance(value, Tensor):
        return value
    if hasattr(value, "is_symbolic"):
        return value.tensor()
    return recorder().tensor(np.asarray(value), copy=isinstance(value, np.ndarray))


def is_scalar(value: Any) -> bool:
    """Whether this is a Python number, which takes on the element type of what is beside it."""
    return type(value) in (float, int, bool)


def literal(value: Scalar, dtype: DType) -> Literal:
    """A scalar as one of an element type; raises Unsupported where NumPy would compute in another type."""
    if dtype is BOOL:
        if isinstance(value, bool):
            return int(value)
        raise Unsupported(f"{value!r} beside truth values makes numbers of them")
    if dtype.kind == "i":
        bits = dtype.itemsize * 8 - 1
        if isinstance(value, float) or not -(1 << bits) <= value < 1 << bits:
            raise Unsupported(f"{value!r} is no {dtype}; convert one of the operands with astype")
        return int(value)
    return float(value).hex()


def common_dtype(values: Sequence[Tensor]) -> DType:
    """The element type that NumPy computes in for some operands; raises Unsupported where DVM has not that.

    Tensors that stand for Python numbers take on the type of the others.
    """
    found = {value.dtype for value in values if not value.weak} or {value.dtype for value in values}
    if len(found) == 1:
        dtype = next(iter(found))
        if all(not value.weak or _rank_of(value.dtype) <= _rank_of(dtype) for value in values):
            return dtype
        raise Unsupported(f"a Python float beside {dtype} makes float64 of it; convert one with astype")
    try:
        result = np.result_type(*found)
    except TypeError as error:  # of some pairs NumPy knows what a sum is, but not what they are together
        raise Unsupported(str(error)) from error
    if result not in ELEMENTS:
        names = " and ".join(sorted(map(str, found)))
        raise Unsupported(f"{names} together are computed in {result}, which DVM has not; convert one with astype")
    return next(dtype for dtype in ELEMENTS if dtype == result)


def _rank_of(dtype: DType) -> int:
    """Truth values below integers below floats."""
    return "bi".find(dtype.kind) % 3


def as_dtype(value: Any) -> DType:
    """The element type that a user names (`np.float32`, "float32", a dtype); raises Unsupported for others."""
    dtype = np.dtype(value)
    for known in ELEMENTS:
        if known == dtype:
            return known
    raise Unsupported(f"DVM does not compute with elements of {dtype}")


def converted(value: Tensor, dtype: DType) -> Tensor:
    """The tensor in an element type."""
    return value if value.dtype is dtype else apply("cast", (value,), dtype)


def normalised_axis(axis: int, rank: int) -> int:
    """A dim counted from the front; raises AxisError where there is none such."""
    if not -rank <= axis < rank:
        raise AxisError(f"there is no dim {axis} in an array of {rank} dims")
    return index(axis) % rank


def normalised_axes(axis: Any, rank: int) -> tuple[int, ...]:
    """Dims counted from the front, in ascending order; all of them for None."""
    if axis is None:
        return tuple(range(rank))
    given = cast("Sequence[Any]", axis) if isinstance(axis, list | tuple) else (axis,)
    axes = [normalised_axis(index(one), rank) for one in given]
    if len(set(axes)) != len(axes):
        raise ShapeError(f"the dims {axis} name one twice")
    return tuple(sorted(axes))
