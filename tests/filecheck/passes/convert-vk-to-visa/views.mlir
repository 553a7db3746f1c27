// RUN: dvm-opt %s -p convert-vk-to-visa | filecheck %s

// Transpositions and slices are folded into the access maps of what is loaded behind them, however far behind.

!square = tensor<8x8xf32>
!s0 = tensor<?xf32, #dvm.sym<["s0"]>>

// CHECK-LABEL: func.func @through_elementwise_work(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "8", parallel "4"] slots 0 (%x, %y :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d1, d0)>>, %b: !visa.global<f32, affine_map<(d0, d1) -> (d0)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f32 %a :
// CHECK-NEXT:      %1 = visa.load f32 %b :
// CHECK-NEXT:      %2 = visa.binary add f32 %0, %1 :
// CHECK-NEXT:      %3 = visa.unary exp f32 %2 :
// CHECK-NEXT:      visa.store f32 %3, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @through_elementwise_work(%x : tensor<4x8xf32>, %y : tensor<8xf32>) -> tensor<8x4xf32> {
  %r = vk.kernel vector @k0(%a = %x : tensor<4x8xf32>, %b = %y : tensor<8xf32>) -> tensor<8x4xf32> {
    %0 = dvm.binary Add %a, %b : tensor<4x8xf32>, tensor<8xf32> -> tensor<4x8xf32>
    %1 = dvm.transpose %0 permutation [1, 0] : tensor<4x8xf32> -> tensor<8x4xf32>
    %2 = dvm.unary Exp %1 : tensor<8x4xf32> -> tensor<8x4xf32>
    vk.yield %2 : tensor<8x4xf32>
  }
  return %r : tensor<8x4xf32>
}

// Asked for under two indices, a value is computed twice.
// CHECK-LABEL: func.func @plain_and_transposed(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "8", parallel "8"] slots 0 (%x, %x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %a_1: !visa.global<f32, affine_map<(d0, d1) -> (d1, d0)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f32 %a :
// CHECK-NEXT:      %1 = visa.unary exp f32 %0 :
// CHECK-NEXT:      %2 = visa.load f32 %a_1 :
// CHECK-NEXT:      %3 = visa.unary exp f32 %2 :
// CHECK-NEXT:      %4 = visa.binary sub f32 %1, %3 :
// CHECK-NEXT:      visa.store f32 %4, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @plain_and_transposed(%x : !square) -> !square {
  %r = vk.kernel vector @k0(%a = %x : !square) -> !square {
    %0 = dvm.unary Exp %a : !square -> !square
    %1 = dvm.transpose %0 permutation [1, 0] : !square -> !square
    %2 = dvm.binary Sub %0, %1 : !square, !square -> !square
    vk.yield %2 : !square
  }
  return %r : !square
}

// CHECK-LABEL: func.func @back_and_forth(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "8", parallel "8"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f32 %a :
// CHECK-NEXT:      %1 = visa.binary sub f32 %0, %0 :
// CHECK-NEXT:      visa.store f32 %1, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @back_and_forth(%x : !square) -> !square {
  %r = vk.kernel vector @k0(%a = %x : !square) -> !square {
    %0 = dvm.transpose %a permutation [1, 0] : !square -> !square
    %1 = dvm.transpose %0 permutation [1, 0] : !square -> !square
    %2 = dvm.binary Sub %1, %a : !square, !square -> !square
    vk.yield %2 : !square
  }
  return %r : !square
}

// Element i of the result is element 1 + 3i of the first slice, 2 + 2(1 + 3i) of the operand.
// CHECK-LABEL: func.func @slice_of_a_slice(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "3"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0) -> (((d0 * 6) + 4))>>, %r_1: !visa.global<f32, affine_map<(d0) -> (d0)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f32 %a :
// CHECK-NEXT:      visa.store f32 %0, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @slice_of_a_slice(%x : tensor<20xf32>) -> tensor<3xf32> {
  %r = vk.kernel vector @k0(%a = %x : tensor<20xf32>) -> tensor<3xf32> {
    %0 = dvm.slice %a starts [2] sizes [9] steps [2] : tensor<20xf32> -> tensor<9xf32>
    %1 = dvm.slice %0 starts [1] sizes [3] steps [3] : tensor<9xf32> -> tensor<3xf32>
    vk.yield %1 : tensor<3xf32>
  }
  return %r : tensor<3xf32>
}

