// RUN: dvm-opt %s -p dvm-simplify | filecheck %s

func.func @repeated(%x : tensor<4xf32>, %b : tensor<4xi1>) -> (tensor<4xf32>, tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) {
  %0 = dvm.unary Neg %x : tensor<4xf32> -> tensor<4xf32>
  %1 = dvm.unary Neg %0 : tensor<4xf32> -> tensor<4xf32>
  %2 = dvm.unary LogicalNot %b : tensor<4xi1> -> tensor<4xi1>
  %3 = dvm.unary LogicalNot %2 : tensor<4xi1> -> tensor<4xi1>
  %4 = dvm.unary Floor %x : tensor<4xf32> -> tensor<4xf32>
  %5 = dvm.unary Floor %4 : tensor<4xf32> -> tensor<4xf32>
  %6 = dvm.unary Reciprocal %x : tensor<4xf32> -> tensor<4xf32>
  %7 = dvm.unary Reciprocal %6 : tensor<4xf32> -> tensor<4xf32>
  return %1, %3, %5, %7 : tensor<4xf32>, tensor<4xi1>, tensor<4xf32>, tensor<4xf32>
}
// CHECK-LABEL: func.func @repeated(%x: tensor<4xf32>, %b: tensor<4xi1>) -> (tensor<4xf32>, tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) {
// CHECK-NEXT:   %0 = dvm.unary Floor %x : tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:   %1 = dvm.unary Reciprocal %x : tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:   %2 = dvm.unary Reciprocal %1 : tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:   func.return %x, %b, %0, %2 : tensor<4xf32>, tensor<4xi1>, tensor<4xf32>, tensor<4xf32>
// CHECK-NEXT: }

func.func @lossless_casts(%h : tensor<4xf16>, %i : tensor<4xi32>, %b : tensor<4xi1>) -> (tensor<4xf16>, tensor<4xi32>, tensor<4xf32>, tensor<4xbf16>, tensor<4xi64>) {
  %0 = dvm.cast %h type Float32 : tensor<4xf16> -> tensor<4xf32>
  %1 = dvm.cast %0 type Float16 : tensor<4xf32> -> tensor<4xf16>
  %2 = dvm.cast %i type Int64 : tensor<4xi32> -> tensor<4xi64>
  %3 = dvm.cast %2 type Int32 : tensor<4xi64> -> tensor<4xi32>
  %4 = dvm.cast %2 type Float32 : tensor<4xi64> -> tensor<4xf32>
  %5 = dvm.cast %0 type BFloat16 : tensor<4xf32> -> tensor<4xbf16>
  %6 = dvm.cast %b type BFloat16 : tensor<4xi1> -> tensor<4xbf16>
  %7 = dvm.cast %6 type Int64 : tensor<4xbf16> -> tensor<4xi64>
  return %1, %3, %4, %5, %7 : tensor<4xf16>, tensor<4xi32>, tensor<4xf32>, tensor<4xbf16>, tensor<4xi64>
}
// CHECK-LABEL: func.func @lossless_casts(%h: tensor<4xf16>, %i: tensor<4xi32>, %b: tensor<4xi1>) -> (tensor<4xf16>, tensor<4xi32>, tensor<4xf32>, tensor<4xbf16>, tensor<4xi64>) {
// CHECK-NEXT:   %0 = dvm.cast %i type Float32 : tensor<4xi32> -> tensor<4xf32>
// CHECK-NEXT:   %1 = dvm.cast %h type BFloat16 : tensor<4xf16> -> tensor<4xbf16>
// CHECK-NEXT:   %2 = dvm.cast %b type Int64 : tensor<4xi1> -> tensor<4xi64>
// CHECK-NEXT:   func.return %h, %i, %0, %1, %2 : tensor<4xf16>, tensor<4xi32>, tensor<4xf32>, tensor<4xbf16>, tensor<4xi64>
// CHECK-NEXT: }

