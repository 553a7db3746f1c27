// RUN: dvm-opt %s -p dvm-fuse | filecheck %s
// RUN: dvm-opt %s -p 'dvm-fuse{explain=true}' 2>&1 >/dev/null | filecheck %s --check-prefix=EXPLAIN

// What a concat lays together is loaded from where it lies, through transpositions and slices.

!x = tensor<?x64xf32, #dvm.sym<["s0", "64"]>>
!half = tensor<?x32xf32, #dvm.sym<["s0", "32"]>>
!cache = tensor<4x?x16xf32, #dvm.sym<["4", "s1", "16"]>>
!grown = tensor<4x?x16xf32, #dvm.sym<["4", "s0 + s1", "16"]>>

// Rotary embedding: the halves of x change places, and the one that comes first changes its sign.
// EXPLAIN: remark: dvm.concat: joined with dvm.unary Neg at {{.*}} by view laid together: it is loaded from where it lies in memory
// CHECK-LABEL: func.func @rotated(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}}, %c_1 = %c : {{.*}}, %s_1 = %s : {{.*}})
// CHECK-NEXT:      %1 = dvm.slice %x_1 starts [0, 32]
// CHECK-NEXT:      %2 = dvm.slice %x_1 starts [0, 0]
// CHECK-NEXT:      %3 = dvm.unary Neg %1 :
// CHECK-NEXT:      %4 = dvm.concat %3, %2 axis 1 :
// CHECK-NEXT:      %5 = dvm.binary Mul %x_1, %c_1 :
// CHECK-NEXT:      %6 = dvm.binary Mul %4, %s_1 :
// CHECK-NEXT:      %7 = dvm.binary Add %5, %6 :
// CHECK-NEXT:      vk.yield %7 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @rotated(%x : !x, %c : !x, %s : !x) -> !x {
  %0 = dvm.slice %x starts [0, 32] sizes ["s0", 32] steps [1, 1] : !x -> !half
  %1 = dvm.slice %x starts [0, 0] sizes ["s0", 32] steps [1, 1] : !x -> !half
  %2 = dvm.unary Neg %0 : !half -> !half
  %3 = dvm.concat %2, %1 axis 1 : !half, !half -> !x
  %4 = dvm.binary Mul %x, %c : !x, !x -> !x
  %5 = dvm.binary Mul %3, %s : !x, !x -> !x
  %6 = dvm.binary Add %4, %5 : !x, !x -> !x
  return %6 : !x
}

// A cache that grows by the keys of new tokens, which lie by tokens and not by heads.
// EXPLAIN: remark: dvm.concat: joined with dvm.transpose at {{.*}} by view laid together
// CHECK-LABEL: func.func @grown(
// CHECK-NEXT:    %0 = dvm.reshape %x shape ["s0", 4, 16] :
// CHECK-NEXT:    %1 = vk.kernel vector @k0(%2 = %0 : {{.*}}, %cache_1 = %cache : {{.*}})
// CHECK-NEXT:      %3 = dvm.transpose %2 permutation [1, 0, 2] :
// CHECK-NEXT:      %4 = dvm.concat %cache_1, %3 axis 1 :
// CHECK-NEXT:      vk.yield %4 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %1 :
func.func @grown(%cache : !cache, %x : !x) -> !grown {
  %0 = dvm.reshape %x shape ["s0", 4, 16] : !x -> tensor<?x4x16xf32, #dvm.sym<["s0", "4", "16"]>>
  %1 = dvm.transpose %0 permutation [1, 0, 2] : tensor<?x4x16xf32, #dvm.sym<["s0", "4", "16"]>> -> tensor<4x?x16xf32, #dvm.sym<["4", "s0", "16"]>>
  %2 = dvm.concat %cache, %1 axis 1 : !cache, tensor<4x?x16xf32, #dvm.sym<["4", "s0", "16"]>> -> !grown
  return %2 : !grown
}

