// RUN: dvm-opt %s -p dvm-fuse | filecheck %s
// RUN: dvm-opt %s -p 'dvm-fuse{explain=true}' 2>&1 >/dev/null | filecheck %s --check-prefix=EXPLAIN

// A value that other kernels need is computed again in each, if that is cheap and provably moves fewer bytes.

!full = tensor<?x8xf32, #dvm.sym<["s0", "8"]>>
!rows = tensor<?xf32, #dvm.sym<["s0"]>>
!row = tensor<8xf32>
!square = tensor<8x8xf32>

// Stored it is written once and read once, 32 * s0 bytes each. The other reduction reads as many of x instead.
// EXPLAIN: remark: dvm.binary_scalar Mul: is computed again in 1 other kernel: 32*s0 bytes, instead of 64*s0
// CHECK-LABEL: func.func @two_reductions(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.binary_scalar Mul %x_1, 2.000000e+00 :
// CHECK-NEXT:      %2 = dvm.reduce Sum %1 dims [0] keepdims false :
// CHECK-NEXT:      vk.yield %2 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %2 = dvm.binary_scalar Mul %x_1, 2.000000e+00 :
// CHECK-NEXT:      %3 = dvm.reduce Sum %2 dims [1] keepdims false :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0, %1 :
func.func @two_reductions(%x : !full) -> (!row, !rows) {
  %0 = dvm.binary_scalar Mul %x, 2.0 : !full, f32 -> !full
  %1 = dvm.reduce Sum %0 dims [0] keepdims false : !full -> !row
  %2 = dvm.reduce Sum %0 dims [1] keepdims false : !full -> !rows
  return %1, %2 : !row, !rows
}

// A kernel of its own would read 32 bytes and write 32, which two others would read; without it they read b.
// EXPLAIN: remark: dvm.unary Neg: is computed again in 2 other kernels: 64 bytes, instead of 128
// CHECK-LABEL: func.func @no_kernel_left(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%b_1 = %b : {{.*}}, %x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Neg %b_1 :
// CHECK-NEXT:      %2 = dvm.binary Add %x_1, %1 :
// CHECK-NEXT:      vk.yield %2 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(%b_1 = %b : {{.*}}, %y_1 = %y : {{.*}})
// CHECK-NEXT:      %2 = dvm.unary Neg %b_1 :
// CHECK-NEXT:      %3 = dvm.binary Add %y_1, %2 :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0, %1 :
func.func @no_kernel_left(%x : !full, %y : !square, %b : !row) -> (!full, !square) {
  %0 = dvm.unary Neg %b : !row -> !row
  %1 = dvm.binary Add %x, %0 : !full, !row -> !full
  %2 = dvm.binary Add %y, %0 : !square, !row -> !square
  return %1, %2 : !full, !square
}

// Several operations, in a kernel that reads one of their operands anyway: what counts is b, 32 bytes.
// EXPLAIN: remark: dvm.binary Maximum: is computed again in 1 other kernel: 32 bytes, instead of 64*s0
// CHECK-LABEL: func.func @read_anyway(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}}, %b_1 = %b : {{.*}})
// CHECK-NEXT:      %1 = dvm.binary Add %x_1, %b_1 :
// CHECK-NEXT:      %2 = dvm.binary Maximum %1, %x_1 :
// CHECK-NEXT:      %3 = dvm.reduce Sum %2 dims [0] keepdims false :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(%x_1 = %x : {{.*}}, %b_1 = %b : {{.*}})
// CHECK-NEXT:      %2 = dvm.binary Add %x_1, %b_1 :
// CHECK-NEXT:      %3 = dvm.binary Maximum %2, %x_1 :
// CHECK-NEXT:      %4 = dvm.reduce Sum %3 dims [1] keepdims true :
// CHECK-NEXT:      %5 = dvm.binary Div %x_1, %4 :
// CHECK-NEXT:      vk.yield %5 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0, %1 :
func.func @read_anyway(%x : !full, %b : !row) -> (!row, !full) {
  %0 = dvm.binary Add %x, %b : !full, !row -> !full
  %1 = dvm.binary Maximum %0, %x : !full, !full -> !full
  %2 = dvm.reduce Sum %1 dims [0] keepdims false : !full -> !row
  %3 = dvm.reduce Sum %1 dims [1] keepdims true : !full -> tensor<?x1xf32, #dvm.sym<["s0", "1"]>>
  %4 = dvm.binary Div %x, %3 : !full, tensor<?x1xf32, #dvm.sym<["s0", "1"]>> -> !full
  return %2, %4 : !row, !full
}

