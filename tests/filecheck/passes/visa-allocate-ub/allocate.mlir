// RUN: dvm-opt %s -p visa-allocate-ub --split-input-file | filecheck %s

// Elementwise results take the slot of the operand that dies there; the scalar has none.
// CHECK-LABEL: @in_place
// CHECK:         slots 1 (
// CHECK:         %0 = visa.load f32 %gx : !visa.ub<0>
// CHECK-NEXT:    %1 = visa.unary exp f32 %0 : (!visa.ub<0>) -> !visa.ub<0>
// CHECK-NEXT:    %2 = visa.binary mul f32 %k, %1 : (!visa.scalar, !visa.ub<0>) -> !visa.ub<0>
// CHECK-NEXT:    %3 = visa.binary gt f32 %2, %2 : (!visa.ub<0>, !visa.ub<0>) -> !visa.ub<0>
// CHECK-NEXT:    %4 = visa.select f32 %3, %k, %k : (!visa.ub<0>, !visa.scalar, !visa.scalar) -> !visa.ub<0>
// CHECK-NEXT:    %5 = visa.cast f32 %4 to f16 : (!visa.ub<0>) -> !visa.ub<0>
func.func @in_place(%x : tensor<4xf32>) -> tensor<4xf32> {
  %y = visa.kernel vector @k domain [parallel "4"] slots 0 (%x : tensor<4xf32>) -> (tensor<4xf32>) {
  ^bb0(%gx : !visa.global<f32, affine_map<(d0) -> (d0)>>, %gy : !visa.global<f32, affine_map<(d0) -> (d0)>>):
    %k = visa.scalar 0.5 : f32
    visa.pass once
    %0 = visa.load f32 %gx : !visa.ub
    %1 = visa.unary exp f32 %0 : (!visa.ub) -> !visa.ub
    %2 = visa.binary mul f32 %k, %1 : (!visa.scalar, !visa.ub) -> !visa.ub
    %3 = visa.binary gt f32 %2, %2 : (!visa.ub, !visa.ub) -> !visa.ub
    %4 = visa.select f32 %3, %k, %k : (!visa.ub, !visa.scalar, !visa.scalar) -> !visa.ub
    %5 = visa.cast f32 %4 to f16 : (!visa.ub) -> !visa.ub
    visa.store f32 %5, %gy
    visa.end
  }
  return %y : tensor<4xf32>
}

// -----

// A slot is free again after the last use of its tile; from the end of the pass upwards the lowest free one is taken.
// CHECK-LABEL: @reuse
// CHECK:         slots 3 (
// CHECK:         %a = visa.load f32 %gx : !visa.ub<2>
// CHECK-NEXT:    %b = visa.load f32 %gx : !visa.ub<1>
// CHECK-NEXT:    %ab = visa.binary add f32 %a, %b : (!visa.ub<2>, !visa.ub<1>) -> !visa.ub<0>
// CHECK-NEXT:    visa.store f32 %b, %gz
// CHECK-NEXT:    %c = visa.load f32 %gx : !visa.ub<1>
// CHECK-NEXT:    %ca = visa.binary sub f32 %c, %a : (!visa.ub<1>, !visa.ub<2>) -> !visa.ub<1>
// CHECK-NEXT:    %sum = visa.binary add f32 %ab, %ca : (!visa.ub<0>, !visa.ub<1>) -> !visa.ub<0>
// CHECK-NEXT:    visa.store f32 %sum, %gy
func.func @reuse(%x : tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %y, %z = visa.kernel vector @k domain [parallel "4"] slots 0 (%x : tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  ^bb0(%gx : !visa.global<f32, affine_map<(d0) -> (d0)>>, %gy : !visa.global<f32, affine_map<(d0) -> (d0)>>, %gz : !visa.global<f32, affine_map<(d0) -> (d0)>>):
    visa.pass once
    %a = visa.load f32 %gx : !visa.ub
    %b = visa.load f32 %gx : !visa.ub
    %ab = visa.binary add f32 %a, %b : (!visa.ub, !visa.ub) -> !visa.ub
    visa.store f32 %b, %gz
    %c = visa.load f32 %gx : !visa.ub
    %ca = visa.binary sub f32 %c, %a : (!visa.ub, !visa.ub) -> !visa.ub
    %sum = visa.binary add f32 %ab, %ca : (!visa.ub, !visa.ub) -> !visa.ub
    visa.store f32 %sum, %gy
    visa.end
  }
  return %y, %z : tensor<4xf32>, tensor<4xf32>
}

// -----

