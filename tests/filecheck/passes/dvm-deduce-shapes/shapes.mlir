// RUN: dvm-opt %s -p dvm-deduce-shapes | filecheck %s
// RUN: dvm-opt %s -p dvm-deduce-shapes,dvm-deduce-shapes | filecheck %s

// Max and Min of nothing do not exist, hence the fact; it is recorded once. A sum of nothing is 0.
func.func @reduce(%x : tensor<?x?xf32>) -> (tensor<?x1xf32>, tensor<?xf32>) {
  %0 = dvm.reduce Max %x dims [1] keepdims true : tensor<?x?xf32> -> tensor<?x1xf32>
  %1 = dvm.reduce Min %x dims [1] keepdims false : tensor<?x?xf32> -> tensor<?xf32>
  %2 = dvm.reduce Sum %x dims [0] keepdims false : tensor<?x?xf32> -> tensor<?xf32>
  return %0, %2 : tensor<?x1xf32>, tensor<?xf32>
}
// CHECK-LABEL: func.func @reduce(%x: tensor<?x?xf32, #dvm.sym<["s0", "s1"]>>) -> (tensor<?x1xf32, #dvm.sym<["s0", "1"]>>, tensor<?xf32, #dvm.sym<["s1"]>>) attributes {dvm.facts = [#dvm.fact<at_least, "s1", "1", "dvm.reduce Max at {{.*}}shapes.mlir:6">], dvm.reasons = {{\[\[}}"", ""]]} {
// CHECK-NEXT:   %0 = dvm.reduce Max %x dims [1] keepdims true : tensor<?x?xf32, #dvm.sym<["s0", "s1"]>> -> tensor<?x1xf32, #dvm.sym<["s0", "1"]>>
// CHECK-NEXT:   %1 = dvm.reduce Min %x dims [1] keepdims false : tensor<?x?xf32, #dvm.sym<["s0", "s1"]>> -> tensor<?xf32, #dvm.sym<["s0"]>>
// CHECK-NEXT:   %2 = dvm.reduce Sum %x dims [0] keepdims false : tensor<?x?xf32, #dvm.sym<["s0", "s1"]>> -> tensor<?xf32, #dvm.sym<["s1"]>>
// CHECK-NEXT:   func.return %0, %2 : tensor<?x1xf32, #dvm.sym<["s0", "1"]>>, tensor<?xf32, #dvm.sym<["s1"]>>
// CHECK-NEXT: }

// What the author promises need not be found; it is checked all the same.
func.func @reduce_promised(%x : tensor<?xf32, #dvm.sym<["n"]>>) -> tensor<f32> attributes {dvm.at_least = {n = 2}} {
  %0 = dvm.reduce Max %x dims [0] keepdims false : tensor<?xf32, #dvm.sym<["n"]>> -> tensor<f32>
  return %0 : tensor<f32>
}
// CHECK-LABEL: func.func @reduce_promised(%x: tensor<?xf32, #dvm.sym<["n"]>>) -> tensor<f32> attributes {dvm.at_least = {n = 2 : i64}, dvm.facts = [#dvm.fact<at_least, "n", "2", "dvm.at_least of @reduce_promised">], dvm.reasons = {{\[\[}}""]]} {
// CHECK-NEXT:   %0 = dvm.reduce Max %x dims [0] keepdims false : tensor<?xf32, #dvm.sym<["n"]>> -> tensor<f32>
// CHECK-NEXT:   func.return %0 : tensor<f32>
// CHECK-NEXT: }

