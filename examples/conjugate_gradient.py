"""A solver that stops when it has converged: conjugate gradients, with the loop in the program.

    python examples/conjugate_gradient.py [--sizes 50 200 801]

How many iterations there are depends on the data. `dvm.while_loop` makes the loop part of the program, which needs
Python for nothing and compiles once for all sizes.
"""

import argparse
from typing import Any

import numpy as np
import numpy.typing as npt

import dvm


@dvm.jit
def solve(a: Any, b: Any, tolerance: Any) -> tuple[Any, Any]:
    """x with a @ x = b for a symmetric positive definite matrix [n, n], and the number of iterations."""
    limit = tolerance * tolerance * dvm.sum(b * b)

    def goes_on(state: Any) -> Any:
        _, _, _, squared, iterations = state
        return dvm.logical_and(squared > limit, iterations < 10 * b.shape[0])

    def step(state: Any) -> Any:
        x, residual, direction, squared, iterations = state
        image = a @ direction
        length = squared / dvm.sum(direction * image)
        x = x + length * direction
        residual = residual - length * image
        new = dvm.sum(residual * residual)
        return x, residual, residual + new / squared * direction, new, iterations + 1

    x, _, _, _, iterations = dvm.while_loop(goes_on, step, (dvm.zeros_like(b), b, b, dvm.sum(b * b), 0))
    return x, iterations


def system(size: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """A symmetric positive definite matrix of moderate condition, and a right-hand side."""
    random = np.random.default_rng(size)
    factor = random.standard_normal((size, size), np.float32)
    return factor @ factor.T / np.float32(size) + np.eye(size, dtype=np.float32), random.standard_normal(
        size, np.float32
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[50, 200, 801])
    for size in parser.parse_args().sizes:
        a, b = system(size)
        x, iterations = solve(a, b, 1e-5)
        exact = np.linalg.solve(a.astype(np.float64), b)
        error = float(np.abs(x - exact).max() / np.abs(exact).max())
        print(f"{size:5} unknowns: {int(iterations):3} iterations, relative error {error:.1e}")
    print(f"traced {solve.traces} time")


if __name__ == "__main__":
    main()