// An operand that lacks an axis of the result is read while the result is written: not in its slot.
// CHECK-LABEL: @broadcast
// CHECK:         slots 3 (
// CHECK:         %0 = visa.load f32 %gr : !visa.ub<1>
// CHECK-NEXT:    %1 = visa.load f32 %gc : !visa.ub<2>
// CHECK-NEXT:    %2 = visa.binary add f32 %0, %1 : (!visa.ub<1>, !visa.ub<2>) -> !visa.ub<0>
func.func @broadcast(%r : tensor<4xf32>, %c : tensor<8xf32>) -> tensor<4x8xf32> {
  %y = visa.kernel vector @k domain [parallel "4", parallel "8"] slots 0 (%r, %c : tensor<4xf32>, tensor<8xf32>) -> (tensor<4x8xf32>) {
  ^bb0(%gr : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>, %gc : !visa.global<f32, affine_map<(d0, d1) -> (d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
    visa.pass once
    %0 = visa.load f32 %gr : !visa.ub
    %1 = visa.load f32 %gc : !visa.ub
    %2 = visa.binary add f32 %0, %1 : (!visa.ub, !visa.ub) -> !visa.ub
    visa.store f32 %2, %gy
    visa.end
  }
  return %y : tensor<4x8xf32>
}

// -----

// Neither the index of a gather nor the tile that a fill spreads shares the slot of the result; the tile that a guarded
// load updates does.
// CHECK-LABEL: @apart
// CHECK:         slots 2 (
// CHECK:         %i0 = visa.load i32 %gi : !visa.ub<0>
// CHECK-NEXT:    %0 = visa.gather f32 %gt, %i0 : (!visa.ub<0>) -> !visa.ub<1>
// CHECK-NEXT:    %1 = visa.fill f32 %0 axes [0, 1] : (!visa.ub<1>) -> !visa.ub<0>
// CHECK-NEXT:    %2 = visa.load_guarded f32 %1, %gg : (!visa.ub<0>) -> !visa.ub<0>
// CHECK-NEXT:    visa.store f32 %2, %gy
func.func @apart(%i : tensor<4xi32>, %t : tensor<9xf32>, %g : tensor<4x6xf32>) -> tensor<4x8xf32> {
  %y = visa.kernel vector @k domain [parallel "4", parallel "8"] slots 0 (%i, %t, %g : tensor<4xi32>, tensor<9xf32>, tensor<4x6xf32>) -> (tensor<4x8xf32>) {
  ^bb0(%gi : !visa.global<i32, affine_map<(d0, d1) -> (d0)>>, %gt : !visa.global<f32, affine_map<(d0, d1) -> (0)>, free = 0>, %gg : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1 - 1)>, guarded>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
    visa.pass once
    %i0 = visa.load i32 %gi : !visa.ub
    %0 = visa.gather f32 %gt, %i0 : (!visa.ub) -> !visa.ub
    %1 = visa.fill f32 %0 axes [0, 1] : (!visa.ub) -> !visa.ub
    %2 = visa.load_guarded f32 %1, %gg : (!visa.ub) -> !visa.ub
    visa.store f32 %2, %gy
    visa.end
  }
  return %y : tensor<4x8xf32>
}

// -----

// An accumulator keeps its slot through the stream pass, and so does what the pass keeps; the tiles of a stream pass reuse
// the rest.
// CHECK-LABEL: @passes
// CHECK:         slots 3 (
// CHECK:         %m0 = visa.reduce_init max f32 : !visa.ub<[[M:[0-9]]]>
// CHECK:         %m = visa.reduce rmax f32 %m0, %0 : (!visa.ub<[[M]]>, !visa.ub<{{[0-9]}}>) -> !visa.ub<[[M]]>
// CHECK:         %s0 = visa.reduce_init sum f32 : !visa.ub<[[S:[0-9]]]>
// CHECK:         %1 = visa.load f32 %gx : !visa.ub<[[T:[0-9]]]>
// CHECK-NEXT:    %2 = visa.binary sub f32 %1, %m : (!visa.ub<[[T]]>, !visa.ub<[[M]]>) -> !visa.ub<[[T]]>
// CHECK-NEXT:    %s = visa.reduce rsum f32 %s0, %2 : (!visa.ub<[[S]]>, !visa.ub<[[T]]>) -> !visa.ub<[[S]]>
// CHECK-NEXT:    visa.pass once keep %m : !visa.ub<[[M]]>
// CHECK-NEXT:    visa.store f32 %s, %gy
func.func @passes(%x : tensor<4x8xf32>) -> tensor<4xf32> {
  %y = visa.kernel vector @k domain [parallel "4", reduction "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4xf32>) {
  ^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
    visa.pass once
    %m0 = visa.reduce_init max f32 : !visa.ub
    visa.pass stream
    %0 = visa.load f32 %gx : !visa.ub
    %m = visa.reduce rmax f32 %m0, %0 : (!visa.ub, !visa.ub) -> !visa.ub
    visa.pass once
    %s0 = visa.reduce_init sum f32 : !visa.ub
    visa.pass stream
    %1 = visa.load f32 %gx : !visa.ub
    %2 = visa.binary sub f32 %1, %m : (!visa.ub, !visa.ub) -> !visa.ub
    %s = visa.reduce rsum f32 %s0, %2 : (!visa.ub, !visa.ub) -> !visa.ub
    visa.pass once keep %m : !visa.ub
    visa.store f32 %s, %gy
    visa.end
  }
  return %y : tensor<4xf32>
}

// -----

// The factors of a product share a slot with nothing that is live in it.
// CHECK-LABEL: @product
// CHECK:         slots 3 (
// CHECK:         %a = visa.load f32 %gx : !visa.ub<1>
// CHECK-NEXT:    %b = visa.load f32 %gw : !visa.ub<2>
// CHECK-NEXT:    %s = visa.matmul f32 %s0, %a, %b : (!visa.ub<0>, !visa.ub<1>, !visa.ub<2>) -> !visa.ub<0>
func.func @product(%x : tensor<4x8xf32>, %w : tensor<8x5xf32>) -> tensor<4x5xf32> {
  %y = visa.kernel cube @k domain [parallel "4", parallel "5", reduction "8"] slots 0 (%x, %w : tensor<4x8xf32>, tensor<8x5xf32>) -> (tensor<4x5xf32>) {
  ^bb0(%gx : !visa.global<f32, affine_map<(m, n, k) -> (m, k)>>, %gw : !visa.global<f32, affine_map<(m, n, k) -> (k, n)>>, %gy : !visa.global<f32, affine_map<(m, n, k) -> (m, n)>>):
    visa.pass once
    %s0 = visa.reduce_init sum f32 : !visa.ub
    visa.pass stream
    %a = visa.load f32 %gx : !visa.ub
    %b = visa.load f32 %gw : !visa.ub
    %s = visa.matmul f32 %s0, %a, %b : (!visa.ub, !visa.ub, !visa.ub) -> !visa.ub
    visa.pass once
    visa.store f32 %s, %gy
    visa.end
  }
  return %y : tensor<4x5xf32>
}

// -----

// A tile that nothing reads has a slot while it is made.
// CHECK-LABEL: @unread
// CHECK:         slots 2 (
// CHECK:         %0 = visa.load f32 %gx : !visa.ub<0>
// CHECK-NEXT:    %1 = visa.unary exp f32 %0 : (!visa.ub<0>) -> !visa.ub<1>
// CHECK-NEXT:    visa.store f32 %0, %gy
func.func @unread(%x : tensor<4xf32>) -> tensor<4xf32> {
  %y = visa.kernel vector @k domain [parallel "4"] slots 0 (%x : tensor<4xf32>) -> (tensor<4xf32>) {
  ^bb0(%gx : !visa.global<f32, affine_map<(d0) -> (d0)>>, %gy : !visa.global<f32, affine_map<(d0) -> (d0)>>):
    visa.pass once
    %0 = visa.load f32 %gx : !visa.ub
    %1 = visa.unary exp f32 %0 : (!visa.ub) -> !visa.ub
    visa.store f32 %0, %gy
    visa.end
  }
  return %y : tensor<4xf32>
}

// -----

// Left alone: allocated already, if not as well.
// CHECK-LABEL: @allocated
// CHECK:         slots 8 (
// CHECK:         %0 = visa.load f32 %gx : !visa.ub<7>
// CHECK-NEXT:    visa.store f32 %0, %gy
func.func @allocated(%x : tensor<4xf32>) -> tensor<4xf32> {
  %y = visa.kernel vector @k domain [parallel "4"] slots 8 (%x : tensor<4xf32>) -> (tensor<4xf32>) {
  ^bb0(%gx : !visa.global<f32, affine_map<(d0) -> (d0)>>, %gy : !visa.global<f32, affine_map<(d0) -> (d0)>>):
    visa.pass once
    %0 = visa.load f32 %gx : !visa.ub<7>
    visa.store f32 %0, %gy
    visa.end
  }
  return %y : tensor<4xf32>
}
