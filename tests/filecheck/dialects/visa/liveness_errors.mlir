// RUN: dvm-opt %s --verify-diagnostics --parsing-diagnostics --split-input-file | filecheck %s

// CHECK: visa.binary in a stream pass reads %s of an earlier pass, so the visa.end that ends the pass must keep it
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", reduction "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
  visa.pass once
  %a = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %0 = visa.load f32 %gx : !visa.ub
  %s = visa.reduce rsum f32 %a, %0 : (!visa.ub, !visa.ub) -> !visa.ub
  visa.pass stream
  %1 = visa.load f32 %gx : !visa.ub
  %2 = visa.binary sub f32 %1, %s : (!visa.ub, !visa.ub) -> !visa.ub
  visa.store f32 %2, %gy
  visa.end
}

// -----

// CHECK: visa.binary in a stream pass reads %s of an earlier pass, so the visa.pass that ends the pass must keep it
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", reduction "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
  visa.pass once
  %a = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %0 = visa.load f32 %gx : !visa.ub
  %s = visa.reduce rsum f32 %a, %0 : (!visa.ub, !visa.ub) -> !visa.ub
  visa.pass stream
  %1 = visa.load f32 %gx : !visa.ub
  %2 = visa.binary sub f32 %1, %s : (!visa.ub, !visa.ub) -> !visa.ub
  visa.store f32 %2, %gy
  visa.pass once
  visa.end
}

// -----

// CHECK: visa.unary reads the result of visa.load, a tile of an earlier stream pass
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", reduction "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
  visa.pass once
  %a = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %0 = visa.load f32 %gx : !visa.ub
  %s = visa.reduce rsum f32 %a, %0 : (!visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  %1 = visa.unary exp f32 %0 : (!visa.ub) -> !visa.ub
  visa.store f32 %s, %gy
  visa.end
}

// -----

// CHECK: visa.end keeps the result of visa.load, which no stream pass that ends here reads
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", reduction "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
  visa.pass stream
  %0 = visa.load f32 %gx : !visa.ub
  visa.end keep %0 : !visa.ub
}

// -----

// CHECK: visa.pass keeps %a, which no stream pass that ends here reads
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", reduction "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
  visa.pass once
  %a = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream keep %a : !visa.ub
  visa.end
}

// -----

// CHECK: visa.pass reads the result of visa.load, a tile of an earlier stream pass
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", reduction "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
  visa.pass stream
  %0 = visa.load f32 %gx : !visa.ub
  visa.pass stream
  visa.pass once keep %0 : !visa.ub
  visa.end
}

// -----

// CHECK: visa.unary reads the accumulator %s in the stream pass that is adding to it
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", reduction "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
  visa.pass once
  %a = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %0 = visa.load f32 %gx : !visa.ub
  %s = visa.reduce rsum f32 %a, %0 : (!visa.ub, !visa.ub) -> !visa.ub
  %1 = visa.unary exp f32 %s : (!visa.ub) -> !visa.ub
  visa.pass once
  visa.store f32 %s, %gy
  visa.end
}

// -----

// CHECK: visa.unary reads %a, which visa.reduce has updated in place
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", reduction "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
  visa.pass once
  %a = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %0 = visa.load f32 %gx : !visa.ub
  %s = visa.reduce rsum f32 %a, %0 : (!visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  %1 = visa.unary exp f32 %a : (!visa.ub) -> !visa.ub
  visa.store f32 %s, %gy
  visa.end
}

// -----

// CHECK: visa.reduce reads %a, which visa.reduce has updated in place
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", reduction "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
  visa.pass once
  %a = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %0 = visa.load f32 %gx : !visa.ub
  %s = visa.reduce rsum f32 %a, %0 : (!visa.ub, !visa.ub) -> !visa.ub
  %t = visa.reduce rmax f32 %a, %0 : (!visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  visa.store f32 %s, %gy
  visa.end
}

// -----

// CHECK: visa.pass reads %a, which visa.reduce has updated in place
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", reduction "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
  visa.pass once
  %a = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %0 = visa.load f32 %gx : !visa.ub
  %s = visa.reduce rsum f32 %a, %0 : (!visa.ub, !visa.ub) -> !visa.ub
  visa.pass once keep %a : !visa.ub
  visa.store f32 %s, %gy
  visa.end
}

// -----

// CHECK: nothing reads what visa.reduce accumulates
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", reduction "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
  visa.pass once
  %a = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %0 = visa.load f32 %gx : !visa.ub
  %s = visa.reduce rsum f32 %a, %0 : (!visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  visa.store f32 %a, %gy
  visa.end
}

// -----

// CHECK: visa.reduce_init is allowed only in a once pass
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", reduction "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
  visa.pass stream
  %a = visa.reduce_init sum f32 : !visa.ub
  %0 = visa.load f32 %gx : !visa.ub
  %s = visa.reduce rsum f32 %a, %0 : (!visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  visa.store f32 %s, %gy
  visa.end
}

// -----

// CHECK: the accumulator %a must begin as a visa.reduce_init max
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", reduction "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
  visa.pass once
  %a = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %0 = visa.load f32 %gx : !visa.ub
  %s = visa.reduce rmax f32 %a, %0 : (!visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  visa.store f32 %s, %gy
  visa.end
}

// -----

// CHECK: the accumulator %a must begin as a visa.reduce_init sum
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", reduction "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
  %k = visa.scalar 0.0 : f32
  visa.pass once
  %a = visa.fill f32 %k axes [0] : (!visa.scalar) -> !visa.ub
  visa.pass stream
  %0 = visa.load f32 %gx : !visa.ub
  %s = visa.reduce rsum f32 %a, %0 : (!visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  visa.store f32 %s, %gy
  visa.end
}

// -----

// CHECK: visa.load_guarded updates %b of another pass in place
%r = "test.op"() : () -> tensor<4xf32>
%y = visa.kernel vector @k domain [parallel "4", reduction "8"] slots 0 (%r : tensor<4xf32>) -> (tensor<4xf32>) {
^bb0(%gg : !visa.global<f32, affine_map<(d0, d1) -> (d0)>, guarded>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
  %k = visa.scalar 0.0 : f32
  visa.pass once
  %b = visa.fill f32 %k axes [0] : (!visa.scalar) -> !visa.ub
  visa.pass once
  %0 = visa.load_guarded f32 %b, %gg : (!visa.ub) -> !visa.ub
  visa.store f32 %0, %gy
  visa.end
}
