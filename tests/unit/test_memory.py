"""The memory of results: who gets it, when it comes back, and how much of it stays."""

import subprocess
import sys
from threading import Thread

import ml_dtypes
import numpy as np
import pytest

import dvm
import vm.memory
from vm.memory import BLOCK_LIMIT, LEAST_BYTES, Memory

F32 = np.dtype(np.float32)
COUNT = LEAST_BYTES // 4


def address(array: vm.memory.Array) -> int:
    return array.ctypes.data


def test_a_large_array_leaves_its_memory_to_the_next() -> None:
    memory = Memory()
    first = memory.empty((COUNT,), F32)
    where = address(first)
    assert where % 64 == 0
    del first
    second = memory.empty((COUNT // 16 + 1, 16), F32)  # somewhat larger
    assert address(second) == where
    assert second.flags.c_contiguous
    assert second.flags.writeable
    assert not second.flags.owndata
    third = memory.empty((COUNT,), F32)
    assert not np.may_share_memory(second, third)


def test_a_view_keeps_the_memory() -> None:
    memory = Memory()
    array = memory.empty((COUNT, 2), F32)
    array[...] = 3
    view = array[5:7, ::-1].T
    del array
    other = memory.empty((COUNT, 2), F32)
    other[...] = 4
    assert view.tolist() == [[3, 3], [3, 3]]


@pytest.mark.parametrize("dtype", ["bool", "float16", "bfloat16", "float32", "int32", "int64"])
def test_every_element_type(dtype: str) -> None:
    kind = np.dtype(ml_dtypes.bfloat16) if dtype == "bfloat16" else np.dtype(dtype)
    memory = Memory()
    for shape in ((LEAST_BYTES,), (3, LEAST_BYTES // 2, 1), (0, LEAST_BYTES), (), (2,)):
        array = memory.empty(shape, kind)
        assert (array.shape, array.dtype) == (shape, kind)
        assert array.flags.owndata == (array.nbytes < LEAST_BYTES)


def test_memory_of_another_size_is_not_taken() -> None:
    memory = Memory()
    array = memory.empty((4 * COUNT,), F32)
    where = address(array)
    del array
    small, large = memory.empty((2 * COUNT,), F32), memory.empty((8 * COUNT,), F32)
    assert where not in (address(small), address(large))
    assert address(memory.empty((4 * COUNT,), F32)) == where


def test_no_more_is_kept_than_is_to_be() -> None:
    memory = Memory()
    memory.kept_bytes = 5 * LEAST_BYTES
    arrays = [memory.empty((COUNT,), F32) for _ in range(8)]
    last = [address(array) for array in arrays[-4:]]
    for number in range(8):
        arrays[number] = np.empty(0, F32)
    # those that came back last, and first the very last; each is an eighth larger than it was asked to be
    again = [memory.empty((COUNT,), F32) for _ in range(4)]
    assert [address(array) for array in again] == last[::-1]
    assert memory._free == []


def test_the_number_of_blocks_is_bounded() -> None:
    memory = Memory()
    arrays = [memory.empty((COUNT,), F32) for _ in range(BLOCK_LIMIT + 9)]
    arrays.clear()
    assert len(memory._free) == BLOCK_LIMIT


def test_nothing_is_kept_where_nothing_is_to_be() -> None:
    memory = Memory()
    memory.kept_bytes = 0
    assert memory.empty((COUNT,), F32).flags.owndata


def test_what_comes_back_in_the_middle_of_a_search_is_dropped() -> None:
    memory = Memory()
    array = memory.empty((COUNT,), F32)
    with memory._lock:
        del array
        assert memory.empty((COUNT,), F32).shape == (COUNT,)
    assert memory._free == []


def test_threads_share_it() -> None:
    memory = Memory()
    wrong: list[int] = []

    def work(number: int) -> None:
        for _ in range(300):
            array = memory.empty((COUNT,), F32)
            array[::4096] = number
            if (array[::4096] != number).any():
                wrong.append(number)

    threads = [Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert 1 <= len(memory._free) <= 4


def test_results_of_programs_have_memory_of_their_own() -> None:
    program = dvm.compile(
        "func.func @f(%a : tensor<?x?xf32>) -> tensor<?x?xf32> { "
        "%b = dvm.binary_scalar Mul %a, 2.0 : tensor<?x?xf32>, f32 -> tensor<?x?xf32> return %b : tensor<?x?xf32> }"
    )
    x = np.ones((400, 400), np.float32)
    first = program(x)
    second = program(first)
    third = program(second)
    del second
    fourth = program(third)
    assert [float(y.min()) for y in (first, third, fourth)] == [2, 8, 16]
    assert [float(y.max()) for y in (first, third, fourth)] == [2, 8, 16]


def test_the_environment_is_checked() -> None:
    text = "import numpy as np, dvm\ntry: dvm.asarray(np.ones((400, 400), np.float32)).__add__(1).tolist()\nexcept dvm.DvmError as e: print(e)"
    for value, expected in (
        ("many", "DVM_KEPT_BYTES must be a number of bytes, not 'many'\n"),
        ("0", ""),
        ("999999", ""),
    ):
        done = subprocess.run(
            [sys.executable, "-c", text], capture_output=True, text=True, env={"DVM_KEPT_BYTES": value}, check=False
        )
        assert (done.stdout, done.stderr) == (expected, "")
