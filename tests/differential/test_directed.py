"""Every operation on every element type, over shapes at the edges, at every level of the IR.

One graph holds all kinds of an operation for an element type; it is compiled once for each rank and run with several
sizes. Then what random graphs seldom meet: long rows, every subset of axes, special values, `out=`, scalars, threads.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from arrays import LAYOUTS, Array, Fill, Shape
from bounded import DTYPES
from graphs import ELEMENTS, FLOATS, INTEGERS, NUMBERS, Case, Input
from levels import DEVICES, check, compile_levels, device_on_all_cores
from operations import dense
from xdsl.dialects.builtin import FunctionType, ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Operation, Region, SSAValue

import dvm
from dvm_dialects import dvm as graph
from dvm_dialects.dims import Dim
from dvm_dialects.dvm_base import scalar_attr
from dvm_dialects.dvm_elementwise import BINARY_TYPES, UNARY_TYPES
from dvm_dialects.dvm_shaping import REDUCE_TYPES
from dvm_dialects.shapes import tensor_of
from vm.device import ENGINES
from vm.errors import DvmError, ShapeError
from vm.isa import ElementType
from vm.machine import Machine

Build = Callable[..., Iterable[Operation]]
"""Takes the arguments of a graph and gives its operations, in order; each is a result too."""

SHAPES: tuple[Shape, ...] = ((), (0,), (1,), (7,), (3, 0), (4, 3), (2, 1, 3), (3, 5, 2, 7), (1, 2, 1, 3, 1, 2))

NAMINGS = ("static", "named", "unnamed")
"""How the types of inputs say their dims."""


def name_of(value: Any) -> str:
    """What an element type or shape is called in the name of a test."""
    return value.text if isinstance(value, ElementType) else str(value)


def make(build: Build, inputs: Sequence[Input], naming: str = "static") -> Case:
    """A case of the operations that `build` makes of the inputs, whose dims are `NAMINGS`."""
    block = Block()
    for number, input in enumerate(inputs):
        # Symbols that begin so have no name in the type.
        prefix = "x" if naming == "named" else "__"
        dims = tuple(
            Dim.constant(size) if naming == "static" else Dim.symbol(f"{prefix}{number}_{axis}")
            for axis, size in enumerate(input.shape)
        )
        block.insert_arg(tensor_of(input.element, dims), number)
    results = list(build(*block.args))
    for op in results:
        if op.parent is None:
            block.add_op(op)
    values = [op.results[0] for op in results]
    block.add_op(ReturnOp(*values))
    types = [argument.type for argument in block.args], [value.type for value in values]
    function = FuncOp("main", FunctionType.from_lists(*types), Region(block))
    numbers = np.random.default_rng(0)
    arrays = tuple(LAYOUTS[input.layout](input.fill.make(input.shape, numbers)) for input in inputs)
    return Case(ModuleOp([function]), tuple(inputs), arrays)


def an_input(element: ElementType, shape: Shape, kind: str = "", layout: str = "contiguous", **limits: int) -> Input:
    """An input of small numbers unless it says otherwise."""
    if not kind:
        kind = "truth" if element is ElementType.I1 else "quarters" if element.is_float else "range"
        limits = limits or {"low": -3, "high": 4}
    return Input(element, shape, Fill(kind, element, **limits), layout)


def check_all(build: Build, inputs: Sequence[Input], naming: str = "static") -> None:
    case = make(build, inputs, naming)
    check(case, compile_levels(case.module, verify=False))


# --- every operation, every element type ---


@pytest.mark.parametrize("element", ELEMENTS, ids=name_of)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
class TestElementwise:
    def test_unary(self, element: ElementType, shape: Shape) -> None:
        kinds = [kind for kind, types in UNARY_TYPES.items() if element in types]
        fills = ("quarters", "positive", "normal") if element.is_float else ("",)
        for fill in fills:
            check_all(lambda x: [graph.UnaryOp(kind, x) for kind in kinds], [an_input(element, shape, fill)])

    def test_binary(self, element: ElementType, shape: Shape) -> None:
        kinds = [kind for kind, types in BINARY_TYPES.items() if element in types]
        inputs = [an_input(element, shape), an_input(element, shape)]
        check_all(lambda x, y: [graph.BinaryOp(kind, x, y) for kind in kinds], inputs)

    def test_binary_where_dims_are_1_only_at_bind(self, element: ElementType, shape: Shape) -> None:
        kinds = [kind for kind, types in BINARY_TYPES.items() if element in types]

        def build(x: SSAValue, y: SSAValue) -> list[Operation]:
            return [graph.BinaryOp(kind, x, y) for kind in kinds]

        compiled = None
        for left, right in ((shape, shape), (shape, _ones(shape, 0)), (_ones(shape, 1), shape)):
            case = make(build, [an_input(element, left), an_input(element, right)], "named")
            compiled = check(case, compiled)

    def test_binary_of_another_rank(self, element: ElementType, shape: Shape) -> None:
        kinds = [kind for kind, types in BINARY_TYPES.items() if element in types]
        inputs = [an_input(element, shape), an_input(element, shape[len(shape) // 2 :])]
        check_all(lambda x, y: [graph.BinaryOp(kind, y, x) for kind in kinds], inputs)

    def test_binary_scalar(self, element: ElementType, shape: Shape) -> None:
        def build(x: SSAValue) -> list[Operation]:
            return [
                graph.BinaryScalarOp(kind, x, scalar, scalar_first=first)
                for kind, types in BINARY_TYPES.items()
                if element in types
                for scalar in ((True, False) if element is ElementType.I1 else (2, 3))
                for first in (False, True)
            ]

        check_all(build, [an_input(element, shape)])

    def test_select(self, element: ElementType, shape: Shape) -> None:
        def build(c: SSAValue, x: SSAValue, y: SSAValue, z: SSAValue) -> list[Operation]:
            return [graph.SelectOp(c, x, y), graph.SelectOp(c, z, y), graph.SelectOp(c, x, z)]

        inputs = [an_input(ElementType.I1, shape), *(an_input(element, shape) for _ in range(2)), an_input(element, ())]
        check_all(build, inputs)

    def test_cast(self, element: ElementType, shape: Shape) -> None:
        # Half of the fractions decide which way a cast to an integer rounds.
        check_all(lambda x: [graph.CastOp(x, target) for target in ELEMENTS], [an_input(element, shape)])

    def test_copy_load_store(self, element: ElementType, shape: Shape) -> None:
        def build(x: SSAValue) -> list[Operation]:
            load = graph.LoadOp(x)
            return [load, graph.CopyOp(load), graph.CopyOp(x), graph.StoreOp(load.result)]

        check_all(build, [an_input(element, shape)])

    def test_reshape(self, element: ElementType, shape: Shape) -> None:
        count = int(np.prod(shape))
        targets: list[list[int]] = [[count], [1, count], [count, 1, 1], [*reversed(shape)], [1, *shape]]
        if count:
            targets += [[-1], [-1, *shape[1:]] if shape else [-1, 1]]
        check_all(lambda x: [graph.ReshapeOp(x, target) for target in targets], [an_input(element, shape)])

    def test_transpose(self, element: ElementType, shape: Shape) -> None:
        rank = len(shape)
        orders = {tuple(range(rank)), tuple(reversed(range(rank))), (*range(1, rank), *range(min(rank, 1)))}
        check_all(lambda x: [graph.TransposeOp(x, order) for order in orders], [an_input(element, shape)])

    def test_slice(self, element: ElementType, shape: Shape) -> None:
        def build(x: SSAValue) -> list[Operation]:
            rest: list[Dim | int] = [-1] * len(shape)
            return [
                graph.SliceOp(x, [0] * len(shape), rest),
                graph.SliceOp(x, [size // 2 for size in shape], rest),
                graph.SliceOp(x, [min(size, 1) for size in shape], rest, [2] * len(shape)),
                graph.SliceOp(x, [0] * len(shape), [0] * len(shape)),
                graph.SliceOp(x, [0] * len(shape), [(size + 2) // 3 for size in shape], [3] * len(shape)),
            ]

        check_all(build, [an_input(element, shape)])

    def test_pad(self, element: ElementType, shape: Shape) -> None:
        def build(x: SSAValue) -> list[Operation]:
            value = scalar_attr(1, element)
            return [
                graph.PadOp(x, [2] * len(shape), [1] * len(shape), value),
                graph.PadOp(x, [0] * len(shape), [3, *[0] * len(shape)][: len(shape)], value),
                graph.PadOp(x, [0] * len(shape), [0] * len(shape), value),
            ]

        check_all(build, [an_input(element, shape)])

    def test_concat(self, element: ElementType, shape: Shape) -> None:
        def build(*xs: SSAValue) -> list[Operation]:
            return [
                op
                for axis in range(len(shape))
                for op in (graph.ConcatOp(xs, axis), graph.ConcatOp(xs[:1], axis), graph.ConcatOp([xs[0], xs[0]], axis))
            ]

        if shape:
            check_all(build, [an_input(element, shape) for _ in range(3)])

    def test_broadcast(self, element: ElementType, shape: Shape) -> None:
        def build(x: SSAValue) -> list[Operation]:
            stretched = [3 if size == 1 else size for size in shape]
            return [graph.BroadcastOp(x, target) for target in (shape, stretched, [2, *stretched], [0, *stretched])]

        check_all(build, [an_input(element, shape)])

    def test_generators(self, element: ElementType, shape: Shape) -> None:
        def build(x: SSAValue) -> list[Operation]:
            count = int(np.prod(shape))
            numbers = [number % 2 if element is ElementType.I1 else number for number in range(count)]
            ops: list[Operation] = [
                graph.BroadcastScalarOp(1, shape, element),
                graph.ConstantOp(dense(element, shape, numbers)),
            ]
            if count:
                ops.append(graph.ConstantOp(dense(element, shape, [1])))
            if element in NUMBERS:
                ops += [graph.IotaOp(axis, shape, element) for axis in range(len(shape))]
            return [*ops, *(graph.SelectOp(x, op.results[0], op.results[0]) for op in ops[1:2])]

        check_all(build, [an_input(ElementType.I1, shape)])

    def test_elemany(self, element: ElementType, shape: Shape) -> None:
        fills = [an_input(element, shape), an_input(element, shape, "" if element.is_float else "range", low=0, high=1)]
        if element.is_float:
            fills.append(an_input(element, shape, "special"))
        check_all(lambda *xs: [graph.ElemAnyOp(x) for x in xs], fills)


def _ones(shape: Shape, parity: int) -> Shape:
    """The shape with every second dim 1."""
    return tuple(1 if axis % 2 == parity else size for axis, size in enumerate(shape))


@pytest.mark.parametrize("element", NUMBERS, ids=name_of)
@pytest.mark.parametrize("shape", SHAPES[1:], ids=str)
class TestReductions:
    def test_last_and_first_axis(self, element: ElementType, shape: Shape) -> None:
        def build(x: SSAValue) -> list[Operation]:
            return [
                graph.ReduceOp(kind, x, [axis], keepdims)
                for kind, types in REDUCE_TYPES.items()
                for axis in {0, len(shape) - 1}
                for keepdims in (False, True)
                if element in types and not (kind in ("Max", "Min") and shape[axis] == 0)
            ]

        check_all(build, [an_input(element, shape)])

    def test_composites(self, element: ElementType, shape: Shape) -> None:
        if not element.is_float:
            pytest.skip("composite operations work on floats")

        def build(x: SSAValue, gamma: SSAValue, beta: SSAValue) -> list[Operation]:
            return [
                *(graph.SoftmaxOp(x, axis) for axis in (0, -1) if shape[axis]),
                graph.LayerNormOp(x),
                graph.LayerNormOp(x, gamma, axis=-1),
                graph.LayerNormOp(x, gamma, beta, epsilon=0.5),
                graph.LayerNormOp(x, axis=0),
                graph.RmsNormOp(x, epsilon=1e-3),
                graph.RmsNormOp(x, gamma),
                graph.GeluOp(x, "none"),
                graph.GeluOp(x, "tanh"),
            ]

        inputs = [an_input(element, shape, "normal"), *(an_input(element, shape[-1:], "close") for _ in range(2))]
        check_all(build, inputs)


@pytest.mark.parametrize("element", ELEMENTS, ids=name_of)
@pytest.mark.parametrize("shape", [(1,), (5,), (4, 3), (2, 3, 4)], ids=str)
@pytest.mark.parametrize("index_shape", [(), (0,), (1,), (3,), (2, 2)], ids=str)
def test_gather(element: ElementType, shape: Shape, index_shape: Shape) -> None:
    def build(x: SSAValue, *indices: SSAValue) -> list[Operation]:
        return [graph.GatherOp(x, index, axis) for axis in range(len(shape)) for index in indices]

    least = min(shape)
    indices = [an_input(index, index_shape, "range", low=-least, high=least) for index in INTEGERS]
    check_all(build, [an_input(element, shape), *indices])


@pytest.mark.parametrize("element", ELEMENTS, ids=name_of)
@pytest.mark.parametrize("shape", [(), (0,), (1,), (3,), (2, 3)], ids=str)
@pytest.mark.parametrize("naming", NAMINGS)
def test_onehot(element: ElementType, shape: Shape, naming: str) -> None:
    def build(*indices: SSAValue) -> list[Operation]:
        on, off = scalar_attr(1, element), scalar_attr(0, element)
        axes = (*range(len(shape) + 1), -1)
        return [graph.OneHotOp(i, depth, axis, on, off) for i in indices for depth in (0, 1, 5) for axis in axes]

    check_all(build, [an_input(index, shape, "range", low=-1, high=6) for index in INTEGERS], naming)


@pytest.mark.parametrize("element", NUMBERS, ids=name_of)
@pytest.mark.parametrize("sizes", [(1, 1, 1), (3, 5, 4), (0, 3, 2), (3, 0, 2), (17, 33, 18), (1, 40, 1)], ids=str)
class TestProducts:
    def test_matmul(self, element: ElementType, sizes: Shape) -> None:
        m, k, n = sizes
        for trans_a, trans_b in ((False, False), (True, False), (False, True), (True, True)):
            a, b = ((k, m) if trans_a else (m, k)), ((n, k) if trans_b else (k, n))

            def build(
                x: SSAValue, y: SSAValue, *biases: SSAValue, trans_a: bool = trans_a, trans_b: bool = trans_b
            ) -> list[Operation]:
                return [graph.MatmulOp(x, y, bias, trans_a=trans_a, trans_b=trans_b) for bias in (None, *biases)]

            biases = [an_input(element, shape) for shape in ((), (n,), (m, 1), (m, n))]
            check_all(build, [an_input(element, a), an_input(element, b), *biases])

    def test_batches_broadcast(self, element: ElementType, sizes: Shape) -> None:
        m, k, n = sizes
        for left, right in (((2,), ()), ((), (3,)), ((2, 1), (3,)), ((1, 3), (2, 1)), ((0,), (1,))):
            inputs = [an_input(element, (*left, m, k)), an_input(element, (*right, k, n)), an_input(element, (n,))]
            for naming in NAMINGS:
                check_all(lambda x, y, z: [graph.MatmulOp(x, y, z)], inputs, naming)

    def test_grouped_matmul(self, element: ElementType, sizes: Shape) -> None:
        m, k, n = sizes
        for trans_a, trans_b, group_type in ((False, False, 0), (True, True, 0), (False, False, 2), (True, True, 2)):
            matrix = (n, k) if trans_b else (k, n)
            inputs = [
                an_input(element, (k, m) if trans_a else (m, k)),
                an_input(element, (3, *matrix) if group_type == 0 else matrix),
                an_input(ElementType.I32, (3,), "ends", low=0, high=(k if group_type else m) + 1),
                an_input(element, (n,)),
            ]

            def build(
                x: SSAValue,
                y: SSAValue,
                ends: SSAValue,
                bias: SSAValue,
                options: dict[str, Any] = {"trans_a": trans_a, "trans_b": trans_b, "group_type": group_type},  # noqa: B006
            ) -> list[Operation]:
                return [graph.GroupedMatmulOp(x, y, ends, b, **options) for b in (None, bias)]

            check_all(build, inputs)


# --- two operations in a row, which rules of dvm-simplify look for ---


@pytest.mark.parametrize("element", ELEMENTS, ids=name_of)
@pytest.mark.parametrize("fill", ["quarters", "special", "wide"])
def test_casts_in_a_row(element: ElementType, fill: str) -> None:
    if (fill == "wide") == element.is_float or (element is ElementType.I1 and fill != "wide"):
        pytest.skip("another fill is for this type")

    def build(x: SSAValue) -> list[Operation]:
        inner = [graph.CastOp(x, middle) for middle in ELEMENTS]
        return [*inner, *(graph.CastOp(op, target) for op in inner for target in ELEMENTS)]

    check_all(build, [an_input(element, (5, 9), "" if element is ElementType.I1 else fill)])


@pytest.mark.parametrize("element", ELEMENTS, ids=name_of)
@pytest.mark.parametrize("first", [False, True])
def test_scalars_in_a_row(element: ElementType, first: bool) -> None:
    kinds = [kind for kind in ("Add", "Sub", "Mul", "Pow", "Maximum", "Minimum") if element in BINARY_TYPES[kind]]
    kinds += [kind for kind in ("LogicalAnd", "LogicalOr", "Equal", "NotEqual") if element is ElementType.I1]
    scalars: tuple[Any, ...] = (True, False) if element is ElementType.I1 else (0, 1, -3)
    if element.is_float:
        scalars = (0.0, -0.0, 1.0, -1.5)

    def build(x: SSAValue) -> list[Operation]:
        inner: list[Operation] = [
            graph.BinaryScalarOp(kind, x, scalar, scalar_first=first) for kind in kinds for scalar in scalars
        ]
        return inner + [
            graph.BinaryScalarOp(kind, op, scalar, scalar_first=outer_first)
            for op in inner
            for kind in kinds
            for scalar in scalars[::2]
            for outer_first in (False, True)
        ]

    kind = "wide" if element.is_integer else "small" if element.is_float else ""
    check_all(build, [an_input(element, (7,), kind)])


@pytest.mark.parametrize("element", ELEMENTS, ids=name_of)
def test_unary_operations_in_a_row(element: ElementType) -> None:
    kinds = [kind for kind, types in UNARY_TYPES.items() if element in types and kind != "IsFinite"]

    def build(x: SSAValue) -> list[Operation]:
        inner = [graph.UnaryOp(kind, x) for kind in kinds]
        return [*inner, *(graph.UnaryOp(kind, op) for op in inner for kind in kinds)]

    check_all(build, [an_input(element, (11,))])


@pytest.mark.parametrize("element", ELEMENTS, ids=name_of)
@pytest.mark.parametrize("naming", NAMINGS)
def test_operations_on_splats(element: ElementType, naming: str) -> None:
    """Splats that stretch the other operand, or do not."""

    def build(x: SSAValue, y: SSAValue, c: SSAValue) -> list[Operation]:
        splats: list[Operation] = [
            graph.BroadcastScalarOp(1, shape, element) for shape in ((), (1,), (4,), (3, 4), (3, 1), (2, 3, 4))
        ]
        truths: list[Operation] = [
            graph.BroadcastScalarOp(value, shape, ElementType.I1)
            for value in (True, False)
            for shape in ((), (4,), (3, 4), (2, 3, 4))
        ]
        binaries = [kind for kind in ("Equal", "Less", "Add", "Sub", "LogicalOr") if element in BINARY_TYPES[kind]]
        return [
            *splats,
            *truths,
            *(
                graph.BinaryOp(kind, *pair)
                for kind in binaries
                for op in splats
                for pair in ((x, op), (op, x), (y, op))
            ),
            *(graph.SelectOp(truth, x, y) for truth in truths),
            *(graph.SelectOp(truth, splats[2], x) for truth in truths),
            *(graph.SelectOp(c, other, other) for other in (x, y, splats[0], splats[5])),
            *(graph.SelectOp(c, splats[0], splats[index]) for index in (1, 3)),
            *(graph.BroadcastOp(op, (2, 3, 4)) for op in splats),
            *(graph.ReshapeOp(op, [-1]) for op in splats),
            *(graph.CastOp(op, target) for op in splats[2:4] for target in ELEMENTS),
            *(graph.TransposeOp(op, (1, 0)) for op in splats[3:5]),
            *(graph.SliceOp(op, (1, 0), (-1, 1), (2, 1)) for op in splats[3:5]),
        ]

    inputs = [an_input(element, (3, 4)), an_input(element, (1, 4)), an_input(ElementType.I1, (3, 1))]
    check_all(build, inputs, naming)


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (2, 0, 1), (0, 2, 1)], ids=str)
def test_shapes_in_a_row(order: tuple[int, ...]) -> None:
    def build(x: SSAValue) -> list[Operation]:
        inner: list[Operation] = [
            graph.TransposeOp(x, order),
            graph.ReshapeOp(x, [4, 3, 2]),
            graph.SliceOp(x, [0, 1, 0], [2, 2, 2], [1, 1, 2]),
            graph.PadOp(x, [1, 0, 0], [0, 0, 0], 1.0),
            graph.ConcatOp([x, x], 2),
            graph.ReduceOp("Sum", x, [1], True),
        ]
        return inner + [
            op
            for first in inner
            for op in (
                graph.TransposeOp(first, (1, 2, 0)),
                graph.TransposeOp(first, order),
                graph.ReshapeOp(first, [-1]),
                graph.SliceOp(first, [0, 0, 1], [-1, -1, 1], [2, 1, 1]),
                graph.PadOp(first, [0, 0, 1], [0, 2, 0], -2.0),
                graph.ConcatOp([first, first.results[0]], 0),
                graph.ReduceOp("Max", first, [0, 2]),
                graph.UnaryOp("Neg", first),
            )
        ]

    for naming in NAMINGS:
        check_all(build, [an_input(ElementType.F32, (2, 3, 4))], naming)


# --- reductions ---

_AXES = [axes for count in range(1, 5) for axes in combinations(range(4), count)]


@pytest.mark.parametrize("axes", _AXES, ids=str)
@pytest.mark.parametrize("layout", ["contiguous", "transposed", "reversed", "broadcast"])
def test_every_subset_of_axes(axes: tuple[int, ...], layout: str) -> None:
    def build(x: SSAValue, i: SSAValue) -> list[Operation]:
        return [
            graph.ReduceOp(kind, operand, axes, keepdims)
            for operand, kinds in ((x, REDUCE_TYPES), (i, ("Sum", "Max", "Min", "Prod")))
            for kind in kinds
            for keepdims in (False, True)
        ]

    shape = (3, 5, 2, 7)
    inputs = [an_input(ElementType.F32, shape, "small", layout), an_input(ElementType.I64, shape, layout=layout)]
    for naming in NAMINGS:
        check_all(build, inputs, naming)


@pytest.mark.parametrize("axes", [(0,), (1,), (0, 1)], ids=str)
def test_reductions_of_what_is_1_only_at_bind(axes: tuple[int, ...]) -> None:
    def build(x: SSAValue, y: SSAValue) -> list[Operation]:
        stretched = graph.BroadcastOp(x, [3, 4])
        total = graph.BinaryOp("Add", x, y)
        kinds = ("Sum", "Prod", "Max", "Mean")
        return [stretched, total, *(graph.ReduceOp(kind, op, axes) for op in (stretched, total, x) for kind in kinds)]

    compiled = None
    for x in ((3, 4), (1, 4), (3, 1), (1, 1)):
        for y in ((3, 4), (1, 4), (3, 1), (1, 1)):
            case = make(build, [an_input(ElementType.F32, shape) for shape in (x, y)], "named")
            compiled = check(case, compiled)


@pytest.mark.parametrize("element", FLOATS, ids=name_of)
@pytest.mark.parametrize(
    ("shape", "axis"), [((3, 3001), 1), ((3001, 3), 0), ((1, 4099), 1), ((2, 1500, 2), 1)], ids=str
)
def test_rows_longer_than_a_tile(element: ElementType, shape: Shape, axis: int) -> None:
    def build(x: SSAValue) -> list[Operation]:
        exponential = graph.UnaryOp("Tanh", x)
        return [
            *(graph.ReduceOp(kind, x, [axis]) for kind in ("Sum", "Max", "Min", "Mean")),
            exponential,
            graph.ReduceOp("Sum", exponential, [axis], True),
            graph.SoftmaxOp(x, axis),
            graph.LayerNormOp(x, axis=axis),
        ]

    check_all(build, [an_input(element, shape, "quarters")])


@pytest.mark.parametrize("shape", [(20011,), (1, 20011), (2, 9973), (9973, 2)], ids=str)
def test_outputs_fewer_than_cores(shape: Shape) -> None:
    axis = int(np.argmax(shape))
    case = make(
        lambda x: [graph.ReduceOp(kind, x, [axis]) for kind in ("Sum", "Max", "Prod", "Mean")],
        [an_input(ElementType.F32, shape, "close")],
    )
    program = check(case).machines[0].program
    for engine in ENGINES:
        devices = [device_on_all_cores(cores, 1 << 12, engine) for cores in (1, 2, 3, 8)]
        results = [[result.tobytes() for result in Machine(program, device).call(case.arrays)] for device in devices]
        assert results[1:] == results[:-1]


# --- special values ---

SPECIAL = (np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 1e-40, 3e38, 65504.0, 1e-7, 2.0, 3.0, 88.0, -104.0)

_NUMPY: dict[str, Callable[..., Any]] = {
    "Sqrt": np.sqrt,
    "Abs": np.abs,
    "Log": np.log,
    "Exp": np.exp,
    "Reciprocal": np.reciprocal,
    "IsFinite": np.isfinite,
    "Round": np.rint,
    "Floor": np.floor,
    "Ceil": np.ceil,
    "Trunc": np.trunc,
    "Neg": np.negative,
    "Rsqrt": lambda x: 1 / np.sqrt(x),
    "Tanh": np.tanh,
    "Sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "Sin": np.sin,
    "Cos": np.cos,
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": np.divide,
    "Pow": np.power,
    "Maximum": np.maximum,
    "Minimum": np.minimum,
    "Equal": np.equal,
    "NotEqual": np.not_equal,
    "Greater": np.greater,
    "GreaterEqual": np.greater_equal,
    "Less": np.less,
    "LessEqual": np.less_equal,
}


def _agree(got: Array, expected: Array) -> bool:
    """The same but for four units in the last place; zeros by their sign too."""
    if got.dtype.kind == "b":
        return bool(np.array_equal(got, expected))
    got, expected = got.astype(np.float64), expected.astype(np.float64)
    near = np.isclose(got, expected, rtol=2.0**-21, atol=2.0**-126, equal_nan=True)
    signs = (np.signbit(got) == np.signbit(expected)) | np.isnan(expected) | (expected != 0)
    return bool(np.all(near & signs))


@pytest.mark.parametrize("element", FLOATS, ids=name_of)
def test_special_values(element: ElementType) -> None:
    with np.errstate(all="ignore"):
        values = np.array(SPECIAL).astype(DTYPES[element])
        left, right = np.meshgrid(values, values, indexing="ij")
        left, right = np.ascontiguousarray(left), np.ascontiguousarray(right)
        unary = [kind for kind, types in UNARY_TYPES.items() if element in types and kind != "Erf"]
        binary = [kind for kind, types in BINARY_TYPES.items() if element in types]
        case = make(
            lambda x, y: [
                *(graph.UnaryOp(kind, x) for kind in unary),
                *(graph.BinaryOp(kind, x, y) for kind in binary),
            ],
            [an_input(element, left.shape) for _ in range(2)],
        )
        wide = left.astype(np.float32), right.astype(np.float32)
        expected = [*(_NUMPY[kind](wide[0]) for kind in unary), *(_NUMPY[kind](*wide) for kind in binary)]
        for machine in compile_levels(case.module).machines:
            results = machine.call([left, right])
            for kind, result, wanted in zip([*unary, *binary], results, expected, strict=True):
                rounded = wanted if wanted.dtype.kind == "b" else wanted.astype(DTYPES[element])
                assert _agree(result, rounded), kind


def test_reductions_of_special_values() -> None:
    numbers = np.random.default_rng(0)
    with np.errstate(all="ignore"):
        x = numbers.choice(np.array(SPECIAL, np.float32), (40, 7))
        kinds = {"Sum": np.sum, "Max": np.max, "Min": np.min}
        case = make(lambda x: [graph.ReduceOp(kind, x, [1]) for kind in kinds], [an_input(ElementType.F32, x.shape)])
        for machine in compile_levels(case.module).machines:
            for function, result in zip(kinds.values(), machine.call([x]), strict=True):
                expected = function(x, axis=1)
                assert np.array_equal(np.isnan(result), np.isnan(expected))
                assert np.array_equal(np.isinf(result), np.isinf(expected))


def test_integers_wrap() -> None:
    for element in INTEGERS:
        limits = np.iinfo(DTYPES[element])
        x = np.array([limits.max, limits.min, limits.max, -1, 0, limits.min + 1], DTYPES[element])
        case = make(
            lambda x: [
                *(graph.BinaryOp(kind, x, x) for kind in ("Add", "Sub", "Mul", "Pow")),
                *(graph.UnaryOp(kind, x) for kind in ("Abs", "Neg")),
                *(graph.ReduceOp(kind, x, [0]) for kind in ("Sum", "Prod", "Max", "Min")),
                *(graph.BinaryScalarOp("Pow", x, power) for power in (-3, -2, -1, 0, 1, 2, 3, 63)),
                *(graph.BinaryScalarOp("Pow", x, base, scalar_first=True) for base in (-1, 0, 1, 2)),
                *(graph.BinaryScalarOp(kind, x, 3) for kind in ("Add", "Sub", "Mul")),
            ],
            [an_input(element, x.shape)],
        )
        check(Case(case.module, case.inputs, (x,)))


# --- what callers hand over ---


@pytest.mark.parametrize("layout", tuple(LAYOUTS))
@pytest.mark.parametrize("element", ELEMENTS, ids=name_of)
def test_layouts(layout: str, element: ElementType) -> None:
    def build(x: SSAValue) -> list[Operation]:
        ops: list[Operation] = [
            graph.CopyOp(x),
            graph.TransposeOp(x, [2, 0, 1]),
            graph.ReshapeOp(x, [60]),
            graph.SliceOp(x, [1, 0, 1], [-1, -1, -1], [1, 2, 1]),
            graph.PadOp(x, [1, 0, 2], [0, 1, 0], scalar_attr(1, element)),
            graph.ConcatOp([x, x], 1),
        ]
        if element is not ElementType.I1:
            ops += [graph.ReduceOp("Max", x, [0, 2]), graph.MatmulOp(x, x, trans_b=True), graph.BinaryOp("Add", x, x)]
        return ops

    for naming in NAMINGS:
        check_all(build, [an_input(element, (3, 4, 5), layout=layout)], naming)


@pytest.fixture
def halves() -> Any:
    """A program of two inputs and two results of the same shape."""
    return dvm.compile(
        """func.func @main(%x : tensor<?x?xf32>, %y : tensor<?x?xf32>) -> (tensor<?x?xf32>, tensor<?xf32>) {
          %sum = dvm.binary Add %x, %y : tensor<?x?xf32>, tensor<?x?xf32> -> tensor<?x?xf32>
          %total = dvm.reduce Sum %sum dims [1] keepdims false : tensor<?x?xf32> -> tensor<?xf32>
          return %sum, %total : tensor<?x?xf32>, tensor<?xf32>
        }""",
        device=DEVICES[0],
    )


def _pair() -> tuple[Array, Array]:
    numbers = np.random.default_rng(1)
    return tuple(numbers.integers(-8, 9, (6, 6)).astype(np.float32) for _ in range(2))  # pyright: ignore[reportReturnType]


def test_out_contiguous(halves: Any) -> None:
    x, y = _pair()
    out = np.empty((6, 6), np.float32), np.empty(6, np.float32)
    results = halves(x, y, out=out)
    assert results[0] is out[0]
    assert results[1] is out[1]
    assert np.array_equal(out[0], x + y)
    assert np.array_equal(out[1], (x + y).sum(1))


def test_out_of_other_layouts(halves: Any) -> None:
    x, y = _pair()
    memory, totals = np.zeros((12, 13), np.float32), np.zeros(12, np.float32)
    for target, total in (
        (memory[::2, 1:7], totals[::2]),
        (memory[6:, :6].T, totals[5::-1]),
        (memory[:6, :6][::-1, ::-1], totals[:6]),
        (np.empty((6, 6), ">f4"), np.empty(6, np.float32)),
    ):
        if target.dtype.isnative:
            halves(x, y, out=[target, total])
            assert np.array_equal(target, x + y)
            assert np.array_equal(total, (x + y).sum(1))
        else:
            with pytest.raises(ShapeError, match="out"):
                halves(x, y, out=[target, total])
    outside = np.ones((12, 13), np.bool_)
    outside[::2, 1:7] = outside[6:, :6] = outside[:6, :6] = False
    assert not memory[outside].any()


@pytest.mark.parametrize("part", [np.s_[:6], np.s_[3:9], np.s_[6:]], ids=["same", "overlapping", "apart"])
def test_out_overlapping_inputs(halves: Any, part: slice) -> None:
    x, y = _pair()
    memory = np.zeros((12, 6), np.float32)
    memory[:6] = x
    halves(memory[:6], y, out=[memory[part], np.empty(6, np.float32)])
    assert np.array_equal(memory[part], x + y)


def test_out_that_does_not_fit(halves: Any) -> None:
    x, y = _pair()
    good, total = np.empty((6, 6), np.float32), np.empty(6, np.float32)
    read_only = np.empty((6, 6), np.float32)
    read_only.flags.writeable = False
    for out in (
        [good],
        [good, total, total],
        [np.empty((6, 5), np.float32), total],
        [np.empty((6, 6), np.float64), total],
        [read_only, total],
        [good, good[0]],
    ):
        with pytest.raises(ShapeError):
            halves(x, y, out=out)


@pytest.mark.parametrize("element", ELEMENTS, ids=name_of)
def test_python_scalars_where_the_rank_is_0(element: ElementType) -> None:
    case = make(lambda x: [graph.CopyOp(x), graph.BroadcastOp(x, [3])], [an_input(element, ())])
    (machine, *_) = compile_levels(case.module).machines
    good: dict[ElementType, tuple[Any, ...]] = {ElementType.I1: (True, False)}
    bad: dict[ElementType, tuple[Any, ...]] = {
        ElementType.I1: (1, 0.5, "1", None),
        ElementType.I32: (0.5, 1 << 31, "1", None),
        ElementType.I64: (0.5, 1 << 63, None),
    }
    for value in good.get(element, (2, -3) if not element.is_float else (2.5, -3, float("inf"))):
        results = machine.call([value])
        assert results[0].shape == ()
        assert results[0].dtype == DTYPES[element]
        assert results[0] == value
        assert (results[1] == value).all()
    for value in bad.get(element, ("1", None, 1j)):
        with pytest.raises(DvmError):
            machine.call([value])


def test_element_types_are_not_converted() -> None:
    case = make(lambda x: [graph.CopyOp(x)], [an_input(ElementType.BF16, (3,))])
    machine = compile_levels(case.module).machines[0]
    assert machine.call([np.ones(3, ml_dtypes.bfloat16)])[0].dtype == ml_dtypes.bfloat16
    for dtype in (np.float16, np.float32, np.uint16):
        with pytest.raises(ShapeError, match="element type"):
            machine.call([np.ones(3, dtype)])


@pytest.mark.parametrize("engine", ENGINES)
def test_many_threads_call_one_program(engine: str) -> None:
    case = make(
        lambda x: [graph.SoftmaxOp(x), graph.ReduceOp("Sum", x, [0])],
        [an_input(ElementType.F32, (37, 53), "normal")],
        "named",
    )
    program = compile_levels(case.module).machines[0].program
    machine = Machine(program, device_on_all_cores(2, 1 << 12, engine))
    numbers = np.random.default_rng(0)
    inputs = [numbers.standard_normal((rows, 53)).astype(np.float32) for rows in range(20, 44)]
    expected = [[result.tobytes() for result in machine.call([x])] for x in inputs]
    with ThreadPoolExecutor(6) as pool:
        for _ in range(4):
            found = pool.map(lambda x: [result.tobytes() for result in machine.call([x])], inputs)
            assert list(found) == expected
