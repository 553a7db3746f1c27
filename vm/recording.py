"""What a launch did and when: the events of every core, as totals by opcode or as a trace for a timeline viewer."""

import threading
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, NamedTuple


@dataclass
class Row:
    """Totals of one opcode: tile calls, elements they worked on, and seconds."""

    mnemonic: str
    calls: int = 0
    elements: int = 0
    seconds: float = 0.0


class Event(NamedTuple):
    """Something that took time on one core; `start` is a time of `perf_counter`, `arguments` say more about it."""

    name: str
    category: str
    thread: int
    start: float
    seconds: float
    arguments: dict[str, Any]


@dataclass
class Recording:
    """Collects the events of one launch. On `one_core` their times add up; any number of threads may add events."""

    one_core: bool = False
    events: list[Event] = field(default_factory=list[Event])

    def add_instruction(self, mnemonic: str, elements: int, start: float) -> None:
        """A virtual instruction on one tile, from `start` until now."""
        self._add(mnemonic, "instruction", start, {"elements": elements})

    def add_item(self, kernel: str, kind: str, item: int, start: float) -> None:
        """A work item of a kernel (a tile, a chunk of a reduction, or the combining of chunks), until now."""
        self._add(f"{kernel} {kind} {item}", "item", start, {"kernel": kernel})

    def _add(self, name: str, category: str, start: float, arguments: dict[str, Any]) -> None:
        self.events.append(Event(name, category, threading.get_ident(), start, perf_counter() - start, arguments))

    @property
    def rows(self) -> list[Row]:
        """The totals of each opcode, the longest first."""
        rows: dict[str, Row] = {}
        for event in self.events:
            if event.category == "instruction":
                row = rows.setdefault(event.name, Row(event.name))
                row.calls += 1
                row.elements += event.arguments["elements"]
                row.seconds += event.seconds
        return sorted(rows.values(), key=lambda row: -row.seconds)

    def trace(self, title: str) -> dict[str, Any]:
        """The events in the JSON form of Chrome's trace viewer and Perfetto, with one line for each core.

        Times are in microseconds from the first event on.
        """
        cores: dict[int, int] = {}
        for event in sorted(self.events, key=lambda event: event.start):
            cores.setdefault(event.thread, len(cores))
        origin = min((event.start for event in self.events), default=0.0)
        names: list[dict[str, Any]] = [{"name": "process_name", "ph": "M", "pid": 0, "args": {"name": title}}]
        for core in cores.values():
            names.append({"name": "thread_name", "ph": "M", "pid": 0, "tid": core, "args": {"name": f"core {core}"}})
        spans = [
            {
                "name": event.name,
                "cat": event.category,
                "ph": "X",
                "pid": 0,
                "tid": cores[event.thread],
                "ts": (event.start - origin) * 1e6,
                "dur": event.seconds * 1e6,
                "args": event.arguments,
            }
            for event in self.events
        ]
        return {"traceEvents": names + spans, "displayTimeUnit": "ns"}
