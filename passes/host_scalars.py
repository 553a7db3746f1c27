"""The operations between launches, other than control flow: which scalar and tensor accesses there are, as host opcodes.

`dvm-outline` checks them with `scalar_operation`, and `emit-bytecode` encodes what that gives. In registers a scalar is an
array of rank 0, and an index is an i64, so that most conversions are moves.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from xdsl.dialects import arith, tensor
from xdsl.dialects.builtin import IndexType, IntegerAttr, TensorType, i1
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.utils.exceptions import VerifyException

from dvm_dialects.shapes import element_of, shape_of
from vm.host import HostOpcode, Register
from vm.isa import ElementType

_SCALARS = frozenset({ElementType.I1, ElementType.I32, ElementType.I64})

_BINARY: dict[type[Operation], HostOpcode] = {
    arith.AddiOp: HostOpcode.ADD,
    arith.SubiOp: HostOpcode.SUB,
    arith.MuliOp: HostOpcode.MUL,
    arith.MinSIOp: HostOpcode.MIN,
    arith.MaxSIOp: HostOpcode.MAX,
    arith.FloorDivSIOp: HostOpcode.FLOORDIV,
    arith.CeilDivSIOp: HostOpcode.CEILDIV,
    arith.AndIOp: HostOpcode.AND,
    arith.OrIOp: HostOpcode.OR,
    arith.XOrIOp: HostOpcode.XOR,
}

_PREDICATES = (
    HostOpcode.EQ,
    HostOpcode.NE,
    HostOpcode.LT,
    HostOpcode.LE,
    HostOpcode.GT,
    HostOpcode.GE,
)
"""By number of the predicate of `arith.cmpi`; the unsigned ones come after."""

_CASTS = (arith.IndexCastOp, arith.ExtSIOp, arith.TruncIOp)

_LOGICAL = (arith.AndIOp, arith.OrIOp, arith.XOrIOp)


@dataclass(frozen=True)
class ScalarOperation:
    """An operation as a host instruction: an opcode on the registers of these operands, and an immediate."""

    opcode: HostOpcode
    operands: tuple[SSAValue, ...]
    immediate: int = 0


def is_scalar_operation(op: Operation) -> bool:
    """Whether an operation is of the dialects that `scalar_operation` knows."""
    return op.name.startswith(("arith.", "tensor."))


def register_of(type: Attribute, name: str) -> Register:
    """The register for values of a type; raises VerifyException for anything but tensors and scalars of i1, i32, i64, index."""
    if isinstance(type, TensorType):
        return Register(name, element_of(cast(Attribute, type)), len(shape_of(cast(Attribute, type))))
    if isinstance(type, IndexType):
        return Register(name, ElementType.I64, 0)
    element = element_of(type)
    if element not in _SCALARS:
        raise VerifyException(f"a scalar of {type} between launches: there are i1, i32, i64 and index")
    return Register(name, element, 0)


def scalar_operation(op: Operation) -> ScalarOperation:
    """What an operation between launches does; raises VerifyException for one that has no place there."""
    for value in (*op.operands, *op.results):
        register_of(value.type, "")
    match op:
        case arith.ConstantOp(value=IntegerAttr() as constant) if not isinstance(op.result.type, TensorType):
            number = constant.value.data
            return ScalarOperation(HostOpcode.CONST, (), number & 1 if op.result.type == i1 else number)
        case arith.CmpiOp():
            _require_integers(op.operands)
            predicate = op.predicate.value.data
            if predicate >= len(_PREDICATES):
                raise VerifyException("unsigned comparisons have no place between launches")
            return ScalarOperation(_PREDICATES[predicate], tuple(op.operands))
        case tensor.ExtractOp():
            if op.indices or shape_of(op.tensor.type):
                raise VerifyException(f"only a tensor of rank 0 can be read, but this is {op.tensor.type}")
            return ScalarOperation(HostOpcode.MOVE, (op.tensor,))
        case tensor.FromElementsOp():
            if shape_of(op.result.type):
                raise VerifyException(f"only a tensor of rank 0 can be made, but this is {op.result.type}")
            return ScalarOperation(HostOpcode.MOVE, (op.elements[0],))
        case tensor.CastOp():
            return ScalarOperation(HostOpcode.MOVE, (op.source,))
        case tensor.DimOp():
            return ScalarOperation(HostOpcode.DIM, (op.source,), _dim_number(op))
        case _ if type(op) in _BINARY:
            _require_integers(op.operands, logical=isinstance(op, _LOGICAL))
            return ScalarOperation(_BINARY[type(op)], tuple(op.operands))
        case _ if isinstance(op, _CASTS):
            _require_integers((*op.operands, *op.results))
            return ScalarOperation(HostOpcode.CAST, tuple(op.operands))
        case _:
            raise VerifyException("this operation has no place between operator graphs")


def _require_integers(values: Sequence[SSAValue], logical: bool = False) -> None:
    for value in values:
        type: Attribute = value.type
        if isinstance(type, TensorType) or (type == i1 and not logical):
            raise VerifyException(f"it is for scalars of i32, i64 and index between launches, not {value.type}")


def _dim_number(op: tensor.DimOp) -> int:
    owner = op.index.owner
    if not isinstance(owner, arith.ConstantOp) or not isinstance(owner.value, IntegerAttr):
        raise VerifyException("the number of the dim must be an arith.constant")
    number, rank = owner.value.value.data, len(shape_of(op.source.type))
    if not 0 <= number < rank:
        raise VerifyException(f"there is no dim {number} in {op.source.type}")
    return number
