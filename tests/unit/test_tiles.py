"""The tile functions, one by one, against computations of another kind: float64, Python's integers, and bits.

What they compute is tested of NumPy's and of those in C, for each instruction set that this CPU has.
"""

import math
import struct
from collections.abc import Callable, Sequence
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest

from tests.unit import programs
from tests.unit.native_tiles import IMPLEMENTATIONS, Implementation
from vm import tiles
from vm.device import Device
from vm.errors import ExecutionError
from vm.isa import BINARY, OPCODES, UNARY, ElementType, ReduceKind
from vm.machine import Machine
from vm.program import Program

Array = npt.NDArray[Any]
Float = Callable[[float], float]

LEAST_SUBNORMAL = 2.0**-149
GREATEST = float(np.finfo(np.float32).max)


NATIVE_LIMITS = {"exp": 1.0, "log": 0.9, "tanh": 1.4, "sigm": 2.3, "erf": 1.4, "sin": 1.6, "cos": 1.6, "pow": 1}
"""The errors that the functions in C stay below, in units in the last place."""


@pytest.fixture(params=IMPLEMENTATIONS, ids=[each.name for each in IMPLEMENTATIONS])
def implementation(request: pytest.FixtureRequest) -> Implementation:
    return request.param


def limit_of(implementation: Implementation, mnemonic: str, limit: float) -> float:
    """The limit of all implementations, or the lower one of C."""
    return NATIVE_LIMITS.get(mnemonic, limit) if implementation.is_native else limit


def floats(values: Any) -> Array:
    return np.array(values, np.float32)


def call(function: Callable[..., Any], *sources: Array, dtype: Any = np.float32) -> Array:
    """What a tile function makes of whole tiles; the warnings are silenced as the engine does."""
    out = np.empty(np.broadcast_shapes(*[source.shape for source in sources]), dtype)
    with np.errstate(all="ignore"):
        function(*sources, out)
    return out


def wide_range() -> Array:
    """f32 of every magnitude and both signs: powers of two and random significands, down to the least subnormal."""
    numbers = np.random.default_rng(0)
    exponents = np.repeat(np.arange(-149, 128), 12)
    significands = np.where(np.arange(exponents.size) % 12 == 0, 1.0, numbers.uniform(1, 2, exponents.size))
    positive = np.minimum(np.ldexp(significands, exponents), GREATEST).astype(np.float32)
    return np.concatenate([positive, -positive])


def between(low: float, high: float) -> Array:
    return np.random.default_rng(1).uniform(low, high, 4000).astype(np.float32)


def ulps(got: Array, exact: Sequence[float] | Array) -> float:
    """The greatest error in units in the last place of the exact values, which are float64.

    Infinite where one is NaN or infinite and the other is not; a value that rounds to infinity is infinite.
    """
    exact = np.asarray(exact, np.float64)
    with np.errstate(over="ignore"):
        rounded = exact.astype(np.float32)
    special = ~np.isfinite(rounded)
    if not np.array_equal(got[special], rounded[special], equal_nan=True) or not np.isfinite(got[~special]).all():
        return math.inf
    units = np.maximum(np.ldexp(1.0, np.frexp(exact[~special])[1] - 24), LEAST_SUBNORMAL)
    return float(np.max(np.abs(got[~special].astype(np.float64) - exact[~special]) / units, initial=0.0))


def exactly(function: Float, values: Array) -> list[float]:
    """`function` of each value in float64; out of its domain NaN, beyond float64 infinity."""

    def one(value: float) -> float:
        try:
            return function(value)
        except OverflowError:
            return math.inf
        except ValueError:
            return math.nan

    return [one(value) for value in values.astype(np.float64).tolist()]


def reciprocal(x: float) -> float:
    return 1 / x if x else math.copysign(math.inf, x)


def logarithm(x: float) -> float:
    return math.log(x) if x else -math.inf


def inverse_root(x: float) -> float:
    return reciprocal(math.sqrt(x))


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def test_ulps_are_measured_right() -> None:
    one = np.float32(1)
    above = np.nextafter(one, np.float32(2))
    assert ulps(np.array([above]), [1.0]) == 1
    assert ulps(np.array([one]), [1 + 2.0**-24]) == 0.5
    assert ulps(np.array([3 * LEAST_SUBNORMAL], np.float32), [LEAST_SUBNORMAL]) == 2
    assert ulps(np.array([np.inf], np.float32), [1e39]) == 0
    assert ulps(np.array([np.nan], np.float32), [1.0]) == math.inf
    assert ulps(np.array([GREATEST], np.float32), [math.inf]) == math.inf


# --- floats ---


@pytest.mark.parametrize(
    ("mnemonic", "exact", "limit"),
    [
        ("copy", float, 0),
        ("abs", abs, 0),
        ("neg", lambda x: -x, 0),
        ("sqrt", math.sqrt, 0.5),
        ("recip", reciprocal, 0.5),
        ("rsqrt", inverse_root, 1.5),  # two roundings
        ("exp", math.exp, 4),
        ("log", logarithm, 4),
        ("tanh", math.tanh, 4),
    ],
)
def test_unary_over_all_magnitudes(implementation: Implementation, mnemonic: str, exact: Float, limit: float) -> None:
    limit = limit_of(implementation, mnemonic, limit)
    for values in (wide_range(), between(-5, 5), between(-87, 88)):
        assert ulps(call(implementation.unary(mnemonic), values), exactly(exact, values)) <= limit


