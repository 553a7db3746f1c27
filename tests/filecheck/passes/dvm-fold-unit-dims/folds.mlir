// RUN: dvm-opt %s -p dvm-deduce-shapes,dvm-fold-unit-dims | filecheck %s

// The reshape sinks below the work, to what is returned; nothing is left of it where the dim is taken away again.
func.func @elementwise(%a : tensor<5x8xf32>, %b : tensor<8x8xf32>) -> (tensor<1x5x8xf32>, tensor<5x8xf32>) {
  %0 = dvm.matmul %a, %b trans_a false trans_b false : tensor<5x8xf32>, tensor<8x8xf32> -> tensor<5x8xf32>
  %1 = dvm.reshape %0 shape [1, 5, 8] : tensor<5x8xf32> -> tensor<1x5x8xf32>
  %2 = dvm.unary Tanh %1 : tensor<1x5x8xf32> -> tensor<1x5x8xf32>
  %3 = dvm.binary_scalar Mul %2, 2.0 : tensor<1x5x8xf32>, f32 -> tensor<1x5x8xf32>
  %4 = dvm.reshape %3 shape [5, 8] : tensor<1x5x8xf32> -> tensor<5x8xf32>
  %5 = dvm.unary Exp %4 : tensor<5x8xf32> -> tensor<5x8xf32>
  return %3, %5 : tensor<1x5x8xf32>, tensor<5x8xf32>
}
// CHECK-LABEL: func.func @elementwise(%a: tensor<5x8xf32>, %b: tensor<8x8xf32>) -> (tensor<1x5x8xf32>, tensor<5x8xf32>)
// CHECK-NEXT:   %0 = dvm.matmul %a, %b trans_a false trans_b false : tensor<5x8xf32>, tensor<8x8xf32> -> tensor<5x8xf32>
// CHECK-NEXT:   %1 = dvm.unary Tanh %0 : tensor<5x8xf32> -> tensor<5x8xf32>
// CHECK-NEXT:   %2 = dvm.binary_scalar Mul %1, 2.000000e+00 : tensor<5x8xf32>, f32 -> tensor<5x8xf32>
// CHECK-NEXT:   %3 = dvm.reshape %2 shape [1, 5, 8] : tensor<5x8xf32> -> tensor<1x5x8xf32>
// CHECK-NEXT:   %4 = dvm.unary Exp %2 : tensor<5x8xf32> -> tensor<5x8xf32>
// CHECK-NEXT:   func.return %3, %4 : tensor<1x5x8xf32>, tensor<5x8xf32>
// CHECK-NEXT: }

// Other operands lose the dim as well: an argument by a reshape, a broadcast by its shape.
func.func @operands(%x : tensor<1x5x8xf32>, %a : tensor<5x8xf32>, %b : tensor<8x8xf32>, %c : tensor<8xf32>) -> tensor<1x5x8xf32> {
  %0 = dvm.matmul %a, %b trans_a false trans_b false : tensor<5x8xf32>, tensor<8x8xf32> -> tensor<5x8xf32>
  %1 = dvm.reshape %0 shape [1, 5, 8] : tensor<5x8xf32> -> tensor<1x5x8xf32>
  %2 = dvm.binary Add %x, %1 : tensor<1x5x8xf32>, tensor<1x5x8xf32> -> tensor<1x5x8xf32>
  %3 = dvm.binary Mul %2, %c : tensor<1x5x8xf32>, tensor<8xf32> -> tensor<1x5x8xf32>
  return %3 : tensor<1x5x8xf32>
}
// CHECK-LABEL: func.func @operands(%x: tensor<1x5x8xf32>, %a: tensor<5x8xf32>, %b: tensor<8x8xf32>, %c: tensor<8xf32>) -> tensor<1x5x8xf32>
// CHECK-NEXT:   %0 = dvm.matmul %a, %b trans_a false trans_b false : tensor<5x8xf32>, tensor<8x8xf32> -> tensor<5x8xf32>
// CHECK-NEXT:   %1 = dvm.reshape %x shape [5, 8] : tensor<1x5x8xf32> -> tensor<5x8xf32>
// CHECK-NEXT:   %2 = dvm.binary Add %1, %0 : tensor<5x8xf32>, tensor<5x8xf32> -> tensor<5x8xf32>
// CHECK-NEXT:   %3 = dvm.broadcast %c shape [5, 8] : tensor<8xf32> -> tensor<5x8xf32>
// CHECK-NEXT:   %4 = dvm.binary Mul %2, %3 : tensor<5x8xf32>, tensor<5x8xf32> -> tensor<5x8xf32>
// CHECK-NEXT:   %5 = dvm.reshape %4 shape [1, 5, 8] : tensor<5x8xf32> -> tensor<1x5x8xf32>
// CHECK-NEXT:   func.return %5 : tensor<1x5x8xf32>
// CHECK-NEXT: }

