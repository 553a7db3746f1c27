// RUN: dvm-opt %s -p dvm-simplify | filecheck %s

// The tanh form of GELU as it is written by hand.
func.func @half_first(%x : tensor<4xf32>, %z : tensor<4xf32>) -> tensor<4xf32> {
  %half = dvm.binary_scalar Mul %x, 0.5 : tensor<4xf32>, f32 -> tensor<4xf32>
  %scaled = dvm.binary_scalar Mul %z, 0.75 : tensor<4xf32>, f32 -> tensor<4xf32>
  %tanh = dvm.unary Tanh %scaled : tensor<4xf32> -> tensor<4xf32>
  %total = dvm.binary_scalar Add 1.0, %tanh : f32, tensor<4xf32> -> tensor<4xf32>
  %y = dvm.binary Mul %total, %half : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
  return %y : tensor<4xf32>
}
// CHECK-LABEL: func.func @half_first
// CHECK-NEXT:   %0 = dvm.binary_scalar Mul %z, 1.500000e+00 : tensor<4xf32>, f32 -> tensor<4xf32>
// CHECK-NEXT:   %1 = dvm.unary Sigmoid %0 : tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:   %y = dvm.binary Mul %x, %1 : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:   func.return %y : tensor<4xf32>

func.func @half_last(%x : tensor<4x1xf32>, %z : tensor<3xf32>) -> tensor<4x3xf32> {
  %tanh = dvm.unary Tanh %z : tensor<3xf32> -> tensor<3xf32>
  %total = dvm.binary_scalar Add %tanh, 1.0 : tensor<3xf32>, f32 -> tensor<3xf32>
  %product = dvm.binary Mul %x, %total : tensor<4x1xf32>, tensor<3xf32> -> tensor<4x3xf32>
  %y = dvm.binary_scalar Mul %product, 0.5 : tensor<4x3xf32>, f32 -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}
// CHECK-LABEL: func.func @half_last
// CHECK-NEXT:   %0 = dvm.binary_scalar Mul %z, 2.000000e+00 : tensor<3xf32>, f32 -> tensor<3xf32>
// CHECK-NEXT:   %1 = dvm.unary Sigmoid %0 : tensor<3xf32> -> tensor<3xf32>
// CHECK-NEXT:   %y = dvm.binary Mul %x, %1 : tensor<4x1xf32>, tensor<3xf32> -> tensor<4x3xf32>
// CHECK-NEXT:   func.return %y : tensor<4x3xf32>

// Twice the scalar would be infinite, and 0 times that no number.
func.func @alone(%z : tensor<4xf32>) -> tensor<4xf32> {
  %scaled = dvm.binary_scalar Mul %z, 3.0e+38 : tensor<4xf32>, f32 -> tensor<4xf32>
  %tanh = dvm.unary Tanh %scaled : tensor<4xf32> -> tensor<4xf32>
  %total = dvm.binary_scalar Add %tanh, 1.0 : tensor<4xf32>, f32 -> tensor<4xf32>
  %y = dvm.binary_scalar Mul %total, 0.5 : tensor<4xf32>, f32 -> tensor<4xf32>
  return %y : tensor<4xf32>
}
// CHECK-LABEL: func.func @alone
// CHECK-NEXT:   %scaled = dvm.binary_scalar Mul %z, 3.000000e+38 : tensor<4xf32>, f32 -> tensor<4xf32>
// CHECK-NEXT:   %0 = dvm.binary_scalar Mul %scaled, 2.000000e+00 : tensor<4xf32>, f32 -> tensor<4xf32>
// CHECK-NEXT:   %y = dvm.unary Sigmoid %0 : tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:   func.return %y : tensor<4xf32>

// Who wants tanh(z) too has it computed already.
func.func @used_twice(%x : tensor<4xf32>, %z : tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %half = dvm.binary_scalar Mul %x, 0.5 : tensor<4xf32>, f32 -> tensor<4xf32>
  %tanh = dvm.unary Tanh %z : tensor<4xf32> -> tensor<4xf32>
  %total = dvm.binary_scalar Add %tanh, 1.0 : tensor<4xf32>, f32 -> tensor<4xf32>
  %y = dvm.binary Mul %half, %total : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
  return %y, %tanh : tensor<4xf32>, tensor<4xf32>
}
// CHECK-LABEL: func.func @used_twice
// CHECK-NEXT:   %half = dvm.binary_scalar Mul %x, 5.000000e-01 : tensor<4xf32>, f32 -> tensor<4xf32>
// CHECK-NEXT:   %tanh = dvm.unary Tanh %z : tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:   %total = dvm.binary_scalar Add %tanh, 1.000000e+00 : tensor<4xf32>, f32 -> tensor<4xf32>
// CHECK-NEXT:   %y = dvm.binary Mul %half, %total : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:   func.return %y, %tanh : tensor<4xf32>, tensor<4xf32>
