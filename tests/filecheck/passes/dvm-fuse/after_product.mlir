// RUN: dvm-opt %s -p dvm-fuse | filecheck %s

// What follows a matrix product on its result goes into its kernel, which is then a mix of both.

!x = tensor<?x8xf32, #dvm.sym<["s0", "8"]>>
!w = tensor<8x16xf32>
!y = tensor<?x16xf32, #dvm.sym<["s0", "16"]>>
!half = tensor<?x16xf16, #dvm.sym<["s0", "16"]>>
!square = tensor<?x?xf32, #dvm.sym<["s0", "s0"]>>

// Bias, activation, residual and cast.
// CHECK-LABEL: func.func @epilogue(
// CHECK-NEXT:    %0 = vk.kernel mix @k0(%x_1 = %x : {{.*}}, %w_1 = %w : {{.*}}, %b_1 = %b : {{.*}}, %r_1 = %r : {{.*}})
// CHECK-NEXT:      %1 = dvm.matmul %x_1, %w_1 trans_a false trans_b false :
// CHECK-NEXT:      %2 = dvm.unary Exp %b_1 :
// CHECK-NEXT:      %3 = dvm.binary Add %1, %2 :
// CHECK-NEXT:      %4 = dvm.unary Tanh %3 :
// CHECK-NEXT:      %5 = dvm.binary Add %4, %r_1 :
// CHECK-NEXT:      %6 = dvm.cast %5 type Float16 :
// CHECK-NEXT:      vk.yield %6 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @epilogue(%x : !x, %w : !w, %b : tensor<16xf32>, %r : !y) -> !half {
  %0 = dvm.matmul %x, %w trans_a false trans_b false : !x, !w -> !y
  %1 = dvm.unary Exp %b : tensor<16xf32> -> tensor<16xf32>
  %2 = dvm.binary Add %0, %1 : !y, tensor<16xf32> -> !y
  %3 = dvm.unary Tanh %2 : !y -> !y
  %4 = dvm.binary Add %3, %r : !y, !y -> !y
  %5 = dvm.cast %4 type Float16 : !y -> !half
  return %5 : !half
}

// The product may be stored too.
// CHECK-LABEL: func.func @product_also_returned(
// CHECK-NEXT:    %0, %1 = vk.kernel mix @k0(%x_1 = %x : {{.*}}, %w_1 = %w : {{.*}})
// CHECK-NEXT:      %2 = dvm.matmul %x_1, %w_1 trans_a false trans_b false :
// CHECK-NEXT:      %3 = dvm.unary Tanh %2 :
// CHECK-NEXT:      vk.yield %2, %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0, %1 :
func.func @product_also_returned(%x : !x, %w : !w) -> (!y, !y) {
  %0 = dvm.matmul %x, %w trans_a false trans_b false : !x, !w -> !y
  %1 = dvm.unary Tanh %0 : !y -> !y
  return %0, %1 : !y, !y
}

// The next product reads what the first kernel stores.
// CHECK-LABEL: func.func @used_by_another_product(
// CHECK-NEXT:    %0 = vk.kernel cube @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.matmul %x_1, %x_1 trans_a false trans_b false :
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel mix @k1(%2 = %0 : {{.*}}, %x_1 = %x : {{.*}})
// CHECK-NEXT:      %3 = dvm.matmul %2, %x_1 trans_a false trans_b false :
// CHECK-NEXT:      %4 = dvm.unary Tanh %2 :
// CHECK-NEXT:      %5 = dvm.binary Add %3, %4 :
// CHECK-NEXT:      vk.yield %5 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %1 :
func.func @used_by_another_product(%x : !square) -> !square {
  %0 = dvm.matmul %x, %x trans_a false trans_b false : !square, !square -> !square
  %1 = dvm.matmul %0, %x trans_a false trans_b false : !square, !square -> !square
  %2 = dvm.unary Tanh %0 : !square -> !square
  %3 = dvm.binary Add %1, %2 : !square, !square -> !square
  return %3 : !square
}

// The product would be repeated for each of the three.
// CHECK-LABEL: func.func @stretched(
// CHECK-NEXT:    %0 = vk.kernel cube @k0(%x_1 = %x : {{.*}}, %w_1 = %w : {{.*}})
// CHECK-NEXT:      %1 = dvm.matmul %x_1, %w_1 trans_a false trans_b false :
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(%2 = %0 : {{.*}}, %r_1 = %r : {{.*}})
// CHECK-NEXT:      %3 = dvm.binary Add %2, %r_1 :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %1 :
func.func @stretched(%x : !x, %w : !w, %r : tensor<3x?x16xf32, #dvm.sym<["3", "s0", "16"]>>) -> tensor<3x?x16xf32, #dvm.sym<["3", "s0", "16"]>> {
  %0 = dvm.matmul %x, %w trans_a false trans_b false : !x, !w -> !y
  %1 = dvm.binary Add %0, %r : !y, tensor<3x?x16xf32, #dvm.sym<["3", "s0", "16"]>> -> tensor<3x?x16xf32, #dvm.sym<["3", "s0", "16"]>>
  return %1 : tensor<3x?x16xf32, #dvm.sym<["3", "s0", "16"]>>
}

