"""What virtual instructions mean, on whole domains instead of tiles; shares no code with `vm`.

Floats are float64; a store to a 16-bit type rounds to it, as lowering relies on, one to f32 does not.

A tile is an array with one dim for each axis of the domain, of extent 1 along axes that it lacks. With `slots` an
instruction reads what its operands' slots hold, whatever was meant to be there, and a stream pass runs once for each
half of the reduction, so that a slot which does not survive that far shows.
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Operation, SSAValue

from dvm import reference
from dvm_dialects import dvm, visa, vk
from dvm_dialects.shapes import dims_of, element_of
from dvm_dialects.visa_types import AccessIndex, GlobalType
from vm.isa import ElementType, PassMode, ReduceKind

Array: TypeAlias = npt.NDArray[Any]
Symbols: TypeAlias = dict[str, int]

_COMBINE: dict[str, np.ufunc] = {"rsum": np.add, "rmax": np.maximum, "rmin": np.minimum, "rprod": np.multiply}


def evaluate(module: ModuleOp, arrays: Sequence[Array], symbols: Symbols, *, slots: bool) -> list[Array]:
    """The results of a function of visa kernels, stages and alternatives of them, reshapes and constants.

    Floats are in float64.
    """
    (function,) = (op for op in module.ops if isinstance(op, FuncOp))
    widened = [
        reference.widen(array, element_of(argument.type)) for argument, array in zip(function.args, arrays, strict=True)
    ]
    with np.errstate(all="ignore"):
        return _run_block(function.body.block, widened, symbols, slots)


def _run_block(block: Block, arguments: list[Array], symbols: Symbols, slots: bool) -> list[Array]:
    values: dict[SSAValue, Array] = dict(zip(block.args, arguments, strict=True))
    for op in block.ops:
        operands = [values[operand] for operand in op.operands]
        if isinstance(op, ReturnOp | vk.YieldOp):
            return operands
        values.update(zip(op.results, _run(op, operands, symbols, slots), strict=True))
    raise AssertionError("a block ends in func.return or vk.yield")


def _run(op: Operation, operands: list[Array], symbols: Symbols, slots: bool) -> list[Array]:
    match op:
        case visa.KernelOp():
            return _Kernel(op, operands, symbols, slots).run()
        case vk.StageOp():
            return _run_block(op.body.block, operands, symbols, slots)
        case vk.SpeculateOp():
            return _run_block(op.alternatives[reference.alternative(op, symbols)].block, operands, symbols, slots)
        case dvm.ReshapeOp():
            return [operands[0].reshape([dim.evaluate(symbols) for dim in dims_of(op.result.type)])]
        case dvm.ConstantOp():
            element = element_of(op.result.type)
            stored = np.array(op.value.get_values()).reshape(op.value.get_shape())
            return [reference.widen(stored.astype(reference.DTYPES[element]), element)]
        case _:
            raise AssertionError(f"'{op.name}' between the kernels")


def _type(element: ElementType) -> np.dtype[Any]:
    """How a tile of the element type is held here."""
    return np.dtype(np.float64) if element.is_float else reference.DTYPES[element]


class _Kernel:
    """One kernel on whole tensors. `ranges` are the parts of the axes that the current pass works on."""

    def __init__(self, kernel: visa.KernelOp, inputs: list[Array], symbols: Symbols, slots: bool) -> None:
        self.kernel = kernel
        self.symbols = symbols
        self.slots = slots
        self.extents = [axis.dim.evaluate(symbols) for axis in kernel.domain]
        self.reduction = tuple(number for number, axis in enumerate(kernel.domain) if axis.is_reduction)
        self.ranges = [(0, extent) for extent in self.extents]
        self.outputs = [
            np.empty([dim.evaluate(symbols) for dim in dims_of(result.type)], _type(element_of(result.type)))
            for result in kernel.results
        ]
        self.tensors: dict[SSAValue, Array] = dict(zip(kernel.body.block.args, [*inputs, *self.outputs], strict=True))
        self.held: dict[SSAValue | int, Array] = {}
        """Tiles and scalars by value, or tiles by slot."""

    def run(self) -> list[Array]:
        passes: list[tuple[PassMode, list[Operation]]] = [(PassMode.ONCE, [])]
        for op in self.kernel.body.block.ops:
            if isinstance(op, visa.PassOp):
                passes.append((op.pass_mode, []))
            elif not isinstance(op, visa.EndOp):
                passes[-1][1].append(op)
        for mode, ops in passes:
            for ranges in self._parts() if mode is PassMode.STREAM else [[(0, extent) for extent in self.extents]]:
                self.ranges = ranges
                for op in ops:
                    self._step(op)
        return self.outputs

    def _parts(self) -> list[list[tuple[int, int]]]:
        """The ranges for each run of a stream pass."""
        whole = [(0, extent) for extent in self.extents]
        if not self.slots:
            return [whole]
        if not prod(self.extents[axis] for axis in self.reduction):
            return []
        for axis in self.reduction:
            if self.extents[axis] > 1:
                cuts = (0, self.extents[axis] // 2, self.extents[axis])
                return [[*whole[:axis], (cuts[i], cuts[i + 1]), *whole[axis + 1 :]] for i in range(2)]
        return [whole]

    def _key(self, value: SSAValue) -> SSAValue | int:
        slot = visa.slot_of(value) if self.slots else None
        return value if slot is None else slot

    def _step(self, op: Operation) -> None:
        if isinstance(op, visa.ScalarOp):
            constant = op.constant
            number = constant if isinstance(constant, float | int) else constant.evaluate(self.symbols)
            self.held[op.result] = np.full((1,) * len(self.extents), number, _type(op.type))
            return
        assert isinstance(op, visa.InstructionOp)
        operands = [self.tensors.get(value) for value in op.operands]
        tiles = [
            self.held[self._key(value)] if tensor is None else tensor
            for value, tensor in zip(op.operands, operands, strict=True)
        ]
        result = _MEANINGS[type(op)](self, op, *tiles)
        if op.results:
            self.held[self._key(op.results[0])] = result

    # --- access maps ---

    def line(self, axis: int) -> Array:
        """The indices of the current range of an axis, along that axis."""
        shape = [-1 if other == axis else 1 for other in range(len(self.extents))]
        return np.arange(*self.ranges[axis]).reshape(shape)

    def index(self, index: AccessIndex) -> Array:
        total = np.full((1,) * len(self.extents), index.offset.evaluate(self.symbols))
        for axis, coefficient in index.terms:
            total = total + coefficient.evaluate(self.symbols) * self.line(axis)
        return total

    def indices(self, type: GlobalType, shape: tuple[int, ...]) -> list[Array]:
        """The index into each dim; into a dim of extent 1 it is 0 whatever the map says."""
        return [
            self.index(index) if extent != 1 or type.is_guarded else np.zeros((1,) * len(self.extents), np.int64)
            for index, extent in zip(type.indices, shape, strict=True)
        ]

    def read(self, tensor: Array, indices: list[Array]) -> Array:
        for index, extent in zip(indices, tensor.shape, strict=True):
            assert not index.size or (index.min() >= 0 and index.max() < extent), "an index outside of the tensor"
        return tensor[tuple(indices)] if indices else tensor.reshape((1,) * len(self.extents))

    def full(self, tile: Array, axes: Sequence[int]) -> Array:
        """The tile repeated along axes that it lacks."""
        shape = list(tile.shape)
        for axis in axes:
            shape[axis] = self.ranges[axis][1] - self.ranges[axis][0]
        return np.broadcast_to(tile, shape)


def _global(value: SSAValue) -> GlobalType:
    assert isinstance(value.type, GlobalType)
    return value.type


def _load(state: _Kernel, op: visa.LoadOp, tensor: Array) -> Array:
    return state.read(tensor, state.indices(_global(op.source), tensor.shape))


def _load_guarded(state: _Kernel, op: visa.LoadGuardedOp, background: Array, tensor: Array) -> Array:
    indices = state.indices(_global(op.source), tensor.shape)
    inside = np.ones((1,) * len(state.extents), np.bool_)
    for index, extent in zip(indices, tensor.shape, strict=True):
        inside = inside & (index >= 0) & (index < extent)
    if not tensor.size:
        return background
    clipped = [np.clip(index, 0, extent - 1) for index, extent in zip(indices, tensor.shape, strict=True)]
    return np.where(inside, state.read(tensor, clipped), background)


def _gather(state: _Kernel, op: visa.GatherOp, tensor: Array, index: Array) -> Array:
    type = _global(op.source)
    indices = state.indices(type, tensor.shape)
    assert type.free_dim is not None
    indices[type.free_dim] = np.where(index < 0, index + tensor.shape[type.free_dim], index)
    return state.read(tensor, indices)


def _store(state: _Kernel, op: visa.StoreOp, tile: Array, target: Array) -> Array:
    indices = state.indices(_global(op.target), target.shape)
    if op.type.compute is not op.type:
        tile = reference.widen(tile.astype(reference.DTYPES[op.type]), op.type)
    if indices:
        target[tuple(indices)] = np.broadcast_to(tile, np.broadcast_shapes(*(index.shape for index in indices)))
    else:
        target[...] = tile.reshape(())
    return target


def _fill(state: _Kernel, op: visa.FillOp, source: Array) -> Array:
    return state.full(source, [axis.data for axis in op.axes])


def _iota(state: _Kernel, op: visa.IotaOp) -> Array:
    return state.line(op.axis.data).astype(_type(op.type))


def _unary(state: _Kernel, op: visa.UnaryOp, a: Array) -> Array:
    return a if op.opcode.mnemonic == "copy" else reference.UNARY[op.opcode.graph_name](a)


def _binary(state: _Kernel, op: visa.BinaryOp, a: Array, b: Array) -> Array:
    return reference.BINARY[op.opcode.graph_name](a, b)


def _select(state: _Kernel, op: visa.SelectOp, condition: Array, a: Array, b: Array) -> Array:
    return np.where(condition, a, b)


def _cast(state: _Kernel, op: visa.CastOp, a: Array) -> Array:
    target = element_of(op.to)
    return a != 0 if target is ElementType.I1 else reference.widen(a.astype(reference.DTYPES[target]), target)


def _reduce_init(state: _Kernel, op: visa.ReduceInitOp) -> Array:
    shape = [1 if axis in state.reduction else extent for axis, extent in enumerate(state.extents)]
    kind, dtype = ReduceKind(op.immediate), _type(op.type)
    least, most = (-np.inf, np.inf) if op.type.is_float else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    identity = {ReduceKind.SUM: 0, ReduceKind.PROD: 1, ReduceKind.MAX: least, ReduceKind.MIN: most}[kind]
    return np.full(shape, identity, dtype)


def _reduce(state: _Kernel, op: visa.ReduceOp, accumulator: Array, a: Array) -> Array:
    combine = _COMBINE[op.opcode.mnemonic]
    reduced = combine.reduce(state.full(a, state.reduction), axis=state.reduction, dtype=a.dtype, keepdims=True)
    return combine(accumulator, reduced)


def _sum_of_products(a: Array, b: Array, selected: Array | None = None) -> Array:
    products = a * b if selected is None else np.where(selected, a * b, np.zeros((), a.dtype))
    return np.sum(products, axis=-1, keepdims=True, dtype=a.dtype)


def _matmul(state: _Kernel, op: visa.MatmulOp, accumulator: Array, a: Array, b: Array) -> Array:
    depth = (len(state.extents) - 1,)
    return accumulator + _sum_of_products(state.full(a, depth), state.full(b, depth))


def _groups(ends: Array, indices: Array) -> Array:
    """The group of each index, one past the last where it is in none."""
    return np.searchsorted(ends, indices, side="right")


def _grouped(
    state: _Kernel, op: visa.GroupedMatmulOp, accumulator: Array, a: Array, weights: Array, ends: Array
) -> Array:
    if not len(ends):
        return accumulator
    group = _groups(ends, state.line(len(state.extents) - 3))
    type = _global(op.weights)
    indices = state.indices(type, weights.shape)
    assert type.free_dim is not None
    indices[type.free_dim] = np.minimum(group, len(ends) - 1)
    depth = (len(state.extents) - 1,)
    matrices = state.full(state.read(weights, indices), depth)
    product = _sum_of_products(state.full(a, depth), matrices)
    return np.where(group < len(ends), accumulator + product, accumulator)


def _grouped_k(state: _Kernel, op: visa.GroupedMatmulKOp, accumulator: Array, a: Array, b: Array, ends: Array) -> Array:
    rank = len(state.extents)
    selected = _groups(ends, state.line(rank - 1)) == state.line(rank - 4)
    return accumulator + _sum_of_products(state.full(a, (rank - 1,)), state.full(b, (rank - 1,)), selected)


_MEANINGS: dict[type[Operation], Callable[..., Array]] = {
    visa.LoadOp: _load,
    visa.LoadGuardedOp: _load_guarded,
    visa.GatherOp: _gather,
    visa.StoreOp: _store,
    visa.FillOp: _fill,
    visa.IotaOp: _iota,
    visa.UnaryOp: _unary,
    visa.BinaryOp: _binary,
    visa.SelectOp: _select,
    visa.CastOp: _cast,
    visa.ReduceInitOp: _reduce_init,
    visa.ReduceOp: _reduce,
    visa.MatmulOp: _matmul,
    visa.GroupedMatmulOp: _grouped,
    visa.GroupedMatmulKOp: _grouped_k,
}
