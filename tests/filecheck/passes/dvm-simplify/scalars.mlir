// RUN: dvm-opt %s -p dvm-simplify | filecheck %s

func.func @float_identities(%x : tensor<4xf32>) -> tensor<4xf32> {
  %0 = dvm.binary_scalar Mul %x, 1.0 : tensor<4xf32>, f32 -> tensor<4xf32>
  %1 = dvm.binary_scalar Mul 1, %0 : i32, tensor<4xf32> -> tensor<4xf32>
  %2 = dvm.binary_scalar Div %1, 1.0 : tensor<4xf32>, f32 -> tensor<4xf32>
  %3 = dvm.binary_scalar Sub %2, 0.0 : tensor<4xf32>, f32 -> tensor<4xf32>
  %4 = dvm.binary_scalar Add %3, -0.0 : tensor<4xf32>, f32 -> tensor<4xf32>
  %5 = dvm.binary_scalar Add -0.0, %4 : f32, tensor<4xf32> -> tensor<4xf32>
  %6 = dvm.binary_scalar Pow %5, 1.0 : tensor<4xf32>, f32 -> tensor<4xf32>
  return %6 : tensor<4xf32>
}
// CHECK-LABEL: func.func @float_identities(%x: tensor<4xf32>) -> tensor<4xf32> {
// CHECK-NEXT:   func.return %x : tensor<4xf32>
// CHECK-NEXT: }

// -0.0 + 0.0 is 0.0, NaN * 0.0 is NaN, and sums of floats depend on their order.
func.func @floats_left_alone(%x : tensor<4xf32>) -> tensor<4xf32> {
  %0 = dvm.binary_scalar Add %x, 0.0 : tensor<4xf32>, f32 -> tensor<4xf32>
  %1 = dvm.binary_scalar Sub %0, -0.0 : tensor<4xf32>, f32 -> tensor<4xf32>
  %2 = dvm.binary_scalar Sub 0.0, %1 : f32, tensor<4xf32> -> tensor<4xf32>
  %3 = dvm.binary_scalar Mul %2, 0.0 : tensor<4xf32>, f32 -> tensor<4xf32>
  %4 = dvm.binary_scalar Div 1.0, %3 : f32, tensor<4xf32> -> tensor<4xf32>
  %5 = dvm.binary_scalar Pow 1.0, %4 : f32, tensor<4xf32> -> tensor<4xf32>
  %6 = dvm.binary_scalar Add %5, 1.0 : tensor<4xf32>, f32 -> tensor<4xf32>
  %7 = dvm.binary_scalar Add %6, 2.0 : tensor<4xf32>, f32 -> tensor<4xf32>
  return %7 : tensor<4xf32>
}
// CHECK-LABEL: func.func @floats_left_alone(%x: tensor<4xf32>) -> tensor<4xf32> {
// CHECK-NEXT:   %0 = dvm.binary_scalar Add %x, 0.000000e+00 : tensor<4xf32>, f32 -> tensor<4xf32>
// CHECK-NEXT:   %1 = dvm.binary_scalar Sub %0, -0.000000e+00 : tensor<4xf32>, f32 -> tensor<4xf32>
// CHECK-NEXT:   %2 = dvm.binary_scalar Sub 0.000000e+00, %1 : f32, tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:   %3 = dvm.binary_scalar Mul %2, 0.000000e+00 : tensor<4xf32>, f32 -> tensor<4xf32>
// CHECK-NEXT:   %4 = dvm.binary_scalar Div 1.000000e+00, %3 : f32, tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:   %5 = dvm.binary_scalar Pow 1.000000e+00, %4 : f32, tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:   %6 = dvm.binary_scalar Add %5, 1.000000e+00 : tensor<4xf32>, f32 -> tensor<4xf32>
// CHECK-NEXT:   %7 = dvm.binary_scalar Add %6, 2.000000e+00 : tensor<4xf32>, f32 -> tensor<4xf32>
// CHECK-NEXT:   func.return %7 : tensor<4xf32>
// CHECK-NEXT: }

func.func @integer_identities(%x : tensor<4xi32>) -> (tensor<4xi32>, tensor<4xi32>) {
  %0 = dvm.binary_scalar Add %x, 0 : tensor<4xi32>, i32 -> tensor<4xi32>
  %1 = dvm.binary_scalar Mul 1, %0 : i32, tensor<4xi32> -> tensor<4xi32>
  %2 = dvm.binary_scalar Sub %1, 0 : tensor<4xi32>, i32 -> tensor<4xi32>
  %3 = dvm.binary_scalar Pow %2, 1 : tensor<4xi32>, i32 -> tensor<4xi32>
  %4 = dvm.binary_scalar Mul %x, 0 : tensor<4xi32>, i32 -> tensor<4xi32>
  return %3, %4 : tensor<4xi32>, tensor<4xi32>
}
// CHECK-LABEL: func.func @integer_identities(%x: tensor<4xi32>) -> (tensor<4xi32>, tensor<4xi32>) {
// CHECK-NEXT:   %0 = dvm.broadcast_scalar 0 shape [4] type Int32 : i32 -> tensor<4xi32>
// CHECK-NEXT:   func.return %x, %0 : tensor<4xi32>, tensor<4xi32>
// CHECK-NEXT: }

