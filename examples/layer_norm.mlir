// The "add and norm" of a transformer block: residual addition, then layer normalisation; both results are returned.

!hidden = tensor<?x?x1024xf32, #dvm.sym<["batch", "length", "1024"]>>
!weight = tensor<1024xf32>

func.func @layer_norm(%x : !hidden, %residual : !hidden, %gamma : !weight, %beta : !weight) -> (!hidden, !hidden)
    attributes {
      dvm.arg_names = ["x", "residual", "gamma", "beta"],
      dvm.result_names = ["sum", "normalised"]
    } {
  %sum = dvm.binary Add %x, %residual : !hidden, !hidden -> !hidden
  %normalised = dvm.layer_norm %sum, %gamma, %beta axis -1 epsilon 1.0e-05 : !hidden, !weight, !weight -> !hidden
  return %sum, %normalised : !hidden, !hidden
}
