// RUN: dvm-opt %s -p dvm-fuse | filecheck %s

// What enters and leaves kernels.

!full = tensor<?x1024xf32, #dvm.sym<["s0", "1024"]>>
!t = tensor<4x8xf32>

// A block argument is the load, the yield the store.
// CHECK-LABEL: func.func @transfers(%x: tensor<4x8xf32>, %y: tensor<4x8xf32>) -> tensor<4x8xf32> {
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : tensor<4x8xf32>, %y_1 = %y : tensor<4x8xf32>) -> tensor<4x8xf32> {
// CHECK-NEXT:      %1 = dvm.binary Add %x_1, %y_1 : tensor<4x8xf32>, tensor<4x8xf32> -> tensor<4x8xf32>
// CHECK-NEXT:      vk.yield %1 : tensor<4x8xf32>
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 : tensor<4x8xf32>
// CHECK-NEXT:  }
func.func @transfers(%x : !t, %y : !t) -> !t {
  %0 = dvm.load %x : !t -> !t
  %1 = dvm.load %y : !t -> !t
  %2 = dvm.binary Add %0, %1 : !t, !t -> !t
  %3 = dvm.store %2 : !t -> !t
  return %3 : !t
}

// A stored value may be used on.
// CHECK-LABEL: func.func @store_between(
// CHECK-NEXT:    %0, %1 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %2 = dvm.unary Exp %x_1 :
// CHECK-NEXT:      %3 = dvm.unary Neg %2 :
// CHECK-NEXT:      vk.yield %2, %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0, %1 :
func.func @store_between(%x : !t) -> (!t, !t) {
  %0 = dvm.unary Exp %x : !t -> !t
  %1 = dvm.store %0 : !t -> !t
  %2 = dvm.unary Neg %1 : !t -> !t
  return %1, %2 : !t, !t
}

// CHECK-LABEL: func.func @argument_returned(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.copy %x_1 :
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @argument_returned(%x : !full) -> !full {
  return %x : !full
}

// Without the load and the store this is an argument that is returned.
// CHECK-LABEL: func.func @argument_loaded_and_stored(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.copy %x_1 :
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @argument_loaded_and_stored(%x : !full) -> !full {
  %0 = dvm.load %x : !full -> !full
  %1 = dvm.store %0 : !full -> !full
  return %1 : !full
}

// CHECK-LABEL: func.func @argument_returned_twice(
// CHECK-NEXT:    %0, %1 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %2 = dvm.copy %x_1 :
// CHECK-NEXT:      %3 = dvm.copy %x_1 :
// CHECK-NEXT:      vk.yield %2, %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0, %1 :
func.func @argument_returned_twice(%x : !full) -> (!full, !full) {
  return %x, %x : !full, !full
}

// CHECK-LABEL: func.func @argument_returned_beside_its_user(
// CHECK-NEXT:    %0, %1 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %2 = dvm.unary Exp %x_1 :
// CHECK-NEXT:      %3 = dvm.copy %x_1 :
// CHECK-NEXT:      vk.yield %2, %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0, %1 :
func.func @argument_returned_beside_its_user(%x : !full) -> (!full, !full) {
  %0 = dvm.unary Exp %x : !full -> !full
  return %0, %x : !full, !full
}

// CHECK-LABEL: func.func @constant_returned(
// CHECK-NEXT:    %0 = dvm.constant dense<[1, 2]> :
// CHECK-NEXT:    %1 = vk.kernel vector @k0(%2 = %0 : {{.*}})
// CHECK-NEXT:      %3 = dvm.copy %2 :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %1 :
func.func @constant_returned() -> tensor<2xi32> {
  %0 = dvm.constant dense<[1, 2]> : tensor<2xi32>
  return %0 : tensor<2xi32>
}

// The copy is elementwise: what it copies is done in its shape.
// CHECK-LABEL: func.func @reshape_returned(
// CHECK-NEXT:    %0 = dvm.reshape %x shape [32] :
// CHECK-NEXT:    %1 = vk.kernel vector @k0(%2 = %0 : {{.*}})
// CHECK-NEXT:      %3 = dvm.unary Exp %2 :
// CHECK-NEXT:      %4 = dvm.copy %3 :
// CHECK-NEXT:      vk.yield %4 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %1 :
func.func @reshape_returned(%x : !t) -> tensor<32xf32> {
  %0 = dvm.unary Exp %x : !t -> !t
  %1 = dvm.reshape %0 shape [32] : !t -> tensor<32xf32>
  return %1 : tensor<32xf32>
}

// CHECK-LABEL: func.func @reshaped_sum_returned(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.reduce Sum %x_1 dims [0] keepdims false :
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = dvm.reshape %0 shape [2, 4] :
// CHECK-NEXT:    %2 = vk.kernel vector @k1(%3 = %1 : {{.*}})
// CHECK-NEXT:      %4 = dvm.copy %3 :
// CHECK-NEXT:      vk.yield %4 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %2 :
func.func @reshaped_sum_returned(%x : !t) -> tensor<2x4xf32> {
  %0 = dvm.reduce Sum %x dims [0] keepdims false : !t -> tensor<8xf32>
  %1 = dvm.reshape %0 shape [2, 4] : tensor<8xf32> -> tensor<2x4xf32>
  return %1 : tensor<2x4xf32>
}

// The copy is elementwise, so it is made in the kernel that computes the value.
// CHECK-LABEL: func.func @result_returned_twice(
// CHECK-NEXT:    %0, %1, %2 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %3 = dvm.unary Exp %x_1 :
// CHECK-NEXT:      %4 = dvm.copy %3 :
// CHECK-NEXT:      %5 = dvm.copy %3 :
// CHECK-NEXT:      vk.yield %3, %4, %5 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0, %1, %2 :
func.func @result_returned_twice(%x : !full) -> (!full, !full, !full) {
  %0 = dvm.unary Exp %x : !full -> !full
  return %0, %0, %0 : !full, !full, !full
}

// So it is in that of a matrix product.
// CHECK-LABEL: func.func @matmul_returned_twice(
// CHECK-NEXT:    %0, %1 = vk.kernel mix @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %2 = dvm.matmul %x_1, %x_1 trans_a false trans_b false :
// CHECK-NEXT:      %3 = dvm.copy %2 :
// CHECK-NEXT:      vk.yield %2, %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0, %1 :
func.func @matmul_returned_twice(%x : tensor<8x8xf32>) -> (tensor<8x8xf32>, tensor<8x8xf32>) {
  %0 = dvm.matmul %x, %x trans_a false trans_b false : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
  return %0, %0 : tensor<8x8xf32>, tensor<8x8xf32>
}

// Every value of a kernel that others use is one of its results, in the order in which they are computed.
// CHECK-LABEL: func.func @several_outputs(
// CHECK-NEXT:    %0, %1, %2 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %3 = dvm.unary Exp %x_1 :
// CHECK-NEXT:      %4 = dvm.unary Neg %3 :
// CHECK-NEXT:      %5 = dvm.unary Abs %4 :
// CHECK-NEXT:      vk.yield %3, %4, %5 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %3 = vk.kernel vector @k1(%4 = %0 : {{.*}})
// CHECK-NEXT:      %5 = dvm.transpose %4 permutation [1, 0] :
// CHECK-NEXT:      vk.yield %5 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %2, %1, %3 :
func.func @several_outputs(%x : !t) -> (!t, !t, tensor<8x4xf32>) {
  %0 = dvm.unary Exp %x : !t -> !t
  %1 = dvm.unary Neg %0 : !t -> !t
  %2 = dvm.unary Abs %1 : !t -> !t
  %3 = dvm.transpose %0 permutation [1, 0] : !t -> tensor<8x4xf32>
  return %2, %1, %3 : !t, !t, tensor<8x4xf32>
}

// An input that is used several times is one block argument.
// CHECK-LABEL: func.func @one_input(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Exp %x_1 :
// CHECK-NEXT:      %2 = dvm.binary Add %1, %x_1 :
// CHECK-NEXT:      %3 = dvm.binary Mul %x_1, %2 :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @one_input(%x : !t) -> !t {
  %0 = dvm.unary Exp %x : !t -> !t
  %1 = dvm.binary Add %0, %x : !t, !t -> !t
  %2 = dvm.binary Mul %x, %1 : !t, !t -> !t
  return %2 : !t
}

