// RUN: dvm-opt %s -p convert-vk-to-visa --verify-diagnostics --split-input-file | filecheck %s

// CHECK: {{.*}}errors.mlir:6:5: dvm.softmax: it has no virtual instructions
func.func @composite(%x : tensor<4xf32>) -> tensor<4xf32> {
  %r = vk.kernel vector @k0(%a = %x : tensor<4xf32>) -> tensor<4xf32> {
    %0 = dvm.softmax %a axis 0 : tensor<4xf32> -> tensor<4xf32>
    vk.yield %0 : tensor<4xf32>
  }
  return %r : tensor<4xf32>
}

// -----

// A reshape stays between kernels, unless it only adds or drops dims of 1.
// CHECK: {{.*}}errors.mlir:7:5: dvm.reshape: it regroups dims, which no access map does
func.func @reshape(%x : tensor<4xf32>) -> tensor<2x2xf32> {
  %r = vk.kernel vector @k0(%a = %x : tensor<4xf32>) -> tensor<2x2xf32> {
    %0 = dvm.reshape %a shape [2, 2] : tensor<4xf32> -> tensor<2x2xf32>
    vk.yield %0 : tensor<2x2xf32>
  }
  return %r : tensor<2x2xf32>
}

// -----

// CHECK: {{.*}}errors.mlir:7:5: dvm.reduce Sum: it reduces other dims than dvm.reduce Sum at {{.*}}errors.mlir:6
func.func @rows_and_columns(%x : tensor<8x8xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  %r, %s = vk.kernel vector @k0(%a = %x : tensor<8x8xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
    %0 = dvm.reduce Sum %a dims [1] keepdims false : tensor<8x8xf32> -> tensor<8xf32>
    %1 = dvm.reduce Sum %a dims [0] keepdims false : tensor<8x8xf32> -> tensor<8xf32>
    vk.yield %0, %1 : tensor<8xf32>, tensor<8xf32>
  }
  return %r, %s : tensor<8xf32>, tensor<8xf32>
}

// -----

// CHECK: {{.*}}errors.mlir:7:5: dvm.reduce Sum: it reduces other dims than dvm.reduce Sum at {{.*}}errors.mlir:6
func.func @of_different_shapes(%x : tensor<8x8xf32>, %y : tensor<8x9xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  %r, %s = vk.kernel vector @k0(%a = %x : tensor<8x8xf32>, %b = %y : tensor<8x9xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
    %0 = dvm.reduce Sum %a dims [1] keepdims false : tensor<8x8xf32> -> tensor<8xf32>
    %1 = dvm.reduce Sum %b dims [1] keepdims false : tensor<8x9xf32> -> tensor<8xf32>
    vk.yield %0, %1 : tensor<8xf32>, tensor<8xf32>
  }
  return %r, %s : tensor<8xf32>, tensor<8xf32>
}

// -----

// What is laid over a background goes step by step along an axis for each dim.
// CHECK: {{.*}}errors.mlir:7:5: dvm.concat: it meets other axes than its own
func.func @concat_under_a_slice(%x : tensor<4x8xf32>) -> tensor<4x8xf32> {
  %r = vk.kernel vector @k0(%a = %x : tensor<4x8xf32>) -> tensor<4x8xf32> {
    %0 = dvm.concat %a, %a axis 0 : tensor<4x8xf32>, tensor<4x8xf32> -> tensor<8x8xf32>
    %1 = dvm.slice %0 starts [0, 0] sizes [4, 8] steps [2, 1] : tensor<8x8xf32> -> tensor<4x8xf32>
    vk.yield %1 : tensor<4x8xf32>
  }
  return %r : tensor<4x8xf32>
}

// -----

// What is gathered takes the whole domain.
// CHECK: {{.*}}errors.mlir:7:5: dvm.gather: it needs a kernel of its own
func.func @gather_before_a_broadcast(%x : tensor<8xf32>, %i : tensor<4xi32>) -> tensor<3x4xf32> {
  %r = vk.kernel vector @k0(%a = %x : tensor<8xf32>, %b = %i : tensor<4xi32>) -> tensor<3x4xf32> {
    %0 = dvm.gather %a, %b axis 0 : tensor<8xf32>, tensor<4xi32> -> tensor<4xf32>
    %1 = dvm.broadcast %0 shape [3, 4] : tensor<4xf32> -> tensor<3x4xf32>
    vk.yield %1 : tensor<3x4xf32>
  }
  return %r : tensor<3x4xf32>
}

