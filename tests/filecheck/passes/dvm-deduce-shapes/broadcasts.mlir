// RUN: dvm-opt %s -p dvm-deduce-shapes | filecheck %s

// A lower rank, and a dim that is 1 for certain; the same broadcast is made once.
func.func @explicit(%x : tensor<?x8xf32>, %v : tensor<8xf32>, %column : tensor<?x1xf32>) -> tensor<?x8xf32> {
  %0 = dvm.binary Add %x, %v : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x8xf32>
  %1 = dvm.binary Mul %0, %v : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x8xf32>
  %2 = dvm.reduce Sum %1 dims [1] keepdims true : tensor<?x8xf32> -> tensor<?x1xf32>
  %3 = dvm.binary Div %1, %2 : tensor<?x8xf32>, tensor<?x1xf32> -> tensor<?x8xf32>
  return %3 : tensor<?x8xf32>
}
// CHECK-LABEL: func.func @explicit(%x: tensor<?x8xf32, #dvm.sym<["s0", "8"]>>, %v: tensor<8xf32>, %column: tensor<?x1xf32, #dvm.sym<["s1", "1"]>>) -> tensor<?x8xf32, #dvm.sym<["s0", "8"]>> attributes {dvm.facts = [], dvm.reasons = {{\[\[}}"", ""], [""], ["", ""]]} {
// CHECK-NEXT:   %0 = dvm.broadcast %v shape ["s0", 8] : tensor<8xf32> -> tensor<?x8xf32, #dvm.sym<["s0", "8"]>>
// CHECK-NEXT:   %1 = dvm.binary Add %x, %0 : tensor<?x8xf32, #dvm.sym<["s0", "8"]>>, tensor<?x8xf32, #dvm.sym<["s0", "8"]>> -> tensor<?x8xf32, #dvm.sym<["s0", "8"]>>
// CHECK-NEXT:   %2 = dvm.binary Mul %1, %0 : tensor<?x8xf32, #dvm.sym<["s0", "8"]>>, tensor<?x8xf32, #dvm.sym<["s0", "8"]>> -> tensor<?x8xf32, #dvm.sym<["s0", "8"]>>
// CHECK-NEXT:   %3 = dvm.reduce Sum %2 dims [1] keepdims true : tensor<?x8xf32, #dvm.sym<["s0", "8"]>> -> tensor<?x1xf32, #dvm.sym<["s0", "1"]>>
// CHECK-NEXT:   %4 = dvm.broadcast %3 shape ["s0", 8] : tensor<?x1xf32, #dvm.sym<["s0", "1"]>> -> tensor<?x8xf32, #dvm.sym<["s0", "8"]>>
// CHECK-NEXT:   %5 = dvm.binary Div %2, %4 : tensor<?x8xf32, #dvm.sym<["s0", "8"]>>, tensor<?x8xf32, #dvm.sym<["s0", "8"]>> -> tensor<?x8xf32, #dvm.sym<["s0", "8"]>>
// CHECK-NEXT:   func.return %5 : tensor<?x8xf32, #dvm.sym<["s0", "8"]>>
// CHECK-NEXT: }

