// RUN: dvm-opt %s -p dvm-fuse | filecheck %s

!x = tensor<?x4x?xf32, #dvm.sym<["s0", "4", "s1"]>>
!c = tensor<4xf32>
!spread = tensor<1x4x1xf32>

// A reshape that adds dims of 1 to what a reduction leaves is part of the kernel that spreads it over the same domain again.
// CHECK-LABEL: func.func @spread(
// CHECK-NEXT:    %0, %1 = vk.kernel vector @k0(%x_1 = %x : {{.*}}) -> (tensor<4xf32>, {{.*}}) {
// CHECK-NEXT:      %2 = dvm.reduce Mean %x_1 dims [0, 2] keepdims false :
// CHECK-NEXT:      %3 = dvm.reshape %2 shape [1, 4, 1] :
// CHECK-NEXT:      %4 = dvm.broadcast %3
// CHECK-NEXT:      %5 = dvm.binary Sub %x_1, %4 :
// CHECK-NEXT:      vk.yield %2, %5 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %1, %0 :
func.func @spread(%x : !x) -> (!x, !c) {
  %0 = dvm.reduce Mean %x dims [0, 2] keepdims false : !x -> !c
  %1 = dvm.reshape %0 shape [1, 4, 1] : !c -> !spread
  %2 = dvm.broadcast %1 shape ["s0", 4, "s1"] : !spread -> !x
  %3 = dvm.binary Sub %x, %2 : !x, !x -> !x
  return %3, %0 : !x, !c
}

// Here it would follow axis 0 where the reduction left axis 1: another kernel reads it so.
// CHECK-LABEL: func.func @another_axis(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(
// CHECK-NEXT:      %1 = dvm.reduce Sum
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(
// CHECK-NEXT:      %{{.*}} = dvm.reshape %{{.*}} shape [4, 1] :
// CHECK-NEXT:      %{{.*}} = dvm.broadcast
// CHECK-NEXT:      %{{.*}} = dvm.binary Sub
// CHECK:         func.return %1 :
func.func @another_axis(%x : tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = dvm.reduce Sum %x dims [0] keepdims false : tensor<4x4xf32> -> !c
  %1 = dvm.reshape %0 shape [4, 1] : !c -> tensor<4x1xf32>
  %2 = dvm.broadcast %1 shape [4, 4] : tensor<4x1xf32> -> tensor<4x4xf32>
  %3 = dvm.binary Sub %x, %2 : tensor<4x4xf32>, tensor<4x4xf32> -> tensor<4x4xf32>
  return %3 : tensor<4x4xf32>
}

// A reshape of an argument is a view, and so is one that is left alone.
// CHECK-LABEL: func.func @views(
// CHECK-NEXT:    %0 = dvm.reshape %b shape [1, 4, 1] :
// CHECK-NEXT:    %1 = vk.kernel vector @k0(%2 = %0 : {{.*}}, %w_1 = %w : {{.*}})
// CHECK:         %2 = vk.kernel vector @k1(
// CHECK:         %3 = dvm.reshape %2 shape [4, 1] :
// CHECK-NEXT:    %4 = vk.kernel cube @k2(
// CHECK:         func.return %1, %4 :
func.func @views(%b : !c, %w : !spread) -> (!spread, tensor<4x4xf32>) {
  %0 = dvm.reshape %b shape [1, 4, 1] : !c -> !spread
  %1 = dvm.binary Add %0, %w : !spread, !spread -> !spread
  %2 = dvm.unary Exp %b : !c -> !c
  %3 = dvm.reshape %2 shape [4, 1] : !c -> tensor<4x1xf32>
  %4 = dvm.matmul %3, %3 trans_a false trans_b true : tensor<4x1xf32>, tensor<4x1xf32> -> tensor<4x4xf32>
  return %1, %4 : !spread, tensor<4x4xf32>
}
