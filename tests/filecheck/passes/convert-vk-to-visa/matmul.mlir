// RUN: dvm-opt %s -p convert-vk-to-visa | filecheck %s

// The domain of a matrix product is the batch dims, then m, n and k, of which k is reduced.

!x = tensor<?x8xf32, #dvm.sym<["s0", "8"]>>
!xt = tensor<8x?xf32, #dvm.sym<["8", "s0"]>>
!w = tensor<8x16xf32>
!wt = tensor<16x8xf32>
!y = tensor<?x16xf32, #dvm.sym<["s0", "16"]>>

// CHECK-LABEL: func.func @plain(
// CHECK-NEXT:    %r = visa.kernel cube @k0 domain [parallel "s0", parallel "16", reduction "8"] slots 0 (%x, %w :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1, d2) -> (d0, d2)>>, %b: !visa.global<f32, affine_map<(d0, d1, d2) -> (d2, d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1, d2) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.load f32 %b :
// CHECK-NEXT:      %3 = visa.matmul f32 %0, %1, %2 :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      visa.store f32 %3, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @plain(%x : !x, %w : !w) -> !y {
  %r = vk.kernel cube @k0(%a = %x : !x, %b = %w : !w) -> !y {
    %0 = dvm.matmul %a, %b trans_a false trans_b false : !x, !w -> !y
    vk.yield %0 : !y
  }
  return %r : !y
}

// A transposed operand is read through its access map.
// CHECK-LABEL: func.func @transposed_left(
// CHECK-NEXT:    %r = visa.kernel cube @k0 domain [parallel "s0", parallel "16", reduction "8"] slots 0 (%x, %w :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1, d2) -> (d2, d0)>>, %b: !visa.global<f32, affine_map<(d0, d1, d2) -> (d2, d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1, d2) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.load f32 %b :
// CHECK-NEXT:      %3 = visa.matmul f32 %0, %1, %2 :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      visa.store f32 %3, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @transposed_left(%x : !xt, %w : !w) -> !y {
  %r = vk.kernel cube @k0(%a = %x : !xt, %b = %w : !w) -> !y {
    %0 = dvm.matmul %a, %b trans_a true trans_b false : !xt, !w -> !y
    vk.yield %0 : !y
  }
  return %r : !y
}

// CHECK-LABEL: func.func @transposed_right(
// CHECK-NEXT:    %r = visa.kernel cube @k0 domain [parallel "s0", parallel "16", reduction "8"] slots 0 (%x, %w :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1, d2) -> (d0, d2)>>, %b: !visa.global<f32, affine_map<(d0, d1, d2) -> (d1, d2)>>, %r_1: !visa.global<f32, affine_map<(d0, d1, d2) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.load f32 %b :
// CHECK-NEXT:      %3 = visa.matmul f32 %0, %1, %2 :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      visa.store f32 %3, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @transposed_right(%x : !x, %w : !wt) -> !y {
  %r = vk.kernel cube @k0(%a = %x : !x, %b = %w : !wt) -> !y {
    %0 = dvm.matmul %a, %b trans_a false trans_b true : !x, !wt -> !y
    vk.yield %0 : !y
  }
  return %r : !y
}

// CHECK-LABEL: func.func @transposed_both(
// CHECK-NEXT:    %r = visa.kernel cube @k0 domain [parallel "s0", parallel "16", reduction "8"] slots 0 (%x, %w :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1, d2) -> (d2, d0)>>, %b: !visa.global<f32, affine_map<(d0, d1, d2) -> (d1, d2)>>, %r_1: !visa.global<f32, affine_map<(d0, d1, d2) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.load f32 %b :
// CHECK-NEXT:      %3 = visa.matmul f32 %0, %1, %2 :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      visa.store f32 %3, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @transposed_both(%x : !xt, %w : !wt) -> !y {
  %r = vk.kernel cube @k0(%a = %x : !xt, %b = %w : !wt) -> !y {
    %0 = dvm.matmul %a, %b trans_a true trans_b true : !xt, !wt -> !y
    vk.yield %0 : !y
  }
  return %r : !y
}

