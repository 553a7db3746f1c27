"""The bytecode verifier: good programs pass, and each rule refuses what breaks it, naming the culprit."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.unit import programs
from tests.unit.programs import F16, F32, I1, I32, I64, ONE, S0, S1, S2, ZERO, along, once, reads, stream, word, writes
from vm.errors import BytecodeError
from vm.isa import ElementType, ReduceKind
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
    Program,
    Scalar,
    Storage,
    Variant,
)
from vm.verify import verify

Change = Callable[[Program], Program]


def dims(*entries: Dim) -> Change:
    """The program with more entries in its table of dims."""
    return lambda program: replace(program, dims=program.dims + entries)


def tensor(number: int, **fields: Any) -> Change:
    def change(program: Program) -> Program:
        tensors = list(program.tensors)
        tensors[number] = replace(tensors[number], **fields)
        return replace(program, tensors=tuple(tensors))

    return change


def kernel(number: int = 0, **fields: Any) -> Change:
    def change(program: Program) -> Program:
        kernels = list(program.kernels)
        kernels[number] = replace(kernels[number], **fields)
        return replace(program, kernels=tuple(kernels))

    return change


def operand(position: int, number: int = 0, **fields: Any) -> Change:
    def change(program: Program) -> Program:
        operands = list(program.kernels[number].operands)
        operands[position] = replace(operands[position], **fields)
        return kernel(number, operands=tuple(operands))(program)

    return change


def words(changes: dict[int, int], number: int = 0) -> Change:
    """The program with some words replaced."""

    def change(program: Program) -> Program:
        changed = list(program.kernels[number].words)
        for position, value in changes.items():
            changed[position] = value
        return kernel(number, words=tuple(changed))(program)

    return change


def inserted(position: int, *values: int) -> Change:
    """The program with words put in before one of its first kernel."""

    def change(program: Program) -> Program:
        kept = program.kernels[0].words
        return kernel(words=(*kept[:position], *values, *kept[position:]))(program)

    return change


def both(*changes: Change) -> Change:
    def change(program: Program) -> Program:
        for one in changes:
            program = one(program)
        return program

    return change


def fields(**values: Any) -> Change:
    return lambda program: replace(program, **values)


def stages(*members: tuple[int, ...]) -> Change:
    """Other stages of the only variant."""
    return fields(variants=(Variant((), members),))


def variants(*changed: Variant | None) -> Change:
    """Other variants; None stands for one that is left as it is."""

    def change(program: Program) -> Program:
        pairs = zip(changed, program.variants, strict=False)
        return replace(program, variants=tuple(kept if given is None else given for given, kept in pairs))

    return change


def extended(**values: tuple[Any, ...]) -> Change:
    """The program with more entries in some of its tables."""
    return lambda program: replace(program, **{name: getattr(program, name) + more for name, more in values.items()})


add, softmax, two_stages = programs.add, programs.softmax, programs.two_stages
two_variants = programs.two_variants

TABLES: list[tuple[Callable[[], Program], Change, str]] = [
    # dims
    (add, dims(Dim(DimOp.ADD, 2, 4)), "dim 4: add of 2 and 4 is not allowed here"),
    (add, dims(Dim(DimOp.BROADCAST, -1, 0)), "dim 4: broadcast of -1 and 0 is not allowed here"),
    (add, dims(Dim(DimOp.SYMBOL, 2)), "dim 4: symbol of 2 and 0 is not allowed here"),
    (add, dims(Dim(DimOp.SYMBOL, 1, 1)), "dim 4: symbol of 1 and 1 is not allowed here"),
    (add, dims(Dim(DimOp.CONSTANT, 3, 1)), "dim 4: constant of 3 and 1 is not allowed here"),
    (add, dims(Dim(DimOp.CONSTANT, 1 << 62)), "dim 4: constant of 4611686018427387904 and 0"),
    # tensors
    (add, tensor(0, dims=(S0,) * 9), "tensor 0 ('x'): 9 dims, 8 at most"),
    (add, tensor(0, dims=(S0, 4)), "tensor 0 ('x'): no dim 4"),
    (add, tensor(0, source=1), "tensor 0 ('x'): source 1 without a use for it"),
    (two_stages, tensor(5, source=1), "tensor 5 ('c'): no constant 1"),
    (two_stages, tensor(5, dims=(S0,)), "tensor 5 ('c'): the dims of a constant are constant, and not negative"),
    (
        two_stages,
        both(dims(Dim(DimOp.CONSTANT, -1)), tensor(5, dims=(5, 5))),
        "tensor 5 ('c'): the dims of a constant are constant, and not negative",
    ),
    (two_stages, tensor(5, type=I32), "tensor 5 ('c'): 1 elements of i32, but constant 0 has 8 bytes"),
    (
        two_stages,
        both(extended(constants=(b"\x02",)), tensor(5, type=I1, source=1)),
        "tensor 5 ('c'): constant 1 has truth values other than 0 and 1",
    ),
    (two_stages, tensor(2, source=2), "tensor 2 ('v'): tensor 2 does not come before this view of it"),
    (two_stages, tensor(2, source=-1), "tensor 2 ('v'): tensor -1 does not come before this view of it"),
    (two_stages, tensor(2, type=I32), "tensor 2 ('v'): a view as i32 of tensor 1, which is f32"),
    (
        two_stages,
        both(dims(Dim(DimOp.CONSTANT, 7)), tensor(1, dims=(5, 5)), tensor(2, dims=(5,))),
        "tensor 2 ('v'): a view of 7 elements on tensor 1 of 49",
    ),
    # inputs, symbols, outputs, facts
    (add, fields(inputs=(Input(0, ("", "")), Input(0, ("", "")))), "input 1: tensor 0 is not there or twice"),
    (add, fields(inputs=(Input(3, ("", "")),)), "input 0: tensor 3 is not there or twice"),
    (add, fields(inputs=(Input(2, ("", "")),)), "input 0: tensor 2 is no input tensor"),
    (add, fields(inputs=(Input(0, ("",)),)), "input 0 ('x'): 1 reasons for 2 dims"),
    (add, fields(inputs=(Input(0, ("", "")),)), "tensor 1 ('b'): no input gives it"),
    (add, extended(symbols=("s2",)), "symbol 2 ('s2'): it is no whole dim of an input"),
    (add, fields(symbols=("s0", "s0")), "symbol 1 ('s0'): another has the same name"),
    (add, fields(symbols=("s0", "s1\n")), r"symbol 1 ('s1\n'): it is no identifier"),
    (add, fields(outputs=(2, 2)), "output 1: tensor 2 is not there or twice"),
    (add, tensor(1, name="x"), "input 1 ('x'): another has the same name"),
    (two_stages, tensor(3, name="y"), "output 1 ('y'): another has the same name"),
    (add, fields(outputs=(3,)), "output 0: tensor 3 is not there or twice"),
    (add, fields(outputs=(0,)), "output 0: tensor 0 is no output tensor"),
    (add, fields(outputs=()), "tensor 2 ('y'): no output is it"),
    (add, fields(facts=(Fact(FactKind.EQUAL, 0, 4, ""),)), "fact 0: no dim 4"),
    # stages and the flow between them
    (two_stages, stages((0, 1), (), (2,)), "variant 0, stage 1: it has no kernels"),
    (two_stages, stages((0, 1), (3,)), "variant 0, stage 1: kernel 3 is not there or runs twice"),
    (two_stages, stages((0, 1), (2, 0)), "variant 0, stage 1: kernel 0 is not there or runs twice"),
    (
        two_stages,
        stages(
            (0, 1),
        ),
        "tensor 4 ('y'): variant 0 does not write it",
    ),
    (
        two_stages,
        stages(
            (0, 1, 2),
        ),
        "kernel 'k2', operand 0: tensor 1 ('w') is read before the stage after it is written in variant 0",
    ),
    (
        two_stages,
        stages((2,), (0, 1)),
        "kernel 'k2', operand 0: tensor 1 ('w') is read before the stage after it is written in variant 0",
    ),
    (
        two_stages,
        operand(1, 2, tensor=2),
        "kernel 'k2', operand 1: tensor 1 ('w') is written a second time in variant 0",
    ),
    (add, operand(2, tensor=0), "kernel 'k0', operand 2: tensor 0 ('x') may not be written in variant 0"),
    (
        two_stages,
        extended(tensors=(programs.tensor("z", Storage.WORKSPACE, S0),)),
        "tensor 6 ('z'): no kernel writes it",
    ),
    # variants
    (two_variants, fields(variants=()), "there is no variant to run"),
    (two_variants, variants(None), "variant 0: the last has conditions"),
    (two_variants, variants(Variant((), ((0,),)), None), "variant 0: only the last has no conditions"),
    (
        two_variants,
        variants(Variant((Condition(FactKind.EQUAL, 0, 9),), ((0,),)), None),
        "variant 0, condition 0: no dim 9",
    ),
    (two_variants, variants(None, Variant((), ((1,),))), "tensor 2 ('y'): variant 1 does not write it"),
    (
        two_variants,
        variants(None, Variant((), ((2,), (1,)))),
        "kernel 'second', operand 0: tensor 1 ('w') is read before the stage after it is written in variant 1",
    ),
    (
        two_variants,
        variants(None, Variant((), ((0,), (1,), (2,)))),
        "kernel 'second', operand 1: tensor 2 ('y') is written a second time in variant 1",
    ),
    (two_variants, variants(None, Variant((), ((0,),))), "kernel 'first': no stage runs it"),
    (
        two_variants,
        variants(None, Variant((), ((2,),))),
        "kernel 'second', operand 0: tensor 1 ('w') is read before the stage after it is written in variant 1",
    ),
]

S0_ONCE = Index(((0, ONE),), ZERO)
"""Follows axis 0."""

HEADS: list[tuple[Callable[[], Program], Change, str]] = [
    # domain and scalars
    (add, kernel(axes=(Axis(False, S0),) * 17), "kernel 'k0': 17 axes, 16 at most"),
    (add, kernel(slots=4097), "kernel 'k0': 4097 slots, 4096 at most"),
    (add, kernel(slots=-1), "kernel 'k0': -1 slots, 4096 at most"),
    (add, kernel(operands=(reads(0, 0, 1),) * 4097), "kernel 'k0': 4097 operands, 4096 at most"),
    (add, kernel(scalars=(Scalar(F32, 0.0),) * 4097), "kernel 'k0': 4097 scalars, 4096 at most"),
    (add, kernel(axes=(Axis(False, S0), Axis(False, 4))), "kernel 'k0', axis 1: no dim 4"),
    (add, kernel(scalars=(Scalar(F16, 0.0),)), "kernel 'k0', scalar 0: type f16 is no type to compute in"),
    (add, kernel(scalars=(Scalar(I64, 0, 4),)), "kernel 'k0', scalar 0: no dim 4"),
    (add, kernel(scalars=(Scalar(I64, 0, -2),)), "kernel 'k0', scalar 0: no dim -2"),
    (add, kernel(scalars=(Scalar(I1, False, 2),)), "kernel 'k0', scalar 0: a dim's value is a number, and stored as 0"),
    (add, kernel(scalars=(Scalar(I64, 5, 2),)), "kernel 'k0', scalar 0: a dim's value is a number, and stored as 0"),
    (add, kernel(scalars=(Scalar(I1, 1.5),)), "kernel 'k0', scalar 0: 1.5 is no truth value"),
    (add, kernel(scalars=(Scalar(F32, True),)), "kernel 'k0', scalar 0: True is no f32"),
    (add, kernel(scalars=(Scalar(F32, 1e39),)), "kernel 'k0', scalar 0: 1e+39 is no f32"),
    (add, kernel(scalars=(Scalar(I32, 1 << 31),)), "kernel 'k0', scalar 0: 2147483648 is no i32"),
    (add, kernel(scalars=(Scalar(I64, 0.5),)), "kernel 'k0', scalar 0: 0.5 is no i64"),
    # operands
    (add, operand(0, tensor=3), "kernel 'k0', operand 0: no tensor 3"),
    (add, operand(0, indices=along(0)), "kernel 'k0', operand 0: 1 indices into a tensor of 2 dims"),
    (add, operand(0, free_dim=2), "kernel 'k0', operand 0: no dim 2 to be free"),
    (add, operand(0, free_dim=-2), "kernel 'k0', operand 0: no dim -2 to be free"),
    (add, operand(2, guarded=True), "operand 2: written, guarded and a free dim exclude one another"),
    (add, operand(0, guarded=True, free_dim=0), "operand 0: written, guarded and a free dim exclude one another"),
    (add, operand(1, indices=along(2)), "operand 1: index 0: axis 2 is not there or not ascending"),
    (
        add,
        operand(1, indices=(Index(((1, ONE), (0, ONE)), ZERO),)),
        "operand 1: index 0: axis 0 is not there or not ascending",
    ),
    (
        add,
        operand(1, indices=(Index(((0, ONE), (0, ONE)), ZERO),)),
        "operand 1: index 0: axis 0 is not there or not ascending",
    ),
    (add, operand(1, indices=(Index(((0, 4),), ZERO),)), "operand 1: index 0: no dim 4"),
    (add, operand(1, indices=(Index(((0, ONE),), 4),)), "operand 1: index 0: no dim 4"),
    # written, guarded and free dims follow whole axes
    (add, operand(2, indices=along(0, None)), "operand 2: index 1: it must follow an axis"),
    (
        add,
        operand(2, indices=(S0_ONCE, Index(((1, S0),), ZERO))),
        "operand 2: index 1: it must be one axis, with coefficient 1",
    ),
    (
        add,
        operand(2, indices=(S0_ONCE, Index(((0, ONE), (1, ONE)), ZERO))),
        "operand 2: index 1: it must be one axis, with coefficient 1",
    ),
    (add, operand(2, indices=along(0, 0)), "operand 2: index 1: axis 0 is used twice"),
    (add, operand(2, indices=(S0_ONCE, Index(((1, ONE),), ONE))), "operand 2: index 1: its offset must be 0"),
    (
        add,
        both(
            dims(Dim(DimOp.CONSTANT, 5), Dim(DimOp.CONSTANT, 6)),
            tensor(2, dims=(S0, 4)),
            kernel(axes=(Axis(False, S0), Axis(False, 5))),
        ),
        "operand 2: index 1: axis 1 has another extent than the dim",
    ),
    (
        add,
        both(tensor(2, dims=(S0,)), operand(2, indices=along(0))),
        "operand 2: it lacks parallel axis 1, so each element would be written many times, or never",
    ),
    (programs.concat, operand(0, indices=along(0, None)), "operand 0: index 1: it must follow an axis"),
    (programs.concat, operand(0, indices=along(0, 0)), "operand 0: index 1: axis 0 is used twice"),
    (
        programs.concat,
        operand(0, indices=(S0_ONCE, Index(((1, S0),), ZERO))),
        "operand 0: index 1: it must be one axis, with coefficient 1",
    ),
    (programs.gather, operand(0, indices=along(0, 1)), "operand 0: index 0: a free dim follows no axis"),
    (programs.gather, operand(0, indices=along(None, None)), "operand 0: index 1: it must follow an axis"),
    (
        programs.gather,
        operand(0, indices=(Index((), ZERO), Index(((1, ONE),), ONE))),
        "operand 0: index 1: its offset must be 0",
    ),
]

LOAD_X = word("load", F32, d=0, a=0)

WORDS: list[tuple[Callable[[], Program], Change, str]] = [
    # single words
    (add, words({1: 0}), "word 1: unknown opcode 0x00"),
    (add, words({1: 0x0F02}), "word 1: unknown element type 15 in 'load'"),
    (add, words({3: word("and", F32, d=0, a=0, b=1)}), "word 3 (and): it does not work on f32"),
    (add, words({3: word("add", F16, d=0, a=0, b=1)}), "word 3 (add): it does not work on f16"),
    (add, words({0: word("pass", F32)}), "word 0 (pass): it does not work on f32"),
    (add, words({3: word("add", F32, d=2, a=0, b=1)}), "word 3 (add): field d is 2, it must be below 2"),
    (add, words({3: word("add", F32, a=2, b=1)}), "word 3 (add): field a is 2, it must be below 2"),
    (add, words({3: word("add", F32, aux=2, b=0)}), "word 3 (add): field b is 0, it must be below 0"),
    (add, words({3: word("add", F32, a=0, b=1, c=1)}), "word 3 (add): field c is 1, it must be below 1"),
    (add, words({3: word("add", F32, aux=4, a=0, b=1)}), "word 3 (add): aux is 4, which means nothing here"),
    (add, words({3: word("exp", F32, aux=1)}), "word 3 (exp): aux is 1, which means nothing here"),
    (add, words({3: word("cast", F32, aux=6)}), "word 3 (cast): aux is 6, which means nothing here"),
    (add, words({0: word("pass", aux=2)}), "word 0 (pass): aux is 2, which means nothing here"),
    (add, words({1: word("load", F32, a=3)}), "word 1 (load): field a is 3, it must be below 3"),
    (add, words({1: word("iota", F32, a=2)}), "word 1 (iota): field a is 2, it must be below 2"),
    (add, words({1: word("rinit", F32, aux=4)}), "word 1 (rinit): aux is 4, which means nothing here"),
    (
        programs.concat,
        words({1: word("fill", F32, aux=1, b=0b111)}),
        "the mask of axes 0x7 has axes that are not there",
    ),
    (programs.concat, words({1: word("fill", F32, aux=1, c=16)}), "field c is 16, it must be below 16"),
    # the shape of the whole
    (add, words({0: LOAD_X}), "word 0 (load): the first word must be a pass"),
    (add, kernel(words=()), "kernel 'k0': nothing is stored to operand 2"),
    (add, words({4: word("exp", F32)}), "kernel 'k0': nothing is stored to operand 2"),
    (add, inserted(5, word("store", F32, b=2)), "word 5 (store): operand 2 is stored twice"),
    (add, words({0: stream()}), "word 0 (pass): a stream pass needs a reduction axis"),
    (add, kernel(kind=KernelKind.CUBE), "kernel 'k0': its kind, cube, does not fit its words"),
    (programs.matmul, kernel(kind=KernelKind.VECTOR), "kernel 'k0': its kind, vector, does not fit its words"),
    # operands and their types
    (add, words({1: word("load", F32, a=2)}), "word 1 (load): operand 2 is written, not read"),
    (add, words({4: word("store", F32, b=0)}), "word 4 (store): operand 0 is read, not written"),
    (add, words({1: word("load", F16)}), "word 1 (load): operand 0 is of type f32, not f16"),
    (add, words({4: word("store", I32, b=2)}), "word 4 (store): operand 2 is of type f32, not i32"),
    (add, operand(0, guarded=True), "word 1 (load): operand 0 is guarded"),
    (add, inserted(3, word("loadg", F32, d=0, a=0)), "word 3 (loadg): operand 0 must be guarded"),
    (programs.gather, words({1: word("load", F32, a=0)}), "word 1 (load): operand 0 has a free dim"),
    (programs.gather, words({2: word("gather", I32, d=1, a=1)}), "word 2 (gather): operand 1 must have a free dim"),
    # slots and their types
    (add, words({2: once()}), "word 3 (add): slot 1 holds nothing at this point"),
    (add, words({3: word("add", I32, d=0, a=0, b=1)}), "word 3 (add): slot 0 holds f32, not i32"),
    (add, words({3: word("isfin", F32)}), "word 4 (store): slot 0 holds i1, not f32"),
    (add, words({3: word("cast", F32, aux=I64)}), "word 4 (store): slot 0 holds i64, not f32"),
    (programs.masked, words({7: word("select", F32, d=4, a=3, b=4, c=3)}), "word 7 (select): slot 3 holds f32, not i1"),
    (
        programs.masked,
        words({7: word("select", I32, d=4, a=1, b=4, c=3)}),
        "word 7 (select): slot 4 holds f32, not i32",
    ),
    (programs.masked, words({2: word("lt", I32, aux=2, d=1)}), "word 2 (lt): slot 0 holds i64, not i32"),
    (
        programs.masked,
        both(words({1: word("iota", I32, a=1)}), words({2: word("lt", I32, aux=2, d=1)})),
        "word 2 (lt): scalar 0 is of type i64, not i32",
    ),
    (programs.gather, words({1: word("iota", F32)}), "word 2 (gather): slot 0 holds f32, not i32 or i64"),
    # axes and sharing of slots
    (
        add,
        both(tensor(2, dims=(S1,)), kernel(axes=(Axis(False, ONE), Axis(False, S1))), operand(2, indices=along(1))),
        "word 4 (store): slot 0 spans an axis that operand 2 lacks",
    ),
    (
        add,
        words({3: word("add", F32, d=1, a=0, b=1), 4: word("store", F32, a=1, b=2)}),
        "word 3 (add): the result shares slot 1 with a source that lacks some of its axes",
    ),
    (programs.masked, words({5: word("fill", F32, d=2, a=2, b=0b11)}), "the result shares the slot of the source"),
    (programs.masked, words({5: word("fill", F32, d=3, a=2, b=0b10)}), "slot 2 spans an axis outside of the mask"),
    (programs.gather, words({2: word("gather", F32, d=0, a=0)}), "the result shares the slot of the index"),
    (
        programs.gather,
        words({1: word("iota", I32, a=1)}),
        "word 2 (gather): the index spans an axis of the operand",
    ),
    (
        programs.concat,
        words({1: word("fill", F32, aux=1, b=0b01)}),
        "word 2 (loadg): slot 0 may lack an axis of the operand; a background is made by fill",
    ),
    (programs.concat, words({1: once()}), "word 2 (loadg): slot 0 holds nothing at this point"),
    # stream passes
    (softmax, words({1: stream()}), "word 2 (rinit): accumulators begin in a once pass"),
    (softmax, words({3: once()}), "word 4 (load): what spans a reduction axis belongs into a stream pass"),
    (programs.row_sum, words({5: stream()}), "operand 1 lacks a reduction axis, so its store belongs into a once pass"),
    (
        softmax,
        words({13: once(), 14: word("iota", F32, d=2, a=0)}),
        "operand 1 spans a reduction axis, so its store belongs into a stream pass",
    ),
    (softmax, words({7: word("exp", F32, d=2, a=2)}), "word 7 (exp): slot 2 holds nothing at this point"),
    (softmax, words({2: once()}), "word 10 (rsum): slot 1 is no accumulator as rinit.f32 sum begins it"),
    (softmax, words({5: stream()}), "word 8 (sub): slot 0 is an accumulator that nothing has accumulated"),
    (
        softmax,
        inserted(10, word("rsum", F32, d=1, a=2)),
        "word 11 (rsum): slot 1 is no accumulator as rinit.f32 sum begins it, or has been accumulated",
    ),
    (
        softmax,
        inserted(11, stream(), word("load", F32, d=2), word("rsum", F32, d=1, a=2)),
        "word 13 (rsum): slot 1 is no accumulator as rinit.f32 sum begins it, or has been accumulated",
    ),
    (
        softmax,
        words({2: word("rinit", I32, aux=ReduceKind.SUM, d=1)}),
        "word 10 (rsum): slot 1 is no accumulator as rinit.f32 sum begins it",
    ),
    (
        softmax,
        words({8: word("sub", F32, d=0, a=2, b=0)}),
        "word 8 (sub): the result shares slot 0 with a source that lacks some of its axes",
    ),
    (
        softmax,
        words({9: word("load", F32, d=0, a=0)}),
        "word 9 (load): slot 0 is overwritten, but the next tile of the reduction reads it",
    ),
    (
        softmax,
        inserted(6, word("load", F32, d=0, a=0)),
        "word 6 (load): slot 0 is overwritten, but the next tile of the reduction reads it",
    ),
    (
        softmax,
        words({5: word("rsum", F32, d=0, a=2)}),
        "word 5 (rsum): slot 0 is no accumulator as rinit.f32 sum begins it",
    ),
    (softmax, words({5: word("rmax", F32, d=0, a=0)}), "word 5 (rmax): the result shares the slot of a source"),
    (softmax, inserted(13, word("rsum", F32, d=1, a=0)), "word 13 (rsum): reductions belong into a stream pass"),
    (
        softmax,
        inserted(13, stream(), word("iota", F32, d=0, a=0)),
        "word 17 (sub): slot 0 holds nothing at this point",
    ),
    (
        softmax,
        inserted(11, word("exp", F32, d=2, a=1)),
        "word 11 (exp): slot 1 is read in the pass that accumulates it",
    ),
    (
        programs.row_sum,
        both(
            operand(0, guarded=True),
            words({1: word("fill", F32, d=0, a=0, b=0b01, aux=1), 3: word("loadg", F16, d=0, a=0)}),
            kernel(scalars=(Scalar(F32, 0.0),)),
            words({4: word("rsum", F32, d=1, a=0)}),
        ),
        "word 3 (loadg): slot 0 is no background defined in this pass",
    ),
    # matrix products
    (
        programs.matmul,
        kernel(axes=(Axis(False, S0), Axis(True, S1), Axis(True, S2))),
        "word 5 (mm): it needs a domain of 3 axes at least, the last one and no other a reduction",
    ),
    (
        programs.matmul,
        words({5: word("mm", F32, d=0, a=2, b=1)}),
        "word 5 (mm): the axes of a are not those of a matrix in its place",
    ),
    (
        programs.matmul,
        words({5: word("mm", F32, d=0, a=1, b=1)}),
        "word 5 (mm): the axes of b are not those of a matrix in its place",
    ),
    (
        programs.matmul,
        words({5: word("mm", F32, d=1, a=1, b=2)}),
        "word 5 (mm): the result shares the slot of a source",
    ),
    (
        programs.matmul,
        words({1: word("rinit", F32, aux=ReduceKind.MAX)}),
        "word 5 (mm): slot 0 is no accumulator as rinit.f32 sum begins it",
    ),
    (
        programs.row_sum,
        words({4: word("mm", F32, d=0, a=1, b=1)}),
        "word 4 (mm): it needs a domain of 3 axes at least, the last one and no other a reduction",
    ),
    (
        programs.matmul,
        words({5: word("gmmk", F32, d=0, a=1, b=2, c=0)}),
        "word 5 (gmmk): it needs a domain of 4 axes at least, the last one and no other a reduction",
    ),
    (
        programs.grouped_matmul,
        words({4: word("gmm", F32, d=0, a=1, b=0, c=2)}),
        "word 4 (gmm): operand 0 must have a free dim",
    ),
    (
        programs.grouped_matmul,
        words({4: word("gmm", F32, d=0, a=1, b=2, c=2)}),
        "word 4 (gmm): operand 2 is of type i64, not f16 or bf16 or f32",
    ),
    (
        programs.grouped_matmul,
        words({4: word("gmm", F32, d=0, a=1, b=1, c=1)}),
        "word 4 (gmm): operand 1 is of type f16, not i32 or i64",
    ),
    (
        programs.grouped_matmul,
        operand(1, indices=along(None, 0, 1)),
        "word 4 (gmm): the axes of b are not those of a matrix in its place",
    ),
    (
        programs.grouped_matmul,
        tensor(1, dims=(S1, S2, S1)),
        "word 4 (gmm): the free dim of operand b is not the number of groups",
    ),
    (
        programs.grouped_matmul,
        both(
            tensor(2, dims=(5, S1)),
            fields(inputs=programs.inputs(*(programs.tensor("", Storage.INPUT, *(0,) * n) for n in (2, 3, 2)))),
            operand(2, indices=along(None, 1)),
        ),
        "word 4 (gmm): operand 2 has 2 dims, the ends of groups have one",
    ),
    (
        programs.grouped_matmul_k,
        kernel(axes=(Axis(False, S1), Axis(False, S0), Axis(False, S1), Axis(True, S2))),
        "word 5 (gmmk): the extent of the axis of groups is not the number of groups",
    ),
    (
        programs.grouped_matmul_k,
        operand(1, indices=along(3, 0)),
        "word 5 (gmmk): the axes of b are not those of a matrix in its place",
    ),
]


@pytest.mark.parametrize("make", programs.ALL, ids=lambda make: make.__name__)
def test_good_programs_pass(make: Callable[[], Program]) -> None:
    verify(make())


@pytest.mark.parametrize(
    ("make", "change", "message"),
    TABLES + HEADS + WORDS,
    ids=[f"{make.__name__}: {message}" for make, _, message in TABLES + HEADS + WORDS],
)
def test_a_fault_is_refused(make: Callable[[], Program], change: Change, message: str) -> None:
    with pytest.raises(BytecodeError, match=re.escape(message)):
        verify(change(make()))


def test_a_name_from_the_file_cannot_forge_lines() -> None:
    program = kernel(name="k\n0\x1b[2J", words=())(add())
    with pytest.raises(BytecodeError) as error:
        verify(program)
    assert str(error.value) == r"kernel 'k\n0\x1b[2J': nothing is stored to operand 2"


ALLOWED: list[tuple[str, Callable[[], Program], Change]] = [
    (
        "a dim of constant extent 1 needs no axis",
        add,
        both(tensor(2, dims=(S0, S1, ONE)), operand(2, indices=along(0, 1, None))),
    ),
    (
        "an axis of constant extent 1 needs no dim",
        add,
        kernel(axes=(Axis(False, S0), Axis(False, S1), Axis(False, ONE))),
    ),
    ("a transposed store", add, both(tensor(2, dims=(S1, S0)), operand(2, indices=along(1, 0)))),
    ("a value of fewer axes than the tensor", add, words({4: word("store", F32, a=1, b=2)})),
    ("operations on scalars only", add, both(kernel(scalars=(Scalar(F32, 1.0),)), words({3: word("add", F32, aux=3)}))),
    ("a slot may be used anew for another type", programs.masked, inserted(9, word("iota", I64, d=4, a=0))),
    ("an empty stream pass", softmax, inserted(3, stream())),
    (
        "a gather from a table of f16",
        programs.gather,
        both(tensor(0, type=F16), words({2: word("gather", F16, d=1, a=0, b=0)})),
    ),
    ("an unused read operand", add, words({2: word("load", F32, d=1, a=0)})),
    (
        "extents that are equal by another entry",
        programs.grouped_matmul,
        both(dims(Dim(DimOp.SYMBOL, 3)), tensor(1, dims=(6, S2, S1))),
    ),
]


@pytest.mark.parametrize(("make", "change"), [case[1:] for case in ALLOWED], ids=[case[0] for case in ALLOWED])
def test_what_is_allowed(make: Callable[[], Program], change: Change) -> None:
    verify(change(make()))


def test_a_kernel_without_axes_is_allowed() -> None:
    scalar = Kernel(
        name="k0",
        kind=KernelKind.VECTOR,
        axes=(),
        operands=(reads(0), writes(1)),
        scalars=(),
        slots=1,
        words=(once(), word("load", ElementType.BF16), word("exp", F32), word("store", ElementType.BF16, b=1)),
    )
    tensors = (
        programs.tensor("x", Storage.INPUT, element=ElementType.BF16),
        programs.tensor("y", Storage.OUTPUT, element=ElementType.BF16),
    )
    verify(programs.program("scalar", 0, tensors, scalar))
