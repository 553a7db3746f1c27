"""Verification of the words of one kernel. What it promises is stated in `vm/verify.py`.

The words are followed as the engine will run them, keeping for each slot what it holds: an element type and the domain
axes it spans. A stream pass runs any number of times, also never: so it must leave alone what it reads from before it,
and what it defines is gone when it ends.
"""

from collections.abc import Callable
from typing import NamedTuple

from vm.isa import (
    FIELD_LIMIT,
    MAX_AXES,
    REDUCE_BY_GRAPH_NAME,
    SELECT,
    ElementType,
    Field,
    Instruction,
    PassMode,
    ReduceKind,
    decode,
)
from vm.program import Dim, Kernel, KernelKind
from vm.verification_error import VerificationError


class Access(NamedTuple):
    """What the words may do with a verified operand. `axes` is the mask that its tile spans, the free dim aside."""

    type: ElementType
    axes: int
    writes: bool
    guarded: bool
    free_dim: int
    dims: tuple[Dim, ...]


class Domain(NamedTuple):
    """The extents of the axes, and masks: which are reductions, and which have the constant extent 1."""

    extents: tuple[Dim, ...]
    reductions: int
    constant_one: int

    @property
    def parallel(self) -> int:
        return ((1 << len(self.extents)) - 1) & ~self.reductions


def verify_words(kernel: Kernel, number: int, operands: list[Access], domain: Domain) -> None:
    """Verify the words of kernel `number`, whose operands are verified; raises VerificationError (a BytecodeError)."""
    words = _Words(kernel, operands, domain)
    for position, word in enumerate(kernel.words):
        name = ""
        try:
            instruction = decode(word)
            name = f" ({instruction.opcode.mnemonic})"
            words.follow(instruction)
        except (ValueError, _WordError) as fault:
            message = f"kernel {kernel.name!r}, word {position}{name}: {fault}"
            raise VerificationError(message, "words", position, number) from None
    try:
        words.finish()
    except _WordError as fault:
        raise VerificationError(f"kernel {kernel.name!r}: {fault}", "kernels", number) from None


class _WordError(Exception):
    """What is wrong with the word at hand."""


class _Value(NamedTuple):
    """What a slot holds.

    `axes` are those it may span. Of these, `solid` are the ones it spans whatever the inputs: what is loaded spans none
    for sure, since where the tensor has extent 1 or step 0 there is nothing to spread out. `begins` is for accumulators
    until one instruction has accumulated them; an engine may leave the beginning to that.
    """

    type: ElementType
    axes: int
    solid: int = 0
    begins: ReduceKind | None = None


_AUX_LIMITS = {"": 1, "PassMode": len(PassMode), "ReduceKind": len(ReduceKind), "ElementType": len(ElementType)}
_KIND_OF_REDUCTION = {REDUCE_BY_GRAPH_NAME[kind.name.capitalize()].number: kind for kind in ReduceKind}
_INDEX_TYPES = (ElementType.I32, ElementType.I64)


def _names(types: tuple[ElementType, ...]) -> str:
    return " or ".join(element.text for element in types)