@pytest.mark.parametrize(("mnemonic", "exact"), [("sin", math.sin), ("cos", math.cos)])
def test_sine_and_cosine(implementation: Implementation, mnemonic: str, exact: Float) -> None:
    near = np.concatenate([between(-10, 10), between(-1e4, 1e4), wide_range()])
    limit = limit_of(implementation, mnemonic, 4)
    assert ulps(call(implementation.unary(mnemonic), near), exactly(exact, near)) <= limit


@pytest.mark.parametrize(
    ("mnemonic", "exact"),
    [("round", round), ("floor", math.floor), ("ceil", math.ceil), ("trunc", math.trunc)],
)
def test_rounding_to_integers(implementation: Implementation, mnemonic: str, exact: Callable[[float], int]) -> None:
    halves = np.arange(-9, 10, dtype=np.float32) / 2
    values = np.concatenate([halves, between(-100, 100), wide_range(), floats([2**23 - 0.5, 0.5 - 2.0**-25])])
    assert call(implementation.unary(mnemonic), values).tolist() == [float(exact(value)) for value in values.tolist()]


NAN, INFINITY = math.nan, math.inf


@pytest.mark.parametrize(
    ("mnemonic", "results"),
    [  # of NaN, infinity, -infinity, 0, -0
        ("copy", (NAN, INFINITY, -INFINITY, 0.0, -0.0)),
        ("abs", (NAN, INFINITY, INFINITY, 0.0, 0.0)),
        ("neg", (NAN, -INFINITY, INFINITY, -0.0, 0.0)),
        ("sqrt", (NAN, INFINITY, NAN, 0.0, -0.0)),
        ("recip", (NAN, 0.0, -0.0, INFINITY, -INFINITY)),
        ("rsqrt", (NAN, 0.0, NAN, INFINITY, -INFINITY)),
        ("exp", (NAN, INFINITY, 0.0, 1.0, 1.0)),
        ("log", (NAN, INFINITY, NAN, -INFINITY, -INFINITY)),
        ("tanh", (NAN, 1.0, -1.0, 0.0, -0.0)),
        ("sigm", (NAN, 1.0, 0.0, 0.5, 0.5)),
        ("erf", (NAN, 1.0, -1.0, 0.0, -0.0)),
        ("sin", (NAN, NAN, NAN, 0.0, -0.0)),
        ("cos", (NAN, NAN, NAN, 1.0, 1.0)),
        ("round", (NAN, INFINITY, -INFINITY, 0.0, -0.0)),
        ("floor", (NAN, INFINITY, -INFINITY, 0.0, -0.0)),
        ("ceil", (NAN, INFINITY, -INFINITY, 0.0, -0.0)),
        ("trunc", (NAN, INFINITY, -INFINITY, 0.0, -0.0)),
    ],
)
def test_unary_of_special_values(implementation: Implementation, mnemonic: str, results: tuple[float, ...]) -> None:
    values = np.array([NAN, INFINITY, -INFINITY, 0.0, -0.0], np.float32)
    expected = np.array(results, np.float32)
    got = call(implementation.unary(mnemonic), values)
    assert np.array_equal(got, expected, equal_nan=True)
    known = ~np.isnan(expected)
    assert np.array_equal(np.signbit(got[known]), np.signbit(expected[known]))


ERF_SMALL = 2.0**-122
"""Below this the numerator of the approximation of erf loses bits to the subnormals in NumPy's."""


def test_erf(implementation: Implementation) -> None:
    erf, limit = implementation.unary("erf"), limit_of(implementation, "erf", 8)
    dense = np.linspace(-6, 6, 200_001).astype(np.float32)
    for values in (wide_range(), between(-5, 5), dense):
        tested = values if implementation.is_native else values[np.abs(values) >= ERF_SMALL]
        assert ulps(call(erf, tested), exactly(math.erf, tested)) <= limit
    small = wide_range()
    small = small[np.abs(small) < ERF_SMALL]
    error = call(erf, small).astype(np.float64) - exactly(math.erf, small)
    assert small.size > 500
    assert np.abs(error).max() <= 64 * LEAST_SUBNORMAL


def test_erf_is_odd_and_1_at_its_ends(implementation: Implementation) -> None:
    erf = implementation.unary("erf")
    values = floats([4, 4.5, 5, 10, 1e30, GREATEST])
    assert call(erf, values).tolist() == [1.0] * 6
    everything = np.concatenate([wide_range(), between(-5, 5)])
    assert np.array_equal(call(erf, -everything), -call(erf, everything))


def test_sigmoid(implementation: Implementation) -> None:
    """Below -87.3 the result is subnormal, and NumPy's from -88.7 on 0, because e ** 88.7 is infinite in f32."""
    sigm, limit, least_normal = implementation.unary("sigm"), limit_of(implementation, "sigm", 4), 2.0**-126
    for values in (wide_range(), between(-87.3, 88), between(-1, 1)):
        normal = values[values >= -87.3]
        assert ulps(call(sigm, normal), exactly(sigmoid, normal)) <= limit
    low = np.concatenate([between(-110, -87.4), -np.abs(wide_range()[np.abs(wide_range()) > 88])])
    error = call(sigm, low).astype(np.float64) - exactly(sigmoid, low)
    assert np.abs(error).max() < least_normal
    if implementation.is_native:
        assert ulps(call(sigm, low), exactly(sigmoid, low)) <= limit


