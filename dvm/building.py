"""Operator graphs from the primitives that front ends record: the bridge to the compiler. Imports xDSL."""

import re
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from io import StringIO

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
from xdsl.ir import Attribute, Block, Operation, SSAValue
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from dvm.places import Place
from dvm.primitives import ELEMENTS, Attributes, DType, number
from dvm_dialects import dvm
from dvm_dialects.dims import Dim
from dvm_dialects.dvm_base import DimLike, DvmOp
from dvm_dialects.shapes import dims_of, element_of, tensor_of
from vm.errors import CompileError
from vm.tiles import DTYPES


def operation_of(primitive: str, operands: Sequence[SSAValue], attributes: Attributes) -> DvmOp:
    """The operation of the dialect that a primitive is (see `dvm.primitives`).

    Raises VerifyException and ValueError where it cannot be.
    """
    match primitive, attributes:
        case "unary", (kind,):
            return dvm.UnaryOp(kind, operands[0])
        case "binary", (kind,):
            return dvm.BinaryOp(kind, operands[0], operands[1])
        case "binary_scalar", (kind, scalar, first):
            return dvm.BinaryScalarOp(kind, operands[0], number(scalar), scalar_first=first)
        case "select", ():
            return dvm.SelectOp(operands[0], operands[1], operands[2])
        case "cast", (dtype,):
            return dvm.CastOp(operands[0], ELEMENTS[dtype])
        case "copy", ():
            return dvm.CopyOp(operands[0])
        case "reduce", (kind, axes, keepdims):
            return dvm.ReduceOp(kind, operands[0], axes, keepdims)
        case "broadcast", (shape,):
            return dvm.BroadcastOp(operands[0], shape)
        case "reshape", (shape,):
            return dvm.ReshapeOp(operands[0], shape)
        case "transpose", (permutation,):
            return dvm.TransposeOp(operands[0], permutation)
        case "slice", (starts, sizes, steps):
            return dvm.SliceOp(operands[0], starts, sizes, steps)
        case "concat", (axis,):
            return dvm.ConcatOp(operands, axis)
        case "pad", (low, high, value):
            return dvm.PadOp(operands[0], low, high, number(value))
        case "gather", (axis,):
            return dvm.GatherOp(operands[0], operands[1], axis)
        case "full", (value, shape, dtype):
            return dvm.BroadcastScalarOp(number(value), shape, ELEMENTS[dtype])
        case "iota", (axis, shape, dtype):
            return dvm.IotaOp(axis, shape, ELEMENTS[dtype])
        case "size", ((size,),):
            return dvm.SizeOp(size)
        case "matmul", (trans_a, trans_b):
            return dvm.MatmulOp(*operands, trans_a=trans_a, trans_b=trans_b)
        case "grouped_matmul", (trans_a, trans_b, group_type):
            return dvm.GroupedMatmulOp(*operands, trans_a=trans_a, trans_b=trans_b, group_type=group_type)
        case "onehot", (depth, axis, on, off, dtype):
            return dvm.OneHotOp(operands[0], depth, axis, number(on), number(off), ELEMENTS[dtype])
        case "elemany", ():
            return dvm.ElemAnyOp(operands[0])
        case "softmax", (axis,):
            return dvm.SoftmaxOp(operands[0], axis)
        case "layer_norm", (axis, epsilon):
            return dvm.LayerNormOp(*operands, axis=axis, epsilon=epsilon)
        case "rms_norm", (axis, epsilon):
            return dvm.RmsNormOp(*operands, axis=axis, epsilon=epsilon)
        case "gelu", (approximate,):
            return dvm.GeluOp(operands[0], approximate)
        case _:
            raise ValueError(f"there is no primitive '{primitive}' with {len(attributes)} attributes")


