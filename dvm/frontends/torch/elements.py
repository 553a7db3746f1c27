"""Tensors of PyTorch as arrays of NumPy and back, without copies."""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from weakref import ref

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import Parameter

from dvm.primitives import BOOL, ELEMENTS, FLOAT32, DType
from dvm.tensor import Unsupported
from vm.isa import ElementType
from vm.memory import RESULTS
from vm.tiles import DTYPES

Array = npt.NDArray[Any]

OF_TORCH: dict[torch.dtype, DType] = {
    torch.bool: DTYPES[ElementType.I1],
    torch.float16: DTYPES[ElementType.F16],
    torch.bfloat16: DTYPES[ElementType.BF16],
    torch.float32: DTYPES[ElementType.F32],
    torch.int32: DTYPES[ElementType.I32],
    torch.int64: DTYPES[ElementType.I64],
}
"""The element types that DVM has, by those of PyTorch."""

TO_TORCH: dict[DType, torch.dtype] = {dtype: kind for kind, dtype in OF_TORCH.items()}

_BFLOAT16 = DTYPES[ElementType.BF16]
_CPU = torch.device("cpu")

LEAST_KEPT = 3 << 18
"""Bytes of a new tensor from which on its memory is one that is kept, which takes 10 microseconds more than PyTorch's.

Most tensors in a `lazy` block are gone before anything is written there. From about here on what is written makes up for that.
"""


def dtype_of(kind: torch.dtype) -> DType:
    """The element type in NumPy; raises Unsupported where DVM has it not."""
    found = OF_TORCH.get(kind)
    if found is None:
        raise Unsupported(f"DVM does not compute with elements of {kind}")
    return found


TENSORS = {torch.Tensor, torch.nn.Parameter}
"""The classes of tensors that can be plain: any other may have its own idea of what its elements are."""


def is_plain(tensor: torch.Tensor) -> bool:
    """Whether DVM can read the elements where they lie: in main memory, strided, of a type that it has."""
    return (
        tensor.dtype in OF_TORCH
        and tensor.is_cpu
        and tensor.layout is torch.strided
        and not tensor.is_neg()
        and not tensor.is_nested
    )


def array_of(tensor: torch.Tensor) -> Array:
    """The elements of a plain tensor, in the memory and with the strides that they have.

    bf16, which NumPy has not, is seen as the element type of `ml_dtypes`.
    """
    if tensor.requires_grad:
        tensor = tensor.detach()
    if tensor.dtype is torch.bfloat16:
        return tensor.view(torch.int16).numpy().view(_BFLOAT16)
    return tensor.numpy()


class Weight:
    """The array of a parameter, which mostly is found as it was left."""

    __slots__ = ("_address", "_dtype", "_shape", "_strides", "_tensor", "array")

    def __init__(self, kept: dict[int, Any], number: int, tensor: Parameter) -> None:
        """`kept` has it at a number, and forgets it with the parameter."""

        def forget(_: Any) -> None:
            if kept.get(number) is self:
                del kept[number]

        self._tensor = ref(tensor, forget)
        self._address = tensor.data_ptr()
        self._dtype = tensor.dtype
        self._shape = tensor.shape
        self._strides = tensor.stride()
        self.array = array_of(tensor)

    def is_of(self, tensor: Parameter) -> bool:
        """Whether it is of this parameter as it is now."""
        return (
            self._tensor() is tensor
            and tensor.data_ptr() == self._address
            and tensor.dtype is self._dtype
            and tensor.shape == self._shape
            and tensor.stride() == self._strides
        )


def kept_array_of(kept: dict[int, Weight], number: int, tensor: torch.Tensor) -> Array:
    """The elements of a plain tensor: of a parameter the array that is kept at a number, as long as it is of that."""
    if type(tensor) is not Parameter:
        return array_of(tensor)
    weight = kept.get(number)
    if weight is None or not weight.is_of(tensor):
        weight = kept[number] = Weight(kept, number, tensor)
    return weight.array


def tensor_of(array: Array) -> torch.Tensor:
    """The tensor of an array that can be written, in the memory of the array."""
    if not array.size:  # whose strides mean nothing in NumPy
        return torch.empty(array.shape, dtype=TO_TORCH[array.dtype])
    if array.dtype is _BFLOAT16:
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)


@lru_cache(4096)
def usual_strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of a contiguous tensor, in elements."""
    strides: list[int] = []
    step = 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    return tuple(reversed(strides))


def empty_tensor(shape: tuple[int, ...], strides: tuple[int, ...], dtype: DType) -> torch.Tensor:
    """A new tensor of an element type of DVM, not initialised; the strides are in elements.

    The memory of a large one is kept for others when it is gone.
    """
    count = 1
    for size, stride in zip(shape, strides, strict=True):
        count += (size - 1) * stride
    if count * dtype.itemsize < LEAST_KEPT:
        return torch.empty_strided(shape, strides, dtype=TO_TORCH[dtype], device=_CPU)
    return tensor_of(RESULTS.empty((count,), dtype)).as_strided(shape, strides)


_FLOATING = 2


def _category(dtype: DType) -> int:
    """Truth values below integers below floats."""
    return 0 if dtype is BOOL else 1 if dtype.kind == "i" else _FLOATING


def _promoted(a: DType | None, b: DType | None) -> DType | None:
    """The type that two of tensors promote to."""
    if a is None or b is None or a is b:
        return a or b
    return OF_TORCH[torch.promote_types(TO_TORCH[a], TO_TORCH[b])]


def _combined(higher: DType | None, lower: DType | None) -> DType | None:
    """The type of values of higher and of lower priority: a lower one counts only by being of a higher category."""
    if higher is None or lower is None:
        return higher or lower
    return higher if _category(higher) >= _category(lower) else _promoted(higher, lower)


def result_type(values: Any) -> DType:
    """The element type that PyTorch computes in for tensors of DVM and Python's numbers.

    Tensors with dims go before those without, and these before numbers, as `torch.result_type` has it.
    """
    shaped: DType | None = None
    scalars: DType | None = None
    numbers: DType | None = None
    for value in values:
        kind = type(value)
        if kind is float:
            numbers = FLOAT32
        elif kind is int or hasattr(value, "is_symbolic"):
            numbers = _INT64 if numbers is None or numbers is BOOL else numbers
        elif kind is bool:
            numbers = numbers or BOOL
        elif value.weak:
            numbers = _promoted(numbers, value.dtype)
        elif value.shape:
            shaped = value.dtype if shaped is None or shaped is value.dtype else _promoted(shaped, value.dtype)
        else:
            scalars = _promoted(scalars, value.dtype)
    tensors = _combined(shaped, scalars)
    found = _combined(tensors, numbers)
    if numbers is FLOAT32 and (tensors is None or _category(tensors) < _FLOATING):
        return dtype_of(torch.get_default_dtype())
    if found is None or found not in ELEMENTS:
        raise Unsupported(f"DVM does not compute with elements of {found}")
    return found


_INT64 = OF_TORCH[torch.int64]
