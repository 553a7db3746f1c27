// RUN: dvm-opt %s -p dvm-fuse | filecheck %s
// RUN: dvm-opt %s -p 'dvm-fuse{explain=true}' 2>&1 >/dev/null | filecheck %s --check-prefix=EXPLAIN

// A concat or pad goes into the work on its result. What it reads is in memory, so most of its producers are kernels of their own
// (laid_together.mlir has those that are not).

!x = tensor<?x8xf32, #dvm.sym<["s0", "8"]>>
!y = tensor<?x16xf32, #dvm.sym<["s0", "16"]>>
!column = tensor<?x1xf32, #dvm.sym<["s0", "1"]>>
!square = tensor<8x8xf32>

// EXPLAIN: remark: dvm.unary Exp: joined with dvm.concat at {{.*}} by data movement into consumer: it loads what lies together over [s0, 16]
// EXPLAIN: remark: dvm.concat: apart from dvm.unary Sin at {{.*}}: elementwise: [s0, 8] and [s0, 16] are not provably equal;
// CHECK-LABEL: func.func @concat(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Sin %x_1 :
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(%2 = %0 : {{.*}}, %x_1 = %x : {{.*}}, %y_1 = %y : {{.*}})
// CHECK-NEXT:      %3 = dvm.concat %2, %x_1 axis 1 :
// CHECK-NEXT:      %4 = dvm.unary Exp %3 :
// CHECK-NEXT:      %5 = dvm.binary Add %4, %y_1 :
// CHECK-NEXT:      vk.yield %5 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %1 :
func.func @concat(%x : !x, %y : !y) -> !y {
  %0 = dvm.unary Sin %x : !x -> !x
  %1 = dvm.concat %0, %x axis 1 : !x, !x -> !y
  %2 = dvm.unary Exp %1 : !y -> !y
  %3 = dvm.binary Add %2, %y : !y, !y -> !y
  return %3 : !y
}

// A reduction, and work on both what is laid together and what is left of it; the whole is stored as well.
// CHECK-LABEL: func.func @reduced(
// CHECK-NEXT:    %0, %1 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %2 = dvm.pad %x_1 low [0, 4] high [0, 4] value 0.000000e+00 :
// CHECK-NEXT:      %3 = dvm.reduce Sum %2 dims [1] keepdims true :
// CHECK-NEXT:      %4 = dvm.binary Div %2, %3 :
// CHECK-NEXT:      vk.yield %2, %4 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0, %1 :
func.func @reduced(%x : !x) -> (!y, !y) {
  %0 = dvm.pad %x low [0, 4] high [0, 4] value 0.0 : !x -> !y
  %1 = dvm.reduce Sum %0 dims [1] keepdims true : !y -> !column
  %2 = dvm.binary Div %0, %1 : !y, !column -> !y
  return %0, %2 : !y, !y
}

// Over work that is stretched, where it is known which dims are.
// CHECK-LABEL: func.func @stretched(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%a_1 = %a : {{.*}}, %y_1 = %y : {{.*}})
// CHECK-NEXT:      %1 = dvm.concat %a_1, %a_1 axis 0 :
// CHECK-NEXT:      %2 = dvm.unary Exp %1 :
// CHECK-NEXT:      %3 = dvm.binary Add %2, %y_1 :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @stretched(%a : tensor<8xf32>, %y : !y) -> !y {
  %0 = dvm.concat %a, %a axis 0 : tensor<8xf32>, tensor<8xf32> -> tensor<16xf32>
  %1 = dvm.unary Exp %0 : tensor<16xf32> -> tensor<16xf32>
  %2 = dvm.binary Add %1, %y : tensor<16xf32>, !y -> !y
  return %2 : !y
}

// --- what stays apart ---

// Work over the same domain that a pad in the kernel reads.
// EXPLAIN: remark: dvm.binary Add: apart from dvm.unary Neg at {{.*}}: elementwise: a value between them is read from memory by dvm.pad at
// CHECK-LABEL: func.func @read_from_memory(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %1 = dvm.unary Neg %x_1 :
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(%2 = %0 : {{.*}})
// CHECK-NEXT:      %3 = dvm.pad %2 low [0, 0] high [0, 0] value 0.000000e+00 :
// CHECK-NEXT:      %4 = dvm.binary Add %3, %2 :
// CHECK-NEXT:      vk.yield %4 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %1 :
func.func @read_from_memory(%x : !square) -> !square {
  %0 = dvm.unary Neg %x : !square -> !square
  %1 = dvm.pad %0 low [0, 0] high [0, 0] value 0.0 : !square -> !square
  %2 = dvm.binary Add %1, %0 : !square, !square -> !square
  return %2 : !square
}