def test_sigmoid_neither_overflows_nor_leaves_its_range(implementation: Implementation) -> None:
    got = call(implementation.unary("sigm"), np.concatenate([wide_range(), between(-200, 200)]))
    assert got.min() >= 0
    assert got.max() <= 1


def test_finite_and_not(implementation: Implementation) -> None:
    finite, negation = implementation.unary("isfin"), implementation.unary("not")
    values = np.array([NAN, INFINITY, -INFINITY, 0.0, GREATEST, LEAST_SUBNORMAL], np.float32)
    assert call(finite, values, dtype=np.bool_).tolist() == [False, False, False, True, True, True]
    assert call(negation, np.array([True, False]), dtype=np.bool_).tolist() == [False, True]


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("mnemonic", ["isfin", "not"])
def test_truths_are_stored_with_gaps_between_them(
    implementation: Implementation, mnemonic: str, before: bool, transposed: bool
) -> None:
    """A column of an output, as a tile of it may be; NumPy's own isfinite gets that wrong from 16 elements on."""
    if mnemonic == "isfin":
        source = np.tile(floats([1, NAN, 2, 3, INFINITY, 0, -INFINITY]), 7)[:48]
        expected = [math.isfinite(x) for x in source.tolist()]
    else:
        source = np.arange(48) % 3 == 0
        expected = [not x for x in source.tolist()]
    tile = source.reshape(3, 16)
    if transposed:  # same order of elements, other order in memory
        tile = np.asfortranarray(tile)
    whole = np.full((3, 16, 17), before)
    implementation.unary(mnemonic)(tile, whole[:, :, 5])
    assert whole[:, :, 5].ravel().tolist() == expected
    assert (np.delete(whole, 5, 2) == before).all()


@pytest.mark.parametrize(
    ("mnemonic", "exact"),
    [("add", np.add), ("sub", np.subtract), ("mul", np.multiply), ("div", np.divide)],
)
def test_arithmetic_rounds_once(implementation: Implementation, mnemonic: str, exact: Callable[..., Array]) -> None:
    """float64 has more than twice the bits of f32, so that rounding its result rounds the exact one."""
    left = np.concatenate([wide_range(), [NAN, INFINITY, -INFINITY, 0.0, -0.0]]).astype(np.float32)
    right = np.random.default_rng(2).permutation(left)
    with np.errstate(all="ignore"):
        expected = exact(left.astype(np.float64), right.astype(np.float64)).astype(np.float32)
    got = call(implementation.binary(mnemonic), left, right)
    assert np.array_equal(got, expected, equal_nan=True)
    known = ~np.isnan(expected)
    assert np.array_equal(np.signbit(got[known]), np.signbit(expected[known]))


def test_float_power(implementation: Implementation) -> None:
    base, exponent = np.abs(between(0.1, 20)), between(-20, 20)[::-1].copy()
    exact = [math.pow(a, b) for a, b in zip(base.tolist(), exponent.tolist(), strict=True)]
    assert ulps(call(implementation.binary("pow"), base, exponent), exact) <= limit_of(implementation, "pow", 4)


@pytest.mark.parametrize("shape", [(), (1,), (7,), (3, 1), (3, 7), (1, 1)])
def test_powers_of_one_half_are_the_same_for_all_layouts(
    implementation: Implementation, shape: tuple[int, ...]
) -> None:
    half = np.float32(0.5)
    for base, expected in ((-INFINITY, INFINITY), (-0.0, 0.0), (4.0, 2.0), (INFINITY, INFINITY)):
        out = np.empty(shape, np.float32)
        for exponent in (
            np.full(shape, half),
            np.broadcast_to(half, shape),
            np.full((1,) * len(shape), half),
            np.array(half),
        ):
            implementation.binary("pow")(np.full(shape, base, np.float32), exponent, out)
            assert (out == expected).all()
            assert not np.signbit(out).any()
            assert math.pow(base, 0.5) == expected


@pytest.mark.parametrize(("exponent", "limit"), [(-1.0, 0.5), (0.5, 0.5), (1.0, 0), (2.0, 0.5), (3.0, 1.5)])
def test_cheap_powers(implementation: Implementation, exponent: float, limit: float) -> None:
    power = implementation.power(exponent)
    values = np.concatenate([between(-9, 9), floats([1e-10, -1e-10, 1e12, -1e12])])
    if exponent == 0.5:
        values = np.abs(values)
    exact = exactly(lambda x: x**exponent, values)
    assert ulps(call(power, values), exact) <= limit
    special = np.array([NAN, INFINITY, -INFINITY, 0.0, -0.0], np.float32)
    with np.errstate(all="ignore"):
        expected = np.power(special.astype(np.float64), np.full(5, exponent)).astype(np.float32)
    got = call(power, special)
    assert np.array_equal(got, expected, equal_nan=True)
    assert np.array_equal(np.signbit(got[1:]), np.signbit(expected[1:]))


def test_cheap_powers_may_write_where_they_read(implementation: Implementation) -> None:
    for exponent in tiles.POWERS:
        tile = np.array([2.0, 3.0, 0.5], np.float32)
        implementation.power(exponent)(tile, tile)
        assert tile.tolist() == floats([2.0**exponent, 3.0**exponent, 0.5**exponent]).tolist()


