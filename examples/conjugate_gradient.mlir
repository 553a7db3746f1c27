// Solves A x = b for a symmetric positive definite A by conjugate gradients, until the residual is small enough or 4 n steps are done.
// Give it such a matrix: with that of --random it does not converge, and float32 and float64 part ways.

!matrix = tensor<?x?xf32, #dvm.sym<["n", "n"]>>
!vector = tensor<?xf32, #dvm.sym<["n"]>>
!scalar = tensor<f32>

func.func @conjugate_gradient(%a : !matrix, %b : !vector, %tolerance : !scalar) -> (!vector, tensor<i64>)
    attributes {dvm.arg_names = ["a", "b", "tolerance"], dvm.result_names = ["x", "steps"]} {
  %x0 = dvm.broadcast_scalar 0.0 shape ["n"] type Float32 : f32 -> !vector
  %bb = dvm.binary Mul %b, %b : !vector, !vector -> !vector
  %rr0 = dvm.reduce Sum %bb dims [0] keepdims false : !vector -> !scalar
  %limit = dvm.binary Mul %tolerance, %tolerance : !scalar, !scalar -> !scalar
  %steps0 = dvm.constant dense<0> : tensor<i64>
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %n = tensor.dim %b, %c0 : !vector
  %most = arith.muli %n, %c4 : index
  // the residual r, its square rr and the direction p begin with b, for x begins with zeros
  %x, %r, %p, %rr, %steps = scf.while (%xi = %x0, %ri = %b, %pi = %b, %rri = %rr0, %i = %steps0)
      : (!vector, !vector, !vector, !scalar, tensor<i64>) -> (!vector, !vector, !vector, !scalar, tensor<i64>) {
    %large = dvm.binary Greater %rri, %limit : !scalar, !scalar -> tensor<i1>
    %unsolved = tensor.extract %large[] : tensor<i1>
    %done = tensor.extract %i[] : tensor<i64>
    %done_index = arith.index_cast %done : i64 to index
    %early = arith.cmpi slt, %done_index, %most : index
    %again = arith.andi %unsolved, %early : i1
    scf.condition(%again) %xi, %ri, %pi, %rri, %i : !vector, !vector, !vector, !scalar, tensor<i64>
  } do {
  ^bb0(%xi : !vector, %ri : !vector, %pi : !vector, %rri : !scalar, %i : tensor<i64>):
    %column = dvm.reshape %pi shape ["n", 1] : !vector -> tensor<?x1xf32, #dvm.sym<["n", "1"]>>
    %product = dvm.matmul %a, %column trans_a false trans_b false : !matrix, tensor<?x1xf32, #dvm.sym<["n", "1"]>> -> tensor<?x1xf32, #dvm.sym<["n", "1"]>>
    %ap = dvm.reshape %product shape ["n"] : tensor<?x1xf32, #dvm.sym<["n", "1"]>> -> !vector
    %pap = dvm.binary Mul %pi, %ap : !vector, !vector -> !vector
    %curvature = dvm.reduce Sum %pap dims [0] keepdims false : !vector -> !scalar
    %alpha = dvm.binary Div %rri, %curvature : !scalar, !scalar -> !scalar
    %step = dvm.binary Mul %alpha, %pi : !scalar, !vector -> !vector
    %x1 = dvm.binary Add %xi, %step : !vector, !vector -> !vector
    %change = dvm.binary Mul %alpha, %ap : !scalar, !vector -> !vector
    %r1 = dvm.binary Sub %ri, %change : !vector, !vector -> !vector
    %squares = dvm.binary Mul %r1, %r1 : !vector, !vector -> !vector
    %rr1 = dvm.reduce Sum %squares dims [0] keepdims false : !vector -> !scalar
    %beta = dvm.binary Div %rr1, %rri : !scalar, !scalar -> !scalar
    %back = dvm.binary Mul %beta, %pi : !scalar, !vector -> !vector
    %p1 = dvm.binary Add %r1, %back : !vector, !vector -> !vector
    %i1 = dvm.binary_scalar Add %i, 1 : tensor<i64>, i32 -> tensor<i64>
    scf.yield %x1, %r1, %p1, %rr1, %i1 : !vector, !vector, !vector, !scalar, tensor<i64>
  }
  return %x, %steps : !vector, tensor<i64>
}
