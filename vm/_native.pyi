"""The native engine, in C: what `vm.native_engine` calls. Capsules are opaque."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Step = tuple[str, str, tuple[Any, ...] | None, int, int, tuple[int, int], tuple[tuple[int, int], ...]]
Recorded = tuple[int, str | None, int, int, int, int, float, float]
"""Kernel, mnemonic, kind of item, thread, item, elements, start, seconds."""

def make_code(
    instruction_set: int,
    values: tuple[tuple[int, int], ...],
    memory_types: tuple[int, ...],
    scalar_types: tuple[int, ...],
    passes: tuple[tuple[bool, tuple[Step, ...]], ...],
    /,
) -> object: ...
def make_kernel(
    code: object,
    domain: tuple[Any, ...],
    views: tuple[tuple[Any, ...], ...],
    masks: tuple[int, ...],
    homes: tuple[int, ...],
    tile: tuple[int, ...],
    chunks: int,
    slot_offsets: tuple[int, ...],
    unified_buffer_bytes: int,
    scalars: tuple[float | int | bool, ...],
    counts: tuple[int, ...],
    work: int,
    /,
) -> object: ...
def make_plan(kernels: tuple[object, ...], sizes: tuple[int, ...], wide: tuple[bool, ...], /) -> object: ...
def run(
    plan: object, arrays: list[Any], cores: int, records: bool, /
) -> list[Recorded] | tuple[int, int, int, int, int] | None: ...
def apply(
    instruction_set: int,
    function: tuple[Any, ...],
    count: int,
    result: npt.NDArray[np.generic],
    sources: Sequence[npt.NDArray[np.generic]],
    /,
) -> None: ...
def use_openmp(address: int, /) -> None: ...
def instruction_sets() -> tuple[str, ...]: ...