// CHECK-LABEL: func.func @slice_of_a_transposition(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "5", parallel "4"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> ((d1 + 1), ((d0 * 2) + 3))>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f32 %a :
// CHECK-NEXT:      visa.store f32 %0, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @slice_of_a_transposition(%x : tensor<10x20xf32>) -> tensor<5x4xf32> {
  %r = vk.kernel vector @k0(%a = %x : tensor<10x20xf32>) -> tensor<5x4xf32> {
    %0 = dvm.transpose %a permutation [1, 0] : tensor<10x20xf32> -> tensor<20x10xf32>
    %1 = dvm.slice %0 starts [3, 1] sizes [5, 4] steps [2, 1] : tensor<20x10xf32> -> tensor<5x4xf32>
    vk.yield %1 : tensor<5x4xf32>
  }
  return %r : tensor<5x4xf32>
}

// One element for all of an axis.
// CHECK-LABEL: func.func @sliced_and_stretched(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "4", parallel "8"] slots 0 (%x, %x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, 5)>>, %a_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f32 %a :
// CHECK-NEXT:      %1 = visa.load f32 %a_1 :
// CHECK-NEXT:      %2 = visa.binary sub f32 %1, %0 :
// CHECK-NEXT:      visa.store f32 %2, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @sliced_and_stretched(%x : tensor<4x8xf32>) -> tensor<4x8xf32> {
  %r = vk.kernel vector @k0(%a = %x : tensor<4x8xf32>) -> tensor<4x8xf32> {
    %0 = dvm.slice %a starts [0, 5] sizes [4, 1] steps [1, 1] : tensor<4x8xf32> -> tensor<4x1xf32>
    %1 = dvm.binary Sub %a, %0 : tensor<4x8xf32>, tensor<4x1xf32> -> tensor<4x8xf32>
    vk.yield %1 : tensor<4x8xf32>
  }
  return %r : tensor<4x8xf32>
}

// CHECK-LABEL: func.func @reduced(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "8", reduction "4"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d1, d0)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.unary exp f32 %1 :
// CHECK-NEXT:      %3 = visa.reduce rsum f32 %0, %2 :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      visa.store f32 %3, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @reduced(%x : tensor<4x8xf32>) -> tensor<8xf32> {
  %r = vk.kernel vector @k0(%a = %x : tensor<4x8xf32>) -> tensor<8xf32> {
    %0 = dvm.unary Exp %a : tensor<4x8xf32> -> tensor<4x8xf32>
    %1 = dvm.transpose %0 permutation [1, 0] : tensor<4x8xf32> -> tensor<8x4xf32>
    %2 = dvm.reduce Sum %1 dims [1] keepdims false : tensor<8x4xf32> -> tensor<8xf32>
    vk.yield %2 : tensor<8xf32>
  }
  return %r : tensor<8xf32>
}

// A transposed iota counts along the other axis.
// CHECK-LABEL: func.func @iota(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "8", parallel "4"] slots 0 () ->
// CHECK-NEXT:    ^bb0(%r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.iota f32 axis 0 :
// CHECK-NEXT:      visa.store f32 %0, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @iota(%x : tensor<4x8xf32>) -> tensor<8x4xf32> {
  %r = vk.kernel vector @k0() -> tensor<8x4xf32> {
    %0 = dvm.iota axis 1 shape [4, 8] : tensor<4x8xf32>
    %1 = dvm.transpose %0 permutation [1, 0] : tensor<4x8xf32> -> tensor<8x4xf32>
    vk.yield %1 : tensor<8x4xf32>
  }
  return %r : tensor<8x4xf32>
}

// A sliced one counts in steps, from the start on.
// CHECK-LABEL: func.func @sliced_iota(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "3"] slots 0 () ->
// CHECK-NEXT:    ^bb0(%r_1: !visa.global<i32, affine_map<(d0) -> (d0)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.iota i32 axis 0 :
// CHECK-NEXT:      %1 = visa.scalar 3 : i32
// CHECK-NEXT:      %2 = visa.binary mul i32 %0, %1 : (!visa.ub, !visa.scalar) -> !visa.ub
// CHECK-NEXT:      %3 = visa.scalar 2 : i32
// CHECK-NEXT:      %4 = visa.binary add i32 %2, %3 : (!visa.ub, !visa.scalar) -> !visa.ub
// CHECK-NEXT:      %5 = visa.scalar 8 : i32
// CHECK-NEXT:      %6 = visa.binary min i32 %4, %5 : (!visa.ub, !visa.scalar) -> !visa.ub
// CHECK-NEXT:      visa.store i32 %6, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @sliced_iota(%x : !s0) -> tensor<3xi32> {
  %r = vk.kernel vector @k0() -> tensor<3xi32> {
    %0 = dvm.iota axis 0 shape [9] : tensor<9xi32>
    %1 = dvm.slice %0 starts [2] sizes [3] steps [3] : tensor<9xi32> -> tensor<3xi32>
    vk.yield %1 : tensor<3xi32>
  }
  return %r : tensor<3xi32>
}
