"""The dvm dialect: the operator graph, functions on ranked tensors whose dims are static or symbolic.

Operations are pure functions from tensors to one tensor. The element types are i1, f16, bf16, f32, i32 and i64; the
operands of one binary operation have the same, and broadcast as in NumPy. A dynamic dim is `?` in the type, named in
the encoding: `tensor<?x1024xf32, #dvm.sym<["s0", "1024"]>>`. Attributes of a function carry what is known of its dims:

- `dvm.at_least = {s0 = 2}`: lower bounds of symbols, promised by the author and checked at bind
- `dvm.facts`: an array of `#dvm.fact`, what bind must check (written by `dvm-deduce-shapes`)
- `dvm.reasons`: for each argument and dim the operation that proved it to be what its type says, or ""
- `dvm.arg_names`, `dvm.result_names`: what the caller calls them

The operations are defined in the `dvm_*` files beside this one, which is the one to import.
"""

from xdsl.ir import Dialect

from dvm_dialects.dvm_base import DvmOp
from dvm_dialects.dvm_composite import GeluOp, LayerNormOp, RmsNormOp, SoftmaxOp
from dvm_dialects.dvm_contraction import GroupedMatmulOp, MatmulOp
from dvm_dialects.dvm_elementwise import (
    BinaryOp,
    BinaryScalarOp,
    BroadcastOp,
    BroadcastScalarOp,
    CastOp,
    ConstantOp,
    CopyOp,
    LoadOp,
    SelectOp,
    StoreOp,
    UnaryOp,
)
from dvm_dialects.dvm_shaping import (
    ConcatOp,
    ElemAnyOp,
    GatherOp,
    IotaOp,
    OneHotOp,
    PadOp,
    ReduceOp,
    ReshapeOp,
    SizeOp,
    SliceOp,
    TransposeOp,
)
from dvm_dialects.shapes import FactAttr, SymAttr, dims_of, element_of, mlir_type, tensor_of

__all__ = [
    "BinaryOp",
    "BinaryScalarOp",
    "BroadcastOp",
    "BroadcastScalarOp",
    "CastOp",
    "ConcatOp",
    "ConstantOp",
    "CopyOp",
    "Dvm",
    "DvmOp",
    "ElemAnyOp",
    "FactAttr",
    "GatherOp",
    "GeluOp",
    "GroupedMatmulOp",
    "IotaOp",
    "LayerNormOp",
    "LoadOp",
    "MatmulOp",
    "OneHotOp",
    "PadOp",
    "ReduceOp",
    "ReshapeOp",
    "RmsNormOp",
    "SelectOp",
    "SizeOp",
    "SliceOp",
    "SoftmaxOp",
    "StoreOp",
    "SymAttr",
    "TransposeOp",
    "UnaryOp",
    "dims_of",
    "element_of",
    "mlir_type",
    "tensor_of",
]

Dvm = Dialect(
    "dvm",
    [
        LoadOp,
        StoreOp,
        CopyOp,
        ConstantOp,
        UnaryOp,
        BinaryOp,
        BinaryScalarOp,
        SelectOp,
        CastOp,
        BroadcastOp,
        BroadcastScalarOp,
        ReduceOp,
        ReshapeOp,
        TransposeOp,
        SliceOp,
        ConcatOp,
        PadOp,
        GatherOp,
        IotaOp,
        SizeOp,
        OneHotOp,
        ElemAnyOp,
        MatmulOp,
        GroupedMatmulOp,
        SoftmaxOp,
        LayerNormOp,
        RmsNormOp,
        GeluOp,
    ],
    [SymAttr, FactAttr],
)
