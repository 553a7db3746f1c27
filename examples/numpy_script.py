"""A NumPy script, sped up by one `asarray`: the prices of options by the formula of Black and Scholes.

    python examples/numpy_script.py [--options 1000000]

`prices` is plain NumPy and stays so. Given lazy arrays in place of NumPy's, its operations are recorded and run as one
kernel, tile by tile in the cache, on every core.
"""

import argparse
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

import dvm

RATE = 0.05


def normal_distribution(x: Any) -> Any:
    """The distribution function of the normal distribution, to 1e-7 (Abramowitz and Stegun, 26.2.17)."""
    t = 1.0 / (1.0 + 0.2316419 * np.abs(x))
    series = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
    upper = np.exp(x * x * -0.5) * 0.3989422804 * series
    return np.where(x > 0.0, 1.0 - upper, upper)


def prices(spot: Any, strike: Any, years: Any, volatility: Any) -> tuple[Any, Any]:
    """The prices of the call and of the put."""
    spread = volatility * np.sqrt(years)
    d1 = (np.log(spot / strike) + (RATE + 0.5 * volatility * volatility) * years) / spread
    d2 = d1 - spread
    discounted = strike * np.exp(years * -RATE)
    call = spot * normal_distribution(d1) - discounted * normal_distribution(d2)
    return call, call + discounted - spot


def market(count: int, wrap: Callable[[Any], Any] = np.asarray) -> list[Any]:
    """Spot and strike prices, years and volatilities. The one line that changes is `wrap`."""
    random = np.random.default_rng(0)
    bounds = [(10, 50), (10, 50), (0.2, 2.0), (0.1, 0.5)]
    return [wrap(random.uniform(low, high, count).astype(np.float32)) for low, high in bounds]


def seconds(run: Callable[[], Any], rounds: int = 7) -> float:
    """The median of some calls, after one to warm up."""
    times: list[float] = []
    for _ in range(rounds + 1):
        start = perf_counter()
        for result in run():
            np.asarray(result)
        times.append(perf_counter() - start)
    return median(times[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--options", type=int, default=1_000_000)
    count = parser.parse_args().options
    plain, lazy = market(count), market(count, dvm.asarray)
    with dvm.lazy() as record:
        call, put = prices(*lazy)
        print(f"mean prices: call {float(call.mean()):.4f}, put {float(put.mean()):.4f}; {record.launches} launch")
    exact = prices(*[array.astype(np.float64) for array in plain])
    print(f"greatest error beside float64: {max(np.abs(call - exact[0]).max(), np.abs(put - exact[1]).max()):.1e}")
    before, after = seconds(lambda: prices(*plain)), seconds(lambda: prices(*lazy))
    print(f"NumPy {before * 1e3:.1f} ms, with dvm.asarray {after * 1e3:.1f} ms: {before / after:.1f} times as fast")


if __name__ == "__main__":
    main()
