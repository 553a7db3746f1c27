// RUN: dvm-opt %s -p dvm-fuse | filecheck %s
// RUN: dvm-opt %s -p 'dvm-fuse{explain=true}' 2>&1 >/dev/null | filecheck %s --check-prefix=EXPLAIN

// Matrix products over the same (batch, m, n, k) that share a factor become one kernel with an accumulator for each.

!x = tensor<?x8xf32, #dvm.sym<["s0", "8"]>>
!w = tensor<8x16xf32>
!y = tensor<?x16xf32, #dvm.sym<["s0", "16"]>>
!square = tensor<8x8xf32>

// EXPLAIN:      remark: dvm.matmul: joined with dvm.matmul at {{.*}} by cubes side by side: they share a factor and are over [s0, 16]
// EXPLAIN-NEXT: remark: dvm.matmul: joined with dvm.matmul at {{.*}} by cubes side by side: they share a factor and are over [s0, 16]

// CHECK-LABEL: func.func @three(
// CHECK-NEXT:    %0, %1, %2 = vk.kernel cube @k0(%x_1 = %x : {{.*}}, %q_1 = %q : {{.*}}, %k_1 = %k : {{.*}}, %v_1 = %v : {{.*}})
// CHECK-NEXT:      %3 = dvm.matmul %x_1, %q_1 trans_a false trans_b false :
// CHECK-NEXT:      %4 = dvm.matmul %x_1, %k_1 trans_a false trans_b false :
// CHECK-NEXT:      %5 = dvm.matmul %x_1, %v_1 trans_a false trans_b false :
// CHECK-NEXT:      vk.yield %3, %4, %5 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0, %1, %2 :
func.func @three(%x : !x, %q : !w, %k : !w, %v : !w) -> (!y, !y, !y) {
  %0 = dvm.matmul %x, %q trans_a false trans_b false : !x, !w -> !y
  %1 = dvm.matmul %x, %k trans_a false trans_b false : !x, !w -> !y
  %2 = dvm.matmul %x, %v trans_a false trans_b false : !x, !w -> !y
  return %0, %1, %2 : !y, !y, !y
}

// Each with what follows it, and what follows both.
// EXPLAIN:      remark: dvm.binary Mul: joined with dvm.matmul at {{.*}} by cube into elementwise: it works on blocks of the product, [s0, 16]
// EXPLAIN-NEXT: remark: dvm.binary Mul: joined with dvm.matmul at {{.*}} by cubes side by side: they share a factor and are over [s0, 16]
// CHECK-LABEL: func.func @gated(
// CHECK-NEXT:    %0 = vk.kernel mix @k0(%x_1 = %x : {{.*}}, %gate_1 = %gate : {{.*}}, %up_1 = %up : {{.*}})
// CHECK-NEXT:      %1 = dvm.matmul %x_1, %gate_1 trans_a false trans_b false :
// CHECK-NEXT:      %2 = dvm.matmul %x_1, %up_1 trans_a false trans_b false :
// CHECK-NEXT:      %3 = dvm.unary Sigmoid %1 :
// CHECK-NEXT:      %4 = dvm.binary Mul %3, %1 :
// CHECK-NEXT:      %5 = dvm.binary Mul %4, %2 :
// CHECK-NEXT:      vk.yield %5 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @gated(%x : !x, %gate : !w, %up : !w) -> !y {
  %0 = dvm.matmul %x, %gate trans_a false trans_b false : !x, !w -> !y
  %1 = dvm.matmul %x, %up trans_a false trans_b false : !x, !w -> !y
  %2 = dvm.unary Sigmoid %0 : !y -> !y
  %3 = dvm.binary Mul %2, %0 : !y, !y -> !y
  %4 = dvm.binary Mul %3, %1 : !y, !y -> !y
  return %4 : !y
}

// The factor that they share may stand on either side, and be read transposed.
// CHECK-LABEL: func.func @either_side(
// CHECK-NEXT:    %0, %1 = vk.kernel cube @k0(%x_1 = %x : {{.*}}, %y_1 = %y : {{.*}})
// CHECK-NEXT:      %2 = dvm.matmul %x_1, %y_1 trans_a false trans_b false :
// CHECK-NEXT:      %3 = dvm.matmul %y_1, %x_1 trans_a false trans_b true :
// CHECK-NEXT:      vk.yield %2, %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0, %1 :
func.func @either_side(%x : !square, %y : !square) -> (!square, !square) {
  %0 = dvm.matmul %x, %y trans_a false trans_b false : !square, !square -> !square
  %1 = dvm.matmul %y, %x trans_a false trans_b true : !square, !square -> !square
  return %0, %1 : !square, !square
}

