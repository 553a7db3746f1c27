"""Bind: the facts it checks, how it merges, tiles and splits a domain, and the programs and shapes it refuses."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from math import prod

import numpy as np
import pytest

import dvm
from tests.unit import programs
from tests.unit.programs import F16, F32, I32, I64, ONE, S0, S1, S2, ZERO, along, once, reads, stream, word, writes
from vm import layout, steps, tiling
from vm.bind import MAXIMUM_BYTES, bind
from vm.device import Device
from vm.dims import BroadcastError
from vm.errors import BytecodeError, ShapeError
from vm.isa import ReduceKind
from vm.machine import Machine
from vm.plan import KernelPlan, LaunchPlan, Shape, Strides
from vm.prepare_program import prepare_program
from vm.program import (
    Axis,
    Dim,
    DimOp,
    Fact,
    FactKind,
    Index,
    Input,
    Kernel,
    KernelKind,
    Operand,
    Program,
    Scalar,
    Storage,
)
from vm.target import NUMPY, Target

UNIFIED_BUFFER = 1 << 16
REASON = "dvm.binary Add at model.mlir:7"


def bound(
    program: Program, *shapes: Shape, strides: tuple[Strides | None, ...] | None = None, buffer: int = UNIFIED_BUFFER
) -> LaunchPlan:
    return bind(prepare_program(program), shapes, strides or (None,) * len(shapes), Target(buffer, NUMPY))


def only_kernel(plan: LaunchPlan) -> KernelPlan:
    """The kernel of a plan that has one."""
    ((kernel,),) = plan.stages
    return kernel


def vector(
    *axes: Axis, operands: tuple[Operand, ...], words: tuple[int, ...], slots: int = 1, **more: object
) -> Kernel:
    made = Kernel("k0", KernelKind.VECTOR, axes, operands, (), slots, words)
    return replace(made, **more)


def copied(axes: tuple[int, ...], read: tuple[Index, ...], written: tuple[Index, ...]) -> Kernel:
    """Operand 0, tensor 0, is loaded and stored into operand 1, tensor 1; both are f32."""
    return vector(
        *(Axis(False, axis) for axis in axes),
        operands=(Operand(0, False, read), Operand(1, True, written)),
        words=(once(), word("load", F32, d=0, a=0), word("store", F32, a=0, b=1)),
    )


def copy(rank: int) -> Program:
    """y = x, whose dims are s0, s1..."""
    dims = tuple(range(S0, S0 + rank))
    kernel = copied(dims, along(*range(rank)), along(*range(rank)))
    tensors = programs.tensor("x", Storage.INPUT, *dims), programs.tensor("y", Storage.OUTPUT, *dims)
    return programs.program("copy", rank, tensors, kernel)


def two_vectors(*facts: Fact, dims: tuple[Dim, ...] = ()) -> Program:
    """z[s0] = x[s0], and an input y[s1] beside it."""
    kernel = replace(copied((S0,), along(0), along(0)), operands=(reads(0, 0), writes(2, 0)))
    tensors = (
        programs.tensor("x", Storage.INPUT, S0),
        programs.tensor("y", Storage.INPUT, S1),
        programs.tensor("z", Storage.OUTPUT, S0),
    )
    return programs.program("two_vectors", 2, tensors, kernel, facts=facts, dims=dims)


def reshaped(*dims: int, extra: tuple[Dim, ...] = (), symbols: int = 1, reason: str = "") -> Program:
    """z[s0] = x[s0], and an input y of the dims given, each of whose dims has the same reason."""
    made = two_vectors()
    tensors = (made.tensors[0], programs.tensor("y", Storage.INPUT, *dims), made.tensors[2])
    made = programs.program("reshaped", symbols, tensors, *made.kernels, dims=extra)
    return replace(made, inputs=(Input(0, ("",)), Input(1, (reason,) * len(dims))))


def row_sum(tail: tuple[int, ...] = (), scalars: tuple[Scalar, ...] = (), slots: int = 2) -> Program:
    """y[s0] = sum of x[s0, s1] over s1, of f32; `tail` runs before the store."""
    kernel = vector(
        Axis(False, S0),
        Axis(True, S1),
        operands=(reads(0, 0, 1), writes(1, 0)),
        slots=slots,
        scalars=scalars,
        words=(
            once(),
            word("rinit", F32, aux=ReduceKind.SUM, d=0),
            stream(),
            word("load", F32, d=1, a=0),
            word("rsum", F32, d=0, a=1),
            once(),
            *tail,
            word("store", F32, a=0, b=1),
        ),
    )
    tensors = programs.tensor("x", Storage.INPUT, S0, S1), programs.tensor("y", Storage.OUTPUT, S0)
    return programs.program("row_sum", 2, tensors, kernel)


def with_kernel(program: Program, **changes: object) -> Program:
    """The program with its one kernel changed."""
    return replace(program, kernels=(replace(program.kernels[0], **changes),))


# --- facts ---


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (FactKind.EQUAL, "s0 = 3 (input 'x', dim 0) must equal s1 = 5 (input 'y', dim 0)"),
        (FactKind.AT_LEAST, "s0 = 3 (input 'x', dim 0) must be at least s1 = 5 (input 'y', dim 0)"),
        (FactKind.BROADCASTABLE, "s0 = 3 (input 'x', dim 0) does not broadcast with s1 = 5 (input 'y', dim 0)"),
        (FactKind.DIVISIBLE, "s0 = 3 (input 'x', dim 0) must be a multiple of s1 = 5 (input 'y', dim 0)"),
    ],
)
def test_a_broken_fact_names_both_culprits(kind: FactKind, message: str) -> None:
    with pytest.raises(ShapeError, match=f"^{re.escape(f'{message}: {REASON}')}$"):
        bound(two_vectors(Fact(kind, S0, S1, REASON)), (3,), (5,))


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (FactKind.EQUAL, [(3, 3), (0, 0)], [(3, 4), (1, 3)]),
        (FactKind.AT_LEAST, [(3, 3), (4, 3), (0, 0)], [(2, 3), (0, 1)]),
        (FactKind.BROADCASTABLE, [(3, 3), (1, 3), (3, 1), (0, 1), (1, 0), (0, 0)], [(3, 4), (0, 3), (2, 0)]),
        (FactKind.DIVISIBLE, [(6, 3), (0, 3), (3, 1)], [(7, 3), (3, 6), (3, 0), (0, 0)]),
    ],
)
def test_when_facts_hold(kind: FactKind, good: list[tuple[int, int]], bad: list[tuple[int, int]]) -> None:
    program = two_vectors(Fact(kind, S0, S1, REASON))
    for left, right in good:
        assert bound(program, (left,), (right,)).output_shapes == ((left,),)
    for left, right in bad:
        with pytest.raises(ShapeError):
            bound(program, (left,), (right,))


def test_facts_on_constants_and_expressions() -> None:
    total, four = 4, 5
    dims = Dim(DimOp.ADD, S0, S1), Dim(DimOp.CONSTANT, 4)
    program = two_vectors(Fact(FactKind.AT_LEAST, total, four, REASON), dims=dims)
    assert bound(program, (3,), (1,)).dims == (0, 1, 3, 1, 4, 4)
    with pytest.raises(ShapeError, match=rf"^s0 \+ s1 = 3 must be at least 4: {REASON}$"):
        bound(program, (2,), (1,))


def test_the_first_broken_fact_is_the_one_that_is_told() -> None:
    pairs = ((S0, S0, "holds"), (S0, S1, "first"), (S1, S0, "second"))
    facts = [Fact(FactKind.EQUAL, *pair) for pair in pairs]
    with pytest.raises(ShapeError, match=r"first$"):
        bound(two_vectors(*facts), (3,), (5,))


# --- inputs against each other ---


@pytest.mark.parametrize(("reason", "tail"), [("", ""), (REASON, f": {REASON}")])
def test_inputs_that_disagree_on_a_symbol(reason: str, tail: str) -> None:
    message = f"s0 is 3 (input 'x', dim 0) but 5 (input 'y', dim 1){tail}"
    with pytest.raises(ShapeError, match=f"^{re.escape(message)}$"):
        bound(reshaped(S0, S0, reason=reason), (3,), (3, 5))


@pytest.mark.parametrize(("reason", "tail"), [("", ""), (REASON, f": {REASON}")])
def test_an_input_against_a_constant(reason: str, tail: str) -> None:
    program = reshaped(S0, ONE, reason=reason)
    assert bound(program, (3,), (3, 1)).output_shapes == ((3,),)
    with pytest.raises(ShapeError, match=f"^input 'y' has 7 in dim 1, expected 1{tail}$"):
        bound(program, (3,), (3, 7))


@pytest.mark.parametrize(("reason", "tail"), [("", ""), (REASON, f": {REASON}")])
def test_an_input_against_an_expression(reason: str, tail: str) -> None:
    program = reshaped(3, extra=(Dim(DimOp.ADD, S0, ONE),), reason=reason)
    assert bound(program, (3,), (4,)).output_shapes == ((3,),)
    with pytest.raises(ShapeError, match=rf"^s0 \+ 1 is 4 but 5 \(input 'y', dim 0\){tail}$"):
        bound(program, (3,), (5,))


@pytest.mark.parametrize("shape", [(), (3,), (3, 4, 5)])
def test_a_wrong_rank(shape: Shape) -> None:
    with pytest.raises(ShapeError, match=f"^input 'x' has rank {len(shape)}, expected rank 2$"):
        bound(programs.add(), shape, (4,))


def test_a_rank_is_checked_before_facts_and_extents() -> None:
    with pytest.raises(ShapeError, match=r"^input 'b' has rank 0, expected rank 1$"):
        bound(programs.add(), (3, 0), ())


# --- broadcasting decided at bind ---


def broadcast_sum(*facts: Fact) -> Program:
    """z[bcast(s0, s1)] = x[s0] + y[s1]"""
    extent = 4
    kernel = vector(
        Axis(False, extent),
        operands=(reads(0, 0), reads(1, 0), writes(2, 0)),
        slots=2,
        words=(
            once(),
            word("load", F32, d=0, a=0),
            word("load", F32, d=1, a=1),
            word("add", F32, d=0, a=0, b=1),
            word("store", F32, a=0, b=2),
        ),
    )
    tensors = (
        programs.tensor("x", Storage.INPUT, S0),
        programs.tensor("y", Storage.INPUT, S1),
        programs.tensor("z", Storage.OUTPUT, extent),
    )
    return programs.program("broadcast", 2, tensors, kernel, dims=(Dim(DimOp.BROADCAST, S0, S1),), facts=facts)


@pytest.mark.parametrize(
    ("left", "right", "result"), [(5, 5, 5), (1, 5, 5), (5, 1, 5), (1, 1, 1), (0, 1, 0), (1, 0, 0)]
)
def test_broadcasting(left: int, right: int, result: int) -> None:
    x, y = np.arange(left, dtype=np.float32), 10 * np.arange(1, right + 1, dtype=np.float32)
    (z,) = Machine(broadcast_sum(), Device(1, UNIFIED_BUFFER)).call([x, y])
    assert z.shape == (result,)
    assert z.tolist() == [x[min(i, left - 1)] + y[min(i, right - 1)] for i in range(result)]


def test_extents_that_do_not_broadcast() -> None:
    with pytest.raises(
        BroadcastError, match=r"^s0 is 3 and s1 is 5: they must be equal, or one of them 1, to broadcast$"
    ):
        bound(broadcast_sum(), (3,), (5,))


@pytest.mark.parametrize(("left", "right"), [(S0, S1), (S1, S0)])
def test_extents_that_do_not_broadcast_where_a_fact_says_why(left: int, right: int) -> None:
    names = {S0: "s0 = 3 (input 'x', dim 0)", S1: "s1 = 5 (input 'y', dim 0)"}
    message = f"{names[left]} does not broadcast with {names[right]}: {REASON}"
    fact = Fact(FactKind.BROADCASTABLE, left, right, REASON)
    with pytest.raises(ShapeError, match=f"^{re.escape(message)}$"):
        bound(broadcast_sum(Fact(FactKind.EQUAL, S0, S1, "another"), fact), (3,), (5,))


# --- merging axes ---


@pytest.mark.parametrize(
    ("shape", "strides", "extents", "read"),
    [
        ((3, 4, 5), None, (60,), (4,)),
        ((1, 4, 1), None, (4,), (4,)),
        ((1, 1, 1), None, (), ()),
        ((3, 4, 5), (160, 40, 8), (60,), (8,)),  # every other element of a longer array
        ((3, 4, 5), (96, 24, 4), (12, 5), (24, 4)),  # rows of 6
        ((3, 4, 5), (200, 20, 4), (3, 20), (200, 4)),  # matrices of 10 rows
        ((3, 4, 5), (4, 12, 48), (3, 4, 5), (4, 12, 48)),  # column-major
        ((3, 4, 5), (-80, -20, -4), (60,), (-4,)),  # reversed
        ((3, 4, 5), (0, 20, 4), (3, 20), (0, 4)),  # broadcast by the caller
        ((3, 4, 5), (0, 0, 0), (60,), (0,)),
        ((3, 1, 5), (20, 999, 4), (15,), (4,)),  # the step along a dim of 1 means nothing
    ],
)
def test_axes_merge_where_all_operands_step_alike(
    shape: Shape, strides: Strides | None, extents: Shape, read: Strides
) -> None:
    kernel = only_kernel(bound(copy(3), shape, strides=(strides,)))
    assert kernel.domain.extents == extents
    assert kernel.domain.points == prod(shape)
    assert kernel.views[0].strides == read
    assert kernel.views[0].shape == extents
    assert kernel.views[1].strides == tuple(4 * prod(extents[axis + 1 :]) for axis in range(len(extents)))


def _strided_arrays() -> Iterator[np.ndarray]:
    memory = np.arange(6 * 8 * 10, dtype=np.float32).reshape(6, 8, 10)
    yield memory[::2, ::2, ::2]
    yield memory[:3, :4, :5]
    yield memory[::-1, ::-1, ::-1]
    yield memory.T
    yield memory[:, :1]
    yield np.broadcast_to(memory[0, 0], (3, 4, 10))
    yield np.broadcast_to(memory[:, :1, :1], (6, 4, 10))
    yield np.broadcast_to(memory[0, 0, 0], (3, 4, 5))


@pytest.mark.parametrize("array", list(_strided_arrays()), ids=lambda array: f"{array.shape}{array.strides}")
@pytest.mark.parametrize("buffer", [64, 1 << 12])
def test_strided_arrays_are_read_in_place(array: np.ndarray, buffer: int) -> None:
    machine = Machine(copy(3), Device(2, buffer))
    (result,) = machine.call([array])
    assert result.tolist() == array.tolist()
    (plan,) = machine._plans.values()
    assert only_kernel(plan).views[0].root == 0


def test_an_operand_without_an_axis_keeps_it_apart() -> None:
    kernel = only_kernel(bound(programs.add(), (6, 7), (7,)))
    assert kernel.domain.extents == (6, 7)
    assert [view.shape for view in kernel.views] == [(6, 7), (1, 7), (6, 7)]
    assert [view.mask for view in kernel.views] == [0b11, 0b10, 0b11]


@pytest.mark.parametrize(
    ("shape", "extents", "reductions"), [((6, 7), (6, 7), 0b10), ((1, 7), (7,), 1), ((6, 1), (6,), 0)]
)
def test_reduction_axes_stay_apart_from_parallel_ones(shape: Shape, extents: Shape, reductions: int) -> None:
    domain = only_kernel(bound(row_sum(), shape)).domain
    assert (domain.extents, domain.reductions) == (extents, reductions)
    assert domain.parallel_mask == (1 << len(extents)) - 1 - reductions


@pytest.mark.parametrize(("name", "shapes", "extents"), [
    ("masked", ((3, 4),), (3, 4)),  # iota along each axis
    ("concat", ((2, 4), (1, 4)), (3, 4)),  # guarded operands
    ("gather", ((5, 4), (3,)), (3, 4)),
    ("matmul", ((1, 1), (1, 1)), (1, 1, 1)),
    ("grouped_matmul", ((4, 1), (2, 1, 3), (2,)), (4, 3, 1)),
])  # fmt: skip
def test_axes_that_instructions_name_are_not_merged(name: str, shapes: tuple[Shape, ...], extents: Shape) -> None:
    program = next(make() for make in programs.ALL if make.__name__ == name)
    assert only_kernel(bound(program, *shapes)).domain.extents == extents


@pytest.mark.parametrize(("mask", "extents"), [(0b111, (60,)), (0b110, (3, 20)), (0b011, (12, 5)), (0b000, (60,))])
def test_the_axes_of_a_fill_are_not_merged_with_others(mask: int, extents: Shape) -> None:
    words = (
        once(),
        word("fill", F32, aux=0b1, d=0, a=0, b=mask),
        word("load", F32, d=1, a=0),
        word("add", F32, d=0, a=0, b=1),
        word("store", F32, a=0, b=1),
    )
    program = with_kernel(copy(3), words=words, slots=2, scalars=(Scalar(F32, 1.0),))
    assert only_kernel(bound(program, (3, 4, 5))).domain.extents == extents
    x = np.arange(60, dtype=np.float32).reshape(3, 4, 5)
    (y,) = Machine(program, Device(1, 64)).call([x])
    assert y.tolist() == (x + 1).tolist()


# --- tiles ---

BUFFERS = (1 << 8, 1 << 12, 1 << 16, 1 << 20, 1 << 24)

CASES: tuple[tuple[Callable[[], Program], tuple[Shape, ...]], ...] = (
    (programs.add, ((1000, 700), (700,))),
    (programs.add, ((3, 100_003), (100_003,))),
    (programs.add, ((1, 1), (1,))),
    (lambda: copy(3), ((17, 1031, 3),)),
    (row_sum, ((1000, 700),)),
    (row_sum, ((1, 300_007),)),
    (row_sum, ((300_007, 1),)),
    (row_sum, ((300_007, 2),)),
    (programs.row_sum, ((40, 1000),)),
    (programs.softmax, ((1000, 700),)),
    (programs.softmax, ((3, 100_003),)),
    (programs.masked, ((100, 1000),)),
    (programs.concat, ((100, 300), (7, 300))),
    (programs.matmul, ((200, 300), (300, 100))),
    (programs.gather, ((50, 300), (400,))),
)


def _sizes(kernel: KernelPlan) -> list[int]:
    """The bytes that each slot needs, from the extents of the first tile."""
    sizes = [0] * kernel.prepared.kernel.slots
    for value, mask, home in zip(kernel.prepared.values, kernel.masks, kernel.homes, strict=True):
        if home < 0:
            elements = prod(extent for axis, extent in enumerate(kernel.tiling.tile) if mask >> axis & 1)
            sizes[value.slot] = max(sizes[value.slot], elements * value.type.bytes)
    return sizes


@pytest.mark.parametrize("buffer", BUFFERS)
@pytest.mark.parametrize("number", range(len(CASES)))
def test_slots_lie_apart_and_fit_the_unified_buffer(number: int, buffer: int) -> None:
    make, shapes = CASES[number]
    kernel = only_kernel(bound(make(), *shapes, buffer=buffer))
    tiling = kernel.tiling
    sizes = _sizes(kernel)
    ends = [*tiling.slot_offsets[1:], tiling.unified_buffer_bytes]
    for start, size, end in zip(tiling.slot_offsets, sizes, ends, strict=True):
        assert start % 64 == 0
        assert start + size <= end
    # each slot begins on a cache line, and a matrix product takes blocks of 16 at the least
    least = 3 * 16 * 16 * 4 if kernel.prepared.factors else 0
    assert sum(sizes) <= max(buffer, least)
    assert tiling.unified_buffer_bytes <= max(buffer, least) + 63 * len(sizes)


@pytest.mark.parametrize("buffer", BUFFERS)
@pytest.mark.parametrize("number", range(len(CASES)))
def test_tiles_cover_the_domain_once(number: int, buffer: int) -> None:
    make, shapes = CASES[number]
    kernel = only_kernel(bound(make(), *shapes, buffer=buffer))
    extents = kernel.domain.extents
    for axis, (extent, tile, count) in enumerate(zip(extents, kernel.tiling.tile, kernel.counts, strict=True)):
        assert 1 <= tile <= extent
        assert (count - 1) * tile < extent <= count * tile
        numbers = kernel.parallel_axes if axis in kernel.parallel_axes else kernel.reduction_axes
        assert axis in numbers
    points = 0
    origins: set[tuple[int, ...]] = set()
    items, steps = kernel.parallel_tiles, kernel.reduction_tiles
    if items * steps > 5000:
        return
    for item, step in product(range(items), range(steps)):
        span = kernel.span(item, step)
        assert span == kernel.span(item, step)
        points += prod(span.extents)
        origins.add(span.origin)
        for start, size, extent in zip(span.origin, span.extents, extents, strict=True):
            assert size >= 1
            assert start + size <= extent
    assert len(origins) == items * steps
    assert points == prod(extents)


def test_a_larger_unified_buffer_has_larger_tiles() -> None:
    sizes = [
        prod(only_kernel(bound(programs.softmax(), (4000, 1024), buffer=buffer)).tiling.tile) for buffer in BUFFERS
    ]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[1] < sizes[2]


def test_the_plan_does_not_depend_on_the_number_of_cores() -> None:
    for make, shapes in CASES:
        kernels = [only_kernel(Machine(make(), Device(cores, 1 << 14)).plan(shapes)) for cores in (1, 2, 7, 64)]
        assert all(kernel.tiling == kernels[0].tiling for kernel in kernels)
        assert all(kernel.counts == kernels[0].counts for kernel in kernels)


# --- chunks of a split reduction ---


@pytest.mark.parametrize(("rows", "chunks"), [(1, 16), (2, 8), (3, 6), (5, 4), (7, 3)])
def test_a_reduction_to_few_tiles_is_split(rows: int, chunks: int) -> None:
    # The buffer holds a small part of a row, so that each row is a tile of its own.
    kernel = only_kernel(bound(row_sum(), (rows, 100_000), buffer=1 << 12))
    assert kernel.parallel_tiles == rows
    assert kernel.tiling.chunks == chunks
    assert kernel.reduction_tiles >= chunks


def test_many_tiles_or_one_step_are_not_split() -> None:
    many = only_kernel(bound(row_sum(), (64, 100_000), buffer=1 << 12))
    assert many.parallel_tiles >= 8
    assert many.tiling.chunks == 1
    assert many.split_accumulators == {}
    single = only_kernel(bound(row_sum(), (1, 100)))
    assert single.reduction_tiles == 1
    assert single.tiling.chunks == 1


def test_there_are_no_more_chunks_than_steps() -> None:
    found: set[int] = set()
    for columns in range(100, 120_000, 3001):
        kernel = only_kernel(bound(row_sum(), (1, columns), buffer=1 << 16))
        assert 1 <= kernel.tiling.chunks <= max(kernel.reduction_tiles, 1)
        found.add(kernel.tiling.chunks)
    assert len(found) > 2


def test_accumulators_of_a_split_reduction_have_slots_of_their_own() -> None:
    whole = only_kernel(bound(row_sum(), (64, 100_000), buffer=1 << 12))
    split = only_kernel(bound(row_sum(), (1, 100_000), buffer=1 << 12))
    (number,) = (number for number, value in enumerate(whole.prepared.values) if value.accumulates)
    assert whole.homes[number] == 1  # the output itself
    assert split.homes[number] == -1
    assert split.split_accumulators == {number: "rsum"}


def _store_in_the_stream() -> Program:
    words = list(row_sum().kernels[0].words)
    words.insert(5, word("store", F32, a=1, b=2))
    tensors = (*row_sum().tensors, programs.tensor("z", Storage.OUTPUT, S0, S1))
    kernel = replace(row_sum().kernels[0], words=tuple(words), operands=(reads(0, 0, 1), writes(1, 0), writes(2, 0, 1)))
    return programs.program("stored", 2, tensors, kernel)


def _reads_from_before_the_stream() -> Program:
    """y[s0] = w[s0] + the sum over x[s0, s1], where w is loaded first."""
    words = (
        once(),
        word("load", F32, d=2, a=2),
        word("rinit", F32, aux=ReduceKind.SUM, d=0),
        stream(),
        word("load", F32, d=1, a=0),
        word("rsum", F32, d=0, a=1),
        once(),
        word("add", F32, d=0, a=0, b=2),
        word("store", F32, a=0, b=1),
    )
    tensors = (
        programs.tensor("x", Storage.INPUT, S0, S1),
        programs.tensor("w", Storage.INPUT, S0),
        programs.tensor("y", Storage.OUTPUT, S0),
    )
    kernel = replace(row_sum().kernels[0], words=words, slots=3, operands=(reads(0, 0, 1), writes(2, 0), reads(1, 0)))
    return programs.program("before", 2, tensors, kernel)


@pytest.mark.parametrize(
    ("make", "shapes"),
    [
        (programs.softmax, ((1, 100_000),)),  # several stream passes
        (programs.matmul, ((1, 100_000), (100_000, 1))),
        (_store_in_the_stream, ((1, 100_000),)),
        (_reads_from_before_the_stream, ((1, 100_000), (1,))),
    ],
)
def test_what_must_not_be_split(make: Callable[[], Program], shapes: tuple[Shape, ...]) -> None:
    kernel = only_kernel(bound(make(), *shapes, buffer=1 << 10))
    assert kernel.tiling.chunks == 1
    machine = Machine(make(), Device(3, 1 << 10))
    arrays = [np.ones(shape, np.float32) for shape in shapes]
    expected = {"softmax": 1e-5, "matmul": 1e5, "stored": 1e5, "before": 1e5 + 1}[machine.program.name]
    assert np.allclose(machine.call(arrays)[0], expected, rtol=1e-5)


@pytest.mark.parametrize("tail", [(), (word("sqrt", F32, d=0, a=0),)], ids=["plain", "with-an-epilogue"])
def test_a_split_reduction_is_right(tail: tuple[int, ...]) -> None:
    x = (np.arange(3 * 50_021) % 7).astype(np.float32).reshape(3, 50_021)
    machine = Machine(row_sum(tail), Device(2, 1 << 12))
    assert only_kernel(machine.plan((x.shape,))).tiling.chunks > 1
    expected = [sum(row) for row in x.astype(int).tolist()]
    assert machine.call([x])[0].tolist() == [np.sqrt(np.float32(e)) if tail else float(e) for e in expected]


# --- refusals ---


def shifted(coefficient: int, offset: int) -> Program:
    """y[s0] = x[coefficient * i + offset] of x[s1], for entries of the table of dims; 4 is -1, 5 is s1 - 1, 6 is 2"""
    kernel = copied((S0,), (Index(((0, coefficient),), offset),), along(0))
    tensors = programs.tensor("x", Storage.INPUT, S1), programs.tensor("y", Storage.OUTPUT, S0)
    tensors = (*tensors, programs.tensor("like", Storage.INPUT, S0))
    dims = Dim(DimOp.CONSTANT, -1), Dim(DimOp.SUB, S1, ONE), Dim(DimOp.CONSTANT, 2)
    made = programs.program("shifted", 2, tensors, kernel, dims=dims)
    return replace(made, inputs=(Input(0, ("",)), Input(2, ("",))))


MINUS_ONE, LAST, TWO = 4, 5, 6


@pytest.mark.parametrize(
    ("coefficient", "offset", "extent", "points", "reached"),
    [
        (ONE, ZERO, 5, 6, 5),
        (ONE, ONE, 5, 5, 5),
        (TWO, ZERO, 5, 4, 6),
        (TWO, ONE, 5, 3, 5),
        (ONE, MINUS_ONE, 5, 3, -1),
        (MINUS_ONE, ZERO, 5, 3, -2),
        (MINUS_ONE, LAST, 5, 6, -1),
    ],
)
def test_an_access_map_that_leaves_its_tensor(
    coefficient: int, offset: int, extent: int, points: int, reached: int
) -> None:
    message = f"^operand 0 of kernel 'k0' would reach index {reached} of a dim of extent {extent}$"
    with pytest.raises(BytecodeError, match=message):
        bound(shifted(coefficient, offset), (extent,), (points,))


@pytest.mark.parametrize(
    ("coefficient", "offset", "extent", "expected"),
    [
        (ONE, ZERO, 5, [0, 1, 2, 3, 4]),
        (ONE, ONE, 5, [1, 2, 3, 4]),
        (TWO, ONE, 6, [1, 3, 5]),
        (MINUS_ONE, LAST, 5, [4, 3, 2, 1, 0]),
        (ZERO, ONE, 5, [1, 1, 1]),
        (TWO, LAST, 1, [0, 0, 0]),  # an index into a dim of 1 is 0
        (TWO, LAST, 5, []),  # nothing is read
    ],
)
def test_an_access_map_that_stays_inside(coefficient: int, offset: int, extent: int, expected: list[int]) -> None:
    machine = Machine(shifted(coefficient, offset), Device(1, UNIFIED_BUFFER))
    x = np.arange(extent, dtype=np.float32)
    assert machine.call([x, np.empty(len(expected), np.float32)])[0].tolist() == expected


def test_an_output_that_is_not_written_whole() -> None:
    tensors = (*two_vectors().tensors[:2], programs.tensor("z", Storage.OUTPUT, S1))
    program = replace(two_vectors(), tensors=tensors)
    assert bound(program, (3,), (3,)).output_shapes == ((3,),)
    for extent in (0, 2, 5):
        with pytest.raises(BytecodeError, match=f"^kernel 'k0' would write 3 elements along a dim of {extent}$"):
            bound(program, (3,), (extent,))
    with pytest.raises(BytecodeError, match=r"^kernel 'k0' would write 0 elements along a dim of 5$"):
        bound(program, (0,), (5,))
    with pytest.raises(BytecodeError, match=r"^kernel 'k0' would write 0 elements along a dim of 1$"):
        bound(program, (0,), (1,))


def test_an_output_dim_that_no_axis_follows_must_be_1() -> None:
    kernel = copied((S0,), along(0), along(0, None))
    tensors = programs.tensor("x", Storage.INPUT, S0), programs.tensor("y", Storage.OUTPUT, S0, ONE)
    program = programs.program("kept", 1, tensors, kernel)
    assert bound(program, (3,)).output_shapes == ((3, 1),)
    wide = replace(program, tensors=(tensors[0], programs.tensor("y", Storage.OUTPUT, S0, S0)))
    with pytest.raises(BytecodeError, match=r"^kernel 'k0' would write 1 elements along a dim of 3$"):
        bound(wide, (3,))


def test_a_store_of_more_than_its_tensor_holds() -> None:
    """The output has a dim of 1 along an axis that the stored value has."""
    tensors = (*two_vectors().tensors[:2], programs.tensor("z", Storage.OUTPUT, S1))
    program = replace(two_vectors(), tensors=tensors)
    with pytest.raises(BytecodeError, match=r"^kernel 'k0': the tiles of a 'store' do not fit$"):
        bound(program, (3,), (1,))


def _guarded_onto_fewer_axes() -> tuple[Program, tuple[Shape, ...]]:
    words = list(programs.concat().kernels[0].words)
    words[1] = word("fill", F32, aux=0b1, d=0, a=0, b=0b01)
    return with_kernel(programs.concat(), words=tuple(words)), ((2, 4), (3, 4))


def _gather_by_an_index_of_another_axis() -> tuple[Program, tuple[Shape, ...]]:
    operands = reads(0, None, 0, free_dim=0), reads(1, 1), writes(2, 1, 0)
    axes = Axis(False, S2), Axis(False, S0)
    return with_kernel(programs.gather(), axes=axes, operands=operands), ((5, 4), (3,))


def _matmul_of(left: tuple[int, ...], right: tuple[int, ...]) -> tuple[Program, tuple[Shape, ...]]:
    operands = reads(0, *left), reads(1, *right), writes(2, 0, 1)
    return with_kernel(programs.matmul(), operands=operands), ((4, 4), (4, 4))


def _grouped_with_transposed_weights_of_a_batch() -> tuple[Program, tuple[Shape, ...]]:
    made = programs.grouped_matmul()
    operands = list(made.kernels[0].operands)
    operands[1] = reads(1, None, 0, 1, free_dim=0)
    return with_kernel(made, operands=tuple(operands)), ((4, 4), (2, 4, 4), (2,))


@pytest.mark.parametrize(
    ("made", "mnemonic"),
    [
        (_guarded_onto_fewer_axes(), "loadg"),
        (_gather_by_an_index_of_another_axis(), "gather"),
        (_matmul_of((0, 1), (2, 1)), "mm"),  # the left factor has n
        (_matmul_of((0, 0), (2, 1)), "mm"),  # and lacks k
        (_matmul_of((0, 2), (2, 0)), "mm"),  # the right factor has m
        (_matmul_of((0, 2), (1, 1)), "mm"),  # and lacks k
        (_grouped_with_transposed_weights_of_a_batch(), "gmm"),
    ],
)
def test_tiles_that_do_not_fit(made: tuple[Program, tuple[Shape, ...]], mnemonic: str) -> None:
    program, shapes = made
    with pytest.raises(BytecodeError, match=f"^kernel 'k0': the tiles of a '{mnemonic}' do not fit$"):
        bound(program, *shapes)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (Index((), ONE), "a guarded operand has a dim without an axis"),
        (Index(((0, ZERO),), ZERO), "a guarded operand needs one axis of step 1 for each dim"),
        (Index(((1, ONE),), ZERO), "a guarded operand needs one axis of step 1 for each dim"),
        (Index(((0, ONE), (1, ONE)), ZERO), "a guarded operand needs one axis of step 1 for each dim"),
    ],
)
def test_guarded_operands_follow_one_axis_a_dim(index: Index, message: str) -> None:
    made = programs.concat()
    operands = list(made.kernels[0].operands)
    operands[0] = Operand(0, False, (index, Index(((1, ONE),), ZERO)), guarded=True)
    with pytest.raises(BytecodeError, match=f"^kernel 'k0': {message}$"):
        bound(with_kernel(made, operands=tuple(operands)), (2, 4), (3, 4))


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (Index(((1, ONE),), ONE), "an operand with a free dim needs one whole axis for each other dim"),
        (Index(((1, ZERO),), ZERO), "an operand with a free dim needs one whole axis for each other dim"),
        (Index((), ZERO), "an operand with a free dim needs one whole axis for each other dim"),
        (Index(((0, ONE),), ZERO), "an axis of 3 meets a dim of 4"),
    ],
)
def test_operands_with_a_free_dim_follow_whole_axes(index: Index, message: str) -> None:
    made = programs.gather()
    operands = list(made.kernels[0].operands)
    operands[0] = Operand(0, False, (Index((), ZERO), index), free_dim=0)
    with pytest.raises(BytecodeError, match=f"^kernel 'k0': {message}$"):
        bound(with_kernel(made, operands=tuple(operands)), (5, 4), (3,))


def test_a_view_of_another_number_of_elements() -> None:
    made = programs.two_stages()
    program = replace(made, dims=(*made.dims[:4], Dim(DimOp.ADD, S0, S1)))
    assert bound(program, (2, 2)).output_shapes == ((2,), (4,))
    with pytest.raises(ShapeError, match=r"^tensor 'v' of shape \(5,\) cannot view one of \(2, 3\)$"):
        bound(program, (2, 3))


def test_a_tensor_of_negative_extent() -> None:
    program = two_vectors(dims=(Dim(DimOp.SUB, S0, S1),))
    program = replace(program, tensors=(*program.tensors[:2], programs.tensor("z", Storage.OUTPUT, S0, 4)))
    with pytest.raises(ShapeError, match=r"^dim 1 of tensor 'z' would be -2$"):
        bound(program, (3,), (5,))


def test_an_axis_of_negative_extent() -> None:
    program = two_vectors(dims=(Dim(DimOp.SUB, S0, S1),))
    with pytest.raises(ShapeError, match=r"^an axis of kernel 'k0' would have extent -2$"):
        bound(with_kernel(program, axes=(Axis(False, 4),)), (3,), (5,))


def test_sizes_up_to_the_limit() -> None:
    elements = MAXIMUM_BYTES // 4
    kernel = only_kernel(bound(copy(2), (elements // 2, 2)))
    assert kernel.domain.points == elements
    with pytest.raises(ShapeError, match=f"^tensor 'x' would take {MAXIMUM_BYTES + 4} bytes$"):
        bound(copy(1), (elements + 1,))
    with pytest.raises(ShapeError, match=f"^tensor 'x' would take {MAXIMUM_BYTES * 2} bytes$"):
        bound(copy(2), (elements, 2))


def test_a_stride_0_input_counts_whole() -> None:
    with pytest.raises(ShapeError, match=r"^tensor 'x' would take"):
        bound(copy(2), (1 << 40, 1 << 10), strides=((0, 0),))


def test_workspace_up_to_the_limit() -> None:
    """Two workspace tensors, each small enough, together are not; a third lies in the output, which is written last."""
    middle = [programs.tensor(name, Storage.WORKSPACE, S0) for name in ("u", "v", "w")]
    tensors = (programs.tensor("x", Storage.INPUT, S0), *middle, programs.tensor("y", Storage.OUTPUT, S0))
    kernels = [
        replace(copied((S0,), along(0), along(0)), operands=(reads(number, 0), writes(number + 1, 0)))
        for number in range(4)
    ]
    program = programs.program("chain", 1, tensors, *kernels)
    assert bound(program, (5,)).workspace_bytes == 128
    assert bound(program, (17,)).workspace_bytes == 256
    assert bound(program, (MAXIMUM_BYTES // 8,)).workspace_bytes == MAXIMUM_BYTES
    with pytest.raises(ShapeError, match=f"^the workspace would take {MAXIMUM_BYTES + 128} bytes$"):
        bound(program, (MAXIMUM_BYTES // 8 + 1,))


def test_a_scalar_from_a_dim_that_its_type_cannot_hold() -> None:
    def masked(element: int) -> Program:
        words = list(programs.masked().kernels[0].words)
        words[1:3] = word("iota", I32, d=0, a=1), word("lt", I32, aux=0b10, d=1, a=0, b=0)
        made = with_kernel(programs.masked(), scalars=(Scalar(I32, 0, 4),), words=tuple(words))
        return made if element is I32 else programs.masked()

    assert only_kernel(bound(masked(I32), ((1 << 30) - 1, 1))).scalars == ((1 << 31) - 2,)
    assert only_kernel(bound(masked(I64), (1 << 30, 1))).scalars == (1 << 31,)
    with pytest.raises(ShapeError, match=f"^a dim of {1 << 31} does not fit an i32$"):
        bound(masked(I32), (1 << 30, 1))


# --- empty axes ---


@pytest.mark.parametrize("shape", [(0, 4), (3, 0), (0, 0)])
def test_an_empty_parallel_axis_leaves_nothing_to_do(shape: Shape) -> None:
    plan = bound(copy(2), shape)
    assert plan.stages == ((),)
    assert plan.output_shapes == (shape,)
    (result,) = Machine(copy(2), Device(1, UNIFIED_BUFFER)).call([np.empty(shape, np.float32)])
    assert result.shape == shape


@pytest.mark.parametrize(("make", "dtype"), [(row_sum, np.float32), (programs.row_sum, np.float16)])
def test_an_empty_reduction_axis_gives_the_identity(make: Callable[[], Program], dtype: type) -> None:
    kernel = only_kernel(bound(make(), (3, 0)))
    assert kernel.parallel_tiles == 1
    assert kernel.reduction_tiles == 0
    assert kernel.tiling.chunks == 1
    (result,) = Machine(make(), Device(2, UNIFIED_BUFFER)).call([np.empty((3, 0), dtype)])
    assert result.tolist() == [0, 0, 0]


def test_what_follows_an_empty_axis_is_never_read_and_so_not_refused() -> None:
    operands = Operand(0, False, (Index(((0, ONE),), ZERO), Index(((1, ONE),), ONE))), writes(1, 0)
    program = with_kernel(row_sum(), operands=operands)
    (result,) = Machine(program, Device(1, UNIFIED_BUFFER)).call([np.empty((3, 0), np.float32)])
    assert result.tolist() == [0, 0, 0]
    with pytest.raises(BytecodeError, match=r"^operand 0 of kernel 'k0' would reach index 2 of a dim of extent 2$"):
        bound(program, (3, 2))


# --- what is known before shapes are ---


def test_inputs_that_are_viewed_and_symbols() -> None:
    made = copy(2)
    view = programs.tensor("v", Storage.VIEW, 4, source=0)
    flat = replace(copied((4,), along(0), along(0)), operands=(reads(2, 0), writes(1, 0)))
    tensors = (made.tensors[0], programs.tensor("y", Storage.OUTPUT, 4), view)
    program = programs.program("flat", 2, tensors, flat, dims=(Dim(DimOp.MUL, S0, S1),))
    prepared = prepare_program(program)
    assert prepared.viewed_inputs == {0}
    assert prepared.roots == (0, 1, 0)
    assert prepared.symbol_sources == ((0, 0), (0, 1))
    assert prepare_program(programs.two_stages()).viewed_inputs == frozenset()
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    for array in (x, x[:, ::-1], x.T):
        (y,) = Machine(program, Device(1, UNIFIED_BUFFER)).call([array])
        assert y.tolist() == [element for row in array.tolist() for element in row]


def test_where_values_live() -> None:
    """A load without conversion is read in place, a store without one is computed into; f16 needs slots."""
    direct = only_kernel(bound(programs.add(), (6, 7), (7,)))
    assert direct.homes == (0, 1, 2)
    assert direct.tiling.unified_buffer_bytes == 0
    converted = only_kernel(bound(programs.row_sum(), (6, 7)))
    assert converted.homes == (-1, -1)
    assert converted.tiling.unified_buffer_bytes > 0
    assert converted.prepared.memory_types == (F16, F16)


# --- products with a factor in common ---


@pytest.mark.parametrize(
    ("right", "shape", "extents"),
    [
        ("tensor<?x?xf32>", (5, 6), (12, 6, 5)),
        ("tensor<?x?x?xf32>", (3, 5, 6), (3, 4, 6, 5)),
        ("tensor<?x?x?xf32>", (1, 5, 6), (12, 6, 5)),
    ],
)
def test_rows_of_a_batch_are_rows_of_one_product_where_its_matrix_is_one(
    right: str, shape: Shape, extents: Shape
) -> None:
    program = dvm.compile(
        f"func.func @f(%a : tensor<?x?x?xf32>, %b : {right}) -> tensor<?x?x?xf32> {{ %c = dvm.matmul %a, %b "
        f"trans_a false trans_b false : tensor<?x?x?xf32>, {right} -> tensor<?x?x?xf32> return %c : tensor<?x?x?xf32> }}"
    )
    machine = program._machine
    assert isinstance(machine, Machine)
    kernel = only_kernel(machine.plan(((3, 4, 5), shape)))
    assert kernel.domain.extents == extents
    random = np.random.default_rng(0)
    a, b = (random.integers(-9, 9, of).astype(np.float32) for of in ((3, 4, 5), shape))
    assert np.array_equal(program(a, b), a @ b)


def test_rows_are_not_merged_with_a_batch_whose_matrices_the_caller_repeats() -> None:
    program = dvm.compile(
        "func.func @f(%a : tensor<?x?x?x?xf32>, %b : tensor<?x?x?x?xf32>) -> tensor<?x?x?x?xf32> { %c = dvm.matmul %a, %b "
        "trans_a false trans_b false : tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32> -> tensor<?x?x?x?xf32> "
        "return %c : tensor<?x?x?x?xf32> }"
    )
    random = np.random.default_rng(0)
    a, b = (random.integers(-9, 9, of).astype(np.float32) for of in ((2, 5, 4, 3), (1, 1, 3, 6)))
    repeated = np.broadcast_to(b, (2, 1, 3, 6))
    assert np.array_equal(program(a, repeated), a @ repeated)


def test_what_is_laid_together_may_have_no_axes() -> None:
    tile = np.array(0, np.float32)
    steps.load_guarded(np.array(5, np.float32), (), [], tile)
    assert tile == 5


# --- tiles for the cores ---


@pytest.mark.parametrize(
    ("extent", "limit", "tile"),
    [
        (270, 135, 135),
        (270, 128, 80),
        (250, 128, 128),
        (300, 100, 80),
        (1000, 100, 100),
        (7, 100, 7),
        (0, 4, 0),
    ],
)
def test_few_tiles_are_a_power_of_two(extent: int, limit: int, tile: int) -> None:
    found = tiling._even(extent, limit)
    assert found == tile
    assert found <= max(limit, extent)
    count = -(-extent // found) if found else 0
    assert count >= 8 or count in (0, 1, 2, 4)


@pytest.mark.parametrize(
    ("m", "n", "k", "tile"),
    [
        (17, 768, 256, (17, 768)),
        (17, 4096, 256, (17, 2048)),
        (270, 256, 256, (135, 256)),
        (135, 256, 256, (135, 256)),
        (135, 512, 256, (135, 256)),
        (300, 256, 256, (150, 256)),
        (512, 512, 512, (128, 512)),
        (16, 16, 16, (16, 16)),
        (1024, 1024, 1024, (128, 1024)),
        (4096, 4096, 4096, (512, 4096)),
    ],
)
def test_blocks_of_a_product(m: int, n: int, k: int, tile: tuple[int, int]) -> None:
    domain = layout.Domain((m, n, k), 4, (0, 1, 2))
    assert tiling._matrix_tile(domain, True, 0, 3, Target(1 << 20, NUMPY))[:2] == tile


# --- plans that kernels keep ---

STEP = """
!row = tensor<?x4xf32, #dvm.sym<["n", "4"]>>
func.func @f(%x : tensor<3x4xf32>, %past : !row) -> (tensor<3x4xf32>, tensor<4x4xf32>) {
  %e = dvm.unary Exp %past : !row -> !row
  %t = dvm.transpose %e permutation [1, 0] : !row -> tensor<4x?xf32, #dvm.sym<["4", "n"]>>
  %p = dvm.matmul %t, %past trans_a false trans_b false : tensor<4x?xf32, #dvm.sym<["4", "n"]>>, !row -> tensor<4x4xf32>
  %s = dvm.softmax %x axis -1 : tensor<3x4xf32> -> tensor<3x4xf32>
  %q = dvm.matmul %s, %p trans_a false trans_b false : tensor<3x4xf32>, tensor<4x4xf32> -> tensor<3x4xf32>
  %r = dvm.matmul %q, %p trans_a false trans_b false : tensor<3x4xf32>, tensor<4x4xf32> -> tensor<3x4xf32>
  return %r, %p : tensor<3x4xf32>, tensor<4x4xf32>
}
"""


def test_kernels_that_see_nothing_of_a_new_shape_keep_their_plan() -> None:
    program = dvm.compile(STEP, device=Device(1))
    machine = program._machine
    assert isinstance(machine, Machine)
    random = np.random.default_rng(0)
    x = random.standard_normal((3, 4)).astype(np.float32)
    seen: list[set[int]] = []
    for length in (1, 40, 3, 700, 41, 1, 0, 40):
        past = random.standard_normal((length, 4)).astype(np.float32)
        wide = past.astype(np.float64)
        product = np.exp(wide).T @ wide
        exponential = np.exp(x.astype(np.float64))
        rows = exponential / exponential.sum(-1, keepdims=True) @ product @ product
        for _ in range(2):
            found, inner = program(x, past)
            np.testing.assert_allclose(inner, product, rtol=1e-4, atol=1e-4)
            np.testing.assert_allclose(found, rows, rtol=1e-4, atol=1e-3 * max(1, np.abs(rows).max(initial=0)))
        plans = [plan for stage in machine.plan((x.shape, past.shape)).stages for plan in stage]
        seen.append({plan.key for plan in plans})
    always = set.intersection(*seen)
    assert always, "no kernel kept its plan"
    assert len(set.union(*seen)) > len(always)


def test_operands_that_lie_elsewhere() -> None:
    kernel = only_kernel(bound(copy(2), (3, 4)))
    places = [(view.root, view.offset) for view in kernel.views]
    moved = kernel.moved(places, [(7, 640), (8, 64)])
    assert [(view.root, view.offset) for view in moved.views] == [(7, 640), (8, 64)]
    assert moved.key == kernel.key
    assert moved.span(0, 0) is kernel.span(0, 0)
    again = moved.original
    assert again is kernel


# --- kernels that do the same ---

LAYERS = """
!m = tensor<?x?xf32, #dvm.sym<["r", "n"]>>
!c = tensor<?x1xf32, #dvm.sym<["r", "1"]>>
func.func @main(%x : !m, %w : tensor<?x?xf32, #dvm.sym<["n", "n"]>>) -> (!m, !m) {
  %0 = dvm.matmul %x, %w trans_a false trans_b false : !m, tensor<?x?xf32, #dvm.sym<["n", "n"]>> -> !m
  %1 = dvm.softmax %0 axis -1 : !m -> !m
  %2 = dvm.matmul %1, %w trans_a false trans_b true : !m, tensor<?x?xf32, #dvm.sym<["n", "n"]>> -> !m
  %3 = dvm.matmul %2, %w trans_a false trans_b false : !m, tensor<?x?xf32, #dvm.sym<["n", "n"]>> -> !m
  %4 = dvm.softmax %3 axis -1 : !m -> !m
  %5 = dvm.matmul %4, %w trans_a false trans_b true : !m, tensor<?x?xf32, #dvm.sym<["n", "n"]>> -> !m
  %6 = dvm.binary_scalar Mul %5, SCALE : !m, f32 -> !m
  %7 = dvm.binary_scalar Mul %5, OTHER : !m, f32 -> !m
  return %6, %7 : !m, !m
}
"""


@pytest.mark.parametrize("unified_buffer_bytes", [1 << 10, 1 << 20])
@pytest.mark.parametrize("shape", [(3, 5), (1, 1), (0, 4), (70, 300)])
def test_kernels_that_do_the_same_share_what_bind_finds(unified_buffer_bytes: int, shape: tuple[int, int]) -> None:
    """The second layer's plans are the first's but for where its operands lie, and its kernels keep their names."""
    program = dvm.compile(
        LAYERS.replace("SCALE", "2.0").replace("OTHER", "3.0"), device=dvm.Device(2, unified_buffer_bytes)
    )
    random = np.random.default_rng(0)
    x, w = (random.standard_normal(size).astype(np.float32) / 4 for size in (shape, (shape[1], shape[1])))
    value = x.astype(np.float64)
    for _ in range(2):
        scores = value @ w
        weights = np.exp(scores - scores.max(1, keepdims=True, initial=-np.inf))
        value = (weights / weights.sum(1, keepdims=True)) @ w.T
    for _ in range(2):
        first, second = program(x, w)
        np.testing.assert_allclose(first, value * 2, rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(second, value * 3, rtol=1e-3, atol=1e-5)
    made = program._machine
    assert isinstance(made, Machine)
    models = made._prepared.models
    assert any(model < number for number, model in enumerate(models))
    (plan,) = made._plans.values()
    names = [kernel.prepared.kernel.name for stage in plan.stages for kernel in stage]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("scale", "other"), [("0.0", "-0.0"), ("1.0", "2.0")])
def test_kernels_with_other_numbers_do_not_do_the_same(scale: str, other: str) -> None:
    text = """
    !m = tensor<?x4xf32, #dvm.sym<["r", "4"]>>
    func.func @main(%x : !m, %y : !m) -> (!m, !m) {
      %0 = dvm.binary_scalar Mul %x, SCALE : !m, f32 -> !m
      %1 = dvm.binary_scalar Mul %y, OTHER : !m, f32 -> !m
      return %0, %1 : !m, !m
    }
    """
    x = np.ones((2, 4), np.float32)
    program = dvm.compile(text.replace("SCALE", scale).replace("OTHER", other))
    first, second = program(x, x)
    assert first.tobytes() == (x * np.float32(scale)).tobytes()
    assert second.tobytes() == (x * np.float32(other)).tobytes()
