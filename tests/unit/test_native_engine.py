"""The native engine: its tile functions on runs of any layout, and whole programs, on tiles of any size and any number of cores.

What its tile functions compute is in test_tiles.py.
"""

import json
import math
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest

import dvm
from dvm.compiler import compile_text
from tests.unit import programs
from tests.unit.native_tiles import INSTRUCTION_SETS, NATIVE, NATIVE_TILES, Named, NativeTiles
from tests.unit.programs import F16, F32, I1, I32, I64, S0, S1, S2, once, reads, stream, word, writes
from tests.unit.test_tiles import FORMATS, nearest_even, wrapped
from tools import dvm_run
from vm import device, tiles
from vm.device import HAS_NATIVE, Device
from vm.errors import BoundsError, DvmError, ExecutionError
from vm.isa import BINARY, OPCODES, SELECT, UNARY, ElementType, ReduceKind
from vm.machine import Machine
from vm.program import Axis, Dim, DimOp, Kernel, KernelKind, Program, Scalar, Storage
from vm.recording import Recording

Array = npt.NDArray[Any]

BF16 = ElementType.BF16
NAN, INFINITY = math.nan, math.inf

needs_native = pytest.mark.skipif(not HAS_NATIVE, reason="DVM was installed without a C compiler")
each_set = pytest.mark.parametrize("functions", NATIVE_TILES, ids=INSTRUCTION_SETS)


@pytest.fixture(autouse=True)
def _on_all_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small kernels are worth all cores."""
    programs.make_worth_all_cores(monkeypatch)


# --- runs of any layout ---


class Function(NamedTuple):
    """A tile function as C knows it, with the types of what it reads and writes."""

    named: Named
    sources: tuple[ElementType, ...]
    result: ElementType


def _functions() -> Iterator[Function]:
    """Every one that works on each element by itself."""
    for opcode in OPCODES:
        count = {UNARY: 1, BINARY: 2, SELECT: 2}.get(opcode.format, 0)
        for element in sorted(opcode.types) if count else ():
            condition = (I1,) if opcode.format is SELECT else ()
            named = ("elementwise", opcode.mnemonic, int(element))
            yield Function(named, condition + (element,) * count, opcode.result_type(element))
    for source in ElementType:
        for result in ElementType:
            yield Function(("conversion", int(source), int(result)), (source,), result)
    for result in (F16, BF16):
        yield Function(("rounding", int(F32), int(result)), (F32,), F32)
    for exponent in tiles.POWERS:
        yield Function(("power", exponent), (F32,), F32)


def _label(function: Function) -> str:
    return " ".join(str(ElementType(part).text if isinstance(part, int) else part) for part in function.named)


each_function = pytest.mark.parametrize("function", [*_functions()], ids=_label)


def numbers(element: ElementType, count: int, random: np.random.Generator) -> Array:
    """Elements of every kind: truth values of any byte, special and subnormal floats, integers small and large."""
    dtype = tiles.DTYPES[element]
    anything = random.integers(0, 256, count * dtype.itemsize).astype(np.uint8).view(dtype)
    if element.is_integer:
        return np.where(random.integers(0, 2, count), anything, random.integers(-6, 6, count)).astype(dtype)
    if element is F32:
        special = random.choice(np.array([NAN, INFINITY, -INFINITY, 0.0, -0.0, 1e-40], np.float32), count)
        ordinary = (random.standard_normal(count) * 2.0 ** random.integers(-4, 7, count)).astype(np.float32)
        return np.where(random.integers(0, 8, count) == 0, special, ordinary)
    return anything


LAYOUTS: dict[str, Callable[[int], tuple[int, int]]] = {
    "contiguous": lambda size: (size, 0),
    "strided": lambda size: (3 * size, 0),
    "backwards": lambda size: (-2 * size, 0),
    "odd": lambda size: (size + 1, 1),
    "unaligned": lambda size: (size, 1),
    "scalar": lambda size: (0, 0),
}
"""By the size of an element the bytes from one to the next, and those before the first."""


def laid_out(count: int, dtype: Any, layout: str) -> tuple[Array, Array]:
    """Memory of bytes that mean something, and an array of elements in it."""
    size = np.dtype(dtype).itemsize
    step, start = LAYOUTS[layout](size)
    memory = np.full(start + abs(step) * count + size, 0xA5, np.uint8)
    start += -step * max(count - 1, 0) if step < 0 else 0
    return memory, np.ndarray((count,), dtype, memory, start, (step,))


def copied(values: Array, layout: str) -> Array:
    """The same elements; all of them the first one where they are a scalar."""
    _, array = laid_out(values.size, values.dtype, layout)
    array[...] = values[:1] if layout == "scalar" else values
    return array


def where_it_lies(array: Array, dtype: Any) -> Array:
    """Elements of another type in the places of those of a copy."""
    memory = array.base
    assert isinstance(memory, np.ndarray)
    return np.ndarray(array.shape, dtype, memory, array.ctypes.data - memory.ctypes.data, array.strides)


def computed(functions: NativeTiles, function: Function, sources: Sequence[Array]) -> Array:
    """The results from contiguous copies."""
    out = np.empty(sources[0].shape, tiles.DTYPES[function.result])
    functions.apply(function.named, out, *[source.copy() for source in sources])
    return out


@each_set
@each_function
def test_runs_of_all_layouts(functions: NativeTiles, function: Function) -> None:
    """The same bits as from contiguous copies, and nothing but these is written."""
    random = np.random.default_rng(0)
    for count in range(131):
        values = [numbers(element, count, random) for element in function.sources]
        for result in ("contiguous", str(random.choice([*LAYOUTS][1:-1]))):
            sources = [copied(value, str(random.choice([*LAYOUTS]))) for value in values]
            memory, out = laid_out(count, tiles.DTYPES[function.result], result)
            expected_memory, expected = laid_out(count, tiles.DTYPES[function.result], result)
            expected[...] = computed(functions, function, sources)
            functions.apply(function.named, out, *sources)
            assert memory.tobytes() == expected_memory.tobytes(), (count, result, [array.strides for array in sources])


@each_set
@each_function
def test_runs_in_place(functions: NativeTiles, function: Function) -> None:
    """The result lies where a source lies, or where both lie, in elements that are no larger."""
    random = np.random.default_rng(1)
    dtype = tiles.DTYPES[function.result]
    places = [place for place, element in enumerate(function.sources) if element.bytes >= function.result.bytes]
    for place in places:
        for layout in ("contiguous", "strided", "backwards", "odd", "unaligned"):
            for count in (*range(20), 63, 64, 65, 130):
                sources = [copied(numbers(element, count, random), layout) for element in function.sources]
                if function.sources[0] is function.sources[-1] and count % 2:
                    sources = [sources[place]] * len(sources)
                expected = computed(functions, function, sources)
                out = where_it_lies(sources[place], dtype)
                functions.apply(function.named, out, *sources)
                assert out.tobytes() == expected.tobytes(), (place, layout, count)


@each_set
@each_function
def test_elements_are_computed_by_themselves(functions: NativeTiles, function: Function) -> None:
    """The same bits from a run as from each element alone: what a tile is cut into makes no difference."""
    random = np.random.default_rng(2)
    sources = [numbers(element, 100, random) for element in function.sources]
    if function.named[1] in ("sin", "cos"):
        sources = [np.where(np.isfinite(sources[0]), sources[0], np.float32(1))]
    alone = [computed(functions, function, [source[one : one + 1] for source in sources]) for one in range(100)]
    assert computed(functions, function, sources).tobytes() == np.concatenate(alone).tobytes()


@each_set
@pytest.mark.parametrize("mnemonic", ["sin", "cos"])
def test_sine_and_cosine_do_not_depend_on_neighbours(functions: NativeTiles, mnemonic: str) -> None:
    function = Function(("elementwise", mnemonic, int(F32)), (F32,), F32)
    values = np.random.default_rng(0).uniform(-100, 100, 4096).astype(np.float32)
    expected = computed(functions, function, [values])
    values[::16] = 1e9
    got = computed(functions, function, [values])
    assert np.delete(got, np.s_[::16]).tobytes() == np.delete(expected, np.s_[::16]).tobytes()


@each_set
def test_floats_that_fit_no_integer_become_the_least(functions: NativeTiles) -> None:
    values = np.array([2.0**63, -(2.0**64), INFINITY, -INFINITY, NAN] * 7, np.float32)
    for dtype in (np.int32, np.int64):
        out = np.empty(values.size, dtype)
        functions.convert(values, out)
        assert (out == np.iinfo(dtype).min).all()
    functions.convert(np.array([2.0**31, 2.0**31 - 128], np.float32), out := np.empty(2, np.int32))
    assert out.tolist() == [-(2**31), 2**31 - 128]


@each_set
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_integers_to_bf16_round_once(functions: NativeTiles, dtype: type) -> None:
    """On the way through f32 or float64 what lies just beside a tie would become one. Whether NumPy's do so is up to ml_dtypes."""
    top = np.dtype(dtype).itemsize * 8 - 2
    near = [(1 << top) + sign * (1 << (top - 8)) + more for sign in (1, 3) for more in (-1, 0, 1)]
    values = [*near, *[-value for value in near], 257, 258, 259, 0, -1] * 2
    out = np.empty(len(values), ml_dtypes.bfloat16)
    functions.convert(np.array(values, dtype), out)
    assert out.astype(np.float64).tolist() == [nearest_even(value, *FORMATS["bf16"][1:]) for value in values]


