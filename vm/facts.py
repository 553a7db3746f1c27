"""The table of dims for the shapes of the inputs, and the facts about it that a program relies on.

Whatever does not fit is a ShapeError that names both culprits: the inputs, their dims, and the operation that needs it.
"""

from collections.abc import Callable, Mapping, Sequence

from vm.dims import BroadcastError, dim_text, evaluate_dims
from vm.errors import ShapeError
from vm.plan import Shape
from vm.prepare_program import PreparedProgram
from vm.program import Condition, DimOp, Fact, FactKind


def evaluate_and_check(prepared: PreparedProgram, shapes: tuple[Shape, ...]) -> list[int]:
    """The value of every entry of the table of dims. Raises ShapeError where the shapes do not fit the program."""
    program = prepared.program
    if tuple(map(len, shapes)) != prepared.input_ranks:
        raise ShapeError(_other_rank(prepared, shapes))
    try:
        dims = evaluate_dims(program, [shapes[number][position] for number, position in prepared.symbol_sources])
    except BroadcastError as error:
        for fact in program.facts:
            if fact.kind is FactKind.BROADCASTABLE and {fact.left, fact.right} == error.values.keys():
                raise _broken(prepared, fact, error.values) from None
        raise
    for number, expected in enumerate(prepared.input_dims):
        if shapes[number] != tuple([dims[dim] for dim in expected]):
            raise ShapeError(_mismatch(prepared, number, shapes[number], dims))
    for fact in program.facts:
        if not holds(fact, dims):
            raise _broken(prepared, fact, dims)
    return dims


def holds(condition: Condition, dims: list[int]) -> bool:
    """Whether a condition holds for these values of the table of dims."""
    return _HOLDS[condition.kind](dims[condition.left], dims[condition.right])


def _broken(prepared: PreparedProgram, fact: Fact, values: Mapping[int, int] | Sequence[int]) -> ShapeError:
    """The error of a fact that does not hold."""
    left = _named(prepared, fact.left, values[fact.left])
    right = _named(prepared, fact.right, values[fact.right])
    return ShapeError(f"{_FACT_TEXT[fact.kind].format(left=left, right=right)}: {fact.reason}")


_HOLDS: dict[FactKind, Callable[[int, int], bool]] = {
    FactKind.EQUAL: lambda left, right: left == right,
    FactKind.AT_LEAST: lambda left, right: left >= right,
    FactKind.BROADCASTABLE: lambda left, right: left == right or left == 1 or right == 1,
    FactKind.DIVISIBLE: lambda left, right: right > 0 and left % right == 0,
}

_FACT_TEXT = {
    FactKind.EQUAL: "{left} must equal {right}",
    FactKind.AT_LEAST: "{left} must be at least {right}",
    FactKind.BROADCASTABLE: "{left} does not broadcast with {right}",
    FactKind.DIVISIBLE: "{left} must be a multiple of {right}",
}


def _named(prepared: PreparedProgram, dim: int, value: int) -> str:
    """A dim for a message: its text, its value, and the input it comes from where it is a symbol."""
    program = prepared.program
    entry = program.dims[dim]
    text = dim_text(program, dim)
    if entry.op is DimOp.CONSTANT:
        return text
    if entry.op is not DimOp.SYMBOL:
        return f"{text} = {value}"
    number, position = prepared.symbol_sources[entry.a]
    name = program.tensors[program.inputs[number].tensor].name
    return f"{text} = {value} (input '{name}', dim {position})"


def _other_rank(prepared: PreparedProgram, shapes: tuple[Shape, ...]) -> str:
    """Of the first input that has not as many dims as it should."""
    ranks = zip(shapes, prepared.input_ranks, strict=True)
    number, rank = next((number, rank) for number, (shape, rank) in enumerate(ranks) if len(shape) != rank)
    name = prepared.program.tensors[prepared.program.inputs[number].tensor].name
    return f"input '{name}' has rank {len(shapes[number])}, expected rank {rank}"


def _mismatch(prepared: PreparedProgram, number: int, shape: Shape, dims: list[int]) -> str:
    """Of the first dim of an input whose extent is not what the program says."""
    program = prepared.program
    parameter = program.inputs[number]
    tensor = program.tensors[parameter.tensor]
    position = next(position for position, dim in enumerate(tensor.dims) if shape[position] != dims[dim])
    dim, extent = tensor.dims[position], shape[position]
    expected = dims[dim]
    entry = program.dims[dim]
    reason = parameter.reasons[position]
    tail = f": {reason}" if reason else ""
    here = f"{extent} (input '{tensor.name}', dim {position})"
    if entry.op is DimOp.SYMBOL:
        first, first_position = prepared.symbol_sources[entry.a]
        name = program.tensors[program.inputs[first].tensor].name
        return f"{dim_text(program, dim)} is {expected} (input '{name}', dim {first_position}) but {here}{tail}"
    if entry.op is DimOp.CONSTANT:
        return f"input '{tensor.name}' has {extent} in dim {position}, expected {expected}{tail}"
    return f"{dim_text(program, dim)} is {expected} but {here}{tail}"
