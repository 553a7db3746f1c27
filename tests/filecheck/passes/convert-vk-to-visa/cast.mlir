// RUN: dvm-opt %s -p convert-vk-to-visa | filecheck %s

// A cast is an instruction only where the value in the tile changes: 16-bit floats are f32 there.

!b = tensor<8xi1>
!h = tensor<8xf16>
!bf = tensor<8xbf16>
!f = tensor<8xf32>
!i = tensor<8xi32>
!l = tensor<8xi64>

// CHECK-LABEL: func.func @widening(
// CHECK-NEXT:    %r, %s = visa.kernel vector @k0 domain [parallel "8"] slots 0 (%x, %y :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f16, affine_map<(d0) -> (d0)>>, %b: !visa.global<bf16, affine_map<(d0) -> (d0)>>, %r_1: !visa.global<f32, affine_map<(d0) -> (d0)>>, %s_1: !visa.global<f32, affine_map<(d0) -> (d0)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f16 %a :
// CHECK-NEXT:      %1 = visa.load bf16 %b :
// CHECK-NEXT:      visa.store f32 %0, %r_1
// CHECK-NEXT:      visa.store f32 %1, %s_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r, %s :
func.func @widening(%x : !h, %y : !bf) -> (!f, !f) {
  %r, %s = vk.kernel vector @k0(%a = %x : !h, %b = %y : !bf) -> (!f, !f) {
    %0 = dvm.cast %a type Float32 : !h -> !f
    %1 = dvm.cast %b type Float32 : !bf -> !f
    vk.yield %0, %1 : !f, !f
  }
  return %r, %s : !f, !f
}

// The stores round.
// CHECK-LABEL: func.func @rounding(
// CHECK-NEXT:    %r, %s = visa.kernel vector @k0 domain [parallel "8"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0) -> (d0)>>, %r_1: !visa.global<f16, affine_map<(d0) -> (d0)>>, %s_1: !visa.global<bf16, affine_map<(d0) -> (d0)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f32 %a :
// CHECK-NEXT:      visa.store f16 %0, %r_1
// CHECK-NEXT:      visa.store bf16 %0, %s_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r, %s :
func.func @rounding(%x : !f) -> (!h, !bf) {
  %r, %s = vk.kernel vector @k0(%a = %x : !f) -> (!h, !bf) {
    %0 = dvm.cast %a type Float16 : !f -> !h
    %1 = dvm.cast %a type BFloat16 : !f -> !bf
    vk.yield %0, %1 : !h, !bf
  }
  return %r, %s : !h, !bf
}

// There and back rounds once.
// CHECK-LABEL: func.func @rounding_between(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "8"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0) -> (d0)>>, %r_1: !visa.global<f32, affine_map<(d0) -> (d0)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f32 %a :
// CHECK-NEXT:      %1 = visa.cast f32 %0 to f16 :
// CHECK-NEXT:      visa.store f32 %1, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @rounding_between(%x : !f) -> !f {
  %r = vk.kernel vector @k0(%a = %x : !f) -> !f {
    %0 = dvm.cast %a type Float16 : !f -> !h
    %1 = dvm.cast %0 type Float32 : !h -> !f
    vk.yield %1 : !f
  }
  return %r : !f
}

// From one 16-bit type to the other rounds too, in the store.
// CHECK-LABEL: func.func @between_16_bit_floats(
// CHECK-NEXT:    %r, %s = visa.kernel vector @k0 domain [parallel "8"] slots 0 (%x, %y :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f16, affine_map<(d0) -> (d0)>>, %b: !visa.global<bf16, affine_map<(d0) -> (d0)>>, %r_1: !visa.global<bf16, affine_map<(d0) -> (d0)>>, %s_1: !visa.global<f16, affine_map<(d0) -> (d0)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f16 %a :
// CHECK-NEXT:      %1 = visa.load bf16 %b :
// CHECK-NEXT:      visa.store bf16 %0, %r_1
// CHECK-NEXT:      visa.store f16 %1, %s_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r, %s :
func.func @between_16_bit_floats(%x : !h, %y : !bf) -> (!bf, !h) {
  %r, %s = vk.kernel vector @k0(%a = %x : !h, %b = %y : !bf) -> (!bf, !h) {
    %0 = dvm.cast %a type BFloat16 : !h -> !bf
    %1 = dvm.cast %b type Float16 : !bf -> !h
    vk.yield %0, %1 : !bf, !h
  }
  return %r, %s : !bf, !h
}

