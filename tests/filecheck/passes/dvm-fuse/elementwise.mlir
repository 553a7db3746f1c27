// RUN: dvm-opt %s -p dvm-fuse | filecheck %s

// Neighbours over provably equal shapes become one kernel.

!static = tensor<4x8xf32>
!truth = tensor<4x8xi1>
!rows = tensor<?x1024xf32, #dvm.sym<["s0", "1024"]>>
!other = tensor<?x1024xf32, #dvm.sym<["s1", "1024"]>>
!joined = tensor<?x1024xf32, #dvm.sym<["bcast(s0, s1)", "1024"]>>
!twice = tensor<?xf32, #dvm.sym<["2*s0"]>>

// CHECK-LABEL: func.func @static(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}}, %y_1 = %y : {{.*}})
// CHECK-NEXT:      %1 = dvm.binary Add %x_1, %y_1 :
// CHECK-NEXT:      %2 = dvm.unary Exp %1 :
// CHECK-NEXT:      vk.yield %2 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @static(%x : !static, %y : !static) -> !static {
  %0 = dvm.binary Add %x, %y : !static, !static -> !static
  %1 = dvm.unary Exp %0 : !static -> !static
  return %1 : !static
}

// CHECK-LABEL: func.func @symbolic(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Abs %x_1 :
// CHECK-NEXT:      %2 = dvm.unary Sqrt %1 :
// CHECK-NEXT:      vk.yield %2 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @symbolic(%x : !rows) -> !rows {
  %0 = dvm.unary Abs %x : !rows -> !rows
  %1 = dvm.unary Sqrt %0 : !rows -> !rows
  return %1 : !rows
}

// An expression equals itself, however it is written.
// CHECK-LABEL: func.func @expression(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}}, %y_1 = %y : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Abs %x_1 :
// CHECK-NEXT:      %2 = dvm.binary Add %1, %y_1 :
// CHECK-NEXT:      vk.yield %2 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @expression(%x : !twice, %y : tensor<?xf32, #dvm.sym<["s0 + s0"]>>) -> !twice {
  %0 = dvm.unary Abs %x : !twice -> !twice
  %1 = dvm.binary Add %0, %y : !twice, tensor<?xf32, #dvm.sym<["s0 + s0"]>> -> !twice
  return %1 : !twice
}

// What two unknown dims broadcast to is one dim as well.
// CHECK-LABEL: func.func @joined(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}}, %y_1 = %y : {{.*}})
// CHECK-NEXT:      %1 = dvm.binary Add %x_1, %y_1 :
// CHECK-NEXT:      %2 = dvm.unary Exp %1 :
// CHECK-NEXT:      vk.yield %2 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @joined(%x : !rows, %y : !other) -> !joined {
  %0 = dvm.binary Add %x, %y : !rows, !other -> !joined
  %1 = dvm.unary Exp %0 : !joined -> !joined
  return %1 : !joined
}

// Rank 0 is a shape like any other.
// CHECK-LABEL: func.func @rank_0(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Abs %x_1 :
// CHECK-NEXT:      %2 = dvm.unary Sqrt %1 :
// CHECK-NEXT:      vk.yield %2 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @rank_0(%x : tensor<f32>) -> tensor<f32> {
  %0 = dvm.unary Abs %x : tensor<f32> -> tensor<f32>
  %1 = dvm.unary Sqrt %0 : tensor<f32> -> tensor<f32>
  return %1 : tensor<f32>
}

