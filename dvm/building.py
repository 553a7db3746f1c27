"""Operator graphs from the primitives that front ends record: the bridge to the compiler. Imports xDSL."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from xdsl.dialects.builtin import (
    UNKNOWN_LOC,
    ArrayAttr,
    DictionaryAttr,
    FileLineColLoc,
    IntAttr,
    IntegerAttr,
    ModuleOp,
    StringAttr,
    i64,
)
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, SSAValue
from xdsl.utils.exceptions import VerifyException

from dvm.primitives import ELEMENTS, Attributes, DType
from dvm_dialects import dvm
from dvm_dialects.dims import Dim
from dvm_dialects.dvm_base import DimLike, DvmOp
from dvm_dialects.shapes import dims_of, element_of, tensor_of
from vm.errors import CompileError
from vm.tiles import DTYPES

Make = Callable[..., DvmOp]

_MAKE: dict[str, Make] = {
    "unary": lambda operands, kind: dvm.UnaryOp(kind, *operands),
    "binary": lambda operands, kind: dvm.BinaryOp(kind, *operands),
    "binary_scalar": lambda operands, kind, scalar, first: dvm.BinaryScalarOp(
        kind, *operands, number(scalar), scalar_first=first
    ),
    "select": lambda operands: dvm.SelectOp(*operands),
    "cast": lambda operands, dtype: dvm.CastOp(*operands, ELEMENTS[dtype]),
    "copy": lambda operands: dvm.CopyOp(*operands),
    "reduce": lambda operands, kind, axes, keepdims: dvm.ReduceOp(kind, *operands, axes, keepdims),
    "broadcast": lambda operands, shape: dvm.BroadcastOp(*operands, shape),
    "reshape": lambda operands, shape: dvm.ReshapeOp(*operands, shape),
    "transpose": lambda operands, permutation: dvm.TransposeOp(*operands, permutation),
    "slice": lambda operands, starts, sizes, steps: dvm.SliceOp(*operands, starts, sizes, steps),
    "concat": lambda operands, axis: dvm.ConcatOp(operands, axis),
    "pad": lambda operands, low, high, value: dvm.PadOp(*operands, low, high, number(value)),
    "gather": lambda operands, axis: dvm.GatherOp(*operands, axis),
    "full": lambda operands, value, shape, dtype: dvm.BroadcastScalarOp(number(value), shape, ELEMENTS[dtype]),
    "iota": lambda operands, axis, shape, dtype: dvm.IotaOp(axis, shape, ELEMENTS[dtype]),
    "matmul": lambda operands, trans_a, trans_b: dvm.MatmulOp(*operands, trans_a=trans_a, trans_b=trans_b),
    "grouped_matmul": lambda operands, trans_a, trans_b, group_type: dvm.GroupedMatmulOp(
        *operands, trans_a=trans_a, trans_b=trans_b, group_type=group_type
    ),
    "onehot": lambda operands, depth, axis, on, off, dtype: dvm.OneHotOp(
        *operands, depth, axis, number(on), number(off), ELEMENTS[dtype]
    ),
    "elemany": lambda operands: dvm.ElemAnyOp(*operands),
    "softmax": lambda operands, axis: dvm.SoftmaxOp(*operands, axis),
    "layer_norm": lambda operands, axis, epsilon: dvm.LayerNormOp(*operands, axis=axis, epsilon=epsilon),
    "rms_norm": lambda operands, axis, epsilon: dvm.RmsNormOp(*operands, axis=axis, epsilon=epsilon),
    "gelu": lambda operands, approximate: dvm.GeluOp(*operands, approximate),
}
"""For each primitive (`dvm.primitives`) the operation of the dialect, from its operands and attributes."""


def number(literal: int | str) -> int | float:
    """The number that an attribute says: floats are there as hexadecimal text."""
    return float.fromhex(literal) if isinstance(literal, str) else literal


Place = tuple[str, int]
"""A file and a line."""


class GraphBuilder:
    """Builds the one function of a module, operation by operation."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._block = Block()
        self._argument_names: list[str] = []

    def argument(self, name: str, dtype: DType, dims: Sequence[DimLike]) -> SSAValue:
        """A further argument; dims are sizes, or texts of symbolic dims."""
        shape = tuple(Dim.constant(dim) if isinstance(dim, int) else _dim(dim) for dim in dims)
        argument = self._block.insert_arg(tensor_of(ELEMENTS[dtype], shape), len(self._block.args))
        argument.name_hint = name
        self._argument_names.append(name)
        return argument

    def apply(
        self, primitive: str, operands: Sequence[SSAValue], attributes: Attributes, place: Place | None = None
    ) -> SSAValue:
        """The result of a primitive; raises CompileError where it cannot be."""
        try:
            operation = _MAKE[primitive](operands, *attributes)
        except (VerifyException, ValueError) as error:
            raise CompileError(f"{place[0]}:{place[1]}: {error}" if place else str(error)) from error
        if place is not None:
            operation.location = FileLineColLoc(StringAttr(place[0]), IntAttr(place[1]), IntAttr(0))
        else:
            operation.location = UNKNOWN_LOC
        self._block.add_op(operation)
        return operation.result

    def finish(
        self,
        results: Sequence[SSAValue],
        at_least: Mapping[str, int] | None = None,
        names: Iterable[str] | None = None,
    ) -> ModuleOp:
        """The module; `at_least` promises lower bounds of symbols, `names` are those of the results."""
        self._block.add_op(ReturnOp(*results))
        block = self._block
        types = (block.arg_types, [result.type for result in results])
        function = FuncOp(self._name, types, visibility="public")
        function.body.detach_block(0)
        function.body.add_block(block)
        attributes: dict[str, Attribute] = {"dvm.arg_names": _texts(self._argument_names)}
        if names is not None:
            attributes["dvm.result_names"] = _texts(names)
        if at_least:
            attributes["dvm.at_least"] = DictionaryAttr({name: IntegerAttr(n, i64) for name, n in at_least.items()})
        function.attributes.update(attributes)
        return ModuleOp([function])


def shape_and_dtype(value: SSAValue) -> tuple[tuple[Dim, ...], DType]:
    """The symbolic dims and the NumPy type of a value of the graph."""
    return dims_of(value.type), DTYPES[element_of(value.type)]


def _dim(dim: DimLike) -> Dim:
    return dim if isinstance(dim, Dim) else Dim.symbol(str(dim))


def _texts(texts: Iterable[str]) -> ArrayAttr[StringAttr]:
    return ArrayAttr([StringAttr(text) for text in texts])
