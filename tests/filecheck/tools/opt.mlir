// RUN: dvm-opt %s | filecheck %s
// RUN: dvm-opt < %s | filecheck %s
// RUN: dvm-opt %s -p dvm-compile -t dvm-asm | filecheck %s --check-prefix ASM
// RUN: dvm-opt %s -p dvm-compile --print-between-passes | filecheck %s --check-prefix BETWEEN
// RUN: dvm-opt %s -p dvm-compile --time-passes | filecheck %s --check-prefix TIME
// RUN: dvm-opt %s | dvm-opt --no-implicit-module | filecheck %s
// RUN: dvm-opt --version | filecheck %s --check-prefix VERSION

// CHECK: dvm.unary Exp
func.func @exp(%x : tensor<?xf32, #dvm.sym<["n"]>>) -> tensor<?xf32, #dvm.sym<["n"]>> {
  %y = dvm.unary Exp %x : tensor<?xf32, #dvm.sym<["n"]>> -> tensor<?xf32, #dvm.sym<["n"]>>
  return %y : tensor<?xf32, #dvm.sym<["n"]>>
}

// ASM: program 'exp'
// ASM: exp.f32

// dvm-compile stands for its passes, so that each can be seen and timed.
// BETWEEN: IR after dvm-fuse:
// BETWEEN: vk.kernel
// BETWEEN: IR after convert-vk-to-visa:
// BETWEEN: visa.kernel
// TIME: Pass dvm-simplify took
// TIME: Pass emit-bytecode took

// VERSION: dvm-opt, built with xDSL
