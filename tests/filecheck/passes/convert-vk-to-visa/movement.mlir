// RUN: dvm-opt %s -p convert-vk-to-visa | filecheck %s

// Data movement is done by access maps: those of loads, of guarded loads over a background, and with a free dim that
// data index. The domain is the shape of the result.

!t = tensor<?x1024xf32, #dvm.sym<["s0", "1024"]>>
!cube = tensor<2x3x4xf32>

// CHECK-LABEL: func.func @transpose(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "1024", parallel "s0"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d1, d0)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f32 %a :
// CHECK-NEXT:      visa.store f32 %0, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @transpose(%x : !t) -> tensor<1024x?xf32, #dvm.sym<["1024", "s0"]>> {
  %r = vk.kernel vector @k0(%a = %x : !t) -> tensor<1024x?xf32, #dvm.sym<["1024", "s0"]>> {
    %0 = dvm.transpose %a permutation [1, 0] : !t -> tensor<1024x?xf32, #dvm.sym<["1024", "s0"]>>
    vk.yield %0 : tensor<1024x?xf32, #dvm.sym<["1024", "s0"]>>
  }
  return %r : tensor<1024x?xf32, #dvm.sym<["1024", "s0"]>>
}

// A permutation that is not its own inverse: dim 0 of the result is dim 2 of the operand, so dim 0 of the operand is d1.
// CHECK-LABEL: func.func @rotation(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "4", parallel "2", parallel "3"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1, d2) -> (d1, d2, d0)>>, %r_1: !visa.global<f32, affine_map<(d0, d1, d2) -> (d0, d1, d2)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f32 %a :
// CHECK-NEXT:      visa.store f32 %0, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @rotation(%x : !cube) -> tensor<4x2x3xf32> {
  %r = vk.kernel vector @k0(%a = %x : !cube) -> tensor<4x2x3xf32> {
    %0 = dvm.transpose %a permutation [2, 0, 1] : !cube -> tensor<4x2x3xf32>
    vk.yield %0 : tensor<4x2x3xf32>
  }
  return %r : tensor<4x2x3xf32>
}

// CHECK-LABEL: func.func @transpose_of_1(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "8", parallel "1"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d1, d0)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f32 %a :
// CHECK-NEXT:      visa.store f32 %0, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @transpose_of_1(%x : tensor<1x8xf32>) -> tensor<8x1xf32> {
  %r = vk.kernel vector @k0(%a = %x : tensor<1x8xf32>) -> tensor<8x1xf32> {
    %0 = dvm.transpose %a permutation [1, 0] : tensor<1x8xf32> -> tensor<8x1xf32>
    vk.yield %0 : tensor<8x1xf32>
  }
  return %r : tensor<8x1xf32>
}

// CHECK-LABEL: func.func @slice(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "4", parallel "5"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (((d0 * 2) + 1), (d1 * 3))>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f32 %a :
// CHECK-NEXT:      visa.store f32 %0, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @slice(%x : tensor<10x20xf32>) -> tensor<4x5xf32> {
  %r = vk.kernel vector @k0(%a = %x : tensor<10x20xf32>) -> tensor<4x5xf32> {
    %0 = dvm.slice %a starts [1, 0] sizes [4, 5] steps [2, 3] : tensor<10x20xf32> -> tensor<4x5xf32>
    vk.yield %0 : tensor<4x5xf32>
  }
  return %r : tensor<4x5xf32>
}

// A start may be a dim.
// CHECK-LABEL: func.func @slice_from_the_middle(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "s0"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0)[s0] -> ((d0 + s0))>, ["s0"]>, %r_1: !visa.global<f32, affine_map<(d0) -> (d0)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f32 %a :
// CHECK-NEXT:      visa.store f32 %0, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @slice_from_the_middle(%x : tensor<?xf32, #dvm.sym<["2*s0"]>>, %y : tensor<?xf32, #dvm.sym<["s0"]>>) -> tensor<?xf32, #dvm.sym<["s0"]>> {
  %r = vk.kernel vector @k0(%a = %x : tensor<?xf32, #dvm.sym<["2*s0"]>>) -> tensor<?xf32, #dvm.sym<["s0"]>> {
    %0 = dvm.slice %a starts ["s0"] sizes ["s0"] steps [1] : tensor<?xf32, #dvm.sym<["2*s0"]>> -> tensor<?xf32, #dvm.sym<["s0"]>>
    vk.yield %0 : tensor<?xf32, #dvm.sym<["s0"]>>
  }
  return %r : tensor<?xf32, #dvm.sym<["s0"]>>
}

