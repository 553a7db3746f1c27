"""Shapes as numbers: what the shape rules of the operations say where all sizes are known, and how much that is.

Nothing is computed here, so that a graph or sizes which take too much memory can be left alone in time.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import prod

from bounds import bind_symbols
from xdsl.dialects.builtin import DictionaryAttr, IntegerAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import SSAValue

from dvm_dialects import dvm
from dvm_dialects.dims import Dim
from dvm_dialects.dvm_base import DvmOp
from dvm_dialects.shapes import ShapeConflict, ShapeRules, shape_of

Shape = tuple[int, ...]

ELEMENT_LIMIT = 1 << 16
"""The most elements of a value, whatever sizes its graph is run with: the product of several dims grows fast."""

TERM_LIMIT = 1 << 22
"""The most terms of all sums of a matrix product: on whole domains, `visa_interpreter` holds all of them."""


def elements(shape: Iterable[int]) -> int:
    """How many elements an array has, or without its dims of 0: what lies around it, or a sum over it, has so many."""
    return prod(max(size, 1) for size in shape)


def too_large(op: DvmOp, operands: Sequence[Shape], result: Shape) -> bool:
    """Whether an operation takes too much memory for shapes of its operands and its result."""
    terms = 0
    if isinstance(op, dvm.MatmulOp | dvm.GroupedMatmulOp):
        terms = elements(result) * max(operands[0][-2 if op.trans_a.value.data else -1], 1)
    return elements(result) > ELEMENT_LIMIT or terms > TERM_LIMIT


@dataclass(frozen=True)
class _ConcreteRules(ShapeRules):
    """The answers to a shape rule where the numbers are known."""

    symbols: dict[str, int]

    def equal(self, a: Dim, b: Dim, what: str) -> Dim:
        if a.evaluate(self.symbols) != b.evaluate(self.symbols):
            raise self._conflict(a, b, what)
        return a

    def broadcast(self, a: Dim, b: Dim, what: str) -> Dim:
        sizes = {a.evaluate(self.symbols), b.evaluate(self.symbols)} - {1}
        if len(sizes) > 1:
            raise self._conflict(a, b, what)
        return Dim.constant(next(iter(sizes), 1))

    def at_least(self, a: Dim, bound: Dim, what: str) -> None:
        if a.evaluate(self.symbols) < bound.evaluate(self.symbols):
            raise self._conflict(a, bound, what)

    def quotient(self, a: Dim, b: Dim, what: str) -> Dim:
        count, divisor = a.evaluate(self.symbols), b.evaluate(self.symbols)
        if divisor <= 0 or count % divisor:
            raise self._conflict(a, b, what)
        return Dim.constant(count // divisor)

    def _conflict(self, a: Dim, b: Dim, what: str) -> ShapeConflict:
        return ShapeConflict(f"{what}: {a} and {b} do not fit for {self.symbols}")


def result_shape(op: DvmOp, operands: Sequence[Shape], symbols: dict[str, int]) -> Shape:
    """The shape of an operation's result; raises ShapeConflict unless it takes such operands."""
    rules = _ConcreteRules(symbols)
    if isinstance(op, dvm.SoftmaxOp):
        # It is lowered to a maximum, which nothing has none of.
        rules.at_least(Dim.constant(operands[0][op.position]), Dim.constant(1), "the axis of softmax")
    try:
        dims = op.infer_dims([tuple(map(Dim.constant, shape)) for shape in operands], rules)
        return tuple(dim.evaluate(symbols) for dim in dims)
    except ValueError as error:  # of a dim that stands for no number, such as bcast(4, 2)
        raise ShapeConflict(str(error)) from error


def fits(function: FuncOp, shapes: Sequence[Shape]) -> list[Shape]:
    """The shapes of all values for arguments of these shapes, by the shape rules of the operations.

    Raises ShapeConflict unless the graph takes such arguments.
    """
    types = [argument.type for argument in function.args]
    symbols = bind_symbols(types, shapes)
    for number, (type, shape) in enumerate(zip(types, shapes, strict=True)):
        for dim, size in zip(shape_of(type, number), shape, strict=True):
            try:
                fitting = dim.evaluate(symbols) == size
            except ValueError as error:
                raise ShapeConflict(str(error)) from error
            if not fitting:
                raise ShapeConflict(f"input {number}: {dim} is not {size} for {symbols}")
    bounds = function.attributes.get("dvm.at_least")
    if isinstance(bounds, DictionaryAttr):
        for name, bound in bounds.data.items():
            if isinstance(bound, IntegerAttr) and symbols.get(name, bound.value.data) < bound.value.data:
                raise ShapeConflict(f"{name} is below {bound} for {symbols}")
    values: dict[SSAValue, Shape] = dict(zip(function.args, shapes, strict=True))
    for op in function.body.block.ops:
        if isinstance(op, DvmOp):
            values[op.result] = result_shape(op, [values[operand] for operand in op.operands], symbols)
    return list(values.values())


def takes_too_much(function: FuncOp, shapes: Sequence[Shape]) -> bool:
    """Whether arguments of these shapes or anything computed from them is too large.

    What does not fit is not computed, nor what depends on it; the rest is, now and then.
    """
    symbols = bind_symbols([argument.type for argument in function.args], shapes)
    values: dict[SSAValue, Shape] = dict(zip(function.args, shapes, strict=True))
    if any(elements(shape) > ELEMENT_LIMIT for shape in shapes):
        return True
    for op in function.body.block.ops:
        if isinstance(op, DvmOp) and all(operand in values for operand in op.operands):
            operands = [values[operand] for operand in op.operands]
            with suppress(ShapeConflict):
                values[op.result] = result_shape(op, operands, symbols)
                if too_large(op, operands, values[op.result]):
                    return True
    return False
