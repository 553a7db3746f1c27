// RUN: dvm-opt %s --verify-diagnostics --parsing-diagnostics --split-input-file | filecheck %s

// Reduce.
%a = "test.op"() : () -> tensor<4xf32>
// CHECK: dvm.reduce Median: 'Median' is not one of Sum, Max, Min, Prod, Mean
%0 = dvm.reduce Median %a dims [0] keepdims false : tensor<4xf32> -> tensor<f32>

// -----

%a = "test.op"() : () -> tensor<4xi32>
// CHECK: dvm.reduce Mean: the operand must be of f16, bf16, f32, but is tensor<4xi32>
%0 = dvm.reduce Mean %a dims [0] keepdims false : tensor<4xi32> -> tensor<i32>

// -----

%a = "test.op"() : () -> tensor<4xi1>
// CHECK: dvm.reduce Sum: the operand must be of f16, bf16, f32, i32, i64, but is tensor<4xi1>
%0 = dvm.reduce Sum %a dims [0] keepdims false : tensor<4xi1> -> tensor<i1>

// -----

%a = "test.op"() : () -> tensor<4xf32>
// CHECK: dvm.reduce Sum: 'dims' is empty
%0 = dvm.reduce Sum %a dims [] keepdims false : tensor<4xf32> -> tensor<4xf32>

// -----

%a = "test.op"() : () -> tensor<4xf32>
// CHECK: dvm.reduce Sum: dim -1 is not in 0 to 0 (tensor<4xf32>)
%0 = dvm.reduce Sum %a dims [-1] keepdims false : tensor<4xf32> -> tensor<f32>

// -----

%a = "test.op"() : () -> tensor<4xf32>
// CHECK: dvm.reduce Sum: dim 1 is not in 0 to 0 (tensor<4xf32>)
%0 = dvm.reduce Sum %a dims [1] keepdims false : tensor<4xf32> -> tensor<f32>

// -----

%a = "test.op"() : () -> tensor<f32>
// CHECK: dvm.reduce Sum: dim 0 of a tensor without dims (tensor<f32>)
%0 = dvm.reduce Sum %a dims [0] keepdims false : tensor<f32> -> tensor<f32>

// -----

%a = "test.op"() : () -> tensor<4x4xf32>
// CHECK: dvm.reduce Sum: 'dims' names a dim twice: [1, 1]
%0 = dvm.reduce Sum %a dims [1, 1] keepdims false : tensor<4x4xf32> -> tensor<4xf32>

// -----

%a = "test.op"() : () -> tensor<4x4xf32>
// CHECK: dvm.reduce Sum: the result must have rank 2, but is tensor<4xf32>
%0 = dvm.reduce Sum %a dims [1] keepdims true : tensor<4x4xf32> -> tensor<4xf32>

// -----

%a = "test.op"() : () -> tensor<0xf32>
// CHECK: dvm.reduce Max: dim 0 of the operand is 0, which is less than 1 (tensor<0xf32>)
%0 = dvm.reduce Max %a dims [0] keepdims false : tensor<0xf32> -> tensor<f32>

// -----

// Reshape.
%a = "test.op"() : () -> tensor<4x2xf32>
// CHECK: dvm.reshape: the element counts of the operand and 'shape': 8 and 7 are never equal (tensor<4x2xf32>)
%0 = dvm.reshape %a shape [7] : tensor<4x2xf32> -> tensor<7xf32>

// -----

%a = "test.op"() : () -> tensor<4x2xf32>
// CHECK: dvm.reshape: the element count of the operand and the rest of 'shape': 8 is not a multiple of 3 (tensor<4x2xf32>)
%0 = dvm.reshape %a shape [-1, 3] : tensor<4x2xf32> -> tensor<?x3xf32>

// -----

%a = "test.op"() : () -> tensor<4x2xf32>
// CHECK: dvm.reshape: 'shape' has more than one -1
%0 = dvm.reshape %a shape [-1, -1] : tensor<4x2xf32> -> tensor<4x2xf32>

// -----