// One step only: the sum is not computed again too, in a kernel that has just been given what it needs.
// EXPLAIN: remark: dvm.unary Neg: is computed again in 2 other kernels: 64 bytes, instead of 128
// CHECK-LABEL: func.func @one_step(
// CHECK-NEXT:    %0, %1 = vk.kernel vector @k0(%b_1 = %b : {{.*}}, %x_1 = %x : {{.*}})
// CHECK-NEXT:      %2 = dvm.unary Neg %b_1 :
// CHECK-NEXT:      %3 = dvm.binary Add %x_1, %2 :
// CHECK-NEXT:      %4 = dvm.reduce Sum %3 dims [0] keepdims false :
// CHECK-NEXT:      vk.yield %3, %4 :
func.func @one_step(%x : !full, %y : !square, %b : !row) -> (!row, !rows, !square) {
  %0 = dvm.unary Neg %b : !row -> !row
  %1 = dvm.binary Add %x, %0 : !full, !row -> !full
  %2 = dvm.reduce Sum %1 dims [0] keepdims false : !full -> !row
  %3 = dvm.reduce Sum %1 dims [1] keepdims false : !full -> !rows
  %4 = dvm.binary Add %y, %0 : !square, !row -> !square
  return %2, %3, %4 : !row, !rows, !square
}

// --- what is stored ---

// As many bytes: two operands for one result.
// EXPLAIN: remark: dvm.binary Add: is stored for 1 other kernel: 64*s0 bytes, to compute it again would move 64*s0, not fewer for sure
// CHECK-LABEL: func.func @as_many_bytes(
// CHECK-COUNT-1: dvm.binary Add
// CHECK-NOT:     dvm.binary Add
func.func @as_many_bytes(%x : !full, %y : !full) -> (!row, !rows) {
  %0 = dvm.binary Add %x, %y : !full, !full -> !full
  %1 = dvm.reduce Sum %0 dims [0] keepdims false : !full -> !row
  %2 = dvm.reduce Sum %0 dims [1] keepdims false : !full -> !rows
  return %1, %2 : !row, !rows
}

// Which is less depends on the sizes.
// EXPLAIN: remark: dvm.binary Add: is stored for 1 other kernel: 64*bcast(s0, s1) bytes, to compute it again would move 32*s0 + 32*s1, not fewer for sure
// CHECK-LABEL: func.func @unproved(
// CHECK-COUNT-1: dvm.binary Add
// CHECK-NOT:     dvm.binary Add
!other = tensor<?x8xf32, #dvm.sym<["s1", "8"]>>
!joined = tensor<?x8xf32, #dvm.sym<["bcast(s0, s1)", "8"]>>
func.func @unproved(%x : !full, %y : !other) -> (!row, tensor<?xf32, #dvm.sym<["bcast(s0, s1)"]>>) {
  %0 = dvm.binary Add %x, %y : !full, !other -> !joined
  %1 = dvm.reduce Sum %0 dims [0] keepdims false : !joined -> !row
  %2 = dvm.reduce Sum %0 dims [1] keepdims false : !joined -> tensor<?xf32, #dvm.sym<["bcast(s0, s1)"]>>
  return %1, %2 : !row, tensor<?xf32, #dvm.sym<["bcast(s0, s1)"]>>
}

