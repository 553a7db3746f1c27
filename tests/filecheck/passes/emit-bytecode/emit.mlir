// RUN: dvm-opt %s -p emit-bytecode --split-input-file -t dvm-asm | filecheck %s

!t = tensor<?x8xf32, #dvm.sym<["s0", "8"]>>
!g = !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>

// CHECK-LABEL: program 'names', instruction set 1
// CHECK-NEXT:  inputs
// CHECK-NEXT:  left f32 [s0, 8]
// CHECK-NEXT:  right f32 [s0, 8]
// CHECK-NEXT:  outputs
// CHECK-NEXT:  sum f32 [s0, 8]
// CHECK-NEXT:  symbols
// CHECK-NEXT:  s0 = dim 0 of left, dim 0 of right (dvm.binary Add at model.mlir:7)
// CHECK-NEXT:  facts
// CHECK-NEXT:  s0 >= 2 dvm.reduce Max
// CHECK-NEXT:  launch
// CHECK-NEXT:  stage 0 'add'
// CHECK:       vector kernel 'add', 2 slots
// CHECK-NEXT:  domain d0 < s0, d1 < 8
// CHECK-NEXT:  operands g0 reads left[d0, d1] f32
// CHECK-NEXT:  g1 reads right[d0, d1] f32
// CHECK-NEXT:  g2 writes sum[d0, d1] f32
// CHECK-NEXT:  words 0 pass once
// CHECK-NEXT:  1 load.f32 ub0, g0 'left'
// CHECK-NEXT:  2 load.f32 ub1, g1 'right'
// CHECK-NEXT:  3 add.f32 ub0, ub0, ub1
// CHECK-NEXT:  4 store.f32 ub0, g2 'sum'
func.func @names(%x : !t, %other : !t) -> !t attributes {dvm.arg_names = ["left", "right"], dvm.result_names = ["sum"], dvm.reasons = [["", ""], ["dvm.binary Add at model.mlir:7", ""]], dvm.facts = [#dvm.fact<at_least, "s0", "2", "dvm.reduce Max">]} {
  %y = visa.kernel vector @add domain [parallel "s0", parallel "8"] slots 2 (%x, %other : !t, !t) -> (!t) {
  ^bb0(%gx : !g, %go : !g, %gy : !g):
    visa.pass once
    %0 = visa.load f32 %gx : !visa.ub<0>
    %1 = visa.load f32 %go : !visa.ub<1>
    %2 = visa.binary add f32 %0, %1 : (!visa.ub<0>, !visa.ub<1>) -> !visa.ub<0>
    visa.store f32 %2, %gy
    visa.end
  }
  return %y : !t
}

// -----

// Without attributes names come from the values; dims that are equal as expressions are one entry; -0.0 is not 0.0.
!t = tensor<?x?xf32, #dvm.sym<["s0", "4*s1 - s0 floordiv 2"]>>
!g = !visa.global<f32, affine_map<(d0, d1)[s0] -> (d0, d1 * 2 + s0)>, ["s1 ceildiv 3 - s0"]>
!h = !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>

// CHECK-LABEL: program 'dims_and_scalars', instruction set 1
// CHECK-NEXT:  inputs
// CHECK-NEXT:  x f32 [s0, -(s0 floordiv 2) + s1*4]
// CHECK-NEXT:  n f32 [s1]
// CHECK-NEXT:  outputs
// CHECK-NEXT:  out0 f32 [s0, bcast(bcast(s1*2, s0), s1)]
// CHECK-NEXT:  symbols
// CHECK-NEXT:  s0 = dim 0 of x
// CHECK-NEXT:  s1 = dim 0 of n
// CHECK:       vector kernel 'k0', 2 slots
// CHECK-NEXT:  domain d0 < s0, d1 < bcast(bcast(s1*2, s0), s1)
// CHECK-NEXT:  operands g0 reads x[d0, 2*d1 - s0 + s1 ceildiv 3] f32
// CHECK-NEXT:  g1 writes out0[d0, d1] f32
// CHECK-NEXT:  scalars k0 0.5 f32
// CHECK-NEXT:  k1 0.0 f32
// CHECK-NEXT:  k2 -0.0 f32
// CHECK-NEXT:  k3 s0 f32
// CHECK-NEXT:  words 0 pass once
// CHECK-NEXT:  1 load.f32 ub0, g0 'x'
// CHECK-NEXT:  2 mul.f32 ub0, k0=0.5, ub0
// CHECK-NEXT:  3 mul.f32 ub0, ub0, k0=0.5
// CHECK-NEXT:  4 max.f32 ub0, ub0, k1=0.0
// CHECK-NEXT:  5 min.f32 ub0, ub0, k2=-0.0
// CHECK-NEXT:  6 gt.f32 ub1, ub0, k3=s0
// CHECK-NEXT:  7 select.f32 ub0, ub1, k1=0.0, ub0
// CHECK-NEXT:  8 store.f32 ub0, g1 'out0'
func.func @dims_and_scalars(%x : !t, %n : tensor<?xf32, #dvm.sym<["s1"]>>) -> tensor<?x?xf32, #dvm.sym<["s0", "bcast(s0, s1, 2*s1)"]>> {
  %y = visa.kernel vector @k0 domain [parallel "s0", parallel "bcast(s0, s1, 2*s1)"] slots 2 (%x : !t) -> (tensor<?x?xf32, #dvm.sym<["s0", "bcast(s0, s1, 2*s1)"]>>) {
  ^bb0(%gx : !g, %gy : !h):
    %a = visa.scalar 0.5 : f32
    %b = visa.scalar 0.5 : f32
    %zero = visa.scalar 0.0 : f32
    %minus = visa.scalar -0.0 : f32
    %rows = visa.scalar "s0" : f32
    visa.pass once
    %0 = visa.load f32 %gx : !visa.ub<0>
    %1 = visa.binary mul f32 %a, %0 : (!visa.scalar, !visa.ub<0>) -> !visa.ub<0>
    %2 = visa.binary mul f32 %1, %b : (!visa.ub<0>, !visa.scalar) -> !visa.ub<0>
    %3 = visa.binary max f32 %2, %zero : (!visa.ub<0>, !visa.scalar) -> !visa.ub<0>
    %4 = visa.binary min f32 %3, %minus : (!visa.ub<0>, !visa.scalar) -> !visa.ub<0>
    %5 = visa.binary gt f32 %4, %rows : (!visa.ub<0>, !visa.scalar) -> !visa.ub<1>
    %6 = visa.select f32 %5, %zero, %4 : (!visa.ub<1>, !visa.scalar, !visa.ub<0>) -> !visa.ub<0>
    visa.store f32 %6, %gy
    visa.end
  }
  return %y : tensor<?x?xf32, #dvm.sym<["s0", "bcast(s0, s1, 2*s1)"]>>
}

// -----

// A stage runs its kernels side by side; a reshape is a view; what only kernels read is workspace; a true i1 is the byte 1.
!v = !visa.global<f32, affine_map<(d0) -> (d0)>>
!b = !visa.global<i1, affine_map<(d0) -> (d0)>>

// CHECK-LABEL: program 'stages', instruction set 1
// CHECK-NEXT:  inputs
// CHECK-NEXT:  x f32 [4, 2]
// CHECK-NEXT:  outputs
// CHECK-NEXT:  out0 f32 [8]
// CHECK-NEXT:  out1 f32 [8]
// CHECK-NEXT:  constants
// CHECK-NEXT:  c i1 [8] 8 bytes
// CHECK-NEXT:  d i1 [8] 8 bytes
// CHECK-NEXT:  workspace
// CHECK-NEXT:  work f32 [8]
// CHECK-NEXT:  views
// CHECK-NEXT:  flat f32 [8] of x
// CHECK-NEXT:  launch
// CHECK-NEXT:  stage 0 'k0', 'k1'
// CHECK-NEXT:  stage 1 'k2'
// CHECK:       vector kernel 'k0', 2 slots
// CHECK-NEXT:  domain d0 < 8
// CHECK-NEXT:  operands g0 reads flat[d0] f32
// CHECK-NEXT:  g1 reads c[d0] i1
// CHECK-NEXT:  g2 writes out1[d0] f32
// CHECK-NEXT:  scalars k0 0.0 f32
// CHECK-NEXT:  words 0 pass once
// CHECK-NEXT:  1 load.f32 ub0, g0 'flat'
// CHECK-NEXT:  2 load.i1 ub1, g1 'c'
// CHECK-NEXT:  3 select.f32 ub0, ub1, ub0, k0=0.0
// CHECK-NEXT:  4 store.f32 ub0, g2 'out1'
// CHECK:       vector kernel 'k1', 1 slot
// CHECK-NEXT:  domain d0 < 8
// CHECK-NEXT:  operands g0 reads flat[d0] f32
// CHECK-NEXT:  g1 writes work[d0] f32
// CHECK-NEXT:  words 0 pass once
// CHECK-NEXT:  1 load.f32 ub0, g0 'flat'
// CHECK-NEXT:  2 exp.f32 ub0, ub0
// CHECK-NEXT:  3 store.f32 ub0, g1 'work'
// CHECK:       vector kernel 'k2', 2 slots
// CHECK-NEXT:  domain d0 < 8
// CHECK-NEXT:  operands g0 reads work[d0] f32
// CHECK-NEXT:  g1 reads d[d0] i1
// CHECK-NEXT:  g2 writes out0[d0] f32
// CHECK-NEXT:  words 0 pass once
// CHECK-NEXT:  1 load.f32 ub0, g0 'work'
// CHECK-NEXT:  2 load.i1 ub1, g1 'd'
// CHECK-NEXT:  3 select.f32 ub0, ub1, ub0, ub0
// CHECK-NEXT:  4 store.f32 ub0, g2 'out0'
func.func @stages(%x : tensor<4x2xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  %flat = dvm.reshape %x shape [8] : tensor<4x2xf32> -> tensor<8xf32>
  %c = dvm.constant dense<[true, false, true, true, false, false, true, true]> : tensor<8xi1>
  %d = dvm.constant dense<[true, false, true, true, false, false, true, true]> : tensor<8xi1>
  %e, %work = vk.stage (%f = %flat : tensor<8xf32>, %m = %c : tensor<8xi1>) -> (tensor<8xf32>, tensor<8xf32>) {
    %p = visa.kernel vector @k0 domain [parallel "8"] slots 2 (%f, %m : tensor<8xf32>, tensor<8xi1>) -> (tensor<8xf32>) {
    ^bb0(%gf : !v, %gm : !b, %gy : !v):
      %k = visa.scalar 0.0 : f32
      visa.pass once
      %0 = visa.load f32 %gf : !visa.ub<0>
      %1 = visa.load i1 %gm : !visa.ub<1>
      %2 = visa.select f32 %1, %0, %k : (!visa.ub<1>, !visa.ub<0>, !visa.scalar) -> !visa.ub<0>
      visa.store f32 %2, %gy
      visa.end
    }
    %q = visa.kernel vector @k1 domain [parallel "8"] slots 1 (%f : tensor<8xf32>) -> (tensor<8xf32>) {
    ^bb0(%gf : !v, %gy : !v):
      visa.pass once
      %0 = visa.load f32 %gf : !visa.ub<0>
      %1 = visa.unary exp f32 %0 : (!visa.ub<0>) -> !visa.ub<0>
      visa.store f32 %1, %gy
      visa.end
    }
    vk.yield %p, %q : tensor<8xf32>, tensor<8xf32>
  }
  %z = visa.kernel vector @k2 domain [parallel "8"] slots 2 (%work, %d : tensor<8xf32>, tensor<8xi1>) -> (tensor<8xf32>) {
  ^bb0(%gw : !v, %gd : !b, %gy : !v):
    visa.pass once
    %0 = visa.load f32 %gw : !visa.ub<0>
    %1 = visa.load i1 %gd : !visa.ub<1>
    %2 = visa.select f32 %1, %0, %0 : (!visa.ub<1>, !visa.ub<0>, !visa.ub<0>) -> !visa.ub<0>
    visa.store f32 %2, %gy
    visa.end
  }
  return %z, %e : tensor<8xf32>, tensor<8xf32>
}

// -----

// Every other format; the kernel that depends on data says where it comes from.
// CHECK-LABEL: program 'formats', instruction set 1
// CHECK-NEXT:  inputs
// CHECK-NEXT:  x f16 [4, 6]
// CHECK-NEXT:  t f32 [9, 8]
// CHECK-NEXT:  i i64 [4]
// CHECK-NEXT:  outputs
// CHECK-NEXT:  out0 i32 [4, 8]
// CHECK-NEXT:  out1 f32 [4]
// CHECK:       vector kernel 'rows', 3 slots, from dvm.gather at model.mlir:7
// CHECK-NEXT:  domain d0 < 4, d1 < 8
// CHECK-NEXT:  operands g0 reads x[d0, d1 - 1] f16 where inside
// CHECK-NEXT:  g1 reads t[*, d1] f32
// CHECK-NEXT:  g2 reads i[d0] i64
// CHECK-NEXT:  g3 writes out0[d0, d1] i32
// CHECK-NEXT:  scalars k0 -1.0 f32
// CHECK-NEXT:  words 0 pass once
// CHECK-NEXT:  1 load.i64 ub0, g2 'i'
// CHECK-NEXT:  2 gather.f32 ub1, g1 't', ub0
// CHECK-NEXT:  3 fill.f32 ub0, k0=-1.0, (d0, d1)
// CHECK-NEXT:  4 loadg.f16 ub0, g0 'x'
// CHECK-NEXT:  5 add.f32 ub0, ub0, ub1
// CHECK-NEXT:  6 cast.f32 ub0, ub0, bf16
// CHECK-NEXT:  7 cast.f32 ub0, ub0, i32
// CHECK-NEXT:  8 iota.i32 ub2, d1
// CHECK-NEXT:  9 add.i32 ub0, ub0, ub2
// CHECK-NEXT:  10 store.i32 ub0, g3 'out0'
// CHECK:       vector kernel 'totals', 2 slots
// CHECK-NEXT:  domain d0 < 4, d1 < 8 (reduction)
// CHECK-NEXT:  operands g0 reads out0[d0, d1] i32
// CHECK-NEXT:  g1 writes out1[d0] f32
// CHECK-NEXT:  words 0 pass once
// CHECK-NEXT:  1 rinit.i32 ub0, max
// CHECK-NEXT:  2 pass stream
// CHECK-NEXT:  3 load.i32 ub1, g0 'out0'
// CHECK-NEXT:  4 rmax.i32 ub0, ub1
// CHECK-NEXT:  5 pass once
// CHECK-NEXT:  6 cast.i32 ub0, ub0, f32
// CHECK-NEXT:  7 store.f32 ub0, g1 'out1'
func.func @formats(%x : tensor<4x6xf16>, %t : tensor<9x8xf32>, %i : tensor<4xi64>) -> (tensor<4x8xi32>, tensor<4xf32>) {
  %y = visa.kernel vector @rows domain [parallel "4", parallel "8"] slots 3 (%x, %t, %i : tensor<4x6xf16>, tensor<9x8xf32>, tensor<4xi64>) -> (tensor<4x8xi32>) {
  ^bb0(%gx : !visa.global<f16, affine_map<(d0, d1) -> (d0, d1 - 1)>, guarded>, %gt : !visa.global<f32, affine_map<(d0, d1) -> (0, d1)>, free = 0>, %gi : !visa.global<i64, affine_map<(d0, d1) -> (d0)>>, %gy : !visa.global<i32, affine_map<(d0, d1) -> (d0, d1)>>):
    %k = visa.scalar -1.0 : f32
    visa.pass once
    %0 = visa.load i64 %gi : !visa.ub<0>
    %1 = visa.gather f32 %gt, %0 : (!visa.ub<0>) -> !visa.ub<1>
    %2 = visa.fill f32 %k axes [0, 1] : (!visa.scalar) -> !visa.ub<0>
    %3 = visa.load_guarded f16 %2, %gx : (!visa.ub<0>) -> !visa.ub<0>
    %4 = visa.binary add f32 %3, %1 : (!visa.ub<0>, !visa.ub<1>) -> !visa.ub<0>
    %5 = visa.cast f32 %4 to bf16 : (!visa.ub<0>) -> !visa.ub<0>
    %6 = visa.cast f32 %5 to i32 : (!visa.ub<0>) -> !visa.ub<0>
    %7 = visa.iota i32 axis 1 : !visa.ub<2>
    %8 = visa.binary add i32 %6, %7 : (!visa.ub<0>, !visa.ub<2>) -> !visa.ub<0>
    visa.store i32 %8, %gy
    visa.end
  } loc("model.mlir":7:3)
  %z = visa.kernel vector @totals domain [parallel "4", reduction "8"] slots 2 (%y : tensor<4x8xi32>) -> (tensor<4xf32>) {
  ^bb0(%gy : !visa.global<i32, affine_map<(d0, d1) -> (d0, d1)>>, %gz : !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
    visa.pass once
    %0 = visa.reduce_init max i32 : !visa.ub<0>
    visa.pass stream
    %1 = visa.load i32 %gy : !visa.ub<1>
    %2 = visa.reduce rmax i32 %0, %1 : (!visa.ub<0>, !visa.ub<1>) -> !visa.ub<0>
    visa.pass once
    %3 = visa.cast i32 %2 to f32 : (!visa.ub<0>) -> !visa.ub<0>
    visa.store f32 %3, %gz
    visa.end
  }
  return %y, %z : tensor<4x8xi32>, tensor<4xf32>
}

// -----

// Products; a mask of axes beyond the twelfth goes into the next field.
!x = !visa.global<f32, affine_map<(m, n, k) -> (m, k)>>
!w = !visa.global<f32, affine_map<(m, n, k) -> (k, n)>>
!y = !visa.global<f32, affine_map<(m, n, k) -> (m, n)>>

// CHECK-LABEL: program 'products', instruction set 1
// CHECK-NEXT:  inputs
// CHECK-NEXT:  x f32 [4, 8]
// CHECK-NEXT:  w f32 [8, 5]
// CHECK-NEXT:  ws f32 [3, 8, 5]
// CHECK-NEXT:  ends i32 [3]
// CHECK-NEXT:  outputs
// CHECK-NEXT:  out0 f32 [4, 5]
// CHECK-NEXT:  out1 f32 [4, 5]
// CHECK-NEXT:  out2 f32 [3, 4, 5]
// CHECK-NEXT:  out3 f32 [1, 1, 1, 1, 1, 1, 1, 1]
// CHECK:       cube kernel 'plain', 3 slots
// CHECK-NEXT:  domain d0 < 4, d1 < 5, d2 < 8 (reduction)
// CHECK-NEXT:  operands g0 reads x[d0, d2] f32
// CHECK-NEXT:  g1 reads w[d2, d1] f32
// CHECK-NEXT:  g2 writes out0[d0, d1] f32
// CHECK-NEXT:  words 0 pass once
// CHECK-NEXT:  1 rinit.f32 ub0, sum
// CHECK-NEXT:  2 pass stream
// CHECK-NEXT:  3 load.f32 ub1, g0 'x'
// CHECK-NEXT:  4 load.f32 ub2, g1 'w'
// CHECK-NEXT:  5 mm.f32 ub0, ub1, ub2
// CHECK-NEXT:  6 pass once
// CHECK-NEXT:  7 store.f32 ub0, g2 'out0'
// CHECK:       cube kernel 'grouped', 2 slots, from dvm.grouped_matmul at {{.*}}emit.mlir:{{[0-9]+}}
// CHECK-NEXT:  domain d0 < 4, d1 < 5, d2 < 8 (reduction)
// CHECK-NEXT:  operands g0 reads x[d0, d2] f32
// CHECK-NEXT:  g1 reads ws[*, d2, d1] f32
// CHECK-NEXT:  g2 reads ends[*] i32
// CHECK-NEXT:  g3 writes out1[d0, d1] f32
// CHECK-NEXT:  words 0 pass once
// CHECK-NEXT:  1 rinit.f32 ub0, sum
// CHECK-NEXT:  2 pass stream
// CHECK-NEXT:  3 load.f32 ub1, g0 'x'
// CHECK-NEXT:  4 gmm.f32 ub0, ub1, g1 'ws', g2 'ends'
// CHECK-NEXT:  5 pass once
// CHECK-NEXT:  6 store.f32 ub0, g3 'out1'
// CHECK:       cube kernel 'grouped_k', 3 slots, from dvm.grouped_matmul at {{.*}}emit.mlir:{{[0-9]+}}
// CHECK-NEXT:  domain d0 < 3, d1 < 4, d2 < 5, d3 < 8 (reduction)
// CHECK-NEXT:  operands g0 reads x[d1, d3] f32
// CHECK-NEXT:  g1 reads w[d3, d2] f32
// CHECK-NEXT:  g2 reads ends[*] i32
// CHECK-NEXT:  g3 writes out2[d0, d1, d2] f32
// CHECK-NEXT:  words 0 pass once
// CHECK-NEXT:  1 rinit.f32 ub0, sum
// CHECK-NEXT:  2 pass stream
// CHECK-NEXT:  3 load.f32 ub1, g0 'x'
// CHECK-NEXT:  4 load.f32 ub2, g1 'w'
// CHECK-NEXT:  5 gmmk.f32 ub0, ub1, ub2, g2 'ends'
// CHECK-NEXT:  6 pass once
// CHECK-NEXT:  7 store.f32 ub0, g3 'out2'
// CHECK:       vector kernel 'wide', 1 slot
// CHECK-NEXT:  domain d0 < 1, d1 < 1, d2 < 1, d3 < 1, d4 < 1, d5 < 1, d6 < 1, d7 < 1, d8 < 1, d9 < 1, d10 < 1, d11 < 1, d12 < 1
// CHECK-NEXT:  operands g0 writes out3[d0, d1, d2, d3, d4, d5, d6, d12] f32
// CHECK-NEXT:  scalars k0 1.0 f32
// CHECK-NEXT:  words 0 pass once
// CHECK-NEXT:  1 fill.f32 ub0, k0=1.0, (d0, d12)
// CHECK-NEXT:  2 store.f32 ub0, g0 'out3'
func.func @products(%x : tensor<4x8xf32>, %w : tensor<8x5xf32>, %ws : tensor<3x8x5xf32>, %ends : tensor<3xi32>) -> (tensor<4x5xf32>, tensor<4x5xf32>, tensor<3x4x5xf32>, tensor<1x1x1x1x1x1x1x1xf32>) {
  %a = visa.kernel cube @plain domain [parallel "4", parallel "5", reduction "8"] slots 3 (%x, %w : tensor<4x8xf32>, tensor<8x5xf32>) -> (tensor<4x5xf32>) {
  ^bb0(%gx : !x, %gw : !w, %gy : !y):
    visa.pass once
    %0 = visa.reduce_init sum f32 : !visa.ub<0>
    visa.pass stream
    %1 = visa.load f32 %gx : !visa.ub<1>
    %2 = visa.load f32 %gw : !visa.ub<2>
    %3 = visa.matmul f32 %0, %1, %2 : (!visa.ub<0>, !visa.ub<1>, !visa.ub<2>) -> !visa.ub<0>
    visa.pass once
    visa.store f32 %3, %gy
    visa.end
  }
  %b = visa.kernel cube @grouped domain [parallel "4", parallel "5", reduction "8"] slots 2 (%x, %ws, %ends : tensor<4x8xf32>, tensor<3x8x5xf32>, tensor<3xi32>) -> (tensor<4x5xf32>) {
  ^bb0(%gx : !x, %gw : !visa.global<f32, affine_map<(m, n, k) -> (0, k, n)>, free = 0>, %ge : !visa.global<i32, affine_map<(m, n, k) -> (0)>, free = 0>, %gy : !y):
    visa.pass once
    %0 = visa.reduce_init sum f32 : !visa.ub<0>
    visa.pass stream
    %1 = visa.load f32 %gx : !visa.ub<1>
    %2 = visa.grouped_matmul f32 %0, %1, %gw, %ge : (!visa.ub<0>, !visa.ub<1>) -> !visa.ub<0>
    visa.pass once
    visa.store f32 %2, %gy
    visa.end
  }
  %c = visa.kernel cube @grouped_k domain [parallel "3", parallel "4", parallel "5", reduction "8"] slots 3 (%x, %w, %ends : tensor<4x8xf32>, tensor<8x5xf32>, tensor<3xi32>) -> (tensor<3x4x5xf32>) {
  ^bb0(%gx : !visa.global<f32, affine_map<(g, m, n, k) -> (m, k)>>, %gw : !visa.global<f32, affine_map<(g, m, n, k) -> (k, n)>>, %ge : !visa.global<i32, affine_map<(g, m, n, k) -> (0)>, free = 0>, %gy : !visa.global<f32, affine_map<(g, m, n, k) -> (g, m, n)>>):
    visa.pass once
    %0 = visa.reduce_init sum f32 : !visa.ub<0>
    visa.pass stream
    %1 = visa.load f32 %gx : !visa.ub<1>
    %2 = visa.load f32 %gw : !visa.ub<2>
    %3 = visa.grouped_matmul_k f32 %0, %1, %2, %ge : (!visa.ub<0>, !visa.ub<1>, !visa.ub<2>) -> !visa.ub<0>
    visa.pass once
    visa.store f32 %3, %gy
    visa.end
  }
  %d = visa.kernel vector @wide domain [parallel "1", parallel "1", parallel "1", parallel "1", parallel "1", parallel "1", parallel "1", parallel "1", parallel "1", parallel "1", parallel "1", parallel "1", parallel "1"] slots 1 () -> (tensor<1x1x1x1x1x1x1x1xf32>) {
  ^bb0(%gy : !visa.global<f32, affine_map<(a, b, c, d, e, f, g, h, i, j, k, l, m) -> (a, b, c, d, e, f, g, m)>>):
    %k = visa.scalar 1.0 : f32
    visa.pass once
    %0 = visa.fill f32 %k axes [0, 12] : (!visa.scalar) -> !visa.ub<0>
    visa.store f32 %0, %gy
    visa.end
  }
  return %a, %b, %c, %d : tensor<4x5xf32>, tensor<4x5xf32>, tensor<3x4x5xf32>, tensor<1x1x1x1x1x1x1x1xf32>
}
