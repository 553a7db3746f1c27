"""The backend of `torch.compile`: graphs of Dynamo in, functions on tensors out, with regions of DVM in them.

Dynamo's own graph is taken where no gradients are asked for and nothing is written that is seen elsewhere: AOT autograd, which
makes graphs functional and derives gradients, costs three times as long. The entry point `dvm` of `torch_dynamo_backends` is `backend`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import torch
import torch._dynamo
from torch._dynamo.backends.common import aot_autograd
from torch._functorch.partitioners import min_cut_rematerialization_partition
from torch.fx import GraphModule, Node
from torch.fx.passes.infra.partitioner import CapabilityBasedPartitioner
from torch.fx.passes.operator_support import OperatorSupportBase
from torch.fx.proxy import GraphAppendingTracer
from torch.utils._pytree import TreeSpec, tree_flatten, tree_unflatten

import dvm.compiler  # noqa: F401 - the first graph needs it, and is not to wait for xDSL to be imported
from dvm.frontends.torch.capture import (
    Mutation,
    Region,
    Seen,
    captured,
    fake_of,
    is_size,
    region,
)
from dvm.frontends.torch.log import LOG, left_to_torch
from dvm.frontends.torch.table import VIEWS
from vm.collection import PAUSE
from vm.errors import DvmError

Compiled = Callable[..., Any]


@dataclass
class Report:
    """What became of the graphs of a model."""

    regions: list[Region] = field(default_factory=list[Region])
    taken: list[Seen] = field(default_factory=list[Seen])
    left: list[Seen] = field(default_factory=list[Seen])
    graphs: int = 0


def backend(
    module: GraphModule,
    example_inputs: Sequence[Any],
    *,
    report: Report | None = None,
    mode: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> Compiled:
    """Compile a graph of Dynamo, for `torch.compile(model, backend="dvm")`. `report` gathers what became of it.

    There are no modes and no options: raises DvmError, naming it, where `torch.compile` was given one.
    """
    if mode is not None or options:
        named = f"option '{min(options)}'" if options else f"mode '{mode}'"
        raise DvmError(f"the backend 'dvm' has no {named}")
    report = Report() if report is None else report
    if torch.is_grad_enabled() and any(isinstance(one, torch.Tensor) and one.requires_grad for one in example_inputs):
        return _through_autograd(module, example_inputs, report)
    fakes = [fake_of(node) for node in module.graph.nodes if node.op == "placeholder"]
    try:
        return _compiled(module, fakes, report, boxed=False)
    except Mutation:
        return _through_autograd(module, example_inputs, report)


def _through_autograd(module: GraphModule, example_inputs: Sequence[Any], report: Report) -> Compiled:
    """The graph made functional, with its gradients, in two graphs of ATen operations."""

    def compile_part(part: GraphModule, inputs: Sequence[Any]) -> Compiled:
        fakes = [fake_of(node) for node in part.graph.nodes if node.op == "placeholder"]
        function = _compiled(part, fakes, report, boxed=True)

        def boxed(arguments: list[Any]) -> Any:
            given = tuple(arguments)
            arguments.clear()
            return function(*given)

        boxed._boxed_call = True  # pyright: ignore[reportFunctionMemberAccess] - how AOT autograd knows them
        return boxed

    compiler = aot_autograd(
        fw_compiler=compile_part,
        bw_compiler=compile_part,
        inference_compiler=compile_part,
        partition_fn=min_cut_rematerialization_partition,
        keep_inference_input_mutations=False,
    )
    return compiler(module, example_inputs)


@PAUSE
def _compiled(module: GraphModule, fakes: Sequence[Any], report: Report, *, boxed: bool) -> Compiled:
    """A function that does what a graph does."""
    if _peel_views(module):
        module.recompile()
    capture, results = captured("graph", module, fakes)
    report.graphs += 1
    flat = list(results) if isinstance(results, tuple | list) else [results]
    nodes = [node for node in module.graph.nodes if node.op not in ("placeholder", "output", "get_attr")]
    for node in nodes:
        if node.meta.get("dvm.returned"):
            node.meta["dvm.left"] = "it is a result that lies in the memory of another"
            continue
        for seen in node.meta["dvm.seen"]:
            (report.taken if node.meta["dvm.left"] is None else report.left).append(seen)
        if node.meta["dvm.left"] is not None:
            left_to_torch(node.format_node() or node.name, node.meta["dvm.left"])
    if (
        all(node.meta["dvm.left"] is None for node in nodes)
        and all(isinstance(result, torch.Tensor) and id(result) in capture.values for result in flat)
        and not any(node.op == "placeholder" for node in _returned(module))
    ):
        try:
            whole = region(capture, fakes, flat)
        except DvmError as reason:
            left_to_torch("the graph", reason)
        else:
            report.regions.append(whole)
            return whole
    return _partitioned(module, report)


def _returned(module: GraphModule) -> list[Node]:
    output = next(node for node in module.graph.nodes if node.op == "output")
    return output.all_input_nodes


class _Support(OperatorSupportBase):
    """Which nodes DVM does."""

    def is_node_supported(self, submodules: Any, node: Node) -> bool:
        return node.op in ("call_function", "call_method", "call_module") and node.meta["dvm.left"] is None


def _partitioned(module: GraphModule, report: Report) -> Compiled:
    """A graph with a region in place of each part that DVM does, as few of them as PyTorch's partitioner finds."""
    _without_writes(module)
    _sizes_from_inputs(module)
    for node in module.graph.nodes:
        if node.op in ("call_function", "call_method") and is_size(node):
            node.meta["dvm.left"] = "it gives a size"
        if node.target is operator.getitem and isinstance(fake_of(node.args[0]), torch.Tensor):
            node.target = indexed
    partitioner = CapabilityBasedPartitioner(module, _Support(), allows_single_node_partition=True)
    partitions = [part for part in partitioner.propose_partitions() if any(map(_computes, part.nodes))]
    fused = partitioner.fuse_partitions(partitions, prefix="dvm_region_")
    sizes = _given_sizes(fused)
    for node in list(fused.graph.nodes):
        if node.op != "call_module" or not str(node.target).startswith("dvm_region_"):
            continue
        part = fused.get_submodule(str(node.target))
        assert isinstance(part, GraphModule)
        _add_sizes(node, part, sizes)
        inner = [fake_of(argument) for argument in node.args]
        try:
            capture, results = captured(str(node.target), part, inner)
            flat, structure = tree_flatten(results)
            found = region(capture, inner, flat)
        except (DvmError, Mutation) as reason:
            left_to_torch(str(node.target), reason or "it writes what others see")
            continue
        report.regions.append(found)
        setattr(fused, str(node.target), _Module(found, structure))
    fused.recompile()
    LOG.debug("a graph of %d nodes has %d regions of DVM", len(module.graph.nodes), len(partitions))
    return fused


