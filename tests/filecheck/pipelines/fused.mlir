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

// Scores, and the product of the values with the rows of their softmax, with scale and mask before that.
// CHECK-LABEL: func.func @attention(
// CHECK-COUNT-1: = vk.kernel cube
// CHECK-COUNT-1: = vk.kernel mix
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

// -----

// Statistics, the normalised images, and the running statistics.
// CHECK-LABEL: func.func @batch_norm(
// CHECK-COUNT-1: = vk.kernel vector
// CHECK-NOT:     vk.kernel
!images = tensor<?x?x?x?xf32, #dvm.sym<["batch", "channels", "height", "width"]>>
!channels = tensor<?xf32, #dvm.sym<["channels"]>>
!spread = tensor<1x?x1x1xf32, #dvm.sym<["1", "channels", "1", "1"]>>
func.func @batch_norm(%x : !images, %gamma : !channels, %beta : !channels, %running : !channels) -> (!images, !channels) {
  %mean = dvm.reduce Mean %x dims [0, 2, 3] keepdims false : !images -> !channels
  %mean4 = dvm.reshape %mean shape [1, "channels", 1, 1] : !channels -> !spread
  %centred = dvm.binary Sub %x, %mean4 : !images, !spread -> !images
  %square = dvm.binary Mul %centred, %centred : !images, !images -> !images
  %variance = dvm.reduce Mean %square dims [0, 2, 3] keepdims false : !images -> !channels
  %stable = dvm.binary_scalar Add %variance, 1.0e-05 : !channels, f32 -> !channels
  %inverse = dvm.unary Rsqrt %stable : !channels -> !channels
  %scale = dvm.binary Mul %inverse, %gamma : !channels, !channels -> !channels
  %scale4 = dvm.reshape %scale shape [1, "channels", 1, 1] : !channels -> !spread
  %beta4 = dvm.reshape %beta shape [1, "channels", 1, 1] : !channels -> !spread
  %scaled = dvm.binary Mul %centred, %scale4 : !images, !spread -> !images
  %out = dvm.binary Add %scaled, %beta4 : !images, !spread -> !images
  %old = dvm.binary_scalar Mul %running, 0.9 : !channels, f32 -> !channels
  %new = dvm.binary_scalar Mul %mean, 0.1 : !channels, f32 -> !channels
  %next = dvm.binary Add %old, %new : !channels, !channels -> !channels
  return %out, %next : !images, !channels
}

// -----

// Log-softmax and the loss of each row: three reductions.
// CHECK-LABEL: func.func @cross_entropy(
// CHECK-COUNT-1: = vk.kernel vector
// CHECK-NOT:     vk.kernel
!rows = tensor<?x?xf32, #dvm.sym<["rows", "classes"]>>
!column = tensor<?x1xf32, #dvm.sym<["rows", "1"]>>
!left = tensor<?xf32, #dvm.sym<["rows"]>>
!labels = tensor<?xi32, #dvm.sym<["rows"]>>
func.func @cross_entropy(%x : !rows, %labels : !labels) -> !left {
  %max = dvm.reduce Max %x dims [1] keepdims true : !rows -> !column
  %shifted = dvm.binary Sub %x, %max : !rows, !column -> !rows
  %e = dvm.unary Exp %shifted : !rows -> !rows
  %sum = dvm.reduce Sum %e dims [1] keepdims true : !rows -> !column
  %log = dvm.unary Log %sum : !column -> !column
  %logp = dvm.binary Sub %shifted, %log : !rows, !column -> !rows
  %hot = dvm.onehot %labels depth ["classes"] axis 1 {on_value = -1.0 : f32, off_value = 0.0 : f32} : !labels -> !rows
  %picked = dvm.binary Mul %logp, %hot : !rows, !rows -> !rows
  %loss = dvm.reduce Sum %picked dims [1] keepdims false : !rows -> !left
  return %loss : !left
}

// -----

// Two outputs of different rank sharing a prefix, which is both reduced and used elementwise; a reduction over a middle axis.
// CHECK-LABEL: func.func @two_ranks(
// CHECK-COUNT-1: = vk.kernel vector
// CHECK-NOT:     vk.kernel
!cube = tensor<?x?x?xf32, #dvm.sym<["a", "b", "c"]>>
!flat = tensor<?x?xf32, #dvm.sym<["a", "c"]>>
func.func @two_ranks(%x : !cube, %y : !cube) -> (!cube, !flat) {
  %p = dvm.binary Mul %x, %y : !cube, !cube -> !cube
  %e = dvm.unary Exp %p : !cube -> !cube
  %s = dvm.reduce Sum %p dims [1] keepdims false : !cube -> !flat
  %r = dvm.unary Sqrt %s : !flat -> !flat
  return %e, %r : !cube, !flat
}

// -----

// An expression after a transposition.
// CHECK-LABEL: func.func @after_a_transposition(
// CHECK-COUNT-1: = vk.kernel vector
// CHECK-NOT:     vk.kernel
!ab = tensor<?x?xf32, #dvm.sym<["a", "b"]>>
!ba = tensor<?x?xf32, #dvm.sym<["b", "a"]>>
func.func @after_a_transposition(%x : !ab, %y : !ba) -> !ba {
  %t = dvm.transpose %x permutation [1, 0] : !ab -> !ba
  %s = dvm.binary Add %t, %y : !ba, !ba -> !ba
  %e = dvm.unary Exp %s : !ba -> !ba
  return %e : !ba
}

// -----

// A diamond is one kernel unless something between its sides is not: merged greedily, the exp and the sum of it with
// what was gathered would have to run before and after the gather.
// CHECK-LABEL: func.func @diamond(
// CHECK-COUNT-1: = vk.kernel vector
// CHECK-NOT:     vk.kernel
// CHECK-LABEL: func.func @cycle(
// CHECK-COUNT-3: = vk.kernel vector
// CHECK-NOT:     vk.kernel
!row = tensor<?xf32, #dvm.sym<["a"]>>
func.func @diamond(%x : !row) -> !row {
  %e = dvm.unary Exp %x : !row -> !row
  %l = dvm.unary Sqrt %e : !row -> !row
  %r = dvm.unary Neg %e : !row -> !row
  %s = dvm.binary Add %l, %r : !row, !row -> !row
  return %s : !row
}
func.func @cycle(%x : !row, %i : tensor<?xi32, #dvm.sym<["a"]>>) -> !row {
  %e = dvm.unary Exp %x : !row -> !row
  %g = dvm.gather %e, %i axis 0 : !row, tensor<?xi32, #dvm.sym<["a"]>> -> !row
  %s = dvm.binary Add %e, %g : !row, !row -> !row
  return %s : !row
}
