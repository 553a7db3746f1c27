"""What NumPy's arrays do at the edges, and lazy ones with them: options, `out`, views that NumPy makes, errors."""

import operator
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest

import dvm

xp: Any = dvm

np_any: Any = np
"""With arguments that its types refuse."""

Function = Callable[..., Any]

NUMBERS = np.random.default_rng(5).integers(-4, 5, (3, 4))
ARRAYS = {name: NUMBERS.astype(name) for name in ("f4", "i4", "i8", "f2", "f8")} | {"bool": NUMBERS > 0}


def built_in(error: BaseException) -> tuple[type[BaseException], ...]:
    """What of an error's class everybody catches."""
    if isinstance(error, np.exceptions.AxisError):
        return ValueError, IndexError
    return next((kind,) for kind in type(error).__mro__ if kind.__module__ == "builtins")


def agree(found: Any, expected: Any) -> None:
    if isinstance(expected, list | tuple):
        assert type(found) is type(expected)
        for one, other in zip(found, expected, strict=True):
            agree(one, other)
        return
    assert isinstance(found, dvm.Array), type(found)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    np.testing.assert_allclose(found.numpy(), expected, 1e-3 if found.dtype == np.float16 else 1e-6)


def both(function: Function, *arrays: Any) -> None:
    """The same results, or errors that the same handlers catch; and the same in the arrays afterwards."""
    lazy = [xp.asarray(array.copy()) if isinstance(array, np.ndarray) else array for array in arrays]
    plain = [array.copy() if isinstance(array, np.ndarray) else array for array in arrays]
    with np.errstate(all="ignore"):
        try:
            expected = function(*plain)
        except Exception as error:
            for kind in built_in(error):
                with pytest.raises(kind):
                    np.asarray(function(*lazy))
            return
        agree(function(*lazy), expected)
    for one, other in zip(lazy, plain, strict=True):
        if isinstance(other, np.ndarray):
            agree(one, other)


OPERATORS: dict[str, Function] = {
    name: getattr(operator, name) for name in ("lshift", "rshift", "ilshift", "irshift", "pow", "ipow", "eq", "ne")
} | {"divmod": divmod}
OTHERS: tuple[Any, ...] = (
    0,
    2,
    -1,
    3,
    True,
    2.0,
    -1.5,
    "text",
    None,
    np.int64(2),
    np.int64(-2),
    np.float32(2),
    np.bool_(True),
)


@pytest.mark.parametrize(("name", "dtype"), [pair for pair in product(OPERATORS, ARRAYS) if pair != ("ipow", "bool")])
def test_operators(name: str, dtype: str) -> None:
    """But for what is wrong in two ways, where NumPy looks at another one first."""
    function, array = OPERATORS[name], ARRAYS[dtype]
    for other in (*OTHERS, *ARRAYS.values(), array[0], array[:, :1]):
        both(function, array, other)
        if isinstance(other, int | float) and name[0] != "i":
            both(lambda a, other: function(other, a), array, other)


def test_a_product_in_place() -> None:
    square = NUMBERS[:, :3].astype("f4")
    for other in (square, square[0], ARRAYS["f4"]):
        both(operator.imatmul, square, other)
        both(operator.imatmul, square[0], other)


def test_what_does_not_compare_is_not_in_an_array() -> None:
    x = xp.asarray(ARRAYS["f4"])
    assert "text" not in x
    assert 99 not in x
    assert x.numpy()[0, 0] in x
    with pytest.raises(TypeError, match="unhashable"):
        hash(x)


