"""Lazy arrays and NumPy's side by side: whatever is drawn is done to both, and they must stay the same.

Values stay whole numbers from -16 to 16 (NaN aside), which every element type has exactly, sums and products of them too: so
values are compared for equality, and comparisons never hang on a rounding. Functions that round are compared by
themselves, within the tolerance of their element type. 16-bit types are compared with what NumPy computes in float32
and rounds once, for that is what DVM does; with a Python float beside it bfloat16 stays bfloat16, unlike in `ml_dtypes`.

NumPy gives scalars where a result has no dims, and lays results out as their operands are; here a lazy array stands for
the scalar, and results are in row-major order.
"""

import copy
import operator
import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import basic_indices
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import dvm
from dvm.record import CURRENT
from dvm.storage import Scalar

LIMIT = 16
EXAMPLES = int(os.environ.get("DVM_LAZY_EXAMPLES", "60"))
BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
HALVES = (np.dtype(np.float16), BFLOAT16)
COMPUTED: tuple[Any, ...] = tuple(np.dtype(name) for name in ("bool", "f2", BFLOAT16, "f4", "i4", "i8"))
"""The element types that DVM computes with; NumPy computes with the others."""
FOREIGN: tuple[Any, ...] = tuple(np.dtype(name) for name in ("f8", "i1", "u1"))

RELATIVE = {np.dtype(np.float16): 2e-3, BFLOAT16: 1.6e-2, np.dtype(np.float32): 2e-6, np.dtype(np.float64): 1e-14}
"""Two units in the last place, of functions that round."""

REFUSALS = (ValueError, TypeError, IndexError, OverflowError, ZeroDivisionError, dvm.DvmError)

Function = Callable[..., Any]

BINARY: dict[str, Function] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "//": operator.floordiv, "%": operator.mod, "&": operator.and_,
    "|": operator.or_, "^": operator.xor, "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le,
    ">": operator.gt, ">=": operator.ge, "maximum": np.maximum, "minimum": np.minimum, "logical_and": np.logical_and,
    "logical_or": np.logical_or, "logical_xor": np.logical_xor, "divmod": lambda a, b: divmod(a, b)[1],
    ">>": lambda a, b: a >> abs(b), "<<": lambda a, b: a << abs(b),
}  # fmt: skip

IN_PLACE: dict[str, Function] = {
    "+=": operator.iadd,
    "-=": operator.isub,
    "*=": operator.imul,
    "//=": operator.ifloordiv,
    "%=": operator.imod,
    "&=": operator.iand,
    "|=": operator.ior,
    "^=": operator.ixor,
    ">>=": lambda a, b: operator.irshift(a, abs(b)),
}

VIEWS: dict[str, Function] = {
    "flip": np.flip, "fliplr": np.fliplr, "rot90": np.rot90, "split": lambda a: np.split(a, [1])[0], "einsum": lambda a: np.einsum("ij...->ji...", a),
    "array_split": lambda a: np.array_split(a, 2, axis=-1)[1], "diagonal": np.diagonal, "a.diagonal": lambda a: a.diagonal(0),
    "reshape F": lambda a: a.reshape(-1, order="F"), "reshape A": lambda a: a.reshape(-1, order="A"),
    "ravel K": lambda a: a.ravel("K"), "flatten F": lambda a: a.flatten("F"), "real": lambda a: a.real,
    "atleast_2d": np.atleast_2d, "rollaxis": lambda a: np.rollaxis(a, -1), "sliding": lambda a: np.lib.stride_tricks.sliding_window_view(a, 1, -1),
}  # fmt: skip
"""What NumPy makes views of, mostly."""  # fmt: skip

UNARY: dict[str, Function] = {
    "-": operator.neg, "+": operator.pos, "~": operator.invert, "abs": abs, "np.abs": np.abs, "sign": np.sign,
    "square": np.square, "floor": np.floor, "isnan": np.isnan, "isfinite": np.isfinite, "isinf": np.isinf,
    "logical_not": np.logical_not, "copy": np.copy, "a.copy": lambda a: a.copy(), "deepcopy": copy.deepcopy,
    "copy.copy": copy.copy, "pickle": lambda a: pickle.loads(pickle.dumps(a)), "flatten": lambda a: a.flatten(),
    "round": np.round, "zeros_like": np.zeros_like, "ones_like": np.ones_like, "tril": np.tril, "triu": np.triu,
    "asarray": lambda a: a + 0, "sort": np.sort, "cumsum": np.cumsum, "nonzero": lambda a: np.nonzero(a)[0],
    "argmax": np.argmax, "a.argsort": lambda a: a.argsort(kind="stable"), "diff": np.diff,
    "roll": lambda a: np.roll(a, 1), "repeat": lambda a: a.repeat(2),
}  # fmt: skip

