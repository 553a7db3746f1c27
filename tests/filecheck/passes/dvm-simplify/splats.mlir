// RUN: dvm-opt %s -p dvm-simplify | filecheck %s

// A splat constant is a broadcast_scalar.
func.func @constant_splat() -> tensor<4x2xf16> {
  %0 = dvm.constant dense<0.1> : tensor<4x2xf16>
  return %0 : tensor<4x2xf16>
}
// CHECK-LABEL: func.func @constant_splat() -> tensor<4x2xf16> {
// CHECK-NEXT:   %0 = dvm.broadcast_scalar 9.997560e-02 shape [4, 2] type Float16 : f16 -> tensor<4x2xf16>
// CHECK-NEXT:   func.return %0 : tensor<4x2xf16>
// CHECK-NEXT: }

// So is a size that is known.
func.func @known_size() -> (tensor<i64>, tensor<i64>) {
  %0 = dvm.size [7] : tensor<i64>
  %1 = dvm.size ["s0 - 1"] : tensor<i64>
  return %0, %1 : tensor<i64>, tensor<i64>
}
// CHECK-LABEL: func.func @known_size() -> (tensor<i64>, tensor<i64>) {
// CHECK-NEXT:   %0 = dvm.broadcast_scalar 7 shape [] type Int64 : i64 -> tensor<i64>
// CHECK-NEXT:   %1 = dvm.size ["s0 - 1"] : tensor<i64>
// CHECK-NEXT:   func.return %0, %1 : tensor<i64>, tensor<i64>
// CHECK-NEXT: }

// 0.0 and -0.0 are equal, but not the same (xDSL prints them as a splat); other constants stay as they are.
func.func @constant_left_alone() -> (tensor<2xf32>, tensor<2xi1>, tensor<0xf32>) {
  %0 = dvm.constant dense<"0x0000000000000080"> : tensor<2xf32>
  %1 = dvm.constant dense<[true, false]> : tensor<2xi1>
  %2 = dvm.constant dense<> : tensor<0xf32>
  return %0, %1, %2 : tensor<2xf32>, tensor<2xi1>, tensor<0xf32>
}
// CHECK-LABEL: func.func @constant_left_alone() -> (tensor<2xf32>, tensor<2xi1>, tensor<0xf32>) {
// CHECK-NEXT:   %0 = dvm.constant dense<0.000000e+00> : tensor<2xf32>
// CHECK-NEXT:   %1 = dvm.constant dense<[true, false]> : tensor<2xi1>
// CHECK-NEXT:   %2 = dvm.constant dense<> : tensor<0xf32>
// CHECK-NEXT:   func.return %0, %1, %2 : tensor<2xf32>, tensor<2xi1>, tensor<0xf32>
// CHECK-NEXT: }

func.func @binary_of_splat(%x : tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xi1>) {
  %0 = dvm.broadcast_scalar 2.0 shape [8] type Float32 : f32 -> tensor<8xf32>
  %1 = dvm.binary Sub %x, %0 : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x8xf32>
  %2 = dvm.constant dense<3.0> : tensor<f32>
  %3 = dvm.binary Sub %2, %x : tensor<f32>, tensor<?x8xf32> -> tensor<?x8xf32>
  %4 = dvm.constant dense<0x7F800000> : tensor<1x1xf32>
  %5 = dvm.binary Less %x, %4 : tensor<?x8xf32>, tensor<1x1xf32> -> tensor<?x8xi1>
  return %1, %3, %5 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xi1>
}
// CHECK-LABEL: func.func @binary_of_splat(%x: tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xi1>) {
// CHECK-NEXT:   %0 = dvm.binary_scalar Sub %x, 2.000000e+00 : tensor<?x8xf32>, f32 -> tensor<?x8xf32>
// CHECK-NEXT:   %1 = dvm.binary_scalar Sub 3.000000e+00, %x : f32, tensor<?x8xf32> -> tensor<?x8xf32>
// CHECK-NEXT:   %2 = dvm.binary_scalar Less %x, 0x7f800000 : tensor<?x8xf32>, f32 -> tensor<?x8xi1>
// CHECK-NEXT:   func.return %0, %1, %2 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xi1>
// CHECK-NEXT: }

