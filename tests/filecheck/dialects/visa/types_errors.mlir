// RUN: dvm-opt %s --verify-diagnostics --parsing-diagnostics --split-input-file | filecheck %s

// CHECK: Expected integer literal
"test.op"() : () -> !visa.ub<x>

// -----

// CHECK: Invalid index 4096 for register type visa.ub
"test.op"() : () -> !visa.ub<4096>

// -----

// CHECK: axis kind 'sequential' is not one of parallel, reduction
"test.op"() {axis = #visa.axis<sequential "s0">} : () -> ()

// -----

// CHECK: the extent of an axis: 's0 +' is not a dim: it ends too early
"test.op"() {axis = #visa.axis<parallel "s0 +">} : () -> ()

// -----

// CHECK: f64 is not an element type of dvm (i1, f16, bf16, f32, i32, i64)
"test.op"() : () -> !visa.global<f64, affine_map<(d0) -> (d0)>>

// -----

// CHECK: the access map has 1 symbols but 2 dims are listed for them
"test.op"() : () -> !visa.global<f32, affine_map<(d0)[s0] -> (d0 + s0)>, ["s0", "s1"]>

// -----

// CHECK: a symbol of an access map: '4 s0' is not a dim: unexpected 's0'
"test.op"() : () -> !visa.global<f32, affine_map<(d0)[s0] -> (d0 + s0)>, ["4 s0"]>

// -----

// CHECK: '(d0 floordiv 2)' in an access map is not linear in the axes
"test.op"() : () -> !visa.global<f32, affine_map<(d0) -> (d0 floordiv 2)>>

// -----

// CHECK: '(d0 * d1)' in an access map is not linear in the axes
"test.op"() : () -> !visa.global<f32, affine_map<(d0, d1) -> (d0 * d1)>>

// -----

// CHECK: free dim 2 of a tensor of rank 2
"test.op"() : () -> !visa.global<f32, affine_map<(d0) -> (0, d0)>, free = 2>
