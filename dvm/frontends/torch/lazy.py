"""Run-time fusion of PyTorch's eager mode: `with dvm.torch.lazy():`.

Every operation that reaches PyTorch's dispatcher comes here first. Those that DVM takes are recorded; what they return are real
tensors whose memory is written later, when the record is flushed. So sizes, strides, views, gradients and reference counts are
PyTorch's own, and after the block all tensors are ordinary ones. Whatever else happens to a tensor whose elements are still
to come makes the record flush first.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast
from weakref import ref

import numpy as np
import torch
from torch._C._dynamo.eval_frame import _FrameAction, _FrameExecStrategy, set_code_exec_strategy
from torch.nn import Parameter
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from dvm import compiler
from dvm.frontends.torch import lowerings, lowerings_neural, lowerings_shaping
from dvm.frontends.torch.composites import COMPOSITES, Composite, nothing_else_looks
from dvm.frontends.torch.elements import (
    TENSORS,
    TO_TORCH,
    Array,
    Weight,
    array_of,
    empty_tensor,
    is_plain,
    usual_strides,
)
from dvm.frontends.torch.layouts import strides_of
from dvm.frontends.torch.log import left_to_torch
from dvm.frontends.torch.table import IN_PLACE, LOWERINGS, VIEWS, Deferred, Lowering
from dvm.frontends.torch.templates import Call
from dvm.frontends.torch.views import SIMPLE_VIEWS
from dvm.primitives import ELEMENTS, Attributes
from dvm.record import Node, Record, leaf
from dvm.structure import Launch
from dvm.tensor import RECORDERS, Tensor
from vm.errors import DvmError
from vm.memory import RESULTS

__all__ = ["lazy"]

TABLES = (lowerings, lowerings_neural, lowerings_shaping)

compiler.load()  # the first flush needs it, and is not to wait for xDSL to be imported

Geometry = tuple[Any, tuple[int, ...], tuple[int, ...], torch.dtype]
"""Where in its storage a tensor lies: offset, sizes, strides, element type."""


def _geometry(tensor: torch.Tensor) -> Geometry:
    return tensor.storage_offset(), tensor.shape, tensor.stride(), tensor.dtype


class _Pending(Tensor):
    """A tensor of DVM whose elements are those of a node."""

    __slots__ = ("node",)

    def __init__(self, node: Node) -> None:
        self.node = node

    @property
    def shape(self) -> tuple[int, ...]:
        return self.node.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.node.dtype

    def numpy(self) -> Array:
        raise DvmError("a recorded tensor of PyTorch has no elements yet")


Later = Callable[[], Node]
"""Records a node that nobody may need."""


class _Content:
    """What is to be written into a storage: the node of one tensor that lies in it, and the nodes of views of that."""

    __slots__ = ("__weakref__", "_later", "_node", "_weak", "geometry", "nodes")

    def __init__(self, storage: torch.UntypedStorage, geometry: Geometry, node: Node | Later) -> None:
        self._weak = storage._weak_ref()
        self.geometry = geometry
        self.nodes: dict[Geometry, Node] = {}
        """Of views. Those of the whole tensor is `node`."""
        self._node: Node | None = None
        self._later: Later | None = None
        if isinstance(node, Node):
            self._node = node
            node.shown_by = ref(self)
        else:
            self._later = node

    def record(self) -> None:
        """Record the node, where that was put off."""
        if self._later is not None:
            later, self._later = self._later, None
            self.write(later())

    @property
    def node(self) -> Node:
        """What all of the tensor is."""
        self.record()
        assert self._node is not None
        return self._node

    @property
    def is_recorded(self) -> bool:
        """Whether the node was not put off."""
        return self._later is None

    def write(self, node: Node) -> None:
        """All of the tensor is this from now on."""
        if self._node is not None:
            self._node.shown_by = None
        self._later = None
        self._node = node
        self.nodes = {}
        node.shown_by = ref(self)

    def node_at(self, geometry: Geometry) -> Node | None:
        """The node of a tensor that lies there, if it is known."""
        return self.node if geometry == self.geometry else self.nodes.get(geometry)

    def shows(self, node: Node) -> bool:
        """Whether the node is what it has now, not what it had before."""
        return self._node is node

    def is_needed(self) -> bool:
        """Whether any tensor still has the storage."""
        return not _expired(self._weak)

    def settle(self, node: Node) -> None:
        """Nothing is left of the storage, so nothing is to be done once its node is computed or dropped."""

    def memory(self) -> Array:
        """The memory that the elements belong in."""
        offset, shape, strides, kind = self.geometry
        storage = torch.UntypedStorage._new_with_weak_ptr(self._weak)
        return array_of(torch.empty(0, dtype=kind, device="cpu").set_(storage, offset, shape, strides))

    def __del__(self) -> None:
        _free_weak_ref(self._weak)


_expired = torch.UntypedStorage._expired
_free_weak_ref = torch.UntypedStorage._free_weak_ref


class _Parameter(Weight):
    """The array of a parameter, and its node, which is the same in all records."""

    __slots__ = ("node",)

    def __init__(self, kept: dict[int, _Parameter], number: int, tensor: Parameter) -> None:
        super().__init__(kept, number, tensor)
        self.node = leaf(self.array)


class _Record(Record):
    """Operations on tensors of PyTorch that wait; what they compute goes into the memory of those tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.contents: dict[int, _Content] = {}
        """By the address of the storage."""
        self.flushes = 0
        self.leaves: dict[int, dict[Geometry, Node]] = {}
        """The nodes of tensors that have their elements, as those were when they were recorded."""
        self._is_apart = False

    def apply(self, primitive: str, operands: Sequence[Tensor], attributes: Attributes) -> Tensor:
        nodes = tuple([cast(_Pending, operand).node for operand in operands])
        return _Pending(self.add(primitive, attributes, nodes, None))

    def place(self) -> str:
        return "PyTorch"

    def tensor(self, value: Any, *, copy: bool) -> Tensor:
        return _Pending(leaf(np.array(value) if copy else value))

    def node_of(self, tensor: torch.Tensor) -> Node:
        """The node of a tensor; the record is flushed where it is a view that does not follow from what is recorded."""
        storage = tensor.untyped_storage()._cdata
        content = self.contents.get(storage)
        if content is not None:
            found = content.node_at(_geometry(tensor))
            if found is not None:
                return found
            self.flush()
        known = self.leaves.get(storage)
        if known is None:
            known = self.leaves[storage] = {}
        if type(tensor) is Parameter:
            return _node_of_parameter(tensor)
        geometry = _geometry(tensor)
        found = known.get(geometry)
        if found is None:
            found = known[geometry] = leaf(array_of(tensor))
        return found

    def show(self, tensor: torch.Tensor, geometry: Geometry, node: Node | Later) -> None:
        """The elements of a tensor, which has none yet, are to be those of a node."""
        storage = tensor.untyped_storage()
        self.contents[storage._cdata] = _Content(storage, geometry, self._own(node) if isinstance(node, Node) else node)

    def later(self, result: Deferred) -> Later:
        """What records a result when it is needed."""

        def record() -> Node:
            RECORDERS.tracing.append(self)
            try:
                return self._own(cast(_Pending, result.make()).node)
            finally:
                RECORDERS.tracing.pop()

        return record

    def write(self, tensor: torch.Tensor, node: Node) -> bool:
        """The elements of a tensor are to become those of a node; False where others see only some of them."""
        storage = tensor.untyped_storage()
        at = storage._cdata
        geometry = _geometry(tensor)
        content = self.contents.get(at)
        if content is not None and content.geometry != geometry:
            return False
        node = self._own(node)
        content = self.contents.get(at)
        if content is None:
            self.contents[at] = _Content(storage, geometry, node)
        else:
            content.write(node)
        self.leaves.pop(at, None)
        return True

    def _own(self, node: Node) -> Node:
        """A node that no other tensor has, and that is not computed yet."""
        return node if node.value is None and node.shown_by is None else self.add("copy", (), (node,), None)

    def _flush(self, count: int, wanted: Sequence[Node]) -> None:
        limit, self.limit = self.limit, sys.maxsize
        whole = count == len(self.nodes)
        try:
            for content in tuple(self.contents.values()):
                if not content.is_recorded and content.is_needed():
                    content.record()
            super()._flush(len(self.nodes) if whole else count, wanted)
        finally:
            self.limit = limit
            self.flushes += 1
            recorded = [(at, one, one.node) for at, one in self.contents.items() if one.is_recorded]
            failed = [node.error for _, _, node in recorded if node.error is not None]
            self.contents = {at: one for at, one, node in recorded if node.record is self and one.is_needed()}
            if whole:
                self.leaves.clear()
        if failed:
            raise failed[0]

    def _launch(self, launch: Launch, leaves: list[Node], kept: list[Node], outputs: list[Node]) -> list[Array]:
        if self._is_apart:
            return launch.run(leaves, kept)
        return launch.run(leaves, kept, [self._memory(node) for node in outputs])

    def _memory(self, node: Node) -> Array:
        """Where the elements of a node are to be written."""
        content = cast("_Content | None", node.shown_by() if node.shown_by is not None else None)
        if content is not None and content.shows(node) and content.is_needed():
            return content.memory()
        return RESULTS.empty(node.shape, node.dtype)

    def _run_apart(self, kept: list[Node], outputs: list[Node]) -> None:
        """The elements are written when all is computed, for what is computed last may read what one was before."""
        self._is_apart = True
        try:
            super()._run_apart(kept, outputs)
        finally:
            self._is_apart = False
        for node in outputs:
            if node.value is not None:
                np.copyto(self._memory(node), node.value)


