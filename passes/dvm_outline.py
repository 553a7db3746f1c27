"""dvm-outline: takes the operator graphs out of a function with control flow, so that each can be compiled on its own.

Before:

    func.func @f(%x : tensor<?xf32>, %c : tensor<i1>) -> tensor<?xf32> {
      %again = tensor.extract %c[] : tensor<i1>
      %0 = scf.if %again -> (tensor<?xf32>) {
        %1 = dvm.unary Exp %x : tensor<?xf32> -> tensor<?xf32>
        %2 = dvm.unary Neg %1 : tensor<?xf32> -> tensor<?xf32>
        scf.yield %2 : tensor<?xf32>
      } else {
        scf.yield %x : tensor<?xf32>
      }
      return %0 : tensor<?xf32>
    }

After:

    host.func @f(...) -> tensor<?xf32> {
        ...
        %2 = host.launch @f_graph0(%x) : (tensor<?xf32>) -> tensor<?xf32>
        ...
      host.return %0 : tensor<?xf32>
    }
    func.func private @f_graph0(%x : tensor<?xf32>) -> tensor<?xf32> { both operations }

A graph is all the operations between control flow, unless one needs a scalar that is computed from another's result:
then there are two. A function of nothing but dvm operations is left alone.

The symbols of the function's arguments are sizes that a call does not change. Any other symbol in a type is a name
within one launch, and beyond it a `?`. A graph whose operations name a symbol takes a value that has it as a dim.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from typing import TypeVar, cast

from xdsl.context import Context
from xdsl.dialects import arith, scf, tensor
from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, FunctionType, IntegerAttr, ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue, Use
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.utils.hints import isa

from dvm_dialects import host
from dvm_dialects.diagnostics import failure, failures_of
from dvm_dialects.dims import Dim
from dvm_dialects.dvm import BroadcastScalarOp, ConstantOp, DvmOp, SizeOp, element_of, tensor_of
from dvm_dialects.dvm_base import dims_in
from dvm_dialects.shapes import Shape, is_known, shape_of
from passes.dvm_deduce_shapes import lists_of
from passes.host_scalars import is_scalar_operation, register_of, scalar_operation

_CONTROL = (scf.IfOp, scf.WhileOp, scf.ForOp)
_TERMINATORS = (scf.YieldOp, scf.ConditionOp, ReturnOp)
_Terminator = TypeVar("_Terminator", scf.YieldOp, scf.ConditionOp)


class DvmOutlinePass(ModulePass):
    """Turns every function with control flow into a `host.func` and graphs. Raises PassFailedException where types differ."""

    name = "dvm-outline"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in list(op.ops):
            if isinstance(function, FuncOp) and _has_control_flow(function):
                with failures_of(function):
                    _Outliner(op, function).run()


def _has_control_flow(function: FuncOp) -> bool:
    return any(isinstance(op, _CONTROL) or is_scalar_operation(op) for op in function.walk())


class _Outliner:
    """The outlining of one function."""

    def __init__(self, module: ModuleOp, function: FuncOp) -> None:
        if len(function.body.blocks) != 1:
            raise failure(function, "there must be one block")
        self.function = function
        self.block = function.body.block
        self.module = module
        self.graphs: list[FuncOp] = []
        self.symbols = frozenset(
            dim.text
            for argument in self.block.args
            for dim in shape_of(argument.type)
            if dim.is_symbol and is_known(dim)
        )
        """Those that a call fixes: dims of arguments."""
        taken = {name.data for op in module.ops if isinstance(name := op.properties.get("sym_name"), StringAttr)}
        names = (f"{function.sym_name.data}_graph{number}" for number in count())
        self.names = (name for name in names if name not in taken)

    def run(self) -> None:
        self._outline(self.block)
        for op in reversed(list(self.function.walk())):
            if isinstance(op, DvmOp):
                Rewriter.erase_op(op)  # constants, of which each graph has its own
        returned = self.block.last_op
        if not isinstance(returned, ReturnOp):
            raise failure(self.function, "it must end in func.return")
        for value in returned.operands:
            shape_of(value.type)
        replacement = host.ReturnOp(*returned.operands)
        replacement.location = returned.location
        Rewriter.replace_op(returned, replacement)
        types = FunctionType.from_lists(self.block.arg_types, replacement.operand_types)
        body = self.function.detach_region(self.function.body)
        outlined = host.FuncOp(self.function.sym_name.data, types, body, self.function.sym_visibility)
        outlined.attributes = self.function.attributes
        outlined.location = self.function.location
        Rewriter.insert_op((outlined, *self.graphs), InsertPoint.before(self.function))
        Rewriter.erase_op(self.function)

    def _outline(self, block: Block) -> None:
        """Turn the operations of a block, and of the regions in it, into launches between control flow."""
        segment: list[Operation] = []
        for op in list(block.ops):
            with failures_of(op):
                if isinstance(op, DvmOp):
                    segment.append(op)
                elif is_scalar_operation(op):
                    self._check_scalar(op)
                    segment.append(op)
                elif isinstance(op, _CONTROL):
                    self._launch(segment, op)
                    segment = []
                    self._check_control(op)
                    for region in op.regions:
                        for inner in region.blocks:
                            self._outline(inner)
                elif isinstance(op, _TERMINATORS):
                    self._launch(segment, op)
                else:
                    raise failure(op, "this operation has no place between operator graphs")

    # --- graphs ---

    def _launch(self, segment: Sequence[Operation], following: Operation) -> None:
        """Put launches in the place of the operations between two points of control flow."""
        levels: dict[Operation, int] = {}
        for op in segment:
            needed = [
                levels[owner] + (isinstance(op, DvmOp) and not isinstance(owner, DvmOp))
                for operand in op.operands
                if isinstance(owner := operand.owner, Operation) and owner in levels
            ]
            levels[op] = max([0 if isinstance(op, DvmOp) else -1, *needed])
        for level in range(-1, max(levels.values(), default=-1) + 1):
            graph = [op for op in segment if levels[op] == level and isinstance(op, DvmOp)]
            scalars = [op for op in segment if levels[op] == level and not isinstance(op, DvmOp)]
            self._launch_graph(graph, following)
            for op in scalars:
                op.detach()
                Rewriter.insert_op(op, InsertPoint.before(following))

    def _launch_graph(self, ops: Sequence[DvmOp], following: Operation) -> None:
        results = [op.result for op in ops if any(self._leaves(op, ops, use) for use in op.result.uses)]
        if results:
            launch = self._graph(ops, results, following)
            for old, new in zip(results, launch.outputs, strict=True):
                owner = cast(DvmOp, old.owner)
                old.replace_uses_with_if(new, lambda use, owner=owner: self._leaves(owner, ops, use))
                new.name_hint = old.name_hint
        for op in reversed(ops):
            if not self._is_free(op):
                Rewriter.erase_op(op)

    def _leaves(self, op: DvmOp, ops: Sequence[DvmOp], use: Use) -> bool:
        """Whether a use of the result of `op`, one of the operations of a graph, is one of what a launch leaves."""
        if isinstance(use.operation, DvmOp):
            return not self._is_free(op) and use.operation not in ops
        return True

    def _is_free(self, op: DvmOp) -> bool:
        """Whether each graph that uses the result had better have an operation of its own."""
        if isinstance(op, BroadcastScalarOp | SizeOp):
            return all(dim.symbols <= self.symbols for _, dims in lists_of(op) for dim in dims_in(dims))
        return isinstance(op, ConstantOp)

    def _graph(self, ops: Sequence[DvmOp], results: Sequence[SSAValue], following: Operation) -> host.LaunchOp:
        """Make a function of operations, and a launch of it ahead of `following`."""
        constants = {
            owner: None
            for op in ops
            for operand in op.operands
            if isinstance(owner := operand.owner, DvmOp) and owner not in ops and self._is_free(owner)
        }
        members = [*constants, *ops]
        produced = {op.result for op in members}
        inputs = list(dict.fromkeys(value for op in ops for value in op.operands if value not in produced))
        inputs += self._sources_of_symbols(members, inputs, following)
        bound = {dim.text for value in inputs for dim in shape_of(value.type) if dim.is_symbol and is_known(dim)}
        block = Block(arg_types=[_argument_type(value, number, bound) for number, value in enumerate(inputs)])
        values: dict[SSAValue, SSAValue] = {}
        for value, argument in zip(inputs, block.args, strict=True):
            argument.name_hint = value.name_hint
            values[value] = argument
        block.add_ops([op.clone(values) for op in members])
        block.add_op(ReturnOp(*[values[result] for result in results]))
        types = FunctionType.from_lists(block.arg_types, [result.type for result in results])
        graph = FuncOp(next(self.names), types, Region(block), "private")
        self._describe(graph, results, bound)
        graph.location = members[0].location
        self.graphs.append(graph)
        launch = host.LaunchOp(graph.sym_name.data, inputs, [result.type for result in results])
        launch.location = ops[0].location
        Rewriter.insert_op(launch, InsertPoint.before(following))
        return launch

    def _describe(self, graph: FuncOp, results: Sequence[SSAValue], bound: Iterable[str]) -> None:
        """Give a graph the lower bounds of its symbols, and names to its results where they have some."""
        least = self.function.attributes.get("dvm.at_least")
        if isa(least, DictionaryAttr):
            known = {name: value for name, value in least.data.items() if name in bound}
            if known and all(isa(value, IntegerAttr) for value in known.values()):
                graph.attributes["dvm.at_least"] = DictionaryAttr(known)
        names = [result.name_hint for result in results]
        if None not in names and len(set(names)) == len(names):
            graph.attributes["dvm.result_names"] = ArrayAttr(StringAttr(name) for name in names if name is not None)

    # --- symbols ---

    def _sources_of_symbols(
        self, ops: Sequence[DvmOp], inputs: Sequence[SSAValue], following: Operation
    ) -> list[SSAValue]:
        """Values that have as dims the symbols that a graph names and none of its inputs defines."""
        shapes = [shape_of(value.type) for value in inputs]
        bound = {dim.text for shape in shapes for dim in shape if dim.is_symbol}
        shapes += [shape_of(op.result.type) for op in ops]
        shapes += [dims_in(entries) for op in ops for _, entries in lists_of(op)]
        named = dict.fromkeys(
            symbol for shape in shapes for dim in shape if is_known(dim) for symbol in sorted(dim.symbols)
        )
        sources: list[SSAValue] = []
        for symbol in named:
            if symbol not in bound and (source := self._source_of(symbol, following)) is not None:
                sources.append(source)
                bound |= {dim.text for dim in shape_of(source.type) if dim.is_symbol}
        return sources

    def _source_of(self, symbol: str, following: Operation) -> SSAValue | None:
        """An argument of the function with that dim, else the nearest value that is there ahead of an operation."""
        values = self.block.args if symbol in self.symbols else _visible(following)
        return next((value for value in values if _has_dim(value, symbol)), None)

    # --- what is refused ---

    def _check_scalar(self, op: Operation) -> None:
        scalar_operation(op)
        if isinstance(op, tensor.CastOp):
            self._check_fit(op, "it", op.source.type, "its result", op.dest.type)

    def _check_control(self, op: Operation) -> None:
        for value in (*op.operands, *op.results):
            register_of(value.type, "")
        match op:
            case scf.IfOp():
                self._check_if(op)
            case scf.WhileOp():
                self._check_while(op)
            case scf.ForOp():
                self._check_for(op)
            case _:
                raise AssertionError(op.name)

    def _check_if(self, op: scf.IfOp) -> None:
        for what, region in (("then", op.true_region), ("else", op.false_region)):
            if not region.blocks and not op.output:
                continue
            if len(region.blocks) != 1:
                raise failure(op, f"it has results, so the {what} branch must be there, as one block")
            end = _terminator(op, region, scf.YieldOp)
            self._check_fits(end, f"yield of the {what} branch", end.arguments, "result", op.output)

    def _check_while(self, op: scf.WhileOp) -> None:
        condition = _terminator(op, op.before_region, scf.ConditionOp)
        again = _terminator(op, op.after_region, scf.YieldOp)
        before, after = op.before_region.block.args, op.after_region.block.args
        self._check_fits(op, "initial value", op.arguments, "argument of the first region", before)
        self._check_fits(condition, "value of the condition", condition.args, "argument of the second region", after)
        self._check_fits(condition, "value of the condition", condition.args, "result", op.res)
        self._check_fits(again, "yield", again.arguments, "argument of the first region", before)

    def _check_for(self, op: scf.ForOp) -> None:
        if not op.body.block.args:
            raise failure(op, "the body has no induction variable")
        counter, *carried = op.body.block.args
        end = _terminator(op, op.body, scf.YieldOp)
        for value in (op.lb, op.ub, op.step):
            if value.type != counter.type:
                raise failure(op, f"the induction variable is {counter.type}, but a bound or step {value.type}")
        step = op.step.owner
        if isinstance(step, arith.ConstantOp) and isinstance(step.value, IntegerAttr) and step.value.value.data <= 0:
            raise failure(op, f"the step must be positive, but is {step.value.value.data}")
        self._check_fits(op, "initial value", op.iter_args, "iter_arg", carried)
        self._check_fits(end, "yield", end.arguments, "iter_arg", carried)
        self._check_fits(op, "iter_arg", carried, "result", op.res)

    def _check_fits(
        self, op: Operation, what: str, given: Sequence[SSAValue], target: str, wanted: Sequence[SSAValue]
    ) -> None:
        if len(given) != len(wanted):
            raise failure(op, f"{len(given)} values for {len(wanted)}: each {what} is for one {target}")
        for number, (value, other) in enumerate(zip(given, wanted, strict=True)):
            register_of(other.type, "")
            self._check_fit(op, f"{what} {number}", value.type, f"{target} {number}", other.type)

    def _check_fit(self, op: Operation, what: str, given: Attribute, target: str, wanted: Attribute) -> None:
        """A value may go where its type is wanted, or one that says less: a `?` or a name within launches."""
        if given == wanted:
            return
        kinds = register_of(given, ""), register_of(wanted, "")
        if kinds[0] != kinds[1] or kinds[0].rank == 0:
            raise failure(op, f"{what} is {given}, but {target} is {wanted}")
        for axis, (dim, promised) in enumerate(zip(shape_of(given), shape_of(wanted), strict=True)):
            if dim != promised and is_known(promised) and promised.symbols <= self.symbols:
                hint = f"if dim {axis} changes, it must be a ? that no argument of the function names"
                raise failure(op, f"{what} is {given}, but {target} is {wanted}; {hint}")


def _terminator(op: Operation, region: Region, kind: type[_Terminator]) -> _Terminator:
    end = region.block.last_op if len(region.blocks) == 1 else None
    if not isinstance(end, kind):
        raise failure(op, f"each region must be one block, and this one must end in {kind.name}")
    return end


def _visible(op: Operation) -> Iterator[SSAValue]:
    """The values that an operation could use, the nearest first."""
    anchor: Operation | None = op
    while anchor is not None and (block := anchor.parent_block()) is not None:
        earlier = anchor.prev_op
        while earlier is not None:
            yield from earlier.results
            earlier = earlier.prev_op
        yield from block.args
        anchor = block.parent_op()


def _has_dim(value: SSAValue, symbol: str) -> bool:
    # what is still a dvm operation will be part of the graph itself, or a constant
    if isinstance(value.owner, DvmOp) or not register_of(value.type, "").rank:
        return False
    return any(dim.is_symbol and dim.text == symbol for dim in shape_of(value.type))


def _argument_type(value: SSAValue, number: int, bound: set[str]) -> Attribute:
    """The type of a value as an argument of a graph: dims of symbols that no argument defines get names of their own."""
    shape = shape_of(value.type)
    if all(not is_known(dim) or dim.symbols <= bound for dim in shape):
        return value.type
    dims: Shape = tuple(
        dim if dim.symbols <= bound else Dim.symbol(f"dim{axis}_of_{number}") for axis, dim in enumerate(shape)
    )
    return tensor_of(element_of(value.type), dims)
