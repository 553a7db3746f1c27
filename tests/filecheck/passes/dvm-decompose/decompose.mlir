// RUN: dvm-opt %s -p dvm-decompose | filecheck %s

func.func @softmax(%x : tensor<4x?xf32>) -> tensor<4x?xf32> {
  %0 = dvm.softmax %x axis -1 : tensor<4x?xf32> -> tensor<4x?xf32>
  return %0 : tensor<4x?xf32>
}
// CHECK-LABEL: func.func @softmax(%x: tensor<4x?xf32>) -> tensor<4x?xf32> {
// CHECK-NEXT:   %0 = dvm.reduce Max %x dims [1] keepdims true : tensor<4x?xf32> -> tensor<4x1xf32>
// CHECK-NEXT:   %1 = dvm.binary Sub %x, %0 : tensor<4x?xf32>, tensor<4x1xf32> -> tensor<4x?xf32>
// CHECK-NEXT:   %2 = dvm.unary Exp %1 : tensor<4x?xf32> -> tensor<4x?xf32>
// CHECK-NEXT:   %3 = dvm.reduce Sum %2 dims [1] keepdims true : tensor<4x?xf32> -> tensor<4x1xf32>
// CHECK-NEXT:   %4 = dvm.binary Div %2, %3 : tensor<4x?xf32>, tensor<4x1xf32> -> tensor<4x?xf32>
// CHECK-NEXT:   func.return %4 : tensor<4x?xf32>
// CHECK-NEXT: }

// 16-bit floats are computed in f32.
func.func @softmax_f16(%x : tensor<4x8xf16>) -> tensor<4x8xf16> {
  %0 = dvm.softmax %x axis 0 : tensor<4x8xf16> -> tensor<4x8xf16>
  return %0 : tensor<4x8xf16>
}
// CHECK-LABEL: func.func @softmax_f16(%x: tensor<4x8xf16>) -> tensor<4x8xf16> {
// CHECK-NEXT:   %0 = dvm.cast %x type Float32 : tensor<4x8xf16> -> tensor<4x8xf32>
// CHECK-NEXT:   %1 = dvm.reduce Max %0 dims [0] keepdims true : tensor<4x8xf32> -> tensor<1x8xf32>
// CHECK-NEXT:   %2 = dvm.binary Sub %0, %1 : tensor<4x8xf32>, tensor<1x8xf32> -> tensor<4x8xf32>
// CHECK-NEXT:   %3 = dvm.unary Exp %2 : tensor<4x8xf32> -> tensor<4x8xf32>
// CHECK-NEXT:   %4 = dvm.reduce Sum %3 dims [0] keepdims true : tensor<4x8xf32> -> tensor<1x8xf32>
// CHECK-NEXT:   %5 = dvm.binary Div %3, %4 : tensor<4x8xf32>, tensor<1x8xf32> -> tensor<4x8xf32>
// CHECK-NEXT:   %6 = dvm.cast %5 type Float16 : tensor<4x8xf32> -> tensor<4x8xf16>
// CHECK-NEXT:   func.return %6 : tensor<4x8xf16>
// CHECK-NEXT: }

