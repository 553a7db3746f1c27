// RUN: dvm-opt %s --verify-diagnostics --parsing-diagnostics --split-input-file | filecheck %s

// CHECK: kind 'scalar' is not one of vector, cube, mix
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel scalar @k domain [parallel "4", reduction "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
  visa.pass once
  %a = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %0 = visa.load f32 %gx : !visa.ub
  %s = visa.reduce rsum f32 %a, %0 : (!visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  visa.store f32 %s, %gy
  visa.end
}

// -----

// CHECK: a domain of 17 axes, more than 16
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", parallel "4", parallel "4", parallel "4", parallel "4", parallel "4", parallel "4", parallel "4", parallel "4", parallel "4", parallel "4", parallel "4", parallel "4", parallel "4", parallel "4", parallel "4", parallel "4"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
  visa.pass once
  %a = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %0 = visa.load f32 %gx : !visa.ub
  %s = visa.reduce rsum f32 %a, %0 : (!visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  visa.store f32 %s, %gy
  visa.end
}

// -----

// CHECK: there are block arguments for 1 tensors, but 2 inputs and outputs
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", reduction "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
  visa.pass once
  %a = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %0 = visa.load f32 %gx : !visa.ub
  %s = visa.reduce rsum f32 %a, %0 : (!visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  visa.end
}

// -----

// CHECK: block argument 0 is !visa.ub, not !visa.global
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", reduction "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4xf32>) {
^bb0(%gx : !visa.ub, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
  visa.pass once
  %a = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %0 = visa.load f32 %gy : !visa.ub
  %s = visa.reduce rsum f32 %a, %0 : (!visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  visa.store f32 %s, %gy
  visa.end
}

// -----

// CHECK: block argument 0 is of f32, but its tensor is tensor<4x8xf16>
%h = "test.op"() : () -> tensor<4x8xf16>
%y = visa.kernel vector @k domain [parallel "4", reduction "8"] slots 0 (%h : tensor<4x8xf16>) -> (tensor<4xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
  visa.pass once
  %a = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %0 = visa.load f32 %gx : !visa.ub
  %s = visa.reduce rsum f32 %a, %0 : (!visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  visa.store f32 %s, %gy
  visa.end
}

// -----

// CHECK: block argument 0: the access map takes 2 axes, but the domain has 3
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", parallel "1", reduction "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
  visa.pass once
  %a = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %0 = visa.load f32 %gx : !visa.ub
  %s = visa.reduce rsum f32 %a, %0 : (!visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  visa.store f32 %s, %gy
  visa.end
}

// -----

// CHECK: block argument 0: the access map has 1 results for tensor<4x8xf32>
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", reduction "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
  visa.pass once
  %a = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %0 = visa.load f32 %gx : !visa.ub
  %s = visa.reduce rsum f32 %a, %0 : (!visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  visa.store f32 %s, %gy
  visa.end
}

// -----

// CHECK: block argument 1 is an output, which is neither guarded nor has a free dim
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", reduction "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0)>, guarded>):
  visa.pass once
  %a = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %0 = visa.load f32 %gx : !visa.ub
  %s = visa.reduce rsum f32 %a, %0 : (!visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  visa.store f32 %s, %gy
  visa.end
}

// -----

// CHECK: block argument 1 is an output, which is neither guarded nor has a free dim
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", reduction "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0)>, free = 0>):
  visa.pass once
  %a = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %0 = visa.load f32 %gx : !visa.ub
  %s = visa.reduce rsum f32 %a, %0 : (!visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  visa.store f32 %s, %gy
  visa.end
}

// -----

