// RUN: dvm-opt %s -p convert-vk-to-visa | filecheck %s

// Rows of a left factor that are computed vary along m and k, and what is reduced of them along m only. The mean is that of 64
// elements, not of the 32 along n.

!x = tensor<?x64xf32, #dvm.sym<["m", "64"]>>
!c = tensor<?x1xf32, #dvm.sym<["m", "1"]>>
!w = tensor<64x32xf32>
!y = tensor<?x32xf32, #dvm.sym<["m", "32"]>>

// CHECK-LABEL: func.func @rows(
// CHECK-NEXT:     %0 = visa.kernel mix @k0 domain [parallel "m", parallel "32", reduction "64"]
// CHECK-NEXT:     ^bb0(%a: !visa.global<f32, affine_map<(d0, d1, d2) -> (d0, d2)>>, %b: !visa.global<f32, affine_map<(d0, d1, d2) -> (d2, d1)>>, %1: !visa.global<f32, affine_map<(d0, d1, d2) -> (d0, d1)>>):
// CHECK-NEXT:       visa.pass once
// CHECK-NEXT:       %2 = visa.reduce_init sum f32 :
// CHECK-NEXT:       visa.pass stream
// CHECK-NEXT:       %3 = visa.load f32 %a :
// CHECK-NEXT:       %4 = visa.binary mul f32 %3, %3 :
// CHECK-NEXT:       %5 = visa.reduce rsum f32 %2, %4 :
// CHECK-NEXT:       visa.pass once
// CHECK-NEXT:       %6 = visa.scalar "64" :
// CHECK-NEXT:       %7 = visa.binary div f32 %5, %6 :
// CHECK-NEXT:       %8 = visa.reduce_init sum f32 :
// CHECK-NEXT:       visa.pass stream
// CHECK-NEXT:       %9 = visa.load f32 %a :
// CHECK-NEXT:       %10 = visa.binary div f32 %9, %7 :
// CHECK-NEXT:       %11 = visa.load f32 %b :
// CHECK-NEXT:       %12 = visa.matmul f32 %8, %10, %11 :
// CHECK-NEXT:       visa.pass once keep %7 :
// CHECK-NEXT:       %13 = visa.unary exp f32 %12 :
// CHECK-NEXT:       visa.store f32 %13, %1
// CHECK-NEXT:       visa.end
// CHECK-NEXT:     }
func.func @rows(%x : !x, %w : !w) -> !y {
  %0 = vk.kernel mix @k0(%a = %x : !x, %b = %w : !w) -> !y {
    %1 = dvm.binary Mul %a, %a : !x, !x -> !x
    %2 = dvm.reduce Mean %1 dims [1] keepdims true : !x -> !c
    %3 = dvm.binary Div %a, %2 : !x, !c -> !x
    %4 = dvm.matmul %3, %b trans_a false trans_b false : !x, !w -> !y
    %5 = dvm.unary Exp %4 : !y -> !y
    vk.yield %5 : !y
  }
  return %0 : !y
}
