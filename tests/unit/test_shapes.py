"""What tensor types say, which is remembered for each type that is alive."""

import pytest
from xdsl.dialects.builtin import TensorType, f32, f64
from xdsl.utils.exceptions import VerifyException

from dvm_dialects.dims import Dim
from dvm_dialects.shapes import dims_of, element_of, tensor_of
from vm.isa import ElementType


def test_a_type_at_the_address_of_one_that_is_gone_has_dims_of_its_own() -> None:
    for size in range(10_000):
        assert dims_of(TensorType(f32, [size])) == (Dim.constant(size),)


def test_equal_types_say_the_same() -> None:
    dims = (Dim.symbol("n"), Dim.constant(3))
    one = tensor_of(ElementType.F16, dims)
    other = TensorType(one.element_type, one.shape, one.encoding)
    assert one is not other
    assert dims_of(one) == dims_of(other) == dims
    assert element_of(one) is element_of(other) is ElementType.F16


def test_what_is_refused_is_refused_each_time() -> None:
    refused = TensorType(f64, [2])
    for _ in range(2):
        with pytest.raises(VerifyException, match="f64 is not an element type of dvm"):
            element_of(refused)
