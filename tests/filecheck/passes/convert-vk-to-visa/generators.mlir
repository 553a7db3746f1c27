// RUN: dvm-opt %s -p convert-vk-to-visa | filecheck %s

// One number for all elements is a scalar where an instruction takes one, else it fills a tile without axes.

!t = tensor<4x8xf32>
!i = tensor<4x8xi32>
!s0 = tensor<?xf32, #dvm.sym<["s0"]>>
!s1 = tensor<?xf32, #dvm.sym<["s1"]>>
!joined = tensor<?xf32, #dvm.sym<["bcast(s0, s1)"]>>

// CHECK-LABEL: func.func @scalar(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "4", parallel "8"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.scalar 1.500000e+00 : f32
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.binary sub f32 %0, %1 : (!visa.scalar, !visa.ub) -> !visa.ub
// CHECK-NEXT:      visa.store f32 %2, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @scalar(%x : !t) -> !t {
  %r = vk.kernel vector @k0(%a = %x : !t) -> !t {
    %0 = dvm.broadcast_scalar 1.5 shape [4, 8] type Float32 : f32 -> !t
    %1 = dvm.binary Sub %0, %a : !t, !t -> !t
    vk.yield %1 : !t
  }
  return %r : !t
}

// Copied and broadcast it is still a scalar.
// CHECK-LABEL: func.func @broadcast(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "4", parallel "8"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.scalar 1.500000e+00 : f32
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.binary add f32 %1, %0 : (!visa.ub, !visa.scalar) -> !visa.ub
// CHECK-NEXT:      visa.store f32 %2, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @broadcast(%x : !t) -> !t {
  %r = vk.kernel vector @k0(%a = %x : !t) -> !t {
    %0 = dvm.broadcast_scalar 1.5 shape [] type Float32 : f32 -> tensor<f32>
    %1 = dvm.broadcast %0 shape [4, 8] : tensor<f32> -> !t
    %2 = dvm.copy %1 : !t -> !t
    %3 = dvm.binary Add %a, %2 : !t, !t -> !t
    vk.yield %3 : !t
  }
  return %r : !t
}

// The number of a 16-bit float is computed with as f32.
// CHECK-LABEL: func.func @half(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "8"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f16, affine_map<(d0) -> (d0)>>, %r_1: !visa.global<f16, affine_map<(d0) -> (d0)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.scalar 2.000000e+00 : f32
// CHECK-NEXT:      %1 = visa.load f16 %a :
// CHECK-NEXT:      %2 = visa.binary mul f32 %1, %0 : (!visa.ub, !visa.scalar) -> !visa.ub
// CHECK-NEXT:      visa.store f16 %2, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @half(%x : tensor<8xf16>) -> tensor<8xf16> {
  %r = vk.kernel vector @k0(%a = %x : tensor<8xf16>) -> tensor<8xf16> {
    %0 = dvm.broadcast_scalar 2.0 shape [8] type Float16 : f32 -> tensor<8xf16>
    %1 = dvm.binary Mul %a, %0 : tensor<8xf16>, tensor<8xf16> -> tensor<8xf16>
    vk.yield %1 : tensor<8xf16>
  }
  return %r : tensor<8xf16>
}

// CHECK-LABEL: func.func @chosen(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "4", parallel "8"] slots 0 (%p :
// CHECK-NEXT:    ^bb0(%c: !visa.global<i1, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<i32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.scalar 1 : i32
// CHECK-NEXT:      %1 = visa.scalar -1 : i32
// CHECK-NEXT:      %2 = visa.load i1 %c :
// CHECK-NEXT:      %3 = visa.select i32 %2, %0, %1 : (!visa.ub, !visa.scalar, !visa.scalar) -> !visa.ub
// CHECK-NEXT:      visa.store i32 %3, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @chosen(%p : tensor<4x8xi1>) -> !i {
  %r = vk.kernel vector @k0(%c = %p : tensor<4x8xi1>) -> !i {
    %0 = dvm.broadcast_scalar 1 shape [4, 8] type Int32 : i32 -> !i
    %1 = dvm.broadcast_scalar -1 shape [4, 8] type Int32 : i32 -> !i
    %2 = dvm.select %c, %0, %1 : (tensor<4x8xi1>, !i, !i) -> !i
    vk.yield %2 : !i
  }
  return %r : !i
}

// CHECK-LABEL: func.func @stored(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "4", parallel "8"] slots 0 () ->
// CHECK-NEXT:    ^bb0(%r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.scalar 1.500000e+00 : f32
// CHECK-NEXT:      %1 = visa.fill f32 %0 axes [] : (!visa.scalar) -> !visa.ub
// CHECK-NEXT:      visa.store f32 %1, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @stored() -> !t {
  %r = vk.kernel vector @k0() -> !t {
    %0 = dvm.broadcast_scalar 1.5 shape [4, 8] type Float32 : f32 -> !t
    vk.yield %0 : !t
  }
  return %r : !t
}

