// RUN: dvm-opt %s -p dvm-deduce-shapes --verify-diagnostics --split-input-file | filecheck %s

// The author's statements about dims contradict each other, or say nothing.
// CHECK: {{.*}}errors.mlir:5:1: func.func @unbound: dim 0 of argument 0 is '2*n', but no argument has 'n' as a dim of its own
func.func @unbound(%x : tensor<?xf32, #dvm.sym<["2*n"]>>) {
  return
}

// -----

// CHECK: {{.*}}errors.mlir:5:3: dvm.broadcast_scalar: 'n' is no dim of an argument
func.func @unbound_list() -> tensor<?xf32> {
  %0 = dvm.broadcast_scalar 1.0 shape ["n"] type Float32 : f32 -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// -----

// CHECK: {{.*}}errors.mlir:5:3: dvm.unary Exp: 'n' is no dim of an argument; s0 is n*n by dvm.unary Exp at {{.*}}errors.mlir:5 (tensor<?xf32, #dvm.sym<["n*n"]>>)
func.func @unbound_result(%x : tensor<?xf32>) -> tensor<?xf32, #dvm.sym<["n*n"]>> {
  %0 = dvm.unary Exp %x : tensor<?xf32> -> tensor<?xf32, #dvm.sym<["n*n"]>>
  return %0 : tensor<?xf32, #dvm.sym<["n*n"]>>
}

// -----

// CHECK: {{.*}}errors.mlir:4:1: func.func @unknown_bound: dvm.at_least names 'n', which is no dim of an argument
func.func @unknown_bound(%x : tensor<?xf32>) attributes {dvm.at_least = {n = 2}} {
  return
}

// -----

// CHECK: {{.*}}errors.mlir:4:1: func.func @bad_bound: dvm.at_least must be a dictionary of integers, but is {s0 = "2"}
func.func @bad_bound(%x : tensor<?xf32>) attributes {dvm.at_least = {s0 = "2"}} {
  return
}

// -----

// CHECK: {{.*}}errors.mlir:4:1: func.func @bad_facts: dvm.facts must be an array of #dvm.fact, but is ["s0"]
func.func @bad_facts(%x : tensor<?xf32>) attributes {dvm.facts = ["s0"]} {
  return
}

// -----

// CHECK: {{.*}}errors.mlir:4:1: func.func @no_tensor: an argument is no tensor that can be computed with: i32 is not a ranked tensor
func.func @no_tensor(%x : i32) {
  return
}

// -----

// Only operations of the graph have shapes.
// CHECK: {{.*}}errors.mlir:6:3: test.op: the shapes of this operation cannot be deduced
func.func @foreign(%x : tensor<?xf32>) {
  %0 = "test.op"(%x) : (tensor<?xf32>) -> tensor<?xf32>
  return
}

// -----

// CHECK: {{.*}}errors.mlir:4:1: func.func @two_blocks: there must be one block
func.func @two_blocks(%x : tensor<?xf32>) {
  "test.termop"() [^bb1] : () -> ()
^bb1:
  return
}

// -----

// Dims that never fit, each message with both, the operation and the line.
// CHECK: {{.*}}errors.mlir:8:3: dvm.binary Add: dim 0 of 'lhs' and 'rhs': 3 and 5 do not broadcast; s0 is 3 by dvm.unary Exp at {{.*}}errors.mlir:6; s1 is 5 by dvm.unary Exp at {{.*}}errors.mlir:7 (tensor<3x4xf32>, tensor<5x4xf32>)
func.func @add(%x : tensor<?x4xf32>, %y : tensor<?x4xf32>) attributes {dvm.at_least = {s0 = 2}} {
  %0 = dvm.unary Exp %x : tensor<?x4xf32> -> tensor<3x4xf32>
  %1 = dvm.unary Exp %y : tensor<?x4xf32> -> tensor<5x4xf32>
  %2 = dvm.binary Add %x, %y : tensor<?x4xf32>, tensor<?x4xf32> -> tensor<?x4xf32>
  return
}

// -----

// The contradiction is found after the operation that it concerns.
// CHECK: {{.*}}errors.mlir:5:1: func.func @found_later: dvm.binary Add at {{.*}}errors.mlir:6: 3 and 5 do not broadcast; s0 is 3 by dvm.reshape at {{.*}}errors.mlir:7; s1 is 5 by dvm.reshape at {{.*}}errors.mlir:8
func.func @found_later(%x : tensor<?xf32>, %y : tensor<?xf32>) {
  %0 = dvm.binary Add %x, %y : tensor<?xf32>, tensor<?xf32> -> tensor<?xf32>
  %1 = dvm.reshape %x shape [3] : tensor<?xf32> -> tensor<3xf32>
  %2 = dvm.reshape %y shape [5] : tensor<?xf32> -> tensor<5xf32>
  return
}

// -----

