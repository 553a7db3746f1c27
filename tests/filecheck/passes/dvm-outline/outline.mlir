// RUN: dvm-opt %s -p dvm-outline --split-input-file | filecheck %s

// A function without control flow is left alone.
// CHECK:      func.func @straight(%x: tensor<4xf32>) -> tensor<4xf32> {
// CHECK-NEXT:   %y = dvm.unary Exp %x
// CHECK-NEXT:   func.return %y
func.func @straight(%x : tensor<4xf32>) -> tensor<4xf32> {
  %y = dvm.unary Exp %x : tensor<4xf32> -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

// All between control flow is one graph, which leaves what others use; values from outside are its inputs.
// CHECK:      host.func @branches(%x: tensor<4xf32>, %c: tensor<i1>) -> tensor<4xf32> {
// CHECK-NEXT:   %go = tensor.extract %c[] : tensor<i1>
// CHECK-NEXT:   %b = host.launch @branches_graph0(%x) : (tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT:   %r = scf.if %go -> (tensor<4xf32>) {
// CHECK-NEXT:     %d = host.launch @branches_graph1(%b, %x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT:     scf.yield %d
// CHECK-NEXT:   } else {
// CHECK-NEXT:     scf.yield %b
// CHECK-NEXT:   }
// CHECK-NEXT:   host.return %r
// CHECK:      func.func private @branches_graph0(%x: tensor<4xf32>) -> tensor<4xf32> attributes {dvm.result_names = ["b"]} {
// CHECK-NEXT:   %a = dvm.unary Exp %x
// CHECK-NEXT:   %b = dvm.unary Neg %a
// CHECK-NEXT:   func.return %b
// CHECK:      func.func private @branches_graph1(%b: tensor<4xf32>, %x: tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT:   %d = dvm.binary Add %b, %x
// CHECK-NEXT:   func.return %d
func.func @branches(%x : tensor<4xf32>, %c : tensor<i1>) -> tensor<4xf32> {
  %a = dvm.unary Exp %x : tensor<4xf32> -> tensor<4xf32>
  %go = tensor.extract %c[] : tensor<i1>
  %b = dvm.unary Neg %a : tensor<4xf32> -> tensor<4xf32>
  %r = scf.if %go -> (tensor<4xf32>) {
    %d = dvm.binary Add %b, %x : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
    scf.yield %d : tensor<4xf32>
  } else {
    scf.yield %b : tensor<4xf32>
  }
  return %r : tensor<4xf32>
}

// -----

// What needs a scalar that another operation's result gives is a second graph; what does not is in the first.
// CHECK:      host.func @scalars
// CHECK-NEXT:   %n, %y = host.launch @scalars_graph0(%x)
// CHECK-NEXT:   %k = tensor.extract %n[]
// CHECK-NEXT:   %t = tensor.from_elements %k
// CHECK-NEXT:   %z = host.launch @scalars_graph1(%t, %y)
// CHECK-NEXT:   host.return %z
func.func @scalars(%x : tensor<4xi64>) -> tensor<4xi64> {
  %n = dvm.reduce Max %x dims [0] keepdims false : tensor<4xi64> -> tensor<i64>
  %k = tensor.extract %n[] : tensor<i64>
  %t = tensor.from_elements %k : tensor<i64>
  %y = dvm.unary Neg %x : tensor<4xi64> -> tensor<4xi64>
  %z = dvm.binary Add %t, %y : tensor<i64>, tensor<4xi64> -> tensor<4xi64>
  return %z : tensor<4xi64>
}

// -----

// A constant is in each graph that uses it, and a result of a launch only where control flow needs it.
// CHECK:      host.func @constants
// CHECK:        %one = host.launch @constants_graph0() : () -> tensor<f32>
// CHECK:        scf.if
// CHECK-NEXT:     %s = host.launch @constants_graph1(%x)
// CHECK:          scf.yield %one
// CHECK:      func.func private @constants_graph1(%x: tensor<f32>)
// CHECK-NEXT:   %one = dvm.constant dense<1.0{{.*}}> : tensor<f32>
// CHECK-NEXT:   %s = dvm.binary Add %x, %one
func.func @constants(%x : tensor<f32>, %c : tensor<i1>) -> tensor<f32> {
  %go = tensor.extract %c[] : tensor<i1>
  %one = dvm.constant dense<1.0> : tensor<f32>
  %r = scf.if %go -> (tensor<f32>) {
    %s = dvm.binary Add %x, %one : tensor<f32>, tensor<f32> -> tensor<f32>
    scf.yield %s : tensor<f32>
  } else {
    scf.yield %one : tensor<f32>
  }
  return %r : tensor<f32>
}

// -----

// A graph that names a dim takes a value that has it, and the lower bounds of its symbols go with it.
!n = tensor<?xf32, #dvm.sym<["n"]>>
// CHECK:      host.func @named
// CHECK:          %z = host.launch @named_graph0(%x)
// CHECK:      func.func private @named_graph0(%x: tensor<?xf32, #dvm.sym<["n"]>>) -> {{.*}} attributes {dvm.at_least = {n = 2 : i64}, dvm.result_names = ["z"]} {
// CHECK-NEXT:   %0 = dvm.broadcast_scalar 0.000000e+00 shape ["n"]
// CHECK-NEXT:   %z = dvm.unary Exp %0
func.func @named(%x : !n, %c : tensor<i1>) -> !n attributes {dvm.at_least = {n = 2 : i64, m = 3 : i64}} {
  %go = tensor.extract %c[] : tensor<i1>
  %r = scf.if %go -> (!n) {
    %0 = dvm.broadcast_scalar 0.0 shape ["n"] type Float32 : f32 -> !n
    %z = dvm.unary Exp %0 : !n -> !n
    scf.yield %z : !n
  } else {
    scf.yield %x : !n
  }
  return %r : !n
}

// -----

// A dim that nothing else has gets a name of its own in the graph.
// CHECK:      func.func private @longer_graph0(%y: tensor<?xf32, #dvm.sym<["dim0_of_0"]>>)
func.func @longer(%x : tensor<?xf32, #dvm.sym<["n"]>>, %c : tensor<i1>) -> tensor<?xf32> {
  %go = tensor.extract %c[] : tensor<i1>
  %y = tensor.cast %x : tensor<?xf32, #dvm.sym<["n"]>> to tensor<?xf32, #dvm.sym<["m + 1"]>>
  %r = scf.if %go -> (tensor<?xf32>) {
    %z = dvm.unary Exp %y : tensor<?xf32, #dvm.sym<["m + 1"]>> -> tensor<?xf32>
    scf.yield %z : tensor<?xf32>
  } else {
    %w = tensor.cast %x : tensor<?xf32, #dvm.sym<["n"]>> to tensor<?xf32>
    scf.yield %w : tensor<?xf32>
  }
  return %r : tensor<?xf32>
}
