// RUN: dvm-opt %s --split-input-file -p dvm-compile -t dvm-asm | filecheck %s

// A reshape between kernels is a view of the workspace that the first writes; a constant that is no splat is a tensor in the
// file, which the kernel that uses it loads.
func.func @reshape(%x : tensor<?x8xf32>) -> tensor<?x2xf32> attributes {dvm.arg_names = ["x"], dvm.result_names = ["y"]} {
  %0 = dvm.reduce Sum %x dims [0] keepdims true : tensor<?x8xf32> -> tensor<1x8xf32>
  %1 = dvm.reshape %0 shape [4, 2] : tensor<1x8xf32> -> tensor<4x2xf32>
  %2 = dvm.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %3 = dvm.binary Mul %1, %2 : tensor<4x2xf32>, tensor<1x2xf32> -> tensor<?x2xf32>
  return %3 : tensor<?x2xf32>
}

// CHECK:      program 'reshape', instruction set 1
// CHECK-NEXT: inputs
// CHECK-NEXT: x f32 [s0, 8]
// CHECK-NEXT: outputs
// CHECK-NEXT: y f32 [4, 2]
// CHECK-NEXT: constants
// CHECK-NEXT: t2 f32 [1, 2] 8 bytes
// CHECK-NEXT: workspace
// CHECK-NEXT: t3 f32 [1, 8]
// CHECK-NEXT: views
// CHECK-NEXT: t4 f32 [4, 2] of t3
// CHECK-NEXT: symbols
// CHECK-NEXT: s0 = dim 0 of x
// CHECK:      vector kernel 'k0', {{[0-9]}} slot
// CHECK-NEXT: domain d0 < s0 (reduction), d1 < 8
// CHECK-NEXT: operands g0 reads x[d0, d1] f32
// CHECK-NEXT: g1 writes t3[0, d1] f32
// CHECK-NEXT: words 0 pass once
// CHECK-NEXT: 1 rinit.f32 {{ub[0-9]}}, sum
// CHECK-NEXT: 2 pass stream
// CHECK-NEXT: 3 load.f32 {{ub[0-9]}}, g0 'x'
// CHECK-NEXT: 4 rsum.f32 {{ub[0-9]}}, {{ub[0-9]}}
// CHECK-NEXT: 5 pass once
// CHECK-NEXT: 6 store.f32 {{ub[0-9]}}, g1 't3'
// CHECK:      vector kernel 'k1', {{[0-9]}} slot
// CHECK-NEXT: domain d0 < 4, d1 < 2
// CHECK-NEXT: operands g0 reads t2[0, d1] f32
// CHECK-NEXT: g1 reads t4[d0, d1] f32
// CHECK-NEXT: g2 writes y[d0, d1] f32
// CHECK-NEXT: words 0 pass once
// CHECK-NEXT: 1 load.f32 {{ub[0-9]}}, g0 't2'
// CHECK-NEXT: 2 load.f32 {{ub[0-9]}}, g1 't4'
// CHECK-NEXT: 3 mul.f32 {{ub[0-9]}}, {{ub[0-9]}}, {{ub[0-9]}}
// CHECK-NEXT: 4 store.f32 {{ub[0-9]}}, g2 'y'
// CHECK-NOT:  stage

// -----

