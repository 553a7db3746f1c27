// RUN: dvm-opt %s -p dvm-fuse --verify-diagnostics --split-input-file | filecheck %s

// A message names the place that the text states, of several the first that is in a file.
// CHECK: {{^}}net.py:30:1: dvm.softmax: it is not a primitive operation of the graph
func.func @stated(%x : tensor<4xf32>) -> tensor<4xf32> {
  %0 = dvm.softmax %x axis 0 : tensor<4xf32> -> tensor<4xf32> loc("net.py":30:1)
  return %0 : tensor<4xf32>
}

// -----

// CHECK: {{^}}callee.py:5:1: dvm.softmax:
func.func @call_site(%x : tensor<4xf32>) -> tensor<4xf32> {
  %0 = dvm.softmax %x axis 0 : tensor<4xf32> -> tensor<4xf32> loc(callsite("callee.py":5:1 at "caller.py":6:1))
  return %0 : tensor<4xf32>
}

// -----

// CHECK: {{^}}a.py:1:2: dvm.softmax:
func.func @fused(%x : tensor<4xf32>) -> tensor<4xf32> {
  %0 = dvm.softmax %x axis 0 : tensor<4xf32> -> tensor<4xf32> loc(fused["softmax", "a.py":1:2, "b.py":3:4])
  return %0 : tensor<4xf32>
}

// -----

// CHECK: {{^}}a.py:1:2: dvm.softmax:
func.func @named(%x : tensor<4xf32>) -> tensor<4xf32> {
  %0 = dvm.softmax %x axis 0 : tensor<4xf32> -> tensor<4xf32> loc("softmax"("a.py":1:2))
  return %0 : tensor<4xf32>
}

// -----

// CHECK: {{^}}dvm.softmax:
func.func @nowhere(%x : tensor<4xf32>) -> tensor<4xf32> {
  %0 = dvm.softmax %x axis 0 : tensor<4xf32> -> tensor<4xf32> loc("softmax")
  return %0 : tensor<4xf32>
}

// -----

// CHECK: {{^}}dvm.softmax:
func.func @unknown(%x : tensor<4xf32>) -> tensor<4xf32> {
  %0 = dvm.softmax %x axis 0 : tensor<4xf32> -> tensor<4xf32> loc(unknown)
  return %0 : tensor<4xf32>
}