// A splat is made in the shape that is needed.
func.func @splat(%c : tensor<?xi1>, %x : tensor<?xf32>) -> tensor<?xf32> attributes {dvm.at_least = {s0 = 2, s1 = 2}} {
  %0 = dvm.broadcast_scalar 0.0 shape [] type Float32 : f32 -> tensor<f32>
  %1 = dvm.select %c, %x, %0 : (tensor<?xi1>, tensor<?xf32>, tensor<f32>) -> tensor<?xf32>
  return %1 : tensor<?xf32>
}
// CHECK-LABEL: func.func @splat(%c: tensor<?xi1, #dvm.sym<["s0"]>>, %x: tensor<?xf32, #dvm.sym<["s0"]>>) -> tensor<?xf32, #dvm.sym<["s0"]>> attributes {dvm.at_least = {s0 = 2 : i64}, dvm.facts = [#dvm.fact<at_least, "s0", "2", "dvm.at_least of @splat">], dvm.reasons = {{\[\[}}""], ["dvm.select at {{.*}}broadcasts.mlir:24"]]} {
// CHECK-NEXT:   %0 = dvm.broadcast_scalar 0.000000e+00 shape ["s0"] type Float32 : f32 -> tensor<?xf32, #dvm.sym<["s0"]>>
// CHECK-NEXT:   %1 = dvm.select %c, %x, %0 : (tensor<?xi1, #dvm.sym<["s0"]>>, tensor<?xf32, #dvm.sym<["s0"]>>, tensor<?xf32, #dvm.sym<["s0"]>>) -> tensor<?xf32, #dvm.sym<["s0"]>>
// CHECK-NEXT:   func.return %1 : tensor<?xf32, #dvm.sym<["s0"]>>
// CHECK-NEXT: }

// Dims that may be 1 stay; those that are 1 are stretched.
func.func @partly(%x : tensor<1x?xf32>, %y : tensor<4x?xf32>, %z : tensor<?xf32>) -> (tensor<4x?xf32>, tensor<4x?xf32>) {
  %0 = dvm.binary Add %x, %y : tensor<1x?xf32>, tensor<4x?xf32> -> tensor<4x?xf32>
  %1 = dvm.binary Add %y, %z : tensor<4x?xf32>, tensor<?xf32> -> tensor<4x?xf32>
  return %0, %1 : tensor<4x?xf32>, tensor<4x?xf32>
}
// CHECK-LABEL: func.func @partly(%x: tensor<1x?xf32, #dvm.sym<["1", "s0"]>>, %y: tensor<4x?xf32, #dvm.sym<["4", "s1"]>>, %z: tensor<?xf32, #dvm.sym<["s2"]>>) -> (tensor<4x?xf32, #dvm.sym<["4", "bcast(s0, s1)"]>>, tensor<4x?xf32, #dvm.sym<["4", "bcast(s1, s2)"]>>) attributes {dvm.facts = [#dvm.fact<broadcastable, "s0", "s1", "dvm.binary Add at {{.*}}broadcasts.mlir:35">, #dvm.fact<broadcastable, "s1", "s2", "dvm.binary Add at {{.*}}broadcasts.mlir:36">], dvm.reasons = {{\[\[}}"", ""], ["", ""], [""]]} {
// CHECK-NEXT:   %0 = dvm.broadcast %x shape [4, "s0"] : tensor<1x?xf32, #dvm.sym<["1", "s0"]>> -> tensor<4x?xf32, #dvm.sym<["4", "s0"]>>
// CHECK-NEXT:   %1 = dvm.binary Add %0, %y : tensor<4x?xf32, #dvm.sym<["4", "s0"]>>, tensor<4x?xf32, #dvm.sym<["4", "s1"]>> -> tensor<4x?xf32, #dvm.sym<["4", "bcast(s0, s1)"]>>
// CHECK-NEXT:   %2 = dvm.broadcast %z shape [4, "s2"] : tensor<?xf32, #dvm.sym<["s2"]>> -> tensor<4x?xf32, #dvm.sym<["4", "s2"]>>
// CHECK-NEXT:   %3 = dvm.binary Add %y, %2 : tensor<4x?xf32, #dvm.sym<["4", "s1"]>>, tensor<4x?xf32, #dvm.sym<["4", "s2"]>> -> tensor<4x?xf32, #dvm.sym<["4", "bcast(s1, s2)"]>>
// CHECK-NEXT:   func.return %1, %3 : tensor<4x?xf32, #dvm.sym<["4", "bcast(s0, s1)"]>>, tensor<4x?xf32, #dvm.sym<["4", "bcast(s1, s2)"]>>
// CHECK-NEXT: }

