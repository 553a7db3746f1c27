"""Mutated files never do anything but be refused, run, or raise a DvmError: a short campaign of tests/fuzz/mutate.py."""

import subprocess
import sys
from pathlib import Path

MUTATE = Path(__file__).parents[1] / "fuzz" / "mutate.py"


def test_a_short_campaign() -> None:
    command = [sys.executable, str(MUTATE), "--count", "3000", "--seed", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    outcomes = {line.split(maxsplit=1)[1] for line in done.stdout.splitlines()}
    assert {"refused at parse", "refused at verify", "refused at bind", "ran"} <= outcomes