class _Words:
    """The state between two words of a kernel."""

    def __init__(self, kernel: Kernel, operands: list[Access], domain: Domain) -> None:
        self._kernel = kernel
        self._operands = operands
        self._domain = domain
        self._live: dict[int, _Value] = {}
        self._stored: set[int] = set()
        self._multiplies = False
        # of the pass at hand; the sets are of slots, and matter in stream passes only
        self._streams: bool | None = None
        self._defined: set[int] = set()
        self._read_from_before: set[int] = set()
        self._accumulated: set[int] = set()
        self._limits = {
            Field.UNUSED: 1,
            Field.SLOT: kernel.slots,
            Field.OPERAND: len(kernel.operands),
            Field.AXIS: len(kernel.axes),
            Field.AXES_LOW: FIELD_LIMIT,
            Field.AXES_HIGH: 1 << (MAX_AXES - 12),
        }
        self._handlers: dict[str, Callable[[Instruction], None]] = {
            "pass": self._pass,
            "load": self._load,
            "load_guarded": self._load_guarded,
            "gather": self._gather,
            "store": self._store,
            "fill": self._fill,
            "iota": self._iota,
            "unary": self._elementwise,
            "binary": self._elementwise,
            "select": self._select,
            "cast": self._elementwise,
            "reduce_init": self._reduce_init,
            "reduce": self._reduce,
            "matmul": self._matmul,
            "grouped_matmul": self._grouped_matmul,
            "grouped_matmul_k": self._grouped_matmul_k,
        }

    def follow(self, instruction: Instruction) -> None:
        """Take the next word; raises _WordError where it is not allowed here."""
        self._check_fields(instruction)
        if self._streams is None and instruction.opcode.mnemonic != "pass":
            raise _WordError("the first word must be a pass")
        self._handlers[instruction.opcode.format.name](instruction)

    def finish(self) -> None:
        """Check what only the end shows."""
        for number, operand in enumerate(self._operands):
            if operand.writes and number not in self._stored:
                raise _WordError(f"nothing is stored to operand {number}")
        if self._multiplies != (self._kernel.kind is not KernelKind.VECTOR):
            raise _WordError(f"its kind, {self._kernel.kind.name.lower()}, does not fit its words")

    def _check_fields(self, instruction: Instruction) -> None:
        """Whether the fields are in the ranges that the format gives them."""
        form = instruction.opcode.format
        if instruction.type not in instruction.opcode.types:
            raise _WordError(f"it does not work on {instruction.type.text}")
        fields = (("d", form.d), ("a", form.a), ("b", form.b), ("c", form.c))
        values = (instruction.d, instruction.a, instruction.b, instruction.c)
        scalar_bits = 0
        for position, ((name, kind), value) in enumerate(zip(fields, values, strict=True)):
            if kind is Field.SOURCE:
                scalar_bits |= 1 << (position - 1)
                is_scalar = instruction.is_scalar(position - 1)
                limit = len(self._kernel.scalars) if is_scalar else self._kernel.slots
            else:
                limit = self._limits[kind]
            if value >= limit:
                raise _WordError(f"field {name} is {value}, it must be below {limit}")
        aux = instruction.aux
        is_known = not aux & ~scalar_bits if form.aux == "rk" else aux < _AUX_LIMITS[form.aux]
        if not is_known:
            raise _WordError(f"aux is {aux}, which means nothing here")

    # slots

    def _read(self, slot: int, *types: ElementType) -> _Value:
        """The value of a slot, which must be of one of `types`."""
        value = self._value(slot, *types)
        if self._streams and slot not in self._defined:
            if slot in self._accumulated:
                raise _WordError(f"slot {slot} is read in the pass that accumulates it")
            self._read_from_before.add(slot)
        return value

    def _value(self, slot: int, *types: ElementType) -> _Value:
        value = self._live.get(slot)
        if value is None:
            raise _WordError(f"slot {slot} holds nothing at this point")
        if value.type not in types:
            raise _WordError(f"slot {slot} holds {value.type.text}, not {_names(types)}")
        if value.begins is not None:
            raise _WordError(f"slot {slot} is an accumulator that nothing has accumulated")
        return value

    def _sources(self, instruction: Instruction) -> dict[int, _Value]:
        """The slots that the fields of the instruction's type name, with their values; checks scalars as well."""
        form, kernel = instruction.opcode.format, self._kernel
        values: dict[int, _Value] = {}
        fields = ((form.a, instruction.a), (form.b, instruction.b), (form.c, instruction.c))
        for source, (kind, field) in enumerate(fields):
            if kind is Field.SOURCE and instruction.is_scalar(source):
                if kernel.scalars[field].type is not instruction.type:
                    scalar_type = kernel.scalars[field].type.text
                    raise _WordError(f"scalar {field} is of type {scalar_type}, not {instruction.type.text}")
            elif kind is Field.SOURCE or (kind is Field.SLOT and form is not SELECT):
                values[field] = self._read(field, instruction.type)
        return values

    def _define(self, slot: int, value: _Value) -> None:
        if self._streams:
            if slot in self._read_from_before or slot in self._accumulated:
                raise _WordError(f"slot {slot} is overwritten, but the next tile of the reduction reads it")
            self._defined.add(slot)
        elif value.axes & self._domain.reductions:
            raise _WordError("what spans a reduction axis belongs into a stream pass")
        self._live[slot] = value

    def _accumulate(self, instruction: Instruction, kind: ReduceKind, left: _Value | None = None) -> None:
        """Let an accumulator be one from here on; a reduction leaves of what it reads, `left`, the parallel axes."""
        slot = instruction.d
        if not self._streams:
            raise _WordError("reductions belong into a stream pass")
        value = self._live.get(slot)
        if value is None or value.begins is not kind or value.type is not instruction.type:
            begun = f"rinit.{instruction.type.text} {kind.name.lower()}"
            raise _WordError(f"slot {slot} is no accumulator as {begun} begins it, or has been accumulated")
        self._accumulated.add(slot)
        parallel = self._domain.parallel
        spanned = value if left is None else left._replace(axes=left.axes & parallel, solid=left.solid & parallel)
        self._live[slot] = spanned._replace(begins=None)

    def _operand(self, number: int, *types: ElementType, free: bool = False, guarded: bool = False) -> Access:
        """Operand `number` to be read, which must be of one of `types` and made for such a read."""
        operand = self._operands[number]
        if operand.writes:
            raise _WordError(f"operand {number} is written, not read")
        if operand.guarded is not guarded:
            raise _WordError(f"operand {number} {'must be' if guarded else 'is'} guarded")
        if (operand.free_dim >= 0) is not free:
            raise _WordError(f"operand {number} {'must have a' if free else 'has a'} free dim")
        if operand.type not in types:
            raise _WordError(f"operand {number} is of type {operand.type.text}, not {_names(types)}")
        return operand

    # one handler a format

    def _pass(self, instruction: Instruction) -> None:
        if self._streams:
            for slot in self._defined:
                self._live.pop(slot)
        self._streams = instruction.aux == PassMode.STREAM
        if self._streams and not self._domain.reductions:
            raise _WordError("a stream pass needs a reduction axis")
        self._defined.clear()
        self._read_from_before.clear()
        self._accumulated.clear()

    def _load(self, instruction: Instruction) -> None:
        operand = self._operand(instruction.a, instruction.type)
        self._define(instruction.d, _Value(operand.type.compute, operand.axes))

    def _load_guarded(self, instruction: Instruction) -> None:
        operand = self._operand(instruction.a, instruction.type, guarded=True)
        slot = instruction.d
        value = self._value(slot, operand.type.compute)
        if self._streams and slot not in self._defined:
            raise _WordError(f"slot {slot} is no background defined in this pass")
        if operand.axes & ~value.solid:
            raise _WordError(f"slot {slot} may lack an axis of the operand; a background is made by fill")

    def _gather(self, instruction: Instruction) -> None:
        operand = self._operand(instruction.a, instruction.type, free=True)
        index = self._read(instruction.b, *_INDEX_TYPES)
        if instruction.b == instruction.d:
            raise _WordError("the result shares the slot of the index")
        if index.axes & operand.axes:
            raise _WordError("the index spans an axis of the operand")
        solid = index.solid | operand.axes
        self._define(instruction.d, _Value(operand.type.compute, index.axes | operand.axes, solid))

    def _store(self, instruction: Instruction) -> None:
        number = instruction.b
        operand = self._operands[number]
        if not operand.writes:
            raise _WordError(f"operand {number} is read, not written")
        if operand.type is not instruction.type:
            raise _WordError(f"operand {number} is of type {operand.type.text}, not {instruction.type.text}")
        if number in self._stored:
            raise _WordError(f"operand {number} is stored twice")
        self._stored.add(number)
        value = self._read(instruction.a, operand.type.compute)
        if value.axes & ~operand.axes:
            raise _WordError(f"slot {instruction.a} spans an axis that operand {number} lacks")
        reductions = self._domain.reductions
        if not self._streams and operand.axes & reductions:
            raise _WordError(f"operand {number} spans a reduction axis, so its store belongs into a stream pass")
        if self._streams and reductions & ~(operand.axes | self._domain.constant_one):
            raise _WordError(f"operand {number} lacks a reduction axis, so its store belongs into a once pass")

    def _fill(self, instruction: Instruction) -> None:
        mask = instruction.axes
        if mask >> len(self._domain.extents):
            raise _WordError(f"the mask of axes 0x{mask:x} has axes that are not there")
        for slot, value in self._sources(instruction).items():
            if slot == instruction.d:
                raise _WordError("the result shares the slot of the source")
            if value.axes & ~mask:
                raise _WordError(f"slot {slot} spans an axis outside of the mask")
        self._define(instruction.d, _Value(instruction.type, mask, mask))

    def _iota(self, instruction: Instruction) -> None:
        mask = 1 << instruction.a
        self._define(instruction.d, _Value(instruction.type, mask, mask))

    def _elementwise(self, instruction: Instruction) -> None:
        self._combine(instruction, self._sources(instruction))

    def _select(self, instruction: Instruction) -> None:
        condition = self._read(instruction.a, ElementType.I1)
        self._combine(instruction, self._sources(instruction) | {instruction.a: condition})

    def _combine(self, instruction: Instruction, sources: dict[int, _Value]) -> None:
        axes = solid = 0
        for value in sources.values():
            axes |= value.axes
            solid |= value.solid
        slot = instruction.d
        # such a source would be overwritten while it is still needed
        if slot in sources and sources[slot].axes != axes:
            raise _WordError(f"the result shares slot {slot} with a source that lacks some of its axes")
        self._define(slot, _Value(instruction.result_type, axes, solid))

    def _reduce_init(self, instruction: Instruction) -> None:
        if self._streams:
            raise _WordError("accumulators begin in a once pass")
        parallel = self._domain.parallel
        self._define(instruction.d, _Value(instruction.type, parallel, parallel, ReduceKind(instruction.aux)))

    def _reduce(self, instruction: Instruction) -> None:
        source = self._read_apart(instruction, instruction.a)
        self._accumulate(instruction, _KIND_OF_REDUCTION[instruction.opcode.number], source)

    def _read_apart(self, instruction: Instruction, slot: int) -> _Value:
        """A source that may not share the slot of the result."""
        if slot == instruction.d:
            raise _WordError("the result shares the slot of a source")
        return self._read(slot, instruction.type)

    # matrix products: the last axes of the domain are m, n and k

    def _matmul(self, instruction: Instruction) -> None:
        m, n, k = self._matrix_axes(3)
        self._check_matrix("a", self._read_apart(instruction, instruction.a).axes, k, n)
        self._check_matrix("b", self._read_apart(instruction, instruction.b).axes, k, m)
        self._accumulate(instruction, ReduceKind.SUM)

    def _grouped_matmul(self, instruction: Instruction) -> None:
        m, n, k = self._matrix_axes(3)
        self._check_matrix("a", self._read_apart(instruction, instruction.a).axes, k, ~(m | k))
        types = [element for element in ElementType if element.compute is instruction.type]
        weights = self._operand(instruction.b, *types, free=True)
        self._check_matrix("b", weights.axes, k | n, ~(k | n))
        if weights.dims[weights.free_dim] != self._groups(instruction.c):
            raise _WordError("the free dim of operand b is not the number of groups")
        self._accumulate(instruction, ReduceKind.SUM)

    def _grouped_matmul_k(self, instruction: Instruction) -> None:
        m, n, k = self._matrix_axes(4)
        self._check_matrix("a", self._read_apart(instruction, instruction.a).axes, k, ~(m | k))
        self._check_matrix("b", self._read_apart(instruction, instruction.b).axes, k, ~(k | n))
        if self._domain.extents[-4] != self._groups(instruction.c):
            raise _WordError("the extent of the axis of groups is not the number of groups")
        self._accumulate(instruction, ReduceKind.SUM)

    def _matrix_axes(self, width: int) -> tuple[int, int, int]:
        """The masks of m, n and k in a domain of at least `width` axes, with k the only reduction."""
        self._multiplies = True
        count = len(self._domain.extents)
        if count < width or self._domain.reductions != 1 << (count - 1):
            raise _WordError(f"it needs a domain of {width} axes at least, the last one and no other a reduction")
        return 1 << (count - 3), 1 << (count - 2), 1 << (count - 1)

    def _check_matrix(self, name: str, axes: int, needed: int, excluded: int) -> None:
        if axes & excluded or needed & ~(axes | self._domain.constant_one):
            raise _WordError(f"the axes of {name} are not those of a matrix in its place")

    def _groups(self, number: int) -> Dim:
        """The number of groups whose ends operand `number` holds."""
        ends = self._operand(number, *_INDEX_TYPES, free=True)
        if len(ends.dims) != 1:
            raise _WordError(f"operand {number} has {len(ends.dims)} dims, the ends of groups have one")
        return ends.dims[0]