class _Dispatch(TorchDispatchMode):
    """Records the operations of a thread."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """PyTorch would wrap `__torch_dispatch__` for this, at 4 microseconds an operation; it is marked below."""
        return False

    def __init__(self, record: _Record) -> None:
        super().__init__()
        self.record = record

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if torch._C._len_torch_dispatch_stack() and _is_traced():
            return self._natively(func, args, kwargs or {})
        if not torch._C._len_torch_function_stack():
            return self._dispatched(func, args, kwargs or {})
        # not called by Python but by TorchScript, say: then the modes would see what is done here, `_Functions` among them
        with torch._C.DisableTorchFunction():
            return self._dispatched(func, args, kwargs or {})

    def _dispatched(self, func: Any, args: Any, options: Any) -> Any:
        """The result of an operation, recorded if that can be."""
        if func in VIEWS:
            return self._view(func, args, options)
        target = None
        lowering = LOWERINGS.get(func)
        if lowering is None:
            functional = IN_PLACE.get(func)
            if functional is None:
                return self._natively(func, args, options)
            lowering = LOWERINGS[functional]
            target = args[0]
            if type(target) not in TENSORS or not is_plain(target) or _overlaps(target):
                return self._natively(func, args, options)
        flushes = self.record.flushes
        call = Call(lowering, args, options, self.record.node_of)
        if not call.is_readable or not call.is_worth_it:
            return self._natively(func, args, options)
        if target is not None and _reads_in_part(target, call.tensors):
            return self._natively(func, args, options)
        try:
            found = self._lowered(lowering, call, args, options, flushes)
        except (DvmError, IndexError) as reason:
            left_to_torch(func, reason)
            return self._natively(func, args, options)
        if target is not None:
            return self._written(func, args, options, target, found)
        strides = strides_of(func, args, options, call.tensors)
        if type(found) is not tuple:
            return self._shown(found, strides[0] if strides else None)
        layouts = strides or (None,) * len(found)
        return tuple(
            [None if one is None else self._shown(one, order) for one, order in zip(found, layouts, strict=True)]
        )

    def whole(self, composite: Composite, args: Any, options: Any) -> torch.Tensor | None:
        """The result of a function that is several operations to the dispatcher, or None where it has to be those."""
        if not composite.names.issuperset(options):
            return None
        flushes = self.record.flushes
        call = Call(composite.function, args, options, self.record.node_of)
        if not call.is_readable or not call.is_worth_it:
            return None
        if torch.is_grad_enabled() and any(one.requires_grad for one in call.tensors):
            return None
        try:
            found = self._lowered(composite.function, call, args, options, flushes)
        except (DvmError, IndexError):
            return None
        return self._shown(found, None)

    def _lowered(self, lowering: Lowering, call: Call, args: Any, options: Any, flushes: int) -> Any:
        """What a lowering makes of a call; `flushes` is how many there had been before its tensors were looked up."""
        found = self._recorded(lowering, call, args, options)
        record = self.record
        if record.flushes != flushes:  # on the way, which forgot what this operation reads
            for one in call.tensors:
                record.node_of(one)
        return found

    def _recorded(self, lowering: Lowering, call: Call, args: Any, options: Any) -> Any:
        """The same, as it was for others like them where there have been such: nodes, or what is deferred."""
        record = self.record
        template = call.find()
        if template is not None:
            results = template.record(record, call.nodes)
            return results[0] if template.is_single else tuple(results)
        first, flushes = len(record.nodes), record.flushes
        operands = iter(call.nodes)
        given = [_with_nodes(value, operands) for value in args]
        named = {name: _with_nodes(value, operands) for name, value in options.items()}
        tracing = RECORDERS.tracing
        tracing.append(record)
        try:
            found = lowering(*given, **named)
        finally:
            tracing.pop()
        if type(found) is not tuple:
            if record.flushes == flushes:
                call.learn(record.nodes[first:], (found,), is_single=True)
            return _node_in(found)
        if record.flushes == flushes:
            call.learn(record.nodes[first:], found, is_single=False)
        return tuple([_node_in(one) for one in found])

    def _shown(self, result: Node | Deferred, strides: tuple[int, ...] | None) -> torch.Tensor:
        """The tensor for a result, laid out as PyTorch does it."""
        shape, dtype = result.shape, result.dtype
        if strides is None:
            strides = usual_strides(shape)
        found = empty_tensor(shape, strides, dtype)
        later = result if isinstance(result, Node) else self.record.later(result)
        self.record.show(found, (0, shape, strides, TO_TORCH[dtype]), later)
        return found

    def _written(self, func: Any, args: Any, options: Any, target: torch.Tensor, node: Node) -> torch.Tensor:
        """The target of an operation in place, which it wrote."""
        record = self.record
        if node.shape == tuple(target.shape) and torch.can_cast(TO_TORCH[node.dtype], target.dtype):
            if node.dtype is not TO_DVM[target.dtype]:
                node = record.add("cast", (TO_DVM[target.dtype],), (node,), None)
            if record.write(target, node):
                return target
        return self._natively(func, args, options)

    def _view(self, func: Any, args: Any, options: Any) -> Any:
        """A view, which PyTorch makes; where the elements are still to come it is recorded as well."""
        found = func(*args, **options)
        base = args[0]
        if base.layout is not torch.strided:
            return found
        record = self.record
        content = record.contents.get(base.untyped_storage()._cdata)
        if content is None:
            return found
        node = content.node_at(_geometry(base))
        if node is None:
            return found
        simple = SIMPLE_VIEWS.get(func)
        if simple is not None:
            geometry = _geometry(found)
            if geometry != content.geometry and geometry not in content.nodes:
                shape = tuple(geometry[1])
                primitive, attributes = simple(shape, args)
                view = record.append(primitive, attributes, (node,), shape, node.dtype, None)
                if view.record is node.record:
                    content.nodes[geometry] = view
            return found
        try:
            call = Call(LOWERINGS[func], args, options, record.node_of)
            if not call.is_readable:
                return found
            results = self._recorded(LOWERINGS[func], call, args, options)
        except (DvmError, IndexError) as reason:
            left_to_torch(func, reason)
            return found
        if node.record is record:
            pairs = zip(found, results, strict=True) if type(results) is tuple else ((found, results),)
            for tensor, result in pairs:
                content.nodes[_geometry(tensor)] = result
        return found

    def _natively(self, func: Any, args: Any, options: Any) -> Any:
        """Let PyTorch do it, after what it could see has been computed."""
        record = self.record
        if record.nodes and _touches(record, func._schema.is_mutable, (args, options)):
            record.flush()
        return func(*args, **options)


_WEIGHTS: dict[int, _Parameter] = {}
"""The arrays of parameters, by the identity of these."""


def _node_of_parameter(tensor: Parameter) -> Node:
    """The node of a parameter that has its elements."""
    weight = _WEIGHTS.get(id(tensor))
    if weight is None or not weight.is_of(tensor):
        weight = _WEIGHTS[id(tensor)] = _Parameter(_WEIGHTS, id(tensor), tensor)
    return weight.node


def _with_nodes(value: Any, nodes: Iterator[Node]) -> Any:
    """An argument with tensors of DVM in place of PyTorch's, whose nodes come in order."""
    kind = type(value)
    if kind in TENSORS:
        return _Pending(next(nodes))
    return [_with_nodes(one, nodes) for one in value] if kind is list else value