@pytest.mark.parametrize("mnemonic", [*tiles.UNARY])
def test_unary_functions_may_write_where_they_read(implementation: Implementation, mnemonic: str) -> None:
    function = implementation.unary(mnemonic)
    if mnemonic == "not":
        tile = out = np.array([True, False, True])
        expected = call(function, tile.copy(), dtype=np.bool_)
    elif mnemonic == "isfin":  # as far apart as what they are made of
        tile = floats([1, NAN, INFINITY, 0])
        out = tile.view(np.bool_)[::4]
        expected = np.array([True, False, False, True])
    else:
        tile = out = np.linspace(-3, 3, 101).astype(np.float32)
        expected = call(function, tile.copy())
    with np.errstate(all="ignore"):
        function(tile, out)
    assert np.array_equal(out, expected, equal_nan=True)


def test_every_elementwise_opcode_has_a_function() -> None:
    """`pow` of integers and `div` are told apart by type; the rest is one function for all types."""
    assert {op.mnemonic for op in OPCODES if op.format is UNARY} == tiles.UNARY.keys()
    assert {op.mnemonic for op in OPCODES if op.format is BINARY} == tiles.BINARY.keys()


# --- comparisons, truth, selection ---


def test_comparisons(implementation: Implementation) -> None:
    values = [NAN, -INFINITY, -1.0, -0.0, 0.0, 1.0, INFINITY]
    pairs = [(a, b) for a in values for b in values]
    left, right = (np.array(side, np.float32) for side in zip(*pairs, strict=True))
    expected: dict[str, Callable[[float, float], bool]] = {
        "eq": lambda a, b: a == b,
        "ne": lambda a, b: a != b,
        "gt": lambda a, b: a > b,
        "ge": lambda a, b: a >= b,
        "lt": lambda a, b: a < b,
        "le": lambda a, b: a <= b,
    }
    for mnemonic, compare in expected.items():
        got = call(implementation.binary(mnemonic), left, right, dtype=np.bool_)
        assert got.tolist() == [compare(a, b) for a, b in pairs], mnemonic


def test_comparisons_of_large_integers_are_exact(implementation: Implementation) -> None:
    """2**53 and 2**53 + 1 are one number in float64."""
    less, equal, maximum = (implementation.binary(mnemonic) for mnemonic in ("lt", "eq", "max"))
    left, right = np.array([2**53, 2**53 + 1]), np.array([2**53 + 1, 2**53])
    assert call(less, left, right, dtype=np.bool_).tolist() == [True, False]
    assert call(equal, left, right, dtype=np.bool_).tolist() == [False, False]
    assert call(maximum, left, right, dtype=np.int64).tolist() == [2**53 + 1] * 2


def test_truth(implementation: Implementation) -> None:
    both, either = implementation.binary("and"), implementation.binary("or")
    left, right = np.array([False, False, True, True]), np.array([False, True, False, True])
    assert call(both, left, right, dtype=np.bool_).tolist() == [False, False, False, True]
    assert call(either, left, right, dtype=np.bool_).tolist() == [False, True, True, True]


def test_greater_and_lesser_keep_nan(implementation: Implementation) -> None:
    left = np.array([1.0, NAN, 2.0, NAN, -INFINITY], np.float32)
    right = np.array([2.0, 2.0, NAN, NAN, INFINITY], np.float32)
    greater, lesser = (call(implementation.binary(mnemonic), left, right) for mnemonic in ("max", "min"))
    assert np.array_equal(greater, np.array([2, NAN, NAN, NAN, INFINITY], np.float32), equal_nan=True)
    assert np.array_equal(lesser, np.array([1, NAN, NAN, NAN, -INFINITY], np.float32), equal_nan=True)


def test_select_broadcasts_and_may_write_where_it_reads(implementation: Implementation) -> None:
    condition = np.array([[True], [False]])
    then, otherwise = np.array([[1, 2, 3]], np.int32), np.array(7, np.int32)
    assert call(implementation.select, condition, then, otherwise, dtype=np.int32).tolist() == [[1, 2, 3], [7, 7, 7]]
    flags, left, right = np.array([True, False, True]), floats([1, 2, 3]), floats([4, NAN, 6])
    implementation.select(flags, left, right, right)
    assert np.array_equal(right, floats([1, NAN, 3]), equal_nan=True)
    implementation.select(flags, np.array(False), np.array(True), flags)
    assert flags.tolist() == [False, True, False]


# --- integers ---


def wrapped(value: int, bits: int) -> int:
    """A Python integer modulo 2**bits, as a signed one."""
    value %= 1 << bits
    return value - (1 << bits) if value >> (bits - 1) else value


