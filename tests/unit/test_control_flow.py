"""Functions with scf operations, compiled and run: results against independent NumPy, and what is refused."""

import re
from pathlib import Path
from textwrap import dedent

import numpy as np
import numpy.typing as npt
import pytest

import dvm
from dvm.compiler import new_context, read_module
from dvm.reference import evaluate

EXAMPLES = Path(__file__).parents[2] / "examples"


def floats(*shape: int, seed: int = 1) -> npt.NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


CHOICE = """
func.func @choice(%x : tensor<?xf32>, %a : tensor<i1>, %b : tensor<i1>) -> tensor<?xf32> {
  %first = tensor.extract %a[] : tensor<i1>
  %scaled = dvm.binary_scalar Mul %x, 3.0 : tensor<?xf32>, f32 -> tensor<?xf32>
  %r = scf.if %first -> (tensor<?xf32>) {
    %second = tensor.extract %b[] : tensor<i1>
    %inner = scf.if %second -> (tensor<?xf32>) {
      %sum = dvm.binary Add %x, %scaled : tensor<?xf32>, tensor<?xf32> -> tensor<?xf32>
      scf.yield %sum : tensor<?xf32>
    } else {
      scf.yield %scaled : tensor<?xf32>
    }
    %negative = dvm.unary Neg %inner : tensor<?xf32> -> tensor<?xf32>
    scf.yield %negative : tensor<?xf32>
  } else {
    scf.yield %x : tensor<?xf32>
  }
  return %r : tensor<?xf32>
}
"""


@pytest.mark.parametrize("a", [False, True])
@pytest.mark.parametrize("b", [False, True])
def test_if_in_if(a: bool, b: bool) -> None:
    x = floats(7)
    expected = (-(x + 3 * x) if b else -3 * x) if a else x
    np.testing.assert_allclose(dvm.compile(CHOICE)(x, a, b), expected, rtol=1e-6)


def test_while_on_what_the_body_computes() -> None:
    """Halves x until its greatest magnitude is below 1, and counts."""
    program = dvm.compile("""
    func.func @halve(%x : tensor<?x?xf32>) -> (tensor<?x?xf32>, tensor<i64>) {
      %none = dvm.constant dense<0> : tensor<i64>
      %y, %n = scf.while (%v = %x, %i = %none) : (tensor<?x?xf32>, tensor<i64>) -> (tensor<?x?xf32>, tensor<i64>) {
        %m = dvm.unary Abs %v : tensor<?x?xf32> -> tensor<?x?xf32>
        %g = dvm.reduce Max %m dims [0, 1] keepdims false : tensor<?x?xf32> -> tensor<f32>
        %large = dvm.binary_scalar GreaterEqual %g, 1.0 : tensor<f32>, f32 -> tensor<i1>
        %again = tensor.extract %large[] : tensor<i1>
        scf.condition(%again) %v, %i : tensor<?x?xf32>, tensor<i64>
      } do {
      ^bb0(%v : tensor<?x?xf32>, %i : tensor<i64>):
        %h = dvm.binary_scalar Mul %v, 0.5 : tensor<?x?xf32>, f32 -> tensor<?x?xf32>
        %j = dvm.binary_scalar Add %i, 1 : tensor<i64>, i32 -> tensor<i64>
        scf.yield %h, %j : tensor<?x?xf32>, tensor<i64>
      }
      return %y, %n : tensor<?x?xf32>, tensor<i64>
    }
    """)
    for scale in (0.01, 1.0, 1000.0):
        x = floats(4, 5) * np.float32(scale)
        steps = max(0, int(np.floor(np.log2(np.abs(x).max()))) + 1)
        y, n = program(x)
        assert n == steps
        np.testing.assert_array_equal(y, x * np.float32(0.5**steps))


NESTED = """
func.func @nested(%x : tensor<?xf32>, %n : tensor<i32>) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %count32 = tensor.extract %n[] : tensor<i32>
  %count = arith.index_cast %count32 : i32 to index
  %r = scf.for %i = %c0 to %count step %c1 iter_args(%a = %x) -> (tensor<?xf32>) {
    %b = scf.for %j = %c0 to %i step %c1 iter_args(%c = %a) -> (tensor<?xf32>) {
      %product = arith.muli %i, %j : index
      %wide = arith.index_cast %product : index to i64
      %tensor = tensor.from_elements %wide : tensor<i64>
      %float = dvm.cast %tensor type Float32 : tensor<i64> -> tensor<f32>
      %d = dvm.binary Add %c, %float : tensor<?xf32>, tensor<f32> -> tensor<?xf32>
      scf.yield %d : tensor<?xf32>
    }
    scf.yield %b : tensor<?xf32>
  }
  return %r : tensor<?xf32>
}
"""


