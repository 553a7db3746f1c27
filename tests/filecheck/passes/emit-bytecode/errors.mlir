// RUN: dvm-opt %s -p emit-bytecode --verify-diagnostics --split-input-file | filecheck %s

// CHECK: a program is one function, but the module has @f, @g; make the others private
func.func @f(%x : tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
func.func @g(%x : tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// -----

// CHECK: a program is one function, but the module has none; make the others private
func.func private @f(tensor<4xf32>) -> tensor<4xf32>

// -----

// CHECK: {{.*}}errors.mlir:4:1: func.func @f: result 0 is not a kernel result of its own: run dvm-fuse first
func.func @f(%x : tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// -----

// CHECK: {{.*}}errors.mlir:4:1: func.func @f: result 0 is not a kernel result of its own: run dvm-fuse first
func.func @f() -> tensor<f32> {
  %c = dvm.constant dense<1.0> : tensor<f32>
  return %c : tensor<f32>
}

// -----

// CHECK: {{.*}}errors.mlir:4:1: func.func @f: result 1 is not a kernel result of its own: run dvm-fuse first
func.func @f(%x : tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %y = visa.kernel vector @k domain [parallel "4"] slots 1 (%x : tensor<4xf32>) -> (tensor<4xf32>) {
  ^bb0(%gx : !visa.global<f32, affine_map<(d0) -> (d0)>>, %gy : !visa.global<f32, affine_map<(d0) -> (d0)>>):
    visa.pass once
    %0 = visa.load f32 %gx : !visa.ub<0>
    visa.store f32 %0, %gy
    visa.end
  }
  return %y, %y : tensor<4xf32>, tensor<4xf32>
}

// -----

// CHECK: {{.*}}errors.mlir:5:3: visa.kernel @k: its tiles have no slots: run visa-allocate-ub first
func.func @f(%x : tensor<4xf32>) -> tensor<4xf32> {
  %y = visa.kernel vector @k domain [parallel "4"] slots 0 (%x : tensor<4xf32>) -> (tensor<4xf32>) {
  ^bb0(%gx : !visa.global<f32, affine_map<(d0) -> (d0)>>, %gy : !visa.global<f32, affine_map<(d0) -> (d0)>>):
    visa.pass once
    %0 = visa.load f32 %gx : !visa.ub
    visa.store f32 %0, %gy
    visa.end
  }
  return %y : tensor<4xf32>
}

// -----

// CHECK: {{.*}}errors.mlir:5:3: vk.kernel @v: it has no form in bytecode: run the passes before this one first
func.func @f(%x : tensor<4xf32>) -> tensor<4xf32> {
  %z = vk.kernel vector @v(%a = %x : tensor<4xf32>) -> tensor<4xf32> {
    %0 = dvm.unary Exp %a : tensor<4xf32> -> tensor<4xf32>
    vk.yield %0 : tensor<4xf32>
  }
  %y = visa.kernel vector @k domain [parallel "4"] slots 1 (%z : tensor<4xf32>) -> (tensor<4xf32>) {
  ^bb0(%gx : !visa.global<f32, affine_map<(d0) -> (d0)>>, %gy : !visa.global<f32, affine_map<(d0) -> (d0)>>):
    visa.pass once
    %0 = visa.load f32 %gx : !visa.ub<0>
    visa.store f32 %0, %gy
    visa.end
  }
  return %y : tensor<4xf32>
}

// -----

// CHECK: {{.*}}errors.mlir:6:5: vk.kernel @v: it has no form in bytecode: run the passes before this one first
func.func @f(%x : tensor<4xf32>) -> tensor<4xf32> {
  %y = vk.stage (%s = %x : tensor<4xf32>) -> tensor<4xf32> {
    %z = vk.kernel vector @v(%a = %s : tensor<4xf32>) -> tensor<4xf32> {
      %0 = dvm.unary Exp %a : tensor<4xf32> -> tensor<4xf32>
      vk.yield %0 : tensor<4xf32>
    }
    vk.yield %z : tensor<4xf32>
  }
  return %y : tensor<4xf32>
}

// -----

// CHECK: {{.*}}errors.mlir:5:3: vk.stage: it yields a value that is not a kernel result of its own
func.func @f(%x : tensor<4xf32>) -> tensor<4xf32> {
  %y = vk.stage (%s = %x : tensor<4xf32>) -> tensor<4xf32> {
    vk.yield %s : tensor<4xf32>
  }
  return %y : tensor<4xf32>
}

// -----

// CHECK: {{.*}}errors.mlir:5:3: visa.kernel @k: 's1' is no dim of an input
func.func @f(%x : tensor<?xf32, #dvm.sym<["s0"]>>) -> tensor<?xf32, #dvm.sym<["s0"]>> {
  %y = visa.kernel vector @k domain [parallel "s1"] slots 1 (%x : tensor<?xf32, #dvm.sym<["s0"]>>) -> (tensor<?xf32, #dvm.sym<["s0"]>>) {
  ^bb0(%gx : !visa.global<f32, affine_map<(d0) -> (d0)>>, %gy : !visa.global<f32, affine_map<(d0) -> (d0)>>):
    visa.pass once
    %0 = visa.load f32 %gx : !visa.ub<0>
    visa.store f32 %0, %gy
    visa.end
  }
  return %y : tensor<?xf32, #dvm.sym<["s0"]>>
}

// -----

// CHECK: {{.*}}errors.mlir:4:1: func.func @f: it returns nothing, so there is nothing to compute
func.func @f(%x : tensor<4xf32>) {
  return
}

// -----

// CHECK: {{.*}}errors.mlir:4:1: func.func @f: there must be one block
func.func @f(%x : tensor<4xf32>) -> tensor<4xf32> {
  "cf.br"()[^bb1] : () -> ()
^bb1:
  return %x : tensor<4xf32>
}

// -----

// CHECK: {{.*}}errors.mlir:4:1: func.func @f: tensor<?xf32> has a dim that no #dvm.sym names
func.func @f(%x : tensor<?xf32>) -> tensor<?xf32> {
  return %x : tensor<?xf32>
}

// -----

// Names are one for each input and output, and tell them apart.
// CHECK: {{.*}}errors.mlir:5:1: func.func @f: dvm.arg_names must be 2 names, but is ["x"]
func.func @f(%x : tensor<4xf32>, %y : tensor<4xf32>) -> tensor<4xf32> attributes {dvm.arg_names = ["x"]} {
  return %x : tensor<4xf32>
}

// -----

// CHECK: {{.*}}errors.mlir:4:1: func.func @f: dvm.arg_names must be 2 names, but is ["x", "y", 1 : i64]
func.func @f(%x : tensor<4xf32>, %y : tensor<4xf32>) -> tensor<4xf32> attributes {dvm.arg_names = ["x", "y", 1]} {
  return %x : tensor<4xf32>
}

// -----

// CHECK: {{.*}}errors.mlir:4:1: func.func @f: dvm.arg_names has a name twice: ["x", "x"]
func.func @f(%x : tensor<4xf32>, %y : tensor<4xf32>) -> tensor<4xf32> attributes {dvm.arg_names = ["x", "x"]} {
  return %x : tensor<4xf32>
}

// -----

// CHECK: {{.*}}errors.mlir:4:1: func.func @f: dvm.result_names must be 1 names, but is "y"
func.func @f(%x : tensor<4xf32>) -> tensor<4xf32> attributes {dvm.result_names = "y"} {
  return %x : tensor<4xf32>
}

// -----

// CHECK: {{.*}}errors.mlir:4:1: func.func @f: dvm.result_names has a name twice: ["y", "y"]
func.func @f(%x : tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) attributes {dvm.result_names = ["y", "y"]} {
  return %x, %x : tensor<4xf32>, tensor<4xf32>
}

// -----

// CHECK: {{.*}}errors.mlir:4:1: func.func @f: it must end in func.return
func.func @f(%x : tensor<4xf32>) -> tensor<4xf32> {
  "test.termop"() : () -> ()
}
