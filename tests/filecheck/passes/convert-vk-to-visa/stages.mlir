// RUN: dvm-opt %s -p convert-vk-to-visa | filecheck %s

// A kernel with reductions has pairs of passes: what a stream pass reduces can be used from the next once pass on.

!full = tensor<?x1024xf32, #dvm.sym<["s0", "1024"]>>
!column = tensor<?x1xf32, #dvm.sym<["s0", "1"]>>
!s0 = tensor<?xf32, #dvm.sym<["s0"]>>
!row = tensor<1024xf32>
!square = tensor<8x8xf32>

// What a stream pass reads from before is kept until it ends. The weights are computed again in each pass that needs
// them, from one tensor operand that is loaded three times.
// CHECK-LABEL: func.func @softmax(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "s0", reduction "1024"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init max f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.reduce rmax f32 %0, %1 :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %3 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %4 = visa.load f32 %a :
// CHECK-NEXT:      %5 = visa.binary sub f32 %4, %2 :
// CHECK-NEXT:      %6 = visa.unary exp f32 %5 :
// CHECK-NEXT:      %7 = visa.reduce rsum f32 %3, %6 :
// CHECK-NEXT:      visa.pass stream keep %2 : !visa.ub
// CHECK-NEXT:      %8 = visa.load f32 %a :
// CHECK-NEXT:      %9 = visa.binary sub f32 %8, %2 :
// CHECK-NEXT:      %10 = visa.unary exp f32 %9 :
// CHECK-NEXT:      %11 = visa.binary div f32 %10, %7 :
// CHECK-NEXT:      visa.store f32 %11, %r_1
// CHECK-NEXT:      visa.end keep %2, %7 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @softmax(%x : !full) -> !full {
  %r = vk.kernel vector @k0(%a = %x : !full) -> !full {
    %0 = dvm.reduce Max %a dims [1] keepdims true : !full -> !column
    %1 = dvm.binary Sub %a, %0 : !full, !column -> !full
    %2 = dvm.unary Exp %1 : !full -> !full
    %3 = dvm.reduce Sum %2 dims [1] keepdims true : !full -> !column
    %4 = dvm.binary Div %2, %3 : !full, !column -> !full
    vk.yield %4 : !full
  }
  return %r : !full
}

// Work on what is left is done once, not in the stream pass that uses it.
// CHECK-LABEL: func.func @between_the_passes(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "s0", reduction "1024"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.reduce rsum f32 %0, %1 :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %3 = visa.unary sqrt f32 %2 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %4 = visa.load f32 %a :
// CHECK-NEXT:      %5 = visa.binary div f32 %4, %3 :
// CHECK-NEXT:      visa.store f32 %5, %r_1
// CHECK-NEXT:      visa.end keep %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @between_the_passes(%x : !full) -> !full {
  %r = vk.kernel vector @k0(%a = %x : !full) -> !full {
    %0 = dvm.reduce Sum %a dims [1] keepdims true : !full -> !column
    %1 = dvm.unary Sqrt %0 : !column -> !column
    %2 = dvm.binary Div %a, %1 : !full, !column -> !full
    vk.yield %2 : !full
  }
  return %r : !full
}

// Each output is stored as soon as it is there.
// CHECK-LABEL: func.func @outputs_of_all_stages(
// CHECK-NEXT:    %r, %s, %t, %u = visa.kernel vector @k0 domain [parallel "s0", reduction "1024"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %s_1: !visa.global<f32, affine_map<(d0, d1) -> (d0)>>, %t_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %u_1: !visa.global<f32, affine_map<(d0, d1) -> (d0)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init max f32 :
// CHECK-NEXT:      %1 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %2 = visa.load f32 %a :
// CHECK-NEXT:      %3 = visa.unary exp f32 %2 :
// CHECK-NEXT:      %4 = visa.reduce rmax f32 %0, %3 :
// CHECK-NEXT:      %5 = visa.reduce rsum f32 %1, %3 :
// CHECK-NEXT:      visa.store f32 %3, %r_1
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %6 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.store f32 %5, %s_1
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %7 = visa.load f32 %a :
// CHECK-NEXT:      %8 = visa.unary exp f32 %7 :
// CHECK-NEXT:      %9 = visa.binary sub f32 %8, %4 :
// CHECK-NEXT:      %10 = visa.reduce rsum f32 %6, %9 :
// CHECK-NEXT:      visa.store f32 %9, %t_1
// CHECK-NEXT:      visa.pass once keep %4 : !visa.ub
// CHECK-NEXT:      visa.store f32 %10, %u_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r, %s, %t, %u :
func.func @outputs_of_all_stages(%x : !full) -> (!full, !s0, !full, !s0) {
  %r, %s, %t, %u = vk.kernel vector @k0(%a = %x : !full) -> (!full, !s0, !full, !s0) {
    %0 = dvm.unary Exp %a : !full -> !full
    %1 = dvm.reduce Max %0 dims [1] keepdims true : !full -> !column
    %2 = dvm.reduce Sum %0 dims [1] keepdims false : !full -> !s0
    %3 = dvm.binary Sub %0, %1 : !full, !column -> !full
    %4 = dvm.reduce Sum %3 dims [1] keepdims false : !full -> !s0
    vk.yield %0, %2, %3, %4 : !full, !s0, !full, !s0
  }
  return %r, %s, %t, %u : !full, !s0, !full, !s0
}