// CHECK: kind 'cube' does not fit a kernel without products
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel cube @k domain [parallel "4", reduction "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
  visa.pass once
  %a = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %0 = visa.load f32 %gx : !visa.ub
  %s = visa.reduce rsum f32 %a, %0 : (!visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  visa.store f32 %s, %gy
  visa.end
}

// -----

// CHECK: block argument 0: the access map must say 0 for the free dim 0
%f = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", parallel "8"] slots 0 (%f : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
^bb0(%gf : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>, free = 0>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
  visa.pass once
  
  visa.end
}

// -----

// CHECK: block argument 0: dim 0 must be one axis that no other dim is, step by step
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", parallel "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
^bb0(%gf : !visa.global<f32, affine_map<(d0, d1) -> (d0 + d1, d1)>, guarded>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
  visa.pass once
  
  visa.end
}

// -----

// CHECK: block argument 0: dim 1 must be one axis that no other dim is, step by step
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", parallel "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
^bb0(%gf : !visa.global<f32, affine_map<(d0, d1) -> (d0, d0)>, guarded>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
  visa.pass once
  
  visa.end
}

// -----

// CHECK: block argument 1: dim 1 must be one axis that no other dim is, step by step
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", parallel "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
^bb0(%gf : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1 * 2)>>):
  visa.pass once
  
  visa.end
}

// -----

// CHECK: block argument 1: dim 1 must be one axis that no other dim is, step by step
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", parallel "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
^bb0(%gf : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1 + 1)>>):
  visa.pass once
  
  visa.end
}

// -----

// CHECK: block argument 1: dim 1 must be one axis that no other dim is, step by step
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", parallel "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
^bb0(%gf : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, 0)>>):
  visa.pass once
  
  visa.end
}

// -----

// CHECK: block argument 1: dim 0 is 4, but axis 0 5
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "5", reduction "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
  visa.pass once
  %a = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %0 = visa.load f32 %gx : !visa.ub
  %s = visa.reduce rsum f32 %a, %0 : (!visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  visa.store f32 %s, %gy
  visa.end
}

// -----

// CHECK: block argument 1 is an output, so its access map must have parallel axis 1
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", parallel "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
  visa.pass once
  %a = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %0 = visa.load f32 %gx : !visa.ub
  %s = visa.reduce rsum f32 %a, %0 : (!visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  visa.store f32 %s, %gy
  visa.end
}

// -----

// CHECK: a stream pass needs a reduction axis
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", parallel "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
  visa.pass stream
  %0 = visa.load f32 %gx : !visa.ub
  visa.store f32 %0, %gy
  visa.end
}

// -----

// CHECK: output 0 is stored twice
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", parallel "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
  visa.pass once
  %0 = visa.load f32 %gx : !visa.ub
  
  visa.store f32 %0, %gy
  visa.store f32 %0, %gy
  visa.end
}

// -----

// CHECK: %gy is stored in a stream pass, but its access map lacks the reduction axes [1]
%r = "test.op"() : () -> tensor<4xf32>
%y = visa.kernel vector @k domain [parallel "4", reduction "8"] slots 0 (%r : tensor<4xf32>) -> (tensor<4xf32>) {
^bb0(%gr : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
  visa.pass stream
  %0 = visa.load f32 %gr : !visa.ub
  visa.store f32 %0, %gy
  visa.end
}

// -----

// CHECK: the index and the access map of %gf both vary along axes [1]
%f = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", parallel "8"] slots 0 (%f : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
^bb0(%gf : !visa.global<f32, affine_map<(d0, d1) -> (0, d1)>, free = 0>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
  visa.pass once
  %i = visa.iota i32 axis 1 : !visa.ub
  %0 = visa.gather f32 %gf, %i : (!visa.ub) -> !visa.ub
  visa.store f32 %0, %gy
  visa.end
}

// -----

// CHECK: the tile to fill with varies along axes [1], which the result lacks
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", parallel "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
  visa.pass once
  %0 = visa.load f32 %gx : !visa.ub
  %1 = visa.fill f32 %0 axes [0] : (!visa.ub) -> !visa.ub
  visa.store f32 %0, %gy
  visa.end
}

// -----