func.func @reshape(%x : tensor<?x?x8xf32, #dvm.sym<["s0", "s1", "8"]>>) -> (tensor<?x8xf32>, tensor<?xf32>, tensor<?x16xf32>, tensor<?x3xf32>, tensor<?x?xf32>) {
  %0 = dvm.reshape %x shape [-1, 8] : tensor<?x?x8xf32, #dvm.sym<["s0", "s1", "8"]>> -> tensor<?x8xf32>
  %1 = dvm.reshape %0 shape [-1] : tensor<?x8xf32> -> tensor<?xf32>
  %2 = dvm.reshape %x shape ["4*s0", 16] : tensor<?x?x8xf32, #dvm.sym<["s0", "s1", "8"]>> -> tensor<?x16xf32>
  %3 = dvm.reshape %x shape [-1, 3] : tensor<?x?x8xf32, #dvm.sym<["s0", "s1", "8"]>> -> tensor<?x3xf32>
  %4 = dvm.reshape %x shape [4, "s1"] : tensor<?x?x8xf32, #dvm.sym<["s0", "s1", "8"]>> -> tensor<?x?xf32>
  return %0, %1, %2, %3, %4 : tensor<?x8xf32>, tensor<?xf32>, tensor<?x16xf32>, tensor<?x3xf32>, tensor<?x?xf32>
}
// CHECK-LABEL: func.func @reshape(%x: tensor<?x?x8xf32, #dvm.sym<["s0", "s1", "8"]>>) -> (tensor<?x8xf32, #dvm.sym<["s0*s1", "8"]>>, tensor<?xf32, #dvm.sym<["8*s0*s1"]>>, tensor<?x16xf32, #dvm.sym<["4*s0", "16"]>>, tensor<?x3xf32, #dvm.sym<["2*s0*s1 + (2*s0*s1) floordiv 3", "3"]>>, tensor<4x?xf32, #dvm.sym<["4", "s1"]>>) attributes {dvm.facts = [#dvm.fact<equal, "64*s0", "8*s0*s1", "dvm.reshape at {{.*}}shapes.mlir:31">, #dvm.fact<divisible, "8*s0*s1", "3", "dvm.reshape at {{.*}}shapes.mlir:32">, #dvm.fact<equal, "4*s1", "8*s0*s1", "dvm.reshape at {{.*}}shapes.mlir:33">], dvm.reasons = {{\[\[}}"", "", ""]]} {
// CHECK-NEXT:   %0 = dvm.reshape %x shape [-1, 8] : tensor<?x?x8xf32, #dvm.sym<["s0", "s1", "8"]>> -> tensor<?x8xf32, #dvm.sym<["s0*s1", "8"]>>
// CHECK-NEXT:   %1 = dvm.reshape %0 shape [-1] : tensor<?x8xf32, #dvm.sym<["s0*s1", "8"]>> -> tensor<?xf32, #dvm.sym<["8*s0*s1"]>>
// CHECK-NEXT:   %2 = dvm.reshape %x shape ["4*s0", 16] : tensor<?x?x8xf32, #dvm.sym<["s0", "s1", "8"]>> -> tensor<?x16xf32, #dvm.sym<["4*s0", "16"]>>
// CHECK-NEXT:   %3 = dvm.reshape %x shape [-1, 3] : tensor<?x?x8xf32, #dvm.sym<["s0", "s1", "8"]>> -> tensor<?x3xf32, #dvm.sym<["2*s0*s1 + (2*s0*s1) floordiv 3", "3"]>>
// CHECK-NEXT:   %4 = dvm.reshape %x shape [4, "s1"] : tensor<?x?x8xf32, #dvm.sym<["s0", "s1", "8"]>> -> tensor<4x?xf32, #dvm.sym<["4", "s1"]>>
// CHECK-NEXT:   func.return %0, %1, %2, %3, %4 : tensor<?x8xf32, #dvm.sym<["s0*s1", "8"]>>, tensor<?xf32, #dvm.sym<["8*s0*s1"]>>, tensor<?x16xf32, #dvm.sym<["4*s0", "16"]>>, tensor<?x3xf32, #dvm.sym<["2*s0*s1 + (2*s0*s1) floordiv 3", "3"]>>, tensor<4x?xf32, #dvm.sym<["4", "s1"]>>
// CHECK-NEXT: }

