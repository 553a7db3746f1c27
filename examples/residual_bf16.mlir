// A residual block in bf16: RMS normalisation, a projection with bias, SiLU, and the input added back.

!hidden = tensor<?x1024xbf16, #dvm.sym<["tokens", "1024"]>>
!matrix = tensor<1024x1024xbf16>
!weight = tensor<1024xbf16>

func.func @residual_bf16(%x : !hidden, %gamma : !weight, %w : !matrix, %bias : !weight) -> !hidden
    attributes {dvm.arg_names = ["x", "gamma", "w", "bias"], dvm.result_names = ["out"]} {
  %norm = dvm.rms_norm %x, %gamma axis -1 epsilon 1.0e-06 : !hidden, !weight -> !hidden
  %projected = dvm.matmul %norm, %w trans_a false trans_b false bias %bias : !hidden, !matrix, !weight -> !hidden
  %sigmoid = dvm.unary Sigmoid %projected : !hidden -> !hidden
  %silu = dvm.binary Mul %projected, %sigmoid : !hidden, !hidden -> !hidden
  %out = dvm.binary Add %x, %silu : !hidden, !hidden -> !hidden
  return %out : !hidden
}
