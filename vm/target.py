"""What bind makes plans for: the size of the unified buffer, and what calls and cores cost the engine that will run them.

The constants of the NumPy engine were measured: each NumPy call costs about a microsecond, and more on two cores, which take the
interpreter's lock from one another. A tile function of the native engine costs some ten nanoseconds.
"""

from dataclasses import dataclass
from typing import NamedTuple

from vm.blas import BLAS


@dataclass(frozen=True, eq=False)
class Tuning:
    """What decides the sizes of tiles and the number of cores. Compared by identity: there is one for each engine."""

    minimum_tile: int
    """Elements below which a tile is not cut further to occupy more cores: on fewer, the calls of two threads of NumPy mostly wait
    for the interpreter's lock (at 16K elements a tile two were slower than one).
    """
    largest_tile_bytes: int
    """Bytes of all slots of a tile above which it is not worth its place in the cache."""
    cuts_products: bool
    """Whether products are cut into blocks for several cores. If not, the library that multiplies uses several threads by itself."""
    large_product: int
    """Multiplications from which a product is cut into blocks for several cores."""
    least_product: int
    """Multiplications of a tile of several small products, at least."""
    large_block: int
    """Multiplications that each block of a product has where there are more than two."""
    points_of_call: int
    """Points of a product that a block wants for each instruction on rows that are computed for it: those of a quarter of the time
    that a call takes.
    """
    parallel_work: int
    """Elements times instructions from which a stage is worth a second core: a core that sleeps takes up to 100 us to wake."""


NUMPY = Tuning(
    minimum_tile=1 << 15,
    largest_tile_bytes=1 << 62,
    cuts_products=BLAS is not None,
    large_product=1 << 24,  # some 0.4 ms
    least_product=1 << 20,
    large_block=1 << 23,
    points_of_call=160_000,
    # some 1.3 ms: softmax, layer norm and a gelu chain break even at 300,000 to 800,000 elements
    parallel_work=1 << 23,
)

# tiles of 16 to 256 KiB were compared on softmax, norms, sums and chains of 4000x1024 elements, on two cores with 2 MiB of L2 each
NATIVE = Tuning(
    minimum_tile=1 << 12,
    largest_tile_bytes=1 << 16,
    cuts_products=True,
    large_product=1 << 20,
    least_product=1 << 16,
    large_block=1 << 20,
    points_of_call=4_000,
    parallel_work=1 << 19,
)


class Target(NamedTuple):
    """The unified buffer of a core, in bytes, and the engine's tuning."""

    unified_buffer_bytes: int
    tuning: Tuning
