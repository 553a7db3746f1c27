"""The array API namespace: names of the standard, creation, element types, inspection, and what is left to NumPy."""

from typing import Any

import ml_dtypes
import numpy as np
import pytest

import dvm

ONE: Any = dvm.asarray(np.zeros(1, np.float32))
xp: Any = ONE.__array_namespace__()

STANDARD = [
    "abs",
    "acos",
    "acosh",
    "add",
    "all",
    "any",
    "arange",
    "argmax",
    "argmin",
    "argsort",
    "asarray",
    "asin",
    "asinh",
    "astype",
    "atan",
    "atan2",
    "atanh",
    "bitwise_and",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "broadcast_arrays",
    "broadcast_to",
    "can_cast",
    "ceil",
    "clip",
    "concat",
    "conj",
    "copysign",
    "cos",
    "cosh",
    "count_nonzero",
    "cumulative_prod",
    "cumulative_sum",
    "diff",
    "divide",
    "e",
    "empty",
    "empty_like",
    "equal",
    "exp",
    "expand_dims",
    "expm1",
    "eye",
    "finfo",
    "flip",
    "floor",
    "floor_divide",
    "from_dlpack",
    "full",
    "full_like",
    "greater",
    "greater_equal",
    "hypot",
    "iinfo",
    "imag",
    "inf",
    "isdtype",
    "isfinite",
    "isinf",
    "isnan",
    "less",
    "less_equal",
    "linspace",
    "log",
    "log10",
    "log1p",
    "log2",
    "logaddexp",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "matmul",
    "matrix_transpose",
    "max",
    "maximum",
    "mean",
    "meshgrid",
    "min",
    "minimum",
    "moveaxis",
    "multiply",
    "nan",
    "negative",
    "newaxis",
    "nextafter",
    "nonzero",
    "not_equal",
    "ones",
    "ones_like",
    "permute_dims",
    "pi",
    "positive",
    "pow",
    "prod",
    "real",
    "reciprocal",
    "remainder",
    "repeat",
    "reshape",
    "result_type",
    "roll",
    "round",
    "searchsorted",
    "sign",
    "signbit",
    "sin",
    "sinh",
    "sort",
    "sqrt",
    "square",
    "squeeze",
    "stack",
    "std",
    "subtract",
    "sum",
    "take",
    "take_along_axis",
    "tan",
    "tanh",
    "tensordot",
    "tile",
    "tril",
    "triu",
    "trunc",
    "unique_all",
    "unique_counts",
    "unique_inverse",
    "unique_values",
    "unstack",
    "var",
    "vecdot",
    "where",
    "zeros",
    "zeros_like",
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float32",
    "float64",
    "complex64",
    "complex128",
    "__array_namespace_info__",
    "__array_api_version__",
]


def floats(*shape: int) -> Any:
    return np.random.default_rng(2).random(shape, np.float32)


@pytest.mark.parametrize("name", STANDARD)
def test_the_standard_is_there(name: str) -> None:
    assert hasattr(xp, name)
    assert name in dir(xp) or name.startswith("__")


def test_what_is_not_in_the_standard_is_not_there() -> None:
    assert not hasattr(xp, "hanning")
    with pytest.raises(ValueError, match=r"2024\.12"):
        ONE.__array_namespace__(api_version="2099.12")
    assert ONE.__array_namespace__(api_version="2022.12") is xp


@pytest.mark.parametrize(
    "name", ["acos", "expm1", "log1p", "sinh", "tan", "argsort", "argmax", "cumulative_sum", "signbit", "unique_values"]
)
def test_numpy_does_what_dvm_has_not(name: str) -> None:
    x = floats(5)
    found = getattr(xp, name)(xp.asarray(x))
    assert isinstance(found, dvm.Array)
    np.testing.assert_array_equal(found, getattr(np, name)(x))


@pytest.mark.parametrize("dtype", ["bool", "int8", "int32", "int64", "uint16", "float32", "float64", "complex64"])
def test_creation_in_each_type(dtype: str) -> None:
    target = np.dtype(dtype)
    for name, arguments in (("zeros", ((2, 3),)), ("ones", (3,)), ("full", ((2,), 1)), ("eye", (3, 2))):
        found = getattr(xp, name)(*arguments, dtype=getattr(xp, dtype), device="cpu")
        assert found.dtype == target
        np.testing.assert_array_equal(found, getattr(np, name)(*arguments, dtype=target))
    like = xp.asarray(np.ones((2, 2), target))
    for name in ("zeros_like", "ones_like"):
        found = getattr(xp, name)(like)
        assert found.dtype == target
        np.testing.assert_array_equal(found, getattr(np, name)(np.ones((2, 2), target)))
    if dtype != "bool":
        np.testing.assert_array_equal(xp.arange(2, 8, 3, dtype=target), np.arange(2, 8, 3, dtype=target))