def _node_in(result: _Pending | Deferred | None) -> Node | Deferred | None:
    """The node of a result, unless it is put off, or none."""
    return result.node if isinstance(result, _Pending) else result


TO_DVM = {kind: dtype for dtype, kind in TO_TORCH.items() if dtype in ELEMENTS}


def _is_traced() -> bool:
    """Whether PyTorch itself traces the operations (`make_fx`, AOT autograd, fake tensors), and has to see them as they are."""
    return any(torch._C._get_dispatch_mode(key) is not None for key in _TRACING_MODES)


_TRACING_MODES = (
    torch._C._TorchDispatchModeKey.PROXY,
    torch._C._TorchDispatchModeKey.FUNCTIONAL,
    torch._C._TorchDispatchModeKey.FAKE,
)


def _overlaps(tensor: torch.Tensor) -> bool:
    """Whether several elements may lie in one place."""
    return any(stride == 0 and size > 1 for size, stride in zip(tensor.shape, tensor.stride(), strict=True))


def _reads_in_part(target: torch.Tensor, tensors: list[torch.Tensor]) -> bool:
    """Whether an operand lies in the memory of the target in another way, which PyTorch may refuse."""
    storage = target.untyped_storage()._cdata
    return any(
        one is not target and one.untyped_storage()._cdata == storage and _geometry(one) != _geometry(target)
        for one in tensors
    )