// Names stay, inside of the kernels and outside; the name of a store goes to the value it stored.
// CHECK-LABEL: func.func @names(
// CHECK-NEXT:    %scaled = vk.kernel vector @k0(%logits_1 = %logits : {{.*}})
// CHECK-NEXT:      %weights = dvm.unary Exp %logits_1 :
// CHECK-NEXT:      %scaled_1 = dvm.binary_scalar Mul %weights, 5.000000e-01 :
// CHECK-NEXT:      vk.yield %scaled_1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %turned = vk.kernel vector @k1(%scaled_1 = %scaled : {{.*}})
// CHECK-NEXT:      %turned_1 = dvm.transpose %scaled_1 permutation [1, 0] :
// CHECK-NEXT:      vk.yield %turned_1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %scaled, %turned :
func.func @names(%logits : !t) -> (!t, tensor<8x4xf32>) {
  %weights = dvm.unary Exp %logits : !t -> !t
  %scaled = dvm.binary_scalar Mul %weights, 0.5 : !t, f32 -> !t
  %0 = dvm.transpose %scaled permutation [1, 0] : !t -> tensor<8x4xf32>
  %turned = dvm.store %0 : tensor<8x4xf32> -> tensor<8x4xf32>
  return %scaled, %turned : !t, tensor<8x4xf32>
}
