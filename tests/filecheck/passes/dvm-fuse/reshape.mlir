// RUN: dvm-opt %s -p dvm-fuse | filecheck %s
// RUN: dvm-opt %s -p 'dvm-fuse{explain=true}' 2>&1 >/dev/null | filecheck %s --check-prefix=EXPLAIN

// A reshape between elementwise operations is moved to where it is a view between kernels.

!x = tensor<?x256xf32, #dvm.sym<["s0", "256"]>>
!heads = tensor<?x4x64xf32, #dvm.sym<["s0", "4", "64"]>>
!flat = tensor<?xf32, #dvm.sym<["256*s0"]>>
!square = tensor<8x8xf32>

// What is returned keeps its shape, so the work before the reshape is done in the shape after it: each operand spans what is
// split or is stretched along all of it.
// EXPLAIN: remark: dvm.binary Add: is done in the shape on the other side of dvm.reshape
// CHECK-LABEL: func.func @split(
// CHECK-NEXT:    %0 = dvm.reshape %c shape ["s0", 1, 1] :
// CHECK-NEXT:    %1 = dvm.reshape %b shape [1, 4, 64] :
// CHECK-NEXT:    %2 = dvm.reshape %x shape ["s0", 4, 64] :
// CHECK-NEXT:    %3 = vk.kernel vector @k0(%4 = %2 : {{.*}}, %5 = %1 : {{.*}}, %6 = %0 : {{.*}})
// CHECK-NEXT:      %7 = dvm.binary Add %4, %5 :
// CHECK-NEXT:      %8 = dvm.binary Mul %7, %6 :
// CHECK-NEXT:      %9 = dvm.unary Exp %8 :
// CHECK-NEXT:      vk.yield %9 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %3 :
func.func @split(%x : !x, %b : tensor<256xf32>, %c : tensor<?x1xf32, #dvm.sym<["s0", "1"]>>) -> !heads {
  %0 = dvm.binary Add %x, %b : !x, tensor<256xf32> -> !x
  %1 = dvm.binary Mul %0, %c : !x, tensor<?x1xf32, #dvm.sym<["s0", "1"]>> -> !x
  %2 = dvm.reshape %1 shape ["s0", 4, 64] : !x -> !heads
  %3 = dvm.unary Exp %2 : !heads -> !heads
  return %3 : !heads
}

// Constants, tensors of one value and broadcasts take any shape.
// CHECK-LABEL: func.func @merge(
// CHECK-NEXT:    %0 = dvm.reshape %x shape ["256*s0"] :
// CHECK-NEXT:    %1 = vk.kernel vector @k0(%2 = %0 : {{.*}}, %c_1 = %c : {{.*}})
// CHECK-NEXT:      %3 = dvm.broadcast_scalar 1.000000e+00 shape ["256*s0"] type Float32 :
// CHECK-NEXT:      %4 = dvm.binary Div %3, %2 :
// CHECK-NEXT:      %5 = dvm.broadcast %c_1 shape ["256*s0"] :
// CHECK-NEXT:      %6 = dvm.binary Add %4, %5 :
// CHECK-NEXT:      %7 = dvm.unary Exp %6 :
// CHECK-NEXT:      vk.yield %7 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %1 :
func.func @merge(%x : !heads, %c : tensor<1xf32>) -> !flat {
  %0 = dvm.broadcast_scalar 1.0 shape ["s0", 4, 64] type Float32 : f32 -> !heads
  %1 = dvm.binary Div %0, %x : !heads, !heads -> !heads
  %2 = dvm.broadcast %c shape ["s0", 4, 64] : tensor<1xf32> -> !heads
  %3 = dvm.binary Add %1, %2 : !heads, !heads -> !heads
  %4 = dvm.reshape %3 shape ["256*s0"] : !heads -> !flat
  %5 = dvm.unary Exp %4 : !flat -> !flat
  return %5 : !flat
}