@pytest.mark.parametrize(("dtype", "bits"), [(np.int32, 32), (np.int64, 64)])
class TestIntegers:
    def integers(self, dtype: type, bits: int) -> list[int]:
        limit = 1 << (bits - 1)
        numbers = np.random.default_rng(3).integers(-limit, limit, 40, dtype)
        return [0, 1, -1, 2, -2, 3, -3, 10, limit - 1, -limit, -limit + 1, *numbers.tolist()]

    def test_power(self, implementation: Implementation, dtype: type, bits: int) -> None:
        bases = self.integers(dtype, bits)
        exponents = [0, 1, 2, 3, 5, 31, 32, 63, 64, 1000, (1 << (bits - 1)) - 1]
        pairs = [(base, exponent) for base in bases for exponent in exponents]
        left, right = (np.array(side, dtype) for side in zip(*pairs, strict=True))
        expected = [wrapped(pow(base, exponent, 1 << bits), bits) for base, exponent in pairs]
        assert call(implementation.binary("pow"), left, right, dtype=dtype).tolist() == expected

    def test_power_with_some_negative_exponents(self, implementation: Implementation, dtype: type, bits: int) -> None:
        def power(base: int, exponent: int) -> int:
            if exponent >= 0:
                return wrapped(pow(base, exponent, 1 << bits), bits)
            if abs(base) != 1:
                return 0  # 1 / base ** n lies between -1 and 1; and for 0 by definition
            return -1 if base == -1 and exponent % 2 else 1

        bases = self.integers(dtype, bits)
        exponents = [-(1 << (bits - 1)), -(1 << (bits - 1)) + 1, -64, -3, -2, -1, 0, 1, 2, 33]
        pairs = [(base, exponent) for base in bases for exponent in exponents]
        left, right = (np.array(side, dtype) for side in zip(*pairs, strict=True))
        expected = [power(*pair) for pair in pairs]
        assert call(implementation.binary("pow"), left, right, dtype=dtype).tolist() == expected
        over_base, over_exponent = left.copy(), right.copy()
        implementation.binary("pow")(over_base, right, over_base)
        implementation.binary("pow")(left, over_exponent, over_exponent)
        assert over_base.tolist() == over_exponent.tolist() == expected

    def test_power_broadcasts(self, implementation: Implementation, dtype: type, bits: int) -> None:
        base, exponent = np.array([[2], [-1]], dtype), np.array([[3, -1, bits - 1]], dtype)
        assert call(implementation.binary("pow"), base, exponent, dtype=dtype).tolist() == [
            [8, 0, -(1 << (bits - 1))],
            [-1, -1, -1],
        ]
        assert call(implementation.binary("pow"), base, np.array(-2, dtype), dtype=dtype).tolist() == [[0], [1]]

    def test_arithmetic_wraps(self, implementation: Implementation, dtype: type, bits: int) -> None:
        values = self.integers(dtype, bits)
        pairs = [(a, b) for a in values for b in values]
        left, right = (np.array(side, dtype) for side in zip(*pairs, strict=True))
        exact: dict[str, Callable[[int, int], int]] = {
            "add": lambda a, b: a + b,
            "sub": lambda a, b: a - b,
            "mul": lambda a, b: a * b,
            "max": max,
            "min": min,
        }
        for mnemonic, operation in exact.items():
            got = call(implementation.binary(mnemonic), left, right, dtype=dtype)
            assert got.tolist() == [wrapped(operation(a, b), bits) for a, b in pairs], mnemonic
        one = np.array(values, dtype)
        negation, absolute = implementation.unary("neg"), implementation.unary("abs")
        assert call(negation, one, dtype=dtype).tolist() == [wrapped(-a, bits) for a in values]
        assert call(absolute, one, dtype=dtype).tolist() == [wrapped(abs(a), bits) for a in values]

    def test_reductions_wrap_in_their_own_type(self, implementation: Implementation, dtype: type, bits: int) -> None:
        values = self.integers(dtype, bits)
        for mnemonic, exact in (("rsum", sum), ("rprod", math.prod), ("rmax", max), ("rmin", min)):
            total = np.array(values[-1:], dtype)
            implementation.accumulate(mnemonic)(np.array(values[3:-1], dtype), total)
            assert total.tolist() == [wrapped(exact(values[3:]), bits)]

    def test_identities(self, dtype: type, bits: int) -> None:
        limit = 1 << (bits - 1)
        expected = {ReduceKind.SUM: 0, ReduceKind.PROD: 1, ReduceKind.MAX: -limit, ReduceKind.MIN: limit - 1}
        assert {kind: tiles.identity(kind, np.dtype(dtype)) for kind in ReduceKind} == expected


# --- conversions ---


def nearest_even(value: float | int, significand_bits: int, least_exponent: int, greatest: float) -> float:
    """A number rounded to a format of fewer bits, ties to even, by integer arithmetic on its exact fraction."""
    if value == 0 or (isinstance(value, float) and not math.isfinite(value)):
        return value
    size = abs(value).bit_length() if isinstance(value, int) else math.frexp(value)[1]
    exponent = max(size - significand_bits, least_exponent)
    numerator, denominator = abs(value).as_integer_ratio()
    if exponent >= 0:
        denominator <<= exponent
    else:
        numerator <<= -exponent
    whole, rest = divmod(numerator, denominator)
    if 2 * rest > denominator or (2 * rest == denominator and whole % 2):
        whole += 1
    rounded = math.ldexp(whole, exponent)
    return math.copysign(rounded if rounded <= greatest else math.inf, value)


FORMATS = {
    "f16": (np.dtype(np.float16), 11, -24, 65504.0),
    "bf16": (np.dtype(ml_dtypes.bfloat16), 8, -133, float.fromhex("0x1.fep127")),
}


