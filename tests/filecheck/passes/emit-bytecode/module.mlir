// RUN: dvm-opt %s -p emit-bytecode | filecheck %s
// RUN: dvm-opt %s -p emit-bytecode | dvm-opt -p emit-bytecode | filecheck %s
// RUN: dvm-opt %s -p emit-bytecode -t dvm-bytecode -o %t && dvm-objdump %t | filecheck %s --check-prefix=LISTING

// The operation takes the name of the function; private functions are dropped. A module that is compiled already stays.
// CHECK:      builtin.module {
// CHECK-NEXT:   visa.bytecode @f {bytes = dense<"0x44564D42{{[0-9A-F]+}}"> : tensor<{{[0-9]+}}xi8>}
// CHECK-NEXT: }
// LISTING: program 'f'
// LISTING: exp.f32 ub0, ub0
func.func private @unused(%x : tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
func.func private @declared(tensor<4xf32>) -> tensor<4xf32>
func.func @f(%x : tensor<4xf32>) -> tensor<4xf32> {
  %y = visa.kernel vector @k domain [parallel "4"] slots 1 (%x : tensor<4xf32>) -> (tensor<4xf32>) {
  ^bb0(%gx : !visa.global<f32, affine_map<(d0) -> (d0)>>, %gy : !visa.global<f32, affine_map<(d0) -> (d0)>>):
    visa.pass once
    %0 = visa.load f32 %gx : !visa.ub<0>
    %1 = visa.unary exp f32 %0 : (!visa.ub<0>) -> !visa.ub<0>
    visa.store f32 %1, %gy
    visa.end
  }
  return %y : tensor<4xf32>
}
