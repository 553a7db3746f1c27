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

// CHECK: emit-bytecode: @f: result 0 is not a kernel result of its own: run dvm-fuse first
func.func @f(%x : tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// -----

// CHECK: emit-bytecode: @f: result 0 is not a kernel result of its own: run dvm-fuse first
func.func @f() -> tensor<f32> {
  %c = dvm.constant dense<1.0> : tensor<f32>
  return %c : tensor<f32>
}

// -----

// CHECK: emit-bytecode: @f: result 1 is not a kernel result of its own: run dvm-fuse first
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

// CHECK: emit-bytecode: @f: kernel @k: its tiles have no slots: run visa-allocate-ub first
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

// CHECK: emit-bytecode: @f: 'vk.kernel' has no form in bytecode: run the passes before this one first
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

// CHECK: emit-bytecode: @f: 'vk.kernel' has no form in bytecode: run the passes before this one first
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

// CHECK: emit-bytecode: @f: a stage yields a value that is not a kernel result of its own
func.func @f(%x : tensor<4xf32>) -> tensor<4xf32> {
  %y = vk.stage (%s = %x : tensor<4xf32>) -> tensor<4xf32> {
    vk.yield %s : tensor<4xf32>
  }
  return %y : tensor<4xf32>
}

// -----

// CHECK: emit-bytecode: 's1' is no dim of an input
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