// One tensor is two operands where it is read in two ways.
// CHECK-LABEL: func.func @with_itself(
// CHECK-NEXT:    %r = visa.kernel cube @k0 domain [parallel "8", parallel "8", reduction "8"] slots 0 (%x, %x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1, d2) -> (d0, d2)>>, %a_1: !visa.global<f32, affine_map<(d0, d1, d2) -> (d1, d2)>>, %r_1: !visa.global<f32, affine_map<(d0, d1, d2) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.load f32 %a_1 :
// CHECK-NEXT:      %3 = visa.matmul f32 %0, %1, %2 :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      visa.store f32 %3, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @with_itself(%x : tensor<8x8xf32>) -> tensor<8x8xf32> {
  %r = vk.kernel cube @k0(%a = %x : tensor<8x8xf32>) -> tensor<8x8xf32> {
    %0 = dvm.matmul %a, %a trans_a false trans_b true : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
    vk.yield %0 : tensor<8x8xf32>
  }
  return %r : tensor<8x8xf32>
}

!xb = tensor<?x5x4x8xf32, #dvm.sym<["s0", "5", "4", "8"]>>
!wb = tensor<1x5x8x16xf32>
!w5 = tensor<5x8x16xf32>
!yb = tensor<?x5x4x16xf32, #dvm.sym<["s0", "5", "4", "16"]>>

// CHECK-LABEL: func.func @batches(
// CHECK-NEXT:    %r = visa.kernel cube @k0 domain [parallel "s0", parallel "5", parallel "4", parallel "16", reduction "8"] slots 0 (%x, %w :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d2, d4)>>, %b: !visa.global<f32, affine_map<(d0, d1, d2, d3, d4) -> (0, d1, d4, d3)>>, %r_1: !visa.global<f32, affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d2, d3)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.load f32 %b :
// CHECK-NEXT:      %3 = visa.matmul f32 %0, %1, %2 :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      visa.store f32 %3, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @batches(%x : !xb, %w : !wb) -> !yb {
  %r = vk.kernel cube @k0(%a = %x : !xb, %b = %w : !wb) -> !yb {
    %0 = dvm.matmul %a, %b trans_a false trans_b false : !xb, !wb -> !yb
    vk.yield %0 : !yb
  }
  return %r : !yb
}

// CHECK-LABEL: func.func @missing_batches(
// CHECK-NEXT:    %r = visa.kernel cube @k0 domain [parallel "s0", parallel "5", parallel "4", parallel "16", reduction "8"] slots 0 (%x, %w :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d2, d4)>>, %b: !visa.global<f32, affine_map<(d0, d1, d2, d3, d4) -> (d1, d4, d3)>>, %r_1: !visa.global<f32, affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d2, d3)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.load f32 %b :
// CHECK-NEXT:      %3 = visa.matmul f32 %0, %1, %2 :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      visa.store f32 %3, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    %s = visa.kernel cube @k1 domain [parallel "s0", parallel "5", parallel "4", parallel "16", reduction "8"] slots 0 (%x, %v :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d2, d4)>>, %b: !visa.global<f32, affine_map<(d0, d1, d2, d3, d4) -> (d4, d3)>>, %s_1: !visa.global<f32, affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d2, d3)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.load f32 %b :
// CHECK-NEXT:      %3 = visa.matmul f32 %0, %1, %2 :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      visa.store f32 %3, %s_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r, %s :
func.func @missing_batches(%x : !xb, %w : !w5, %v : !w) -> (!yb, !yb) {
  %r = vk.kernel cube @k0(%a = %x : !xb, %b = %w : !w5) -> !yb {
    %0 = dvm.matmul %a, %b trans_a false trans_b false : !xb, !w5 -> !yb
    vk.yield %0 : !yb
  }
  %s = vk.kernel cube @k1(%a = %x : !xb, %b = %v : !w) -> !yb {
    %0 = dvm.matmul %a, %b trans_a false trans_b false : !xb, !w -> !yb
    vk.yield %0 : !yb
  }
  return %r, %s : !yb, !yb
}

// Only batch dims of 1 are broadcast: m, n and k of 1 are axes like others.
// CHECK-LABEL: func.func @dims_of_1(
// CHECK-NEXT:    %r = visa.kernel cube @k0 domain [parallel "1", parallel "1", reduction "1"] slots 0 (%x, %x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1, d2) -> (d0, d2)>>, %a_1: !visa.global<f32, affine_map<(d0, d1, d2) -> (d2, d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1, d2) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.load f32 %a_1 :
// CHECK-NEXT:      %3 = visa.matmul f32 %0, %1, %2 :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      visa.store f32 %3, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @dims_of_1(%x : tensor<1x1xf32>) -> tensor<1x1xf32> {
  %r = vk.kernel cube @k0(%a = %x : tensor<1x1xf32>) -> tensor<1x1xf32> {
    %0 = dvm.matmul %a, %a trans_a false trans_b false : tensor<1x1xf32>, tensor<1x1xf32> -> tensor<1x1xf32>
    vk.yield %0 : tensor<1x1xf32>
  }
  return %r : tensor<1x1xf32>
}

