// RUN: dvm-opt %s --split-input-file -p dvm-simplify,dvm-decompose,dvm-deduce-shapes,dvm-fuse | filecheck %s

// How many kernels common parts of models become, with dynamic dims.

// CHECK-LABEL: func.func @softmax(
// CHECK-COUNT-1: = vk.kernel vector
// CHECK-NOT:     vk.kernel
func.func @softmax(%x : tensor<?x?x?xf32>) -> tensor<?x?x?xf32> {
  %0 = dvm.softmax %x axis 1 : tensor<?x?x?xf32> -> tensor<?x?x?xf32>
  return %0 : tensor<?x?x?xf32>
}

// -----

// CHECK-LABEL: func.func @log_softmax(
// CHECK-COUNT-1: = vk.kernel vector
// CHECK-NOT:     vk.kernel
func.func @log_softmax(%x : tensor<?x?xf32>) -> tensor<?x?xf32> {
  %0 = dvm.reduce Max %x dims [1] keepdims true : tensor<?x?xf32> -> tensor<?x1xf32>
  %1 = dvm.binary Sub %x, %0 : tensor<?x?xf32>, tensor<?x1xf32> -> tensor<?x?xf32>
  %2 = dvm.unary Exp %1 : tensor<?x?xf32> -> tensor<?x?xf32>
  %3 = dvm.reduce Sum %2 dims [1] keepdims true : tensor<?x?xf32> -> tensor<?x1xf32>
  %4 = dvm.unary Log %3 : tensor<?x1xf32> -> tensor<?x1xf32>
  %5 = dvm.binary Sub %1, %4 : tensor<?x?xf32>, tensor<?x1xf32> -> tensor<?x?xf32>
  return %5 : tensor<?x?xf32>
}

// -----

// CHECK-LABEL: func.func @layer_norm(
// CHECK-COUNT-1: = vk.kernel vector
// CHECK-NOT:     vk.kernel
func.func @layer_norm(%x : tensor<?x?x768xf16>, %g : tensor<768xf16>, %b : tensor<768xf16>) -> tensor<?x?x768xf16> {
  %0 = dvm.layer_norm %x, %g, %b axis -1 epsilon 1.0e-05 : tensor<?x?x768xf16>, tensor<768xf16>, tensor<768xf16> -> tensor<?x?x768xf16>
  return %0 : tensor<?x?x768xf16>
}

// -----

// With a residual, which is stored as well.
// CHECK-LABEL: func.func @rms_norm(
// CHECK-COUNT-1: = vk.kernel vector
// CHECK-NOT:     vk.kernel
func.func @rms_norm(%x : tensor<?x768xf32>, %y : tensor<?x768xf32>, %g : tensor<768xf32>) -> (tensor<?x768xf32>, tensor<?x768xf32>) {
  %0 = dvm.binary Add %x, %y : tensor<?x768xf32>, tensor<?x768xf32> -> tensor<?x768xf32>
  %1 = dvm.rms_norm %0, %g axis -1 epsilon 1.0e-05 : tensor<?x768xf32>, tensor<768xf32> -> tensor<?x768xf32>
  return %0, %1 : tensor<?x768xf32>, tensor<?x768xf32>
}

// -----

// CHECK-LABEL: func.func @gelu(
// CHECK-COUNT-1: = vk.kernel vector
// CHECK-NOT:     vk.kernel
func.func @gelu(%x : tensor<?x?xf32>, %b : tensor<?xf32>) -> tensor<?x?xf32> {
  %0 = dvm.binary Add %x, %b : tensor<?x?xf32>, tensor<?xf32> -> tensor<?x?xf32>
  %1 = dvm.gelu %0 approximate none : tensor<?x?xf32> -> tensor<?x?xf32>
  %2 = dvm.binary_scalar Mul %1, 0.5 : tensor<?x?xf32>, f32 -> tensor<?x?xf32>
  return %2 : tensor<?x?xf32>
}

// -----

// Each layer is one kernel: product, bias, and the activation or the residual.
// CHECK-LABEL: func.func @mlp(
// CHECK-COUNT-2: = vk.kernel mix
// CHECK-NOT:     vk.kernel
func.func @mlp(%x : tensor<?x64xf32, #dvm.sym<["s0", "64"]>>, %w : tensor<64x256xf32>, %b : tensor<256xf32>, %v : tensor<256x64xf32>, %c : tensor<64xf32>) -> tensor<?x64xf32, #dvm.sym<["s0", "64"]>> {
  %0 = dvm.matmul %x, %w trans_a false trans_b false bias %b : tensor<?x64xf32, #dvm.sym<["s0", "64"]>>, tensor<64x256xf32>, tensor<256xf32> -> tensor<?x256xf32>
  %1 = dvm.gelu %0 approximate tanh : tensor<?x256xf32> -> tensor<?x256xf32>
  %2 = dvm.matmul %1, %v trans_a false trans_b false : tensor<?x256xf32>, tensor<256x64xf32> -> tensor<?x64xf32>
  %3 = dvm.binary Add %2, %c : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x64xf32>
  %4 = dvm.binary Add %3, %x : tensor<?x64xf32>, tensor<?x64xf32, #dvm.sym<["s0", "64"]>> -> tensor<?x64xf32, #dvm.sym<["s0", "64"]>>
  return %4 : tensor<?x64xf32, #dvm.sym<["s0", "64"]>>
}

// -----

// Scores, softmax with scale and mask before it, and the product with the values.
// CHECK-LABEL: func.func @attention(
// CHECK-COUNT-1: = vk.kernel cube
// CHECK-COUNT-1: = vk.kernel vector
// CHECK-COUNT-1: = vk.kernel cube
// CHECK-NOT:     vk.kernel
!heads = tensor<?x8x?x64xf32, #dvm.sym<["s0", "8", "s1", "64"]>>
!mask = tensor<?x?xf32, #dvm.sym<["s1", "s1"]>>
func.func @attention(%q : !heads, %k : !heads, %v : !heads, %m : !mask) -> !heads {
  %0 = dvm.matmul %q, %k trans_a false trans_b true : !heads, !heads -> tensor<?x8x?x?xf32>
  %1 = dvm.binary_scalar Mul %0, 0.125 : tensor<?x8x?x?xf32>, f32 -> tensor<?x8x?x?xf32>
  %2 = dvm.binary Add %1, %m : tensor<?x8x?x?xf32>, !mask -> tensor<?x8x?x?xf32>
  %3 = dvm.softmax %2 axis -1 : tensor<?x8x?x?xf32> -> tensor<?x8x?x?xf32>
  %4 = dvm.matmul %3, %v trans_a false trans_b false : tensor<?x8x?x?xf32>, !heads -> !heads
  return %4 : !heads
}