// Sizes of 1 and 0, and one that goes up to the end.
// CHECK-LABEL: func.func @slice_of_few(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "1", parallel "0", parallel "3"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1, d2) -> ((d0 + 3), (d1 + 4), (d2 + 1))>>, %r_1: !visa.global<f32, affine_map<(d0, d1, d2) -> (d0, d1, d2)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f32 %a :
// CHECK-NEXT:      visa.store f32 %0, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @slice_of_few(%x : tensor<4x4x4xf32>) -> tensor<1x0x3xf32> {
  %r = vk.kernel vector @k0(%a = %x : tensor<4x4x4xf32>) -> tensor<1x0x3xf32> {
    %0 = dvm.slice %a starts [3, 4, 1] sizes [1, 0, -1] steps [1, 1, 1] : tensor<4x4x4xf32> -> tensor<1x0x3xf32>
    vk.yield %0 : tensor<1x0x3xf32>
  }
  return %r : tensor<1x0x3xf32>
}

// Each operand is laid over a background where its own index, that of the result less what comes before it, is inside.
// CHECK-LABEL: func.func @concat(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "4", parallel "5"] slots 0 (%x, %y :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>, guarded>, %b: !visa.global<f32, affine_map<(d0, d1) -> (d0, (d1 + -2))>, guarded>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.scalar 0.000000e+00 : f32
// CHECK-NEXT:      %1 = visa.fill f32 %0 axes [0, 1] : (!visa.scalar) -> !visa.ub
// CHECK-NEXT:      %2 = visa.load_guarded f32 %1, %a :
// CHECK-NEXT:      %3 = visa.load_guarded f32 %2, %b :
// CHECK-NEXT:      visa.store f32 %3, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @concat(%x : tensor<4x2xf32>, %y : tensor<4x3xf32>) -> tensor<4x5xf32> {
  %r = vk.kernel vector @k0(%a = %x : tensor<4x2xf32>, %b = %y : tensor<4x3xf32>) -> tensor<4x5xf32> {
    %0 = dvm.concat %a, %b axis 1 : tensor<4x2xf32>, tensor<4x3xf32> -> tensor<4x5xf32>
    vk.yield %0 : tensor<4x5xf32>
  }
  return %r : tensor<4x5xf32>
}

!s0 = tensor<?xf16, #dvm.sym<["s0"]>>
!s1 = tensor<?xf16, #dvm.sym<["s1"]>>
!sum = tensor<?xf16, #dvm.sym<["2*s0 + s1"]>>

// Offsets may be dims; an operand may come twice.
// CHECK-LABEL: func.func @concat_of_dynamic_dims(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "2*s0 + s1"] slots 0 (%x, %y, %x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f16, affine_map<(d0) -> (d0)>, guarded>, %b: !visa.global<f16, affine_map<(d0)[s0] -> ((d0 + s0))>, ["-s0"], guarded>, %a_1: !visa.global<f16, affine_map<(d0)[s0] -> ((d0 + s0))>, ["-s0 - s1"], guarded>, %r_1: !visa.global<f16, affine_map<(d0) -> (d0)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.scalar 0.000000e+00 : f32
// CHECK-NEXT:      %1 = visa.fill f32 %0 axes [0] : (!visa.scalar) -> !visa.ub
// CHECK-NEXT:      %2 = visa.load_guarded f16 %1, %a :
// CHECK-NEXT:      %3 = visa.load_guarded f16 %2, %b :
// CHECK-NEXT:      %4 = visa.load_guarded f16 %3, %a_1 :
// CHECK-NEXT:      visa.store f16 %4, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @concat_of_dynamic_dims(%x : !s0, %y : !s1) -> !sum {
  %r = vk.kernel vector @k0(%a = %x : !s0, %b = %y : !s1) -> !sum {
    %0 = dvm.concat %a, %b, %a axis 0 : !s0, !s1, !s0 -> !sum
    vk.yield %0 : !sum
  }
  return %r : !sum
}