func.func @slice(%x : tensor<?x?xf32, #dvm.sym<["s0", "s1"]>>) -> (tensor<?x2xf32>, tensor<?x?xf32>, tensor<?x?xf32>) {
  %0 = dvm.slice %x starts [0, 1] sizes [-1, 2] steps [1, 3] : tensor<?x?xf32, #dvm.sym<["s0", "s1"]>> -> tensor<?x2xf32>
  %1 = dvm.slice %x starts [1, 0] sizes [-1, -1] steps [1, 2] : tensor<?x?xf32, #dvm.sym<["s0", "s1"]>> -> tensor<?x?xf32>
  %2 = dvm.slice %x starts ["s0 - 4", 0] sizes [4, "s1"] steps [1, 1] : tensor<?x?xf32, #dvm.sym<["s0", "s1"]>> -> tensor<?x?xf32>
  return %0, %1, %2 : tensor<?x2xf32>, tensor<?x?xf32>, tensor<?x?xf32>
}
// CHECK-LABEL: func.func @slice(%x: tensor<?x?xf32, #dvm.sym<["s0", "s1"]>>) -> (tensor<?x2xf32, #dvm.sym<["s0", "2"]>>, tensor<?x?xf32, #dvm.sym<["s0 - 1", "s1 ceildiv 2"]>>, tensor<4x?xf32, #dvm.sym<["4", "s1"]>>) attributes {dvm.facts = [#dvm.fact<at_least, "s1", "5", "dvm.slice at {{.*}}shapes.mlir:46">, #dvm.fact<at_least, "s0", "4", "dvm.slice at {{.*}}shapes.mlir:48">], dvm.reasons = {{\[\[}}"", ""]]} {
// CHECK-NEXT:   %0 = dvm.slice %x starts [0, 1] sizes [-1, 2] steps [1, 3] : tensor<?x?xf32, #dvm.sym<["s0", "s1"]>> -> tensor<?x2xf32, #dvm.sym<["s0", "2"]>>
// CHECK-NEXT:   %1 = dvm.slice %x starts [1, 0] sizes [-1, -1] steps [1, 2] : tensor<?x?xf32, #dvm.sym<["s0", "s1"]>> -> tensor<?x?xf32, #dvm.sym<["s0 - 1", "s1 ceildiv 2"]>>
// CHECK-NEXT:   %2 = dvm.slice %x starts ["s0 - 4", 0] sizes [4, "s1"] steps [1, 1] : tensor<?x?xf32, #dvm.sym<["s0", "s1"]>> -> tensor<4x?xf32, #dvm.sym<["4", "s1"]>>
// CHECK-NEXT:   func.return %0, %1, %2 : tensor<?x2xf32, #dvm.sym<["s0", "2"]>>, tensor<?x?xf32, #dvm.sym<["s0 - 1", "s1 ceildiv 2"]>>, tensor<4x?xf32, #dvm.sym<["4", "s1"]>>
// CHECK-NEXT: }

