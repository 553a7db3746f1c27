// RUN: dvm-opt %s -p dvm-deduce-shapes | filecheck %s
// RUN: dvm-opt %s -p dvm-deduce-shapes,dvm-deduce-shapes | filecheck %s

// Each dim without a name gets a symbol; names in use are avoided.
func.func @fresh(%x : tensor<?x8x?xf32>, %y : tensor<?xf32, #dvm.sym<["s1"]>>) -> tensor<?x8x?xf32> {
  %0 = dvm.unary Exp %x : tensor<?x8x?xf32> -> tensor<?x8x?xf32>
  %1 = dvm.broadcast_scalar 1.0 shape ["s1"] type Float32 : f32 -> tensor<?xf32>
  return %0 : tensor<?x8x?xf32>
}
// CHECK-LABEL: func.func @fresh(%x: tensor<?x8x?xf32, #dvm.sym<["s0", "8", "s2"]>>, %y: tensor<?xf32, #dvm.sym<["s1"]>>) -> tensor<?x8x?xf32, #dvm.sym<["s0", "8", "s2"]>> attributes {dvm.facts = [], dvm.reasons = {{\[\[}}"", "", ""], [""]]} {
// CHECK-NEXT:   %0 = dvm.unary Exp %x : tensor<?x8x?xf32, #dvm.sym<["s0", "8", "s2"]>> -> tensor<?x8x?xf32, #dvm.sym<["s0", "8", "s2"]>>
// CHECK-NEXT:   func.return %0 : tensor<?x8x?xf32, #dvm.sym<["s0", "8", "s2"]>>
// CHECK-NEXT: }

