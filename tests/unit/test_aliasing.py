"""Results written over inputs that die: where that saves memory, where it would be wrong, and that results stay right."""

import numpy as np
import numpy.typing as npt
import pytest

import dvm

Array = npt.NDArray[np.float32]

UNIT = 96 * 96 * 4
"""The bytes of one of the matrices, which get no room to grow: that is given in eighths of a power of two."""

PRODUCT = "dvm.matmul {}, {} trans_a false trans_b false : !m, !m -> !m"


def compiled(returned: int, *lines: str, device: dvm.Device | None = None) -> dvm.Program:
    """A program of %a and %b that returns %r0, %r1 and so on."""
    types, values = ", ".join(["!m"] * returned), ", ".join(f"%r{number}" for number in range(returned))
    body = "\n".join(lines)
    text = (
        '!m = tensor<?x?xf32, #dvm.sym<["s", "s"]>>\n!c = tensor<?x1xf32, #dvm.sym<["s", "1"]>>\n'
        f"func.func @main(%a : !m, %b : !m) -> ({types}) {{\n{body}\nreturn {values} : {types}\n}}"
    )
    return dvm.compile(text, device=device or dvm.Device(2, 1 << 20))


def matrices() -> tuple[Array, Array]:
    random = np.random.default_rng(0)
    a, b = random.standard_normal((2, 96, 96)) / 8
    return a.astype(np.float32), b.astype(np.float32)


SOFTMAX_BETWEEN = (
    f"%p = {PRODUCT.format('%a', '%b')}",
    "%w = dvm.softmax %p axis -1 : !m -> !m",
    f"%r0 = {PRODUCT.format('%b', '%w')}",
)
"""The right factor of a product is stored; rows of a left one would be computed in its kernel."""


@pytest.mark.parametrize("unified_buffer_bytes", [1 << 8, 1 << 12, 1 << 20])
@pytest.mark.parametrize("cores", [1, 3])
def test_a_softmax_is_written_over_its_scores(cores: int, unified_buffer_bytes: int) -> None:
    """Also where a row does not fit, and is read three times before it is overwritten."""
    program = compiled(1, *SOFTMAX_BETWEEN, device=dvm.Device(cores, unified_buffer_bytes))
    a, b = matrices()
    found = program.costs(a, b)
    assert (found.workspace_bytes, found.separate_workspace_bytes) == (UNIT, 2 * UNIT)
    scores = a.astype(np.float64) @ b
    weights = np.exp(scores - scores.max(1, keepdims=True))
    expected = b @ (weights / weights.sum(1, keepdims=True))
    np.testing.assert_allclose(program(a, b), expected, rtol=1e-5, atol=1e-6)


def test_an_input_that_is_needed_later_is_kept() -> None:
    program = compiled(1, *SOFTMAX_BETWEEN[:2], f"%r0 = {PRODUCT.format('%p', '%w')}")
    a, b = matrices()
    assert program.costs(a, b).workspace_bytes == 2 * UNIT
    scores = a.astype(np.float64) @ b
    weights = np.exp(scores - scores.max(1, keepdims=True))
    np.testing.assert_allclose(program(a, b), scores @ (weights / weights.sum(1, keepdims=True)), rtol=1e-4, atol=1e-5)