// CHECK: the background of %gg must be made by visa.fill
%x = "test.op"() : () -> tensor<4x8xf32>
%g = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", parallel "8"] slots 0 (%x, %g : tensor<4x8xf32>, tensor<4x8xf32>) -> (tensor<4x8xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gg : !visa.global<f32, affine_map<(d0, d1) -> (d0 - 1, d1)>, guarded>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
  visa.pass once
  %0 = visa.load f32 %gx : !visa.ub
  %1 = visa.load_guarded f32 %0, %gg : (!visa.ub) -> !visa.ub
  visa.store f32 %0, %gy
  visa.end
}

// -----

// CHECK: output 0 is never stored
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", parallel "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
  visa.pass once
  %0 = visa.load f32 %gx : !visa.ub
  
  visa.end
}

// -----

// CHECK: a kernel must end in visa.end
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", reduction "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
  visa.pass once
  %a = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %0 = visa.load f32 %gx : !visa.ub
  %s = visa.reduce rsum f32 %a, %0 : (!visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  visa.store f32 %s, %gy
  "test.termop"() : () -> ()
}

// -----

// CHECK: 'test.op' is not allowed in a visa.kernel, only virtual instructions are
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", reduction "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
  visa.pass once
  %a = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %0 = visa.load f32 %gx : !visa.ub
  %s = visa.reduce rsum f32 %a, %0 : (!visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  visa.store f32 %s, %gy
  "test.op"() : () -> ()
  visa.end
}

// -----

// CHECK: visa.reduce_init stands before the first visa.pass
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", reduction "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
  %a = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %0 = visa.load f32 %gx : !visa.ub
  %s = visa.reduce rsum f32 %a, %0 : (!visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  visa.store f32 %s, %gy
  visa.end
}

// -----

// CHECK: visa.end stands before the first visa.pass
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", reduction "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
  visa.end
}

// -----