// The scalar is the splat's value, rounded to its type.
func.func @splat_is_rounded(%x : tensor<8xf16>) -> tensor<8xf16> {
  %0 = dvm.broadcast_scalar 1.0e-01 shape [] type Float16 : f32 -> tensor<f16>
  %1 = dvm.binary Mul %x, %0 : tensor<8xf16>, tensor<f16> -> tensor<8xf16>
  return %1 : tensor<8xf16>
}
// CHECK-LABEL: func.func @splat_is_rounded(%x: tensor<8xf16>) -> tensor<8xf16> {
// CHECK-NEXT:   %0 = dvm.binary_scalar Mul %x, 9.997560e-02 : tensor<8xf16>, f16 -> tensor<8xf16>
// CHECK-NEXT:   func.return %0 : tensor<8xf16>
// CHECK-NEXT: }

// A splat that stretches the other operand, or may, is not a scalar.
func.func @splat_that_stretches(%x : tensor<1x8xf32>, %y : tensor<?x8xf32>) -> (tensor<4x8xf32>, tensor<?x8xf32>, tensor<2x4x8xf32>) {
  %0 = dvm.broadcast_scalar 2.0 shape [4, 8] type Float32 : f32 -> tensor<4x8xf32>
  %1 = dvm.binary Add %x, %0 : tensor<1x8xf32>, tensor<4x8xf32> -> tensor<4x8xf32>
  %2 = dvm.binary Add %y, %0 : tensor<?x8xf32>, tensor<4x8xf32> -> tensor<?x8xf32>
  %3 = dvm.broadcast_scalar 2.0 shape [2, 1, 1] type Float32 : f32 -> tensor<2x1x1xf32>
  %4 = dvm.binary Add %1, %3 : tensor<4x8xf32>, tensor<2x1x1xf32> -> tensor<2x4x8xf32>
  return %1, %2, %4 : tensor<4x8xf32>, tensor<?x8xf32>, tensor<2x4x8xf32>
}
// CHECK-LABEL: func.func @splat_that_stretches(%x: tensor<1x8xf32>, %y: tensor<?x8xf32>) -> (tensor<4x8xf32>, tensor<?x8xf32>, tensor<2x4x8xf32>) {
// CHECK-NEXT:   %0 = dvm.broadcast_scalar 2.000000e+00 shape [4, 8] type Float32 : f32 -> tensor<4x8xf32>
// CHECK-NEXT:   %1 = dvm.binary Add %x, %0 : tensor<1x8xf32>, tensor<4x8xf32> -> tensor<4x8xf32>
// CHECK-NEXT:   %2 = dvm.binary Add %y, %0 : tensor<?x8xf32>, tensor<4x8xf32> -> tensor<?x8xf32>
// CHECK-NEXT:   %3 = dvm.broadcast_scalar 2.000000e+00 shape [2, 1, 1] type Float32 : f32 -> tensor<2x1x1xf32>
// CHECK-NEXT:   %4 = dvm.binary Add %1, %3 : tensor<4x8xf32>, tensor<2x1x1xf32> -> tensor<2x4x8xf32>
// CHECK-NEXT:   func.return %1, %2, %4 : tensor<4x8xf32>, tensor<?x8xf32>, tensor<2x4x8xf32>
// CHECK-NEXT: }

