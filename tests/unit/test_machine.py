"""The machine and its device: kept plans, what a call leaves behind, threads, cores, settings, profiles."""

import gc
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tests.unit import programs
from tests.unit.programs import ENGINES, F32, S0, S1, once, reads, stream, word, writes
from vm import device, machine
from vm.device import DEFAULT_UNIFIED_BUFFER_BYTES, Device
from vm.errors import DvmError, ExecutionError, ShapeError
from vm.isa import ReduceKind
from vm.machine import Machine
from vm.program import Axis, Kernel, KernelKind, Program, Storage
from vm.recording import Event, Recording
from vm.team import Team

Array = npt.NDArray[Any]


def row_sum() -> Program:
    """y[s0] = sum of x[s0, s1] over s1, of f32: its order of adding decides the last bits"""
    words = (
        once(),
        word("rinit", F32, aux=ReduceKind.SUM, d=0),
        stream(),
        word("load", F32, d=1, a=0),
        word("rsum", F32, d=0, a=1),
        once(),
        word("store", F32, a=0, b=1),
    )
    axes = Axis(False, S0), Axis(True, S1)
    kernel = Kernel("k0", KernelKind.VECTOR, axes, (reads(0, 0, 1), writes(1, 0)), (), 2, words)
    tensors = programs.tensor("x", Storage.INPUT, S0, S1), programs.tensor("y", Storage.OUTPUT, S0)
    return programs.program("row_sum", 2, tensors, kernel)


def scaled() -> Program:
    """y[s0] = x[s0] + x[s0], written in place"""
    words = (once(), word("load", F32, d=0, a=0), word("add", F32, d=0, a=0, b=0), word("store", F32, a=0, b=1))
    kernel = Kernel("k0", KernelKind.VECTOR, (Axis(False, S0),), (reads(0, 0), writes(1, 0)), (), 1, words)
    tensors = programs.tensor("x", Storage.INPUT, S0), programs.tensor("y", Storage.OUTPUT, S0)
    return programs.program("scaled", 1, tensors, kernel)


