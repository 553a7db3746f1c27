// RUN: dvm-opt %s -p convert-vk-to-visa --verify-diagnostics --split-input-file | filecheck %s

// CHECK: convert-vk-to-visa: vk.speculate has no form in virtual instructions yet
func.func @speculate(%x : tensor<4xf32>) -> tensor<4xf32> {
  %r = vk.speculate (%x) : (tensor<4xf32>) -> tensor<4xf32> if "4 <= 262144" {
  ^bb0(%a : tensor<4xf32>):
    %0 = vk.kernel vector @k0(%b = %a : tensor<4xf32>) -> tensor<4xf32> {
      %1 = dvm.unary Exp %b : tensor<4xf32> -> tensor<4xf32>
      vk.yield %1 : tensor<4xf32>
    }
    vk.yield %0 : tensor<4xf32>
  } else {
  ^bb0(%a : tensor<4xf32>):
    %0 = vk.kernel vector @k1(%b = %a : tensor<4xf32>) -> tensor<4xf32> {
      %1 = dvm.unary Exp %b : tensor<4xf32> -> tensor<4xf32>
      vk.yield %1 : tensor<4xf32>
    }
    vk.yield %0 : tensor<4xf32>
  }
  return %r : tensor<4xf32>
}

// -----

// CHECK: convert-vk-to-visa: 'dvm.softmax' has no virtual instructions
func.func @composite(%x : tensor<4xf32>) -> tensor<4xf32> {
  %r = vk.kernel vector @k0(%a = %x : tensor<4xf32>) -> tensor<4xf32> {
    %0 = dvm.softmax %a axis 0 : tensor<4xf32> -> tensor<4xf32>
    vk.yield %0 : tensor<4xf32>
  }
  return %r : tensor<4xf32>
}

// -----

// A reshape stays between kernels.
// CHECK: convert-vk-to-visa: 'dvm.reshape' has no virtual instructions
func.func @reshape(%x : tensor<4xf32>) -> tensor<2x2xf32> {
  %r = vk.kernel vector @k0(%a = %x : tensor<4xf32>) -> tensor<2x2xf32> {
    %0 = dvm.reshape %a shape [2, 2] : tensor<4xf32> -> tensor<2x2xf32>
    vk.yield %0 : tensor<2x2xf32>
  }
  return %r : tensor<2x2xf32>
}

// -----

// CHECK: convert-vk-to-visa: 'dvm.unary' uses the result of a reduction in the same kernel
func.func @after_a_reduction(%x : tensor<4x8xf32>) -> tensor<4xf32> {
  %r = vk.kernel vector @k0(%a = %x : tensor<4x8xf32>) -> tensor<4xf32> {
    %0 = dvm.reduce Sum %a dims [1] keepdims false : tensor<4x8xf32> -> tensor<4xf32>
    %1 = dvm.unary Exp %0 : tensor<4xf32> -> tensor<4xf32>
    vk.yield %1 : tensor<4xf32>
  }
  return %r : tensor<4xf32>
}

// -----

// CHECK: convert-vk-to-visa: @k0 reduces over different dims
func.func @rows_and_columns(%x : tensor<8x8xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  %r, %s = vk.kernel vector @k0(%a = %x : tensor<8x8xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
    %0 = dvm.reduce Sum %a dims [1] keepdims false : tensor<8x8xf32> -> tensor<8xf32>
    %1 = dvm.reduce Sum %a dims [0] keepdims false : tensor<8x8xf32> -> tensor<8xf32>
    vk.yield %0, %1 : tensor<8xf32>, tensor<8xf32>
  }
  return %r, %s : tensor<8xf32>, tensor<8xf32>
}

// -----

// CHECK: convert-vk-to-visa: @k0 reduces over different dims
func.func @of_different_shapes(%x : tensor<8x8xf32>, %y : tensor<8x9xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  %r, %s = vk.kernel vector @k0(%a = %x : tensor<8x8xf32>, %b = %y : tensor<8x9xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
    %0 = dvm.reduce Sum %a dims [1] keepdims false : tensor<8x8xf32> -> tensor<8xf32>
    %1 = dvm.reduce Sum %b dims [1] keepdims false : tensor<8x9xf32> -> tensor<8xf32>
    vk.yield %0, %1 : tensor<8xf32>, tensor<8xf32>
  }
  return %r, %s : tensor<8xf32>, tensor<8xf32>
}

// -----

// CHECK: convert-vk-to-visa: 'dvm.transpose' needs a kernel of its own
func.func @movement_in_company(%x : tensor<8x8xf32>) -> tensor<8x8xf32> {
  %r = vk.kernel vector @k0(%a = %x : tensor<8x8xf32>) -> tensor<8x8xf32> {
    %0 = dvm.unary Exp %a : tensor<8x8xf32> -> tensor<8x8xf32>
    %1 = dvm.transpose %0 permutation [1, 0] : tensor<8x8xf32> -> tensor<8x8xf32>
    vk.yield %1 : tensor<8x8xf32>
  }
  return %r : tensor<8x8xf32>
}

// -----

// CHECK: convert-vk-to-visa: 'dvm.matmul' needs a kernel of its own
func.func @product_in_company(%x : tensor<8x8xf32>) -> tensor<8x8xf32> {
  %r = vk.kernel mix @k0(%a = %x : tensor<8x8xf32>) -> tensor<8x8xf32> {
    %0 = dvm.matmul %a, %a trans_a false trans_b false : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
    %1 = dvm.unary Exp %0 : tensor<8x8xf32> -> tensor<8x8xf32>
    vk.yield %1 : tensor<8x8xf32>
  }
  return %r : tensor<8x8xf32>
}

// -----

// CHECK: convert-vk-to-visa: the shapes of a kernel do not broadcast
func.func @two_domains(%x : tensor<8xf32>, %y : tensor<9xf32>) -> (tensor<8xf32>, tensor<9xf32>) {
  %r, %s = vk.kernel vector @k0(%a = %x : tensor<8xf32>, %b = %y : tensor<9xf32>) -> (tensor<8xf32>, tensor<9xf32>) {
    %0 = dvm.unary Exp %a : tensor<8xf32> -> tensor<8xf32>
    %1 = dvm.unary Exp %b : tensor<9xf32> -> tensor<9xf32>
    vk.yield %0, %1 : tensor<8xf32>, tensor<9xf32>
  }
  return %r, %s : tensor<8xf32>, tensor<9xf32>
}

// -----

// CHECK: tensor<?xf32> has a dim that no #dvm.sym names
func.func @not_deduced(%x : tensor<?xf32>) -> tensor<?xf32> {
  %r = vk.kernel vector @k0(%a = %x : tensor<?xf32>) -> tensor<?xf32> {
    %0 = dvm.unary Exp %a : tensor<?xf32> -> tensor<?xf32>
    vk.yield %0 : tensor<?xf32>
  }
  return %r : tensor<?xf32>
}
