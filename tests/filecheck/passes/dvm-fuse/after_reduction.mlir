// RUN: dvm-opt %s -p dvm-fuse | filecheck %s

// What uses the result of a reduction goes into its kernel: work over what the reduction leaves, work that stretches that
// over the same domain again, and further reductions of the same dims.

!full = tensor<?x1024xf32, #dvm.sym<["s0", "1024"]>>
!column = tensor<?x1xf32, #dvm.sym<["s0", "1"]>>
!s0 = tensor<?xf32, #dvm.sym<["s0"]>>
!row = tensor<1024xf32>
!square = tensor<?x?xf32, #dvm.sym<["s0", "s0"]>>
!cube = tensor<?x8x16xf32, #dvm.sym<["s0", "8", "16"]>>

// Over what is left and over the domain, at once.
// CHECK-LABEL: func.func @consumers(
// CHECK-NEXT:    %0, %1 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %2 = dvm.reduce Sum %x_1 dims [1] keepdims true :
// CHECK-NEXT:      %3 = dvm.unary Sqrt %2 :
// CHECK-NEXT:      %4 = dvm.binary Div %x_1, %2 :
// CHECK-NEXT:      vk.yield %3, %4 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0, %1 :
func.func @consumers(%x : !full) -> (!column, !full) {
  %0 = dvm.reduce Sum %x dims [1] keepdims true : !full -> !column
  %1 = dvm.unary Sqrt %0 : !column -> !column
  %2 = dvm.binary Div %x, %0 : !full, !column -> !full
  return %1, %2 : !column, !full
}

// CHECK-LABEL: func.func @without_keepdims(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}}, %y_1 = %y : {{.*}})
// CHECK-NEXT:      %1 = dvm.reduce Sum %x_1 dims [1] keepdims false :
// CHECK-NEXT:      %2 = dvm.binary Add %1, %y_1 :
// CHECK-NEXT:      vk.yield %2 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @without_keepdims(%x : !full, %y : !s0) -> !s0 {
  %0 = dvm.reduce Sum %x dims [1] keepdims false : !full -> !s0
  %1 = dvm.binary Add %0, %y : !s0, !s0 -> !s0
  return %1 : !s0
}

// A domain that is its own reduced shape makes no difference.
// CHECK-LABEL: func.func @consumer_of_the_same_shape(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.reduce Sum %x_1 dims [1] keepdims true :
// CHECK-NEXT:      %2 = dvm.unary Sqrt %1 :
// CHECK-NEXT:      vk.yield %2 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @consumer_of_the_same_shape(%x : !column) -> !column {
  %0 = dvm.reduce Sum %x dims [1] keepdims true : !column -> !column
  %1 = dvm.unary Sqrt %0 : !column -> !column
  return %1 : !column
}

// What the consumer has computed from small values comes along.
// CHECK-LABEL: func.func @beside_what_is_left(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}}, %b_1 = %b : {{.*}})
// CHECK-NEXT:      %1 = dvm.reduce Sum %x_1 dims [2] keepdims false :
// CHECK-NEXT:      %2 = dvm.unary Exp %b_1 :
// CHECK-NEXT:      %3 = dvm.binary Add %1, %2 :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @beside_what_is_left(%x : !cube, %b : tensor<8xf32>) -> tensor<?x8xf32, #dvm.sym<["s0", "8"]>> {
  %0 = dvm.reduce Sum %x dims [2] keepdims false : !cube -> tensor<?x8xf32, #dvm.sym<["s0", "8"]>>
  %1 = dvm.unary Exp %b : tensor<8xf32> -> tensor<8xf32>
  %2 = dvm.binary Add %0, %1 : tensor<?x8xf32, #dvm.sym<["s0", "8"]>>, tensor<8xf32> -> tensor<?x8xf32, #dvm.sym<["s0", "8"]>>
  return %2 : tensor<?x8xf32, #dvm.sym<["s0", "8"]>>
}

// CHECK-LABEL: func.func @softmax(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.reduce Max %x_1 dims [1] keepdims true :
// CHECK-NEXT:      %2 = dvm.binary Sub %x_1, %1 :
// CHECK-NEXT:      %3 = dvm.unary Exp %2 :
// CHECK-NEXT:      %4 = dvm.reduce Sum %3 dims [1] keepdims true :
// CHECK-NEXT:      %5 = dvm.binary Div %3, %4 :
// CHECK-NEXT:      vk.yield %5 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @softmax(%x : !full) -> !full {
  %0 = dvm.reduce Max %x dims [1] keepdims true : !full -> !column
  %1 = dvm.binary Sub %x, %0 : !full, !column -> !full
  %2 = dvm.unary Exp %1 : !full -> !full
  %3 = dvm.reduce Sum %2 dims [1] keepdims true : !full -> !column
  %4 = dvm.binary Div %2, %3 : !full, !column -> !full
  return %4 : !full
}