// CHECK-LABEL: func.func @to_itself(
// CHECK-NEXT:    %r, %s = visa.kernel vector @k0 domain [parallel "8"] slots 0 (%x, %y :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f16, affine_map<(d0) -> (d0)>>, %b: !visa.global<i32, affine_map<(d0) -> (d0)>>, %r_1: !visa.global<f16, affine_map<(d0) -> (d0)>>, %s_1: !visa.global<i32, affine_map<(d0) -> (d0)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f16 %a :
// CHECK-NEXT:      %1 = visa.load i32 %b :
// CHECK-NEXT:      visa.store f16 %0, %r_1
// CHECK-NEXT:      visa.store i32 %1, %s_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r, %s :
func.func @to_itself(%x : !h, %y : !i) -> (!h, !i) {
  %r, %s = vk.kernel vector @k0(%a = %x : !h, %b = %y : !i) -> (!h, !i) {
    %0 = dvm.cast %a type Float16 : !h -> !h
    %1 = dvm.cast %b type Int32 : !i -> !i
    vk.yield %0, %1 : !h, !i
  }
  return %r, %s : !h, !i
}

// CHECK-LABEL: func.func @floats_and_integers(
// CHECK-NEXT:    %r, %s, %u, %v = visa.kernel vector @k0 domain [parallel "8"] slots 0 (%x, %y, %z :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0) -> (d0)>>, %b: !visa.global<f16, affine_map<(d0) -> (d0)>>, %c: !visa.global<i32, affine_map<(d0) -> (d0)>>, %r_1: !visa.global<i32, affine_map<(d0) -> (d0)>>, %s_1: !visa.global<i64, affine_map<(d0) -> (d0)>>, %u_1: !visa.global<f32, affine_map<(d0) -> (d0)>>, %v_1: !visa.global<bf16, affine_map<(d0) -> (d0)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f32 %a :
// CHECK-NEXT:      %1 = visa.cast f32 %0 to i32 :
// CHECK-NEXT:      %2 = visa.load f16 %b :
// CHECK-NEXT:      %3 = visa.cast f32 %2 to i64 :
// CHECK-NEXT:      %4 = visa.load i32 %c :
// CHECK-NEXT:      %5 = visa.cast i32 %4 to f32 :
// CHECK-NEXT:      %6 = visa.cast i32 %4 to bf16 :
// CHECK-NEXT:      visa.store i32 %1, %r_1
// CHECK-NEXT:      visa.store i64 %3, %s_1
// CHECK-NEXT:      visa.store f32 %5, %u_1
// CHECK-NEXT:      visa.store bf16 %6, %v_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r, %s, %u, %v :
func.func @floats_and_integers(%x : !f, %y : !h, %z : !i) -> (!i, !l, !f, !bf) {
  %r, %s, %u, %v = vk.kernel vector @k0(%a = %x : !f, %b = %y : !h, %c = %z : !i) -> (!i, !l, !f, !bf) {
    %0 = dvm.cast %a type Int32 : !f -> !i
    %1 = dvm.cast %b type Int64 : !h -> !l
    %2 = dvm.cast %c type Float32 : !i -> !f
    %3 = dvm.cast %c type BFloat16 : !i -> !bf
    vk.yield %0, %1, %2, %3 : !i, !l, !f, !bf
  }
  return %r, %s, %u, %v : !i, !l, !f, !bf
}

// CHECK-LABEL: func.func @between_integers(
// CHECK-NEXT:    %r, %s = visa.kernel vector @k0 domain [parallel "8"] slots 0 (%x, %y :
// CHECK-NEXT:    ^bb0(%a: !visa.global<i32, affine_map<(d0) -> (d0)>>, %b: !visa.global<i64, affine_map<(d0) -> (d0)>>, %r_1: !visa.global<i64, affine_map<(d0) -> (d0)>>, %s_1: !visa.global<i32, affine_map<(d0) -> (d0)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load i32 %a :
// CHECK-NEXT:      %1 = visa.cast i32 %0 to i64 :
// CHECK-NEXT:      %2 = visa.load i64 %b :
// CHECK-NEXT:      %3 = visa.cast i64 %2 to i32 :
// CHECK-NEXT:      visa.store i64 %1, %r_1
// CHECK-NEXT:      visa.store i32 %3, %s_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r, %s :
func.func @between_integers(%x : !i, %y : !l) -> (!l, !i) {
  %r, %s = vk.kernel vector @k0(%a = %x : !i, %b = %y : !l) -> (!l, !i) {
    %0 = dvm.cast %a type Int64 : !i -> !l
    %1 = dvm.cast %b type Int32 : !l -> !i
    vk.yield %0, %1 : !l, !i
  }
  return %r, %s : !l, !i
}

