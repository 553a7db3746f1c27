// Shapes that can never fit are refused with the line, through the whole pipeline.
// RUN: not dvm-opt %s -p dvm-compile 2>&1 | filecheck %s

func.func @never(%x : tensor<?x3xf32, #dvm.sym<["s0", "3"]>>, %y : tensor<?x2xf32, #dvm.sym<["s0", "2"]>>) -> tensor<?x?xf32> {
  %0 = dvm.concat %x, %y axis 1 : tensor<?x3xf32, #dvm.sym<["s0", "3"]>>, tensor<?x2xf32, #dvm.sym<["s0", "2"]>> -> tensor<?x?xf32>
  %1 = dvm.binary Add %0, %x : tensor<?x?xf32>, tensor<?x3xf32, #dvm.sym<["s0", "3"]>> -> tensor<?x?xf32>
  return %1 : tensor<?x?xf32>
}

// CHECK: {{.*}}errors.mlir:6:3: dvm.binary Add: dim 1
// CHECK-SAME: 5 and 3 do not broadcast
