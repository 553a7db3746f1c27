func.func @add(%x : tensor<?x3xf32, #dvm.sym<["n", "3"]>>, %y : tensor<?x3xf32, #dvm.sym<["n", "3"]>>)
    -> tensor<?x3xf32, #dvm.sym<["n", "3"]>> attributes {dvm.result_names = ["sum"]} {
  %z = dvm.binary Add %x, %y
    : tensor<?x3xf32, #dvm.sym<["n", "3"]>>, tensor<?x3xf32, #dvm.sym<["n", "3"]>> -> tensor<?x3xf32, #dvm.sym<["n", "3"]>>
  return %z : tensor<?x3xf32, #dvm.sym<["n", "3"]>>
}
