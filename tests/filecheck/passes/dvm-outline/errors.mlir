// RUN: dvm-opt %s -p dvm-outline --verify-diagnostics --split-input-file | filecheck %s

// CHECK: arith.cmpi: unsigned comparisons have no place between launches
func.func @f(%x : tensor<f32>) -> tensor<f32> {
  %a = arith.constant 1 : i64
  %b = arith.cmpi ult, %a, %a : i64
  return %x : tensor<f32>
}

// -----

// CHECK: arith.addi: it is for scalars of i32, i64 and index between launches, not tensor<4xi32>
func.func @f(%x : tensor<4xi32>) -> tensor<4xi32> {
  %a = arith.addi %x, %x : tensor<4xi32>
  return %a : tensor<4xi32>
}

// -----

// CHECK: tensor.extract: only a tensor of rank 0 can be read, but this is tensor<1xi1>
func.func @f(%x : tensor<1xi1>) -> tensor<1xi1> {
  %c = arith.constant 0 : index
  %a = tensor.extract %x[%c] : tensor<1xi1>
  return %x : tensor<1xi1>
}

// -----

// CHECK: tensor.dim: the number of the dim must be an arith.constant
func.func @f(%x : tensor<4xi64>, %n : tensor<i64>) -> tensor<4xi64> {
  %k = tensor.extract %n[] : tensor<i64>
  %i = arith.index_cast %k : i64 to index
  %d = tensor.dim %x, %i : tensor<4xi64>
  return %x : tensor<4xi64>
}

// -----

// CHECK: scf.yield: yield of the else branch 0 is tensor<?xf32>, but result 0 is tensor<4xf32>; if dim 0 changes, it must be a ? that no argument of the function names
func.func @f(%x : tensor<4xf32>, %y : tensor<?xf32>) -> tensor<4xf32> {
  %c = arith.constant true
  %r = scf.if %c -> (tensor<4xf32>) {
    scf.yield %x : tensor<4xf32>
  } else {
    scf.yield %y : tensor<?xf32>
  }
  return %r : tensor<4xf32>
}

// -----

// CHECK: scf.for: the step must be positive, but is -1
func.func @f(%x : tensor<4xf32>) -> tensor<4xf32> {
  %c = arith.constant -1 : index
  %r = scf.for %i = %c to %c step %c iter_args(%a = %x) -> (tensor<4xf32>) {
    scf.yield %a : tensor<4xf32>
  }
  return %r : tensor<4xf32>
}

// -----

// CHECK: scf.yield: yield 0 is tensor<4xi32>, but argument of the first region 0 is tensor<4xf32>
func.func @f(%x : tensor<4xf32>, %y : tensor<4xi32>) -> tensor<4xf32> {
  %r = scf.while (%a = %x) : (tensor<4xf32>) -> tensor<4xf32> {
    %c = arith.constant true
    scf.condition(%c) %a : tensor<4xf32>
  } do {
  ^bb0(%a : tensor<4xf32>):
    scf.yield %y : tensor<4xi32>
  }
  return %r : tensor<4xf32>
}

// -----

// CHECK: scf.parallel: this operation has no place between operator graphs
func.func @f(%x : tensor<4xf32>) -> tensor<4xf32> {
  %c = arith.constant 1 : index
  "scf.parallel"(%c, %c, %c) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
  ^bb0(%i : index):
    scf.reduce
  }) : (index, index, index) -> ()
  return %x : tensor<4xf32>
}
