func.func @f(%x : tensor<2xf32>, %y : tensor<3xf32>) -> tensor<2xf32> {
  %z = dvm.binary Add %x, %y : tensor<2xf32>, tensor<3xf32> -> tensor<2xf32>
  return %z : tensor<2xf32>
}