def test_an_output_that_is_written_before_the_last_read_takes_other_memory() -> None:
    """exp(p) is computed before p is read again for the sum; only one of both could be written over p anyway."""
    program = compiled(
        2,
        f"%p = {PRODUCT.format('%a', '%b')}",
        "%m = dvm.reduce Max %p dims [1] keepdims true : !m -> !c",
        "%e = dvm.unary Exp %p : !m -> !m",
        "%d = dvm.binary Sub %p, %m : !m, !c -> !m",
        "%u = dvm.binary Mul %d, %e : !m, !m -> !m",
        f"%r0 = {PRODUCT.format('%b', '%e')}",
        f"%r1 = {PRODUCT.format('%b', '%u')}",
    )
    a, b = matrices()
    found = program.costs(a, b)
    assert found.workspace_bytes < found.separate_workspace_bytes == 3 * UNIT
    p = a.astype(np.float64) @ b
    e = np.exp(p)
    first, second = program(a, b)
    np.testing.assert_allclose(first, b @ e, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(second, b @ ((p - p.max(1, keepdims=True)) * e), rtol=1e-4, atol=1e-5)


def test_a_transposed_input_is_not_overwritten() -> None:
    """Its elements are read by other tiles than those that would write them."""
    program = compiled(
        1,
        f"%p = {PRODUCT.format('%a', '%b')}",
        "%t = dvm.transpose %p permutation [1, 0] : !m -> !m",
        "%e = dvm.unary Exp %t : !m -> !m",
        f"%r0 = {PRODUCT.format('%e', '%b')}",
        device=dvm.Device(2, 1 << 10),
    )
    a, b = matrices()
    found = program.costs(a, b)
    # p lies in the result, which is written later; were %e written over it, both would
    assert (found.workspace_bytes, found.separate_workspace_bytes) == (UNIT, 2 * UNIT)
    np.testing.assert_allclose(program(a, b), np.exp(a.astype(np.float64) @ b).T @ b, rtol=1e-4, atol=1e-5)


def test_a_value_that_is_read_across_is_not_overwritten() -> None:
    """p meets itself transposed: one of both reads elements that another tile writes."""
    program = compiled(
        1,
        f"%p = {PRODUCT.format('%a', '%b')}",
        "%t = dvm.transpose %p permutation [1, 0] : !m -> !m",
        "%e = dvm.binary Add %t, %p : !m, !m -> !m",
        f"%r0 = {PRODUCT.format('%b', '%e')}",
        device=dvm.Device(2, 1 << 10),
    )
    a, b = matrices()
    found = program.costs(a, b)
    # p lies in the result, which is written later; were %e written over it, both would
    assert (found.workspace_bytes, found.separate_workspace_bytes) == (UNIT, 2 * UNIT)
    p = a.astype(np.float64) @ b
    np.testing.assert_allclose(program(a, b), b @ (p + p.T), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("unified_buffer_bytes", [1 << 10, 1 << 20])
def test_a_result_is_written_over_an_intermediate(unified_buffer_bytes: int) -> None:
    """exp(p) over p, which is in the memory of the result from the start; also where that is the caller's."""
    program = compiled(
        1,
        f"%p = {PRODUCT.format('%a', '%b')}",
        "%w = dvm.softmax %p axis -1 : !m -> !m",
        "%r0 = dvm.binary Mul %w, %a : !m, !m -> !m",
        device=dvm.Device(2, unified_buffer_bytes),
    )
    a, b = matrices()
    found = program.costs(a, b)
    assert (found.workspace_bytes, found.separate_workspace_bytes) == (0, UNIT)
    scores = a.astype(np.float64) @ b
    weights = np.exp(scores - scores.max(1, keepdims=True))
    expected = weights / weights.sum(1, keepdims=True) * a
    np.testing.assert_allclose(program(a, b), expected, rtol=1e-5, atol=1e-6)
    for out in (np.empty_like(a), np.empty_like(a).T, a):
        np.testing.assert_allclose(program(a, b, out=out), expected, rtol=1e-5, atol=1e-6)


def test_a_result_over_an_input_of_the_call_is_not_written_early() -> None:
    """%p would lie in the memory of %a, which is read after it is written."""
    program = compiled(
        1,
        f"%p = {PRODUCT.format('%a', '%b')}",
        f"%q = {PRODUCT.format('%p', '%a')}",
        f"%r0 = {PRODUCT.format('%q', '%a')}",
    )
    a, b = matrices()
    assert program.costs(a, b).workspace_bytes == UNIT
    expected = a.astype(np.float64) @ b @ a @ a
    for out in (a.copy(), a):
        np.testing.assert_allclose(program(a, b, out=out), expected, rtol=1e-4, atol=1e-5)


def test_what_is_kept_of_launches_goes_when_the_workspace_does() -> None:
    """b @ b lies in the same place for 2 and for 3 rows, but another program has had the workspace grow in between."""
    rows, square = "tensor<?x8xf32>", "tensor<8x8xf32>"
    device = dvm.Device(1)
    device.arena.require(1 << 20)  # so that this memory, at least, does not grow
    program = dvm.compile(
        f"""
        func.func @main(%x : {rows}, %b : {square}) -> {rows} {{
          %0 = dvm.matmul %b, %b trans_a false trans_b false : {square}, {square} -> {square}
          %1 = dvm.matmul %x, %b trans_a false trans_b false : {rows}, {square} -> {rows}
          %2 = dvm.matmul %1, %0 trans_a false trans_b false : {rows}, {square} -> {rows}
          return %2 : {rows}
        }}
        """,
        device=device,
    )
    larger = compiled(1, *SOFTMAX_BETWEEN, device=device)
    random = np.random.default_rng(0)
    workspaces: list[int] = []
    for count in (2, 3, 2):
        x, b = (random.standard_normal((extent, 8)).astype(np.float32) for extent in (count, 8))
        expected = x @ np.linalg.matrix_power(b.astype(np.float64), 3)
        np.testing.assert_allclose(program(x, b), expected, rtol=1e-4, atol=1e-4)
        workspaces.append(device.arena.workspace.size)
        larger(*matrices())
    assert workspaces[0] < workspaces[1] == workspaces[2]
