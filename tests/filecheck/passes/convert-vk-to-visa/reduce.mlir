// RUN: dvm-opt %s -p convert-vk-to-visa | filecheck %s

// A reduction begins as its identity in a first pass, takes in tile after tile of the reduction axes in a stream pass,
// and is finished and stored in a last one.

!full = tensor<?x1024xf32, #dvm.sym<["s0", "1024"]>>
!column = tensor<?x1xf32, #dvm.sym<["s0", "1"]>>
!s0 = tensor<?xf32, #dvm.sym<["s0"]>>
!s1 = tensor<?xf32, #dvm.sym<["s1"]>>
!row = tensor<1024xf32>
!cube = tensor<2x3x4xf32>

// CHECK-LABEL: func.func @sum(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "s0", reduction "1024"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.reduce rsum f32 %0, %1 :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      visa.store f32 %2, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @sum(%x : !full) -> !s0 {
  %r = vk.kernel vector @k0(%a = %x : !full) -> !s0 {
    %0 = dvm.reduce Sum %a dims [1] keepdims false : !full -> !s0
    vk.yield %0 : !s0
  }
  return %r : !s0
}

// CHECK-LABEL: func.func @max(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "s0", reduction "1024"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init max f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.reduce rmax f32 %0, %1 :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      visa.store f32 %2, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @max(%x : !full) -> !s0 {
  %r = vk.kernel vector @k0(%a = %x : !full) -> !s0 {
    %0 = dvm.reduce Max %a dims [1] keepdims false : !full -> !s0
    vk.yield %0 : !s0
  }
  return %r : !s0
}

// CHECK-LABEL: func.func @min(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "s0", reduction "1024"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init min f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.reduce rmin f32 %0, %1 :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      visa.store f32 %2, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @min(%x : !full) -> !s0 {
  %r = vk.kernel vector @k0(%a = %x : !full) -> !s0 {
    %0 = dvm.reduce Min %a dims [1] keepdims false : !full -> !s0
    vk.yield %0 : !s0
  }
  return %r : !s0
}

// CHECK-LABEL: func.func @prod(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "4", reduction "8"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<i64, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<i64, affine_map<(d0, d1) -> (d0)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init prod i64 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load i64 %a :
// CHECK-NEXT:      %2 = visa.reduce rprod i64 %0, %1 :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      visa.store i64 %2, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @prod(%x : tensor<4x8xi64>) -> tensor<4xi64> {
  %r = vk.kernel vector @k0(%a = %x : tensor<4x8xi64>) -> tensor<4xi64> {
    %0 = dvm.reduce Prod %a dims [1] keepdims false : tensor<4x8xi64> -> tensor<4xi64>
    vk.yield %0 : tensor<4xi64>
  }
  return %r : tensor<4xi64>
}

// The sum, divided by the number of elements that bind finds.
// CHECK-LABEL: func.func @mean(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [reduction "s0", reduction "1024"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> ()>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.reduce rsum f32 %0, %1 :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %3 = visa.scalar "1024*s0" : f32
// CHECK-NEXT:      %4 = visa.binary div f32 %2, %3 : (!visa.ub, !visa.scalar) -> !visa.ub
// CHECK-NEXT:      visa.store f32 %4, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @mean(%x : !full) -> tensor<f32> {
  %r = vk.kernel vector @k0(%a = %x : !full) -> tensor<f32> {
    %0 = dvm.reduce Mean %a dims [0, 1] keepdims false : !full -> tensor<f32>
    vk.yield %0 : tensor<f32>
  }
  return %r : tensor<f32>
}

// 16-bit floats are accumulated in f32.
// CHECK-LABEL: func.func @half(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "4", reduction "8"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f16, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<f16, affine_map<(d0, d1) -> (d0)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f16 %a :
// CHECK-NEXT:      %2 = visa.reduce rsum f32 %0, %1 :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %3 = visa.scalar "8" : f32
// CHECK-NEXT:      %4 = visa.binary div f32 %2, %3 : (!visa.ub, !visa.scalar) -> !visa.ub
// CHECK-NEXT:      visa.store f16 %4, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @half(%x : tensor<4x8xf16>) -> tensor<4xf16> {
  %r = vk.kernel vector @k0(%a = %x : tensor<4x8xf16>) -> tensor<4xf16> {
    %0 = dvm.reduce Mean %a dims [1] keepdims false : tensor<4x8xf16> -> tensor<4xf16>
    vk.yield %0 : tensor<4xf16>
  }
  return %r : tensor<4xf16>
}