%a = "test.op"() : () -> tensor<0x2xf32>
// CHECK: dvm.reshape: the element count of the operand and the rest of 'shape': 0 cannot be divided by 0 (tensor<0x2xf32>)
%0 = dvm.reshape %a shape [-1, 0] : tensor<0x2xf32> -> tensor<?x0xf32>

// -----

%a = "test.op"() : () -> tensor<?x2xf32>
// CHECK: dvm.reshape: the element count of the operand and the rest of 'shape': ? cannot be divided by 0 (tensor<?x2xf32>)
%0 = dvm.reshape %a shape [-1, 0] : tensor<?x2xf32> -> tensor<?x0xf32>

// -----

%a = "test.op"() : () -> tensor<4x2xf32>
// CHECK: dvm.reshape: 'shape' has the negative entry -2
%0 = dvm.reshape %a shape [-2, 4] : tensor<4x2xf32> -> tensor<2x4xf32>

// -----

%a = "test.op"() : () -> tensor<4x2xf32>
// CHECK: dvm.reshape: the result must have rank 1, but is tensor<4x2xf32>
%0 = dvm.reshape %a shape [8] : tensor<4x2xf32> -> tensor<4x2xf32>

// -----

// Transpose.
%a = "test.op"() : () -> tensor<4x2xf32>
// CHECK: dvm.transpose: [1, 1] is not a permutation of the dims of tensor<4x2xf32>
%0 = dvm.transpose %a permutation [1, 1] : tensor<4x2xf32> -> tensor<2x2xf32>

// -----

%a = "test.op"() : () -> tensor<4x2xf32>
// CHECK: dvm.transpose: [0] is not a permutation of the dims of tensor<4x2xf32>
%0 = dvm.transpose %a permutation [0] : tensor<4x2xf32> -> tensor<4xf32>

// -----

%a = "test.op"() : () -> tensor<4x2xf32>
// CHECK: dvm.transpose: dim 0 of the result must be 2, but the result is tensor<4x2xf32>
%0 = dvm.transpose %a permutation [1, 0] : tensor<4x2xf32> -> tensor<4x2xf32>

// -----

// Slice.
%a = "test.op"() : () -> tensor<4x2xf32>
// CHECK: dvm.slice: 'starts' has 1 entries, but there are 2 dims (tensor<4x2xf32>)
%0 = dvm.slice %a starts [0] sizes [4, 1] steps [1, 1] : tensor<4x2xf32> -> tensor<4x1xf32>

// -----

%a = "test.op"() : () -> tensor<4x2xf32>
// CHECK: dvm.slice: 'steps' must be positive, but are [1, 0]
%0 = dvm.slice %a starts [0, 0] sizes [4, 1] steps [1, 0] : tensor<4x2xf32> -> tensor<4x1xf32>

// -----

%a = "test.op"() : () -> tensor<4x2xf32>
// CHECK: dvm.slice: 'starts' has the negative entry -1
%0 = dvm.slice %a starts [-1, 0] sizes [4, 1] steps [1, 1] : tensor<4x2xf32> -> tensor<4x1xf32>

// -----

%a = "test.op"() : () -> tensor<4x2xf32>
// CHECK: dvm.slice: dim 0 of the operand is 4, which is less than 5 (tensor<4x2xf32>)
%0 = dvm.slice %a starts [0, 0] sizes [3, 2] steps [2, 1] : tensor<4x2xf32> -> tensor<3x2xf32>

// -----

%a = "test.op"() : () -> tensor<4x2xf32>
// CHECK: dvm.slice: dim 0 of the operand is 4, which is less than 5 (tensor<4x2xf32>)
%0 = dvm.slice %a starts [5, 0] sizes [-1, 2] steps [1, 1] : tensor<4x2xf32> -> tensor<?x2xf32>

// -----

%a = "test.op"() : () -> tensor<4x2xf32>
// CHECK: dvm.slice: dim 0 of the result must be 2, but the result is tensor<1x2xf32>
%0 = dvm.slice %a starts [0, 0] sizes [-1, 2] steps [3, 1] : tensor<4x2xf32> -> tensor<1x2xf32>

// -----

