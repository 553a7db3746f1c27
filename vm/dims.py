"""The table of dims of a program: its value for concrete inputs, and its entries as text for messages and listings."""

from collections.abc import Sequence

from vm.errors import ShapeError
from vm.program import DimOp, Program

MAGNITUDE_LIMIT = 1 << 62
"""Every entry stays below this in magnitude, so that an engine may compute with signed 64-bit integers."""

TEXT_LIMIT = 60
"""Characters from which an entry is written `dim12` inside of others, so that no table has a text of great length."""

_SUM, _PRODUCT, _ATOM = 1, 2, 3
_WORDS = {DimOp.FLOORDIV: "floordiv", DimOp.CEILDIV: "ceildiv"}

# plain names, because a lookup on the enumeration costs as much as the arithmetic
_CONSTANT, _SYMBOL, _MUL, _ADD, _SUB = DimOp.CONSTANT, DimOp.SYMBOL, DimOp.MUL, DimOp.ADD, DimOp.SUB


class BroadcastError(ShapeError):
    """Two entries, `left` and `right`, whose values do not broadcast."""

    def __init__(self, program: Program, left: int, right: int, left_value: int, right_value: int) -> None:
        super().__init__(
            f"{dim_text(program, left)} is {left_value} and {dim_text(program, right)} is {right_value}: "
            "they must be equal, or one of them 1, to broadcast"
        )
        self.values = {left: left_value, right: right_value}


def evaluate_dims(program: Program, symbol_values: Sequence[int]) -> list[int]:
    """The value of every entry of a verified program's table, given one value a symbol.

    Raises ShapeError where an entry reaches 2**62 in magnitude or a divisor is not positive, BroadcastError where
    extents do not broadcast.
    """
    values: list[int] = []
    append = values.append
    for dim in program.dims:
        op = dim.op
        if op is _CONSTANT:  # small by verification
            append(dim.a)
            continue
        if op is _SYMBOL:
            value = symbol_values[dim.a]
        elif op is _MUL:
            value = values[dim.a] * values[dim.b]
        elif op is _ADD:
            value = values[dim.a] + values[dim.b]
        elif op is _SUB:
            value = values[dim.a] - values[dim.b]
        else:
            value = _quotient_or_broadcast(program, values)
        if not -MAGNITUDE_LIMIT < value < MAGNITUDE_LIMIT:
            raise ShapeError(f"{dim_text(program, len(values))} is {value}, which is too large")
        append(value)
    return values


def _quotient_or_broadcast(program: Program, values: list[int]) -> int:
    number = len(values)
    dim = program.dims[number]
    left, right = values[dim.a], values[dim.b]
    if dim.op is DimOp.BROADCAST:
        if left == right or right == 1:
            return left
        if left == 1:
            return right
        raise BroadcastError(program, dim.a, dim.b, left, right)
    if right <= 0:
        raise ShapeError(f"{dim_text(program, dim.b)} is {right}, but {dim_text(program, number)} divides by it")
    return left // right if dim.op is DimOp.FLOORDIV else -(-left // right)


def dim_text(program: Program, index: int) -> str:
    """Entry `index` of a verified program's table as an expression over symbols, such as `4*s0 + 1` or `bcast(s0, s1)`.

    Entries longer than `TEXT_LIMIT` appear in others under their number: `dim12 + 1`.
    """
    return dim_texts(program, index + 1)[index]


def dim_texts(program: Program, count: int | None = None) -> list[str]:
    """`dim_text` of the first `count` entries, or of all."""
    texts: list[str] = []
    parts: list[tuple[str, int]] = []
    for number, dim in enumerate(program.dims[:count]):
        text, precedence = _entry(program, dim.op, dim.a, dim.b, parts)
        texts.append(text)
        parts.append((text, precedence) if len(text) <= TEXT_LIMIT else (f"dim{number}", _ATOM))
    return texts


def _entry(program: Program, op: DimOp, a: int, b: int, parts: list[tuple[str, int]]) -> tuple[str, int]:
    if op is DimOp.CONSTANT:
        return str(a), _ATOM if a >= 0 else _SUM
    if op is DimOp.SYMBOL:
        return program.symbols[a], _ATOM
    if op is DimOp.BROADCAST:
        return f"bcast({parts[a][0]}, {parts[b][0]})", _ATOM
    if op is DimOp.ADD:
        right = parts[b][0]
        return f"{parts[a][0]} - {right[1:]}" if right.startswith("-") else f"{parts[a][0]} + {right}", _SUM
    if op is DimOp.SUB:
        left, right = parts[a][0], _enclosed(parts[b], _PRODUCT)
        return f"-{right}" if left == "0" else f"{left} - {right}", _SUM
    if op is DimOp.MUL:
        left, right = parts[a][0], _enclosed(parts[b], _PRODUCT)
        if left.startswith("-") and program.dims[a].op is DimOp.CONSTANT:
            return f"-{right}" if left == "-1" else f"{left}*{right}", _SUM
        return f"{_enclosed(parts[a], _PRODUCT)}*{right}", _PRODUCT
    return f"{_enclosed(parts[a], _ATOM)} {_WORDS[op]} {_enclosed(parts[b], _ATOM)}", _SUM


def _enclosed(part: tuple[str, int], least: int) -> str:
    """The text of an operand, in parentheses where it binds more loosely than its place wants."""
    text, precedence = part
    return text if precedence >= least else f"({text})"
