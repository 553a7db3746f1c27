"""Control flow in functions that are traced, as `scf` operations around the operations of the graph. Imports xDSL.

What a branch gives, and what a loop hands on, has a type that says which dims are the same whichever way it came: such a dim
keeps its name, any other gets one that stands nowhere else. For a loop that is found by tracing its body until nothing
changes.
"""

from collections.abc import Callable, Sequence
from operator import index
from typing import Any, SupportsIndex, cast

import numpy as np
from xdsl.dialects import arith, scf, tensor
from xdsl.dialects.builtin import IndexType, IntegerAttr, TensorType, i64
from xdsl.ir import Attribute, Block, SSAValue

from dvm import functions
from dvm.array import Array
from dvm.functions.elementwise import truth
from dvm.jit import NUMBERS
from dvm.nesting import Structure, flatten, unflatten
from dvm.primitives import ELEMENTS, DType
from dvm.tensor import RECORDERS, apply
from dvm.trace import Size, Trace, Traced, TraceError, where
from dvm_dialects.dims import Dim
from dvm_dialects.shapes import dims_of, element_of, tensor_of

Types = list[TensorType[Attribute]]

DEPTH_LIMIT = 40
"""Branches and loops inside of one another; as many can be traced and compiled without Python's stack being short."""


def traced_cond(
    predicate: Any, on_true: Callable[..., Any], on_false: Callable[..., Any], operands: Sequence[Any]
) -> Any:
    """`dvm.cond` in a function that is traced."""
    trace = _current()
    flag = _flag(trace, predicate, "the predicate of dvm.cond")
    branches = [_traced_region(trace, function, operands) for function in (on_true, on_false)]
    (_, structure, left), (_, other, right) = branches
    if structure != other:
        raise TraceError(f"{where()}: the branches of dvm.cond give results that are nested in different ways")
    types = [_type_of(value) for value in left]
    types = _joined_all(types, right, set(), "what the branches of dvm.cond give")
    for block, _, values in branches:
        with trace.builder.inside(block):
            trace.builder.add(scf.YieldOp(*_as_types(trace, values, types)))
    operation = scf.IfOp(flag, types, [branches[0][0]], [branches[1][0]])
    trace.builder.add(operation)
    return unflatten(structure, [Traced(trace, result) for result in operation.results])


def traced_while(condition: Callable[[Any], Any], body: Callable[[Any], Any], initial: Any) -> Any:
    """`dvm.while_loop` in a function that is traced."""
    trace = _current()
    structure, values = _leaves(trace, initial)
    types = [_type_of(value) for value in values]
    changing: set[str] = set()
    while True:
        before = Block(arg_types=types)
        with trace.builder.inside(before):
            held = condition(_value(trace, structure, before.args))
            flag = _flag(trace, held, "the condition of dvm.while_loop")
            trace.builder.add(scf.ConditionOp(flag, *before.args))
        after, results = _traced_body(trace, types, structure, lambda args: body(_value(trace, structure, args)))
        found = _joined_all(types, results, changing, "what dvm.while_loop hands on")
        if found == types:
            break
        types = found
    with trace.builder.inside(after):
        trace.builder.add(scf.YieldOp(*_as_types(trace, results, types)))
    operation = scf.WhileOp(_as_types(trace, values, types), types, [before], [after])
    trace.builder.add(operation)
    return unflatten(structure, [Traced(trace, result) for result in operation.results])


def traced_for(lower: Any, upper: Any, body: Callable[[Any, Any], Any], initial: Any) -> Any:
    """`dvm.fori_loop` in a function that is traced."""
    trace = _current()
    bounds = [_index(trace, bound) for bound in (lower, upper)]
    structure, values = _leaves(trace, initial)
    types = [_type_of(value) for value in values]
    changing: set[str] = set()
    while True:

        def step(args: Sequence[SSAValue]) -> Any:
            return body(_number(trace, args[0]), _value(trace, structure, args[1:]))

        block, results = _traced_body(trace, [IndexType(), *types], structure, step)
        found = _joined_all(types, results, changing, "what dvm.fori_loop hands on")
        if found == types:
            break
        types = found
    with trace.builder.inside(block):
        trace.builder.add(scf.YieldOp(*_as_types(trace, results, types)))
    one = arith.ConstantOp(IntegerAttr(1, IndexType()))
    trace.builder.add(one)
    operation = scf.ForOp(bounds[0], bounds[1], one, _as_types(trace, values, types), [block])
    trace.builder.add(operation)
    return unflatten(structure, [Traced(trace, result) for result in operation.results])


def _current() -> Trace:
    trace = RECORDERS.tracing[-1]
    assert isinstance(trace, Trace)
    return trace


def _traced_region(
    trace: Trace, function: Callable[..., Any], operands: Sequence[Any]
) -> tuple[Block, Structure, list[Traced]]:
    block = Block()
    with trace.builder.inside(block):
        if trace.builder.depth > DEPTH_LIMIT:
            raise TraceError(
                f"{where()}: dvm.cond inside of {DEPTH_LIMIT} others: both branches are traced, so a function that calls itself "
                "from one never ends; use dvm.while_loop"
            )
        structure, values = _leaves(trace, function(*operands))
    return block, structure, values