// Concat.
%a = "test.op"() : () -> tensor<4x2xf32>
%b = "test.op"() : () -> tensor<4x2xf32>
// CHECK: dvm.concat: axis 2 is not in 0 to 1 (tensor<4x2xf32>, tensor<4x2xf32>)
%0 = dvm.concat %a, %b axis 2 : tensor<4x2xf32>, tensor<4x2xf32> -> tensor<4x2xf32>

// -----

%a = "test.op"() : () -> tensor<4x2xf32>
%b = "test.op"() : () -> tensor<4x3xf32>
// CHECK: dvm.concat: dim 1 of operand 0 and operand 1: 2 and 3 are never equal (tensor<4x2xf32>, tensor<4x3xf32>)
%0 = dvm.concat %a, %b axis 0 : tensor<4x2xf32>, tensor<4x3xf32> -> tensor<8x2xf32>

// -----

%a = "test.op"() : () -> tensor<4x2xf32>
%b = "test.op"() : () -> tensor<4xf32>
// CHECK: dvm.concat: operand 1 must have rank 2, but is tensor<4xf32>
%0 = dvm.concat %a, %b axis 0 : tensor<4x2xf32>, tensor<4xf32> -> tensor<8x2xf32>

// -----

%a = "test.op"() : () -> tensor<4x2xf32>
%b = "test.op"() : () -> tensor<4x2xf16>
// CHECK: dvm.concat: operands must have one element type, but operand 0 is tensor<4x2xf32> and operand 1 is tensor<4x2xf16>
%0 = dvm.concat %a, %b axis 0 : tensor<4x2xf32>, tensor<4x2xf16> -> tensor<8x2xf32>

// -----

// CHECK: dvm.concat: there must be at least one operand
%0 = "dvm.concat"() <{axis = 0 : i64}> : () -> tensor<4xf32>

// -----

// Pad.
%a = "test.op"() : () -> tensor<4x2xf32>
// CHECK: dvm.pad: 'low' has 1 entries, but there are 2 dims (tensor<4x2xf32>)
%0 = dvm.pad %a low [1] high [0, 1] value 0.0 : tensor<4x2xf32> -> tensor<5x3xf32>

// -----

%a = "test.op"() : () -> tensor<4x2xf32>
// CHECK: dvm.pad: 'low' has the negative entry -1
%0 = dvm.pad %a low [1, -1] high [0, 1] value 0.0 : tensor<4x2xf32> -> tensor<5x2xf32>

// -----

%a = "test.op"() : () -> tensor<4x2xf32>
// CHECK: dvm.pad: dim 1 of the result must be 3, but the result is tensor<5x2xf32>
%0 = dvm.pad %a low [1, 0] high [0, 1] value 0.0 : tensor<4x2xf32> -> tensor<5x2xf32>

// -----

%a = "test.op"() : () -> tensor<4xi32>
// CHECK: 0.5 is not a value of type i32
%0 = dvm.pad %a low [1] high [0] value 0.5 : tensor<4xi32> -> tensor<5xi32>

// -----

%a = "test.op"() : () -> tensor<4xf32>
// CHECK: dvm.pad: 'value' is of type f16, but the operand is tensor<4xf32>
%0 = "dvm.pad"(%a) <{low = [0 : i64], high = [0 : i64], value = 0.0 : f16}> : (tensor<4xf32>) -> tensor<4xf32>

// -----

// Gather.
%a = "test.op"() : () -> tensor<4x2xf32>
%b = "test.op"() : () -> tensor<3xf32>
// CHECK: dvm.gather: 'index' must be of i32, i64, but is tensor<3xf32>
%0 = dvm.gather %a, %b axis 0 : tensor<4x2xf32>, tensor<3xf32> -> tensor<3x2xf32>

// -----

%a = "test.op"() : () -> tensor<4x2xf32>
%b = "test.op"() : () -> tensor<3xi32>
// CHECK: dvm.gather: axis 2 is not in 0 to 1 (tensor<4x2xf32>, tensor<3xi32>)
%0 = dvm.gather %a, %b axis 2 : tensor<4x2xf32>, tensor<3xi32> -> tensor<3x2xf32>

// -----

