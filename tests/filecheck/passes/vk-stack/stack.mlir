// RUN: dvm-opt %s -p vk-stack --split-input-file | filecheck %s

!t = tensor<4xf32>

// Kernels go into the first stage in which all that they read is there: @a and @b beside one another, @c (of @a) beside
// @d (of @b), @e (of @c and of the argument) alone. What a stage reads twice it takes once.

// CHECK-LABEL: func.func @levels(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
// CHECK-NEXT:    %a, %b = vk.stage (%x{{_[0-9]}} = %x : tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
// CHECK-NEXT:      %a{{_[0-9]}} = vk.kernel vector @a(%p = %x{{_[0-9]}} : tensor<4xf32>) -> tensor<4xf32> {
// CHECK:           %b{{_[0-9]}} = vk.kernel vector @b(%p = %x{{_[0-9]}} : tensor<4xf32>) -> tensor<4xf32> {
// CHECK:           vk.yield %a{{_[0-9]}}, %b{{_[0-9]}} : tensor<4xf32>, tensor<4xf32>
// CHECK-NEXT:    }
// CHECK-NEXT:    %c, %d = vk.stage (%a{{_[0-9]}} = %a : tensor<4xf32>, %b{{_[0-9]}} = %b : tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
// CHECK-NEXT:      %c{{_[0-9]}} = vk.kernel vector @c(%p = %a{{_[0-9]}} : tensor<4xf32>) -> tensor<4xf32> {
// CHECK:           %d{{_[0-9]}} = vk.kernel vector @d(%p = %b{{_[0-9]}} : tensor<4xf32>) -> tensor<4xf32> {
// CHECK:           vk.yield %c{{_[0-9]}}, %d{{_[0-9]}} : tensor<4xf32>, tensor<4xf32>
// CHECK-NEXT:    }
// CHECK-NEXT:    %e = vk.stage (%c{{_[0-9]}} = %c : tensor<4xf32>, %x{{_[0-9]}} = %x : tensor<4xf32>) -> tensor<4xf32> {
// CHECK-NEXT:      %e{{_[0-9]}} = vk.kernel vector @e(%p = %c{{_[0-9]}} : tensor<4xf32>, %q = %x{{_[0-9]}} : tensor<4xf32>) -> tensor<4xf32> {
// CHECK:           vk.yield %e{{_[0-9]}} : tensor<4xf32>
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %d, %e : tensor<4xf32>, tensor<4xf32>
func.func @levels(%x : !t) -> (!t, !t) {
  %a = vk.kernel vector @a(%p = %x : !t) -> !t {
    %0 = dvm.unary Exp %p : !t -> !t
    vk.yield %0 : !t
  }
  %c = vk.kernel vector @c(%p = %a : !t) -> !t {
    %0 = dvm.unary Log %p : !t -> !t
    vk.yield %0 : !t
  }
  %e = vk.kernel vector @e(%p = %c : !t, %q = %x : !t) -> !t {
    %0 = dvm.binary Add %p, %q : !t, !t -> !t
    vk.yield %0 : !t
  }
  %b = vk.kernel vector @b(%p = %x : !t) -> !t {
    %0 = dvm.unary Abs %p : !t -> !t
    vk.yield %0 : !t
  }
  %d = vk.kernel vector @d(%p = %b : !t) -> !t {
    %0 = dvm.unary Sqrt %p : !t -> !t
    vk.yield %0 : !t
  }
  return %d, %e : !t, !t
}

// -----

// Constants and reshapes stay between the stages, where what they need is there.

// CHECK-LABEL: func.func @between
// CHECK-NEXT:    %v = dvm.reshape %x
// CHECK-NEXT:    %c = dvm.constant
// CHECK-NEXT:    %a = vk.stage (%v{{_[0-9]}} = %v : tensor<4xf32>, %c{{_[0-9]}} = %c : tensor<4xf32>) -> tensor<4xf32> {
// CHECK:         %w = dvm.reshape %a
// CHECK-NEXT:    %b = vk.stage (%w{{_[0-9]}} = %w : tensor<2x2xf32>) -> tensor<2x2xf32> {
// CHECK:         %last = dvm.reshape %b
// CHECK-NEXT:    func.return %b, %last
func.func @between(%x : tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<4xf32>) {
  %v = dvm.reshape %x shape [4] : tensor<2x2xf32> -> tensor<4xf32>
  %c = dvm.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %a = vk.kernel vector @a(%p = %v : tensor<4xf32>, %q = %c : tensor<4xf32>) -> tensor<4xf32> {
    %0 = dvm.binary Add %p, %q : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
    vk.yield %0 : tensor<4xf32>
  }
  %w = dvm.reshape %a shape [2, 2] : tensor<4xf32> -> tensor<2x2xf32>
  %b = vk.kernel vector @b(%p = %w : tensor<2x2xf32>) -> tensor<2x2xf32> {
    %0 = dvm.unary Exp %p : tensor<2x2xf32> -> tensor<2x2xf32>
    vk.yield %0 : tensor<2x2xf32>
  }
  %last = dvm.reshape %b shape [4] : tensor<2x2xf32> -> tensor<4xf32>
  return %b, %last : tensor<2x2xf32>, tensor<4xf32>
}

