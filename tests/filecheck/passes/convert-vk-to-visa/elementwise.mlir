// RUN: dvm-opt %s -p convert-vk-to-visa | filecheck %s

// An elementwise operation is one instruction on tiles, in the type that its elements are computed in.

!t = tensor<?x1024xf32, #dvm.sym<["s0", "1024"]>>
!truth = tensor<?x1024xi1, #dvm.sym<["s0", "1024"]>>
!half = tensor<?x1024xf16, #dvm.sym<["s0", "1024"]>>
!brain = tensor<?x1024xbf16, #dvm.sym<["s0", "1024"]>>
!int = tensor<?x1024xi32, #dvm.sym<["s0", "1024"]>>

// CHECK-LABEL: func.func @unary(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "s0", parallel "1024"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<i1, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f32 %a :
// CHECK-NEXT:      %1 = visa.unary sqrt f32 %0 :
// CHECK-NEXT:      %2 = visa.unary abs f32 %1 :
// CHECK-NEXT:      %3 = visa.unary log f32 %2 :
// CHECK-NEXT:      %4 = visa.unary exp f32 %3 :
// CHECK-NEXT:      %5 = visa.unary recip f32 %4 :
// CHECK-NEXT:      %6 = visa.unary round f32 %5 :
// CHECK-NEXT:      %7 = visa.unary floor f32 %6 :
// CHECK-NEXT:      %8 = visa.unary ceil f32 %7 :
// CHECK-NEXT:      %9 = visa.unary trunc f32 %8 :
// CHECK-NEXT:      %10 = visa.unary neg f32 %9 :
// CHECK-NEXT:      %11 = visa.unary rsqrt f32 %10 :
// CHECK-NEXT:      %12 = visa.unary tanh f32 %11 :
// CHECK-NEXT:      %13 = visa.unary erf f32 %12 :
// CHECK-NEXT:      %14 = visa.unary sigm f32 %13 :
// CHECK-NEXT:      %15 = visa.unary sin f32 %14 :
// CHECK-NEXT:      %16 = visa.unary cos f32 %15 :
// CHECK-NEXT:      %17 = visa.unary isfin f32 %16 :
// CHECK-NEXT:      %18 = visa.unary not i1 %17 :
// CHECK-NEXT:      visa.store i1 %18, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @unary(%x : !t) -> !truth {
  %r = vk.kernel vector @k0(%a = %x : !t) -> !truth {
    %0 = dvm.unary Sqrt %a : !t -> !t
    %1 = dvm.unary Abs %0 : !t -> !t
    %2 = dvm.unary Log %1 : !t -> !t
    %3 = dvm.unary Exp %2 : !t -> !t
    %4 = dvm.unary Reciprocal %3 : !t -> !t
    %5 = dvm.unary Round %4 : !t -> !t
    %6 = dvm.unary Floor %5 : !t -> !t
    %7 = dvm.unary Ceil %6 : !t -> !t
    %8 = dvm.unary Trunc %7 : !t -> !t
    %9 = dvm.unary Neg %8 : !t -> !t
    %10 = dvm.unary Rsqrt %9 : !t -> !t
    %11 = dvm.unary Tanh %10 : !t -> !t
    %12 = dvm.unary Erf %11 : !t -> !t
    %13 = dvm.unary Sigmoid %12 : !t -> !t
    %14 = dvm.unary Sin %13 : !t -> !t
    %15 = dvm.unary Cos %14 : !t -> !t
    %16 = dvm.unary IsFinite %15 : !t -> !truth
    %17 = dvm.unary LogicalNot %16 : !truth -> !truth
    vk.yield %17 : !truth
  }
  return %r : !truth
}