%a = "test.op"() : () -> tensor<4x2xf32>
%b = "test.op"() : () -> tensor<3xi32>
// CHECK: dvm.gather: dim 0 of the result must be 3, but the result is tensor<4x2xf32>
%0 = dvm.gather %a, %b axis 0 : tensor<4x2xf32>, tensor<3xi32> -> tensor<4x2xf32>

// -----

%a = "test.op"() : () -> tensor<4x2x2x2x2xf32>
%b = "test.op"() : () -> tensor<1x1x1x1x3xi32>
// CHECK: dvm.gather: the result would have more than 8 dims (tensor<4x2x2x2x2xf32>, tensor<1x1x1x1x3xi32>)
%0 = dvm.gather %a, %b axis 0 : tensor<4x2x2x2x2xf32>, tensor<1x1x1x1x3xi32> -> tensor<4x2xf32>

// -----

// Iota.
// CHECK: dvm.iota: axis 1 is not in 0 to 0 (tensor<4xi32>)
%0 = dvm.iota axis 1 shape [4] : tensor<4xi32>

// -----

// CHECK: dvm.iota: the result must be of numbers, but is tensor<4xi1>
%0 = dvm.iota axis 0 shape [4] : tensor<4xi1>

// -----

// CHECK: dvm.iota: dim 0 of the result must be 4, but the result is tensor<5xi32>
%0 = dvm.iota axis 0 shape [4] : tensor<5xi32>

// -----

// Size.
// CHECK: dvm.size: 'size' has 2 entries, expected one
%0 = dvm.size [4, 5] : tensor<i64>

// -----

// CHECK: dvm.size: the result must be of i64, but is tensor<i32>
%0 = dvm.size [4] : tensor<i32>

// -----

// CHECK: dvm.size: the result must have rank 0, but is tensor<1xi64>
%0 = dvm.size [4] : tensor<1xi64>

// -----

// One-hot.
%a = "test.op"() : () -> tensor<4xf32>
// CHECK: dvm.onehot: 'index' must be of i32, i64, but is tensor<4xf32>
%0 = dvm.onehot %a depth [10] axis 1 {on_value = 1.0 : f32, off_value = 0.0 : f32} : tensor<4xf32> -> tensor<4x10xf32>

// -----

%a = "test.op"() : () -> tensor<4xi32>
// CHECK: dvm.onehot: axis 2 is not in -2 to 1 (tensor<4xi32>)
%0 = dvm.onehot %a depth [10] axis 2 {on_value = 1.0 : f32, off_value = 0.0 : f32} : tensor<4xi32> -> tensor<4x10xf32>

// -----

%a = "test.op"() : () -> tensor<4xi32>
// CHECK: dvm.onehot: 'depth' has 2 entries, but must have 1
%0 = dvm.onehot %a depth [10, 2] axis 1 {on_value = 1.0 : f32, off_value = 0.0 : f32} : tensor<4xi32> -> tensor<4x10xf32>

// -----

%a = "test.op"() : () -> tensor<4xi32>
// CHECK: dvm.onehot: 'on_value' is of type f32, but 'off_value' of type i32
%0 = dvm.onehot %a depth [10] axis 1 {on_value = 1.0 : f32, off_value = 0 : i32} : tensor<4xi32> -> tensor<4x10xf32>

// -----

%a = "test.op"() : () -> tensor<4xi32>
// CHECK: dvm.onehot: the result must be of f32, but is tensor<4x10xi32>
%0 = dvm.onehot %a depth [10] axis 1 {on_value = 1.0 : f32, off_value = 0.0 : f32} : tensor<4xi32> -> tensor<4x10xi32>

// -----

// Elemany.
%a = "test.op"() : () -> tensor<4xi32>
// CHECK: dvm.elemany: the result must be of f32, but is tensor<1xi32>
%0 = dvm.elemany %a : tensor<4xi32> -> tensor<1xi32>

// -----

%a = "test.op"() : () -> tensor<4xf32>
// CHECK: dvm.elemany: the result must have rank 1, but is tensor<f32>
%0 = dvm.elemany %a : tensor<4xf32> -> tensor<f32>
