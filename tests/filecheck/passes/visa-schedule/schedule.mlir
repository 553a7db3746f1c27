// RUN: dvm-opt %s -p visa-schedule --split-input-file | filecheck %s

// A load comes right before its use: two tiles at a time instead of four. The scalar costs nothing and goes first.
// CHECK-LABEL: @loads_late
// CHECK:         visa.pass once
// CHECK-NEXT:    %k = visa.scalar
// CHECK-NEXT:    %a = visa.load
// CHECK-NEXT:    %b = visa.load
// CHECK-NEXT:    %ab = visa.binary add f32 %a, %b
// CHECK-NEXT:    %c = visa.load
// CHECK-NEXT:    %abc = visa.binary add f32 %ab, %c
// CHECK-NEXT:    %d = visa.load
// CHECK-NEXT:    %abcd = visa.binary add f32 %abc, %d
// CHECK-NEXT:    %scaled = visa.binary mul f32 %abcd, %k
// CHECK-NEXT:    visa.store
// CHECK-NEXT:    visa.end
func.func @loads_late(%x : tensor<4xf32>) -> tensor<4xf32> {
  %y = visa.kernel vector @k domain [parallel "4"] slots 0 (%x : tensor<4xf32>) -> (tensor<4xf32>) {
  ^bb0(%gx : !visa.global<f32, affine_map<(d0) -> (d0)>>, %gy : !visa.global<f32, affine_map<(d0) -> (d0)>>):
    visa.pass once
    %a = visa.load f32 %gx : !visa.ub
    %b = visa.load f32 %gx : !visa.ub
    %c = visa.load f32 %gx : !visa.ub
    %d = visa.load f32 %gx : !visa.ub
    %ab = visa.binary add f32 %a, %b : (!visa.ub, !visa.ub) -> !visa.ub
    %abc = visa.binary add f32 %ab, %c : (!visa.ub, !visa.ub) -> !visa.ub
    %abcd = visa.binary add f32 %abc, %d : (!visa.ub, !visa.ub) -> !visa.ub
    %k = visa.scalar 0.5 : f32
    %scaled = visa.binary mul f32 %abcd, %k : (!visa.ub, !visa.scalar) -> !visa.ub
    visa.store f32 %scaled, %gy
    visa.end
  }
  return %y : tensor<4xf32>
}

// -----

// A store comes right after its value, so that the next value takes the slot.
// CHECK-LABEL: @stores_early
// CHECK:         visa.pass once
// CHECK-NEXT:    %a = visa.load
// CHECK-NEXT:    %exp = visa.unary exp
// CHECK-NEXT:    visa.store f32 %exp, %gy
// CHECK-NEXT:    %b = visa.load
// CHECK-NEXT:    %log = visa.unary log
// CHECK-NEXT:    visa.store f32 %log, %gz
// CHECK-NEXT:    visa.end
func.func @stores_early(%x : tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %y, %z = visa.kernel vector @k domain [parallel "4"] slots 0 (%x : tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  ^bb0(%gx : !visa.global<f32, affine_map<(d0) -> (d0)>>, %gy : !visa.global<f32, affine_map<(d0) -> (d0)>>, %gz : !visa.global<f32, affine_map<(d0) -> (d0)>>):
    visa.pass once
    %a = visa.load f32 %gx : !visa.ub
    %b = visa.load f32 %gx : !visa.ub
    %exp = visa.unary exp f32 %a : (!visa.ub) -> !visa.ub
    %log = visa.unary log f32 %b : (!visa.ub) -> !visa.ub
    visa.store f32 %exp, %gy
    visa.store f32 %log, %gz
    visa.end
  }
  return %y, %z : tensor<4xf32>, tensor<4xf32>
}

// -----

// Of two operands the one that needs more tiles is computed first, with the other not yet loaded.
// CHECK-LABEL: @needier_first
// CHECK:         visa.pass once
// CHECK-NEXT:    %b = visa.load
// CHECK-NEXT:    %c = visa.load
// CHECK-NEXT:    %bc = visa.binary mul f32 %b, %c
// CHECK-NEXT:    %a = visa.load
// CHECK-NEXT:    %sum = visa.binary sub f32 %a, %bc
func.func @needier_first(%x : tensor<4xf32>) -> tensor<4xf32> {
  %y = visa.kernel vector @k domain [parallel "4"] slots 0 (%x : tensor<4xf32>) -> (tensor<4xf32>) {
  ^bb0(%gx : !visa.global<f32, affine_map<(d0) -> (d0)>>, %gy : !visa.global<f32, affine_map<(d0) -> (d0)>>):
    visa.pass once
    %a = visa.load f32 %gx : !visa.ub
    %b = visa.load f32 %gx : !visa.ub
    %c = visa.load f32 %gx : !visa.ub
    %bc = visa.binary mul f32 %b, %c : (!visa.ub, !visa.ub) -> !visa.ub
    %sum = visa.binary sub f32 %a, %bc : (!visa.ub, !visa.ub) -> !visa.ub
    visa.store f32 %sum, %gy
    visa.end
  }
  return %y : tensor<4xf32>
}

