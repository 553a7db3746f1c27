// RUN: dvm-opt %s --verify-diagnostics --parsing-diagnostics --split-input-file | filecheck %s

// CHECK: 'expp' is not one of copy, sqrt, abs
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", parallel "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
  visa.pass once
  %0 = visa.load f32 %gx : !visa.ub
  %1 = visa.unary expp f32 %0 : (!visa.ub) -> !visa.ub
  visa.store f32 %0, %gy
  visa.end
}

// -----

// CHECK: 'add' is not one of copy, sqrt, abs
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", parallel "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
  visa.pass once
  %0 = visa.load f32 %gx : !visa.ub
  %1 = visa.unary add f32 %0 : (!visa.ub) -> !visa.ub
  visa.store f32 %0, %gy
  visa.end
}

// -----

// CHECK: 'sqrt' does not take i32, only f32
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", parallel "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
  visa.pass once
  %i = visa.iota i32 axis 0 : !visa.ub
  %1 = visa.unary sqrt i32 %i : (!visa.ub) -> !visa.ub
  visa.end
}

// -----

// CHECK: 'sqrt' does not take f16, only f32
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", parallel "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
  visa.pass once
  %0 = visa.load f32 %gx : !visa.ub
  %1 = visa.unary sqrt f16 %0 : (!visa.ub) -> !visa.ub
  visa.store f32 %0, %gy
  visa.end
}

// -----

// CHECK: f64 is not an element type of dvm (i1, f16, bf16, f32, i32, i64)
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", parallel "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
  visa.pass once
  %0 = visa.load f32 %gx : !visa.ub
  %1 = visa.unary sqrt f64 %0 : (!visa.ub) -> !visa.ub
  visa.store f32 %0, %gy
  visa.end
}

// -----

// CHECK: operand 1 is a tile or scalar of i32, but f32 is needed
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", parallel "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
  visa.pass once
  %0 = visa.load f32 %gx : !visa.ub
  %k = visa.scalar 1 : i32
  %1 = visa.binary add f32 %0, %k : (!visa.ub, !visa.scalar) -> !visa.ub
  visa.store f32 %0, %gy
  visa.end
}

// -----

// CHECK: operand 0 is a tile or scalar of i1, but f32 is needed
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", parallel "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
  visa.pass once
  %0 = visa.load f32 %gx : !visa.ub
  %1 = visa.binary gt f32 %0, %0 : (!visa.ub, !visa.ub) -> !visa.ub
  %2 = visa.unary neg f32 %1 : (!visa.ub) -> !visa.ub
  visa.store f32 %0, %gy
  visa.end
}

// -----

// CHECK: operand 0 is a tile or scalar of f32, but i1 is needed
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", parallel "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
  visa.pass once
  %0 = visa.load f32 %gx : !visa.ub
  %1 = visa.select f32 %0, %0, %0 : (!visa.ub, !visa.ub, !visa.ub) -> !visa.ub
  visa.store f32 %0, %gy
  visa.end
}

// -----

// CHECK: !visa.scalar should be of base attribute visa.ub
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", parallel "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
  visa.pass once
  %k = visa.scalar 1.0 : f32
  %1 = visa.unary neg f32 %k : (!visa.scalar) -> !visa.ub
  visa.end
}

// -----

// CHECK: %nothing is not defined above
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", parallel "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
  visa.pass once
  %0 = visa.load f32 %nothing : !visa.ub
  visa.end
}

// -----

// CHECK: the tensor operand is of f32, not f16
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", parallel "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
  visa.pass once
  %0 = visa.load f16 %gx : !visa.ub
  visa.store f32 %0, %gy
  visa.end
}

// -----

// CHECK: operand 0 is a tile or scalar of i32, but f32 is needed
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", parallel "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
  visa.pass once
  %i = visa.iota i32 axis 0 : !visa.ub
  visa.store f32 %i, %gy
  visa.end
}

// -----

// CHECK: the index is a tile of f32, but i32 or i64 is needed
%x = "test.op"() : () -> tensor<4x8xf32>
%f = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", parallel "8"] slots 0 (%x, %f : tensor<4x8xf32>, tensor<4x8xf32>) -> (tensor<4x8xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gf : !visa.global<f32, affine_map<(d0, d1) -> (0, d1)>, free = 0>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
  visa.pass once
  %0 = visa.load f32 %gx : !visa.ub
  %1 = visa.gather f32 %gf, %0 : (!visa.ub) -> !visa.ub
  visa.store f32 %0, %gy
  visa.end
}

// -----

// CHECK: axes [1, 0] are not ascending numbers of axes
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", parallel "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
  visa.pass once
  %k = visa.scalar 1.0 : f32
  %0 = visa.fill f32 %k axes [1, 0] : (!visa.scalar) -> !visa.ub
  visa.store f32 %0, %gy
  visa.end
}

// -----

// CHECK: reduction 'mean' is not one of sum, max, min, prod
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", parallel "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
  visa.pass once
  %0 = visa.reduce_init mean f32 : !visa.ub
  visa.store f32 %0, %gy
  visa.end
}

// -----

// CHECK: pass mode 'twice' is not one of once, stream
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", reduction "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
  visa.pass twice
  visa.end
}

// -----

// CHECK: f16 is not computed in, so there are no scalars of it
%k = visa.scalar 0.5 : f16

// -----

// CHECK: '4 s0' is not a dim: unexpected 's0'
%k = visa.scalar "4 s0" : f32

// -----

// CHECK: the value is of type f32, not i32
%k = "visa.scalar"() <{value = 5.0e-01 : f32, element = i32}> : () -> !visa.scalar

// -----

// CHECK: bytes are of i32, not i8
visa.bytecode @main {bytes = dense<1> : tensor<1xi32>}