// The type of a comparison is that of its operands.
// CHECK-LABEL: func.func @binary(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "s0", parallel "1024"] slots 0 (%x, %y :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %b: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<i1, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f32 %a :
// CHECK-NEXT:      %1 = visa.load f32 %b :
// CHECK-NEXT:      %2 = visa.binary add f32 %0, %1 :
// CHECK-NEXT:      %3 = visa.binary sub f32 %2, %0 :
// CHECK-NEXT:      %4 = visa.binary mul f32 %1, %3 :
// CHECK-NEXT:      %5 = visa.binary div f32 %4, %0 :
// CHECK-NEXT:      %6 = visa.binary pow f32 %1, %5 :
// CHECK-NEXT:      %7 = visa.binary max f32 %6, %0 :
// CHECK-NEXT:      %8 = visa.binary min f32 %7, %0 :
// CHECK-NEXT:      %9 = visa.binary eq f32 %8, %0 :
// CHECK-NEXT:      %10 = visa.binary ne f32 %8, %0 :
// CHECK-NEXT:      %11 = visa.binary gt f32 %8, %0 :
// CHECK-NEXT:      %12 = visa.binary ge f32 %8, %0 :
// CHECK-NEXT:      %13 = visa.binary lt f32 %8, %0 :
// CHECK-NEXT:      %14 = visa.binary le f32 %8, %0 :
// CHECK-NEXT:      %15 = visa.binary and i1 %9, %10 :
// CHECK-NEXT:      %16 = visa.binary or i1 %15, %11 :
// CHECK-NEXT:      %17 = visa.binary or i1 %12, %13 :
// CHECK-NEXT:      %18 = visa.binary and i1 %17, %14 :
// CHECK-NEXT:      %19 = visa.binary eq i1 %16, %18 :
// CHECK-NEXT:      visa.store i1 %19, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @binary(%x : !t, %y : !t) -> !truth {
  %r = vk.kernel vector @k0(%a = %x : !t, %b = %y : !t) -> !truth {
    %0 = dvm.binary Add %a, %b : !t, !t -> !t
    %1 = dvm.binary Sub %0, %a : !t, !t -> !t
    %2 = dvm.binary Mul %b, %1 : !t, !t -> !t
    %3 = dvm.binary Div %2, %a : !t, !t -> !t
    %4 = dvm.binary Pow %b, %3 : !t, !t -> !t
    %5 = dvm.binary Maximum %4, %a : !t, !t -> !t
    %6 = dvm.binary Minimum %5, %a : !t, !t -> !t
    %7 = dvm.binary Equal %6, %a : !t, !t -> !truth
    %8 = dvm.binary NotEqual %6, %a : !t, !t -> !truth
    %9 = dvm.binary Greater %6, %a : !t, !t -> !truth
    %10 = dvm.binary GreaterEqual %6, %a : !t, !t -> !truth
    %11 = dvm.binary Less %6, %a : !t, !t -> !truth
    %12 = dvm.binary LessEqual %6, %a : !t, !t -> !truth
    %13 = dvm.binary LogicalAnd %7, %8 : !truth, !truth -> !truth
    %14 = dvm.binary LogicalOr %13, %9 : !truth, !truth -> !truth
    %15 = dvm.binary LogicalOr %10, %11 : !truth, !truth -> !truth
    %16 = dvm.binary LogicalAnd %15, %12 : !truth, !truth -> !truth
    %17 = dvm.binary Equal %14, %16 : !truth, !truth -> !truth
    vk.yield %17 : !truth
  }
  return %r : !truth
}

// 16-bit floats are loaded into f32, and rounded again where they are stored.
// CHECK-LABEL: func.func @half(
// CHECK-NEXT:    %r, %s = visa.kernel vector @k0 domain [parallel "s0", parallel "1024"] slots 0 (%x, %y :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f16, affine_map<(d0, d1) -> (d0, d1)>>, %b: !visa.global<bf16, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<f16, affine_map<(d0, d1) -> (d0, d1)>>, %s_1: !visa.global<bf16, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f16 %a :
// CHECK-NEXT:      %1 = visa.unary neg f32 %0 :
// CHECK-NEXT:      %2 = visa.load bf16 %b :
// CHECK-NEXT:      %3 = visa.binary mul f32 %2, %2 :
// CHECK-NEXT:      visa.store f16 %1, %r_1
// CHECK-NEXT:      visa.store bf16 %3, %s_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r, %s :
func.func @half(%x : !half, %y : !brain) -> (!half, !brain) {
  %r, %s = vk.kernel vector @k0(%a = %x : !half, %b = %y : !brain) -> (!half, !brain) {
    %0 = dvm.unary Neg %a : !half -> !half
    %1 = dvm.binary Mul %b, %b : !brain, !brain -> !brain
    vk.yield %0, %1 : !half, !brain
  }
  return %r, %s : !half, !brain
}

