// RUN: dvm-opt %s --verify-diagnostics --parsing-diagnostics --split-input-file | filecheck %s

// Matrix products.
%a = "test.op"() : () -> tensor<4x8xf32>
%b = "test.op"() : () -> tensor<9x16xf32>
// CHECK: dvm.matmul: the contracted dims of 'lhs' and 'rhs': 8 and 9 are never equal (tensor<4x8xf32>, tensor<9x16xf32>)
%0 = dvm.matmul %a, %b trans_a false trans_b false : tensor<4x8xf32>, tensor<9x16xf32> -> tensor<4x16xf32>

// -----

%a = "test.op"() : () -> tensor<4x8xf32>
%b = "test.op"() : () -> tensor<8x16xf32>
// CHECK: dvm.matmul: the contracted dims of 'lhs' and 'rhs': 4 and 8 are never equal (tensor<4x8xf32>, tensor<8x16xf32>)
%0 = dvm.matmul %a, %b trans_a true trans_b false : tensor<4x8xf32>, tensor<8x16xf32> -> tensor<8x16xf32>

// -----

%a = "test.op"() : () -> tensor<8xf32>
%b = "test.op"() : () -> tensor<8x16xf32>
// CHECK: dvm.matmul: 'lhs' must have rank 2 to 8, but is tensor<8xf32>
%0 = dvm.matmul %a, %b trans_a false trans_b false : tensor<8xf32>, tensor<8x16xf32> -> tensor<16xf32>

// -----

%a = "test.op"() : () -> tensor<4x8xf32>
%b = "test.op"() : () -> tensor<8x16xf16>
// CHECK: dvm.matmul: operands must have one element type, but 'lhs' is tensor<4x8xf32> and 'rhs' is tensor<8x16xf16>
%0 = dvm.matmul %a, %b trans_a false trans_b false : tensor<4x8xf32>, tensor<8x16xf16> -> tensor<4x16xf32>

// -----

%a = "test.op"() : () -> tensor<4x8xi1>
%b = "test.op"() : () -> tensor<8x16xi1>
// CHECK: dvm.matmul: 'lhs' must be of f16, bf16, f32, i32, i64, but is tensor<4x8xi1>
%0 = dvm.matmul %a, %b trans_a false trans_b false : tensor<4x8xi1>, tensor<8x16xi1> -> tensor<4x16xi1>

// -----

%a = "test.op"() : () -> tensor<2x4x8xf32>
%b = "test.op"() : () -> tensor<3x8x16xf32>
// CHECK: dvm.matmul: dim 0 of 'lhs' and 'rhs': 2 and 3 do not broadcast (tensor<2x4x8xf32>, tensor<3x8x16xf32>)
%0 = dvm.matmul %a, %b trans_a false trans_b false : tensor<2x4x8xf32>, tensor<3x8x16xf32> -> tensor<2x4x16xf32>

// -----

%a = "test.op"() : () -> tensor<4x8xf32>
%b = "test.op"() : () -> tensor<8x16xf32>
%c = "test.op"() : () -> tensor<8xf32>
// CHECK: dvm.matmul: dim 0 of 'bias' and dim 1 of the result: 8 and 16 do not broadcast (tensor<4x8xf32>, tensor<8x16xf32>, tensor<8xf32>)
%0 = dvm.matmul %a, %b trans_a false trans_b false bias %c : tensor<4x8xf32>, tensor<8x16xf32>, tensor<8xf32> -> tensor<4x16xf32>

// -----

%a = "test.op"() : () -> tensor<4x8xf32>
%b = "test.op"() : () -> tensor<8x16xf32>
%c = "test.op"() : () -> tensor<16xf16>
// CHECK: dvm.matmul: operands must have one element type, but 'lhs' is tensor<4x8xf32> and 'bias' is tensor<16xf16>
%0 = dvm.matmul %a, %b trans_a false trans_b false bias %c : tensor<4x8xf32>, tensor<8x16xf32>, tensor<16xf16> -> tensor<4x16xf32>

// -----

%a = "test.op"() : () -> tensor<4x8xf32>
%b = "test.op"() : () -> tensor<8x16xf32>
%c = "test.op"() : () -> tensor<1x4x16xf32>
// CHECK: dvm.matmul: 'bias' must have rank 0 to 2, but is tensor<1x4x16xf32>
%0 = dvm.matmul %a, %b trans_a false trans_b false bias %c : tensor<4x8xf32>, tensor<8x16xf32>, tensor<1x4x16xf32> -> tensor<4x16xf32>

// -----

%a = "test.op"() : () -> tensor<4x8xf32>
%b = "test.op"() : () -> tensor<8x16xf32>
// CHECK: dvm.matmul: dim 1 of the result must be 16, but the result is tensor<4x8xf32>
%0 = dvm.matmul %a, %b trans_a false trans_b false : tensor<4x8xf32>, tensor<8x16xf32> -> tensor<4x8xf32>

