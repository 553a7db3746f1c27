// RUN: dvm-opt %s | filecheck %s
// RUN: dvm-opt %s --print-op-generic | dvm-opt | filecheck %s
// RUN: dvm-opt %s --print-op-generic | filecheck %s --check-prefix=GENERIC

// Passes: a row's maximum, then the exponentials of its differences, with the maximum kept while they stream.
// CHECK-LABEL: @softmax_numerator
// CHECK:         %y = visa.kernel vector @k0 domain [parallel "s0", reduction "1024"] slots 0 (%x : tensor<?x1024xf16>) -> (tensor<?x1024xf16>) {
// CHECK-NEXT:    ^bb0(%gx: !visa.global<f16, affine_map<(d0, d1) -> (d0, d1)>>, %gy: !visa.global<f16, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      %k = visa.scalar 5.000000e-01 : f32
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %m0 = visa.reduce_init max f32 : !visa.ub
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %0 = visa.load f16 %gx : !visa.ub
// CHECK-NEXT:      %m = visa.reduce rmax f32 %m0, %0 : (!visa.ub, !visa.ub) -> !visa.ub
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f16 %gx : !visa.ub
// CHECK-NEXT:      %2 = visa.binary sub f32 %1, %m : (!visa.ub, !visa.ub) -> !visa.ub
// CHECK-NEXT:      %3 = visa.binary mul f32 %2, %k : (!visa.ub, !visa.scalar) -> !visa.ub
// CHECK-NEXT:      %4 = visa.unary exp f32 %3 : (!visa.ub) -> !visa.ub
// CHECK-NEXT:      visa.store f16 %4, %gy
// CHECK-NEXT:      visa.end keep %m : !visa.ub
// CHECK-NEXT:    }
// GENERIC:       "visa.kernel"(%x) <{kind = "vector", sym_name = "k0", domain = [#visa.axis<parallel "s0">, #visa.axis<reduction "1024">], slots = #builtin.int<0>}>
// GENERIC:       "visa.pass"() <{mode = "stream"}> : () -> ()
// GENERIC:       "visa.end"(%m) : (!visa.ub) -> ()
func.func @softmax_numerator(%x : tensor<?x1024xf16>) -> tensor<?x1024xf16> {
  %y = visa.kernel vector @k0 domain [parallel "s0", reduction "1024"] slots 0 (%x : tensor<?x1024xf16>) -> (tensor<?x1024xf16>) {
  ^bb0(%gx : !visa.global<f16, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f16, affine_map<(d0, d1) -> (d0, d1)>>):
    %k = visa.scalar 0.5 : f32
    visa.pass once
    %m0 = visa.reduce_init max f32 : !visa.ub
    visa.pass stream
    %0 = visa.load f16 %gx : !visa.ub
    %m = visa.reduce rmax f32 %m0, %0 : (!visa.ub, !visa.ub) -> !visa.ub
    visa.pass stream
    %1 = visa.load f16 %gx : !visa.ub
    %2 = visa.binary sub f32 %1, %m : (!visa.ub, !visa.ub) -> !visa.ub
    %3 = visa.binary mul f32 %2, %k : (!visa.ub, !visa.scalar) -> !visa.ub
    %4 = visa.unary exp f32 %3 : (!visa.ub) -> !visa.ub
    visa.store f16 %4, %gy
    visa.end keep %m : !visa.ub
  }
  return %y : tensor<?x1024xf16>
}

// After allocation. The exponential overwrites its operand; the sum does not fit in a slot of its broadcast operand.
// CHECK-LABEL: @allocated
// CHECK:         slots 2 (%x, %b : tensor<4x8xf32>, tensor<4xf32>) -> (tensor<4x8xf32>) attributes {note = "two"} {
// CHECK:           %0 = visa.load f32 %gb : !visa.ub<0>
// CHECK-NEXT:      %1 = visa.load f32 %gx : !visa.ub<1>
// CHECK-NEXT:      %2 = visa.unary exp f32 %1 : (!visa.ub<1>) -> !visa.ub<1>
// CHECK-NEXT:      %3 = visa.binary add f32 %2, %0 : (!visa.ub<1>, !visa.ub<0>) -> !visa.ub<1>
func.func @allocated(%x : tensor<4x8xf32>, %b : tensor<4xf32>) -> tensor<4x8xf32> {
  %y = visa.kernel vector @k0 domain [parallel "4", parallel "8"] slots 2 (%x, %b : tensor<4x8xf32>, tensor<4xf32>) -> (tensor<4x8xf32>) attributes {note = "two"} {
  ^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gb : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
    visa.pass once
    %0 = visa.load f32 %gb : !visa.ub<0>
    %1 = visa.load f32 %gx : !visa.ub<1>
    %2 = visa.unary exp f32 %1 : (!visa.ub<1>) -> !visa.ub<1>
    %3 = visa.binary add f32 %2, %0 : (!visa.ub<1>, !visa.ub<0>) -> !visa.ub<1>
    visa.store f32 %3, %gy
    visa.end
  }
  return %y : tensor<4x8xf32>
}

// No inputs, rank 0, several results.
// CHECK-LABEL: @generators
// CHECK:         visa.kernel vector @k0 domain [] slots 0 () -> (tensor<f32>, tensor<i1>) {
// CHECK-NEXT:    ^bb0(%gy: !visa.global<f32, affine_map<() -> ()>>, %gz: !visa.global<i1, affine_map<() -> ()>>):
func.func @generators() -> (tensor<f32>, tensor<i1>) {
  %y, %z = visa.kernel vector @k0 domain [] slots 0 () -> (tensor<f32>, tensor<i1>) {
  ^bb0(%gy : !visa.global<f32, affine_map<() -> ()>>, %gz : !visa.global<i1, affine_map<() -> ()>>):
    %k = visa.scalar 0.5 : f32
    %t = visa.scalar true
    visa.pass once
    %0 = visa.fill f32 %k axes [] : (!visa.scalar) -> !visa.ub
    visa.store f32 %0, %gy
    %1 = visa.fill i1 %t axes [] : (!visa.scalar) -> !visa.ub
    visa.store i1 %1, %gz
    visa.end
  }
  return %y, %z : tensor<f32>, tensor<i1>
}

// CHECK: visa.bytecode @main {bytes = dense<[68, 86, 77]> : tensor<3xi8>}
// GENERIC: "visa.bytecode"() <{sym_name = "main", bytes = dense<[68, 86, 77]> : tensor<3xi8>}> : () -> ()
visa.bytecode @main {bytes = dense<[68, 86, 77]> : tensor<3xi8>}
