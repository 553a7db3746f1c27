"""Where the time of a launch goes, by opcode."""

from dataclasses import dataclass, field


@dataclass
class Row:
    """Totals of one opcode: tile calls, elements they worked on, and seconds."""

    mnemonic: str
    calls: int = 0
    elements: int = 0
    seconds: float = 0.0


@dataclass
class Profile:
    """Collects what one launch spends; a profiled launch runs on one core so that times add up."""

    by_mnemonic: dict[str, Row] = field(default_factory=dict[str, Row])

    def add(self, mnemonic: str, elements: int, seconds: float) -> None:
        row = self.by_mnemonic.setdefault(mnemonic, Row(mnemonic))
        row.calls += 1
        row.elements += elements
        row.seconds += seconds

    @property
    def rows(self) -> list[Row]:
        """By time, the longest first."""
        return sorted(self.by_mnemonic.values(), key=lambda row: -row.seconds)