// Of two scalars one fills a tile, for a result is never a scalar.
// CHECK-LABEL: func.func @of_two_scalars(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "4", parallel "8"] slots 0 () ->
// CHECK-NEXT:    ^bb0(%r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.scalar 1.500000e+00 : f32
// CHECK-NEXT:      %1 = visa.scalar 2.500000e+00 : f32
// CHECK-NEXT:      %2 = visa.fill f32 %0 axes [] : (!visa.scalar) -> !visa.ub
// CHECK-NEXT:      %3 = visa.binary add f32 %2, %1 : (!visa.ub, !visa.scalar) -> !visa.ub
// CHECK-NEXT:      visa.store f32 %3, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @of_two_scalars() -> !t {
  %r = vk.kernel vector @k0() -> !t {
    %0 = dvm.broadcast_scalar 1.5 shape [4, 8] type Float32 : f32 -> !t
    %1 = dvm.broadcast_scalar 2.5 shape [4, 8] type Float32 : f32 -> !t
    %2 = dvm.binary Add %0, %1 : !t, !t -> !t
    vk.yield %2 : !t
  }
  return %r : !t
}

// Nor are what these instructions read.
// CHECK-LABEL: func.func @where_only_tiles_will_do(
// CHECK-NEXT:    %r, %s, %u, %v = visa.kernel vector @k0 domain [parallel "4", parallel "8"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %s_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %u_1: !visa.global<i32, affine_map<(d0, d1) -> (d0, d1)>>, %v_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.scalar 1.500000e+00 : f32
// CHECK-NEXT:      %1 = visa.fill f32 %0 axes [] : (!visa.scalar) -> !visa.ub
// CHECK-NEXT:      %2 = visa.unary exp f32 %1 :
// CHECK-NEXT:      %3 = visa.fill f32 %0 axes [] : (!visa.scalar) -> !visa.ub
// CHECK-NEXT:      %4 = visa.scalar 2.500000e+00 : f32
// CHECK-NEXT:      %5 = visa.binary add f32 %3, %4 : (!visa.ub, !visa.scalar) -> !visa.ub
// CHECK-NEXT:      %6 = visa.fill f32 %0 axes [] : (!visa.scalar) -> !visa.ub
// CHECK-NEXT:      %7 = visa.cast f32 %6 to i32 :
// CHECK-NEXT:      %8 = visa.scalar true
// CHECK-NEXT:      %9 = visa.fill i1 %8 axes [] : (!visa.scalar) -> !visa.ub
// CHECK-NEXT:      %10 = visa.load f32 %a :
// CHECK-NEXT:      %11 = visa.select f32 %9, %10, %0 : (!visa.ub, !visa.ub, !visa.scalar) -> !visa.ub
// CHECK-NEXT:      visa.store f32 %2, %r_1
// CHECK-NEXT:      visa.store f32 %5, %s_1
// CHECK-NEXT:      visa.store i32 %7, %u_1
// CHECK-NEXT:      visa.store f32 %11, %v_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r, %s, %u, %v :
func.func @where_only_tiles_will_do(%x : !t) -> (!t, !t, !i, !t) {
  %r, %s, %u, %v = vk.kernel vector @k0(%a = %x : !t) -> (!t, !t, !i, !t) {
    %0 = dvm.broadcast_scalar 1.5 shape [4, 8] type Float32 : f32 -> !t
    %1 = dvm.unary Exp %0 : !t -> !t
    %2 = dvm.binary_scalar Add %0, 2.5 : !t, f32 -> !t
    %3 = dvm.cast %0 type Int32 : !t -> !i
    %4 = dvm.broadcast_scalar true shape [4, 8] type Bool : i1 -> tensor<4x8xi1>
    %5 = dvm.select %4, %a, %0 : (tensor<4x8xi1>, !t, !t) -> !t
    vk.yield %1, %2, %3, %5 : !t, !t, !i, !t
  }
  return %r, %s, %u, %v : !t, !t, !i, !t
}

// CHECK-LABEL: func.func @iota(
// CHECK-NEXT:    %r, %s = visa.kernel vector @k0 domain [parallel "4", parallel "8"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %s_1: !visa.global<i32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.iota f32 axis 1 :
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.binary add f32 %1, %0 :
// CHECK-NEXT:      %3 = visa.iota i32 axis 0 :
// CHECK-NEXT:      visa.store f32 %2, %r_1
// CHECK-NEXT:      visa.store i32 %3, %s_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r, %s :
func.func @iota(%x : !t) -> (!t, !i) {
  %r, %s = vk.kernel vector @k0(%a = %x : !t) -> (!t, !i) {
    %0 = dvm.iota axis 1 shape [4, 8] : !t
    %1 = dvm.binary Add %a, %0 : !t, !t -> !t
    %2 = dvm.iota axis 0 shape [4, 8] : !i
    vk.yield %1, %2 : !t, !i
  }
  return %r, %s : !t, !i
}