// What the first cast loses is lost.
func.func @lossy_casts_left_alone(%f : tensor<4xf32>, %i : tensor<4xi32>, %l : tensor<4xi64>, %h : tensor<4xf16>) -> (tensor<4xf32>, tensor<4xi32>, tensor<4xi64>, tensor<4xf16>) {
  %0 = dvm.cast %f type Float16 : tensor<4xf32> -> tensor<4xf16>
  %1 = dvm.cast %0 type Float32 : tensor<4xf16> -> tensor<4xf32>
  %2 = dvm.cast %i type Float32 : tensor<4xi32> -> tensor<4xf32>
  %3 = dvm.cast %2 type Int32 : tensor<4xf32> -> tensor<4xi32>
  %4 = dvm.cast %l type Int32 : tensor<4xi64> -> tensor<4xi32>
  %5 = dvm.cast %4 type Int64 : tensor<4xi32> -> tensor<4xi64>
  %6 = dvm.cast %h type BFloat16 : tensor<4xf16> -> tensor<4xbf16>
  %7 = dvm.cast %6 type Float16 : tensor<4xbf16> -> tensor<4xf16>
  return %1, %3, %5, %7 : tensor<4xf32>, tensor<4xi32>, tensor<4xi64>, tensor<4xf16>
}
// CHECK-LABEL: func.func @lossy_casts_left_alone(%f: tensor<4xf32>, %i: tensor<4xi32>, %l: tensor<4xi64>, %h: tensor<4xf16>) -> (tensor<4xf32>, tensor<4xi32>, tensor<4xi64>, tensor<4xf16>) {
// CHECK-NEXT:   %0 = dvm.cast %f type Float16 : tensor<4xf32> -> tensor<4xf16>
// CHECK-NEXT:   %1 = dvm.cast %0 type Float32 : tensor<4xf16> -> tensor<4xf32>
// CHECK-NEXT:   %2 = dvm.cast %i type Float32 : tensor<4xi32> -> tensor<4xf32>
// CHECK-NEXT:   %3 = dvm.cast %2 type Int32 : tensor<4xf32> -> tensor<4xi32>
// CHECK-NEXT:   %4 = dvm.cast %l type Int32 : tensor<4xi64> -> tensor<4xi32>
// CHECK-NEXT:   %5 = dvm.cast %4 type Int64 : tensor<4xi32> -> tensor<4xi64>
// CHECK-NEXT:   %6 = dvm.cast %h type BFloat16 : tensor<4xf16> -> tensor<4xbf16>
// CHECK-NEXT:   %7 = dvm.cast %6 type Float16 : tensor<4xbf16> -> tensor<4xf16>
// CHECK-NEXT:   func.return %1, %3, %5, %7 : tensor<4xf32>, tensor<4xi32>, tensor<4xi64>, tensor<4xf16>
// CHECK-NEXT: }

func.func @unchanged(%x : tensor<4x2xf32>, %d : tensor<?x8xf32>) -> (tensor<4x2xf32>, tensor<?x8xf32>) {
  %0 = dvm.copy %x : tensor<4x2xf32> -> tensor<4x2xf32>
  %1 = dvm.cast %0 type Float32 : tensor<4x2xf32> -> tensor<4x2xf32>
  %2 = dvm.reshape %1 shape [4, 2] : tensor<4x2xf32> -> tensor<4x2xf32>
  %3 = dvm.broadcast %2 shape [4, 2] : tensor<4x2xf32> -> tensor<4x2xf32>
  %4 = dvm.slice %3 starts [0, 0] sizes [4, -1] steps [1, 1] : tensor<4x2xf32> -> tensor<4x2xf32>
  %5 = dvm.pad %4 low [0, 0] high [0, 0] value 0.0 : tensor<4x2xf32> -> tensor<4x2xf32>
  %6 = dvm.concat %5 axis 1 : tensor<4x2xf32> -> tensor<4x2xf32>
  %7 = dvm.transpose %6 permutation [0, 1] : tensor<4x2xf32> -> tensor<4x2xf32>
  %8 = dvm.reshape %d shape [-1, 8] : tensor<?x8xf32> -> tensor<?x8xf32>
  return %7, %8 : tensor<4x2xf32>, tensor<?x8xf32>
}
// CHECK-LABEL: func.func @unchanged(%x: tensor<4x2xf32>, %d: tensor<?x8xf32>) -> (tensor<4x2xf32>, tensor<?x8xf32>) {
// CHECK-NEXT:   func.return %x, %d : tensor<4x2xf32>, tensor<?x8xf32>
// CHECK-NEXT: }

