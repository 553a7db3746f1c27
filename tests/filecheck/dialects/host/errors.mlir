// RUN: dvm-opt %s --verify-diagnostics --parsing-diagnostics --split-input-file | filecheck %s

// CHECK: it must end in host.return
host.func @f() {
  "test.termop"() : () -> ()
}

// -----

// CHECK: what it returns is not of the types of the function's outputs
host.func @f(%x : tensor<4xf32>) -> tensor<5xf32> {
  host.return %x : tensor<4xf32>
}

// -----

// CHECK: the block arguments are not of the types of the function's inputs
"host.func"() <{sym_name = "f", function_type = (tensor<5xf32>) -> ()}> ({
^bb0(%x : tensor<4xf32>):
  "host.return"() : () -> ()
}) : () -> ()

// -----

// CHECK: there is no graph @missing
host.func @f(%x : tensor<4xf32>) -> tensor<4xf32> {
  %y = host.launch @missing(%x) : (tensor<4xf32>) -> tensor<4xf32>
  host.return %y : tensor<4xf32>
}

// -----

// CHECK: @g takes 1 values, but the launch has 2 operands
host.func @f(%x : tensor<4xf32>) -> tensor<4xf32> {
  %y = host.launch @g(%x, %x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  host.return %y : tensor<4xf32>
}
func.func private @g(%x : tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// -----

// CHECK: operand 0 of the launch is tensor<4xf32>, but argument 0 of the graph tensor<5xf32>
host.func @f(%x : tensor<4xf32>) -> tensor<5xf32> {
  %y = host.launch @g(%x) : (tensor<4xf32>) -> tensor<5xf32>
  host.return %y : tensor<5xf32>
}
func.func private @g(%x : tensor<5xf32>) -> tensor<5xf32> {
  return %x : tensor<5xf32>
}

// -----

// CHECK: result 0 of the launch is tensor<4xi32>, but result 0 of the graph tensor<4xf32>
host.func @f(%x : tensor<4xf32>) -> tensor<4xi32> {
  %y = host.launch @g(%x) : (tensor<4xf32>) -> tensor<4xi32>
  host.return %y : tensor<4xi32>
}
func.func private @g(%x : tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