@pytest.mark.parametrize("count", [0, 1, 2, 6])
def test_nested_loops_with_their_counters(count: int) -> None:
    x = floats(5)
    added = sum(i * j for i in range(count) for j in range(i))
    np.testing.assert_allclose(dvm.compile(NESTED)(x, count), x + added, rtol=1e-6)


def test_several_carried_values_of_changing_shape() -> None:
    """A Fibonacci of concatenations: (a, b) becomes (b, a above b), so values also change places."""
    program = dvm.compile("""
    func.func @fibonacci(%x : tensor<?x3xf32>, %y : tensor<?x3xf32>, %n : tensor<i64>)
        -> (tensor<?x3xf32>, tensor<?x3xf32>) {
      %c0 = arith.constant 0 : i64
      %c1 = arith.constant 1 : i64
      %count = tensor.extract %n[] : tensor<i64>
      %p, %q = scf.for %i = %c0 to %count step %c1 iter_args(%a = %x, %b = %y) -> (tensor<?x3xf32>, tensor<?x3xf32>) : i64 {
        %c = dvm.concat %a, %b axis 0 : tensor<?x3xf32>, tensor<?x3xf32> -> tensor<?x3xf32>
        scf.yield %b, %c : tensor<?x3xf32>, tensor<?x3xf32>
      }
      return %p, %q : tensor<?x3xf32>, tensor<?x3xf32>
    }
    """)
    x, y = floats(1, 3), floats(2, 3, seed=2)
    for count in (0, 1, 7):
        a, b = x, y
        for _ in range(count):
            a, b = b, np.concatenate([a, b])
        p, q = program(x, y, count)
        np.testing.assert_array_equal(p, a)
        np.testing.assert_array_equal(q, b)


def test_values_that_only_change_places() -> None:
    program = dvm.compile("""
    func.func @swap(%x : tensor<2xf32>, %y : tensor<2xf32>, %n : tensor<i64>) -> (tensor<2xf32>, tensor<2xf32>) {
      %c0 = arith.constant 0 : i64
      %c1 = arith.constant 1 : i64
      %count = tensor.extract %n[] : tensor<i64>
      %p, %q = scf.for %i = %c0 to %count step %c1 iter_args(%a = %x, %b = %y) -> (tensor<2xf32>, tensor<2xf32>) : i64 {
        scf.yield %b, %a : tensor<2xf32>, tensor<2xf32>
      }
      return %p, %q : tensor<2xf32>, tensor<2xf32>
    }
    """)
    x, y = floats(2), floats(2, seed=2)
    for count in (0, 1, 2):
        p, q = program(x, y, count)
        np.testing.assert_array_equal(p, y if count % 2 else x)
        np.testing.assert_array_equal(q, x if count % 2 else y)


@pytest.mark.parametrize("n", [1, 5, 40])
def test_conjugate_gradients_converge(n: int) -> None:
    program = dvm.compile(EXAMPLES / "conjugate_gradient.mlir")
    generator = np.random.default_rng(n)
    half = generator.standard_normal((n, n))
    a, b = half @ half.T + n * np.eye(n), generator.standard_normal(n)
    x, steps = program(a.astype(np.float32), b.astype(np.float32), np.float32(1e-5))
    assert 1 <= steps <= 2 * n + 2
    np.testing.assert_allclose(x, np.linalg.solve(a, b), atol=1e-4)


def test_a_sequence_grows() -> None:
    program = dvm.compile(EXAMPLES / "growing_sequence.mlir")
    start, weights = floats(2, 1, 8), floats(8, 8, seed=2)
    sequence = start.astype(np.float64)
    for _ in range(6):
        scores = sequence[:, -1:] @ weights @ sequence.swapaxes(1, 2)
        attention = np.exp(scores - scores.max(-1, keepdims=True))
        attention /= attention.sum(-1, keepdims=True)
        sequence = np.concatenate([sequence, np.tanh(attention @ sequence)], axis=1)
    np.testing.assert_allclose(program(start, weights, 6), sequence, atol=1e-4)
    np.testing.assert_array_equal(program(start, weights, 0), start)


