"""`emit-bytecode`: a function of allocated kernels becomes the bytes of a `.dvmb` file, in a `visa.bytecode` operation.

`build_program` is the same without the bytes. Words are encoded by walking the formats of the ISA table, dims become a
table in which equal expressions are one entry.
"""

from collections.abc import Iterable, Sequence
from functools import reduce
from itertools import count
from typing import TypeVar, cast

from xdsl.context import Context
from xdsl.dialects.builtin import ArrayAttr, ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, BlockArgument, Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.utils.exceptions import PassFailedException, VerifyException

from dvm_dialects import dvm, host, vk
from dvm_dialects.diagnostics import failure, failures_of
from dvm_dialects.dims import Dim
from dvm_dialects.shapes import FactAttr, dims_of, element_of
from dvm_dialects.source import describe
from dvm_dialects.visa import (
    AccessIndex,
    BytecodeOp,
    GatherOp,
    GlobalType,
    GroupedMatmulKOp,
    GroupedMatmulOp,
    InstructionOp,
    KernelOp,
    ScalarOp,
    slot_of,
)
from passes.variants import FACT_OF_COMPARISON, Choice, Stage, StagedVariant, variants_of
from vm import program
from vm.container import to_bytes
from vm.isa import FIELD_LIMIT, ElementType, Field, Instruction, encode
from vm.program import DimOp, KernelKind, Program, Storage

_ORIGINS: dict[type[Operation], str] = {
    GatherOp: "dvm.gather",
    GroupedMatmulOp: "dvm.grouped_matmul",
    GroupedMatmulKOp: "dvm.grouped_matmul",
}
"""The operations that can fail on data, which messages then name."""


_Function = TypeVar("_Function", FuncOp, host.FuncOp, FuncOp | host.FuncOp)

_NO_FORM = "it has no form in bytecode: run the passes before this one first"


class EmitBytecodePass(ModulePass):
    """Replaces the one function of the module that is not private."""

    name = "emit-bytecode"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        from passes.emit_host import build, entry

        functions = [function for function in op.ops if isinstance(function, FuncOp | host.FuncOp)]
        if not functions and any(isinstance(other, BytecodeOp) for other in op.ops):
            return
        function = entry(op)
        bytecode = BytecodeOp(function.sym_name.data, to_bytes(build(op)))
        op.body.block.insert_op_before(bytecode, function)
        for other in functions:
            op.body.block.erase_op(other)


def entry_function(module: ModuleOp) -> FuncOp:
    """The one function of a module that has a body and is not private; raises PassFailedException unless there is one."""
    return only_public(function for function in module.ops if isinstance(function, FuncOp))


def only_public(functions: Iterable[_Function]) -> _Function:
    """The one function that has a body and is not private; raises PassFailedException unless there is one."""
    found = [function for function in functions if not _is_private(function) and function.body.blocks]
    if len(found) != 1:
        names = ", ".join(f"@{function.sym_name.data}" for function in found) or "none"
        raise PassFailedException(f"a program is one function, but the module has {names}; make the others private")
    return found[0]


def build_program(function: FuncOp, constants: dict[bytes, int] | None = None) -> Program:
    """The program of a function that holds allocated kernels, stages and alternatives of them, reshapes and constants.

    `constants`, with their numbers, are those of graphs that share a table with this one, to which it adds its own.
    Raises PassFailedException where the function holds anything else, or a limit of the instruction set is exceeded.
    """
    with failures_of(function):
        return _Builder(function, {} if constants is None else constants).build()


def names_of(
    function: Operation, attribute: str, values: Sequence[SSAValue], default: str, *, hints: bool
) -> list[str]:
    """The names that a function attribute gives, else the hints of the values, else the default and a number."""
    given = function.attributes.get(attribute)
    if given is not None:
        names = _texts(given)
        if len(names) != len(values) or len(names) != len(_elements(given)):
            raise failure(function, f"{attribute} must be {len(values)} names, but is {given}")
        if len(set(names)) != len(names):
            raise failure(function, f"{attribute} has a name twice: {given}")
        return names
    taken = [value.name_hint if hints else None for value in values]
    chosen: list[str] = []
    for number, hint in enumerate(taken):
        if hint is None or hint in chosen:
            hint = next(name for name in map(f"{default}{{}}".format, count(number)) if name not in (*taken, *chosen))
        chosen.append(hint)
    return chosen


def _is_private(function: FuncOp | host.FuncOp) -> bool:
    return function.sym_visibility is not None and function.sym_visibility.data == "private"