def _touches(record: _Record, mutable: bool, values: Any) -> bool:
    """Whether any tensor in there is still to be computed, or, where it may be written, is yet to be read."""
    for value in values.values() if isinstance(values, dict) else values:
        if isinstance(value, torch.Tensor):
            if value.layout is not torch.strided or value.device.type != "cpu" or value.is_nested:
                return True
            storage = value.untyped_storage()._cdata
            if storage in record.contents or (mutable and storage in record.leaves):
                return True
        elif isinstance(value, list | tuple | dict) and _touches(record, mutable, value):
            return True
    return False


_READERS: set[Callable[..., Any]] = {
    torch.Tensor.numpy,
    torch.Tensor.tolist,
    torch.Tensor.data_ptr,
    torch.Tensor.untyped_storage,
    torch.Tensor.storage,
    torch.Tensor.__array__,
    torch.Tensor.__dlpack__,
    torch.Tensor.__reduce_ex__,
    torch.Tensor.__deepcopy__,
    torch.Tensor.share_memory_,
    torch.Tensor.__repr__,
    torch.Tensor.__format__,
    torch.Tensor.new_tensor,
    torch.Tensor.tensor_split,
    torch.tensor_split,
    torch.tensor,
    torch.as_tensor,
    torch.asarray,
    torch._C._to_dlpack,  # which `torch.utils.dlpack` has as `to_dlpack`
}
"""What reads memory without an operation that a dispatch mode sees."""