METHODS: tuple[tuple[str, tuple[Any, ...], dict[str, Any]], ...] = (
    ("sum", (), {"where": NUMBERS > 0}), ("sum", (1, "i8"), {}), ("sum", (), {"initial": 3}), ("max", (0,), {"initial": 3}),
    ("min", (), {"where": NUMBERS > 0, "initial": 9}), ("mean", (0, "f8"), {}), ("mean", (), {"dtype": "f4"}),
    ("var", (0,), {"dtype": "f8"}), ("any", (), {"where": NUMBERS > 0}), ("prod", (7,), {}), ("clip", (), {"max": 1}), ("round", (1,), {}), ("take", ([9],), {"mode": "clip"}),
    ("take", ([0, 2], 1), {}), ("take", ([9],), {}), ("copy", ("F",), {}), ("astype", ("f4", "C", "safe"), {}),
    ("astype", ("i4",), {"casting": "unsafe", "copy": False}), ("reshape", (2, 6), {"order": "F"}), ("reshape", ((4, 3),), {"order": "A"}),
    ("reshape", (-1,), {"order": "x"}), ("flatten", ("F",), {}), ("ravel", ("K",), {}), ("ravel", ("F",), {}), ("squeeze", (1,), {}),
    ("transpose", (0,), {}), ("cumsum", (0,), {}), ("argsort", (), {"kind": "stable"}), ("repeat", (2,), {"axis": 1}), ("swapaxes", (0, 5), {}),
    ("fill", (2,), {}), ("fill", ([1, 2],), {}), ("sum", ("text",), {}), ("max", (), {"axis": 5}), ("byteswap", (), {}),
)  # fmt: skip


@pytest.mark.parametrize("dtype", ["f4", "i4", "bool"])
@pytest.mark.parametrize(("name", "arguments", "options"), METHODS, ids=str)
def test_methods_with_options(dtype: str, name: str, arguments: Any, options: Any) -> None:
    def function(a: Any) -> Any:
        found = getattr(a, name)(*arguments, **options)
        return a if found is None else found + 0 if found.ndim == 0 else found

    both(function, ARRAYS[dtype])


@pytest.mark.parametrize("of", ["f4", "i4", "i8", "bool"])
@pytest.mark.parametrize(
    "name", ["sum", "prod", "max", "min", "any", "all", "mean", "std", "cumsum", "argmax", "round", "clip"]
)
def test_methods_that_write_where_out_says(name: str, of: str) -> None:
    array = ARRAYS[of] if name != "mean" else ARRAYS["f4"]
    first = {"round": (0,), "clip": (-1, 1)}.get(name, (0,))
    shape = getattr(array, name)(*first).shape
    for out in (np.zeros(shape, kind) for kind in ("f4", "i8", "bool")):
        for into in (out, np.zeros((2, *shape), out.dtype)[:, :1]):
            both(lambda a, out: getattr(a, name)(*first, out=out), array, into)
            both(lambda a, out: getattr(np, name)(a, *first, out=out), array, into)
    lazy, target = xp.asarray(array), xp.asarray(np.zeros(shape, getattr(array, name)(*first).dtype))
    assert getattr(lazy, name)(*first, out=target) is target
    both(lambda a, out: np.max(a, 0, out), array, np.zeros(4, array.dtype))  # by its place
    both(lambda a: np_any.max(a, 0, 7), array)


def test_a_ufunc_with_two_results_of_which_one_is_written() -> None:
    both(np.frexp, ARRAYS["f4"], np.zeros((3, 4), "f4"))
    both(lambda a, out: np_any.modf(a, out=(None, out)), ARRAYS["f4"], np.zeros((3, 4), "f4"))


VIEWS: dict[str, Function] = {
    "flip": np.flip, "flipud": np.flipud, "rot90": np.rot90, "split": lambda a: np.split(a, 2, axis=1)[1], "diagonal": np.diagonal,
    "hsplit": lambda a: np.hsplit(a, 4)[2], "a.diagonal": lambda a: a.diagonal(0), "diag": np.diag, "real": lambda a: a.real,
    "einsum": lambda a: np.einsum("ij->ji", a), "atleast_3d": np.atleast_3d, "reshape F": lambda a: a.reshape(-1, order="F"),
    "ravel K": lambda a: a.T.ravel("K"), "reshape A": lambda a: a.T.reshape(2, 6, order="A"), "negative step": lambda a: a[::-2, ::-1],
    "window": lambda a: np.lib.stride_tricks.sliding_window_view(a, 2, 0), "rollaxis": lambda a: np.rollaxis(a, 1),
    "of a view": lambda a: np.flip(a.T[1:]), "flip twice": lambda a: np.flip(np.flip(a[1:])), "True": lambda a: a[True],
}  # fmt: skip


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("known", [True, False])
def test_views_that_numpy_makes_see_what_is_written(name: str, known: bool) -> None:
    def function(a: Any) -> Any:
        a = a if known else a + 1
        view = VIEWS[name](a)
        a[0] = 7
        written = a[...] + 0  # the part of it that both show
        view += 1
        view[..., -1] = view[..., 0] * 2
        a *= 3
        return view + 0, a, written

    both(function, ARRAYS["f4"])


