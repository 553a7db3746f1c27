"""The tile functions of both engines behind one face, for tests of what they compute: of NumPy, and of each instruction set in C."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from vm import tiles
from vm.device import HAS_NATIVE
from vm.isa import ElementType

Array = npt.NDArray[Any]
TileFunction = Callable[..., None]
Named = tuple[str | int | float, ...]
"""How C knows a tile function: its kind, and what that takes."""

NATIVE: Any = import_module("vm._native") if HAS_NATIVE else None
"""The module in C, or None where there was no compiler."""

INSTRUCTION_SETS: tuple[str, ...] = NATIVE.instruction_sets() if HAS_NATIVE else ()

ELEMENT_TYPES = {dtype: element for element, dtype in tiles.DTYPES.items()}


class Implementation(Protocol):
    """Tile functions as `vm.tiles` has them: they take (sources..., out), and sources broadcast."""

    @property
    def name(self) -> str: ...

    @property
    def is_native(self) -> bool: ...

    def unary(self, mnemonic: str) -> TileFunction: ...

    def binary(self, mnemonic: str) -> TileFunction: ...

    def select(self, condition: Array, then: Array, otherwise: Array, out: Array) -> None: ...

    def convert(self, source: Array, out: Array) -> None: ...

    def rounding(self, to: ElementType) -> TileFunction: ...

    def power(self, exponent: float) -> TileFunction:
        """The cheap power with a constant exponent."""
        ...

    def accumulate(self, mnemonic: str) -> TileFunction:
        """(source, total), total := total combined with all of source, which has one dim; total is an array of one element."""
        ...


@dataclass(frozen=True)
class NumpyTiles:
    name: str = "numpy"
    is_native: bool = False

    def unary(self, mnemonic: str) -> TileFunction:
        return tiles.UNARY[mnemonic]

    def binary(self, mnemonic: str) -> TileFunction:
        if mnemonic == "pow":
            return lambda base, exponent, out: (tiles.power if out.dtype.kind == "f" else tiles.integer_power)(
                base, exponent, out
            )
        return tiles.BINARY[mnemonic]

    def select(self, condition: Array, then: Array, otherwise: Array, out: Array) -> None:
        tiles.select(condition, then, otherwise, out)

    def convert(self, source: Array, out: Array) -> None:
        tiles.convert(source, out)

    def rounding(self, to: ElementType) -> TileFunction:
        return tiles.rounding_cast(tiles.DTYPES[to])

    def power(self, exponent: float) -> TileFunction:
        return tiles.POWERS[exponent]

    def accumulate(self, mnemonic: str) -> TileFunction:
        return lambda source, total: tiles.reduce_next(tiles.REDUCTIONS[mnemonic], (0,), source, total)


@dataclass(frozen=True)
class NativeTiles:
    """Those of one instruction set, numbered as C does."""

    number: int
    is_native: bool = True

    @property
    def name(self) -> str:
        return INSTRUCTION_SETS[self.number]

    def apply(self, named: Named, out: Array, *sources: Array, count: int = -1) -> None:
        """Run a tile function once, by default along all of the first axis of `out`."""
        NATIVE.apply(self.number, named, (out.size if count < 0 else count), out, sources)

    def run(self, named: Named, *arrays: Array) -> None:
        """Run a tile function on whole tiles, (sources..., out): once for each row of `out`."""
        *sources, out = arrays
        sources = [np.broadcast_to(source, out.shape) for source in sources]
        for row in np.ndindex(out.shape[:-1]):
            self.apply(named, out[*row, ...], *[source[*row, ...] for source in sources])

    def _elementwise(self, mnemonic: str) -> TileFunction:
        return lambda *arrays: self.run(("elementwise", mnemonic, _number(arrays[0])), *arrays)

    unary = binary = _elementwise

    def select(self, condition: Array, then: Array, otherwise: Array, out: Array) -> None:
        self.run(("elementwise", "select", _number(out)), condition, then, otherwise, out)

    def convert(self, source: Array, out: Array) -> None:
        self.run(("conversion", _number(source), _number(out)), source, out)

    def rounding(self, to: ElementType) -> TileFunction:
        return lambda *arrays: self.run(("rounding", int(ElementType.F32), int(to)), *arrays)

    def power(self, exponent: float) -> TileFunction:
        return lambda *arrays: self.run(("power", exponent), *arrays)

    def accumulate(self, mnemonic: str) -> TileFunction:
        def run(source: Array, total: Array) -> None:
            self.apply(("accumulate", mnemonic, _number(total)), total.reshape(()), source, count=source.size)

        return run


def _number(array: Array) -> int:
    return int(ELEMENT_TYPES[array.dtype])


NATIVE_TILES = tuple(NativeTiles(number) for number in range(len(INSTRUCTION_SETS)))

IMPLEMENTATIONS: tuple[Implementation, ...] = (NumpyTiles(), *NATIVE_TILES)
