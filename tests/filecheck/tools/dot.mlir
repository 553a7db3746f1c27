// RUN: dvm-opt %s --split-input-file -t dvm-dot | filecheck %s

// Operations, arguments and results are nodes, labelled with what they are and their shapes; tensors are edges.
// CHECK:      digraph {
// CHECK-NEXT:   node [shape=box];
// CHECK-NEXT:   subgraph cluster0 {
// CHECK-NEXT:     label="@softmax";
// CHECK-NEXT:     n1 [label="logits\nf32 [rows, 16]", shape=ellipse];
// CHECK-NEXT:     n2 [label="dvm.unary Exp\nf32 [rows, 16]"];
// CHECK-NEXT:     n3 [label="dvm.reduce Sum\nf32 [rows, 1]"];
// CHECK-NEXT:     n4 [label="dvm.binary Div\nf32 [rows, 16]"];
// CHECK-NEXT:     n5 [label="odds\nf32 [rows, 16]", shape=ellipse];
// CHECK-NEXT:   }
// CHECK-NEXT:   n1 -> n2 [label="f32 [rows, 16]"];
// CHECK-NEXT:   n2 -> n3 [label="f32 [rows, 16]"];
// CHECK-NEXT:   n2 -> n4 [label="f32 [rows, 16]"];
// CHECK-NEXT:   n3 -> n4 [label="f32 [rows, 1]"];
// CHECK-NEXT:   n4 -> n5 [label="f32 [rows, 16]"];
// CHECK-NEXT: }
!rows = tensor<?x16xf32, #dvm.sym<["rows", "16"]>>
!column = tensor<?x1xf32, #dvm.sym<["rows", "1"]>>
func.func @softmax(%x : !rows) -> !rows attributes {dvm.arg_names = ["logits"], dvm.result_names = ["odds"]} {
  %e = dvm.unary Exp %x : !rows -> !rows
  %total = dvm.reduce Sum %e dims [1] keepdims true : !rows -> !column
  %out = dvm.binary Div %e, %total : !rows, !column -> !rows
  return %out : !rows
}

// -----

// Without names of their own, arguments and results have those of the IR, or their numbers. A dim without a name is "?";
// a value that is used twice by one operation is two edges.
// CHECK:      label="@unnamed";
// CHECK-NEXT: n1 [label="%0\nf16 [?]", shape=ellipse];
// CHECK-NEXT: n2 [label="%y\ni1 []", shape=ellipse];
// CHECK-NEXT: n3 [label="dvm.binary Mul\nf16 [?]"];
// CHECK-NEXT: n4 [label="%square\nf16 [?]", shape=ellipse];
// CHECK-NEXT: n5 [label="%y\ni1 []", shape=ellipse];
// CHECK-NEXT: }
// CHECK-NEXT: n1 -> n3 [label="f16 [?]"];
// CHECK-NEXT: n1 -> n3 [label="f16 [?]"];
// CHECK-NEXT: n3 -> n4 [label="f16 [?]"];
// CHECK-NEXT: n2 -> n5 [label="i1 []"];
func.func @unnamed(%0 : tensor<?xf16>, %y : tensor<i1>) -> (tensor<?xf16>, tensor<i1>) {
  %square = dvm.binary Mul %0, %0 : tensor<?xf16>, tensor<?xf16> -> tensor<?xf16>
  return %square, %y : tensor<?xf16>, tensor<i1>
}

// -----

// Names are quoted, what is special in a string of Graphviz being escaped. Every function that has a body is drawn.
// CHECK:     label="@say \"hi\" {";
// CHECK-NEXT: n1 [label="a\\b \"c\"\nf32 []", shape=ellipse];
// CHECK:     label="@other";
// CHECK-NOT: label="@declared";
func.func @"say \"hi\" {"(%x : tensor<f32>) -> tensor<f32> attributes {dvm.arg_names = ["a\\b \"c\""]} {
  return %x : tensor<f32>
}
func.func @other(%x : tensor<f32>) -> tensor<f32> {
  return %x : tensor<f32>
}
func.func private @declared(tensor<f32>) -> tensor<f32>

// -----

