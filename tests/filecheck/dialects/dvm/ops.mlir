// RUN: dvm-opt %s | filecheck %s
// RUN: dvm-opt %s --print-op-generic | dvm-opt | filecheck %s

// The forms that MindSpore's MFusion compiler prints.
func.func @operator_graph(%arg0 : tensor<4x2xf32>, %v : tensor<2xf32>, %x : tensor<4x8xf32>, %y : tensor<8x16xf32>, %z : tensor<16xf32>, %index : tensor<4xi32>) -> tensor<4x2xf32> {
  %a = dvm.load %arg0 : tensor<4x2xf32> -> tensor<4x2xf32>
  %b = dvm.unary Sqrt %a : tensor<4x2xf32> -> tensor<4x2xf32>
  %c = dvm.binary Add %a, %b : tensor<4x2xf32>, tensor<4x2xf32> -> tensor<4x2xf32>
  %d = dvm.binary_scalar Pow %a, 2 : tensor<4x2xf32>, i32 -> tensor<4x2xf32>
  %e = dvm.binary_scalar Sub 1.0, %a : f32, tensor<4x2xf32> -> tensor<4x2xf32>
  %f = dvm.binary Greater %a, %b : tensor<4x2xf32>, tensor<4x2xf32> -> tensor<4x2xi1>
  %g = dvm.select %f, %a, %b : (tensor<4x2xi1>, tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x2xf32>
  %h = dvm.cast %a type Int32 : tensor<4x2xf32> -> tensor<4x2xi32>
  %i = dvm.reduce Sum %a dims [1] keepdims false : tensor<4x2xf32> -> tensor<4xf32>
  %j = dvm.broadcast %v shape [4, 2] : tensor<2xf32> -> tensor<4x2xf32>
  %k = dvm.broadcast_scalar 1.5 shape [4, 2] type Float32 : f32 -> tensor<4x2xf32>
  %l = dvm.reshape %a shape [8] : tensor<4x2xf32> -> tensor<8xf32>
  %m = dvm.copy %a : tensor<4x2xf32> -> tensor<4x2xf32>
  %n = dvm.matmul %x, %y trans_a false trans_b false bias %z : tensor<4x8xf32>, tensor<8x16xf32>, tensor<16xf32> -> tensor<4x16xf32>
  %o = dvm.onehot %index depth [10] axis 1 {on_value = 1.0 : f32, off_value = 0.0 : f32} : tensor<4xi32> -> tensor<4x10xf32>
  %p = dvm.elemany %a : tensor<4x2xf32> -> tensor<1xf32>
  %q = dvm.constant dense<1.0> : tensor<f32>
  %s = dvm.store %c : tensor<4x2xf32> -> tensor<4x2xf32>
  return %s : tensor<4x2xf32>
}
// CHECK-LABEL: func.func @operator_graph(%arg0: tensor<4x2xf32>, %v: tensor<2xf32>, %x: tensor<4x8xf32>, %y: tensor<8x16xf32>, %z: tensor<16xf32>, %index: tensor<4xi32>) -> tensor<4x2xf32> {
// CHECK-NEXT:   %a = dvm.load %arg0 : tensor<4x2xf32> -> tensor<4x2xf32>
// CHECK-NEXT:   %b = dvm.unary Sqrt %a : tensor<4x2xf32> -> tensor<4x2xf32>
// CHECK-NEXT:   %c = dvm.binary Add %a, %b : tensor<4x2xf32>, tensor<4x2xf32> -> tensor<4x2xf32>
// CHECK-NEXT:   %d = dvm.binary_scalar Pow %a, 2 : tensor<4x2xf32>, i32 -> tensor<4x2xf32>
// CHECK-NEXT:   %e = dvm.binary_scalar Sub 1.000000e+00, %a : f32, tensor<4x2xf32> -> tensor<4x2xf32>
// CHECK-NEXT:   %f = dvm.binary Greater %a, %b : tensor<4x2xf32>, tensor<4x2xf32> -> tensor<4x2xi1>
// CHECK-NEXT:   %g = dvm.select %f, %a, %b : (tensor<4x2xi1>, tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x2xf32>
// CHECK-NEXT:   %h = dvm.cast %a type Int32 : tensor<4x2xf32> -> tensor<4x2xi32>
// CHECK-NEXT:   %i = dvm.reduce Sum %a dims [1] keepdims false : tensor<4x2xf32> -> tensor<4xf32>
// CHECK-NEXT:   %j = dvm.broadcast %v shape [4, 2] : tensor<2xf32> -> tensor<4x2xf32>
// CHECK-NEXT:   %k = dvm.broadcast_scalar 1.500000e+00 shape [4, 2] type Float32 : f32 -> tensor<4x2xf32>
// CHECK-NEXT:   %l = dvm.reshape %a shape [8] : tensor<4x2xf32> -> tensor<8xf32>
// CHECK-NEXT:   %m = dvm.copy %a : tensor<4x2xf32> -> tensor<4x2xf32>
// CHECK-NEXT:   %n = dvm.matmul %x, %y trans_a false trans_b false bias %z : tensor<4x8xf32>, tensor<8x16xf32>, tensor<16xf32> -> tensor<4x16xf32>
// CHECK-NEXT:   %o = dvm.onehot %index depth [10] axis 1 {on_value = 1.000000e+00 : f32, off_value = 0.000000e+00 : f32} : tensor<4xi32> -> tensor<4x10xf32>
// CHECK-NEXT:   %p = dvm.elemany %a : tensor<4x2xf32> -> tensor<1xf32>
// CHECK-NEXT:   %q = dvm.constant dense<1.000000e+00> : tensor<f32>
// CHECK-NEXT:   %s = dvm.store %c : tensor<4x2xf32> -> tensor<4x2xf32>
// CHECK-NEXT:   func.return %s : tensor<4x2xf32>
// CHECK-NEXT: }

func.func @ours(%a : tensor<4x2xf32>, %v : tensor<2xf32>, %table : tensor<10x2xf32>, %index : tensor<3xi32>, %x : tensor<6x8xf16>, %xt : tensor<8x6xf16>, %w : tensor<5x8x16xf16>, %k : tensor<8x16xf16>, %groups : tensor<5xi64>, %bias : tensor<16xf16>) {
  %t = dvm.transpose %a permutation [1, 0] : tensor<4x2xf32> -> tensor<2x4xf32>
  %s = dvm.slice %a starts [0, 1] sizes [4, 1] steps [1, 1] : tensor<4x2xf32> -> tensor<4x1xf32>
  %s2 = dvm.slice %a starts [1, 0] sizes [-1, -1] steps [2, 1] : tensor<4x2xf32> -> tensor<2x2xf32>
  %c = dvm.concat %a, %a axis 0 : tensor<4x2xf32>, tensor<4x2xf32> -> tensor<8x2xf32>
  %c1 = dvm.concat %a axis 1 : tensor<4x2xf32> -> tensor<4x2xf32>
  %p = dvm.pad %a low [0, 1] high [0, 1] value 0.0 : tensor<4x2xf32> -> tensor<4x4xf32>
  %p2 = dvm.pad %index low [2] high ["s0"] value -7 : tensor<3xi32> -> tensor<?xi32, #dvm.sym<["s0 + 5"]>>
  %g = dvm.gather %table, %index axis 0 : tensor<10x2xf32>, tensor<3xi32> -> tensor<3x2xf32>
  %i = dvm.iota axis 0 shape [4, 2] : tensor<4x2xi32>
  %z0 = dvm.size ["2*s0 - 4"] : tensor<i64>
  %z1 = dvm.size [-1] : tensor<i64>
  %x1 = dvm.softmax %a axis -1 : tensor<4x2xf32> -> tensor<4x2xf32>
  %l0 = dvm.layer_norm %a axis 0 epsilon 0.0 : tensor<4x2xf32> -> tensor<4x2xf32>
  %l1 = dvm.layer_norm %a, %v axis 1 epsilon 1.0e-05 : tensor<4x2xf32>, tensor<2xf32> -> tensor<4x2xf32>
  %l2 = dvm.layer_norm %a, %v, %v axis -1 epsilon 1.0e-05 : tensor<4x2xf32>, tensor<2xf32>, tensor<2xf32> -> tensor<4x2xf32>
  %r0 = dvm.rms_norm %a axis -1 epsilon 1.0e-05 : tensor<4x2xf32> -> tensor<4x2xf32>
  %r1 = dvm.rms_norm %a, %v axis -1 epsilon 1.0e-05 : tensor<4x2xf32>, tensor<2xf32> -> tensor<4x2xf32>
  %e0 = dvm.gelu %a approximate tanh : tensor<4x2xf32> -> tensor<4x2xf32>
  %e1 = dvm.gelu %a approximate none : tensor<4x2xf32> -> tensor<4x2xf32>
  %m0 = dvm.grouped_matmul %x, %w, %groups trans_a false trans_b false group_type 0 : tensor<6x8xf16>, tensor<5x8x16xf16>, tensor<5xi64> -> tensor<6x16xf16>
  %m1 = dvm.grouped_matmul %xt, %k, %groups trans_a true trans_b false group_type 2 bias %bias : tensor<8x6xf16>, tensor<8x16xf16>, tensor<5xi64>, tensor<16xf16> -> tensor<5x6x16xf16>
  %m2 = dvm.matmul %x, %k trans_a false trans_b false : tensor<6x8xf16>, tensor<8x16xf16> -> tensor<6x16xf16>
  return
}
// CHECK-LABEL: func.func @ours(%a: tensor<4x2xf32>, %v: tensor<2xf32>, %table: tensor<10x2xf32>, %index: tensor<3xi32>, %x: tensor<6x8xf16>, %xt: tensor<8x6xf16>, %w: tensor<5x8x16xf16>, %k: tensor<8x16xf16>, %groups: tensor<5xi64>, %bias: tensor<16xf16>) {
// CHECK-NEXT:   %t = dvm.transpose %a permutation [1, 0] : tensor<4x2xf32> -> tensor<2x4xf32>
// CHECK-NEXT:   %s = dvm.slice %a starts [0, 1] sizes [4, 1] steps [1, 1] : tensor<4x2xf32> -> tensor<4x1xf32>
// CHECK-NEXT:   %s2 = dvm.slice %a starts [1, 0] sizes [-1, -1] steps [2, 1] : tensor<4x2xf32> -> tensor<2x2xf32>
// CHECK-NEXT:   %c = dvm.concat %a, %a axis 0 : tensor<4x2xf32>, tensor<4x2xf32> -> tensor<8x2xf32>
// CHECK-NEXT:   %c1 = dvm.concat %a axis 1 : tensor<4x2xf32> -> tensor<4x2xf32>
// CHECK-NEXT:   %p = dvm.pad %a low [0, 1] high [0, 1] value 0.000000e+00 : tensor<4x2xf32> -> tensor<4x4xf32>
// CHECK-NEXT:   %p2 = dvm.pad %index low [2] high ["s0"] value -7 : tensor<3xi32> -> tensor<?xi32, #dvm.sym<["s0 + 5"]>>
// CHECK-NEXT:   %g = dvm.gather %table, %index axis 0 : tensor<10x2xf32>, tensor<3xi32> -> tensor<3x2xf32>
// CHECK-NEXT:   %i = dvm.iota axis 0 shape [4, 2] : tensor<4x2xi32>
// CHECK-NEXT:   %z0 = dvm.size ["2*s0 - 4"] : tensor<i64>
// CHECK-NEXT:   %z1 = dvm.size [-1] : tensor<i64>
// CHECK-NEXT:   %x1 = dvm.softmax %a axis -1 : tensor<4x2xf32> -> tensor<4x2xf32>
// CHECK-NEXT:   %l0 = dvm.layer_norm %a axis 0 epsilon 0.000000e+00 : tensor<4x2xf32> -> tensor<4x2xf32>
// CHECK-NEXT:   %l1 = dvm.layer_norm %a, %v axis 1 epsilon 1.000000e-05 : tensor<4x2xf32>, tensor<2xf32> -> tensor<4x2xf32>
// CHECK-NEXT:   %l2 = dvm.layer_norm %a, %v, %v axis -1 epsilon 1.000000e-05 : tensor<4x2xf32>, tensor<2xf32>, tensor<2xf32> -> tensor<4x2xf32>
// CHECK-NEXT:   %r0 = dvm.rms_norm %a axis -1 epsilon 1.000000e-05 : tensor<4x2xf32> -> tensor<4x2xf32>
// CHECK-NEXT:   %r1 = dvm.rms_norm %a, %v axis -1 epsilon 1.000000e-05 : tensor<4x2xf32>, tensor<2xf32> -> tensor<4x2xf32>
// CHECK-NEXT:   %e0 = dvm.gelu %a approximate tanh : tensor<4x2xf32> -> tensor<4x2xf32>
// CHECK-NEXT:   %e1 = dvm.gelu %a approximate none : tensor<4x2xf32> -> tensor<4x2xf32>
// CHECK-NEXT:   %m0 = dvm.grouped_matmul %x, %w, %groups trans_a false trans_b false group_type 0 : tensor<6x8xf16>, tensor<5x8x16xf16>, tensor<5xi64> -> tensor<6x16xf16>
// CHECK-NEXT:   %m1 = dvm.grouped_matmul %xt, %k, %groups trans_a true trans_b false group_type 2 bias %bias : tensor<8x6xf16>, tensor<8x16xf16>, tensor<5xi64>, tensor<16xf16> -> tensor<5x6x16xf16>
// CHECK-NEXT:   %m2 = dvm.matmul %x, %k trans_a false trans_b false : tensor<6x8xf16>, tensor<8x16xf16> -> tensor<6x16xf16>
// CHECK-NEXT:   func.return
// CHECK-NEXT: }

// Every kind, on the element types that it takes.
func.func @kinds(%f : tensor<4xf32>, %h : tensor<4xf16>, %b : tensor<4xbf16>, %i : tensor<4xi32>, %l : tensor<4xi64>, %t : tensor<4xi1>) {
  %u0 = dvm.unary Abs %i : tensor<4xi32> -> tensor<4xi32>
  %u1 = dvm.unary Log %h : tensor<4xf16> -> tensor<4xf16>
  %u2 = dvm.unary Exp %b : tensor<4xbf16> -> tensor<4xbf16>
  %u3 = dvm.unary Reciprocal %f : tensor<4xf32> -> tensor<4xf32>
  %u4 = dvm.unary IsFinite %h : tensor<4xf16> -> tensor<4xi1>
  %u5 = dvm.unary LogicalNot %t : tensor<4xi1> -> tensor<4xi1>
  %u6 = dvm.unary Round %f : tensor<4xf32> -> tensor<4xf32>
  %u7 = dvm.unary Floor %f : tensor<4xf32> -> tensor<4xf32>
  %u8 = dvm.unary Ceil %f : tensor<4xf32> -> tensor<4xf32>
  %u9 = dvm.unary Trunc %f : tensor<4xf32> -> tensor<4xf32>
  %u10 = dvm.unary Neg %l : tensor<4xi64> -> tensor<4xi64>
  %u11 = dvm.unary Rsqrt %f : tensor<4xf32> -> tensor<4xf32>
  %u12 = dvm.unary Tanh %f : tensor<4xf32> -> tensor<4xf32>
  %u13 = dvm.unary Erf %f : tensor<4xf32> -> tensor<4xf32>
  %u14 = dvm.unary Sigmoid %f : tensor<4xf32> -> tensor<4xf32>
  %u15 = dvm.unary Sin %f : tensor<4xf32> -> tensor<4xf32>
  %u16 = dvm.unary Cos %f : tensor<4xf32> -> tensor<4xf32>
  %b0 = dvm.binary Equal %t, %t : tensor<4xi1>, tensor<4xi1> -> tensor<4xi1>
  %b1 = dvm.binary NotEqual %i, %i : tensor<4xi32>, tensor<4xi32> -> tensor<4xi1>
  %b2 = dvm.binary GreaterEqual %h, %h : tensor<4xf16>, tensor<4xf16> -> tensor<4xi1>
  %b3 = dvm.binary Less %b, %b : tensor<4xbf16>, tensor<4xbf16> -> tensor<4xi1>
  %b4 = dvm.binary LessEqual %l, %l : tensor<4xi64>, tensor<4xi64> -> tensor<4xi1>
  %b5 = dvm.binary Sub %i, %i : tensor<4xi32>, tensor<4xi32> -> tensor<4xi32>
  %b6 = dvm.binary Mul %l, %l : tensor<4xi64>, tensor<4xi64> -> tensor<4xi64>
  %b7 = dvm.binary Div %h, %h : tensor<4xf16>, tensor<4xf16> -> tensor<4xf16>
  %b8 = dvm.binary Pow %i, %i : tensor<4xi32>, tensor<4xi32> -> tensor<4xi32>
  %b9 = dvm.binary Maximum %b, %b : tensor<4xbf16>, tensor<4xbf16> -> tensor<4xbf16>
  %b10 = dvm.binary Minimum %f, %f : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
  %b11 = dvm.binary LogicalAnd %t, %t : tensor<4xi1>, tensor<4xi1> -> tensor<4xi1>
  %b12 = dvm.binary LogicalOr %t, %t : tensor<4xi1>, tensor<4xi1> -> tensor<4xi1>
  %r0 = dvm.reduce Max %i dims [0] keepdims true : tensor<4xi32> -> tensor<1xi32>
  %r1 = dvm.reduce Min %h dims [0] keepdims false : tensor<4xf16> -> tensor<f16>
  %r2 = dvm.reduce Prod %l dims [0] keepdims false : tensor<4xi64> -> tensor<i64>
  %r3 = dvm.reduce Mean %f dims [0] keepdims false : tensor<4xf32> -> tensor<f32>
  %c0 = dvm.cast %t type Float16 : tensor<4xi1> -> tensor<4xf16>
  %c1 = dvm.cast %f type BFloat16 : tensor<4xf32> -> tensor<4xbf16>
  %c2 = dvm.cast %l type Bool : tensor<4xi64> -> tensor<4xi1>
  %c3 = dvm.cast %i type Int64 : tensor<4xi32> -> tensor<4xi64>
  %c4 = dvm.cast %i type Float32 : tensor<4xi32> -> tensor<4xf32>
  return
}
// CHECK-LABEL: func.func @kinds(%f: tensor<4xf32>, %h: tensor<4xf16>, %b: tensor<4xbf16>, %i: tensor<4xi32>, %l: tensor<4xi64>, %t: tensor<4xi1>) {
// CHECK-NEXT:   %u0 = dvm.unary Abs %i : tensor<4xi32> -> tensor<4xi32>
// CHECK-NEXT:   %u1 = dvm.unary Log %h : tensor<4xf16> -> tensor<4xf16>
// CHECK-NEXT:   %u2 = dvm.unary Exp %b : tensor<4xbf16> -> tensor<4xbf16>
// CHECK-NEXT:   %u3 = dvm.unary Reciprocal %f : tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:   %u4 = dvm.unary IsFinite %h : tensor<4xf16> -> tensor<4xi1>
// CHECK-NEXT:   %u5 = dvm.unary LogicalNot %t : tensor<4xi1> -> tensor<4xi1>
// CHECK-NEXT:   %u6 = dvm.unary Round %f : tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:   %u7 = dvm.unary Floor %f : tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:   %u8 = dvm.unary Ceil %f : tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:   %u9 = dvm.unary Trunc %f : tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:   %u10 = dvm.unary Neg %l : tensor<4xi64> -> tensor<4xi64>
// CHECK-NEXT:   %u11 = dvm.unary Rsqrt %f : tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:   %u12 = dvm.unary Tanh %f : tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:   %u13 = dvm.unary Erf %f : tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:   %u14 = dvm.unary Sigmoid %f : tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:   %u15 = dvm.unary Sin %f : tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:   %u16 = dvm.unary Cos %f : tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:   %b0 = dvm.binary Equal %t, %t : tensor<4xi1>, tensor<4xi1> -> tensor<4xi1>
// CHECK-NEXT:   %b1 = dvm.binary NotEqual %i, %i : tensor<4xi32>, tensor<4xi32> -> tensor<4xi1>
// CHECK-NEXT:   %b2 = dvm.binary GreaterEqual %h, %h : tensor<4xf16>, tensor<4xf16> -> tensor<4xi1>
// CHECK-NEXT:   %b3 = dvm.binary Less %b, %b : tensor<4xbf16>, tensor<4xbf16> -> tensor<4xi1>
// CHECK-NEXT:   %b4 = dvm.binary LessEqual %l, %l : tensor<4xi64>, tensor<4xi64> -> tensor<4xi1>
// CHECK-NEXT:   %b5 = dvm.binary Sub %i, %i : tensor<4xi32>, tensor<4xi32> -> tensor<4xi32>
// CHECK-NEXT:   %b6 = dvm.binary Mul %l, %l : tensor<4xi64>, tensor<4xi64> -> tensor<4xi64>
// CHECK-NEXT:   %b7 = dvm.binary Div %h, %h : tensor<4xf16>, tensor<4xf16> -> tensor<4xf16>
// CHECK-NEXT:   %b8 = dvm.binary Pow %i, %i : tensor<4xi32>, tensor<4xi32> -> tensor<4xi32>
// CHECK-NEXT:   %b9 = dvm.binary Maximum %b, %b : tensor<4xbf16>, tensor<4xbf16> -> tensor<4xbf16>
// CHECK-NEXT:   %b10 = dvm.binary Minimum %f, %f : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:   %b11 = dvm.binary LogicalAnd %t, %t : tensor<4xi1>, tensor<4xi1> -> tensor<4xi1>
// CHECK-NEXT:   %b12 = dvm.binary LogicalOr %t, %t : tensor<4xi1>, tensor<4xi1> -> tensor<4xi1>
// CHECK-NEXT:   %r0 = dvm.reduce Max %i dims [0] keepdims true : tensor<4xi32> -> tensor<1xi32>
// CHECK-NEXT:   %r1 = dvm.reduce Min %h dims [0] keepdims false : tensor<4xf16> -> tensor<f16>
// CHECK-NEXT:   %r2 = dvm.reduce Prod %l dims [0] keepdims false : tensor<4xi64> -> tensor<i64>
// CHECK-NEXT:   %r3 = dvm.reduce Mean %f dims [0] keepdims false : tensor<4xf32> -> tensor<f32>
// CHECK-NEXT:   %c0 = dvm.cast %t type Float16 : tensor<4xi1> -> tensor<4xf16>
// CHECK-NEXT:   %c1 = dvm.cast %f type BFloat16 : tensor<4xf32> -> tensor<4xbf16>
// CHECK-NEXT:   %c2 = dvm.cast %l type Bool : tensor<4xi64> -> tensor<4xi1>
// CHECK-NEXT:   %c3 = dvm.cast %i type Int64 : tensor<4xi32> -> tensor<4xi64>
// CHECK-NEXT:   %c4 = dvm.cast %i type Float32 : tensor<4xi32> -> tensor<4xf32>
// CHECK-NEXT:   func.return
// CHECK-NEXT: }

// The type of a scalar may be another than the tensor's; attributes are kept.
func.func @scalars(%f : tensor<4xf32>, %h : tensor<4xf16>, %i : tensor<4xi32>, %t : tensor<4xi1>) {
  %0 = dvm.binary_scalar Mul %h, 5.0e-01 {note = "half"} : tensor<4xf16>, f32 -> tensor<4xf16>
  %1 = dvm.binary_scalar Add %i, 3.0 : tensor<4xi32>, f64 -> tensor<4xi32>
  %2 = dvm.binary_scalar Equal true, %t : i1, tensor<4xi1> -> tensor<4xi1>
  %3 = dvm.binary_scalar Maximum %f, 0xFF800000 : tensor<4xf32>, f32 -> tensor<4xf32>
  %4 = dvm.broadcast_scalar -1 shape ["2*s0 + 1", 4] type Int64 {note} : i32 -> tensor<?x4xi64, #dvm.sym<["2*s0 + 1", "4"]>>
  %5 = dvm.broadcast_scalar false shape [] type Bool : i1 -> tensor<i1>
  %6 = dvm.constant {note} dense<[1, -2]> : tensor<2xi64>
  %7 = dvm.constant dense<[true, false]> : tensor<2xi1>
  %8 = dvm.constant dense<[1.0, 0x7F80]> : tensor<2xbf16>
  %9 = dvm.constant dense<[0xFC00, 0xFFFF]> : tensor<2xf16>
  return
}
// CHECK-LABEL: func.func @scalars(%f: tensor<4xf32>, %h: tensor<4xf16>, %i: tensor<4xi32>, %t: tensor<4xi1>) {
// CHECK-NEXT:   %0 = dvm.binary_scalar Mul %h, 5.000000e-01 {note = "half"} : tensor<4xf16>, f32 -> tensor<4xf16>
// CHECK-NEXT:   %1 = dvm.binary_scalar Add %i, 3.000000e+00 : tensor<4xi32>, f64 -> tensor<4xi32>
// CHECK-NEXT:   %2 = dvm.binary_scalar Equal true, %t : i1, tensor<4xi1> -> tensor<4xi1>
// CHECK-NEXT:   %3 = dvm.binary_scalar Maximum %f, 0xff800000 : tensor<4xf32>, f32 -> tensor<4xf32>
// CHECK-NEXT:   %4 = dvm.broadcast_scalar -1 shape ["2*s0 + 1", 4] type Int64 {note} : i32 -> tensor<?x4xi64, #dvm.sym<["2*s0 + 1", "4"]>>
// CHECK-NEXT:   %5 = dvm.broadcast_scalar false shape [] type Bool : i1 -> tensor<i1>
// CHECK-NEXT:   %6 = dvm.constant {note} dense<[1, -2]> : tensor<2xi64>
// CHECK-NEXT:   %7 = dvm.constant dense<[true, false]> : tensor<2xi1>
// CHECK-NEXT:   %8 = dvm.constant dense<[1.000000e+00, 0x7f80]> : tensor<2xbf16>
// CHECK-NEXT:   %9 = dvm.constant dense<[0xfc00, 0xfe00]> : tensor<2xf16>
// CHECK-NEXT:   func.return
// CHECK-NEXT: }

// NumPy's broadcasting; dims without a name fit anything.
func.func @shapes(%a : tensor<4x1x3xf32>, %b : tensor<2x1xf32>, %s : tensor<f32>, %d : tensor<?x3xf32>, %n : tensor<?x3xf32, #dvm.sym<["s0", "3"]>>) {
  %0 = dvm.binary Add %a, %b : tensor<4x1x3xf32>, tensor<2x1xf32> -> tensor<4x2x3xf32>
  %1 = dvm.binary Add %s, %b : tensor<f32>, tensor<2x1xf32> -> tensor<2x1xf32>
  %2 = dvm.binary Add %d, %b : tensor<?x3xf32>, tensor<2x1xf32> -> tensor<2x3xf32>
  %3 = dvm.binary Add %d, %n : tensor<?x3xf32>, tensor<?x3xf32, #dvm.sym<["s0", "3"]>> -> tensor<?x3xf32>
  %4 = dvm.reshape %n shape [-1] : tensor<?x3xf32, #dvm.sym<["s0", "3"]>> -> tensor<?xf32, #dvm.sym<["3*s0"]>>
  %5 = dvm.concat %n, %d axis 0 : tensor<?x3xf32, #dvm.sym<["s0", "3"]>>, tensor<?x3xf32> -> tensor<7x3xf32>
  return
}
// CHECK-LABEL: func.func @shapes(%a: tensor<4x1x3xf32>, %b: tensor<2x1xf32>, %s: tensor<f32>, %d: tensor<?x3xf32>, %n: tensor<?x3xf32, #dvm.sym<["s0", "3"]>>) {
// CHECK-NEXT:   %0 = dvm.binary Add %a, %b : tensor<4x1x3xf32>, tensor<2x1xf32> -> tensor<4x2x3xf32>
// CHECK-NEXT:   %1 = dvm.binary Add %s, %b : tensor<f32>, tensor<2x1xf32> -> tensor<2x1xf32>
// CHECK-NEXT:   %2 = dvm.binary Add %d, %b : tensor<?x3xf32>, tensor<2x1xf32> -> tensor<2x3xf32>
// CHECK-NEXT:   %3 = dvm.binary Add %d, %n : tensor<?x3xf32>, tensor<?x3xf32, #dvm.sym<["s0", "3"]>> -> tensor<?x3xf32>
// CHECK-NEXT:   %4 = dvm.reshape %n shape [-1] : tensor<?x3xf32, #dvm.sym<["s0", "3"]>> -> tensor<?xf32, #dvm.sym<["3*s0"]>>
// CHECK-NEXT:   %5 = dvm.concat %n, %d axis 0 : tensor<?x3xf32, #dvm.sym<["s0", "3"]>>, tensor<?x3xf32> -> tensor<7x3xf32>
// CHECK-NEXT:   func.return
// CHECK-NEXT: }
