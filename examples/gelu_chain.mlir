// The tanh form of GELU of x*y + z, added to x and scaled: 13 elementwise instructions that become one kernel.

!rows = tensor<?x1024xf32, #dvm.sym<["s0", "1024"]>>

func.func @gelu_chain(%x : !rows, %y : !rows, %z : !rows) -> !rows
    attributes {dvm.arg_names = ["x", "y", "z"], dvm.result_names = ["out"]} {
  %product = dvm.binary Mul %x, %y : !rows, !rows -> !rows
  %t = dvm.binary Add %product, %z : !rows, !rows -> !rows
  // gelu(t) = t/2 * (1 + tanh(sqrt(2/pi) * (t + 0.044715 * t**3)))
  %square = dvm.binary Mul %t, %t : !rows, !rows -> !rows
  %cube = dvm.binary Mul %square, %t : !rows, !rows -> !rows
  %weighted = dvm.binary_scalar Mul %cube, 0.044715 : !rows, f32 -> !rows
  %sum = dvm.binary Add %t, %weighted : !rows, !rows -> !rows
  %inner = dvm.binary_scalar Mul %sum, 0.7978845608 : !rows, f32 -> !rows
  %tanh = dvm.unary Tanh %inner : !rows -> !rows
  %one_plus = dvm.binary_scalar Add %tanh, 1.0 : !rows, f32 -> !rows
  %half = dvm.binary_scalar Mul %t, 0.5 : !rows, f32 -> !rows
  %gelu = dvm.binary Mul %half, %one_plus : !rows, !rows -> !rows
  // the residual connection, scaled by 1/sqrt(2) to keep the variance
  %residual = dvm.binary Add %gelu, %x : !rows, !rows -> !rows
  %out = dvm.binary_scalar Mul %residual, 0.70710678 : !rows, f32 -> !rows
  return %out : !rows
}