// A value of lower rank follows the last axes, and so does what is left when the first dims are reduced.
// CHECK-LABEL: func.func @leading_dims(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.reduce Sum %x_1 dims [0] keepdims false :
// CHECK-NEXT:      %2 = dvm.binary Div %x_1, %1 :
// CHECK-NEXT:      vk.yield %2 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @leading_dims(%x : !full) -> !full {
  %0 = dvm.reduce Sum %x dims [0] keepdims false : !full -> !row
  %1 = dvm.binary Div %x, %0 : !full, !row -> !full
  return %1 : !full
}

// CHECK-LABEL: func.func @all_dims(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.reduce Max %x_1 dims [0, 1] keepdims false :
// CHECK-NEXT:      %2 = dvm.binary Sub %x_1, %1 :
// CHECK-NEXT:      vk.yield %2 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @all_dims(%x : !full) -> !full {
  %0 = dvm.reduce Max %x dims [0, 1] keepdims false : !full -> tensor<f32>
  %1 = dvm.binary Sub %x, %0 : !full, tensor<f32> -> !full
  return %1 : !full
}

// The sums of the rows are spread along the rows: the shapes fit, the axes do not.
// CHECK-LABEL: func.func @not_leading(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.reduce Sum %x_1 dims [1] keepdims false :
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(%x_1 = %x : {{.*}}, %2 = %0 : {{.*}})
// CHECK-NEXT:      %3 = dvm.binary Div %x_1, %2 :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %1 :
func.func @not_leading(%x : !square) -> !square {
  %0 = dvm.reduce Sum %x dims [1] keepdims false : !square -> !s0
  %1 = dvm.binary Div %x, %0 : !square, !s0 -> !square
  return %1 : !square
}

// Nor do they where a further reduction stands in between.
// CHECK-LABEL: func.func @not_leading_before_a_reduction(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.reduce Sum %x_1 dims [1] keepdims false :
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(%x_1 = %x : {{.*}}, %2 = %0 : {{.*}})
// CHECK-NEXT:      %3 = dvm.binary Div %x_1, %2 :
// CHECK-NEXT:      %4 = dvm.reduce Sum %3 dims [1] keepdims false :
// CHECK-NEXT:      vk.yield %4 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %1 :
func.func @not_leading_before_a_reduction(%x : !square) -> !s0 {
  %0 = dvm.reduce Sum %x dims [1] keepdims false : !square -> !s0
  %1 = dvm.binary Div %x, %0 : !square, !s0 -> !square
  %2 = dvm.reduce Sum %1 dims [1] keepdims false : !square -> !s0
  return %2 : !s0
}

// What is left exists under its own axes only.
// CHECK-LABEL: func.func @transposed_result(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.reduce Sum %x_1 dims [2] keepdims false :
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(%2 = %0 : {{.*}})
// CHECK-NEXT:      %3 = dvm.transpose %2 permutation [1, 0] :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %1 :
func.func @transposed_result(%x : tensor<8x8x16xf32>) -> tensor<8x8xf32> {
  %0 = dvm.reduce Sum %x dims [2] keepdims false : tensor<8x8x16xf32> -> tensor<8x8xf32>
  %1 = dvm.transpose %0 permutation [1, 0] : tensor<8x8xf32> -> tensor<8x8xf32>
  return %1 : tensor<8x8xf32>
}

// CHECK-LABEL: func.func @sliced_result(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.reduce Sum %x_1 dims [1] keepdims false :
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(%2 = %0 : {{.*}})
// CHECK-NEXT:      %3 = dvm.slice %2 starts [2] sizes [1] steps [1] :
// CHECK-NEXT:      %4 = dvm.binary Add %2, %3 :
// CHECK-NEXT:      vk.yield %4 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %1 :
func.func @sliced_result(%x : tensor<8x16xf32>) -> tensor<8xf32> {
  %0 = dvm.reduce Sum %x dims [1] keepdims false : tensor<8x16xf32> -> tensor<8xf32>
  %1 = dvm.slice %0 starts [2] sizes [1] steps [1] : tensor<8xf32> -> tensor<1xf32>
  %2 = dvm.binary Add %0, %1 : tensor<8xf32>, tensor<1xf32> -> tensor<8xf32>
  return %2 : tensor<8xf32>
}

// Also by way of other operations, and over the whole domain.
// CHECK-LABEL: func.func @transposed_at_last(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.reduce Max %x_1 dims [1] keepdims true :
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(%x_1 = %x : {{.*}}, %2 = %0 : {{.*}})
// CHECK-NEXT:      %3 = dvm.binary Sub %x_1, %2 :
// CHECK-NEXT:      %4 = dvm.unary Exp %3 :
// CHECK-NEXT:      %5 = dvm.transpose %4 permutation [1, 0] :
// CHECK-NEXT:      vk.yield %5 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %1 :
func.func @transposed_at_last(%x : !square) -> !square {
  %0 = dvm.reduce Max %x dims [1] keepdims true : !square -> !column
  %1 = dvm.binary Sub %x, %0 : !square, !column -> !square
  %2 = dvm.unary Exp %1 : !square -> !square
  %3 = dvm.transpose %2 permutation [1, 0] : !square -> !square
  return %3 : !square
}