class DimTable:
    """The table of dims of a program under construction."""

    def __init__(self, symbols: Sequence[str]) -> None:
        self.entries: dict[program.Dim, int] = {}
        self._symbols = {name: number for number, name in enumerate(symbols)}
        self._numbers: dict[Dim, int] = {}

    def number(self, dim: Dim) -> int:
        """The entry of a dim; raises VerifyException for a symbol that no input defines."""
        number = self._numbers.get(dim)
        if number is None:
            number = self._numbers[dim] = self._add(dim)
        return number

    def _add(self, dim: Dim) -> int:
        if dim.value is not None:
            return self._entry(DimOp.CONSTANT, dim.value)
        total: int | None = None
        for atoms, coefficient in dim.terms.items():
            factors = [self._atom(atom.kind, atom.text, atom.arguments) for atom in atoms]
            magnitude = abs(coefficient)
            if magnitude != 1 or not factors:
                factors.append(self._entry(DimOp.CONSTANT, magnitude))
            term = reduce(lambda a, b: self._entry(DimOp.MUL, a, b), factors)
            if total is None and coefficient < 0:
                total = self._entry(DimOp.CONSTANT, 0)
            operation = DimOp.SUB if coefficient < 0 else DimOp.ADD
            total = term if total is None else self._entry(operation, total, term)
        assert total is not None  # a dim without terms is the constant 0
        return total

    def _atom(self, kind: str, text: str, arguments: Sequence[Dim]) -> int:
        if kind != "symbol":
            numbers = [self.number(argument) for argument in arguments]
            return reduce(lambda a, b: self._entry(_ATOMS[kind], a, b), numbers)
        symbol = self._symbols.get(text)
        if symbol is None:
            raise VerifyException(f"'{text}' is no dim of an input")
        return self._entry(DimOp.SYMBOL, symbol)

    def _entry(self, op: DimOp, a: int, b: int = 0) -> int:
        return self.entries.setdefault(program.Dim(op, a, b), len(self.entries))


_ATOMS = {"floordiv": DimOp.FLOORDIV, "ceildiv": DimOp.CEILDIV, "bcast": DimOp.BROADCAST}


