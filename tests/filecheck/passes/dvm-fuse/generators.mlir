// RUN: dvm-opt %s -p dvm-fuse | filecheck %s

// Tensors made of nothing are made again in each kernel that uses them.

!t = tensor<4x8xf32>
!full = tensor<?x1024xf32, #dvm.sym<["s0", "1024"]>>
!column = tensor<?x1xf32, #dvm.sym<["s0", "1"]>>

// CHECK-LABEL: func.func @one_user(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.broadcast_scalar 1.500000e+00 shape ["s0", 1024] type Float32 :
// CHECK-NEXT:      %2 = dvm.binary Add %x_1, %1 :
// CHECK-NEXT:      vk.yield %2 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @one_user(%x : !full) -> !full {
  %0 = dvm.broadcast_scalar 1.5 shape ["s0", 1024] type Float32 : f32 -> !full
  %1 = dvm.binary Add %x, %0 : !full, !full -> !full
  return %1 : !full
}

// CHECK-LABEL: func.func @two_kernels(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.broadcast_scalar 1.500000e+00 shape [4, 8] type Float32 :
// CHECK-NEXT:      %2 = dvm.binary Add %x_1, %1 :
// CHECK-NEXT:      vk.yield %2 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(%y_1 = %y : {{.*}})
// CHECK-NEXT:      %2 = dvm.broadcast_scalar 1.500000e+00 shape [4, 8] type Float32 :
// CHECK-NEXT:      %3 = dvm.binary Add %y_1, %2 :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0, %1 :
func.func @two_kernels(%x : !t, %y : !t) -> (!t, !t) {
  %0 = dvm.broadcast_scalar 1.5 shape [4, 8] type Float32 : f32 -> !t
  %1 = dvm.binary Add %x, %0 : !t, !t -> !t
  %2 = dvm.binary Add %y, %0 : !t, !t -> !t
  return %1, %2 : !t, !t
}

// Neither is a size as a number a kernel, nor is it stored for one.
// CHECK-LABEL: func.func @size_in_two_kernels(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.size ["s0"] :
// CHECK-NEXT:      %2 = dvm.binary Mul %x_1, %1 :
// CHECK-NEXT:      vk.yield %2 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(%y_1 = %y : {{.*}})
// CHECK-NEXT:      %2 = dvm.size ["s0"] :
// CHECK-NEXT:      %3 = dvm.binary Add %y_1, %2 :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0, %1 :
func.func @size_in_two_kernels(%x : tensor<?xi64, #dvm.sym<["s0"]>>, %y : tensor<8xi64>) -> (tensor<?xi64, #dvm.sym<["s0"]>>, tensor<8xi64>) {
  %0 = dvm.size ["s0"] : tensor<i64>
  %1 = dvm.binary Mul %x, %0 : tensor<?xi64, #dvm.sym<["s0"]>>, tensor<i64> -> tensor<?xi64, #dvm.sym<["s0"]>>
  %2 = dvm.binary Add %y, %0 : tensor<8xi64>, tensor<i64> -> tensor<8xi64>
  return %1, %2 : tensor<?xi64, #dvm.sym<["s0"]>>, tensor<8xi64>
}

// CHECK-LABEL: func.func @iota_in_two_kernels(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.iota axis 1 shape [4, 8] :
// CHECK-NEXT:      %2 = dvm.binary Add %x_1, %1 :
// CHECK-NEXT:      vk.yield %2 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(%y_1 = %y : {{.*}})
// CHECK-NEXT:      %2 = dvm.iota axis 1 shape [4, 8] :
// CHECK-NEXT:      %3 = dvm.binary Add %y_1, %2 :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0, %1 :
func.func @iota_in_two_kernels(%x : !t, %y : !t) -> (!t, !t) {
  %0 = dvm.iota axis 1 shape [4, 8] : !t
  %1 = dvm.binary Add %x, %0 : !t, !t -> !t
  %2 = dvm.binary Add %y, %0 : !t, !t -> !t
  return %1, %2 : !t, !t
}