// Two that use one view have one each; the second operand starts at the beginning of what it is cut from.
// CHECK-LABEL: func.func @cut_for_two(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%x_1 = %x : {{.*}}, %y_1 = %y : {{.*}})
// CHECK-NEXT:      %1 = dvm.slice %x_1 starts [0, 0]
// CHECK-NEXT:      %2 = dvm.concat %y_1, %1 axis 1 :
// CHECK-NEXT:      vk.yield %2 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(%x_1 = %x : {{.*}})
// CHECK-NEXT:      %2 = dvm.slice %x_1 starts [0, 0]
// CHECK-NEXT:      %3 = dvm.unary Exp %2 :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0, %1 :
func.func @cut_for_two(%x : !x, %y : !half) -> (!x, !half) {
  %0 = dvm.slice %x starts [0, 0] sizes ["s0", 32] steps [1, 1] : !x -> !half
  %1 = dvm.concat %y, %0 axis 1 : !half, !half -> !x
  %2 = dvm.unary Exp %0 : !half -> !half
  return %1, %2 : !x, !half
}

// A view of a view, and one of a factor of a product.
// EXPLAIN: remark: dvm.transpose: joined with dvm.slice at {{.*}} by view of view: what lies in memory is read by other indices
// EXPLAIN: remark: dvm.matmul: joined with dvm.transpose at {{.*}} by view of factor: the product reads [32, s0] by other indices
// CHECK-LABEL: func.func @cut_factor(
// CHECK-NEXT:    %0 = vk.kernel cube @k0(%x_1 = %x : {{.*}}, %y_1 = %y : {{.*}})
// CHECK-NEXT:      %1 = dvm.slice %x_1 starts [0, 7]
// CHECK-NEXT:      %2 = dvm.transpose %1 permutation [1, 0] :
// CHECK-NEXT:      %3 = dvm.matmul %2, %y_1 trans_a false trans_b false :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %0 :
func.func @cut_factor(%x : !x, %y : !half) -> tensor<32x32xf32> {
  %0 = dvm.slice %x starts [0, 7] sizes ["s0", 32] steps [1, 1] : !x -> !half
  %1 = dvm.transpose %0 permutation [1, 0] : !half -> tensor<32x?xf32, #dvm.sym<["32", "s0"]>>
  %2 = dvm.matmul %1, %y trans_a false trans_b false : tensor<32x?xf32, #dvm.sym<["32", "s0"]>>, !half -> tensor<32x32xf32>
  return %2 : tensor<32x32xf32>
}

// --- what stays apart ---