// A value beside what is left follows the axes that are left, not the last ones, and is stored under them.
// CHECK-LABEL: func.func @beside_what_is_left(
// CHECK-NEXT:    %r, %s = visa.kernel vector @k0 domain [parallel "2", parallel "3", reduction "4"] slots 0 (%y, %x, %z :
// CHECK-NEXT:    ^bb0(%b: !visa.global<f32, affine_map<(d0, d1, d2) -> (d0, d1)>>, %a: !visa.global<f32, affine_map<(d0, d1, d2) -> (d0, d1, d2)>>, %c: !visa.global<f32, affine_map<(d0, d1, d2) -> (d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1, d2) -> (d0, d1)>>, %s_1: !visa.global<f32, affine_map<(d0, d1, d2) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f32 %b :
// CHECK-NEXT:      %1 = visa.unary exp f32 %0 :
// CHECK-NEXT:      %2 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.store f32 %1, %r_1
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %3 = visa.load f32 %a :
// CHECK-NEXT:      %4 = visa.reduce rsum f32 %2, %3 :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %5 = visa.load f32 %b :
// CHECK-NEXT:      %6 = visa.unary exp f32 %5 :
// CHECK-NEXT:      %7 = visa.load f32 %c :
// CHECK-NEXT:      %8 = visa.unary exp f32 %7 :
// CHECK-NEXT:      %9 = visa.binary mul f32 %6, %8 :
// CHECK-NEXT:      %10 = visa.binary add f32 %4, %9 :
// CHECK-NEXT:      visa.store f32 %10, %s_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r, %s :
func.func @beside_what_is_left(%x : tensor<2x3x4xf32>, %y : tensor<2x3xf32>, %z : tensor<3xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>) {
  %r, %s = vk.kernel vector @k0(%a = %x : tensor<2x3x4xf32>, %b = %y : tensor<2x3xf32>, %c = %z : tensor<3xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>) {
    %0 = dvm.reduce Sum %a dims [2] keepdims false : tensor<2x3x4xf32> -> tensor<2x3xf32>
    %1 = dvm.unary Exp %b : tensor<2x3xf32> -> tensor<2x3xf32>
    %2 = dvm.unary Exp %c : tensor<3xf32> -> tensor<3xf32>
    %3 = dvm.binary Mul %1, %2 : tensor<2x3xf32>, tensor<3xf32> -> tensor<2x3xf32>
    %4 = dvm.binary Add %0, %3 : tensor<2x3xf32>, tensor<2x3xf32> -> tensor<2x3xf32>
    vk.yield %1, %4 : tensor<2x3xf32>, tensor<2x3xf32>
  }
  return %r, %s : tensor<2x3xf32>, tensor<2x3xf32>
}

// CHECK-LABEL: func.func @leading_dims(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [reduction "s0", parallel "1024"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init max f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.reduce rmax f32 %0, %1 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %3 = visa.load f32 %a :
// CHECK-NEXT:      %4 = visa.binary sub f32 %3, %2 :
// CHECK-NEXT:      visa.store f32 %4, %r_1
// CHECK-NEXT:      visa.end keep %2 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @leading_dims(%x : !full) -> !full {
  %r = vk.kernel vector @k0(%a = %x : !full) -> !full {
    %0 = dvm.reduce Max %a dims [0] keepdims false : !full -> !row
    %1 = dvm.binary Sub %a, %0 : !full, !row -> !full
    vk.yield %1 : !full
  }
  return %r : !full
}