_FUNCTIONAL = {
    getattr(operator, f"i{name}"): getattr(operator, name)
    for name in ("add", "sub", "mul", "truediv", "pow", "and_", "or_", "xor")
    if hasattr(operator, f"i{name}")
} | {operator.iand: operator.and_, operator.ior: operator.or_}
"""What computes the result of an operator in place."""


def _without_writes(module: GraphModule) -> None:
    """Let new tensors take the place of what is written in place, which only this graph sees. Raises Mutation for other writes."""
    writing = [node for node in module.graph.nodes if node.meta.get("dvm.writes")]
    replaced = [(node, *_written(node)) for node in writing]
    order = {node: at for at, node in enumerate(module.graph.nodes)}
    for node, target, change in replaced:
        change()
        for user in list(target.users):
            if order[user] > order[node]:
                user.replace_input_with(target, node)
    module.recompile()


def _written(node: Node) -> tuple[Node, Callable[[], None]]:
    """The node whose tensor a node writes, and what makes the node give a new one instead."""
    target = node.args[0] if node.args else None
    if not isinstance(target, Node):
        raise Mutation
    kinds = {fake_of(one).dtype for one in node.all_input_nodes if isinstance(fake_of(one), torch.Tensor)}
    if len(kinds) != 1:  # in place the element type stays
        raise Mutation

    def call(function: Any) -> Callable[[], None]:
        def change() -> None:
            node.target = function

        return change

    if node.op == "call_method" and str(node.target).endswith("_"):
        return target, call(str(node.target)[:-1])
    if node.op == "call_function" and node.kwargs.get("inplace") is True:

        def out_of_place() -> None:
            node.kwargs = {**node.kwargs, "inplace": False}

        return target, out_of_place
    if node.target in _FUNCTIONAL:
        return target, call(_FUNCTIONAL[node.target])
    raise Mutation