// Axes are counted from the dims that are left.
func.func @axes(%a : tensor<8x5xf32>) -> (tensor<1x4xf32>, tensor<1x5x4x2xf32>, tensor<1x4x3x2xf32>, tensor<1x8x5x2xf32>) {
  %0 = dvm.unary Exp %a : tensor<8x5xf32> -> tensor<8x5xf32>
  %1 = dvm.reshape %0 shape [1, 4, 5, 2] : tensor<8x5xf32> -> tensor<1x4x5x2xf32>
  %2 = dvm.reduce Sum %1 dims [2, 3] keepdims false : tensor<1x4x5x2xf32> -> tensor<1x4xf32>
  %3 = dvm.transpose %1 permutation [0, 2, 1, 3] : tensor<1x4x5x2xf32> -> tensor<1x5x4x2xf32>
  %4 = dvm.slice %1 starts [0, 0, 1, 0] sizes [1, 4, 3, 2] steps [1, 1, 1, 1] : tensor<1x4x5x2xf32> -> tensor<1x4x3x2xf32>
  %5 = dvm.concat %1, %1 axis 1 : tensor<1x4x5x2xf32>, tensor<1x4x5x2xf32> -> tensor<1x8x5x2xf32>
  return %2, %3, %4, %5 : tensor<1x4xf32>, tensor<1x5x4x2xf32>, tensor<1x4x3x2xf32>, tensor<1x8x5x2xf32>
}
// CHECK-LABEL: func.func @axes(%a: tensor<8x5xf32>) -> (tensor<1x4xf32>, tensor<1x5x4x2xf32>, tensor<1x4x3x2xf32>, tensor<1x8x5x2xf32>)
// CHECK-NEXT:   %0 = dvm.unary Exp %a : tensor<8x5xf32> -> tensor<8x5xf32>
// CHECK-NEXT:   %1 = dvm.reshape %0 shape [4, 5, 2] : tensor<8x5xf32> -> tensor<4x5x2xf32>
// CHECK-NEXT:   %2 = dvm.reduce Sum %1 dims [1, 2] keepdims false : tensor<4x5x2xf32> -> tensor<4xf32>
// CHECK-NEXT:   %3 = dvm.reshape %2 shape [1, 4] : tensor<4xf32> -> tensor<1x4xf32>
// CHECK-NEXT:   %4 = dvm.transpose %1 permutation [1, 0, 2] : tensor<4x5x2xf32> -> tensor<5x4x2xf32>
// CHECK-NEXT:   %5 = dvm.reshape %4 shape [1, 5, 4, 2] : tensor<5x4x2xf32> -> tensor<1x5x4x2xf32>
// CHECK-NEXT:   %6 = dvm.slice %1 starts [0, 1, 0] sizes [4, 3, 2] steps [1, 1, 1] : tensor<4x5x2xf32> -> tensor<4x3x2xf32>
// CHECK-NEXT:   %7 = dvm.reshape %6 shape [1, 4, 3, 2] : tensor<4x3x2xf32> -> tensor<1x4x3x2xf32>
// CHECK-NEXT:   %8 = dvm.concat %1, %1 axis 0 : tensor<4x5x2xf32>, tensor<4x5x2xf32> -> tensor<8x5x2xf32>
// CHECK-NEXT:   %9 = dvm.reshape %8 shape [1, 8, 5, 2] : tensor<8x5x2xf32> -> tensor<1x8x5x2xf32>
// CHECK-NEXT:   func.return %3, %5, %7, %9 : tensor<1x4xf32>, tensor<1x5x4x2xf32>, tensor<1x4x3x2xf32>, tensor<1x8x5x2xf32>
// CHECK-NEXT: }