// One each: the two reductions over the rows and the columns of the same tensor do not wait for each other.
// CHECK-LABEL: func.func @in_reductions(
// CHECK-NEXT:    %0 = vk.kernel vector @k0()
// CHECK-NEXT:      %1 = dvm.iota axis 0 shape [4, 8] :
// CHECK-NEXT:      %2 = dvm.reduce Sum %1 dims [1] keepdims false :
// CHECK-NEXT:      vk.yield %2 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1()
// CHECK-NEXT:      %2 = dvm.iota axis 0 shape [4, 8] :
// CHECK-NEXT:      %3 = dvm.reduce Sum %2 dims [0] keepdims false :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0, %1 :
func.func @in_reductions() -> (tensor<4xf32>, tensor<8xf32>) {
  %0 = dvm.iota axis 0 shape [4, 8] : !t
  %1 = dvm.reduce Sum %0 dims [1] keepdims false : !t -> tensor<4xf32>
  %2 = dvm.reduce Sum %0 dims [0] keepdims false : !t -> tensor<8xf32>
  return %1, %2 : tensor<4xf32>, tensor<8xf32>
}

// The user after the reduction is in its kernel too, and has one of its own.
// CHECK-LABEL: func.func @before_and_after_a_reduction(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.broadcast_scalar 1.500000e+00 shape ["s0", 1024] type Float32 :
// CHECK-NEXT:      %2 = dvm.broadcast_scalar 1.500000e+00 shape ["s0", 1024] type Float32 :
// CHECK-NEXT:      %3 = dvm.binary Mul %x_1, %2 :
// CHECK-NEXT:      %4 = dvm.reduce Sum %3 dims [1] keepdims true :
// CHECK-NEXT:      %5 = dvm.binary Sub %1, %4 :
// CHECK-NEXT:      vk.yield %5 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @before_and_after_a_reduction(%x : !full) -> !full {
  %0 = dvm.broadcast_scalar 1.5 shape ["s0", 1024] type Float32 : f32 -> !full
  %1 = dvm.binary Mul %x, %0 : !full, !full -> !full
  %2 = dvm.reduce Sum %1 dims [1] keepdims true : !full -> !column
  %3 = dvm.binary Sub %0, %2 : !full, !column -> !full
  return %3 : !full
}

// A generator of what a broadcast stretches is repeated along with it.
// CHECK-LABEL: func.func @stretched(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.iota axis 0 shape [1024] :
// CHECK-NEXT:      %2 = dvm.broadcast %1 shape ["s0", 1024] :
// CHECK-NEXT:      %3 = dvm.binary Add %x_1, %2 :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(%y_1 = %y : {{.*}})
// CHECK-NEXT:      %2 = dvm.iota axis 0 shape [1024] :
// CHECK-NEXT:      %3 = dvm.broadcast %2 shape ["s0", 1024] :
// CHECK-NEXT:      %4 = dvm.binary Add %y_1, %3 :
// CHECK-NEXT:      vk.yield %4 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0, %1 :
func.func @stretched(%x : !full, %y : !full) -> (!full, !full) {
  %0 = dvm.iota axis 0 shape [1024] : tensor<1024xf32>
  %1 = dvm.broadcast %0 shape ["s0", 1024] : tensor<1024xf32> -> !full
  %2 = dvm.binary Add %x, %1 : !full, !full -> !full
  %3 = dvm.binary Add %y, %1 : !full, !full -> !full
  return %2, %3 : !full, !full
}

// A matmul reads memory, so its operand is stored.
// CHECK-LABEL: func.func @for_a_matmul(
// CHECK-NEXT:    %0 = vk.kernel vector @k0()
// CHECK-NEXT:      %1 = dvm.broadcast_scalar 1.000000e+00 shape [8, 8] type Float32 :
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel cube @k1(%x_1 = %x : {{.*}}, %2 = %0 : {{.*}})
// CHECK-NEXT:      %3 = dvm.matmul %x_1, %2 trans_a false trans_b false :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %1 :
func.func @for_a_matmul(%x : !t) -> !t {
  %0 = dvm.broadcast_scalar 1.0 shape [8, 8] type Float32 : f32 -> tensor<8x8xf32>
  %1 = dvm.matmul %x, %0 trans_a false trans_b false : !t, tensor<8x8xf32> -> !t
  return %1 : !t
}