func.func @layer_norm(%x : tensor<4x8x2xf32>, %gamma : tensor<8x2xf32>, %beta : tensor<8x2xf32>) -> tensor<4x8x2xf32> {
  %0 = dvm.layer_norm %x, %gamma, %beta axis 1 epsilon 1.0e-05 : tensor<4x8x2xf32>, tensor<8x2xf32>, tensor<8x2xf32> -> tensor<4x8x2xf32>
  return %0 : tensor<4x8x2xf32>
}
// CHECK-LABEL: func.func @layer_norm(%x: tensor<4x8x2xf32>, %gamma: tensor<8x2xf32>, %beta: tensor<8x2xf32>) -> tensor<4x8x2xf32> {
// CHECK-NEXT:   %0 = dvm.reduce Mean %x dims [1, 2] keepdims true : tensor<4x8x2xf32> -> tensor<4x1x1xf32>
// CHECK-NEXT:   %1 = dvm.binary Sub %x, %0 : tensor<4x8x2xf32>, tensor<4x1x1xf32> -> tensor<4x8x2xf32>
// CHECK-NEXT:   %2 = dvm.binary Mul %1, %1 : tensor<4x8x2xf32>, tensor<4x8x2xf32> -> tensor<4x8x2xf32>
// CHECK-NEXT:   %3 = dvm.reduce Mean %2 dims [1, 2] keepdims true : tensor<4x8x2xf32> -> tensor<4x1x1xf32>
// CHECK-NEXT:   %4 = dvm.binary_scalar Add %3, 1.000000e-05 : tensor<4x1x1xf32>, f32 -> tensor<4x1x1xf32>
// CHECK-NEXT:   %5 = dvm.unary Rsqrt %4 : tensor<4x1x1xf32> -> tensor<4x1x1xf32>
// CHECK-NEXT:   %6 = dvm.binary Mul %1, %5 : tensor<4x8x2xf32>, tensor<4x1x1xf32> -> tensor<4x8x2xf32>
// CHECK-NEXT:   %7 = dvm.binary Mul %6, %gamma : tensor<4x8x2xf32>, tensor<8x2xf32> -> tensor<4x8x2xf32>
// CHECK-NEXT:   %8 = dvm.binary Add %7, %beta : tensor<4x8x2xf32>, tensor<8x2xf32> -> tensor<4x8x2xf32>
// CHECK-NEXT:   func.return %8 : tensor<4x8x2xf32>
// CHECK-NEXT: }

func.func @layer_norm_bf16(%x : tensor<4x8xbf16>, %gamma : tensor<8xbf16>) -> (tensor<4x8xbf16>, tensor<4x8xbf16>) {
  %0 = dvm.layer_norm %x, %gamma axis -1 epsilon 1.0e-05 : tensor<4x8xbf16>, tensor<8xbf16> -> tensor<4x8xbf16>
  %1 = dvm.layer_norm %x axis -1 epsilon 1.0e-05 : tensor<4x8xbf16> -> tensor<4x8xbf16>
  return %0, %1 : tensor<4x8xbf16>, tensor<4x8xbf16>
}
// CHECK-LABEL: func.func @layer_norm_bf16(%x: tensor<4x8xbf16>, %gamma: tensor<8xbf16>) -> (tensor<4x8xbf16>, tensor<4x8xbf16>) {
// CHECK-NEXT:   %0 = dvm.cast %x type Float32 : tensor<4x8xbf16> -> tensor<4x8xf32>
// CHECK-NEXT:   %1 = dvm.cast %gamma type Float32 : tensor<8xbf16> -> tensor<8xf32>
// CHECK-NEXT:   %2 = dvm.reduce Mean %0 dims [1] keepdims true : tensor<4x8xf32> -> tensor<4x1xf32>
// CHECK-NEXT:   %3 = dvm.binary Sub %0, %2 : tensor<4x8xf32>, tensor<4x1xf32> -> tensor<4x8xf32>
// CHECK-NEXT:   %4 = dvm.binary Mul %3, %3 : tensor<4x8xf32>, tensor<4x8xf32> -> tensor<4x8xf32>
// CHECK-NEXT:   %5 = dvm.reduce Mean %4 dims [1] keepdims true : tensor<4x8xf32> -> tensor<4x1xf32>
// CHECK-NEXT:   %6 = dvm.binary_scalar Add %5, 1.000000e-05 : tensor<4x1xf32>, f32 -> tensor<4x1xf32>
// CHECK-NEXT:   %7 = dvm.unary Rsqrt %6 : tensor<4x1xf32> -> tensor<4x1xf32>
// CHECK-NEXT:   %8 = dvm.binary Mul %3, %7 : tensor<4x8xf32>, tensor<4x1xf32> -> tensor<4x8xf32>
// CHECK-NEXT:   %9 = dvm.binary Mul %8, %1 : tensor<4x8xf32>, tensor<8xf32> -> tensor<4x8xf32>
// CHECK-NEXT:   %10 = dvm.cast %9 type BFloat16 : tensor<4x8xf32> -> tensor<4x8xbf16>
// CHECK-NEXT:   %11 = dvm.cast %x type Float32 : tensor<4x8xbf16> -> tensor<4x8xf32>
// CHECK-NEXT:   %12 = dvm.reduce Mean %11 dims [1] keepdims true : tensor<4x8xf32> -> tensor<4x1xf32>
// CHECK-NEXT:   %13 = dvm.binary Sub %11, %12 : tensor<4x8xf32>, tensor<4x1xf32> -> tensor<4x8xf32>
// CHECK-NEXT:   %14 = dvm.binary Mul %13, %13 : tensor<4x8xf32>, tensor<4x8xf32> -> tensor<4x8xf32>
// CHECK-NEXT:   %15 = dvm.reduce Mean %14 dims [1] keepdims true : tensor<4x8xf32> -> tensor<4x1xf32>
// CHECK-NEXT:   %16 = dvm.binary_scalar Add %15, 1.000000e-05 : tensor<4x1xf32>, f32 -> tensor<4x1xf32>
// CHECK-NEXT:   %17 = dvm.unary Rsqrt %16 : tensor<4x1xf32> -> tensor<4x1xf32>
// CHECK-NEXT:   %18 = dvm.binary Mul %13, %17 : tensor<4x8xf32>, tensor<4x1xf32> -> tensor<4x8xf32>
// CHECK-NEXT:   %19 = dvm.cast %18 type BFloat16 : tensor<4x8xf32> -> tensor<4x8xbf16>
// CHECK-NEXT:   func.return %10, %19 : tensor<4x8xbf16>, tensor<4x8xbf16>
// CHECK-NEXT: }

