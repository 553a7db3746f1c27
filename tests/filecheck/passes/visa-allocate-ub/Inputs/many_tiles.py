"""Print a kernel in which as many tiles are live at once as the argument says."""

import sys

TILES = int(sys.argv[1])
MAP = "affine_map<(d0) -> (d0)>"

print('%x = "test.op"() : () -> tensor<4xf32>')
print('%y = visa.kernel vector @k domain [parallel "4"] slots 0 (%x : tensor<4xf32>) -> (tensor<4xf32>) {')
print(f"^bb0(%gx : !visa.global<f32, {MAP}>, %gy : !visa.global<f32, {MAP}>):")
print("  visa.pass once")
for tile in range(TILES):
    print(f"  %t{tile} = visa.load f32 %gx : !visa.ub")
print("  %s0 = visa.unary copy f32 %t0 : (!visa.ub) -> !visa.ub")
for tile in range(1, TILES):
    print(f"  %s{tile} = visa.binary add f32 %s{tile - 1}, %t{tile} : (!visa.ub, !visa.ub) -> !visa.ub")
print(f"  visa.store f32 %s{TILES - 1}, %gy")
print("  visa.end")
print("}")
