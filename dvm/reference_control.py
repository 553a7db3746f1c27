"""What control flow and the scalars between operator graphs mean, for `dvm.reference`: one operation at a time, in NumPy.

Scalars are arrays of rank 0: i1 as bool, index as int64; integers wrap.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from xdsl.dialects import arith, scf, tensor
from xdsl.dialects.builtin import IndexType, IntegerAttr, TensorType
from xdsl.interpreter import (
    Interpreter,
    InterpreterFunctions,
    PythonValues,
    ReturnedValues,
    TerminatorValue,
    impl,
    impl_terminator,
    register_impls,
)
from xdsl.ir import Attribute, Operation, SSAValue

from dvm_dialects.shapes import element_of, is_known, shape_of
from vm.errors import ExecutionError
from vm.isa import ElementType

_DTYPES = {ElementType.I1: np.bool_, ElementType.I32: np.int32, ElementType.I64: np.int64}

_COMPARISONS = (np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal)


def _scalar(value: Any, type: Attribute) -> npt.NDArray[Any]:
    return np.array(value).astype(np.int64 if isinstance(type, IndexType) else _DTYPES[element_of(type)])


def _binary(kind: type[Operation], compute: Callable[[Any, Any], Any]) -> Any:
    def run(functions: Any, interpreter: Interpreter, op: Operation, args: PythonValues) -> PythonValues:
        return (_scalar(compute(*args), op.results[0].type),)

    return impl(kind)(run)


def _cast(kind: type[Operation]) -> Any:
    def run(functions: Any, interpreter: Interpreter, op: Operation, args: PythonValues) -> PythonValues:
        return (_scalar(args[0], op.results[0].type),)

    return impl(kind)(run)


def _divide(a: Any, b: Any) -> Any:
    if b == 0:
        raise ExecutionError(f"division of {a} by zero")
    return np.floor_divide(a, b)


@register_impls
@dataclass
class ScalarFunctions(InterpreterFunctions):
    """The arith dialect on i1, i32, i64 and index."""

    run_addi = _binary(arith.AddiOp, np.add)
    run_subi = _binary(arith.SubiOp, np.subtract)
    run_muli = _binary(arith.MuliOp, np.multiply)
    run_minsi = _binary(arith.MinSIOp, np.minimum)
    run_maxsi = _binary(arith.MaxSIOp, np.maximum)
    run_floordivsi = _binary(arith.FloorDivSIOp, _divide)
    run_ceildivsi = _binary(arith.CeilDivSIOp, lambda a, b: -_divide(-a, b))
    run_andi = _binary(arith.AndIOp, np.bitwise_and)
    run_ori = _binary(arith.OrIOp, np.bitwise_or)
    run_xori = _binary(arith.XOrIOp, np.bitwise_xor)
    run_index_cast = _cast(arith.IndexCastOp)
    run_extsi = _cast(arith.ExtSIOp)
    run_trunci = _cast(arith.TruncIOp)

    @impl(arith.ConstantOp)
    def run_constant(self, interpreter: Interpreter, op: arith.ConstantOp, args: PythonValues) -> PythonValues:
        assert isinstance(op.value, IntegerAttr)
        return (_scalar(op.value.value.data, op.result.type),)

    @impl(arith.CmpiOp)
    def run_cmpi(self, interpreter: Interpreter, op: arith.CmpiOp, args: PythonValues) -> PythonValues:
        return (_scalar(_COMPARISONS[op.predicate.value.data](*args), op.result.type),)


@register_impls
@dataclass
class ControlFunctions(InterpreterFunctions):
    """The scf dialect, and the accesses of the tensor dialect.

    `symbols` are those of the function's arguments to begin with, which stay; the others that a type names get a size
    where a value of that type gets one.
    """

    symbols: dict[str, int]
    fixed: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self.fixed = frozenset(self.symbols)

    def _bound(self, values: Sequence[SSAValue], arrays: PythonValues) -> PythonValues:
        """The arrays, after their sizes have become those of the symbols that the types of `values` name."""
        for value, array in zip(values, arrays, strict=True):
            type: Attribute = value.type
            if isinstance(type, TensorType):
                for dim, size in zip(shape_of(cast(Attribute, type)), array.shape, strict=True):
                    if dim.is_symbol and is_known(dim) and dim.text not in self.fixed:
                        self.symbols[dim.text] = size
        return arrays

    @impl(scf.IfOp)
    def run_if(self, interpreter: Interpreter, op: scf.IfOp, args: PythonValues) -> PythonValues:
        region = op.true_region if args[0] else op.false_region
        return self._bound(op.output, interpreter.run_ssacfg_region(region, (), op.name))

    @impl(scf.WhileOp)
    def run_while(self, interpreter: Interpreter, op: scf.WhileOp, args: PythonValues) -> PythonValues:
        before, after = op.before_region, op.after_region
        while True:
            again, *values = interpreter.run_ssacfg_region(before, self._bound(before.block.args, args), op.name)
            if not again:
                return self._bound(op.res, tuple(values))
            args = interpreter.run_ssacfg_region(after, self._bound(after.block.args, tuple(values)), op.name)

    @impl(scf.ForOp)
    def run_for(self, interpreter: Interpreter, op: scf.ForOp, args: PythonValues) -> PythonValues:
        first, last, step, *carried = args
        for index in range(int(first), int(last), int(step)):
            values = (_scalar(index, op.lb.type), *carried)
            carried = interpreter.run_ssacfg_region(op.body, self._bound(op.body.block.args, values), op.name)
        return self._bound(op.res, tuple(carried))

    @impl_terminator(scf.YieldOp)
    def run_yield(
        self, interpreter: Interpreter, op: scf.YieldOp, args: PythonValues
    ) -> tuple[TerminatorValue, PythonValues]:
        return ReturnedValues(args), ()

    @impl_terminator(scf.ConditionOp)
    def run_condition(
        self, interpreter: Interpreter, op: scf.ConditionOp, args: PythonValues
    ) -> tuple[TerminatorValue, PythonValues]:
        return ReturnedValues(args), ()

    @impl(tensor.ExtractOp)
    def run_extract(self, interpreter: Interpreter, op: tensor.ExtractOp, args: PythonValues) -> PythonValues:
        return (args[0],)

    @impl(tensor.FromElementsOp)
    def run_from_elements(
        self, interpreter: Interpreter, op: tensor.FromElementsOp, args: PythonValues
    ) -> PythonValues:
        return (args[0],)

    @impl(tensor.CastOp)
    def run_cast(self, interpreter: Interpreter, op: tensor.CastOp, args: PythonValues) -> PythonValues:
        return self._bound((op.dest,), args)

    @impl(tensor.DimOp)
    def run_dim(self, interpreter: Interpreter, op: tensor.DimOp, args: PythonValues) -> PythonValues:
        return (np.array(args[0].shape[int(args[1])]),)