class _Builder:
    """The program of one function under construction."""

    def __init__(self, function: FuncOp, constants: dict[bytes, int]) -> None:
        self.function = function
        self.constants = constants
        if len(function.body.blocks) != 1:
            raise failure(function, "there must be one block")
        self.block = function.body.block
        returned = self.block.last_op
        if not isinstance(returned, ReturnOp):
            raise failure(function, "it must end in func.return")
        self.returned = tuple(returned.operands)
        if not self.returned:
            raise failure(function, "it returns nothing, so there is nothing to compute")
        arguments = [dims_of(argument.type) for argument in self.block.args]
        self.symbols = tuple(dict.fromkeys(dim.text for dims in arguments for dim in dims if dim.is_symbol))
        self.dims = DimTable(self.symbols)
        self.tensors: list[program.Tensor] = []
        self.tensor_of: dict[SSAValue, int] = {}
        self.kernels: list[program.Kernel] = []

    def build(self) -> Program:
        inputs = self._inputs()
        outputs = self._outputs()
        facts = self._facts()
        stages = self._stages(self.block)
        try:
            variants = tuple(self._variant(variant) for variant in variants_of(stages))
        except ValueError as error:
            raise failure(self.function, str(error)) from None
        return Program(
            self.function.sym_name.data,
            self.symbols,
            tuple(self.dims.entries),
            tuple(self.tensors),
            inputs,
            tuple(outputs),
            tuple(self.constants),
            facts,
            tuple(self.kernels),
            variants,
        )

    # --- tensors ---

    def _tensor(self, value: SSAValue, name: str, storage: Storage, source: int = 0) -> int:
        dims = tuple(self.dims.number(dim) for dim in dims_of(value.type))
        self.tensor_of[value] = len(self.tensors)
        self.tensors.append(program.Tensor(name, element_of(value.type), dims, storage, source))
        return self.tensor_of[value]

    def _inputs(self) -> tuple[program.Input, ...]:
        names = names_of(self.function, "dvm.arg_names", self.block.args, "arg", hints=True)
        reasons = [_texts(given) for given in _elements(self.function.attributes.get("dvm.reasons"))]
        inputs: list[program.Input] = []
        for number, (argument, name) in enumerate(zip(self.block.args, names, strict=True)):
            tensor = self._tensor(argument, name, Storage.INPUT)
            rank = len(self.tensors[tensor].dims)
            why = reasons[number] if number < len(reasons) else [""] * rank
            inputs.append(program.Input(tensor, tuple(why)))
        return tuple(inputs)

    def _outputs(self) -> list[int]:
        """The tensors of the results, which the kernels that write them find in `tensor_of`."""
        names = names_of(self.function, "dvm.result_names", self.returned, "out", hints=False)
        for number, (value, name) in enumerate(zip(self.returned, names, strict=True)):
            if not isinstance(value.owner, KernelOp | vk.StageOp | vk.SpeculateOp) or value in self.tensor_of:
                raise failure(self.function, f"result {number} is not a kernel result of its own: run dvm-fuse first")
            self._tensor(value, name, Storage.OUTPUT)
        return [self.tensor_of[value] for value in self.returned]

    def _facts(self) -> tuple[program.Fact, ...]:
        given = _elements(self.function.attributes.get("dvm.facts"))
        facts = [attribute.fact for attribute in given if isinstance(attribute, FactAttr)]
        number = self.dims.number
        return tuple(program.Fact(kind, number(left), number(right), why) for kind, left, right, why in facts)

    # --- operations ---

    def _stages(self, block: Block) -> list[Stage]:
        """The stages of a block, in order: a kernel that is in none is one by itself, and so is a choice."""
        stages: list[Stage] = []
        for op in block.ops:
            with failures_of(op):
                match op:
                    case KernelOp():
                        stages.append(Stage([self._kernel(op)]))
                    case vk.SpeculateOp():
                        stages.append(Stage(choices=[self._choice(op)]))
                    case vk.StageOp():
                        stages.append(self._stage(op))
                    case dvm.ReshapeOp():
                        source = self.tensor_of[op.operand]
                        self._tensor(op.result, _name(op.result, self.tensors), Storage.VIEW, source)
                    case dvm.ConstantOp():
                        content = _bytes_of(op)
                        source = self.constants.setdefault(content, len(self.constants))
                        self._tensor(op.result, _name(op.result, self.tensors), Storage.CONSTANT, source)
                    case ReturnOp() | vk.YieldOp():
                        pass
                    case _:
                        raise failure(op, _NO_FORM)
        return stages

    def _stage(self, op: vk.StageOp) -> Stage:
        self._enter(op, op.body.block)
        stage = Stage()
        for part in self._stages(op.body.block):
            stage.kernels.extend(part.kernels)
            stage.choices.extend(part.choices)
        return stage

    def _choice(self, op: vk.SpeculateOp) -> Choice:
        alternatives: list[list[Stage]] = []
        for region in op.alternatives:
            self._enter(op, region.block)
            alternatives.append(self._stages(region.block))
        return Choice(tuple(vk.parse_condition(condition.data) for condition in op.conditions), alternatives)

    def _enter(self, op: vk.StageOp | vk.SpeculateOp, block: Block) -> None:
        """Give the arguments of a block the tensors of the operands, and what it yields those of the results."""
        for argument, operand in zip(block.args, op.operands, strict=True):
            self.tensor_of[argument] = self.tensor_of[operand]
        terminator = block.last_op
        assert isinstance(terminator, vk.YieldOp)
        for inner, outer in zip(terminator.operands, op.results, strict=True):
            if inner in self.tensor_of or isinstance(inner.owner, dvm.ReshapeOp | dvm.ConstantOp):
                raise failure(op, "it yields a value that is not a kernel result of its own")
            if outer not in self.tensor_of:
                self._tensor(outer, _name(outer, self.tensors), Storage.WORKSPACE)
            self.tensor_of[inner] = self.tensor_of[outer]

    def _variant(self, variant: StagedVariant) -> program.Variant:
        comparisons = dict.fromkeys(part for condition in variant.conditions for part in condition)
        return program.Variant(tuple(map(self._condition, comparisons)), tuple(map(tuple, variant.stages)))

    def _condition(self, comparison: vk.Comparison) -> program.Condition:
        kind, swapped, more = FACT_OF_COMPARISON[comparison.sign]
        left, right = (comparison.right, comparison.left) if swapped else (comparison.left, comparison.right)
        return program.Condition(kind, self.dims.number(left), self.dims.number(right + more))

    def _kernel(self, kernel: KernelOp) -> int:
        if (operands := len(kernel.body.block.args)) > FIELD_LIMIT:
            raise failure(kernel, f"it has {operands} operands, more than {FIELD_LIMIT}")
        for result in kernel.results:
            if result not in self.tensor_of:
                self._tensor(result, _name(result, self.tensors), Storage.WORKSPACE)
        scalars = _Scalars(self.dims)
        try:
            words = tuple(_words(kernel, scalars))
        except ValueError as error:
            raise failure(kernel, str(error)) from None
        tensors = (*kernel.operands, *kernel.results)
        self.kernels.append(
            program.Kernel(
                kernel.sym_name.data,
                KernelKind[kernel.kind.data.upper()],
                tuple(program.Axis(axis.is_reduction, self.dims.number(axis.dim)) for axis in kernel.domain),
                tuple(
                    self._operand(argument, self.tensor_of[tensor], argument.index >= len(kernel.operands))
                    for argument, tensor in zip(kernel.body.block.args, tensors, strict=True)
                ),
                tuple(scalars.entries),
                kernel.slots.data,
                words,
                _origin(kernel),
            )
        )
        return len(self.kernels) - 1

    def _operand(self, argument: BlockArgument, tensor: int, writes: bool) -> program.Operand:
        type = argument.type
        assert isinstance(type, GlobalType)
        free = -1 if type.free_dim is None else type.free_dim
        return program.Operand(tensor, writes, tuple(map(self._index, type.indices)), type.is_guarded, free)

    def _index(self, index: AccessIndex) -> program.Index:
        terms = tuple((axis, self.dims.number(coefficient)) for axis, coefficient in index.terms)
        return program.Index(terms, self.dims.number(index.offset))


