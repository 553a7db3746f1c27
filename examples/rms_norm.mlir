// Root-mean-square normalisation of a residual sum, written with primitive operations.

!hidden = tensor<?x1024xf32, #dvm.sym<["tokens", "1024"]>>
!column = tensor<?x1xf32, #dvm.sym<["tokens", "1"]>>
!weight = tensor<1024xf32>

func.func @rms_norm(%x : !hidden, %residual : !hidden, %gamma : !weight) -> (!hidden, !hidden)
    attributes {dvm.arg_names = ["x", "residual", "gamma"], dvm.result_names = ["sum", "normalised"]} {
  %sum = dvm.binary Add %x, %residual : !hidden, !hidden -> !hidden
  %square = dvm.binary Mul %sum, %sum : !hidden, !hidden -> !hidden
  %mean = dvm.reduce Mean %square dims [1] keepdims true : !hidden -> !column
  %stable = dvm.binary_scalar Add %mean, 1.0e-06 : !column, f32 -> !column
  %scale = dvm.unary Rsqrt %stable : !column -> !column
  %scaled = dvm.binary Mul %sum, %scale : !hidden, !column -> !hidden
  %normalised = dvm.binary Mul %scaled, %gamma : !hidden, !weight -> !hidden
  return %sum, %normalised : !hidden, !hidden
}