class _Functions(TorchFunctionMode):
    """Flushes before memory is read behind the dispatcher's back."""

    def __init__(self, record: _Record, dispatch: _Dispatch) -> None:
        super().__init__()
        self.record = record
        self.dispatch = dispatch

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        composite = COMPOSITES.get(func)
        if composite is not None:
            if nothing_else_looks():
                guard = torch._C._DisableTorchDispatch()
                try:
                    found = self.dispatch.whole(composite, args, kwargs or {})
                finally:
                    del guard
                if found is not None:
                    return found
        elif func in _READERS:
            self.record.flush()
        return func(*args, **kwargs) if kwargs else func(*args)


class lazy:  # noqa: N801 - used like a function
    """Run-time fusion in a block of code: `with dvm.torch.lazy(): y = model(x)`.

    Operations on tensors are recorded, and computed as fused kernels when a value is needed: by Python (`item`, `if`,
    printing, `numpy`), by an operation that DVM has not, or at the end of the block. Gradients work inside of the block. `launches`
    and `compiled` count, afterwards too, the launches of programs and those that had to be compiled. Not reentrant.
    """

    def __init__(self) -> None:
        self._record = _Record()
        self._dispatch = _Dispatch(self._record)
        self._functions = _Functions(self._record, self._dispatch)

    @property
    def launches(self) -> int:
        """Launches of programs so far."""
        return self._record.launches

    @property
    def compiled(self) -> int:
        """Programs compiled so far, because their structure had not been seen before."""
        return self._record.compiled

    def __enter__(self) -> lazy:
        self._functions.__enter__()
        self._dispatch.__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        self._dispatch.__exit__(*exception)
        self._functions.__exit__(*exception)
        self._record.flush()


for _code in (
    _Dispatch.__torch_dispatch__.__code__,
    _Functions.__torch_function__.__code__,
    lazy.__init__.__code__,
    lazy.__enter__.__code__,
    lazy.__exit__.__code__,
):
    # code that `torch.compile` has made may run in the block, or have one in it: Dynamo is to leave alone what records
    set_code_exec_strategy(_code, _FrameExecStrategy(_FrameAction.SKIP, _FrameAction.SKIP))
