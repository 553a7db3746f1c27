"""The disassembler's listing, in full for one program and by its parts for what others have."""

from dataclasses import replace
from textwrap import dedent
from typing import Any

import pytest

from tests.unit import programs
from vm.disassemble import disassemble
from vm.isa import ElementType
from vm.program import Dim, DimOp, Fact, FactKind, Program


def rows(program: Program) -> list[str]:
    """The lines of a listing with single spaces."""
    return [" ".join(line.split()) for line in disassemble(program).splitlines()]


def test_a_whole_listing() -> None:
    expected = """\
        program 'add', instruction set 1
        inputs
          x  f32  [s0, s1]
          b  f32  [s1]
        outputs
          y  f32  [s0, s1]
        symbols
          s0  =  dim 0 of x
          s1  =  dim 1 of x, dim 0 of b (dvm.binary Add at add.mlir:3)
        facts
          s1 >= 1  add.mlir:3
        launch
          stage 0  'k0'

        vector kernel 'k0', 2 slots, from dvm.binary Add at add.mlir:3
          domain    d0 < s0, d1 < s1
          operands  g0  reads   x[d0, d1]  f32
                    g1  reads   b[d1]      f32
                    g2  writes  y[d0, d1]  f32
          words     0  pass once                 for each tile of d0, d1
                    1  load.f32   ub0, g0 'x'    ub0 := x[d0, d1]
                    2  load.f32   ub1, g1 'b'    ub1 := b[d1]
                    3  add.f32    ub0, ub0, ub1  ub0 := ub0 + ub1
                    4  store.f32  ub0, g2 'y'    y[d0, d1] := ub0
        """
    assert disassemble(programs.add()) == dedent(expected)


def test_words_are_shown_on_demand() -> None:
    text = disassemble(programs.add(), words=True)
    assert "3  0000010000000336  add.f32    ub0, ub0, ub1  ub0 := ub0 + ub1\n" in text


EXPECTED: list[tuple[Any, list[str]]] = [
    (
        programs.two_variants,
        [
            "launch 0, where s0 >= 2 and s0 is a multiple of 2",
            "stage 0 'whole'",
            "launch 1, otherwise",
            "stage 0 'first'",
            "stage 1 'second'",
            "vector kernel 'second', 1 slot",
        ],
    ),
    (
        programs.two_stages,
        [
            "c i64 [1] 8 bytes",
            "w f32 [s0, s1]",
            "v f32 [s0*s1] of w",
            "launch",
            "stage 0 'k0', 'k1'",
            "stage 1 'k2'",
            "vector kernel 'k1', 1 slot",
            "vector kernel 'k2', 1 slot",
            "operands g0 reads c[0] i64",
            "scalars k0 0.5 f32",
            "2 mul.f32 ub0, ub0, k0=0.5 ub0 := ub0 * 0.5",
        ],
    ),
    (
        programs.masked,
        [
            "operands g0 reads x[d0, -d1 + s1 - 1] f16",
            "scalars k0 s0 + s0 i64",
            "1 iota.i64 ub0, d1 ub0 := d1",
            "2 lt.i64 ub1, ub0, k0=s0 + s0 ub1 := ub0 < s0 + s0",
            "4 cast.i32 ub2, ub0, f32 ub2 := ub0 converted to f32",
            "5 fill.f32 ub3, ub2, (d0, d1) ub3 := ub2 along (d0, d1)",
            "7 select.f32 ub4, ub1, ub4, ub3 ub4 := ub4 if ub1 else ub3",
        ],
    ),
    (
        programs.concat,
        [
            "domain d0 < s0 + s1, d1 < s2",
            "g1 reads y[d0 - s0, d1] f32 where inside",
            "1 fill.f32 ub0, k0=0.0, (d0, d1) ub0 := 0.0 along (d0, d1)",
            "3 loadg.f32 ub0, g1 'y' ub0 := y[d0 - s0, d1] where the access map falls inside the tensor, else ub0",
        ],
    ),
    (
        programs.softmax,
        [
            "domain d0 < s0, d1 < s1 (reduction)",
            "1 rinit.f32 ub0, max ub0 := identity of max, along the parallel axes",
            "3 pass stream for each tile of d0, for each tile of d1 in order",
            "5 rmax.f32 ub0, ub2 ub0 := greatest of ub0 and ub2 over the reduction axes",
        ],
    ),
    (
        programs.gather,
        [
            "operands g0 reads t[*, d1] f32",
            "2 gather.f32 ub1, g0 't', ub0 ub1 := t[*, d1] with the free dim indexed by ub0; -n <= index < n",
        ],
    ),
    (
        programs.grouped_matmul,
        [
            "cube kernel 'k0', 2 slots",
            "4 gmm.f32 ub0, ub1, g1 'w', g2 'e' ub0[m,n] := ub0 + sum over k of ub1[m,k] * w[g,k,n], row m in group g: ",
        ],
    ),
]


@pytest.mark.parametrize(("make", "lines"), EXPECTED, ids=[make.__name__ for make, _ in EXPECTED])
def test_rows(make: Any, lines: list[str]) -> None:
    listing = rows(make())
    for line in lines:
        assert any(line in row for row in listing), line


def test_facts() -> None:
    facts = tuple(Fact(kind, programs.S0, programs.S1, "why") for kind in FactKind)
    listing = rows(replace(programs.add(), facts=facts))
    for text in ("s0 = s1 why", "s0 >= s1 why", "s0 = s1, or one of them is 1 why", "s0 is a multiple of s1 why"):
        assert text in listing


def test_a_cast_to_a_16_bit_float_says_that_it_rounds() -> None:
    program = programs.add()
    cast = programs.word("cast", ElementType.F32, aux=ElementType.BF16)
    kernel = replace(program.kernels[0], words=(*program.kernels[0].words[:3], cast, program.kernels[0].words[4]))
    listing = rows(replace(program, kernels=(kernel,)))
    text = "3 cast.f32 ub0, ub0, bf16 ub0 := ub0 converted to bf16 (f16, bf16: rounded, kept as f32)"
    assert any(text in row for row in listing)


def test_long_dims_are_shown_apart() -> None:
    program = programs.add()
    symbol = replace(program, symbols=("s0", "a_very_long_name_of_a_symbol_that_is_used_twice"))
    dims = (*program.dims, Dim(DimOp.MUL, programs.S1, programs.S1), Dim(DimOp.ADD, 4, programs.ONE))
    fact = Fact(FactKind.AT_LEAST, 5, 4, "")
    listing = rows(replace(symbol, dims=dims, facts=(fact,)))
    name = symbol.symbols[1]
    assert f"dim4 = {name}*{name}" in listing
    assert "dim4 + 1 >= dim4" in listing


def test_names_cannot_drive_the_terminal() -> None:
    program = programs.add()
    tensors = (replace(program.tensors[0], name="x\x1b[31m\n"), *program.tensors[1:])
    text = disassemble(replace(program, tensors=tensors, name="a\tb"))
    assert "\x1b" not in text
    assert r"program 'a\tb'" in text
    assert r"ub0 := x\x1b[31m\n[d0, d1]" in text


@pytest.mark.parametrize("make", programs.ALL, ids=lambda make: make.__name__)
def test_each_word_has_a_row(make: Any) -> None:
    program = make()
    text = disassemble(program, words=True)
    for kernel in program.kernels:
        for word in kernel.words:
            assert f"{word:016x}" in text