// What a reduction leaves follows no reduction axis, not even one of extent 1.
// CHECK-LABEL: func.func @reduction_of_a_reduction(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "8", reduction "1"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, 0)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init max f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.reduce rmax f32 %0, %1 :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %3 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %4 = visa.fill f32 %2 axes [0, 1] :
// CHECK-NEXT:      %5 = visa.reduce rsum f32 %3, %4 :
// CHECK-NEXT:      visa.pass once keep %2 : !visa.ub
// CHECK-NEXT:      visa.store f32 %5, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @reduction_of_a_reduction(%x : tensor<8x1xf32>) -> tensor<8x1xf32> {
  %r = vk.kernel vector @k0(%a = %x : tensor<8x1xf32>) -> tensor<8x1xf32> {
    %0 = dvm.reduce Max %a dims [1] keepdims true : tensor<8x1xf32> -> tensor<8x1xf32>
    %1 = dvm.reduce Sum %0 dims [1] keepdims true : tensor<8x1xf32> -> tensor<8x1xf32>
    vk.yield %1 : tensor<8x1xf32>
  }
  return %r : tensor<8x1xf32>
}

// The end of a product: all in the last once pass, the rounding in the store.
// CHECK-LABEL: func.func @epilogue(
// CHECK-NEXT:    %r = visa.kernel mix @k0 domain [parallel "4", parallel "16", reduction "8"] slots 0 (%x, %w, %b, %y :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1, d2) -> (d0, d2)>>, %c: !visa.global<f32, affine_map<(d0, d1, d2) -> (d2, d1)>>, %d: !visa.global<f32, affine_map<(d0, d1, d2) -> (d1)>>, %e: !visa.global<f32, affine_map<(d0, d1, d2) -> (d0, d1)>>, %r_1: !visa.global<f16, affine_map<(d0, d1, d2) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.load f32 %c :
// CHECK-NEXT:      %3 = visa.matmul f32 %0, %1, %2 :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %4 = visa.load f32 %d :
// CHECK-NEXT:      %5 = visa.binary add f32 %3, %4 :
// CHECK-NEXT:      %6 = visa.unary tanh f32 %5 :
// CHECK-NEXT:      %7 = visa.load f32 %e :
// CHECK-NEXT:      %8 = visa.binary add f32 %6, %7 :
// CHECK-NEXT:      visa.store f16 %8, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @epilogue(%x : tensor<4x8xf32>, %w : tensor<8x16xf32>, %b : tensor<16xf32>, %y : tensor<4x16xf32>) -> tensor<4x16xf16> {
  %r = vk.kernel mix @k0(%a = %x : tensor<4x8xf32>, %c = %w : tensor<8x16xf32>, %d = %b : tensor<16xf32>, %e = %y : tensor<4x16xf32>) -> tensor<4x16xf16> {
    %0 = dvm.matmul %a, %c trans_a false trans_b false bias %d : tensor<4x8xf32>, tensor<8x16xf32>, tensor<16xf32> -> tensor<4x16xf32>
    %1 = dvm.unary Tanh %0 : tensor<4x16xf32> -> tensor<4x16xf32>
    %2 = dvm.binary Add %1, %e : tensor<4x16xf32>, tensor<4x16xf32> -> tensor<4x16xf32>
    %3 = dvm.cast %2 type Float16 : tensor<4x16xf32> -> tensor<4x16xf16>
    vk.yield %3 : tensor<4x16xf16>
  }
  return %r : tensor<4x16xf16>
}

// The product and what follows are both stored.
// CHECK-LABEL: func.func @product_stored(
// CHECK-NEXT:    %r, %s = visa.kernel mix @k0 domain [parallel "8", parallel "8", reduction "8"] slots 0 (%x, %x, %x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1, d2) -> (d0, d2)>>, %a_1: !visa.global<f32, affine_map<(d0, d1, d2) -> (d2, d1)>>, %a_2: !visa.global<f32, affine_map<(d0, d1, d2) -> (d0, d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1, d2) -> (d0, d1)>>, %s_1: !visa.global<f32, affine_map<(d0, d1, d2) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.load f32 %a_1 :
// CHECK-NEXT:      %3 = visa.matmul f32 %0, %1, %2 :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %4 = visa.load f32 %a_2 :
// CHECK-NEXT:      %5 = visa.binary add f32 %3, %4 :
// CHECK-NEXT:      visa.store f32 %3, %r_1
// CHECK-NEXT:      visa.store f32 %5, %s_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r, %s :
func.func @product_stored(%x : !square) -> (!square, !square) {
  %r, %s = vk.kernel mix @k0(%a = %x : !square) -> (!square, !square) {
    %0 = dvm.matmul %a, %a trans_a false trans_b false : !square, !square -> !square
    %1 = dvm.binary Add %0, %a : !square, !square -> !square
    vk.yield %0, %1 : !square, !square
  }
  return %r, %s : !square, !square
}