// EXPLAIN-NEXT: remark: dvm.unary Exp: apart from dvm.concat at {{.*}}: data movement into consumer: it lays together along a dim of 1, which has no axis
// CHECK-LABEL: func.func @along_one(
// CHECK-COUNT-1: = vk.kernel vector
// CHECK-COUNT-1: = vk.kernel vector
// CHECK-NOT:     vk.kernel
func.func @along_one(%x : tensor<0x8xf32>, %y : tensor<1x8xf32>) -> tensor<1x8xf32> {
  %0 = dvm.concat %x, %y axis 0 : tensor<0x8xf32>, tensor<1x8xf32> -> tensor<1x8xf32>
  %1 = dvm.unary Exp %0 : tensor<1x8xf32> -> tensor<1x8xf32>
  return %1 : tensor<1x8xf32>
}

// EXPLAIN-NEXT: remark: dvm.transpose: apart from dvm.concat at {{.*}}: data movement into consumer: it transposes or slices the result, which exists under its own axes only
// CHECK-LABEL: func.func @transposed(
// CHECK-COUNT-1: = vk.kernel vector
// CHECK-COUNT-1: = vk.kernel vector
// CHECK-NOT:     vk.kernel
func.func @transposed(%x : tensor<4x8xf32>) -> !square {
  %0 = dvm.concat %x, %x axis 0 : tensor<4x8xf32>, tensor<4x8xf32> -> !square
  %1 = dvm.transpose %0 permutation [1, 0] : !square -> !square
  return %1 : !square
}

// Where s0 turns out to be 1 beside s1, what is laid together would be read past its end instead of stretched.
// EXPLAIN:      remark: dvm.binary Add: apart from dvm.unary Exp at {{.*}}; broadcast into consumer: [s0] does not provably broadcast to [bcast(s0, s1)]
// CHECK-LABEL: func.func @perhaps_stretched(
// CHECK-COUNT-1: = vk.kernel vector
// CHECK-COUNT-1: = vk.kernel vector
// CHECK-NOT:     vk.kernel
func.func @perhaps_stretched(%x : tensor<?xf32, #dvm.sym<["s0"]>>, %y : tensor<?xf32, #dvm.sym<["s1"]>>) -> tensor<?xf32, #dvm.sym<["bcast(s0, s1)"]>> {
  %0 = dvm.pad %x low [0] high [0] value 0.0 : tensor<?xf32, #dvm.sym<["s0"]>> -> tensor<?xf32, #dvm.sym<["s0"]>>
  %1 = dvm.unary Exp %0 : tensor<?xf32, #dvm.sym<["s0"]>> -> tensor<?xf32, #dvm.sym<["s0"]>>
  %2 = dvm.binary Add %1, %y : tensor<?xf32, #dvm.sym<["s0"]>>, tensor<?xf32, #dvm.sym<["s1"]>> -> tensor<?xf32, #dvm.sym<["bcast(s0, s1)"]>>
  return %2 : tensor<?xf32, #dvm.sym<["bcast(s0, s1)"]>>
}