// Batches may differ in what broadcasts to the same result.
// CHECK-LABEL: func.func @batches(
// CHECK-NEXT:    %0, %1 = vk.kernel cube @k0(%x_1 = %x : {{.*}}, %w_1 = %w : {{.*}}, %v_1 = %v : {{.*}})
// CHECK-NEXT:      %2 = dvm.matmul %x_1, %w_1 trans_a false trans_b false :
// CHECK-NEXT:      %3 = dvm.matmul %x_1, %v_1 trans_a false trans_b false :
// CHECK-NEXT:      vk.yield %2, %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0, %1 :
func.func @batches(%x : tensor<2x8x8xf32>, %w : !square, %v : tensor<2x8x8xf32>) -> (tensor<2x8x8xf32>, tensor<2x8x8xf32>) {
  %0 = dvm.matmul %x, %w trans_a false trans_b false : tensor<2x8x8xf32>, !square -> tensor<2x8x8xf32>
  %1 = dvm.matmul %x, %v trans_a false trans_b false : tensor<2x8x8xf32>, tensor<2x8x8xf32> -> tensor<2x8x8xf32>
  return %0, %1 : tensor<2x8x8xf32>, tensor<2x8x8xf32>
}

// EXPLAIN: remark: dvm.matmul: apart from dvm.matmul at {{.*}}: cubes side by side: they have more than 4 products together
// CHECK-LABEL: func.func @five(
// CHECK-COUNT-1: = vk.kernel cube
// CHECK-COUNT-1: = vk.kernel cube
// CHECK-NOT:     vk.kernel
func.func @five(%x : !square) -> (!square, !square, !square, !square, !square) {
  %0 = dvm.matmul %x, %x trans_a false trans_b false : !square, !square -> !square
  %1 = dvm.matmul %x, %x trans_a false trans_b true : !square, !square -> !square
  %2 = dvm.matmul %x, %x trans_a true trans_b false : !square, !square -> !square
  %3 = dvm.matmul %x, %x trans_a true trans_b true : !square, !square -> !square
  %4 = dvm.matmul %x, %x trans_a false trans_b false : !square, !square -> !square
  return %0, %1, %2, %3, %4 : !square, !square, !square, !square, !square
}

// What they share is a residual only.
// EXPLAIN-NEXT: remark: dvm.matmul: apart from dvm.matmul at {{.*}}: cubes side by side: their products share no factor
// CHECK-LABEL: func.func @no_shared_factor(
// CHECK-COUNT-1: = vk.kernel cube
// CHECK-COUNT-1: = vk.kernel cube
// CHECK-NOT:     vk.kernel
func.func @no_shared_factor(%x : !square, %y : !square, %b : tensor<8xf32>) -> (!square, !square) {
  %0 = dvm.matmul %x, %x trans_a false trans_b false bias %b : !square, !square, tensor<8xf32> -> !square
  %1 = dvm.matmul %y, %y trans_a false trans_b false bias %b : !square, !square, tensor<8xf32> -> !square
  return %0, %1 : !square, !square
}

// EXPLAIN-NEXT: remark: dvm.matmul: apart from dvm.matmul at {{.*}}: cubes side by side: [s0, 16] and [s0, 32] are not provably equal
// CHECK-LABEL: func.func @other_columns(
// CHECK-COUNT-1: = vk.kernel cube
// CHECK-COUNT-1: = vk.kernel cube
// CHECK-NOT:     vk.kernel
func.func @other_columns(%x : !x, %w : !w, %v : tensor<8x32xf32>) -> (!y, tensor<?x32xf32, #dvm.sym<["s0", "32"]>>) {
  %0 = dvm.matmul %x, %w trans_a false trans_b false : !x, !w -> !y
  %1 = dvm.matmul %x, %v trans_a false trans_b false : !x, tensor<8x32xf32> -> tensor<?x32xf32, #dvm.sym<["s0", "32"]>>
  return %0, %1 : !y, tensor<?x32xf32, #dvm.sym<["s0", "32"]>>
}

