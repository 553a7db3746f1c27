"""The part of `emit-bytecode` that is for control flow: a `host.func` becomes the host instructions of a program.

Each value has a register of its own. What a block computes is freed after the operation that uses it last; scalars are
kept, for they take no room. A loop is a test and a jump back:

    scf.while                               scf.for
          move  arguments, initial values         move  counter, lower bound; iter_args, initial values
    head: first region                      head: lt    again, counter, upper bound
          branch condition, exit                  branch again, exit
          move  arguments, values                 body
          second region                           move  iter_args, yields
          move  arguments, yields                 add   counter, counter, step
          jump  head                              jump  head
    exit: move  results, values             exit: move  results, iter_args
"""

from collections.abc import Sequence
from dataclasses import replace

from xdsl.dialects import scf
from xdsl.dialects.builtin import DictionaryAttr, IntegerAttr, ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Block, BlockArgument, Operation, SSAValue
from xdsl.utils.hints import isa

from dvm_dialects import host
from dvm_dialects.diagnostics import failure, failures_of
from dvm_dialects.dims import Dim
from dvm_dialects.shapes import element_of, is_known, shape_of
from dvm_dialects.source import place_of
from passes.emit_bytecode import DimTable, build_program, names_of, only_public
from passes.host_scalars import register_of, scalar_operation
from vm import program as straight
from vm.host import (
    INSTRUCTION_LIMIT,
    REGISTER_LIMIT,
    AnyProgram,
    HostInstruction,
    HostOpcode,
    HostOutput,
    HostProgram,
    Register,
)
from vm.isa import ElementType
from vm.program import FactKind


def entry(module: ModuleOp) -> FuncOp | host.FuncOp:
    """The one function of a module that a program is made of; raises PassFailedException unless there is one."""
    return only_public(function for function in module.ops if isinstance(function, FuncOp | host.FuncOp))


def build(module: ModuleOp) -> AnyProgram:
    """The program of a module whose graphs hold allocated kernels.

    Raises PassFailedException where a function holds what has no form in bytecode, or a limit is exceeded.
    """
    function = entry(module)
    if isinstance(function, FuncOp):
        return build_program(function)
    with failures_of(function):
        return _HostBuilder(function).build()


