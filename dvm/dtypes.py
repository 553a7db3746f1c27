"""The element types that DVM computes with, as NumPy's: `dvm.float32` is `numpy.dtype("float32")`."""

from vm.isa import ElementType
from vm.tiles import DTYPES

bool_ = DTYPES[ElementType.I1]
float16 = DTYPES[ElementType.F16]
bfloat16 = DTYPES[ElementType.BF16]
"""That of the package `ml_dtypes`."""
float32 = DTYPES[ElementType.F32]
int32 = DTYPES[ElementType.I32]
int64 = DTYPES[ElementType.I64]