// CHECK: {{.*}}errors.mlir:4:1: func.func @found_when_used: dvm.binary Add at {{.*}}errors.mlir:5: 3 and 5 do not broadcast; s0 is 3 by dvm.reshape at {{.*}}errors.mlir:6; s1 is 5 by dvm.reshape at {{.*}}errors.mlir:7
func.func @found_when_used(%x : tensor<?xf32>, %y : tensor<?xf32>) {
  %0 = dvm.binary Add %x, %y : tensor<?xf32>, tensor<?xf32> -> tensor<?xf32>
  %1 = dvm.reshape %x shape [3] : tensor<?xf32> -> tensor<3xf32>
  %2 = dvm.reshape %y shape [5] : tensor<?xf32> -> tensor<5xf32>
  %3 = dvm.unary Exp %0 : tensor<?xf32> -> tensor<?xf32>
  return
}

// -----

// CHECK: {{.*}}errors.mlir:9:3: dvm.matmul: the contracted dims of 'lhs' and 'rhs': 2 and 3 are never equal; k is 1 by dvm.matmul at {{.*}}errors.mlir:8 (tensor<4x2xf32>, tensor<3x2xf32>)
func.func @matmul(%x : tensor<4x?xf32, #dvm.sym<["4", "k"]>>, %y : tensor<?x2xf32, #dvm.sym<["k", "2"]>>) {
  %0 = dvm.concat %x, %x axis 1 : tensor<4x?xf32, #dvm.sym<["4", "k"]>>, tensor<4x?xf32, #dvm.sym<["4", "k"]>> -> tensor<4x?xf32>
  %1 = dvm.pad %y low [1, 0] high [0, 0] value 0.0 : tensor<?x2xf32, #dvm.sym<["k", "2"]>> -> tensor<?x2xf32>
  %2 = dvm.pad %y low [2, 0] high [0, 0] value 0.0 : tensor<?x2xf32, #dvm.sym<["k", "2"]>> -> tensor<?x2xf32>
  %3 = dvm.matmul %0, %1 trans_a false trans_b false : tensor<4x?xf32>, tensor<?x2xf32> -> tensor<4x2xf32>
  %4 = dvm.matmul %0, %2 trans_a false trans_b false : tensor<4x?xf32>, tensor<?x2xf32> -> tensor<4x2xf32>
  return
}

// -----

// CHECK: {{.*}}errors.mlir:6:3: dvm.reduce Max: dim 0 of the operand: 0 and 1 never fit: the first must be at least the second; s0 is 0 by dvm.unary Exp at {{.*}}errors.mlir:5 (tensor<0xf32>)
func.func @reduce(%x : tensor<?xf32>) {
  %0 = dvm.unary Exp %x : tensor<?xf32> -> tensor<0xf32>
  %1 = dvm.reduce Max %x dims [0] keepdims false : tensor<?xf32> -> tensor<f32>
  return
}

// -----

// CHECK: {{.*}}errors.mlir:5:3: dvm.unary Exp: dim 0 of the result, inferred and declared: n and 4 are never equal; n is at least 8 (tensor<?xf32, #dvm.sym<["n"]>>)
func.func @bound(%x : tensor<?xf32, #dvm.sym<["n"]>>) attributes {dvm.at_least = {n = 8}} {
  %0 = dvm.unary Exp %x : tensor<?xf32, #dvm.sym<["n"]>> -> tensor<4xf32>
  return
}

// -----

// CHECK: {{.*}}errors.mlir:7:3: dvm.reshape: the element count of the operand and the rest of 'shape': 2*n + 1 and 2 never fit: the first must be a multiple of the second (tensor<?xf32, #dvm.sym<["2*n + 1"]>>)
func.func @divisible(%x : tensor<?xf32, #dvm.sym<["n"]>>) {
  %0 = dvm.concat %x, %x axis 0 : tensor<?xf32, #dvm.sym<["n"]>>, tensor<?xf32, #dvm.sym<["n"]>> -> tensor<?xf32>
  %1 = dvm.pad %0 low [1] high [0] value 0.0 : tensor<?xf32> -> tensor<?xf32>
  %2 = dvm.reshape %1 shape [-1, 2] : tensor<?xf32> -> tensor<?x2xf32>
  return
}

// -----

// CHECK: dvm.reshape: the element counts of the operand and 'shape': ? and 7 are never equal (tensor<?x2xf32>)
func.func @parity(%x : tensor<?x2xf32>) {
  %0 = dvm.reshape %x shape [7] : tensor<?x2xf32> -> tensor<7xf32>
  return
}

// -----

// CHECK: {{.*}}errors.mlir:6:3: dvm.slice: dim 0 of the operand: 4 and 5 never fit: the first must be at least the second; s0 is 4 by dvm.reshape at {{.*}}errors.mlir:5 (tensor<4xf32>)
func.func @slice(%x : tensor<?xf32>) {
  %0 = dvm.reshape %x shape [4] : tensor<?xf32> -> tensor<4xf32>
  %1 = dvm.slice %x starts [3] sizes [2] steps [1] : tensor<?xf32> -> tensor<2xf32>
  return
}

// -----