// What comes before the second operand in memory would come over the first one.
// EXPLAIN: remark: dvm.concat: apart from dvm.slice at {{.*}}: view laid together: a value between them is read from memory by dvm.concat
// CHECK-LABEL: func.func @cut_from_the_middle(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(
// CHECK-NEXT:      dvm.slice
// CHECK-NEXT:      vk.yield
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(%y_1 = %y : {{.*}}, %2 = %0 :
// CHECK-NEXT:      dvm.concat
func.func @cut_from_the_middle(%x : !x, %y : !half) -> !x {
  %0 = dvm.slice %x starts [0, 1] sizes ["s0", 32] steps [1, 1] : !x -> !half
  %1 = dvm.concat %y, %0 axis 1 : !half, !half -> !x
  return %1 : !x
}

// Work on the second operand would be done on the first one, too; a step is no shift; what takes long is not done for more than is needed;
// and what the slice of an operand reads has to be in memory, whatever it is over.
// CHECK-LABEL: func.func @work_on_the_second(
// CHECK-COUNT-1: = vk.kernel vector
// CHECK-COUNT-1: = vk.kernel vector
// CHECK-NOT:     vk.kernel
func.func @work_on_the_second(%x : !half, %y : !half) -> !x {
  %0 = dvm.unary Neg %x : !half -> !half
  %1 = dvm.concat %y, %0 axis 1 : !half, !half -> !x
  return %1 : !x
}

// CHECK-LABEL: func.func @one_for_both(
// CHECK-COUNT-1: = vk.kernel vector
// CHECK-COUNT-1: = vk.kernel vector
// CHECK-NOT:     vk.kernel
func.func @one_for_both(%x : !half) -> !x {
  %0 = dvm.unary Neg %x : !half -> !half
  %1 = dvm.concat %0, %0 axis 1 : !half, !half -> !x
  return %1 : !x
}

// CHECK-LABEL: func.func @in_steps(
// CHECK-COUNT-1: = vk.kernel vector
// CHECK-COUNT-1: = vk.kernel vector
// CHECK-NOT:     vk.kernel
func.func @in_steps(%x : !x, %y : !half) -> !x {
  %0 = dvm.slice %x starts [0, 0] sizes ["s0", 32] steps [1, 2] : !x -> !half
  %1 = dvm.concat %0, %y axis 1 : !half, !half -> !x
  return %1 : !x
}

// CHECK-LABEL: func.func @expensive(
// CHECK-COUNT-1: = vk.kernel vector
// CHECK-COUNT-1: = vk.kernel vector
// CHECK-NOT:     vk.kernel
func.func @expensive(%x : !half, %y : !half) -> !x {
  %0 = dvm.unary Exp %x : !half -> !half
  %1 = dvm.concat %0, %y axis 1 : !half, !half -> !x
  return %1 : !x
}

// EXPLAIN: remark: dvm.slice: apart from dvm.unary Exp at {{.*}}: elementwise: a value between them is read from memory by dvm.slice
// CHECK-LABEL: func.func @computed(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(
// CHECK-NEXT:      dvm.unary Exp
// CHECK-NEXT:      vk.yield
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(
// CHECK-NEXT:      dvm.slice
// CHECK-NEXT:      dvm.concat
// CHECK-NEXT:      dvm.binary Add
// CHECK-NEXT:      vk.yield
// CHECK-NEXT:    }
func.func @computed(%x : !x, %y : !half) -> !x {
  %0 = dvm.unary Exp %x : !x -> !x
  %1 = dvm.slice %0 starts [0, 0] sizes ["s0", 32] steps [1, 1] : !x -> !half
  %2 = dvm.concat %1, %y axis 1 : !half, !half -> !x
  %3 = dvm.binary Add %0, %2 : !x, !x -> !x
  return %3 : !x
}

// Where s0 turns out to be 1 beside s1, what is sliced would be read at its first element, and not at the fourth.
// EXPLAIN: remark: dvm.binary Add: apart from dvm.transpose at {{.*}}; broadcast into consumer: [4, s0] does not provably broadcast to [4, bcast(s0, s1)]
// CHECK-LABEL: func.func @perhaps_stretched(
// CHECK-COUNT-1: = vk.kernel vector
// CHECK-COUNT-1: = vk.kernel vector
// CHECK-NOT:     vk.kernel
func.func @perhaps_stretched(%x : tensor<?x4xf32, #dvm.sym<["s0 + 3", "4"]>>, %y : tensor<?xf32, #dvm.sym<["s1"]>>) -> tensor<4x?xf32, #dvm.sym<["4", "bcast(s0, s1)"]>> {
  %0 = dvm.slice %x starts [3, 0] sizes ["s0", 4] steps [1, 1] : tensor<?x4xf32, #dvm.sym<["s0 + 3", "4"]>> -> tensor<?x4xf32, #dvm.sym<["s0", "4"]>>
  %1 = dvm.transpose %0 permutation [1, 0] : tensor<?x4xf32, #dvm.sym<["s0", "4"]>> -> tensor<4x?xf32, #dvm.sym<["4", "s0"]>>
  %2 = dvm.binary Add %1, %y : tensor<4x?xf32, #dvm.sym<["4", "s0"]>>, tensor<?xf32, #dvm.sym<["s1"]>> -> tensor<4x?xf32, #dvm.sym<["4", "bcast(s0, s1)"]>>
  return %2 : tensor<4x?xf32, #dvm.sym<["4", "bcast(s0, s1)"]>>
}