def normal(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.fixture
def on_all_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small kernels are worth a second core too."""
    programs.make_worth_all_cores(monkeypatch)


# --- plans ---


def test_a_plan_is_made_once_for_a_shape() -> None:
    made = Machine(programs.add(), Device(1))
    plan = made.plan(((3, 4), (4,)))
    assert made.plan(((3, 4), (4,))) is plan
    assert made.plan(((3, 5), (5,))) is not plan
    made.call([np.ones((3, 4), np.float32), np.ones(4, np.float32)])
    assert len(made._plans) == 2


def test_strided_inputs_have_plans_of_their_own() -> None:
    made = Machine(programs.add(), Device(1))
    x, b = normal(6, 8), normal(4)
    for array in (x[:, :4], x[:, 4:], x[:, ::2], x[:, :4].copy()):
        assert np.array_equal(made.call([array, b])[0], array + b)
    assert [key[1] for key in made._plans] == [((32, 4), None), ((32, 8), None), None]


def test_the_oldest_plan_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "PLAN_LIMIT", 3)
    made = Machine(scaled(), Device(1))
    plans = [made.plan(((extent,),)) for extent in range(3)]
    assert [made.plan(((extent,),)) for extent in range(3)] == plans
    made.plan(((3,),))
    assert [key[0] for key in made._plans] == [((1,),), ((2,),), ((3,),)]
    assert made.plan(((2,),)) is plans[2]
    assert made.plan(((0,),)) is not plans[0]
    assert len(made._plans) == 3


def test_results_stay_right_when_plans_come_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames are kept by the identity of a plan; another plan may come to lie where a forgotten one lay."""
    monkeypatch.setattr(machine, "PLAN_LIMIT", 1)
    made = Machine(row_sum(), Device(1, 1 << 10))
    for rows in (3, 4, 3, 5, 4, 3) * 5:
        x = np.arange(rows * 700, dtype=np.float32).reshape(rows, 700) % 16
        assert made.call([x])[0].tolist() == [sum(row) for row in x.tolist()]


def test_shapes_that_do_not_fit_leave_no_plan() -> None:
    made = Machine(programs.add(), Device(1))
    with pytest.raises(ShapeError):
        made.plan(((3, 4), (5,)))
    assert made._plans == {}


# --- what a call leaves behind ---

KEPT: tuple[tuple[Callable[[], Program], Callable[[], list[Array]]], ...] = (
    (scaled, lambda: [normal(10)]),
    (programs.add, lambda: [normal(5, 10), normal(10)]),
    (programs.add, lambda: [normal(5, 20)[:, ::2], normal(10)]),
    (programs.softmax, lambda: [normal(5, 10)]),
    (row_sum, lambda: [normal(1, 50_000)]),
    (programs.row_sum, lambda: [normal(5, 10).astype(np.float16)]),
    (programs.matmul, lambda: [normal(5, 10), normal(10, 3)]),
    (programs.gather, lambda: [normal(5, 10), np.array([1, 2, -1], np.int32)]),
    (programs.concat, lambda: [normal(5, 10), normal(2, 10)]),
    (programs.grouped_matmul, lambda: [normal(4, 3), normal(2, 3, 2).astype(np.float16), np.array([1, 4])]),
    (programs.grouped_matmul_k, lambda: [normal(2, 4), normal(4, 3), np.array([1, 4], np.int32)]),
    (programs.two_stages, lambda: [normal(5, 10)]),
)


@pytest.mark.parametrize("number", range(len(KEPT)))
@pytest.mark.parametrize("unified_buffer_bytes", [1 << 10, 1 << 20])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_device_keeps_no_program(number: int, unified_buffer_bytes: int, engine: str) -> None:
    """Frames and tapes stay with the device, but what they were made for goes with its last user."""
    make, arrays = KEPT[number]
    device = Device(1, unified_buffer_bytes, engine=engine)
    made = Machine(make(), device)
    made.call(arrays())
    assert device.arena.kept or engine == "native"
    gone = weakref.ref(made._prepared)
    plans = [weakref.ref(kernel) for plan in made._plans.values() for stage in plan.stages for kernel in stage]
    del made
    gc.collect()
    assert gone() is None
    assert plans
    assert all(plan() is None for plan in plans)


@pytest.mark.parametrize("number", range(len(KEPT)))
@pytest.mark.parametrize("cores", [1, 3])
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.usefixtures("on_all_cores")
def test_a_call_keeps_no_array_of_the_caller(number: int, cores: int, engine: str) -> None:
    make, arrays = KEPT[number]
    made = Machine(make(), Device(cores, 1 << 10, engine=engine))
    inputs = arrays()
    outputs = made.call(inputs)
    assert outputs
    alive = [weakref.ref(array) for array in (*inputs, *outputs)]
    alive += [weakref.ref(array.base) for array in inputs if isinstance(array.base, np.ndarray)]
    del inputs, outputs
    gc.collect()
    assert [reference() for reference in alive] == [None] * len(alive)


@pytest.mark.parametrize("number", range(len(KEPT)))
@pytest.mark.parametrize("engine", ENGINES)
def test_arrays_that_come_again_are_looked_at_again(number: int, engine: str) -> None:
    """What a tape took of an array holds while the array lies where it lay: others, moved and changed ones are seen for what they are."""
    make, arrays = KEPT[number]
    made, fresh = (Machine(make(), Device(1, engine=engine)) for _ in range(2))
    first, other = arrays(), [array * 2 if array.dtype.kind == "f" else array.copy() for array in arrays()]
    views, other_views = [array[...] for array in first], [array[...] for array in other]

    def check(given: list[Array]) -> None:
        expected = fresh.call([array.copy(order="K") for array in given])
        for result, value in zip(made.call(given), expected, strict=True):
            np.testing.assert_array_equal(result, value)

    for given in (views, views, other_views, views, first, first, other, [views[0], *other_views[1:]]):
        check(given)
    for array in first:
        if array.dtype.kind == "f":
            array *= 3
    check(views)
    check(first)


def test_an_array_that_moves_is_found_where_it_is() -> None:
    """It is the same object, of the same shape, and what it had has gone to another."""
    made = Machine(scaled(), Device(1))
    x = normal(1000)
    (before,) = made.call([x])
    x.resize(1 << 20, refcheck=False)
    others = [np.full(1000, np.nan, np.float32) for _ in range(50)]
    x.resize(1000, refcheck=False)
    (after,) = made.call([x])
    assert len(others) == 50
    np.testing.assert_array_equal(before, after)


def test_a_call_that_fails_keeps_no_array_of_the_caller() -> None:
    made = Machine(programs.gather(), Device(1, 1 << 10))
    table, index = normal(5, 10), np.array([9], np.int32)
    with pytest.raises(ExecutionError):
        made.call([table, index])
    alive = weakref.ref(table), weakref.ref(index)
    del table, index
    gc.collect()
    assert [reference() for reference in alive] == [None, None]


def test_results_are_the_callers_own() -> None:
    made = Machine(scaled(), Device(1))
    x = np.arange(5, dtype=np.float32)
    (first,), (second,) = made.call([x]), made.call([x + 1])
    assert first.tolist() == [0, 2, 4, 6, 8]
    assert second.tolist() == [2, 4, 6, 8, 10]
    assert first.flags.writeable
    first[:] = 0
    assert made.call([x])[0].tolist() == [0, 2, 4, 6, 8]
    assert x.tolist() == [0, 1, 2, 3, 4]


# --- threads and cores ---


@pytest.mark.usefixtures("on_all_cores")
def test_threads_share_a_machine() -> None:
    made = Machine(programs.two_stages(), Device(2, 1 << 10))
    inputs = [np.arange(rows * 60, dtype=np.float32).reshape(rows, 60) / 64 for rows in range(1, 9)]
    together = threading.Barrier(8)

    def run(x: Array) -> list[list[Array]]:
        together.wait()
        return [made.call([x]) for _ in range(20)]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(run, inputs))
    for x, results in zip(inputs, found, strict=True):
        expected = np.exp(x.astype(np.float64)).ravel() / 2
        assert np.allclose(results[0][1], expected, rtol=1e-6)
        assert results[0][0].tolist() == [7] * len(x)
        assert len({tuple(result.tobytes() for result in pair) for pair in results}) == 1