// -----

// The background is read before the guarded load updates it in place.
// CHECK-LABEL: @update_in_place_last
// CHECK:         %background = visa.fill
// CHECK-NEXT:    visa.store f32 %background, %gz
// CHECK-NEXT:    %padded = visa.load_guarded f32 %background, %gx
// CHECK-NEXT:    visa.store f32 %padded, %gy
func.func @update_in_place_last(%x : tensor<4xf32>) -> (tensor<6xf32>, tensor<6xf32>, tensor<6xf32>) {
  %y, %z, %w = visa.kernel vector @k domain [parallel "6"] slots 0 (%x : tensor<4xf32>) -> (tensor<6xf32>, tensor<6xf32>, tensor<6xf32>) {
  ^bb0(%gx : !visa.global<f32, affine_map<(d0) -> (d0 - 1)>, guarded>, %gy : !visa.global<f32, affine_map<(d0) -> (d0)>>, %gz : !visa.global<f32, affine_map<(d0) -> (d0)>>, %gw : !visa.global<f32, affine_map<(d0) -> (d0)>>):
    %k = visa.scalar 0.0 : f32
    visa.pass once
    %one = visa.fill f32 %k axes [0] : (!visa.scalar) -> !visa.ub
    %two = visa.fill f32 %k axes [0] : (!visa.scalar) -> !visa.ub
    %background = visa.fill f32 %k axes [0] : (!visa.scalar) -> !visa.ub
    %both = visa.binary add f32 %one, %two : (!visa.ub, !visa.ub) -> !visa.ub
    visa.store f32 %background, %gz
    %padded = visa.load_guarded f32 %background, %gx : (!visa.ub) -> !visa.ub
    visa.store f32 %padded, %gy
    visa.store f32 %both, %gw
    visa.end
  }
  return %y, %z, %w : tensor<6xf32>, tensor<6xf32>, tensor<6xf32>
}

// -----

// Each pass is ordered by itself: nothing leaves its pass, and what the pass keeps stays live in it.
// CHECK-LABEL: @each_pass
// CHECK:         visa.pass once
// CHECK-NEXT:    %s0 = visa.reduce_init sum
// CHECK-NEXT:    visa.pass stream
// CHECK-NEXT:    %a = visa.load
// CHECK-NEXT:    %b = visa.load
// CHECK-NEXT:    %ab = visa.binary add f32 %a, %b
// CHECK-NEXT:    %c = visa.load
// CHECK-NEXT:    %abc = visa.binary add f32 %ab, %c
// CHECK-NEXT:    %s = visa.reduce rsum f32 %s0, %abc
// CHECK-NEXT:    visa.pass stream
// CHECK-NEXT:    %e = visa.load
// CHECK-NEXT:    %d = visa.binary div f32 %e, %s
// CHECK-NEXT:    visa.store f32 %d, %gy
// CHECK-NEXT:    visa.end keep %s
func.func @each_pass(%x : tensor<4x8xf32>) -> tensor<4x8xf32> {
  %y = visa.kernel vector @k domain [parallel "4", reduction "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
  ^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
    visa.pass once
    %s0 = visa.reduce_init sum f32 : !visa.ub
    visa.pass stream
    %a = visa.load f32 %gx : !visa.ub
    %b = visa.load f32 %gx : !visa.ub
    %c = visa.load f32 %gx : !visa.ub
    %ab = visa.binary add f32 %a, %b : (!visa.ub, !visa.ub) -> !visa.ub
    %abc = visa.binary add f32 %ab, %c : (!visa.ub, !visa.ub) -> !visa.ub
    %s = visa.reduce rsum f32 %s0, %abc : (!visa.ub, !visa.ub) -> !visa.ub
    visa.pass stream
    %e = visa.load f32 %gx : !visa.ub
    %d = visa.binary div f32 %e, %s : (!visa.ub, !visa.ub) -> !visa.ub
    visa.store f32 %d, %gy
    visa.end keep %s : !visa.ub
  }
  return %y : tensor<4x8xf32>
}

