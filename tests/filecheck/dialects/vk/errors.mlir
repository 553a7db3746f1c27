// RUN: dvm-opt %s --verify-diagnostics --parsing-diagnostics --split-input-file | filecheck %s

%x = "test.op"() : () -> tensor<4xf32>
// CHECK: kind 'scalar' is not one of vector, cube, mix
%r = vk.kernel scalar @k0(%a = %x : tensor<4xf32>) -> tensor<4xf32> {
  vk.yield %a : tensor<4xf32>
}

// -----

%x = "test.op"() : () -> tensor<4xf32>
// CHECK: 'test.op' is not allowed in a kernel, only dvm operations are
%r = vk.kernel vector @k0(%a = %x : tensor<4xf32>) -> tensor<4xf32> {
  %0 = "test.op"(%a) : (tensor<4xf32>) -> tensor<4xf32>
  vk.yield %0 : tensor<4xf32>
}

// -----

%x = "test.op"() : () -> tensor<4xf32>
// CHECK: Operation using value defined out of its IsolatedFromAbove parent
%r = vk.kernel vector @k0() -> tensor<4xf32> {
  vk.yield %x : tensor<4xf32>
}

// -----

%x = "test.op"() : () -> tensor<4xf32>
// CHECK: the kernel must end in vk.yield
%r = vk.kernel vector @k0(%a = %x : tensor<4xf32>) -> tensor<4xf32> {
  "test.termop"() : () -> ()
}

// -----

%x = "test.op"() : () -> tensor<4xf32>
// CHECK: the kernel yields 2 values but has 1 results
%r = vk.kernel vector @k0(%a = %x : tensor<4xf32>) -> tensor<4xf32> {
  vk.yield %a, %a : tensor<4xf32>, tensor<4xf32>
}

// -----

%x = "test.op"() : () -> tensor<4xf32>
// CHECK: yielded value 0 is tensor<4xf32> but result 0 is tensor<4xi1>
%r = vk.kernel vector @k0(%a = %x : tensor<4xf32>) -> tensor<4xi1> {
  vk.yield %a : tensor<4xf32>
}

// -----

%x = "test.op"() : () -> tensor<4xf32>
// CHECK: the kernel takes 0 values but has 1 operands
%r = "vk.kernel"(%x) <{kind = "vector", sym_name = "k0"}> ({
  %0 = dvm.constant dense<1.0> : tensor<f32>
  "vk.yield"(%0) : (tensor<f32>) -> ()
}) : (tensor<4xf32>) -> tensor<f32>

// -----

%x = "test.op"() : () -> tensor<4xf32>
// CHECK: block argument 0 is tensor<5xf32> but operand 0 is tensor<4xf32>
%r = "vk.kernel"(%x) <{kind = "vector", sym_name = "k0"}> ({
^bb0(%a : tensor<5xf32>):
  "vk.yield"(%a) : (tensor<5xf32>) -> ()
}) : (tensor<4xf32>) -> tensor<5xf32>

// -----

%x = "test.op"() : () -> tensor<4xf32>
// CHECK: kernel @k1 depends on kernel @k0: the kernels of a stage are independent
%r = vk.stage (%a = %x : tensor<4xf32>) -> tensor<4xf32> {
  %p = vk.kernel vector @k0(%b = %a : tensor<4xf32>) -> tensor<4xf32> {
    vk.yield %b : tensor<4xf32>
  }
  %q = vk.kernel vector @k1(%b = %p : tensor<4xf32>) -> tensor<4xf32> {
    vk.yield %b : tensor<4xf32>
  }
  vk.yield %q : tensor<4xf32>
}

// -----

%x = "test.op"() : () -> tensor<4xf32>
// CHECK: 'dvm.unary' is not allowed in a stage, only kernels are
%r = vk.stage (%a = %x : tensor<4xf32>) -> tensor<4xf32> {
  %p = dvm.unary Exp %a : tensor<4xf32> -> tensor<4xf32>
  vk.yield %p : tensor<4xf32>
}

// -----

%x = "test.op"() : () -> tensor<4xf32>
// CHECK: the stage yields 0 values but has 1 results
%r = vk.stage (%a = %x : tensor<4xf32>) -> tensor<4xf32> {
  vk.yield
}

// -----

%x = "test.op"() : () -> tensor<4xf32>
// CHECK: 2 alternatives need 1 conditions, but there are 0
%r = "vk.speculate"(%x) <{conditions = []}> ({
^bb0(%a : tensor<4xf32>):
  "vk.yield"(%a) : (tensor<4xf32>) -> ()
}, {
^bb0(%a : tensor<4xf32>):
  "vk.yield"(%a) : (tensor<4xf32>) -> ()
}) : (tensor<4xf32>) -> tensor<4xf32>

// -----

%x = "test.op"() : () -> tensor<4xf32>
// CHECK: there is only one alternative
%r = vk.speculate (%x) : (tensor<4xf32>) -> tensor<4xf32> {
^bb0(%a : tensor<4xf32>):
  vk.yield %a : tensor<4xf32>
}

// -----

%x = "test.op"() : () -> tensor<4xf32>
// CHECK: condition: '4*s1' is not a comparison of two dims
%r = vk.speculate (%x) : (tensor<4xf32>) -> tensor<4xf32> if "4*s1" {
^bb0(%a : tensor<4xf32>):
  vk.yield %a : tensor<4xf32>
} else {
^bb0(%a : tensor<4xf32>):
  vk.yield %a : tensor<4xf32>
}

// -----

%x = "test.op"() : () -> tensor<4xf32>
// CHECK: condition: '4 s1' is not a dim: unexpected 's1'
%r = vk.speculate (%x) : (tensor<4xf32>) -> tensor<4xf32> if "4 s1 < 8" {
^bb0(%a : tensor<4xf32>):
  vk.yield %a : tensor<4xf32>
} else {
^bb0(%a : tensor<4xf32>):
  vk.yield %a : tensor<4xf32>
}

// -----

%x = "test.op"() : () -> tensor<4xf32>
// CHECK: block argument 0 is tensor<5xf32> but operand 0 is tensor<4xf32>
%r = vk.speculate (%x) : (tensor<4xf32>) -> tensor<4xf32> if "s1 < 8" {
^bb0(%a : tensor<4xf32>):
  vk.yield %a : tensor<4xf32>
} else {
^bb0(%a : tensor<5xf32>):
  vk.yield %a : tensor<5xf32>
}

// -----

%x = "test.op"() : () -> tensor<4xf32>
// CHECK: 'dvm.unary' is not allowed in an alternative, only kernels and views are
%r = vk.speculate (%x) : (tensor<4xf32>) -> tensor<4xf32> if "s1 < 8" {
^bb0(%a : tensor<4xf32>):
  vk.yield %a : tensor<4xf32>
} else {
^bb0(%a : tensor<4xf32>):
  %0 = dvm.unary Exp %a : tensor<4xf32> -> tensor<4xf32>
  vk.yield %0 : tensor<4xf32>
}

// -----

// CHECK: 'vk.yield' expects parent op to be one of 'vk.kernel', 'vk.stage', 'vk.speculate'
func.func @f() {
  vk.yield
}