def test_default_types() -> None:
    assert xp.zeros(2).dtype == xp.ones(2).dtype == xp.empty(2).dtype == np.float32
    assert xp.asarray([1.0, 2.0]).dtype == xp.asarray(0.5).dtype == xp.linspace(0, 1, 3).dtype == np.float32
    assert xp.asarray([1, 2]).dtype == xp.arange(3).dtype == xp.full(2, 3).dtype == np.int64
    assert xp.asarray([True]).dtype == xp.full(2, False).dtype == np.bool_
    assert xp.asarray(np.zeros(2)).dtype == np.float64
    assert xp.full(2, 1.5).dtype == np.float32
    assert xp.arange(0.0, 1.0, 0.25).dtype == np.float32
    np.testing.assert_array_equal(xp.linspace(0, 1, 5), np.linspace(0, 1, 5, dtype=np.float32))
    np.testing.assert_array_equal(xp.eye(3, 4, k=1), np.eye(3, 4, 1))


def test_there_is_one_device() -> None:
    x = xp.asarray(floats(2))
    assert x.device == "cpu"
    assert x.to_device("cpu") is x
    for refused in (lambda: xp.zeros(2, device="gpu"), lambda: x.to_device("gpu"), lambda: xp.asarray(1, device="tpu")):
        with pytest.raises(dvm.DvmError, match="device"):
            refused()


def test_copies_are_refused_where_one_is_needed() -> None:
    x = xp.asarray(floats(3))
    assert xp.asarray(x) is x
    copied = xp.asarray(x, copy=True)
    copied[0] = 9.0
    np.testing.assert_array_equal(x, floats(3))
    with pytest.raises(ValueError, match="without a copy"):
        xp.asarray(x, dtype=xp.int32, copy=False)


def test_element_types() -> None:
    assert xp.isdtype(xp.float32, "real floating")
    assert xp.isdtype(np.dtype(ml_dtypes.bfloat16), "real floating")
    assert xp.isdtype(xp.int8, ("bool", "signed integer"))
    assert xp.isdtype(xp.uint8, "integral")
    assert not xp.isdtype(xp.bool, "numeric")
    assert not xp.isdtype(xp.float64, xp.float32)
    assert xp.result_type(xp.asarray(floats(2)), xp.int64) == np.result_type(np.float32, np.int64)
    assert xp.result_type(xp.asarray(floats(2)), 1.0) == np.float32
    assert xp.can_cast(xp.asarray(floats(2)), xp.float64)
    assert not xp.can_cast(xp.float32, xp.bool)
    assert xp.finfo(xp.float32).eps == np.finfo(np.float32).eps
    assert float(xp.finfo(xp.bfloat16).max) == float(ml_dtypes.finfo(ml_dtypes.bfloat16).max)
    assert xp.iinfo(xp.int32).max == 2**31 - 1


def test_inspection() -> None:
    info = xp.__array_namespace_info__()
    assert info.devices() == [info.default_device()] == ["cpu"]
    assert info.default_dtypes()["real floating"] == np.float32
    assert info.dtypes(kind="bool") == {"bool": np.dtype(bool)}
    assert set(info.dtypes(kind=("real floating", "unsigned integer"))) == {
        "float32", "float64", "uint8", "uint16", "uint32", "uint64",
    }  # fmt: skip
    assert len(info.dtypes()) == 13
    assert info.capabilities()["boolean indexing"]


def test_functions_with_other_options_in_the_standard() -> None:
    x = floats(4, 5)
    lazy = xp.asarray(x)
    for name in ("max", "min", "mean", "sum", "prod", "any", "all"):
        found = getattr(xp, name)(lazy, axis=1, keepdims=True)
        np.testing.assert_allclose(found, getattr(np, name)(x, axis=1, keepdims=True), 1e-6)
    for correction in (0, 1, 0.5):
        np.testing.assert_allclose(xp.var(lazy, axis=0, correction=correction), np.var(x, 0, ddof=correction), 1e-5)
        np.testing.assert_allclose(xp.std(lazy, correction=correction), np.std(x, ddof=correction), 1e-5)
    np.testing.assert_allclose(xp.pow(lazy, 2), x**2, 1e-6)
    np.testing.assert_array_equal(xp.permute_dims(lazy, (1, 0)), x.T)
    np.testing.assert_array_equal(xp.flip(lazy), x[::-1, ::-1])
    np.testing.assert_array_equal(xp.flip(lazy, axis=-1), x[:, ::-1])
    for found, expected in zip(xp.unstack(lazy, axis=1), x.T, strict=True):
        np.testing.assert_array_equal(found, expected)
    mask = xp.asarray(np.array([True, False]))
    np.testing.assert_array_equal(xp.bitwise_invert(mask), [False, True])
    np.testing.assert_array_equal(xp.bitwise_xor(mask, mask), [False, False])
    np.testing.assert_array_equal(xp.from_dlpack(x), x)
