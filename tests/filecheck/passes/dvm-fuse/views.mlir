// RUN: dvm-opt %s -p dvm-fuse | filecheck %s

// Transpositions and slices count as elementwise work over the shape of their result.

!full = tensor<?x1024xf32, #dvm.sym<["s0", "1024"]>>
!turned = tensor<1024x?xf32, #dvm.sym<["1024", "s0"]>>
!square = tensor<8x8xf32>

// Work on the result goes with a transposition; work on the operand is over another domain.
// CHECK-LABEL: func.func @transpose(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Neg %x_1 :
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(%2 = %0 : {{.*}})
// CHECK-NEXT:      %3 = dvm.transpose %2 permutation [1, 0] :
// CHECK-NEXT:      %4 = dvm.unary Exp %3 :
// CHECK-NEXT:      vk.yield %4 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %1 :
func.func @transpose(%x : !full) -> !turned {
  %0 = dvm.unary Neg %x : !full -> !full
  %1 = dvm.transpose %0 permutation [1, 0] : !full -> !turned
  %2 = dvm.unary Exp %1 : !turned -> !turned
  return %2 : !turned
}

// Unless the two are equal.
// CHECK-LABEL: func.func @transpose_of_a_square(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Neg %x_1 :
// CHECK-NEXT:      %2 = dvm.transpose %1 permutation [1, 0] :
// CHECK-NEXT:      %3 = dvm.unary Exp %2 :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @transpose_of_a_square(%x : !square) -> !square {
  %0 = dvm.unary Neg %x : !square -> !square
  %1 = dvm.transpose %0 permutation [1, 0] : !square -> !square
  %2 = dvm.unary Exp %1 : !square -> !square
  return %2 : !square
}

// CHECK-LABEL: func.func @plain_and_transposed(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Neg %x_1 :
// CHECK-NEXT:      %2 = dvm.transpose %1 permutation [1, 0] :
// CHECK-NEXT:      %3 = dvm.binary Add %1, %2 :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @plain_and_transposed(%x : !square) -> !square {
  %0 = dvm.unary Neg %x : !square -> !square
  %1 = dvm.transpose %0 permutation [1, 0] : !square -> !square
  %2 = dvm.binary Add %0, %1 : !square, !square -> !square
  return %2 : !square
}

// CHECK-LABEL: func.func @into_a_reduction(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.transpose %x_1 permutation [1, 0] :
// CHECK-NEXT:      %2 = dvm.unary Exp %1 :
// CHECK-NEXT:      %3 = dvm.reduce Sum %2 dims [1] keepdims false :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @into_a_reduction(%x : !full) -> tensor<1024xf32> {
  %0 = dvm.transpose %x permutation [1, 0] : !full -> !turned
  %1 = dvm.unary Exp %0 : !turned -> !turned
  %2 = dvm.reduce Sum %1 dims [1] keepdims false : !turned -> tensor<1024xf32>
  return %2 : tensor<1024xf32>
}

// CHECK-LABEL: func.func @into_a_reduction_twice(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.transpose %x_1 permutation [1, 0] :
// CHECK-NEXT:      %2 = dvm.transpose %1 permutation [1, 0] :
// CHECK-NEXT:      %3 = dvm.reduce Sum %2 dims [1] keepdims false :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @into_a_reduction_twice(%x : !square) -> tensor<8xf32> {
  %0 = dvm.transpose %x permutation [1, 0] : !square -> !square
  %1 = dvm.transpose %0 permutation [1, 0] : !square -> !square
  %2 = dvm.reduce Sum %1 dims [1] keepdims false : !square -> tensor<8xf32>
  return %2 : tensor<8xf32>
}

// A product reads a factor transposed, as long as a dim of its matrices stays contiguous.
// CHECK-LABEL: func.func @into_a_product(
// CHECK-NEXT:    %0 = vk.kernel cube @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.transpose %x_1 permutation [1, 0] :
// CHECK-NEXT:      %2 = dvm.matmul %1, %x_1 trans_a false trans_b false :
// CHECK-NEXT:      vk.yield %2 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @into_a_product(%x : !square) -> !square {
  %0 = dvm.transpose %x permutation [1, 0] : !square -> !square
  %1 = dvm.matmul %0, %x trans_a false trans_b false : !square, !square -> !square
  return %1 : !square
}

// CHECK-LABEL: func.func @slice(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Neg %x_1 :
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(%2 = %0 : {{.*}})
// CHECK-NEXT:      %3 = dvm.slice %2 starts [0, 3] sizes ["s0", 16] steps [1, 2] :
// CHECK-NEXT:      %4 = dvm.unary Exp %3 :
// CHECK-NEXT:      vk.yield %4 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %1 :
func.func @slice(%x : !full) -> tensor<?x16xf32, #dvm.sym<["s0", "16"]>> {
  %0 = dvm.unary Neg %x : !full -> !full
  %1 = dvm.slice %0 starts [0, 3] sizes ["s0", 16] steps [1, 2] : !full -> tensor<?x16xf32, #dvm.sym<["s0", "16"]>>
  %2 = dvm.unary Exp %1 : tensor<?x16xf32, #dvm.sym<["s0", "16"]>> -> tensor<?x16xf32, #dvm.sym<["s0", "16"]>>
  return %2 : tensor<?x16xf32, #dvm.sym<["s0", "16"]>>
}

// Over one domain even a slice of the whole is merged with both sides: it is for dvm-simplify to remove.
// CHECK-LABEL: func.func @slice_of_all(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Neg %x_1 :
// CHECK-NEXT:      %2 = dvm.slice %1 starts [0, 0] sizes ["s0", 1024] steps [1, 1] :
// CHECK-NEXT:      %3 = dvm.unary Exp %2 :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @slice_of_all(%x : !full) -> !full {
  %0 = dvm.unary Neg %x : !full -> !full
  %1 = dvm.slice %0 starts [0, 0] sizes ["s0", 1024] steps [1, 1] : !full -> !full
  %2 = dvm.unary Exp %1 : !full -> !full
  return %2 : !full
}

// CHECK-LABEL: func.func @slice_of_a_slice(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.slice %x_1 starts [2] sizes [9] steps [2] :
// CHECK-NEXT:      %2 = dvm.slice %1 starts [1] sizes [3] steps [3] :
// CHECK-NEXT:      vk.yield %2 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @slice_of_a_slice(%x : tensor<20xf32>) -> tensor<3xf32> {
  %0 = dvm.slice %x starts [2] sizes [9] steps [2] : tensor<20xf32> -> tensor<9xf32>
  %1 = dvm.slice %0 starts [1] sizes [3] steps [3] : tensor<9xf32> -> tensor<3xf32>
  return %1 : tensor<3xf32>
}

// A slice that is stretched again.
// CHECK-LABEL: func.func @plain_and_sliced(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Exp %x_1 :
// CHECK-NEXT:      %2 = dvm.slice %1 starts [0, 5] sizes ["s0", 1] steps [1, 1] :
// CHECK-NEXT:      %3 = dvm.binary Sub %1, %2 :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @plain_and_sliced(%x : !full) -> !full {
  %0 = dvm.unary Exp %x : !full -> !full
  %1 = dvm.slice %0 starts [0, 5] sizes ["s0", 1] steps [1, 1] : !full -> tensor<?x1xf32, #dvm.sym<["s0", "1"]>>
  %2 = dvm.binary Sub %0, %1 : !full, tensor<?x1xf32, #dvm.sym<["s0", "1"]>> -> !full
  return %2 : !full
}