// EXPLAIN-NEXT: remark: dvm.matmul: apart from dvm.matmul at {{.*}}: cubes side by side: the contracted dims [16, 8] are not provably equal
// CHECK-LABEL: func.func @other_depth(
// CHECK-COUNT-1: = vk.kernel cube
// CHECK-COUNT-1: = vk.kernel cube
// CHECK-NOT:     vk.kernel
func.func @other_depth(%x : !w, %y : tensor<16x16xf32>, %z : !square) -> (!w, !w) {
  %0 = dvm.matmul %x, %y trans_a false trans_b false : !w, tensor<16x16xf32> -> !w
  %1 = dvm.matmul %z, %x trans_a false trans_b false : !square, !w -> !w
  return %0, %1 : !w, !w
}

// EXPLAIN-NEXT: remark: dvm.grouped_matmul: apart from dvm.matmul at {{.*}}: cubes side by side: a grouped product is not computed side by side with others
// CHECK-LABEL: func.func @grouped(
// CHECK-COUNT-1: = vk.kernel cube
// CHECK-COUNT-1: = vk.kernel cube
// CHECK-NOT:     vk.kernel
func.func @grouped(%x : !square, %w : tensor<2x8x8xf32>, %ends : tensor<2xi32>) -> (!square, !square) {
  %0 = dvm.matmul %x, %x trans_a false trans_b false : !square, !square -> !square
  %1 = dvm.grouped_matmul %x, %w, %ends trans_a false trans_b false group_type 0 : !square, tensor<2x8x8xf32>, tensor<2xi32> -> !square
  return %0, %1 : !square, !square
}

// EXPLAIN-NEXT: remark: dvm.matmul: apart from dvm.matmul at {{.*}}: cubes side by side: one product needs the other
// CHECK-LABEL: func.func @in_turn(
// CHECK-COUNT-1: = vk.kernel cube
// CHECK-COUNT-1: = vk.kernel cube
// CHECK-NOT:     vk.kernel
func.func @in_turn(%x : !square) -> !square {
  %0 = dvm.matmul %x, %x trans_a false trans_b false : !square, !square -> !square
  %1 = dvm.matmul %0, %x trans_a false trans_b false : !square, !square -> !square
  return %1 : !square
}

// Another kernel stands between the two.
// EXPLAIN-NEXT: remark: dvm.reduce Sum: apart from dvm.matmul at {{.*}}: no pattern takes 'cube' into 'reduction'
// EXPLAIN-NEXT: remark: dvm.matmul: apart from dvm.matmul at {{.*}}: cubes side by side: what lies between them would make a cycle
// EXPLAIN-NEXT: remark: dvm.matmul: apart from dvm.reduce Sum at {{.*}}: prologue: it is not for the rows of left factors alone
// CHECK-LABEL: func.func @cycle(
// CHECK-COUNT-1: = vk.kernel cube
// CHECK-COUNT-1: = vk.kernel vector
// CHECK-COUNT-1: = vk.kernel cube
// CHECK-NOT:     vk.kernel
func.func @cycle(%x : !square) -> !square {
  %0 = dvm.matmul %x, %x trans_a false trans_b false : !square, !square -> !square
  %1 = dvm.reduce Sum %0 dims [0] keepdims false : !square -> tensor<8xf32>
  %2 = dvm.matmul %x, %x trans_a true trans_b false bias %1 : !square, !square, tensor<8xf32> -> !square
  return %2 : !square
}

// A product's result exists under its own axes only.
// EXPLAIN:      remark: dvm.transpose: apart from dvm.matmul at {{.*}}: cubes side by side: it transposes or slices the result, which exists under its own axes only
// CHECK-LABEL: func.func @transposed(
// CHECK-COUNT-1: = vk.kernel cube
// CHECK-COUNT-1: = vk.kernel mix
// CHECK-NOT:     vk.kernel
func.func @transposed(%x : !square) -> !square {
  %0 = dvm.matmul %x, %x trans_a false trans_b false : !square, !square -> !square
  %1 = dvm.matmul %x, %x trans_a true trans_b false : !square, !square -> !square
  %2 = dvm.transpose %0 permutation [1, 0] : !square -> !square
  %3 = dvm.binary Add %1, %2 : !square, !square -> !square
  return %3 : !square
}