def _traced_body(
    trace: Trace, types: Sequence[Attribute], structure: Structure, body: Callable[[Sequence[SSAValue]], Any]
) -> tuple[Block, list[Traced]]:
    block = Block(arg_types=types)
    with trace.builder.inside(block):
        found, values = _leaves(trace, body(block.args))
    if found != structure:
        raise TraceError(f"{where()}: the body of a loop gives a value that is not nested as the initial one is")
    return block, values


def _leaves(trace: Trace, value: Any) -> tuple[Structure, list[Traced]]:
    """The structure of a value, and its leaves as arrays: numbers become arrays without dims."""
    leaves: list[Any] = []
    structure = flatten(value, leaves)
    return structure, [_array(trace, leaf) for leaf in leaves]


def _array(trace: Trace, value: Any) -> Traced:
    if isinstance(value, Traced | Array | np.ndarray | np.generic):
        dtype = cast(DType, value.dtype)
        if dtype not in ELEMENTS:
            raise TraceError(f"{where()}: elements of {dtype} cannot come out of a branch or loop: convert with astype")
        return trace.value(value)
    if isinstance(value, Size):
        return cast(Traced, value.tensor())
    if type(value) not in NUMBERS:
        raise TraceError(f"{where()}: {value!r} is no array, and cannot come out of a branch or loop")
    dtype = NUMBERS[type(value)]
    found = apply("full", (), value.hex() if isinstance(value, float) else int(value), (), dtype)
    return cast(Traced, found)


def _value(trace: Trace, structure: Structure, values: Sequence[SSAValue]) -> Any:
    return unflatten(structure, [Traced(trace, value) for value in values])


def _type_of(value: Traced) -> "TensorType[Attribute]":
    return cast("TensorType[Attribute]", value.ssa.type)


def _joined_all(types: Types, values: Sequence[Traced], changing: set[str], what: str) -> Types:
    """The types of what is either of some types or one of these values; adds the names of dims that differ to `changing`."""
    return [_joined(type, _type_of(value), changing, what) for type, value in zip(types, values, strict=True)]


def _joined(
    a: "TensorType[Attribute]", b: "TensorType[Attribute]", changing: set[str], what: str
) -> "TensorType[Attribute]":
    if element_of(a) != element_of(b) or len(dims_of(a)) != len(dims_of(b)):
        raise TraceError(f"{where()}: {what} is once {a} and once {b}: convert with astype, or reshape")
    dims: list[Dim] = []
    for one, other in zip(dims_of(a), dims_of(b), strict=True):
        if one != other and one.text not in changing:
            one = Dim.symbol(f"any{next(_current().fresh)}")
            changing.add(one.text)
        dims.append(one)
    return tensor_of(element_of(a), tuple(dims))


def _as_types(trace: Trace, values: Sequence[Traced], types: Types) -> list[SSAValue]:
    found: list[SSAValue] = []
    for value, type in zip(values, types, strict=True):
        ssa = value.ssa
        if ssa.type != type:
            cast_op = tensor.CastOp(ssa, type)
            trace.builder.add(cast_op)
            ssa = cast_op.dest
        found.append(ssa)
    return found


def _flag(trace: Trace, predicate: Any, what: str) -> SSAValue:
    """A truth value between launches."""
    value = truth(predicate) if isinstance(predicate, Traced) else _array(trace, predicate)
    assert isinstance(value, Traced)
    if value.shape:
        raise TraceError(f"{where()}: {what} has the shape {list(value.shape)}, but must have no dims")
    return _element(trace, cast(Traced, truth(value)))


def _element(trace: Trace, value: Traced) -> SSAValue:
    operation = tensor.ExtractOp(value.ssa, [], _type_of(value).element_type)
    trace.builder.add(operation)
    return operation.result


def _index(trace: Trace, bound: Any) -> SSAValue:
    """The bound of a loop."""
    if isinstance(bound, SupportsIndex) and not isinstance(bound, bool | Traced | Array | np.ndarray | Size):
        constant = arith.ConstantOp(IntegerAttr(index(bound), IndexType()))
        trace.builder.add(constant)
        return constant.result
    value = _array(trace, bound)
    if value.shape or value.dtype.kind != "i":
        raise TraceError(f"{where()}: the bound of dvm.fori_loop is {value}, but must be an integer without dims")
    converted = arith.IndexCastOp(_element(trace, cast(Traced, functions.astype(value, np.int64))), IndexType())
    trace.builder.add(converted)
    return converted.result


def _number(trace: Trace, counter: SSAValue) -> Traced:
    """The counter of a loop as an array without dims."""
    number = arith.IndexCastOp(counter, i64)
    trace.builder.add(number)
    array = tensor.FromElementsOp(number.result, result_type=tensor_of(ELEMENTS[NUMBERS[int]], ()))
    trace.builder.add(array)
    return Traced(trace, array.result, weak=True)
