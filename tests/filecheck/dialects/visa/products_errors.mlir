// RUN: dvm-opt %s --verify-diagnostics --parsing-diagnostics --split-input-file | filecheck %s

// CHECK: the group ends are of f32, but i32 or i64 is needed
%x, %w, %g = "test.op"() : () -> (tensor<4x8xf32>, tensor<3x8x5xf32>, tensor<3xf32>)
%y = visa.kernel cube @k domain [parallel "4", parallel "5", reduction "8"] slots 0 (%x, %w, %g : tensor<4x8xf32>, tensor<3x8x5xf32>, tensor<3xf32>) -> (tensor<4x5xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(m, n, k) -> (m, k)>>, %gw : !visa.global<f32, affine_map<(m, n, k) -> (0, k, n)>, free = 0>, %gg : !visa.global<f32, affine_map<(m, n, k) -> (0)>, free = 0>, %gy : !visa.global<f32, affine_map<(m, n, k) -> (m, n)>>):
  visa.pass once
  %0 = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %1 = visa.load f32 %gx : !visa.ub
  %2 = visa.grouped_matmul f32 %0, %1, %gw, %gg : (!visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  visa.store f32 %2, %gy
  visa.end
}

// -----

// CHECK: the group ends are of f32, but i32 or i64 is needed
%x, %w, %g = "test.op"() : () -> (tensor<4x8xf32>, tensor<8x5xf32>, tensor<3xf32>)
%y = visa.kernel cube @k domain [parallel "4", parallel "5", reduction "8"] slots 0 (%x, %w, %g : tensor<4x8xf32>, tensor<8x5xf32>, tensor<3xf32>) -> (tensor<4x5xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(m, n, k) -> (m, k)>>, %gw : !visa.global<f32, affine_map<(m, n, k) -> (k, n)>>, %gg : !visa.global<f32, affine_map<(m, n, k) -> (0)>, free = 0>, %gy : !visa.global<f32, affine_map<(m, n, k) -> (m, n)>>):
  visa.pass once
  %0 = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %1 = visa.load f32 %gx : !visa.ub
  %w1 = visa.load f32 %gw : !visa.ub
  %2 = visa.grouped_matmul_k f32 %0, %1, %w1, %gg : (!visa.ub, !visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  visa.store f32 %2, %gy
  visa.end
}

// -----

// CHECK: the weights are of i32, which is not computed in f32
%x, %w, %g = "test.op"() : () -> (tensor<4x8xf32>, tensor<3x8x5xi32>, tensor<3xi32>)
%y = visa.kernel cube @k domain [parallel "4", parallel "5", reduction "8"] slots 0 (%x, %w, %g : tensor<4x8xf32>, tensor<3x8x5xi32>, tensor<3xi32>) -> (tensor<4x5xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(m, n, k) -> (m, k)>>, %gw : !visa.global<i32, affine_map<(m, n, k) -> (0, k, n)>, free = 0>, %gg : !visa.global<i32, affine_map<(m, n, k) -> (0)>, free = 0>, %gy : !visa.global<f32, affine_map<(m, n, k) -> (m, n)>>):
  visa.pass once
  %0 = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %1 = visa.load f32 %gx : !visa.ub
  %2 = visa.grouped_matmul f32 %0, %1, %gw, %gg : (!visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  visa.store f32 %2, %gy
  visa.end
}

// -----

// CHECK: visa.grouped_matmul of %gw: it must have a free dim
%x, %w, %g = "test.op"() : () -> (tensor<4x8xf32>, tensor<3x8x5xf32>, tensor<3xi32>)
%y = visa.kernel cube @k domain [parallel "4", parallel "5", reduction "8"] slots 0 (%x, %w, %g : tensor<4x8xf32>, tensor<3x8x5xf32>, tensor<3xi32>) -> (tensor<4x5xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(m, n, k) -> (m, k)>>, %gw : !visa.global<f32, affine_map<(m, n, k) -> (0, k, n)>>, %gg : !visa.global<i32, affine_map<(m, n, k) -> (0)>, free = 0>, %gy : !visa.global<f32, affine_map<(m, n, k) -> (m, n)>>):
  visa.pass once
  %0 = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %1 = visa.load f32 %gx : !visa.ub
  %2 = visa.grouped_matmul f32 %0, %1, %gw, %gg : (!visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  visa.store f32 %2, %gy
  visa.end
}