// CHECK-LABEL: func.func @every_operation(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}}, %y_1 = %y : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Neg %x_1 :
// CHECK-NEXT:      %2 = dvm.binary Greater %1, %y_1 :
// CHECK-NEXT:      %3 = dvm.binary_scalar Pow %1, 2 :
// CHECK-NEXT:      %4 = dvm.select %2, %3, %y_1 :
// CHECK-NEXT:      %5 = dvm.cast %4 type Int32 :
// CHECK-NEXT:      %6 = dvm.copy %5 :
// CHECK-NEXT:      %7 = dvm.broadcast %6 shape [4, 8] :
// CHECK-NEXT:      %8 = dvm.cast %7 type Float32 :
// CHECK-NEXT:      vk.yield %8 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @every_operation(%x : !static, %y : !static) -> !static {
  %0 = dvm.unary Neg %x : !static -> !static
  %1 = dvm.binary Greater %0, %y : !static, !static -> !truth
  %2 = dvm.binary_scalar Pow %0, 2 : !static, i32 -> !static
  %3 = dvm.select %1, %2, %y : (!truth, !static, !static) -> !static
  %4 = dvm.cast %3 type Int32 : !static -> tensor<4x8xi32>
  %5 = dvm.copy %4 : tensor<4x8xi32> -> tensor<4x8xi32>
  %6 = dvm.broadcast %5 shape [4, 8] : tensor<4x8xi32> -> tensor<4x8xi32>
  %7 = dvm.cast %6 type Float32 : tensor<4x8xi32> -> !static
  return %7 : !static
}

// CHECK-LABEL: func.func @diamond(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Exp %x_1 :
// CHECK-NEXT:      %2 = dvm.unary Neg %1 :
// CHECK-NEXT:      %3 = dvm.unary Abs %1 :
// CHECK-NEXT:      %4 = dvm.binary Mul %2, %3 :
// CHECK-NEXT:      vk.yield %4 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @diamond(%x : !rows) -> !rows {
  %0 = dvm.unary Exp %x : !rows -> !rows
  %1 = dvm.unary Neg %0 : !rows -> !rows
  %2 = dvm.unary Abs %0 : !rows -> !rows
  %3 = dvm.binary Mul %1, %2 : !rows, !rows -> !rows
  return %3 : !rows
}

// What others need too is stored, and does not keep the kernels apart.
// CHECK-LABEL: func.func @also_returned(
// CHECK-NEXT:    %0, %1 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %2 = dvm.unary Exp %x_1 :
// CHECK-NEXT:      %3 = dvm.unary Neg %2 :
// CHECK-NEXT:      vk.yield %2, %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0, %1 :
func.func @also_returned(%x : !rows) -> (!rows, !rows) {
  %0 = dvm.unary Exp %x : !rows -> !rows
  %1 = dvm.unary Neg %0 : !rows -> !rows
  return %0, %1 : !rows, !rows
}

// s0 and s1 may differ, so the one value is computed and stored over rows of its own.
// CHECK-LABEL: func.func @unproved(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Exp %x_1 :
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(%2 = %0 : {{.*}}, %y_1 = %y : {{.*}})
// CHECK-NEXT:      %3 = dvm.binary Add %2, %y_1 :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0, %1 :
func.func @unproved(%x : !rows, %y : !other) -> (!rows, !joined) {
  %0 = dvm.unary Exp %x : !rows -> !rows
  %1 = dvm.binary Add %0, %y : !rows, !other -> !joined
  return %0, %1 : !rows, !joined
}

// Equal shapes alone are no reason: neither produces what the other takes.
// CHECK-LABEL: func.func @no_neighbours(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Exp %x_1 :
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(%y_1 = %y : {{.*}})
// CHECK-NEXT:      %2 = dvm.unary Exp %y_1 :
// CHECK-NEXT:      vk.yield %2 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0, %1 :
func.func @no_neighbours(%x : !static, %y : !static) -> (!static, !static) {
  %0 = dvm.unary Exp %x : !static -> !static
  %1 = dvm.unary Exp %y : !static -> !static
  return %0, %1 : !static, !static
}

// Functions are fused each by itself; a declaration has nothing to fuse.
// CHECK-LABEL: func.func private @declared(
func.func private @declared(!static) -> !static

// CHECK-LABEL: func.func @empty(
// CHECK-NEXT:    func.return
func.func @empty() {
  return
}