func.func @arithmetic(%x : tensor<?x4xf32, #dvm.sym<["s0", "4"]>>, %y : tensor<?x?xf32>, %i : tensor<?x2xi64, #dvm.sym<["s1", "2"]>>) -> (tensor<?x4xf32>, tensor<?x6xf32>, tensor<?x2x4xf32>, tensor<4x?xf32>, tensor<?x4xi32>) {
  %0 = dvm.concat %x, %y, %x axis 0 : tensor<?x4xf32, #dvm.sym<["s0", "4"]>>, tensor<?x?xf32>, tensor<?x4xf32, #dvm.sym<["s0", "4"]>> -> tensor<?x4xf32>
  %1 = dvm.pad %x low [1, 1] high ["s1", 1] value 0.0 : tensor<?x4xf32, #dvm.sym<["s0", "4"]>> -> tensor<?x6xf32>
  %2 = dvm.gather %x, %i axis 0 : tensor<?x4xf32, #dvm.sym<["s0", "4"]>>, tensor<?x2xi64, #dvm.sym<["s1", "2"]>> -> tensor<?x2x4xf32>
  %3 = dvm.transpose %x permutation [1, 0] : tensor<?x4xf32, #dvm.sym<["s0", "4"]>> -> tensor<4x?xf32>
  %4 = dvm.iota axis 0 shape ["s0", 4] : tensor<?x4xi32>
  return %0, %1, %2, %3, %4 : tensor<?x4xf32>, tensor<?x6xf32>, tensor<?x2x4xf32>, tensor<4x?xf32>, tensor<?x4xi32>
}
// CHECK-LABEL: func.func @arithmetic(%x: tensor<?x4xf32, #dvm.sym<["s0", "4"]>>, %y: tensor<?x4xf32, #dvm.sym<["s2", "4"]>>, %i: tensor<?x2xi64, #dvm.sym<["s1", "2"]>>) -> (tensor<?x4xf32, #dvm.sym<["2*s0 + s2", "4"]>>, tensor<?x6xf32, #dvm.sym<["s0 + s1 + 1", "6"]>>, tensor<?x2x4xf32, #dvm.sym<["s1", "2", "4"]>>, tensor<4x?xf32, #dvm.sym<["4", "s0"]>>, tensor<?x4xi32, #dvm.sym<["s0", "4"]>>) attributes {dvm.facts = [], dvm.reasons = {{\[\[}}"", ""], ["", "dvm.concat at {{.*}}shapes.mlir:59"], ["", ""]]} {
// CHECK-NEXT:   %0 = dvm.concat %x, %y, %x axis 0 : tensor<?x4xf32, #dvm.sym<["s0", "4"]>>, tensor<?x4xf32, #dvm.sym<["s2", "4"]>>, tensor<?x4xf32, #dvm.sym<["s0", "4"]>> -> tensor<?x4xf32, #dvm.sym<["2*s0 + s2", "4"]>>
// CHECK-NEXT:   %1 = dvm.pad %x low [1, 1] high ["s1", 1] value 0.000000e+00 : tensor<?x4xf32, #dvm.sym<["s0", "4"]>> -> tensor<?x6xf32, #dvm.sym<["s0 + s1 + 1", "6"]>>
// CHECK-NEXT:   %2 = dvm.gather %x, %i axis 0 : tensor<?x4xf32, #dvm.sym<["s0", "4"]>>, tensor<?x2xi64, #dvm.sym<["s1", "2"]>> -> tensor<?x2x4xf32, #dvm.sym<["s1", "2", "4"]>>
// CHECK-NEXT:   %3 = dvm.transpose %x permutation [1, 0] : tensor<?x4xf32, #dvm.sym<["s0", "4"]>> -> tensor<4x?xf32, #dvm.sym<["4", "s0"]>>
// CHECK-NEXT:   %4 = dvm.iota axis 0 shape ["s0", 4] : tensor<?x4xi32, #dvm.sym<["s0", "4"]>>
// CHECK-NEXT:   func.return %0, %1, %2, %3, %4 : tensor<?x4xf32, #dvm.sym<["2*s0 + s2", "4"]>>, tensor<?x6xf32, #dvm.sym<["s0 + s1 + 1", "6"]>>, tensor<?x2x4xf32, #dvm.sym<["s1", "2", "4"]>>, tensor<4x?xf32, #dvm.sym<["4", "s0"]>>, tensor<?x4xi32, #dvm.sym<["s0", "4"]>>
// CHECK-NEXT: }

