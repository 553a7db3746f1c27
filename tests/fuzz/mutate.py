"""Hostile bytecode: mutates `.dvmb` files and requires that each is refused, or runs to a result or a `DvmError`.

    python tests/fuzz/mutate.py --count 100000 --seed 1

Half of the mutants are bytes changed anyhow, most with the checksum made right again; half are programs changed as a
compiler gone wrong might change them, so that they get past the reader. What is accepted is bound and run on small
random inputs, twice, in memory filled with two patterns: the results must be equal bit for bit, and the memory around
the buffers untouched. Any other exception, a warning, a crash, 10 seconds, or 8 GiB end the campaign with exit code 1
and the command that repeats the mutant.
"""

import argparse
import dataclasses
import mmap
import os
import random
import resource
import signal
import struct
import sys
import tempfile
import time
import traceback
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from enum import IntEnum
from math import prod
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # the script is run by its path, and `tests` is no installed package

from tests.unit import host_programs, programs  # noqa: E402
from vm.container import decode, to_bytes  # noqa: E402
from vm.container_format import HEADER, TABLE_ENTRY, Section  # noqa: E402
from vm.container_reader import Reader  # noqa: E402
from vm.device import Device  # noqa: E402
from vm.dims import evaluate_dims  # noqa: E402
from vm.disassemble_host import disassemble_any  # noqa: E402
from vm.errors import BytecodeError, DvmError, ExecutionError  # noqa: E402
from vm.host import AnyProgram, HostProgram  # noqa: E402
from vm.host_machine import HostMachine  # noqa: E402
from vm.machine import Machine  # noqa: E402
from vm.plan import LaunchPlan  # noqa: E402
from vm.program import Program  # noqa: E402
from vm.tiles import DTYPES  # noqa: E402

SECONDS = 10
ADDRESS_SPACE_BYTES = 8 << 30
POINT_LIMIT = 1 << 16
"""Elements of a tensor or points of a domain above which a mutant is bound but not run."""

LAUNCH_POINT_LIMIT = 1 << 12
ITERATION_LIMIT = 50
REGISTER_BYTES_LIMIT = 1 << 20
"""The same for one launch of a program with control flow, and the limits of its device."""

GUARD_BYTES = 256
PATTERNS = (0xA5, 0x01)
"""What fills memory before a run; the second is a valid truth value."""

EXTENTS = (0, 1, 1, 2, 2, 3, 4, 5, 7, 16, 33)
UNIFIED_BUFFER_BYTES = (1, 256, 4096, 1 << 20)
SMALL_TILE_LIMIT = 1 << 10
"""Points above which only the largest unified buffer is used: a tile of one element takes as long as one of 10,000."""

INTERESTING = (0, 1, 2, 3, 4, 7, 8, 16, 63, 64, 127, 128, 255, 256, 4095, 4096, (1 << 31) - 1, 1 << 31, (1 << 32) - 1)

Array = npt.NDArray[Any]


class ViolationError(Exception):
    """A mutant did what no file may do."""


# the corpus


def corpus() -> list[bytes]:
    """Good files: the programs written by hand, and the examples where the compiler is there to compile them."""
    files = [to_bytes(make()) for make in (*programs.ALL, *host_programs.ALL)]
    try:
        from dvm import compile as compile_graph

        with tempfile.TemporaryDirectory() as directory:
            for graph in sorted((ROOT / "examples").glob("*.mlir")):
                target = Path(directory) / "program.dvmb"
                compile_graph(graph).save(target)
                files.append(target.read_bytes())
    except ImportError:
        print("the compiler cannot be imported: only programs written by hand", file=sys.stderr)
    return files


# mutations of bytes