// Two dims that nothing relates: which of them is broadcast, bind decides, and the fact says what it checks.
func.func @bcast(%x : tensor<?xf32>, %y : tensor<?xf32>) -> tensor<?xf32> attributes {dvm.arg_names = ["x", "y"], dvm.result_names = ["z"]} {
  %0 = dvm.binary Add %x, %y : tensor<?xf32>, tensor<?xf32> -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// CHECK:      program 'bcast', instruction set 1
// CHECK-NEXT: inputs
// CHECK-NEXT: x f32 [s0]
// CHECK-NEXT: y f32 [s1]
// CHECK-NEXT: outputs
// CHECK-NEXT: z f32 [bcast(s0, s1)]
// CHECK-NEXT: symbols
// CHECK-NEXT: s0 = dim 0 of x
// CHECK-NEXT: s1 = dim 0 of y
// CHECK-NEXT: facts
// CHECK-NEXT: s0 = s1, or one of them is 1 dvm.binary Add at {{.*}}programs.mlir:{{[0-9]+}}
// CHECK:      vector kernel 'k0', {{[0-9]}} slot
// CHECK-NEXT: domain d0 < bcast(s0, s1)
// CHECK-NEXT: operands g0 reads x[d0] f32
// CHECK-NEXT: g1 reads y[d0] f32
// CHECK-NEXT: g2 writes z[d0] f32
// CHECK-NEXT: words 0 pass once
// CHECK-NEXT: 1 load.f32 {{ub[0-9]}}, g0 'x'
// CHECK-NEXT: 2 load.f32 {{ub[0-9]}}, g1 'y'
// CHECK-NEXT: 3 add.f32 {{ub[0-9]}}, {{ub[0-9]}}, {{ub[0-9]}}
// CHECK-NEXT: 4 store.f32 {{ub[0-9]}}, g2 'z'
// CHECK-NOT:  stage

// -----

// A gather indexes a free dim by data; concat and pad fill a tile and load each part where it lies inside.
func.func @movement(%t : tensor<?x8xf32>, %i : tensor<?xi32>) -> tensor<?x11xf32> attributes {dvm.arg_names = ["t", "i"], dvm.result_names = ["y"]} {
  %0 = dvm.gather %t, %i axis 0 : tensor<?x8xf32>, tensor<?xi32> -> tensor<?x8xf32>
  %1 = dvm.concat %0, %t axis 0 : tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  %2 = dvm.pad %1 low [0, 1] high [0, 2] value 0.5 : tensor<?x8xf32> -> tensor<?x11xf32>
  return %2 : tensor<?x11xf32>
}

// CHECK:      program 'movement', instruction set 1
// CHECK-NEXT: inputs
// CHECK-NEXT: t f32 [s0, 8]
// CHECK-NEXT: i i32 [s1]
// CHECK-NEXT: outputs
// CHECK-NEXT: y f32 [s0 + s1, 11]
// CHECK-NEXT: workspace
// CHECK-NEXT: t3 f32 [s1, 8]
// CHECK-NEXT: t4 f32 [s0 + s1, 8]
// CHECK-NEXT: symbols
// CHECK-NEXT: s0 = dim 0 of t
// CHECK-NEXT: s1 = dim 0 of i
// CHECK:      vector kernel 'k0', 2 slots, from dvm.gather at {{.*}}programs.mlir:{{[0-9]+}}
// CHECK-NEXT: domain d0 < s1, d1 < 8
// CHECK-NEXT: operands g0 reads i[d0] i32
// CHECK-NEXT: g1 reads t[*, d1] f32
// CHECK-NEXT: g2 writes t3[d0, d1] f32
// CHECK-NEXT: words 0 pass once
// CHECK-NEXT: 1 load.i32 {{ub[0-9]}}, g0 'i'
// CHECK-NEXT: 2 gather.f32 {{ub[0-9]}}, g1 't', {{ub[0-9]}}
// CHECK-NEXT: 3 store.f32 {{ub[0-9]}}, g2 't3'
// CHECK:      vector kernel 'k1', {{[0-9]}} slot
// CHECK-NEXT: domain d0 < s0 + s1, d1 < 8
// CHECK-NEXT: operands g0 reads t3[d0, d1] f32 where inside
// CHECK-NEXT: g1 reads t[d0 - s1, d1] f32 where inside
// CHECK-NEXT: g2 writes t4[d0, d1] f32
// CHECK-NEXT: scalars k0 0.0 f32
// CHECK-NEXT: words 0 pass once
// CHECK-NEXT: 1 fill.f32 {{ub[0-9]}}, k0=0.0, (d0, d1)
// CHECK-NEXT: 2 loadg.f32 {{ub[0-9]}}, g0 't3'
// CHECK-NEXT: 3 loadg.f32 {{ub[0-9]}}, g1 't'
// CHECK-NEXT: 4 store.f32 {{ub[0-9]}}, g2 't4'
// CHECK:      vector kernel 'k2', {{[0-9]}} slot
// CHECK-NEXT: domain d0 < s0 + s1, d1 < 11
// CHECK-NEXT: operands g0 reads t4[d0, d1 - 1] f32 where inside
// CHECK-NEXT: g1 writes y[d0, d1] f32
// CHECK-NEXT: scalars k0 0.5 f32
// CHECK-NEXT: words 0 pass once
// CHECK-NEXT: 1 fill.f32 {{ub[0-9]}}, k0=0.5, (d0, d1)
// CHECK-NEXT: 2 loadg.f32 {{ub[0-9]}}, g0 't4'
// CHECK-NEXT: 3 store.f32 {{ub[0-9]}}, g1 'y'
// CHECK-NOT:  stage

// -----

// bf16 is multiplied and summed in f32, and rounded once, in the store.
func.func @bf16(%x : tensor<?x16xbf16>, %w : tensor<16x4xbf16>) -> tensor<?x4xbf16> attributes {dvm.arg_names = ["x", "w"], dvm.result_names = ["y"]} {
  %0 = dvm.matmul %x, %w trans_a false trans_b false : tensor<?x16xbf16>, tensor<16x4xbf16> -> tensor<?x4xbf16>
  return %0 : tensor<?x4xbf16>
}

// CHECK:      program 'bf16', instruction set 1
// CHECK-NEXT: inputs
// CHECK-NEXT: x bf16 [s0, 16]
// CHECK-NEXT: w bf16 [16, 4]
// CHECK-NEXT: outputs
// CHECK-NEXT: y bf16 [s0, 4]
// CHECK-NEXT: symbols
// CHECK-NEXT: s0 = dim 0 of x
// CHECK:      cube kernel 'k0', {{[0-9]}} slot
// CHECK-NEXT: domain d0 < s0, d1 < 4, d2 < 16 (reduction)
// CHECK-NEXT: operands g0 reads x[d0, d2] bf16
// CHECK-NEXT: g1 reads w[d2, d1] bf16
// CHECK-NEXT: g2 writes y[d0, d1] bf16
// CHECK-NEXT: words 0 pass once
// CHECK-NEXT: 1 rinit.f32 {{ub[0-9]}}, sum
// CHECK-NEXT: 2 pass stream
// CHECK-NEXT: 3 load.bf16 {{ub[0-9]}}, g0 'x'
// CHECK-NEXT: 4 load.bf16 {{ub[0-9]}}, g1 'w'
// CHECK-NEXT: 5 mm.f32 {{ub[0-9]}}, {{ub[0-9]}}, {{ub[0-9]}}
// CHECK-NEXT: 6 pass once
// CHECK-NEXT: 7 store.bf16 {{ub[0-9]}}, g2 'y'
// CHECK-NOT:  stage

// -----

// The program is the public function; a private one beside it is left out.
func.func private @helper(%x : tensor<4xf32>) -> tensor<4xf32> {
  %0 = dvm.unary Exp %x : tensor<4xf32> -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
func.func @public(%x : tensor<4xf32>) -> tensor<4xf32> attributes {dvm.arg_names = ["x"], dvm.result_names = ["y"]} {
  %0 = dvm.unary Sqrt %x : tensor<4xf32> -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// CHECK:      program 'public', instruction set 1
// CHECK-NEXT: inputs
// CHECK-NEXT: x f32 [4]
// CHECK-NEXT: outputs
// CHECK-NEXT: y f32 [4]
// CHECK:      vector kernel 'k0', {{[0-9]}} slot
// CHECK-NEXT: domain d0 < 4
// CHECK-NEXT: operands g0 reads x[d0] f32
// CHECK-NEXT: g1 writes y[d0] f32
// CHECK-NEXT: words 0 pass once
// CHECK-NEXT: 1 load.f32 {{ub[0-9]}}, g0 'x'
// CHECK-NEXT: 2 sqrt.f32 {{ub[0-9]}}, {{ub[0-9]}}
// CHECK-NEXT: 3 store.f32 {{ub[0-9]}}, g1 'y'
// CHECK-NOT:  stage
