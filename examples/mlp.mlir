// The feed-forward layer of a transformer: two matrix products with bias and a GELU between them.

!outer = tensor<?x1024xf32, #dvm.sym<["tokens", "1024"]>>
!inner = tensor<?x4096xf32, #dvm.sym<["tokens", "4096"]>>
!w_up = tensor<1024x4096xf32>
!b_up = tensor<4096xf32>
!w_down = tensor<4096x1024xf32>
!b_down = tensor<1024xf32>

func.func @mlp(%x : !outer, %w_up : !w_up, %b_up : !b_up, %w_down : !w_down, %b_down : !b_down) -> !outer
    attributes {dvm.arg_names = ["x", "w_up", "b_up", "w_down", "b_down"], dvm.result_names = ["out"]} {
  %up = dvm.matmul %x, %w_up trans_a false trans_b false bias %b_up : !outer, !w_up, !b_up -> !inner
  %activated = dvm.gelu %up approximate tanh : !inner -> !inner
  %out = dvm.matmul %activated, %w_down trans_a false trans_b false bias %b_down : !inner, !w_down, !b_down -> !outer
  return %out : !outer
}