// The batches of a product broadcast, too, and so does the bias.
func.func @products(%x : tensor<?x?x8xf32>, %y : tensor<8x16xf32>, %bias : tensor<?xf32>, %w : tensor<?x8x16xf32>, %ends : tensor<?xi32>, %rows : tensor<?x8xf32>) -> (tensor<?x?x16xf32>, tensor<?x16xf32>, tensor<?x8x8xf32>) {
  %0 = dvm.matmul %x, %y trans_a false trans_b false bias %bias : tensor<?x?x8xf32>, tensor<8x16xf32>, tensor<?xf32> -> tensor<?x?x16xf32>
  %1 = dvm.grouped_matmul %rows, %w, %ends trans_a false trans_b false group_type 0 : tensor<?x8xf32>, tensor<?x8x16xf32>, tensor<?xi32> -> tensor<?x16xf32>
  %2 = dvm.grouped_matmul %rows, %rows, %ends trans_a true trans_b false group_type 2 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?xi32> -> tensor<?x8x8xf32>
  return %0, %1, %2 : tensor<?x?x16xf32>, tensor<?x16xf32>, tensor<?x8x8xf32>
}
// CHECK-LABEL: func.func @products(%x: tensor<?x?x8xf32, #dvm.sym<["s0", "s1", "8"]>>, %y: tensor<8x16xf32>, %bias: tensor<?xf32, #dvm.sym<["s2"]>>, %w: tensor<?x8x16xf32, #dvm.sym<["s3", "8", "16"]>>, %ends: tensor<?xi32, #dvm.sym<["s3"]>>, %rows: tensor<?x8xf32, #dvm.sym<["s5", "8"]>>) -> (tensor<?x?x16xf32, #dvm.sym<["s0", "s1", "16"]>>, tensor<?x16xf32, #dvm.sym<["s5", "16"]>>, tensor<?x8x8xf32, #dvm.sym<["s3", "8", "8"]>>) attributes {dvm.facts = [#dvm.fact<broadcastable, "16", "s2", "dvm.matmul at {{.*}}shapes.mlir:77">], dvm.reasons = {{\[\[}}"", "", ""], ["", ""], [""], ["", "", ""], ["dvm.grouped_matmul at {{.*}}shapes.mlir:78"], ["", ""]]} {
// CHECK-NEXT:   %0 = dvm.matmul %x, %y trans_a false trans_b false bias %bias : tensor<?x?x8xf32, #dvm.sym<["s0", "s1", "8"]>>, tensor<8x16xf32>, tensor<?xf32, #dvm.sym<["s2"]>> -> tensor<?x?x16xf32, #dvm.sym<["s0", "s1", "16"]>>
// CHECK-NEXT:   %1 = dvm.grouped_matmul %rows, %w, %ends trans_a false trans_b false group_type 0 : tensor<?x8xf32, #dvm.sym<["s5", "8"]>>, tensor<?x8x16xf32, #dvm.sym<["s3", "8", "16"]>>, tensor<?xi32, #dvm.sym<["s3"]>> -> tensor<?x16xf32, #dvm.sym<["s5", "16"]>>
// CHECK-NEXT:   %2 = dvm.grouped_matmul %rows, %rows, %ends trans_a true trans_b false group_type 2 : tensor<?x8xf32, #dvm.sym<["s5", "8"]>>, tensor<?x8xf32, #dvm.sym<["s5", "8"]>>, tensor<?xi32, #dvm.sym<["s3"]>> -> tensor<?x8x8xf32, #dvm.sym<["s3", "8", "8"]>>
// CHECK-NEXT:   func.return %0, %1, %2 : tensor<?x?x16xf32, #dvm.sym<["s0", "s1", "16"]>>, tensor<?x16xf32, #dvm.sym<["s5", "16"]>>, tensor<?x8x8xf32, #dvm.sym<["s3", "8", "8"]>>
// CHECK-NEXT: }