// A product proves that the contracted dims are equal; the name that the author gave stays.
func.func @matmul(%x : tensor<?x?xf32>, %y : tensor<?x16xf32, #dvm.sym<["inner", "16"]>>) -> tensor<?x?xf32> {
  %0 = dvm.matmul %x, %y trans_a false trans_b false : tensor<?x?xf32>, tensor<?x16xf32, #dvm.sym<["inner", "16"]>> -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}
// CHECK-LABEL: func.func @matmul(%x: tensor<?x?xf32, #dvm.sym<["s0", "inner"]>>, %y: tensor<?x16xf32, #dvm.sym<["inner", "16"]>>) -> tensor<?x16xf32, #dvm.sym<["s0", "16"]>> attributes {dvm.facts = [], dvm.reasons = {{\[\[}}"", "dvm.matmul at {{.*}}symbols.mlir:17"], ["", ""]]} {
// CHECK-NEXT:   %0 = dvm.matmul %x, %y trans_a false trans_b false : tensor<?x?xf32, #dvm.sym<["s0", "inner"]>>, tensor<?x16xf32, #dvm.sym<["inner", "16"]>> -> tensor<?x16xf32, #dvm.sym<["s0", "16"]>>
// CHECK-NEXT:   func.return %0 : tensor<?x16xf32, #dvm.sym<["s0", "16"]>>
// CHECK-NEXT: }

// Dims that are 2 or more broadcast only if they are equal.
func.func @equal(%x : tensor<?xf32, #dvm.sym<["n"]>>, %y : tensor<?xf32, #dvm.sym<["m"]>>) -> tensor<?xf32> attributes {dvm.at_least = {m = 3, n = 2}} {
  %0 = dvm.binary Add %x, %y : tensor<?xf32, #dvm.sym<["n"]>>, tensor<?xf32, #dvm.sym<["m"]>> -> tensor<?xf32>
  return %0 : tensor<?xf32>
}
// CHECK-LABEL: func.func @equal(%x: tensor<?xf32, #dvm.sym<["n"]>>, %y: tensor<?xf32, #dvm.sym<["n"]>>) -> tensor<?xf32, #dvm.sym<["n"]>> attributes {dvm.at_least = {n = 3 : i64}, dvm.facts = [#dvm.fact<at_least, "n", "3", "dvm.at_least of @equal">], dvm.reasons = {{\[\[}}""], ["dvm.binary Add at {{.*}}symbols.mlir:27"]]} {
// CHECK-NEXT:   %0 = dvm.binary Add %x, %y : tensor<?xf32, #dvm.sym<["n"]>>, tensor<?xf32, #dvm.sym<["n"]>> -> tensor<?xf32, #dvm.sym<["n"]>>
// CHECK-NEXT:   func.return %0 : tensor<?xf32, #dvm.sym<["n"]>>
// CHECK-NEXT: }

// Either may be 1: bind decides, and checks.
func.func @broadcast(%x : tensor<?xf32>, %y : tensor<?xf32>, %z : tensor<?xf32>) -> tensor<?xf32> {
  %0 = dvm.binary Add %x, %y : tensor<?xf32>, tensor<?xf32> -> tensor<?xf32>
  %1 = dvm.binary Add %0, %y : tensor<?xf32>, tensor<?xf32> -> tensor<?xf32>
  %2 = dvm.binary Add %1, %z : tensor<?xf32>, tensor<?xf32> -> tensor<?xf32>
  return %2 : tensor<?xf32>
}
// CHECK-LABEL: func.func @broadcast(%x: tensor<?xf32, #dvm.sym<["s0"]>>, %y: tensor<?xf32, #dvm.sym<["s1"]>>, %z: tensor<?xf32, #dvm.sym<["s2"]>>) -> tensor<?xf32, #dvm.sym<["bcast(s0, s1, s2)"]>> attributes {dvm.facts = [#dvm.fact<broadcastable, "s0", "s1", "dvm.binary Add at {{.*}}symbols.mlir:37">, #dvm.fact<broadcastable, "bcast(s0, s1)", "s2", "dvm.binary Add at {{.*}}symbols.mlir:39">], dvm.reasons = {{\[\[}}""], [""], [""]]} {
// CHECK-NEXT:   %0 = dvm.binary Add %x, %y : tensor<?xf32, #dvm.sym<["s0"]>>, tensor<?xf32, #dvm.sym<["s1"]>> -> tensor<?xf32, #dvm.sym<["bcast(s0, s1)"]>>
// CHECK-NEXT:   %1 = dvm.binary Add %0, %y : tensor<?xf32, #dvm.sym<["bcast(s0, s1)"]>>, tensor<?xf32, #dvm.sym<["s1"]>> -> tensor<?xf32, #dvm.sym<["bcast(s0, s1)"]>>
// CHECK-NEXT:   %2 = dvm.binary Add %1, %z : tensor<?xf32, #dvm.sym<["bcast(s0, s1)"]>>, tensor<?xf32, #dvm.sym<["s2"]>> -> tensor<?xf32, #dvm.sym<["bcast(s0, s1, s2)"]>>
// CHECK-NEXT:   func.return %2 : tensor<?xf32, #dvm.sym<["bcast(s0, s1, s2)"]>>
// CHECK-NEXT: }

// Beside a dim that is no 1 for certain, the result is that one.
func.func @one_sided(%x : tensor<4xf32>, %y : tensor<?xf32>, %z : tensor<?xf32, #dvm.sym<["n"]>>) -> (tensor<?xf32>, tensor<?xf32>) attributes {dvm.at_least = {n = 2}} {
  %0 = dvm.binary Add %x, %y : tensor<4xf32>, tensor<?xf32> -> tensor<?xf32>
  %1 = dvm.binary Add %y, %z : tensor<?xf32>, tensor<?xf32, #dvm.sym<["n"]>> -> tensor<?xf32>
  return %0, %1 : tensor<?xf32>, tensor<?xf32>
}
// CHECK-LABEL: func.func @one_sided(%x: tensor<4xf32>, %y: tensor<?xf32, #dvm.sym<["s0"]>>, %z: tensor<?xf32, #dvm.sym<["n"]>>) -> (tensor<4xf32>, tensor<?xf32, #dvm.sym<["n"]>>) attributes {dvm.at_least = {n = 2 : i64}, dvm.facts = [#dvm.fact<at_least, "n", "2", "dvm.at_least of @one_sided">, #dvm.fact<broadcastable, "4", "s0", "dvm.binary Add at {{.*}}symbols.mlir:51">, #dvm.fact<broadcastable, "n", "s0", "dvm.binary Add at {{.*}}symbols.mlir:52">], dvm.reasons = {{\[\[}}""], [""], [""]]} {
// CHECK-NEXT:   %0 = dvm.binary Add %x, %y : tensor<4xf32>, tensor<?xf32, #dvm.sym<["s0"]>> -> tensor<4xf32>
// CHECK-NEXT:   %1 = dvm.binary Add %y, %z : tensor<?xf32, #dvm.sym<["s0"]>>, tensor<?xf32, #dvm.sym<["n"]>> -> tensor<?xf32, #dvm.sym<["n"]>>
// CHECK-NEXT:   func.return %0, %1 : tensor<4xf32>, tensor<?xf32, #dvm.sym<["n"]>>
// CHECK-NEXT: }

// What is proved later holds for what came before.
func.func @later(%x : tensor<?xf32>, %y : tensor<?xf32>) -> (tensor<?xf32>, tensor<8xf32>) {
  %0 = dvm.binary Add %x, %y : tensor<?xf32>, tensor<?xf32> -> tensor<?xf32>
  %1 = dvm.reshape %x shape [4] : tensor<?xf32> -> tensor<4xf32>
  %2 = dvm.concat %x, %y axis 0 : tensor<?xf32>, tensor<?xf32> -> tensor<8xf32>
  return %0, %2 : tensor<?xf32>, tensor<8xf32>
}
// CHECK-LABEL: func.func @later(%x: tensor<4xf32>, %y: tensor<4xf32>) -> (tensor<4xf32>, tensor<8xf32>) attributes {dvm.facts = [], dvm.reasons = {{\[\[}}"dvm.reshape at {{.*}}symbols.mlir:64"], ["dvm.concat at {{.*}}symbols.mlir:65"]]} {
// CHECK-NEXT:   %0 = dvm.binary Add %x, %y : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:   %1 = dvm.reshape %x shape [4] : tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:   %2 = dvm.concat %x, %y axis 0 : tensor<4xf32>, tensor<4xf32> -> tensor<8xf32>
// CHECK-NEXT:   func.return %0, %2 : tensor<4xf32>, tensor<8xf32>
// CHECK-NEXT: }

// A declared type is a statement about the dims.
func.func @declared(%x : tensor<?x?xf32>, %y : tensor<?xf32, #dvm.sym<["n"]>>) -> tensor<4x?xf32, #dvm.sym<["4", "n"]>> {
  %0 = dvm.unary Exp %x : tensor<?x?xf32> -> tensor<4x?xf32, #dvm.sym<["4", "n"]>>
  return %0 : tensor<4x?xf32, #dvm.sym<["4", "n"]>>
}
// CHECK-LABEL: func.func @declared(%x: tensor<4x?xf32, #dvm.sym<["4", "n"]>>, %y: tensor<?xf32, #dvm.sym<["n"]>>) -> tensor<4x?xf32, #dvm.sym<["4", "n"]>> attributes {dvm.facts = [], dvm.reasons = {{\[\[}}"dvm.unary Exp at {{.*}}symbols.mlir:77", "dvm.unary Exp at {{.*}}symbols.mlir:77"], [""]]} {
// CHECK-NEXT:   %0 = dvm.unary Exp %x : tensor<4x?xf32, #dvm.sym<["4", "n"]>> -> tensor<4x?xf32, #dvm.sym<["4", "n"]>>
// CHECK-NEXT:   func.return %0 : tensor<4x?xf32, #dvm.sym<["4", "n"]>>
// CHECK-NEXT: }

// A name that only results use stands for what it is found to be.
func.func @named_result(%x : tensor<?xf32>) -> tensor<?xf32, #dvm.sym<["total"]>> {
  %0 = dvm.concat %x, %x axis 0 : tensor<?xf32>, tensor<?xf32> -> tensor<?xf32, #dvm.sym<["total"]>>
  %1 = dvm.broadcast_scalar 1.0 shape ["total"] type Float32 : f32 -> tensor<?xf32, #dvm.sym<["total"]>>
  %2 = dvm.binary Add %0, %1 : tensor<?xf32, #dvm.sym<["total"]>>, tensor<?xf32, #dvm.sym<["total"]>> -> tensor<?xf32, #dvm.sym<["total"]>>
  return %2 : tensor<?xf32, #dvm.sym<["total"]>>
}
// CHECK-LABEL: func.func @named_result(%x: tensor<?xf32, #dvm.sym<["s0"]>>) -> tensor<?xf32, #dvm.sym<["2*s0"]>> attributes {dvm.facts = [], dvm.reasons = {{\[\[}}""]]} {
// CHECK-NEXT:   %0 = dvm.concat %x, %x axis 0 : tensor<?xf32, #dvm.sym<["s0"]>>, tensor<?xf32, #dvm.sym<["s0"]>> -> tensor<?xf32, #dvm.sym<["2*s0"]>>
// CHECK-NEXT:   %1 = dvm.broadcast_scalar 1.000000e+00 shape ["2*s0"] type Float32 : f32 -> tensor<?xf32, #dvm.sym<["2*s0"]>>
// CHECK-NEXT:   %2 = dvm.binary Add %0, %1 : tensor<?xf32, #dvm.sym<["2*s0"]>>, tensor<?xf32, #dvm.sym<["2*s0"]>> -> tensor<?xf32, #dvm.sym<["2*s0"]>>
// CHECK-NEXT:   func.return %2 : tensor<?xf32, #dvm.sym<["2*s0"]>>
// CHECK-NEXT: }

