// RUN: dvm-opt %s -p dvm-deduce-shapes,dvm-fuse | filecheck %s

// A product whose result gets a dim of 1 in front: the work on it, and the result of the function, are blocks of it still.
func.func @unit_dim(%a : tensor<?x8xf32>, %b : tensor<8x4xf32>, %c : tensor<4xf32>) -> tensor<1x?x4xf32> {
  %0 = dvm.matmul %a, %b trans_a false trans_b false : tensor<?x8xf32>, tensor<8x4xf32> -> tensor<?x4xf32>
  %1 = dvm.binary Add %0, %c : tensor<?x4xf32>, tensor<4xf32> -> tensor<?x4xf32>
  %2 = dvm.reshape %1 shape [1, -1, 4] : tensor<?x4xf32> -> tensor<1x?x4xf32>
  return %2 : tensor<1x?x4xf32>
}
// CHECK-LABEL: func.func @unit_dim(%a: tensor<?x8xf32, #dvm.sym<["s0", "8"]>>, %b: tensor<8x4xf32>, %c: tensor<4xf32>) -> tensor<1x?x4xf32, #dvm.sym<["1", "s0", "4"]>>
// CHECK-NEXT:   %0 = vk.kernel mix @k0(%a_1 = %a : tensor<?x8xf32, #dvm.sym<["s0", "8"]>>, %b_1 = %b : tensor<8x4xf32>, %c_1 = %c : tensor<4xf32>) -> tensor<1x?x4xf32, #dvm.sym<["1", "s0", "4"]>> {
// CHECK-NEXT:     %1 = dvm.matmul %a_1, %b_1 trans_a false trans_b false : tensor<?x8xf32, #dvm.sym<["s0", "8"]>>, tensor<8x4xf32> -> tensor<?x4xf32, #dvm.sym<["s0", "4"]>>
// CHECK-NEXT:     %2 = dvm.broadcast %c_1 shape ["s0", 4] : tensor<4xf32> -> tensor<?x4xf32, #dvm.sym<["s0", "4"]>>
// CHECK-NEXT:     %3 = dvm.binary Add %1, %2 : tensor<?x4xf32, #dvm.sym<["s0", "4"]>>, tensor<?x4xf32, #dvm.sym<["s0", "4"]>> -> tensor<?x4xf32, #dvm.sym<["s0", "4"]>>
// CHECK-NEXT:     %4 = dvm.reshape %3 shape [1, -1, 4] : tensor<?x4xf32, #dvm.sym<["s0", "4"]>> -> tensor<1x?x4xf32, #dvm.sym<["1", "s0", "4"]>>
// CHECK-NEXT:     %5 = dvm.copy %4 : tensor<1x?x4xf32, #dvm.sym<["1", "s0", "4"]>> -> tensor<1x?x4xf32, #dvm.sym<["1", "s0", "4"]>>
// CHECK-NEXT:     vk.yield %5 : tensor<1x?x4xf32, #dvm.sym<["1", "s0", "4"]>>
// CHECK-NEXT:   }
// CHECK-NEXT:   func.return %0 : tensor<1x?x4xf32, #dvm.sym<["1", "s0", "4"]>>
// CHECK-NEXT: }