// -----

// CHECK: visa.grouped_matmul of %gg: it must have a free dim
%x, %w, %g = "test.op"() : () -> (tensor<4x8xf32>, tensor<3x8x5xf32>, tensor<3xi32>)
%y = visa.kernel cube @k domain [parallel "4", parallel "5", reduction "8"] slots 0 (%x, %w, %g : tensor<4x8xf32>, tensor<3x8x5xf32>, tensor<3xi32>) -> (tensor<4x5xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(m, n, k) -> (m, k)>>, %gw : !visa.global<f32, affine_map<(m, n, k) -> (0, k, n)>, free = 0>, %gg : !visa.global<i32, affine_map<(m, n, k) -> (0)>>, %gy : !visa.global<f32, affine_map<(m, n, k) -> (m, n)>>):
  visa.pass once
  %0 = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %1 = visa.load f32 %gx : !visa.ub
  %2 = visa.grouped_matmul f32 %0, %1, %gw, %gg : (!visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  visa.store f32 %2, %gy
  visa.end
}

// -----

// CHECK: visa.matmul needs a domain that ends in parallel m, n and reduction k, its only one
%x, %w, %g = "test.op"() : () -> (tensor<4x8xf32>, tensor<8x5xf32>, tensor<3xi32>)
%y = visa.kernel cube @k domain [parallel "4", reduction "5", reduction "8"] slots 0 (%x, %w, %g : tensor<4x8xf32>, tensor<8x5xf32>, tensor<3xi32>) -> (tensor<4x1xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(m, n, k) -> (m, k)>>, %gw : !visa.global<f32, affine_map<(m, n, k) -> (k, n)>>, %gg : !visa.global<i32, affine_map<(m, n, k) -> (0)>, free = 0>, %gy : !visa.global<f32, affine_map<(m, n, k) -> (m, 0)>>):
  visa.pass once
  %0 = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %1 = visa.load f32 %gx : !visa.ub
  %w1 = visa.load f32 %gw : !visa.ub
  %2 = visa.matmul f32 %0, %1, %w1 : (!visa.ub, !visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  visa.store f32 %2, %gy
  visa.end
}

// -----

// CHECK: visa.grouped_matmul_k needs a domain that ends in parallel g, m, n and reduction k, its only one
%x, %w, %g = "test.op"() : () -> (tensor<4x8xf32>, tensor<8x5xf32>, tensor<3xi32>)
%y = visa.kernel cube @k domain [parallel "4", parallel "5", reduction "8"] slots 0 (%x, %w, %g : tensor<4x8xf32>, tensor<8x5xf32>, tensor<3xi32>) -> (tensor<4x5xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(m, n, k) -> (m, k)>>, %gw : !visa.global<f32, affine_map<(m, n, k) -> (k, n)>>, %gg : !visa.global<i32, affine_map<(m, n, k) -> (0)>, free = 0>, %gy : !visa.global<f32, affine_map<(m, n, k) -> (m, n)>>):
  visa.pass once
  %0 = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %1 = visa.load f32 %gx : !visa.ub
  %w1 = visa.load f32 %gw : !visa.ub
  %2 = visa.grouped_matmul_k f32 %0, %1, %w1, %gg : (!visa.ub, !visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  visa.store f32 %2, %gy
  visa.end
}

// -----

