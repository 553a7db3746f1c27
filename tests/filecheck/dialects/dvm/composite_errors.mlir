// RUN: dvm-opt %s --verify-diagnostics --parsing-diagnostics --split-input-file | filecheck %s

// Softmax and gelu.
%a = "test.op"() : () -> tensor<4xi32>
// CHECK: dvm.softmax: the operand must be of f16, bf16, f32, but is tensor<4xi32>
%0 = dvm.softmax %a axis 0 : tensor<4xi32> -> tensor<4xi32>

// -----

%a = "test.op"() : () -> tensor<4xf32>
// CHECK: dvm.softmax: axis 1 is not in -1 to 0 (tensor<4xf32>)
%0 = dvm.softmax %a axis 1 : tensor<4xf32> -> tensor<4xf32>

// -----

%a = "test.op"() : () -> tensor<4xf32>
// CHECK: dvm.softmax: axis -2 is not in -1 to 0 (tensor<4xf32>)
%0 = dvm.softmax %a axis -2 : tensor<4xf32> -> tensor<4xf32>

// -----

%a = "test.op"() : () -> tensor<f32>
// CHECK: dvm.softmax: axis 0 of a tensor without dims (tensor<f32>)
%0 = dvm.softmax %a axis 0 : tensor<f32> -> tensor<f32>

// -----

%a = "test.op"() : () -> tensor<4xf32>
// CHECK: dvm.softmax: dim 0 of the result must be 4, but the result is tensor<5xf32>
%0 = dvm.softmax %a axis 0 : tensor<4xf32> -> tensor<5xf32>

// -----

%a = "test.op"() : () -> tensor<4xf32>
// CHECK: dvm.gelu: approximate 'sigmoid' is not one of none, tanh
%0 = dvm.gelu %a approximate sigmoid : tensor<4xf32> -> tensor<4xf32>

// -----

%a = "test.op"() : () -> tensor<4xi64>
// CHECK: dvm.gelu: the operand must be of f16, bf16, f32, but is tensor<4xi64>
%0 = dvm.gelu %a approximate none : tensor<4xi64> -> tensor<4xi64>

// -----

// The norms.
%a = "test.op"() : () -> tensor<4x2xf32>
%b = "test.op"() : () -> tensor<4xf32>
// CHECK: dvm.layer_norm: dim 1 of 'operand' and dim 0 of 'gamma': 2 and 4 are never equal (tensor<4x2xf32>, tensor<4xf32>)
%0 = dvm.layer_norm %a, %b axis -1 epsilon 1.0e-05 : tensor<4x2xf32>, tensor<4xf32> -> tensor<4x2xf32>

// -----

%a = "test.op"() : () -> tensor<4x2xf32>
%b = "test.op"() : () -> tensor<2xf32>
// CHECK: dvm.layer_norm: 'gamma' must have rank 2, but is tensor<2xf32>
%0 = dvm.layer_norm %a, %b axis 0 epsilon 1.0e-05 : tensor<4x2xf32>, tensor<2xf32> -> tensor<4x2xf32>

// -----

%a = "test.op"() : () -> tensor<4x2xf16>
%b = "test.op"() : () -> tensor<2xf32>
// CHECK: dvm.layer_norm: operands must have one element type, but 'operand' is tensor<4x2xf16> and 'gamma' is tensor<2xf32>
%0 = dvm.layer_norm %a, %b axis 1 epsilon 1.0e-05 : tensor<4x2xf16>, tensor<2xf32> -> tensor<4x2xf16>

// -----

%a = "test.op"() : () -> tensor<4x2xf32>
// CHECK: dvm.layer_norm: epsilon must not be negative, but is -1.0
%0 = dvm.layer_norm %a axis 1 epsilon -1.0 : tensor<4x2xf32> -> tensor<4x2xf32>

// -----

%a = "test.op"() : () -> tensor<4x2xf32>
%b = "test.op"() : () -> tensor<2xf32>
%c = "test.op"() : () -> tensor<2xf32>
%d = "test.op"() : () -> tensor<2xf32>
// CHECK: dvm.layer_norm: there must be 1 to 3 operands, but there are 4
%0 = dvm.layer_norm %a, %b, %c, %d axis 1 epsilon 1.0e-05 : tensor<4x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32> -> tensor<4x2xf32>

// -----

%a = "test.op"() : () -> tensor<4x2xf32>
%b = "test.op"() : () -> tensor<2xf32>
%c = "test.op"() : () -> tensor<2xf32>
// CHECK: dvm.rms_norm: there must be 1 to 2 operands, but there are 3
%0 = dvm.rms_norm %a, %b, %c axis 1 epsilon 1.0e-05 : tensor<4x2xf32>, tensor<2xf32>, tensor<2xf32> -> tensor<4x2xf32>

// -----

%a = "test.op"() : () -> tensor<4x2xf32>
// CHECK: dvm.rms_norm: axis 2 is not in -2 to 1 (tensor<4x2xf32>)
%0 = dvm.rms_norm %a axis 2 epsilon 1.0e-05 : tensor<4x2xf32> -> tensor<4x2xf32>

// -----

// CHECK: dvm.rms_norm: there must be 1 to 2 operands, but there are 0
%0 = "dvm.rms_norm"() <{axis = 0 : i64, epsilon = 1.0e-05 : f64}> : () -> tensor<4xf32>