// s0 may be 1 beside s1.
// CHECK-LABEL: func.func @unproved(
// CHECK-NEXT:    %0 = vk.kernel cube @k0(%x_1 = %x : {{.*}}, %w_1 = %w : {{.*}})
// CHECK-NEXT:      %1 = dvm.matmul %x_1, %w_1 trans_a false trans_b false :
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(%2 = %0 : {{.*}}, %r_1 = %r : {{.*}})
// CHECK-NEXT:      %3 = dvm.binary Add %2, %r_1 :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %1 :
func.func @unproved(%x : !x, %w : !w, %r : tensor<?x16xf32, #dvm.sym<["s1", "16"]>>) -> tensor<?x16xf32, #dvm.sym<["bcast(s0, s1)", "16"]>> {
  %0 = dvm.matmul %x, %w trans_a false trans_b false : !x, !w -> !y
  %1 = dvm.binary Add %0, %r : !y, tensor<?x16xf32, #dvm.sym<["s1", "16"]>> -> tensor<?x16xf32, #dvm.sym<["bcast(s0, s1)", "16"]>>
  return %1 : tensor<?x16xf32, #dvm.sym<["bcast(s0, s1)", "16"]>>
}

// Stored under other axes: still products only.
// CHECK-LABEL: func.func @transposed(
// CHECK-NEXT:    %0 = vk.kernel cube @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.matmul %x_1, %x_1 trans_a false trans_b false :
// CHECK-NEXT:      %2 = dvm.transpose %1 permutation [1, 0] :
// CHECK-NEXT:      vk.yield %2 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @transposed(%x : !square) -> !square {
  %0 = dvm.matmul %x, %x trans_a false trans_b false : !square, !square -> !square
  %1 = dvm.transpose %0 permutation [1, 0] : !square -> !square
  return %1 : !square
}

// CHECK-LABEL: func.func @transposed_at_last(
// CHECK-NEXT:    %0 = vk.kernel cube @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.matmul %x_1, %x_1 trans_a false trans_b false :
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(%2 = %0 : {{.*}})
// CHECK-NEXT:      %3 = dvm.unary Exp %2 :
// CHECK-NEXT:      %4 = dvm.transpose %3 permutation [1, 0] :
// CHECK-NEXT:      vk.yield %4 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %1 :
func.func @transposed_at_last(%x : !square) -> !square {
  %0 = dvm.matmul %x, %x trans_a false trans_b false : !square, !square -> !square
  %1 = dvm.unary Exp %0 : !square -> !square
  %2 = dvm.transpose %1 permutation [1, 0] : !square -> !square
  return %2 : !square
}

// CHECK-LABEL: func.func @sliced(
// CHECK-NEXT:    %0 = vk.kernel cube @k0(%x_1 = %x : {{.*}}, %w_1 = %w : {{.*}})
// CHECK-NEXT:      %1 = dvm.matmul %x_1, %w_1 trans_a false trans_b false :
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(%2 = %0 : {{.*}})
// CHECK-NEXT:      %3 = dvm.slice %2 starts [0, 2] sizes ["s0", 4] steps [1, 1] :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %1 :
func.func @sliced(%x : !x, %w : !w) -> tensor<?x4xf32, #dvm.sym<["s0", "4"]>> {
  %0 = dvm.matmul %x, %w trans_a false trans_b false : !x, !w -> !y
  %1 = dvm.slice %0 starts [0, 2] sizes ["s0", 4] steps [1, 1] : !y -> tensor<?x4xf32, #dvm.sym<["s0", "4"]>>
  return %1 : tensor<?x4xf32, #dvm.sym<["s0", "4"]>>
}

!m = tensor<?x1x6xf32, #dvm.sym<["s0", "1", "6"]>>
!v = tensor<?x6x1xf32, #dvm.sym<["s1", "6", "1"]>>
!p = tensor<?x1x1xf32, #dvm.sym<["bcast(s0, s1)", "1", "1"]>>

// CHECK-LABEL: func.func @taken_for_one(
// CHECK-NEXT:    %0 = vk.kernel cube @k0(%x_1 = %x : {{.*}}, %w_1 = %w : {{.*}})
// CHECK-NEXT:      %1 = dvm.matmul %x_1, %w_1 trans_a false trans_b false :
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(%2 = %0 : {{.*}})
// CHECK-NEXT:      %3 = dvm.broadcast %2 shape [1, 1, 1] :
// CHECK-NEXT:      %4 = dvm.broadcast %3 shape ["bcast(s0, s1)", 1, 1] :
// CHECK-NEXT:      %5 = dvm.binary Sub %2, %4 :
// CHECK-NEXT:      vk.yield %5 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %1 :
func.func @taken_for_one(%x : !m, %w : !v) -> !p {
  %0 = dvm.matmul %x, %w trans_a false trans_b false : !m, !v -> !p
  %1 = dvm.broadcast %0 shape [1, 1, 1] : !p -> tensor<1x1x1xf32>
  %2 = dvm.broadcast %1 shape ["bcast(s0, s1)", 1, 1] : tensor<1x1x1xf32> -> !p
  %3 = dvm.binary Sub %0, %2 : !p, !p -> !p
  return %3 : !p
}
