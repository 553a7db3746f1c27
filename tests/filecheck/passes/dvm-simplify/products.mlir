// RUN: dvm-opt %s -p dvm-simplify | filecheck %s

// Batches that are flattened alike for a product need not be.
func.func @batches(%a : tensor<?x4x5x3xf32, #dvm.sym<["s0", "4", "5", "3"]>>, %b : tensor<?x4x3x2xf32, #dvm.sym<["s0", "4", "3", "2"]>>) -> tensor<?x4x5x2xf32> {
  %0 = dvm.reshape %a shape ["4*s0", 5, 3] : tensor<?x4x5x3xf32, #dvm.sym<["s0", "4", "5", "3"]>> -> tensor<?x5x3xf32, #dvm.sym<["4*s0", "5", "3"]>>
  %1 = dvm.reshape %b shape ["4*s0", 3, 2] : tensor<?x4x3x2xf32, #dvm.sym<["s0", "4", "3", "2"]>> -> tensor<?x3x2xf32, #dvm.sym<["4*s0", "3", "2"]>>
  %2 = dvm.matmul %0, %1 trans_a false trans_b false : tensor<?x5x3xf32, #dvm.sym<["4*s0", "5", "3"]>>, tensor<?x3x2xf32, #dvm.sym<["4*s0", "3", "2"]>> -> tensor<?x5x2xf32, #dvm.sym<["4*s0", "5", "2"]>>
  %3 = dvm.reshape %2 shape ["s0", 4, 5, 2] : tensor<?x5x2xf32, #dvm.sym<["4*s0", "5", "2"]>> -> tensor<?x4x5x2xf32>
  return %3 : tensor<?x4x5x2xf32>
}
// CHECK-LABEL: func.func @batches(%a: tensor<?x4x5x3xf32, #dvm.sym<["s0", "4", "5", "3"]>>, %b: tensor<?x4x3x2xf32, #dvm.sym<["s0", "4", "3", "2"]>>) -> tensor<?x4x5x2xf32> {
// CHECK-NEXT:   %0 = dvm.matmul %a, %b trans_a false trans_b false : tensor<?x4x5x3xf32, #dvm.sym<["s0", "4", "5", "3"]>>, tensor<?x4x3x2xf32, #dvm.sym<["s0", "4", "3", "2"]>> -> tensor<?x4x5x2xf32, #dvm.sym<["s0", "4", "5", "2"]>>
// CHECK-NEXT:   %1 = dvm.reshape %0 shape ["s0", 4, 5, 2] : tensor<?x4x5x2xf32, #dvm.sym<["s0", "4", "5", "2"]>> -> tensor<?x4x5x2xf32>
// CHECK-NEXT:   func.return %1 : tensor<?x4x5x2xf32>
// CHECK-NEXT: }

// Other batches flattened to as many, a matrix that is regrouped, and a bias, which has its own place in the flat result.
func.func @left_alone(%a : tensor<2x4x5x3xf32>, %b : tensor<4x2x3x2xf32>, %c : tensor<2x4x6xf32>, %d : tensor<2x4x3x2xf32>, %e : tensor<8x1x2xf32>) -> (tensor<8x5x2xf32>, tensor<8x5x2xf32>, tensor<8x5x2xf32>) {
  %0 = dvm.reshape %a shape [8, 5, 3] : tensor<2x4x5x3xf32> -> tensor<8x5x3xf32>
  %1 = dvm.reshape %b shape [8, 3, 2] : tensor<4x2x3x2xf32> -> tensor<8x3x2xf32>
  %2 = dvm.matmul %0, %1 trans_a false trans_b false : tensor<8x5x3xf32>, tensor<8x3x2xf32> -> tensor<8x5x2xf32>
  %3 = dvm.reshape %c shape [8, 3, 2] : tensor<2x4x6xf32> -> tensor<8x3x2xf32>
  %4 = dvm.matmul %0, %3 trans_a false trans_b false : tensor<8x5x3xf32>, tensor<8x3x2xf32> -> tensor<8x5x2xf32>
  %5 = dvm.reshape %d shape [8, 3, 2] : tensor<2x4x3x2xf32> -> tensor<8x3x2xf32>
  %6 = dvm.matmul %0, %5 trans_a false trans_b false bias %e : tensor<8x5x3xf32>, tensor<8x3x2xf32>, tensor<8x1x2xf32> -> tensor<8x5x2xf32>
  return %2, %4, %6 : tensor<8x5x2xf32>, tensor<8x5x2xf32>, tensor<8x5x2xf32>
}
// CHECK-LABEL: func.func @left_alone(%a: tensor<2x4x5x3xf32>, %b: tensor<4x2x3x2xf32>, %c: tensor<2x4x6xf32>, %d: tensor<2x4x3x2xf32>, %e: tensor<8x1x2xf32>) -> (tensor<8x5x2xf32>, tensor<8x5x2xf32>, tensor<8x5x2xf32>) {
// CHECK-NEXT:   %0 = dvm.reshape %a shape [8, 5, 3] : tensor<2x4x5x3xf32> -> tensor<8x5x3xf32>
// CHECK-NEXT:   %1 = dvm.reshape %b shape [8, 3, 2] : tensor<4x2x3x2xf32> -> tensor<8x3x2xf32>
// CHECK-NEXT:   %2 = dvm.matmul %0, %1 trans_a false trans_b false : tensor<8x5x3xf32>, tensor<8x3x2xf32> -> tensor<8x5x2xf32>
// CHECK-NEXT:   %3 = dvm.reshape %c shape [8, 3, 2] : tensor<2x4x6xf32> -> tensor<8x3x2xf32>
// CHECK-NEXT:   %4 = dvm.matmul %0, %3 trans_a false trans_b false : tensor<8x5x3xf32>, tensor<8x3x2xf32> -> tensor<8x5x2xf32>
// CHECK-NEXT:   %5 = dvm.reshape %d shape [8, 3, 2] : tensor<2x4x3x2xf32> -> tensor<8x3x2xf32>
// CHECK-NEXT:   %6 = dvm.matmul %0, %5 trans_a false trans_b false bias %e : tensor<8x5x3xf32>, tensor<8x3x2xf32>, tensor<8x1x2xf32> -> tensor<8x5x2xf32>
// CHECK-NEXT:   func.return %2, %4, %6 : tensor<8x5x2xf32>, tensor<8x5x2xf32>, tensor<8x5x2xf32>
// CHECK-NEXT: }
