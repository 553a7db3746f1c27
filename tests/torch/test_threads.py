"""Whose threads launches run on: PyTorch's where it is used, so that no two sets of threads share the CPUs."""

import subprocess
import sys

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed: pip install '.[torch]'")

from dvm.frontends.torch.openmp import OPENMP
from tests.unit.programs import ENGINES

SCRIPT = """
import os
os.environ["DVM_CORES"] = "3"
from pathlib import Path
import numpy as np
{first}
import dvm

x = np.random.default_rng(0).standard_normal((3000, 1000), np.float32)
double = dvm.jit(lambda x: x + x)
for _ in range(3):
    assert np.array_equal(double(x), 2 * x)
names = [(task / "comm").read_text().strip() for task in Path("/proc/self/task").iterdir()]
print(names.count("dvm-core"))
pid = os.fork()
if pid == 0:
    os._exit(0 if np.array_equal(double(x), 2 * x) else 1)
assert os.waitpid(pid, 0)[1] == 0
"""


@pytest.mark.skipif("native" not in ENGINES, reason="DVM was installed without the native engine")
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="threads have names in /proc on Linux only")
@pytest.mark.skipif(OPENMP is None, reason="PyTorch has no libgomp here")
@pytest.mark.parametrize(("first", "own"), [("", 2), ("import dvm.torch", 0)], ids=["alone", "with PyTorch"])
def test_launches_for_several_cores(first: str, own: int) -> None:
    """Their results are right, in a process that was forked as well, which has none of the threads of its parent."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", SCRIPT.format(first=first)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.split() == [str(own)]