// A dim of an argument may be an expression of other dims, and be found to be one.
func.func @expressions(%x : tensor<?xf32, #dvm.sym<["n"]>>, %y : tensor<?xf32, #dvm.sym<["2*n"]>>, %z : tensor<?x4xf32>) -> tensor<?xf32> {
  %0 = dvm.concat %x, %x axis 0 : tensor<?xf32, #dvm.sym<["n"]>>, tensor<?xf32, #dvm.sym<["n"]>> -> tensor<?xf32>
  %1 = dvm.binary Add %0, %y : tensor<?xf32>, tensor<?xf32, #dvm.sym<["2*n"]>> -> tensor<?xf32>
  %2 = dvm.reshape %z shape ["8*n"] : tensor<?x4xf32> -> tensor<?xf32>
  return %1 : tensor<?xf32>
}
// CHECK-LABEL: func.func @expressions(%x: tensor<?xf32, #dvm.sym<["n"]>>, %y: tensor<?xf32, #dvm.sym<["2*n"]>>, %z: tensor<?x4xf32, #dvm.sym<["2*n", "4"]>>) -> tensor<?xf32, #dvm.sym<["2*n"]>> attributes {dvm.facts = [], dvm.reasons = {{\[\[}}""], [""], ["dvm.reshape at {{.*}}symbols.mlir:103", ""]]} {
// CHECK-NEXT:   %0 = dvm.concat %x, %x axis 0 : tensor<?xf32, #dvm.sym<["n"]>>, tensor<?xf32, #dvm.sym<["n"]>> -> tensor<?xf32, #dvm.sym<["2*n"]>>
// CHECK-NEXT:   %1 = dvm.binary Add %0, %y : tensor<?xf32, #dvm.sym<["2*n"]>>, tensor<?xf32, #dvm.sym<["2*n"]>> -> tensor<?xf32, #dvm.sym<["2*n"]>>
// CHECK-NEXT:   %2 = dvm.reshape %z shape ["8*n"] : tensor<?x4xf32, #dvm.sym<["2*n", "4"]>> -> tensor<?xf32, #dvm.sym<["8*n"]>>
// CHECK-NEXT:   func.return %1 : tensor<?xf32, #dvm.sym<["2*n"]>>
// CHECK-NEXT: }

