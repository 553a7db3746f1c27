// RUN: dvm-opt %s --verify-diagnostics --parsing-diagnostics --split-input-file | filecheck %s

// The tensors of the operator graph.
%a = "test.op"() : () -> tensor<4xf64>
// CHECK: dvm.copy: the operand: tensor<4xf64>: f64 is not an element type of dvm (i1, f16, bf16, f32, i32, i64)
%0 = dvm.copy %a : tensor<4xf64> -> tensor<4xf64>

// -----

%a = "test.op"() : () -> tensor<4xi8>
// CHECK: dvm.copy: the operand: tensor<4xi8>: i8 is not an element type of dvm (i1, f16, bf16, f32, i32, i64)
%0 = dvm.copy %a : tensor<4xi8> -> tensor<4xi8>

// -----

%a = "test.op"() : () -> tensor<1x1x1x1x1x1x1x1x1xf32>
// CHECK: dvm.copy: the operand: tensor<1x1x1x1x1x1x1x1x1xf32> has rank 9, more than 8
%0 = dvm.copy %a : tensor<1x1x1x1x1x1x1x1x1xf32> -> tensor<1x1x1x1x1x1x1x1x1xf32>

// -----

%a = "test.op"() : () -> tensor<*xf32>
// CHECK: tensor<*xf32> should be of base attribute tensor
%0 = dvm.copy %a : tensor<*xf32> -> tensor<*xf32>

// -----

%a = "test.op"() : () -> tensor<4xf32>
// CHECK: dvm.copy: the result: tensor<4xf64>: f64 is not an element type of dvm (i1, f16, bf16, f32, i32, i64)
%0 = dvm.copy %a : tensor<4xf32> -> tensor<4xf64>

// -----

// The encoding.
%a = "test.op"() : () -> tensor<?xf32, #dvm.sym<["s0", "4"]>>
// CHECK: dvm.copy: the operand: tensor<?xf32, #dvm.sym<["s0", "4"]>>: the encoding names 2 dims, but the tensor has 1
%0 = dvm.copy %a : tensor<?xf32, #dvm.sym<["s0", "4"]>> -> tensor<?xf32>

// -----

%a = "test.op"() : () -> tensor<?xf32, #dvm.sym<["4"]>>
// CHECK: dvm.copy: the operand: tensor<?xf32, #dvm.sym<["4"]>>: dim 0 is '4' in the encoding, but ? in the type
%0 = dvm.copy %a : tensor<?xf32, #dvm.sym<["4"]>> -> tensor<?xf32>

// -----

%a = "test.op"() : () -> tensor<4xf32, #dvm.sym<["s0"]>>
// CHECK: dvm.copy: the operand: tensor<4xf32, #dvm.sym<["s0"]>>: dim 0 is 's0' in the encoding, but 4 in the type
%0 = dvm.copy %a : tensor<4xf32, #dvm.sym<["s0"]>> -> tensor<?xf32>

// -----

%a = "test.op"() : () -> tensor<4xf32, 7 : i32>
// CHECK: dvm.copy: the operand: tensor<4xf32, 7 : i32>: the encoding of a tensor must be #dvm.sym, not 7 : i32
%0 = dvm.copy %a : tensor<4xf32, 7 : i32> -> tensor<4xf32>

// -----

%a = "test.op"() : () -> tensor<?xf32, #dvm.sym<["s0 +"]>>
// CHECK: 's0 +' is not a dim: it ends too early
%0 = dvm.copy %a : tensor<?xf32, #dvm.sym<["s0 +"]>> -> tensor<?xf32>

// -----

// CHECK: 's0 floordiv 0' is not a dim: 's0' cannot be divided by '0'
%a = "test.op"() : () -> tensor<?xf32, #dvm.sym<["s0 floordiv 0"]>>

// -----

// CHECK: 'bcast(2, 3)' is not a dim: dims 2 and 3 do not broadcast
%a = "test.op"() : () -> tensor<?xf32, #dvm.sym<["bcast(2, 3)"]>>

// -----

// CHECK: 'bcast(s0 s1)' is not a dim: expected ')', found 's1'
%a = "test.op"() : () -> tensor<?xf32, #dvm.sym<["bcast(s0 s1)"]>>

// -----

// CHECK: 'floordiv' is not a dim: 'floordiv' is not the name of a symbol
%a = "test.op"() : () -> tensor<?xf32, #dvm.sym<["floordiv"]>>

// -----

// CHECK: is not a dim: it is nested more than 64 deep
%a = "test.op"() : () -> tensor<?xf32, #dvm.sym<["((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((s0))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))"]>>

// -----

%a = "test.op"() : () -> tensor<?xf32, #dvm.sym<["__x"]>>
// CHECK: #dvm.sym: '__x' uses a name that begins with '__', which is reserved
%0 = dvm.copy %a : tensor<?xf32, #dvm.sym<["__x"]>> -> tensor<?xf32>

// -----

// Facts.
// CHECK: #dvm.fact: 'sometimes' is not one of equal, at_least, broadcastable, divisible
"test.op"() {fact = #dvm.fact<sometimes, "s0", "1", "">} : () -> ()

// -----

// CHECK: #dvm.fact: 's0 s1' is not a dim: unexpected 's1'
"test.op"() {fact = #dvm.fact<equal, "s0 s1", "1", "">} : () -> ()
