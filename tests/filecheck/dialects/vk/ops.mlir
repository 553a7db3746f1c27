// RUN: dvm-opt %s | filecheck %s
// RUN: dvm-opt %s --print-op-generic | dvm-opt | filecheck %s
// RUN: dvm-opt %s --print-op-generic | filecheck %s --check-prefix=GENERIC

// CHECK-LABEL: @kernel
// CHECK-NEXT:    %r, %r_1 = vk.kernel vector @add_exp(%a = %x : tensor<4xf32>, %b = %y : tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) attributes {note = "two"} {
// CHECK-NEXT:      %0 = dvm.binary Add %a, %b : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:      %1 = dvm.unary Exp %0 : tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:      vk.yield %0, %1 : tensor<4xf32>, tensor<4xf32>
// CHECK-NEXT:    }
// GENERIC:       "vk.kernel"(%x, %y) <{kind = "vector", sym_name = "add_exp"}> ({
// GENERIC-NEXT:  ^bb0(%a: tensor<4xf32>, %b: tensor<4xf32>):
// GENERIC:       "vk.yield"(%0, %1) : (tensor<4xf32>, tensor<4xf32>) -> ()
func.func @kernel(%x : tensor<4xf32>, %y : tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %r:2 = vk.kernel vector @add_exp(%a = %x : tensor<4xf32>, %b = %y : tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) attributes {note = "two"} {
    %0 = dvm.binary Add %a, %b : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
    %1 = dvm.unary Exp %0 : tensor<4xf32> -> tensor<4xf32>
    vk.yield %0, %1 : tensor<4xf32>, tensor<4xf32>
  }
  return %r#0, %r#1 : tensor<4xf32>, tensor<4xf32>
}

// A kernel without inputs.
// CHECK-LABEL: @constant
// CHECK-NEXT:    vk.kernel mix @one() -> tensor<f32> {
// CHECK-NEXT:      dvm.constant dense<1.000000e+00> : tensor<f32>
func.func @constant() -> tensor<f32> {
  %r = vk.kernel mix @one() -> tensor<f32> {
    %0 = dvm.constant dense<1.0> : tensor<f32>
    vk.yield %0 : tensor<f32>
  }
  return %r : tensor<f32>
}

// CHECK-LABEL: @stage
// CHECK-NEXT:    %r, %r_1 = vk.stage (%a = %x : tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
// CHECK-NEXT:      %p = vk.kernel vector @k0(%b = %a : tensor<4xf32>) -> tensor<4xf32> {
// CHECK:           %q = vk.kernel vector @k1(%c = %a : tensor<4xf32>) -> tensor<4xf32> {
// CHECK:           vk.yield %p, %q : tensor<4xf32>, tensor<4xf32>
// GENERIC-LABEL: sym_name = "stage"
// GENERIC:       "vk.stage"(%x) ({
func.func @stage(%x : tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %r:2 = vk.stage (%a = %x : tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
    %p = vk.kernel vector @k0(%b = %a : tensor<4xf32>) -> tensor<4xf32> {
      %0 = dvm.unary Exp %b : tensor<4xf32> -> tensor<4xf32>
      vk.yield %0 : tensor<4xf32>
    }
    %q = vk.kernel vector @k1(%c = %a : tensor<4xf32>) -> tensor<4xf32> {
      %0 = dvm.unary Log %c : tensor<4xf32> -> tensor<4xf32>
      vk.yield %0 : tensor<4xf32>
    }
    vk.yield %p, %q : tensor<4xf32>, tensor<4xf32>
  }
  return %r#0, %r#1 : tensor<4xf32>, tensor<4xf32>
}

// CHECK-LABEL: @speculate
// CHECK-NEXT:    %r = vk.speculate (%x) : (tensor<4xf32>) -> tensor<4xf32> attributes {note = "three"} if "4*s1 <= 262144" {
// CHECK-NEXT:    ^bb0(%a: tensor<4xf32>):
// CHECK:         } else if "s0 > 1 and s0 == s1" {
// CHECK-NEXT:    ^bb0(%b: tensor<4xf32>):
// CHECK:         } else {
// CHECK-NEXT:    ^bb0(%c: tensor<4xf32>):
// CHECK-NEXT:      vk.yield %c : tensor<4xf32>
// CHECK-NEXT:    }
// GENERIC-LABEL: sym_name = "speculate"
// GENERIC:       "vk.speculate"(%x) <{conditions = ["4*s1 <= 262144", "s0 > 1 and s0 == s1"]}> ({
func.func @speculate(%x : tensor<4xf32>) -> tensor<4xf32> {
  %r = vk.speculate (%x) : (tensor<4xf32>) -> tensor<4xf32> attributes {note = "three"} if "4*s1 <= 262144" {
  ^bb0(%a : tensor<4xf32>):
    %p = vk.kernel vector @k0(%d = %a : tensor<4xf32>) -> tensor<4xf32> {
      %0 = dvm.unary Exp %d : tensor<4xf32> -> tensor<4xf32>
      vk.yield %0 : tensor<4xf32>
    }
    vk.yield %p : tensor<4xf32>
  } else if "s0 > 1 and s0 == s1" {
  ^bb0(%b : tensor<4xf32>):
    vk.yield %b : tensor<4xf32>
  } else {
  ^bb0(%c : tensor<4xf32>):
    vk.yield %c : tensor<4xf32>
  }
  return %r : tensor<4xf32>
}
