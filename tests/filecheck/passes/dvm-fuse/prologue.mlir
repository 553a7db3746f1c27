// RUN: dvm-opt %s -p dvm-fuse | filecheck %s
// RUN: dvm-opt %s -p 'dvm-fuse{explain=true}' 2>&1 >/dev/null | filecheck %s --check-prefix=EXPLAIN

// What computes the rows of a left factor is part of the product's kernel.

!x = tensor<?x64xf32, #dvm.sym<["m", "64"]>>
!h = tensor<?x64xf16, #dvm.sym<["m", "64"]>>
!c = tensor<?x1xf32, #dvm.sym<["m", "1"]>>
!w = tensor<64x64xf32>
!large = tensor<64x8192xf32>
!wide = tensor<?x8192xf32, #dvm.sym<["m", "8192"]>>

// EXPLAIN:      remark: dvm.matmul: joined with dvm.binary Mul at {{.*}} by prologue: it computes rows of the left factor, [m, 64]
// CHECK-LABEL: func.func @norm(
// CHECK-NEXT:     %0 = vk.kernel mix @k0(%x_1 = %x : {{.*}}, %w_1 = %w : {{.*}})
// CHECK-NEXT:       %1 = dvm.binary Mul %x_1, %x_1 :
// CHECK-NEXT:       %2 = dvm.reduce Mean %1 dims [1] keepdims true :
// CHECK-NEXT:       %3 = dvm.unary Rsqrt %2 :
// CHECK-NEXT:       %4 = dvm.binary Mul %x_1, %3 :
// CHECK-NEXT:       %5 = dvm.matmul %4, %w_1 trans_a false trans_b false :
// CHECK-NEXT:       vk.yield %5 :
// CHECK-NEXT:     }
// CHECK-NEXT:     func.return %0 :
func.func @norm(%x : !x, %w : !w) -> !x {
  %0 = dvm.binary Mul %x, %x : !x, !x -> !x
  %1 = dvm.reduce Mean %0 dims [1] keepdims true : !x -> !c
  %2 = dvm.unary Rsqrt %1 : !c -> !c
  %3 = dvm.binary Mul %x, %2 : !x, !c -> !x
  %4 = dvm.matmul %3, %w trans_a false trans_b false : !x, !w -> !x
  return %4 : !x
}

// Products of the same rows are put side by side first.
// CHECK-LABEL: func.func @shared(
// CHECK-NEXT:     %0, %1 = vk.kernel mix @k0(%x_1 = %x : {{.*}}, %w_1 = %w : {{.*}}, %v_1 = %v : {{.*}})
// CHECK-NEXT:       %2 = dvm.unary Exp %x_1 :
// CHECK-NEXT:       %3 = dvm.matmul %2, %w_1 trans_a false trans_b false :
// CHECK-NEXT:       %4 = dvm.matmul %2, %v_1 trans_a false trans_b false :
// CHECK-NEXT:       vk.yield %3, %4 :
// CHECK-NEXT:     }
// CHECK-NEXT:     func.return %0, %1 :
func.func @shared(%x : !x, %w : !w, %v : !w) -> (!x, !x) {
  %0 = dvm.unary Exp %x : !x -> !x
  %1 = dvm.matmul %0, %w trans_a false trans_b false : !x, !w -> !x
  %2 = dvm.matmul %0, %v trans_a false trans_b false : !x, !w -> !x
  return %1, %2 : !x, !x
}

// EXPLAIN:      remark: dvm.matmul: apart from dvm.unary Exp at {{.*}} prologue: someone else needs its values, which are stored over their own shape [m, 64]
// CHECK-LABEL: func.func @needed_elsewhere(
// CHECK-NEXT:     %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:       %1 = dvm.unary Exp %x_1 :
// CHECK-NEXT:       vk.yield %1 :
// CHECK-NEXT:     }
// CHECK-NEXT:     %1 = vk.kernel cube @k1(%2 = %0 : {{.*}}, %w_1 = %w : {{.*}})
// CHECK-NEXT:       %3 = dvm.matmul %2, %w_1 trans_a false trans_b false :
// CHECK-NEXT:       vk.yield %3 :
// CHECK-NEXT:     }
// CHECK-NEXT:     func.return %0, %1 :
func.func @needed_elsewhere(%x : !x, %w : !w) -> (!x, !x) {
  %0 = dvm.unary Exp %x : !x -> !x
  %1 = dvm.matmul %0, %w trans_a false trans_b false : !x, !w -> !x
  return %0, %1 : !x, !x
}

// The rows would be computed, and the right factor read, again for each block.
// EXPLAIN:      remark: dvm.matmul: apart from dvm.cast at {{.*}} prologue: the right factor is large, and read again for each block of rows
// CHECK-LABEL: func.func @large(
// CHECK-NEXT:     %0 = vk.kernel vector @k0(%h_1 = %h : {{.*}})
// CHECK-NEXT:       %1 = dvm.cast %h_1 type Float32 :
// CHECK-NEXT:       vk.yield %1 :
// CHECK-NEXT:     }
// CHECK-NEXT:     %1 = vk.kernel cube @k1(%2 = %0 : {{.*}}, %w_1 = %w : {{.*}})
// CHECK-NEXT:       %3 = dvm.matmul %2, %w_1 trans_a false trans_b false :
// CHECK-NEXT:       vk.yield %3 :
// CHECK-NEXT:     }
// CHECK-NEXT:     func.return %1 :
func.func @large(%h : !h, %w : !large) -> !wide {
  %0 = dvm.cast %h type Float32 : !h -> !x
  %1 = dvm.matmul %0, %w trans_a false trans_b false : !x, !large -> !wide
  return %1 : !wide
}