// These change something, or may.
func.func @changed(%x : tensor<4x2xf32>, %d : tensor<?x8xf32>) -> (tensor<2x2xf32>, tensor<5x2xf32>, tensor<?x8xf32>) {
  %0 = dvm.slice %x starts [0, 0] sizes [-1, -1] steps [2, 1] : tensor<4x2xf32> -> tensor<2x2xf32>
  %1 = dvm.pad %x low [0, 0] high [1, 0] value 0.0 : tensor<4x2xf32> -> tensor<5x2xf32>
  %2 = dvm.reshape %d shape [4, 8] : tensor<?x8xf32> -> tensor<?x8xf32>
  return %0, %1, %2 : tensor<2x2xf32>, tensor<5x2xf32>, tensor<?x8xf32>
}
// CHECK-LABEL: func.func @changed(%x: tensor<4x2xf32>, %d: tensor<?x8xf32>) -> (tensor<2x2xf32>, tensor<5x2xf32>, tensor<?x8xf32>) {
// CHECK-NEXT:   %0 = dvm.slice %x starts [0, 0] sizes [-1, -1] steps [2, 1] : tensor<4x2xf32> -> tensor<2x2xf32>
// CHECK-NEXT:   %1 = dvm.pad %x low [0, 0] high [1, 0] value 0.000000e+00 : tensor<4x2xf32> -> tensor<5x2xf32>
// CHECK-NEXT:   %2 = dvm.reshape %d shape [4, 8] : tensor<?x8xf32> -> tensor<?x8xf32>
// CHECK-NEXT:   func.return %0, %1, %2 : tensor<2x2xf32>, tensor<5x2xf32>, tensor<?x8xf32>
// CHECK-NEXT: }

func.func @composed(%x : tensor<4x6xf32>, %d : tensor<?x8xf32>, %v : tensor<1x4xf32>) -> (tensor<3x8xf32>, tensor<?x2xf32>, tensor<2x3x4xf32>, tensor<6x4xf32>) {
  %0 = dvm.reshape %x shape [24] : tensor<4x6xf32> -> tensor<24xf32>
  %1 = dvm.reshape %0 shape [3, 8] : tensor<24xf32> -> tensor<3x8xf32>
  %2 = dvm.reshape %d shape [-1] : tensor<?x8xf32> -> tensor<?xf32>
  %3 = dvm.reshape %2 shape [-1, 2] : tensor<?xf32> -> tensor<?x2xf32>
  %4 = dvm.broadcast %v shape [3, 4] : tensor<1x4xf32> -> tensor<3x4xf32>
  %5 = dvm.broadcast %4 shape [2, 3, 4] : tensor<3x4xf32> -> tensor<2x3x4xf32>
  %6 = dvm.reshape %x shape [4, 2, 3] : tensor<4x6xf32> -> tensor<4x2x3xf32>
  %7 = dvm.transpose %6 permutation [1, 0, 2] : tensor<4x2x3xf32> -> tensor<2x4x3xf32>
  %8 = dvm.transpose %7 permutation [0, 2, 1] : tensor<2x4x3xf32> -> tensor<2x3x4xf32>
  %9 = dvm.reshape %8 shape [6, 4] : tensor<2x3x4xf32> -> tensor<6x4xf32>
  return %1, %3, %5, %9 : tensor<3x8xf32>, tensor<?x2xf32>, tensor<2x3x4xf32>, tensor<6x4xf32>
}
// CHECK-LABEL: func.func @composed(%x: tensor<4x6xf32>, %d: tensor<?x8xf32>, %v: tensor<1x4xf32>) -> (tensor<3x8xf32>, tensor<?x2xf32>, tensor<2x3x4xf32>, tensor<6x4xf32>) {
// CHECK-NEXT:   %0 = dvm.reshape %x shape [3, 8] : tensor<4x6xf32> -> tensor<3x8xf32>
// CHECK-NEXT:   %1 = dvm.reshape %d shape [-1, 2] : tensor<?x8xf32> -> tensor<?x2xf32>
// CHECK-NEXT:   %2 = dvm.broadcast %v shape [2, 3, 4] : tensor<1x4xf32> -> tensor<2x3x4xf32>
// CHECK-NEXT:   %3 = dvm.reshape %x shape [4, 2, 3] : tensor<4x6xf32> -> tensor<4x2x3xf32>
// CHECK-NEXT:   %4 = dvm.transpose %3 permutation [1, 2, 0] : tensor<4x2x3xf32> -> tensor<2x3x4xf32>
// CHECK-NEXT:   %5 = dvm.reshape %4 shape [6, 4] : tensor<2x3x4xf32> -> tensor<6x4xf32>
// CHECK-NEXT:   func.return %0, %1, %2, %5 : tensor<3x8xf32>, tensor<?x2xf32>, tensor<2x3x4xf32>, tensor<6x4xf32>
// CHECK-NEXT: }

