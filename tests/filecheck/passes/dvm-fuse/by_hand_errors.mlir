// RUN: dvm-opt %s -p dvm-deduce-shapes,dvm-fuse --split-input-file --verify-diagnostics 2>&1 | filecheck %s

// What is written as one kernel has to come out as one, else the error says why it does not.

!x = tensor<4x8xf32>

// CHECK:      vk.kernel @two: it takes 2 kernels, and is written as one
// CHECK-NEXT: remark: dvm.reduce Sum: apart from dvm.reduce Sum at {{.*}}: work side by side: they reduce different dims, [0] and [1]
func.func @different_dims(%x : !x) -> (tensor<8xf32>, tensor<4xf32>) {
  %0, %1 = vk.kernel vector @two(%a = %x : !x) -> (tensor<8xf32>, tensor<4xf32>) {
    %2 = dvm.reduce Sum %a dims [0] keepdims false : !x -> tensor<8xf32>
    %3 = dvm.reduce Sum %a dims [1] keepdims false : !x -> tensor<4xf32>
    vk.yield %2, %3 : tensor<8xf32>, tensor<4xf32>
  }
  return %0, %1 : tensor<8xf32>, tensor<4xf32>
}

// -----

// CHECK: vk.kernel @apart: it takes 2 kernels, and is written as one, but its parts have nothing to do with one another
func.func @nothing_in_common(%x : tensor<4xf32>, %y : tensor<5xf32>) -> (tensor<4xf32>, tensor<5xf32>) {
  %0, %1 = vk.kernel vector @apart(%a = %x : tensor<4xf32>, %b = %y : tensor<5xf32>) -> (tensor<4xf32>, tensor<5xf32>) {
    %2 = dvm.unary Exp %a : tensor<4xf32> -> tensor<4xf32>
    %3 = dvm.unary Exp %b : tensor<5xf32> -> tensor<5xf32>
    vk.yield %2, %3 : tensor<4xf32>, tensor<5xf32>
  }
  return %0, %1 : tensor<4xf32>, tensor<5xf32>
}

// -----

// CHECK: vk.speculate: dim 0 of result 0: 4 and 5 are never equal
func.func @different_shapes(%x : tensor<4xf32>, %y : tensor<5xf32>) -> tensor<?xf32> {
  %0 = vk.speculate (%x, %y) : (tensor<4xf32>, tensor<5xf32>) -> tensor<?xf32> if "4 < 5" {
  ^bb0(%a : tensor<4xf32>, %b : tensor<5xf32>):
    %1 = vk.kernel vector @k0(%c = %a : tensor<4xf32>) -> tensor<?xf32> {
      %2 = dvm.unary Exp %c : tensor<4xf32> -> tensor<?xf32>
      vk.yield %2 : tensor<?xf32>
    }
    vk.yield %1 : tensor<?xf32>
  } else {
  ^bb1(%a : tensor<4xf32>, %b : tensor<5xf32>):
    %1 = vk.kernel vector @k1(%c = %b : tensor<5xf32>) -> tensor<?xf32> {
      %2 = dvm.unary Exp %c : tensor<5xf32> -> tensor<?xf32>
      vk.yield %2 : tensor<?xf32>
    }
    vk.yield %1 : tensor<?xf32>
  }
  return %0 : tensor<?xf32>
}