func.func @rms_norm(%x : tensor<4x8xf32>, %gamma : tensor<8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  %0 = dvm.rms_norm %x, %gamma axis -1 epsilon 1.0e-06 : tensor<4x8xf32>, tensor<8xf32> -> tensor<4x8xf32>
  %1 = dvm.rms_norm %x axis 0 epsilon 1.0e-06 : tensor<4x8xf32> -> tensor<4x8xf32>
  return %0, %1 : tensor<4x8xf32>, tensor<4x8xf32>
}
// CHECK-LABEL: func.func @rms_norm(%x: tensor<4x8xf32>, %gamma: tensor<8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
// CHECK-NEXT:   %0 = dvm.binary Mul %x, %x : tensor<4x8xf32>, tensor<4x8xf32> -> tensor<4x8xf32>
// CHECK-NEXT:   %1 = dvm.reduce Mean %0 dims [1] keepdims true : tensor<4x8xf32> -> tensor<4x1xf32>
// CHECK-NEXT:   %2 = dvm.binary_scalar Add %1, 1.000000e-06 : tensor<4x1xf32>, f32 -> tensor<4x1xf32>
// CHECK-NEXT:   %3 = dvm.unary Rsqrt %2 : tensor<4x1xf32> -> tensor<4x1xf32>
// CHECK-NEXT:   %4 = dvm.binary Mul %x, %3 : tensor<4x8xf32>, tensor<4x1xf32> -> tensor<4x8xf32>
// CHECK-NEXT:   %5 = dvm.binary Mul %4, %gamma : tensor<4x8xf32>, tensor<8xf32> -> tensor<4x8xf32>
// CHECK-NEXT:   %6 = dvm.binary Mul %x, %x : tensor<4x8xf32>, tensor<4x8xf32> -> tensor<4x8xf32>
// CHECK-NEXT:   %7 = dvm.reduce Mean %6 dims [0, 1] keepdims true : tensor<4x8xf32> -> tensor<1x1xf32>
// CHECK-NEXT:   %8 = dvm.binary_scalar Add %7, 1.000000e-06 : tensor<1x1xf32>, f32 -> tensor<1x1xf32>
// CHECK-NEXT:   %9 = dvm.unary Rsqrt %8 : tensor<1x1xf32> -> tensor<1x1xf32>
// CHECK-NEXT:   %10 = dvm.binary Mul %x, %9 : tensor<4x8xf32>, tensor<1x1xf32> -> tensor<4x8xf32>
// CHECK-NEXT:   func.return %5, %10 : tensor<4x8xf32>, tensor<4x8xf32>
// CHECK-NEXT: }

