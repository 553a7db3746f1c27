// RUN: dvm-opt %s -p convert-vk-to-visa | filecheck %s

// Broadcasting takes no instruction: the access map of what is broadcast lacks axes, and so does its tile.

!full = tensor<?x1024xf32, #dvm.sym<["s0", "1024"]>>
!row = tensor<1024xf32>
!column = tensor<?x1xf32, #dvm.sym<["s0", "1"]>>
!s0 = tensor<?xf32, #dvm.sym<["s0"]>>
!s1 = tensor<?xf32, #dvm.sym<["s1"]>>
!joined = tensor<?xf32, #dvm.sym<["bcast(s0, s1)"]>>

// CHECK-LABEL: func.func @missing_dims(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "s0", parallel "1024"] slots 0 (%x, %y :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %b: !visa.global<f32, affine_map<(d0, d1) -> (d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f32 %a :
// CHECK-NEXT:      %1 = visa.load f32 %b :
// CHECK-NEXT:      %2 = visa.binary add f32 %0, %1 :
// CHECK-NEXT:      visa.store f32 %2, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @missing_dims(%x : !full, %y : !row) -> !full {
  %r = vk.kernel vector @k0(%a = %x : !full, %b = %y : !row) -> !full {
    %0 = dvm.binary Add %a, %b : !full, !row -> !full
    vk.yield %0 : !full
  }
  return %r : !full
}

// CHECK-LABEL: func.func @dim_of_1(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "s0", parallel "1024"] slots 0 (%x, %y :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %b: !visa.global<f32, affine_map<(d0, d1) -> (d0, 0)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f32 %a :
// CHECK-NEXT:      %1 = visa.load f32 %b :
// CHECK-NEXT:      %2 = visa.binary add f32 %0, %1 :
// CHECK-NEXT:      visa.store f32 %2, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @dim_of_1(%x : !full, %y : !column) -> !full {
  %r = vk.kernel vector @k0(%a = %x : !full, %b = %y : !column) -> !full {
    %0 = dvm.binary Add %a, %b : !full, !column -> !full
    vk.yield %0 : !full
  }
  return %r : !full
}

// CHECK-LABEL: func.func @rank_0(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "s0", parallel "1024"] slots 0 (%x, %y :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %b: !visa.global<f32, affine_map<(d0, d1) -> ()>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f32 %a :
// CHECK-NEXT:      %1 = visa.load f32 %b :
// CHECK-NEXT:      %2 = visa.binary add f32 %0, %1 :
// CHECK-NEXT:      visa.store f32 %2, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @rank_0(%x : !full, %y : tensor<f32>) -> !full {
  %r = vk.kernel vector @k0(%a = %x : !full, %b = %y : tensor<f32>) -> !full {
    %0 = dvm.binary Add %a, %b : !full, tensor<f32> -> !full
    vk.yield %0 : !full
  }
  return %r : !full
}

// The domain is wider than either operand.
// CHECK-LABEL: func.func @both(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "4", parallel "8"] slots 0 (%x, %y :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, 0)>>, %b: !visa.global<f32, affine_map<(d0, d1) -> (0, d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f32 %a :
// CHECK-NEXT:      %1 = visa.load f32 %b :
// CHECK-NEXT:      %2 = visa.binary add f32 %0, %1 :
// CHECK-NEXT:      visa.store f32 %2, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @both(%x : tensor<4x1xf32>, %y : tensor<1x8xf32>) -> tensor<4x8xf32> {
  %r = vk.kernel vector @k0(%a = %x : tensor<4x1xf32>, %b = %y : tensor<1x8xf32>) -> tensor<4x8xf32> {
    %0 = dvm.binary Add %a, %b : tensor<4x1xf32>, tensor<1x8xf32> -> tensor<4x8xf32>
    vk.yield %0 : tensor<4x8xf32>
  }
  return %r : tensor<4x8xf32>
}

// Where the axis has extent 1 too, a dim of 1 follows it: nothing is broadcast.
// CHECK-LABEL: func.func @dims_of_1(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "1", parallel "8"] slots 0 (%x, %y :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, 0)>>, %b: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f32 %a :
// CHECK-NEXT:      %1 = visa.load f32 %b :
// CHECK-NEXT:      %2 = visa.binary add f32 %0, %1 :
// CHECK-NEXT:      visa.store f32 %2, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @dims_of_1(%x : tensor<1x1xf32>, %y : tensor<1x8xf32>) -> tensor<1x8xf32> {
  %r = vk.kernel vector @k0(%a = %x : tensor<1x1xf32>, %b = %y : tensor<1x8xf32>) -> tensor<1x8xf32> {
    %0 = dvm.binary Add %a, %b : tensor<1x1xf32>, tensor<1x8xf32> -> tensor<1x8xf32>
    vk.yield %0 : tensor<1x8xf32>
  }
  return %r : tensor<1x8xf32>
}