func.func @fold() -> (tensor<4xf32>, tensor<4xf32>, tensor<4xi1>, tensor<4xi32>, tensor<4xi32>, tensor<4xf32>, tensor<4xi1>) {
  %two = dvm.constant dense<2.0> : tensor<4xf32>
  %root = dvm.unary Sqrt %two : tensor<4xf32> -> tensor<4xf32>
  %minus = dvm.unary Neg %two : tensor<4xf32> -> tensor<4xf32>
  %nan = dvm.unary Log %minus : tensor<4xf32> -> tensor<4xf32>
  %finite = dvm.unary IsFinite %nan : tensor<4xf32> -> tensor<4xi1>
  %least = dvm.constant dense<-2147483648> : tensor<4xi32>
  %wrapped = dvm.unary Abs %least : tensor<4xi32> -> tensor<4xi32>
  %one = dvm.cast %root type Int32 : tensor<4xf32> -> tensor<4xi32>
  %sum = dvm.binary Add %two, %root : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
  %less = dvm.binary_scalar Less 2, %root : i32, tensor<4xf32> -> tensor<4xi1>
  return %root, %nan, %finite, %wrapped, %one, %sum, %less : tensor<4xf32>, tensor<4xf32>, tensor<4xi1>, tensor<4xi32>, tensor<4xi32>, tensor<4xf32>, tensor<4xi1>
}
// CHECK-LABEL: func.func @fold() -> (tensor<4xf32>, tensor<4xf32>, tensor<4xi1>, tensor<4xi32>, tensor<4xi32>, tensor<4xf32>, tensor<4xi1>) {
// CHECK-NEXT:   %root = dvm.broadcast_scalar 1.41421354 shape [4] type Float32 : f32 -> tensor<4xf32>
// CHECK-NEXT:   %nan = dvm.broadcast_scalar 0x7fc00000 shape [4] type Float32 : f32 -> tensor<4xf32>
// CHECK-NEXT:   %finite = dvm.broadcast_scalar false shape [4] type Bool : i1 -> tensor<4xi1>
// CHECK-NEXT:   %wrapped = dvm.broadcast_scalar -2147483648 shape [4] type Int32 : i32 -> tensor<4xi32>
// CHECK-NEXT:   %one = dvm.broadcast_scalar 1 shape [4] type Int32 : i32 -> tensor<4xi32>
// CHECK-NEXT:   %sum = dvm.broadcast_scalar 3.41421366 shape [4] type Float32 : f32 -> tensor<4xf32>
// CHECK-NEXT:   func.return %root, %nan, %finite, %wrapped, %one, %sum, %finite : tensor<4xf32>, tensor<4xf32>, tensor<4xi1>, tensor<4xi32>, tensor<4xi32>, tensor<4xf32>, tensor<4xi1>
// CHECK-NEXT: }

// No integer is like these floats, and 0 has no negative powers.
func.func @fold_left_alone() -> (tensor<4xi32>, tensor<4xi32>, tensor<4xi32>) {
  %0 = dvm.constant dense<1.0e+10> : tensor<4xf32>
  %1 = dvm.cast %0 type Int32 : tensor<4xf32> -> tensor<4xi32>
  %2 = dvm.constant dense<0x7FC00000> : tensor<4xf32>
  %3 = dvm.cast %2 type Int32 : tensor<4xf32> -> tensor<4xi32>
  %4 = dvm.constant dense<0> : tensor<4xi32>
  %5 = dvm.binary_scalar Pow %4, -1 : tensor<4xi32>, i32 -> tensor<4xi32>
  return %1, %3, %5 : tensor<4xi32>, tensor<4xi32>, tensor<4xi32>
}
// CHECK-LABEL: func.func @fold_left_alone() -> (tensor<4xi32>, tensor<4xi32>, tensor<4xi32>) {
// CHECK-NEXT:   %0 = dvm.broadcast_scalar 1.000000e+10 shape [4] type Float32 : f32 -> tensor<4xf32>
// CHECK-NEXT:   %1 = dvm.cast %0 type Int32 : tensor<4xf32> -> tensor<4xi32>
// CHECK-NEXT:   %2 = dvm.broadcast_scalar 0x7fc00000 shape [4] type Float32 : f32 -> tensor<4xf32>
// CHECK-NEXT:   %3 = dvm.cast %2 type Int32 : tensor<4xf32> -> tensor<4xi32>
// CHECK-NEXT:   %4 = dvm.broadcast_scalar 0 shape [4] type Int32 : i32 -> tensor<4xi32>
// CHECK-NEXT:   %5 = dvm.binary_scalar Pow %4, -1 : tensor<4xi32>, i32 -> tensor<4xi32>
// CHECK-NEXT:   func.return %1, %3, %5 : tensor<4xi32>, tensor<4xi32>, tensor<4xi32>
// CHECK-NEXT: }