class _HostBuilder:
    """The program of one function under construction."""

    def __init__(self, function: host.FuncOp) -> None:
        self.function = function
        self.block = function.body.block
        self.constants: dict[bytes, int] = {}
        self.graphs: dict[str, tuple[int, straight.Program]] = {}
        self.registers: list[Register] = []
        self.names: dict[str, int] = {}
        """How many registers have a name; all but the first of them get a number."""
        self.register_of_value: dict[SSAValue, int] = {}
        self.instructions: list[HostInstruction] = []
        self.location = ""

    def build(self) -> HostProgram:
        names = names_of(self.function, "dvm.arg_names", self.block.args, "arg", hints=True)
        for argument, name in zip(self.block.args, names, strict=True):
            self._define(argument, name)
        self._block(self.block)
        returned = self.block.last_op
        assert isinstance(returned, host.ReturnOp)  # which the verifier of the function requires
        if not returned.operands:
            raise failure(self.function, "it returns nothing, so there is nothing to compute")
        self._emit(HostOpcode.RETURN, arguments=self._numbers(returned.operands))
        if len(self.instructions) > INSTRUCTION_LIMIT:
            raise failure(
                self.function, f"it takes {len(self.instructions)} host instructions, {INSTRUCTION_LIMIT} at most"
            )
        signature, outputs = self._signature(names, returned.operands)
        constants = tuple(self.constants)
        return HostProgram(
            self.function.sym_name.data,
            replace(signature, constants=constants),
            tuple(replace(graph, constants=constants) for _, graph in self.graphs.values()),
            tuple(self.registers),
            outputs,
            tuple(self.instructions),
        )

    def _signature(
        self, names: Sequence[str], results: Sequence[SSAValue]
    ) -> tuple[straight.Program, tuple[HostOutput, ...]]:
        """The program that stands for the arguments, and the results in terms of its dims."""
        shapes = [shape_of(argument.type, number) for number, argument in enumerate(self.block.args)]
        known = {name for shape in shapes for dim in shape if is_known(dim) for name in dim.symbols}
        fresh = iter(name for name in map("s{}".format, range(len(known) + 8 * len(shapes))) if name not in known)
        shapes = [tuple(dim if is_known(dim) else Dim.symbol(next(fresh)) for dim in shape) for shape in shapes]
        symbols = tuple(dict.fromkeys(dim.text for shape in shapes for dim in shape if dim.is_symbol))
        table = DimTable(symbols)
        tensors = tuple(
            straight.Tensor(name, element_of(argument.type), tuple(map(table.number, shape)), straight.Storage.INPUT)
            for name, argument, shape in zip(names, self.block.args, shapes, strict=True)
        )
        inputs = tuple(straight.Input(number, ("",) * len(shape)) for number, shape in enumerate(shapes))
        facts = tuple(self._facts(table))
        result_names = names_of(self.function, "dvm.result_names", results, "out", hints=False)
        outputs = tuple(
            HostOutput(name, element_of(result.type), self._output_dims(result, table, symbols))
            for name, result in zip(result_names, results, strict=True)
        )
        variants = (straight.Variant((), ()),)
        signature = straight.Program(
            self.function.sym_name.data, symbols, tuple(table.entries), tensors, inputs, (), (), facts, (), variants
        )
        return signature, outputs

    def _facts(self, table: DimTable) -> list[straight.Fact]:
        least = self.function.attributes.get("dvm.at_least", DictionaryAttr({}))
        if not isa(least, DictionaryAttr) or not all(isa(value, IntegerAttr) for value in least.data.values()):
            raise failure(self.function, f"dvm.at_least must be a dictionary of integers, but is {least}")
        reason = f"dvm.at_least of @{self.function.sym_name.data}"
        number = table.number
        return [
            straight.Fact(FactKind.AT_LEAST, number(Dim.symbol(name)), number(Dim.constant(value.value.data)), reason)
            for name, value in least.data.items()
            if isa(value, IntegerAttr)
        ]

    def _output_dims(self, result: SSAValue, table: DimTable, symbols: Sequence[str]) -> tuple[int, ...]:
        fixed = set(symbols)
        return tuple(
            table.number(dim) if is_known(dim) and dim.symbols <= fixed else -1 for dim in shape_of(result.type)
        )

    # --- registers and instructions ---

    def _define(self, value: SSAValue, name: str | None = None) -> int:
        """A new register, for a value."""
        if len(self.registers) == REGISTER_LIMIT:
            raise failure(self.function, f"there are more than {REGISTER_LIMIT} values between launches")
        number = self.register_of_value[value] = len(self.registers)
        base = name or value.name_hint or f"v{number}"
        taken = self.names.setdefault(base, 0)
        self.names[base] += 1
        self.registers.append(register_of(value.type, f"{base}'{taken}" if taken else base))
        return number

    def _numbers(self, values: Sequence[SSAValue]) -> tuple[int, ...]:
        return tuple(self.register_of_value[value] for value in values)

    def _emit(
        self,
        opcode: HostOpcode,
        *,
        d: int = 0,
        a: int = 0,
        b: int = 0,
        immediate: int = 0,
        arguments: tuple[int, ...] = (),
        results: tuple[int, ...] = (),
    ) -> int:
        """Append an instruction; gives its number."""
        self.instructions.append(HostInstruction(opcode, d, a, b, immediate, arguments, results, self.location))
        return len(self.instructions) - 1

    def _move(self, targets: Sequence[SSAValue], sources: Sequence[SSAValue]) -> None:
        """Move values to the registers of others, all at once: none that is still to be moved is overwritten."""
        moves = [(d, a) for d, a in zip(self._numbers(targets), self._numbers(sources), strict=True) if d != a]
        overwritten = {d for d, _ in moves}
        saved: dict[int, int] = {}
        for _, a in moves:
            if a in overwritten and a not in saved:
                saved[a] = len(self.registers)
                self.registers.append(self.registers[a])
                self._emit(HostOpcode.MOVE, d=saved[a], a=a)
        for d, a in moves:
            self._emit(HostOpcode.MOVE, d=d, a=saved.get(a, a))
        for number in saved.values():
            self._free_register(number)

    def _free_register(self, number: int) -> None:
        if self.registers[number].rank:
            self._emit(HostOpcode.FREE, a=number)

    def _free(self, values: Sequence[SSAValue]) -> None:
        for number in self._numbers(values):
            self._free_register(number)

    def _land(self, branch: int) -> None:
        """Make an instruction go on with the next one there will be."""
        self.instructions[branch] = replace(self.instructions[branch], immediate=len(self.instructions))

    # --- operations ---

    def _block(self, block: Block) -> list[SSAValue]:
        """Emit the operations of a block but for its end; gives the values of the block that are last used there.

        The arguments of the block have registers already; those of a function are freed by the caller who has them.
        """
        last = _last_uses(block)
        own = () if block is self.block else block.args
        self._free([argument for argument in own if argument not in last])
        dying: dict[Operation, list[SSAValue]] = {}
        for value, op in last.items():
            dying.setdefault(op, []).append(value)
        for op in block.ops:
            if op is block.last_op:
                break
            self.location = _location(op)
            with failures_of(op):
                self._operation(op, dying.get(op, []))
            self._free([result for result in op.results if result not in last])
        self.location = _location(block.last_op) if block.last_op is not None else ""
        return dying.get(block.last_op, []) if block.last_op is not None else []

    def _operation(self, op: Operation, dying: list[SSAValue]) -> None:
        """Emit one operation, and free the values that no other uses afterwards."""
        match op:
            case host.LaunchOp():
                arguments = self._numbers(op.inputs)
                results = tuple(self._define(result) for result in op.outputs)
                self._emit(HostOpcode.LAUNCH, a=self._graph(op), arguments=arguments, results=results)
            case scf.IfOp():
                self._if(op)
            case scf.WhileOp():
                dying = self._while(op, dying)
            case scf.ForOp():
                dying = self._for(op, dying)
            case _:
                scalar = scalar_operation(op)
                sources = dict(zip(("a", "b"), self._numbers(scalar.operands), strict=False))
                self._emit(scalar.opcode, d=self._define(op.results[0]), immediate=scalar.immediate, **sources)
        self._free(dying)

    def _graph(self, op: host.LaunchOp) -> int:
        graph = op.graph
        name = graph.sym_name.data
        if name not in self.graphs:
            self.graphs[name] = len(self.graphs), build_program(graph, self.constants)
        return self.graphs[name][0]

    def _if(self, op: scf.IfOp) -> None:
        for result in op.output:
            self._define(result)
        branch = self._emit(HostOpcode.BRANCH, a=self.register_of_value[op.cond])
        self._branch(op, op.true_region.block)
        if not op.false_region.blocks:
            self._land(branch)
            return
        jump = self._emit(HostOpcode.JUMP)
        self._land(branch)
        self._branch(op, op.false_region.block)
        self._land(jump)

    def _branch(self, op: scf.IfOp, block: Block) -> None:
        dying = self._block(block)
        self._move(op.output, _yielded(block))
        self._free(dying)

    def _while(self, op: scf.WhileOp, dying: list[SSAValue]) -> list[SSAValue]:
        location = self.location
        before, after = op.before_region.block, op.after_region.block
        for value in (*before.args, *after.args, *op.res):
            self._define(value)
        self._move(before.args, op.arguments)
        dying = self._free_early(op, dying)
        head = len(self.instructions)
        left = self._block(before)
        condition = before.last_op
        assert isinstance(condition, scf.ConditionOp)
        exit = self._emit(HostOpcode.BRANCH, a=self.register_of_value[condition.condition])
        self._move(after.args, condition.args)
        self._free(left)
        ended = self._block(after)
        self._move(before.args, _yielded(after))
        self._free(ended)
        self._jump(head, location)
        self._land(exit)
        self._move(op.res, condition.args)
        self._free(left)
        return dying

    def _for(self, op: scf.ForOp, dying: list[SSAValue]) -> list[SSAValue]:
        location = self.location
        body = op.body.block
        counter, *carried = body.args
        for value in (*body.args, *op.res):
            self._define(value)
        self._move(body.args, (op.lb, *op.iter_args))
        dying = self._free_early(op, dying)
        again = len(self.registers)
        self.registers.append(Register("again", ElementType.I1, 0))
        number, bound, step = self._numbers((counter, op.ub, op.step))
        head = self._emit(HostOpcode.LT, d=again, a=number, b=bound)
        exit = self._emit(HostOpcode.BRANCH, a=again)
        ended = self._block(body)
        moved = _yielded(body)
        self._move(carried, moved)
        self._free([value for value in ended if value not in carried])
        self.location = location
        self._emit(HostOpcode.ADD, d=number, a=number, b=step)
        self._jump(head, location)
        self._land(exit)
        self._move(op.res, carried)
        self._free(carried)
        return dying

    def _jump(self, head: int, location: str) -> None:
        self.location = location
        self._emit(HostOpcode.JUMP, immediate=head)

    def _free_early(self, op: Operation, dying: list[SSAValue]) -> list[SSAValue]:
        """Free the values that a loop only begins with; gives the others."""
        early = [value for value in dying if all(use.operation is op for use in value.uses)]
        self._free(early)
        return [value for value in dying if value not in early]


def _last_uses(block: Block) -> dict[SSAValue, Operation]:
    """For each value of a block that is used, the last of its operations that uses it, itself or in a region."""
    last: dict[SSAValue, Operation] = {}
    owned = {*block.args, *(result for op in block.ops for result in op.results)}
    for op in block.ops:
        for inner in op.walk():
            for operand in inner.operands:
                if operand in owned:
                    last[operand] = op
    if isinstance(block.parent_op(), host.FuncOp):
        return {value: op for value, op in last.items() if not isinstance(value, BlockArgument)}
    return last


def _yielded(block: Block) -> Sequence[SSAValue]:
    end = block.last_op
    assert isinstance(end, scf.YieldOp)  # dvm-outline has checked it
    return end.arguments


def _location(op: Operation) -> str:
    place = place_of(op.location)
    return f"{place.filename.data}:{place.line.data}" if place is not None else ""
