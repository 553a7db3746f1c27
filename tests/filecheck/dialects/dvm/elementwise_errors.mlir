// RUN: dvm-opt %s --verify-diagnostics --parsing-diagnostics --split-input-file | filecheck %s

// Load, store and copy.
%a = "test.op"() : () -> tensor<4xf32>
// CHECK: dvm.load: dim 0 of the result must be 4, but the result is tensor<5xf32>
%0 = dvm.load %a : tensor<4xf32> -> tensor<5xf32>

// -----

%a = "test.op"() : () -> tensor<4xf32>
// CHECK: dvm.store: the result must have rank 1, but is tensor<4x1xf32>
%0 = dvm.store %a : tensor<4xf32> -> tensor<4x1xf32>

// -----

%a = "test.op"() : () -> tensor<4xf32>
// CHECK: dvm.copy: the result must be of f32, but is tensor<4xi32>
%0 = dvm.copy %a : tensor<4xf32> -> tensor<4xi32>

// -----

// Unary.
%a = "test.op"() : () -> tensor<4xf32>
// CHECK: dvm.unary Cbrt: 'Cbrt' is not one of Sqrt, Abs, Log, Exp, Reciprocal, IsFinite, LogicalNot, Round, Floor, Ceil, Trunc, Neg, Rsqrt, Tanh, Erf, Sigmoid, Sin, Cos
%0 = dvm.unary Cbrt %a : tensor<4xf32> -> tensor<4xf32>

// -----

%a = "test.op"() : () -> tensor<4xi32>
// CHECK: dvm.unary Sqrt: the operand must be of f16, bf16, f32, but is tensor<4xi32>
%0 = dvm.unary Sqrt %a : tensor<4xi32> -> tensor<4xi32>

// -----

%a = "test.op"() : () -> tensor<4xi1>
// CHECK: dvm.unary Abs: the operand must be of f16, bf16, f32, i32, i64, but is tensor<4xi1>
%0 = dvm.unary Abs %a : tensor<4xi1> -> tensor<4xi1>

// -----

%a = "test.op"() : () -> tensor<4xf32>
// CHECK: dvm.unary LogicalNot: the operand must be of i1, but is tensor<4xf32>
%0 = dvm.unary LogicalNot %a : tensor<4xf32> -> tensor<4xf32>

// -----

%a = "test.op"() : () -> tensor<4xf32>
// CHECK: dvm.unary IsFinite: the result must be of i1, but is tensor<4xf32>
%0 = dvm.unary IsFinite %a : tensor<4xf32> -> tensor<4xf32>

// -----

// Binary.
%a = "test.op"() : () -> tensor<4xf32>
%b = "test.op"() : () -> tensor<4xf32>
// CHECK: dvm.binary Mod: 'Mod' is not one of Equal, NotEqual, Greater, GreaterEqual, Less, LessEqual, Add, Sub, Mul, Div, Pow, Maximum, Minimum, LogicalAnd, LogicalOr
%0 = dvm.binary Mod %a, %b : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>

// -----

%a = "test.op"() : () -> tensor<4xi32>
%b = "test.op"() : () -> tensor<4xi32>
// CHECK: dvm.binary Div: 'lhs' must be of f16, bf16, f32, but is tensor<4xi32>
%0 = dvm.binary Div %a, %b : tensor<4xi32>, tensor<4xi32> -> tensor<4xi32>

// -----

%a = "test.op"() : () -> tensor<4xi1>
%b = "test.op"() : () -> tensor<4xi1>
// CHECK: dvm.binary Add: 'lhs' must be of f16, bf16, f32, i32, i64, but is tensor<4xi1>
%0 = dvm.binary Add %a, %b : tensor<4xi1>, tensor<4xi1> -> tensor<4xi1>

// -----

%a = "test.op"() : () -> tensor<4xi32>
%b = "test.op"() : () -> tensor<4xi32>
// CHECK: dvm.binary LogicalAnd: 'lhs' must be of i1, but is tensor<4xi32>
%0 = dvm.binary LogicalAnd %a, %b : tensor<4xi32>, tensor<4xi32> -> tensor<4xi32>

// -----

%a = "test.op"() : () -> tensor<4xf32>
%b = "test.op"() : () -> tensor<4xf16>
// CHECK: dvm.binary Add: operands must have one element type, but 'lhs' is tensor<4xf32> and 'rhs' is tensor<4xf16>
%0 = dvm.binary Add %a, %b : tensor<4xf32>, tensor<4xf16> -> tensor<4xf32>

// -----

%a = "test.op"() : () -> tensor<2x3xf32>
%b = "test.op"() : () -> tensor<2x4xf32>
// CHECK: dvm.binary Add: dim 1 of 'lhs' and 'rhs': 3 and 4 do not broadcast (tensor<2x3xf32>, tensor<2x4xf32>)
%0 = dvm.binary Add %a, %b : tensor<2x3xf32>, tensor<2x4xf32> -> tensor<2x4xf32>

// -----

