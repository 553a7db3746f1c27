"""What is measured on, and which version of everything: what tells whether a result still counts."""

import json
import os
import platform
import subprocess
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tools.bench.contenders import Contender
from vm.device import Device

ROOT = Path(__file__).parent.parent.parent
"""The folder of the packages."""

_OURS = ("dvm", "dvm_dialects", "passes", "vm")


def machine(threads: int) -> dict[str, Any]:
    """The processor, the CPUs that may be used, memory, threads, operating system and Python."""
    return {
        "processor": _field("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory": _field("/proc/meminfo", "MemTotal"),
        "threads": threads,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def _field(path: str, name: str) -> str:
    """What follows the colon of a line of a file of the system, else nothing."""
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), "")


def digest(value: Any) -> str:
    """Twelve digits that tell values apart."""
    return sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]


@cache
def our_version() -> str:
    """The version of this project with a digest of the sources of compiler and virtual machine."""
    found = sha256()
    for package in _OURS:
        for path in sorted((ROOT / package).rglob("*")):
            if path.suffix in (".py", ".c", ".h", ".inc"):
                found.update(path.read_bytes())
    try:
        number = version("dvm-compiler")
    except PackageNotFoundError:
        number = "0"
    return f"{number}+{found.hexdigest()[:8]}"


def versions(contender: Contender, mindspore: str | None) -> str | None:
    """What a contender is, such as `torch 2.13.0`; None where it is not installed.

    `mindspore` is the Python interpreter of an environment with MindSpore; without it this process' own is asked.
    """
    if contender.library == "mindspore" and mindspore is not None:
        found = _version_elsewhere(mindspore)
        return f"mindspore {found}" if found else None
    if any(find_spec(module) is None for module in contender.modules):
        return None
    library = f"{contender.library} {version(contender.library)}"
    return f"dvm {our_version()} ({Device().engine} engine), {library}" if contender.compiles_ours else library


@cache
def _version_elsewhere(interpreter: str) -> str:
    script = "from importlib.metadata import version; print(version('mindspore'))"
    try:
        done = subprocess.run([interpreter, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