// A dim that is kept is 1: the access map of the result says 0.
// CHECK-LABEL: func.func @keepdims(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "s0", reduction "1024"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, 0)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.reduce rsum f32 %0, %1 :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      visa.store f32 %2, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @keepdims(%x : !full) -> !column {
  %r = vk.kernel vector @k0(%a = %x : !full) -> !column {
    %0 = dvm.reduce Sum %a dims [1] keepdims true : !full -> !column
    vk.yield %0 : !column
  }
  return %r : !column
}

// CHECK-LABEL: func.func @first_dim(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [reduction "s0", parallel "1024"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.reduce rsum f32 %0, %1 :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      visa.store f32 %2, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @first_dim(%x : !full) -> !row {
  %r = vk.kernel vector @k0(%a = %x : !full) -> !row {
    %0 = dvm.reduce Sum %a dims [0] keepdims false : !full -> !row
    vk.yield %0 : !row
  }
  return %r : !row
}

// CHECK-LABEL: func.func @middle_dim(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "2", reduction "3", parallel "4"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1, d2) -> (d0, d1, d2)>>, %r_1: !visa.global<f32, affine_map<(d0, d1, d2) -> (d0, d2)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.reduce rsum f32 %0, %1 :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      visa.store f32 %2, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @middle_dim(%x : !cube) -> tensor<2x4xf32> {
  %r = vk.kernel vector @k0(%a = %x : !cube) -> tensor<2x4xf32> {
    %0 = dvm.reduce Sum %a dims [1] keepdims false : !cube -> tensor<2x4xf32>
    vk.yield %0 : tensor<2x4xf32>
  }
  return %r : tensor<2x4xf32>
}

// In whatever order they are named.
// CHECK-LABEL: func.func @outer_dims(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [reduction "2", parallel "3", reduction "4"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1, d2) -> (d0, d1, d2)>>, %r_1: !visa.global<f32, affine_map<(d0, d1, d2) -> (0, d1, 0)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.reduce rsum f32 %0, %1 :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      visa.store f32 %2, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @outer_dims(%x : !cube) -> tensor<1x3x1xf32> {
  %r = vk.kernel vector @k0(%a = %x : !cube) -> tensor<1x3x1xf32> {
    %0 = dvm.reduce Sum %a dims [2, 0] keepdims true : !cube -> tensor<1x3x1xf32>
    vk.yield %0 : tensor<1x3x1xf32>
  }
  return %r : tensor<1x3x1xf32>
}

// CHECK-LABEL: func.func @producers(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "s0", reduction "1024"] slots 0 (%y, %x :
// CHECK-NEXT:    ^bb0(%b: !visa.global<f32, affine_map<(d0, d1) -> (d1)>>, %a: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f32 %b :
// CHECK-NEXT:      %2 = visa.unary exp f32 %1 :
// CHECK-NEXT:      %3 = visa.load f32 %a :
// CHECK-NEXT:      %4 = visa.binary mul f32 %3, %2 :
// CHECK-NEXT:      %5 = visa.reduce rsum f32 %0, %4 :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      visa.store f32 %5, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @producers(%x : !full, %y : !row) -> !s0 {
  %r = vk.kernel vector @k0(%a = %x : !full, %b = %y : !row) -> !s0 {
    %0 = dvm.unary Exp %b : !row -> !row
    %1 = dvm.binary Mul %a, %0 : !full, !row -> !full
    %2 = dvm.reduce Sum %1 dims [1] keepdims false : !full -> !s0
    vk.yield %2 : !s0
  }
  return %r : !s0
}