// CHECK: the right factor of visa.matmul does not vary along k
%x, %w, %g = "test.op"() : () -> (tensor<4x8xf32>, tensor<5xf32>, tensor<3xi32>)
%y = visa.kernel cube @k domain [parallel "4", parallel "5", reduction "8"] slots 0 (%x, %w, %g : tensor<4x8xf32>, tensor<5xf32>, tensor<3xi32>) -> (tensor<4x5xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(m, n, k) -> (m, k)>>, %gw : !visa.global<f32, affine_map<(m, n, k) -> (n)>>, %gg : !visa.global<i32, affine_map<(m, n, k) -> (0)>, free = 0>, %gy : !visa.global<f32, affine_map<(m, n, k) -> (m, n)>>):
  visa.pass once
  %0 = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %1 = visa.load f32 %gx : !visa.ub
  %w1 = visa.load f32 %gw : !visa.ub
  %2 = visa.matmul f32 %0, %1, %w1 : (!visa.ub, !visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  visa.store f32 %2, %gy
  visa.end
}

// -----

// CHECK: the right factor of visa.grouped_matmul varies along axes [0], which it may not have
%x, %w, %g = "test.op"() : () -> (tensor<4x8xf32>, tensor<3x4x8x5xf32>, tensor<3xi32>)
%y = visa.kernel cube @k domain [parallel "4", parallel "5", reduction "8"] slots 0 (%x, %w, %g : tensor<4x8xf32>, tensor<3x4x8x5xf32>, tensor<3xi32>) -> (tensor<4x5xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(m, n, k) -> (m, k)>>, %gw : !visa.global<f32, affine_map<(m, n, k) -> (0, m, k, n)>, free = 0>, %gg : !visa.global<i32, affine_map<(m, n, k) -> (0)>, free = 0>, %gy : !visa.global<f32, affine_map<(m, n, k) -> (m, n)>>):
  visa.pass once
  %0 = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %1 = visa.load f32 %gx : !visa.ub
  %2 = visa.grouped_matmul f32 %0, %1, %gw, %gg : (!visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  visa.store f32 %2, %gy
  visa.end
}

// -----

// CHECK: the left factor of visa.matmul varies along axes [1], which it may not have
%x, %w, %g = "test.op"() : () -> (tensor<4x8xf32>, tensor<8x5xf32>, tensor<3xi32>)
%y = visa.kernel cube @k domain [parallel "4", parallel "5", reduction "8"] slots 0 (%x, %w, %g : tensor<4x8xf32>, tensor<8x5xf32>, tensor<3xi32>) -> (tensor<4x5xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(m, n, k) -> (m, k)>>, %gw : !visa.global<f32, affine_map<(m, n, k) -> (k, n)>>, %gg : !visa.global<i32, affine_map<(m, n, k) -> (0)>, free = 0>, %gy : !visa.global<f32, affine_map<(m, n, k) -> (m, n)>>):
  visa.pass once
  %0 = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %1 = visa.load f32 %gx : !visa.ub
  %w1 = visa.load f32 %gw : !visa.ub
  %2 = visa.matmul f32 %0, %w1, %w1 : (!visa.ub, !visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  visa.store f32 %2, %gy
  visa.end
}

// -----

// CHECK: the right factor of visa.matmul varies along axes [0], which it may not have
%x, %w, %g = "test.op"() : () -> (tensor<4x8xf32>, tensor<8x5xf32>, tensor<3xi32>)
%y = visa.kernel cube @k domain [parallel "4", parallel "5", reduction "8"] slots 0 (%x, %w, %g : tensor<4x8xf32>, tensor<8x5xf32>, tensor<3xi32>) -> (tensor<4x5xf32>) {
^bb0(%gx : !visa.global<f32, affine_map<(m, n, k) -> (m, k)>>, %gw : !visa.global<f32, affine_map<(m, n, k) -> (k, n)>>, %gg : !visa.global<i32, affine_map<(m, n, k) -> (0)>, free = 0>, %gy : !visa.global<f32, affine_map<(m, n, k) -> (m, n)>>):
  visa.pass once
  %0 = visa.reduce_init sum f32 : !visa.ub
  visa.pass stream
  %1 = visa.load f32 %gx : !visa.ub
  %w1 = visa.load f32 %gw : !visa.ub
  %2 = visa.matmul f32 %0, %1, %1 : (!visa.ub, !visa.ub, !visa.ub) -> !visa.ub
  visa.pass once
  visa.store f32 %2, %gy
  visa.end
}
