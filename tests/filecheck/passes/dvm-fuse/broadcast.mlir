// RUN: dvm-opt %s -p dvm-fuse | filecheck %s

// A producer goes into a consumer of a larger shape that it provably broadcasts to, unless its value is stored anyway.

!full = tensor<?x1024xf32, #dvm.sym<["s0", "1024"]>>
!column = tensor<?x1xf32, #dvm.sym<["s0", "1"]>>
!row = tensor<1024xf32>
!s0 = tensor<?xf32, #dvm.sym<["s0"]>>
!s1 = tensor<?xf32, #dvm.sym<["s1"]>>
!joined = tensor<?xf32, #dvm.sym<["bcast(s0, s1)"]>>

// CHECK-LABEL: func.func @explicit(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%b_1 = %b : {{.*}}, %x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Exp %b_1 :
// CHECK-NEXT:      %2 = dvm.broadcast %1 shape ["s0", 1024] :
// CHECK-NEXT:      %3 = dvm.binary Add %x_1, %2 :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @explicit(%x : !full, %b : !row) -> !full {
  %0 = dvm.unary Exp %b : !row -> !row
  %1 = dvm.broadcast %0 shape ["s0", 1024] : !row -> !full
  %2 = dvm.binary Add %x, %1 : !full, !full -> !full
  return %2 : !full
}

// CHECK-LABEL: func.func @missing_dims(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%b_1 = %b : {{.*}}, %x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Exp %b_1 :
// CHECK-NEXT:      %2 = dvm.binary Add %x_1, %1 :
// CHECK-NEXT:      vk.yield %2 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @missing_dims(%x : !full, %b : !row) -> !full {
  %0 = dvm.unary Exp %b : !row -> !row
  %1 = dvm.binary Add %x, %0 : !full, !row -> !full
  return %1 : !full
}

// CHECK-LABEL: func.func @dim_of_1(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%b_1 = %b : {{.*}}, %x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Exp %b_1 :
// CHECK-NEXT:      %2 = dvm.binary Add %x_1, %1 :
// CHECK-NEXT:      vk.yield %2 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @dim_of_1(%x : !full, %b : !column) -> !full {
  %0 = dvm.unary Exp %b : !column -> !column
  %1 = dvm.binary Add %x, %0 : !full, !column -> !full
  return %1 : !full
}

// CHECK-LABEL: func.func @rank_0(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%b_1 = %b : {{.*}}, %x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Exp %b_1 :
// CHECK-NEXT:      %2 = dvm.binary Add %x_1, %1 :
// CHECK-NEXT:      vk.yield %2 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @rank_0(%x : !full, %b : tensor<f32>) -> !full {
  %0 = dvm.unary Exp %b : tensor<f32> -> tensor<f32>
  %1 = dvm.binary Add %x, %0 : !full, tensor<f32> -> !full
  return %1 : !full
}

// Whatever s0 and s1 are, s0 broadcasts to what both broadcast to; so does s1.
// CHECK-LABEL: func.func @unknown_dims(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}}, %y_1 = %y : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Exp %x_1 :
// CHECK-NEXT:      %2 = dvm.unary Neg %y_1 :
// CHECK-NEXT:      %3 = dvm.binary Add %1, %2 :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @unknown_dims(%x : !s0, %y : !s1) -> !joined {
  %0 = dvm.unary Exp %x : !s0 -> !s0
  %1 = dvm.unary Neg %y : !s1 -> !s1
  %2 = dvm.binary Add %0, %1 : !s0, !s1 -> !joined
  return %2 : !joined
}

// Beside a dim of 8, s0 can only be 1 or 8.
// CHECK-LABEL: func.func @unknown_dim_beside_8(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}}, %y_1 = %y : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Exp %x_1 :
// CHECK-NEXT:      %2 = dvm.binary Add %1, %y_1 :
// CHECK-NEXT:      vk.yield %2 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @unknown_dim_beside_8(%x : !s0, %y : tensor<8xf32>) -> tensor<8xf32> {
  %0 = dvm.unary Exp %x : !s0 -> !s0
  %1 = dvm.binary Add %0, %y : !s0, tensor<8xf32> -> tensor<8xf32>
  return %1 : tensor<8xf32>
}

// Step by step: rank 0 into a column, the column into the whole.
// CHECK-LABEL: func.func @chain(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%c_1 = %c : {{.*}}, %b_1 = %b : {{.*}}, %x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Exp %c_1 :
// CHECK-NEXT:      %2 = dvm.binary Mul %b_1, %1 :
// CHECK-NEXT:      %3 = dvm.binary Add %x_1, %2 :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @chain(%x : !full, %b : !column, %c : tensor<f32>) -> !full {
  %0 = dvm.unary Exp %c : tensor<f32> -> tensor<f32>
  %1 = dvm.binary Mul %b, %0 : !column, tensor<f32> -> !column
  %2 = dvm.binary Add %x, %1 : !full, !column -> !full
  return %2 : !full
}

// Both users are in one kernel, so nobody else needs the value.
// CHECK-LABEL: func.func @used_twice_inside(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%b_1 = %b : {{.*}}, %x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Exp %b_1 :
// CHECK-NEXT:      %2 = dvm.binary Add %x_1, %1 :
// CHECK-NEXT:      %3 = dvm.binary Mul %2, %1 :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @used_twice_inside(%x : !full, %b : !row) -> !full {
  %0 = dvm.unary Exp %b : !row -> !row
  %1 = dvm.binary Add %x, %0 : !full, !row -> !full
  %2 = dvm.binary Mul %1, %0 : !full, !row -> !full
  return %2 : !full
}

