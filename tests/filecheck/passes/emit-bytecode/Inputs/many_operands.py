"""Print a function whose kernel has as many operands as the argument says, the last of them the output."""

import sys

INPUTS = int(sys.argv[1]) - 1
TENSOR = "tensor<4xf32>"
MAP = "!visa.global<f32, affine_map<(d0) -> (d0)>>"

print(f"func.func @f(%x : {TENSOR}) -> {TENSOR} {{")
operands, types = ", ".join(["%x"] * INPUTS), ", ".join([TENSOR] * INPUTS)
print(f'  %y = visa.kernel vector @k domain [parallel "4"] slots 1 ({operands} : {types}) -> ({TENSOR}) {{')
print(f"  ^bb0({', '.join(f'%x{number} : {MAP}' for number in range(INPUTS))}, %gy : {MAP}):")
print("    visa.pass once")
print("    %0 = visa.load f32 %x0 : !visa.ub<0>")
print("    visa.store f32 %0, %gy")
print("    visa.end")
print("  }")
print(f"  return %y : {TENSOR}")
print("}")
