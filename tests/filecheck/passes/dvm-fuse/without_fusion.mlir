// RUN: dvm-opt %s -p 'dvm-fuse{fusion=false}' | filecheck %s

// Each operation has a kernel of its own, and cheap ones are not repeated.

!full = tensor<?x8xf32, #dvm.sym<["s0", "8"]>>
!row = tensor<8xf32>

// CHECK-LABEL: func.func @chain(
// CHECK-NEXT:    %0 = vk.kernel vector @k0(%b_1 = %b : {{.*}})
// CHECK-NEXT:      %1 = dvm.broadcast %b_1 shape ["s0", 8] :
// CHECK-NEXT:      vk.yield %1 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %1 = vk.kernel vector @k1(%x_1 = %x : {{.*}}, %2 = %0 : {{.*}})
// CHECK-NEXT:      %3 = dvm.binary Add %x_1, %2 :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    %2 = vk.kernel vector @k2(%3 = %1 : {{.*}}, %4 = %0 : {{.*}})
// CHECK-NEXT:      %5 = dvm.binary Mul %3, %4 :
// CHECK-NEXT:      vk.yield %5 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %2 :
func.func @chain(%x : !full, %b : !row) -> !full {
  %0 = dvm.broadcast %b shape ["s0", 8] : !row -> !full
  %1 = dvm.binary Add %x, %0 : !full, !full -> !full
  %2 = dvm.binary Mul %1, %0 : !full, !full -> !full
  return %2 : !full
}

// What takes no time still stays between the kernels, and what is returned is still the result of one.
// CHECK-LABEL: func.func @reshape(
// CHECK-NEXT:    %0 = dvm.reshape %x shape ["8*s0"] :
// CHECK-NEXT:    %1 = vk.kernel vector @k0(%2 = %0 : {{.*}})
// CHECK-NEXT:      %3 = dvm.copy %2 :
// CHECK-NEXT:      vk.yield %3 :
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %1 :
func.func @reshape(%x : !full) -> tensor<?xf32, #dvm.sym<["8*s0"]>> {
  %0 = dvm.reshape %x shape ["8*s0"] : !full -> tensor<?xf32, #dvm.sym<["8*s0"]>>
  return %0 : tensor<?xf32, #dvm.sym<["8*s0"]>>
}