// CHECK: visa.reduce is allowed only in a stream pass
%r = "test.op"() : () -> tensor<4xf32>
%y = visa.kernel vector @k domain [parallel "4", reduction "8"] slots 0 (%r : tensor<4xf32>) -> (tensor<4xf32>) {
^bb0(%gr : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
  visa.pass once
  %a = visa.reduce_init sum f32 : !visa.ub
  visa.pass once
  %0 = visa.load f32 %gr : !visa.ub
  %s = visa.reduce rsum f32 %a, %0 : (!visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  visa.store f32 %s, %gy
  visa.end
}

// -----

// CHECK: visa.load of %gy, which is an output
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", reduction "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
  visa.pass once
  %a = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %0 = visa.load f32 %gy : !visa.ub
  %s = visa.reduce rsum f32 %a, %0 : (!visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  visa.store f32 %s, %gy
  visa.end
}

// -----

// CHECK: visa.store of %gr, which is an input
%x = "test.op"() : () -> tensor<4x8xf32>
%r = "test.op"() : () -> tensor<4xf32>
%y = visa.kernel vector @k domain [parallel "4", reduction "8"] slots 0 (%x, %r : tensor<4x8xf32>, tensor<4xf32>) -> (tensor<4xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gr : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
  visa.pass once
  %a = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %0 = visa.load f32 %gx : !visa.ub
  %s = visa.reduce rsum f32 %a, %0 : (!visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  visa.store f32 %s, %gr
  visa.end
}

// -----

// CHECK: visa.load of %gg: visa.load_guarded and only it takes guarded operands
%g = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", reduction "8"] slots 0 (%g : tensor<4x8xf32>) -> (tensor<4xf32>) {
^bb0(%gg : !visa.global<f32, affine_map<(d0, d1) -> (d0 - 1, d1)>, guarded>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
  visa.pass once
  %a = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %0 = visa.load f32 %gg : !visa.ub
  %s = visa.reduce rsum f32 %a, %0 : (!visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  visa.store f32 %s, %gy
  visa.end
}

// -----

// CHECK: visa.load_guarded of %gx: visa.load_guarded and only it takes guarded operands
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", parallel "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
  visa.pass once
  %0 = visa.load f32 %gx : !visa.ub
  %1 = visa.load_guarded f32 %0, %gx : (!visa.ub) -> !visa.ub
  visa.store f32 %1, %gy
  visa.end
}

// -----

// CHECK: visa.load of %gf: it must have no free dim
%f = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", reduction "8"] slots 0 (%f : tensor<4x8xf32>) -> (tensor<4xf32>) {
^bb0(%gf : !visa.global<f32, affine_map<(d0, d1) -> (0, d1)>, free = 0>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
  visa.pass once
  %a = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %0 = visa.load f32 %gf : !visa.ub
  %s = visa.reduce rsum f32 %a, %0 : (!visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  visa.store f32 %s, %gy
  visa.end
}

// -----

// CHECK: visa.gather of %gx: it must have a free dim
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", parallel "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
  visa.pass once
  %i = visa.iota i32 axis 0 : !visa.ub
  %0 = visa.gather f32 %gx, %i : (!visa.ub) -> !visa.ub
  visa.store f32 %0, %gy
  visa.end
}

// -----

// CHECK: visa.iota varies along axis 2 of a domain of 2 axes
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", parallel "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
  visa.pass once
  %i = visa.iota i32 axis 2 : !visa.ub
  %0 = visa.load f32 %gx : !visa.ub
  
  visa.store f32 %0, %gy
  visa.end
}

// -----

// CHECK: visa.load in a once pass varies along the reduction axes [1]
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", reduction "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
  visa.pass once
  %l = visa.load f32 %gx : !visa.ub
  %a = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %0 = visa.load f32 %gx : !visa.ub
  %s = visa.reduce rsum f32 %a, %0 : (!visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  visa.store f32 %s, %gy
  visa.end
}

// -----

// CHECK: visa.fill in a once pass varies along the reduction axes [1]
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", reduction "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
  %k = visa.scalar 1.0 : f32
  visa.pass once
  %l = visa.fill f32 %k axes [0, 1] : (!visa.scalar) -> !visa.ub
  %a = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %0 = visa.load f32 %gx : !visa.ub
  %s = visa.reduce rsum f32 %a, %0 : (!visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  visa.store f32 %s, %gy
  visa.end
}

// -----

// CHECK: visa.store in a once pass varies along the reduction axes [1]
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", reduction "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
  visa.pass once
  %a = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %0 = visa.load f32 %gx : !visa.ub
  %s = visa.reduce rsum f32 %a, %0 : (!visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  visa.store f32 %s, %gy
  visa.end
}

// -----

// CHECK: the tile stored to %gy varies along axes [1], which its access map lacks
%x = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", reduction "8"] slots 0 (%x : tensor<4x8xf32>) -> (tensor<4xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
  visa.pass stream
  %0 = visa.load f32 %gx : !visa.ub
  visa.store f32 %0, %gy
  visa.end
}

// -----

// CHECK: the background of %gg does not vary along axes [1] of its access map
%g = "test.op"() : () -> tensor<4x8xf32>
%y = visa.kernel vector @k domain [parallel "4", parallel "8"] slots 0 (%g : tensor<4x8xf32>) -> (tensor<4x8xf32>) {
^bb0(%gg : !visa.global<f32, affine_map<(d0, d1) -> (d0 - 1, d1)>, guarded>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
  visa.pass once
  %k = visa.scalar 1.0 : f32
  %b = visa.fill f32 %k axes [0] : (!visa.scalar) -> !visa.ub
  %0 = visa.load_guarded f32 %b, %gg : (!visa.ub) -> !visa.ub
  visa.store f32 %0, %gy
  visa.end
}

// -----

// CHECK: the tile reduced does not vary along the reduction axes [1]
%r = "test.op"() : () -> tensor<4xf32>
%y = visa.kernel vector @k domain [parallel "4", reduction "8"] slots 0 (%r : tensor<4xf32>) -> (tensor<4xf32>) {
^bb0(%gr : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>, %gy : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
  visa.pass once
  %a = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %0 = visa.load f32 %gr : !visa.ub
  %s = visa.reduce rsum f32 %a, %0 : (!visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  visa.store f32 %s, %gy
  visa.end
}
