// RUN: dvm-opt %s -p dvm-fuse | filecheck %s

// Kernels are never merged into a cycle, and come after what they need.

!full = tensor<?x1024xf32, #dvm.sym<["s0", "1024"]>>
!column = tensor<?x1xf32, #dvm.sym<["s0", "1"]>>

// Exp and Div alone would make a cycle: the reduction between them uses the one and gives the other. All three do not.
// CHECK-LABEL: func.func @softmax(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Exp %x_1 :
// CHECK-NEXT:      %2 = dvm.reduce Sum %1 dims [1] keepdims true :
// CHECK-NEXT:      %3 = dvm.binary Div %1, %2 :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @softmax(%x : !full) -> !full {
  %0 = dvm.unary Exp %x : !full -> !full
  %1 = dvm.reduce Sum %0 dims [1] keepdims true : !full -> !column
  %2 = dvm.binary Div %0, %1 : !full, !column -> !full
  return %2 : !full
}

// So would they through a matmul, although all shapes are equal.
// CHECK-LABEL: func.func @through_a_matmul(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Exp %x_1 :
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel mix @k1(%2 = %0 : {{.*}})
// CHECK-NEXT:      %3 = dvm.matmul %2, %2 trans_a false trans_b false :
// CHECK-NEXT:      %4 = dvm.binary Add %2, %3 :
// CHECK-NEXT:      vk.yield %4 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %1 :
func.func @through_a_matmul(%x : tensor<8x8xf32>) -> tensor<8x8xf32> {
  %0 = dvm.unary Exp %x : tensor<8x8xf32> -> tensor<8x8xf32>
  %1 = dvm.matmul %0, %0 trans_a false trans_b false : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
  %2 = dvm.binary Add %0, %1 : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
  return %2 : tensor<8x8xf32>
}

// And through what stays between kernels.
// CHECK-LABEL: func.func @through_a_reshape(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Exp %x_1 :
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = dvm.reshape %0 shape [64] :
// CHECK-NEXT:    %2 = dvm.reshape %1 shape [8, 8] :
// CHECK-NEXT:    %3 = vk.kernel vector @k1(%4 = %0 : {{.*}}, %5 = %2 : {{.*}})
// CHECK-NEXT:      %6 = dvm.binary Add %4, %5 :
// CHECK-NEXT:      vk.yield %6 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %3 :
func.func @through_a_reshape(%x : tensor<8x8xf32>) -> tensor<8x8xf32> {
  %0 = dvm.unary Exp %x : tensor<8x8xf32> -> tensor<8x8xf32>
  %1 = dvm.reshape %0 shape [64] : tensor<8x8xf32> -> tensor<64xf32>
  %2 = dvm.reshape %1 shape [8, 8] : tensor<64xf32> -> tensor<8x8xf32>
  %3 = dvm.binary Add %0, %2 : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
  return %3 : tensor<8x8xf32>
}

// And through several kernels: Neg is merged with Exp, so Add cannot be.
// CHECK-LABEL: func.func @long_way_round(
// CHECK-NEXT:    %0, %1 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %2 = dvm.unary Exp %x_1 :
// CHECK-NEXT:      %3 = dvm.reduce Sum %2 dims [1] keepdims true :
// CHECK-NEXT:      %4 = dvm.unary Neg %2 :
// CHECK-NEXT:      vk.yield %3, %4 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %2 = vk.kernel vector @k1(%3 = %0 : {{.*}})
// CHECK-NEXT:      %4 = dvm.unary Sqrt %3 :
// CHECK-NEXT:      %5 = dvm.reduce Max %4 dims [0] keepdims true :
// CHECK-NEXT:      vk.yield %5 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %3 = vk.kernel vector @k2(%4 = %1 : {{.*}}, %5 = %2 : {{.*}})
// CHECK-NEXT:      %6 = dvm.binary Add %4, %5 :
// CHECK-NEXT:      vk.yield %6 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %3 :
func.func @long_way_round(%x : !full) -> !full {
  %0 = dvm.unary Exp %x : !full -> !full
  %1 = dvm.reduce Sum %0 dims [1] keepdims true : !full -> !column
  %2 = dvm.unary Sqrt %1 : !column -> !column
  %3 = dvm.reduce Max %2 dims [0] keepdims true : !column -> tensor<1x1xf32>
  %4 = dvm.unary Neg %0 : !full -> !full
  %5 = dvm.binary Add %4, %3 : !full, tensor<1x1xf32> -> !full
  return %5 : !full
}