// No shape is a split of the other: elements keep their order all the same.
// CHECK-LABEL: func.func @neither_split(
// CHECK-NEXT:    %0 = dvm.reshape %x shape [6, 4] :
// CHECK-NEXT:    %1 = vk.kernel vector @k0(%2 = %0 : {{.*}})
// CHECK-NEXT:      %3 = dvm.unary Neg %2 :
// CHECK-NEXT:      %4 = dvm.unary Exp %3 :
// CHECK-NEXT:      vk.yield %4 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %1 :
func.func @neither_split(%x : tensor<4x6xf32>) -> tensor<6x4xf32> {
  %0 = dvm.unary Neg %x : tensor<4x6xf32> -> tensor<4x6xf32>
  %1 = dvm.reshape %0 shape [6, 4] : tensor<4x6xf32> -> tensor<6x4xf32>
  %2 = dvm.unary Exp %1 : tensor<6x4xf32> -> tensor<6x4xf32>
  return %2 : tensor<6x4xf32>
}

// Work after a product is done in the product's shape, and viewed in its own by the next product.
// EXPLAIN: remark: dvm.binary_scalar Mul: is done in the shape on the other side of dvm.reshape
// CHECK-LABEL: func.func @after_a_product(
// CHECK-NEXT:    %0 = vk.kernel mix @k0(%x_1 = %x : {{.*}}, %w_1 = %w : {{.*}})
// CHECK-NEXT:      %1 = dvm.matmul %x_1, %w_1 trans_a false trans_b false :
// CHECK-NEXT:      %2 = dvm.binary_scalar Mul %1, 1.250000e-01 :
// CHECK-NEXT:      vk.yield %2 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = dvm.reshape %0 shape ["s0", 4, 64] :
// CHECK-NEXT:    %2 = vk.kernel cube @k1(%3 = %1 : {{.*}})
// CHECK-NEXT:      %4 = dvm.matmul %3, %3 trans_a false trans_b true :
// CHECK-NEXT:      vk.yield %4 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %2 :
func.func @after_a_product(%x : !x, %w : tensor<256x256xf32>) -> tensor<?x4x4xf32, #dvm.sym<["s0", "4", "4"]>> {
  %0 = dvm.matmul %x, %w trans_a false trans_b false : !x, tensor<256x256xf32> -> !x
  %1 = dvm.reshape %0 shape ["s0", 4, 64] : !x -> !heads
  %2 = dvm.binary_scalar Mul %1, 0.125 : !heads, f32 -> !heads
  %3 = dvm.matmul %2, %2 trans_a false trans_b true : !heads, !heads -> tensor<?x4x4xf32, #dvm.sym<["s0", "4", "4"]>>
  return %3 : tensor<?x4x4xf32, #dvm.sym<["s0", "4", "4"]>>
}

// Both ends of the work stay where other kernels see them: the sums, and the matrix that the product reads.
// CHECK-LABEL: func.func @after_a_reduction(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.reduce Sum %x_1 dims [2] keepdims false :
// CHECK-NEXT:      %2 = dvm.unary Sqrt %1 :
// CHECK-NEXT:      %3 = dvm.unary Exp %2 :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = dvm.reshape %0 shape [64, 1] :
// CHECK-NEXT:    %2 = vk.kernel cube @k1(%3 = %1 : {{.*}})
// CHECK-NEXT:      %4 = dvm.matmul %3, %3 trans_a true trans_b false :
// CHECK-NEXT:      vk.yield %4 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %2 :
func.func @after_a_reduction(%x : tensor<8x8x4xf32>) -> tensor<1x1xf32> {
  %0 = dvm.reduce Sum %x dims [2] keepdims false : tensor<8x8x4xf32> -> !square
  %1 = dvm.unary Sqrt %0 : !square -> !square
  %2 = dvm.reshape %1 shape [64, 1] : !square -> tensor<64x1xf32>
  %3 = dvm.unary Exp %2 : tensor<64x1xf32> -> tensor<64x1xf32>
  %4 = dvm.matmul %3, %3 trans_a true trans_b false : tensor<64x1xf32>, tensor<64x1xf32> -> tensor<1x1xf32>
  return %4 : tensor<1x1xf32>
}