// The dim has no name by which a splat could be given the shape.
func.func @zero_of_unnamed_dims(%x : tensor<?xi32>) -> tensor<?xi32> {
  %0 = dvm.binary_scalar Mul %x, 0 : tensor<?xi32>, i32 -> tensor<?xi32>
  return %0 : tensor<?xi32>
}
// CHECK-LABEL: func.func @zero_of_unnamed_dims(%x: tensor<?xi32>) -> tensor<?xi32> {
// CHECK-NEXT:   %0 = dvm.binary_scalar Mul %x, 0 : tensor<?xi32>, i32 -> tensor<?xi32>
// CHECK-NEXT:   func.return %0 : tensor<?xi32>
// CHECK-NEXT: }

func.func @truth(%x : tensor<4xi1>) -> (tensor<4xi1>, tensor<4xi1>, tensor<4xi1>, tensor<4xi1>) {
  %0 = dvm.binary_scalar LogicalAnd %x, true : tensor<4xi1>, i1 -> tensor<4xi1>
  %1 = dvm.binary_scalar LogicalOr %0, false : tensor<4xi1>, i1 -> tensor<4xi1>
  %2 = dvm.binary_scalar Equal true, %1 : i1, tensor<4xi1> -> tensor<4xi1>
  %3 = dvm.binary_scalar NotEqual %2, 0 : tensor<4xi1>, i32 -> tensor<4xi1>
  %4 = dvm.binary_scalar LogicalAnd %x, false : tensor<4xi1>, i1 -> tensor<4xi1>
  %5 = dvm.binary_scalar LogicalOr %x, true : tensor<4xi1>, i1 -> tensor<4xi1>
  %6 = dvm.binary_scalar Equal %x, false : tensor<4xi1>, i1 -> tensor<4xi1>
  return %3, %4, %5, %6 : tensor<4xi1>, tensor<4xi1>, tensor<4xi1>, tensor<4xi1>
}
// CHECK-LABEL: func.func @truth(%x: tensor<4xi1>) -> (tensor<4xi1>, tensor<4xi1>, tensor<4xi1>, tensor<4xi1>) {
// CHECK-NEXT:   %0 = dvm.broadcast_scalar false shape [4] type Bool : i1 -> tensor<4xi1>
// CHECK-NEXT:   %1 = dvm.broadcast_scalar true shape [4] type Bool : i1 -> tensor<4xi1>
// CHECK-NEXT:   %2 = dvm.binary_scalar Equal %x, false : tensor<4xi1>, i1 -> tensor<4xi1>
// CHECK-NEXT:   func.return %x, %0, %1, %2 : tensor<4xi1>, tensor<4xi1>, tensor<4xi1>, tensor<4xi1>
// CHECK-NEXT: }

func.func @square(%x : tensor<4xf32>, %i : tensor<4xi32>) -> (tensor<4xf32>, tensor<4xi32>, tensor<4xf32>, tensor<4xf32>) {
  %0 = dvm.binary_scalar Pow %x, 2.0 : tensor<4xf32>, f32 -> tensor<4xf32>
  %1 = dvm.binary_scalar Pow %i, 2 : tensor<4xi32>, i32 -> tensor<4xi32>
  %2 = dvm.binary_scalar Pow 2.0, %x : f32, tensor<4xf32> -> tensor<4xf32>
  %3 = dvm.binary_scalar Pow %x, 3.0 : tensor<4xf32>, f32 -> tensor<4xf32>
  return %0, %1, %2, %3 : tensor<4xf32>, tensor<4xi32>, tensor<4xf32>, tensor<4xf32>
}
// CHECK-LABEL: func.func @square(%x: tensor<4xf32>, %i: tensor<4xi32>) -> (tensor<4xf32>, tensor<4xi32>, tensor<4xf32>, tensor<4xf32>) {
// CHECK-NEXT:   %0 = dvm.binary Mul %x, %x : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:   %1 = dvm.binary Mul %i, %i : tensor<4xi32>, tensor<4xi32> -> tensor<4xi32>
// CHECK-NEXT:   %2 = dvm.binary_scalar Pow 2.000000e+00, %x : f32, tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:   %3 = dvm.binary_scalar Pow %x, 3.000000e+00 : tensor<4xf32>, f32 -> tensor<4xf32>
// CHECK-NEXT:   func.return %0, %1, %2, %3 : tensor<4xf32>, tensor<4xi32>, tensor<4xf32>, tensor<4xf32>
// CHECK-NEXT: }

