// RUN: dvm-opt %s -p dvm-fuse --verify-diagnostics --split-input-file | filecheck %s

// Composite operations are for dvm-decompose.
// CHECK: {{.*}}errors.mlir:6:3: dvm.softmax: it is not a primitive operation of the graph
func.func @composite(%x : tensor<4xf32>) -> tensor<4xf32> {
  %0 = dvm.softmax %x axis 0 : tensor<4xf32> -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// CHECK: {{.*}}errors.mlir:5:3: dvm.onehot: it is not a primitive operation of the graph
func.func @onehot(%x : tensor<4xi32>) -> tensor<4x2xf32> {
  %0 = dvm.onehot %x depth [2] axis 1 {on_value = 1.0 : f32, off_value = 0.0 : f32} : tensor<4xi32> -> tensor<4x2xf32>
  return %0 : tensor<4x2xf32>
}

// -----

// CHECK: {{.*}}errors.mlir:5:3: test.op: it is not a primitive operation of the graph
func.func @of_another_dialect(%x : tensor<4xf32>) -> tensor<4xf32> {
  %0 = "test.op"(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// All is in kernels that are written by hand, or nothing.
// CHECK: {{.*}}errors.mlir:10:3: dvm.unary Abs: it is in no kernel that is written by hand, such as @k0
func.func @beside_a_kernel(%x : tensor<4xf32>) -> tensor<4xf32> {
  %0 = vk.kernel vector @k0(%a = %x : tensor<4xf32>) -> tensor<4xf32> {
    %1 = dvm.unary Exp %a : tensor<4xf32> -> tensor<4xf32>
    vk.yield %1 : tensor<4xf32>
  }
  %2 = dvm.unary Abs %0 : tensor<4xf32> -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// -----

// Shapes are for dvm-deduce-shapes.
// CHECK: {{.*}}errors.mlir:6:3: dvm.unary Exp: tensor<?xf32> has a dim that no #dvm.sym names
func.func @not_deduced(%x : tensor<?xf32>) -> tensor<?xf32> {
  %0 = dvm.unary Exp %x : tensor<?xf32> -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// -----

// CHECK: {{.*}}errors.mlir:4:1: func.func @control_flow: there must be one block
func.func @control_flow(%x : tensor<4xf32>) -> tensor<4xf32> {
  cf.br ^bb1
^bb1:
  return %x : tensor<4xf32>
}

// -----

// CHECK: {{.*}}errors.mlir:4:1: func.func @no_return: it must end in func.return
func.func @no_return(%x : tensor<4xf32>) -> tensor<4xf32> {
  "test.termop"() : () -> ()
}
