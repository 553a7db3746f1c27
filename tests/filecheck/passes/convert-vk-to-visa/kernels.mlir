// RUN: dvm-opt %s -p convert-vk-to-visa | filecheck %s

// Kernels are replaced where they stand, with their kinds and names; nothing else changes.

!t = tensor<4x8xf32>

// CHECK-LABEL: func.func @between_kernels(
// CHECK-NEXT:    %k = dvm.constant dense<2.000000e+00> :
// CHECK-NEXT:    %first = visa.kernel vector @scale domain [parallel "4", parallel "8"] slots 0 (%x, %k :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %b: !visa.global<f32, affine_map<(d0, d1) -> (d1)>>, %first_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f32 %a :
// CHECK-NEXT:      %1 = visa.load f32 %b :
// CHECK-NEXT:      %2 = visa.binary mul f32 %0, %1 :
// CHECK-NEXT:      visa.store f32 %2, %first_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    %flat = dvm.reshape %first shape [32] :
// CHECK-NEXT:    %second = visa.kernel vector @exp domain [parallel "32"] slots 0 (%flat :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0) -> (d0)>>, %second_1: !visa.global<f32, affine_map<(d0) -> (d0)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f32 %a :
// CHECK-NEXT:      %1 = visa.unary exp f32 %0 :
// CHECK-NEXT:      visa.store f32 %1, %second_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %second :
func.func @between_kernels(%x : !t) -> tensor<32xf32> {
  %k = dvm.constant dense<2.0> : tensor<8xf32>
  %first = vk.kernel vector @scale(%a = %x : !t, %b = %k : tensor<8xf32>) -> !t {
    %0 = dvm.binary Mul %a, %b : !t, tensor<8xf32> -> !t
    vk.yield %0 : !t
  }
  %flat = dvm.reshape %first shape [32] : !t -> tensor<32xf32>
  %second = vk.kernel vector @exp(%a = %flat : tensor<32xf32>) -> tensor<32xf32> {
    %0 = dvm.unary Exp %a : tensor<32xf32> -> tensor<32xf32>
    vk.yield %0 : tensor<32xf32>
  }
  return %second : tensor<32xf32>
}

// Operations outside of kernels are left alone.
// CHECK-LABEL: func.func @no_kernels(
// CHECK-NEXT:    %0 = dvm.unary Exp %x :
// CHECK-NEXT:    func.return %0 :
func.func @no_kernels(%x : !t) -> !t {
  %0 = dvm.unary Exp %x : !t -> !t
  return %0 : !t
}

// CHECK-LABEL: func.func private @declared(
func.func private @declared(!t) -> !t

// CHECK-LABEL: builtin.module @nested {
// CHECK-NEXT:  }
module @nested {
}

// A stage keeps its kernels.
// CHECK-LABEL: func.func @stage(
// CHECK-NEXT:    %r, %s = vk.stage (%a = %x : tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
// CHECK-NEXT:      %0 = visa.kernel vector @k0 domain [parallel "4", parallel "8"] slots 0 (%a :
// CHECK-NEXT:      ^bb0(%b: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:        visa.pass once
// CHECK-NEXT:        %2 = visa.load f32 %b :
// CHECK-NEXT:        %3 = visa.unary exp f32 %2 :
// CHECK-NEXT:        visa.store f32 %3, %1
// CHECK-NEXT:        visa.end
// CHECK-NEXT:      }
// CHECK-NEXT:      %1 = visa.kernel vector @k1 domain [parallel "4", parallel "8"] slots 0 (%a :
// CHECK-NEXT:      ^bb0(%b: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %2: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:        visa.pass once
// CHECK-NEXT:        %3 = visa.load f32 %b :
// CHECK-NEXT:        %4 = visa.unary neg f32 %3 :
// CHECK-NEXT:        visa.store f32 %4, %2
// CHECK-NEXT:        visa.end
// CHECK-NEXT:      }
// CHECK-NEXT:      vk.yield %0, %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r, %s :
func.func @stage(%x : !t) -> (!t, !t) {
  %r, %s = vk.stage (%a = %x : !t) -> (!t, !t) {
    %0 = vk.kernel vector @k0(%b = %a : !t) -> !t {
      %2 = dvm.unary Exp %b : !t -> !t
      vk.yield %2 : !t
    }
    %1 = vk.kernel vector @k1(%b = %a : !t) -> !t {
      %2 = dvm.unary Neg %b : !t -> !t
      vk.yield %2 : !t
    }
    vk.yield %0, %1 : !t, !t
  }
  return %r, %s : !t, !t
}

// Inputs are listed in the order of their first use; those not used are not among them. The first result is the first
// output, whatever is computed first.
// CHECK-LABEL: func.func @operands(
// CHECK-NEXT:    %r, %s = visa.kernel vector @k0 domain [parallel "4", parallel "8"] slots 0 (%z, %x :
// CHECK-NEXT:    ^bb0(%c: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %a: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %s_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f32 %c :
// CHECK-NEXT:      %1 = visa.unary exp f32 %0 :
// CHECK-NEXT:      %2 = visa.load f32 %a :
// CHECK-NEXT:      %3 = visa.unary neg f32 %2 :
// CHECK-NEXT:      visa.store f32 %3, %r_1
// CHECK-NEXT:      visa.store f32 %1, %s_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r, %s :
func.func @operands(%x : !t, %y : !t, %z : !t) -> (!t, !t) {
  %r, %s = vk.kernel vector @k0(%a = %x : !t, %b = %y : !t, %c = %z : !t) -> (!t, !t) {
    %0 = dvm.unary Exp %c : !t -> !t
    %1 = dvm.unary Neg %a : !t -> !t
    vk.yield %1, %0 : !t, !t
  }
  return %r, %s : !t, !t
}

// One tensor that is two inputs of a kernel is loaded as two.
// CHECK-LABEL: func.func @same_tensor(
// CHECK-NEXT:    %r = visa.kernel vector @k0 domain [parallel "4", parallel "8"] slots 0 (%x, %x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %b: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f32 %a :
// CHECK-NEXT:      %1 = visa.load f32 %b :
// CHECK-NEXT:      %2 = visa.binary add f32 %0, %1 :
// CHECK-NEXT:      visa.store f32 %2, %r_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r :
func.func @same_tensor(%x : !t) -> !t {
  %r = vk.kernel vector @k0(%a = %x : !t, %b = %x : !t) -> !t {
    %0 = dvm.binary Add %a, %b : !t, !t -> !t
    vk.yield %0 : !t
  }
  return %r : !t
}

// A value that is yielded twice is stored twice.
// CHECK-LABEL: func.func @yielded_twice(
// CHECK-NEXT:    %r, %s = visa.kernel vector @k0 domain [parallel "4", parallel "8"] slots 0 (%x :
// CHECK-NEXT:    ^bb0(%a: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %r_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>, %s_1: !visa.global<f32, affine_map<(d0, d1) -> (d0, d1)>>):
// CHECK-NEXT:      visa.pass once
// CHECK-NEXT:      %0 = visa.load f32 %a :
// CHECK-NEXT:      %1 = visa.unary exp f32 %0 :
// CHECK-NEXT:      visa.store f32 %1, %r_1
// CHECK-NEXT:      visa.store f32 %1, %s_1
// CHECK-NEXT:      visa.end
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %r, %s :
func.func @yielded_twice(%x : !t) -> (!t, !t) {
  %r, %s = vk.kernel vector @k0(%a = %x : !t) -> (!t, !t) {
    %0 = dvm.unary Exp %a : !t -> !t
    vk.yield %0, %0 : !t, !t
  }
  return %r, %s : !t, !t
}