// (x + 1) - 3, 5 - (7 - x), 5 - (x - 7), (3*x) * 2147483647, max(max(x, 3), 5)
func.func @integer_chains(%x : tensor<4xi32>) -> (tensor<4xi32>, tensor<4xi32>, tensor<4xi32>, tensor<4xi32>, tensor<4xi32>) {
  %0 = dvm.binary_scalar Add %x, 1 : tensor<4xi32>, i32 -> tensor<4xi32>
  %1 = dvm.binary_scalar Sub %0, 3 : tensor<4xi32>, i32 -> tensor<4xi32>
  %2 = dvm.binary_scalar Sub 7, %x : i32, tensor<4xi32> -> tensor<4xi32>
  %3 = dvm.binary_scalar Sub 5, %2 : i32, tensor<4xi32> -> tensor<4xi32>
  %4 = dvm.binary_scalar Sub %x, 7 : tensor<4xi32>, i32 -> tensor<4xi32>
  %5 = dvm.binary_scalar Sub 5, %4 : i32, tensor<4xi32> -> tensor<4xi32>
  %6 = dvm.binary_scalar Mul 3, %x : i32, tensor<4xi32> -> tensor<4xi32>
  %7 = dvm.binary_scalar Mul %6, 2147483647 : tensor<4xi32>, i32 -> tensor<4xi32>
  %8 = dvm.binary_scalar Maximum %x, 3 : tensor<4xi32>, i32 -> tensor<4xi32>
  %9 = dvm.binary_scalar Maximum %8, 5 : tensor<4xi32>, i32 -> tensor<4xi32>
  return %1, %3, %5, %7, %9 : tensor<4xi32>, tensor<4xi32>, tensor<4xi32>, tensor<4xi32>, tensor<4xi32>
}
// CHECK-LABEL: func.func @integer_chains(%x: tensor<4xi32>) -> (tensor<4xi32>, tensor<4xi32>, tensor<4xi32>, tensor<4xi32>, tensor<4xi32>) {
// CHECK-NEXT:   %0 = dvm.binary_scalar Add %x, -2 : tensor<4xi32>, i32 -> tensor<4xi32>
// CHECK-NEXT:   %1 = dvm.binary_scalar Sub 12, %x : i32, tensor<4xi32> -> tensor<4xi32>
// CHECK-NEXT:   %2 = dvm.binary_scalar Mul %x, 2147483645 : tensor<4xi32>, i32 -> tensor<4xi32>
// CHECK-NEXT:   %3 = dvm.binary_scalar Maximum %x, 5 : tensor<4xi32>, i32 -> tensor<4xi32>
// CHECK-NEXT:   func.return %0, %0, %1, %2, %3 : tensor<4xi32>, tensor<4xi32>, tensor<4xi32>, tensor<4xi32>, tensor<4xi32>
// CHECK-NEXT: }

// The sum of the scalars is 0, so that nothing is left.
func.func @chain_to_nothing(%x : tensor<4xi64>) -> tensor<4xi64> {
  %0 = dvm.binary_scalar Add %x, 9223372036854775807 : tensor<4xi64>, i64 -> tensor<4xi64>
  %1 = dvm.binary_scalar Add %0, 1 : tensor<4xi64>, i64 -> tensor<4xi64>
  %2 = dvm.binary_scalar Add %1, -9223372036854775808 : tensor<4xi64>, i64 -> tensor<4xi64>
  return %2 : tensor<4xi64>
}
// CHECK-LABEL: func.func @chain_to_nothing(%x: tensor<4xi64>) -> tensor<4xi64> {
// CHECK-NEXT:   func.return %x : tensor<4xi64>
// CHECK-NEXT: }

func.func @different_kinds_left_alone(%x : tensor<4xi32>) -> tensor<4xi32> {
  %0 = dvm.binary_scalar Maximum %x, 3 : tensor<4xi32>, i32 -> tensor<4xi32>
  %1 = dvm.binary_scalar Minimum %0, 5 : tensor<4xi32>, i32 -> tensor<4xi32>
  %2 = dvm.binary_scalar Mul %1, 2 : tensor<4xi32>, i32 -> tensor<4xi32>
  %3 = dvm.binary_scalar Add %2, 1 : tensor<4xi32>, i32 -> tensor<4xi32>
  return %3 : tensor<4xi32>
}
// CHECK-LABEL: func.func @different_kinds_left_alone(%x: tensor<4xi32>) -> tensor<4xi32> {
// CHECK-NEXT:   %0 = dvm.binary_scalar Maximum %x, 3 : tensor<4xi32>, i32 -> tensor<4xi32>
// CHECK-NEXT:   %1 = dvm.binary_scalar Minimum %0, 5 : tensor<4xi32>, i32 -> tensor<4xi32>
// CHECK-NEXT:   %2 = dvm.binary_scalar Mul %1, 2 : tensor<4xi32>, i32 -> tensor<4xi32>
// CHECK-NEXT:   %3 = dvm.binary_scalar Add %2, 1 : tensor<4xi32>, i32 -> tensor<4xi32>
// CHECK-NEXT:   func.return %3 : tensor<4xi32>
// CHECK-NEXT: }