// CHECK-LABEL: func.func @different_dims(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.reduce Max %x_1 dims [1] keepdims true :
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(%x_1 = %x : {{.*}}, %2 = %0 : {{.*}})
// CHECK-NEXT:      %3 = dvm.binary Sub %x_1, %2 :
// CHECK-NEXT:      %4 = dvm.reduce Sum %3 dims [0] keepdims true :
// CHECK-NEXT:      vk.yield %4 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %1 :
func.func @different_dims(%x : !square) -> tensor<1x?xf32, #dvm.sym<["1", "s0"]>> {
  %0 = dvm.reduce Max %x dims [1] keepdims true : !square -> !column
  %1 = dvm.binary Sub %x, %0 : !square, !column -> !square
  %2 = dvm.reduce Sum %1 dims [0] keepdims true : !square -> tensor<1x?xf32, #dvm.sym<["1", "s0"]>>
  return %2 : tensor<1x?xf32, #dvm.sym<["1", "s0"]>>
}

// Stretched over another domain than the one it was reduced from.
// CHECK-LABEL: func.func @another_domain(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.reduce Sum %x_1 dims [1] keepdims true :
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(%y_1 = %y : {{.*}}, %2 = %0 : {{.*}})
// CHECK-NEXT:      %3 = dvm.binary Div %y_1, %2 :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %1 :
func.func @another_domain(%x : !full, %y : tensor<?x8xf32, #dvm.sym<["s0", "8"]>>) -> tensor<?x8xf32, #dvm.sym<["s0", "8"]>> {
  %0 = dvm.reduce Sum %x dims [1] keepdims true : !full -> !column
  %1 = dvm.binary Div %y, %0 : tensor<?x8xf32, #dvm.sym<["s0", "8"]>>, !column -> tensor<?x8xf32, #dvm.sym<["s0", "8"]>>
  return %1 : tensor<?x8xf32, #dvm.sym<["s0", "8"]>>
}

// What is left is stretched before it meets a value over what is left.
// CHECK-LABEL: func.func @stretched_over_what_is_left(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.reduce Sum %x_1 dims [1] keepdims true :
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(%2 = %0 : {{.*}}, %y_1 = %y : {{.*}})
// CHECK-NEXT:      %3 = dvm.binary Add %2, %y_1 :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %1 :
func.func @stretched_over_what_is_left(%x : tensor<1x16xf32>, %y : tensor<4x1xf32>) -> tensor<4x1xf32> {
  %0 = dvm.reduce Sum %x dims [1] keepdims true : tensor<1x16xf32> -> tensor<1x1xf32>
  %1 = dvm.binary Add %0, %y : tensor<1x1xf32>, tensor<4x1xf32> -> tensor<4x1xf32>
  return %1 : tensor<4x1xf32>
}

// A fifth reduction in a row starts a kernel of its own: a long row is read again after each.
// CHECK-LABEL: func.func @five_in_a_row
// CHECK-COUNT-2: vk.kernel vector
// CHECK-NOT:     vk.kernel
// CHECK:         func.return
func.func @five_in_a_row(%x : tensor<4x8xf32>) -> tensor<4x8xf32> {
  %m0 = dvm.reduce Max %x dims [1] keepdims true : tensor<4x8xf32> -> tensor<4x1xf32>
  %x1 = dvm.binary Sub %x, %m0 : tensor<4x8xf32>, tensor<4x1xf32> -> tensor<4x8xf32>
  %m1 = dvm.reduce Sum %x1 dims [1] keepdims true : tensor<4x8xf32> -> tensor<4x1xf32>
  %x2 = dvm.binary Sub %x1, %m1 : tensor<4x8xf32>, tensor<4x1xf32> -> tensor<4x8xf32>
  %m2 = dvm.reduce Max %x2 dims [1] keepdims true : tensor<4x8xf32> -> tensor<4x1xf32>
  %x3 = dvm.binary Sub %x2, %m2 : tensor<4x8xf32>, tensor<4x1xf32> -> tensor<4x8xf32>
  %m3 = dvm.reduce Sum %x3 dims [1] keepdims true : tensor<4x8xf32> -> tensor<4x1xf32>
  %x4 = dvm.binary Sub %x3, %m3 : tensor<4x8xf32>, tensor<4x1xf32> -> tensor<4x8xf32>
  %m4 = dvm.reduce Max %x4 dims [1] keepdims true : tensor<4x8xf32> -> tensor<4x1xf32>
  %x5 = dvm.binary Sub %x4, %m4 : tensor<4x8xf32>, tensor<4x1xf32> -> tensor<4x8xf32>
  return %x5 : tensor<4x8xf32>
}