func.func @transposed_back(%x : tensor<4x6x2xf32>) -> tensor<4x6x2xf32> {
  %0 = dvm.transpose %x permutation [1, 2, 0] : tensor<4x6x2xf32> -> tensor<6x2x4xf32>
  %1 = dvm.transpose %0 permutation [2, 0, 1] : tensor<6x2x4xf32> -> tensor<4x6x2xf32>
  return %1 : tensor<4x6x2xf32>
}
// CHECK-LABEL: func.func @transposed_back(%x: tensor<4x6x2xf32>) -> tensor<4x6x2xf32> {
// CHECK-NEXT:   func.return %x : tensor<4x6x2xf32>
// CHECK-NEXT: }

// The inner reshape must be checked at bind: is the count a multiple of 4, and the outer one 24?
func.func @condition_kept(%x : tensor<?xf32>) -> tensor<24xf32> {
  %0 = dvm.reshape %x shape [-1, 4] : tensor<?xf32> -> tensor<?x4xf32>
  %1 = dvm.reshape %0 shape [24] : tensor<?x4xf32> -> tensor<24xf32>
  return %1 : tensor<24xf32>
}
// CHECK-LABEL: func.func @condition_kept(%x: tensor<?xf32>) -> tensor<24xf32> {
// CHECK-NEXT:   %0 = dvm.reshape %x shape [-1, 4] : tensor<?xf32> -> tensor<?x4xf32>
// CHECK-NEXT:   %1 = dvm.reshape %0 shape [24] : tensor<?x4xf32> -> tensor<24xf32>
// CHECK-NEXT:   func.return %1 : tensor<24xf32>
// CHECK-NEXT: }

