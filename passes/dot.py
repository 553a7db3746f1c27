"""The target `dvm-dot`: an operator graph, or the kernels it has become, as a graph for Graphviz.

Operations, arguments and results of a function are nodes, tensors are edges. A kernel, a stage and each alternative of a
`vk.speculate` is a cluster around what it holds; what it loads and stores are the edges that cross its border. The text
is for `dot -Tsvg` and the like; nothing here draws.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import IO, Any, ClassVar, cast

from xdsl.context import Context
from xdsl.dialects.builtin import AnyTensorType, ArrayAttr, ModuleOp, StringAttr, TensorType
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, BlockArgument, Operation, SSAValue
from xdsl.utils.exceptions import PassFailedException
from xdsl.utils.target import Target

from dvm_dialects.diagnostics import failure, failures_of, label_of
from dvm_dialects.shapes import element_of, name_of, shape_of
from dvm_dialects.vk import KernelOp, SpeculateOp, StageOp, YieldOp


@dataclass(frozen=True)
class DvmDotTarget(Target):
    """The graph of every function of a module; raises PassFailedException where no function has a body."""

    name: ClassVar[str] = "dvm-dot"

    def emit(self, ctx: Context, module: ModuleOp, output: IO[str]) -> None:
        functions = [op for op in module.ops if isinstance(op, FuncOp) and op.body.blocks]
        if not functions:
            raise PassFailedException(
                f"-t {self.name} draws operator graphs and kernels, but there is no function in the module"
            )
        drawing = _Drawing()
        for function in functions:
            drawing.function(function)
        output.write(drawing.text())


class _Drawing:
    """A graph as it grows, in the order of the operations.

    A value comes from a node, or from several, if it is the result of alternatives.
    """

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._edges: list[str] = []
        self._depth = 1
        self._numbers = count()
        self._origins: dict[SSAValue, tuple[str, ...]] = {}

    def text(self) -> str:
        """The graph. Edges come last, because a node belongs to the cluster in which it is first mentioned."""
        head = ["digraph {", "  node [shape=box];"]
        return "\n".join([*head, *self._lines, *self._edges, "}", ""])

    def function(self, function: FuncOp) -> None:
        if len(function.body.blocks) != 1:
            raise failure(function, "there must be one block")
        block = function.body.block
        with self._cluster(f"@{function.sym_name.data}"):
            for argument, name in zip(block.args, _names(function, "dvm.arg_names", block.args), strict=True):
                self._origins[argument] = (self._node(f"{name}\n{_type_text(argument.type)}", "ellipse"),)
            self._operations(block)
            if isinstance(block.last_op, ReturnOp):
                results = block.last_op.operands
                for result, name in zip(results, _names(function, "dvm.result_names", results), strict=True):
                    self._connect(result, self._node(f"{name}\n{_type_text(result.type)}", "ellipse"))

    def _operations(self, block: Block) -> None:
        for op in block.ops:
            with failures_of(op):
                self._operation(op)

    def _operation(self, op: Operation) -> None:
        match op:
            case KernelOp():
                with self._cluster(f"vk.kernel {op.kind.data} @{op.sym_name.data}"):
                    self._region(op, op.body.block)
            case StageOp():
                with self._cluster(op.name):
                    self._region(op, op.body.block)
            case SpeculateOp():
                with self._cluster(op.name):
                    labels = [f"if {condition.data}" for condition in op.conditions]
                    for label, region in zip([*labels, "else"], op.alternatives, strict=True):
                        with self._cluster(label):
                            self._region(op, region.block)
            case YieldOp() | ReturnOp():
                pass  # seen to by what holds them
            case _:
                types = [_type_text(type) for type in op.result_types]
                node = self._node("\n".join([label_of(op), *types]))
                for operand in op.operands:
                    self._connect(operand, node)
                self._origins |= dict.fromkeys(op.results, (node,))

    def _region(self, op: Operation, block: Block) -> None:
        """A region that takes the operands of `op` and yields its results."""
        for argument, operand in zip(block.args, op.operands, strict=True):
            self._origins[argument] = self._origins[operand]
        self._operations(block)
        assert block.last_op is not None  # the verifier wants a vk.yield
        for result, value in zip(op.results, block.last_op.operands, strict=True):
            self._origins[result] = self._origins.get(result, ()) + self._yielded(value, block)

    def _yielded(self, value: SSAValue, block: Block) -> tuple[str, ...]:
        """Where a yielded value comes from: of a region that hands on what it was given, a node for that."""
        if not isinstance(value, BlockArgument) or value.block is not block:
            return self._origins[value]
        node = self._node(f"{YieldOp.name}\n{_type_text(value.type)}")
        self._connect(value, node)
        return (node,)

    def _node(self, label: str, shape: str = "") -> str:
        """Add a node, a box unless it has a shape of its own; gives its name."""
        name = f"n{next(self._numbers)}"
        self._line(f"{name} [label={_quoted(label)}{f', shape={shape}' if shape else ''}];")
        return name

    def _connect(self, value: SSAValue, node: str) -> None:
        """Add the edges of a value to a node that takes it."""
        for origin in self._origins[value]:
            self._edges.append(f"  {origin} -> {node} [label={_quoted(_type_text(value.type))}];")

    @contextmanager
    def _cluster(self, label: str) -> Generator[None]:
        """What is added meanwhile is inside of a cluster."""
        self._line(f"subgraph cluster{next(self._numbers)} {{")
        self._depth += 1
        self._line(f"label={_quoted(label)};")
        yield
        self._depth -= 1
        self._line("}")

    def _line(self, text: str) -> None:
        self._lines.append("  " * self._depth + text)


def _names(function: FuncOp, attribute: str, values: Sequence[SSAValue]) -> list[str]:
    """The names that a function attribute gives to all the values, else those of the IR, else numbers."""
    given = function.attributes.get(attribute)
    if isinstance(given, ArrayAttr):
        names = [entry.data for entry in cast("ArrayAttr[Any]", given) if isinstance(entry, StringAttr)]
        if len(names) == len(values):
            return names
    return [f"%{value.name_hint or number}" for number, value in enumerate(values)]


def _type_text(type: Attribute) -> str:
    """A tensor type as `f32 [rows, 1024]`, other types as they are."""
    if not isinstance(type, TensorType):
        return str(type)
    tensor = cast(AnyTensorType, type)
    return f"{element_of(tensor).text} [{', '.join(map(name_of, shape_of(tensor)))}]"


def _quoted(text: str) -> str:
    """A quoted string of Graphviz, in which a backslash escapes; lines are centred."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