// Whether s0 or s1 is 1 is seen at bind: both follow the axis.
// CHECK-LABEL: func.func @unknown_dims(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "bcast(s0, s1)"] slots 0 (%x, %y :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0) -> (d0)>>, %b: !visa.global<f32, affine_map<(d0) -> (d0)>>, %r_1: !visa.global<f32, affine_map<(d0) -> (d0)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f32 %a :
// CHECK-NEXT:      %1 = visa.unary exp f32 %0 :
// CHECK-NEXT:      %2 = visa.load f32 %b :
// CHECK-NEXT:      %3 = visa.binary add f32 %1, %2 :
// CHECK-NEXT:      visa.store f32 %3, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @unknown_dims(%x : !s0, %y : !s1) -> !joined {
  %r = vk.kernel vector @k0(%a = %x : !s0, %b = %y : !s1) -> !joined {
    %0 = dvm.unary Exp %a : !s0 -> !s0
    %1 = dvm.binary Add %0, %b : !s0, !s1 -> !joined
    vk.yield %1 : !joined
  }
  return %r : !joined
}

// CHECK-LABEL: func.func @explicit(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "s0", parallel "1024"] slots 0 (%y, %x :
// CHECK-NEXT:    ^bb0(%b: !visa.global<f32, affine_map<(d0, d1) -> (d1)>>, %a: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f32 %b :
// CHECK-NEXT:      %1 = visa.unary exp f32 %0 :
// CHECK-NEXT:      %2 = visa.load f32 %a :
// CHECK-NEXT:      %3 = visa.binary add f32 %2, %1 :
// CHECK-NEXT:      visa.store f32 %3, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @explicit(%x : !full, %y : !row) -> !full {
  %r = vk.kernel vector @k0(%a = %x : !full, %b = %y : !row) -> !full {
    %0 = dvm.unary Exp %b : !row -> !row
    %1 = dvm.broadcast %0 shape ["s0", 1024] : !row -> !full
    %2 = dvm.binary Add %a, %1 : !full, !full -> !full
    vk.yield %2 : !full
  }
  return %r : !full
}

// The tile of a row is stored in each row.
// CHECK-LABEL: func.func @stored(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "s0", parallel "1024"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f32 %a :
// CHECK-NEXT:      visa.store f32 %0, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @stored(%x : !row) -> !full {
  %r = vk.kernel vector @k0(%a = %x : !row) -> !full {
    %0 = dvm.broadcast %a shape ["s0", 1024] : !row -> !full
    vk.yield %0 : !full
  }
  return %r : !full
}

// The first dim is new, the last one stretched, and nothing is loaded twice.
// CHECK-LABEL: func.func @in_steps(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "3", parallel "4", parallel "8"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1, d2) -> (d1, 0)>>, %r_1: !visa.global<f32, affine_map<(d0, d1, d2) -> (d0, d1, d2)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f32 %a :
// CHECK-NEXT:      %1 = visa.binary mul f32 %0, %0 :
// CHECK-NEXT:      visa.store f32 %1, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @in_steps(%x : tensor<4x1xf32>) -> tensor<3x4x8xf32> {
  %r = vk.kernel vector @k0(%a = %x : tensor<4x1xf32>) -> tensor<3x4x8xf32> {
    %0 = dvm.broadcast %a shape [4, 8] : tensor<4x1xf32> -> tensor<4x8xf32>
    %1 = dvm.broadcast %a shape [3, 4, 1] : tensor<4x1xf32> -> tensor<3x4x1xf32>
    %2 = dvm.binary Mul %0, %1 : tensor<4x8xf32>, tensor<3x4x1xf32> -> tensor<3x4x8xf32>
    vk.yield %2 : tensor<3x4x8xf32>
  }
  return %r : tensor<3x4x8xf32>
}

// CHECK-LABEL: func.func @select(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "4", parallel "8"] slots 0 (%p, %x, %y :
// CHECK-NEXT:    ^bb0(%c: !visa.global<i1, affine_map<(d0, d1) -> (d1)>>, %a: !visa.global<f32, affine_map<(d0, d1) -> (d0, 0)>>, %b: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load i1 %c :
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.load f32 %b :
// CHECK-NEXT:      %3 = visa.select f32 %0, %1, %2 :
// CHECK-NEXT:      visa.store f32 %3, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @select(%p : tensor<8xi1>, %x : tensor<4x1xf32>, %y : tensor<4x8xf32>) -> tensor<4x8xf32> {
  %r = vk.kernel vector @k0(%c = %p : tensor<8xi1>, %a = %x : tensor<4x1xf32>, %b = %y : tensor<4x8xf32>) -> tensor<4x8xf32> {
    %0 = dvm.select %c, %a, %b : (tensor<8xi1>, tensor<4x1xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
    vk.yield %0 : tensor<4x8xf32>
  }
  return %r : tensor<4x8xf32>
}
