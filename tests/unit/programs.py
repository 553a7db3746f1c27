"""Programs written by hand, one for each way of executing, for the tests of everything below the compiler."""

from dataclasses import replace

import pytest

from vm import device
from vm.isa import BY_MNEMONIC, ElementType, Instruction, PassMode, ReduceKind, encode
from vm.program import (
    Axis,
    Condition,
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
    Tensor,
    Variant,
)

I1, F16, F32, I32, I64 = ElementType.I1, ElementType.F16, ElementType.F32, ElementType.I32, ElementType.I64


ENGINES = tuple(device.ENGINES)
"""The engines that there are."""


def make_worth_all_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have devices made from now on take all of their cores for kernels of any size."""
    engines = {name: replace(tuning, parallel_work=0) for name, tuning in device.ENGINES.items()}
    monkeypatch.setattr(device, "ENGINES", engines)


ZERO, ONE, S0, S1, S2 = 0, 1, 2, 3, 4
"""Entries of the table of dims that all programs here begin with, as far as they have the symbols."""


def word(
    mnemonic: str, element: ElementType = I1, *, aux: int = 0, d: int = 0, a: int = 0, b: int = 0, c: int = 0
) -> int:
    return encode(Instruction(BY_MNEMONIC[mnemonic], element, aux, d, a, b, c))


def once() -> int:
    return word("pass", aux=PassMode.ONCE)


def stream() -> int:
    return word("pass", aux=PassMode.STREAM)


def symbol_dims(count: int) -> tuple[Dim, ...]:
    """0, 1 and the symbols."""
    constants = (Dim(DimOp.CONSTANT, 0), Dim(DimOp.CONSTANT, 1))
    return constants + tuple(Dim(DimOp.SYMBOL, number) for number in range(count))


def along(*axes: int | None) -> tuple[Index, ...]:
    """The access map in which each dim follows one whole axis, or for None none."""
    return tuple(Index(() if axis is None else ((axis, ONE),), ZERO) for axis in axes)


def reads(tensor: int, *axes: int | None, free_dim: int = -1) -> Operand:
    return Operand(tensor, False, along(*axes), free_dim=free_dim)


def writes(tensor: int, *axes: int | None) -> Operand:
    return Operand(tensor, True, along(*axes))


def tensor(name: str, storage: Storage, *dims: int, element: ElementType = F32, source: int = 0) -> Tensor:
    return Tensor(name, element, dims, storage, source)


def inputs(*tensors: Tensor) -> tuple[Input, ...]:
    """The first tensors of a program as its inputs, without reasons."""
    return tuple(Input(number, ("",) * len(tensor.dims)) for number, tensor in enumerate(tensors))


def program(
    name: str,
    symbols: int,
    tensors: tuple[Tensor, ...],
    *kernels: Kernel,
    dims: tuple[Dim, ...] = (),
    constants: tuple[bytes, ...] = (),
    facts: tuple[Fact, ...] = (),
    stages: tuple[tuple[int, ...], ...] | None = None,
    variants: tuple[Variant, ...] | None = None,
) -> Program:
    """Symbols s0, s1...; `dims` follow those of `symbol_dims`; each kernel is a stage where none are given."""
    if stages is None:
        stages = tuple((number,) for number in range(len(kernels)))
    parameters = [tensor for tensor in tensors if tensor.storage is Storage.INPUT]
    return Program(
        name=name,
        symbols=tuple(f"s{number}" for number in range(symbols)),
        dims=symbol_dims(symbols) + dims,
        tensors=tensors,
        inputs=inputs(*parameters),
        outputs=tuple(number for number, tensor in enumerate(tensors) if tensor.storage is Storage.OUTPUT),
        constants=constants,
        facts=facts,
        kernels=kernels,
        variants=(Variant((), stages),) if variants is None else variants,
    )


def add() -> Program:
    """y[s0, s1] = x[s0, s1] + b[s1]"""
    kernel = Kernel(
        name="k0",
        kind=KernelKind.VECTOR,
        axes=(Axis(False, S0), Axis(False, S1)),
        operands=(reads(0, 0, 1), reads(1, 1), writes(2, 0, 1)),
        scalars=(),
        slots=2,
        words=(
            once(),
            word("load", F32, d=0, a=0),
            word("load", F32, d=1, a=1),
            word("add", F32, d=0, a=0, b=1),
            word("store", F32, a=0, b=2),
        ),
        origin="dvm.binary Add at add.mlir:3",
    )
    tensors = (
        tensor("x", Storage.INPUT, S0, S1),
        tensor("b", Storage.INPUT, S1),
        tensor("y", Storage.OUTPUT, S0, S1),
    )
    made = program("add", 2, tensors, kernel, facts=(Fact(FactKind.AT_LEAST, S1, ONE, "add.mlir:3"),))
    return replace(made, inputs=(Input(0, ("", "")), Input(1, ("dvm.binary Add at add.mlir:3",))))


def row_sum() -> Program:
    """y[s0] = sum of x[s0, s1] over s1, of f16 to f16"""
    kernel = Kernel(
        name="k0",
        kind=KernelKind.VECTOR,
        axes=(Axis(False, S0), Axis(True, S1)),
        operands=(reads(0, 0, 1), writes(1, 0)),
        scalars=(),
        slots=2,
        words=(
            once(),
            word("rinit", F32, aux=ReduceKind.SUM, d=0),
            stream(),
            word("load", F16, d=1, a=0),
            word("rsum", F32, d=0, a=1),
            once(),
            word("store", F16, a=0, b=1),
        ),
    )
    tensors = (tensor("x", Storage.INPUT, S0, S1, element=F16), tensor("y", Storage.OUTPUT, S0, element=F16))
    return program("row_sum", 2, tensors, kernel)


def softmax() -> Program:
    """y[s0, s1] = softmax of x[s0, s1] over s1, in three stream passes"""
    kernel = Kernel(
        name="k0",
        kind=KernelKind.VECTOR,
        axes=(Axis(False, S0), Axis(True, S1)),
        operands=(reads(0, 0, 1), writes(1, 0, 1)),
        scalars=(),
        slots=3,
        words=(
            once(),
            word("rinit", F32, aux=ReduceKind.MAX, d=0),
            word("rinit", F32, aux=ReduceKind.SUM, d=1),
            stream(),
            word("load", F32, d=2, a=0),
            word("rmax", F32, d=0, a=2),
            stream(),
            word("load", F32, d=2, a=0),
            word("sub", F32, d=2, a=2, b=0),
            word("exp", F32, d=2, a=2),
            word("rsum", F32, d=1, a=2),
            once(),
            word("recip", F32, d=1, a=1),
            stream(),
            word("load", F32, d=2, a=0),
            word("sub", F32, d=2, a=2, b=0),
            word("exp", F32, d=2, a=2),
            word("mul", F32, d=2, a=2, b=1),
            word("store", F32, a=2, b=1),
        ),
    )
    tensors = (tensor("x", Storage.INPUT, S0, S1), tensor("y", Storage.OUTPUT, S0, S1))
    return program("softmax", 2, tensors, kernel)


def matmul() -> Program:
    """y[s0, s1] = max(x[s0, s2] @ w[s2, s1], 0)"""
    kernel = Kernel(
        name="k0",
        kind=KernelKind.MIX,
        axes=(Axis(False, S0), Axis(False, S1), Axis(True, S2)),
        operands=(reads(0, 0, 2), reads(1, 2, 1), writes(2, 0, 1)),
        scalars=(Scalar(F32, 0.0),),
        slots=3,
        words=(
            once(),
            word("rinit", F32, aux=ReduceKind.SUM, d=0),
            stream(),
            word("load", F32, d=1, a=0),
            word("load", F32, d=2, a=1),
            word("mm", F32, d=0, a=1, b=2),
            once(),
            word("max", F32, aux=0b10, d=0, a=0, b=0),
            word("store", F32, a=0, b=2),
        ),
    )
    tensors = (
        tensor("x", Storage.INPUT, S0, S2),
        tensor("w", Storage.INPUT, S2, S1),
        tensor("y", Storage.OUTPUT, S0, S1),
    )
    return program("matmul", 3, tensors, kernel)


def grouped_matmul() -> Program:
    """y[s0, s1] = x[s0, s2] @ w[s3, s2, s1] by groups of rows that end at e[s3]"""
    s3 = 5
    kernel = Kernel(
        name="k0",
        kind=KernelKind.CUBE,
        axes=(Axis(False, S0), Axis(False, S1), Axis(True, S2)),
        operands=(reads(0, 0, 2), reads(1, None, 2, 1, free_dim=0), reads(2, None, free_dim=0), writes(3, 0, 1)),
        scalars=(),
        slots=2,
        words=(
            once(),
            word("rinit", F32, aux=ReduceKind.SUM, d=0),
            stream(),
            word("load", F32, d=1, a=0),
            word("gmm", F32, d=0, a=1, b=1, c=2),
            once(),
            word("store", F32, a=0, b=3),
        ),
    )
    tensors = (
        tensor("x", Storage.INPUT, S0, S2),
        tensor("w", Storage.INPUT, s3, S2, S1, element=F16),
        tensor("e", Storage.INPUT, s3, element=I64),
        tensor("y", Storage.OUTPUT, S0, S1),
    )
    return program("grouped_matmul", 4, tensors, kernel)


def grouped_matmul_k() -> Program:
    """y[s3, s0, s1] = x[s0, s2] @ w[s2, s1] by groups of s2 that end at e[s3]"""
    s3 = 5
    kernel = Kernel(
        name="k0",
        kind=KernelKind.CUBE,
        axes=(Axis(False, s3), Axis(False, S0), Axis(False, S1), Axis(True, S2)),
        operands=(reads(0, 1, 3), reads(1, 3, 2), reads(2, None, free_dim=0), writes(3, 0, 1, 2)),
        scalars=(),
        slots=3,
        words=(
            once(),
            word("rinit", F32, aux=ReduceKind.SUM, d=0),
            stream(),
            word("load", F32, d=1, a=0),
            word("load", F32, d=2, a=1),
            word("gmmk", F32, d=0, a=1, b=2, c=2),
            once(),
            word("store", F32, a=0, b=3),
        ),
    )
    tensors = (
        tensor("x", Storage.INPUT, S0, S2),
        tensor("w", Storage.INPUT, S2, S1),
        tensor("e", Storage.INPUT, s3, element=I32),
        tensor("y", Storage.OUTPUT, s3, S0, S1),
    )
    return program("grouped_matmul_k", 4, tensors, kernel)


def gather() -> Program:
    """y[s0, s2] = t[i[s0], s2]"""
    kernel = Kernel(
        name="k0",
        kind=KernelKind.VECTOR,
        axes=(Axis(False, S0), Axis(False, S2)),
        operands=(reads(0, None, 1, free_dim=0), reads(1, 0), writes(2, 0, 1)),
        scalars=(),
        slots=2,
        words=(
            once(),
            word("load", I32, d=0, a=1),
            word("gather", F32, d=1, a=0, b=0),
            word("store", F32, a=1, b=2),
        ),
    )
    tensors = (
        tensor("t", Storage.INPUT, S1, S2),
        tensor("i", Storage.INPUT, S0, element=I32),
        tensor("y", Storage.OUTPUT, S0, S2),
    )
    return program("gather", 3, tensors, kernel)


def concat() -> Program:
    """z[s0 + s1, s2] = x[s0, s2] above y[s1, s2]"""
    total, minus_s0 = 5, 6
    follows = Index(((1, ONE),), ZERO)
    kernel = Kernel(
        name="k0",
        kind=KernelKind.VECTOR,
        axes=(Axis(False, total), Axis(False, S2)),
        operands=(
            Operand(0, False, (Index(((0, ONE),), ZERO), follows), guarded=True),
            Operand(1, False, (Index(((0, ONE),), minus_s0), follows), guarded=True),
            writes(2, 0, 1),
        ),
        scalars=(Scalar(F32, 0.0),),
        slots=1,
        words=(
            once(),
            word("fill", F32, aux=0b1, d=0, a=0, b=0b11),
            word("loadg", F32, d=0, a=0),
            word("loadg", F32, d=0, a=1),
            word("store", F32, a=0, b=2),
        ),
    )
    tensors = (
        tensor("x", Storage.INPUT, S0, S2),
        tensor("y", Storage.INPUT, S1, S2),
        tensor("z", Storage.OUTPUT, total, S2),
    )
    return program("concat", 3, tensors, kernel, dims=(Dim(DimOp.ADD, S0, S1), Dim(DimOp.SUB, ZERO, S0)))


def two_stages() -> Program:
    """y[s0*s1] = (w as [s0*s1]) * 0.5 of the workspace w[s0, s1] = exp(x), and beside it u[s0] = |c|, a constant c[1]"""
    points = 4
    first = Kernel(
        name="k0",
        kind=KernelKind.VECTOR,
        axes=(Axis(False, S0), Axis(False, S1)),
        operands=(reads(0, 0, 1), writes(1, 0, 1)),
        scalars=(),
        slots=1,
        words=(once(), word("load", F32, d=0, a=0), word("exp", F32, d=0, a=0), word("store", F32, a=0, b=1)),
    )
    beside = Kernel(
        name="k1",
        kind=KernelKind.VECTOR,
        axes=(Axis(False, S0),),
        operands=(reads(5, None), writes(3, 0)),
        scalars=(),
        slots=1,
        words=(once(), word("load", I64, d=0, a=0), word("abs", I64, d=0, a=0), word("store", I64, a=0, b=1)),
    )
    second = Kernel(
        name="k2",
        kind=KernelKind.VECTOR,
        axes=(Axis(False, points),),
        operands=(reads(2, 0), writes(4, 0)),
        scalars=(Scalar(F32, 0.5),),
        slots=1,
        words=(
            once(),
            word("load", F32, d=0, a=0),
            word("mul", F32, aux=0b10, d=0, a=0, b=0),
            word("store", F32, a=0, b=1),
        ),
    )
    tensors = (
        tensor("x", Storage.INPUT, S0, S1),
        tensor("w", Storage.WORKSPACE, S0, S1),
        tensor("v", Storage.VIEW, points, source=1),
        tensor("u", Storage.OUTPUT, S0, element=I64),
        tensor("y", Storage.OUTPUT, points),
        tensor("c", Storage.CONSTANT, ONE, element=I64),
    )
    constants = ((-7).to_bytes(8, "little", signed=True),)
    dims = (Dim(DimOp.MUL, S0, S1),)
    return program(
        "two_stages", 2, tensors, first, beside, second, dims=dims, constants=constants, stages=((0, 1), (2,))
    )


def two_variants() -> Program:
    """y[s0] = 4 * x[s0]: at once where s0 >= 2 and s0 is a multiple of 2, else by way of w[s0] = 2 * x[s0]"""

    def doubling(name: str, times: int, source: int, target: int) -> Kernel:
        add = word("add", F32, d=0, a=0, b=0)
        words = (once(), word("load", F32, d=0, a=0), *[add] * times, word("store", F32, a=0, b=1))
        operands = reads(source, 0), writes(target, 0)
        return Kernel(name, KernelKind.VECTOR, (Axis(False, S0),), operands, (), 1, words)

    tensors = tensor("x", Storage.INPUT, S0), tensor("w", Storage.WORKSPACE, S0), tensor("y", Storage.OUTPUT, S0)
    two = 3
    even = Condition(FactKind.AT_LEAST, S0, two), Condition(FactKind.DIVISIBLE, S0, two)
    return program(
        "two_variants",
        1,
        tensors,
        doubling("whole", 2, 0, 2),
        doubling("first", 1, 0, 1),
        doubling("second", 1, 1, 2),
        dims=(Dim(DimOp.CONSTANT, 2),),
        variants=(Variant(even, ((0,),)), Variant((), ((1,), (2,)))),
    )


def masked() -> Program:
    """y[s0, s1] = x where column < s0 * 2 else row as f32: iota, fill from a slot, cast, select, a scalar from a dim

    x is an f16 slice with the columns reversed: x[row, s1 - 1 - column].
    """
    double, last, minus_one = 4, 5, 6
    kernel = Kernel(
        name="k0",
        kind=KernelKind.VECTOR,
        axes=(Axis(False, S0), Axis(False, S1)),
        operands=(
            Operand(0, False, (Index(((0, ONE),), ZERO), Index(((1, minus_one),), last))),
            writes(1, 0, 1),
        ),
        scalars=(Scalar(I64, 0, double),),
        slots=5,
        words=(
            once(),
            word("iota", I64, d=0, a=1),
            word("lt", I64, aux=0b10, d=1, a=0, b=0),
            word("iota", I32, d=0, a=0),
            word("cast", I32, aux=F32, d=2, a=0),
            word("fill", F32, d=3, a=2, b=0b11),
            word("load", F16, d=4, a=0),
            word("select", F32, d=4, a=1, b=4, c=3),
            word("store", F32, a=4, b=1),
        ),
    )
    dims = (Dim(DimOp.ADD, S0, S0), Dim(DimOp.SUB, S1, ONE), Dim(DimOp.CONSTANT, -1))
    tensors = (tensor("x", Storage.INPUT, S0, S1, element=F16), tensor("y", Storage.OUTPUT, S0, S1))
    return program("masked", 2, tensors, kernel, dims=dims)


ALL = (
    add,
    row_sum,
    softmax,
    matmul,
    grouped_matmul,
    grouped_matmul_k,
    gather,
    concat,
    two_stages,
    two_variants,
    masked,
)
"""Every program, for tests that want them all."""