%a = "test.op"() : () -> tensor<2x3xf32>
%b = "test.op"() : () -> tensor<3xf32>
// CHECK: dvm.binary Add: the result must have rank 2, but is tensor<3xf32>
%0 = dvm.binary Add %a, %b : tensor<2x3xf32>, tensor<3xf32> -> tensor<3xf32>

// -----

%a = "test.op"() : () -> tensor<2x1xf32>
%b = "test.op"() : () -> tensor<3xf32>
// CHECK: dvm.binary Add: dim 1 of the result must be 3, but the result is tensor<2x1xf32>
%0 = dvm.binary Add %a, %b : tensor<2x1xf32>, tensor<3xf32> -> tensor<2x1xf32>

// -----

%a = "test.op"() : () -> tensor<4xf32>
%b = "test.op"() : () -> tensor<4xf32>
// CHECK: dvm.binary Less: the result must be of i1, but is tensor<4xf32>
%0 = dvm.binary Less %a, %b : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>

// -----

%a = "test.op"() : () -> tensor<?xf32, #dvm.sym<["s0"]>>
%b = "test.op"() : () -> tensor<1xf32>
// CHECK: dvm.binary Add: dim 0 of the result must be s0, but the result is tensor<?xf32, #dvm.sym<["s0 + 1"]>>
%0 = dvm.binary Add %a, %b : tensor<?xf32, #dvm.sym<["s0"]>>, tensor<1xf32> -> tensor<?xf32, #dvm.sym<["s0 + 1"]>>

// -----

// Binary with a scalar.
%a = "test.op"() : () -> tensor<4xi32>
// CHECK: dvm.binary_scalar Add: 'scalar' is 1.5 : f32, which is not a value of i32
%0 = dvm.binary_scalar Add %a, 1.5 : tensor<4xi32>, f32 -> tensor<4xi32>

// -----

%a = "test.op"() : () -> tensor<4xi32>
// CHECK: dvm.binary_scalar Add: 'scalar' is 4294967296 : i64, which is not a value of i32
%0 = dvm.binary_scalar Add %a, 4294967296 : tensor<4xi32>, i64 -> tensor<4xi32>

// -----

%a = "test.op"() : () -> tensor<4xi1>
// CHECK: dvm.binary_scalar Equal: 'scalar' is 2 : i32, which is not a value of i1
%0 = dvm.binary_scalar Equal %a, 2 : tensor<4xi1>, i32 -> tensor<4xi1>

// -----

%a = "test.op"() : () -> tensor<4xi32>
// CHECK: dvm.binary_scalar Add: 'scalar' is inf : f32, which is not a value of i32
%0 = dvm.binary_scalar Add %a, 0x7F800000 : tensor<4xi32>, f32 -> tensor<4xi32>

// -----

%a = "test.op"() : () -> tensor<4xi32>
// CHECK: dvm.binary_scalar Div: the operand must be of f16, bf16, f32, but is tensor<4xi32>
%0 = dvm.binary_scalar Div 1, %a : i32, tensor<4xi32> -> tensor<4xi32>

// -----

%a = "test.op"() : () -> tensor<4xf32>
// CHECK: 1.5 is not a value of type i32
%0 = dvm.binary_scalar Add %a, 1.5 : tensor<4xf32>, i32 -> tensor<4xf32>

// -----

%a = "test.op"() : () -> tensor<4xf32>
// CHECK: 1000000.0 is not a value of type f16
%0 = dvm.binary_scalar Add %a, 1.0e+06 : tensor<4xf32>, f16 -> tensor<4xf32>

// -----

%a = "test.op"() : () -> tensor<4xf32>
// CHECK: 3 is not a value of type i8
%0 = dvm.binary_scalar Add %a, 3 : tensor<4xf32>, i8 -> tensor<4xf32>

// -----

// Select.
%a = "test.op"() : () -> tensor<4xf32>
%b = "test.op"() : () -> tensor<4xf32>
%c = "test.op"() : () -> tensor<4xf32>
// CHECK: dvm.select: 'condition' must be of i1, but is tensor<4xf32>
%0 = dvm.select %a, %b, %c : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>

// -----

%a = "test.op"() : () -> tensor<4xi1>
%b = "test.op"() : () -> tensor<4xf32>
%c = "test.op"() : () -> tensor<4xi32>
// CHECK: dvm.select: operands must have one element type, but 'on_true' is tensor<4xf32> and 'on_false' is tensor<4xi32>
%0 = dvm.select %a, %b, %c : (tensor<4xi1>, tensor<4xf32>, tensor<4xi32>) -> tensor<4xf32>

// -----

%a = "test.op"() : () -> tensor<4xi1>
%b = "test.op"() : () -> tensor<5xf32>
%c = "test.op"() : () -> tensor<1xf32>
// CHECK: dvm.select: dim 0 of 'condition' and 'on_true': 4 and 5 do not broadcast (tensor<4xi1>, tensor<5xf32>, tensor<1xf32>)
%0 = dvm.select %a, %b, %c : (tensor<4xi1>, tensor<5xf32>, tensor<1xf32>) -> tensor<4xf32>