// CHECK-LABEL: func.func @returned(
// CHECK-NEXT:    %0 = vk.kernel vector @k0()
// CHECK-NEXT:      %1 = dvm.iota axis 0 shape [4] :
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @returned() -> tensor<4xi32> {
  %0 = dvm.iota axis 0 shape [4] : tensor<4xi32>
  return %0 : tensor<4xi32>
}

// A cast of a 16-bit float to f32 is part of each load, so each user has its own.
// CHECK-LABEL: func.func @widening_cast(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.cast %x_1 type Float32 :
// CHECK-NEXT:      %2 = dvm.cast %x_1 type Float32 :
// CHECK-NEXT:      %3 = dvm.reduce Sum %2 dims [1] keepdims true :
// CHECK-NEXT:      %4 = dvm.binary Div %1, %3 :
// CHECK-NEXT:      vk.yield %4 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @widening_cast(%x : tensor<4x8xf16>) -> tensor<4x8xf32> {
  %0 = dvm.cast %x type Float32 : tensor<4x8xf16> -> tensor<4x8xf32>
  %1 = dvm.reduce Sum %0 dims [1] keepdims true : tensor<4x8xf32> -> tensor<4x1xf32>
  %2 = dvm.binary Div %0, %1 : tensor<4x8xf32>, tensor<4x1xf32> -> tensor<4x8xf32>
  return %2 : tensor<4x8xf32>
}

// Both kernels read the argument as it is.
// CHECK-LABEL: func.func @widening_cast_for_two_kernels(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.cast %x_1 type Float32 :
// CHECK-NEXT:      %2 = dvm.reduce Sum %1 dims [1] keepdims false :
// CHECK-NEXT:      vk.yield %2 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %2 = dvm.cast %x_1 type Float32 :
// CHECK-NEXT:      %3 = dvm.reduce Sum %2 dims [0] keepdims false :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0, %1 :
func.func @widening_cast_for_two_kernels(%x : tensor<4x8xf16>) -> (tensor<4xf32>, tensor<8xf32>) {
  %0 = dvm.cast %x type Float32 : tensor<4x8xf16> -> tensor<4x8xf32>
  %1 = dvm.reduce Sum %0 dims [1] keepdims false : tensor<4x8xf32> -> tensor<4xf32>
  %2 = dvm.reduce Sum %0 dims [0] keepdims false : tensor<4x8xf32> -> tensor<8xf32>
  return %1, %2 : tensor<4xf32>, tensor<8xf32>
}

// A product reads what is stored; the cast is repeated for elementwise work only, beside which it is stored.
// CHECK-LABEL: func.func @cast_for_product(
// CHECK-NEXT:    %0, %1 = vk.kernel vector @k0(%h_1 = %h : tensor<8x8xf16>) -> (tensor<8x8xf32>, tensor<8x8xf32>) {
// CHECK-NEXT:      %2 = dvm.cast %h_1 type Float32 :
// CHECK-NEXT:      %3 = dvm.cast %h_1 type Float32 :
// CHECK-NEXT:      %4 = dvm.unary Exp %3 :
// CHECK-NEXT:      vk.yield %2, %4 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %2 = vk.kernel cube @k1(%3 = %0 : tensor<8x8xf32>) -> tensor<8x8xf32> {
// CHECK-NEXT:      %4 = dvm.matmul %3, %3 trans_a false trans_b false :
// CHECK-NEXT:      vk.yield %4 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %1, %2 :
func.func @cast_for_product(%h : tensor<8x8xf16>) -> (tensor<8x8xf32>, tensor<8x8xf32>) {
  %0 = dvm.cast %h type Float32 : tensor<8x8xf16> -> tensor<8x8xf32>
  %1 = dvm.unary Exp %0 : tensor<8x8xf32> -> tensor<8x8xf32>
  %2 = dvm.matmul %0, %0 trans_a false trans_b false : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
  return %1, %2 : tensor<8x8xf32>, tensor<8x8xf32>
}
