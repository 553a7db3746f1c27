// RUN: dvm-opt %s | dvm-opt | filecheck %s
// RUN: dvm-opt %s --print-op-generic | dvm-opt | filecheck %s

// CHECK:      host.func @f(%x: tensor<?xf32>, %c: tensor<i1>) -> tensor<?xf32> attributes {dvm.arg_names = ["x", "c"]} {
// CHECK-NEXT:   %again = tensor.extract %c[] : tensor<i1>
// CHECK-NEXT:   %r = scf.if %again -> (tensor<?xf32>) {
// CHECK-NEXT:     %y = host.launch @graph0(%x) : (tensor<?xf32>) -> tensor<?xf32>
// CHECK-NEXT:     scf.yield %y : tensor<?xf32>
// CHECK-NEXT:   } else {
// CHECK-NEXT:     scf.yield %x : tensor<?xf32>
// CHECK-NEXT:   }
// CHECK-NEXT:   host.return %r : tensor<?xf32>
// CHECK-NEXT: }
host.func @f(%x : tensor<?xf32>, %c : tensor<i1>) -> tensor<?xf32> attributes {dvm.arg_names = ["x", "c"]} {
  %again = tensor.extract %c[] : tensor<i1>
  %r = scf.if %again -> (tensor<?xf32>) {
    %y = host.launch @graph0(%x) : (tensor<?xf32>) -> tensor<?xf32>
    scf.yield %y : tensor<?xf32>
  } else {
    scf.yield %x : tensor<?xf32>
  }
  host.return %r : tensor<?xf32>
}

// The graph may know more of its dims than the launch.
// CHECK: func.func private @graph0
func.func private @graph0(%x : tensor<?xf32, #dvm.sym<["s0"]>>) -> tensor<?xf32, #dvm.sym<["s0"]>> {
  %y = dvm.unary Exp %x : tensor<?xf32, #dvm.sym<["s0"]>> -> tensor<?xf32, #dvm.sym<["s0"]>>
  return %y : tensor<?xf32, #dvm.sym<["s0"]>>
}

// CHECK: host.func private @none() {
// CHECK-NEXT: host.return
host.func private @none() {
  host.return
}