// Composite operations are deduced, too.
func.func @composite(%x : tensor<?x?xf32>, %gamma : tensor<8xf32>, %i : tensor<?xi32>) -> (tensor<?x?xf32>, tensor<?x10xf32>, tensor<1xf32>) {
  %0 = dvm.softmax %x axis 0 : tensor<?x?xf32> -> tensor<?x?xf32>
  %1 = dvm.rms_norm %0, %gamma axis 1 epsilon 1.0e-06 : tensor<?x?xf32>, tensor<8xf32> -> tensor<?x?xf32>
  %2 = dvm.onehot %i depth [10] axis 1 {on_value = 1.0 : f32, off_value = 0.0 : f32} : tensor<?xi32> -> tensor<?x10xf32>
  %3 = dvm.elemany %1 : tensor<?x?xf32> -> tensor<1xf32>
  return %1, %2, %3 : tensor<?x?xf32>, tensor<?x10xf32>, tensor<1xf32>
}
// CHECK-LABEL: func.func @composite(%x: tensor<?x8xf32, #dvm.sym<["s0", "8"]>>, %gamma: tensor<8xf32>, %i: tensor<?xi32, #dvm.sym<["s2"]>>) -> (tensor<?x8xf32, #dvm.sym<["s0", "8"]>>, tensor<?x10xf32, #dvm.sym<["s2", "10"]>>, tensor<1xf32>) attributes {dvm.facts = [], dvm.reasons = {{\[\[}}"", "dvm.rms_norm at {{.*}}shapes.mlir:92"], [""], [""]]} {
// CHECK-NEXT:   %0 = dvm.softmax %x axis 0 : tensor<?x8xf32, #dvm.sym<["s0", "8"]>> -> tensor<?x8xf32, #dvm.sym<["s0", "8"]>>
// CHECK-NEXT:   %1 = dvm.rms_norm %0, %gamma axis 1 epsilon 1.000000e-06 : tensor<?x8xf32, #dvm.sym<["s0", "8"]>>, tensor<8xf32> -> tensor<?x8xf32, #dvm.sym<["s0", "8"]>>
// CHECK-NEXT:   %2 = dvm.onehot %i depth [10] axis 1 {on_value = 1.000000e+00 : f32, off_value = 0.000000e+00 : f32} : tensor<?xi32, #dvm.sym<["s2"]>> -> tensor<?x10xf32, #dvm.sym<["s2", "10"]>>
// CHECK-NEXT:   %3 = dvm.elemany %1 : tensor<?x8xf32, #dvm.sym<["s0", "8"]>> -> tensor<1xf32>
// CHECK-NEXT:   func.return %1, %2, %3 : tensor<?x8xf32, #dvm.sym<["s0", "8"]>>, tensor<?x10xf32, #dvm.sym<["s2", "10"]>>, tensor<1xf32>
// CHECK-NEXT: }

// A symbolic divisor is divided out where it is a factor of every term; else the quotient stays, and bind checks.
func.func @symbolic_divisor(%x : tensor<?x?x8xf32, #dvm.sym<["n", "m", "8"]>>) -> (tensor<?x?xf32>, tensor<?x?x?xf32>, tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xf32>) {
  %0 = dvm.reshape %x shape ["n", -1] : tensor<?x?x8xf32, #dvm.sym<["n", "m", "8"]>> -> tensor<?x?xf32>
  %1 = dvm.reshape %x shape ["n", "m", -1] : tensor<?x?x8xf32, #dvm.sym<["n", "m", "8"]>> -> tensor<?x?x?xf32>
  %2 = dvm.reshape %x shape ["3*n", -1] : tensor<?x?x8xf32, #dvm.sym<["n", "m", "8"]>> -> tensor<?x?xf32>
  %3 = dvm.reshape %x shape ["n*n", -1] : tensor<?x?x8xf32, #dvm.sym<["n", "m", "8"]>> -> tensor<?x?xf32>
  %4 = dvm.reshape %x shape ["n + m", -1] : tensor<?x?x8xf32, #dvm.sym<["n", "m", "8"]>> -> tensor<?x?xf32>
  return %0, %1, %2, %3, %4 : tensor<?x?xf32>, tensor<?x?x?xf32>, tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xf32>
}
// CHECK-LABEL: func.func @symbolic_divisor(%x: tensor<?x?x8xf32, #dvm.sym<["n", "m", "8"]>>) -> (tensor<?x?xf32, #dvm.sym<["n", "8*m"]>>, tensor<?x?x8xf32, #dvm.sym<["n", "m", "8"]>>, tensor<?x?xf32, #dvm.sym<["3*n", "(8*m*n) floordiv (3*n)"]>>, tensor<?x?xf32, #dvm.sym<["n*n", "(8*m*n) floordiv (n*n)"]>>, tensor<?x?xf32, #dvm.sym<["m + n", "(8*m*n) floordiv (m + n)"]>>) attributes {dvm.facts = [#dvm.fact<divisible, "8*m*n", "3*n", "dvm.reshape at {{.*}}shapes.mlir:109">, #dvm.fact<divisible, "8*m*n", "n*n", "dvm.reshape at {{.*}}shapes.mlir:110">, #dvm.fact<divisible, "8*m*n", "m + n", "dvm.reshape at {{.*}}shapes.mlir:111">], dvm.reasons = {{\[\[}}"", "", ""]]} {
// CHECK-NEXT:   %0 = dvm.reshape %x shape ["n", -1] : tensor<?x?x8xf32, #dvm.sym<["n", "m", "8"]>> -> tensor<?x?xf32, #dvm.sym<["n", "8*m"]>>
// CHECK-NEXT:   %1 = dvm.reshape %x shape ["n", "m", -1] : tensor<?x?x8xf32, #dvm.sym<["n", "m", "8"]>> -> tensor<?x?x8xf32, #dvm.sym<["n", "m", "8"]>>
// CHECK-NEXT:   %2 = dvm.reshape %x shape ["3*n", -1] : tensor<?x?x8xf32, #dvm.sym<["n", "m", "8"]>> -> tensor<?x?xf32, #dvm.sym<["3*n", "(8*m*n) floordiv (3*n)"]>>
// CHECK-NEXT:   %3 = dvm.reshape %x shape ["n*n", -1] : tensor<?x?x8xf32, #dvm.sym<["n", "m", "8"]>> -> tensor<?x?xf32, #dvm.sym<["n*n", "(8*m*n) floordiv (n*n)"]>>
// CHECK-NEXT:   %4 = dvm.reshape %x shape ["m + n", -1] : tensor<?x?x8xf32, #dvm.sym<["n", "m", "8"]>> -> tensor<?x?xf32, #dvm.sym<["m + n", "(8*m*n) floordiv (m + n)"]>>
// CHECK-NEXT:   func.return %0, %1, %2, %3, %4 : tensor<?x?xf32, #dvm.sym<["n", "8*m"]>>, tensor<?x?x8xf32, #dvm.sym<["n", "m", "8"]>>, tensor<?x?xf32, #dvm.sym<["3*n", "(8*m*n) floordiv (3*n)"]>>, tensor<?x?xf32, #dvm.sym<["n*n", "(8*m*n) floordiv (n*n)"]>>, tensor<?x?xf32, #dvm.sym<["m + n", "(8*m*n) floordiv (m + n)"]>>
// CHECK-NEXT: }

