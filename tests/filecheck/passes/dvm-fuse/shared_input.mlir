// RUN: dvm-opt %s -p 'dvm-fuse{explain=true}' 2>&1 | filecheck %s --check-prefix EXPLAIN
// RUN: dvm-opt %s -p dvm-fuse | filecheck %s

!x = tensor<?x8xf32, #dvm.sym<["s", "8"]>>
!c = tensor<?x1xf32, #dvm.sym<["s", "1"]>>
!r = tensor<8xf32>

// The statistics of rows: x is read once.
// EXPLAIN: remark: dvm.binary Mul: joined with dvm.reduce Sum at {{.*}} by work side by side: they share a tensor and are over [s, 8]
// CHECK-LABEL: func.func @statistics(
// CHECK-NEXT:    %0, %1 = vk.kernel vector @k0(
// CHECK-NEXT:      %2 = dvm.reduce Sum %x_1 dims [1]
// CHECK-NEXT:      %3 = dvm.binary Mul %x_1, %x_1 :
// CHECK-NEXT:      %4 = dvm.reduce Sum %3 dims [1]
// CHECK-NEXT:      vk.yield %2, %4 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return
func.func @statistics(%x : !x) -> (!c, !c) {
  %0 = dvm.reduce Sum %x dims [1] keepdims true : !x -> !c
  %1 = dvm.binary Mul %x, %x : !x, !x -> !x
  %2 = dvm.reduce Sum %1 dims [1] keepdims true : !x -> !c
  return %0, %2 : !c, !c
}

// Elementwise work on one tensor.
// CHECK-LABEL: func.func @elementwise(
// CHECK-NEXT:    %0, %1 = vk.kernel vector @k0(
// CHECK-NEXT:      dvm.unary Exp
// CHECK-NEXT:      dvm.unary Neg
// CHECK-NOT:     vk.kernel
// CHECK:         func.return
func.func @elementwise(%x : !x) -> (!x, !x) {
  %0 = dvm.unary Exp %x : !x -> !x
  %1 = dvm.unary Neg %x : !x -> !x
  return %0, %1 : !x, !x
}

// A row that both add is little to read: they stay side by side in a stage instead.
// CHECK-LABEL: func.func @only_a_row(
// CHECK-COUNT-2: = vk.kernel vector
// CHECK:         func.return
func.func @only_a_row(%x : !x, %y : !x, %b : !r) -> (!x, !x) {
  %0 = dvm.binary Add %x, %b : !x, !r -> !x
  %1 = dvm.binary Add %y, %b : !x, !r -> !x
  return %0, %1 : !x, !x
}

// Reductions of different dims are over the same domain, but cannot stream it together; nor can a reduction and plain work.
// CHECK-LABEL: func.func @different(
// CHECK-COUNT-3: = vk.kernel vector
// CHECK:         func.return
func.func @different(%x : !x) -> (!c, !r, !x) {
  %0 = dvm.reduce Sum %x dims [1] keepdims true : !x -> !c
  %1 = dvm.reduce Sum %x dims [0] keepdims false : !x -> !r
  %2 = dvm.unary Exp %x : !x -> !x
  return %0, %1, %2 : !c, !r, !x
}

// What would have to run before and after the gather stays apart.
// CHECK-LABEL: func.func @cycle(
// CHECK-COUNT-3: = vk.kernel vector
// CHECK:         func.return
func.func @cycle(%x : !r, %i : tensor<8xi32>) -> !r {
  %0 = dvm.unary Exp %x : !r -> !r
  %1 = dvm.gather %0, %i axis 0 : !r, tensor<8xi32> -> !r
  %2 = dvm.binary Add %x, %1 : !r, !r -> !r
  return %2 : !r
}

// A reshape is a view where it is by itself, and does not become a copy beside other work.
// CHECK-LABEL: func.func @view(
// CHECK:         dvm.reshape
// CHECK:         vk.kernel cube
// CHECK:         func.return
func.func @view(%x : tensor<8x1xf32>) -> (tensor<8x8xf32>, tensor<8xf32>) {
  %0 = dvm.unary Exp %x : tensor<8x1xf32> -> tensor<8x1xf32>
  %1 = dvm.reshape %0 shape [1, 8] : tensor<8x1xf32> -> tensor<1x8xf32>
  %2 = dvm.matmul %0, %1 trans_a false trans_b false : tensor<8x1xf32>, tensor<1x8xf32> -> tensor<8x8xf32>
  %3 = dvm.reshape %x shape [8] : tensor<8x1xf32> -> tensor<8xf32>
  %4 = dvm.unary Neg %3 : tensor<8xf32> -> tensor<8xf32>
  return %2, %4 : tensor<8x8xf32>, tensor<8xf32>
}
