"""How far a run is, on standard error: a bar on a terminal, a line for each step elsewhere."""

import sys
from shutil import get_terminal_size
from time import monotonic

BAR = 24


class Progress:
    """Counts steps of a total."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0
        self._start = monotonic()
        self._bar = sys.stderr.isatty()

    def begin(self, what: str) -> None:
        """Say what is under way."""
        if self._bar:
            self._draw(what)

    def end(self, what: str, *, measured: bool = True) -> None:
        """A step is done; `measured` is false for one that was there before, which takes no time."""
        self.done += 1
        if self._bar:
            self._draw(what)
        elif measured:
            print(f"[{self.done}/{self.total}] {what}", file=sys.stderr, flush=True)

    def say(self, message: str) -> None:
        """A message of its own, above the bar."""
        print(f"{self._cleared()}{message}", file=sys.stderr, flush=True)

    def close(self) -> None:
        print(self._cleared(), end="", file=sys.stderr, flush=True)

    def _cleared(self) -> str:
        return "\r\x1b[K" if self._bar else ""

    def _draw(self, what: str) -> None:
        filled = BAR * self.done // max(self.total, 1)
        minutes, seconds = divmod(int(monotonic() - self._start), 60)
        line = f"[{'#' * filled}{'.' * (BAR - filled)}] {self.done}/{self.total} {minutes}:{seconds:02} {what}"
        print(self._cleared() + line[: get_terminal_size().columns - 1], end="", file=sys.stderr, flush=True)