class _Scalars:
    """The scalar constants of a kernel under construction, equal ones once."""

    def __init__(self, dims: DimTable) -> None:
        self.entries: list[program.Scalar] = []
        self._dims = dims
        self._numbers: dict[tuple[ElementType, str], int] = {}

    def number(self, op: ScalarOp) -> int:
        type, constant = op.type, op.constant
        # By text, because 0.0 equals -0.0 and a NaN not even itself.
        number = self._numbers.setdefault((type, str(constant)), len(self.entries))
        if number == len(self.entries):
            dim = self._dims.number(constant) if isinstance(constant, Dim) else -1
            self.entries.append(program.Scalar(type, 0 if isinstance(constant, Dim) else constant, dim))
        return number


def _words(kernel: KernelOp, scalars: _Scalars) -> list[int]:
    """The words of a kernel; raises ValueError where a field does not fit, or a tile is not allocated."""
    return [encode(_instruction(op, scalars)) for op in kernel.body.block.ops if isinstance(op, InstructionOp)]


def _instruction(op: InstructionOp, scalars: _Scalars) -> Instruction:
    """The fields of an instruction, filled as its format says."""
    opcode = op.opcode
    form = opcode.format
    sources = iter(op.sources)
    fields: dict[str, int] = {}
    aux = op.immediate if form.aux not in ("", "rk") else 0
    for name, field in form.fields:
        match field:
            case Field.AXIS:
                fields[name] = op.immediate
            case Field.AXES_LOW:
                fields[name] = op.immediate % FIELD_LIMIT
            case Field.AXES_HIGH:
                fields[name] = op.immediate // FIELD_LIMIT
            case _:
                value = op.results[0] if name == "d" else next(sources)
                if isinstance(value.owner, ScalarOp):
                    aux |= 1 << "abc".index(name)
                    fields[name] = scalars.number(value.owner)
                else:
                    fields[name] = _field(value)
    return Instruction(opcode, op.type, aux, **fields)


def _field(value: SSAValue) -> int:
    """The number by which a word refers to a value: a slot or a tensor operand."""
    if isinstance(value, BlockArgument):
        return value.index
    slot = slot_of(value)
    if slot is None:
        raise ValueError("its tiles have no slots: run visa-allocate-ub first")
    return slot


def _origin(kernel: KernelOp) -> str:
    for op in kernel.body.block.ops:
        label = _ORIGINS.get(type(op))
        if label is not None:
            return label + describe(kernel).removeprefix(kernel.name)
    return ""


def _elements(attribute: Attribute | None) -> Sequence[Attribute]:
    """The elements of an array attribute, none of anything else."""
    return cast(ArrayAttr[Attribute], attribute).data if isinstance(attribute, ArrayAttr) else ()


def _texts(attribute: Attribute | None) -> list[str]:
    """The texts in an array attribute."""
    return [element.data for element in _elements(attribute) if isinstance(element, StringAttr)]


def _name(value: SSAValue, tensors: Sequence[program.Tensor]) -> str:
    """A name for listings: the hint of the value, or its number."""
    return value.name_hint or f"t{len(tensors)}"


def _bytes_of(op: dvm.ConstantOp) -> bytes:
    """The elements of a constant as in memory."""
    data = op.value.data.data
    # xDSL packs a true i1 as -1.
    return bytes(byte & 1 for byte in data) if element_of(op.value.type) is ElementType.I1 else data