// The axes of a lower rank are the last ones of the domain.
// CHECK-LABEL: func.func @iota_of_lower_rank(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "4", parallel "8"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.iota f32 axis 1 :
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.binary add f32 %1, %0 :
// CHECK-NEXT:      visa.store f32 %2, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @iota_of_lower_rank(%x : !t) -> !t {
  %r = vk.kernel vector @k0(%a = %x : !t) -> !t {
    %0 = dvm.iota axis 0 shape [8] : tensor<8xf32>
    %1 = dvm.binary Add %a, %0 : !t, tensor<8xf32> -> !t
    vk.yield %1 : !t
  }
  return %r : !t
}

// CHECK-LABEL: func.func @iota_in_half(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "8"] slots 0 () ->
// CHECK-NEXT:    ^bb0(%r_1: !visa.global<f16, affine_map<(d0) -> (d0)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.iota f32 axis 0 :
// CHECK-NEXT:      visa.store f16 %0, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @iota_in_half() -> tensor<8xf16> {
  %r = vk.kernel vector @k0() -> tensor<8xf16> {
    %0 = dvm.iota axis 0 shape [8] : tensor<8xf16>
    vk.yield %0 : tensor<8xf16>
  }
  return %r : tensor<8xf16>
}

// Along a dim of 1 the only index is 0, also where it is broadcast.
// CHECK-LABEL: func.func @iota_along_1(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "4", parallel "8"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.scalar 0.000000e+00 : f32
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.binary add f32 %1, %0 : (!visa.ub, !visa.scalar) -> !visa.ub
// CHECK-NEXT:      visa.store f32 %2, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @iota_along_1(%x : !t) -> !t {
  %r = vk.kernel vector @k0(%a = %x : !t) -> !t {
    %0 = dvm.iota axis 0 shape [1, 8] : tensor<1x8xf32>
    %1 = dvm.binary Add %a, %0 : !t, tensor<1x8xf32> -> !t
    vk.yield %1 : !t
  }
  return %r : !t
}

// If s0 is 1 at bind and s1 is not, the index stays 0 while the axis goes on.
// CHECK-LABEL: func.func @iota_along_an_unknown_dim(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "bcast(s0, s1)"] slots 0 (%y :
// CHECK-NEXT:    ^bb0(%b: !visa.global<f32, affine_map<(d0) -> (d0)>>, %r_1: !visa.global<f32, affine_map<(d0) -> (d0)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.iota f32 axis 0 :
// CHECK-NEXT:      %1 = visa.scalar "s0 - 1" : f32
// CHECK-NEXT:      %2 = visa.binary min f32 %0, %1 : (!visa.ub, !visa.scalar) -> !visa.ub
// CHECK-NEXT:      %3 = visa.load f32 %b :
// CHECK-NEXT:      %4 = visa.binary add f32 %2, %3 :
// CHECK-NEXT:      visa.store f32 %4, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @iota_along_an_unknown_dim(%y : !s1) -> !joined {
  %r = vk.kernel vector @k0(%b = %y : !s1) -> !joined {
    %0 = dvm.iota axis 0 shape ["s0"] : !s0
    %1 = dvm.binary Add %0, %b : !s0, !s1 -> !joined
    vk.yield %1 : !joined
  }
  return %r : !joined
}

// A size is a scalar, whose value bind knows.
// CHECK-LABEL: func.func @size(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "s0"] slots 0 () ->
// CHECK-NEXT:    ^bb0(%r_1: !visa.global<i1, affine_map<(d0) -> (d0)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.scalar "s0 - 1" : i64
// CHECK-NEXT:      %1 = visa.iota i64 axis 0 :
// CHECK-NEXT:      %2 = visa.binary lt i64 %1, %0 : (!visa.ub, !visa.scalar) -> !visa.ub
// CHECK-NEXT:      visa.store i1 %2, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @size(%x : tensor<?xf32, #dvm.sym<["s0"]>>) -> tensor<?xi1, #dvm.sym<["s0"]>> {
  %r = vk.kernel vector @k0(%a = %x : tensor<?xf32, #dvm.sym<["s0"]>>) -> tensor<?xi1, #dvm.sym<["s0"]>> {
    %0 = dvm.size ["s0 - 1"] : tensor<i64>
    %1 = dvm.iota axis 0 shape ["s0"] : tensor<?xi64, #dvm.sym<["s0"]>>
    %2 = dvm.binary Less %1, %0 : tensor<?xi64, #dvm.sym<["s0"]>>, tensor<i64> -> tensor<?xi1, #dvm.sym<["s0"]>>
    vk.yield %2 : tensor<?xi1, #dvm.sym<["s0"]>>
  }
  return %r : tensor<?xi1, #dvm.sym<["s0"]>>
}