def _around_ties(name: str) -> Array:
    """f32 on, just below and just above the middle between neighbours of a 16-bit format, and everything else."""
    _, bits, least, greatest = FORMATS[name]
    numbers = np.random.default_rng(4)
    exponents = np.arange(max(least, -148) + bits, 128 if name == "bf16" else 18)
    whole = numbers.integers(1 << (bits - 1), 1 << bits, (exponents.size, 8)) + 0.5
    middle = np.minimum(np.ldexp(whole, (exponents - bits)[:, None]), GREATEST).astype(np.float32).ravel()
    small = np.ldexp(np.arange(1, 64) + 0.5, least).astype(np.float32)
    ties = np.concatenate([middle, small, floats([greatest, greatest * (1 + 2.0 ** -(bits + 1))])])
    near = [ties, np.nextafter(ties, np.float32(0)), np.nextafter(ties, np.float32(np.inf))]
    positive = np.concatenate([*near, wide_range()])
    return np.concatenate([positive, -positive, floats([NAN, INFINITY, -INFINITY, 0.0, -0.0])])


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("how", ["store", "cast"])
def test_16_bit_floats_round_to_nearest_even(implementation: Implementation, name: str, how: str) -> None:
    dtype, bits, least, greatest = FORMATS[name]
    values = _around_ties(name)
    function = implementation.convert if how == "store" else implementation.rounding(ElementType[name.upper()])
    got = call(function, values, dtype=dtype if how == "store" else np.float32)
    expected = np.array([nearest_even(value, bits, least, greatest) for value in values.tolist()])
    assert np.array_equal(got.astype(np.float64), expected, equal_nan=True)
    known = ~np.isnan(expected)
    assert np.array_equal(np.signbit(got[known]), np.signbit(expected[known]))


def test_16_bit_floats_widen_exactly(implementation: Implementation) -> None:
    """Every bit pattern: f16 against `struct`, bf16 as the upper half of an f32."""
    patterns = np.arange(1 << 16, dtype=np.uint16)
    half = call(implementation.convert, patterns.view(np.float16))
    assert np.array_equal(half, struct.unpack("<65536e", patterns.tobytes()), equal_nan=True)
    brain = call(implementation.convert, patterns.view(ml_dtypes.bfloat16))
    assert np.array_equal(brain, (patterns.astype(np.uint32) << 16).view(np.float32), equal_nan=True)


def test_floats_to_integers_truncate(implementation: Implementation) -> None:
    values = np.concatenate([between(-1000, 1000), floats([0.999, -0.999, 2**24 + 2, -(2.0**31)])])
    for dtype in (np.int32, np.int64):
        assert call(implementation.convert, values, dtype=dtype).tolist() == [
            math.trunc(value) for value in values.tolist()
        ]


def test_integers_to_floats_round_to_nearest_even(implementation: Implementation) -> None:
    integers = [2**24 + 1, 2**24 + 3, -(2**24) - 1, 2**31 - 1, -(2**31), 0, 7]
    for dtype in (np.int32, np.int64):
        wide = integers if dtype is np.int32 else [*integers, 2**63 - 1, 2**53 + 1, -(2**63), 2**40 + 2**16]
        got = call(implementation.convert, np.array(wide, dtype))
        assert got.tolist() == [nearest_even(value, 24, -149, GREATEST) for value in wide]


@pytest.mark.parametrize("name", FORMATS)
def test_16_bit_floats_to_the_other_one(implementation: Implementation, name: str) -> None:
    other = "bf16" if name == "f16" else "f16"
    values = np.arange(1 << 16, dtype=np.uint16).view(FORMATS[name][0])
    got = call(implementation.convert, values, dtype=FORMATS[other][0])
    with np.errstate(invalid="ignore"):  # for NaN that signals
        wide, wide_got = values.astype(np.float64), got.astype(np.float64)
    expected = [nearest_even(value, *FORMATS[other][1:]) for value in wide.tolist()]
    assert np.array_equal(wide_got, expected, equal_nan=True)


@pytest.mark.parametrize("name", FORMATS)
def test_16_bit_floats_from_and_to_integers_and_truths(implementation: Implementation, name: str) -> None:
    floating, convert = FORMATS[name][0], implementation.convert
    values = np.array([0, -0.0, 1.5, -2.75, 100.5, -240, 2.0**-14], floating)
    for dtype in (np.int32, np.int64):
        assert call(convert, values, dtype=dtype).tolist() == [0, 0, 1, -2, 100, -240, 0]
        integers = np.array([0, 1, -7, 255, -256, 4096 if name == "f16" else 1 << 30], dtype)
        assert call(convert, integers, dtype=floating).tolist() == integers.tolist()
    assert call(convert, values, dtype=np.bool_).tolist() == [False, False, True, True, True, True, True]
    assert call(convert, np.array([True, False]), dtype=floating).tolist() == [1, 0]


def test_integers_narrow_by_wrapping(implementation: Implementation) -> None:
    values = [2**31, -(2**31) - 1, 2**32 + 5, -1, 2**63 - 1]
    assert call(implementation.convert, np.array(values), dtype=np.int32).tolist() == [
        wrapped(value, 32) for value in values
    ]


def test_truth_is_not_zero(implementation: Implementation) -> None:
    convert = implementation.convert
    floats = np.array([0.0, -0.0, LEAST_SUBNORMAL, NAN, INFINITY, 0.5], np.float32)
    assert call(convert, floats, dtype=np.bool_).tolist() == [False, False, True, True, True, True]
    assert call(convert, np.array([0, 256, 2**32, -1]), dtype=np.bool_).tolist() == [False, True, True, True]
    assert call(convert, np.array([True, False])).tolist() == [1.0, 0.0]
    for dtype in (np.bool_, np.int32, np.int64):
        assert call(convert, np.array([True, False]), dtype=dtype).tolist() == [1, 0]


