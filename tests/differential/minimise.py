"""Makes a failing case small: one result, and operations replaced by inputs that hold what they gave."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from arrays import Array, Fill
from bounded import DTYPES, Bounded, of_input
from bounds import bind_symbols, evaluate_op
from graphs import Case, Input
from xdsl.dialects.builtin import FunctionType, ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue

from dvm_dialects.dims import Dim
from dvm_dialects.shapes import element_of, tensor_of


@dataclass(frozen=True)
class _Choice:
    """What is left of a case: which results, which values became inputs, and of these which have static types."""

    results: tuple[int, ...]
    cut: frozenset[int]
    static: frozenset[int]


def minimise(case: Case, fails: Callable[[Case], bool]) -> Case:
    """The smallest case that still fails which greedy choices find; `fails` compiles and runs."""
    build = _Builder(case)
    best = _Choice(tuple(range(len(build.returned))), frozenset(), frozenset())

    def take(choice: _Choice) -> bool:
        nonlocal best
        candidate = build(choice)
        if candidate is not None and fails(candidate):
            best = choice
            return True
        return False

    for number in best.results:
        if take(replace(best, results=(number,))):
            break
    values = range(len(build.values))
    progress = True
    while progress:
        progress = False
        for number in reversed(values):
            if number in best.cut or build.values[number] not in build.held:
                continue
            cut = replace(best, cut=best.cut | {number})
            progress |= take(replace(cut, static=cut.static | {number})) or take(cut)
    for number in values:
        if number not in best.static and build.values[number] in build.held:
            take(replace(best, static=best.static | {number}))
    smallest = build(best)
    return smallest or case


class _Builder:
    """Builds parts of one case."""

    def __init__(self, case: Case) -> None:
        self.case = case
        function = case.function
        self.arguments = list(function.args)
        self.ops = [op for op in function.body.block.ops if not isinstance(op, ReturnOp)]
        self.values: list[SSAValue] = [*self.arguments, *(op.results[0] for op in self.ops)]
        terminator = function.body.block.last_op
        assert terminator is not None
        self.returned: Sequence[SSAValue] = terminator.operands
        symbols = bind_symbols([a.type for a in self.arguments], [array.shape for array in case.arrays])
        held: dict[SSAValue, Bounded] = {
            a: of_input(array, element_of(a.type)) for a, array in zip(self.arguments, case.arrays, strict=True)
        }
        for op in self.ops:
            if all(operand in held for operand in op.operands):
                try:
                    held[op.results[0]] = evaluate_op(op, [held[operand] for operand in op.operands], symbols)
                except (ValueError, IndexError):
                    continue  # the operation refuses its operands, which may be what is wrong
        with np.errstate(all="ignore"):
            self.held: dict[SSAValue, Array] = {
                value: bounded.value.astype(DTYPES[element_of(value.type)]) for value, bounded in held.items()
            }
        for argument, array in zip(self.arguments, case.arrays, strict=True):
            self.held[argument] = array

    def __call__(self, choice: _Choice) -> Case | None:
        cut = {self.values[number] for number in choice.cut} | set(self.arguments)
        needed: set[SSAValue] = set()
        pending = [self.returned[number] for number in choice.results]
        while pending:
            value = pending.pop()
            if value not in needed:
                needed.add(value)
                if value not in cut and isinstance(value.owner, Operation):
                    pending.extend(value.owner.operands)
        if not needed:
            return None
        block = Block()
        made: dict[SSAValue, SSAValue] = {}
        inputs: list[Input] = []
        arrays: list[Array] = []
        for number, value in enumerate(self.values):
            if value not in needed:
                continue
            if value in cut:
                array = self.held[value]
                type = self._type(value, array, number in choice.static)
                made[value] = block.insert_arg(type, len(block.args))
                inputs.append(self._input(number, value, array))
                arrays.append(array)
            else:
                assert isinstance(value.owner, Operation)
                op = value.owner.clone(made)
                block.add_op(op)
                made[value] = op.results[0]
        results = [made[self.returned[number]] for number in choice.results]
        block.add_op(ReturnOp(*results))
        types = [argument.type for argument in block.args], [result.type for result in results]
        function = FuncOp("main", FunctionType.from_lists(*types), Region(block))
        return Case(ModuleOp([function]), tuple(inputs), tuple(arrays))

    def _type(self, value: SSAValue, array: Array, static: bool) -> Attribute:
        if not static:
            return value.type
        return tensor_of(element_of(value.type), tuple(Dim.constant(size) for size in array.shape))

    def _input(self, number: int, value: SSAValue, array: Array) -> Input:
        if number < len(self.case.inputs):
            return self.case.inputs[number]
        element = element_of(value.type)
        return Input(element, array.shape, Fill("cut", element), "contiguous")