// The scalar is of the kind of the tensor, whatever type it is written in.
// CHECK-LABEL: func.func @binary_scalar(
// CHECK-NEXT:    %r, %s, %u, %v = visa.kernel vector @k0 domain [parallel "s0", parallel "1024"] slots 0 (%x, %y, %z, %p :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %b: !visa.global<i32, affine_map<(d0, d1) -> (d0, d1)>>, %c: !visa.global<f16, affine_map<(d0, d1) -> (d0, d1)>>, %d: !visa.global<i1, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %s_1: !visa.global<i32, affine_map<(d0, d1) -> (d0, d1)>>, %u_1: !visa.global<f16, affine_map<(d0, d1) -> (d0, d1)>>, %v_1: !visa.global<i1, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f32 %a :
// CHECK-NEXT:      %1 = visa.scalar 2.000000e+00 : f32
// CHECK-NEXT:      %2 = visa.binary pow f32 %0, %1 : (!visa.ub, !visa.scalar) -> !visa.ub
// CHECK-NEXT:      %3 = visa.load i32 %b :
// CHECK-NEXT:      %4 = visa.scalar 7 : i32
// CHECK-NEXT:      %5 = visa.binary sub i32 %4, %3 : (!visa.scalar, !visa.ub) -> !visa.ub
// CHECK-NEXT:      %6 = visa.load f16 %c :
// CHECK-NEXT:      %7 = visa.scalar 0.0999755859 : f32
// CHECK-NEXT:      %8 = visa.binary mul f32 %6, %7 : (!visa.ub, !visa.scalar) -> !visa.ub
// CHECK-NEXT:      %9 = visa.load i1 %d :
// CHECK-NEXT:      %10 = visa.scalar true
// CHECK-NEXT:      %11 = visa.binary or i1 %9, %10 : (!visa.ub, !visa.scalar) -> !visa.ub
// CHECK-NEXT:      visa.store f32 %2, %r_1
// CHECK-NEXT:      visa.store i32 %5, %s_1
// CHECK-NEXT:      visa.store f16 %8, %u_1
// CHECK-NEXT:      visa.store i1 %11, %v_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r, %s, %u, %v :
func.func @binary_scalar(%x : !t, %y : !int, %z : !half, %p : !truth) -> (!t, !int, !half, !truth) {
  %r, %s, %u, %v = vk.kernel vector @k0(%a = %x : !t, %b = %y : !int, %c = %z : !half, %d = %p : !truth) -> (!t, !int, !half, !truth) {
    %0 = dvm.binary_scalar Pow %a, 2 : !t, i32 -> !t
    %1 = dvm.binary_scalar Sub 7, %b : i32, !int -> !int
    %2 = dvm.binary_scalar Mul %c, 0.1 : !half, f16 -> !half
    %3 = dvm.binary_scalar LogicalOr %d, true : !truth, i1 -> !truth
    vk.yield %0, %1, %2, %3 : !t, !int, !half, !truth
  }
  return %r, %s, %u, %v : !t, !int, !half, !truth
}

// CHECK-LABEL: func.func @scalar_first(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "s0", parallel "1024"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f32 %a :
// CHECK-NEXT:      %1 = visa.scalar 1.000000e+00 : f32
// CHECK-NEXT:      %2 = visa.binary sub f32 %1, %0 : (!visa.scalar, !visa.ub) -> !visa.ub
// CHECK-NEXT:      visa.store f32 %2, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @scalar_first(%x : !t) -> !t {
  %r = vk.kernel vector @k0(%a = %x : !t) -> !t {
    %0 = dvm.binary_scalar Sub 1.0, %a : f32, !t -> !t
    vk.yield %0 : !t
  }
  return %r : !t
}

// CHECK-LABEL: func.func @select(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "s0", parallel "1024"] slots 0 (%p, %x, %y :
// CHECK-NEXT:    ^bb0(%c: !visa.global<i1, affine_map<(d0, d1) -> (d0, d1)>>, %a: !visa.global<i32, affine_map<(d0, d1) -> (d0, d1)>>, %b: !visa.global<i32, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<i32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load i1 %c :
// CHECK-NEXT:      %1 = visa.load i32 %a :
// CHECK-NEXT:      %2 = visa.load i32 %b :
// CHECK-NEXT:      %3 = visa.select i32 %0, %1, %2 :
// CHECK-NEXT:      visa.store i32 %3, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @select(%p : !truth, %x : !int, %y : !int) -> !int {
  %r = vk.kernel vector @k0(%c = %p : !truth, %a = %x : !int, %b = %y : !int) -> !int {
    %0 = dvm.select %c, %a, %b : (!truth, !int, !int) -> !int
    vk.yield %0 : !int
  }
  return %r : !int
}

