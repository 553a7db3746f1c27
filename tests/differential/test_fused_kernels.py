"""Kernels with several reductions, with work after them, and with work after products, in tiles of any size.

Hand-written graphs at the edges of what `dvm-fuse` merges, compared with the reference; `test_random_graphs.py` has
random ones.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pytest
from xdsl.dialects.builtin import FunctionType, ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Operation, Region, SSAValue

import dvm
from dvm import reference
from dvm_dialects import dvm as ops
from dvm_dialects.dims import parse_dim
from dvm_dialects.dvm_base import DvmOp
from dvm_dialects.shapes import dims_of, element_of, tensor_of
from vm.device import Device
from vm.isa import ElementType

DEVICES = (Device(unified_buffer_bytes=256), Device(unified_buffer_bytes=4096), Device())
"""A row takes several tiles, few, or a part of one."""

F16, F32 = ElementType.F16, ElementType.F32

Dims = Sequence[str | int]
Build = Callable[..., Operation | Sequence[Operation]]
"""Takes the arguments of a graph; gives its results, operations that reach back to the arguments."""


def module_of(build: Build, arguments: Sequence[Dims], element: ElementType) -> ModuleOp:
    """The graph that `build` makes of arguments of these dims."""
    block = Block()
    for position, dims in enumerate(arguments):
        block.insert_arg(tensor_of(element, tuple(parse_dim(str(dim)) for dim in dims)), position)
    built = build(*block.args)
    results = [built] if isinstance(built, Operation) else list(built)
    _add(block, results)
    values = [result.results[0] for result in results]
    block.add_op(ReturnOp(*values))
    types = [argument.type for argument in block.args], [value.type for value in values]
    return ModuleOp([FuncOp("main", FunctionType.from_lists(*types), Region(block))])


def _add(block: Block, results: Sequence[Operation]) -> None:
    """Add the operations that lead to the results, operands first."""
    for operation in results:
        if operation.parent is None:
            _add(block, [operand.owner for operand in operation.operands if isinstance(operand.owner, Operation)])
            block.add_op(operation)


def check(
    build: Build,
    arguments: Sequence[Dims],
    *sizes: dict[str, int],
    kernels: int,
    element: ElementType = F32,
) -> None:
    """Compile a graph, compare its results for each binding of symbols, and count its kernels."""
    module = module_of(build, arguments, element)
    function = next(iter(module.ops))
    assert isinstance(function, FuncOp)
    elements = [element_of(type) for type in function.function_type.outputs]
    programs = [dvm.compile(module, device=device) for device in DEVICES]
    assert programs[0].stats["kernels"] == kernels
    for symbols in sizes or ({},):
        numbers = np.random.default_rng(7)
        shapes = [tuple(parse_dim(str(dim)).evaluate(symbols) for dim in dims) for dims in arguments]
        arrays = [numbers.standard_normal(shape).astype(reference.DTYPES[element]) for shape in shapes]
        expected = reference.evaluate(module, arrays)
        for program in programs:
            results = program(*arrays)
            results = results if isinstance(results, tuple) else (results,)
            for result, wanted, kind in zip(results, expected, elements, strict=True):
                comparison = reference.compare(result, wanted, kind)
                assert comparison, f"{symbols}: {comparison}"


# --- how graphs are spelled here ---

add, sub, mul, div = (partial(ops.BinaryOp, kind) for kind in ("Add", "Sub", "Mul", "Div"))
exp, log, sqrt, tanh, rsqrt = (partial(ops.UnaryOp, kind) for kind in ("Exp", "Log", "Sqrt", "Tanh", "Rsqrt"))


def kept(kind: str, value: SSAValue | Operation, axes: Sequence[int]) -> DvmOp:
    return ops.ReduceOp(kind, SSAValue.get(value), axes, True)


def dropped(kind: str, value: SSAValue | Operation, axes: Sequence[int]) -> DvmOp:
    return ops.ReduceOp(kind, SSAValue.get(value), axes, False)


def softmax(x: SSAValue, axis: int) -> DvmOp:
    weights = exp(sub(x, kept("Max", x, [axis])))
    return div(weights, kept("Sum", weights, [axis]))


def norm(x: SSAValue | Operation, axes: Sequence[int]) -> DvmOp:
    centred = sub(x, kept("Mean", x, axes))
    spread = kept("Mean", mul(centred, centred), axes)
    return mul(centred, rsqrt(ops.BinaryScalarOp("Add", spread.result, 1e-5)))


def turned(value: SSAValue | Operation, *order: int) -> DvmOp:
    return ops.TransposeOp(value, order)


SIZES = ({"s0": 3, "s1": 5}, {"s0": 1, "s1": 1}, {"s0": 1, "s1": 67}, {"s0": 70, "s1": 3}, {"s0": 0, "s1": 4})
CUBES = (
    {"s0": 2, "s1": 3, "s2": 5},
    {"s0": 1, "s1": 1, "s2": 1},
    {"s0": 5, "s1": 1, "s2": 40},
    {"s0": 3, "s1": 33, "s2": 2},
)
CUBE = ("s0", "s1", "s2")


# --- reductions into consumers ---


@pytest.mark.parametrize("element", [F32, F16])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_softmax(axis: int, element: ElementType) -> None:
    check(lambda x: softmax(x, axis), [CUBE], *CUBES, kernels=1, element=element)


def test_softmax_of_no_rows() -> None:
    check(lambda x: softmax(x, 1), [("s0", "s1")], *SIZES, kernels=1)


def test_log_softmax() -> None:
    def build(x: SSAValue) -> DvmOp:
        centred = sub(x, kept("Max", x, [1]))
        return sub(centred, log(kept("Sum", exp(centred), [1])))

    check(build, [("s0", "s1")], *SIZES, kernels=1)


def test_the_composite_operations() -> None:
    check(lambda x: ops.SoftmaxOp(x, 0), [CUBE], *CUBES, kernels=1)
    check(ops.LayerNormOp, [CUBE, ["s2"], ["s2"]], *CUBES, kernels=1)
    check(lambda x, g: ops.RmsNormOp(x, g, axis=1), [CUBE, ["s1", "s2"]], *CUBES, kernels=1)
    check(lambda x, g: ops.RmsNormOp(x, g, axis=0), [CUBE, CUBE], *CUBES, kernels=1)


@pytest.mark.parametrize("axes", [(2,), (1, 2), (0, 1, 2), (0,), (0, 2), (1,)], ids=str)
@pytest.mark.parametrize("element", [F32, F16])
def test_norm_over_any_axes(axes: tuple[int, ...], element: ElementType) -> None:
    check(lambda x: norm(x, axes), [CUBE], *CUBES, kernels=1, element=element)


def test_three_reductions_in_turn() -> None:
    check(lambda x: norm(softmax(x, 1), [1]), [("s0", "s1")], *SIZES[:4], kernels=1)


def test_square_symbolic_dims() -> None:
    sizes = ({"s0": 1}, {"s0": 5}, {"s0": 70})
    for axis in (0, 1):
        check(lambda x, axis=axis: softmax(x, axis), [("s0", "s0")], *sizes, kernels=1)
    check(lambda x: norm(x, [1]), [("s0", "s0", "s0")], {"s0": 1}, {"s0": 9}, kernels=1)


@pytest.mark.parametrize("dims", [(8, 1), (1, 8), (1, 1), (1, "s0", 1)], ids=str)
def test_dims_of_1(dims: Dims) -> None:
    for axis in range(len(dims)):
        check(lambda x, axis=axis: softmax(x, axis), [dims], {"s0": 1}, {"s0": 9}, kernels=1)


def test_leading_dims_without_keepdims() -> None:
    def build(x: SSAValue) -> DvmOp:
        return div(x, dropped("Sum", exp(x), [0]))

    check(build, [CUBE], *CUBES, kernels=1)
    check(lambda x: sub(x, dropped("Mean", x, [0, 1])), [CUBE], *CUBES, kernels=1)
    check(lambda x: sub(x, dropped("Max", x, [0, 1, 2])), [CUBE], *CUBES, kernels=1)


def test_a_value_of_lower_rank_over_other_axes_stays_apart() -> None:
    """The sums of the rows, spread along the rows: over a square that fits, but not under the same axes."""
    sizes = ({"s0": 1}, {"s0": 5}, {"s0": 40})
    check(lambda x: div(x, dropped("Sum", exp(x), [1])), [("s0", "s0")], *sizes, kernels=2)
    check(lambda x: sub(x, dropped("Mean", x, [1])), [("s0", "s0", "s0")], {"s0": 4}, {"s0": 9}, kernels=2)


def test_work_on_what_is_left() -> None:
    check(lambda x: tanh(dropped("Mean", x, [1])), [("s0", "s1")], *SIZES[:4], kernels=1)
    check(lambda x, y: add(sqrt(exp(dropped("Max", x, [1]))), y), [CUBE, ("s0", "s2")], *CUBES, kernels=1)


def test_values_beside_what_is_left() -> None:
    """They follow the axes that are left, not the last ones."""
    check(lambda x, b: add(dropped("Sum", x, [2]), exp(b)), [CUBE, ["s1"]], *CUBES, kernels=1)
    check(lambda x, b: add(dropped("Sum", x, [1]), exp(b)), [("s0", "s1"), ["s0"]], *SIZES[:4], kernels=1)
    check(lambda x, b: add(kept("Sum", x, [1]), exp(b)), [("s0", "s1"), ("s0", 1)], *SIZES[:4], kernels=1)


def test_values_beside_what_is_left_are_stored_as_they_are() -> None:
    def build(x: SSAValue, b: SSAValue) -> list[DvmOp]:
        side = exp(b)
        return [side, add(dropped("Sum", x, [2]), side)]

    check(build, [CUBE, ("s0", "s1")], *CUBES, kernels=1)
    check(build, [("s0",) * 3, ("s0",) * 2], {"s0": 4}, {"s0": 11}, kernels=1)


def test_outputs_of_every_stage() -> None:
    def build(x: SSAValue) -> list[DvmOp]:
        scaled = tanh(x)
        most = kept("Max", scaled, [1])
        weights = exp(sub(scaled, most))
        total = dropped("Sum", weights, [1])
        return [scaled, most, weights, total, div(weights, kept("Sum", weights, [1])), log(total)]

    check(build, [("s0", "s1")], *SIZES[:4], kernels=1)


def test_an_iota_and_a_row_beside_reductions() -> None:
    def build(x: SSAValue, row: SSAValue, column: SSAValue) -> DvmOp:
        places = ops.IotaOp(1, dims_of(x.type), F32)
        biased = add(add(mul(x, exp(row)), places), tanh(column))
        return div(sub(biased, kept("Min", biased, [1])), kept("Max", biased, [1]))

    check(build, [("s0", "s1"), ["s1"], ("s0", 1)], *SIZES[:4], kernels=1)


def test_different_dims_stay_apart() -> None:
    check(lambda x: softmax(softmax(x, 0).results[0], 1), [("s0", "s1")], *SIZES[:4], kernels=2)


# --- transpositions and slices ---


def test_transposition_before_a_reduction() -> None:
    check(lambda x: softmax(turned(exp(x), 1, 0).result, 1), [("s0", "s1")], *SIZES[:4], kernels=2)
    check(lambda x: softmax(turned(x, 1, 0).result, 1), [("s0", "s1")], *SIZES[:4], kernels=1)
    check(lambda x: norm(turned(x, 2, 0, 1), [2]), [CUBE], *CUBES, kernels=1)


def test_a_value_and_its_transposition() -> None:
    def build(x: SSAValue) -> list[DvmOp]:
        whole = exp(x)
        other = turned(whole, 1, 0)
        return [dropped("Sum", sub(whole, other), [1]), other]

    check(build, [("s0", "s0")], {"s0": 1}, {"s0": 5}, {"s0": 40}, kernels=1)


def test_a_transposed_reduction_over_a_square() -> None:
    """Its result exists under the axes that are left only; merged with a transposition it could not be lowered."""
    sizes = ({"s0": 1}, {"s0": 5}, {"s0": 40})
    check(lambda x: turned(softmax(x, 1), 1, 0), [("s0", "s0")], *sizes, kernels=2)
    check(lambda x: turned(exp(dropped("Sum", x, [2])), 1, 0), [("s0", "s0", 4)], *sizes, kernels=2)
    check(lambda x: add(norm(x, [0]), turned(exp(norm(x, [0])), 1, 0)), [("s0", "s0")], *sizes, kernels=2)


def test_a_slice_of_a_slice_in_a_reduction() -> None:
    def build(x: SSAValue) -> DvmOp:
        inner = ops.SliceOp(x, [1, 2], [6, 9], [2, 3])
        return softmax(ops.SliceOp(inner.result, [2, 0], [3, 4], [1, 2]).result, 1)

    check(build, [(20, 40)], kernels=1)


def test_a_shared_column_is_sliced_and_broadcast() -> None:
    def build(x: SSAValue) -> DvmOp:
        scaled = exp(x)
        return add(scaled, ops.SliceOp(scaled.result, [0, 3], ["s0", 1]))

    check(build, [("s0", 5)], {"s0": 1}, {"s0": 7}, kernels=1)


def test_a_slice_that_may_turn_out_to_be_stretched() -> None:
    """Where s1 is 1, the one element that is sliced is not the first."""

    def build(x: SSAValue, y: SSAValue, z: SSAValue) -> DvmOp:
        return add(add(ops.SliceOp(x, [1], ["s1"], [2]), y), z)

    check(build, [["s0"], ["s1"], [11]], {"s0": 2, "s1": 1}, {"s0": 22, "s1": 11}, kernels=2)


def test_a_sliced_iota() -> None:
    def build(x: SSAValue) -> DvmOp:
        places = ops.IotaOp(0, ["s0"], F32)
        return add(add(x, places), ops.SliceOp(places.result, [0], ["s0"], [2]))

    check(build, [["s0"]], {"s0": 0}, {"s0": 1}, kernels=1)
    check(lambda x: add(x, ops.SliceOp(ops.IotaOp(0, [4], F32).result, [2], [1])), [[4]], kernels=1)


def test_a_size_needs_no_kernel_of_its_own() -> None:
    def rows_below(x: SSAValue) -> DvmOp:
        """The rows of x that are among the last three, the others 0."""
        rows = ops.IotaOp(0, ["s0", 1], ElementType.I64)
        below = ops.BinaryOp("Less", rows, ops.SizeOp("s0 - 3"))
        return ops.SelectOp(below, ops.BroadcastScalarOp(0.0, [], F32), x)

    check(rows_below, [["s0", "s1"]], {"s0": 1, "s1": 4}, {"s0": 3, "s1": 1}, {"s0": 17, "s1": 5}, kernels=1)
    check(lambda x: add(x, ops.CastOp(ops.SizeOp("s0*s0 - 2"), F32)), [["s0", 3]], {"s0": 0}, {"s0": 7}, kernels=1)


# --- reshapes ---


def shaped(value: SSAValue | Operation, *dims: str | int) -> DvmOp:
    return ops.ReshapeOp(value, dims)


HEADS = ({"s0": 3}, {"s0": 1}, {"s0": 0}, {"s0": 50})


@pytest.mark.parametrize("element", [F32, F16])
def test_work_on_both_sides_of_a_reshape(element: ElementType) -> None:
    def split(x: SSAValue, b: SSAValue, c: SSAValue) -> DvmOp:
        return exp(shaped(mul(add(x, b), c), "s0", 4, 6))

    def merge(x: SSAValue, b: SSAValue, c: SSAValue) -> DvmOp:
        return exp(shaped(mul(add(shaped(x, "s0", 4, 6), shaped(b, 4, 6)), shaped(c, "s0", 1, 1)), "s0", 24))

    for build in (split, merge):
        check(build, [("s0", 24), [24], ("s0", 1)], *HEADS, kernels=1, element=element)


def test_neither_shape_is_a_split_of_the_other() -> None:
    check(lambda x: exp(shaped(tanh(x), 6, "s0", 4)), [("s0", 4, 6)], *HEADS, kernels=1)


def test_a_reshape_after_a_product() -> None:
    def build(x: SSAValue, w: SSAValue, b: SSAValue) -> DvmOp:
        heads = tanh(shaped(ops.MatmulOp(x, w, b), "s0", 4, 6))
        return ops.MatmulOp(heads, heads, trans_b=True)

    check(build, [("s0", 5), (5, 24), [24]], *HEADS, kernels=2)


@pytest.mark.parametrize("element", [F32, F16])
def test_work_that_shares_an_input(element: ElementType) -> None:
    """Statistics of rows, of columns, and plain work: one kernel for each way to go over the input.

    Squares of 16-bit floats are rounded and stored, and the sum of theirs over columns reads those.
    """

    def build(x: SSAValue) -> Sequence[Operation]:
        squares = mul(x, x)
        rows = dropped("Sum", x, [1]), kept("Sum", squares, [1]), dropped("Max", x, [1])
        columns = dropped("Min", x, [0]), dropped("Sum", mul(x, x), [0])
        return *rows, *columns, exp(x), tanh(x)

    check(build, [("s0", 24)], {"s0": 3}, {"s0": 1}, {"s0": 50}, kernels=3 + (element is F16), element=element)


def test_dims_of_1_that_a_reshape_puts_back() -> None:
    """Batch normalisation: what is left of a reduction is spread over the domain again, under the axes it has."""

    def build(x: SSAValue, gamma: SSAValue) -> Sequence[Operation]:
        mean = dropped("Mean", x, [0, 2])
        centred = sub(x, shaped(mean, 1, 4, 1))
        variance = dropped("Mean", mul(centred, centred), [0, 2])
        scale = mul(rsqrt(variance), gamma)
        return mul(centred, shaped(scale, 1, 4, 1)), mean, add(variance, gamma)

    check(build, [("s0", 4, 6), [4]], *HEADS, kernels=1)
    check(build, [("s0", 4, "s1"), [4]], {"s0": 3, "s1": 5}, {"s0": 1, "s1": 1}, {"s0": 50, "s1": 9}, kernels=1)


def test_dims_of_1_in_other_places() -> None:
    """What is left would follow another axis of the square, or is spread over another domain."""
    check(lambda x: add(x, shaped(dropped("Sum", x, [0]), 4, 1)), [(4, 4)], kernels=2)
    check(lambda x: exp(shaped(dropped("Sum", x, [1]), 1, "s0", 1)), [("s0", 6)], *HEADS, kernels=2)
    check(lambda x, y: add(y, shaped(exp(x), "s0", 1)), [["s0"], ("s0", 6)], *HEADS, kernels=1)
    check(lambda x: shaped(exp(dropped("Max", x, [1])), 1, "s0"), [("s0", 6)], *HEADS[:2], kernels=2)


@pytest.mark.parametrize("element", [F32, F16])
@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)], ids=str)
def test_transposed_factors(order: tuple[int, ...], element: ElementType) -> None:
    """Read as they lie, but where the contiguous dim would be the batch."""
    dims: list[str | int] = ["s0", 4, 6]
    back = [dims[order.index(dim)] for dim in range(3)]

    def build(x: SSAValue, y: SSAValue) -> DvmOp:
        return ops.MatmulOp(ops.TransposeOp(x, order), y, trans_b=True)

    strided = order[0] == 2
    check(build, [back, ["s0", 3, 6]], *HEADS, kernels=1 + strided, element=element)

    def other(x: SSAValue, y: SSAValue) -> DvmOp:
        return ops.MatmulOp(y, ops.TransposeOp(x, order), trans_b=True)

    check(other, [back, ["s0", 3, 6]], *HEADS, kernels=1 + strided, element=element)


@pytest.mark.parametrize("element", [F32, F16])
@pytest.mark.parametrize("order", [(0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)], ids=str)
def test_products_stored_transposed(order: tuple[int, ...], element: ElementType) -> None:
    def build(x: SSAValue, y: SSAValue) -> Sequence[DvmOp]:
        product = ops.MatmulOp(x, y)
        return ops.TransposeOp(product, order), ops.TransposeOp(tanh(ops.MatmulOp(x, y)), order)

    check(build, [("s0", 4, 6), (6, 5)], *HEADS, kernels=1, element=element)


def test_a_product_of_a_square_stored_transposed() -> None:
    """Both ways side by side, and work on what is transposed, which is apart."""

    def build(x: SSAValue) -> Sequence[Operation]:
        product = ops.MatmulOp(x, ops.TransposeOp(x, (1, 0)))
        turned = ops.TransposeOp(ops.MatmulOp(x, x), (1, 0))
        return product, turned, exp(turned)

    check(build, [(4, 4)], kernels=2)
    check(build, [("s0", "s0")], *HEADS, kernels=2)


@pytest.mark.parametrize(("rows", "width"), [(2, 1), (1, 2), (1, 1), (3, 3), (3, 5)])
def test_transposed_work_beside_a_product(rows: int, width: int) -> None:
    """What meets the product transposed is stored as it meets it; what is transposed after it met the product, the other way."""

    def before(x: SSAValue, y: SSAValue, z: SSAValue) -> Sequence[Operation]:
        turned = ops.TransposeOp(z, (1, 0))
        return turned, add(ops.MatmulOp(x, y), turned)

    def after(x: SSAValue, y: SSAValue, z: SSAValue) -> Sequence[Operation]:
        work = exp(z)
        return ops.TransposeOp(work, (1, 0)), add(ops.MatmulOp(x, y), work)

    check(before, [(rows, 4), (4, width), (width, rows)], kernels=1)
    check(after, [(rows, 4), (4, width), (rows, width)], kernels=1)


def test_reshapes_around_reductions() -> None:
    check(lambda x: softmax(shaped(exp(x), "s0", 4, 6).result, 2), [("s0", 24)], *HEADS[:2], kernels=1)
    check(lambda x: exp(shaped(sqrt(exp(dropped("Max", x, [2]))), "6*s0")), [("s0", 6, 4)], *HEADS, kernels=2)
    check(lambda x: dropped("Sum", exp(shaped(tanh(x), "s0", 24)), [1]), [("s0", 4, 6)], *HEADS, kernels=1)


def test_work_that_is_read_in_several_shapes() -> None:
    def build(x: SSAValue, y: SSAValue) -> list[Operation]:
        whole = exp(x)
        heads = tanh(shaped(whole, "s0", 4, 6))
        back = add(shaped(heads, "s0", 24), whole)
        return [ops.MatmulOp(heads, y), ops.MatmulOp(shaped(back, "4*s0", 6), y)]

    check(build, [("s0", 24), (6, 5)], *HEADS, kernels=3)


# --- values that several kernels compute ---


def test_a_cheap_value_of_several_kernels() -> None:
    def build(x: SSAValue, b: SSAValue) -> list[Operation]:
        shared = sub(mul(x, b), x)
        other = dropped("Max", shared, [0])
        return [dropped("Sum", exp(shared), [1]), other, softmax(add(shared, other).results[0], 0)]

    for element in (F32, F16):
        check(build, [("s0", "s1"), ["s1"]], *SIZES[:4], kernels=2, element=element)


def test_a_rounded_value_of_several_kernels() -> None:
    """What is left of one row is nothing, unless the greatest was rounded and the row was not."""

    def build(x: SSAValue) -> list[Operation]:
        square = mul(x, x)
        centred = sub(square, kept("Max", square, [0]))
        return [add(centred, centred), sub(centred, kept("Max", centred, [1]))]

    check(build, [("s0", "s1")], *SIZES[:4], kernels=2, element=F16)


def test_a_cheap_value_of_a_kernel_that_computes_another() -> None:
    def build(b: SSAValue, x: SSAValue, y: SSAValue) -> list[Operation]:
        small = sub(b, b)
        large = add(small, x)
        return [dropped("Sum", large, [0]), dropped("Max", large, [1]), mul(small, y)]

    check(build, [["s1"], ("s0", "s1"), (3, "s1")], *SIZES[:4], kernels=3)


# --- concat and pad ---


def test_work_on_what_is_laid_together() -> None:
    def build(x: SSAValue, y: SSAValue, z: SSAValue) -> list[Operation]:
        together = ops.ConcatOp([x, y, x], 1)
        return [add(exp(together), z), together]

    sizes = ({"s0": 3, "s1": 2}, {"s0": 1, "s1": 1}, {"s0": 40, "s1": 0}, {"s0": 0, "s1": 5})
    for element in (F32, F16):
        check(build, [("s0", "s1"), ("s0", 4), ("s0", 1)], *sizes, kernels=1, element=element)


@pytest.mark.parametrize("axis", [0, 1])
def test_reductions_of_what_is_laid_together(axis: int) -> None:
    """In the resident form both reductions read one tile, but two of them with different parts."""

    def build(x: SSAValue, y: SSAValue) -> DvmOp:
        return add(softmax(ops.ConcatOp([x, y], 1).result, axis), ops.ConcatOp([y, x], 1))

    check(build, [("s0", "s1"), ("s0", "s1")], {"s0": 3, "s1": 5}, {"s0": 70, "s1": 3}, {"s0": 1, "s1": 67}, kernels=1)
    check(lambda x: norm(ops.PadOp(x, [1, 0], [0, 2], 1.5), [axis]), [("s0", "s1")], *SIZES[:4], kernels=1)


def test_what_is_laid_together_beside_what_is_left() -> None:
    def build(x: SSAValue, y: SSAValue) -> DvmOp:
        return add(kept("Sum", x, [1]), ops.ConcatOp([y, y], 0))

    check(build, [("2*s0", "s0"), ("s0", 1)], {"s0": 1}, {"s0": 9}, kernels=1)


def test_what_is_laid_together_is_stretched() -> None:
    def build(x: SSAValue, z: SSAValue) -> DvmOp:
        return add(exp(ops.ConcatOp([x, x], 1)), z)

    check(build, [(1, 4), ("s0", "s1", 8)], *SIZES, kernels=1)


def doubled(x: SSAValue) -> DvmOp:
    return ops.ConcatOp([x, x], 1)


def padded(x: SSAValue) -> DvmOp:
    return ops.PadOp(x, [0, 1], [0, 2], 1.5)


def in_steps(value: SSAValue | Operation, *steps: int) -> DvmOp:
    """All of a value whose dims are 0 or 1 where the steps are not 1."""
    value = SSAValue.get(value)
    return ops.SliceOp(value, [0, 0], dims_of(value.type), steps)


@pytest.mark.parametrize("lay", [doubled, padded])
@pytest.mark.parametrize("rows", [0, 1, "s0"])
def test_what_is_laid_together_is_sliced_in_steps(rows: str | int, lay: Callable[[SSAValue], DvmOp]) -> None:
    """A slice of the shape of what it slices, which each pattern would merge with it."""

    def elementwise(x: SSAValue, y: SSAValue) -> list[DvmOp]:
        together = lay(x)
        return [add(together, y), exp(in_steps(together, 2, 1)), tanh(in_steps(tanh(together), 3, 1))]

    def reduced(x: SSAValue, y: SSAValue) -> list[DvmOp]:
        together = lay(x)
        return [add(together, y), kept("Sum", in_steps(together, 2, 1), [1])]

    def after_reduction(x: SSAValue, y: SSAValue) -> DvmOp:
        whole = softmax(exp(lay(x)).results[0], 1)
        return add(in_steps(whole, 2, 1), y)

    def stretched(x: SSAValue, y: SSAValue) -> DvmOp:
        return add(in_steps(exp(lay(x)), 2, 1), ops.BroadcastOp(y, (4, *dims_of(y.type)[-2:])))

    for build in (elementwise, reduced, after_reduction, stretched):
        check(build, [(rows, 3), (rows, 6)], {"s0": 0}, {"s0": 1}, kernels=2)


def test_a_slice_beside_what_is_laid_together() -> None:
    def build(x: SSAValue, y: SSAValue) -> DvmOp:
        return add(exp(doubled(x)), ops.SliceOp(y, [0, 2], ["s0", 8], [1, 1]))

    sizes = ({"s0": 0}, {"s0": 1}, {"s0": 40})
    check(build, [("s0", 4), ("s0", 10)], *sizes, kernels=1)
    check(build, [(1, 4), ("s0", 10)], *sizes, kernels=1)


@pytest.mark.parametrize("device", DEVICES)
def test_a_row_that_is_laid_together_and_sliced_in_steps(device: Device) -> None:
    """Against NumPy itself, as what the reference and the fuser share would not show."""

    def build(x: SSAValue, y: SSAValue) -> list[DvmOp]:
        together = padded(x)
        return [
            add(together, y),
            kept("Max", exp(in_steps(together, 2, 1)), [1]),
            turned(in_steps(together, 5, 1), 1, 0),
        ]

    x, y = np.linspace(-1, 1, 97, dtype=np.float32)[None], np.arange(100, dtype=np.float32)[None]
    program = dvm.compile(module_of(build, [(1, 97), (1, 100)], F32), device=device)
    whole, most, column = program(x, y)
    together = np.pad(x, ((0, 0), (1, 2)), constant_values=1.5)
    np.testing.assert_array_equal(whole, together + y)
    np.testing.assert_allclose(most, np.exp(together).max(axis=1, keepdims=True), rtol=1e-6)
    np.testing.assert_array_equal(column, together[::5].T)


def test_what_is_laid_together_is_added_to_a_product() -> None:
    def build(x: SSAValue, w: SSAValue, r: SSAValue) -> DvmOp:
        return add(ops.MatmulOp(x, w), tanh(ops.ConcatOp([r, r], 1)))

    check(build, [("s0", "s1"), ("s1", 8), ("s0", 4)], *SIZES[:4], kernels=1)


def test_computed_parts_are_kernels_of_their_own() -> None:
    def build(x: SSAValue, y: SSAValue) -> DvmOp:
        part = exp(x)
        return add(ops.ConcatOp([part, y], 0), part)

    check(build, [(1, "s1"), ("s0", "s1")], *SIZES, kernels=2)
    check(lambda x: tanh(ops.ConcatOp([x, kept("Sum", x, [1]).result], 1)), [("s0", "s1")], *SIZES[:4], kernels=2)


# --- work after products ---


@pytest.mark.parametrize("element", [F32, F16])
def test_epilogue(element: ElementType) -> None:
    def build(x: SSAValue, w: SSAValue, b: SSAValue, r: SSAValue) -> DvmOp:
        return add(tanh(ops.MatmulOp(x, w, b)), r)

    arguments: list[Dims] = [("s0", "s1"), ("s1", 7), [7], ("s0", 7)]
    check(build, arguments, *SIZES[:4], {"s0": 3, "s1": 0}, kernels=1, element=element)


@pytest.mark.parametrize("residual", [("s0", 1), (7,), (1, 7), (1, 1), (1,)], ids=str)
def test_broadcast_residuals(residual: Dims) -> None:
    def build(x: SSAValue, w: SSAValue, r: SSAValue) -> DvmOp:
        return mul(exp(r), add(tanh(ops.MatmulOp(x, w)), r))

    check(build, [("s0", "s1"), ("s1", 7), residual], *SIZES[:4], kernels=1)


def test_a_residual_that_stretches_the_product_stays_apart() -> None:
    arguments: list[Dims] = [("s0", 4), (4, 7), (3, "s0", 7)]
    check(lambda x, w, r: add(ops.MatmulOp(x, w), r), arguments, {"s0": 1}, {"s0": 9}, kernels=2)


def test_products_of_batches() -> None:
    def build(x: SSAValue, w: SSAValue, r: SSAValue) -> list[DvmOp]:
        total = ops.MatmulOp(x, w)
        return [total, add(exp(ops.BinaryScalarOp("Mul", total.result, 0.125)), r)]

    sizes = ({"s0": 2, "s1": 3}, {"s0": 1, "s1": 1}, {"s0": 3, "s1": 20})
    check(build, [("s0", 2, "s1", 5), (2, 5, "s1"), ("s0", 1, 1, "s1")], *sizes, kernels=1)


def test_a_cast_after_a_product() -> None:
    check(lambda x, w: ops.CastOp(tanh(ops.MatmulOp(x, w)).result, F16), [("s0", 4), (4, "s1")], *SIZES, kernels=1)


def test_a_transposed_product() -> None:
    """It is stored so; the work on a product of a square is fused with its transposition first, and stays apart."""
    sizes = ({"s0": 1}, {"s0": 5}, {"s0": 20})
    check(lambda x: turned(exp(ops.MatmulOp(x, x)), 1, 0), [("s0", "s0")], *sizes, kernels=2)
    check(lambda x: turned(ops.MatmulOp(x, x), 1, 0), [("s0", "s0")], *sizes, kernels=1)


def test_a_product_used_by_another_is_stored() -> None:
    def build(x: SSAValue) -> DvmOp:
        first = ops.MatmulOp(x, x)
        return add(ops.MatmulOp(first.result, x), tanh(first))

    check(build, [("s0", "s0")], {"s0": 1}, {"s0": 5}, {"s0": 20}, kernels=2)


# --- products side by side ---


@pytest.mark.parametrize("element", [F32, F16, ElementType.BF16])
def test_products_side_by_side(element: ElementType) -> None:
    def build(x: SSAValue, q: SSAValue, k: SSAValue, v: SSAValue, b: SSAValue) -> list[Operation]:
        return [ops.MatmulOp(x, q, b), tanh(ops.MatmulOp(x, k)), ops.MatmulOp(x, v)]

    arguments: list[Dims] = [("s0", "s1"), ("s1", 7), ("s1", 7), ("s1", 7), [7]]
    check(build, arguments, *SIZES[:4], {"s0": 3, "s1": 0}, {"s0": 40, "s1": 90}, kernels=1, element=element)


@pytest.mark.parametrize("element", [F32, F16])
def test_a_gate_beside_what_it_gates(element: ElementType) -> None:
    def build(x: SSAValue, gate: SSAValue, up: SSAValue, r: SSAValue) -> list[Operation]:
        gated = ops.MatmulOp(x, gate)
        return [add(mul(tanh(gated), ops.MatmulOp(x, up)), r), gated]

    arguments: list[Dims] = [("s0", "s1"), ("s1", 7), ("s1", 7), ("s0", 1)]
    check(build, arguments, *SIZES[:4], {"s0": 40, "s1": 90}, kernels=1, element=element)


def test_products_of_batches_side_by_side() -> None:
    def build(x: SSAValue, w: SSAValue, v: SSAValue) -> list[Operation]:
        return [ops.MatmulOp(x, w), ops.MatmulOp(v, x, trans_a=True)]

    sizes = ({"s0": 2}, {"s0": 1}, {"s0": 17})
    check(build, [("s0", 5, 5), (5, 5), ("s0", 5, 5)], *sizes, kernels=1)
    check(build, [(3, "s0", "s0"), ("s0", "s0"), ("s0", "s0")], *sizes, kernels=1)


def test_a_transposed_product_is_not_read_side_by_side() -> None:
    def build(x: SSAValue, y: SSAValue) -> DvmOp:
        return add(ops.MatmulOp(x, y), turned(ops.MatmulOp(x, x), 1, 0))

    check(build, [("s0", "s0"), ("s0", "s0")], {"s0": 1}, {"s0": 5}, {"s0": 20}, kernels=2)


def test_what_a_reduction_leaves_is_not_turned_later_on() -> None:
    def build(x: SSAValue, y: SSAValue) -> DvmOp:
        largest = kept("Max", x, (1,)).results[0]
        turned = ops.ReshapeOp(ops.BinaryOp("Div", y, largest).result, (7,)).result
        return ops.BinaryOp("Add", x, turned)

    check(build, [(7, 7), (7, 1)], {}, kernels=2)


@pytest.mark.parametrize("axes", [(0, 1), (1, 0), (0,), (1,)])
@pytest.mark.parametrize("dims", [(6, 1), (1, 6), (1, 1), (6, 4)])
def test_what_has_the_shape_that_a_reduction_leaves_is_stored_too(dims: Dims, axes: tuple[int, ...]) -> None:
    left = tuple(1 if axis in axes else dim for axis, dim in enumerate(dims))

    def build(x: SSAValue, y: SSAValue) -> list[DvmOp]:
        found = tanh(y)
        return [found, ops.BinaryOp("GreaterEqual", kept("Sum", x, axes).results[0], found.results[0])]

    check(build, [dims, left], {}, kernels=1)


def test_what_is_taken_for_one_of_another_shape_is_stored() -> None:
    """The dims are 1, as bind finds, so that the same value is asked for along its axes, and along none."""

    def taken(value: SSAValue, rank: int) -> DvmOp:
        alone = ops.UnaryOp("Sin", ops.BroadcastOp(value, (1,) * rank).result)
        return ops.BinaryOp("Maximum", value, alone.result)

    sizes = {"s0": 1, "s1": 1}
    check(lambda x, w: taken(ops.MatmulOp(x, w).result, 3), [("s0", 1, 6), ("s1", 6, 1)], sizes, kernels=2)
    check(lambda x, y: taken(kept("Sum", add(x, y), [1]).results[0], 2), [("s0", 5), ("s1", 5)], sizes, kernels=2)


def test_attention() -> None:
    def build(q: SSAValue, k: SSAValue, v: SSAValue, mask: SSAValue) -> DvmOp:
        scores = ops.BinaryScalarOp("Mul", ops.MatmulOp(q, k, trans_b=True).result, 0.25)
        return ops.MatmulOp(softmax(add(scores, mask).results[0], 3).results[0], v)

    heads: Dims = ("s0", 2, "s1", 8)
    sizes = ({"s0": 1, "s1": 1}, {"s0": 2, "s1": 7}, {"s0": 1, "s1": 40})
    check(build, [heads, heads, heads, ("s1", "s1")], *sizes, kernels=2)
