// RUN: dvm-opt %s | filecheck %s
// RUN: dvm-opt %s --print-op-generic | dvm-opt | filecheck %s

// CHECK: () -> (!visa.ub, !visa.ub<0>, !visa.ub<4095>, !visa.scalar)
"test.op"() : () -> (!visa.ub, !visa.ub<0>, !visa.ub<4095>, !visa.scalar)

// CHECK: {axes = [#visa.axis<parallel "s0">, #visa.axis<reduction "4*s1 + 1">]}
"test.op"() {axes = [#visa.axis<parallel "s0">, #visa.axis<reduction "4*s1 + 1">]} : () -> ()

// An access map: axes permuted, broadcast, shifted, reversed, of symbolic stride.
// CHECK: !visa.global<f32, affine_map<(d0, d1) -> (d1, d0)>>
"test.op"() : () -> !visa.global<f32, affine_map<(d0, d1) -> (d1, d0)>>
// CHECK: !visa.global<f16, affine_map<(d0, d1) -> (0, d1)>>
"test.op"() : () -> !visa.global<f16, affine_map<(d0, d1) -> (0, d1)>>
// CHECK: !visa.global<i64, affine_map<(d0) -> (((d0 * -2) + 7))>>
"test.op"() : () -> !visa.global<i64, affine_map<(d0) -> (7 - d0 * 2)>>
// CHECK: !visa.global<bf16, affine_map<(d0, d1)[s0, s1] -> ((((d0 * s0) + d1) + s1))>, ["s2", "s2*4 - 1"]>
"test.op"() : () -> !visa.global<bf16, affine_map<(d0, d1)[n, o] -> (d0 * n + d1 + o)>, ["s2", "s2*4 - 1"]>

// CHECK: !visa.global<f32, affine_map<(d0) -> ((d0 + -1))>, guarded>
"test.op"() : () -> !visa.global<f32, affine_map<(d0) -> (d0 - 1)>, guarded>
// CHECK: !visa.global<f32, affine_map<(d0)[s0] -> (0, (d0 + s0))>, ["s0"], free = 0>
"test.op"() : () -> !visa.global<f32, affine_map<(d0)[s] -> (0, d0 + s)>, ["s0"], free = 0>
