"""The disassembler: a program as a listing for people, one instruction a row, with what each does to these tensors.

The comment of a row is the opcode's meaning in the ISA table with this program's names put in. Names come from the
file; what is not printable in them is escaped.
"""

import re
from collections.abc import Iterator

import numpy as np

from vm.dims import TEXT_LIMIT, dim_texts
from vm.isa import CAST, FILL, ISA_VERSION, PASS, REDUCE_INIT, ElementType, Field, Instruction, PassMode, ReduceKind
from vm.isa import decode as decode_word
from vm.program import Condition, Dim, DimOp, Fact, FactKind, Index, Kernel, Program, Storage

_SECTION_OF_STORAGE = {
    Storage.INPUT: "inputs",
    Storage.OUTPUT: "outputs",
    Storage.CONSTANT: "constants",
    Storage.WORKSPACE: "workspace",
    Storage.VIEW: "views",
}

_CONDITION_TEXTS = {
    FactKind.EQUAL: "{0} = {1}",
    FactKind.AT_LEAST: "{0} >= {1}",
    FactKind.BROADCASTABLE: "{0} = {1}, or one of them is 1",
    FactKind.DIVISIBLE: "{0} is a multiple of {1}",
}

_FACTORS = {"1": "", "-1": "-"}

_PLACEHOLDER = re.compile(r"\b(UB|RK|G|axis)\[([abcd])\]")


def disassemble(program: Program, words: bool = False) -> str:
    """The listing of a verified program; with `words` each row has its word in hexadecimal."""
    return "\n".join(_Listing(program, words).lines()) + "\n"


