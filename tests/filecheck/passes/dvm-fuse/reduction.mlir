// RUN: dvm-opt %s -p dvm-fuse | filecheck %s

// Work over what a reduction reads goes into its kernel, and so do reductions over the same dims, one after the other
// too. What comes after reductions is in after_reduction.mlir.

!full = tensor<?x1024xf32, #dvm.sym<["s0", "1024"]>>
!column = tensor<?x1xf32, #dvm.sym<["s0", "1"]>>
!s0 = tensor<?xf32, #dvm.sym<["s0"]>>
!s1 = tensor<?xf32, #dvm.sym<["s1"]>>
!joined = tensor<?xf32, #dvm.sym<["bcast(s0, s1)"]>>
!row = tensor<1024xf32>

// CHECK-LABEL: func.func @producer(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Exp %x_1 :
// CHECK-NEXT:      %2 = dvm.binary_scalar Mul %1, 2.000000e+00 :
// CHECK-NEXT:      %3 = dvm.reduce Sum %2 dims [1] keepdims false :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @producer(%x : !full) -> !s0 {
  %0 = dvm.unary Exp %x : !full -> !full
  %1 = dvm.binary_scalar Mul %0, 2.0 : !full, f32 -> !full
  %2 = dvm.reduce Sum %1 dims [1] keepdims false : !full -> !s0
  return %2 : !s0
}

// A value over the whole domain can be stored on the way.
// CHECK-LABEL: func.func @producer_also_returned(
// CHECK-NEXT:    %0, %1 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %2 = dvm.unary Exp %x_1 :
// CHECK-NEXT:      %3 = dvm.reduce Sum %2 dims [1] keepdims false :
// CHECK-NEXT:      vk.yield %2, %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0, %1 :
func.func @producer_also_returned(%x : !full) -> (!full, !s0) {
  %0 = dvm.unary Exp %x : !full -> !full
  %1 = dvm.reduce Sum %0 dims [1] keepdims false : !full -> !s0
  return %0, %1 : !full, !s0
}

// CHECK-LABEL: func.func @broadcast_producer(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%b_1 = %b : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Exp %b_1 :
// CHECK-NEXT:      %2 = dvm.broadcast %1 shape ["s0", 1024] :
// CHECK-NEXT:      %3 = dvm.reduce Max %2 dims [1] keepdims false :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @broadcast_producer(%x : !full, %b : !row) -> !s0 {
  %0 = dvm.unary Exp %b : !row -> !row
  %1 = dvm.broadcast %0 shape ["s0", 1024] : !row -> !full
  %2 = dvm.reduce Max %1 dims [1] keepdims false : !full -> !s0
  return %2 : !s0
}

// The small value goes into its elementwise consumer, and with it into the reduction.
// CHECK-LABEL: func.func @broadcast_through_producer(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%b_1 = %b : {{.*}}, %x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Exp %b_1 :
// CHECK-NEXT:      %2 = dvm.binary Mul %x_1, %1 :
// CHECK-NEXT:      %3 = dvm.reduce Max %2 dims [1] keepdims false :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @broadcast_through_producer(%x : !full, %b : !column) -> !s0 {
  %0 = dvm.unary Exp %b : !column -> !column
  %1 = dvm.binary Mul %x, %0 : !full, !column -> !full
  %2 = dvm.reduce Max %1 dims [1] keepdims false : !full -> !s0
  return %2 : !s0
}

// What is broadcast and stored anyway is computed once, over its own shape.
// CHECK-LABEL: func.func @broadcast_producer_also_returned(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%b_1 = %b : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Exp %b_1 :
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(%2 = %0 : {{.*}})
// CHECK-NEXT:      %3 = dvm.broadcast %2 shape ["s0", 1024] :
// CHECK-NEXT:      %4 = dvm.reduce Sum %3 dims [1] keepdims false :
// CHECK-NEXT:      vk.yield %4 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0, %1 :
func.func @broadcast_producer_also_returned(%b : !row) -> (!row, !s0) {
  %0 = dvm.unary Exp %b : !row -> !row
  %1 = dvm.broadcast %0 shape ["s0", 1024] : !row -> !full
  %2 = dvm.reduce Sum %1 dims [1] keepdims false : !full -> !s0
  return %0, %2 : !row, !s0
}