// CHECK-LABEL: func.func @concat_of_rows(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "2", parallel "4"] slots 0 (%x, %y :
// CHECK-NEXT:    ^bb0(%a: !visa.global<i1, affine_map<(d0, d1) -> (d0, d1)>, guarded>, %b: !visa.global<i1, affine_map<(d0, d1) -> ((d0 + -1), d1)>, guarded>, %r_1: !visa.global<i1, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.scalar false
// CHECK-NEXT:      %1 = visa.fill i1 %0 axes [0, 1] : (!visa.scalar) -> !visa.ub
// CHECK-NEXT:      %2 = visa.load_guarded i1 %1, %a :
// CHECK-NEXT:      %3 = visa.load_guarded i1 %2, %b :
// CHECK-NEXT:      visa.store i1 %3, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @concat_of_rows(%x : tensor<1x4xi1>, %y : tensor<1x4xi1>) -> tensor<2x4xi1> {
  %r = vk.kernel vector @k0(%a = %x : tensor<1x4xi1>, %b = %y : tensor<1x4xi1>) -> tensor<2x4xi1> {
    %0 = dvm.concat %a, %b axis 0 : tensor<1x4xi1>, tensor<1x4xi1> -> tensor<2x4xi1>
    vk.yield %0 : tensor<2x4xi1>
  }
  return %r : tensor<2x4xi1>
}

// Work on what is laid together: only the axes that it follows are filled.
// CHECK-LABEL: func.func @stretched_concat(
// CHECK:           affine_map<(d0, d1, d2) -> (0, d2)>, guarded>
// CHECK-SAME:      affine_map<(d0, d1, d2) -> (0, (d2 + -2))>, guarded>
// CHECK:           %0 = visa.scalar 0.000000e+00 : f32
// CHECK-NEXT:      %1 = visa.fill f32 %0 axes [2] : (!visa.scalar) -> !visa.ub
// CHECK-NEXT:      %2 = visa.load_guarded f32 %1, %a :
// CHECK-NEXT:      %3 = visa.load_guarded f32 %2, %b :
// CHECK-NEXT:      %4 = visa.load f32 %c :
// CHECK-NEXT:      %5 = visa.binary add f32 %3, %4 :
// CHECK-NEXT:      visa.store f32 %5, %r_1
func.func @stretched_concat(%x : tensor<1x2xf32>, %y : tensor<1x3xf32>, %z : tensor<3x4x5xf32>) -> tensor<3x4x5xf32> {
  %r = vk.kernel vector @k0(%a = %x : tensor<1x2xf32>, %b = %y : tensor<1x3xf32>, %c = %z : tensor<3x4x5xf32>) -> tensor<3x4x5xf32> {
    %0 = dvm.concat %a, %b axis 1 : tensor<1x2xf32>, tensor<1x3xf32> -> tensor<1x5xf32>
    %1 = dvm.binary Add %0, %c : tensor<1x5xf32>, tensor<3x4x5xf32> -> tensor<3x4x5xf32>
    vk.yield %1 : tensor<3x4x5xf32>
  }
  return %r : tensor<3x4x5xf32>
}

// Each pass lays it together again, from the same operands.
// CHECK-LABEL: func.func @reduced_pad(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "4", reduction "5"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, (d1 + -1))>, guarded>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.scalar 5.000000e-01 : f32
// CHECK-NEXT:      %2 = visa.fill f32 %1 axes [0, 1] : (!visa.scalar) -> !visa.ub
// CHECK-NEXT:      %3 = visa.load_guarded f32 %2, %a :
// CHECK-NEXT:      %4 = visa.reduce rsum f32 %0, %3 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %5 = visa.scalar 5.000000e-01 : f32
// CHECK-NEXT:      %6 = visa.fill f32 %5 axes [0, 1] : (!visa.scalar) -> !visa.ub
// CHECK-NEXT:      %7 = visa.load_guarded f32 %6, %a :
// CHECK-NEXT:      %8 = visa.binary div f32 %7, %4 :
// CHECK-NEXT:      visa.store f32 %8, %r_1
func.func @reduced_pad(%x : tensor<4x2xf32>) -> tensor<4x5xf32> {
  %r = vk.kernel vector @k0(%a = %x : tensor<4x2xf32>) -> tensor<4x5xf32> {
    %0 = dvm.pad %a low [0, 1] high [0, 2] value 0.5 : tensor<4x2xf32> -> tensor<4x5xf32>
    %1 = dvm.reduce Sum %0 dims [1] keepdims true : tensor<4x5xf32> -> tensor<4x1xf32>
    %2 = dvm.binary Div %0, %1 : tensor<4x5xf32>, tensor<4x1xf32> -> tensor<4x5xf32>
    vk.yield %2 : tensor<4x5xf32>
  }
  return %r : tensor<4x5xf32>
}