class _Listing:
    """The lines of one listing."""

    def __init__(self, program: Program, words: bool) -> None:
        self._program = program
        self._words = words
        full = dim_texts(program)
        self._long_dims = [(f"dim{number}", text) for number, text in enumerate(full) if len(text) > TEXT_LIMIT]
        self._dims = [text if len(text) <= TEXT_LIMIT else f"dim{number}" for number, text in enumerate(full)]

    def lines(self) -> Iterator[str]:
        program = self._program
        yield f"program '{printable(program.name)}', instruction set {ISA_VERSION}"
        for storage, title in _SECTION_OF_STORAGE.items():
            yield from titled(title, [self._tensor(n) for n in self._listed(storage)])
        yield from titled("symbols", self._symbols())
        yield from titled("dims", [(name, "=", text) for name, text in self._long_dims])
        yield from titled("facts", [self._fact(fact) for fact in program.facts])
        for number in range(len(program.variants)):
            yield from titled(self._when(number), self._stages(number))
        for kernel in program.kernels:
            yield ""
            yield from self._kernel(kernel)

    def _listed(self, storage: Storage) -> list[int]:
        """The tensors of a storage, those of the interface in its order."""
        program = self._program
        if storage is Storage.INPUT:
            return [parameter.tensor for parameter in program.inputs]
        if storage is Storage.OUTPUT:
            return list(program.outputs)
        return [number for number, tensor in enumerate(program.tensors) if tensor.storage is storage]

    def _name(self, tensor: int) -> str:
        return printable(self._program.tensors[tensor].name) or f"tensor{tensor}"

    def _tensor(self, number: int) -> tuple[str, ...]:
        tensor = self._program.tensors[number]
        shape = f"[{', '.join(self._dims[dim] for dim in tensor.dims)}]"
        row = (self._name(number), tensor.type.text, shape)
        if tensor.storage is Storage.CONSTANT:
            return (*row, _count(len(self._program.constants[tensor.source]), "byte"))
        if tensor.storage is Storage.VIEW:
            return (*row, f"of {self._name(tensor.source)}")
        return row

    def _symbols(self) -> list[tuple[str, ...]]:
        """Each symbol, with the dims of inputs that are it and why, where that was deduced."""
        rows: list[tuple[str, ...]] = []
        for number, symbol in enumerate(self._program.symbols):
            places: list[str] = []
            for parameter in self._program.inputs:
                dims = self._program.tensors[parameter.tensor].dims
                for position, (dim, reason) in enumerate(zip(dims, parameter.reasons, strict=True)):
                    if self._program.dims[dim] == Dim(DimOp.SYMBOL, number):
                        because = f" ({printable(reason)})" if reason else ""
                        places.append(f"dim {position} of {self._name(parameter.tensor)}{because}")
            rows.append((symbol, "=", ", ".join(places)))
        return rows

    def _fact(self, fact: Fact) -> tuple[str, ...]:
        return self._condition(fact), printable(fact.reason)

    def _condition(self, condition: Condition) -> str:
        return _CONDITION_TEXTS[condition.kind].format(self._dims[condition.left], self._dims[condition.right])

    def _when(self, number: int) -> str:
        """The heading of a variant."""
        if len(self._program.variants) == 1:
            return "launch"
        conditions = self._program.variants[number].conditions
        when = f"where {' and '.join(map(self._condition, conditions))}" if conditions else "otherwise"
        return f"launch {number}, {when}"

    def _stages(self, number: int) -> list[tuple[str, ...]]:
        kernels = self._program.kernels
        return [
            (f"stage {stage}", ", ".join(f"'{printable(kernels[kernel].name)}'" for kernel in members))
            for stage, members in enumerate(self._program.variants[number].stages)
        ]

    def _kernel(self, kernel: Kernel) -> Iterator[str]:
        origin = f", from {printable(kernel.origin)}" if kernel.origin else ""
        yield f"{kernel.kind.name.lower()} kernel '{printable(kernel.name)}', {_count(kernel.slots, 'slot')}{origin}"
        axes = [
            f"d{number} < {self._dims[axis.extent]}{' (reduction)' if axis.reduction else ''}"
            for number, axis in enumerate(kernel.axes)
        ]
        yield f"  domain    {', '.join(axes) or 'one point'}"
        operands = [
            (
                f"g{number}",
                "writes" if operand.writes else "reads",
                self._access(kernel, number),
                self._program.tensors[operand.tensor].type.text,
                "where inside" if operand.guarded else "",
            )
            for number, operand in enumerate(kernel.operands)
        ]
        yield from _indented("operands", operands)
        yield from _indented(
            "scalars", [(f"k{n}", self._scalar(kernel, n), s.type.text) for n, s in enumerate(kernel.scalars)]
        )
        yield from _indented("words", [self._instruction(kernel, n, word) for n, word in enumerate(kernel.words)])

    def _access(self, kernel: Kernel, number: int) -> str:
        """The element of operand `number` at a point of the domain: `x[d0, d1 + 1]`, with `*` for a free dim."""
        operand = kernel.operands[number]
        indices = [
            "*" if position == operand.free_dim else self._index(index)
            for position, index in enumerate(operand.indices)
        ]
        return f"{self._name(operand.tensor)}[{', '.join(indices)}]"

    def _index(self, index: Index) -> str:
        parts: list[str] = []
        for axis, coefficient in index.terms:
            factor = self._dims[coefficient]
            parts.append(f"{_FACTORS[factor]}d{axis}" if factor in _FACTORS else f"{_factor(factor)}*d{axis}")
        offset = self._dims[index.offset]
        if offset != "0" or not parts:
            parts.append(offset)
        return " + ".join(parts).replace("+ -", "- ")

    def _scalar(self, kernel: Kernel, number: int) -> str:
        scalar = kernel.scalars[number]
        if scalar.dim >= 0:
            return self._dims[scalar.dim]
        # the shortest text that gives the same f32
        return str(np.float32(scalar.value)) if scalar.type is ElementType.F32 else str(scalar.value)

    def _instruction(self, kernel: Kernel, number: int, word: int) -> tuple[str, ...]:
        instruction = decode_word(word)
        form = instruction.opcode.format
        head = (str(number), f"{word:016x}") if self._words else (str(number),)
        if form is PASS:
            return (*head, f"pass {PassMode(instruction.aux).name.lower()}", "", _pass_comment(kernel, instruction))
        mnemonic = f"{instruction.opcode.mnemonic}.{instruction.type.text}"
        operands: list[str] = []
        for name, field in form.fields:
            value: int = getattr(instruction, name)
            if field is Field.AXES_LOW:
                operands.append(_axes(instruction))
            elif field is not Field.AXES_HIGH:
                operands.append(self._field(kernel, instruction, name, field, value))
        if form is CAST:
            operands.append(ElementType(instruction.aux).text)
        elif form is REDUCE_INIT:
            operands.append(ReduceKind(instruction.aux).name.lower())
        return *head, mnemonic, ", ".join(operands), self._comment(kernel, instruction)

    def _field(self, kernel: Kernel, instruction: Instruction, name: str, field: Field, value: int) -> str:
        if field is Field.OPERAND:
            return f"g{value} '{self._name(kernel.operands[value].tensor)}'"
        if field is Field.AXIS:
            return f"d{value}"
        if field is Field.SOURCE and instruction.is_scalar("abc".index(name)):
            return f"k{value}={self._scalar(kernel, value)}"
        return f"ub{value}"

    def _comment(self, kernel: Kernel, instruction: Instruction) -> str:
        """The opcode's meaning in terms of this program."""

        def name(match: re.Match[str]) -> str:
            kind, field = match.groups()
            value: int = getattr(instruction, field)
            if kind == "G" and match.string[match.end() :].startswith("["):  # the meaning has indices of its own
                return self._name(kernel.operands[value].tensor)
            if kind == "G":
                return self._access(kernel, value)
            if kind == "axis":
                return f"d{value}"
            if kind == "RK" and instruction.is_scalar("abc".index(field)):
                return self._scalar(kernel, value)
            return f"ub{value}"

        text = _PLACEHOLDER.sub(name, instruction.opcode.meaning)
        if instruction.opcode.format is FILL:
            return text.replace("the axes in the mask b, c", _axes(instruction))
        if instruction.opcode.format is CAST:
            element = ElementType(instruction.aux)
            if element is element.compute:
                text = text.partition(" (")[0]  # what is said of 16-bit floats
            return text.replace("the type in aux", element.text)
        if instruction.opcode.format is REDUCE_INIT:
            return text.replace("the kind in aux", ReduceKind(instruction.aux).name.lower())
        return text


