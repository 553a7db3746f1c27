"""Forward error analysis of operator graphs: for every element its value and how far a right result may be from it.

`evaluate` computes each value in float64, as `dvm.reference` does but independently of it, with the bounds of
`bounded`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np
from bounded import (
    DTYPES,
    Array,
    Bounded,
    add,
    binary,
    certain,
    gelu,
    half_ulp,
    known_where,
    matmul,
    multiply,
    norm,
    of_input,
    reduce,
    representable,
    round_to,
    scalar,
    select,
    softmax,
    unary,
)
from bounded import (
    cast as cast_to,
)
from xdsl.dialects.builtin import ArrayAttr, IntegerAttr, StringAttr
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Operation, SSAValue

from dvm_dialects import dvm
from dvm_dialects.dims import parse_dim
from dvm_dialects.shapes import GRAPH_TYPE_NAMES, element_of, shape_of
from vm.isa import ElementType


def evaluate(function: FuncOp, arrays: Sequence[Array]) -> list[Bounded]:
    """The results of a function of dvm operations for inputs of its element types."""
    symbols = bind_symbols([argument.type for argument in function.args], [array.shape for array in arrays])
    values: dict[SSAValue, Bounded] = {
        argument: of_input(array, element_of(argument.type))
        for argument, array in zip(function.args, arrays, strict=True)
    }
    for op in function.body.block.ops:
        operands = [values[operand] for operand in op.operands]
        if isinstance(op, ReturnOp):
            return operands
        values[op.results[0]] = evaluate_op(op, operands, symbols)
    raise AssertionError("a function ends in func.return")


def bind_symbols(types: Sequence[Any], shapes: Sequence[tuple[int, ...]]) -> dict[str, int]:
    """The numbers that the symbols in the types of arguments stand for."""
    symbols: dict[str, int] = {}
    for number, (type, shape) in enumerate(zip(types, shapes, strict=True)):
        for dim, size in zip(shape_of(type, number), shape, strict=True):
            if dim.is_symbol:
                symbols.setdefault(dim.text, size)
    return symbols


def evaluate_op(op: Operation, operands: Sequence[Bounded], symbols: Mapping[str, int]) -> Bounded:
    """The result of one operation."""
    with np.errstate(all="ignore"):
        return _MEANINGS[type(op)](op, list(operands), symbols)


# --- the operations ---

_Operands = list[Bounded]
_Symbols = Mapping[str, int]


def _element(op: Operation) -> ElementType:
    """The element type that an operation computes in: that of its first operand."""
    return element_of(op.operands[0].type)


def sizes_in(dims: ArrayAttr[IntegerAttr | StringAttr], symbols: _Symbols) -> list[int]:
    """The numbers that a list of dims in an operation stands for."""
    return [parse_dim(dim.data).evaluate(symbols) if isinstance(dim, StringAttr) else dim.value.data for dim in dims]


def _moved(function: Callable[..., Array], *operands: Bounded) -> Bounded:
    """Elements at other places: values and errors move alike."""
    return Bounded(
        np.asarray(function(*(operand.value for operand in operands))),
        np.asarray(function(*(operand.error for operand in operands))),
    )


def _same(op: Operation, operands: _Operands, symbols: _Symbols) -> Bounded:
    return operands[0]


def _constant(op: dvm.ConstantOp, operands: _Operands, symbols: _Symbols) -> Bounded:
    element = element_of(op.result.type)
    values = np.array(op.value.get_values()).reshape(op.value.get_shape())
    return of_input(values.astype(DTYPES[element]), element)


def _unary_op(op: dvm.UnaryOp, operands: _Operands, symbols: _Symbols) -> Bounded:
    return unary(op.kind.data, operands[0], _element(op))


def _binary_op(op: dvm.BinaryOp, operands: _Operands, symbols: _Symbols) -> Bounded:
    return binary(op.kind.data, operands[0], operands[1], _element(op))


def _binary_scalar_op(op: dvm.BinaryScalarOp, operands: _Operands, symbols: _Symbols) -> Bounded:
    element = _element(op)
    both = (operands[0], scalar(op.value, element))
    first, second = reversed(both) if op.scalar_first else both
    result = binary(op.kind.data, first, second, element)
    if op.kind.data in ("Maximum", "Minimum") and element.is_float:
        # Where the scalar is the result, it has yet to be rounded to the type.
        local = np.where(representable(result.value, element), 0.0, half_ulp(np.abs(result.value), element))
        return Bounded(result.value, result.error + np.where(np.isfinite(result.value), local, 0.0))
    return result


def _select_op(op: dvm.SelectOp, operands: _Operands, symbols: _Symbols) -> Bounded:
    return select(*operands)


def _cast_op(op: dvm.CastOp, operands: _Operands, symbols: _Symbols) -> Bounded:
    return cast_to(operands[0], _element(op), GRAPH_TYPE_NAMES[op.type.data])


def _reduce_op(op: dvm.ReduceOp, operands: _Operands, symbols: _Symbols) -> Bounded:
    axes = tuple(op.axes)
    result = reduce(op.kind.data, operands[0], axes, _element(op))
    return result if op.keepdims.value.data else _moved(lambda x: np.squeeze(x, axes), result)


def _broadcast_op(op: dvm.BroadcastOp, operands: _Operands, symbols: _Symbols) -> Bounded:
    return _moved(lambda x: np.broadcast_to(x, sizes_in(op.shape, symbols)), operands[0])


def _broadcast_scalar_op(op: dvm.BroadcastScalarOp, operands: _Operands, symbols: _Symbols) -> Bounded:
    element = op.result_element()
    shape = sizes_in(op.shape, symbols)
    if not element.is_float:
        return certain(np.full(shape, op.value, DTYPES[element]))
    # The type's rounding of the value, or in a kernel that of f32.
    rounded = float(round_to(np.array(op.value, np.float64), element))
    error = abs(rounded - float(np.float32(op.value))) if np.isfinite(rounded) else 0.0
    return Bounded(np.full(shape, rounded), np.full(shape, error))


def _reshape_op(op: dvm.ReshapeOp, operands: _Operands, symbols: _Symbols) -> Bounded:
    return _moved(lambda x: np.reshape(x, sizes_in(op.shape, symbols)), operands[0])


def _transpose_op(op: dvm.TransposeOp, operands: _Operands, symbols: _Symbols) -> Bounded:
    return _moved(lambda x: np.transpose(x, op.order), operands[0])


def _slice_op(op: dvm.SliceOp, operands: _Operands, symbols: _Symbols) -> Bounded:
    indices: list[Array] = []
    entries = zip(operands[0].shape, sizes_in(op.starts, symbols), sizes_in(op.sizes, symbols), op.strides, strict=True)
    for extent, start, size, step in entries:
        count = len(range(start, extent, step)) if size == -1 else size
        indices.append(start + step * np.arange(count))
    return _moved(lambda x: x[np.ix_(*indices)] if indices else x, operands[0])


def _concat_op(op: dvm.ConcatOp, operands: _Operands, symbols: _Symbols) -> Bounded:
    return _moved(lambda *xs: np.concatenate(xs, op.axis.value.data), *operands)


def _pad_op(op: dvm.PadOp, operands: _Operands, symbols: _Symbols) -> Bounded:
    low, high = sizes_in(op.low, symbols), sizes_in(op.high, symbols)
    x = operands[0]
    shape = tuple(before + extent + after for before, extent, after in zip(low, x.shape, high, strict=True))
    inside = tuple(slice(before, before + extent) for before, extent in zip(low, x.shape, strict=True))
    value, error = np.full(shape, op.fill, x.value.dtype), np.zeros(shape)
    value[inside], error[inside] = x.value, x.error
    return Bounded(value, error)


def _gather_op(op: dvm.GatherOp, operands: _Operands, symbols: _Symbols) -> Bounded:
    table, index = operands
    axis = op.axis.value.data
    result = _moved(lambda x: np.take(x, index.value, axis), table)
    if not index.unknown.any():
        return result
    shape = [1] * axis + list(index.shape) + [1] * (table.value.ndim - axis - 1)
    return Bounded(result.value, np.where(index.unknown.reshape(shape), np.inf, result.error))


def _iota_op(op: dvm.IotaOp, operands: _Operands, symbols: _Symbols) -> Bounded:
    element, shape, axis = op.result_element(), sizes_in(op.shape, symbols), op.axis.value.data
    line = np.arange(shape[axis]).reshape([-1 if dim == axis else 1 for dim in range(len(shape))])
    if not element.is_float:
        return certain(np.broadcast_to(line, shape).astype(DTYPES[element]))
    counted = np.broadcast_to(line, shape).astype(np.float64)
    # A kernel holds the number in f32; the type rounds it.
    rounded = round_to(counted, element)
    return Bounded(rounded, np.abs(rounded - counted))


def _size_op(op: dvm.SizeOp, operands: _Operands, symbols: _Symbols) -> Bounded:
    return certain(np.array(sizes_in(op.size, symbols)[0]))


def _one_hot_op(op: dvm.OneHotOp, operands: _Operands, symbols: _Symbols) -> Bounded:
    element, index = op.result_element(), operands[0]
    depth = sizes_in(op.depth, symbols)[0]
    shape = [-1 if dim == op.position else 1 for dim in range(index.value.ndim + 1)]
    hot = np.expand_dims(index.value, op.position) == np.arange(depth).reshape(shape)
    values = [np.array(value.value.data).astype(DTYPES[element]) for value in (op.on_value, op.off_value)]
    result = of_input(np.where(hot, *values), element)
    return Bounded(result.value, np.where(np.expand_dims(index.unknown, op.position), np.inf, result.error))


def _elem_any_op(op: dvm.ElemAnyOp, operands: _Operands, symbols: _Symbols) -> Bounded:
    x = operands[0]
    truth = cast_to(x, _element(op), ElementType.I1)
    surely = bool(np.any(truth.value & ~truth.unknown))
    return known_where(np.array([float(np.any(truth.value))]), surely or not truth.unknown.any())


def _transposed(x: Bounded, flag: IntegerAttr) -> Bounded:
    return _moved(lambda v: np.swapaxes(v, -1, -2), x) if flag.value.data else x


def _matmul_op(op: dvm.MatmulOp, operands: _Operands, symbols: _Symbols) -> Bounded:
    element = _element(op)
    product = matmul(_transposed(operands[0], op.trans_a), _transposed(operands[1], op.trans_b), element)
    return product if op.bias is None else binary("Add", product, operands[2], element)


def _grouped_matmul_op(op: dvm.GroupedMatmulOp, operands: _Operands, symbols: _Symbols) -> Bounded:
    element = _element(op)
    a, b, groups = _transposed(operands[0], op.trans_a), _transposed(operands[1], op.trans_b), operands[2].value
    starts = [0, *(int(end) for end in groups)][: len(groups)]

    def part(x: Bounded, *index: Any) -> Bounded:
        return Bounded(x.value[index], x.error[index])

    pieces: list[Bounded] = []
    for group, (start, end) in enumerate(zip(starts, groups, strict=True)):
        if op.groups_rows:
            pieces.append(matmul(part(a, slice(start, end)), part(b, group), element))
        else:
            pieces.append(matmul(part(a, slice(None), slice(start, end)), part(b, slice(start, end)), element))
    rows, columns = a.shape[0], b.shape[-1]
    if op.groups_rows:
        rest = rows - (int(groups[-1]) if len(groups) else 0)
        pieces.append(certain(np.zeros((rest, columns), a.value.dtype)))
        product = _moved(lambda *xs: np.concatenate(xs), *pieces)
    elif pieces:
        product = _moved(lambda *xs: np.stack(xs), *pieces)
    else:
        product = certain(np.zeros((0, rows, columns), a.value.dtype))
    return product if op.bias is None else binary("Add", product, operands[3], element)


def _softmax_op(op: dvm.SoftmaxOp, operands: _Operands, symbols: _Symbols) -> Bounded:
    return softmax(operands[0], op.position, _element(op))


def _layer_norm_op(op: dvm.LayerNormOp, operands: _Operands, symbols: _Symbols) -> Bounded:
    element = _element(op)
    result = norm(operands[0], op.position, op.epsilon.value.data, element, centre=True)
    if len(operands) > 1:
        result = multiply(result, operands[1], element)
    return add(result, operands[2], element) if len(operands) > 2 else result


def _rms_norm_op(op: dvm.RmsNormOp, operands: _Operands, symbols: _Symbols) -> Bounded:
    element = _element(op)
    result = norm(operands[0], op.position, op.epsilon.value.data, element, centre=False)
    return multiply(result, operands[1], element) if len(operands) > 1 else result


def _gelu_op(op: dvm.GeluOp, operands: _Operands, symbols: _Symbols) -> Bounded:
    return gelu(operands[0], op.approximate.data, _element(op))


_MEANINGS = cast(
    dict[type[Operation], Callable[[Any, _Operands, _Symbols], Bounded]],
    {
        dvm.LoadOp: _same,
        dvm.StoreOp: _same,
        dvm.CopyOp: _same,
        dvm.ConstantOp: _constant,
        dvm.UnaryOp: _unary_op,
        dvm.BinaryOp: _binary_op,
        dvm.BinaryScalarOp: _binary_scalar_op,
        dvm.SelectOp: _select_op,
        dvm.CastOp: _cast_op,
        dvm.BroadcastOp: _broadcast_op,
        dvm.BroadcastScalarOp: _broadcast_scalar_op,
        dvm.ReduceOp: _reduce_op,
        dvm.ReshapeOp: _reshape_op,
        dvm.TransposeOp: _transpose_op,
        dvm.SliceOp: _slice_op,
        dvm.ConcatOp: _concat_op,
        dvm.PadOp: _pad_op,
        dvm.GatherOp: _gather_op,
        dvm.IotaOp: _iota_op,
        dvm.SizeOp: _size_op,
        dvm.OneHotOp: _one_hot_op,
        dvm.ElemAnyOp: _elem_any_op,
        dvm.MatmulOp: _matmul_op,
        dvm.GroupedMatmulOp: _grouped_matmul_op,
        dvm.SoftmaxOp: _softmax_op,
        dvm.LayerNormOp: _layer_norm_op,
        dvm.RmsNormOp: _rms_norm_op,
        dvm.GeluOp: _gelu_op,
    },
)