// A fact that follows from a bound found later is not left for bind; nor is a promise about a dim that is a number by then.
func.func @implied(%x : tensor<?xf32, #dvm.sym<["n"]>>, %y : tensor<?xf32, #dvm.sym<["2*n"]>>, %z : tensor<?xf32, #dvm.sym<["m"]>>) -> (tensor<5xf32>, tensor<3xf32>) attributes {dvm.at_least = {m = 2}} {
  %0 = dvm.slice %y starts [0] sizes [5] steps [1] : tensor<?xf32, #dvm.sym<["2*n"]>> -> tensor<5xf32>
  %1 = dvm.slice %x starts [0] sizes [3] steps [1] : tensor<?xf32, #dvm.sym<["n"]>> -> tensor<3xf32>
  %2 = dvm.reshape %z shape [4] : tensor<?xf32, #dvm.sym<["m"]>> -> tensor<4xf32>
  return %0, %1 : tensor<5xf32>, tensor<3xf32>
}
// CHECK-LABEL: func.func @implied(%x: tensor<?xf32, #dvm.sym<["n"]>>, %y: tensor<?xf32, #dvm.sym<["2*n"]>>, %z: tensor<4xf32>) -> (tensor<5xf32>, tensor<3xf32>) attributes {dvm.facts = [#dvm.fact<at_least, "n", "3", "dvm.slice at {{.*}}symbols.mlir:116">], dvm.reasons = {{\[\[}}""], [""], ["dvm.reshape at {{.*}}symbols.mlir:117"]]} {
// CHECK-NEXT:   %0 = dvm.slice %y starts [0] sizes [5] steps [1] : tensor<?xf32, #dvm.sym<["2*n"]>> -> tensor<5xf32>
// CHECK-NEXT:   %1 = dvm.slice %x starts [0] sizes [3] steps [1] : tensor<?xf32, #dvm.sym<["n"]>> -> tensor<3xf32>
// CHECK-NEXT:   %2 = dvm.reshape %z shape [4] : tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT:   func.return %0, %1 : tensor<5xf32>, tensor<3xf32>
// CHECK-NEXT: }