// -----

// Left alone: no order needs fewer slots than the two of the sum.
// CHECK-LABEL: @best_already
// CHECK:         visa.pass once
// CHECK-NEXT:    %a = visa.load
// CHECK-NEXT:    %b = visa.load
// CHECK-NEXT:    %k = visa.scalar
// CHECK-NEXT:    %exp = visa.unary exp f32 %a
// CHECK-NEXT:    %sum = visa.binary add f32 %exp, %b
func.func @best_already(%x : tensor<4xf32>) -> tensor<4xf32> {
  %y = visa.kernel vector @k domain [parallel "4"] slots 0 (%x : tensor<4xf32>) -> (tensor<4xf32>) {
  ^bb0(%gx : !visa.global<f32, affine_map<(d0) -> (d0)>>, %gy : !visa.global<f32, affine_map<(d0) -> (d0)>>):
    visa.pass once
    %a = visa.load f32 %gx : !visa.ub
    %b = visa.load f32 %gx : !visa.ub
    %k = visa.scalar 0.5 : f32
    %exp = visa.unary exp f32 %a : (!visa.ub) -> !visa.ub
    %sum = visa.binary add f32 %exp, %b : (!visa.ub, !visa.ub) -> !visa.ub
    visa.store f32 %sum, %gy
    visa.end
  }
  return %y : tensor<4xf32>
}

// -----

// Left alone: the order is not better. Every tile is read again at the end, so all four are live whatever the order.
// CHECK-LABEL: @no_better
// CHECK:         %a = visa.load
// CHECK-NEXT:    %b = visa.load
// CHECK-NEXT:    %c = visa.load
// CHECK-NEXT:    %ab = visa.binary add f32 %a, %b
func.func @no_better(%x : tensor<4xf32>) -> tensor<4xf32> {
  %y = visa.kernel vector @k domain [parallel "4"] slots 0 (%x : tensor<4xf32>) -> (tensor<4xf32>) {
  ^bb0(%gx : !visa.global<f32, affine_map<(d0) -> (d0)>>, %gy : !visa.global<f32, affine_map<(d0) -> (d0)>>):
    visa.pass once
    %a = visa.load f32 %gx : !visa.ub
    %b = visa.load f32 %gx : !visa.ub
    %c = visa.load f32 %gx : !visa.ub
    %ab = visa.binary add f32 %a, %b : (!visa.ub, !visa.ub) -> !visa.ub
    %abc = visa.binary mul f32 %ab, %c : (!visa.ub, !visa.ub) -> !visa.ub
    %1 = visa.binary sub f32 %abc, %c : (!visa.ub, !visa.ub) -> !visa.ub
    %2 = visa.binary sub f32 %1, %b : (!visa.ub, !visa.ub) -> !visa.ub
    %3 = visa.binary sub f32 %2, %a : (!visa.ub, !visa.ub) -> !visa.ub
    visa.store f32 %3, %gy
    visa.end
  }
  return %y : tensor<4xf32>
}

// -----

// Left alone: an allocated kernel keeps the order that its slots are for.
// CHECK-LABEL: @allocated
// CHECK:         %a = visa.load f32 %gx : !visa.ub<0>
// CHECK-NEXT:    %b = visa.load f32 %gx : !visa.ub<1>
// CHECK-NEXT:    %c = visa.load f32 %gx : !visa.ub<2>
func.func @allocated(%x : tensor<4xf32>) -> tensor<4xf32> {
  %y = visa.kernel vector @k domain [parallel "4"] slots 3 (%x : tensor<4xf32>) -> (tensor<4xf32>) {
  ^bb0(%gx : !visa.global<f32, affine_map<(d0) -> (d0)>>, %gy : !visa.global<f32, affine_map<(d0) -> (d0)>>):
    visa.pass once
    %a = visa.load f32 %gx : !visa.ub<0>
    %b = visa.load f32 %gx : !visa.ub<1>
    %c = visa.load f32 %gx : !visa.ub<2>
    %ab = visa.binary add f32 %a, %b : (!visa.ub<0>, !visa.ub<1>) -> !visa.ub<0>
    %abc = visa.binary add f32 %ab, %c : (!visa.ub<0>, !visa.ub<2>) -> !visa.ub<0>
    visa.store f32 %abc, %gy
    visa.end
  }
  return %y : tensor<4xf32>
}
