// RUN: dvm-opt %s -p dvm-fuse | filecheck %s

!split = tensor<?x4x64xf32, #dvm.sym<["s", "4", "64"]>>
!heads = tensor<4x?x64xf32, #dvm.sym<["4", "s", "64"]>>
!scores = tensor<4x?x?xf32, #dvm.sym<["4", "s", "s"]>>
!square = tensor<8x8xf32>

// Heads in front of positions on the way in, behind them on the way out.
// CHECK-LABEL: func.func @heads(
// CHECK-NEXT:    %0 = vk.kernel cube @k0(%q_1 = %q : {{.*}}, %k_1 = %k : {{.*}})
// CHECK-NEXT:      %1 = dvm.transpose %q_1 permutation [1, 0, 2] :
// CHECK-NEXT:      %2 = dvm.transpose %k_1 permutation [1, 0, 2] :
// CHECK-NEXT:      %3 = dvm.matmul %1, %2 trans_a false trans_b true :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel cube @k1(%v_1 = %v : {{.*}}, %2 = %0 : {{.*}})
// CHECK-NEXT:      %3 = dvm.transpose %v_1 permutation [1, 0, 2] :
// CHECK-NEXT:      %4 = dvm.matmul %2, %3 trans_a false trans_b false :
// CHECK-NEXT:      %5 = dvm.transpose %4 permutation [1, 0, 2] :
// CHECK-NEXT:      vk.yield %5 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %1 :
func.func @heads(%q : !split, %k : !split, %v : !split) -> !split {
  %0 = dvm.transpose %q permutation [1, 0, 2] : !split -> !heads
  %1 = dvm.transpose %k permutation [1, 0, 2] : !split -> !heads
  %2 = dvm.matmul %0, %1 trans_a false trans_b true : !heads, !heads -> !scores
  %3 = dvm.transpose %v permutation [1, 0, 2] : !split -> !heads
  %4 = dvm.matmul %2, %3 trans_a false trans_b false : !scores, !heads -> !heads
  %5 = dvm.transpose %4 permutation [1, 0, 2] : !heads -> !split
  return %5 : !split
}

// The last dim, which is contiguous, would become the batch: a copy is better than products on strided matrices.
// CHECK-LABEL: func.func @strided(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(
// CHECK-NEXT:      %1 = dvm.transpose %x_1 permutation [2, 0, 1] :
// CHECK:         %1 = vk.kernel cube @k1(
// CHECK:         func.return %1 :
func.func @strided(%x : tensor<3x5x4xf32>, %w : tensor<4x5x6xf32>) -> tensor<4x3x6xf32> {
  %0 = dvm.transpose %x permutation [2, 0, 1] : tensor<3x5x4xf32> -> tensor<4x3x5xf32>
  %1 = dvm.matmul %0, %w trans_a false trans_b false : tensor<4x3x5xf32>, tensor<4x5x6xf32> -> tensor<4x3x6xf32>
  return %1 : tensor<4x3x6xf32>
}

// Somebody else reads the transposed tensor, so that it is stored.
// CHECK-LABEL: func.func @needed_elsewhere(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(
// CHECK-NEXT:      %1 = dvm.transpose
// CHECK:         %1 = vk.kernel cube @k1(
// CHECK:         func.return %0, %1 :
func.func @needed_elsewhere(%x : !square) -> (!square, !square) {
  %0 = dvm.transpose %x permutation [1, 0] : !square -> !square
  %1 = dvm.matmul %0, %x trans_a false trans_b false : !square, !square -> !square
  return %0, %1 : !square, !square
}

// A bias is no factor, and work on a right factor is a kernel of its own.
// CHECK-LABEL: func.func @no_factor(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(
// CHECK-NEXT:      %1 = dvm.transpose
// CHECK:         %1 = vk.kernel vector @k1(
// CHECK-NEXT:      %2 = dvm.unary Exp
// CHECK:         %2 = vk.kernel cube @k2(
// CHECK:         func.return %2 :
func.func @no_factor(%x : !square, %b : !square) -> !square {
  %0 = dvm.transpose %b permutation [1, 0] : !square -> !square
  %1 = dvm.unary Exp %x : !square -> !square
  %2 = dvm.matmul %x, %1 trans_a false trans_b false bias %0 : !square, !square, !square -> !square
  return %2 : !square
}

// Work on the transposed product would be under other axes, even if all of them are as long.
// CHECK-LABEL: func.func @goes_on(
// CHECK-NEXT:    %0 = vk.kernel cube @k0(
// CHECK-NEXT:      dvm.matmul
// CHECK:         %1 = vk.kernel vector @k1(
// CHECK:           dvm.transpose
// CHECK-NEXT:      %{{.*}} = dvm.unary Exp
// CHECK:         func.return %1 :
func.func @goes_on(%x : !square) -> !square {
  %0 = dvm.matmul %x, %x trans_a false trans_b false : !square, !square -> !square
  %1 = dvm.transpose %0 permutation [1, 0] : !square -> !square
  %2 = dvm.unary Exp %1 : !square -> !square
  return %2 : !square
}

// Work on the product comes first, and what it leaves is stored transposed.
// CHECK-LABEL: func.func @after_work(
// CHECK-NEXT:    %0 = vk.kernel mix @k0(
// CHECK-NEXT:      %1 = dvm.matmul
// CHECK-NEXT:      %2 = dvm.unary Exp %1 :
// CHECK-NEXT:      %3 = dvm.transpose %2 permutation [1, 0] :
// CHECK:         func.return %0 :
func.func @after_work(%x : tensor<8x4xf32>, %w : tensor<4x6xf32>) -> tensor<6x8xf32> {
  %0 = dvm.matmul %x, %w trans_a false trans_b false : tensor<8x4xf32>, tensor<4x6xf32> -> tensor<8x6xf32>
  %1 = dvm.unary Exp %0 : tensor<8x6xf32> -> tensor<8x6xf32>
  %2 = dvm.transpose %1 permutation [1, 0] : tensor<8x6xf32> -> tensor<6x8xf32>
  return %2 : tensor<6x8xf32>
}
