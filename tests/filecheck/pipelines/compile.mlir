// RUN: dvm-opt %s --split-input-file -p dvm-compile -t dvm-asm | filecheck %s

// An elementwise chain becomes one kernel over one domain; the loads come where they are first needed, and two slots
// are enough because each result replaces a source that dies.
func.func @chain(%x : tensor<?x8xf32>, %b : tensor<8xf32>) -> tensor<?x8xf32>
    attributes {dvm.arg_names = ["x", "b"], dvm.result_names = ["y"]} {
  %0 = dvm.unary Exp %x : tensor<?x8xf32> -> tensor<?x8xf32>
  %1 = dvm.binary Add %0, %b : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x8xf32>
  %2 = dvm.binary_scalar Mul %1, 2.0 : tensor<?x8xf32>, f32 -> tensor<?x8xf32>
  return %2 : tensor<?x8xf32>
}

// CHECK:      program 'chain'
// CHECK:      symbols
// CHECK-NEXT:   s0 = dim 0 of x
// CHECK:      vector kernel '{{.*}}', 2 slots
// CHECK-NEXT:   domain d0 < s0, d1 < 8
// CHECK-NEXT:   operands g0 reads x[d0, d1] f32
// CHECK-NEXT:            g1 reads b[d1] f32
// CHECK-NEXT:            g2 writes y[d0, d1] f32
// CHECK:        words 0 pass once
// CHECK-NEXT:         1 load.f32 [[X:ub[01]]], g0 'x'
// CHECK-NEXT:         2 exp.f32 [[X]], [[X]]
// CHECK-NEXT:         3 load.f32 [[B:ub[01]]], g1 'b'
// CHECK-NEXT:         4 add.f32 [[X]], [[X]], [[B]]
// CHECK-NEXT:         5 mul.f32 [[X]], [[X]], k0=2.0
// CHECK-NEXT:         6 store.f32 [[X]], g2 'y'
// CHECK-NOT:  stage 1

// -----

// A softmax with a dynamic row is one kernel with three stream passes: each reduction, and the division; f16 is computed
// in f32 and rounded once, in the store.
func.func @softmax(%x : tensor<?x?xf16>) -> tensor<?x?xf16>
    attributes {dvm.arg_names = ["x"], dvm.result_names = ["y"]} {
  %0 = dvm.softmax %x axis -1 : tensor<?x?xf16> -> tensor<?x?xf16>
  return %0 : tensor<?x?xf16>
}

// CHECK:      program 'softmax'
// CHECK:      facts
// CHECK-NEXT:   s1 >= 1 dvm.reduce Max at {{.*}}compile.mlir:{{[0-9]+}}
// CHECK:      vector kernel
// CHECK-NEXT:   domain d0 < s0, d1 < s1 (reduction)
// CHECK:        pass stream
// CHECK:        rmax.f32
// CHECK:        pass stream
// CHECK:        load.f16
// CHECK:        sub.f32
// CHECK:        exp.f32
// CHECK:        rsum.f32
// CHECK:        pass stream
// CHECK:        div.f32
// CHECK-NEXT:   {{[0-9]+}} store.f16
// CHECK-NOT:  stage 1

// -----

// A matrix product is a cube kernel, its contracted dim a reduction axis; with the activation after it, it is a mix.
func.func @layer(%x : tensor<?x16xf32>, %w : tensor<16x4xf32>, %b : tensor<4xf32>) -> tensor<?x4xf32>
    attributes {dvm.arg_names = ["x", "w", "b"], dvm.result_names = ["y"]} {
  %0 = dvm.matmul %x, %w trans_a false trans_b false bias %b : tensor<?x16xf32>, tensor<16x4xf32>, tensor<4xf32> -> tensor<?x4xf32>
  %1 = dvm.unary Tanh %0 : tensor<?x4xf32> -> tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}

// CHECK:      program 'layer'
// CHECK:      mix kernel
// CHECK-NEXT:   domain d0 < s0, d1 < 4, d2 < 16 (reduction)
// CHECK:        rinit.f32
// CHECK:        pass stream
// CHECK:        mm.f32
// CHECK:        pass once
// CHECK:        add.f32
// CHECK-NEXT:   {{[0-9]+}} tanh.f32
// CHECK-NEXT:   {{[0-9]+}} store.f32
// CHECK-NOT:  stage 1

// -----

// A graph whose result is its argument still copies it, for the caller owns the result.
func.func @identity(%x : tensor<?xi64>) -> tensor<?xi64> attributes {dvm.arg_names = ["x"]} {
  return %x : tensor<?xi64>
}

// CHECK:      program 'identity'
// CHECK:      vector kernel
// CHECK:        load.i64 ub0, g0 'x'
// CHECK-NEXT:   store.i64 ub0, g1
// CHECK-NOT:  stage 1