// The reduction says the shape.
// CHECK-LABEL: func.func @before_a_reduction(
// CHECK-NEXT:    %0 = dvm.reshape %x shape ["s0", 4, 64] :
// CHECK-NEXT:    %1 = vk.kernel vector @k0(%2 = %0 : {{.*}})
// CHECK-NEXT:      %3 = dvm.unary Exp %2 :
// CHECK-NEXT:      %4 = dvm.reduce Sum %3 dims [2] keepdims false :
// CHECK-NEXT:      vk.yield %4 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %1 :
func.func @before_a_reduction(%x : !x) -> tensor<?x4xf32, #dvm.sym<["s0", "4"]>> {
  %0 = dvm.unary Exp %x : !x -> !x
  %1 = dvm.reshape %0 shape ["s0", 4, 64] : !x -> !heads
  %2 = dvm.reduce Sum %1 dims [2] keepdims false : !heads -> tensor<?x4xf32, #dvm.sym<["s0", "4"]>>
  return %2 : tensor<?x4xf32, #dvm.sym<["s0", "4"]>>
}

// Several reshapes in a row of work.
// CHECK-LABEL: func.func @there_and_back(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Exp %x_1 :
// CHECK-NEXT:      %2 = dvm.unary Neg %1 :
// CHECK-NEXT:      %3 = dvm.binary Add %2, %1 :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @there_and_back(%x : !x) -> !x {
  %0 = dvm.unary Exp %x : !x -> !x
  %1 = dvm.reshape %0 shape ["s0", 4, 64] : !x -> !heads
  %2 = dvm.unary Neg %1 : !heads -> !heads
  %3 = dvm.reshape %2 shape ["s0", 256] : !heads -> !x
  %4 = dvm.binary Add %3, %0 : !x, !x -> !x
  return %4 : !x
}

// --- what stays ---

// A bias of a part of what is merged has no shape after it, and what is returned has to have the shape it is returned in.
// EXPLAIN:      remark: dvm.reshape: stays where it is: the work over [s0, 256] is fused with or returned by func.return
// EXPLAIN-NEXT: remark: dvm.reshape: stays where it is: [64] stretches along some of the dims of [s0, 4, 64] that [s0, 256] regroups
// CHECK-LABEL: func.func @partial_bias(
// CHECK-COUNT-1: = vk.kernel vector
// CHECK:         dvm.reshape
// CHECK-COUNT-1: = vk.kernel vector
// CHECK-NOT:     vk.kernel
func.func @partial_bias(%x : !heads, %b : tensor<64xf32>) -> !x {
  %0 = dvm.binary Add %x, %b : !heads, tensor<64xf32> -> !heads
  %1 = dvm.reshape %0 shape ["s0", 256] : !heads -> !x
  %2 = dvm.unary Exp %1 : !x -> !x
  return %2 : !x
}

// Reductions on both sides: work that is moved would leave its own reduction.
// EXPLAIN:      remark: dvm.reshape: stays where it is: the work over [s0, 4, 64] is fused with or returned by dvm.reduce Sum
// EXPLAIN-NEXT: remark: dvm.reshape: stays where it is: the work over [s0, 256] is fused with dvm.reduce Max
// CHECK-LABEL: func.func @between_reductions(
// CHECK-COUNT-1: = vk.kernel vector
// CHECK:         dvm.reshape
// CHECK-COUNT-1: = vk.kernel vector
// CHECK-NOT:     vk.kernel
func.func @between_reductions(%x : !x) -> tensor<?x4xf32, #dvm.sym<["s0", "4"]>> {
  %0 = dvm.reduce Max %x dims [1] keepdims true : !x -> tensor<?x1xf32, #dvm.sym<["s0", "1"]>>
  %1 = dvm.binary Sub %x, %0 : !x, tensor<?x1xf32, #dvm.sym<["s0", "1"]>> -> !x
  %2 = dvm.reshape %1 shape ["s0", 4, 64] : !x -> !heads
  %3 = dvm.unary Exp %2 : !heads -> !heads
  %4 = dvm.reduce Sum %3 dims [2] keepdims false : !heads -> tensor<?x4xf32, #dvm.sym<["s0", "4"]>>
  return %4 : tensor<?x4xf32, #dvm.sym<["s0", "4"]>>
}

