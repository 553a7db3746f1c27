// RUN: dvm-opt %s -p vk-speculate --split-input-file | filecheck %s
// RUN: dvm-opt %s -p 'vk-speculate{unified-buffer-bytes=4096}' --split-input-file | filecheck %s --check-prefix SMALL

// RUN: not dvm-opt %s -p 'vk-speculate{unified-buffer-bytes=0}' --split-input-file 2>&1 | filecheck %s --check-prefix NONE
// NONE: vk-speculate: unified-buffer-bytes is 0, not positive

!r = tensor<?x?xf32, #dvm.sym<["rows", "columns"]>>
!k = tensor<?x1xf32, #dvm.sym<["rows", "1"]>>

// Softmax over the last axis: apart where a row of more than 1.5 MiB / 4 bytes does not fit (one tile is live at a time) and there are few rows. Each reduction
// computes again what it needs; results of reductions are passed on. The other alternative is the kernel as it was.

// CHECK-LABEL: func.func @softmax
// CHECK-NEXT:    %y = vk.speculate (%x) : {{.*}} if "columns > 393216 and rows < 4" {
// CHECK-NEXT:    ^{{.*}}(%a: {{.*}}):
// CHECK-NEXT:      %m = vk.kernel vector @k0_0(%a{{.*}} = %a : {{.*}}) -> tensor<?x1xf32, {{.*}}> {
// CHECK-NEXT:        %m{{.*}} = dvm.reduce Max %a{{.*}} dims [1]
// CHECK-NEXT:        vk.yield %m
// CHECK-NEXT:      }
// CHECK-NEXT:      %s = vk.kernel vector @k0_1(%a{{.*}} = %a : {{.*}}, %m{{.*}} = %m : {{.*}}) -> tensor<?x1xf32, {{.*}}> {
// CHECK-NEXT:        %d = dvm.binary Sub
// CHECK-NEXT:        %e = dvm.unary Exp %d
// CHECK-NEXT:        %s{{.*}} = dvm.reduce Sum %e dims [1]
// CHECK-NEXT:        vk.yield %s
// CHECK-NEXT:      }
// CHECK-NEXT:      %q = vk.kernel vector @k0_2(%s{{.*}} = %s : {{.*}}, %a{{.*}} = %a : {{.*}}, %m{{.*}} = %m : {{.*}}) -> tensor<?x?xf32, {{.*}}> {
// CHECK-NEXT:        %d = dvm.binary Sub
// CHECK-NEXT:        %e = dvm.unary Exp %d
// CHECK-NEXT:        %{{.*}} = dvm.binary Div %e, %s
// CHECK-NEXT:        vk.yield
// CHECK-NEXT:      }
// CHECK-NEXT:      vk.yield %q
// CHECK-NEXT:    } else {
// CHECK-NEXT:    ^{{.*}}(%{{.*}}: {{.*}}):
// CHECK-NEXT:      %y{{.*}} = vk.kernel vector @k0(
// CHECK-NEXT:        %{{.*}} = dvm.reduce Max
// CHECK-NEXT:        %{{.*}} = dvm.binary Sub
// CHECK-NEXT:        %{{.*}} = dvm.unary Exp
// CHECK-NEXT:        %{{.*}} = dvm.reduce Sum
// CHECK-NEXT:        %{{.*}} = dvm.binary Div
// CHECK-NEXT:        vk.yield
// CHECK-NEXT:      }
// CHECK-NEXT:      vk.yield
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %y

// SMALL-LABEL: func.func @softmax
// SMALL-NEXT:    {{.*}} = vk.speculate (%x) : {{.*}} if "columns > 1024 and rows < 4" {
func.func @softmax(%x : !r) -> !r {
  %y = vk.kernel vector @k0(%a = %x : !r) -> !r {
    %m = dvm.reduce Max %a dims [1] keepdims true : !r -> !k
    %d = dvm.binary Sub %a, %m : !r, !k -> !r
    %e = dvm.unary Exp %d : !r -> !r
    %s = dvm.reduce Sum %e dims [1] keepdims true : !r -> !k
    %q = dvm.binary Div %e, %s : !r, !k -> !r
    vk.yield %q : !r
  }
  return %y : !r
}

// -----

