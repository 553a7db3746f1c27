"""What Python and NumPy ask of a lazy array beside its operators: its elements, NumPy's protocols, and all that DVM has not."""

from __future__ import annotations

import inspect
import operator
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial, wraps
from types import ModuleType
from typing import Any, SupportsIndex, cast

import numpy as np

from dvm import functions
from dvm.functions.dispatch import IMPLEMENTATIONS, fall_back
from dvm.tensor import Tensor

_WRITING = frozenset({np.copyto, np.put, np.place, np.putmask, np.fill_diagonal, np.put_along_axis})
_WRITING_METHODS = frozenset({"sort", "partition", "put"})
"""What of NumPy writes into its first argument."""

_OF_NUMPY_ALONE = frozenset({"ctypes", "data", "resize", "setfield", "setflags"})
"""What of NumPy's arrays changes them in ways that others have not, or leads to their memory."""

_WITH_OPTIONS = (
    "all", "any", "clip", "copy", "dot", "max", "mean", "min", "prod", "ravel", "round", "squeeze", "std", "sum", "swapaxes",
    "take", "var",
)  # fmt: skip
"""Methods that NumPy's functions of their names can do with more options."""

_LACKING = "DVM has not this function with these options"


class ArrayProtocols(Tensor):
    """The part of a lazy array that is the same wherever its elements are."""

    __slots__ = ()

    @abstractmethod
    def take_over(self, result: Tensor) -> ArrayProtocols:
        """Take over the result, which nobody else has, of an operator that works in place."""

    @abstractmethod
    def is_view(self) -> bool:
        """Whether it shows elements of another array."""

    # --- its elements ---

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        value = self.numpy()
        if dtype is not None and value.dtype != np.dtype(dtype):
            if copy is False:
                raise ValueError(f"an array of {value.dtype} cannot be one of {np.dtype(dtype)} without a copy")
            return value.astype(dtype)
        return value.copy() if copy else value

    def item(self, *index: Any) -> Any:
        """One element as a Python number."""
        return self.numpy().item(*index)

    def tolist(self) -> Any:
        return self.numpy().tolist()

    def __float__(self) -> float:
        return float(self.numpy())

    def __int__(self) -> int:
        return int(self.numpy())

    def __complex__(self) -> complex:
        return complex(self.numpy())

    def __index__(self) -> int:
        return cast(SupportsIndex, self.numpy()).__index__()

    def __bool__(self) -> bool:
        return bool(self.numpy())

    def __bytes__(self) -> bytes:
        return bytes(self.numpy())

    def __repr__(self) -> str:
        return f"dvm.{self.numpy()!r}"

    def __str__(self) -> str:
        return str(self.numpy())

    def __format__(self, format_spec: str) -> str:
        return format(self.numpy(), format_spec) if self.ndim else format(self.item(), format_spec)

    def __iter__(self) -> Iterator[Any]:
        if not self.ndim:
            raise TypeError("iteration over an array without dims")
        return (self[number] for number in range(self.shape[0]))

    def __contains__(self, value: Any) -> bool:
        return bool(functions.any(self == value))

    def __copy__(self) -> Tensor:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> Tensor:
        return self.copy()

    # --- what DVM has not ---

    def __getattr__(self, name: str) -> Any:
        """Methods and attributes of NumPy's arrays that this one lacks work on the elements."""
        if name.startswith("_") or name in _OF_NUMPY_ALONE or not hasattr(np.ndarray, name):
            raise AttributeError(f"a lazy array has no attribute '{name}'")
        method: Any = getattr(np.ndarray, name)
        if not callable(method):
            return fall_back(operator.attrgetter(name), (self,), {}, "it is an attribute of NumPy's arrays")
        return partial(self.written_by if name in _WRITING_METHODS else self._by_method, method)

    def _by_method(self, method: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        return _by_numpy(method, (self, *arguments), options, options.pop("out", None))

    def written_by(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> None:
        """Let a function of NumPy write the elements: it is given a copy of them as its first argument."""
        elements = np.array(self)
        fall_back(function, (elements, *arguments), options, "it writes into an array")
        self[...] = elements

    def astype(self, dtype: Any, *arguments: Any, **options: Any) -> Tensor:
        if not arguments and not options.keys() - {"copy"}:
            return super().astype(dtype, **options)
        return self._by_method(np.ndarray.astype, dtype, *arguments, **options)

    # --- operators with more to them in NumPy than its functions have ---

    def __eq__(self, other: Any) -> Tensor:  # type: ignore[override]
        try:
            return super().__eq__(other)
        except TypeError:  # of what does not compare
            return fall_back(operator.eq, (self, other), {}, _LACKING)

    def __ne__(self, other: Any) -> Tensor:  # type: ignore[override]
        try:
            return super().__ne__(other)
        except TypeError:
            return fall_back(operator.ne, (self, other), {}, _LACKING)

    __hash__ = None  # type: ignore[assignment]

    def __pow__(self, other: Any) -> Tensor:
        if self.dtype.kind == "b":
            return fall_back(cast(Any, operator.pow), (self, other), {}, "NumPy squares truth values in int8")
        return super().__pow__(other)

    # --- NumPy's protocols ---

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if method == "at" and isinstance(inputs[0], ArrayProtocols):
            return inputs[0].written_by(ufunc.at, *inputs[1:], **options)
        implementation = IMPLEMENTATIONS.get(ufunc) if method == "__call__" else None
        out: tuple[Any, ...] | None = options.pop("out", None)
        if implementation is not None and not options:
            found = implementation(*inputs)
            return found if out is None else _into(out[0], found, inputs)
        called = ufunc if method == "__call__" else getattr(ufunc, method)
        return _by_numpy(called, inputs, options, out)

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Any:
        if function in _WRITING and arguments and isinstance(arguments[0], ArrayProtocols):
            return arguments[0].written_by(function, *arguments[1:], **options)
        out = options.pop("out", None)
        place = _place_of_out(function)
        if place is not None and len(arguments) > place:
            out = arguments[place]
            arguments = (*arguments[:place], None, *arguments[place + 1 :])[: None if arguments[place + 1 :] else -1]
        implementation = IMPLEMENTATIONS.get(function)
        if implementation is not None:
            try:
                found: Any = implementation(*arguments, **options)
            except TypeError:
                pass  # an option that only NumPy's function has
            else:
                if out is None or _takes(out, found):
                    return found if out is None else _into(out, found, arguments)
        return _by_numpy(function, arguments, options, out)

    def __array_namespace__(self, /, *, api_version: str | None = None) -> ModuleType:
        from dvm import namespace

        if api_version is not None and api_version > namespace.__array_api_version__:
            raise ValueError(f"DVM follows the array API standard of {namespace.__array_api_version__}")
        return namespace


def _with_options(name: str) -> Callable[..., Any]:
    """The method of a tensor, which NumPy's function does where there are more options than the method has."""
    own: Callable[..., Any] = getattr(Tensor, name)
    general: Callable[..., Any] = getattr(np, name)

    @wraps(own)
    def method(self: ArrayProtocols, *arguments: Any, **options: Any) -> Any:
        if "out" not in options:
            try:
                return own(self, *arguments, **options)
            except TypeError:
                pass
        return general(self, *arguments, **options)

    return method


for _name in _WITH_OPTIONS:
    setattr(ArrayProtocols, _name, _with_options(_name))


@lru_cache(maxsize=1024)
def _place_of_out(function: Callable[..., Any]) -> int | None:
    """Where a function of NumPy takes what to write into, if not by name alone."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # of some that are not written in Python
        return None
    names = [parameter.name for parameter in parameters if parameter.kind is not parameter.KEYWORD_ONLY]
    return names.index("out") if "out" in names else None


def _by_numpy(function: Callable[..., Any], arguments: Sequence[Any], options: dict[str, Any], out: Any) -> Any:
    """Let NumPy do it; where `out` says so (an array, or for a ufunc some), into arrays."""
    if out is None:
        return fall_back(function, arguments, options, _LACKING)
    several = cast("tuple[Any, ...]", out) if isinstance(out, tuple) else (out,)
    # what NumPy leaves as it was must be there, so that it writes into copies of lazy arrays
    written = [np.array(array) if isinstance(array, ArrayProtocols) else array for array in several]
    found = fall_back(
        function, arguments, options | {"out": tuple(written) if isinstance(out, tuple) else written[0]}, _LACKING
    )
    results = [
        _into(array, elements, arguments) if isinstance(array, ArrayProtocols) else result if array is None else array
        for array, elements, result in zip(several, written, found if len(several) > 1 else (found,), strict=True)
    ]
    return results[0] if len(results) == 1 else tuple(results)


def _takes(out: Any, found: Tensor) -> bool:
    """Whether NumPy would write a result of a function that is no ufunc there; else it has an error of its own."""
    if not isinstance(out, np.ndarray | ArrayProtocols):
        return False
    target = cast(Any, out)
    return target.shape == found.shape and np.can_cast(found.dtype, target.dtype, "same_kind")


def _into(out: Any, found: Any, given: Sequence[Any]) -> Any:
    """Write a result where `out` says, which is returned. `given`: what the result was made of."""
    if isinstance(out, ArrayProtocols):
        if not isinstance(found, ArrayProtocols):
            found = functions.asarray(np.asarray(found))
        elif found.is_view() or any(found is one for one in given):
            found = functions.copy(found)
        return out.take_over(found)
    np.copyto(out, np.asarray(found), casting="same_kind")
    return out