// Nothing to do.
func.func @none(%x : tensor<?x8xf32>, %y : tensor<8x4xf32>, %bias : tensor<4xf32>) -> (tensor<?x8xf32>, tensor<?x4xf32>) {
  %0 = dvm.binary Add %x, %x : tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  %1 = dvm.matmul %0, %y trans_a false trans_b false bias %bias : tensor<?x8xf32>, tensor<8x4xf32>, tensor<4xf32> -> tensor<?x4xf32>
  return %0, %1 : tensor<?x8xf32>, tensor<?x4xf32>
}
// CHECK-LABEL: func.func @none(%x: tensor<?x8xf32, #dvm.sym<["s0", "8"]>>, %y: tensor<8x4xf32>, %bias: tensor<4xf32>) -> (tensor<?x8xf32, #dvm.sym<["s0", "8"]>>, tensor<?x4xf32, #dvm.sym<["s0", "4"]>>) attributes {dvm.facts = [], dvm.reasons = {{\[\[}}"", ""], ["", ""], [""]]} {
// CHECK-NEXT:   %0 = dvm.binary Add %x, %x : tensor<?x8xf32, #dvm.sym<["s0", "8"]>>, tensor<?x8xf32, #dvm.sym<["s0", "8"]>> -> tensor<?x8xf32, #dvm.sym<["s0", "8"]>>
// CHECK-NEXT:   %1 = dvm.matmul %0, %y trans_a false trans_b false bias %bias : tensor<?x8xf32, #dvm.sym<["s0", "8"]>>, tensor<8x4xf32>, tensor<4xf32> -> tensor<?x4xf32, #dvm.sym<["s0", "4"]>>
// CHECK-NEXT:   func.return %0, %1 : tensor<?x8xf32, #dvm.sym<["s0", "8"]>>, tensor<?x4xf32, #dvm.sym<["s0", "4"]>>
// CHECK-NEXT: }

// An author's broadcast is checked against its shape.
func.func @given(%x : tensor<?xf32>, %y : tensor<?x?xf32, #dvm.sym<["s1", "s2"]>>) -> (tensor<4x8xf32>, tensor<?x?xf32>) {
  %0 = dvm.broadcast %x shape [4, 8] : tensor<?xf32> -> tensor<4x8xf32>
  %1 = dvm.broadcast %x shape ["s1", "s2"] : tensor<?xf32> -> tensor<?x?xf32>
  return %0, %1 : tensor<4x8xf32>, tensor<?x?xf32>
}
// CHECK-LABEL: func.func @given(%x: tensor<?xf32, #dvm.sym<["s0"]>>, %y: tensor<?x?xf32, #dvm.sym<["s1", "s2"]>>) -> (tensor<4x8xf32>, tensor<?x?xf32, #dvm.sym<["s1", "s2"]>>) attributes {dvm.facts = [#dvm.fact<broadcastable, "8", "s0", "dvm.broadcast at {{.*}}broadcasts.mlir:61">, #dvm.fact<broadcastable, "s0", "s2", "dvm.broadcast at {{.*}}broadcasts.mlir:62">, #dvm.fact<equal, "bcast(s0, s2)", "s2", "dvm.broadcast at {{.*}}broadcasts.mlir:62">], dvm.reasons = {{\[\[}}""], ["", ""]]} {
// CHECK-NEXT:   %0 = dvm.broadcast %x shape [4, 8] : tensor<?xf32, #dvm.sym<["s0"]>> -> tensor<4x8xf32>
// CHECK-NEXT:   %1 = dvm.broadcast %x shape ["s1", "s2"] : tensor<?xf32, #dvm.sym<["s0"]>> -> tensor<?x?xf32, #dvm.sym<["s1", "s2"]>>
// CHECK-NEXT:   func.return %0, %1 : tensor<4x8xf32>, tensor<?x?xf32, #dvm.sym<["s1", "s2"]>>
// CHECK-NEXT: }