def _given_sizes(module: GraphModule) -> dict[str, Node]:
    """The arguments of a graph that are sizes, by their symbols."""
    placeholders = [node for node in module.graph.nodes if node.op == "placeholder"]
    found = {node: fake_of(node) for node in placeholders}
    return {
        str(fake.node.expr): node
        for node, fake in found.items()
        if isinstance(fake, torch.SymInt) and fake.node.expr.is_symbol
    }


def _add_sizes(node: Node, part: GraphModule, given: dict[str, Node]) -> None:
    """Give a region the sizes that the dims of its arguments are made of, where it has not got them."""
    known = {str(symbol) for symbol in _given_sizes(part)}
    wanted: set[str] = set()
    for argument in node.all_input_nodes:
        fake = fake_of(argument)
        for size in fake.shape if isinstance(fake, torch.Tensor) else (fake,):
            if isinstance(size, torch.SymInt):
                expression = size.node.expr
                (known if expression.is_symbol else wanted).update(map(str, expression.free_symbols))
    placeholders = [one for one in part.graph.nodes if one.op == "placeholder"]
    for symbol in sorted((wanted - known) & given.keys()):
        with part.graph.inserting_after(placeholders[-1]):
            added = part.graph.placeholder(f"size_{symbol}")
        added.meta["dvm.value"] = fake_of(given[symbol])
        placeholders.append(added)
        node.args = (*node.args, given[symbol])
    part.recompile()


def indexed(tensor: torch.Tensor, index: Any) -> torch.Tensor:
    """`tensor[index]`, by a name that the partitioner does not take for that of parts of a tuple, which it ties together."""
    return tensor[index]


class _Module(torch.nn.Module):
    """A region as a module of a graph."""

    def __init__(self, region: Region, structure: TreeSpec) -> None:
        super().__init__()
        self._region = region
        self._single = structure.is_leaf()
        self._flat = self._single or all(child.is_leaf() for child in structure.children())
        self._structure = structure

    def forward(self, *arguments: Any) -> Any:
        found = self._region(*arguments)
        if not self._flat:
            return tree_unflatten(found, self._structure)
        return found[0] if self._single else tuple(found)


def _computes(node: Node) -> bool:
    """Whether a node does more than name numbers, make an array of them, or look at memory in another way."""
    names = {seen.name for seen in node.meta.get("dvm.seen", ())}
    return bool(names - _VIEW_NAMES) and any(isinstance(fake_of(one), torch.Tensor) for one in node.all_input_nodes)


_VIEW_NAMES = {str(view) for view in VIEWS}


def _sizes_from_inputs(module: GraphModule) -> None:
    """Compute sizes from the graph's own inputs, so that none of them ties a region to another."""
    from torch.fx.experimental.proxy_tensor import py_sym_types
    from torch.utils._sympy.interp import sympy_interp
    from torch.utils._sympy.reference import PythonReferenceAnalysis

    graph = module.graph
    tracer = GraphAppendingTracer(graph)
    symbols: dict[Any, Any] = {}
    last = None
    for node in graph.nodes:
        if node.op != "placeholder":
            break
        last = node
        fake = fake_of(node)
        if isinstance(fake, torch.SymInt) and fake.node.expr.is_symbol:
            symbols[fake.node.expr] = torch.fx.Proxy(node, tracer)
    if last is None or not symbols:
        return
    for node in list(graph.nodes):
        if node.op not in ("call_function", "call_method"):
            continue
        value = fake_of(node)
        if type(value) is int:
            _replace_by_number(node, value)
        if not isinstance(value, py_sym_types) or not isinstance(value, torch.SymInt):
            continue
        expression = value.node.expr
        if expression.is_number:  # what was a symbol when Dynamo came by has been found to be always the same
            _replace_by_number(node, int(expression))
        if not expression.free_symbols or not expression.free_symbols <= symbols.keys():
            continue
        with graph.inserting_before(node):
            made = sympy_interp(PythonReferenceAnalysis, symbols, expression)
        for fresh in graph.nodes:
            fresh.meta.setdefault("dvm.left", None if fresh.op == "placeholder" else "it gives a size")
            fresh.meta.setdefault("dvm.seen", [])
            if "dvm.value" not in fresh.meta and fresh.op == "call_function":
                fresh.meta["dvm.value"] = value
        node.replace_all_uses_with(made.node)
    graph.eliminate_dead_code()
    graph.lint()