// A float divided by zero is infinite, and so is what its type cannot hold.
func.func @fold_extremes() -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf16>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %zero = dvm.constant dense<0.0> : tensor<4xf32>
  %0 = dvm.binary_scalar Div 1.0, %zero : f32, tensor<4xf32> -> tensor<4xf32>
  %1 = dvm.binary_scalar Div -1.0, %zero : f32, tensor<4xf32> -> tensor<4xf32>
  %large = dvm.constant dense<1.0e+30> : tensor<4xf32>
  %2 = dvm.cast %large type Float16 : tensor<4xf32> -> tensor<4xf16>
  %3 = dvm.binary Mul %large, %large : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
  %four = dvm.constant dense<4.0> : tensor<4xf32>
  %4 = dvm.unary Rsqrt %four : tensor<4xf32> -> tensor<4xf32>
  %5 = dvm.unary Sigmoid %zero : tensor<4xf32> -> tensor<4xf32>
  return %0, %1, %2, %3, %4, %5 : tensor<4xf32>, tensor<4xf32>, tensor<4xf16>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}
// CHECK-LABEL: func.func @fold_extremes() -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf16>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
// CHECK-NEXT:   %0 = dvm.broadcast_scalar 0x7f800000 shape [4] type Float32 : f32 -> tensor<4xf32>
// CHECK-NEXT:   %1 = dvm.broadcast_scalar 0xff800000 shape [4] type Float32 : f32 -> tensor<4xf32>
// CHECK-NEXT:   %2 = dvm.broadcast_scalar 0x7c00 shape [4] type Float16 : f16 -> tensor<4xf16>
// CHECK-NEXT:   %3 = dvm.broadcast_scalar 5.000000e-01 shape [4] type Float32 : f32 -> tensor<4xf32>
// CHECK-NEXT:   func.return %0, %1, %2, %0, %3, %3 : tensor<4xf32>, tensor<4xf32>, tensor<4xf16>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
// CHECK-NEXT: }

// Powers are truncated where the exponent is negative; what is too large wraps around.
func.func @fold_integers() -> (tensor<4xi32>, tensor<4xi32>, tensor<4xi32>, tensor<4xi32>, tensor<4xi32>, tensor<4xi64>) {
  %three = dvm.constant dense<3> : tensor<4xi32>
  %0 = dvm.binary_scalar Pow %three, 3 : tensor<4xi32>, i32 -> tensor<4xi32>
  %1 = dvm.binary_scalar Pow %three, -1 : tensor<4xi32>, i32 -> tensor<4xi32>
  %minus = dvm.constant dense<-1> : tensor<4xi32>
  %2 = dvm.binary_scalar Pow %minus, -3 : tensor<4xi32>, i32 -> tensor<4xi32>
  %3 = dvm.binary_scalar Pow %three, 21 : tensor<4xi32>, i32 -> tensor<4xi32>
  %wide = dvm.constant dense<4294967301> : tensor<4xi64>
  %4 = dvm.cast %wide type Int32 : tensor<4xi64> -> tensor<4xi32>
  %5 = dvm.cast %minus type Int64 : tensor<4xi32> -> tensor<4xi64>
  return %0, %1, %2, %3, %4, %5 : tensor<4xi32>, tensor<4xi32>, tensor<4xi32>, tensor<4xi32>, tensor<4xi32>, tensor<4xi64>
}
// CHECK-LABEL: func.func @fold_integers() -> (tensor<4xi32>, tensor<4xi32>, tensor<4xi32>, tensor<4xi32>, tensor<4xi32>, tensor<4xi64>) {
// CHECK-NEXT:   %0 = dvm.broadcast_scalar 27 shape [4] type Int32 : i32 -> tensor<4xi32>
// CHECK-NEXT:   %1 = dvm.broadcast_scalar 0 shape [4] type Int32 : i32 -> tensor<4xi32>
// CHECK-NEXT:   %2 = dvm.broadcast_scalar -1 shape [4] type Int32 : i32 -> tensor<4xi32>
// CHECK-NEXT:   %3 = dvm.broadcast_scalar 1870418611 shape [4] type Int32 : i32 -> tensor<4xi32>
// CHECK-NEXT:   %4 = dvm.broadcast_scalar 5 shape [4] type Int32 : i32 -> tensor<4xi32>
// CHECK-NEXT:   %5 = dvm.broadcast_scalar -1 shape [4] type Int64 : i64 -> tensor<4xi64>
// CHECK-NEXT:   func.return %0, %1, %2, %3, %4, %5 : tensor<4xi32>, tensor<4xi32>, tensor<4xi32>, tensor<4xi32>, tensor<4xi32>, tensor<4xi64>
// CHECK-NEXT: }

