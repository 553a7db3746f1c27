"""Matrix products."""

from typing import Any

import numpy as np

from dvm.functions.dispatch import common_dtype, converted, function, tensor
from dvm.functions.shaping import expand_dims, squeeze
from dvm.primitives import BOOL
from dvm.tensor import Tensor, Unsupported, apply
from vm.errors import ShapeError


@function(np.matmul)
def matmul(x: Any, y: Any, *, transpose_x: bool = False, transpose_y: bool = False, bias: Any = None) -> Tensor:
    """The product of the last two dims, the others broadcast; of vectors as NumPy has it.

    A transposed operand has its last two dims exchanged first; the bias is added in the end.
    """
    a, b = tensor(x), tensor(y)
    rest = [] if bias is None else [tensor(bias)]
    dtype = common_dtype((a, b, *rest))
    if dtype is BOOL:
        raise Unsupported("DVM has no product of truth values")
    if not a.ndim or not b.ndim:
        raise ShapeError("matmul: an operand has no dims")
    row, column = a.ndim == 1, b.ndim == 1
    if row:
        a, transpose_x = expand_dims(a, 0), False
    if column:
        b, transpose_y = expand_dims(b, 1), False
    operands = tuple(converted(value, dtype) for value in (a, b, *rest))
    found = apply("matmul", operands, transpose_x, transpose_y)
    dropped = tuple(axis for axis, drop in ((-2, row), (-1, column)) if drop)
    return squeeze(found, dropped) if dropped else found


@function(np.dot)
def dot(x: Any, y: Any) -> Tensor:
    """`matmul` of vectors and matrices, as NumPy's `dot` is."""
    a, b = tensor(x), tensor(y)
    if not a.ndim or not b.ndim or a.ndim > 2 or b.ndim > 2:
        raise Unsupported("DVM has 'dot' for vectors and matrices")
    return matmul(a, b)


def grouped_matmul(
    x: Any,
    y: Any,
    groups: Any,
    *,
    transpose_x: bool = False,
    transpose_y: bool = False,
    group_type: int = 0,
    bias: Any = None,
) -> Tensor:
    """A product for each group of rows (`group_type` 0) or of the contracted dim (2); `groups` has their ends."""
    rest = () if bias is None else (tensor(bias),)
    operands = (tensor(x), tensor(y), tensor(groups), *rest)
    return apply("grouped_matmul", operands, transpose_x, transpose_y, group_type)