// A kernel is a cluster of its operations, and edges go from operation to operation across its border.
// CHECK:      label="@kernels";
// CHECK-NEXT: n1 [label="%x\nf32 [n]", shape=ellipse];
// CHECK-NEXT: subgraph cluster2 {
// CHECK-NEXT:   label="vk.kernel vector @k0";
// CHECK-NEXT:   n3 [label="dvm.unary Exp\nf32 [n]"];
// CHECK-NEXT:   n4 [label="dvm.unary Log\nf32 [n]"];
// CHECK-NEXT: }
// CHECK-NEXT: subgraph cluster5 {
// CHECK-NEXT:   label="vk.kernel vector @k1";
// CHECK-NEXT:   n6 [label="dvm.binary Add\nf32 [n]"];
// CHECK-NEXT: }
// CHECK-NEXT: n7 [label="%q\nf32 [n]", shape=ellipse];
// CHECK-NEXT: }
// CHECK-NEXT: n1 -> n3
// CHECK-NEXT: n1 -> n4
// CHECK-NEXT: n3 -> n6
// CHECK-NEXT: n4 -> n6
// CHECK-NEXT: n6 -> n7
!vector = tensor<?xf32, #dvm.sym<["n"]>>
func.func @kernels(%x : !vector) -> !vector {
  %p:2 = vk.kernel vector @k0(%a = %x : !vector) -> (!vector, !vector) {
    %0 = dvm.unary Exp %a : !vector -> !vector
    %1 = dvm.unary Log %a : !vector -> !vector
    vk.yield %0, %1 : !vector, !vector
  }
  %q = vk.kernel vector @k1(%a = %p#0 : !vector, %b = %p#1 : !vector) -> !vector {
    %0 = dvm.binary Add %a, %b : !vector, !vector -> !vector
    vk.yield %0 : !vector
  }
  return %q : !vector
}

// -----

// A stage is a cluster of kernels.
// CHECK:      label="@stages";
// CHECK:      subgraph cluster2 {
// CHECK-NEXT:   label="vk.stage";
// CHECK-NEXT:   subgraph cluster3 {
// CHECK-NEXT:     label="vk.kernel vector @k0";
// CHECK-NEXT:     n4 [label="dvm.unary Exp\nf32 [4]"];
// CHECK-NEXT:   }
// CHECK-NEXT:   subgraph cluster5 {
// CHECK-NEXT:     label="vk.kernel vector @k1";
// CHECK-NEXT:     n6 [label="dvm.unary Log\nf32 [4]"];
// CHECK-NEXT:   }
// CHECK-NEXT: }
// CHECK:      n1 -> n4
// CHECK-NEXT: n1 -> n6
// CHECK-NEXT: n4 -> n7
// CHECK-NEXT: n6 -> n8
func.func @stages(%x : tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %r:2 = vk.stage (%a = %x : tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
    %p = vk.kernel vector @k0(%b = %a : tensor<4xf32>) -> tensor<4xf32> {
      %0 = dvm.unary Exp %b : tensor<4xf32> -> tensor<4xf32>
      vk.yield %0 : tensor<4xf32>
    }
    %q = vk.kernel vector @k1(%c = %a : tensor<4xf32>) -> tensor<4xf32> {
      %0 = dvm.unary Log %c : tensor<4xf32> -> tensor<4xf32>
      vk.yield %0 : tensor<4xf32>
    }
    vk.yield %p, %q : tensor<4xf32>, tensor<4xf32>
  }
  return %r#0, %r#1 : tensor<4xf32>, tensor<4xf32>
}

// -----

// Alternatives are clusters labelled with their conditions; what uses the result has an edge from each of them. One that
// hands on what it is given is drawn as its vk.yield.
// CHECK:      label="@alternatives";
// CHECK:      subgraph cluster2 {
// CHECK-NEXT:   label="vk.speculate";
// CHECK-NEXT:   subgraph cluster3 {
// CHECK-NEXT:     label="if 4*n <= 262144";
// CHECK-NEXT:     subgraph cluster4 {
// CHECK-NEXT:       label="vk.kernel vector @k0";
// CHECK-NEXT:       n5 [label="dvm.unary Exp\nf32 [n]"];
// CHECK-NEXT:     }
// CHECK-NEXT:   }
// CHECK-NEXT:   subgraph cluster6 {
// CHECK-NEXT:     label="else";
// CHECK-NEXT:     n7 [label="vk.yield\nf32 [n]"];
// CHECK-NEXT:   }
// CHECK-NEXT: }
// CHECK-NEXT: n8 [label="dvm.reshape\nf32 [n, 1]"];
// CHECK:      n1 -> n5
// CHECK-NEXT: n1 -> n7
// CHECK-NEXT: n5 -> n8
// CHECK-NEXT: n7 -> n8
!vector = tensor<?xf32, #dvm.sym<["n"]>>
!column = tensor<?x1xf32, #dvm.sym<["n", "1"]>>
func.func @alternatives(%x : !vector) -> !column {
  %r = vk.speculate (%x) : (!vector) -> !vector if "4*n <= 262144" {
  ^bb0(%a : !vector):
    %p = vk.kernel vector @k0(%d = %a : !vector) -> !vector {
      %0 = dvm.unary Exp %d : !vector -> !vector
      vk.yield %0 : !vector
    }
    vk.yield %p : !vector
  } else {
  ^bb0(%b : !vector):
    vk.yield %b : !vector
  }
  %c = dvm.reshape %r shape ["n", 1] : !vector -> !column
  return %c : !column
}