// The batches of a product: the matrices themselves are never folded.
func.func @products(%a : tensor<20x3xf32>, %b : tensor<1x4x3x2xf32>, %r : tensor<3xf32>, %m : tensor<3x2xf32>) -> (tensor<1x4x5x2xf32>, tensor<1x2xf32>) {
  %0 = dvm.unary Exp %a : tensor<20x3xf32> -> tensor<20x3xf32>
  %1 = dvm.reshape %0 shape [1, 4, 5, 3] : tensor<20x3xf32> -> tensor<1x4x5x3xf32>
  %2 = dvm.matmul %1, %b trans_a false trans_b false : tensor<1x4x5x3xf32>, tensor<1x4x3x2xf32> -> tensor<1x4x5x2xf32>
  %3 = dvm.unary Exp %r : tensor<3xf32> -> tensor<3xf32>
  %4 = dvm.reshape %3 shape [1, 3] : tensor<3xf32> -> tensor<1x3xf32>
  %5 = dvm.matmul %4, %m trans_a false trans_b false : tensor<1x3xf32>, tensor<3x2xf32> -> tensor<1x2xf32>
  return %2, %5 : tensor<1x4x5x2xf32>, tensor<1x2xf32>
}
// CHECK-LABEL: func.func @products(%a: tensor<20x3xf32>, %b: tensor<1x4x3x2xf32>, %r: tensor<3xf32>, %m: tensor<3x2xf32>) -> (tensor<1x4x5x2xf32>, tensor<1x2xf32>)
// CHECK-NEXT:   %0 = dvm.unary Exp %a : tensor<20x3xf32> -> tensor<20x3xf32>
// CHECK-NEXT:   %1 = dvm.reshape %0 shape [4, 5, 3] : tensor<20x3xf32> -> tensor<4x5x3xf32>
// CHECK-NEXT:   %2 = dvm.reshape %b shape [4, 3, 2] : tensor<1x4x3x2xf32> -> tensor<4x3x2xf32>
// CHECK-NEXT:   %3 = dvm.matmul %1, %2 trans_a false trans_b false : tensor<4x5x3xf32>, tensor<4x3x2xf32> -> tensor<4x5x2xf32>
// CHECK-NEXT:   %4 = dvm.reshape %3 shape [1, 4, 5, 2] : tensor<4x5x2xf32> -> tensor<1x4x5x2xf32>
// CHECK-NEXT:   %5 = dvm.unary Exp %r : tensor<3xf32> -> tensor<3xf32>
// CHECK-NEXT:   %6 = dvm.reshape %5 shape [1, 3] : tensor<3xf32> -> tensor<1x3xf32>
// CHECK-NEXT:   %7 = dvm.matmul %6, %m trans_a false trans_b false : tensor<1x3xf32>, tensor<3x2xf32> -> tensor<1x2xf32>
// CHECK-NEXT:   func.return %4, %7 : tensor<1x4x5x2xf32>, tensor<1x2xf32>
// CHECK-NEXT: }