// s0 is not provably what it and s1 broadcast to: neither equal, nor needed by the reduction alone.
// CHECK-LABEL: func.func @unproved(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Exp %x_1 :
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(%2 = %0 : {{.*}}, %y_1 = %y : {{.*}})
// CHECK-NEXT:      %3 = dvm.binary Add %2, %y_1 :
// CHECK-NEXT:      %4 = dvm.reduce Sum %3 dims [0] keepdims false :
// CHECK-NEXT:      vk.yield %4 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0, %1 :
func.func @unproved(%x : !s0, %y : !s1) -> (!s0, tensor<f32>) {
  %0 = dvm.unary Exp %x : !s0 -> !s0
  %1 = dvm.binary Add %0, %y : !s0, !s1 -> !joined
  %2 = dvm.reduce Sum %1 dims [0] keepdims false : !joined -> tensor<f32>
  return %0, %2 : !s0, tensor<f32>
}

// CHECK-LABEL: func.func @same_dims(
// CHECK-NEXT:    %0, %1 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %2 = dvm.unary Exp %x_1 :
// CHECK-NEXT:      %3 = dvm.reduce Sum %2 dims [1] keepdims false :
// CHECK-NEXT:      %4 = dvm.reduce Max %2 dims [1] keepdims true :
// CHECK-NEXT:      vk.yield %3, %4 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0, %1 :
func.func @same_dims(%x : !full) -> (!s0, !column) {
  %0 = dvm.unary Exp %x : !full -> !full
  %1 = dvm.reduce Sum %0 dims [1] keepdims false : !full -> !s0
  %2 = dvm.reduce Max %0 dims [1] keepdims true : !full -> !column
  return %1, %2 : !s0, !column
}

// The mean and the mean of squares; the order in which dims are named does not matter.
// CHECK-LABEL: func.func @same_dims_of_different_values(
// CHECK-NEXT:    %0, %1 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %2 = dvm.unary Exp %x_1 :
// CHECK-NEXT:      %3 = dvm.reduce Mean %2 dims [0, 1] keepdims false :
// CHECK-NEXT:      %4 = dvm.binary Mul %2, %2 :
// CHECK-NEXT:      %5 = dvm.reduce Mean %4 dims [1, 0] keepdims false :
// CHECK-NEXT:      vk.yield %3, %5 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0, %1 :
func.func @same_dims_of_different_values(%x : !full) -> (tensor<f32>, tensor<f32>) {
  %0 = dvm.unary Exp %x : !full -> !full
  %1 = dvm.reduce Mean %0 dims [0, 1] keepdims false : !full -> tensor<f32>
  %2 = dvm.binary Mul %0, %0 : !full, !full -> !full
  %3 = dvm.reduce Mean %2 dims [1, 0] keepdims false : !full -> tensor<f32>
  return %1, %3 : tensor<f32>, tensor<f32>
}

// Rows and columns: the producer goes with the first, which stores it for the second.
// CHECK-LABEL: func.func @different_dims(
// CHECK-NEXT:    %0, %1 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %2 = dvm.unary Exp %x_1 :
// CHECK-NEXT:      %3 = dvm.reduce Sum %2 dims [1] keepdims false :
// CHECK-NEXT:      vk.yield %2, %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %2 = vk.kernel vector @k1(%3 = %0 : {{.*}})
// CHECK-NEXT:      %4 = dvm.reduce Sum %3 dims [0] keepdims false :
// CHECK-NEXT:      vk.yield %4 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %1, %2 :
func.func @different_dims(%x : !full) -> (!s0, !row) {
  %0 = dvm.unary Exp %x : !full -> !full
  %1 = dvm.reduce Sum %0 dims [1] keepdims false : !full -> !s0
  %2 = dvm.reduce Sum %0 dims [0] keepdims false : !full -> !row
  return %1, %2 : !s0, !row
}

// The second needs the result of the first: they run in passes one after the other.
// CHECK-LABEL: func.func @dependent(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.reduce Max %x_1 dims [1] keepdims true :
// CHECK-NEXT:      %2 = dvm.binary Sub %x_1, %1 :
// CHECK-NEXT:      %3 = dvm.reduce Sum %2 dims [1] keepdims true :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @dependent(%x : !full) -> !column {
  %0 = dvm.reduce Max %x dims [1] keepdims true : !full -> !column
  %1 = dvm.binary Sub %x, %0 : !full, !column -> !full
  %2 = dvm.reduce Sum %1 dims [1] keepdims true : !full -> !column
  return %2 : !column
}

