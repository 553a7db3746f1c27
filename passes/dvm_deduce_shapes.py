"""dvm-deduce-shapes: the symbolic shape of every value, explicit broadcasts, and what bind must check.

Before:

    func.func @f(%x : tensor<?x8xf32>, %y : tensor<?x8xf32>, %b : tensor<8xf32>) -> tensor<?x8xf32>
        attributes {dvm.at_least = {s0 = 2, s1 = 2}} {
      %0 = dvm.binary Add %x, %y : tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
      %1 = dvm.binary Add %0, %b : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x8xf32>

After, with `!t = tensor<?x8xf32, #dvm.sym<["s0", "8"]>>`, for both dims are at least 2, hence equal:

    func.func @f(%x : !t, %y : !t, %b : tensor<8xf32>) -> !t
        attributes {dvm.reasons = [["", ""], ["dvm.binary Add at model.mlir:3", ""], [""]], ...} {
      %0 = dvm.binary Add %x, %y : !t, !t -> !t
      %2 = dvm.broadcast %b shape ["s0", 8] : tensor<8xf32> -> !t
      %1 = dvm.binary Add %0, %2 : !t, !t -> !t

A broadcast is made explicit where an operand's rank, or a dim that is 1 for certain, differs from the result. Where a dim
may or may not be 1, the operand stays as it is, and bind decides. What is known of a value holds inside of the kernels
that are written by hand, too: alternatives of a `vk.speculate` have results of the same shapes.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from typing import NoReturn, cast

from xdsl.context import Context
from xdsl.dialects.builtin import (
    ArrayAttr,
    DictionaryAttr,
    FunctionType,
    IntegerAttr,
    ModuleOp,
    StringAttr,
    TensorType,
    i64,
)
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.hints import isa

from dvm_dialects import vk
from dvm_dialects.diagnostics import failure, failures_of
from dvm_dialects.dims import Dim
from dvm_dialects.dvm import BinaryOp, BroadcastOp, BroadcastScalarOp, DvmOp, FactAttr, SelectOp, element_of, tensor_of
from dvm_dialects.dvm_base import DimsAttr, dims_attr, dims_in
from dvm_dialects.shapes import Shape, ShapeConflict, is_known, shape_of
from dvm_dialects.solver import Fact, Solver
from dvm_dialects.source import describe
from vm.program import FactKind

_LISTS = ("shape", "starts", "sizes", "low", "high", "depth", "size")
"""The properties that hold lists of dims."""


class DvmDeduceShapesPass(ModulePass):
    """Deduces the symbolic shape of every value of every function. Raises PassFailedException for what can never fit."""

    name = "dvm-deduce-shapes"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in op.ops:
            if isinstance(function, FuncOp) and not function.is_declaration:
                if len(function.body.blocks) != 1:
                    _fail(function, "there must be one block")
                with failures_of(function):
                    _Deduction(function).run()


class _Deduction:
    """The deduction of one function."""

    def __init__(self, function: FuncOp) -> None:
        self.function = function
        self.shapes: dict[SSAValue, Shape] = {}
        """Of each value, in terms of all symbols, also those eliminated since."""
        self.broadcasts: dict[tuple[SSAValue, Shape], SSAValue] = {}
        """Those made so far, by operand and shape."""
        self.bounds = self._declared_bounds()
        self.symbols = self._name_arguments()
        self.solver = Solver({name: rank for rank, name in enumerate(self.symbols)})

    def run(self) -> None:
        self._take_over_facts()
        ops = list(self.function.body.block.walk())
        for op in ops:
            with failures_of(op):
                self._deduce(op)
        self._write_attributes()
        for value, shape in list(self.shapes.items()):
            self.shapes[value] = self._resolve(value.owner, shape)
        for argument in self.function.body.block.args:
            self._set_type(argument, self.shapes[argument])
        for op in ops:
            self._write_operation(op)
        for op in ops:
            if isinstance(op, BroadcastScalarOp) and op.result.first_use is None:
                Rewriter.erase_op(op)  # another was put in its place where it was used
        self._write_function()

    # --- what the function says ---

    def _declared_bounds(self) -> dict[str, int]:
        """The lower bounds that the author promises."""
        declared = self.function.attributes.get("dvm.at_least")
        if declared is None:
            return {}
        if not isa(declared, DictionaryAttr) or not all(isa(value, IntegerAttr) for value in declared.data.values()):
            _fail(self.function, f"dvm.at_least must be a dictionary of integers, but is {declared}")
        return {name: cast(IntegerAttr, value).value.data for name, value in declared.data.items()}

    def _name_arguments(self) -> list[str]:
        """Gives the arguments their shapes; the symbols that these define, those that the author named first."""
        arguments = self.function.body.block.args
        try:
            shapes = [shape_of(argument.type) for argument in arguments]
        except VerifyException as error:
            _fail(self.function, f"an argument is no tensor that can be computed with: {error}")
        symbols = list(dict.fromkeys(dim.text for shape in shapes for dim in shape if dim.is_symbol and is_known(dim)))
        fresh = self._fresh_symbols(shapes)
        for argument, shape in zip(arguments, shapes, strict=True):
            for axis, dim in enumerate(shape):
                if is_known(dim) and (unbound := dim.symbols.difference(symbols)):
                    _fail(
                        self.function,
                        f"dim {axis} of argument {argument.index} is '{dim}', "
                        f"but no argument has '{min(unbound)}' as a dim of its own",
                    )
            self.shapes[argument] = tuple(dim if is_known(dim) else next(fresh) for dim in shape)
        own = (dim.text for argument in arguments for dim in self.shapes[argument] if dim.is_symbol)
        return list(dict.fromkeys((*symbols, *own)))

    def _fresh_symbols(self, argument_shapes: Sequence[Shape]) -> Iterator[Dim]:
        """Symbols s0, s1, ... that nothing in the function mentions."""
        dims = [dim for shape in argument_shapes for dim in shape]
        for op in self.function.body.block.walk():
            with failures_of(op):
                dims += [dim for result in op.results for dim in shape_of(result.type)]
            dims += [dim for _, entries in lists_of(op) for dim in dims_in(entries)]
        used = {name for dim in dims for name in dim.symbols}
        return (Dim.symbol(name) for name in map("s{}".format, count()) if name not in used)

    def _take_over_facts(self) -> None:
        """Tells the solver the declared lower bounds, and the facts of an earlier deduction."""
        for name, least in self.bounds.items():
            if name not in self.symbols:
                _fail(self.function, f"dvm.at_least names '{name}', which is no dim of an argument")
            reason = f"dvm.at_least of @{self.function.sym_name.data}"
            self.solver.add(Fact(FactKind.AT_LEAST, Dim.symbol(name), Dim.constant(least), reason))
        facts = self.function.attributes.get("dvm.facts")
        if facts is None:
            return
        if not isa(facts, ArrayAttr[FactAttr]):
            _fail(self.function, f"dvm.facts must be an array of #dvm.fact, but is {facts}")
        for fact in facts:
            self.solver.add(Fact(*fact.fact))

    # --- deduction ---

    def _deduce(self, op: Operation) -> None:
        """Finds the shape of the result by the operation's own rule, then holds it against the declared type."""
        if isinstance(op, ReturnOp):
            return
        if isinstance(op, vk.KernelOp | vk.SpeculateOp):
            for region in op.regions:
                self.shapes.update(zip(region.block.args, map(self.shapes.__getitem__, op.operands), strict=True))
            return
        if isinstance(op, vk.YieldOp):
            self._deduce_results(op)
            return
        if not isinstance(op, DvmOp):
            _fail(op, "the shapes of this operation cannot be deduced")
        self.solver.reason = lambda: describe(op)
        try:
            for _, entries in lists_of(op):
                self._check_symbols(dims_in(entries))
            shapes = [tuple(map(self.solver.resolve, self.shapes[operand])) for operand in op.operands]
            dims = op.infer_dims(shapes, self.solver)
            for axis, declared in enumerate(shape_of(op.result.type)):
                if is_known(declared):
                    self.solver.equal(dims[axis], declared, f"dim {axis} of the result, inferred and declared")
            self._check_symbols(dims)
        except ShapeConflict as conflict:
            self._facts()  # one that turned out to be false explains more
            _fail(op, f"{conflict}{self._context(op)}")
        self.shapes[op.result] = dims

    def _deduce_results(self, op: vk.YieldOp) -> None:
        """The results of what is around a yield have the shapes that it yields, in all alternatives."""
        around = op.parent_op()
        assert around is not None
        self.solver.reason = lambda: f"the results of {describe(around)}"
        try:
            for value, result in zip(op.operands, around.results, strict=True):
                shape = self.shapes[value]
                known = self.shapes.setdefault(result, shape)
                if len(known) != len(shape):
                    raise ShapeConflict(f"result {result.index} has {len(known)} and {len(shape)} dims")
                for axis, (dim, other) in enumerate(zip(known, shape, strict=True)):
                    self.solver.equal(dim, other, f"dim {axis} of result {result.index}")
        except ShapeConflict as conflict:
            _fail(around, str(conflict))

    def _facts(self) -> list[Fact]:
        try:
            return self.solver.facts()
        except ShapeConflict as conflict:
            _fail(self.function, str(conflict))

    def _resolve(self, owner: Operation | Block, shape: Shape) -> Shape:
        try:
            return tuple(map(self.solver.resolve, shape))
        except ShapeConflict as conflict:
            _fail(owner if isinstance(owner, Operation) else self.function, f"{conflict}{self.solver.why(shape)}")

    def _check_symbols(self, dims: Iterable[Dim]) -> None:
        for dim in map(self.solver.resolve, dims):
            if unbound := dim.symbols.difference(self.symbols):
                raise ShapeConflict(f"'{min(unbound)}' is no dim of an argument")

    def _context(self, op: DvmOp) -> str:
        """Why the symbols concerned are what they are, and the types of the operands."""
        dims = [dim for operand in op.operands for dim in self.shapes[operand]]
        dims += [dim for _, entries in lists_of(op) for dim in dims_in(entries)]
        dims += [dim for dim in shape_of(op.result.type) if is_known(dim)]
        types = [self._type(operand, self._resolve(op, self.shapes[operand])) for operand in op.operands]
        return self.solver.why(dims) + (f" ({', '.join(map(str, types))})" if types else "")

    # --- writing down what was found ---

    def _write_attributes(self) -> None:
        attributes = self.function.attributes
        facts = [FactAttr.of(fact.kind, fact.left, fact.right, fact.reason) for fact in self._facts()]
        attributes["dvm.facts"] = ArrayAttr(facts)
        attributes["dvm.reasons"] = self._reasons(attributes.get("dvm.reasons"))
        bounds: dict[str, int] = {}
        for name, least in self.bounds.items():
            dim = self.solver.resolve(Dim.symbol(name))
            if dim.is_symbol:
                bounds[dim.text] = max(least, bounds.get(dim.text, 0))
        if bounds:
            least_of = {name: IntegerAttr(least, i64) for name, least in bounds.items()}
            attributes["dvm.at_least"] = DictionaryAttr(least_of)
        else:
            attributes.pop("dvm.at_least", None)

    def _reasons(self, earlier: Attribute | None) -> ArrayAttr[ArrayAttr[StringAttr]]:
        """Why each dim of each argument is what its type will say, or what an earlier deduction said."""
        old: dict[tuple[int, int], StringAttr] = {}
        if earlier is not None and isa(earlier, ArrayAttr[ArrayAttr[StringAttr]]):
            old = {(i, axis): reason for i, reasons in enumerate(earlier) for axis, reason in enumerate(reasons)}

        def reason(index: int, axis: int, dim: Dim) -> StringAttr:
            found = dict.fromkeys(reason for _, _, reason in self.solver.reasons(dim))
            return StringAttr(" and ".join(found)) if found else old.get((index, axis), StringAttr(""))

        arguments = self.function.body.block.args
        return ArrayAttr(
            ArrayAttr(reason(index, axis, dim) for axis, dim in enumerate(self.shapes[argument]))
            for index, argument in enumerate(arguments)
        )

    def _write_operation(self, op: Operation) -> None:
        """Gives the result its type, lists of dims the symbols that are left, and operands their broadcasts."""
        if not isinstance(op, DvmOp):
            for value in (*[argument for region in op.regions for argument in region.block.args], *op.results):
                self._set_type(value, self.shapes[value])
            return
        shape = self.shapes[op.result]
        for name, entries in lists_of(op):
            op.properties[name] = dims_attr(self._resolve(op, dims_in(entries)))
        if isinstance(op, BinaryOp | SelectOp):
            for index, operand in enumerate(op.operands):
                op.operands[index] = self._stretched(operand, shape, op)
        self._set_type(op.result, shape)

    def _stretched(self, operand: SSAValue, shape: Shape, user: Operation) -> SSAValue:
        """The operand broadcast as far as that is certain."""
        own = self.shapes[operand]
        added = len(shape) - len(own)
        kept = (dim if own_dim.value == 1 else own_dim for own_dim, dim in zip(own, shape[added:], strict=True))
        target = (*shape[:added], *kept)
        if target == own:
            return operand
        known = self.broadcasts.get((operand, target))
        if known is None:
            op = _broadcast(operand, target, self._type(operand, target))
            op.location = user.location
            Rewriter.insert_op(op, InsertPoint.before(user))
            known = self.broadcasts[operand, target] = op.result
        return known

    def _set_type(self, value: SSAValue, shape: Shape) -> None:
        type = self._type(value, shape)
        if value.type != type:
            # The value is another object then, and operands later on are looked up by it.
            self.shapes[Rewriter.replace_value_with_new_type(value, type)] = shape

    def _write_function(self) -> None:
        block = self.function.body.block
        results = block.last_op
        outputs = results.operand_types if results is not None else ()
        self.function.function_type = FunctionType.from_lists(block.arg_types, outputs)

    def _type(self, value: SSAValue, shape: Shape) -> TensorType:
        return tensor_of(element_of(value.type), shape)


def _broadcast(operand: SSAValue, shape: Shape, type: TensorType) -> DvmOp:
    """An operand in a larger shape; a splat is one of any shape."""
    source = operand.owner
    if isinstance(source, BroadcastScalarOp):
        return BroadcastScalarOp(source.scalar, shape, source.result_element(), type)
    return BroadcastOp(operand, shape, type)


def lists_of(op: Operation) -> list[tuple[str, DimsAttr]]:
    """The properties of an operation that are lists of dims."""
    return [(name, cast(DimsAttr, op.properties[name])) for name in _LISTS if name in op.properties]


def _fail(op: Operation, message: str) -> NoReturn:
    raise failure(op, message) from None