// EXPLAIN:      remark: dvm.matmul: apart from dvm.binary Sub at {{.*}} prologue: it reduces dims [0], not the contracted one
// CHECK-LABEL: func.func @columns(
// CHECK-NEXT:     %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:       %1 = dvm.reduce Sum %x_1 dims [0] keepdims true :
// CHECK-NEXT:       %2 = dvm.binary Sub %x_1, %1 :
// CHECK-NEXT:       vk.yield %2 :
// CHECK-NEXT:     }
// CHECK-NEXT:     %1 = vk.kernel cube @k1(%2 = %0 : {{.*}}, %w_1 = %w : {{.*}})
// CHECK-NEXT:       %3 = dvm.matmul %2, %w_1 trans_a false trans_b false :
// CHECK-NEXT:       vk.yield %3 :
// CHECK-NEXT:     }
// CHECK-NEXT:     func.return %1 :
func.func @columns(%x : tensor<64x64xf32>, %w : !w) -> !w {
  %0 = dvm.reduce Sum %x dims [0] keepdims true : tensor<64x64xf32> -> tensor<1x64xf32>
  %1 = dvm.binary Sub %x, %0 : !w, tensor<1x64xf32> -> !w
  %2 = dvm.matmul %1, %w trans_a false trans_b false : !w, !w -> !w
  return %2 : !w
}

// EXPLAIN:      remark: dvm.matmul: apart from dvm.unary Exp at {{.*}} prologue: it is not for the rows of left factors alone
// CHECK-LABEL: func.func @transposed(
// CHECK-NEXT:     %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:       %1 = dvm.unary Exp %x_1 :
// CHECK-NEXT:       vk.yield %1 :
// CHECK-NEXT:     }
// CHECK-NEXT:     %1 = vk.kernel cube @k1(%2 = %0 : {{.*}}, %w_1 = %w : {{.*}})
// CHECK-NEXT:       %3 = dvm.matmul %2, %w_1 trans_a true trans_b false :
// CHECK-NEXT:       vk.yield %3 :
// CHECK-NEXT:     }
// CHECK-NEXT:     func.return %1 :
func.func @transposed(%x : !w, %w : !w) -> !w {
  %0 = dvm.unary Exp %x : !w -> !w
  %1 = dvm.matmul %0, %w trans_a true trans_b false : !w, !w -> !w
  return %1 : !w
}

// All rows are the same one, which has no axis.
// EXPLAIN:      remark: dvm.matmul: apart from dvm.broadcast at {{.*}} prologue: its rows may turn out to be the same one, repeated
// CHECK-LABEL: func.func @repeated(
// CHECK-NEXT:     %0 = vk.kernel vector @k0(%b_1 = %b : {{.*}})
// CHECK-NEXT:       %1 = dvm.unary Exp %b_1 :
// CHECK-NEXT:       %2 = dvm.broadcast %1 shape [64, 64] :
// CHECK-NEXT:       vk.yield %2 :
// CHECK-NEXT:     }
// CHECK-NEXT:     %1 = vk.kernel cube @k1(%2 = %0 : {{.*}}, %w_1 = %w : {{.*}})
// CHECK-NEXT:       %3 = dvm.matmul %2, %w_1 trans_a false trans_b false :
// CHECK-NEXT:       vk.yield %3 :
// CHECK-NEXT:     }
// CHECK-NEXT:     func.return %1 :
func.func @repeated(%b : tensor<64xf32>, %w : !w) -> !w {
  %0 = dvm.unary Exp %b : tensor<64xf32> -> tensor<64xf32>
  %1 = dvm.broadcast %0 shape [64, 64] : tensor<64xf32> -> !w
  %2 = dvm.matmul %1, %w trans_a false trans_b false : !w, !w -> !w
  return %2 : !w
}

// The sum is stored for the second product and for the end; the first product is not.
// EXPLAIN:      remark: dvm.binary Add: is done beside dvm.matmul at {{.*}}, of which 512*m bytes need not be moved
// CHECK-LABEL: func.func @residual(
// CHECK-NEXT:     %0 = vk.kernel mix @k0(%x_1 = %x : {{.*}}, %w_1 = %w : {{.*}})
// CHECK-NEXT:       %1 = dvm.matmul %x_1, %w_1 trans_a false trans_b false :
// CHECK-NEXT:       %2 = dvm.binary Add %x_1, %1 :
// CHECK-NEXT:       vk.yield %2 :
// CHECK-NEXT:     }
// CHECK-NEXT:     %1 = vk.kernel mix @k1(%2 = %0 : {{.*}}, %w_1 = %w : {{.*}})
// CHECK-NEXT:       %3 = dvm.reduce Max %2 dims [1] keepdims true :
// CHECK-NEXT:       %4 = dvm.binary Sub %2, %3 :
// CHECK-NEXT:       %5 = dvm.matmul %4, %w_1 trans_a false trans_b false :
// CHECK-NEXT:       %6 = dvm.binary Add %2, %5 :
// CHECK-NEXT:       vk.yield %6 :
// CHECK-NEXT:     }
// CHECK-NEXT:     func.return %1 :
func.func @residual(%x : !x, %w : !w) -> !x {
  %0 = dvm.matmul %x, %w trans_a false trans_b false : !x, !w -> !x
  %1 = dvm.binary Add %x, %0 : !x, !x -> !x
  %2 = dvm.reduce Max %1 dims [1] keepdims true : !x -> !c
  %3 = dvm.binary Sub %1, %2 : !x, !c -> !x
  %4 = dvm.matmul %3, %w trans_a false trans_b false : !x, !w -> !x
  %5 = dvm.binary Add %1, %4 : !x, !x -> !x
  return %5 : !x
}