def _pass_comment(kernel: Kernel, instruction: Instruction) -> str:
    names = {
        reduction: ", ".join(f"d{number}" for number, axis in enumerate(kernel.axes) if axis.reduction is reduction)
        for reduction in (False, True)
    }
    once = f"for each tile of {names[False]}" if names[False] else "for the only tile"
    return once if instruction.aux == PassMode.ONCE else f"{once}, for each tile of {names[True]} in order"


def _axes(instruction: Instruction) -> str:
    axes = [f"d{axis}" for axis in range(instruction.axes.bit_length()) if instruction.axes >> axis & 1]
    return f"({', '.join(axes)})"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _factor(text: str) -> str:
    return f"({text})" if " " in text else text


def printable(text: str) -> str:
    """The text with what could confuse a terminal, or end a line, escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def titled(title: str, rows: list[tuple[str, ...]]) -> Iterator[str]:
    """A heading and its rows in columns; nothing where there are no rows."""
    if rows:
        yield title
        yield from (f"  {line}" for line in _columns(rows))


def _indented(title: str, rows: list[tuple[str, ...]]) -> Iterator[str]:
    """Rows in columns beside their heading."""
    for number, line in enumerate(_columns(rows)):
        yield f"  {title if number == 0 else '':10}{line}"


def _columns(rows: list[tuple[str, ...]]) -> Iterator[str]:
    widths = [max((len(cell) for cell in column), default=0) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
