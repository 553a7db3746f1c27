"""Print a function that applies as many operations one after the other as the argument says."""

import sys

OPERATIONS = int(sys.argv[1])

print("func.func @chain(%0 : tensor<4xf32>) -> tensor<4xf32> {")
for number in range(OPERATIONS):
    print(f"  %{number + 1} = dvm.unary Exp %{number} : tensor<4xf32> -> tensor<4xf32>")
print(f"  return %{OPERATIONS} : tensor<4xf32>")
print("}")