func.func @gelu(%x : tensor<4xf32>, %h : tensor<4xf16>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf16>) {
  %0 = dvm.gelu %x approximate none : tensor<4xf32> -> tensor<4xf32>
  %1 = dvm.gelu %x approximate tanh : tensor<4xf32> -> tensor<4xf32>
  %2 = dvm.gelu %h approximate none : tensor<4xf16> -> tensor<4xf16>
  return %0, %1, %2 : tensor<4xf32>, tensor<4xf32>, tensor<4xf16>
}
// CHECK-LABEL: func.func @gelu(%x: tensor<4xf32>, %h: tensor<4xf16>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf16>) {
// CHECK-NEXT:   %0 = dvm.binary_scalar Mul %x, 5.000000e-01 : tensor<4xf32>, f32 -> tensor<4xf32>
// CHECK-NEXT:   %1 = dvm.binary_scalar Mul %x, 0.707106769 : tensor<4xf32>, f32 -> tensor<4xf32>
// CHECK-NEXT:   %2 = dvm.unary Erf %1 : tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:   %3 = dvm.binary_scalar Add %2, 1.000000e+00 : tensor<4xf32>, f32 -> tensor<4xf32>
// CHECK-NEXT:   %4 = dvm.binary Mul %0, %3 : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:   %5 = dvm.binary Mul %x, %x : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:   %6 = dvm.binary_scalar Mul %5, 0.0713548139 : tensor<4xf32>, f32 -> tensor<4xf32>
// CHECK-NEXT:   %7 = dvm.binary_scalar Add %6, 1.59576917 : tensor<4xf32>, f32 -> tensor<4xf32>
// CHECK-NEXT:   %8 = dvm.binary Mul %7, %x : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:   %9 = dvm.unary Sigmoid %8 : tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:   %10 = dvm.binary Mul %x, %9 : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:   %11 = dvm.cast %h type Float32 : tensor<4xf16> -> tensor<4xf32>
// CHECK-NEXT:   %12 = dvm.binary_scalar Mul %11, 5.000000e-01 : tensor<4xf32>, f32 -> tensor<4xf32>
// CHECK-NEXT:   %13 = dvm.binary_scalar Mul %11, 0.707106769 : tensor<4xf32>, f32 -> tensor<4xf32>
// CHECK-NEXT:   %14 = dvm.unary Erf %13 : tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:   %15 = dvm.binary_scalar Add %14, 1.000000e+00 : tensor<4xf32>, f32 -> tensor<4xf32>
// CHECK-NEXT:   %16 = dvm.binary Mul %12, %15 : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:   %17 = dvm.cast %16 type Float16 : tensor<4xf32> -> tensor<4xf16>
// CHECK-NEXT:   func.return %4, %10, %17 : tensor<4xf32>, tensor<4xf32>, tensor<4xf16>
// CHECK-NEXT: }

func.func @onehot(%i : tensor<4x3xi32>) -> (tensor<4x3x10xf32>, tensor<10x4x3xi64>) {
  %0 = dvm.onehot %i depth [10] axis -1 {on_value = 1.0 : f32, off_value = 0.0 : f32} : tensor<4x3xi32> -> tensor<4x3x10xf32>
  %1 = dvm.onehot %i depth [10] axis 0 {on_value = 5 : i64, off_value = -1 : i64} : tensor<4x3xi32> -> tensor<10x4x3xi64>
  return %0, %1 : tensor<4x3x10xf32>, tensor<10x4x3xi64>
}
// CHECK-LABEL: func.func @onehot(%i: tensor<4x3xi32>) -> (tensor<4x3x10xf32>, tensor<10x4x3xi64>) {
// CHECK-NEXT:   %0 = dvm.reshape %i shape [4, 3, 1] : tensor<4x3xi32> -> tensor<4x3x1xi32>
// CHECK-NEXT:   %1 = dvm.iota axis 0 shape [10] : tensor<10xi32>
// CHECK-NEXT:   %2 = dvm.binary Equal %0, %1 : tensor<4x3x1xi32>, tensor<10xi32> -> tensor<4x3x10xi1>
// CHECK-NEXT:   %3 = dvm.broadcast_scalar 1.000000e+00 shape [] type Float32 : f32 -> tensor<f32>
// CHECK-NEXT:   %4 = dvm.broadcast_scalar 0.000000e+00 shape [] type Float32 : f32 -> tensor<f32>
// CHECK-NEXT:   %5 = dvm.select %2, %3, %4 : (tensor<4x3x10xi1>, tensor<f32>, tensor<f32>) -> tensor<4x3x10xf32>
// CHECK-NEXT:   %6 = dvm.reshape %i shape [1, 4, 3] : tensor<4x3xi32> -> tensor<1x4x3xi32>
// CHECK-NEXT:   %7 = dvm.iota axis 0 shape [10, 1, 1] : tensor<10x1x1xi32>
// CHECK-NEXT:   %8 = dvm.binary Equal %6, %7 : tensor<1x4x3xi32>, tensor<10x1x1xi32> -> tensor<10x4x3xi1>
// CHECK-NEXT:   %9 = dvm.broadcast_scalar 5 shape [] type Int64 : i64 -> tensor<i64>
// CHECK-NEXT:   %10 = dvm.broadcast_scalar -1 shape [] type Int64 : i64 -> tensor<i64>
// CHECK-NEXT:   %11 = dvm.select %8, %9, %10 : (tensor<10x4x3xi1>, tensor<i64>, tensor<i64>) -> tensor<10x4x3xi64>
// CHECK-NEXT:   func.return %5, %11 : tensor<4x3x10xf32>, tensor<10x4x3xi64>
// CHECK-NEXT: }