!r = tensor<?x?xf32, #dvm.sym<["rows", "columns"]>>
!k = tensor<1x?xf32, #dvm.sym<["1", "columns"]>>

// A reduction that leaves the last axis: apart where not even a tile of 256 columns fits, nor one of all.

// CHECK-LABEL: func.func @over_rows
// CHECK-NEXT:    {{.*}} = vk.speculate (%x) : {{.*}} if "256*rows > 393216 and columns*rows > 393216" {
// CHECK:           vk.kernel vector @k0_0
// CHECK:           vk.kernel vector @k0_1
// CHECK:         } else {
// CHECK:           vk.kernel vector @k0(
func.func @over_rows(%x : !r) -> !r {
  %y = vk.kernel vector @k0(%a = %x : !r) -> !r {
    %m = dvm.reduce Max %a dims [0] keepdims true : !r -> !k
    %d = dvm.binary Sub %a, %m : !r, !k -> !r
    vk.yield %d : !r
  }
  return %y : !r
}

// -----

!r = tensor<?x4096xf32, #dvm.sym<["rows", "4096"]>>
!l = tensor<?xf32, #dvm.sym<["rows"]>>
!many = tensor<?x4x?xf32, #dvm.sym<["rows", "4", "columns"]>>
!manyk = tensor<?x4x1xf32, #dvm.sym<["rows", "4", "1"]>>

// Rows that are known to fit are left as they are; with a buffer for 1024 elements only the number of rows is a question.

// CHECK-LABEL: func.func @fits
// CHECK-NEXT:    {{.*}} = vk.kernel vector @k0(
// CHECK-NOT:     vk.speculate
// SMALL-LABEL: func.func @fits
// SMALL-NEXT:    {{.*}} = vk.speculate (%x) : {{.*}} if "rows < 4" {
func.func @fits(%x : !r) -> (!r, !l) {
  %y, %z = vk.kernel vector @k0(%a = %x : !r) -> (!r, !l) {
    %s = dvm.reduce Sum %a dims [1] keepdims true : !r -> tensor<?x1xf32, #dvm.sym<["rows", "1"]>>
    %t = dvm.reduce Max %a dims [1] keepdims false : !r -> !l
    %d = dvm.binary Div %a, %s : !r, tensor<?x1xf32, #dvm.sym<["rows", "1"]>> -> !r
    vk.yield %d, %t : !r, !l
  }
  return %y, %z : !r, !l
}

// Four rows at least, or none: never few.

// CHECK-LABEL: func.func @never_few
// CHECK-NEXT:    {{.*}} = vk.kernel vector @k0(
// CHECK-NOT:     vk.speculate
func.func @never_few(%x : !many) -> !many {
  %y = vk.kernel vector @k0(%a = %x : !many) -> !many {
    %s = dvm.reduce Sum %a dims [2] keepdims true : !many -> !manyk
    %d = dvm.binary Div %a, %s : !many, !manyk -> !many
    vk.yield %d : !many
  }
  return %y : !many
}

// -----

// All sizes known: apart at once. Reductions of one stage are one kernel, and outputs of each shape another.

// CHECK-LABEL: func.func @known
// CHECK-NEXT:    %s, %t = vk.kernel vector @k0_0(%a = %x : tensor<2x999999xf32>) -> (tensor<2x1xf32>, tensor<2xf32>) {
// CHECK-NEXT:      %s{{.*}} = dvm.reduce Sum %a
// CHECK-NEXT:      %t{{.*}} = dvm.reduce Max %a
// CHECK-NEXT:      vk.yield
// CHECK-NEXT:    }
// CHECK-NEXT:    %y = vk.kernel vector @k0_1(%a = %x : tensor<2x999999xf32>, %s{{.*}} = %s : tensor<2x1xf32>) -> tensor<2x999999xf32> {
// CHECK:         %w = vk.kernel vector @k0_2(%t{{.*}} = %t : tensor<2xf32>) -> tensor<2xf32> {
// CHECK:         func.return %y, %t, %w
func.func @known(%x : tensor<2x999999xf32>) -> (tensor<2x999999xf32>, tensor<2xf32>, tensor<2xf32>) {
  %y, %z, %w = vk.kernel vector @k0(%a = %x : tensor<2x999999xf32>) -> (tensor<2x999999xf32>, tensor<2xf32>, tensor<2xf32>) {
    %s = dvm.reduce Sum %a dims [1] keepdims true : tensor<2x999999xf32> -> tensor<2x1xf32>
    %t = dvm.reduce Max %a dims [1] keepdims false : tensor<2x999999xf32> -> tensor<2xf32>
    %y = dvm.binary Div %a, %s : tensor<2x999999xf32>, tensor<2x1xf32> -> tensor<2x999999xf32>
    %w = dvm.unary Exp %t : tensor<2xf32> -> tensor<2xf32>
    vk.yield %y, %t, %w : tensor<2x999999xf32>, tensor<2xf32>, tensor<2xf32>
  }
  return %y, %z, %w : tensor<2x999999xf32>, tensor<2xf32>, tensor<2xf32>
}

