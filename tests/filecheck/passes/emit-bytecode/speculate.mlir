// RUN: dvm-opt %s -p emit-bytecode --split-input-file -t dvm-asm | filecheck %s

!t = tensor<?xf32, #dvm.sym<["s0"]>>
!v = !visa.global<f32, affine_map<(d0) -> (d0)>>

// Each way to answer the conditions is a variant. Alternatives of a stage run beside its kernels, in stages of their own
// where they have more; the same conditions are answered alike.

// CHECK-LABEL: program 'variants', instruction set 1
// CHECK:       launch 0, where 16 >= s0 and s0 >= 3 and s0 = 8
// CHECK-NEXT:  stage 0 'beside', 'small'
// CHECK-NEXT:  stage 1 'eight'
// CHECK-NEXT:  stage 2 'small2'
// CHECK-NEXT:  launch 1, where 16 >= s0 and s0 >= 3
// CHECK-NEXT:  stage 0 'beside', 'small'
// CHECK-NEXT:  stage 1 'other'
// CHECK-NEXT:  stage 2 'small2'
// CHECK-NEXT:  launch 2, where s0 = 8
// CHECK-NEXT:  stage 0 'beside', 'large0'
// CHECK-NEXT:  stage 1 'large1'
// CHECK-NEXT:  stage 2 'eight'
// CHECK-NEXT:  stage 3 'large2'
// CHECK-NEXT:  launch 3, otherwise
// CHECK-NEXT:  stage 0 'beside', 'large0'
// CHECK-NEXT:  stage 1 'large1'
// CHECK-NEXT:  stage 2 'other'
// CHECK-NEXT:  stage 3 'large2'
func.func @variants(%x : !t) -> (!t, !t, !t) {
  %p, %q = vk.stage (%a = %x : !t) -> (!t, !t) {
    %0 = visa.kernel vector @beside domain [parallel "s0"] slots 1 (%a : !t) -> (!t) {
    ^bb0(%gx : !v, %gy : !v):
      visa.pass once
      %i = visa.load f32 %gx : !visa.ub<0>
      visa.store f32 %i, %gy
      visa.end
    }
    %1 = vk.speculate (%a) : (!t) -> !t if "s0 <= 16 and s0 > 2" {
    ^bb0(%b : !t):
      %2 = visa.kernel vector @small domain [parallel "s0"] slots 1 (%b : !t) -> (!t) {
      ^bb0(%gx : !v, %gy : !v):
        visa.pass once
        %i = visa.load f32 %gx : !visa.ub<0>
        visa.store f32 %i, %gy
        visa.end
      }
      vk.yield %2 : !t
    } else {
    ^bb0(%b : !t):
      %3 = visa.kernel vector @large0 domain [parallel "s0"] slots 1 (%b : !t) -> (!t) {
      ^bb0(%gx : !v, %gy : !v):
        visa.pass once
        %i = visa.load f32 %gx : !visa.ub<0>
        visa.store f32 %i, %gy
        visa.end
      }
      %4 = visa.kernel vector @large1 domain [parallel "s0"] slots 1 (%3 : !t) -> (!t) {
      ^bb0(%gx : !v, %gy : !v):
        visa.pass once
        %i = visa.load f32 %gx : !visa.ub<0>
        visa.store f32 %i, %gy
        visa.end
      }
      vk.yield %4 : !t
    }
    vk.yield %0, %1 : !t, !t
  }
  %r = vk.speculate (%q) : (!t) -> !t if "s0 == 8" {
  ^bb0(%b : !t):
    %5 = visa.kernel vector @eight domain [parallel "s0"] slots 1 (%b : !t) -> (!t) {
    ^bb0(%gx : !v, %gy : !v):
      visa.pass once
      %i = visa.load f32 %gx : !visa.ub<0>
      visa.store f32 %i, %gy
      visa.end
    }
    vk.yield %5 : !t
  } else {
  ^bb0(%b : !t):
    %6 = visa.kernel vector @other domain [parallel "s0"] slots 1 (%b : !t) -> (!t) {
    ^bb0(%gx : !v, %gy : !v):
      visa.pass once
      %i = visa.load f32 %gx : !visa.ub<0>
      visa.store f32 %i, %gy
      visa.end
    }
    vk.yield %6 : !t
  }
  %s = vk.speculate (%r) : (!t) -> !t if "s0 <= 16 and s0 > 2" {
  ^bb0(%b : !t):
    %7 = visa.kernel vector @small2 domain [parallel "s0"] slots 1 (%b : !t) -> (!t) {
    ^bb0(%gx : !v, %gy : !v):
      visa.pass once
      %i = visa.load f32 %gx : !visa.ub<0>
      visa.store f32 %i, %gy
      visa.end
    }
    vk.yield %7 : !t
  } else {
  ^bb0(%b : !t):
    %8 = visa.kernel vector @large2 domain [parallel "s0"] slots 1 (%b : !t) -> (!t) {
    ^bb0(%gx : !v, %gy : !v):
      visa.pass once
      %i = visa.load f32 %gx : !visa.ub<0>
      visa.store f32 %i, %gy
      visa.end
    }
    vk.yield %8 : !t
  }
  return %p, %r, %s : !t, !t, !t
}