@pytest.mark.parametrize("path", ["conjugate_gradient", "growing_sequence"])
def test_files_of_the_examples_run_without_the_compiler(path: str, tmp_path: Path) -> None:
    program = dvm.compile(EXAMPLES / f"{path}.mlir")
    program.save(tmp_path / "p.dvmb")
    loaded = dvm.load(tmp_path / "p.dvmb")
    assert loaded.to_bytes() == program.to_bytes()
    assert loaded.disassemble() == program.disassemble()


def test_the_reference_agrees_and_modules_are_left_as_they_are() -> None:
    module = read_module(NESTED, new_context())
    before = str(module)
    x = floats(3)
    np.testing.assert_allclose(dvm.compile(module)(x, 4), evaluate(module, [x, np.int32(4)])[0], rtol=1e-6)
    assert str(module) == before


def test_a_symbol_of_a_loop_is_a_name_within_each_launch() -> None:
    """Positions 0, 1, ... as many as the sequence is long by then: `iota` needs the name of the dim."""
    text = """
    func.func @positions(%x : tensor<?xf32>, %n : tensor<i64>) -> tensor<?xf32> {
      %c0 = arith.constant 0 : i64
      %c1 = arith.constant 1 : i64
      %count = tensor.extract %n[] : tensor<i64>
      %start = tensor.cast %x : tensor<?xf32> to tensor<?xf32, #dvm.sym<["len"]>>
      %r = scf.for %i = %c0 to %count step %c1 iter_args(%s = %start) -> (tensor<?xf32, #dvm.sym<["len"]>>) : i64 {
        %p = dvm.iota axis 0 shape ["len"] : tensor<?xf32, #dvm.sym<["len"]>>
        %double = dvm.concat %s, %p axis 0 : tensor<?xf32, #dvm.sym<["len"]>>, tensor<?xf32, #dvm.sym<["len"]>> -> tensor<?xf32>
        %next = tensor.cast %double : tensor<?xf32> to tensor<?xf32, #dvm.sym<["len"]>>
        scf.yield %next : tensor<?xf32, #dvm.sym<["len"]>>
      }
      %out = tensor.cast %r : tensor<?xf32, #dvm.sym<["len"]>> to tensor<?xf32>
      return %out : tensor<?xf32>
    }
    """
    x = floats(3)
    expected = x
    for _ in range(3):
        expected = np.concatenate([expected, np.arange(len(expected), dtype=np.float32)])
    np.testing.assert_array_equal(dvm.compile(text)(x, 3), expected)
    np.testing.assert_array_equal(evaluate(read_module(text, new_context()), [x, np.int64(3)])[0], expected)


FOREVER = """
func.func @forever(%x : tensor<?xf32>) -> tensor<?xf32> {
  %r = scf.while (%v = %x) : (tensor<?xf32>) -> tensor<?xf32> {
    %true = arith.constant true
    scf.condition(%true) %v : tensor<?xf32>
  } do {
  ^bb0(%v : tensor<?xf32>):
    %w = dvm.concat %v, %v axis 0 : tensor<?xf32>, tensor<?xf32> -> tensor<?xf32>
    scf.yield %w : tensor<?xf32>
  }
  return %r : tensor<?xf32>
}
"""


def test_a_loop_without_end_is_stopped() -> None:
    program = dvm.compile(FOREVER, device=dvm.Device(1, iteration_limit=5))
    with pytest.raises(dvm.ExecutionError, match=r"takes more than 5 iterations, in the loop at <text>:3: the limit"):
        program(floats(2))


def test_a_value_without_end_is_stopped() -> None:
    program = dvm.compile(FOREVER, device=dvm.Device(1, register_bytes_limit=1 << 20))
    with pytest.raises(dvm.ExecutionError, match=r"more than 1048576, in the launch at <text>:8: the limit is"):
        program(floats(2))