@pytest.mark.parametrize(
    ("make", "shapes"),
    [
        (row_sum, [(1, 100_003)]),
        (row_sum, [(3, 30_011)]),
        (row_sum, [(500, 301)]),
        (programs.softmax, [(37, 1009)]),
        (programs.matmul, [(70, 130), (130, 50)]),
    ],
)
@pytest.mark.usefixtures("on_all_cores")
def test_the_same_bits_on_any_number_of_cores(make: Callable[[], Program], shapes: list[tuple[int, ...]]) -> None:
    arrays = [normal(*shape, seed=number) for number, shape in enumerate(shapes)]
    machines = [Machine(make(), Device(cores, 1 << 12)) for cores in (1, 2, 3)]
    found = {made.call(arrays)[0].tobytes() for made in machines for _ in range(5)}
    assert len(found) == 1
    result = np.frombuffer(found.pop(), np.float32).astype(np.float64)
    wide = [array.astype(np.float64) for array in arrays]
    if make is row_sum:
        exact = wide[0].sum(1)
    elif make is programs.softmax:
        exact = np.exp(wide[0]) / np.exp(wide[0]).sum(1, keepdims=True)
    else:
        exact = np.maximum(wide[0] @ wide[1], 0)
    assert np.allclose(result, exact.ravel(), rtol=1e-5, atol=1e-3 if make is row_sum else 1e-5)


@pytest.mark.usefixtures("on_all_cores")
def test_an_error_on_any_core_reaches_the_caller() -> None:
    made = Machine(programs.gather(), Device(3, 1 << 8))
    index = np.zeros(1000, np.int32)
    index[-1] = 9
    for _ in range(5):
        with pytest.raises(ExecutionError, match="index 9 is out of range for a dim of 5"):
            made.call([normal(5, 10), index])
    index[-1] = 4
    table = normal(5, 10)
    assert np.array_equal(made.call([table, index])[0], table[index.tolist()])


def test_cores_and_unified_buffers_are_settings_of_a_device() -> None:
    device = Device(3, 12345)
    assert (device.cores, device.unified_buffer_bytes) == (3, 12345)


def given(attribute: str, value: int) -> tuple[int | None, int | None]:
    """The arguments of a device of which one is given."""
    return (value, None) if attribute == "cores" else (None, value)