class GraphBuilder:
    """Builds the one function of a module, operation by operation."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._entry = Block()
        self._blocks = [self._entry]
        self._argument_names: list[str] = []

    def argument(self, name: str, dtype: DType, dims: Sequence[DimLike]) -> SSAValue:
        """A further argument; dims are sizes, or texts of symbolic dims."""
        shape = tuple(Dim.constant(dim) if isinstance(dim, int) else _dim(dim) for dim in dims)
        name = self._free_name(name)
        argument = self._entry.insert_arg(tensor_of(ELEMENTS[dtype], shape), len(self._entry.args))
        argument.name_hint = name
        self._argument_names.append(name)
        return argument

    def _free_name(self, name: str) -> str:
        """A name that no argument has, of the characters that the IR allows."""
        name = re.sub(r"[^A-Za-z0-9_]", "_", name)
        name = name if name[:1].isalpha() else f"x{name}"
        names = (name, *(f"{name}_{number}" for number in range(2, len(self._argument_names) + 3)))
        return next(free for free in names if free not in self._argument_names)

    def apply(
        self, primitive: str, operands: Sequence[SSAValue], attributes: Attributes, place: Place | None = None
    ) -> SSAValue:
        """The result of a primitive; raises CompileError where it cannot be."""
        try:
            operation = operation_of(primitive, operands, attributes)
        except (VerifyException, ValueError) as error:
            raise CompileError(f"{place[0]}:{place[1]}: {error}" if place else str(error)) from error
        if place is not None:
            operation.location = FileLineColLoc(StringAttr(place[0]), IntAttr(place[1]), IntAttr(0))
        else:
            operation.location = UNKNOWN_LOC
        self._blocks[-1].add_op(operation)
        return operation.result

    def add(self, operation: Operation) -> None:
        """Append an operation of another dialect."""
        self._blocks[-1].add_op(operation)

    @contextmanager
    def inside(self, block: Block) -> Generator[None]:
        """What is built goes into a block, which is to become part of a branch or loop."""
        self._blocks.append(block)
        try:
            yield
        finally:
            self._blocks.pop()

    @property
    def depth(self) -> int:
        """In how many branches and loops operations are appended now."""
        return len(self._blocks) - 1

    def can_use(self, value: SSAValue) -> bool:
        """Whether a value exists where operations are appended now: not one of a branch or loop that is done."""
        return (value.owner if isinstance(value.owner, Block) else value.owner.parent) in self._blocks

    def finish(
        self,
        results: Sequence[SSAValue],
        at_least: Mapping[str, int] | None = None,
        names: Iterable[str] | None = None,
    ) -> ModuleOp:
        """The module; `at_least` promises lower bounds of symbols, `names` are those of the results."""
        block = self._entry
        block.add_op(ReturnOp(*results))
        types = (block.arg_types, [result.type for result in results])
        function = FuncOp(self._name, types, visibility="public")
        function.body.detach_block(0)
        function.body.add_block(block)
        attributes: dict[str, Attribute] = {"dvm.arg_names": _texts(self._argument_names)}
        if names is not None:
            attributes["dvm.result_names"] = _texts(names)
        if at_least:
            attributes["dvm.at_least"] = _bounds(at_least)
        function.attributes.update(attributes)
        return ModuleOp([function])


def promise(module: ModuleOp, at_least: Mapping[str, int]) -> ModuleOp:
    """A copy of a module in which these are lower bounds of symbols of its function."""
    copy = module.clone()
    if at_least:
        for function in copy.ops:
            function.attributes["dvm.at_least"] = _bounds(at_least)
    return copy


def text_of(module: ModuleOp) -> str:
    """All that a module says, with the places of its operations."""
    stream = StringIO()
    Printer(stream, print_debuginfo=True).print_op(module)
    return stream.getvalue()


def _bounds(at_least: Mapping[str, int]) -> DictionaryAttr:
    return DictionaryAttr({name: IntegerAttr(bound, i64) for name, bound in at_least.items()})


def shape_and_dtype(value: SSAValue) -> tuple[tuple[Dim, ...], DType]:
    """The symbolic dims and the NumPy type of a value of the graph."""
    return dims_of(value.type), DTYPES[element_of(value.type)]


def _dim(dim: DimLike) -> Dim:
    return dim if isinstance(dim, Dim) else Dim.symbol(str(dim))


def _texts(texts: Iterable[str]) -> ArrayAttr[StringAttr]:
    return ArrayAttr([StringAttr(text) for text in texts])