# --- accumulating ---

COUNTS = (0, 1, 2, 15, 16, 17, 63, 64, 65, 127, 130, 1023, 1024, 1025, 2049, 5000)
"""On both sides of each border between ways of adding."""

INTEGERS: dict[str, Callable[[Sequence[int]], int]] = {"rsum": sum, "rprod": math.prod, "rmax": max, "rmin": min}


@each_set
@pytest.mark.parametrize("element", [I32, I64])
@pytest.mark.parametrize("mnemonic", INTEGERS)
def test_integers_into_one_element(functions: NativeTiles, mnemonic: str, element: ElementType) -> None:
    random = np.random.default_rng(0)
    for count in COUNTS:
        for layout in LAYOUTS:
            values = copied(numbers(element, count, random) | (mnemonic == "rprod"), layout)
            total = np.array([7], values.dtype)
            functions.accumulate(mnemonic)(values, total)
            assert total.tolist() == [wrapped(INTEGERS[mnemonic]([7, *values.tolist()]), 8 * element.bytes)]


@each_set
@pytest.mark.parametrize("mnemonic", ["rmax", "rmin"])
def test_the_extremes_of_floats(functions: NativeTiles, mnemonic: str) -> None:
    random = np.random.default_rng(0)
    exact = max if mnemonic == "rmax" else min
    for count in COUNTS[1:]:
        for layout in LAYOUTS:
            values = copied((random.standard_normal(count) * 1e3).astype(np.float32), layout)
            total = values[-1:].copy()
            functions.accumulate(mnemonic)(values, total)
            assert total.tolist() == [exact(values.tolist())]


