// A residual block in f16: layer normalisation, a gated SiLU, and the input added back.

!hidden = tensor<?x1024xf16, #dvm.sym<["tokens", "1024"]>>
!weight = tensor<1024xf16>

func.func @residual_f16(%x : !hidden, %gamma : !weight, %beta : !weight, %gate : !hidden) -> !hidden
    attributes {dvm.arg_names = ["x", "gamma", "beta", "gate"], dvm.result_names = ["out"]} {
  %norm = dvm.layer_norm %x, %gamma, %beta axis -1 epsilon 1.0e-05 : !hidden, !weight, !weight -> !hidden
  %sigmoid = dvm.unary Sigmoid %norm : !hidden -> !hidden
  %silu = dvm.binary Mul %norm, %sigmoid : !hidden, !hidden -> !hidden
  %gated = dvm.binary Mul %silu, %gate : !hidden, !hidden -> !hidden
  %out = dvm.binary Add %x, %gated : !hidden, !hidden -> !hidden
  return %out : !hidden
}
