// A pre-norm transformer block over one sequence: attention of 4 heads with an additive mask, then a GELU layer.

!hidden = tensor<?x256xf32, #dvm.sym<["s", "256"]>>
!split = tensor<?x4x64xf32, #dvm.sym<["s", "4", "64"]>>
!heads = tensor<4x?x64xf32, #dvm.sym<["4", "s", "64"]>>
!scores = tensor<4x?x?xf32, #dvm.sym<["4", "s", "s"]>>
!mask = tensor<?x?xf32, #dvm.sym<["s", "s"]>>
!inner = tensor<?x1024xf32, #dvm.sym<["s", "1024"]>>
!vector = tensor<256xf32>
!matrix = tensor<256x256xf32>
!w_up = tensor<256x1024xf32>
!b_up = tensor<1024xf32>
!w_down = tensor<1024x256xf32>

func.func @transformer_block(%x : !hidden, %mask : !mask,
                             %gamma_1 : !vector, %beta_1 : !vector,
                             %w_q : !matrix, %b_q : !vector, %w_k : !matrix, %b_k : !vector,
                             %w_v : !matrix, %b_v : !vector, %w_out : !matrix, %b_out : !vector,
                             %gamma_2 : !vector, %beta_2 : !vector,
                             %w_up : !w_up, %b_up : !b_up, %w_down : !w_down, %b_down : !vector) -> !hidden
    attributes {
      dvm.arg_names = ["x", "mask", "gamma_1", "beta_1", "w_q", "b_q", "w_k", "b_k", "w_v", "b_v", "w_out", "b_out",
                       "gamma_2", "beta_2", "w_up", "b_up", "w_down", "b_down"],
      dvm.result_names = ["out"]
    } {
  %norm_1 = dvm.layer_norm %x, %gamma_1, %beta_1 axis -1 epsilon 1.0e-05 : !hidden, !vector, !vector -> !hidden
  // 0.0625 = 1/sqrt(256): with it, weights of variance 1 (as --random makes them) give q, k and v of about variance 1
  %input_1 = dvm.binary_scalar Mul %norm_1, 0.0625 : !hidden, f32 -> !hidden
  %q = dvm.matmul %input_1, %w_q trans_a false trans_b false bias %b_q : !hidden, !matrix, !vector -> !hidden
  %k = dvm.matmul %input_1, %w_k trans_a false trans_b false bias %b_k : !hidden, !matrix, !vector -> !hidden
  %v = dvm.matmul %input_1, %w_v trans_a false trans_b false bias %b_v : !hidden, !matrix, !vector -> !hidden

  // 256 columns are 4 heads of 64
  %q_split = dvm.reshape %q shape ["s", 4, 64] : !hidden -> !split
  %k_split = dvm.reshape %k shape ["s", 4, 64] : !hidden -> !split
  %v_split = dvm.reshape %v shape ["s", 4, 64] : !hidden -> !split
  %q_heads = dvm.transpose %q_split permutation [1, 0, 2] : !split -> !heads
  %k_heads = dvm.transpose %k_split permutation [1, 0, 2] : !split -> !heads
  %v_heads = dvm.transpose %v_split permutation [1, 0, 2] : !split -> !heads

  %products = dvm.matmul %q_heads, %k_heads trans_a false trans_b true : !heads, !heads -> !scores
  // 0.125 = 1/sqrt(64)
  %scaled = dvm.binary_scalar Mul %products, 0.125 : !scores, f32 -> !scores
  %masked = dvm.binary Add %scaled, %mask : !scores, !mask -> !scores
  %weights = dvm.softmax %masked axis -1 : !scores -> !scores
  %attended = dvm.matmul %weights, %v_heads trans_a false trans_b false : !scores, !heads -> !heads

  %joined = dvm.transpose %attended permutation [1, 0, 2] : !heads -> !split
  %columns = dvm.reshape %joined shape ["s", 256] : !split -> !hidden
  %projected = dvm.matmul %columns, %w_out trans_a false trans_b false bias %b_out : !hidden, !matrix, !vector -> !hidden
  %residual = dvm.binary Add %x, %projected : !hidden, !hidden -> !hidden

  %norm_2 = dvm.layer_norm %residual, %gamma_2, %beta_2 axis -1 epsilon 1.0e-05 : !hidden, !vector, !vector -> !hidden
  %input_2 = dvm.binary_scalar Mul %norm_2, 0.0625 : !hidden, f32 -> !hidden
  %up = dvm.matmul %input_2, %w_up trans_a false trans_b false bias %b_up : !hidden, !w_up, !b_up -> !inner
  %activated = dvm.gelu %up approximate tanh : !inner -> !inner
  %down = dvm.matmul %activated, %w_down trans_a false trans_b false bias %b_down : !inner, !w_down, !vector -> !hidden
  %out = dvm.binary Add %residual, %down : !hidden, !hidden -> !hidden
  return %out : !hidden
}