// CHECK-LABEL: func.func @truth(
// CHECK-NEXT:    %r, %s, %u, %v, %w = visa.kernel vector @k0 domain [parallel "8"] slots 0 (%x, %y, %z :
// CHECK-NEXT:    ^bb0(%a: !visa.global<i1, affine_map<(d0) -> (d0)>>, %b: !visa.global<f32, affine_map<(d0) -> (d0)>>, %c: !visa.global<i64, affine_map<(d0) -> (d0)>>, %r_1: !visa.global<f32, affine_map<(d0) -> (d0)>>, %s_1: !visa.global<f16, affine_map<(d0) -> (d0)>>, %u_1: !visa.global<i32, affine_map<(d0) -> (d0)>>, %v_1: !visa.global<i1, affine_map<(d0) -> (d0)>>, %w_1: !visa.global<i1, affine_map<(d0) -> (d0)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load i1 %a :
// CHECK-NEXT:      %1 = visa.cast i1 %0 to f32 :
// CHECK-NEXT:      %2 = visa.cast i1 %0 to f16 :
// CHECK-NEXT:      %3 = visa.cast i1 %0 to i32 :
// CHECK-NEXT:      %4 = visa.load f32 %b :
// CHECK-NEXT:      %5 = visa.cast f32 %4 to i1 :
// CHECK-NEXT:      %6 = visa.load i64 %c :
// CHECK-NEXT:      %7 = visa.cast i64 %6 to i1 :
// CHECK-NEXT:      visa.store f32 %1, %r_1
// CHECK-NEXT:      visa.store f16 %2, %s_1
// CHECK-NEXT:      visa.store i32 %3, %u_1
// CHECK-NEXT:      visa.store i1 %5, %v_1
// CHECK-NEXT:      visa.store i1 %7, %w_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r, %s, %u, %v, %w :
func.func @truth(%x : !b, %y : !f, %z : !l) -> (!f, !h, !i, !b, !b) {
  %r, %s, %u, %v, %w = vk.kernel vector @k0(%a = %x : !b, %b = %y : !f, %c = %z : !l) -> (!f, !h, !i, !b, !b) {
    %0 = dvm.cast %a type Float32 : !b -> !f
    %1 = dvm.cast %a type Float16 : !b -> !h
    %2 = dvm.cast %a type Int32 : !b -> !i
    %3 = dvm.cast %b type Bool : !f -> !b
    %4 = dvm.cast %c type Bool : !l -> !b
    vk.yield %0, %1, %2, %3, %4 : !f, !h, !i, !b, !b
  }
  return %r, %s, %u, %v, %w : !f, !h, !i, !b, !b
}

// A store rounds, so a cast to the 16-bit type that is only stored takes no instruction; one that is also read does.
// CHECK-LABEL: func.func @rounded_by_the_store
// CHECK:         [[V:%.*]] = visa.unary exp f32
// CHECK-NEXT:    visa.store f16 [[V]]
// CHECK-NEXT:    visa.end
func.func @rounded_by_the_store(%x : tensor<4xf32>) -> tensor<4xf16> {
  %r = vk.kernel vector @k0(%a = %x : tensor<4xf32>) -> tensor<4xf16> {
    %0 = dvm.unary Exp %a : tensor<4xf32> -> tensor<4xf32>
    %1 = dvm.cast %0 type Float16 : tensor<4xf32> -> tensor<4xf16>
    vk.yield %1 : tensor<4xf16>
  }
  return %r : tensor<4xf16>
}

// CHECK-LABEL: func.func @rounded_and_read
// CHECK:         [[R:%.*]] = visa.cast f32 {{%.*}} to f16
// CHECK-NEXT:    [[N:%.*]] = visa.unary neg f32 [[R]]
// CHECK-NEXT:    visa.store f16 [[R]]
// CHECK-NEXT:    visa.store f16 [[N]]
func.func @rounded_and_read(%x : tensor<4xf32>) -> (tensor<4xf16>, tensor<4xf16>) {
  %r, %s = vk.kernel vector @k0(%a = %x : tensor<4xf32>) -> (tensor<4xf16>, tensor<4xf16>) {
    %1 = dvm.cast %a type Float16 : tensor<4xf32> -> tensor<4xf16>
    %2 = dvm.unary Neg %1 : tensor<4xf16> -> tensor<4xf16>
    vk.yield %1, %2 : tensor<4xf16>, tensor<4xf16>
  }
  return %r, %s : tensor<4xf16>, tensor<4xf16>
}