// A dim of 1 that is sliced away is not one that is stretched to 0: what is laid together is found by its index.
// EXPLAIN:      remark: dvm.slice: apart from dvm.unary Exp at {{.*}}; broadcast into consumer: what is laid together over [1, 3] is sliced, and found by other indices
// CHECK-LABEL: func.func @sliced_away(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(
// CHECK-NEXT:      dvm.concat
// CHECK-NEXT:      dvm.unary Exp
// CHECK-NEXT:      vk.yield
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(
// CHECK-NEXT:      dvm.slice
// CHECK-NEXT:      vk.yield
// CHECK-NEXT:    }
func.func @sliced_away(%x : tensor<1x2xf32>, %y : tensor<1x1xf32>) -> tensor<0x3xf32> {
  %0 = dvm.concat %x, %y axis 1 : tensor<1x2xf32>, tensor<1x1xf32> -> tensor<1x3xf32>
  %1 = dvm.unary Exp %0 : tensor<1x3xf32> -> tensor<1x3xf32>
  %2 = dvm.slice %1 starts [1, 0] sizes [0, 3] steps [1, 1] : tensor<1x3xf32> -> tensor<0x3xf32>
  return %2 : tensor<0x3xf32>
}

// Sliced in steps, a dim of 0 or 1 keeps its size: over the same domain, too, the slice finds by other indices what the
// kernel lays together, whichever pattern would join the two.
// EXPLAIN:      remark: dvm.slice: apart from dvm.concat at {{.*}}: elementwise: what is laid together over [1, 16] is sliced, and found by other indices
// CHECK-LABEL: func.func @sliced_in_steps(
// CHECK-NEXT:    %0, %1 = vk.kernel vector @k0(
// CHECK-NEXT:      dvm.concat
// CHECK-NEXT:      dvm.binary Add
// CHECK-NEXT:      vk.yield
// CHECK-NEXT:    }
// CHECK-NEXT:    %2 = vk.kernel vector @k1(%3 = %0 :
// CHECK-NEXT:      dvm.slice
// CHECK-NEXT:      dvm.unary Exp
// CHECK-NEXT:      vk.yield
// CHECK-NEXT:    }
!row = tensor<1x16xf32>
func.func @sliced_in_steps(%x : tensor<1x8xf32>, %y : !row) -> (!row, !row) {
  %0 = dvm.concat %x, %x axis 1 : tensor<1x8xf32>, tensor<1x8xf32> -> !row
  %1 = dvm.binary Add %0, %y : !row, !row -> !row
  %2 = dvm.slice %0 starts [0, 0] sizes [1, 16] steps [2, 1] : !row -> !row
  %3 = dvm.unary Exp %2 : !row -> !row
  return %1, %3 : !row, !row
}

// EXPLAIN:      remark: dvm.slice: apart from dvm.pad at {{.*}}: producer into reduction: what is laid together over [s0, 16] is sliced, and found by other indices
// CHECK-LABEL: func.func @sliced_in_steps_and_reduced(
// CHECK-NEXT:    %0, %1 = vk.kernel vector @k0(
// CHECK-NEXT:      dvm.pad
// CHECK-NEXT:      dvm.binary Add
// CHECK-NEXT:      vk.yield
// CHECK-NEXT:    }
// CHECK-NEXT:    %2 = vk.kernel vector @k1(%3 = %0 :
// CHECK-NEXT:      dvm.slice
// CHECK-NEXT:      dvm.reduce Sum
// CHECK-NEXT:      vk.yield
// CHECK-NEXT:    }
func.func @sliced_in_steps_and_reduced(%x : !x, %y : !y) -> (!y, !column) {
  %0 = dvm.pad %x low [0, 4] high [0, 4] value 0.0 : !x -> !y
  %1 = dvm.binary Add %0, %y : !y, !y -> !y
  %2 = dvm.slice %0 starts [0, 0] sizes ["s0", 16] steps [2, 1] : !y -> !y
  %3 = dvm.reduce Sum %2 dims [1] keepdims true : !y -> !column
  return %1, %3 : !y, !column
}

// A slice of something else does not mind.
// CHECK-LABEL: func.func @sliced_beside(
// CHECK-COUNT-1: = vk.kernel vector
// CHECK-NOT:     vk.kernel
// CHECK:         return
func.func @sliced_beside(%x : !x, %y : tensor<?x20xf32, #dvm.sym<["s0", "20"]>>) -> !y {
  %0 = dvm.pad %x low [0, 4] high [0, 4] value 0.0 : !x -> !y
  %1 = dvm.unary Exp %0 : !y -> !y
  %2 = dvm.slice %y starts [0, 4] sizes [-1, 16] steps [1, 1] : tensor<?x20xf32, #dvm.sym<["s0", "20"]>> -> !y
  %3 = dvm.binary Add %1, %2 : !y, !y -> !y
  return %3 : !y
}

// CHECK-LABEL: func.func @stretched_beside_a_slice(
// CHECK-COUNT-1: = vk.kernel vector
// CHECK-NOT:     vk.kernel
// CHECK:         return
func.func @stretched_beside_a_slice(%a : tensor<8xf32>, %y : tensor<?x20xf32, #dvm.sym<["s0", "20"]>>) -> !y {
  %0 = dvm.concat %a, %a axis 0 : tensor<8xf32>, tensor<8xf32> -> tensor<16xf32>
  %1 = dvm.unary Exp %0 : tensor<16xf32> -> tensor<16xf32>
  %2 = dvm.slice %y starts [0, 4] sizes [-1, 16] steps [1, 1] : tensor<?x20xf32, #dvm.sym<["s0", "20"]>> -> !y
  %3 = dvm.binary Add %1, %2 : tensor<16xf32>, !y -> !y
  return %3 : !y
}