@pytest.mark.parametrize(
    ("variable", "attribute"), [("DVM_CORES", "cores"), ("DVM_UNIFIED_BUFFER_BYTES", "unified_buffer_bytes")]
)
class TestEnvironment:
    def test_sets_what_is_not_given(self, variable: str, attribute: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(variable, "37")
        assert getattr(Device(), attribute) == 37
        assert getattr(Device(*given(attribute, 5)), attribute) == 5

    @pytest.mark.parametrize("text", ["", "two", "1.5", "0x10", "1e3"])
    def test_no_integer(self, variable: str, attribute: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(variable, text)
        with pytest.raises(DvmError, match=f"^{variable} must be a positive integer, not '{text}'$"):
            Device()
        assert getattr(Device(*given(attribute, 5)), attribute) == 5

    @pytest.mark.parametrize("value", [0, -1])
    def test_not_positive(self, variable: str, attribute: str, value: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(variable, str(value))
        with pytest.raises(DvmError, match=f"^{variable} must be a positive integer, not {value}$"):
            Device()
        with pytest.raises(DvmError, match=f"^{attribute} must be a positive integer, not {value}$"):
            Device(*given(attribute, value))


def test_defaults_without_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DVM_CORES", raising=False)
    monkeypatch.delenv("DVM_UNIFIED_BUFFER_BYTES", raising=False)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 2, 5})
    device = Device()
    assert (device.cores, device.unified_buffer_bytes) == (3, DEFAULT_UNIFIED_BUFFER_BYTES)


def test_a_workspace_larger_than_what_is_left_for_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has room to grow, but takes no more for that than the machine may have beside it."""
    monkeypatch.setattr(device, "MOST_ROOM", 1 << 12)
    arena = Device(1).arena
    assert arena.require_workspace(1000).size == 2000
    assert arena.require_workspace(2000).size == 2000
    assert arena.require_workspace(10_000).size == 10_000 + 4096
    arena.require(5000)
    assert arena.unified_buffer.size == 5000 + 4096


def test_arenas_are_of_a_thread() -> None:
    device = Device(2)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: device.arena).result() is not device.arena
    assert device.arena is device.arena


# --- profiles ---


def test_a_profile_counts_calls_and_elements() -> None:
    """1000 f16 elements in rows of 100: one tile, whose load converts, and whose sum stands for the row's."""
    made = Machine(programs.row_sum(), Device(2, 1 << 16))
    x = (np.arange(1000) % 8).astype(np.float16).reshape(10, 100)
    recording = Recording(one_core=True)
    (result,) = made.call([x], recording=recording)
    assert result.tolist() == [sum(row) for row in x.tolist()]
    rows = {row.mnemonic: (row.calls, row.elements) for row in recording.rows}
    assert rows == {"load": (1, 1000), "rsum": (1, 1000), "store": (1, 10)}
    made.call([x], recording=recording)
    assert {row.mnemonic: row.calls for row in recording.rows} == {"load": 2, "rsum": 2, "store": 2}


def test_a_profile_of_many_tiles_and_chunks() -> None:
    made = Machine(row_sum(), Device(2, 1 << 12))
    x = np.ones((1, 50_000), np.float32)
    recording = Recording(one_core=True)
    assert made.call([x], recording=recording)[0].tolist() == [50_000]
    ((kernel,),) = made.plan((x.shape,)).stages
    assert kernel.reduction_tiles > 1
    (rows,) = (row for row in recording.rows if row.mnemonic == "rsum")
    assert (rows.calls, rows.elements) == (kernel.reduction_tiles, 50_000)


def test_rows_come_longest_first() -> None:
    recorded = (("add", 3, 1.0), ("exp", 5, 4.0), ("add", 4, 2.0), ("mul", 1, 3.5))
    recording = Recording(
        events=[
            Event(mnemonic, "instruction", 0, 0.0, seconds, {"elements": elements})
            for mnemonic, elements, seconds in recorded
        ]
    )
    assert [(row.mnemonic, row.calls, row.elements, row.seconds) for row in recording.rows] == [
        ("exp", 1, 5, 4.0),
        ("mul", 1, 1, 3.5),
        ("add", 2, 7, 3.0),
    ]


def test_nothing_to_do_makes_no_rows() -> None:
    recording = Recording(one_core=True)
    Machine(scaled(), Device(1)).call([np.empty(0, np.float32)], recording=recording)
    assert recording.rows == []


@pytest.mark.usefixtures("on_all_cores")
def test_a_trace_shows_the_work_of_every_core() -> None:
    """Both cores wait for each other in the first tile, so that each has some; instructions lie inside of items."""
    device = Device(2, 1 << 12)
    made = Machine(row_sum(), device)
    recording = Recording()
    together = threading.Barrier(2)

    class Waiting(Team):
        def run(self, work: Callable[[], None], wanted: int) -> None:
            def start() -> None:
                together.wait()
                work()

            super().run(start, wanted)

    device.team = lambda: Waiting(device.cores, device.submit)  # type: ignore[method-assign]
    x = np.ones((64, 3000), np.float32)
    assert made.call([x], recording=recording)[0].tolist() == [3000] * 64
    trace = recording.trace("row_sum")
    events = trace["traceEvents"]
    assert {event["ph"] for event in events} == {"M", "X"}
    assert [event["args"]["name"] for event in events if event["ph"] == "M"][:2] == ["row_sum", "core 0"]
    spans = [event for event in events if event["ph"] == "X"]
    assert min(event["ts"] for event in spans) == 0
    items = [event for event in spans if event["cat"] == "item"]
    sums = [event for event in spans if event["name"] == "rsum"]
    assert sum(event["args"]["elements"] for event in sums) == 64 * 3000
    for event in sums:
        (around,) = (
            item
            for item in items
            if item["tid"] == event["tid"]
            and item["ts"] <= event["ts"]
            and event["ts"] + event["dur"] <= item["ts"] + item["dur"]
        )
        assert around["args"] == {"kernel": "k0"}
    ((plan,),) = made.plan((x.shape,)).stages
    assert sorted(item["name"] for item in items) == sorted(
        f"k0 tile {number}" for number in range(plan.parallel_tiles)
    )
