"""A cache of compiled programs on disk, for the processes that come after this one. Off unless DVM_CACHE_DIR names a directory.

An entry is a `.dvmb` file behind the SHA-256 digest of its bytes, under the digest of what it was compiled from and of the
compiler. Entries are written whole or not at all, so that any number of processes may share a directory. One that is damaged
is dropped and compiled again. Whoever may write the directory decides what runs: it should be the user's own.
"""

import logging
import os
import sys
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar, cast

from vm import container
from vm.errors import BytecodeError, DvmError
from vm.files import replacing
from vm.host import AnyProgram

DEFAULT_BYTES = 256 << 20
"""What a cache may take on disk, unless DVM_CACHE_BYTES says otherwise."""

Kind = TypeVar("Kind", bound=AnyProgram)
"""What a program is compiled to is what it is kept as."""

LOG = logging.getLogger("dvm")

_BUILT_ON = ("xdsl", "numpy", "ml_dtypes")
"""The packages that decide on what a graph is compiled to, beside the project's own."""

_SUFFIX = ".dvmc"
_DIGEST_BYTES = 32


class DiskCache:
    """Programs in a directory, which is made when the first one is put there. The least recently used go first.

    Nothing that goes wrong with the disk is an error: the log says so at debug level, and the program is compiled.
    """

    def __init__(self, directory: Path, limit_bytes: int = DEFAULT_BYTES) -> None:
        self.directory = directory
        self.limit_bytes = limit_bytes

    def program(self, content: str, compile: Callable[[], Kind]) -> Kind:
        """The program of what `content` says: as it was kept, or compiled now and kept."""
        path = self.directory / (sha256(f"{compiler_version()}\n{content}".encode()).hexdigest() + _SUFFIX)
        kept = self._read(path)
        if kept is not None:
            return cast(Kind, kept)
        compiled = compile()
        self._write(path, container.to_bytes(compiled))
        return compiled

    def _read(self, path: Path) -> AnyProgram | None:
        try:
            data = path.read_bytes()
            os.utime(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            LOG.debug("cannot read the cached program %s: %s", path, error)
            return None
        digest, program = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
        try:
            if sha256(program).digest() != digest:
                raise BytecodeError("its digest is not that of its bytes")
            return container.decode(program)
        except BytecodeError as error:
            LOG.debug("the cached program %s is damaged, and dropped: %s", path, error)
            path.unlink(missing_ok=True)
            return None

    def _write(self, path: Path, program: bytes) -> None:
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            self._make_room(len(program) + _DIGEST_BYTES)
            with replacing(path) as file:
                file.write(sha256(program).digest() + program)
        except OSError as error:
            LOG.debug("cannot keep the program %s: %s", path, error)

    def _make_room(self, size: int) -> None:
        entries: list[tuple[float, int, str]] = []
        with os.scandir(self.directory) as files:
            for file in files:
                try:
                    if _SUFFIX in file.name:  # also what a process left unfinished
                        status = file.stat()
                        entries.append((status.st_mtime, status.st_size, file.path))
                except FileNotFoundError:
                    continue  # another process has dropped it
        total = sum(entry[1] for entry in entries) + size
        for _, taken, path in sorted(entries):
            if total <= self.limit_bytes:
                return
            Path(path).unlink(missing_ok=True)
            total -= taken


@cache
def compiler_version() -> str:
    """What tells this compiler from any other: its source files, by name, size and time, and what it is built on."""
    root = Path(__file__).parent.parent
    files = sorted(
        path for package in ("dvm", "dvm_dialects", "passes", "vm") for path in (root / package).rglob("*.py")
    )
    states = ((path, path.stat()) for path in files)
    sources = [(str(path), state.st_size, state.st_mtime_ns) for path, state in states]
    return sha256(repr((sources, sys.version, [(name, version(name)) for name in _BUILT_ON])).encode()).hexdigest()


def cached(content: Callable[[], str], compile: Callable[[], Kind]) -> Kind:
    """A program by way of the cache that the environment names, if it does; `content` says what it is compiled from.

    Raises DvmError where DVM_CACHE_BYTES is no number of bytes.
    """
    directory = os.environ.get("DVM_CACHE_DIR")
    if not directory:
        return compile()
    limit = os.environ.get("DVM_CACHE_BYTES", str(DEFAULT_BYTES))
    if not limit.isdecimal():
        raise DvmError(f"DVM_CACHE_BYTES is '{limit}', expected a number of bytes")
    return DiskCache(Path(directory), int(limit)).program(content(), compile)