def test_shapes_that_do_not_fit_within_a_loop_name_the_operation() -> None:
    program = dvm.compile("""
    func.func @f(%x : tensor<?xf32>, %y : tensor<?xf32>, %c : tensor<i1>) -> tensor<?xf32> {
      %go = tensor.extract %c[] : tensor<i1>
      %r = scf.if %go -> (tensor<?xf32>) {
        %z = dvm.binary Add %x, %y : tensor<?xf32>, tensor<?xf32> -> tensor<?xf32>
        scf.yield %z : tensor<?xf32>
      } else {
        scf.yield %x : tensor<?xf32>
      }
      return %r : tensor<?xf32>
    }
    """)
    x, y = floats(3), floats(4)
    np.testing.assert_array_equal(program(x, y, False), x)
    with pytest.raises(dvm.ShapeError, match=r"'x'.*'y'.*dvm\.binary Add at <text>:5 \(launched at <text>:5\)"):
        program(x, y, True)


def loop(body: str, carried: str = "tensor<?xf32>", given: str = "tensor<?xf32>", step: int = 1) -> str:
    return dedent(f"""\
        func.func @f(%x : {given}, %n : tensor<i64>) -> {carried} {{
          %c0 = arith.constant 0 : i64
          %c1 = arith.constant {step} : i64
          %count = tensor.extract %n[] : tensor<i64>
          %r = scf.for %i = %c0 to %count step %c1 iter_args(%a = %x) -> ({carried}) : i64 {{
        {body}
          }}
          return %r : {carried}
        }}
        """)


N = 'tensor<?xf32, #dvm.sym<["n"]>>'
REFUSED = (
    (
        f"%b = tensor.cast %x : {N} to tensor<4xf32>\n return %b : tensor<4xf32>",
        (
            '<text>:2:1: tensor.cast: it is tensor<?xf32, #dvm.sym<["n"]>>, but its result is tensor<4xf32>; '
            "if dim 0 changes, it must be a ? that no argument of the function names"
        ),
    ),
    (
        "%i = arith.constant 0.0 : f32\n return %x : " + N,
        "<text>:2:1: arith.constant: a scalar of f32 between launches: there are i1, i32, i64 and index",
    ),
    (
        f"%c0 = arith.constant 1 : index\n %d = tensor.dim %x, %c0 : {N}\n return %x : {N}",
        '<text>:3:2: tensor.dim: there is no dim 1 in tensor<?xf32, #dvm.sym<["n"]>>',
    ),
    (
        f'%c = arith.constant true\n %m = "test.op"() : () -> tensor<f32>\n return %x : {N}',
        "<text>:3:2: test.op: this operation has no place between operator graphs",
    ),
    (
        f"%c = arith.constant true\n %y = scf.if %c -> ({N}) {{\n scf.yield %x : {N} }}\n return %y : {N}",
        "<text>:3:2: scf.if: it has results, so the else branch must be there, as one block",
    ),
    (
        f"%c = arith.constant true\n %y = scf.if %c -> ({N}) {{\n scf.yield %x : {N} }} else {{\n scf.yield }}\n return %y : {N}",
        "<text>:5:2: scf.yield: 0 values for 1: each yield of the else branch is for one result",
    ),
)


@pytest.mark.parametrize(("body", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_refusals(body: str, message: str) -> None:
    with pytest.raises(dvm.CompileError, match=f"^{re.escape(message)}$"):
        dvm.compile(f"func.func @f(%x : {N}) -> {body.rsplit(' : ', 1)[1]} {{\n{body}\n}}")


def test_a_step_must_be_positive() -> None:
    with pytest.raises(dvm.CompileError, match=r"^<text>:5:3: scf\.for: the step must be positive, but is 0$"):
        dvm.compile(loop("scf.yield %a : tensor<?xf32>", step=0))


def test_a_while_of_other_types_is_refused_with_its_place() -> None:
    text = """\
func.func @f(%x : tensor<4xf32>, %c : tensor<i1>) -> tensor<4xf32> {
  %r = scf.while (%v = %x) : (tensor<4xf32>) -> tensor<4xf32> {
    %go = tensor.extract %c[] : tensor<i1>
    scf.condition(%go) %v : tensor<4xf32>
  } do {
  ^bb0(%v : tensor<5xf32>):
    scf.yield %x : tensor<4xf32>
  }
  return %r : tensor<4xf32>
}
"""
    with pytest.raises(dvm.CompileError, match=r"^<text>:2:3: scf\.while: a region takes tensor<5xf32>, but the "):
        dvm.compile(text)