// A transcendental function is dear.
// EXPLAIN-NOT: is computed again
// EXPLAIN-NOT: is stored
// CHECK-LABEL: func.func @dear(
// CHECK-COUNT-1: dvm.unary Exp
// CHECK-NOT:     dvm.unary Exp
func.func @dear(%x : !full) -> (!row, !rows) {
  %0 = dvm.unary Exp %x : !full -> !full
  %1 = dvm.reduce Sum %0 dims [0] keepdims false : !full -> !row
  %2 = dvm.reduce Sum %0 dims [1] keepdims false : !full -> !rows
  return %1, %2 : !row, !rows
}

// A half is rounded where it is stored, and would not be where it is computed again.
// CHECK-LABEL: func.func @rounded(
// CHECK-COUNT-1: dvm.unary Neg
// CHECK-NOT:     dvm.unary Neg
func.func @rounded(%x : tensor<4x8xf16>) -> (tensor<8xf16>, tensor<4xf16>) {
  %0 = dvm.unary Neg %x : tensor<4x8xf16> -> tensor<4x8xf16>
  %1 = dvm.reduce Sum %0 dims [0] keepdims false : tensor<4x8xf16> -> tensor<8xf16>
  %2 = dvm.reduce Sum %0 dims [1] keepdims false : tensor<4x8xf16> -> tensor<4xf16>
  return %1, %2 : tensor<8xf16>, tensor<4xf16>
}

// Many operations are dear.
// CHECK-LABEL: func.func @many(
// CHECK-COUNT-5: dvm.unary Neg
// CHECK-NOT:     dvm.unary Neg
func.func @many(%x : !full) -> (!row, !rows) {
  %0 = dvm.unary Neg %x : !full -> !full
  %1 = dvm.unary Neg %0 : !full -> !full
  %2 = dvm.unary Neg %1 : !full -> !full
  %3 = dvm.unary Neg %2 : !full -> !full
  %4 = dvm.unary Neg %3 : !full -> !full
  %5 = dvm.reduce Sum %4 dims [0] keepdims false : !full -> !row
  %6 = dvm.reduce Sum %4 dims [1] keepdims false : !full -> !rows
  return %5, %6 : !row, !rows
}

// The product reads it from memory, the function returns it, and a transposition has it under other axes.
// CHECK-LABEL: func.func @in_memory(
// CHECK-COUNT-1: dvm.unary Neg
// CHECK-NOT:     dvm.unary Neg
func.func @in_memory(%x : !square) -> (!row, !square) {
  %0 = dvm.unary Neg %x : !square -> !square
  %1 = dvm.reduce Sum %0 dims [0] keepdims false : !square -> !row
  %2 = dvm.matmul %0, %x trans_a false trans_b false : !square, !square -> !square
  return %1, %2 : !row, !square
}

// CHECK-LABEL: func.func @returned(
// CHECK-COUNT-1: dvm.unary Neg
// CHECK-NOT:     dvm.unary Neg
func.func @returned(%x : !full) -> (!full, !row, !rows) {
  %0 = dvm.unary Neg %x : !full -> !full
  %1 = dvm.reduce Sum %0 dims [0] keepdims false : !full -> !row
  %2 = dvm.reduce Sum %0 dims [1] keepdims false : !full -> !rows
  return %0, %1, %2 : !full, !row, !rows
}

// CHECK-LABEL: func.func @transposed(
// CHECK-COUNT-1: dvm.unary Neg
// CHECK-NOT:     dvm.unary Neg
func.func @transposed(%x : !full) -> (!row, tensor<8x?xf32, #dvm.sym<["8", "s0"]>>) {
  %0 = dvm.unary Neg %x : !full -> !full
  %1 = dvm.reduce Sum %0 dims [0] keepdims false : !full -> !row
  %2 = dvm.transpose %0 permutation [1, 0] : !full -> tensor<8x?xf32, #dvm.sym<["8", "s0"]>>
  return %1, %2 : !row, tensor<8x?xf32, #dvm.sym<["8", "s0"]>>
}