// All but zero is true.
func.func @fold_truth() -> (tensor<4xi1>, tensor<4xi1>, tensor<4xf32>, tensor<4xi32>, tensor<4xi1>, tensor<4xi1>) {
  %true = dvm.constant dense<true> : tensor<4xi1>
  %false = dvm.constant dense<false> : tensor<4xi1>
  %0 = dvm.binary LogicalAnd %true, %false : tensor<4xi1>, tensor<4xi1> -> tensor<4xi1>
  %1 = dvm.binary LogicalOr %false, %true : tensor<4xi1>, tensor<4xi1> -> tensor<4xi1>
  %2 = dvm.cast %true type Float32 : tensor<4xi1> -> tensor<4xf32>
  %3 = dvm.cast %true type Int32 : tensor<4xi1> -> tensor<4xi32>
  %half = dvm.constant dense<0.5> : tensor<4xf32>
  %4 = dvm.cast %half type Bool : tensor<4xf32> -> tensor<4xi1>
  %zero = dvm.constant dense<-0.0> : tensor<4xf32>
  %5 = dvm.cast %zero type Bool : tensor<4xf32> -> tensor<4xi1>
  return %0, %1, %2, %3, %4, %5 : tensor<4xi1>, tensor<4xi1>, tensor<4xf32>, tensor<4xi32>, tensor<4xi1>, tensor<4xi1>
}
// CHECK-LABEL: func.func @fold_truth() -> (tensor<4xi1>, tensor<4xi1>, tensor<4xf32>, tensor<4xi32>, tensor<4xi1>, tensor<4xi1>) {
// CHECK-NEXT:   %0 = dvm.broadcast_scalar false shape [4] type Bool : i1 -> tensor<4xi1>
// CHECK-NEXT:   %1 = dvm.broadcast_scalar true shape [4] type Bool : i1 -> tensor<4xi1>
// CHECK-NEXT:   %2 = dvm.broadcast_scalar 1.000000e+00 shape [4] type Float32 : f32 -> tensor<4xf32>
// CHECK-NEXT:   %3 = dvm.broadcast_scalar 1 shape [4] type Int32 : i32 -> tensor<4xi32>
// CHECK-NEXT:   func.return %0, %1, %2, %3, %1, %0 : tensor<4xi1>, tensor<4xi1>, tensor<4xf32>, tensor<4xi32>, tensor<4xi1>, tensor<4xi1>
// CHECK-NEXT: }

// A splat in another shape.
func.func @moved() -> (tensor<8xf32>, tensor<2x4xf32>, tensor<3x4x2xf32>, tensor<2x2xf32>) {
  %0 = dvm.constant dense<2.0> : tensor<4x2xf32>
  %1 = dvm.reshape %0 shape [-1] : tensor<4x2xf32> -> tensor<8xf32>
  %2 = dvm.transpose %0 permutation [1, 0] : tensor<4x2xf32> -> tensor<2x4xf32>
  %3 = dvm.broadcast %0 shape [3, 4, 2] : tensor<4x2xf32> -> tensor<3x4x2xf32>
  %4 = dvm.slice %0 starts [0, 0] sizes [2, 2] steps [2, 1] : tensor<4x2xf32> -> tensor<2x2xf32>
  return %1, %2, %3, %4 : tensor<8xf32>, tensor<2x4xf32>, tensor<3x4x2xf32>, tensor<2x2xf32>
}
// CHECK-LABEL: func.func @moved() -> (tensor<8xf32>, tensor<2x4xf32>, tensor<3x4x2xf32>, tensor<2x2xf32>) {
// CHECK-NEXT:   %0 = dvm.broadcast_scalar 2.000000e+00 shape [8] type Float32 : f32 -> tensor<8xf32>
// CHECK-NEXT:   %1 = dvm.broadcast_scalar 2.000000e+00 shape [2, 4] type Float32 : f32 -> tensor<2x4xf32>
// CHECK-NEXT:   %2 = dvm.broadcast_scalar 2.000000e+00 shape [3, 4, 2] type Float32 : f32 -> tensor<3x4x2xf32>
// CHECK-NEXT:   %3 = dvm.broadcast_scalar 2.000000e+00 shape [2, 2] type Float32 : f32 -> tensor<2x2xf32>
// CHECK-NEXT:   func.return %0, %1, %2, %3 : tensor<8xf32>, tensor<2x4xf32>, tensor<3x4x2xf32>, tensor<2x2xf32>
// CHECK-NEXT: }

