// RUN: dvm-opt %s -p dvm-simplify,dvm-deduce-shapes,dvm-fuse --split-input-file | filecheck %s
// RUN: dvm-opt %s -p dvm-simplify,dvm-deduce-shapes,dvm-fuse,vk-speculate,vk-stack --split-input-file | filecheck %s --check-prefix=STACK

// Shapes are deduced through kernels that are written by hand, and each is fused by itself; reshapes leave them.

!x = tensor<?x?xf32>

// CHECK-LABEL: @sequence(%x: tensor<?x?xf32, #dvm.sym<["s0", "s1"]>>, %y: tensor<?x?xf32, #dvm.sym<["s0", "s1"]>>)
// CHECK:       vk.kernel vector @first({{.*}}) -> tensor<?x?xf32, #dvm.sym<["s0", "s1"]>> attributes {dvm.stage = 0 : i64} {
// CHECK:       %0 = dvm.reshape %x shape ["s0*s1", 1]
// CHECK:       vk.kernel vector @second({{.*}} = %0 : {{.*}}) -> tensor<?x1xf32, #dvm.sym<["s0*s1", "1"]>> attributes {dvm.stage = 1 : i64} {

// A kernel that does not depend on the one before runs after it where its stage says so.
// STACK-LABEL: @sequence
// STACK:       vk.stage
// STACK:       vk.kernel vector @first
// STACK:       vk.stage
// STACK:       vk.kernel vector @second
func.func @sequence(%x : !x, %y : !x) -> (!x, !x) attributes {dvm.at_least = {s0 = 2, s1 = 2, s2 = 2, s3 = 2}} {
  %0 = vk.kernel vector @first(%a = %x : !x, %b = %y : !x) -> !x attributes {dvm.stage = 0 : i64} {
    %sum = dvm.binary Add %a, %b : !x, !x -> !x
    %exp = dvm.unary Exp %sum : !x -> !x
    vk.yield %exp : !x
  }
  %1 = vk.kernel vector @second(%a = %x : !x) -> !x attributes {dvm.stage = 1 : i64} {
    %exp = dvm.unary Exp %a : !x -> !x
    %flat = dvm.reshape %exp shape [-1, 1] : !x -> !x
    vk.yield %flat : !x
  }
  return %0, %1 : !x, !x
}

// -----

// The alternatives of a choice have results of one shape; a value that no kernel computes is copied in it.

!x = tensor<?xf32>

// CHECK-LABEL: @choice
// CHECK:       vk.speculate (%x, %y) : {{.*}} -> tensor<?xf32, #dvm.sym<["s0"]>> if "s0 < 4" {
// CHECK:       vk.kernel vector @copied
// CHECK:       dvm.copy
// CHECK:       } else {
// CHECK:       vk.kernel vector @added
// STACK-LABEL: @choice
func.func @choice(%x : !x, %y : !x) -> !x attributes {dvm.at_least = {s0 = 2, s1 = 2}} {
  %0 = vk.speculate (%x, %y) : (!x, !x) -> !x if "s0 < 4" {
  ^bb0(%a : !x, %b : !x):
    %1 = vk.kernel vector @copied(%c = %a : !x) -> !x {
      vk.yield %c : !x
    }
    vk.yield %1 : !x
  } else {
  ^bb1(%a : !x, %b : !x):
    %1 = vk.kernel vector @added(%c = %a : !x, %d = %b : !x) -> !x {
      %2 = dvm.binary Add %c, %d : !x, !x -> !x
      vk.yield %2 : !x
    }
    vk.yield %1 : !x
  }
  return %0 : !x
}