// The bias is added after the last tile of k.
// CHECK-LABEL: func.func @bias(
// CHECK-NEXT:    %r = visa.kernel cube @k0 domain [parallel "s0", parallel "16", reduction "8"] slots 0 (%x, %w, %z :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1, d2) -> (d0, d2)>>, %b: !visa.global<f32, affine_map<(d0, d1, d2) -> (d2, d1)>>, %c: !visa.global<f32, affine_map<(d0, d1, d2) -> (d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1, d2) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.load f32 %b :
// CHECK-NEXT:      %3 = visa.matmul f32 %0, %1, %2 :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %4 = visa.load f32 %c :
// CHECK-NEXT:      %5 = visa.binary add f32 %3, %4 :
// CHECK-NEXT:      visa.store f32 %5, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @bias(%x : !x, %w : !w, %z : tensor<16xf32>) -> !y {
  %r = vk.kernel cube @k0(%a = %x : !x, %b = %w : !w, %c = %z : tensor<16xf32>) -> !y {
    %0 = dvm.matmul %a, %b trans_a false trans_b false bias %c : !x, !w, tensor<16xf32> -> !y
    vk.yield %0 : !y
  }
  return %r : !y
}

// CHECK-LABEL: func.func @bias_by_row(
// CHECK-NEXT:    %r = visa.kernel cube @k0 domain [parallel "s0", parallel "16", reduction "8"] slots 0 (%x, %w, %z :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1, d2) -> (d0, d2)>>, %b: !visa.global<f32, affine_map<(d0, d1, d2) -> (d2, d1)>>, %c: !visa.global<f32, affine_map<(d0, d1, d2) -> (d0, 0)>>, %r_1: !visa.global<f32, affine_map<(d0, d1, d2) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.load f32 %b :
// CHECK-NEXT:      %3 = visa.matmul f32 %0, %1, %2 :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %4 = visa.load f32 %c :
// CHECK-NEXT:      %5 = visa.binary add f32 %3, %4 :
// CHECK-NEXT:      visa.store f32 %5, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @bias_by_row(%x : !x, %w : !w, %z : tensor<?x1xf32, #dvm.sym<["s0", "1"]>>) -> !y {
  %r = vk.kernel cube @k0(%a = %x : !x, %b = %w : !w, %c = %z : tensor<?x1xf32, #dvm.sym<["s0", "1"]>>) -> !y {
    %0 = dvm.matmul %a, %b trans_a false trans_b false bias %c : !x, !w, tensor<?x1xf32, #dvm.sym<["s0", "1"]>> -> !y
    vk.yield %0 : !y
  }
  return %r : !y
}

// CHECK-LABEL: func.func @half(
// CHECK-NEXT:    %r = visa.kernel cube @k0 domain [parallel "4", parallel "4", reduction "8"] slots 0 (%x, %w, %z :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f16, affine_map<(d0, d1, d2) -> (d0, d2)>>, %b: !visa.global<f16, affine_map<(d0, d1, d2) -> (d2, d1)>>, %c: !visa.global<f16, affine_map<(d0, d1, d2) -> (d1)>>, %r_1: !visa.global<f16, affine_map<(d0, d1, d2) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f16 %a :
// CHECK-NEXT:      %2 = visa.load f16 %b :
// CHECK-NEXT:      %3 = visa.matmul f32 %0, %1, %2 :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %4 = visa.load f16 %c :
// CHECK-NEXT:      %5 = visa.binary add f32 %3, %4 :
// CHECK-NEXT:      visa.store f16 %5, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @half(%x : tensor<4x8xf16>, %w : tensor<8x4xf16>, %z : tensor<4xf16>) -> tensor<4x4xf16> {
  %r = vk.kernel cube @k0(%a = %x : tensor<4x8xf16>, %b = %w : tensor<8x4xf16>, %c = %z : tensor<4xf16>) -> tensor<4x4xf16> {
    %0 = dvm.matmul %a, %b trans_a false trans_b false bias %c : tensor<4x8xf16>, tensor<8x4xf16>, tensor<4xf16> -> tensor<4x4xf16>
    vk.yield %0 : tensor<4x4xf16>
  }
  return %r : tensor<4x4xf16>
}