// Whether these fit is for bind to check.
func.func @not_moved(%n : tensor<?xf32, #dvm.sym<["s0"]>>) -> (tensor<4xf32>, tensor<2xf32>) {
  %0 = dvm.broadcast_scalar 2.0 shape ["s0"] type Float32 : f32 -> tensor<?xf32, #dvm.sym<["s0"]>>
  %1 = dvm.reshape %0 shape [4] : tensor<?xf32, #dvm.sym<["s0"]>> -> tensor<4xf32>
  %2 = dvm.slice %0 starts [0] sizes [2] steps [1] : tensor<?xf32, #dvm.sym<["s0"]>> -> tensor<2xf32>
  return %1, %2 : tensor<4xf32>, tensor<2xf32>
}
// CHECK-LABEL: func.func @not_moved(%n: tensor<?xf32, #dvm.sym<["s0"]>>) -> (tensor<4xf32>, tensor<2xf32>) {
// CHECK-NEXT:   %0 = dvm.broadcast_scalar 2.000000e+00 shape ["s0"] type Float32 : f32 -> tensor<?xf32, #dvm.sym<["s0"]>>
// CHECK-NEXT:   %1 = dvm.reshape %0 shape [4] : tensor<?xf32, #dvm.sym<["s0"]>> -> tensor<4xf32>
// CHECK-NEXT:   %2 = dvm.slice %0 starts [0] sizes [2] steps [1] : tensor<?xf32, #dvm.sym<["s0"]>> -> tensor<2xf32>
// CHECK-NEXT:   func.return %1, %2 : tensor<4xf32>, tensor<2xf32>
// CHECK-NEXT: }

func.func @select_known(%a : tensor<4xf32>, %b : tensor<4xf32>, %c : tensor<4xi1>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %true = dvm.constant dense<true> : tensor<i1>
  %0 = dvm.select %true, %a, %b : (tensor<i1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %1 = dvm.unary LogicalNot %true : tensor<i1> -> tensor<i1>
  %2 = dvm.select %1, %a, %b : (tensor<i1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %3 = dvm.select %c, %a, %a : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %0, %2, %3 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}
// CHECK-LABEL: func.func @select_known(%a: tensor<4xf32>, %b: tensor<4xf32>, %c: tensor<4xi1>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
// CHECK-NEXT:   func.return %a, %b, %a : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
// CHECK-NEXT: }

// Here the select stretches its operands, or may, and what is not chosen must fit; or the condition is no splat.
func.func @select_left_alone(%a : tensor<1xf32>, %c : tensor<4xi1>, %d : tensor<?xf32>, %e : tensor<?xf32>, %f : tensor<4xf32>, %g : tensor<4xf32>) -> (tensor<4xf32>, tensor<?xf32>, tensor<4xf32>) {
  %true = dvm.constant dense<true> : tensor<i1>
  %0 = dvm.select %c, %a, %a : (tensor<4xi1>, tensor<1xf32>, tensor<1xf32>) -> tensor<4xf32>
  %1 = dvm.select %true, %d, %e : (tensor<i1>, tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  %2 = dvm.select %c, %f, %g : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %0, %1, %2 : tensor<4xf32>, tensor<?xf32>, tensor<4xf32>
}
// CHECK-LABEL: func.func @select_left_alone(%a: tensor<1xf32>, %c: tensor<4xi1>, %d: tensor<?xf32>, %e: tensor<?xf32>, %f: tensor<4xf32>, %g: tensor<4xf32>) -> (tensor<4xf32>, tensor<?xf32>, tensor<4xf32>) {
// CHECK-NEXT:   %true = dvm.broadcast_scalar true shape [] type Bool : i1 -> tensor<i1>
// CHECK-NEXT:   %0 = dvm.select %c, %a, %a : (tensor<4xi1>, tensor<1xf32>, tensor<1xf32>) -> tensor<4xf32>
// CHECK-NEXT:   %1 = dvm.select %true, %d, %e : (tensor<i1>, tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
// CHECK-NEXT:   %2 = dvm.select %c, %f, %g : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT:   func.return %0, %1, %2 : tensor<4xf32>, tensor<?xf32>, tensor<4xf32>
// CHECK-NEXT: }
