// RUN: dvm-opt %s | filecheck %s
// RUN: dvm-opt %s --print-op-generic | dvm-opt | filecheck %s

// CHECK-LABEL: @elementwise
func.func @elementwise(%x : tensor<4x8xf32>, %i : tensor<4xi64>, %b : tensor<4xi1>) -> tensor<4x8xi32> {
  %y = visa.kernel vector @k0 domain [parallel "4", parallel "8"] slots 0 (%x, %i, %x, %b : tensor<4x8xf32>, tensor<4xi64>, tensor<4x8xf32>, tensor<4xi1>) -> (tensor<4x8xi32>) {
  ^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (0, d1)>, free = 0>, %gi : !visa.global<i64, affine_map<(d0, d1) -> (d0)>>, %gz : !visa.global<f32, affine_map<(d0, d1) -> (d0 - 1, d1)>, guarded>, %gb : !visa.global<i1, affine_map<(d0, d1) -> (d0)>>, %gy : !visa.global<i32, affine_map<(d0, d1) -> (d0, d1)>>):
    // CHECK: %k = visa.scalar 5.000000e-01 : f32
    %k = visa.scalar 0.5 : f32
    // CHECK: %d = visa.scalar "4*s0" : f32
    %d = visa.scalar "4*s0" : f32
    // CHECK: %inf = visa.scalar 0x7f800000 : f32
    %inf = visa.scalar 0x7F800000 : f32
    // CHECK: %minus = visa.scalar -1 : i64
    %minus = visa.scalar -1 : i64
    // CHECK: visa.pass once
    visa.pass once
    // CHECK: %0 = visa.load i64 %gi : !visa.ub
    %0 = visa.load i64 %gi : !visa.ub
    // CHECK: %1 = visa.gather f32 %gx, %0 : (!visa.ub) -> !visa.ub
    %1 = visa.gather f32 %gx, %0 : (!visa.ub) -> !visa.ub
    // CHECK: %2 = visa.fill f32 %k axes [0, 1] : (!visa.scalar) -> !visa.ub
    %2 = visa.fill f32 %k axes [0, 1] : (!visa.scalar) -> !visa.ub
    // CHECK: %3 = visa.load_guarded f32 %2, %gz : (!visa.ub) -> !visa.ub
    %3 = visa.load_guarded f32 %2, %gz : (!visa.ub) -> !visa.ub
    // CHECK: %4 = visa.iota i32 axis 1 : !visa.ub
    %4 = visa.iota i32 axis 1 : !visa.ub
    // CHECK: %5 = visa.load i1 %gb : !visa.ub
    %5 = visa.load i1 %gb : !visa.ub
    // CHECK: %6 = visa.select f32 %5, %3, %d : (!visa.ub, !visa.ub, !visa.scalar) -> !visa.ub
    %6 = visa.select f32 %5, %3, %d : (!visa.ub, !visa.ub, !visa.scalar) -> !visa.ub
    // CHECK: %7 = visa.cast f32 %6 to bf16 : (!visa.ub) -> !visa.ub
    %7 = visa.cast f32 %6 to bf16 : (!visa.ub) -> !visa.ub
    // CHECK: %8 = visa.cast f32 %7 to i32 : (!visa.ub) -> !visa.ub
    %8 = visa.cast f32 %7 to i32 : (!visa.ub) -> !visa.ub
    // CHECK: %9 = visa.binary gt f32 %1, %inf : (!visa.ub, !visa.scalar) -> !visa.ub
    %9 = visa.binary gt f32 %1, %inf : (!visa.ub, !visa.scalar) -> !visa.ub
    // CHECK: %10 = visa.unary not i1 %9 : (!visa.ub) -> !visa.ub
    %10 = visa.unary not i1 %9 : (!visa.ub) -> !visa.ub
    // CHECK: %11 = visa.cast i1 %10 to i32 : (!visa.ub) -> !visa.ub
    %11 = visa.cast i1 %10 to i32 : (!visa.ub) -> !visa.ub
    // CHECK: %12 = visa.binary add i32 %11, %8 : (!visa.ub, !visa.ub) -> !visa.ub
    %12 = visa.binary add i32 %11, %8 : (!visa.ub, !visa.ub) -> !visa.ub
    // CHECK: %13 = visa.binary add i32 %12, %4 {note = "any attribute"} : (!visa.ub, !visa.ub) -> !visa.ub
    %13 = visa.binary add i32 %12, %4 {note = "any attribute"} : (!visa.ub, !visa.ub) -> !visa.ub
    // CHECK: visa.store i32 %13, %gy
    visa.store i32 %13, %gy
    visa.end
  }
  return %y : tensor<4x8xi32>
}

