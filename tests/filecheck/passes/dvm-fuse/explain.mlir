// RUN: dvm-opt %s -p 'dvm-fuse{explain=true}' 2>&1 >/dev/null | filecheck %s
// RUN: dvm-opt %s -p dvm-fuse 2>&1 | filecheck %s --check-prefix=SILENT

// A remark for each merge as it is made, then one for each pair of neighbours that stays apart.

// SILENT-NOT: remark

!full = tensor<?x8xf32, #dvm.sym<["s0", "8"]>>
!column = tensor<?x1xf32, #dvm.sym<["s0", "1"]>>
!s0 = tensor<?xf32, #dvm.sym<["s0"]>>
!s1 = tensor<?xf32, #dvm.sym<["s1"]>>
!joined = tensor<?xf32, #dvm.sym<["bcast(s0, s1)"]>>
!row = tensor<8xf32>
!square = tensor<8x8xf32>

// CHECK:      {{.*}}explain.mlir:19:6: remark: dvm.unary Exp: joined with dvm.unary Neg at {{.*}}explain.mlir:18 by elementwise: both are over [s0, 8]
func.func @place(%x : !full) -> !full {
  %0 = dvm.unary Neg %x : !full -> !full
     %1 = dvm.unary Exp %0 : !full -> !full
  return %1 : !full
}

// CHECK-NEXT: remark: dvm.binary Add: joined with dvm.unary Tanh at {{.*}} by broadcast into consumer: [8] broadcasts to [s0, 8]
// CHECK-NEXT: remark: dvm.reduce Sum: joined with dvm.binary Add at {{.*}} by producer into reduction: both are over [s0, 8]
// CHECK-NEXT: remark: dvm.unary Sqrt: joined with dvm.reduce Sum at {{.*}} by reduction into consumer: it works on what the reduction leaves, [s0, 1]
func.func @joined(%x : !full, %b : !row) -> !column {
  %0 = dvm.unary Tanh %b : !row -> !row
  %1 = dvm.binary Add %x, %0 : !full, !row -> !full
  %2 = dvm.reduce Sum %1 dims [1] keepdims true : !full -> !column
  %3 = dvm.unary Sqrt %2 : !column -> !column
  return %3 : !column
}

// CHECK-NEXT: remark: dvm.binary Div: joined with dvm.reduce Sum at {{.*}} by reduction into consumer: both are over [s0, 8]
func.func @joined_by_broadcasts(%x : !full) -> !full {
  %0 = dvm.reduce Sum %x dims [0] keepdims false : !full -> !row
  %1 = dvm.binary Div %x, %0 : !full, !row -> !full
  return %1 : !full
}

// CHECK-NEXT: remark: dvm.unary Exp: joined with dvm.matmul at {{.*}} by cube into elementwise: it works on blocks of the product, [8, 8]
func.func @joined_with_a_product(%x : !square) -> !square {
  %0 = dvm.matmul %x, %x trans_a false trans_b false : !square, !square -> !square
  %1 = dvm.unary Exp %0 : !square -> !square
  return %1 : !square
}

// CHECK-NEXT: remark: dvm.slice: apart from dvm.unary Neg at {{.*}}: elementwise: [s0, 8] and [s0, 4] are not provably equal; broadcast into consumer: [s0, 8] does not provably broadcast to [s0, 4]
func.func @not_equal(%x : !full) -> tensor<?x4xf32, #dvm.sym<["s0", "4"]>> {
  %0 = dvm.unary Neg %x : !full -> !full
  %1 = dvm.slice %0 starts [0, 2] sizes ["s0", 4] steps [1, 1] : !full -> tensor<?x4xf32, #dvm.sym<["s0", "4"]>>
  return %1 : tensor<?x4xf32, #dvm.sym<["s0", "4"]>>
}

// CHECK-NEXT: remark: dvm.binary Add: apart from dvm.unary Exp at {{.*}}: elementwise: [8] and [s0, 8] are not provably equal; broadcast into consumer: someone else needs its values, which are stored over their own shape [8]
func.func @needed_by_others(%x : !full, %b : !row) -> (!full, !row) {
  %0 = dvm.unary Exp %b : !row -> !row
  %1 = dvm.binary Add %x, %0 : !full, !row -> !full
  return %1, %0 : !full, !row
}