@each_set
@pytest.mark.parametrize("mnemonic", INTEGERS)
def test_one_nan_makes_all_nan(functions: NativeTiles, mnemonic: str) -> None:
    for count in COUNTS[1:]:
        for place in {0, count // 3, count // 2, count - 1}:
            values = np.ones(count, np.float32)
            values[place] = NAN
            total = np.ones(1, np.float32)
            functions.accumulate(mnemonic)(values, total)
            assert np.isnan(total[0]), (count, place)
        total = np.array([NAN], np.float32)
        functions.accumulate(mnemonic)(np.ones(count, np.float32), total)
        assert np.isnan(total[0]), count


@each_set
@pytest.mark.parametrize("count", [1, 10, 15, 16, 100, 1024, 1025, 10_000, 1_000_000])
@pytest.mark.parametrize("layout", ["contiguous", "strided", "scalar"])
def test_sums_add_in_pairs(functions: NativeTiles, count: int, layout: str) -> None:
    """The error is that of as many additions as lie between an element and the sum at most, not of all."""
    values = copied((np.random.default_rng(0).uniform(0.1, 1, count)).astype(np.float32), layout)
    total = np.zeros(1, np.float32)
    functions.accumulate("rsum")(values, total)
    exact = math.fsum(values.tolist())
    additions = 24 + max(math.ceil(math.log2(count / 1024)), 0)
    assert abs(float(total[0]) - exact) <= additions * 2.0**-24 * exact


@each_set
def test_products_of_powers_of_two_are_exact(functions: NativeTiles) -> None:
    random = np.random.default_rng(0)
    for count in COUNTS:
        exponents = np.resize([0, 1, -1, 2, -2, 3, -3], count)
        random.shuffle(exponents)
        values = (random.choice([-1, 1], count) * 2.0**exponents).astype(np.float32)
        total = np.array([0.5], np.float32)
        functions.accumulate("rprod")(values, total)
        assert total.tolist() == [math.prod([0.5, *values.tolist()])]


@each_set
@pytest.mark.parametrize("mnemonic", ["rsum", "rprod"])
def test_the_same_bits_wherever_elements_lie(functions: NativeTiles, mnemonic: str) -> None:
    random = np.random.default_rng(0)
    for count in COUNTS:
        values = random.uniform(0.9, 1.1, count).astype(np.float32)
        found: set[bytes] = set()
        memory = np.empty(values.nbytes + 128, np.uint8)
        arrays = [np.ndarray((count,), np.float32, memory, start) for start in (*range(9), 16, 32, 60, 64)]
        for array in (*arrays, *[copied(values, layout) for layout in [*LAYOUTS][:-1]]):
            array[...] = values
            total = np.ones(1, np.float32)
            functions.accumulate(mnemonic)(array, total)
            found.add(total.tobytes())
        assert len(found) == 1, count


@each_set
@pytest.mark.parametrize("mnemonic", INTEGERS)
def test_nothing_changes_no_total(functions: NativeTiles, mnemonic: str) -> None:
    for value in (-0.0, 0.0, -3.5, INFINITY, -INFINITY):
        total = np.array([value], np.float32)
        functions.accumulate(mnemonic)(np.empty(0, np.float32), total)
        assert total.tobytes() == np.float32(value).tobytes()


@each_set
@pytest.mark.parametrize("element", [F32, I32, I64])
@pytest.mark.parametrize("mnemonic", INTEGERS)
def test_columns(functions: NativeTiles, mnemonic: str, element: ElementType) -> None:
    """Each element of a run into one of its own; float64 and Python's integers have room for the exact result."""
    random = np.random.default_rng(0)
    exact: dict[str, Callable[[Any, Any], Any]] = {
        "rsum": lambda x, y: x + y,
        "rprod": lambda x, y: x * y,
        "rmax": max,
        "rmin": min,
    }
    for count in (*range(40), 130):
        for layout in LAYOUTS:
            before, values = (numbers(element, count, random) for _ in range(2))
            if element is F32:
                before, values = (np.where(np.isfinite(x), x, np.float32(0.5)) for x in (before, values))
            values = copied(values, layout)
            out = copied(before, str(random.choice([*LAYOUTS][:-1])))
            functions.apply(("accumulate", mnemonic, int(element)), out, values)
            results = [exact[mnemonic](x, y) for x, y in zip(before.tolist(), values.tolist(), strict=True)]
            if element is F32:
                assert out.tolist() == np.array(results, np.float64).astype(np.float32).tolist()
            else:
                assert out.tolist() == [wrapped(result, 8 * element.bytes) for result in results]


# --- programs ---

CORES = (1, 2, 5)
BUFFERS = (256, 4096, 1 << 20)


@cache
def compiled(text: str) -> Program:
    program = compile_text("test", text)
    assert isinstance(program, Program)
    return program


class Everywhere:
    """A program on the native engine with tiles of all sizes and any number of cores, and on the NumPy engine."""

    def __init__(self, program: Program) -> None:
        self.native = [[Machine(program, Device(cores, size, engine="native")) for cores in CORES] for size in BUFFERS]
        self.numpy = [Machine(program, Device(1, size, engine="numpy")) for size in BUFFERS]

    def __call__(self, *arrays: Array) -> list[list[Array]]:
        """The results of each; those on other numbers of cores have the same bits and are left out."""
        found: list[list[Array]] = []
        for machines in self.native:
            results = [machine.call(arrays) for machine in machines]
            for other in results[1:]:
                assert [array.tobytes() for array in other] == [array.tobytes() for array in results[0]]
            found.append(results[0])
        return found + [machine.call(arrays) for machine in self.numpy]

    def error(self, *arrays: Array) -> str:
        """The message of the error that all of them give."""
        messages: set[str] = set()
        for machine in (*[each for machines in self.native for each in machines], *self.numpy):
            with pytest.raises(ExecutionError) as found:
                machine.call(arrays)
            messages.add(f"{type(found.value).__name__}: {found.value}")
        assert len(messages) == 1, messages
        return messages.pop()


def check_everywhere(program: Program, arrays: Sequence[Array], *expected: Any) -> None:
    """All engines give just this."""
    for results in Everywhere(program)(*arrays):
        for result, wanted in zip(results, expected, strict=True):
            np.testing.assert_array_equal(result.astype(np.float64), wanted)


def vector(
    words: Sequence[int],
    types: Sequence[ElementType],
    target: ElementType,
    slots: int,
    *,
    rank: int,
    scalars: tuple[Scalar, ...] = (),
) -> Program:
    """A kernel of inputs that have all axes, slots 0, 1... loaded from them and copied there, and one output of slot 0."""
    axes = range(rank)
    dims = [S0, S1, S2][:rank]
    loads = [
        instruction
        for number, element in enumerate(types)
        for instruction in (
            word("load", element, d=number, a=number),
            word("copy", element.compute, d=number, a=number),
        )
    ]
    copy = word("copy", target.compute, d=0, a=0)
    kernel = Kernel(
        "k0",
        KernelKind.VECTOR,
        tuple(Axis(False, dim) for dim in dims),
        (*[reads(number, *axes) for number in range(len(types))], writes(len(types), *axes)),
        scalars,
        slots,
        (once(), *loads, *words, copy, word("store", target, a=0, b=len(types))),
    )
    tensors = [programs.tensor(f"x{i}", Storage.INPUT, *dims, element=element) for i, element in enumerate(types)]
    return programs.program(
        "vector", rank, (*tensors, programs.tensor("y", Storage.OUTPUT, *dims, element=target)), kernel
    )


COUNTING = (0, 1, 7, 33, 700, 5000)


@needs_native
@pytest.mark.parametrize("source", [I1, F32, I32, I64])
@pytest.mark.parametrize("target", ElementType)
def test_a_cast_in_one_slot(source: ElementType, target: ElementType) -> None:
    """Elements that grow or shrink where they lie."""
    program = vector([word("cast", source, aux=target, d=0, a=0)], [source], target, 1, rank=1)
    everywhere = Everywhere(program)
    for count in COUNTING:
        x = (np.arange(count) % 201 - 100).astype(tiles.DTYPES[source])
        numbers = [int(value) for value in x.tolist()]
        expected = [float(value != 0) if target is I1 else value for value in numbers]
        for (result,) in everywhere(x):
            assert result.astype(np.float64).tolist() == expected


@needs_native
@pytest.mark.parametrize("source", [I32, I64])
def test_a_cast_of_integers_to_bf16_rounds_once(source: ElementType) -> None:
    """2**30 + 2**22 is halfway between two bf16, and 1 more rounds up. What the NumPy engine does is up to ml_dtypes."""
    program = vector([word("cast", source, aux=BF16, d=0, a=0)], [source], BF16, 1, rank=1)
    x = np.array([2**30 + 2**22 + 1, 2**30 + 2**22, 2**30 + 2**22 - 1], tiles.DTYPES[source])
    (result,) = Machine(program, Device(1, engine="native")).call([x])
    assert result.astype(np.float64).tolist() == [2**30 + 2**23, 2**30, 2**30]


@needs_native
@pytest.mark.parametrize("element", [F32, I32, I64])
@pytest.mark.parametrize("slot", [0, 1])
def test_a_comparison_in_the_slot_of_a_source(element: ElementType, slot: int) -> None:
    words = [word("lt", element, d=slot, a=0, b=1), word("not", I1, d=0, a=slot)]
    everywhere = Everywhere(vector(words, [element, element], I1, 2, rank=1))
    for count in COUNTING:
        x, y = (np.random.default_rng(seed).integers(-9, 9, count).astype(tiles.DTYPES[element]) for seed in (0, 1))
        for (result,) in everywhere(x, y):
            assert result.tolist() == [not a < b for a, b in zip(x.tolist(), y.tolist(), strict=True)]


@needs_native
@pytest.mark.parametrize("element", [F32, I64])
def test_a_selection_in_the_slot_of_its_condition(element: ElementType) -> None:
    """Any byte but 0 is true."""
    words = [word("select", element, d=0, a=0, b=1, c=2)]
    everywhere = Everywhere(vector(words, [I1, element, element], element, 3, rank=1))
    for count in COUNTING:
        condition = (np.arange(count) % 5 * 50).astype(np.uint8)
        then, otherwise = (np.arange(count).astype(tiles.DTYPES[element]) + more for more in (10, -10))
        for (result,) in everywhere(condition.view(np.bool_), then, otherwise):
            assert result.tolist() == [i + 10 if i % 5 else i - 10 for i in range(count)]


def negative_sum(element: ElementType, slot: int) -> Program:
    """y = -(a[s0, s1] + b[s2, s3]), where dims of 1 broadcast; the sum lies in the slot of a or b, where that is once what it repeats"""
    s3, rows, columns = 5, 6, 7
    compute = element.compute
    words = (
        once(),
        *[word("load", element, d=number, a=number) for number in range(2)],
        *[word("copy", compute, d=number, a=number) for number in range(2)],
        word("add", compute, d=slot, a=0, b=1),
        *[word(mnemonic, compute, d=slot, a=slot) for mnemonic in ("neg", "copy")],
        word("store", element, a=slot, b=2),
    )
    operands = reads(0, 0, 1), reads(1, 0, 1), writes(2, 0, 1)
    axes = Axis(False, rows), Axis(False, columns)
    kernel = Kernel("k0", KernelKind.VECTOR, axes, operands, (), 2, words)
    tensors = (
        programs.tensor("a", Storage.INPUT, S0, S1, element=element),
        programs.tensor("b", Storage.INPUT, S2, s3, element=element),
        programs.tensor("y", Storage.OUTPUT, rows, columns, element=element),
    )
    dims = Dim(DimOp.BROADCAST, S0, S2), Dim(DimOp.BROADCAST, S1, s3)
    return programs.program("negative_sum", 4, tensors, kernel, dims=dims)


@needs_native
@pytest.mark.parametrize("element", [F16, F32, I64])
@pytest.mark.parametrize("slot", [0, 1])
def test_a_sum_in_the_slot_of_a_source_of_other_axes(element: ElementType, slot: int) -> None:
    everywhere = Everywhere(negative_sum(element, slot))
    for m, n in ((1, 1), (1, 9), (9, 1), (5, 7), (40, 130), (130, 3)):
        inputs = [counted(*shape, dtype=tiles.DTYPES[element]) for shape in ((m, n), (1, n), (m, 1), (1, 1))]
        for x in inputs:
            for y in inputs:
                for (result,) in everywhere(x, y):
                    np.testing.assert_array_equal(result.astype(np.float64), -x.astype(np.float64) - y)


def typed(element: str, *dims: str) -> str:
    shape = "".join("?x" if not dim.isdigit() else f"{dim}x" for dim in dims)
    names = ", ".join(f'"{dim}"' for dim in dims)
    return f"tensor<{shape}{element}, #dvm.sym<[{names}]>>" if dims else f"tensor<{element}>"


def counted(*shape: int, dtype: Any = np.float32, modulus: int = 61) -> Array:
    """Small integers that differ from their neighbours, so that sums of them are exact."""
    return (np.arange(math.prod(shape)) * 7 % modulus - modulus // 2).astype(dtype).reshape(shape)


@needs_native
@pytest.mark.parametrize("rank", range(7))
def test_ranks_and_sizes(rank: int) -> None:
    """x transposed, plus a vector, and sums of that over every other dim."""
    dims = [f"d{axis}" for axis in range(rank)]
    back = dims[::-1]
    kept = back[1::2]
    x, t, v, s = typed("f32", *dims), typed("f32", *back), typed("f32", *dims[:1]), typed("f32", *kept)
    summed = (
        f"dvm.reduce Sum %b dims {[*range(0, rank, 2)]} keepdims false : {t} -> {s}"
        if rank
        else f"dvm.unary Neg %b : {t} -> {s}"
    )
    text = f"""func.func @main(%x : {x}, %v : {v}) -> ({t}, {s}) {{
      %a = dvm.transpose %x permutation {[*range(rank)][::-1]} : {x} -> {t}
      %b = dvm.binary Mul %a, %v : {t}, {v} -> {t}
      %c = {summed}
      return %b, %c : {t}, {s}
    }}"""
    everywhere = Everywhere(compiled(text))
    random = np.random.default_rng(rank)
    shapes = {(1,) * rank, (0,) * rank, *[tuple(random.choice([1, 3, 5, 7], rank).tolist()) for _ in range(3)]}
    shapes |= {tuple(random.permutation([0, *[3] * (rank - 1)]).tolist()) for _ in range(2 if rank else 0)}
    for shape in shapes:
        values, vector = counted(*shape), counted(*shape[:1], modulus=5)
        exact = values.astype(np.float64).transpose() * vector
        total = exact.sum(tuple(range(0, rank, 2))) if rank else -exact
        for product, sums in everywhere(values, vector):
            np.testing.assert_array_equal(product, exact)
            np.testing.assert_array_equal(sums, total)


def reduction(element: ElementType, order: str) -> Program:
    """Sum, greatest, least and product over the axes marked r of x, whose other axes are marked p."""
    names = ("rsum", "rmax", "rmin", "rprod")
    kinds = (ReduceKind.SUM, ReduceKind.MAX, ReduceKind.MIN, ReduceKind.PROD)
    dims = [S0, S1, S2][: len(order)]
    kept = [axis for axis, mark in enumerate(order) if mark == "p"]
    compute = element.compute
    words = (
        once(),
        *[word("rinit", compute, aux=kind, d=slot) for slot, kind in enumerate(kinds)],
        stream(),
        word("load", element, d=4, a=0),
        *[word(name, compute, d=slot, a=4) for slot, name in enumerate(names)],
        once(),
        *[word("store", compute, a=slot, b=slot + 1) for slot in range(4)],
    )
    axes = tuple(Axis(mark == "r", dim) for mark, dim in zip(order, dims, strict=True))
    operands = reads(0, *range(len(order))), *[writes(slot + 1, *kept) for slot in range(4)]
    kernel = Kernel("k0", KernelKind.VECTOR, axes, operands, (), 5, words)
    outputs = [programs.tensor(n, Storage.OUTPUT, *[dims[axis] for axis in kept], element=compute) for n in names]
    x = programs.tensor("x", Storage.INPUT, *dims, element=element)
    return programs.program("reduction", len(order), (x, *outputs), kernel)


REDUCED: dict[str, list[tuple[int, ...]]] = {
    "r": [(0,), (1,), (5,), (4099,), (70_001,)],
    "pr": [(0, 3), (3, 0), (1, 1), (7, 33), (1, 50_001), (3, 20_011), (501, 13)],
    "rp": [(0, 3), (3, 0), (1, 1), (33, 7), (50_001, 1), (20_011, 3), (13, 501)],
    "rpr": [(3, 0, 2), (2, 3, 5), (41, 3, 301), (1, 5, 1), (7, 129, 7)],
    "prp": [(3, 0, 2), (2, 3, 5), (3, 5001, 3), (5, 1, 5), (7, 129, 7)],
}


@needs_native
@pytest.mark.parametrize("element", [F16, F32, I32, I64])
@pytest.mark.parametrize("order", REDUCED)
def test_reductions(order: str, element: ElementType) -> None:
    """Of extents that take one tile, several, and chunks; over nothing they give the identities."""
    program = reduction(element, order)
    everywhere = Everywhere(program)
    axes = tuple(axis for axis, mark in enumerate(order) if mark == "r")
    is_float = element.is_float
    limits = None if is_float else np.iinfo(tiles.DTYPES[element])
    greatest, least = (INFINITY, -INFINITY) if limits is None else (int(limits.max), int(limits.min))
    for shape in REDUCED[order]:
        whole = counted(*shape, dtype=tiles.DTYPES[element])
        whole[whole == 0] = 2
        first = tuple(slice(None, 1) if mark == "r" else slice(None) for mark in order)
        for x in (whole, np.broadcast_to(whole[first], shape)) if whole.size else (whole,):
            signs = np.sign(x)
            exact: list[Any] = [x.astype(np.int64).sum(axes)]
            exact.append(x.astype(object).max(axes, initial=least))
            exact.append(x.astype(object).min(axes, initial=greatest))
            for results in everywhere(x):
                for result, wanted in zip(results, exact, strict=False):
                    assert result.tolist() == np.asarray(wanted).tolist()
            for *_, result in everywhere(signs):
                assert result.tolist() == signs.astype(np.int64).prod(axes).tolist()


@needs_native
def test_the_reductions_above_are_cut_into_chunks() -> None:
    plan = Machine(reduction(F32, "pr"), Device(2, 4096, engine="native")).plan(((1, 50_001),))
    assert plan.stages[0][0].tiling.chunks > 1
    plan = Machine(reduction(F32, "rp"), Device(2, 1 << 20, engine="native")).plan(((50_001, 1),))
    assert plan.stages[0][0].tiling.chunks > 1


@needs_native
def test_softmax_and_what_follows_a_reduction() -> None:
    everywhere = Everywhere(programs.softmax())
    for shape in ((0, 3), (1, 1), (3, 0), (5, 33), (1, 9001), (67, 257)):
        x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
        power = np.exp(x.astype(np.float64))
        for (result,) in everywhere(x):
            np.testing.assert_allclose(result, power / power.sum(1, keepdims=True), rtol=3e-6)


@needs_native
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_iota_along_an_axis(axis: int) -> None:
    kind = typed("i64", "a", "b", "c")
    text = f"""func.func @main(%x : {kind}) -> {kind} {{
      %i = dvm.iota axis {axis} shape ["a", "b", "c"] : {kind}
      %y = dvm.binary Add %i, %x : {kind}, {kind} -> {kind}
      return %y : {kind}
    }}"""
    everywhere = Everywhere(compiled(text))
    for shape in ((3, 5, 7), (1, 1, 1), (0, 2, 2), (2, 130, 3), (1, 2, 3001)):
        x = counted(*shape, dtype=np.int64)
        for (result,) in everywhere(x):
            np.testing.assert_array_equal(result, x + np.indices(shape)[axis])


@needs_native
@pytest.mark.parametrize("element", [F32, I32, I64])
@pytest.mark.parametrize("axis", [0, 1])
def test_iota_of_each_type(element: ElementType, axis: int) -> None:
    words = [word("iota", element, d=1, a=axis), word("add", element, d=0, a=0, b=1)]
    everywhere = Everywhere(vector(words, [element], element, 2, rank=2))
    for shape in ((1, 1), (1, 40), (40, 1), (0, 3), (33, 130)):
        x = counted(*shape, dtype=tiles.DTYPES[element])
        for (result,) in everywhere(x):
            np.testing.assert_array_equal(result, x + np.indices(shape)[axis])


@needs_native
@pytest.mark.parametrize(
    ("element", "values"),
    [
        (F32, (0.1, -0.0, INFINITY, -INFINITY, NAN, 3.0e38)),
        (I32, (0, -1, 2**31 - 1, -(2**31))),
        (I64, (0, -1, 2**63 - 1, -(2**63), 2**31)),
        (I1, (True, False)),
    ],
)
def test_scalars_of_each_type(element: ElementType, values: tuple[float, ...]) -> None:
    """Selected from two of them, or from one and an input."""
    condition, x = np.arange(700) % 3 == 0, counted(700, dtype=tiles.DTYPES[element])
    for value in values:
        scalars = Scalar(element, value), Scalar(element, values[0])
        for bits, b, c, then, otherwise in (
            (0b110, 0, 1, value, values[0]),
            (0b010, 0, 1, value, x),
            (0b100, 1, 0, x, value),
        ):
            words = [word("select", element, aux=bits, d=0, a=0, b=b, c=c)]
            program = vector(words, [I1, element], element, 2, rank=1, scalars=scalars)
            expected = np.where(condition, np.array(then, x.dtype), np.array(otherwise, x.dtype))
            for (result,) in Everywhere(program)(condition, x):
                assert result.tobytes() == expected.tobytes()


@needs_native
def test_more_tensors_than_there_is_room_for_on_the_stack() -> None:
    count = 300
    words = [word("add", F32, d=0, a=0, b=number) for number in range(1, count)]
    program = vector(words, [F32] * count, F32, count, rank=1)
    inputs = [counted(9) + number for number in range(count)]
    for (result,) in Everywhere(program)(*inputs):
        np.testing.assert_array_equal(result, np.sum(inputs, 0, np.float64))


@needs_native
def test_iota_and_a_scalar_of_a_dim() -> None:
    everywhere = Everywhere(programs.masked())
    for shape in ((1, 1), (3, 0), (3, 5), (7, 33), (301, 700)):
        x = counted(*shape, dtype=np.float16)
        rows, columns = np.indices(shape)
        expected = np.where(columns < 2 * shape[0], x[:, ::-1], rows)
        for (result,) in everywhere(x):
            np.testing.assert_array_equal(result, expected)


@needs_native
@pytest.mark.parametrize("element", ["f16", "bf16", "f32", "i32", "i64", "i1"])
@pytest.mark.parametrize("axis", [0, 1])
def test_concat(element: str, axis: int) -> None:
    names = [("m", "p"), ("m", "q"), ("m", "r")] if axis else [("p", "n"), ("q", "n"), ("r", "n")]
    total = ("m", "p + q + r") if axis else ("p + q + r", "n")
    x, y, z, all_ = (typed(element, *dims) for dims in (*names, total))
    text = f"""func.func @main(%x : {x}, %y : {y}, %z : {z}) -> {all_} {{
      %a = dvm.concat %x, %y, %z axis {axis} : {x}, {y}, {z} -> {all_}
      return %a : {all_}
    }}"""
    everywhere = Everywhere(compiled(text))
    dtype = tiles.DTYPES[ElementType[element.upper()]]
    for common, sizes in ((3, (1, 2, 3)), (1, (0, 1, 0)), (5, (0, 0, 0)), (65, (33, 1, 100)), (2, (700, 0, 1300))):
        parts = [counted(*((common, size) if axis else (size, common)), dtype=dtype) for size in sizes]
        expected = np.concatenate([part.astype(np.float64) for part in parts], axis)
        for (result,) in everywhere(*parts):
            np.testing.assert_array_equal(result.astype(np.float64), expected)


@needs_native
def test_pad() -> None:
    x, y = typed("f32", "m", "n"), typed("f32", "m + 3", "n + 6")
    text = f"""func.func @main(%x : {x}) -> {y} {{
      %p = dvm.pad %x low [1, 6] high [2, 0] value 5.0 : {x} -> {y}
      %y = dvm.binary Add %p, %p : {y}, {y} -> {y}
      return %y : {y}
    }}"""
    everywhere = Everywhere(compiled(text))
    for shape in ((0, 0), (1, 1), (0, 5), (3, 4), (40, 129), (2, 3000)):
        values = counted(*shape)
        for array in (values, np.asfortranarray(values), values[::-1, ::-1]):
            expected = 2 * np.pad(array.astype(np.float64), ((1, 2), (6, 0)), constant_values=5)
            for (result,) in everywhere(array):
                np.testing.assert_array_equal(result, expected)


@needs_native
@pytest.mark.parametrize("element", ["f16", "f32", "i64"])
@pytest.mark.parametrize("index", ["i32", "i64"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_gather(element: str, index: str, axis: int) -> None:
    dims = ["a", "b", "c"]
    result = [*dims[:axis], "p", "q", *dims[axis + 1 :]]
    table, indices, out = typed(element, *dims), typed(index, "p", "q"), typed(element, *result)
    text = f"""func.func @main(%t : {table}, %i : {indices}) -> {out} {{
      %y = dvm.gather %t, %i axis {axis} : {table}, {indices} -> {out}
      return %y : {out}
    }}"""
    everywhere = Everywhere(compiled(text))
    random = np.random.default_rng(0)
    dtype = tiles.DTYPES[ElementType[element.upper()]]
    for shape, count in (((3, 4, 5), (2, 3)), ((1, 1, 1), (1, 1)), ((5, 2, 3), (0, 4)), ((9, 33, 7), (5, 41))):
        x = counted(*shape, dtype=dtype)
        where = random.integers(-shape[axis], shape[axis], count).astype(index.replace("i", "int"))
        expected = np.take(x.astype(np.float64), where % shape[axis], axis)
        for array in (x, x[::-1, :, ::-1]):
            taken = expected if array is x else np.take(array.astype(np.float64), where % shape[axis], axis)
            for (found,) in everywhere(array, where):
                np.testing.assert_array_equal(found.astype(np.float64), taken)
    bad = np.array([[0, 3], [-5, 1]], where.dtype)
    message = everywhere.error(np.zeros((4, 4, 4), dtype), bad)
    assert message.startswith("BoundsError: index -5 is out of range for a dim of 4")


@needs_native
def test_groups_of_rows_and_of_k_in_tiles() -> None:
    rows, of_k = Everywhere(programs.grouped_matmul()), Everywhere(programs.grouped_matmul_k())
    for m, n, k, ends in ((1, 1, 1, (1,)), (7, 5, 3, (0, 2, 2, 6)), (70, 33, 65, (1, 1, 69)), (5, 3, 130, (0, 0, 5))):
        x, w = counted(m, k, modulus=5), counted(len(ends), k, n, dtype=np.float16, modulus=7)
        expected = np.zeros((m, n))
        for start, end, weights in zip((0, *ends), ends, w.astype(np.float64), strict=False):
            expected[start:end] = x[start:end] @ weights
        for (result,) in rows(x, w, np.array(ends)):
            np.testing.assert_array_equal(result, expected)
        right = counted(m, n, modulus=7)
        expected_k = [
            x.T[:, start:end].astype(np.float64) @ right[start:end]
            for start, end in zip((0, *ends), ends, strict=False)
        ]
        for (result,) in of_k(np.ascontiguousarray(x.T), right, np.array(ends, np.int32)):
            np.testing.assert_array_equal(result, expected_k)
    assert rows.error(x, w, np.array([3, 2, 5])) == (
        "ExecutionError: group ends must not descend nor pass 5, but 2 follows 3"
    )


@needs_native
def test_workspace_constants_and_variants() -> None:
    stages, variants = Everywhere(programs.two_stages()), Everywhere(programs.two_variants())
    for shape in ((1, 1), (0, 5), (3, 7), (33, 130)):
        x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
        for beside, result in stages(x):
            assert beside.tolist() == [7] * shape[0]
            np.testing.assert_allclose(result, np.exp(x.astype(np.float64)).ravel() / 2, rtol=3e-7)
        vector = counted(shape[0] * 31)
        for (result,) in variants(vector):
            np.testing.assert_array_equal(result, 4 * vector)


@needs_native
@pytest.mark.parametrize("element", [F16, BF16, F32, I32, I64])
def test_inputs_of_any_strides(element: ElementType) -> None:
    """Of arrays that are aligned to nothing, too: a field of packed records."""
    words = [word("sub", element.compute, d=0, a=0, b=1)]
    everywhere = Everywhere(vector(words, [element, element], element, 2, rank=2))
    dtype = tiles.DTYPES[element]
    x = counted(33, 57, dtype=dtype)
    records = np.zeros(x.shape, [("before", np.uint8), ("x", dtype), ("after", np.uint16)])
    records["x"] = x
    others = [records["x"], np.asfortranarray(x), np.repeat(x, 2, 1)[:, ::2], x[::-1, ::-1], x[:1], x[:, 5:6]]
    for other in others:
        y = np.broadcast_to(other, x.shape)
        for (result,) in everywhere(x, y):
            np.testing.assert_array_equal(result.astype(np.float64), x.astype(np.float64) - y.astype(np.float64))


# --- matrix products ---


class Spy:
    """The module in C, and the instruction sets that kernels were made for."""

    def __init__(self) -> None:
        self.sets: set[int] = set()

    def make_code(self, instruction_set: int, *arguments: Any) -> Any:
        self.sets.add(instruction_set)
        return NATIVE.make_code(instruction_set, *arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(NATIVE, name)


@pytest.fixture(params=INSTRUCTION_SETS)
def instruction_set(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Kernels are made for one instruction set."""
    spy = Spy()
    monkeypatch.setattr("vm.native_engine.native", spy)
    monkeypatch.setattr("vm.native_engine.instruction_set", request.param)
    yield
    assert spy.sets == {INSTRUCTION_SETS.index(request.param)}


def product(element: str, batch: str, turned: tuple[bool, bool], more: str = "", result: str = "m n") -> Program:
    """y = a @ b; `batch` has the names of the dims before those of a matrix, `turned` says which factors are transposed."""
    before = batch.split()
    a, b = (["k", "m"] if turned[0] else ["m", "k"]), (["n", "k"] if turned[1] else ["k", "n"])
    x, w, y = (typed(element, *before, *dims) for dims in (a, b, ["m", "n"]))
    out = typed(element, *before, *result.split())
    text = f"""func.func @main(%a : {x}, %b : {w}) -> {out} {{
      %y = dvm.matmul %a, %b trans_a {str(turned[0]).lower()} trans_b {str(turned[1]).lower()} : {x}, {w} -> {y}
      {more or "%r = dvm.copy %y : Y -> Y".replace("Y", y)}
      return %r : {out}
    }}"""
    return compiled(text)


def check_product(result: Array, left: Array, right: Array) -> None:
    """Within the error of f32 sums of k terms in any order, and of rounding to the result's type."""
    wide, wide_right = left.astype(np.float64), right.astype(np.float64)
    exact, size = wide @ wide_right, np.abs(wide) @ np.abs(wide_right)
    rounding = {2: 2.0**-11, 4: 0.0}[result.itemsize] if result.dtype != ml_dtypes.bfloat16 else 2.0**-8
    bound = left.shape[-1] * 2.0**-24 * size + np.abs(exact) * rounding * 1.001 + 2.0**-25
    assert result.shape == exact.shape
    assert (np.abs(result.astype(np.float64) - exact) <= bound).all()


def normal(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


SIZES = [
    (1, 1, 1), (1, 7, 3), (2, 1, 19), (3, 5, 0), (0, 3, 4), (4, 33, 65), (5, 8, 700), (6, 31, 17), (7, 4, 130), (9, 129, 40),
    (11, 3, 531), (12, 64, 16), (13, 65, 33), (16, 16, 16), (17, 47, 259), (29, 1, 7), (48, 32, 1), (49, 34, 5), (96, 95, 97),
    (101, 103, 37), (130, 2, 515), (3, 301, 513), (201, 15, 1025),
]  # fmt: skip
"""m, n, k around the sizes of blocks and vectors, for which there are kernels of their own."""

TURNED = [(False, False), (False, True), (True, False), (True, True)]


def factor(rows: int, columns: int, turned: bool, seed: int) -> tuple[Array, Array]:
    """As it is given, and as the matrix that it is."""
    given = normal(*((columns, rows) if turned else (rows, columns)), seed=seed)
    return given, given.T if turned else given


@pytest.mark.usefixtures("instruction_set")
@pytest.mark.parametrize("turned", TURNED)
def test_products_of_many_sizes(turned: tuple[bool, bool]) -> None:
    program = product("f32", "", turned)
    machines = [
        Machine(program, Device(cores, size, engine="native")) for cores, size in ((1, 1 << 20), (2, 4096), (3, 256))
    ]
    for m, n, k in SIZES:
        (a, left), (b, right) = factor(m, k, turned[0], 0), factor(k, n, turned[1], 1)
        for machine in machines:
            check_product(machine.call([a, b])[0], left, right)


@pytest.fixture
def in_one_tile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Products are cut into blocks within C only."""
    whole = {name: replace(tuning, large_product=1 << 62) for name, tuning in device.ENGINES.items()}
    monkeypatch.setattr(device, "ENGINES", whole)


def machine_for(turned: tuple[bool, bool], result: str) -> Machine:
    """Of a product whose result may lie the other way round."""
    y, out = typed("f32", "m", "n"), typed("f32", *result.split())
    more = f"%r = dvm.transpose %y permutation [1, 0] : {y} -> {out}" if result == "n m" else ""
    return Machine(product("f32", "", turned, more, result), Device(1, 1 << 24, engine="native"))


@pytest.mark.usefixtures("instruction_set", "in_one_tile")
@pytest.mark.parametrize("turned", TURNED)
@pytest.mark.parametrize("result", ["m n", "n m"])
def test_large_products_in_one_tile(turned: tuple[bool, bool], result: str) -> None:
    machine = machine_for(turned, result)
    for m, n, k in ((305, 409, 531), (207, 521, 3), (61, 333, 1030), (13, 311, 520), (5, 70, 40)):
        (a, left), (b, right) = factor(m, k, turned[0], 0), factor(k, n, turned[1], 1)
        (found,) = machine.call([a, b])
        check_product(found.T if result == "n m" else found, left, right)


@pytest.mark.usefixtures("instruction_set", "in_one_tile")
@pytest.mark.parametrize("turned", TURNED)
@pytest.mark.parametrize("result", ["m n", "n m"])
def test_products_of_any_size_write_nothing_else(turned: tuple[bool, bool], result: str) -> None:
    machine, random = machine_for(turned, result), np.random.default_rng(0)
    for _ in range(50):
        m, n, k = (int(random.integers(1, random.choice([8, 40, 130]))) for _ in range(3))
        (a, left), (b, right) = factor(m, k, turned[0], 0), factor(k, n, turned[1], 1)
        memory = np.full(m * n + 128, 7, np.float32)
        out = memory[64:-64].reshape((n, m) if result == "n m" else (m, n))
        machine.call([a, b], out=[out])
        check_product(out.T if result == "n m" else out, left, right)
        assert (memory[:64] == 7).all()
        assert (memory[-64:] == 7).all()


@pytest.mark.usefixtures("instruction_set")
@pytest.mark.parametrize("turned", TURNED)
def test_factors_of_any_strides(turned: tuple[bool, bool]) -> None:
    machine = Machine(product("f32", "", turned), Device(1, engine="native"))
    for m, n, k in ((3, 5, 7), (17, 40, 33), (2, 33, 130), (50, 9, 21)):
        (a, _), (b, _) = factor(m, k, turned[0], 0), factor(k, n, turned[1], 1)
        for given in _strided(a):
            for other in _strided(b):
                (found,) = machine.call([given, other])
                check_product(found, given.T if turned[0] else given, other.T if turned[1] else other)


def _strided(x: Array) -> list[Array]:
    wide = np.zeros((2 * x.shape[0], 3 * x.shape[1]), np.float32)
    wide[::2, ::3] = x
    unaligned = np.ndarray(x.shape, np.float32, np.zeros(x.nbytes + 1, np.uint8), 1)
    unaligned[...] = x
    return [
        wide[::2, ::3],
        np.asfortranarray(x),
        x[::-1, ::-1],
        np.broadcast_to(x[:1], x.shape),
        np.broadcast_to(x[:, :1], x.shape),
        unaligned,
    ]


@needs_native
@pytest.mark.parametrize("place", [0, 1])
def test_a_factor_in_packed_records(place: int) -> None:
    """Its elements lie 5 bytes apart."""
    machine = Machine(product("f32", "", (False, False)), Device(1, engine="native"))
    factors = [normal(4, 3), normal(3, 5, seed=1)]
    records = np.zeros(factors[place].shape, [("before", np.uint8), ("x", np.float32)])
    records["x"] = factors[place]
    given = [records["x"] if number == place else factors[number] for number in range(2)]
    check_product(machine.call(given)[0], *factors)


@pytest.mark.usefixtures("instruction_set")
@pytest.mark.parametrize("turned", [(False, False), (False, True), (True, False)])
def test_batches_that_broadcast(turned: tuple[bool, bool]) -> None:
    left, right = (("k", "m") if turned[0] else ("m", "k")), (("n", "k") if turned[1] else ("k", "n"))
    x, w, y = typed("f32", "p", "1", *left), typed("f32", "q", *right), typed("f32", "p", "q", "m", "n")
    text = f"""func.func @main(%a : {x}, %b : {w}, %c : {typed("f32", "n")}) -> {y} {{
      %y = dvm.matmul %a, %b trans_a {str(turned[0]).lower()} trans_b {str(turned[1]).lower()} bias %c : {x}, {w}, {typed("f32", "n")} -> {y}
      return %y : {y}
    }}"""
    everywhere = Everywhere(compiled(text))
    for p, q, m, n, k in (
        (2, 3, 4, 5, 6),
        (1, 1, 1, 1, 1),
        (3, 2, 1, 33, 17),
        (5, 4, 13, 9, 70),
        (2, 0, 3, 3, 3),
        (2, 2, 3, 3, 0),
    ):
        a, b = normal(p, 1, m, k), normal(q, k, n, seed=1)
        given = a.swapaxes(-1, -2) if turned[0] else a, b.swapaxes(-1, -2) if turned[1] else b
        for (found,) in everywhere(*given, np.zeros(n, np.float32)):
            check_product(found, a, b)
        for (found,) in everywhere(*[np.ascontiguousarray(array) for array in given], np.arange(n, dtype=np.float32)):
            np.testing.assert_allclose(found, a.astype(np.float64) @ b + np.arange(n), rtol=1e-4, atol=1e-4)


@pytest.mark.usefixtures("instruction_set")
@pytest.mark.parametrize("element", ["f16", "bf16"])
@pytest.mark.parametrize("turned", TURNED)
def test_products_of_16_bit_floats(element: str, turned: tuple[bool, bool]) -> None:
    everywhere = Everywhere(product(element, "", turned))
    dtype = tiles.DTYPES[ElementType[element.upper()]]
    for m, n, k in ((1, 1, 1), (3, 5, 0), (7, 33, 65), (40, 17, 130)):
        a, b = (given.astype(dtype) for given, _ in (factor(m, k, turned[0], 0), factor(k, n, turned[1], 1)))
        for left, right in ((a, b), (np.broadcast_to(a[:1], a.shape), np.broadcast_to(b[:, :1], b.shape))):
            for (found,) in everywhere(left, right):
                check_product(found, left.T if turned[0] else left, right.T if turned[1] else right)


@needs_native
@pytest.mark.parametrize("element", ["i32", "i64"])
@pytest.mark.parametrize("turned", TURNED)
def test_products_of_integers_wrap(element: str, turned: tuple[bool, bool]) -> None:
    everywhere = Everywhere(product(element, "p", turned))
    dtype, bits = tiles.DTYPES[ElementType[element.upper()]], int(element[1:])
    random = np.random.default_rng(0)
    for p, m, n, k in ((1, 1, 1, 1), (2, 3, 5, 0), (3, 7, 9, 33), (1, 40, 17, 13)):
        limit = 1 << (bits - 1)
        a, b = random.integers(-limit, limit, (p, m, k), dtype), random.integers(-limit, limit, (p, k, n), dtype)
        exact = [wrapped(value, bits) for value in (a.astype(object) @ b.astype(object)).ravel().tolist()]
        given = a.swapaxes(1, 2) if turned[0] else a, b.swapaxes(1, 2) if turned[1] else b
        for (found,) in everywhere(*given):
            assert found.ravel().tolist() == (exact if k else [0] * found.size)


@pytest.mark.usefixtures("instruction_set")
def test_a_product_with_instructions_before_and_after() -> None:
    x, w, y = typed("f32", "m", "k"), typed("f32", "k", "n"), typed("f32", "m", "n")
    text = f"""func.func @main(%a : {x}, %b : {w}) -> {y} {{
      %s = dvm.softmax %a axis -1 : {x} -> {x}
      %p = dvm.matmul %s, %b trans_a false trans_b false : {x}, {w} -> {y}
      %y = dvm.unary Tanh %p : {y} -> {y}
      return %y : {y}
    }}"""
    everywhere = Everywhere(compiled(text))
    for m, n, k in ((1, 1, 1), (5, 3, 33), (70, 130, 9), (3, 7, 3001)):
        a, b = normal(m, k), normal(k, n, seed=1)
        power = np.exp(a.astype(np.float64))
        expected = np.tanh(power / power.sum(1, keepdims=True) @ b)
        for (found,) in everywhere(a, b):
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


# --- threads and processes ---


@needs_native
def test_threads_share_a_device() -> None:
    """Six threads launch different programs on different shapes at once."""
    shared = Device(3, 4096, engine="native")
    sums, softmax, multiply = (
        Machine(program, shared) for program in (reduction(F32, "pr"), programs.softmax(), programs.matmul())
    )
    together = threading.Barrier(6)

    def run(number: int) -> None:
        x = counted(3 + number, 5003 + 100 * number)
        a, b = counted(20 + number, 33, modulus=5), counted(33, 40 - number, modulus=7)
        power = np.exp(x[:, :50].astype(np.float64))
        together.wait()
        for _ in range(15):
            total, greatest, *_ = sums.call([x])
            np.testing.assert_array_equal(total, x.astype(np.float64).sum(1))
            np.testing.assert_array_equal(greatest, x.max(1))
            (found,) = softmax.call([x[:, :50]])
            np.testing.assert_allclose(found, power / power.sum(1, keepdims=True), rtol=3e-6)
            np.testing.assert_array_equal(multiply.call([a, b])[0], np.maximum(a.astype(np.float64) @ b, 0))

    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(run, number) for number in range(6)]:
            done.result()


@needs_native
def test_an_error_of_one_thread_stays_there() -> None:
    machine = Machine(programs.gather(), Device(3, 256, engine="native"))
    table = counted(5, 40)
    together = threading.Barrier(4)

    def run(number: int) -> None:
        index = np.arange(300, dtype=np.int32) % 5
        if number % 2:
            index[-1] = 5 + number
        together.wait()
        for _ in range(20):
            if number % 2:
                with pytest.raises(BoundsError, match=f"^index {5 + number} is out of range for a dim of 5: "):
                    machine.call([table, index])
            else:
                np.testing.assert_array_equal(machine.call([table, index])[0], table[index])

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(run, number) for number in range(4)]:
            done.result()


@needs_native
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_process_launches_on_cores_of_its_own() -> None:
    """After a launch of the parent on several; and the parent after it."""
    script = """
import os
import numpy as np
from tests.unit import programs
from vm.device import Device
from vm.machine import Machine
def threads():
    return len(os.listdir("/proc/self/task")) if os.path.exists("/proc/self/task") else 0
machine = Machine(programs.softmax(), Device(3, 1 << 12, engine="native"))
x = np.zeros((1000, 500), np.float32)
def is_right():
    return bool((machine.call([x])[0] == np.float32(0.002)).all())
before = is_right()
pid = os.fork()
if not pid:
    alone = threads()
    right = is_right() + is_right()
    os._exit(10 + right + (alone == 0 or threads() == alone + 2))
print(before, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), is_right())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "True 13 True\n", done.stderr


# --- the choice of an engine ---


@pytest.mark.parametrize("name", ["Native", "", "c", "numpy "])
def test_unknown_engines(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DvmError, match=f"^engine must be 'native' or 'numpy', not '{name}'$"):
        Device(engine=name)
    monkeypatch.setenv("DVM_ENGINE", name)
    with pytest.raises(DvmError, match=f"^DVM_ENGINE must be 'native' or 'numpy', not '{name}'$"):
        Device()
    assert Device(engine="numpy").engine == "numpy"


def test_the_native_engine_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DVM_ENGINE", raising=False)
    monkeypatch.setattr(device, "HAS_NATIVE", False)
    monkeypatch.setattr(device, "ENGINES", {"numpy": device.NUMPY})
    assert Device().engine == "numpy"
    missing = "is 'native', but DVM was installed without it: there was no C compiler, or it does not fit this system"
    with pytest.raises(DvmError, match=f"^engine {missing}$"):
        Device(engine="native")
    monkeypatch.setenv("DVM_ENGINE", "native")
    with pytest.raises(DvmError, match=f"^DVM_ENGINE {missing}$"):
        Device()
    assert Device(engine="numpy").engine == "numpy"


@needs_native
def test_the_environment_chooses_where_the_caller_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DVM_ENGINE", raising=False)
    assert Device().engine == "native"
    monkeypatch.setenv("DVM_ENGINE", "numpy")
    assert Device().engine == "numpy"
    assert Device(engine="native").engine == "native"


@needs_native
def test_each_engine_is_the_one_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("the native engine ran")

    monkeypatch.setattr("vm.native_engine.run", refuse)
    x = counted(3, 4)
    np.testing.assert_array_equal(Machine(programs.add(), Device(1, engine="numpy")).call([x, x[0]])[0], x + x[0])
    with pytest.raises(AssertionError, match="the native engine ran"):
        Machine(programs.add(), Device(1, engine="native")).call([x, x[0]])


# --- recordings ---


def recorded(machine: Machine, arrays: Sequence[Array], *, one_core: bool = False) -> Recording:
    recording = Recording(one_core=one_core)
    machine.call(arrays, recording=recording)
    assert all(event.seconds >= 0 and event.start > 0 for event in recording.events)
    return recording


def totals(recording: Recording) -> dict[str, int]:
    return {row.mnemonic: row.elements for row in recording.rows}


def items(recording: Recording) -> list[tuple[str, str]]:
    """Names and kernels of the items."""
    found = [(event.name, event.arguments["kernel"]) for event in recording.events if event.category == "item"]
    return sorted(found)


@needs_native
@pytest.mark.parametrize("one_core", [False, True])
@pytest.mark.parametrize("size", BUFFERS)
def test_a_recording_has_the_instructions_of_all_tiles(size: int, one_core: bool) -> None:
    machine = Machine(programs.softmax(), Device(3, size, engine="native"))
    recording = recorded(machine, [normal(37, 301)], one_core=one_core)
    points, rows = 37 * 301, 37
    ((plan,),) = machine.plan(((37, 301),)).stages
    again = 2 if plan.reduction_tiles > 1 else 1  # rows that fit the unified buffer stay there
    found = totals(recording)
    assert found.keys() <= {"load", "rmax", "rsum", "sub", "exp", "mul", "recip", "store"}
    expected = {
        "rmax": points,
        "rsum": points,
        "sub": again * points,
        "exp": again * points,
        "mul": points,
        "recip": rows,
    }
    assert {name: found[name] for name in expected} == expected
    assert items(recording) == sorted((f"k0 tile {tile}", "k0") for tile in range(plan.parallel_tiles))
    assert len({event.thread for event in recording.events}) <= (1 if one_core else 3)


@needs_native
def test_a_recording_of_chunks() -> None:
    machine = Machine(reduction(F32, "pr"), Device(2, 4096, engine="native"))
    recording = recorded(machine, [counted(1, 50_001)])
    ((plan,),) = machine.plan(((1, 50_001),)).stages
    assert totals(recording)["rsum"] == totals(recording)["rmin"] == 50_001
    names = [*[f"k0 chunk {chunk}" for chunk in range(plan.tiling.chunks)], "k0 combine 0"]
    assert items(recording) == sorted((name, "k0") for name in names)


@needs_native
def test_a_recording_tells_kernels_apart_that_do_the_same() -> None:
    machine = Machine(programs.two_variants(), Device(2, engine="native"))
    assert items(recorded(machine, [counted(5)])) == [("first tile 0", "first"), ("second tile 0", "second")]
    assert items(recorded(machine, [counted(6)])) == [("whole tile 0", "whole")]
    assert totals(recorded(machine, [counted(5)])) == {"add": 10}


@needs_native
def test_instructions_lie_within_the_items_of_their_core() -> None:
    recording = recorded(Machine(programs.two_stages(), Device(3, 256, engine="native")), [normal(40, 50)])
    around = [event for event in recording.events if event.category == "item"]
    inside = [event for event in recording.events if event.category == "instruction"]
    once_a_tile = sum(event.arguments["kernel"] == "k1" for event in around)
    assert totals(recording) == {"exp": 2000, "abs": once_a_tile, "store": 40, "mul": 2000}
    for event in inside:
        end = event.start + event.seconds
        assert any(
            item.thread == event.thread and item.start <= event.start and end <= item.start + item.seconds + 1e-9
            for item in around
        )


@needs_native
def test_a_launch_that_fails_leaves_nothing_for_the_next_recording() -> None:
    machine = Machine(programs.gather(), Device(3, 256, engine="native"))
    table, index = counted(5, 40), np.zeros(300, np.int32)
    index[-1] = 9
    with pytest.raises(BoundsError):
        machine.call([table, index], recording=Recording())
    index[-1] = 0
    assert totals(recorded(machine, [table, index]))["gather"] == 300 * 40
    machine.call([table, index])
    assert totals(recorded(machine, [table, index]))["gather"] == 300 * 40


@needs_native
def test_profile_and_trace_of_dvm_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DVM_ENGINE", "native")
    trace = tmp_path / "trace.json"
    graph = str(Path(__file__).parents[2] / "examples" / "softmax.mlir")
    arguments = [graph, "--random", "1", "--dims", "rows=37,columns=100", "--check", "--profile", "--trace", str(trace)]
    assert dvm_run.main(arguments) == 0
    printed = capsys.readouterr().out
    assert "rmax" in printed
    assert "exp" in printed
    events = [event for event in json.loads(trace.read_text())["traceEvents"] if event["ph"] == "X"]
    assert all(event["ts"] >= 0 and event["dur"] >= 0 for event in events)
    assert sum(event["args"]["elements"] for event in events if event["name"] == "rmax") == 3700
    assert dvm.Device().engine == "native"