// One dim must be at least another, or an expression at least a number.
func.func @at_least(%x : tensor<?xf32, #dvm.sym<["n"]>>, %y : tensor<?xf32, #dvm.sym<["m"]>>, %z : tensor<?xf32, #dvm.sym<["n + 2*m"]>>) -> (tensor<?xf32>, tensor<4xf32>) {
  %0 = dvm.slice %x starts [1] sizes ["m"] steps [1] : tensor<?xf32, #dvm.sym<["n"]>> -> tensor<?xf32>
  %1 = dvm.slice %z starts [0] sizes [4] steps [1] : tensor<?xf32, #dvm.sym<["n + 2*m"]>> -> tensor<4xf32>
  return %0, %1 : tensor<?xf32>, tensor<4xf32>
}
// CHECK-LABEL: func.func @at_least(%x: tensor<?xf32, #dvm.sym<["n"]>>, %y: tensor<?xf32, #dvm.sym<["m"]>>, %z: tensor<?xf32, #dvm.sym<["2*m + n"]>>) -> (tensor<?xf32, #dvm.sym<["m"]>>, tensor<4xf32>) attributes {dvm.facts = [#dvm.fact<at_least, "n", "m + 1", "dvm.slice at {{.*}}symbols.mlir:129">, #dvm.fact<at_least, "2*m + n", "4", "dvm.slice at {{.*}}symbols.mlir:130">], dvm.reasons = {{\[\[}}""], [""], [""]]} {
// CHECK-NEXT:   %0 = dvm.slice %x starts [1] sizes ["m"] steps [1] : tensor<?xf32, #dvm.sym<["n"]>> -> tensor<?xf32, #dvm.sym<["m"]>>
// CHECK-NEXT:   %1 = dvm.slice %z starts [0] sizes [4] steps [1] : tensor<?xf32, #dvm.sym<["2*m + n"]>> -> tensor<4xf32>
// CHECK-NEXT:   func.return %0, %1 : tensor<?xf32, #dvm.sym<["m"]>>, tensor<4xf32>
// CHECK-NEXT: }

// What is no function with a body is left alone.
func.func private @declaration(tensor<?xf32>) -> tensor<?xf32>
module @nested {
  func.func private @inner(tensor<?xf32>) -> tensor<?xf32>
}
// CHECK-LABEL: func.func private @declaration(tensor<?xf32>) -> tensor<?xf32>
// CHECK-NEXT:  builtin.module @nested {
// CHECK-NEXT:    func.func private @inner(tensor<?xf32>) -> tensor<?xf32>
// CHECK-NEXT:  }