ROUNDED: dict[str, Function] = {
    "exp": np.exp, "tanh": np.tanh, "sqrt": lambda a: np.sqrt(abs(a)), "sin": np.sin, "cos": np.cos,
    "log": lambda a: np.log(abs(a) + 1), "mean": np.mean, "var": np.var, "std": np.std,
    "divide": lambda a: a / (abs(a) + 2), "mean0": lambda a: np.mean(a, axis=0),
    "chain": lambda a: np.tanh(np.exp(-(a * a)) + 1), "mean keepdims": lambda a: a.mean(axis=-1, keepdims=True),
}  # fmt: skip

REDUCTIONS = ("sum", "prod", "max", "min", "any", "all")


@dataclass
class Pair:
    """An array of NumPy (or the scalar that it gives) and the lazy array that must be like it."""

    plain: Any
    lazy: Any


def widened(value: Any) -> Any:
    """A value of 16 bits as float32."""
    return value.astype(np.float32) if getattr(value, "dtype", None) in HALVES else value


def narrowed(result: Any, dtype: Any) -> Any:
    return result.astype(dtype) if result.dtype == np.float32 and dtype in HALVES else result


def in_float32(function: Function, *values: Any) -> Any:
    """A function of 16-bit values as NumPy computes it in float32, rounded once."""
    types = {value.dtype for value in values if hasattr(value, "dtype")}
    if len(types) == 1 and types <= set(HALVES):
        return narrowed(function(*map(widened, values)), types.pop())
    return function(*values)


def own(value: Any) -> Any:
    """A result in row-major order; a scalar stays one."""
    return np.ascontiguousarray(value) if isinstance(value, np.ndarray) and value.ndim else value


def as_scalars(pair: Pair) -> None:
    """Make scalars of results without dims: whether they are is not the same for all functions of NumPy that copy."""
    if not pair.plain.shape:
        pair.plain = pair.plain.dtype.type(pair.plain)
        pair.lazy = pair.lazy + pair.plain.dtype.type(0)


def agree(pair: Pair) -> None:
    """The values of both are the same."""
    assert isinstance(pair.lazy, dvm.Array), type(pair.lazy)
    found = np.asarray(pair.lazy)
    assert found.shape == pair.plain.shape
    assert found.dtype == pair.plain.dtype
    np.testing.assert_array_equal(widened(found), widened(np.asarray(pair.plain)))


def refusal(function: Function, *values: Any) -> Exception | None:
    try:
        function(*values)
    except REFUSALS as error:
        return error
    return None