// The value is stored for the caller, so it is computed once, over its own shape.
// CHECK-LABEL: func.func @returned(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%b_1 = %b : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Exp %b_1 :
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(%x_1 = %x : {{.*}}, %2 = %0 : {{.*}})
// CHECK-NEXT:      %3 = dvm.binary Add %x_1, %2 :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %1, %0 :
func.func @returned(%x : !full, %b : !row) -> (!full, !row) {
  %0 = dvm.unary Exp %b : !row -> !row
  %1 = dvm.binary Add %x, %0 : !full, !row -> !full
  return %1, %0 : !full, !row
}

// Two kernels take the value, so it is stored for both.
// CHECK-LABEL: func.func @two_consumers(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%b_1 = %b : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Exp %b_1 :
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(%x_1 = %x : {{.*}}, %2 = %0 : {{.*}})
// CHECK-NEXT:      %3 = dvm.binary Add %x_1, %2 :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %2 = vk.kernel vector @k2(%y_1 = %y : {{.*}}, %3 = %0 : {{.*}})
// CHECK-NEXT:      %4 = dvm.binary Add %y_1, %3 :
// CHECK-NEXT:      vk.yield %4 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %1, %2 :
func.func @two_consumers(%x : !full, %y : !full, %b : !row) -> (!full, !full) {
  %0 = dvm.unary Exp %b : !row -> !row
  %1 = dvm.binary Add %x, %0 : !full, !row -> !full
  %2 = dvm.binary Add %y, %0 : !full, !row -> !full
  return %1, %2 : !full, !full
}

// A broadcast is repeated in each kernel that takes it: what is stored is what it stretches.
// CHECK-LABEL: func.func @broadcast_for_two(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%b_1 = %b : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Exp %b_1 :
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(%2 = %0 : {{.*}}, %x_1 = %x : {{.*}})
// CHECK-NEXT:      %3 = dvm.broadcast %2 shape ["s0", 1024] :
// CHECK-NEXT:      %4 = dvm.binary Add %x_1, %3 :
// CHECK-NEXT:      vk.yield %4 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %2 = vk.kernel vector @k2(%3 = %0 : {{.*}}, %y_1 = %y : {{.*}})
// CHECK-NEXT:      %4 = dvm.broadcast %3 shape ["s0", 1024] :
// CHECK-NEXT:      %5 = dvm.binary Add %y_1, %4 :
// CHECK-NEXT:      vk.yield %5 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %1, %2 :
func.func @broadcast_for_two(%x : !full, %y : !full, %b : !row) -> (!full, !full) {
  %0 = dvm.unary Exp %b : !row -> !row
  %1 = dvm.broadcast %0 shape ["s0", 1024] : !row -> !full
  %2 = dvm.binary Add %x, %1 : !full, !full -> !full
  %3 = dvm.binary Add %y, %1 : !full, !full -> !full
  return %2, %3 : !full, !full
}

// The same where one broadcast stretches another.
// CHECK-LABEL: func.func @broadcasts_for_two(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%b_1 = %b : {{.*}}, %x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.broadcast %b_1 shape [1024] :
// CHECK-NEXT:      %2 = dvm.broadcast %1 shape ["s0", 1024] :
// CHECK-NEXT:      %3 = dvm.binary Add %x_1, %2 :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(%b_1 = %b : {{.*}}, %y_1 = %y : {{.*}})
// CHECK-NEXT:      %2 = dvm.broadcast %b_1 shape [1024] :
// CHECK-NEXT:      %3 = dvm.broadcast %2 shape ["s0", 1024] :
// CHECK-NEXT:      %4 = dvm.binary Add %y_1, %3 :
// CHECK-NEXT:      vk.yield %4 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0, %1 :
func.func @broadcasts_for_two(%x : !full, %y : !full, %b : tensor<1xf32>) -> (!full, !full) {
  %0 = dvm.broadcast %b shape [1024] : tensor<1xf32> -> !row
  %1 = dvm.broadcast %0 shape ["s0", 1024] : !row -> !full
  %2 = dvm.binary Add %x, %1 : !full, !full -> !full
  %3 = dvm.binary Add %y, %1 : !full, !full -> !full
  return %2, %3 : !full, !full
}

// A matmul reads the broadcast tensor from memory, so it is stored.
// CHECK-LABEL: func.func @broadcast_for_a_matmul(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%b_1 = %b : {{.*}})
// CHECK-NEXT:      %1 = dvm.broadcast %b_1 shape [1024, 1024] :
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel cube @k1(%x_1 = %x : {{.*}}, %2 = %0 : {{.*}})
// CHECK-NEXT:      %3 = dvm.matmul %x_1, %2 trans_a false trans_b false :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %1 :
func.func @broadcast_for_a_matmul(%x : !full, %b : !row) -> !full {
  %0 = dvm.broadcast %b shape [1024, 1024] : !row -> tensor<1024x1024xf32>
  %1 = dvm.matmul %x, %0 trans_a false trans_b false : !full, tensor<1024x1024xf32> -> !full
  return %1 : !full
}