// A quotient by a number loses the factors that it has in common with the divisor.
func.func @reduced_quotient(%x : tensor<?x6xf32, #dvm.sym<["n", "6"]>>, %y : tensor<?xf32, #dvm.sym<["4*n + 2"]>>) -> (tensor<?x4xf32>, tensor<?xf32>) {
  %0 = dvm.reshape %x shape [-1, 4] : tensor<?x6xf32, #dvm.sym<["n", "6"]>> -> tensor<?x4xf32>
  %1 = dvm.slice %y starts [0] sizes [-1] steps [6] : tensor<?xf32, #dvm.sym<["4*n + 2"]>> -> tensor<?xf32>
  return %0, %1 : tensor<?x4xf32>, tensor<?xf32>
}
// CHECK-LABEL: func.func @reduced_quotient(%x: tensor<?x6xf32, #dvm.sym<["n", "6"]>>, %y: tensor<?xf32, #dvm.sym<["4*n + 2"]>>) -> (tensor<?x4xf32, #dvm.sym<["n + n floordiv 2", "4"]>>, tensor<?xf32, #dvm.sym<["(2*n + 1) ceildiv 3"]>>) attributes {dvm.facts = [#dvm.fact<divisible, "6*n", "4", "dvm.reshape at {{.*}}shapes.mlir:125">], dvm.reasons = {{\[\[}}"", ""], [""]]} {
// CHECK-NEXT:   %0 = dvm.reshape %x shape [-1, 4] : tensor<?x6xf32, #dvm.sym<["n", "6"]>> -> tensor<?x4xf32, #dvm.sym<["n + n floordiv 2", "4"]>>
// CHECK-NEXT:   %1 = dvm.slice %y starts [0] sizes [-1] steps [6] : tensor<?xf32, #dvm.sym<["4*n + 2"]>> -> tensor<?xf32, #dvm.sym<["(2*n + 1) ceildiv 3"]>>
// CHECK-NEXT:   func.return %0, %1 : tensor<?x4xf32, #dvm.sym<["n + n floordiv 2", "4"]>>, tensor<?xf32, #dvm.sym<["(2*n + 1) ceildiv 3"]>>
// CHECK-NEXT: }
