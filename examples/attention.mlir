// Scaled dot-product attention with an additive mask; batch, heads, queries and keys are dynamic.

!query = tensor<?x?x?x64xf32, #dvm.sym<["batch", "heads", "queries", "64"]>>
!key = tensor<?x?x?x64xf32, #dvm.sym<["batch", "heads", "keys", "64"]>>
!scores = tensor<?x?x?x?xf32, #dvm.sym<["batch", "heads", "queries", "keys"]>>
!mask = tensor<?x1x?x?xf32, #dvm.sym<["batch", "1", "queries", "keys"]>>

func.func @attention(%q : !query, %k : !key, %v : !key, %mask : !mask) -> !query
    attributes {dvm.arg_names = ["q", "k", "v", "mask"], dvm.result_names = ["out"]} {
  %products = dvm.matmul %q, %k trans_a false trans_b true : !query, !key -> !scores
  // 0.125 = 1/sqrt(64)
  %scaled = dvm.binary_scalar Mul %products, 0.125 : !scores, f32 -> !scores
  %masked = dvm.binary Add %scaled, %mask : !scores, !mask -> !scores
  %weights = dvm.softmax %masked axis -1 : !scores -> !scores
  %out = dvm.matmul %weights, %v trans_a false trans_b false : !scores, !key -> !query
  return %out : !query
}