def mutate_bytes(data: bytes, files: Sequence[bytes], rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        rng.choice(BYTE_MUTATIONS)(changed, files, rng)
    if len(changed) >= HEADER.size and rng.random() < 0.8:
        return sealed(changed)
    return bytes(changed)


def sealed(data: bytearray) -> bytes:
    """The file with the length and checksum that belong to it."""
    magic, container, isa, _, _, count = HEADER.unpack_from(data)
    body = bytes(data[HEADER.size :])
    return HEADER.pack(magic, container, isa, len(data), zlib.crc32(body), count) + body


def _flip(data: bytearray, files: Sequence[bytes], rng: random.Random) -> None:
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _set(data: bytearray, files: Sequence[bytes], rng: random.Random) -> None:
    if data:
        data[rng.randrange(len(data))] = rng.choice(INTERESTING) & 0xFF


def _set_number(data: bytearray, files: Sequence[bytes], rng: random.Random) -> None:
    if len(data) >= 8:
        struct.pack_into("<I", data, rng.randrange(len(data) // 4 - 1) * 4, rng.choice(INTERESTING))


def _truncate(data: bytearray, files: Sequence[bytes], rng: random.Random) -> None:
    del data[rng.randrange(len(data) + 1) :]


def _delete(data: bytearray, files: Sequence[bytes], rng: random.Random) -> None:
    start = rng.randrange(len(data) + 1)
    del data[start : start + rng.choice((1, 4, 8, 64))]


def _insert(data: bytearray, files: Sequence[bytes], rng: random.Random) -> None:
    start = rng.randrange(len(data) + 1)
    data[start:start] = rng.randbytes(rng.choice((1, 4, 8, 64)))


def _splice(data: bytearray, files: Sequence[bytes], rng: random.Random) -> None:
    """Overwrite a run of bytes by one of another file, often from the same place."""
    other = rng.choice(files)
    length = rng.choice((4, 8, 16, 64, 256))
    source = rng.randrange(len(other))
    target = source if rng.random() < 0.5 else rng.randrange(len(data) + 1)
    data[target : target + length] = other[source : source + length]


def _swap_numbers(data: bytearray, files: Sequence[bytes], rng: random.Random) -> None:
    if len(data) >= 8:
        a, b = (rng.randrange(len(data) // 4 - 1) * 4 for _ in range(2))
        data[a : a + 4], data[b : b + 4] = data[b : b + 4], data[a : a + 4]


def _edit_table(data: bytearray, files: Sequence[bytes], rng: random.Random) -> None:
    """Change the offset or length of a section."""
    position = HEADER.size + TABLE_ENTRY.size * rng.randrange(len(Section)) + rng.choice((8, 16))
    if len(data) >= position + 8:
        (value,) = struct.unpack_from("<Q", data, position)
        value = rng.choice((value + 8, value - 8, value + 1, value * 2, rng.choice(INTERESTING), (1 << 64) - 8))
        struct.pack_into("<Q", data, position, value & (1 << 64) - 1)


BYTE_MUTATIONS: tuple[Callable[[bytearray, Sequence[bytes], random.Random], None], ...] = (
    _flip,
    _set,
    _set_number,
    _truncate,
    _delete,
    _insert,
    _splice,
    _swap_numbers,
    _edit_table,
)


# mutations of programs


def mutate_program(program: AnyProgram, rng: random.Random) -> AnyProgram:
    """The program with a few of its fields changed, moved, repeated or left out."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        program = _changed(program, program, rng)
    return program


def _changed(value: Any, program: AnyProgram, rng: random.Random) -> Any:
    """`value`, a part of `program`, with something in it changed; most often inside of its kernels or instructions."""
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value)]
        favourite = "instructions" if "instructions" in names else "kernels"
        name = favourite if favourite in names and rng.random() < 0.6 else rng.choice(names)
        return dataclasses.replace(value, **{name: _changed(getattr(value, name), program, rng)})  # pyright: ignore[reportArgumentType]
    if isinstance(value, tuple) and value and rng.random() < 0.8:
        items: list[Any] = list(value)
        position = rng.randrange(len(items))
        items[position] = _changed(items[position], program, rng)
        return tuple(items)
    return _mutate_value(value, program, rng)


def _mutate_value(value: Any, program: AnyProgram, rng: random.Random) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, IntEnum):
        return rng.choice(list(type(value)))
    if isinstance(value, int):
        return _mutate_word(value, program, rng) if value > 1 << 16 else _mutate_number(value, rng)
    if isinstance(value, float):
        return rng.choice((0.0, -1.0, 2.0, 1e38, float("inf"), float("nan")))
    if isinstance(value, str):
        return rng.choice((value + "x", "", "s0", "\x1b"))
    if isinstance(value, bytes):
        return rng.choice((value[:-1], value * 2, rng.randbytes(len(value))))
    return _mutate_tuple(value, rng)


def _mutate_number(value: int, rng: random.Random) -> int:
    return rng.choice((value + 1, value - 1, 0, 1, rng.randrange(8), rng.randrange(8), rng.choice(INTERESTING)))


def _mutate_word(word: int, program: AnyProgram, rng: random.Random) -> int:
    """Change one field, or take a word from elsewhere in the program."""
    if rng.random() < 0.3:
        graphs = program.graphs if isinstance(program, HostProgram) else (program,)
        return rng.choice([word for graph in graphs for kernel in graph.kernels for word in kernel.words] or [word])
    start, width = rng.choice(((0, 8), (8, 4), (12, 4), (16, 12), (28, 12), (40, 12), (52, 12)))
    value = rng.choice((rng.randrange(4), rng.randrange(8), rng.randrange(1 << width)))
    return word & ~(((1 << width) - 1) << start) | (value & (1 << width) - 1) << start


def _mutate_tuple(value: tuple[Any, ...], rng: random.Random) -> tuple[Any, ...]:
    if not value:
        return value
    items = list(value)
    here, there = rng.randrange(len(items)), rng.randrange(len(items))
    match rng.randrange(4):
        case 0:
            del items[here]
        case 1:
            items.insert(here, items[there])
        case 2:
            items[here], items[there] = items[there], items[here]
        case _:
            items[here] = items[there]
    return tuple(items)


# running


def run_mutant(data: bytes, rng: random.Random) -> str:
    """What became of a file; raises ViolationError, or whatever else went wrong."""
    try:
        program = decode(data)
    except BytecodeError:
        return _who_refused(data)
    if to_bytes(program) != data:
        raise ViolationError("the file is not the one way to write its program")
    disassemble_any(program)
    state = rng.getstate()
    outcomes: list[tuple[str, list[bytes]]] = []
    for pattern in PATTERNS:
        rng.setstate(state)
        if isinstance(program, HostProgram):
            outcomes.append(run_host(program, rng))
        else:
            outcomes.append(bind_and_run(program, pattern, rng))
    if outcomes[0] != outcomes[1]:
        raise ViolationError("the result depends on what memory held before")
    return outcomes[0][0]


def _who_refused(data: bytes) -> str:
    try:
        Reader(data).program()
    except BytecodeError:
        return "refused at parse"
    return "refused at verify"


def bind_and_run(program: Program, pattern: int, rng: random.Random) -> tuple[str, list[bytes]]:
    """The outcome on random inputs, in guarded memory filled with `pattern`, and the bytes of the outputs."""
    try:
        dims = evaluate_dims(program, [rng.choice(EXTENTS) for _ in program.symbols])
        points = _points(program, dims)
        large = points > SMALL_TILE_LIMIT
        device = Device(
            cores=1, unified_buffer_bytes=max(UNIFIED_BUFFER_BYTES) if large else rng.choice(UNIFIED_BUFFER_BYTES)
        )
        machine = Machine(program, device)
        shapes = tuple(
            tuple(dims[dim] if rng.random() < 0.99 else rng.choice(EXTENTS) for dim in program.tensors[i.tensor].dims)
            for i in program.inputs
        )
        if any(extent < 0 for shape in shapes for extent in shape):
            return "no inputs of its shapes", []
        plan = machine.plan(shapes)
    except DvmError:
        return "refused at bind", []
    if points > POINT_LIMIT:
        return "too large to run", []
    inputs = [
        Guarded(_elements(DTYPES[program.tensors[i.tensor].type], shape, rng), pattern)
        for i, shape in zip(program.inputs, shapes, strict=True)
    ]
    outputs = [
        Guarded(_filled(shape, DTYPES[program.tensors[number].type], pattern), pattern)
        for number, shape in zip(program.outputs, plan.output_shapes, strict=True)
    ]
    unified_buffer, workspace = (
        Guarded(_filled((size,), np.dtype(np.uint8), pattern), pattern)
        for size in (_unified_buffer_bytes(plan), plan.workspace_bytes)
    )
    device.arena.unified_buffer, device.arena.workspace = unified_buffer.array, workspace.array
    before = [guarded.array.tobytes() for guarded in inputs]
    arrays = [_layout(guarded.array, rng) for guarded in inputs]
    finished = execute(machine, arrays, [guarded.array for guarded in outputs])
    if before != [guarded.array.tobytes() for guarded in inputs]:
        raise ViolationError("an input was written")
    for guarded in (*inputs, *outputs, unified_buffer, workspace):
        guarded.check()
    if not finished:
        return "ran into an error of the data", []
    return "ran", [guarded.array.tobytes() for guarded in outputs]


def run_host(program: HostProgram, rng: random.Random) -> tuple[str, list[bytes]]:
    """The outcome of a program with control flow on random inputs, within small limits, and the bytes of the outputs."""
    signature = program.signature
    device = Device(1, 1 << 20, iteration_limit=ITERATION_LIMIT, register_bytes_limit=REGISTER_BYTES_LIMIT)
    try:
        dims = evaluate_dims(signature, [rng.choice(EXTENTS) for _ in signature.symbols])
        shapes = [tuple(dims[dim] for dim in signature.tensors[i.tensor].dims) for i in signature.inputs]
        if any(extent < 0 for shape in shapes for extent in shape):
            return "no inputs of its shapes", []
        machine = HostMachine(program, device)
        machine.entry.plan(tuple(shapes))
    except DvmError:
        return "refused at bind", []
    if _points(signature, dims) > POINT_LIMIT:
        return "too large to run", []
    for graph in machine.graphs:
        graph.plan = _SmallPlans(graph).plan
    inputs = [
        _elements(DTYPES[signature.tensors[i.tensor].type], shape, rng)
        for i, shape in zip(signature.inputs, shapes, strict=True)
    ]
    before = [array.tobytes() for array in inputs]
    try:
        outputs = machine.call([_layout(array, rng) for array in inputs])
    except TooLarge:
        return "too large to run", []
    except DvmError as error:
        limited = isinstance(error, ExecutionError) and "the limit is" in str(error)
        return "ran into a limit" if limited else "ran into an error of the data", []
    if before != [array.tobytes() for array in inputs]:
        raise ViolationError("an input was written")
    return "ran", [output.tobytes() for output in outputs]


class TooLarge(Exception):
    """A launch would take longer than a campaign has time for."""


class _SmallPlans:
    """The plans of a machine, but for those of more points than are run."""

    def __init__(self, machine: Machine) -> None:
        self._program = machine.program
        self._plan = machine.plan

    def plan(self, shapes: tuple[Any, ...], strides: tuple[Any, ...] | None = None) -> LaunchPlan:
        plan = self._plan(shapes, strides)
        if _points(self._program, plan.dims) > LAUNCH_POINT_LIMIT:
            raise TooLarge
        return plan


def execute(machine: Machine, arrays: Sequence[Array], outputs: Sequence[Array]) -> bool:
    """Run on `arrays` into `outputs`; False where the data does not fit. Bind has accepted the shapes already."""
    try:
        machine.call(arrays, out=outputs)
    except ExecutionError:
        return False
    return True


def _points(program: Program, dims: Sequence[int]) -> int:
    """The size of the largest domain or tensor."""
    extents = [[axis.extent for axis in kernel.axes] for kernel in program.kernels]
    extents += [list(tensor.dims) for tensor in program.tensors]
    return max((prod(max(dims[dim], 1) for dim in of_one) for of_one in extents), default=1)


def _unified_buffer_bytes(plan: LaunchPlan) -> int:
    return max((kernel.tiling.unified_buffer_bytes for stage in plan.stages for kernel in stage), default=0)


class Guarded:
    """A copy of an array with memory around it that nobody may write."""

    def __init__(self, array: Array, pattern: int) -> None:
        self._memory = np.full(array.nbytes + 2 * GUARD_BYTES, pattern, np.uint8)
        self._pattern = pattern
        inside = self._memory[GUARD_BYTES : GUARD_BYTES + array.nbytes]
        self.array: Array = inside.view(array.dtype).reshape(array.shape)
        self.array[...] = array

    def check(self) -> None:
        around = np.concatenate((self._memory[:GUARD_BYTES], self._memory[-GUARD_BYTES:]))
        if (around != self._pattern).any():
            raise ViolationError("memory beside a buffer was written")


def _filled(shape: tuple[int, ...], dtype: np.dtype[Any], pattern: int) -> Array:
    raw = np.full(prod(shape) * dtype.itemsize, 1 if dtype.kind == "b" else pattern, np.uint8)
    return raw.view(dtype).reshape(shape)


def _elements(dtype: np.dtype[Any], shape: tuple[int, ...], rng: random.Random) -> Array:
    """Mostly small values, so that indices are often in range; sometimes the bounds of the type."""
    generator = np.random.default_rng(rng.getrandbits(32))
    if dtype.kind == "b":
        return generator.integers(0, 2, shape).astype(dtype)
    if dtype.kind == "i":
        limits = np.iinfo(dtype)
        values = [0, 0, 1, 1, 2, 3, *rng.choice(((), (-1, limits.min, limits.max)))]
        return np.sort(generator.choice(values, shape), None).reshape(shape).astype(dtype)
    return generator.choice([0.0, -0.0, 1.0, -1.5, 3.25, 6e4, np.inf, np.nan], shape).astype(dtype)


def _layout(array: Array, rng: random.Random) -> Array:
    """The array, or one of the same shape in another layout."""
    match rng.randrange(8):
        case 0:
            return np.asfortranarray(array)
        case 1:
            return np.broadcast_to(array[(slice(0, 1),) * array.ndim], array.shape)
        case 2:
            return array[(slice(None, None, -1),) * array.ndim]
        case _:
            return array


# the campaign


class TooLong(BaseException):
    """Raised by the alarm; no handler for ordinary exceptions may swallow it."""


def _alarm(number: int, frame: FrameType | None) -> None:
    raise TooLong(f"more than {SECONDS} seconds")


def campaign(seed: int, start: int, count: int, progress: mmap.mmap) -> Counter[str]:
    """Run mutants `start` to `start + count` of a seed; `progress` always holds the number of the one at hand."""
    warnings.simplefilter("error")
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))
    signal.signal(signal.SIGALRM, _alarm)
    files = corpus()
    decoded = [decode(data) for data in files]
    outcomes: Counter[str] = Counter()
    for number in range(start, start + count):
        progress[:8] = number.to_bytes(8, "little")
        rng = random.Random(f"{seed}:{number}")
        signal.alarm(SECONDS)
        if rng.random() < 0.5:
            outcomes[run_mutant(mutate_bytes(rng.choice(files), files, rng), rng)] += 1
        else:
            outcomes[_run_changed_program(decoded, rng)] += 1
        signal.alarm(0)
    return outcomes


def _run_changed_program(decoded: Sequence[AnyProgram], rng: random.Random) -> str:
    try:
        data = to_bytes(mutate_program(rng.choice(decoded), rng))
    except BytecodeError:
        return "refused at encoding"
    return run_mutant(data, rng)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=100_000, help="mutants to run (default: 100000)")
    parser.add_argument("--seed", type=int, default=1, help="which mutants (default: 1)")
    parser.add_argument("--start", type=int, default=0, help="the number of the first, to repeat one (default: 0)")
    options = parser.parse_args(arguments)
    progress = mmap.mmap(-1, 8)
    # in a process of its own, so that a crash can be reported with the mutant that caused it
    child = os.fork()
    if child == 0:
        os._exit(_child(options.seed, options.start, options.count, progress))
    _, status = os.waitpid(child, 0)
    if status == 0:
        return 0
    how = f"killed by signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else "failed"
    number = int.from_bytes(progress[:8], "little")
    print(f"mutant {number} {how}; repeat: {Path(__file__).name} --seed {options.seed} --start {number} --count 1")
    return 1


def _child(seed: int, start: int, count: int, progress: mmap.mmap) -> int:
    began = time.perf_counter()
    try:
        outcomes = campaign(seed, start, count, progress)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        return 1
    for outcome, times in outcomes.most_common():
        print(f"{times:8} {outcome}")
    print(f"{count:8} in {time.perf_counter() - began:.1f} s")
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
