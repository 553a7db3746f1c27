"""The file of results: a line of JSON for each thing measured, appended as soon as it is, so that a run may be cut at any time.

A record counts for the same case (its shapes with it), contender, version of that, and machine. The last one of several counts.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.bench.cases import Case
from tools.bench.machine import digest
from vm.errors import DvmError

Record = dict[str, Any]

FINAL = ("ok", "wrong", "timeout")
"""What is not tried again; a contender that failed is."""


@dataclass(frozen=True)
class Key:
    """What a record is about."""

    kind: str
    """stream or steady."""
    case: str
    shapes: str
    contender: str
    version: str
    machine: str

    def fields(self) -> dict[str, str]:
        return dict(self.__dict__)


def key(kind: str, case: Case, contender: str, version: str, machine: str) -> Key:
    """The key of a case's stream or steady state."""
    return Key(kind, case.name, digest([case.stream, case.steady]), contender, version, machine)


class Records:
    """The records in a file, and those that are added to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._found: dict[Key, Record] = {}
        for record in _lines(path):
            self._keep(record)

    def _keep(self, record: Record) -> None:
        try:
            at = Key(**{name: record[name] for name in Key.__dataclass_fields__})
        except KeyError as missing:
            raise DvmError(f"{self.path}: a record has no {missing}: give another --output") from None
        self._found.pop(at, None)  # so that the order is that of the file
        self._found[at] = record

    def get(self, key: Key) -> Record | None:
        """The record of a key that need not be measured again."""
        found = self._found.get(key)
        return found if found is not None and found["status"] in FINAL else None

    def all(self) -> list[Record]:
        """The last record of each key, oldest first."""
        return list(self._found.values())

    def add(self, key: Key, values: Record) -> None:
        """Append a record, on disk when this returns."""
        record = {**key.fields(), **values}
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        self._keep(record)


def _lines(path: Path) -> Iterator[Record]:
    """The records of a file. A last line that a cut run left unfinished is dropped from the file; other rubbish is an error."""
    if not path.exists():
        return
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            record = json.loads(line)
        except ValueError:
            raise DvmError(f"{path}:{number}: this is no line of JSON: mend it or give another --output") from None
        if not isinstance(record, dict):
            raise DvmError(f"{path}:{number}: this is no record: mend it or give another --output")
        yield record
    if len(whole) != len(data):
        with open(path, "r+b") as file:
            file.truncate(len(whole))