// CHECK-LABEL: func.func @pad(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "4", parallel "5"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, (d1 + -1))>, guarded>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.scalar 5.000000e-01 : f32
// CHECK-NEXT:      %1 = visa.fill f32 %0 axes [0, 1] : (!visa.scalar) -> !visa.ub
// CHECK-NEXT:      %2 = visa.load_guarded f32 %1, %a :
// CHECK-NEXT:      visa.store f32 %2, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @pad(%x : tensor<4x2xf32>) -> tensor<4x5xf32> {
  %r = vk.kernel vector @k0(%a = %x : tensor<4x2xf32>) -> tensor<4x5xf32> {
    %0 = dvm.pad %a low [0, 1] high [0, 2] value 0.5 : tensor<4x2xf32> -> tensor<4x5xf32>
    vk.yield %0 : tensor<4x5xf32>
  }
  return %r : tensor<4x5xf32>
}

// CHECK-LABEL: func.func @pad_by_a_dim(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "2*s0 + 1"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<i64, affine_map<(d0)[s0] -> ((d0 + s0))>, ["-s0"], guarded>, %r_1: !visa.global<i64, affine_map<(d0) -> (d0)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.scalar -1 : i64
// CHECK-NEXT:      %1 = visa.fill i64 %0 axes [0] : (!visa.scalar) -> !visa.ub
// CHECK-NEXT:      %2 = visa.load_guarded i64 %1, %a :
// CHECK-NEXT:      visa.store i64 %2, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @pad_by_a_dim(%x : tensor<?xi64, #dvm.sym<["s0"]>>) -> tensor<?xi64, #dvm.sym<["2*s0 + 1"]>> {
  %r = vk.kernel vector @k0(%a = %x : tensor<?xi64, #dvm.sym<["s0"]>>) -> tensor<?xi64, #dvm.sym<["2*s0 + 1"]>> {
    %0 = dvm.pad %a low ["s0"] high [1] value -1 : tensor<?xi64, #dvm.sym<["s0"]>> -> tensor<?xi64, #dvm.sym<["2*s0 + 1"]>>
    vk.yield %0 : tensor<?xi64, #dvm.sym<["2*s0 + 1"]>>
  }
  return %r : tensor<?xi64, #dvm.sym<["2*s0 + 1"]>>
}

// CHECK-LABEL: func.func @pad_of_1(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "2", parallel "4"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<i1, affine_map<(d0, d1) -> ((d0 + -1), d1)>, guarded>, %r_1: !visa.global<i1, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.scalar true
// CHECK-NEXT:      %1 = visa.fill i1 %0 axes [0, 1] : (!visa.scalar) -> !visa.ub
// CHECK-NEXT:      %2 = visa.load_guarded i1 %1, %a :
// CHECK-NEXT:      visa.store i1 %2, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @pad_of_1(%x : tensor<1x4xi1>) -> tensor<2x4xi1> {
  %r = vk.kernel vector @k0(%a = %x : tensor<1x4xi1>) -> tensor<2x4xi1> {
    %0 = dvm.pad %a low [1, 0] high [0, 0] value true : tensor<1x4xi1> -> tensor<2x4xi1>
    vk.yield %0 : tensor<2x4xi1>
  }
  return %r : tensor<2x4xi1>
}

!table = tensor<?x64xbf16, #dvm.sym<["s0", "64"]>>
!index = tensor<?xi32, #dvm.sym<["s1"]>>
!rows = tensor<?x64xbf16, #dvm.sym<["s1", "64"]>>

// CHECK-LABEL: func.func @gather(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "s1", parallel "64"] slots 0 (%i, %t :
// CHECK-NEXT:    ^bb0(%b: !visa.global<i32, affine_map<(d0, d1) -> (d0)>>, %a: !visa.global<bf16, affine_map<(d0, d1) -> (0, d1)>, free = 0>, %r_1: !visa.global<bf16, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load i32 %b :
// CHECK-NEXT:      %1 = visa.gather bf16 %a, %0 :
// CHECK-NEXT:      visa.store bf16 %1, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @gather(%t : !table, %i : !index) -> !rows {
  %r = vk.kernel vector @k0(%a = %t : !table, %b = %i : !index) -> !rows {
    %0 = dvm.gather %a, %b axis 0 : !table, !index -> !rows
    vk.yield %0 : !rows
  }
  return %r : !rows
}

// The dims of the index take the place of the dim they index.
// CHECK-LABEL: func.func @gather_in_the_middle(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "2", parallel "4", parallel "5", parallel "3"] slots 0 (%i, %t :
// CHECK-NEXT:    ^bb0(%b: !visa.global<i64, affine_map<(d0, d1, d2, d3) -> (d1, d2)>>, %a: !visa.global<f32, affine_map<(d0, d1, d2, d3) -> (d0, 0, d3)>, free = 1>, %r_1: !visa.global<f32, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load i64 %b :
// CHECK-NEXT:      %1 = visa.gather f32 %a, %0 :
// CHECK-NEXT:      visa.store f32 %1, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @gather_in_the_middle(%t : tensor<2x10x3xf32>, %i : tensor<4x5xi64>) -> tensor<2x4x5x3xf32> {
  %r = vk.kernel vector @k0(%a = %t : tensor<2x10x3xf32>, %b = %i : tensor<4x5xi64>) -> tensor<2x4x5x3xf32> {
    %0 = dvm.gather %a, %b axis 1 : tensor<2x10x3xf32>, tensor<4x5xi64> -> tensor<2x4x5x3xf32>
    vk.yield %0 : tensor<2x4x5x3xf32>
  }
  return %r : tensor<2x4x5x3xf32>
}