// CHECK-NEXT: remark: dvm.reduce Max: apart from dvm.reduce Sum at {{.*}}: reduction into consumer: they reduce different dims, [1] and [0]
func.func @different_dims(%x : !full) -> tensor<1x1xf32> {
  %0 = dvm.reduce Sum %x dims [1] keepdims true : !full -> !column
  %1 = dvm.reduce Max %0 dims [0] keepdims true : !column -> tensor<1x1xf32>
  return %1 : tensor<1x1xf32>
}

// CHECK-COUNT-3: joined with dvm.reduce Sum
// CHECK-NEXT:    remark: dvm.reduce Sum: apart from dvm.reduce Sum at {{.*}}: reduction into consumer: they have more than 4 reductions together
func.func @depth(%x : !column) -> !column {
  %0 = dvm.reduce Sum %x dims [1] keepdims true : !column -> !column
  %1 = dvm.reduce Sum %0 dims [1] keepdims true : !column -> !column
  %2 = dvm.reduce Sum %1 dims [1] keepdims true : !column -> !column
  %3 = dvm.reduce Sum %2 dims [1] keepdims true : !column -> !column
  %4 = dvm.reduce Sum %3 dims [1] keepdims true : !column -> !column
  return %4 : !column
}

// CHECK-NEXT: remark: dvm.binary Div: apart from dvm.reduce Sum at {{.*}}: reduction into consumer: what the reduction leaves of [8, 8] would be stretched along other axes
func.func @other_axes(%x : !square) -> !square {
  %0 = dvm.reduce Sum %x dims [1] keepdims false : !square -> !row
  %1 = dvm.binary Div %x, %0 : !square, !row -> !square
  return %1 : !square
}

// CHECK-NEXT: remark: dvm.broadcast: apart from dvm.reduce Sum at {{.*}}: reduction into consumer: [3, s0, 1] is neither [s0, 8] nor what the reduction leaves of it
func.func @another_domain(%x : !full) -> tensor<3x?x1xf32, #dvm.sym<["3", "s0", "1"]>> {
  %0 = dvm.reduce Sum %x dims [1] keepdims true : !full -> !column
  %1 = dvm.broadcast %0 shape [3, "s0", 1] : !column -> tensor<3x?x1xf32, #dvm.sym<["3", "s0", "1"]>>
  return %1 : tensor<3x?x1xf32, #dvm.sym<["3", "s0", "1"]>>
}

// CHECK-NEXT: remark: dvm.transpose: joined with dvm.matmul at {{.*}} by transposed product: the product is stored as [8, 8]
func.func @transposed(%x : !square) -> !square {
  %0 = dvm.matmul %x, %x trans_a false trans_b false : !square, !square -> !square
  %1 = dvm.transpose %0 permutation [1, 0] : !square -> !square
  return %1 : !square
}

// CHECK-NEXT: remark: dvm.matmul: joined with dvm.transpose at {{.*}} by view of factor: the product reads [8, 8] by other indices
func.func @transposed_factor(%x : !square) -> !square {
  %0 = dvm.transpose %x permutation [1, 0] : !square -> !square
  %1 = dvm.matmul %0, %x trans_a false trans_b false : !square, !square -> !square
  return %1 : !square
}

// The gather between the two would have to run before and after the one kernel.
// CHECK-NEXT: remark: dvm.gather: apart from dvm.unary Exp at {{.*}}: no pattern takes 'elementwise' into 'data movement'
// CHECK-NEXT: remark: dvm.binary Add: apart from dvm.unary Exp at {{.*}}: elementwise: what lies between them would make a cycle; broadcast into consumer: someone else needs its values, which are stored over their own shape [8, 8]
// CHECK-NEXT: remark: dvm.binary Add: apart from dvm.gather at {{.*}}: data movement into consumer: a gather is a kernel of its own
func.func @cycle(%x : !square, %i : tensor<8xi32>) -> !square {
  %0 = dvm.unary Exp %x : !square -> !square
  %1 = dvm.gather %0, %i axis 0 : !square, tensor<8xi32> -> !square
  %2 = dvm.binary Add %0, %1 : !square, !square -> !square
  return %2 : !square
}

// Constants and reshapes are no kernels.
// CHECK-NOT: remark
func.func @no_kernels(%x : !square) -> tensor<64xf32> {
  %0 = dvm.reshape %x shape [64] : !square -> tensor<64xf32>
  %1 = dvm.constant dense<1.0> : tensor<64xf32>
  %2 = dvm.binary Add %0, %1 : tensor<64xf32>, tensor<64xf32> -> tensor<64xf32>
  return %2 : tensor<64xf32>
}