// Truth values are selected like others, and one tile may be the condition and a choice.
// CHECK-LABEL: func.func @select_truth(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "s0", parallel "1024"] slots 0 (%p, %q :
// CHECK-NEXT:    ^bb0(%c: !visa.global<i1, affine_map<(d0, d1) -> (d0, d1)>>, %a: !visa.global<i1, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<i1, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load i1 %c :
// CHECK-NEXT:      %1 = visa.load i1 %a :
// CHECK-NEXT:      %2 = visa.select i1 %0, %0, %1 :
// CHECK-NEXT:      visa.store i1 %2, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @select_truth(%p : !truth, %q : !truth) -> !truth {
  %r = vk.kernel vector @k0(%c = %p : !truth, %a = %q : !truth) -> !truth {
    %0 = dvm.select %c, %c, %a : (!truth, !truth, !truth) -> !truth
    vk.yield %0 : !truth
  }
  return %r : !truth
}

// A block argument is loaded once, by its first user.
// CHECK-LABEL: func.func @one_load(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "s0", parallel "1024"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f32 %a :
// CHECK-NEXT:      %1 = visa.unary exp f32 %0 :
// CHECK-NEXT:      %2 = visa.binary mul f32 %1, %0 :
// CHECK-NEXT:      %3 = visa.binary add f32 %2, %0 :
// CHECK-NEXT:      visa.store f32 %3, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @one_load(%x : !t) -> !t {
  %r = vk.kernel vector @k0(%a = %x : !t) -> !t {
    %0 = dvm.unary Exp %a : !t -> !t
    %1 = dvm.binary Mul %0, %a : !t, !t -> !t
    %2 = dvm.binary Add %1, %a : !t, !t -> !t
    vk.yield %2 : !t
  }
  return %r : !t
}

// A copy takes no instruction: the tile is stored twice.
// CHECK-LABEL: func.func @copy(
// CHECK-NEXT:    %r, %s = visa.kernel vector @k0 domain [parallel "s0", parallel "1024"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %s_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f32 %a :
// CHECK-NEXT:      %1 = visa.unary exp f32 %0 :
// CHECK-NEXT:      visa.store f32 %1, %r_1
// CHECK-NEXT:      visa.store f32 %1, %s_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r, %s :
func.func @copy(%x : !t) -> (!t, !t) {
  %r, %s = vk.kernel vector @k0(%a = %x : !t) -> (!t, !t) {
    %0 = dvm.unary Exp %a : !t -> !t
    %1 = dvm.copy %0 : !t -> !t
    vk.yield %0, %1 : !t, !t
  }
  return %r, %s : !t, !t
}

// CHECK-LABEL: func.func @copy_of_an_argument(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "s0", parallel "1024"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f16, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<f16, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f16 %a :
// CHECK-NEXT:      visa.store f16 %0, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @copy_of_an_argument(%x : !half) -> !half {
  %r = vk.kernel vector @k0(%a = %x : !half) -> !half {
    %0 = dvm.copy %a : !half -> !half
    vk.yield %0 : !half
  }
  return %r : !half
}

// Nor does a block argument that is yielded: it is loaded and stored.
// CHECK-LABEL: func.func @argument_yielded(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "s0", parallel "1024"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f32 %a :
// CHECK-NEXT:      visa.store f32 %0, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @argument_yielded(%x : !t) -> !t {
  %r = vk.kernel vector @k0(%a = %x : !t) -> !t {
    vk.yield %a : !t
  }
  return %r : !t
}

// CHECK-LABEL: func.func @rank_0(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<() -> ()>>, %r_1: !visa.global<f32, affine_map<() -> ()>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f32 %a :
// CHECK-NEXT:      %1 = visa.unary exp f32 %0 :
// CHECK-NEXT:      visa.store f32 %1, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @rank_0(%x : tensor<f32>) -> tensor<f32> {
  %r = vk.kernel vector @k0(%a = %x : tensor<f32>) -> tensor<f32> {
    %0 = dvm.unary Exp %a : tensor<f32> -> tensor<f32>
    vk.yield %0 : tensor<f32>
  }
  return %r : tensor<f32>
}
