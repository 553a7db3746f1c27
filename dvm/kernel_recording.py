"""The operator graph of a `dvm.kernel` while it is traced: which sub-kernel each operation is part of, and what is stored.

In the end each sub-kernel, and each alternative, becomes a `vk.kernel`, unless the fuser is free to choose. Imports xDSL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from xdsl.dialects.builtin import FileLineColLoc, IntAttr, IntegerAttr, ModuleOp, StringAttr, i64
from xdsl.ir import Block, Operation, Region, SSAValue
from xdsl.rewriter import Rewriter

from dvm import functions
from dvm.building import shape_and_dtype
from dvm.functions.dispatch import is_scalar
from dvm.jit import NUMBERS
from dvm.kernel import STACKED_BY_FUSER, KernelType
from dvm.places import Place
from dvm.primitives import Attributes, DType, Shape
from dvm.tensor import RECORDERS, Tensor
from dvm.trace import Size, Trace, Traced, caller
from dvm_dialects import vk
from passes.dvm_fuse import emit_kernel
from vm.errors import DvmError, ShapeError

_PRODUCTS = frozenset({"matmul", "grouped_matmul"})
_BESIDE_PRODUCTS = frozenset({"reshape", "transpose", "copy"})
"""What a product of vectors takes, and an output that is an input."""


@dataclass
class Part:
    """A sub-kernel or alternative: where it begins, and what is done in it."""

    place: Place
    condition: str | None = None
    """When an alternative is taken; None for the one that is left, and for sub-kernels."""
    operations: list[Operation] = field(default_factory=list[Operation])
    stored: list[SSAValue] = field(default_factory=list[SSAValue])


class KernelRecording(Trace):
    """One kernel being traced."""

    def __init__(
        self, name: str, ktype: KernelType, dynamic: bool, place: Place, arrays: int, declared: Sequence[Shape] | None
    ) -> None:
        """`arrays` of a call are arguments, those after them are declared; `declared` are the shapes of these, if given."""
        super().__init__(name)
        self.ktype: KernelType = ktype
        self.parts = [Part(place)]
        self.sources: list[int] = []
        """For each input of the program its number among the arrays of a call."""
        self.declared = 0
        self.outputs = 0
        self._name = name
        self._dynamic = dynamic
        self._arrays = arrays
        self._declared_shapes = declared
        self._at_least: dict[str, int] = {}
        self._part_of: dict[SSAValue, Part] = {}

    def input(self, name: str, dtype: DType, shape: Shape, source: int, *, weak: bool = False) -> Traced:
        """A further input of the program, that has this shape in a call."""
        dims = [self._dim(f"{name}_{axis}", size) for axis, size in enumerate(shape)]
        self.sources.append(source)
        return self.argument(name, dtype, dims, weak=weak)

    def _dim(self, symbol: str, size: int) -> int | str:
        """A size as it is compiled in: dims of 1 differ from others, which are not broadcast."""
        if size < 2 or not self._dynamic:
            return size
        self._at_least[symbol] = 2
        return symbol

    def declare(self, dtype: DType, shape: Sequence[int | str]) -> Traced:
        """An input that is declared by its shape."""
        number = self.declared
        self.declared += 1
        name = f"input{number}"
        for size in shape:
            if isinstance(size, bool) or not (size.isidentifier() if isinstance(size, str) else size >= -1):
                raise DvmError(f"a shape has {size!r} for a size, which has to be a number, -1 or a name")
        dims = [f"{name}_{axis}" if size == -1 else size for axis, size in enumerate(shape)]
        if self._declared_shapes is not None and number < len(self._declared_shapes):
            given = self._declared_shapes[number]
            if len(given) != len(dims) or any(isinstance(a, int) and a != b for a, b in zip(dims, given, strict=True)):
                raise ShapeError(f"the array for '{name}' is of {list(given)}, which is declared as {list(shape)}")
            for axis, (dim, size) in enumerate(zip(tuple(dims), given, strict=True)):
                if isinstance(dim, str):
                    known = self._dim(dim, size)
                    # Dims of one name are equal, so that one of them is not 1 by itself.
                    dims[axis] = known if shape[axis] == -1 or not self._dynamic else dim
        elif not self._dynamic:
            raise ShapeError(f"the array for '{name}' is missing, whose sizes a static kernel needs")
        self.sources.append(self._arrays + number)
        return self.argument(name, dtype, dims)

    def apply(self, primitive: str, operands: Sequence[Tensor], attributes: Attributes) -> Traced:
        if self.ktype == "vector" and primitive in _PRODUCTS:
            raise DvmError("a 'vector' kernel has no matrix products: its type has to be 'cube', 'mix' or 'split'")
        if self.ktype == "cube" and primitive not in _PRODUCTS | _BESIDE_PRODUCTS:
            raise DvmError(f"a 'cube' kernel has only matrix products, no '{primitive}': make it 'mix' or 'split'")
        here = self.parts[-1]
        for operand in operands:
            if isinstance(operand, Traced) and self._part_of.get(operand.ssa, here) is not here:
                self._check_may_follow(here)
        found = super().apply(primitive, operands, attributes)
        assert isinstance(found.ssa.owner, Operation)
        here.operations.append(found.ssa.owner)
        self._part_of[found.ssa] = here
        return found

    def _check_may_follow(self, part: Part) -> None:
        if part.condition is not None:
            raise DvmError("an alternative uses what another one computes: it has to compute that itself")
        if self.ktype == "parallel":
            raise DvmError("a sub-kernel of a 'parallel' kernel uses what another one computes: make it 'sequence'")

    def tensor(self, value: Any, *, copy: bool) -> Traced:
        raise DvmError("an array from outside of a kernel has to be an argument of it")

    def begin_part(self, condition: str | None) -> None:
        """Begin the next sub-kernel, or alternative for a condition."""
        self.parts.append(Part(caller(), condition))

    def store(self, value: Traced) -> SSAValue:
        """Make a value an output. An input, and what is stored already, is copied: kernels only yield what they compute."""
        here = self.parts[-1]
        yielded = self._part_of.get(value.ssa) is here and value.ssa not in here.stored
        if not yielded and self.ktype not in STACKED_BY_FUSER:
            value = self.apply("copy", (value,), ())
        here.stored.append(value.ssa)
        return value.ssa

    def finish(self, returned: Sequence[SSAValue] | None) -> ModuleOp:
        """The graph that has these outputs, by default all that are stored, in order."""
        speculated = self.parts[-1].condition is not None
        every = [value for part in self.parts for value in part.stored]
        if speculated:
            self._check_alternatives()
            # The returned ones of any alternative stand for those of the first.
            first = self.parts[0].stored
            at = {value: number for part in self.parts for number, value in enumerate(part.stored)}
            returned = first if returned is None else [first[at[value]] for value in returned]
            every = first
        outputs = _outputs(every, returned)
        self.outputs = len(outputs)
        module = self.builder.finish(outputs, self._at_least)
        if self.ktype not in STACKED_BY_FUSER:
            (function,) = module.ops
            terminator = function.regions[0].block.last_op
            assert terminator is not None
            kernels = [self._kernel(number, part, terminator, speculated) for number, part in enumerate(self.parts)]
            if speculated:
                self._speculate(kernels, terminator)
        return module

    def _check_alternatives(self) -> None:
        """That all store as many values, of the same element types, ranks, and as far as is known now, sizes."""
        first, *others = self.parts
        for part in others:
            if len(part.stored) != len(first.stored):
                raise _error(part, f"an alternative stores {len(part.stored)} values, the first {len(first.stored)}")
            for number, (value, expected) in enumerate(zip(part.stored, first.stored, strict=True)):
                (dims, dtype), (wanted, element) = shape_and_dtype(value), shape_and_dtype(expected)
                if (
                    dtype != element
                    or len(dims) != len(wanted)
                    or any((a - b).is_never_zero() for a, b in zip(dims, wanted, strict=True))
                ):
                    raise _error(
                        part,
                        f"an alternative stores output {number} as {dtype} [{', '.join(map(str, dims))}], "
                        f"the first as {element} [{', '.join(map(str, wanted))}]",
                    )

    def _kernel(self, number: int, part: Part, terminator: Operation, speculated: bool) -> vk.KernelOp:
        inside = set(part.operations)
        outputs = part.stored
        if not speculated:
            results = [operation.results[0] for operation in part.operations]
            outputs = [value for value in results if any(use.operation not in inside for use in value.uses)]
        if not outputs:
            raise _error(part, "nothing that is computed here is stored, or used by another sub-kernel")
        kind = self.ktype if self.ktype in vk.KERNEL_KINDS else "mix"
        name = f"{self._name}_{number}" if len(self.parts) > 1 else self._name
        kernel = emit_kernel(part.operations, outputs, kind, name, terminator)
        kernel.location = FileLineColLoc(StringAttr(part.place[0]), IntAttr(part.place[1]), IntAttr(0))
        kernel.attributes[vk.STAGE] = IntegerAttr(number if self.ktype == "sequence" else 0, i64)
        return kernel

    def _speculate(self, kernels: Sequence[vk.KernelOp], terminator: Operation) -> None:
        """Make the kernels alternatives; the first is the one that is left where no condition holds."""
        first, *others = kernels
        inputs = tuple(dict.fromkeys(operand for kernel in kernels for operand in kernel.operands))
        alternatives = [Region(Block(arg_types=[value.type for value in inputs])) for _ in kernels]
        conditions = [part.condition for part in self.parts if part.condition is not None]
        for region, kernel in zip(alternatives, (*others, first), strict=True):
            known = dict(zip(inputs, region.block.args, strict=True))
            inner = kernel.clone()
            inner.operands = [known[operand] for operand in kernel.operands]
            region.block.add_ops([inner, vk.YieldOp(*inner.results)])
        choice = vk.SpeculateOp(inputs, conditions, alternatives)
        choice.location = first.location
        block = terminator.parent_block()
        assert block is not None
        block.insert_op_before(choice, terminator)
        for kernel in others:
            block.erase_op(kernel)
        Rewriter.replace_op(first, [], choice.results)


class Inlined:
    """A kernel that is called in a function that is traced. What it does becomes part of that function."""

    ktype: KernelType = "split"

    def __init__(self, name: str) -> None:
        self._name = name
        trace = RECORDERS.tracing[-1]
        assert isinstance(trace, Trace)
        self._trace = trace
        self._given: list[Traced] = []
        self._stored: list[SSAValue] = []

    def take(self, value: Any) -> Traced:
        """The next argument, which is an array, a number or a size."""
        if isinstance(value, Size):
            found = cast(Traced, value.tensor())
        elif is_scalar(value):
            found = cast(Traced, functions.full((), value, NUMBERS[type(value)]))
            found.weak = True
        else:
            found = self._trace.value(value)
        self._given.append(found)
        return found

    def input(self, name: str, dtype: DType, shape: Shape, source: int, *, weak: bool = False) -> Traced:
        """An argument, by its number."""
        return self._given[source]

    def declare(self, dtype: DType, shape: Sequence[int | str]) -> Traced:
        raise DvmError(f"'{self._name}' declares an array by shape, and cannot be called in a function that is traced")

    def store(self, value: Traced) -> SSAValue:
        """Make a value an output."""
        self._stored.append(value.ssa)
        return value.ssa

    def results(self, returned: Sequence[SSAValue] | None) -> list[Traced]:
        """The outputs, by default all that are stored, in order."""
        return [Traced(self._trace, value) for value in _outputs(self._stored, returned)]


def _outputs(stored: Sequence[SSAValue], returned: Sequence[SSAValue] | None) -> Sequence[SSAValue]:
    """The outputs of a kernel: what it returns, by default all that it stores."""
    outputs = stored if returned is None else returned
    if not outputs:
        raise DvmError("nothing is stored")
    if len(set(outputs)) != len(outputs) or len(outputs) != len(stored):
        raise DvmError(f"{len(stored)} values are stored, and {len(set(outputs))} of them returned")
    return outputs


def _error(part: Part, message: str) -> DvmError:
    return DvmError(f"{part.place[0]}:{part.place[1]}: {message}")