// Transpositions, slices and places depend on the shape.
// EXPLAIN:      remark: dvm.reshape: stays where it is: the work over [8, 8] is fused with or returned by dvm.transpose
// CHECK-LABEL: func.func @turned(
// CHECK-COUNT-1: = vk.kernel vector
// CHECK:         dvm.reshape
// CHECK-COUNT-1: = vk.kernel vector
// CHECK-NOT:     vk.kernel
func.func @turned(%x : tensor<64xf32>) -> !square {
  %0 = dvm.iota axis 0 shape [64] : tensor<64xf32>
  %1 = dvm.reshape %0 shape [8, 8] : tensor<64xf32> -> !square
  %2 = dvm.unary Exp %1 : !square -> !square
  %3 = dvm.transpose %2 permutation [1, 0] : !square -> !square
  return %3 : !square
}

// Nothing is said of a reshape that has no elementwise work or reduction behind it.
// EXPLAIN-NOT: stays
// CHECK-LABEL: func.func @into_a_product(
// CHECK-COUNT-1: = vk.kernel vector
// CHECK:         dvm.reshape
// CHECK-COUNT-1: = vk.kernel cube
// CHECK-NOT:     vk.kernel
func.func @into_a_product(%x : tensor<64xf32>) -> !square {
  %0 = dvm.unary Exp %x : tensor<64xf32> -> tensor<64xf32>
  %1 = dvm.reshape %0 shape [8, 8] : tensor<64xf32> -> !square
  %2 = dvm.matmul %1, %1 trans_a false trans_b false : !square, !square -> !square
  return %2 : !square
}

// --- reshapes of slices ---

!qkv = tensor<?x768xf32, #dvm.sym<["s0", "768"]>>
!part = tensor<?x256xf32, #dvm.sym<["s0", "256"]>>

// The keys of one product for queries, keys and values: heads 4 to 7 of all, read where they lie.
// EXPLAIN: remark: dvm.slice: is done in the shape on the other side of dvm.slice
// CHECK-LABEL: func.func @heads_of_a_part(
// CHECK-NEXT:    %0 = vk.kernel cube @k0(
// CHECK-NEXT:      %1 = dvm.matmul
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = dvm.reshape %0 shape ["s0", 12, 64] :
// CHECK-NEXT:    %2 = vk.kernel vector @k1(%3 = %1 : {{.*}})
// CHECK-NEXT:      %4 = dvm.slice %3 starts [0, 4, 0] sizes ["s0", 4, 64] steps [1, 1, 1] :
// CHECK-NEXT:      %5 = dvm.transpose %4 permutation [1, 0, 2] :
// CHECK-NEXT:      %6 = dvm.unary Exp %5 :
// CHECK-NEXT:      vk.yield %6 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %2 :
func.func @heads_of_a_part(%x : !x, %w : tensor<256x768xf32>) -> tensor<4x?x64xf32, #dvm.sym<["4", "s0", "64"]>> {
  %0 = dvm.matmul %x, %w trans_a false trans_b false : !x, tensor<256x768xf32> -> !qkv
  %1 = dvm.slice %0 starts [0, 256] sizes ["s0", 256] steps [1, 1] : !qkv -> !part
  %2 = dvm.reshape %1 shape ["s0", 4, 64] : !part -> !heads
  %3 = dvm.transpose %2 permutation [1, 0, 2] : !heads -> tensor<4x?x64xf32, #dvm.sym<["4", "s0", "64"]>>
  %4 = dvm.unary Exp %3 : tensor<4x?x64xf32, #dvm.sym<["4", "s0", "64"]>> -> tensor<4x?x64xf32, #dvm.sym<["4", "s0", "64"]>>
  return %4 : tensor<4x?x64xf32, #dvm.sym<["4", "s0", "64"]>>
}

