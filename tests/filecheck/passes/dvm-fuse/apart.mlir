// RUN: dvm-opt %s -p dvm-fuse | filecheck %s

// What becomes a kernel of its own, and what stays between the kernels.

!full = tensor<?x1024xf32, #dvm.sym<["s0", "1024"]>>
!turned = tensor<1024x?xf32, #dvm.sym<["1024", "s0"]>>
!square = tensor<8x8xf32>

// Of what a product reads only rows of the left factor are computed in its kernel.
// CHECK-LABEL: func.func @matmul(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%y_1 = %y : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Neg %y_1 :
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(%b_1 = %b : {{.*}})
// CHECK-NEXT:      %2 = dvm.unary Abs %b_1 :
// CHECK-NEXT:      vk.yield %2 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %2 = vk.kernel mix @k2(%x_1 = %x : {{.*}}, %3 = %0 : {{.*}}, %4 = %1 : {{.*}})
// CHECK-NEXT:      %5 = dvm.matmul %x_1, %3 trans_a false trans_b false bias %4 :
// CHECK-NEXT:      %6 = dvm.unary Exp %5 :
// CHECK-NEXT:      vk.yield %6 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %2 :
func.func @matmul(%x : !square, %y : !square, %b : !square) -> !square {
  %0 = dvm.unary Neg %y : !square -> !square
  %1 = dvm.unary Abs %b : !square -> !square
  %2 = dvm.matmul %x, %0 trans_a false trans_b false bias %1 : !square, !square, !square -> !square
  %3 = dvm.unary Exp %2 : !square -> !square
  return %3 : !square
}

// Products are not merged with each other, nor with what they read.
// CHECK-LABEL: func.func @matmuls(
// CHECK-NEXT:    %0 = vk.kernel cube @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.matmul %x_1, %x_1 trans_a false trans_b false :
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel cube @k1(%2 = %0 : {{.*}}, %x_1 = %x : {{.*}})
// CHECK-NEXT:      %3 = dvm.matmul %2, %x_1 trans_a false trans_b false :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %1 :
func.func @matmuls(%x : !square) -> !square {
  %0 = dvm.matmul %x, %x trans_a false trans_b false : !square, !square -> !square
  %1 = dvm.matmul %0, %x trans_a false trans_b false : !square, !square -> !square
  return %1 : !square
}

// CHECK-LABEL: func.func @grouped_matmul(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Neg %x_1 :
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel mix @k1(%2 = %0 : {{.*}}, %w_1 = %w : {{.*}}, %ends_1 = %ends : {{.*}})
// CHECK-NEXT:      %3 = dvm.grouped_matmul %2, %w_1, %ends_1 trans_a false trans_b false group_type 0 :
// CHECK-NEXT:      %4 = dvm.unary Exp %3 :
// CHECK-NEXT:      vk.yield %4 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %1 :
func.func @grouped_matmul(%x : !square, %w : tensor<2x8x8xf32>, %ends : tensor<2xi32>) -> !square {
  %0 = dvm.unary Neg %x : !square -> !square
  %1 = dvm.grouped_matmul %0, %w, %ends trans_a false trans_b false group_type 0 : !square, tensor<2x8x8xf32>, tensor<2xi32> -> !square
  %2 = dvm.unary Exp %1 : !square -> !square
  return %2 : !square
}

// CHECK-LABEL: func.func @matmul_into_reduction(
// CHECK-NEXT:    %0 = vk.kernel cube @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.matmul %x_1, %x_1 trans_a false trans_b false :
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(%2 = %0 : {{.*}})
// CHECK-NEXT:      %3 = dvm.reduce Sum %2 dims [1] keepdims false :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %1 :
func.func @matmul_into_reduction(%x : !square) -> tensor<8xf32> {
  %0 = dvm.matmul %x, %x trans_a false trans_b false : !square, !square -> !square
  %1 = dvm.reduce Sum %0 dims [1] keepdims false : !square -> tensor<8xf32>
  return %1 : tensor<8xf32>
}

// CHECK-LABEL: func.func @gather(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Neg %x_1 :
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(%i_1 = %i : {{.*}})
// CHECK-NEXT:      %2 = dvm.unary Abs %i_1 :
// CHECK-NEXT:      vk.yield %2 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %2 = vk.kernel vector @k2(%3 = %0 : {{.*}}, %4 = %1 : {{.*}})
// CHECK-NEXT:      %5 = dvm.gather %3, %4 axis 0 :
// CHECK-NEXT:      vk.yield %5 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %3 = vk.kernel vector @k3(%4 = %2 : {{.*}})
// CHECK-NEXT:      %5 = dvm.unary Exp %4 :
// CHECK-NEXT:      vk.yield %5 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %3 :
func.func @gather(%x : !square, %i : tensor<8xi32>) -> !square {
  %0 = dvm.unary Neg %x : !square -> !square
  %1 = dvm.unary Abs %i : tensor<8xi32> -> tensor<8xi32>
  %2 = dvm.gather %0, %1 axis 0 : !square, tensor<8xi32> -> !square
  %3 = dvm.unary Exp %2 : !square -> !square
  return %3 : !square
}

// CHECK-LABEL: func.func @reshape(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.reduce Sum %x_1 dims [1] keepdims false :
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = dvm.reshape %0 shape [2, 4] :
// CHECK-NEXT:    %2 = vk.kernel vector @k1(%3 = %1 : {{.*}})
// CHECK-NEXT:      %4 = dvm.reduce Max %3 dims [1] keepdims false :
// CHECK-NEXT:      vk.yield %4 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %2 :
func.func @reshape(%x : !square) -> tensor<2xf32> {
  %0 = dvm.reduce Sum %x dims [1] keepdims false : !square -> tensor<8xf32>
  %1 = dvm.reshape %0 shape [2, 4] : tensor<8xf32> -> tensor<2x4xf32>
  %2 = dvm.reduce Max %1 dims [1] keepdims false : tensor<2x4xf32> -> tensor<2xf32>
  return %2 : tensor<2xf32>
}

// CHECK-LABEL: func.func @constant(
// CHECK-NEXT:    %0 = dvm.constant dense<[1.000000e+00, 2.000000e+00, 3.000000e+00, 4.000000e+00, 5.000000e+00, 6.000000e+00, 7.000000e+00, 8.000000e+00]> :
// CHECK-NEXT:    %1 = vk.kernel vector @k0(%x_1 = %x : {{.*}}, %2 = %0 : {{.*}})
// CHECK-NEXT:      %3 = dvm.binary Add %x_1, %2 :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %1 :
func.func @constant(%x : !square) -> !square {
  %0 = dvm.constant dense<[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]> : tensor<8xf32>
  %1 = dvm.binary Add %x, %0 : !square, tensor<8xf32> -> !square
  return %1 : !square
}
