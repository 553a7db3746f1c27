// Decoding as in a beam search: each step attends to all vectors so far and appends one, so the length grows by one.

!sequence = tensor<?x?x?xf32, #dvm.sym<["beams", "length", "width"]>>
!longer = tensor<?x?x?xf32, #dvm.sym<["beams", "length + 1", "width"]>>
!last = tensor<?x1x?xf32, #dvm.sym<["beams", "1", "width"]>>
!scores = tensor<?x1x?xf32, #dvm.sym<["beams", "1", "length"]>>
!weights = tensor<?x?xf32, #dvm.sym<["width", "width"]>>

func.func @decode(%start : !last, %weights : !weights, %steps : tensor<i64>) -> tensor<?x?x?xf32>
    attributes {dvm.arg_names = ["start", "weights", "steps"], dvm.result_names = ["sequence"]} {
  %count = tensor.extract %steps[] : tensor<i64>
  %zero = arith.constant 0 : i64
  %one = arith.constant 1 : i64
  // "length" is no dim of an argument of the function: it names the length within each launch
  %begin = tensor.cast %start : !last to !sequence
  %sequence = scf.for %step = %zero to %count step %one iter_args(%so_far = %begin) -> (!sequence) : i64 {
    %end = dvm.slice %so_far starts [0, "length - 1", 0] sizes ["beams", 1, "width"] steps [1, 1, 1] : !sequence -> !last
    %query = dvm.matmul %end, %weights trans_a false trans_b false : !last, !weights -> !last
    %logits = dvm.matmul %query, %so_far trans_a false trans_b true : !last, !sequence -> !scores
    %attention = dvm.softmax %logits axis -1 : !scores -> !scores
    %context = dvm.matmul %attention, %so_far trans_a false trans_b false : !scores, !sequence -> !last
    %next = dvm.unary Tanh %context : !last -> !last
    %appended = dvm.concat %so_far, %next axis 1 : !sequence, !last -> !longer
    %renamed = tensor.cast %appended : !longer to !sequence
    scf.yield %renamed : !sequence
  }
  %result = tensor.cast %sequence : !sequence to tensor<?x?x?xf32>
  return %result : tensor<?x?x?xf32>
}