// CHECK-LABEL: func.func @gather_of_the_last_dim(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "2", parallel "1"] slots 0 (%i, %t :
// CHECK-NEXT:    ^bb0(%b: !visa.global<i32, affine_map<(d0, d1) -> (0)>>, %a: !visa.global<f32, affine_map<(d0, d1) -> (d0, 0)>, free = 1>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load i32 %b :
// CHECK-NEXT:      %1 = visa.gather f32 %a, %0 :
// CHECK-NEXT:      visa.store f32 %1, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @gather_of_the_last_dim(%t : tensor<2x10xf32>, %i : tensor<1xi32>) -> tensor<2x1xf32> {
  %r = vk.kernel vector @k0(%a = %t : tensor<2x10xf32>, %b = %i : tensor<1xi32>) -> tensor<2x1xf32> {
    %0 = dvm.gather %a, %b axis 1 : tensor<2x10xf32>, tensor<1xi32> -> tensor<2x1xf32>
    vk.yield %0 : tensor<2x1xf32>
  }
  return %r : tensor<2x1xf32>
}

// One index picks one row: the dim is gone.
// CHECK-LABEL: func.func @gather_by_one_index(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "2", parallel "3"] slots 0 (%i, %t :
// CHECK-NEXT:    ^bb0(%b: !visa.global<i32, affine_map<(d0, d1) -> ()>>, %a: !visa.global<f32, affine_map<(d0, d1) -> (d0, 0, d1)>, free = 1>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load i32 %b :
// CHECK-NEXT:      %1 = visa.gather f32 %a, %0 :
// CHECK-NEXT:      visa.store f32 %1, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @gather_by_one_index(%t : tensor<2x10x3xf32>, %i : tensor<i32>) -> tensor<2x3xf32> {
  %r = vk.kernel vector @k0(%a = %t : tensor<2x10x3xf32>, %b = %i : tensor<i32>) -> tensor<2x3xf32> {
    %0 = dvm.gather %a, %b axis 1 : tensor<2x10x3xf32>, tensor<i32> -> tensor<2x3xf32>
    vk.yield %0 : tensor<2x3xf32>
  }
  return %r : tensor<2x3xf32>
}

// What a concat reads through views: the first operand with the work on it, done on the whole tile, and the other over that.
// CHECK-LABEL: func.func @rotated(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "s0", parallel "1024"] slots 0 (%x, %x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, (d1 + 512))>, guarded>, %a_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, (d1 + -512))>, guarded>, %r_1:
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.scalar 0.000000e+00 : f32
// CHECK-NEXT:      %1 = visa.fill f32 %0 axes [0, 1] :
// CHECK-NEXT:      %2 = visa.load_guarded f32 %1, %a :
// CHECK-NEXT:      %3 = visa.unary neg f32 %2 :
// CHECK-NEXT:      %4 = visa.load_guarded f32 %3, %a_1 :
// CHECK-NEXT:      visa.store f32 %4, %r_1
// CHECK-NEXT:      visa.end
func.func @rotated(%x : !t) -> !t {
  %r = vk.kernel vector @k0(%a = %x : !t) -> !t {
    %0 = dvm.slice %a starts [0, 512] sizes ["s0", 512] steps [1, 1] : !t -> tensor<?x512xf32, #dvm.sym<["s0", "512"]>>
    %1 = dvm.unary Neg %0 : tensor<?x512xf32, #dvm.sym<["s0", "512"]>> -> tensor<?x512xf32, #dvm.sym<["s0", "512"]>>
    %2 = dvm.slice %a starts [0, 0] sizes ["s0", 512] steps [1, 1] : !t -> tensor<?x512xf32, #dvm.sym<["s0", "512"]>>
    %3 = dvm.concat %1, %2 axis 1 : tensor<?x512xf32, #dvm.sym<["s0", "512"]>>, tensor<?x512xf32, #dvm.sym<["s0", "512"]>> -> !t
    vk.yield %3 : !t
  }
  return %r : !t
}