class SideBySide(RuleBasedStateMachine):
    """Arrays, views of them and what is computed of them, in NumPy and lazily."""

    def __init__(self) -> None:
        super().__init__()
        self.pairs: list[Pair] = []
        self.eager = False
        self.errors = np.errstate(all="ignore")
        self.errors.__enter__()
        self.record = dvm.lazy()
        self.record.__enter__()

    def teardown(self) -> None:
        try:
            for pair in self.pairs:
                agree(pair)
            for number, pair in enumerate(self.pairs):  # writing to each shows which others see it
                if isinstance(pair.plain, np.ndarray) and pair.plain.flags.writeable:
                    value = pair.plain.dtype.type(number % 2 if pair.plain.dtype == bool else number)
                    pair.plain[...] = value
                    pair.lazy[...] = value
                    for other in self.pairs:
                        agree(other)
        finally:
            self.errors.__exit__(None, None, None)
            self.record.__exit__()

    @initialize(eager=st.sampled_from([False, False, False, True]), limit=st.sampled_from([256, 256, 13, 5, 2]))
    def begin(self, eager: bool, limit: int) -> None:
        self.eager = eager
        CURRENT.record.limit = limit

    @invariant()
    def shapes_and_types_agree(self) -> None:
        for pair in self.pairs:
            assert isinstance(pair.lazy, dvm.Array), type(pair.lazy)
            assert pair.lazy.shape == pair.plain.shape
            assert pair.lazy.dtype == pair.plain.dtype
            assert (type(pair.lazy.storage) is Scalar) == isinstance(pair.plain, np.generic)
        if self.eager:
            for pair in self.pairs:
                agree(pair)

    # --- what rules are made of ---

    def pick(self, data: st.DataObject, where: Callable[[Pair], bool] = lambda pair: True) -> Pair | None:
        found = [number for number, pair in enumerate(self.pairs) if where(pair)]
        return self.pairs[data.draw(st.sampled_from(found), "array")] if found else None

    def keep(self, pair: Pair) -> None:
        """Have one more pair, with values in bounds."""
        self.pairs.append(pair)
        self.bound(pair)
        if len(self.pairs) > 10:
            del self.pairs[0]

    def bound(self, pair: Pair) -> None:
        """Do to both what brings values back into bounds, where they are out of them."""
        values = widened(np.asarray(pair.plain))
        if not values.size or values.dtype == bool:
            return
        if np.any(np.abs(np.nan_to_num(values.astype(np.float64), posinf=1e9, neginf=-1e9)) > LIMIT):
            lower = [] if values.dtype.kind == "u" else [(np.maximum, pair.plain.dtype.type(-LIMIT))]
            for function, bound in [*lower, (np.minimum, pair.plain.dtype.type(LIMIT))]:
                if isinstance(pair.plain, np.ndarray):
                    function(pair.plain, bound, out=pair.plain)
                    function(pair.lazy, bound, out=pair.lazy)
                else:
                    pair.plain, pair.lazy = function(pair.plain, bound), function(pair.lazy, bound)

    def both(self, function: Function, *pairs: Any, reference: Function | None = None) -> Pair | None:
        """A function of both; None where NumPy refuses, which DVM must then, too."""
        plain = [pair.plain if isinstance(pair, Pair) else pair for pair in pairs]
        lazy = [pair.lazy if isinstance(pair, Pair) else pair for pair in pairs]
        try:
            expected = (reference or function)(*plain)
        except REFUSALS as error:
            refused = str(error)
        else:
            return Pair(expected, function(*lazy))
        assert refusal(function, *lazy) is not None, f"NumPy says: {refused}"
        return None

    def fitting(self, data: st.DataObject, shape: tuple[int, ...], *, within: bool) -> Any:
        """An operand that broadcasts with a shape, to it if `within`: an array of ours, a scalar, or one of NumPy."""

        def fits(pair: Pair) -> bool:
            try:
                result = np.broadcast_shapes(pair.plain.shape, shape)
            except ValueError:
                return False
            return result == shape if within else prod(result) <= 1024

        kind = data.draw(
            st.sampled_from(["array", "array", "array", "int", "float", "bool", "numpy", "foreign"]), "kind"
        )
        if kind == "array" and (found := self.pick(data, fits)) is not None:
            return found
        if kind == "float":
            return float(data.draw(st.integers(-3, 3)))
        if kind == "bool":
            return data.draw(st.booleans())
        if kind == "numpy":
            return data.draw(st.sampled_from(COMPUTED + FOREIGN)).type(data.draw(st.integers(0, 3)))
        if kind == "foreign":  # an array of NumPy beside a lazy one
            return np.full(shape, data.draw(st.integers(0, 3)), data.draw(st.sampled_from(COMPUTED)))
        return data.draw(st.integers(-3, 3))

    # --- making arrays ---

    @rule(
        dtype=st.sampled_from(COMPUTED * 3 + FOREIGN),
        shape=st.lists(st.sampled_from([0, 1, 2, 2, 3, 3, 4, 5]), max_size=4).map(tuple),
        seed=st.integers(0, 2**16),
        way=st.sampled_from(["asarray", "asarray", "shared", "full", "list", "array method"]),
        nan=st.booleans(),
    )
    def make(self, dtype: Any, shape: tuple[int, ...], seed: int, way: str, nan: bool) -> None:
        values = np.random.default_rng(seed).integers(0 if dtype == np.uint8 else -4, 5, shape).astype(dtype)
        if nan and dtype.kind in "fV" and values.size:
            values.flat[seed % values.size] = np.nan
        if way == "asarray":
            lazy = dvm.asarray(values)
            values = values.copy()
        elif way == "shared":
            lazy = dvm.asarray(values.copy(), copy=False)
        elif way == "full" and dtype in COMPUTED:
            values = np.full(shape, 3, dtype)
            lazy = dvm.full(shape, 3, dtype)
        elif way == "list":
            lazy = dvm.asarray(values.tolist(), dtype=dtype)
            if lazy.shape != shape:  # a list of no lists says less
                lazy = lazy.reshape(shape)
        else:
            lazy = dvm.asarray(values.copy()) + dtype.type(0)
            values = own(values + dtype.type(0))
            if not shape:
                values, lazy = np.asarray(values), dvm.asarray(np.asarray(lazy))
        self.keep(Pair(values, lazy))

    @rule(stop=st.integers(-2, 6), step=st.sampled_from([1, 2, -1, 3]))
    def arange(self, stop: int, step: int) -> None:
        self.keep(Pair(np.arange(0, stop, step), dvm.arange(0, stop, step)))

    # --- views ---

    @precondition(lambda self: self.pairs)
    @rule(data=st.data())
    def index(self, data: st.DataObject) -> None:
        pair = self.pick(data)
        assert pair is not None
        if not isinstance(pair.plain, np.ndarray):
            return
        index = data.draw(basic_indices(pair.plain.shape, allow_newaxis=True, max_dims=5), "index")
        self.add_view(self.both(lambda a: a[index], pair))

    @precondition(lambda self: self.pairs)
    @rule(data=st.data())
    def rearrange(self, data: st.DataObject) -> None:
        pair = self.pick(data, lambda pair: isinstance(pair.plain, np.ndarray))
        if pair is None:
            return
        rank, shape = pair.plain.ndim, pair.plain.shape
        axes = st.integers(-rank, rank - 1) if rank else st.just(0)
        ways: dict[str, Function] = {
            "T": lambda a: a.T,
            "reshape flat": lambda a: a.reshape(-1),
            "ravel": lambda a: a.ravel(),
            "reshape reversed": lambda a: np.reshape(a, shape[::-1]),
            "squeeze": lambda a: a.squeeze(),
            "whole": lambda a: a[...],
        }
        if rank:
            a, b = data.draw(axes), data.draw(axes)
            order = data.draw(st.permutations(range(rank)))
            ways |= {
                "swapaxes": lambda x: x.swapaxes(a, b),
                "transpose": lambda x: np.transpose(x, order),
                "moveaxis": lambda x: np.moveaxis(x, a, b),
                "expand_dims": lambda x: np.expand_dims(x, a),
                "reshape rows": lambda x: x.reshape(shape[0], -1) if prod(shape) else x.reshape(shape),
                "reshape pairs": lambda x: x.reshape(2, -1),
                "squeeze dim": lambda x: np.squeeze(x, axis=a),
                "all": lambda x: x[:],
                "reshape ones": lambda x: x.reshape(1, *shape, 1),
            }
        if rank >= 2:
            ways |= {
                "mT": lambda x: x.mT,
                "merge": lambda x: x.reshape(-1 if prod(shape[2:]) else shape[0] * shape[1], *shape[2:]),
                "merge last": lambda x: x.reshape(*shape[:-2], shape[-2] * shape[-1]),
            }
        if rank < 4:
            ways["broadcast"] = lambda x: np.broadcast_to(x, (2, *shape))
        way = data.draw(st.sampled_from(sorted(ways)), "way")
        self.add_view(self.both(ways[way], pair))

    @rule(data=st.data(), name=st.sampled_from(sorted(VIEWS)))
    def view_by_numpy(self, data: st.DataObject, name: str) -> None:
        """Of what has elements: whether nothing can be written is not looked at."""
        pair = self.pick(data, lambda pair: isinstance(pair.plain, np.ndarray) and pair.plain.dtype != BFLOAT16)
        if pair is not None and pair.plain.size:
            self.add_view(self.both(VIEWS[name], pair))

    def add_view(self, found: Pair | None) -> None:
        if found is not None and found.plain.ndim <= 6:
            if isinstance(found.plain, np.ndarray) and found.plain.flags.owndata:
                found.plain = own(found.plain)
            self.keep(found)

    @precondition(lambda self: self.pairs)
    @rule(data=st.data())
    def second_name(self, data: st.DataObject) -> None:
        pair = self.pick(data)
        assert pair is not None
        self.pairs.append(Pair(pair.plain, pair.lazy))

    # --- computing ---

    @precondition(lambda self: self.pairs)
    @rule(data=st.data(), name=st.sampled_from(sorted(UNARY)))
    def unary(self, data: st.DataObject, name: str) -> None:
        pair = self.pick(data)
        assert pair is not None
        found = self.both(UNARY[name], pair)
        if found is not None:
            found.plain = own(found.plain)
            as_scalars(found)
            self.keep(found)

    @precondition(lambda self: self.pairs)
    @rule(data=st.data(), name=st.sampled_from(sorted(BINARY)), swap=st.booleans())
    def binary(self, data: st.DataObject, name: str, swap: bool) -> None:
        pair = self.pick(data)
        assert pair is not None
        other = self.fitting(data, pair.plain.shape, within=False)
        if isinstance(other, float) and pair.plain.dtype == BFLOAT16:
            other = BFLOAT16.type(other)
        self.keep_result(self.both(BINARY[name], *((other, pair) if swap else (pair, other))))

    @precondition(lambda self: self.pairs)
    @rule(data=st.data(), name=st.sampled_from(sorted(BINARY)))
    def binary_of_any(self, data: st.DataObject, name: str) -> None:
        """Shapes that do not fit are refused by both."""
        a, b = self.pick(data), self.pick(data)
        assert a is not None
        assert b is not None
        self.keep_result(self.both(BINARY[name], a, b))

    def keep_result(self, found: Pair | None) -> None:
        if found is not None and found.plain.size <= 1024:
            found.plain = own(found.plain)
            self.keep(found)

    @precondition(lambda self: self.pairs)
    @rule(data=st.data(), name=st.sampled_from(REDUCTIONS), keepdims=st.booleans(), method=st.booleans())
    def reduce(self, data: st.DataObject, name: str, keepdims: bool, method: bool) -> None:
        pair = self.pick(data)
        assert pair is not None
        rank = pair.plain.ndim
        axis: Any = None
        if rank:
            axes = st.integers(-rank, rank - 1)
            axis = data.draw(st.none() | axes | st.lists(axes, max_size=3).map(tuple), "axis")
        if name == "prod" and (pair.plain.dtype.kind in "fV" or pair.plain.dtype.itemsize < 4):
            name = "max"  # products leave the exact numbers

        def function(a: Any) -> Any:
            if method and (isinstance(a, np.ndarray | dvm.Array)):
                return getattr(a, name)(axis=axis, keepdims=keepdims)
            return getattr(np, name)(a, axis=axis, keepdims=keepdims)

        reduced = function if name != "sum" else lambda a: in_float32(function, a)
        found = self.both(function, pair, reference=reduced)
        if found is not None:
            as_scalars(found)
        self.keep_result(found)

    @precondition(lambda self: self.pairs)
    @rule(data=st.data(), name=st.sampled_from(sorted(ROUNDED)))
    def rounded(self, data: st.DataObject, name: str) -> None:
        """What is not exact: compared within a tolerance, now or when something else is, and not kept."""
        pair = self.pick(data, lambda pair: pair.plain.dtype != bool and pair.plain.size > 0)
        if pair is None:
            return
        found = self.both(ROUNDED[name], pair, reference=lambda a: in_float32(ROUNDED[name], a))
        if found is not None:
            assert found.lazy.dtype == found.plain.dtype
            tolerance = RELATIVE[found.plain.dtype] * (4 if name in ("var", "std", "chain") else 1)
            expected = widened(np.asarray(found.plain))
            np.testing.assert_allclose(widened(np.asarray(found.lazy)), expected, tolerance, tolerance)

    @precondition(lambda self: self.pairs)
    @rule(data=st.data(), dtype=st.sampled_from(COMPUTED * 2 + FOREIGN))
    def astype(self, data: st.DataObject, dtype: Any) -> None:
        pair = self.pick(
            data, lambda pair: pair.plain.dtype.kind not in "fV" or not np.isnan(widened(pair.plain)).any()
        )
        if pair is None or (dtype.kind == "u" and np.any(widened(pair.plain) < 0)):
            return
        found = self.both(lambda a: a.astype(dtype), pair)
        if found is not None:
            as_scalars(found)
        self.keep_result(found)

    @precondition(lambda self: self.pairs)
    @rule(data=st.data())
    def where(self, data: st.DataObject) -> None:
        pair = self.pick(data)
        assert pair is not None
        x, y = self.fitting(data, pair.plain.shape, within=True), self.fitting(data, pair.plain.shape, within=True)
        if any(isinstance(value, float) for value in (x, y)):
            return
        self.keep_result(self.both(np.where, pair, x, y))

    @precondition(lambda self: self.pairs)
    @rule(data=st.data(), axis=st.integers(-2, 2), stack=st.booleans())
    def join(self, data: st.DataObject, axis: int, stack: bool) -> None:
        a = self.pick(data)
        assert a is not None
        b = self.pick(data, lambda b: b.plain.ndim == a.plain.ndim)
        function = np.stack if stack else np.concatenate
        self.keep_result(self.both(lambda x, y: function([x, y, x], axis=axis), a, b))

    @precondition(lambda self: self.pairs)
    @rule(data=st.data())
    def matmul(self, data: st.DataObject) -> None:
        a = self.pick(data, lambda pair: pair.plain.ndim in (1, 2, 3) and pair.plain.dtype != bool)
        if a is None:
            return
        b = self.pick(data, lambda b: 1 <= b.plain.ndim <= 3 and b.plain.dtype == a.plain.dtype)
        if b is None or a.plain.dtype in HALVES:
            return
        self.keep_result(self.both(operator.matmul, a, b))

    # --- elements by array ---

    @precondition(lambda self: self.pairs)
    @rule(data=st.data(), lazily=st.booleans())
    def take(self, data: st.DataObject, lazily: bool) -> None:
        pair = self.pick(data, lambda pair: pair.plain.ndim > 0)
        if pair is None:
            return
        size = pair.plain.shape[0]
        drawn = data.draw(st.lists(st.integers(-size, size - 1), max_size=4)) if size else []
        numbers = np.asarray(drawn, int)
        index = Pair(numbers, dvm.asarray(numbers)) if lazily else numbers
        self.keep_result(self.both(lambda a, at: a[at], pair, index))

    @precondition(lambda self: self.pairs)
    @rule(data=st.data(), lazily=st.booleans())
    def mask(self, data: st.DataObject, lazily: bool) -> None:
        pair = self.pick(data, lambda pair: isinstance(pair.plain, np.ndarray) and pair.plain.ndim > 0)
        if pair is not None:
            self.keep_result(self.both(lambda a, at: a[at], pair, self.mask_of(data, pair, lazily)))

    def mask_of(self, data: st.DataObject, pair: Pair, lazily: bool) -> Any:
        if lazily:
            return self.both(lambda a: a > 0, pair)
        return widened(pair.plain) != data.draw(st.integers(-2, 2))

    # --- writing ---

    def writable(self, data: st.DataObject) -> Pair | None:
        return self.pick(data, lambda pair: isinstance(pair.plain, np.ndarray))

    @precondition(lambda self: self.pairs)
    @rule(data=st.data(), name=st.sampled_from(sorted(IN_PLACE)))
    def in_place(self, data: st.DataObject, name: str) -> None:
        pair = self.pick(data)
        assert pair is not None
        other = self.fitting(data, pair.plain.shape, within=True)
        if isinstance(other, float) and BFLOAT16 in (pair.plain.dtype, getattr(other, "dtype", None)):
            return
        found = self.both(IN_PLACE[name], pair, other)
        if found is not None:
            rebound = not isinstance(pair.plain, np.ndarray)
            assert (found.plain is pair.plain) == (found.lazy is pair.lazy) or rebound
            pair.plain, pair.lazy = found.plain, found.lazy
            self.bound(pair)

    @precondition(lambda self: self.pairs)
    @rule(data=st.data())
    def assign(self, data: st.DataObject) -> None:
        pair = self.writable(data)
        if pair is None:
            return
        index = data.draw(basic_indices(pair.plain.shape, allow_newaxis=True, max_dims=5), "index")
        self.write(data, pair, index, pair.plain[index].shape)

    @precondition(lambda self: self.pairs)
    @rule(data=st.data(), lazily=st.booleans())
    def assign_masked(self, data: st.DataObject, lazily: bool) -> None:
        pair = self.writable(data)
        if pair is not None:
            self.write(data, pair, self.mask_of(data, pair, lazily), ())

    @precondition(lambda self: self.pairs)
    @rule(data=st.data(), lazily=st.booleans())
    def assign_by_integers(self, data: st.DataObject, lazily: bool) -> None:
        pair = self.writable(data)
        if pair is None or not pair.plain.ndim or not pair.plain.shape[0]:
            return
        size = pair.plain.shape[0]
        numbers = np.asarray(data.draw(st.lists(st.integers(-size, size - 1), min_size=1, max_size=3, unique=True)))
        if len(set((numbers % size).tolist())) == len(numbers):
            index = Pair(numbers, dvm.asarray(numbers)) if lazily else numbers
            self.write(data, pair, index, pair.plain[numbers].shape)

    def write(self, data: st.DataObject, pair: Pair, index: Any, shape: tuple[int, ...]) -> None:
        value = self.fitting(data, shape, within=True)
        if isinstance(value, Pair) and (
            value.plain.dtype.kind in "fV" and pair.plain.dtype.kind in "iu" and np.isnan(widened(value.plain)).any()
        ):
            return
        if pair.plain.dtype.kind == "u":
            value = data.draw(st.integers(0, 3))
        self.both(operator.setitem, pair, index, value)
        self.bound(pair)

    @precondition(lambda self: self.pairs)
    @rule(data=st.data(), way=st.sampled_from(["later", "earlier", "reversed", "transposed", "itself"]))
    def overlap(self, data: st.DataObject, way: str) -> None:
        """An array is written from itself."""
        pair = self.writable(data)
        if pair is None or not pair.plain.ndim:
            return

        def write(a: Any) -> None:
            if way == "later":
                a[1:] = a[:-1]
            elif way == "earlier":
                a[:-1] = a[1:]
            elif way == "reversed":
                a[...] = a[::-1]
            elif way == "transposed":
                a[...] = a.T
            else:
                a[:] = a

        self.both(write, pair)

    @precondition(lambda self: self.pairs)
    @rule(data=st.data(), function=st.sampled_from([np.add, np.multiply, np.maximum, np.greater, np.subtract]))
    def out(self, data: st.DataObject, function: Function) -> None:
        target = self.writable(data)
        if target is None:
            return
        a = self.pick(data, lambda pair: pair.plain.shape == target.plain.shape)
        if a is None:
            return
        b = self.fitting(data, target.plain.shape, within=True)
        if isinstance(b, float) and a.plain.dtype == BFLOAT16:
            return
        found = self.both(lambda a, b, target: function(a, b, out=target), a, b, target)
        assert found is None or found.lazy is target.lazy
        self.bound(target)

    @precondition(lambda self: self.pairs)
    @rule(data=st.data(), name=st.sampled_from(["max", "min", "sum", "any"]), method=st.booleans())
    def reduce_into(self, data: st.DataObject, name: str, method: bool) -> None:
        target = self.writable(data)
        if target is None or target.plain.dtype in HALVES:
            return
        shape = target.plain.shape
        a = self.pick(data, lambda pair: isinstance(pair.plain, np.ndarray) and pair.plain.shape[1:] == shape)
        if a is None or not a.plain.ndim or a.plain.dtype in HALVES:
            return

        def function(a: Any, target: Any) -> Any:
            return getattr(a, name)(0, out=target) if method else getattr(np, name)(a, axis=0, out=target)

        found = self.both(function, a, target)
        assert found is None or found.lazy is target.lazy
        self.bound(target)

    @precondition(lambda self: self.pairs)
    @rule(data=st.data())
    def fill(self, data: st.DataObject) -> None:
        pair = self.writable(data)
        if pair is not None:
            value = data.draw(st.integers(0, 3))
            self.both(lambda a: a.fill(value), pair)

    # --- seeing, and forgetting ---

    @precondition(lambda self: self.pairs)
    @rule(data=st.data())
    def see(self, data: st.DataObject) -> None:
        pair = self.pick(data)
        assert pair is not None
        agree(pair)

    @precondition(lambda self: self.pairs)
    @rule(data=st.data())
    def see_number(self, data: st.DataObject) -> None:
        pair = self.pick(data, lambda pair: pair.plain.size == 1)
        if pair is not None and not np.isnan(widened(pair.plain)).any():
            for convert in (bool, lambda a: a.item(), lambda a: a.tolist()):
                assert convert(pair.lazy) == convert(pair.plain)

    @precondition(lambda self: self.pairs)
    @rule(data=st.data())
    def drop(self, data: st.DataObject) -> None:
        del self.pairs[data.draw(st.integers(0, len(self.pairs) - 1))]


SideBySide.TestCase.settings = settings(
    max_examples=EXAMPLES,
    print_blob=False,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestSideBySide = pytest.mark.filterwarnings("ignore::RuntimeWarning")(SideBySide.TestCase)