// A diamond with a reduction on one side: the other side is merged with the start, and with the end once the reduction is.
// CHECK-LABEL: func.func @one_side_reduces(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Exp %x_1 :
// CHECK-NEXT:      %2 = dvm.unary Abs %1 :
// CHECK-NEXT:      %3 = dvm.reduce Sum %1 dims [1] keepdims true :
// CHECK-NEXT:      %4 = dvm.binary Div %2, %3 :
// CHECK-NEXT:      vk.yield %4 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @one_side_reduces(%x : !full) -> !full {
  %0 = dvm.unary Exp %x : !full -> !full
  %1 = dvm.unary Abs %0 : !full -> !full
  %2 = dvm.reduce Sum %0 dims [1] keepdims true : !full -> !column
  %3 = dvm.binary Div %1, %2 : !full, !column -> !full
  return %3 : !full
}

// Neg is written last, but is merged with Exp, so what uses the reduction of Exp comes after both.
// CHECK-LABEL: func.func @merged_upwards(
// CHECK-NEXT:    %0, %1 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %2 = dvm.unary Exp %x_1 :
// CHECK-NEXT:      %3 = dvm.reduce Sum %2 dims [1] keepdims true :
// CHECK-NEXT:      %4 = dvm.binary Div %x_1, %3 :
// CHECK-NEXT:      %5 = dvm.unary Neg %2 :
// CHECK-NEXT:      vk.yield %4, %5 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0, %1 :
func.func @merged_upwards(%x : !full) -> (!full, !full) {
  %0 = dvm.unary Exp %x : !full -> !full
  %1 = dvm.reduce Sum %0 dims [1] keepdims true : !full -> !column
  %2 = dvm.binary Div %x, %1 : !full, !column -> !full
  %3 = dvm.unary Neg %0 : !full -> !full
  return %2, %3 : !full, !full
}

// The transpose between two merged operations uses the first, so it comes after both.
// CHECK-LABEL: func.func @moved_behind(
// CHECK-NEXT:    %0, %1 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %2 = dvm.unary Exp %x_1 :
// CHECK-NEXT:      %3 = dvm.unary Neg %2 :
// CHECK-NEXT:      vk.yield %2, %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %2 = vk.kernel vector @k1(%3 = %0 : {{.*}})
// CHECK-NEXT:      %4 = dvm.transpose %3 permutation [1, 0] :
// CHECK-NEXT:      vk.yield %4 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %2, %1 :
func.func @moved_behind(%x : tensor<4x8xf32>) -> (tensor<8x4xf32>, tensor<4x8xf32>) {
  %0 = dvm.unary Exp %x : tensor<4x8xf32> -> tensor<4x8xf32>
  %1 = dvm.transpose %0 permutation [1, 0] : tensor<4x8xf32> -> tensor<8x4xf32>
  %2 = dvm.unary Neg %0 : tensor<4x8xf32> -> tensor<4x8xf32>
  return %1, %2 : tensor<8x4xf32>, tensor<4x8xf32>
}

// What the later of two merged operations needs comes before both.
// CHECK-LABEL: func.func @needed_by_the_later(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}}, %y_1 = %y : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Exp %x_1 :
// CHECK-NEXT:      %2 = dvm.transpose %y_1 permutation [1, 0] :
// CHECK-NEXT:      %3 = dvm.binary Add %1, %2 :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @needed_by_the_later(%x : tensor<4x8xf32>, %y : tensor<8x4xf32>) -> tensor<4x8xf32> {
  %0 = dvm.unary Exp %x : tensor<4x8xf32> -> tensor<4x8xf32>
  %1 = dvm.transpose %y permutation [1, 0] : tensor<8x4xf32> -> tensor<4x8xf32>
  %2 = dvm.binary Add %0, %1 : tensor<4x8xf32>, tensor<4x8xf32> -> tensor<4x8xf32>
  return %2 : tensor<4x8xf32>
}