def test_convert_broadcasts(implementation: Implementation) -> None:
    out = np.empty((2, 3), np.float32)
    implementation.convert(np.array([[1], [2]], np.int32), out)
    assert out.tolist() == [[1, 1, 1], [2, 2, 2]]


@pytest.mark.parametrize("count", [1, 7, 1000])
def test_widening_in_one_slot(count: int) -> None:
    slot = np.zeros(8 * count, np.uint8)
    source = np.ndarray((count,), np.int32, slot)
    source[:] = np.arange(count) - 3
    out = np.ndarray((count,), np.int64, slot)
    tiles.widen(source, out)
    assert out.tolist() == [number - 3 for number in range(count)]


# --- reductions and products ---


def test_identities_of_floats() -> None:
    expected = {ReduceKind.SUM: 0, ReduceKind.PROD: 1, ReduceKind.MAX: -INFINITY, ReduceKind.MIN: INFINITY}
    assert {kind: tiles.identity(kind, np.dtype(np.float32)) for kind in ReduceKind} == expected


@pytest.mark.parametrize("mnemonic", tiles.REDUCTIONS)
@pytest.mark.parametrize("axes", [(0,), (1,), (0, 2), (0, 1, 2)])
def test_reductions_tile_by_tile(mnemonic: str, axes: tuple[int, ...]) -> None:
    """Numbers small enough that every order of adding and multiplying is exact."""
    tiles_of_x = np.random.default_rng(5).choice(floats([-2, -1, 1, 2]), (3, 2, 3, 2))
    total = np.empty([1 if axis in axes else extent for axis, extent in enumerate((2, 3, 2))], np.float32)
    tiles.reduce_first(tiles.REDUCTIONS[mnemonic], axes, tiles_of_x[0], total)
    for tile in tiles_of_x[1:]:
        tiles.reduce_next(tiles.REDUCTIONS[mnemonic], axes, tile, total)
    exact: Callable[..., Any] = {"rsum": sum, "rprod": math.prod, "rmax": max, "rmin": min}[mnemonic]
    for place in np.ndindex(*total.shape):
        across = tuple(slice(None) if axis in axes else index for axis, index in enumerate(place))
        assert total[place] == exact(tiles_of_x[(slice(None), *across)].ravel().tolist())


def test_reductions_keep_nan(implementation: Implementation) -> None:
    x = np.array([[1.0, NAN, 2.0], [NAN, NAN, NAN], [INFINITY, -INFINITY, 1.0]], np.float32)
    for mnemonic, third in (("rmax", INFINITY), ("rmin", -INFINITY), ("rsum", NAN), ("rprod", -INFINITY)):
        for row, expected in zip(x, (NAN, NAN, third), strict=True):
            total = row[:1].copy()
            with np.errstate(all="ignore"):
                implementation.accumulate(mnemonic)(row[1:], total)
            assert np.array_equal(total, floats([expected]), equal_nan=True)


def test_products_accumulate() -> None:
    left, right = floats([[1, 2], [3, 4]]), floats([[5, 6], [7, 8]])
    total = floats([[100, 200], [300, 400]])
    tiles.matmul_next(left, right, total)
    assert total.tolist() == [[119, 222], [343, 450]]


# --- data that does not fit, through programs ---


def on_all_engines(program: Program, *arrays: Array) -> Array:
    """The result of a program, or its error, which every engine gives."""
    results: list[Array] = []
    errors: list[ExecutionError] = []
    for engine in programs.ENGINES:
        try:
            results += Machine(program, Device(2, 1 << 12, engine=engine)).call(arrays)
        except ExecutionError as error:
            errors.append(error)
    if errors:
        assert [str(error) for error in errors] == [str(errors[0])] * len(programs.ENGINES)
        raise errors[0]
    assert all(np.array_equal(result, results[0]) for result in results)
    return results[0]


def gather(table: Array, index: Sequence[int]) -> Array:
    return on_all_engines(programs.gather(), table, np.array(index, np.int32))


def test_gather_takes_indices_from_both_ends() -> None:
    table = np.arange(12, dtype=np.float32).reshape(4, 3)
    assert gather(table, [0, 3, -1, -4, 1]).tolist() == [table.tolist()[index] for index in (0, 3, -1, -4, 1)]
    assert gather(table, []).shape == (0, 3)
    assert gather(np.empty((0, 3), np.float32), []).shape == (0, 3)


@pytest.mark.parametrize(
    ("rows", "index", "culprit"),
    [
        (4, [0, 4], 4),
        (4, [-5, 0], -5),
        (4, [2**31 - 1], 2**31 - 1),
        (4, [-(2**31)], -(2**31)),
        (4, [9, -9], -9),
        (0, [0], 0),
        (0, [-1], -1),
    ],
)
def test_gather_out_of_range(rows: int, index: list[int], culprit: int) -> None:
    with pytest.raises(ExecutionError, match=rf"^index {culprit} is out of range for a dim of {rows}: "):
        gather(np.ones((rows, 3), np.float32), index)