// -----

!r = tensor<?x?xf32, #dvm.sym<["rows", "columns"]>>
!l = tensor<?xf32, #dvm.sym<["rows"]>>

// What reads its domain once is left alone: a reduction with work on what it leaves, work without a reduction, a product.

// CHECK-LABEL: func.func @once
// CHECK-NOT:     vk.speculate
func.func @once(%x : !r, %w : !r) -> (!l, !r, tensor<4x4xf32>) {
  %y = vk.kernel vector @k0(%a = %x : !r) -> !l {
    %s = dvm.reduce Sum %a dims [1] keepdims false : !r -> !l
    %e = dvm.unary Exp %s : !l -> !l
    vk.yield %e : !l
  }
  %z = vk.kernel vector @k1(%a = %x : !r) -> !r {
    %e = dvm.unary Exp %a : !r -> !r
    vk.yield %e : !r
  }
  %c = dvm.constant dense<1.0> : tensor<4x4xf32>
  %p = vk.kernel cube @k2(%a = %c : tensor<4x4xf32>) -> tensor<4x4xf32> {
    %e = dvm.matmul %a, %a trans_a false trans_b false : tensor<4x4xf32>, tensor<4x4xf32> -> tensor<4x4xf32>
    vk.yield %e : tensor<4x4xf32>
  }
  return %y, %z, %p : !l, !r, tensor<4x4xf32>
}

// -----

!a = tensor<?x?xf32, #dvm.sym<["a", "b"]>>
!ak = tensor<?x1xf32, #dvm.sym<["a", "1"]>>
!c = tensor<?x?xf32, #dvm.sym<["c", "d"]>>
!ck = tensor<?x1xf32, #dvm.sym<["c", "1"]>>
!e = tensor<?x?xf32, #dvm.sym<["e", "f"]>>
!ek = tensor<?x1xf32, #dvm.sym<["e", "1"]>>
!g = tensor<?x?xf32, #dvm.sym<["g", "h"]>>
!gk = tensor<?x1xf32, #dvm.sym<["g", "1"]>>

// Three different conditions at most: the fourth kernel stays as it is, but the fifth asks what the first does.

// CHECK-LABEL: func.func @conditions
// CHECK:         vk.speculate {{.*}} if "b > 393216 and a < 4"
// CHECK:         vk.speculate {{.*}} if "d > 393216 and c < 4"
// CHECK:         vk.speculate {{.*}} if "f > 393216 and e < 4"
// CHECK-NOT:     vk.speculate
// CHECK:         vk.kernel vector @fourth(
// CHECK:         vk.speculate {{.*}} if "b > 393216 and a < 4"
func.func @conditions(%w : !a, %x : !c, %y : !e, %z : !g) -> (!a, !c, !e, !g, !a) {
  %0 = vk.kernel vector @first(%v = %w : !a) -> !a {
    %s = dvm.reduce Sum %v dims [1] keepdims true : !a -> !ak
    %d = dvm.binary Div %v, %s : !a, !ak -> !a
    vk.yield %d : !a
  }
  %1 = vk.kernel vector @second(%v = %x : !c) -> !c {
    %s = dvm.reduce Sum %v dims [1] keepdims true : !c -> !ck
    %d = dvm.binary Div %v, %s : !c, !ck -> !c
    vk.yield %d : !c
  }
  %2 = vk.kernel vector @third(%v = %y : !e) -> !e {
    %s = dvm.reduce Sum %v dims [1] keepdims true : !e -> !ek
    %d = dvm.binary Div %v, %s : !e, !ek -> !e
    vk.yield %d : !e
  }
  %3 = vk.kernel vector @fourth(%v = %z : !g) -> !g {
    %s = dvm.reduce Sum %v dims [1] keepdims true : !g -> !gk
    %d = dvm.binary Div %v, %s : !g, !gk -> !g
    vk.yield %d : !g
  }
  %4 = vk.kernel vector @fifth(%v = %0 : !a) -> !a {
    %s = dvm.reduce Max %v dims [1] keepdims true : !a -> !ak
    %d = dvm.binary Div %v, %s : !a, !ak -> !a
    vk.yield %d : !a
  }
  return %0, %1, %2, %3, %4 : !a, !c, !e, !g, !a
}