// CHECK-LABEL: func.func @integers(
// CHECK-NEXT:    %r = visa.kernel cube @k0 domain [parallel "4", parallel "4", reduction "8"] slots 0 (%x, %w :
// CHECK-NEXT:    ^bb0(%a: !visa.global<i32, affine_map<(d0, d1, d2) -> (d0, d2)>>, %b: !visa.global<i32, affine_map<(d0, d1, d2) -> (d2, d1)>>, %r_1: !visa.global<i32, affine_map<(d0, d1, d2) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init sum i32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load i32 %a :
// CHECK-NEXT:      %2 = visa.load i32 %b :
// CHECK-NEXT:      %3 = visa.matmul i32 %0, %1, %2 :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      visa.store i32 %3, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @integers(%x : tensor<4x8xi32>, %w : tensor<8x4xi32>) -> tensor<4x4xi32> {
  %r = vk.kernel cube @k0(%a = %x : tensor<4x8xi32>, %b = %w : tensor<8x4xi32>) -> tensor<4x4xi32> {
    %0 = dvm.matmul %a, %b trans_a false trans_b false : tensor<4x8xi32>, tensor<8x4xi32> -> tensor<4x4xi32>
    vk.yield %0 : tensor<4x4xi32>
  }
  return %r : tensor<4x4xi32>
}

!ends = tensor<2xi32>
!wg = tensor<2x8x16xf32>
!wgt = tensor<2x16x8xf32>
!yg = tensor<2x?x16xf32, #dvm.sym<["2", "s0", "16"]>>

// Groups of rows: the group is the free dim of the weights, which data choose.
// CHECK-LABEL: func.func @grouped_rows(
// CHECK-NEXT:    %r = visa.kernel cube @k0 domain [parallel "s0", parallel "16", reduction "8"] slots 0 (%x, %g, %w :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1, d2) -> (d0, d2)>>, %e: !visa.global<i32, affine_map<(d0, d1, d2) -> (0)>, free = 0>, %b: !visa.global<f32, affine_map<(d0, d1, d2) -> (0, d2, d1)>, free = 0>, %r_1: !visa.global<f32, affine_map<(d0, d1, d2) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.grouped_matmul f32 %0, %1, %b, %e :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      visa.store f32 %2, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @grouped_rows(%x : !x, %w : !wg, %g : !ends) -> !y {
  %r = vk.kernel cube @k0(%a = %x : !x, %b = %w : !wg, %e = %g : !ends) -> !y {
    %0 = dvm.grouped_matmul %a, %b, %e trans_a false trans_b false group_type 0 : !x, !wg, !ends -> !y
    vk.yield %0 : !y
  }
  return %r : !y
}

// CHECK-LABEL: func.func @grouped_rows_transposed(
// CHECK-NEXT:    %r = visa.kernel cube @k0 domain [parallel "s0", parallel "16", reduction "8"] slots 0 (%x, %g, %w, %z :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1, d2) -> (d2, d0)>>, %e: !visa.global<i32, affine_map<(d0, d1, d2) -> (0)>, free = 0>, %b: !visa.global<f32, affine_map<(d0, d1, d2) -> (0, d1, d2)>, free = 0>, %c: !visa.global<f32, affine_map<(d0, d1, d2) -> (d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1, d2) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.grouped_matmul f32 %0, %1, %b, %e :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %3 = visa.load f32 %c :
// CHECK-NEXT:      %4 = visa.binary add f32 %2, %3 :
// CHECK-NEXT:      visa.store f32 %4, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @grouped_rows_transposed(%x : !xt, %w : !wgt, %g : !ends, %z : tensor<16xf32>) -> !y {
  %r = vk.kernel cube @k0(%a = %x : !xt, %b = %w : !wgt, %e = %g : !ends, %c = %z : tensor<16xf32>) -> !y {
    %0 = dvm.grouped_matmul %a, %b, %e trans_a true trans_b true group_type 0 bias %c : !xt, !wgt, !ends, tensor<16xf32> -> !y
    vk.yield %0 : !y
  }
  return %r : !y
}