// Where dims have no name yet, the new dim is made in front and moved into its place.
func.func @onehot_unnamed(%i : tensor<?x?xi64>) -> tensor<?x?x10xf16> {
  %0 = dvm.onehot %i depth [10] axis 2 {on_value = 1.0 : f16, off_value = 0.0 : f16} : tensor<?x?xi64> -> tensor<?x?x10xf16>
  return %0 : tensor<?x?x10xf16>
}
// CHECK-LABEL: func.func @onehot_unnamed(%i: tensor<?x?xi64>) -> tensor<?x?x10xf16> {
// CHECK-NEXT:   %0 = dvm.iota axis 0 shape [10, 1, 1] : tensor<10x1x1xi64>
// CHECK-NEXT:   %1 = dvm.binary Equal %i, %0 : tensor<?x?xi64>, tensor<10x1x1xi64> -> tensor<10x?x?xi1>
// CHECK-NEXT:   %2 = dvm.transpose %1 permutation [1, 2, 0] : tensor<10x?x?xi1> -> tensor<?x?x10xi1>
// CHECK-NEXT:   %3 = dvm.broadcast_scalar 1.000000e+00 shape [] type Float16 : f16 -> tensor<f16>
// CHECK-NEXT:   %4 = dvm.broadcast_scalar 0.000000e+00 shape [] type Float16 : f16 -> tensor<f16>
// CHECK-NEXT:   %5 = dvm.select %2, %3, %4 : (tensor<?x?x10xi1>, tensor<f16>, tensor<f16>) -> tensor<?x?x10xf16>
// CHECK-NEXT:   func.return %5 : tensor<?x?x10xf16>
// CHECK-NEXT: }