// -----

// Cast.
%a = "test.op"() : () -> tensor<4xf32>
// CHECK: dvm.cast: type 'Float64' is not one of Bool, Float16, BFloat16, Float32, Int32, Int64
%0 = dvm.cast %a type Float64 : tensor<4xf32> -> tensor<4xf32>

// -----

%a = "test.op"() : () -> tensor<4xf32>
// CHECK: dvm.cast: the result must be of i32, but is tensor<4xi64>
%0 = dvm.cast %a type Int32 : tensor<4xf32> -> tensor<4xi64>

// -----

// Broadcast.
%a = "test.op"() : () -> tensor<2x4xf32>
// CHECK: dvm.broadcast: 'shape' has 1 entries, fewer than the dims of tensor<2x4xf32>
%0 = dvm.broadcast %a shape [4] : tensor<2x4xf32> -> tensor<4xf32>

// -----

%a = "test.op"() : () -> tensor<2xf32>
// CHECK: dvm.broadcast: dim 0 of the operand and entry 1 of 'shape': 2 and 3 do not broadcast (tensor<2xf32>)
%0 = dvm.broadcast %a shape [4, 3] : tensor<2xf32> -> tensor<4x3xf32>

// -----

%a = "test.op"() : () -> tensor<2xf32>
// CHECK: dvm.broadcast: 'shape' has the negative entry -1
%0 = dvm.broadcast %a shape [4, -1] : tensor<2xf32> -> tensor<4x2xf32>

// -----

%a = "test.op"() : () -> tensor<2xf32>
// CHECK: dvm.broadcast: dim 0 of the result must be 4, but the result is tensor<8x2xf32>
%0 = dvm.broadcast %a shape [4, 2] : tensor<2xf32> -> tensor<8x2xf32>

// -----

%a = "test.op"() : () -> tensor<2xf32>
// CHECK: dvm.broadcast: dim 0 of the operand and entry 1 of 'shape': 2 and 1 are never equal (tensor<2xf32>)
%0 = dvm.broadcast %a shape [4, 1] : tensor<2xf32> -> tensor<4x1xf32>

// -----

// CHECK: dvm.broadcast_scalar: 'scalar' is 1.5 : f32, which is not a value of i32
%0 = dvm.broadcast_scalar 1.5 shape [4] type Int32 : f32 -> tensor<4xi32>

// -----

// CHECK: dvm.broadcast_scalar: type 'Int' is not one of Bool, Float16, BFloat16, Float32, Int32, Int64
%0 = dvm.broadcast_scalar 1 shape [4] type Int : i32 -> tensor<4xi32>

// -----

// CHECK: 's0 $ 2' is not a dim: unexpected '$'
%0 = dvm.broadcast_scalar 1 shape ["s0 $ 2"] type Int32 : i32 -> tensor<?xi32>

// -----

// CHECK: dvm.constant: the result: tensor<4xi8>: i8 is not an element type of dvm (i1, f16, bf16, f32, i32, i64)
%0 = dvm.constant dense<1> : tensor<4xi8>

// -----

// CHECK: attribute tensor<5xi32> expected from variable 'T', but got tensor<4xi32>
%0 = "dvm.constant"() <{value = dense<1> : tensor<4xi32>}> : () -> tensor<5xi32>

// -----

// CHECK: elementwise_errors.mlir:{{[0-9]+}}:24
// CHECK: 0x17F800000 has more bits than f32
%0 = dvm.constant dense<[0x7F800000, 0x17F800000]> : tensor<2xf32>

// -----

// CHECK: elementwise_errors.mlir:{{[0-9]+}}:24
// CHECK: 0x1FFFF has more bits than f16
%0 = dvm.constant dense<0x1FFFF> : tensor<2xf16>

// -----

// CHECK: elementwise_errors.mlir:{{[0-9]+}}:24
// CHECK: an element is beyond the range of its type
%0 = dvm.constant dense<1.0e+30> : tensor<2xf16>

// -----

// CHECK: elementwise_errors.mlir:{{[0-9]+}}:24
// CHECK: Integer value 2 is out of range for type i1
%0 = dvm.constant dense<2> : tensor<2xi1>

// -----

// CHECK: elementwise_errors.mlir:{{[0-9]+}}:1
// CHECK: a float is beyond the range of its type
"test.op"() {value = 1.0e+30 : f16} : () -> ()

// -----

// CHECK: elementwise_errors.mlir:{{[0-9]+}}:1
// CHECK: a float is beyond the range of its type
"test.op"() {value = -1.0e+39 : bf16} : () -> ()

// -----

%a = "test.op"() : () -> tensor<2xf32>
// CHECK: dvm.broadcast: 'shape': 'n +' is not a dim: it ends too early
%0 = "dvm.broadcast"(%a) <{shape = ["n +"]}> : (tensor<2xf32>) -> tensor<?xf32>