// What varies along the reduction axes is stored on the way, the result at the end.
// CHECK-LABEL: func.func @producer_stored(
// CHECK-NEXT:    %r, %s = visa.kernel vector @k0 domain [parallel "s0", reduction "1024"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0)>>, %s_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.unary exp f32 %1 :
// CHECK-NEXT:      %3 = visa.reduce rsum f32 %0, %2 :
// CHECK-NEXT:      visa.store f32 %2, %s_1
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      visa.store f32 %3, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r, %s :
func.func @producer_stored(%x : !full) -> (!s0, !full) {
  %r, %s = vk.kernel vector @k0(%a = %x : !full) -> (!s0, !full) {
    %0 = dvm.unary Exp %a : !full -> !full
    %1 = dvm.reduce Sum %0 dims [1] keepdims false : !full -> !s0
    vk.yield %1, %0 : !s0, !full
  }
  return %r, %s : !s0, !full
}

// One load for both; each accumulator has a slot of its own.
// CHECK-LABEL: func.func @several(
// CHECK-NEXT:    %r, %s = visa.kernel vector @k0 domain [parallel "s0", reduction "1024"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0)>>, %s_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, 0)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init sum f32 :
// CHECK-NEXT:      %1 = visa.reduce_init max f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %2 = visa.load f32 %a :
// CHECK-NEXT:      %3 = visa.reduce rsum f32 %0, %2 :
// CHECK-NEXT:      %4 = visa.reduce rmax f32 %1, %2 :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %5 = visa.scalar "1024" : f32
// CHECK-NEXT:      %6 = visa.binary div f32 %3, %5 : (!visa.ub, !visa.scalar) -> !visa.ub
// CHECK-NEXT:      visa.store f32 %6, %r_1
// CHECK-NEXT:      visa.store f32 %4, %s_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r, %s :
func.func @several(%x : !full) -> (!s0, !column) {
  %r, %s = vk.kernel vector @k0(%a = %x : !full) -> (!s0, !column) {
    %0 = dvm.reduce Mean %a dims [1] keepdims false : !full -> !s0
    %1 = dvm.reduce Max %a dims [1] keepdims true : !full -> !column
    vk.yield %0, %1 : !s0, !column
  }
  return %r, %s : !s0, !column
}

// A column is repeated 1024 times, and counts that often: it fills a tile with the axis it lacks.
// CHECK-LABEL: func.func @lacks_the_reduced_dim(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "s0", reduction "1024"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, 0)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.fill f32 %1 axes [0, 1] :
// CHECK-NEXT:      %3 = visa.reduce rsum f32 %0, %2 :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      visa.store f32 %3, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @lacks_the_reduced_dim(%x : !column) -> !s0 {
  %r = vk.kernel vector @k0(%a = %x : !column) -> !s0 {
    %0 = dvm.broadcast %a shape ["s0", 1024] : !column -> !full
    %1 = dvm.reduce Sum %0 dims [1] keepdims false : !full -> !s0
    vk.yield %1 : !s0
  }
  return %r : !s0
}

// A row lacks only the other dim, which does no harm.
// CHECK-LABEL: func.func @lacks_another_dim(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "s0", reduction "1024"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.reduce rsum f32 %0, %1 :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      visa.store f32 %2, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @lacks_another_dim(%x : !row) -> !s0 {
  %r = vk.kernel vector @k0(%a = %x : !row) -> !s0 {
    %0 = dvm.broadcast %a shape ["s0", 1024] : !row -> !full
    %1 = dvm.reduce Sum %0 dims [1] keepdims false : !full -> !s0
    vk.yield %1 : !s0
  }
  return %r : !s0
}

// Of the two dims reduced, one is lacking.
// CHECK-LABEL: func.func @lacks_one_of_two(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [reduction "s0", reduction "1024"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> ()>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init prod f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.fill f32 %1 axes [0, 1] :
// CHECK-NEXT:      %3 = visa.reduce rprod f32 %0, %2 :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      visa.store f32 %3, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @lacks_one_of_two(%x : !row) -> tensor<f32> {
  %r = vk.kernel vector @k0(%a = %x : !row) -> tensor<f32> {
    %0 = dvm.broadcast %a shape ["s0", 1024] : !row -> !full
    %1 = dvm.reduce Prod %0 dims [0, 1] keepdims false : !full -> tensor<f32>
    vk.yield %1 : tensor<f32>
  }
  return %r : tensor<f32>
}

