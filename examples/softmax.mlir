// Softmax over the rows of scaled logits, written with primitive operations; both dims are dynamic.

!full = tensor<?x?xf32, #dvm.sym<["rows", "columns"]>>
!column = tensor<?x1xf32, #dvm.sym<["rows", "1"]>>

func.func @softmax(%logits : !full) -> !full
    attributes {dvm.arg_names = ["logits"], dvm.result_names = ["probabilities"]} {
  %scaled = dvm.binary_scalar Mul %logits, 0.125 : !full, f32 -> !full
  // subtracting the maximum keeps the exponentials from overflowing
  %greatest = dvm.reduce Max %scaled dims [1] keepdims true : !full -> !column
  %shifted = dvm.binary Sub %scaled, %greatest : !full, !column -> !full
  %exponential = dvm.unary Exp %shifted : !full -> !full
  %total = dvm.reduce Sum %exponential dims [1] keepdims true : !full -> !column
  %out = dvm.binary Div %exponential, %total : !full, !column -> !full
  return %out : !full
}
