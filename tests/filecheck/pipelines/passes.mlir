// dvm-compile is the passes of the pipeline in order, and nothing else.
// RUN: dvm-opt %s -p dvm-compile > %t.whole
// RUN: dvm-opt %s -p dvm-simplify,dvm-decompose,dvm-deduce-shapes,dvm-fuse,convert-vk-to-visa,visa-schedule,visa-allocate-ub,emit-bytecode > %t.spelled
// RUN: diff %t.whole %t.spelled
// RUN: filecheck %s --input-file %t.whole
// RUN: dvm-opt %s -p dvm-compile --print-between-passes | filecheck %s --check-prefix BETWEEN

func.func @norm(%x : tensor<?x8xf32>) -> tensor<?x8xf32> {
  %0 = dvm.rms_norm %x axis -1 epsilon 1.0e-05 : tensor<?x8xf32> -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

// CHECK:      builtin.module {
// CHECK-NEXT:   visa.bytecode @norm {bytes = dense<
// CHECK-NOT:    func.func

// BETWEEN: IR after dvm-simplify:
// BETWEEN: dvm.rms_norm
// BETWEEN: IR after dvm-decompose:
// BETWEEN: dvm.reduce Mean
// BETWEEN: IR after dvm-deduce-shapes:
// BETWEEN: #dvm.sym<["s0", "8"]>
// BETWEEN: IR after dvm-fuse:
// BETWEEN: vk.kernel vector @k0
// BETWEEN: IR after convert-vk-to-visa:
// BETWEEN: visa.kernel vector @k0 domain [parallel "s0", reduction "8"] slots 0
// BETWEEN: IR after visa-schedule:
// BETWEEN: !visa.ub
// BETWEEN: IR after visa-allocate-ub:
// BETWEEN: !visa.ub<0>
// BETWEEN: visa.bytecode @norm