func.func @elemany(%x : tensor<4x2xf16>, %i : tensor<?xi64>, %b : tensor<3xi1>, %s : tensor<f32>) -> (tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) {
  %0 = dvm.elemany %x : tensor<4x2xf16> -> tensor<1xf32>
  %1 = dvm.elemany %i : tensor<?xi64> -> tensor<1xf32>
  %2 = dvm.elemany %b : tensor<3xi1> -> tensor<1xf32>
  %3 = dvm.elemany %s : tensor<f32> -> tensor<1xf32>
  return %0, %1, %2, %3 : tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>
}
// CHECK-LABEL: func.func @elemany(%x: tensor<4x2xf16>, %i: tensor<?xi64>, %b: tensor<3xi1>, %s: tensor<f32>) -> (tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) {
// CHECK-NEXT:   %0 = dvm.binary_scalar NotEqual %x, 0.000000e+00 : tensor<4x2xf16>, f16 -> tensor<4x2xi1>
// CHECK-NEXT:   %1 = dvm.cast %0 type Float32 : tensor<4x2xi1> -> tensor<4x2xf32>
// CHECK-NEXT:   %2 = dvm.reduce Sum %1 dims [0, 1] keepdims false : tensor<4x2xf32> -> tensor<f32>
// CHECK-NEXT:   %3 = dvm.binary_scalar Minimum %2, 1.000000e+00 : tensor<f32>, f32 -> tensor<f32>
// CHECK-NEXT:   %4 = dvm.reshape %3 shape [1] : tensor<f32> -> tensor<1xf32>
// CHECK-NEXT:   %5 = dvm.binary_scalar NotEqual %i, 0 : tensor<?xi64>, i32 -> tensor<?xi1>
// CHECK-NEXT:   %6 = dvm.cast %5 type Float32 : tensor<?xi1> -> tensor<?xf32>
// CHECK-NEXT:   %7 = dvm.reduce Sum %6 dims [0] keepdims false : tensor<?xf32> -> tensor<f32>
// CHECK-NEXT:   %8 = dvm.binary_scalar Minimum %7, 1.000000e+00 : tensor<f32>, f32 -> tensor<f32>
// CHECK-NEXT:   %9 = dvm.reshape %8 shape [1] : tensor<f32> -> tensor<1xf32>
// CHECK-NEXT:   %10 = dvm.cast %b type Float32 : tensor<3xi1> -> tensor<3xf32>
// CHECK-NEXT:   %11 = dvm.reduce Sum %10 dims [0] keepdims false : tensor<3xf32> -> tensor<f32>
// CHECK-NEXT:   %12 = dvm.binary_scalar Minimum %11, 1.000000e+00 : tensor<f32>, f32 -> tensor<f32>
// CHECK-NEXT:   %13 = dvm.reshape %12 shape [1] : tensor<f32> -> tensor<1xf32>
// CHECK-NEXT:   %14 = dvm.binary_scalar NotEqual %s, 0.000000e+00 : tensor<f32>, f32 -> tensor<i1>
// CHECK-NEXT:   %15 = dvm.cast %14 type Float32 : tensor<i1> -> tensor<f32>
// CHECK-NEXT:   %16 = dvm.reshape %15 shape [1] : tensor<f32> -> tensor<1xf32>
// CHECK-NEXT:   func.return %4, %9, %13, %16 : tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>
// CHECK-NEXT: }

// What is declared of the result is kept.
func.func @declared(%x : tensor<?x8xf32>) -> tensor<4x8xf32> {
  %0 = dvm.softmax %x axis 1 : tensor<?x8xf32> -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}
// CHECK-LABEL: func.func @declared(%x: tensor<?x8xf32>) -> tensor<4x8xf32> {
// CHECK-NEXT:   %0 = dvm.reduce Max %x dims [1] keepdims true : tensor<?x8xf32> -> tensor<?x1xf32>
// CHECK-NEXT:   %1 = dvm.binary Sub %x, %0 : tensor<?x8xf32>, tensor<?x1xf32> -> tensor<?x8xf32>
// CHECK-NEXT:   %2 = dvm.unary Exp %1 : tensor<?x8xf32> -> tensor<?x8xf32>
// CHECK-NEXT:   %3 = dvm.reduce Sum %2 dims [1] keepdims true : tensor<?x8xf32> -> tensor<?x1xf32>
// CHECK-NEXT:   %4 = dvm.binary Div %2, %3 : tensor<?x8xf32>, tensor<?x1xf32> -> tensor<4x8xf32>
// CHECK-NEXT:   func.return %4 : tensor<4x8xf32>
// CHECK-NEXT: }

// Primitive operations stay as they are, the mean among them.
func.func @primitive(%x : tensor<4x8xf16>) -> tensor<4xf16> {
  %0 = dvm.unary Tanh %x : tensor<4x8xf16> -> tensor<4x8xf16>
  %1 = dvm.reduce Mean %0 dims [1] keepdims false : tensor<4x8xf16> -> tensor<4xf16>
  return %1 : tensor<4xf16>
}
// CHECK-LABEL: func.func @primitive(%x: tensor<4x8xf16>) -> tensor<4xf16> {
// CHECK-NEXT:   %0 = dvm.unary Tanh %x : tensor<4x8xf16> -> tensor<4x8xf16>
// CHECK-NEXT:   %1 = dvm.reduce Mean %0 dims [1] keepdims false : tensor<4x8xf16> -> tensor<4xf16>
// CHECK-NEXT:   func.return %1 : tensor<4xf16>
// CHECK-NEXT: }