// -----

// A product of computed rows: apart where the right factor is large.

!q = tensor<?x?xf32, #dvm.sym<["m", "k"]>>
!z = tensor<?x?xf32, #dvm.sym<["m", "n"]>>
// CHECK-LABEL: func.func @rows
// CHECK-NEXT:    %y = vk.speculate (%x, %w) : {{.*}} if "k*n > 262144" {
// CHECK-NEXT:    ^{{.*}}:
// CHECK-NEXT:      %r = vk.kernel vector @k0_0(
// CHECK-NEXT:        %{{.*}} = dvm.unary Exp
// CHECK-NEXT:        vk.yield
// CHECK-NEXT:      }
// CHECK-NEXT:      %e = vk.kernel mix @k0_1(%r_1 = %r : {{.*}}, %b_1 = %b : {{.*}})
// CHECK-NEXT:        %p = dvm.matmul %r_1, %b_1
// CHECK-NEXT:        %{{.*}} = dvm.unary Exp %p
// CHECK-NEXT:        vk.yield
// CHECK-NEXT:      }
// CHECK-NEXT:      vk.yield %e
// CHECK-NEXT:    } else {
// CHECK-NEXT:    ^{{.*}}:
// CHECK-NEXT:      %{{.*}} = vk.kernel mix @k0(
func.func @rows(%x : !q, %w : tensor<?x?xf32, #dvm.sym<["k", "n"]>>) -> !z {
  %y = vk.kernel mix @k0(%a = %x : !q, %b = %w : tensor<?x?xf32, #dvm.sym<["k", "n"]>>) -> !z {
    %r = dvm.unary Exp %a : !q -> !q
    %p = dvm.matmul %r, %b trans_a false trans_b false : !q, tensor<?x?xf32, #dvm.sym<["k", "n"]>> -> !z
    %e = dvm.unary Exp %p : !z -> !z
    vk.yield %e : !z
  }
  return %y : !z
}

// -----

// Of few columns: apart where neither 32 rows fit nor all there are.

!q = tensor<?x?xf32, #dvm.sym<["m", "k"]>>
!z = tensor<?x8xf32, #dvm.sym<["m", "8"]>>
// CHECK-LABEL: func.func @few_columns
// CHECK-NEXT:    %y = vk.speculate (%x, %w) : {{.*}} if "128*k + 1024 > 1572864 and 4*k*m + 32*m > 1572864" {
// CHECK-NEXT:    ^{{.*}}:
// CHECK-NEXT:      %r = vk.kernel vector @k0_0(
// CHECK-NEXT:        %{{.*}} = dvm.unary Exp
// CHECK-NEXT:        vk.yield
// CHECK-NEXT:      }
// CHECK-NEXT:      %p = vk.kernel cube @k0_1(
func.func @few_columns(%x : !q, %w : tensor<?x8xf32, #dvm.sym<["k", "8"]>>) -> !z {
  %y = vk.kernel mix @k0(%a = %x : !q, %b = %w : tensor<?x8xf32, #dvm.sym<["k", "8"]>>) -> !z {
    %r = dvm.unary Exp %a : !q -> !q
    %p = dvm.matmul %r, %b trans_a false trans_b false : !q, tensor<?x8xf32, #dvm.sym<["k", "8"]>> -> !z
    vk.yield %p : !z
  }
  return %y : !z
}