// The declared type says more than the operand's: it stays.
func.func @declared(%x : tensor<?xf32>) -> tensor<4xf32> {
  %0 = dvm.copy %x : tensor<?xf32> -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
// CHECK-LABEL: func.func @declared(%x: tensor<?xf32>) -> tensor<4xf32> {
// CHECK-NEXT:   %0 = dvm.copy %x : tensor<?xf32> -> tensor<4xf32>
// CHECK-NEXT:   func.return %0 : tensor<4xf32>
// CHECK-NEXT: }

// Equal operations become one; what is not used goes, loads and stores stay.
func.func @common(%x : tensor<4xf32>) -> tensor<4xf32> {
  %0 = dvm.load %x : tensor<4xf32> -> tensor<4xf32>
  %1 = dvm.unary Exp %0 : tensor<4xf32> -> tensor<4xf32>
  %2 = dvm.unary Exp %0 : tensor<4xf32> -> tensor<4xf32>
  %3 = dvm.unary Log %2 : tensor<4xf32> -> tensor<4xf32>
  %4 = dvm.binary Add %1, %2 : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
  %5 = dvm.store %4 : tensor<4xf32> -> tensor<4xf32>
  return %5 : tensor<4xf32>
}
// CHECK-LABEL: func.func @common(%x: tensor<4xf32>) -> tensor<4xf32> {
// CHECK-NEXT:   %0 = dvm.load %x : tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:   %1 = dvm.unary Exp %0 : tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:   %2 = dvm.binary Add %1, %1 : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:   %3 = dvm.store %2 : tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:   func.return %3 : tensor<4xf32>
// CHECK-NEXT: }

// -0.0 is not 0.0.
func.func @not_common(%x : tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0 = dvm.binary_scalar Maximum %x, 0.0 : tensor<4xf32>, f32 -> tensor<4xf32>
  %1 = dvm.binary_scalar Maximum %x, -0.0 : tensor<4xf32>, f32 -> tensor<4xf32>
  return %0, %1 : tensor<4xf32>, tensor<4xf32>
}
// CHECK-LABEL: func.func @not_common(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
// CHECK-NEXT:   %0 = dvm.binary_scalar Maximum %x, 0.000000e+00 : tensor<4xf32>, f32 -> tensor<4xf32>
// CHECK-NEXT:   %1 = dvm.binary_scalar Maximum %x, -0.000000e+00 : tensor<4xf32>, f32 -> tensor<4xf32>
// CHECK-NEXT:   func.return %0, %1 : tensor<4xf32>, tensor<4xf32>
// CHECK-NEXT: }

// Element i of the outer slice is element 1 + 3 * i of the inner one, which is 2 + 2 * (1 + 3 * i) = 4 + 6 * i of %x.
func.func @slice_of_a_slice(%x : tensor<20x4xf32>) -> tensor<3x1xf32> {
  %0 = dvm.slice %x starts [2, 0] sizes [9, 4] steps [2, 1] : tensor<20x4xf32> -> tensor<9x4xf32>
  %1 = dvm.slice %0 starts [1, 3] sizes [-1, 1] steps [3, 1] : tensor<9x4xf32> -> tensor<3x1xf32>
  return %1 : tensor<3x1xf32>
}
// CHECK-LABEL: func.func @slice_of_a_slice(%x: tensor<20x4xf32>) -> tensor<3x1xf32> {
// CHECK-NEXT:    %0 = dvm.slice %x starts [4, 3] sizes [3, 1] steps [6, 1] : tensor<20x4xf32> -> tensor<3x1xf32>
// CHECK-NEXT:    func.return %0 : tensor<3x1xf32>

// Nothing, from the end of the inner slice on, which is past the end of %x: only from its start can nothing be taken.
func.func @empty_slice_of_a_slice(%x : tensor<5xf32>) -> (tensor<0xf32>, tensor<0xf32>) {
  %0 = dvm.slice %x starts [0] sizes [2] steps [4] : tensor<5xf32> -> tensor<2xf32>
  %1 = dvm.slice %0 starts [2] sizes [0] steps [1] : tensor<2xf32> -> tensor<0xf32>
  %2 = dvm.slice %x starts [1] sizes [2] steps [2] : tensor<5xf32> -> tensor<2xf32>
  %3 = dvm.slice %2 starts [0] sizes [0] steps [3] : tensor<2xf32> -> tensor<0xf32>
  return %1, %3 : tensor<0xf32>, tensor<0xf32>
}
// CHECK-LABEL: func.func @empty_slice_of_a_slice(
// CHECK-NEXT:    %0 = dvm.slice %x starts [0] sizes [2] steps [4] :
// CHECK-NEXT:    %1 = dvm.slice %0 starts [2] sizes [0] steps [1] :
// CHECK-NEXT:    %2 = dvm.slice %x starts [1] sizes [0] steps [6] :
// CHECK-NEXT:    func.return %1, %2 :

// Bind has to refuse an s0 below 6, though the outer slice needs 3 only.
func.func @slice_of_a_slice_to_check(%x : tensor<?xf32, #dvm.sym<["s0"]>>) -> tensor<2xf32> {
  %0 = dvm.slice %x starts [1] sizes [5] steps [1] : tensor<?xf32, #dvm.sym<["s0"]>> -> tensor<5xf32>
  %1 = dvm.slice %0 starts [0] sizes [2] steps [1] : tensor<5xf32> -> tensor<2xf32>
  return %1 : tensor<2xf32>
}
// CHECK-LABEL: func.func @slice_of_a_slice_to_check(
// CHECK-NEXT:    %0 = dvm.slice %x starts [1] sizes [5] steps [1] :
// CHECK-NEXT:    %1 = dvm.slice %0 starts [0] sizes [2] steps [1] :
// CHECK-NEXT:    func.return %1 :
