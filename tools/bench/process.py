"""A contender's process as its parent sees it."""

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

import tools
from tools.bench.contenders import Contender, environment

START_SECONDS = 300
"""What importing a library may take."""


class Process:
    """A process that computes one case for one contender, with caches of its own that vanish with it.

    Every answer is a dictionary with a `status`; one that is not `ok` or `ready` is the last.
    """

    def __init__(self, contender: Contender, case: str, threads: int, mindspore: str | None, *, quick: bool) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="dvm-bench-", ignore_cleanup_errors=True)
        scratch = self._scratch.name
        elsewhere = contender.library == "mindspore" and mindspore is not None
        variables = environment(threads, scratch)
        if elsewhere:
            # Only this package, and nothing that is installed beside it.
            packages = Path(scratch, "packages")
            packages.mkdir()
            (packages / "tools").symlink_to(Path(tools.__path__[0]).resolve())
            variables["PYTHONPATH"] = str(packages)
        else:
            root = str(Path(tools.__path__[0]).resolve().parent)
            variables["PYTHONPATH"] = os.pathsep.join([root, *filter(None, [variables.get("PYTHONPATH")])])
        reading, self._requests = os.pipe()
        self._answers, writing = os.pipe()
        command = [mindspore if elsewhere and mindspore else sys.executable, "-m", "tools.bench.worker"]
        command += [case, contender.name, str(threads), str(reading), str(writing)]
        self._log = Path(scratch, "log")
        try:
            with open(self._log, "wb") as log:
                self._process = subprocess.Popen(
                    command + ["--quick"] * quick,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=scratch,
                    env=variables,
                    pass_fds=(reading, writing),
                    start_new_session=True,
                )
        except OSError:
            os.close(self._requests)
            os.close(self._answers)
            self._scratch.cleanup()
            raise
        finally:
            os.close(reading)
            os.close(writing)
        self._pending = b""
        try:
            self.started = self._read(START_SECONDS)
        except BaseException:
            self.close()
            raise

    def ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        """The answer to a request, or that it took too long or that the process ended."""
        try:
            os.write(self._requests, json.dumps(request).encode() + b"\n")
        except BrokenPipeError:
            return self._ended()
        while True:
            answer = self._read(seconds)
            if "shape" not in answer:
                return answer

    def _read(self, seconds: float) -> dict[str, Any]:
        until = monotonic() + seconds
        while b"\n" not in self._pending:
            left = until - monotonic()
            if left <= 0 or not select.select([self._answers], [], [], left)[0]:
                return {"status": "timeout", "message": f"no answer in {seconds:.0f} s"}
            found = os.read(self._answers, 1 << 16)
            if not found:
                return self._ended()
            self._pending += found
        line, self._pending = self._pending.split(b"\n", 1)
        return json.loads(line)

    def _ended(self) -> dict[str, Any]:
        """Why there are no more answers."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        lines = self._log.read_text(errors="replace").strip().splitlines() or ["it printed nothing"]
        return {"status": "failed", "message": f"the process ended ({self._process.returncode}): {lines[-1][:200]}"}

    def close(self) -> None:
        """End it, with whatever it started."""
        os.close(self._requests)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._answers)
        self._scratch.cleanup()