// -----

// Grouped matrix products.
%a = "test.op"() : () -> tensor<4x8xf32>
%b = "test.op"() : () -> tensor<2x8x16xf32>
%c = "test.op"() : () -> tensor<2xi32>
// CHECK: dvm.grouped_matmul: group_type must be 0 or 2, but is 1
%0 = dvm.grouped_matmul %a, %b, %c trans_a false trans_b false group_type 1 : tensor<4x8xf32>, tensor<2x8x16xf32>, tensor<2xi32> -> tensor<4x16xf32>

// -----

%a = "test.op"() : () -> tensor<4x8xf32>
%b = "test.op"() : () -> tensor<8x16xf32>
%c = "test.op"() : () -> tensor<2xi32>
// CHECK: dvm.grouped_matmul: 'rhs' must have rank 3, but is tensor<8x16xf32>
%0 = dvm.grouped_matmul %a, %b, %c trans_a false trans_b false group_type 0 : tensor<4x8xf32>, tensor<8x16xf32>, tensor<2xi32> -> tensor<4x16xf32>

// -----

%a = "test.op"() : () -> tensor<4x8xf32>
%b = "test.op"() : () -> tensor<2x8x16xf32>
%c = "test.op"() : () -> tensor<2xi32>
// CHECK: dvm.grouped_matmul: 'rhs' must have rank 2, but is tensor<2x8x16xf32>
%0 = dvm.grouped_matmul %a, %b, %c trans_a false trans_b false group_type 2 : tensor<4x8xf32>, tensor<2x8x16xf32>, tensor<2xi32> -> tensor<4x16xf32>

// -----

%a = "test.op"() : () -> tensor<4x8xf32>
%b = "test.op"() : () -> tensor<2x8x16xf32>
%c = "test.op"() : () -> tensor<3xi32>
// CHECK: dvm.grouped_matmul: dim 0 of 'rhs' and dim 0 of 'groups': 2 and 3 are never equal (tensor<4x8xf32>, tensor<2x8x16xf32>, tensor<3xi32>)
%0 = dvm.grouped_matmul %a, %b, %c trans_a false trans_b false group_type 0 : tensor<4x8xf32>, tensor<2x8x16xf32>, tensor<3xi32> -> tensor<4x16xf32>

// -----

%a = "test.op"() : () -> tensor<4x8xf32>
%b = "test.op"() : () -> tensor<2x8x16xf32>
%c = "test.op"() : () -> tensor<2xf32>
// CHECK: dvm.grouped_matmul: 'groups' must be of i32, i64, but is tensor<2xf32>
%0 = dvm.grouped_matmul %a, %b, %c trans_a false trans_b false group_type 0 : tensor<4x8xf32>, tensor<2x8x16xf32>, tensor<2xf32> -> tensor<4x16xf32>

// -----

%a = "test.op"() : () -> tensor<4x8xf32>
%b = "test.op"() : () -> tensor<2x8x16xf32>
%c = "test.op"() : () -> tensor<2x1xi32>
// CHECK: dvm.grouped_matmul: 'groups' must have rank 1, but is tensor<2x1xi32>
%0 = dvm.grouped_matmul %a, %b, %c trans_a false trans_b false group_type 0 : tensor<4x8xf32>, tensor<2x8x16xf32>, tensor<2x1xi32> -> tensor<4x16xf32>

// -----

%a = "test.op"() : () -> tensor<4x8xf32>
%b = "test.op"() : () -> tensor<2x8x16xf32>
%c = "test.op"() : () -> tensor<2xi32>
// CHECK: dvm.grouped_matmul: the contracted dims of 'lhs' and 'rhs': 8 and 16 are never equal (tensor<4x8xf32>, tensor<2x8x16xf32>, tensor<2xi32>)
%0 = dvm.grouped_matmul %a, %b, %c trans_a false trans_b true group_type 0 : tensor<4x8xf32>, tensor<2x8x16xf32>, tensor<2xi32> -> tensor<4x16xf32>

// -----

%a = "test.op"() : () -> tensor<4x8xf32>
%b = "test.op"() : () -> tensor<2x8x16xf32>
%c = "test.op"() : () -> tensor<2xi32>
%d = "test.op"() : () -> tensor<15xf32>
// CHECK: dvm.grouped_matmul: dim 0 of 'bias' and dim 1 of the result: 15 and 16 do not broadcast (tensor<4x8xf32>, tensor<2x8x16xf32>, tensor<2xi32>, tensor<15xf32>)
%0 = dvm.grouped_matmul %a, %b, %c trans_a false trans_b false group_type 0 bias %d : tensor<4x8xf32>, tensor<2x8x16xf32>, tensor<2xi32>, tensor<15xf32> -> tensor<4x16xf32>