// Two reductions of one stream pass; their results are read once it has ended.
// CHECK-LABEL: @reductions
func.func @reductions(%x : tensor<4x8xbf16>) -> tensor<4xbf16> {
  %y = visa.kernel vector @k0 domain [parallel "4", reduction "8"] slots 0 (%x : tensor<4x8xbf16>) -> (tensor<4xbf16>) {
  ^bb0(%gx : !visa.global<bf16, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<bf16, affine_map<(d0, d1) -> (d0)>>):
    visa.pass once
    // CHECK: %s0 = visa.reduce_init sum f32 : !visa.ub
    %s0 = visa.reduce_init sum f32 : !visa.ub
    %p0 = visa.reduce_init prod f32 : !visa.ub
    // CHECK: visa.pass stream
    visa.pass stream
    %0 = visa.load bf16 %gx : !visa.ub
    // CHECK: %s = visa.reduce rsum f32 %s0, %0 : (!visa.ub, !visa.ub) -> !visa.ub
    %s = visa.reduce rsum f32 %s0, %0 : (!visa.ub, !visa.ub) -> !visa.ub
    %p = visa.reduce rprod f32 %p0, %0 : (!visa.ub, !visa.ub) -> !visa.ub
    // CHECK: visa.pass once
    visa.pass once
    %1 = visa.binary max f32 %s, %p : (!visa.ub, !visa.ub) -> !visa.ub
    visa.store bf16 %1, %gy
    visa.end
  }
  return %y : tensor<4xbf16>
}

// CHECK-LABEL: @products
func.func @products(%x : tensor<4x8xf32>, %v : tensor<8x5xf32>, %w : tensor<3x8x5xf16>, %g : tensor<3xi32>) -> (tensor<4x5xf32>, tensor<4x5xf32>, tensor<3x4x5xf32>) {
  %y = visa.kernel cube @plain domain [parallel "4", parallel "5", reduction "8"] slots 0 (%x, %v : tensor<4x8xf32>, tensor<8x5xf32>) -> (tensor<4x5xf32>) {
  ^bb0(%gx : !visa.global<f32, affine_map<(m, n, k) -> (m, k)>>, %gv : !visa.global<f32, affine_map<(m, n, k) -> (k, n)>>, %gy : !visa.global<f32, affine_map<(m, n, k) -> (m, n)>>):
    visa.pass once
    %0 = visa.reduce_init sum f32 : !visa.ub
    visa.pass stream
    %1 = visa.load f32 %gx : !visa.ub
    %2 = visa.load f32 %gv : !visa.ub
    // CHECK: %3 = visa.matmul f32 %0, %1, %2 : (!visa.ub, !visa.ub, !visa.ub) -> !visa.ub
    %3 = visa.matmul f32 %0, %1, %2 : (!visa.ub, !visa.ub, !visa.ub) -> !visa.ub
    visa.pass once
    visa.store f32 %3, %gy
    visa.end
  }
  %z = visa.kernel cube @rows domain [parallel "4", parallel "5", reduction "8"] slots 0 (%x, %w, %g : tensor<4x8xf32>, tensor<3x8x5xf16>, tensor<3xi32>) -> (tensor<4x5xf32>) {
  ^bb0(%gx : !visa.global<f32, affine_map<(m, n, k) -> (m, k)>>, %gw : !visa.global<f16, affine_map<(m, n, k) -> (0, k, n)>, free = 0>, %gg : !visa.global<i32, affine_map<(m, n, k) -> (0)>, free = 0>, %gy : !visa.global<f32, affine_map<(m, n, k) -> (m, n)>>):
    visa.pass once
    %0 = visa.reduce_init sum f32 : !visa.ub
    visa.pass stream
    %1 = visa.load f32 %gx : !visa.ub
    // CHECK: %2 = visa.grouped_matmul f32 %0, %1, %gw, %gg : (!visa.ub, !visa.ub) -> !visa.ub
    %2 = visa.grouped_matmul f32 %0, %1, %gw, %gg : (!visa.ub, !visa.ub) -> !visa.ub
    visa.pass once
    visa.store f32 %2, %gy
    visa.end
  }
  %u = visa.kernel cube @columns domain [parallel "3", parallel "4", parallel "5", reduction "8"] slots 0 (%x, %v, %g : tensor<4x8xf32>, tensor<8x5xf32>, tensor<3xi32>) -> (tensor<3x4x5xf32>) {
  ^bb0(%gx : !visa.global<f32, affine_map<(g, m, n, k) -> (m, k)>>, %gv : !visa.global<f32, affine_map<(g, m, n, k) -> (k, n)>>, %gg : !visa.global<i32, affine_map<(g, m, n, k) -> (0)>, free = 0>, %gy : !visa.global<f32, affine_map<(g, m, n, k) -> (g, m, n)>>):
    visa.pass once
    %0 = visa.reduce_init sum f32 : !visa.ub
    visa.pass stream
    %1 = visa.load f32 %gx : !visa.ub
    %2 = visa.load f32 %gv : !visa.ub
    // CHECK: %3 = visa.grouped_matmul_k f32 %0, %1, %2, %gg : (!visa.ub, !visa.ub, !visa.ub) -> !visa.ub
    %3 = visa.grouped_matmul_k f32 %0, %1, %2, %gg : (!visa.ub, !visa.ub, !visa.ub) -> !visa.ub
    visa.pass once
    visa.store f32 %3, %gy
    visa.end
  }
  return %y, %z, %u : tensor<4x5xf32>, tensor<4x5xf32>, tensor<3x4x5xf32>
}