// Arguments are read as they are, whatever their dims: under another shape they would have to be contiguous.
func.func @arguments_left_alone(%x : tensor<1x5x8xf32>, %y : tensor<5x8xf32>) -> (tensor<1x5x8xf32>, tensor<1x5x8xf32>) {
  %0 = dvm.unary Tanh %x : tensor<1x5x8xf32> -> tensor<1x5x8xf32>
  %1 = dvm.reshape %y shape [1, 5, 8] : tensor<5x8xf32> -> tensor<1x5x8xf32>
  %2 = dvm.unary Tanh %1 : tensor<1x5x8xf32> -> tensor<1x5x8xf32>
  return %0, %2 : tensor<1x5x8xf32>, tensor<1x5x8xf32>
}
// CHECK-LABEL: func.func @arguments_left_alone(%x: tensor<1x5x8xf32>, %y: tensor<5x8xf32>) -> (tensor<1x5x8xf32>, tensor<1x5x8xf32>)
// CHECK-NEXT:   %0 = dvm.unary Tanh %x : tensor<1x5x8xf32> -> tensor<1x5x8xf32>
// CHECK-NEXT:   %1 = dvm.reshape %y shape [1, 5, 8] : tensor<5x8xf32> -> tensor<1x5x8xf32>
// CHECK-NEXT:   %2 = dvm.unary Tanh %1 : tensor<1x5x8xf32> -> tensor<1x5x8xf32>
// CHECK-NEXT:   func.return %0, %2 : tensor<1x5x8xf32>, tensor<1x5x8xf32>
// CHECK-NEXT: }

// What works on the dim itself keeps it, and so does what another dim takes the place of.
func.func @needed(%a : tensor<5x8xf32>, %k : tensor<4x5x8xf32>) -> (tensor<5x8xf32>, tensor<2x5x8xf32>, tensor<5x1x8xf32>, tensor<4x5x8xf32>) {
  %0 = dvm.unary Exp %a : tensor<5x8xf32> -> tensor<5x8xf32>
  %1 = dvm.reshape %0 shape [1, 5, 8] : tensor<5x8xf32> -> tensor<1x5x8xf32>
  %2 = dvm.reduce Sum %1 dims [0] keepdims false : tensor<1x5x8xf32> -> tensor<5x8xf32>
  %3 = dvm.concat %1, %1 axis 0 : tensor<1x5x8xf32>, tensor<1x5x8xf32> -> tensor<2x5x8xf32>
  %4 = dvm.transpose %1 permutation [1, 0, 2] : tensor<1x5x8xf32> -> tensor<5x1x8xf32>
  %5 = dvm.binary Add %1, %k : tensor<1x5x8xf32>, tensor<4x5x8xf32> -> tensor<4x5x8xf32>
  return %2, %3, %4, %5 : tensor<5x8xf32>, tensor<2x5x8xf32>, tensor<5x1x8xf32>, tensor<4x5x8xf32>
}
// CHECK-LABEL: func.func @needed(%a: tensor<5x8xf32>, %k: tensor<4x5x8xf32>) -> (tensor<5x8xf32>, tensor<2x5x8xf32>, tensor<5x1x8xf32>, tensor<4x5x8xf32>)
// CHECK-NEXT:   %0 = dvm.unary Exp %a : tensor<5x8xf32> -> tensor<5x8xf32>
// CHECK-NEXT:   %1 = dvm.reshape %0 shape [1, 5, 8] : tensor<5x8xf32> -> tensor<1x5x8xf32>
// CHECK-NEXT:   %2 = dvm.reduce Sum %1 dims [0] keepdims false : tensor<1x5x8xf32> -> tensor<5x8xf32>
// CHECK-NEXT:   %3 = dvm.concat %1, %1 axis 0 : tensor<1x5x8xf32>, tensor<1x5x8xf32> -> tensor<2x5x8xf32>
// CHECK-NEXT:   %4 = dvm.transpose %1 permutation [1, 0, 2] : tensor<1x5x8xf32> -> tensor<5x1x8xf32>
// CHECK-NEXT:   %5 = dvm.broadcast %1 shape [4, 5, 8] : tensor<1x5x8xf32> -> tensor<4x5x8xf32>
// CHECK-NEXT:   %6 = dvm.binary Add %5, %k : tensor<4x5x8xf32>, tensor<4x5x8xf32> -> tensor<4x5x8xf32>
// CHECK-NEXT:   func.return %2, %3, %4, %6 : tensor<5x8xf32>, tensor<2x5x8xf32>, tensor<5x1x8xf32>, tensor<4x5x8xf32>
// CHECK-NEXT: }