def test_a_view_that_numpy_makes_outlives_the_array(monkeypatch: pytest.MonkeyPatch) -> None:
    view = np.flip((xp.asarray(ARRAYS["f4"]) + 1)[1:])
    view[0] = 5
    view += view
    expected = np.flip((ARRAYS["f4"] + 1)[1:])
    expected[0] = 5
    np.testing.assert_array_equal(view, expected + expected)


def test_results_in_named_tuples() -> None:
    found = np.linalg.slogdet(xp.asarray(np.eye(3)))
    assert type(found).__name__ == "SlogdetResult"
    assert isinstance(found.sign, dvm.Array)


@pytest.mark.parametrize(
    "index", [3, -4, (0, 9), (0, 0, 0), np.array([9]), [0, -9], np.array([1.5]), np.bool_(True), True], ids=str
)
def test_indices(index: Any) -> None:
    both(lambda a: a[index], ARRAYS["f4"])
    both(lambda a: a[0, ...][np.array([7])], ARRAYS["f4"])


def test_errors_of_indices_and_axes_are_index_errors() -> None:
    x = xp.asarray(ARRAYS["f4"])
    for function in (lambda: x[5], lambda: x.sum(axis=2), lambda: x[0, 0, 0], lambda: xp.stack([x], 7)):
        with pytest.raises(dvm.AxisError) as caught:
            function()
        assert isinstance(caught.value, IndexError)
        assert isinstance(caught.value, dvm.ShapeError)
    with pytest.raises(IndexError, match="index 9 is out of range for a dim of 3") as found:
        x[xp.asarray([9])].numpy()
    assert isinstance(found.value, dvm.BoundsError)


@pytest.mark.parametrize("name", ["resize", "setflags", "setfield", "data", "ctypes"])
def test_what_would_change_a_copy_alone_is_refused(name: str) -> None:
    with pytest.raises(AttributeError, match=name):
        getattr(xp.asarray(ARRAYS["f4"]), name)


def test_assignments_that_numpy_refuses() -> None:
    for value in (1j, "text", None, [1, 2], np.zeros((3, 3))):
        for index in (..., slice(None), 0, (slice(None), 1)):
            both(lambda a, value=value, index=index: (operator.setitem(a, index, value), a)[1], ARRAYS["f4"])


def test_one_value_of_an_array_everywhere() -> None:
    both(lambda a: np.full_like(a, 2.5), ARRAYS["i4"])
    both(lambda a: np.full_like(a, np.arange(4)), ARRAYS["f4"])
    both(lambda a: np.full_like(a, np.float64(2.5)), ARRAYS["f4"])
    both(lambda a: np.full_like(a, None), ARRAYS["i4"])
    found = xp.full((2, 2), xp.asarray(np.arange(2, dtype=np.int32)), np.float32)
    found += 1.0
    np.testing.assert_array_equal(found, [[1, 2], [1, 2]])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_degrees_of_freedom_beyond_the_elements() -> None:
    both(lambda a: np.var(a, ddof=5, axis=0), ARRAYS["f4"])
    both(lambda a: a.std(ddof=1), np.zeros((0, 3), "f4"))


def test_bytes() -> None:
    assert bytes(xp.asarray(ARRAYS["i4"])) == bytes(ARRAYS["i4"])