def grouped(ends: Sequence[int]) -> Array:
    """y of x[4, 2] by three matrices [2, 2]"""
    x = np.arange(8, dtype=np.float32).reshape(4, 2)
    weights = np.arange(12, dtype=np.float16).reshape(3, 2, 2)
    return on_all_engines(programs.grouped_matmul(), x, weights, np.array(ends, np.int64))


def grouped_k(ends: Sequence[int]) -> Array:
    """y of x[2, 4] by w[4, 3], whose 4 are cut into three groups"""
    x = np.arange(8, dtype=np.float32).reshape(2, 4)
    w = np.arange(12, dtype=np.float32).reshape(4, 3)
    return on_all_engines(programs.grouped_matmul_k(), x, w, np.array(ends, np.int32))


ENDS = ((1, 3, 4), (0, 0, 4), (4, 4, 4), (2, 2, 4), (0, 2, 3), (0, 0, 0))
"""What lies beyond the last end belongs to no group and gives 0."""


@pytest.mark.parametrize("ends", ENDS, ids=str)
def test_groups_of_rows(ends: tuple[int, ...]) -> None:
    expected: list[list[float]] = []
    for row in range(4):
        group = sum(end <= row for end in ends)
        x = (2 * row, 2 * row + 1)
        expected.append([sum(x[k] * (4 * group + 2 * k + n) for k in range(2)) if group < 3 else 0 for n in range(2)])
    assert grouped(ends).tolist() == expected


@pytest.mark.parametrize("ends", ENDS, ids=str)
def test_groups_of_k(ends: tuple[int, ...]) -> None:
    expected = [
        [[sum((4 * m + k) * (3 * k + n) for k in range(low, high)) for n in range(3)] for m in range(2)]
        for low, high in zip((0, *ends), ends, strict=False)
    ]
    assert grouped_k(ends).tolist() == expected


@pytest.mark.parametrize("run", [grouped, grouped_k])
@pytest.mark.parametrize(
    ("ends", "end", "previous"),
    [((2, 1, 4), 1, 2), ((-1, 2, 4), -1, 0), ((1, 2, 5), 5, 2), ((5, 5, 5), 5, 0), ((4, 3, 2), 3, 4)],
)
def test_group_ends_that_do_not_fit(
    run: Callable[[Sequence[int]], Array], ends: tuple[int, ...], end: int, previous: int
) -> None:
    with pytest.raises(ExecutionError, match=f"^group ends must not descend nor pass 4, but {end} follows {previous}"):
        run(ends)


# --- products ---


@pytest.mark.parametrize("rows", [1, 2, 3, 8, 9, 17, 64, 65])
@pytest.mark.parametrize("batch", [(), (3,)])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("has_small_kernels", [False, True])
def test_products_of_few_rows(
    rows: int, batch: tuple[int, ...], turned: bool, has_small_kernels: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiles, "HAS_SMALL_KERNELS", has_small_kernels)
    random = np.random.default_rng(0)
    left = random.standard_normal((*batch, rows, 130)).astype(np.float32)
    right = random.standard_normal((*batch, 140, 130) if turned else (*batch, 130, 140)).astype(np.float32)
    if turned:
        right = right.swapaxes(-1, -2)
    wide = np.empty((*batch, rows, 150), np.float32)
    out = wide[..., 5:145]
    tiles.matmul(left, right, out)
    exact = left.astype(np.float64) @ right.astype(np.float64)
    bound = np.abs(left).astype(np.float64) @ np.abs(right).astype(np.float64)
    assert (np.abs(out - exact) <= 130 * 2.0**-24 * bound).all()


SELECTED = (96, 128)


@pytest.mark.parametrize("dtype", ["bool", "float16", "float32", "int32", "int64"])
@pytest.mark.parametrize("shape", [SELECTED, (96, 1), (1, 128), ()])
@pytest.mark.parametrize("condition_shape", [SELECTED, (96, 1), (1, 1)])
@pytest.mark.parametrize("alias", ["none", "then", "otherwise"])
def test_select_by_bits(dtype: str, shape: tuple[int, ...], condition_shape: tuple[int, ...], alias: str) -> None:
    random = np.random.default_rng(0)
    then, otherwise = (random.integers(-5, 5, of).astype(dtype) for of in (SELECTED, shape))
    if dtype == "float32":
        then[::7] = NAN
        then[1::7] = -0.0
    if alias == "otherwise":
        then, otherwise = otherwise, then
    condition = (random.integers(0, 2, condition_shape) * random.integers(1, 256, condition_shape)).astype(np.uint8)
    condition = condition.view(bool)  # any byte but 0 is true
    expected = np.where(condition, then, otherwise)
    out = {"none": np.empty(SELECTED, dtype), "then": then, "otherwise": otherwise}[alias]
    assert out.size >= tiles.SELECTED_BY_BITS
    tiles.select(condition, then, otherwise, out)
    assert out.tobytes() == expected.tobytes()


def test_select_by_bits_of_strided_tiles() -> None:
    random = np.random.default_rng(0)
    then, otherwise, out = (random.standard_normal((2 * size, size)).astype(np.float32).T for size in (200, 200, 200))
    condition = random.integers(0, 2, (200, 800)).astype(bool)[:, ::2]
    expected = np.where(condition, then, otherwise)
    tiles.select(condition, then, otherwise, out)
    assert np.array_equal(out, expected)