// -----

!t = tensor<?xf32, #dvm.sym<["n"]>>

// A choice stands in a stage beside kernels; its alternatives are stacked by themselves.

// CHECK-LABEL: func.func @choice
// CHECK-NEXT:    %s, %k = vk.stage (%x{{_[0-9]}} = %x : {{.*}}) -> ({{.*}}) {
// CHECK-NEXT:      %s{{_[0-9]}} = vk.speculate (%x{{_[0-9]}}) : {{.*}} if "n <= 16" {
// CHECK-NEXT:      ^{{.*}}(%p: {{.*}}):
// CHECK-NEXT:        %a = vk.stage (%p{{_[0-9]}} = %p : {{.*}}) -> {{.*}} {
// CHECK-NEXT:          %a{{_[0-9]}} = vk.kernel vector @a
// CHECK:             %b = vk.stage (%a{{_[0-9]}} = %a : {{.*}}) -> {{.*}} {
// CHECK-NEXT:          %b{{_[0-9]}} = vk.kernel vector @b
// CHECK:               vk.yield %b{{_[0-9]}}
// CHECK-NEXT:        }
// CHECK-NEXT:        vk.yield %b
// CHECK-NEXT:      } else {
// CHECK-NEXT:      ^{{.*}}(%p{{_[0-9]}}: {{.*}}):
// CHECK-NEXT:        %c = vk.stage (%p{{_[0-9]}} = %p{{_[0-9]}} : {{.*}}) -> {{.*}} {
// CHECK:           %k{{_[0-9]}} = vk.kernel vector @k
// CHECK:         func.return %s, %k
func.func @choice(%x : !t) -> (!t, !t) {
  %s = vk.speculate (%x) : (!t) -> !t if "n <= 16" {
  ^bb0(%p : !t):
    %a = vk.kernel vector @a(%q = %p : !t) -> !t {
      %0 = dvm.unary Exp %q : !t -> !t
      vk.yield %0 : !t
    }
    %b = vk.kernel vector @b(%q = %a : !t) -> !t {
      %0 = dvm.unary Abs %q : !t -> !t
      vk.yield %0 : !t
    }
    vk.yield %b : !t
  } else {
  ^bb0(%p : !t):
    %c = vk.kernel vector @c(%q = %p : !t) -> !t {
      %0 = dvm.unary Exp %q : !t -> !t
      vk.yield %0 : !t
    }
    vk.yield %c : !t
  }
  %k = vk.kernel vector @k(%q = %x : !t) -> !t {
    %0 = dvm.unary Neg %q : !t -> !t
    vk.yield %0 : !t
  }
  return %s, %k : !t, !t
}

// -----

!t = tensor<4xf32>

// Stages that are there already are left alone, and so is a function without kernels.

// CHECK-LABEL: func.func @staged
// CHECK-NEXT:    %a = vk.stage (%p = %x : tensor<4xf32>) -> tensor<4xf32> {
// CHECK-NEXT:      %b = vk.kernel vector @b(%q = %p : tensor<4xf32>) -> tensor<4xf32> {
// CHECK:         %c = vk.kernel vector @c(%q = %a : tensor<4xf32>) -> tensor<4xf32> {
// CHECK:         func.return %c
func.func @staged(%x : !t) -> !t {
  %a = vk.stage (%p = %x : !t) -> !t {
    %b = vk.kernel vector @b(%q = %p : !t) -> !t {
      %0 = dvm.unary Exp %q : !t -> !t
      vk.yield %0 : !t
    }
    vk.yield %b : !t
  }
  %c = vk.kernel vector @c(%q = %a : !t) -> !t {
    %0 = dvm.unary Abs %q : !t -> !t
    vk.yield %0 : !t
  }
  return %c : !t
}

// CHECK-LABEL: func.func @nothing(%x: tensor<4xf32>) -> tensor<4xf32> {
// CHECK-NEXT:    func.return %x : tensor<4xf32>
func.func @nothing(%x : !t) -> !t {
  return %x : !t
}

// CHECK-LABEL: func.func private @declared(tensor<4xf32>) -> tensor<4xf32>
func.func private @declared(!t) -> !t