// Groups of the contracted dim: the group is an axis of the result.
// CHECK-LABEL: func.func @grouped_contraction(
// CHECK-NEXT:    %r = visa.kernel cube @k0 domain [parallel "2", parallel "s0", parallel "16", reduction "8"] slots 0 (%x, %g, %w :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1, d2, d3) -> (d1, d3)>>, %e: !visa.global<i64, affine_map<(d0, d1, d2, d3) -> (0)>, free = 0>, %b: !visa.global<f32, affine_map<(d0, d1, d2, d3) -> (d3, d2)>>, %r_1: !visa.global<f32, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.load f32 %b :
// CHECK-NEXT:      %3 = visa.grouped_matmul_k f32 %0, %1, %2, %e :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      visa.store f32 %3, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @grouped_contraction(%x : !x, %w : !w, %g : tensor<2xi64>) -> !yg {
  %r = vk.kernel cube @k0(%a = %x : !x, %b = %w : !w, %e = %g : tensor<2xi64>) -> !yg {
    %0 = dvm.grouped_matmul %a, %b, %e trans_a false trans_b false group_type 2 : !x, !w, tensor<2xi64> -> !yg
    vk.yield %0 : !yg
  }
  return %r : !yg
}

// CHECK-LABEL: func.func @grouped_contraction_transposed(
// CHECK-NEXT:    %r = visa.kernel cube @k0 domain [parallel "2", parallel "s0", parallel "16", reduction "8"] slots 0 (%x, %g, %w, %z :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1, d2, d3) -> (d3, d1)>>, %e: !visa.global<i32, affine_map<(d0, d1, d2, d3) -> (0)>, free = 0>, %b: !visa.global<f32, affine_map<(d0, d1, d2, d3) -> (d2, d3)>>, %c: !visa.global<f32, affine_map<(d0, d1, d2, d3) -> (d0, 0, 0)>>, %r_1: !visa.global<f32, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.load f32 %b :
// CHECK-NEXT:      %3 = visa.grouped_matmul_k f32 %0, %1, %2, %e :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %4 = visa.load f32 %c :
// CHECK-NEXT:      %5 = visa.binary add f32 %3, %4 :
// CHECK-NEXT:      visa.store f32 %5, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @grouped_contraction_transposed(%x : !xt, %w : !wt, %g : !ends, %z : tensor<2x1x1xf32>) -> !yg {
  %r = vk.kernel cube @k0(%a = %x : !xt, %b = %w : !wt, %e = %g : !ends, %c = %z : tensor<2x1x1xf32>) -> !yg {
    %0 = dvm.grouped_matmul %a, %b, %e trans_a true trans_b true group_type 2 bias %c : !xt, !wt, !ends, tensor<2x1x1xf32> -> !yg
    vk.yield %0 : !yg
  }
  return %r : !yg
}

// Dims of 1 in front of the product have no axis, also where the contracted dim is 1.
// CHECK-LABEL: func.func @unit_dims_in_front(
// CHECK-NEXT:    %r = visa.kernel mix @k0 domain [parallel "s0", parallel "2", reduction "1"] slots 0 (%x, %w, %y :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1, d2) -> (d0, d2)>>, %b: !visa.global<f32, affine_map<(d0, d1, d2) -> (d2, d1)>>, %c: !visa.global<f32, affine_map<(d0, d1, d2) -> (0, d0, d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1, d2) -> (0, d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.reduce_init sum f32 :
// CHECK-NEXT:      visa.pass stream
// CHECK-NEXT:      %1 = visa.load f32 %a :
// CHECK-NEXT:      %2 = visa.load f32 %b :
// CHECK-NEXT:      %3 = visa.matmul f32 %0, %1, %2 :
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %4 = visa.load f32 %c :
// CHECK-NEXT:      %5 = visa.binary add f32 %3, %4 :
// CHECK-NEXT:      visa.store f32 %5, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
!c = tensor<?x1xf32, #dvm.sym<["s0", "1"]>>
!r = tensor<1x2xf32>
!p = tensor<?x2xf32, #dvm.sym<["s0", "2"]>>
!q = tensor<1x?x2xf32, #dvm.sym<["1", "s0", "2"]>>
func.func @unit_dims_in_front(%x : !c, %w : !r, %y : !q) -> !q {
  %r = vk.kernel mix @k0(%a = %x : !c, %b = %w : !r, %c = %y : !q) -> !q {
    %0 = dvm.matmul %a, %b trans_a false trans_b false : !c, !r -> !p
    %1 = dvm.broadcast %0 shape [1, "s0", 2] : !p -> !q
    %2 = dvm.binary Add %1, %c : !q, !q -> !q
    vk.yield %2 : !q
  }
  return %r : !q
}
