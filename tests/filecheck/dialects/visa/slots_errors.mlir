// RUN: dvm-opt %s --verify-diagnostics --parsing-diagnostics --split-input-file | filecheck %s

// CHECK: a kernel with allocated tiles must say how many slots it has
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", parallel "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
  visa.pass once
  %0 = visa.load f32 %gx : !visa.ub<0>
  visa.store f32 %0, %gy
  visa.end
}

// -----

// CHECK: the result of visa.load has the type !visa.ub, but the kernel has slots 0 to 0
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", parallel "8"] slots 1 (%x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
  visa.pass once
  %0 = visa.load f32 %gx : !visa.ub
  visa.store f32 %0, %gy
  visa.end
}

// -----

// CHECK: has the type !visa.ub<1>, but the kernel has slots 0 to 0
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", parallel "8"] slots 1 (%x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
  visa.pass once
  %0 = visa.load f32 %gx : !visa.ub<1>
  visa.store f32 %0, %gy
  visa.end
}

// -----

// CHECK: slot 0 no longer holds %a where visa.binary reads it
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", parallel "8"] slots 2 (%x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
  visa.pass once
  %a = visa.load f32 %gx : !visa.ub<0>
  %b = visa.load f32 %gx : !visa.ub<0>
  %2 = visa.binary add f32 %a, %b : (!visa.ub<0>, !visa.ub<0>) -> !visa.ub<1>
  visa.store f32 %2, %gy
  visa.end
}

// -----

// CHECK: the result of visa.binary may not take slot 1 of its operand %r
%x = "test.op"() : () -> tensor<4x8xf32>
%rr = "test.op"() : () -> tensor<4xf32>
%y = visa.kernel vector @k domain [parallel "4", parallel "8"] slots 2 (%x, %rr : tensor<4x8xf32>, tensor<4xf32>) -> (tensor<4x8xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gr : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
  visa.pass once
  %a = visa.load f32 %gx : !visa.ub<0>
  %r = visa.load f32 %gr : !visa.ub<1>
  %2 = visa.binary add f32 %a, %r : (!visa.ub<0>, !visa.ub<1>) -> !visa.ub<1>
  visa.store f32 %2, %gy
  visa.end
}

// -----

// CHECK: the result of visa.gather may not take slot 0 of its operand %j
%f = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", parallel "8"] slots 1 (%f : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
^bb0(%gf : !visa.global<f32, affine_map<(d0, d1) -> (0, d1)>, free = 0>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
  visa.pass once
  %j = visa.iota i32 axis 0 : !visa.ub<0>
  %2 = visa.gather f32 %gf, %j : (!visa.ub<0>) -> !visa.ub<0>
  visa.store f32 %2, %gy
  visa.end
}

// -----

// CHECK: visa.load_guarded updates %b in place, so slot 1 must be its slot
%g = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", parallel "8"] slots 2 (%g : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
^bb0(%gg : !visa.global<f32, affine_map<(d0, d1) -> (d0 - 1, d1)>, guarded>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
  %k = visa.scalar 0.0 : f32
  visa.pass once
  %b = visa.fill f32 %k axes [0, 1] : (!visa.scalar) -> !visa.ub<0>
  %2 = visa.load_guarded f32 %b, %gg : (!visa.ub<0>) -> !visa.ub<1>
  visa.store f32 %2, %gy
  visa.end
}