// The same through a value of the reduced shape, beside a value that both could share.
// CHECK-LABEL: func.func @dependent_beside_a_shared_value(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Exp %x_1 :
// CHECK-NEXT:      %2 = dvm.reduce Max %1 dims [1] keepdims true :
// CHECK-NEXT:      %3 = dvm.unary Neg %2 :
// CHECK-NEXT:      %4 = dvm.binary Add %1, %3 :
// CHECK-NEXT:      %5 = dvm.reduce Sum %4 dims [1] keepdims true :
// CHECK-NEXT:      vk.yield %5 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @dependent_beside_a_shared_value(%x : !full) -> !column {
  %0 = dvm.unary Exp %x : !full -> !full
  %1 = dvm.reduce Max %0 dims [1] keepdims true : !full -> !column
  %2 = dvm.unary Neg %1 : !column -> !column
  %3 = dvm.binary Add %0, %2 : !full, !column -> !full
  %4 = dvm.reduce Sum %3 dims [1] keepdims true : !full -> !column
  return %4 : !column
}

// A reduction of a reduction iterates over something else.
// CHECK-LABEL: func.func @reduction_of_a_reduction(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.reduce Max %x_1 dims [1] keepdims false :
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(%2 = %0 : {{.*}})
// CHECK-NEXT:      %3 = dvm.reduce Sum %2 dims [0] keepdims false :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %1 :
func.func @reduction_of_a_reduction(%x : !full) -> tensor<f32> {
  %0 = dvm.reduce Max %x dims [1] keepdims false : !full -> !s0
  %1 = dvm.reduce Sum %0 dims [0] keepdims false : !s0 -> tensor<f32>
  return %1 : tensor<f32>
}

// Unless that is the same shape, and the dims the same.
// CHECK-LABEL: func.func @reduction_of_a_reduction_over_the_same_dims(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.reduce Max %x_1 dims [1] keepdims true :
// CHECK-NEXT:      %2 = dvm.reduce Sum %1 dims [1] keepdims true :
// CHECK-NEXT:      vk.yield %2 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @reduction_of_a_reduction_over_the_same_dims(%x : tensor<8x1xf32>) -> tensor<8x1xf32> {
  %0 = dvm.reduce Max %x dims [1] keepdims true : tensor<8x1xf32> -> tensor<8x1xf32>
  %1 = dvm.reduce Sum %0 dims [1] keepdims true : tensor<8x1xf32> -> tensor<8x1xf32>
  return %1 : tensor<8x1xf32>
}

// Reductions of one argument read it once.
// CHECK-LABEL: func.func @of_an_argument(
// CHECK-NEXT:    %0, %1 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %2 = dvm.reduce Sum %x_1 dims [1] keepdims false :
// CHECK-NEXT:      %3 = dvm.reduce Max %x_1 dims [1] keepdims false :
// CHECK-NEXT:      vk.yield %2, %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0, %1 :
func.func @of_an_argument(%x : !full) -> (!s0, !s0) {
  %0 = dvm.reduce Sum %x dims [1] keepdims false : !full -> !s0
  %1 = dvm.reduce Max %x dims [1] keepdims false : !full -> !s0
  return %0, %1 : !s0, !s0
}

// What only broadcasts to the domain comes in as soon as nobody outside needs its values.
// CHECK-LABEL: func.func @shared_row(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%b_1 = %b : tensor<8xf32>, %x_1 = %x : tensor<4x8xf32>) -> tensor<4x8xf32> {
// CHECK-NEXT:      %1 = dvm.unary Exp %b_1 :
// CHECK-NEXT:      %2 = dvm.binary Add %x_1, %1 :
// CHECK-NEXT:      %3 = dvm.reduce Sum %2 dims [1] keepdims true :
// CHECK-NEXT:      %4 = dvm.binary Mul %x_1, %1 :
// CHECK-NEXT:      %5 = dvm.binary Sub %4, %3 :
// CHECK-NEXT:      vk.yield %5 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @shared_row(%x : tensor<4x8xf32>, %b : tensor<8xf32>) -> tensor<4x8xf32> {
  %0 = dvm.unary Exp %b : tensor<8xf32> -> tensor<8xf32>
  %1 = dvm.binary Add %x, %0 : tensor<4x8xf32>, tensor<8xf32> -> tensor<4x8xf32>
  %2 = dvm.reduce Sum %1 dims [1] keepdims true : tensor<4x8xf32> -> tensor<4x1xf32>
  %3 = dvm.binary Mul %x, %0 : tensor<4x8xf32>, tensor<8xf32> -> tensor<4x8xf32>
  %4 = dvm.binary Sub %3, %2 : tensor<4x8xf32>, tensor<4x1xf32> -> tensor<4x8xf32>
  return %4 : tensor<4x8xf32>
}
