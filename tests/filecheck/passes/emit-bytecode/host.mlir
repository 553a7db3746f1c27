// RUN: dvm-opt %s -p dvm-compile -t dvm-asm | filecheck %s

// Values that change places in a loop go through a register of their own; what a block made is freed after its last use.

// CHECK:      host
// CHECK-NEXT:    0 move r{{[0-9]+}}, r2 count := n
// CHECK:         const {{.*}} c0 := 0
// CHECK:         const {{.*}} c1 := 1
// CHECK:         move {{.*}} i := c0
// CHECK-NEXT:    move {{.*}} a := x
// CHECK-NEXT:    move {{.*}} b := y
// CHECK-NEXT: [[HEAD:[0-9]+]] lt {{.*}} again := i < count
// CHECK-NEXT:    branch {{.*}} if not again: pc := [[EXIT:[0-9]+]]
// CHECK-NEXT:    launch {{.*}} d := graph 'f_graph0' of a
// CHECK-NEXT:    free {{.*}} a := nothing
// CHECK-NEXT:    move {{.*}} b := b
// CHECK-NEXT:    move {{.*}} a := b
// CHECK-NEXT:    move {{.*}} b := d
// CHECK-NEXT:    free {{.*}} b := nothing
// CHECK-NEXT:    free {{.*}} d := nothing
// CHECK-NEXT:    add {{.*}} i := i + c1
// CHECK-NEXT:    jump {{.*}} pc := [[HEAD]]
// CHECK-NEXT: [[EXIT]] move {{.*}} p := a
// CHECK:         return {{.*}} the results are p, q
func.func @f(%x : tensor<?xf32>, %y : tensor<?xf32>, %n : tensor<i64>) -> (tensor<?xf32>, tensor<?xf32>) {
  %count = tensor.extract %n[] : tensor<i64>
  %c0 = arith.constant 0 : i64
  %c1 = arith.constant 1 : i64
  %p, %q = scf.for %i = %c0 to %count step %c1 iter_args(%a = %x, %b = %y) -> (tensor<?xf32>, tensor<?xf32>) : i64 {
    %d = dvm.unary Exp %a : tensor<?xf32> -> tensor<?xf32>
    scf.yield %b, %d : tensor<?xf32>, tensor<?xf32>
  }
  return %p, %q : tensor<?xf32>, tensor<?xf32>
}