// CHECK: {{.*}}errors.mlir:6:3: dvm.unary Exp: dim 0 of the result, inferred and declared: 4 and 5 are never equal; s0 is 4 by dvm.reshape at {{.*}}errors.mlir:5 (tensor<4xf32>)
func.func @declared(%x : tensor<?xf32>) -> tensor<5xf32> {
  %0 = dvm.reshape %x shape [4] : tensor<?xf32> -> tensor<4xf32>
  %1 = dvm.unary Exp %x : tensor<?xf32> -> tensor<5xf32>
  return %1 : tensor<5xf32>
}

// -----

// An expression that the author states need not exist for what its symbols are found to be later.
// CHECK: {{.*}}errors.mlir:5:1: func.func @stated_of_argument: dims 3 and 5 do not broadcast; s0 is 3 by dvm.reshape at {{.*}}errors.mlir:6; s1 is 5 by dvm.reshape at {{.*}}errors.mlir:7
func.func @stated_of_argument(%x : tensor<?xf32, #dvm.sym<["s0"]>>, %y : tensor<?xf32, #dvm.sym<["s1"]>>, %z : tensor<?xf32, #dvm.sym<["bcast(s0, s1)"]>>) {
  %0 = dvm.reshape %x shape [3] : tensor<?xf32, #dvm.sym<["s0"]>> -> tensor<3xf32>
  %1 = dvm.reshape %y shape [5] : tensor<?xf32, #dvm.sym<["s1"]>> -> tensor<5xf32>
  return
}

// -----

// CHECK: {{.*}}errors.mlir:5:3: dvm.broadcast_scalar: 's0' cannot be divided by '0'; s1 is 0 by dvm.reshape at {{.*}}errors.mlir:6
func.func @stated_of_operation(%x : tensor<?xf32, #dvm.sym<["s0"]>>, %y : tensor<?xf32, #dvm.sym<["s1"]>>) {
  %0 = dvm.broadcast_scalar 1.0 shape ["s0 floordiv s1"] type Float32 : f32 -> tensor<?xf32>
  %1 = dvm.reshape %y shape [0] : tensor<?xf32, #dvm.sym<["s1"]>> -> tensor<0xf32>
  return
}

// -----

// What is stated of a result holds for the argument, whose dim has no value either.
// CHECK: {{.*}}errors.mlir:5:1: func.func @stated_of_result: dims 3 and 5 do not broadcast; s2 is bcast(s0, s1) by dvm.unary Exp at {{.*}}errors.mlir:6; s0 is 3 by dvm.reshape at {{.*}}errors.mlir:7; s1 is 5 by dvm.reshape at {{.*}}errors.mlir:8
func.func @stated_of_result(%x : tensor<?xf32, #dvm.sym<["s0"]>>, %y : tensor<?xf32, #dvm.sym<["s1"]>>, %z : tensor<?xf32>) {
  %0 = dvm.unary Exp %z : tensor<?xf32> -> tensor<?xf32, #dvm.sym<["bcast(s0, s1)"]>>
  %1 = dvm.reshape %x shape [3] : tensor<?xf32, #dvm.sym<["s0"]>> -> tensor<3xf32>
  %2 = dvm.reshape %y shape [5] : tensor<?xf32, #dvm.sym<["s1"]>> -> tensor<5xf32>
  return
}

// -----

// What an operation states is explained like its operands.
// CHECK: {{.*}}errors.mlir:8:3: dvm.broadcast_scalar: dims 3 and 5 do not broadcast; s0 is 3 by dvm.reshape at {{.*}}errors.mlir:6; s1 is 5 by dvm.reshape at {{.*}}errors.mlir:7
func.func @stated_too_late(%x : tensor<?xf32, #dvm.sym<["s0"]>>, %y : tensor<?xf32, #dvm.sym<["s1"]>>) {
  %0 = dvm.reshape %x shape [3] : tensor<?xf32, #dvm.sym<["s0"]>> -> tensor<3xf32>
  %1 = dvm.reshape %y shape [5] : tensor<?xf32, #dvm.sym<["s1"]>> -> tensor<5xf32>
  %2 = dvm.broadcast_scalar 1.0 shape ["bcast(s0, s1)"] type Float32 : f32 -> tensor<?xf32>
  return
}

// -----

// A fact whose expression stops to exist.
// CHECK: {{.*}}errors.mlir:5:1: func.func @fact: dvm.slice at {{.*}}errors.mlir:6: 's0' cannot be divided by '0'; s1 is 0 by dvm.reshape at {{.*}}errors.mlir:7
func.func @fact(%x : tensor<?xf32, #dvm.sym<["s0"]>>, %y : tensor<?xf32, #dvm.sym<["s1"]>>) {
  %0 = dvm.slice %x starts ["s0 floordiv s1"] sizes [1] steps [1] : tensor<?xf32, #dvm.sym<["s0"]>> -> tensor<1xf32>
  %1 = dvm.reshape %y shape [0] : tensor<?xf32, #dvm.sym<["s1"]>> -> tensor<0xf32>
  return
}