// -----

// A pad, a concat, the table of a gather and grouped weights are read from memory.
// CHECK: {{.*}}errors.mlir:7:5: dvm.unary Exp: its result is read from memory by its user, which needs a kernel of its own
func.func @computed_and_padded(%x : tensor<8xf32>) -> tensor<9xf32> {
  %r = vk.kernel vector @k0(%a = %x : tensor<8xf32>) -> tensor<9xf32> {
    %0 = dvm.unary Exp %a : tensor<8xf32> -> tensor<8xf32>
    %1 = dvm.pad %0 low [0] high [1] value 0.0 : tensor<8xf32> -> tensor<9xf32>
    vk.yield %1 : tensor<9xf32>
  }
  return %r : tensor<9xf32>
}

// -----

// CHECK: {{.*}}errors.mlir:6:5: dvm.gather: it needs a kernel of its own
func.func @product_of_what_is_gathered(%x : tensor<8x8xf32>, %i : tensor<8xi32>) -> tensor<8x8xf32> {
  %r = vk.kernel mix @k0(%a = %x : tensor<8x8xf32>, %b = %i : tensor<8xi32>) -> tensor<8x8xf32> {
    %0 = dvm.gather %a, %b axis 0 : tensor<8x8xf32>, tensor<8xi32> -> tensor<8x8xf32>
    %1 = dvm.matmul %0, %a trans_a false trans_b false : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
    vk.yield %1 : tensor<8x8xf32>
  }
  return %r : tensor<8x8xf32>
}

// -----

// What a reduction leaves exists under the axes that are left, and no others.
// CHECK: {{.*}}errors.mlir:7:5: dvm.reduce Sum: its result meets other axes than its own
func.func @sums_of_rows_along_rows(%x : tensor<8x8xf32>) -> tensor<8x8xf32> {
  %r = vk.kernel vector @k0(%a = %x : tensor<8x8xf32>) -> tensor<8x8xf32> {
    %0 = dvm.reduce Sum %a dims [1] keepdims false : tensor<8x8xf32> -> tensor<8xf32>
    %1 = dvm.binary Div %a, %0 : tensor<8x8xf32>, tensor<8xf32> -> tensor<8x8xf32>
    vk.yield %1 : tensor<8x8xf32>
  }
  return %r : tensor<8x8xf32>
}

// -----

// CHECK: {{.*}}errors.mlir:6:5: dvm.matmul: its result meets other axes than its own
func.func @transposed_product(%x : tensor<8x8xf32>) -> tensor<8x8xf32> {
  %r = vk.kernel mix @k0(%a = %x : tensor<8x8xf32>) -> tensor<8x8xf32> {
    %0 = dvm.matmul %a, %a trans_a false trans_b false : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
    %1 = dvm.transpose %0 permutation [1, 0] : tensor<8x8xf32> -> tensor<8x8xf32>
    %2 = dvm.unary Exp %1 : tensor<8x8xf32> -> tensor<8x8xf32>
    vk.yield %2 : tensor<8x8xf32>
  }
  return %r : tensor<8x8xf32>
}

// -----

// CHECK: {{.*}}errors.mlir:5:3: vk.kernel @k0: result 1, tensor<9xf32>, does not broadcast with those before it
func.func @two_domains(%x : tensor<8xf32>, %y : tensor<9xf32>) -> (tensor<8xf32>, tensor<9xf32>) {
  %r, %s = vk.kernel vector @k0(%a = %x : tensor<8xf32>, %b = %y : tensor<9xf32>) -> (tensor<8xf32>, tensor<9xf32>) {
    %0 = dvm.unary Exp %a : tensor<8xf32> -> tensor<8xf32>
    %1 = dvm.unary Exp %b : tensor<9xf32> -> tensor<9xf32>
    vk.yield %0, %1 : tensor<8xf32>, tensor<9xf32>
  }
  return %r, %s : tensor<8xf32>, tensor<9xf32>
}

// -----

// CHECK: {{.*}}errors.mlir:5:3: vk.kernel @k0: tensor<?xf32> has a dim that no #dvm.sym names
func.func @not_deduced(%x : tensor<?xf32>) -> tensor<?xf32> {
  %r = vk.kernel vector @k0(%a = %x : tensor<?xf32>) -> tensor<?xf32> {
    %0 = dvm.unary Exp %a : tensor<?xf32> -> tensor<?xf32>
    vk.yield %0 : tensor<?xf32>
  }
  return %r : tensor<?xf32>
}