def _replace_by_number(node: Node, number: int) -> None:
    """Let the users of a node take a number that it always gives."""

    def number_for(one: Node) -> Any:
        return number if one is node else one

    for user in list(node.users):
        user.args = torch.fx.map_arg(user.args, number_for)
        user.kwargs = torch.fx.map_arg(user.kwargs, number_for)


def _peel_views(module: GraphModule) -> bool:
    """Let PyTorch make those results that are views of inputs or of one another; whether there are any.

    Users may write to them and look for it in the other, and AOT autograd makes its results anew of inputs from where they lie in these.
    """
    graph = module.graph
    output = next(node for node in graph.nodes if node.op == "output")
    inputs = {
        storage
        for node in graph.nodes
        if node.op == "placeholder"
        for storage in [_storage_of(node)]
        if storage is not None
    }
    returned = [node for node in output.all_input_nodes if _storage_of(node) is not None]
    counts: dict[int, int] = {}
    for node in returned:
        storage = _storage_of(node)
        assert storage is not None
        counts[storage] = counts.get(storage, 0) + 1
    peeled = False
    for node in returned:
        storage = _storage_of(node)
        if storage in inputs or counts[storage or 0] > 1:
            copy = _again(graph, node, storage, output)
            if copy is not node:
                output.replace_input_with(node, copy)
                peeled = True
    return peeled


def _again(graph: torch.fx.Graph, node: Node, storage: int | None, output: Node) -> Node:
    """The chain of views that a node is, made once more at the end of the graph, where DVM leaves it alone."""
    base = next((one for one in node.all_input_nodes if _storage_of(one) == storage), None)
    if node.op == "placeholder" or base is None:
        return node
    made = _again(graph, base, storage, output)
    with graph.inserting_before(output):
        copy = graph.node_copy(node, lambda one: made if one is base else one)
    copy.meta["dvm.returned"] = True
    return copy


def _storage_of(node: Node) -> int | None:
    """The storage of what a node gives; of several tensors, as a split gives them, the one that they share."""
    value = fake_of(node) if node.op not in ("get_attr", "output") else None
    if isinstance(value, tuple | list) and value:
        storages = {one.untyped_storage()._cdata if isinstance(one, torch.Tensor) else None for one in value}
        return storages.pop() if len(storages) == 1 else None
    return value.untyped_storage()._cdata if isinstance(value, torch.Tensor) else None


def _dynamic_by_default(optimize: Callable[..., Any]) -> Callable[..., Any]:
    """`torch._dynamo.optimize` that has this backend take sizes for symbols from the first call on, unless told otherwise."""

    @wraps(optimize)
    def call(*arguments: Any, **options: Any) -> Any:
        found = optimize(*arguments, **options)
        chosen = options.get("backend")
        chosen = getattr(chosen, "compiler_fn", chosen)
        if getattr(chosen, "func", chosen) is backend and options.get("dynamic") is None:
            hooks = getattr(found, "enter_exit_hooks", None)
            if hooks is not None:
                hooks.append(
                    torch._dynamo.config._make_closure_patcher(assume_static_by_default=False, specialize_float=True)
                )
        return found

    return call


torch._dynamo.optimize = _dynamic_by_default(torch._dynamo.optimize)