// CHECK-LABEL: func.func @of_a_scalar(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "s0", reduction "1024"] slots 0 () ->
// CHECK-NEXT:    ^bb0(%r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.scalar 1.500000e+00 : f32
// CHECK-NEXT:      %2 = visa.fill f32 %1 axes [0, 1] : (!visa.scalar) -> !visa.ub
// CHECK-NEXT:      %3 = visa.reduce rsum f32 %0, %2 :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      visa.store f32 %3, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @of_a_scalar(%x : !s0) -> !s0 {
  %r = vk.kernel vector @k0() -> !s0 {
    %0 = dvm.broadcast_scalar 1.5 shape ["s0", 1024] type Float32 : f32 -> !full
    %1 = dvm.reduce Sum %0 dims [1] keepdims false : !full -> !s0
    vk.yield %1 : !s0
  }
  return %r : !s0
}

// Nor is a dim that is 1 itself lacking, reduced or not.
// CHECK-LABEL: func.func @dims_of_1(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "1", reduction "8"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.reduce rsum f32 %0, %1 :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      visa.store f32 %2, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    %s = visa.kernel vector @k1 domain [parallel "8", reduction "1"] slots 0 (%y :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %s_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, 0)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.reduce rsum f32 %0, %1 :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      visa.store f32 %2, %s_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r, %s :
func.func @dims_of_1(%x : tensor<1x8xf32>, %y : tensor<8x1xf32>) -> (tensor<1xf32>, tensor<8x1xf32>) {
  %r = vk.kernel vector @k0(%a = %x : tensor<1x8xf32>) -> tensor<1xf32> {
    %0 = dvm.reduce Sum %a dims [1] keepdims false : tensor<1x8xf32> -> tensor<1xf32>
    vk.yield %0 : tensor<1xf32>
  }
  %s = vk.kernel vector @k1(%a = %y : tensor<8x1xf32>) -> tensor<8x1xf32> {
    %0 = dvm.reduce Sum %a dims [1] keepdims true : tensor<8x1xf32> -> tensor<8x1xf32>
    vk.yield %0 : tensor<8x1xf32>
  }
  return %r, %s : tensor<1xf32>, tensor<8x1xf32>
}

// What is multiplied has the axis only on one side; that is enough.
// CHECK-LABEL: func.func @has_it_on_one_side(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "s0", reduction "1024"] slots 0 (%x, %y :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, 0)>>, %b: !visa.global<f32, affine_map<(d0, d1) -> (d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.load f32 %b :
// CHECK-NEXT:      %3 = visa.binary mul f32 %1, %2 :
// CHECK-NEXT:      %4 = visa.reduce rsum f32 %0, %3 :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      visa.store f32 %4, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @has_it_on_one_side(%x : !column, %y : !row) -> !s0 {
  %r = vk.kernel vector @k0(%a = %x : !column, %b = %y : !row) -> !s0 {
    %0 = dvm.binary Mul %a, %b : !column, !row -> !full
    %1 = dvm.reduce Sum %0 dims [1] keepdims false : !full -> !s0
    vk.yield %1 : !s0
  }
  return %r : !s0
}

// CHECK-LABEL: func.func @of_an_iota(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "s0", reduction "1024"] slots 0 () ->
// CHECK-NEXT:    ^bb0(%r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.iota f32 axis 1 :
// CHECK-NEXT:      %2 = visa.reduce rsum f32 %0, %1 :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      visa.store f32 %2, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @of_an_iota(%x : !s0) -> !s0 {
  %r = vk.kernel vector @k0() -> !s0 {
    %0 = dvm.iota axis 1 shape ["s0", 1024] : !full
    %1 = dvm.reduce Sum %0 dims [1] keepdims false : !full -> !s0
    vk.yield %1 : !s0
  }
  return %r : !s0
}