// A dim that is cut in steps stays as it is beside one that is split.
// CHECK-LABEL: func.func @other_dims_in_steps(
// CHECK:         %1 = dvm.reshape %0 shape ["s0", 12, 64] :
// CHECK-NEXT:    %2 = vk.kernel vector @k1(%3 = %1 : {{.*}})
// CHECK-NEXT:      %4 = dvm.slice %3 starts [1, 8, 0] sizes [2, 4, 64] steps [3, 1, 1] :
func.func @other_dims_in_steps(%x : !x, %w : tensor<256x768xf32>) -> tensor<2x4x64xf32> {
  %0 = dvm.matmul %x, %w trans_a false trans_b false : !x, tensor<256x768xf32> -> !qkv
  %1 = dvm.slice %0 starts [1, 512] sizes [2, 256] steps [3, 1] : !qkv -> tensor<2x256xf32>
  %2 = dvm.reshape %1 shape [2, 4, 64] : tensor<2x256xf32> -> tensor<2x4x64xf32>
  %3 = dvm.unary Exp %2 : tensor<2x4x64xf32> -> tensor<2x4x64xf32>
  return %3 : tensor<2x4x64xf32>
}

// Not where the cut begins inside of a head, where dims that are cut become one, and not for an argument, which would have to be contiguous.
// CHECK-LABEL: func.func @inside_of_a_head(
// CHECK:         %1 = vk.kernel vector @k1(
// CHECK-NEXT:      dvm.slice {{.*}} starts [0, 32] sizes ["s0", 256] steps [1, 1] :
func.func @inside_of_a_head(%x : !x, %w : tensor<256x768xf32>) -> !heads {
  %0 = dvm.matmul %x, %w trans_a false trans_b false : !x, tensor<256x768xf32> -> !qkv
  %1 = dvm.slice %0 starts [0, 32] sizes ["s0", 256] steps [1, 1] : !qkv -> !part
  %2 = dvm.reshape %1 shape ["s0", 4, 64] : !part -> !heads
  return %2 : !heads
}

// CHECK-LABEL: func.func @joined(
// CHECK:         %1 = vk.kernel vector @k1(
// CHECK-NEXT:      dvm.slice {{.*}} starts [0, 256] sizes ["s0", 256] steps [1, 1] :
func.func @joined(%x : !x, %w : tensor<256x768xf32>) -> !flat {
  %0 = dvm.matmul %x, %w trans_a false trans_b false : !x, tensor<256x768xf32> -> !qkv
  %1 = dvm.slice %0 starts [0, 256] sizes ["s0", 256] steps [1, 1] : !qkv -> !part
  %2 = dvm.reshape %1 shape ["256*s0"] : !part -> !flat
  return %2 : !flat
}

// CHECK-LABEL: func.func @of_an_argument(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(
// CHECK-NEXT:      dvm.slice {{.*}} starts [0, 256] sizes ["s0", 256] steps [1, 1] :
func.func @of_an_argument(%x : !qkv) -> !heads {
  %0 = dvm.slice %x starts [0, 256] sizes ["s0", 256] steps [1, 1] : !qkv -> !part
  %1 = dvm.reshape %0 shape ["s0", 4, 64] : !part -> !heads
  return %1 : !heads
}

// Nor of nothing.
// CHECK-LABEL: func.func @of_nothing(
// CHECK:         %1 = vk.kernel vector @k1(
// CHECK-NEXT:      dvm.slice {{.*}} starts [0, 0] sizes ["s0", 0] steps [1, 1] :
func.func @of_nothing(%x : !x, %w : tensor<256x768xf32>) -> tensor<?x4x0xf32, #dvm.sym<["s0", "4", "0"]>> {
  %0 = dvm.matmul %x, %w trans_a false trans_b false : !x, tensor<256x768xf32> -> !qkv
  %1 = dvm.slice %0 starts [0, 0] sizes ["s0", 0] steps [1, 1] : !qkv -> tensor<?x0xf32, #dvm.sym<["s0", "0"]>>
  %2 = dvm.reshape %1 shape ["s0", 4, 0] : tensor<?x0xf32, #dvm.sym<["s0", "0"]>> -> tensor<?x4x0xf32, #dvm.sym<["s0", "4", "0"]>>
  return %2 : tensor<?x4x0xf32, #dvm.sym<["s0", "4", "0"]>>
}
